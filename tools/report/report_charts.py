# SPDX-License-Identifier: LGPL-2.1-or-later
"""The charts of a report as inline SVG, whose colours are those of the page.

matplotlib writes colours as numbers. A few numbers stand for the page's variables, so that one SVG
suits light, dark and paper. No text of others goes into a chart.
"""

import io
import re

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import MaxNLocator  # noqa: E402

# Colours that nothing else uses, and what they stand for.
INK, GRID, FIRST, SECOND, THIRD, MARK = "#010203", "#010204", "#010205", "#010206", "#010207", "#010208"
VARIABLES = {INK: "currentColor", GRID: "var(--grid)", FIRST: "var(--first)", SECOND: "var(--second)",
             THIRD: "var(--third)", MARK: "var(--mark)"}

POINTS_MOST = 1200      # of a line
MARKS_MOST = 60         # numbered decisions
MIB, MB = 1 << 20, 1e6

STYLE = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": GRID, "xtick.color": INK, "ytick.color": INK,
    "xtick.labelcolor": INK, "ytick.labelcolor": INK, "grid.color": GRID, "grid.linewidth": 0.6,
    "axes.grid": True, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
    "legend.frameon": False, "legend.fontsize": 8, "path.simplify": True,
}


def thin(points):
    """At most POINTS_MOST points, with the least and the greatest of what is left out."""
    if len(points) <= POINTS_MOST:
        return points
    size = -(-len(points) // (POINTS_MOST // 2))
    kept = []
    for begin in range(0, len(points), size):
        part = points[begin:begin + size]
        kept += sorted({min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])})
    return kept


def svg(figure, prefix, label):
    """The figure as an SVG element whose ids begin with PREFIX."""
    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": prefix}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    plt.close(figure)
    text = out.getvalue()
    text = text[text.index("<svg "):]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'href="#', f'href="#{prefix}-', text)
    text = re.sub(r"url\(#", f"url(#{prefix}-", text)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, variable)
    # LABEL is a sentence of this program.
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def plot(axis, points, colour, label=None, **more):
    if points:
        points = thin(points)
        axis.plot([p[0] for p in points], [p[1] for p in points], color=colour, linewidth=1.3, label=label, **more)


def step(axis, points, colour, last, label=None):
    if points:
        points = points + [(max(last, points[-1][0]), points[-1][1])]
        axis.step([p[0] for p in points], [p[1] for p in points], where="post", color=colour, linewidth=1.3, label=label)


def mark_decisions(axes, journal):
    """A line at each decision, and its number on top of the first chart. Those that are close together
    share one number, that of the first to that of the last."""
    span = max(journal.last, 0.001)
    groups = []
    for index, one in enumerate(journal.decisions[:MARKS_MOST], 1):
        for axis in axes:
            axis.axvline(one.at, color=MARK, linewidth=0.7, linestyle=(0, (2, 2)), alpha=0.8)
        if groups and one.at - groups[-1][0] < span / 30:
            groups[-1][2] = index
        else:
            groups.append([one.at, index, index])
    for at, first, last in groups:
        axes[0].annotate(str(first) if first == last else f"{first}–{last}", (at, 1),
                         xycoords=("data", "axes fraction"), xytext=(0, 2), textcoords="offset points", ha="center",
                         fontsize=7, color=MARK)


def draw_predictions(axis, journal):
    told = [one for one in journal.decisions if one.remaining_ms is not None]
    if told:
        ends = [one.at + one.remaining_ms / 1000 for one in told]
        least = [one.at + one.remaining_range[0] / 1000 if one.remaining_range else end
                 for one, end in zip(told, ends)]
        most = [one.at + one.remaining_range[1] / 1000 if one.remaining_range else end
                for one, end in zip(told, ends)]
        errors = [[max(e - a, 0) for e, a in zip(ends, least)], [max(b - e, 0) for e, b in zip(ends, most)]]
        axis.errorbar([one.at for one in told], ends, yerr=errors, fmt="o", color=FIRST, markersize=4, linewidth=1,
                      capsize=2, label="predicted, with its range")
    if journal.total is not None:
        axis.axhline(journal.total, color=SECOND, linewidth=1.3, label="what came")
        axis.set_ylim(0, max(journal.total * 2.2, 0.1))


def journal_chart(journal, prefix):
    """What happened over time, in five charts above each other."""
    with matplotlib.rc_context(STYLE):
        figure, axes = plt.subplots(5, 1, figsize=(8.6, 9.6), sharex=True, layout="constrained",
                                    gridspec_kw={"height_ratios": [3, 2, 2, 3, 3]})
        plot(axes[0], [(t, v / MIB) for t, v in journal.series("remaining")], FIRST)
        axes[0].set_ylabel("left to send, MiB")
        step(axes[1], journal.throttle_steps(), FIRST, journal.last)
        axes[1].set_ylabel("throttle, %")
        axes[1].set_ylim(-3, 103)
        step(axes[2], journal.downtime_steps(), FIRST, journal.last)
        axes[2].set_ylabel("pause limit, ms")
        plot(axes[3], [(t, v / MB) for t, v in journal.bandwidth()], FIRST, "bandwidth")
        plot(axes[3], [(t, v / MB) for t, v in journal.series("dirty_rate")], SECOND, "dirty rate, by QEMU",
             linestyle="--")
        plot(axes[3], [(t, v / MB) for t, v in journal.write_rate()], THIRD, "dirty rate at full speed, by the model",
             linestyle=":")
        axes[3].set_ylabel("MB/s")
        draw_predictions(axes[4], journal)
        axes[4].set_ylabel("predicted end, s")
        axes[4].set_xlabel("seconds since memory moved")
        for axis in axes:
            axis.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
            if axis is not axes[1] and axis is not axes[4]:
                axis.set_ylim(bottom=0)
        axes[0].set_xlim(0, max(journal.last, 0.1) * 1.01)
        for axis in axes[3:]:
            if axis.get_legend_handles_labels()[0]:
                axis.legend(loc="upper left", bbox_to_anchor=(0, 1.22), ncols=3)
        mark_decisions(axes, journal)
        figure.align_ylabels(axes)
        return svg(figure, prefix, "Over time: memory left to send, throttle, pause limit, bandwidth with dirty rate, "
                                   "and predicted end. The table of decisions has the numbers at the vertical lines.")


def distribution_chart(values, unit, label, prefix):
    """How VALUES are spread: the share of migrations with at most so much, and each one below."""
    values = sorted(values)
    with matplotlib.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(4.2, 2.5), layout="constrained")
        shares = [100 * (i + 1) / len(values) for i in range(len(values))]
        axis.step([0] + values + [max(values[-1] * 1.05, 0.1)], [0] + shares + [100], where="post", color=FIRST,
                  linewidth=1.5)
        axis.plot(values, [-4] * len(values), "|", color=SECOND, markersize=7)
        axis.set_ylim(-9, 103)
        axis.set_xlim(0, max(values[-1] * 1.05, 0.1))
        axis.set_xlabel(unit)
        axis.set_ylabel("migrations, %")
        return svg(figure, prefix, label)


def observed_chart(pairs, unit, label, prefix):
    """PAIRS of what stock did and what the policy would have come to (likely, least, most), one below the
    other, with their numbers of the table."""
    with matplotlib.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(4.2, 1.3 + 0.42 * len(pairs)), layout="constrained")
        places = range(1, len(pairs) + 1)
        likely = [would[0] for _, would in pairs]
        errors = [[max(one - (would[1] if would[1] is not None else one), 0) for one, (_, would) in zip(likely, pairs)],
                  [max((would[2] if would[2] is not None else one) - one, 0) for one, (_, would) in zip(likely, pairs)]]
        axis.barh([at - 0.18 for at in places], [stock for stock, _ in pairs], 0.32, color=SECOND, label="stock")
        axis.barh([at + 0.18 for at in places], likely, 0.32, color=FIRST, xerr=errors, ecolor=INK, capsize=2,
                  error_kw={"linewidth": 1}, label="policy, with its range")
        axis.set_yticks(list(places))
        axis.invert_yaxis()
        axis.set_xlim(left=0)
        axis.grid(axis="y", visible=False)
        axis.set_xlabel(unit)
        axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
        return svg(figure, prefix, label)
