# SPDX-License-Identifier: LGPL-2.1-or-later
"""The module in both daemons: what it does for callers, and what stays unchanged."""

import os
import subprocess

import libvirt

from labtest import ENDLESS, MODULE, STOCK_VIRSH, LabTest, slow

LIVE = libvirt.VIR_MIGRATE_LIVE
AUTO = libvirt.VIR_MIGRATE_AUTO_CONVERGE
P2P = libvirt.VIR_MIGRATE_PEER2PEER
POLICY = "auto_converge.policy"
URI = {libvirt.VIR_MIGRATE_PARAM_URI: "tcp://10.77.0.2:49152"}

PYTHON_MIGRATE = """
import libvirt, sys
source = libvirt.open('qemu+tcp://A/system')
domain = source.lookupByName(sys.argv[1])
parameters = {'migrate_uri': 'tcp://B:49152', 'auto_converge.policy': sys.argv[3]}
flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_AUTO_CONVERGE
if sys.argv[2] == 'migrate3':
    domain.migrate3(libvirt.open('qemu+tcp://B/system'), parameters, flags)
else:
    domain.migrateToURI3('qemu+tcp://B/system', parameters,
                         flags | libvirt.VIR_MIGRATE_PEER2PEER)
"""


class BothHosts(LabTest):
    module = ("--module", MODULE)

    def assert_policy_ran(self, policy):
        lines = self.journal()
        self.assertEqual(lines[0]["type"], "start")
        self.assertEqual(lines[0]["policy"], policy)
        self.assertEqual(lines[0]["runs_in"], "daemon")
        self.assertEqual(lines[-1], lines[-1] | {"type": "end", "result": "done"})
        self.assertTrue([x for x in lines if x.get("verb") == "throttle" and x["throttle"] > 20],
                        "no throttle was decided")

    def migrate(self, *words, **kwargs):
        done = self.virsh(*self.virsh_words(*words, **kwargs))
        self.assertEqual((done.returncode, done.stderr.strip()), (0, ""))
        self.assert_arrived()

    def test_literal_command(self):
        self.migrate("--auto-converge", "--converge-policy", "adaptive")
        self.assert_policy_ran("adaptive")

    @slow
    def test_one_quoted_string(self):
        words = self.virsh_words("--auto-converge", "--converge-policy",
                                 "adaptive,max-throttle=90")
        done = self.virsh("; ".join(["list --name", " ".join(words)]))
        self.assertEqual((done.returncode, done.stderr.strip()), (0, ""))
        self.assertIn(self.guest, done.stdout)
        self.assert_arrived()
        self.assert_policy_ran("adaptive,max-throttle=90")

    def test_peer_to_peer(self):
        self.migrate("--auto-converge", "--converge-policy", "adaptive", p2p=True)
        self.assert_policy_ran("adaptive")

    @slow
    def test_tunnelled(self):
        done = self.virsh("migrate", "--live", "--p2p", "--tunnelled", "--auto-converge",
                          "--converge-policy", "adaptive", self.guest, self.uri("B"))
        self.assertEqual((done.returncode, done.stderr.strip()), (0, ""))
        self.assert_arrived()
        self.assert_policy_ran("adaptive")

    def test_stepped(self):
        self.migrate("--auto-converge", "--converge-policy",
                     "stepped,initial-throttle=70,throttle-increment=20")
        steps = [x for x in self.journal() if x.get("verb") == "step"]
        self.assertEqual([(x["throttle"], x["increment"]) for x in steps], [(70, 20)])

    def test_default_policy(self):
        """The flag alone, from a stock virsh."""
        done = self.virsh(*self.virsh_words("--auto-converge"), program=STOCK_VIRSH)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_arrived()
        self.assert_policy_ran("adaptive")

    def test_policy_without_flag(self):
        """A policy alone is enough: the module sets the capability itself."""
        self.migrate("--converge-policy", "adaptive")
        self.assert_policy_ran("adaptive")

    def python(self, call, policy):
        return subprocess.run(self.source.command("/usr/bin/python3", "-c", PYTHON_MIGRATE,
                                                  self.guest, call, policy),
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def test_python_migrate3(self):
        self.assertEqual(self.python("migrate3", "adaptive,max-throttle=85").returncode, 0)
        self.assert_arrived()
        self.assert_policy_ran("adaptive,max-throttle=85")

    def test_python_migrate_to_uri3(self):
        self.assertEqual(self.python("migrateToURI3", "adaptive,max-throttle=85").returncode, 0)
        self.assert_arrived()
        self.assert_policy_ran("adaptive,max-throttle=85")

    def test_job_stats(self):
        process = self.start_virsh(*self.virsh_words("--auto-converge", "--converge-policy",
                                                     "adaptive"))
        stats = self.until("a prediction in the job statistics", lambda: (
            lambda x: x if "auto_converge.predicted_remaining" in x else None)(self.stats()))
        self.assertEqual(stats["auto_converge.policy"], "adaptive")
        self.assertIn(stats["auto_converge.state"], ("bulk-pass", "watching", "throttling"))
        self.assertTrue(stats["auto_converge.reason"])
        self.assertGreater(stats["auto_converge.bandwidth"], 1e6)
        self.assertGreater(stats["auto_converge.dirty_rate"], 1e6)
        self.assertIn("auto_converge.throttle_target", stats)
        self.assertEqual(process.wait(), 0)
        self.assert_arrived()

    def test_outside_downtime_is_a_ceiling(self):
        process = self.start_virsh(*self.virsh_words("--auto-converge", "--converge-policy",
                                                     "adaptive"))
        self.until("the migration", lambda: self.stats().get("memory_processed"))
        self.domain.migrateSetMaxDowntime(60)
        self.assertLessEqual(self.domain.migrateGetMaxDowntime(), 60)
        self.assertEqual(process.wait(), 0)
        self.assert_arrived()
        limits = [x["downtime_ms"] for x in self.journal() if x.get("verb") == "downtime"]
        self.assertLessEqual(limits[-1], 60)

    def test_outside_downtime_ignored(self):
        process = self.start_virsh(*self.virsh_words(
            "--auto-converge", "--converge-policy", "adaptive,outside-downtime=ignore"))
        self.until("the migration", lambda: self.stats().get("auto_converge.downtime_limit"))
        before = self.domain.migrateGetMaxDowntime()
        self.domain.migrateSetMaxDowntime(1)
        self.assertGreaterEqual(self.domain.migrateGetMaxDowntime(), before)
        self.assertEqual(process.wait(), 0)
        self.assert_arrived()


class Refused(LabTest):
    """A wrong policy starts nothing, neither with virsh nor with the API."""
    module = ("--module", MODULE)
    cmdline = "working-set=20M rate=10M"

    wrong = {
        "bogus": ("bogus", "adaptive, cheapest"),
        "adaptive,bogus=1": ("bogus", "max-throttle"),
        "adaptive,max-throttle=120": ("max-throttle", "20..99"),
        "adaptive,max-downtime=500": ("max-downtime", "unit ms, s, min or h"),
        "adaptive,max-throttle=80,max-throttle=80": ("max-throttle", "once"),
    }

    def assert_nothing_started(self):
        self.assertEqual(self.journals(), [])
        self.assertEqual(self.domain.jobInfo()[0], libvirt.VIR_DOMAIN_JOB_NONE)
        self.assert_no_monitor_command()
        self.assert_stayed()

    def test_by_virsh(self):
        for policy, words in self.wrong.items():
            with self.subTest(policy):
                done = self.virsh(*self.virsh_words("--auto-converge", "--converge-policy", policy))
                self.assertEqual(done.returncode, 1)
                for word in words:
                    self.assertIn(word, done.stderr)
        self.assert_nothing_started()

    def test_by_api(self):
        target = self.target.connect()
        for policy, words in self.wrong.items():
            for name, call in (
                    ("direct", lambda p: self.domain.migrate3(target, p, LIVE | AUTO)),
                    ("p2p", lambda p: self.domain.migrateToURI3(self.uri("B"), p,
                                                                LIVE | AUTO | P2P))):
                with self.subTest(f"{name} {policy}"):
                    with self.assertRaises(libvirt.libvirtError) as caught:
                        call(URI | {POLICY: policy})
                    self.assertEqual(caught.exception.get_error_code(),
                                     libvirt.VIR_ERR_INVALID_ARG)
                    for word in words:
                        self.assertIn(word, str(caught.exception))
        self.assert_nothing_started()

    def test_not_a_string(self):
        with self.assertRaises(libvirt.libvirtError) as caught:
            self.domain.migrateToURI3(self.uri("B"), URI | {POLICY: 5}, LIVE | AUTO | P2P)
        self.assertEqual(caught.exception.get_error_code(), libvirt.VIR_ERR_INVALID_ARG)
        self.assert_nothing_started()

    def test_not_live(self):
        with self.assertRaises(libvirt.libvirtError) as caught:
            self.domain.migrateToURI3(self.uri("B"), URI | {POLICY: "adaptive"}, P2P)
        self.assertEqual(caught.exception.get_error_code(), libvirt.VIR_ERR_INVALID_ARG)
        self.assertIn("VIR_MIGRATE_LIVE", str(caught.exception))
        self.assert_nothing_started()


class HandsOff(LabTest):
    """The module is loaded, but no caller asks for it."""
    module = ("--module", MODULE)
    cmdline = "working-set=20M rate=10M"

    def test_plain_migration(self):
        """Checks the taint that libvirt sets when a monitor is used."""
        done = self.virsh(*self.virsh_words(), program=STOCK_VIRSH)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.journals(), [])
        with open(os.path.join(self.source.directory, "log", "qemu", f"{self.guest}.log"),
                  encoding="utf-8") as file:
            self.assertNotIn("custom-monitor", file.read())
        self.assert_arrived()

    def test_taint_is_seen_where_there_is_one(self):
        """Proves that the test above can fail."""
        self.qmp("query-status")
        with self.assertRaises(AssertionError):
            self.assert_no_monitor_command()
        with open(os.path.join(self.source.directory, "log", "qemu", f"{self.guest}.log"),
                  encoding="utf-8") as file:
            self.assertIn("custom-monitor", file.read())

    def test_qemu_has_no_module(self):
        pid = self.qemu_pid(self.source)
        with open(f"/proc/{pid}/environ", "rb") as file:
            self.assertNotIn(b"LD_PRELOAD", file.read())
        with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
            self.assertNotIn("converge", file.read())
        # The daemon itself has it loaded.
        with open(f"/proc/{self.daemon_pid(self.source)}/maps", encoding="utf-8") as file:
            self.assertIn(os.path.basename(MODULE), file.read())


class CompletedStats(LabTest):
    """A persistent domain stays known on the source, with the statistics of its migration."""
    module = ("--module", MODULE)
    define = ("--persistent",)

    # Reading them must not make libvirt forget them.
    KEPT = libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED | libvirt.VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED

    def test_completed_stats(self):
        done = self.virsh(*self.virsh_words("--auto-converge", "--converge-policy", "adaptive"))
        self.assertEqual(done.returncode, 0, done.stderr)
        stats = self.domain.jobStats(self.KEPT)
        self.assertEqual(stats["auto_converge.policy"], "adaptive")
        self.assertEqual(stats["auto_converge.state"], "done")
        self.assertIn("auto_converge.bandwidth", stats)

        # The guest has left, and its host can still tell.
        status = self.virsh("converge-status", self.guest)
        self.assertIn("state: done\n", status.stdout, status.stderr)

        # The host that it came to knows the same.
        arrived = self.target.connect().lookupByName(self.guest).jobStats(self.KEPT)
        self.assertEqual(arrived["operation"], libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN)
        ours = {name: value for name, value in stats.items() if name.startswith("auto_converge.")}
        self.assertEqual({name: arrived.get(name) for name in ours}, ours)

        # A later migration without a policy has no such statistics.
        self.cmdline = "working-set=20M rate=10M"
        self.setUp()
        done = self.virsh(*self.virsh_words(), program=STOCK_VIRSH)
        self.assertEqual(done.returncode, 0, done.stderr)
        stats = self.domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
        self.assertNotIn("auto_converge.policy", stats)
        self.assertIn("auto_converge.module", stats)

    def test_renamed(self):
        """Under the new name the destination has the statistics; of a peer-to-peer migration those of libvirt,
        and the user learns where to look."""
        for p2p in False, True:
            with self.subTest(p2p=p2p):
                self.setUp()
                done = self.virsh(*self.virsh_words("--auto-converge", "--converge-policy", "adaptive",
                                                    "--dname", "renamed", p2p=p2p))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.domain.jobStats(self.KEPT)["auto_converge.state"], "done")
                renamed = self.target.connect().lookupByName("renamed")
                arrived = renamed.jobStats(self.KEPT)
                self.assertGreater(arrived["downtime"], 0)
                self.assertEqual(arrived.get("auto_converge.state"), None if p2p else "done")
                status = self.virsh("-c", self.uri("B"), "converge-status", "renamed")
                if p2p:
                    self.assertRegex(status.stderr, "^note: .*virt-converge-journal")
                else:
                    self.assertEqual(status.stderr, "")
                    self.assertIn("state: done\n", status.stdout)
                renamed.destroy()

    def test_failed_stats(self):
        process = self.start_virsh(*self.virsh_words("--auto-converge", "--converge-policy", ENDLESS))
        self.until("the policy", lambda: self.stats().get("memory_iteration", 0) >= 2)
        self.domain.abortJob()
        self.assertEqual(self.finish(process)[0], 1)
        lines = self.virsh("converge-status", self.guest).stdout.splitlines()
        status = dict(line.split(": ", 1) for line in lines if line)
        self.assertEqual(status["state"], "failed")
        self.assertEqual(status["journal"], os.path.basename(self.journals()[-1]))
        self.assertIn(status["journal"], self.log()[-1])


class SourceOnly(LabTest):
    module = ("--module", MODULE, "--module-source-only")

    def test_peer_to_peer(self):
        done = self.virsh(*self.virsh_words("--auto-converge", "--converge-policy", "adaptive",
                                            p2p=True))
        self.assertEqual((done.returncode, done.stderr.strip()), (0, ""))
        self.assert_arrived()
        self.assertEqual(self.journal()[0]["runs_in"], "daemon")

    def test_direct_by_the_host(self):
        """A destination without the module does not mind what the source tells it."""
        self.write_conf("[default]\npreset = adaptive\n")
        self.addCleanup(self.write_conf, None)
        done = self.virsh(*self.virsh_words("--auto-converge"), program=STOCK_VIRSH)
        self.assertEqual((done.returncode, done.stderr.strip()), (0, ""))
        self.assert_arrived()
        self.assertEqual(self.journal()[-1]["type"], "end")

    def test_direct_is_refused_with_a_remedy(self):
        done = self.virsh(*self.virsh_words("--auto-converge", "--converge-policy", "adaptive"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("--p2p", done.stderr)
        self.assert_stayed()


class NoModule(LabTest):
    """Hosts without the module: the engine runs in this virsh."""

    def test_literal_command(self):
        for p2p in False, True:
            with self.subTest(p2p=p2p):
                if p2p:
                    self.setUp()
                done = self.virsh(*self.virsh_words("--auto-converge", "--converge-policy",
                                                    "adaptive", p2p=p2p))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
                self.assert_arrived()
                lines = self.journal()
                self.assertEqual(lines[0]["runs_in"], "client")
                self.assertTrue([x for x in lines if x.get("verb") == "throttle"])

    def test_aborted(self):
        before = self.qmp("query-migrate-parameters")
        process = self.start_virsh(*self.virsh_words("--auto-converge", "--converge-policy",
                                                     ENDLESS))
        self.until_throttled()
        self.domain.abortJob()
        self.assertEqual(process.wait(), 1)
        self.assert_stayed()
        self.assert_untouched(before)
