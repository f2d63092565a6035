"""The family that Halden Coffee Works makes to order: coffee bars for offices and hotels, built in Linz for one customer each.

Bookings are promised two months later. Since the welding cell was rebuilt in August and September the workshop makes less than falls due, so some orders
are late at the start of the cycle. The family has its own random numbers: the rest of the company is the same with it and without it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from company.demand import Demand

FAMILY, SITE, LINE, PROMISED = "Coffee bars", "LINZ", "LINZ-WORKSHOP", 2
REGIONS = {"DACH": 0.65, "NORDICS": 0.35}  # where own fitters are
# code: name, price, units a month, growth a year, hours, parts
MODELS = {
    "20010": ("Coffee bar Solo", 2400.0, 15, 0.05, 6.0, {"C-800": 1, "C-810": 1}),
    "20020": ("Coffee bar Duo", 3900.0, 9, 0.07, 9.0, {"C-800": 1, "C-810": 2}),
}
# price, lead time in months, minimum lot, multiple, supplier
PARTS = {"C-800": (380.0, 1.0, 10.0, 5.0, "Inoxa"), "C-810": (240.0, 2.0, 10.0, 5.0, "Elektra Brno")}
HOUR, HOURS, OVERTIME = 55.0, 200.0, 20.0
SEASON = np.array([0.90, 0.95, 1.05, 1.05, 1.05, 1.00, 0.90, 0.85, 1.05, 1.10, 1.10, 1.00])
REBUILT = {"2026-08": 0.60, "2026-09": 0.75}
KEPT = 36


class Bars:
    """Bookings and the simulated past of the workshop.

    Attributes
    ----------
    expected, booked : ndarray (models, regions, months)
        Units that were to be expected and that were ordered.
    orders : DataFrame
        One row per unit ordered: product, region, and number of its month of order, due month and month in which it was made (-1: not yet).
    """

    def __init__(self, demand: Demand, seed: int):
        self.months, self.known = demand.months, demand.known
        self.rng = np.random.default_rng([seed, 21])
        self.price = np.array([m[1] for m in MODELS.values()])[:, None] * 1.02 ** self._fiscal()
        self.cost = np.array([self.unit_cost(code) for code in MODELS])
        years = np.arange(len(self.months)) / 12 + 5 - self.known / 12
        level = np.array([m[2] * (1 + m[3]) ** (years - 5) for m in MODELS.values()]) * SEASON[self.months.month - 1]
        self.expected = level[:, None, :] * np.array(list(REGIONS.values()))[None, :, None]
        self.booked = np.concatenate([self.rng.poisson(self.expected[:, :, : self.known]).astype(float), self.expected[:, :, self.known :]], axis=2)
        self.orders = self._make()

    def _fiscal(self) -> np.ndarray:
        return (self.months.year - 2026 + (self.months.month >= 4) - 1).to_numpy(float)

    @staticmethod
    def unit_cost(code: str) -> float:
        """Return the standard cost: parts and hours."""
        _, _, _, _, hours, parts = MODELS[code]
        return sum(PARTS[item][0] * units for item, units in parts.items()) + hours * HOUR

    def hours(self) -> np.ndarray:
        """Return regular hours by month: fewer in August and December, and while the welding cell was rebuilt."""
        usual = np.select([self.months.month == 8, self.months.month == 12], [0.9, 0.92], 1.0)
        return HOURS * usual * pd.Series(self.months.strftime("%Y-%m")).map(REBUILT).fillna(1.0).to_numpy()

    def _make(self) -> pd.DataFrame:
        """Make what is due, oldest orders first, as far as the hours go."""
        p, r, t = np.nonzero(self.booked[:, :, : self.known])
        count = self.booked[p, r, t].astype(int)
        table = pd.DataFrame({"model": np.repeat(p, count), "region": np.repeat(r, count), "month": np.repeat(t, count)})
        table = table.sort_values(["month", "model", "region"], kind="stable", ignore_index=True).assign(due=lambda f: f["month"] + PROMISED, made=-1)
        per, left = np.array([m[4] for m in MODELS.values()])[table["model"]], self.hours()
        for month in range(self.known):  # a few dozen months
            waiting = np.flatnonzero((table["due"] <= month) & (table["made"] < 0))
            table.loc[waiting[per[waiting].cumsum() <= left[month]], "made"] = month
        return table

    def products(self) -> pd.DataFrame:
        """Return the rows of the product master."""
        rows = [{"product": code, "name": m[0], "family": FAMILY, "uom": "pcs", "unit_price": m[1], "unit_cost": self.unit_cost(code), "made_to": "order",
                 "promised_months": float(PROMISED)} for code, m in MODELS.items()]  # fmt: skip
        return pd.DataFrame(rows)

    def sales(self) -> pd.DataFrame:
        """Return the bookings; there is no stock to ship them from."""
        models, regions = np.array(list(MODELS)), np.array(list(REGIONS))
        p, r, t = (a.ravel() for a in np.indices(self.booked[:, :, : self.known].shape))
        units = self.booked[p, r, t]
        revenue = np.round(units * self.price[p, t] * (1 + self.rng.normal(0, 0.006, len(p))))
        return pd.DataFrame({"month": self.months[t], "product": models[p], "region": regions[r], "units": units, "revenue": revenue})

    def open_orders(self, month: pd.Timestamp) -> pd.DataFrame:
        """Return what was ordered before a month and not made by then, one row per due month, product and region."""
        at = self.months.get_loc(month)
        waits = self.orders[(self.orders["month"] < at) & ((self.orders["made"] < 0) | (self.orders["made"] >= at))]
        table = waits.groupby(["due", "model", "region"]).size().rename("units").reset_index()
        price = self.price[table["model"], table["due"] - PROMISED]
        out = pd.DataFrame({"product": np.array(list(MODELS))[table["model"]], "region": np.array(list(REGIONS))[table["region"]],
                            "due_month": self.months[table["due"]], "units": table["units"].astype(float)})  # fmt: skip
        out["revenue"] = np.round(out["units"] * price)
        out.insert(0, "order", [f"CB{month:%y%m}-{number:03d}" for number in range(1, len(out) + 1)])
        return out

    def budget(self, months: pd.DatetimeIndex) -> pd.DataFrame:
        """Return the annual plan: what was expected."""
        at = self.months.get_indexer(months)
        units = self.expected[:, :, at].sum(axis=0)
        revenue = (self.expected * self.price[:, None, :])[:, :, at].sum(axis=0)
        cost = (self.expected * self.cost[:, None, None])[:, :, at].sum(axis=0)
        return pd.DataFrame({"month": np.tile(months, len(REGIONS)), "family": FAMILY, "region": np.repeat(list(REGIONS), len(months)),
                             "units": np.round(units).ravel(), "revenue": np.round(revenue, -2).ravel(),
                             "margin": np.round(revenue - cost, -2).ravel()})  # fmt: skip

    def operations(self) -> pd.DataFrame:
        """Return how bars are made and their parts bought."""
        make = [{"operation": f"MAKE-{code}", "kind": "make", "item": code, "location": SITE, "lead_time_months": 0.25, "unit_cost": m[4] * HOUR,
                 "fixed_cost": 0.0} for code, m in MODELS.items()]  # fmt: skip
        buy = [{"operation": f"BUY-{item}", "kind": "buy", "item": item, "location": SITE, "supplier": supplier, "lead_time_months": lead, "unit_cost": cost,
                "lot_min": least, "lot_multiple": lot, "fixed_cost": 60.0} for item, (cost, lead, least, lot, supplier) in PARTS.items()]  # fmt: skip
        return pd.DataFrame([*make, *buy])

    def components(self) -> pd.DataFrame:
        """Return the bills of material."""
        return pd.DataFrame([(f"MAKE-{code}", item, float(n)) for code, m in MODELS.items() for item, n in m[5].items()],
                            columns=["operation", "item", "units_per"])  # fmt: skip

    def loads(self) -> pd.DataFrame:
        """Return the hours in the workshop."""
        return pd.DataFrame([(f"MAKE-{code}", LINE, m[4]) for code, m in MODELS.items()], columns=["operation", "resource", "hours_per_unit"])

    def resources(self) -> pd.DataFrame:
        """Return the workshop's standing hours and the months that differ."""
        hours = self.hours()
        people = {"resource": LINE, "location": SITE, "overtime_rate": 24.0, "workers": 2.0, "wage": 3400.0, "hire_cost": 4500.0, "layoff_cost": 12000.0}
        differ = np.flatnonzero((hours < HOURS) & (np.arange(len(hours)) >= self.known - 13))
        rows = [{**people, "month": pd.NaT, "regular_hours": HOURS, "overtime_hours": OVERTIME}]
        rows += [{**people, "month": self.months[at], "regular_hours": round(hours[at]), "overtime_hours": OVERTIME} for at in differ]
        return pd.DataFrame(rows).astype({"month": "datetime64[us]"})

    def production(self) -> pd.DataFrame:
        """Return what was made, was due and was made in time, the last KEPT months."""
        kept = np.arange(max(self.known - KEPT, 0), self.known)
        rows = []
        for place, code in enumerate(MODELS):
            mine = self.orders[self.orders["model"] == place]
            for at in kept:
                due = (mine["due"] <= at) & ((mine["made"] < 0) | (mine["made"] >= at))
                made, timely = (mine["made"] == at).sum(), ((mine["made"] == at) & (mine["due"] == at)).sum()
                rows.append((self.months[at], code, SITE, float(made), float(due.sum()), float(timely)))
        table = pd.DataFrame(rows, columns=["month", "item", "location", "made_units", "scheduled_units", "on_time_units"])
        return table[table["made_units"] > 0]

    def inventory(self) -> pd.DataFrame:
        """Return counted stock, the last KEPT months: no finished bar lies in stock, its parts do."""
        kept = self.months[max(self.known - KEPT, 0) : self.known]
        parts = {item: self.rng.poisson(30 if item == "C-810" else 22, len(kept)).astype(float) for item in PARTS}
        rows = {code: np.zeros(len(kept)) for code in MODELS} | parts
        frames = [pd.DataFrame({"month": kept, "item": item, "location": SITE, "on_hand": held, "in_transit": 0.0,
                                "value": np.round(held * (PARTS[item][0] if item in PARTS else 0.0))}) for item, held in rows.items()]  # fmt: skip
        return pd.concat(frames, ignore_index=True)

    def policies(self) -> pd.DataFrame:
        """Return the stock policies of the parts."""
        return pd.DataFrame({"item": list(PARTS), "location": SITE, "days_of_cover": 20.0, "holding_rate": 0.18})

    def receipts(self, month: pd.Timestamp) -> pd.DataFrame:
        """Return the parts under way at the start of a month: what the orders booked and expected take."""
        at, rows = self.months.get_loc(month), []
        usual = {item: sum(m[2] * m[5][item] for m in MODELS.values()) for item in PARTS}
        for item, (_, lead, _, lot, supplier) in PARTS.items():
            for ahead in range(int(lead)):
                units = float(np.ceil(usual[item] / lot) * lot)
                rows.append({"kind": "purchase", "item": item, "location": SITE, "due_month": self.months[at + ahead], "units": units, "supplier": supplier})
        table = pd.DataFrame(rows)
        table.insert(0, "receipt", [f"CB{month:%y%m}-{number:02d}" for number in range(1, len(table) + 1)])
        return table


def with_bars(tables: dict[str, pd.DataFrame], demand: Demand, seed: int, month: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Return the company's tables with the family added to each that knows it; rows of the others stay as they are."""
    bars, out = Bars(demand, seed), dict(tables)
    own = {
        "products": bars.products(), "sales": bars.sales(), "open_orders": bars.open_orders(month),
        "budget": bars.budget(tables["budget"]["month"].drop_duplicates()),
        "operations": bars.operations(), "components": bars.components(), "loads": bars.loads(), "resources": bars.resources(), "production": bars.production(),
        "inventory": bars.inventory(), "stock_policies": bars.policies(), "receipts": bars.receipts(month),
    }  # fmt: skip
    for name, rows in own.items():
        whole = pd.concat([tables[name], rows], ignore_index=True)
        keys = [k for k in ("month", "family", "product", "item", "region", "location") if k in whole] if name in ("sales", "budget", "inventory") else []
        out[name] = whole.sort_values(keys, kind="stable", ignore_index=True) if keys else whole
    books = tables["ledger"].set_index("month").copy()
    sold = own["sales"].assign(cost=own["sales"]["units"] * own["sales"]["product"].map({code: bars.unit_cost(code) for code in MODELS}))
    more = sold.groupby("month")[["revenue", "cost"]].sum().reindex(books.index)
    books["revenue"] += more["revenue"]
    books["cogs"] += more["cost"].round(-2)
    out["ledger"] = books.reset_index()
    return out
