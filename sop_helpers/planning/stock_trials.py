"""Stock rules tried out on past months: what service was wanted, what came, and what stock it took."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from sop_helpers.planning.cumulative import CLASS_WEIGHT, OVERLAP, summed_errors
from sop_helpers.planning.error_bias import SPARSE, drawn_rates
from sop_helpers.planning.error_growth import estimated
from sop_helpers.planning.forecasting import trim
from sop_helpers.planning.frames import month_count, no_rows
from sop_helpers.planning.lead_demand import LeadDemand
from sop_helpers.planning.panel import KEYS, Panel, to_panel
from sop_helpers.planning.published_errors import closed_sums
from sop_helpers.planning.smoothing import Matrix
from sop_helpers.planning.stock_targets import COUNTED
from sop_helpers.planning.supply_orders import to_order

RULES = ("measured error", "usual formula")
USUAL_MONTHS = 24  # months of demand that the usual formula takes its standard deviation of
COLUMNS = ["basis", "rule", "kind", "target", "cycles", "achieved", "fill_rate", "safety_units", "safety_value"]


def forecast_trials(tried: pd.DataFrame, closed: pd.DataFrame, panel: Panel, most_months: int = 6) -> pd.DataFrame:
    """Add up what was forecast from past months, and what came, over the first months.

    Parameters
    ----------
    tried : DataFrame
        Backtest: product, region, kind, origin, lag, actual, statistical.
    closed : DataFrame
        month, product, region, lag, actual, consensus (see `accuracy.closed_table`).
    panel : Panel
        Demand.
    most_months : int
        Longest sum.

    Returns
    -------
    DataFrame
        As the contract ``forecast_trials``.
    """
    sums = summed_errors(tried, most_months)
    said, came = sums["said"] * sums["scale"], (sums["said"] + sums["error"]) * sums["scale"]
    shift = drawn_rates(sums, panel, trim(panel.values))[0]["shift"] * sums["scale"] if len(sums) else 0.0
    sums = sums.assign(months=sums["months"].astype(float), forecast_units=said, actual_units=came.clip(lower=0), expected_units=(said + shift).clip(lower=0))
    kind = sums.groupby(KEYS)["kind"].last()
    lived = closed_sums(closed).rename(columns={"forecast": "forecast_units", "actual": "actual_units"})
    lived = lived[lived["months"] <= most_months]
    lived["origin"] = pd.PeriodIndex.from_ordinals(lived["origin"].astype(np.int64) - 1 - 1970 * 12, freq="M").to_timestamp().astype("datetime64[us]")
    lived["kind"] = kind.reindex(pd.MultiIndex.from_frame(lived[KEYS])).fillna("not tried").to_numpy()
    lived["expected_units"] = lived["forecast_units"]
    columns = [*KEYS, "kind", "basis", "origin", "months", "forecast_units", "actual_units", "expected_units"]
    parts = [part.assign(basis=name)[columns] for part, name in ((sums, "backtest"), (lived, "closed months")) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def stock_backtest(
    trials: pd.DataFrame, errors: pd.DataFrame, history: pd.DataFrame, bridge: pd.Series, products: pd.DataFrame, targets: Sequence[float] = (0.95, 0.98)
) -> pd.DataFrame:
    """Try stock rules out: the stock each would have set at a past month, against the demand of lead time and review that followed.

    The measured error is that of other months: trials whose months overlap with the one tried are left out of it. The usual formula is
    z times the standard deviation of the last `USUAL_MONTHS` of demand times the root of the months, on top of the same forecast.

    Parameters
    ----------
    trials, errors : DataFrame
        As the contracts forecast_trials and forecast_errors.
    history : DataFrame
        month, product, region, units.
    bridge : Series
        Months that stock bridges by product; rounded to whole ones that were tried.
    products : DataFrame
        product, unit_cost; made_to where the company tells it: what is made to order is left out.
    targets : sequence of float
        Cycle service levels.

    Returns
    -------
    DataFrame
        As the contract ``stock_backtest``; empty where nothing was tried out.
    """
    trials = trials[~trials["product"].isin(to_order(products))]  # no stock is set of it
    if trials.empty or errors.empty:
        return no_backtest()
    most = errors["months"].max()
    wanted = np.rint(trials["product"].map(bridge).astype(float).fillna(1.0)).clip(1, most)
    mine = trials[trials["months"] == wanted].merge(errors[[*KEYS, "months", "sd_units", "class_sd_units", "bias_units"]], on=[*KEYS, "months"])
    if mine.empty:
        return no_backtest()
    parts = [_without_itself(group) for (_, basis), group in mine.groupby(["months", "basis"]) if basis == "backtest"]
    mine = pd.concat([*parts, mine[mine["basis"] != "backtest"].assign(spread=lambda f: f["sd_units"])], ignore_index=True)
    mean, spread = mine["forecast_units"].to_numpy(dtype=float), mine["spread"].to_numpy(dtype=float)
    sold = history[history["units"] > 0].groupby(KEYS).size().reindex(pd.MultiIndex.from_frame(mine[KEYS])).fillna(0.0).to_numpy(dtype=float)
    spread = np.where(mine["basis"] == "backtest", spread * estimated(sold), spread)
    regular = ~mine["kind"].isin(SPARSE).to_numpy()
    bias = np.where(regular, np.clip(mine["bias_units"].fillna(0.0), -0.5 * spread, 0.5 * spread), mine["expected_units"] - mean)
    lower = np.where(regular & (mine["basis"] == "backtest"), bias, 0.0)
    family = np.where(mean < COUNTED, "negative binomial", "gamma").astype(object)
    one = np.ones((len(mean), 1))
    demand = LeadDemand(np.maximum(mean + bias, 0.0)[:, None], np.sqrt(spread**2 - lower**2)[:, None], one, family, np.zeros((len(mean), 1, 6)))
    usual = _usual_spread(mine, history) * np.sqrt(mine["months"].to_numpy(dtype=float))
    cost = mine["product"].map(products.set_index("product")["unit_cost"]).astype(float).fillna(0.0).to_numpy()
    rows = []
    for target in targets:
        level = np.full(len(mean), float(target))
        for rule, stock in zip(RULES, (demand.for_service(level), mean + stats.norm.ppf(target) * usual), strict=True):
            part = mine[["basis", "kind"]].assign(rule=rule, target=target, lasted=mine["actual_units"] <= stock + 1e-9, actual=mine["actual_units"],
                                                  served=np.minimum(mine["actual_units"], stock), safety=np.maximum(stock - mean, 0.0))  # fmt: skip
            rows.append(part.assign(value=part["safety"] * cost, origin=mine["origin"])[np.isfinite(stock)])
    return _added(pd.concat(rows, ignore_index=True))


def no_backtest() -> pd.DataFrame:
    """Return the table where nothing was tried out."""
    return no_rows(COLUMNS, ["basis", "rule", "kind"])


def backtest_words(table: pd.DataFrame) -> str:
    """Say what the rules gave, of all classes together, for the highest target."""
    every = table[(table["kind"] == "all") & (table["basis"] == "backtest")]
    if every.empty:
        return "No past month could be tried out yet, so nobody knows what service the targets give."
    target = every["target"].max()
    ours, usual = (every[(every["rule"] == rule) & (every["target"] == target)] for rule in RULES)
    text = f"Wanted {target:.0%}: the measured error gave {ours['achieved'].iloc[0]:.1%} in {ours['cycles'].iloc[0]:,.0f} past cycles"
    if len(usual):
        more = usual["safety_value"].iloc[0] / ours["safety_value"].iloc[0] - 1 if ours["safety_value"].iloc[0] > 0 else np.nan
        text += f"; the usual formula would have given {usual['achieved'].iloc[0]:.1%}"
        text += f" with {abs(more):.0%} {'more' if more > 0 else 'less'} safety stock" if np.isfinite(more) else ""
    return text + "."


def _without_itself(group: pd.DataFrame) -> pd.DataFrame:
    """Give each trial the spread that the trials of other months tell: of its class, and drawn to its own."""
    months = int(group["months"].iloc[0])
    square = ((group["actual_units"] - group["expected_units"]) / group["class_sd_units"].where(group["class_sd_units"] > 0)) ** 2
    wide = group.assign(square=square).pivot(index=KEYS, columns="origin", values="square")
    number = month_count(wide.columns)
    apart = (np.abs(number.to_numpy()[:, None] - number.to_numpy()[None, :]) >= months).astype(float)
    # Where all other origins overlap, all but itself must do.
    apart = np.where(apart.sum(axis=1, keepdims=True) > 0, apart, 1 - np.eye(len(number)))
    there, squares = np.isfinite(wide.to_numpy()).astype(float), np.nan_to_num(wide.to_numpy())
    kind = group.groupby(KEYS)["kind"].last().reindex(wide.index).to_numpy()
    total, count = squares @ apart.T, there @ apart.T
    pool = _by_class(total, kind) / np.maximum(_by_class(count, kind), 1)
    pool = np.where(_by_class(count, kind) > 0, pool, 1.0)
    pool = np.where(pool > 0, pool, 1.0)
    few = np.maximum(months * OVERLAP, 1.0)
    factor = np.sqrt(pool * (total / pool / few + CLASS_WEIGHT) / (count / few + CLASS_WEIGHT))
    long = pd.DataFrame(factor, index=wide.index, columns=wide.columns).stack().rename("factor").reset_index()
    out = group.merge(long, on=[*KEYS, "origin"], how="left")
    return out.assign(spread=out["class_sd_units"] * out["factor"]).drop(columns="factor")


def _by_class(values: Matrix, kind: np.ndarray) -> Matrix:
    return pd.DataFrame(values).groupby(kind).transform("sum").to_numpy()


def _usual_spread(mine: pd.DataFrame, history: pd.DataFrame) -> Matrix:
    """Standard deviation of the demand that was known at each trial's origin; NaN where there was less than half a year."""
    panel = to_panel(history)
    rolling = pd.DataFrame(panel.values.T).rolling(USUAL_MONTHS, min_periods=6).std().to_numpy().T
    row = pd.MultiIndex.from_frame(panel.keys[KEYS]).get_indexer(pd.MultiIndex.from_frame(mine[KEYS]))
    col = panel.months.get_indexer(pd.DatetimeIndex(mine["origin"]))
    known = (row >= 0) & (col >= 0)
    return np.where(known, rolling[np.maximum(row, 0), np.maximum(col, 0)], np.nan)


def _added(rows: pd.DataFrame) -> pd.DataFrame:
    every = pd.concat([rows, rows.assign(kind="all")], ignore_index=True)
    keys = ["basis", "rule", "kind", "target"]
    groups = every.groupby(keys, sort=True)
    out = groups.agg(cycles=("lasted", "size"), achieved=("lasted", "mean"), safety_units=("safety", "sum"), safety_value=("value", "sum"),
                     actual=("actual", "sum"), served=("served", "sum"), origins=("origin", "nunique")).reset_index()  # fmt: skip
    out["fill_rate"] = out["served"] / out["actual"].where(out["actual"] > 0)
    out[["safety_units", "safety_value"]] = out[["safety_units", "safety_value"]].div(out["origins"], axis=0)
    return out.astype({"cycles": float})[COLUMNS]
