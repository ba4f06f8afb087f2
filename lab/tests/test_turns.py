# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two busy guests leave a host at the same time: they take turns on the link, or share a limit."""

import libvirt

from labtest import MODULE, RATE, STOCK_VIRSH, VIRSH, WORKLOAD, LabTest, slow, tool

OTHER = "other"
TURNS = ("--auto-converge", "--converge-policy", "adaptive,link=turns")
SHARING = ("--auto-converge", "--converge-policy", "adaptive")
LIMITED = ("--auto-converge", "--converge-policy", "adaptive,link-limit=4")
MIB = 1 << 20
WAITS = "waits for its turn on the link"


class Turns(LabTest):
    module = ("--module", MODULE)
    memory = 128

    def setUp(self):
        super().setUp()
        self.start_guest(OTHER, WORKLOAD, self.memory)
        self.other = self.connection.lookupByName(OTHER)
        self.told = len(self.log())
        # The first one is under way until all has been looked at.
        self.slow_link("40mbit")

    def depart(self, guest, *words, port, p2p=False, program=VIRSH):
        words = self.virsh_words(*words, guest=guest, p2p=p2p)
        return self.start_virsh(*words[:-1], f"tcp://B:{port}", program=program)

    def both(self, *words, p2p=False):
        """The busy guest has the link, and the other one has been told to leave, too."""
        first = self.depart(self.guest, *words, port=49152, p2p=p2p)
        self.until("memory to move", lambda: self.stats().get("memory_processed"))
        return first, self.depart(OTHER, *words, port=49153, p2p=p2p)

    def reason(self):
        """Of the other one."""
        try:
            stats = self.other.jobStats()
        except libvirt.libvirtError:
            return ""
        return stats.get("auto_converge.reason", "") if stats.get("type") else ""

    def until_waits(self):
        self.until("the other one to wait", lambda: WAITS in self.reason())

    def ask_other(self, command):
        here, self.domain = self.domain, self.other
        try:
            return self.qmp(command)
        finally:
            self.domain = here

    def assert_sends_nothing(self):
        """QEMU has not begun, so that it logs no pages."""
        self.assertNotIn(self.ask_other("query-migrate").get("status"), ("setup", "active"))

    def both_arrive(self, *processes):
        tool("hosts", "shape", RATE)
        for process in processes:
            code, said = self.finish(process, patience=180)
            self.assertEqual(code, 0, said)
        for guest in (self.guest, OTHER):
            self.guest = guest
            self.assert_arrived()
        self.assertEqual(self.records(), [])

    def check_turns(self, p2p):
        first, second = self.both(*TURNS, p2p=p2p)
        self.until_waits()
        self.assert_sends_nothing()
        self.assertIsNone(first.poll())
        self.both_arrive(first, second)
        lines = [line for line in self.log()[self.told:]
                 if "waits for its turn on the link, which busy has" in line]
        self.assertEqual(len(lines), 1)

    def test_direct(self):
        self.check_turns(p2p=False)

    @slow
    def test_peer_to_peer(self):
        self.check_turns(p2p=True)

    def check_abort(self, p2p):
        """The one that waits is aborted: it runs on, and its virsh ends at once."""
        first, second = self.both(*TURNS, p2p=p2p)
        self.until_waits()
        self.other.abortJob()
        code, said = self.finish(second)
        self.assertNotEqual(code, 0)
        self.assertIn("cancel", said)
        self.assertEqual(self.other.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        self.domain.abortJob()
        self.finish(first)
        self.until_over_in_qemu()

    @slow
    def test_abort_direct(self):
        self.check_abort(p2p=False)

    def test_abort_peer_to_peer(self):
        self.check_abort(p2p=True)

    @slow
    def test_client_killed(self):
        """The client of the one that waits has gone: the guest runs on, and may migrate again."""
        first, second = self.both(*TURNS)
        self.until_waits()
        self.end_group(second)
        tool("hosts", "shape", RATE)
        code, said = self.finish(first)
        self.assertEqual(code, 0, said)
        self.assertEqual(self.other.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        self.until("the other one to be free", lambda: not self.other.jobStats().get("type"))
        self.guest, self.domain = OTHER, self.other
        done = self.virsh(*self.virsh_words(*TURNS))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_arrived()

    @slow
    def test_share(self):
        first, second = self.both(*SHARING)
        self.until("the other one to send", lambda: self.other.jobStats().get("memory_processed"))
        self.assertIsNone(first.poll())
        self.both_arrive(first, second)

    def speeds(self):
        """What QEMU may send for each guest, MiB/s."""
        return [params["max-bandwidth"] / MIB for params in (self.qmp("query-migrate-parameters"),
                                                             self.ask_other("query-migrate-parameters"))]

    def test_limit(self):
        """Each gets its part of the limit, and less where an operator wants that; what remains
        is as before."""
        self.other.migrateSetMaxSpeed(3)
        before = [self.qmp("query-migrate-parameters"), self.ask_other("query-migrate-parameters")]
        first = self.depart(self.guest, *LIMITED, port=49152)
        self.until("the first one to be limited", lambda: self.speeds()[0] == 4)
        second = self.depart(OTHER, *LIMITED, port=49153)
        self.until("both to be limited", lambda: self.speeds() == [2, 2])
        self.domain.abortJob()
        self.finish(first)
        self.until("the operator's ceiling", lambda: self.speeds()[1] == 3)
        self.other.abortJob()
        self.finish(second)
        self.until("all to be as before", lambda: before == [
            self.qmp("query-migrate-parameters"), self.ask_other("query-migrate-parameters")])
        self.assertEqual(self.other.migrateGetMaxSpeed(), 3)
        self.assertEqual(self.records(), [])

    @slow
    def test_without_policy(self):
        """A migration without a policy is left alone, and waits for nobody."""
        first = self.depart(self.guest, *TURNS, port=49152)
        self.until("memory to move", lambda: self.stats().get("memory_processed"))
        second = self.depart(OTHER, port=49153, program=STOCK_VIRSH)
        self.until("the other one to send", lambda: self.other.jobStats().get("memory_processed"))
        self.other.abortJob()
        self.finish(second)
        tool("hosts", "shape", RATE)
        code, said = self.finish(first)
        self.assertEqual(code, 0, said)
