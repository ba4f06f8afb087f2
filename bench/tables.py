# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured: the guests, the methods, and what the product promises of them.

The link carries 800 Mbit/s, which QEMU sees as 96 MB/s, unless a workload says
otherwise. Guests are small, so that a pass takes seconds; but it takes more than the
second below which QEMU does not look at its throttle. Where it matters how much of the
memory was sent, it is full of data (fill=pattern); else what is not in the working set
is zero, and sent in no time."""

from dataclasses import dataclass, field

LINK = "800mbit"
OURS = ("stock", "qemu", "adaptive")        # and what they are measured against
REFERENCES = ("stepped", "nova", "kubevirt")


@dataclass(frozen=True)
class Workload:
    about: str
    memory: int                     # MiB
    cmdline: str                    # what the guest does; words in lab/guest/guest.c
    targets: str                    # a row of TARGETS
    limit: float = 120.0            # seconds, then the migration is cut off
    link: str = LINK
    # (share of the guest's memory sent, what the link's rate then becomes)
    link_change: tuple = ()
    methods: tuple = OURS


@dataclass(frozen=True)
class Method:
    about: str
    policy: str = ""                # "{deadline}": 150 s per GiB; none: stock, no module
    # Measured each time, or once: to be seen beside the others, too slow for more.
    once: bool = False
    ours: bool = False              # whether targets and predictions are its
    # What it adds in a workload, by the name of the row of TARGETS.
    added: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """What is allowed at most; None: no such target."""
    total: float = None             # ratio to stock, medians of the same run
    lost: float = None
    lost_stop: float = None         # ratio to plain stop-and-copy
    floors: bool = False            # total and lost, against what physics asks for


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
    # As fast as a guest here surely can: one that is asked for more has no full speed.
    "beyond": Workload("20 MB, rewritten faster than even a throttle of 99 % lets a link of "
                       "2.4 MB/s carry away", 36, "fill=pattern working-set=20M rate=500M",
                       "beyond", limit=60.0, link="20mbit",
                       methods=("stock", "adaptive", "suspend") + REFERENCES[1:]),
}

METHODS = {
    "stock": Method("QEMU's auto-converge, no module in the daemon"),
    "stepped": Method("the same steps, as a policy", "stepped", once=True),
    "qemu": Method("adaptive, by QEMU's throttle alone", "adaptive,actuator=qemu", ours=True),
    "adaptive": Method("adaptive, by whatever throttle is best here", "adaptive", ours=True,
                       added={"beyond": "fallback=suspend,fallback-when=prediction"}),
    "suspend": Method("plain stop-and-copy after the bulk pass", "suspend"),
    # 75 s × 2 GiB (its least) between steps of the allowed pause, 800 s × 2 GiB in all.
    "nova": Method("as nova, for a guest of at most 2 GiB", "nova", once=True),
    # The ramp of VEP 291, and the deadline that KubeVirt has without it.
    "kubevirt": Method("as KubeVirt: ramp of the pause, no throttle, abort after 150 s/GiB",
                       "kubevirt-ramp,deadline={deadline},fallback=abort", once=True),
}

TARGETS = {
    "quiet": Target(total=1.05),
    "busy": Target(total=0.40, lost=0.50, floors=True),
    "changed": Target(total=0.50, lost=0.60, floors=True),
    "beyond": Target(lost_stop=1.3),
}

# Against (bulk pass + one sending of what it left dirty), and that sending alone.
FLOOR_TOTAL, FLOOR_LOST = 1.3, 1.25
# How far a prediction may be off: of the pause; of the total at the end of the bulk pass,
# in so many of ten cases.
PAUSE_OFF, TOTAL_OFF, TOTAL_CASES = 0.25, 0.20, 0.8
# What may be missing of a processor, in those times, before a migration is measured again.
STALLED_TOTAL, STALLED_PAUSE = 0.05, 0.10
LOOP_CPU = 0.005                # of one core, by the loop in the daemon
MAX_DOWNTIME = 300              # ms, that adaptive allows by default

QUICK_WORKLOADS = ("idle", "middle-1", "beyond")
QUICK_METHODS = ("stock", "adaptive", "suspend")


def policy_of(method, workload):
    """The text for --converge-policy, or None: stock."""
    row = METHODS[method]
    if not row.policy:
        return None
    deadline = f"{round(150 * WORKLOADS[workload].memory / 1024)}s"
    more = row.added.get(WORKLOADS[workload].targets)
    return ",".join(filter(None, (row.policy.format(deadline=deadline), more)))
