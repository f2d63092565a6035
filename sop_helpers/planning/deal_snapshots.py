"""Deals month by month: a snapshot each month, and what moved from one to the next.

Most CRMs overwrite stage and expected close. A snapshot kept with every month makes slippage, movements between stages and the time in a stage countable,
from the second month on.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.deal_hazard import month_number
from sop_helpers.planning.frames import no_rows

SNAPSHOT = ["opportunity", "family", "region", "rep", "stage", "amount", "created", "expected_close"]
MOVES = ["month", "stage", "to", "deals", "amount", "pushed", "pushed_days"]


def snapshot(deals: pd.DataFrame) -> pd.DataFrame:
    """Return the open deals as they stand.

    `deals` are from `pipeline.known_deals`; the result is as the contract ``deal_snapshots``.
    """
    return deals.loc[deals["outcome"] == "open", SNAPSHOT].reset_index(drop=True)


def _pairs(snapshots: dict[pd.Timestamp, pd.DataFrame]) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Return consecutive months that both have a snapshot."""
    months = sorted(snapshots)
    return [(a, b) for a, b in zip(months, months[1:], strict=False) if a + pd.DateOffset(months=1) == b]


def moves(snapshots: dict[pd.Timestamp, pd.DataFrame], deals: pd.DataFrame) -> pd.DataFrame:
    """Count what became of the deals of each snapshot a month later.

    Parameters
    ----------
    snapshots : dict
        Month -> snapshot, this month's included; only neighbouring months are compared.
    deals : DataFrame
        From `pipeline.known_deals`, to tell how deals ended that are no longer open.

    Returns
    -------
    DataFrame
        As the contract ``deal_moves``: month, stage, to, deals, amount, pushed, pushed_days.
    """
    outcome = deals.drop_duplicates("opportunity").set_index("opportunity")["outcome"]
    parts = []
    for before, after in _pairs(snapshots):
        both = snapshots[before].merge(snapshots[after][["opportunity", "stage", "expected_close"]], how="left", on="opportunity", suffixes=("", "_after"))
        ended = both["opportunity"].map(outcome).where(lambda o: o.isin(["won", "lost"]), "gone").fillna("gone")
        days = (both["expected_close_after"] - both["expected_close"]).dt.days.astype(float)
        later = month_number(both["expected_close_after"]) > month_number(both["expected_close"])
        pushed = later & both["expected_close"].notna().to_numpy()
        parts.append(both.assign(month=before, to=both["stage_after"].fillna(ended), pushed=pushed.astype(float), days=days.where(pushed)))
    if not parts:
        return no_rows(MOVES, text=["stage", "to"])
    table = pd.concat(parts, ignore_index=True).groupby(["month", "stage", "to"], as_index=False).agg(
        deals=("opportunity", "count"), amount=("amount", "sum"), pushed=("pushed", "sum"), pushed_days=("days", "mean")
    )
    return table[MOVES]


def slippage(table: pd.DataFrame) -> pd.DataFrame:
    """Return by month the share of deals that stayed open and whose expected close was pushed, by count and by value moved on.

    Parameters
    ----------
    table : DataFrame
        From `moves`.

    Returns
    -------
    DataFrame
        month, open (deals), won, lost, moved (changed stage), stayed, pushed, pushed_share (of those still open).
    """
    ended = table["to"].isin(["won", "lost", "gone"])
    kept = table.assign(
        open=table["deals"], won=table["deals"].where(table["to"] == "won", 0.0), lost=table["deals"].where(table["to"] == "lost", 0.0),
        moved=table["deals"].where(~ended & (table["to"] != table["stage"]), 0.0), stayed=table["deals"].where(table["to"] == table["stage"], 0.0),
    )
    out = kept.groupby("month", as_index=False)[["open", "won", "lost", "moved", "stayed", "pushed"]].sum()
    still = out["moved"] + out["stayed"]
    return out.assign(pushed_share=out["pushed"] / still.where(still > 0))


def months_in_stage(snapshots: dict[pd.Timestamp, pd.DataFrame], month: pd.Timestamp) -> pd.DataFrame:
    """Return how long the deals open at `month` have been in their stage, as far as snapshots reach back without a gap.

    Returns
    -------
    DataFrame
        opportunity, stage, amount, months (0: new in the stage), since_before (it was there in the oldest snapshot already: at least so long).
    """
    now = snapshots[month]
    months, going = np.zeros(len(now)), np.ones(len(now), dtype=bool)
    at = month - pd.DateOffset(months=1)
    while at in snapshots:
        was = now["opportunity"].map(snapshots[at].drop_duplicates("opportunity").set_index("opportunity")["stage"])
        going &= (was == now["stage"]).to_numpy()
        months += going
        at -= pd.DateOffset(months=1)
    return now[["opportunity", "stage", "amount"]].assign(months=months, since_before=going)


def stage_ages(snapshots: dict[pd.Timestamp, pd.DataFrame], month: pd.Timestamp) -> pd.DataFrame:
    """Return by stage how many deals are open, their value, and how long they have been in it.

    Returns
    -------
    DataFrame
        stage, deals, amount, months (mean, as far as snapshots reach back), since_before (share that was there in the oldest snapshot already).
    """
    return months_in_stage(snapshots, month).groupby("stage", as_index=False).agg(
        deals=("opportunity", "count"), amount=("amount", "sum"), months=("months", "mean"), since_before=("since_before", "mean")
    )
