"""Contracts of the tables that gathering, demand, supply, sales and scenarios produce, in the order of the steps."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, Month, made_by


class DataIssues(Contract):
    """Findings on the inputs: red blocks the month, amber is listed."""

    level: Series[str] = f.code("red or amber.", isin=["red", "amber"])
    check: Series[str] = f.code("Name of the check.")
    table: Series[str] = f.code("Table looked at.")
    column: Series[str] = f.code("Column looked at.", optional=True)
    rows: Series[float] = f.number("Rows concerned.", "rows", ge=0)
    money: Series[float] = f.money("What it may be worth.", optional=True)
    message: Series[str] = f.text("What was found and where, first examples named.")
    action: Series[str] = f.text("What to do about it.")

    class Config(Contract.Config):
        metadata = made_by("10_gather")


class Signals(Contract):
    """Dips, spikes and turns in demand that deserve a question."""

    month: Series[Month] = f.month("Month of the signal.")
    family: Series[str] = f.code("Family.")
    product: Series[str] = f.code("Product.")
    region: Series[str] = f.code("Region.")
    kind: Series[str] = f.code("dip, spike or shift.", isin=["dip", "spike", "shift"])
    actual_units: Series[float] = f.number("What was ordered.", UNITS)
    expected_units: Series[float] = f.number("What trend and season led to expect.", UNITS)
    units: Series[float] = f.number("Difference.", UNITS)
    money: Series[float] = f.money("Difference at the selling price.")
    score: Series[float] = f.number("Size against the usual noise of the series (robust z).", "sigma")
    explanation: Series[str] = f.text("Insight that may explain it, or blank.", optional=True)

    class Config(Contract.Config):
        unique = ["month", "product", "region"]
        metadata = made_by("10_gather")


class DemandHistory(Contract):
    """History as the forecast sees it; raw plus all accepted corrections gives cleansed, exactly."""

    month: Series[Month] = f.month("Month.")
    product: Series[str] = f.code("Product.")
    region: Series[str] = f.code("Region.")
    raw_units: Series[float] = f.number("Units as they came.", UNITS)
    units: Series[float] = f.number("Units after the accepted corrections.", UNITS, ge=0)

    class Config(Contract.Config):
        unique = ["month", "product", "region"]
        metadata = made_by("20_demand")


class Corrections(Contract):
    """Each change to history as its own row, to be accepted or rejected."""

    month: Series[Month] = f.month("Month.")
    product: Series[str] = f.code("Product.")
    region: Series[str] = f.code("Region.")
    cause: Series[str] = f.code("Why: returns, entry error, partial month, stock-out, promotion, event, outlier, level shift.")
    units: Series[float] = f.number("What was added (or taken away, below zero).", UNITS)
    accepted: Series[bool] = f.flag("Whether it is in the cleansed history.")
    note: Series[str] = f.text("How the size was found.", optional=True)
    decided_by: Series[str] = f.text("Who accepted or rejected it; blank where the rule of its cause decides.", optional=True)
    reason: Series[str] = f.text("Why they did, in their words.", optional=True)

    class Config(Contract.Config):
        unique = ["month", "product", "region", "cause"]
        metadata = made_by("20_demand")


class Forecast(Contract):
    """Statistical forecast with its quantiles, before anyone's knowledge is added."""

    month: Series[Month] = f.month("Month forecast.")
    product: Series[str] = f.code("Product.")
    region: Series[str] = f.code("Region.")
    units: Series[float] = f.number("Point forecast.", UNITS, ge=0)
    lo95: Series[float] = f.number("2.5 % quantile.", UNITS, ge=0)
    lo80: Series[float] = f.number("10 % quantile.", UNITS, ge=0)
    hi80: Series[float] = f.number("90 % quantile.", UNITS, ge=0)
    hi95: Series[float] = f.number("97.5 % quantile.", UNITS, ge=0)
    model: Series[str] = f.code("Model that made it.")
    reason: Series[str] = f.text("Why this model.")
    caution: Series[str] = f.code(
        "Where seasonal naive was better in the backtest and does not take over: not clearly better, absolute error only (demand is intermittent), "
        "too few to tell, or agreed with other levels (better than what is forecast, not than the method alone).", optional=True)
    watch: Series[str] = f.text("The same in a sentence, with its numbers.", optional=True)
    naive_ratio: Series[float] = f.number(
        "Absolute error of seasonal naive in the backtest, up to the decision lag, over that of what is forecast; where seasonal naive stands, over that of "
        "the method it replaced.", "ratio", optional=True)
    own_model: Series[str] = f.code("Method of its class and length, before seasonal naive or a share of the family.", optional=True)

    class Config(Contract.Config):
        unique = ["month", "product", "region"]
        metadata = made_by("20_demand")


class Streams(Contract):
    """The plan as a sum: statistical plus what each insight, launch and override adds."""

    month: Series[Month] = f.month("Month.")
    product: Series[str] = f.code("Product.")
    region: Series[str] = f.code("Region.")
    stream: Series[str] = f.code("statistical, driver, promotion, launch, phase-out, marketing, product, sales, finance, supply, limit (at zero) or override.")
    source: Series[str] = f.code("Model, insight or override that it comes from.")
    units: Series[float] = f.number("What it adds (or takes away, below zero).", UNITS)

    class Config(Contract.Config):
        unique = ["month", "product", "region", "stream", "source"]
        metadata = made_by("20_demand")


class DemandPlan(Contract):
    """The consensus: what the company expects customers to order, supply permitting."""

    month: Series[Month] = f.month("Month.")
    product: Series[str] = f.code("Product.")
    region: Series[str] = f.code("Region.")
    statistical_units: Series[float] = f.number("Of which the statistical forecast says.", UNITS, ge=0)
    units: Series[float] = f.number("Consensus.", UNITS, ge=0)
    revenue: Series[float] = f.money("At the selling price.", ge=0)
    margin: Series[float] = f.money("Revenue less standard cost.")

    class Config(Contract.Config):
        unique = ["month", "product", "region"]
        metadata = made_by("20_demand")


class FVA(Contract):
    """Forecast value added: how much each step of the process lowered the error."""

    step: Series[str] = f.code(
        "Step of the forecast: seasonal naive, last cycle's method (in the backtest, that of the last closed month alone where a series changed it, elsewhere "
        "what is forecast now), statistical, consensus.")
    before: Series[str] = f.code("Step it is compared with.", optional=True)
    basis: Series[str] = f.code("backtest or closed months.")
    points: Series[float] = f.number("Forecasts measured.", "count", ge=0)
    wmape: Series[float] = f.share("Error of the step.", optional=True)
    bias: Series[float] = f.share("Bias of the step.", optional=True)
    fva_points: Series[float] = f.number("Error of the step before less its own, in percentage points.", "points", optional=True)
    note: Series[str] = f.text("Caution where few points stand behind it.", optional=True)

    class Config(Contract.Config):
        unique = ["step", "basis"]
        metadata = made_by("20_demand")


class Changes(Contract):
    """Waterfall from last closed month's plan to this one; the steps of a family add up exactly."""

    family: Series[str] = f.code("Family.")
    step: Series[str] = f.code("last plan, one row for each stream that changed, dropped product for what is no longer in the master data, price, this plan.")
    order: Series[float] = f.number("Place in the waterfall.", "count")
    units: Series[float] = f.number("Level at both ends, change between.", UNITS)
    money: Series[float] = f.money("At the selling price.")

    class Config(Contract.Config):
        unique = ["family", "step"]
        metadata = made_by("20_demand")


class SupplyPlan(Contract):
    """Planned operations: what to make, buy and move, and when."""

    operation: Series[str] = f.code("Operation.")
    kind: Series[str] = f.code("make, buy or move.", isin=["make", "buy", "move"])
    item: Series[str] = f.code("Item.")
    location: Series[str] = f.code("Where it arrives.")
    release_month: Series[Month] = f.month("Month in which it is started or ordered.")
    month: Series[Month] = f.month("Month in which it arrives.")
    units: Series[float] = f.number("Units.", UNITS, ge=0)
    cost: Series[float] = f.money("Unit cost and fixed cost.", ge=0)

    class Config(Contract.Config):
        unique = ["operation", "month"]
        metadata = made_by("21_supply")


class StockProjection(Contract):
    """closing = opening + planned_receipts + open_receipts - issues, for each item, location and month."""

    month: Series[Month] = f.month("Month.")
    item: Series[str] = f.code("Item.")
    location: Series[str] = f.code("Location.")
    opening_units: Series[float] = f.number("Stock at its start.", UNITS)
    planned_receipts: Series[float] = f.number("Arriving from the plan.", UNITS, ge=0)
    open_receipts: Series[float] = f.number("Arriving from orders already placed.", UNITS, ge=0)
    issues: Series[float] = f.number("Shipped, used, moved away or scrapped.", UNITS, ge=0)
    scrapped_units: Series[float] = f.number("Of the issues, what outlives its shelf life and is thrown away.", UNITS, optional=True, ge=0)
    closing_units: Series[float] = f.number("Stock at its end.", UNITS)
    target_units: Series[float] = f.number("Wanted.", UNITS, ge=0)
    value: Series[float] = f.money("Closing stock at cost.")

    class Config(Contract.Config):
        unique = ["month", "item", "location"]
        metadata = made_by("21_supply")


class ConstrainedDemand(Contract):
    """Demand, what of it can be shipped when, and what is left; opening backlog + demand = shipped + lost + closing backlog."""

    month: Series[Month] = f.month("Month.")
    product: Series[str] = f.code("Product.")
    region: Series[str] = f.code("Region.")
    demand_units: Series[float] = f.number("Wanted in the month; of what is made to order, booked in it.", UNITS, ge=0)
    opening_backlog_units: Series[float] = f.number("Owed from before.", UNITS, ge=0)
    shipped_units: Series[float] = f.number("Shipped.", UNITS, ge=0)
    lost_units: Series[float] = f.number("Given up: cannot be served within the horizon or the patience of customers.", UNITS, ge=0)
    backlog_units: Series[float] = f.number("Owed at the end.", UNITS, ge=0)
    not_due_units: Series[float] = f.number("Of which ordered and not due yet: what is made to order waits as promised.", UNITS, optional=True, ge=0)
    revenue: Series[float] = f.money("Shipped units at the selling price.", ge=0)

    class Config(Contract.Config):
        unique = ["month", "product", "region"]
        metadata = made_by("21_supply")


class CapacityLoad(Contract):
    """Load of each resource; over 100 % is shown, never clipped."""

    month: Series[Month] = f.month("Month.")
    resource: Series[str] = f.code("Resource.")
    available_hours: Series[float] = f.number("Regular time.", "hours", ge=0)
    overtime_limit: Series[float] = f.number("Most overtime.", "hours", ge=0)
    required_hours: Series[float] = f.number("Hours that making everything just in time would take.", "hours", ge=0)
    planned_hours: Series[float] = f.number("Hours in the plan.", "hours", ge=0)
    overtime_hours: Series[float] = f.number("Of which overtime.", "hours", ge=0)
    load: Series[float] = f.share("Required over regular hours.", optional=True)
    planned_load: Series[float] = f.share("Planned over regular hours.", optional=True)
    value_of_hour: Series[float] = f.money(
        "What one more hour would save (shadow price): of the line where that is full, else of its people. Wishes of a strategy are not priced in it.",
        optional=True,
    )
    value_from_hours: Series[float] = f.number("Available hours from which on that value holds.", "hours", optional=True, ge=0)
    value_to_hours: Series[float] = f.number("Available hours up to which it holds; blank where it never changes.", "hours", optional=True, ge=0)
    outside_hours: Series[float] = f.number("Hours that others work for it, beside those planned.", "hours", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["month", "resource"]
        metadata = made_by("21_supply")


class Shortages(Contract):
    """Demand that the plan serves late or not at all, with the first cause found."""

    product: Series[str] = f.code("Product.")
    region: Series[str] = f.code("Region.")
    month: Series[Month] = f.month("Month in which it was wanted.")
    short_units: Series[float] = f.number("Units not shipped in that month.", UNITS, ge=0)
    money: Series[float] = f.money("At the selling price.")
    cause: Series[str] = f.text("First binding cause on its path.")
    limit: Series[str] = f.text("The limit behind it, the same for all months and items that it stops; older closed months lack it.", optional=True)
    remedy: Series[str] = f.text("What would help, priced where it can be.")
    recovered_month: Series[Month] = f.month("Month in which the backlog is cleared; blank if it is not.", optional=True)

    class Config(Contract.Config):
        unique = ["product", "region", "month"]
        metadata = made_by("21_supply")


class PurchasePlan(Contract):
    """What to order from whom, and when."""

    supplier: Series[str] = f.code("Supplier.")
    item: Series[str] = f.code("Item.")
    location: Series[str] = f.code("Where it arrives.")
    order_month: Series[Month] = f.month("Month in which to order.")
    due_month: Series[Month] = f.month("Month of arrival.")
    units: Series[float] = f.number("Units.", UNITS, ge=0)
    cost: Series[float] = f.money("Purchase value.", ge=0)

    class Config(Contract.Config):
        unique = ["supplier", "item", "location", "order_month", "due_month"]
        metadata = made_by("21_supply")


class PipelineForecast(Contract):
    """Open pipeline by month, weighted by what deals from that stage became."""

    month: Series[Month] = f.month("Month of expected close; what is overdue counts in the first month.")
    family: Series[str] = f.code("Family.")
    region: Series[str] = f.code("Region.")
    stage: Series[str] = f.code("Stage.")
    deals: Series[float] = f.number("Open deals.", "count", ge=0)
    amount: Series[float] = f.money("Open amount.", ge=0)
    win_rate: Series[float] = f.share("Historical win rate from that stage.", ge=0, le=1)
    weighted: Series[float] = f.money("Amount times win rate.", ge=0)

    class Config(Contract.Config):
        unique = ["month", "family", "region", "stage"]
        metadata = made_by("22_sales")


class SalesCapacity(Contract):
    """What the sales force can bring by region and month, against quota and plan."""

    month: Series[Month] = f.month("Month.")
    region: Series[str] = f.code("Region.")
    heads: Series[float] = f.number("Reps on board.", "people", ge=0)
    ramped_reps: Series[float] = f.number("Ramped rep equivalents.", "people", ge=0)
    capacity: Series[float] = f.money("Bookings capacity.", ge=0)
    quota: Series[float] = f.money("Sum of quotas.", ge=0)
    plan_revenue: Series[float] = f.money("Demand plan.", ge=0)
    gap: Series[float] = f.money("Capacity less plan.")
    low: Series[float] = f.money("Capacity that nine of ten simulated futures exceed.", optional=True, ge=0)
    high: Series[float] = f.money("Capacity that one of ten exceeds.", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["month", "region"]
        metadata = made_by("22_sales")


class QuotaPlan(Contract):
    """Attainment by rep, year to date."""

    rep: Series[str] = f.code("Rep.")
    name: Series[str] = f.text("Name.", optional=True)
    region: Series[str] = f.code("Region.", optional=True)
    quota_to_date: Series[float] = f.money("Quota of the fiscal year so far.", ge=0)
    bookings_to_date: Series[float] = f.money("Bookings of the fiscal year so far.")
    attainment: Series[float] = f.share("Bookings over quota, sum over sum.", optional=True)
    quota_to_go: Series[float] = f.money("Quota of the rest of the fiscal year.", ge=0)
    coverage: Series[float] = f.number("Open pipeline due by the end of the fiscal year over what is left to bring in it.", "ratio", optional=True)

    class Config(Contract.Config):
        unique = ["rep"]
        metadata = made_by("22_sales")


class TerritoryPlan(Contract):
    """Balance of territories."""

    territory: Series[str] = f.code("Territory.")
    region: Series[str] = f.code("Region.", optional=True)
    accounts: Series[float] = f.number("Accounts.", "count", ge=0)
    potential: Series[float] = f.money("What they could buy in a year.", ge=0)
    workload: Series[float] = f.number("Hours of selling they take.", "hours", ge=0)
    potential_index: Series[float] = f.number("Potential over the mean of the territories of its region.", "ratio", optional=True)
    workload_index: Series[float] = f.number("Workload over the mean of the territories of its region.", "ratio", optional=True)
    balanced: Series[bool] = f.flag("Whether both are within 15 % of the mean.")

    class Config(Contract.Config):
        unique = ["territory"]
        metadata = made_by("22_sales")


class Financials(Contract):
    """The plan in money by month, for each scenario."""

    scenario: Series[str] = f.code("Scenario.")
    month: Series[Month] = f.month("Month.")
    revenue: Series[float] = f.money("Of what can be shipped.")
    unconstrained_revenue: Series[float] = f.money("Of all demand.")
    margin: Series[float] = f.money("Gross margin of what can be shipped, at standard cost.")
    overtime_cost: Series[float] = f.money("Overtime premium.", ge=0)
    holding_cost: Series[float] = f.money("Cost of holding stock.", ge=0)
    stock_value: Series[float] = f.money("Closing stock at cost.")
    purchases: Series[float] = f.money("Planned purchases by month of arrival.", ge=0)

    class Config(Contract.Config):
        unique = ["scenario", "month"]
        metadata = made_by("23_scenarios")


class Scenarios(Contract):
    """Scenarios side by side over the whole horizon."""

    scenario: Series[str] = f.code("Scenario.")
    measure: Series[str] = f.code("What is compared.")
    unit: Series[str] = f.text("Its unit.")
    value: Series[float] = f.number("Its value.", "as named", optional=True)
    against_base: Series[float] = f.number("Difference from base.", "as named", optional=True)

    class Config(Contract.Config):
        unique = ["scenario", "measure"]
        metadata = made_by("23_scenarios")
