/* SPDX-License-Identifier: BSD-3-Clause */
#include "event.h"

#include <stdio.h>
#include <time.h>

json_object *event_new(void)
{
	json_object *event = json_object_new_object();
	char text[64], date[32], zone[8];
	struct timespec now;
	struct tm local;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &local);
	strftime(zone, sizeof(zone), "%z", &local);
	snprintf(text, sizeof(text), "%s.%03ld%s", date, now.tv_nsec / 1000000, zone);
	put_text(event, "Time", text);
	return event;
}

void event_print(const struct output *output, json_object *event, const char *text)
{
	if (output->json) {
		print_json(output, event);
	} else {
		const char *when = json_object_get_string(json_object_object_get(event, "Time"));

		/* Without the date and the zone. */
		printf("%s%.12s%s %s\n", colour(output, COLOUR_FAINT), when + 11,
		       colour(output, COLOUR_NONE), text);
	}
	fflush(stdout);
}
