# SPDX-License-Identifier: LGPL-2.1-or-later
"""Computes the figures from results.json: medians, ratios, and whether they meet the
targets. Nothing is measured here. Times are in seconds, rates in bytes/s."""

from dataclasses import dataclass, field
from statistics import median

import tables


def med(values):
    values = [v for v in values if v is not None]
    return median(values) if values else None


def over(a, b):
    return a / b if a is not None and b else None


def completed(run):
    return run["result"] == "completed"


def first_pass(run):
    """Returns the end of the bulk pass, the memory that it left dirty, and the link's
    bandwidth after it; None if it did not end or the migration ended with it.

    QEMU increments the pass after its bitmap sync, between two of our samples. Before the
    sync it sent what the earlier sample had remaining, at the bandwidth of the bulk pass.
    What it sent after the sync has to be added to what the later sample has remaining."""
    series = [s for s in run["series"] if "processed" in s and s.get("pass")]
    for before, after in zip(series, series[1:]):
        if before["pass"] == 1 and after["pass"] > 1:
            break
    else:
        return None
    bulk = over(after["processed"] - series[0]["processed"], after["t"] - series[0]["t"])
    if not bulk:
        return None
    at = min(before["t"] + before["remaining"] / bulk, after["t"])
    since = max(0, after["processed"] - before["processed"] - before["remaining"])
    # If the link has changed, the bandwidth after the change counts.
    changed = run["link_changed_s"]
    later = [s for s in series if changed and s["t"] > changed + 0.2]
    bandwidth = bulk
    if len(later) > 1 and later[-1]["processed"] > later[0]["processed"]:
        bandwidth = (later[-1]["processed"] - later[0]["processed"]) / \
            (later[-1]["t"] - later[0]["t"])
    return at, after["remaining"] + since, bandwidth


def floors(run):
    """The least total time and guest seconds that any method would need."""
    found = first_pass(run)
    if not found:
        return None, None
    at, dirty, bandwidth = found
    return at + dirty / bandwidth, dirty / bandwidth


def first_prediction(run):
    """The first decision after the bulk pass that predicted an end."""
    for line in run["journal"]:
        if line["iteration"] > 1 and line.get("prediction", {}).get("converges"):
            return line
    return None


def predicted(run):
    """(total predicted at the end of the bulk pass ÷ measured, downtime predicted last ÷
    measured), with None for a missing prediction. A fallback makes predictions void."""
    if not completed(run) or any(line.get("verb") in ("suspend", "post-copy")
                                 for line in run["journal"]):
        return None, None
    line = first_prediction(run)
    total = over(line["t"] + line["prediction"]["remaining_ms"] / 1000, run["total_s"]) \
        if line else None
    pause = run["converge"].get("auto_converge.predicted_downtime")
    return total, over(pause, run["downtime_ms"])


def stalled(run):
    """Whether the machine's processors stood still for so long that the total or the
    downtime reflects the machine and not the method."""
    return run["stalled_s"] > tables.STALLED_TOTAL * (run["total_s"] or 0) or \
        run["stalled_pause_s"] > tables.STALLED_PAUSE * (run["downtime_ms"] or 0) / 1000


def disturbed(run):
    """Whether the guest waited for a busy processor for more than a twentieth of the time.
    It then wrote less, and lost more, than with the method alone."""
    return run["waited_s"] is not None and run["waited_s"] > 0.05 * run["total_s"]


@dataclass
class Row:
    """All runs of one method on one workload. Numbers are medians."""
    workload: str
    method: str
    runs: list
    total: float = None         # of the completed runs; see also at_least
    lost: float = None          # by the guest's own count, at its previous speed
    not_run: float = None       # by the vCPUs' threads, without the machine's noise
    waited: float = None        # for a busy processor: the machine's noise
    pause: float = None
    passes: int = None
    sent: float = None
    result: str = ""
    memory_ok: bool = False
    at_least: bool = False      # total is the time of a limit or an abort, not a result
    # Ratios of total, lost and not_run to those of stock, plain stop-and-copy, the floor.
    of_stock: dict = field(default_factory=dict)
    of_stop: dict = field(default_factory=dict)
    of_floor: dict = field(default_factory=dict)
    predicted_total: list = field(default_factory=list)
    predicted_pause: list = field(default_factory=list)

    def __post_init__(self):
        runs = self.runs
        done = [run for run in runs if completed(run)]
        # If it failed more often than not, a failure is typical.
        self.at_least = 2 * len(done) <= len(runs)
        typical = [run for run in runs if not completed(run)] if self.at_least else done
        self.total, self.lost, self.not_run, self.waited, self.pause, self.passes, self.sent = (
            med(run[key] for run in typical)
            for key in ("total_s", "lost_s", "not_run_s", "waited_s", "downtime_ms", "passes",
                        "bytes"))
        self.result = self._result(done)
        self.memory_ok = all(run["memory_ok"] for run in runs)
        if not self.at_least:
            both = [(run, floors(run)) for run in done]
            self.of_floor = {name: med(over(run[f"{name}_s"], floor[which]) for run, floor in both)
                             for name, which in (("total", 0), ("lost", 1), ("not_run", 1))}
        pairs = [predicted(run) for run in runs]
        self.predicted_total = [t for t, _ in pairs if t is not None]
        self.predicted_pause = [p for _, p in pairs if p is not None]

    def _result(self, done):
        if len(done) == len(self.runs):
            return "completed"
        cut = any(run["cut"] for run in self.runs)
        failed = "cut off" if cut else "aborted" if self.runs[0]["series"] else "refused"
        return failed if not done else f"{len(done)} of {len(self.runs)} completed"

    def typical_run(self):
        """The run whose total is the median's."""
        return min(self.runs, key=lambda run: (completed(run) == self.at_least,
                                               abs((run["total_s"] or 0) - (self.total or 0))))

    def against(self, stock, stop):
        if stock and not self.at_least:
            # A stock migration that was cut off would have taken longer, so that the
            # ratio is at most this.
            self.of_stock = self._ratios(stock)
        if stop and not stop.at_least and not self.at_least:
            self.of_stop = self._ratios(stop)

    def _ratios(self, other):
        return {name: over(getattr(self, name), getattr(other, name))
                for name in ("total", "lost", "not_run")}


def rows(results):
    """The rows by (workload, method), in the order of the tables."""
    found = {}
    for workload in tables.WORKLOADS:
        for method in tables.METHODS:
            runs = [run for run in results["runs"]
                    if (run["workload"], run["method"]) == (workload, method)]
            if runs:
                found[workload, method] = Row(workload, method, runs)
    for (workload, method), row in found.items():
        if method != "stock":
            row.against(found.get((workload, "stock")), found.get((workload, "suspend")))
    return found


def target_of(row):
    return tables.TARGETS[tables.WORKLOADS[row.workload].targets]


def checks(row):
    """(what, value, allowed, met) for each target of one of our rows."""
    target = target_of(row)
    floor_total, floor_lost = (tables.FLOOR_TOTAL, tables.FLOOR_LOST) if target.floors else \
        (None, None)
    wanted = [("stock", row.of_stock, target.total, target.lost),
              ("stop-and-copy", row.of_stop, None, target.lost_stop),
              ("the floor", row.of_floor, floor_total, floor_lost)]
    # The lost time, by either count.
    return [(f"{name.replace('_', ' ')}, of {what}", ratios.get(name), allowed,
             ratios.get(name) is not None and ratios[name] <= allowed)
            for what, ratios, total, lost in wanted
            for name, allowed in (("total", total), ("lost", lost), ("not_run", lost))
            if allowed is not None]


def predictions(found):
    """(what, met, of, needed) over all runs of our methods."""
    ours = [row for row in found.values() if tables.METHODS[row.method].ours]
    totals = [value for row in ours for value in row.predicted_total]
    pauses = [value for row in ours for value in row.predicted_pause]
    within = [run for row in ours for run in row.runs
              if completed(run) and run["downtime_ms"] is not None and
              not any(line.get("verb") in ("suspend", "post-copy") for line in run["journal"])]
    loops = [run["loop_cpu_s"] / run["total_s"] for row in ours for run in row.runs
             if run.get("loop_cpu_s") is not None]
    return [
        (f"CPU of the loop in the daemon, under {tables.LOOP_CPU:.1%} of a core",
         sum(share < tables.LOOP_CPU for share in loops), len(loops), 1),
        (f"total as predicted at the end of the bulk pass, within {tables.TOTAL_OFF:.0%}",
         sum(abs(v - 1) <= tables.TOTAL_OFF for v in totals), len(totals),
         tables.TOTAL_CASES),
        (f"pause as predicted last, within {tables.PAUSE_OFF:.0%}",
         sum(abs(1 / v - 1) <= tables.PAUSE_OFF for v in pauses if v), len(pauses), 1),
        (f"pause at most the {tables.MAX_DOWNTIME} ms that are allowed",
         sum(run["downtime_ms"] <= tables.MAX_DOWNTIME for run in within), len(within), 1),
    ]
