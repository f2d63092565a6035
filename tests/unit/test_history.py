"""History: a complete grid, corrections by cause, raw plus accepted is cleansed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import MONTHS, demand, insights, products, sales

from sop_helpers.planning import history


def cleaned(values: np.ndarray, **options) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    raw = history.complete_history(sales(values), products(), MONTHS[-1])
    panel = history.history_panel(raw, products(), "raw_units")
    corrections = history.propose_corrections(panel, **options)
    return raw, corrections, history.cleanse(raw, corrections)


def one(corrections: pd.DataFrame, cause: str) -> pd.Series:
    rows = corrections[corrections["cause"] == cause]
    assert len(rows) == 1, rows
    return rows.iloc[0]


def test_the_grid_is_complete_from_the_first_sale() -> None:
    table = sales(demand(2))
    late = table["product"].eq("P1") & table["month"].lt(MONTHS[40])
    hole = table["product"].eq("P0") & table["month"].eq(MONTHS[10])
    raw = history.complete_history(table[~late & ~hole], products(), MONTHS[-1])
    count = raw.groupby(["product", "region"]).size()
    assert count["P0", "R0"] == 60 and count["P1", "R1"] == 20
    assert (raw.loc[(raw["product"] == "P0") & (raw["month"] == MONTHS[10]), "raw_units"] == 0).all()
    assert raw["raw_units"].sum() == table[~late & ~hole]["units"].sum()


def test_a_launch_inside_the_data_begins_the_series() -> None:
    table, catalogue = sales(demand(2)), products()
    catalogue.loc[1, "launch_month"] = MONTHS[30]
    raw = history.complete_history(table[~(table["product"].eq("P1") & table["month"].lt(MONTHS[33]))], catalogue, MONTHS[-1])
    assert (raw[raw["product"] == "P1"].groupby("region").size() == 30).all()


def test_actuals_of_the_planned_month_are_not_history() -> None:
    raw = history.complete_history(sales(demand(1)), products(), MONTHS[-3])
    assert raw["month"].max() == MONTHS[-3]


def test_an_entry_error_is_found_and_divided() -> None:
    values = demand()
    values[3, 41] *= 10
    _, corrections, cleansed = cleaned(values)
    row = one(corrections, "entry error")
    assert (row["product"], row["region"], row["month"], row["accepted"]) == ("P1", "R1", MONTHS[41], True)
    np.testing.assert_allclose(row["units"], -0.9 * values[3, 41])
    cell = cleansed[(cleansed["product"] == "P1") & (cleansed["region"] == "R1") & (cleansed["month"] == MONTHS[41])]
    np.testing.assert_allclose(cell["units"], values[3, 41] / 10)


def test_a_stock_out_is_put_back_to_what_was_expected() -> None:
    values, truth = demand(), demand()
    values[4, 33:35] = np.round(values[4, 33:35] * 0.05)
    stock = pd.DataFrame({"month": MONTHS, "item": "P2", "location": "L", "on_hand": np.where(np.isin(np.arange(60), [33, 34]), 0.0, 50.0)})
    regions = pd.DataFrame({"region": ["R0", "R1"], "ship_from": ["L", "elsewhere"]})
    raw = history.complete_history(sales(values), products(), MONTHS[-1])
    panel = history.history_panel(raw, products(), "raw_units")
    shelves = history.empty_shelves(panel, stock, regions)
    assert shelves.sum() == 3 and shelves[4, 33:36].all()  # the month after starts with an empty shelf
    corrections = history.propose_corrections(panel, shelves=shelves)
    rows = corrections[corrections["cause"] == "stock-out"]
    assert list(rows["month"]) == [MONTHS[33], MONTHS[34]] and (rows["units"] > 0).all()
    np.testing.assert_allclose(values[4, 33:35] + rows["units"].to_numpy(), truth[4, 33:35], rtol=0.25)


def test_a_product_that_never_has_stock_is_made_to_order() -> None:
    panel = history.history_panel(history.complete_history(sales(demand()), products(), MONTHS[-1]), products(), "raw_units")
    stock = pd.DataFrame({"month": MONTHS, "item": "P2", "location": "L", "on_hand": 0.0})
    assert not history.empty_shelves(panel, stock, pd.DataFrame(columns=["region", "ship_from"])).any()


def test_a_past_promotion_is_measured_and_taken_out() -> None:
    values = demand(noise=0.05)
    values[4:6, 25] *= 1.4
    values[4:6, 38] *= 1.4
    calendar = insights(
        {"insight": "A", "kind": "promotion", "product": "P2", "start_month": MONTHS[25], "end_month": MONTHS[25]},
        {"insight": "B", "kind": "promotion", "product": "P2", "start_month": MONTHS[38], "end_month": MONTHS[38]},
        {"insight": "C", "kind": "promotion", "product": "P0", "start_month": MONTHS[30], "end_month": MONTHS[30]},
    )
    _, corrections, cleansed = cleaned(values, insights=calendar)
    rows = corrections[corrections["cause"] == "promotion"]
    assert set(rows["product"]) == {"P2"} and len(rows) == 4, "what had no effect is left alone"
    share = rows["units"].sum() / values[4:6][:, [25, 38]].sum()
    assert share == pytest.approx(1 / 1.4 - 1, abs=0.06)
    assert rows["note"].str.contains("%").all()
    assert cleansed["units"].min() >= 0


def test_an_outlier_is_proposed_and_a_recent_one_waits() -> None:
    values = demand()
    values[2, 30] *= 3.0
    values[5, 59] *= 3.0
    _, corrections, cleansed = cleaned(values)
    rows = corrections[corrections["cause"] == "outlier"].set_index("month")
    assert rows.loc[MONTHS[30], "accepted"] and not rows.loc[MONTHS[59], "accepted"]
    assert "waits" in rows.loc[MONTHS[59], "note"] or "until the meeting" in rows.loc[MONTHS[59], "note"]
    last = cleansed[(cleansed["product"] == "P2") & (cleansed["region"] == "R1") & (cleansed["month"] == MONTHS[59])]
    assert last["units"].item() == values[5, 59]
    _, unclean, _ = cleaned(values, accept_outliers=False)
    assert not unclean.loc[unclean["cause"] == "outlier", "accepted"].any()


def test_quiet_history_is_left_alone() -> None:
    _, corrections, cleansed = cleaned(demand(noise=0.05))
    assert len(corrections) <= 1
    assert (cleansed["units"] == cleansed["raw_units"]).mean() > 0.998


def test_a_level_shift_is_not_taken_for_outliers() -> None:
    values = demand(noise=0.05)
    values[3, 35:] *= 2.0
    _, corrections, _ = cleaned(values)
    assert len(corrections[(corrections["product"] == "P1") & (corrections["region"] == "R1")]) <= 1


def test_raw_plus_accepted_is_cleansed_exactly() -> None:
    rng = np.random.default_rng(2)
    values = demand() * np.where(rng.random((12, 60)) < 0.03, 10, 1) * np.where(rng.random((12, 60)) < 0.03, 0.1, 1)
    raw, corrections, cleansed = cleaned(values)
    assert len(corrections) > 20 and not corrections.duplicated(["month", "product", "region", "cause"]).any()
    accepted = corrections[corrections["accepted"]].groupby(["month", "product", "region"])["units"].sum().rename("change").reset_index()
    both = cleansed.merge(accepted, how="left").fillna({"change": 0.0})
    assert (both["raw_units"] + both["change"] - both["units"]).abs().max() <= 1e-9 * values.max()
    assert cleansed["raw_units"].sum() == raw["raw_units"].sum()


def test_a_correction_below_zero_is_refused_by_name() -> None:
    raw = history.complete_history(sales(demand(1)), products(), MONTHS[-1])
    wrong = pd.DataFrame({"month": [MONTHS[5]], "product": ["P0"], "region": ["R1"], "cause": ["outlier"], "units": [-1e9], "accepted": [True], "note": [""]})
    with pytest.raises(ValueError, match="P0 in R1, 2022-03"):
        history.cleanse(raw, wrong)


def test_nothing_sold_is_an_empty_history() -> None:
    raw = history.complete_history(sales(demand(1)).iloc[:0], products(), MONTHS[-1])
    panel = history.history_panel(raw, products(), "raw_units")
    corrections = history.propose_corrections(panel)
    assert raw.empty and corrections.empty and history.cleanse(raw, corrections).empty


def test_sparse_series_keep_their_zeros() -> None:
    rng = np.random.default_rng(4)
    values = demand(2)
    values[0] = np.where(rng.random(60) < 0.3, rng.integers(4, 8, 60), 0)
    values[0, 20] = 600.0
    _, corrections, cleansed = cleaned(values)
    mine = corrections[(corrections["product"] == "P0") & (corrections["region"] == "R0")]
    assert list(mine["month"]) == [MONTHS[20]]
    assert (cleansed.loc[(cleansed["product"] == "P0") & (cleansed["region"] == "R0") & (cleansed["raw_units"] == 0), "units"] == 0).all()


def test_more_returned_than_sold_is_no_demand() -> None:
    values = demand()
    values[4, 30] = -25.0
    raw = history.complete_history(sales(values), products(), MONTHS[-1])
    found = history.propose_corrections(history.history_panel(raw, products(), "raw_units"))
    mine = found[found["cause"] == "returns"]
    assert len(mine) == 1 and mine["units"].iloc[0] == 25.0 and mine["accepted"].iloc[0] and mine["month"].iloc[0] == MONTHS[30]
    assert history.cleanse(raw, found)["units"].min() >= 0
