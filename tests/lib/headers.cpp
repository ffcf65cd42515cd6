/* SPDX-License-Identifier: BSD-3-Clause */
/* The headers are for C++11 as well: this only has to compile. */
#include "smm.h"
#include "smm_store.h"
