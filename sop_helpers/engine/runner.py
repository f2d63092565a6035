"""Running a month: the steps in order, only those that changed, published when all of it succeeded."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sop_helpers.book import files, tables
from sop_helpers.book.config import Workbook, load_workbook
from sop_helpers.book.cycle import READS, STAGE, STEP, Cycle, month_start, open_cycle
from sop_helpers.book.errors import WorkbookError
from sop_helpers.engine import clock, manifest, parameters
from sop_helpers.engine.failure import StepFailed, describe, error_page
from sop_helpers.engine.kernels import PACKAGE, Kernels, environment

if TYPE_CHECKING:
    from tqdm import tqdm

STEP_NAME = re.compile(r"^\d\d_[a-z0-9_]+$")
REPORT = "90_report"
# Seconds to wait for the outputs of a cell that printed a lot; papermill's 4 lose them.
OUTPUT_SECONDS = 300


@dataclass
class Outcome:
    """What a run did.

    Attributes
    ----------
    folder : Path
        The month's folder.
    ran : dict
        Seconds by step that ran.
    kept : list of str
        Steps that had not changed.
    stale : dict
        Steps outside what was asked for that should run again, and why.
    """

    folder: Path
    ran: dict[str, float] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    stale: dict[str, str] = field(default_factory=dict)


def notebooks_of(workbook: Workbook) -> dict[str, Path]:
    """Return the steps in order and their notebooks: ``notebooks/NN_name.ipynb``.

    Raises
    ------
    WorkbookError
        There are none.
    """
    folder = workbook.inside(workbook.notebooks) if workbook.notebooks else PACKAGE / "notebooks"
    found = {file.stem: file for file in sorted(folder.glob("*.ipynb")) if STEP_NAME.match(file.stem)}
    if not found:
        raise WorkbookError(f"{folder} holds no notebooks named like 10_gather.ipynb", "Mend notebooks in workbook.toml.")
    return found


def _pick(steps: dict[str, Path], name: str) -> str:
    """Return the step that is meant: its name, its number, or the end of its name."""
    meant = [step for step in steps if name in (step, step.split("_", 1)[0], step.split("_", 1)[1])]
    if len(meant) != 1:
        raise WorkbookError(f"no step is called {name!r}", f"The steps are {', '.join(steps)}.")
    return meant[0]


def default_month(workbook: Workbook) -> str:
    """Return the month that is planned unless told otherwise: the workbook's, or the month of today."""
    return workbook.month or time.strftime("%Y-%m")


def run_month(
    workbook: str | Path = "workbook.toml", month: str | None = None, scenario: str = "base", start: str | None = None, only: str | None = None,
    force: bool = False, engine: str = "fork", extra: dict[str, Any] | None = None, show: bool = True,
) -> Outcome:
    """Run a month and publish it when all of it succeeded.

    Parameters
    ----------
    workbook : str or Path
        The workbook file or its folder.
    month : str, optional
        Month to plan; the workbook's by default.
    scenario : str
        ``base`` or one that the workbook defines.
    start : str, optional
        First step to run; it and all after it run, those before stay as they are.
    only : str, optional
        The one step to run.
    force : bool
        Run steps that have not changed too.
    engine : str
        ``fork`` or ``plain``.
    extra : dict, optional
        Parameters that notebooks declare beyond the common ones.
    show : bool
        Show progress.

    Raises
    ------
    WorkbookError
        A parameter is wrong, the month is closed or being run by somebody else, or a step failed (:class:`StepFailed`).
    """
    loaded = load_workbook(workbook)
    label = month or default_month(loaded)
    month_start(label)
    steps = notebooks_of(loaded)
    values = _parameters(steps, loaded, workbook, label, scenario, extra or {})
    chosen = [_pick(steps, only)] if only else list(steps)[list(steps).index(_pick(steps, start)) :] if start else list(steps)
    cycle = open_cycle(label, loaded, scenario)
    output = loaded.output_folder
    with files.locked(files.lock_of(output, label), f"the run of {label}"):
        files.clean(output, label)
        if cycle.closed:
            raise WorkbookError(f"{label} is closed and is not run again", f"Plan a later month, or reopen it on purpose: sop reopen {label} --reason WHY")
        failed_run = files.failed_folder(output, label)
        # What failed is gone on with by a run of the same scenario that comes by it; a single step, or another scenario, starts from what is published.
        goes_on = not only and files.read_json(failed_run / files.FAILED).get("scenario", "base") == scenario
        stage = files.new_stage(output, label, goes_on)
        try:
            outcome = _run_stage(loaded, label, scenario, stage, steps, values, chosen, force or bool(only or start), engine, show)
            outcome.folder = output / label
            if outcome.ran or not outcome.folder.exists():
                _refuse_half(stage, loaded, label, scenario, list(steps))
                files.publish(stage, outcome.folder, goes_on)
            return outcome
        except StepFailed as failed:
            _keep(stage, failed_run, failed, loaded.company.name, label, scenario)
            raise
        finally:
            shutil.rmtree(stage, ignore_errors=True)


def _refuse_half(stage: Path, loaded: Workbook, label: str, scenario: str, steps: list[str]) -> None:
    """Refuse to publish where a step failed before and has not run since: what comes after it was made from something else."""
    with environment(**{STAGE: str(stage)}):
        records = manifest.steps_of(Cycle(label, loaded, scenario))
    failed = [step for step in steps if records.get(step, {}).get("status") == "failed"]
    if failed:
        raise WorkbookError(f"{failed[0]} failed in the last run and has not run since", f"Run it as well: sop run --month {label} --from {failed[0]}")


def _parameters(steps: dict[str, Path], loaded: Workbook, workbook: str | Path, label: str, scenario: str, extra: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Check the parameters of all steps before any of them runs."""
    from sop_helpers.book.config import find_workbook

    common = {"month": label, "workbook": str(find_workbook(workbook)), "scenario": scenario}
    names = {step: parameters.model_of(notebook).model_fields for step, notebook in steps.items()}
    unknown = [name for name in extra if not any(name in known for known in names.values()) or name in common]
    if unknown:
        known = ", ".join(sorted({name for fields in names.values() for name in fields if name not in common})) or "none"
        raise WorkbookError(f"no step has a parameter {', '.join(map(repr, unknown))}", f"Those there are beyond month and scenario: {known}.")
    return {step: parameters.check(notebook, common | {n: v for n, v in extra.items() if n in names[step]}) for step, notebook in steps.items()}


def _run_stage(
    loaded: Workbook, label: str, scenario: str, stage: Path, steps: dict[str, Path], values: dict[str, dict[str, Any]], chosen: list[str], force: bool,
    engine: str, show: bool,
) -> Outcome:
    from tqdm import tqdm

    outcome, kernels = Outcome(stage), Kernels(engine)
    with environment(**{STAGE: str(stage)}):
        cycle = Cycle(label, loaded, scenario)
        (cycle.folder / "notebooks").mkdir(parents=True, exist_ok=True)
        try:
            with tqdm(total=len(chosen), unit="step", disable=None if show else True, leave=False, bar_format="{desc} {bar} {n}/{total} {elapsed}") as bar:
                for step, notebook in steps.items():
                    made = manifest.made_from(cycle, notebook, values[step])
                    why = manifest.why_stale(cycle, manifest.steps_of(cycle).get(step), made)
                    if step == REPORT and not why and not (cycle.folder / "report.html").exists():
                        why = "report.html is missing"
                    if step not in chosen:
                        if why:
                            outcome.stale[step] = why
                        continue
                    bar.set_description_str(f"{label} {step}")
                    if why or force:
                        with nullcontext() if bar.disable else clock.ticking(partial(_say, bar, f"{label} {step}"), clock.usual_seconds(cycle, step)):
                            seconds = _run_step(cycle, step, notebook, values[step], made, kernels, first=step == next(iter(steps)))
                        outcome.ran[step] = seconds
                        line = f"  {step:<16} {seconds:6.1f} s"
                    else:
                        outcome.kept.append(step)
                        line = f"  {step:<16} unchanged"
                    bar.update()
                    if show:
                        tqdm.write(line)
            if outcome.ran and REPORT not in outcome.ran:
                # The report says the same; the page of the step that ran does not.
                _render(cycle)
        finally:
            kernels.stop()
    return outcome


def _say(bar: tqdm, what: str, words: str) -> None:
    bar.set_description_str(f"{what} {words}")


def _run_step(cycle: Cycle, step: str, notebook: Path, values: dict[str, Any], made: dict[str, Any], kernels: Kernels, first: bool) -> float:
    """Run one step in the stage and write its record."""
    kernels.start()
    manifest.forget(cycle, step)
    executed = cycle.folder / "notebooks" / notebook.name
    reads = cycle.month_folder / f".reads-{step}"
    reads.unlink(missing_ok=True)
    sources = manifest.sources_now(cycle, list(tables.INPUTS) if first else [])
    record: dict[str, Any] = {
        "status": "failed", "started": time.strftime("%Y-%m-%d %H:%M:%S"), "made_from": made, "parameters": parameters.masked(values),
        "versions": manifest.versions(), "engine": kernels.engine,
    }
    manifest.note_step(cycle, step, record)
    begin = time.perf_counter()
    try:
        with environment(**kernels.environment(), **{STEP: step, READS: str(reads)}):
            _execute(notebook, executed, values, kernels.name, cycle.workbook.root)
        if step == REPORT:
            _render(cycle)
    except Exception as error:
        kept = files.failed_folder(cycle.workbook.output_folder, cycle.label) / executed.relative_to(cycle.month_folder)
        raise describe(step, error, kept) from error
    seconds = time.perf_counter() - begin
    written = manifest.written_by(cycle, step)
    read = {name: digest for name, digest in manifest.noted(reads).items() if name not in written}
    # An input that a later step was the first to ask for comes from its source too.
    sources |= manifest.sources_now(cycle, [name.split("/", 1)[1] for name in written if name.startswith("inputs/") and not first])
    reads.unlink(missing_ok=True)
    record |= {"status": "done", "seconds": round(seconds, 2), "sources": sources, "read": read, "written": written}
    manifest.note_step(cycle, step, record)
    return seconds


def _render(cycle: Cycle) -> None:
    """Make the report's page, and the pages of the steps that it links to."""
    from sop_helpers.report.html import render_report

    executed = cycle.folder / "notebooks" / f"{REPORT}.ipynb"
    if executed.exists():
        title = f"{cycle.workbook.company.name}: S&OP {cycle.label}" + ("" if cycle.scenario == "base" else f", scenario {cycle.scenario}")
        render_report(executed, cycle.folder / "report.html", title=title)


def _execute(notebook: Path, executed: Path, values: dict[str, Any], kernel: str, folder: Path) -> None:
    """Run one notebook by papermill into a file that appears when it is whole."""
    import papermill

    part = executed.with_name(f".{executed.name}")
    # papermill fills {names} in paths; ours are meant as they are.
    literal = [str(path).replace("{", "{{").replace("}", "}}") for path in (notebook, part)]
    try:
        papermill.execute_notebook(
            *literal, values, kernel_name=kernel, language="python", cwd=str(folder), progress_bar=False, request_save_on_cell_execute=False,
            iopub_timeout=OUTPUT_SECONDS, start_timeout=180,
        )
    finally:
        if part.exists():
            _tidy(part, values)
            os.replace(part, executed)


def _tidy(notebook: Path, values: dict[str, Any]) -> None:
    """Take secrets and the paths of the stage out of an executed notebook, where papermill leaves them."""
    text = notebook.read_text(encoding="utf-8")
    for secret in parameters.secrets(values):
        # As it was printed, and as papermill writes it into the parameters cell.
        for written in (secret, secret.encode("unicode_escape").decode("ascii"), secret.replace("\\", "\\\\").replace('"', '\\"')):
            for form in (json.dumps(written, ensure_ascii=False), json.dumps(written)):
                text = text.replace(form[1:-1], parameters.MASK)
    content = json.loads(text)
    content["metadata"].get("papermill", {}).update(input_path=notebook.name[1:], output_path=notebook.name[1:])
    notebook.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _keep(stage: Path, failed_folder: Path, failed: StepFailed, company: str, label: str, scenario: str) -> None:
    """Keep a failed run to be looked at, with a page that says what happened; the next run starts from what it did."""
    files.write_atomically(stage / "error.html", lambda part: part.write_text(error_page(failed, company, label), encoding="utf-8"))
    files.write_json(stage / files.FAILED, {"scenario": scenario})
    shutil.rmtree(failed_folder, ignore_errors=True)
    failed_folder.parent.mkdir(parents=True, exist_ok=True)
    os.rename(stage, failed_folder)
