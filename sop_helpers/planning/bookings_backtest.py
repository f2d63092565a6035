"""The bookings forecast tried out at past months, only with what was known then, beside simple rules.

Rules beside it: all that is open times the win rate, and stage weights: of what was open in a stage at earlier months, the share of the value won within
the period. Without snapshots nobody knows the stage a deal was in then, and all open deals are one stage.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sop_helpers.planning.bookings import COVER, SEGMENT, UNKNOWN_ERROR, deals_as_of, expected_bookings, with_band
from sop_helpers.planning.deal_hazard import first_recorded, fit_hazard, month_number
from sop_helpers.planning.frames import months_between, no_rows
from sop_helpers.planning.pipeline import known_deals, win_rate

PERIOD = 3
"""Months of the period that is forecast, a quarter."""
FEWEST_MONTHS = 2
"""Whole months of recorded closings that a forecast needs."""
UNLIKELY = 0.05
"""Chance below which a coverage is not that of the band."""
COLUMNS = ["as_of", "method", "scope", "forecast", "actual"]
ALL_OPEN, STAGES, HAZARD = "all open x win rate", "stage weights", "age hazard"


def all_open(deals: pd.DataFrame) -> float:
    """Return the amount of all open deals times the win rate of all decided ones: the rule of thumb to beat."""
    rate = win_rate(float((deals["outcome"] == "won").sum()), float((deals["outcome"] == "lost").sum()))
    return float(deals.loc[deals["outcome"] == "open", "amount"].sum() * (0.0 if pd.isna(rate) else rate))


def won_of(deals: pd.DataFrame, start: pd.Timestamp, months: int, only_open: bool = False) -> float:
    """Return the value won in the months from `start`, of all deals or only of those created before it."""
    end = start + pd.DateOffset(months=months)
    rows = deals[(deals["outcome"] == "won") & (deals["closed"] >= start) & (deals["closed"] < end)]
    return float(rows.loc[rows["created"] < start, "amount"].sum() if only_open else rows["amount"].sum())


def stages_then(deals: pd.DataFrame, snapshots: dict[pd.Timestamp, pd.DataFrame], month: pd.Timestamp) -> pd.Series:
    """Return the stage each deal was in at the start of a month, from its snapshot; one word for all where there is none."""
    if month not in snapshots:
        return pd.Series("any", index=deals.index, dtype="str")
    return deals["opportunity"].map(snapshots[month].set_index("opportunity")["stage"]).fillna("any")


def stage_weights(
    states: dict[pd.Timestamp, pd.DataFrame], known: pd.DataFrame, month: pd.Timestamp, snapshots: dict[pd.Timestamp, pd.DataFrame], period: int = PERIOD
) -> float:
    """Forecast what open deals bring within the period by stage: amount times the share of value that was won so from that stage before.

    Before a whole period is over nobody knows such shares; then the win rate stands in.

    Parameters
    ----------
    states : dict
        Deals as known at the start of past months and of `month`.
    known : DataFrame
        Deals as known now; of them only those closed before `month` are looked at.
    month : Timestamp
        First month forecast.
    snapshots : dict
        Deals as they stood at past months, with their stage.
    period : int
        Months of the period.
    """
    seen = []
    for origin, then in states.items():
        end = origin + pd.DateOffset(months=period)
        if end > month:
            continue
        won = known.loc[(known["outcome"] == "won") & (known["closed"] >= origin) & (known["closed"] < end), "opportunity"]
        then = then[then["outcome"] == "open"]
        seen.append(then[["amount"]].assign(stage=stages_then(then, snapshots, origin), won=then["amount"].where(then["opportunity"].isin(won), 0.0)))
    if not seen:
        return all_open(states[month])
    table = pd.concat(seen).groupby("stage")[["amount", "won"]].sum()
    overall = table["won"].sum() / table["amount"].sum() if table["amount"].sum() > 0 else 0.0
    still = states[month][states[month]["outcome"] == "open"]
    share = (table["won"] / table["amount"].where(table["amount"] > 0)).fillna(overall)
    return float((still["amount"] * stages_then(still, snapshots, month).map(share).fillna(overall)).sum())


def backtest(
    opportunities: pd.DataFrame, products: pd.DataFrame, reps: pd.DataFrame, month: pd.Timestamp, *, first_month: int = 1, most: int = 12, period: int = PERIOD,
    snapshots: dict[pd.Timestamp, pd.DataFrame] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecast a period from past months, each with what was known at its start, and compare with what was won.

    Parameters
    ----------
    opportunities, products, reps : DataFrame
        As the contracts.
    month : Timestamp
        First month not known.
    first_month : int
        First month of the fiscal year.
    most : int
        Most months to try.
    period : int
        Months of the period.
    snapshots : dict, optional
        Deals as they stood at past months (see `deal_snapshots.snapshot`), by month.

    Returns
    -------
    tuple of DataFrame
        As the contract ``bookings_backtest``: as_of, method, scope (open: of the deals open then; all: all bookings), forecast, actual;
        and of the age hazard by month ahead: as_of, step (from 1), forecast, actual, variance.
    """
    known, snapshots = known_deals(opportunities, month, products, reps), snapshots or {}
    begin = first_recorded(known)
    rows, steps = [], []
    last = month - pd.DateOffset(months=period)
    begin = begin if begin >= 0 else month_number(pd.DatetimeIndex([month]))[0]
    first = pd.Timestamp(begin // 12, begin % 12 + 1, 1)
    earliest = max(first + pd.DateOffset(months=FEWEST_MONTHS), last - pd.DateOffset(months=most - 1))
    states = {at: deals_as_of(opportunities, at, products, reps) for at in pd.date_range(first, last, freq="MS")}
    for as_of in pd.date_range(earliest, last, freq="MS"):
        then = states[as_of]
        table = expected_bookings(then, fit_hazard(then, as_of, SEGMENT, first_month), as_of, period)
        sums = table.groupby("month")[["open", "new", "variance"]].sum()
        actual = {"open": won_of(known, as_of, period, only_open=True), "all": won_of(known, as_of, period)}
        inflow = float(sums["new"].sum())
        by_stage = stage_weights(states, known, as_of, snapshots, period)
        for method, worth in ((ALL_OPEN, all_open(then)), (STAGES, by_stage), (HAZARD, float(sums["open"].sum()))):
            # The rule of thumb is said of all bookings as it stands; the others know what is created and closed on top.
            for scope, value in (("open", worth), ("all", worth if method == ALL_OPEN else worth + inflow)):
                rows.append((as_of, method, scope, value, actual[scope]))
        monthly = [won_of(known, at, 1) for at in sums.index]
        steps.append(pd.DataFrame({"as_of": as_of, "step": np.arange(1, period + 1), "forecast": (sums["open"] + sums["new"]).to_numpy(), "actual": monthly,
                                   "variance": sums["variance"].to_numpy()}))
    found = pd.DataFrame(rows, columns=COLUMNS).astype({"as_of": "datetime64[us]", "forecast": "float64", "actual": "float64"})
    none = no_rows(["as_of", "step", "forecast", "actual", "variance"], months=["as_of"])
    return found, pd.concat(steps, ignore_index=True) if steps else none


def excess_error(steps: pd.DataFrame) -> float:
    """Return the relative error of a month's forecast beyond what chance explains, drawn to a usual one where few months were tried.

    The mean square of (actual / forecast - 1), less variance / forecast squared; one month's worth of `UNKNOWN_ERROR` is counted on top.
    """
    good = steps[steps["forecast"] > 0]
    squares = ((good["actual"] / good["forecast"] - 1) ** 2 - good["variance"] / good["forecast"] ** 2).to_numpy()
    tried = good["as_of"].nunique()
    return float(np.sqrt(max((squares.mean() * tried if tried else 0.0) + UNKNOWN_ERROR**2, 0.0) / (tried + 1)))


def covered(steps: pd.DataFrame) -> pd.DataFrame:
    """Tell whether the band would have held each month, made only from the errors that were known before.

    Returns
    -------
    DataFrame
        as_of, step, forecast, actual, low, high, inside.
    """
    parts = []
    for as_of, rows in steps.groupby("as_of"):
        over = months_between(as_of, steps["as_of"]) >= steps["step"]
        band = with_band(rows.assign(open=rows["forecast"], new=0.0), excess_error(steps[over]))
        parts.append(band.assign(inside=(band["actual"] >= band["low"]) & (band["actual"] <= band["high"])))
    shown = ["as_of", "step", "forecast", "actual", "low", "high", "inside"]
    return pd.concat(parts, ignore_index=True)[shown] if parts else pd.DataFrame(columns=shown)


def covered_words(tried: pd.DataFrame) -> str:
    """Say how often the 80 % band held, on how many months, and whether that can be told from the 80 % it claims.

    Forecasts of the same month from several origins see the same outcome, so that each month counts once, with the share of its forecasts that held; the
    chance of a share as low or high comes from the binomial distribution (two-sided exact test).

    Parameters
    ----------
    tried : DataFrame
        From `covered`.
    """
    from scipy.stats import binomtest

    if tried.empty:
        return "The band could not be tried out yet."
    month = [at + pd.DateOffset(months=int(step) - 1) for at, step in zip(tried["as_of"], tried["step"], strict=True)]
    inside = tried["inside"].groupby(month).mean()
    held = int(round(inside.sum()))
    chance = binomtest(held, len(inside), COVER).pvalue
    over, under = (tried["actual"] > tried["high"]).sum(), (tried["actual"] < tried["low"]).sum()
    text = f"The {COVER:.0%} band held {tried['inside'].mean():.0%} of {len(tried)} forecasts of {len(inside)} months ({over} came above it, {under} below)"
    if chance < UNLIKELY:
        return f"{text}: that is not luck (chance {chance:.1%} for a band that holds {COVER:.0%}), and the band is not to be trusted as it stands."
    return f"{text}: on that many months it cannot be told from {COVER:.0%} (chance of a share as far off: {chance:.0%})."


def judge(tried: pd.DataFrame, methods: Sequence[str] = (ALL_OPEN, STAGES, HAZARD)) -> pd.DataFrame:
    """Return MAPE and bias of each method over the same past months.

    Returns
    -------
    DataFrame
        scope, method, months, mape (mean of abs(forecast / actual - 1)), bias (sum over sum, above 0 is too high). Months that a method cannot do are left
        out for all.
    """
    good = tried[tried["actual"] > 0]
    whole = good.groupby(["scope", "as_of"])["forecast"].transform(lambda values: values.notna().all())
    good = good[whole & good["method"].isin(methods)]
    off = (good["forecast"] / good["actual"] - 1).abs()
    table = good.assign(off=off).groupby(["scope", "method"], as_index=False).agg(
        months=("as_of", "nunique"), mape=("off", "mean"), forecast=("forecast", "sum"), actual=("actual", "sum")
    )
    table["bias"] = table["forecast"] / table["actual"] - 1
    order = table["method"].map({name: at for at, name in enumerate(methods)})
    return table.assign(order=order).sort_values(["scope", "order"], ascending=[False, True], ignore_index=True)[["scope", "method", "months", "mape", "bias"]]
