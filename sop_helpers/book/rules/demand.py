"""Findings on the product master, the history and what the teams say of demand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sop_helpers.book.rules.findings import SHOWN, Inputs, Issue, codes_like, series_names, some

MISSING_SHARE = 0.10
"""Share of missing months from which a history is called incomplete."""
LAUNCH_MONTHS = 6
"""Months after its launch in which a product that has not sold yet is still planned by its like product (`launches.RAMP_MONTHS`)."""
JUMP = 3.0
"""Factor between a month's price and the usual one from which units or price are doubted."""
IMPOSSIBLE = 1000.0
"""Factor over the median of a series (and of all) from which a value cannot be demand."""


def freshness(given: Inputs) -> Iterator[Issue]:
    """Whether sales and stock reach the month before the cycle."""
    sales, stock = given.get("sales"), given.get("inventory")
    if sales is not None:
        last = sales["month"].max()
        if last < given.last:
            yield Issue(
                "red",
                "freshness",
                "sales",
                "month",
                0,
                f"sales end in {last:%Y-%m}; the month before the cycle is {given.last:%Y-%m}.",
                f"Bring sales of {given.last:%Y-%m}, or plan the month {last + pd.DateOffset(months=1):%Y-%m}.",
            )
        else:
            monthly = sales.groupby("month")["units"].sum()
            usual = monthly[monthly.index < given.last].tail(12).median()
            if monthly.get(given.last, 0.0) < 0.25 * usual:
                yield Issue(
                    "amber",
                    "freshness",
                    "sales",
                    "units",
                    0,
                    f"{given.last:%Y-%m} has {monthly.get(given.last, 0.0):,.0f} units; {usual:,.0f} are usual.",
                    "Make sure that the month is complete.",
                )
            quiet = sorted(set(sales["region"]) - set(sales.loc[sales["month"] == given.last, "region"]))
            if quiet:
                yield Issue(
                    "amber",
                    "freshness",
                    "sales",
                    "region",
                    len(quiet),
                    f"{len(quiet)} regions have no sales in {given.last:%Y-%m}: {some(quiet)}.",
                    "Make sure that their data have come.",
                )
    if stock is not None and (last := stock["month"].max()) < given.last:
        yield Issue(
            "amber",
            "freshness",
            "inventory",
            "month",
            0,
            f"stock was last counted at the end of {last:%Y-%m}; the plan begins with the end of {given.last:%Y-%m}.",
            f"Bring the stock of {given.last:%Y-%m}.",
        )


def completeness(given: Inputs) -> Iterator[Issue]:
    """Whether months are missing, for all or for single series."""
    sales = given.get("sales")
    if sales is None:
        return
    months = pd.date_range(sales["month"].min(), sales["month"].max(), freq="MS")
    gone = months.difference(pd.DatetimeIndex(sales["month"].unique()))
    if len(gone):
        share = len(gone) / len(months)
        yield Issue(
            "red" if share >= MISSING_SHARE else "amber",
            "completeness",
            "sales",
            "month",
            len(gone),
            f"{len(gone)} of {len(months)} months ({share:.0%}) have no sales at all: {some(f'{m:%Y-%m}' for m in gone)}.",
            "Bring them; a month that is not there counts as zero.",
        )
    number = sales["month"].dt.year * 12 + sales["month"].dt.month
    series = (
        sales.assign(number=number)
        .groupby(["product", "region"])
        .agg(first=("number", "min"), last=("number", "max"), rows=("number", "nunique"), revenue=("revenue", "sum"))
    )
    span = series["last"] - series["first"] + 1
    series["missing"] = span - series["rows"]
    holes = series[series["missing"] >= np.maximum(MISSING_SHARE * span, 1)]
    if len(holes):
        names = [f"{p}/{r} ({m})" for (p, r), m in holes.sort_values("revenue", ascending=False)["missing"].items()]
        yield Issue(
            "amber",
            "completeness",
            "sales",
            "month",
            float(holes["missing"].sum()),
            f"{len(holes):,} product-regions lack {MISSING_SHARE:.0%} or more of the months between their first and last sale: {some(names)}.",
            "Right if nothing was sold then (the plan takes zero); otherwise bring the months.",
        )


def history(given: Inputs) -> Iterator[Issue]:
    """Whether each product and region has a history that can be forecast."""
    products, sales = given.get("products"), given.get("sales")
    if products is None or sales is None:
        return
    if (sales["units"] == 0).all():
        yield Issue("red", "demand", "sales", "units", len(sales), "all units are zero.", "Make sure that the right column is taken as units.")
        return
    totals = sales.groupby(["product", "region"])["units"].sum()
    if (zero := totals[totals == 0]).size:
        yield Issue(
            "amber",
            "demand",
            "sales",
            "units",
            len(zero),
            f"{len(zero):,} product-regions sold nothing in all their months: {some('/'.join(k) for k in zero.index)}.",
            "Right for what is phased out; otherwise mend the units.",
        )
    silent = products[~products["product"].isin(sales["product"].unique())]
    coming = silent["launch_month"].notna() & (silent["launch_month"] > given.month - pd.DateOffset(months=LAUNCH_MONTHS))
    late = silent["launch_month"].notna() & ~coming
    if len(overdue := silent[late]):
        named = [f"{p} ({m:%Y-%m})" for p, m in zip(overdue["product"], overdue["launch_month"], strict=True)]
        yield Issue(
            "amber",
            "no history",
            "products",
            "launch_month",
            len(overdue),
            f"{len(overdue):,} products were to be launched {LAUNCH_MONTHS} months ago or more and have not sold since: {some(named)}.",
            "Move their launch_month, or drop them; they are planned at zero.",
        )
    if len(never := silent[~coming & ~late]):
        yield Issue(
            "amber",
            "no history",
            "products",
            "product",
            len(never),
            f"{len(never):,} products have no sales and no launch ahead: {some(never['product'])}.",
            "Give them a launch_month and a like_product, or drop them; they are planned at zero.",
        )
    if len(alone := silent[coming & silent["like_product"].isna()]):
        yield Issue(
            "amber",
            "no history",
            "products",
            "like_product",
            len(alone),
            f"{len(alone)} launches name no product to follow: {some(alone['product'])}.",
            "Name a like_product, or bring the volume as an insight in units; until then they are planned at zero.",
        )
    sold = set(sales["product"])
    if len(lost := silent[coming & silent["like_product"].notna() & ~silent["like_product"].isin(sold)]):
        named = [f"{p} (like {'itself' if p == like else like})" for p, like in zip(lost["product"], lost["like_product"], strict=True)]
        yield Issue(
            "amber",
            "no history",
            "products",
            "like_product",
            len(lost),
            f"{len(lost)} launches follow a product that has never sold: {some(named)}.",
            "Name a like_product with sales, or bring the volume as an insight in units; until then they are planned at zero.",
        )
    months = sales.groupby("region")["month"].nunique()
    if (short := months[months == 1]).size:
        yield Issue(
            "amber",
            "no history",
            "sales",
            "region",
            len(short),
            f"{len(short)} regions have a single month of sales: {some(short.index)}.",
            "Bring their history; a season cannot be seen in one month.",
        )
    dates = sales.merge(products[["product", "launch_month", "end_month"]], on="product")
    for column, wrong, word in (
        ("launch_month", dates["month"] < dates["launch_month"], "before launch_month"),
        ("end_month", dates["month"] > dates["end_month"], "after end_month"),
    ):
        if (wrong & (dates["units"] > 0)).any():
            rows = dates[wrong & (dates["units"] > 0)]
            yield Issue(
                "amber",
                "life cycle",
                "products",
                column,
                len(rows),
                f"{rows['product'].nunique()} products sold {word}: {some(rows['product'].unique())}.",
                f"Mend {column}.",
                float(rows["revenue"].sum()),
            )


def values(given: Inputs) -> Iterator[Issue]:
    """Whether single values can be what they say."""
    sales = given.get("sales")
    if sales is not None:
        for column in ("units", "revenue"):
            bad = sales[column].isna() | ~np.isfinite(sales[column].astype("float64"))
            if bad.any():
                yield Issue(
                    "red",
                    "not a number",
                    "sales",
                    column,
                    int(bad.sum()),
                    f"{int(bad.sum())} values are not finite: {series_names(sales[bad])}.",
                    "Mend them.",
                )
        if (below := sales["units"] < 0).any():
            yield Issue(
                "amber",
                "negatives",
                "sales",
                "units",
                int(below.sum()),
                f"{int(below.sum())} months have negative units: {series_names(sales[below])}.",
                "More came back than was sold: taken as no demand. Better net returns against the month of the order.",
            )
        if (below := sales["revenue"] < 0).any():
            yield Issue(
                "amber",
                "negatives",
                "sales",
                "revenue",
                int(below.sum()),
                f"{int(below.sum())} months have negative revenue: {series_names(sales[below])}.",
                "Look at credit notes.",
                float(sales.loc[below, "revenue"].sum()),
            )
        typical = max(float(sales["units"].median()), 1.0)
        keys = pd.MultiIndex.from_frame(sales[["product", "region"]])
        usual = sales.groupby(["product", "region"])["units"].quantile(0.5, interpolation="lower").reindex(keys).to_numpy()
        if (mad := (sales["units"] > IMPOSSIBLE * np.maximum(usual, typical)) | (sales["units"] > IMPOSSIBLE**2 * typical)).any():
            rows = sales[mad].sort_values("units", ascending=False)
            names = [f"{r.product}/{r.region} {r.month:%Y-%m}: {r.units:,.0f}" for r in rows.head(SHOWN).itertuples()]
            yield Issue(
                "red",
                "impossible value",
                "sales",
                "units",
                len(rows),
                f"{len(rows)} values are over {IMPOSSIBLE:,.0f} times what is usual in their series: {some(names, len(rows))}.",
                "Mend the entry.",
                float(rows["revenue"].sum()),
            )
    products = given.get("products")
    if products is not None:
        if (loss := products["unit_cost"] > products["unit_price"]).any():
            yield Issue(
                "amber",
                "price",
                "products",
                "unit_cost",
                int(loss.sum()),
                f"{int(loss.sum())} products cost more than they sell for: {some(products.loc[loss, 'product'])}.",
                "Make sure that cost and price are of the same unit.",
            )
        if (free := products["unit_price"] == 0).any():
            yield Issue(
                "amber",
                "price",
                "products",
                "unit_price",
                int(free.sum()),
                f"{int(free.sum())} products have no price: {some(products.loc[free, 'product'])}.",
                "Enter it.",
            )


def price_jumps(given: Inputs) -> Iterator[Issue]:
    """Whether revenue over units keeps to the list price and to its own past; a jump is often a change of unit."""
    products, sales = given.get("products"), given.get("sales")
    if products is None or sales is None:
        return
    sold = sales[(sales["units"] > 0) & (sales["revenue"] > 0)]
    price = sold["revenue"] / sold["units"]
    usual = price.groupby([sold["product"], sold["region"]]).transform("median")
    if (jump := (price / usual > JUMP) | (price / usual < 1 / JUMP)).any():
        rows = sold[jump].assign(price=price[jump], usual=usual[jump]).sort_values("revenue", ascending=False)
        names = [f"{r.product}/{r.region} {r.month:%Y-%m} at {r.price:,.2f} instead of {r.usual:,.2f}" for r in rows.head(SHOWN).itertuples()]
        yield Issue(
            "amber",
            "price jump",
            "sales",
            "revenue",
            len(rows),
            f"{len(rows):,} months have a price over {JUMP:g} times off their usual one: {some(names, len(rows))}.",
            "Look for a changed unit of measure or a mistyped amount.",
            float((rows["revenue"] - rows["units"] * rows["usual"]).abs().sum()),
        )
    recent = sold[sold["month"] >= given.month - pd.DateOffset(months=12)].groupby("product")[["units", "revenue"]].sum()
    recent["list"] = products.drop_duplicates("product").set_index("product")["unit_price"]
    ratio = recent["revenue"] / recent["units"] / recent["list"].where(recent["list"] > 0)
    if (off := (ratio > 2) | (ratio < 0.5)).any():
        names = [f"{p} ({r:.2f} times)" for p, r in ratio[off].items()]
        yield Issue(
            "amber",
            "price against master",
            "products",
            "unit_price",
            int(off.sum()),
            f"{int(off.sum())} products sold at under half or over twice their unit_price in the last year: {some(names)}.",
            "Mend unit_price, or the unit of the quantities.",
            float(recent.loc[off, "revenue"].sum()),
        )
    if (nothing := (sales["units"] > 0) & (sales["revenue"] == 0)).any():
        yield Issue(
            "amber",
            "price",
            "sales",
            "revenue",
            int(nothing.sum()),
            f"{int(nothing.sum()):,} months have units and no revenue: {series_names(sales[nothing])}.",
            "Right for samples; otherwise bring the revenue.",
        )


def scopes(given: Inputs) -> Iterator[Issue]:
    """Whether regions and families that tables name are known to the others."""
    places: dict[str, tuple[str, str, set[str]]] = {}
    if (regions := given.get("regions")) is not None:
        places["region"] = ("regions", "no location ships to them", set(regions["region"]))
    elif (sales := given.get("sales")) is not None:
        places["region"] = ("sales", "they have no history", set(sales["region"]))
    if (products := given.get("products")) is not None:
        places["family"] = ("products", "no product is in them", set(products["family"]))
    for column, (parent, effect, known) in places.items():
        for table in ("sales", "open_orders", "budget", "insights", "views", "opportunities", "accounts", "reps"):
            frame = given.get(table)
            if frame is None or column not in frame or table == parent or (column == "family" and table in ("insights", "views", "opportunities")):
                continue
            codes = known | given.place_names() if (table, column) == ("insights", "region") else known
            unknown = frame[column].notna() & ~frame[column].isin(codes)
            if unknown.any():
                found = frame.loc[unknown, column].unique().tolist()
                hints = codes_like(found[:SHOWN], codes)
                wider = given.place_names() - codes if column == "region" else set()
                named = [f"{v!r}" + (" (an area or a channel)" if v in wider else f" (is it {hints[v]!r}?)" if v in hints else "") for v in found]
                money = next((float(frame.loc[unknown, c].sum()) for c in ("revenue", "amount") if c in frame), float("nan"))
                yield Issue(
                    "red" if table == "sales" else "amber",
                    "unmapped keys",
                    table,
                    column,
                    int(unknown.sum()),
                    f"{len(found)} values of {column} are not in {parent}, so {effect}: {some(named)}.",
                    f"Add them to {parent}, or mend the codes." + (" Where an area or a channel is meant, name its regions." if wider & {*found} else ""),
                    money,
                )


def insights(given: Inputs) -> Iterator[Issue]:
    """Whether insights still count and say something."""
    frame = given.get("insights")
    if frame is None:
        return
    for wrong, word, action in (
        (
            (frame["expires_month"] <= given.month) & (frame["end_month"] >= given.month),
            "have expired and no longer count",
            "Ask their authors to renew or withdraw them.",
        ),
        (frame["effect_pct"].isna() & frame["effect_units"].isna() & (frame["end_month"] >= given.month), "state no effect", "Ask for a size in % or units."),
        (frame["effect_pct"].notna() & frame["effect_units"].notna(), "state an effect both in % and in units", "Keep one."),
        (frame["end_month"] < frame["start_month"], "end before they begin", "Mend the months."),
    ):
        if wrong.any():
            names = [f"{i} ({a})" for i, a in zip(frame.loc[wrong, "insight"], frame.loc[wrong, "author"], strict=True)]
            yield Issue("amber", "insights", "insights", "", int(wrong.sum()), f"{int(wrong.sum())} insights {word}: {some(names)}.", action)


DEMAND_RULES = [freshness, completeness, history, values, price_jumps, scopes, insights]
