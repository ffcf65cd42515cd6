/* SPDX-License-Identifier: BSD-3-Clause */
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "chip-table.h"
#include "device-owner.h"
#include "doctor.h"
#include "i2c-bus.h"

#define STANDARD_CLOCK 100000u /* Hz: what a Raspberry Pi has unless it is told */
#define USUAL_CLOCK    400000u /* what nearly all chips can do */

static json_object *said_of(const struct patient *p, const char *memory)
{
	for (size_t i = 0; p->memories && i < json_object_array_length(p->memories); i++) {
		json_object *said = json_object_array_get_idx(p->memories, i);

		if (!strcmp(get_text(said, "Name"), memory))
			return said;
	}
	return NULL;
}

/* The board */

static bool is_raspberry_pi(void)
{
	_cleanup_fclose_ FILE *file = fopen("/sys/firmware/devicetree/base/model", "re");
	char model[64] = "";

	return file && fgets(model, sizeof(model), file) && strstr(model, "Raspberry Pi");
}

static const char *config_txt(void)
{
	return access("/boot/firmware/config.txt", F_OK) == 0 ? "/boot/firmware/config.txt"
							      : "/boot/config.txt";
}

static void advise_line(struct patient *p, const char *line)
{
	remedy(p, "echo %s | sudo tee -a %s && sudo reboot", line, config_txt());
}

/* Devices */

/* "i2c-1" or "spi0.0" of a node /dev/i2c-1 or /dev/spidev0.0, as sysfs calls it. */
static bool bus_device(enum chip_bus bus, const char *node, char name[64])
{
	const char *file = strrchr(node, '/');
	const char *prefix = bus == CHIP_I2C ? "i2c-" : "spidev";

	file = file ? file + 1 : node;
	if (strncmp(file, prefix, strlen(prefix)) != 0)
		return false;
	snprintf(name, 64, "%s%s", bus == CHIP_I2C ? "i2c-" : "spi", file + strlen(prefix));
	return true;
}

static void explain_no_node(struct patient *p, enum chip_bus bus, const char *node)
{
	const char *module = bus == CHIP_I2C ? "i2c-dev" : "spidev";
	const char *sysfs = bus == CHIP_I2C ? "i2c" : "spi";
	char name[64] = "", path[128];

	bus_device(bus, node, name);
	snprintf(path, sizeof(path), "/sys/bus/%s/devices/%s", sysfs, name);
	if (*name && access(path, F_OK) == 0) {
		finding(p, VERDICT_PROBLEM, "device",
			"%s is not there, but its bus is: the kernel's module %s is missing", node,
			module);
		remedy(p, "sudo modprobe %s", module);
		return;
	}
	finding(p, VERDICT_PROBLEM, "device",
		"%s is not there: the bus is not switched on, or its adapter not plugged in", node);
	if (!is_raspberry_pi() || (strcmp(name, "i2c-1") != 0 && strncmp(name, "spi0.", 5) != 0))
		remedy(p, "ls -l /dev/i2c-* /dev/spidev* /dev/smm/by-*/*");
	else if (access("/usr/bin/raspi-config", X_OK) == 0)
		remedy(p, "sudo raspi-config nonint do_%s 0", sysfs);
	else
		advise_line(p, bus == CHIP_I2C ? "dtparam=i2c_arm=on" : "dtparam=spi=on");
}

/* Whether smmd has got at the node, whosever it is. */
static bool has_opened(const struct patient *p)
{
	json_object *said = said_of(p, p->memory);

	return said && strcmp(get_text(said, "State"), "offline") != 0;
}

/* Return: whether the node is what it has to be; its number in @number. */
static bool check_device(struct patient *p, enum chip_bus bus, const char *node, dev_t *number)
{
	struct stat st;

	if (stat(node, &st) < 0) {
		explain_no_node(p, bus, node);
		return false;
	}
	*number = st.st_rdev;
	if (!device_is_of(bus, &st)) {
		finding(p, VERDICT_PROBLEM, "device", "%s is not a device of %s", node,
			bus == CHIP_I2C ? "i2c-dev" : "spidev");
		if (p->system)
			remedy(p, "sudoedit %s && sudo systemctl reload smmd", p->ctl->config);
		return false;
	}
	if (p->system && !st.st_gid && !has_opened(p)) {
		finding(p, VERDICT_PROBLEM, "device",
			"%s is in the group root, where smmd may not open it; rules of udev give "
			"it to %s",
			node, bus == CHIP_I2C ? "i2c" : "spi");
		remedy(p, "sudo udevadm control --reload && sudo udevadm trigger && "
			  "sudo systemctl restart smmd");
		return true;
	}
	finding(p, VERDICT_OK, "device", "%s is there", node);
	return true;
}

/* Return: whether one of the kernel has it. While it has one of SPI, there is no node. */
static bool check_driver(struct patient *p, enum chip_bus bus, const char *name)
{
	const char *sysfs = bus == CHIP_I2C ? "i2c" : "spi";
	char driver[NAME_MAX + 1];

	if (!device_driver(bus, name, driver))
		return false;
	finding(p, VERDICT_PROBLEM, "driver", "the kernel's driver %s has %s", driver, name);
	if (bus == CHIP_I2C)
		remedy(p, "echo %s | sudo tee /sys/bus/%s/drivers/%s/unbind", name, sysfs, driver);
	else
		remedy(p,
		       "echo %s | sudo tee /sys/bus/spi/drivers/%s/unbind; echo spidev | sudo tee "
		       "/sys/bus/spi/devices/%s/driver_override; echo %s | sudo tee "
		       "/sys/bus/spi/drivers/spidev/bind",
		       name, driver, name, name);
	return true;
}

/* Speed */

static uint32_t chip_clock(const struct patient *p, const struct memory_config *m)
{
	json_object *said = said_of(p, m->name);
	const struct chip_model *model = said ? chip_model_find(get_text(said, "Model")) : NULL;

	if (!model)
		model = chip_model_find(m->model);
	return model && model->max_clock ? model->max_clock : USUAL_CLOCK;
}

static void check_speed(struct patient *p, const struct memory_config *m, unsigned int bus)
{
	uint32_t clock = i2c_bus_clock(bus), able = chip_clock(p, m);

	if (!clock)
		return;
	if (clock > STANDARD_CLOCK || able <= clock) {
		finding(p, VERDICT_OK, "speed", "i2c-%u runs at %u kHz", bus, clock / 1000);
		return;
	}
	finding(p, VERDICT_WARNING, "speed", "i2c-%u runs at %u kHz, and the chip can do %u kHz",
		bus, clock / 1000, able / 1000);
	if (is_raspberry_pi() && bus == 1)
		advise_line(p, "dtparam=i2c_arm_baudrate=400000");
}

static void check_i2c(struct patient *p, const struct memory_config *m)
{
	char name[24];
	dev_t number;

	if (!check_device(p, CHIP_I2C, m->device, &number))
		return;
	snprintf(name, sizeof(name), "%u-%04x", minor(number), m->address);
	check_driver(p, CHIP_I2C, name);
	check_speed(p, m, minor(number));
}

static void check_spi(struct patient *p, const struct memory_config *m)
{
	char name[64];
	dev_t number;

	if (!bus_device(CHIP_SPI, m->device, name) || !check_driver(p, CHIP_SPI, name))
		check_device(p, CHIP_SPI, m->device, &number);
}

/* What smmd says */

static const struct advice {
	const char *state;
	const char *word; /* of the reason, where there are several of the state */
	const char *command;
	enum {
		OF_MEMORY,
		OF_CONFIG,
		OF_DEVICE,
		OF_BUS,
	} of; /* what its %s is */
} advice[] = {
	{ "blank", "", "sudo smmctl format --memory=%s", OF_MEMORY },
	{ "foreign", "interrupted", "sudo smmctl restore --memory=%s FILE", OF_MEMORY },
	{ "foreign", "another chip", "sudo systemctl restart smmd # to take this one", OF_MEMORY },
	{ "foreign", "newer", "sudo apt-get install --only-upgrade smmd", OF_MEMORY },
	{ "foreign", "model", "sudoedit %s && sudo systemctl reload smmd", OF_CONFIG },
	{ "foreign", "something else",
	  "sudo smmctl format --force --memory=%s # what is on it is lost", OF_MEMORY },
	{ "corrupt", "", "sudo smmctl check --repair --memory=%s", OF_MEMORY },
	{ "read-only", "", "sudo systemctl restart smmd # once the chip lets itself be written",
	  OF_MEMORY },
	{ "offline", "nothing answers at 0x", "i2cdetect -y %s", OF_BUS },
	{ "offline", "nothing answers", "journalctl --catalog --lines=20 SMM_MEMORY=%s",
	  OF_MEMORY },
	{ "offline", "another chip", "sudo systemctl restart smmd # to take this one", OF_MEMORY },
	{ "offline", "model", "sudoedit %s && sudo systemctl reload smmd", OF_CONFIG },
	{ "offline", "in use already", "sudo fuser -v %s", OF_DEVICE },
	{ "", "", "journalctl --catalog --lines=20 SMM_MEMORY=%s", OF_MEMORY },
};

static void advise(struct patient *p, json_object *said)
{
	const char *state = get_text(said, "State"), *reason = get_text(said, "StateReason");
	const char *device = get_text(said, "Device");
	_cleanup_free_ char *node = realpath(device, NULL);
	const char *number = node ? strrchr(node, '-') : NULL;
	const char *const values[] = {
		[OF_MEMORY] = p->memory,
		[OF_CONFIG] = p->ctl->config,
		[OF_DEVICE] = device,
		[OF_BUS] = number ? number + 1 : "1",
	};
	const struct advice *a = advice;

	while (*a->state && (strcmp(a->state, state) != 0 || !strstr(reason, a->word)))
		a++;
	remedy(p, a->command, values[a->of]);
}

static void check_state(struct patient *p, json_object *said)
{
	const char *state = get_text(said, "State"), *reason = get_text(said, "StateReason");
	const char *identified = get_text(said, "Identification");
	char size[SIZE_TEXT], free[SIZE_TEXT];

	if (!strcmp(state, "online")) {
		finding(p, VERDICT_OK, "state", "online; %s%s%s, %s, %s free",
			get_text(said, "Model"), *identified ? ", " : "", identified,
			format_size(get_number(said, "Size"), size),
			format_size(get_number(said, "FreeSize"), free));
	} else if (!strcmp(state, "loading")) {
		finding(p, VERDICT_WARNING, "state", "it is being read; look again in a moment");
	} else {
		finding(p, VERDICT_PROBLEM, "state", "%s%s%s", state, *reason ? "; " : "", reason);
		if (p->system)
			advise(p, said);
	}
}

static void examine_configured(struct patient *p, const struct memory_config *m)
{
	json_object *said = said_of(p, m->name);

	p->memory = m->name;
	if (m->bus == BUS_I2C)
		check_i2c(p, m);
	else if (m->bus == BUS_SPI)
		check_spi(p, m);
	if (said) {
		check_state(p, said);
	} else if (p->memories) {
		finding(p, VERDICT_PROBLEM, "state",
			"smmd does not serve it: it was started with another configuration than %s",
			p->ctl->config);
		if (p->system)
			remedy(p, "sudo systemctl reload smmd");
	}
}

static bool is_configured(const struct patient *p, const char *memory)
{
	const struct memory_config *m = p->config.memories;

	while (m && strcmp(m->name, memory) != 0)
		m = m->next;
	return m;
}

void examine_memories(struct patient *p)
{
	for (const struct memory_config *m = p->config.memories; m; m = m->next)
		examine_configured(p, m);
	for (size_t i = 0; p->memories && i < json_object_array_length(p->memories); i++) {
		json_object *said = json_object_array_get_idx(p->memories, i);

		p->memory = get_text(said, "Name");
		if (!is_configured(p, p->memory))
			check_state(p, said);
	}
	p->memory = NULL;
}
