#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# virshtest.py: the extended virsh beside the stock one
#
# usage: virshtest.py LAUNCHER SHIM FAKE [unittest arguments]
#
# Every command runs with both programs in every way that virsh can be used:
# separate words, one quoted line, piped into it, and typed at its prompt.  The
# output of a command without --converge-policy must be the same to the byte.
# No daemon is needed: the tests use libvirt's test driver, and FAKE where a
# migration must succeed.

import os
import pty
import re
import select
import shlex
import subprocess
import sys
import tempfile
import unittest
from itertools import product

LAUNCHER, SHIM, FAKE = (os.path.realpath(arg) for arg in sys.argv[1:4])

PROMPT = b"virsh # "
TIMEOUT = 30

LIVE, PEER2PEER, AUTO_CONVERGE, POSTCOPY, PARALLEL = 0x1, 0x2, 0x2000, 0x8000, 0x20000
COMPRESSED = 0x800
POSTCOPY_RESUME = 0x80000

MIGRATE = "migrate --live --auto-converge --converge-policy adaptive"

# A guest with a device that is passed through.
VFIO = """\
<node><domain type='test'><name>test</name><memory>8192</memory><os><type>hvm</type></os>
<devices><hostdev mode='subsystem' type='pci' managed='yes'><source>
<address domain='0' bus='6' slot='2' function='0'/></source></hostdev></devices></domain></node>
"""

OPTION_HELP = ("    --converge-policy <string>  policy for convergence: "
               "PRESET[,FIELD=VALUE...], for example adaptive,max-downtime=500ms\n")
CONTROLS = "this virsh controls the migration itself"
TROUBLE = "warning: the policy was not kept: "


def find_stock():
    for directory in os.environ.get("PATH", os.defpath).split(":"):
        path = os.path.join(directory, "virsh")
        if os.access(path, os.X_OK) and not os.path.samefile(path, LAUNCHER):
            return path
    return None


STOCK = find_stock()


class VirshTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)

    def path(self, name):
        return os.path.join(self.scratch.name, name)

    def script(self, name, text):
        with open(self.path(name), "w") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(self.path(name), 0o755)
        return self.path(name)

    def environment(self, **extra):
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            # Else libvirt warns on stderr that it cannot find the name of a host that has none.
            "LIBVIRT_DEBUG": "error",
            "HOME": self.scratch.name,
            "LC_ALL": "C",
            "TERM": "dumb",
            "VIRSH_DEFAULT_CONNECT_URI": "test:///default",
            "LD_PRELOAD": FAKE,
            "VIRSH_FAKE_REAL": "1",
            "VIRT_CONVERGE_SHIM": SHIM,
            "VIRT_CONVERGE_VIRSH": STOCK,
        }
        env.update(extra)
        return {name: value for name, value in env.items() if value is not None}

    def run_virsh(self, program, args, stdin="", **extra):
        done = subprocess.run(["virsh"] + args, executable=program, input=stdin,
                              env=self.environment(**extra), timeout=TIMEOUT,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def ours(self, *args, **extra):
        return self.run_virsh(LAUNCHER, list(args), **extra)

    def stock(self, *args, **extra):
        return self.run_virsh(STOCK, list(args), **extra)

    def typed(self, program, keys, **extra):
        """Returns what a terminal shows while keys are typed at a prompt."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(program, ["virsh"], self.environment(**extra))

        shown = b""
        for key in list(keys) + [b"quit\n"]:
            shown += self.read_until(terminal, PROMPT)
            os.write(terminal, key)
        shown += self.read_until(terminal, None)
        os.close(terminal)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return status, shown.decode().replace("\r\n", "\n")

    def read_until(self, terminal, end):
        shown = b""
        while end is None or not shown.endswith(end):
            if not select.select([terminal], [], [], TIMEOUT)[0]:
                self.fail("virsh is silent after: %r" % shown)
            try:
                data = os.read(terminal, 4096)
            except OSError:
                data = b""
            if not data:
                if end is not None:
                    self.fail("virsh has ended after: %r" % shown)
                break
            shown += data
        return shown

    def fake(self, *args, **extra):
        return self.ours(*args, VIRSH_FAKE_REAL=None, **extra)


class PassThrough(VirshTest):
    """Commands without the option."""

    COMMANDS = [
        "list --all",
        "list --nonsense",
        "nonsense",
        "domstate test",
        "domstate nobody",
        "dumpxml test",
        "echo --xml 'a b' \"<c>\" d\\ e",
        "echo --converge-policy nonsense",
        "help domain",
        "help save",
        "help nonsense",
        "save --help",
        "version",
        "migrate",
        "migrate test",
        "migrate --live test test:///default",
        "migrate --live --nonsense test test:///default",
        "migrate --live --p2p test test:///default",
        "migrate --live --direct test test:///default",
        "domjobinfo test",
    ]
    # Closes stdin, so neither piped nor typed.
    COMPLETE = "complete -- list --in"
    LINES = [
        "list; list --all",
        "list; nonsense",
        "list # a comment",
        "echo 'a",
        "echo \"a",
        "echo a \\",
        "",
    ]
    GLOBALS = [
        "-c test:///default list", "-ctest:///default list --all", "-r list",
        "--connect=test:///default -r list", "--conn test:///default -q list",
        "-v", "-V", "--version=long", "-x list", "--nonsense list", "-c",
        "-d nonsense list", "-k -1 list", "-e xx list", "-- list", "-c nonsense:/// list",
    ]

    def test_words(self):
        for command in self.COMMANDS + [self.COMPLETE]:
            with self.subTest(command):
                args = shlex.split(command)
                self.assertEqual(self.ours(*args), self.stock(*args))

    def test_global_options(self):
        for command in self.GLOBALS:
            with self.subTest(command):
                args = command.split()
                self.assertEqual(self.ours(*args), self.stock(*args))

    def test_line(self):
        for line in self.COMMANDS + self.LINES + [self.COMPLETE]:
            with self.subTest(line):
                self.assertEqual(self.ours(line), self.stock(line))

    def test_piped(self):
        for line in self.COMMANDS + self.LINES:
            with self.subTest(line):
                self.assertEqual(self.ours(stdin=line + "\n"), self.stock(stdin=line + "\n"))
        script = "\n".join(self.COMMANDS + self.LINES)
        self.assertEqual(self.ours("-q", stdin=script), self.stock("-q", stdin=script))

    def test_typed(self):
        keys = [line.encode() + b"\n" for line in self.COMMANDS + self.LINES]
        self.assertEqual(self.typed(LAUNCHER, keys), self.typed(STOCK, keys))

    def test_children_without_preload(self):
        editor = self.script("editor", 'echo "preload=$LD_PRELOAD" >&2\n')
        for others in (None, "libm.so.6"):
            stock = self.stock("edit", "test", EDITOR=editor, LD_PRELOAD=others)
            self.assertIn("preload=%s\n" % (others or ""), stock[2])
            self.assertEqual(self.ours("edit", "test", EDITOR=editor, LD_PRELOAD=others), stock)


class Help(VirshTest):
    def expected(self, text):
        text, synopsis = re.subn(r" \[--auto-converge\]", r"\g<0> [--converge-policy <string>]", text, count=1)
        text, options = re.subn(r"(\n    --auto-converge  .*\n)", r"\1" + OPTION_HELP, text)
        self.assertEqual((synopsis, options), (1, 1))
        return text

    def test_everywhere(self):
        for command in ("help migrate", "migrate --help"):
            args = shlex.split(command)
            code, out, err = self.stock(*args)
            self.assertEqual(self.ours(*args), (code, self.expected(out), err))

            code, out, err = self.stock(command)
            self.assertEqual(self.ours(command), (code, self.expected(out), err))

            code, out, err = self.stock(stdin=command + "\n")
            self.assertEqual(self.ours(stdin=command + "\n"), (code, self.expected(out), err))

            code, shown = self.typed(STOCK, [command.encode() + b"\n"])
            self.assertEqual(self.typed(LAUNCHER, [command.encode() + b"\n"]),
                             (code, self.expected(shown)))

    def test_beside_a_policy(self):
        """A policy is not checked if help is asked for."""
        stock = self.stock("migrate", "--help")
        self.assertEqual(self.ours("migrate", "--converge-policy", "nonsense", "--help"),
                         (stock[0], self.expected(stock[1]), stock[2]))

    def test_only_migrate(self):
        line = "help save; help domain; help migrate-setspeed; help domblkstat"
        self.assertEqual(self.ours(line), self.stock(line))

    def test_repeated(self):
        once = self.ours("help migrate")[1]
        self.assertEqual(self.ours("help migrate; help migrate")[1].strip("\n"),
                         (once + once).strip("\n"))


class OtherVersion(VirshTest):
    """A virsh whose texts nobody has seen yet: only names of options and groups are known."""

    HELP = "\n".join((
        "  What: migrate", "",
        "    migrate <domain> <desturi>%s [--brand-new <text>]%s", "",
        "  Options",
        "%s    --brand-new <text>  new in this version", "%s"))
    LIST = "Commands\n\n%s# Guests ('domain')\n    list\n%s"
    POLICY = " [--converge-policy <string>]"

    def other(self, text, command="*"):
        """A virsh that prints @text for @command, and else its arguments."""
        with open(self.path("text"), "w") as file:
            file.write(text)
        return self.script("virsh", 'case "$*" in %s) cat "%s";; *) printf "%%s\\n" "$@"; exit 1;; esac\n'
                           % (command, self.path("text")))

    def help(self, text, command, *args):
        """The text of the only word that the launcher makes of a command."""
        code, out, err = self.ours(*args, VIRT_CONVERGE_VIRSH=self.other(text, command))
        self.assertEqual((code, err), (1, ""))
        self.assertTrue(out.startswith("echo\n"), out)
        return out[len("echo\n"):-1]

    def test_migrate(self):
        auto, line = " [--auto-converge]", "    --auto-converge  force\n"
        for args in (("help", "migrate"), ("migrate", "--help")):
            command = '"-q %s"' % " ".join(args)
            self.assertEqual(self.help(self.HELP % (auto, "", line, ""), command, *args),
                             self.HELP % (auto + self.POLICY, "", line + OPTION_HELP, ""))
            self.assertEqual(self.help(self.HELP % ("", "", "", ""), command, *args),
                             self.HELP % ("", self.POLICY, "", OPTION_HELP))
            self.assertEqual(self.help("nothing known\n\n", command, *args), "nothing known\n%s\n" % OPTION_HELP)

    def test_list(self):
        ours = self.quiet_group()
        for text, expected in ((self.LIST % ("", ""), self.LIST % (ours, "")),
                               ("nothing known\n", "nothing known\n" + ours)):
            code, out, err = self.ours("help", VIRT_CONVERGE_VIRSH=self.other(text, '"-q help"'))
            self.assertEqual((code, shlex.split(out), err), (1, ["echo", expected], ""))

    def quiet_group(self):
        return self.ours("-q", "help", "converge")[1] + "\n"

    def test_usage(self):
        ours = self.quiet_group().replace("'):\n", "')\n", 1)
        for args in (["-h"], ["-q", "--help"]):
            done = self.ours(*args, VIRT_CONVERGE_VIRSH=self.other(self.LIST % ("", "")))
            self.assertEqual(done, (0, self.LIST % (ours, ""), ""))

    def test_value_of_a_new_option(self):
        command = ["migrate", "--live", "--brand-new", "--converge-policy", "nonsense", "a", "b"]
        done = self.ours(*command, VIRT_CONVERGE_VIRSH=self.other(self.HELP % ("", "", "", ""), '"-q help migrate"'))
        self.assertEqual(done, (1, "\n".join(command) + "\n", ""))

    def test_never_run(self):
        """A command that virsh does not take for one for help is run once, with the user's host."""
        log = self.path("log")
        stock = self.script("virsh", 'echo "$LIBVIRT_DEFAULT_URI $VIRSH_DEFAULT_CONNECT_URI $*" >>%s; exit 1\n' % log)
        self.ours("migrate", "--what", "--help", "a", "b", VIRT_CONVERGE_VIRSH=stock)
        with open(log) as file:
            self.assertEqual(file.read().splitlines(),
                             ["virt-converge-none:///  -q migrate --what --help a b",
                              " test:///default migrate --what --help a b"])


class Refusal(VirshTest):
    """A wrong use of the option leads to one message, and nothing is run."""

    CASES = [
        ("migrate --live --converge-policy adaptive,nope=1 test test:///default",
         "error: unknown field 'nope' in the converge policy"),
        ("migrate --live test test:///default --converge-policy",
         "error: expected syntax: --converge-policy <string>\n"),
        ("migrate --live --converge-policy '' test test:///default",
         "error: Failed to get option 'converge-policy': Option argument is empty\n"),
        ("migrate --live --converge-policy adaptive --converge-policy=adaptive a b",
         "error: option --converge-policy already seen\n"),
        ("migrate --converge-policy adaptive test test:///default",
         "error: Option --live is required by option --converge-policy\n"),
    ]

    def test_unknown_to_the_source_host(self):
        """An unknown name may be a policy of the source host's site.  Without the module
        the source host has no such policy."""
        code, out, err = self.ours("-c", "test:///default", "migrate", "--live", "--p2p",
                                   "--converge-policy", "nonsense", "test", "test:///other")
        self.assertEqual(code, 1)
        self.assertTrue(err.startswith("error: invalid argument: unknown preset 'nonsense'"), err)
        self.assertEqual(err.count("\n"), 1)

    def assertRefused(self, done, message):
        code, out, err = done
        self.assertEqual((code, out), (1, ""))
        self.assertTrue(err.startswith(message), err)
        self.assertEqual(err.count("\n"), 1)

    def test_words(self):
        for command, message in self.CASES:
            with self.subTest(command):
                self.assertRefused(self.fake(*shlex.split(command)), message)

    def test_line(self):
        for command, message in self.CASES:
            with self.subTest(command):
                self.assertRefused(self.fake(command), message)
                self.assertRefused(self.fake("list; " + command + "; list"), message)
                self.assertRefused(self.fake(MIGRATE + " test test:///default; " + command),
                                   message)

    def test_prompt(self):
        for command, message in self.CASES:
            with self.subTest(command):
                code, out, err = self.ours(stdin="echo before\necho no; %s\necho after\n" % command)
                self.assertEqual(code, 0)
                self.assertEqual(re.findall("^(before|no|after)$", out, re.M), ["before", "after"])
                self.assertTrue(err.startswith(message), err)

                code, shown = self.typed(LAUNCHER, [command.encode() + b"\n", b"echo after\n"])
                self.assertEqual(code, 0)
                self.assertIn("\n" + message, shown)
                self.assertIn("\nafter\n", shown)


class Call(VirshTest):
    """What reaches libvirt."""

    def assertCall(self, done, expected):
        self.assertEqual(done[0], 0, done[2])
        self.assertEqual([line for line in done[2].splitlines() if line.startswith("virDomain")],
                         expected)

    def split_notes(self, err):
        """Returns the shim's own messages, and the rest."""
        lines = err.splitlines(keepends=True)
        notes = [line for line in lines if CONTROLS in line or TROUBLE in line]
        return notes, "".join(line for line in lines if line not in notes)

    def test_stock_error(self):
        """libvirt's own error is shown, without a trace of the carrier."""
        for options in ("", "--p2p", "--direct"):
            with self.subTest(options):
                stock = self.stock("migrate --live %s test test:///default" % options)
                code, out, err = self.ours("%s %s test test:///default" % (MIGRATE, options))
                self.assertEqual((code, out), stock[:2])
                notes, rest = self.split_notes(err)
                self.assertIn(CONTROLS, notes[0])
                self.assertEqual(rest, stock[2])
                self.assertNotIn("disks", err)

    def test_late_error(self):
        """Failures of the loop are not reported as the reason why the migration failed."""
        stock = self.stock("migrate --live --p2p test test:///default")
        err = self.ours(MIGRATE + " --p2p test test:///default", VIRSH_FAKE_LATE="1")[2]
        self.assertIn("late statistics\n", err)
        self.assertEqual(self.split_notes(err)[1].replace("late statistics\n", ""), stock[2])

    def test_module(self):
        """The policy is passed as a parameter, in place of the carrier."""
        flags = LIVE | AUTO_CONVERGE
        call = "virDomainMigrate3 flags=0x%x" % flags
        command = MIGRATE + ",max-throttle=80 test test:///default --bandwidth 5"
        expected = [call + " bandwidth auto_converge.policy=adaptive,max-throttle=80"]
        own = " --disks-uri 'tcp://it'\\''s'"
        with_own = [call + " bandwidth disks_uri=tcp://it's"
                           " auto_converge.policy=adaptive,max-throttle=80"]

        self.assertCall(self.fake(command, VIRSH_FAKE_MODULE="1"), expected)
        self.assertCall(self.fake(command + own, VIRSH_FAKE_MODULE="1"), with_own)
        self.assertCall(self.fake(*shlex.split(command + own), VIRSH_FAKE_MODULE="1"), with_own)
        self.assertCall(self.fake(stdin=command + own + "\n", VIRSH_FAKE_MODULE="1"), with_own)

        code, shown = self.typed(LAUNCHER, [command.encode() + b"\n"],
                                 VIRSH_FAKE_REAL=None, VIRSH_FAKE_MODULE="1")
        self.assertEqual(code, 0)
        self.assertIn("\n" + expected[0] + "\n", shown)

    def test_module_is_silent(self):
        command = MIGRATE + " test test:///default"
        self.assertEqual(self.fake(command, VIRSH_FAKE_MODULE="1")[2].count("\n"), 1)

    def test_module_sets_no_flag(self):
        """The module itself decides whether auto-converge is switched on."""
        self.assertCall(self.fake("migrate --p2p --live --converge-policy adaptive test x",
                                  VIRSH_FAKE_MODULE="1"),
                        ["virDomainMigrateToURI3 flags=0x%x auto_converge.policy=adaptive"
                         % (LIVE | PEER2PEER)])

    def test_post_copy(self):
        """Post-copy is enabled at the start if the policy may need it and it is possible."""
        with open(self.path("vfio.xml"), "w") as file:
            file.write(VFIO)
        vfio = {"VIRSH_DEFAULT_CONNECT_URI": "test://" + self.path("vfio.xml")}
        for policy, words, extra, added in (
                ("post-copy", "", {}, POSTCOPY),
                ("adaptive", "", {}, 0),
                ("post-copy", " --parallel", {}, PARALLEL),
                ("post-copy", " --parallel --postcopy", {}, PARALLEL | POSTCOPY),
                ("post-copy", "", vfio, 0),
                ("post-copy", " --postcopy", vfio, POSTCOPY)):
            with self.subTest(policy + words, **extra):
                self.assertCall(self.fake("migrate --live --p2p --converge-policy %s test x%s"
                                          % (policy, words), VIRSH_FAKE_MODULE="1", **extra),
                                ["virDomainMigrateToURI3 flags=0x%x auto_converge.policy=%s"
                                 % (LIVE | PEER2PEER | added, policy)])

    NEW = {"VIRSH_FAKE_MODULE": "1", "VIRSH_FAKE_QEMU": "10001000", "VIRSH_FAKE_LIBVIRT": "11003000"}

    def transported(self, policy, words="", **extra):
        """The flags, the parameters' names and the notes of a migration under POLICY."""
        done = self.fake("migrate --live --converge-policy %s test test:///default%s" % (policy, words),
                         **{**self.NEW, **extra})
        self.assertEqual(done[0], 0, done[2])
        call = re.search("virDomainMigrate3 flags=(0x[0-9a-f]+) (.*)", done[2])
        return int(call[1], 16) & ~LIVE, call[2].replace("auto_converge.policy=" + policy, "policy"), done[2]

    def test_transport(self):
        """What the policy names is asked of libvirt; what the caller states stays."""
        both = PARALLEL | COMPRESSED
        for policy, words, flags, params in (
                ("adaptive,transport=plain,streams=3", "", 0, "policy"),
                ("adaptive,transport=multifd,streams=3", "", PARALLEL, "policy parallel.connections"),
                ("adaptive,transport=multifd-zstd", "", both,
                 "policy parallel.connections compression=zstd compression.zstd.level"),
                ("adaptive,transport=multifd-zlib", " --parallel --parallel-connections 7", both,
                 "parallel.connections policy compression=zlib compression.zlib.level"),
                ("adaptive,transport=xbzrle", "", COMPRESSED, "policy compression=xbzrle"),
                ("adaptive,transport=xbzrle,mode=observe", "", 0, "policy")):
            with self.subTest(policy + words):
                self.assertEqual(self.transported(policy, words)[:2], (flags, params))

    def test_transport_falls_back(self):
        for policy, words, extra, flags, why in (
                ("adaptive,transport=multifd-zstd", "", {"VIRSH_FAKE_LIBVIRT": "9000000"}, 0,
                 "'multifd-zstd' needs libvirt 9.4 on both hosts"),
                ("adaptive,transport=xbzrle", " --parallel", {}, PARALLEL,
                 "xbzrle is for a single stream, and the caller asks for several"),
                ("adaptive,transport=multifd-zstd", " --compressed", {}, COMPRESSED, "the caller asks for a compression"),
                ("adaptive,transport=multifd,fallback=post-copy", "", {"VIRSH_FAKE_QEMU": "10000000"}, POSTCOPY,
                 "several streams and post-copy together need QEMU 10.1 on both hosts"),
                ("adaptive,transport=auto", "", {}, 0, "the bandwidth of the link is unknown")):
            with self.subTest(policy + words, **extra):
                found = self.transported(policy, words, **extra)
                self.assertEqual(found[0], flags)
                self.assertRegex(found[2], "note: memory goes as without field 'transport' of the policy: " + why)

    def test_transport_of_unknown_destination(self):
        """A client may be unable to ask the destination that the source's daemon connects to."""
        done = self.fake("migrate --live --p2p --converge-policy adaptive,transport=multifd test x", **self.NEW)
        self.assertIn("flags=0x%x " % (LIVE | PEER2PEER), done[2])
        self.assertIn("'multifd' needs libvirt 5.2 on both hosts", done[2])
        done = self.fake("migrate --live --p2p --converge-policy adaptive,transport=multifd test test:///default", **self.NEW)
        self.assertIn("flags=0x%x " % (LIVE | PEER2PEER | PARALLEL), done[2])

    def test_transport_chosen(self):
        """The memory of the test driver's guests compresses very well."""
        flags, params, err = self.transported("adaptive,transport=auto,cpu-budget=9", " --bandwidth 30",
                                              VIRSH_FAKE_DIRTY="40", VIRSH_FAKE_KVM="usual", VIRSH_FAKE_QUICK="40")
        self.assertEqual(flags, PARALLEL | COMPRESSED)
        self.assertEqual(params, "bandwidth policy parallel.connections compression=zstd compression.zstd.level")
        self.assertRegex(err, "transport 'multifd-zstd' with [1-4] streams: it moves [0-9]+ MB/s")
        flags, params, err = self.transported("adaptive,transport=auto", " --bandwidth 30", VIRSH_FAKE_LIBVIRT="9000000",
                                              VIRSH_FAKE_DIRTY="40", VIRSH_FAKE_KVM="usual", VIRSH_FAKE_QUICK="40")
        self.assertEqual((flags, params), (0, "bandwidth policy"))
        self.assertRegex(err, "memory is sent as it is, at [0-9]+ MB/s: no other transport is sure")

    def test_post_copy_is_never_added_beside_parallel(self):
        """Whether the destination can combine the two is for the user to know."""
        for words, added in (
                ("", POSTCOPY),
                (" --parallel", PARALLEL),
                (" --parallel --parallel-connections 2", PARALLEL),
                (" --parallel --postcopy", PARALLEL | POSTCOPY)):
            with self.subTest(words):
                done = self.fake("migrate --live --p2p --converge-policy post-copy test x" + words,
                                 VIRSH_FAKE_MODULE="1", VIRSH_FAKE_QEMU="10001000")
                flags = int(re.search("flags=(0x[0-9a-f]+)", done[2]).group(1), 16)
                self.assertEqual(flags, LIVE | PEER2PEER | added, done)

    def test_resumed_post_copy(self):
        """A guest that hangs between two hosts is not refused its way out: no policy is used, or even looked at."""
        note = "note: this resumes post-copy, where the policy plays no part"
        for live, policy in product(("", " --live"), ("adaptive", "nonsense")):
            for extra in ({}, {"VIRSH_FAKE_MODULE": "1"}):
                with self.subTest(live + policy, **extra):
                    done = self.fake("migrate --p2p --postcopy --postcopy-resume --converge-policy %s test x%s"
                                     % (policy, live), **extra)
                    flags = PEER2PEER | POSTCOPY | POSTCOPY_RESUME | (LIVE if live else 0)
                    self.assertCall(done, ["virDomainMigrateToURI3 flags=0x%x" % flags])
                    self.assertEqual(done[2].splitlines().count(note), 1)
                    self.assertNotIn(CONTROLS, done[2])

    def turns(self):
        with open(self.path("turns"), "w", encoding="utf-8") as file:
            for share in (0, 20, 10, 30, 25, 40, 30, 50):
                file.write("string auto_converge.module 1;int auto_converge.progress %d\n" % share)
        return self.path("turns")

    def test_progress(self):
        """It never runs backwards under a policy; without one it is virsh's own."""
        turns = self.turns()
        for policy, backwards in (("", True), (" --converge-policy adaptive", False)):
            extra = {} if backwards else {"VIRSH_FAKE_TURNS": turns}
            err = self.fake("migrate --live --p2p --verbose test x" + policy, VIRSH_FAKE_SLOW="1", **extra)[2]
            shares = [int(share) for share in re.findall(r"(?:\[|[#-]{8}) *(\d+)(?:\.\d+)? %", err)]
            self.assertGreater(len(shares), 2, err)
            self.assertEqual(shares != sorted(shares), backwards, err)
            self.assertTrue(re.search(r"\[100(\.00)? %\]", err), err)
            self.assertEqual("THROTTLE" in err, not backwards)
            self.assertEqual(bool(re.search(r"\[ *\d\d(\.\d+)? %\]", err)), backwards, err)

    def test_quiet(self):
        """Without --verbose nothing is shown."""
        err = self.fake("migrate --live --p2p test x --converge-policy adaptive", VIRSH_FAKE_SLOW="1",
                        VIRSH_FAKE_TURNS=self.turns())[2]
        self.assertNotIn("%", err)

    def test_each_its_own(self):
        line = ("migrate --live --converge-policy adaptive test test:///default; "
                "migrate --live test test:///default --disks-uri tcp://h; "
                "migrate --live --p2p --converge-policy=stepped test x")
        self.assertCall(self.fake(line, VIRSH_FAKE_MODULE="1"),
                        ["virDomainMigrate3 flags=0x1 auto_converge.policy=adaptive",
                         "virDomainMigrate3 flags=0x1 disks_uri=tcp://h",
                         "virDomainMigrateToURI3 flags=0x3 auto_converge.policy=stepped"])

    def test_no_module(self):
        """Without a module, one line tells that this virsh controls, and the flag is set."""
        for command, call, flags in (
                ("migrate --live --converge-policy adaptive test test:///default",
                 "virDomainMigrate3", LIVE),
                ("migrate --live --p2p --converge-policy adaptive test x",
                 "virDomainMigrateToURI3", LIVE | PEER2PEER)):
            done = self.fake(command)
            notes, rest = self.split_notes(done[2])
            self.assertIn(CONTROLS, notes[0])
            self.assertEqual(rest.count("\n"), 1, rest)
            self.assertCall(done, ["%s flags=0x%x" % (call, flags | AUTO_CONVERGE)])

    def test_destination_without_module(self):
        hint = "the destination host has no virt-converge module"
        refuse = {"VIRSH_FAKE_MODULE": "1", "VIRSH_FAKE_REFUSE": "1"}
        code, _, err = self.fake(MIGRATE + " test test:///default", **refuse)
        self.assertEqual(code, 1)
        self.assertEqual(err.count(hint), 1)
        self.assertIn("--p2p", err)

        code, _, err = self.fake(MIGRATE + " --p2p test x", **refuse)
        self.assertEqual(code, 1)
        self.assertNotIn(hint, err)


class Options(VirshTest):
    def test_value_like_option(self):
        """The value of a stock option may look like --converge-policy."""
        text = self.stock("help migrate")[1]
        options = re.findall(r"^    (?:\[--(\S+)\]|--(\S+)) <(?:string|number)>", text, re.M)
        self.assertGreater(len(options), 20)
        for name in sorted(a or b for a, b in options):
            if name == "disks-uri":     # carries the policy
                continue
            with self.subTest(name):
                line = "migrate --live --%s --converge-policy nonsense" % name
                self.assertEqual(self.ours(line), self.stock(line))


class Prompt(VirshTest):
    def test_history_holds_what_was_typed(self):
        lines = [MIGRATE + " test test:///default --disks-uri x",
                 "migrate --live --converge-policy nonsense test test:///default",
                 "list"]
        self.typed(LAUNCHER, [line.encode() + b"\n" for line in lines],
                   VIRSH_FAKE_REAL=None, VIRSH_FAKE_MODULE="1")
        with open(self.path(".cache/libvirt/virsh/history")) as file:
            self.assertEqual(file.read().splitlines(), lines + ["quit"])

    def test_tab(self):
        code, shown = self.typed(LAUNCHER, [b"migrate --live --conv\tadaptive,nope=1 test x\n"])
        self.assertEqual(code, 0)
        self.assertIn("\nerror: unknown field 'nope'", shown)

    def test_shell_completion(self):
        for words, ours in ((["migrate", "--conv"], "--converge-policy"),
                            (["migrate", "--converge-policy", "adaptive", "--conv"], ""),
                            (["list", "--conv"], "")):
            with self.subTest(words):
                self.assertEqual(self.ours("complete", "--", *words)[1].strip(), ours)

        words = ["complete", "--", "migrate", "--live", "--"]
        self.assertEqual(sorted(self.ours(*words)[1].split()),
                         sorted(self.stock(*words)[1].split() + ["--converge-policy"]))


class Launcher(VirshTest):
    def test_no_shim(self):
        missing = {"VIRT_CONVERGE_SHIM": self.path("missing")}
        self.assertEqual(self.ours("list", **missing), self.stock("list"))
        self.assertEqual(self.ours("help", "migrate", **missing), self.stock("help", "migrate"))

        code, out, err = self.ours(MIGRATE + " test test:///default", **missing)
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, "^error: option --converge-policy .* need '.*'.*\n$")

    def test_no_stock(self):
        for extra in ({"VIRT_CONVERGE_VIRSH": None, "PATH": os.path.dirname(LAUNCHER)},
                      {"VIRT_CONVERGE_VIRSH": LAUNCHER},
                      {"VIRT_CONVERGE_VIRSH": self.path("missing")}):
            with self.subTest(extra):
                code, out, err = self.ours("list", **extra)
                self.assertEqual((code, out), (1, ""))
                self.assertRegex(err, "^error: .*stock virsh.*\n$")

    def test_next_in_path(self):
        """The launcher runs the next virsh in PATH, never one before it or itself."""
        dirs = [self.path(name) for name in ("before", "self", "empty", "behind")]
        list(map(os.mkdir, dirs))
        self.script("before/virsh", "echo before\n")
        self.script("behind/virsh", "echo behind\n")
        os.symlink(LAUNCHER, dirs[1] + "/virsh")

        done = self.ours("list", VIRT_CONVERGE_VIRSH=None, PATH=":".join(dirs))
        self.assertEqual(done, (0, "behind\n", ""))
        done = self.ours("list", VIRT_CONVERGE_VIRSH=None, PATH=":".join(dirs[:2]))
        self.assertEqual(done[0], 1)
        done = self.ours("list", VIRT_CONVERGE_VIRSH=None, PATH=":".join([dirs[0], dirs[3]]))
        self.assertEqual(done, (0, "before\n", ""))

    def test_other_name(self):
        """Called as virsh-converge, the launcher runs the first virsh in PATH that is not itself."""
        dirs = [self.path(name) for name in ("self", "first", "second")]
        list(map(os.mkdir, dirs))
        self.script("first/virsh", "echo first\n")
        self.script("second/virsh", "echo second\n")
        os.symlink(LAUNCHER, dirs[0] + "/virsh")
        os.symlink(LAUNCHER, self.path("virsh-converge"))

        for order in ((0, 1, 2), (1, 0, 2), (1, 2), (1, 2, 0), (1, 0)):
            with self.subTest(order):
                path = ":".join(dirs[i] for i in order)
                env = self.environment(VIRT_CONVERGE_VIRSH=None, PATH=path)
                done = subprocess.run([self.path("virsh-converge"), "list"], env=env, timeout=TIMEOUT,
                                      stdout=subprocess.PIPE, text=True, check=False)
                self.assertEqual((done.returncode, done.stdout), (0, "first\n"))

    def test_beside_the_launcher(self):
        """The uninstalled shim is found without environment variables."""
        if os.path.dirname(SHIM) != os.path.dirname(LAUNCHER):
            self.skipTest("installed")
        self.assertIn("--converge-policy",
                      self.ours("help", "migrate", VIRT_CONVERGE_SHIM=None)[1])

    def test_words_behind_global_options(self):
        stock = self.script("virsh", 'printf "%s\\n" "$@"\n')
        command = ["migrate", "--live", "--converge-policy", "adaptive", "a b", "x"]
        rewritten = ["migrate", "--live", "--disks-uri=virt-converge-policy=adaptive", "a b", "x"]
        for options in ([], ["-c", "migrate"], ["-cmigrate", "-q"], ["--conn", "x", "-rt"],
                        ["--log=f", "-d0", "-k", "5", "-K5"], ["-e", "^x", "--"]):
            with self.subTest(options):
                done = self.ours(*options, *command, VIRT_CONVERGE_VIRSH=stock)
                self.assertEqual(done[1].splitlines(), options + rewritten)

        for args in (["-v"] + command, ["-x"] + command, ["-c"], [], ["a b", ";", "migrate"]):
            with self.subTest(args):
                done = self.ours(*args, VIRT_CONVERGE_VIRSH=stock)
                self.assertEqual(done[1].splitlines(), args or [""])


if __name__ == "__main__":
    if STOCK is None:
        print("no stock virsh in PATH")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
