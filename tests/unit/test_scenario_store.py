"""A scenario is added to the workbook file whole or not at all, is read back as it was meant, and can be taken back to the last byte."""

from __future__ import annotations

import threading

import pytest

from sop_helpers.book.config import load_workbook
from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.scenario_store import add_scenario, take_back

SMALL = '# our workbook\n[company]\nname = "Small"  # a name\n\n[scenarios.up]\ndemand_factor = 1.1\n'
LEVERS = {"hires": {"DACH": 3, 'Nord "Süd"': 1}, "hire_month": "2027-03", "ramp": [0.5, 1.0], "price_factor": 1.0, "win_rate_factor": 1.2}


@pytest.fixture(params=["\n", "\r\n"], ids=["unix", "windows"])
def file(tmp_path, request):
    made = tmp_path / "workbook.toml"
    made.write_bytes(SMALL.replace("\n", request.param).encode())
    return made


def test_it_is_read_back_as_it_was_meant_and_taken_back_to_the_last_byte(file):
    before = file.read_bytes()
    saved = add_scenario(file, "three_reps", LEVERS, 'Hire "three" – in March \\ spring')
    assert file.read_bytes().startswith(before), "what stood there stays as it was typed"
    read = load_workbook(file).scenarios
    assert list(read) == ["up", "three_reps"]
    one = read["three_reps"]
    assert (one.hires, one.hire_month, one.ramp, one.win_rate_factor) == (LEVERS["hires"], "2027-03", [0.5, 1.0], 1.2)
    assert one.description == 'Hire "three" – in March \\ spring' and "price_factor" not in saved.text
    take_back(saved)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "levers", "description", "said"),
    [
        ("up", {}, "again", "has a scenario up already"),
        ("base", {}, "x", "cannot be called 'base'"),
        ("a b]\n[company]", {}, "x", "cannot be called"),
        ("new", {}, "  ", "needs a description"),
        ("new", {}, "two\nlines", "needs a description of one line"),
        ("new", {"promotion_uplift": 0.1}, "x", "a promotion needs its month"),
        ("new", {"hires": {"DACH": -1}}, "x", "hires in DACH are -1"),
        ("new", {"hires": {"DACH": 1.5}}, "x", "hires.DACH"),
        ("new", {"ramp": [1.4]}, "x", "a ramp holds shares between 0 and 1, not 1.4"),
        ("new", {"quota_factor": -1}, "x", "quota_factor"),
        ("new", {"hire_month": "March"}, "x", "hire_month"),
        ("new", {"luck": 1}, "x", "luck: Extra inputs"),
    ],
)
def test_what_is_refused_leaves_the_file_as_it_was(file, name, levers, description, said):
    before = file.read_bytes()
    with pytest.raises(WorkbookError) as error:
        add_scenario(file, name, levers, description)
    assert said in str(error.value) and error.value.todo and file.read_bytes() == before
    assert [f for f in file.parent.iterdir() if f.suffix == ".part"] == []


def test_a_file_that_cannot_take_a_section_is_left_alone(tmp_path):
    made = tmp_path / "workbook.toml"
    made.write_text('scenarios = { up = { demand_factor = 1.1 } }\n[company]\nname = "Small"\n', encoding="utf-8")
    before = made.read_bytes()
    with pytest.raises(WorkbookError, match="would be no workbook any more"):
        add_scenario(made, "new", {"price_factor": 1.1}, "x")
    assert made.read_bytes() == before


def test_what_somebody_changed_is_not_taken_back(file):
    saved = add_scenario(file, "new", {"price_factor": 1.1}, "dearer")
    changed = file.read_bytes().replace(b"1.1", b"1.2")
    file.write_bytes(changed)
    with pytest.raises(WorkbookError, match="has been changed since"):
        take_back(saved)
    assert file.read_bytes() == changed


def test_two_who_save_at_once_are_both_there(file):
    names = [f"s{i}" for i in range(8)]
    threads = [threading.Thread(target=add_scenario, args=(file, name, {"price_factor": 1.1}, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(load_workbook(file).scenarios) == {"up", *names}
