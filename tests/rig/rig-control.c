/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smm-rig-control SOCKET COMMAND [WORD...]: has smm-rig do something to its board.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static FILE *reach(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return NULL;
	return fdopen(fd, "r+");
}

int main(int argc, char **argv)
{
	FILE *connection;
	char line[256];
	int status = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: smm-rig-control SOCKET COMMAND [WORD...]\n");
		return 2;
	}
	connection = reach(argv[1]);
	if (!connection) {
		fprintf(stderr, "smm-rig-control: %s: %m\n", argv[1]);
		return 1;
	}
	for (int i = 2; i < argc; i++)
		fprintf(connection, "%s%c", argv[i], i + 1 < argc ? ' ' : '\n');
	fflush(connection);
	while (fgets(line, sizeof(line), connection)) {
		if (strncmp(line, "error: ", 7) == 0)
			status = 1;
		fputs(line, status ? stderr : stdout);
	}
	fclose(connection);
	return status;
}
