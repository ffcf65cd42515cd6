/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The facts. A row says what its sources say and no more: a clock, an id or a time to wake up that
 * is not there is not known. What is marked as from memory is in no source that could be read.
 *
 * No data sheet was at hand as a whole: the sources are drivers whose authors had them, excerpts,
 * and what people read from chips. To add a part, add a row to its family; test-chip-table holds
 * the rows against each other.
 */
#include "chip-table.h"

#include "util.h"

/* The bytes of an id that are known; a chip may send more. */
#define ID(...) .id_size = sizeof((uint8_t[]){ __VA_ARGS__ }), .id = { __VA_ARGS__ }

/* clang-format off */
static const struct chip_model models[] = {
	/* Fujitsu/RAMXEED, FRAM on I2C */
	{ .name = "MB85RC04V", .technology = "FRAM", .bus = CHIP_I2C, .size = 512,
	  .address_bytes = 1, .device_bits = 1, .max_clock = 400000, ID(0x00, 0xa0, 0x10),
	  .source = "janhavelka/MB85RC README + CHANGELOG; sosandroid/FRAM_MB85RC_I2C README; "
		    "datasheet dtsheet.com/doc/1244611/mb85rc04v" },
	{ .name = "MB85RC16", .technology = "FRAM", .bus = CHIP_I2C, .size = 2048,
	  .address_bytes = 1, .device_bits = 3,
	  .source = "sosandroid/FRAM_MB85RC_I2C README; Zanduino/MB85_FRAM MB85_FRAM.h; "
		    "bigbigmdm/IMSProg database IMSProg.Dat" },
	{ .name = "MB85RC16V", .technology = "FRAM", .bus = CHIP_I2C, .size = 2048,
	  .address_bytes = 1, .device_bits = 3, .max_clock = 400000,
	  .source = "janhavelka/MB85RC README + CHANGELOG; sosandroid/FRAM_MB85RC_I2C README" },
	{ .name = "MB85RC64A", .technology = "FRAM", .bus = CHIP_I2C, .size = 8192,
	  .address_bytes = 2,
	  .source = "sosandroid/FRAM_MB85RC_I2C README; Zanduino/MB85_FRAM MB85_FRAM.h; "
		    "RobTillaart/FRAM_I2C README/FRAM.cpp issue 54" },
	{ .name = "MB85RC64V", .technology = "FRAM", .bus = CHIP_I2C, .size = 8192,
	  .address_bytes = 2,
	  .source = "sosandroid/FRAM_MB85RC_I2C README; Zanduino/MB85_FRAM MB85_FRAM.h" },
	{ .name = "MB85RC64TA", .technology = "FRAM", .bus = CHIP_I2C, .size = 8192,
	  .address_bytes = 2, .max_clock = 1000000, .wake_us = 400, ID(0x00, 0xa3, 0x58),
	  .from_memory = FACT_WAKE,
	  .source = "janhavelka/MB85RC README + CHANGELOG; sosandroid/FRAM_MB85RC_I2C README; "
		    "documents.pub MB85RC64TA datasheet; RobTillaart/FRAM_I2C README/FRAM.cpp" },
	{ .name = "MB85RC128A", .technology = "FRAM", .bus = CHIP_I2C, .size = 16384,
	  .address_bytes = 2, .max_clock = 1000000, .from_memory = FACT_CLOCK,
	  .source = "sosandroid/FRAM_MB85RC_I2C README; Zanduino/MB85_FRAM MB85_FRAM.h; "
		    "RobTillaart/FRAM_I2C README/FRAM.cpp; cupdf MB85RC128 datasheet" },
	{ .name = "MB85RC256V", .technology = "FRAM", .bus = CHIP_I2C, .size = 32768,
	  .address_bytes = 2, .max_clock = 1000000, ID(0x00, 0xa5, 0x10),
	  .source = "janhavelka/MB85RC README + CHANGELOG; adafruit/Adafruit_FRAM_I2C.cpp; "
		    "vdocument.in MB85RC256V datasheet" },
	{ .name = "MB85RC512T", .technology = "FRAM", .bus = CHIP_I2C, .size = 65536,
	  .address_bytes = 2, .max_clock = 1000000, .wake_us = 400, ID(0x00, 0xa6, 0x58),
	  .from_memory = FACT_WAKE,
	  .source = "janhavelka/MB85RC README + CHANGELOG; Zanduino/MB85_FRAM MB85_FRAM.h; "
		    "RobTillaart/FRAM_I2C README/FRAM.cpp" },
	{ .name = "MB85RC1MT", .technology = "FRAM", .bus = CHIP_I2C, .size = 131072,
	  .address_bytes = 2, .device_bits = 1, .max_clock = 1000000, .wake_us = 400,
	  ID(0x00, 0xa7, 0x58), .from_memory = FACT_WAKE,
	  .source = "janhavelka/MB85RC README + CHANGELOG; sosandroid/FRAM_MB85RC_I2C README; "
		    "RobTillaart/FRAM_I2C README/FRAM.cpp" },

	/* Cypress/Infineon (Ramtron), FRAM on I2C */
	{ .name = "FM24C04B", .technology = "FRAM", .bus = CHIP_I2C, .size = 512,
	  .address_bytes = 1, .device_bits = 1, .max_clock = 1000000,
	  .source = "dtsheet.com/doc/3003505 FM24C04B; sosandroid/FRAM_MB85RC_I2C README" },
	{ .name = "FM24CL04B", .technology = "FRAM", .bus = CHIP_I2C, .size = 512,
	  .address_bytes = 1, .device_bits = 1, .max_clock = 1000000, .from_memory = FACT_CLOCK,
	  .source = "sosandroid/FRAM_MB85RC_I2C README" },
	{ .name = "FM24CL16B", .technology = "FRAM", .bus = CHIP_I2C, .size = 2048,
	  .address_bytes = 1, .device_bits = 3, .max_clock = 1000000,
	  .source = "sosandroid/FRAM_MB85RC_I2C README; scribd 659834247 FM24CL16B datasheet" },
	{ .name = "FM24CL64B", .technology = "FRAM", .bus = CHIP_I2C, .size = 8192,
	  .address_bytes = 2, .max_clock = 1000000,
	  .source = "sosandroid/FRAM_MB85RC_I2C README; elecfans FM24CL64B datasheet" },
	{ .name = "FM24W256", .technology = "FRAM", .bus = CHIP_I2C, .size = 32768,
	  .address_bytes = 2, .max_clock = 1000000,
	  .source = "sosandroid/FRAM_MB85RC_I2C README; dtsheet.com/doc/593166 FM24W256" },
	{ .name = "FM24V01A", .technology = "FRAM", .bus = CHIP_I2C, .size = 16384,
	  .address_bytes = 2, .max_clock = 3400000, .wake_us = 400, ID(0x00, 0x41),
	  .from_memory = FACT_WAKE,
	  .source = "sosandroid/FRAM_MB85RC_I2C README (CY15B128J/FM24V01A density 1); FM24V01 "
		    "datasheet" },
	{ .name = "FM24V02A", .technology = "FRAM", .bus = CHIP_I2C, .size = 32768,
	  .address_bytes = 2, .max_clock = 3400000, .wake_us = 400, ID(0x00, 0x42),
	  .from_memory = FACT_CLOCK | FACT_WAKE,
	  .source = "sosandroid/FRAM_MB85RC_I2C README" },
	{ .name = "FM24V05", .technology = "FRAM", .bus = CHIP_I2C, .size = 65536,
	  .address_bytes = 2, .max_clock = 3400000, .wake_us = 400, ID(0x00, 0x43),
	  .from_memory = FACT_WAKE,
	  .source = "sosandroid/FRAM_MB85RC_I2C README; RobTillaart/FRAM_I2C README/FRAM.cpp; "
		    "elecfans FM24V05 datasheet" },
	{ .name = "FM24V10", .technology = "FRAM", .bus = CHIP_I2C, .size = 131072,
	  .address_bytes = 2, .device_bits = 1, .max_clock = 3400000, .wake_us = 400,
	  ID(0x00, 0x44, 0x00), .from_memory = FACT_WAKE,
	  .source = "sosandroid/FRAM_MB85RC_I2C issue 14; sosandroid/FRAM_MB85RC_I2C README; "
		    "elecfans FM24V10 datasheet" },

	/* ROHM/Lapis, FRAM on I2C */
	{ .name = "MR44V064B", .technology = "FRAM", .bus = CHIP_I2C, .size = 8192,
	  .address_bytes = 2, .from_memory = FACT_SIZE | FACT_ADDRESS,
	  .source = "omo-ic.com FEDR44V064B p4" },
	{ .name = "MR44V100A", .technology = "FRAM", .bus = CHIP_I2C, .size = 131072,
	  .address_bytes = 2, .device_bits = 1, .from_memory = FACT_SIZE,
	  .source = "omo-ic.com FEDR44V100A p4" },

	/* Fujitsu/RAMXEED, FRAM on SPI */
	{ .name = "MB85RS16N", .technology = "FRAM", .bus = CHIP_SPI, .size = 2048,
	  .address_bytes = 2, ID(0x04, 0x7f, 0x01, 0x01),
	  .source = "adafruit/Adafruit_FRAM_SPI Adafruit_FRAM_SPI.cpp; openocd "
		    "src/flash/nor/spi.c FRAM_ID table; bigbigmdm/IMSProg database "
		    "IMSProg.Dat; oxidecomputer/hubris drv/mb85rsxx-fram/src/lib.rs" },
	{ .name = "MB85RS64V", .technology = "FRAM", .bus = CHIP_SPI, .size = 8192,
	  .address_bytes = 2, .max_clock = 20000000, ID(0x04, 0x7f, 0x03, 0x02),
	  .from_memory = FACT_CLOCK,
	  .source = "adafruit/Adafruit_FRAM_SPI Adafruit_FRAM_SPI.cpp; openocd "
		    "src/flash/nor/spi.c FRAM_ID table; not1337/spifram HOWTO.txt" },
	{ .name = "MB85RS64VY", .technology = "FRAM", .bus = CHIP_SPI, .size = 8192,
	  .address_bytes = 2, ID(0x04, 0x7f, 0x23, 0x02),
	  .source = "adafruit/Adafruit_FRAM_SPI PR 34; IMSProg (04 7F 23)" },
	{ .name = "MB85RS64T", .technology = "FRAM", .bus = CHIP_SPI, .size = 8192,
	  .address_bytes = 2, .wake_us = 400, ID(0x04, 0x7f, 0x23, 0x03),
	  .source = "adafruit/Adafruit_FRAM_SPI Adafruit_FRAM_SPI.cpp; oxidecomputer/hubris "
		    "drv/mb85rsxx-fram/src/lib.rs" },
	{ .name = "MB85RS128B", .technology = "FRAM", .bus = CHIP_SPI, .size = 16384,
	  .address_bytes = 2, .max_clock = 33000000, .max_read_clock = 25000000,
	  ID(0x04, 0x7f, 0x04, 0x09),
	  .source = "openocd src/flash/nor/spi.c FRAM_ID table; bigbigmdm/IMSProg database "
		    "IMSProg.Dat; scribd 473424738 MB85RS128B datasheet" },
	{ .name = "MB85RS128TY", .technology = "FRAM", .bus = CHIP_SPI, .size = 16384,
	  .address_bytes = 2, .wake_us = 400, ID(0x04, 0x7f, 0x24), .from_memory = FACT_WAKE,
	  .source = "bigbigmdm/IMSProg database IMSProg.Dat" },
	/* Two address bytes, although apache/nuttx drivers/mtd/ramtron.c says three. */
	{ .name = "MB85RS256B", .technology = "FRAM", .bus = CHIP_SPI, .size = 32768,
	  .address_bytes = 2, .max_clock = 33000000, .max_read_clock = 25000000,
	  ID(0x04, 0x7f, 0x05, 0x09), .from_memory = FACT_CLOCK,
	  .source = "openocd src/flash/nor/spi.c FRAM_ID table; bigbigmdm/IMSProg database "
		    "IMSProg.Dat" },
	{ .name = "MB85RS256TY", .technology = "FRAM", .bus = CHIP_SPI, .size = 32768,
	  .address_bytes = 2, .max_clock = 40000000, .wake_us = 400, ID(0x04, 0x7f, 0x25, 0x03),
	  .source = "adafruit/Adafruit_FRAM_SPI Adafruit_FRAM_SPI.cpp; vdocuments MB85RS256TY "
		    "datasheet; Adafruit PR 19" },
	{ .name = "MB85RS512T", .technology = "FRAM", .bus = CHIP_SPI, .size = 65536,
	  .address_bytes = 2, .wake_us = 400, ID(0x04, 0x7f, 0x26, 0x03),
	  .from_memory = FACT_WAKE,
	  .source = "openocd src/flash/nor/spi.c FRAM_ID table" },
	{ .name = "MB85RS512TY", .technology = "FRAM", .bus = CHIP_SPI, .size = 65536,
	  .address_bytes = 2, .wake_us = 400, ID(0x04, 0x7f, 0x46), .from_memory = FACT_WAKE,
	  .source = "bigbigmdm/IMSProg database IMSProg.Dat" },
	{ .name = "MB85RS1MT", .technology = "FRAM", .bus = CHIP_SPI, .size = 131072,
	  .address_bytes = 3, .max_clock = 25000000, .wake_us = 400, ID(0x04, 0x7f, 0x27, 0x03),
	  .source = "adafruit/Adafruit_FRAM_SPI Adafruit_FRAM_SPI.cpp; openocd "
		    "src/flash/nor/spi.c FRAM_ID table; apache/nuttx drivers/mtd/ramtron.c; "
		    "linux at25.yaml lists fujitsu,mb85rs1mt" },
	{ .name = "MB85RS2MT", .technology = "FRAM", .bus = CHIP_SPI, .size = 262144,
	  .address_bytes = 3, .wake_us = 400, ID(0x04, 0x7f, 0x28, 0x03),
	  .source = "adafruit/Adafruit_FRAM_SPI Adafruit_FRAM_SPI.cpp" },
	{ .name = "MB85RS2MTA", .technology = "FRAM", .bus = CHIP_SPI, .size = 262144,
	  .address_bytes = 3, .max_clock = 40000000, .wake_us = 400, ID(0x04, 0x7f, 0x48, 0x03),
	  .source = "adafruit/Adafruit_FRAM_SPI Adafruit_FRAM_SPI.cpp; openocd "
		    "src/flash/nor/spi.c FRAM_ID table; peterhinch/micropython_eeprom "
		    "FRAM_SPI.md; zephyr drivers/eeprom/eeprom_mb85rsxx.c" },
	{ .name = "MB85RS2MTY", .technology = "FRAM", .bus = CHIP_SPI, .size = 262144,
	  .address_bytes = 3, .wake_us = 400, ID(0x04, 0x7f, 0x48), .from_memory = FACT_WAKE,
	  .source = "bigbigmdm/IMSProg database IMSProg.Dat" },
	{ .name = "MB85RS4MT", .technology = "FRAM", .bus = CHIP_SPI, .size = 524288,
	  .address_bytes = 3, .max_clock = 40000000, .wake_us = 400, ID(0x04, 0x7f, 0x49, 0x03),
	  .source = "adafruit/Adafruit_FRAM_SPI Adafruit_FRAM_SPI.cpp; "
		    "peterhinch/micropython_eeprom FRAM_SPI.md; zephyr "
		    "drivers/eeprom/eeprom_mb85rsxx.c; PaulStoffregen/LittleFS "
		    "src/LittleFS.cpp" },
	{ .name = "MB85RS4MTY", .technology = "FRAM", .bus = CHIP_SPI, .size = 524288,
	  .address_bytes = 3, .wake_us = 450, ID(0x04, 0x7f, 0x49, 0x0b),
	  .source = "adafruit/Adafruit_FRAM_SPI Adafruit_FRAM_SPI.cpp + PR 33" },
	{ .name = "MB85RS8MT", .technology = "FRAM", .bus = CHIP_SPI, .size = 1048576,
	  .address_bytes = 3, .from_memory = FACT_SIZE,
	  .source = "(name only)" },

	/* Cypress/Infineon (Ramtron), FRAM on SPI */
	{ .name = "FM25L04B", .technology = "FRAM", .bus = CHIP_SPI, .size = 512,
	  .address_bytes = 1, .opcode_bits = 1, .max_clock = 20000000,
	 
	  .source = "datasheet.cloud FM25L04B; linux drivers/misc/eeprom/at25.c + commit "
		    "1b434ed000cd (2025)" },
	{ .name = "FM25040B", .technology = "FRAM", .bus = CHIP_SPI, .size = 512,
	  .address_bytes = 1, .opcode_bits = 1, .max_clock = 20000000, .from_memory = FACT_CLOCK,
	  .source = "linux drivers/misc/eeprom/at25.c + commit 1b434ed000cd (2025); dtsheet "
		    "FM25040B-GA" },
	{ .name = "FM25L16B", .technology = "FRAM", .bus = CHIP_SPI, .size = 2048,
	  .address_bytes = 2, .max_clock = 20000000, .from_memory = FACT_CLOCK,
	  .source = "linux drivers/misc/eeprom/at25.c + commit 1b434ed000cd (2025)" },
	{ .name = "FM25CL64B", .technology = "FRAM", .bus = CHIP_SPI, .size = 8192,
	  .address_bytes = 2, .max_clock = 20000000, .from_memory = FACT_CLOCK,
	  .source = "linux drivers/misc/eeprom/at25.c + commit 1b434ed000cd (2025); zephyr PR "
		    "94557; FM25CL64B-GA datasheet" },
	{ .name = "FM25W256", .technology = "FRAM", .bus = CHIP_SPI, .size = 32768,
	  .address_bytes = 2, .max_clock = 20000000, .from_memory = FACT_CLOCK,
	  .source = "linux drivers/misc/eeprom/at25.c + commit 1b434ed000cd (2025)" },
	{ .name = "FM25V01A", .technology = "FRAM", .bus = CHIP_SPI, .size = 16384,
	  .address_bytes = 2, .max_clock = 40000000, .wake_us = 400,
	  ID(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x21, 0x08), .from_memory = FACT_WAKE,
	  .source = "apache/nuttx drivers/mtd/ramtron.c; openocd src/flash/nor/spi.c FRAM_ID "
		    "table; linux drivers/misc/eeprom/at25.c + commit 1b434ed000cd (2025)" },
	{ .name = "FM25V02", .technology = "FRAM", .bus = CHIP_SPI, .size = 32768,
	  .address_bytes = 2, .max_clock = 40000000, .wake_us = 400,
	  ID(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x22, 0x00), .from_memory = FACT_WAKE,
	  .source = "apache/nuttx drivers/mtd/ramtron.c; openocd src/flash/nor/spi.c FRAM_ID "
		    "table; adafruit/Adafruit_FRAM_SPI Adafruit_FRAM_SPI.cpp" },
	{ .name = "FM25V02A", .technology = "FRAM", .bus = CHIP_SPI, .size = 32768,
	  .address_bytes = 2, .max_clock = 40000000, .wake_us = 400,
	  ID(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x22, 0x08), .from_memory = FACT_WAKE,
	  .source = "apache/nuttx drivers/mtd/ramtron.c; openocd src/flash/nor/spi.c FRAM_ID "
		    "table; datasheet.directory FM25V02A; PX4-Autopilot PR 28312" },
	{ .name = "FM25V05", .technology = "FRAM", .bus = CHIP_SPI, .size = 65536,
	  .address_bytes = 2, .max_clock = 40000000, .wake_us = 400,
	  ID(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x23, 0x00), .from_memory = FACT_WAKE,
	  .source = "apache/nuttx drivers/mtd/ramtron.c; openocd src/flash/nor/spi.c FRAM_ID "
		    "table" },
	{ .name = "FM25V10", .technology = "FRAM", .bus = CHIP_SPI, .size = 131072,
	  .address_bytes = 3, .max_clock = 40000000, .wake_us = 400,
	  ID(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x24, 0x00), .from_memory = FACT_WAKE,
	  .source = "apache/nuttx drivers/mtd/ramtron.c; openocd src/flash/nor/spi.c FRAM_ID "
		    "table; PaulStoffregen/LittleFS src/LittleFS.cpp; dtsheet FM25V10" },
	{ .name = "FM25V20A", .technology = "FRAM", .bus = CHIP_SPI, .size = 262144,
	  .address_bytes = 3, .max_clock = 40000000, .wake_us = 400,
	  ID(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x25, 0x08), .from_memory = FACT_WAKE,
	  .source = "apache/nuttx drivers/mtd/ramtron.c; openocd src/flash/nor/spi.c FRAM_ID "
		    "table; elecfans FM25V20A" },
	{ .name = "CY15B104Q", .technology = "FRAM", .bus = CHIP_SPI, .size = 524288,
	  .address_bytes = 3, .max_clock = 40000000, .wake_us = 400,
	  ID(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x26, 0x08), .from_memory = FACT_WAKE,
	  .source = "apache/nuttx drivers/mtd/ramtron.c; PaulStoffregen/LittleFS "
		    "src/LittleFS.cpp" },
	{ .name = "CY15B102QN", .technology = "FRAM", .bus = CHIP_SPI, .size = 262144,
	  .address_bytes = 3, .max_clock = 50000000,
	  ID(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x2a, 0x00), .from_memory = FACT_CLOCK,
	  .source = "openocd src/flash/nor/spi.c FRAM_ID table; linux "
		    "drivers/misc/eeprom/at25.c + commit 1b434ed000cd (2025); "
		    "PaulStoffregen/LittleFS src/LittleFS.cpp; icpdf CY15B102QM" },
	{ .name = "CY15B104QI", .technology = "FRAM", .bus = CHIP_SPI, .size = 524288,
	  .address_bytes = 3, .max_clock = 20000000,
	  ID(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x2d),
	  .source = "openocd src/flash/nor/spi.c FRAM_ID table; elecfans CY15V104QI" },
	{ .name = "CY15B104QN", .technology = "FRAM", .bus = CHIP_SPI, .size = 524288,
	  .address_bytes = 3, .max_clock = 50000000,
	  ID(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x2c, 0x40),
	  .source = "openocd src/flash/nor/spi.c FRAM_ID table; RAK15007_CY15B108QN.cpp; "
		    "elecfans CY15V104QN" },
	{ .name = "CY15B108QI", .technology = "FRAM", .bus = CHIP_SPI, .size = 1048576,
	  .address_bytes = 3, .max_clock = 20000000,
	  ID(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x2f), .from_memory = FACT_CLOCK,
	  .source = "openocd src/flash/nor/spi.c FRAM_ID table; eeworld CY15B108QI" },
	{ .name = "CY15B108QN", .technology = "FRAM", .bus = CHIP_SPI, .size = 1048576,
	  .address_bytes = 3, .max_clock = 50000000,
	  ID(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x2e),
	  .source = "openocd src/flash/nor/spi.c FRAM_ID table; PaulStoffregen/LittleFS "
		    "src/LittleFS.cpp; RAK15007_CY15B108QN.cpp; elecfans CY15B108QN" },
	{ .name = "CY15B116QN", .technology = "FRAM", .bus = CHIP_SPI, .size = 2097152,
	  .address_bytes = 3, ID(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x30),
	  .source = "linux drivers/misc/eeprom/at25.c + commit 1b434ed000cd (2025)" },
	{ .name = "CY15B116QI", .technology = "FRAM", .bus = CHIP_SPI, .size = 2097152,
	  .address_bytes = 3,
	  .source = "linux drivers/misc/eeprom/at25.c + commit 1b434ed000cd (2025) (rule)" },

	/* ROHM/Lapis, FRAM on SPI */
	{ .name = "MR45V064B", .technology = "FRAM", .bus = CHIP_SPI, .size = 8192,
	  .address_bytes = 2, ID(0xae, 0x83, 0x05),
	  .source = "adafruit/Adafruit_FRAM_SPI Adafruit_FRAM_SPI.cpp + PR 15" },
	{ .name = "MR45V100A", .technology = "FRAM", .bus = CHIP_SPI, .size = 131072,
	  .address_bytes = 3, ID(0xae, 0x83, 0x09),
	  .source = "PaulStoffregen/LittleFS src/LittleFS.cpp" },
	{ .name = "MR45V200B", .technology = "FRAM", .bus = CHIP_SPI, .size = 262144,
	  .address_bytes = 3, .max_clock = 34000000, .from_memory = FACT_OPCODES,
	  .source = "elecfans FEDR45V200B" },
	{ .name = "MR45V256A", .technology = "FRAM", .bus = CHIP_SPI, .size = 32768,
	  .address_bytes = 2, .from_memory = FACT_SIZE | FACT_ADDRESS,
	  .source = "its name" },

	/* Everspin, MRAM on SPI */
	{ .name = "MR25H128", .technology = "MRAM", .bus = CHIP_SPI, .size = 16384,
	  .address_bytes = 2, .max_clock = 40000000,
	  .source = "linux drivers/mtd/spi-nor/everspin.c; os.mbed.com Everspin MR25H00-EVAL "
		    "main.cpp; datasheet.live MR25H256/MR25H40" },
	{ .name = "MR25H256", .technology = "MRAM", .bus = CHIP_SPI, .size = 32768,
	  .address_bytes = 2, .max_clock = 40000000,
	  .source = "linux drivers/mtd/spi-nor/everspin.c; os.mbed.com Everspin MR25H00-EVAL "
		    "main.cpp; datasheet.live MR25H256/MR25H40" },
	{ .name = "MR25H10", .technology = "MRAM", .bus = CHIP_SPI, .size = 131072,
	  .address_bytes = 3, .max_clock = 40000000,
	  .source = "linux drivers/mtd/spi-nor/everspin.c; os.mbed.com Everspin MR25H00-EVAL "
		    "main.cpp; datasheet.live MR25H256/MR25H40" },
	{ .name = "MR25H40", .technology = "MRAM", .bus = CHIP_SPI, .size = 524288,
	  .address_bytes = 3, .max_clock = 40000000,
	  .source = "linux drivers/mtd/spi-nor/everspin.c; os.mbed.com Everspin MR25H00-EVAL "
		    "main.cpp; datasheet.live MR25H256/MR25H40" },

	/* Microchip/Atmel, EEPROM on I2C */
	{ .name = "AT24C01", .technology = "EEPROM", .bus = CHIP_I2C, .size = 128,
	  .address_bytes = 1, .page_size = 8, .write_ms = 5, .max_clock = 400000,
	  .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/i2c_xx24xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md; linux at24.c" },
	{ .name = "AT24C02", .technology = "EEPROM", .bus = CHIP_I2C, .size = 256,
	  .address_bytes = 1, .page_size = 8, .write_ms = 5, .max_clock = 400000,
	  .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/i2c_xx24xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md; linux at24.c" },
	{ .name = "AT24C04", .technology = "EEPROM", .bus = CHIP_I2C, .size = 512,
	  .address_bytes = 1, .device_bits = 1, .page_size = 16, .write_ms = 5,
	  .max_clock = 400000, .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/i2c_xx24xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md; linux at24.c" },
	{ .name = "AT24C08", .technology = "EEPROM", .bus = CHIP_I2C, .size = 1024,
	  .address_bytes = 1, .device_bits = 2, .page_size = 16, .write_ms = 5,
	  .max_clock = 400000, .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/i2c_xx24xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md; linux at24.c" },
	{ .name = "AT24C16", .technology = "EEPROM", .bus = CHIP_I2C, .size = 2048,
	  .address_bytes = 1, .device_bits = 3, .page_size = 16, .write_ms = 5,
	  .max_clock = 400000, .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/i2c_xx24xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md; linux at24.c" },
	{ .name = "AT24C32", .technology = "EEPROM", .bus = CHIP_I2C, .size = 4096,
	  .address_bytes = 2, .page_size = 32, .write_ms = 5, .max_clock = 400000,
	  .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/i2c_xx24xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md; linux at24.c" },
	{ .name = "AT24C64", .technology = "EEPROM", .bus = CHIP_I2C, .size = 8192,
	  .address_bytes = 2, .page_size = 32, .write_ms = 5, .max_clock = 400000,
	  .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/i2c_xx24xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md; linux at24.c" },
	{ .name = "AT24C128", .technology = "EEPROM", .bus = CHIP_I2C, .size = 16384,
	  .address_bytes = 2, .page_size = 64, .write_ms = 5, .max_clock = 400000,
	  .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/i2c_xx24xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md; linux at24.c" },
	{ .name = "AT24C256", .technology = "EEPROM", .bus = CHIP_I2C, .size = 32768,
	  .address_bytes = 2, .page_size = 64, .write_ms = 5, .max_clock = 400000,
	  .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/i2c_xx24xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md; linux at24.c" },

	/* Microchip, EEPROM on I2C */
	{ .name = "24LC256", .technology = "EEPROM", .bus = CHIP_I2C, .size = 32768,
	  .address_bytes = 2, .page_size = 64, .write_ms = 5, .max_clock = 400000,
	  .from_memory = FACT_CLOCK,
	  .source = "apache/nuttx drivers/eeprom/i2c_xx24xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md; linux at24.c; JChristensen/extEEPROM "
		    "issue 28" },

	/* Microchip/Atmel, EEPROM on I2C */
	{ .name = "AT24C512", .technology = "EEPROM", .bus = CHIP_I2C, .size = 65536,
	  .address_bytes = 2, .page_size = 128, .write_ms = 5, .max_clock = 400000,
	  .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/i2c_xx24xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md; linux at24.c" },
	{ .name = "AT24CM01", .technology = "EEPROM", .bus = CHIP_I2C, .size = 131072,
	  .address_bytes = 2, .device_bits = 1, .page_size = 256, .write_ms = 5,
	  .max_clock = 1000000, .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "BusPirate docs identify-serial-memory-chips.md; apache/nuttx "
		    "drivers/eeprom/i2c_xx24xx.c (AT24C1024)" },

	/* Microchip, EEPROM on I2C */
	/* A16 is bit 2 of the device address: the chip is at 50 and 54. */
	{ .name = "24LC1025", .technology = "EEPROM", .bus = CHIP_I2C, .size = 131072,
	  .address_bytes = 2, .device_bits = 1, .device_shift = 2, .page_size = 128,
	  .write_ms = 5, .max_clock = 400000, .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/i2c_xx24xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md" },

	/* Microchip/Atmel, EEPROM on I2C */
	{ .name = "AT24CM02", .technology = "EEPROM", .bus = CHIP_I2C, .size = 262144,
	  .address_bytes = 2, .device_bits = 2, .page_size = 256, .write_ms = 10,
	  .max_clock = 1000000, .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "BusPirate docs identify-serial-memory-chips.md; apache/nuttx "
		    "drivers/eeprom/i2c_xx24xx.c" },

	/* ST, EEPROM on I2C */
	{ .name = "M24M01", .technology = "EEPROM", .bus = CHIP_I2C, .size = 131072,
	  .address_bytes = 2, .device_bits = 1, .page_size = 256, .write_ms = 5,
	  .max_clock = 1000000, .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/i2c_xx24xx.c" },
	/* Answers at 58 as well, with its identification page. */
	{ .name = "M24M02", .technology = "EEPROM", .bus = CHIP_I2C, .size = 262144,
	  .address_bytes = 2, .device_bits = 2, .page_size = 256, .write_ms = 10,
	  .max_clock = 1000000,
	  .source = "apache/nuttx drivers/eeprom/i2c_xx24xx.c; dtsheet M24M02-DR; "
		    "kriswiner/M24M02_EEPROM" },

	/* Microchip/Atmel, EEPROM on SPI */
	{ .name = "AT25040B", .technology = "EEPROM", .bus = CHIP_SPI, .size = 512,
	  .address_bytes = 1, .opcode_bits = 1, .page_size = 8, .write_ms = 5,
	  .max_clock = 10000000, .from_memory = FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/spi_xx25xx.c" },

	/* Microchip, EEPROM on SPI */
	{ .name = "25LC256", .technology = "EEPROM", .bus = CHIP_SPI, .size = 32768,
	  .address_bytes = 2, .page_size = 64, .write_ms = 5, .max_clock = 10000000,
	  .source = "apache/nuttx drivers/eeprom/spi_xx25xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md" },
	{ .name = "25LC512", .technology = "EEPROM", .bus = CHIP_SPI, .size = 65536,
	  .address_bytes = 2, .page_size = 128, .write_ms = 5, .max_clock = 20000000,
	  .from_memory = FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/spi_xx25xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md" },
	{ .name = "25LC1024", .technology = "EEPROM", .bus = CHIP_SPI, .size = 131072,
	  .address_bytes = 3, .page_size = 256, .write_ms = 6, .max_clock = 20000000,
	  .source = "apache/nuttx drivers/eeprom/spi_xx25xx.c; dtsheet 25LC1024" },

	/* Microchip/Atmel, EEPROM on SPI */
	{ .name = "AT25M01", .technology = "EEPROM", .bus = CHIP_SPI, .size = 131072,
	  .address_bytes = 3, .page_size = 256, .write_ms = 5, .max_clock = 5000000,
	  .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/spi_xx25xx.c; BusPirate docs "
		    "identify-serial-memory-chips.md" },
	{ .name = "AT25M02", .technology = "EEPROM", .bus = CHIP_SPI, .size = 262144,
	  .address_bytes = 3, .page_size = 256, .write_ms = 10, .max_clock = 5000000,
	  .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "BusPirate docs identify-serial-memory-chips.md" },

	/* ST, EEPROM on SPI */
	{ .name = "M95M02", .technology = "EEPROM", .bus = CHIP_SPI, .size = 262144,
	  .address_bytes = 3, .page_size = 256, .write_ms = 10, .max_clock = 5000000,
	  .from_memory = FACT_WRITE_TIME,
	  .source = "apache/nuttx drivers/eeprom/spi_xx25xx.c" },

	/* Microchip, EEPROM on SPI */
	{ .name = "25CSM04", .technology = "EEPROM", .bus = CHIP_SPI, .size = 524288,
	  .address_bytes = 3, .page_size = 256, .write_ms = 5, .max_clock = 8000000,
	  ID(0x29, 0xcc, 0x00, 0x01, 0x00), .from_memory = FACT_CLOCK | FACT_WRITE_TIME,
	  .source = "qemu hw/block/m25p80.c (0x29cc00 ext 0x100); Microchip XPRO example "
		    "README" },

	/* Cypress/Infineon, NVSRAM on I2C */
	/* Keeps its contents without power only if a capacitor is fitted at VCAP. */
	{ .name = "CY14B101I", .technology = "NVSRAM", .bus = CHIP_I2C, .size = 131072,
	  .address_bytes = 2, .device_bits = 1, .max_clock = 3400000,
	  .from_memory = FACT_SIZE,
	  .source = "Cypress SerialNVRAM_1.c component; dtsheet CY14B256I; icpdf CY14B101J2" },

	/* Cypress/Infineon, NVSRAM on SPI */
	{ .name = "CY14B101PA", .technology = "NVSRAM", .bus = CHIP_SPI, .size = 131072,
	  .address_bytes = 3, .max_clock = 40000000,
	  .from_memory = FACT_SIZE | FACT_OPCODES,
	  .source = "Cypress SerialNVRAM_1.c; dtsheet CY14B101Q1A" },

	/* Microchip, NVSRAM on SPI */
	/* Keep their contents as long as their battery lasts. */
	{ .name = "23LCV512", .technology = "NVSRAM", .bus = CHIP_SPI, .size = 65536,
	  .address_bytes = 2, .max_clock = 20000000, .no_write_enable = true,
	  .mode_register = true,
	  .source = "linux drivers/mtd/devices/mchp23k256.c; vdocument 23LCV1024; "
		    "datasheetlookup 23LCV512" },
	{ .name = "23LCV1024", .technology = "NVSRAM", .bus = CHIP_SPI, .size = 131072,
	  .address_bytes = 3, .max_clock = 20000000, .no_write_enable = true,
	  .mode_register = true,
	  .source = "linux drivers/mtd/devices/mchp23k256.c; vdocument 23LCV1024; "
		    "datasheetlookup 23LCV512" },

	/* Fujitsu, ReRAM on SPI */
	/* Ids and opcodes as FRAM of this maker, but write cycles of pages; nobody says how long. */
	{ .name = "MB85AS4MT", .technology = "ReRAM", .bus = CHIP_SPI, .size = 524288,
	  .address_bytes = 3, .page_size = 256, .max_clock = 5000000, ID(0x04, 0x7f, 0xc9, 0x03),
	  .source = "elecfans MB85AS4MT datasheet; apache/nuttx drivers/mtd/ramtron.c" },
};
/* clang-format on */

const struct chip_model *chip_model_row(size_t i)
{
	return i < ARRAY_SIZE(models) ? &models[i] : NULL;
}
