"""Cells of the plan (month, product, region): which of them a word is about, which it brings in, and how its units are split over them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import among, no_rows
from sop_helpers.planning.panel import KEYS

CELL = ["month", "product", "region"]
SCOPE = ["family", "product", "region"]  # what a word may name; blank means all


def on_sale(cells: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Put the family beside each cell, and whether its product is on sale in that month: launched, and not past its last month of sale.

    Parameters
    ----------
    cells : DataFrame
        month, product.
    products : DataFrame
        product, family; launch_month, end_month where there are any.
    """
    known = products.set_index("product").reindex(cells["product"])
    never = pd.Series(pd.NaT, index=known.index)
    begins, ends = (pd.to_datetime(known[c] if c in known else never).to_numpy() for c in ("launch_month", "end_month"))  # all blank may be of any type
    month = cells["month"].to_numpy()
    return cells.assign(family=known["family"].to_numpy(), on_sale=~((month < begins) | (month > ends)))


def places(regions: pd.DataFrame) -> pd.Series:
    """Return the regions by each name that a word may call them: their own, that of their area and that of their channel.

    Parameters
    ----------
    regions : DataFrame
        region; area and channel where there are any.

    Returns
    -------
    Series
        Regions, indexed by name; a name that a region bears stands for it alone.

    >>> places(pd.DataFrame({"region": ["N", "S"], "channel": ["online", "online"]})).groupby(level=0).agg(", ".join).to_dict()
    {'N': 'N', 'S': 'S', 'online': 'N, S'}
    """
    parts = [regions.loc[regions[by].notna()].set_index(by, drop=False)["region"] for by in ("region", "area", "channel") if by in regions]
    out = pd.concat(parts).rename_axis("name")
    return out[~out.index.isin(regions["region"]) | (out.index == out)]


def regions_of(name: str, regions: pd.Series | None = None) -> set[str]:
    """Return the regions that a word means by a name: the region itself, or those of the area or channel (see `places`)."""
    return {name, *(regions[regions.index == name] if regions is not None else [])}


def about_region(named: pd.Series, region: pd.Series, regions: pd.Series | None = None) -> pd.Series:
    """Tell row by row whether words that name a region, an area, a channel (see `places`) or nothing are about a region."""
    out = named.isna() | (named == "") | (named == region)
    if regions is not None and len(regions):
        out |= pd.MultiIndex.from_arrays([named, region]).isin(pd.MultiIndex.from_arrays([regions.index, regions]))
    return out


def touched(cells: pd.DataFrame, one: pd.Series, regions: pd.Series | None = None) -> pd.Series:
    """Tell which cells a statement is about: its months, and its family, product and region (or area or channel) where it names them.

    Parameters
    ----------
    cells : DataFrame
        month, product, region, family.
    one : Series
        start_month, end_month, family, product, region (blank means all).
    regions : Series, optional
        From `places`.
    """
    return (cells["month"] >= one["start_month"]) & (cells["month"] <= one["end_month"]) & about(cells, one, regions)


def about(cells: pd.DataFrame, one: pd.Series, regions: pd.Series | None = None) -> pd.Series:
    """Tell which products and regions a statement is about, whatever its months (see `touched`)."""
    mask = pd.Series(True, index=cells.index)
    for column in SCOPE:
        wanted = one.get(column)
        if isinstance(wanted, str) and wanted:
            named = regions_of(wanted, regions) if column == "region" else {wanted}
            mask &= cells[column] == wanted if len(named) == 1 else among(cells[column], pd.Index(list(named)))
    return mask


def subject(one: pd.Series) -> str:
    """Name what a statement is about by the family, product and region that it states.

    >>> subject(pd.Series({"family": "Pumps", "product": None, "region": "North"}))
    'Pumps / North'
    """
    return " / ".join(one[c] for c in SCOPE if isinstance(one.get(c), str) and one[c]) or "everything"


def counts(statements: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    """Return the insights or overrides that still count: not expired in the month planned or before, not wholly in the past."""
    if statements.empty:
        return statements
    return statements[(statements["expires_month"].isna() | (statements["expires_month"] > month)) & (statements["end_month"] >= month)]


def new_series(said: pd.DataFrame, planned: pd.DataFrame, products: pd.DataFrame, regions: pd.Series | None = None) -> pd.DataFrame:
    """Return the product-regions that words in units are about and that nothing is planned of yet.

    A word on a product and a region brings in that one. One on a product that is planned nowhere in an area or channel, or nowhere at all where it names none,
    brings in those of its like product there, else all regions of it, or all that are planned.

    Parameters
    ----------
    said : DataFrame
        product, region and family (blank means all) of words that state units.
    planned : DataFrame
        product, region of what is planned.
    products : DataFrame
        product, family; like_product where there are any. What is not in it is not brought in.
    regions : Series, optional
        Regions that are known beside those planned; others are not brought in. From `places` also what areas and channels mean.

    Returns
    -------
    DataFrame
        product, region.
    """
    words = said.reindex(columns=[*KEYS, "family"]).astype("object")
    words = words.where(words != "", None).drop_duplicates()
    family = words["product"].map(products.drop_duplicates("product").set_index("product")["family"])
    words = words[words["product"].isin(products["product"]) & (words["family"].isna() | (words["family"] == family))]
    if words.empty:
        return no_rows(KEYS, KEYS)
    here = planned[KEYS].drop_duplicates()
    known = {*here["region"], *(regions if regions is not None else [])}
    at = pd.MultiIndex.from_frame(here)
    groups = pd.DataFrame({"name": "", "region": here["region"].unique()}, dtype="object")
    if regions is not None:
        groups = pd.concat([groups, regions[~regions.index.isin(known)].rename_axis("name").reset_index(name="region").astype("object")])
    wide = words[~words["region"].isin(known)].fillna({"region": ""}).rename(columns={"region": "name"}).merge(groups, on="name")
    like = wide["product"].map(products.drop_duplicates("product").set_index("product").get("like_product", pd.Series(dtype="object")))
    word = [wide["product"], wide["name"]]
    there, home = (pd.Series(pd.MultiIndex.from_arrays([of, wide["region"]]).isin(at), index=wide.index) for of in (wide["product"], like))
    wide = wide[~there.groupby(word).transform("any") & (home | ~home.groupby(word).transform("any"))]
    out = pd.concat([words.loc[words["region"].isin(known), KEYS], wide[KEYS]], ignore_index=True).astype("str").drop_duplicates()
    there = pd.MultiIndex.from_frame(out).isin(at)
    return out[~there].sort_values(KEYS, ignore_index=True)


def brought(said: pd.DataFrame, plan: pd.DataFrame, products: pd.DataFrame, regions: pd.Series | None = None) -> pd.DataFrame:
    """Return the cells that words in units bring into a plan, at zero: their `new_series` in the months planned in which the product is on sale.

    Parameters
    ----------
    said, products, regions
        As for `new_series`.
    plan : DataFrame
        month, product, region.

    Returns
    -------
    DataFrame
        month, product, region, units.
    """
    new = new_series(said, plan, products, regions)
    if new.empty:
        return no_rows([*CELL, "units"], KEYS)
    cells = on_sale(new.merge(plan[["month"]].drop_duplicates(), how="cross"), products)
    return cells.loc[cells["on_sale"], CELL].sort_values(CELL, ignore_index=True).assign(units=0.0)


def in_units(statements: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    """Return the insights or overrides that still count and state units above zero: those that can plan what is not planned yet."""
    column = "effect_units" if "effect_units" in statements else "units"
    return statements if statements.empty else counts(statements[statements[column] > 0], month)


def shares(cells: pd.DataFrame, by: list[str], column: str = "units", base: pd.DataFrame | None = None) -> pd.Series:
    """Return each row's share of its group: in proportion to a column, evenly where the group has none.

    Parameters
    ----------
    cells : DataFrame
        The columns of `by`, and `column`; where it has ``on_sale``, what is not on sale gets no even share beside what is.
    by : list of str
        What makes a group.
    column : str
        What the shares go by; not below zero.
    base : DataFrame, optional
        region, family and `column` of all cells: what has no plan of its own goes by what its family sells in the region, or all families where it sells none.
    """
    groups = cells.groupby(by)[column]
    total = groups.transform("sum")
    even = pd.Series(1.0, index=cells.index)
    if "on_sale" in cells:
        some = cells.groupby(by)["on_sale"].transform("any")
        even = (cells["on_sale"] | ~some).astype(float)
    if base is not None and (total <= 0).any():
        size = even * _sizes(cells, base, column)
        there = size.groupby([cells[c] for c in by]).transform("sum")
        even = size.where(there > 0, even)
    even /= even.groupby([cells[c] for c in by]).transform("sum")
    return (cells[column] / total.where(total > 0)).where(total > 0, even)


def _sizes(cells: pd.DataFrame, base: pd.DataFrame, column: str) -> np.ndarray:
    """Return by cell what its family sells in its region in all months, or all families where it sells nothing anywhere."""
    own, whole = base.groupby(["family", "region"])[column].sum(), base.groupby("region")[column].sum()
    some = cells["family"].map(own.groupby("family").sum()).to_numpy(float) > 0
    mine = own.reindex(pd.MultiIndex.from_frame(cells[["family", "region"]])).to_numpy(float)
    return np.nan_to_num(np.where(some, mine, cells["region"].map(whole).to_numpy(float))).clip(min=0.0)


def matched(words: pd.DataFrame, known: pd.DataFrame, regions: pd.Series | None = None) -> pd.DataFrame:
    """Return the words on products (family and region where they name them) that match a known product, region and family; regions as from `places`."""
    both = words.merge(known, on="product", suffixes=("", "_known"))
    both = both[both["family"].isna() | (both["family"] == "") | (both["family"] == both["family_known"])]
    both = both[about_region(both["region"], both["region_known"], regions)]
    return both[[*words.columns]].drop_duplicates()


def nothing_matches(one: pd.Series, known: pd.DataFrame, products: pd.DataFrame, regions: pd.Series | None = None) -> str:
    """Return what to do about a word on a product that matches nothing planned, as the end of a sentence; blank where the product itself is unknown.

    Parameters
    ----------
    one : Series
        An insight or an override.
    known : DataFrame
        product, region that are planned.
    products : DataFrame
        product, family.
    regions : Series, optional
        Regions that are known beside those planned, and from `places` their areas and channels.
    """
    at = products[products["product"] == one["product"]]
    if at.empty:
        return ""
    if isinstance(one["family"], str) and one["family"] and one["family"] != at["family"].iloc[0]:
        return f": {one['product']} is of the family {at['family'].iloc[0]}"
    named = {*known["region"], *(regions if regions is not None else []), *(regions.index if regions is not None else [])}
    if isinstance(one["region"], str) and one["region"] and one["region"] not in named:
        return f": {one['region']} has no sales and is not in the table 'regions'; add it there, or mend the name"
    return ": say units above zero, of nothing there is no percentage"


def off_sale(one: pd.Series, new: pd.DataFrame, products: pd.DataFrame, first: pd.Timestamp) -> str:
    """Say of a word in units which of its months, from `first` on, lie before the launch or after the end of sale of its product.

    One that plans a product for the first time does not plan these; on a product that is planned already it is taken at its word.
    """
    brought, at = (new["product"] == one["product"]).any(), products[products["product"] == one["product"]]
    if at.empty or not (brought or any(pd.notna(one.get(name)) and one[name] > 0 for name in ("units", "effect_units"))):
        return ""
    at = at.iloc[0]
    begins, ends = (pd.to_datetime(at.get(column)) for column in ("launch_month", "end_month"))
    sides = [f"from {begins:%Y-%m} on"] if pd.notna(begins) and first < begins else []
    sides += [f"until {ends:%Y-%m}"] if pd.notna(ends) and one["end_month"] > ends else []
    return f"{one['product']} is on sale {' and '.join(sides)}: its other months are {'left out' if brought else 'planned all the same'}" if sides else ""
