# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guests and methods of the benchmark, and the targets.

The link carries 800 Mbit/s, which QEMU sees as 96 MB/s, unless a workload states another
rate. Guests are small, so that a pass takes seconds, but more than the one second below
which QEMU does not evaluate its throttle. If the amount of sent memory matters, the memory
is full of data (fill=pattern); otherwise all memory outside the working set is zero, and
takes no time to send."""

from dataclasses import dataclass, field

LINK = "800mbit"
OURS = ("stock", "qemu", "adaptive")        # our methods and their baseline
REFERENCES = ("stepped", "nova", "kubevirt")
TRANSPORTS = ("stock", "adaptive", "zstd", "auto")


@dataclass(frozen=True)
class Workload:
    about: str
    memory: int                     # MiB
    cmdline: str                    # the guest's workload; see lab/guest/guest.c
    targets: str                    # a row of TARGETS
    limit: float = 120.0            # seconds after which the migration is cut off
    link: str = LINK
    # (share of the guest's memory sent, rate of the link from then on)
    link_change: tuple = ()
    methods: tuple = OURS
    named: bool = False             # measured only if it is asked for


@dataclass(frozen=True)
class Method:
    about: str
    policy: str = ""                # "{deadline}": 150 s per GiB; empty: stock, no module
    # Measured only once, since the method is slow and only for comparison.
    once: bool = False
    ours: bool = False              # has targets and predictions
    # Additional fields of the policy, by the name of the workload's row of TARGETS.
    added: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """The greatest allowed values; None: no such target."""
    total: float = None             # ratio to stock, medians of the same run
    lost: float = None
    lost_stop: float = None         # ratio to plain stop-and-copy
    floors: bool = False            # total and lost have targets against the floor, too


WORKLOADS = {
    "idle": Workload("nothing but a clock", 384,
                     "fill=pattern working-set=4M rate=500K", "quiet"),
    "light": Workload("100 MB at a fifth of the link's rate", 384,
                      "fill=pattern working-set=100M rate=20M", "quiet"),
    "middle-1": Workload("300 MB at twice the link's rate", 384,
                         "working-set=300M rate=200M", "busy"),
    "middle-2": Workload("400 MB at 2.5 times the link's rate", 512,
                         "working-set=400M rate=250M", "busy", methods=OURS + REFERENCES),
    "middle-3": Workload("250 MB at 4 times the link's rate", 384,
                         "working-set=250M rate=400M", "busy"),
    "phased": Workload("300 MB: 6 s at 2.5 times the link's rate, 2 s at 0.6 times", 384,
                       "working-set=300M phases=6s:250M,2s:60M", "busy"),
    "growing": Workload("50 MB that become 300 MB within 20 s, at 2.5 times the link's rate",
                        384, "working-set=50M:300M:20s rate=250M", "busy",
                        methods=OURS + REFERENCES),
    "link-halves": Workload("200 MB at twice the link's rate; early in the second pass, "
                            "with 1.1 times the memory sent, the link loses half of it",
                            256, "fill=pattern working-set=200M rate=200M", "changed",
                            link_change=(1.1, "400mbit")),
    # The fastest rate that a guest surely reaches here: at a higher one, it would not reach
    # its full speed.
    "beyond": Workload("20 MB, rewritten faster than even a throttle of 99 % lets a link of "
                       "2.4 MB/s carry away", 36, "fill=pattern working-set=20M rate=500M",
                       "beyond", limit=60.0, link="20mbit",
                       methods=("stock", "adaptive", "suspend") + REFERENCES[1:]),
    # The same guests with memory that compresses to a third, and with memory that does not. libvirt 9.4 and
    # later compress, so these want hosts of Debian 13, see docs/transport.md.
    "text-1": Workload("middle-1 with text", 384, "working-set=300M rate=200M content=text", "text",
                       methods=TRANSPORTS, named=True),
    "text-2": Workload("middle-2 with text", 512, "working-set=400M rate=250M content=text", "text",
                       methods=TRANSPORTS, named=True),
    "text-3": Workload("middle-3 with text", 384, "working-set=250M rate=400M content=text", "text",
                       methods=TRANSPORTS, named=True),
    "random-2": Workload("middle-2 with random bytes", 512, "working-set=400M rate=250M content=random", "busy",
                         methods=TRANSPORTS, named=True),
}

METHODS = {
    "stock": Method("QEMU's auto-converge, no module in the daemon"),
    "stepped": Method("the same steps, as a policy", "stepped", once=True),
    "qemu": Method("adaptive, by QEMU's throttle alone", "adaptive,actuator=qemu", ours=True),
    "adaptive": Method("adaptive, by whatever throttle is best here", "adaptive", ours=True,
                       added={"beyond": "fallback=suspend,fallback-when=prediction"}),
    "zstd": Method("adaptive, with zstd over two streams", "adaptive,transport=multifd-zstd,streams=2", ours=True),
    "auto": Method("adaptive, which chooses the transport", "adaptive,transport=auto", ours=True),
    "suspend": Method("plain stop-and-copy after the bulk pass", "suspend"),
    # 75 s × 2 GiB (its minimum) between rises of the downtime limit, 800 s × 2 GiB in all.
    "nova": Method("as nova, for a guest of at most 2 GiB", "nova", once=True),
    # The ramp of VEP 291, and the deadline that KubeVirt has without it.
    "kubevirt": Method("as KubeVirt: ramp of the pause, no throttle, abort after 150 s/GiB",
                       "kubevirt-ramp,deadline={deadline},fallback=abort", once=True),
}

TARGETS = {
    "quiet": Target(total=1.05),
    "busy": Target(total=0.40, lost=0.50, floors=True),
    "text": Target(total=0.15, lost=0.20),
    "changed": Target(total=0.50, lost=0.60, floors=True),
    "beyond": Target(lost_stop=1.3),
}

# Greatest ratios to the floor: of the total to the bulk pass plus sending once what that has
# left dirty; of the lost time to that sending alone.
FLOOR_TOTAL, FLOOR_LOST = 1.3, 1.25
# Greatest errors of predictions: of the downtime; of the total at the end of the bulk pass,
# which must be met in this share of all cases.
PAUSE_OFF, TOTAL_OFF, TOTAL_CASES = 0.25, 0.20, 0.8
# Shares of the total and of the downtime for which processors may stand still before a
# migration is measured again.
STALLED_TOTAL, STALLED_PAUSE = 0.05, 0.10
LOOP_CPU = 0.005                # share of one core that the daemon's loop may use
MAX_DOWNTIME = 300              # ms, the default of adaptive

QUICK_WORKLOADS = ("idle", "middle-1", "beyond")
QUICK_METHODS = ("stock", "adaptive", "suspend")


def default_workloads():
    return [name for name, row in WORKLOADS.items() if not row.named]


def policy_of(method, workload):
    """The text for --converge-policy, or None for stock."""
    row = METHODS[method]
    if not row.policy:
        return None
    deadline = f"{round(150 * WORKLOADS[workload].memory / 1024)}s"
    more = row.added.get(WORKLOADS[workload].targets)
    return ",".join(filter(None, (row.policy.format(deadline=deadline), more)))
