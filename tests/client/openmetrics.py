#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Reads metrics on standard input as strictly as their format is, and prints their samples, one a line.

openmetrics.py openmetrics|textfile [EXPRESSION...]: each has to be true; there, families are what was read, by name,
and of(SAMPLE, LABEL=VALUE...) is the value of the one sample that has these labels.
"""

import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as strict_parser

TYPES = {"counter", "gauge", "summary", "histogram", "untyped"}  # that a textfile may have


def check_openmetrics(family):
    """What the parser lets pass."""
    assert family.documentation, f"{family.name} has no help"
    assert family.name.startswith("smm_"), family.name
    if family.name.endswith(("_bytes", "_ratio", "_hertz")):
        assert family.unit == family.name.rsplit("_", 1)[1], f"{family.name} has the unit '{family.unit}'"
    if family.type == "stateset":
        for memory in {s.labels["memory"] for s in family.samples}:
            assert sum(s.value for s in family.samples if s.labels["memory"] == memory) == 1, family


def main():
    text = sys.stdin.read()
    if sys.argv[1] == "openmetrics":
        families = list(strict_parser.text_string_to_metric_families(text))
        for family in families:
            check_openmetrics(family)
    else:
        for line in text.splitlines():
            assert not line.startswith("# TYPE") or line.split()[3] in TYPES, line
        families = list(parser.text_string_to_metric_families(text))
    families = {family.name: family for family in families}
    samples = [sample for family in families.values() for sample in family.samples]

    def of(name, **labels):
        found = [s.value for s in samples if s.name == name and labels.items() <= s.labels.items()]
        assert len(found) == 1, (name, labels, found)
        return found[0]

    for sample in samples:
        print(sample.name, dict(sorted(sample.labels.items())), float(sample.value))
    for expression in sys.argv[2:]:
        assert eval(expression, {"families": families, "of": of}), expression


main()
