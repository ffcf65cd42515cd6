#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares the interfaces that an XML file describes with those that running objects have.

usage: compare-introspection.py FILE FOLDER

FOLDER holds what Introspect answers for objects, each in a file named by the one interface of org.smm1 that the object
is to have. What differs is printed, one line a member: with - what only FILE has, with + what only the objects have.
"""

import difflib
import pathlib
import sys
import xml.etree.ElementTree as ET

OURS = "org.smm1."
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"


def annotations(element):
    return {a.get("name"): a.get("value") for a in element.findall("annotation")}


def arguments(member):
    default = "out" if member.tag == "signal" else "in"
    return ", ".join(
        f"{arg.get('direction', default)} {arg.get('type')} {arg.get('name')} {annotations(arg)}"
        for arg in member.findall("arg")
    )


def describe_member(member):
    notes = annotations(member)
    if member.tag != "property":
        return f"{member.tag} {member.get('name')}({arguments(member)}) {notes}"
    notes.setdefault(EMITS, "true")  # as the specification has it
    return f"property {member.get('name')} {member.get('type')} {member.get('access')} {notes}"


def describe(root, where):
    lines = []
    for interface in root.iter("interface"):
        name = interface.get("name")
        if not name.startswith(OURS):
            continue
        lines.append(f"{where or name}: interface {name} {annotations(interface)}")
        for member in interface:
            if member.tag != "annotation":
                lines.append(f"{where or name}: {describe_member(member)}")
    return lines


file = sorted(describe(ET.parse(sys.argv[1]).getroot(), None))
live = sorted(
    line
    for path in pathlib.Path(sys.argv[2]).iterdir()
    for line in describe(ET.parse(path).getroot(), path.name)
)
differences = [
    line for line in difflib.unified_diff(file, live, lineterm="", n=0) if line[:3] not in ("---", "+++")
]
print("\n".join(differences))
sys.exit(bool(differences) or not file)
