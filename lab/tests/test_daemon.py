# SPDX-License-Identifier: LGPL-2.1-or-later
"""The module in a daemon: ten migrations leave nothing behind."""

import collections
import os
import re
import signal
import subprocess

from labtest import LAB, MODULE, LabTest, slow

MIGRATIONS = 10
VALGRIND = ("valgrind --leak-check=full --show-leak-kinds=definite "
            "--errors-for-leak-kinds=definite --num-callers=30 --child-silent-after-fork=yes "
            f"--suppressions={os.path.join(LAB, 'tests', 'libvirt.supp')} --log-file={{log}}")

# Bytes that a migration may leave reachable: the registry and libvirt's caches keep recent
# domains.
GROWTH = 4096


@slow
class Footprint(LabTest):
    module = ("--module", MODULE)
    cmdline = "working-set=20M rate=10M"

    def footprint(self):
        process = f"/proc/{self.daemon_pid(self.source)}"
        return {"descriptors": self.listing(f"{process}/fd", lambda path:
                                            os.readlink(path).split(":[")[0]),
                "threads": self.listing(f"{process}/task", self.thread_name)}

    @staticmethod
    def thread_name(path):
        with open(f"{path}/comm", encoding="utf-8") as file:
            return file.read().strip()

    @staticmethod
    def listing(directory, describe):
        """All entries of DIRECTORY, except those that vanish meanwhile."""
        result = []
        for name in os.listdir(directory):
            try:
                result.append(describe(f"{directory}/{name}"))
            except OSError:
                pass
        return sorted(result)

    def grown(self, before):
        """The items that have increased; a decrease does not matter."""
        now = self.footprint()
        return {kind: extra for kind in now
                if (extra := collections.Counter(now[kind]) -
                    collections.Counter(before[kind]))}

    def migrate_once(self, words):
        done = self.virsh(*self.virsh_words(*words))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.connection.close()
        self.setUp()

    def test_descriptors_and_threads(self):
        policy = ("--auto-converge", "--converge-policy", "adaptive")
        self.migrate_once(policy)       # libvirt opens some files only once
        before = self.footprint()
        for _ in range(MIGRATIONS):
            self.migrate_once(policy)
        try:
            self.until("descriptors and threads to be back where they were",
                       lambda: not self.grown(before))
        except AssertionError:
            self.fail(self.grown(before))
        self.assertNotIn("converge", before["threads"])
        self.assertEqual(len(self.journals()), MIGRATIONS + 1)


@slow
class Valgrind(LabTest):
    """The source's daemon under valgrind, for its whole life."""
    cmdline = "working-set=20M rate=10M"

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
        """Bytes that the daemon can still reach: valgrind does not report a growing cache as
        a leak, but this test does."""
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
