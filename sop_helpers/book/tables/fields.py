"""The few kinds of column that the contracts are made of.

Each helper returns a pandera field whose description is the column's sentence in the data dictionary and whose
metadata tells the reader of files what the text in a cell means.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandera.pandas as pa

Month = np.dtype("datetime64[us]")
Day = np.dtype("datetime64[us]")

CURRENCY = "currency"
UNITS = "units"


class Contract(pa.DataFrameModel):
    """Base of all tables: the columns named, no others, in the order named."""

    class Config:
        strict = True
        ordered = True


def _field(kind: str, sentence: str, *, unit: str = "", ref: str = "", optional: bool = False, **checks: Any) -> Any:
    metadata = {"kind": kind, "unit": unit, "ref": ref, "optional": optional}
    nullable = checks.pop("nullable", optional)
    return pa.Field(description=sentence, metadata=metadata, nullable=nullable, **checks)


def code(sentence: str, *, ref: str = "", optional: bool = False, **checks: Any) -> Any:
    """An identifier: always text, leading zeros kept. `ref` names ``table.column`` that must know it."""
    return _field("code", sentence, ref=ref, optional=optional, **checks)


def text(sentence: str, *, optional: bool = False, **checks: Any) -> Any:
    """Free text for people."""
    return _field("text", sentence, optional=optional, **checks)


def month(sentence: str, *, optional: bool = False, **checks: Any) -> Any:
    """A month, held as its first day; ``2026-10`` in files."""
    return _field("month", sentence, unit="month", optional=optional, **checks)


def day(sentence: str, *, optional: bool = False, **checks: Any) -> Any:
    """A calendar day; ``2026-10-31`` in files."""
    return _field("day", sentence, unit="date", optional=optional, **checks)


def number(sentence: str, unit: str, *, optional: bool = False, **checks: Any) -> Any:
    """A finite number with its unit."""
    return _field("number", sentence, unit=unit, optional=optional, **checks)


def money(sentence: str, *, optional: bool = False, **checks: Any) -> Any:
    """Money in the workbook's currency."""
    return _field("number", sentence, unit=CURRENCY, optional=optional, **checks)


def flag(sentence: str, *, optional: bool = False, **checks: Any) -> Any:
    """True or false; ``yes`` and ``no``, ``true`` and ``false``, ``1`` and ``0`` in files."""
    return _field("flag", sentence, optional=optional, **checks)


def share(sentence: str, *, optional: bool = False, **checks: Any) -> Any:
    """A share of one: 0.25 is 25 %."""
    return _field("number", sentence, unit="share", optional=optional, **checks)


def made_by(step: str) -> dict:
    """Return the metadata of a table that a step produces."""
    return {"direction": "output", "step": step}
