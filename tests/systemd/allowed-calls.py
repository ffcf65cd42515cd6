#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""allowed-calls.py UNIT: the system calls that the unit's SystemCallFilter= lets pass, one a line."""
import re
import subprocess
import sys

groups = {}
name = None
listing = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter"], check=True, capture_output=True, text=True)
for line in listing.stdout.splitlines():
    line = re.sub(r"\x1b\[[0-9;]*m", "", line)
    if line.startswith("@"):
        name = line.split()[0]
        groups[name] = []
    elif name and line.startswith("    ") and not line.lstrip().startswith("#"):
        groups[name].append(line.strip())
    elif line and not line.startswith(" "):
        name = None  # what the kernel has and no group


def calls(word):
    return set().union(*map(calls, groups[word])) if word.startswith("@") else {word}


allowed = calls("@default")
for line in open(sys.argv[1]):
    if line.startswith("SystemCallFilter="):
        words = line.strip().removeprefix("SystemCallFilter=")
        for word in words.removeprefix("~").split():
            if words.startswith("~"):
                allowed -= calls(word)
            else:
                allowed |= calls(word)
print("\n".join(sorted(allowed)))
