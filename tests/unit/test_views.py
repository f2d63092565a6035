"""Views side by side: split down exactly, measured by what came, weighted by what they earned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, open_orders, overrides, products
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.planning import consensus, views, voices

CELL = ["month", "product", "region"]
SCOPES = {"family": {"family": "F0"}, "region": {"region": "R1"}, "product": {"product": "P3"}, "all": {}, "both": {"family": "F1", "region": "R0"}}
COLUMNS = ["stated_on", "view", "author", "month", "family", "product", "region", "units"]


def said(*rows: dict) -> pd.DataFrame:
    frame = pd.DataFrame([dict.fromkeys(COLUMNS) | {"stated_on": "2026-09-24", "view": "sales", "author": "Kim", "month": HORIZON[0]} | r for r in rows],
                         columns=COLUMNS)
    for column in ("stated_on", "month"):
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
    return frame.astype({"units": "float64", **{c: "str" for c in ("view", "author", "family", "product", "region")}})


def base(units: float = 100.0) -> pd.DataFrame:
    frame = pd.MultiIndex.from_product([HORIZON, [f"P{i}" for i in range(4)], ["R0", "R1"]], names=CELL).to_frame(index=False)
    return frame.assign(units=units * (1 + frame["product"].str[1].astype(float)))


def actuals() -> pd.DataFrame:
    frame = pd.MultiIndex.from_product([MONTHS, [f"P{i}" for i in range(4)], ["R0", "R1"]], names=CELL).to_frame(index=False)
    return frame.assign(units=100.0)


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1e6), st.sampled_from(["family", "region", "product", "all", "both"]), st.booleans())
def test_a_view_is_split_down_to_the_last_unit(units: float, scope: str, empty: bool) -> None:
    out = views.spread(said(SCOPES[scope] | {"units": units}), base(0.0 if empty else 50.0), products(4))
    assert out["units"].sum() == pytest.approx(units, rel=1e-9, abs=1e-9) and (out["units"] >= 0).all()
    number = {"family": 4, "region": 4, "product": 2, "all": 8, "both": 2}[scope]
    assert len(out) == number and set(out["month"]) == {HORIZON[0]}


def test_a_narrower_word_stands_and_the_wider_one_of_the_same_team_gives_the_rest() -> None:
    rows = said({"family": "F0", "units": 807.0}, {"product": "P0", "region": "R0", "units": 107.0}, {"view": "marketing", "units": 1.0})
    out = views.spread(rows, base(), products(4))
    mine = out[out["stream"] == "sales"].set_index(["product", "region"])["units"]
    # 700 are left for the family's other three cells, which the workbook expects at 100, 300 and 300.
    assert mine["P0", "R0"] == 107.0 and mine["P0", "R1"] == pytest.approx(100.0) and mine["P2", "R1"] == pytest.approx(300.0)
    assert set(out["stream"]) == {"sales", "marketing"} and len(mine) == 4
    more = views.spread(said({"family": "F0", "units": 5.0}, {"product": "P0", "units": 9.0}), base(), products(4)).set_index(["product", "region"])["units"]
    assert more["P0"].sum() == pytest.approx(9.0) and more["P2"].sum() == 0.0, "never below zero"


def test_what_has_ended_gets_no_even_share() -> None:
    catalogue = products(4)
    catalogue.loc[0, "end_month"] = MONTHS[-1]
    out = views.spread(said({"family": "F0", "units": 10.0}), base(0.0), catalogue).set_index(["product", "region"])["units"]
    assert out["P0"].sum() == 0.0 and out["P2"].tolist() == pytest.approx([5.0, 5.0])


def test_the_latest_word_counts_and_an_old_one_does_not_stand() -> None:
    rows = said({"units": 1.0}, {"units": 2.0, "stated_on": "2026-09-28"}, {"units": 3.0, "stated_on": "2026-05-28", "region": "R0"},
                {"units": 4.0, "month": "2026-09-01"}, {"units": 5.0, "stated_on": "2026-10-05"})
    assert list(views.standing(rows, HORIZON[0])["units"]) == [2.0]


def test_a_view_is_measured_at_the_decision_lag_on_what_it_spoke_of() -> None:
    rows = said(
        {"month": "2026-08-01", "stated_on": "2026-05-20", "family": "F0", "region": "R0", "units": 220.0},  # two products of 100: 20 too many
        {"month": "2026-08-01", "stated_on": "2026-05-20", "product": "P2", "region": "R1", "units": 90.0},
        {"month": "2026-08-01", "stated_on": "2026-07-20", "family": "F1", "units": 999.0},  # another lag
        {"month": "2026-07-01", "stated_on": "2026-04-20", "units": 800.0},  # all of it
    )
    out = views.measured(rows, actuals(), products(4), 3).set_index(["family", "month"])
    assert out.loc[("F0", pd.Timestamp("2026-08-01")), ["actual", "forecast"]].tolist() == [300.0, 310.0]
    assert out.loc[("all", pd.Timestamp("2026-07-01")), ["actual", "forecast"]].tolist() == [800.0, 800.0]
    assert len(out) == 2
    word = {"month": "2026-08-01", "family": "F0"}
    later = said(word | {"stated_on": "2026-05-25", "units": 1000.0}, word | {"stated_on": "2026-05-05", "units": 5.0})
    assert views.measured(later, actuals(), products(4), 3)["forecast"].tolist() == [1000.0], "the later word, in whatever order they stand"


A, B = {"author": "Rep A", "family": "F0", "region": "R0", "units": 100.0}, {"author": "Rep B", "family": "F0", "region": "R0", "units": 50.0}
THEN = {"month": "2026-08-01", "stated_on": "2026-05-20"}  # said at the decision lag of a month that has come: 200 of F0 in R0


def test_the_parts_of_several_reps_add_up() -> None:
    rows = said(A, B | {"stated_on": "2026-09-26"})
    stood = views.standing(rows, HORIZON[0])
    assert sorted(stood["units"]) == [50.0, 100.0]
    assert views.spread(stood, base(), products(4))["units"].sum() == pytest.approx(150.0)
    again = views.standing(said(A, B, A | {"stated_on": "2026-09-28", "units": 70.0}), HORIZON[0])
    assert views.spread(again, base(), products(4))["units"].sum() == pytest.approx(120.0), "a later view of the same author replaces the earlier one"
    apart = views.spread(said(A, B | {"product": "P0", "family": None}), base(), products(4)).set_index(["product", "region"])["units"]
    # 100 of the family fall on P0 and P2 as 1 to 3, and Rep B's 50 are on top: nobody's word is the rest of another's.
    assert apart.to_dict() == pytest.approx({("P0", "R0"): 75.0, ("P2", "R0"): 75.0})
    wide = views.spread(said(A, A | {"product": "P0", "family": None, "units": 40.0}, B), base(), products(4)).set_index("product")["units"]
    assert wide.to_dict() == pytest.approx({"P0": 40.0 + 12.5, "P2": 60.0 + 37.5}), "the narrower word of the same author stands in the wider"


def test_of_a_team_that_speaks_as_one_the_later_word_stands() -> None:
    rows = said(A | {"view": "marketing"}, B | {"view": "marketing", "stated_on": "2026-09-26"})
    assert views.standing(rows, HORIZON[0])["units"].tolist() == [50.0]
    out = voices.doubtful(rows, HORIZON[0], products(4))
    assert out["what"].tolist() == ["marketing"] and out["source"].tolist() == ["Rep A"]
    assert out["message"][0].startswith("what Rep A expects of F0 / R0 in 2026-10 is replaced by Rep B's later word")
    assert voices.doubtful(said(A, A | {"stated_on": "2026-09-26"}), HORIZON[0], products(4)).empty


def test_parts_that_may_count_twice_are_named() -> None:
    assert voices.doubtful(said(A, B).iloc[:0], HORIZON[0], products(4)).empty, "a company without views"
    assert voices.doubtful(said(A, B), HORIZON[0], products(4)).empty, "two reps who state the same are what sales is made of"
    assert voices.doubtful(said(A, B | {"region": "R1"}), HORIZON[0], products(4)).empty
    head = voices.doubtful(said(A, B | {"family": None}), HORIZON[0], products(4))
    assert head["source"].tolist() == ["Rep A + Rep B"] and "added up for F0 / R0, R0 in 2026-10" in head["message"][0]
    months = [B | {"month": m} for m in HORIZON[:3]]
    moved = voices.doubtful(said(*[A | {"month": m, "stated_on": "2026-08-20"} for m in HORIZON[:3]], *months), HORIZON[0], products(4))
    assert len(moved) == 1 and "in 2026-10 to 2026-12" in moved["message"][0] and "took over" in moved["message"][0]
    crossed = voices.doubtful(said(A | {"region": None}, B | {"family": None}), HORIZON[0], products(4))
    assert len(crossed) == 1, "a family everywhere and a region overlap although neither holds the other"


def test_reps_who_share_a_region_are_measured_as_a_sum() -> None:
    rows = said(A | THEN, B | THEN, A | THEN | {"region": "R1", "units": 240.0})
    out = views.measured(rows, actuals(), products(4), 3).set_index("author")
    assert out.loc["Rep A + Rep B", ["actual", "forecast"]].tolist() == [200.0, 150.0], "whose 50 did not come nobody can tell"
    assert out.loc["Rep A", ["actual", "forecast"]].tolist() == [200.0, 240.0] and len(out) == 2, "nobody else speaks of F0 in R1"
    accuracy = views.accuracy_of_views(out.reset_index()).set_index("family")
    assert accuracy.loc["F0", "wmape"] == pytest.approx(abs(150 + 240 - 400) / 400)
    # One is a part of what the other names: what came of all of it, once.
    out = views.measured(said(A | THEN, B | THEN | {"product": "P0", "family": None}), actuals(), products(4), 3)
    assert out[["author", "family", "actual", "forecast"]].values.tolist() == [["Rep A + Rep B", "F0", 200.0, 150.0]]
    out = views.measured(said(A | THEN, B | THEN | {"family": None}), actuals(), products(4), 3)
    assert out[["family", "actual", "forecast"]].values.tolist() == [["all", 400.0, 150.0]]
    out = views.measured(said(A | THEN | {"product": "PX", "family": None}, B | THEN | {"product": "PX", "family": None}), actuals(), products(4), 3)
    assert out.empty, "of no family that is known, as for one author alone"
    never = [one | THEN | {"product": "P0", "family": "F0", "region": "R9"} for one in (A, B)]
    out = views.measured(said(*never), actuals(), products(4), 3)
    assert out[["author", "actual", "forecast"]].values.tolist() == [["Rep A + Rep B", 0.0, 150.0]], "of what nobody ever ordered"
    # Rep B spoke a month before and was not asked again: the part still stood, but no decision was made on it alone.
    early = {"month": "2026-08-01", "stated_on": "2026-04-20"}
    assert views.measured(said(A | THEN, B | early), actuals(), products(4), 3)["forecast"].tolist() == [150.0]
    assert views.measured(said(B | early), actuals(), products(4), 3).empty
    names = views.measured(said(*[A | THEN | {"author": f"Rep {i}"} for i in range(5)]), actuals(), products(4), 3)
    assert names["author"].tolist() == ["Rep 0 + Rep 1 + Rep 2 + 2 more"] and names["forecast"].tolist() == [500.0]


def test_a_team_is_measured_on_the_word_that_stood_and_each_author_on_their_own() -> None:
    months = [{"view": "marketing", "month": m, "stated_on": m - pd.DateOffset(days=75)} for m in MONTHS[-8:]]
    later = [m | {"stated_on": m["stated_on"] + pd.Timedelta(days=2)} for m in months]
    rows = said(*[A | m | {"units": 300.0} for m in months], *[B | m | {"units": 200.0} for m in later])
    out = views.measured(rows, actuals(), products(4), 3)
    assert views.accuracy_of_views(out)["wmape"].tolist() == [0.0] and views.accuracy_of_views(out)["points"].tolist() == [8.0]
    assert views.habits(out).set_index("author")["bias"].to_dict() == pytest.approx({"Rep A": 0.5, "Rep B": 0.0})


def test_past_views_of_several_reps_are_followed_as_a_sum_and_corrected_together() -> None:
    months = [{"month": m, "stated_on": m - pd.DateOffset(days=75)} for m in MONTHS[-8:]]
    rows = said(*[one | m | {"units": 120.0} for m in months for one in (A, B)])
    followed = views.as_followed(rows, tried_out(), products(4), 3)
    # F0 is forecast at 440: 220 in R1, and in R0 240 by the reps.
    assert followed["forecast"].tolist() == pytest.approx([460.0] * 8)
    habits = views.habits(views.measured(rows, actuals(), products(4), 3))
    assert habits["author"].tolist() == ["Rep A + Rep B"] and habits["factor"].tolist() == pytest.approx([1 / np.sqrt(1.2)])
    fixed = views.corrected(said(A, B, B | {"region": "R1"}), habits, products(4))
    assert fixed["units"].tolist() == pytest.approx([100 / np.sqrt(1.2), 50 / np.sqrt(1.2), 50.0]), "what Rep B says of R1 alone was never measured"


def _errors(spread: dict[str, float], months: int, bias: float = 0.0) -> pd.DataFrame:
    parts = []
    for name, size in spread.items():
        sign = np.where(np.arange(months) % 2 == 0, 1.0, -1.0)
        parts.append(pd.DataFrame({"stream": name, "author": name, "family": "F0", "month": MONTHS[:months], "actual": 1000.0,
                                   "forecast": 1000.0 * (1 + bias) + size * sign}))
    return pd.concat(parts, ignore_index=True)


def test_weights_are_the_inverse_of_the_mean_squared_error() -> None:
    out = views.accuracy_of_views(_errors({"sales": 100.0, "statistical": 50.0}, 8)).set_index("stream")
    assert out.loc["statistical", "weight"] == pytest.approx(4 / 5) and out.loc["sales", "weight"] == pytest.approx(1 / 5)
    assert out.loc["sales", "wmape"] == pytest.approx(0.10) and out.loc["sales", "bias"] == pytest.approx(0.0)


def tried_out(months: int = 8) -> pd.DataFrame:
    """Return a backtest in which the statistical forecast of F0 is 10 too high in each cell and 100 came in each; F1 is forecast to the unit."""
    frame = actuals()
    frame = frame[frame["month"].isin(MONTHS[-months:])].rename(columns={"units": "actual"})
    return frame.assign(lag=3, statistical=frame["actual"] + 10.0 * frame["product"].isin(["P0", "P2"]))


def test_a_word_on_a_part_earns_its_weight_by_what_it_makes_of_the_family() -> None:
    past = [{"month": m, "stated_on": m - pd.DateOffset(days=75), "product": "P0", "units": 200.0} for m in MONTHS[-8:]]
    rows, tried, catalogue = said(*past), tried_out(), products(4)
    followed = views.as_followed(rows, tried, catalogue, 3)
    # Sales are right on P0 and say nothing of P2: the family is 20 too high instead of 40.
    assert set(followed["family"]) == {"F0"} and (followed["forecast"] - followed["actual"]).tolist() == pytest.approx([20.0] * 8)
    statistical = views.measured_forecasts(tried, catalogue, 3, {"statistical": "statistical"})
    errors = pd.concat([views.measured(rows, actuals(), catalogue, 3), statistical])
    out = views.accuracy_of_views(errors, followed).set_index(["family", "stream"])
    assert out.loc[("F0", "sales"), "wmape"] == 0.0, "error is of what was spoken of"
    assert out.loc[("F0", "sales"), "weight"] == pytest.approx(4 / 5) and out.loc[("F0", "statistical"), "weight"] == pytest.approx(1 / 5)
    assert views.as_followed(said(), tried, catalogue, 3).empty and views.as_followed(rows, tried.iloc[:0], catalogue, 3).empty


def test_a_view_by_region_earns_weights_in_the_families() -> None:
    past = [{"month": m, "stated_on": m - pd.DateOffset(days=75), "region": r, "units": 400.0} for m in MONTHS[-8:] for r in ("R0", "R1")]
    rows, tried, catalogue = said(*past), tried_out(), products(4)
    errors = pd.concat([views.measured(rows, actuals(), catalogue, 3), views.measured_forecasts(tried, catalogue, 3, {"statistical": "statistical"})])
    out = views.accuracy_of_views(errors, views.as_followed(rows, tried, catalogue, 3)).set_index(["family", "stream"])
    # 420 were forecast of each region and 400 said: the family's 220 become 209.5, 9.5 too many twice, where the forecast was 40 too high in all.
    assert out.loc[("all", "sales"), "wmape"] == 0.0 and np.isnan(out.loc[("all", "sales"), "weight"])
    assert out.loc[("F0", "sales"), "weight"] == pytest.approx(40**2 / (40**2 + (440 * 400 / 420 - 400) ** 2)) and out.loc[("F0", "sales"), "points"] == 8


def test_views_of_different_months_are_compared_with_the_forecast_of_the_same() -> None:
    months = pd.DataFrame({"family": "F0", "month": MONTHS[:14], "actual": 1000.0})
    calm, wild = months["month"] < MONTHS[7], months["month"] >= MONTHS[7]
    own = months.assign(stream="statistical", forecast=np.where(calm, 1010.0, 1100.0))
    sales = months[wild].assign(stream="sales", forecast=1050.0)  # half the error of the forecast in the months that were hard
    budget = months[calm].assign(stream="finance", forecast=1020.0)  # twice the error in those that were easy
    out = views.accuracy_of_views(pd.concat([own, sales, budget])).set_index("stream")["weight"]
    assert out["sales"] == pytest.approx(4 * out["statistical"]) and out["finance"] == pytest.approx(out["statistical"] / 4)


def test_nobody_gets_weight_on_too_few_months() -> None:
    few = pd.concat([_errors({"sales": 1.0}, 5), _errors({"statistical": 50.0}, 8)])
    assert views.accuracy_of_views(few)["weight"].isna().all()


def test_a_habit_is_seen_and_half_of_it_taken_away() -> None:
    out = views.habits(pd.concat([_errors({"high": 20.0}, 12, 0.21), _errors({"even": 200.0}, 12), _errors({"new": 1.0}, 3, 0.5)])).set_index("stream")
    assert out.loc["high", "factor"] == pytest.approx(1 / np.sqrt(1.21), abs=0.002) and "too high" in out.loc["high", "note"]
    assert out.loc["even", "factor"] == 1 and out.loc["new", "factor"] == 1 and "too few" in out.loc["new", "note"]
    rows = said({"view": "high", "author": "high", "family": "F0", "units": 121.0}, {"family": "F0", "units": 5.0})
    fixed = views.corrected(rows, out.reset_index(), products(4))
    assert fixed["units"].tolist() == pytest.approx([110.0, 5.0], abs=0.3)


def test_who_is_always_off_by_the_same_has_a_habit() -> None:
    out = views.habits(pd.concat([_errors({"same": 0.0}, 12, 0.2), _errors({"exact": 0.0}, 12), _errors({"once": 0.0}, 1, 0.2)])).set_index("stream")
    assert out.loc["same", "t"] > views.SURE and out.loc["same", "factor"] == pytest.approx(1 / np.sqrt(1.2)) and "too high" in out.loc["same", "note"]
    assert out.loc["exact", "t"] == 0 and out.loc["exact", "factor"] == 1 and out.loc["once", "t"] == 0 and np.isfinite(out["t"]).all()


def _side() -> pd.DataFrame:
    return views.side_by_side(base(), base().assign(units=90.0), views.spread(said({"family": "F0", "units": 1200.0}), base(), products(4)))


@pytest.mark.parametrize("rule", ["statistical", "weights", "chosen"])
def test_the_plan_follows_the_rule_and_still_adds_up(rule: str) -> None:
    weights = pd.DataFrame({"family": "F0", "stream": ["statistical", "sales"], "weight": [0.75, 0.25]})
    agreed = views.agreed_stream(_side(), weights, products(4), rule, {"F0": "sales", "F1": "pipeline"})
    own = base().assign(stream="statistical", source="portfolio")
    streams = consensus.build_streams(own, products(4), overrides(), open_orders(), month=HORIZON[0], agreed=agreed)
    plan = consensus.demand_plan(streams, products(4)).set_index(CELL)["units"]
    first = plan.loc[HORIZON[0]]
    family = first[["P0", "P2"]].sum()
    # The workbook expects 800 of the family, sales 1,200; of later months and of the other family they say nothing.
    assert family == pytest.approx({"statistical": 800.0, "weights": 900.0, "chosen": 1200.0}[rule])
    assert first[["P1", "P3"]].sum() == pytest.approx(1200.0)
    assert plan.loc[HORIZON[1]].sum() == pytest.approx(2000.0)
    if rule == "weights":
        assert set(agreed["source"]) == {"weights: statistical 75 %, sales 25 %"}


def test_the_budget_stands_in_for_finance() -> None:
    budget = pd.DataFrame({"month": [MONTHS[-1], HORIZON[0]], "family": "F0", "region": "R0", "units": [50.0, 60.0]})
    out = views.with_budget(said(), budget, HORIZON[0])
    assert list(out["view"]) == ["finance"] * 2 and len(views.standing(out, HORIZON[0])) == 1
    kept = said({"view": "finance", "units": 3.0})
    assert views.with_budget(kept, budget, HORIZON[0]) is kept


def test_without_views_the_workbook_stands_alone() -> None:
    none = views.spread(said(), base(), products(4))
    side = views.side_by_side(base(), None, none)
    assert set(side["stream"]) == {"statistical"} and len(side) == len(base())
    assert views.agreed_stream(side, views.accuracy_of_views(views.no_measured()), products(4), "weights", {}).empty
    assert views.measured(said(), actuals(), products(4), 3).empty and views.habits(views.no_measured()).empty


def test_a_chosen_view_of_a_family_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="chosen_views names Grindres; products have the families F0, F1"):
        views.agreed_stream(_side(), pd.DataFrame(), products(4), "chosen", {"Grindres": "sales"})
