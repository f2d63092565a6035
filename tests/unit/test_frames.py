"""Tables without rows, and months between months."""

from __future__ import annotations

import doctest

import pandas as pd

from sop_helpers.planning import frames


def test_the_examples_of_the_docstrings() -> None:
    found = doctest.testmod(frames)
    assert found.failed == 0 and found.attempted >= 2


def test_months_between_columns_and_single_months() -> None:
    later = pd.Series(pd.to_datetime(["2026-10-01", "2027-01-01", None]))
    first = pd.Timestamp("2026-12-01")
    assert frames.months_between(later, first).tolist()[:2] == [-2, 1] and frames.months_between(later, first).isna().tolist() == [False, False, True]
    assert frames.months_between(pd.DatetimeIndex(later[:2]), first).tolist() == [-2, 1]


def test_a_table_without_rows_can_be_added_to() -> None:
    none = frames.no_rows(["product", "month", "units", "kept"], ["product"], kept="bool")
    more = pd.concat([none, pd.DataFrame({"product": ["A"], "month": pd.to_datetime(["2026-10-01"]).as_unit("us"), "units": [1.0], "kept": [True]})])
    assert more.dtypes.equals(none.dtypes)
