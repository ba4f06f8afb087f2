# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest whose migrations are broken, and what must be true of it afterwards."""

import json
import os
import signal
import subprocess
import time

import libvirt
import libvirt_qemu

import guestserial
import labhost
import migration
import vcpuquota

# 60 MB at five times the link's rate: the guest is throttled nearly all of the time. Several guests
# are smaller, so that a round does not take longer.
ALONE = ("--memory", "128", "--cmdline", "working-set=60M rate=250M")
SEVERAL = ("--memory", "64", "--cmdline", "working-set=30M rate=250M", "--no-pin")
# Set on every second guest, as an operator may have done; in us.
OPERATOR = {"vcpu_quota": 80000, "vcpu_period": 100000}

PATIENCE = 60           # seconds for anything that should happen soon
SPEED_PATIENCE = 20
SPEED_SECONDS = 0.5     # for measuring a speed
FULL = 0.75             # share of the previous speed that counts as unthrottled


class Violation(Exception):
    pass


def daemon_pid(host):
    with open(os.path.join(host.directory, "libvirtd.pid"), encoding="ascii") as file:
        return int(file.read())


def kill(pid):
    """Whether there was a process to kill."""
    try:
        os.kill(pid, signal.SIGKILL)
    except (OSError, TypeError):
        return False
    return True


def ask(domain, command):
    reply = libvirt_qemu.qemuMonitorCommand(domain, json.dumps({"execute": command}), 0)
    return json.loads(reply)["return"]


def look_up(host, name):
    """The guest if it is active on HOST, or None."""
    try:
        domain = host.connect().lookupByName(name)
        return domain if domain.isActive() else None
    except libvirt.libvirtError:
        return None


def processes(host, name):
    """Process IDs of the guest's QEMUs on a host, whether libvirt knows them or not."""
    ours = os.stat(os.path.join(host.directory, "run"))
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            seen = os.stat(f"/proc/{pid}/root/run/libvirt")
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if (seen.st_dev, seen.st_ino) == (ours.st_dev, ours.st_ino) and \
                any(word.startswith(f"guest={name},".encode()) for word in words):
            found.append(int(pid))
    return found


def records(host):
    directory = os.path.join(host.directory, "run", "converge")
    return sorted(os.listdir(directory)) if os.path.isdir(directory) else []


def until(what, condition, patience=PATIENCE):
    """Waits for CONDITION. WHAT describes the violation if it does not become true."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Violation(f"{what() if callable(what) else what}, {patience} s later")
        time.sleep(0.1)
    return value


class Speeds:
    """The speed of the guest on a host: by its own reports, and by the share of time for
    which its vCPU ran or waited for a processor. Waiting for a busy processor is no
    throttle, so the reported work is divided by the time without waiting."""

    def __init__(self, host, name):
        self.thread = (host.vcpu_threads(name) or [None])[0]
        self.serial = guestserial.SerialRecorder(host.serial_socket(name))

    def take(self):
        """(work, awake), each about 0 … 1; None: the guest reports nothing. On a crowded machine
        the quotient is inexact, but nobody is faster than full speed."""
        if not self.thread or not self.serial.wait_for_report(5, time.monotonic()):
            return None
        first = len(self.serial.reports) - 1
        before, begin = migration.cpu_times(self.thread), time.monotonic()
        time.sleep(SPEED_SECONDS)
        after, seconds = migration.cpu_times(self.thread), time.monotonic() - begin
        work = guestserial.speeds(self.serial.reports[first:])
        if not work or not before or not after:
            return None
        ran, waited = [(b - a) / seconds for a, b in zip(before, after)]
        return min(1.0, work[0] / max(0.1, 1 - waited)), ran + waited

    def close(self):
        self.serial.close()


class Guest:
    """A new guest, and the values that it must keep. take() looks at them before anything is
    done to the guest."""

    def __init__(self, name, source, operator, alone):
        self.name = name
        self.source = source
        self.operator = operator
        self.starting = subprocess.Popen(
            [os.path.join(labhost.HERE, "guest-define"), name, "--replace", *(ALONE if alone else SEVERAL)],
            stdout=subprocess.DEVNULL)

    def take(self):
        if self.starting.wait():
            raise labhost.LabError(f"{self.name} does not start")
        domain = self.on(self.source)
        if self.operator:
            domain.setSchedulerParametersFlags(OPERATOR, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        self.params = ask(domain, "query-migrate-parameters")
        self.quotas = vcpuquota.quotas(self.source, self.name)
        speeds = Speeds(self.source, self.name)
        try:
            self.speed = speeds.take()
        finally:
            speeds.close()
        if not self.quotas or not self.speed:
            raise labhost.LabError(f"the new guest {self.name} does not work")

    def on(self, host):
        return look_up(host, self.name)

    def processes(self, host):
        return processes(host, self.name)

    def states(self):
        found = [(host.letter, self.on(host)) for host in (self.source, self.source.other)]
        return ", ".join(f"{migration.STATES.get(domain.state()[0])} on {letter}"
                         for letter, domain in found if domain) or "gone"

    def check(self, host):
        """Checks that the guest on HOST has its original values."""
        domain = until(f"{self.name}: not active on {host.letter}", lambda: self.on(host))
        until(lambda: f"{self.name}: job {domain.jobInfo()[0]} left on {host.letter}",
              lambda: domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_NONE)
        until(lambda: f"{self.name}: quotas {self.quotas_on(host)} instead of {self.quotas}",
              lambda: self.quotas_on(host) == self.quotas)
        until(lambda: f"{self.name}: parameters differ: {self.changed(domain, host)}",
              lambda: not self.changed(domain, host))
        speeds = Speeds(host, self.name)
        try:
            taken = []
            until(lambda: f"{self.name}: slow: work, awake {taken[-3:]} instead of {self.speed}",
                  lambda: self.fast(taken, speeds), SPEED_PATIENCE)
            word = speeds.serial.verify(PATIENCE)
        finally:
            speeds.close()
        if not word or not word.startswith("verify ok "):
            raise Violation(f"{self.name}: memory: {word}")

    def quotas_on(self, host):
        return vcpuquota.quotas(host, self.name)

    def fast(self, taken, speeds):
        taken.append(speeds.take())
        return taken[-1] and all(speed >= FULL * usual
                                 for speed, usual in zip(taken[-1], self.speed))

    def changed(self, domain, host):
        now = ask(domain, "query-migrate-parameters")
        # Parameters that libvirt sets and leaves on the destination do not count.
        names = self.params if host.letter == self.source.letter else migration.OURS
        return {name: (self.params.get(name), now.get(name)) for name in names
                if now.get(name) != self.params.get(name)}
