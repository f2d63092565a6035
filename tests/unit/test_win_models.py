"""Win models: nothing known only after closing gets in, the base rate ships unless clearly beaten, chances keep the total."""

import numpy as np
import pandas as pd
import pytest

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import pipeline, win_models

MONTH = pd.Timestamp("2026-10-01")
PRODUCTS = pd.DataFrame({"product": ["a"], "family": ["A"], "unit_price": [100.0]})
REPS = pd.DataFrame({"rep": ["r1"], "region": ["N"]})


def made(better: float, size: int = 2400, seed: int = 5) -> pd.DataFrame:
    """Return deals of two reps; the good one wins with a chance higher by `better` than the other."""
    rng = np.random.default_rng(seed)
    rep = rng.choice(["good", "poor"], size)
    created = MONTH - pd.to_timedelta(rng.integers(1, 900, size), unit="D")
    closed = created + pd.to_timedelta(rng.integers(20, 120, size), unit="D")
    won = rng.random(size) < np.where(rep == "good", 0.4 + better / 2, 0.4 - better / 2)
    is_open = closed >= MONTH
    return conform("opportunities", pd.DataFrame({
        "opportunity": [f"{i:05d}" for i in range(size)], "family": rng.choice(["A", "B"], size), "region": "N", "rep": rep, "stage": "offer",
        "amount": rng.lognormal(9, 1, size), "created": created, "closed": pd.Series(closed).where(~is_open),
        "outcome": np.select([is_open, won], ["open", "won"], "lost"),
    }))


def test_close_value_is_caught_whatever_it_is_called():
    deals = pipeline.known_deals(made(0.0), MONTH, PRODUCTS, REPS)
    closing = deals["amount"].where(deals["outcome"] == "won", 0.0)
    for name in ("close_value", "value"):
        with pytest.raises(ValueError, match=f"feature '{name}' is refused"):
            win_models.features_of(deals.assign(**{name: closing}), ["family", name])
    with pytest.raises(ValueError, match="close_value"):
        win_models.judge_models(made(0.0).assign(close_value=1.0), PRODUCTS, REPS, MONTH, columns=["family", "close_value"])


def test_a_feature_that_decided_deals_have_and_open_ones_lack_is_caught():
    deals = pipeline.known_deals(made(0.0), MONTH, PRODUCTS, REPS)
    filled = pd.Series("price", index=deals.index).where(deals["outcome"] != "open")
    found = win_models.leaks(deals.assign(lost_to=filled)[["lost_to", "region", "rep", "amount"]], deals["outcome"])
    assert list(found) == ["lost_to"] and "100% of decided and 0% of open" in found["lost_to"]


def test_the_base_rate_ships_where_deals_cannot_be_told_apart():
    table, chances = win_models.judge_models(made(0.0), PRODUCTS, REPS, MONTH)
    table = conform("win_models", table).set_index("model")
    assert table["used"].sum() == 1 and table.loc["base rate", "used"]
    assert chances.nunique() == 1 and chances.iloc[0] == pytest.approx(0.4, abs=0.05)
    assert table.loc["base rate", "brier"] == pytest.approx(0.24, abs=0.01), "p (1 - p)"


def test_a_model_ships_where_it_tells_deals_apart():
    opportunities = made(0.5)
    table, chances = win_models.judge_models(opportunities, PRODUCTS, REPS, MONTH)
    assert not table.set_index("model").loc["base rate", "used"] and table["used"].sum() == 1
    rep = opportunities.set_index("opportunity")["rep"].reindex(chances.index)
    assert chances[rep == "good"].mean() == pytest.approx(0.65, abs=0.08) and chances[rep == "poor"].mean() == pytest.approx(0.15, abs=0.08)
    again = win_models.judge_models(opportunities, PRODUCTS, REPS, MONTH)
    pd.testing.assert_frame_equal(table, again[0])
    pd.testing.assert_series_equal(chances, again[1])


def test_telling_deals_apart_keeps_their_total():
    opportunities = made(0.5)
    deals = pipeline.known_deals(opportunities, MONTH, PRODUCTS, REPS)
    _, chances = win_models.judge_models(opportunities, PRODUCTS, REPS, MONTH)
    still = deals[deals["outcome"] == "open"]
    factor = win_models.tilt(deals, chances)
    assert (factor * still["amount"]).sum() == pytest.approx(still["amount"].sum()) and factor.std() > 0.1
    assert (win_models.tilt(deals, chances * 0) == 1).all()


def test_too_few_deals_are_not_learned_from():
    table, chances = win_models.judge_models(made(0.5, 60), PRODUCTS, REPS, MONTH)
    assert conform("win_models", table).empty and chances.nunique() <= 1
    table, chances = win_models.judge_models(empty("opportunities"), PRODUCTS, REPS, MONTH)
    assert table.empty and chances.empty


def test_lost_deals_of_amount_zero_do_not_stop_the_month():
    deals = made(0.5)
    zero = deals.assign(amount=deals["amount"].mask(deals["outcome"] == "lost", 0.0))
    table, _ = win_models.judge_models(zero, PRODUCTS, REPS, MONTH)
    assert table["used"].sum() == 1 and not table.set_index("model").loc["base rate", "used"], "reps are told apart without amounts"
    found = win_models.left_out(zero, PRODUCTS, REPS, MONTH)
    assert list(found) == ["amount"] and win_models.left_out_words(found).startswith("The models do without amount: ")
    assert "were used" in win_models.left_out_words(win_models.left_out(deals, PRODUCTS, REPS, MONTH))
    few = deals.iloc[:0].copy()
    rows = pd.DataFrame({"opportunity": list("abcd"), "amount": [100.0, 90.0, 50.0, 40.0], "outcome": ["won", "won", "lost", "lost"], "stage": "offer",
                         "rep": "good", "created": pd.Timestamp("2026-01-01"), "closed": pd.Timestamp("2026-02-01")})
    assert not win_models.leaks(pipeline.known_deals(conform("opportunities", pd.concat([few, rows])), MONTH)[["amount"]], rows["outcome"]), "chance"
