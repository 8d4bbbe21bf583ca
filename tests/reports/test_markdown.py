"""The Markdown: rendered by a CommonMark parser, untrusted text stays text."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

import examples
from reports import markdown
from reports.measurement import Measurement, Timed, Timing

HOSTILE = (
    "a|b `c` <script>x</script> [l](javascript:1) *e* _u_ # h\n\n| - | @team https://x.invalid ![i](y) ~~s~~ \\| $m$"
)


def rendered(text: str) -> str:
    return MarkdownIt("gfm-like", {"linkify": False}).render(text)


@pytest.mark.parametrize("example", ["admitted", "refuted", "inconclusive"])
def test_summaries_are_equal_for_equal_records_and_short(examples, example):
    make = getattr(examples, example)

    assert markdown.render(make()) == markdown.render(make())
    assert len(markdown.render(make()).encode()) < markdown.LARGEST


def test_the_run_is_a_table_of_candidates_by_gates(examples):
    records = [examples.admitted(), examples.refuted(), examples.inconclusive()]
    text = markdown.summary(records, ["a.html", "b.html", "c.html"])
    table = rendered(text)

    assert "1 admitted, 1 refuted, 1 inconclusive" in text
    assert table.count("<tr>") == 1 + len(records)
    assert "✗ refuted" in table and "◐ tested" in table and "! crashed" in table and "– not run" in table
    assert re.findall(r'href="(.*?)"', table) == ["a.html", "b.html", "c.html"]
    assert "M=1, N=3, program 0, lane 3: stores out[3], out has 3 elements (softmax_02.py:14)" in table


def test_untrusted_text_stays_text(examples):
    for text in (markdown.render(examples.hostile(HOSTILE)), markdown.summary([examples.hostile(HOSTILE)])):
        assert "<script" not in text
        page = rendered(text)
        for tag in ("<script", "<a ", "<em>", "<img", "<s>"):
            assert tag not in page
        assert "&lt;script&gt;x&lt;/script&gt;" in page
        assert "@team" not in text and "https://" not in text
        for table in page.split("<table>")[1:]:
            rows = re.findall(r"<tr>.*?</tr>", table, re.S)
            assert len({row.count("<td") + row.count("<th") for row in rows}) == 1


def test_a_flood_is_cut_below_what_github_takes(examples):
    flood = examples.hostile("<" * 5000)

    assert len(markdown.summary([flood] * 400).encode()) <= markdown.LARGEST
    assert "Cut here" in markdown.summary([flood] * 400)


def test_a_command_with_a_backtick_cannot_end_its_span(examples):
    record = examples.record(examples.candidate("a`<b>`.py"), ())

    assert "<b>" not in rendered(markdown.render(record))


def test_the_gaps_of_all_workloads_are_told_by_baseline() -> None:
    def timed(workload: str, *gaps: float) -> Timed:
        rivals = [Timing.of(name, [10.0 * gap]) for name, gap in zip(("eager", "compiled"), gaps, strict=False)]
        return Timed.of(workload, "float32", {"N": 1}, Timing.of("kernel", [10.0]), rivals)

    both = Measurement.measured("a device", [timed("small", 1.5, 0.9), timed("large", 2.0)])
    assert markdown.bench_line(examples.admitted(both)) == "2 workloads: eager 1.50× to 2.00×, compiled 0.90×"
    alone = Measurement.measured("a device", [timed("small")])
    assert markdown.bench_line(examples.admitted(alone)) == "1 workload"
