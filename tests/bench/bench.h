/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table that the benchmark prints: a line a figure, with its goal and whether it is met.
 * Figures, not tests: the exit status says nothing about them.
 */
#ifndef BENCH_H
#define BENCH_H

void bench_heading(const char *text);

/* @goal is the most that @measured may be. */
void bench_at_most(const char *what, double measured, double goal, const char *unit);

/* @goal is the least that @measured may be. */
void bench_at_least(const char *what, double measured, double goal, const char *unit);

/* A figure that has no goal. */
void bench_note(const char *what, double measured, const char *unit);

/* The sections of the table. */
void bench_allocator_wire(void);
void bench_allocator_time(void);
void bench_allocator_fragmentation(void);
void bench_store(void);

#endif
