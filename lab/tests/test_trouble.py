# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trouble of one guest, one disk or one host: it affects no other guest, and leaves nothing
behind."""

import os
import signal
import subprocess
import unittest

import libvirt

import vcpuquota
from labtest import BUILD, ENDLESS, MODULE, PATIENCE, QUIET, STOCK_VIRSH, LabTest, slow, tool

UNDO = os.path.join(BUILD, "tools", "undo", "virt-converge-undo")
POLICY = ("--auto-converge", "--converge-policy", "adaptive")
NEVER = ("--auto-converge", "--converge-policy", ENDLESS)
LIVE, P2P = libvirt.VIR_MIGRATE_LIVE, libvirt.VIR_MIGRATE_PEER2PEER
BACK = {libvirt.VIR_MIGRATE_PARAM_URI: "tcp://10.77.0.1:49152"}
STATE, JOURNALS = "/run/libvirt/converge", "/var/log/libvirt/converge"

SMALL_MIB = 64          # memory of a guest that only has to migrate

# libvirt's calls wait at most 30 s for a guest's job. A call that takes longer than this has
# waited for another guest.
NEIGHBOURS_PATIENCE = 25

# libvirt gives up a destination that does not answer after some 30 s. A call that takes longer
# than this has waited for the destination.
DESTINATION_PATIENCE = 15


class Trouble(LabTest):
    """A busy guest that gets into trouble, and other guests that do not."""
    module = ("--module", MODULE)
    guest = "h1"
    others = ()

    def setUp(self):
        for name in self.others:
            self.start_guest(name, QUIET, SMALL_MIB)
        super().setUp()
        self.arrived = []
        self.addCleanup(self.bring_back)
        self.before = self.our_params()
        self.quotas = vcpuquota.quotas(self.source, self.guest)

    # --- acting ---

    def bring_back(self):
        """Migrates other guests back, which is faster than starting new ones."""
        for name in self.arrived:
            self.target.connect().lookupByName(name).migrateToURI3(self.uri("A"), BACK, LIVE | P2P)
            self.keep(name, QUIET)

    def begin(self, *words, **kwargs):
        """Starts a migration that does not end by itself, and waits for the CPU quota."""
        process = self.start_virsh(*self.virsh_words(*(words or NEVER), **kwargs))
        self.until("a lower quota",
                   lambda: vcpuquota.quotas(self.source, self.guest) != self.quotas)
        return process

    def stop(self, pid):
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(self.go_on, pid)

    @staticmethod
    def go_on(pid):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def kill_daemon(self):
        pid = self.daemon_pid(self.source)
        os.kill(pid, signal.SIGKILL)
        self.until("the daemon's end", lambda: not os.path.exists(f"/proc/{pid}/fd/0"))

    def run_virsh(self, *words):
        """Runs virsh to its end, which must come."""
        code, said = self.finish(self.start_virsh(*words, program=STOCK_VIRSH))
        self.assertEqual(code, 0, said)
        return said

    def abort(self, process):
        self.run_virsh("domjobabort", self.guest)
        self.assertEqual(self.finish(process)[0], 1)

    # --- looking ---

    def assert_others_migrate(self):
        for name in self.others:
            code, said = self.finish(self.start_virsh(*self.virsh_words(*POLICY, guest=name)),
                                     NEIGHBOURS_PATIENCE)
            self.assertEqual(code, 0, said)
            self.assertTrue(self.target.connect().lookupByName(name).isActive())
            self.arrived.append(name)

    def assert_not_throttled(self, patience=PATIENCE):
        self.until("the quota of before",
                   lambda: vcpuquota.quotas(self.source, self.guest) == self.quotas, patience)

    def assert_recovered(self):
        self.assert_not_throttled()
        self.assert_stayed()
        self.until("QEMU's parameters of before", lambda: self.our_params() == self.before)
        self.until("no record", lambda: not self.records())
        self.keep(self.guest, self.cmdline)
        for name in set(self.others) - set(self.arrived):
            self.keep(name, QUIET)


@slow
class HungGuest(Trouble):
    others = ("h2", "h3")

    def test_record_left(self):
        """The daemon is killed while the guest is throttled, and then the guest's QEMU hangs."""
        process = self.begin()
        self.kill_daemon()
        self.finish(process)
        self.stop(self.qemu_pid(self.source))
        said, journals = len(self.log()), len(self.journals())
        tool("hosts", "restart", "A")

        # This call hangs with its guest, and must not delay others.
        hung = self.start_virsh(*self.virsh_words(*NEVER, p2p=True))
        self.assert_others_migrate()
        self.until("a word on the guest that is waited for",
                   lambda: [line for line in self.log()[said:] if self.guest in line])
        self.assertEqual(len(self.journals()), journals + len(self.others))

        self.go_on(self.qemu_pid(self.source))
        self.connect()
        self.until("the end of what hung", lambda: self.aborted(hung))
        self.assert_recovered()

    def aborted(self, process):
        """Tries to abort the migration, which may not have begun; returns whether it has ended."""
        try:
            self.domain.abortJob()
        except libvirt.libvirtError:
            pass
        return process.poll() is not None


class HungDestination(Trouble):
    others = ("h2",)

    def hang(self, **kwargs):
        process = self.begin(**kwargs)
        self.stop(self.daemon_pid(self.target))
        for words in (("domjobinfo", "h2"), ("domjobinfo", "h1"), ("schedinfo", "h2", "--live"),
                      ("schedinfo", "h2", "--live", "vcpu_quota=90000"),
                      ("schedinfo", "h2", "--live", "vcpu_quota=-1"),
                      ("schedinfo", "h1", "--live"), ("list",)):
            self.run_virsh(*words)
        self.run_virsh("domjobabort", self.guest)
        # QEMU has ended the migration at once, but libvirt still waits for the destination.
        self.until_over_in_qemu()
        self.assert_not_throttled(DESTINATION_PATIENCE)
        self.go_on(self.daemon_pid(self.target))
        self.assertEqual(self.finish(process)[0], 1)
        self.assert_recovered()

    @slow
    def test_direct(self):
        self.hang()

    def test_peer_to_peer(self):
        self.hang(p2p=True)


class HungDisk(Trouble):
    """A file system that does not answer, for files that are written during a migration."""
    others = ("h2",)

    def mount(self, directory):
        """Mounts a file system that can be stopped; returns the process that serves it."""
        self.run_there("mkdir", "-p", directory)
        process = self.start("bindfs", "-f", directory, directory)
        self.addCleanup(self.unmount, directory)
        self.until("bindfs", lambda: not subprocess.run(
            self.source.command("mountpoint", "-q", directory)).returncode)
        # "hosts exec" replaces itself with its command, so this is the right process.
        return process.pid

    def unmount(self, directory):
        self.run_there("umount", "--lazy", directory)

    def run_there(self, *words):
        subprocess.run(self.source.command(*words), check=True)

    @slow
    def test_state_while_throttled(self):
        self.hang_while_throttled(STATE)

    def test_journals_while_throttled(self):
        self.hang_while_throttled(JOURNALS)

    def hang_while_throttled(self, directory):
        disk = self.mount(directory)
        process = self.begin()
        self.stop(disk)
        self.abort(process)
        self.assert_not_throttled()
        self.assert_others_migrate()
        self.run_virsh("list")
        tool("hosts", "restart", "A")
        self.connect()
        self.go_on(disk)
        self.assert_recovered()

    @slow
    def test_state_before_the_start(self):
        self.hang_before_the_start(STATE)

    @slow
    def test_journals_before_the_start(self):
        self.hang_before_the_start(JOURNALS)

    def hang_before_the_start(self, directory):
        disk = self.mount(directory)
        self.stop(disk)
        self.assert_others_migrate()
        self.run_virsh("list")
        tool("hosts", "restart", "A")
        self.connect()
        self.go_on(disk)
        self.assert_recovered()


class NoRoom(Trouble):
    """A directory to which no user can write."""

    def read_only(self, directory):
        return f"mount --bind {directory} {directory} && mount -o remount,ro,bind {directory}"

    def full(self, directory):
        return f"mount -t tmpfs -o size=4k none {directory} && " \
               f"head -c 4096 /dev/zero >{directory}/full"

    def spoil(self, directory, how):
        self.in_shell(f"mkdir -p {directory} && {how(directory)}")
        self.addCleanup(self.in_shell, f"umount {directory}")

    def in_shell(self, text):
        subprocess.run(self.source.command("sh", "-c", text), check=True)

    def no_record(self, how):
        """Values that could not be restored are not changed."""
        self.spoil(STATE, how)
        said = len(self.log())
        watch = vcpuquota.Watch(self.source, self.guest)
        self.addCleanup(watch.close)
        process = self.start_virsh(*self.virsh_words(*POLICY))
        self.until("the migration", lambda: self.stats().get("memory_processed"))

        def third_pass():
            self.assertEqual(self.our_params(), self.before)
            return self.stats().get("memory_iteration", 0) >= 3

        self.until("the third pass", third_pass)
        self.assertEqual(self.stats().get("auto_converge.state"), "unrecorded")
        self.assertEqual(self.throttle_target(), 0)
        self.abort(process)
        watch.close()
        self.assertEqual(watch.shares, {1.0})
        # The last line is that the migration has failed.
        self.assertEqual(len(self.log()) - said, 2, self.log()[said:])
        self.assert_recovered()

    def throttle_target(self):
        return self.stats().get("auto_converge.throttle_target", 0)

    @slow
    def test_record_read_only(self):
        self.no_record(self.read_only)

    def test_record_full(self):
        self.no_record(self.full)

    def no_journal(self, how):
        """A migration without a journal is still controlled. One line in the log is of the journal,
        and one of the history, which is in the same place."""
        self.spoil(JOURNALS, how)
        said = len(self.log())
        process = self.begin(*POLICY)
        self.until("a word on the journal",
                   lambda: self.stats().get("auto_converge.journal") == "unrecorded")
        self.assertEqual(self.finish(process)[0], 0)
        self.assert_arrived()
        self.assertEqual(len(self.log()) - said, 2, self.log()[said:])

    @slow
    def test_journal_read_only(self):
        self.no_journal(self.read_only)

    def test_journal_full(self):
        self.no_journal(self.full)


class ModuleGone(Trouble):
    """A daemon is killed while it throttles, and the next one has no module."""

    @unittest.skipUnless(os.path.exists(UNDO), "virt-converge-undo is not built")
    def test_undone_by_itself(self):
        process = self.begin()
        self.kill_daemon()
        self.finish(process)
        self.assertTrue(self.records())
        # systemd does this when the daemon has ended.
        self.undo()
        self.assertEqual(vcpuquota.quotas(self.source, self.guest), self.quotas)

        tool("hosts", "restart", "A", "--module", "none")
        self.addCleanup(tool, "hosts", "restart", "A", "--module", MODULE)
        self.connect()
        self.until_over_in_qemu()
        self.undo("--connect", self.uri("A"))
        self.assertEqual(self.our_params(), self.before)
        self.assert_recovered()

    def undo(self, *words):
        code, said = self.finish(self.start(UNDO, *words))
        self.assertEqual(code, 0, said)


class Fifo(Trouble):
    """The host's configuration is a FIFO."""

    def setUp(self):
        self.cmdline = QUIET
        super().setUp()
        self.path = os.path.join(self.source.directory, "etc", "virt-converge.conf")
        os.mkfifo(self.path, 0o600)
        self.addCleanup(self.remove)

    def remove(self):
        """Opens the FIFO, so that no reader waits for a writer any longer, and removes it."""
        os.close(os.open(self.path, os.O_RDWR | os.O_NONBLOCK))
        os.unlink(self.path)

    def test_stock(self):
        said = len(self.log())
        code, said_by_virsh = self.finish(self.start_virsh(*self.virsh_words(),
                                                           program=STOCK_VIRSH))
        self.assertEqual(code, 0, said_by_virsh)
        self.assert_arrived()
        lines = self.log()[said:]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("virt-converge.conf", lines[0])

    def refused(self, **kwargs):
        before = self.journals()
        code, said = self.finish(self.start_virsh(*self.virsh_words(*POLICY, **kwargs)))
        self.assertEqual(code, 1)
        self.assertIn("configuration", said)
        self.assertEqual(self.journals(), before)
        self.assert_recovered()

    def test_policy(self):
        self.refused()

    def test_policy_peer_to_peer(self):
        self.refused(p2p=True)
