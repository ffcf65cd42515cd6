/* SPDX-License-Identifier: BSD-3-Clause */
#include "reload.h"

#include <errno.h>

#include <systemd/sd-daemon.h>

#include "announce.h"
#include "authority.h"
#include "errors.h"
#include "log.h"
#include "manager.h"
#include "memory.h"
#include "util.h"

#define MEMORY_INTERFACE "org.smm1.Memory"

/* It has come to an end: say so to the service manager, and to who has called. */
static void answer(struct manager *manager, int r, const sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *m = TAKE(manager->reload);

	if (manager->reloading)
		sd_notify(0, "READY=1");
	manager->reloading = false;
	if (!m) {
		if (r < 0)
			log_error("SIGHUP: %s", error->message);
		return;
	}
	if (r < 0)
		r = sd_bus_reply_method_errno(m, r, error);
	else
		r = sd_bus_reply_method_return(m, NULL);
	if (r < 0)
		log_full(LOG_DEBUG, r, "Reload cannot be answered: %m");
}

static struct memory_config **find_section(struct config *config, const char *name)
{
	struct memory_config **section = &config->memories;

	while (*section && strcmp((*section)->name, name) != 0)
		section = &(*section)->next;
	return section;
}

/* Its objects have gone. */
static void announce_gone(struct memory *memory)
{
	const struct caller all = { .uid = 0 };
	_cleanup_bus_error_ sd_bus_error unseen = SD_BUS_ERROR_NULL;
	_cleanup_free_ struct smm_block *blocks = NULL;
	size_t n_blocks = 0;

	(void)volume_list(memory->volume, &all, &blocks, &n_blocks, &unseen);
	for (size_t i = 0; i < n_blocks; i++)
		if (blocks[i].id)
			announce_block(memory, &blocks[i], NULL);
	announce_removed(memory->manager, memory->path, MEMORY_INTERFACE);
}

/* The memory is closed; its section, if there is a new one, is opened when that is done. */
static void dismiss(struct manager *manager, struct memory **place)
{
	struct memory *memory = *place;

	log_info("memory %s is closed: its configuration is gone, or another", memory->name);
	*place = memory->next;
	memory->next = manager->leaving;
	manager->leaving = memory;
	announce_gone(memory);
	memory_stop(memory);
}

/* Close what the new configuration has not, or not as it is, and keep of it what is new. */
static void compare(struct manager *manager)
{
	struct memory **place = &manager->memories;
	struct memory_config **section, *same;

	while (*place) {
		section = find_section(&manager->config, (*place)->name);
		same = *section;
		if (!same || strcmp(same->text, (*place)->config->text) != 0) {
			dismiss(manager, place);
			continue;
		}
		*section = same->next;
		memory_config_free(same);
		place = &(*place)->next;
	}
}

/* All that had to be closed is. */
static void open_new(struct manager *manager)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	struct memory_config *section;
	struct memory **place = &manager->memories;
	int r = 0;

	while (*place)
		place = &(*place)->next;
	while (manager->config.memories) {
		section = config_take(&manager->config);
		log_info("memory %s is opened", section->name);
		r = manager_add(manager, section, place);
		if (r < 0)
			break;
		announce_added(manager, (*place)->path, MEMORY_INTERFACE);
		place = &(*place)->next;
	}
	if (r < 0)
		sd_bus_error_setf(&error, ERROR_IO,
				  "a memory of the new configuration cannot be served: %s",
				  strerror(-r));
	config_free(&manager->config);
	answer(manager, r, &error);
	reload_pending(manager);
}

static void stays_as_it_was(const struct manager *manager, int r, sd_bus_error *error)
{
	const char *mistake = manager->config.mistake;

	sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
			  "the configuration stays as it was: %s%s%s",
			  mistake ? mistake : manager->config_path, mistake ? "" : ": ",
			  mistake ? "" : strerror(-r));
}

static int begin(struct manager *manager, sd_bus_error *error)
{
	struct timespec now;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%ju",
		   (uintmax_t)now.tv_sec * 1000000 + (uintmax_t)now.tv_nsec / 1000);
	manager->reloading = true;
	r = config_load(manager->config_path, &manager->config);
	if (r < 0) {
		stays_as_it_was(manager, r, error);
		config_free(&manager->config);
		return r;
	}
	log_info("The configuration is read again");
	compare(manager);
	if (!manager->leaving)
		open_new(manager);
	return 0;
}

static void reload(struct manager *manager)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = begin(manager, &error);

	if (r < 0) {
		answer(manager, r, &error);
		reload_pending(manager);
	}
}

static void on_confirmed(void *userdata, int r, const sd_bus_error *why)
{
	struct manager *manager = userdata;

	manager->question = NULL;
	if (r < 0)
		answer(manager, r, why);
	else
		reload(manager);
}

/* An administrator does not wait for what polkit says of somebody else. */
static void give_way(struct manager *manager)
{
	const sd_bus_error busy = SD_BUS_ERROR_MAKE_CONST(
		ERROR_BUSY, "an administrator has smmd read its configuration now");

	if (!manager->question)
		return;
	question_drop(TAKE(manager->question));
	answer(manager, -EBUSY, &busy);
}

int call_reload(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	struct creds *creds;
	int r = creds_of_sender(manager->creds, m, &creds, error);

	if (r < 0)
		return r;
	if (creds->caller.admin)
		give_way(manager);
	if (manager->reload || manager->reloading || manager->stopping)
		return sd_bus_error_set(error, ERROR_BUSY,
					"smmd is reading its configuration already, or stopping");
	manager->reload = sd_bus_message_ref(m);
	if (creds->caller.admin) {
		reload(manager);
		return 1;
	}
	r = authority_ask(manager->bus, creds, m, on_confirmed, manager, &manager->question, error);
	if (r < 0)
		manager->reload = sd_bus_message_unref(manager->reload);
	return r < 0 ? r : 1;
}

void reload_by_signal(struct manager *manager)
{
	give_way(manager);
	manager->reload_again = true;
	reload_pending(manager);
}

void reload_pending(struct manager *manager)
{
	if (!manager->reload_again || !manager->serving || manager->stopping || manager->reload ||
	    manager->reloading)
		return;
	manager->reload_again = false;
	reload(manager);
}

void reload_goes_on(struct memory *memory)
{
	struct manager *manager = memory->manager;
	struct memory **place = &manager->leaving;

	while (*place && *place != memory)
		place = &(*place)->next;
	if (!*place)
		return;
	*place = memory->next;
	memory_free(memory);
	if (!manager->leaving && manager->reloading)
		open_new(manager);
}

void reload_stop(struct manager *manager)
{
	const sd_bus_error stopping = SD_BUS_ERROR_MAKE_CONST(ERROR_BUSY, "smmd is stopping");

	question_drop(TAKE(manager->question));
	config_free(&manager->config);
	manager->reload_again = false;
	if (manager->reload || manager->reloading)
		answer(manager, -EBUSY, &stopping);
}
