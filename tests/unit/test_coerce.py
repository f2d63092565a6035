"""Cells become what the contract means, or are named."""

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sop_helpers.book import coerce
from sop_helpers.book.coerce import Dialect


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,200", 1200),
        ("１，２００", 1200),
        ("1,200.50", 1200.5),
        ("(50)", -50),
        ("△50", -50),
        ("▲1,000", -1000),
        ("50-", -50),
        ("−5", -5),
        ("$5", 5),
        ("-$5", -5),
        ("$-5", -5),
        ("USD 5", 5),
        ("5 USD", 5),
        ("1 234", 1234),
        ("1\u00a0234", 1234),
        ("1'234.5", 1234.5),
        ("1e3", 1000),
        (".5", 0.5),
        ("5.", 5),
        ("+7", 7),
    ],
)
def test_numbers_as_people_write_them(text, value):
    assert coerce.parse_number(text) == value


@pytest.mark.parametrize(
    "text", ["inf", "-inf", "Infinity", "nan", "NaN", "1,5", "1,23,456", "1.5.2", "1_000", "€5", "5%", "-", "--5", "abc", "1e999", "0x10", "12 34", ""]
)
def test_what_is_no_number(text):
    assert math.isnan(coerce.parse_number(text))


def test_decimal_comma():
    comma = Dialect(decimal=",", currency="EUR")
    assert [coerce.parse_number(t, comma) for t in ("1.200,50", "1,5", "€ 1.234", "1.234")] == [1200.5, 1.5, 1234, 1234]
    assert math.isnan(coerce.parse_number("1.5", comma))
    out, bad = coerce.to_number(pd.Series(["1.234", "0,5", "12", "1.5"]), comma)
    assert out.tolist()[:3] == [1234, 0.5, 12]
    assert bad.tolist() == [False, False, False, True]


def test_a_percent_sign_counts_where_the_unit_says_so():
    assert coerce.parse_number("25%", unit="share") == 0.25
    assert coerce.parse_number("15 %", unit="%") == 15


@pytest.mark.parametrize(("text", "value"), [("¥1,000", 1000), ("￥５", 5), ("1,000円", 1000)])
def test_yen(text, value):
    assert coerce.parse_number(text, Dialect(currency="JPY")) == value


@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_a_float_written_by_python_reads_back_equal(value):
    out, bad = coerce.to_number(pd.Series([repr(value)], dtype="str"))
    assert out[0] == value and not bad.any()


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=2))
def test_thousands_marks_change_nothing(value):
    assert coerce.parse_number(f"{value:,}") == float(value)
    swapped = f"{value:,}".translate(str.maketrans(",.", ".,"))
    assert coerce.parse_number(swapped, Dialect(decimal=",")) == float(value)


@given(st.text(max_size=30))
def test_any_text_is_a_finite_number_or_refused(text):
    value = coerce.parse_number(text)
    assert math.isnan(value) or math.isfinite(value)
    day = coerce.parse_day(text, month=True)
    assert day is None or 1900 <= day.year <= 2200


def test_numbers_of_a_spreadsheet_are_taken_as_they_are_and_texts_are_read():
    cells = pd.Series([1.5, 7, "1.234,5", Decimal("2.50"), None, "", float("inf"), True, dt.date(2026, 1, 1)], dtype=object)
    out, bad = coerce.to_number(cells, Dialect(decimal=","))
    assert out.tolist()[:4] == [1.5, 7, 1234.5, 2.5]
    assert bad.tolist() == [False, False, False, False, False, False, True, True, True]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-10", "2026-10-01"),
        ("2026/10", "2026-10-01"),
        ("2026-10-31", "2026-10-31"),
        ("2026-10-31 23:59:59", "2026-10-31"),
        ("2026-10-31T00:00:00Z", "2026-10-31"),
        ("2026/3/4", "2026-03-04"),
        ("2026年10月", "2026-10-01"),
        ("2026年10月3日", "2026-10-03"),
        ("２０２６-１０", "2026-10-01"),
    ],
)
def test_months_and_days(text, day):
    assert coerce.parse_day(text, month=True) == dt.date.fromisoformat(day)


@pytest.mark.parametrize("text", ["03/04/2026", "3.4.2026", "Oct 2026", "202610", "20261003", "2026-13", "2026-02-30", "46296", "0206-10", "NaT", "soon"])
def test_dates_that_could_be_anything_are_refused(text):
    assert coerce.parse_day(text, month=True) is None


def test_a_format_makes_a_date_clear():
    assert coerce.parse_day("03/04/2026", Dialect(date_format="%d/%m/%Y")) == dt.date(2026, 4, 3)
    assert coerce.parse_day("03/04/2026", Dialect(date_format="%m/%d/%Y")) == dt.date(2026, 3, 4)


def test_a_day_is_not_a_month():
    assert coerce.parse_day("2026-10", month=False) is None


def test_excel_serials_only_where_they_can_be():
    assert coerce.parse_day("46296", Dialect(serials=1900)) == dt.date(2026, 10, 1)
    assert coerce.parse_day("44834", Dialect(serials=1904)) == dt.date(2026, 10, 1)
    assert coerce.parse_day("46296") is None


def test_typed_dates_keep_their_day():
    zoned = pd.Series(pd.to_datetime(["2026-10-31 23:30"]).tz_localize("Asia/Tokyo"))
    assert coerce.to_day(zoned)[0][0] == pd.Timestamp("2026-10-31")
    assert coerce.month_start(coerce.to_day(zoned)[0])[0] == pd.Timestamp("2026-10-01")


def test_codes_stay_text():
    out, _ = coerce.to_code(pd.Series(["007", "1E5", "NA", "None", " x ", ""], dtype="str"))
    assert out.tolist()[:5] == ["007", "1E5", "NA", "None", "x"] and pd.isna(out[5])


def test_codes_from_numbers_carry_no_point():
    assert coerce.as_text(pd.Series([7.0, 12345678901234567, "007", None, Decimal("70")], dtype=object)).tolist() == ["7", "12345678901234567", "007", "", "70"]
    assert coerce.as_text(pd.Series([2**60 + 1, None], dtype="Int64")).tolist() == [str(2**60 + 1), ""]


def test_listed_values_do_not_mind_case():
    out, _ = coerce.to_code(pd.Series(["Won", "LOST", "other"], dtype="str"), allowed=("won", "lost"))
    assert out.tolist() == ["won", "lost", "other"]


def test_flags():
    out, bad = coerce.to_flag(pd.Series(["yes", "No", "TRUE", "0", "perhaps", ""], dtype="str"))
    assert out.tolist() == [True, False, True, False, None, None]
    assert bad.tolist() == [False, False, False, False, True, False]


def test_blank_texts_of_a_source():
    out, bad = coerce.to_number(pd.Series(["-", "n/a", "5"], dtype="str"), Dialect(null_values=frozenset(["-", "n/a"])))
    assert np.isnan(out[:2]).all() and out[2] == 5 and not bad.any()


def test_the_rejected_are_counted_and_named():
    cells = pd.Series(["1", "x", "y", "z", "w"], index=[2, 3, 4, 5, 6], dtype="str")
    _, problem = coerce.coerce(cells, {"name": "units", "kind": "number", "unit": "units"}, Dialect())
    assert str(problem) == "column units, rows 3, 4, 5 and 1 more: found 'x', 'y', 'z'; expected a finite number such as 1200 or 1,200.50"
