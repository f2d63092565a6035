"""The rendered page: self-contained, alternative text for all, headings in order, data never markup."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from sop_helpers.book.errors import WorkbookError
from sop_helpers.report.html import render_report, render_step, safe_html

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 30).decode()


def _shown(data: dict, metadata: dict | None = None):
    return new_output("display_data", data=data, metadata=metadata or {})


def _write(folder: Path, *cells, name: str = "90_report.ipynb") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=list(cells)), folder / name)
    return folder / name


def _page(tmp_path: Path, *cells, **options) -> str:
    return render_report(_write(tmp_path / "notebooks", *cells), tmp_path / "report.html", "Acme <Co>: S&OP 2026-10", **options).read_text("utf-8")


class _Parsed(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_policy_names_the_hash_of_the_one_script_and_the_one_style(tmp_path: Path) -> None:
    page = _page(tmp_path, new_markdown_cell("# T"))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)[1].replace("&#39;", "'")
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        bodies = re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", page, re.DOTALL)
        assert len(bodies) == 1
        digest = base64.b64encode(hashlib.sha256(bodies[0].encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    page = _page(
        tmp_path, new_markdown_cell("# T\n\n![logo](http://evil/x.png) [site](https://example.com)"),
        new_code_cell("x", outputs=[_shown({"text/html": '<img src="http://evil/y.png"><link href="//evil/z.css"><iframe src="http://evil"></iframe>'})]),
    )
    tags = _Parsed(page).tags
    assert not [(t, a) for t, a in tags if "src" in a and not a["src"].startswith("data:image/png;base64,")]
    assert not [t for t, _ in tags if t in {"link", "iframe", "object", "embed", "base", "form"}]
    assert ("a", {"href": "https://example.com"}) in tags, "a link is no request"


@pytest.mark.parametrize("mime", ["application/javascript", "image/svg+xml", "text/latex", "application/vnd.jupyter.widget-view+json"])
def test_other_outputs_are_shown_as_their_text(tmp_path: Path, mime: str) -> None:
    content = {"a": "<script>bad()</script>"} if mime.endswith("json") else "<script>bad()</script>"
    page = _page(tmp_path, new_code_cell("x", outputs=[_shown({mime: content, "text/plain": "what <it> is"})]))
    assert "bad()" not in page and "what &lt;it&gt; is" in page


@pytest.mark.parametrize(
    "payload",
    [
        "<script>bad()</script>", "<img src=x onerror=bad()>", "<svg/onload=bad()>", "<p onclick=bad()>c</p>", "<a href='javascript:bad()'>c</a>",
        "<style>*{background:url(http://evil)}</style>", "<p style='background:url(http://evil)'>c</p>", "<ScRiPt>bad()</sCrIpT>",
        "<p class=\"x\" onclick=\"bad()\">c</p>",
        "<table><tr><td><noscript><p title=\"</noscript><img src=x onerror=bad()>\"></td></tr></table>", "<a href=\"steps/x.html\" onmouseover=\"bad()\">c</a>",
        "<p id=\"x\">ok</p><textarea></textarea><img src=x onerror=bad()>", "<a href=\"java\nscript:bad()\">x</a>", "<scr<script>ipt>bad()</scr</script>ipt>",
    ],
)
def test_hostile_html_is_cleaned_everywhere(tmp_path: Path, payload: str) -> None:
    tags = _Parsed(safe_html(payload)).tags
    assert not [t for t, _ in tags if t in {"script", "img", "svg", "style", "noscript", "textarea"}]
    assert not [a for _, a in tags if any(name.startswith("on") or name == "style" or "script:" in (value or "") for name, value in a.items())]
    stream = new_output("stream", name="stdout", text=payload)
    page = _page(
        tmp_path, new_markdown_cell(f"# {payload}\n\n## {payload}\n\n{payload}"),
        new_code_cell(payload, outputs=[_shown({"text/html": payload}), _shown({"text/markdown": payload, "text/plain": "x"}), stream,
                                        _shown({"image/png": PNG}, {"image/png": {"alt": payload}})]),
    )
    tags = _Parsed(page).tags
    assert [t for t, _ in tags].count("script") == 1 and [t for t, _ in tags].count("style") == 1 and [t for t, _ in tags].count("img") == 1
    assert not [a for _, a in tags if any(name.startswith("on") or name == "style" for name in a)]


def test_figure_without_alternative_text_fails_and_keeps_the_old_page(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("old")
    with pytest.raises(WorkbookError, match="cell 2 of 90_report.ipynb has no alternative text"):
        _page(tmp_path, new_markdown_cell("# T"), new_code_cell("x", outputs=[_shown({"image/png": PNG}, {"image/png": {"alt": " "}})]))
    assert (tmp_path / "report.html").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part"] == []


def test_picture_that_is_no_base64_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="not a PNG"):
        _page(tmp_path, new_code_cell("x", outputs=[_shown({"image/png": '"><script>bad()</script>'}, {"image/png": {"alt": "a"}})]))


def test_headings_come_in_order_with_a_table_of_contents(tmp_path: Path) -> None:
    page = _page(
        tmp_path, new_markdown_cell("# Title & more\n\n#### Deep"), new_markdown_cell("# Second\n\n## Same\n\n###### Six"), new_markdown_cell("## Same"),
        new_code_cell("x", outputs=[_shown({"text/markdown": "# From output", "text/plain": "x"})]),
    )
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", page)]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    anchors = re.findall(r'<h\d id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    linked = re.findall(r'<li><a href="#([^"]+)"', page)
    assert linked and set(linked) <= set(anchors)
    assert "<title>Acme &lt;Co&gt;: S&amp;OP 2026-10 - Title &amp; more</title>" in page and '<html lang="en">' in page


def test_code_is_behind_a_toggle_and_messages_too(tmp_path: Path) -> None:
    page = _page(tmp_path, new_code_cell("secret = 1", outputs=[new_output("stream", name="stderr", text="a warning")]))
    assert re.search(r'<details class="code"><summary>Code</summary>.*secret.*?</details>', page, re.DOTALL)
    assert re.search(r'<details class="code"><summary>Messages</summary>.*a warning.*?</details>', page, re.DOTALL)
    assert 'id="code-toggle"' in page and "<details open" not in page


def test_steps_get_pages_that_link_back(tmp_path: Path) -> None:
    _write(tmp_path / "notebooks", new_markdown_cell("# Gather\n\n## Part"), name="10_gather.ipynb")
    page = _page(tmp_path, new_markdown_cell("# T"), new_code_cell("x", outputs=[_shown({"text/html": '<p><a href="steps/10_gather.html">10_gather</a></p>'})]))
    step = (tmp_path / "steps" / "10_gather.html").read_text("utf-8")
    assert page.count('href="steps/10_gather.html"') == 2
    assert 'href="../report.html"' in step and "Gather" in step
    assert not (tmp_path / "steps" / "90_report.html").exists()


def test_step_alone_and_same_input_same_page(tmp_path: Path) -> None:
    notebook = _write(tmp_path, new_markdown_cell("# Gather"), name="10_gather.ipynb")
    one = render_step(notebook, tmp_path / "a.html").read_bytes()
    assert one == render_step(notebook, tmp_path / "b.html").read_bytes()


def test_failed_cells_show_their_error_as_text(tmp_path: Path) -> None:
    error = new_output("error", ename="ValueError", evalue="<b>bad</b>", traceback=["\x1b[31mValueError\x1b[0m: <b>bad</b>"])
    assert "ValueError: &lt;b&gt;bad&lt;/b&gt;" in _page(tmp_path, new_code_cell("x", outputs=[error]))


def test_our_own_html_passes_unchanged() -> None:
    row = '<tr><td class="num" data-sort="-1.5e+06">1 &lt; 2</td></tr>'
    ours = f'<div class="table" role="region" tabindex="0" aria-label="x"><table class="sortable"><tbody>{row}</tbody></table></div>'
    assert safe_html(ours) == ours
    assert "href" not in safe_html('<a href="file:///etc/passwd">x</a>')
