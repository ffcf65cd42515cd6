# SPDX-License-Identifier: BSD-3-Clause
"""Power cuts: what smmd has answered has to be there afterwards, on the board and in the chips' images.

On the board, a board-client fills each memory and says what was answered. QEMU is killed at some moment; then at most
the one call that was under way may have been done, too.
"""

import os
import time

from images import FILES, ask, served

LOAD_S = 4.0  # the cut comes within so many seconds of load
SLOTS = 8  # of board-client


class Expected:
    """What has to be in a memory: a block is as that round left it; at first, anything."""

    def __init__(self):
        self.blocks = {}
        self.round = 0
        self.under_way = None
        self.answers = 0

    def answered(self, name, number):
        """A line of board-client, which asks for the next thing then."""
        self.blocks[name] = number
        self.answers += 1
        if name == "written":
            self.under_way = "rounds", self.blocks.get("rounds", 0) + 1
        elif name == "rounds":
            self.under_way = f"slot-{(self.round + 1) % SLOTS}", self.round + 1
        else:
            self.round = number
            self.under_way = "written", number

    def faults(self, found):
        """What is wrong with what was found."""
        for name, number in self.blocks.items():
            if found.get(name) != number and (name, found.get(name)) != self.under_way:
                yield f"{name} was answered for round {number}, and is of {found.get(name)}"
        for name in found.keys() - self.blocks.keys():
            if (name, found[name]) != self.under_way:
                yield f"{name}, of {found[name]}, was never asked for"

    def settle(self, found):
        """From now on it is this and nothing else."""
        self.blocks = dict(found)
        self.under_way = None


def parse(output):
    """The lines of board-client as {block: round} for each memory, and those that are none."""
    found, others = {name: {} for name in FILES}, []
    for line in output.splitlines():
        match line.split():
            case [memory, name, number] if memory in found and number.isdigit():
                found[memory][name] = int(number)
            case _:
                others.append(line)
    return found, others


def compare(t, where, expected, output):
    found, faults = parse(output)
    for memory, e in expected.items():
        faults += [f"{memory}: {fault}" for fault in e.faults(found[memory])]
    t.report.check(f"all that was answered is {where}", not faults, "\n".join(faults))
    for memory, e in expected.items():
        e.settle(found[memory])


def look_at_images(t, number, expected):
    with served(t.board.folder):
        for memory in FILES:
            status, output = ask(os.environ["SMMCTL"], "-M", memory, "check")
            t.report.check(f"cut {number}: the image of {memory} is sound", status == 0, output)
        shown = "".join(ask(os.environ["BOARD_CLIENT"], "show", memory)[1] for memory in FILES)
        compare(t, f"in the images (cut {number})", expected, shown)


def look_at_board(t, number, expected):
    shown = t.board.run("; ".join(f"board-client show {memory}" for memory in FILES))[1]
    compare(t, f"on the board (cut {number})", expected, shown)


def load_until_cut(t, expected, dice):
    """Once each memory has had a round, some moment is as good as another."""
    fills = " & ".join(f"board-client fill {memory} {e.round + 1}" for memory, e in expected.items())
    t.board.send(f"{fills} & wait\n")
    lines = []
    while len({line.split()[0] for line in lines if " rounds " in line}) < len(FILES):
        lines.append(t.board.read_line(60))
    end = time.monotonic() + dice.uniform(0, LOAD_S)
    while (left := end - time.monotonic()) > 0:
        try:
            lines.append(t.board.read_line(left))
        except TimeoutError:
            break
    lines += t.board.cut()
    for line in lines:
        for memory, blocks in parse(line)[0].items():
            for name, number in blocks.items():
                expected[memory].answered(name, number)
    others = parse("\n".join(lines))[1]
    t.report.check("the load met no error", not others, "\n".join(others))


def boot(t):
    """How long that took. A memory serves as soon as udev has brought its bus."""
    seconds = t.board.up()
    for memory in FILES:
        t.until(f"{memory} serves after a boot", f"smmctl -M {memory} status", "online")
    return seconds


def cuts(t, count, dice):
    expected = {memory: Expected() for memory in FILES}
    boots = []
    for number in range(1, count + 1):
        boots.append(boot(t))
        if number > 1:
            look_at_board(t, number - 1, expected)
        load_until_cut(t, expected, dice)
        look_at_images(t, number, expected)
    boots.append(boot(t))
    look_at_board(t, count, expected)
    answers = {memory: e.answers for memory, e in expected.items()}
    t.report.figure(f"power cuts survived: {count}; answered writes that were looked for: {answers}")
    t.report.figure(f"boots meanwhile: {min(boots):.1f} to {max(boots):.1f} s")
