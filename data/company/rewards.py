"""What stands beside the pay plans of the sample company: leave, shared deals, a bonus, a draw and a cancelled deal."""

from __future__ import annotations

import numpy as np
import pandas as pd

from company import catalogue as c
from company.selling import FISCAL_START, HIRED

BONUS_FAMILY = "Grinders"


def tables(deals: pd.DataFrame, reps: pd.DataFrame, seed: int) -> dict[str, pd.DataFrame]:
    """Return the small tables by name, made from the deals as they stand at the start of the cycle."""
    rng = np.random.default_rng([seed, 14])
    working = reps[reps["end_month"].isna()]
    won = deals[(deals["outcome"] == "won") & (deals["closed"] >= FISCAL_START)].reset_index(drop=True)
    # key account managers bring colleagues into big deals
    shared = won.nlargest(6, "amount", keep="first")
    mates = [working.loc[(working["region"] == d.region) & (working["rep"] != d.rep) & (working["start_month"] < HIRED), "rep"] for d in shared.itertuples()]
    pairs = [(d.opportunity, rep, share) for d, others in zip(shared.itertuples(), mates, strict=True) if len(others)
             for rep, share in ((d.rep, 0.7), (others.iloc[int(rng.integers(len(others)))], 0.3))]
    cancelled = won.nsmallest(8, "amount", keep="first").head(1)
    families = deals["family"].dropna().tolist()
    new = working[working["start_month"] == HIRED]
    away = working["rep"].iloc[2:3].repeat(3)
    return {
        "leave": pd.DataFrame({"rep": away.to_numpy(), "month": pd.date_range(c.CYCLE + pd.DateOffset(months=1), periods=3, freq="MS", unit="us")[: len(away)],
                               "share": 1.0, "reason": "parental leave"}),
        "deal_splits": pd.DataFrame(pairs, columns=["opportunity", "rep", "share"]).astype({"share": float}),
        # a small company may not make the family of the bonus
        "spifs": pd.DataFrame({"spif": ["summer of grinders"], "first_day": [pd.Timestamp("2026-07-01")], "last_day": [pd.Timestamp("2026-08-31")],
                               "family": [BONUS_FAMILY if families.count(BONUS_FAMILY) else None], "per_deal": [150.0], "rate": [0.002], "cap": [2000.0]}),
        "draws": pd.DataFrame({"rep": new["rep"].to_numpy(), "draw": 1500.0, "recoverable": True}),
        "cancellations": pd.DataFrame({"opportunity": cancelled["opportunity"], "cancelled": cancelled["closed"] + pd.Timedelta(days=20), "share": 1.0}),
    }
