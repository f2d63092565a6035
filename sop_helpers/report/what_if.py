"""The what-if desk: move a lever, see sellers, supply, stock and cash answer at once, save it as a named scenario, take it back.

All that is computed is in `planning.join_model`, which keeps its model between two moves; here widgets are put together.
"""

from __future__ import annotations

import base64
import html
import io
import os
import time
from typing import Any

import numpy as np
import pandas as pd

from sop_helpers.book.config import load_workbook
from sop_helpers.book.cycle import Cycle, open_cycle
from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.scenario_store import SavedScenario, add_scenario, take_back
from sop_helpers.planning.join_model import Answer, JoinModel
from sop_helpers.planning.join_setup import JOIN_TABLES, join_model

LONGEST_LEAD = 2  # months of extra lead time that the slider offers
MOST_HIRES = 10
MOST_REGIONS = 8
MEASURES = [("sellable revenue", "sellable"), ("operating profit", "profit"), ("commissions", "profit"), ("net cash", "cash")]


def model_of(cycle: Cycle) -> JoinModel:
    """Return the kept model of a month whose steps have run up to `22_sales`."""
    tables = {name: cycle.read(name) for name in JOIN_TABLES}
    calendar, company = cycle.workbook.calendar, cycle.workbook.company
    before = cycle.previous(1)
    last_plan = before.read("supply_plan") if before else None
    return join_model(tables, cycle.horizon, cycle.policies.model_dump(), calendar.frozen_months, company.fiscal_year_start, last_plan)


class WhatIfDesk:
    """Widgets that move the levers of a scenario.

    Parameters
    ----------
    cycle : Cycle
        The month; its steps have run up to `22_sales`.

    Raises
    ------
    WorkbookError
        A step has not run; the message says so.
    """

    def __init__(self, cycle: Cycle):
        self.cycle, self.model = cycle, model_of(cycle)
        self.model.prepare(*range(LONGEST_LEAD + 1))
        self.base = self.answer = self.model.answer()
        self.seconds = 0.0
        self.saves: list[SavedScenario] = []
        self.quiet = False  # while several levers are set at once
        self._build()
        self.show()

    @classmethod
    def open(cls, month: str = "", workbook: str = "workbook.toml") -> WhatIfDesk:
        """Open the desk of a month; blank: the month that `sop desk` was given, or the workbook's."""
        settings = load_workbook(workbook)
        return cls(open_cycle(month or os.environ.get("SOP_MONTH", "") or settings.month, settings))

    def _build(self) -> None:
        """Make the widgets and tie them to what they do."""
        import ipywidgets as w

        style, wide = {"description_width": "150px"}, w.Layout(width="400px")

        def slider(label: str, low: float, high: float, value: float, step: float = 1) -> Any:
            kind = w.IntSlider if step == 1 else w.FloatSlider
            return kind(value=value, min=low, max=high, step=step, description=label, style=style, layout=wide, continuous_update=False)

        months = [f"{m:%Y-%m}" for m in self.model.months]
        sellers = self.model.selling
        regions = list(dict.fromkeys(sellers.reps["region"].dropna()))[:MOST_REGIONS] if sellers else []
        known = len(sellers.ramp) if sellers else 1
        self.hires = {region: slider(f"hires {region}", 0, MOST_HIRES, 0) for region in sorted(regions)}
        self.hire_month = w.SelectionSlider(options=months, value=months[0], description="hired in", style=style, layout=wide, continuous_update=False)
        self.ramp = slider("months to full ramp", 1, 12, min(known, 12))
        self.usual_ramp = self.ramp.value
        self.percent = {
            "quota_factor": slider("quotas, %", 80, 130, 100), "win_rate_factor": slider("win rates, %", 70, 150, 100),
            "price_factor": slider("prices, %", 80, 120, 100), "capacity_factor": slider("hours, %", 50, 150, 100),
        }  # fmt: skip
        self.lead = slider("extra lead, months", 0, LONGEST_LEAD, 0)
        self.promotion_month = w.SelectionSlider(options=["none", *months], description="promotion in", style=style, layout=wide, continuous_update=False)
        self.promotion = {
            "promotion_uplift": slider("its new demand, %", 0, 100, 20), "promotion_discount": slider("its discount, %", 0, 50, 10),
            "promotion_pull_forward": slider("bought ahead, %", 0, 50, 10),
        }  # fmt: skip
        self.chart, self.totals, self.message = w.HTML(), w.HTML(), w.HTML()
        self.name = w.Text(description="name", placeholder="three_reps_in_march", layout=wide)
        self.description = w.Text(description="description", placeholder="what is tried, in one sentence", layout=w.Layout(width="520px"))
        self.save_button = w.Button(description="Save scenario", button_style="primary", disabled=True, tooltip="add it to the workbook file")
        self.undo_button = w.Button(description="Undo last save", disabled=True, tooltip="take the last scenario saved here out of the workbook file")
        self.reset_button = w.Button(description="Reset", tooltip="all levers as in base")
        selling = [*self.hires.values(), self.hire_month, self.ramp, self.percent["quota_factor"], self.percent["win_rate_factor"]] if sellers else []
        offer = [self.percent["price_factor"], self.promotion_month, *self.promotion.values()]
        self.levers = [*selling, *offer, self.percent["capacity_factor"], self.lead]
        self.neutral = [lever.value for lever in self.levers]
        for lever in self.levers:
            lever.observe(self._moved, "value")
        for box in (self.name, self.description):
            box.observe(self._ready, "value")
        self.save_button.on_click(lambda _: self.save())
        self.undo_button.on_click(lambda _: self.undo())
        self.reset_button.on_click(lambda _: self.reset())
        left = w.VBox([*self.levers, self.totals], layout=w.Layout(min_width="410px"))
        buttons = w.HBox([self.save_button, self.undo_button, self.reset_button])
        right = w.VBox([self.chart, self.name, self.description, buttons, self.message], layout=w.Layout(max_width="900px"))
        self.widget = w.HBox([left, right], layout=w.Layout(flex_flow="row wrap"))
        self.widget.add_class("sop-what-if")

    @property
    def set(self) -> dict[str, Any]:
        """The levers that differ from base, as fields of a scenario."""
        out: dict[str, Any] = {name: round(lever.value / 100, 4) for name, lever in self.percent.items() if lever.value != 100}
        heads = {region: lever.value for region, lever in self.hires.items() if lever.value}
        if heads:
            out["hires"] = heads
            if self.hire_month.index:  # the first month is that of each run, whenever it is
                out["hire_month"] = self.hire_month.value
        if self.ramp.value != self.usual_ramp:
            out["ramp"] = [round(float(share), 4) for share in np.linspace(1 / self.ramp.value, 1.0, self.ramp.value)]
        if self.promotion_month.value != "none":
            out |= {"promotion_month": self.promotion_month.value} | {name: lever.value / 100 for name, lever in self.promotion.items() if lever.value}
        return out | ({"extra_lead_time_months": self.lead.value} if self.lead.value else {})

    def _moved(self, _change: Any) -> None:
        if not self.quiet:
            self.show()

    def show(self) -> None:
        """Answer the levers as they are set and draw it."""
        start = time.perf_counter()
        try:
            self.answer = self.model.answer(self.set) if self.set else self.base
        except ValueError as error:
            self.say(str(error), bad=True)
            return
        self.totals.value = totals_html(self.answer, self.base, self.cycle.currency)
        self.chart.value = self._picture()
        self.seconds = time.perf_counter() - start
        self._ready(None)
        self.say(f"Answered in {self.seconds:.2f} s." if self.set else f"This is base; move a lever. Answered in {self.seconds:.2f} s.")

    def _picture(self) -> str:
        from sop_helpers.report.charts.join import bridge_takeaway, what_if_figure

        buffer, figure = io.BytesIO(), what_if_figure(self.answer, self.base, self.cycle.currency)
        figure.savefig(buffer, format="png", dpi=90, bbox_inches=figure.bbox_inches)  # its margins are set: cutting them would draw everything twice
        alt = html.escape(bridge_takeaway(self.answer.sellable, self.cycle.currency), quote=True)
        return f'<img class="sop-what-if-chart" alt="{alt}" style="max-width:100%" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'

    def _ready(self, _change: Any) -> None:
        """Let save be pressed when a lever is moved and there are name and description."""
        self.save_button.disabled = not self.set or not self.name.value.strip() or not self.description.value.strip()
        self.undo_button.disabled = not self.saves

    def say(self, text: str, bad: bool = False) -> None:
        """Show a sentence below the buttons; screen readers speak it."""
        colour = "#A33A08" if bad else "#1F2933"
        self.message.value = f'<p role="status" class="sop-what-if-message" style="color:{colour};margin:6px 0">{html.escape(text)}</p>'

    def reset(self) -> None:
        """Set all levers as in base."""
        self.quiet = True
        try:
            for lever, value in zip(self.levers, self.neutral, strict=True):
                lever.value = value
        finally:
            self.quiet = False
        self.show()

    def save(self) -> bool:
        """Add the levers as a scenario to the workbook file; nothing is written where something is refused."""
        name = self.name.value.strip()
        try:
            self.saves.append(add_scenario(self.cycle.workbook.file, name, self.set, self.description.value))
        except WorkbookError as error:
            self.say(f"Nothing was saved: {error}", bad=True)
            return False
        self.name.value = self.description.value = ""
        self._ready(None)
        self.say(f"Saved as scenario {name}. The next run of 23_scenarios plans it with stock targets and whole lots of its own.")
        return True

    def undo(self) -> bool:
        """Take the last scenario saved here out of the workbook file again."""
        if not self.saves:
            return False
        try:
            take_back(self.saves[-1])
        except WorkbookError as error:
            self.say(f"It cannot be undone: {error}", bad=True)
            return False
        name = self.saves.pop().name
        self._ready(None)
        self.say(f"Undone: scenario {name} is out of the workbook again.")
        return True


def totals_html(now: Answer, base: Answer, currency: str) -> str:
    """Put what the levers do to revenue, profit, pay and cash over the horizon into a small table, everything from data escaped."""
    rows = []
    for name, statement in MEASURES:
        new, old = (float(a.sellable["sellable_revenue"].sum()) if statement == "sellable" else a.total(name, statement) for a in (now, base))
        rows.append((f"{name} ({currency})", old, new))
    rows.append((f"lowest cash ({currency})", *(_lowest(a.profit_and_loss) for a in (base, now))))
    row = '<tr><th scope="row" style="text-align:left;font-weight:400">{}</th><td>{}</td><td>{}</td><td><b>{}</b></td></tr>'
    told = [(name, f"{round(old):,}", f"{round(new):,}", f"{change:+,}" if (change := round(new) - round(old)) else "0") for name, old, new in rows]
    cells = "".join(row.format(*map(html.escape, one)) for one in told)
    style = "border-collapse:separate;border-spacing:14px 2px;text-align:right;font-variant-numeric:tabular-nums"
    head = "<tr><th></th><th>base</th><th>as set</th><th>change</th></tr>"
    return f'<table class="sop-what-if-totals" style="{style}"><caption style="text-align:left;font-weight:600">Over the horizon</caption>{head}{cells}</table>'


def _lowest(profit_and_loss: pd.DataFrame) -> float:
    return float(profit_and_loss.loc[profit_and_loss["line"] == "balance", "money"].min())
