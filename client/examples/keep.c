/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keep: counts in a struct how often it was started. It keeps the struct over a power loss with
 * three calls: open, store, close.
 *
 *	cc keep.c $(pkg-config --cflags --libs libsmm-client)
 */
#include <smm-client.h>
#include <stdio.h>

static struct {
	unsigned int starts;
	float limit;
} state = { .limit = 21.5f }; /* until there is another on the chip */

int main(void)
{
	smm_client *client = NULL;
	smm_var *var = NULL;
	int r;

	r = smm_client_open(&client, NULL, NULL);
	if (r >= 0)
		r = smm_var_open(&var, client, "state", &state, sizeof(state));
	state.starts++;
	if (r >= 0)
		r = smm_var_store(var); /* it is on the chip now */
	if (r < 0)
		fprintf(stderr, "%s\n", smm_client_error_message(client));
	else
		printf("start %u, limit %.1f\n", state.starts, (double)state.limit);
	smm_var_close(var);
	smm_client_close(client);
	return r < 0;
}
