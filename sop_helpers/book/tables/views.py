"""Contract of the views that each team brings: whole forecasts of its own, beside the statistical one."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, Day, Month

VIEWS = ["sales", "pipeline", "marketing", "product", "finance"]


class Views(Contract):
    """What a team expects in all, said by family, product or region. Blank family, product or region means all of them.

    The view sales is built from the bottom: each author states the part that they expect themselves, and the parts of several authors add up, whatever they
    name. Of every other view one word counts for the team: said again by anybody of it, the later stands.
    """

    stated_on: Series[Day] = f.day("Day on which it was said; said again, the later word counts: of the same author in sales, of anybody in the other views.")
    view: Series[str] = f.code("Whose view it is: parts of several authors add up in sales, in the others the later word replaces the one before.", isin=VIEWS)
    author: Series[str] = f.text("Who said so. In sales: whose part it is; the head of several reps states only what none of them does.")
    month: Series[Month] = f.month("Month that is forecast.")
    family: Series[str] = f.code("Family that is forecast.", ref="products.family", optional=True)
    product: Series[str] = f.code("Product that is forecast.", ref="products.product", optional=True)
    region: Series[str] = f.code("Region that is forecast.", optional=True)
    units: Series[float] = f.number("All units expected in that month, not a change of them.", UNITS, ge=0)

    class Config(Contract.Config):
        unique = ["stated_on", "view", "author", "month", "family", "product", "region"]
        metadata = {"direction": "input", "required": False, "as_of": "stated_on"}
