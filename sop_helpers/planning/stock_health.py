"""Stock as it lies against what the plan needs of it: how long it lasts, what of it is too much, what will never be used."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import used_units

AT = ["item", "location"]


def stock_health(inventory: pd.DataFrame, projection: pd.DataFrame, targets: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Return cover, turns, excess and obsolete stock of each item and location, as the contract stock_health.

    What the plan does not use within its horizon, or within the shelf life, is obsolete. Of the rest, what lies beyond the target and the use of
    lead time and review is excess: it will be used, but was brought too early.

    Parameters
    ----------
    inventory : DataFrame
        As the contract; the last month counts. Stock below zero counts as none.
    projection : DataFrame
        As the contract stock_projection: its issues, but for what is scrapped, are the use.
    targets : DataFrame
        As the contract inventory_targets.
    products : DataFrame
        product; unit_cost and shelf_life_months where known.
    """
    last = inventory[inventory["month"] == inventory["month"].max()] if len(inventory) else inventory
    held = last.groupby(AT, as_index=False)[["on_hand", "value"]].sum(min_count=1)
    held["on_hand"] = held["on_hand"].clip(lower=0)
    use = projection.assign(used=used_units(projection)).pivot(index=AT, columns="month", values="used").sort_index(axis=1)
    first = targets[targets["month"] == targets["month"].min()].set_index(AT)
    at = pd.MultiIndex.from_frame(held[AT])
    months = use.shape[1]
    issued = np.concatenate([np.zeros((len(held), 1)), use.reindex(at).fillna(0.0).to_numpy(dtype=float).cumsum(axis=1)], axis=1)
    known = first.reindex(at)
    units = held["on_hand"].to_numpy(dtype=float)
    cost = _cost(held, projection, products)

    shelf = products.drop_duplicates("product").set_index("product")["shelf_life_months"] if "shelf_life_months" in products else pd.Series(dtype=float)
    life = held["item"].map(shelf).astype(float).fillna(months).clip(upper=months).to_numpy()
    used = _until(issued, life)
    obsolete = np.maximum(units - used, 0.0)
    target = known["target_units"].fillna(0.0).to_numpy(dtype=float)
    bridge = known["bridge_months"].astype(float).fillna(1.0).to_numpy() if "bridge_months" in known else np.ones(len(held))
    excess = np.maximum(units - obsolete - target - _until(issued, np.minimum(bridge, months)), 0.0)
    year = _until(issued, np.full(len(held), min(12, months))) * 12 / max(min(12, months), 1)
    status = np.select(
        [(units > 0) & (obsolete > 0.5 * units), excess > 0, units < target - 1e-9], ["obsolete", "excess", "below target"], "in range"
    )  # fmt: skip
    segments = known["segment"].astype(object).where(known["segment"].notna(), None).to_numpy() if "segment" in known else None
    turns = np.divide(year, units, out=np.full(len(units), np.nan), where=units > 1e-6)
    worth = {"value": units * cost, "cover_months": _cover(issued, units), "turns": turns}
    much = {"excess_units": excess, "excess_value": excess * cost, "obsolete_units": obsolete, "obsolete_value": obsolete * cost}
    return held[AT].assign(segment=segments, on_hand=units, target_units=target, **worth, **much, status=status)


def by_segment(health: pd.DataFrame) -> pd.DataFrame:
    """Add stock up by segment: items, value, turns (of value), excess and obsolete value; the total last.

    The total has no turns: what is made of parts and moved on would be used more than once.
    """
    rows = health.assign(use=health["turns"].fillna(0.0) * health["value"], segment=health["segment"].fillna("none").astype("str"))
    parts = {"value": "sum", "use": "sum", "excess_value": "sum", "obsolete_value": "sum"}
    out = rows.groupby("segment", as_index=False).agg(items=("item", "size"), **{name: (name, how) for name, how in parts.items()})
    total = pd.DataFrame([{"segment": "all", "items": out["items"].sum(), **{name: out[name].sum() for name in parts}}])
    out = pd.concat([out, total], ignore_index=True)
    out["turns"] = (out["use"] / out["value"].where(out["value"] > 0)).where(out["segment"] != "all")
    return out[["segment", "items", "value", "turns", "excess_value", "obsolete_value"]]


def health_words(health: pd.DataFrame, currency: str) -> str:
    """Say what the stock is worth and what of it is not needed."""
    value, excess, obsolete = (health[name].sum() for name in ("value", "excess_value", "obsolete_value"))
    if not value > 0:
        return "There is no stock of value."
    low = int((health["status"] == "below target").sum())
    text = f"Stock is worth {value:,.0f} {currency}; {excess / value:.0%} of it came too early, and {obsolete / value:.0%} is never used by the plan"
    return text + (f"; {low} of {len(health)} items and places {'are below their' if low > 1 else 'is below its'} target." if low else ".")


def _until(issued: np.ndarray, months: np.ndarray) -> np.ndarray:
    """Units used in the first `months`, which may be fractional; `issued` is cumulative and begins with 0."""
    low = np.minimum(np.floor(months).astype(np.int64), issued.shape[1] - 1)
    high, row = np.minimum(low + 1, issued.shape[1] - 1), np.arange(len(issued))
    return issued[row, low] + (months - low) * (issued[row, high] - issued[row, low])


def _cover(issued: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Months until the stock is used up; NaN where it outlasts the plan."""
    whole = (issued[:, 1:] <= units[:, None] + 1e-9).sum(axis=1)
    lasts = whole >= issued.shape[1] - 1
    row, at = np.arange(len(units)), np.minimum(whole, issued.shape[1] - 2)
    step = issued[row, at + 1] - issued[row, at]
    part = np.divide(units - issued[row, at], step, out=np.zeros(len(units)), where=step > 1e-9)
    return np.where(lasts, np.nan, whole + part)


def _cost(held: pd.DataFrame, projection: pd.DataFrame, products: pd.DataFrame) -> np.ndarray:
    """Cost of a unit: as booked, else as in the plan, else the standard cost, else nothing."""
    booked = held["value"].astype(float) / held["on_hand"].where(held["on_hand"] > 1e-6)
    some = projection[projection["closing_units"] > 1e-6]
    planned = (some["value"] / some["closing_units"]).groupby(some["item"]).median()
    standard = products.drop_duplicates("product").set_index("product")["unit_cost"] if "unit_cost" in products else pd.Series(dtype=float)
    return booked.fillna(held["item"].map(planned).astype(float)).fillna(held["item"].map(standard).astype(float)).fillna(0.0).to_numpy()
