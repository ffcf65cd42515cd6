/* SPDX-License-Identifier: BSD-3-Clause */
#include "udev.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "nodes.h"

#define UDEV_GROUP 2u
#define MAGIC      0xfeedcafeu

/* src/libsystemd/sd-device/device-monitor.c of systemd; it has not changed since 2009. */
struct header {
	char prefix[8];
	uint32_t magic; /* big endian, like the hashes */
	uint32_t header_size;
	uint32_t properties_offset, properties_size;
	uint32_t subsystem_hash, devtype_hash;
	uint32_t tag_bloom[2];
};

/* MurmurHash2, little endian: what the filters of the listeners look at. */
static uint32_t hash(const char *text)
{
	const uint32_t m = 0x5bd1e995;
	size_t left = strlen(text);
	uint32_t h = (uint32_t)left;

	for (; left >= 4; left -= 4, text += 4) {
		uint32_t k;

		memcpy(&k, text, 4);
		k *= m;
		k ^= k >> 24;
		k *= m;
		h *= m;
		h ^= k;
	}
	if (left) {
		uint32_t k = 0;

		memcpy(&k, text, left);
		h ^= k;
		h *= m;
	}
	h ^= h >> 13;
	h *= m;
	return h ^ h >> 15;
}

/* Strings with a NUL behind each. */
static size_t print_properties(const struct board_device *device, const char *action, char *to,
			       size_t size)
{
	static unsigned int sequence;
	char place[PATH_MAX];
	int length;

	nodes_place(device, place, sizeof(place));
	length = snprintf(to, size,
			  "ACTION=%s%cDEVPATH=/%s%cSUBSYSTEM=%s%cDEVNAME=/dev/%s%cMAJOR=%u%c"
			  "MINOR=%u%cSEQNUM=%u%cUSEC_INITIALIZED=1",
			  action, 0, place, 0, nodes_subsystem(device), 0, device->name, 0,
			  major(device->number), 0, minor(device->number), 0, ++sequence, 0);
	return (size_t)length + 1;
}

int udev_tell(const struct board_device *device, const char *action)
{
	char properties[PATH_MAX + 256];
	size_t size = print_properties(device, action, properties, sizeof(properties));
	struct header header = {
		.prefix = "libudev",
		.magic = htonl(MAGIC),
		.header_size = sizeof(header),
		.properties_offset = sizeof(header),
		.properties_size = (uint32_t)size,
		.subsystem_hash = htonl(hash(nodes_subsystem(device))),
	};
	struct iovec parts[] = { { &header, sizeof(header) }, { properties, size } };
	struct sockaddr_nl group = { .nl_family = AF_NETLINK, .nl_groups = UDEV_GROUP };
	struct msghdr message = {
		.msg_name = &group,
		.msg_namelen = sizeof(group),
		.msg_iov = parts,
		.msg_iovlen = 2,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	int r = 0;

	if (fd < 0 || sendmsg(fd, &message, 0) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

int udev_pretend(void)
{
	int fd;

	if (mkdir("/run/udev", 0755) < 0 && errno != EEXIST)
		return -errno;
	if (mount("smm-rig", "/run/udev", "tmpfs", MS_NOSUID, "mode=0755") < 0)
		return -errno;
	fd = open("/run/udev/control", O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}
