"""Contracts of what explains the supply plan."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, Month, made_by


class ShortageRemedies(Contract):
    """What would help against the limits behind the shortages that cost most: the plan solved again with that one limit lifted, or serving all the same.

    Whole lots are left aside, but where a lot is the remedy.
    """

    limit: Series[str] = f.text("What makes demand short, as in shortages.")
    short_units: Series[float] = f.number("Units short from this limit first.", UNITS, ge=0)
    short_money: Series[float] = f.money("At the selling price.")
    remedy: Series[str] = f.text("What is tried.")
    saved_units: Series[float] = f.number("Units more that are shipped in their month, those short from other limits included.", UNITS, ge=0)
    saved_money: Series[float] = f.money("At the selling price.")
    cost: Series[float] = f.money("What more is spent on operations, stock and overtime; below zero where less is.")
    gain: Series[float] = f.money(
        "What all costs and prices of service fall by: the most that the remedy itself may cost. Below zero where it costs more than being late."
    )

    class Config(Contract.Config):
        unique = ["limit", "remedy"]
        metadata = made_by("21_supply")


class StressTests(Contract):
    """The supply plan when a line stops, a supplier is late or demand is higher: solved again, whole lots left aside, stock targets as they are."""

    test: Series[str] = f.text("What happens; the first row is the plan as it is.")
    cost: Series[float] = f.money("Cost of the plan, prices of what is late, lost or below target included.")
    cost_more: Series[float] = f.money("Against the plan as it is.")
    short_units: Series[float] = f.number("Demand not shipped in its month.", UNITS, ge=0)
    short_money: Series[float] = f.money("At the selling price.")
    lost_money: Series[float] = f.money("Of it never shipped within the horizon.")
    overtime_hours: Series[float] = f.number("Overtime worked.", "hours", ge=0)
    first_short_month: Series[Month] = f.month("First month in which anything is short.", optional=True)

    class Config(Contract.Config):
        unique = ["test"]
        metadata = made_by("23_scenarios")


class SupplyChanges(Contract):
    """The way from the orders planned a month ago to those planned now, over the months that both plans cover; a family's causes add up."""

    family: Series[str] = f.code("Product family; Components for what is not sold.")
    cause: Series[str] = f.code("last plan, demand, served otherwise, opening stock, stock target, stock beside target, open orders, this plan.")
    order: Series[float] = f.number("Place of the step.", "count", ge=0)
    units: Series[float] = f.number("Units planned, or more and less of them.", UNITS)
    money: Series[float] = f.money("The same at cost.")

    class Config(Contract.Config):
        unique = ["family", "cause"]
        metadata = made_by("21_supply")
