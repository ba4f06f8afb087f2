# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records a busy guest's reports from its serial port, with the time of their arrival."""

import collections
import socket
import threading
import time

# t: time of arrival, time.monotonic(); work: seconds of CPU time at full speed, for each
# vCPU; dirtied: pages; uptime: seconds by the guest's TSC, which stops with the guest.
Report = collections.namedtuple("Report", "t work dirtied uptime rate")


def fields(line):
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


def vcpu_work(values):
    """The work of each vCPU in a report; a single vCPU does all the work."""
    own = []
    while f"work{len(own)}" in values:
        own.append(int(values[f"work{len(own)}"]) / 1e9)
    return tuple(own) or (int(values["work_ns"]) / 1e9,)


class SerialRecorder(threading.Thread):
    """Reads one serial socket as soon as it exists. QEMU drops the guest's output while
    nobody is connected, and serves one reader at a time."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = path
        self.reports = []
        self.lines = []             # other lines: boot, ready, verify
        self._socket = None
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self.start()

    def run(self):
        while not self._ended.is_set():
            try:
                with socket.socket(socket.AF_UNIX) as line:
                    line.connect(self.path)
                    self._socket = line
                    self._read(line)
            except OSError:
                pass                # does not exist yet, or QEMU is gone
            self._socket = None
            self._ended.wait(0.02)

    def _read(self, line):
        text = b""
        while data := line.recv(65536):
            now = time.monotonic()
            *lines, text = (text + data).split(b"\n")
            with self._changed:
                for each in lines:
                    self._line(now, each.decode("ascii", "replace").strip())
                self._changed.notify_all()

    def _line(self, now, line):
        if not line.startswith("report "):
            self.lines.append(line)
            return
        try:
            f = fields(line)
            self.reports.append(Report(now, vcpu_work(f), int(f["dirtied"]),
                                       int(f["t_ms"]) / 1e3, int(f["rate"])))
        except (KeyError, ValueError):
            pass                    # the first line may be incomplete

    def wait_for(self, condition, timeout):
        """The value of CONDITION once it is true, or its value after TIMEOUT s."""
        with self._changed:
            self._changed.wait_for(condition, timeout)
            return condition()

    def wait_for_line(self, start, timeout):
        return self.wait_for(
            lambda: next((x for x in self.lines if x.startswith(start)), None), timeout)

    def wait_for_report(self, timeout, after=0.0):
        return self.wait_for(
            lambda: next((x for x in self.reports if x.t > after), None), timeout)

    def verify(self, timeout=120):
        """The guest's verdict on its own memory, or None if it does not answer."""
        self.lines = [x for x in self.lines if not x.startswith("verify")]
        try:
            self._socket.sendall(b"v")
        except (AttributeError, OSError):
            return None
        return self.wait_for_line("verify", timeout)

    def close(self):
        self._ended.set()
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except (AttributeError, OSError):
            pass
        self.join()


def speeds(reports):
    """Seconds of work per second of each vCPU over REPORTS: about 1 at full speed, less if
    the vCPU also sleeps by itself."""
    if len(reports) < 2 or reports[-1].t <= reports[0].t:
        return None
    time_between = reports[-1].t - reports[0].t
    return [(b - a) / time_between for a, b in zip(reports[0].work, reports[-1].work)]


def work_at(reports, t):
    """Work of each vCPU up to time T, interpolated between the reports around it."""
    before = None
    for report in reports:
        if report.t >= t:
            if before is None:
                return report.work
            part = (t - before.t) / (report.t - before.t)
            return tuple(a + part * (b - a) for a, b in zip(before.work, report.work))
        before = report
    return before.work if before else None


def lost_seconds(reports, begin, end, full_speeds):
    """Guest seconds lost by each vCPU: the integral of 1 - speed / full speed. The loss of
    the guest is their mean."""
    if not full_speeds or not reports:
        return None
    done = zip(work_at(reports, begin), work_at(reports, end), full_speeds)
    return [(end - begin) - (after - before) / full for before, after, full in done if full]
