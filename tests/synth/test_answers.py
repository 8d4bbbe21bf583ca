"""Answers: exactly one fenced module is a module; every way to fall short is told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.answers import Form, read

MODULE = "```python\nimport triton\n```\n"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (MODULE, Form.MODULE),
        (f"prose\n\n{MODULE}\nmore prose, `inline` and ``two``", Form.MODULE),
        (f"  {MODULE.replace(chr(10) + '```', chr(10) + '  ```')}", Form.MODULE),
        ("```\nimport triton\n```\n", Form.MODULE),
        (f"```text\na sketch\n```\n{MODULE}", Form.MODULE),
        ("````python\nx = '''\n```\n'''\n````\n", Form.MODULE),
        (MODULE.replace("\n", "\r\n"), Form.MODULE),
        ("", Form.EMPTY),
        (" \n\t", Form.EMPTY),
        ("I would write a loop.", Form.NO_MODULE),
        ("```cuda\n__global__ void f() {}\n```\n", Form.NO_MODULE),
        ("```python\n\n```\n", Form.NO_MODULE),
        (MODULE + MODULE, Form.SEVERAL_MODULES),
        ("```python\nimport triton\n", Form.TRUNCATED),
        ("```python\ndef softmax(x:\n```\n", Form.UNPARSABLE),
        ("```python\nx = '\0'\n```\n", Form.UNPARSABLE),
        ("```python\nx = " + "(" * 5000 + ")" * 5000 + "\n```\n", Form.UNPARSABLE),
    ],
)
def test_forms(text: str, form: Form) -> None:
    assert read(text, "stop").form is form


def test_a_cut_off_answer_is_truncated_even_with_a_whole_block() -> None:
    assert read(MODULE, "length").form is Form.TRUNCATED
    assert read(MODULE, "max_output_tokens").form is Form.TRUNCATED


def test_a_refusal_is_no_empty_answer() -> None:
    reading = read("", "stop", "I cannot help with that.")

    assert reading.form is Form.REFUSED
    assert "cannot help" in reading.complaint
    assert read("", "content_filter").form is Form.REFUSED


def test_a_syntax_error_names_its_line() -> None:
    assert "line 2" in read("```python\nx = 1\ny = = 2\n```\n").complaint


@given(st.text(), st.sampled_from(["stop", "length", "content_filter", ""]), st.none() | st.text())
def test_any_text_has_a_form_and_a_module_has_a_source(text: str, finish: str, refusal: str | None) -> None:
    reading = read(text, finish, refusal)

    assert (reading.form is Form.MODULE) == bool(reading.source) != bool(reading.complaint)


@given(st.text(alphabet="`\n p", max_size=60))
def test_fences_of_any_kind_never_break_the_reader(text: str) -> None:
    read(text)
