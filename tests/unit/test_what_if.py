"""The what-if desk: levers answer beside base, bad ones say why, a scenario is saved and taken back."""

from __future__ import annotations

import re
import shutil

import pytest
from commands import copy_sample

from sop_helpers.book.config import load_workbook
from sop_helpers.book.cycle import open_cycle
from sop_helpers.book.errors import WorkbookError
from sop_helpers.planning.join import revenue_steps


@pytest.fixture(scope="module")
def desk(sample_month, tmp_path_factory):
    """The desk of the sample company whose month has run, in a copy."""
    from sop_helpers.report.what_if import WhatIfDesk

    company = copy_sample(tmp_path_factory.mktemp("what_if") / "company")
    shutil.copytree(sample_month.company / "output", company / "output")
    return WhatIfDesk.open("2026-10", str(company))


@pytest.fixture(autouse=True)
def _as_in_base(desk):
    desk.reset()
    yield


def words(desk) -> str:
    return re.sub("<[^>]+>", "", desk.message.value)


def test_it_opens_as_base(desk):
    assert desk.set == {} and desk.save_button.disabled and "This is base" in words(desk)
    assert desk.answer.total() == pytest.approx(desk.base.total(), rel=1e-6)


def test_hires_bring_what_was_not_sold(desk):
    desk.hires["DACH"].value = 3
    assert desk.set == {"hires": {"DACH": 3}}, "the first month is that of each run"
    assert revenue_steps(desk.answer.sellable)["no seller"] > revenue_steps(desk.base.sellable)["no seller"]
    early = desk.answer.total("revenue")
    desk.hire_month.value = "2027-03"
    assert desk.answer.total("revenue") < early
    assert "sellable revenue" in desk.totals.value and "data:image/png" in desk.chart.value and 'alt="Of ' in desk.chart.value


def test_every_lever_moves_what_it_should(desk):
    base = desk.base
    desk.percent["price_factor"].value = 110
    assert desk.answer.total("revenue") == pytest.approx(1.1 * base.total("revenue"), rel=1e-3)
    desk.reset()
    desk.percent["quota_factor"].value = 120
    assert desk.answer.total("commissions") > base.total("commissions") and desk.answer.total("revenue") == pytest.approx(base.total("revenue"))
    desk.reset()
    desk.percent["capacity_factor"].value = 60
    assert -revenue_steps(desk.answer.sellable)["no supply"] > -revenue_steps(base.sellable)["no supply"] + 1000
    desk.reset()
    desk.percent["win_rate_factor"].value = 120
    assert desk.answer.demand["revenue"].sum() > base.demand["revenue"].sum()
    desk.reset()
    desk.promotion_month.value = "2026-11"
    by = desk.answer.demand.groupby("month")["units"].sum() - base.demand.groupby("month")["units"].sum()
    assert by.iloc[1] > 0 > by.iloc[2] and by.iloc[4] == pytest.approx(0)
    desk.reset()
    desk.lead.value = 2
    assert desk.set == {"extra_lead_time_months": 2}
    desk.reset()
    desk.ramp.value = 1
    assert desk.set == {"ramp": [1.0]} and desk.answer.total("revenue") >= base.total("revenue")


def test_the_answer_is_that_of_the_scenario_step(desk, sample_month):
    stated = open_cycle("2026-10", str(sample_month.company)).read("profit_and_loss")
    mine = stated[(stated["scenario"] == "base") & (stated["line"] == "operating profit")]["money"].sum()
    assert desk.base.total() == pytest.approx(mine, rel=1e-6)


def test_a_scenario_is_saved_and_taken_back(desk):
    file = desk.cycle.workbook.root / "workbook.toml"
    before = file.read_bytes()
    desk.hires["DACH"].value = 3
    desk.name.value = "three_more"
    assert desk.save_button.disabled, "a scenario without description says nothing to others"
    desk.description.value = "Three reps more in DACH."
    assert not desk.save_button.disabled and desk.save() and "Saved as scenario three_more" in words(desk)
    assert load_workbook(file).scenarios["three_more"].hires == {"DACH": 3}
    desk.name.value, desk.description.value = "three_more", "again"
    assert not desk.save() and "has a scenario three_more already" in words(desk)
    assert desk.undo() and file.read_bytes() == before and "Undone" in words(desk) and not desk.undo()


def test_what_cannot_be_planned_is_said(desk, monkeypatch):
    monkeypatch.setattr(type(desk), "set", property(lambda self: {"hire_month": "2031-01"}))
    desk.show()
    assert "hire_month of a scenario is 2031-01; expected a month of the horizon" in words(desk)


def test_a_month_that_has_not_run_says_what_to_run(tmp_path):
    from sop_helpers.report.what_if import WhatIfDesk

    with pytest.raises(WorkbookError) as error:
        WhatIfDesk.open("2026-10", str(copy_sample(tmp_path / "company")))
    assert error.value.todo == "Run 20_demand first."
