"""The workbook file: what the company is, where its data lives, how it wants to plan.

``workbook.toml`` is read into one typed model; unknown names are refused, defaults are written beside each field.
"""

from __future__ import annotations

import os
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sop_helpers.book.errors import WorkbookError


class Part(BaseModel):
    """A part of the workbook file; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _shares(value: list[float]) -> list[float]:
    """Refuse a ramp over full productivity, or below none."""
    if bad := [share for share in value if not 0 <= share <= 1]:
        raise ValueError(f"a ramp holds shares between 0 and 1, not {bad[0]}; 1 is 100 %")
    return value


class Company(Part):
    """Who plans."""

    name: str = Field(description="Name on the report.")
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$", description="ISO code of the one currency that all money is in.")
    fiscal_year_start: int = Field(1, ge=1, le=12, description="First month of the fiscal year, 1 is January.")


class Calendar(Part):
    """How far the plan looks."""

    horizon_months: int = Field(18, ge=1, le=60, description="Months planned, the cycle's own month included.")
    data_until: date | None = Field(None, description="Last day that the sales data cover, where the last month had not ended when they were drawn.")
    weeks: Literal["months", "4-4-5", "4-5-4", "5-4-4"] = Field("months", description="Weeks of the periods of a fiscal quarter, or calendar months.")
    week_end: Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"] = Field("SAT", description="Last day of a week, in a calendar of weeks.")
    year_end: Literal["nearest", "last"] = Field("nearest", description="A year of weeks ends on the week end nearest to the month's end, or the last in it.")
    frozen_months: int = Field(1, ge=0, description="First months of the horizon in which releases can no longer be changed.")


class Source(Part):
    """Where one table comes from: a file, or a query over files or a database."""

    path: str | None = Field(None, description="CSV, XLSX or Parquet file, relative to the sources' folder.")
    sheet: str | None = Field(None, description="Sheet of an XLSX file; the first by default.")
    header_row: int = Field(1, ge=1, description="Row of the sheet or file that holds the column names.")
    encoding: str = Field("utf-8-sig", description="Encoding of a CSV: utf-8-sig reads UTF-8 with or without mark; Japanese files are often cp932.")
    delimiter: str = Field(",", min_length=1, max_length=1, description="What stands between the columns of a CSV.")
    decimal: Literal[".", ","] = Field(".", description="Decimal mark.")
    date_format: str | None = Field(None, description="Format of dates such as %d/%m/%Y; ISO dates need none.")
    query: str | None = Field(None, description="SQL file, relative to the workbook. Over files by default, over a database with url.")
    url: str | None = Field(None, description="Database URL; ${NAME} is taken from the environment so that no password is written here.")
    rename: dict[str, str] = Field(default_factory=dict, description="Their column name = our column name.")
    count_in: dict[str, str] = Field(
        default_factory=dict,
        description='Our column = their column that decides where an order counts, whatever else there is: { month = "promised_on", region = "ship_to" }.',
    )
    compose: dict[str, list[str]] = Field(default_factory=dict, description='Our text = their columns, joined by a space: { region = ["region", "channel"] }.')
    null_values: list[str] = Field(default_factory=list, description="Texts that mean blank, beside the empty cell.")


class Sources(Part):
    """Where the tables come from."""

    folder: str = Field("data", description="Folder of the input files: <table>.csv, .xlsx or .parquet unless a table says otherwise.")
    data: list[str] = Field(default_factory=list, description="Folders that queries may read, first that exists is taken; ${NAME} from the environment.")
    tables: dict[str, Source] = Field(default_factory=dict, description="Tables that do not come from <folder>/<table>.csv.")


class DemandPolicy(Part):
    """How demand is forecast."""

    season_length: int = Field(12, ge=1, description="Months in a season.")
    tier: Literal["draft", "quick", "default", "deep"] = Field("default", description="Time for accuracy: which members forecast regular demand.")
    seed: int = Field(0, ge=0, description="Seed of the forecast's learners; the same seed gives the same forecast.")
    backtest_origins: int = Field(6, ge=1, description="Past months from which the forecast is tried out.")
    reconcile: bool = Field(True, description="Bring family, region and total into agreement with the series below, where the backtest does not suffer.")
    lag_months: int = Field(3, ge=1, description="Decision lag: how long before a month its forecast must stand.")
    signal_threshold: float = Field(3.5, gt=0, description="Robust z from which a month is a signal.")
    clean_outliers: bool = Field(True, description="Accept proposed outlier corrections by default.")
    accept_level_shifts: bool = Field(False, description="Accept proposed corrections of lasting steps in level by default; M3 does not reward it.")
    insight_weighting: bool = Field(True, description="Weight the effect of insights by their confidence.")
    consensus: Literal["statistical", "weights", "chosen"] = Field(
        "statistical", description="What the plan follows: the workbook's own view, the mean of all views weighted by measured accuracy, or a chosen view."
    )
    chosen_views: dict[str, Literal["statistical", "last consensus", "sales", "pipeline", "marketing", "product", "finance"]] = Field(
        default_factory=dict, description="For the consensus \"chosen\": family and the view that it follows."
    )
    correct_bias: bool = Field(False, description="Take half of a habitual bias off each author's view.")
    fence_months: int = Field(1, ge=0, description="Freeze fence: months from the first planned in which changes of the plan are listed as breaches.")
    fence_tolerance: float = Field(
        0.05, ge=0, description="Share by which the plan of a family and region may move inside the fence; no product of it may move by more units."
    )


class SupplyPolicy(Part):
    """How supply is planned."""

    service_level: float = Field(0.95, gt=0, lt=1, description="Cycle service level where no stock policy says otherwise.")
    holding_rate: float = Field(0.20, ge=0, description="Cost of holding stock for a year, share of its value.")
    backorder_rate: float = Field(0.05, ge=0, description="Cost of serving a month late, share of the selling price.")
    lost_sale_rate: float = Field(1.0, ge=0, description="Goodwill lost with a sale: share of its margin, or of a tenth of its price where that is more.")
    patience_months: int = Field(3, ge=0, description="Months that customers wait before the sale is lost.")
    below_target_rate: float = Field(0.02, ge=0, description="Monthly cost of stock below its target, share of its value.")
    overtime_rate: float = Field(30.0, ge=0, description="Extra cost of an overtime hour where the resource states none.")
    whole_lots: bool = Field(True, description="Round planned orders to lot sizes.")
    exact_lots_seconds: float = Field(
        0.0, ge=0, description="Seconds in which to look for the best lots and set-ups exactly, for small plans; 0 rounds them."
    )
    strategy: Literal["optimal", "level", "chase", "hybrid"] = Field(
        "optimal", description="optimal: least cost. level: the same people and hours every month. chase: no stock beyond targets. hybrid: people by quarter."
    )
    whole_workers: bool = Field(False, description="Plan people in whole numbers, where resources state the hours of one worker.")
    objective: Literal["cost", "profit"] = Field("cost", description="cost: serve what was agreed at least cost. profit: serve only what earns its cost.")
    change_rate: float = Field(0.02, ge=0, description="Price of changing last month's plan in its near months, share of a unit's value.")
    change_months: int = Field(3, ge=0, description="First months whose releases count as near.")


class StockPolicy(Part):
    """How much stock to hold where no stock policy of an item says otherwise; the service level is the one under supply."""

    review_months: float = Field(1.0, ge=0, description="Months between two decisions on stock.")
    abc: list[float] = Field([0.80, 0.95], min_length=2, max_length=2, description="Shares of planned revenue at which segments A and B end.")
    xyz: list[float] = Field(
        [0.25, 0.50], min_length=2, max_length=2, description="Errors of a month's forecast, relative to demand, at which segments X and Y end."
    )
    segment_service: dict[str, float] = Field(
        default_factory=dict, description="Cycle service level by segment such as AX; the others have that of supply, an item's own policy comes first."
    )

    @field_validator("segment_service")
    @classmethod
    def _segments_and_shares(cls, value: dict[str, float]) -> dict[str, float]:
        for name, level in value.items():
            if len(name) != 2 or name[0] not in "ABC-" or name[1] not in "XYZ":
                raise ValueError(f"segment {name!r} is not one of AX to CZ, or -X to -Z for what is not sold")
            if not 0 < level < 1:
                raise ValueError(f"the service level of segment {name} lies between 0 and 1, not {level}")
        return value

    @field_validator("abc", "xyz")
    @classmethod
    def _rising(cls, value: list[float]) -> list[float]:
        if not 0 < value[0] < value[1]:
            raise ValueError(f"the two limits must rise from above 0, not {value}")
        return value


class SalesPolicy(Part):
    """How sales capacity is planned."""

    ramp: list[float] = Field(
        [0.25, 0.5, 0.75, 1.0], min_length=1, description="Share of full productivity in the first, second, ... month at work; the last holds."
    )
    ramped_quotas: bool = Field(
        False, description="Whether the quotas of new reps are reduced by their ramp already, as proposed ones are; else they are full."
    )
    expected_attainment: float = Field(0.9, gt=0, description="Attainment that capacity plans with.")
    attrition_rate: float = Field(0.15, ge=0, lt=1, description="Share of reps that leave in a year.")
    stages: list[str] = Field(default_factory=list, description="Open stages of the pipeline from first to last; read from the deals when empty.")
    win_rates: dict[str, float] = Field(default_factory=dict, description="Win rate by stage where history is not to be used.")
    ship_lag_months: int | None = Field(None, ge=0, le=12, description="Months from winning a deal to its units in demand; measured when left out.")
    balance_tolerance: float = Field(0.15, gt=0, description="Territories within this of the mean of their region are balanced.")
    over_assignment: float | None = Field(None, gt=0, description="Sum of quotas over their target that is proposed; as in this fiscal year when left out.")
    quota_method: Literal["even", "weighted", "potential"] = Field(
        "potential", description="How a target is shared out: evenly, by what bottom-up says, or by the potential of the accounts."
    )
    selling_hours: float | None = Field(None, gt=0, description="Hours a year that a rep can sell; without it the workload sizes no team.")
    draw_recoverable: bool = Field(True, description="Whether a draw is kept back from later commission; else it is a guarantee.")
    clawback_days: int = Field(180, ge=0, description="Days after closing within which commission on a cancelled deal is taken back.")
    hiring_lead_months: int = Field(3, ge=0, description="Months from the decision to hire to the first month at work.")
    most_moved: float = Field(0.3, ge=0, le=1, description="Share of the accounts' potential that a proposal of territories may move.")
    seats_afresh: bool = Field(False, description="Whether 22_sales also shows territories drawn afresh, seats and all; takes up to half a minute a region.")

    _ramp = field_validator("ramp")(_shares)


class FinancePolicy(Part):
    """How the plan is valued."""

    price_change_pct: float = Field(0.0, description="Price change assumed over the horizon, %.")
    receivable_days: float = Field(45.0, ge=0, description="Days until customers pay (DSO).")
    payable_days: float = Field(45.0, ge=0, description="Days until suppliers are paid (DPO).")
    opening_cash: float = Field(0.0, description="Cash at the start of the first month planned.")
    rep_hiring_cost: float = Field(0.0, ge=0, description="Cost of hiring one rep, in the month of the hire.")


class Policies(Part):
    """Rules of planning."""

    demand: DemandPolicy = DemandPolicy()
    supply: SupplyPolicy = SupplyPolicy()
    stock: StockPolicy = StockPolicy()
    sales: SalesPolicy = SalesPolicy()
    finance: FinancePolicy = FinancePolicy()


class Compute(Part):
    """Where the heavy work is done."""

    engine: Literal["local", "dask"] = Field("local", description="local: on this machine. dask: on the cluster whose scheduler is named.")
    scheduler: str | None = Field(None, examples=["tcp://10.0.0.5:8786"], description="Address of the Dask scheduler.")
    timeout_seconds: int = Field(10, ge=1, description="How long to wait for the scheduler.")
    workers: int = Field(0, ge=0, description="Processes on this machine; as many as it has processors when 0.")
    series_alone: int = Field(600, ge=0, description="Product-regions below which one process is as fast as several.")

    @model_validator(mode="after")
    def _dask_has_a_scheduler(self) -> Compute:
        if self.engine == "dask" and not self.scheduler:
            raise ValueError("engine = \"dask\" needs the address of its scheduler, such as scheduler = \"tcp://10.0.0.5:8786\"")
        return self


_SCENARIO_MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"


class Scenario(Part):
    """A what-if, as factors and levers on the base plan."""

    description: str = Field("", description="One sentence.")
    demand_factor: float = Field(1.0, ge=0, description="Demand as a multiple of base.")
    price_factor: float = Field(1.0, ge=0, description="Selling prices as a multiple of base.")
    capacity_factor: float = Field(1.0, ge=0, description="Regular hours as a multiple of base.")
    cost_factor: float = Field(1.0, ge=0, description="Purchase prices as a multiple of base.")
    extra_lead_time_months: int = Field(0, ge=0, description="Months added to every purchase lead time.")
    families: list[str] = Field(default_factory=list, description="Families that the demand and price factors and a promotion touch; all when empty.")
    hires: dict[str, int] = Field(default_factory=dict, description="Region and reps hired there: { DACH = 3 }.")
    hire_month: str | None = Field(None, pattern=_SCENARIO_MONTH, description="Month in which they start; the first month planned when left out.")
    ramp: list[float] = Field(default_factory=list, description="Productivity of a rep by month at work; that of the sales policy when empty.")
    quota_factor: float = Field(1.0, ge=0, description="Quotas as a multiple of base: they ask more, and pay less for the same bookings.")
    win_rate_factor: float = Field(1.0, ge=0, description="Win rates as a multiple of base: the pipeline's part of demand and what reps bring move along.")
    promotion_month: str | None = Field(None, pattern=_SCENARIO_MONTH, description="Month of a promotion.")
    promotion_uplift: float = Field(0.0, ge=0, description="New demand by the promotion, share of its month's.")
    promotion_discount: float = Field(0.0, ge=0, le=1, description="Discount on all that is sold in its month.")
    promotion_pull_forward: float = Field(0.0, ge=0, le=1, description="Share of the demand of each of the next two months that is bought ahead.")

    @field_validator("hires")
    @classmethod
    def _hires_are_heads(cls, value: dict[str, int]) -> dict[str, int]:
        for region, heads in value.items():
            if heads < 0:
                raise ValueError(f"hires in {region} are {heads}; expected a whole number, zero or more")
        return value

    _ramp = field_validator("ramp")(_shares)

    @model_validator(mode="after")
    def _promotion_has_a_month(self) -> Scenario:
        if self.promotion_month is None and (self.promotion_uplift or self.promotion_discount or self.promotion_pull_forward):
            raise ValueError("a promotion needs its month, such as promotion_month = \"2027-03\"")
        return self


class Meeting(Part):
    """The monthly meeting."""

    day: int = Field(8, ge=1, le=28, description="Day of the month on which it is held.")
    minutes: int = Field(90, ge=15, description="How long it takes.")
    chair: str = Field("", description="Who leads it.")


class JournalSettings(Part):
    """Where people's words live."""

    url: str = Field("", description="Database URL for teams; by default a SQLite file in the output folder.")
    seed: str | None = Field(None, description="JSON file of entries that a new journal starts with.")


class Workbook(Part):
    """One company's workbook."""

    company: Company
    calendar: Calendar = Calendar()
    sources: Sources = Sources()
    policies: Policies = Policies()
    compute: Compute = Compute()
    scenarios: dict[str, Scenario] = Field(default_factory=dict)
    meeting: Meeting = Meeting()
    journal: JournalSettings = JournalSettings()
    month: str | None = Field(None, pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="Month that `sop run` plans unless told otherwise.")
    output: str = Field("output", description="Folder of the months.")
    closed: str | None = Field(None, description="Folder of closed months that come with the workbook.")
    notebooks: str | None = Field(None, description="Folder of the notebooks; the project's own by default.")
    root: Path = Field(Path("."), exclude=True, description="Folder of the workbook file.")
    file_name: str = Field("workbook.toml", exclude=True, description="Name of the workbook file.")

    @field_validator("scenarios")
    @classmethod
    def _base_is_ours(cls, value: dict[str, Scenario]) -> dict[str, Scenario]:
        if "base" in value:
            raise ValueError("'base' is the plan itself and cannot be defined as a scenario")
        return value

    @property
    def file(self) -> Path:
        """The workbook file."""
        return self.root / self.file_name

    def inside(self, path: str) -> Path:
        """Return a path inside the workbook's folder.

        Raises
        ------
        WorkbookError
            The path leads out of the folder.
        """
        full = (self.root / path).resolve()
        if not full.is_relative_to(self.root.resolve()):
            todo = "Keep files inside the workbook, or name the folder under [sources] data."
            raise WorkbookError(f"{path!r} leads out of the workbook's folder {self.root}", todo)
        return full

    @property
    def fiscal_weeks(self) -> dict[str, Any]:
        """The calendar of weeks as `book.fiscal` takes it; empty where periods are calendar months."""
        calendar = self.calendar
        told = {"pattern": calendar.weeks, "first_month": self.company.fiscal_year_start, "week_end": calendar.week_end, "year_end": calendar.year_end}
        return {} if calendar.weeks == "months" else told

    @property
    def output_folder(self) -> Path:
        """Folder of the months."""
        return self.inside(self.output)

    @property
    def data_folder(self) -> Path | None:
        """First of the data folders that exists, or None."""
        for candidate in self.sources.data:
            filled = fill_environment(candidate)
            if filled and (self.root / filled).is_dir():
                return (self.root / filled).resolve()
        return None


def fill_environment(text: str) -> str:
    """Replace each ``${NAME}`` by the environment's value; return "" where one is not set."""
    names = re.findall(r"\$\{(\w+)\}", text)
    if any(not os.environ.get(name) for name in names):
        return ""
    return re.sub(r"\$\{(\w+)\}", lambda match: os.environ[match[1]], text)


def find_workbook(path: str | Path = "workbook.toml") -> Path:
    """Find the workbook file: the path itself, a folder that holds one, or a parent folder of the current one.

    Raises
    ------
    WorkbookError
        There is none.
    """
    # `sop lab` and `sop desk` tell the notebooks which workbook is meant by the plain name.
    given = Path(os.environ.get("SOP_WORKBOOK") or path) if str(path) == "workbook.toml" else Path(path)
    if given.is_dir():
        given = given / "workbook.toml"
    if given.is_file():
        return given.resolve()
    if not given.is_absolute():
        for parent in Path.cwd().parents:
            if (parent / given).is_file():
                return (parent / given).resolve()
            if (parent / given / "workbook.toml").is_file():
                return (parent / given / "workbook.toml").resolve()
    raise WorkbookError(f"no workbook at {path}", "Name its folder with -w, or make one with `sop init DIR`.")


def load_workbook(path: str | Path = "workbook.toml") -> Workbook:
    """Read a workbook file.

    Parameters
    ----------
    path : str or Path
        The file or its folder.

    Raises
    ------
    WorkbookError
        The file is missing, is not TOML, or names something unknown; the message tells the field and what was expected.
    """
    file = find_workbook(path)
    try:
        content: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        return Workbook(**content, root=file.parent, file_name=file.name)
    except UnicodeDecodeError as error:
        raise WorkbookError(f"{file} is not UTF-8: {error}", "Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise WorkbookError(f"{file} is not TOML: {error}", "Mend the line named.") from error
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']} (found {e['input']!r})" for e in error.errors())
        raise WorkbookError(f"{file}: {fields}", "Mend the fields named; sop_helpers/book/config.py describes each.") from error
