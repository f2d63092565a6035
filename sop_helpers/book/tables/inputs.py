"""Contracts of the tables that a company brings.

A column marked optional may be left out of the file or left blank; it is then present and empty after reading.
``as_of`` names the column that dates a row: a month's cycle never sees rows dated in or after its own month, so a past
month can be replayed.
"""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, Day, Month

FUNCTIONS = ["marketing", "product", "sales", "finance", "supply"]
INSIGHT_KINDS = ["promotion", "launch", "phase_out", "price", "competitor", "campaign", "leads", "strike", "customer", "other"]


class Products(Contract):
    """What the company sells, one row per product."""

    product: Series[str] = f.code("Code of the product.")
    name: Series[str] = f.text("Name that people use.", optional=True)
    family: Series[str] = f.code("Product family; plans are discussed by family.")
    uom: Series[str] = f.code("Unit of measure that all quantities of this product are given in.", optional=True)
    unit_price: Series[float] = f.money("Net selling price of one unit.", ge=0)
    unit_cost: Series[float] = f.money("Standard cost of one unit.", ge=0)
    launch_month: Series[Month] = f.month("First month of sale, where it lies inside the history or ahead.", optional=True)
    end_month: Series[Month] = f.month("Last month of sale, for a product that is phased out.", optional=True)
    like_product: Series[str] = f.code("For a launch: the product whose history it is expected to follow.", ref="products.product", optional=True)
    like_scale: Series[float] = f.number("For a launch: its expected size as a multiple of the like product.", "factor", optional=True, gt=0)
    cannibalises: Series[str] = f.text("For a launch: products that lose customers to it, several joined by ;.", optional=True)
    cannibal_share: Series[float] = f.share("Share of the launch's units that would have been theirs; 0.5 where left out.", optional=True, ge=0, le=1)
    shelf_life_months: Series[float] = f.number("Months that a unit can be kept; counted in whole months, at least one.", "months", optional=True, gt=0)
    backorder_cost: Series[float] = f.money("Cost of serving one unit a month late; by the supply policy where left out.", optional=True, ge=0)
    made_to: Series[str] = f.code("stock or order; order: no stock target, nothing built ahead. Blank is stock.", optional=True, isin=["stock", "order"])
    promised_months: Series[float] = f.number("Of what is made to order: months from order to delivery; backlog until then.", "months", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["product"]
        metadata = {"direction": "input", "required": True}


class Sales(Contract):
    """Demand and revenue by month: what customers ordered. Order lines are added up to months."""

    month: Series[Month] = f.month("Month of the order (a date is taken to its month).")
    product: Series[str] = f.code("Product ordered.", ref="products.product")
    region: Series[str] = f.code("Sales region.")
    units: Series[float] = f.number("Units ordered, less returns; a month in which more came back than was sold counts as no demand.", UNITS)
    revenue: Series[float] = f.money("Net revenue of those units.")
    shipped_units: Series[float] = f.number("Of the units ordered, those shipped on time from stock; gives the fill rate.", UNITS, optional=True, ge=0)
    orders: Series[float] = f.number("Number of orders; with orders_otif gives OTIF.", "orders", optional=True, ge=0)
    orders_otif: Series[float] = f.number("Number of orders delivered both on time and in full.", "orders", optional=True, ge=0)
    data_until: Series[Day] = f.day("Last day that the month's data cover, where it had not ended; found from the dates of order lines.", optional=True)

    class Config(Contract.Config):
        unique = ["month", "product", "region"]
        metadata = {"direction": "input", "required": True, "as_of": "month", "sum": ["units", "revenue", "shipped_units", "orders", "orders_otif"]}


class Regions(Contract):
    """Sales regions and the location that ships to them. Left out: every region ships from the only location.

    A plan is made by product and region. Who sells in the North by two channels has the regions "North retail" and "North online", both of the area North.
    """

    region: Series[str] = f.code("Sales region.")
    name: Series[str] = f.text("Name that people use.", optional=True)
    ship_from: Series[str] = f.code("Location whose stock serves the region.")
    area: Series[str] = f.code("Larger region that it belongs to with others; demand is then forecast by area too.", optional=True)
    channel: Series[str] = f.code("How it sells, such as retail or online; demand is then forecast by channel too.", optional=True)
    country: Series[str] = f.code("Country whose holidays count, such as DE, or DE-BY for a part of it; blank leaves working days aside.", optional=True)
    priority: Series[float] = f.number("Weight of a lost sale in this region against others; 1 is normal, 2 counts double.", "factor", optional=True, gt=0)

    class Config(Contract.Config):
        unique = ["region"]
        metadata = {"direction": "input", "required": False}


class OpenOrders(Contract):
    """Orders booked and not yet shipped."""

    order: Series[str] = f.code("Order line number.")
    product: Series[str] = f.code("Product ordered.", ref="products.product")
    region: Series[str] = f.code("Region that ordered.")
    due_month: Series[Month] = f.month("Month in which the customer wants it; a past month is backlog.")
    units: Series[float] = f.number("Units still to ship.", UNITS, ge=0)
    revenue: Series[float] = f.money("Net revenue of those units.", optional=True)

    class Config(Contract.Config):
        unique = ["order"]
        metadata = {"direction": "input", "required": False}


class Budget(Contract):
    """The annual operating plan."""

    month: Series[Month] = f.month("Month budgeted.")
    family: Series[str] = f.code("Product family.")
    region: Series[str] = f.code("Sales region.")
    units: Series[float] = f.number("Units budgeted.", UNITS, ge=0)
    revenue: Series[float] = f.money("Revenue budgeted.", ge=0)
    margin: Series[float] = f.money("Gross margin budgeted.", optional=True)

    class Config(Contract.Config):
        unique = ["month", "family", "region"]
        metadata = {"direction": "input", "required": False}


class Insights(Contract):
    """What the teams know and the history does not. Blank family, product or region means all of them; a region may be an area or a channel of them."""

    insight: Series[str] = f.code("Identifier of the insight.")
    function: Series[str] = f.code("Team that brings it.", isin=FUNCTIONS)
    kind: Series[str] = f.code("What it is about.", isin=INSIGHT_KINDS)
    family: Series[str] = f.code("Family that it touches.", ref="products.family", optional=True)
    product: Series[str] = f.code("Product that it touches.", ref="products.product", optional=True)
    region: Series[str] = f.code("Region that it touches, or the area or channel whose regions it touches.", optional=True)
    start_month: Series[Month] = f.month("First month of the effect.")
    end_month: Series[Month] = f.month("Last month of the effect.")
    effect_pct: Series[float] = f.number("Effect on the demand of each of these months, +15 is 15 % more.", "%", optional=True, ge=-100)
    effect_units: Series[float] = f.number("Effect in units a month over all that it touches, instead of a percentage.", UNITS, optional=True)
    confidence: Series[float] = f.share("How sure the team is; the effect is weighted by it.", optional=True, ge=0, le=1)
    expires_month: Series[Month] = f.month("Month from which the insight no longer counts unless renewed.", optional=True)
    author: Series[str] = f.text("Who said so.")
    note: Series[str] = f.text("In their words.", optional=True)
    raised_on: Series[Day] = f.day("Day on which it was written down.")

    class Config(Contract.Config):
        unique = ["insight"]
        metadata = {"direction": "input", "required": False, "as_of": "raised_on"}


class Indicators(Contract):
    """Outside series: market indices, prices of competitors, leads. Known future values are welcome."""

    month: Series[Month] = f.month("Month of the value.")
    indicator: Series[str] = f.code("Name of the series.")
    value: Series[float] = f.number("Its value, in the unit its name says.", "as named")

    class Config(Contract.Config):
        unique = ["month", "indicator"]
        metadata = {"direction": "input", "required": False}


class Inventory(Contract):
    """Stock at the end of a month."""

    month: Series[Month] = f.month("Month at whose end the stock was counted.")
    item: Series[str] = f.code("Product or component.")
    location: Series[str] = f.code("Where it lies.")
    on_hand: Series[float] = f.number("Units on the shelf.", UNITS)
    in_transit: Series[float] = f.number("Units on the way between locations; those due are also in receipts.", UNITS, optional=True)
    value: Series[float] = f.money("Value at cost.", optional=True)

    class Config(Contract.Config):
        unique = ["month", "item", "location"]
        metadata = {"direction": "input", "required": False, "as_of": "month"}


class Operations(Contract):
    """Ways to get an item at a location: make it, buy it, move it there."""

    operation: Series[str] = f.code("Name of the operation.")
    kind: Series[str] = f.code("make, buy or move.", isin=["make", "buy", "move"])
    item: Series[str] = f.code("What comes out.")
    location: Series[str] = f.code("Where it comes out.")
    from_location: Series[str] = f.code("For a move: where it leaves.", optional=True)
    supplier: Series[str] = f.code("For a buy: who sells it.", optional=True)
    lead_time_months: Series[float] = f.number("Months from release to receipt; the plan rounds it up to whole months from half a month on.", "months", ge=0)
    unit_cost: Series[float] = f.money(
        "Cost of one unit: purchase price, freight, or making it without its components, labour included unless workers are planned.", ge=0
    )
    lot_min: Series[float] = f.number("Least units in one order.", UNITS, optional=True, ge=0)
    lot_multiple: Series[float] = f.number("Units come in multiples of this.", UNITS, optional=True, gt=0)
    max_units: Series[float] = f.number("Most units a month.", UNITS, optional=True, ge=0)
    fixed_cost: Series[float] = f.money("Cost of one order or set-up.", optional=True, ge=0)
    first_month: Series[Month] = f.month("First month of release.", optional=True)
    last_month: Series[Month] = f.month("Last month of release.", optional=True)
    lead_time_sd_months: Series[float] = f.number("Standard deviation of the lead time, where no deliveries tell it.", "months", optional=True, ge=0)
    yield_share: Series[float] = f.share(
        "Good units for one unit started; components and hours go to all started, cost and lots to good ones.", optional=True, ge=0.001, le=1
    )

    class Config(Contract.Config):
        unique = ["operation"]
        metadata = {"direction": "input", "required": False}


class Components(Contract):
    """Bill of material: what a make operation uses at its location."""

    operation: Series[str] = f.code("Make operation.", ref="operations.operation")
    item: Series[str] = f.code("Item used.")
    units_per: Series[float] = f.number("Units used for one unit made.", UNITS, gt=0)

    class Config(Contract.Config):
        unique = ["operation", "item"]
        metadata = {"direction": "input", "required": False}


class Loads(Contract):
    """Hours that an operation takes on a resource."""

    operation: Series[str] = f.code("Operation.", ref="operations.operation")
    resource: Series[str] = f.code("Line, machine group or crew.", ref="resources.resource")
    hours_per_unit: Series[float] = f.number("Hours for one unit.", "hours", gt=0)

    class Config(Contract.Config):
        unique = ["operation", "resource"]
        metadata = {"direction": "input", "required": False}


class Receipts(Contract):
    """Open purchase, production and transfer orders: supply already under way, taken as fixed."""

    receipt: Series[str] = f.code("Order line number.")
    kind: Series[str] = f.code("purchase, production or transfer.", isin=["purchase", "production", "transfer"])
    item: Series[str] = f.code("What arrives.")
    location: Series[str] = f.code("Where it arrives.")
    due_month: Series[Month] = f.month("Month of arrival; a past month counts as overdue and arrives in the first month.")
    units: Series[float] = f.number("Units still to arrive.", UNITS, ge=0)
    supplier: Series[str] = f.code("Supplier.", optional=True)

    class Config(Contract.Config):
        unique = ["receipt"]
        metadata = {"direction": "input", "required": False}


class Production(Contract):
    """What was scheduled and what was made, by month: gives schedule attainment and plan adherence."""

    month: Series[Month] = f.month("Month of production.")
    item: Series[str] = f.code("What was made.")
    location: Series[str] = f.code("Where.")
    made_units: Series[float] = f.number("Units finished.", UNITS, ge=0)
    scheduled_units: Series[float] = f.number("Units on the schedule.", UNITS, optional=True, ge=0)
    on_time_units: Series[float] = f.number("Of the scheduled units, those finished on time.", UNITS, optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["month", "item", "location"]
        metadata = {"direction": "input", "required": False, "as_of": "month"}


class Ledger(Contract):
    """Month-end balances from the accounts; give DSO, DPO and the cash conversion cycle."""

    month: Series[Month] = f.month("Month closed.")
    receivables: Series[float] = f.money("Trade receivables at month end.", optional=True)
    payables: Series[float] = f.money("Trade payables at month end.", optional=True)
    cogs: Series[float] = f.money("Cost of goods sold in the month.", optional=True)
    revenue: Series[float] = f.money("Revenue in the month.", optional=True)

    class Config(Contract.Config):
        unique = ["month"]
        metadata = {"direction": "input", "required": False, "as_of": "month"}


class Opportunities(Contract):
    """The sales pipeline from the CRM, open and closed deals."""

    opportunity: Series[str] = f.code("Identifier in the CRM.")
    account: Series[str] = f.code("Customer or prospect.", ref="accounts.account", optional=True)
    family: Series[str] = f.code("Family that the deal is about.", ref="products.family", optional=True)
    product: Series[str] = f.code("Product that the deal is about.", ref="products.product", optional=True)
    region: Series[str] = f.code("Sales region.", optional=True)
    rep: Series[str] = f.code("Owner.", ref="reps.rep")
    stage: Series[str] = f.code("Stage now; won and lost deals keep the last open stage they were in, or 'won', 'lost'.")
    amount: Series[float] = f.money("Value of the deal.", optional=True, ge=0)
    units: Series[float] = f.number("Units in the deal.", UNITS, optional=True, ge=0)
    currency: Series[str] = f.code("Currency of the amount; blank for the workbook's, any other is refused.", optional=True)
    created: Series[Day] = f.day("Day the deal was opened.")
    expected_close: Series[Day] = f.day("Day on which the rep expects to close it.", optional=True)
    closed: Series[Day] = f.day("Day on which it was won or lost; blank while open.", optional=True)
    outcome: Series[str] = f.code("won, lost or open.", isin=["won", "lost", "open"])

    class Config(Contract.Config):
        unique = ["opportunity"]
        metadata = {"direction": "input", "required": False, "as_of": "created"}


class Accounts(Contract):
    """Customers and prospects, with what they could buy and the work they take."""

    account: Series[str] = f.code("Customer or prospect.")
    name: Series[str] = f.text("Name.", optional=True)
    region: Series[str] = f.code("Sales region.", optional=True)
    segment: Series[str] = f.code("Segment.", optional=True)
    territory: Series[str] = f.code("Territory it belongs to.", optional=True)
    rep: Series[str] = f.code("Rep who looks after it.", ref="reps.rep", optional=True)
    potential: Series[float] = f.money("What it could buy in a year.", optional=True, ge=0)
    workload: Series[float] = f.number("Hours of selling it takes in a year.", "hours", optional=True, ge=0)
    x: Series[float] = f.number("Position, east.", "km or degrees", optional=True)
    y: Series[float] = f.number("Position, north.", "km or degrees", optional=True)
    held: Series[str] = f.text("Why it must stay in its territory; blank where a proposal may move it.", optional=True)

    class Config(Contract.Config):
        unique = ["account"]
        metadata = {"direction": "input", "required": False}


class Reps(Contract):
    """The people who sell."""

    rep: Series[str] = f.code("Identifier.")
    name: Series[str] = f.text("Name.", optional=True)
    region: Series[str] = f.code("Sales region.", optional=True)
    team: Series[str] = f.code("Team.", optional=True)
    role: Series[str] = f.code("Role.", optional=True)
    start_month: Series[Month] = f.month("First month at work.")
    end_month: Series[Month] = f.month("Last month at work; blank while employed.", optional=True)
    on_target_earnings: Series[float] = f.money("Pay for a year at 100 % attainment.", optional=True, ge=0)
    variable_share: Series[float] = f.share("Share of it that depends on attainment.", optional=True, ge=0, le=1)
    comp_plan: Series[str] = f.code("Compensation plan.", ref="comp_plans.plan", optional=True)
    draw: Series[float] = f.money("Least paid a month; whether it is kept back from later commission says the policy of sales.", optional=True, ge=0)
    training: Series[str] = f.code("Training that the rep began with, such as a class; attainment is compared between them.", optional=True)

    class Config(Contract.Config):
        unique = ["rep"]
        metadata = {"direction": "input", "required": False}


class Quotas(Contract):
    """Quota and credited bookings by rep and month; bookings are blank ahead."""

    month: Series[Month] = f.month("Month.")
    rep: Series[str] = f.code("Rep.", ref="reps.rep")
    quota: Series[float] = f.money("Bookings the rep is to bring.", ge=0)
    bookings: Series[float] = f.money("Bookings credited.", optional=True)
    original_quota: Series[float] = f.money("Quota as first set, kept as it was then, where it changed since; else blank.", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["month", "rep"]
        metadata = {"direction": "input", "required": False}


class CompPlans(Contract):
    """Compensation plans as bands of attainment."""

    plan: Series[str] = f.code("Plan.")
    tier: Series[str] = f.code("Band.")
    from_attainment: Series[float] = f.share("Attainment at which the band begins; 1 is quota.", ge=0)
    to_attainment: Series[float] = f.share("Attainment at which it ends; blank is open.", optional=True, gt=0)
    rate: Series[float] = f.share("Commission on bookings inside the band, as a share of them.", ge=0, le=1)
    cap: Series[float] = f.money("Most that the plan pays in a year.", optional=True, ge=0)
    effective_from: Series[Month] = f.month("First month in which this version of the plan holds; blank from the beginning.", optional=True)
    mode: Series[str] = f.code(
        "marginal (each rate on its own band; so when blank) or retroactive (the rate reached on all bookings).",
        optional=True,
        isin=["marginal", "retroactive"],
    )
    threshold: Series[float] = f.share("Attainment below which the plan pays nothing; pay jumps there.", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["plan", "tier", "effective_from"]
        metadata = {"direction": "input", "required": False}


class KpiTargets(Contract):
    """Target and limits of each KPI; without a row a KPI is shown without a colour."""

    kpi: Series[str] = f.code("KPI, as in the KPI dictionary.")
    target: Series[float] = f.number("Wanted value.", "as the KPI")
    amber: Series[float] = f.number("Value from which it is amber.", "as the KPI", optional=True)
    red: Series[float] = f.number("Value from which it is red; below or above the target tells which way is good.", "as the KPI", optional=True)
    benchmark: Series[float] = f.number("Value elsewhere.", "as the KPI", optional=True)
    benchmark_source: Series[str] = f.text("Where that value comes from.", optional=True)

    class Config(Contract.Config):
        unique = ["kpi"]
        metadata = {"direction": "input", "required": False}


class Roster(Contract):
    """Who takes part in the process."""

    function: Series[str] = f.code("Function represented.")
    person: Series[str] = f.text("Name.")
    email: Series[str] = f.text("E-mail address.", optional=True, str_matches=r"^[^@\s,;<>]+@[^@\s,;<>]+$")
    role: Series[str] = f.text("Part in the process.", optional=True)
    mandatory: Series[bool] = f.flag("Whether the meeting needs this function.")
    delegate: Series[str] = f.text("Who stands in.", optional=True)
    delegate_email: Series[str] = f.text("E-mail address of the delegate.", optional=True, str_matches=r"^[^@\s,;<>]+@[^@\s,;<>]+$")

    class Config(Contract.Config):
        unique = ["function", "person"]
        metadata = {"direction": "input", "required": False}
