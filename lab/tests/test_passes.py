# SPDX-License-Identifier: LGPL-2.1-or-later
"""What counts as a pass. Since QEMU 9.2 there are bitmap syncs every 5 s, and since 11.1 one every
55 ms if post-copy is allowed; only those at the end of a pass count."""

from labtest import EMULATOR, MODULE, LabTest, slow

# A pass takes longer than two periods of QEMU's timer.
LINK = "64mbit"
WORKLOAD = "working-set=90M rate=max"

# What the link carries between two samples, and what a downtime-limit of 10 ms allows, bytes.
LAST_BYTES = 8e6 * 0.8

# The third pass never begins: at the end of the second the guest is paused.
POLICY = "stepped,max-throttle=20,max-downtime=10ms,passes=2,fallback=suspend"


class Passes(LabTest):
    module = ("--module", MODULE)
    cmdline = WORKLOAD

    def assert_passes_counted(self, *words):
        """The fallback comes at the end of the second pass: everything of the first is sent, and
        of the second all but what fits into a last sample."""
        self.slow_link(LINK)
        done = self.virsh(*self.virsh_words("--auto-converge", *words, "--converge-policy", POLICY))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_arrived()

        lines = self.journal()
        taken = [n for n, line in enumerate(lines) if line.get("verb") == "suspend"]
        self.assertEqual([lines[n]["reason"] for n in taken], ["passes"])
        samples = [line for line in lines[:taken[0]] if line["type"] == "sample"]
        sent = [line["normal"] + line["constant"] for line in samples]
        # The first sample after the bulk pass, which had all memory to send.
        second = next(n for n, bytes_sent in enumerate(sent) if bytes_sent >= samples[0]["total"] -
                      LAST_BYTES and samples[n]["remaining"] > LAST_BYTES)
        self.assertGreater(sent[-1] - sent[second], samples[second]["remaining"] - 2 * LAST_BYTES)


class Installed(Passes):
    def test_counted(self):
        self.assert_passes_counted()

    @slow
    def test_counted_with_post_copy_allowed(self):
        self.assert_passes_counted("--postcopy")


@slow
class Backports(Passes):
    """A QEMU that also syncs every 5 s."""

    @classmethod
    def setUpClass(cls):
        cls.emulator = EMULATOR or cls.backports()
        super().setUpClass()

    def test_counted(self):
        self.assert_passes_counted()

    def test_counted_with_post_copy_allowed(self):
        self.assert_passes_counted("--postcopy")
