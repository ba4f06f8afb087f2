# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shared by the lab's tests: two hosts, a small busy guest, and functions to examine them."""

import functools
import json
import os
import signal
import subprocess
import sys
import time
import unittest

import libvirt
import libvirt_qemu

LAB = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, LAB)

import guestserial  # noqa: E402
import labhost  # noqa: E402
import migration  # noqa: E402
import savedguest  # noqa: E402

BUILD = os.environ.get("BUILD_DIR", os.path.realpath(os.path.join(LAB, "..", "build")))
MODULE = os.path.join(BUILD, "src", "qemu_migration_converge.so")
VIRSH = os.path.join(BUILD, "tools", "virsh", "virsh")
STOCK_VIRSH = "/usr/bin/virsh"
EMULATOR = os.environ.get("LAB_EMULATOR")       # a QEMU for all tests that name none
RATE = "400mbit"
PATIENCE = 60           # seconds for anything that should happen soon

# Dirties 70 MB at five times the link's rate: it does not converge without a throttle, even
# on a machine that is busy with something else. A pass takes more than the one second below
# which QEMU does not evaluate its throttle.
MEMORY_MIB = 256
WORKLOAD = "working-set=70M rate=250M"

# Under this policy, that guest never converges, so there is time to break things. The adaptive law
# would let it go.
ENDLESS = "adaptive,throttle=progressive,initial-throttle=30,max-throttle=30,max-downtime=10ms"

# A guest that converges by itself.
QUIET = "working-set=20M rate=10M"

# A domain's own policy.
NAMESPACE = "https://virt-converge.org/xmlns/policy/1.0"
KEY = "converge"

# The callers of "hosts up --polkit" (polkit-setup), and the socket with access control.
LOOKS, MIGRATES, ALL = "games", "man", "backup"
SOCKET_URI = "qemu+unix:///system?socket=/run/libvirt/libvirt-sock"


def slow(test):
    """Marks a test, or all of a class, that "run --quick" leaves out."""
    test.slow = True
    return test


def tool(name, *words, check=True):
    """Runs a program of the lab and returns its output."""
    done = subprocess.run([os.path.join(LAB, name), *words], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if check and done.returncode:
        raise AssertionError(f"lab/{name} {' '.join(words)}: {done.stdout}")
    return done


@functools.cache
def find_accelerator(emulator):
    """What guests run with, or None and why they cannot run. Asked once, not for each lab."""
    try:
        return labhost.accelerator(emulator), None
    except labhost.LabError as error:
        return None, str(error)


class LabTest(unittest.TestCase):
    """One pair of hosts for all tests of a class; a fresh guest for each test."""

    module = ()         # words for "hosts up"
    guest = "busy"
    cmdline = WORKLOAD
    memory = MEMORY_MIB
    define = ()         # words for "guest-define"
    emulator = EMULATOR     # None: the installed QEMU

    @classmethod
    def setUpClass(cls):
        tool("hosts", "down", check=False)
        tool("hosts", "up", "--rate", RATE, *cls.module)
        cls.addClassCleanup(tool, "hosts", "down")
        accelerator, trouble = find_accelerator(cls.emulator)
        if trouble:
            raise unittest.SkipTest(trouble)
        labhost.keep_accelerator(accelerator, cls.emulator)
        cls.source, cls.target = labhost.Host("A"), labhost.Host("B")
        cls.kept = set()

    def setUp(self):
        self.start_guest(self.guest, self.cmdline, self.memory)
        self.connect()

    def keep(self, name, cmdline):
        """Marks a guest as intact, so that the next test can use it instead of a new one."""
        self.kept.add((name, cmdline))

    def start_guest(self, name, cmdline, memory):
        if (name, cmdline) in self.kept:
            self.kept.remove((name, cmdline))
            return
        words = [name, "--memory", str(memory), "--cmdline", cmdline,
                 *(["--emulator", self.emulator] if self.emulator else []), *self.define]
        if not savedguest.restore(self.source, words):
            tool("guest-define", "--replace", *words)
            savedguest.save(self.source, words)

    def connect(self):
        """Connects to the source's daemon, which may be a new one."""
        self.connection = self.source.connect()
        self.domain = self.connection.lookupByName(self.guest)

    # --- acting ---

    def write_conf(self, text):
        """Writes the source host's configuration, or removes it if TEXT is None."""
        path = os.path.join(self.source.directory, "etc", "virt-converge.conf")
        if text is None:
            if os.path.exists(path):
                os.unlink(path)
            return
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def slow_link(self, rate="80mbit"):
        """Slows the link down so that no busy guest converges by itself, even on a busy
        machine."""
        tool("hosts", "shape", rate)
        self.addCleanup(tool, "hosts", "shape", RATE)

    def set_domain_policy(self, xml):
        self.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, xml, KEY, NAMESPACE,
                                libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def uri(self, letter):
        return f"qemu+tcp://{letter}/system"

    def virsh_words(self, *words, p2p=False, guest=None):
        ends = [guest or self.guest, self.uri("B"), "tcp://B:49152"]
        return ["migrate", "--live", *(["--p2p"] if p2p else []), *words, *ends]

    def virsh(self, *words, program=VIRSH, stdin=subprocess.DEVNULL):
        """Runs virsh on the source host to its end."""
        return subprocess.run(self.source.command(program, "-c", self.uri("A"), *words),
                              text=True, stdin=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)

    def start_virsh(self, *words, program=VIRSH):
        return self.start(program, "-c", self.uri("A"), *words)

    def start(self, *words):
        """Starts a command on the source host."""
        process = subprocess.Popen(self.source.command(*words), text=True,
                                   stdin=subprocess.DEVNULL, start_new_session=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(self.end_group, process)
        return process

    def finish(self, process, patience=PATIENCE):
        """Waits until a started process has ended; returns its exit code and output."""
        self.until(f"the end of {' '.join(process.args[3:])}",
                   lambda: process.poll() is not None, patience)
        return process.returncode, process.stdout.read()

    @staticmethod
    def end_group(process):
        """Ends PROCESS and all its children, such as the virsh behind the lab's own."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def until(self, what, condition, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        self.fail(f"waited {patience} s in vain: {what}")

    def stats(self, flags=0):
        try:
            return self.domain.jobStats(flags)
        except libvirt.libvirtError:
            return {}

    def throttle(self):
        """Of the migration under way; between two, the statistics are those of the last, failed one."""
        stats = self.stats()
        return migration.throttle_in_force(stats) if stats.get("type") else 0

    @staticmethod
    def backports():
        """The path of a newer QEMU, or no test."""
        done = tool("qemu-backports", os.path.join(BUILD, "qemu-backports"), check=False)
        if done.returncode:
            raise unittest.SkipTest(done.stdout.strip())
        return done.stdout.split()[-1]

    def until_throttled(self):
        return self.until("a throttle of ours", lambda: self.throttle() > 20)

    # --- looking ---

    def qmp(self, command, **arguments):
        words = {"execute": command, "arguments": arguments}
        reply = json.loads(libvirt_qemu.qemuMonitorCommand(self.domain, json.dumps(words), 0))
        self.assertNotIn("error", reply)
        return reply["return"]

    def our_params(self):
        """The current values of QEMU's parameters that a policy may change."""
        now = self.qmp("query-migrate-parameters")
        return {name: now[name] for name in migration.OURS if name in now}

    def verify(self, host):
        """Checks the guest's own verdict on its memory."""
        serial = guestserial.SerialRecorder(host.serial_socket(self.guest))
        try:
            self.assertTrue(serial.wait_for_report(PATIENCE), "the guest does not report work")
            word = serial.verify()
        finally:
            serial.close()
        self.assertIsNotNone(word, "the guest does not answer")
        self.assertIn("ok", word)

    def assert_arrived(self):
        domain = self.target.connect().lookupByName(self.guest)
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        self.verify(self.target)

    def assert_stayed(self):
        self.until("the guest to run on the source",
                   lambda: self.domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING)
        self.verify(self.source)

    def until_over_in_qemu(self):
        self.until("the migration to be over in QEMU",
                   lambda: self.qmp("query-migrate").get("status") in
                   (None, "cancelled", "failed", "none"))

    def assert_untouched(self, before):
        """No throttle, and QEMU's parameters have their original values."""
        self.until_over_in_qemu()
        self.assertNotIn("cpu-throttle-percentage", self.qmp("query-migrate"))
        self.assertEqual(self.qmp("query-migrate-parameters"), before)

    def journals(self, host=None):
        directory = os.path.join((host or self.source).directory, "log", "converge")
        if not os.path.isdir(directory):
            return []
        names = sorted((name for name in os.listdir(directory) if name.endswith(".jsonl")),
                       key=lambda name: name.rsplit("-", 1)[-1])
        return [os.path.join(directory, name) for name in names]

    def journal(self):
        """The newest journal's lines."""
        with open(self.journals()[-1], encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def records(self, host=None):
        """The records of what must be undone if the daemon is killed."""
        directory = os.path.join((host or self.source).directory, "run", "converge")
        return os.listdir(directory) if os.path.isdir(directory) else []

    def log(self):
        """All lines that the module has logged in the source's daemon."""
        with open(os.path.join(self.source.directory, "libvirtd.out"), encoding="utf-8",
                  errors="replace") as file:
            return [line for line in file if ": virt-converge: " in line]

    def assert_no_monitor_command(self):
        """libvirt taints a domain if anybody else has used its monitor."""
        for text in self.domain.messages(libvirt.VIR_DOMAIN_MESSAGE_TAINTING):
            self.assertNotIn("monitor", text)

    def qemu_pid(self, host):
        with open(os.path.join(host.directory, "run", "qemu", f"{self.guest}.pid"),
                  encoding="ascii") as file:
            return int(file.read())

    def daemon_pid(self, host):
        with open(os.path.join(host.directory, "libvirtd.pid"), encoding="ascii") as file:
            return int(file.read())
