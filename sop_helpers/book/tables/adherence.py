"""Contract of how a plan was kept."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, Month, made_by


class PlanAdherence(Contract):
    """What was planned for each month closed of late, in its own cycle, against what happened; families add up to the total."""

    month: Series[Month] = f.month("Month looked at.")
    measure: Series[str] = f.code("What is compared.", isin=["production", "purchases", "shipments", "stock"])
    level: Series[str] = f.code("family, line (production only) or total.", isin=["family", "line", "total"])
    name: Series[str] = f.code("Family or line; all for the total.")
    planned_units: Series[float] = f.number("Planned, open orders due by the month included; stock at its end.", UNITS)
    actual_units: Series[float] = f.number("What happened.", UNITS)
    missed_units: Series[float] = f.number("Difference without its sign; the total adds up those of families.", UNITS, ge=0)
    planned_money: Series[float] = f.money("Planned at cost, shipments at the selling price; blank where no item has one.", optional=True)
    actual_money: Series[float] = f.money("What happened, valued the same way.", optional=True)
    adherence: Series[float] = f.share("One less missed over planned units; below zero where more is missed than was planned.", optional=True)

    class Config(Contract.Config):
        unique = ["month", "measure", "level", "name"]
        metadata = made_by("21_supply")
