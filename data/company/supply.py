"""Supply of the sample company: ways to get each item, capacity, a believable history of stock, and what is under way."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from company import catalogue as c
from company.demand import STOCK_OUT, Demand

KEPT = 36
# share of the coming peak that the company saw coming when it built stock ahead
FORESIGHT = 0.92
# most overtime, of regular hours
OVERTIME = 0.08
# since the end of September the supplier of the grinders' motors says what he can deliver of two months' orders; the rest comes in January
SLIPPED, UNTIL = {("C-600", "2026-11"): 0.0, ("C-600", "2026-12"): 0.5}, "2027-01"


# supplier who is late more often than the others
LATE = "Thermolux"


class Supply:
    """Items, operations and the simulated past of stock and production.

    Attributes
    ----------
    items : DataFrame
        Products and components: item, base, copy, site, cost, lead, lot_min, lot_multiple, supplier, hours, family (of the line), made.
    made, stock : ndarray
        Units received from production or purchase, and held over both sites, item x month (history and ahead).
    """

    def __init__(self, demand: Demand, seed: int):
        self.demand, self.seed, self.rng = demand, seed, np.random.default_rng([seed, 4])
        self.items = self._items()
        self.place = pd.Series(np.arange(len(self.items)), index=self.items["item"])
        self.bills = self._bills()
        self._simulate()

    def _items(self) -> pd.DataFrame:
        products = self.demand.products
        buys = c.bought(int(products["copy"].max()) + 1)
        own = products[["product", "base", "copy", "site", "hours", "family", "cost"]].rename(columns={"product": "item"})
        terms = buys.set_index("item")[["lead", "lot_min", "lot_multiple", "supplier"]]
        own = own.join(terms, on="item")
        own["made"] = own["base"].isin(c.BILLS)
        # only the parts of products that this company has
        used = self._used(products)
        parts = buys[buys["item"].isin(used) & ~buys["item"].isin(own["item"])].assign(hours=0.0, family="", made=False)
        both = pd.concat([own, parts[[*own.columns]]], ignore_index=True)
        return both.astype({"lead": float, "lot_min": float, "lot_multiple": float})

    @staticmethod
    def _used(products: pd.DataFrame) -> set[str]:
        bills = products.merge(c.bills(), left_on="base", right_on="product", suffixes=("", "_base"))
        return set(bills["item"] + c.suffix(bills["copy"].to_numpy()))

    def _bills(self) -> pd.DataFrame:
        made = self.items[self.items["made"]]
        bills = made.merge(c.bills(), left_on="base", right_on="product", suffixes=("_made", ""))
        bills["item"] = bills["item"] + c.suffix(bills["copy"].to_numpy())
        bills = bills[bills["item"].isin(self.items["item"])]
        return pd.DataFrame({"product": bills["item_made"], "item": bills["item"], "units_per": bills["units_per"]}).reset_index(drop=True)

    def _simulate(self) -> None:
        demand, items, size = self.demand, self.items, len(self.demand.months)
        need = np.zeros((len(items), size))
        need[: len(demand.products)] = demand.units.sum(axis=1)
        cover = items["base"].map(dict(zip(demand.products["base"], demand.products["family"].map(c.COVER), strict=False)) | c.COVER_OF)
        cover = cover.fillna(pd.Series(np.where(items["lead"] > 2, 1.0, 0.68))).to_numpy()
        wobble = self.rng.lognormal(0, 0.07, need.shape)
        self.made, self.stock = np.zeros_like(need), np.zeros_like(need)
        family = items["family"].to_numpy()
        for line in ("Machines", "Grinders", "Accessories", "Spare parts", "bought"):
            rows = np.flatnonzero((items["made"] & (family == line)) if line != "bought" else ~items["made"])
            if not len(rows):
                continue
            self._receive(rows, need, cover, wobble, line)
            down = self.bills[self.bills["product"].isin(items["item"].to_numpy()[rows])]
            np.add.at(need, self.place[down["item"]].to_numpy(), down["units_per"].to_numpy()[:, None] * self.made[self.place[down["product"]].to_numpy()])
        self.need = need

    def _receive(self, rows: np.ndarray, need: np.ndarray, cover: np.ndarray, wobble: np.ndarray, line: str) -> None:
        """Find what was received so that stock follows its target; a made family pulls what its line cannot do into earlier months."""
        padded = np.concatenate([need[rows, 1:], np.repeat(need[rows, -1:], 2, axis=1)], axis=1)
        ahead = 0.5 * padded[:, :-1] + 0.5 * padded[:, 1:]
        rare = (self.items["base"].to_numpy()[rows] == c.INTERMITTENT)[:, None]
        ahead = np.where(rare, need[rows].mean(axis=1, keepdims=True), ahead)
        # a stock-out is not a want: the target keeps to the months around it
        usual = np.maximum(ahead, 0.6 * np.median(need[rows], axis=1, keepdims=True) * (ahead > 0))
        target = np.round(cover[rows, None] * usual * wobble[rows])
        before = np.concatenate([target[:, :1], target[:, :-1]], axis=1)
        receipts = np.clip(need[rows] + target - before, 0, None)
        if line != "bought":
            hours = self.items["hours"].to_numpy()[rows]
            limit = self.hours(line) * (1 + OVERTIME)
            seen = np.where(np.arange(need.shape[1]) >= self.demand.known, FORESIGHT, 1)
            receipts = receipts * seen
            for month in range(need.shape[1] - 1, 0, -1):
                over = max(0.0, 1 - limit[month] / max((hours * receipts[:, month]).sum(), 1e-9))
                receipts[:, month - 1] += over * receipts[:, month]
                receipts[:, month] *= 1 - over
        receipts = np.round(receipts)
        stock = target[:, :1] + np.cumsum(receipts - need[rows], axis=1)
        # what would have run out was brought in at the last moment
        lacking = np.maximum.accumulate(np.clip(0.08 * need[rows] - stock, 0, None), axis=1)
        extra = np.diff(lacking, axis=1, prepend=0)
        self.made[rows] = np.round(receipts + extra)
        self.stock[rows] = np.round(target[:, :1] + np.cumsum(self.made[rows] - need[rows], axis=1)).clip(0)

    def hours(self, family: str) -> np.ndarray:
        """Return the regular hours of a family's line by month: a little over the mean need of the year ahead, less in August and December."""
        demand = self.demand
        rows = (demand.products["family"] == family).to_numpy() & demand.products["base"].isin(c.BILLS).to_numpy()
        used = (demand.products["hours"].to_numpy()[rows, None] * demand.expected[rows].sum(axis=1)).sum(axis=0)
        if family == "Spare parts":
            # brew groups go into machines as well
            heavy = demand.products["base"].map({p: 2.0 if p == "10070" else 1.0 for p, text in c.BILLS.items() if "00710" in text}).fillna(0).to_numpy()
            used = used + 0.30 * (heavy[:, None] * demand.expected.sum(axis=1)).sum(axis=0)
        year = used[demand.known : demand.known + 12].mean()
        factor = {"Machines": 0.92, "Grinders": 0.86, "Accessories": 0.80, "Spare parts": 0.78}[family]
        return np.full(len(demand.months), round(year / factor, -1)) * self._calendar(demand.months)

    @staticmethod
    def _calendar(months: pd.DatetimeIndex) -> np.ndarray:
        return np.select([months.month == 8, months.month == 12], [0.85, 0.92], 1.0)

    def operations(self) -> pd.DataFrame:
        """Return how each item is got at each place that needs it."""
        items, products = self.items, self.items.iloc[: len(self.demand.products)]
        make = items[items["made"]]
        buy = items[~items["made"]]
        family = make["family"]
        launch = self.demand.products.set_index("product")
        make = pd.DataFrame(
            {
                "operation": "MAKE-" + make["item"],
                "kind": "make",
                "item": make["item"],
                "location": make["site"],
                "lead_time_months": 0.25,
                "unit_cost": (make["hours"] * family.map(c.HOUR)).round(2),
                "lot_min": np.where(make["hours"] > 0.7, 5.0, 50.0),
                "lot_multiple": np.where(make["hours"] > 0.7, 1.0, 10.0),
                "fixed_cost": np.where(family == "Machines", 350.0, 150.0),
                "first_month": (make["item"].map(launch["launch"]) - pd.DateOffset(months=1)).astype("datetime64[us]"),
                "last_month": make["item"].map(launch["end"]),
            }
        )
        buy = pd.DataFrame(
            {
                "operation": "BUY-" + buy["item"],
                "kind": "buy",
                "item": buy["item"],
                "location": buy["site"],
                "supplier": buy["supplier"],
                "lead_time_months": buy["lead"],
                "unit_cost": buy["cost"],
                "lot_min": buy["lot_min"],
                "lot_multiple": buy["lot_multiple"],
                "fixed_cost": 60.0,
            }
        )
        other = np.where(products["site"] == "LINZ", "LYON", "LINZ")
        move = pd.DataFrame(
            {
                "operation": "MOVE-" + products["item"],
                "kind": "move",
                "item": products["item"],
                "location": other,
                "from_location": products["site"],
                "lead_time_months": 0.25,
                "unit_cost": (0.02 * products["cost"]).clip(lower=0.10).round(2),
            }
        )
        if set(self.demand.regions["ship_from"]) == {"LINZ"}:
            move = move[move["from_location"] == "LYON"]
        columns = [
            "operation",
            "kind",
            "item",
            "location",
            "from_location",
            "supplier",
            "lead_time_months",
            "unit_cost",
            "lot_min",
            "lot_multiple",
            "fixed_cost",
            "first_month",
            "last_month",
        ]
        return pd.concat([make, buy, move], ignore_index=True).reindex(columns=columns)

    def components(self) -> pd.DataFrame:
        """Return the bills of material."""
        return pd.DataFrame({"operation": "MAKE-" + self.bills["product"], "item": self.bills["item"], "units_per": self.bills["units_per"]})

    def loads(self) -> pd.DataFrame:
        """Return the hours of each make operation on its line."""
        made = self.items[self.items["made"]]
        return pd.DataFrame({"operation": "MAKE-" + made["item"], "resource": made["family"].map(c.LINES), "hours_per_unit": made["hours"]}).reset_index(
            drop=True
        )

    def resources(self) -> pd.DataFrame:
        """Return standing hours of each line and the months that differ, two years of them."""
        rows = []
        for family, line in c.LINES.items():
            if not (self.items["made"] & (self.items["family"] == family)).any():
                continue
            hours = self.hours(family)
            full = hours.max()
            people = {
                "resource": line,
                "location": line[:4],
                "overtime_rate": 24.0,
                "workers": round(full / 150),
                "wage": 3400.0,
                "hire_cost": 4500.0,
                "layoff_cost": 12000.0,
            }
            rows.append({**people, "month": pd.NaT, "regular_hours": full, "overtime_hours": round(OVERTIME * full)})
            for place in np.flatnonzero((hours < full) & (np.arange(len(hours)) >= self.demand.known - 13)):
                rows.append(
                    {**people, "month": self.demand.months[place], "regular_hours": round(hours[place]), "overtime_hours": round(OVERTIME * hours[place])}
                )
        columns = ["resource", "location", "month", "regular_hours", "overtime_hours", "overtime_rate", "workers", "wage", "hire_cost", "layoff_cost"]
        return pd.DataFrame(rows)[columns].astype({"month": "datetime64[us]", "workers": float})

    def _split(self) -> tuple[np.ndarray, np.ndarray]:
        """Return stock by month at the item's own site and at the other one."""
        demand = self.demand
        at_lyon = (demand.regions["ship_from"] == "LYON").to_numpy()
        wanted = demand.expected.sum(axis=(1, 2)).clip(1e-9)
        lyon = demand.expected[:, at_lyon].sum(axis=(1, 2)) / wanted
        own = np.ones(len(self.items))
        own[: len(lyon)] = np.where(demand.products["site"] == "LYON", lyon, 1 - lyon)
        # parts that go into machines lie where the machines are made
        inside = self.items["item"].isin(self.bills["item"]).to_numpy()
        own = np.where(inside & (own < 1), 0.5 + own / 2, own)
        share = np.clip(own[:, None] + self.rng.normal(0, 0.025, self.stock.shape), 0.02, 1)
        share[own >= 1] = 1
        near = np.round(self.stock * share)
        return near, self.stock - near

    @cached_property
    def inventory(self) -> pd.DataFrame:
        """Return stock at month ends, the last KEPT months, value at standard cost; the stock-out shows zero."""
        demand, kept = self.demand, min(KEPT, self.demand.known)
        near, far = self._split()
        window = np.arange(demand.known - kept, demand.known)
        months = np.tile(demand.months[window], len(self.items))
        product, site, when = STOCK_OUT
        frames = []
        for units, place in ((near, self.items["site"].to_numpy()), (far, np.where(self.items["site"] == "LINZ", "LYON", "LINZ"))):
            rows = np.arange(len(self.items)) if units is near else np.arange(len(demand.products))
            held = units[rows][:, window].ravel()
            frames.append(
                pd.DataFrame(
                    {
                        "month": months[: len(held)],
                        "item": np.repeat(self.items["item"].to_numpy()[rows], kept),
                        "location": np.repeat(place[rows], kept),
                        "on_hand": held,
                    }
                )
            )
        table = pd.concat(frames, ignore_index=True)
        out = (table["item"] == product) & (table["location"] == site) & table["month"].dt.strftime("%Y-%m").isin(when)
        table.loc[out, "on_hand"] = 0
        places = pd.MultiIndex.from_frame(table[["item", "location"]])
        source = pd.MultiIndex.from_frame(self.items[["item", "site"]])
        moved = self.rng.uniform(0.06, 0.12, len(table))
        table["in_transit"] = np.where(places.isin(source), 0, np.round(moved * table["on_hand"]))
        table["value"] = (table["on_hand"] * table["item"].map(self.items.set_index("item")["cost"])).round()
        # nothing is listed before a launch
        first = table["item"].map(demand.products.set_index("product")["launch"])
        table = table[first.isna() | (table["month"] >= first)]
        return table.sort_values(["month", "item", "location"], kind="stable").reset_index(drop=True)

    def policies(self) -> pd.DataFrame:
        """Return the stock policies: service levels for what is sold, days of cover for what is built in."""
        products = self.demand.products
        level = products["family"].map({"Machines": 0.98, "Grinders": 0.98, "Accessories": 0.97, "Spare parts": 0.99}).to_numpy()
        days = np.where(products["family"] == "Accessories", 20.0, np.nan)
        frames = [
            pd.DataFrame(
                {
                    "item": products["product"],
                    "location": site,
                    "service_level": np.where(np.isnan(days), level, np.nan),
                    "days_of_cover": days,
                    "holding_rate": 0.20,
                }
            )
            for site in sorted(set(self.demand.regions["ship_from"]))
        ]
        parts = self.items.iloc[len(products) :]
        frames.append(
            pd.DataFrame({"item": parts["item"], "location": parts["site"], "days_of_cover": np.where(parts["lead"] > 2, 30.0, 20.0), "holding_rate": 0.18})
        )
        table = pd.concat(frames, ignore_index=True)
        table["min_units"] = np.where(table["item"].str.startswith(c.INTERMITTENT), 10.0, np.nan)
        return table

    def receipts(self, month: pd.Timestamp) -> pd.DataFrame:
        """Return the orders under way at the start of a month: purchases over their lead times, work in process, transfers."""
        at = self.demand.months.get_loc(month)
        bought = self.items[~self.items["made"]]
        rows = []
        for ahead in range(int(self.items["lead"].max())):
            late = bought[bought["lead"] > ahead]
            lot = late["lot_multiple"].to_numpy()
            place = self.place[late["item"]].to_numpy()
            # whole lots, so that the sum of them keeps up with the sum of what is needed
            total = np.ceil(np.cumsum(self.made[place, at : at + 4], axis=1) / lot[:, None]) * lot[:, None]
            units = np.diff(total, axis=1, prepend=0)[:, ahead]
            rows.append(
                pd.DataFrame(
                    {
                        "kind": "purchase",
                        "item": late["item"],
                        "location": late["site"],
                        "due_month": self.demand.months[at + ahead],
                        "units": units,
                        "supplier": late["supplier"],
                    }
                )
            )
        made = self.items[self.items["made"]]
        rows.append(
            pd.DataFrame(
                {
                    "kind": "production",
                    "item": made["item"],
                    "location": made["site"],
                    "due_month": month,
                    "units": np.round(0.04 * self.made[self.place[made["item"]].to_numpy(), at], -1),
                }
            )
        )
        stock = self.inventory
        moving = stock[(stock["month"] == month - pd.DateOffset(months=1)) & (stock["in_transit"] > 0)]
        rows.append(
            pd.DataFrame({"kind": "transfer", "item": moving["item"], "location": moving["location"], "due_month": month, "units": moving["in_transit"]})
        )
        table = pd.concat(rows, ignore_index=True)
        table = table[table["units"] > 0].reset_index(drop=True)
        late = np.flatnonzero((table["kind"] == "purchase") & (table["item"] == "C-110"))[:1]
        table.loc[late, "due_month"] = month - pd.DateOffset(months=1)  # a supplier is late
        for (item, due), share in SLIPPED.items() if month == c.CYCLE else ():
            order = table[(table["kind"] == "purchase") & (table["item"] == item) & (table["due_month"] == due)]
            rest = order.assign(due_month=pd.Timestamp(UNTIL), units=np.round(order["units"] * (1 - share)))
            table = pd.concat([table.drop(order.index), order.assign(units=order["units"] - rest["units"]), rest], ignore_index=True)
        table = table[table["units"] > 0].reset_index(drop=True)
        table["due_month"] = table["due_month"].astype("datetime64[us]")
        table.insert(0, "receipt", [f"{kind[:2].upper()}{month:%y%m}-{number:04d}" for number, kind in enumerate(table["kind"], 1)])
        return table

    def deliveries(self, month: pd.Timestamp) -> pd.DataFrame:
        """Return the purchase orders of the last two years that arrived before a month; one supplier is late one time in eight."""
        bought = self.items[~self.items["made"]]
        orders = pd.date_range(end=month, periods=27, freq="MS")[:-1]
        size = (len(bought), len(orders))
        rng = np.random.default_rng([self.seed, 17])
        took = bought["lead"].to_numpy()[:, None] * 30.4 * rng.lognormal(0, 0.04, size) + rng.integers(-2, 3, size)
        late = (bought["supplier"] == LATE).to_numpy()[:, None] & (rng.random(size) < 1 / 8)
        took += np.where(late, rng.uniform(10, 20, size), 0)
        day = orders.to_numpy()[None, :] + pd.to_timedelta(rng.integers(0, 6, size).ravel(), "D").to_numpy().reshape(size)
        arrived = day + pd.to_timedelta(np.rint(took).ravel(), "D").to_numpy().reshape(size)
        table = pd.DataFrame({name: np.repeat(bought[column].to_numpy(), size[1]) for name, column in
                              (("item", "item"), ("location", "site"), ("supplier", "supplier"))})  # fmt: skip
        table = table.assign(ordered=day.ravel(), arrived=arrived.ravel())
        table = table[table["arrived"] < month].sort_values(["ordered", "item"], kind="stable", ignore_index=True)
        table.insert(0, "delivery", [f"D{n:05d}" for n in range(1, len(table) + 1)])
        return table

    def production(self) -> pd.DataFrame:
        """Return what was made, scheduled and finished on time, the last KEPT months."""
        made, kept = self.items[self.items["made"]], min(KEPT, self.demand.known)
        units = self.made[self.place[made["item"]].to_numpy()][:, self.demand.known - kept : self.demand.known]
        rng = np.random.default_rng([self.seed, 5])
        scheduled = np.round(units * (1 + rng.normal(0.015, 0.03, units.shape)))
        done = np.round(np.minimum(units, scheduled) * rng.uniform(0.90, 1.0, units.shape))
        table = pd.DataFrame(
            {
                "month": np.tile(self.demand.months[self.demand.known - kept : self.demand.known], len(made)),
                "item": np.repeat(made["item"].to_numpy(), kept),
                "location": np.repeat(made["site"].to_numpy(), kept),
                "made_units": units.ravel(),
                "scheduled_units": scheduled.ravel(),
                "on_time_units": done.ravel(),
            }
        )
        return table[table["made_units"] > 0].sort_values(["month", "item"], kind="stable").reset_index(drop=True)
