"""What notebooks show: data is text, statuses have words, numbers sort, every figure has its words."""

from __future__ import annotations

import re
import time

import numpy as np
import pandas as pd
import pytest

from sop_helpers.report import show
from sop_helpers.report.charts.style import COLOURS, money, month_axis, new_figure, thousands
from sop_helpers.report.html import safe_html

PAYLOADS = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</td></table><svg onload=alert(1)>", "' onclick='alert(1)", "&lt;b&gt;", "{{ 7 }}"]


@pytest.fixture()
def shown(monkeypatch) -> list:
    """What was displayed, with its metadata."""
    kept: list = []
    monkeypatch.setattr("IPython.display.display", lambda *things, **more: kept.extend((thing, more.get("metadata")) for thing in things))
    return kept


@pytest.mark.parametrize("payload", PAYLOADS)
def test_data_is_text_in_cells_headers_caption_links_tiles_and_notes(payload: str, shown: list) -> None:
    frame = pd.DataFrame({payload: [payload], "notebook": [payload], "status": [payload]})
    show.show_table(frame, payload, links={"notebook": "steps/{}.html"})
    show.show_note(payload)
    show.show_points([payload])
    show.show_tiles(pd.DataFrame({"label": [payload], "value": [payload], "status": [payload], "note": [payload]}))
    texts = dict.fromkeys(["question", "option", "consequence", "owner"], payload)
    show.show_decisions(pd.DataFrame([{"decision": "d", "money": 1.0, "chosen": True} | texts]), payload)
    assert len(shown) == 5
    for thing, _ in shown:
        text = thing.data
        assert safe_html(text) == text, "what we show is within the grammar that the page lets through"
        tags = {name.lower() for name in re.findall(r"</?\s*([a-zA-Z]+)", text)}
        assert not tags & {"script", "img", "svg", "b"}
        for tag in re.findall(r"<[^<>]*>", text):
            assert not re.search(r'"\s*on\w+\s*=|\'\s*on\w+\s*=', tag)


def test_figure_shows_takeaway_and_alt(shown: list) -> None:
    figure, axis = new_figure("Demand", ylabel="units")
    axis.plot([1, 2], [3, 4], color=COLOURS["plan"])
    show.show_figure(figure, "Demand <rises>.", 'A "rising" line')
    (takeaway, _), (image, metadata) = shown
    assert takeaway.data == '<p class="takeaway">Demand &lt;rises&gt;.</p>'
    assert metadata["image/png"] == {"alt": 'A "rising" line', "width": 900}
    assert image.data.startswith(b"\x89PNG")


@pytest.mark.parametrize(("form", "value", "text"), [("{:+.1f}", -0.04, "0.0"), ("{:.0%}", -0.001, "0%"), ("{:+,.0f}", -0.6, "-1"), ("{:+.1f}", -0.06, "-0.1")])
def test_nothing_is_not_below_zero(form: str, value: float, text: str) -> None:
    assert f">{text}<" in show.table_html(pd.DataFrame({"x": [value]}), "", {"x": form})


def test_figure_without_alt_is_refused() -> None:
    figure, _ = new_figure("x")
    with pytest.raises(ValueError, match="alternative text"):
        show.show_figure(figure, "See.", " ")


def test_numbers_months_flags_and_gaps_read_well() -> None:
    frame = pd.DataFrame({
        "month": pd.to_datetime(["2026-10-01", "2026-11-01"]), "day": pd.to_datetime(["2026-10-08", None]), "units": [1234567.0, np.nan],
        "share": [0.12345, np.inf], "ok": [True, False], "note": ["x", None],
    })
    text = show.table_html(frame, "c")
    cells = re.findall(r"<td[^>]*>(.*?)</td>", text)
    assert cells == ["2026-10", "2026-10-08", "1,234,567", "0.123", "yes", "x", "2026-11", "n/a", "n/a", "n/a", "no", ""]
    assert 'data-sort="1234567"' in text and "nan" not in text.lower()
    assert 'data-sort="12345678999"' in show.table_html(pd.DataFrame({"yen": [12_345_678_999.0]}), "c"), "the key is as fine as what is shown"


def test_status_is_a_mark_and_a_word_and_sorts_by_urgency() -> None:
    text = show.table_html(pd.DataFrame({"status": ["green", "■ red", "n/a", "late", "something else"]}), "c")
    assert '<td data-sort="0"><span class="rag rag-red">■ red</span></td>' in text
    assert '<span class="rag rag-green">● green</span>' in text
    assert "<td>something else</td>" in text


def test_text_measures_are_right_aligned_and_sort_as_numbers() -> None:
    text = show.table_html(pd.DataFrame({"KPI": ["a", "b", "c"], "value": ["96.7 %", "1,250 k", "n/a"]}), "c")
    assert '<td class="num" data-sort="96.7">96.7 %</td>' in text
    assert '<td class="num" data-sort="1250">1,250 k</td>' in text and '<td class="num">n/a</td>' in text


def test_limit_says_how_many_rows_there_are(shown: list) -> None:
    show.show_table(pd.DataFrame({"a": range(5)}), "c", limit=2)
    assert shown[0][0].data.count("<tr>") == 3 and "2 of 5 rows" in shown[1][0].data


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame({"a": []})])
def test_empty_table_says_so(frame: pd.DataFrame) -> None:
    assert "Nothing to show." in show.table_html(frame, "c")


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (-0.0, "0"), (999.4, "999"), (999_999, "1 M"), (-4200, "-4.2 k"), (1.5e9, "1.5 bn"), (0.25, "0.25"), (float("nan"), "n/a")]
)
def test_money_is_short(value: float, text: str) -> None:
    assert money(value) == text


def test_new_figure_carries_titles_and_units() -> None:
    figure, axes = new_figure("Stock", xlabel="month", ylabel="EUR", rows=2, columns=2)
    assert [a.get_xlabel() for a in axes.flat] == ["", "", "month", "month"]
    assert [a.get_ylabel() for a in axes.flat] == ["EUR", "", "EUR", ""]
    assert figure.get_suptitle() == "Stock"
    single, axis = new_figure("Stock", ylabel="EUR")
    axis.plot(pd.date_range("2025-01-01", periods=24, freq="MS"), np.linspace(0, 2e6, 24))
    month_axis(axis)
    thousands(axis)
    single.canvas.draw()
    assert "1 M" in [t.get_text() for t in axis.get_yticklabels()]
    assert any("2026" in t.get_text() for t in axis.get_xticklabels())


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_chart_colours_have_contrast_on_white() -> None:
    # WCAG 2.1, 1.4.11: graphics need 3 to 1.
    assert all(1.05 / (_luminance(colour) + 0.05) >= 3 for colour in COLOURS.values())


def test_ticks_of_a_short_axis_are_told_apart() -> None:
    figure, axis = new_figure("Revenue")
    thousands(axis)
    axis.set_ylim(10_050_000, 10_420_000)
    figure.canvas.draw()
    texts = [label.get_text() for label in axis.get_yticklabels()]
    assert len(set(texts)) == len(texts) and all(text.endswith(" M") for text in texts)
    assert axis.yaxis.get_major_formatter().format_ticks([0, 5e6, 1e7]) == ["0", "5 M", "10 M"]


def test_progress_says_how_far_and_goes_when_done(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("SOP_STEP", raising=False)
    with show.show_progress("forecast", after=0) as tell:
        for done in (1, 2, 4):
            tell(done, 4)
            time.sleep(0.12)
    said = capsys.readouterr().err
    assert "forecast" in said and "4/4" in said
    monkeypatch.setenv("SOP_STEP", "20_demand")
    with show.show_progress("forecast", after=0) as tell:
        tell(4, 4)
    assert capsys.readouterr().err == ""


def test_abbreviations_of_the_field_stand_in_capitals_in_the_heads() -> None:
    page = show.table_html(pd.DataFrame({"base_wmape": [0.1], "fva_points": [1.0], "family": ["A"]}), "t")
    assert ">base WMAPE</th>" in page and ">FVA points</th>" in page and ">family</th>" in page


def test_months_in_a_sentence_are_not_broken_and_stay_text() -> None:
    shown = show.table_html(pd.DataFrame({"note": ["from 2026-10 to <b>2026-11-05</b>, part 12-34 of 0710-2026-1"]}), "Notes")
    assert '<span class="day">2026-10</span> to &lt;b&gt;<span class="day">2026-11-05</span>&lt;/b&gt;' in shown
    assert shown.count('class="day"') == 2 and "part 12-34 of 0710-2026-1" in shown
