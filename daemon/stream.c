/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "util.h"

/* A pipe that can be written takes so much without blocking (pipe(7)). */
#define CHUNK ((size_t)PIPE_BUF)

struct stream {
	struct ev_loop *loop;
	ev_async ended;
	int fd, stop;
	bool writes;
	char *buffer;
	size_t size;
	_Atomic size_t done;
	void (*finished)(void *userdata, int result);
	void *userdata;

	pthread_mutex_t lock; /* for what follows */
	int result;
	bool abandoned; /* the loop's thread wants no more of it */
	bool over;      /* the stream's thread is */
};

static void destroy(struct stream *s)
{
	closep(&s->fd);
	closep(&s->stop);
	pthread_mutex_destroy(&s->lock);
	free(s->buffer);
	free(s);
}
DEFINE_CLEANUP(struct stream *, destroy);

/* Return: 1 when the descriptor is ready, -ECANCELED, or another negative errno. */
static int wait_for(struct stream *s)
{
	struct pollfd fds[] = {
		{ .fd = s->fd, .events = s->writes ? POLLOUT : POLLIN },
		{ .fd = s->stop, .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return fds[1].revents ? -ECANCELED : 1;
}

/* Return: 1 if there is more to do, 0, or a negative errno. */
static int transfer(struct stream *s)
{
	size_t left = s->size - s->done, n = left < CHUNK ? left : CHUNK;
	ssize_t moved;
	int r = n ? wait_for(s) : 0;

	if (r <= 0)
		return r;
	moved = s->writes ? write(s->fd, s->buffer + s->done, n)
			  : read(s->fd, s->buffer + s->done, n);
	if (moved < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	s->done += (size_t)moved;
	return moved > 0;
}

static void *run(void *userdata)
{
	struct stream *s = userdata;
	bool abandoned;
	int r;

	do
		r = transfer(s);
	while (r > 0);
	pthread_mutex_lock(&s->lock);
	s->result = r;
	s->over = true;
	abandoned = s->abandoned;
	if (!abandoned)
		ev_async_send(s->loop, &s->ended);
	pthread_mutex_unlock(&s->lock);
	if (abandoned)
		destroy(s);
	return NULL;
}

static void on_ended(struct ev_loop *loop, ev_async *ended, int revents)
{
	struct stream *s = ended->data;

	(void)loop;
	(void)revents;
	pthread_mutex_lock(&s->lock); /* the thread has let go of it, too */
	pthread_mutex_unlock(&s->lock);
	s->finished(s->userdata, s->result);
}

/* A thread that nobody joins, and that signals do not disturb. */
static int start_thread(struct stream *s)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, &attributes, run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}

int stream_start(struct ev_loop *loop, int fd, bool writes, void *buffer, size_t size,
		 void (*finished)(void *userdata, int result), void *userdata,
		 struct stream **stream)
{
	_cleanup_(destroyp) struct stream *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	s->loop = loop;
	s->writes = writes;
	s->size = size;
	s->finished = finished;
	s->userdata = userdata;
	s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	s->stop = eventfd(0, EFD_CLOEXEC);
	if (s->fd < 0 || s->stop < 0)
		return -errno;

	s->buffer = buffer;
	ev_async_init(&s->ended, on_ended);
	s->ended.data = s;
	ev_async_start(loop, &s->ended);
	r = start_thread(s);
	if (r < 0) {
		ev_async_stop(loop, &s->ended);
		s->buffer = NULL;
		return r;
	}
	*stream = TAKE(s);
	return 0;
}

size_t stream_done(struct stream *s)
{
	return s->done;
}

void *stream_take(struct stream *s)
{
	return TAKE(s->buffer);
}

void stream_free(struct stream *s)
{
	bool over;

	if (!s)
		return;
	ev_async_stop(s->loop, &s->ended);
	pthread_mutex_lock(&s->lock);
	s->abandoned = true;
	over = s->over;
	if (!over)
		eventfd_write(s->stop, 1);
	pthread_mutex_unlock(&s->lock);
	if (over)
		destroy(s);
}
