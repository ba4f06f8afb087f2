#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# virshwatchtest.py: converge-watch on terminals and in pipes
#
# usage: virshwatchtest.py LAUNCHER SHIM FAKE [unittest arguments]
#
# It shares first arguments and environment with virshtest.py.

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import unicodedata
import unittest

sys.dont_write_bytecode = True      # beside the sources

from virshtest import LAUNCHER, TIMEOUT, VirshTest  # noqa: E402

GIB = 1 << 30
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
NEXT = "switch over with a pause of 212 ms"
REASON = "throttle 60 %: without a throttle the migration does not converge"


def turn(progress, **other):
    """What libvirt and the module tell at one look."""
    stats = {
        "string auto_converge.module": "1",
        "string auto_converge.policy": "adaptive",
        "string auto_converge.state": "throttling",
        "string auto_converge.next": NEXT,
        "string auto_converge.reason": REASON,
        "int auto_converge.progress": progress,
        "string auto_converge.actuator": "vcpu-quota",
        "int auto_converge.throttle_target": 60,
        "ullong auto_converge.predicted_remaining": 12000,
        "ullong auto_converge.predicted_error": 3000,
        "ullong memory_iteration": 7,
        "ullong memory_remaining": 5 * GIB // 4,
    }
    stats.update({name.replace("__", " "): value for name, value in other.items()})
    return ";".join(f"{name} {value}" for name, value in stats.items())


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


class WatchTest(VirshTest):
    def turns(self, *lines):
        with open(self.path("turns"), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
        return {"VIRSH_FAKE_TURNS": self.path("turns")}

    def watch(self, *args, **extra):
        return self.ours("-q", "converge-watch", *args, **extra)


class Lines(WatchTest):
    """stdout is no terminal."""

    def test_failed(self):
        """One line for each change; the module's progress runs backwards, the shown one does not."""
        turns = self.turns(*[turn(p) for p in (0, 20, 20, 10, 10, 30, 30, 40, 40)])
        code, out, err = self.watch("test", **turns)
        self.assertEqual((code, err), (0, ""))
        header, *lines, total = out.rstrip("\n").split("\n")
        self.assertEqual(header.split(), ["GUEST", "PROGRESS", "THROTTLE", "PASS", "LEFT", "ENDS", "IN", "NEXT"])
        self.assertEqual(total, "done: 0, failed: 1, going on: 0")
        shares = [int(re.search(r"(\d+) %", line).group(1)) for line in lines]
        self.assertEqual(shares, sorted(shares))
        self.assertGreater(len(shares), 2)
        self.assertIn("%s; %s" % (NEXT, REASON), lines[1])
        for word in ("test", "60 %", " 7 ", "1.2 GiB", "12 +- 3 s"):
            self.assertIn(word, lines[1])
        self.assertIn("failed, the guest stays here", lines[-1])

    def test_done(self):
        """libvirt may know the numbers a little after the guest has left."""
        for late in {}, {"VIRSH_FAKE_END_LATE": "1"}:
            with self.subTest(late):
                code, out, err = self.watch("test", VIRSH_FAKE_LEFT="1", **self.turns(turn(5)), **late,
                                            VIRSH_FAKE_STATUS="ullong time_elapsed 20500;ullong downtime 212")
                self.assertEqual((code, err), (0, ""))
                self.assertIn("100 %", out)
                self.assertIn("done in 20.5 s, pause 212 ms", out)
                self.assertTrue(out.endswith("\ndone: 1, failed: 0, going on: 0\n"), out)

    def test_json(self):
        """Each line is an object, the last one the totals; there is no header."""
        code, out, err = self.watch("--json", "test", VIRSH_FAKE_LEFT="1", **self.turns(turn(5)),
                                    VIRSH_FAKE_STATUS="ullong time_elapsed 20500;ullong downtime 212")
        self.assertEqual((code, err), (0, ""))
        *lines, total = [json.loads(line) for line in out.rstrip("\n").split("\n")]
        self.assertEqual(total, {"done": 1, "failed": 0, "running": 0})
        self.assertEqual([line["state"] for line in lines], ["running", "done"])
        self.assertEqual({line["guest"] for line in lines}, {"test"})
        self.assertEqual((lines[0]["progress"], lines[0]["statistics"]["throttle_target"]), (5, 60))
        self.assertEqual((lines[1]["time_elapsed"], lines[1]["downtime"]), (20500, 212))

    def test_without_names(self):
        out = self.watch(**self.turns(turn(5)))[1]
        self.assertEqual(out.count("\ntest "), 2, out)

    def test_without_module(self):
        """libvirt alone: the share of memory, and QEMU's throttle."""
        line = "ullong data_total 1000;ullong data_remaining 750;int auto_converge_throttle 40"
        out = self.watch("test", **self.turns(line))[1]
        self.assertRegex(out, r"25 % +40 % .*no policy controls this migration")

    def test_ascii_and_utf8(self):
        line = turn(50, string__auto_converge____next="x")
        out = self.watch("test", **self.turns(line))[1]
        self.assertTrue(out.isascii())
        self.assertIn("####----", out)
        out = self.watch("test", LC_ALL="C.UTF-8", **self.turns(line))[1]
        self.assertIn("████░░░░", out)
        self.assertIn("12 ± 3 s", out)

    def test_hostile(self):
        """What the other side says does not reach the terminal raw."""
        out = self.watch("test", **self.turns(turn(1, **{"string auto_converge.next": "\x1b[2Jforged\x07"})))[1]
        self.assertNotIn("\x1b", out)
        self.assertIn("\\x1b[2Jforged\\x07", out)

    def test_wrong(self):
        for words, message in (
                (("nobody",), "failed to get domain 'nobody'"),
                (("test", "nobody"), "failed to get domain 'nobody'"),
                (("--all", "test"), "Options --domain and --all are mutually exclusive"),
                (("--nonsense",), "command 'converge-watch' doesn't support option --nonsense")):
            with self.subTest(words):
                self.assertEqual(self.watch(*words), (1, "", "error: %s\n" % message))

    def test_closed_pipe(self):
        """A reader that goes ends the watch without a word."""
        process = subprocess.Popen(["virsh", "-q", "converge-watch", "--all"], executable=LAUNCHER, text=True,
                                   env=self.environment(**self.turns(*[turn(p % 90) for p in range(500)])),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn("GUEST", process.stdout.readline())
        process.stdout.close()
        err = process.stderr.read()
        process.wait(TIMEOUT)
        process.stderr.close()
        self.assertEqual(err, "")

    def test_interrupted(self):
        """Ctrl-C ends only the watch."""
        process = subprocess.Popen(["virsh", "-q", "converge-watch", "test"], executable=LAUNCHER, text=True,
                                   env=self.environment(**self.turns(*[turn(p % 90) for p in range(500)])),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn("GUEST", process.stdout.readline())
        self.assertIn("test", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual((process.returncode, err), (0, ""))
        self.assertTrue(out.endswith("done: 0, failed: 0, going on: 1\n"), out)


class Terminal(WatchTest):
    def setUp(self):
        super().setUp()
        self.shown = ""

    def start(self, *args, columns=80, rows=24, **extra):
        extra = {"TERM": "xterm", "LC_ALL": "C.UTF-8", **extra}
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(LAUNCHER, ["virsh", "-q", "converge-watch", *args], self.environment(**extra))
        self.addCleanup(os.close, self.terminal)

    def resize(self, columns, rows=24):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, text):
        """Reads until TEXT is on the terminal; None: until the end."""
        begin = len(self.shown)
        while text is None or text not in self.shown[begin:]:
            self.assertTrue(select.select([self.terminal], [], [], TIMEOUT)[0], self.shown[begin:])
            try:
                data = os.read(self.terminal, 65536).decode(errors="replace")
            except OSError:
                data = ""
            if not data:
                self.assertIsNone(text, self.shown[begin:])
                break
            self.shown += data
            self.assertLess(len(self.shown) - begin, 1 << 20)
        return self.shown[begin:]

    def end(self):
        self.until(None)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    @staticmethod
    def lines(shown):
        """The lines of each picture that is complete."""
        pictures = shown.split("\x1b[H")[1:-1]
        return [re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", line)
                for picture in pictures for line in picture.split("\r\n")]

    def type(self, keys):
        os.write(self.terminal, keys)

    def test_quit(self):
        """q ends the watch, and the terminal is as before."""
        self.start("test", **self.turns(*[turn(p % 90) for p in range(500)]))
        self.until(NEXT[:10])
        self.type(b"q")
        self.assertEqual(self.end(), 0)
        before, after = self.shown.split(LEAVE)
        self.assertIn(ENTER, before)
        self.assertNotIn("\x1b", after)
        self.assertIn("done: 0, failed: 0, going on: 1\r\n", after)
        self.assertIn("test ", after)
        self.assertNotIn("q", after.replace("quit", ""))     # nothing was echoed

    def test_interrupt(self):
        self.start("test", **self.turns(*[turn(p % 90) for p in range(500)]))
        self.until(NEXT[:10])
        self.type(b"\x03")
        self.assertEqual(self.end(), 0)
        self.assertIn(LEAVE, self.shown)
        self.assertIn("going on: 1", self.shown.split(LEAVE)[1])

    def test_by_itself(self):
        """The end of all migrations is the end of the watch."""
        self.start("test", **self.turns(turn(10), turn(20)))
        self.assertEqual(self.end(), 0)
        self.assertIn("failed: 1", self.shown.split(LEAVE)[1])

    def test_resized(self):
        """No line is ever wider than the terminal."""
        self.start("test", columns=80, **self.turns(*[turn(p % 90) for p in range(500)]))
        self.until(NEXT[:10])
        self.until("\x1b[H")
        for columns in (60, 33, 120, 80):
            self.resize(columns)
            self.until("\x1b[H")                # may have been drawn before
            self.until("\x1b[H")
            shown = self.until("\x1b[H") + self.until("\x1b[H")
            lines = self.lines("\x1b[H" + shown)
            self.assertTrue(lines)
            self.assertTrue(all(width(line) <= columns for line in lines), (columns, lines))
            self.assertEqual(max(map(width, lines)), columns)
        self.type(b"q")
        self.assertEqual(self.end(), 0)

    def test_small(self):
        """A terminal of three lines still has the migration."""
        self.start("test", columns=40, rows=3, **self.turns(*[turn(p % 90) for p in range(500)]))
        self.until("test ")
        self.type(b"1")
        shown = self.until("\x1b[H") + self.until("\x1b[H")
        self.type(b"q")
        self.assertEqual(self.end(), 0)
        for picture in self.shown.split(LEAVE)[0].split("\x1b[H")[1:]:
            self.assertLessEqual(picture.count("\r\n"), 2, shown)

    def test_detail(self):
        """A digit and Enter show and hide all that is known."""
        for key in (b"1", b"\n"):
            self.start("test", **self.turns(*[turn(p % 90) for p in range(500)]))
            self.until(NEXT[:10])
            self.type(key)
            shown = self.until("  policy ") + self.until("  predicted_remaining ")
            self.assertIn(REASON[:40], shown.replace("\x1b[K\r\n" + " " * 23, " "))
            self.type(b"\x1b")
            self.until("\x1b[H")
            self.until("\x1b[H")
            self.assertNotIn("  policy ", self.until("\x1b[H") + self.until("\x1b[H"))
            self.type(b"q")
            self.assertEqual(self.end(), 0)
            self.shown = ""

    def test_dumb(self):
        """A terminal that cannot move its cursor gets lines."""
        self.start("test", TERM="dumb", **self.turns(turn(10)))
        self.assertEqual(self.end(), 0)
        self.assertNotIn("\x1b", self.shown)
        self.assertIn("failed: 1", self.shown)

    def test_hangs_up(self):
        """A terminal that is closed ends the watch."""
        self.start("test", **self.turns(*[turn(p % 90) for p in range(500)]))
        self.until(NEXT[:10])
        os.close(os.dup(self.terminal))
        self.type(b"\x04")                      # not an end of input here
        self.until("\x1b[H")
        self.type(b"q")
        self.assertEqual(self.end(), 0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[4:])
