/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smmd: gives users of D-Bus named blocks on memory chips that keep their contents without power.
 *
 * The main thread runs an event loop (libev) with the bus on it and never waits for a chip: each
 * memory has a thread of its own for that. A call goes bus → memory.c or block.c → calls.c → worker
 * → volume, and its answer the same way back.
 */
#include <errno.h>
#include <ev.h>
#include <getopt.h>
#include <signal.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>

#include "bus.h"
#include "chip-table.h"
#include "config.h"
#include "log.h"
#include "manager.h"
#include "reload.h"
#include "util.h"
#include "watchdog.h"

struct options {
	const char *config;
	enum bus_scope scope;
	const char *address;
	bool check_config;
	bool done; /* it was a question, which is answered */
};

DEFINE_CLEANUP(struct ev_loop *, ev_loop_destroy);
DEFINE_CLEANUP(struct bus *, bus_free);
DEFINE_CLEANUP(struct manager *, manager_free);
DEFINE_CLEANUP(struct watchdog *, watchdog_free);

static void help(void)
{
	puts("smmd [OPTION...]\n"
	     "\n"
	     "Serve memory chips to users of D-Bus.\n"
	     "\n"
	     "     --config=PATH      Configuration (" CONFIG_PATH ")\n"
	     "     --system           Use the system bus (this is the default)\n"
	     "     --user             Use the user's bus\n"
	     "     --address=ADDRESS  Use the bus at this address\n"
	     "     --check-config     Check the configuration and exit\n"
	     "     --list-models      Show the chips that are known by name and exit\n"
	     "     --log-level=LEVEL  Log messages up to err, warning, notice, info (default)\n"
	     "                        or debug\n"
	     "     --version          Show the version\n"
	     "     --help             Show this help");
}

static int parse_log_level(const char *name)
{
	int level = log_level_from_string(name);

	if (level < 0) {
		log_error(
			"--log-level=%s: there is no such level; use err, warning, notice, info or "
			"debug",
			name);
		return level;
	}
	log_set_max_level(level);
	return 0;
}

static int list_models(void)
{
	int r = chip_table_print();

	return r < 0 ? log_error_errno(r, "Cannot write the list of models: %m") : 0;
}

static int parse_options(int argc, char **argv, struct options *options)
{
	enum {
		CONFIG = 256,
		SYSTEM,
		USER,
		ADDRESS,
		CHECK_CONFIG,
		LIST_MODELS,
		LOG_LEVEL,
		VERSION,
		HELP,
	};
	static const struct option known[] = {
		{ "config", required_argument, NULL, CONFIG },
		{ "system", no_argument, NULL, SYSTEM },
		{ "user", no_argument, NULL, USER },
		{ "address", required_argument, NULL, ADDRESS },
		{ "check-config", no_argument, NULL, CHECK_CONFIG },
		{ "list-models", no_argument, NULL, LIST_MODELS },
		{ "log-level", required_argument, NULL, LOG_LEVEL },
		{ "version", no_argument, NULL, VERSION },
		{ "help", no_argument, NULL, HELP },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case CONFIG:
			options->config = optarg;
			break;
		case SYSTEM:
			options->scope = BUS_SCOPE_SYSTEM;
			break;
		case USER:
			options->scope = BUS_SCOPE_USER;
			break;
		case ADDRESS:
			options->scope = BUS_SCOPE_ADDRESS;
			options->address = optarg;
			break;
		case CHECK_CONFIG:
			options->check_config = true;
			break;
		case LIST_MODELS:
			options->done = true;
			return list_models();
		case LOG_LEVEL:
			if (parse_log_level(optarg) < 0)
				return -EINVAL;
			break;
		case VERSION:
			puts("smmd " SMM_VERSION);
			options->done = true;
			return 0;
		case HELP:
			help();
			options->done = true;
			return 0;
		default:
			return -EINVAL;
		}
	}
	if (optind < argc) {
		log_error("smmd takes no argument; what is '%s'?", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

static void on_terminate(struct ev_loop *loop, ev_signal *signal, int revents)
{
	(void)loop;
	(void)revents;
	log_info("Stopping on SIG%s", sigabbrev_np(signal->signum));
	sd_notify(0, "STOPPING=1\nSTATUS=Finishing what is in hand");
	manager_stop(signal->data);
}

static void on_hangup(struct ev_loop *loop, ev_signal *signal, int revents)
{
	(void)loop;
	(void)revents;
	reload_by_signal(signal->data);
}

static const struct {
	int number;
	void (*handler)(struct ev_loop *loop, ev_signal *signal, int revents);
} handled[] = {
	{ SIGTERM, on_terminate },
	{ SIGINT, on_terminate },
	{ SIGHUP, on_hangup },
};

/* A closed pipe does not stop a service. */
static void watch_signals(struct ev_loop *loop, ev_signal signals[ARRAY_SIZE(handled)],
			  struct manager *manager)
{
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(handled); i++) {
		ev_signal_init(&signals[i], handled[i].handler, handled[i].number);
		signals[i].data = manager;
		ev_signal_start(loop, &signals[i]);
	}
}

static int serve(const struct options *options, struct config *config)
{
	_cleanup_(ev_loop_destroyp) struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	_cleanup_(bus_freep) struct bus *bus = NULL;
	_cleanup_(manager_freep) struct manager *manager = NULL;
	_cleanup_(watchdog_freep) struct watchdog *watchdog = NULL;
	ev_signal signals[ARRAY_SIZE(handled)];
	int r;

	if (!loop)
		return log_error_errno(-ENOMEM, "Cannot make an event loop: %m");
	r = bus_open(loop, options->scope, options->address, &bus);
	if (r < 0)
		return r;
	r = manager_new(loop, bus_connection(bus), options->config, config, &manager);
	if (r < 0)
		return r;
	watch_signals(loop, signals, manager);
	r = manager_open(manager);
	if (r <= 0)
		return r;
	r = bus_take_name(bus);
	if (r < 0)
		return r;

	r = watchdog_new(manager, &watchdog);
	if (r < 0)
		return r;
	sd_notify(0, "READY=1");
	manager_state_changed(manager);
	reload_pending(manager);
	ev_run(loop, 0);
	sessions_drain(manager);
	return bus_error(bus);
}

/* A call that waits keeps the descriptors that came with it, whatever it is; with the usual limit
 * of 1024, those of one user could be more, and a bus whose descriptors cannot be had is lost. */
static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	_cleanup_(config_free) struct config config = { 0 };
	struct options options = { .config = CONFIG_PATH };
	int r;

	fill_standard_fds();
	allow_many_files();
	r = parse_options(argc, argv, &options);
	if (r < 0)
		return EXIT_FAILURE;
	if (options.done)
		return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;

	r = config_load(options.config, &config);
	if (r < 0)
		return EX_CONFIG; /* to start again helps nobody */
	if (!options.check_config)
		r = serve(&options, &config);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
