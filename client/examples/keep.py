#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Keeps a value and counts, without any library but python3-dbus."""

import dbus

bus = dbus.SystemBus()
memory = dbus.Interface(bus.get_object("org.smm1", "/org/smm1/memory/fram0"), "org.smm1.Memory")

memory.Store("greeting", "hello from Python".encode())
print(bytes(memory.Load("greeting")).decode())
print(memory.Add("starts", dbus.Int64(1)))
