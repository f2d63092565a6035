"""Trees asked for many rows at once say what LightGBM says, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from sop_helpers.planning import trees

lightgbm = pytest.importorskip("lightgbm")


def learned(leaves: int, blanks: bool = False, objective: str = "l1", target: float | None = None) -> tuple[lightgbm.Booster, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4000, 5)).round(2)
    y = x[:, 0] * x[:, 1] + np.abs(x[:, 2]) + rng.normal(0, 0.1, len(x)) if target is None else np.full(len(x), target)
    if blanks:
        x[rng.random(x.shape) < 0.1] = np.nan
    settings = {"objective": objective, "num_leaves": leaves, "min_child_samples": 5, "num_threads": 1, "verbose": -1}
    return lightgbm.train(settings, lightgbm.Dataset(x, y), 20), x


@pytest.mark.parametrize("leaves, blanks, objective", [(15, False, "l1"), (31, True, "l1"), (2, True, "l2"), (300, True, "quantile")])
def test_every_row_is_told_the_same(monkeypatch: pytest.MonkeyPatch, leaves: int, blanks: bool, objective: str) -> None:
    monkeypatch.setattr(trees, "ROWS", 1000)
    model, x = learned(leaves, blanks, objective)
    x[0], x[1, :3], x[2] = np.nan, 0.0, 1e9  # blanks where none were in training, zeros, and what lies beyond everything
    np.testing.assert_array_equal(trees.predict(model.model_to_string(), x.T), model.predict(x, num_threads=1))


def test_a_model_that_learned_nothing_says_one_thing() -> None:
    model, x = learned(15, target=2.5)
    np.testing.assert_array_equal(trees.predict(model.model_to_string(), x.T), model.predict(x, num_threads=1))


def test_what_is_more_than_a_sum_of_leaves_is_refused() -> None:
    model, x = learned(15, objective="huber")
    assert len(trees.read(model.model_to_string())) == 20
    data = lightgbm.Dataset(np.abs(x), np.abs(x[:, 0]) + 1.0)
    for objective in ("tweedie", "poisson", "regression sqrt"):
        settings = {"objective": objective.split()[0], "reg_sqrt": "sqrt" in objective, "num_threads": 1, "verbose": -1}
        with pytest.raises(ValueError, match="only sums of leaves"):
            trees.read(lightgbm.train(settings, data, 2).model_to_string())


def test_categories_are_refused() -> None:
    x = np.random.default_rng(2).integers(0, 5, (1000, 1)).astype(float)
    data = lightgbm.Dataset(x, (x[:, 0] == 3) * 1.0, categorical_feature=[0])
    model = lightgbm.train({"objective": "l2", "num_threads": 1, "verbose": -1}, data, 3)
    with pytest.raises(ValueError, match="only splits by size"):
        trees.predict(model.model_to_string(), x.T)
