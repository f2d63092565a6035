"""The workbook file is typed: unknown names and impossible values are refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from sop_helpers.book import config
from sop_helpers.book.config import fill_environment, find_workbook, load_workbook
from sop_helpers.book.errors import WorkbookError

SMALL = '[company]\nname = "Small"\n'


def write(folder: Path, text: str) -> Path:
    file = folder / "workbook.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_name_is_enough(tmp_path):
    book = load_workbook(write(tmp_path, SMALL))
    assert (book.company.currency, book.calendar.horizon_months, book.root, book.output_folder) == ("USD", 18, tmp_path, tmp_path / "output")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "company: Field required"),
        (SMALL + "[calender]\nhorizon_months = 3\n", "calender: Extra inputs are not permitted"),
        (SMALL + "[calendar]\nhorizon = 3\n", "calendar.horizon: Extra inputs"),
        (SMALL + "[calendar]\nhorizon_months = 0\n", "calendar.horizon_months: Input should be greater than or equal to 1 (found 0)"),
        (SMALL + "[calendar]\nhorizon_months = 'many'\n", "calendar.horizon_months: Input should be a valid integer"),
        ('[company]\nname = "x"\ncurrency = "Euro"\n', "company.currency"),
        ('month = "October"\n' + SMALL, "month: String should match pattern"),
        (SMALL + "[sources.tables.sales]\ndelimiter = '--'\n", "sources.tables.sales.delimiter"),
        (SMALL + "[sources.tables.sales]\ndecimal = '·'\n", "sources.tables.sales.decimal"),
        (SMALL + "[scenarios.base]\n", "'base' is the plan itself"),
        (SMALL + "[scenarios.up]\ndemand_factor = -1\n", "scenarios.up.demand_factor"),
        (SMALL + "[policies.supply]\nservice_level = 1.0\n", "policies.supply.service_level"),
        (SMALL + "x = \n", "is not TOML"),
    ],
)
def test_what_is_refused(tmp_path, text, said):
    with pytest.raises(WorkbookError) as error:
        load_workbook(write(tmp_path, text))
    assert said in str(error.value) and "workbook.toml" in str(error.value) and error.value.todo


def test_a_file_that_is_not_utf8(tmp_path):
    (tmp_path / "workbook.toml").write_bytes('[company]\nname = "会社"\n'.encode("cp932"))
    with pytest.raises(WorkbookError, match="is not UTF-8"):
        load_workbook(tmp_path)


def test_the_workbook_is_found_by_file_folder_and_from_below(tmp_path, monkeypatch):
    file = write(tmp_path, SMALL)
    (tmp_path / "notebooks" / "desk").mkdir(parents=True)
    assert find_workbook(file) == find_workbook(tmp_path) == file
    monkeypatch.chdir(tmp_path / "notebooks" / "desk")
    assert find_workbook() == file
    with pytest.raises(WorkbookError, match="no workbook at nowhere.toml"):
        find_workbook("nowhere.toml")


@pytest.mark.parametrize("path", ["..", "../other", "/etc", "data/../../x"])
def test_paths_stay_inside(tmp_path, path):
    with pytest.raises(WorkbookError, match="leads out of the workbook's folder"):
        load_workbook(write(tmp_path, SMALL)).inside(path)


def test_the_environment_fills_names_and_nothing_else(monkeypatch):
    monkeypatch.setenv("SOP_A", "x;y$(z)")
    monkeypatch.delenv("SOP_B", raising=False)
    assert fill_environment("${SOP_A}/erp") == "x;y$(z)/erp"
    assert fill_environment("${SOP_A}/${SOP_B}") == "" and fill_environment("$SOP_A `id`") == "$SOP_A `id`"


def test_the_first_data_folder_that_exists(tmp_path, monkeypatch):
    monkeypatch.delenv("SOP_B", raising=False)
    (tmp_path / "two").mkdir()
    book = load_workbook(write(tmp_path, SMALL + "[sources]\ndata = ['${SOP_B}/erp', 'one', 'two']\n"))
    assert book.data_folder == tmp_path / "two"
    assert load_workbook(write(tmp_path, SMALL)).data_folder is None


PARTS = [m for m in vars(config).values() if isinstance(m, type) and issubclass(m, config.Part) and m not in (config.Part, config.Workbook, config.Policies)]


@pytest.mark.parametrize("part", PARTS, ids=lambda p: p.__name__)
def test_every_setting_says_what_it_is(part):
    assert part.__doc__ and not [n for n, f in part.model_fields.items() if not f.description]


def test_settings_cannot_change_on_the_way(tmp_path):
    book = load_workbook(write(tmp_path, SMALL))
    with pytest.raises(ValueError, match="frozen"):
        book.company.currency = "EUR"
