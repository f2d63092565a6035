"""Running a month of a tiny company: what reruns, what is refused, what a failure leaves."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import tiny

from sop_helpers.book.cycle import open_cycle
from sop_helpers.book.errors import WorkbookError
from sop_helpers.engine.failure import StepFailed
from sop_helpers.engine.runner import run_month


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny company after its first run, for all tests to copy."""
    company = tiny.make(tmp_path_factory.mktemp("finished") / "company")
    assert list(run_month(company).ran) == ["10_gather", "20_demand", "21_supply"]
    return company


@pytest.fixture()
def company(finished: Path, tmp_path: Path) -> Path:
    """A copy that a test may change. Spaces and braces in its path are meant as they are."""
    return Path(shutil.copytree(finished, tmp_path / "my {company}"))


def test_a_rerun_without_change_does_nothing(company: Path) -> None:
    before = {f: f.stat().st_mtime_ns for f in (company / "output").rglob("*") if f.is_file() and not f.name.startswith(".lock")}
    outcome = run_month(company)
    assert outcome.ran == {} and outcome.kept == ["10_gather", "20_demand", "21_supply"]
    assert before == {f: f.stat().st_mtime_ns for f in (company / "output").rglob("*") if f.is_file() and not f.name.startswith(".lock")}


def test_the_manifest_records_rows_digests_and_lineage(company: Path) -> None:
    tiny.whole(company)
    manifest = json.loads((company / "output" / tiny.MONTH / "manifest.json").read_text())
    plan, steps = manifest["tables"]["demand_plan"], manifest["steps"]
    assert plan["rows"] == 12 and plan["step"] == "20_demand"
    assert set(plan["read"]) == {"inputs/sales", "inputs/products", "journal/override"}
    assert steps["21_supply"]["read"] == {"tables/demand_plan": plan["digest"]}
    assert steps["20_demand"]["parameters"]["scenario"] == "base" and steps["20_demand"]["versions"]["pandas"] == pd.__version__


def test_an_input_that_changes_reruns_what_depends_on_it(company: Path) -> None:
    (company / "data" / "products.csv").write_text("product,family,unit_price,unit_cost\n00123,A,11,5\n1E5,A,20,9\n")
    assert list(run_month(company).ran) == ["10_gather", "20_demand", "21_supply"]
    # Only the gathering looks at the month that lies ahead: nothing after it sees a difference.
    text = tiny.sales().replace("2026-10,00123,N,10,50", "2026-10,00123,N,99,50")
    (company / "data" / "sales.csv").write_text(text)
    outcome = run_month(company)
    assert list(outcome.ran) == ["10_gather"] and outcome.kept == ["20_demand", "21_supply"]


def test_a_word_in_the_journal_reruns_the_steps_that_listen(company: Path) -> None:
    journal = open_cycle(tiny.MONTH, company).journal
    journal.add("comment", author="Ann", topic="plan", text="nobody reads this")
    assert run_month(company).ran == {}
    journal.add("override", author="Ann", reason="tender", start_month="2026-10", end_month="2026-12", units=5)
    assert list(run_month(company).ran) == ["20_demand", "21_supply"]
    assert (open_cycle(tiny.MONTH, company).read("demand_plan")["units"] == 15).all()


def test_a_notebook_that_changes_reruns_and_an_equal_table_stops_there(company: Path) -> None:
    tiny.put(company, "20_demand", [*tiny.DEMAND, "'a new last cell'"])
    outcome = run_month(company)
    assert list(outcome.ran) == ["20_demand"] and outcome.kept == ["10_gather", "21_supply"]


def test_from_only_and_force(company: Path) -> None:
    assert list(run_month(company, start="20").ran) == ["20_demand", "21_supply"]
    tiny.put(company, "10_gather", [*tiny.GATHER, "1 + 1"])
    outcome = run_month(company, only="supply")
    assert list(outcome.ran) == ["21_supply"] and outcome.stale == {"10_gather": "the notebook changed"}
    assert list(run_month(company, force=True).ran) == ["10_gather", "20_demand", "21_supply"]


def test_a_table_changed_by_hand_is_made_again(company: Path) -> None:
    cycle = open_cycle(tiny.MONTH, company)
    cycle.write("demand_plan", cycle.read("demand_plan").assign(units=1.0))
    outcome = run_month(company)
    assert list(outcome.ran) == ["20_demand"] and outcome.kept == ["10_gather", "21_supply"]
    assert (open_cycle(tiny.MONTH, company).read("demand_plan")["units"] == 10).all()


def test_plain_kernels_and_forked_ones_make_the_same_month(company: Path) -> None:
    before = tiny.whole(company)
    assert len(run_month(company, force=True, engine="plain").ran) == 3
    assert tiny.whole(company) == before


def test_a_failed_step_says_where_and_why_and_leaves_the_good_month(company: Path) -> None:
    before = tiny.whole(company)
    tiny.put(company, "20_demand", [*tiny.DEMAND[:-2], 'cycle.write("demand_plan", plan.assign(units=-1.0))'])
    with pytest.raises(StepFailed) as caught:
        run_month(company)
    failed = caught.value
    assert (failed.step, failed.table) == ("20_demand", "demand_plan") and "cycle.write" in failed.cell
    assert "found -1.0; expected at least 0" in failed.why and failed.todo
    assert tiny.whole(company) == before
    page = (company / "output" / "failed" / tiny.MONTH / "error.html").read_text()
    assert "20_demand" in page and "expected at least 0" in page and "<script" not in page
    executed = json.loads((company / "output" / "failed" / tiny.MONTH / "notebooks" / "20_demand.ipynb").read_text())
    assert any(out["output_type"] == "error" for cell in executed["cells"] for out in cell.get("outputs", []))
    # Mended, the month goes on from where it stood, and the failure is cleared away.
    tiny.put(company, "20_demand", tiny.DEMAND)
    outcome = run_month(company)
    assert "10_gather" not in outcome.ran and "20_demand" in outcome.ran
    assert tiny.whole(company) == before and not (company / "output" / "failed" / tiny.MONTH).exists()


def test_a_failed_run_is_not_published_by_another_one(company: Path) -> None:
    tiny.put(company, "20_demand", ['raise ValueError("no")'])
    before = tiny.whole(company)
    with pytest.raises(StepFailed):
        run_month(company, force=True)
    error = company / "output" / "failed" / tiny.MONTH / "error.html"
    # A single step starts from what is published, where all that went before is whole, and the failure stays to be looked at.
    assert list(run_month(company, only="21_supply", force=True).ran) == ["21_supply"]
    assert {step["status"] for step in json.loads((company / "output" / tiny.MONTH / "manifest.json").read_text())["steps"].values()} == {"done"}
    assert tiny.whole(company) == before and error.exists()
    with pytest.raises(WorkbookError, match="20_demand failed in the last run and has not run since"):
        run_month(company, start="21_supply")
    assert tiny.whole(company) == before
    tiny.put(company, "20_demand", tiny.DEMAND)
    run_month(company)
    assert tiny.whole(company) == before and not error.exists()


def test_a_message_from_data_is_text_on_the_error_page(company: Path) -> None:
    tiny.put(company, "20_demand", ['raise ValueError("<script>alert(1)</script> " + "<b>")'])
    with pytest.raises(StepFailed, match="ValueError"):
        run_month(company)
    page = (company / "output" / "failed" / tiny.MONTH / "error.html").read_text()
    assert "<script>" not in page and "&lt;script&gt;alert(1)" in page


def test_a_kernel_that_dies_is_told(company: Path) -> None:
    before = tiny.whole(company)
    tiny.put(company, "20_demand", ["import os", "os._exit(1)"])
    with pytest.raises(StepFailed, match="its Python process died"):
        run_month(company)
    assert tiny.whole(company) == before


@pytest.mark.parametrize("engine", ["fork", "plain"])
def test_a_flood_of_prints_does_not_stop_a_step(company: Path, engine: str) -> None:
    tiny.put(company, "20_demand", ["for n in range(30_000):\n    print(n, flush=True)", *tiny.DEMAND])
    run_month(company, engine=engine)
    assert "29999" in (company / "output" / tiny.MONTH / "notebooks" / "20_demand.ipynb").read_text("utf-8")


def test_a_month_without_data_is_refused(company: Path) -> None:
    with pytest.raises(StepFailed) as caught:
        run_month(company, month="2020-01")
    assert caught.value.step == "10_gather" and not (company / "output" / "2020-01").exists()


def test_a_closed_month_is_not_run_again(company: Path) -> None:
    from sop_helpers.book.files import changed_since_closing
    from sop_helpers.engine.closing import close_month, reopen_month

    before = tiny.whole(company)
    folder = close_month(company, tiny.MONTH, "Ann", "all signed")
    with pytest.raises(WorkbookError, match="2026-10 is closed and is not run again"):
        run_month(company, force=True)
    cycle = open_cycle(tiny.MONTH, company)
    with pytest.raises(WorkbookError, match="is closed and 'demand_plan' cannot be written"):
        cycle.write("demand_plan", cycle.read("demand_plan"))
    cycle.gather("sales")
    assert tiny.whole(company) == before and changed_since_closing(folder) == []
    with pytest.raises(WorkbookError, match="only with a reason"):
        reopen_month(company, tiny.MONTH, "Ann", " ")
    reopen_month(company, tiny.MONTH, "Ann", "wrong price list")
    assert len(run_month(company, force=True).ran) == 3
    closings = open_cycle(tiny.MONTH, company).journal.history("closing")
    assert closings["status"].tolist() == ["closed", "reopened"] and closings["reason"].tolist() == ["all signed", "wrong price list"]


def test_a_month_that_came_closed_stays_closed(company: Path) -> None:
    from sop_helpers.engine.closing import reopen_month

    shipped = company / "closed" / "2026-09"
    (shipped / "tables").mkdir(parents=True)
    (shipped / "closed.json").write_text("{}")
    with pytest.raises(WorkbookError, match="2026-09 is closed and is not run again"):
        run_month(company, month="2026-09")
    with pytest.raises(WorkbookError, match="came closed with the workbook stay so"):
        reopen_month(company, "2026-09", "Ann", "why not")
    assert (shipped / "closed.json").exists() and not (company / "output" / "2026-09").exists()


def test_an_incomplete_month_is_not_closed(company: Path) -> None:
    from sop_helpers.engine.closing import close_month

    cycle = open_cycle(tiny.MONTH, company)
    cycle.write("demand_plan", cycle.read("demand_plan").assign(units=1.0))
    with pytest.raises(WorkbookError, match="not complete: .*demand_plan"):
        close_month(company, tiny.MONTH, "Ann")
    with pytest.raises(WorkbookError, match="10_gather has not run"):
        close_month(company, "2026-09", "Ann")


def test_the_next_month_sees_the_closed_one(company: Path) -> None:
    from sop_helpers.engine.closing import close_month

    close_month(company, tiny.MONTH, "Ann")
    later = open_cycle("2026-11", company)
    assert later.closed_months() == ["2026-10"] and len(later.previous().read("demand_plan")) == 12
    assert later.previous(2) is None


def test_a_scenario_has_tables_of_its_own(company: Path) -> None:
    before = tiny.whole(company)
    assert list(run_month(company, scenario="upside").ran) == ["10_gather", "20_demand", "21_supply"]
    month = company / "output" / tiny.MONTH
    assert (month / "scenarios" / "upside" / "tables" / "demand_plan.parquet").exists()
    assert {t: d for t, d in before.items()} == {f.stem: d for f, d in _digests(month)}
    assert run_month(company).ran == {} and run_month(company, scenario="upside").ran == {}
    with pytest.raises(WorkbookError, match="no scenario is called 'down'"):
        run_month(company, scenario="down")


def _digests(month: Path) -> list[tuple[Path, str | None]]:
    from sop_helpers.book.files import digest_file

    return [(f, digest_file(f)) for kind in ("inputs", "tables") for f in (month / kind).glob("*.parquet")]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour": "red"}, "no step has a parameter 'colour'"),
        ({"x=1;import os;y": "1"}, "no step has a parameter"),
        ({"lots": "three"}, "lots: Input should be a valid integer"),
        ({"switch": 0}, "switch: Input should be a valid boolean"),
    ],
)
def test_parameters_are_checked_before_anything_runs(company: Path, values: dict, message: str) -> None:
    tiny.put(company, "20_demand", tiny.DEMAND, 'lots = 3\nswitch = True\nsku = "00045"\n')
    with pytest.raises(WorkbookError, match=message):
        run_month(company, extra=values)
    assert not (company / "output" / "failed").exists()


def test_typed_parameters_reach_the_notebook_as_they_are(company: Path) -> None:
    cells = [*tiny.DEMAND, 'assert (lots, switch, sku, note) == (7, False, "00123", "a\\n\\"b\\" {c} \\\\d"), (lots, switch, sku, note)']
    tiny.put(company, "20_demand", cells, 'lots = 3\nswitch = True\nsku = "00045"\nnote = ""\n')
    extra = {"lots": "7", "switch": "no", "sku": "00123", "note": 'a\n"b" {c} \\d'}
    assert "20_demand" in run_month(company, extra=extra).ran


def test_secrets_are_masked_wherever_parameters_are_kept(company: Path) -> None:
    tiny.put(company, "20_demand", [*tiny.DEMAND, 'print("connected with", token, url)'], 'token = ""\nurl = ""\n')
    run_month(company, extra={"token": "s3cr3t-Ü\\'x", "url": "postgresql://ann:hunter22@db/x"})
    for file in (company / "output" / tiny.MONTH).rglob("*"):
        if file.suffix in (".json", ".ipynb"):
            text = file.read_text(encoding="utf-8")
            assert "s3cr3t" not in text and "xdc" not in text and "hunter22" not in text, file
    manifest = json.loads((company / "output" / tiny.MONTH / "manifest.json").read_text())
    assert manifest["steps"]["20_demand"]["parameters"]["token"] == "********"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminal can be opened on this system")
def test_a_terminal_is_told_how_long_a_step_has_been_running(company: Path) -> None:
    notebook = company / "notebooks" / "20_demand.ipynb"
    content = json.loads(notebook.read_text())
    content["cells"][-1]["source"] = ["import time\n", "time.sleep(2.5)\n", *content["cells"][-1]["source"]]
    notebook.write_text(json.dumps(content))
    ours, theirs = os.openpty()
    termios = pytest.importorskip("termios")
    termios.tcsetwinsize(theirs, (24, 120))
    code = f"from sop_helpers.engine.runner import run_month; run_month({str(company)!r})"
    with subprocess.Popen([sys.executable, "-c", code], stdout=theirs, stderr=theirs, cwd=Path(__file__).parents[2]) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux says so when the other end is closed
                break
            if not part:
                break
            said += part
    os.close(ours)
    assert process.returncode == 0, said.decode()
    assert re.search(rb"20_demand [12] s, (about \d+ s to go|longer than the \d+ s of last time)", said), said.decode()
