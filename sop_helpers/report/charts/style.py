"""The one look of all charts: colours that colour-blind people tell apart, axes of months and money, a new figure.

Colours are those of Okabe and Ito (2008), darkened where white paper asks for contrast. A colour never speaks alone: series
differ in line style or marker too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter

COLOURS: dict[str, str] = {
    "actual": "#1F2933",
    "plan": "#0072B2",
    "forecast": "#3B8FC4",
    "last": "#8A94A0",
    "budget": "#B8791B",
    "short": "#C4480C",
    "good": "#00805E",
    "bad": "#C4480C",
    "neutral": "#6B7785",
}

_RC = Path(__file__).resolve().parents[3] / "matplotlibrc"
# Loaded once at import: artists made later (legends, ticks) read the settings too. The backend stays what it is.
if _RC.is_file():
    mpl.rcParams.update({name: value for name, value in mpl.rc_params_from_file(_RC, use_default_template=False).items() if name != "backend"})


def new_figure(title: str, xlabel: str = "", ylabel: str = "", rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """Make a figure in the house style.

    Parameters
    ----------
    title : str
        What is drawn; stands at the top left.
    xlabel, ylabel : str
        Axis labels with their unit; with several panels they stand at the outer ones.
    rows, columns : int
        Panels.

    Returns
    -------
    figure : Figure
        Not known to pyplot, so nothing is left open.
    axes : Axes or ndarray of Axes
        One, or an array of `rows`, `columns` or `rows` x `columns`.
    """
    # 900 pixels wide on the page; height grows with the panels.
    height = 4.2 if rows == 1 else 0.8 + 2.4 * rows
    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.subplots(rows, columns)
    if rows == columns == 1:
        axes.set_title(title, loc="left")
        axes.set(xlabel=xlabel, ylabel=ylabel)
        return figure, axes
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=mpl.rcParams["axes.titlesize"])
    for axis in axes.flat:
        place = axis.get_subplotspec()
        axis.set_xlabel(xlabel if place.is_last_row() else "")
        axis.set_ylabel(ylabel if place.is_first_col() else "")
    return figure, axes


def month_axis(axis: Axes) -> None:
    """Write months on the x axis: names of months, the year once, and days between them where the axis is short."""
    locator = AutoDateLocator(minticks=4, maxticks=12)
    axis.xaxis.set_major_locator(locator)
    within, at_turn = ["%Y", "%b", "%d %b", *["%b"] * 3], ["", "%b\n%Y", *["%b"] * 4]
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator, formats=within, zero_formats=at_turn, offset_formats=[""] * 6))


def money(value: float, digits: int = 3) -> str:
    """Write an amount or a quantity shortly: ``1.2 M``, ``340 k``, ``87``, ``n/a``.

    >>> money(1234567), money(-4200), money(87), money(float("nan"))
    ('1.23 M', '-4.2 k', '87', 'n/a')
    """
    if value is None or pd.isna(value):
        return "n/a"
    # The unit is chosen after rounding, so 999,999 is 1 M and not 1000 k.
    rounded = float(f"{value:.{digits}g}")
    for size, unit in ((1e9, " bn"), (1e6, " M"), (1e3, " k")):
        if abs(rounded) >= size:
            return f"{rounded / size:.{digits}g}{unit}"
    return f"{value + 0.0:.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.3g}"


class ShortTicks(Formatter):
    """Ticks written by `money`, with as many digits as tell them apart."""

    def __call__(self, value: float, pos: int | None = None) -> str:
        """Write one value."""
        return money(value)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Write the ticks of an axis."""
        texts: list[str] = []
        for digits in range(3, 7):
            texts = [money(value, digits) for value in values]
            if len(set(texts)) == len(set(values)):
                break
        return texts


def thousands(axis: Axes, which: str = "y") -> None:
    """Write the ticks of the y (or x) axis shortly, as `money` does."""
    target = axis.yaxis if which == "y" else axis.xaxis
    target.set_major_formatter(ShortTicks())
