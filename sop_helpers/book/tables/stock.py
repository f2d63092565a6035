"""Contracts of what sets stock: the company's policies and past deliveries come in; how past targets did, and how stock lies against them, goes out."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, Day, Month, made_by


class StockPolicies(Contract):
    """How much stock the company wants to hold, per item and location."""

    item: Series[str] = f.code("Product or component.")
    location: Series[str] = f.code("Where it lies.")
    service_level: Series[float] = f.share("Wanted probability of no stock-out in a replenishment cycle.", optional=True, gt=0, lt=1)
    days_of_cover: Series[float] = f.number("Instead of a service level: days of future demand to hold.", "days", optional=True, ge=0)
    holding_rate: Series[float] = f.share("Cost of holding stock for a year, as a share of its value.", optional=True, ge=0)
    holding_cost: Series[float] = f.money("Instead of a rate: cost of one unit in stock at the end of a month.", optional=True, ge=0)
    min_units: Series[float] = f.number("Never plan to hold less.", UNITS, optional=True, ge=0)
    max_units: Series[float] = f.number("Never plan to hold more.", UNITS, optional=True, ge=0)
    method: Series[str] = f.code(
        "What the target is set by; blank: days of cover or fill rate where given, else service level.",
        optional=True,
        isin=["service level", "fill rate", "days of cover", "ddmrp"],
    )
    fill_rate: Series[float] = f.share("Wanted share of demand served from stock at once.", optional=True, gt=0, lt=1)
    review_days: Series[float] = f.number("Days between two decisions on this item; a month by default.", "days", optional=True, ge=0)
    distribution: Series[str] = f.code(
        "What the forecast's error is taken to follow; blank: chosen by the evidence.",
        optional=True,
        isin=["gamma", "negative binomial", "empirical", "normal"],
    )
    lead_time_factor: Series[float] = f.share("For ddmrp: part of use over the lead time that is the base of red; by lead time if blank.", optional=True, ge=0)
    variability_factor: Series[float] = f.share("For ddmrp: what is added to that base for safety; by the forecast's error if blank.", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["item", "location"]
        metadata = {"direction": "input", "required": False}


class Deliveries(Contract):
    """Orders that have arrived: how long they took tells stock what lead times to expect."""

    delivery: Series[str] = f.code("Order line number.")
    item: Series[str] = f.code("What arrived.")
    location: Series[str] = f.code("Where it arrived.")
    supplier: Series[str] = f.code("Supplier.", optional=True)
    ordered: Series[Day] = f.day("Day of the order.")
    arrived: Series[Day] = f.day("Day of arrival.")
    units: Series[float] = f.number("Units that arrived.", UNITS, optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["delivery"]
        metadata = {"direction": "input", "required": False}


class InventoryTargets(Contract):
    """How much stock to hold, and why."""

    month: Series[Month] = f.month("Month at whose end it should lie there.")
    item: Series[str] = f.code("Product or component.")
    location: Series[str] = f.code("Location.")
    safety_units: Series[float] = f.number("Safety stock.", UNITS, ge=0)
    target_units: Series[float] = f.number("Wanted closing stock.", UNITS, ge=0)
    service_level: Series[float] = f.share("Cycle service it is meant to give.", optional=True)
    method: Series[str] = f.text("Rule that gave it.")
    segment: Series[str] = f.code("ABC-XYZ: A, B or C by revenue (- for what is not sold), X, Y or Z by the forecast's error.", optional=True)
    bridge_months: Series[float] = f.number("Lead time and review, which stock has to bridge.", "months", optional=True, ge=0)
    error_basis: Series[str] = f.text("What the error was measured on; blank where no error counts.", optional=True)
    lead_time_basis: Series[str] = f.text("What the lead time was measured on.", optional=True)

    class Config(Contract.Config):
        unique = ["month", "item", "location"]
        metadata = made_by("21_supply")


class ForecastTrials(Contract):
    """What was forecast from past months and what came, added up over the first months: what stock targets are tried out on."""

    product: Series[str] = f.code("Product.")
    region: Series[str] = f.code("Region.")
    kind: Series[str] = f.code("Class of demand: smooth, erratic, intermittent or lumpy.")
    basis: Series[str] = f.code("backtest (statistical forecast) or closed months (published consensus).", isin=["backtest", "closed months"])
    origin: Series[Month] = f.month("Last month that the forecast knew.")
    months: Series[float] = f.number("How many months were added up.", "months", ge=1)
    forecast_units: Series[float] = f.number("Forecast of these months together.", UNITS, ge=0)
    actual_units: Series[float] = f.number("What came in them.", UNITS, ge=0)
    expected_units: Series[float] = f.number("Forecast drawn to the mean of the history where demand is intermittent: what stock expects.", UNITS, ge=0)

    class Config(Contract.Config):
        unique = ["product", "region", "basis", "origin", "months"]
        metadata = made_by("20_demand")


class StockBacktest(Contract):
    """Stock rules tried out on past months: what service they were to give, what they gave, and what stock they took."""

    basis: Series[str] = f.code("Whose forecasts: backtest or closed months.")
    rule: Series[str] = f.code("measured error, or the usual formula: z times standard deviation of demand times root of the months.")
    kind: Series[str] = f.code("Class of demand, or all.")
    target: Series[float] = f.share("Cycle service that was wanted.", gt=0, lt=1)
    cycles: Series[float] = f.number("Product, region and origin tried.", "count", ge=0)
    achieved: Series[float] = f.share("Part of them in which the stock lasted.", ge=0, le=1)
    fill_rate: Series[float] = f.share("Part of demand that the stock served.", optional=True)
    safety_units: Series[float] = f.number("Mean safety stock, all products and regions together.", UNITS, ge=0)
    safety_value: Series[float] = f.money("Its value at cost.", ge=0)

    class Config(Contract.Config):
        unique = ["basis", "rule", "kind", "target"]
        metadata = made_by("21_supply")


class StockHealth(Contract):
    """Stock as it lies against what is needed of it, by item and location."""

    item: Series[str] = f.code("Product or component.")
    location: Series[str] = f.code("Location.")
    segment: Series[str] = f.code("ABC-XYZ.", optional=True)
    on_hand: Series[float] = f.number("Units on the shelf.", UNITS)
    target_units: Series[float] = f.number("Wanted at the end of the first month.", UNITS, ge=0)
    value: Series[float] = f.money("Stock at cost.")
    cover_months: Series[float] = f.number("Months of planned use that it lasts; blank where it outlasts the plan.", "months", optional=True, ge=0)
    turns: Series[float] = f.number("Planned use of a year over the stock.", "ratio", optional=True, ge=0)
    excess_units: Series[float] = f.number("Beyond target and the use of lead time and review, and still used some day.", UNITS, ge=0)
    excess_value: Series[float] = f.money("Its value at cost.", ge=0)
    obsolete_units: Series[float] = f.number("What the plan never uses, or not within its shelf life.", UNITS, ge=0)
    obsolete_value: Series[float] = f.money("Its value at cost.", ge=0)
    status: Series[str] = f.code("obsolete, excess, below target or in range.", isin=["obsolete", "excess", "below target", "in range"])

    class Config(Contract.Config):
        unique = ["item", "location"]
        metadata = made_by("21_supply")
