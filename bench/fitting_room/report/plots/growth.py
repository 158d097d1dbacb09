"""What trials on a cluster cost, against their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from fitting_room.report.plots import Theme, explained, percent

PANELS = (
    "ms of a slot beyond a trial",
    "ms of the run's processor a trial",
    "of the ideal throughput (%)",
    "peak memory of the run (MiB)",
)
"""What follows the number of trials in a point."""

MARKERS = "os^Dv*"


def growth(
    lines: Mapping[str, Sequence[tuple[float, ...]]], theme: Theme, *, small_print: str
) -> Figure:
    """Draw a line for each number of workers, over the number of trials.

    Args:
        lines: Name → points: trials, then what ``PANELS`` names.
        theme: The colours.
        small_print: What is said below.
    """
    figure = Figure(figsize=(8.4, 5.2))
    looks = {
        name: {"color": theme.test, "marker": marker, "ls": style, "ms": 5, "lw": 1.2}
        for name, marker, style in zip(lines, MARKERS, ("-", "--", "-.", ":", "", ""), strict=False)
    }
    for place, (axes, title) in enumerate(zip(figure.subplots(2, 2).flat, PANELS, strict=True)):
        for name, look in looks.items():
            axes.plot(
                [point[0] for point in lines[name]],
                [point[place + 1] for point in lines[name]],
                **look,
            )
        axes.set(title=title, xlabel="trials of a run (log scale)", xscale="log")
        axes.set_ylim(0, 1.08 * axes.get_ylim()[1])  # room for the highest marker
    percent(figure.axes[2].yaxis)
    return explained(figure, looks, small_print, theme)
