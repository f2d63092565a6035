"""The desk in a real browser: a planner types, sees what it does, saves, is told of a conflict, and takes it back."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pandas as pd
import pytest
from commands import ROOT, copy_sample

from sop_helpers.book.cycle import open_cycle

MONTH = "2026-10"
PATIENCE = 90_000  # milliseconds until a kernel has started on a busy machine


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    for _ in range(240):
        if process.poll() is not None:
            raise AssertionError(f"the server ended:\n{log.read_text('utf-8')[-3000:]}")
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.25)
    raise AssertionError(f"nothing answers at {url}:\n{log.read_text('utf-8')[-3000:]}")


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen]:
    """Run a server for a block; at its end, however it ends, the command and all that it started are stopped."""
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True)
    try:
        yield process
    finally:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):  # none of them is left
                os.killpg(process.pid, sign)
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)


def test_a_server_and_what_it_started_are_stopped_even_after_a_failure(tmp_path) -> None:
    child = "import subprocess, sys, time; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True); time.sleep(600)"
    with pytest.raises(RuntimeError), running([sys.executable, "-c", child], dict(os.environ), tmp_path / "log") as process:
        while not (tmp_path / "log").read_text():
            time.sleep(0.05)
        raise RuntimeError("a test that failed")
    assert process.returncode is not None
    grandchild = Path(f"/proc/{int((tmp_path / 'log').read_text())}/stat")

    def ended() -> bool:
        """Say whether it is gone, or ended and nobody has asked for its last words yet."""
        try:
            return grandchild.read_text().rsplit(")", 1)[1].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True

    until = time.monotonic() + 20  # a busy machine takes its time to end what was told to
    while not ended() and time.monotonic() < until:
        time.sleep(0.05)
    assert ended()


@pytest.fixture(scope="module")
def company(sample_month, tmp_path_factory) -> Path:
    """A copy of the sample company whose month has run."""
    folder = copy_sample(tmp_path_factory.mktemp("desk") / "company")
    shutil.copytree(sample_month.company / "output", folder / "output")
    return folder


@pytest.fixture(scope="module")
def serve(company, tmp_path_factory) -> Iterator[Callable[..., str]]:
    """Start a server for the desk; all of them are stopped at the end."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "SOP_AUTHOR": "Ann Lee", "SOP_WORKBOOK": str(company)}
    with ExitStack() as servers:

        def start(*command: str, path: str = "") -> str:
            port = free_port()
            log = tmp_path_factory.mktemp("log") / "server.log"
            process = servers.enter_context(running([sys.executable, *(c.format(port=port) for c in command)], environment, log))
            url = f"http://127.0.0.1:{port}/{path}"
            wait_for(url, process, log)
            return url

        yield start


@pytest.fixture(scope="module")
def voila(serve) -> str:
    pytest.importorskip("voila", reason="voila is not installed: pip install -e .[test]")
    return serve("-m", "sop_helpers.engine.cli", "desk", "--no-browser", "--port", "{port}")


def open_page(chromium, url: str):
    page = chromium.new_page(viewport={"width": 1300, "height": 1500})
    page.goto(url)
    page.wait_for_selector(".sop-grid input", timeout=PATIENCE)
    page.get_by_label("family").select_option("Grinders")
    page.get_by_label("region").select_option("DACH")
    page.wait_for_function("document.querySelector('.sop-grid caption').textContent.startsWith('Grinders / DACH')", timeout=PATIENCE)
    return page


def type_plan(page, month: str, units: str, reason: str) -> None:
    cell = page.get_by_label(f"plan of {month}")
    cell.click()
    page.keyboard.press("Control+A")
    page.keyboard.type(units)
    page.get_by_label("reason").click()
    page.keyboard.type(reason)
    page.keyboard.press("Tab")


def ours(company: Path):
    table = open_cycle(MONTH, company).journal.read("override")
    return table[table["id"].str.startswith("desk-")]


def said(page, text: str) -> None:
    page.wait_for_function("t => document.querySelector('.sop-desk-message').textContent.includes(t)", arg=text, timeout=PATIENCE)


def test_a_planner_types_saves_and_takes_it_back(chromium, company, voila) -> None:
    page = open_page(chromium, voila)
    totals = page.locator(".sop-desk-totals")
    before = totals.inner_text()
    type_plan(page, "2026-12", "9000", "a chain of shops")
    page.wait_for_function("t => document.querySelector('.sop-desk-totals').innerText !== t", arg=before, timeout=PATIENCE)
    page.wait_for_selector(".sop-desk-capacity[role=alert]", timeout=PATIENCE)
    assert ours(company).empty, "typing alone must write nothing"
    save = page.get_by_role("button", name="Save", exact=True)
    page.wait_for_function("![...document.querySelectorAll('button')].find(b => b.textContent === 'Save').disabled", timeout=PATIENCE)
    save.click()
    said(page, "Saved Grinders / DACH for 2026-12")
    entry = ours(company).iloc[0]
    assert (entry["units"], entry["author"], entry["reason"], entry["region"]) == (9000.0, "Ann Lee", "a chain of shops", "DACH")
    page.wait_for_function("document.querySelector('[aria-label=\"plan of 2026-12\"]').value === '9,000'", timeout=PATIENCE)
    page.get_by_role("button", name="Undo last save").click()
    said(page, "Undone")
    assert ours(company).empty
    page.wait_for_function("document.querySelector('[aria-label=\"plan of 2026-12\"]').value !== '9,000'", timeout=PATIENCE)
    page.close()


def test_a_save_can_be_taken_back_in_a_new_session(chromium, company, voila) -> None:
    page = open_page(chromium, voila)
    type_plan(page, "2026-12", "4000", "a fair")
    page.get_by_role("button", name="Save", exact=True).click()
    said(page, "Saved Grinders / DACH for 2026-12")
    page.close()  # and its kernel with it
    saved = ours(company)
    later = open_page(chromium, voila)
    assert "Grinders / DACH, 2026-12 4,000 units" in later.locator(".sop-desk-last").inner_text()
    later.get_by_role("button", name="Undo last save").click()
    said(later, "Undone")
    assert ours(company).empty
    written = open_cycle(MONTH, company).journal.history("override", saved["id"].item())
    assert written["withdrawn"].iloc[-1] and written["reason"].iloc[-1] == "undone at the desk" and len(written) == saved["version"].item() + 1
    page_says = later.locator(".sop-desk-last").inner_text()
    assert page_says == "Nothing that you saved for this month can be taken back."
    later.close()


def test_a_month_that_is_ticked_is_locked_at_the_units_shown(chromium, company, voila) -> None:
    page = open_page(chromium, voila)
    box = page.get_by_label("lock 2027-02")
    shown = float(page.get_by_label("plan of 2027-02").input_value().replace(",", ""))
    assert not box.is_checked()
    box.check()
    page.get_by_label("reason").click()
    page.keyboard.type("promised to the shops")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Save", exact=True).click()
    said(page, "Saved Grinders / DACH for 2027-02")
    entry = ours(company).iloc[0]
    assert bool(entry["locked"]) and entry["units"] == pytest.approx(shown, abs=0.5) and entry["start_month"] == pd.Timestamp("2027-02-01")
    page.wait_for_function("document.querySelector('[aria-label=\"lock 2027-02\"]').checked", timeout=PATIENCE)
    page.get_by_role("button", name="Undo last save").click()
    said(page, "Undone")
    page.wait_for_function("!document.querySelector('[aria-label=\"lock 2027-02\"]').checked", timeout=PATIENCE)
    assert ours(company).empty
    page.close()


def test_the_second_of_two_planners_is_told_who_was_first(chromium, company, voila) -> None:
    first, second = open_page(chromium, voila), open_page(chromium, voila)
    type_plan(second, "2027-01", "3,100", "too late")
    type_plan(first, "2027-01", "2500", "first come")
    first.get_by_role("button", name="Save", exact=True).click()
    said(first, "Saved")
    second.get_by_role("button", name="Save", exact=True).click()
    said(second, "Nothing was saved")
    assert "2,500 units (first come)" in second.locator(".sop-desk-message").inner_text()
    assert list(ours(company)["units"]) == [2500.0]
    first.get_by_role("button", name="Undo last save").click()
    said(first, "Undone")
    first.close()
    second.close()


def test_what_is_no_number_is_marked_and_escape_brings_it_back(chromium, voila) -> None:
    page = open_page(chromium, voila)
    cell = page.get_by_label("plan of 2026-11")
    before = cell.input_value()
    cell.fill("12x")
    said(page, "Not a number of units: 2026-11")
    assert cell.get_attribute("aria-invalid") == "true"
    cell.press("Escape")
    page.wait_for_function("!document.querySelector('.sop-desk-message').textContent.includes('Not a number')", timeout=PATIENCE)
    assert cell.input_value() == before
    cell.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "plan of 2026-12"
    page.close()


def test_it_works_in_jupyterlab_too(chromium, company, serve, tmp_path) -> None:
    pytest.importorskip("jupyterlab")
    sync_api = pytest.importorskip("playwright.sync_api")
    shutil.copy(ROOT / "notebooks" / "desk" / "overrides.ipynb", tmp_path)
    url = serve(
        "-m", "jupyterlab", "--no-browser", "--port={port}", "--ip=127.0.0.1", "--allow-root", "--IdentityProvider.token=", "--ServerApp.password=",
        "--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", f"--ServerApp.root_dir={tmp_path}", path="lab",
    )
    page = chromium.new_page(viewport={"width": 1400, "height": 1600})
    page.goto(url + "/tree/overrides.ipynb?reset")
    page.wait_for_selector(".jp-Notebook", timeout=PATIENCE)
    # JupyterLab drops what is run before its kernel has connected, and shows it idle even then; on a busy machine it may ask something first.
    for _ in range(5):
        if page.locator("dialog.jp-Dialog").count():
            page.keyboard.press("Escape")
        try:
            page.locator(".jp-Notebook .jp-Cell").first.click(timeout=PATIENCE / 5)
            page.get_by_role("menuitem", name="Run", exact=True).click(timeout=PATIENCE / 5)
            page.locator(".lm-Menu-item[data-command='runmenu:run-all']").click(timeout=PATIENCE / 5)
            page.wait_for_selector(".sop-grid input", timeout=PATIENCE / 5)
            break
        except sync_api.TimeoutError:
            continue
    page.wait_for_selector(".sop-grid input", timeout=1000)
    cell = page.get_by_label("plan of 2026-12")
    cell.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("99000")
    page.wait_for_function("[...document.querySelectorAll('.sop-desk-message')].some(e => e.textContent.includes('Give a reason'))", timeout=PATIENCE)
    page.close()
