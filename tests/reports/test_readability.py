"""Measures of a source: what counts, and what nearly does."""

from __future__ import annotations

import pytest

from reports import html, markdown
from reports.readability import measure

HEAD = "import triton\n\n@triton.jit\ndef k(x, n, BLOCK: tl.constexpr):\n"


def of(body: str):
    return measure(HEAD + "".join(f"    {line}\n" for line in body.strip("\n").split("\n")))


def test_lines_without_code_do_not_count():
    (kernel,) = of('"""What it does."""\n# why\n\na = 1\nfor i in range(n):\n    if i:\n        a = a + i').kernels

    assert (kernel.name, kernel.line, kernel.lines, kernel.statements) == ("k", 4, 6, 4)
    assert (kernel.parameters, kernel.loops, kernel.nesting) == (3, 1, 2)


@pytest.mark.parametrize(
    ("body", "nesting"),
    [
        ("a = 1", 0),
        ("if n:\n    a = 1\nelif x:\n    a = 2\nelse:\n    a = 3", 1),
        ("if n:\n    a = 1\nelse:\n    if x:\n        a = 2\n    b = 3", 2),
        ("for i in x:\n    while n:\n        if i:\n            a = 1", 3),
    ],
)
def test_nesting(body, nesting):
    assert of(body).kernels[0].nesting == nesting


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        ("a = x * 1.4426950408889634", ["1.4426950408889634"]),
        ("LOG2E = 1.4426950408889634\na = x * LOG2E", []),
        ("a: tl.constexpr = -3.5", []),
        ("a = x * 0 + 1 - 1.0 * 0.5", []),
        ("a = x + 4096 + 2 + -1024", []),
        ("a = x + 4095", ["4095"]),
        ("a = x + 100\nb = x - 100\nc = f(x, eps=1e-06)", ["100", "1e-06"]),
        ("a = x if True else 'three'", []),
    ],
)
def test_numbers_without_a_name(body, numbers):
    assert [number.text for number in of(body).numbers] == numbers


def test_a_number_has_all_its_lines():
    assert of("a = x + 100\nb = x - 100").numbers[0].lines == (5, 6)


COPIED = """
for i in range(n):
    at = i + lanes
    a = tl.load(x + at * stride, mask=at < n, other=0.0)
    s = s + a
{comment}for i in range(n):
    at = i + lanes
    a = tl.load(x + at * stride, mask=at < {bound}, other=0.0)
    t = t * a
"""


def test_a_passage_that_occurs_again_is_found_with_its_lines():
    (passage,) = of(COPIED.format(comment="", bound="n")).passages

    assert (passage.first, passage.again, passage.statements) == ((6, 7), (10, 11), 2)
    assert not passage.explained


def test_a_passage_that_differs_in_one_word_is_none():
    assert of(COPIED.format(comment="", bound="m")).passages == ()


def test_a_comment_above_explains_and_one_for_tools_does_not():
    body = COPIED.replace("    at = i", "    # again: keeping it would take too many registers\n    at = i")
    assert of(body.format(comment="", bound="n")).unexplained == ()
    body = COPIED.replace("    at = i + lanes\n", "    at = i + lanes  # fmt: skip\n")
    assert len(of(body.format(comment="", bound="n")).unexplained) == 1


def test_statements_that_are_nothing_much_are_no_passage():
    assert of("a = 1\nb = 2\na = 1\nb = 2").passages == ()


def test_a_longer_passage_hides_those_inside_it_and_a_third_time_counts_once_more():
    once = "at = i + lanes\na = tl.load(x + at * stride, mask=at < n, other=0.0)\nb = tl.load(y + at * stride)"
    found = of("\ns = a\n".join([once] * 3)).passages

    assert [(passage.first, passage.again) for passage in found] == [((5, 8), (9, 12)), ((5, 7), (13, 15))]


@pytest.mark.parametrize("source", ["def (", "\x00", "(" * 500])
def test_what_does_not_parse_is_not_measured(source):
    assert "no Python that parses" in measure(source).summary


def test_kernels_elsewhere_are_not_measured():
    assert "other files" in measure("def softmax(x): return kernel[1](x)").summary


def test_a_flood_of_statements_takes_no_age():
    assert measure(HEAD + "    a = tl.load(x + n * 2 + BLOCK, mask=n < BLOCK)\n" * 1000).kernels[0].lines == 1001


@pytest.mark.parametrize("source", ["no python at all", "def softmax(x): return kernel[1](x)", HEAD + "    x = 1\n"])
def test_the_line_ends_in_one_full_stop(examples, source):
    own = examples.candidate("x.py", source=source)
    record = examples.record(own, examples.admitted().verdicts)
    line = html.render(record).split('id="readability"')[1].split("</p>")[0].split("<p>")[1]

    assert line.endswith(("</b>.", "TTIR."))
    assert ".;" not in line and ".</b>" not in line and not measure(source).summary.endswith(".")
    assert f"{measure(source).summary}." in markdown.render(record)
