"""What the sample company's orders share: lorries between its two sites, a supplier's and a warehouse's limit, and the temporary workers of one line."""

from __future__ import annotations

import numpy as np
import pandas as pd

from company import catalogue as c

LANE = ["from_location", "location", "measure", "max_load", "over_cost"]
# units of a family on one pallet
ON_A_PALLET = {"Machines": 24, "Grinders": 60, "Accessories": 400, "Spare parts": 500}
# pallets that a month's lorries carry, and what room for one more costs at short notice
LANES = {("LINZ", "LYON"): (95, 60.0), ("LYON", "LINZ"): (60, 60.0)}
# most units that a supplier delivers in a month over all parts
SUPPLIERS = {"Elektra Brno": 9_500}
# units that fit, and what a unit more costs a month in rented space
PLACES = {"LINZ": (40_000, 0.60), "LYON": (33_000, 0.60)}
# line that temporary workers are hired for and sent away from
STAFFED, STAFF, WORKER_HOURS, WORKER_OVERTIME, AGENCY_FEE, NOTICE = "LINZ-CELL", 7.0, 150.0, 12.0, 500.0, 300.0


def with_limits(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables of the sample with its shared limits; what makes an item on the staffed line costs no labour there, since people are paid."""
    products, loads, operations, resources = (tables[name] for name in ("products", "loads", "operations", "resources"))
    family = products.set_index("product")["family"]
    moved = operations.loc[operations["kind"] == "move", "item"].drop_duplicates()
    per = 1 / moved.map(family).map(ON_A_PALLET)
    measures = pd.DataFrame({"item": moved, "measure": "pallets", "per_unit": per.round(5)}).dropna().reset_index(drop=True)
    lanes = pd.DataFrame([[*lane, "pallets", *limit] for lane, limit in LANES.items()], columns=LANE)
    suppliers = pd.DataFrame(SUPPLIERS.items(), columns=["supplier", "max_units"])
    places = pd.DataFrame([[name, *limit] for name, limit in PLACES.items()], columns=["location", "max_units", "over_cost"])

    staffed = resources["resource"] == STAFFED
    people = resources.assign(
        workers=resources["workers"].mask(staffed, STAFF),
        hours_per_worker=np.where(staffed, WORKER_HOURS, np.nan),
        overtime_per_worker=np.where(staffed, WORKER_OVERTIME, np.nan),
        hire_cost=resources["hire_cost"].mask(staffed, AGENCY_FEE),
        layoff_cost=resources["layoff_cost"].mask(staffed, NOTICE),
    )
    hours = loads[loads["resource"] == STAFFED].set_index("operation")["hours_per_unit"]
    wage = people.loc[staffed, "wage"].iloc[0] / WORKER_HOURS
    paid = (operations["operation"].map(hours).fillna(0.0) * wage).round(2)
    made = operations.assign(unit_cost=(operations["unit_cost"] - paid).round(2))
    assert (made["unit_cost"] >= 0).all() and c.HOUR["Spare parts"] > wage
    return tables | {
        "operations": made, "resources": people, "item_measures": measures, "lane_limits": lanes, "supplier_limits": suppliers, "location_limits": places,
    }  # fmt: skip
