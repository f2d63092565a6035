"""Contracts of what the demand step measures beside its plan."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, made_by


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
    """How far demand ran off the forecast over the first months together, the published plan's where enough months are closed: what stock must bridge."""

    product: Series[str] = f.code("Product.")
    region: Series[str] = f.code("Region.")
    months: Series[float] = f.number("How many months were added up.", "months", ge=1)
    sd_units: Series[float] = f.number("Standard deviation of the summed error about what is expected of it (bias_units).", UNITS, ge=0)
    correlation_factor: Series[float] = f.number("That over the one of as many independent errors.", "ratio", ge=0)
    q50: Series[float] = f.number("Median of summed demand less summed forecast.", UNITS)
    q80: Series[float] = f.number("80 % quantile of it.", UNITS)
    q90: Series[float] = f.number("90 % quantile of it.", UNITS)
    q95: Series[float] = f.number("95 % quantile of it.", UNITS)
    q98: Series[float] = f.number("98 % quantile of it.", UNITS)
    q99: Series[float] = f.number("99 % quantile of it.", UNITS)
    basis: Series[str] = f.text("What it was measured on.")
    class_sd_units: Series[float] = f.number("Standard deviation that its class and history give it, its own backtest errors left aside.", UNITS, optional=True)
    bias_units: Series[float] = f.number("Demand above forecast that is to be expected; the standard deviation is about it.", UNITS, optional=True)

    class Config(Contract.Config):
        unique = ["product", "region", "months"]
        metadata = made_by("20_demand")
