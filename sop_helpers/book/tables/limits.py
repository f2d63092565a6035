"""Contract of the limits that orders share, as the plan uses them: what suppliers deliver over all items, and what fits into a place."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import Contract, Month, made_by

MEASURE = "of the measure"


class LimitPrices(Contract):
    """How full each limit of a supplier and of a place is planned, and what one more would save."""

    month: Series[Month] = f.month("Month of arrival, or at whose end stock is counted.")
    kind: Series[str] = f.code("Whose limit: supplier or location.")
    name: Series[str] = f.code("The supplier or the location.")
    measure: Series[str] = f.code("What is counted: units of all items alike, or value at cost.")
    room: Series[float] = f.number("The limit, less what is on order with the supplier already.", MEASURE, ge=0)
    planned: Series[float] = f.number("What the plan adds to it, or keeps there.", MEASURE, ge=0)
    over: Series[float] = f.number("Of which beyond the limit.", MEASURE, ge=0)
    value_of_one: Series[float] = f.money("What room for one more would save (shadow price, before whole lots).", optional=True)
    value_from: Series[float] = f.number("Room from which on that value holds.", MEASURE, optional=True, ge=0)
    value_to: Series[float] = f.number("Room up to which it holds; blank where it never changes.", MEASURE, optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["month", "kind", "name", "measure"]
        metadata = made_by("21_supply")
