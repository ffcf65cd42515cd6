/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <grp.h>
#include <pwd.h>
#include <sysexits.h>

#include "bus-scope.h"
#include "doctor.h"
#include "fields.h"
#include "log.h"

#define ANSWER_US 5000000u /* smmd and systemd answer at once, or not at all */

/* Configuration */

static void check_configuration(struct patient *p)
{
	static const char check[] = "configuration";
	const char *path = p->ctl->config;
	unsigned int n = 0;
	int r;

	log_set_max_level(LOG_EMERG); /* what is wrong is said here */
	r = config_load(path, &p->config);
	for (const struct memory_config *m = p->config.memories; m; m = m->next)
		n++;
	if (r >= 0) {
		finding(p, VERDICT_OK, check, "%s names %u %s", path, n,
			n == 1 ? "memory" : "memories");
	} else if (p->config.mistake) {
		finding(p, VERDICT_PROBLEM, check, "%s", p->config.mistake);
		remedy(p, "sudoedit %s", path);
	} else if (r == -ENOENT) {
		finding(p, VERDICT_PROBLEM, check,
			"%s is not there; 'man smmd.conf' shows what belongs into it", path);
		remedy(p, "sudo mkdir -p /etc/smm && sudoedit %s", path);
	} else if (r == -EACCES) {
		finding(p, VERDICT_WARNING, check, "%s is not for you to read", path);
		remedy(p, "sudo smmctl doctor");
	} else {
		finding(p, VERDICT_PROBLEM, check, "%s cannot be read: %s", path, strerror(-r));
		remedy(p, "sudo smmd --check-config --config=%s", path);
	}
}

/* The bus, and whether smmd is on it */

static int open_bus(struct patient *p)
{
	const char *where = p->ctl->where;

	if (!where)
		return bus_scope_open(BUS_SCOPE_SYSTEM, NULL, &p->bus);
	if (!strcmp(where, "user"))
		return bus_scope_open(BUS_SCOPE_USER, NULL, &p->bus);
	return bus_scope_open(BUS_SCOPE_ADDRESS, where, &p->bus);
}

static int ask_for_smmd(struct patient *p)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r, runs;

	r = sd_bus_set_method_call_timeout(p->bus, ANSWER_US);
	if (r >= 0)
		r = sd_bus_call_method(p->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
				       "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
				       "org.smm1");
	if (r >= 0)
		r = sd_bus_message_read(reply, "b", &runs);
	if (r >= 0)
		p->runs = runs;
	return r;
}

static void check_bus(struct patient *p)
{
	int r = open_bus(p);

	if (r >= 0)
		r = ask_for_smmd(p);
	if (r >= 0) {
		finding(p, VERDICT_OK, "bus", "%s answers", where_words(p->ctl));
		return;
	}
	p->bus = sd_bus_flush_close_unref(p->bus);
	finding(p, VERDICT_PROBLEM, "bus", "%s cannot be reached: %s", where_words(p->ctl),
		strerror(-r));
	if (p->system)
		remedy(p, "sudo systemctl start dbus.socket");
}

/* Users and groups */

static void check_users(struct patient *p)
{
	if (getpwnam("smm") && getgrnam("smm")) {
		finding(p, VERDICT_OK, "users", "there are the user and the group smm");
		return;
	}
	finding(p, VERDICT_PROBLEM, "users", "there is no %s smm",
		getpwnam("smm") ? "group" : "user");
	remedy(p, "sudo systemd-sysusers && sudo systemctl reload dbus");
}

static bool is_in(gid_t group)
{
	_cleanup_free_ gid_t *groups = NULL;
	int n = getgroups(0, NULL);

	groups = calloc(n > 0 ? (size_t)n : 1, sizeof(*groups));
	n = groups ? getgroups(n, groups) : 0;
	for (int i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return getegid() == group;
}

static bool has_member(const struct group *group, const char *user)
{
	for (char **member = group->gr_mem; *member; member++)
		if (!strcmp(*member, user))
			return true;
	return false;
}

static void check_group(struct patient *p)
{
	const struct passwd *user = getpwuid(geteuid());
	const struct group *group = getgrnam("smm");
	const char *name = user ? user->pw_name : "$USER";

	if (!geteuid()) {
		finding(p, VERDICT_OK, "group", "root needs no group");
	} else if (group && is_in(group->gr_gid)) {
		finding(p, VERDICT_OK, "group", "%s is in the group smm", name);
	} else if (group && has_member(group, name)) {
		finding(p, VERDICT_PROBLEM, "group",
			"%s is in the group smm from the next login on; until then this shell is "
			"not",
			name);
		remedy(p, "newgrp smm");
	} else {
		finding(p, VERDICT_PROBLEM, "group",
			"%s is not in the group smm, whose members may use memories; it counts "
			"from the next login on",
			name);
		remedy(p, "sudo usermod -a -G smm %s", name);
	}
}

/* What is installed */

static bool is_installed(const char *kind, const char *file)
{
	static const char *const folders[] = { "/etc/dbus-1", "/usr/share/dbus-1",
					       "/usr/local/share/dbus-1",
					       "/run/current-system/sw/share/dbus-1" };
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s/%s", folders[i], kind, file);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

/* The version is what the policy lets everybody see. */
static bool is_locked_out(struct patient *p)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *version = NULL;

	return p->runs &&
	       sd_bus_get_property_string(p->bus, "org.smm1", "/org/smm1", "org.smm1.Manager",
					  "Version", &error, &version) == -EACCES;
}

static void check_policy(struct patient *p)
{
	if (!is_installed("system.d", "org.smm1.conf")) {
		finding(p, VERDICT_PROBLEM, "policy",
			"the bus has no org.smm1.conf in /usr/share/dbus-1/system.d, and so lets "
			"nobody be smmd or call it");
		remedy(p, "sudo apt-get install --reinstall smmd");
	} else if (is_locked_out(p)) {
		finding(p, VERDICT_PROBLEM, "policy", "the bus has not read org.smm1.conf");
		remedy(p, "sudo systemctl reload dbus");
	} else {
		finding(p, VERDICT_OK, "policy", "org.smm1.conf is there");
	}
}

static void check_activation(struct patient *p)
{
	if (is_installed("system-services", "org.smm1.service")) {
		finding(p, VERDICT_OK, "activation", "org.smm1.service is there");
		return;
	}
	finding(p, VERDICT_WARNING, "activation",
		"there is no org.smm1.service in /usr/share/dbus-1/system-services, and so a call "
		"does not start smmd");
	remedy(p, "sudo apt-get install --reinstall smmd");
}

/* smmd */

/* Return: the property of smmd.service, or "" where systemd does not say it. */
static char *unit_text(struct patient *p, const char *interface, const char *property)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	char *text = NULL;

	if (sd_bus_get_property_string(p->bus, "org.freedesktop.systemd1",
				       "/org/freedesktop/systemd1/unit/smmd_2eservice", interface,
				       property, &error, &text) < 0)
		return strdup("");
	return text;
}

static int unit_status(struct patient *p)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	int status = 0;

	return sd_bus_get_property_trivial(p->bus, "org.freedesktop.systemd1",
					   "/org/freedesktop/systemd1/unit/smmd_2eservice",
					   "org.freedesktop.systemd1.Service", "ExecMainStatus",
					   &error, 'i', &status) < 0
		       ? 0
		       : status;
}

static void explain_failure(struct patient *p)
{
	_cleanup_free_ char *result = unit_text(p, "org.freedesktop.systemd1.Service", "Result");
	int status = unit_status(p);

	if (status == EX_CONFIG && p->config.mistake) {
		finding(p, VERDICT_PROBLEM, "smmd", "smmd.service has failed over this mistake: %s",
			p->config.mistake);
		remedy(p, "sudoedit %s && sudo systemctl restart smmd", p->ctl->config);
	} else if (status == EX_CONFIG && p->config.memories) {
		finding(p, VERDICT_PROBLEM, "smmd",
			"smmd.service has failed over a configuration that is right by now");
		remedy(p, "sudo systemctl restart smmd");
	} else if (status == EX_CONFIG) {
		finding(p, VERDICT_PROBLEM, "smmd",
			"smmd.service has failed over its configuration");
		remedy(p, "sudo smmd --check-config");
	} else {
		finding(p, VERDICT_PROBLEM, "smmd",
			"smmd.service has failed (%s, status %d); the journal says why",
			result ? result : "", status);
		remedy(p, "journalctl --catalog --unit=smmd --lines=20");
	}
}

static void explain_absence(struct patient *p)
{
	finding(p, VERDICT_PROBLEM, "smmd", "smmd does not run on %s", where_words(p->ctl));
	if (p->system)
		remedy(p, "sudo systemctl enable --now smmd");
	else if (!strcmp(p->ctl->where, "user"))
		remedy(p, "smmd --user --config=%s &", p->ctl->config);
	else
		remedy(p, "smmd --address=%s --config=%s &", p->ctl->where, p->ctl->config);
}

/* Return: whether systemd says something about it that need not be looked at any further. */
static bool judge_unit(struct patient *p)
{
	_cleanup_free_ char *load = unit_text(p, "org.freedesktop.systemd1.Unit", "LoadState");
	_cleanup_free_ char *state = unit_text(p, "org.freedesktop.systemd1.Unit", "ActiveState");

	if (!load || !state || !*load)
		return false;
	if (p->runs) {
		if (!strcmp(state, "active") || !strcmp(state, "reloading"))
			finding(p, VERDICT_OK, "smmd", "smmd.service runs");
		else
			finding(p, VERDICT_WARNING, "smmd",
				"smmd runs, but not as smmd.service, which is %s", state);
	} else if (!strcmp(load, "not-found")) {
		finding(p, VERDICT_PROBLEM, "smmd", "there is no smmd.service");
		remedy(p, "sudo apt-get install --reinstall smmd");
	} else if (!strcmp(load, "masked")) {
		finding(p, VERDICT_PROBLEM, "smmd", "smmd.service is masked");
		remedy(p, "sudo systemctl unmask smmd && sudo systemctl enable --now smmd");
	} else if (!strcmp(state, "failed")) {
		explain_failure(p);
	} else if (strcmp(state, "inactive") != 0) {
		finding(p, VERDICT_PROBLEM, "smmd", "smmd.service is %s, and not on the bus",
			state);
		remedy(p, "systemctl status smmd");
	} else {
		return false;
	}
	return true;
}

static void check_smmd(struct patient *p)
{
	if (!p->bus || (p->system && judge_unit(p)))
		return;
	if (p->runs)
		finding(p, VERDICT_OK, "smmd", "smmd runs on %s", where_words(p->ctl));
	else
		explain_absence(p);
}

static bool is_smmd(const char *pid)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[280], name[32];

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "re");
	return file && fgets(name, sizeof(name), file) && !strcmp(name, "smmd\n");
}

static void check_others(struct patient *p)
{
	_cleanup_closedir_ DIR *processes = opendir("/proc");
	struct dirent *entry;
	unsigned int n = 0;

	while (processes && (entry = readdir(processes)))
		n += isdigit((unsigned char)*entry->d_name) && is_smmd(entry->d_name);
	if (n < 2)
		return;
	finding(p, VERDICT_WARNING, "others",
		"%u smmd run; that is right only where each has chips of its own", n);
	remedy(p, "ps -f -C smmd");
}

/* What each memory is, as smmd says it. */
static void ask_smmd(struct patient *p)
{
	int r = -ENOENT;

	if (!p->runs)
		return;
	p->memories = json_object_new_array();
	r = smm_client_open(&p->ctl->client, p->ctl->where, "");
	if (r >= 0)
		r = add_memories(p->ctl, NULL, p->memories);
	if (r >= 0)
		return;
	json_object_put(TAKE(p->memories));
	finding(p, VERDICT_PROBLEM, "answers", "smmd does not say how its memories are: %s",
		r == -EACCES ? "you may not ask it" : smm_client_error_message(p->ctl->client));
	if (r != -EACCES)
		remedy(p, "journalctl --catalog --unit=smmd --lines=20");
	else if (geteuid())
		remedy(p, "sudo smmctl doctor");
}

void examine_system(struct patient *p)
{
	static const struct {
		void (*check)(struct patient *p);
		bool elsewhere; /* also about smmd on another bus than that of the system */
	} checks[] = {
		{ check_configuration, true }, { check_bus, true },     { check_users, false },
		{ check_group, false },        { check_policy, false }, { check_activation, false },
		{ check_smmd, true },          { check_others, true },  { ask_smmd, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (p->system || checks[i].elsewhere)
			checks[i].check(p);
}
