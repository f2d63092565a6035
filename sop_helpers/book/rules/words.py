"""Findings on people's words: overrides that the plan cannot use, and insights on a product of another family."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from sop_helpers.book.rules.findings import SHOWN, Inputs, Issue, codes_like, some


def overrides(given: Inputs) -> Iterator[Issue]:
    """Whether overrides speak of products, families, regions and months that are planned, and still count."""
    words = given.overrides
    if words is None or words.empty:
        return
    label = f"{given.month:%Y-%m}"
    ahead = words[words["end_month"] >= given.month]
    for column, parent, known in _known(given):
        unknown = ahead[ahead[column].notna() & (ahead[column] != "") & ~ahead[column].isin(known)]
        if len(unknown):
            hints = codes_like(unknown[column].unique()[:SHOWN], known)
            named = [f"{o.id} ({o.author}): {getattr(o, column)!r}" + (f" (is it {hints[x]!r}?)" if (x := getattr(o, column)) in hints else "")
                     for o in unknown.itertuples()]
            yield _issue("unmapped keys", column, unknown, f"{len(unknown)} overrides name a {column} that is not in {parent}: {some(named)}.",
                         "Withdraw it and write it anew; until then the plan leaves it out.")
    yield from _of_another_family(given, ahead, "overrides", "journal")
    gone = words[(words["end_month"] < given.month) & (words["month"] == label)]
    if len(gone):
        yield _issue("overrides", "end_month", gone, f"{len(gone)} overrides are wholly in the past: {some(_names(gone))}.",
                     f"The first month planned is {label}: withdraw them, or mend their months.")
    expired = ahead[ahead["expires_month"] <= given.month]
    if len(expired):
        yield _issue("overrides", "expires_month", expired, f"{len(expired)} overrides have expired and no longer count: {some(_names(expired))}.",
                     "Ask their authors to renew or withdraw them.")
    end = given.month + pd.DateOffset(months=given.horizon_months)
    far = words[words["start_month"] >= end]
    if len(far):
        yield _issue("overrides", "start_month", far, f"{len(far)} overrides begin after the last month planned: {some(_names(far))}.",
                     f"The plan ends with {end - pd.DateOffset(months=1):%Y-%m}: they wait until it reaches them.")


def families(given: Inputs) -> Iterator[Issue]:
    """Whether insights that name a product name no other family than its own: they are about nothing, so they have no effect."""
    words = given.get("insights")
    if words is not None:
        yield from _of_another_family(given, words[words["end_month"] >= given.month].rename(columns={"insight": "id"}), "insights", "insights")


def _of_another_family(given: Inputs, words: pd.DataFrame, kind: str, table: str) -> Iterator[Issue]:
    family = _families(given)
    both = words[words["product"].isin(family.index) & words["family"].notna() & (words["family"] != "")]
    apart = both[both["product"].map(family) != both["family"]] if len(both) else both
    if len(apart):
        named = [f"{o.id} ({o.author}): {o.product} is of {family[o.product]}, not {o.family}" for o in apart.itertuples()]
        yield _issue(kind, "product", apart, f"{len(apart)} {kind} name a product of another family: {some(named)}.", "Leave the family out.", table)


def _issue(check: str, column: str, rows: pd.DataFrame, message: str, action: str, table: str = "journal") -> Issue:
    return Issue("amber", check, table, column, len(rows), message, action)


def _names(rows: pd.DataFrame) -> list[str]:
    return [f"{o.id} ({o.author}, {o.start_month:%Y-%m} to {o.end_month:%Y-%m})" for o in rows.itertuples()]


def _families(given: Inputs) -> pd.Series:
    products = given.get("products")
    return pd.Series(dtype="str") if products is None else products.drop_duplicates("product").set_index("product")["family"]


def _known(given: Inputs) -> Iterator[tuple[str, str, set[str]]]:
    """Give the columns of an override, and where their codes come from, as far as those tables are there."""
    products, regions = given.get("products"), given.get("regions")
    if products is not None:
        yield "product", "products", set(products["product"])
        yield "family", "products", set(products["family"])
    if regions is not None:
        yield "region", "regions", given.place_names()
    elif (sales := given.get("sales")) is not None:
        yield "region", "sales", set(sales["region"])


WORD_RULES = [overrides, families]
