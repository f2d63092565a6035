"""Measure what service stock targets give on demand of known kinds, beside the usual formula of ERP systems.

    python benchmarks/stock_service.py

Each month tried, all series of five kinds are forecast together as one company, with the workbook's own steps: forecast, backtest, errors of sums, targets.
A cycle is a review of a month and a lead time of two; with full backorders its stock lasts exactly when demand of these three months is no more than
the stock planned for them. With late deliveries, lead times are one month nine times in ten and four months once, and the targets are told by past deliveries.
The usual formula is z x sd(demand of 24 months) x sqrt(months), on top of the same forecast; with late deliveries it is the textbook's, which adds the variance
of the lead time: z x sqrt(mean months x variance of demand + mean demand squared x variance of months).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sop_helpers.book.conform import empty  # noqa: E402
from sop_helpers.planning.backtest import forecast  # noqa: E402
from sop_helpers.planning.cumulative import error_sums  # noqa: E402
from sop_helpers.planning.forecasting import scope_of  # noqa: E402
from sop_helpers.planning.lead_times import DAYS_PER_MONTH  # noqa: E402
from sop_helpers.planning.panel import Panel  # noqa: E402
from sop_helpers.planning.stock_targets import StockRules, inventory_targets  # noqa: E402

README = ROOT / "benchmarks" / "README.md"
KINDS = ("smooth", "seasonal", "drifting", "skewed", "intermittent")
TARGETS = (0.95, 0.98)
LEAD, REVIEW = 2, 1
LATE, CHANCE = np.array([1.0, 4.0]), np.array([0.9, 0.1])
FIRST, EVERY = 48, 3  # months known at the first origin, and months between origins


def demand(kind: str, series: int, months: int, rng: np.random.Generator) -> np.ndarray:
    """Draw demand of a kind in whole units, (series, months); noise goes with the level."""
    t = np.arange(months)
    base = np.exp(rng.uniform(np.log(40), np.log(800), (series, 1)))
    noise = rng.standard_normal((series, months))
    if kind == "smooth":
        level = base * (1 + 0.2 * noise)
    elif kind == "seasonal":
        level = base * (1 + 0.4 * np.sin(2 * np.pi * (t + rng.integers(0, 12, (series, 1))) / 12)) * (1 + 0.15 * noise)
    elif kind == "drifting":
        level = base * np.exp(0.05 * rng.standard_normal((series, months)).cumsum(axis=1)) * (1 + 0.1 * noise)
    elif kind == "skewed":
        level = base * rng.gamma(1 / 0.6**2, 0.6**2, (series, months))
    else:
        size = 1 + rng.negative_binomial(2, 2 / (2 + rng.uniform(1, 8, (series, 1))), (series, months))
        level = (rng.random((series, months)) < rng.uniform(0.15, 0.5, (series, 1))) * size
    return np.maximum(np.round(level), 0.0)


def deliveries(products: list[str], rng: np.random.Generator, number: int = 24) -> pd.DataFrame:
    """Draw past deliveries of each product with the late tail."""
    took = rng.choice(LATE, (len(products), number), p=CHANCE).ravel()
    ordered = pd.Series(pd.Timestamp("2020-01-01"), index=range(len(took)))
    return pd.DataFrame({"delivery": np.arange(len(took)).astype(str), "item": np.repeat(products, number), "location": "main", "supplier": "S",
                         "ordered": ordered, "arrived": ordered + pd.to_timedelta(np.rint(took * DAYS_PER_MONTH), "D")})  # fmt: skip


def planned(values: np.ndarray, months: pd.DatetimeIndex, products: pd.DataFrame, came: pd.DataFrame | None, horizon: int = 6) -> dict[float, pd.DataFrame]:
    """Forecast as the workbook does and return the targets of the first month by service level, with the forecast of each month ahead."""
    keys = products[["product"]].assign(region="r")
    panel, ahead = Panel(keys, months[: values.shape[1]], values), months[values.shape[1] : values.shape[1] + horizon]
    told, tried, *_ = forecast(panel, scope_of(panel, products), ahead, tier="draft")
    errors = error_sums(panel, told, tried)
    operations = empty("operations").reindex(range(len(keys))).assign(
        operation="buy " + keys["product"], kind="buy", item=keys["product"], location="main", supplier="S", lead_time_months=float(LEAD), unit_cost=1.0
    )  # fmt: skip
    regions = pd.DataFrame({"region": ["r"], "ship_from": ["main"]})
    place = [operations, empty("components"), regions, empty("inventory"), empty("stock_policies")]
    wide = told.pivot(index="product", columns="month", values="units").loc[keys["product"]].to_numpy()
    out = {}
    for target in TARGETS:
        rules = StockRules(service_level=target)
        table = inventory_targets(told, told, *place, products, ahead, errors=errors, deliveries=came, rules=rules)
        first = table[table["month"] == ahead[0]].set_index("item").loc[keys["product"]]
        out[target] = first[["safety_units", "bridge_months"]].assign(**{f"m{m + 1}": wide[:, m] for m in range(horizon)})
    return out


def service(series: int = 300, origins: int = 8, seed: int = 0, late: bool = False) -> pd.DataFrame:
    """Return what service each rule gave: kind, target, rule, cycles, achieved (share), stock (mean safety stock over that of a month's demand)."""
    rng = np.random.default_rng(seed)
    length = FIRST + EVERY * origins + 6
    values = np.vstack([demand(kind, series, length, rng) for kind in KINDS])
    months = pd.date_range("2019-01-01", periods=length, freq="MS", unit="us")
    names = [f"{kind} {i:04d}" for kind in KINDS for i in range(series)]
    blank = pd.Series(pd.NaT, index=range(len(names)), dtype="datetime64[us]")
    products = pd.DataFrame({"product": names, "family": "F", "unit_price": 1.0, "unit_cost": 1.0})
    products = products.assign(launch_month=blank, end_month=blank, like_product=None)
    order = products["product"].sort_values().index.to_numpy()
    values, kind, products = values[order], np.repeat(KINDS, series)[order], products.iloc[order].reset_index(drop=True)
    came = deliveries(products["product"].tolist(), rng) if late else None
    rows = []
    for origin in range(FIRST, FIRST + EVERY * origins, EVERY):
        known = values[:, :origin]
        lead = rng.choice(LATE, len(values), p=CHANCE) if late else np.full(len(values), float(LEAD))
        bridge = lead.astype(int) + REVIEW
        future = np.concatenate([np.zeros((len(values), 1)), values[:, origin : origin + 6].cumsum(axis=1)], axis=1)
        needed = future[np.arange(len(values)), bridge]
        spread = known[:, -24:].std(axis=1, ddof=1)
        for target, table in planned(known, months, products, came).items():
            mean_bridge = LATE @ CHANCE + REVIEW if late else float(LEAD + REVIEW)
            ahead = table[[f"m{m}" for m in range(1, 7)]].to_numpy()
            whole = np.concatenate([np.zeros((len(values), 1)), ahead.cumsum(axis=1)], axis=1)
            ours = table["safety_units"].to_numpy() + _at(whole, table["bridge_months"].to_numpy())
            vary = CHANCE @ LATE**2 - (CHANCE @ LATE) ** 2 if late else 0.0
            usual = _at(whole, np.full(len(values), mean_bridge)) + stats.norm.ppf(target) * np.sqrt(mean_bridge * spread**2 + ahead[:, 0] ** 2 * vary)
            for rule, stock in (("measured error", ours), ("usual formula", usual)):
                safety = stock - _at(whole, np.full(len(values), mean_bridge))
                rows.append(pd.DataFrame({"kind": kind, "target": target, "rule": rule, "lasted": needed <= stock + 1e-9,
                                          "safety": safety, "month": known[:, -24:].mean(axis=1)}))  # fmt: skip
    every = pd.concat(rows, ignore_index=True)
    groups = every.groupby(["target", "rule", "kind"])
    out = groups.agg(cycles=("lasted", "size"), achieved=("lasted", "mean"), safety=("safety", "sum"), month=("month", "sum"))
    return out.assign(stock=out["safety"] / out["month"]).reset_index()[["kind", "target", "rule", "cycles", "achieved", "stock"]]


def _at(whole: np.ndarray, months: np.ndarray) -> np.ndarray:
    """Forecast of the first `months`, which may be fractional."""
    low = np.floor(months).astype(int)
    row, high = np.arange(len(whole)), np.minimum(low + 1, whole.shape[1] - 1)
    return whole[row, low] + (months - low) * (whole[row, high] - whole[row, low])


def lines(table: pd.DataFrame) -> list[str]:
    """Return the table of one run for the README."""
    wide = table.assign(text=[f"{100 * a:.1f} % ({s:.2f})" for a, s in zip(table["achieved"], table["stock"], strict=True)])
    wide = wide.pivot(index=["target", "rule"], columns="kind", values="text")[list(KINDS)]
    head = ["| target | rule | " + " | ".join(KINDS) + " |", "|---|---|" + "---:|" * len(KINDS)]
    return head + [f"| {target:.0%} | {rule} | " + " | ".join(row) + " |" for (target, rule), row in zip(wide.index, wide.to_numpy(), strict=True)]


def main() -> None:
    """Measure both, print them, and write them into the README."""
    text = README.read_text("utf-8")
    for marker, late in (("stock", False), ("late", True)):
        start = time.process_time()
        table = service(late=late)
        found = "\n".join(lines(table))
        worst = table[table["rule"] == "measured error"]
        print(found, f"\n{time.process_time() - start:.0f} s CPU; furthest from target {100 * (worst['achieved'] - worst['target']).abs().max():.1f} points\n")
        begin, end = f"<!-- {marker} -->", f"<!-- /{marker} -->"
        if begin in text:
            text = text.split(begin)[0] + begin + "\n" + found + "\n" + end + text.split(end)[1]
    README.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
