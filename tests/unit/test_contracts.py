"""Every contract says all that the reader, the templates and the dictionary need."""

from __future__ import annotations

import pandas as pd
import pandera.errors
import pytest

from sop_helpers.book import tables
from sop_helpers.book.cycle import empty
from sop_helpers.book.matching import check_contract

KINDS = {"code": "string", "text": "string", "month": "datetime64", "day": "datetime64", "number": "float64", "flag": "bool"}
EVERY = pytest.mark.parametrize("table", tables.TABLES)


@EVERY
def test_a_table_and_each_column_have_a_sentence(table):
    assert (tables.contract(table).__doc__ or "").strip()
    for name, spec in tables.columns(table).items():
        assert spec["description"].rstrip().endswith((".", "?")), f"{table}.{name}: {spec['description']}"


@EVERY
def test_kinds_agree_with_dtypes(table):
    for name, spec in tables.columns(table).items():
        assert str(tables.schema(table).columns[name].dtype).startswith(KINDS[spec["kind"]]), name
        assert tables.schema(table).columns[name].nullable == spec["optional"], f"{table}.{name}: optional and nullable go together"


@EVERY
def test_numbers_have_a_unit(table):
    assert not [n for n, s in tables.columns(table).items() if s["kind"] == "number" and not s["unit"]]


@EVERY
def test_keys_and_references_exist(table):
    spec = tables.columns(table)
    assert set(tables.schema(table).unique or []) <= set(spec)
    meta = tables.meta(table)
    assert meta["direction"] in ("input", "output")
    assert meta.get("as_of", next(iter(spec))) in spec and set(meta.get("sum", [])) <= set(spec)
    for name, column in spec.items():
        if column["ref"]:
            parent, _, key = column["ref"].partition(".")
            assert key in tables.columns(parent), f"{table}.{name} refers to {column['ref']}"


@EVERY
def test_an_empty_table_keeps_its_contract(table):
    tables.schema(table).validate(empty(table))


def test_names():
    assert tables.contract("open_orders").__name__ == "OpenOrders"
    with pytest.raises(KeyError, match="no table is called 'order'; there are products, sales"):
        tables.contract("order")
    assert {t for t in tables.INPUTS if tables.meta(t)["required"]} == {"products", "sales"}
    assert not set(tables.INPUTS) & set(tables.OUTPUTS)


def test_a_column_too_many_or_in_the_wrong_place_is_refused():
    frame = empty("regions")
    for wrong in (frame.assign(colour="red"), frame[frame.columns[::-1]]):
        with pytest.raises(pandera.errors.SchemaErrors):
            tables.schema("regions").validate(wrong, lazy=True)


def test_broken_contracts_are_told_in_words():
    frame = pd.DataFrame({"operation": ["O", "O"], "item": ["a", "a"], "units_per": [1.0, -2.0]}, index=[2, 7])
    assert [str(p) for p in check_contract("components", frame)] == [
        "column operation + item, rows 2, 7: found 'O/a'; the key is there more than once; expected one row for each",
    ]
    frame = pd.DataFrame({"operation": ["O", "P"], "item": ["a", None], "units_per": [0.0, -2.0]}, index=[2, 7]).astype({"item": "str"})
    assert [str(p) for p in check_contract("components", frame)] == [
        "column item, row 7: found ''; expected a value in every row",
        "column units_per, rows 2, 7: found '0', '-2'; expected more than 0",
    ]


@pytest.mark.parametrize(("column", "values"), [("units", ["5", "6"]), ("month", ["2026-09", "2026-10"]), ("product", [7, 8]), ("units", [float("nan"), 1.0])])
def test_a_wrong_dtype_is_refused(column, values):
    good = {
        "month": pd.to_datetime(["2026-09", "2026-10"]).astype("datetime64[us]"),
        "product": ["a", "b"],
        "region": ["N", "N"],
        "units": [1.0, 2.0],
        "revenue": [1.0, 2.0],
    }
    frame = pd.concat([empty("sales"), pd.DataFrame(good)]).astype({c: d for c, d in empty("sales").dtypes.items()})
    assert check_contract("sales", frame) == []
    frame[column] = pd.Series(values, index=frame.index)
    assert {p.column for p in check_contract("sales", frame)} == {column}
