/* SPDX-License-Identifier: BSD-3-Clause */
#include "chip.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <time.h>

#include "errors.h"
#include "gpio.h"
#include "log.h"
#include "messages.h"
#include "util.h"

/* A supply that was just switched on: MB85RC256V wants its bus idle for 0.5 ms (data sheet); other
 * kinds of chips take longer, and who switches a supply has the time. */
#define POWER_UP_MS 20

/* From the edge of a power-fail line on, so much of the wire may still be used. */
#define POWER_FAIL_NS 2000000u

/* Wire of which nobody knows how fast it is: I2C in its slowest mode. */
#define UNKNOWN_NS_PER_BYTE 90000u

/* A longer write is content; a shorter one may be what says where content is. */
#define METADATA_MAX 64u

/* How often something is read again, until it is the same as before. */
#define READS_MAX 5u

/* A slice has so many data bytes at least; the largest page of an EEPROM. */
#define SLICE_MIN 8u
#define PAGE_MAX  256u

/* The chip, and what goes with every transfer to it. */
struct front {
	struct chip chip;
	struct chip *below;
	const struct memory_config *config;
	struct gpio_line *write_protect, *power_enable; /* NULL: none */
	void (*between)(void *userdata);
	void *userdata;
	struct chip_counters own; /* retries and errors that are seen here alone */
	_Atomic bool power_failing;
	bool ending;     /* the power fails, and @budget counts */
	uint32_t budget; /* bytes of the wire that are left */
};

static struct front *front(struct chip *chip)
{
	return (struct front *)chip;
}

static uint32_t min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Bytes that the wire carries in @ns. */
static uint32_t wire_bytes(const struct front *f, uint32_t ns)
{
	return ns / (f->chip.ns_per_byte ? f->chip.ns_per_byte : UNKNOWN_NS_PER_BYTE);
}

/*
 * Data bytes of the slice at @offset of a transfer with @left to go. It ends where a page does, if
 * it has room for one, so that no page is programmed twice.
 */
static uint32_t slice(const struct front *f, uint32_t offset, uint32_t left, uint32_t overhead)
{
	uint32_t ns = f->config->power_fail_gpio ? POWER_FAIL_NS : CHIP_SLICE_NS;
	uint32_t bytes = wire_bytes(f, ns), end;

	bytes = bytes > overhead + SLICE_MIN ? bytes - overhead : SLICE_MIN;
	if (left <= bytes)
		return left;
	end = (offset + bytes) & ~(PAGE_MAX - 1);
	return end > offset ? end - offset : bytes;
}

static void count(struct front *f)
{
	f->chip.counters = f->below->counters;
	f->chip.counters.retries += f->own.retries;
	f->chip.counters.errors += f->own.errors;
}

static void between(const struct front *f, uint32_t left)
{
	if (left && f->between)
		f->between(f->userdata);
}

/* Read until the same has been read twice: of a disturbed wire, the chip knows nothing. */
static int read_twice(struct front *f, uint32_t offset, uint8_t *to, uint32_t size)
{
	_cleanup_free_ uint8_t *other = malloc(size);
	int r = other ? chip_read(f->below, offset, to, size) : -ENOMEM;

	for (unsigned int i = 0; r >= 0 && i < READS_MAX; i++) {
		r = chip_read(f->below, offset, other, size);
		if (r < 0 || !memcmp(to, other, size))
			return r;
		memcpy(to, other, size);
		f->own.retries++;
	}
	return r < 0 ? r : -EIO;
}

static int front_read(struct chip *chip, uint32_t offset, void *buffer, uint32_t size)
{
	struct front *f = front(chip);
	uint8_t *to = buffer;
	int r = 0;

	for (uint32_t n; r >= 0 && size; offset += n, to += n, size -= n) {
		n = slice(f, offset, size, chip->read_overhead);
		r = f->config->verify == VERIFY_ALL ? read_twice(f, offset, to, n)
						    : chip_read(f->below, offset, to, n);
		between(f, size - n);
	}
	count(f);
	return r;
}

/* Whether @size more bytes may be written: while the power fails, until the budget is used up. */
static int spend(struct front *f, uint32_t size)
{
	uint32_t wire = size + f->chip.write_overhead;

	if (!atomic_load(&f->power_failing)) {
		f->ending = false;
		return 0;
	}
	if (!f->ending)
		f->budget = wire_bytes(f, POWER_FAIL_NS);
	f->ending = true;
	if (wire > f->budget)
		return -EHOSTDOWN;
	f->budget -= wire;
	return 0;
}

/* Whether the chip holds @size bytes of @data; *@found receives the first that it does not. */
static int holds(struct front *f, uint32_t offset, const uint8_t *data, uint32_t size, uint32_t *at,
		 uint8_t *found)
{
	uint8_t bytes[METADATA_MAX];
	int r;

	for (uint32_t done = 0, n; done < size; done += n) {
		n = size - done < METADATA_MAX ? size - done : METADATA_MAX;
		r = chip_read(f->below, offset + done, bytes, n);
		if (r < 0)
			return r;
		for (uint32_t i = 0; i < n; i++) {
			if (bytes[i] == data[done + i])
				continue;
			*at = done + i;
			*found = bytes[i];
			return 0;
		}
	}
	return 1;
}

static bool wants_proof(const struct front *f, uint32_t size)
{
	return f->config->verify == VERIFY_ALL || (f->config->verify == VERIFY_METADATA &&
						   size <= METADATA_MAX && !f->below->faithful);
}

/* A write that is not there when it is read back was dropped: try again, then no more. */
static int write_slice(struct front *f, uint32_t offset, const uint8_t *data, uint32_t size,
		       bool proof)
{
	uint32_t at = 0;
	uint8_t found = 0;
	int r;

	for (unsigned int attempt = 0; attempt < 2; attempt++) {
		f->own.retries += attempt;
		f->chip.astray += attempt * size;
		r = chip_write(f->below, offset, data, size);
		if (r >= 0 && proof)
			r = holds(f, offset, data, size, &at, &found);
		if (r < 0 || r == 1 || !proof)
			return r < 0 ? r : 0;
	}
	log_event(LOG_ERR,
		  &(struct log_about){ .message = MESSAGE_DROPS_WRITES,
				       .memory = f->config->name,
				       .error = ERROR_IO },
		  "memory %s: %s took the byte %02x for address 0x%" PRIx32
		  " twice and holds %02x; "
		  "it is read-only now: look at its write-protect pin and its supply",
		  f->config->name, f->chip.device, data[at], offset + at, found);
	f->chip.read_only = true;
	f->chip.why_read_only = "it takes writes and drops them; look at its write-protect pin";
	f->own.errors++;
	return -EIO;
}

static int protect(struct front *f, bool on)
{
	return f->write_protect ? gpio_set(f->write_protect, on) : 0;
}

static int front_write(struct chip *chip, uint32_t offset, const void *buffer, uint32_t size)
{
	struct front *f = front(chip);
	const uint8_t *from = buffer;
	bool proof = wants_proof(f, size);
	int r = protect(f, false), protected;

	for (uint32_t n; r >= 0 && size; offset += n, from += n, size -= n) {
		n = slice(f, offset, size, chip->write_overhead);
		if (chip->gap) /* a page takes its write cycles, and they are longer than the wire
				*/
			n = min(n, chip->gap - offset % chip->gap);
		r = spend(f, n);
		if (r >= 0)
			r = write_slice(f, offset, from, n, proof);
		between(f, size - n);
	}
	protected = protect(f, true);
	count(f);
	return r < 0 ? r : protected;
}

/* What the front shows of the chip below. */
static void take_over(struct front *f)
{
	const struct chip_ops *ops = f->chip.ops;

	f->chip = *f->below;
	f->chip.ops = ops;
}

static int front_reopen(struct chip *chip, sd_bus_error *error)
{
	struct front *f = front(chip);
	int r = chip_reopen(f->below, error);

	take_over(f);
	return r;
}

static void front_close(struct chip *chip)
{
	struct front *f = front(chip);

	chip_close(f->below);
	gpio_close(f->write_protect);
	gpio_close(f->power_enable);
	free(f);
}

static const struct chip_ops front_ops = {
	.read = front_read,
	.write = front_write,
	.reopen = front_reopen,
	.close = front_close,
};

static int open_below(const struct memory_config *config, struct chip **chip, sd_bus_error *error)
{
	struct chip *below;
	int r;

	if (config->bus == BUS_I2C)
		r = chip_i2c_open(config, &below, error);
	else if (config->bus == BUS_SPI)
		r = chip_spi_open(config, &below, error);
	else
		r = chip_file_open(config, &below, error);
	if (r >= 0 && below->page_size)
		r = page_guard_open(below, &below, error);
	if (r >= 0)
		*chip = below;
	return r;
}

static int power_up(struct front *f, sd_bus_error *error)
{
	static const struct timespec rise = { .tv_nsec = POWER_UP_MS * 1000000 };
	int r = gpio_open_output(f->config->power_enable_gpio, true, &f->power_enable, error);

	if (r >= 0)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &rise, NULL);
	return r;
}

DEFINE_CLEANUP(struct chip *, chip_close);

int chip_open(const struct memory_config *config, struct chip **chip, sd_bus_error *error)
{
	struct front *f = calloc(1, sizeof(*f));
	_cleanup_(chip_closep) struct chip *opened = f ? &f->chip : NULL;
	int r = 0;

	if (!f)
		return sd_bus_error_set_errno(error, ENOMEM);
	f->chip.ops = &front_ops;
	f->config = config;
	if (config->power_enable_gpio)
		r = power_up(f, error);
	if (r >= 0 && config->write_protect_gpio)
		r = gpio_open_output(config->write_protect_gpio, true, &f->write_protect, error);
	if (r >= 0)
		r = open_below(config, &f->below, error);
	if (r < 0)
		return r;
	take_over(f);
	*chip = TAKE(opened);
	return 0;
}

void chip_on_slice(struct chip *chip, void (*between)(void *userdata), void *userdata)
{
	front(chip)->between = between;
	front(chip)->userdata = userdata;
}

void chip_power_fail(struct chip *chip, bool failing)
{
	atomic_store(&front(chip)->power_failing, failing);
}
