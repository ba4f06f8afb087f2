# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads and writes the CPU quotas of a guest's vCPUs on the host."""

import collections
import os
import threading

NONE = -1               # no quota

# CPU time per period and length of the period, in microseconds.
Quota = collections.namedtuple("Quota", "quota period")


def directories(host, guest):
    """The cgroup of each vCPU with the cpu controller; [] if the guest does not run."""
    found = []
    for thread in host.vcpu_threads(guest):
        try:
            with open(f"{thread}/cgroup", encoding="ascii") as file:
                groups = [line.rstrip("\n").split(":", 2) for line in file]
        except OSError:
            continue
        # Only version 1 names its controllers.
        for controllers, path in sorted((c, p) for _, c, p in groups):
            if "cpu" in controllers.split(","):
                found.append(f"/sys/fs/cgroup/{controllers}{path}")
                break
        else:
            found += [f"/sys/fs/cgroup{p}" for _, c, p in groups if not c]
    return found


def number(directory, name):
    with open(f"{directory}/{name}", encoding="ascii") as file:
        return int(file.read())


def read(directory):
    """The Quota in force; None if the group is gone."""
    try:
        try:
            with open(f"{directory}/cpu.max", encoding="ascii") as file:
                quota, period = file.read().split()
            return Quota(NONE if quota == "max" else int(quota), int(period))
        except FileNotFoundError:
            pass
        # Reading two files is not atomic, so read again until they fit together.
        while True:
            before = number(directory, "cpu.cfs_quota_us")
            period = number(directory, "cpu.cfs_period_us")
            if number(directory, "cpu.cfs_quota_us") == before:
                return Quota(before, period)
    except OSError:
        return None


def write(directory, quota=None, period=None):
    """Sets the values that are not None."""
    if os.path.exists(f"{directory}/cpu.max"):
        now = read(directory)
        quota = now.quota if quota is None else quota
        words = {"cpu.max": f"{'max' if quota == NONE else quota} {period or now.period}"}
    else:
        words = {"cpu.cfs_quota_us": quota, "cpu.cfs_period_us": period}
    for name, value in words.items():
        if value is not None:
            with open(f"{directory}/{name}", "w", encoding="ascii") as file:
                file.write(str(value))


def quotas(host, guest):
    return [read(directory) for directory in directories(host, guest)]


def share(quota):
    """The share of a processor that a group may use."""
    return 1.0 if quota.quota == NONE else min(1.0, quota.quota / quota.period)


class Watch(threading.Thread):
    """Records all shares of the first vCPU that it sees until close()."""

    EVERY = 0.005

    def __init__(self, host, guest):
        super().__init__(daemon=True)
        self.shares = set()
        self._directory = directories(host, guest)[0]
        self._ended = threading.Event()
        self.start()

    def run(self):
        while not self._ended.wait(self.EVERY):
            quota = read(self._directory)
            if quota:
                self.shares.add(share(quota))

    def close(self):
        self._ended.set()
        self.join()
