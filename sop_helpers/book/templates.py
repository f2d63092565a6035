"""Blank input files, the data dictionary and a new workbook, all generated from the contracts and the settings' own descriptions."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

from sop_helpers.book import files, tables
from sop_helpers.book.config import Calendar, Company, DemandPolicy, FinancePolicy, JournalSettings, Meeting, Part, SalesPolicy, StockPolicy, SupplyPolicy
from sop_helpers.book.errors import WorkbookError

DICTIONARY = "DATA_DICTIONARY.md"
BOOK = "inputs.xlsx"
LIMITS = {
    "greater_than_or_equal_to": "at least {}",
    "greater_than": "more than {}",
    "less_than_or_equal_to": "at most {}",
    "less_than": "less than {}",
}
KINDS = {"code": "code (text)", "text": "text", "month": "month, 2026-10", "day": "date, 2026-10-31", "number": "number", "flag": "yes or no"}


def write_templates(folder: str | Path) -> list[Path]:
    """Write a blank CSV for each input, one XLSX with a sheet for each, and the data dictionary.

    Parameters
    ----------
    folder : str or Path
        Where to; files of the same names are replaced.

    Returns
    -------
    list of Path
        The files written.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    written = [write_header(target / f"{table}.csv", table) for table in tables.INPUTS]
    book = target / BOOK
    book.write_bytes(blank_book())
    dictionary = target / DICTIONARY
    dictionary.write_text(data_dictionary(), encoding="utf-8")
    return [*written, book, dictionary]


def write_header(path: Path, table: str) -> Path:
    """Write a CSV that holds the header of a table and nothing else."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow(tables.columns(table))
    return path


def blank_book() -> bytes:
    """Return an XLSX with a sheet for each input: header with notes, codes and months formatted as text so that 007 stays 007."""
    from xlsxwriter import Workbook

    written = io.BytesIO()
    with Workbook(written, {"in_memory": True}) as book:
        book.set_properties({"created": files.CREATED})
        needed, optional = book.add_format({"bold": True, "bg_color": "#DDEBF7"}), book.add_format()
        formats = {form: book.add_format({"num_format": form}) for form in ("General", "yyyy-mm-dd", "@")}
        for table in tables.INPUTS:
            sheet = book.add_worksheet(table)
            sheet.freeze_panes(1, 0)
            for position, (name, spec) in enumerate(tables.columns(table).items()):
                sheet.write_string(0, position, name, optional if spec["optional"] else needed)
                note = f"{spec['description']}\n{_meaning(spec)}{' Optional.' if spec['optional'] else ''}"
                sheet.write_comment(0, position, note, {"author": "S&OP workbook", "width": 260, "height": 110})
                form = {"number": "General", "day": "yyyy-mm-dd"}.get(spec["kind"], "@")
                sheet.set_column(position, position, max(12, len(name) + 2), formats[form])
    return written.getvalue()


def _meaning(spec: dict) -> str:
    kind = KINDS[spec["kind"]]
    return f"{kind}, in {spec['unit']}." if spec["kind"] == "number" and spec["unit"] else f"{kind}."


def _limits(table: str, name: str) -> str:
    found = []
    for check in tables.schema(table).columns[name].checks:
        if check.name in LIMITS:
            found.append(LIMITS[check.name].format(next(iter(check.statistics.values()))))
        elif check.name == "isin":
            found.append("one of " + ", ".join(map(str, check.statistics["allowed_values"])))
        elif check.name == "str_matches":
            found.append("an e-mail address")
    return "; ".join(found)


def data_dictionary() -> str:
    """Return the data dictionary of all tables, inputs and produced ones, as Markdown."""
    parts = [
        "# Data dictionary",
        "Generated from the contracts in `sop_helpers/book/tables/`; do not edit by hand. A test holds the two together.",
        "Months are period starts and written `2026-10`; money is in the workbook's currency; quantities are in the product's unit of measure. "
        "A column that is not required may be left out or left blank.",
        "## Inputs: what a company brings",
        "`products` and `sales` are enough for a first run; each other table switches on its part of the plan.",
    ]
    parts += [_describe(table) for table in tables.INPUTS]
    parts += ["## Produced tables: what the steps make", "Each is a Parquet file in `output/<month>/tables/`."]
    parts += [_describe(table) for table in tables.OUTPUTS]
    return "\n\n".join(parts) + "\n"


def _describe(table: str) -> str:
    meta, schema = tables.meta(table), tables.schema(table)
    facts = ["Required." if meta["required"] else "Optional."] if meta["direction"] == "input" else [f"Made by `{meta['step']}`."]
    if schema.unique:
        facts.append(f"One row for each {' + '.join(f'`{k}`' for k in schema.unique)}.")
    if meta.get("sum"):
        facts.append("Order lines, dated by day or with columns such as customer, are added up to that.")
    if meta.get("as_of"):
        facts.append(f"A cycle sees only rows whose `{meta['as_of']}` lies before its month.")
    sentence = " ".join((tables.contract(table).__doc__ or "").split())
    rows = ["| column | required | what it is | unit | allowed | must be known in | meaning |", "|---|---|---|---|---|---|---|"]
    for name, spec in tables.columns(table).items():
        unit = "" if spec["unit"] in ("month", "date") else spec["unit"]
        ref = f"`{spec['ref']}`" if spec["ref"] else ""
        cells = [f"`{name}`", "" if spec["optional"] else "yes", KINDS[spec["kind"]], unit, _limits(table, name), ref, spec["description"]]
        rows.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n\n".join([f"### {table}", f"{sentence} {' '.join(facts)}", "\n".join(rows)])


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _section(title: str, model: type[Part], given: dict[str, Any] | None = None) -> str:
    """Write one table of the workbook file: each setting with its description above it, at its default."""
    lines = [f"[{title}]"]
    for name, setting in model.model_fields.items():
        value = (given or {}).get(name, setting.get_default(call_default_factory=True))
        shown = f"# {name} =" if value in (None, "", {}) else f"{name} = {_toml(value)}"
        lines += [f"# {setting.description}", shown]
    return "\n".join(lines)


def workbook_text(name: str, currency: str, month: str) -> str:
    """Return the text of a new ``workbook.toml``: every setting with its sentence, at its default."""
    sources = "\n".join([
        "[sources]",
        "# Folder of the input files: <table>.csv, <table>.xlsx or <table>.parquet, or a filled sheet of inputs.xlsx.",
        'folder = "data"',
        "# Tables whose file is called otherwise, or written otherwise, or that come from a query, are described one by one:",
        "# [sources.tables.sales]",
        '# path = "orders_export.csv"',
        '# encoding = "cp932"                     # utf-8-sig unless said otherwise; never guessed',
        '# delimiter = ";"',
        '# decimal = ","',
        '# date_format = "%d/%m/%Y"',
        '# rename = { "Order date" = "month", "Item" = "product" }',
        '# compose = { region = ["region", "channel"] }   # one of our texts from several of theirs, joined by a space',
        "# [sources.tables.inventory]",
        '# query = "sql/inventory.sql"            # over the files of [sources] data, or with a url over a database',
        '# url = "postgresql+psycopg://planner:${ERP_PASSWORD}@server/erp"',
    ])
    scenarios = "\n".join([
        "[scenarios.upside]",
        'description = "A tenth more demand."',
        "demand_factor = 1.1",
        "",
        "[scenarios.downside]",
        'description = "A tenth less demand."',
        "demand_factor = 0.9",
    ])
    head = "\n".join([
        "# The workbook of one company. `sop check` says whether its inputs are good, `sop run` plans the month.",
        "",
        "# Month that is planned unless told otherwise.",
        f"month = {_toml(month)}",
    ])
    return "\n\n".join([
        head,
        _section("company", Company, {"name": name, "currency": currency}),
        _section("calendar", Calendar),
        sources,
        _section("policies.demand", DemandPolicy),
        _section("policies.supply", SupplyPolicy),
        _section("policies.stock", StockPolicy),
        _section("policies.sales", SalesPolicy),
        _section("policies.finance", FinancePolicy),
        scenarios,
        _section("meeting", Meeting),
        _section("journal", JournalSettings),
    ]) + "\n"


def init_workbook(folder: str | Path, name: str = "Our company", currency: str = "USD", month: str | None = None) -> list[Path]:
    """Lay down a new workbook.

    ``data/`` gets the two required tables with their headers only, so that ``sop check`` names them until they are filled in; the blank files of all
    inputs lie in ``data/templates/``, to be copied into ``data/`` as far as the company has them.

    Parameters
    ----------
    folder : str or Path
        The new workbook's folder; made where it is missing.
    name, currency : str
        Name and ISO currency code of the company.
    month : str, optional
        First month planned, such as ``2026-10``; the present month by default.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    WorkbookError
        The folder holds a workbook or a file that would be replaced; or a setting is not valid. Nothing is written then.
    """
    from sop_helpers.book.config import Workbook

    root = Path(folder)
    required = [t for t in tables.INPUTS if tables.meta(t)["required"]]
    if root.exists() and not root.is_dir():
        raise WorkbookError(f"{root} is a file", "Name a folder.")
    names = ["workbook.toml", DICTIONARY, ".gitignore", "data/templates", *(f"data/{t}.csv" for t in required)]
    if there := [root / n for n in names if (root / n).exists()]:
        raise WorkbookError(f"{root} holds {', '.join(p.name for p in there)} already", "Name a new folder; nothing was changed.")
    try:
        settings = Workbook(company=Company(name=name, currency=currency), month=month or f"{dt.date.today():%Y-%m}", root=root)
    except ValueError as error:
        raise WorkbookError(f"the workbook cannot be laid down: {error}", "Give the currency as an ISO code such as EUR and the month as 2026-10.") from None
    blanks = write_templates(root / "data" / "templates")
    dictionary = blanks.pop().rename(root / DICTIONARY)
    file = root / "workbook.toml"
    headers = [write_header(root / "data" / f"{table}.csv", table) for table in required]
    (root / ".gitignore").write_text("output/\n", encoding="utf-8")
    file.write_text(workbook_text(settings.company.name, settings.company.currency, str(settings.month)), encoding="utf-8")
    return [file, dictionary, *headers, *blanks]


if __name__ == "__main__":
    import sys

    for path in write_templates(sys.argv[1] if len(sys.argv) > 1 else "templates/inputs"):
        print(path)
