# SPDX-License-Identifier: LGPL-2.1-or-later
"""Other clients that set quotas and parameters during a migration: their values stay, and all
other values are restored one by one."""

import threading
import time

import vcpuquota
from labtest import ENDLESS, MODULE, STOCK_VIRSH, LabTest, slow
from vcpuquota import NONE, Quota

PERIOD = 100000         # us, the kernel's default
NEVER = ("--auto-converge", "--converge-policy", ENDLESS)


class Reconciler(threading.Thread):
    """A management daemon that sets its quota again and again, whatever the current value."""

    EVERY = 0.3

    def __init__(self, directories, quota):
        super().__init__(daemon=True)
        self._directories = directories
        self._quota = quota
        self._ended = threading.Event()
        self.times = 0
        self.start()

    def run(self):
        while not self._ended.wait(self.EVERY):
            for directory in self._directories:
                vcpuquota.write(directory, quota=self._quota)
            self.times += 1

    def close(self):
        self._ended.set()
        self.join()


class Race(LabTest):
    module = ("--module", MODULE)

    def setUp(self):
        super().setUp()
        for directory in self.directories():
            vcpuquota.write(directory, quota=NONE, period=PERIOD)
        self.before = self.our_params()

    def quotas(self):
        return set(vcpuquota.quotas(self.source, self.guest))

    def directories(self):
        return vcpuquota.directories(self.source, self.guest)

    def begin(self):
        """Starts a migration that does not end by itself, and waits for the CPU quota."""
        process = self.start_virsh(*self.virsh_words(*NEVER))
        self.until("a quota of ours", lambda: self.quotas() != {Quota(NONE, PERIOD)})
        return process

    def abort(self, process):
        self.domain.abortJob()
        self.assertEqual(self.finish(process)[0], 1)
        self.until("no record", lambda: not self.records())

    def hook(self, left, **values):
        """Writes quotas as a hook script does, without libvirt or the module."""
        process = self.begin()
        for directory in self.directories():
            vcpuquota.write(directory, **values)
        self.abort(process)
        self.assertEqual(self.quotas(), {left})
        self.assert_stayed()
        self.assertEqual(self.our_params(), self.before)
        self.keep(self.guest, self.cmdline)

    @slow
    def test_quota_alone(self):
        self.hook(Quota(50000, PERIOD), quota=50000)

    @slow
    def test_period_alone(self):
        self.hook(Quota(NONE, 50000), period=50000)

    def test_both(self):
        self.hook(Quota(60000, 120000), quota=60000, period=120000)

    def test_reconciler(self):
        process = self.begin()
        reconciler = Reconciler(self.directories(), 60000)
        self.addCleanup(reconciler.close)
        passes = self.stats()["memory_iteration"]
        self.until("some passes more and some rounds of both", lambda: reconciler.times >= 5 and
                   self.stats()["memory_iteration"] >= passes + 3)
        reconciler.close()
        self.abort(process)
        self.assertEqual(self.quotas(), {Quota(60000, PERIOD)})
        self.assert_stayed()
        self.keep(self.guest, self.cmdline)

    @slow
    def test_schedinfo(self):
        """The call waits for the migration's end, and then runs while values are restored."""
        process = self.begin()
        schedinfo = self.start_virsh("schedinfo", self.guest, "--live", "vcpu_quota=50000",
                                     program=STOCK_VIRSH)
        time.sleep(0.5)         # so that it mostly waits; the result must be the same anyway
        self.abort(process)
        code, said = self.finish(schedinfo)
        self.assertEqual(code, 0, said)
        self.until("its quota and the period of before",
                   lambda: self.quotas() == {Quota(50000, PERIOD)})
        self.assert_stayed()
        self.keep(self.guest, self.cmdline)

    @slow
    def test_parameter(self):
        """A parameter of QEMU that libvirt itself does not restore."""
        process = self.begin()
        self.qmp("migrate-set-parameters", **{"max-cpu-throttle": 77})
        self.abort(process)
        self.assertEqual(self.our_params(), self.before | {"max-cpu-throttle": 77})
        self.assert_stayed()
