"""Render executed notebooks to self-contained pages: no request to anywhere, one script of our own, data never runs.

Three walls stand between data and a browser. What notebooks may show is reduced to PNG with alternative text, plain text, and
HTML of a small grammar (anything else is cleaned). The template escapes the rest. The page's Content-Security-Policy allows only
the script and the style sheet whose hashes it names, and images inside the file.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from pathlib import Path
from typing import Any

from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.files import write_atomically

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"

_TAGS = "p|div|span|strong|em|b|i|u|s|sub|sup|br|hr|code|pre|ul|ol|li|dl|dt|dd|table|caption|thead|tbody|tfoot|tr|th|td|a|blockquote|h2|h3|h4|h5|h6"
# Values hold no quote and no angle bracket, links stay inside the month's folder: nothing here can run or be requested.
_ATTRIBUTES = (
    r'class="[\w -]*"|scope="(?:col|row)"|role="region"|tabindex="0"|colspan="\d+"|data-sort="[-+\w.]*"|aria-label="[^"<>]*"|id="[\w-]+"|'
    r'href="(?:(?:(?:\.\./)?steps/)?[\w.%-]+|#[\w-]+)"'
)
_OURS = re.compile(rf"</?(?:{_TAGS})(?: (?:{_ATTRIBUTES}))*>")
_RAW = re.compile(r"<(script|style|template|noscript|title|textarea|xmp|iframe)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_HEADING = re.compile(r"<h([1-6])>(.*?)</h\1>", re.DOTALL)


def render_report(notebook: str | Path, html: str | Path, title: str, *, steps: bool = True) -> Path:
    """Render the month's report, and beside it a page for each step notebook that lies in the same folder.

    Parameters
    ----------
    notebook : str or Path
        The executed report notebook.
    html : str or Path
        Where the page goes; it is written whole or not at all. Pages of the steps go to ``steps/`` next to it.
    title : str
        Title of the page, such as ``"Alpine Tools: S&OP 2026-10"``.
    steps : bool
        Whether to render the steps' pages too.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    WorkbookError
        A figure has no alternative text; names notebook and cell.
    """
    notebook, page = Path(notebook), Path(html)
    others = sorted(p for p in notebook.parent.glob("[0-9]*.ipynb") if p.stem != notebook.stem) if steps else []
    links = []
    for other in others:
        render_step(other, page.parent / "steps" / f"{other.stem}.html", title=title, report=f"../{page.name}")
        links.append({"href": f"steps/{other.stem}.html", "text": _title(_load(other)) or other.stem})
    return _render(notebook, page, title, {"steps": links, "report": ""})


def render_step(notebook: str | Path, html: str | Path, *, title: str = "", report: str = "../report.html") -> Path:
    """Render one step's notebook, so that numbers in the report can link to where they were made.

    Parameters
    ----------
    notebook, html : str or Path
        The executed notebook and the page to write.
    title : str
        Line above the notebook's own title.
    report : str
        Link back to the report; blank for none.
    """
    return _render(Path(notebook), Path(html), title, {"steps": [], "report": report})


def safe_html(text: str) -> str:
    """Return HTML that cannot run, load or restyle anything: as it is when made of our own few tags, else cleaned.

    >>> safe_html('<p class="note">a &lt; b</p>')
    '<p class="note">a &lt; b</p>'
    >>> safe_html('<img src=x onerror=alert(1)>hello<script>alert(1)</script>')
    'hello'
    """
    if "<" not in _OURS.sub("", text):
        return text
    import bleach

    cells = {name: ["scope", "colspan", "rowspan"] for name in ("th", "td")}
    # The text inside a script or a style sheet is no content: it goes before the tags do.
    return bleach.clean(
        _RAW.sub("", text), tags=set(_TAGS.split("|")), attributes={"a": ["href"], "ol": ["start"], **cells}, protocols={"http", "https", "mailto"}, strip=True
    )


def _load(notebook: Path) -> Any:
    import nbformat

    return nbformat.read(notebook, as_version=4)


def _title(nb: Any) -> str:
    first = next((c.source for c in nb.cells if c.cell_type == "markdown" and re.search(r"^# ", c.source, re.MULTILINE)), "")
    found = re.search(r"^# +(.+?)\s*$", first, re.MULTILINE)
    return found[1] if found else ""


def _render(notebook: Path, page: Path, title: str, links: dict[str, Any]) -> Path:
    nb = _load(notebook)
    heading = _title(nb) or title or notebook.stem
    contents = _prepare(nb, notebook.name)
    script, style = (_static(name) for name in ("report.js", "report.css"))
    look = {
        "title": f"{title} - {heading}" if title else heading, "kicker": title, "heading": heading, "contents": contents, "script": script, "style": style,
        "policy": f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'",
        **links,
    }
    text, _ = _exporter().from_notebook_node(nb, {"page": look})
    page.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(page, lambda part: part.write_text(text, encoding="utf-8", newline="\n"))
    return page


def _static(name: str) -> str:
    return "\n" + (TEMPLATES / "report" / name).read_text(encoding="utf-8").strip() + "\n"


def _digest(text: str) -> str:
    """Return the hash by which a Content-Security-Policy knows an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _exporter() -> Any:
    from nbconvert.exporters import HTMLExporter
    from nbconvert.exporters.templateexporter import TemplateExporter
    from nbconvert.filters.highlight import Highlight2HTML

    class ReportExporter(HTMLExporter):
        """HTML by our template, without the pass that rewrites the finished page."""

        def from_notebook_node(self, nb, resources=None, **kw):
            self.register_filter("highlight_code", Highlight2HTML(pygments_lexer="python3", parent=self))
            return TemplateExporter.from_notebook_node(self, nb, resources, **kw)

    return ReportExporter(template_name="report", extra_template_basedirs=[str(TEMPLATES)], template_file="index.html.j2")


# --- what a page may hold ------------------------------------------------------------------------------------------------------------


def _prepare(nb: Any, name: str) -> list[dict[str, str]]:
    """Reduce all cells to what is safe to show; return the table of contents."""
    headings = _Headings()
    for place, cell in enumerate(nb.cells, 1):
        if cell.cell_type == "markdown":
            cell.metadata["page_html"] = headings.number(_markdown(cell.source))
        elif cell.cell_type == "code":
            cell.metadata["page_outputs"] = _reduced(cell.get("outputs", []), f"cell {place} of {name}")
            cell["outputs"] = []
    return headings.contents


class _Headings:
    """Headings in order: one of level 1 (the page's own), no level skipped, each with an anchor."""

    def __init__(self) -> None:
        self.last = 1
        self.first = True
        self.taken: set[str] = set()
        self.contents: list[dict[str, str]] = []

    def number(self, text: str) -> str:
        return _HEADING.sub(self._one, text)

    def _one(self, found: re.Match[str]) -> str:
        level, inner = int(found[1]), found[2]
        if level == 1 and self.first:
            # The template shows the notebook's title at the top of the page.
            self.first = False
            return ""
        level = min(max(level, 2), self.last + 1)
        self.last = level
        words = html.unescape(re.sub(r"<[^>]+>", "", inner))
        anchor = base = "s-" + (re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "part")
        count = 1
        while anchor in self.taken:
            count += 1
            anchor = f"{base}-{count}"
        self.taken.add(anchor)
        if level == 2:
            self.contents.append({"anchor": anchor, "text": words})
        return f'<h{level} id="{anchor}">{inner}</h{level}>'


def _markdown(source: str) -> str:
    """Return Markdown as HTML; markup inside it is shown as text."""
    import bleach
    import mistune

    made = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])(source)
    tags = set(_TAGS.split("|")) | {"h1"}
    return bleach.clean(made, tags=tags, attributes={"a": ["href"], "ol": ["start"]}, protocols={"http", "https", "mailto"}, strip=True)


def _reduced(outputs: list[Any], where: str) -> list[Any]:
    return [kept for output in outputs if (kept := _one_output(output, where)) is not None]


def _one_output(output: Any, where: str) -> dict[str, str] | None:
    """Return an output as kind and content, or None where there is nothing to show."""
    if output.output_type == "stream":
        return {"kind": "aside" if output.name == "stderr" else "text", "content": _plain(output.text)} if output.text.strip() else None
    if output.output_type == "error":
        return {"kind": "error", "content": _plain("\n".join(output.traceback) or f"{output.ename}: {output.evalue}")}
    data = output.get("data", {})
    if "image/png" in data:
        return _picture(data["image/png"], output.get("metadata", {}), where)
    if "text/html" in data:
        return {"kind": "html", "content": safe_html(_joined(data["text/html"]))}
    if "text/markdown" in data:
        # Escaped and cleaned; its headings would break the order of the page's own.
        return {"kind": "html", "content": _HEADING.sub(r"<p><strong>\2</strong></p>", _markdown(_joined(data["text/markdown"])))}
    return {"kind": "text", "content": _plain(_joined(data["text/plain"]))} if "text/plain" in data else None


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def _plain(text: str | list[str]) -> str:
    """Take colour codes of terminals out of a text."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", _joined(text))


def _picture(data: str, metadata: Any, where: str) -> dict[str, str]:
    about = metadata.get("image/png", {}) if isinstance(metadata.get("image/png"), dict) else {}
    alt = str(about.get("alt") or metadata.get("alt") or "").strip()
    if not alt:
        raise WorkbookError(f"a figure in {where} has no alternative text", "Show it by show_figure(figure, takeaway, alt), which asks for one.")
    content = re.sub(r"\s", "", _joined(data))
    if not re.fullmatch(r"[A-Za-z0-9+/]+=*", content):
        raise WorkbookError(f"a figure in {where} is not a PNG in base64", "Run the notebook again.")
    width = about.get("width")
    return {"kind": "png", "content": content, "alt": alt, "width": str(int(width)) if isinstance(width, int | float) else ""}
