/* SPDX-License-Identifier: BSD-3-Clause */
#include "log-control.h"

#include "creds.h"
#include "errors.h"
#include "log.h"
#include "manager.h"
#include "util.h"

#define LOG_CONTROL_PATH "/org/freedesktop/LogControl1"

static int get_level(sd_bus *bus, const char *path, const char *interface, const char *property,
		     sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)userdata;
	(void)error;
	return sd_bus_message_append(reply, "s", log_level_to_string(log_get_max_level()));
}

static int check_admin(struct manager *manager, sd_bus *bus, sd_bus_error *error)
{
	struct creds *creds;
	int r = creds_of_sender(manager->creds, sd_bus_get_current_message(bus), &creds, error);

	if (r < 0 || creds->caller.admin)
		return r;
	return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
				 "the logging is set by uid 0 only; the caller is uid %u",
				 creds->caller.uid);
}

static int set_level(sd_bus *bus, const char *path, const char *interface, const char *property,
		     sd_bus_message *value, void *userdata, sd_bus_error *error)
{
	const char *name;
	int level, r;

	(void)path;
	(void)interface;
	(void)property;
	r = check_admin(userdata, bus, error);
	if (r >= 0)
		r = sd_bus_message_read(value, "s", &name);
	if (r < 0)
		return r;
	level = log_level_from_string(name);
	if (level < 0)
		return sd_bus_error_setf(
			error, SD_BUS_ERROR_INVALID_ARGS,
			"there is no level '%s'; use err, warning, notice, info or "
			"debug",
			name);
	log_set_max_level(level);
	return 0;
}

static const char *target(void)
{
	return log_is_journal() ? "journal" : "console";
}

/* Where lines go is how smmd was started: there is no choice. */
static int get_target(sd_bus *bus, const char *path, const char *interface, const char *property,
		      sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)userdata;
	(void)error;
	return sd_bus_message_append(reply, "s", target());
}

static int set_target(sd_bus *bus, const char *path, const char *interface, const char *property,
		      sd_bus_message *value, void *userdata, sd_bus_error *error)
{
	const char *name;
	int r;

	(void)path;
	(void)interface;
	(void)property;
	r = check_admin(userdata, bus, error);
	if (r >= 0)
		r = sd_bus_message_read(value, "s", &name);
	if (r < 0)
		return r;
	if (!strcmp(name, target()) || !strcmp(name, "auto"))
		return 0;
	return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
				 "smmd logs to '%s', as it was started; not to '%.*s'", target(),
				 QUOTE_MAX, name);
}

static int get_identifier(sd_bus *bus, const char *path, const char *interface,
			  const char *property, sd_bus_message *reply, void *userdata,
			  sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)userdata;
	(void)error;
	return sd_bus_message_append(reply, "s", "smmd");
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get_level, set_level, 0,
				 SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", get_target, set_target, 0,
				 SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_VTABLE_END,
};

int log_control_publish(struct manager *manager, sd_bus *bus)
{
	return sd_bus_add_object_vtable(bus, NULL, LOG_CONTROL_PATH, "org.freedesktop.LogControl1",
					vtable, manager);
}
