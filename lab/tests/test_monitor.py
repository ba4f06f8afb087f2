# SPDX-License-Identifier: LGPL-2.1-or-later
"""qmp=no: no monitor command, and so no taint; the guest converges nevertheless."""

import os

import libvirt

from labtest import ENDLESS, MODULE, LabTest


class NoMonitor(LabTest):
    module = ("--module", MODULE)
    # Without a throttle the guest dirties more than this in any pass.
    policy = "adaptive,max-downtime=30ms,qmp=no"

    def guest_log(self):
        with open(os.path.join(self.source.directory, "log", "qemu", f"{self.guest}.log"),
                  encoding="utf-8") as file:
            return file.read()

    def assert_quota(self):
        methods = [line for line in self.journal() if line["type"] == "actuator"]
        self.assertEqual([line["actuator"] for line in methods], ["vcpu-quota"])
        self.assertIn("qmp=no", methods[0]["text"])
        self.assertTrue([x for x in self.journal() if x.get("verb") == "throttle" and x["throttle"] > 20])
        self.assertFalse([x for x in self.journal() if "probe" in x])

    def test_converges_untainted(self):
        done = self.virsh(*self.virsh_words("--auto-converge", "--converge-policy", self.policy))
        self.assertEqual((done.returncode, done.stderr.strip()), (0, ""))
        self.assertNotIn("custom-monitor", self.guest_log())
        self.assert_arrived()
        self.assert_quota()

    def test_aborted_untainted(self):
        before = self.domain.schedulerParameters(), self.domain.migrateGetMaxDowntime()
        process = self.start_virsh(*self.virsh_words("--converge-policy", f"{ENDLESS},qmp=no"))
        self.until_throttled()
        # QEMU's own throttle would add to ours.
        self.assertEqual(self.stats().get("auto_converge_throttle", 0), 0)
        self.domain.abortJob()
        self.assertEqual(self.finish(process)[0], 1)
        self.assert_stayed()
        self.assert_no_monitor_command()
        self.assertNotIn("custom-monitor", self.guest_log())
        self.assertEqual((self.domain.schedulerParameters(), self.domain.migrateGetMaxDowntime()), before)
        self.assertEqual(self.records(), [])
        self.assert_quota()

    def test_host_setting(self):
        """The whole host, a guest that converges by itself, and a client that knows nothing."""
        self.addCleanup(self.write_conf, None)
        self.write_conf("[default]\nqmp = no\nwhen = always\n")
        self.domain.migrateToURI3(self.uri("B"), {}, libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER)
        self.assertNotIn("custom-monitor", self.guest_log())
        self.assert_arrived()
        self.assertIn("qmp=no", self.journal()[0]["policy"])
