# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares the forecast of converge-estimate with the migration of the guest."""

import json
import os
import signal
import subprocess
import time

from labtest import LAB, MODULE, VIRSH, LabTest, slow

LINK = "46"             # MiB/s of memory on labtest's link
SHARE = 0.3             # greatest difference from the forecast, as a share of it


class Estimate(LabTest):
    module = ("--module", MODULE)
    memory = 512

    def estimate(self, *words, host=None):
        done = subprocess.run(
            (host or self.source).command(VIRSH, "-c", self.uri("A"), "converge-estimate",
                                          self.guest, "--bandwidth", LINK, "--json", *words),
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def migrate(self, policy, *words):
        done = subprocess.run([os.path.join(LAB, "migrate"), self.guest, "--method",
                               f"policy:{policy}", "--json", "--virsh", VIRSH, *words],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(done.stdout, done.stderr)
        return json.loads(done.stdout)

    def assert_comes_true(self, forecast, done):
        self.assertEqual(forecast["end"], "completes")
        self.assertEqual(done["result"], "completed", done["error"])
        total = forecast["total_ms"]["value"] / 1000
        self.assertLess(abs(done["total_s"] - total), SHARE * total,
                        f"forecast {total:.1f} s, was {done['total_s']:.1f} s")


class Idle(Estimate):
    cmdline = "working-set=200M rate=0"

    def test_forecast(self):
        forecast = self.estimate("--seconds", "6", "adaptive")
        self.assertEqual(forecast["class_may_be"], ["converges"])
        self.assertEqual(forecast["policies"][0]["peak_throttle"], 0)
        self.assert_comes_true(forecast["policies"][0], self.migrate("adaptive"))

    def test_from_elsewhere(self):
        """Over a remote connection, from a host that does not know everything."""
        forecast = self.estimate("--seconds", "5", "--tls", "suspend", "adaptive",
                                 host=self.target)
        self.assertEqual([row["policy"] for row in forecast["policies"]], ["suspend", "adaptive"])
        self.assertGreater(forecast["tls"]["bandwidth"], forecast["bandwidth"])
        self.assertTrue(any("'A'" in note or "'a'" in note for note in forecast["notes"]),
                        forecast["notes"])

    @slow
    def test_interrupted(self):
        """The next estimate waits for the measurement in QEMU, and nothing else is left."""
        process = self.start_virsh("converge-estimate", self.guest, "--bandwidth", LINK, "--seconds", "15")
        self.until("a measurement", lambda: self.qmp("query-dirty-rate")["status"] == "measuring")
        time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)
        process.wait()
        self.assertEqual(self.domain.jobInfo()[0], 0)
        self.estimate("--seconds", "5", "adaptive")


class Untouched(Estimate):
    """QEMU is asked through libvirt's own calls alone where it is too old, or where a time is stated:
    libvirt taints a guest whose monitor others have used."""
    cmdline = "working-set=200M rate=0"

    def test_stated(self):
        forecast = self.estimate("--seconds", "5", "adaptive")
        self.assertEqual({row["seconds"] for row in forecast["measurements"]} - {1, 2}, set())
        self.assert_no_monitor_command()

    @slow
    def test_too_old(self):
        if self.emulator or self.connection.getVersion() >= 8002000:
            self.skipTest("this QEMU is not too old")
        forecast = self.estimate("adaptive")
        self.assertEqual({row["seconds"] for row in forecast["measurements"]}, {1, 5})
        self.assert_no_monitor_command()


class Middle(Estimate):
    cmdline = "working-set=200M rate=150M"

    def forecast_and_migrate(self, *words):
        forecast = self.estimate(*words, "adaptive")
        self.assertEqual((forecast["class"], forecast["recommended"]), ("middle", "adaptive"))
        self.assertGreater(forecast["policies"][0]["peak_throttle"], 20)
        self.assert_comes_true(forecast["policies"][0], self.migrate("adaptive"))
        return forecast

    def test_forecast(self):
        self.forecast_and_migrate()

    @slow
    def test_exact(self):
        self.forecast_and_migrate("--exact", "--seconds", "10")


class AtOnce(Middle):
    """The same by a QEMU that counts pages within fractions of a second."""

    @classmethod
    def setUpClass(cls):
        cls.emulator = cls.backports()
        super().setUpClass()

    def test_forecast(self):
        forecast = self.forecast_and_migrate()
        lengths = [row["seconds"] for row in forecast["measurements"]]
        self.assertLess(lengths[0], 1, lengths)
        # A busy host takes longer than it was asked to.
        self.assertTrue(all(took >= asked for took, asked in zip(lengths, (0.05, 0.6, 0.05, 0.2), strict=True)),
                        lengths)

    @slow
    def test_exact(self):
        """With a time, QEMU counts pages for as long as that."""
        forecast = self.estimate("--exact", "--seconds", "5", "adaptive")
        self.assertEqual({row["seconds"] for row in forecast["measurements"]} - {1, 2}, set())
        self.assert_no_monitor_command()


@slow
class Beyond(Estimate):
    """With half of its processor, which the policy leaves it, the guest still writes far
    faster than the link, even on a busy machine."""
    cmdline = "working-set=200M rate=6000M"
    policy = "adaptive,max-throttle=50"

    def test_forecast(self):
        done = self.virsh("converge-set", self.guest, self.policy, "--live")
        self.assertEqual(done.returncode, 0, done.stderr)
        forecast = self.estimate("adaptive", "suspend")
        self.assertEqual(forecast["class_may_be"], ["beyond"])
        self.assertEqual([row["end"] for row in forecast["policies"]], ["never", "long-pause"])
        self.assertEqual(forecast["recommended"], "suspend")

        total = forecast["policies"][1]["total_ms"]["value"] / 1000
        done = self.migrate(self.policy, "--timeout", str(3 * total))
        self.assertEqual(done["result"], "aborted")
        self.assertEqual(done["converge"]["auto_converge.class"], "beyond")
