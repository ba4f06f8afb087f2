# SPDX-License-Identifier: LGPL-2.1-or-later
"""Detects times at which this machine stood still. If it is a virtual machine, its host may
stop its processors at any time. Everything on them then stops, without a trace in any
counter, and a downtime measured at that time is wrong.

On every processor, a process with real-time priority sleeps and checks how late it wakes."""

import os
import subprocess
import sys
import threading
import time

SLEEP = 0.01        # seconds
STALL = 0.02        # such a delay comes from the host: no process here has priority over us


def watch(processor):
    os.sched_setaffinity(0, {processor})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    parent, last = os.getppid(), time.monotonic()
    while os.getppid() == parent:
        time.sleep(SLEEP)
        now = time.monotonic()
        if now - last - SLEEP > STALL:
            print(last + SLEEP, now, flush=True)
        last = now


class Stalls:
    """Watches from its start to stop(). Times are those of time.monotonic()."""

    def __init__(self):
        self.found = []
        self.watchers = [
            subprocess.Popen([sys.executable, os.path.realpath(__file__), str(processor)],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            for processor in sorted(os.sched_getaffinity(0))]
        for watcher in self.watchers:
            threading.Thread(target=self._collect, args=(watcher.stdout,), daemon=True).start()

    def _collect(self, lines):
        with lines:
            for line in lines:
                self.found.append(tuple(map(float, line.split())))

    def seconds(self, begin, end):
        """The time for which processors stood still between BEGIN and END, summed over all."""
        if any(watcher.poll() is not None for watcher in self.watchers):
            raise RuntimeError("a watcher of the processors has ended: see above")
        return sum(max(0.0, min(stop, end) - max(start, begin))
                   for start, stop in list(self.found))

    def stop(self):
        for watcher in self.watchers:
            watcher.kill()
            watcher.wait()


if __name__ == "__main__":
    watch(int(sys.argv[1]))
