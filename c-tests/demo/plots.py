"""The drain report's plots."""

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update(
    {
        "svg.hashsalt": "libpq-oxide",  # the same data give the same file
        "svg.fonttype": "none",  # text stays text
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)

import matplotlib.pyplot as plt  # noqa: E402
import matplotlib.ticker  # noqa: E402

COLORS = {
    "stock": "#7f7f7f",
    "fast": "#d62728",
    "goaway": ["#1f77b4", "#2ca02c", "#9467bd"],
    "extension": "#ff7f0e",
    "extension_stock": "#8c564b",
}


def save(figure, path):
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight", facecolor="white")
    plt.close(figure)


def color(outcomes, outcome):
    kind = outcome.variant.partition("-")[0]
    if kind != "goaway":
        return COLORS[kind]
    spreads = [other.variant for other in outcomes if other.variant.startswith("goaway")]
    return COLORS[kind][spreads.index(outcome.variant) % 3]


def drain(outcomes, path):
    """Connections to the old server, and connects to the new one. The time axis leaves out the part where nothing happens."""
    longest = max(outcome.exited for outcome in outcomes)
    near = max(outcome.exited for outcome in outcomes if not outcome.variant.startswith("stock-")) + 2
    figure, axes = plt.subplots(
        2, 2, sharex="col", sharey="row", figsize=(9, 5.5), width_ratios=[3, 1], height_ratios=[2, 1]
    )
    figure.subplots_adjust(wspace=0.05, hspace=0.12)
    for outcome in outcomes:
        aware = outcome.variant.startswith(("goaway", "extension"))
        style = {"color": color(outcomes, outcome), "linewidth": 2 if aware else 1.5}
        times = [t for t, _, _ in outcome.samples]
        label = f"{outcome.variant}: {outcome.failed} failed queries, exited after {outcome.exited:.1f} s"
        bins = range(0, int(longest) + 3)
        counts = [sum(t <= c < t + 1 for c in outcome.connects) for t in bins]
        for top, bottom in axes.T:
            top.plot(times, [old for _, old, _ in outcome.samples], label=label, **style)
            bottom.step(bins, counts, where="post", **style)
    for row in axes:
        row[0].set_xlim(-1, near)
        row[1].set_xlim(max(near, longest * 0.88), longest + 2)
        row[1].spines["left"].set_visible(False)
        row[1].tick_params(left=False)
    axes[0, 0].set_ylabel("connections to\nthe old server")
    axes[1, 0].set_ylabel("connects a second\nto the new server")
    axes[1, 0].set_xlabel("seconds since pg_ctl stop")
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="lower center", bbox_to_anchor=(0.5, 0.9), ncols=2, frameon=False
    )
    save(figure, path)


def switchover(outcomes, path):
    """Failed queries of each run."""
    figure, axes = plt.subplots(figsize=(9, 2.8))
    width = 0.8 / len(outcomes)
    for index, (variant, runs) in enumerate(outcomes.items()):
        shade = COLORS[variant][0] if variant == "goaway" else COLORS[variant]
        numbers = [number + 1 + (index - (len(outcomes) - 1) / 2) * width for number in range(len(runs))]
        label = f"{variant}: {sum(run.failed for run in runs)} failed of {sum(run.failed + run.answered for run in runs)}"
        axes.bar(numbers, [run.failed for run in runs], width, color=shade, label=label)
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    axes.set_xlabel("switchover")
    axes.set_ylabel("failed queries\nand transactions")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    save(figure, path)


def bad_client(outcomes, path):
    """Connections to both servers. Those that are cut show at the deadline."""
    figure, all_axes = plt.subplots(len(outcomes), figsize=(9, 2.8 * len(outcomes)), sharex=True, squeeze=False)
    for outcome, axes in zip(outcomes, all_axes[:, 0]):
        times = [t for t, _, _ in outcome.samples]
        old, new = [old for _, old, _ in outcome.samples], [new for _, _, new in outcome.samples]
        through = "through goaway-proxy" if outcome.variant == "goaway" else "to the server with pg_goaway"
        axes.plot(times, old, color=COLORS["goaway"][0], linewidth=2, label=through)
        axes.plot(times, new, color=COLORS["goaway"][1], linewidth=2, label="to the next server")
        axes.axvline(outcome.deadline, color=COLORS["fast"], linestyle=":", label="deadline")
        axes.set_ylabel("connections")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)
    all_axes[-1, 0].set_xlabel("seconds since the shutdown began")
    save(figure, path)


def soak(ticks_of, begin, path):
    """The times of committed rows, and how many were committed. A tick counts as many seconds as the longest run needs."""
    everything = [tick for clients in ticks_of.values() for ticks in clients for tick in ticks]
    step = max(5, (max(tick.time for tick in everything) - begin) / 60)
    figure, (times, rates) = plt.subplots(2, sharex=True, figsize=(9, 5), height_ratios=[3, 1])
    total = {}
    for index, (kind, clients) in enumerate(ticks_of.items()):
        bins = {}
        for tick in (tick for ticks in clients for tick in ticks if tick.done):
            bins.setdefault(int((tick.time - begin) / step), []).append(tick)
            total[int((tick.time - begin) / step)] = total.get(int((tick.time - begin) / step), 0) + tick.done
        minutes = [(number + 0.5) * step / 60 for number in sorted(bins)]
        medians = [sorted(tick.median for tick in bins[number])[len(bins[number]) // 2] * 1000 for number in sorted(bins)]
        worst = [max(tick.worst for tick in bins[number]) * 1000 for number in sorted(bins)]
        shade = COLORS["goaway"][index]
        times.plot(minutes, medians, color=shade, linewidth=1.5, label=f"{kind}: median")
        times.plot(minutes, worst, ".", color=shade, markersize=3, label=f"{kind}: slowest")
    rates.plot([(number + 0.5) * step / 60 for number in sorted(total)], [total[number] / step for number in sorted(total)], color=COLORS["stock"])
    times.set_yscale("log")
    times.set_ylabel("time of a committed row, ms")
    rates.set_ylim(bottom=0)
    rates.set_ylabel("rows a second")
    rates.set_xlabel("minutes")
    times.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)
    save(figure, path)
