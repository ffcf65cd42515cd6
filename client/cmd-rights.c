/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl rename, chmod and chown: what a block is called, and whose it is. */
#include "input.h"

int cmd_rename(struct smmctl *ctl, char **args)
{
	uint32_t id;
	int r = find_block(ctl, args[0], &id);

	return r < 0 ? r : smm_client_rename(ctl->client, id, args[1]);
}

/* Letters change the mode that the block has. */
static int change_mode(struct smmctl *ctl, const char *block, const char *text)
{
	_cleanup_call_ smm_call *info = NULL;
	uint64_t old;
	uint32_t id, mode;
	int r;

	r = find_block(ctl, block, &id);
	if (r >= 0)
		r = smm_client_block_info(ctl->client, id, &info);
	if (r >= 0)
		r = smm_call_get_number(info, "Mode", &old);
	if (r < 0)
		return r;
	mode = (uint32_t)old;
	r = parse_mode(ctl, text, &mode);
	return r < 0 ? r : smm_client_set_mode(ctl->client, id, mode);
}

int cmd_chmod(struct smmctl *ctl, char **args)
{
	uint32_t any = 0;
	int r = parse_mode(ctl, args[0], &any); /* before a block is touched */

	for (char **block = args + 1; r >= 0 && *block; block++)
		r = change_mode(ctl, *block, args[0]);
	return r;
}

/* Takes OWNER, OWNER:GROUP or :GROUP apart; UINT32_MAX is what is not said. */
static int parse_owner(struct smmctl *ctl, char *text, uint32_t *uid, uint32_t *gid)
{
	char *colon = strchr(text, ':');
	int r = 0;

	*uid = *gid = UINT32_MAX;
	if (colon)
		*colon++ = '\0';
	if (*text)
		r = parse_user(ctl, text, uid);
	if (r >= 0 && colon && *colon)
		r = parse_group(ctl, colon, gid);
	if (r >= 0 && *uid == UINT32_MAX && *gid == UINT32_MAX)
		return usage_error(ctl, "no owner was given; write OWNER, OWNER:GROUP or :GROUP");
	return r;
}

/* The two are changed together: what is not said stays as it is. */
static int change_owner(struct smmctl *ctl, const char *block, uint32_t uid, uint32_t gid)
{
	_cleanup_call_ smm_call *info = NULL;
	uint64_t owner, group;
	uint32_t id;
	int r;

	r = find_block(ctl, block, &id);
	if (r >= 0)
		r = smm_client_block_info(ctl->client, id, &info);
	if (r >= 0)
		r = smm_call_get_number(info, "Owner", &owner);
	if (r >= 0)
		r = smm_call_get_number(info, "Group", &group);
	if (r < 0)
		return r;
	return smm_client_set_owner(ctl->client, id, uid == UINT32_MAX ? (uint32_t)owner : uid,
				    gid == UINT32_MAX ? (uint32_t)group : gid);
}

int cmd_chown(struct smmctl *ctl, char **args)
{
	uint32_t uid, gid;
	int r = parse_owner(ctl, args[0], &uid, &gid);

	for (args++; r >= 0 && *args; args++)
		r = change_owner(ctl, *args, uid, gid);
	return r;
}
