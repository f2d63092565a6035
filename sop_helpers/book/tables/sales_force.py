"""Contracts of leave and of what stands beside pay plans: split credit, bonuses, draws, cancelled deals; pay by month."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import Contract, Day, Month, made_by

STEP = "22_sales"


class Leave(Contract):
    """Reps away for a part of a month: parental leave, long illness, sabbatical."""

    rep: Series[str] = f.code("Rep.", ref="reps.rep")
    month: Series[Month] = f.month("Month.")
    share: Series[float] = f.share("Share of the month away.", gt=0, le=1)
    reason: Series[str] = f.text("Why.", optional=True)

    class Config(Contract.Config):
        unique = ["rep", "month"]
        metadata = {"direction": "input", "required": False}


class DealSplits(Contract):
    """Who shares the credit of a deal; deals that are not named belong to their rep alone."""

    opportunity: Series[str] = f.code("Deal.", ref="opportunities.opportunity")
    rep: Series[str] = f.code("Rep who is credited.", ref="reps.rep")
    share: Series[float] = f.share("Share of the amount; those of a deal add up to 1.", gt=0, le=1)

    class Config(Contract.Config):
        unique = ["opportunity", "rep"]
        metadata = {"direction": "input", "required": False}


class Spifs(Contract):
    """Short-term bonuses (SPIFs) on deals won within a span of days."""

    spif: Series[str] = f.code("Bonus.")
    first_day: Series[Day] = f.day("First day of closing that counts.")
    last_day: Series[Day] = f.day("Last day of closing that counts.")
    family: Series[str] = f.code("Family that it is paid for; blank is all.", ref="products.family", optional=True)
    per_deal: Series[float] = f.money("Paid for each deal.", optional=True, ge=0)
    rate: Series[float] = f.share("Paid as a share of the deal's amount.", optional=True, ge=0)
    cap: Series[float] = f.money("Most that it pays a rep.", optional=True, ge=0)

    class Config(Contract.Config):
        unique = ["spif"]
        metadata = {"direction": "input", "required": False}


class Draws(Contract):
    """Pay that a rep gets each month at least, as an advance on commission or as a guarantee."""

    rep: Series[str] = f.code("Rep.", ref="reps.rep")
    draw: Series[float] = f.money("Money a month.", ge=0)
    recoverable: Series[bool] = f.flag("Whether later commission pays it back; else it is a guarantee.")

    class Config(Contract.Config):
        unique = ["rep"]
        metadata = {"direction": "input", "required": False}


class Cancellations(Contract):
    """Deals that were won and cancelled afterwards: commission paid on them is taken back for half a year."""

    opportunity: Series[str] = f.code("Deal.", ref="opportunities.opportunity")
    cancelled: Series[Day] = f.day("Day of the cancellation.")
    share: Series[float] = f.share("Share of the amount cancelled.", ge=0, le=1)

    class Config(Contract.Config):
        unique = ["opportunity", "cancelled"]
        metadata = {"direction": "input", "required": False}


class Commissions(Contract):
    """Variable pay of the fiscal year so far, by rep and month, with its parts."""

    month: Series[Month] = f.month("Month.")
    rep: Series[str] = f.code("Rep.")
    quota: Series[float] = f.money("Quota of the month.", ge=0)
    bookings: Series[float] = f.money("Bookings credited, split credit counted.")
    commission: Series[float] = f.money("What the month adds to the commission of the year to date; below 0 where credit was taken back.")
    spif: Series[float] = f.money("Short-term bonuses.", ge=0)
    draw: Series[float] = f.money("Paid beyond commission because of a draw; below 0 where an advance is paid back.")
    clawback: Series[float] = f.money("Taken back for cancelled deals.", le=0)
    paid: Series[float] = f.money("Sum of the four.")
    owed: Series[float] = f.money("Advances not paid back yet, at the end of the month.", ge=0)

    class Config(Contract.Config):
        unique = ["month", "rep"]
        metadata = made_by(STEP)
