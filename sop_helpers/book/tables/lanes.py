"""Contracts of transport: what a lane between two locations carries in a month over all items, and how full it is planned."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, Month, made_by

LOAD = "of the measure"


class LaneLimits(Contract):
    """What leaves one location for another in a month, over all items; open transfers that have not left yet count against it."""

    from_location: Series[str] = f.code("Where it leaves, as operations name it.", ref="operations.from_location")
    location: Series[str] = f.code("Where it arrives, as operations name it.", ref="operations.location")
    measure: Series[str] = f.code("What max_load counts, such as pallets or kg, as item_measures names it; blank for units of all items alike.", optional=True)
    month: Series[Month] = f.month("Month of departure; blank for all other months.", optional=True)
    max_load: Series[float] = f.number("Most that moves.", LOAD, ge=0)
    over_cost: Series[float] = f.money("Extra cost of moving one more of the measure beyond that; where left out, no more moves.", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["from_location", "location", "measure", "month"]
        metadata = {"direction": "input", "required": False}


class ItemMeasures(Contract):
    """What one unit of an item takes of a measure that lane_limits count in."""

    item: Series[str] = f.code("Product or component.")
    measure: Series[str] = f.code("Such as pallets, kg or m3; one spelling for all items.")
    per_unit: Series[float] = f.number("How much of it one unit takes.", f"{LOAD} per unit", gt=0)

    class Config(Contract.Config):
        unique = ["item", "measure"]
        metadata = {"direction": "input", "required": False}


class LaneLoad(Contract):
    """How full each lane with a limit is planned, by month of departure."""

    month: Series[Month] = f.month("Month of departure.")
    from_location: Series[str] = f.code("Where it leaves.")
    location: Series[str] = f.code("Where it arrives.")
    measure: Series[str] = f.code("What is counted.")
    max_load: Series[float] = f.number("Most that moves.", LOAD, ge=0)
    open_load: Series[float] = f.number("Open transfers that leave in the month.", LOAD, ge=0)
    planned_load: Series[float] = f.number("In the plan, open transfers included.", LOAD, ge=0)
    over_load: Series[float] = f.number("Of which beyond the limit.", LOAD, ge=0)
    planned_units: Series[float] = f.number("Units that the plan adds to open transfers.", UNITS, ge=0)
    value_of_one: Series[float] = f.money("What room for one more of the measure would save (shadow price).", optional=True)
    value_from: Series[float] = f.number("Limit from which on that value holds.", LOAD, optional=True, ge=0)
    value_to: Series[float] = f.number("Limit up to which it holds; blank where it never changes.", LOAD, optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["month", "from_location", "location", "measure"]
        metadata = made_by("21_supply")
