"""Contracts of what the demand step measures beside its plan."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, Month, made_by


class ForecastLevels(Contract):
    """Error of the forecast at every level of the hierarchy, in the backtest up to the decision lag."""

    level: Series[str] = f.text("Total, family, region, family and region, product, or product and region.")
    nodes: Series[float] = f.number("Forecasts at this level.", "count", ge=0)
    base_wmape: Series[float] = f.share("WMAPE of the level's own forecast.", optional=True)
    bottom_up_wmape: Series[float] = f.share("WMAPE of the sum of the forecasts by product and region.", optional=True)
    reconciled_wmape: Series[float] = f.share("WMAPE of what is used.", optional=True)

    class Config(Contract.Config):
        unique = ["level"]
        metadata = made_by("20_demand")


class ForecastErrors(Contract):
    """How far demand ran off the statistical forecast over the first months together: what stock must bridge."""

    product: Series[str] = f.code("Product.")
    region: Series[str] = f.code("Region.")
    months: Series[float] = f.number("How many months were added up.", "months", ge=1)
    sd_units: Series[float] = f.number("Standard deviation of the summed error, about zero.", UNITS, ge=0)
    correlation_factor: Series[float] = f.number("That over the one of as many independent errors.", "ratio", ge=0)
    q50: Series[float] = f.number("Median of summed demand less summed forecast.", UNITS)
    q80: Series[float] = f.number("80 % quantile of it.", UNITS)
    q90: Series[float] = f.number("90 % quantile of it.", UNITS)
    q95: Series[float] = f.number("95 % quantile of it.", UNITS)
    q98: Series[float] = f.number("98 % quantile of it.", UNITS)
    q99: Series[float] = f.number("99 % quantile of it.", UNITS)
    basis: Series[str] = f.text("What it was measured on.")

    class Config(Contract.Config):
        unique = ["product", "region", "months"]
        metadata = made_by("20_demand")


class LastBuys(Contract):
    """Products that end inside the plan, and what to get of them for the last time."""

    product: Series[str] = f.code("Product.")
    end_month: Series[Month] = f.month("Its last month of sale.")
    last_release_month: Series[Month] = f.month("Month in which the last order can still be released.")
    remaining_units: Series[float] = f.number("Demand planned to the last month of sale.", UNITS, ge=0)
    safety_units: Series[float] = f.number("Beyond it, from margin against cost and the forecast's error; below zero where margin is thin.", UNITS)
    stock_units: Series[float] = f.number("On hand at all locations.", UNITS)
    on_order_units: Series[float] = f.number("Open purchase and production orders.", UNITS, ge=0)
    to_get_units: Series[float] = f.number("Still to be made or bought in all.", UNITS, ge=0)
    last_buy_units: Series[float] = f.number("Of it, what the last order holds, in whole lots.", UNITS, ge=0)
    note: Series[str] = f.text("What to know.", optional=True)

    class Config(Contract.Config):
        unique = ["product"]
        metadata = made_by("20_demand")


class Drivers(Contract):
    """The most promising driver of each family, chosen on older origins and judged on newer ones."""

    family: Series[str] = f.code("Family.")
    driver: Series[str] = f.text("Indicator, or own price.")
    lag: Series[float] = f.number("Months by which demand follows it.", "months", ge=0)
    coefficient: Series[float] = f.number("Change of the logarithm of demand for one of the driver's: near enough % for %.", "elasticity")
    wmape_without: Series[float] = f.share("Error of the family's forecast without it.", ge=0)
    wmape_with: Series[float] = f.share("Error with it.", ge=0)
    origins: Series[float] = f.number("Past months that it was judged from.", "count", ge=0)
    origins_better: Series[float] = f.number("Of them, those at which it helped.", "count", ge=0)
    kept: Series[bool] = f.flag("Whether it moves the plan.")
    why: Series[str] = f.text("Kept, or what speaks against it.")

    class Config(Contract.Config):
        unique = ["family"]
        metadata = made_by("20_demand")


class Explanation(Contract):
    """The statistical forecast with its drivers, family by family, as a sum of parts."""

    family: Series[str] = f.code("Family.")
    month: Series[Month] = f.month("Month forecast.")
    part: Series[str] = f.code("level, trend, season, other models or driver.", isin=["level", "trend", "season", "other models", "driver"])
    units: Series[float] = f.number("What the part adds.", UNITS)

    class Config(Contract.Config):
        unique = ["family", "month", "part"]
        metadata = made_by("20_demand")
