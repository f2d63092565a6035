"""One kept model from levers to money: demand, sellers, supply, stock and cash, answered anew in a fraction of a second.

The supply plan is the linear program of `supply_model` without whole lots. It is built once for each purchase lead time; a scenario changes right-hand
sides, limits and costs, and the solver starts from its last basis. Stock targets stay those of base.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from sop_helpers.planning import join, join_money, supply_results
from sop_helpers.planning.handover import price_of
from sop_helpers.planning.join_levers import check_levers, levered_demand, levered_reps
from sop_helpers.planning.rep_capacity import on_leave, rep_capacity
from sop_helpers.planning.scenarios import apply_scenario
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_model import build_model, overtime_left, patience, regular_left
from sop_helpers.planning.supply_network import Matrix, Network, series_matrix
from sop_helpers.planning.supply_solver import Solver
from sop_helpers.planning.supply_start import starting_basis
from sop_helpers.planning.supply_workers import hiring_plan, staffed, value_of_hour

QUICK_ROWS = 10_000  # of the demand plan; an answer takes about a second there


@dataclass(frozen=True)
class Selling:
    """What the selling side brings to the model; without reps nothing limits what is sold.

    Attributes
    ----------
    reps, quotas, comp_plans : DataFrame
        As the contracts; quotas with the bookings known.
    bookings : DataFrame
        month, family, region, bookings: what the pipeline is expected to bring.
    unaided : Series
        Share of demand that comes without a seller, by region.
    ramp, attainment, attrition
        As `rep_capacity` takes them.
    fiscal_start : int
        First month of the fiscal year.
    leave : DataFrame
        As the contract; capacity goes without the share of a month away, the quota that pay is settled on stays.
    begun : DataFrame
        The fiscal year to date by rep, from `pay_months.year_so_far`: commissions go on from its attainment.
    """

    reps: pd.DataFrame
    quotas: pd.DataFrame
    comp_plans: pd.DataFrame
    bookings: pd.DataFrame = field(default_factory=pd.DataFrame)
    unaided: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))
    ramp: tuple[float, ...] = (1.0,)
    attainment: float = 1.0
    attrition: float = 0.0
    fiscal_start: int = 1
    leave: pd.DataFrame = field(default_factory=pd.DataFrame)
    begun: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class Answer:
    """What a set of levers leads to.

    Attributes
    ----------
    sellable, units, profit_and_loss : DataFrame
        As the contracts sellable_revenue, sellable_units and profit_and_loss.
    capacity_load, stock_projection : DataFrame
        As the contracts.
    demand : DataFrame
        The demand plan under the levers, before any limit.
    """

    sellable: pd.DataFrame
    units: pd.DataFrame
    profit_and_loss: pd.DataFrame
    capacity_load: pd.DataFrame
    stock_projection: pd.DataFrame
    demand: pd.DataFrame

    def total(self, line: str = "operating profit", statement: str = "profit") -> float:
        """Return a line of a statement over the horizon."""
        rows = self.profit_and_loss
        return float(rows.loc[(rows["line"] == line) & (rows["statement"] == statement), "money"].sum())


def stack(answers: Sequence[Answer], table: str) -> pd.DataFrame:
    """Return a table of several answers, one below the other: sellable, units or profit_and_loss."""
    return pd.concat([getattr(answer, table) for answer in answers], ignore_index=True)


class JoinModel:
    """The plan of a month, kept so that levers can be tried.

    Parameters
    ----------
    tables : mapping of DataFrame
        demand (month, product, region, units, revenue) and the tables of the supply plan.
    targets, stock_policies : DataFrame
        As the contracts inventory_targets and stock_policies.
    months : DatetimeIndex
        Months planned.
    selling : Selling, optional
        The selling side.
    terms : Terms, optional
        When money flows.
    **rules
        Policy numbers of `build_network`.
    """

    def __init__(
        self, tables: Mapping[str, pd.DataFrame], targets: pd.DataFrame, stock_policies: pd.DataFrame | None, months: pd.DatetimeIndex,
        selling: Selling | None = None, terms: join_money.Terms | None = None, **rules: Any,
    ):  # fmt: skip
        self.tables, self.targets, self.policies, self.months = dict(tables), targets, stock_policies, pd.DatetimeIndex(months)
        self.selling, self.terms, self.rules = selling, terms or join_money.Terms(), rules
        demand, products = self.tables["demand"], self.tables["products"]
        if "revenue" not in demand:
            price = demand["product"].map(products.set_index("product")["unit_price"]).astype(float).fillna(0.0)
            self.tables["demand"] = demand.assign(revenue=demand["units"] * price)
        self._kept: dict[tuple[int, float], tuple[Network, Solver]] = {}

    def prepare(self, *extra_lead_time_months: int) -> JoinModel:
        """Build the models of these extra lead times now, so that the first answer is as fast as the next."""
        for extra in extra_lead_time_months or (0,):
            self._model(extra)[1].solve()
        return self

    @property
    def bookings(self) -> pd.DataFrame:
        """What the pipeline is expected to bring: month, family, region, bookings; empty without a selling side."""
        return self.selling.bookings if self.selling is not None else pd.DataFrame()

    @property
    def quick(self) -> bool:
        """Whether the model is small enough to try many levers within a step of the month."""
        return len(self.tables["demand"]) <= QUICK_ROWS

    def _model(self, extra: int, factor: float = 1.0) -> tuple[Network, Solver]:
        """Return network and solver of an extra lead time; where hours follow people, the hours of a worker are built in and need a model of their own."""
        base = self._built(extra, 1.0)
        return base if factor == 1 or base[0].crews is None else self._built(extra, factor)

    def _built(self, extra: int, factor: float) -> tuple[Network, Solver]:
        if (extra, factor) not in self._kept:
            changed = apply_scenario(self.tables, {"extra_lead_time_months": extra, "capacity_factor": factor})
            net = build_network(**changed, targets=self.targets, months=self.months, stock_policies=self.policies, **self.rules)
            self._kept = {key: kept for key, kept in self._kept.items() if key[1] == 1.0}
            self._kept[extra, factor] = net, Solver(build_model(net), starting_basis(net))
        return self._kept[extra, factor]

    def answer(self, levers: Mapping[str, Any] | None = None, scenario: str = "base") -> Answer:
        """Return what a set of levers leads to.

        Parameters
        ----------
        levers : mapping
            As the scenarios of the workbook; what is left out changes nothing.
        scenario : str
            Name of the rows.

        Raises
        ------
        ValueError
            A lever is unknown, or no plan can be made of it; the message names it and what was expected.
        """
        products = self.tables["products"]
        reps = self.selling.reps if self.selling is not None else pd.DataFrame(columns=["rep", "region"])
        f = check_levers(levers or {}, self.months, reps["region"].dropna(), products["family"])
        net, solver = self._model(int(f["extra_lead_time_months"]), float(f["capacity_factor"]))
        hours = f["capacity_factor"] if net.crews is None else 1.0
        demand = levered_demand(self.tables["demand"], products, f, self.bookings)
        demand = demand[demand["month"].isin(self.months)]
        staff, reps = self._staff(f, reps)
        limit = join.sellers_limit(demand, self._worth(staff, demand), self.selling.unaided if self.selling else 0.0)

        wanted, money = series_matrix(net, demand), series_matrix(net, demand, "revenue")
        prices = np.divide(money, wanted, out=net.prices.copy(), where=wanted > 1e-9)
        by_region = limit.pivot(index="region", columns="month", values="share").reindex(columns=self.months)
        share = by_region.reindex(net.series["region"]).fillna(1.0).to_numpy()
        self._set(net, solver, hours, f)
        level = replace(net, prices=prices, regular=net.regular * hours)
        due = net.promises.due if net.promises is not None else np.asarray
        every, _, _ = self._serve(net, replace(level, demand=due(wanted), booked=wanted), solver)
        sold = replace(level, demand=due(wanted * share), booked=wanted * share)
        flows, load, change = self._serve(net, sold, solver)
        pool, weight = net.series["node"].to_numpy(), self._priority(net)
        backlog = net.series["backlog"].to_numpy(dtype=float)
        ship, lost, owed = join.allocate(sold.demand, backlog, flows["ship"], flows["lost"], pool, weight)
        full, _, _ = join.allocate(due(wanted), backlog, every["ship"], every["lost"], pool, weight)
        # What is booked and not due is owed as well, and nobody waits for it in vain.
        ahead = net.promises.ahead(sold.booked) if net.promises is not None else np.zeros((len(owed), len(self.months) + 1))
        before = np.concatenate([backlog[:, None], owed[:, :-1]], axis=1) + ahead[:, :-1]
        served = self._add_up(net, "region", {"owed_revenue": before * prices, "lost_revenue": lost * prices, "sellable_revenue": ship * prices,
                                                "short_revenue": (lost + owed) * prices, "not_due_revenue": ahead[:, 1:] * prices})  # fmt: skip
        units = self._add_up(net, "family", {"demand_units": wanted, "sold_units": sold.booked, "shipped_units": ship}).assign(scenario=scenario)
        table = join.sellable_revenue(limit, served, self._add_up(net, "region", {"supply_revenue": full * prices}))
        credited = table.merge(limit[["month", "region", "credited_share"]], on=["month", "region"], how="left")
        money_flows = self._money(sold, flows, load, ship, credited, staff, reps, f)
        money_flows["hiring"] = money_flows.get("hiring", pd.Series(0.0, index=self.months)).reindex(self.months, fill_value=0.0) + change
        return Answer(
            table.assign(scenario=scenario)[["scenario", *join.SELLABLE]],
            units[["scenario", "month", "family", "demand_units", "sold_units", "shipped_units"]],
            join_money.profit_and_loss(money_flows, self.months, self.terms, scenario), load, supply_results.stock_projection(sold, flows), demand,
        )  # fmt: skip

    def staff(self, levers: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Return what each rep can bring by month: month, rep, region, ramp, stay, full_quota, capacity, quota; empty without a selling side."""
        reps = self.selling.reps if self.selling is not None else pd.DataFrame(columns=["rep", "region"])
        return self._staff(check_levers(levers or {}, self.months, reps["region"].dropna(), self.tables["products"]["family"]), reps)[0]

    def _staff(self, f: Mapping[str, Any], reps: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return what each rep can bring by month under the levers, with the quota that pay is settled on, and the reps with the hires."""
        if self.selling is None or reps.empty:
            return pd.DataFrame(columns=["month", "rep", "region", "capacity", "quota", "stay"]), reps
        side = self.selling
        reps = levered_reps(reps, f, self.months[0])
        staff = rep_capacity(reps, side.quotas, self.months, f["ramp"] or side.ramp, side.attainment, side.attrition, self.months[0])
        # A higher quota asks more and pays less for the same; what a rep can bring moves with the win rate.
        quota = staff["full_quota"] * staff["ramp"] * staff["stay"] * f["quota_factor"]
        staff = on_leave(staff, side.leave)
        return staff.assign(quota=quota, capacity=staff["capacity"] * f["win_rate_factor"]), reps

    def _worth(self, staff: pd.DataFrame, demand: pd.DataFrame) -> pd.DataFrame:
        """Return capacity in money of the scenario's prices: reps sell as many units as before, dearer or at a discount."""
        if staff.empty:
            return staff
        base = self.tables["demand"].loc[demand.index]
        price = np.divide(base["revenue"], base["units"], out=np.zeros(len(base)), where=(base["units"] > 0).to_numpy())
        worth = demand.assign(usual=demand["units"] * price).groupby(["month", "region"])[["revenue", "usual"]].sum()
        ratio = (worth["revenue"] / worth["usual"].where(worth["usual"] > 0)).rename("ratio").reset_index()
        return staff.assign(capacity=staff["capacity"] * staff[["month", "region"]].merge(ratio, how="left")["ratio"].fillna(1.0).to_numpy())

    def _priority(self, net: Network) -> Matrix:
        regions = self.tables["regions"]
        weight = regions.set_index("region")["priority"] if len(regions) else pd.Series(dtype=float)
        return net.series["region"].map(weight).astype(float).fillna(1.0).to_numpy()

    def _add_up(self, net: Network, by: str, values: dict[str, Matrix]) -> pd.DataFrame:
        """Add matrices over the series up by month and region or family."""
        family = net.series["product"].map(self.tables["products"].set_index("product")["family"])
        return supply_results.long(values, net.series[["region"]].assign(family=family)[[by]], self.months).groupby(["month", by], as_index=False).sum()

    def _set(self, net: Network, solver: Solver, hours: float, f: Mapping[str, Any]) -> None:
        """Set regular hours, purchase prices and, where only what earns its cost is served, selling prices as multiples of those built in."""
        if len(net.resources) and net.crews is None:
            changed = replace(net, regular=net.regular * hours)
            free, before = (regular_left(n) for n in (changed, net))
            solver.right("capacity", free - before)
            solver.most("overtime", overtime_left(changed))
        bought = (net.operations["kind"] == "buy").to_numpy()
        extra = np.where(bought, net.operations["unit_cost"], 0.0) * (f["cost_factor"] - 1)
        solver.dearer("arrive", np.repeat(extra[:, None], len(self.months), axis=1))
        if self.rules.get("objective") == "profit":
            family = net.series["product"].map(self.tables["products"].set_index("product")["family"])
            touched = family.isin(f["families"]) if f["families"] else True
            gain = np.where(touched, net.series["price"], 0.0) * (f["price_factor"] - 1)
            lost = np.repeat(gain[:, None], len(self.months), axis=1)
            solver.dearer("lost", lost)
            solver.dearer("owed", lost * (np.arange(len(self.months)) == len(self.months) - 1))  # what is owed at the end counts as lost

    def _serve(self, built: Network, net: Network, solver: Solver) -> tuple[dict[str, Matrix], pd.DataFrame, pd.Series]:
        """Solve for the demand of `net` from the last basis: flows, load, and the cost of hiring and laying off workers by month.

        `built` is what the model was built on.
        """
        solver.right("backlog", net.demand - built.demand)
        solver.most("owed", patience(net))
        found = solver.solve()
        flows = supply_results.clean(found.values, net)
        load = supply_results.capacity_load(staffed(net, found.values), flows, value_of_hour(net, found), found.values.get("outside"))
        people = hiring_plan(net, found.values, load["planned_hours"].to_numpy(dtype=float).reshape(net.regular.shape))
        change = pd.Series(0.0, index=self.months)
        if net.crews is not None:
            cost = people["hired"].to_numpy() * net.crews.hire.ravel() + people["laid_off"].to_numpy() * net.crews.layoff.ravel()
            change = change.add(pd.Series(cost).groupby(people["month"].to_numpy()).sum(), fill_value=0.0)
        return flows, load, change

    def _money(
        self, net: Network, flows: dict[str, Matrix], load: pd.DataFrame, ship: Matrix, table: pd.DataFrame, staff: pd.DataFrame, reps: pd.DataFrame,
        f: Mapping[str, Any],
    ) -> dict[str, pd.Series]:  # fmt: skip
        """Return the flows of money by month that the statements are made of."""
        months, bought = self.months, (net.operations["kind"] == "buy").to_numpy()
        orders = self._orders(net, flows["arrive"], f["cost_factor"])
        cost = self.tables["products"].set_index("product")["unit_cost"]
        unit = net.series["product"].map(cost).astype(float).fillna(0.0).to_numpy()
        out = {"revenue": table.groupby("month")["sellable_revenue"].sum(), "cost of goods": pd.Series((ship * unit[:, None]).sum(axis=0), index=months)}
        out["stock holding"] = pd.Series((np.maximum(flows["closing"], 0) * net.nodes["holding"].to_numpy(dtype=float)[:, None]).sum(axis=0), index=months)
        out["supply variance"] = pd.Series(self._variance(net, flows["arrive"], orders), index=months)
        out["overtime"] = supply_results.overtime_cost(net, load)
        out["purchases"] = pd.Series(orders[bought].sum(axis=0) + self._open_purchases() * f["cost_factor"], index=months)
        out["conversion"] = pd.Series(supply_results.at_release(net, orders)[~bought].sum(axis=0), index=months)
        if self.selling is not None and len(staff):
            credited = join_money.rep_bookings(table, staff)
            side = self.selling
            out["commissions"] = join_money.commissions_by_month(credited, reps, side.comp_plans, side.fiscal_start, side.begun)
            out["rep salaries"] = join_money.salaries_by_month(staff, reps)
            hired = pd.Timestamp(f["hire_month"] or months[0])
            out["hiring"] = pd.Series({hired: sum(f["hires"].values()) * self.terms.rep_hiring_cost})
        return out

    def _orders(self, net: Network, arrive: Matrix, factor: float) -> Matrix:
        """Return what the orders of each operation cost by month of arrival, with the fixed cost of each and purchases at a multiple of their price."""
        ops = net.operations
        price = ops["unit_cost"].to_numpy(dtype=float) * np.where(ops["kind"] == "buy", factor, 1.0)
        return arrive * price[:, None] + (arrive > 0) * ops["fixed_cost"].to_numpy(dtype=float)[:, None]

    def _variance(self, net: Network, arrive: Matrix, cost: Matrix) -> Matrix:
        """Return by month what orders cost more than standard: they and what goes into them, less the standard cost of what comes out."""
        value = net.nodes["value"].fillna(0.0).to_numpy(dtype=float)
        into = net.uses["units_per"].to_numpy(dtype=float) * value[net.uses["node"].to_numpy(dtype=int)]
        used = np.bincount(net.uses["op"].to_numpy(dtype=int), weights=into, minlength=len(net.operations))
        return cost.sum(axis=0) + (arrive * (used - value[net.operations["node"]])[:, None]).sum(axis=0)

    def _open_purchases(self) -> Matrix:
        """Return what open purchase orders cost by month of arrival, at the price of today; overdue ones arrive first."""
        receipts, ops = self.tables["receipts"], self.tables["operations"]
        mine = receipts[receipts["kind"] == "purchase"]
        cost = mine["units"].to_numpy(dtype=float) * price_of(mine, ops, self.tables["products"])
        due = mine["due_month"].clip(lower=self.months[0])
        return pd.Series(cost, index=due.index).groupby(due).sum().reindex(self.months).fillna(0.0).to_numpy(dtype=float)
