/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an administrator may have to act on, by the ids that the journal knows it by. Each has an
 * entry in systemd/smm.catalog, which says what to do; an id never changes its meaning.
 */
#pragma once

#define MESSAGE_ONLINE       "9eabfc14dd264cdd803ce94f56d70222"
#define MESSAGE_OFFLINE      "25ae367ca2ff42a0b174e204c05c3faf"
#define MESSAGE_BLANK        "e98dc3ff9b9348f1a7214123179963ac"
#define MESSAGE_FOREIGN      "33ab6465f7fa49e698cff7638ef49a82"
#define MESSAGE_OTHER_CHIP   "f3b874c6dcfd4f158da77f6289d69e1f"
#define MESSAGE_INTERRUPTED  "6313d4ba315e4db39f2687c09639046f"
#define MESSAGE_CORRUPT      "004eecf8f2e74cf590d8bc594a674a7f"
#define MESSAGE_READ_ONLY    "4a8f2b0893de43d695d193e236efe1e1"
#define MESSAGE_DROPS_WRITES "e6778e13ae9c48e4a35d92f9524837a5"
#define MESSAGE_POWER_FAILS  "f1a8632284a2424d9fa9cca0e41e6b47"
#define MESSAGE_DAMAGED      "5c6bba20385f41d6868cc34e239897ab"
#define MESSAGE_CHANGED      "bdb580d777804b4f87efa9220f64d4c4"
#define MESSAGE_STUCK        "054162a84a9d4e898a30d25cf9e08f27"
