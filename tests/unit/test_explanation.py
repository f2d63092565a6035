"""Explanations: parts add up exactly, planted parts are found, contributions are the learner's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, demand, products, sales

from sop_helpers.planning import explanation, history, learners
from sop_helpers.planning.drivers import Drivers, find_drivers
from sop_helpers.planning.portfolio import SMALL
from sop_helpers.report import demand_words
from sop_helpers.report.charts.demand import explanation_chart

FAMILY = products().set_index("product")["family"]
NO_EFFECTS = pd.DataFrame({"family": pd.Series(dtype="str"), "month": pd.DatetimeIndex([]), "source": pd.Series(dtype="str"), "factor": pd.Series(dtype=float)})


def company(values: np.ndarray) -> tuple[history.Panel, pd.DataFrame]:
    raw = history.complete_history(sales(values), products(), MONTHS[-1])
    panel = history.history_panel(raw, products(), "raw_units")
    index = pd.MultiIndex.from_product([HORIZON, products()["product"], ["R0", "R1"]], names=["month", "product", "region"])
    frame = index.to_frame(index=False)
    season = 1 + 0.3 * np.sin(2 * np.pi * (60 + np.arange(18)) / 12)
    return panel, frame.assign(units=frame["month"].map(dict(zip(HORIZON, 700 * season, strict=True))))


def test_parts_add_up_to_the_forecast_with_drivers_exactly() -> None:
    panel, forecast = company(demand())
    effects = pd.DataFrame({"family": "F1", "month": HORIZON, "source": "x", "factor": np.linspace(1.1, 0.9, 18)})
    found = explanation.explain(panel, forecast, effects, FAMILY)
    sums = found.groupby(["family", "month"])["units"].sum()
    said = forecast.assign(family=forecast["product"].map(FAMILY)).groupby(["family", "month"])["units"].sum()
    factor = pd.Series(1.0, index=said.index)
    factor.loc["F1"] = effects["factor"].to_numpy()
    np.testing.assert_allclose(sums.reindex(said.index), said * factor, rtol=1e-12)
    drivers = found[found["part"] == "driver"].groupby("family")["units"].apply(lambda u: u.abs().sum())
    assert drivers["F0"] == 0 and drivers["F1"] > 0
    assert explanation_chart(explanation.family_history(panel), found).axes and "season" in demand_words.explanation_words(found)


def test_a_planted_season_and_trend_are_told_apart() -> None:
    t, rng = np.arange(72), np.random.default_rng(0)
    y = 1000 + 5 * t + 200 * np.sin(2 * np.pi * t / 12) + rng.normal(0, 10, 72)
    truth = 1000 + 5 * np.arange(72, 84) + 200 * np.sin(2 * np.pi * np.arange(72, 84) / 12)
    parts = explanation.split(y, truth)
    np.testing.assert_allclose(parts["season"] - parts["season"].mean(), 200 * np.sin(2 * np.pi * np.arange(12) / 12), atol=40)
    assert abs(parts["level"][0] - (1000 + 5 * 71)) < 60 and parts["trend"][-1] > 0
    np.testing.assert_allclose(sum(parts.values()), truth, rtol=1e-12)
    trend, season = explanation.strengths(y)
    assert trend > 0.9 and season > 0.9
    noise = 1000 * np.exp(rng.normal(0, 0.1, 120))
    assert max(explanation.strengths(noise)) < 0.75


def test_the_regression_finds_a_planted_elasticity() -> None:
    found = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x = np.cumsum(rng.normal(0, 0.05, 96))
        y = 500 * np.exp(0.2 * np.sin(2 * np.pi * np.arange(96) / 12) + np.r_[np.zeros(3), 0.8 * x[:-3]] + rng.normal(0, 0.02, 96))
        slope, error = explanation.driver_regression(y, x, 3)
        assert abs(slope - 0.8) < 4 * error
        found.append(slope)
    assert np.mean(found) == pytest.approx(0.8, abs=0.1)
    assert np.isnan(explanation.driver_regression(np.full(60, 5.0), np.zeros(60), 2)[0])


def test_the_profile_names_peak_and_driver() -> None:
    panel, forecast = company(demand(noise=0.03))
    rng = np.random.default_rng(3)
    indicators = pd.DataFrame({"month": MONTHS, "indicator": "leads", "value": np.exp(np.cumsum(rng.normal(0, 0.05, 60)))})
    drivers: Drivers = find_drivers(panel, indicators, HORIZON)
    found = explanation.explain(panel, forecast, NO_EFFECTS, FAMILY)
    table = explanation.profile(panel, found, drivers.table, indicators, {}).set_index("family")
    # The season of the company peaks three months after October.
    assert set(table["peak_month"]) <= {"December", "January", "February"} and (table["season_strength"] > 0.9).all()
    assert table["driver"].str.startswith("leads, lag").all() and (table["standard_error"] > 0).all()


def test_contributions_are_the_learners_prediction() -> None:
    rng = np.random.default_rng(2)
    values = demand(40, noise=0.1) * np.exp(rng.normal(0, 0.1, (80, 60)))
    model = learners.train(SMALL[1], values=values, horizon=12)
    names, parts, said = learners.contributions(model, values, 12)
    assert names[0] == "usual" and parts.shape == (80, 12, len(names))
    np.testing.assert_allclose(parts.sum(axis=2), said, atol=1e-9)
    assert sorted(sum(learners.FEATURES.values(), [])) == list(range(model.model.num_feature()))
    forecast = learners.predict(model, values, 12)
    logs, scale = learners._scaled(values)
    np.testing.assert_allclose(np.log(forecast / scale[:, None] + learners.OFFSET), said + logs[:, -12:].mean(axis=1)[:, None], atol=1e-9)


def test_what_the_learner_went_by_is_said_by_family() -> None:
    panel, _ = company(demand(noise=0.1))
    assert explanation.learned(panel, 18, tier="draft").empty
    many = history.Panel(pd.concat([panel.keys] * 5, ignore_index=True), panel.months, np.vstack([panel.values] * 5))
    table = explanation.learned(many, 18, tier="quick")
    assert list(table["family"]) == ["F0", "F1"]
    np.testing.assert_allclose((1 + table[["usual", *learners.FEATURES]]).prod(axis=1), 1 + table["together"], rtol=1e-9)


def test_families_too_short_or_with_empty_months_are_not_explained() -> None:
    panel, forecast = company(demand())
    short = history.Panel(panel.keys, panel.months[-20:], panel.values[:, -20:])
    found = explanation.explain(short, forecast, NO_EFFECTS, FAMILY)
    assert found.empty and "No family" in demand_words.explanation_words(found)
    hole = panel.values.copy()
    hole[:, 30] = 0
    assert explanation.explain(history.Panel(panel.keys, panel.months, hole), forecast, NO_EFFECTS, FAMILY).empty
