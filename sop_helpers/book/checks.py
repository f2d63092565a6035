"""Findings on a company's inputs: red blocks the month, amber is listed for people to look at.

:func:`check_inputs` judges tables that were read; :func:`check_workbook` reads them first and turns each table that cannot be read into red rows, so
that one run tells all that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

import pandas as pd

from sop_helpers.book import tables
from sop_helpers.book.rules import RULES
from sop_helpers.book.rules.findings import Inputs, Issue, agree, codes_like, plain_code, some

if TYPE_CHECKING:
    from sop_helpers.book.config import Workbook

RED_REFS = {"sales", "open_orders", "components", "loads"}
"""Tables in which an unknown key would silently drop demand or capacity from the plan."""
ORDER = {"red": 0, "amber": 1}


def check_inputs(
    inputs: dict[str, pd.DataFrame], month: pd.Timestamp | str, horizon_months: int = 18, closed: dict[str, pd.DataFrame] | None = None
) -> pd.DataFrame:  # fmt: skip
    """Judge the inputs of a month, each for itself and against each other.

    Parameters
    ----------
    inputs : dict of str to DataFrame
        Tables as read, by name; missing and empty ones switch their checks off.
    month : Timestamp or str
        First month planned; the month before it should be the last with actuals.
    horizon_months : int
        Months planned.
    closed : dict of str to DataFrame, optional
        Inputs as the last month closed kept them, for what must not change since.

    Returns
    -------
    DataFrame
        The ``data_issues`` table: red first, then by money; empty where nothing was found.
    """
    given = Inputs({name: frame for name, frame in inputs.items() if not frame.empty}, pd.Timestamp(month), horizon_months, closed=closed or {})
    return _frame(_all_issues(given))


def _all_issues(given: Inputs) -> Iterator[Issue]:
    yield from _keys(given)
    yield from _references(given)
    yield from _look_alikes(given)
    yield from _damaged(given)
    for rule in RULES:
        yield from rule(given)


def _frame(issues: Iterable[Issue]) -> pd.DataFrame:
    frame = pd.DataFrame([{**vars(i), "message": agree(i.message)} for i in issues], columns=list(tables.columns("data_issues")))
    text = ["level", "check", "table", "column", "message", "action"]
    frame = frame.astype({**{c: "str" for c in text}, "rows": "float64", "money": "float64"})
    frame["column"] = frame["column"].mask(frame["column"] == "")
    order = frame.assign(_level=frame["level"].map(ORDER), _money=frame["money"].fillna(0).abs())
    return frame.loc[
        order.sort_values(["_level", "_money", "table", "check", "message"], ascending=[True, False, True, True, True], kind="stable").index
    ].reset_index(drop=True)


def _keys(given: Inputs) -> Iterator[Issue]:
    """Find keys that stand more than once."""
    for name, frame in given.tables.items():
        key = list(tables.schema(name).unique or []) if name in tables.INPUTS else []
        if key and set(key) <= set(frame) and (double := frame.duplicated(key)).any():
            shown = [
                "/".join(f"{v:%Y-%m}" if isinstance(v, pd.Timestamp) else str(v) for v in row) for row in frame.loc[double, key].head(3).itertuples(index=False)
            ]
            yield Issue(
                "red",
                "duplicate keys",
                name,
                " + ".join(key),
                int(double.sum()),
                f"{int(double.sum())} rows repeat a key: {some(shown)}.",
                "Keep one row for each key.",
            )


def _references(given: Inputs) -> Iterator[Issue]:
    """Find codes that the table they refer to does not know."""
    for name, frame in given.tables.items():
        for column, spec in (tables.columns(name) if name in tables.INPUTS else {}).items():
            parent, _, key = spec["ref"].partition(".")
            known = given.get(parent)
            if not spec["ref"] or column not in frame:
                continue
            if known is None:
                if name in RED_REFS and parent != name:
                    yield Issue(
                        "red", "unmapped keys", name, column, len(frame), f"{name} refers to {parent}, and there is no {parent} table.", f"Bring {parent}."
                    )
                continue
            unknown = frame[column].notna() & ~frame[column].isin(known[key].unique())
            if unknown.any():
                values = frame.loc[unknown, column].value_counts().index.tolist()
                hints = codes_like(values[:3], known[key])
                named = [f"{v!r}" + (f" (is it {hints[v]!r}?)" if v in hints else "") for v in values]
                money = next((float(frame.loc[unknown, c].sum()) for c in ("revenue", "amount", "quota") if c in frame), float("nan"))
                yield Issue(
                    "red" if name in RED_REFS else "amber",
                    "unmapped keys",
                    name,
                    column,
                    int(unknown.sum()),
                    f"{len(values)} values of {column} are not in {parent}: {some(named)}.",
                    f"Add them to {parent}, or mend the codes; nothing is merged by itself.",
                    money,
                )


def _look_alikes(given: Inputs) -> Iterator[Issue]:
    """Find codes of one table that differ only in case, blanks, punctuation or leading zeros."""
    for name, column in (
        ("products", "product"),
        ("products", "family"),
        ("sales", "region"),
        ("regions", "region"),
        ("accounts", "account"),
        ("operations", "item"),
        ("inventory", "location"),
        ("reps", "rep"),
    ):
        frame = given.get(name)
        if frame is None:
            continue
        values = pd.Series(frame[column].dropna().unique())
        plain = values.map(plain_code)
        twins = values[plain.duplicated(keep=False)].groupby(plain).agg(list).tolist()
        if twins:
            yield Issue(
                "amber",
                "look-alike codes",
                name,
                column,
                sum(map(len, twins)),
                f"{len(twins)} groups of codes look like one: {some([' = '.join(t) for t in twins])}.",
                "Make them one in the source if they are; they are planned as different.",
            )


def _damaged(given: Inputs) -> Iterator[Issue]:
    """Find codes that a spreadsheet has rewritten as numbers in powers of ten."""
    for name, frame in given.tables.items():
        for column in tables.schema(name).unique or [] if name in tables.INPUTS else []:
            if tables.columns(name)[column]["kind"] != "code" or column not in frame:
                continue
            values = pd.Series(frame[column].dropna().unique(), dtype="str")
            damaged = values[values.str.match(r"^\d(?:\.\d+)?[eE]\+\d+$")]
            if len(damaged):
                yield Issue(
                    "amber",
                    "damaged codes",
                    name,
                    column,
                    len(damaged),
                    f"{len(damaged)} codes look rewritten by a spreadsheet: {some(damaged)}.",
                    "Export them from their source as text; several codes may have become one.",
                )


def check_workbook(workbook: Workbook, month: pd.Timestamp | str | None = None, closed: dict[str, pd.DataFrame] | None = None) -> pd.DataFrame:
    """Read every input of a workbook and judge it, without stopping at the first table that cannot be read.

    Parameters
    ----------
    workbook : Workbook
        The company's settings.
    month : Timestamp or str, optional
        First month planned; the workbook's own by default.
    closed : dict of str to DataFrame, optional
        Inputs as the last month closed kept them (see `gathering.last_kept`), for what must not change since.

    Returns
    -------
    DataFrame
        The ``data_issues`` table.

    Raises
    ------
    WorkbookError
        Neither the call nor the workbook names a month.
    """
    from sop_helpers.book.cycle import Cycle
    from sop_helpers.book.errors import WorkbookError
    from sop_helpers.book.files import changed_since_closing
    from sop_helpers.book.journal import Journal
    from sop_helpers.book.sources import has_source, load_table

    if month is None and workbook.month is None:
        raise WorkbookError("no month is given", 'Name it with --month 2026-10, or write month = "2026-10" into workbook.toml.')
    try:
        start = month if isinstance(month, pd.Timestamp) else pd.to_datetime(str(month or workbook.month), format="%Y-%m")
    except ValueError:
        raise WorkbookError(f"{month!r} is not a month", "Write it as 2026-10.") from None
    issues: list[Issue] = []
    inputs: dict[str, pd.DataFrame] = {}
    for name in workbook.sources.tables:
        if name not in tables.INPUTS:
            near = get_close_matches(name, tables.INPUTS, n=1)
            said = f"workbook.toml describes [sources.tables.{name}], and there is no input table of that name" + (f"; is it {near[0]}?" if near else ".")
            issues.append(Issue("red", "cannot be read", name, "", 0, said, "Mend the name; what is described there is used nowhere."))
    for table in tables.INPUTS:
        try:
            if not has_source(workbook, table) and not tables.meta(table)["required"]:
                continue
            loaded = load_table(workbook, table, start)
        except WorkbookError as error:
            for problem in getattr(error, "problems", None) or [None]:
                where = f"{getattr(error, 'label', table)}: {problem}" if problem else error.message
                issues.append(Issue("red", "cannot be read", table, problem.column if problem else "", len(problem.rows) if problem else 0, where, error.todo))
            continue
        inputs[table] = loaded.frame
        for note in loaded.notes:
            issues.append(Issue("amber", "reading", table, note.column, 0, f"{loaded.label}: {note}.", "Rename or drop it if that is not meant."))
    for label, folder in sorted(Cycle(f"{start:%Y-%m}", workbook).closed_folders().items()):
        if f"{start - pd.DateOffset(months=12):%Y-%m}" <= label < f"{start:%Y-%m}" and (changed := changed_since_closing(folder)):
            said = f"{len(changed)} files of {label} are not what they were when it was closed: {some(changed)}."
            todo = "Put them back, or reopen and close the month again; plans are held against it."
            issues.append(Issue("amber", "closed month", label, "", len(changed), said, todo))
    overrides = None
    try:
        overrides = Journal(workbook, f"{start:%Y-%m}").read("override", expired=True)
    except WorkbookError as error:
        issues.append(Issue("red", "cannot be read", "journal", "", 0, error.message, error.todo))
    stated = {"stages": tuple(workbook.policies.sales.stages), "currency": workbook.company.currency, "closed": closed or {}, "overrides": overrides}
    given = Inputs({name: frame for name, frame in inputs.items() if not frame.empty}, start, workbook.calendar.horizon_months, **stated)
    unread = {i.table for i in issues if i.level == "red"}
    # what refers to a table that could not be read is not blamed for it
    found = [i for i in _all_issues(given) if not any(f"there is no {t} table" in i.message for t in unread)]
    return _frame([*issues, *found])
