"""The rendered page in a browser, opened from a file: asks for nothing, runs nothing of the data, toggles, sorts, prints."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from sop_helpers.report import show
from sop_helpers.report.charts.style import COLOURS, new_figure
from sop_helpers.report.html import render_report

BAD = "window.ran = true; document.title = 'RAN'"
PAYLOADS = [
    f"<script>{BAD}</script>",
    f'"><img src="http://127.0.0.1:9/x" onerror="{BAD}">',
    f'<svg onload="{BAD}"></svg>',
    f'<details open ontoggle="{BAD}">x</details>',
    f"</script></style></title><script>{BAD}</script>",
    f'<a href="javascript:{BAD}">link</a>',
    f'<iframe srcdoc="<script>parent.{BAD}</script>"></iframe>',
    '<meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/">',
    "<style>body{display:none;background:url(http://127.0.0.1:9/)}</style>",
]


def _html(content: str):
    return new_output("display_data", data={"text/html": content, "text/plain": "x"})


def _png() -> str:
    figure, axis = new_figure("Demand", ylabel="units")
    axis.plot([1, 2, 3], [1, 3, 2], color=COLOURS["plan"])
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


@dataclass
class Seen:
    """What a browser did with a page."""

    page: object
    requests: list[str]
    console: list[str]


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    """A report with all parts, and payloads wherever data can stand."""
    folder = tmp_path_factory.mktemp("page")
    picture, joined = _png(), " ".join(PAYLOADS)
    frame = pd.DataFrame(
        {"product": ["P2", "P10", PAYLOADS[0]], "units": [5.0, 1000.0, None], "status": ["green", "red", "n/a"], "notebook": ["10_gather"] * 3}
    )
    tiles = pd.DataFrame({"label": ["revenue", joined], "value": ["1 M", joined], "status": ["red", "green"], "note": ["target 2 M", joined]})
    kept: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", lambda *things, **_: kept.extend(thing.data for thing in things))
        show.show_tiles(tiles)
        show.show_table(frame, "Products " + PAYLOADS[1], links={"notebook": "steps/{}.html"})
        show.show_note(joined)
    figures = [
        new_output("display_data", data={"image/png": picture}, metadata={"image/png": {"alt": alt, "width": 900}})
        for alt in ("A line that rises and falls", joined)
    ]
    cells = [
        new_markdown_cell(f"# The month\n\nWhat happened. {joined}"),
        new_code_cell(f"# {joined}\nx = 1", outputs=[_html(kept[0])]),
        new_markdown_cell("## Products\n\nLook."),
        new_code_cell("table", outputs=[_html(content) for content in kept[1:]]),
        new_code_cell("picture", outputs=figures),
        new_code_cell(
            "hostile",
            outputs=[
                *[_html(payload) for payload in PAYLOADS],
                *[new_output("display_data", data={"application/javascript": BAD, "image/svg+xml": PAYLOADS[2], "text/plain": joined})],
                new_output("display_data", data={"text/markdown": joined, "text/plain": "x"}),
                new_output("stream", name="stdout", text=joined),
                new_output("stream", name="stderr", text=joined),
            ],
        ),
        new_markdown_cell("## " + joined),
    ]
    (folder / "notebooks").mkdir()
    nbformat.write(new_notebook(cells=cells), folder / "notebooks" / "90_report.ipynb")
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Gather\n\nInputs.")]), folder / "notebooks" / "10_gather.ipynb")
    return render_report(folder / "notebooks" / "90_report.ipynb", folder / "report.html", f"Acme {PAYLOADS[0]}: S&OP 2026-10")


@pytest.fixture()
def open_page(chromium, report: Path):
    """Open the report from its file in a fresh context."""
    contexts = []

    def opened(**options) -> Seen:
        context = chromium.new_context(**options)
        contexts.append(context)
        page, requests, console = context.new_page(), [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: console.append(message.text))
        page.on("pageerror", lambda error: console.append(str(error)))
        page.goto(report.as_uri())
        page.wait_for_load_state("networkidle")
        return Seen(page, requests, console)

    yield opened
    for context in contexts:
        context.close()


def test_it_asks_for_nothing_and_complains_of_nothing(open_page, report: Path) -> None:
    seen = open_page()
    assert [url for url in seen.requests if not url.startswith("data:")] == [report.as_uri()]
    assert seen.console == []


def test_no_payload_runs_even_when_clicked(open_page) -> None:
    seen = open_page()
    seen.page.click("#code-toggle")
    seen.page.evaluate("document.querySelectorAll('details, a[href^=\"#\"]').forEach(e => e.click())")
    assert seen.page.evaluate("window.ran === undefined")
    assert seen.page.title() == f"Acme {PAYLOADS[0]}: S&OP 2026-10 - The month"
    assert seen.page.evaluate("[...document.querySelectorAll('script, iframe, svg, meta[http-equiv=refresh]')].length") == 1
    assert PAYLOADS[0] in seen.page.inner_text("tbody"), "the reader sees what the data says"


def test_the_policy_itself_stops_a_script_that_slipped_in(open_page) -> None:
    seen = open_page()
    seen.page.evaluate("(code) => { const s = document.createElement('script'); s.textContent = code; document.body.append(s); }", BAD)
    seen.page.evaluate(
        "() => { const p = document.createElement('p'); p.innerHTML = '<img src=\"data:,x\" onerror=\"window.ran = true\">'; document.body.append(p); }"
    )
    seen.page.wait_for_timeout(200)
    assert seen.page.evaluate("window.ran === undefined")
    assert any("Content Security Policy" in line for line in seen.console)


@pytest.mark.parametrize("how", ["mouse", "Enter", "Space"])
def test_code_is_hidden_until_asked_for(open_page, how: str) -> None:
    page = open_page().page
    code = page.locator("details.code").first
    assert not code.is_visible()
    button = page.locator("#code-toggle")
    for pressed in ("true", "false"):
        if how == "mouse":
            button.click()
        else:
            button.focus()
            page.keyboard.press(how)
        assert button.get_attribute("aria-pressed") == pressed
        assert code.is_visible() == (pressed == "true")
        assert page.locator("details.code .highlight").first.is_visible() == (pressed == "true")


def test_the_toggle_is_reached_by_tab_and_shows_focus(open_page) -> None:
    page = open_page().page
    for _ in range(4):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "code-toggle":
            break
    assert page.evaluate("document.activeElement.id") == "code-toggle"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_tables_sort_by_number_and_by_status_with_gaps_last(open_page) -> None:
    page = open_page().page
    first = "[...document.querySelectorAll('table.sortable tbody tr')].map(r => r.cells[0].textContent)"
    units, status = (page.locator("table.sortable thead th button", has_text=name).first for name in ("units", "status"))
    units.click()
    assert page.evaluate(first) == ["P2", "P10", PAYLOADS[0]]
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    units.press("Enter")
    assert page.evaluate(first) == ["P10", "P2", PAYLOADS[0]], "what is missing stays last"
    status.click()
    assert page.evaluate(first) == ["P10", "P2", PAYLOADS[0]], "red comes first"
    page.locator("table.sortable thead th button", has_text="product").first.click()
    assert page.evaluate(first)[-2:] == ["P2", "P10"], "2 before 10"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_screen_and_is_not_empty(open_page, scheme: str, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    picture = page.screenshot(full_page=True)
    from matplotlib.image import imread

    shades = imread(io.BytesIO(picture))[..., :3]
    assert len(picture) > 20_000 and shades.std() > 0.05
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(n) for n in background[4:-1].split(",")) < 150) == (scheme == "dark")


_CONTRAST = """() => {
  const channel = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); };
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const parse = s => s.match(/[\\d.]+/g).map(Number);
  const ground = e => { for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c;
  } return [255, 255, 255]; };
  const bad = [];
  document.querySelectorAll('body *').forEach(e => {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || !e.checkVisibility()) return;
    const a = light(parse(getComputedStyle(e).color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push(e.tagName + '.' + e.className + ' ' + ratio.toFixed(2));
  });
  return bad;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(open_page, scheme: str) -> None:
    page = open_page(color_scheme=scheme).page
    page.click("#code-toggle")
    assert page.evaluate(_CONTRAST) == []


def test_names_and_landmarks_for_screen_readers(open_page) -> None:
    page = open_page().page
    assert page.evaluate("document.documentElement.lang") == "en"
    for tag in ("main", "header", "nav", "h1"):
        assert page.locator(tag).count() == 1
    assert page.evaluate("[...document.images].every(i => i.alt.length > 20 && i.naturalWidth > 100)")
    assert page.evaluate("[...document.querySelectorAll('button, a')].every(e => e.textContent.trim() || e.getAttribute('aria-label'))")
    assert page.evaluate(
        "[...document.querySelectorAll('main table.sortable')].every(t => t.caption && [...t.querySelectorAll('thead th')].every(h => h.scope === 'col'))"
    )
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))


def test_contents_and_steps_can_be_followed(open_page) -> None:
    page = open_page().page
    for anchor in page.evaluate("[...document.querySelectorAll('nav a[href^=\"#\"]')].map(a => a.getAttribute('href'))"):
        assert page.locator(anchor).count() == 1
    page.locator("tbody a", has_text="10_gather").first.click()
    assert page.inner_text("h1") == "Gather"
    page.get_by_text("Back to the report").click()
    assert page.inner_text("h1") == "The month"


def test_without_script_everything_is_there(open_page) -> None:
    page = open_page(java_script_enabled=False).page
    assert page.locator("table.sortable").is_visible() and page.locator(".tile").first.is_visible()
    assert page.locator("details.code").first.is_visible(), "code opens by the browser's own means"


def test_it_prints(open_page, tmp_path: Path) -> None:
    page = open_page().page
    page.emulate_media(media="print")
    assert not page.locator("#code-toggle").is_visible() and not page.locator("nav").is_visible() and not page.locator("details.code").first.is_visible()
    assert page.locator(".figure img").first.is_visible() and page.locator("table.sortable").is_visible()
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-") and len(content) > 20_000


def test_axe_finds_nothing(open_page) -> None:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(open_page(bypass_csp=True).page)
    assert found.violations_count == 0, found.generate_report()
