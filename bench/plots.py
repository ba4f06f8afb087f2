# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plots the results of bench/run: one file for each workload, and an overview."""

import os
import textwrap

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

import analysis  # noqa: E402
import tables  # noqa: E402

# Colours that can be told apart with red-green blindness (Okabe and Ito, 2008).
COLOURS = {
    "stock": "#000000", "stepped": "#999999", "qemu": "#56b4e9", "adaptive": "#d55e00",
    "suspend": "#cc79a7", "nova": "#009e73", "kubevirt": "#e69f00",
}
# Our methods have thicker lines.
WIDTH = {True: 2.2, False: 1.3}


def style(method):
    ours = tables.METHODS[method].ours
    return {"color": COLOURS[method], "linewidth": WIDTH[ours], "zorder": 3 if ours else 2,
            "alpha": 1 if ours or method == "stock" else 0.8}


def throttle(sample):
    """The throttle in force: QEMU reports its own; any other acts at once, so it is the
    requested one."""
    if sample.get("actuator", "qemu") in ("qemu", "auto"):
        return sample.get("throttle", 0)
    return max(sample.get("throttle", 0), sample.get("target", 0))


PANELS = (
    ("sent\n(MB)", lambda run: [(s["t"], s["processed"] / 1e6) for s in run["series"]
                               if "processed" in s], False),
    ("remaining\n(MB)", lambda run: [(s["t"], s["remaining"] / 1e6) for s in run["series"]
                                    if "remaining" in s], False),
    ("throttle\n(%)", lambda run: [(s["t"], throttle(s)) for s in run["series"]], True),
    ("guest's work\n(% of full speed)",
     lambda run: [(t, 100 * speed) for t, speed in run["speed"] if t >= 0], True),
)


def workload_plot(name, workload, rows, path):
    figure, axes = plt.subplots(len(PANELS), 1, sharex=True, figsize=(9, 9))
    # Slow methods would squeeze the interesting part into a corner.
    base = next((r for r in rows if r.method == "stock"), rows[0])
    end = max([base.total or 0] + [r.total or 0 for r in rows if tables.METHODS[r.method].ours])
    end = min(end, workload["limit"]) * 1.08 + 1

    for axis, (label, series, steps) in zip(axes, PANELS):
        for row in rows:
            run = row.typical_run()
            points = series(run)
            if not points:
                continue
            # A report is about the time before it.
            how = {"drawstyle": "steps-pre" if "work" in label else "steps-post"} if steps else {}
            shown = [p for p in points if p[0] <= end]
            axis.plot(*zip(*shown), **style(row.method), **how)
            if "remaining" in label and not row.at_least and run["total_s"] <= end:
                axis.plot(run["total_s"], 0, marker="o", markersize=6, clip_on=False,
                          **style(row.method))
        axis.set_ylabel(label)
        axis.grid(alpha=0.25)
        axis.set_ylim(bottom=0)
        changed = base.typical_run()["link_changed_s"]
        if changed:
            axis.axvline(changed, color="0.5", linestyle=":", linewidth=1)
    axes[2].set_ylim(0, 103)
    axes[3].set_ylim(0, 115)
    axes[-1].set_xlim(0, end)
    axes[-1].set_xlabel("seconds since the first byte of memory was moved")

    handles = [plt.Line2D([], [], label=f"{r.method}: {ending(r)}", **style(r.method))
               for r in rows]
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.955), ncol=2,
                  fontsize=8.5)
    axes[1].annotate("● arrived", (0.99, 0.9), xycoords="axes fraction", ha="right", fontsize=8.5)
    figure.suptitle(textwrap.fill(f"{name}: {workload['about']}", 95), fontsize=11,
                    y=0.99)
    figure.align_ylabels()
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.024 * ((len(handles) + 1) // 2)))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def ending(row):
    if row.result == "refused":
        return "refused"
    if row.at_least:
        return f"{row.result} at {row.total:.0f} s"
    return f"{row.total:.1f} s, {row.lost:.1f} guest seconds lost"


def bars(axis, found, workloads, methods, value, limit, title):
    width = 0.8 / len(methods)
    for i, method in enumerate(methods):
        for x, workload in enumerate(workloads):
            row = found.get((workload, method))
            if not row:
                continue
            place = x - 0.4 + (i + 0.5) * width
            ratio = value(row)
            if ratio is None:
                axis.text(place, 0.02, "not done" if row.at_least else "–", rotation=90,
                          ha="center", va="bottom", fontsize=7, color=COLOURS[method])
                continue
            at_most = "≤" if found[workload, "stock"].at_least else ""
            axis.bar(place, min(ratio, TOP), width * 0.92, color=COLOURS[method],
                     alpha=1 if tables.METHODS[method].ours else 0.6)
            axis.text(place, min(ratio, TOP) + 0.02,
                      f"{at_most}{ratio:.2f}", rotation=90, ha="center",
                      va="bottom", fontsize=7, zorder=5,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    for x, workload in enumerate(workloads):
        allowed = limit(tables.TARGETS[tables.WORKLOADS[workload].targets])
        if allowed is not None:
            axis.plot([x - 0.42, x + 0.42], [allowed] * 2, color="#cc0000", linewidth=1.5,
                      zorder=4)
    axis.axhline(1, color="black", linewidth=1)
    axis.set_ylim(0, TOP + 0.25)
    axis.set_ylabel("ratio to stock")
    axis.set_title(title, fontsize=10, loc="left")
    axis.grid(axis="y", alpha=0.25)
    axis.set_axisbelow(True)


def lost_ratio(row):
    """The ratio to stock; None if the guest loses next to nothing, since that is noise."""
    return None if row.workload in QUIET else row.of_stock.get("lost")


QUIET = [name for name, row in tables.WORKLOADS.items() if row.targets == "quiet"]
TOP = 1.6       # higher bars are cut off here and show their number


def overview(found, path):
    workloads = [w for w in tables.WORKLOADS if (w, "stock") in found]
    methods = [m for m in tables.METHODS
               if m != "stock" and any((w, m) in found for w in workloads)]
    if not workloads or not methods:
        return False
    figure, axes = plt.subplots(2, 1, sharex=True, figsize=(max(7, 1.35 * len(workloads) + 2), 7.5))
    bars(axes[0], found, workloads, methods, lambda row: row.of_stock.get("total"),
         lambda target: target.total, "Total time")
    bars(axes[1], found, workloads, methods, lost_ratio, lambda target: target.lost,
         "Guest seconds lost")
    axes[1].set_xticks(range(len(workloads)), workloads)
    handles = [plt.Rectangle((0, 0), 1, 1, color=COLOURS[m], label=m,
                             alpha=1 if tables.METHODS[m].ours else 0.6) for m in methods]
    handles += [plt.Line2D([], [], color="black", linewidth=1, label="stock"),
                plt.Line2D([], [], color="#cc0000", linewidth=1.5, label="target for ours")]
    figure.legend(handles=handles, loc="upper center", ncol=min(len(handles), 8), fontsize=8.5)
    figure.tight_layout(rect=(0, 0, 1, 0.94))
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return True


def draw(results, directory):
    """Yields the path of each file that it creates."""
    found = analysis.rows(results)
    path = os.path.join(directory, "overview.png")
    if overview(found, path):
        yield path
    for name in tables.WORKLOADS:
        rows = [row for (workload, _), row in found.items() if workload == name]
        if rows:
            path = os.path.join(directory, f"{name}.png")
            workload_plot(name, results["workloads"][name], rows, path)
            yield path
