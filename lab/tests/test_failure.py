# SPDX-License-Identifier: LGPL-2.1-or-later
"""Migrations that fail: the guest goes on as if it had not been touched."""

import os
import signal

from labtest import ENDLESS, MODULE, LabTest


class Failure(LabTest):
    module = ("--module", MODULE)

    words = ("--auto-converge", "--converge-policy", ENDLESS)

    def setUp(self):
        super().setUp()
        self.before = self.qmp("query-migrate-parameters")

    def begin(self, **kwargs):
        process = self.start_virsh(*self.virsh_words(*self.words, **kwargs))
        self.until_throttled()
        return process

    def assert_recovered(self):
        self.assert_stayed()
        self.assert_untouched(self.before)
        self.assertEqual(self.journal()[-1]["result"], "failed")

        done = self.virsh(*self.virsh_words("--auto-converge", "--converge-policy", "adaptive"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_arrived()

    def test_aborted(self):
        process = self.begin()
        self.assertEqual(self.virsh("domjobabort", self.guest).returncode, 0)
        self.assertEqual(process.wait(), 1)
        self.assert_recovered()

    def test_aborted_peer_to_peer(self):
        process = self.begin(p2p=True)
        self.assertEqual(self.virsh("domjobabort", self.guest).returncode, 0)
        self.assertEqual(process.wait(), 1)
        self.assert_recovered()

    def test_destination_qemu_killed(self):
        process = self.begin()
        os.kill(self.qemu_pid(self.target), signal.SIGKILL)
        self.assertEqual(process.wait(), 1)
        self.assert_recovered()

    def test_client_disconnects(self):
        process = self.begin()
        self.end_group(process)
        process.wait()
        self.until("the job to end", lambda: not self.stats().get("memory_total"))
        self.assert_recovered()
