"""The sample company, broken in one place: the command names the place, exits with 1 and publishes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from commands import sop


def table(data: Path, name: str) -> pd.DataFrame:
    """Read an input as text."""
    return pd.read_csv(data / f"{name}.csv", dtype=str, keep_default_na=False)


def edit(name: str, change: Callable[[pd.DataFrame], pd.DataFrame | None]) -> Callable[[Path], None]:
    """Return a vandal who changes one table."""

    def vandal(data: Path) -> None:
        frame = table(data, name)
        changed = change(frame)
        (frame if changed is None else changed).to_csv(data / f"{name}.csv", index=False)

    return vandal


def put(name: str, row: int, column: str, value: str) -> Callable[[Path], None]:
    """Return a vandal who writes one cell."""
    return edit(name, lambda frame: frame.__setitem__(column, frame[column].where(frame.index != row, value)))


def write(name: str, content: bytes) -> Callable[[Path], None]:
    """Return a vandal who replaces a file."""
    return lambda data: (data / f"{name}.csv").write_bytes(content) and None


def cyclic_bill(data: Path) -> None:
    """Make a product a component of what it is made of."""
    operations, components = table(data, "operations"), table(data, "components")
    made = operations[operations["kind"] == "make"].iloc[0]
    extra = pd.DataFrame({"operation": [made["operation"]], "item": [made["item"]], "units_per": ["1"]})
    pd.concat([components, extra]).to_csv(data / "components.csv", index=False)


def repeat_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Append the first row again."""
    return pd.concat([frame, frame.head(1)])


# what was broken, by whom, and what the message must name
BROKEN = {
    "missing required table": (lambda data: (data / "sales.csv").unlink(), ["sales"]),
    "missing column": (edit("products", lambda f: f.drop(columns="unit_price")), ["products.csv", "unit_price"]),
    "wrong type": (put("sales", 5, "units", "a dozen"), ["sales.csv", "units", "a dozen", "7"]),
    "duplicate key": (edit("products", repeat_first), ["products.csv", "product"]),
    "unknown product": (put("sales", 3, "product", "NOSUCH"), ["sales", "NOSUCH"]),
    "unknown month format": (put("sales", 4, "month", "03/04/2026"), ["sales.csv", "month", "03/04/2026", "6"]),
    "negative units": (put("budget", 2, "units", "-5"), ["budget.csv", "units", "-5", "4"]),
    "empty file": (write("sales", b""), ["sales.csv"]),
    "header only": (write("products", b"product,family,unit_price,unit_cost\n"), ["products.csv"]),
    "wrong encoding": (write("products", "product,family,unit_price,unit_cost\n1,コーヒー,1,1\n".encode("cp932")), ["products.csv", "cp932"]),
    "infinite": (put("operations", 1, "unit_cost", "inf"), ["operations.csv", "unit_cost", "3"]),
    "not a number": (put("resources", 0, "regular_hours", "NaN"), ["resources.csv", "regular_hours", "2"]),
    "bill with a cycle": (cyclic_bill, ["components"]),
    "an operation without hours on its resource": (put("loads", 0, "hours_per_unit", "0"), ["loads.csv", "hours_per_unit", "2"]),
    "pasted quote": (write("roster", b'function,person,mandatory\n"finance,Ann,yes\n'), ["roster.csv"]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_check_names_what_is_wrong(name: str, sample_company: Path) -> None:
    vandal, named = BROKEN[name]
    vandal(sample_company / "data" / "sample")
    done = sop("check", "-w", str(sample_company))
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    for word in named:
        assert word in said, f"{word!r} is not named in:\n{said}"


@pytest.mark.parametrize("name", ["wrong type", "unknown product"])
def test_run_stops_at_the_gate_and_publishes_nothing(name: str, sample_company: Path) -> None:
    BROKEN[name][0](sample_company / "data" / "sample")
    done = sop("run", "-w", str(sample_company))
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in said, said
    assert "10_gather" in said
    assert not (sample_company / "output" / "2026-10").exists()


def test_a_month_before_all_history_is_refused(sample_company: Path) -> None:
    done = sop("run", "-w", str(sample_company), "--month", "2011-01")
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "sales" in said and "Traceback" not in said


@pytest.mark.parametrize("arguments", [["--month", "October"], ["--scenario", "nonsense"], ["--only", "99_none"]])
def test_unknown_settings_are_refused_before_anything_runs(arguments: list[str], sample_company: Path) -> None:
    done = sop("run", "-w", str(sample_company), *arguments)
    assert done.returncode in (1, 2) and arguments[1] in done.stdout + done.stderr
    assert not (sample_company / "output" / "2026-10").exists()
