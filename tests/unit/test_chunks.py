"""Chunks of series give what all series at once give, here or in other processes; what is remembered is not done again, and never wrong."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, demand

from sop_helpers.planning import backtest, chunks, learners, portfolio
from sop_helpers.planning.chunks import Remembered, Work, fingerprints
from sop_helpers.planning.forecasting import Scope
from sop_helpers.planning.panel import Panel


def company(series: int = 90) -> Panel:
    """Regular series, some of them young, some intermittent, one that ended, all in three families."""
    values = demand(series // 2)
    rng = np.random.default_rng(5)
    values[3:9, :40] = np.nan
    values[9:12, :52] = np.nan
    values[12:18] *= rng.random((6, values.shape[1])) < 0.3
    values[18, 30:] = 0.0
    keys = pd.DataFrame({"product": [f"P{i // 2:03d}" for i in range(len(values))], "region": ["N", "S"] * (len(values) // 2)})
    return Panel(keys, MONTHS, values)


def scope(panel: Panel) -> Scope:
    n = len(panel.keys)
    return Scope(np.arange(n) // 2 % 3, np.full(n, -1), np.full(n, 10**6))


def run(panel: Panel, tier: str = "quick", work: Work | None = None) -> backtest.Forecast:
    family = pd.Series([f"F{i % 3}" for i in range(len(panel.keys))], index=[f"P{i:03d}" for i in range(len(panel.keys))])
    return backtest.forecast(panel, scope(panel), HORIZON, tier=tier, family=family, work=work)


def same(one: backtest.Forecast, other: backtest.Forecast) -> None:
    """Equal to the last digit."""
    for name in ("table", "tried", "levels"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
    assert one.method == other.method


@pytest.mark.parametrize("size", [1, 7, 64])
def test_the_size_of_the_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    panel = company()
    whole = run(panel)
    monkeypatch.setattr(chunks, "CHUNK", size)
    monkeypatch.setattr(learners, "AT_ONCE", (size, size))
    same(whole, run(panel))


def test_other_processes_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = company()
    whole = run(panel)
    monkeypatch.setattr(chunks, "CHUNK", 16)
    monkeypatch.setattr(learners, "AT_ONCE", (16, 16))
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        same(whole, run(panel, work=Work(pool)))


def test_a_pool_begins_before_the_results_are_asked_for_and_nothing_else_does() -> None:
    values, seen = np.arange(600.0).reshape(300, 2), []

    def double(rows: np.ndarray) -> np.ndarray:
        seen.append(len(rows))
        return 2 * rows

    with ThreadPoolExecutor(2) as pool:
        finish = Work(pool).start(double, values, 2)
    assert sum(seen) == 300
    np.testing.assert_array_equal(finish(), 2 * values)
    finish = Work().start(double, values, 2)
    assert sum(seen) == 300
    np.testing.assert_array_equal(finish(), 2 * values)
    assert sum(seen) == 600


def test_progress_rises_to_its_total() -> None:
    told: list[tuple[int, int]] = []
    run(company(), work=Work(progress=lambda done, total: told.append((done, total))))
    done = [d for d, _ in told]
    assert len({total for _, total in told}) == 1
    assert done == sorted(done)
    assert done[-1] == told[-1][1] > 0


def test_nothing_is_fitted_twice_and_the_results_are_the_same() -> None:
    panel = company()
    first, again = Work(remembered=Remembered()), None
    whole = run(panel, work=first)
    same(run(panel), whole)
    assert first.remembered.reused == 0
    table = first.remembered.table()
    again = Work(remembered=Remembered(table))
    same(whole, run(panel, work=again))
    assert again.remembered.made == 0
    assert again.remembered.reused == first.remembered.made
    pd.testing.assert_frame_equal(again.remembered.table(), table)


def test_a_changed_series_is_fitted_again_and_the_others_are_not() -> None:
    panel = company()
    table = _remember(panel, "draft")
    values = panel.values.copy()
    values[30, -1] *= 3
    changed = Panel(panel.keys, panel.months, values)
    work = Work(remembered=Remembered(table))
    same(run(changed, "draft"), run(changed, "draft", work))
    # The last month is known to today's forecast only: the series, the levels above it, and the young ones of its family are fitted again.
    assert 7 <= work.remembered.made <= 15
    assert work.remembered.reused > 20 * work.remembered.made


def _remember(panel: Panel, tier: str) -> pd.DataFrame:
    work = Work(remembered=Remembered())
    run(panel, tier, work)
    return work.remembered.table()


def test_settings_change_the_fingerprint() -> None:
    values = company().values
    assert len(np.unique(fingerprints(values, "a"))) == len(np.unique(values, axis=0))
    assert not np.isin(fingerprints(values, "a"), fingerprints(values, "b")).any()
    np.testing.assert_array_equal(fingerprints(values[3:5], "a"), fingerprints(values, "a")[3:5])


def test_another_learner_is_another_result() -> None:
    values = company().values
    memory = Work(remembered=Remembered())
    one, two = (portfolio.train(values, 12, 12, "quick", seed) for seed in (0, 1))
    portfolio.portfolio(values, 12, 12, one, memory)
    known = Work(remembered=Remembered(memory.remembered.table()))
    np.testing.assert_array_equal(portfolio.portfolio(values, 12, 12, two, known).forecast, portfolio.portfolio(values, 12, 12, two).forecast)
    assert known.remembered.reused == known.remembered.made == len(values)
