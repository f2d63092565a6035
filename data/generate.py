"""Make the sample company, or one like it of any size, from a seed.

``python data/generate.py --out data/sample`` writes the committed sample anew, byte for byte. ``generate(products, regions, months, seed)``
returns the same tables as DataFrames for a company of any size; beyond thirty products the company is made of copies of its catalogue. The company of
the sample's own size also has the family that is made to order, and limits that orders share.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent))

from company import bars, catalogue, journal, limits, promises, words  # noqa: E402
from company.demand import Demand  # noqa: E402
from company.selling import FISCAL_START, Selling  # noqa: E402
from company.supply import KEPT, Supply  # noqa: E402

SEED = 20261
VIEW_ROUNDS, VIEW_AHEAD, VIEW_PAST = 15, 6, 4  # rounds of views kept, months each looks ahead, months kept of the past ones
MONTHS = {"month", "release_month", "recovered_month", "start_month", "end_month", "launch_month", "due_month", "first_month", "last_month", "expires_month"}


def generate(products: int = 30, regions: int = 4, months: int = 60, seed: int = SEED, as_of: str = "2026-10") -> dict[str, pd.DataFrame]:
    """Make all input tables of a company whose sales end in 2026-09.

    Parameters
    ----------
    products, regions, months : int
        Size; products x regions up to 50,000 take well under a minute.
    seed : int
        The same seed gives the same company.
    as_of : str
        Month at whose start open orders, open receipts and deals are as they are, and up to which bookings are known; the other tables carry their
        history with them.

    Returns
    -------
    dict of str to DataFrame
        One table for each contract of an input, by name.
    """
    if products < 1 or regions < 1 or months < 1:
        raise ValueError("a company needs at least one product, one region and one month")
    month = pd.Timestamp(as_of).to_period("M").to_timestamp()
    demand = Demand(products, regions, months, seed, words.promotions())
    supply, selling, plan = Supply(demand, seed), Selling(demand, seed), budget(demand, seed)
    insights, deals = words.insights(), selling.opportunities()
    known = [(insights[c].isna() | insights[c].isin(demand.products[c] if c != "region" else demand.regions[c])) for c in ("family", "product", "region")]
    tables = {
        "products": masters(demand),
        "sales": demand.sales(seed),
        "regions": demand.regions.assign(priority=1.0)[["region", "name", "ship_from", "priority"]],
        "open_orders": open_orders(demand, month, seed),
        "budget": plan,
        "insights": insights[np.logical_and.reduce(known)].reset_index(drop=True),
        "indicators": indicators(demand, seed),
        "views": views(demand, seed),
        "inventory": supply.inventory,
        "stock_policies": supply.policies(),
        "operations": supply.operations(),
        "components": supply.components(),
        "loads": supply.loads(),
        "resources": supply.resources(),
        "receipts": supply.receipts(month),
        "deliveries": supply.deliveries(month),
        "production": supply.production(),
        "ledger": ledger(demand, supply, seed),
        "opportunities": selling.opportunities(month),
        "commits": promises.commits(deals, selling.reps, seed),
        "leads": promises.leads(deals, seed),
        "accounts": selling.accounts,
        "reps": selling.reps,
        "quotas": selling.quotas(plan, month),
        "comp_plans": selling.comp_plans(),
        **selling.pay_events(month),
        "leave": selling.leave(),
        "kpi_targets": words.kpi_targets(),
        "roster": words.roster(),
    }
    whole = products == catalogue.SIZE and regions == len(catalogue.REGIONS)
    return limits.with_limits(bars.with_bars(tables, demand, seed, month)) if whole and demand.known == 60 else tables


def masters(demand: Demand) -> pd.DataFrame:
    """Return the product master."""
    table = demand.products
    return pd.DataFrame(
        {
            "product": table["product"],
            "name": table["name"],
            "family": table["family"],
            "uom": "pcs",
            "unit_price": table["price"].astype(float),
            "unit_cost": table["cost"],
            "launch_month": table["launch"],
            "end_month": table["end"],
            "like_product": table["like"],
            "like_scale": table["scale"],
            "shelf_life_months": np.where(table["base"] == "03010", 36.0, np.nan),
        }
    )


def open_orders(demand: Demand, month: pd.Timestamp, seed: int) -> pd.DataFrame:
    """Return orders booked and not shipped at the start of a month: part of the next two months, and a little backlog."""
    rng, at = np.random.default_rng([seed, 9, month.year, month.month]), demand.months.get_loc(month)
    frames = []
    for ahead, share, lines in ((-1, 0.04, 7), (0, 0.22, 45), (1, 0.07, 20)):
        value = demand.expected[:, :, at + max(ahead, 0)] * demand.price[:, :, at]
        chosen = rng.choice(value.size, min(lines, int((value > 0).sum())), replace=False, p=(value / value.sum()).ravel())
        p, r = np.unravel_index(np.sort(chosen), value.shape)
        units = np.ceil(demand.expected[p, r, at + max(ahead, 0)] * share * rng.uniform(0.5, 1.5, len(p)))
        frames.append(
            pd.DataFrame(
                {
                    "product": demand.products["product"].to_numpy()[p],
                    "region": demand.regions["region"].to_numpy()[r],
                    "due_month": demand.months[at + ahead],
                    "units": units,
                    "revenue": np.round(units * demand.price[p, r, at]),
                }
            )
        )
    table = pd.concat(frames, ignore_index=True)
    table = table[table["units"] > 0].reset_index(drop=True)
    table.insert(0, "order", [f"SO{month:%y%m}-{number:04d}" for number in range(1, len(table) + 1)])
    return table


def budget(demand: Demand, seed: int) -> pd.DataFrame:
    """Return the annual plan from last fiscal year to the end of the next one: what was expected, off by what planners hoped and missed."""
    rng = np.random.default_rng([seed, 10])
    families = sorted(demand.products["family"].unique())
    window = np.flatnonzero((demand.months >= FISCAL_START - pd.DateOffset(years=1)) & (demand.months < FISCAL_START + pd.DateOffset(years=2)))
    price, cost = demand.price[:, :, window], demand.cost[:, None, window]
    # hope by family and region, the same for a whole fiscal year
    hope = rng.normal(0.01, 0.035, (len(families), len(demand.regions), 3))[:, :, (np.arange(len(window)) + 36 - len(window)) // 12]
    frames = []
    for place, family in enumerate(families):
        rows = (demand.products["family"] == family).to_numpy()
        factor = 1 + hope[place]
        units = demand.expected[rows][:, :, window] * factor
        frames.append(
            pd.DataFrame(
                {
                    "month": np.tile(demand.months[window], len(demand.regions)),
                    "family": family,
                    "region": np.repeat(demand.regions["region"].to_numpy(), len(window)),
                    "units": np.round(units.sum(axis=0)).ravel(),
                    "revenue": np.round((units * price[rows]).sum(axis=0), -2).ravel(),
                    "margin": np.round((units * (price[rows] - cost[rows])).sum(axis=0), -2).ravel(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True).sort_values(["month", "family", "region"], kind="stable").reset_index(drop=True)


def views(demand: Demand, seed: int) -> pd.DataFrame:
    """Return what sales said by family and region and marketing by family, in the rounds of the last months; some hope too much, each in their way."""
    rng, at = np.random.default_rng([seed, 13]), demand.known
    regions, families = demand.regions["region"].to_numpy(), sorted(demand.products["family"].unique())
    sellers = ["Ben Maier", "Hugo Duval", "Ines Ibarra", "Greta Holm"]
    hope = np.resize([0.01, 0.0, 0.09, -0.01], len(regions))  # by region; one of them sells before the deal is closed
    frames = []
    for back in range(min(VIEW_ROUNDS, max(at - 1, 0)), 0, -1):
        first = at - back + 1  # the round was held in the month before
        ahead = np.arange(first, first + (VIEW_AHEAD if back == 1 else VIEW_PAST))
        said = demand.months[first - 1] + pd.Timedelta(days=23)
        for family in families:
            rows = (demand.products["family"] == family).to_numpy()
            true = demand.units[rows][:, :, ahead].sum(axis=0)
            sales = true * (1 + hope[:, None]) * np.exp(rng.normal(0, 0.07, true.shape))
            frames.append(pd.DataFrame({"stated_on": said, "view": "sales", "author": np.repeat(np.resize(sellers, len(regions)), len(ahead)),
                                        "month": np.tile(demand.months[ahead], len(regions)), "family": family, "region": np.repeat(regions, len(ahead)),
                                        "units": sales.round().ravel()}))
            market = true.sum(axis=0) * 1.03 * np.exp(rng.normal(0, 0.06, len(ahead)))
            frames.append(pd.DataFrame({"stated_on": said, "view": "marketing", "author": "Clara Costa", "month": demand.months[ahead], "family": family,
                                        "region": None, "units": market.round()}))
    columns = ["stated_on", "view", "author", "month", "family", "product", "region", "units"]
    if not frames:
        return pd.DataFrame(columns=columns)
    return pd.concat(frames, ignore_index=True).assign(product=None)[columns].sort_values(["stated_on", "view", "family", "region", "month"], kind="stable")


def indicators(demand: Demand, seed: int) -> pd.DataFrame:
    """Return a few outside series, three years of them; the price index of rivals is known half a year ahead."""
    rng, first = np.random.default_rng([seed, 11]), catalogue.CYCLE - pd.DateOffset(months=36)
    frames = []
    for name, level, step, ahead in (
        ("consumer confidence DACH (index)", 96.0, 0.9, 0),
        ("household appliances EU (index)", 101.0, 0.6, 0),
        ("entry machine price of rivals (EUR)", 139.0, 0.8, 6),
        ("web shop leads (count)", 2400.0, 60.0, 0),
    ):
        months = pd.date_range(first, periods=36 + ahead, freq="MS", unit="us")
        values = level + np.cumsum(rng.normal(0, step, len(months)))
        frames.append(pd.DataFrame({"month": months, "indicator": name, "value": values.round(1)}))
    table = pd.concat(frames, ignore_index=True)
    recent = (table["indicator"] == "web shop leads (count)") & (table["month"] >= "2026-08-01")
    table.loc[recent, "value"] = (table.loc[recent, "value"] * 1.25).round()
    return table.sort_values(["indicator", "month"], kind="stable").reset_index(drop=True)


def ledger(demand: Demand, supply: Supply, seed: int) -> pd.DataFrame:
    """Return the accounts by month: revenue as sold, cost of goods at standard plus variances, balances from terms of payment."""
    rng, kept = np.random.default_rng([seed, 12]), min(KEPT, demand.known)
    window = slice(demand.known - kept, demand.known)
    revenue = np.where(demand.units[:, :, : demand.known] > 0, demand.revenue, 0).sum(axis=(0, 1))
    cogs = (demand.units.sum(axis=1) * demand.cost).sum(axis=0)[: demand.known] * (1 + rng.normal(0.008, 0.006, demand.known))
    bought = (~supply.items["made"]).to_numpy()
    purchases = (supply.made[bought] * supply.items["cost"].to_numpy()[bought, None]).sum(axis=0)[: demand.known]

    def balance(flow: np.ndarray, days: float) -> np.ndarray:
        """Return what is open of this and the two months before, at so many days of payment."""
        before = np.concatenate([flow[:1], flow[:-1]])
        return (flow + before * max(days / 30.4 - 1, 0)) * (1 + rng.normal(0, 0.02, len(flow)))

    # overheads are bought as well, so that payables follow the cost of goods and not materials alone
    table = pd.DataFrame(
        {
            "month": demand.months[window],
            "receivables": balance(revenue, 47)[window].round(-2),
            "payables": balance(0.5 * purchases + 0.5 * cogs, 46)[window].round(-2),
            "cogs": cogs[window].round(-2),
            "revenue": revenue[window],
        }
    )
    return table


def write(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """Write tables as CSV: months as 2026-10, whole numbers without a point, blanks empty."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        out = frame.copy()
        for column in out:
            if pd.api.types.is_datetime64_any_dtype(out[column]):
                out[column] = out[column].dt.strftime("%Y-%m" if column in MONTHS else "%Y-%m-%d")
            elif pd.api.types.is_bool_dtype(out[column]):
                out[column] = np.where(out[column], "yes", "no")
            elif pd.api.types.is_float_dtype(out[column]) and (out[column].dropna() % 1 == 0).all():
                out[column] = out[column].astype("Int64")
        out.to_csv(folder / f"{name}.csv", index=False, float_format="%.10g", lineterminator="\n", encoding="utf-8")


def main() -> None:
    """Write the sample."""
    parser = argparse.ArgumentParser(description="Make the sample company anew from its seed.")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "sample", help="folder of the CSV files")
    parser.add_argument("--as-of", default="2026-10", help="month at whose start open orders and receipts stand")
    given = parser.parse_args()
    write(generate(as_of=given.as_of), given.out)
    (given.out / "journal.json").write_text(json.dumps(journal.entries(), indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
