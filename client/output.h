/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What people, pipes and programs read. Commands say what is the case as JSON values; tables and
 * fields are made from these, so that all say the same.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_mode {
	JSON_OFF,
	JSON_SHORT,
	JSON_PRETTY,
};

struct output {
	enum json_mode json;
	bool legend;
	bool terminal; /* standard output is one */
	bool dumb;     /* that can do nothing but print */
	bool colours;
	unsigned int columns;
};

enum colour {
	COLOUR_NONE,
	COLOUR_GOOD,
	COLOUR_WARNING,
	COLOUR_BAD,
	COLOUR_HEADING,
	COLOUR_FAINT,
	N_COLOURS,
};

/* Finds out where standard output goes. */
void output_init(struct output *output);

/* It goes into a file instead. */
void output_is_file(struct output *output);

/* The sequence that switches to @colour; "" where there are none. */
const char *colour(const struct output *output, enum colour colour);

/* Of a memory's State. */
enum colour state_colour(const char *state);

/* How the value of a JSON object is shown to people. */
enum form {
	FORM_PLAIN,
	FORM_SIZE,
	FORM_MODE,
	FORM_USER,
	FORM_GROUP,
	FORM_YES_NO,
};

struct column {
	const char *title;
	const char *key;
	enum form form;
	bool right; /* aligned */
};

/**
 * print_rows() - objects, as a table or as JSON.
 * @rows: an array
 * @columns: what a table shows of each
 * @none: said to people if there are no rows
 *
 * Return: 0 or a negative errno.
 */
int print_rows(const struct output *output, json_object *rows, const struct column *columns,
	       size_t n_columns, const char *none);

/* A value as JSON, in the mode that was asked for, and a newline. */
void print_json(const struct output *output, json_object *value);

/* "rw-r-----", "1.5K" or "alice" of the value @key of @object, to be freed; NULL without memory. */
char *format_value(const struct output *output, json_object *object, const char *key,
		   enum form form);

/* Content of a block: as it is to a pipe or file, as a hex dump to a terminal. */
void print_content(const struct output *output, const void *data, size_t size);

/* "31.25 KiB" */
#define SIZE_TEXT 16
const char *format_size(uint64_t bytes, char text[SIZE_TEXT]);

/* To build them. A number above what JSON readers take is no matter here. */
void put_text(json_object *object, const char *key, const char *text);
void put_number(json_object *object, const char *key, uint64_t number);

/* To ask them; what is not there is "" or 0. */
const char *get_text(json_object *object, const char *key);
uint64_t get_number(json_object *object, const char *key);

/* For the end of a variable's scope. */
static inline void json_putp(json_object **object)
{
	json_object_put(*object);
}
#define _cleanup_json_ __attribute__((cleanup(json_putp)))
