# SPDX-License-Identifier: LGPL-2.1-or-later
"""converge-watch beside real migrations, in a pipe and on a terminal."""

import fcntl
import os
import pty
import re
import struct
import termios
import threading
import time

from labtest import MODULE, VIRSH, LabTest


class Terminal:
    """A command on a terminal of 80 columns."""

    def __init__(self, command):
        self.chunks = []        # (seconds, bytes)
        self.began = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.environ.update(TERM="xterm", LC_ALL="C.UTF-8")
            os.execvp(command[0], command)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        try:
            while data := os.read(self.fd, 65536):
                self.chunks.append((time.monotonic() - self.began, data))
        except OSError:
            pass

    def shown(self):
        return b"".join(data for _, data in self.chunks).decode(errors="replace")

    def type(self, keys):
        os.write(self.fd, keys)

    def end(self):
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.thread.join()
        os.close(self.fd)
        return status


class Watch(LabTest):
    module = ("--module", MODULE)

    def setUp(self):
        super().setUp()
        self.slow_link("200mbit")   # each phase lasts for seconds

    def shares(self, text):
        return [int(share) for share in re.findall(r"[█░#-] +(\d+) %", text)]

    def assert_rising(self, shares, last):
        self.assertEqual(shares, sorted(shares))
        self.assertEqual(shares[-1], last, shares)
        self.assertGreater(len(set(shares)), 3, shares)

    def test_lines_and_terminal(self):
        command = self.source.command(VIRSH, "-c", self.uri("A"), "converge-watch", self.guest)
        terminal = Terminal(command)
        lines = self.start(VIRSH, "-q", "-c", self.uri("A"), "converge-watch", self.guest)
        self.until("the watch", lambda: "no migration yet" in terminal.shown())
        terminal.type(b"1")
        done = self.virsh(*self.virsh_words("--converge-policy", "adaptive", p2p=True))
        self.assertEqual((done.returncode, done.stderr.strip()), (0, ""))

        code, text = self.finish(lines)
        self.assertEqual((code, terminal.end()), (0, 0))
        self.assert_arrived()
        if path := os.environ.get("LAB_WATCH_CAPTURE"):
            with open(path, "wb") as file:
                file.writelines(data for _, data in terminal.chunks)

        for shown in (text, terminal.shown()):
            self.assert_rising(self.shares(shown), 100)
            self.assertRegex(shown, r"done in \d+\.\d")  # a terminal has 80 columns
            self.assertIn("decide at", shown)
            self.assertIn("switch over", shown)
        self.assertRegex(text, r"done in \d+\.\d s, pause \d+ ms")
        self.assertIn("switch over with a pause of", text)
        self.assertTrue(text.endswith("\ndone: 1, failed: 0, going on: 0\n"), text)
        self.assertRegex(text, r"%  +[1-9]\d %  +\d+ .* (\+-|±) ", "no throttle and no prediction are shown")
        self.assertIn("  throttle_target ", terminal.shown())

    def test_verbose(self):
        """The migration's own line, run by the module and by virsh itself."""
        done = self.virsh(*self.virsh_words("--converge-policy", "adaptive", "--verbose"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_rising(self.shares(done.stderr) + [100], 100)
        self.assertIn("[100 %]", done.stderr)
        self.assertIn("switch over with a pause of", done.stderr)
        self.assert_arrived()

    def test_interrupted(self):
        """The end of the watch is not that of the migration."""
        terminal = Terminal(self.source.command(VIRSH, "-c", self.uri("A"), "converge-watch"))
        process = self.start_virsh(*self.virsh_words("--converge-policy", "adaptive"))
        self.until_throttled()
        self.until("the guest on the screen", lambda: f"{self.guest} " in terminal.shown())
        terminal.type(b"\x03")
        self.assertEqual(terminal.end(), 0)
        self.assertIn("going on: 1", terminal.shown())
        self.assertEqual(process.wait(), 0)
        self.assert_arrived()


class NoModule(LabTest):
    def test_verbose(self):
        """virsh itself controls the migration, and shows what it knows."""
        done = self.virsh(*self.virsh_words("--converge-policy", "adaptive", "--verbose"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("switch over with a pause of", done.stderr)
        self.assert_arrived()
