"""What is counted agrees with its number: in the helper, in options and topics of the meeting, and in remedies of the plan."""

from __future__ import annotations

import pandas as pd
import pytest
from supply_networks import MONTHS, company, monthly, table
from test_meeting import LOAD, SHORT, _decisions

from sop_helpers.planning.stress import stress_tests
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.wording import counted

ONE_OF_MANY = r"(?<![\d,.])1 (?:units|hours|months|weeks|decisions|people|functions|items)\b"


@pytest.mark.parametrize(
    ("number", "many", "one", "said"),
    [
        (0, "hours", None, "0 hours"),
        (1, "hours", None, "1 hour"),
        ("+1", "units", None, "+1 unit"),
        ("-1", "units", None, "-1 unit"),
        ("1.0", "points", None, "1.0 points"),
        ("1 k", "units", None, "1 k units"),
        ("11", "units", None, "11 units"),
        (1, "kg", None, "1 kg"),
        (1, "people are", "person is", "1 person is"),
        (2, "people are", "person is", "2 people are"),
    ],
)
def test_one_takes_the_singular(number: str | int, many: str, one: str | None, said: str) -> None:
    assert counted(number, many, one) == said


def test_options_say_one_unit_and_one_hour() -> None:
    load = LOAD.assign(required_hours=[102.0, 90.0], planned_hours=[101.0, 100.0], overtime_hours=[1.0, 0.0])
    table = _decisions(shortages=SHORT.assign(short_units=1.0), capacity_load=load)
    text = table[["question", "option", "consequence"]].stack()
    assert not text.str.contains(ONE_OF_MANY).any(), text[text.str.contains(ONE_OF_MANY)].tolist()
    units = ["short of 1 unit in", "1 unit comes late", "1 unit is not served", "Would serve 1 unit worth"]
    hours = ["Follow the plan: 1 hour of", "The other 1 hour is made", "1 hour of work moves to", "2 hours at their value"]
    for said in units + hours:
        assert text.str.contains(said, regex=False).any(), said


def short_of_one(**fields: object) -> pd.Series:
    """Return what is short first of a product that is bought, with demand for one unit more than comes."""
    buy = {"operation": "buy A", "kind": "buy", "item": "A", "location": "main", "lead_time_months": 0.0, "unit_cost": 10.0, "supplier": "S"}
    wanted = [0.0, 0.0, 51.0, 0.0, 0.0, 0.0] if "lead_time_months" not in fields else [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    data = company(products=[{"product": "A", "family": "F", "unit_price": 30.0, "unit_cost": 10.0}], operations=[buy | fields],
                   demand=monthly(wanted, product="A", region="r"))  # fmt: skip
    return plan_supply(**data, months=MONTHS, frozen_months=0).shortages.iloc[0]


def test_remedies_say_one_unit() -> None:
    late = short_of_one(lead_time_months=1.0)
    assert late["cause"].startswith("lead time of 1 month:") and late["remedy"].startswith("expedite 1 unit of A @ main to 2026-10")
    few = short_of_one(max_units=50.0 / 3)
    assert few["short_units"] == pytest.approx(1.0) and few["remedy"].startswith("1 unit more from S or a second source")


def test_a_week_late_is_one_week() -> None:
    buy = {"operation": "buy A", "kind": "buy", "item": "A", "location": "main", "lead_time_months": 0.0, "unit_cost": 10.0, "supplier": "S"}
    data = company(products=[{"product": "A", "family": "F", "unit_price": 30.0, "unit_cost": 10.0}], operations=[buy],
                   demand=monthly([1.0] * 6, product="A", region="r"))  # fmt: skip
    assert "S 1 week late" in stress_tests(data, MONTHS, late_suppliers=["S"], weeks_late=1)


def test_a_name_with_braces_is_a_name() -> None:
    assert short_of_one(max_units=50.0 / 3, supplier="S {EU}")["remedy"].startswith("1 unit more from S {EU} or a second source")


@pytest.mark.parametrize(("measure", "said"), [(None, "1 unit more on this lane"), ("boxes", "1 boxes more on this lane")])
def test_room_on_a_lane_is_counted_in_units_or_in_the_companys_own_word(measure: str | None, said: str) -> None:
    buy = {"operation": "buy A", "kind": "buy", "item": "A", "location": "main", "lead_time_months": 0.0, "unit_cost": 10.0}
    move = {"operation": "move A", "kind": "move", "item": "A", "from_location": "main", "location": "depot", "lead_time_months": 0.0, "unit_cost": 0.0}
    lanes = {"lane_limits": table("lane_limits", [{"from_location": "main", "location": "depot", "measure": measure, "max_load": 10.0}])}
    lanes |= {"item_measures": table("item_measures", [{"item": "A", "measure": measure, "per_unit": 1.0}])} if measure else {}
    data = company(products=[{"product": "A", "family": "F", "unit_price": 30.0, "unit_cost": 10.0}], operations=[buy, move],
                   regions=[{"region": "r", "ship_from": "depot"}], demand=monthly([11.0, 0.0, 0.0, 0.0, 0.0, 0.0], product="A", region="r"))  # fmt: skip
    assert plan_supply(**(data | lanes), months=MONTHS, frozen_months=0).shortages["remedy"].iloc[0].startswith(said)
