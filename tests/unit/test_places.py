"""A word on an area or a channel is a word on its regions: split down, rolled up, and never on what two things are called."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, demand, insights, open_orders, overrides, products, regions, sales
from small_inputs import MONTH, company
from test_consensus import check_sum
from test_override_rules import seeded

from sop_helpers.book.checks import check_workbook
from sop_helpers.planning import cells, consensus, desk, history, override_checks
from sop_helpers.planning.cells import places
from sop_helpers.planning.panel import to_panel
from sop_helpers.planning.signals import explain

PLACES = places(regions())
SPAN = {"start_month": HORIZON[1], "end_month": HORIZON[1]}
ONLINE = ["R1", "R3"]


def forecast(number: int = 4) -> pd.DataFrame:
    names = ["month", "product", "region"]
    frame = pd.MultiIndex.from_product([HORIZON, [f"P{i}" for i in range(number)], regions()["region"]], names=names).to_frame(index=False)
    return frame.assign(units=100.0 * (1 + frame["product"].str[1].astype(float)) * (1 + frame["region"].str[1].astype(float)), model="portfolio")


def month_of(told: pd.DataFrame, said: pd.DataFrame, known: pd.Series = PLACES, catalogue: pd.DataFrame | None = None) -> pd.DataFrame:
    catalogue = products(4) if catalogue is None else catalogue
    own = consensus.own_view(forecast(), sales(demand(4, 4), 4), catalogue, told, month=HORIZON[0], regions=known)
    streams = consensus.build_streams(own, catalogue, said, open_orders(), month=HORIZON[0], regions=known)
    plan = consensus.demand_plan(streams, catalogue)
    check_sum(streams, plan)
    return plan.assign(family=plan["product"].map(catalogue.set_index("product")["family"]), change=plan["units"] - plan["statistical_units"])


def changed(plan: pd.DataFrame) -> pd.DataFrame:
    return plan[plan["change"].abs() > 1e-9]


def test_a_name_means_its_region_else_those_of_the_area_or_channel() -> None:
    assert cells.regions_of("online", PLACES) == {"online", *ONLINE} and cells.regions_of("North", PLACES) == {"North", "R0", "R1"}
    assert cells.regions_of("R0", PLACES) == {"R0"} and cells.regions_of("R0") == {"R0"} and cells.regions_of("Mars", PLACES) == {"Mars"}
    own = places(pd.DataFrame({"region": ["North", "North online"], "area": ["North", "North"]}))
    assert cells.regions_of("North", own) == {"North"}, "who bears the name comes before who belongs to it"
    assert places(regions().iloc[:0]).empty


def test_a_campaign_of_a_channel_is_split_down_to_its_regions() -> None:
    rows = [{"insight": "c", "kind": "campaign", "region": "online", "family": "F0", "effect_pct": 10.0}]
    rows += [{"insight": "d", "region": "North", "effect_units": 90.0}]
    for row, per_cent in zip(rows, (10.0, None), strict=True):
        moved = changed(month_of(insights(row | SPAN), overrides()))
        assert set(moved["month"]) == {HORIZON[1]} and set(moved["region"]) == set(ONLINE if per_cent else ["R0", "R1"])
        share = moved["change"] / moved["statistical_units"]
        np.testing.assert_allclose(share, share.iloc[0])  # in proportion to the plan
        assert share.iloc[0] == pytest.approx(0.1) if per_cent else moved["change"].sum() == pytest.approx(90.0)
        assert set(moved["family"]) == ({"F0"} if per_cent else {"F0", "F1"})


def test_overrides_of_a_channel_set_its_sum_and_narrower_ones_add_up_in_it() -> None:
    whole = {"id": "o1", "region": "online", "units": 500.0, "time": "2026-10-02"} | SPAN
    part = {"id": "o2", "region": "R3", "change_pct": 10.0, "time": "2026-10-03"} | SPAN
    for said, r3 in ((overrides(whole), 1.0), (overrides(whole, part), 1.1)):
        plan = month_of(insights(), said)
        assert set(changed(plan)["region"]) == set(ONLINE)
        sums = plan[plan["month"] == HORIZON[1]].groupby("region")["units"].sum()
        assert sums[ONLINE].tolist() == pytest.approx([500 * 2 / 6, 500 * 4 / 6 * r3])  # R1 plans 2, R3 plans 4 hundreds of each product
    later = override_checks.replaced(overrides(part | {"units": 7.0, "time": "2026-10-01"}, whole), plan, products(4), HORIZON[0], PLACES)
    assert later["message"].tolist() == ["R3, set by Kim, no longer stands in 2026-11: Kim set online afterwards (o1); set it again if it shall"]


def test_units_said_of_a_launch_in_a_channel_plan_it_in_its_regions() -> None:
    new = products(1).assign(product="NEW", launch_month=HORIZON[0])
    catalogue = pd.concat([products(4), new], ignore_index=True)
    word = {"insight": "I", "kind": "launch", "product": "NEW", "region": "online", "effect_units": 30.0} | SPAN
    plan = month_of(insights(word), overrides(), catalogue=catalogue)
    mine = plan[(plan["product"] == "NEW") & (plan["units"] > 0)]
    assert set(mine["region"]) == set(ONLINE) and mine["units"].sum() == pytest.approx(30.0)
    known = pd.DataFrame({"product": ["P0", "P1"], "region": ["R0", "R1"]})
    said = pd.DataFrame({"product": ["P0", "P0", "P1", "NEW"], "region": ["R0", "online", "online", "online"]})
    after = catalogue.assign(like_product=catalogue["like_product"].mask(catalogue["product"] == "NEW", "P1"))
    told = cells.new_series(said, known, after, PLACES).to_numpy().tolist()
    assert told == [["NEW", "R1"], ["P0", "R1"], ["P0", "R3"]], "P1 is planned online already, and NEW goes where its like product sells online"


def test_an_unknown_name_is_told_and_touches_nothing() -> None:
    told = insights({"insight": "x", "region": "onlin", "product": "P0", "effect_pct": 10.0} | SPAN)
    assert changed(month_of(told, overrides())).empty
    listed = consensus.problems(products(4), told, overrides(), forecast(), HORIZON[0], HORIZON[-1], regions=PLACES)
    said = "nothing that is planned matches P0 / onlin: onlin has no sales and is not in the table 'regions'; add it there, or mend the name"
    assert listed["message"].tolist() == [said]
    good = told.assign(region="online")
    assert consensus.problems(products(4), good, overrides(), forecast(), HORIZON[0], HORIZON[-1], regions=PLACES).empty


def test_past_campaigns_and_signals_know_the_channel() -> None:
    panel = to_panel(sales(demand(4, 4), 4))
    span = {"start_month": panel.months[-2], "end_month": panel.months[-2]}
    told = insights({"insight": "c", "kind": "campaign", "region": "online", "effect_pct": 10.0} | span)
    marked = history.event_calendar(panel, told, PLACES)["c"]
    assert set(panel.keys["region"][marked.any(axis=1)]) == set(ONLINE) and history.event_calendar(panel, told) == {}
    seen = pd.DataFrame({"month": panel.months[-2], "family": "F0", "product": "P0", "region": ["R0", "R1"], "units": [5.0, 5.0]})
    assert explain(seen, told, PLACES).notna().tolist() == [False, True]


@pytest.mark.parametrize(("scope", "mine"), [("online", ["R1", "R3"]), ("South", ["R2", "R3"])])
def test_the_desk_splits_an_edit_of_a_channel_and_sees_who_else_changed_it(scope: str, mine: list[str]) -> None:
    plan = month_of(insights(), overrides())
    part = {"region": sorted(cells.regions_of(scope, PLACES))}
    after = desk.edited_plan(plan, products(4), part, {HORIZON[0]: 900.0})
    sums = after[after["month"] == HORIZON[0]].groupby("region")["units"].sum()
    assert sums[mine].sum() == pytest.approx(900.0)
    pd.testing.assert_series_equal(after.loc[~after["region"].isin(mine), "units"], plan.loc[~plan["region"].isin(mine), "units"])
    said = overrides(*({"id": name or "all", "region": name, "units": 1.0} | SPAN for name in ("R0", "R3", "online", "North", None)))
    near = desk.overrides_in(said, products(4), part, HORIZON, PLACES)["id"].tolist()
    assert near == {"online": ["R3", "online", "North", "all"], "South": ["R3", "online", "all"]}[scope]
    streams = forecast().assign(stream="statistical", source="m")
    _, live = desk.live_plan(streams, products(4), overrides({"id": "o", "region": scope, "units": 900.0} | SPAN), HORIZON[0], PLACES)
    assert desk.in_scope(live, products(4), part).groupby("month")["units"].sum()[HORIZON[1]] == pytest.approx(900.0)


REGIONS = "region,ship_from,area,channel\nNorth,Hub,{},retail\nSouth,Hub,{},retail\n"


@pytest.mark.parametrize(("areas", "message"), [
    (("Europe", "Europe"), None),
    (("North", "South"), None),  # an area of the one region of that name is no other thing
    (("South", "North"), "the name 'North' is a region and the area of South: a word on it could mean either."),
    (("retail", "Europe"), "the name 'retail' is the channel of North, South and the area of North: a word on it could mean either."),
])
def test_a_name_of_two_meanings_is_refused(tmp_path, areas: tuple[str, str], message: str | None) -> None:
    found = check_workbook(company(tmp_path, {"regions.csv": REGIONS.format(*areas)}), MONTH)
    red = found.loc[found["level"] == "red", "message"].tolist()
    assert red[:1] == ([message] if message else []) and len(red) == (2 if areas == ("South", "North") else bool(message))


def test_a_view_of_a_channel_is_told_to_name_its_regions(tmp_path) -> None:
    rows = "".join(f"2026-09-01,sales,Kim,2026-11,{name},5\n" for name in ("retail", "Nort", "South"))
    book = company(tmp_path, {"regions.csv": REGIONS.format("Europe", "Europe"), "views.csv": "stated_on,view,author,month,region,units\n" + rows})
    found = check_workbook(book, MONTH).query("check == 'unmapped keys'")
    assert found[["message", "action"]].to_numpy().tolist() == [[
        "2 values of region are not in regions, so no location ships to them: 'retail' (an area or a channel), 'Nort' (is it 'North'?).",
        "Add them to regions, or mend the codes. Where an area or a channel is meant, name its regions.",
    ]]


def test_words_on_areas_and_channels_are_known_to_the_check(tmp_path) -> None:
    book = seeded(tmp_path, {"region": "retail"}, {"region": "Europe"}, {"region": "Retail"})
    header = "insight,function,kind,region,start_month,end_month,effect_pct,author,raised_on\n"
    rows = "".join(f"{i},sales,campaign,{name},2026-11,2026-11,5,Kim,2026-09-01\n" for i, name in enumerate(["retail", "Europe", "North", "online"]))
    for name, text in {"regions.csv": REGIONS.format("Europe", "Europe"), "insights.csv": header + rows}.items():
        (tmp_path / "data" / name).write_text(text)
    found = check_workbook(book, MONTH)
    told = found.loc[found["check"] == "unmapped keys", "message"].tolist()
    assert sorted(told) == [
        "1 override names a region that is not in regions: o2 (Ann): 'Retail' (is it 'retail'?).",
        "1 value of region is not in regions, so no location ships to it: 'online'.",
    ]
