"""The page: escaped, self-contained, equal for equal records, and what it says is what the record says."""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from attrs import evolve

from reports import html, index, markdown
from reports.measurement import Measurement
from reports.reproduction import pytest_file
from verify.verdict import Cost, Held, Outcome, Place, Run, Verdict

HOSTILE = "</title></style><script>alert(1)</script><img src=http://x.invalid onerror='a()'>{{7*7}}`|\u202e\x00"
CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def text_of(page: str) -> str:
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def all_pages(examples) -> list[str]:
    records = [
        examples.admitted(),
        examples.refuted(),
        examples.inconclusive(),
        examples.admitted(examples.measured()),
        examples.hostile(HOSTILE),
    ]
    return [
        *(html.render(record, json="a.json", index="index.html") for record in records),
        index.render(records),
    ]


def test_no_page_runs_or_fetches_anything(examples):
    for page in all_pages(examples):
        tags = Tags(page)
        names = {name for name, _ in tags.tags}
        assert not names & {
            "script",
            "link",
            "img",
            "iframe",
            "object",
            "embed",
            "base",
            "form",
            "image",
            "use",
        }
        for _, attributes in tags.tags:
            assert not [name for name in attributes if name.startswith("on") or name == "src"]
            assert re.fullmatch(r"#[\w-]+|[\w.-]+", attributes.get("href") or "#top")
        metas = [meta.get("content") for meta in tags.named("meta") if "http-equiv" in meta]
        assert metas == [CSP]
        assert "url(" not in page and "@import" not in page


def test_untrusted_text_is_shown_and_does_nothing(examples):
    page = html.render(examples.hostile(HOSTILE))

    assert "<script" not in page and "onerror='a" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{7*7}}" in page and "49</" not in page
    assert "⟨U+202E⟩" in page and "\u202e" not in page
    assert "⟨U+0000⟩" in page and "\x00" not in page


def test_a_hostile_record_makes_a_test_file_that_only_asks(examples):
    record = examples.hostile("\"\"\"\n'''\\\nimport os\r\u2028exit()#")
    asked = [evolve(own, witness=evolve(own.witness, run=Run(HOSTILE), sizes=((HOSTILE, 1),))) if own.witness else own
             for own in record.verdicts]  # fmt: skip
    tree = ast.parse(pytest_file(evolve(record, verdicts=tuple(asked))))

    (only,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert only.name == "test_bounds"
    assert [call.func.id for call in ast.walk(only) if isinstance(call, ast.Call)] == ["check"]
    assert {type(node) for node in tree.body} == {ast.Expr, ast.ImportFrom, ast.Assign, ast.FunctionDef}


def test_a_witness_shows_its_accesses_side_by_side(examples):
    record = examples.refuted()
    race = next(own for own in record.dossier.refuted if own.gate == "races")
    assert race.witness is not None
    first, second = race.witness.accesses
    held = (Held("out", "float32", (2, 3), (3, 1)), Held("x", "float32", (2, 3), (0, 1), "0.5 1.5"))
    told = evolve(race.witness, accesses=(evolve(first, masked=True), evolve(second, masked=False)), held=held)
    page = html.render(evolve(record, verdicts=tuple(
        evolve(own, witness=told) if own is race else own for own in record.verdicts)))  # fmt: skip
    text = text_of(page)

    assert 'aria-label="Access A"' in page and 'aria-label="Access B"' in page
    assert "mask true: the mask lets this lane through" in text and "mask none: every lane is active" in text
    assert "3 of 6 , which is [1, 0]: inside" in text.replace("6,", "6 ,")
    assert "x float32 [2, 3] [0, 1] 0.5 1.5" in text


@pytest.mark.parametrize("example", ["admitted", "refuted", "inconclusive"])
def test_equal_records_give_equal_pages(examples, example):
    make = getattr(examples, example)

    assert html.render(make()) == html.render(make())


def test_links_inside_a_page_lead_somewhere(examples):
    for page in all_pages(examples):
        tags = Tags(page).tags
        ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
        targets = [own["href"][1:] for _, own in tags if (own.get("href") or "").startswith("#")]
        assert len(ids) == len(set(ids))
        assert set(targets) <= set(ids)


def test_tables_can_be_listened_to(examples):
    for page in all_pages(examples):
        assert page.count("<table") == page.count("<caption")
        assert all("scope" in attributes for attributes in Tags(page).named("th"))
        levels = [int(level) for level in re.findall(r"<h(\d)", page)]
        assert levels[0] == 1 and levels.count(1) == 1


def test_a_refuted_page_leads_with_the_witness(examples):
    page = html.render(examples.refuted())
    text = text_of(page)
    witness = "M=1, N=3, program 0, lane 3: stores out[3], out has 3 elements (softmax_02.py:14)"

    assert text.index("REFUTED") < text.index(witness) < text.index("Claim under review")
    assert "NOT COUNTED : refuted by bounds, races" in text
    assert 'aria-label="out has 3 elements; accesses: A at 3"' in page
    assert re.search(r'<span class="line refuted" id="L14">', page)
    assert 'href="#L14"' in page


def test_lines_are_marked_by_the_worst_verdict_that_points_there(examples):
    page = html.render(examples.admitted())

    assert '<span class="line proved" id="L14">' in page
    assert '<span class="line proved" id="L12">' in page
    assert '<span class="line " id="L10">' in page


def test_an_unknown_line_is_marked_unknown(examples):
    page = html.render(examples.inconclusive())

    assert '<span class="line unknown" id="L13">' in page
    assert "tt.extern_elementwise is not modelled" in page


def test_gates_that_gave_no_answer_are_not_run(examples):
    text = text_of(html.render(examples.inconclusive()))

    assert "INCONCLUSIVE" in text
    assert "fuzz did not run" in text
    assert re.search(r"native a real device agrees 1 (· ){5}1 – not run", text)


def test_a_model_is_called_a_model_and_a_time_is_not(examples):
    model, times = (
        text_of(html.render(examples.admitted())),
        text_of(html.render(examples.admitted(examples.measured()))),
    )

    assert "NOT RUN : no device" in model and "Model, not a measurement" in model
    assert "3.05×" not in model
    assert "MEASURED on NVIDIA H200" in times and "3.05×" in times
    assert "Roofline" not in model
    assert "copies: 4.25 TB/s" in times and "5.73 Top/s at 1.5 operations a byte, 90 % of the limit (memory)" in times


def test_an_admitted_candidate_with_wrong_outputs_on_the_device_is_not_counted(examples):
    text = text_of(html.render(examples.admitted(Measurement.not_counted("outputs differ on the device"))))

    assert "NOT COUNTED : outputs differ on the device" in text


def test_the_words_are_careful(examples):
    for page in all_pages(examples)[:4]:
        assert not re.search(r"\b(safe|safely|verified|score)\b", text_of(page), re.I)


def test_a_flood_of_verdicts_and_source_stays_below_the_cap(examples):
    own = examples.candidate("x.py", source="\n".join(f"x{n} = {'y' * 500}" for n in range(20_000)))
    flood = tuple(
        Verdict(
            "bounds",
            Outcome.UNKNOWN,
            f"claim {n} " * 200,
            "scope " * 900,
            "why " * 900,
            place=Place("x.py", n),
        )
        for n in range(1, 2000)
    )
    page = html.render(examples.record(own, flood))

    assert len(page.encode()) < html.LARGEST
    assert "more lines in the JSON" in page and "in the JSON." in page


def test_a_source_that_is_no_python_is_shown_as_it_is(examples):
    source = "def (((\r\n\tprint 'x\n'''\f\x0b'''"
    record = examples.record(examples.candidate("x.py", source=source), ())

    text = text_of(html.render(record))
    assert "def (((" in text and "⟨U+000C⟩" in text


def test_a_nan_in_the_ledger_is_shown_as_broken(examples):
    record = examples.admitted()
    broken = tuple(
        evolve(own, ledger=tuple(evolve(entry, ratio=float("nan")) for entry in own.ledger)) for own in record.verdicts
    )
    page = html.render(evolve(record, verdicts=broken))

    assert '<tr class="short"><th scope="row"><a href="#v10">numerics</a>' in page


def test_the_ledger_shows_the_kernels_own_bound_or_what_has_none(examples):
    record = examples.admitted()
    entries = [evolve(entry, own=1.25e-4) for own in record.verdicts for entry in own.ledger]
    entries[0] = evolve(entries[0], own=None, lacks="math.erf at k.py:7 has no error bound")
    numerics = next(own for own in record.verdicts if own.ledger)
    told = tuple(evolve(own, ledger=tuple(entries)) if own is numerics else own for own in record.verdicts)
    text = text_of(html.render(evolve(record, verdicts=told)))

    assert text.count("0.000125") == len(entries) - 1
    assert text.count("no own bound: math.erf at k.py:7 has no error bound") == 1


def test_cost_without_a_solver_names_no_steps(examples):
    verdict = Verdict("policy", Outcome.PROVED, "c", "s", cost=Cost(0.5))
    text = text_of(html.render(examples.record(examples.candidate("x.py"), (verdict,))))

    assert "0.50 s" in text and "solver steps" not in text


def test_the_first_refutation_of_a_gate_is_open_and_the_others_fold(examples):
    record = examples.refuted()
    again = [evolve(own, claim="another claim") for own in record.verdicts if own.gate == "bounds"]
    page = html.render(evolve(record, verdicts=(*record.verdicts, *again)))

    assert page.count('<article id="v') - page.count('class="finding unknown"') == 2
    assert page.count('<details id="v') == 1


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_colour_has_enough_contrast(theme):
    """WCAG 2 level AA for text: at least 4.5 to 1 on the page, on panels, and on the outcome's own tint."""
    style = (Path(html.__file__).parent / "style.css").read_text()
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", style.split(":root {")[1 + theme].split("}")[0]))
    tones = ["proved", "held", "unknown", "refuted", "crashed", "silent"]
    pairs = [(ink, paper) for ink in ("ink", "soft", "link", *tones) for paper in ("paper", "panel")]
    pairs += [(tone, f"{tone}-tint") for tone in tones]
    pairs += [(ink, f"{tone}-tint") for ink in ("ink", "soft", "link") for tone in ("unknown", "refuted", "crashed")]

    poor = {}
    for ink, paper in pairs:
        light, dark = sorted((_luminance(colours[ink]), _luminance(colours[paper])), reverse=True)
        if (ratio := (light + 0.05) / (dark + 0.05)) < 4.5:
            poor[ink, paper] = round(ratio, 2)
    assert poor == {}


def test_the_source_shows_each_claim_of_a_line_and_kernels_that_nothing_starts(examples):
    record = examples.refuted()
    dead = "\n\n@triton.jit\ndef spare(x_ptr):\n    tl.store(x_ptr, 0)\n"
    own = examples.candidate(record.candidate.path, source=record.candidate.source + dead)
    page = html.render(examples.record(own, record.verdicts))
    last = len(own.source.splitlines())

    assert f'<span class="line not-reached" id="L{last}">' in page
    assert '<span class="line " id="L11">' in page, "a line of the kernel that is started"
    line = '<details class="at" open><summary><span class="line refuted" id="L14">'
    (shown,) = re.findall(f"{line}.*?</details>", page, re.S)
    gates = re.findall(r"> [✓◐?✗] (\w+), (\w+)</a>|>[✓◐?✗] (\w+), (\w+)</a>", shown)
    words = [word for each in gates for word in each if word in ("refuted", "unknown", "proved")]
    assert words == sorted(words, key=["refuted", "unknown", "proved"].index) and "refuted" in words


def test_what_changed_since_an_accepted_record_is_on_the_page(examples):
    old, new = examples.admitted(), examples.refuted()

    assert "No earlier record was given" in html.render(new)
    text = text_of(html.render(new, since=old))
    assert "worse : the verdict: admitted -&gt; refuted" in text and "bounds: proved -&gt; refuted" in text


def test_a_proof_about_nothing_is_called_vacuous(examples):
    record = examples.admitted()
    first, *rest = record.verdicts

    def told(reached):
        whole = evolve(record, verdicts=(evolve(first, reached=reached), *rest))
        return text_of(html.render(whole)), markdown.render(whole)

    page, short = told(False)
    assert (
        "1 proof is vacuous" in page and f"vacuous: {first.gate}, {first.claim}." in page and "never: no size" in page
    )
    assert "(1 vacuous)" in page and "(1 vacuous)" in short and "1 proof is vacuous" in short
    page, short = told(True)
    assert "for 1 proof: each is." in page and "vacuous" not in page + short
    assert "was not asked" in told(None)[0]


def test_a_proof_shows_what_its_line_says(examples):
    record = examples.admitted()
    first, *rest = record.verdicts
    number = next(at for at, line in enumerate(record.candidate.source.splitlines(), 1) if "tl.store" in line)
    placed = evolve(first, place=Place(record.candidate.path, number))
    page = text_of(html.render(evolve(record, verdicts=(placed, *rest))))
    assert f"where line {number} tl.store(" in page


def test_a_proof_says_what_it_rests_on_and_what_z3_was_asked(examples):
    record = examples.admitted()
    page, short = html.render(record), markdown.render(record)
    told = "rests on mask cols &lt; n_cols (softmax.py:14); M &lt;= N (spec); the ranges of M, N"
    assert told in text_of(page) and "<code>cols &lt; n_cols</code>" in page
    assert "z3, 2 questions, SHA-256 c0ffeec0ffeec0ff" in text_of(page)
    assert "M &lt;= N\\` (spec); the ranges of M, N | 2 questions, `c0ffeec0ffeec0ff`" in short

    bare = evolve(record, verdicts=tuple(evolve(verdict, trail=None) for verdict in record.verdicts))
    assert "rests on" not in text_of(html.render(bare)) and "rest on |" not in markdown.render(bare)
