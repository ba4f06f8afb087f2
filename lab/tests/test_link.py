# SPDX-License-Identifier: LGPL-2.1-or-later
"""The link dies: a guest that gains nothing by it is neither throttled nor paused."""

import libvirt

import vcpuquota
from labtest import MODULE, RATE, LabTest, slow, tool

ADAPTIVE = ("--auto-converge", "--converge-policy", "adaptive")
WITH_QEMU = ("--auto-converge", "--converge-policy", "adaptive,actuator=qemu")
SUSPEND = ("--auto-converge", "--converge-policy", "suspend")

# Seconds. TCP probes a dead connection ever more seldom, so that a link that was dead for long
# seems dead for as long again.
RELEASED = 10
RESUMED = 45


class Link(LabTest):
    module = ("--module", MODULE)

    def setUp(self):
        super().setUp()
        self.slow_link()
        self.quotas = vcpuquota.quotas(self.source, self.guest)

    def cut(self):
        self.addCleanup(tool, "hosts", "heal")
        tool("hosts", "cut")

    def crawl(self):
        """Slows the link down to next to nothing. On a link that is cut, the kernel or libvirt may
        give the connection up first, and with it the migration."""
        tool("hosts", "shape", "50kbit")

    def state(self):
        return self.domain.state()[0]

    def assert_runs_at_full_speed(self):
        self.assertEqual(self.state(), libvirt.VIR_DOMAIN_RUNNING)
        self.assertEqual(vcpuquota.quotas(self.source, self.guest), self.quotas)

    def finish_after_healing(self, process):
        tool("hosts", "shape", RATE)
        code, said = self.finish(process, patience=180)
        self.assertEqual(code, 0, said)
        self.assert_arrived()


class Throttled(Link):
    def dies(self, *words):
        process = self.start_virsh(*self.virsh_words(*words))
        self.until("a strong throttle", lambda: self.throttle() > 50)
        self.cut()
        self.until("no throttle while nothing moves", lambda: self.throttle() == 0, RELEASED)
        return process

    def test_by_quota(self):
        process = self.dies(*ADAPTIVE)
        self.assert_runs_at_full_speed()
        self.finish_after_healing(process)
        self.assertEqual(self.records(), [])

    @slow
    def test_by_qemu(self):
        """QEMU comes down from its throttle at the next bitmap sync only: the parameters tell that
        it is to."""
        process = self.start_virsh(*self.virsh_words(*WITH_QEMU))
        self.until("a strong throttle", lambda: self.throttle() > 50)
        self.cut()
        self.until("a lower bound of the throttle",
                   lambda: self.qmp("query-migrate-parameters")["max-cpu-throttle"] <= 20, RELEASED)
        self.finish_after_healing(process)


class Paused(Link):
    def pause(self):
        process = self.start_virsh(*self.virsh_words(*SUSPEND))
        self.until("the guest to be paused", lambda: self.state() == libvirt.VIR_DOMAIN_PAUSED)
        return process

    def test_runs_again(self):
        process = self.pause()
        self.crawl()
        self.until("the guest to run again",
                   lambda: self.state() == libvirt.VIR_DOMAIN_RUNNING, RESUMED)
        self.assertIsNone(process.poll())
        self.until("the decision in the journal",
                   lambda: "resume" in [line.get("verb") for line in self.journal()], 5)
        self.assert_runs_at_full_speed()
        self.finish_after_healing(process)

    @slow
    def test_can_be_aborted(self):
        process = self.pause()
        self.cut()
        self.assertEqual(self.virsh("domjobabort", self.guest).returncode, 0)
        self.until("the guest to run again",
                   lambda: self.state() == libvirt.VIR_DOMAIN_RUNNING, RESUMED)
        tool("hosts", "heal")
        self.assertNotEqual(self.finish(process)[0], 0)
        self.assert_stayed()
