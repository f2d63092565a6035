"""Holding a table against its contract: which columns are meant, and what the values break, said in words."""

from __future__ import annotations

import difflib
import json
import re

import pandas as pd

from sop_helpers.book import coerce, tables
from sop_helpers.book.coerce import Problem
from sop_helpers.book.config import Source


def _plain(name: str) -> str:
    return re.sub(r"[\s\-]+", "_", name.strip().casefold())


def match_columns(table: str, names: list[str], source: Source, problems: list[Problem], notes: list[Problem]) -> dict[str, list[str]]:
    """Find the contract's columns (keys) among the source's (values, several where the workbook composes one); case and blanks in names do not matter."""
    spec = tables.columns(table)
    for theirs, ours in source.rename.items():
        if ours not in spec:
            problems.append(Problem(ours, f"rename gives {theirs!r} this name and the table has no such column; it has {', '.join(spec)}"))
        elif theirs not in names:
            problems.append(Problem(ours, f"rename takes it from {theirs!r} and the source has no such column; it has {_listed(names)}"))
    taken: dict[str, list[str]] = {}
    extra: list[str] = []
    for setting, said, told in (("count_in", "lets orders count by", "orders count by"), ("compose", "makes it of", "made of")):
        for ours, value in getattr(source, setting).items():
            parts = [value] if isinstance(value, str) else value
            missing = [part for part in parts if part not in names]
            if ours not in spec:
                problems.append(Problem(ours, f"{setting} names it and the table has no such column; it has {', '.join(spec)}"))
            elif setting == "compose" and spec[ours]["kind"] not in ("code", "text"):
                problems.append(Problem(ours, f"compose joins texts and this column is a {spec[ours]['kind']}; expected a column of text"))
            elif setting == "compose" and (ours in source.count_in or ours in source.rename.values()):
                problems.append(Problem(ours, "compose makes it, and count_in or rename names it too; keep one"))
            elif not parts:
                problems.append(Problem(ours, "compose makes it of no column; name the columns to join"))
            elif missing:
                lacks = f"{setting} {said} {' and '.join(map(repr, missing))} and the source has no such column"
                problems.append(Problem(ours, f"{lacks}; it has {_listed(names)}"))
            else:
                taken[ours] = parts
                notes.append(Problem(ours, f"{told} {' and '.join(map(repr, parts))}"))
    used = {part for parts in source.compose.values() for part in parts}
    for theirs in names:
        ours = source.rename.get(theirs, _plain(str(theirs)))
        if ours in source.count_in or ours in source.compose or theirs in source.count_in.values():
            continue
        if ours not in spec:
            extra += [] if theirs in used else [str(theirs)]
        elif ours in taken:
            problems.append(Problem(ours, f"both {taken[ours][0]!r} and {theirs!r} would be this column; rename or drop one"))
        else:
            taken[ours] = [theirs]
    for name, column in spec.items():
        if name in taken:
            continue
        close = difflib.get_close_matches(name, [_plain(e) for e in extra], n=1, cutoff=0.75)
        hint = next(e for e in extra if _plain(e) == close[0]) if close else ""
        if not column["optional"] and not any(p.column == name for p in problems):
            meant = f'; is it {hint!r}? Then set rename = {{ {json.dumps(hint, ensure_ascii=False)} = "{name}" }}' if hint else ""
            problems.append(Problem(name, f"the column is required and missing; found {_listed(names)}{meant}"))
        elif hint:
            notes.append(Problem(name, f"the optional column is missing and {hint!r} is ignored; is it meant?"))
    unclear = {n.what for n in notes}
    rest = [e for e in extra if not any(repr(e) in what for what in unclear)]
    if rest:
        notes.append(Problem("", f"columns that the contract does not know are ignored: {_listed(rest)}"))
    return taken


def _listed(names) -> str:
    names = [str(n) for n in names]
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") if names else "no columns"


def allowed_values(table: str, name: str) -> tuple[str, ...]:
    """Return the values that a column may have, where the contract lists them."""
    for check in tables.schema(table).columns[name].checks:
        if check.name == "isin":
            return tuple(check.statistics["allowed_values"])
    return ()


WORDS = {
    "greater_than_or_equal_to": "at least {}",
    "greater_than": "more than {}",
    "less_than_or_equal_to": "at most {}",
    "less_than": "less than {}",
    "isin": "one of {}",
    "str_matches": "text like an e-mail address",
}


def check_contract(table: str, frame: pd.DataFrame) -> list[Problem]:
    """Hold a coerced table against its contract and say in words what it breaks.

    Parameters
    ----------
    table : str
        Name of the table.
    frame : DataFrame
        Its rows; the index holds the rows' numbers in the file.

    Returns
    -------
    list of Problem
        Empty where all is well.
    """
    import pandera.errors

    problems = []
    schema = tables.schema(table)
    key = list(schema.unique or [])
    if key and (double := frame.duplicated(key, keep=False)).any():
        values = frame.loc[double, key].drop_duplicates().head(coerce.SHOWN)
        shown = ["/".join(map(_in_key, row)) for row in values.itertuples(index=False)]
        problems.append(Problem(" + ".join(key), "the key is there more than once; expected one row for each", frame.index[double].tolist(), shown))
    try:
        schema.validate(frame.drop_duplicates(key) if problems else frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases
        for (column, check), group in cases.groupby(["column", "check"], sort=False, dropna=False):
            name, _, argument = str(check).partition("(")
            words = WORDS.get(name, "{}").format(argument.rstrip(")").strip("[]")) if name in WORDS else f"what the contract says ({check})"
            if name == "not_nullable":
                words = "a value in every row"
            rows = [int(i) for i in group["index"] if pd.notna(i)]
            problems.append(Problem(str(column), f"expected {words}", rows, [coerce.cell_text(v) for v in group["failure_case"].head(coerce.SHOWN)]))
    return problems


def _in_key(value: object) -> str:
    """Write a part of a key as people do."""
    if pd.isna(value):
        return "blank"
    return f"{value:%Y-%m}" if isinstance(value, pd.Timestamp) else str(value)
