"""What reps and managers commit to beside the model, and who is too high or too low as a habit."""

from __future__ import annotations

import pandas as pd

from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.views import habits

COLUMNS = ["person", "role", "months", "committed", "booked", "wmape", "bias", "factor", "note"]


def standing(commits: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    """Return each person's latest word on each month, a manager's on each region, said before that month began and before `month`."""
    said = commits[(commits["stated_on"] < month) & (commits["stated_on"] < commits["month"])]
    said = said.sort_values("stated_on", kind="stable").assign(of=said["region"].where(said["role"] == "manager"))
    return said.drop_duplicates(["month", "person", "role", "of"], keep="last").drop(columns="of").reset_index(drop=True)


def by_month(commits: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    """Return what reps and managers commit to in the months ahead, in all.

    Who answers for all regions has the last word; where nobody does, the managers of regions are added up.

    Returns
    -------
    DataFrame
        Index month; rep, manager (n/a where nobody of that role has said anything).
    """
    said = standing(commits, month)
    said = said[said["month"] >= month]
    boss = (said["role"] == "manager") & said["region"].isna()
    below = (said["role"] == "manager") & ~boss & said["month"].isin(said.loc[boss, "month"])
    sums = said[~below].groupby(["month", "role"])["amount"].sum().unstack("role")
    return sums.reindex(columns=["rep", "manager"])


def measured(commits: pd.DataFrame, deals: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    """Compare past commits with what was booked: a rep's with his own deals, a manager's with those of the region named, or with all.

    Parameters
    ----------
    commits : DataFrame
        As the contract.
    deals : DataFrame
        From `pipeline.known_deals`.
    month : Timestamp
        First month not known.

    Returns
    -------
    DataFrame
        stream (role), author (person), family ("all"), month, actual, forecast: as `views.habits` takes it.
    """
    past = standing(commits, month)
    past = past[past["month"] < month]
    won = deals[(deals["outcome"] == "won") & deals["closed"].notna()]
    won = won.assign(month=won["closed"].dt.to_period("M").dt.to_timestamp().astype("datetime64[us]"))
    # Months before the records begin have no bookings because nobody kept them.
    past = past[past["month"] >= won["month"].min()] if len(won) else past.iloc[:0]
    is_rep, scoped = past["role"] == "rep", past["region"].notna()
    parts = []
    for rows, keys, names in ((is_rep, ["month", "rep"], ["month", "person"]), (~is_rep & scoped, ["month", "region"], ["month", "region"]),
                              (~is_rep & ~scoped, ["month"], ["month"])):
        sums = won.groupby(keys)["amount"].sum().rename("actual").rename_axis(names).reset_index()
        parts.append(past[rows].merge(sums, how="left", on=names))
    both = pd.concat(parts, ignore_index=True).fillna({"actual": 0.0})
    both = both.assign(stream=both["role"], author=both["person"], family="all", forecast=both["amount"])
    return both.groupby(["stream", "author", "family", "month"], as_index=False)[["actual", "forecast"]].sum()


def accuracy(errors: pd.DataFrame) -> pd.DataFrame:
    """Tell how far each person's commits were off, and by which factor the next one could be corrected.

    Parameters
    ----------
    errors : DataFrame
        From `measured`.

    Returns
    -------
    DataFrame
        As the contract ``commit_accuracy``: person, role, months, committed, booked, wmape, bias (sum over sum), factor (1 where six months do not make a
        habit clear; half of the habit is taken off), note. Largest bookings first.
    """
    if errors.empty:
        return no_rows(COLUMNS, text=["person", "role", "note"])
    off = errors.assign(off=(errors["forecast"] - errors["actual"]).abs())
    out = off.groupby(["stream", "author"], as_index=False).agg(
        months=("month", "nunique"), committed=("forecast", "sum"), booked=("actual", "sum"), off=("off", "sum")
    )
    bottom = out["booked"].where(out["booked"] > 0)
    out["wmape"], out["bias"] = out["off"] / bottom, out["committed"] / bottom - 1
    out = out.merge(habits(errors)[["stream", "author", "factor", "note"]], how="left", on=["stream", "author"])
    out = out.fillna({"factor": 1.0, "note": "nothing booked to compare with"}).rename(columns={"stream": "role", "author": "person"})
    return out.sort_values(["role", "booked"], ascending=False, kind="stable", ignore_index=True)[COLUMNS]
