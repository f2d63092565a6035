"""Where stock is kept and what it has to bridge: items at locations, their demand and its error through the bill of material, and their lead times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.cumulative import LEVELS
from sop_helpers.planning.frames import among
from sop_helpers.planning.lead_times import CHANCES, added, lead_times
from sop_helpers.planning.shared_errors import joint_variance, together
from sop_helpers.planning.supply_network import Matrix, check_bills, good_share, month_number, path_costs, serve_from

# Half the width of an 80 % band of a normal error is 1.2816 standard deviations.
_BAND80 = 2 * 1.2815515655446004


@dataclass(frozen=True)
class StockNodes:
    """Items at locations (n), with their demand by month (t) and the error of its sums over 1 to m months.

    Attributes
    ----------
    nodes : DataFrame
        item, location; sorted.
    demand : ndarray (n, t)
        Demand by month, exploded to what goes into it.
    forecast : ndarray (n, t)
        What the error was measured against, exploded alike.
    variance : ndarray (n, m)
        Variance of the error of the first 1 to m months together, about the bias.
    bias : ndarray (n, m)
        Demand above forecast that is to be expected in them.
    shape : ndarray (n, m, 6)
        Quantiles of that error in standard deviations; known where one series is served, else NaN.
    lead : ndarray (n, k)
        Months from release to receipt with the probabilities `chance`, (k,).
    basis, told : ndarray of str (n,)
        What the error and the lead time were measured on.
    lot : ndarray (n,)
        Smallest lot of the operation that brings the item.
    """

    nodes: pd.DataFrame
    demand: Matrix
    forecast: Matrix
    variance: Matrix
    bias: Matrix
    shape: Matrix
    lead: Matrix
    chance: Matrix
    basis: NDArray[np.object_]
    told: NDArray[np.object_]
    lot: Matrix

    def error(self, bridge: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        """Return standard deviation and bias (n, k), and shape (n, k, 6), of the error over `bridge` months (n, k), which may be fractional.

        Between whole numbers of months the variance is interpolated; beyond the last, it grows on as it grew over the second half of them.
        """
        most = self.variance.shape[1]
        known = np.concatenate([np.zeros((len(self.nodes), 1)), self.variance], axis=1)
        inside = np.clip(bridge, 0, most)
        low = np.minimum(np.floor(inside).astype(np.int64), most - 1)
        row, part = np.arange(len(self.nodes))[:, None], inside - low
        variance = known[row, low] * (1 - part) + known[row, low + 1] * part
        half = max(most // 2, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            power = np.log(known[:, most] / known[:, half]) / np.log(most / half) if most > 1 else np.ones(len(self.nodes))
        power = np.clip(np.nan_to_num(power, nan=1.0, posinf=2.0), 1.0, 2.0)
        beyond = np.maximum(bridge / most, 1.0) ** power[:, None]
        so_far = np.concatenate([np.zeros((len(self.nodes), 1)), self.bias], axis=1)
        bias = (so_far[row, low] * (1 - part) + so_far[row, low + 1] * part) * np.maximum(bridge / most, 1.0)
        return np.sqrt(variance * beyond), bias, self.shape[row, np.clip(np.rint(inside).astype(np.int64), 1, most) - 1]


def stock_nodes(
    demand: pd.DataFrame,
    forecast: pd.DataFrame,
    errors: pd.DataFrame | None,
    operations: pd.DataFrame,
    components: pd.DataFrame,
    regions: pd.DataFrame,
    inventory: pd.DataFrame,
    products: pd.DataFrame,
    months: pd.DatetimeIndex,
    deliveries: pd.DataFrame | None = None,
    trials: pd.DataFrame | None = None,
) -> StockNodes:
    """Lay demand, its error and lead times out over items and locations; arguments as `stock_targets.inventory_targets`."""
    check_bills(operations, components)
    series = demand[["product", "region"]].drop_duplicates().sort_values(["product", "region"], ignore_index=True)
    series["location"] = serve_from(series, regions, inventory, operations)
    units = matrix(demand, series, months, "units")
    said = matrix(forecast, series, months, "units") if len(forecast) else units.copy()
    variance, bias, shape, basis = _errors(forecast, errors, series, said, units, products, months)

    ops = operations.sort_values("operation", ignore_index=True)
    made = components[among(components["operation"], ops.loc[ops["kind"] == "make", "operation"])].merge(ops[["operation", "location"]], on="operation")
    moved = ops.loc[ops["kind"] == "move", ["operation", "item", "from_location"]].rename(columns={"from_location": "location"}).assign(units_per=1.0)
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
    uses["units_per"] /= good_share(ops)[uses["op"].to_numpy()]  # what is lost on the way is needed as well
    _, best, _ = path_costs(out_of, ops["unit_cost"].to_numpy(dtype=float), uses, np.zeros(len(nodes)))
    lead, told = _leads(nodes, ops, best, uses, deliveries)
    lots = ops[["lot_min", "lot_multiple"]].astype(float).max(axis=1).fillna(0.0).to_numpy() if len(ops) else np.zeros(0)

    at_node = at.get_indexer(pd.MultiIndex.from_frame(sold))
    parts = (units, said, variance, bias)
    first = [np.zeros((len(nodes), part.shape[1])) for part in parts]
    for whole, part in zip(first, parts, strict=True):
        np.add.at(whole, at_node, part)
    # Stock answers for the error of the sum of the regions that it serves.
    joint = together(trials, series, variance.shape[1]).reindex(at)
    first[2] = joint_variance(variance, at_node, np.nan_to_num(joint.to_numpy(dtype=float), nan=0.0))
    # What is moved on is kept where it is sold; components are kept where they are used.
    is_product = among(nodes["item"], products["product"]).to_numpy()
    by_move = (ops["kind"] == "move").to_numpy()[uses["op"].to_numpy()] if len(uses) else np.array([], dtype=bool)
    edges = _edges(best, uses.assign(kept=~(by_move & is_product[uses["node"].to_numpy()])), out_of)
    mean, base, spread, usual = (_explode(whole, edges, power) for whole, power in zip(first, (1, 1, 2, 1), strict=True))
    alone = (np.bincount(at_node, minlength=len(nodes)) == 1) & np.isclose(mean.sum(axis=1), first[0].sum(axis=1))
    one = np.zeros(len(nodes), dtype=np.int64)
    one[at_node] = np.arange(len(series))
    own_shape = np.where(alone[:, None, None], shape[one], np.nan) if len(series) else np.full((len(nodes), variance.shape[1], len(LEVELS)), np.nan)
    words = np.where(np.bincount(at_node, minlength=len(nodes)) > 0, basis[one] if len(series) else "", "what it goes into").astype(object)
    words = np.where(joint.fillna(0.0).any(axis=1), words + ", its regions together", words).astype(object)
    lot = np.where(best >= 0, lots[np.maximum(best, 0)] if len(ops) else 0.0, 0.0)
    return StockNodes(nodes, mean, base, spread, usual, own_shape, lead, CHANCES if lead.shape[1] > 1 else np.ones(1), words, told, lot)


def window(units: Matrix, length: Matrix) -> Matrix:
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


def matrix(frame: pd.DataFrame, series: pd.DataFrame, months: pd.DatetimeIndex, column: str) -> Matrix:
    """Return a table's column as series by month, zero where it says nothing."""
    out = np.zeros((len(series), len(months)))
    row = pd.MultiIndex.from_frame(series[["product", "region"]]).get_indexer(pd.MultiIndex.from_frame(frame[["product", "region"]]))
    col = month_number(frame["month"], months[0])
    known = (row >= 0) & (col >= 0) & (col < len(months))
    out[row[known], col[known]] = frame[column].to_numpy(dtype=float)[known]
    return out


def _errors(
    forecast: pd.DataFrame, errors: pd.DataFrame | None, series: pd.DataFrame, said: Matrix, units: Matrix, products: pd.DataFrame, months: pd.DatetimeIndex
) -> tuple[Matrix, Matrix, Matrix, NDArray[np.object_]]:
    """Variance and bias (series, m) of the error of 1 to m months, its shape (series, m, 6), and what it was measured on.

    Where nothing was measured the bands of the forecast tell it, widened as much as sums of measured errors were. A series that has neither, a launch
    that lies ahead, gets a high error of its family relative to demand: that which nine in ten of its series stay below.
    """
    keys = pd.MultiIndex.from_frame(series[["product", "region"]])
    measured = errors is not None and not errors.empty
    most = int(errors["months"].max()) if measured else min(6, len(months))
    sd, shape = np.full((len(series), most), np.nan), np.full((len(series), most, len(LEVELS)), np.nan)
    bias = np.zeros((len(series), most))
    basis, wider = np.full(len(series), "bands of the forecast", dtype=object), np.ones(most)
    if measured:
        errors = errors.sort_values("months", ascending=False, kind="stable")
        row, col = keys.get_indexer(pd.MultiIndex.from_frame(errors[["product", "region"]])), errors["months"].to_numpy(dtype=np.int64) - 1
        good = row >= 0
        sd[row[good], col[good]] = errors["sd_units"].to_numpy(dtype=float)[good]
        shape[row[good], col[good]] = errors[list(LEVELS)].to_numpy(dtype=float)[good] / np.where(sd > 0, sd, 1.0)[row[good], col[good]][:, None]
        bias[row[good], col[good]] = np.nan_to_num(errors["bias_units"].to_numpy(dtype=float))[good] if "bias_units" in errors else 0.0
        basis[row[good]] = errors["basis"].to_numpy(dtype=object)[good]
        wider = errors.groupby("months")["correlation_factor"].median().reindex(range(1, most + 1)).ffill().to_numpy()
        # A history too short for the longest sums is taken to go on independently.
        for m in range(1, most):
            sd[:, m] = np.where(np.isnan(sd[:, m]), sd[:, m - 1] * np.sqrt((m + 1) / m), sd[:, m])
    if len(forecast):
        width = matrix(forecast.assign(sd=(forecast["hi80"] - forecast["lo80"]) / _BAND80), series, months, "sd")[:, :most]
        width = np.concatenate([width, np.repeat(width[:, -1:], most - width.shape[1], axis=1)], axis=1)
        sd = np.where(np.isnan(sd[:, :1]), np.sqrt((width**2).cumsum(axis=1)) * wider, sd)
    variance = np.nan_to_num(sd) ** 2
    total = said[:, : variance.shape[1]].cumsum(axis=1)
    total = np.concatenate([total, np.repeat(total[:, -1:], variance.shape[1] - total.shape[1], axis=1)], axis=1)
    bare = (variance[:, -1] <= 0) & (units.sum(axis=1) > 0)
    if bare.any() and not bare.all():
        family = series["product"].map(products.set_index("product")["family"]) if "family" in products else pd.Series("", index=series.index)
        # Against the whole horizon's mean month: a launch sells nothing in its first months.
        ratio = pd.DataFrame(np.where((total > 0) & ~bare[:, None], variance / np.where(total > 0, total, 1.0) ** 2, np.nan))
        usual = ratio.groupby(family.fillna("").to_numpy()).transform(lambda r: r.quantile(0.9)).fillna(ratio.quantile(0.9)).fillna(0.0).to_numpy()
        level = units.mean(axis=1, keepdims=True) * np.arange(1, variance.shape[1] + 1)
        variance = np.where(bare[:, None], usual * level**2, variance)
        basis = np.where(bare, "nine in ten of its family", basis)
        said[bare] = units[bare].mean(axis=1, keepdims=True)
    return variance, bias, shape, basis.astype(object)


def _leads(
    nodes: pd.DataFrame, ops: pd.DataFrame, best: NDArray[np.int64], uses: pd.DataFrame, deliveries: pd.DataFrame | None
) -> tuple[Matrix, NDArray[np.object_]]:
    """Months from release to receipt at each node, moves counted back to where the item is made or bought; one column where none varies."""
    times, told = lead_times(ops, deliveries)
    if not np.ptp(times, axis=1).any():
        times = times[:, :1]
    chosen = np.maximum(best, 0)
    own = np.where((best >= 0)[:, None], times[chosen], 0.0) if len(ops) else np.zeros((len(nodes), 1))
    words = np.where(best >= 0, np.array(told, dtype=object)[chosen], "none").astype(object) if len(ops) else np.full(len(nodes), "none", dtype=object)
    source = np.full(len(ops), -1)
    moves = uses[(ops["kind"] == "move").to_numpy()[uses["op"].to_numpy()]] if len(uses) else uses
    source[moves["op"].to_numpy()] = moves["node"].to_numpy()
    before = np.where(best >= 0, source[chosen] if len(ops) else -1, -1)
    lead, seen = own.copy(), before.copy()
    for _ in range(len(nodes)):
        further = seen >= 0
        if not further.any():
            break
        step = own[seen[further]]
        lead[further] = added(lead[further], step) if lead.shape[1] > 1 else lead[further] + step
        words[further] = np.where(words[further] == "stated", words[seen[further]], words[further])
        seen = np.where(further, before[np.maximum(seen, 0)], -1)
    return lead, words


def _edges(best: NDArray[np.int64], uses: pd.DataFrame, out_of: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], Matrix, Matrix]:
    """What is used along the cheapest operations: parent and child node, units per unit, and whether stock of it is kept there."""
    chosen = uses[np.isin(uses["op"], best[best >= 0])]
    kept = chosen["kept"].to_numpy(dtype=float)[:, None]
    return out_of[chosen["op"].to_numpy()], chosen["node"].to_numpy(), chosen["units_per"].to_numpy(dtype=float)[:, None], kept


def _explode(whole: Matrix, edges: tuple[NDArray[np.int64], NDArray[np.int64], Matrix, Matrix], power: int) -> Matrix:
    """Add to every node what its parents ask of it; a variance (`power` 2) goes with the square of the units used."""
    parent, child, per, kept = edges
    total, step = whole.copy(), whole
    for _ in range(len(whole)):
        flow = step[parent] * per**power
        np.add.at(total, child, flow * kept)
        step = np.zeros_like(whole)
        np.add.at(step, child, flow)
        if not step.any():
            break
    return total
