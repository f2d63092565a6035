"""The cycle: contracts kept, whole files, months looked back at, snapshots, and writes that fail."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from sop_helpers.book import files
from sop_helpers.book.config import Workbook
from sop_helpers.book.cycle import STAGE, Cycle, empty, month_start, open_cycle
from sop_helpers.book.errors import DataError, WorkbookError
from sop_helpers.book.gathering import last_kept

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture()
def book(tmp_path: Path) -> Workbook:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "products.csv").write_text("product,family,unit_price,unit_cost\n00123,A,10,5\n1E5,A,20,9\n")
    (tmp_path / "data" / "sales.csv").write_text("month,product,region,units,revenue\n2026-09,00123,N,10,50\n2026-10,00123,N,10,50\n")
    return Workbook(company={"name": "Tiny"}, calendar={"horizon_months": 3}, closed="closed", root=tmp_path)


@pytest.fixture()
def cycle(book: Workbook) -> Cycle:
    return open_cycle("2026-10", book)


def _plan(cycle: Cycle) -> pd.DataFrame:
    return pd.DataFrame({"month": cycle.horizon, "product": "00123", "region": "N", "statistical_units": 1.0, "units": 1, "revenue": 10.0, "margin": 5.0})


def test_the_calendar_of_a_month(cycle: Cycle) -> None:
    assert cycle.month == pd.Timestamp("2026-10-01") and cycle.last_actual == pd.Timestamp("2026-09-01")
    assert cycle.horizon.strftime("%Y-%m").tolist() == ["2026-10", "2026-11", "2026-12"] and cycle.horizon.dtype == "datetime64[us]"


@pytest.mark.parametrize("text", ["2026-13", "October", "", "26-10", "2026-10-15", None])
def test_what_is_no_month_is_refused(text: object) -> None:
    with pytest.raises(WorkbookError, match="is not a month"):
        month_start(text)


def test_a_table_comes_back_as_it_was_written(cycle: Cycle) -> None:
    kept = cycle.write("demand_plan", _plan(cycle)[["units", "month", "product", "region", "statistical_units", "revenue", "margin"]])
    again = cycle.read("demand_plan")
    pd.testing.assert_frame_equal(kept, again)
    assert again["product"].tolist() == ["00123"] * 3 and again.dtypes["month"] == "datetime64[us]" and again.dtypes["units"] == "float64"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": [1, -1, -2]}, "column 'units', rows 1, 2: found -1.0, -2.0; expected at least 0"),
        ({"units": ["1", "x", "3"]}, "column 'units', row 1: found 'x'; expected a number"),
        ({"units": [1, float("inf"), 1]}, "column 'units', row 1: found infinity; expected a finite number"),
        ({"units": [1, None, 1]}, "column 'units', row 1: found blank; expected a value"),
        ({"product": ["00123", None, "x"]}, "column 'product', row 1: found blank; expected a value"),
        ({"month": pd.Timestamp("2026-10-01")}, "rows 1, 2: found 2026-10 / 00123 / N; 2026-10 / 00123 / N again; expected each month + product + region once"),
        ({"month": pd.Timestamp("2026-10-05")}, "column 'month', rows 0, 1, 2: found '2026-10-05'; expected the first day of a month"),
        ({"month": "soon"}, "column 'month', rows 0, 1, 2: found 'soon'; expected a month"),
        ({"colour": "red"}, "has column colour, which is not in its contract"),
    ],
)
def test_a_broken_contract_names_table_column_rows_and_what_was_expected(cycle: Cycle, change: dict, message: str) -> None:
    cycle.write("demand_plan", _plan(cycle))
    with pytest.raises(DataError) as caught:
        cycle.write("demand_plan", _plan(cycle).assign(**change))
    assert "table 'demand_plan'" in caught.value.message and message in caught.value.message
    assert len(cycle.read("demand_plan")) == 3 and (cycle.read("demand_plan")["units"] == 1).all()


def test_many_breaches_are_told_at_once_and_briefly(book: Workbook) -> None:
    cycle = open_cycle("2026-10", book)
    frame = pd.concat([_plan(cycle).assign(product=f"p{n}") for n in range(500)]).assign(units=-1.0, revenue=None)
    with pytest.raises(DataError) as caught:
        cycle.write("demand_plan", frame)
    assert "'units', rows 0, 1, 2 and 1,497 more" in caught.value.message and "'revenue'" in caught.value.message and len(caught.value.message) < 500


def test_missing_columns_inputs_and_steps_are_named(cycle: Cycle) -> None:
    with pytest.raises(DataError, match="'demand_plan' lacks column units, margin"):
        cycle.write("demand_plan", _plan(cycle).drop(columns=["units", "margin"]))
    with pytest.raises(WorkbookError, match="'sales' is an input and is not written"):
        cycle.write("sales", pd.DataFrame())
    with pytest.raises(WorkbookError, match="'supply_plan' of 2026-10 is not there yet") as caught:
        cycle.read("supply_plan")
    assert "Run 21_supply first" in caught.value.todo
    with pytest.raises(KeyError, match="no table is called 'saels'"):
        cycle.read("saels")


def test_optional_inputs_come_back_empty_and_flags_and_blanks_survive(cycle: Cycle) -> None:
    assert cycle.read("budget").empty and not cycle.has("budget") and cycle.has("sales") and not cycle.has("forecast")
    people = pd.DataFrame({"function": ["sales"], "person": ["Ann"], "mandatory": [True], "status": ["invited"]})
    kept = cycle.write("attendance", people)
    assert kept["mandatory"].dtype == bool and kept["email"].isna().all()
    with pytest.raises(DataError, match="'mandatory', row 0: found 'perhaps'; expected true or false"):
        cycle.write("attendance", people.assign(mandatory="perhaps"))


def test_later_steps_read_the_snapshot_and_not_the_source(cycle: Cycle, book: Workbook) -> None:
    assert len(cycle.gather("sales")) == 1
    (book.root / "data" / "sales.csv").write_text("month,product,region,units,revenue\n2026-09,00123,N,77,50\n")
    assert cycle.read("sales")["units"].tolist() == [10] and open_cycle("2026-10", book).read("sales")["units"].tolist() == [10]
    assert cycle.gather("sales")["units"].tolist() == [77] and cycle.read("sales")["units"].tolist() == [77]


def test_an_optional_input_taken_away_goes_from_the_snapshot(cycle: Cycle, book: Workbook) -> None:
    file = book.root / "data" / "budget.csv"
    file.write_text("month,family,region,units,revenue\n2026-10,A,N,10,50\n")
    assert len(cycle.gather("budget")) == 1
    file.unlink()
    assert cycle.gather("budget").empty and cycle.read("budget").empty


def test_insights_of_the_journal_stand_beside_those_of_the_file(cycle: Cycle, book: Workbook) -> None:
    (book.root / "data" / "insights.csv").write_text(
        "insight,function,kind,start_month,end_month,effect_pct,author,raised_on\n"
        "I1,sales,customer,2026-10,2026-11,5,Ann,2026-09-20\nI2,sales,customer,2026-10,2026-11,5,Ann,2026-09-20\n"
    )
    span = {"start_month": "2026-10", "end_month": "2026-12"}
    cycle.journal.add("insight", author="Bob", function="marketing", kind="campaign", effect_pct=8, **span)
    cycle.journal.add("insight", id="I2", author="Cy", function="sales", kind="customer", effect_units=50, **span)
    insights = cycle.read("insights").set_index("insight")
    assert sorted(insights.index) == ["I1", "I2", "insight-0001"] and insights.loc["I2", "author"] == "Cy"
    assert list(cycle.read("insights").columns) == list(empty("insights").columns)
    (book.root / "data" / "insights.csv").unlink()
    assert set(open_cycle("2026-11", book).read("insights")["insight"]) == {"I2", "insight-0001"}


def _close(folder: Path) -> None:
    (folder / "closed.json").write_text(json.dumps({"status": "closed"}))


def test_closed_months_come_from_the_workbook_and_from_here(cycle: Cycle, book: Workbook) -> None:
    shipped = book.root / "closed" / "2026-08" / "tables"
    shipped.mkdir(parents=True)
    header = "month,product,region,statistical_units,units,revenue,margin\n"
    (shipped / "demand_plan.csv").write_text(header + "2026-08-01,00123,N,1,2,3,\n2026-09-01,1E5,N,1,2.5,3,4\n".replace(",\n", ",0\n"))
    (shipped / "attendance.csv").write_text("function,person,mandatory,status\nsales,Ann,True,present\nfinance,Bob,False,absent\n")
    _close(shipped.parent)
    earlier = open_cycle("2026-09", book)
    earlier.write("demand_plan", _plan(earlier))
    _close(earlier.folder)
    assert cycle.closed_months() == ["2026-08", "2026-09"] and earlier.closed_months() == ["2026-08"]
    plan = cycle.previous(2).read("demand_plan")
    assert plan["product"].tolist() == ["00123", "1E5"] and plan.dtypes.to_dict() == empty("demand_plan").dtypes.to_dict()
    assert cycle.previous(2).read("attendance")["mandatory"].tolist() == [True, False]
    assert cycle.previous().label == "2026-09" and len(cycle.previous().read("demand_plan")) == 3
    assert cycle.previous(3) is None and earlier.previous().label == "2026-08"
    assert open_cycle("2026-08", book).closed and len(open_cycle("2026-08", book).read("demand_plan")) == 2
    with pytest.raises(WorkbookError, match="2026-08 is closed"):
        cycle.previous(2).write("demand_plan", plan)
    # What a closed month did not keep comes from the source as that month could know it, and is not put into it.
    (book.root / "data" / "sales.csv").write_text("month,product,region,units,revenue\n2026-07,00123,N,7,50\n2026-08,00123,N,10,50\n")
    assert cycle.previous(2).read("sales")["units"].tolist() == [7] and not (shipped.parent / "inputs").exists()


def test_a_shipped_table_that_breaks_its_contract_is_named(cycle: Cycle, book: Workbook) -> None:
    shipped = book.root / "closed" / "2026-08" / "tables"
    shipped.mkdir(parents=True)
    (shipped / "demand_plan.csv").write_text("month,product,region,statistical_units,units,revenue,margin\n2026-08-01,x,N,1,-2,3,4\n")
    _close(shipped.parent)
    with pytest.raises(DataError, match="demand_plan.csv: .*column 'units', row 0: found -2.0; expected at least 0"):
        cycle.previous(2).read("demand_plan")


def test_lineage_names_what_was_read_before(cycle: Cycle) -> None:
    cycle.read("sales")
    cycle.previous()
    cycle.journal.read("override")
    cycle.write("demand_plan", _plan(cycle))
    entry = files.read_json(cycle.folder / "manifest.json")["tables"]["demand_plan"]
    assert set(entry["read"]) == {"inputs/sales", "journal/override", "closed/2026-09"} and entry["rows"] == 3 and entry["step"] == "20_demand"
    assert entry["digest"] == files.digest_file(cycle.folder / "tables" / "demand_plan.parquet")


def test_a_scenario_keeps_its_tables_apart_and_shares_the_inputs(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "products.csv").write_text("product,family,unit_price,unit_cost\n00123,A,10,5\n")
    book = Workbook(company={"name": "Tiny"}, scenarios={"upside": {"demand_factor": 1.2}}, root=tmp_path)
    base, upside = open_cycle("2026-10", book), open_cycle("2026-10", book, "upside")
    base.read("products")
    base.write("demand_plan", _plan(base))
    assert not upside.has("demand_plan") and upside.has("products")
    upside.write("demand_plan", _plan(upside).assign(units=2.0))
    assert (base.read("demand_plan")["units"] == 1).all() and (upside.read("demand_plan")["units"] == 2).all()
    assert upside.folder == tmp_path / "output" / "2026-10" / "scenarios" / "upside"


def test_a_stage_holds_only_the_month_that_is_run(book: Workbook, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = book.output_folder / ".stage-2026-10-1-2"
    monkeypatch.setenv(STAGE, str(stage))
    assert open_cycle("2026-10", book).folder == stage and open_cycle("2026-09", book).folder == book.output_folder / "2026-09"
    other = book.model_copy(update={"output": "elsewhere"})
    assert open_cycle("2026-10", other).folder == other.output_folder / "2026-10"


def test_inputs_of_the_last_month_that_kept_them_not_those_of_today(cycle: Cycle, book: Workbook) -> None:
    (book.root / "data" / "quotas.csv").write_text("month,rep,quota\n2026-11,r,9\n")
    for month, quota in (("2026-07", 7), ("2026-08", 8)):
        kept = book.root / "closed" / month / "inputs"
        kept.mkdir(parents=True)
        (kept / "quotas.csv").write_text(f"month,rep,quota\n2026-11,r,{quota}\n")
        (kept.parent / "closed.json").write_text(json.dumps({"status": "closed"}))
    # The month before closed without its quotas; what stands in the source today says nothing of what was closed.
    (book.root / "closed" / "2026-09").mkdir()
    (book.root / "closed" / "2026-09" / "closed.json").write_text(json.dumps({"status": "closed"}))
    found = last_kept(cycle, "quotas", "reps")
    assert list(found) == ["quotas"] and found["quotas"]["quota"].tolist() == [8.0]


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_a_write_that_fails_keeps_the_old_table(cycle: Cycle, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    cycle.write("demand_plan", _plan(cycle))
    before = {f: f.read_bytes() for f in cycle.folder.rglob("*") if f.is_file()}

    def full(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    target = {"write": (pd.DataFrame, "to_parquet"), "fsync": (os, "fsync"), "replace": (os, "replace")}[moment]
    monkeypatch.setattr(*target, full)
    with pytest.raises(WorkbookError, match="No space left on device"):
        cycle.write("demand_plan", _plan(cycle).assign(units=2.0))
    monkeypatch.undo()
    assert {f: f.read_bytes() for f in cycle.folder.rglob("*") if f.is_file()} == before


LIMITED = """
import resource, signal, sys
import pandas as pd
from sop_helpers.book.cycle import open_cycle
from sop_helpers.book.errors import WorkbookError
cycle = open_cycle("2026-10", sys.argv[1])
plan = cycle.read("demand_plan")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    cycle.write("demand_plan", pd.concat([plan.assign(product=str(n)) for n in range(20000)]))
except WorkbookError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="file size limits are POSIX")
def test_a_disk_that_takes_no_more_keeps_the_old_table(cycle: Cycle, book: Workbook) -> None:
    (book.root / "workbook.toml").write_text('[company]\nname = "Tiny"\n')
    cycle.write("demand_plan", _plan(cycle))
    before = (cycle.folder / "tables" / "demand_plan.parquet").read_bytes()
    done = subprocess.run([sys.executable, "-c", LIMITED, str(book.root)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "could not be written" in done.stdout and "Make room on the disk" in done.stdout, done.stderr
    assert (cycle.folder / "tables" / "demand_plan.parquet").read_bytes() == before
    assert [f.name for f in (cycle.folder / "tables").iterdir()] == ["demand_plan.parquet"]


def test_paths_stay_inside_the_workbook(book: Workbook) -> None:
    for label in ("../2026-10", "/etc", "2026-10/../../x"):
        cycle_or_error = None
        try:
            cycle_or_error = open_cycle(label, book).folder
        except WorkbookError:
            continue
        assert cycle_or_error.is_relative_to(book.root)
    with pytest.raises(WorkbookError, match="leads out"):
        _ = book.model_copy(update={"output": "../elsewhere"}).output_folder
