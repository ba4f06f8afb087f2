# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two busy guests leave a host at the same time: they take turns on the link."""

import json
import time

import libvirt

import migration
from labtest import MODULE, WORKLOAD, LabTest

OTHER = "other"
ADAPTIVE = ("--auto-converge", "--converge-policy", "adaptive,link=turns")
SHARING = ("--auto-converge", "--converge-policy", "adaptive")


class Turns(LabTest):
    module = ("--module", MODULE)
    memory = 128

    def setUp(self):
        super().setUp()
        self.start_guest(OTHER, WORKLOAD, self.memory)
        self.slow_link("200mbit")
        self.other = self.connection.lookupByName(OTHER)

    def depart(self, guest, *words, port):
        words = self.virsh_words(*words, guest=guest)
        return self.start_virsh(*words[:-1], f"tcp://B:{port}")

    def both(self, *words):
        return [self.depart(self.guest, *words, port=49152), self.depart(OTHER, *words, port=49153)]

    def throttles(self):
        values = []
        for domain in (self.domain, self.other):
            try:
                values.append(migration.throttle_in_force(domain.jobStats()))
            except libvirt.libvirtError:
                values.append(0)
        return values

    def decisions(self):
        """The verb, reason and share of the decisions of each guest."""
        found = {}
        for path in self.journals():
            with open(path, encoding="utf-8") as file:
                lines = [json.loads(line) for line in file]
            guest = next(line["guest"] for line in lines if "guest" in line)
            found[guest] = [(line["verb"], line["reason"], line.get("share"))
                            for line in lines if "verb" in line]
        return found

    def bandwidth(self, domain):
        here, self.domain = self.domain, domain
        try:
            return self.qmp("query-migrate-parameters")["max-bandwidth"]
        finally:
            self.domain = here

    def test_one_at_a_time(self):
        together = 0
        processes = self.both(*ADAPTIVE)
        while any(process.poll() is None for process in processes):
            together += min(self.throttles()) > 0
            time.sleep(0.1)
        self.assertEqual(together, 0, "both were throttled at the same time")
        for process in processes:
            code, said = self.finish(process)
            self.assertEqual(code, 0, said)
        for guest in (self.guest, OTHER):
            self.guest = guest
            self.assert_arrived()

        decisions = self.decisions()
        waited = [guest for guest, rows in decisions.items()
                  if any(verb == "share" and share for verb, _, share in rows)]
        self.assertTrue(waited, decisions)
        for guest in waited:
            shares = [row for row in decisions[guest] if row[0] == "share"]
            self.assertEqual(shares[-1][1:], ("turn", 0))
        self.assertEqual(self.records(), [])

    def test_abort_while_waiting(self):
        """The migration that waits is aborted: QEMU's bandwidth is what it was."""
        domains = (self.domain, self.other)
        before = [self.bandwidth(domain) for domain in domains]
        processes = self.both(*ADAPTIVE)

        def waiting():
            now = [self.bandwidth(domain) for domain in domains]
            return [i for i in range(2) if now[i] == 1 << 20]

        which = self.until("one of the two to wait", waiting)[0]
        domains[which].abortJob()
        self.finish(processes[which])
        self.assertEqual(domains[which].state()[0], libvirt.VIR_DOMAIN_RUNNING)
        self.until("the bandwidth from before", lambda: self.bandwidth(domains[which]) == before[which])
        code, said = self.finish(processes[1 - which])
        self.assertEqual(code, 0, said)

    def test_share(self):
        for process in self.both(*SHARING):
            code, said = self.finish(process, patience=180)
            self.assertEqual(code, 0, said)
        for rows in self.decisions().values():
            self.assertNotIn("share", [row[0] for row in rows])
