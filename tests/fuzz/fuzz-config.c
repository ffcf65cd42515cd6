/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A configuration of any text: it is refused with the place of a mistake, or all that it says can
 * be used as it is.
 */
#include <sys/mman.h>

#include "chip-table.h"
#include "config.h"
#include "fuzz.h"
#include "log.h"
#include "smm_store.h"
#include "util.h"

static int load(const char *text, size_t size, struct config *config)
{
	_cleanup_close_ int fd = memfd_create("smmd.conf", MFD_CLOEXEC);
	char path[32];

	REQUIRE(fd >= 0 && write(fd, text, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return config_load(path, config);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* What is kept of a section, for a later comparison, says the same as the section. */
static void expect_again(const struct memory_config *m)
{
	_cleanup_(config_free) struct config config = { 0 };
	_cleanup_free_ char *text = NULL;
	const struct memory_config *n;

	REQUIRE(asprintf(&text, "[memory %s]\n%s", m->name, m->text) >= 0);
	REQUIRE(load(text, strlen(text), &config) == 0);
	n = config.memories;
	REQUIRE(n && !n->next);
	REQUIRE(same_text(m->text, n->text) && same_text(m->name, n->name));
	REQUIRE(same_text(m->path, n->path) && same_text(m->device, n->device));
	REQUIRE(same_text(m->model, n->model) && m->size == n->size && m->bus == n->bus);
	REQUIRE(m->granule == n->granule && m->quota == n->quota && m->verify == n->verify);
	REQUIRE(m->quota_percent == n->quota_percent && m->default_mode == n->default_mode);
	REQUIRE(same_text(m->write_protect_gpio, n->write_protect_gpio));
	REQUIRE(same_text(m->power_fail_gpio, n->power_fail_gpio));
}

static void check_memory(const struct memory_config *m)
{
	REQUIRE(m->bus != BUS_NONE && *m->name && strlen(m->name) <= SMM_LABEL_MAX);
	REQUIRE(m->bus == BUS_FILE ? *m->path == '/' : *m->device == '/');
	REQUIRE(m->bus != BUS_FILE || m->size);
	REQUIRE(!m->size || smm_data_bytes(m->size, m->granule));
	REQUIRE(!strcmp(m->model, "auto") || !strcmp(m->model, "custom") ||
		chip_model_find(m->model));
	REQUIRE(m->default_mode <= 0777 && m->quota_percent <= 100);
	REQUIRE(m->verify <= VERIFY_ALL && m->format <= FORMAT_BLANK);
	REQUIRE(m->page_size < 0x8000 && (m->page_size & (m->page_size - 1)) == 0);
	expect_again(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(config_free) struct config config = { 0 };
	int r;

	log_set_max_level(LOG_CRIT);
	r = load((const char *)data, size, &config);
	if (r < 0) {
		REQUIRE(!config.memories && config.mistake && *config.mistake);
		return 0;
	}
	REQUIRE(!config.mistake && config.memories);
	for (const struct memory_config *m = config.memories; m; m = m->next)
		check_memory(m);
	return 0;
}
