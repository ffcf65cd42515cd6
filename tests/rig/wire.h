/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a bus of any kind has in common: what goes over it is counted, takes time, and can be
 * disturbed at a chosen byte.
 *
 * A transfer is what one ioctl asks for. Its bytes are numbered from 0; the device addresses of I2C
 * are counted as wire bytes and have no number.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

/* Something that happens once, at a byte of a transfer: see wire_arm(). */
struct wire_fault {
	uint64_t transfer; /* its number, beginning with 1; 0: never */
	uint32_t byte;
};

struct wire {
	const struct rig_clock *clock;
	bool pace; /* transfers take the time that they take on the wire */

	/* What went over it. */
	uint64_t transfers;
	uint64_t bytes_out, bytes_in; /* SPI: a byte of full duplex counts for both */
	uint64_t refused;             /* transfers that ended with an error */
	uint64_t ns;                  /* on the wire */

	/* What goes wrong. */
	struct wire_fault flip; /* one byte arrives with @flip_mask on it */
	uint8_t flip_mask;
	struct wire_fault halt; /* the machine stops behind one byte: halted() is called */
	void (*halted)(void *userdata);
	void *halted_userdata;
	int stuck; /* errno with which every transfer ends, after @stuck_ns; 0: it is not */
	uint64_t stuck_ns;
	unsigned int nack_next; /* I2C: transfers that nobody acknowledges */
	unsigned int lost_next; /* I2C: transfers that lose arbitration */

	uint32_t position; /* in this transfer */
};

/* Have a fault of this wire happen at byte @byte, after @skip more transfers. */
void wire_arm(struct wire *wire, struct wire_fault *fault, uint64_t skip, uint32_t byte);

/* Begin a transfer: 0, or the negative errno of a bus that is stuck, or of lost arbitration. */
int wire_begin(struct wire *wire);

/* A byte on its way, as it arrives; false: it is the last one. */
bool wire_carry(struct wire *wire, uint8_t *byte);

/* @bits went over the wire at that clock. */
void wire_spend(struct wire *wire, uint64_t bits, uint32_t hz);

/* End it: returns @result, and counts a negative one. */
int wire_end(struct wire *wire, int result);
