# SPDX-License-Identifier: LGPL-2.1-or-later
"""Journals of migrations as values: what virt-converge-report draws and prints.

The formats are those of virt-converge-journal(1) and of the history's records. Everything in these
files comes from others: numbers are checked, and text is escaped by the page.
"""

import json
import math
import os
import re

VERSION = 1                     # of the format of journals
BYTES_MOST = 4 * 1024 * 1024    # of a journal, as CONVERGE_JOURNAL_BYTES
RECORD_BYTES_MOST = 64 * 1024   # of a record of the history
RECORDS_MOST = 10000
TEXT_MOST = 1024
NOT_RECORDED = "not recorded"

# As in src/util/text.c: what acts on a terminal instead of being shown.
ACTING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class JournalError(Exception):
    """Nothing can be said of a journal, and why."""


def shown(text):
    """TEXT without what would act on a terminal or hide what it is."""
    def escape(match):
        code = ord(match.group())
        if code < 0x100:
            return f"\\x{code:02x}"
        return f"\\x{code & 0xff:02x}" if 0xdc80 <= code <= 0xdcff else f"\\u{{{code:04x}}}"

    text = ACTING.sub(escape, str(text))
    return text if len(text) <= TEXT_MOST else text[:TEXT_MOST - 1] + "…"


def number(line, name):
    """A finite number that is at least 0, or None."""
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < 1e18 and math.isfinite(value) else None


def text(line, name):
    value = line.get(name)
    return shown(value) if isinstance(value, str) and value else None


def pair(line, name):
    value = line.get(name)
    if not isinstance(value, list) or len(value) != 2:
        return None
    ends = [number({"x": end}, "x") for end in value]
    return ends if None not in ends else None


def parse(raw):
    """The object in a line, or None. NaN and Infinity are no JSON."""
    def refuse(_):
        raise ValueError

    try:
        line = json.loads(raw, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


class Decision:
    def __init__(self, line, at):
        self.at = at            # seconds since memory moved
        self.verb = text(line, "verb") or "?"
        self.reason = text(line, "reason") or "?"
        self.text = text(line, "text") or self.reason
        self.failure = text(line, "failure")
        self.throttle = number(line, "throttle")
        self.downtime_ms = number(line, "downtime_ms")
        told = line.get("prediction")
        told = told if isinstance(told, dict) and told.get("converges") is True else {}
        self.remaining_ms = number(told, "remaining_ms")
        self.remaining_range = pair(told, "remaining_range_ms")
        self.pause_ms = number(told, "pause_ms")
        self.pause_range = pair(told, "pause_range_ms")
        self.lost_ms = number(told, "lost_ms")
        self.lost_range = pair(told, "lost_range_ms")


class Journal:
    """One migration. Times are seconds since memory moved; what is unknown is None."""

    def __init__(self, path, record=None):
        self.path = path
        self.name = shown(os.path.basename(path))
        self.warnings = []      # what is wrong with the file, as sentences
        self.samples = []       # of (t, line)
        self.decisions = []
        self.methods = []       # of (t, name)
        self.end = None
        self._read(path)
        self._join(record or {})

    # --- reading ---

    def _read(self, path):
        if os.path.getsize(path) > BYTES_MOST:
            raise JournalError(f"'{shown(path)}' is larger than {BYTES_MOST >> 20} MiB, which no journal is")
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            raws = file.readlines()
        if not raws:
            raise JournalError(f"'{shown(path)}' is empty")
        start = parse(raws[0])
        if start is None or start.get("type") != "start":
            raise JournalError(f"'{shown(path)}' is not a journal")
        if number(start, "v") != VERSION:
            raise JournalError(f"'{shown(path)}' has version {shown(start.get('v'))} of the format; this program reads "
                               f"version {VERSION}")

        self.guest = text(start, "guest") or NOT_RECORDED
        self.uuid = text(start, "uuid")
        self.policy = text(start, "policy")
        self.began = text(start, "time")
        self.runs_in = text(start, "runs_in")
        self.version = text(start, "version")
        damaged = 0
        lines = []
        for count, raw in enumerate(raws[1:], 2):
            line = parse(raw)
            if line is not None and number(line, "t") is not None:
                lines.append(line)
            elif count == len(raws) and not raw.endswith("\n"):
                self.warnings.append(f"The journal ends in the middle of line {count}.")
            else:
                damaged += 1
        if damaged:
            self.warnings.append(f"{damaged} lines of the journal are damaged and left out.")
        self._take(lines)

    def _take(self, lines):
        moving = [number(line, "t") for line in lines if line.get("type") in ("sample", "decision")]
        self.t0 = moving[0] if moving else 0.0
        last = 0.0
        for line in lines:
            at = (number(line, "t") - self.t0) / 1000
            last = max(last, at)
            if line.get("type") == "sample":
                self.samples.append((at, line))
            elif line.get("type") == "decision":
                self.decisions.append(Decision(line, at))
            elif line.get("type") == "actuator":
                self.methods.append((at, text(line, "actuator") or "?"))
            elif line.get("type") == "end":
                self.end = line
        self.samples.sort(key=lambda sample: sample[0])
        self.last = last
        if self.end is None:
            self.warnings.append("The journal has no end: the migration still runs, or the journal was cut off.")
        if not self.samples:
            self.warnings.append("The journal has no samples: there is nothing to draw.")

    # --- what came of it ---

    def _join(self, record):
        """Of a record of the history come what libvirt has measured, and the origins."""
        end = self.end or {}
        self._join_observed(record)
        self.result = text(record, "outcome") or text(end, "result") or "unknown"
        self.failed = self.result in ("failed", "aborted", "interrupted", "unknown")
        self.trouble = text(record, "error") or text(end, "trouble")
        self.to = text(record, "to")
        self.total = None
        if self.end is not None:
            memory = number(end, "memory_ms")
            self.total = memory / 1000 if memory is not None else self.last
        total = number(record, "total_ms")
        if total is not None:
            self.total = total / 1000
        self.pause_ms = number(record, "downtime_ms")
        lost = number(record, "lost_ms")
        self.throttled = self._throttled_seconds()
        self.lost_estimated = lost is None
        pause = self.pause_ms if self.pause_ms is not None else self.pause_predicted() or 0
        self.lost = lost / 1000 if lost is not None else self.throttled + pause / 1000
        self.strongest = max((value for _, value in self.throttle_steps()), default=0)
        fields = record.get("fields")
        self.fields = [(text(one, "name") or "?", text(one, "value") or "", text(one, "layer") or NOT_RECORDED)
                       for one in (fields if isinstance(fields, list) else []) if isinstance(one, dict)]

    def _join_observed(self, record):
        """Of a policy that was observed only: what it would have come to, each as likely, least, most; or in
        words where no end was predicted."""
        self.observed = record.get("observed") is True or "mode=observe" in (self.policy or "").split(",")
        self.would = None
        self.would_words = text(record, "plan") or ("would have done nothing else" if record else NOT_RECORDED)
        values = [[number(record, f"plan_{name}_ms{end}") for end in ("", "_least", "_most")]
                  for name in ("total", "downtime", "lost")]
        if self.observed and number(record, "plan_converges") == 1 and all(one[0] is not None for one in values):
            self.would = dict(zip(("total", "pause", "lost"), values))

    def pause_predicted(self):
        """What was predicted last, ms."""
        told = [one.pause_ms for one in self.decisions if one.pause_ms is not None]
        return told[-1] if told else None

    def throttle_steps(self):
        """(t, %): the throttle in force. QEMU tells its own; other methods act at once."""
        steps = [(0.0, 0.0)]
        own = False
        events = [(at, 0, name) for at, name in self.methods]
        events += [(at, 1, number(line, "throttle") or 0.0) for at, line in self.samples]
        events += [(one.at, 2, one) for one in self.decisions if one.failure is None]
        for at, kind, value in sorted(events, key=lambda event: event[:2]):
            if kind == 0:
                own = value != "qemu" and not self.observed
            elif kind == 1 and not own:
                steps.append((at, min(value, 100)))
            elif kind == 2 and own and value.verb in ("throttle", "hold"):
                steps.append((at, min(value.throttle or 0.0, 100)))
        steps.append((max(self.last, steps[-1][0]), steps[-1][1]))
        return steps

    def _throttled_seconds(self):
        steps = self.throttle_steps()
        return sum((b[0] - a[0]) * a[1] / 100 for a, b in zip(steps, steps[1:]))

    def series(self, name):
        """(t, value) of a member of the samples."""
        return [(at, number(line, name)) for at, line in self.samples if number(line, name) is not None]

    def bandwidth(self):
        """(t, bytes/s) between samples."""
        sent = self.series("processed")
        return [(b[0], (b[1] - a[1]) / (b[0] - a[0])) for a, b in zip(sent, sent[1:]) if b[0] > a[0] and b[1] >= a[1]]

    def write_rate(self):
        """(t, bytes/s): how fast the guest writes at full speed, as the model has it."""
        found = []
        for at, line in self.samples:
            model = line.get("model")
            rate = number(model, "write_rate") if isinstance(model, dict) else None
            if rate is not None:
                found.append((at, rate))
        return found

    def downtime_steps(self):
        return [] if self.observed else [
            (one.at, one.downtime_ms) for one in self.decisions if one.downtime_ms is not None and one.failure is None]

    def worst(self):
        """Sorts the worst first: those that failed, then by guest time lost."""
        return (not self.failed, -self.lost)


def records_of(directory):
    """The records of the history beside the journals in DIRECTORY, by the journal's name."""
    found = {}
    history = os.path.join(directory, "history")
    try:
        with os.scandir(history) as entries:
            names = sorted(entry.name for entry in entries if re.fullmatch(r"\d{1,18}\.json", entry.name))
    except OSError:
        return found
    for name in names[-RECORDS_MOST:]:
        record = read_record(os.path.join(history, name))
        if record and isinstance(record.get("journal"), str):
            found[record["journal"]] = record
    return found


def read_record(path):
    """A record of the history, or None."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return parse(file.read(RECORD_BYTES_MOST + 1))
    except OSError:
        return None


def path_of_id(identifier, directory):
    """The journal of the history's record with this ID: the only place that joins the two."""
    record = read_record(os.path.join(directory, "history", identifier + ".json"))
    if record is None:
        raise JournalError(f"there is no record {identifier} in '{shown(directory)}/history'")
    name = record.get("journal")
    if not isinstance(name, str) or not name.endswith(".jsonl") or "/" in name:
        raise JournalError(f"the migration {identifier} has no journal")
    return os.path.join(directory, name)


def find(what, directory):
    """The paths of the journals that WHAT names: a file, a directory, or an ID of the history."""
    if os.path.isdir(what):
        paths = sorted(os.path.join(what, name) for name in os.listdir(what) if name.endswith(".jsonl"))
        if not paths:
            raise JournalError(f"there is no journal in '{shown(what)}'")
        return paths
    if re.fullmatch(r"[0-9]{1,18}", what) and not os.path.exists(what):
        return [path_of_id(what, directory)]
    if "/" not in what and not os.path.exists(what):
        return [os.path.join(directory, what)]
    return [what]
