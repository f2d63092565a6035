"""Contracts of what explains the supply plan."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, made_by


class ShortageRemedies(Contract):
    """What would help against the causes of shortages that cost most: the plan solved again with that one limit lifted, whole lots left aside."""

    cause: Series[str] = f.text("What makes demand short.")
    short_units: Series[float] = f.number("Units short from this cause first.", UNITS, ge=0)
    short_money: Series[float] = f.money("At the selling price.")
    remedy: Series[str] = f.text("What is tried.")
    saved_units: Series[float] = f.number("Units more that are shipped in their month, those short from other causes included.", UNITS, ge=0)
    saved_money: Series[float] = f.money("At the selling price.")
    cost: Series[float] = f.money("What more is spent on operations, stock and overtime; below zero where less is.")
    gain: Series[float] = f.money("What all costs and prices of service fall by: the most that the remedy itself may cost.")

    class Config(Contract.Config):
        unique = ["cause", "remedy"]
        metadata = made_by("21_supply")
