#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# virshcommandstest.py: the commands that the launcher adds to virsh, and their manual pages
#
# usage: virshcommandstest.py LAUNCHER SHIM FAKE MANPAGES [unittest arguments]
#
# It shares first arguments and environment with virshtest.py.  What a manual page must
# name comes from the program itself.

import fcntl
import json
import os
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
import unittest

sys.dont_write_bytecode = True      # beside the sources

from virshtest import LAUNCHER, STOCK, VirshTest  # noqa: E402

MANPAGES = os.path.realpath(sys.argv[4])

COMMANDS = ["converge-check", "converge-clear", "converge-doctor", "converge-estimate", "converge-evacuate",
            "converge-explain", "converge-history", "converge-presets", "converge-report", "converge-set", "converge-show",
            "converge-status", "converge-watch"]

SET = "Convergence policy set\n"
CLEARED = "Convergence policy cleared\n"
NO_POLICY = "error: domain 'test' has no convergence policy\n"

# One value of every kind, not every statistic, and in no order.
STATUS = ";".join((
    "ullong auto_converge.working_set 1610612736",
    "ullong auto_converge.bandwidth 104857600",
    "ullong auto_converge.downtime_limit 300",
    "int auto_converge.throttle_target 60",
    "string auto_converge.reason because",
    "string auto_converge.state throttling",
    "string auto_converge.policy adaptive",
))

SITE = """[default]
max-downtime = 700ms

[policy batch]
preset = stepped
stall = 4
"""


class CommandTest(VirshTest):
    def setUp(self):
        super().setUp()
        self.conf = self.path("none.conf")

    def environment(self, **extra):
        return super().environment(**{"VIRT_CONVERGE_CONF": self.conf, **extra})

    def file(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        os.chmod(self.path(name), 0o644)    # whatever the umask
        return self.path(name)

    def quiet(self, *args, **extra):
        return self.ours("-q", *args, **extra)

    def rows(self, *args, **extra):
        """The output of converge-explain: field -> (value, layer)."""
        code, out, err = self.quiet(*args, **extra)
        self.assertEqual((code, err), (0, ""))
        rows = [line.split(None, 3) for line in out.splitlines()]
        self.assertTrue(all(len(row) == 4 for row in rows), out)
        return {row[0]: (row[1], row[2]) for row in rows}

    def assertFails(self, done, message):
        self.assertEqual(done, (1, "", "error: " + message + "\n"))


class Modes(CommandTest):
    """A command does the same in every way that virsh can be used."""

    LINES = ["converge-presets", "converge-explain xen,when=always", "help converge-set",
             "converge-set --help", "help converge", "help --command converge-show",
             "converge-set test adaptive,max-throttle=80", "converge-explain --domain test"]

    def test_everywhere(self):
        for line in self.LINES:
            with self.subTest(line):
                words = shlex.split(line)
                done = self.ours(*words)
                self.assertEqual((done[0], done[2]), (0, ""))
                self.assertGreater(len(done[1]), 20)
                self.assertEqual(self.ours(line), done)

                text = self.quiet(*words)[1]
                self.assertEqual(self.quiet(stdin=line + "\n"),
                                 (0, "virsh # %s\n%svirsh # \n" % (line, text), ""))
                self.assertIn("\n" + text, self.typed(LAUNCHER, [line.encode() + b"\n"])[1])

    def test_among_others(self):
        """Commands run in order, on one connection: with it the test driver forgets everything."""
        line = ("echo a; converge-set test nova; converge-show test; list; "
                "converge-clear test ;converge-show test # ; list\n; echo b")
        listed = self.stock("-q", "list")[1]
        self.assertEqual(self.quiet(line), (0, "anova\n" + listed + "b", NO_POLICY))

        typed = [part.strip() for part in line.replace("# ; list\n", "").split(";")]
        code, out, err = self.quiet(stdin="\n".join(typed) + "\n")
        self.assertEqual((code, err), (0, NO_POLICY))
        self.assertEqual([text for text in out.split("\n") if "virsh # " not in text],
                         ["nova"] + listed.split("\n"))

    def test_refused_as_a_whole(self):
        for line in ("echo a; converge-set test", "converge-presets --nope; echo a",
                     "echo a; converge-check /nonexistent"):
            with self.subTest(line):
                code, out, err = self.quiet(line)
                self.assertEqual((code, out), (1, ""))
                self.assertEqual(err.count("\n"), 1)

    def test_history(self):
        lines = ["converge-presets", "converge-show test", "converge-set test"]
        self.typed(LAUNCHER, [line.encode() + b"\n" for line in lines])
        with open(self.path(".cache/libvirt/virsh/history")) as file:
            self.assertEqual(file.read().splitlines(), lines + ["quit"])

    def test_no_host(self):
        """Without a host, commands that need none work; others fail as in virsh."""
        extra = {"VIRSH_DEFAULT_CONNECT_URI": "nonsense:///"}
        self.assertEqual(self.ours("converge-presets", **extra), self.ours("converge-presets"))
        self.assertEqual(self.ours("converge-show", "test", **extra),
                         self.stock("dominfo", "test", **extra))

    def test_no_shim(self):
        extra = {"VIRT_CONVERGE_SHIM": self.path("missing")}
        self.assertEqual(self.ours("converge-presets", **extra), self.ours("converge-presets"))
        self.assertRegex(self.ours("converge-show", "test", **extra)[2], "^error: .*missing")


class Doctor(CommandTest):
    """The command; what its checks find is in doctortest.c."""

    def test_text(self):
        code, out, err = self.quiet("converge-doctor")
        self.assertEqual((code, err), (1, "error: converge-doctor has found errors\n"))
        self.assertRegex(out, r"^Source: test:///default\n  ERROR +connection +the driver is 'TEST'")
        self.assertRegex(out, r"\nErrors: \d, warnings: \d\n$")

    def test_json(self):
        code, out, _ = self.quiet("converge-doctor test:///default --json --measure-link")
        result = json.loads(out)
        self.assertEqual(code, 1)
        found = {(one["host"], one["check"]): one for one in result["checks"]}
        self.assertEqual(result["errors"], [one["level"] for one in result["checks"]].count("error"))
        self.assertEqual(found["destination", "connection"]["level"], "error")
        self.assertEqual(found["destination", "link"]["level"], "hidden")

    def test_unreachable(self):
        code, out, err = self.quiet("converge-doctor", "qemu+tcp://127.0.0.1:1/system")
        self.assertEqual((code, err), (1, "error: converge-doctor has found errors\n"))
        self.assertRegex(out, r"\nDestination: qemu\+tcp://127.0.0.1:1/system\n"
                              r"  ERROR +connection +the host cannot be reached: .*refused.*\n +-> ")

    def test_configuration(self):
        """Files are looked at on this host alone, and nothing is said twice."""
        out = self.quiet("converge-doctor", VIRSH_FAKE_URI="qemu+tcp://elsewhere/system")[1]
        self.assertIn("not visible from here: daemon, drop-in, preload, configuration,", out.replace("\n", " "))
        self.assertEqual(out.count("not visible"), 1)
        self.assertNotIn("configuration  ", out)

    def test_link_without_destination(self):
        code, out, err = self.quiet("converge-doctor", "--measure-link")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("allowed: with --desturi", err)

    def test_stock_command(self):
        self.assertEqual(self.ours("domcapabilities", "--virttype", "test"),
                         self.stock("domcapabilities", "--virttype", "test"))


class History(CommandTest):
    """The command; how records are read is in historytest.c."""

    DONE = {"outcome": "done", "guest": "web", "uuid": "b5b5e1e2-0000-4000-8000-000000000001",
            "from": "alpha", "to": "beta", "policy": "adaptive,max-throttle=80",
            "begin_ms": 1700000000000, "end_ms": 1700000012300, "total_ms": 12300, "passes": 5,
            "bytes": 1 << 30, "downtime_limit_ms": 300, "downtime_predicted_ms": 241,
            "downtime_ms": 245, "lost_ms": 4000, "strongest_throttle": 80, "strongest_ms": 3100,
            "held_ms": 0, "reason": "because", "plan": "throttle 80 %", "plan_at_ms": 4100,
            "plan_converges": 1, "plan_total_ms": 12000, "plan_total_ms_least": 9000,
            "plan_total_ms_most": 160000, "plan_lost_ms": 3900, "plan_lost_ms_least": 2000,
            "plan_lost_ms_most": 6000, "plan_downtime_ms": 241, "plan_downtime_ms_least": 200,
            "plan_downtime_ms_most": 300,
            "fields": [{"name": "max-throttle", "value": "80", "layer": "call"},
                       {"name": "throttle", "value": "adaptive", "layer": "preset"}]}

    ROWS = ["    1 2023-11-14 22:13 web                done            12.3     245     4.0",
            "    2 2023-11-14 22:14 a\\x1bguest         aborted            -       -       -",
            "    3 2023-11-14 22:15 a very long name,… done            12.3     245     4.0",
            "    4 2023-11-14 22:16 beyond             done            12.3     245     4.0"]

    def setUp(self):
        super().setUp()
        self.history = self.path("history")
        os.mkdir(self.history, 0o700)
        self.put(1, self.DONE)
        self.put(2, {"outcome": "aborted", "guest": "a\x1bguest", "begin_ms": 1700000060000,
                     "error": "operation aborted: canceled by client", "fields": []})
        self.put(3, {**self.DONE, "observed": True, "guest": "a very long name, longer than its column",
                     "begin_ms": 1700000120000})
        self.put(4, {**self.DONE, "observed": True, "guest": "beyond", "begin_ms": 1700000180000,
                     "plan_converges": 0, "plan": "pause the guest"})

    def put(self, number, entry):
        text = json.dumps({"version": 1, "id": number, "observed": False, **entry})
        self.file(os.path.join("history", f"{number}.json"), text)

    def environment(self, **extra):
        return super().environment(**{"VIRT_CONVERGE_HISTORY": self.path("history"), "TZ": "UTC",
                                      **extra})

    def history_of(self, *words, **extra):
        code, out, err = self.quiet("converge-history", *words, **extra)
        self.assertEqual((code, err), (0, ""))
        return out.rstrip("\n").splitlines()

    def test_list(self):
        heading = "   ID Begin            Guest              Outcome      Total s Down ms  Lost s"
        self.assertEqual(self.history_of(), [heading, *self.ROWS])
        self.assertLessEqual(max(map(len, self.history_of())), 80)
        for words, rows in (
                (["web"], [0]), (["--domain", self.DONE["uuid"]], [0, 2, 3]), (["nobody"], []),
                (["--failed"], [1]), (["--since", "2023-11-14 22:15"], [2, 3]),
                (["--since", "2023-11-15"], []), (["--since", "99999d"], [0, 1, 2, 3]),
                (["--since=1min"], []), (["web", "--failed"], [])):
            with self.subTest(words):
                self.assertEqual(self.history_of(*words), [heading] + [self.ROWS[i] for i in rows])

    def test_observed(self):
        self.assertEqual(self.history_of("--observed"), [
            "   ID Guest                                Total s        Down ms         Lost s",
            "    3 a very long name,… stock                12.3            245            4.0",
            "                         policy     12.0 (9.0-160)  241 (200-300)  3.9 (2.0-6.0)",
            "    4 beyond             stock                12.3            245            4.0",
            "                         policy     pause the guest",
            "    1 in all, with both  stock                12.3            245            4.0",
            "                         policy               12.0            241            3.9"])

    def test_story(self):
        story = self.history_of("--id", "1")
        self.assertEqual(story[0], "Migration 1 of 'web' from 'alpha' to 'beta': done")
        for line in ("  stated     max-throttle=80 (call)",
                     "  downtime   245 ms; allowed: 300 ms; predicted: 241 ms",
                     "  throttle   80 % for 3.1 s at the strongest; 90 % or more for 0.0 s",
                     "  plan       4.1 s after the first byte: throttle 80 %",
                     "  took       12.3 s from the first byte on; passes: 5, sent: 1.0\xa0GiB"):
            self.assertIn(line, story)
        self.assertIn("  error      operation aborted: canceled by client", self.history_of("--id=2"))
        self.assertIn("  mode       the policy observed, and did nothing to the guest",
                      self.history_of("--id=3"))
        unknown = ("downtime_limit_ms", "downtime_predicted_ms")
        self.put(1, {name: value for name, value in self.DONE.items() if name not in unknown})
        self.assertIn("  downtime   245 ms", self.history_of("--id=1"))
        self.assertFails(self.quiet("converge-history --id 9"), "there is no migration 9 in the history")

    def test_journal(self):
        """What was decided follows the story, as virt-converge-journal prints it."""
        self.file("virt-converge-journal", "#!/bin/sh\nbasename \"$1\"\n")
        os.chmod(self.path("virt-converge-journal"), 0o755)
        path = os.path.dirname(self.path("x")) + ":" + os.environ["PATH"]
        self.put(1, {**self.DONE, "journal": "../../web.jsonl"})
        out = self.history_of("--id", "1", PATH=path)
        self.assertEqual(out[-2:], ["", "web.jsonl"])

        self.file("virt-converge-journal", "#!/bin/sh\nexit 1\n")
        code, out, err = self.quiet("converge-history", "--id", "1", PATH=path)
        self.assertEqual((code, "web.jsonl' cannot be printed" in err), (0, True), err)

    def test_json(self):
        code, out, err = self.quiet("converge-history", "--json")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual([entry["id"] for entry in json.loads(out)], [1, 2, 3, 4])
        self.assertEqual(json.loads(out)[0], {"version": 1, "id": 1, "observed": False, **self.DONE})
        self.assertEqual(json.loads(self.quiet("converge-history", "--json", "nobody")[1]), [])

    def test_damaged(self):
        self.file("history/5.json", '{"version":1,"id":5,"outcome":"do')
        self.file("history/6.json", " " * (4 << 20))
        code, out, err = self.quiet("converge-history")
        self.assertEqual((code, out.rstrip("\n").splitlines()[1:]), (0, self.ROWS))
        self.assertEqual(err, "warning: records of the history that are damaged or cannot be read, and are skipped: 2\n")

    def test_unreadable(self):
        code, out, err = self.quiet("converge-history", VIRT_CONVERGE_HISTORY=self.path("no"))
        self.assertEqual((code, len(out.rstrip("\n").splitlines()), err), (0, 1, ""))
        os.chmod(self.history, 0o777)
        self.assertFails(self.quiet("converge-history"),
                         f"cannot read the history of migrations in '{self.history}': "
                         "it is not this user's own, or others may write to it")

    def test_wrong(self):
        for words in (["--id", "0"], ["--id", "x"], ["--since", "yesterday"], ["--since", "2026-13-01"],
                      ["--since", "5"], ["--since", "-1h"]):
            with self.subTest(words):
                code, out, err = self.quiet("converge-history", *words)
                self.assertEqual((code, out), (1, ""))
                self.assertIn(f"invalid value '{words[1]}' of option {words[0]}; allowed: ", err)

    def test_elsewhere(self):
        """What another host tells needs its module, and guests that it has."""
        remote = {"VIRSH_FAKE_URI": "qemu+tcp://elsewhere/system"}
        self.assertFails(self.quiet("converge-history", "test", **remote),
                         "the host has no virt-converge module, or one that keeps no history")
        code, out, err = self.quiet("converge-history", "gone", **remote)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("the host 'elsewhere' has no guest 'gone' now; of a guest that has left", err)


class Domain(CommandTest):
    def test_round_trip(self):
        for policy in ("adaptive", "nova,max-throttle=80,fallback=post-copy+suspend,when=always"):
            with self.subTest(policy):
                done = self.ours("converge-set test %s; converge-show test; "
                                 "converge-clear test; converge-show test" % policy)
                self.assertEqual(done, (1, "%s\n%s\n\n%s\n\n" % (SET, policy, CLEARED), NO_POLICY))

    def test_in_the_xml(self):
        out = self.quiet("converge-set test xen,when=always,stall=3; dumpxml test")[1]
        self.assertRegex(out, r'<converge:policy xmlns:converge="https://virt-converge.org/xmlns/'
                              r'policy/1.0" preset="xen" when="always">')
        self.assertIn("<converge:stall>3</converge:stall>", out)

    def test_other_metadata(self):
        """Other metadata is neither shown nor touched."""
        code, out, err = self.quiet("metadata test urn:x --key x --set '<a/>'; converge-set test xen; "
                                    "converge-clear test; metadata test urn:x; converge-show test")
        self.assertEqual((code, out.strip(), err), (1, "<a/>", NO_POLICY))

    def test_where(self):
        """The running domain and its configuration have a policy each."""
        one = "converge-set test nova --config; converge-show test --%s"
        self.assertEqual(self.quiet(one % "config"), (0, "nova\n", ""))
        self.assertEqual(self.quiet(one % "live"), (1, "", NO_POLICY))
        self.assertEqual(self.quiet(one % "current"), (1, "", NO_POLICY))
        both = ("converge-set test nova --live --config; converge-clear test --live; "
                "converge-show test --config; converge-show test --live")
        self.assertEqual(self.quiet(both), (1, "nova\n", NO_POLICY))

    def test_as_virsh(self):
        """virsh itself finds the domain, and checks whether it may be changed."""
        for command in ("show", "clear", "status"):
            self.assertEqual(self.ours("converge-" + command, "nobody"),
                             self.stock("metadata", "nobody", "urn:x"))
        self.assertEqual(self.ours("-r", "converge-set", "test", "xen"),
                         self.stock("-r", "metadata", "test", "urn:x", "--key", "x", "--set", "<a/>"))
        self.assertEqual(self.ours("converge-show", "test", "--live", "--current"),
                         self.stock("metadata", "test", "urn:x", "--live", "--current"))
        self.assertEqual(self.quiet("converge-set 1 xen; converge-show 1"), (0, "xen\n", ""))

    def test_not_stored(self):
        for policy in ("nonsense", "adaptive,nope=1", "adaptive,max-throttle=100", "",
                       "adaptive,initial-downtime=2s"):
            with self.subTest(policy):
                code, out, err = self.quiet("converge-set", "test", policy)
                self.assertEqual((code, out), (1, ""))
                self.assertRegex(err, "^error: [^\n]+\n$")
                self.assertNotIn("converge", self.quiet(
                    stdin="converge-set test '%s'\ndumpxml test\n" % policy)[1].split("<domain")[1])

    def test_what_others_wrote(self):
        set_by_hand = "metadata test https://virt-converge.org/xmlns/policy/1.0 --key converge --set %s; "
        for command in ("converge-show test", "converge-explain --domain test"):
            code, out, err = self.quiet(set_by_hand % "'<policy nope=\"1\"/>'" + command)
            self.assertEqual((code, out), (1, ""))
            self.assertRegex(err, "^error: .*nope.*\n$")
        done = self.quiet(set_by_hand % "'<policy preset=\"elsewhere\"/>'" + "converge-show test")
        self.assertEqual(done, (0, "elsewhere\n", ""))

    def test_status(self):
        done = self.fake("converge-status", "test")
        self.assertEqual(done, (0, "module: not loaded\n\n", ""))
        done = self.fake("converge-status", "test", VIRSH_FAKE_MODULE="1")
        self.assertEqual(done, (0, "module: 1\n\n", ""))
        done = self.fake("converge-status", "test", VIRSH_FAKE_MODULE="1", VIRSH_FAKE_STATUS=STATUS)
        self.assertEqual(done[1].splitlines(), [
            "module: 1", "policy: adaptive", "state: throttling", "reason: because",
            "throttle_target: 60 %", "downtime_limit: 300 ms", "bandwidth: 100.0 MiB/s",
            "working_set: 1.5 GiB", ""])
        self.assertRegex(self.ours("converge-status", "test")[2], "^error: this function is not supp")

    def test_status_json(self):
        done = self.fake("converge-status", "test", "--json")
        self.assertEqual((done[0], json.loads(done[1])), (0, {}))
        done = self.fake("converge-status", "test", "--json", VIRSH_FAKE_MODULE="1", VIRSH_FAKE_STATUS=STATUS)
        self.assertEqual(json.loads(done[1]), {
            "module": "1", "policy": "adaptive", "state": "throttling", "reason": "because", "throttle_target": 60,
            "downtime_limit": 300, "bandwidth": 104857600, "working_set": 1610612736})

    def test_json(self):
        """The same data as the text, for programs."""
        self.conf = self.file("json.conf", "[rule small]\nmatch-memory = <1TiB\nstall = 2\nlock = stall\n"
                                           "[policy gold]\npreset = xen\npasses = 7\n")
        texts = self.rows("converge-explain", "xen,deadline=10s/GiB")
        told = json.loads(self.quiet("converge-explain", "xen,deadline=10s/GiB", "--json")[1])
        self.assertEqual(told["preset"], "xen")
        self.assertNotIn("rule", told)
        self.assertEqual({row["name"]: (row["value"], row["layer"]) for row in told["fields"]}, texts)
        told = json.loads(self.quiet("converge-explain", "--domain", "test", "xen,deadline=10s/GiB", "--json")[1])
        self.assertEqual((told["rule"], told["rule_place"]), ("small", self.conf + ":1"))
        fields = {row["name"]: row for row in told["fields"]}
        self.assertEqual((fields["stall"]["value"], fields["stall"]["layer"]), ("2", "host-lock"))
        # The domain of the test driver has 8 GiB.
        self.assertEqual((fields["deadline"]["value"], fields["deadline"]["stated"]), ("80s", "10s/GiB"))

        policies = {row["name"]: row for row in json.loads(self.quiet("converge-presets", "--json")[1])["policies"]}
        self.assertEqual(list(policies), [line.split()[0] for line in self.quiet("converge-presets")[1].splitlines()
                                          if not line.startswith(" ")])
        self.assertEqual(policies["xen"]["fields"]["passes"], "5")
        self.assertEqual(policies["gold"], {"name": "gold", "preset": "xen", "fields": {"passes": "7"}, "layer": "host"})

        code, out, err = self.quiet("converge-set test xen,stall=3; converge-show test --json")
        self.assertEqual(json.loads(out), {"preset": "xen", "fields": {"stall": "3"}})

    def test_for_each_gib(self):
        out = self.quiet("converge-explain", "--domain", "test", "xen,deadline=10s/GiB")[1]
        self.assertRegex(out, r"(?m)^deadline +80s +call .*(\n .*)*\(10s/GiB\)")
        self.assertEqual(self.rows("converge-explain", "xen,deadline=10s/GiB")["deadline"], ("10s/GiB", "call"))

    def test_status_at_the_destination(self):
        """A guest that has come by migration brings nothing along; the user learns where to look."""
        done = self.fake("converge-status", "test", VIRSH_FAKE_MODULE="1", VIRSH_FAKE_STATUS="int operation 4")
        self.assertEqual(done[:2], (0, "module: 1\n\n"))
        self.assertRegex(done[2], "^note: [^\n]*virt-converge-journal[^\n]*\n$")
        done = self.fake("converge-status", "test", VIRSH_FAKE_MODULE="1", VIRSH_FAKE_STATUS="int operation 5")
        self.assertEqual(done, (0, "module: 1\n\n", ""))

    def test_escapes(self):
        """Text from others is printed as one line that is harmless to a terminal."""
        done = self.fake("converge-status", "test", VIRSH_FAKE_MODULE="1",
                         VIRSH_FAKE_STATUS="string auto_converge.reason a\nstate: \x1b[31mforged\u202e")
        self.assertIn("reason: a\\x0astate: \\x1b[31mforged\\u{202e}", done[1].splitlines())
        for how in (["migrate", "--live", "--converge-policy", "a\x1b[31m\nb", "c", "d"],
                    ["migrate --live --converge-policy 'a\x1b[31m\nb' c d"]):
            code, out, err = self.quiet(*how)
            self.assertEqual((code, out), (1, ""))
            self.assertRegex(err, r"^error: .*'a\\x1b\[31m\\x0ab'.*\n$")
        conf = self.file("x\x1b", "x\x1b\n")
        err = self.quiet("converge-presets", VIRT_CONVERGE_CONF=conf)[2]
        self.assertRegex(err, r"^warning: .*x\\x1b.*\n$")

    def test_escapes_of_shim(self):
        err = self.quiet(stdin="migrate --live --converge-policy 'a\x9bb' c d\n")[2]
        self.assertIn("'a\\x9bb'", err)


class Local(CommandTest):
    def test_presets(self):
        code, out, err = self.quiet("converge-presets")
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^adaptive +predict, ")
        names = [line.split()[0] for line in out.splitlines()]
        self.assertGreater(len(names), 10)

        fields = self.quiet("converge-presets", "--fields")[1].splitlines()
        self.assertEqual(fields[::2], out.splitlines())
        for name, stated in zip(names, fields[1::2]):
            rows = self.rows("converge-explain", name)
            for field, value in (part.split("=") for part in stated.strip().split(",")):
                self.assertEqual(rows[field][1], "preset", name + " " + field)
                if "min" not in rows[field][0] and value != "60s":
                    self.assertEqual(rows[field][0], value, name + " " + field)

    def on_terminal(self, columns, *args):
        """What a command prints on a terminal."""
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
        process = subprocess.Popen(["virsh", "-q", *args], executable=LAUNCHER, stdin=subprocess.DEVNULL,
                                   stdout=theirs, env=self.environment())
        os.close(theirs)
        shown = self.read_until(ours, None)
        os.close(ours)
        self.assertEqual(process.wait(), 0)
        return shown.decode().replace("\r\n", "\n")

    def test_width(self):
        """Tables fit a terminal of 80 columns; in a pipe each row is a line."""
        for args in (["converge-presets"], ["converge-presets", "--fields"], ["converge-explain"],
                     ["converge-explain", "--domain", "test"]):
            with self.subTest(args):
                piped = self.quiet(*args)[1]
                shown = self.on_terminal(80, *args)
                self.assertGreater(max(map(len, piped.splitlines())), 100)
                self.assertLessEqual(max(map(len, shown.splitlines())), 80)
                self.assertEqual(re.sub(r",\s+", ",", shown).split(), re.sub(r",\s+", ",", piped).split())
                self.assertEqual(self.on_terminal(0, *args), piped)

    def test_site(self):
        before = self.quiet("converge-presets")[1]
        self.conf = self.file("site.conf", SITE)
        out = self.quiet("converge-presets", "--fields")[1]
        self.assertTrue(out.endswith("batch                    policy of this host, builds on stepped\n"
                                     "    stepped,stall=4\n"), out)
        self.assertEqual(self.quiet("converge-presets")[1].splitlines()[:-1], before.splitlines())
        self.assertEqual(self.quiet("converge-set test batch; converge-show test"),
                         (0, "batch\n", ""))
        self.assertEqual(self.rows("converge-explain", "batch")["stall"], ("4", "host"))

    def test_broken_site(self):
        self.conf = self.file("broken.conf", "[default]\nnope = 1\n")
        code, out, err = self.quiet("converge-presets")
        self.assertEqual((code, out[:8]), (0, "adaptive"))
        self.assertRegex(err, "^warning: .*broken.conf:2: .*nope")
        code, out, err = self.quiet("converge-explain")
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, "^error: .*broken.conf:2: .*nope")

    def test_warning(self):
        code, out, err = self.quiet("converge-explain", "adaptive,actuator=dirty-limit")
        self.assertEqual((code, out.count("\n")), (0, self.quiet("converge-explain")[1].count("\n")))
        self.assertRegex(err, "^warning: actuator=dirty-limit [^\n]* corrupt memory [^\n]*\n$")

    def test_layers(self):
        self.conf = self.file("site.conf", SITE)
        rows = self.rows("converge-explain")
        self.assertEqual(rows["max-downtime"], ("700ms", "host"))
        self.assertEqual(rows["throttle"], ("adaptive", "preset"))
        self.assertEqual(rows["stall"], ("none", "built-in"))
        self.assertEqual(self.rows("converge-explain", "adaptive,max-downtime=1s")["max-downtime"],
                         ("1s", "call"))

        with_domain = "converge-set test nova,max-throttle=70; converge-explain --domain test"
        rows = self.rows(with_domain)
        self.assertEqual(rows["max-throttle"], ("70", "domain"))
        self.assertEqual(rows["max-downtime"], ("700ms", "host"))
        self.assertEqual(rows["downtime"], ("ramp", "preset"))
        rows = self.rows(with_domain + " xen,max-throttle=60")
        self.assertEqual(rows["max-throttle"], ("60", "call"))
        self.assertEqual(rows["passes"], ("5", "preset"))

    def test_limits(self):
        with_domain = "converge-set test suspend,max-downtime=20s; converge-explain --domain test"
        rows = self.rows(with_domain)
        self.assertEqual(rows["max-downtime"], ("5s", "host-limit"))
        self.assertEqual(rows["fallback"], ("continue", "host-limit"))
        self.assertEqual(rows["passes"], ("1", "preset"))

        self.conf = self.file("limits.conf", "[limits]\nmax-throttle = 80\n[domain-limits]\nfallback = suspend\n")
        rows = self.rows(with_domain)
        self.assertEqual(rows["fallback"], ("suspend", "preset"))
        self.assertEqual(rows["max-throttle"], ("80", "host-limit"))
        self.assertFails(self.quiet("converge-explain", "adaptive,max-throttle=90"),
                         "field 'max-throttle' of the converge policy has the value '90', which is beyond "
                         "the limit in the configuration of the host; allowed: no more than '80'")
        # A domain may not hasten a fallback that others ask for.
        self.conf = self.file("triggers.conf", "[default]\nfallback = abort\ndeadline = 10min\n")
        rows = self.rows(with_domain)
        self.assertEqual(rows["fallback"], ("abort", "host"))
        self.assertEqual(rows["passes"], ("none", "host-limit"))
        self.assertEqual(rows["deadline"], ("10min", "host"))

        # Another host may have other limits.
        self.assertEqual(self.quiet("converge-set", "test", "adaptive,max-throttle=90")[0], 0)

    def test_locks(self):
        self.conf = self.file("locks.conf", "[default]\nmax-throttle = 60\nlock = max-throttle fallback\n")
        rows = self.rows("converge-explain")
        self.assertEqual(rows["max-throttle"], ("60", "host-lock"))
        self.assertEqual(rows["fallback"], ("continue", "host-lock"))
        self.assertFails(self.quiet("converge-explain", "adaptive,max-throttle=50"),
                         "field 'max-throttle' of the converge policy has the value '50', but the configuration "
                         "of the host locks it; allowed: '60'")
        code, out, err = self.quiet("converge-set test adaptive,max-throttle=50; converge-explain --domain test")
        self.assertEqual((code, err),
                         (0, "note: the host locks field 'max-throttle'; the domain's value is ignored\n"))
        self.assertRegex(out, "(?m)^max-throttle +60 +host-lock ")

    def test_rules(self):
        """The rule that applies to a domain has a row of its own, with its line of the file."""
        self.conf = self.file("rules.conf", "[rule web]\nmatch-name = web-*\nstall = 1\n"
                                            "[rule small]\nmatch-memory = <1TiB\nstall = 2\n")
        rows = self.rows("converge-explain", "--domain", "test")
        self.assertEqual(rows["rule"], ("small", "host"))
        self.assertEqual(rows["stall"], ("2", "rule"))
        self.assertRegex(self.quiet("converge-explain", "--domain", "test")[1],
                         r"^rule +small +host +%s:4\n" % re.escape(self.conf))
        rows = self.rows("converge-set test adaptive,stall=3; converge-explain --domain test")
        self.assertEqual(rows["stall"], ("3", "domain"))
        self.assertNotIn("rule", self.rows("converge-explain"))
        self.conf = self.file("rules.conf", "[rule web]\nmatch-name = web-*\nstall = 1\n")
        self.assertNotIn("rule", self.rows("converge-explain", "--domain", "test"))

    def test_domain_without(self):
        self.assertEqual(self.rows("converge-explain", "--domain", "test"),
                         self.rows("converge-explain"))

    def test_another_host(self):
        """The other host's configuration is not available, and its policies have other names."""
        for uri, host in (("qemu+ssh://root@elsewhere/system", "elsewhere"),
                          ("qemu+tls://[2001:db8::1]:16514/system", "2001:db8::1"),
                          ("qemu:///system", None), ("qemu+ssh://localhost/system", None)):
            with self.subTest(uri):
                done = self.quiet("converge-explain", "--domain", "test", VIRSH_FAKE_URI=uri)
                note = "note: the layer of the host is that of this machine, not of '%s'\n" % host
                self.assertEqual((done[0], done[2]), (0, note if host else ""))
                code, out, err = self.quiet("converge-set test theirs; converge-show test",
                                            VIRSH_FAKE_URI=uri)
                self.assertEqual((code, out), (0, "theirs\n") if host else (1, ""))
                self.assertRegex(err, "^warning: .*'theirs'.*\n$" if host else "^error: .*'theirs'")

    def test_check(self):
        policy = '<policy xmlns="https://virt-converge.org/xmlns/policy/1.0"%s/>\n'
        for name, text in (("a.conf", SITE), ("plain", SITE), ("empty", ""),
                           ("a.xml", policy % ""), ("xml", "\n" + policy % ' preset="xen"')):
            self.assertEqual(self.quiet("converge-check", self.file(name, text)), (0, "OK\n", ""))
        for name, text, message in (
                ("b.conf", SITE + "nope = 1\n", "b.conf:7: .*nope"),
                ("b", "x\n", "b:1: "),
                ("b.xml", policy % ' preset="nonsense"', "b.xml: .*nonsense"),
                ("c.xml", policy % ' nope="x"', "c.xml: .*nope"),
                ("d.xml", SITE, "d.xml: "),
                ("e.conf", policy % "", "e.conf:1: "),
                ("f.xml", policy % "" + "\0", "f.xml' is not XML"),
                ("bxml", "<a>", "bxml: ")):
            with self.subTest(name):
                code, out, err = self.quiet("converge-check", self.file(name, text))
                self.assertEqual((code, out), (1, ""))
                self.assertRegex(err, "^error: .*/?" + message)
        self.assertEqual(self.quiet("converge-check", "/nonexistent")[0], 1)


class Evacuate(CommandTest):
    """From the test driver's host to another one of it, which migrations only pretend to reach."""

    def evacuate(self, *words, dirty="40", destination=None, **extra):
        other = "test://" + self.file("node.xml", "<node/>")
        return self.quiet("converge-evacuate", destination or other, *words, VIRSH_FAKE_DIRTY=dirty,
                          VIRSH_FAKE_QUICK=dirty, VIRSH_FAKE_KVM="other", **{"VIRSH_FAKE_REAL": None, **extra})

    def result(self, *words, code=0, **extra):
        done = self.evacuate("--link", "1000", "--json", *words, **extra)
        start, end = done[1].index("{"), done[1].rindex("}")
        self.assertEqual(done[0], code, done)
        return json.loads(done[1][start:end + 1]), done[1][:start] + done[2]

    def test_plan(self):
        plan, _ = self.result("--dry-run", "--priority", "x*=90", "--priority", "t?st=70", VIRSH_FAKE_MODULE="1")
        guest, = plan["guests"]
        self.assertEqual((guest["guest"], guest["priority"], guest["policy"]), ("test", 70, "adaptive,link=turns"))
        self.assertEqual((plan["module"], plan["parallel"], plan["bandwidth"]), (True, 2, 1000 << 20))
        self.assertEqual(plan["notes"], ["the pattern 'x*' of option --priority matches no guest"])
        self.assertNotIn("result", guest)
        self.assertGreaterEqual(plan["total_ms"], plan["total_bound_ms"])

    def test_no_module(self):
        plan, _ = self.result("--dry-run", "--converge-policy", "cheapest")
        self.assertEqual((plan["module"], plan["parallel"]), (False, 1))
        self.assertEqual(plan["guests"][0]["policy"], "cheapest")
        self.assertIn("the source has no virt-converge module", plan["notes"][0])

    def test_stays(self):
        """Neither of these would end; and nobody migrates what is excluded."""
        for words, stays, code in ((["--converge-policy", "adaptive,max-throttle=20,max-downtime=10ms"], "hopeless", 1),
                                   (["--exclude", "te*"], "excluded", 0)):
            plan, said = self.result("--yes", *words, code=code, dirty="9000", VIRSH_FAKE_MODULE="1")
            self.assertEqual([row["stays"] for row in plan["guests"]], [stays])
            self.assertNotIn("virDomainMigrate", said)

    def test_blocked(self):
        """What libvirt or QEMU says keeps a guest here."""
        for extra, words, stays, why in (
                ({"VIRSH_FAKE_BLOCKED": "a device"}, [], "device", "a device"),
                ({"VIRSH_FAKE_BLOCKED": "a device"}, ["--seconds", "5"], None, None),
                ({"VIRSH_FAKE_JOB": "1"}, [], "busy", "another job of the guest runs")):
            code, out, _ = self.evacuate("--link", "1000", "--json", "--dry-run", *words, VIRSH_FAKE_MODULE="1", **extra)
            guest, = json.loads(out)["guests"]
            self.assertEqual((code, guest.get("stays"), guest.get("why")), (0, stays, why))

    def test_run(self):
        came, said = self.result("--yes", "--persistent", "--bandwidth", "7", VIRSH_FAKE_MODULE="1")
        self.assertEqual([(row["result"], row["tries"]) for row in came["guests"]], [("done", 1)])
        self.assertIn("virDomainMigrate3", said)
        self.assertIn("adaptive,link=turns", said)
        self.assertRegex(said, r"flags=0x[0-9a-f]*9 ")       # live and persistent
        self.assertIn(" bandwidth", said)

    def test_tried_again(self):
        came, said = self.result("--yes", "--p2p", code=1, VIRSH_FAKE_MODULE="1", VIRSH_FAKE_REFUSE="1")
        self.assertEqual([(row["result"], row["tries"]) for row in came["guests"]], [("failed", 2)])
        self.assertEqual(said.count("virDomainMigrateToURI3"), 2)
        self.assertIn("not all guests have left", said)

    def test_asked(self):
        for answer, migrated in ((b"y\n", True), (b"\n", False)):
            line = "converge-evacuate test://%s --link 1000\n" % self.file("node.xml", "<node/>")
            out = self.typed(LAUNCHER, [line.encode() + answer], VIRSH_FAKE_QUICK="40", VIRSH_FAKE_KVM="other",
                             VIRSH_FAKE_MODULE="1", VIRSH_FAKE_REAL=None)[1]
            self.assertIn("Carry the plan out?", out)
            self.assertEqual("virDomainMigrate3" in out, migrated, out)

    def three(self):
        """A host with three guests."""
        guest = ("<domain type='test'><name>%s</name><uuid>00000000-0000-0000-0000-00000000000%d</uuid>"
                 "<memory>%d</memory><os><type>hvm</type></os></domain>")
        text = "".join(guest % row for row in (("a", 1, 1 << 20), ("b", 2, 3 << 20), ("c", 3, 2 << 20)))
        return "test://" + self.file("three.xml", "<node>%s</node>" % text)

    def test_order(self):
        for words, order in (([], "acb"), (["--priority", "b=60"], "bac"), (["--match", "[a]", "--match", "?"], "acb"),
                             (["--match", "a", "--match", "b"], "ab")):
            plan, _ = self.result("--dry-run", *words, VIRSH_DEFAULT_CONNECT_URI=self.three(), VIRSH_FAKE_MODULE="1")
            self.assertEqual("".join(row["guest"] for row in plan["guests"]), order)

    def test_interrupted(self):
        """Ctrl-C: the migration that runs is finished, and no other begins."""
        words = ["converge-evacuate", "test://" + self.file("node.xml", "<node/>"), "--yes", "--p2p", "--json", "--link",
                 "1000", "--parallel", "1"]
        env = self.environment(VIRSH_DEFAULT_CONNECT_URI=self.three(), VIRSH_FAKE_REAL=None, VIRSH_FAKE_MODULE="1",
                               VIRSH_FAKE_SLOW="1", VIRSH_FAKE_QUICK="40", VIRSH_FAKE_KVM="other")
        process = subprocess.Popen(["virsh", "-q"] + words, executable=LAUNCHER, env=env, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for line in process.stderr:
            if "virDomainMigrateToURI3" in line:
                break
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertEqual([row["result"] for row in json.loads(out)["guests"]], ["done", "not-begun", "not-begun"])

    def test_second(self):
        """Two at once: the second says so, and does nothing."""
        self.assertEqual(self.result("--yes", VIRSH_FAKE_MODULE="1")[0]["guests"][0]["result"], "done")
        lock, = [name for name in os.listdir(self.path(".cache")) if name.startswith("virt-converge-evacuate-")]
        with open(self.path(".cache/" + lock)) as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            self.assertFails(self.evacuate("--yes"), "another evacuation of this host runs")

    def test_deadline(self):
        plan, said = self.result("--dry-run", "--deadline", "1s", code=1)
        self.assertEqual((plan["late_ms"], plan["in_time"]), (plan["total_ms"] - 1000, 0))
        self.assertIn("the deadline cannot be met", said)
        self.assertIn("are late (test)", said)

    def test_wrong(self):
        for words, why in (
                (["--match", "x*"], "no running guest matches --match"),
                ([], "libvirt does not know the bandwidth of the link, since no guest has a speed limit or has "
                     "migrated before; state --link")):
            self.assertFails(self.evacuate(*words), why)
        for destination, why in (("nonsense:///", "the destination 'nonsense:///' cannot be reached: "),
                                 ("test:///default", "the destination 'test:///default' is the source itself")):
            code, out, err = self.evacuate("--dry-run", destination=destination)
            self.assertEqual((code, out.strip()), (1, ""))
            self.assertIn("error: " + why, err)

    def test_refused(self):
        for words, why in (
                (["--priority", "x"], "invalid value 'x' of option --priority; allowed: PATTERN=N with a whole number, 1..100"),
                (["--priority", "x=101"], "invalid value 'x=101' of option --priority; allowed: PATTERN=N with a whole "
                                          "number, 1..100"),
                (["--deadline", "5"], "invalid value '5' of option --deadline; allowed: a time such as 90s, 10min or 2h"),
                (["--deadline", "1s/GiB"], "invalid value '1s/GiB' of option --deadline; allowed: a time such as 90s, "
                                           "10min or 2h"),
                (["--parallel", "0"], "invalid value '0' of option --parallel; allowed: a whole number, 1..64"),
                (["--json"], "option --json asks no question; allowed: with --dry-run or --yes"),
                (["--tunnelled"], "option --p2p is required by option --tunnelled"),
                (["b", "b"], "the destination 'b' is given twice; allowed: once"),
                (["b", "--migrateuri", "tcp://b"], "option --migrateuri is about one destination, and there are 2"),
                (["--match", ""], "Failed to get option 'match': Option argument is empty")):
            self.assertFails(self.evacuate(*words), why)
        self.assertFails(self.quiet("converge-evacuate"), "command 'converge-evacuate' requires <desturi> option")


class Estimate(CommandTest):
    """Estimates for a domain whose resident memory is unknown, on a host that is not asked."""

    def estimate(self, *words, dirty="40", **extra):
        return self.quiet("converge-estimate", "test", *words, VIRSH_FAKE_DIRTY=dirty, **extra)

    def result(self, *words, **extra):
        code, out, err = self.estimate("--seconds", "5", "--json", *words, **extra)
        self.assertEqual(code, 0, err)
        return json.loads(out), err.splitlines()

    def test_shape(self):
        result, said = self.result("--bandwidth", "1000")
        self.assertEqual(said, ["measure %d s, flags=0x0" % seconds for seconds in (1, 1, 2)])
        self.assertEqual(sorted(result), sorted((
            "domain", "memory", "used", "working_set", "write_rate", "measurements", "link",
            "bandwidth", "class", "class_may_be", "class_certain", "actuator", "pause_most_ms",
            "policies", "transports",
            "recommended", "why", "notes")))
        self.assertEqual((result["pause_most_ms"], result["recommended"]), (300, "adaptive"))
        self.assertEqual(result["actuator"], "qemu")
        self.assertEqual((result["domain"], result["class_may_be"], result["class_certain"]),
                         ("test", ["converges"], True))
        self.assertEqual(result["link"], {"bandwidth": 1000 << 20, "from": "stated"})
        self.assertEqual(result["memory"], 8 << 30)
        self.assertEqual([row["policy"] for row in result["policies"]],
                         [row.split()[0] for row in self.quiet("converge-presets")[1].splitlines()])
        for row in result["policies"]:
            self.assertEqual(sorted(row["total_ms"]), ["high", "low", "value"])
            self.assertGreaterEqual(row["total_ms"]["value"],
                                    result["used"]["value"] / result["bandwidth"] * 1000)

    NEW = {"VIRSH_FAKE_QEMU": "10001000", "VIRSH_FAKE_LIBVIRT": "11003000"}

    def transports(self, *words, **extra):
        result = self.result("--bandwidth", "30", *words, **extra)[0]["transports"]
        return result, {row["transport"]: row for row in result["rows"]}

    def test_transports(self):
        """The memory of the test driver's guests, all alike, compresses very well."""
        result, rows = self.transports("adaptive,cpu-budget=9,compression-level=3", **self.NEW)
        self.assertEqual(list(rows), ["plain", "multifd", "multifd-zstd", "multifd-zlib", "xbzrle"])
        self.assertEqual(result["chosen"], "multifd-zstd")
        self.assertRegex(result["text"], "transport 'multifd-zstd' with [1-4] streams: it moves [0-9]+ MB/s of memory")
        self.assertEqual(result["policy"], "adaptive,cpu-budget=9,compression-level=3")
        self.assertEqual((result["sample"]["runs"], result["sample"]["zero"]["value"]), (48, 0))
        self.assertEqual(result["sample"]["zstd"]["level"], 3)
        self.assertGreater(result["sample"]["zstd"]["ratio"], 100)
        self.assertLess(rows["multifd-zstd"]["sent"]["value"], rows["plain"]["sent"]["value"] / 20)
        self.assertLess(rows["multifd-zstd"]["total_ms"]["value"], rows["plain"]["total_ms"]["value"])
        self.assertGreater(rows["multifd-zlib"]["cpu_seconds_source"], rows["multifd-zstd"]["cpu_seconds_source"])
        self.assertEqual(rows["xbzrle"]["unpredicted"], "what it saves cannot be predicted")

    def test_transports_refused(self):
        """By versions, by a fallback of the policy, and where memory cannot be read."""
        rows = self.transports("adaptive", **{**self.NEW, "VIRSH_FAKE_LIBVIRT": "9000000"})[1]
        self.assertEqual(rows["multifd-zstd"]["unpredicted"], "'multifd-zstd' needs libvirt 9.4 on both hosts")
        self.assertIn("total_ms", rows["multifd"])
        rows = self.transports("adaptive,fallback=post-copy", **{**self.NEW, "VIRSH_FAKE_QEMU": "10000000"})[1]
        self.assertEqual(rows["multifd"]["unpredicted"],
                         "several streams and post-copy together need QEMU 10.1 on both hosts")
        result, rows = self.transports("adaptive", VIRSH_FAKE_MEMORY="none", **self.NEW)
        self.assertEqual(result["chosen"], "plain")
        self.assertIn("no other transport is sure to be faster", result["text"])
        self.assertIn("memory cannot be read", result["unsampled"])
        self.assertIn("not known how well", rows["multifd-zlib"]["unpredicted"])
        self.assertNotIn("sample", result)

    def test_transports_text(self):
        out = self.estimate("--seconds", "5", "--bandwidth", "30", "adaptive", **self.NEW)[1]
        for word in ("\nmemory       0 ", "\nzstd         ratio ", "\ntransport     streams  total",
                     "\nxbzrle        -        -", "\npolicy       adaptive", "\nchoice       transport 'multifd-zstd' with"):
            self.assertIn(word, out)
        out = self.estimate("--seconds", "5", "--bandwidth", "30", "adaptive", VIRSH_FAKE_MEMORY="none", **self.NEW)[1]
        self.assertIn("\nnote         the guest's memory was not sampled: ", out)

    def test_policies(self):
        """The policies of the domain and the site are estimated too."""
        self.conf = self.file("site.conf", SITE)
        line = ("converge-set test adaptive,max-throttle=80; converge-estimate test --json --exact "
                "--seconds 5 --bandwidth 30 --policy batch --policy adaptive,throttle=none -- adaptive")
        code, out, err = self.quiet(line, VIRSH_FAKE_DIRTY="100")
        self.assertEqual(code, 0, err)
        self.assertIn("flags=0x1\n", err)
        result = json.loads(out)
        rows = result["policies"]
        self.assertEqual([row["policy"] for row in rows],
                         ["batch", "adaptive,throttle=none", "adaptive"])
        self.assertEqual(rows[2]["peak_throttle"], 80)
        self.assertEqual(result["class"], "middle")

    def test_text(self):
        code, out, err = self.estimate("--seconds", "5", "--bandwidth", "1000", "--tls", "adaptive",
                                       VIRSH_FAKE_URI="qemu+ssh://elsewhere/system")
        self.assertEqual(code, 0, err)
        for word in ("\nclass        converges by itself\n", "\nencryption   ", "AES-256-GCM",
                     "not that of 'elsewhere'", "\nrecommended  adaptive: "):
            self.assertIn(word, out)
        self.assertNotIn("Measuring", err)
        err = self.estimate("--seconds", "5", "--bandwidth", "1000", "--verbose", "adaptive")[2]
        self.assertTrue(err.endswith("\nMeasuring for 5 s how fast 'test' writes to its memory: [100 %]\n"), err)

    QUICK = "quick 50 ms, bitmap\nquick 600 ms, bitmap\nquick 50 ms, bitmap\nquick 200 ms, bitmap\n"
    WORDS = ("--bandwidth", "1000", "--json", "adaptive")

    def test_quick(self):
        """Without a time, where the guest's QEMU can: all in less than a second."""
        for words in (self.WORDS, ("--exact", *self.WORDS)):
            code, out, err = self.estimate(*words, VIRSH_FAKE_KVM="other", VIRSH_FAKE_QUICK="300")
            self.assertEqual((code, err), (0, self.QUICK))
            result = json.loads(out)
            self.assertEqual([row["seconds"] for row in result["measurements"]], [0.05, 0.6, 0.05, 0.2])
            self.assertLess(abs(result["write_rate"]["value"] - (300 << 20)), 30 << 20)
            # Samples of pages would tell much less.
            self.assertLess(result["write_rate"]["high"] - result["write_rate"]["low"], 100 << 20)
        code, out, err = self.estimate("--verbose", "--bandwidth", "1000", "adaptive",
                                       VIRSH_FAKE_KVM="other", VIRSH_FAKE_QUICK="300")
        self.assertEqual(code, 0, err)
        self.assertIn("4 measurements, 0.9 s)", out)
        self.assertTrue(err.endswith("\nMeasuring for 0.9 s how fast 'test' writes to its memory: [100 %]\n"), err)

    def test_set_is_in_use(self):
        """A guest that becomes no more resident writes only to memory that it has written to before."""
        for rss, bounded in (("1048576 1048576", True), ("1048576 1053000", True), ("1048576 1100000", False)):
            with self.subTest(rss):
                code, out, err = self.estimate(*self.WORDS, VIRSH_FAKE_KVM="other", VIRSH_FAKE_QUICK="300",
                                               VIRSH_FAKE_RSS=rss)
                self.assertEqual(code, 0, err)
                result = json.loads(out)
                self.assertEqual(result["used"]["high"], int(rss.split()[1]) << 10)
                high = result["working_set"]["high"]
                self.assertEqual(high and round(high / (1 << 20)),
                                 round(result["used"]["high"] / (1 << 20)) if bounded else None)

    def test_not_quick(self):
        """As before, which this host's QEMU cannot do either."""
        kvm = {"VIRSH_FAKE_KVM": "usual", "VIRSH_FAKE_QUICK": "300"}
        for words, extra, tried in (
                (("--seconds", "5"), kvm, ""),
                ((), {"VIRSH_FAKE_QUICK": "300"}, ""),
                ((), {**kvm, "VIRSH_FAKE_QEMU": "8001999"}, ""),
                ((), {**kvm, "VIRSH_FAKE_JOB": "1"}, ""),
                ((), {**kvm, "VIRSH_FAKE_QUICK": "none"}, "quick 50 ms, bitmap\n")):
            with self.subTest((words, extra)):
                code, _, err = self.estimate(*words, *self.WORDS, dirty="none",
                                             **{"VIRSH_FAKE_QEMU": "8002000", **extra})
                self.assertEqual(code, 1)
                self.assertRegex(err, f"^{tried}measure 1 s, flags=0x0\nerror: QEMU did not report")
        code, _, err = self.estimate(*self.WORDS, **kvm, VIRSH_FAKE_QEMU="8002000")
        self.assertEqual((code, err), (0, self.QUICK))

    def test_guest_with_a_job(self):
        """To read the dirty log of a migration makes QEMU send memory again."""
        words = ("--seconds", "5", "--bandwidth", "1000", "adaptive")
        code, out, err = self.estimate("--exact", *words, VIRSH_FAKE_JOB="1")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("measure without --exact", err)
        self.assertNotIn("flags=", err)
        self.assertEqual(self.estimate(*words, VIRSH_FAKE_JOB="1")[0], 0)

    def test_quiet_guest(self):
        result, _ = self.result("--bandwidth", "100", "adaptive", dirty="0")
        self.assertEqual((result["class_may_be"], result["write_rate"]["value"]), (["converges"], 0))

    def test_refused_before_measuring(self):
        for words, message in (
                ("", "the bandwidth of the link is unknown.*--bandwidth"),
                ("--bandwidth 0", "invalid value '0' of option --bandwidth.*1..1048576"),
                ("--bandwidth 1.5", "invalid value '1.5' of option --bandwidth"),
                ("--bandwidth 9 --seconds 4", "invalid value '4' of option --seconds.*5..600"),
                ("--bandwidth 9 --seconds 601", "invalid value '601'"),
                ("--bandwidth 9 adaptive nonsense", "unknown preset 'nonsense'.*allowed: adaptive"),
                ("--bandwidth 9 adaptive ''", "Failed to get option 'policy'"),
                ("--bandwidth 9 'adaptive|xen'", "not a valid preset name"),
                ("--bandwidth 9 adaptive,max-throttle=100", "max-throttle.*allowed"),
                ("--bandwidth 9 --nope", "doesn't support option --nope")):
            with self.subTest(words):
                code, out, err = self.estimate(*shlex.split(words))
                self.assertEqual((code, out), (1, ""))
                self.assertRegex(err, "^error: [^\n]*%s[^\n]*\n$" % message)

    def test_failures(self):
        """Each failure prints one message."""
        code, out, err = self.estimate("--bandwidth", "9", dirty="none")
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, r"^measure 1 s, flags=0x0\nerror: QEMU did not report the dirty rate [^\n]*\n$")
        code, out, err = self.ours("converge-estimate", "test", "--bandwidth", "9")
        self.assertEqual((code, out.strip()), (1, ""))
        self.assertRegex(err, "^error: [^\n]*not supported[^\n]*\n$")
        err = self.quiet("suspend test; converge-estimate test --bandwidth 9",
                        VIRSH_FAKE_DIRTY="1")[2]
        self.assertRegex(err, "error: domain 'test' is not running")


class Usage(CommandTest):
    CASES = [
        ("converge-set", "command 'converge-set' requires <domain> option"),
        ("converge-set test", "command 'converge-set' requires <policy> option"),
        ("converge-set test xen more", "unexpected data 'more'"),
        ("converge-presets more", "unexpected data 'more'"),
        ("converge-show test --nope", "command 'converge-show' doesn't support option --nope"),
        ("converge-show test --live=1", "invalid '=' after option --live"),
        ("converge-show test --live --live", "option --live already seen"),
        ("converge-show --domain", "expected syntax: --domain <string>"),
        ("converge-show --domain=test --domain test", "option --domain already seen"),
        ("converge-explain ''", "Failed to get option 'policy': Option argument is empty"),
        ("converge-show -- --live --x", "unexpected data '--x'"),
    ]

    def test_messages(self):
        for line, message in self.CASES:
            with self.subTest(line):
                self.assertFails(self.ours(*shlex.split(line)), message)
                self.assertFails(self.ours(line), message)

    def test_wording(self):
        """The messages are those that virsh prints for a command of its own."""
        for line, message in self.CASES:
            line = line.replace("converge-show", "metadata").replace("--domain=test --domain test",
                                                                     "--domain=test --domain x")
            if line.startswith("metadata") and " -- " not in line:
                self.assertEqual(self.stock(line)[2].splitlines()[0],
                                 "error: " + message.replace("converge-show", "metadata"))

    def test_by_name(self):
        self.assertEqual(self.quiet("converge-set --policy xen --domain=test --config; "
                                    "converge-show --config -- test"), (0, "xen\n", ""))

    def test_unknown_command(self):
        for line in ("converge", "converge-", "converge-sett test xen", "help converge-", "echo converge-presets",
                     "help domain converge"):
            self.assertEqual(self.ours(line), self.stock(line))


class Help(CommandTest):
    def group(self, colon):
        text = self.quiet("help", "converge")[1]
        return text if colon else text.replace("'):\n", "')\n", 1)

    def test_lists(self):
        """The lists have one more group, and nothing else is different."""
        for args, colon in ((["help"], True), (["-h"], False), (["--help"], False)):
            stock, ours = self.stock(*args), self.ours(*args)
            self.assertEqual(ours[1].count(self.group(colon) + "\n"), 1)
            self.assertEqual((ours[0], ours[1].replace(self.group(colon) + "\n", ""), ours[2]), stock)
        self.assertIn(self.group(True), self.ours(stdin="help\n")[1])
        self.assertIn(self.group(True), self.typed(LAUNCHER, [b"help\n"])[1])
        self.assertEqual(self.ours("help; help")[1].count("'converge'"), 2)

    def test_group(self):
        lines = self.group(True).splitlines()
        self.assertEqual(lines[0], " Convergence (help keyword 'converge'):")
        self.assertEqual([line.split()[0] for line in lines[1:]], COMMANDS)

    def test_as_stock(self):
        """Layout and wording are virsh's, apart from the command's own text."""
        def shape(text, name):
            text = re.sub(r"(?s)(DESCRIPTION\n).*?\n\n", r"\1\n", text.replace(name, "NAME"))
            # libvirt 9.0 ends with an empty line, later versions do not.
            return [line for line in re.sub(r"NAME - .*", "NAME -", text.rstrip("\n")).splitlines()
                    if not re.search("SYNOPSIS|NAME <|--(uri|edit|key|set|remove)", line)]
        self.assertEqual(shape(self.ours("help", "converge-clear")[1], "converge-clear"),
                         shape(self.stock("help", "metadata")[1], "metadata"))


class Completion(CommandTest):
    def complete(self, *words):
        return self.ours("complete", "--", *words)[1].split()

    def test_words(self):
        everything = self.stock("complete", "--", "")[1].split()
        self.assertEqual(sorted(self.complete("")), sorted(everything + COMMANDS))
        for words, expected in (
                (["converge-s"], ["converge-set", "converge-show", "converge-status"]),
                (["help", "converge-st"], ["converge-status"]),
                (["converge-set", "--"], ["--domain", "--policy", "--live", "--config", "--current"]),
                (["converge-set", "--live", "--c"], ["--config", "--current"]),
                (["converge-show", ""], ["test"]),
                (["converge-show", "te"], ["test"]),
                (["converge-show", "x"], []),
                (["converge-show", "test", ""], []),
                (["converge-explain", "--domain", "t"], ["test"]),
                (["converge-explain", "ovirt-s"], ["ovirt-suspend"]),
                (["converge-estimate", "test", "xe"], ["xen"]),
                (["converge-estimate", "test", "xen", "inc"], ["incus"]),
                (["converge-estimate", "test", "xen", "--po"], ["--policy"]),
                (["converge-set", "test", "xe"], ["xen"]),
                (["converge-doctor", "--"], ["--desturi", "--json", "--measure-link"]),
                (["converge-history", "te"], ["test"]),
                (["converge-history", "--f"], ["--failed"]),
                (["converge-presets", "--"], ["--fields", "--json"])):
            with self.subTest(words):
                self.assertEqual(self.complete(*words), expected)

    def test_policy(self):
        before = ["migrate", "--live", "--converge-policy"]
        fields = [row.split()[0] for row in self.quiet("converge-explain")[1].splitlines()]
        presets = [row.split()[0] for row in self.quiet("converge-presets")[1].splitlines()]
        self.assertEqual(self.complete(*before, ""), presets)
        self.assertEqual(self.complete(*before, "xen,"), ["xen," + name + "=" for name in fields])
        self.assertEqual(self.complete(*before, "xen,passes=3,pass"), [])
        self.assertEqual(self.complete(*before, "xen,when="), ["xen,when=requested", "xen,when=always"])
        self.assertEqual(self.complete(*before, "xen,fallback=abort+s"), ["xen,fallback=abort+suspend"])
        self.assertEqual(self.complete(*before, "xen,fallback=abort+a"), [])
        self.assertEqual(self.complete(*before, "xen,nope="), [])
        self.assertEqual(self.complete("migrate", "--converge-policy=xen,thr"),
                         ["--converge-policy=xen,throttle=", "--converge-policy=xen,throttle-increment=",
                          "--converge-policy=xen,throttle-threshold=", "--converge-policy=xen,throttle-tailslow="])
        self.assertEqual(self.complete("converge-explain", "--policy=incu"), ["--policy=incus"])

        self.conf = self.file("site.conf", SITE)
        self.assertEqual(self.complete(*before, "ba"), ["batch"])

    def test_typed(self):
        for keys, shown in ((b"converge-show te\t\n", NO_POLICY),
                            (b"converge-explain xen,initial-th\t70\n", "initial-throttle     70 "),
                            (b"converge-explain xen,downtime=ra\t\n", "downtime             ramp "),
                            (b"converge-expl\tcheap\t\n", "suspend            preset")):
            with self.subTest(keys):
                # virsh knows no domains before it has a connection.
                self.assertIn(shown, self.typed(LAUNCHER, [b"list\n", keys])[1])


class ManualPages(CommandTest):
    def page(self, name):
        with open(os.path.join(MANPAGES, name)) as file:
            return file.read()

    def section(self, page, title):
        return re.search(r"(?s)\n%s\n=+\n(.*?)(?=\n[A-Z ]+\n===|$)" % title, self.page(page)).group(1)

    def terms(self, text):
        return re.findall(r"(?m)^``([^`\n]+)``$", text)

    def test_commands(self):
        text = self.section("virsh-converge.rst", "COMMANDS")
        self.assertEqual(self.terms(text), COMMANDS)
        for name, body in zip(COMMANDS, re.split(r"(?m)^``converge-[a-z]+``$", text)[1:]):
            options = re.findall(r"(?m)^    \[?(--[a-z0-9-]+)", self.quiet("help", name)[1])
            terms = re.findall(r"(?m)^  (``--.*)$", body)
            self.assertEqual(re.findall("``(--[a-z0-9-]+)``", "".join(terms)), sorted(options, key=options.index))
            self.assertIn("``%s``" % name, self.section("virsh-converge.rst", "SYNOPSIS"))

    def test_policy(self):
        fields = [row.split()[0] for row in self.quiet("converge-explain")[1].splitlines()]
        text = self.section("virt-converge-policy.rst", "FIELDS")
        self.assertEqual(self.terms(text), fields)
        for name, body in zip(fields, re.split(r"(?m)^``[^`\n]+``$", text)[1:]):
            allowed = self.quiet("converge-explain", "xen,%s=?" % name)[2].split("allowed: ")[1]
            self.assertIn("| Allowed: " + allowed, body)

        # No preset states every field, and each field is left to its built-in value by some.
        builtin = {}
        for preset in ("stepped", "suspend", "nova"):
            for row in self.quiet("converge-explain", preset)[1].splitlines():
                name, value, layer = row.split()[:3]
                if layer == "built-in":
                    builtin[name] = value
        self.assertEqual(set(builtin), set(fields))
        for name, body in zip(fields, re.split(r"(?m)^``[^`\n]+``$", text)[1:]):
            self.assertIn("| Built-in: %s\n" % builtin[name], body, name)

        lines = self.quiet("converge-presets", "--fields")[1].splitlines()
        text = self.section("virt-converge-policy.rst", "PRESETS")
        self.assertEqual(self.terms(text), [line.split()[0] for line in lines[::2]])
        joined = text.replace("``\n  | ``", "")
        for stated in lines[1::2]:
            self.assertIn("``%s``" % stated.strip(), joined)

    def test_statistics(self):
        """converge-status shows every statistic of the manual, in its order and with its unit."""
        rows = re.findall(r"(?m)^``auto_converge\.(\w+)`` \(([a-z ]+)(?:, (\S+))?\)$",
                          self.section("virt-converge-policy.rst", "JOB STATISTICS"))
        self.assertGreater(len(rows), 10)
        status, expected = [], []
        for number, (name, kind, unit) in enumerate(rows, 1):
            value = f"{name} {number}" if kind == "string" else str(number << 20)
            kind = {"unsigned long long": "ullong"}.get(kind, kind)
            status.append(f"{kind} auto_converge.{name} {value}")
            expected.append(f"{name}: " + {"": value, "bytes": f"{number}.0 MiB", "bytes/s": f"{number}.0 MiB/s"}
                            .get(unit, f"{value} {unit}"))
        done = self.fake("converge-status", "test", VIRSH_FAKE_STATUS=";".join(status))
        self.assertEqual(done, (0, "\n".join(expected) + "\n\n", ""))


if __name__ == "__main__":
    if STOCK is None:
        print("no stock virsh in PATH")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[5:])
