"""Contracts of the sales plan: quotas proposed, hires needed, commission by rep and month."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import Contract, Month, made_by

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
    quota: Series[float] = f.money("Quota proposed; the months of a rep add up to the quota of the year.", ge=0)

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
