"""Quotas proposed: to the cent, held ones kept, followed by month, and as likely and as fair as they are said to be."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.planning import quota_setting as qs
from sop_helpers.planning.territories import territory_plan

BEGIN, MONTH, RAMP = pd.Timestamp("2027-04-01"), pd.Timestamp("2026-10-01"), [0.5, 1.0]


def team(size: int, regions: int = 2) -> pd.DataFrame:
    start = pd.to_datetime(["2020-01-01"] * (size - 1) + ["2027-07-01"]).astype("datetime64[us]")
    rows = {"rep": [f"R{i}" for i in range(size)], "region": [f"G{i % regions}" for i in range(size)], "start_month": start}
    return pd.DataFrame({**rows, "name": "x", "end_month": pd.Series([pd.NaT] * size, dtype="datetime64[us]")})


def booked(reps: pd.DataFrame, amount: float = 100.0) -> pd.DataFrame:
    months = pd.date_range("2025-10-01", periods=12, freq="MS", unit="us")
    return reps[["rep"]].merge(pd.DataFrame({"month": months}), how="cross").assign(quota=amount, bookings=amount)


def whole_year(held: dict[str, float]) -> pd.DataFrame:
    """Return quotas of a year, all of them in its last month."""
    months = pd.date_range(BEGIN, periods=12, freq="MS", unit="us")
    rows = [{"month": m, "rep": rep, "quota": quota if m == months[-1] else 0.0, "bookings": np.nan} for rep, quota in held.items() for m in months]
    return pd.DataFrame(rows, columns=["month", "rep", "quota", "bookings"]).astype({"month": "datetime64[us]", "quota": float})


def propose(reps, sold, target, **more):
    accounts = pd.DataFrame({"rep": reps["rep"], "potential": np.arange(1.0, len(reps) + 1) * 1000})
    weighted = pd.DataFrame({"rep": reps["rep"][:1], "weighted": [50.0]})
    return qs.propose_quotas(reps, sold, accounts, weighted, target, MONTH, BEGIN, RAMP, **more)


@settings(max_examples=30, deadline=None)
@given(
    cents=st.lists(st.integers(1, 10**11), min_size=2, max_size=2), over=st.floats(0.5, 1.5), size=st.integers(4, 30), method=st.sampled_from(qs.METHODS),
    share=st.floats(0, 1),
)
def test_proposals_and_their_months_add_up_to_the_target_to_the_cent(cents, over, size, method, share):
    reps, target = team(size), pd.Series({"G0": cents[0] / 100, "G1": cents[1] / 100})
    kept = round(share * cents[0] / 100 * over * 0.9, 2)
    held = whole_year({"R0": kept})
    table, refused = propose(reps, pd.concat([booked(reps), held]), target, method=method, over_assignment=over, spread=[0.8, 1.2])
    assert not refused
    wanted = round(round(float(target.sum()) * over, 2) * 100)
    assert round(table["proposed"].sum() * 100) == wanted == round(table["top_down"].sum() * 100)
    assert table.set_index("rep").loc["R0", "proposed"] == kept
    season = pd.DataFrame({"month": pd.date_range(BEGIN, periods=12, freq="MS", unit="us"), "revenue": np.arange(1.0, 13)})
    season = season.merge(pd.DataFrame({"region": ["G0", "G1"]}), how="cross")
    months = qs.quota_months(table, season, reps, BEGIN, RAMP)
    assert (months.groupby("rep")["quota"].sum() * 100).round().tolist() == (table.set_index("rep")["proposed"].sort_index() * 100).round().tolist()
    assert months.loc[months["rep"] == f"R{size - 1}", "month"].min() == pd.Timestamp("2027-07-01")


def test_even_shares_follow_the_months_at_work_and_potential_the_accounts():
    reps, target = team(3, regions=1), pd.Series({"G0": 3300.0})
    even = propose(reps, booked(reps), target, method="even")[0].set_index("rep")["proposed"]
    assert even["R2"] / even["R0"] == pytest.approx(8.5 / 12, abs=1e-4)
    by_potential = propose(reps, booked(reps), target, method="potential")[0].set_index("rep")["proposed"]
    assert by_potential["R1"] / by_potential["R0"] == pytest.approx(2, abs=1e-4)


@pytest.mark.parametrize("target, held, word", [
    ({"G0": 0.0}, {}, "target is zero"), ({"G0": 10.0}, {"R0": 20.0}, "held in G0"), ({"G0": 10.0}, {"R0": 2.0, "R1": 2.0, "R2": 2.0}, "one rep who can take"),
])
def test_what_cannot_be_shared_out_is_said(target, held, word):
    reps = team(3, regions=1)
    rows = whole_year(held)
    table, refused = propose(reps, pd.concat([booked(reps), rows]), pd.Series(target))
    assert table.empty and word in refused


def test_a_quota_set_for_a_quarter_is_not_that_of_the_year():
    reps, target = team(2, regions=1).assign(start_month=pd.Timestamp("2020-01-01")), pd.Series({"G0": 2400.0})
    first = pd.date_range(BEGIN, periods=3, freq="MS", unit="us")
    set_months = pd.DataFrame({"month": first, "rep": "R0", "quota": 100.0, "bookings": np.nan})
    known = pd.concat([booked(reps), set_months])
    table = propose(reps, known, target, method="even")[0].set_index("rep")
    # 2,100 are left for nine months of one rep and twelve of the other.
    assert table["held"].tolist()[0] == 300.0 and table["proposed"].tolist() == pytest.approx([300 + 2100 * 9 / 21, 2100 * 12 / 21])
    both = pd.concat([known, set_months.assign(rep="R1")])
    assert propose(reps, both, target, method="even")[0]["proposed"].tolist() == pytest.approx([1200.0, 1200.0])
    season = pd.DataFrame({"month": pd.date_range(BEGIN, periods=12, freq="MS", unit="us"), "region": "G0", "revenue": 1.0})
    months = qs.quota_months(table.reset_index(), season, reps, BEGIN, RAMP, known).set_index(["rep", "month"])["quota"]
    assert months["R0"].iloc[:3].tolist() == [100.0] * 3 and months["R0"].iloc[3:].tolist() == pytest.approx([100.0] * 9)
    assert months.groupby("rep").sum().tolist() == pytest.approx(table["proposed"].tolist())


def test_a_rep_of_whom_nothing_is_known_has_no_chance_stated():
    reps = team(2, regions=1).assign(start_month=pd.to_datetime(["2020-01-01", "2027-04-01"]).astype("datetime64[us]"))
    accounts, weighted = pd.DataFrame({"rep": ["R0"], "potential": [10.0]}), pd.DataFrame({"rep": ["R0"], "weighted": [50.0]})
    table = qs.propose_quotas(reps, booked(reps.head(1)), accounts, weighted, pd.Series({"G0": 2000.0}), MONTH, BEGIN, RAMP, spread=[1.0])[0].set_index("rep")
    assert np.isnan(table.loc["R1", "bottom_up"]) and np.isnan(table.loc["R1", "probability"]) and table.loc["R1", "proposed"] > 0


def test_months_on_leave_are_no_months_of_history():
    reps = team(2, regions=1).assign(start_month=pd.Timestamp("2020-01-01"))
    sold, away = booked(reps), pd.date_range("2026-04-01", periods=6, freq="MS", unit="us")
    sold.loc[(sold["rep"] == "R1") & sold["month"].isin(away), "bookings"] = 0.0
    leave = pd.DataFrame({"rep": "R1", "month": away, "share": 1.0})
    table = propose(reps, sold, pd.Series({"G0": 2400.0}), leave=leave)[0].set_index("rep")
    assert table["history"].tolist() == pytest.approx([1200.0, 1200.0])


def test_a_region_without_a_rep_is_named_and_not_given_to_others():
    reps, target = team(4), pd.Series({"G0": 10.0, "G1": 10.0, "G9": 5.0})
    table = propose(reps, booked(reps), target)[0]
    assert table["proposed"].sum() == pytest.approx(20) and qs.without_rep(target, table).to_dict() == {"G9": 5.0}


def test_the_chance_is_that_of_the_draw_and_falls_with_the_quota():
    names = list("abcd")
    quota, likely = pd.Series([50.0, 99.0, 101.0, 200.0], names), pd.Series(100.0, names)
    chance = qs.attainment_probability(quota, likely, [0.8, 0.8, 1.2, 1.2], common=0.0, runs=20000)
    assert chance.tolist() == [1.0, pytest.approx(0.5, abs=0.02), pytest.approx(0.5, abs=0.02), 0.0]
    pd.testing.assert_series_equal(chance, qs.attainment_probability(quota, likely, [0.8, 0.8, 1.2, 1.2], common=0.0, runs=20000))
    with pytest.raises(ValueError, match="no attainment above 0"):
        qs.attainment_probability(quota, likely, [np.nan])


def test_fairness_is_the_line_of_least_squares():
    x = pd.Series([1.0, 2, 3, 4, 5], list("abcde"))
    exact = qs.fairness(2 * x + 1, x)
    assert exact["slope"] == pytest.approx(2) and exact["intercept"] == pytest.approx(1) and exact["r2"] == pytest.approx(1)
    # Anscombe's first set: y = 3.00 + 0.500 x, R2 0.67
    ax = pd.Series([10.0, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5])
    ay = pd.Series([8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68])
    found = qs.fairness(ay, ax)
    assert (round(found["slope"], 3), round(found["intercept"], 2), round(found["r2"], 2)) == (0.5, 3.0, 0.67)
    assert np.isnan(qs.fairness(ax[:2], ax[:2])["r2"])


def test_a_changed_quota_keeps_its_original():
    table = pd.DataFrame({
        "month": pd.to_datetime(["2026-08-01", "2026-09-01", "2026-10-01"] * 2), "rep": ["A"] * 3 + ["B"] * 3, "quota": [100.0, 200, 200, 100, 100, 100],
        "bookings": [100.0, 100, np.nan, 1, 1, np.nan], "original_quota": [np.nan, 100, 100, np.nan, np.nan, np.nan],
    })
    row = qs.quota_changes(table, MONTH, 4).iloc[0]
    assert len(qs.quota_changes(table, MONTH, 4)) == 1 and row["since"] == pd.Timestamp("2026-09-01")
    assert (row["original"], row["quota"], row["change"]) == (300, 500, 200)
    assert row["attainment_original"] == 1.0 and row["attainment"] == pytest.approx(2 / 3)
    assert qs.quota_changes(table.drop(columns="original_quota"), MONTH, 4).empty


def test_over_assignment_as_it_is_this_year():
    quotas = pd.DataFrame({"month": pd.to_datetime(["2026-05-01", "2026-06-01"]), "rep": "A", "quota": [110.0, 110.0]})
    budget = pd.DataFrame({"month": pd.to_datetime(["2026-05-01", "2027-05-01"]), "region": "G", "revenue": [100.0, 500.0]})
    assert qs.usual_over_assignment(quotas, budget, MONTH, 4) == pytest.approx(1.1)
    assert qs.usual_over_assignment(quotas[:0], budget, MONTH, 4) == 1.0
    assert qs.year_target(budget, budget[:0], BEGIN)["revenue"].tolist() == [500.0]


def test_territories_are_held_against_the_mean_of_their_region():
    accounts = pd.DataFrame({
        "account": list("abcd"), "territory": ["N1", "N2", "S1", "S2"], "region": ["N", "N", "S", "S"],
        "potential": [100.0, 100, 10, 10], "workload": [1.0, 3, 5, 5],
    })
    table = territory_plan(accounts, 0.15)
    assert table["potential_index"].tolist() == [1, 1, 1, 1] and table["workload_index"].tolist() == [0.5, 1.5, 1, 1]
    assert table["balanced"].tolist() == [False, False, True, True]


def test_two_months_at_a_tenth_of_a_ramp_are_no_history():
    reps = team(3, regions=1)
    reps.loc[2, "start_month"] = pd.Timestamp("2026-08-01")
    sold = booked(reps)
    sold = sold[sold["month"] >= sold["rep"].map(reps.set_index("rep")["start_month"])]
    table = propose(reps, sold, pd.Series({"G0": 3300.0}))[0].set_index("rep")
    assert np.isnan(table.loc["R2", "history"]) and table.loc[["R0", "R1"], "history"].tolist() == [1200, 1200]
    assert table["bottom_up"].notna().all()


def test_a_part_of_a_year_is_no_target_of_it():
    every = pd.date_range(BEGIN, periods=12, freq="MS", unit="us")
    table = pd.DataFrame({"month": every, "region": "G0", "revenue": 100.0})
    part = qs.year_target(table.head(0), table.head(8), BEGIN)
    assert "2027-12, 2028-01, 2028-02, 2028-03" in qs.target_gaps(part, BEGIN) and qs.target_gaps(table, BEGIN) == ""
    both = qs.year_target(table.head(9), table.assign(revenue=70.0), BEGIN)
    assert both["revenue"].tolist() == [100.0] * 9 + [70.0] * 3, "the plan fills the months that the budget leaves out"


def test_a_region_without_target_does_not_block_the_others():
    reps, target = team(4), pd.Series({"G0": 1000.0, "G1": 0.0})
    table, refused = propose(reps, pd.concat([booked(reps), whole_year({"R1": 500.0})]), target)
    assert not refused and set(table["region"]) == {"G0"} and table["proposed"].sum() == pytest.approx(1000)


def test_nobody_holds_a_quota_after_leaving():
    reps = team(2, regions=1).assign(start_month=pd.Timestamp("2020-01-01"))
    reps["end_month"] = pd.to_datetime([pd.Timestamp("2027-06-01"), None]).astype("datetime64[us]")
    months = pd.date_range(BEGIN, periods=12, freq="MS", unit="us")
    known = pd.concat([booked(reps), pd.DataFrame({"month": months, "rep": "R0", "quota": 100.0, "bookings": np.nan})])
    table = propose(reps, known, pd.Series({"G0": 1200.0}))[0].set_index("rep")
    assert table["proposed"].tolist() == pytest.approx([300.0, 900.0])
