# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole migrations as they should be: the bulk pass runs free, one look at its end decides, the end
comes about as predicted, and nothing is left. The figures are added to the file $LAB_FIGURES."""

import json
import os
import subprocess

import labhost
import vcpuquota
from labtest import LAB, MODULE, VIRSH, LabTest

# What the link carries between two samples, bytes.
LAST_BYTES = 20e6

# The prediction may be missed by this factor and these seconds, on a machine that is busy.
FACTOR, SECONDS = 3, 5


class Sound(LabTest):
    module = ("--module", MODULE)

    def assert_sound(self, name, *words):
        quotas = vcpuquota.quotas(self.source, self.guest)
        done = subprocess.run([os.path.join(LAB, "migrate"), self.guest, "--method",
                               "policy:adaptive", "--json", "--timeout", "120", "--virsh", VIRSH,
                               *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(done.stdout, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual((result["result"], result["memory_ok"]), ("completed", True), result)

        lines = self.journal()
        decisions = [line for line in lines if line["type"] == "decision"]
        first = next((n for n, line in enumerate(lines)
                      if line.get("verb") == "throttle" and line["throttle"] > 0), None)
        self.assertIsNotNone(first, "no throttle: " + "; ".join(line["text"] for line in decisions))
        samples = [line for line in lines[:first] if line["type"] == "sample"]
        self.assertGreater(samples[-1]["normal"] + samples[-1]["constant"],
                           samples[-1]["total"] - LAST_BYTES, "throttled in the bulk pass")
        self.assertEqual(lines[first]["reason"], "throttle-helps")
        prediction = lines[first]["prediction"]
        self.assertTrue(prediction["converges"])
        predicted = (lines[first]["t"] - decisions[0]["t"] + prediction["remaining_ms"]) / 1000
        figures = {"name": name, "accelerator": labhost.accelerator(self.emulator),
                   "throttle": lines[first]["throttle"],
                   "predicted_s": predicted, "total_s": result["total_s"],
                   "predicted_ms": result["converge"]["auto_converge.predicted_downtime"],
                   "downtime_ms": result["downtime_ms"], "passes": result["passes"]}
        if path := os.environ.get("LAB_FIGURES"):
            with open(path, "a", encoding="utf-8") as file:
                print(json.dumps(figures), file=file)
        self.assertLess(result["total_s"], FACTOR * predicted + SECONDS)

        self.assertEqual(vcpuquota.quotas(self.target, self.guest), quotas)
        self.until("no record", lambda: not self.records())

    def test_direct(self):
        self.assert_sound("direct")

    def test_post_copy_allowed(self):
        self.assert_sound("post-copy allowed", "--virsh-args=--postcopy")

    def test_peer_to_peer(self):
        self.assert_sound("peer-to-peer", "--p2p")
