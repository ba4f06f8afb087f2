# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon as a host of ours: ten migrations leave nothing behind in it."""

import os
import re
import signal
import subprocess

from labtest import LAB, MODULE, LabTest

MIGRATIONS = 10
VALGRIND = ("valgrind --leak-check=full --show-leak-kinds=definite "
            "--errors-for-leak-kinds=definite --num-callers=30 --child-silent-after-fork=yes "
            f"--suppressions={os.path.join(LAB, 'tests', 'libvirt.supp')} --log-file={{log}}")

# A migration may leave so many bytes reachable: our registry and libvirt's caches
# know the domains of the day.
GROWTH = 4096


class Footprint(LabTest):
    maxDiff = None
    module = ("--module", MODULE)
    cmdline = "working-set=20M rate=100M"

    def footprint(self):
        process = f"/proc/{self.daemon_pid(self.source)}"
        threads = [open(f"{process}/task/{task}/comm", encoding="utf-8").read().strip()
                   for task in os.listdir(f"{process}/task")]
        descriptors = sorted(os.readlink(f"{process}/fd/{number}").split(":[")[0]
                             for number in os.listdir(f"{process}/fd"))
        return {"descriptors": descriptors, "threads": sorted(threads)}

    def migrate_once(self, words):
        done = self.virsh(*self.virsh_words(*words))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.connection.close()
        self.setUp()

    def test_descriptors_and_threads(self):
        policy = ("--auto-converge", "--converge-policy", "adaptive")
        self.migrate_once(policy)       # libvirt opens some things once
        before = self.footprint()
        for _ in range(MIGRATIONS):
            self.migrate_once(policy)
        try:
            self.until("descriptors and threads to be back where they were",
                       lambda: self.footprint() == before)
        except AssertionError:
            self.assertEqual(self.footprint(), before)
        self.assertNotIn("converge", before["threads"])
        self.assertEqual(len(self.journals()), MIGRATIONS + 1)


class Valgrind(LabTest):
    """The source's daemon under valgrind, for all of its life."""
    cmdline = "working-set=20M rate=100M"

    @classmethod
    def setUpClass(cls):
        cls.log = os.environ["LAB_DIR"] + ".valgrind"
        cls.module = ("--module", MODULE, "--daemon-wrapper", VALGRIND.format(log=cls.log))
        super().setUpClass()

    def migrate(self, times):
        for _ in range(times):
            done = self.virsh(*self.virsh_words("--auto-converge", "--converge-policy",
                                                "adaptive"))
            self.assertEqual((done.returncode, done.stderr.strip()), (0, ""))
            self.connection.close()
            self.setUp()

    def reachable(self):
        """Bytes that the daemon can still reach: a cache that grows is no leak to
        valgrind, but it is one to us."""
        said = subprocess.run(["vgdb", f"--pid={self.daemon_pid(self.source)}",
                               "leak_check", "summary", "any"],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        match = re.search(r"still reachable: ([0-9,]+)", said.stdout)
        self.assertTrue(match, said.stdout)
        return int(match[1].replace(",", ""))

    def test_no_error(self):
        half = MIGRATIONS // 2
        self.migrate(half)
        before = self.reachable()
        self.migrate(half)
        self.assertLess(self.reachable() - before, half * GROWTH)
        self.assertEqual(len(self.journals()), MIGRATIONS)

        pid = self.daemon_pid(self.source)
        os.kill(pid, signal.SIGTERM)
        self.until("the daemon's end", lambda: not os.path.exists(f"/proc/{pid}"))
        with open(self.log, encoding="utf-8") as file:
            log = file.read()
        os.unlink(self.log)
        self.assertIn("ERROR SUMMARY: 0 errors", log, log)
