# SPDX-License-Identifier: LGPL-2.1-or-later
"""One migration between the lab's hosts for each row of the table in cases.py, and the checks
that are the same for all of them."""

import dataclasses
import functools
import json
import os
import re
import subprocess
import sys

import libvirt

HERE = os.path.dirname(os.path.realpath(__file__))
LAB = os.path.realpath(os.path.join(HERE, "..", "..", "lab"))
sys.path.insert(0, os.path.join(LAB, "tests"))

import labtest  # noqa: E402
from labtest import BUILD, MODULE, PATIENCE, STOCK_VIRSH, VIRSH, guestserial  # noqa: E402

# libvirt logs this of a client that has ended.
NOISE = "virNetSocketReadWire.*End of file while reading data"

# QEMU's words for a migration that has not ended.
GOING_ON = ("setup", "active", "cancelling", "pre-switchover", "device", "wait-unplug",
            "postcopy-active")

UUID = "c11e27a5-0000-4000-8000-000000000001"


@dataclasses.dataclass(frozen=True)
class Guest:
    memory: int = 96        # MiB
    # Dirties more than the link carries away, and more than fits a pause of 300 ms, even if other
    # programs leave it half a processor.
    cmdline: str = "working-set=40M rate=400M"
    vcpus: int = 1
    persistent: bool = False
    edits: tuple = ()       # (old, new) of the domain's XML


# What the loop has to do: see Clients.check_loop().
ASIDE, RUNS, THROTTLES = "stands aside", "runs", "throttles"

# How the migration has to end.
ARRIVED, STAYED, REFUSED, NOWHERE = "arrived", "stayed", "refused", "nowhere"


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    words: str = ""             # options of virsh migrate; {A} and {B}: the hosts' directories
    policy: str = "adaptive"    # "": the client states none
    guest: Guest = Guest()
    client: object = None       # function(test) that starts the client; None: this build's virsh
    p2p: bool = False
    address: str = "tcp://B:49152"      # --migrateuri, "": none
    prepare: object = None      # function(test), before the migration
    during: object = None       # function(test), once memory is sent
    after: object = None        # function(test), besides the common checks
    end: str = ARRIVED
    loop: str = RUNS
    says: str = ".*"            # regular expression that the client's output has to match
    errors: str = "$^"          # the same for errors that the daemons may log
    skip: str = ""              # the same for an error that means that this machine cannot do it
    since: int = 0              # first version of libvirt that has the option
    persistent: bool = False    # the domain at the destination
    stays_defined: bool = False     # the domain at the source
    works: bool = True          # the guest reports work at its end
    slow: bool = False          # runs with --slow only


class Clients(labtest.LabTest):
    """The class is given one test for each row by add_cases()."""
    module = ("--module", MODULE)
    case = None
    tool = staticmethod(labtest.tool)
    rate = labtest.RATE

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for host in cls.source, cls.target:
            cls.configure(host)
        cls.images = {}         # of started guests: XML -> path

    def setUp(self):
        pass                    # each row starts a guest of its own

    @classmethod
    def configure(cls, host):
        """Certificates and huge pages, for the rows that use them."""
        done = subprocess.run(host.command(os.path.join(HERE, "host-more")), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise AssertionError(done.stdout)
        labtest.tool("hosts", "restart", host.letter)

    # --- the guest ---

    @staticmethod
    @functools.lru_cache(None)
    def template(name, memory, cmdline, vcpus):
        return labtest.tool("guest-define", name, "--memory", str(memory), "--vcpus",
                            str(vcpus), "--cmdline", cmdline, "--print-xml").stdout

    def remove_guest(self):
        for host in self.source, self.target:
            connection = host.connect()
            for domain in connection.listAllDomains():
                active = domain.isActive()
                if domain.isPersistent():
                    domain.undefine()
                if active:
                    domain.destroy()

    def xml_of(self, guest):
        xml = self.template(self.guest, guest.memory, guest.cmdline, guest.vcpus)
        xml = xml.replace("<memory", f"<uuid>{UUID}</uuid>\n  <memory", 1)
        for old, new in guest.edits:
            self.assertIn(old, xml)
            xml = xml.replace(old, new, 1)
        return xml

    def start_table_guest(self, guest):
        """Starts the guest from an image of it at work, since booting takes longer than a row."""
        xml = self.xml_of(guest)
        self.remove_guest()
        connection = self.source.connect()
        image = self.images.get(xml)
        if not image:
            image = self.images[xml] = self.source.inside(f"image{len(self.images)}")
            for host in self.source, self.target:
                host.install(labtest.labhost.guest_image())
            domain = connection.createXML(xml)
            self.listen(self.source)
            domain.save(image)
        if guest.persistent:
            connection.defineXML(xml)
        connection.restore(image)
        self.connect()
        self.listen(self.source)

    def listen(self, host):
        """Waits until the guest reports work on HOST."""
        serial = guestserial.SerialRecorder(host.serial_socket(self.guest))
        report = serial.wait_for_report(PATIENCE)
        serial.close()
        self.assertTrue(report, "the guest does not report work")

    # --- clients ---

    def migrate_words(self, program, policy=True):
        """The command line of a virsh that migrates the guest as the row says."""
        case = self.case
        words = [program, "-c", self.uri("A"), "migrate", "--live"]
        if case.policy and policy:
            words += ["--auto-converge", "--converge-policy", case.policy]
        if case.p2p:
            words.append("--p2p")
        if case.address:
            words += ["--migrateuri", case.address.format(B=self.target.directory)]
        words += case.words.format(A=self.source.directory, B=self.target.directory).split()
        return [*words, "--domain", self.guest,
                *([] if "--desturi" in words else ["--desturi", self.uri("B")])]

    def start_client(self):
        if self.case.client:
            return self.case.client(self)
        return self.start(*self.migrate_words(VIRSH))

    def until_sending(self):
        self.until_client("memory to be sent", lambda: (stats := self.stats()).get("type") and
                          stats.get("memory_processed"))

    def until_looking(self):
        """Between two migrations the statistics are those of the last, failed one."""
        self.until_client("a look of the loop", lambda: (stats := self.stats()).get("type") and
                          stats.get("auto_converge.journal"))

    def until_client(self, what, condition):
        """Waits for something that happens while the client runs."""
        self.until(what, lambda: condition() or self.client.poll() is not None)

    # --- one row ---

    def run_case(self, case):
        self.case = case
        self.arrives_as = self.guest
        if libvirt.getVersion() < case.since:
            self.skipTest("libvirt %d.%d or later has this option" %
                          (case.since // 1000000, case.since // 1000 % 1000))
        self.addCleanup(self.remove_guest)
        if case.prepare:
            case.prepare(self)
        try:
            self.start_table_guest(case.guest)
        except libvirt.libvirtError as error:
            self.skip_if_unable(str(error))
            raise
        self.scheduler = self.domain.schedulerParameters()
        self.params = self.qmp("query-migrate-parameters")
        self.logged = {host.letter: len(self.log_lines(host)) for host in (self.source, self.target)}
        before = set(self.journals())

        self.client = self.start_client()
        if case.during:
            case.during(self)
        code, self.output = self.finish(self.client)
        self.new_journals = sorted(set(self.journals()) - before)

        if code:
            self.skip_if_unable(self.output)
        self.assertEqual(code == 0, case.end == ARRIVED, self.output)
        self.assertRegex(self.output, case.says)
        getattr(self, f"check_{case.end}")()
        self.check_loop()
        self.check_log()
        if case.after:
            case.after(self)

    def skip_if_unable(self, error):
        if self.case.skip and re.search(self.case.skip, error):
            self.skipTest(error.strip().splitlines()[-1])

    def lookup(self, host, name=None):
        try:
            return host.connect().lookupByName(name or self.guest)
        except libvirt.libvirtError:
            return None

    def check_arrived(self):
        here, there = self.lookup(self.source), self.lookup(self.target, self.arrives_as)
        self.assertTrue(there and there.isActive(), "the guest does not run at the destination")
        self.assertFalse(here and here.isActive(), "the guest runs at the source, too")
        self.assertEqual(bool(here), self.case.stays_defined, "the domain at the source")
        self.assertEqual(bool(there.isPersistent()), self.case.persistent)
        self.assertEqual(there.schedulerParameters(), self.scheduler)
        # A taint stays behind with the QEMU that was sent monitor commands.
        for text in there.messages(libvirt.VIR_DOMAIN_MESSAGE_TAINTING):
            self.assertNotIn("monitor", text)
        if self.case.works:
            self.assertEqual(there.state()[0], libvirt.VIR_DOMAIN_RUNNING)
            self.verify(self.target)
        self.assertEqual(self.records(), [])

    def check_stayed(self):
        there = self.lookup(self.target)
        self.assertFalse(there and there.isActive(), "the guest runs at the destination")
        if self.case.works:
            self.assert_stayed()
        self.until("the migration to be over in QEMU",
                   lambda: self.qmp("query-migrate").get("status") not in GOING_ON)
        self.assertNotIn("cpu-throttle-percentage", self.qmp("query-migrate"))
        self.assertEqual(self.qmp("query-migrate-parameters"), self.params)
        self.assertEqual(self.domain.schedulerParameters(), self.scheduler)
        self.assertEqual(self.records(), [])

    def check_refused(self):
        self.check_stayed()
        self.assertEqual(self.new_journals, [])

    def check_nowhere(self):
        """The guest has ended by itself."""
        for host in self.source, self.target:
            domain = self.lookup(host)
            self.assertFalse(domain and domain.isActive(), host.letter)
        self.assertEqual(self.records(), [])

    def check_loop(self):
        if self.case.loop == ASIDE:
            self.assertEqual(self.new_journals, [])
            return
        self.assertEqual(len(self.new_journals), 1)
        with open(self.new_journals[0], encoding="utf-8") as file:
            self.lines = [json.loads(line) for line in file]
        self.assertEqual(self.lines[0]["type"], "start")
        if self.case.policy:
            self.assertIn(self.case.policy, self.lines[0]["policy"])
        self.assertEqual(self.lines[-1]["type"], "end")
        self.assertIn(self.lines[-1]["result"],
                      ("done", "post-copy") if self.case.end == ARRIVED else ("failed",))
        throttles = [x for x in self.lines if x.get("verb") == "throttle" and x["throttle"] > 20]
        if self.case.loop == THROTTLES:
            self.assertTrue(throttles, "no throttle was decided")

    @staticmethod
    def log_lines(host):
        with open(os.path.join(host.directory, "libvirtd.out"), encoding="utf-8",
                  errors="replace") as file:
            return file.readlines()

    def check_log(self):
        for host in self.source, self.target:
            bad = [line for line in self.log_lines(host)[self.logged[host.letter]:]
                   if ": error : " in line and not re.search(f"{NOISE}|{self.case.errors}", line)]
            self.assertEqual(bad, [], f"in the log of host {host.letter}")


def add_cases(cases, slow):
    """Makes a test of each row; those that are slow are left out."""
    for number, case in enumerate(cases):
        if case.slow and not slow:
            continue

        def test(self, case=case):
            self.run_case(case)
        # unittest runs tests in the order of their names.
        name = f"test_{number:03}_{re.sub('[^a-z0-9]+', '_', case.name.lower())}"
        setattr(Clients, name, test)
