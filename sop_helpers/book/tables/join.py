"""Contracts of the join of sales and supply: what can be sold and served, who is hit, what lies idle, and the plan in money and cash."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, Month, made_by

STEP = "23_scenarios"


class SellableRevenue(Contract):
    """What is wanted, what there are sellers for, and what supply can serve of it, for each scenario; whole lots aside."""

    scenario: Series[str] = f.code("Scenario.")
    month: Series[Month] = f.month("Month.")
    region: Series[str] = f.code("Region.")
    demand_revenue: Series[float] = f.money("Of all demand.", ge=0)
    unaided_revenue: Series[float] = f.money("Of the demand, what comes without a seller.", optional=True, ge=0)
    seller_capacity: Series[float] = f.money("What the reps can bring; blank where there are none and nothing limits.", optional=True, ge=0)
    sold_revenue: Series[float] = f.money("Of the demand that somebody sells.", ge=0)
    owed_revenue: Series[float] = f.money("Sold before and not shipped yet, at the start of the month.", ge=0)
    supply_revenue: Series[float] = f.money("What supply could serve if all demand were sold.", ge=0)
    lost_revenue: Series[float] = f.money("Sold and given up, because supply comes too late.", ge=0)
    sellable_revenue: Series[float] = f.money("Sold and shipped; scarce goods go to the region of highest priority first.", ge=0)
    not_due_revenue: Series[float] = f.money("Sold and not due yet at the end of the month: what is made to order.", optional=True, ge=0)
    limited_by: Series[str] = f.code("What limits it.", isin=["nothing", "sellers", "supply", "both"])

    class Config(Contract.Config):
        unique = ["scenario", "month", "region"]
        metadata = made_by(STEP)


class SellableUnits(Contract):
    """The same in units by family, for each scenario: what is wanted, what somebody sells, what supply ships of it."""

    scenario: Series[str] = f.code("Scenario.")
    month: Series[Month] = f.month("Month.")
    family: Series[str] = f.code("Family.")
    demand_units: Series[float] = f.number("Wanted.", UNITS, ge=0)
    sold_units: Series[float] = f.number("Sold.", UNITS, ge=0)
    shipped_units: Series[float] = f.number("Shipped, with what was owed from before.", UNITS, ge=0)

    class Config(Contract.Config):
        unique = ["scenario", "month", "family"]
        metadata = made_by(STEP)


class QuotaAtRisk(Contract):
    """Quota that hangs on goods which are late or never come; reps whose quota nothing threatens are left out."""

    rep: Series[str] = f.code("Rep.")
    name: Series[str] = f.text("Name.", optional=True)
    region: Series[str] = f.code("Region.", optional=True)
    quota: Series[float] = f.money("Quota of the months ahead.", ge=0)
    at_risk: Series[float] = f.money("Of which on goods that are short in the month in which they are wanted.", ge=0)
    share: Series[float] = f.share("At risk over quota.", optional=True)
    family: Series[str] = f.code("Family that costs the rep most.")
    product: Series[str] = f.code("Its shortest product in the region.", optional=True)
    first_month: Series[Month] = f.month("First month that is hit.")

    class Config(Contract.Config):
        unique = ["rep"]
        metadata = made_by(STEP)


class IdleCapacity(Contract):
    """Regular hours that nothing is planned for, and the campaign that would earn most with them, if customers and material are found."""

    month: Series[Month] = f.month("Month.")
    resource: Series[str] = f.code("Resource.")
    idle_hours: Series[float] = f.number("Regular hours without plan.", "hours", ge=0)
    family: Series[str] = f.code("Family that would earn most with them.")
    units: Series[float] = f.number("Units of it, in the mix of the plan, that all resources have hours for.", UNITS, ge=0)
    revenue: Series[float] = f.money("What they would bring.")
    margin: Series[float] = f.money("Their gross margin at standard cost.")

    class Config(Contract.Config):
        unique = ["month", "resource"]
        metadata = made_by(STEP)


class HireEffect(Contract):
    """What the hires that would close a region's gap bring, once supply has had its say."""

    region: Series[str] = f.code("Region.")
    hires: Series[float] = f.number("Reps hired at the start of the plan.", "people", ge=0)
    sold: Series[float] = f.money("What they sell over the horizon, more than base.")
    sellable: Series[float] = f.money("What supply can serve of it.")
    served: Series[float] = f.share("Sellable over sold.", optional=True)
    profit: Series[float] = f.money("Operating profit more than base.")
    cash: Series[float] = f.money("Net cash more than base.")

    class Config(Contract.Config):
        unique = ["region"]
        metadata = made_by(STEP)


class PromotionGrid(Contract):
    """A promotion tried in several months, at several uplifts and price levels: demand and supply planned together."""

    month: Series[Month] = f.month("Month of the promotion.")
    uplift: Series[float] = f.share("New demand, share of the month's.", ge=0)
    price_factor: Series[float] = f.number("Prices as a multiple of base, so that the margin differs.", "factor", ge=0)
    margin_share: Series[float] = f.share("Gross margin over revenue without a promotion.", optional=True)
    gain: Series[float] = f.money("Operating profit more than without a promotion at the same prices.")
    best: Series[bool] = f.flag("Whether no other month gains more at this uplift and price.")

    class Config(Contract.Config):
        unique = ["month", "uplift", "price_factor"]
        metadata = made_by(STEP)


class ProfitAndLoss(Contract):
    """Profit and cash by month and scenario, of what can be sold and served; costs and payments are negative, so that lines add up."""

    scenario: Series[str] = f.code("Scenario.")
    month: Series[Month] = f.month("Month.")
    statement: Series[str] = f.code("Statement.", isin=["profit", "cash"])
    line: Series[str] = f.code("Line of the statement.")
    money: Series[float] = f.money("Its amount; the line balance is cash at the end of the month.")

    class Config(Contract.Config):
        unique = ["scenario", "month", "statement", "line"]
        metadata = made_by(STEP)
