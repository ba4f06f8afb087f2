# SPDX-License-Identifier: LGPL-2.1-or-later
"""The throttle by CPU quota: its effect on the host, and that it is always restored."""

import os
import re
import signal
import unittest

import libvirt

import vcpuquota
from labtest import ENDLESS, MODULE, LabTest, tool

ADAPTIVE = ("--auto-converge", "--converge-policy", "adaptive")
WITH_QEMU = ("--auto-converge", "--converge-policy", "adaptive,actuator=qemu")
LIMITED = ("--auto-converge", "--converge-policy", f"{ENDLESS},actuator=dirty-limit")
NEVER = ("--auto-converge", "--converge-policy", ENDLESS)


class Quota(LabTest):
    def setUp(self):
        super().setUp()
        self.before = self.qmp("query-migrate-parameters")
        self.quotas = vcpuquota.quotas(self.source, self.guest)

    def watch(self):
        watch = vcpuquota.Watch(self.source, self.guest)
        self.addCleanup(watch.close)
        return watch

    def begin_and_lower(self):
        """Starts a migration that does not end by itself, and waits for the CPU quota."""
        process = self.start_virsh(*self.virsh_words(*NEVER))
        self.until_throttled()
        self.assertEqual(self.stats()["auto_converge.actuator"], "vcpu-quota")
        self.until("a lower quota",
                   lambda: self.lowest() < min(map(vcpuquota.share, self.quotas)))
        self.assertEqual(self.records(), [f"{self.domain.UUIDString()}.json"])
        return process

    def lowest(self):
        return min(map(vcpuquota.share, vcpuquota.quotas(self.source, self.guest)))

    def assert_recovered(self):
        self.until("the quota of before",
                   lambda: vcpuquota.quotas(self.source, self.guest) == self.quotas)
        self.assert_stayed()
        self.until("QEMU's parameters of before",
                   lambda: self.qmp("query-migrate-parameters") == self.before)
        self.until("no record", lambda: not self.records())
        self.assertEqual(vcpuquota.quotas(self.source, self.guest), self.quotas)


class Auto(Quota):
    module = ("--module", MODULE)

    def test_lowered_while_migrating(self):
        watch = self.watch()
        process = self.start_virsh(*self.virsh_words(*ADAPTIVE))
        self.until_throttled()
        self.assertEqual(self.stats()["auto_converge.actuator"], "vcpu-quota")
        self.assertEqual(process.wait(), 0)
        watch.close()
        self.assertLess(min(watch.shares), 1.0)
        self.assert_arrived()
        self.assertEqual(vcpuquota.quotas(self.target, self.guest), self.quotas)
        self.until("no record", lambda: not self.records())

    def test_aborted(self):
        process = self.begin_and_lower()
        self.domain.abortJob()
        self.assertEqual(process.wait(), 1)
        self.assert_recovered()

    def test_source_qemu_killed(self):
        """Nothing is left to restore."""
        process = self.begin_and_lower()
        os.kill(self.qemu_pid(self.source), signal.SIGKILL)
        self.assertEqual(process.wait(), 1)
        self.until("no record", lambda: not self.records())

    def test_operators_quota(self):
        """The operator's quota stays the upper limit, and is restored afterwards."""
        done = self.virsh("schedinfo", self.guest, "--live",
                          "vcpu_quota=50000", "vcpu_period=100000")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.quotas = vcpuquota.quotas(self.source, self.guest)
        self.assertEqual(self.quotas, [(50000, 100000)])

        watch = self.watch()
        process = self.begin_and_lower()
        self.domain.abortJob()
        self.assertEqual(process.wait(), 1)
        self.assert_recovered()
        watch.close()
        self.assertLessEqual(max(watch.shares), 0.5)
        self.assertLess(min(watch.shares), 0.5)
        said = self.virsh("schedinfo", self.guest, "--live").stdout
        self.assertEqual(dict(re.findall(r"(vcpu_\w+)\s*: (-?\d+)", said)),
                         {"vcpu_quota": "50000", "vcpu_period": "100000"})

    def test_daemon_killed(self):
        process = self.begin_and_lower()
        os.kill(self.daemon_pid(self.source), signal.SIGKILL)
        self.assertNotEqual(process.wait(), 0)
        tool("hosts", "restart", "A")
        self.connection = self.source.connect()
        self.domain = self.connection.lookupByName(self.guest)
        self.assert_recovered()

    def test_qemus_throttle_instead(self):
        watch = self.watch()
        process = self.start_virsh(*self.virsh_words(*WITH_QEMU))
        self.until_throttled()
        self.assertEqual(self.stats()["auto_converge.actuator"], "qemu")
        self.assertEqual(process.wait(), 0)
        watch.close()
        self.assertEqual(watch.shares, {1.0})
        self.assert_arrived()


class WithoutCgroup(Quota):
    """A host on which libvirt does not use the cpu controller."""
    module = ("--module", MODULE)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = os.path.join(cls.source.directory, "etc", "qemu.conf")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub("cgroup_controllers = .*", "cgroup_controllers = [ ]", text))
        tool("hosts", "restart", "A")

    def test_qemus_throttle_instead(self):
        process = self.start_virsh(*self.virsh_words(*ADAPTIVE))
        self.until_throttled()
        self.assertEqual(self.stats()["auto_converge.actuator"], "qemu")
        self.assertEqual(process.wait(), 0)
        self.assert_arrived()


class DirtyLimit(LabTest):
    """QEMU's limits outlive the daemon, too."""
    module = ("--module", MODULE)
    # A real guest would have 4096, which does not work with some KVM (virt-converge-policy(7)).
    define = ("--dirty-ring", "65536")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if tool("accel", *filter(None, [cls.emulator])).stdout.strip() != "kvm":
            raise unittest.SkipTest("QEMU has dirty limits under KVM only")

    def limits(self):
        return self.qmp("query-vcpu-dirty-limit")

    def test_daemon_killed(self):
        before = self.qmp("query-migrate-parameters")
        process = self.start_virsh(*self.virsh_words(*LIMITED))
        self.until_throttled()
        self.assertEqual(self.stats()["auto_converge.actuator"], "dirty-limit")
        self.until("a limit", self.limits)
        os.kill(self.daemon_pid(self.source), signal.SIGKILL)
        self.assertNotEqual(process.wait(), 0)
        tool("hosts", "restart", "A")
        self.connection = self.source.connect()
        self.domain = self.connection.lookupByName(self.guest)
        self.until("no limit", lambda: not self.limits())
        self.until("no record", lambda: not self.records())
        # With or without a limit, a full ring stops a guest for good if KVM emulates its
        # instructions (virt-converge-policy(7)).
        self.assertEqual(self.domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        self.assert_untouched(before)
