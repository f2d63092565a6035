"""Where seasonal naive was better and does not take over, the forecast says so; a method that is not last month's is named with its error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, demand
from test_backtest import panel_of
from test_forecasting import plain_scope

from sop_helpers.book.conform import conform
from sop_helpers.planning import backtest, forecasting, last_methods, method_choice
from sop_helpers.planning.accuracy import fva_steps
from sop_helpers.planning.intermittent import imapa
from sop_helpers.planning.panel import KEYS
from sop_helpers.report.demand_words import fva_words, methods_words

SMOOTH = "smooth"


def stand(used: float, naive: float, kind: str = SMOOTH, model: str = "portfolio", origins: int = 4, own: float | None = None) -> tuple[float, str, str]:
    """How one series stands whose forecasts are all off by so much."""
    cube = [np.full((1, origins, 3), 100.0 + off) for off in (used, used if own is None else own, naive, 0.0)]
    names = [np.array([name], dtype=object) for name in (kind, model)]
    out = method_choice.standing(*cube, 3, *names, np.array([model == "seasonal naive"]))
    return out.ratio[0], out.caution[0], out.words[0]


def test_naive_that_is_not_clearly_better_is_a_reason_to_watch() -> None:
    ratio, caution, words = stand(10, 7.4)
    assert ratio == pytest.approx(0.74) and caution == "not clearly better"
    assert "not clearly" in words and "26 % lower" in words and "from 40 % on" in words and "3 months" in words and "watched" in words
    assert "less than 1 %" in stand(10, 9.99)[2]
    assert stand(10, 10)[1:] == ("", "") and stand(10, 12)[1:] == ("", "")


def test_what_decides_is_said_as_it_was_decided() -> None:
    assert "squared error" in stand(10, 9, "lumpy")[2] and "19 % lower" in stand(10, 9, "lumpy")[2]
    # Off by 4 in every month, against by 9 in a third of them: less in all, and more by the square.
    used, actual, sparse = np.full((1, 4, 3), 104.0), np.full((1, 4, 3), 100.0), np.array(["intermittent"], dtype=object)
    naive = actual + np.array([9.0, 0, 0])
    one = method_choice.standing(used, used, naive, actual, 3, sparse, np.array(["imapa"], dtype=object), np.array([False]))
    assert one.caution[0] == "absolute error only" and "favours zeros" in one.words[0]
    assert stand(10, 2, origins=1)[1] == "too few to tell" and "3 forecasts" in stand(10, 2, origins=1)[2]
    assert stand(10, 2)[1] == "agreed with other levels"


def test_where_naive_took_over_or_nothing_is_forecast_there_is_nothing_to_watch() -> None:
    ratio, caution, _ = stand(5, 5, model="seasonal naive", own=20)
    assert ratio == pytest.approx(0.25) and caution == ""
    assert stand(10, 1, model="stopped")[1] == ""
    none = method_choice.standing(*np.zeros((4, 2, 0, 0)), 3, *np.array([[SMOOTH] * 2, ["portfolio"] * 2], dtype=object), np.zeros(2, dtype=bool))
    assert np.isnan(none.ratio).all() and (none.caution == "").all()


def company_values() -> np.ndarray:
    """The same year again, with noise that seasonal naive does not smooth away but hardly matters; and plain series beside it."""
    rng = np.random.default_rng(0)
    year, other = (rng.permutation(np.r_[np.full(6, 10.0), np.full(6, 400.0)]) for _ in range(2))
    noisy = np.r_[np.tile(other, 3), np.tile(year, 2)] * np.exp(rng.normal(0, 0.25, (4, 60)))
    return np.vstack([np.r_[np.tile(other, 3), np.tile(year, 2)], noisy, demand(2)])


def company() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Its forecast, and the backtest up to the decision lag."""
    values = company_values()
    made = backtest.forecast(panel_of(values), plain_scope(len(values)), HORIZON)
    return made.table, made.tried[made.tried["lag"] <= 3]


def test_every_series_that_naive_beats_in_the_backtest_says_why_it_stays() -> None:
    table, near = company()
    one = table.drop_duplicates("product").set_index("product")
    off = near.assign(used=(near["actual"] - near["statistical"]).abs(), bench=(near["actual"] - near["naive"]).abs())
    off = off.groupby("product")[["used", "bench"]].sum()
    beaten = (off["bench"] < off["used"]) & (one["model"] != "seasonal naive")
    assert beaten.any() and (one["model"] == "seasonal naive").any()
    assert (one["caution"].notna() == beaten).all()
    assert one.loc[beaten, "watch"].str.contains("watched").all() and one.loc[~beaten, "watch"].isna().all()
    stays = one["model"] != "seasonal naive"
    np.testing.assert_allclose(one.loc[stays, "naive_ratio"], (off["bench"] / off["used"])[stays])
    assert conform("forecast", table)["own_model"].eq("portfolio").all()
    listed = method_choice.watched(table, near)
    assert set(listed["product"]) == set(one.index[beaten]) and (listed["naive_wmape"] < listed["wmape"]).all()
    assert listed["watch"].str.startswith("seasonal naive was").all()
    assert f"On {beaten.sum()} of 9 series" in methods_words(table, listed.iloc[:0], compared=True)
    assert "No series" in methods_words(table.assign(caution=None), listed, compared=False)


def test_a_history_too_short_to_be_tried_has_nothing_to_watch_but_may_change_its_method() -> None:
    made = backtest.forecast(panel_of(demand(1)[:, -5:]), plain_scope(2), HORIZON)
    assert made.tried.empty and made.table["caution"].isna().all() and made.table["naive_ratio"].isna().all()
    assert method_choice.watched(made.table, made.tried).empty
    last = made.table.assign(model="imapa")
    out = conform("method_changes", method_choice.method_changes(made.table, last, made.tried, made.last_tried))
    assert len(out) == 2 and (out["points"] == 0).all() and out["wmape"].isna().all()


def test_a_method_that_is_not_last_months_is_named_with_the_error_of_both() -> None:
    values = company_values()
    table = backtest.forecast(panel_of(values), plain_scope(len(values)), HORIZON).table
    now = table.drop_duplicates("product").set_index("product")["model"]
    naive, other = now.index[now == "seasonal naive"][0], now.index[now != "seasonal naive"][-3:]
    was = {naive: "portfolio", other[0]: "seasonal naive", other[1]: "imapa", other[2]: "stopped"}
    last = table.assign(model=table["product"].map(was).fillna(table["model"]))[[*KEYS, "model"]]
    made = backtest.forecast(panel_of(values), plain_scope(len(values)), HORIZON, last=last)
    pd.testing.assert_frame_equal(made.table, table)
    near = made.tried[made.tried["lag"] <= 3]
    none = made.last_tried.iloc[:0]
    assert method_choice.method_changes(table, None, near, none).empty and method_choice.method_changes(table, table, near, none).empty
    out = conform("method_changes", method_choice.method_changes(table, last, near, made.last_tried)).set_index("product")
    assert set(out.index) == set(was) and (out["points"] == near.groupby("product").size()[out.index]).all()
    assert out.loc[naive, "wmape"] < 0.6 * out.loc[naive, "last_wmape"] and "clearly better" in out.loc[naive, "why"]
    back = out.loc[other[0]]
    ratio = table.set_index("product")["naive_ratio"][other[0]].iloc[0]
    assert back["last_wmape"] / back["wmape"] == pytest.approx(ratio) and "not clearly better" in back["why"]
    # A method that its history does not call for any more is forecast by anew at the same origins.
    assert "class or history" in out.loc[other[1], "why"]
    row = list(table["product"].unique()).index(other[1])
    again = [imapa(values[[row], : 60 - b], 3)[0] for b in range(8, 2, -1)]
    held = made.last_tried[made.last_tried["product"] == other[1]].sort_values(["origin", "lag"])["units"].to_numpy().reshape(-1, 3)[-6:]
    np.testing.assert_allclose(held, again)
    assert out.loc[other[1], "last_wmape"] > out.loc[other[1], "wmape"] > 0
    assert out.loc[other[2], "last_wmape"] == 1.0, "who is not forecast is off by all that came"


def test_last_cycles_method_is_a_step_and_counts_the_same_where_nothing_changed() -> None:
    values = company_values()
    table = backtest.forecast(panel_of(values), plain_scope(len(values)), HORIZON).table
    moved = table["product"].unique()[-2:]
    last = table.assign(model=table["model"].mask(table["product"].isin(moved), "tsb"))
    made = backtest.forecast(panel_of(values), plain_scope(len(values)), HORIZON, last=last)
    near = last_methods.with_last_method(made.tried[made.tried["lag"] <= 3], made.last_tried)
    same = ~near["product"].isin(moved)
    assert (near.loc[same, "last_method"] == near.loc[same, "statistical"]).all()
    assert (near.loc[~same, "last_method"] != near.loc[~same, "statistical"]).all()
    steps = fva_steps(near, {"seasonal naive": "naive", method_choice.LAST: "last_method", "statistical": "statistical"}, "backtest").set_index("step")
    off = (near["actual"] - near["last_method"]).abs().sum() / near["actual"].sum()
    assert steps.loc[method_choice.LAST, "wmape"] == pytest.approx(off) and steps.loc["statistical", "before"] == method_choice.LAST
    assert conform("fva", steps.reset_index())["fva_points"].notna().sum() == 2
    said = fva_words(steps.reset_index(), 3)
    gained = 100 * (steps.loc["seasonal naive", "wmape"] - steps.loc["statistical", "wmape"])
    assert f"{abs(gained):.1f} points" in said and f"last cycle's methods WMAPE {100 * off:.1f} %" in said


@pytest.mark.parametrize("name", ["portfolio", "family season", "recent mean", "imapa", "tsb"])
def test_a_method_can_be_asked_for_by_name(name: str) -> None:
    values = demand(2)
    methods = np.full(len(values), "", dtype=object)
    methods[1] = name
    points = forecasting.point_forecast(values, 6, plain_scope(len(values)), methods=methods)
    assert points.model[1] == name and points.units[1].sum() > 0
    assert (np.delete(points.model, 1) == "no history").all() and (np.delete(points.units, 1, axis=0) == 0).all()
    short = forecasting.point_forecast(values[:, -10:], 6, plain_scope(len(values)), methods=methods)
    assert (short.model[1] == name) == (name not in ("portfolio", "family season")), "too short a history is left out"
    whole = forecasting.point_forecast(values, 6, plain_scope(len(values)))
    assert whole.model[1] == "portfolio" and (whole.units[1] == points.units[1]).all() == (name == "portfolio")


def test_who_borrows_from_a_like_product_is_lent_its_forecast() -> None:
    values = np.vstack([demand(1), demand(1)[:1]])
    values[-1, :-8] = np.nan
    scope = plain_scope(len(values))._replace(like=np.r_[np.full(len(values) - 1, -1), 0])
    plain = forecasting.point_forecast(values, 3, scope)
    assert plain.model[-1] == "like product"
    methods = np.full(len(values), "", dtype=object)
    methods[-1] = "like product"
    again = last_methods.tried_again(values, scope, np.array([3]), methods, 3, 12, [])
    np.testing.assert_allclose(again[0, 0], forecasting.point_forecast(values[:, :-3], 3, scope).units[-1])
