"""Contracts of what planners look at: S&OP grids, what can be promised, plans to hand over, and rough-cut capacity with the factors it takes."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, Month, made_by


class BillOfCapacity(Contract):
    """Hours of one unit, for companies without routings; a row names a product or a whole family."""

    product: Series[str] = f.code("Product; blank where the row holds for a family.", ref="products.product", optional=True)
    family: Series[str] = f.code("Family, for its products without rows of their own.", ref="products.family", optional=True)
    resource: Series[str] = f.code("Work centre; blank where the hours are those of all work centres together, shared out by capacity_factors.", optional=True)
    hours_per_unit: Series[float] = f.number("Hours for one unit.", "hours", ge=0)

    class Config(Contract.Config):
        unique = ["product", "family", "resource"]
        metadata = {"direction": "input", "required": False}


class CapacityFactors(Contract):
    """Each work centre's share of all hours, as it was in the past: capacity planning by overall factors."""

    resource: Series[str] = f.code("Work centre.")
    share: Series[float] = f.share("Its share of the hours; all shares add up to 1.", ge=0, le=1)

    class Config(Contract.Config):
        unique = ["resource"]
        metadata = {"direction": "input", "required": False}


class SopGrid(Contract):
    """Actual beside plan by family and location: past months as they were planned in their own month and as they came, and the plan ahead."""

    month: Series[Month] = f.month("Month.")
    family: Series[str] = f.code("Family.")
    location: Series[str] = f.code("Where it lies and ships from.")
    strategy: Series[str] = f.code("make to stock or make to order.", isin=["make to stock", "make to order"])
    demand_plan: Series[float] = f.number("Forecast, or planned bookings of what is made to order.", UNITS, optional=True, ge=0)
    demand_actual: Series[float] = f.number("What was ordered.", UNITS, optional=True)
    made_plan: Series[float] = f.number("Production planned to be finished, open production orders included.", UNITS, optional=True, ge=0)
    made_actual: Series[float] = f.number("Production finished.", UNITS, optional=True, ge=0)
    supply_plan: Series[float] = f.number("Made, bought, moved in, less moved out and built in: what stock grows by plus shipments.", UNITS, optional=True)
    supply_actual: Series[float] = f.number("The same from counted stock and sales.", UNITS, optional=True)
    shipped_plan: Series[float] = f.number("Planned shipments.", UNITS, optional=True, ge=0)
    shipped_actual: Series[float] = f.number("Shipments of what is made to order: production less what stock grew by.", UNITS, optional=True)
    stock_plan: Series[float] = f.number("Planned closing stock.", UNITS, optional=True)
    stock_actual: Series[float] = f.number("Counted closing stock.", UNITS, optional=True)
    target_units: Series[float] = f.number("Wanted closing stock.", UNITS, optional=True, ge=0)
    cover_days: Series[float] = f.number("Days of the demand that follows for which stock lasts; blank if it outlasts the plan.", "days", optional=True, ge=0)
    backlog_plan: Series[float] = f.number("Planned to be owed at month end.", UNITS, optional=True, ge=0)
    backlog_actual: Series[float] = f.number("Owed at month end.", UNITS, optional=True)
    wait_days: Series[float] = f.number("Days that a new order waits, made to order: backlog over the shipments that follow.", "days", optional=True, ge=0)
    atp_units: Series[float] = f.number("Available to promise.", UNITS, optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["month", "family", "location", "strategy"]
        metadata = made_by("21_supply")


class ATP(Contract):
    """Available to promise: what can still be sold of stock and planned supply without breaking a promise made."""

    month: Series[Month] = f.month("Month from which it can be shipped.")
    item: Series[str] = f.code("Product.")
    location: Series[str] = f.code("Where it ships from.")
    supply_units: Series[float] = f.number("Stock at the start (first month), planned and open receipts.", UNITS)
    used_units: Series[float] = f.number("Of which moved to other locations or built in.", UNITS, ge=0)
    ordered_units: Series[float] = f.number("Open orders due; overdue ones count in the first month.", UNITS, ge=0)
    atp_units: Series[float] = f.number("What the month adds to what can be promised.", UNITS, ge=0)
    cumulative_units: Series[float] = f.number("What can be promised up to and in the month.", UNITS, ge=0)

    class Config(Contract.Config):
        unique = ["month", "item", "location"]
        metadata = made_by("21_supply")


class MasterSchedule(Contract):
    """Master schedule of what is planned in lots, where it ships from: forecast, booked orders, receipts and what can be promised of each."""

    month: Series[Month] = f.month("Month.")
    item: Series[str] = f.code("Product.")
    location: Series[str] = f.code("Where it ships from.")
    forecast_units: Series[float] = f.number("Demand plan.", UNITS, ge=0)
    ordered_units: Series[float] = f.number("Open orders due; overdue ones count in the first month.", UNITS, ge=0)
    used_units: Series[float] = f.number("Moved to other locations or built in.", UNITS, ge=0)
    projected_units: Series[float] = f.number("Stock at the end of the month if the larger of forecast and orders ships; below zero is short.", UNITS)
    mps_units: Series[float] = f.number("Planned and open receipts.", UNITS, ge=0)
    atp_units: Series[float] = f.number("Available to promise of the receipt, in the first month of the stock; blank without one.", UNITS, optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["month", "item", "location"]
        metadata = made_by("21_supply")


class ProductionPlan(Contract):
    """What each line makes, by month of start, and the hours it takes."""

    month: Series[Month] = f.month("Month in which it is started.")
    resource: Series[str] = f.code("Line, machine group or crew.")
    item: Series[str] = f.code("What is made.")
    location: Series[str] = f.code("Where.")
    units: Series[float] = f.number("Units.", UNITS, ge=0)
    hours: Series[float] = f.number("Hours of the resource.", "hours", ge=0)

    class Config(Contract.Config):
        unique = ["month", "resource", "item", "location"]
        metadata = made_by("21_supply")


class TransferPlan(Contract):
    """What goes from where to where."""

    release_month: Series[Month] = f.month("Month of departure.")
    month: Series[Month] = f.month("Month of arrival.")
    from_location: Series[str] = f.code("Where it leaves.", optional=True)
    location: Series[str] = f.code("Where it arrives.")
    item: Series[str] = f.code("Item.")
    units: Series[float] = f.number("Units.", UNITS, ge=0)
    cost: Series[float] = f.money("Freight.", ge=0)

    class Config(Contract.Config):
        unique = ["release_month", "month", "from_location", "location", "item"]
        metadata = made_by("21_supply")


class PurchaseCash(Contract):
    """Purchases by supplier and month: what is ordered, what arrives (open orders included) and what is paid."""

    month: Series[Month] = f.month("Month; payments may fall after the horizon.")
    supplier: Series[str] = f.code("Supplier, or open invoices: what is owed at the start.")
    ordered: Series[float] = f.money("Value of the orders to place.", ge=0)
    received: Series[float] = f.money("Value of what arrives, planned and already on order.", ge=0)
    paid: Series[float] = f.money("Cash out, by the terms of payment from the month of arrival.", ge=0)

    class Config(Contract.Config):
        unique = ["month", "supplier"]
        metadata = made_by("21_supply")


class RoughCut(Contract):
    """Rough-cut capacity, for companies without routings; load over 100 % is shown, never clipped."""

    month: Series[Month] = f.month("Month.")
    resource: Series[str] = f.code("Work centre.")
    hours: Series[float] = f.number("Hours that the plan takes.", "hours", ge=0)
    available_hours: Series[float] = f.number("Regular time, where resources tell it.", "hours", optional=True, ge=0)
    load: Series[float] = f.share("Hours over regular time.", optional=True)
    method: Series[str] = f.code("How it was found.", isin=["overall factors", "bill of capacity", "both"])

    class Config(Contract.Config):
        unique = ["month", "resource"]
        metadata = made_by("21_supply")
