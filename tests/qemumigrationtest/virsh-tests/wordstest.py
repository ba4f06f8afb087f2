#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# wordstest.py: what the programs print where people speak other languages
#
# usage: wordstest.py LAUNCHER SHIM FAKE CATALOGS CONVERGE-SIM UNDO SOURCE-ROOT [unittest arguments]
#
# Every language of po/LINGUAS is tried, with a locale that is made for the test.  What users type
# (names of commands, options, presets and fields, and JSON) is the same in all of them.

import gettext
import json
import os
import re
import subprocess
import sys
import tempfile
import unicodedata
import unittest

sys.dont_write_bytecode = True      # beside the sources

from virshtest import STOCK, VirshTest  # noqa: E402

CATALOGS, SIM, UNDO, ROOT = (os.path.realpath(arg) for arg in sys.argv[4:8])

TERRITORY = {"de": "de_DE", "zh_CN": "zh_CN"}
ERROR = {"de": "Fehler: ", "zh_CN": "错误："}
WARNING = {"de": "Warnung: ", "zh_CN": "警告："}
COMMANDS = ["converge-check", "converge-clear", "converge-estimate", "converge-explain", "converge-presets",
            "converge-set", "converge-show", "converge-status"]
MIDDLE = os.path.join(ROOT, "tools/sim/scenarios/middle.ini")

with open(os.path.join(ROOT, "po/LINGUAS"), encoding="utf-8") as linguas:
    LANGUAGES = linguas.read().split()

LOCALES = tempfile.TemporaryDirectory()


def setUpModule():
    for language in LANGUAGES:
        name = TERRITORY[language]
        done = subprocess.run(["localedef", "-i", name, "-f", "UTF-8", f"{LOCALES.name}/{name}.UTF-8"],
                              capture_output=True, text=True, check=False)
        if not os.path.exists(f"{LOCALES.name}/{name}.UTF-8/LC_CTYPE"):
            raise AssertionError("no locale without the package locales: " + done.stderr)


def columns(text):
    """How many columns of a terminal the text takes."""
    return sum(0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
               for letter in text)


def find_column(line, word):
    return columns(line[:line.index(word)])


def in_each(test):
    """Runs a test in each language."""
    def run(self):
        for language in LANGUAGES:
            with self.subTest(language):
                test(self, language, {"LC_ALL": TERRITORY[language] + ".UTF-8"})
    return run


class Words(VirshTest):
    def environment(self, **extra):
        return super().environment(**{
            "LOCPATH": LOCALES.name, "VIRSH_FAKE_CATALOGS": CATALOGS,
            "VIRT_CONVERGE_CONF": self.path("none.conf"), **extra})

    def run_program(self, program, *args, **extra):
        done = subprocess.run([program, *args], env=self.environment(**extra), capture_output=True,
                              text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def assertTranslated(self, ours, english):
        """Each row of a table begins with the same words, and the rest is in another language."""
        self.assertEqual(len(ours), len(english))
        for row, original in zip(ours, english):
            self.assertEqual(row.split()[0], original.split()[0])
            self.assertNotEqual(row, original)

    @in_each
    def test_presets(self, _, locale):
        english = self.ours("-q", "converge-presets")[1].splitlines()
        code, out, err = self.ours("-q", "converge-presets", **locale)
        self.assertEqual((code, err), (0, ""))
        self.assertTranslated(out.splitlines(), english)
        for row in out.splitlines():
            self.assertEqual(find_column(row, row.split(None, 1)[1]), 25, row)

    @in_each
    def test_explain(self, _, locale):
        words = ("-q", "converge-explain", "adaptive,max-downtime=1500ms")
        english = self.ours(*words)[1].splitlines()
        code, out, err = self.ours(*words, **locale)
        self.assertEqual((code, err), (0, ""))
        self.assertTranslated(out.splitlines(), english)
        self.assertEqual([row.split()[:3] for row in out.splitlines()],
                         [row.split()[:3] for row in english])

    @in_each
    def test_narrow(self, _, locale):
        for words in (["converge-presets"], ["converge-presets", "--fields"], ["converge-explain"]):
            shown = self.on_terminal(80, *words, **locale).splitlines()
            self.assertLessEqual(max(map(columns, shown)), 80)
            self.assertGreater(max(map(columns, shown)), 70)

    @in_each
    def test_help(self, _, locale):
        for name in COMMANDS:
            english = self.ours("-q", "help", name)[1]
            code, out, err = self.ours("-q", "help", name, **locale)
            self.assertEqual((code, err), (0, ""))
            self.assertEqual(out.count("\n\n"), english.count("\n\n"))
            heads, originals = (re.findall(r"^  \S.*$", text, re.MULTILINE) for text in (out, english))
            self.assertEqual(len(heads), 4)
            text, original = (part.split("\n\n")[2] for part in (out, english))
            self.assertNotEqual(text, original)
            self.assertLessEqual(max(map(columns, text.splitlines())), 80)
            # The options and what stands before their descriptions.
            forms = re.findall(r"^    (?:\[--|--)[^ ]+(?: <string>)? *  ", english.split(originals[3])[1], re.MULTILINE)
            for form in forms:
                self.assertIn("\n" + form, out)

    @in_each
    def test_in_virsh(self, language, locale):
        """virsh's own help has our parts, wherever virsh's language puts its words."""
        out = self.ours("help", **locale)[1]
        self.assertLess(out.index("'converge'"), out.index("'domain'"))
        self.assertIn("\n    converge-set ", out)
        out = self.ours("help", "migrate", **locale)[1]
        self.assertIn(" [--auto-converge] [--converge-policy <string>]", out)
        lines = out.splitlines()
        at = [i for i, line in enumerate(lines) if line.startswith("    --auto-converge ")][0]
        self.assertRegex(lines[at + 1], "^    --converge-policy <string>  .*max-downtime=500ms$")
        self.assertNotIn("policy for convergence", lines[at + 1])
        # The shim speaks as virsh does, by libvirt's translations, where these are installed.
        code, out, err = self.ours("converge-set test adaptive; converge-show test; converge-clear test; "
                                   "converge-show test", **locale)
        self.assertEqual(code, 1)
        self.assertIn("\nadaptive\n", out)
        self.assertNotIn("Convergence policy", out)
        self.assertTrue(err.startswith(ERROR[language]), err)

    @in_each
    def test_errors(self, language, locale):
        for words, kept in (
                (["converge-explain", "adptive"], ["'adptive'", "adaptive, cheapest", "'adaptive'"]),
                (["converge-explain", "adaptive,max-throttle=200"], ["'max-throttle'", "'200'", "20..99 %"]),
                (["converge-explain", "adaptive,nope=1"], ["'nope'", "max-downtime"]),
                (["converge-set", "test", "adaptive,stall=x"], ["'stall'", "'x'"]),
                (["converge-estimate", "test", "--bandwidth", "0"], ["'0'", "--bandwidth", "1..1048576"]),
                (["converge-explain", "--nope"], ["'converge-explain'", "--nope"]),
                (["migrate", "--live", "--converge-policy", "adaptive,deadline=1", "test", "x"],
                 ["'deadline'", "'1'", "ms"])):
            english = self.ours(*words)[2]
            code, out, err = self.ours(*words, **locale)
            self.assertEqual((code, out), (1, ""))
            self.assertTrue(err.startswith(ERROR[language]), err)
            self.assertEqual(err.count("\n"), 1)
            self.assertNotEqual(err, english)
            for word in kept:
                self.assertIn(word, err)

    @in_each
    def test_warning(self, language, locale):
        err = self.ours("converge-explain", "adaptive,actuator=dirty-limit", **locale)[2]
        self.assertTrue(err.startswith(WARNING[language] + "actuator=dirty-limit "), err)
        self.assertNotIn("corrupt", err)

    @in_each
    def test_typed(self, language, _):
        """Translations keep the words that are typed."""
        names = [row.split()[0] for words in (["converge-presets"], ["converge-explain"])
                 for row in self.ours("-q", *words)[1].splitlines()]
        typed = re.compile(r"--[a-z][a-z0-9-]+|'[a-z][a-z-]*'|\bVIRT?_\w+|[a-z-]+=[a-z0-9-]+|<string>|" +
                           "|".join(rf"\b{name}\b" for name in names if "-" in name and name != "post-copy"))
        with open(os.path.join(CATALOGS, language, "LC_MESSAGES/virt-converge.mo"), "rb") as file:
            texts = gettext.GNUTranslations(file)._catalog
        self.assertGreater(len(texts), 400)
        for text, translation in texts.items():
            for word in typed.findall(text if isinstance(text, str) else text[0]):
                self.assertIn(word, translation)

    @in_each
    def test_status(self, _, locale):
        """Names are what scripts look for."""
        out = self.fake("converge-status", "test", **locale)[1]
        self.assertNotIn("not loaded", out)
        status = "string auto_converge.state throttling;int auto_converge.downtime_limit 300"
        out = self.fake("converge-status", "test", VIRSH_FAKE_MODULE="1", VIRSH_FAKE_STATUS=status, **locale)[1]
        self.assertEqual(out, "module: 1\nstate: throttling\ndowntime_limit: 300 ms\n\n")

    ESTIMATE = ("-q", "converge-estimate", "test", "--seconds", "5", "--bandwidth", "30", "adaptive", "suspend", "xen",
                "stepped", "nova")

    @in_each
    def test_estimate(self, language, locale):
        code, out, err = self.ours(*self.ESTIMATE, VIRSH_FAKE_DIRTY="100", **locale)
        self.assertEqual(code, 0, err)
        first, table, _, measured, transports, _ = out.split("\n\n")
        for word in ("guest", "policy", "total", "recommended", "completes", "downtime", "lost", "note"):
            self.assertNotRegex(out, rf"\b{word}\b")
        if language == "zh_CN":
            self.assertNotRegex(out, "[;,:] ?[\u4e00-\u9fff]", "joined as in English")
        # Labels are followed by text that begins in one column.
        self.assertEqual({columns(re.match(r"(\S+(?: \S+)*? +)\S", line)[1])
                          for line in (first + "\n" + measured).splitlines()}, {13})
        # So are the cells of the table.
        rows = [re.split(r"  +", line) for line in table.splitlines()]
        self.assertEqual({len(row) for row in rows}, {5})
        self.assertEqual({len(re.split(r"  +", line)) for line in transports.splitlines()}, {8})
        for i in range(1, 5):
            self.assertEqual(len({find_column(line, "  " + row[i]) + 2 for line, row in
                                  zip(table.splitlines(), rows)}), 1, table)

    @in_each
    def test_json(self, _, locale):
        """Only sentences are translated."""
        def result(**locale):
            code, out, err = self.ours(*self.ESTIMATE, "--json", VIRSH_FAKE_DIRTY="100", **locale)
            self.assertEqual(code, 0, err)
            data = json.loads(out)
            # What is measured differs from one run to the next.
            transports = data["transports"]
            data["transports"] = [transports["policy"], *(row["transport"] for row in transports["rows"])]
            return data, data.pop("why"), data.pop("notes"), transports["rows"][-1]["unpredicted"]

        english = result()
        ours = result(**locale)
        self.assertEqual(ours[0], english[0])
        self.assertNotEqual(ours[1], english[1])
        self.assertNotEqual(ours[3], english[3])

        ours, english = (json.loads(self.run_program(SIM, "--json", "-m", "adaptive", MIDDLE, **extra)[1])
                         for extra in (locale, {}))
        self.assertNotEqual(ours.pop("reason"), english.pop("reason"))
        self.assertEqual(ours, english)

    @in_each
    def test_simulator(self, language, locale):
        code, out, err = self.run_program(SIM, "-m", "adaptive", "-m", "nova", "-m", "qemu-7.2", "-m",
                                          "ovirt-post-copy", MIDDLE, **locale)
        self.assertEqual((code, err), (0, ""))
        lines = [line.removesuffix(" *") for line in out.splitlines()[3:8]]
        self.assertNotRegex(out.split("\n", 1)[1], "completed|aborted|passes|outcome|throttle")
        # Numbers end where their titles end.
        self.assertEqual(len(set(map(columns, lines))), 1, out)
        self.assertEqual(len({find_column(line, " " + line.split()[1]) for line in lines}), 1, out)
        self.assertRegex(out.splitlines()[1], r"\d,\d s$" if language == "de" else r"\d\.\d s$")

        code, out, err = self.run_program(SIM, "--list", **locale)
        self.assertEqual((code, err), (0, ""))
        self.assertTranslated(out.splitlines(), self.run_program(SIM, "--list")[1].splitlines())

    @in_each
    def test_options(self, _, locale):
        for program in (SIM, UNDO):
            english = self.run_program(program, "--help")[1].splitlines()
            ours = self.run_program(program, "--help", **locale)[1].splitlines()
            rows, originals = ([line for line in text if line.startswith("  -") and "--help" not in line]
                               for text in (ours, english))
            self.assertEqual(len(rows), len(originals))
            for row, original in zip(rows, originals):
                self.assertEqual(re.search("--[a-z-]+", row)[0], re.search("--[a-z-]+", original)[0])
                self.assertNotEqual(row, original)
            self.assertNotEqual(ours[3], english[3])

    def on_terminal(self, width, *words, **extra):
        import fcntl
        import struct
        import termios
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, width, 0, 0))
        process = subprocess.Popen(["virsh", "-q", *words], executable=sys.argv[1], stdin=subprocess.DEVNULL,
                                   stdout=theirs, env=self.environment(**extra))
        os.close(theirs)
        shown = self.read_until(ours, None)
        os.close(ours)
        self.assertEqual(process.wait(), 0)
        return shown.decode().replace("\r\n", "\n")


if __name__ == "__main__":
    if STOCK is None:
        print("no stock virsh in PATH")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[8:])
