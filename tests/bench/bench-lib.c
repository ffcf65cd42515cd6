/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdio.h>

#include "bench.h"

void bench_heading(const char *text)
{
	printf("\n%s\n", text);
}

static void line(const char *what, double measured, const char *unit)
{
	printf("  %-56s %10.1f %-6s", what, measured, unit);
}

static void verdict(const char *relation, double goal, bool met)
{
	printf(" goal %s %10.1f  %s\n", relation, goal, met ? "met" : "missed");
}

void bench_at_most(const char *what, double measured, double goal, const char *unit)
{
	line(what, measured, unit);
	verdict("<=", goal, measured <= goal);
}

void bench_at_least(const char *what, double measured, double goal, const char *unit)
{
	line(what, measured, unit);
	verdict(">=", goal, measured >= goal);
}

void bench_note(const char *what, double measured, const char *unit)
{
	line(what, measured, unit);
	printf("\n");
}

int main(void)
{
	bench_allocator_wire();
	bench_allocator_time();
	bench_allocator_fragmentation();
	bench_store();
	return 0;
}
