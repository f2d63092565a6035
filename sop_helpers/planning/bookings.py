"""Bookings by month: what open deals should bring by their age, and what is still to be created and closed, with a band.

The forecast knows three things of a deal: its age, its segment, and its amount. Open deals are won with the chances of `deal_hazard`; deals to come arrive
as they lately did (exponential smoothing of the value created a month) and are won with the same chances from age 0. The band holds the chance of each deal,
of the number of deals to come, and how far the forecast was off at past months.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sop_helpers.planning.deal_hazard import Hazard, first_recorded, fit_hazard, month_number
from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.pipeline import known_deals

SEGMENT = ["family", "region"]
SMOOTHING = 0.3
"""Weight of the latest month in what is created a month; the usual one of exponential smoothing."""
COVER = 0.8
"""Share of outcomes that the band should hold."""
UNKNOWN_ERROR = 0.3
"""Relative error of a month that is assumed where no past month can be tried."""


def listed(opportunities: pd.DataFrame, products: pd.DataFrame, rows: pd.Series | None = None) -> pd.DataFrame:
    """Value deals at list where units and price are known; all of them, or only the `rows` marked.

    The amount of a decided deal is what it was won for, and often zero where it was lost: neither was known while it was open.
    """
    price = opportunities["product"].map(products.drop_duplicates("product").set_index("product")["unit_price"]).astype(float)
    value = opportunities["units"].astype(float) * price
    return opportunities.assign(amount=opportunities["amount"].where(value.isna() if rows is None else ~rows | value.isna(), value))


def deals_as_of(opportunities: pd.DataFrame, month: pd.Timestamp, products: pd.DataFrame, reps: pd.DataFrame) -> pd.DataFrame:
    """Return the deals as known at the start of a past month: what was decided later is valued at list, if units and price are known."""
    late = opportunities["closed"].notna() & (opportunities["closed"] >= month)
    return known_deals(listed(opportunities, products, late), month, products, reps)


def arrivals(deals: pd.DataFrame, month: pd.Timestamp, by: Sequence[str] = tuple(SEGMENT)) -> pd.DataFrame:
    """Return what a month brings in new deals, by segment: smoothed number and value of deals created.

    Months before closings were recorded are left out, for the deals that were quick are missing there.

    Returns
    -------
    DataFrame
        *by, deals (a month), amount (a month), square (sum of squared amounts a month).
    """
    by = list(by)
    begin, end = first_recorded(deals), month_number(pd.DatetimeIndex([month]))[0]
    born = month_number(deals["created"])
    new = deals[by].assign(born=born, deals=1.0, amount=deals["amount"], square=deals["amount"] ** 2)[born >= max(begin, 0)]
    if begin < 0 or begin >= end or new.empty:
        return no_rows([*by, "deals", "amount", "square"], text=by)
    wide = new.groupby([*by, "born"])[["deals", "amount", "square"]].sum().unstack(by, fill_value=0.0).reindex(np.arange(begin, end), fill_value=0.0)
    return wide.ewm(alpha=SMOOTHING, adjust=True).mean().iloc[-1].unstack(0).reset_index()[[*by, "deals", "amount", "square"]]


def expected_bookings(
    deals: pd.DataFrame, hazard: Hazard, month: pd.Timestamp, months: int, by: Sequence[str] = tuple(SEGMENT), tilt: np.ndarray | None = None
) -> pd.DataFrame:
    """Return expected bookings by month and segment, and their variance as deals win or lose by chance.

    Parameters
    ----------
    deals : DataFrame
        From `pipeline.known_deals`.
    hazard : Hazard
        From `deal_hazard.fit_hazard`.
    month : Timestamp
        First month forecast.
    months : int
        How many months.
    by : sequence of str
        Columns of a segment.
    tilt : array, optional
        Factor on the chance of each open deal, in their order in `deals`.

    Returns
    -------
    DataFrame
        month, *by, open (bookings from deals open now), new (from deals still to be created), variance.
    """
    by, start = list(by), month_number(pd.DatetimeIndex([month]))[0]
    names = pd.date_range(month, periods=months, freq="MS", unit="us")
    still = deals[deals["outcome"] == "open"]
    chance = hazard.path(start - month_number(still["created"]), start, still, months, tilt)
    amount = still["amount"].to_numpy()[:, None]
    parts = [_long(still[by], names, amount * chance, np.zeros_like(chance), amount**2 * chance * (1 - chance))]
    coming = arrivals(deals, month, by)
    value, square = np.zeros((len(coming), months)), np.zeros((len(coming), months))
    for born in range(months):
        won = hazard.path(np.zeros(len(coming), dtype=int), start + born, coming, months - born)
        value[:, born:] += coming["amount"].to_numpy()[:, None] * won
        square[:, born:] += coming["square"].to_numpy()[:, None] * won
    parts.append(_long(coming[by], names, np.zeros_like(value), value, square))
    table = pd.concat(parts, ignore_index=True).groupby(["month", *by], as_index=False)[["open", "new", "variance"]].sum()
    return table.astype({"open": "float64", "new": "float64", "variance": "float64"})


def _long(segments: pd.DataFrame, names: pd.DatetimeIndex, opened: np.ndarray, new: np.ndarray, variance: np.ndarray) -> pd.DataFrame:
    repeated = segments.loc[segments.index.repeat(len(names))].reset_index(drop=True)
    return repeated.assign(month=np.tile(names.to_numpy(), len(segments)), open=opened.ravel(), new=new.ravel(), variance=variance.ravel())


def with_band(table: pd.DataFrame, error: float) -> pd.DataFrame:
    """Add a band that should hold 80 % of outcomes, lognormal so that it stays above zero.

    Parameters
    ----------
    table : DataFrame
        open, new, variance.
    error : float
        Relative error of a month's total beyond the chance of single deals (see `bookings_backtest.excess_error`).

    Returns
    -------
    DataFrame
        The same with bookings, low, high.
    """
    from scipy.stats import norm

    mean = (table["open"] + table["new"]).to_numpy(dtype=float)
    relative = np.divide(table["variance"].to_numpy(dtype=float), mean**2, out=np.zeros_like(mean), where=mean > 0) + error**2
    wide = np.sqrt(np.log1p(relative))
    reach = norm.ppf(0.5 + COVER / 2) * wide
    middle = mean * np.exp(-(wide**2) / 2)
    return table.assign(bookings=mean, low=middle * np.exp(-reach), high=middle * np.exp(reach))


def unit_values(deals: pd.DataFrame, products: pd.DataFrame) -> pd.Series:
    """Return the money that a unit of each family brings in won deals, else the mean list price of its products."""
    won = deals[(deals["outcome"] == "won") & (deals["units"] > 0) & (deals["amount"] > 0)]
    sums = won.groupby("family")[["amount", "units"]].sum()
    listed = products[products["unit_price"] > 0].groupby("family")["unit_price"].mean() if len(products) else pd.Series(dtype=float)
    return (sums["amount"] / sums["units"]).combine_first(listed).astype(float)


def bookings_forecast(
    deals: pd.DataFrame, products: pd.DataFrame, month: pd.Timestamp, months: int, *, first_month: int = 1, error: float = UNKNOWN_ERROR,
    tilt: np.ndarray | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Forecast bookings by month, family and region, for each region, each family, and in all.

    All bands come from one model: deals are won or lost on their own, and the error beyond that chance is a factor that all deals of a month share. The band
    of a sum is made from the variance of the sum, so it is narrower than the bands of its parts added up: lows and highs of the parts do not come together.

    Parameters
    ----------
    deals : DataFrame
        From `pipeline.known_deals`.
    products : DataFrame
        product, family, unit_price: turn money into units where deals state none.
    month : Timestamp
        First month forecast.
    months : int
        How many months.
    first_month : int
        First month of the fiscal year.
    error : float
        Relative error of a month's total beyond chance.
    tilt : array, optional
        Factor on the chance of each open deal.

    Returns
    -------
    tuple of DataFrame
        As the contracts ``bookings_forecast``, ``bookings_outlook`` and ``bookings_levels``. Means add up, ends of bands do not.
    """
    hazard = fit_hazard(deals, month, SEGMENT, first_month)
    table = expected_bookings(deals, hazard, month, months, SEGMENT, tilt)
    cells = with_band(table, error)
    cells["units"] = cells["bookings"] / cells["family"].map(unit_values(deals, products)).astype(float)
    total = with_band(table.groupby("month", as_index=False)[["open", "new", "variance"]].sum(), error)
    parts = [
        with_band(table.groupby(["month", level], as_index=False)[["open", "new", "variance"]].sum(), error).rename(columns={level: "name"}).assign(level=level)
        for level in ("region", "family")
    ]
    shown = {"open": "from_open", "new": "from_new"}
    return (
        cells.rename(columns=shown)[["month", "region", "family", "from_open", "from_new", "bookings", "low", "high", "units"]],
        total.rename(columns=shown)[["month", "from_open", "from_new", "bookings", "low", "high"]],
        pd.concat(parts, ignore_index=True)[["month", "level", "name", "bookings", "low", "high"]],
    )


def sums_words(cells: pd.DataFrame, outlook: pd.DataFrame, currency: str) -> str:
    """Say of the first month how much wider the bands of families and regions are together than that of their sum."""
    if outlook.empty or cells.empty:
        return "No bookings are expected."
    first = outlook.iloc[0]
    ends = cells.loc[cells["month"] == first["month"], ["low", "high"]].sum()
    return (
        f"Means add up, bands do not: in {first['month']:%Y-%m} the ends of the single bands add up to {ends['low']:,.0f} and {ends['high']:,.0f} {currency}, "
        f"and the total's own band is {first['low']:,.0f} to {first['high']:,.0f}, for single deals make up for one another."
    )


def won_by_month(deals: pd.DataFrame, month: pd.Timestamp, months: int = 12) -> pd.Series:
    """Return the value won in each of the months before `month`, zeros included."""
    won = deals[(deals["outcome"] == "won") & deals["closed"].notna()]
    names = pd.date_range(end=month - pd.DateOffset(months=1), periods=months, freq="MS", unit="us", name="month")
    return won.groupby(won["closed"].dt.to_period("M").dt.to_timestamp())["amount"].sum().reindex(names, fill_value=0.0)
