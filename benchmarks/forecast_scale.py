"""Measure the demand plan of companies from 100 to 50,000 product-regions of 60 months: time, processor time and memory, for two tiers.

    python benchmarks/forecast_scale.py                    all sizes and tiers (about twenty minutes on two cores)
    python benchmarks/forecast_scale.py 1000 quick         only that size and tier

Each run is a process of its own that reads a generated company's tables and goes from raw sales to the consensus: history corrections, backtest, forecast of
all levels, their reconciliation, bands, error of sums, streams and plan. Imports and reading are counted; making the company is not.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]
SIZES = (100, 1_000, 10_000, 50_000)
TIERS = ("quick", "default")
REGIONS, MONTHS, AHEAD, MONTH = 4, 60, 18, "2026-10"
TABLES = ("sales", "products", "insights", "open_orders", "inventory", "regions")
OVERRIDES = ("id", "time", "author", "reason", "product", "region", "family", "start_month", "end_month", "expires_month", "units", "change_pct")


def make(folder: Path, product_regions: int) -> None:
    """Make the tables of a company with the sample's own generator."""
    code = (
        "import sys; sys.path.insert(0, 'data'); from generate import generate\n"
        f"tables = generate(products={product_regions // REGIONS}, regions={REGIONS}, months={MONTHS}, seed=1)\n"
        f"[tables[name].to_parquet(r'{folder}/' + name + '.parquet') for name in {TABLES}]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[1])


def plan(folder: Path, tier: str) -> dict[str, float]:
    """Plan the demand of a company and return the seconds of each step and what came out."""
    began = time.perf_counter()
    import pandas as pd

    from sop_helpers.book.compute import get_ready, workers
    from sop_helpers.book.config import Compute

    read = {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}
    get_ready(Compute(), read["sales"].groupby(["product", "region"]).ngroups)
    from sop_helpers.planning import consensus, history
    from sop_helpers.planning.backtest import forecast
    from sop_helpers.planning.chunks import Work
    from sop_helpers.planning.cumulative import error_sums
    from sop_helpers.planning.forecasting import scope_of

    seconds, last = {}, began

    def done(step: str) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[step], last = now - last, now
        print(f"{step}: {seconds[step]:.1f} s, peak {peak():,.0f} MB", file=sys.stderr, flush=True)

    products, family = read["products"], read["products"].set_index("product")["family"]
    horizon = pd.date_range(MONTH, periods=AHEAD, freq="MS", unit="us")
    done("read")
    raw = history.complete_history(read.pop("sales"), products, horizon[0] - pd.offsets.MonthBegin())
    panel = history.history_panel(raw, products, "raw_units")
    shelves = history.empty_shelves(panel, read.pop("inventory"), read["regions"])
    cleansed = history.cleanse(raw, history.propose_corrections(panel, shelves=shelves, insights=read["insights"]))
    del raw, shelves
    panel = history.history_panel(cleansed, products)
    done("clean")
    with workers(Compute(), len(panel.keys)) as pool:
        table, tried, _, how, _ = forecast(panel, scope_of(panel, products), horizon, tier=tier, family=family, work=Work(pool))
        done("forecast")
        error_sums(panel, table, tried, work=Work(pool))
    del tried
    done("sums")
    said = pd.DataFrame({c: pd.Series(dtype="datetime64[us]" if c.endswith("month") else "str") for c in OVERRIDES})
    own = consensus.own_view(table, cleansed, products, read["insights"], month=horizon[0])
    streams = consensus.build_streams(own, products, said, read["open_orders"], month=horizon[0])
    total = consensus.demand_plan(streams, products)["units"].sum()
    done("consensus")
    return seconds | {"peak": peak(), "series": len(panel.keys), "units": total, "how": how}


def peak() -> float:
    """Peak memory of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def together(process: int) -> float:
    """Memory that a process and all those it started hold together, MB: proportional set size, which counts shared pages once. Linux only; 0 elsewhere."""
    total, waiting = 0.0, [process]
    while waiting:
        root = Path(f"/proc/{waiting.pop()}")
        try:
            waiting += [int(child) for task in (root / "task").iterdir() for child in (task / "children").read_text().split()]
            total += next(int(line.split()[1]) / 1024 for line in (root / "smaps_rollup").read_text().splitlines() if line.startswith("Pss:"))
        except (OSError, StopIteration):  # it has ended since
            continue
    return total


def measured(command: list[str]) -> tuple[bytes, float, float]:
    """Run a command; return what it printed, processor seconds of all its processes, and the most memory they held together, looked at twice a second."""
    from run import adopt, adopted

    adopt()
    most, before = 0.0, waited_for()
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(command, stdout=printed)
        while process.returncode is None:
            most = max(most, together(process.pid))
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        adopted()
        printed.seek(0)
        return printed.read(), waited_for() - before, most or float("nan")


def waited_for() -> float:
    """Processor seconds of all processes that have ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(sizes: list[int], tiers: list[str]) -> None:
    """Measure every size and tier in a process of its own and write the table of benchmarks/README.md."""
    from run import put

    steps = ["read", "clean", "forecast", "sums", "consensus"]
    heads = ["tier", "product-regions", "wall s", "CPU s", "peak MB, main process", "peak MB, all processes (Linux)", *steps, "ms wall a series"]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    with tempfile.TemporaryDirectory() as temporary:
        for tier in tiers:
            for size in sizes:
                folder = Path(temporary) / str(size)
                if not folder.exists():
                    folder.mkdir()
                    make(folder, size)
                start = time.perf_counter()
                printed, cpu, all_mb = measured([sys.executable, __file__, "one", str(folder), tier])
                wall, found = time.perf_counter() - start, json.loads(printed.splitlines()[-1])
                parts = " | ".join(f"{found[step]:.1f}" for step in steps)
                memory = f"{found['peak']:,.0f} | {all_mb:,.0f}"
                lines.append(f"| {tier} | {size:,} | {wall:.1f} | {cpu:.1f} | {memory} | {parts} | {1000 * wall / size:.1f} |")
                print(lines[-1], flush=True)
    if len(lines) == 2 + len(SIZES) * len(TIERS):
        put("scale", "\n".join(lines))


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        print(json.dumps(plan(Path(sys.argv[2]), sys.argv[3])))
    else:
        numbers, names = [int(a) for a in sys.argv[1:] if a.isdigit()], [a for a in sys.argv[1:] if not a.isdigit()]
        main(numbers or list(SIZES), names or list(TIERS))
