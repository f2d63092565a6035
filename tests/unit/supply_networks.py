"""Small supply networks for tests: blank tables by contract, random companies, and the plan written down a second time for another solver."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

from sop_helpers.book import tables

MONTHS = pd.date_range("2026-10-01", periods=6, freq="MS", unit="us")
TABLES = ["inventory", "operations", "components", "loads", "resources", "receipts", "open_orders", "regions", "products"]
OPTIONAL = ["stock_policies", "supplier_limits", "location_limits", "lane_limits", "item_measures"]


def table(name: str, rows: list[dict]) -> pd.DataFrame:
    """Rows as the contract has them: all columns, right types, blanks where nothing is said."""
    columns = tables.schema(name).columns
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.astype({n: str(c.dtype) for n, c in columns.items() if str(c.dtype) in ("float64", "datetime64[us]")})


def company(**rows: list[dict]) -> dict[str, pd.DataFrame]:
    """All tables that the plan takes; those not given are empty. Demand and targets are given as frames of units by month."""
    named = {name: table(name, rows.get(name, [])) for name in TABLES}
    demand = pd.DataFrame(rows.get("demand", []), columns=["month", "product", "region", "units"]).astype({"units": float})
    targets = pd.DataFrame(rows.get("targets", []), columns=["month", "item", "location", "target_units"]).astype({"target_units": float})
    named |= {name: table(name, rows[name]) for name in OPTIONAL if name in rows}
    return named | {"demand": demand.astype({"month": "datetime64[us]"}), "targets": targets.astype({"month": "datetime64[us]"})}


def monthly(units: list[float], **fields: str) -> list[dict]:
    """One row a month."""
    name = "target_units" if "item" in fields else "units"
    return [{"month": m, name: u, **fields} for m, u in zip(MONTHS, units, strict=False)]


def random_company(seed: int) -> dict[str, pd.DataFrame]:
    """Two products at two places, a shared component, one line, moves with lead times; sizes drawn at random."""
    draw = np.random.default_rng(seed)
    periods = len(MONTHS)
    demand = []
    for product in ("A", "B"):
        for region in ("north", "south"):
            demand += monthly(draw.integers(0, 120, periods).astype(float).tolist(), product=product, region=region)
    operations = [
        {"operation": f"make {p}", "kind": "make", "item": p, "location": "plant",
         "lead_time_months": float(draw.integers(0, 2)), "unit_cost": float(draw.integers(1, 9)),
         "max_units": float(draw.choice([np.nan, 150.0]))}
        for p in "AB"
    ]  # fmt: skip
    operations += [
        {
            "operation": f"move {p}",
            "kind": "move",
            "item": p,
            "location": "depot",
            "from_location": "plant",
            "lead_time_months": float(draw.integers(0, 3)),
            "unit_cost": 1.0,
        }
        for p in "AB"
    ]
    operations += [
        {
            "operation": "buy C",
            "kind": "buy",
            "item": "C",
            "location": "plant",
            "supplier": "S",
            "lead_time_months": float(draw.integers(0, 4)),
            "unit_cost": 3.0,
        }
    ]
    stock = [{"month": pd.Timestamp("2026-09-01"), "item": i, "location": at, "on_hand": float(draw.integers(-5, 150))} for i, at in
             (("A", "plant"), ("A", "depot"), ("B", "plant"), ("B", "depot"), ("C", "plant"))]  # fmt: skip
    targets = [
        row
        for i, at in (("A", "plant"), ("B", "depot"), ("C", "plant"))
        for row in monthly(draw.integers(0, 40, periods).astype(float).tolist(), item=i, location=at)
    ]
    return company(
        demand=demand, operations=operations, inventory=stock, targets=targets,
        products=[{"product": p, "family": "F", "unit_price": float(draw.integers(25, 60)), "unit_cost": 15.0} for p in "AB"]
        + [{"product": "C", "family": "F", "unit_price": 5.0, "unit_cost": 3.0}],
        components=[{"operation": "make A", "item": "C", "units_per": 1.0}, {"operation": "make B", "item": "C", "units_per": 2.0}],
        loads=[{"operation": "make A", "resource": "line", "hours_per_unit": 1.0}, {"operation": "make B", "resource": "line", "hours_per_unit": 0.5}],
        resources=[{"resource": "line", "regular_hours": float(draw.integers(20, 200)), "overtime_hours": 30.0,
                    "overtime_rate": float(draw.choice([np.nan, 4.0]))}],
        receipts=[{"receipt": "R1", "kind": "purchase", "item": "C", "location": "plant", "units": 40.0,
                   "due_month": MONTHS[draw.integers(0, 3)] - pd.DateOffset(months=1)}],
        open_orders=[{"order": "O1", "product": "A", "region": "north", "due_month": pd.Timestamp("2026-08-01"), "units": float(draw.integers(0, 30))}],
        regions=[{"region": "north", "ship_from": "plant"}, {"region": "south", "ship_from": "depot", "priority": 2.0}],
    )  # fmt: skip


def second_opinion(c: dict[str, pd.DataFrame], *, patience: int = 3) -> float:
    """Cost of the best plan of a random company, written down row by row for scipy; policy numbers are the defaults, lots and frozen months left out."""
    cost_of = c["products"].set_index("product")["unit_cost"].to_dict()
    price = c["products"].set_index("product")["unit_price"].to_dict()
    op = c["operations"].set_index("operation")
    path = {("C", "plant"): 3.0}
    line = c["resources"].iloc[0]
    staffed = not np.isnan(line["hours_per_worker"])
    good = op["yield_share"].fillna(1.0)
    for p, per, each in (("A", 1.0, 1.0), ("B", 2.0, 0.5)):
        labour = each * line["wage"] / line["hours_per_worker"] if staffed else 0.0
        path[p, "plant"] = op.loc[f"make {p}", "unit_cost"] + (3.0 * per + labour) / good[f"make {p}"]
        path[p, "depot"] = path[p, "plant"] + 1.0
    horizon = len(MONTHS)
    count, costs, bounds, rows, low, high = 0, [], [], [], [], []

    def var(cost: float, upper: float = np.inf) -> int:
        nonlocal count
        count += 1
        costs.append(cost)
        bounds.append((0, upper))
        return count - 1

    def row(terms: dict[int, float], least: float, most: float) -> None:
        rows.append(terms)
        low.append(least)
        high.append(most)

    at = {m: t for t, m in enumerate(MONTHS)}
    balance = {(n, t): {} for n in path for t in range(horizon)}
    supply = {key: 0.0 for key in balance}
    for r in c["inventory"].itertuples():
        supply[(r.item, r.location), 0] += max(r.on_hand, 0.0)
    for r in c["receipts"].itertuples():
        supply[(r.item, r.location), max(at.get(r.due_month, 0), 0)] += r.units
    hours = [{} for _ in range(horizon)]
    frozen = {"buy": 1} | ({"move": 1} if (c["receipts"]["kind"] == "transfer").any() else {})
    delivered, trucks = [{} for _ in range(horizon)], [{} for _ in range(horizon)]
    heavy = c["item_measures"].set_index("item")["per_unit"].to_dict() if "item_measures" in c else {}
    for name, o in op.iterrows():
        lead = int(o["lead_time_months"])
        for t in range(horizon):
            start = t - lead
            ok = start >= frozen.get(o["kind"], 0)
            x = var(o["unit_cost"], (np.inf if np.isnan(o["max_units"]) else o["max_units"]) if ok else 0.0)
            balance[(o["item"], o["location"]), t][x] = 1.0
            if o["kind"] == "buy":
                delivered[t][x] = 1.0
            if start < 0:
                continue
            if o["kind"] == "move":
                balance[(o["item"], "plant"), start][x] = balance[(o["item"], "plant"), start].get(x, 0.0) - 1.0
                trucks[start][x] = heavy.get(o["item"], 1.0)
            if o["kind"] == "make":
                balance[("C", "plant"), start][x] = -(1.0 if o["item"] == "A" else 2.0) / good[name]
                hours[start][x] = (1.0 if o["item"] == "A" else 0.5) / good[name]
    before = None
    for t in range(horizon):
        extra = var(30.0 if np.isnan(line["overtime_rate"]) else line["overtime_rate"], line["overtime_hours"])
        others = var(np.nan_to_num(line["outside_rate"]), np.nan_to_num(line["outside_hours"]))
        row({**hours[t], extra: -1.0, others: -1.0}, -np.inf, line["regular_hours"])
        if staffed:
            people, hired, fired = var(line["wage"]), var(line["hire_cost"]), var(line["layoff_cost"])
            row({**hours[t], extra: -1.0, others: -1.0, people: -line["hours_per_worker"]}, -np.inf, 0.0)
            row({extra: 1.0, people: -line["overtime_per_worker"]}, -np.inf, 0.0)
            first = line["workers"] if before is None else 0.0
            row({people: 1.0, hired: -1.0, fired: 1.0} | ({} if before is None else {before: -1.0}), first, first)
            before = people
        if len(c.get("supplier_limits", [])):
            on_order = sum(r.units for r in c["receipts"].itertuples() if max(at.get(r.due_month, 0), 0) == t and r.supplier == "S")
            row(delivered[t], -np.inf, max(c["supplier_limits"]["max_units"].iloc[0] - on_order, 0.0))
        if len(c.get("lane_limits", [])):
            lane = c["lane_limits"].iloc[0]
            beyond = var(np.nan_to_num(lane["over_cost"]), 0.0 if np.isnan(lane["over_cost"]) else np.inf)
            gone = 0.0
            for r in c["receipts"][c["receipts"]["kind"] == "transfer"].itertuples():
                left = max(at.get(r.due_month, 0), 0) - int(op.loc[f"move {r.item}", "lead_time_months"])
                gone += r.units * heavy.get(r.item, 1.0) if left == t else 0.0
            row({**trucks[t], beyond: -1.0}, -np.inf, max(lane["max_load"] - gone, 0.0))
    ships = {"north": "plant", "south": "depot"}
    overdue = c["open_orders"].iloc[0]
    for (product, region), rows_of in c["demand"].groupby(["product", "region"]):
        margin = max(price[product] - cost_of[product], 0.0)
        weight = 2.0 if region == "south" else 1.0
        lost_price = max(price[product], path[product, ships[region]]) * 1.001 + weight * max(margin, 0.1 * price[product])
        late = max(weight * 0.05 * price[product], 0.001)
        before = overdue["units"] if (product, region) == ("A", "north") else 0.0
        wanted = [before, *rows_of.sort_values("month")["units"]]
        previous = None
        for t in range(horizon):
            waiting = sum(wanted[max(t + 2 - patience, 0) : t + 2])
            owed = var(late + (lost_price if t == horizon - 1 else 0.0), waiting)
            ship, lost = var(0.0), var(lost_price)
            terms = {owed: 1.0, ship: 1.0, lost: 1.0} | ({previous: -1.0} if previous is not None else {})
            amount = wanted[t + 1] + (before if t == 0 else 0.0)
            row(terms, amount, amount)
            balance[(product, ships[region]), t][ship] = -1.0
            previous = owed
    target = c["targets"].set_index(["item", "location", "month"])["target_units"]
    for node in path:
        value = cost_of[node[0]]
        previous = None
        for t, m in enumerate(MONTHS):
            want = float(target.get((*node, m), 0.0))
            stock = var(value * 0.2 / 12)
            end = max(path[node], value) if t == horizon - 1 else 0.0
            below = var(value * 0.02 + value * 0.2 / 12 + end, want)
            row({stock: 1.0, below: 1.0}, want, np.inf)
            terms = {k: -v for k, v in balance[node, t].items()} | {stock: 1.0} | ({previous: -1.0} if previous is not None else {})
            row(terms, supply[node, t], supply[node, t])
            previous = stock
    entries = [(i, j, v) for i, terms in enumerate(rows) for j, v in terms.items()]
    i, j, v = zip(*entries, strict=True)
    a = coo_matrix((v, (i, j)), shape=(len(rows), count)).tocsr()
    low_, high_ = np.array(low), np.array(high)
    equal = low_ == high_
    upper, lower = np.isfinite(high_) & ~equal, np.isfinite(low_) & ~equal
    from scipy.sparse import vstack

    found = linprog(
        costs,
        A_eq=a[equal],
        b_eq=low_[equal],
        A_ub=vstack([a[upper], -a[lower]]),
        b_ub=np.concatenate([high_[upper], -low_[lower]]),
        bounds=bounds,
        method="highs-ipm",
    )
    assert found.status == 0, found.message
    return float(found.fun)
