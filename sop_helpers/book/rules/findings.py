"""What a rule sees and what it finds."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

import pandas as pd

SHOWN = 3


@dataclass(frozen=True)
class Issue:
    """One row of the data_issues table."""

    level: str
    check: str
    table: str
    column: str
    rows: float
    message: str
    action: str
    money: float = float("nan")


@dataclass(frozen=True)
class Inputs:
    """The tables of a month, those with rows only; stages and currency where the workbook states them; tables that the last closed month kept; overrides."""

    tables: dict[str, pd.DataFrame]
    month: pd.Timestamp
    horizon_months: int
    stages: tuple[str, ...] = ()
    currency: str = ""
    closed: dict[str, pd.DataFrame] = field(default_factory=dict)
    overrides: pd.DataFrame | None = None

    def get(self, table: str) -> pd.DataFrame | None:
        """Return a table, or None where it is missing or empty."""
        return self.tables.get(table)

    @property
    def last(self) -> pd.Timestamp:
        """Month before the cycle."""
        return self.month - pd.DateOffset(months=1)

    def items(self) -> set[str]:
        """Return all items known: products and what operations bring out."""
        known: set[str] = set()
        for table, column in (("products", "product"), ("operations", "item")):
            if (frame := self.get(table)) is not None:
                known |= set(frame[column])
        return known

    def place_names(self) -> set[str]:
        """Return the names by which insights and overrides may call regions: their own, those of their areas and those of their channels."""
        regions = self.get("regions")
        named = [] if regions is None else [regions[column].dropna() for column in ("region", "area", "channel") if column in regions]
        return {name for names in named for name in names}

    def yearly(self) -> pd.DataFrame:
        """Return units and revenue of each product over the last twelve months."""
        sales = self.get("sales")
        if sales is None:
            return pd.DataFrame(columns=["units", "revenue"], dtype="float64")
        return sales[sales["month"] >= self.month - pd.DateOffset(months=12)].groupby("product")[["units", "revenue"]].sum()


def some(values: Iterable[object], total: int | None = None) -> str:
    """Name the first few and count the others; `total` counts them where only the first are handed over."""
    listed = list(islice(values, SHOWN)) if total is not None else list(values)
    more = (len(listed) if total is None else total) - SHOWN
    return ", ".join(map(str, listed[:SHOWN])) + (f" and {more:,} more" if more > 0 else "")


VERBS = ("name", "promise", "state", "look", "repeat", "leave", "belong", "allow", "end", "lack", "overlap", "pay", "cost", "sell", "count")
ONE = {
    "are": "is",
    "have": "has",
    "were": "was",
    "do": "does",
    "go": "goes",
    "reach": "reaches",
    "begin": "begins",
    "start": "starts",
    "they": "it",
    "them": "it",
    "their": "its",
    **{verb: f"{verb}s" for verb in VERBS},
}


def agree(message: str) -> str:
    """Put a sentence on a single thing into the singular: "1 products have no price" becomes "1 product has no price"."""
    said, colon, named = message.partition(":")
    said = re.sub(r"(?<= )1 (unit|month)s\b", r"1 \1", said)
    if not said.startswith("1 ") or said.startswith("1 of "):
        return said + colon + named
    words = said.split(" ")
    plural = next((i for i, word in enumerate(words) if word.endswith("s")), None)
    if plural is None:
        return said + colon + named
    many = words[plural]
    words[plural] = {"launches": "launch", "series": "series"}.get(many, f"{many[:-3]}y" if many.endswith("ies") else many[:-1])
    # what comes before the plural describes it ("make operations"), what follows agrees with it
    words[plural + 1 :] = [ONE.get(word, word) for word in words[plural + 1 :]]
    return " ".join(words) + colon + named


def plain_code(code: str) -> str:
    """Strip a code of case, width, blanks, punctuation and leading zeros."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", str(code)).casefold()).lstrip("0")


def codes_like(codes: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Suggest a known code for each unknown one that nearly is it."""
    by_plain = {plain_code(k): k for k in dict.fromkeys(known) if pd.notna(k)}
    out = {}
    for code in codes:
        match = difflib.get_close_matches(plain_code(code), list(by_plain), n=1, cutoff=0.85)
        if match:
            out[code] = by_plain[match[0]]
    return out


def series_names(rows: pd.DataFrame) -> str:
    """Name product and region of the first rows and count the others."""
    first = rows.head(SHOWN)
    return some([f"{p}/{r}" for p, r in zip(first["product"], first["region"], strict=True)], total=len(rows))
