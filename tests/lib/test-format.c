/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two worked examples of FORMAT.md, byte by byte: what the document prints is what the code
 * writes. The file's path is the program's argument.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chip.h"
#include "smm_store.h"

static const char *document;

/* Read the hex dump under the heading @heading into @bytes; returns how many it has. */
static u32 read_dump(const char *heading, u8 *bytes, u32 size)
{
	FILE *file = fopen(document, "r");
	char line[256], *at, *end;
	unsigned long address;
	int inside = 0;
	u32 count = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#')
			inside = strstr(line, heading) != NULL;
		address = strtoul(line, &at, 16);
		if (!inside || at != line + 4 || *at != ' ')
			continue;
		assert_int_equal(address, count);
		for (;; at = end) {
			unsigned long value = strtoul(at, &end, 16);

			if (end == at || end - at > 4)
				break;
			assert_true(count < size && value < 256);
			bytes[count++] = (u8)value;
		}
	}
	fclose(file);
	return count;
}

static void allocator(void **state)
{
	u8 expected[64];
	struct smm s = { .read = chip_read, .write = chip_write, .size = sizeof(expected) };
	u32 first, second;
	struct chip chip;

	(void)state;
	chip_init(&chip, sizeof(expected), 0);
	s.context = &chip;
	assert_int_equal(smm_format(&s), SMM_OK);
	assert_int_equal(smm_alloc(&s, 12, &first), SMM_OK);
	assert_int_equal(smm_alloc(&s, 4, &second), SMM_OK);
	assert_int_equal(smm_release(&s, first), SMM_OK);
	assert_int_equal(read_dump("A memory of 64 bytes", expected, sizeof(expected)),
			 sizeof(expected));
	assert_memory_equal(chip.bytes, expected, sizeof(expected));
	chip_destroy(&chip);
}

static void store(void **state)
{
	static const u8 identity[SMM_ID_BYTES] = { 0, 1, 2,  3,  4,  5,  6,  7,
						   8, 9, 10, 11, 12, 13, 14, 15 };
	u8 expected[512];
	struct smm_store st = {
		.smm = { .read = chip_read, .write = chip_write, .size = sizeof(expected) },
	};
	struct smm_block b = { .length = 4,
			       .uid = 1000,
			       .gid = 100,
			       .mode = 0640,
			       .kind = SMM_KIND_DATA,
			       .name = "gain" };
	struct chip chip;

	(void)state;
	chip_init(&chip, sizeof(expected), 0);
	st.smm.context = &chip;
	assert_int_equal(smm_store_format(&st, identity, "demo"), SMM_OK);
	assert_int_equal(smm_store_create(&st, &b, NULL, 0), SMM_OK);
	assert_int_equal(smm_store_write(&st, &b, 0, "\1\2\3\4", 4), SMM_OK);
	assert_int_equal(read_dump("A store of 512 bytes", expected, sizeof(expected)),
			 sizeof(expected));
	assert_memory_equal(chip.bytes, expected, sizeof(expected));
	chip_destroy(&chip);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocator),
		cmocka_unit_test(store),
	};

	if (argc != 2)
		return EXIT_FAILURE;
	document = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
