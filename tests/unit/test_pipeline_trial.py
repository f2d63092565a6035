"""The pipeline's view tried at past months: only what was known then, a month by hand, and a weight beside the other views."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import deal_snapshots, pipeline, pipeline_trial, views

PRODUCTS = pd.DataFrame({"product": ["a", "b"], "family": ["A", "B"], "unit_price": [10.0, 10.0]})
PAST = pd.date_range("2023-10-01", "2026-09-01", freq="MS", unit="us")
REPS = empty("reps")


def demand(units: float = 200.0) -> pd.DataFrame:
    return pd.DataFrame([(m, p, "N", units) for m in PAST for p in ("a", "b")], columns=["month", "product", "region", "units"])


def deals(strong: str | None = None, units: float = 90.0) -> pd.DataFrame:
    """Return one deal of 50 units of family A won in the middle of each month, created a month before; 90 units in the strong month."""
    rows = [(f"d{m:%y%m}", m - pd.DateOffset(days=20), m + pd.DateOffset(days=14), 50.0 if f"{m:%Y-%m}" != strong else units) for m in PAST]
    table = pd.DataFrame(rows, columns=["opportunity", "created", "closed", "units"])
    return conform("opportunities", table.assign(outcome="won", product="a", region="N", rep="r", stage="s", amount=table["units"] * 10))


def tried(months: pd.DatetimeIndex, lag_months: int = 3, forecast: float = 200.0) -> pd.DataFrame:
    rows = [(m - pd.DateOffset(months=lag_months - lag), p, "N", lag, 200.0, forecast) for m in months for p in ("a", "b") for lag in range(1, lag_months + 1)]
    table = pd.DataFrame(rows, columns=["month", "product", "region", "lag", "actual", "statistical"])
    return table.drop_duplicates(["month", "product", "lag"], ignore_index=True)


def trial(opportunities: pd.DataFrame, months: pd.DatetimeIndex = PAST[-6:], **more) -> pd.DataFrame:
    return pipeline_trial.measured_pipeline(tried(months), opportunities, demand(), PRODUCTS, REPS, 3, stated_lag=3, **more)


def test_a_month_by_hand():
    # Deals ship three months after they are won: a quarter of A's 200 a month. In March 2026 90 were won, known at the origin of June, April.
    found = trial(deals("2026-03")).set_index(["family", "month"])
    june, july = pd.Timestamp("2026-06-01"), pd.Timestamp("2026-07-01")
    assert found.loc[("A", june), "forecast"] == pytest.approx(200 * 0.75 + 90)
    assert found.loc[("B", june), "forecast"] == 200 and found.loc[("A", june), "actual"] == 200
    assert found.loc[("A", july), "forecast"] == pytest.approx(200)
    assert len(found) == 12 and set(found["stream"]) == {"pipeline"}


def test_what_comes_after_an_origin_changes_no_forecast():
    month, origin = pd.DatetimeIndex(["2026-08-01"]), pd.Timestamp("2026-06-01")
    plain = deals()
    after = plain["closed"] >= origin
    new = plain.tail(1).assign(opportunity="later", created=origin, closed=pd.NaT, outcome="open", units=9e3, amount=9e4)
    changed = pd.concat([plain.assign(outcome=plain["outcome"].mask(after, "lost"), amount=plain["amount"].mask(after, 0.0)), new], ignore_index=True)
    other = demand().assign(units=lambda t: t["units"].mask(t["month"] >= origin, 5.0))
    one = pipeline_trial.measured_pipeline(tried(month), plain, demand(), PRODUCTS, REPS, 3, stated_lag=0)
    two = pipeline_trial.measured_pipeline(tried(month), changed, other, PRODUCTS, REPS, 3, stated_lag=0)
    pd.testing.assert_frame_equal(one, two)
    assert len(one) == 2
    # And something before it does.
    earlier = trial(deals("2026-05"), month)
    assert earlier.loc[earlier["family"] == "A", "forecast"].iloc[0] == pytest.approx(240)


def test_open_deals_stand_as_in_the_snapshot_of_the_month():
    at = pd.Timestamp("2026-06-01")
    rebuilt = pipeline_trial.as_they_stood(deals(), at, PRODUCTS, REPS)
    still = rebuilt[rebuilt["outcome"] == "open"]
    assert still["opportunity"].tolist() == ["d2606"]
    kept = deal_snapshots.snapshot(rebuilt)
    gone = kept.assign(opportunity="left the CRM since", amount=70.0)
    stood = pd.concat([kept.assign(amount=400.0), gone], ignore_index=True)
    found = pipeline_trial.as_they_stood(deals(), at, PRODUCTS, REPS, {at: stood})
    assert found.loc[found["outcome"] == "open"].set_index("opportunity")["amount"].to_dict() == {"d2606": 400.0, "left the CRM since": 70.0}
    pd.testing.assert_frame_equal(found[found["outcome"] == "won"].reset_index(drop=True), rebuilt[rebuilt["outcome"] == "won"].reset_index(drop=True))
    # A snapshot of another month says nothing of this one.
    pd.testing.assert_frame_equal(pipeline_trial.as_they_stood(deals(), at, PRODUCTS, REPS, {PAST[0]: stood}), rebuilt)


def test_fewer_than_twelve_recorded_months_and_no_deals_measure_nothing():
    short = deals().query("closed >= '2025-11-01'")
    # Closings are recorded in whole from December 2025 on: the first origin with a year before it lies in December 2026.
    assert trial(short).empty and trial(deals().iloc[:0]).empty
    assert pipeline.known_deals(short, PAST[-1]).empty is False


def test_the_view_earns_a_weight_beside_the_others():
    mine = trial(deals("2026-03"))
    statistical = views.measured_forecasts(tried(PAST[-6:], forecast=210.0), PRODUCTS, 3, {"statistical": "statistical"})
    trust = views.accuracy_of_views(pd.concat([mine, statistical], ignore_index=True)).set_index(["family", "stream"])
    # A: June is 40 too high. At September's origin June is past, so that the share of deals is 640 of 2,400 and the view 10 / 3 too low.
    # The statistical view is off by 10 in each month; weights go by the inverse of the mean squares.
    square = (40**2 + (10 / 3) ** 2) / 6
    assert trust.loc[("A", "pipeline"), "weight"] == pytest.approx((1 / square) / (1 / square + 1 / 100))
    assert trust.loc[("A", "pipeline"), "bias"] == pytest.approx((40 - 10 / 3) / 1200)
    assert trust.loc[("A", "pipeline"), "wmape"] == pytest.approx((40 + 10 / 3) / 1200)
    rows = {"month": [pd.Timestamp("2026-10-01")] * 2, "product": "a", "region": "N", "stream": ["statistical", "pipeline"], "units": [200.0, 300.0]}
    ahead = pd.DataFrame(rows)
    agreed = views.agreed_stream(ahead, trust.reset_index(), PRODUCTS, "weights", {})
    assert agreed["units"].iloc[0] == pytest.approx(100 * trust.loc[("A", "pipeline"), "weight"]) and np.isfinite(agreed["units"]).all()
