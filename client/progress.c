/* SPDX-License-Identifier: BSD-3-Clause */
#include "progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define SECOND     UINT64_C(1000000)
#define PICTURE_US (SECOND / 4)
#define BAR_MAX    60

static volatile sig_atomic_t interrupted;

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec / 1000;
}

/* The picture */

static bool is_drawable(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

static int screen_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return 80;
	return size.ws_col;
}

static void print_bar(int width, uint64_t done, uint64_t total)
{
	int full;

	if (width > BAR_MAX)
		width = BAR_MAX;
	full = width > 0 ? (int)(done * (uint64_t)width / total) : 0;
	fputc('[', stderr);
	for (int i = 0; i < width; i++)
		fputc(i < full ? '#' : '.', stderr);
	fputs("] ", stderr);
}

/* Over the last seconds: what was before may have been of another kind. */
static uint64_t recent_rate(const struct progress *p, uint64_t now)
{
	unsigned int n = p->n_samples < ARRAY_SIZE(p->samples) ? 0 : p->n_samples;
	const struct progress_sample *oldest = &p->samples[n % ARRAY_SIZE(p->samples)];

	return (p->done - oldest->done) * SECOND / (now - oldest->time + 1);
}

static void add_sample(struct progress *p, uint64_t now)
{
	p->samples[p->n_samples++ % ARRAY_SIZE(p->samples)] =
		(struct progress_sample){ now, p->done };
}

/* "dump [###.......]  33%  12.3 KiB/s  0:04 left", within the screen. */
static void draw(const struct progress *p, uint64_t now)
{
	uint64_t done = p->total && p->done > p->total ? p->total : p->done;
	uint64_t seconds = (now - p->start) / SECOND, rate = recent_rate(p, now);
	bool foreseeable = p->total && rate;
	char rate_text[SIZE_TEXT], text[64];
	int n = 0;

	if (foreseeable)
		seconds = (p->total - done + rate - 1) / rate;
	if (p->total)
		n = snprintf(text, sizeof(text), "%3u%%  %s/s  ",
			     (unsigned int)(done * 100 / p->total), format_size(rate, rate_text));
	n += snprintf(text + n, sizeof(text) - (size_t)n, "%" PRIu64 ":%02" PRIu64 "%s",
		      seconds / 60, seconds % 60, foreseeable ? " left" : "");

	fprintf(stderr, "\r\033[K%s ", p->what);
	if (p->total)
		print_bar(screen_width() - (int)strlen(p->what) - n - 6, done, p->total);
	fputs(text, stderr);
	fflush(stderr);
}

/* Nothing is seen of what takes less than a second. */
static void show(struct progress *p)
{
	uint64_t now = now_us();

	if (!p->visible || now < p->next)
		return;
	if (now >= p->start + SECOND) {
		draw(p, now);
		p->drawn = true;
	}
	add_sample(p, now);
	p->next = now + PICTURE_US;
}

int on_progress(uint64_t done, uint64_t total, void *userdata)
{
	struct progress *p = userdata;

	p->done = done;
	p->total = total;
	show(p);
	return interrupted;
}

/* The beginning and the end */

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* Another signal after the first kills. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

void progress_begin(struct progress *p)
{
	interrupted = 0;
	p->visible = is_drawable();
	p->start = now_us();
	p->next = p->start + PICTURE_US;
	catch_signals();
}

void progress_end(struct progress *p)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (p->drawn)
		fputs("\r\033[K", stderr);
}

/* Waiting */

static void wait_for_call(struct smmctl *ctl, struct progress *p, smm_call *call)
{
	bool cancelled = false;

	while (smm_call_result(call) == -EINPROGRESS) {
		(void)smm_client_wait(ctl->client, PICTURE_US);
		if (interrupted && !cancelled) {
			cancelled = true;
			smm_call_cancel(call);
		}
		(void)smm_client_process(ctl->client);
		show(p);
	}
}

int await(struct smmctl *ctl, struct progress *progress, int r, smm_call *call)
{
	if (r < 0)
		return r;
	progress_begin(progress);
	wait_for_call(ctl, progress, call);
	progress_end(progress);
	r = smm_call_result(call);
	return r < 0 ? call_failure(ctl, call, r) : 0;
}
