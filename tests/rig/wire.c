/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire.h"

#include <errno.h>

#define NS_PER_S 1000000000u

void wire_arm(struct wire *wire, struct wire_fault *fault, uint64_t skip, uint32_t byte)
{
	*fault = (struct wire_fault){ .transfer = wire->transfers + 1 + skip, .byte = byte };
}

static bool strikes(const struct wire *wire, const struct wire_fault *fault, uint32_t position)
{
	return fault->transfer == wire->transfers && fault->byte == position;
}

int wire_begin(struct wire *wire)
{
	wire->transfers++;
	wire->position = 0;
	if (wire->stuck) {
		int stuck = wire->stuck;

		wire->clock->sleep(wire->clock->userdata, wire->stuck_ns);
		return -stuck;
	}
	if (wire->lost_next) {
		wire->lost_next--;
		return -EAGAIN;
	}
	return 0;
}

bool wire_carry(struct wire *wire, uint8_t *byte)
{
	uint32_t position = wire->position++;

	if (strikes(wire, &wire->flip, position))
		*byte ^= wire->flip_mask;
	if (!strikes(wire, &wire->halt, position))
		return true;
	if (wire->halted)
		wire->halted(wire->halted_userdata);
	return false;
}

void wire_spend(struct wire *wire, uint64_t bits, uint32_t hz)
{
	uint64_t ns = bits * NS_PER_S / hz;

	wire->ns += ns;
	if (wire->pace)
		wire->clock->sleep(wire->clock->userdata, ns);
}

int wire_end(struct wire *wire, int result)
{
	if (result < 0)
		wire->refused++;
	return result;
}
