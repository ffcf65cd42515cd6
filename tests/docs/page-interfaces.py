#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the interfaces that org.smm1(5) describes as XML, for compare-introspection.py.

usage: page-interfaces.py PAGE FOLDER

Under ".Ss INTERFACE", ".It Fn NAME ARGUMENT..." is a method or, below the line "Signal:", a signal, and
".It Va NAME Pq TYPE" a property; the sentence before a list of properties says whether their changes are announced.
"""

import pathlib
import shlex
import sys
import xml.etree.ElementTree as ET

EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"
SENTENCES = {"never change": "const", "not announced": "false", "announced when": "true"}


def add_function(interface, kind, name, arguments):
    member = ET.SubElement(interface, kind, name=name)
    for argument in arguments:
        *direction, kind, name = argument.split()
        arg = ET.SubElement(member, "arg", type=kind, name=name)
        if direction:
            arg.set("direction", direction[0])


def add_property(interface, name, kind, emits):
    member = ET.SubElement(interface, "property", name=name, type=kind, access="read")
    ET.SubElement(member, "annotation", name=EMITS, value=emits)


interfaces = []
current = None
for line in open(sys.argv[1], encoding="utf-8"):
    if line.startswith((".Ss", ".Sh")):
        current, kind, emits = None, "method", None
        if line.startswith(".Ss org.smm1."):
            current = ET.Element("interface", name=line.split()[1])
            interfaces.append(current)
    elif current is None:
        continue
    elif line == "Signal:\n":
        kind = "signal"
    elif line.startswith(("Properties that", "A property that")):
        emits = next(value for text, value in SENTENCES.items() if text in line)
    elif line.startswith(".It Fn"):
        add_function(current, kind, *(lambda w: (w[2], w[3:]))(shlex.split(line)))
    elif line.startswith(".It Va"):
        words = line.split()
        add_property(current, words[2], words[4], emits)

for interface in interfaces:
    node = ET.Element("node")
    node.append(interface)
    ET.ElementTree(node).write(pathlib.Path(sys.argv[2], interface.get("name")))
