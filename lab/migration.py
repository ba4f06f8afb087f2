# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs, watches and measures one migration of a lab guest."""

import os
import subprocess
import threading
import time

import libvirt

import guestserial
import labhost

STATES = {
    libvirt.VIR_DOMAIN_RUNNING: "running", libvirt.VIR_DOMAIN_BLOCKED: "blocked",
    libvirt.VIR_DOMAIN_PAUSED: "paused", libvirt.VIR_DOMAIN_SHUTDOWN: "shutting down",
    libvirt.VIR_DOMAIN_SHUTOFF: "shut off", libvirt.VIR_DOMAIN_CRASHED: "crashed",
}
# QEMU's parameters that a policy may change.
OURS = ("cpu-throttle-initial", "cpu-throttle-increment", "cpu-throttle-tailslow",
        "max-cpu-throttle", "throttle-trigger-threshold", "downtime-limit",
        "vcpu-dirty-limit", "x-vcpu-dirty-limit-period")

BASELINE = 2.0          # seconds at full speed before the start
ARRIVAL_PATIENCE = 10
FAST, SLOW = 0.05, 0.2  # seconds between samples, before and after the first byte


def virsh_command(virsh, guest, source, method, p2p=False, tunnelled=False, more=()):
    """The command line that migrates GUEST from the SOURCE host to the other. METHOD is none
    (plain live migration), stock (auto-converge) or policy:TEXT."""
    target = source.other.letter
    words = [virsh, "-c", f"qemu+tcp://{source.letter}/system", "migrate", "--live"]
    if method != "none":
        words.append("--auto-converge")
    if method.startswith("policy:"):
        words += ["--converge-policy", method.removeprefix("policy:")]
    if p2p:
        words.append("--p2p")
    if tunnelled:
        words.append("--tunnelled")
    words += [*more, guest, f"qemu+tcp://{target}/system"]
    if not tunnelled:
        words.append(f"tcp://{target}:49152")
    return words


def quota_seconds(thread):
    """Seconds for which a CPU quota stopped the thread's cgroup."""
    with open(f"{thread}/cgroup", encoding="ascii") as file:
        groups = [line.rstrip("\n").split(":", 2) for line in file]
    for _, controllers, path in groups:
        root = f"/sys/fs/cgroup/{controllers}".rstrip("/")      # empty in version 2
        if not os.path.exists(f"{root}{path}/cpu.stat"):
            continue
        with open(f"{root}{path}/cpu.stat", encoding="ascii") as file:
            stat = dict(line.split() for line in file)
        if "throttled_time" in stat:
            return int(stat["throttled_time"]) / 1e9
        if "throttled_usec" in stat:
            return int(stat["throttled_usec"]) / 1e6
    return 0.0


def cpu_times(thread):
    """Seconds for which a thread ran and for which it waited for a busy processor, or None.
    A thread that sleeps or is stopped does neither. The kernel counts stops by a quota as
    waiting, so they are subtracted."""
    try:
        with open(f"{thread}/schedstat", encoding="ascii") as file:
            ran, waited = file.read().split()[:2]
        return int(ran) / 1e9, int(waited) / 1e9 - quota_seconds(thread)
    except OSError:
        return None


def mean(values):
    return sum(values) / len(values) if values else None


def throttle_in_force(stats):
    """The throttle in force, %: QEMU reports only its own; other methods act at once."""
    if stats.get("auto_converge.actuator", "qemu") == "qemu":
        return stats.get("auto_converge_throttle", 0)
    return stats.get("auto_converge.throttle_target", 0)


class Vcpu:
    """The cpu_times() of a vCPU's thread at the source."""

    def __init__(self, thread):
        self.thread = thread
        self.samples = []       # (t, ran, waited) from the first byte of memory on
        self.ran = self.waited = 0.0            # shares of the time before that
        self.wanted = 1.0                       # share in which it did not sleep, 0.01 … 1

    def sample(self):
        if times := cpu_times(self.thread):
            self.samples.append((time.monotonic(), *times))

    def baseline(self, before, now, seconds):
        if before and now:
            self.ran = (now[0] - before[0]) / seconds
            self.waited = (now[1] - before[1]) / seconds
            self.wanted = min(1.0, max(0.01, self.ran + self.waited))

    def between(self):
        """Seconds from the first to the last sample, and those of running and waiting."""
        return [last - first for first, last in zip(self.samples[0], self.samples[-1])]

    def processors(self):
        return os.sched_getaffinity(int(os.path.basename(self.thread)))


class Migration:
    """One migration. COMMAND is virsh's command line. After run(), `result` has the
    measurements; an unknown value is None."""

    def __init__(self, guest, source, command, timeout=None, on_sample=None):
        self.guest = guest
        self.source = source
        self.target = source.other
        self.command = command
        self.timeout = timeout
        self.on_sample = on_sample or (lambda stats: None)
        self.samples = []       # (t, job stats of the source)
        self.vcpus = []         # at the source, those that work
        self.reports = []       # of the guest, from both hosts
        self.loop_cpu = None    # CPU seconds of the daemon's loop, at the last sample
        self.begin = None       # time of the first byte sent
        self.aborted = False
        self.result = {}

    def run(self):
        connection = self.source.connect()
        self.domain = connection.lookupByName(self.guest)
        here = guestserial.SerialRecorder(self.source.serial_socket(self.guest))
        there = guestserial.SerialRecorder(self.target.serial_socket(self.guest))
        try:
            if not here.wait_for_report(5):
                raise labhost.LabError(f"{self.guest} reports no work: paused, or its serial "
                                       "port has another reader")
            threads = self.source.vcpu_threads(self.guest)
            self.vcpus = [Vcpu(thread) for thread, _ in zip(threads, here.reports[-1].work)]
            self.full_speeds = self._baseline(here)
            self._migrate()
            self._measure(here, there)
        finally:
            here.close()
            there.close()

    def _baseline(self, serial):
        """Measures the vCPUs' speeds while no other program uses their processors. vCPUs that
        share pinned processors wait for each other, and that is their full speed."""
        before = [cpu_times(vcpu.thread) for vcpu in self.vcpus]
        begin = time.monotonic()
        heard = len(serial.reports)
        time.sleep(BASELINE)
        seconds = time.monotonic() - begin
        for vcpu, times in zip(self.vcpus, before):
            vcpu.baseline(times, cpu_times(vcpu.thread), seconds)
        speeds = guestserial.speeds(serial.reports[max(0, heard - 1):])
        if not speeds:
            return None
        crowded = len(set().union(*(v.processors() for v in self.vcpus))) < len(self.vcpus)
        for i, vcpu in enumerate(self.vcpus):
            siblings = sum(v.ran for v in self.vcpus if v is not vcpu) if crowded else 0
            share = 1 - max(0.0, vcpu.waited - siblings)
            if share > 0.1:
                speeds[i] /= share
        return speeds

    def _migrate(self):
        self.started = time.monotonic()
        virsh = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        # Read the output at once, or a verbose virsh would block.
        said = []
        reader = threading.Thread(target=lambda: said.append(virsh.stdout.read()), daemon=True)
        reader.start()
        while virsh.poll() is None:
            self._sample()
            if self.timeout and not self.aborted and \
                    time.monotonic() - self.started > self.timeout:
                self._abort()
            time.sleep(FAST if self.begin is None else SLOW)
        self.ended = time.monotonic()
        reader.join(5)
        self.said = "".join(said).strip()
        self.exit_code = virsh.returncode

    def _sample(self):
        """Takes a sample. The job may not have begun yet, and may end at any moment."""
        if self.begin is not None:
            for vcpu in self.vcpus:
                vcpu.sample()
        try:
            stats = self.domain.jobStats()
        except libvirt.libvirtError:
            return
        if stats.get("type", 0) not in (libvirt.VIR_DOMAIN_JOB_BOUNDED,
                                        libvirt.VIR_DOMAIN_JOB_UNBOUNDED):
            return
        now = time.monotonic()
        if self.begin is None and stats.get("memory_processed"):
            self.begin = now
        self.samples.append((now, stats))
        self.loop_cpu = self.source.loop_cpu() or self.loop_cpu
        if self.begin is not None:
            self.on_sample(stats)

    def _abort(self):
        try:
            self.domain.abortJob()
            self.aborted = True
        except libvirt.libvirtError:
            pass                    # not yet or no longer there; the next sample tries again

    def _measure(self, here, there):
        completed = self.exit_code == 0
        host, serial = (self.target, there) if completed else (self.source, here)
        # The guest's first report after the migration, from the host where it runs then.
        first = serial.wait_for_report(ARRIVAL_PATIENCE, after=0 if completed else self.ended)
        begin = self.begin or self.started
        before = list(here.reports)
        after = list(there.reports)
        if completed:
            before = [x for x in before if not first or x.t < first.t]
        end = first.t if first else self.ended
        reports = before + after
        if first:
            reports = [x for x in reports if x.t <= max(end, self.ended)]
        self.reports = reports

        job = self._job_stats(host) if completed else {}
        last = self.samples[-1][1] if self.samples else {}
        memory = serial.verify() if first else None
        lost = guestserial.lost_seconds(reports, begin, end, self.full_speeds)
        held = [self._held(vcpu, end) for vcpu in self.vcpus if vcpu.samples]
        waited = [vcpu.between()[2] for vcpu in self.vcpus if vcpu.samples]
        self.result = {
            "result": "completed" if completed else "aborted" if self.aborted else "failed",
            "error": None if completed else self.said or f"exit code {self.exit_code}",
            "host": host.letter,
            "state": self._state(host),
            "works": bool(first),
            "total_s": end - begin,
            "setup_s": begin - self.started,
            # The mean of all vCPUs, and each of them.
            "lost_s": mean(lost),
            "lost_vcpus_s": lost,
            "not_run_s": mean(held),
            "not_run_vcpus_s": held,
            "waited_s": mean(waited),
            "waited_vcpus_s": waited,
            "throttle_s": self._throttle_seconds(),
            "downtime_ms": job.get("downtime"),
            "serial_gap_ms": (first.t - before[-1].t) * 1e3
                             if completed and first and before else None,
            "passes": job.get("memory_iteration", last.get("memory_iteration")),
            "bytes": job.get("memory_processed", last.get("memory_processed")),
            "peak_throttle": max((throttle_in_force(s) for _, s in self.samples), default=0),
            "loop_cpu_s": self.loop_cpu,
            "full_speed": mean(self.full_speeds),
            "full_speed_vcpus": self.full_speeds,
            "memory": memory.removeprefix("verify ") if memory else None,
            "memory_ok": bool(memory and memory.startswith("verify ok ")),
            "virsh": self.said,
            "converge": {k: v for k, v in {**last, **job}.items()
                         if k.startswith("auto_converge.")},
            "job": job,
        }

    def _job_stats(self, host):
        try:
            return host.connect().lookupByName(self.guest).jobStats(
                libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
        except libvirt.libvirtError:
            return {}

    def _state(self, host):
        try:
            return STATES.get(host.connect().lookupByName(self.guest).state()[0], "unknown")
        except libvirt.libvirtError:
            return "gone"

    def _held(self, vcpu, end):
        """Seconds for which the vCPU was held back: it neither ran nor waited as much as
        before the migration. From the last sample at the source to the END of the
        migration it is taken to have stood still; that is the downtime and at most SLOW
        more."""
        seconds, ran, waited = vcpu.between()
        held = max(0.0, seconds - (ran + waited) / vcpu.wanted)
        left = max(0.0, end - vcpu.samples[-1][0]) if self.exit_code == 0 else 0.0
        return held + left

    def _throttle_seconds(self):
        """Seconds lost to QEMU's own throttle, from its percentages."""
        return sum((t1 - t0) * stats.get("auto_converge_throttle", 0) / 100
                   for (t0, stats), (t1, _) in zip(self.samples, self.samples[1:]))
