# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs tests, with one line for each and the totals in the last line."""

import time
import unittest


class Lines(unittest.TestResult):
    """Prints one line for each test when it ends."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.bad = set()

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def say(self, word, test, text=""):
        name = test.id().removeprefix("test_")
        print(f"{word:4} {name} ({time.monotonic() - self.began:.1f} s){text}", flush=True)

    def addSuccess(self, test):
        if test.id() not in self.bad:
            self.passed += 1
            self.say("ok", test)

    def _bad(self, test, error):
        self.bad.add(test.id())
        self.began = getattr(self, "began", time.monotonic())
        self.say("FAIL", test, "\n" + self._exc_info_to_string(error, test))

    addError = addFailure = _bad

    def addSubTest(self, test, subtest, error):
        if error:
            self._bad(subtest, error)
            self.bad.add(test.id())

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.began = getattr(self, "began", time.monotonic())
        self.say("skip", test, f": {reason}")


def chosen(suite, words):
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from chosen(each, words)
        elif not words or any(word in each.id() for word in words):
            yield each


def run(suite, words):
    """Runs the tests of SUITE whose name contains one of WORDS, or all. Returns the exit code."""
    result = Lines()
    unittest.TestSuite(chosen(suite, words)).run(result)
    # A test and its subtests count once.
    failed = len({name.split(" ")[0] for name in result.bad})
    skipped = f", {len(result.skipped)} skipped" if result.skipped else ""
    print(f"{result.passed} passed, {failed} failed{skipped}")
    return 1 if failed or not result.passed + len(result.skipped) else 0
