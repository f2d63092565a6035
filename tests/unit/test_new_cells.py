"""What is not planned yet comes into the plan by a word in units: a launch without like product, a successor, a product in a new region."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, insights, open_orders, overrides, products
from test_consensus import check_sum, forecast, past
from test_views import said as views_said

from sop_helpers.planning import cells, consensus, launches, register, views, waterfall

SPAN = {"start_month": HORIZON[0], "end_month": HORIZON[8]}
WORD = {"insight": "I1", "kind": "launch", "function": "product", "product": "NEW", "confidence": 1.0, "effect_units": 100.0} | SPAN
OVERRIDE = {"id": "o1", "product": "NEW", "units": 100.0} | SPAN
FIT = "or bring its volume as an insight or an override in units"


def catalogue(like: str | None = None, launch: pd.Timestamp | None = HORIZON[2], end: pd.Timestamp | None = None) -> pd.DataFrame:
    new = products(1).assign(product="NEW", unit_price=50.0, launch_month=launch, end_month=end, like_product=pd.Series([like], dtype="str"))
    return pd.concat([products(4), new.astype({"launch_month": "datetime64[us]", "end_month": "datetime64[us]"})], ignore_index=True)


def month_of(table: pd.DataFrame, told: dict | None = None, word: dict | None = None, regions: list[str] | None = None, ahead: pd.DataFrame | None = None):
    """Return streams, plan and problems of one month of planning."""
    told, word = insights(*([told] if told else [])), overrides(*([word] if word else []))
    known = None if regions is None else pd.Series(regions)
    own = consensus.own_view(forecast() if ahead is None else ahead, past(), table, told, month=HORIZON[0], regions=known)
    streams = consensus.build_streams(own, table, word, open_orders(), month=HORIZON[0], regions=known)
    plan = consensus.demand_plan(streams, table)
    check_sum(streams, plan)
    cells = launches.cells_to_plan(past(), table)
    listed = consensus.problems(table, told, word, cells, HORIZON[0], HORIZON[-1], past(), known, plan)
    alone = consensus.problems(table, told, word, cells, HORIZON[0], HORIZON[-1], None, known)
    pd.testing.assert_frame_equal(listed, alone)  # no plan is needed to tell what a word brings in
    return streams, plan, dict(zip(listed["what"], listed["message"], strict=True))


def new_of(plan: pd.DataFrame, product: str = "NEW") -> pd.Series:
    return plan[plan["product"] == product].groupby("month")["units"].sum().reindex(HORIZON).fillna(0.0)


@pytest.mark.parametrize(("told", "word"), [(WORD, None), (None, OVERRIDE)])
@pytest.mark.parametrize("region", [None, "R1"])
def test_units_said_of_a_launch_without_like_product_plan_it_from_its_launch_on(told, word, region) -> None:
    told, word = ({**one, "region": region} if one else None for one in (told, word))
    streams, plan, listed = month_of(catalogue(), told, word)
    np.testing.assert_allclose(new_of(plan), np.r_[0, 0, np.full(7, 100.0), np.zeros(9)])
    mine = plan[plan["product"] == "NEW"]
    np.testing.assert_allclose(mine["revenue"], 50.0 * mine["units"])
    assert (mine["statistical_units"] == 0).all() and set(mine["region"]) == ({"R1"} if region else {"R0", "R1"})
    assert mine["month"].min() == HORIZON[2] and mine["month"].max() == HORIZON[-1], "rows from its launch to the end of the plan"
    assert listed == {"insight" if told else "override": "NEW is on sale from 2026-12 on: its other months are left out"}
    status = register.assumptions(insights(told) if told else insights(), overrides(word).assign(reason="") if word else overrides(), streams, catalogue(),
                                  HORIZON[0])["status"]  # fmt: skip
    assert status.tolist() == ["in the plan"]


def test_nothing_is_planned_after_the_last_month_of_sale() -> None:
    _, plan, listed = month_of(catalogue(end=HORIZON[5]), WORD)
    np.testing.assert_allclose(new_of(plan), np.r_[0, 0, np.full(4, 100.0), np.zeros(12)])
    assert listed["insight"] == "NEW is on sale from 2026-12 on and until 2027-03: its other months are left out"


@pytest.mark.parametrize("told", [None, {"insight": "I", "product": "P0", "effect_units": 70.0}])
def test_units_said_of_a_product_beside_its_months_of_sale_are_planned_and_told(told: dict | None) -> None:
    span = {"start_month": HORIZON[4], "end_month": HORIZON[6]}
    for column, at, said in (("end_month", 4, "until 2027-02"), ("launch_month", 6, "from 2027-04 on")):
        known = products(4)
        known[column] = pd.Series(pd.NaT, index=known.index).mask(known["product"] == "P0", HORIZON[at])
        word = None if told else {"id": "o", "product": "P0", "units": 70.0} | span
        _, plan, listed = month_of(known, told | span if told else None, word)
        assert new_of(plan, "P0")[HORIZON[4] if at == 6 else HORIZON[6]] >= 70.0
        assert listed["insight" if told else "override"] == f"P0 is on sale {said}: its other months are planned all the same"
        _, _, listed = month_of(known, None, {"id": "o", "product": "P0", "units": 0.0} | span)
        assert "override" not in listed, "nothing is planned, as it should be"


def test_it_is_split_by_what_its_family_sells_in_each_region() -> None:
    ahead = forecast()
    ahead["units"] *= np.where((ahead["product"].isin(["P0", "P2"])) & (ahead["region"] == "R0"), 3.0, 1.0)
    for told, word in ((WORD, None), (None, OVERRIDE), (WORD | {"end_month": HORIZON[3]}, OVERRIDE | {"start_month": HORIZON[4]})):
        _, plan, _ = month_of(catalogue(launch=None), told, word, ahead=ahead)
        by_region = plan[plan["product"] == "NEW"].groupby("region")["units"].sum()
        assert by_region.tolist() == pytest.approx([675.0, 225.0]), "the family sells three times as much in R0"
    out = views.spread(views_said({"product": "NEW", "units": 100.0, "month": HORIZON[3]}), ahead, catalogue()).set_index("region")["units"]
    assert out.to_dict() == pytest.approx({"R0": 75.0, "R1": 25.0})


@pytest.mark.parametrize(("told", "word"), [(WORD, None), (None, OVERRIDE)])
def test_the_successor_of_an_ended_product_is_planned_by_what_is_said_of_it(told, word) -> None:
    table = catalogue("P1", HORIZON[0])
    table.loc[1, "end_month"] = MONTHS[-1]
    ended = forecast().assign(units=lambda f: f["units"].where(f["product"] != "P1", 0.0))
    _, plan, listed = month_of(table, told, word, ahead=ended)
    np.testing.assert_allclose(new_of(plan), np.r_[np.full(9, 100.0), np.zeros(9)])
    assert not listed
    _, plan, listed = month_of(table, ahead=ended)
    assert new_of(plan).sum() == 0 and listed["launch"] == f"its like product P1 has ended before the plan begins: name another, {FIT}"


@pytest.mark.parametrize(("told", "word"), [(WORD, None), (None, OVERRIDE)])
def test_a_product_enters_a_region_that_is_known_and_no_other(told, word) -> None:
    told, word = ({**one, "product": "P1", "region": "R9"} if one else None for one in (told, word))
    _, plan, listed = month_of(products(4), told, word, ["R0", "R1", "R9"])
    np.testing.assert_allclose(plan[plan["region"] == "R9"].groupby("month")["units"].sum(), np.r_[np.full(9, 100.0), np.zeros(9)])
    assert not listed and set(plan.loc[plan["region"] == "R9", "product"]) == {"P1"}
    _, plan, listed = month_of(products(4), told, word, ["R0", "R1"])
    assert "R9" not in set(plan["region"])
    why = "R9 has no sales and is not in the table 'regions'; add it there, or mend the name"
    assert list(listed.values()) == [f"nothing that is planned matches P1 / R9: {why}"]


def test_what_brings_nothing_is_named_with_what_to_do() -> None:
    alone = f"it has no like product: name one, {FIT}"
    _, plan, listed = month_of(catalogue())
    assert listed == {"launch": alone} and "NEW" not in set(plan["product"])
    percent = {"effect_units": None, "effect_pct": 10.0}
    _, plan, listed = month_of(catalogue(), WORD | percent)
    assert listed == {"launch": alone, "insight": "nothing that is planned matches NEW: say units above zero, of nothing there is no percentage"}
    _, _, listed = month_of(catalogue(), WORD | {"expires_month": HORIZON[0]})
    assert listed["launch"] == alone and "expired" in listed["insight"]
    early = {"end_month": HORIZON[1]}
    _, plan, listed = month_of(catalogue(), WORD | early)
    assert listed == {"launch": alone, "insight": "NEW is on sale from 2026-12 on: its other months are left out"} and new_of(plan).sum() == 0
    _, _, listed = month_of(catalogue(), WORD | {"family": "F1"})
    assert listed["launch"] == alone and listed["insight"] == "nothing that is planned matches F1 / NEW: NEW is of the family F0"
    _, _, listed = month_of(catalogue(), WORD | {"region": "Nroth"})
    assert listed["launch"] == alone and "mend the name" in listed["insight"]
    _, _, listed = month_of(catalogue(launch=MONTHS[-1]))
    assert listed == {"launch": alone}, "a launch of last month that has not sold"


def test_a_view_on_what_is_not_planned_moves_the_plan_by_the_rule() -> None:
    table, own = catalogue(), consensus.own_view(forecast(), past(), catalogue(), insights(), month=HORIZON[0])
    rows = [{"product": "NEW", "region": "R0", "units": 80.0, "month": month} for month in HORIZON[:6]]
    spread = views.spread(views_said(*rows), consensus.plan_of(own), table)
    assert spread.groupby("month")["units"].sum().to_dict() == dict.fromkeys(HORIZON[2:6], 80.0), "not before its launch"
    side = views.side_by_side(consensus.plan_of(own), None, spread)
    agreed = views.agreed_stream(side, pd.DataFrame(), table, "chosen", {"F0": "sales"})
    streams = consensus.build_streams(own, table, overrides(), open_orders(), month=HORIZON[0], agreed=agreed)
    plan = consensus.demand_plan(streams, table)
    check_sum(streams, plan)
    np.testing.assert_allclose(new_of(plan), np.r_[0, 0, np.full(4, 80.0), np.zeros(12)])
    cells = launches.cells_to_plan(past(), table)
    assert consensus.problems(table, insights(), overrides(), cells, HORIZON[0], HORIZON[-1], plan=plan).empty
    wide = views.spread(views_said({"family": "F0", "units": 500.0, "month": HORIZON[3]}, {"product": "NEW", "units": 80.0, "month": HORIZON[3]}), forecast(),
                        table)  # fmt: skip
    assert wide["units"].sum() == pytest.approx(500.0) and wide.loc[wide["product"] == "NEW", "units"].sum() == pytest.approx(80.0)


def test_the_waterfall_and_the_plan_of_next_month_know_it() -> None:
    table = catalogue(launch=HORIZON[0])
    before, last_plan, _ = month_of(table)
    now, plan, _ = month_of(table, WORD)
    steps = waterfall.changes(now, plan, before, last_plan, table)
    mine = steps[steps["family"] == "F0"].set_index("step")
    assert mine.loc["launch", ["units", "money"]].tolist() == pytest.approx([900.0, 45_000.0])
    assert mine["units"].drop(["last plan", "this plan"]).sum() == pytest.approx(mine.loc["this plan", "units"] - mine.loc["last plan", "units"])


def test_nothing_is_brought_in_by_words_on_more_than_a_product() -> None:
    wide = insights(WORD | {"product": None}, WORD | {"product": None, "family": "F0", "region": "R9"}, WORD | {"product": "XX"})
    assert cells.brought(wide, forecast(), catalogue(), pd.Series(["R9"])).empty
    assert cells.brought(wide.iloc[:0], forecast(), catalogue()).empty
