"""The pipeline's view of demand: nothing counts twice, deals that go on as they did change nothing, and a lag is only measured where it shows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import pipeline_units, views

MONTH = pd.Timestamp("2026-10-01")
PRODUCTS = pd.DataFrame({"product": ["a1", "a2", "b"], "family": ["A", "A", "B"], "unit_price": [10.0, 10.0, 5.0]})
PAST = pd.date_range(end="2026-09-01", periods=36, freq="MS", unit="us")
AHEAD = pd.date_range(MONTH, periods=6, freq="MS", unit="us")


def demand(months: pd.DatetimeIndex, units: float = 100.0) -> pd.DataFrame:
    """Return the same demand of every product in region N every month."""
    return pd.DataFrame([(m, p, "N", units) for m in months for p in PRODUCTS["product"]], columns=["month", "product", "region", "units"])


def steady_deals(units: float) -> pd.DataFrame:
    """Return one deal of family A each month, created in it and won in the next, as long as the past goes, and the one that is open."""
    rows = [(f"{i}", m + pd.Timedelta(days=4), m + pd.DateOffset(months=1, days=9), "won") for i, m in enumerate(PAST[:-1])]
    rows += [("open", PAST[-1] + pd.Timedelta(days=4), pd.NaT, "open")]
    table = pd.DataFrame(rows, columns=["opportunity", "created", "closed", "outcome"])
    return table.assign(family="A", region="N", rep="r", stage="offer", units=units, amount=units * 10.0)


def view_of(deals: pd.DataFrame, lag: int = 0) -> pd.DataFrame:
    return pipeline_units.pipeline_view(deals, demand(AHEAD), demand(PAST), PRODUCTS, MONTH, lag=lag)


@example(units=395.515625, lag=0)  # once a share of 1 and a digit
@given(units=st.floats(1, 500), lag=st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_parts_add_up_and_only_a_share_of_demand_is_deals(units, lag):
    table = view_of(steady_deals(units), lag)
    np.testing.assert_allclose(table["run_rate"] + table["from_deals"], table["units"])
    assert table["deal_share"].between(0, 1).all() and (table["units"] >= 0).all()
    own = table[table["family"] == "A"]
    assert own["deal_share"].iloc[0] == pytest.approx(min(1.0, units / 200), rel=1e-6)
    other = table[table["family"] == "B"]
    assert (other["from_deals"] == 0).all() and (other["units"] == 100).all(), "what never was a deal is all run rate"


def test_won_deals_that_have_not_shipped_are_in_the_view():
    table = view_of(steady_deals(50.0), lag=2)
    first = table[(table["family"] == "A") & (table["month"] < AHEAD[2])]
    np.testing.assert_allclose(first["from_deals"], 50.0, err_msg="won in the two months before")
    np.testing.assert_allclose(first["units"], 200.0)


def test_deals_that_go_on_as_they_did_leave_the_forecast_as_it_is():
    rng = np.random.default_rng(2)
    size = 8000
    born = rng.integers(0, 36, size)
    created = pd.to_datetime(PAST[born]) + pd.to_timedelta(rng.integers(0, 27, size), unit="D")
    wait = rng.geometric(0.4, size)
    at = born + wait
    closed = pd.Series([PAST[0] + pd.DateOffset(months=int(n), days=10) for n in at])
    won, is_open = rng.random(size) < 0.5, closed >= MONTH
    deals = pd.DataFrame({"opportunity": np.arange(size).astype(str), "family": "A", "region": "N", "units": 1.0, "amount": 10.0, "created": created,
                          "closed": closed.where(~is_open), "outcome": np.select([is_open, won], ["open", "won"], "lost")})
    table = view_of(deals)
    own = table[table["family"] == "A"]
    assert own["deal_share"].iloc[0] > 0.4
    assert own["units"].mean() == pytest.approx(200.0, rel=0.08)


def test_deals_of_an_unknown_region_stay_run_rate():
    table = view_of(steady_deals(50.0).assign(region="not stated"))
    assert (table["from_deals"] == 0).all() and table["units"].sum() == demand(AHEAD)["units"].sum()


def test_a_lag_that_shows_is_measured_and_noise_is_not():
    rng = np.random.default_rng(1)
    won = pd.DataFrame({"month": PAST, "units": rng.uniform(0, 100, 36)})
    came = pd.DataFrame({"month": PAST, "units": 300 + won["units"].shift(2).fillna(50) + rng.normal(0, 5, 36)})
    assert pipeline_units.ship_lag(won, came, MONTH) == (2, "measured")
    assert pipeline_units.ship_lag(won, came, MONTH, 1) == (1, "workbook")
    flat = came.assign(units=300.0)
    assert pipeline_units.ship_lag(won, flat, MONTH) == (0, "no lag to be seen")
    assert pipeline_units.ship_lag(won.tail(10), came, MONTH) == (0, "no lag to be seen")


def test_it_stands_beside_the_others_only_where_nobody_brought_one():
    own, none = demand(AHEAD), empty("views")
    said, words = pipeline_units.with_pipeline(none, steady_deals(50.0), own, demand(PAST), PRODUCTS, MONTH, stated_lag=1)
    said = conform("views", said)
    assert set(said["view"]) == {"pipeline"} and "1 month after winning (workbook)" in words
    assert len(views.standing(said, MONTH)) == len(said)
    spread = views.spread(said, own, PRODUCTS)
    np.testing.assert_allclose(spread["units"].sum(), said["units"].sum())
    weights = pd.DataFrame({"family": [], "stream": [], "weight": []})
    side = views.side_by_side(own, None, spread)
    assert views.agreed_stream(side, weights, PRODUCTS, "statistical", {}).empty, "it moves nothing by itself"
    chosen = views.agreed_stream(side, weights, PRODUCTS, "chosen", {"A": "pipeline"})
    gap = said.loc[said["family"] == "A", "units"].sum() - own.loc[own["product"] != "b", "units"].sum()
    assert chosen["units"].sum() == pytest.approx(gap)
    again, words = pipeline_units.with_pipeline(said, steady_deals(50.0), own, demand(PAST), PRODUCTS, MONTH)
    assert again is said and "those who brought one" in words
    assert len(pipeline_units.with_pipeline(none, steady_deals(1.0).iloc[:0], own, demand(PAST), PRODUCTS, MONTH)[0]) == 0


def test_the_share_of_deals_is_measured_on_what_was_recorded():
    late = steady_deals(100.0).query("closed >= '2026-03-15' or closed != closed")
    table = pipeline_units.pipeline_view(late, demand(AHEAD), demand(PAST), PRODUCTS, MONTH)
    whole = view_of(steady_deals(100.0))
    # Closings of a year or of half of one: half of A's demand goes through deals either way.
    for one in (table, whole):
        assert one.loc[one["family"] == "A", "deal_share"].tolist() == pytest.approx([0.5] * 6)
    assert pipeline_units.measured_from(late, demand(PAST), MONTH) == pd.Timestamp("2026-05-01"), "April may have been recorded from its middle on"
    short = pipeline_units.pipeline_view(steady_deals(100.0), demand(AHEAD), demand(PAST[-7:]), PRODUCTS, MONTH)
    assert short.loc[short["family"] == "A", "deal_share"].tolist() == pytest.approx([0.5] * 6)


def test_the_pipeline_has_no_view_on_a_few_months_of_closings():
    late = steady_deals(100.0).query("closed >= '2026-06-15' or closed != closed")
    views, told = pipeline_units.with_pipeline(empty("views"), late, demand(AHEAD), demand(PAST), PRODUCTS, MONTH)
    assert views.empty and "for 2 months only" in told
