#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A Raspberry Pi 3 that QEMU emulates, with a memory chip on I2C and one on SPI, and a shell on its serial line.

usage: board.py FOLDER up [keep]    boots it; with keep, the card remembers what is written to it
       board.py FOLDER run COMMAND  has its shell, that of root, run COMMAND; ends with its status
       board.py FOLDER cut          cuts its power

FOLDER is what run.sh made: qemu, kernel, board.dtb, initrd and the card sd.img. i2c.bin and spi.bin in it are what is
on the chips. What is in FOLDER/payload is laid over the card when it boots.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time

CPUS = 2
CHIPS = {"i2c.bin": 32 * 1024, "spi.bin": 256 * 1024}  # the emulated SPI chip insists on that much
BOOT_S = 600


class Lost(Exception):
    """Nothing more comes over the serial line, or not what should."""


class Board:
    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.serial = None
        self.received = b""

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_chips(self):
        """Empty ones. They are written as a whole: the emulated SPI chip finds garbage in the holes of a file."""
        for name, size in CHIPS.items():
            with open(self.path(name), "wb") as chip:
                chip.write(b"\xff" * size)

    def initrd(self):
        with open(self.path("boot-initrd"), "wb") as boot:
            with open(self.path("initrd"), "rb") as initrd:
                boot.write(initrd.read())
            if os.path.isdir(self.path("payload")):
                boot.flush()
                subprocess.run(
                    "find payload | cpio --quiet -o -H newc -R 0:0 | gzip -1",
                    shell=True, check=True, cwd=self.folder, stdout=boot,
                )
        return boot.name

    def up(self, keep=False):
        """Boots, and returns how many seconds it takes until the shell answers."""
        start = time.monotonic()
        # The machine's other two processors would only be in the way: until Linux starts them, they spin.
        command = [
            self.path("qemu"), "-M", "raspi3b", "-global", f"bcm2837.enabled-cpus={CPUS}",
            "-accel", "tcg,thread=multi", "-display", "none", "-monitor", "none", "-no-reboot",
            "-kernel", self.path("kernel"), "-dtb", self.path("board.dtb"), "-initrd", self.initrd(),
            "-append", f"console=ttyAMA0,115200 TERM=dumb rw loglevel=1 systemd.show_status=0 net.ifnames=0 maxcpus={CPUS}",
            "-drive", f"if=sd,format=raw,file={self.path('sd.img')},snapshot={'off' if keep else 'on'}",
            "-drive", f"if=none,id=i2c,format=raw,file={self.path('i2c.bin')}",
            "-device", f"at24c-eeprom,bus=i2c-bus.1,address=0x50,rom-size={CHIPS['i2c.bin']},drive=i2c",
            "-drive", f"if=none,id=spi,format=raw,file={self.path('spi.bin')}",
            "-device", "at25256a-nonjedec,bus=spi,cs=0,drive=spi",
            "-serial", f"unix:{self.path('serial')},server=on,wait=off",
        ]  # fmt: skip
        with open(self.path("qemu.log"), "wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "TMPDIR": self.folder},
            )  # fmt: skip
        with open(self.path("pid"), "w", encoding="ascii") as pid:
            pid.write(str(process.pid))
        while not self.connect():
            if process.poll() is not None or time.monotonic() > start + BOOT_S:
                raise Lost(f"qemu does not start; see {log.name}")
            time.sleep(0.05)
        while time.monotonic() < start + BOOT_S:
            self.send("echo awa''ke\n")
            try:
                while self.read_line(1) != "awake":
                    pass
                return time.monotonic() - start
            except TimeoutError:
                pass
        raise Lost(f"the board does not boot; see {self.path('serial.log')}")

    def connect(self):
        self.serial = socket.socket(socket.AF_UNIX)
        try:
            self.serial.connect(self.path("serial"))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def send(self, text):
        self.serial.settimeout(None)
        self.serial.sendall(text.encode())

    def receive(self, until):
        """More bytes, which serial.log gets, too."""
        self.serial.settimeout(max(until - time.monotonic(), 0.001))
        try:
            more = self.serial.recv(65536)
        except ConnectionResetError:
            more = b""
        if not more:
            raise Lost("the serial line is closed")
        with open(self.path("serial.log"), "ab") as log:
            log.write(more)
        self.received += more

    def read_line(self, seconds):
        until = time.monotonic() + seconds
        while b"\n" not in self.received:
            self.receive(until)
        line, self.received = self.received.split(b"\n", 1)
        return line.decode(errors="replace").strip("\r")

    def run(self, command, seconds=600):
        """The status of a command of the shell, and what it prints on both outputs."""
        mark = f"end-{time.monotonic_ns()}"
        self.send(f"(\n{command}\n) </dev/null 2>&1; echo '{mark[:5]}''{mark[5:]}':$?\n")
        until = time.monotonic() + seconds
        while not (end := re.search(mark.encode() + rb":(\d+)\r?\n", self.received)):
            try:
                self.receive(until)
            except TimeoutError:
                raise Lost(f"no end of this command within {seconds} s: {command}") from None
        output, self.received = self.received[: end.start()], self.received[end.end() :]
        return int(end[1]), output.decode(errors="replace").replace("\r\n", "\n")

    def cut(self):
        """Cuts the power, if it is on, and returns the lines that still came."""
        if not os.path.exists(self.path("pid")):
            return []
        with open(self.path("pid"), encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGKILL)
        return self.gone()

    def shut_down(self, seconds=60):
        """The orderly way."""
        self.send("systemctl poweroff\n")
        try:
            while True:
                self.receive(time.monotonic() + seconds)
        except Lost:
            self.gone()

    def gone(self):
        with open(self.path("pid"), encoding="ascii") as file:
            pid = file.read()
        try:
            os.waitpid(int(pid), 0)
        except ChildProcessError:  # another process has started it
            while os.path.exists(f"/proc/{pid}"):
                time.sleep(0.01)
        os.unlink(self.path("pid"))
        lines = []
        try:
            while self.serial:
                lines.append(self.read_line(5))
        except Lost:
            pass
        self.received = b""
        return lines


def main():
    match sys.argv[1:]:
        case [folder, "up", *keep] if keep in ([], ["keep"]):
            board = Board(folder)
            if not os.path.exists(board.path("i2c.bin")):
                board.make_chips()
            print(f"booted within {board.up(bool(keep)):.1f} s")
        case [folder, "run", command]:
            board = Board(folder)
            if not board.connect():
                sys.exit("the board is not up")
            status, output = board.run(command)
            sys.stdout.write(output)
            sys.exit(status)
        case [folder, "cut"]:
            Board(folder).cut()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
