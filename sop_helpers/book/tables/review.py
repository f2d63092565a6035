"""Contracts of the tables that the review, the meeting and the follow-up produce."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import Contract, Day, Month, made_by

STATUS = ["green", "amber", "red", "n/a"]
DONE = ["open", "done", "late", "cancelled"]


class Kpis(Contract):
    """The same KPIs every month."""

    kpi: Series[str] = f.code("KPI, as in the KPI dictionary.")
    group: Series[str] = f.code("demand, supply, sales or finance.")
    unit: Series[str] = f.text("Its unit.")
    month: Series[Month] = f.month("Month measured.")
    value: Series[float] = f.number("Value.", "as the KPI", optional=True)
    previous: Series[float] = f.number("Value of the month before.", "as the KPI", optional=True)
    target: Series[float] = f.number("Target.", "as the KPI", optional=True)
    benchmark: Series[float] = f.number("Value elsewhere.", "as the KPI", optional=True)
    status: Series[str] = f.code("green, amber, red or n/a.", isin=STATUS)
    note: Series[str] = f.text("Formula and level; or why it is missing.")
    notebook: Series[str] = f.code("Step that made it.")

    class Config(Contract.Config):
        unique = ["kpi", "month"]
        metadata = made_by("30_performance")


class RevenueBridge(Contract):
    """Revenue against plan, by family: volume, price and mix add up exactly."""

    family: Series[str] = f.code("Family, or total.")
    month: Series[Month] = f.month("Month.")
    plan: Series[float] = f.money("Budgeted revenue.")
    volume: Series[float] = f.money("Effect of selling more or less in all.")
    mix: Series[float] = f.money("Effect of selling more of one than of another.")
    price: Series[float] = f.money("Effect of prices.")
    actual: Series[float] = f.money("Revenue.")

    class Config(Contract.Config):
        unique = ["family", "month"]
        metadata = made_by("30_performance")


class Exceptions(Contract):
    """What needs somebody's attention, biggest money first."""

    rank: Series[float] = f.number("Rank.", "count")
    kind: Series[str] = f.code("signal, shortage, overload, excess, gap to budget, KPI, data.")
    subject: Series[str] = f.text("What it is about.")
    money: Series[float] = f.money("What is at stake.", optional=True)
    message: Series[str] = f.text("In one sentence.")
    function: Series[str] = f.code("Who should answer.")
    notebook: Series[str] = f.code("Where to look.")

    class Config(Contract.Config):
        unique = ["rank"]
        metadata = made_by("30_performance")


class Agenda(Contract):
    """The meeting in order: last month, issues now, outlook, decisions."""

    order: Series[float] = f.number("Place.", "count")
    part: Series[str] = f.code("last month, issues now, outlook or decisions.")
    topic: Series[str] = f.text("Topic.")
    minutes: Series[float] = f.number("Time.", "minutes", gt=0)
    owner: Series[str] = f.text("Who leads.", optional=True)
    material: Series[str] = f.text("Where to look.", optional=True)

    class Config(Contract.Config):
        unique = ["order"]
        metadata = made_by("40_meeting")


class Attendance(Contract):
    """Who must attend and who stands in."""

    function: Series[str] = f.code("Function.")
    person: Series[str] = f.text("Name.")
    email: Series[str] = f.text("E-mail address.", optional=True)
    mandatory: Series[bool] = f.flag("Whether the meeting needs this function.")
    delegate: Series[str] = f.text("Who stands in.", optional=True)
    status: Series[str] = f.code("invited, present, delegate or absent.", isin=["invited", "present", "delegate", "absent"])

    class Config(Contract.Config):
        unique = ["function", "person"]
        metadata = made_by("40_meeting")


class Decisions(Contract):
    """Decisions to take, each with its options and their price; and those taken."""

    decision: Series[str] = f.code("Identifier.")
    question: Series[str] = f.text("What must be decided.")
    option: Series[str] = f.text("One way.")
    money: Series[float] = f.money("What it costs (below zero) or brings.", optional=True)
    consequence: Series[str] = f.text("What follows.")
    owner: Series[str] = f.text("Who decides.", optional=True)
    chosen: Series[bool] = f.flag("Whether it was chosen.")

    class Config(Contract.Config):
        unique = ["decision", "option"]
        metadata = made_by("40_meeting")


class Actions(Contract):
    """Actions with owner and deadline, carried over until done."""

    action: Series[str] = f.code("Identifier.")
    title: Series[str] = f.text("What is to be done.")
    owner: Series[str] = f.text("Who does it.")
    deadline: Series[Day] = f.day("Until when.")
    created: Series[Day] = f.day("Since when.")
    age_days: Series[float] = f.number("Days since then, up to the cycle's meeting.", "days")
    status: Series[str] = f.code("open, done, late or cancelled.", isin=DONE)
    done_on: Series[Day] = f.day("Day on which it was done.", optional=True)
    source: Series[str] = f.text("Decision or exception it comes from.", optional=True)
    comment: Series[str] = f.text("Latest word on it.", optional=True)

    class Config(Contract.Config):
        unique = ["action"]
        metadata = made_by("50_actions")
