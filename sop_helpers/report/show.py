"""Show figures and tables in a notebook so that the report can carry them on: takeaway, alternative text, safe HTML."""

from __future__ import annotations

import html
import io
from collections.abc import Mapping

import pandas as pd


def show_figure(figure, takeaway: str, alt: str) -> None:
    """Show a matplotlib figure below its takeaway sentence, with alternative text, and close it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The picture.
    takeaway : str
        One sentence: what to see in it.
    alt : str
        What the picture shows, for those who cannot see it.
    """
    import matplotlib.pyplot as plt
    from IPython.display import HTML, Image, display

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    display(HTML(f'<p class="takeaway">{html.escape(takeaway)}</p>'))
    display(Image(buffer.getvalue(), alt=alt), metadata={"image/png": {"alt": alt}})


def show_table(frame: pd.DataFrame, caption: str, formats: Mapping[str, str] | None = None, limit: int | None = None) -> None:
    """Show a table as HTML in which data is text and never markup.

    Parameters
    ----------
    frame : DataFrame
        Rows to show, columns as they are to be named; the index is not shown.
    caption : str
        What the table holds.
    formats : mapping, optional
        Format of each column, such as ``{"revenue": "{:,.0f}"}``.
    limit : int, optional
        Most rows shown; a line says how many there are.
    """
    from IPython.display import HTML, display

    shown = frame if limit is None else frame.head(limit)
    style = shown.style.format(formatter=dict(formats or {}), na_rep="n/a", escape="html").format_index(escape="html", axis=1).hide(axis="index")
    style = style.set_caption(html.escape(caption)).set_table_attributes('class="sortable"')
    display(HTML(style.to_html()))
    if len(shown) < len(frame):
        display(HTML(f'<p class="more">{len(shown)} of {len(frame)} rows; the whole table is in the month\'s folder.</p>'))
