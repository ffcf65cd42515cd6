# SPDX-License-Identifier: BSD-3-Clause
"""What is on the board's chips, read on this machine: smmd serves copies of their images.

SMMD, SMMCTL and BOARD_CLIENT are programs for this machine; the bus of DBUS_SYSTEM_BUS_ADDRESS is theirs alone.
"""

import contextlib
import os
import subprocess

SIZE = 32 * 1024  # of both memories; the file of the emulated SPI chip is longer
FILES = {"fram": "i2c.bin", "spi": "spi.bin"}


@contextlib.contextmanager
def served(folder):
    """smmd over copies of what is on the chips now."""
    config = os.path.join(folder, "images.conf")
    with open(config, "w", encoding="utf-8") as file:
        for name, image in FILES.items():
            copy = os.path.join(folder, f"copy-of-{image}")
            with open(os.path.join(folder, image), "rb") as chip, open(copy, "wb") as to:
                to.write(chip.read(SIZE))
            file.write(f"[memory {name}]\nbus = file\npath = {copy}\nsize = {SIZE}\nformat = never\n")
    with open(os.path.join(folder, "images.log"), "ab") as log:
        smmd = subprocess.Popen([os.environ["SMMD"], f"--config={config}"], stderr=log)
    try:
        wait = "until busctl get-property org.smm1 /org/smm1 org.smm1.Manager Version; do sleep 0.1; done"
        subprocess.run(["timeout", "60", "bash", "-c", wait], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        yield
    finally:
        smmd.terminate()
        smmd.wait()


def ask(*command):
    """The status and the output of a program."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout
