"""What people decide about the corrections of history, and the chain from raw to cleansed history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from sop_helpers.planning.calendars import partial_month
from sop_helpers.planning.cells import about_region
from sop_helpers.planning.history import cleanse, propose_corrections
from sop_helpers.planning.level_shifts import shift_corrections
from sop_helpers.planning.panel import KEYS, Panel, align

CELL = ["month", *KEYS]


def correct(
    raw: pd.DataFrame, panel: Panel, decisions: pd.DataFrame, *, accept_shifts: bool = False, season_length: int = 12,
    data_until: pd.Timestamp | None = None, countries: pd.Series | None = None, period: tuple[pd.Timestamp, pd.Timestamp] | None = None,
    **options: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Propose all corrections, apply what people decided about them, and add what is accepted to the raw history.

    Each step sees the history with the accepted corrections of the step before, so that no step has to guess what people will say of another one.

    Parameters
    ----------
    raw : DataFrame
        month, product, region, raw_units.
    panel : Panel
        The same as a panel (see `history.history_panel`).
    decisions : DataFrame
        The journal's entries of the kind ``correction``.
    accept_shifts : bool
        Whether lasting steps in level are taken out of the months before unless somebody says no.
    season_length : int
        Months in a season.
    data_until : Timestamp, optional
        Last day that the data cover (see `calendars.partial_month`).
    countries : Series, optional
        Country by region, for its working days.
    period : (first day, last day), optional
        Days of the last month in a calendar of weeks.
    **options
        Of `history.propose_corrections`; its ``regions`` also tell what a decision on an area or a channel means.

    Returns
    -------
    corrections, demand_history : DataFrame
        As the contracts.
    """
    steps: list[Callable[[Panel], pd.DataFrame]] = [
        lambda seen: partial_month(seen, data_until, countries, season_length, period),
        lambda seen: propose_corrections(seen, season_length=season_length, **options),
        lambda seen: shift_corrections(seen, season_length, accept_shifts),
    ]
    seen, found = panel, []
    for propose in steps:
        found.append(decide(propose(seen), decisions, options.get("regions")))
        taken = found[-1][found[-1]["accepted"].astype(bool)]
        change = align(panel, taken.groupby(CELL, as_index=False)["units"].sum(), "units", fill=0.0)
        seen = Panel(panel.keys, panel.months, np.where(np.isnan(seen.values), np.nan, seen.values + change))
    corrections = pd.concat([part for part in found if len(part)] or found[:1], ignore_index=True)
    return corrections, cleanse(raw, corrections)


def decide(corrections: pd.DataFrame, decisions: pd.DataFrame, regions: pd.Series | None = None) -> pd.DataFrame:
    """Let what people decided take the place of the rule that accepts or leaves a correction; of two who speak of the same one, the later counts.

    Parameters
    ----------
    corrections : DataFrame
        month, product, region, cause, units, accepted, note (see `history.propose_corrections`).
    decisions : DataFrame
        From the journal, ``correction``: author, time, reason, accepted, start_month, end_month; product, region and cause, blank means all.
    regions : Series, optional
        From `cells.places`: what a decision on an area or a channel means.

    Returns
    -------
    DataFrame
        The corrections with accepted as decided, and the columns ``decided_by`` and ``reason``, blank where nobody spoke.
    """
    out = corrections.copy()
    out["decided_by"], out["reason"] = pd.Series(pd.NA, index=out.index, dtype="str"), pd.Series(pd.NA, index=out.index, dtype="str")
    if decisions.empty or out.empty:
        return out
    for _, one in decisions.sort_values(["time", "id"], kind="stable").iterrows():  # dozens
        mask = _meant(out, one, regions)
        out.loc[mask, "accepted"] = bool(one["accepted"])
        out.loc[mask, "decided_by"], out.loc[mask, "reason"] = str(one["author"]), str(one["reason"])
    return out


def _meant(corrections: pd.DataFrame, one: pd.Series, regions: pd.Series | None) -> pd.Series:
    mask = (corrections["month"] >= one["start_month"]) & (corrections["month"] <= one["end_month"])
    mask &= about_region(pd.Series(one["region"], index=corrections.index, dtype="object"), corrections["region"], regions)
    for column in ("product", "cause"):
        wanted = one[column]
        if isinstance(wanted, str) and wanted:
            mask &= corrections[column] == wanted
    return mask


def decision_list(corrections: pd.DataFrame, decisions: pd.DataFrame, regions: pd.Series | None = None) -> pd.DataFrame:
    """List who decided what about the corrections, with what it changed; a decision that meets no correction says so.

    Parameters
    ----------
    corrections : DataFrame
        After `decide`.
    decisions : DataFrame
        From the journal.
    regions : Series, optional
        As in `decide`.

    Returns
    -------
    DataFrame
        decision, author, about, verdict, corrections (how many it is about), units (their sum), reason.
    """
    rows = []
    for _, one in decisions.iterrows():
        mask = _meant(corrections, one, regions) if len(corrections) else pd.Series(dtype=bool)
        said = [str(one[c]) for c in ("cause", "product", "region") if isinstance(one[c], str) and one[c]]
        span = f"{one['start_month']:%Y-%m}" + (f" to {one['end_month']:%Y-%m}" if one["end_month"] > one["start_month"] else "")
        verdict = ("accepted" if one["accepted"] else "rejected") if mask.any() else "no such correction is proposed any more"
        units = float(corrections.loc[mask, "units"].sum()) if len(corrections) else 0.0
        rows.append((one["id"], one["author"], ", ".join([*said, span]), verdict, int(mask.sum()), units, one["reason"]))
    return pd.DataFrame(rows, columns=["decision", "author", "about", "verdict", "corrections", "units", "reason"])
