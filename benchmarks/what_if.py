"""Measure how long the what-if desk takes to answer a lever: the kept model, and with its charts, beside a plan of the scenario from the start.

    python benchmarks/what_if.py COMPANY [MONTH]

COMPANY is a workbook whose month has run.
"""

from __future__ import annotations

import statistics
import sys
import time

from sop_helpers.planning.scenarios import SUPPLY_TABLES, apply_scenario
from sop_helpers.planning.supply import plan_supply
from sop_helpers.report.what_if import WhatIfDesk

ROUNDS = 5


def main() -> None:
    """Open the desk, move each lever in turn, and print seconds: median and worst."""
    start = time.perf_counter()
    desk = WhatIfDesk.open(sys.argv[2] if len(sys.argv) > 2 else "", sys.argv[1])
    print(f"opened in {time.perf_counter() - start:.1f} s: {len(desk.model.tables['demand']):,} rows of the demand plan, {len(desk.levers)} levers")
    months = [f"{m:%Y-%m}" for m in desk.model.months]
    moves = {
        "hires": (next(iter(desk.hires.values()), desk.lead), [1, 3]), "ramp": (desk.ramp, [2, 9]), "quotas": (desk.percent["quota_factor"], [110, 90]),
        "win rates": (desk.percent["win_rate_factor"], [110, 90]), "prices": (desk.percent["price_factor"], [105, 95]),
        "promotion": (desk.promotion_month, [months[1], months[-3]]),
        "capacity": (desk.percent["capacity_factor"], [80, 120]), "lead time": (desk.lead, [1, 2]),
    }  # fmt: skip
    every = []
    for name, (lever, values) in moves.items():
        taken, model = [], []
        for i in range(ROUNDS):
            desk.reset()
            lever.value = values[i % 2]
            taken.append(desk.seconds)
            begin = time.perf_counter()
            desk.model.answer(desk.set)
            model.append(time.perf_counter() - begin)
        every += taken
        print(f"{name:<12} model {statistics.median(model):.2f} s, with charts {statistics.median(taken):.2f} s, worst {max(taken):.2f} s")
    print(f"all levers   with charts {statistics.median(every):.2f} s, worst {max(every):.2f} s")
    cycle = desk.cycle
    tables = {name: cycle.read(name) for name in SUPPLY_TABLES} | {"demand": cycle.read("demand_plan")}
    begin = time.perf_counter()
    plan_supply(
        **apply_scenario(tables, {"capacity_factor": 0.8}), targets=cycle.read("inventory_targets"), months=cycle.horizon,
        stock_policies=cycle.read("stock_policies"), whole_lots=False, **desk.model.rules,
    )  # fmt: skip
    print(f"the supply plan of one scenario from the start, without lots, pay and cash: {time.perf_counter() - begin:.2f} s")


if __name__ == "__main__":
    main()
