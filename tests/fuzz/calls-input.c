/* SPDX-License-Identifier: BSD-3-Clause */
#include "calls.h"

/* Of 60 characters. */
#define SIXTY "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

unsigned int pick_person(struct input *in)
{
	return input_below(in, N_PEOPLE);
}

unsigned int pick_person_for(struct input *in, const struct model_block *b)
{
	uint32_t how = input_byte(in);

	if (b && how < 96)
		for (unsigned int who = 0; who < N_PEOPLE; who++)
			if (people[who].uid == b->uid)
				return who;
	return how < 160 ? ROOT : how % N_PEOPLE;
}

unsigned int pick_admin(struct input *in)
{
	return input_below(in, 4) ? ROOT : pick_person(in);
}

const struct model_block *pick_block(struct input *in)
{
	static const struct model_block none;
	uint32_t which = input_byte(in);

	return model.n ? &model.blocks[which % model.n] : &none;
}

uint32_t pick_id(struct input *in)
{
	uint32_t how = input_byte(in);

	if (model.n && how < 240)
		return model.blocks[how % model.n].id;
	return how % 4 == 0   ? 0
	       : how % 4 == 1 ? model.highest
	       : how % 4 == 2 ? model.highest + 1
			      : UINT32_MAX;
}

const char *pick_name(struct input *in)
{
	static const char *const good[] = {
		"a",
		"b",
		"c",
		"d",
		"e",
		"f",
		"g",
		"h",
		"i",
		"j",
		"k",
		"l",
		"m",
		"n",
		"o",
		"p",
		"bb",
		"ccc",
		"dddd",
		"eeeee",
		"a longer name",
		"\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e",
		SIXTY "nnn",
		SIXTY "mmm",
	};
	static const char *const bad[] = { "", "x/y", "tab\t", "\xc2\x85", "\x7f", SIXTY "nnnn" };
	uint32_t how = input_byte(in);

	if (how >= 248)
		return bad[input_below(in, ARRAY_SIZE(bad))];
	return how < 160 ? good[how % ARRAY_SIZE(good)] : pick_block(in)->name;
}

uint32_t pick_size(struct input *in, uint32_t length)
{
	const uint32_t extremes[] = {
		model.chip, model.chip + 1, model_usable(&model), 2 * model.chip,
		UINT32_MAX, UINT32_MAX - 3, UINT32_MAX - length,  0x80000000,
		0x7fffffff, SMM_SIZE_MAX,   SMM_SIZE_MAX + 1,
	};
	uint32_t how = input_byte(in), low = how & 31;

	switch (how >> 5) {
	case 0:
	case 1:
		return low;
	case 2: /* where the intent log, of 128 bytes, is full */
		return 96 + low;
	case 3:
		return length;
	case 4:
		return length + low - 16;
	case 5:
		return low * 16;
	case 6:
		return low * length / 32;
	default:
		return low < 16 ? low * 64 : extremes[low % ARRAY_SIZE(extremes)];
	}
}

void pick_range(struct input *in, uint32_t length, uint32_t *offset, uint32_t *size)
{
	uint32_t how = input_byte(in);

	*offset = how < 32 ? pick_size(in, length) : how < 128 ? 0 : length * (how - 128) / 128;
	how = input_byte(in);
	if (how < 32)
		*size = pick_size(in, length - *offset);
	else if (how < 96)
		*size = how % 8;
	else if (how < 224)
		*size = (length - *offset) * (how - 95) / 128;
	else
		*size = 96 + how % 32;
}

void pick_bytes(struct input *in, uint8_t *data, uint32_t size)
{
	uint32_t seed = input_byte(in);

	for (uint32_t i = 0; i < size; i++)
		data[i] = (uint8_t)(seed + i * (seed | 1));
}

uint32_t pick_mode(struct input *in)
{
	static const uint32_t modes[] = { 0600, 0644, 0666, 0640, 0660, 0, 0777, 0 };
	uint32_t how = input_byte(in) % 16;

	if (how < 8)
		return modes[how];
	return how < 15 ? (uint32_t)input_number(in, 2) & 0777 : (uint32_t)input_number(in, 4);
}

uint32_t pick_uid(struct input *in)
{
	uint32_t which = input_below(in, N_PEOPLE + 1);

	return which < N_PEOPLE ? people[which].uid : UINT32_MAX;
}

uint32_t pick_gid(struct input *in)
{
	static const uint32_t gids[] = { 50, 0, 1000, 1001, 1002, UINT32_MAX };

	return gids[input_below(in, ARRAY_SIZE(gids))];
}

int64_t pick_delta(struct input *in, int64_t value)
{
	int64_t edge = value < 0 ? INT64_MIN - value : INT64_MAX - value;

	switch (input_below(in, 8)) {
	case 0:
		return 0;
	case 1: /* the last that fits */
		return edge;
	case 2: /* and the first that does not, where there is one */
		return edge == INT64_MAX || edge == INT64_MIN ? edge : edge + (value < 0 ? -1 : 1);
	case 3:
		return (int64_t)input_number(in, 8);
	default:
		return (int8_t)input_byte(in);
	}
}
