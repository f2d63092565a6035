"""Contracts of what the demand step measures beside its plan."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import UNITS, Contract, Month, made_by


class Accuracy(Contract):
    """Measured error by level, stream and lag: from rolling-origin backtests and from closed months."""

    level: Series[str] = f.code("product-region, product, family, region, area, channel or total; area and channel where regions state them.")
    key: Series[str] = f.code("Member of the level, parts joined by ' / '.")
    stream: Series[str] = f.code("Whose forecast: a model, statistical, consensus, seasonal naive.")
    basis: Series[str] = f.code("backtest or closed months.", isin=["backtest", "closed months"])
    lag: Series[float] = f.number("Months between forecast and month forecast.", "months", ge=0)
    points: Series[float] = f.number("Forecasts measured.", "count", ge=0)
    actual_units: Series[float] = f.number("Sum of actuals.", UNITS)
    abs_error_units: Series[float] = f.number("Sum of absolute errors.", UNITS, ge=0)
    wmape: Series[float] = f.share("Sum of absolute errors over sum of actuals.", optional=True)
    bias: Series[float] = f.share("Sum of forecast minus actual over sum of actuals; above zero is over-forecast.", optional=True)
    smape: Series[float] = f.share("Mean of 2 abs(e) / (actual + forecast).", optional=True)
    mase: Series[float] = f.number("Mean absolute error over that of seasonal naive in the history known at the forecast.", "ratio", optional=True)
    rmsse: Series[float] = f.number("Root mean squared error over that of seasonal naive in the history known at the forecast.", "ratio", optional=True)
    coverage80: Series[float] = f.share(
        "Share of actuals inside the 80 % band of the statistical forecast: that of the series, or in a backtest that of the sum, made as the band of a family "
        "is drawn and widened as other origins say, or as the closed month kept it (forecast_bands; blank where it kept none).", optional=True)
    coverage95: Series[float] = f.share("The same of the 95 % band; blank for sums of which too few errors are known for one.", optional=True)
    series_coverage80: Series[float] = f.share("Share of its products and regions whose own actuals were inside their own 80 % bands.", optional=True)
    series_coverage95: Series[float] = f.share("The same of their 95 % bands.", optional=True)
    pinball80: Series[float] = f.share("Mean pinball loss of both limits of the 80 % band (see coverage80), over actuals.", optional=True)

    class Config(Contract.Config):
        unique = ["level", "key", "stream", "basis", "lag"]
        metadata = made_by("20_demand")


class ForecastLevels(Contract):
    """Error of the forecast at every level of the hierarchy, in the backtest up to the decision lag."""

    level: Series[str] = f.text("Total, family, area, channel, region, family and one of these, product, or product and region.")
    nodes: Series[float] = f.number("Forecasts at this level.", "count", ge=0)
    base_wmape: Series[float] = f.share("WMAPE of the level's own forecast.", optional=True)
    bottom_up_wmape: Series[float] = f.share("WMAPE of the sum of the forecasts by product and region.", optional=True)
    reconciled_wmape: Series[float] = f.share("WMAPE of what is used.", optional=True)

    class Config(Contract.Config):
        unique = ["level"]
        metadata = made_by("20_demand")


class ForecastBands(Contract):
    """Bands of sums of the statistical forecast: kept, so that later months can tell whether they held."""

    level: Series[str] = f.code("family, region or total.", isin=["family", "region", "total"])
    key: Series[str] = f.code("Member of the level.")
    month: Series[Month] = f.month("Month forecast.")
    units: Series[float] = f.number("Sum of the point forecasts.", UNITS, ge=0)
    lo95: Series[float] = f.number("2.5 % quantile of the sum; blank where too few errors are known for it.", UNITS, ge=0, optional=True)
    lo80: Series[float] = f.number("10 % quantile of the sum.", UNITS, ge=0)
    hi80: Series[float] = f.number("90 % quantile of the sum.", UNITS, ge=0)
    hi95: Series[float] = f.number("97.5 % quantile of the sum; blank where too few errors are known for it.", UNITS, ge=0, optional=True)

    class Config(Contract.Config):
        unique = ["level", "key", "month"]
        metadata = made_by("20_demand")


class MethodChanges(Contract):
    """Series whose method of forecasting is not that of the last closed month, and the error of both in the backtest."""

    product: Series[str] = f.code("Product.")
    region: Series[str] = f.code("Region.")
    last_model: Series[str] = f.code("Model of the last closed month.")
    model: Series[str] = f.code("Model of this month.")
    points: Series[float] = f.number("Forecasts tried out, up to the decision lag.", "count", ge=0)
    last_wmape: Series[float] = f.share(
        "WMAPE of last month's model, alone, on them; blank for a share of the family and where its history was too short for it.", optional=True)
    wmape: Series[float] = f.share("WMAPE of this month's on the same.", optional=True)
    why: Series[str] = f.text("Why it changed.")

    class Config(Contract.Config):
        unique = ["product", "region"]
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


class TeamViews(Contract):
    """What each view expects in all, split down to product and region."""

    month: Series[Month] = f.month("Month.")
    product: Series[str] = f.code("Product.")
    region: Series[str] = f.code("Region.")
    stream: Series[str] = f.code("statistical (with launches, phase-outs and insights), last consensus, sales, pipeline, marketing, product or finance.")
    units: Series[float] = f.number("All units that it expects.", UNITS, ge=0)

    class Config(Contract.Config):
        unique = ["month", "product", "region", "stream"]
        metadata = made_by("20_demand")


class ViewAccuracy(Contract):
    """How far each view was off at the decision lag, by family, and the weight that this earns it."""

    family: Series[str] = f.code("Family; all where a view named none.")
    stream: Series[str] = f.code("View.")
    points: Series[float] = f.number("Months measured.", "count", ge=0)
    wmape: Series[float] = f.share("Sum of absolute errors of the family's months over sum of actuals.", optional=True)
    bias: Series[float] = f.share("Sum of forecast minus actual over sum of actuals; above zero is over-forecast.", optional=True)
    weight: Series[float] = f.share("By the inverse of the mean squared error; blank where fewer than two views were measured in six months.", optional=True)

    class Config(Contract.Config):
        unique = ["family", "stream"]
        metadata = made_by("20_demand")


class ForecastHabits(Contract):
    """Who forecasts too high or too low as a habit, and the correction that is offered."""

    stream: Series[str] = f.code("View.")
    author: Series[str] = f.text("Who said so; all together where several stated parts of the same, of which only the sum can be held against what came.")
    family: Series[str] = f.code("Family.")
    points: Series[float] = f.number("Months measured.", "count", ge=0)
    bias: Series[float] = f.share("Mean of log(forecast / actual), as a share; above zero is over-forecast.")
    t: Series[float] = f.number("That mean over its standard error.", "ratio")
    factor: Series[float] = f.number("Factor offered on the next view: it takes half of the habit away; 1 offers nothing.", "factor", gt=0)
    note: Series[str] = f.text("In words.")

    class Config(Contract.Config):
        unique = ["stream", "author", "family"]
        metadata = made_by("20_demand")


class Assumptions(Contract):
    """The register of assumptions: each insight and override with the volume of the plan that hangs on it."""

    source: Series[str] = f.code("Insight or override.")
    kind: Series[str] = f.code("Kind of the insight, override or locked override.")
    author: Series[str] = f.text("Who said so.")
    subject: Series[str] = f.text("Family / product / region that it is about.")
    start_month: Series[Month] = f.month("First month of its effect.")
    end_month: Series[Month] = f.month("Last month of its effect.")
    expires_month: Series[Month] = f.month("Month from which it no longer counts unless renewed.", optional=True)
    units: Series[float] = f.number("Units of this plan that hang on it; what it would take beyond what there is does not count.", UNITS)
    money: Series[float] = f.money("The same at the selling price.")
    status: Series[str] = f.code("in the plan, ends soon, expired, past, without effect.")
    text: Series[str] = f.text("In their words.", optional=True)

    class Config(Contract.Config):
        metadata = made_by("20_demand")


class FenceBreaches(Contract):
    """Where the plan of the frozen months moved by more than was agreed since the last closed month."""

    month: Series[Month] = f.month("Month inside the freeze fence.")
    family: Series[str] = f.code("Family.")
    region: Series[str] = f.code("Region.")
    product: Series[str] = f.code("Product that moved by more units than its family and region may; blank for these as a whole.", optional=True)
    before: Series[float] = f.number("Plan of the last closed month.", UNITS)
    units: Series[float] = f.number("Plan of this month.", UNITS)
    change_pct: Series[float] = f.number("Change of it.", "%", optional=True)
    money: Series[float] = f.money("Change at the selling price.", optional=True)
    stream: Series[str] = f.code("Stream that moved most.", optional=True)
    source: Series[str] = f.code("Where that came from.", optional=True)

    class Config(Contract.Config):
        unique = ["month", "family", "region", "product"]
        metadata = made_by("20_demand")


class PeopleValue(Contract):
    """What each person's changes did to the error of closed months' plans, each against the plan that it changed; what was replaced counts for nobody."""

    person: Series[str] = f.text("Who changed the plan.")
    reason: Series[str] = f.code("Stream of the change.")
    points: Series[float] = f.number("Months of products and regions touched, and since come.", "count", ge=0)
    wmape_without: Series[float] = f.share("WMAPE of what was touched, in the plan before the change.", optional=True)
    wmape_with: Series[float] = f.share("WMAPE in the plan with it.", optional=True)
    fva_points: Series[float] = f.number("Percentage points that the change took off the error.", "points", optional=True)
    note: Series[str] = f.text("In words, with a caution where there are few.")

    class Config(Contract.Config):
        unique = ["person", "reason"]
        metadata = made_by("20_demand")


class BudgetGap(Contract):
    """The fiscal year against its budget, by month and family, in units and money."""

    month: Series[Month] = f.month("Month.")
    family: Series[str] = f.code("Family.")
    part: Series[str] = f.code("so far (sold) or to go (planned).")
    budget_units: Series[float] = f.number("Units budgeted.", UNITS)
    units: Series[float] = f.number("Units sold or planned.", UNITS)
    gap_units: Series[float] = f.number("Sold or planned less budget.", UNITS)
    budget_money: Series[float] = f.money("Revenue budgeted.")
    money: Series[float] = f.money("Revenue sold or planned.")
    gap_money: Series[float] = f.money("Sold or planned less budget.")

    class Config(Contract.Config):
        unique = ["month", "family"]
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
