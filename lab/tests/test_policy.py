# SPDX-License-Identifier: LGPL-2.1-or-later
"""The places to state a policy, their precedence, and the fallbacks."""

import subprocess

import libvirt

from labtest import MODULE, NAMESPACE, RATE, STOCK_VIRSH, LabTest, slow, tool

LIVE = libvirt.VIR_MIGRATE_LIVE
P2P = libvirt.VIR_MIGRATE_PEER2PEER
AUTO = libvirt.VIR_MIGRATE_AUTO_CONVERGE
URI = {libvirt.VIR_MIGRATE_PARAM_URI: "tcp://10.77.0.2:49152"}


class Policy(LabTest):
    module = ("--module", MODULE)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.write_conf, None)

    def migrate(self, flags=0, **parameters):
        parameters = {f"auto_converge.{key}": value for key, value in parameters.items()}
        self.domain.migrateToURI3(self.uri("B"), URI | parameters, LIVE | P2P | flags)

    def policy_in_journal(self):
        return self.journal()[0]["policy"]

    def verbs(self):
        return [line["verb"] for line in self.journal() if line["type"] == "decision"]


class Layers(Policy):
    def test_domain_always_for_virt_manager(self):
        """A client that never asks for auto-converge: its flags, in a direct migration."""
        self.set_domain_policy("<policy preset='adaptive' when='always'/>")
        self.domain.migrate3(self.target.connect(), URI, LIVE |
                             libvirt.VIR_MIGRATE_PERSIST_DEST |
                             libvirt.VIR_MIGRATE_UNDEFINE_SOURCE)
        self.assert_arrived()
        self.assertIn("throttle", self.verbs())
        arrived = self.target.connect().lookupByName(self.guest)
        xml = arrived.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, NAMESPACE)
        self.assertIn("always", xml)
        arrived.undefine()

    def test_set_by_virsh(self):
        done = self.virsh("converge-set", self.guest, "adaptive,when=always,max-throttle=90",
                          "--live")
        self.assertEqual((done.returncode, done.stderr.strip()), (0, ""))
        process = self.start_virsh(*self.virsh_words(), program=STOCK_VIRSH)
        self.until_throttled()
        status = self.virsh("converge-status", self.guest).stdout
        self.assertIn("max-throttle=90", status)
        self.assertIn("throttling", status)
        self.assertEqual(process.wait(), 0)
        self.assert_arrived()

    def test_host_configuration_is_read_anew(self):
        self.write_conf("[default]\nwhen = always\nmax-throttle = 90\n")
        self.migrate()
        self.assert_arrived()
        self.assertIn("max-throttle=90", self.policy_in_journal())
        self.assertIn("throttle", self.verbs())

    def test_precedence(self):
        self.write_conf("[default]\nmax-throttle = 70\nmax-downtime = 400ms\nstall = 50\n"
                        "[policy gold]\npreset = adaptive\nmax-downtime = 350ms\n")
        self.set_domain_policy("<policy><max-throttle>80</max-throttle>"
                               "<max-downtime>500ms</max-downtime></policy>")
        self.migrate(AUTO, policy="gold,max-downtime=290ms")
        self.assert_arrived()
        self.assertEqual(self.policy_in_journal(),
                         "gold,max-throttle=80,max-downtime=290ms,stall=50")

    def test_rule_and_lock(self):
        """A rule of the host applies by name and memory; what it locks is its own."""
        self.write_conf("[default]\nmax-downtime = 400ms\n"
                        "[rule others]\nmatch-name = no-such-*\nmax-throttle = 50\n"
                        f"[rule this]\nmatch-name = {self.guest[:-1]}?\nmatch-memory = <64GiB\n"
                        "max-throttle = 70\npasses = 40\nlock = max-throttle\n")
        self.set_domain_policy("<policy><max-throttle>80</max-throttle><passes>50</passes></policy>")
        before = len(self.log())
        with self.assertRaisesRegex(libvirt.libvirtError, "max-throttle.*'90'.*locks it; allowed: '70'"):
            self.migrate(AUTO, policy="adaptive,max-throttle=90")
        self.migrate(AUTO, policy="adaptive")
        self.assert_arrived()
        self.assertEqual(self.policy_in_journal(), "adaptive,max-throttle=70,max-downtime=400ms,passes=50")
        said = "".join(self.log()[before:])
        self.assertRegex(said, r"rule 'this' applies \(.*virt-converge.conf:6\)")
        self.assertIn("the host locks field 'max-throttle' to '70'; the domain's value is ignored", said)

    def test_throttle_parameters_of_the_call(self):
        """QEMU's own, in virsh's own words, are fields of the policy, or are refused."""
        words = ("--auto-converge", "--auto-converge-initial", "35", "--auto-converge-increment", "25", "--converge-policy")
        done = self.virsh(*self.virsh_words(*words, "adaptive"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("auto_converge.initial", done.stderr)
        self.assert_stayed()

        process = self.start_virsh(*self.virsh_words(*words, "stepped"))
        self.until("the first step", lambda: self.stats().get("auto_converge_throttle"))
        params = self.qmp("query-migrate-parameters")
        self.assertEqual((params["cpu-throttle-initial"], params["cpu-throttle-increment"]), (35, 25))
        self.assertIn(self.stats()["auto_converge_throttle"], (35, 60, 85, 99))
        self.assertEqual(self.finish(process)[0], 0)
        self.assert_arrived()
        self.assertEqual(self.policy_in_journal(), "stepped,initial-throttle=35,throttle-increment=25")

    def test_wrong_layer(self):
        """A caller who asks for auto-converge is refused; any other migrates without a policy."""
        self.write_conf("[default]\nmax-throttle = 120\n")
        with self.assertRaises(libvirt.libvirtError) as caught:
            self.migrate(AUTO)
        self.assertEqual(caught.exception.get_error_code(), libvirt.VIR_ERR_INVALID_ARG)
        self.assertIn("max-throttle", str(caught.exception))
        self.assert_stayed()

        self.cmdline = "working-set=20M rate=10M"
        self.setUp()
        self.write_conf("[default]\nmax-throttle = 120\n")
        before = self.journals()
        self.migrate()
        self.assert_arrived()
        self.assertEqual(self.journals(), before)


class Stored(Policy):
    """The policy of a persistent domain is kept with the domain."""
    cmdline = "working-set=20M rate=10M"
    define = ("--persistent",)
    LIVE_XML = libvirt.VIR_DOMAIN_AFFECT_LIVE
    STORED_XML = libvirt.VIR_DOMAIN_AFFECT_CONFIG

    def setUp(self):
        super().setUp()
        self.policy = "adaptive,max-throttle=85,when=always"
        done = self.virsh("converge-set", self.guest, self.policy, "--live", "--config")
        self.assertEqual((done.returncode, done.stderr.strip()), (0, ""))

    def assert_stated(self, domain, *where):
        for flag in where:
            xml = domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, NAMESPACE, flag)
            self.assertIn("<max-throttle>85</max-throttle>", xml)
            self.assertIn("always", xml)

    def assert_steers(self):
        """The domain's policy applies although the caller asks for nothing."""
        self.migrate(libvirt.VIR_MIGRATE_PERSIST_DEST | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE)
        self.assert_arrived()
        self.assertEqual(self.policy_in_journal(), self.policy)
        return self.target.connect().lookupByName(self.guest)

    def test_redefinition(self):
        """Redefines the domain as virsh edit does."""
        xml = self.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE)
        self.assertIn("<vcpu", xml)
        edited = xml.replace("<vcpu", "<title>edited</title>\n  <vcpu", 1)
        self.connection.defineXML(edited)
        self.assertIn("edited", self.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        self.assert_stated(self.domain, self.LIVE_XML, self.STORED_XML)
        # It also applies to a domain that is started from that definition.
        self.domain.destroy()
        self.domain.create()
        self.assert_stated(self.domain, self.LIVE_XML)
        self.assert_stayed()
        self.assert_steers()

    def test_managed_save(self):
        for words in ("managedsave", self.guest), ("start", self.guest):
            done = self.virsh(*words)
            self.assertEqual(done.returncode, 0, done.stderr)
            if words[0] == "managedsave":
                self.assertTrue(self.domain.hasManagedSaveImage())
                self.assertFalse(self.domain.isActive())
        self.assertFalse(self.domain.hasManagedSaveImage())
        self.assert_stated(self.domain, self.LIVE_XML, self.STORED_XML)
        self.assert_stayed()
        self.assert_steers()

    def test_persistent_at_destination(self):
        arrived = self.assert_steers()
        self.assertTrue(arrived.isPersistent())
        self.assert_stated(arrived, self.LIVE_XML, self.STORED_XML)
        # After it is destroyed, only the persistent definition is left.
        arrived.destroy()
        self.assert_stated(arrived, self.STORED_XML)


class Fallback(Policy):
    # Never converges by itself, so that the fallback must be taken.
    hopeless = "stepped,max-throttle=20,max-downtime=10ms,passes=3,fallback="

    def test_suspend(self):
        done = self.virsh(*self.virsh_words("--converge-policy", "suspend"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_arrived()
        self.assertIn("suspend", self.verbs())

    def test_paused_stays_paused(self):
        self.domain.suspend()
        done = self.virsh(*self.virsh_words("--converge-policy", "suspend"))
        self.assertEqual(done.returncode, 0, done.stderr)
        arrived = self.target.connect().lookupByName(self.guest)
        self.assertEqual(arrived.state()[0], libvirt.VIR_DOMAIN_PAUSED)
        arrived.resume()
        self.assert_arrived()

    def test_post_copy(self):
        done = self.virsh(*self.virsh_words("--converge-policy", "post-copy"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_arrived()
        self.assertIn("post-copy", self.verbs())

    def rungs(self):
        return [(line["verb"], line["reason"]) for line in self.journal()
                if line.get("verb") in ("skip", "post-copy", "suspend")]

    @slow
    def test_rung_is_skipped_without_flag(self):
        self.migrate(policy=self.hopeless + "post-copy+suspend")
        self.assert_arrived()
        self.assertEqual(self.rungs(), [("skip", "no-post-copy"), ("suspend", "passes")])

    @slow
    def test_rung_is_skipped_beside_parallel(self):
        if self.connection.getVersion() >= 10_001_000:
            self.skipTest("this QEMU has post-copy beside parallel connections")
        try:
            self.migrate(libvirt.VIR_MIGRATE_PARALLEL | libvirt.VIR_MIGRATE_POSTCOPY,
                         policy=self.hopeless + "post-copy+suspend")
        except libvirt.libvirtError as error:
            if "multifd" not in str(error):
                raise
            self.skipTest(f"this QEMU does not take the capabilities together: {error}")
        self.assert_arrived()
        self.assertEqual(self.rungs(), [("skip", "parallel"), ("suspend", "passes")])

    def test_abort(self):
        before = self.qmp("query-migrate-parameters")
        with self.assertRaises(libvirt.libvirtError):
            self.migrate(policy=self.hopeless + "abort")
        self.assertIn("abort", self.verbs())
        self.assert_stayed()
        self.assert_untouched(before)

    def test_deadline(self):
        self.migrate(policy="deadline,deadline=6s,max-throttle=20,max-downtime=10ms,"
                            "fallback=suspend")
        self.assert_arrived()
        lines = self.journal()
        begin = next(line["t"] for line in lines if line["type"] != "start")
        taken = [line for line in lines if line.get("verb") == "suspend"]
        self.assertEqual([line["reason"] for line in taken], ["deadline"])
        # Early enough to send the rest within the deadline.
        self.assertLess(taken[0]["t"] - begin, 6000)


    @slow
    def test_pause_then_abort(self):
        """The second rung has a limit of its own; the guest runs again on the source."""
        before = self.our_params()
        self.slow_link("20mbit")
        with self.assertRaises(libvirt.libvirtError):
            self.migrate(policy="suspend,fallback=suspend+abort,fallback-after=2s")
        lines = [line for line in self.journal() if line.get("verb") in ("suspend", "abort", "resume")]
        self.assertEqual([(line["verb"], line["reason"]) for line in lines],
                         [("suspend", "passes"), ("abort", "fallback-after")])
        self.assertGreaterEqual(lines[1]["t"] - lines[0]["t"], 2000)
        self.assert_stayed()
        self.assertEqual(self.our_params(), before)

    @slow
    def test_deadline_for_each_gib(self):
        """The guest counts as one GiB; the journal has what that means."""
        self.slow_link()
        with self.assertRaises(libvirt.libvirtError):
            self.migrate(policy="kubevirt,deadline=4s/GiB")
        lines = self.journal()
        self.assertEqual([line["policy"] for line in lines if line["type"] == "policy"], ["kubevirt,deadline=4s"])
        self.assertEqual([line["reason"] for line in lines if line.get("verb") == "abort"], ["deadline"])
        self.assert_stayed()

    def test_stall_by_time(self):
        self.slow_link("200mbit")
        self.migrate(policy="stepped,throttle=none,stall-time=3s,fallback=suspend")
        self.assert_arrived()
        self.assertEqual([line["reason"] for line in self.journal() if line.get("verb") == "suspend"],
                         ["stall-time"])


class LostLink(Policy):
    """The link is lost during post-copy: once it is back, the guest is intact."""
    cmdline = "working-set=150M rate=250M"

    def test_resume(self):
        for host in self.source, self.target:
            # Give up a dead connection after seconds, not after a quarter of an hour.
            subprocess.run(host.command("sysctl", "-qw", "net.ipv4.tcp_retries2=3"), check=True)
        self.addCleanup(tool, "hosts", "shape", RATE)
        tool("hosts", "shape", "200mbit")
        process = self.start_virsh(*self.virsh_words("--converge-policy", "post-copy"))
        self.until("post-copy", lambda: "post-copy" == self.stats().get("auto_converge.state"))
        # QEMU can only resume after the guest has begun to run there.
        self.until("the guest to run at the destination", self.runs_there)
        tool("hosts", "cut")
        self.assertEqual(process.wait(), 1)
        self.assertEqual(self.domain.state(), [libvirt.VIR_DOMAIN_PAUSED,
                                               libvirt.VIR_DOMAIN_PAUSED_POSTCOPY_FAILED])
        tool("hosts", "heal")
        done = self.until("the job to be resumed", self.resume)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_arrived()

    def runs_there(self):
        try:
            state = self.target.connect().lookupByName(self.guest).state()
        except libvirt.libvirtError:
            return False
        return state == [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_POSTCOPY]

    def resume(self):
        """Resumes post-copy; the destination may not have noticed the failure yet."""
        done = self.virsh(*self.virsh_words("--postcopy", "--postcopy-resume"),
                          program=STOCK_VIRSH)
        return done if done.returncode == 0 else None
