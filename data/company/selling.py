"""Selling in the sample company: accounts, reps, territories, quotas, pay and two years of the pipeline."""

from __future__ import annotations

import numpy as np
import pandas as pd

from company import catalogue as c
from company.demand import Demand

FISCAL_START = pd.Timestamp("2026-04-01")
STAGES = ["Prospect", "Qualified", "Proposal", "Negotiation"]
# share of revenue that goes through a named deal; the rest is run rate
DEALS = 0.80
FIRST = "Anna Ben Clara David Elena Felix Greta Hugo Ines Jonas Karin Lukas Marta Nils Olivia Paul Rosa Simon Tilda Victor Wanda Yann Zoe Emil".split()
LAST = (
    "Auer Berg Costa Duval Eriksen Fuchs Garcia Holm Ibarra Jansen Keller Lopez Maier Nyberg Olsen Petit Ramos Steiner Torres Urban Vidal Weber Zeller Lund"
).split()
KINDS = ["Kitchen Studio", "Coffee House", "Office Supply", "Household Goods", "Hotel Group", "Trading", "Home Store", "Roastery", "Catering", "Electro Market"]
SEGMENTS = ["retail chain", "specialist", "office", "hotel and catering", "online"]
CENTRES = {"DACH": (0, 0), "FRANCE": (-620, -180), "NORDICS": (180, 1150), "IBERIA": (-1350, -950)}
HIRED, LEFT = pd.Timestamp("2026-08-01"), pd.Timestamp("2026-06-01")


class Selling:
    """Tables of the sales side, all drawn from the revenue that the regions really have."""

    def __init__(self, demand: Demand, seed: int):
        self.demand, self.seed, self.rng = demand, seed, np.random.default_rng([seed, 6])
        revenue = np.where(demand.units[:, :, : demand.known] > 0, demand.revenue, 0)
        self.by_region = pd.DataFrame(revenue.sum(axis=0).T, index=demand.months[: demand.known], columns=demand.regions["region"])
        ahead = demand.expected[:, :, demand.known :] * demand.price[:, :, demand.known :]
        later = pd.DataFrame(ahead.sum(axis=0).T, index=demand.months[demand.known :], columns=demand.regions["region"])
        self.outlook = pd.concat([self.by_region, later])
        self.reps = self._reps()
        self.accounts = self._accounts()

    def _per_region(self, total: int) -> list[int]:
        """Share out a number of people or accounts by the regions' share of demand, at least two each."""
        wanted = self.demand.regions["share"].to_numpy() * total
        return np.maximum(2, np.round(wanted)).astype(int).tolist()

    def _reps(self) -> pd.DataFrame:
        counts = self._per_region(24)
        region = np.repeat(self.demand.regions["region"].to_numpy(), counts)
        number = np.arange(len(region))
        start = np.array([np.datetime64("2018-01") + int(m) for m in self.rng.integers(0, 84, len(region))]).astype("datetime64[us]")
        rank = np.concatenate([np.arange(k) for k in counts])
        table = pd.DataFrame(
            {
                "rep": [f"R{i + 1:02d}" for i in number],
                "name": [f"{FIRST[i % 24]} {LAST[(i * 7 + i // 24) % 24]}" for i in number],
                "region": region,
                "team": np.where(rank % 3 == 0, "key accounts", "field"),
                "role": np.where(rank % 3 == 0, "key account manager", "account executive"),
                "start_month": start,
                "end_month": pd.NaT,
                "on_target_earnings": np.where(rank % 3 == 0, 92000.0, 74000.0),
                "variable_share": np.where(rank % 3 == 0, 0.30, 0.35),
                "comp_plan": np.where(rank % 3 == 0, "KEY", "FIELD"),
            }
        )
        table["draw"] = np.nan
        table["training"] = np.where(pd.to_datetime(table["start_month"]) < pd.Timestamp("2023-01-01"), "on the job", "academy")
        table["end_month"] = table["end_month"].astype("datetime64[us]")
        table.loc[number[rank == 1][:1], "end_month"] = LEFT  # left in the summer
        table.loc[number[rank == 1][1:2], "start_month"] = HIRED  # still ramping up
        table.loc[number[rank == 1][1:2], ["draw", "training"]] = [1200.0, "academy"]  # until commission carries the rep
        return table.astype({"start_month": "datetime64[us]"})

    @property
    def working(self) -> pd.DataFrame:
        """Reps on board at the start of the cycle."""
        return self.reps[self.reps["end_month"].isna()]

    def _accounts(self) -> pd.DataFrame:
        counts = self._per_region(330)
        region = np.repeat(self.demand.regions["region"].to_numpy(), counts)
        size, rng = len(region), self.rng
        potential = rng.lognormal(0, 0.9, size)
        yearly = self.by_region.iloc[-12:].sum()
        total = pd.Series(potential).groupby(region).transform("sum").to_numpy()
        # accounts could buy almost twice what they do
        potential = np.round(potential / total * 1.9 * yearly.reindex(region).to_numpy(), -2)
        centre = np.array([CENTRES.get(r, (400 * (i % 5), 300 * (i // 5))) for i, r in enumerate(region)])
        spot = centre + rng.normal(0, 160, (size, 2))
        table = pd.DataFrame(
            {
                "account": [f"{i + 1:05d}" for i in range(size)],
                "name": [f"{LAST[i % 24]} {KINDS[(i // 24 + i) % 10]}" for i in range(size)],
                "region": region,
                "segment": rng.choice(SEGMENTS, size, p=[0.22, 0.34, 0.18, 0.14, 0.12]),
                "potential": potential,
                "workload": np.round(18 + 0.16 * np.sqrt(potential) * rng.lognormal(0, 0.15, size)),
                "x": spot[:, 0].round(1),
                "y": spot[:, 1].round(1),
            }
        )
        table["rep"] = self._territories(table)
        territory = {rep: f"{where}-{place + 1}" for where, group in self.working.groupby("region", sort=False) for place, rep in enumerate(group["rep"])}
        table["territory"] = table["rep"].map(territory)
        return table[["account", "name", "region", "segment", "territory", "rep", "potential", "workload", "x", "y"]]

    def _territories(self, accounts: pd.DataFrame) -> pd.Series:
        """Give each account to a rep so that potentials are even, then spoil it a little, as years do."""
        owner = pd.Series(index=accounts.index, dtype="object")
        for region, group in accounts.groupby("region", sort=False):  # a few regions
            staff = self.working.loc[self.working["region"] == region, "rep"].to_numpy()
            load = np.zeros(len(staff))
            for place, value in group["potential"].sort_values(ascending=False, kind="stable").items():
                take = int(load.argmin())
                owner[place], load[take] = staff[take], load[take] + value
            moved = group.index[self.rng.random(len(group)) < 0.16]
            owner[moved] = self.rng.choice(staff, len(moved))
            # one rep of the region inherited accounts
            inherited = group.index[self.rng.random(len(group)) < 0.05]
            owner[inherited] = staff[0]
        return owner.astype("str")

    def quotas(self, budget: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
        """Return quota and bookings (before `month`) by rep and month from the last fiscal year to the end of this one."""
        months = pd.date_range(FISCAL_START - pd.DateOffset(years=1), periods=24, freq="MS", unit="us")
        planned = budget.pivot_table(index="month", columns="region", values="revenue", aggfunc="sum").reindex(months)
        rng, reps = np.random.default_rng([self.seed, 7]), self.reps
        weight = np.where(reps["team"] == "key accounts", 1.25, 1.0) * rng.lognormal(0, 0.08, len(reps))
        skill = np.clip(rng.normal(1.0, 0.19, len(reps)), 0.70, 1.30)
        grid = pd.MultiIndex.from_product([months, range(len(reps))], names=["month", "place"]).to_frame(index=False)
        one = reps.iloc[grid["place"]].reset_index(drop=True)
        at_work = (grid["month"] >= one["start_month"]) & (one["end_month"].isna() | (grid["month"] <= one["end_month"]))
        table = pd.DataFrame(
            {"month": grid["month"], "rep": one["rep"], "region": one["region"], "weight": weight[grid["place"]], "skill": skill[grid["place"]]}
        )
        table["new"] = (one["start_month"] == HIRED) & at_work
        # whoever was hired takes over a part of what was shared out before
        share = table["weight"] / table.groupby(["month", "region"])["weight"].transform("sum")
        target = pd.Series(planned.to_numpy()[months.get_indexer(table["month"]), planned.columns.get_indexer(table["region"])])
        table["quota"] = np.round(1.08 * share * target, -2)
        real = self.by_region.reindex(index=months, columns=planned.columns)
        went = pd.Series(real.to_numpy()[months.get_indexer(table["month"]), planned.columns.get_indexer(table["region"])])
        ramp = np.where(table["new"], 0.6, 1.0)
        table["bookings"] = np.round(share * went * table["skill"] * ramp * rng.lognormal(-0.02, 0.16, len(table)))
        table["bookings"] = table["bookings"].where(table["month"] < month)
        # from the half year on, one rep carries a tenth more than was first agreed
        raised = (table["rep"] == self.working["rep"].iloc[-1]) & (table["month"] >= FISCAL_START + pd.DateOffset(months=6))
        table["original_quota"] = table["quota"].where(raised)
        table["quota"] = table["quota"].where(~raised, np.round(1.1 * table["quota"], -2))
        return table.loc[at_work & table["quota"].notna(), ["month", "rep", "quota", "bookings", "original_quota"]].reset_index(drop=True)

    def comp_plans(self) -> pd.DataFrame:
        """Return two plans of three marginal bands."""
        rows = [
            ("FIELD", "base", 0, 1, 0.026, 70000),
            ("FIELD", "accelerator", 1, 1.25, 0.039, 70000),
            ("FIELD", "top", 1.25, None, 0.052, 70000),
            ("KEY", "base", 0, 1, 0.022, 80000),
            ("KEY", "accelerator", 1, 1.25, 0.033, 80000),
            ("KEY", "top", 1.25, None, 0.044, 80000),
        ]
        return pd.DataFrame(rows, columns=["plan", "tier", "from_attainment", "to_attainment", "rate", "cap"]).astype(
            {"from_attainment": float, "to_attainment": float, "cap": float}
        )

    def leave(self) -> pd.DataFrame:
        """Return one parental leave of three months ahead."""
        months = pd.date_range(c.CYCLE + pd.DateOffset(months=1), periods=3, freq="MS", unit="us")
        away = self.working["rep"].iloc[2:3]
        return pd.DataFrame({"rep": np.repeat(away.to_numpy(), 3), "month": months[: 3 * len(away)], "share": 1.0, "reason": "parental leave"})

    def pay_events(self, month: pd.Timestamp = c.CYCLE) -> dict[str, pd.DataFrame]:
        """Return a few deals that were shared or cancelled before a month, and two SPIFs of this fiscal year."""
        deals = self.opportunities(month)
        rows = [("GRINDERS", "05-01", "06-30", "Grinders", 150.0, np.nan, 900.0), ("SUMMER", "07-01", "08-31", None, np.nan, 0.002, 600.0)]
        won = deals[(deals["outcome"] == "won") & (deals["closed"] >= FISCAL_START)].nlargest(12, "amount", keep="first")
        shared, off = won.iloc[3:8:4], won.iloc[5:10:4]
        staff = self.working.merge(shared[["opportunity", "region", "rep"]], on="region", suffixes=("", "_owner"))
        helper = staff[(staff["rep"] != staff["rep_owner"]) & (staff["start_month"] < FISCAL_START)].drop_duplicates("opportunity")
        shared = shared[shared["opportunity"].isin(helper["opportunity"])]
        parts = [shared[["opportunity", "rep"]].assign(share=0.6), helper[["opportunity", "rep"]].assign(share=0.4)]
        spifs = pd.DataFrame(rows, columns=["spif", "first_day", "last_day", "family", "per_deal", "rate", "cap"])
        spifs[["first_day", "last_day"]] = spifs[["first_day", "last_day"]].apply(lambda day: pd.to_datetime(f"{FISCAL_START.year}-" + day))
        days = (off["closed"] + pd.Timedelta(days=30)).clip(upper=month - pd.Timedelta(days=1))
        return {
            "splits": pd.concat(parts).sort_values(["opportunity", "share"], ascending=[True, False]).reset_index(drop=True),
            "spifs": spifs[spifs["family"].isna() | spifs["family"].isin(self.demand.products["family"])].reset_index(drop=True),
            "cancellations": pd.DataFrame({"opportunity": off["opportunity"], "cancelled": days, "share": [1.0, 0.5][: len(off)]}).reset_index(drop=True),
        }

    def opportunities(self, month: pd.Timestamp = c.CYCLE) -> pd.DataFrame:
        """Return up to 24 months of deals as they stood at the start of `month`: about one in four is won, and what is won is DEALS of revenue."""
        rng, accounts = np.random.default_rng([self.seed, 8]), self.accounts
        mean = 17000.0
        yearly = float(self.by_region.iloc[-12:].to_numpy().sum())
        size = int(np.clip(2 * DEALS * yearly / 0.25 / mean, 200, 4200))
        mean = 2 * DEALS * yearly / 0.25 / size
        begin = c.CYCLE - pd.DateOffset(months=24)
        created = begin + pd.to_timedelta(np.sort(rng.integers(0, (c.CYCLE - begin).days, size)), unit="D")
        one = accounts.iloc[rng.choice(len(accounts), size, p=(accounts["potential"] ** 0.7 / (accounts["potential"] ** 0.7).sum()).to_numpy())].reset_index(
            drop=True
        )
        sold = (self.demand.revenue[:, :, -12:].sum(axis=(1, 2)) * (self.demand.products["end"].isna()).to_numpy()) ** 0.8
        product = self.demand.products.iloc[rng.choice(len(sold), size, p=sold / sold.sum())].reset_index(drop=True)
        amount = np.round(rng.lognormal(0, 0.85, size) * np.exp(-(0.85**2) / 2) * mean, -2).clip(500)
        skill = one["rep"].map(dict(zip(self.reps["rep"], rng.normal(1, 0.12, len(self.reps)), strict=True))).to_numpy()
        won = rng.random(size) < np.clip(0.265 * skill, 0.05, 0.6)
        last = np.where(won, 3, rng.choice(4, size, p=[0.36, 0.30, 0.21, 0.13]))
        days = np.round(rng.lognormal(np.log(np.where(won, 98, 40 + 24 * last)), 0.42)).clip(7, 420)
        closed = created + pd.to_timedelta(days, unit="D")
        is_open = closed >= month
        # an open deal has passed through as many stages as its age allows
        gone = (month - created).days.to_numpy() / days
        stage = np.where(is_open, np.minimum((gone * (last + 1)).astype(int), last), last)
        expected = closed + pd.to_timedelta(np.round(rng.normal(4, 16, size)), unit="D")
        slipped = is_open & (rng.random(size) < 0.05)
        expected = expected.where(~is_open | slipped | (expected >= month), month + pd.to_timedelta(rng.integers(5, 40, size), unit="D"))
        expected = expected.where(~slipped, month - pd.to_timedelta(rng.integers(3, 45, size), unit="D"))
        expected = expected.where(expected > created, created + pd.Timedelta(days=20))
        table = pd.DataFrame(
            {
                "opportunity": [f"D{i + 1:05d}" for i in range(size)],
                "account": one["account"],
                "family": product["family"],
                "product": product["product"],
                "region": one["region"],
                "rep": one["rep"],
                "stage": np.array(STAGES)[stage],
                "amount": amount,
                "units": np.round(amount / product["price"]).clip(1),
                "created": created,
                "expected_close": expected,
                "closed": closed.where(~is_open),
                "outcome": np.select([is_open, won], ["open", "won"], "lost"),
            }
        ).astype({"created": "datetime64[us]", "expected_close": "datetime64[us]", "closed": "datetime64[us]"})
        return table[table["created"] < month].reset_index(drop=True)
