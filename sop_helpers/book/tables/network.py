"""Contracts of capacity and limits of the supply network: hours and people come in, the hiring plan goes out."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, Month, made_by


class Resources(Contract):
    """Capacity by month. A blank month is the standing value for every month that has no row of its own; maintenance is a month with fewer hours."""

    resource: Series[str] = f.code("Line, machine group or crew.")
    location: Series[str] = f.code("Where it stands.", optional=True)
    month: Series[Month] = f.month("Month; blank for all other months.", optional=True)
    regular_hours: Series[float] = f.number("Hours available in regular time; where hours_per_worker is stated, the most that it can be manned.", "hours", ge=0)
    overtime_hours: Series[float] = f.number("Most hours of overtime.", "hours", optional=True, ge=0)
    overtime_rate: Series[float] = f.money("Extra cost of one hour of overtime.", optional=True, ge=0)
    workers: Series[float] = f.number("People on it before the plan begins.", "people", optional=True, ge=0)
    wage: Series[float] = f.money("Monthly wage of one worker.", optional=True, ge=0)
    hire_cost: Series[float] = f.money("Cost of hiring one worker.", optional=True, ge=0)
    layoff_cost: Series[float] = f.money("Cost of laying one worker off.", optional=True, ge=0)
    hours_per_worker: Series[float] = f.number("Regular hours of one worker; where stated, the plan hires and lays off people.", "hours", optional=True, gt=0)
    overtime_per_worker: Series[float] = f.number("Most hours of overtime of one worker; hours_per_worker where left out.", "hours", optional=True, ge=0)
    idle_cost: Series[float] = f.money("Cost of an hour that is paid and not worked, beside the wage.", optional=True, ge=0)
    outside_hours: Series[float] = f.number("Most hours that others work for it.", "hours", optional=True, ge=0)
    outside_rate: Series[float] = f.money("Price of such an hour; that of overtime where left out.", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["resource", "month"]
        metadata = {"direction": "input", "required": False}


class SupplierLimits(Contract):
    """What a supplier can deliver in a month over all items; what is on order with it already counts against it."""

    supplier: Series[str] = f.code("Supplier, as operations name it.", ref="operations.supplier")
    month: Series[Month] = f.month("Month of delivery; blank for all other months.", optional=True)
    max_units: Series[float] = f.number("Most units.", UNITS, optional=True, ge=0)
    max_value: Series[float] = f.money("Most money at the cost of its operations.", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["supplier", "month"]
        metadata = {"direction": "input", "required": False}


class LocationLimits(Contract):
    """What fits into a location at the end of a month, over all items."""

    location: Series[str] = f.code("Location, as operations name it.", ref="operations.location")
    month: Series[Month] = f.month("Month; blank for all other months.", optional=True)
    max_units: Series[float] = f.number("Units that fit.", UNITS, ge=0)
    over_cost: Series[float] = f.money("Cost of storing one unit more for a month elsewhere; prohibitive where left out.", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["location", "month"]
        metadata = {"direction": "input", "required": False}


class HiringPlan(Contract):
    """People by resource and month, where resources state the hours of one worker."""

    resource: Series[str] = f.code("Line, machine group or crew.")
    month: Series[Month] = f.month("Month.")
    workers: Series[float] = f.number("People at work in it.", "people", ge=0)
    hired: Series[float] = f.number("Of whom hired at its start.", "people", ge=0)
    laid_off: Series[float] = f.number("People laid off at its start.", "people", ge=0)
    idle_hours: Series[float] = f.number("Regular hours that they are not needed.", "hours", ge=0)
    cost: Series[float] = f.money("Wages, hiring and laying off.", ge=0)

    class Config(Contract.Config):
        unique = ["resource", "month"]
        metadata = made_by("21_supply")
