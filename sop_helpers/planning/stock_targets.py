"""Inventory targets by item, location and month from what the forecast is known to miss."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.inventory import safety_stock
from sop_helpers.planning.supply_network import Matrix, check_bills, month_number, path_costs, serve_from

DAYS_PER_MONTH = 365 / 12
# Half the width of an 80 % band of a normal error is 1.2816 standard deviations.
_BAND80 = 2 * 1.2815515655446004
# A mean absolute error of a normal error times this is its standard deviation.
_MAE_TO_SD = float(np.sqrt(np.pi / 2))


def inventory_targets(
    demand: pd.DataFrame,
    forecast: pd.DataFrame,
    operations: pd.DataFrame,
    components: pd.DataFrame,
    regions: pd.DataFrame,
    inventory: pd.DataFrame,
    stock_policies: pd.DataFrame,
    products: pd.DataFrame,
    months: pd.DatetimeIndex,
    *,
    service_level: float = 0.95,
    accuracy: pd.DataFrame | None = None,
    review_months: float = 1.0,
) -> pd.DataFrame:
    """Return inventory targets, as the contract inventory_targets.

    Where customers are served, stock bridges the lead time of getting the item there (making or buying and moving it) plus the review; it holds what
    a gamma distribution of the forecast's error over that time asks for. Errors of regions are taken as independent. Components bridge their own
    lead time, with demand and error exploded from what they go into. A policy in days of cover replaces the service level; minimum and
    maximum, and shelf life, bound the result.

    Parameters
    ----------
    demand : DataFrame
        month, product, region, units (the consensus).
    forecast : DataFrame
        As the contract; lo80 and hi80 tell the error. May be empty: then `accuracy` or nothing tells it.
    operations, components, regions, inventory, stock_policies, products : DataFrame
        As the contracts; all but products may be empty.
    months : DatetimeIndex
        Months planned.
    service_level : float
        Cycle service level where no policy says otherwise.
    accuracy : DataFrame, optional
        As the contract; where the measured error of a product-region is larger than its band says, the measured one counts.
    review_months : float
        Time between two decisions.

    Raises
    ------
    ValueError
        A bill of material has a cycle.
    """
    check_bills(operations, components)
    periods = len(months)
    series = demand[["product", "region"]].drop_duplicates().sort_values(["product", "region"], ignore_index=True)
    series["location"] = serve_from(series, regions, inventory, operations)
    units, sd = _matrix(demand, series, months, "units"), _errors(forecast, accuracy, series, months)

    ops = operations.sort_values("operation", ignore_index=True)
    made = components[components["operation"].isin(ops.loc[ops["kind"] == "make", "operation"])].merge(ops[["operation", "location"]], on="operation")
    moved = ops.loc[ops["kind"] == "move", ["operation", "item", "from_location"]].dropna().rename(columns={"from_location": "location"}).assign(units_per=1.0)
    inputs = pd.concat([made[["operation", "item", "location", "units_per"]], moved], ignore_index=True)
    sold = series[["product", "location"]].rename(columns={"product": "item"})
    nodes = pd.concat([sold, ops[["item", "location"]], inputs[["item", "location"]]]).drop_duplicates().sort_values(["item", "location"], ignore_index=True)
    at = pd.MultiIndex.from_frame(nodes)
    out_of = at.get_indexer(pd.MultiIndex.from_frame(ops[["item", "location"]]))
    uses = pd.DataFrame(
        {
            "op": pd.Index(ops["operation"]).get_indexer(inputs["operation"]),
            "node": at.get_indexer(pd.MultiIndex.from_frame(inputs[["item", "location"]])),
            "units_per": inputs["units_per"].to_numpy(dtype=float),
        }
    )
    _, best, _ = path_costs(out_of, ops["unit_cost"].to_numpy(dtype=float), uses, np.zeros(len(nodes)))
    lead = _leads(nodes, ops, best, uses)

    mean, variance = np.zeros((len(nodes), periods)), np.zeros((len(nodes), periods))
    at_node = at.get_indexer(pd.MultiIndex.from_frame(sold))
    np.add.at(mean, at_node, units)
    np.add.at(variance, at_node, sd**2)
    # What is moved on is kept where it is sold; components are kept where they are used.
    is_product = nodes["item"].isin(products["product"]).to_numpy()
    by_move = (ops["kind"] == "move").to_numpy()[uses["op"].to_numpy()] if len(uses) else np.array([], dtype=bool)
    kept = ~(by_move & is_product[uses["node"].to_numpy()])
    mean, variance = _explode(mean, variance, best, uses.assign(kept=kept), out_of)

    bridge = lead + review_months
    first = np.clip(bridge[:, None] - np.arange(periods), 0.0, 1.0)
    near, near_sd = (mean * first).sum(axis=1), np.sqrt((variance * first).sum(axis=1))
    rel = np.divide(near_sd, near, out=np.zeros_like(near), where=near > 0)
    # Error grows with demand: the error of the first months, relative to their demand, is taken to the months ahead.
    ahead = window(mean, bridge)
    cum_sd = np.where((near > 0)[:, None], rel[:, None] * ahead, near_sd[:, None])

    rule = stock_policies.drop_duplicates(["item", "location"]).set_index(["item", "location"]).reindex(at).reset_index(drop=True)
    level = rule["service_level"].astype(float).fillna(service_level).to_numpy()
    days = rule["days_of_cover"].astype(float).to_numpy()
    safety = safety_stock(level[:, None], ahead, cum_sd, "gamma")
    cover = window(mean, np.nan_to_num(days) / DAYS_PER_MONTH)
    by_days = ~np.isnan(days)
    safety = np.where(by_days[:, None], cover, safety)
    life = (
        nodes["item"].map(products.set_index("product")["shelf_life_months"]).astype(float).to_numpy()
        if "shelf_life_months" in products
        else np.full(len(nodes), np.nan)
    )
    target = np.where(np.isnan(life)[:, None], safety, np.minimum(safety, window(mean, np.nan_to_num(life))))
    least, most = rule["min_units"].astype(float).fillna(0.0).to_numpy(), rule["max_units"].astype(float).fillna(np.inf).to_numpy()
    target = np.minimum(np.maximum(target, least[:, None]), most[:, None])

    method = np.where(
        by_days,
        "days of future demand",
        "gamma quantile of the forecast error over " + pd.Series(bridge).map("{:.1f}".format).to_numpy(dtype=object) + " months",
    )
    method = method + np.where(least > 0, ", at least the minimum", "") + np.where(np.isfinite(most), ", at most the maximum", "")
    index = np.repeat(np.arange(len(nodes)), periods)
    return pd.DataFrame(
        {
            "month": np.tile(months.to_numpy().astype("datetime64[us]"), len(nodes)),
            "item": nodes["item"].to_numpy()[index],
            "location": nodes["location"].to_numpy()[index],
            "safety_units": safety.reshape(-1),
            "target_units": target.reshape(-1),
            "service_level": np.where(by_days, np.nan, level)[index],
            "method": method[index],
        }
    )


def window(units: Matrix, length: np.ndarray) -> Matrix:
    """Return the units of the `length` months (may be fractional) after each month, row by row.

    Months beyond the last repeat those of a year before, or the last one where the table is shorter than a year.
    """
    periods = units.shape[1]
    far = int(np.ceil(length.max(initial=0.0))) + 1
    back = 12 if periods >= 12 else 1
    total = units
    while total.shape[1] < periods + far:
        total = np.concatenate([total, total[:, [-back]]], axis=1)
    total = np.concatenate([np.zeros((len(units), 1)), total.cumsum(axis=1)], axis=1)
    whole = np.floor(length).astype(np.int64)
    start = np.arange(periods)[None, :] + 1
    end = start + whole[:, None]
    row = np.arange(len(units))[:, None]
    part = (length - whole)[:, None] * (total[row, end + 1] - total[row, end])
    return total[row, end] - total[row, start] + part


def _matrix(frame: pd.DataFrame, series: pd.DataFrame, months: pd.DatetimeIndex, column: str, fill: float = 0.0) -> Matrix:
    out = np.full((len(series), len(months)), fill)
    row = pd.MultiIndex.from_frame(series[["product", "region"]]).get_indexer(pd.MultiIndex.from_frame(frame[["product", "region"]]))
    col = month_number(frame["month"], months[0])
    known = (row >= 0) & (col >= 0) & (col < len(months))
    out[row[known], col[known]] = frame[column].to_numpy(dtype=float)[known]
    return out


def _errors(forecast: pd.DataFrame, accuracy: pd.DataFrame | None, series: pd.DataFrame, months: pd.DatetimeIndex) -> Matrix:
    """Standard deviation of the error by series and month."""
    sd = np.zeros((len(series), len(months)))
    if len(forecast):
        wide = forecast.assign(sd=(forecast["hi80"] - forecast["lo80"]) / _BAND80)
        sd = _matrix(wide, series, months, "sd")
    if accuracy is None or accuracy.empty:
        return sd
    # The measured error of the published forecast comes first, then that of the statistical one from the backtest.
    rank = {("consensus", "closed months"): 0, ("consensus", "backtest"): 1, ("statistical", "closed months"): 2, ("statistical", "backtest"): 3}
    own = accuracy[(accuracy["level"] == "product-region") & (accuracy["points"] >= 6)]
    own = own.assign(rank=[rank.get(k, 9) for k in zip(own["stream"], own["basis"], strict=True)])
    own = own[own["rank"] < 9].sort_values(["key", "rank", "lag"], kind="stable").drop_duplicates("key").set_index("key")
    if own.empty:
        return sd
    mae = (own["abs_error_units"] / own["points"]).reindex(series["product"] + " / " + series["region"]).fillna(0.0).to_numpy(dtype=float)
    return np.maximum(sd, (_MAE_TO_SD * mae)[:, None])


def _leads(nodes: pd.DataFrame, ops: pd.DataFrame, best: np.ndarray, uses: pd.DataFrame) -> np.ndarray:
    """Months from release to receipt at each node, moves counted back to where the item is made or bought."""
    own = np.where(best >= 0, ops["lead_time_months"].to_numpy(dtype=float)[np.maximum(best, 0)] if len(ops) else 0.0, 0.0)
    source = np.full(len(ops), -1)
    moves = uses[(ops["kind"] == "move").to_numpy()[uses["op"].to_numpy()]] if len(uses) else uses
    source[moves["op"].to_numpy()] = moves["node"].to_numpy()
    before = np.where(best >= 0, source[np.maximum(best, 0)] if len(ops) else -1, -1)
    lead, seen = own.copy(), before.copy()
    for _ in range(len(nodes)):
        if (seen < 0).all():
            break
        lead = lead + np.where(seen >= 0, own[np.maximum(seen, 0)], 0.0)
        seen = np.where(seen >= 0, before[np.maximum(seen, 0)], -1)
    return lead


def _explode(mean: Matrix, variance: Matrix, best: np.ndarray, uses: pd.DataFrame, out_of: np.ndarray) -> tuple[Matrix, Matrix]:
    """Demand and its variance at every node, with those of what it goes into along the cheapest operations where the use is `kept`."""
    chosen = uses[np.isin(uses["op"], best[best >= 0])]
    parent, child, per = out_of[chosen["op"].to_numpy()], chosen["node"].to_numpy(), chosen["units_per"].to_numpy()
    kept = chosen["kept"].to_numpy(dtype=float)[:, None]
    total, total_variance = mean.copy(), variance.copy()
    step, step_variance = mean, variance
    for _ in range(len(mean)):
        flow, flow_variance = step[parent] * per[:, None], step_variance[parent] * per[:, None] ** 2
        np.add.at(total, child, flow * kept)
        np.add.at(total_variance, child, flow_variance * kept)
        step, step_variance = np.zeros_like(mean), np.zeros_like(mean)
        np.add.at(step, child, flow)
        np.add.at(step_variance, child, flow_variance)
        if not step.any():
            break
    return total, total_variance
