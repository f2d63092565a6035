"""Where seasonal naive was better and does not take over, the forecast says so; a method that is not last month's is named with its error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, demand
from test_backtest import panel_of
from test_forecasting import plain_scope

from sop_helpers.book.conform import conform
from sop_helpers.planning import backtest, method_choice
from sop_helpers.planning.panel import KEYS
from sop_helpers.report.demand_words import methods_words

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


def company() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same year again, with noise that seasonal naive does not smooth away but hardly matters; and plain series beside it."""
    rng = np.random.default_rng(0)
    year, other = (rng.permutation(np.r_[np.full(6, 10.0), np.full(6, 400.0)]) for _ in range(2))
    noisy = np.r_[np.tile(other, 3), np.tile(year, 2)] * np.exp(rng.normal(0, 0.25, (4, 60)))
    values = np.vstack([np.r_[np.tile(other, 3), np.tile(year, 2)], noisy, demand(2)])
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
    assert one.loc[beaten, "reason"].str.contains("watched").all() and not one.loc[~beaten, "reason"].str.contains("watched").any()
    stays = one["model"] != "seasonal naive"
    np.testing.assert_allclose(one.loc[stays, "naive_ratio"], (off["bench"] / off["used"])[stays])
    assert conform("forecast", table)["own_model"].eq("portfolio").all()
    listed = method_choice.watched(table, near)
    assert set(listed["product"]) == set(one.index[beaten]) and (listed["naive_wmape"] < listed["wmape"]).all()
    assert listed["reason"].str.startswith("seasonal naive was").all()
    assert f"On {beaten.sum()} of 9 series" in methods_words(table, listed.iloc[:0], compared=True)
    assert "No series" in methods_words(table.assign(caution=None), listed, compared=False)


def test_a_history_too_short_to_be_tried_has_nothing_to_watch_but_may_change_its_method() -> None:
    made = backtest.forecast(panel_of(demand(1)[:, -5:]), plain_scope(2), HORIZON)
    assert made.tried.empty and made.table["caution"].isna().all() and made.table["naive_ratio"].isna().all()
    assert method_choice.watched(made.table, made.tried).empty
    last = made.table.assign(model="imapa")
    out = conform("method_changes", method_choice.method_changes(made.table, last, made.tried))
    assert len(out) == 2 and (out["points"] == 0).all() and out["wmape"].isna().all()


def test_a_method_that_is_not_last_months_is_named_with_the_error_of_both() -> None:
    table, near = company()
    assert method_choice.method_changes(table, None, near).empty and method_choice.method_changes(table, table, near).empty
    now = table.drop_duplicates("product").set_index("product")["model"]
    naive, other = now.index[now == "seasonal naive"][0], now.index[now != "seasonal naive"][-2:]
    was = {naive: "portfolio", other[0]: "seasonal naive", other[1]: "imapa"}
    last = table.assign(model=table["product"].map(was).fillna(table["model"]))
    out = conform("method_changes", method_choice.method_changes(table, last[[*KEYS, "model"]], near)).set_index("product")
    assert set(out.index) == set(was)
    assert out.loc[naive, "wmape"] < 0.6 * out.loc[naive, "last_wmape"] and "clearly better" in out.loc[naive, "why"]
    back = out.loc[other[0]]
    ratio = table.set_index("product")["naive_ratio"][other[0]].iloc[0]
    assert back["last_wmape"] / back["wmape"] == pytest.approx(ratio) and "not clearly better" in back["why"]
    assert np.isnan(out.loc[other[1], "last_wmape"]) and "class or history" in out.loc[other[1], "why"] and out.loc[other[1], "wmape"] > 0
