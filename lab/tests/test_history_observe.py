# SPDX-License-Identifier: LGPL-2.1-or-later
"""A policy that observes: what QEMU and the cgroups see is what they see of a daemon without the
module."""

import ctypes
import json
import os
import re
import struct

import vcpuquota
from labtest import MODULE, LabTest, tool

LAB_DIR = os.environ.get("LAB_DIR", "/run/virt-converge-lab")
TRACE = os.path.join(LAB_DIR, "A", "monitor.log")
FILTERS = ("env", "LIBVIRT_LOG_FILTERS=1:qemu.qemu_monitor", f"LIBVIRT_LOG_OUTPUTS=1:file:{TRACE}")

IN_MODIFY = 2
IN_NONBLOCK = os.O_NONBLOCK

# libvirt sends it when its job statistics are read.
PASSIVE = {"query-migrate"}


class CgroupTrace:
    """Notes each write to the files of the vCPUs' cgroups, by whomever."""

    def __init__(self, directories):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(IN_NONBLOCK)
        self.names = {}
        for number, directory in enumerate(directories):
            for name in ("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.weight", "cpu.shares"):
                path = os.path.join(directory, name)
                if os.path.exists(path):
                    watch = self.libc.inotify_add_watch(self.fd, os.fsencode(path), IN_MODIFY)
                    self.names[watch] = f"vcpu{number}/{name}"

    def close(self):
        writes = []
        try:
            while True:
                data = os.read(self.fd, 65536)
                at = 0
                while at < len(data):
                    watch, mask, _, length = struct.unpack_from("iIII", data, at)
                    at += 16 + length
                    if mask & IN_MODIFY:
                        writes.append(self.names[watch])
        except BlockingIOError:
            pass
        os.close(self.fd)
        return writes


class Observe(LabTest):
    module = ("--module", MODULE, "--daemon-wrapper", " ".join(FILTERS))

    words = ("--auto-converge", "--p2p")

    def monitor(self, begin):
        """The QMP commands after that offset of the trace, as they were sent, without their ids."""
        with open(TRACE, encoding="utf-8", errors="replace") as file:
            file.seek(begin)
            text = file.read()
        sent = re.findall(r'QEMU_MONITOR_IO_WRITE: mon=\S+ buf=(\{"execute".*\})', text)
        return [re.sub(r',"id":"libvirt-\d+"', "", command) for command in sent]

    def migrate(self):
        """Migrates a new guest.  Returns the QMP commands and the writes to cgroups."""
        self.start_guest(self.guest, self.cmdline, self.memory)
        self.connect()
        directories = vcpuquota.directories(self.source, self.guest)
        self.assertTrue(directories)
        begin = os.path.getsize(TRACE)
        trace = CgroupTrace(directories)
        self.assertTrue(trace.names)
        done = self.virsh(*self.virsh_words(*self.words))
        self.assertEqual(done.returncode, 0, done.stderr)
        writes = trace.close()
        self.assert_arrived()
        return self.monitor(begin), writes

    @staticmethod
    def acting(commands):
        return [command for command in commands if json.loads(command)["execute"] not in PASSIVE]

    def newest(self):
        directory = os.path.join(self.source.directory, "log", "converge", "history")
        name = max(os.listdir(directory), key=lambda name: int(name.split(".")[0]))
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            return json.load(file)

    def test_trace(self):
        self.addCleanup(self.write_conf, None)
        # The trace sees what a policy does.
        commands, writes = self.migrate()
        self.assertTrue(writes)
        self.assertIn("downtime-limit", "".join(self.acting(commands)))
        self.assertFalse(self.newest()["observed"])

        self.write_conf("[limits]\nmode = observe\n")
        observed, observed_writes = self.migrate()
        entry = self.newest()

        tool("hosts", "restart", "A", "--module", "none")
        stock, stock_writes = self.migrate()

        self.assertGreater(len(self.acting(stock)), 3)
        self.assertEqual(self.acting(observed), self.acting(stock))
        self.assertEqual(observed_writes, stock_writes)
        print(f"# QMP commands: {len(stock)} of stock, {len(observed)} observed, of which "
              f"{len(self.acting(stock))} and {len(self.acting(observed))} are not query-migrate; "
              f"writes to cgroups: {stock_writes}, {observed_writes}, acting: {len(writes)}")

        self.assertTrue(entry["observed"])
        self.assertEqual(entry["outcome"], "done")
        self.assertIn("observed only", entry["reason"])
        self.assertGreater(entry["strongest_throttle"], 0)      # stock's
        self.assertGreater(entry["downtime_ms"], 0)
        self.assertTrue(entry["plan"])
        self.assertEqual(entry["plan_converges"], 1)
        self.assertLess(entry["plan_lost_ms_least"], entry["plan_lost_ms_most"])
        print("# " + json.dumps({name: value for name, value in entry.items() if name != "fields"}))
