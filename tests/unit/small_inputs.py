"""A small company on disk and in memory, for tests of reading and checking."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from sop_helpers.book.config import Company, Source, Sources, Workbook
from sop_helpers.book.cycle import empty

MONTH = pd.Timestamp("2026-10-01")
PRODUCTS = "product,name,family,unit_price,unit_cost\n007,Pump,Pumps,10,6\n1E5,Valve,Valves,20,12\nNA,Hose,Hoses,5,3\n"
SALES = "month,product,region,units,revenue\n" + "".join(
    f"{month:%Y-%m},{product},{region},{10 + month.month},{price * (10 + month.month)}\n"
    for month in pd.date_range("2024-10-01", "2026-09-01", freq="MS")
    for product, price in (("007", 10), ("1E5", 20), ("NA", 5))
    for region in ("North", "South")
)


def company(root: Path, files: dict[str, str | bytes] | None = None, currency: str = "USD", data: list[str] | None = None, **described: Source) -> Workbook:
    """Write files under ``data/`` (products and sales unless given) and return the workbook; None drops a file."""
    folder = root / "data"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {"products.csv": PRODUCTS, "sales.csv": SALES, **(files or {})}.items():
        if content is not None:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return Workbook(company=Company(name="Small", currency=currency), sources=Sources(tables=described, data=data or []), root=root)


def table(name: str, **columns: object) -> pd.DataFrame:
    """Return an input table with all columns of its contract from those given; months as text."""
    frame = pd.DataFrame(columns)
    blank = empty(name)
    for column in blank:
        if column not in frame:
            frame[column] = pd.Series([None] * len(frame), dtype=blank[column].dtype)
        elif str(blank[column].dtype).startswith("datetime"):
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
        else:
            frame[column] = frame[column].astype(blank[column].dtype)
    return frame[list(blank)]


def sales_of(units: dict[tuple[str, str], list[float]], price: float = 10.0, last: str = "2026-09") -> pd.DataFrame:
    """Return a sales table whose series end in `last`."""
    parts = []
    for (product, region), values in units.items():
        months = pd.date_range(end=pd.Timestamp(last), periods=len(values), freq="MS")
        parts.append(pd.DataFrame({"month": months, "product": product, "region": region, "units": values}))
    rows = pd.concat(parts, ignore_index=True)
    return table("sales", **{c: rows[c] for c in rows}, revenue=rows["units"] * price)
