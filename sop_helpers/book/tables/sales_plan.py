"""Contracts of the sales plan: what happens to pay beside the plans; quotas proposed, hires needed, commission by rep and month."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import Contract, Day, Month, made_by

STEP = "22_sales"


class QuotaProposal(Contract):
    """Quotas proposed for the fiscal year whose quotas are set next; a draft for the head of sales, the sum is the target to the cent."""

    rep: Series[str] = f.code("Rep.")
    name: Series[str] = f.text("Name.", optional=True)
    region: Series[str] = f.code("Region.", optional=True)
    method: Series[str] = f.code("How the target was shared out.", isin=["even", "weighted", "potential"])
    history: Series[float] = f.money("Bookings of the last 12 months for the ramped months to come.", optional=True, ge=0)
    pipeline: Series[float] = f.money("The rep's part of the weighted pipeline, on the scale of history.", optional=True, ge=0)
    potential: Series[float] = f.money("The rep's part of the accounts' potential, on the scale of history.", optional=True, ge=0)
    top_down: Series[float] = f.money("Part of the region's target, nothing held.", ge=0)
    bottom_up: Series[float] = f.money("What the rep could bring: mean of history, pipeline and potential, as far as known.", optional=True, ge=0)
    held: Series[float] = f.money("Quota already set for that year.", optional=True, ge=0)
    proposed: Series[float] = f.money("Held quota, or a part of what is left of the region's target.", ge=0)
    probability: Series[float] = f.share("Chance to reach it, when reps spread about what they could bring as they did.", optional=True, ge=0, le=1)

    class Config(Contract.Config):
        unique = ["rep"]
        metadata = made_by(STEP)


class QuotaMonths(Contract):
    """The proposed quotas by month, in the season of the target; in the form of the table of quotas."""

    month: Series[Month] = f.month("Month.")
    rep: Series[str] = f.code("Rep.")
    quota: Series[float] = f.money("Quota proposed, reduced by the ramp of a new rep; the months of a rep add up to the quota of the year.", ge=0)

    class Config(Contract.Config):
        unique = ["month", "rep"]
        metadata = made_by(STEP)


class HiringNeed(Contract):
    """Hires that the demand plan needs, by region and first month at work; none before the lead time allows, and none who would not be used up."""

    region: Series[str] = f.code("Region.")
    start_month: Series[Month] = f.month("First month at work.")
    decide_by: Series[Month] = f.month("Month in which the hire must be decided.")
    hires: Series[float] = f.number("Reps to hire.", "people", gt=0)
    ramped_from: Series[Month] = f.month("First month of full productivity.")
    gap: Series[float] = f.money("Shortfall of the twelve months from the start, earlier hires counted.", ge=0)
    brings: Series[float] = f.money("What the hires bring to the end of the plan, ramp and attrition counted.", ge=0)
    cost: Series[float] = f.money("Hiring and on-target earnings to the end of the plan.", ge=0)

    class Config(Contract.Config):
        unique = ["region", "start_month"]
        metadata = made_by(STEP)


class CommissionPlan(Contract):
    """Variable pay by rep and month of the fiscal year with its parts; months ahead at what the rep is expected to bring."""

    month: Series[Month] = f.month("Month.")
    rep: Series[str] = f.code("Rep.")
    name: Series[str] = f.text("Name.", optional=True)
    actual: Series[bool] = f.flag("Whether the month is over.")
    bookings: Series[float] = f.money("Bookings credited, or expected; split credit moved.")
    commission: Series[float] = f.money("What the plan in force pays on the year's bookings up to the month, less that up to the month before.")
    spif: Series[float] = f.money("Short-term bonuses that ended in the month.", ge=0)
    draw: Series[float] = f.money("Paid beyond commission to reach the draw; below 0 where it is kept back again.")
    clawback: Series[float] = f.money("Commission taken back for deals cancelled in the month.", ge=0)
    payout: Series[float] = f.money("Commission, SPIF and draw, less clawback.")
    owed: Series[float] = f.money("Draw still to be kept back at the end of the month; what is left at the end of the fiscal year lapses.", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["month", "rep"]
        metadata = made_by(STEP)


class Splits(Contract):
    """Deals that several reps share, as far as the bookings credited do not know it yet."""

    opportunity: Series[str] = f.code("Won deal.", ref="opportunities.opportunity")
    rep: Series[str] = f.code("Rep who is credited.", ref="reps.rep")
    share: Series[float] = f.share("Share of the amount credited; the shares of a deal add up to 1.", gt=0, le=1)

    class Config(Contract.Config):
        unique = ["opportunity", "rep"]
        metadata = {"direction": "input", "required": False}


class Spifs(Contract):
    """Short-term bonuses on deals won between two days (SPIFs)."""

    spif: Series[str] = f.code("Identifier.")
    first_day: Series[Day] = f.day("First day on which a deal counts.")
    last_day: Series[Day] = f.day("Last day on which it counts; paid in its month.")
    family: Series[str] = f.code("Family sold; blank is all.", ref="products.family", optional=True)
    per_deal: Series[float] = f.money("Paid for each deal; reps who share one share it.", optional=True, ge=0)
    rate: Series[float] = f.share("Share of the amount paid.", optional=True, ge=0, le=1)
    cap: Series[float] = f.money("Most that a rep is paid; blank is no limit.", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["spif"]
        metadata = {"direction": "input", "required": False}


class Cancellations(Contract):
    """Won deals that were cancelled, whole or in part."""

    opportunity: Series[str] = f.code("Won deal.", ref="opportunities.opportunity")
    cancelled: Series[Day] = f.day("Day of cancelling.")
    share: Series[float] = f.share("Share of the amount cancelled.", gt=0, le=1)

    class Config(Contract.Config):
        unique = ["opportunity"]
        metadata = {"direction": "input", "required": False}


class TerritoryMoves(Contract):
    """Accounts that the proposal of territories gives to another one, biggest potential first; a draft for the head of sales."""

    account: Series[str] = f.code("Account.")
    territory: Series[str] = f.code("Its territory today; blank where it has none.", optional=True)
    proposed: Series[str] = f.code("Territory proposed.")
    potential: Series[float] = f.money("What it could buy in a year.", optional=True, ge=0)
    workload: Series[float] = f.number("Hours of selling it takes.", "hours", optional=True, ge=0)
    distance: Series[float] = f.number("To the seat of today's territory, in the unit of accounts.x and accounts.y.", "distance", optional=True, ge=0)
    distance_new: Series[float] = f.number("To the seat of the territory proposed.", "distance", optional=True, ge=0)
    reason: Series[str] = f.text("Why it moves.")

    class Config(Contract.Config):
        unique = ["account"]
        metadata = made_by(STEP)
