"""Contracts of the pipeline: what deals were each month, what they should bring, and how well that was foreseen."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, Day, Month, made_by


class DealSnapshots(Contract):
    """Open deals as they stood at the start of the month; kept with the month, for most CRMs keep no history."""

    opportunity: Series[str] = f.code("Identifier in the CRM.")
    family: Series[str] = f.code("Family.")
    region: Series[str] = f.code("Region.")
    rep: Series[str] = f.code("Owner.")
    stage: Series[str] = f.code("Stage.")
    amount: Series[float] = f.money("Value, 0 where nobody has stated one.", ge=0)
    created: Series[Day] = f.day("Day the deal was opened.")
    expected_close: Series[Day] = f.day("Day on which the rep expected to close it.", optional=True)

    class Config(Contract.Config):
        unique = ["opportunity"]
        metadata = made_by("22_sales")


class DealMoves(Contract):
    """What became of the open deals from one month to the next, by stage; from consecutive snapshots."""

    month: Series[Month] = f.month("Month in which it happened.")
    stage: Series[str] = f.code("Stage at its start.")
    to: Series[str] = f.code("Stage at its end, or won, lost, gone (no longer in the CRM).")
    deals: Series[float] = f.number("Deals.", "count", ge=0)
    amount: Series[float] = f.money("Their value at the start of the month.", ge=0)
    pushed: Series[float] = f.number("Of them, deals whose expected close was moved to a later month.", "count", ge=0)
    pushed_days: Series[float] = f.number("Mean days by which those were pushed.", "days", optional=True)

    class Config(Contract.Config):
        unique = ["month", "stage", "to"]
        metadata = made_by("22_sales")


class BookingsForecast(Contract):
    """Bookings expected by month, region and family: what open deals should bring by their age, and what is still to be created and closed."""

    month: Series[Month] = f.month("Month in which deals are won.")
    region: Series[str] = f.code("Region.")
    family: Series[str] = f.code("Family.")
    from_open: Series[float] = f.money("From deals open now.", ge=0)
    from_new: Series[float] = f.money("From deals still to be created.", ge=0)
    bookings: Series[float] = f.money("Both.", ge=0)
    low: Series[float] = f.money("Lower end of the 80 % band.", ge=0)
    high: Series[float] = f.money("Upper end of the 80 % band.", ge=0)
    units: Series[float] = f.number("Bookings in units, at what a unit of the family brings in won deals or at list.", UNITS, optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["month", "region", "family"]
        metadata = made_by("22_sales") | {"sum": ["bookings"]}


class BookingsLevels(Contract):
    """Bookings expected by month for each region and each family, with the band of that sum; means add up over a level, ends of bands do not."""

    month: Series[Month] = f.month("Month in which deals are won.")
    level: Series[str] = f.code("region or family.", isin=["region", "family"])
    name: Series[str] = f.code("Region or family.")
    bookings: Series[float] = f.money("Expected.", ge=0)
    low: Series[float] = f.money("Lower end of the 80 % band of the sum.", ge=0)
    high: Series[float] = f.money("Upper end of the 80 % band of the sum.", ge=0)

    class Config(Contract.Config):
        unique = ["month", "level", "name"]
        metadata = made_by("22_sales")


class BookingsOutlook(Contract):
    """Bookings expected by month in all, with their band, beside what reps and managers commit to. The band is that of the sum, not the sum of bands."""

    month: Series[Month] = f.month("Month in which deals are won.")
    from_open: Series[float] = f.money("From deals open now.", ge=0)
    from_new: Series[float] = f.money("From deals still to be created.", ge=0)
    bookings: Series[float] = f.money("Both.", ge=0)
    low: Series[float] = f.money("Lower end of the 80 % band.", ge=0)
    high: Series[float] = f.money("Upper end of the 80 % band.", ge=0)
    quota: Series[float] = f.money("Sum of quotas.", optional=True, ge=0)
    rep_commit: Series[float] = f.money("Sum of what reps commit to.", optional=True, ge=0)
    manager_commit: Series[float] = f.money("Sum of what managers commit to.", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["month"]
        metadata = made_by("22_sales")


class BookingsBacktest(Contract):
    """Forecasts of the bookings of three months, made at past months with what was known then, beside what came."""

    as_of: Series[Month] = f.month("First month forecast; what happened in it or later was not known.")
    method: Series[str] = f.code("Rule or model.", isin=["all open x win rate", "stage weights", "age hazard"])
    scope: Series[str] = f.code("open: what the deals open then brought; all: all bookings.", isin=["open", "all"])
    forecast: Series[float] = f.money("Forecast.", ge=0)
    actual: Series[float] = f.money("What was won.", ge=0)

    class Config(Contract.Config):
        unique = ["as_of", "method", "scope"]
        metadata = made_by("22_sales")


class Commits(Contract):
    """What reps and managers commit to book in a month. The latest word said before the month begins is the one that is measured."""

    stated_on: Series[Day] = f.day("Day on which it was said.")
    month: Series[Month] = f.month("Month in which it is to be booked.")
    person: Series[str] = f.code("Rep or manager.")
    role: Series[str] = f.code("rep: answers for his own deals; manager: for those of a region, or of all.", isin=["rep", "manager"])
    region: Series[str] = f.code("Region that a manager answers for; blank means all.", optional=True)
    amount: Series[float] = f.money("Bookings committed to.", ge=0)

    class Config(Contract.Config):
        unique = ["stated_on", "month", "person", "region"]
        metadata = {"direction": "input", "required": False, "as_of": "stated_on"}


class Leads(Contract):
    """How many leads came in, by month."""

    month: Series[Month] = f.month("Month.")
    region: Series[str] = f.code("Region; blank means all.", optional=True)
    leads: Series[float] = f.number("Leads.", "count", ge=0)

    class Config(Contract.Config):
        unique = ["month", "region"]
        metadata = {"direction": "input", "required": False, "as_of": "month"}


class CommitAccuracy(Contract):
    """How far each person's commits were off, on the last word said before each month began."""

    person: Series[str] = f.code("Rep or manager.")
    role: Series[str] = f.code("rep or manager.")
    months: Series[float] = f.number("Months measured.", "count", ge=0)
    committed: Series[float] = f.money("Sum of the commits.", ge=0)
    booked: Series[float] = f.money("Sum of the bookings.", ge=0)
    wmape: Series[float] = f.share("Sum of absolute errors over bookings.", optional=True, ge=0)
    bias: Series[float] = f.share("Committed over booked, less 1; above 0 is too high.", optional=True)
    factor: Series[float] = f.number("By which the next commit could be multiplied; 1 where no habit is clear.", "ratio", ge=0)
    note: Series[str] = f.text("What it means.")

    class Config(Contract.Config):
        unique = ["person", "role"]
        metadata = made_by("22_sales")


class WinModels(Contract):
    """Models of the chance that a deal is won, judged on deals decided later than those learned from. The base rate ships unless one is clearly better."""

    model: Series[str] = f.code("Model, or the base rate.")
    deals: Series[float] = f.number("Deals it was judged on.", "count", ge=0)
    brier: Series[float] = f.number("Brier score: mean squared error of the chance; 0 is perfect.", "score", ge=0, le=1)
    base_brier: Series[float] = f.number("That of the base rate.", "score", ge=0, le=1)
    gain: Series[float] = f.share("By how much it is lower than the base rate's.")
    standard_errors: Series[float] = f.number("The gain in its standard errors; above 1.645 is clear.", "ratio")
    used: Series[bool] = f.flag("Whether it tells open deals apart.")

    class Config(Contract.Config):
        unique = ["model"]
        metadata = made_by("22_sales")


class PipelineFlow(Contract):
    """Leads, deals created and deals won by month."""

    month: Series[Month] = f.month("Month.")
    leads: Series[float] = f.number("Leads that came in.", "count", optional=True, ge=0)
    created: Series[float] = f.number("Deals created.", "count", ge=0)
    created_amount: Series[float] = f.money("Their value.", ge=0)
    won: Series[float] = f.number("Deals won.", "count", ge=0)
    bookings: Series[float] = f.money("Their value.", ge=0)
    same_month: Series[float] = f.share("Share of the bookings whose deals were created in the month.", optional=True, ge=0, le=1)
    days: Series[float] = f.number("Median days from creation to winning.", "days", optional=True, ge=0)
    deals_per_lead: Series[float] = f.number("Deals created for each lead of the month.", "ratio", optional=True, ge=0)
    bookings_per_lead: Series[float] = f.money("Bookings for each lead of the month.", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["month"]
        metadata = made_by("22_sales")
