# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is kept of migrations: one that fails, one that is aborted, one that is interrupted, one
that is fine."""

import json
import os
import signal
import subprocess

from labtest import ENDLESS, MODULE, SOCKET_URI, VIRSH, LabTest, tool


class History(LabTest):
    module = ("--module", MODULE)

    words = ("--auto-converge", "--converge-policy", ENDLESS)

    def history(self, host, *words):
        """The command, run on that host about the source."""
        uri = SOCKET_URI if host is self.source else self.uri("A")
        done = subprocess.run(host.command(VIRSH, "-c", uri, "converge-history", *words), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout, done.stderr

    def records(self):
        directory = os.path.join(self.source.directory, "log", "converge", "history")
        names = sorted(os.listdir(directory), key=lambda name: int(name.split(".")[0]))
        result = []
        for name in names:
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                result.append(json.load(file))
        return result

    def begin(self, **kwargs):
        process = self.start_virsh(*self.virsh_words(*self.words, **kwargs))
        self.until_throttled()
        return process

    def target_pid(self):
        try:
            return self.qemu_pid(self.target)
        except FileNotFoundError:
            return None

    def test_all(self):
        # aborted
        process = self.begin(p2p=True)
        self.assertEqual(self.virsh("domjobabort", self.guest).returncode, 0)
        self.assertEqual(process.wait(), 1)
        # For libvirt, a broken stream may come before the abort that broke it.
        word = "aborted" if "canceled by client" in process.stdout.read() else "failed"
        self.until_over_in_qemu()
        # failed
        process = self.begin()
        os.kill(self.until("a QEMU at the destination", lambda: self.target_pid()), signal.SIGKILL)
        self.assertEqual(process.wait(), 1)
        self.until_over_in_qemu()
        # From elsewhere, it is the module that tells of a guest that is here.
        out, _ = self.history(self.target, self.guest, "--json")
        self.assertEqual([entry["outcome"] for entry in json.loads(out)], [word, "failed"], out)
        # fine
        done = self.virsh(*self.virsh_words("--auto-converge", "--converge-policy", "adaptive"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_arrived()

        out, errors = self.history(self.target, "--json")
        self.assertEqual(json.loads(out), [])
        self.assertIn("tells nothing", errors)

        aborted, failed, fine = self.records()
        out, _ = self.history(self.source, "--json")
        self.assertEqual(json.loads(out), [aborted, failed, fine])
        out, _ = self.history(self.source, self.guest, "--failed")
        self.assertEqual(len(out.strip().splitlines()), 3, out)
        out, _ = self.history(self.source, "--id", str(fine["id"]))
        self.assertIn("': done\n", out)
        self.assertEqual([entry["outcome"] for entry in (aborted, failed, fine)],
                         [word, "failed", "done"])
        self.assertTrue(aborted["error"])
        self.assertTrue(failed["error"])
        self.assertNotIn("error", fine)
        self.assertGreater(fine["lost_ms"], 0)
        for entry in (aborted, failed, fine):
            self.assertEqual(entry["guest"], self.guest)
            self.assertGreaterEqual(entry["end_ms"], entry["begin_ms"])
            self.assertGreater(entry["bytes"], 0)
            self.assertGreater(entry["strongest_throttle"], 20)
            self.assertGreaterEqual(entry["lost_ms"], 0)    # two ended with the first throttle
            self.assertTrue(os.path.exists(os.path.join(
                self.source.directory, "log", "converge", entry["journal"])))
        self.assertGreater(fine["downtime_ms"], 0)
        self.assertGreaterEqual(fine["plan_total_ms_most"], fine["plan_total_ms"])
        fields = {field["name"]: field for field in fine["fields"]}
        self.assertEqual(fields["throttle"]["layer"], "preset")

    def test_daemon_killed(self):
        self.begin()
        os.kill(self.daemon_pid(self.source), signal.SIGKILL)
        tool("hosts", "restart", "A")
        self.connect()
        self.until("the record to be closed",
                   lambda: self.records()[-1]["outcome"] == "interrupted")
        self.assertGreater(self.records()[-1]["end_ms"], 0)
