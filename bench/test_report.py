#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests bench/report with a short recorded run, and with numbers that can be checked by
hand."""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
RECORDED = os.path.join(HERE, "testdata", "results.json")
sys.path.insert(0, HERE)

import analysis  # noqa: E402
import tables  # noqa: E402
from stalls import Stalls  # noqa: E402

MB = 10 ** 6


def series(dirty, halved=False):
    """400 MB at 100 MB/s, with a sample every 0.5 s, but none at the end of the pass; then
    DIRTY MB at 100 MB/s or half of it."""
    samples = []
    for t in (0, 0.7, 1.2, 1.7, 2.2, 2.7, 3.2, 3.7, 4.2, 4.7, 5.2):
        rate = 50 if halved else 100
        sent = 100 * t if t <= 4 else 400 + rate * (t - 4)
        samples.append({"t": t, "processed": sent * MB, "pass": 1 if t <= 4 else 2,
                        "remaining": (400 - sent if t <= 4 else dirty + 400 - sent) * MB})
    return samples


def run(method="adaptive", total=8.0, lost=3.0, result="completed", **more):
    return {"workload": "middle-2", "method": method, "result": result, "total_s": total,
            "lost_s": lost, "not_run_s": lost, "waited_s": 0.0, "downtime_ms": 200, "passes": 5,
            "bytes": 800 * MB, "cut": result != "completed", "memory_ok": True,
            "stalled_s": 0.0, "stalled_pause_s": 0.0, "series": series(300), "speed": [],
            "journal": [], "converge": {}, "link_changed_s": None} | more


def rows(*runs):
    return analysis.rows({"runs": list(runs)})


class Analysis(unittest.TestCase):
    def test_floor_is_found_between_samples(self):
        at, dirty, bandwidth = analysis.first_pass(run())
        self.assertAlmostEqual(at, 4.0, places=1)
        self.assertAlmostEqual(dirty / MB, 300, delta=1)
        self.assertAlmostEqual(bandwidth / MB, 100, delta=1)
        total, lost = analysis.floors(run())
        self.assertAlmostEqual(total, 7.0, delta=0.1)
        self.assertAlmostEqual(lost, 3.0, delta=0.1)

    def test_floor_of_a_link_that_changed(self):
        _, lost = analysis.floors(run(series=series(300, halved=True), link_changed_s=4.0))
        self.assertAlmostEqual(lost, 6.0, delta=0.2)

    def test_no_floor_without_a_second_pass(self):
        only = [s for s in series(300) if s["pass"] == 1]
        self.assertEqual(analysis.floors(run(series=only)), (None, None))

    def test_medians_and_ratios(self):
        found = rows(run("stock", 20.0, 6.0), run("stock", 30.0, 8.0), run("stock", 90.0, 7.0),
                     run(total=9.0, lost=2.0), run(total=12.0, lost=3.5), run(total=10.0, lost=9.0))
        row = found["middle-2", "adaptive"]
        self.assertEqual((row.total, row.lost), (10.0, 3.5))
        self.assertAlmostEqual(row.of_stock["total"], 10 / 30)
        self.assertAlmostEqual(row.of_stock["lost"], 3.5 / 7)
        met = {what: ok for what, _, _, ok in analysis.checks(row)}
        self.assertTrue(met["total, of stock"])
        self.assertTrue(met["lost, of stock"])
        self.assertFalse(met["total, of the floor"])        # 10 s of 7 s

    def test_both_counts_of_what_was_lost(self):
        found = rows(run("stock", 20.0, 8.0, not_run_s=6.0),
                     run("suspend", 8.0, 4.0, not_run_s=5.0), run(lost=9.0, not_run_s=3.0))
        row = found["middle-2", "adaptive"]
        met = {what: ok for what, _, _, ok in analysis.checks(row)}
        self.assertFalse(met["lost, of stock"])             # 9 s of 8 s
        self.assertTrue(met["not run, of stock"])           # 3 s of 6 s
        self.assertFalse(met["lost, of the floor"])         # 9 s of 3 s
        self.assertTrue(met["not run, of the floor"])
        self.assertAlmostEqual(row.of_stop["not_run"], 3 / 5)

    def test_what_failed_meets_no_target(self):
        found = rows(run("stock", 20.0), run(total=120.0, result="aborted"))
        row = found["middle-2", "adaptive"]
        self.assertTrue(row.at_least)
        self.assertEqual(row.of_stock, {})
        self.assertFalse(any(ok for _, _, _, ok in analysis.checks(row)))

    def test_predictions(self):
        decision = {"verb": "throttle", "iteration": 2, "t": 4.0,
                    "prediction": {"converges": True, "remaining_ms": 5000}}
        found = rows(
            run(journal=[decision], converge={"auto_converge.predicted_downtime": 250},
                loop_cpu_s=0.01),
            run(journal=[decision], converge={"auto_converge.predicted_downtime": 100},
                loop_cpu_s=0.5),
            run(total=20.0, journal=[decision], converge={}, downtime_ms=400))
        loop, total, pause, allowed = analysis.predictions(found)
        self.assertEqual(loop[1:3], (1, 2))
        self.assertEqual(total[1:3], (2, 3))        # 9 s of 8 s, twice; of 20 s not
        self.assertEqual(pause[1:3], (1, 2))        # 200 ms of 250; of 100 not
        self.assertEqual(allowed[1:3], (2, 3))

    def test_stalled(self):
        self.assertFalse(analysis.stalled(run(stalled_s=0.3, stalled_pause_s=0.01)))
        self.assertTrue(analysis.stalled(run(stalled_s=0.5)))               # of 8 s
        self.assertTrue(analysis.stalled(run(stalled_pause_s=0.03)))        # of 0.2 s
        self.assertFalse(analysis.stalled(run(total=None, result="failed", downtime_ms=None)))

    def test_every_row_names_what_there_is(self):
        for name, row in tables.WORKLOADS.items():
            self.assertIn(row.targets, tables.TARGETS)
            for method in row.methods:
                self.assertNotIn("{", tables.policy_of(method, name) or "")


@unittest.skipUnless(os.geteuid() == 0, "real-time priority is root's")
class Watching(unittest.TestCase):
    def test_stall(self):
        """A stopped watcher wakes late, as it does on a processor that stands still."""
        stalls = Stalls()
        try:
            deadline = time.monotonic() + 30
            seconds = 0
            while seconds < 0.15 and time.monotonic() < deadline:
                begin = time.monotonic()
                stalls.watchers[0].send_signal(signal.SIGSTOP)
                time.sleep(0.3)
                end = time.monotonic()
                stalls.watchers[0].send_signal(signal.SIGCONT)
                time.sleep(0.1)
                seconds = stalls.seconds(begin, end)
            self.assertGreaterEqual(seconds, 0.15)
            self.assertEqual(stalls.seconds(begin - 1000, begin - 999), 0)
        finally:
            stalls.stop()


class Report(unittest.TestCase):
    """The program, with a recorded run."""

    def test_tables_and_plots(self):
        with open(RECORDED, encoding="utf-8") as file:
            results = json.load(file)
        with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as config:
            done = subprocess.run([os.path.join(HERE, "report"), RECORDED, "--output", directory],
                                  stdout=subprocess.PIPE, text=True, check=True,
                                  env=os.environ | {"MPLCONFIGDIR": config})
            drawn = sorted(os.listdir(directory))
        workloads = {each["workload"] for each in results["runs"]}
        self.assertEqual(drawn, sorted(f"{name}.png" for name in workloads | {"overview"}))
        for workload, method in {(x["workload"], x["method"]) for x in results["runs"]}:
            section = done.stdout.split(f"### {workload}:")[1].split("###")[0]
            line = next(x for x in section.splitlines() if x.startswith(f"| {method} |"))
            runs = [x for x in results["runs"]
                    if (x["workload"], x["method"]) == (workload, method)]
            if all(x["result"] == "completed" for x in runs):
                total = statistics.median(x["total_s"] for x in runs)
                self.assertEqual(line.split(" | ")[2], f"{total:.1f} s")


unittest.main()
