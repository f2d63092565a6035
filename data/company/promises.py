"""What the sales force of the sample company commits to, and the leads that its deals come from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from company import catalogue as c

MANAGERS = {"DACH": "Marta Keller", "FRANCE": "Paul Duval", "NORDICS": "Nils Eriksen", "IBERIA": "Ines Lopez"}
# habits of managers: one promises too much, one too little
HABIT = {"Marta Keller": 0.97, "Paul Duval": 1.22, "Nils Eriksen": 1.03, "Ines Lopez": 0.86}
LEADS_A_DEAL = 3.2


def _won(deals: pd.DataFrame, by: str) -> pd.DataFrame:
    """Value won by month and owner over the last year; what is still open is taken to be won as deals usually are."""
    won = deals[deals["outcome"] == "won"]
    months = pd.date_range(end=c.CYCLE - pd.DateOffset(months=1), periods=12, freq="MS", unit="us")
    table = won.groupby([won["closed"].dt.to_period("M").dt.to_timestamp().rename("month"), by])["amount"].sum().unstack(fill_value=0.0).reindex(months)
    return table.fillna(0.0)


def commits(deals: pd.DataFrame, reps: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return a year of commits and those for the month ahead, said five days before each month: reps each with a habit of his own, managers too."""
    frames = []
    for number, (role, by) in enumerate((("rep", "rep"), ("manager", "region"))):
        rng, won = np.random.default_rng([seed, 12, number]), _won(deals, by)
        people = [MANAGERS.get(name, f"head of {name}") for name in won] if role == "manager" else list(won)
        habit = np.array([HABIT.get(p, 1.0) for p in people]) if role == "manager" else rng.lognormal(0.06, 0.18, len(people))
        ahead = won.mean().to_frame(c.CYCLE).T
        table = pd.concat([won, ahead]) * habit * rng.lognormal(0, 0.12 if role == "manager" else 0.25, (13, len(people)))
        table.columns = people
        long = table.rename_axis("month").reset_index().melt("month", var_name="person", value_name="amount")
        long["region"] = long["person"].map(dict(zip(people, won, strict=True))) if role == "manager" else None
        at_work = reps.set_index("rep")["end_month"].reindex(long["person"]).to_numpy()
        frames.append(long.assign(role=role)[pd.isna(at_work) | (long["month"].to_numpy() <= at_work)])
    out = pd.concat(frames, ignore_index=True)
    out["stated_on"] = out["month"] - pd.Timedelta(days=5)
    out["amount"] = out["amount"].round(-2)
    return out.sort_values(["month", "role", "person"], ignore_index=True)[["stated_on", "month", "person", "role", "region", "amount"]]


def leads(deals: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return leads by month and region of the last two years: some three for each deal that was created."""
    rng = np.random.default_rng([seed, 13])
    counts = deals.groupby([deals["created"].dt.to_period("M").dt.to_timestamp().rename("month"), "region"]).size().rename("deals").reset_index()
    counts["leads"] = np.round(counts["deals"] * LEADS_A_DEAL * rng.lognormal(0, 0.08, len(counts)))
    return counts[["month", "region", "leads"]]
