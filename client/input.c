/* SPDX-License-Identifier: BSD-3-Clause */
#include "input.h"

#include <ctype.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include "numbers.h"

/* No chip holds more. */
#define INPUT_MAX (2u * 1024 * 1024)

/* Data */

int read_all(struct smmctl *ctl, FILE *file, const char *name, void **data, uint32_t *size)
{
	_cleanup_free_ char *buffer = malloc(INPUT_MAX + 1);
	size_t n;

	if (!buffer)
		return -ENOMEM;
	n = fread(buffer, 1, INPUT_MAX + 1, file);
	if (ferror(file))
		return failure(ctl, -EIO, "cannot read %s: %s", name, strerror(errno));
	if (n > INPUT_MAX)
		return failure(ctl, -E2BIG, "%s holds more than %u bytes, which no memory can take",
			       name, INPUT_MAX);
	*data = TAKE(buffer);
	*size = (uint32_t)n;
	return 0;
}

static int read_file(struct smmctl *ctl, const char *path, void **data, uint32_t *size)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");

	if (!file)
		return failure(ctl, -errno, "cannot open %s: %s", path, strerror(errno));
	return read_all(ctl, file, path, data, size);
}

static int join(char *const *words, void **text, uint32_t *size)
{
	size_t length;
	FILE *stream = open_memstream((char **)text, &length);

	if (!stream)
		return -ENOMEM;
	for (size_t i = 0; words[i]; i++)
		fprintf(stream, "%s%s", i ? " " : "", words[i]);
	if (fclose(stream) != 0)
		return -ENOMEM;
	*size = (uint32_t)length;
	return 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Turns pairs of digits into bytes, in place. */
static int decode_hex(struct smmctl *ctl, char *text, uint32_t *size)
{
	uint32_t out = 0;

	for (uint32_t in = 0; in < *size; in++) {
		if (isspace((unsigned char)text[in]))
			continue;
		int high = digit(text[in]);
		int low = ++in < *size ? digit(text[in]) : -1;
		if (high < 0 || low < 0)
			return usage_error(ctl, "--hex takes pairs of hex digits, as in: 00 ff a1");
		text[out++] = (char)(high << 4 | low);
	}
	*size = out;
	return 0;
}

int input_data(struct smmctl *ctl, char *const *words, void **data, uint32_t *size)
{
	_cleanup_free_ void *text = NULL;
	bool none = !words[0] || (strcmp(words[0], "-") == 0 && !words[1]);
	int r;

	if (ctl->file && !none)
		return usage_error(ctl, "the data is either --file or '%s', not both", words[0]);
	if (ctl->file && strcmp(ctl->file, "-") != 0)
		r = read_file(ctl, ctl->file, &text, size);
	else if (none)
		r = read_all(ctl, stdin, "standard input", &text, size);
	else
		r = join(words, &text, size);
	if (r >= 0 && ctl->hex)
		r = decode_hex(ctl, text, size);
	if (r < 0)
		return r;
	*data = TAKE(text);
	return 0;
}

/* Modes */

static uint32_t whose(char c)
{
	return c == 'u' ? 0700 : c == 'g' ? 0070 : c == 'o' ? 0007 : c == 'a' ? 0777 : 0;
}

static bool is_operator(char c)
{
	return c == '+' || c == '-' || c == '=';
}

/* "+r" and "=rw"; @text is moved behind it. The umask @mask holds where nobody is named. */
static void apply_operator(const char **text, uint32_t who, uint32_t mask, uint32_t *mode)
{
	const char *t = *text;
	uint32_t bits = 0;

	while (*++t == 'r' || *t == 'w')
		bits |= *t == 'r' ? 0444 : 0222;
	bits &= who ? who : ~mask;
	if (**text == '+')
		*mode |= bits;
	else if (**text == '-')
		*mode &= ~bits;
	else
		*mode = (who ? *mode & ~who : 0) | bits;
	*text = t;
}

/* As chmod(1) does. */
static bool apply_symbols(const char *text, uint32_t *mode)
{
	const uint32_t mask = umask(0);

	umask(mask);
	for (;; text++) {
		uint32_t who = 0;

		while (whose(*text))
			who |= whose(*text++);
		if (!is_operator(*text))
			return false;
		while (is_operator(*text))
			apply_operator(&text, who, mask, mode);
		if (*text != ',')
			return !*text;
	}
}

int parse_mode(struct smmctl *ctl, const char *text, uint32_t *mode)
{
	if (parse_octal_mode(text, mode) || apply_symbols(text, mode))
		return 0;
	return usage_error(ctl,
			   "'%s' is not a mode; give octal digits, as in 640, or r and w for u, g, "
			   "o or a, as in u=rw,g+r",
			   text);
}

/* People */

int parse_user(struct smmctl *ctl, const char *text, uint32_t *uid)
{
	const struct passwd *user = getpwnam(text);

	if (user)
		*uid = user->pw_uid;
	else if (!parse_number(text, 1, uid) || *uid == UINT32_MAX)
		return usage_error(ctl, "there is no user '%s'; give a name or a number", text);
	return 0;
}

int parse_group(struct smmctl *ctl, const char *text, uint32_t *gid)
{
	const struct group *group = getgrnam(text);

	if (group)
		*gid = group->gr_gid;
	else if (!parse_number(text, 1, gid) || *gid == UINT32_MAX)
		return usage_error(ctl, "there is no group '%s'; give a name or a number", text);
	return 0;
}
