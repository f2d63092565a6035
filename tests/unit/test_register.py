"""The register of assumptions, the freeze fence, value added by people, and the budget by month."""

from __future__ import annotations

import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, insights, open_orders, overrides, products
from test_consensus import build, forecast, past
from test_views import actuals

from sop_helpers.planning import consensus, register
from sop_helpers.planning.budget import budget_by_month, gap_to_budget, year_by_family
from sop_helpers.report.demand_words import budget_words

CELL = ["month", "product", "region"]
EFFECT = {"insight": "I1", "family": "F0", "start_month": HORIZON[0], "end_month": HORIZON[2], "effect_pct": 10.0, "confidence": 1.0}


def test_every_assumption_carries_the_volume_that_hangs_on_it() -> None:
    gone, past_one = {"insight": "I2", "expires_month": HORIZON[0]}, {"insight": "I3", "start_month": MONTHS[0], "end_month": MONTHS[1]}
    told = insights(EFFECT, EFFECT | gone, EFFECT | past_one, EFFECT | {"insight": "I4", "expires_month": HORIZON[1], "effect_pct": 5.0})
    word = overrides({"id": "override-1", "product": "P1", "region": "R0", "start_month": HORIZON[0], "end_month": HORIZON[0], "units": 500.0})
    word = word.assign(reason="a deal")
    streams, plan = build(told, word)
    out = register.assumptions(told, word, streams, products(4), HORIZON[0]).set_index("source")
    assert out.loc["I1", "units"] == pytest.approx(0.1 * 3 * 800) and out.loc["I1", "status"] == "in the plan"
    assert out["status"].to_dict() == {"I1": "in the plan", "override-1": "in the plan", "I4": "ends soon", "I2": "expired", "I3": "past"}
    assert out.loc["override-1", "units"] == pytest.approx(300.0) and out.loc["override-1", "text"] == "a deal"
    assert out.loc["I2", "units"] == 0 and out.loc["override-1", "money"] == pytest.approx(300.0 * 11)
    short = register.assumptions_in_short(register.assumptions(told, word, streams, products(4), HORIZON[0])).set_index("source")
    assert short.loc["I1", "months"] == f"{HORIZON[0]:%Y-%m} to {HORIZON[2]:%Y-%m}" and short.loc["override-1", "months"] == f"{HORIZON[0]:%Y-%m}"
    # What the register explains is what the plan has over the model.
    assert out["units"].sum() == pytest.approx(plan["units"].sum() - plan["statistical_units"].sum())
    assert register.assumptions(insights(), overrides(), streams, products(4), HORIZON[0]).empty


def test_insights_in_short_say_when_how_much_and_whether_they_count() -> None:
    one = {"insight": "I2", "product": "P1", "family": None, "start_month": HORIZON[1], "end_month": HORIZON[1], "effect_pct": None, "effect_units": -1500.0}
    past_one = {"insight": "I3", "start_month": MONTHS[0], "end_month": MONTHS[1]}
    told = insights(EFFECT, EFFECT | one, EFFECT | past_one, EFFECT | {"insight": "I4", "expires_month": HORIZON[0], "effect_pct": 0.0})
    short = register.insights_in_short(told, {"P1": "Pump"}, HORIZON[0])
    assert short["about"].tolist() == ["F0", "Pump", "F0", "F0"] and short["state"].tolist() == ["counts", "counts", "past", "expired"]
    assert short["effect"].tolist() == ["+10 %", "-1,500 units", "+10 %", "none stated"]
    everywhere = register.insights_in_short(insights(EFFECT | {"family": None, "region": "R0"}), {}, HORIZON[0])
    assert everywhere["about"].tolist() == ["all products / R0"]
    assert short["months"].iloc[0] == f"{HORIZON[0]:%Y-%m} to {HORIZON[2]:%Y-%m}" and short["months"].iloc[1] == f"{HORIZON[1]:%Y-%m}"
    assert register.insights_in_short(insights(), {}, HORIZON[0]).empty


def test_a_breach_of_the_fence_names_who_moved_it() -> None:
    before, last_plan = build()
    word = overrides({"id": "override-7", "family": "F0", "region": "R0", "start_month": HORIZON[0], "end_month": HORIZON[3], "change_pct": 20.0})
    now, plan = build(said=word)
    out = register.fence_breaches(plan, last_plan, now, before, products(4), fence_months=2, tolerance=0.05)
    assert list(out["month"]) == [HORIZON[0], HORIZON[1]] and set(out["family"]) == {"F0"} and set(out["region"]) == {"R0"}
    assert out["change_pct"].tolist() == pytest.approx([20.0, 20.0]) and set(out["source"]) == {"Kim override-7"}
    assert out["money"].sum() == pytest.approx(2 * (20.0 * 10 + 60.0 * 12))
    assert register.fence_breaches(plan, last_plan, now, before, products(4), fence_months=2, tolerance=0.25).empty
    assert register.fence_breaches(plan, last_plan, now, before, products(4), fence_months=0, tolerance=0.0).empty
    told = [s.assign(stream=s["stream"].replace("statistical", "agreed"), source=name) for s, name in ((now, "weights 61 %"), (before, "weights 60 %"))]
    out = register.fence_breaches(plan, last_plan, *told, products(4), fence_months=2, tolerance=0.05)
    assert set(out["stream"]) == {"override"}, "other words for the same units are no move"
    others = [f[f["product"] != "P0"] for f in (last_plan, before)]
    new = register.fence_breaches(plan, others[0], now, others[1], products(4).head(1), fence_months=1, tolerance=0.05)
    assert set(new["family"]) == {"F0"} and (new["before"] == 0).all() and (new["units"] > 0).all(), "what was not planned at all is a breach as well"


def test_the_fence_sees_what_moves_between_the_products_of_a_family() -> None:
    streams, last_plan = build()
    cell = (last_plan["month"] == HORIZON[0]) & (last_plan["region"] == "R0")

    def moved(**units: float) -> pd.DataFrame:
        plan = last_plan.assign(units=last_plan["units"] + last_plan["product"].map(units).fillna(0.0) * cell)
        told = streams.merge((plan["units"] - last_plan["units"]).rename("more").to_frame().join(last_plan[CELL]), on=CELL)
        now = streams.assign(units=streams["units"] + told["more"].to_numpy())
        return register.fence_breaches(plan, last_plan, now, streams, products(4), fence_months=1, tolerance=0.05)

    # 400 are planned of the family: 20 may move, in all and of each product.
    swap = moved(P0=60.0, P2=-60.0)
    assert swap["product"].tolist() == ["P2", "P0"] and swap["family"].tolist() == ["F0", "F0"] and swap["region"].tolist() == ["R0", "R0"]
    assert swap["before"].tolist() == [300.0, 100.0] and swap["change_pct"].tolist() == pytest.approx([-20.0, 60.0])
    assert swap["money"].tolist() == pytest.approx([-60.0 * 12, 60.0 * 10]) and set(swap["source"]) == {"new actuals"}
    assert moved(P0=15.0, P2=-15.0).empty
    both = moved(P0=-30.0, P2=130.0)
    assert both["product"].fillna("").tolist() == ["", "P0"], "what moves as its family does is told with it"
    assert not both.duplicated(["month", "family", "region", "product"]).any()
    gone = register.fence_breaches(last_plan[last_plan["product"] != "P3"], last_plan, streams, streams, products(3), fence_months=1, tolerance=0.05)
    assert set(gone["family"]) == {"(no family)"} and (gone["units"] == 0).all(), "a product that was dropped moved as well"


def test_value_added_is_the_error_without_less_the_error_with() -> None:
    first, catalogue = MONTHS[-2], products(4)
    told = insights(EFFECT | {"start_month": first, "end_month": first, "effect_pct": 40.0})
    word = overrides({"id": "override-9", "author": "Ann Lee", "product": "P0", "start_month": first, "end_month": first, "units": 150.0})
    made = forecast().assign(month=lambda f: f["month"] - pd.DateOffset(months=2))
    made = made[made["month"] == first].assign(units=80.0)
    own = consensus.own_view(made, past(), catalogue, told, month=first)
    streams = consensus.build_streams(own, catalogue, word, open_orders(), month=first)
    out = register.value_of_people({first: streams}, told, actuals()).set_index("person")
    # Kim lifts four cells of 80 to 112 where 100 came; Ann then sets the two of P0, planned at 112 each, to 75.
    kim_with, kim_without = 4 * abs(112 - 100), 4 * abs(80 - 100)
    assert out.loc["Kim", "wmape_with"] == pytest.approx(kim_with / 400) and out.loc["Kim", "wmape_without"] == pytest.approx(kim_without / 400)
    assert out.loc["Ann Lee", "fva_points"] == pytest.approx(100 * (2 * 12 - 2 * 25) / 200)
    assert out["note"].str.contains("too few").all()
    assert register.value_of_people({}, told, actuals()).empty


CHAIN = [("statistical", "portfolio", 100.0), ("override", "Ann o9", 150.0), ("override", "Bob o10", -50.0)]


def chain(*rows: tuple[str, str, float]) -> dict[pd.Timestamp, pd.DataFrame]:
    cell = {"month": MONTHS[-1], "product": "P0", "region": "R0"}
    return {MONTHS[-1]: pd.DataFrame([cell | {"stream": s, "source": w, "units": u} for s, w, u in rows])}


def test_only_what_stood_is_credited() -> None:
    came = actuals().assign(units=200.0)
    word = {"product": "P0", "region": "R0", "start_month": MONTHS[-1], "end_month": MONTHS[-1]}
    ann, bob = word | {"id": "o9", "author": "Ann", "units": 250.0}, word | {"id": "o10", "author": "Bob", "units": 200.0, "time": "2026-10-03"}
    own = pd.DataFrame(chain(CHAIN[0])[MONTHS[-1]])
    streams = consensus.build_streams(own, products(4), overrides(ann, bob), open_orders(), month=MONTHS[-1])
    for closed in ({MONTHS[-1]: streams}, chain(*CHAIN)):  # of now, and of a month closed when what was replaced was still there
        out = register.value_of_people(closed, insights(), came, overrides(ann, bob)).set_index("person")
        assert list(out.index) == ["Bob"] and out.loc["Bob", "fva_points"] == pytest.approx(50.0), "the statistical forecast was 50 % off"
    # One in per cent stands on the other: each has what it did to the plan before it, and they add up to the whole gain.
    half = overrides(ann, bob | {"units": None, "change_pct": -20.0})
    for said in (half, None):
        out = register.value_of_people(chain(*CHAIN), insights(), came, said).set_index("person")["fva_points"]
        assert out.to_dict() == pytest.approx({"Ann": 25.0, "Bob": 25.0})
    again = register.value_of_people(chain(*CHAIN, ("override", "Ann o11", 10.0)), insights(), came).set_index("person")
    assert again["fva_points"].to_dict() == pytest.approx({"Ann": 20.0, "Bob": 25.0}) and (again["points"] == 1).all()


def test_an_insight_that_an_override_took_back_is_measured_where_it_was_made() -> None:
    told, came = insights({"insight": "I1"}), actuals().assign(units=200.0)
    rows = [CHAIN[0], ("sales", "I1", 200.0), ("override", "Ann o1", -100.0)]
    out = register.value_of_people(chain(*rows), told, came).set_index("person")["fva_points"]
    assert out.to_dict() == pytest.approx({"Kim": 0.0, "Ann": 50.0}), "together the 50 points by which the plan beat the forecast"
    clipped = [CHAIN[0], ("sales", "I1", -900.0), ("limit", "never below zero", 800.0)]
    out = register.value_of_people(chain(*clipped), told, came).set_index("person")
    assert out.loc["Kim", ["wmape_without", "wmape_with"]].tolist() == pytest.approx([0.5, 1.0]), "closed when the limit was a stream"


def test_what_came_is_one_piece_of_evidence_however_often_it_was_planned() -> None:
    said = pd.DataFrame({"month": MONTHS[-1], "product": ["P0", "P9"], "region": "R0", "stream": "override", "source": "Ann o1", "units": [20.0, 30.0]})
    base = said.assign(stream="statistical", source="portfolio", units=100.0)
    streams = pd.concat([base, said], ignore_index=True)
    closed = {first: streams for first in MONTHS[-3:]}
    out = register.value_of_people(closed, insights(), actuals()).set_index("person").loc["Ann"]
    # P0 came to 100 and was planned at 120; nobody ever ordered P9, which was planned at 130.
    assert out["points"] == 2 and out["wmape_with"] == pytest.approx(1.5) and out["wmape_without"] == pytest.approx(1.0)


def test_the_budget_by_month_is_in_units_and_money_and_adds_up() -> None:
    _, plan = build()
    year = pd.date_range("2026-04-01", periods=12, freq="MS", unit="us")
    budget = pd.MultiIndex.from_product([year, ["F0", "F1"], ["R0"]], names=["month", "family", "region"]).to_frame(index=False)
    budget = budget.assign(units=500.0, revenue=6000.0)
    sold = actuals().assign(revenue=900.0)
    out = budget_by_month(plan, sold, budget, products(4), 4)
    assert len(out) == 24 and (out.groupby("part").size() == 12).all()
    assert out.loc[out["part"] == "so far", "units"].sum() == 6 * 800
    gap = gap_to_budget(out)
    assert out["gap_money"].sum() == pytest.approx(gap["gap"].sum())
    assert gap["outlook"].sum() == pytest.approx(6 * 8 * 900.0 + plan.loc[plan["month"].isin(year), "revenue"].sum())
    year = year_by_family(out).set_index(["family", "part"])
    assert list(year.index) == [(f, p) for f in ("F0", "F1", "all") for p in ("so far", "to go", "year")]
    pd.testing.assert_frame_equal(year.xs("so far", level="part") + year.xs("to go", level="part"), year.xs("year", level="part"))
    pd.testing.assert_frame_equal(year.loc["F0"] + year.loc["F1"], year.loc["all"])
    assert year.loc[("all", "year"), "gap_money"] == pytest.approx(gap["gap"].sum())
    assert year.loc[("all", "so far"), "gap_units"] == 6 * 800 - 6 * 1000
    # Who sells without a budget is part of the year's outlook, month by month as in all.
    half = budget_by_month(plan, sold, budget[budget["family"] == "F0"], products(4), 4)
    assert len(half) == 24 and gap_to_budget(half)["outlook"].sum() == pytest.approx(gap["outlook"].sum())
    assert budget_by_month(plan, sold, budget.iloc[:0], products(4), 4).empty


@pytest.mark.parametrize(("so_far", "to_go", "said"), [
    (-20e3, -10e3, "The year is heading 30 k EUR (3.0 %) below budget, of which 20 k is already behind us; F0 is furthest below."),
    (20e3, -50e3, "The year is heading 30 k EUR (3.0 %) below budget; so far it is 20 k above; F0 is furthest below."),
    (-50e3, 40e3, "The year is heading 10 k EUR (1.0 %) below budget; so far it is 50 k below; F0 is furthest below."),
    (0.0, 30e3, "The year is heading 30 k EUR (3.0 %) above budget; every family is at or above it."),
])
def test_the_words_on_the_budget_say_on_which_side_we_are(so_far: float, to_go: float, said: str) -> None:
    gap = pd.DataFrame({"family": ["F0"], "budget": 1e6, "gap": so_far + to_go, "gap_to_date": so_far, "gap_to_go": to_go})
    assert budget_words(gap, "EUR") == said
