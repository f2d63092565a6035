"""The desk: what is typed is split down exactly, costed at once, saved whole or not at all, and can be taken back."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from commands import ROOT, copy_sample
from demand_company import HORIZON, overrides, products
from hypothesis import given, settings
from hypothesis import strategies as st
from test_consensus import build, forecast, past

from sop_helpers.book.conform import empty as read_empty
from sop_helpers.book.cycle import open_cycle
from sop_helpers.book.errors import WorkbookError
from sop_helpers.planning import desk
from sop_helpers.planning.cells import places
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_network import Network
from sop_helpers.planning.supply_results import required_hours

SCOPES = [{}, {"family": "F0"}, {"product": "P3"}, {"region": "R1"}, {"family": "F1", "region": "R0"}]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(SCOPES), st.floats(0, 1e7), st.booleans())
def test_an_edit_is_split_down_to_the_last_unit_and_touches_nothing_else(scope: dict, units: float, empty: bool) -> None:
    _, plan = build()
    plan = plan.assign(units=0.0) if empty else plan
    month = HORIZON[3]
    after = desk.edited_plan(plan, products(4), scope, {month: units})
    mine = desk.in_scope(after, products(4), scope)
    assert mine.loc[mine["month"] == month, "units"].sum() == pytest.approx(units, rel=1e-9, abs=1e-9)
    others = after.index.difference(mine.index[mine["month"] == month])
    pd.testing.assert_series_equal(after.loc[others, "units"], plan.loc[others, "units"])
    price = after["product"].map(products(4).set_index("product")["unit_price"])
    np.testing.assert_allclose(after["revenue"], after["units"] * price)


def test_an_edit_goes_around_what_others_locked() -> None:
    _, plan = build()
    month, scope = HORIZON[3], {"family": "F0"}
    cell = {"product": "P0", "region": "R0", "start_month": month, "end_month": month, "units": 50.0, "locked": True}
    wide = {"id": "w", "family": "F0", "start_month": month, "end_month": month, "units": 800.0, "locked": True, "time": "2026-10-03"}
    held = desk.held_by_others(plan, products(4), overrides({"id": "o1"} | cell), scope, HORIZON[0], {month: "own"})
    assert plan.loc[held, ["month", "product", "region"]].to_numpy().tolist() == [[month, "P0", "R0"]]
    after = desk.edited_plan(plan, products(4), scope, {month: 1000.0}, held)
    assert after.loc[held, "units"].item() == plan.loc[held, "units"].item()
    assert desk.in_scope(after[after["month"] == month], products(4), scope)["units"].sum() == pytest.approx(1000.0)
    for said, own, locking, number in ((cell | {"id": "own"}, "own", (), 0), (wide, "own", (), 1), (wide, "own", (month,), 0), (wide, "w", (), 0)):
        small = desk.held_by_others(plan, products(4), overrides(said), {"product": "P0", "region": "R0"}, HORIZON[0], {month: own}, locking)
        assert desk.in_scope(plan[small], products(4), {"product": "P0", "region": "R0"}).shape[0] == number


def test_the_sheet_shows_the_part_that_was_chosen() -> None:
    _, plan = build()
    told = forecast().assign(lo80=lambda f: 0.9 * f["units"], hi80=lambda f: 1.2 * f["units"])
    out = desk.sheet(plan, told, past().assign(raw_units=100.0), None, products(4), {"family": "F0", "region": "R0"})
    assert len(out) == len(HORIZON) and out["plan"].iloc[0] == 400.0 and out["statistical"].iloc[0] == 400.0
    assert out["last_year"].iloc[0] == 200.0 and out["last_year"].isna().sum() == 6 and out["last_plan"].isna().all()
    assert (out["lo80"] < out["plan"]).all() and (out["hi80"] > out["plan"]).all()


def test_the_band_of_several_series_is_as_wide_as_their_errors_run_together() -> None:
    _, plan = build()
    told = forecast().assign(lo80=lambda f: 0.9 * f["units"], hi80=lambda f: 1.2 * f["units"])
    series = told[["product", "region"]].drop_duplicates()
    origins = pd.DataFrame({"origin": pd.date_range("2025-01-01", periods=8, freq="MS"), "shock": [5.0, -5.0] * 4})
    trials = series.merge(origins, how="cross").assign(months=1.0, forecast_units=100.0, actual_units=lambda f: 100.0 + f["shock"])

    def width(of: pd.DataFrame | None) -> float:
        out = desk.sheet(plan, told, past().assign(raw_units=100.0), None, products(4), {"family": "F0"}, of)
        return float((out["hi80"] - out["lo80"]).iloc[0])

    mine = desk.in_scope(told[told["month"] == told["month"].min()], products(4), {"family": "F0"})
    assert len(mine) > 1
    # Errors that all go the same way add up fully; those that cancel are no narrower than independent ones.
    assert width(trials) == pytest.approx((mine["hi80"] - mine["lo80"]).sum())
    sign = np.where(trials["product"] == mine["product"].iloc[0], 1.0, -1.0)
    against = trials.assign(actual_units=100.0 + trials["shock"] * sign)
    assert width(against) == pytest.approx(width(None)) and width(None) < width(trials)
    assert desk.sheet(plan, told, past().assign(raw_units=100.0), None, products(4), {"product": "P0", "region": "R0"}, trials)["hi80"].iloc[0] == \
        pytest.approx(told.loc[(told["product"] == "P0") & (told["region"] == "R0"), "hi80"].iloc[0])


def test_hours_of_components_count() -> None:
    operations = pd.DataFrame({"operation": ["mP", "mC", "bX"], "kind": ["make", "make", "buy"], "item": ["P0", "C", "X"]})
    components = pd.DataFrame({"operation": ["mP", "mC"], "item": ["C", "X"], "units_per": [2.0, 5.0]})
    loads = pd.DataFrame({"operation": ["mP", "mC"], "resource": ["L1", "L2"], "hours_per_unit": [0.5, 0.1]})
    out = desk.hours_per_unit(operations, components, loads)
    assert out.loc["P0", "L1"] == 0.5 and out.loc["P0", "L2"] == pytest.approx(0.2) and out.loc["X"].sum() == 0
    assert desk.hours_per_unit(operations, components, loads.iloc[:0]).empty


def a_network(plan: pd.DataFrame, lead: float) -> Network:
    """P0 and P2 are made from C on L1, C on L2; each takes `lead` months."""
    none = {name: read_empty(name) for name in ("inventory", "receipts", "open_orders", "regions", "inventory_targets")}
    operations = read_empty("operations").reindex(range(3)).assign(
        operation=["m0", "m2", "mC"], kind="make", item=["P0", "P2", "C"], location="plant", lead_time_months=lead, unit_cost=1.0)
    components = pd.DataFrame({"operation": ["m0", "m2"], "item": ["C", "C"], "units_per": [2.0, 2.0]})
    loads = pd.DataFrame({"operation": ["m0", "m2", "mC"], "resource": ["L1", "L1", "L2"], "hours_per_unit": [0.05, 0.05, 0.01]})
    resources = read_empty("resources").reindex(range(2)).assign(resource=["L1", "L2"], regular_hours=100.0)
    targets = none.pop("inventory_targets")
    return build_network(plan, operations=operations, components=components, loads=loads, resources=resources, targets=targets, products=products(4),
                         months=HORIZON, **none)


@pytest.mark.parametrize("lead", [0.0, 1.0])
def test_an_overload_falls_in_the_month_in_which_the_work_is_done(lead: float) -> None:
    _, plan = build()
    plan = plan[plan["product"].isin(["P0", "P2"])]
    net, month = a_network(plan, lead), HORIZON[6]
    load = pd.DataFrame({"month": np.tile(HORIZON, 2), "resource": np.repeat(["L1", "L2"], len(HORIZON)), "available_hours": 100.0})
    each = plan.loc[plan["month"] == month, "units"].sum()
    after = plan.assign(units=plan["units"].where(plan["month"] != month, plan["units"] * 10))
    out = desk.overloads(plan, after, load, net).set_index("resource")
    shift = pd.DateOffset(months=int(lead))
    assert out.loc["L1", "month"] == month - shift and out.loc["L2", "month"] == month - shift - shift, "components are made before what needs them"
    assert out.loc["L1", ["before", "after"]].tolist() == pytest.approx([each * 0.05 / 100, each * 0.5 / 100])
    assert out.loc["L2", "after"] == pytest.approx(each * 10 * 2 * 0.01 / 100)
    stocked = replace(net, opening=np.full_like(net.opening, 1e6))
    assert desk.overloads(plan, after, load, stocked).empty, "what lies in stock need not be made"
    assert desk.overloads(plan, plan, load, net).empty


def test_money_and_budget_follow_an_edit() -> None:
    _, plan = build()
    month, scope = HORIZON[0], {"family": "F0"}
    after = desk.edited_plan(plan, products(4), scope, {month: 1600.0})  # twice as much
    budget = pd.DataFrame({"month": [month], "family": "F0", "region": "R0", "revenue": [5000.0]})
    found = desk.impact(plan, after, products(4), scope, load=pd.DataFrame(), net=None, budget=budget, last_plan=plan)
    totals = found.totals.set_index("measure")
    assert totals.loc["units", "change"] == pytest.approx(800.0)
    assert totals.loc["revenue", "change"] == pytest.approx(200 * 10 + 600 * 12)
    assert totals.loc["revenue less budget", "before"] == pytest.approx(200 * 10 + 600 * 12 - 5000)
    assert totals.loc["units less last plan", "before"] == 0 and totals.loc["units less last plan", "after"] == pytest.approx(800.0)
    assert found.overloads is None, "nothing is said of capacity where it is not known"


@pytest.fixture()
def open_desk(sample_month, tmp_path, monkeypatch):
    """Two desks on one month, as two planners have them."""
    from sop_helpers.report.desk import OverrideDesk

    company = copy_sample(tmp_path / "company")
    shutil.copytree(sample_month.company / "output", company / "output")
    monkeypatch.setenv("SOP_AUTHOR", "Ann Lee")
    return lambda: OverrideDesk(open_cycle("2026-10", company))


def type_in(one, month: str, units: float, reason: str = "a deal") -> None:
    one.family.value = "Grinders"
    one.region.value = "DACH"
    one.grid.edits = {month: units}
    one.reason.value = reason


class TestDesk:
    def test_nothing_is_saved_without_a_reason_or_from_what_is_no_number(self, open_desk) -> None:
        one = open_desk()
        type_in(one, "2026-12", 2000.0, "")
        assert one.save_button.disabled and "reason" in one.message.value
        one.reason.value = "a deal"
        assert not one.save_button.disabled
        one.grid.wrong = ["2027-01"]
        assert one.save_button.disabled and "2027-01" in one.message.value

    def test_what_is_typed_is_costed_before_it_is_saved(self, open_desk) -> None:
        one = open_desk()
        type_in(one, "2026-12", 9000.0)
        assert "Over capacity" in one.effect.value and "role=\"alert\"" in one.effect.value
        assert one.cycle.journal.read("override")["id"].str.startswith("desk-").sum() == 0

    def test_a_save_is_in_the_journal_and_undo_takes_it_back(self, open_desk) -> None:
        one = open_desk()
        type_in(one, "2026-12", 2000.0)
        before = one.sheet.set_index("month")["plan"]
        assert one.save()
        entry = one.cycle.journal.read("override").iloc[-1]
        assert (entry["author"], entry["reason"], entry["units"], entry["region"]) == ("Ann Lee", "a deal", 2000.0, "DACH")
        assert one.sheet.set_index("month")["plan"]["2026-12-01"] == pytest.approx(2000.0)
        type_in(one, "2026-12", 2100.0, "more")
        assert one.save() and one.undo()
        assert one.sheet.set_index("month")["plan"]["2026-12-01"] == pytest.approx(2000.0)
        assert one.undo() and one.undo_button.disabled
        pd.testing.assert_series_equal(one.sheet.set_index("month")["plan"], before)
        assert len(one.cycle.journal.history("override", entry["id"])) == 4  # nothing is ever deleted

    def test_a_channel_is_picked_saved_and_split_like_a_region(self, open_desk, monkeypatch) -> None:
        from sop_helpers.report import desk as page

        channel = {"DACH": "online", "FRANCE": "online", "NORDICS": "retail", "IBERIA": "retail"}
        monkeypatch.setattr(page, "places", lambda regions: places(regions.assign(channel=regions["region"].map(channel))))
        one = open_desk()
        assert [name for _, name in one.region.options] == ["", "online", "retail", "DACH", "FRANCE", "IBERIA", "NORDICS"]
        one.family.value, one.region.value = "Grinders", "DACH"
        alone = one.sheet.set_index("month")["plan"]["2026-12-01"]
        one.region.value = "online"
        assert one.sheet.set_index("month")["plan"]["2026-12-01"] > alone and one.named == "Grinders / online"
        one.grid.edits, one.reason.value = {"2026-12": 5000.0}, "campaign"
        assert one.save() and one.cycle.journal.read("override").iloc[-1]["region"] == "online"
        assert one.sheet.set_index("month")["plan"]["2026-12-01"] == pytest.approx(5000.0)
        one.region.value = "DACH"
        assert one.sheet.set_index("month")["plan"]["2026-12-01"] > alone, "its share of the channel"

    def test_who_comes_second_is_told_and_writes_nothing(self, open_desk) -> None:
        first, second = open_desk(), open_desk()
        type_in(second, "2026-12", 1500.0, "late")
        type_in(first, "2026-12", 2000.0)
        assert first.save() and not second.save()
        assert "Ann Lee" in second.message.value and "2,000 units" in second.message.value and "Nothing was saved" in second.message.value
        assert (second.cycle.journal.read("override")["units"] != 1500.0).all()
        second.reload()
        type_in(second, "2026-12", 1500.0, "late")
        assert second.save()
        assert not first.undo() and "cannot be undone" in first.message.value
        second.author.value = "Bo Berg"
        type_in(second, "2026-12", 1600.0, "mine")
        assert second.save()
        first.reload()
        assert first.undo_button.disabled, "somebody built on it since"

    def test_a_race_inside_the_save_leaves_all_months_as_they_were(self, open_desk, monkeypatch) -> None:
        one = open_desk()
        one.family.value = "Grinders"
        one.grid.edits, one.reason.value = {"2026-12": 5000.0, "2027-01": 5000.0}, "two months"
        write = type(one)._write

        def slow(self, month, units, author, reason):
            if month == pd.Timestamp("2027-01-01"):
                raise WorkbookError("override desk-x is there already", "Change it, or give another id.")
            return write(self, month, units, author, reason)

        monkeypatch.setattr(type(one), "_write", slow)
        assert not one.save() and "Nothing was saved" in one.message.value
        assert (one.cycle.journal.history("override")["units"] != 5000.0).all()  # not even written and taken back

    def test_the_load_is_that_of_the_supply_plan(self, open_desk) -> None:
        one = open_desk()
        written = one.cycle.read("capacity_load").pivot(index="resource", columns="month", values="required_hours").reindex(one.net.resources)
        np.testing.assert_allclose(required_hours(one.net), written, atol=1e-6)

    def test_the_last_save_can_be_taken_back_after_a_restart(self, open_desk) -> None:
        one = open_desk()
        before = one.sheet.set_index("month")["plan"]
        one.family.value, one.region.value = "Grinders", "DACH"
        untouched = one.sheet.set_index("month")["plan"]
        one.grid.edits, one.reason.value = {"2026-12": 2000.0, "2027-01": 2100.0}, "a deal"
        assert one.save()
        type_in(one, "2026-12", 2500.0, "a better deal")
        assert one.save()
        later = open_desk()  # a new kernel knows nothing but the journal
        assert not later.undo_button.disabled and "2026-12 2,500 units" in later.undo_note.value and "a better deal" in later.undo_note.value
        later.author.value = "Bo Berg"
        assert later.undo_button.disabled and not later.undo(), "what others saved is theirs to take back"
        later.author.value = "Ann Lee"
        later.family.value, later.region.value = "Grinders", "DACH"
        assert later.undo()
        assert later.sheet.set_index("month")["plan"][["2026-12-01", "2027-01-01"]].tolist() == pytest.approx([2000.0, 2100.0])
        assert "2026-12 2,000, 2027-01 2,100 units" in later.undo_note.value
        last = open_desk()
        assert last.undo() and last.undo_button.disabled
        pd.testing.assert_series_equal(last.sheet.set_index("month")["plan"], before)
        assert len(untouched) == len(before)
        history = last.cycle.journal.history("override")
        history = history[history["id"].str.startswith("desk-")]
        assert len(history) == 6 and history["withdrawn"].sum() == 2, "two saves of two and one, three compensating entries, nothing deleted"

    def test_a_month_that_is_locked_stands_and_wider_edits_go_around_it(self, open_desk) -> None:
        one, month = open_desk(), pd.Timestamp("2026-12-01")
        type_in(one, "2026-12", 2000.0)
        one.grid.locks = {"2026-12": True}
        assert one.save()
        entry = one.cycle.journal.read("override").iloc[-1]
        assert (entry["units"], entry["locked"]) == (2000.0, True) and "2,000 (locked)" in one.undo_note.value
        assert one.grid.rows[2]["lock"] and "held" not in {c["key"] for c in one.grid.columns}, "its own lock is not that of others"
        one.region.value = ""  # the whole family: DACH's part stands
        assert one.sheet.set_index("month")["held"].dropna().to_dict() == {month: pytest.approx(2000.0)}
        one.grid.edits, one.reason.value = {"2026-12": 5000.0}, "all of it"
        typed = desk.in_scope(one.after, one.products, {"family": "Grinders"})
        assert one.save()
        now = desk.in_scope(one.plan, one.products, {"family": "Grinders"})
        for frame in (typed, now):
            there = frame[frame["month"] == month].groupby("region")["units"].sum()
            assert there["DACH"] == pytest.approx(2000.0) and there.sum() == pytest.approx(5000.0)
        one.grid.edits = {"2026-12": 1500.0}
        assert "2026-12" in one.message.value and "locked by others" in one.message.value
        one.region.value = "DACH"  # to unlock keeps the units
        one.grid.locks, one.reason.value = {"2026-12": False}, "settled"
        assert not one.save_button.disabled and one.save()
        entry = one.cycle.journal.read("override").iloc[-1]
        assert (entry["units"], entry["locked"]) == (pytest.approx(2000.0), False)
        assert one.undo() and one.cycle.journal.read("override").iloc[-1]["locked"], "what is taken back is locked as before"

    def test_data_is_text_in_the_page(self, open_desk) -> None:
        one = open_desk()
        one.say("<script>alert(1)</script>")
        assert "<script>" not in one.message.value and "&lt;script&gt;" in one.message.value

    def test_a_month_that_has_not_run_says_what_to_run(self, tmp_path) -> None:
        from sop_helpers.report.desk import OverrideDesk

        with pytest.raises(WorkbookError, match="demand_history"):
            OverrideDesk(open_cycle("2026-10", copy_sample(tmp_path / "company")))


def test_the_widget_brings_its_script_and_style() -> None:
    folder = ROOT / "sop_helpers" / "report" / "widgets"
    assert "textContent" in (folder / "plan_grid.js").read_text("utf-8") and "innerHTML" not in (folder / "plan_grid.js").read_text("utf-8")
    assert (folder / "plan_grid.css").is_file()
