"""Which open deals will be won: a model only where it beats the base rate on deals decided later than those it learned from.

Each model is fitted on the deals decided before a date, calibrated (Platt 1999) on the later of them, and judged by its Brier score on the deals decided in
the three months after it. The base rate, the same chance for all, ships unless a model's score is clearly lower, and lower in every quarter tried. What is
only known after a deal has closed must not be learned from, and is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sop_helpers.planning.bookings import listed
from sop_helpers.planning.deal_hazard import first_recorded, month_number
from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.pipeline import known_deals

CLEAR = 1.645
"""Standard errors by which a Brier score must be lower: one-sided 95 %."""
TRIALS = 3
"""Quarters on which models are judged."""
FEWEST = 100
"""Decided deals that a model must learn from."""
MODELS = ("logistic regression", "gradient boosting")
BASE = "base rate"
AFTER = {"outcome", "closed", "close_date", "close_value", "won", "lost"}
"""Columns that are after the fact by their meaning."""
KNOWN = ["family", "product", "region", "rep", "account", "amount"]
"""Columns that a deal has from its first day."""
CATEGORIES = 40
TOLD = 20
"""Deals won, lost, decided and open each, below which what a column holds is no proof of anything."""


def leaks(features: pd.DataFrame, outcome: pd.Series) -> dict[str, str]:
    """Find features that are known only after a deal has closed, by name or by what they hold.

    A feature gives itself away when it is filled in (and not zero) far more often for decided deals than for open ones, or when it alone tells won from lost
    deals almost without error.

    Parameters
    ----------
    features : DataFrame
        One row for each deal, open ones included.
    outcome : Series
        won, lost or open.

    Returns
    -------
    dict
        Feature -> why it is refused.
    """
    from scipy.stats import rankdata

    won, is_open = (outcome == "won").to_numpy(), (outcome == "open").to_numpy()
    decided, out = ~is_open, {}
    for name in features:
        values = features[name]
        filled = values.notna().to_numpy() & ~values.isin([0, ""]).to_numpy()
        if str(name) in AFTER:
            out[name] = "it is known only after the deal has closed"
            continue
        if min(is_open.sum(), decided.sum()) >= TOLD and filled[decided].mean() - filled[is_open].mean() > 0.5:
            out[name] = f"it is filled in for {filled[decided].mean():.0%} of decided and {filled[is_open].mean():.0%} of open deals"
            continue
        if min(won.sum(), decided.sum() - won.sum()) >= TOLD:
            numbers = pd.to_numeric(values, errors="coerce").fillna(0.0) if pd.api.types.is_numeric_dtype(values) else pd.Series(filled.astype(float))
            ranks, ones = rankdata(numbers.to_numpy()[decided]), won[decided]
            area = (ranks[ones].sum() - ones.sum() * (ones.sum() + 1) / 2) / (ones.sum() * (~ones).sum())
            if max(area, 1 - area) > 0.98:
                out[name] = f"alone it tells won from lost deals with an area under the curve of {max(area, 1 - area):.3f}"
    return out


def left_out(opportunities: pd.DataFrame, products: pd.DataFrame, reps: pd.DataFrame, month: pd.Timestamp) -> dict[str, str]:
    """Return which of the columns in `KNOWN` the models do without, as they tell the outcome in this CRM, and why.

    Lost deals of amount zero, or accounts entered when a deal is won, are how some companies keep their CRM and no mistake; see `leaks`.
    """
    known = known_deals(listed(opportunities, products), month, products, reps)
    return leaks(known[[c for c in KNOWN if c in known]], known["outcome"])


def left_out_words(found: dict[str, str]) -> str:
    """Say what `left_out` found."""
    said = [f"The models do without {name}: {why}." for name, why in found.items()]
    return " ".join(said) or "All columns that a deal has from its first day were used."


def features_of(deals: pd.DataFrame, columns: Sequence[str] = tuple(KNOWN)) -> pd.DataFrame:
    """Return what was known of deals from their first day: the columns that say something, and the month of creation within its quarter.

    Raises
    ------
    ValueError
        A column is known only after a deal has closed; names each and how it was found out.
    """
    told = deals[[c for c in columns if c in deals]]
    if found := leaks(told, deals["outcome"]):
        raise ValueError("; ".join(f"feature {name!r} is refused: {why}" for name, why in found.items()) + "; expected what is known while a deal is open")
    out = told.assign(month_of_quarter=((deals["created"].dt.month - 1) % 3).astype(float))
    numbers = [c for c in out if pd.api.types.is_numeric_dtype(out[c])]
    for name in out:
        if name not in numbers:
            usual = out[name].value_counts().index[:CATEGORIES]
            out[name] = out[name].where(out[name].isin(usual), "other").astype("str")
    return out.loc[:, out.nunique() > 1]


def _model(name: str, numbers: list[str], words: list[str], seed: int) -> object:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import TimeSeriesSplit
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    scaled = make_pipeline(FunctionTransformer(np.log1p, feature_names_out="one-to-one"), StandardScaler())
    table = ColumnTransformer([("numbers", scaled, numbers), ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words)])
    if name == MODELS[0]:
        one = LogisticRegression(C=0.1, max_iter=500)
    else:
        from lightgbm import LGBMClassifier

        small = {"n_estimators": 60, "learning_rate": 0.05, "num_leaves": 7, "min_child_samples": 30}
        one = LGBMClassifier(**small, random_state=seed, n_jobs=1, verbose=-1, deterministic=True)
    table.set_output(transform="pandas")
    return CalibratedClassifierCV(make_pipeline(table, one), method="sigmoid", cv=TimeSeriesSplit(3))


def _fitted(name: str, features: pd.DataFrame, won: np.ndarray, seed: int) -> object:
    numbers = [c for c in features if pd.api.types.is_numeric_dtype(features[c])]
    return _model(name, numbers, [c for c in features if c not in numbers], seed).fit(features, won)


def judge_models(
    opportunities: pd.DataFrame, products: pd.DataFrame, reps: pd.DataFrame, month: pd.Timestamp, *, columns: Sequence[str] | None = None, seed: int = 0
) -> tuple[pd.DataFrame, pd.Series]:
    """Judge the models on the deals decided in the three quarters before `month`, and give each open deal its chance by the one that ships.

    Parameters
    ----------
    opportunities, products, reps : DataFrame
        As the contracts.
    month : Timestamp
        First month not known.
    columns : sequence of str, optional
        Features; each must be known while a deal is open. By default those of `KNOWN` that `left_out` does not name.
    seed : int
        Seed of the gradient boosting.

    Returns
    -------
    table : DataFrame
        As the contract ``win_models``: model, deals, brier, base_brier, gain (share of the base rate's score), standard_errors, used.
    chances : Series
        Chance that each open deal is won in the end, by its identifier; the base rate for all where no model ships.

    Raises
    ------
    ValueError
        A feature that was asked for is known only after a deal has closed.
    """
    # Values are those a deal had while open, so that what it was won for does not slip in as its amount.
    known = known_deals(listed(opportunities, products), month, products, reps).sort_values("closed", kind="stable", ignore_index=True)
    if columns is None:
        told = [c for c in KNOWN if c in known]
        columns = [c for c in told if c not in leaks(known[told], known["outcome"])]
    features = features_of(known, columns)
    won, is_open = (known["outcome"] == "won").to_numpy(), (known["outcome"] == "open").to_numpy()
    # Deals decided before the first whole month of records are a choice of what was kept, not what happened.
    decided = ~is_open & (month_number(known["closed"]) >= first_recorded(known))
    misses: dict[str, list[np.ndarray]] = {name: [] for name in (BASE, *MODELS)}
    for back in range(TRIALS, 0, -1):
        start, end = (month - pd.DateOffset(months=3 * n) for n in (back, back - 1))
        old, new = decided & (known["closed"] < start).to_numpy(), decided & ((known["closed"] >= start) & (known["closed"] < end)).to_numpy()
        if old.sum() < FEWEST or not new.any() or won[old].all() or not won[old].any():
            continue
        misses[BASE].append((won[old].mean() - won[new]) ** 2)
        for name in MODELS:
            chance = _fitted(name, features[old], won[old], seed).predict_proba(features[new])[:, 1]
            misses[name].append((chance - won[new]) ** 2)
    base_chance = float(won[decided].mean()) if decided.any() else 0.0
    still = known[is_open]
    chances = pd.Series(base_chance, index=pd.Index(still["opportunity"], name="opportunity"), name="chance")
    if not misses[BASE]:
        columns = ["model", "deals", "brier", "base_brier", "gain", "standard_errors", "used"]
        return no_rows(columns, text=["model"], used="bool"), chances
    base = np.concatenate(misses[BASE])
    rows, steady = [], []
    for name in MODELS:
        gains = [b - m for b, m in zip(misses[BASE], misses[name], strict=True)]
        gain = np.concatenate(gains)
        error = gain.std(ddof=1) / np.sqrt(len(gain))
        rows.append((name, len(gain), (base - gain).mean(), base.mean(), gain.mean() / base.mean(), gain.mean() / error if error > 0 else 0.0))
        steady.append(min(g.mean() for g in gains) > 0)
    table = pd.DataFrame(rows, columns=["model", "deals", "brier", "base_brier", "gain", "standard_errors"])
    good = table[(table["standard_errors"] > CLEAR) & np.array(steady)]
    best = good.loc[good["brier"].idxmin(), "model"] if len(good) else BASE
    table = pd.concat([pd.DataFrame([(BASE, len(base), base.mean(), base.mean(), 0.0, 0.0)], columns=table.columns), table], ignore_index=True)
    if best != BASE and len(still):
        chances[:] = _fitted(best, features[decided], won[decided], seed).predict_proba(features[is_open])[:, 1]
    return table.assign(deals=table["deals"].astype(float), used=table["model"] == best), chances


def tilt(deals: pd.DataFrame, chances: pd.Series) -> np.ndarray:
    """Return by what factor each open deal of `deals` is likelier to be won than the mean of them, weighted by value so that the total stays."""
    still = deals[deals["outcome"] == "open"]
    chance = still["opportunity"].map(chances).to_numpy(dtype=float)
    amount = still["amount"].to_numpy(dtype=float)
    usual = (chance * amount).sum() / amount.sum() if amount.sum() > 0 else np.nan
    return np.ones(len(still)) if not usual > 0 else np.nan_to_num(chance / usual, nan=1.0)
