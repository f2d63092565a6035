"""Contract of what holds each shortage back, and how much of it."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, Month, made_by


class ShortageCauses(Contract):
    """Each shortage split over what holds it back: limits are lifted in the order in which they stop the item, and the plan solved again."""

    product: Series[str] = f.code("Product.", ref="products.product")
    region: Series[str] = f.code("Region.")
    month: Series[Month] = f.month("Month in which the units were wanted.")
    cause: Series[str] = f.text(
        "capacity, regular hours (overtime is left, but does not pay), supplier limit, transport limit, operation limit, lead time, frozen months, "
        "first month, last month, lot size, shelf life, no source, does not pay."
    )
    where: Series[str] = f.text("The resource, supplier, lane, operation, or item at its location.")
    step: Series[float] = f.number("Order in which it was lifted: lots at 0, then what stops the item now, then what would stop the rest.", "count", ge=0)
    units: Series[float] = f.number("Units of the shortage that it holds back; those of a shortage add up to it.", UNITS, ge=0)
    money: Series[float] = f.money("At the selling price.")

    class Config(Contract.Config):
        unique = ["product", "region", "month", "cause", "where"]
        metadata = made_by("21_supply")
