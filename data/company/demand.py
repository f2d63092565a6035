"""Demand of the sample company: trend, season, promotions, launches, a phase-out, and the planted events."""

from __future__ import annotations

import numpy as np
import pandas as pd

from company import catalogue as c

AHEAD = 24
# product, region, month, factor on demand; the story of each is told in words.INSIGHTS or in the journal
DIP = ("10020", "FRANCE", "2026-08", 0.45)
SPIKE = ("02010", "DACH", "2026-09", 1.95)
TYPO = ("03010", "NORDICS", "2026-03", 10.0)
STOCK_OUT = ("02020", "LYON", ["2025-06", "2025-07"])


class Demand:
    """Demand by product, region and month as arrays, history first and AHEAD months of expectation after it.

    Attributes
    ----------
    products, regions : DataFrame
        Masters.
    months : DatetimeIndex
        History and the months ahead; ``known`` of them are history.
    expected, units : ndarray
        What was to be expected, promotions and launches included; what was ordered (expected ahead). Product x region x month.
    revenue : ndarray
        Revenue of the history.
    price, cost : ndarray
        Net price after promotions by product, region and month; standard cost by product and month.
    promoted : ndarray
        Factor of the promotions.
    """

    def __init__(self, products: int, regions: int, months: int, seed: int, promotions: pd.DataFrame):
        self.products, self.regions, self.known = c.products(products), c.regions(regions), months
        first = c.CYCLE - pd.DateOffset(months=months)
        self.months = pd.date_range(first, periods=months + AHEAD, freq="MS", unit="us")
        rng = np.random.default_rng([seed, 1])
        table, size = self.products, (len(self.products), regions, len(self.months))
        share = self.regions["share"].to_numpy() * rng.lognormal(0, 0.18, size[:2])
        share /= share.sum(axis=1, keepdims=True)
        like = self._like(share)
        level = table["units"].to_numpy() * table["scale"].fillna(1).to_numpy() * np.where(table["copy"] > 0, rng.lognormal(0, 0.5, len(table)), 1)
        years = (np.arange(size[2]) + 60 - months) / 12
        season = np.array([c.SEASON[f] for f in table["family"]])
        season = (season / season.mean(axis=1, keepdims=True))[:, self.months.month - 1]
        expected = level[:, None, None] * like[:, :, None] * ((1 + table["growth"].to_numpy())[:, None] ** years * season)[:, None, :]
        self.promoted = self._promotions(promotions)
        self.expected = expected * self.promoted * self._life()[:, None, :]
        self.units = self._ordered(rng)
        fiscal = (self.months.year - 2026 + (self.months.month >= 4) - 1).to_numpy(float)  # prices and costs rise each April
        drift = 1.02**fiscal
        listed = table["price"].to_numpy()[:, None] * drift
        self.price = listed[:, None, :] * (1 - 0.25 * (self.promoted - 1).clip(0, 0.4))
        self.cost = table["cost"].to_numpy()[:, None] * 1.015**fiscal
        self.revenue = self._revenue(np.random.default_rng([seed, 2]))

    def _like(self, share: np.ndarray) -> np.ndarray:
        """Give a launch the regions of the product it follows."""
        place = pd.Series(np.arange(len(share)), index=self.products["product"])
        model = self.products["like"].map(place)
        out = share.copy()
        out[model.notna()] = share[model.dropna().astype(int)]
        return out

    def _life(self) -> np.ndarray:
        """Return the share of full demand by product and month: four months' ramp after a launch, fifteen months' decline before an end."""
        when = self.months.to_numpy()[None, :].astype("datetime64[M]").astype(int)
        start = self.products["launch"].to_numpy()[:, None].astype("datetime64[M]").astype(int)
        end = self.products["end"].to_numpy()[:, None].astype("datetime64[M]").astype(int)
        has_start, has_end = self.products["launch"].notna().to_numpy()[:, None], self.products["end"].notna().to_numpy()[:, None]
        rising = np.where(has_start, np.where(when < start, 0, np.minimum(0.55 + 0.15 * (when - start), 1)), 1)
        falling = np.where(has_end, np.where(when > end, 0, np.clip(0.25 + 0.05 * (end - when), 0.25, 1)), 1)
        return rising * falling

    def _promotions(self, promotions: pd.DataFrame) -> np.ndarray:
        factor = np.ones((len(self.products), len(self.regions), len(self.months)))
        for row in promotions.itertuples():  # a few dozen rows
            on = np.ones(len(self.products), bool) if pd.isna(row.family) else (self.products["family"] == row.family).to_numpy()
            on = on & (pd.isna(row.product) or (self.products["product"] == row.product).to_numpy())
            where = np.ones(len(self.regions), bool) if pd.isna(row.region) else (self.regions["region"] == row.region).to_numpy()
            when = (self.months >= row.start_month) & (self.months <= row.end_month)
            factor[np.ix_(on, where, when)] *= 1 + row.true_pct / 100
        return factor

    def _ordered(self, rng: np.random.Generator) -> np.ndarray:
        """Return whole units: expectation times noise that is wider where less is sold; the intermittent part comes in bursts."""
        shape = self.expected.shape
        width = np.sqrt(0.045**2 + 1.1 / self.expected.mean(axis=2, keepdims=True).clip(1))
        shared = rng.normal(0, 0.03, (shape[0], 1, shape[2])) + rng.normal(0, 0.012, (1, shape[1], shape[2]))
        noise = np.exp(rng.standard_normal(shape) * width + shared - width**2 / 2)
        units = np.round(self.expected * noise)
        rare = (self.products["base"] == c.INTERMITTENT).to_numpy()
        bursts = rng.random((rare.sum(), *shape[1:])) < 0.28
        units[rare] = bursts * np.ceil(self.expected[rare] / 0.28 * rng.lognormal(-0.08, 0.4, bursts.shape))
        units[:, :, self.known :] = self.expected[:, :, self.known :]
        for product, region, month, factor in (DIP, SPIKE):
            self._change(units, product, [region], [month], factor)
        product, site, months = STOCK_OUT
        self._change(units, product, self.regions.loc[self.regions["ship_from"] == site, "region"], months, 0.03)
        return units

    def _change(self, units: np.ndarray, product: str, regions: list[str], months: list[str], factor: float) -> None:
        mask = np.ix_(self.products["product"] == product, self.regions["region"].isin(regions), self.months.strftime("%Y-%m").isin(months))
        units[mask] = np.round(units[mask] * factor)

    @property
    def sold(self) -> np.ndarray:
        """Mask of product, region and history month in which the product was on sale."""
        alive = self._life()[:, : self.known] > 0
        return np.repeat(alive[:, None, :], len(self.regions), axis=1)

    def _revenue(self, rng: np.random.Generator) -> np.ndarray:
        price = self.price[:, :, : self.known] * (1 + rng.normal(0, 0.006, self.units[:, :, : self.known].shape))
        return np.round(self.units[:, :, : self.known] * price)

    def sales(self, seed: int) -> pd.DataFrame:
        """Return the table of sales, one entry error included."""
        rng = np.random.default_rng([seed, 3])
        p, r, t = np.nonzero(self.sold)
        units, revenue = self.units[p, r, t], self.revenue[p, r, t]
        family = self.products["family"].to_numpy()
        usual = pd.Series(family).map({"Machines": 0.965, "Grinders": 0.97, "Accessories": 0.98, "Spare parts": 0.95}).to_numpy()[p]
        season = np.where(np.isin(self.months.month[t], [11, 12]) & (family[p] == "Machines"), 0.035, 0)
        filled = np.clip(usual - season + rng.normal(0, 0.015, len(p)), 0.7, 1)
        shipped = np.minimum(np.round(units * filled), units)
        size = np.clip(self.expected[p, r, t] / 22, 1, 40)
        orders = np.where(units > 0, np.ceil(units / size), 0)
        otif = rng.binomial(orders.astype(int), np.clip(filled - 0.035, 0, 1))
        table = pd.DataFrame(
            {
                "month": self.months[t],
                "product": self.products["product"].to_numpy()[p],
                "region": self.regions["region"].to_numpy()[r],
                "units": units,
                "revenue": revenue,
                "shipped_units": shipped,
                "orders": orders,
                "orders_otif": otif.astype(float),
            }
        )
        product, region, month, factor = TYPO
        slip = (table["product"] == product) & (table["region"] == region) & (table["month"] == pd.Timestamp(month))
        table.loc[slip, "units"] *= factor
        return table.sort_values(["month", "product", "region"], kind="stable").reset_index(drop=True)
