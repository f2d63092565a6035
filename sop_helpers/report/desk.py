"""The desk of a demand planner: pick a part of the plan, type, see what it does, save it to the journal, take it back.

Everything that can be computed is in `planning.desk`; here the widgets are put together and the journal is written to.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import html
import io
import os
import re
from typing import Any

import pandas as pd

from sop_helpers.book.config import load_workbook
from sop_helpers.book.cycle import Cycle, open_cycle
from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.undo import Saved, last_save, take_back
from sop_helpers.planning import desk
from sop_helpers.planning.cells import places, regions_of
from sop_helpers.planning.scenarios import SUPPLY_TABLES
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_network import Network
from sop_helpers.planning.wording import counted

ALL = "(all)"
OURS = "desk-"  # how the ids of overrides written here begin
LABELS = {"last_year": "last year", "statistical": "statistical", "lo80": "80 % low", "hi80": "80 % high", "last_plan": "last plan", "held": "locked by others",
          "plan": "plan", "lock": "locked"}


def network_of(cycle: Cycle, plan: pd.DataFrame) -> Network | None:
    """Return the network of a month's supply plan, by which the load of resources is reckoned; None where `21_supply` has not run or there are none."""
    if not (cycle.has("capacity_load") and cycle.has("inventory_targets")):
        return None
    tables = {name: cycle.read(name) for name in SUPPLY_TABLES}
    if tables["operations"].empty or tables["loads"].empty:
        return None
    # Prices and rules of the plan do not matter here: the hours are those of making everything just in time.
    return build_network(plan, **tables, targets=cycle.read("inventory_targets"), months=cycle.horizon)


class OverrideDesk:
    """Widgets for overrides of one month's demand plan.

    Parameters
    ----------
    cycle : Cycle
        The month; its demand step has run.

    Raises
    ------
    WorkbookError
        The demand step has not run; the message says so.
    """

    def __init__(self, cycle: Cycle):
        self.cycle = cycle
        self.products, self.history, self.forecast = cycle.read("products"), cycle.read("demand_history"), cycle.read("forecast")
        self.streams, self.budget, self.places = cycle.read("streams"), cycle.read("budget"), places(cycle.read("regions"))
        self.load = cycle.read("capacity_load") if cycle.has("capacity_load") else pd.DataFrame()
        self.net: Network | None = None
        trials = cycle.read("forecast_trials") if cycle.has("forecast_trials") else None
        self.trials = trials[trials["basis"] == "backtest"] if trials is not None else None
        before = cycle.previous(1)
        self.last_plan = before.read("demand_plan") if before is not None and before.has("demand_plan") else None
        self.last: list[Saved] = []
        self.hint = False  # whether the message is about what is being typed
        self._build()
        self.reload()

    @classmethod
    def open(cls, month: str = "", workbook: str = "workbook.toml") -> OverrideDesk:
        """Open the desk of a month; blank: the month that `sop desk` was given, or the workbook's."""
        settings = load_workbook(workbook)
        return cls(open_cycle(month or os.environ.get("SOP_MONTH", "") or settings.month, settings))

    def _build(self) -> None:
        """Make the widgets and tie them to what they do."""
        import ipywidgets as w

        from sop_helpers.report.widgets.plan_grid import PlanGrid

        wide = w.Layout(width="320px")
        families = sorted(self.products["family"].unique())
        self.family = w.Dropdown(options=[ALL, *families], value=families[0], description="family", layout=wide)
        self.product = w.Dropdown(options=[(ALL, "")], description="product", layout=wide)
        regions = sorted(self.forecast["region"].unique())
        wider = sorted(set(self.places.index[self.places.isin(regions)]) - set(self.places) - set(regions))  # areas and channels
        choice = [*[(f"{name} ({ALL[1:-1]})", name) for name in wider], *[(r, r) for r in regions]]
        self.region = w.Dropdown(options=[(ALL, ""), *choice], description="region", layout=wide)
        self.author = w.Text(value=os.environ.get("SOP_AUTHOR", getpass.getuser()), description="author", layout=wide)
        self.reason = w.Text(description="reason", placeholder="why the plan should be another", layout=w.Layout(width="520px"))
        months = [f"{m:%Y-%m}" for m in pd.date_range(self.cycle.month + pd.DateOffset(months=1), periods=24, freq="MS")]
        self.expires = w.Dropdown(options=[("never", ""), *[(m, m) for m in months]], value="", description="expires", layout=wide)
        self.grid = PlanGrid(locked=self.cycle.closed)
        self.chart, self.effect, self.message, self.undo_note = w.HTML(), w.HTML(), w.HTML(), w.HTML()
        self.save_button = w.Button(description="Save", button_style="primary", disabled=True, tooltip="write what was typed to the journal")
        self.undo_button = w.Button(description="Undo last save", disabled=True, tooltip="take your last save back, of today or before; the journal keeps both")
        self.reload_button = w.Button(description="Reload", tooltip="read the journal again and forget what was typed")
        self._fill_products()
        self.family.observe(self._family_chosen, "value")
        for box in (self.product, self.region):
            box.observe(self._scope_chosen, "value")
        self.grid.observe(self._typed, ["edits", "wrong", "locks"])
        self.reason.observe(self._ready, "value")
        self.author.observe(self._whose, "value")
        self.save_button.on_click(lambda _: self.save())
        self.undo_button.on_click(lambda _: self.undo())
        self.reload_button.on_click(lambda _: self.reload("Read again from the journal."))
        left = w.VBox([self.grid], layout=w.Layout(min_width="620px"))
        buttons = w.HBox([self.save_button, self.undo_button, self.reload_button])
        right = w.VBox([self.effect, self.reason, self.author, self.expires, buttons, self.undo_note, self.message], layout=w.Layout(max_width="560px"))
        self.widget = w.VBox([
            w.HBox([self.family, self.product, self.region], layout=w.Layout(flex_flow="row wrap")), self.chart,
            w.HBox([left, right], layout=w.Layout(flex_flow="row wrap")),
        ])

    # what is chosen

    @property
    def scope(self) -> dict[str, str]:
        """The part of the plan that is chosen; a blank means all of them."""
        family = "" if self.family.value == ALL or self.product.value else self.family.value
        return {"family": family, "product": self.product.value, "region": self.region.value}

    @property
    def part(self) -> dict[str, str | list[str]]:
        """The same with the regions of the area or channel that is chosen."""
        region = self.scope["region"]
        return self.scope | {"region": sorted(regions_of(region, self.places)) if region else ""}

    @property
    def edits(self) -> dict[pd.Timestamp, float]:
        """What was typed and differs from the plan, by month."""
        return {pd.Timestamp(month): float(units) for month, units in self.grid.edits.items()}

    @property
    def locks(self) -> dict[pd.Timestamp, bool]:
        """Months that were locked (True) or unlocked and are not saved."""
        return {pd.Timestamp(month): bool(locked) for month, locked in self.grid.locks.items()}

    def _locked(self, month: pd.Timestamp) -> bool:
        """Whether the part shown is to be locked in a month, as ticked or else as saved."""
        return self.locks.get(month, bool(self.sheet.set_index("month")["lock"].get(month, False)))

    def _fill_products(self) -> None:
        mine = self.products if self.family.value == ALL else self.products[self.products["family"] == self.family.value]
        planned = mine[mine["product"].isin(set(self.streams["product"]))]
        self.product.options = [(ALL, ""), *[(f"{p}  {n}" if isinstance(n, str) else p, p) for p, n in zip(planned["product"], planned["name"], strict=True)]]

    def _family_chosen(self, _change: Any) -> None:
        before = self.product.value
        self._fill_products()  # sets the product back to all, which tells of itself only if there was one
        if not before:
            self.show()

    def _scope_chosen(self, _change: Any) -> None:
        self.show()

    # what is shown

    def reload(self, text: str = "") -> None:
        """Read the journal again and show the plan as it is now; what was typed is forgotten."""
        self.overrides = self.cycle.journal.read("override")
        self.parts, self.plan = desk.live_plan(self.streams, self.products, self.overrides, self.cycle.month, self.places)
        self.net = self.net or network_of(self.cycle, self.plan)
        self._whose(None)
        self.show()
        self.hint = False
        self.say(text)

    def show(self) -> None:
        """Show the part of the plan that is chosen."""
        self.sheet = desk.sheet(self.plan, self.forecast, self.history, self.last_plan, self.products, self.part, self.trials)
        own = {month: self._id(month) for month in self.sheet["month"]}
        saved = set(self.overrides.loc[self.overrides["locked"], "id"])
        held = desk.held_by_others(self.plan, self.products, self.overrides, self.part, self.cycle.month, own, regions=self.places)
        units = desk.in_scope(self.plan[held], self.products, self.part).groupby("month")["units"].sum()
        self.sheet = self.sheet.assign(held=self.sheet["month"].map(units).astype(float), lock=[own[month] in saved for month in self.sheet["month"]])
        labels = {key: label for key, label in LABELS.items() if self.sheet[key].notna().any() or key == "plan"}
        self.seen = self._state(self.overrides)
        self.grid.show(self.sheet, labels, f"{self.named}, units a month", self.seen)
        self._typed(None)

    @property
    def named(self) -> str:
        """The part of the plan in words."""
        return " / ".join(filter(None, self.scope.values())) or "everything"

    def _state(self, overrides: pd.DataFrame) -> str:
        """Return a mark of all overrides that touch what is shown: it changes when one of them does."""
        mine = desk.overrides_in(overrides, self.products, self.part, self.cycle.horizon, self.places)
        return hashlib.sha256(repr(sorted(zip(mine["id"], mine["version"], strict=True))).encode()).hexdigest()[:16]

    def _typed(self, _change: Any) -> None:
        own, locking = {month: self._id(month) for month in self.edits}, [month for month in self.edits if self._locked(month)]
        held = desk.held_by_others(self.plan, self.products, self.overrides, self.part, self.cycle.month, own, locking, self.places)
        self.after = desk.edited_plan(self.plan, self.products, self.part, self.edits, held)
        found = desk.impact(self.plan, self.after, self.products, self.part, load=self.load, net=self.net, budget=self.budget, last_plan=self.last_plan)
        self.effect.value = _effect_html(found, self.cycle.currency, bool(self.edits))
        self._draw()
        self._ready(None)

    def _draw(self) -> None:
        from sop_helpers.report.charts.desk import desk_chart

        past = desk.in_scope(self.history, self.products, self.part).groupby("month", as_index=False)[["raw_units", "units"]].sum()
        parts = desk.in_scope(self.parts, self.products, self.part).groupby(["month", "stream"], as_index=False)["units"].sum()
        buffer = io.BytesIO()
        desk_chart(past, self.sheet, parts, self.edits, self.named).savefig(buffer, format="png", dpi=110)
        alt = html.escape(f"History, forecast with its 80 % band, last year, last plan and plan of {self.named}; below, what each stream adds.", quote=True)
        self.chart.value = f'<img alt="{alt}" width="900" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'

    def _ready(self, _change: Any) -> None:
        """Let save be pressed when there is something to save, a reason and an author."""
        wrong, typed = list(self.grid.wrong), {*self.grid.edits, *self.grid.locks}
        self.save_button.disabled = not typed or bool(wrong) or not self.reason.value.strip() or not self.author.value.strip() or self.cycle.closed
        self.undo_button.disabled = not self.last or self.cycle.closed
        if wrong:
            self.say(f"Not a number of units: {', '.join(wrong)}. Type digits only, or Escape for the value before.", bad=True)
        elif self.cycle.closed:
            self.say(f"{self.cycle.label} is closed: its plan can be looked at, not changed.")
        elif barred := self._barred():
            self.say(f"More is locked by others than was typed, or all of it: {', '.join(barred)}. What is locked stands until it is unlocked.", bad=True)
        elif typed and not self.reason.value.strip():
            self.say("Give a reason before saving: the meeting will ask for it.")
        elif typed:
            self.say(f"Typed and not saved: {', '.join(sorted(typed))}.")
        elif self.hint:
            self.say("")
        self.hint = bool(wrong or typed)

    def _barred(self) -> list[str]:
        """Return the months of which what was typed cannot be planned for what others locked."""
        if not self.edits:
            return []
        now = desk.in_scope(self.after, self.products, self.part).groupby("month")["units"].sum()
        return [f"{month:%Y-%m}" for month, units in self.edits.items() if abs(now.get(month, 0.0) - units) > 1e-6 * max(1.0, units)]

    def _whose(self, _change: Any) -> None:
        """Look in the journal for the author's last save that can be taken back, and say which it is."""
        self.last = last_save(self.cycle.journal.history("override"), self.author.value.strip(), self.cycle.label, OURS)
        self.undo_note.value = f'<p class="sop-desk-last" style="margin:2px 0">{html.escape(_save_words(self.last))}</p>'
        self._ready(None)

    def say(self, text: str, bad: bool = False) -> None:
        """Show a sentence below the buttons; screen readers speak it."""
        colour = "#A33A08" if bad else "#1F2933"
        self.message.value = f'<p role="status" class="sop-desk-message" style="color:{colour};margin:6px 0">{html.escape(text)}</p>'

    # what is written

    def save(self) -> bool:
        """Write what was typed to the journal, all months or none; refuse where somebody else changed the same part meanwhile."""
        # A month that is only locked or unlocked keeps the units that it shows.
        edits = self.sheet.set_index("month")["plan"].reindex(list(self.locks)).to_dict() | self.edits
        reason, author = self.reason.value.strip(), self.author.value.strip()
        try:
            with self.cycle.journal.together():  # nobody else writes from the look at what changed to the last month written
                now = self.cycle.journal.read("override")
                if self._state(now) != self.seen:
                    self.say(self._who_changed(now), bad=True)
                    return False
                for month, units in sorted(edits.items()):
                    self._write(month, units, author, reason)
        except WorkbookError as error:
            self.say(f"Nothing was saved: {error}", bad=True)
            return False
        months = ", ".join(f"{m:%Y-%m}" for m in sorted(edits))
        self.reload(f"Saved {self.named} for {months}. The month's plan takes it up with the next run of 20_demand.")
        self.reason.value = ""
        return True

    def _id(self, month: pd.Timestamp) -> str:
        """Return the id of the override by which the desk sets the part shown in a month."""
        about = re.sub(r"[^0-9A-Za-z]+", "-", self.named).strip("-") + "-" + hashlib.sha256(repr(self.scope).encode()).hexdigest()[:6]
        return f"{OURS}{about}-{month:%Y-%m}"

    def _write(self, month: pd.Timestamp, units: float, author: str, reason: str) -> None:
        """Write the override of one month of the chosen part: a new one, or the next version of the one that the desk wrote before."""
        label = f"{month:%Y-%m}"
        fields = {k: v or None for k, v in self.scope.items()}
        fields |= {"start_month": label, "end_month": label, "units": units, "change_pct": None, "expires_month": self.expires.value or None}
        fields["locked"], name = self._locked(month), self._id(month)
        versions = self.cycle.journal.history("override", name)
        if versions.empty:
            self.cycle.journal.add("override", id=name, author=author, reason=reason, **fields)
        else:
            self.cycle.journal.change("override", name, version=int(versions["version"].max()), author=author, reason=reason, **fields)

    def undo(self) -> bool:
        """Take the author's last save back, of this session or an earlier one, unless somebody built on it since."""
        if not self.last:
            return False
        try:
            take_back(self.cycle.journal, self.last, self.author.value.strip())
        except WorkbookError as error:
            self.say(f"It cannot be undone: {error}", bad=True)
            return False
        count = len(self.last)
        self.reload(f"Undone: {count} override{'s are as they were' if count > 1 else ' is as it was'} before.")
        return True

    def _who_changed(self, now: pd.DataFrame) -> str:
        """Say what others wrote on the same part since it was shown."""
        known = set(zip(self.overrides["id"], self.overrides["version"], strict=True))
        mine = desk.overrides_in(now, self.products, self.part, self.cycle.horizon, self.places)
        new = mine[[pair not in known for pair in zip(mine["id"], mine["version"], strict=True)]]
        if new.empty:
            return f"Somebody took an override of {self.named} back while you typed. Nothing was saved: press Reload to see the plan as it is now."
        one = new.iloc[-1]
        value = counted(f"{one['units']:,.0f}", "units") if pd.notna(one["units"]) else f"{one['change_pct']:+.1f} %"
        what = f"{one['author']} set {one['start_month']:%Y-%m} to {one['end_month']:%Y-%m} to {value} ({one['reason'] or 'no reason given'})"
        return f"While you typed, {what}. Nothing was saved: press Reload to see it, then type again."


def _save_words(save: list[Saved]) -> str:
    """Say which save can be taken back."""
    if not save:
        return "Nothing that you saved for this month can be taken back."
    named = " / ".join(filter(None, (save[0].fields[k] for k in ("family", "product", "region")))) or "everything"
    months = [f"{one.fields['start_month']} {one.fields['units']:,.0f}" + (" (locked)" if one.fields["locked"] else "") for one in save[:4]]
    what = ", ".join(months) + (f" and {len(save) - 4} more" if len(save) > 4 else "")
    return f"Your last save: {named}, {what} units, {save[0].time:%Y-%m-%d %H:%M} UTC ({save[0].reason})."


def _effect_html(found: desk.Impact, currency: str, edited: bool) -> str:
    """Put totals and overloads into a small table; everything that comes from data is escaped."""
    rows = []
    for one in found.totals.itertuples():
        unit = "" if one.measure.startswith("units") else f" ({currency})"
        change = f"{one.change:+,.0f}" if edited else ""
        cells = f"<td>{one.before:,.0f}</td><td>{one.after:,.0f}</td><td><b>{change}</b></td>"
        rows.append(f'<tr><th scope="row" style="text-align:left;font-weight:400">{html.escape(one.measure + unit)}</th>{cells}</tr>')
    head = "<tr><th></th><th>saved</th><th>as typed</th><th>change</th></tr>"
    style = "border-collapse:separate;border-spacing:12px 2px;text-align:right;font-variant-numeric:tabular-nums"
    out = f'<table class="sop-desk-totals" style="{style}"><caption style="text-align:left;font-weight:600">Totals</caption>{head}{"".join(rows)}</table>'
    if found.overloads is None:
        out += '<p class="sop-desk-capacity">Capacity is not watched: there are no operations with hours, or 21_supply has not run.</p>'
    elif len(found.overloads):
        worst = [f"{html.escape(str(o.resource))} {o.month:%Y-%m}: {o.before:.0%} to {o.after:.0%}" for o in found.overloads.head(5).itertuples()]
        more = f" and {len(found.overloads) - 5} more" if len(found.overloads) > 5 else ""
        out += f'<p role="alert" class="sop-desk-capacity" style="color:#A33A08;max-width:28em"><b>Over capacity:</b> {"; ".join(worst)}{more}.</p>'
    elif edited:
        out += '<p class="sop-desk-capacity">No resource is loaded beyond its regular hours by this.</p>'
    return out
