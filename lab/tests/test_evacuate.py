# SPDX-License-Identifier: LGPL-2.1-or-later
"""converge-evacuate: two small guests leave a host by a plan."""

import json
import os
import signal

import libvirt

from labtest import MODULE, QUIET, LabTest, slow

OTHER = "other"
LINK = "46"             # MiB/s of memory on labtest's link


class Evacuate(LabTest):
    memory = 128
    cmdline = QUIET

    def setUp(self):
        super().setUp()
        self.start_guest(OTHER, QUIET, self.memory)

    def words(self, *words, link=LINK):
        return ["converge-evacuate", self.uri("B"), "--migrateuri", "tcp://B", "--seconds", "5",
                *(["--link", link] if link else []), *words]

    def evacuate(self, *words):
        done = self.virsh(*self.words("--json", *words))
        try:
            return done.returncode, json.loads(done.stdout), done.stderr
        except ValueError:
            self.fail(f"{done.stdout}{done.stderr}")

    def here(self):
        return sorted(domain.name() for domain in self.connection.listAllDomains(
            libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE))

    def assert_left(self, *guests):
        for guest in guests:
            self.guest = guest
            self.assert_arrived()
        self.assertFalse(set(guests) & set(self.here()))


class Module(Evacuate):
    module = ("--module", MODULE)

    def test_plan_and_run(self):
        """The plan is what happens; a second call has nothing left to do."""
        plan = self.evacuate("--dry-run", "--priority", "oth*=90")
        self.assertEqual((plan[0], plan[2]), (0, ""))
        guests = plan[1]["guests"]
        self.assertEqual([row["guest"] for row in guests], [OTHER, self.guest])
        self.assertTrue(plan[1]["module"])
        self.assertTrue(all("link=turns" in row["policy"] for row in guests), guests)
        self.assertEqual(self.here(), sorted([self.guest, OTHER]))

        code, came, said = self.evacuate("--yes", "--priority", "oth*=90")
        self.assertEqual((code, said), (0, ""), came)
        self.assertEqual([row["result"] for row in came["guests"]], ["done", "done"])
        self.assertTrue(all(row["came_pause_ms"] > 0 for row in came["guests"]), came)
        self.assert_left(self.guest, OTHER)
        self.assertEqual(self.records(), [])

        code, came, said = self.evacuate("--yes")
        self.assertEqual((code, came["guests"]), (0, []))

    def test_wrong(self):
        """Whatever is wrong is said before anything begins."""
        wrong = [
            (["--match", "nobody*"], "no running guest matches --match"),
            (["--deadline", "1s"], "the deadline cannot be met"),
            ([], "nobody can be asked"),
        ]
        for words, why in wrong:
            done = self.virsh(*self.words(*words))
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(why, done.stderr)
        for uri, why in (("A", "is the source itself"), ("C", "cannot be reached")):
            done = self.virsh("converge-evacuate", self.uri(uri), "--link", LINK, "--dry-run")
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(why, done.stderr)
        self.assertEqual(self.here(), sorted([self.guest, OTHER]))

    @slow
    def test_interrupted(self):
        """Once: what runs is finished, and no more begin. The same command goes on with the rest."""
        self.slow_link("200mbit")
        process = self.start_virsh(*self.words("--yes", "--parallel", "1"))
        self.until("the first migration", lambda: any(
            self.connection.lookupByName(name).jobInfo()[0] for name in self.here()))
        second = self.virsh(*self.words("--yes"))
        self.assertIn("another evacuation", second.stderr)
        os.killpg(process.pid, signal.SIGINT)
        code, said = self.finish(process)
        self.assertEqual(code, 1, said)
        self.assertEqual(len(self.here()), 1, said)
        done = self.virsh(*self.words("--yes"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assert_left(self.guest, OTHER)


class Alone(Evacuate):
    """The source has no module."""

    def test_run(self):
        code, came, said = self.evacuate("--yes", "--exclude", OTHER)
        self.assertEqual((code, said), (0, ""), came)
        self.assertEqual(came["parallel"], 1)
        self.assertTrue(came["notes"])
        self.assertEqual(self.here(), [OTHER])
        self.assert_left(self.guest)
