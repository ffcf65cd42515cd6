/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether somebody may do what administrators do: uid 0 may; of others polkit is asked, for the
 * action org.smm1.manage. Where no polkit answers on the bus, it is uid 0 alone.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "creds.h"

struct question;

/**
 * authority_ask() - ask polkit, and go on.
 * @bus: where polkit is
 * @creds: of whom; on a session, polkit is asked about the connection that it was opened through
 * @message: the call that it is about; says whether the user may be asked for a password
 * @answer: called once, with @userdata; 0 or a negative errno with a sentence. Then there is no
 *	question any more.
 * @question: receives it; question_drop() takes it back
 *
 * Return: 0, or a negative errno with @error set.
 */
int authority_ask(sd_bus *bus, const struct creds *creds, sd_bus_message *message,
		  void (*answer)(void *userdata, int result, const sd_bus_error *error),
		  void *userdata, struct question **question, sd_bus_error *error);

/* Forgets about a question that is not answered yet; NULL is none. */
void question_drop(struct question *question);
