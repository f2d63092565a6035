"""Measure the supply plan: 2,000 products on 20 lines and 20,000 on 50, 18 months, a quarter of the lines short of hours in the season.

    python benchmarks/supply_plan.py               both sizes, and the same program as hand-written sparse arrays given to HiGHS (some minutes)
    python benchmarks/supply_plan.py 2000 20       only that size
    python benchmarks/supply_plan.py 2000 20 ours  without the arrays
    python benchmarks/supply_plan.py one assembly 20000 50   the program by linopy and by hand up to HiGHS, in turn in one process, processor seconds
    python benchmarks/supply_plan.py one five 2000 20   five stress tests from the kept basis beside one plan

Each run is a process of its own. Ours is timed from the company's tables to the tables of the plan; the arrays are the least that can be done by hand: one
product, one stock, one order a month, filled without any library, solved whole by the same solver without a start.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]
SIZES = ((2_000, 20), (20_000, 50))
MONTHS, SHARE = 18, 0.25


def company(products: int, lines: int, seed: int = 0) -> tuple[dict[str, pd.DataFrame], pd.DatetimeIndex]:
    """Return the tables of a company whose products are made on one line each; a quarter of the lines lack hours in the season."""
    from sop_helpers.book.conform import conform, empty

    draw = np.random.default_rng(seed)
    months = pd.date_range("2026-10-01", periods=MONTHS, freq="MS", unit="us")
    names, line = pd.Series([f"P{k:05d}" for k in range(products)]), draw.integers(0, lines, products)
    level, per = draw.lognormal(4, 1, products), draw.uniform(0.02, 0.2, products)
    season = 1 + 0.4 * np.sin(2 * np.pi * np.arange(MONTHS) / 12)
    units = np.round(level[:, None] * season * draw.uniform(0.8, 1.2, (products, MONTHS)))
    price = draw.uniform(10, 100, products)
    cost = price * draw.uniform(0.4, 0.8, products)
    need = np.zeros((lines, MONTHS))
    np.add.at(need, line, units * per[:, None])
    hours = np.where(np.arange(lines) < round(SHARE * lines), 1.03 * need.mean(axis=1), 1.6 * need.max(axis=1))
    operation = "make " + names
    tables = {name: empty(name) for name in ("components", "receipts", "open_orders")}
    tables |= {name: conform(name, pd.DataFrame(rows)) for name, rows in {
        "products": {"product": names, "name": names, "family": "F", "unit_price": price, "unit_cost": cost},
        "inventory": {"month": months[0] - pd.offsets.MonthBegin(), "item": names, "location": "L", "on_hand": np.round(1.2 * level)},
        "operations": {"operation": operation, "kind": "make", "item": names, "location": "L", "lead_time_months": draw.integers(0, 2, products).astype(float),
                       "unit_cost": cost},
        "loads": {"operation": operation, "resource": [f"R{k:02d}" for k in line], "hours_per_unit": per},
        "resources": {"resource": [f"R{k:02d}" for k in range(lines)], "regular_hours": hours, "overtime_hours": 0.1 * hours, "overtime_rate": 30.0},
        "regions": {"region": ["N"], "ship_from": ["L"]},
    }.items()}  # fmt: skip
    tables["demand"] = pd.DataFrame({"month": np.tile(months, products), "product": np.repeat(names, MONTHS), "region": "N", "units": units.ravel()})
    tables["targets"] = pd.DataFrame({"month": np.tile(months, products), "item": np.repeat(names, MONTHS), "location": "L",
                                      "target_units": np.repeat(np.round(0.5 * level), MONTHS)})  # fmt: skip
    return tables, months


def peak() -> float:
    """Peak memory of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def ours(products: int, lines: int) -> dict[str, float]:
    """Plan from tables to tables."""
    tables, months = company(products, lines)
    import highspy  # noqa: F401
    import linopy  # noqa: F401

    from sop_helpers.planning import supply_results
    from sop_helpers.planning.supply_inputs import build_network
    from sop_helpers.planning.supply_model import build_model
    from sop_helpers.planning.supply_parts import optimum
    from sop_helpers.planning.supply_reasons import shortages
    from sop_helpers.planning.supply_start import starting_basis

    begin = time.perf_counter()
    net = build_network(**tables, months=months)
    model = build_model(net)
    built = time.perf_counter()
    found = optimum(model, starting_basis(net))
    solved = time.perf_counter()
    flows = supply_results.clean(found.values, net)
    supply_results.supply_plan(net, flows["arrive"])
    supply_results.stock_projection(net, flows)
    supply_results.constrained_demand(net, flows)
    shortages(net, flows, supply_results.capacity_load(net, flows, found.hour))
    done = time.perf_counter()
    return {"build": built - begin, "solve": solved - built, "read back": done - solved, "total": done - begin, "objective": found.objective, "peak": peak()}


def arrays(net: Any) -> tuple[Any, ...]:
    """Write a network's program down as arrays: matrix, limits of rows, cost and limits of columns. It knows what `company` has, and no more."""
    from scipy.sparse import coo_array

    from sop_helpers.planning.supply_model import below_price, overtime_left, owed_price, patience

    n, t, lines = len(net.nodes), len(net.months), len(net.resources)
    node, lead = net.operations["node"].to_numpy(), net.operations["lead"].to_numpy()
    hours = net.hours.sort_values("op")
    on, per = hours["resource"].to_numpy(), hours["hours_per_unit"].to_numpy()
    order, serie = np.argsort(node), np.argsort(net.series["node"].to_numpy())
    grid = np.arange(n * t).reshape(n, t)
    arrive, stock, below, ship, owed, lost = (k * n * t + grid for k in range(6))
    over = 6 * n * t + np.arange(lines * t).reshape(lines, t)
    balance, backlog, target = grid, n * t + grid, 2 * n * t + grid
    capacity = 3 * n * t + np.arange(lines * t).reshape(lines, t)
    one = np.ones((n, t))
    entries = [
        (balance, stock, one), (balance[:, 1:], stock[:, :-1], -one[:, 1:]), (balance, arrive, -one), (balance, ship, one),
        (backlog, owed, one), (backlog[:, 1:], owed[:, :-1], -one[:, 1:]), (backlog, ship, one), (backlog, lost, one),
        (target, stock, one), (target, below, one), (capacity, over, -np.ones((lines, t))),
    ]  # fmt: skip
    for months_ahead in np.unique(lead):
        rows = np.flatnonzero(lead[order] == months_ahead)
        kept = t - months_ahead
        entries.append((capacity[on[order][rows], :kept], arrive[rows, months_ahead:], np.repeat(per[order][rows, None], kept, axis=1)))
    row, col, value = (np.concatenate([part[k].ravel() for part in entries]) for k in range(3))
    matrix = coo_array((value, (row, col)), shape=(3 * n * t + lines * t, 6 * n * t + lines * t)).tocsr()
    supply = net.receipts.copy()
    supply[:, 0] += net.opening
    free = np.maximum(net.regular - net.committed, 0)
    low = np.concatenate([supply.ravel(), net.demand[serie].ravel(), net.target.ravel(), np.full(lines * t, -np.inf)])
    high = np.concatenate([supply.ravel(), net.demand[serie].ravel(), np.full(n * t, np.inf), free.ravel()])
    price, holding, late = net.operations["price"].to_numpy(float)[order], net.nodes["holding"].to_numpy(float), net.series["lost"].to_numpy(float)[serie]
    cost = np.concatenate([np.repeat(price, t), np.repeat(holding, t), below_price(net).ravel(), np.zeros(n * t), owed_price(net)[serie].ravel(),
                           np.repeat(late, t), net.rate.ravel()])  # fmt: skip
    never = np.full(n * t, np.inf)
    upper = np.concatenate([net.upper[order].ravel(), never, net.target.ravel(), never, patience(net)[serie].ravel(), never, overtime_left(net).ravel()])
    return matrix, low, high, cost, np.zeros(len(cost)), upper


def by_hand(products: int, lines: int) -> dict[str, float]:
    """Write the same program down as arrays and give it to HiGHS."""
    tables, months = company(products, lines)
    from sop_helpers.planning.supply_inputs import build_network
    from sop_helpers.planning.supply_solver import new_highs

    net = build_network(**tables, months=months)  # its numbers only: netting and prices are not what is compared
    begin = time.perf_counter()
    written = arrays(net)
    assembled = time.perf_counter()
    highs = new_highs(*written, solver="simplex")
    highs.run()
    solved = time.perf_counter()
    objective = highs.getInfo().objective_function_value
    return {"build": assembled - begin, "solve": solved - assembled, "total": solved - begin, "objective": objective, "peak": peak()}


def assembly(products: int, lines: int, times: int = 7) -> dict[str, float]:
    """Assemble the program in turn by linopy and by hand and give it to HiGHS, medians of processor seconds; both must be the same program.

    Both take what the tables were netted into. ``ratio from tables`` counts that netting on both sides: a hand-written program needs the same numbers.
    """
    tables, months = company(products, lines)
    import linopy  # noqa: F401

    from sop_helpers.planning.supply_inputs import build_network
    from sop_helpers.planning.supply_model import build_model
    from sop_helpers.planning.supply_solver import new_highs, program

    clock, took = time.process_time, []
    for _ in range(times):
        at = [clock()]
        net = build_network(**tables, months=months)
        at.append(clock())
        model = build_model(net)
        at.append(clock())
        whole = program(model)
        at.append(clock())
        new_highs(*whole[:6], solver="simplex")
        at.append(clock())
        written = arrays(net)
        at.append(clock())
        new_highs(*written, solver="simplex")
        at.append(clock())
        took.append(np.diff(at))
    for mine, other in zip((whole.matrix.data, *whole[1:6]), (written[0].data, *written[1:]), strict=True):
        np.testing.assert_allclose(np.sort(mine), np.sort(other))  # the order of rows and columns differs, and nothing else
    assert whole.matrix.shape == written[0].shape
    netted, model_s, read, passed, hand, hand_passed = np.median(took, axis=0)
    mine_s, hand_s = model_s + read + passed, hand + hand_passed
    return {"netting": netted, "model": model_s, "as arrays": read, "to HiGHS": passed, "by hand": hand, "by hand to HiGHS": hand_passed,
            "ratio without HiGHS": (model_s + read) / hand, "ratio": mine_s / hand_s,
            "ratio from tables": (netted + mine_s) / (netted + hand_s), "entries": whole.matrix.nnz}  # fmt: skip


def five(products: int, lines: int) -> dict[str, float]:
    """Plan, and five stress tests after it: four lines stop for a month, demand is a tenth higher."""
    tables, months = company(products, lines)
    targets = tables.pop("targets")
    import highspy  # noqa: F401
    import linopy  # noqa: F401

    from sop_helpers.planning.stress import stress_tests
    from sop_helpers.planning.stress_results import StressModel
    from sop_helpers.planning.supply_model import build_model
    from sop_helpers.planning.supply_solver import Solver

    clock = time.process_time  # one thread does it all, and other tasks on the machine do not count
    begin = clock()
    model = StressModel(tables, targets, months)
    kept = clock()
    scratch = Solver(build_model(model.base))
    anew = clock()
    scratch.solve()
    solved = clock()
    stops = [(f"R{k:02d}", months[3 + k]) for k in range(4)]
    tests = stress_tests(tables, months, stops=stops, demand_factor=1.1)
    took = []
    for changed in tests.values():
        start = clock()
        model.solve(changed)
        took.append(clock() - start)
    return {"plan": kept - begin, "solve without a start": solved - anew, "five": sum(took), "dearest stop, share of the plan": max(took[:4]) / (kept - begin)}


def main(sizes: list[tuple[int, int]], ways: list[str]) -> None:
    """Measure and write the table of benchmarks/README.md."""
    from run import put

    lines = ["| products x lines | way | build s | solve s | read back s | total s | peak MB | cost of the plan |", "|---|---|---:|---:|---:|---:|---:|---:|"]
    for products, resources in sizes:
        for way in ways:
            process = subprocess.run([sys.executable, __file__, "one", way, str(products), str(resources)], check=True, stdout=subprocess.PIPE)
            f = json.loads(process.stdout.splitlines()[-1])
            back = f"{f['read back']:.2f}" if "read back" in f else ""
            figures = " | ".join([f"{f['build']:.2f}", f"{f['solve']:.2f}", back, f"{f['total']:.2f}", f"{f['peak']:,.0f}", f"{f['objective']:,.2f}"])
            lines.append(f"| {products:,} x {resources} | {way} | {figures} |")
            print(lines[-1], flush=True)
    if list(sizes) == list(SIZES) and len(ways) == 2:
        put("supply", "\n".join(lines))


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        print(json.dumps({"ours": ours, "arrays": by_hand, "assembly": assembly, "five": five}[sys.argv[2]](int(sys.argv[3]), int(sys.argv[4]))))
    else:
        numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
        main([tuple(numbers)] if numbers else list(SIZES), ["ours"] if "ours" in sys.argv else ["ours", "arrays"])
