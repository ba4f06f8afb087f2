# SPDX-License-Identifier: LGPL-2.1-or-later
"""Access control: a policy gives no caller more rights than libvirt and the host do."""

import json
import time

import libvirt

from labtest import (ALL, LOOKS, MIGRATES, MODULE, NAMESPACE,
                     QUIET, SOCKET_URI, STOCK_VIRSH, LabTest, slow)

LIVE = libvirt.VIR_MIGRATE_LIVE
P2P = libvirt.VIR_MIGRATE_PEER2PEER
POLICY = "auto_converge.policy"
URI = {libvirt.VIR_MIGRATE_PARAM_URI: "tcp://10.77.0.2:49152"}

# Pauses the guest at once and for a long time.
GREEDY = "suspend,passes=1,max-downtime=2000s,initial-downtime=5ms"
# libvirt refuses within some milliseconds, and anything that a call does before that does not
# show every time.
REFUSED_CALLS = 60

# GUEST POLICY TIMES: prints the code and the text of each call's error, one pair a line.
CALLER = f"""
import json, libvirt, sys
libvirt.registerErrorHandler(lambda context, error: None, None)
domain = libvirt.open({SOCKET_URI!r}).lookupByName(sys.argv[1])
for _ in range(int(sys.argv[3])):
    code, text = 0, ''
    try:
        domain.migrateToURI3('qemu+tcp://B/system', {URI!r} | {{{POLICY!r}: sys.argv[2]}},
                             {LIVE | P2P})
    except libvirt.libvirtError as error:
        code, text = error.get_error_code(), str(error)
    print(json.dumps((code, text)))
"""


class Beside(LabTest):
    """A migration without a policy, and another caller at the same time."""
    module = ("--module", MODULE)

    def begin_stock(self):
        """Starts a migration that does not end by itself."""
        self.slow_link()
        self.before = self.journals(), self.log()
        process = self.start_virsh(*self.virsh_words(p2p=True), program=STOCK_VIRSH)
        self.until("the migration", lambda: self.stats().get("memory_processed"))
        self.params = self.qmp("query-migrate-parameters")
        return process

    def caller(self, policy, times):
        return "/usr/bin/python3", "-c", CALLER, self.guest, policy, str(times)

    def errors(self, caller):
        """The error code (0: no error) and text of each call."""
        code, said = self.finish(caller)
        self.assertEqual(code, 0, said)
        return [json.loads(line) for line in said.splitlines()]

    def assert_left_alone_until_end_of(self, process):
        while process.poll() is None:
            self.assert_left_alone()
            time.sleep(0.02)
        self.assert_left_alone()

    def assert_left_alone(self):
        self.assertEqual(self.domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        self.assertEqual(self.qmp("query-migrate-parameters"), self.params)
        self.assertEqual(self.records(), [])
        self.assertLessEqual({name for name in self.stats() if name.startswith("auto_converge.")},
                             {"auto_converge.module"})

    def assert_goes_on(self, process):
        """The first migration goes on unchanged until its owner aborts it."""
        self.assertIsNone(process.poll(), "the first migration has ended")
        self.assertEqual((self.journals(), self.log()), self.before)
        self.domain.abortJob()
        self.assertEqual(self.finish(process)[0], 1)
        self.assert_stayed()
        self.assertEqual((self.journals(), self.log()), self.before)
        self.keep(self.guest, self.cmdline)


class Second(Beside):
    """libvirt refuses a second migration of a guest, from any caller."""

    def test_direct(self):
        first = self.begin_stock()
        second = self.start_virsh(*self.virsh_words("--converge-policy", GREEDY))
        self.assert_left_alone_until_end_of(second)
        code, said = self.finish(second)
        self.assertEqual(code, 1)
        self.assertIn("migration", said)
        self.assert_goes_on(first)

    def test_peer_to_peer(self):
        first = self.begin_stock()
        second = self.start(*self.caller(GREEDY, REFUSED_CALLS))
        self.assert_left_alone_until_end_of(second)
        said = self.errors(second)
        self.assertEqual([code for code, _ in said],
                         [libvirt.VIR_ERR_OPERATION_INVALID] * REFUSED_CALLS, said)
        self.assert_goes_on(first)


@slow
class SecondWithoutModule(Beside):
    """The same for a virsh that controls its migrations itself."""
    module = ()

    def assert_left_alone(self):
        self.assertEqual(self.domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        self.assertEqual(self.qmp("query-migrate-parameters"), self.params)

    def refuse(self, **kwargs):
        first = self.begin_stock()
        second = self.start_virsh(*self.virsh_words("--converge-policy", GREEDY, **kwargs))
        self.assert_left_alone_until_end_of(second)
        code, said = self.finish(second)
        self.assertEqual(code, 1)
        self.assertIn("another job", said)
        self.assert_goes_on(first)

    def test_direct(self):
        self.refuse()

    def test_peer_to_peer(self):
        self.refuse(p2p=True)


class Polkit(Beside):
    """A host that asks polkit for the rights of a caller."""
    module = ("--module", MODULE, "--polkit")

    def setUp(self):
        super().setUp()
        self.addCleanup(self.write_conf, None)

    def uri(self, letter):
        return SOCKET_URI if letter == "A" else super().uri(letter)

    def start_as(self, user, policy, times=1):
        return self.start("setpriv", "--reuid", user, "--regid", user, "--clear-groups",
                          "--reset-env", *self.caller(policy, times))

    def migrate_as(self, user, policy):
        """The error code (0: no error) and text."""
        return self.errors(self.start_as(user, policy))[0]

    def assert_arrived_as(self, user, policy):
        self.assertEqual(self.migrate_as(user, policy), [0, ""])
        self.assert_arrived()
        return [line["verb"] for line in self.journal() if line["type"] == "decision"]

    def test_no_rights(self):
        first = self.begin_stock()
        second = self.start_as(LOOKS, GREEDY, REFUSED_CALLS)
        self.assert_left_alone_until_end_of(second)
        said = self.errors(second)
        self.assertEqual([code for code, _ in said],
                         [libvirt.VIR_ERR_ACCESS_DENIED] * REFUSED_CALLS, said)
        self.assert_goes_on(first)

    def test_migrate_alone(self):
        self.assertIn("throttle", self.assert_arrived_as(MIGRATES, "adaptive"))

    def test_migrate_alone_is_no_right_to_more(self):
        before = self.journals(), self.log()
        for rung, right in (("suspend", "domain:suspend"), ("abort", "domain:write")):
            with self.subTest(rung):
                code, text = self.migrate_as(MIGRATES, f"adaptive,passes=1,fallback={rung}")
                self.assertEqual(code, libvirt.VIR_ERR_ACCESS_DENIED, text)
                self.assertIn(right, text)
                self.assertEqual(self.domain.jobInfo()[0], libvirt.VIR_DOMAIN_JOB_NONE)
        self.assertEqual((self.journals(), self.log()), before)
        self.assert_stayed()
        self.keep(self.guest, self.cmdline)

    def test_granted_by_the_host(self):
        self.write_conf("[default]\npasses = 1\nfallback = suspend\n")
        self.assertIn("suspend", self.assert_arrived_as(MIGRATES, "adaptive"))

    def test_all_rights(self):
        self.assertIn("suspend", self.assert_arrived_as(ALL, "suspend"))


class Limits(LabTest):
    """The host limits what the domain and the call may request."""
    module = ("--module", MODULE)
    aborting = "<policy preset='adaptive' when='always'><passes>1</passes>" \
               "<fallback>abort</fallback></policy>"
    host = "[default]\npasses = none\nfallback = continue\nwhen = requested\n"

    def setUp(self):
        super().setUp()
        self.addCleanup(self.write_conf, None)

    def migrate_stock(self, **kwargs):
        """Exit code and output."""
        return self.finish(self.start_virsh(*self.virsh_words(**kwargs), program=STOCK_VIRSH))

    def test_domain_may_not_abort(self):
        self.write_conf(self.host)
        self.set_domain_policy(self.aborting)
        code, said = self.migrate_stock()
        self.assertEqual(code, 0, said)
        self.assert_arrived()
        self.assertIn("abort", self.target.connect().lookupByName(self.guest).metadata(
            libvirt.VIR_DOMAIN_METADATA_ELEMENT, NAMESPACE))

    def may_abort(self, **kwargs):
        """The fallback aborts, and both the error and the log say why."""
        self.slow_link()
        self.write_conf(f"{self.host}[domain-limits]\nfallback = abort+continue+post-copy\n")
        self.set_domain_policy(self.aborting)
        before = len(self.log())
        code, said = self.migrate_stock(**kwargs)
        self.assertEqual(code, 1)
        self.assert_stayed()
        for text in said, "".join(self.log()[before:]):
            for word in "adaptive", "pass", "domain", "abort":
                self.assertIn(word, text)
        self.keep(self.guest, self.cmdline)

    def test_domain_may_abort_where_the_host_says_so(self):
        self.may_abort()

    def test_domain_may_abort_peer_to_peer(self):
        self.may_abort(p2p=True)

    def test_call_beyond_the_limits(self):
        self.cmdline = QUIET
        self.setUp()
        self.write_conf("[limits]\nmax-downtime = 1s\n")
        before = self.journals()
        done = self.virsh(*self.virsh_words("--converge-policy", "adaptive,max-downtime=2s"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("max-downtime", done.stderr)
        self.assertRegex(done.stderr, "limit.*1s|1s.*limit")
        self.assertEqual(self.journals(), before)
        self.assert_no_monitor_command()

        done = self.virsh(*self.virsh_words("--converge-policy", "adaptive,max-downtime=1s"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_arrived()
