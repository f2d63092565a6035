"""Show figures, tables, tiles and remarks in a notebook so that the report can carry them on: takeaway, alternative text, safe HTML.

All HTML here is made of a few tags and attributes, and whatever comes from data is escaped; `report.html` holds every output
against that small grammar and shows anything else only after it was cleaned.
"""

from __future__ import annotations

import html
import io
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pandas as pd
from pandas.api import types

Format = str | Callable[[Any], str]

# A status speaks by mark and word; the page adds the colour.
MARKS = {"green": "●", "done": "●", "amber": "▲", "open": "○", "red": "■", "late": "■", "n/a": "–", "cancelled": "–"}
CLASSES = {"green": "green", "done": "green", "amber": "amber", "red": "red", "late": "red"}
STATUS_COLUMNS = {"status", "level"}
# Columns that hold numbers with their unit as text, such as "96.7 %".
MEASURES = {"value", "change", "target", "benchmark"}
TERMS = {"wmape", "mape", "mase", "smape", "rmsse", "fva", "kpi"}  # abbreviations of the field in the names of columns
LONG = 44  # letters from which a column of text gets a width to be read in
SHORT = 14  # letters up to which codes are not broken at their hyphens
_DATE = re.compile(r"\b\d{4}-\d{2}(?:-\d{2})?\b")
_MEASURE = re.compile(r"([-+]?[\d,]*\.?\d+)(?: ?[%A-Za-z][A-Za-z/ ]*)?")
_NO_MORE_THAN_ZERO = re.compile(r"-0(\.0*)?[^\d.]*")


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

    Raises
    ------
    ValueError
        The alternative text is blank.
    """
    import matplotlib.pyplot as plt
    from IPython.display import HTML, Image, display

    if not alt.strip():
        raise ValueError(f"the figure below {takeaway!r} needs alternative text: say what it shows")
    buffer = io.BytesIO()
    # Sharper than it is shown, for screens and paper of high resolution.
    figure.savefig(buffer, format="png", dpi=150, bbox_inches="tight", metadata={"Software": None})
    width = min(900, int(round(figure.get_figwidth() * 100)))
    plt.close(figure)
    display(HTML(f'<p class="takeaway">{html.escape(takeaway)}</p>'))
    display(Image(buffer.getvalue(), alt=alt, width=width), metadata={"image/png": {"alt": alt, "width": width}})


def show_note(text: str) -> None:
    """Show a plain remark, such as which part of the plan is switched off and what would switch it on."""
    _show(f'<p class="note">{html.escape(text)}</p>')


@contextmanager
def show_progress(what: str, unit: str = " rows", after: float = 10.0) -> Iterator[Callable[[int, int], None]]:
    """Show how far something is and how long it still takes, once it has taken some seconds; what is shown goes when it is done.

    Parameters
    ----------
    what, unit : str
        What is being done, and what is counted.
    after : float
        Seconds before anything is shown.

    Yields
    ------
    callable
        To be told ``(done, total)``. Nothing is shown in a month that `sop run` makes, which has a bar of its own and whose pages are kept.
    """
    from tqdm.auto import tqdm

    with tqdm(desc=what, unit=unit, delay=after, leave=False, disable=bool(os.environ.get("SOP_STEP"))) as bar:

        def tell(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield tell


def show_points(points: list[str]) -> None:
    """Show a few sentences as a list: the month in short."""
    if points:
        _show(f'<ul class="points">{"".join(f"<li>{html.escape(point)}</li>" for point in points)}</ul>')


def show_tiles(tiles: pd.DataFrame) -> None:
    """Show the few numbers of the month as tiles.

    Parameters
    ----------
    tiles : DataFrame
        label, value (as text), and optionally status (green, amber, red or n/a), note (one short line).
    """
    parts = [_tile(row) for row in tiles.to_dict("records")]
    if parts:
        _show(f'<ul class="tiles">{"".join(parts)}</ul>')


def _tile(row: dict[str, Any]) -> str:
    state = str(row.get("status") or "")
    mark = status_html(state) if state in MARKS else ""
    note = row.get("note")
    more = f'<span class="tile-note">{html.escape(str(note))}</span>' if note is not None and not pd.isna(note) and str(note) else ""
    return (
        f'<li class="tile tile-{CLASSES.get(state, "plain")}"><span class="tile-label">{html.escape(str(row["label"]))}</span>'
        f'<strong class="tile-value">{html.escape(str(row["value"]))}</strong>{mark}{more}</li>'
    )


def status_html(state: str) -> str:
    """Return a status as mark and word with a class for its colour."""
    word = html.escape(state)
    return f'<span class="rag rag-{CLASSES.get(state, "plain")}">{MARKS.get(state, "")} {word}</span>'


def show_table(
    frame: pd.DataFrame, caption: str, formats: Mapping[str, Format] | None = None, limit: int | None = None, links: Mapping[str, str] | None = None
) -> None:
    """Show a table as HTML in which data is text and never markup.

    Parameters
    ----------
    frame : DataFrame
        Rows to show, columns as they are to be named; the index is not shown.
    caption : str
        What the table holds.
    formats : mapping, optional
        Format of each column, such as ``{"revenue": "{:,.0f}"}``, or a function. Without one, numbers get thousands separators,
        months and days ISO form, flags yes and no.
    limit : int, optional
        Most rows shown; a line says how many there are.
    links : mapping, optional
        Column to the page each of its values links to, relative to the report: ``{"notebook": "steps/{}.html"}``.
    """
    shown = frame if limit is None else frame.head(limit)
    _show(table_html(shown, caption, formats, links))
    _show_rest(shown, frame)


def _show_rest(shown: pd.DataFrame, frame: pd.DataFrame) -> None:
    if len(shown) < len(frame):
        _show(f'<p class="more">{len(shown)} of {len(frame)} rows; the whole table is in the month\'s folder.</p>')


def show_decisions(decisions: pd.DataFrame, currency: str) -> None:
    """Show each decision as its question, with its options, their price and what follows; the chosen option is marked in words.

    Parameters
    ----------
    decisions : DataFrame
        As the contract decisions.
    currency : str
        Unit of the money column.
    """
    for _, rows in decisions.groupby("decision", sort=False):
        question, owner = rows["question"].iloc[0], rows["owner"].iloc[0]
        who = f'<span class="owner">{html.escape(owner)} decides</span>' if isinstance(owner, str) else ""
        shown = rows[["option", "money", "consequence"]].rename(columns={"money": currency})
        if rows["chosen"].any():
            shown.insert(0, "taken", rows["chosen"].map({True: "chosen", False: ""}))
        table = table_html(shown, question, {currency: _price}).replace(f"<caption>{html.escape(question)}</caption>", "", 1)
        # The question stands above; a handful of options in their order need no sorting.
        table = table.replace(' class="sortable"', "", 1)
        _show(f'<div class="decision"><p class="question">{html.escape(question)} {who}</p>{table}</div>')


def _price(value: float) -> str:
    return f"{value:+,.0f}" if abs(value) >= 0.5 else "0"


def show_months(frame: pd.DataFrame, caption: str, form: Format = "{:,.0f}", limit: int | None = None) -> None:
    """Show a table with months across, closely set: one format for all numbers, nothing where a month has none, rows in their order."""
    formats = {name: form for place, name in enumerate(frame.columns) if _is_number(frame.iloc[:, place])}
    shown = frame if limit is None else frame.head(limit)
    _show(table_html(shown, caption, formats, missing="").replace(' class="sortable"', ' class="months"', 1))
    _show_rest(shown, frame)


def table_html(
    frame: pd.DataFrame, caption: str, formats: Mapping[str, Format] | None = None, links: Mapping[str, str] | None = None, missing: str = "n/a"
) -> str:
    """Return the HTML of a table; see `show_table`. `missing` stands for numbers that are missing."""
    columns = [_column(frame.iloc[:, place], (formats or {}).get(name), (links or {}).get(name), missing) for place, name in enumerate(frame.columns)]
    numeric = [_is_number(frame.iloc[:, place]) or str(name).lower() in MEASURES for place, name in enumerate(frame.columns)]
    heads = "".join(f'<th scope="col"{_class(n)}>{html.escape(_head(str(name)))}</th>' for name, n in zip(frame.columns, numeric, strict=True))
    rows = "".join(f"<tr>{''.join(cells)}</tr>" for cells in zip(*columns, strict=True)) if columns else ""
    if not len(frame):
        rows = f'<tr><td colspan="{max(len(columns), 1)}" class="none">Nothing to show.</td></tr>'
    title = html.escape(caption)
    return (
        f'<div class="table" role="region" tabindex="0" aria-label="{title}"><table class="sortable"><caption>{title}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _head(name: str) -> str:
    """Return a column's name as people write it: words, and the field's abbreviations in capitals."""
    return " ".join(word.upper() if word in TERMS else word for word in name.replace("_", " ").split(" "))


def _column(values: pd.Series, form: Format | None, link: str | None, missing: str = "n/a") -> list[str]:
    """Return the cells of a column, with the value to sort by where the text does not sort by itself."""
    number = _is_number(values)
    texts = [_text(value, form, values, missing) for value in values]
    if str(values.name).lower() in STATUS_COLUMNS:
        return [f'<td data-sort="{_rank(text)}">{status_html(word)}</td>' if (word := _word(text)) else f"<td>{html.escape(text)}</td>" for text in texts]
    if link:
        return [f'<td><a href="{html.escape(link.format(quote(text, safe="")))}">{html.escape(text)}</a></td>' for text in texts]
    if str(values.name).lower() in MEASURES and not number:
        found = [_MEASURE.fullmatch(text) for text in texts]
        keys = [f' data-sort="{match[1].replace(",", "")}"' if match else "" for match in found]
        return [f'<td class="num"{key}>{html.escape(text)}</td>' for key, text in zip(keys, texts, strict=True)]
    keys = [f' data-sort="{float(value):.12g}"' if number and not pd.isna(value) else "" for value in values]
    if texts and not number and max(map(len, texts)) <= SHORT and not any(" " in text for text in texts):
        return [f'<td class="day"{key}>{html.escape(text)}</td>' for key, text in zip(keys, texts, strict=True)]
    kind = ' class="day"' if types.is_datetime64_any_dtype(values) else _class(number) or (' class="long"' if max(map(len, texts), default=0) > LONG else "")
    return [f"<td{kind}{key}>{_prose(text)}</td>" for key, text in zip(keys, texts, strict=True)]


def _prose(text: str) -> str:
    """Escape a text; months and days in it are not broken at their hyphens."""
    return _DATE.sub(r'<span class="day">\g<0></span>', html.escape(text))


def _word(text: str) -> str:
    """Return the status that a cell says, with or without its mark; blank where it says something else."""
    word = text.rsplit(" ", 1)[-1]
    return word if word in MARKS else ""


def _rank(text: str) -> int:
    return ["red", "late", "amber", "open", "green", "done"].index(_word(text)) if _word(text) in CLASSES or _word(text) == "open" else 9


def _is_number(values: pd.Series) -> bool:
    return bool(types.is_numeric_dtype(values) and not types.is_bool_dtype(values))


def _class(number: bool) -> str:
    return ' class="num"' if number else ""


def _text(value: Any, form: Format | None, column: pd.Series, missing: str = "n/a") -> str:
    """Write one value for people; what is missing or not finite is n/a unless told otherwise."""
    if pd.api.types.is_scalar(value) and (pd.isna(value) or (isinstance(value, float) and not math.isfinite(value))):
        return "" if types.is_string_dtype(column) and form is None else missing
    if callable(form):
        return str(form(value))
    if form:
        text = form.format(value)
        return text.replace("-", "", 1) if _NO_MORE_THAN_ZERO.fullmatch(text) else text  # not -0 or -0.0%
    if isinstance(value, pd.Timestamp):
        from sop_helpers.book.tables import days  # the contracts are not needed to show what holds no dates

        whole = types.is_datetime64_any_dtype(column) and column.name not in days() and (column.dropna().dt.day == 1).all()
        return f"{value:%Y-%m}" if whole else f"{value:%Y-%m-%d}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        # Up to three digits that mean something; whole numbers stay whole.
        return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:,.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _show(text: str) -> None:
    from IPython.display import HTML, display

    display(HTML(text))
