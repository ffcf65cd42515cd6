#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tests smm's packages on the emulated Raspberry Pi of board.py, and prints figures.

usage: test.py FOLDER CUTS

FOLDER is what run.sh made. CUTS is how often the power is cut under load. SMM_TEST_SEED repeats the moments of that.
"""

import os
import random
import re
import sys
import time

from board import Board, Lost
from power import cuts

MEMORY = "/org/smm1/memory/{} org.smm1.Memory"
INSIDE, OUTSIDE = "ann", "bob"  # of the group smm, and not
CONFIG = "/etc/smm/smmd.conf.d/board.conf"
DROP_IN = "/run/systemd/system/smmd.service.d"
TWO_CHIPS = """
[memory fram]
bus = i2c
device = /dev/i2c-1
address = 0x50
model = FM24W256
[memory spi]
bus = spi
device = /dev/spidev0.0
model = FM25W256
"""


class Report:
    """What the tests found, as TAP, and the figures for its end."""

    def __init__(self):
        self.passed = self.failed = 0
        self.figures = []

    def check(self, what, well, why=""):
        if well:
            self.passed += 1
        else:
            self.failed += 1
        print(f"{'ok' if well else 'not ok'} {self.passed + self.failed} - {what}", flush=True)
        if not well and why:
            print(re.sub("^", "# ", str(why).rstrip(), flags=re.M), flush=True)
        return well

    def figure(self, line):
        self.figures.append(line)

    def end(self):
        print("\nFigures of this run, of an emulated processor and buses that take no time:")
        for line in self.figures:
            print(f"  {line}")
        print(f"\n{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


class Tests:
    def __init__(self, board, report):
        self.board = board
        self.report = report

    def does(self, what, command, pattern="", fails=False):
        """The command ends well (or with an error, if it fails), and the pattern is in what it prints."""
        status, output = self.board.run(command)
        well = (status != 0) == fails and re.search(pattern, output, re.M) is not None
        why = f"$ {command}\nended with {status}; '{pattern}' should be in what it printed:\n{output}"
        return self.report.check(what, well, why)

    def write(self, file, text):
        self.board.run(f"mkdir -p {os.path.dirname(file)}; cat >{file} <<'END'\n{text.strip()}\nEND")

    def until(self, what, command, pattern, seconds=30):
        """As does(), within some seconds."""
        loop = f"for i in $(seq {seconds * 2}); do {command} | grep -q -- '{pattern}' && break; sleep 0.5; done; {command}; true"
        return self.does(what, loop, pattern)

    def value(self, command):
        return self.board.run(command)[1].strip()


def get(name, what):
    return f"busctl get-property org.smm1 {MEMORY.format(name)} {what}"


def call(name, *words):
    return f"busctl call org.smm1 {MEMORY.format(name)} {' '.join(words)}"


def by(user, command):
    return f"setpriv --reuid={user} --regid={user} --init-groups {command}"


def install(t):
    t.report.figure(f"first boot: {t.board.up(keep=True):.1f} s until a shell answers")
    t.does("dpkg installs the packages", "dpkg -i /root/packages/*.deb", "Setting up smmd")
    t.does("no unit has failed", "systemctl is-system-running", "running")
    t.does("a user can be put into the group smm", f"useradd -m {OUTSIDE} && useradd -m -G smm {INSIDE}")
    t.write(CONFIG, TWO_CHIPS)
    t.does("the configuration has no mistake", "smmd --check-config")
    t.board.shut_down()


def device_nodes(t):
    for node, group in ("i2c-1", "i2c"), ("spidev0.0", "spi"), ("gpiochip0", "gpio"):
        t.does(f"{node} belongs to the group {group}", f"udevadm settle; stat -c '%G %a' /dev/{node}", f"^{group} 660$")


def activation(t):
    t.board.run("systemctl stop smmd")
    t.does("smmd does not run before it is called", "systemctl is-active smmd", "^inactive", fails=True)
    t.does("a call over D-Bus starts it", "busctl get-property org.smm1 /org/smm1 org.smm1.Manager Version", '^s "')
    t.does("it runs as its unit and its user", "systemctl is-active smmd; stat -c %U /proc/$(systemctl show -P MainPID smmd)", "^active\nsmm$")
    for name in "fram", "spi":
        t.until(f"the chip of {name} is formatted and serves", get(name, "State"), '"online"')
    t.report.figure(f"the clock of I2C, as smmd sees it: {t.value(get('fram', 'BusSpeed'))[2:]} Hz")


def calls(t):
    for name in "fram", "spi":
        t.does(f"busctl allocates in {name}", call(name, "Allocate 'sua{sv}' calibration 16 0"), "^u [0-9]+$")
        block = re.sub("[^0-9]", "", t.value(call(name, "Find s calibration"))) or 0
        t.does(f"busctl writes in {name}", call(name, f"Write uuay {block} 4 3 10 20 30"))
        t.does(f"busctl reads in {name}", call(name, f"Read uuu {block} 4 3"), "^ay 3 10 20 30$")
        t.does(f"smmctl stores in {name}", f"smmctl -M {name} store greeting 'hello, {name}'")
        t.does(f"smmctl loads from {name}", f"smmctl -M {name} load greeting | cat", f"^hello, {name}")
        t.does(f"4 KiB go to {name} and back",
               f"head -c 4096 /dev/urandom >/tmp/long && smmctl -M {name} store long --file=/tmp/long && "
               f"smmctl -M {name} load long | cmp - /tmp/long && smmctl -M {name} free long")  # fmt: skip
        t.does(f"smmctl finds no damage on {name}", f"smmctl -M {name} check")
    t.does("a user in the group smm may call", by(INSIDE, "smmctl -M fram add hers"), "^1$")
    t.does("one outside may not", by(OUTSIDE, "smmctl -M fram add his"), "smmctl: ", fails=True)
    t.does("nor with busctl", by(OUTSIDE, call("fram", "List")), "[Aa]ccess denied", fails=True)
    t.does("but sees the version", by(OUTSIDE, "busctl get-property org.smm1 /org/smm1 org.smm1.Manager Version"))
    t.does("a user sees no block of another", by(INSIDE, "smmctl -M fram load greeting"), "smmctl: ", fails=True)


def kept(t, after):
    for name in "fram", "spi":
        t.does(f"{name} has kept all after {after}", f"smmctl -M {name} load greeting | cat", f"^hello, {name}")


def service(t):
    t.does("a restart works", "systemctl restart smmd")
    kept(t, "a restart")
    t.does("so does a reload", "systemctl reload smmd && systemctl is-active smmd", "^active")
    kept(t, "a reload")
    t.does("killed, it is started again", "systemctl kill -s KILL smmd; sleep 1; smmctl -M fram load greeting | cat", "^hello")
    kept(t, "a kill")
    t.does("systemd gives it 1.5 at most",
           "systemd-analyze security --no-pager --threshold=15 smmd | tail -n 1", "Overall exposure level")  # fmt: skip
    t.report.figure(t.value("systemd-analyze security --no-pager smmd | tail -n 1").lstrip("→ "))


def sandbox(t):
    """Everything once more, with a filter that kills where that of the unit says EPERM."""
    t.write(f"{DROP_IN}/kill.conf", "[Service]\nSystemCallErrorNumber=kill\nRestart=no")
    t.does("smmd starts with a filter that kills", "systemctl daemon-reload && systemctl restart smmd")
    for name in "fram", "spi":
        t.until(f"{name} serves", get(name, "State"), '"online"')
        t.does(f"{name} can be used",
               f"smmctl -M {name} store filtered yes && smmctl -M {name} check && smmctl -M {name} dump - | wc -c && "
               f"smmctl -M {name} free filtered")  # fmt: skip
    t.does("and it lives", "systemctl reload smmd && systemctl is-active smmd", "^active")
    t.board.run(f"rm -r {DROP_IN}; systemctl daemon-reload; systemctl restart smmd")
    join = "echo $$ >/sys/fs/cgroup/system.slice/smmd.service/cgroup.procs"
    t.does("what is in its group of processes reaches the bus", f"sh -c '{join}; exec 3<>/dev/i2c-1'")
    t.does("and not the card", f"sh -c '{join}; exec 3</dev/mmcblk0'", "not permitted", fails=True)


def hotplug(t):
    """The controller of the bus goes and comes, as a USB adapter would."""
    driver = "/sys/bus/platform/drivers/i2c-bcm2835"
    t.board.run("systemctl start smmd")
    t.until("fram serves", get("fram", "State"), '"online"')
    t.board.run(f"basename $(realpath /sys/bus/i2c/devices/i2c-1/..) >/run/bus; cat /run/bus >{driver}/unbind")
    t.until("without the bus, fram is offline", get("fram", "State"), '"offline"')
    t.does("and spi serves on", "smmctl -M spi load greeting | cat", "^hello, spi")
    t.board.run(f"cat /run/bus >{driver}/bind")
    t.until("when the bus is back, fram serves again", get("fram", "State"), '"online"')

    rule = 'SUBSYSTEM=="i2c-dev", KERNEL=="i2c-1", TAG+="smm"'
    t.write("/etc/udev/rules.d/50-smm.rules", rule)
    t.write(f"{DROP_IN}/bind.conf", "[Unit]\nBindsTo=dev-i2c\\x2d1.device\nAfter=dev-i2c\\x2d1.device")
    t.board.run("udevadm control --reload; udevadm trigger --settle -s i2c-dev; systemctl daemon-reload")
    t.board.run(f"systemctl start smmd; cat /run/bus >{driver}/unbind")
    t.until("smmd stops with the device", "systemctl is-active smmd", "inactive")
    t.board.run(f"cat /run/bus >{driver}/bind")
    t.until("and starts with it", "systemctl is-active smmd", "^active")
    t.does("as the tagged device wants it", "systemctl show -P WantedBy smmd", "i2c.*[.]device")
    t.board.run(f"rm -r {DROP_IN} /etc/udev/rules.d/50-smm.rules; udevadm control --reload; systemctl daemon-reload")


def kernel_driver(t):
    """at24 has the chip, as an overlay of config.txt would have it."""
    t.board.run("systemctl stop smmd; echo 24c256 0x50 >/sys/bus/i2c/devices/i2c-1/new_device")
    t.until("at24 takes the chip", "readlink /sys/bus/i2c/devices/1-0050/driver", "at24")
    t.does("smmd leaves it there, and says how to get it", f"{get('fram', 'State')} StateReason", "unbind")
    t.board.run("echo 0x50 >/sys/bus/i2c/devices/i2c-1/delete_device; systemctl restart smmd")
    t.until("and takes it when the driver is gone", get("fram", "State"), '"online"')


def lines(t):
    """Who holds the write-protect line when smmd is gone."""
    pin = "mount -t debugfs none /sys/kernel/debug 2>/dev/null; grep -h 'pin 17 ' /sys/kernel/debug/pinctrl/*/pins"
    t.write(CONFIG, TWO_CHIPS + "write-protect-gpio = gpiochip0:17\n")
    t.does("smmd takes a write-protect line", "systemctl restart smmd && smmctl -M spi store greeting 'hello, spi'")
    t.report.figure(f"the line of write-protect-gpio while smmd runs: {t.value(pin)}")
    t.does("it has it, by its name", "gpioinfo -c 0 17", "output.*consumer=.?smm")
    t.board.run("systemctl kill -s KILL smmd")
    t.report.figure(f"after it was killed: {t.value(pin)}")
    t.does("killed, it leaves the line to its pull, as smmd.conf(5) says", pin, "gpio_in")
    t.report.figure(
        "persist_gpio_outputs of the driver: " + t.value("cat /sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs")
    )
    t.write(CONFIG, TWO_CHIPS)
    t.board.run("systemctl reset-failed; systemctl restart smmd")


def journal(t):
    t.does("no denied call in the journal", "! journalctl -b --no-pager | grep 'type=1326\\|SIGSYS'")
    own = "journalctl -b --no-pager -o cat _SYSTEMD_UNIT=smmd.service"
    t.does("smmd writes to the journal", own, "fram")
    t.does("no error but that the bus was away, or the driver there", f"{own} -p err | grep -v 'offline'", fails=True)


def measure(t):
    for name in "fram", "spi":
        status, output = t.board.run(f"board-client measure {name}")
        t.report.check(f"{name} is measured", status == 0, output)
        for line in output.splitlines():
            t.report.figure(line)


def kernel_answers(t, folder):
    """What the rig of the other tests believes of the kernel, and what the kernel says."""
    t.board.run("systemctl stop smmd")
    status, real = t.board.run("kernel-answers")
    with open(os.path.join(folder, "rig-answers"), encoding="ascii") as file:
        believed = file.read()
    t.report.check("the kernel can be asked", status == 0, real)
    print(f"# {'call':<32} {'the rig':<14} the kernel")
    for rig, kernel in zip(believed.splitlines(), real.splitlines()):
        print(f"# {rig.partition(': ')[0]:<32} {rig.partition(': ')[2]:<14} {kernel.partition(': ')[2]}")
    t.report.check("the rig says what the kernel says", real == believed)


def main():
    folder, count = sys.argv[1], int(sys.argv[2])
    seed = int(os.environ.get("SMM_TEST_SEED", time.time_ns() % 1000000))
    board = Board(folder)
    report = Report()
    t = Tests(board, report)

    print(f"# SMM_TEST_SEED={seed}")
    board.make_chips()
    try:
        install(t)
        report.figure(f"boot: {board.up():.1f} s until a shell answers")
        report.figure(t.value("systemd-analyze time | head -n 1"))
        for test in device_nodes, activation, calls, service, sandbox, hotplug, kernel_driver, lines, journal, measure:
            test(t)
        kernel_answers(t, folder)
        board.cut()
        board.make_chips()
        cuts(t, count, random.Random(seed))
    except (Lost, TimeoutError) as e:
        report.check("the board answers", False, e)
    finally:
        board.cut()
    sys.exit(report.end())


if __name__ == "__main__":
    main()
