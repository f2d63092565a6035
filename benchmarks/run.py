"""Measure whole months: wall and CPU seconds and peak memory, step by step, and write the tables of benchmarks/README.md.

    python benchmarks/run.py                 everything (about an hour on two cores)
    python benchmarks/run.py sample plain    only those parts

Parts: ``sample`` (the sample month), ``adventureworks``, ``plain`` (sop run against plain papermill, side by side), and a number of
product-regions such as ``1000`` for a generated company of that size.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "benchmarks" / "README.md"
REGIONS = 4


@dataclass(frozen=True)
class Measured:
    """What one command took, all its processes counted."""

    wall: float
    cpu: float
    peak_mb: float
    code: int


def measure(command: list[str], cwd: Path) -> Measured:
    """Run a command to its end and account for it and every process it waited for."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    adopt()
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read().decode("utf-8", "replace")
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code:
        print(errors[-3000:], file=sys.stderr)
    wall, others = time.perf_counter() - start, adopted()
    scale = 1 if platform.system() == "Linux" else 1024
    return Measured(wall, usage.ru_utime + usage.ru_stime + others, usage.ru_maxrss / 1024 / scale, code)


def adopt() -> None:
    """Let processes whose parent ends become ours, so that what they took can be counted: workers outlive who started them by a moment. Linux only."""
    if platform.system() == "Linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def adopted(patience: float = 10.0) -> float:
    """Wait for adopted processes to end and return the processor seconds that they and theirs took."""
    cpu, until = 0.0, time.perf_counter() + patience
    while time.perf_counter() < until:
        try:
            ended, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            break
        cpu += usage.ru_utime + usage.ru_stime if ended else 0.0
        time.sleep(0.0 if ended else 0.05)
    return cpu


def sop(*arguments: str, cwd: Path) -> Measured:
    """Measure one `sop` command."""
    return measure([sys.executable, "-m", "sop_helpers.engine.cli", *arguments], cwd)


def steps(company: Path, month: str, output: str = "output") -> dict[str, float]:
    """Return the wall seconds of each step of the last run, from its manifest."""
    manifest = json.loads((company / output / month / "manifest.json").read_text("utf-8"))
    return {name: step["seconds"] for name, step in manifest["steps"].items()}


def sample(folder: Path) -> Path:
    """Copy the sample company."""
    shutil.copytree(ROOT / "data" / "sample", folder / "data" / "sample")
    shutil.copy(ROOT / "workbook.toml", folder)
    return folder


def generated(folder: Path, product_regions: int) -> Path:
    """Make a company of a given number of product-regions with the sample's own generator."""
    sys.path.insert(0, str(ROOT / "data"))
    from generate import generate

    data = folder / "data" / "sample"
    data.mkdir(parents=True)
    for name, frame in generate(products=product_regions // REGIONS, regions=REGIONS, months=60, seed=1).items():
        frame.to_csv(data / f"{name}.csv", index=False)
    text = (ROOT / "workbook.toml").read_text("utf-8")
    (folder / "workbook.toml").write_text("\n".join(line for line in text.splitlines() if not line.startswith(("closed", "seed"))), "utf-8")
    return folder


def plain_papermill(company: Path, month: str) -> Measured:
    """Measure the same notebooks one after another through the papermill command."""
    out = company / "plain"
    out.mkdir()
    total = Measured(0, 0, 0, 0)
    for notebook in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        command = [sys.executable, "-m", "papermill", str(notebook), str(out / notebook.name), "-p", "month", month, "-p", "workbook", str(company)]
        one = measure(command, company)
        total = Measured(total.wall + one.wall, total.cpu + one.cpu, max(total.peak_mb, one.peak_mb), total.code or one.code)
    return total


def row(name: str, measured: Measured, seconds: dict[str, float]) -> str:
    """Return one line of the table."""
    state = "" if measured.code == 0 else f" (exit code {measured.code})"
    parts = " | ".join(f"{seconds.get(s, float('nan')):.1f}" for s in STEPS)
    return f"| {name}{state} | {measured.wall:.1f} | {measured.cpu:.1f} | {measured.peak_mb:,.0f} | {parts} |"


STEPS = [n.stem for n in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))]
HEAD = "| company | wall s | CPU s | peak MB | " + " | ".join(STEPS) + " |\n|---|" + "---:|" * (3 + len(STEPS))


def put(marker: str, lines: str) -> None:
    """Replace the part of the README between two markers."""
    text = README.read_text("utf-8")
    start, end = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    before, rest = text.split(start)
    after = rest.split(end)[1]
    README.write_text(f"{before}{start}\n{lines}\n{end}{after}", "utf-8")


def months(parts: list[str]) -> None:
    """Measure the months asked for and write their table."""
    rows, sizes = [], {}
    for part in parts:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            if part == "adventureworks":
                company, month = ROOT / "examples" / "adventureworks", "2014-05"
            elif part == "sample":
                company, month = sample(folder), "2026-10"
            else:
                company, month = generated(folder, int(part)), "2026-10"
            measured = sop("run", "-w", str(company), "--month", month, "--force", cwd=folder)
            seconds = steps(company, month) if measured.code == 0 else {}
            name = f"{int(part):,} product-regions" if part.isdigit() else part
            rows.append(row(name, measured, seconds))
            print(rows[-1], flush=True)
            if part.isdigit() and measured.code == 0:
                sizes[int(part)] = (measured, seconds)
    put("months", HEAD + "\n" + "\n".join(rows))
    if len(sizes) > 1:
        put("growth", growth(sizes))


def growth(sizes: dict[int, tuple[Measured, dict[str, float]]]) -> str:
    """Return by what factor time and memory grow from one size to the next."""
    lines = ["| from | to | wall | CPU | memory | " + " | ".join(STEPS) + " |", "|---:|---:|" + "---:|" * (3 + len(STEPS))]
    ordered = sorted(sizes)
    for small, large in zip(ordered, ordered[1:], strict=False):
        (a, sa), (b, sb) = sizes[small], sizes[large]
        parts = " | ".join(f"{sb[s] / sa[s]:.1f}" if sa.get(s) else "n/a" for s in STEPS)
        lines.append(f"| {small:,} | {large:,} | {b.wall / a.wall:.1f} | {b.cpu / a.cpu:.1f} | {b.peak_mb / a.peak_mb:.1f} | {parts} |")
    return "\n".join(lines)


def against_plain(rounds: int = 3) -> None:
    """Run the sample month by `sop run` and by plain papermill in turn and write the ratio."""
    ours, theirs = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as temporary:
            company = sample(Path(temporary))
            ours.append(sop("run", "-w", str(company), "--month", "2026-10", "--force", cwd=company))
            shutil.rmtree(company / "output" / "2026-10")
            theirs.append(plain_papermill(company, "2026-10"))
    middle = sorted(range(rounds), key=lambda i: ours[i].wall / theirs[i].wall)[rounds // 2]
    a, b = ours[middle], theirs[middle]
    lines = [
        "| | wall s | CPU s | peak MB |",
        "|---|---:|---:|---:|",
        f"| sop run | {a.wall:.1f} | {a.cpu:.1f} | {a.peak_mb:,.0f} |",
        f"| papermill, one notebook after another | {b.wall:.1f} | {b.cpu:.1f} | {b.peak_mb:,.0f} |",
        f"| ratio | {a.wall / b.wall:.2f} | {a.cpu / b.cpu:.2f} | {a.peak_mb / b.peak_mb:.2f} |",
    ]
    print("\n".join(lines))
    put("plain", "\n".join(lines))


def main(parts: list[str]) -> None:
    """Measure the parts named, or all."""
    parts = parts or ["sample", "adventureworks", "100", "1000", "10000", "plain"]
    whole = [part for part in parts if part != "plain"]
    if whole:
        months(whole)
    if "plain" in parts:
        against_plain()


if __name__ == "__main__":
    main(sys.argv[1:])
