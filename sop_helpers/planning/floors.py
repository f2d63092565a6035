"""Nothing is planned below zero: effects that would take more than there is take what there is, and are told as that."""

from __future__ import annotations

import pandas as pd

from sop_helpers.planning.cells import CELL

OWN_STREAMS = ["statistical", "driver", "launch", "phase-out"]  # those that insights have their effects on
LIMIT = "limit"


def at_zero(base: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """Return effects of which those below zero take no more from a base, and from what the others add, than there is.

    Where several take from the same month, product and region, each is cut by the same share.

    Parameters
    ----------
    base : DataFrame
        month, product, region, units.
    effects : DataFrame
        The same columns, and any others, which are kept.
    """
    below = effects["units"] < 0
    if not below.any():
        return effects
    takes = -effects.loc[below].groupby(CELL)["units"].sum()
    room = pd.concat([base[[*CELL, "units"]], effects.loc[~below, [*CELL, "units"]]]).groupby(CELL)["units"].sum().clip(lower=0.0)
    room = room.reindex(takes.index, fill_value=0.0)
    part = (room / takes)[takes > room]
    if part.empty:
        return effects
    share = part.reindex(pd.MultiIndex.from_frame(effects[CELL])).fillna(1.0).to_numpy()
    return effects.assign(units=effects["units"].where(~below, effects["units"] * share))


def settled(streams: pd.DataFrame) -> pd.DataFrame:
    """Net the limit at zero against the streams that ran into it, insights first: closed months of before kept the two apart.

    Parameters
    ----------
    streams : DataFrame
        As the contract ``streams``.

    Returns
    -------
    DataFrame
        The same sums by month, product and region; without a limit, it is returned as it is.
    """
    if not (streams["stream"] == LIMIT).any():
        return streams
    hit = pd.MultiIndex.from_frame(streams[CELL]).isin(pd.MultiIndex.from_frame(streams.loc[streams["stream"] == LIMIT, CELL]))
    after = streams["stream"].isin(["agreed", "override"]) | (streams["source"] == "open orders above the plan")
    rest, rows = streams[~hit | after], streams[hit & ~after & (streams["stream"] != LIMIT)]
    own = rows["stream"].isin(OWN_STREAMS)
    still = rows["stream"] == "statistical"
    first = pd.concat([rows[still], at_zero(rows[still], rows[own & ~still])])
    return pd.concat([rest, first, at_zero(first, rows[~own])], ignore_index=True)
