# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a switchover costs besides sending memory: learned, kept, and used by the next migration."""

import json
import os

from labtest import MODULE, VIRSH, LabTest, tool

# The buffers of so slow a link hold more than a tenth of a second.
RATE = "80mbit"


class Learned(LabTest):
    module = ("--module", MODULE)
    cmdline = "working-set=20M rate=40M"

    def switchovers(self, host):
        path = os.path.join(host.directory, "log", "converge", "switchovers.json")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return json.load(file)["switchovers"]

    def migrate(self, source, p2p=False):
        """Migrates the guest from the host SOURCE to the other; returns the journal's lines."""
        target = source.other
        words = ["migrate", "--live", *(["--p2p"] if p2p else []), "--converge-policy", "adaptive",
                 self.guest, self.uri(target.letter), f"tcp://{target.letter}:49152"]
        code, output = self.finish(self.start(VIRSH, "-c", self.uri(source.letter), *words))
        self.assertEqual(code, 0, output)
        with open(self.journals(source)[-1], encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def test_two_migrations(self):
        uuid = self.domain.UUIDString()
        self.slow_link(RATE)
        first = self.migrate(self.source)
        self.assertEqual([x for x in first if x["type"] == "overhead"], [])
        learned = self.switchovers(self.source)
        self.assertEqual([(x["guest"], x["destination"]) for x in learned], [(uuid, "b")])
        self.assertIn(learned[0]["overhead_ms"], range(1, 1001))

        # The way back is another switchover, of which nothing is known.
        back = self.migrate(self.target, p2p=True)
        self.assertEqual([x for x in back if x["type"] == "overhead"], [])
        self.assertEqual([(x["guest"], x["destination"]) for x in self.switchovers(self.target)],
                         [(uuid, "a")])

        # A new daemon still knows.
        tool("hosts", "restart", "A", "--module", MODULE)
        used = [x for x in self.migrate(self.source, p2p=True) if x["type"] == "overhead"]
        self.assertEqual([x["overhead_ms"] for x in used], [learned[0]["overhead_ms"]])
        self.assertIn("of this guest to 'b'", used[0]["text"])
        self.assertEqual(self.switchovers(self.source)[0], learned[0])
        self.assertEqual(len(self.switchovers(self.source)), 2)
        self.verify(self.target)
