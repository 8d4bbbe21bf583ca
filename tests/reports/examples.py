"""Records made by hand, as the gates would fill them: an admitted, a refuted, an inconclusive softmax."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from reports.environment import Environment
from reports.measurement import Measurement, Model, Timed, Timing
from reports.record import Record
from specs.sizes import name, size
from specs.softmax import SPEC
from verify.case import Candidate, Case, Provenance
from verify.dossier import Dossier
from verify.plan import Buffer, Capture, IntegerArgument, Launch, Plan, PointerArgument, Variant, View
from verify.verdict import Access, Cost, LedgerEntry, Outcome, Place, Trail, Verdict, Witness

PROVED, HELD, UNKNOWN = Outcome.PROVED, Outcome.HELD, Outcome.UNKNOWN
REQUIRED = dict.fromkeys(("policy", "bounds", "races", "overflow", "coverage", "undefined"), PROVED)
REQUIRED |= dict.fromkeys(("compile", "algorithm", "numerics", "laws", "fuzz"), HELD)
SCOPE = "all M and N of the domain, float32 float16 bfloat16, cell 0 of 1"
ENVIRONMENT = Environment(
    platform="Linux 6.18.44 x86_64",
    python="CPython 3.11.7",
    cpus=2,
    packages={
        "kernelproof": "0.1.0",
        "torch": "2.13.0+cpu",
        "triton": "3.7.1",
        "z3-solver": "5.4.1.0",
        "ray": None,
    },
    revision="661da96f1718fb967167e5f7b256615cde79723c",
    dirty=False,
    time="2026-11-23T12:00:42Z",
)
SOURCE = '''\
"""Row softmax, one program a row."""

import torch
import triton
import triton.language as tl


@triton.jit
def softmax_rows(x_ptr, y_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * row_stride + cols * col_stride, mask=cols < n_cols, other=float("-inf"))
    e = tl.exp(x.to(tl.float32) - tl.max(x, axis=0))
    tl.store(y_ptr + row * n_cols + cols, e / tl.sum(e, axis=0), mask={mask})


def softmax(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    softmax_rows[(m,)](x, y, x.stride(0), x.stride(1), n, BLOCK=triton.next_power_of_2(n))
    return y
'''


def candidate(path: str, mask: str = "cols < n_cols", source: str = "") -> Candidate:
    """A candidate with provenance as a recorded proposal has it."""
    provenance = Provenance(
        "recorded",
        author="kernelproof authors",
        prompt_digest="5be0c1d29f4e7a6b",
        note="written for this project, stored as a model's answer would be",
    )
    return Candidate(source or SOURCE.replace("{mask}", mask), "softmax", path, "strict", provenance)


def case(own: Candidate) -> Case:
    """The case with a plan for each dtype, as capture would bring it back."""
    m, n = name("M"), name("N")
    x = View("x", (m, n), (name("x.stride0"), name("x.stride1")))
    y = View("out", (m, n), (n, size(1)))
    one = size(1)
    answers = []
    for dtype in SPEC.dtypes:
        variant = Variant(
            f"module // {dtype}", ("x_ptr", "y_ptr"), (m, one, one), constants={"BLOCK": "1024"}, num_warps=4
        )
        arguments = (
            PointerArgument("x_ptr", x),
            PointerArgument("y_ptr", y),
            IntegerArgument("n_cols", n, "i32"),
        )
        launch = Launch("softmax_rows", arguments, (variant,), Place(own.path, 20))
        buffers = (Buffer("x", dtype, m * n, param="x"), Buffer("out", dtype, m * n))
        answers.append(Plan(dtype, {}, n <= 1024, buffers, (launch,), (y,)))
    return Case(SPEC, own, Capture(tuple(answers), (), "landlock and seccomp, no network", ("empty", "stride")))


def record(own: Candidate, verdicts: tuple[Verdict, ...], **more: object) -> Record:
    """The record of a candidate with these verdicts."""
    examined = case(own)
    dossier = Dossier(examined.digest, "ci", 0, REQUIRED, verdicts)
    return Record.from_case(examined, dossier, ENVIRONMENT, **more)


def admitted(measurement: Measurement | None = None) -> Record:
    """Everything required is shown; no device, so only a model beside it."""
    own = candidate("softmax_01.py")
    bench = measurement or Measurement.not_run("no device", MODELS)
    return record(own, _good(own.path), measurement=bench, bundle="ab12" * 16)


def refuted() -> Record:
    """A store whose mask lets lanes of the next power of two write past the row."""
    own = candidate("softmax_02.py", mask="cols < BLOCK")
    store = Place("softmax_02.py", 14, 4)
    sentence = "M=1, N=3, program 0, lane 3: stores out[3], out has 3 elements (softmax_02.py:14)"
    outside = Witness(
        sentence,
        "executor",
        sizes=(("M", 1), ("N", 3), ("x.stride0", 3), ("x.stride1", 1)),
        accesses=(Access("store", "out", 3, 3, (0, 0, 0), (3,), store),),
        place=store,
        reproduce="kernelproof verify softmax_02.py --gates bounds",
    )
    race = Witness(
        "M=2, N=3: program 0, lane 3 and program 1, lane 0 both store out[3] (softmax_02.py:14)",
        "executor",
        sizes=(("M", 2), ("N", 3)),
        accesses=(
            Access("store", "out", 3, 6, (0, 0, 0), (3,), store),
            Access("store", "out", 3, 6, (1, 0, 0), (0,), store),
        ),
        place=store,
    )
    changed: Mapping[str, Verdict] = {
        "bounds": Verdict(
            "bounds",
            Outcome.REFUTED,
            "every active lane of the store at line 14 lies inside out",
            "float32",
            "linear query, satisfiable; the model was replayed",
            witness=outside,
            place=store,
            cost=Cost(0.31, 412_055),
        ),
        "races": Verdict(
            "races",
            Outcome.REFUTED,
            "no two programs store the same element of out",
            "float32",
            witness=race,
            place=store,
            cost=Cost(0.12, 90_112),
        ),
        "coverage": Verdict(
            "coverage",
            Outcome.UNKNOWN,
            "every element of out is written exactly once",
            "",
            "inverse tile map: no inverse, because program 0 and 1 overlap",
            place=store,
            cost=Cost(1.94, 3_000_000),
        ),
    }
    verdicts = tuple(changed.get(verdict.gate, verdict) for verdict in _good(own.path))
    once: dict[tuple[str, str], Verdict] = {(verdict.gate, verdict.claim): verdict for verdict in verdicts}
    return record(own, tuple(once.values()))


def inconclusive() -> Record:
    """Nothing refutes it, an operation is not modelled, and the laws gate fell over."""
    own = candidate("softmax_03.py")
    place = Place(own.path, 13)
    unmodelled = Verdict(
        "undefined",
        UNKNOWN,
        "no undefined lane reaches out",
        "",
        "tt.extern_elementwise is not modelled",
        place=place,
    )
    crashed = Verdict("laws", Outcome.CRASHED, "the laws gate answers", "", "Traceback ...\nMemoryError")
    device = Verdict("native", UNKNOWN, "a real device agrees", "", "not run: no device")
    kept = tuple(verdict for verdict in _good(own.path) if verdict.gate not in ("undefined", "laws", "fuzz"))
    return record(own, (*kept, unmodelled, crashed, device))


def hostile(text: str) -> Record:
    """An admitted record in which every untrusted text is `text`."""
    own = evolve(
        candidate("x.py", source=f"# {text}\n{text}\n"),
        path=f"{text}.py",
        provenance=Provenance(text, text, text, text, text),
    )
    verdict = Verdict("bounds", Outcome.REFUTED, text, text, text, (text,), Witness(text, text, reproduce=text))
    other = Verdict("races", UNKNOWN, text, text, text, (text,), place=Place(f"{text}.py", 1))
    proof = Verdict("overflow", PROVED, text, text, trail=Trail(1, text, (text, f"mask `{text}`"), (text,)))
    return evolve(record(own, (verdict, other, proof)), uncovered=(text,), sandbox=text, host_operations=(text,))


def measured() -> Measurement:
    """Times as a device run would bring them."""
    kernel = Timing.of("kernel", [70.1 + 0.03 * (step * 7 % 11) for step in range(40)])
    eager = Timing.of("eager", [213.0 + 0.2 * (step * 5 % 13) for step in range(40)])
    compiled = Timing.of("torch.compile", [159.2 + 0.4 * (step * 3 % 17) for step in range(40)])
    sizes = {"M": 16384, "N": 4096}
    timed = Timed.of(
        "rows", "bfloat16", sizes, kernel, [eager, compiled], fraction=0.9, limit="memory",
        clock=1980, memory_clock=3201, temperature=54,
    )  # fmt: skip
    return Measurement.measured("NVIDIA H200, driver 570.86", [timed], MODELS)


MODELS = (
    Model("rows", "sm_90", 268_435_456, 402_653_184, 32, 0, 1024, 62.9, "memory"),
    Model("rows", "gfx942", 268_435_456, 402_653_184, None, None, 1024, 50.6, "memory"),
)


def _good(path: str) -> tuple[Verdict, ...]:
    store, load = Place(path, 14, 4), Place(path, 12, 8)
    domain = ("M and N lie in the spec's domain",)
    apart = ("input and output storages do not overlap", *domain)

    def proved(gate: str, claim: str, detail: str, place: Place | None = None, steps: int | None = None) -> Verdict:
        assumed = apart if gate == "races" else domain
        return Verdict(gate, PROVED, claim, SCOPE, detail, assumed, None, place, Cost(0.05, steps))

    def tested(gate: str, claim: str, scope: str, detail: str) -> Verdict:
        return Verdict(gate, HELD, claim, scope, detail, cost=Cost(2.2))

    trail = Trail(2, "c0ffee" * 10, ("mask `cols < n_cols` (softmax.py:14)", "`M <= N` (spec)"), ("M", "N"))
    numerics = tested("numerics", "the error stays within its bound", "24 shapes, 3 dtypes", "worst ratio 0.61")
    return (
        proved("policy", "the host code only allocates, views and launches", "2 host operations seen"),
        tested("compile", "every variant compiles", "sm_80 sm_90 sm_100 gfx942", "3 variants, 0 spills"),
        proved("bounds", "every active lane of the load at line 12 lies inside x", "linear query", load, 20_113),
        proved(
            "bounds",
            "every active lane of the store at line 14 lies inside out",
            "linear query",
            store,
            24_790,
        ),
        evolve(
            proved("races", "no two programs store the same element of out", "split addresses", store, 210_882),
            trail=trail,
        ),
        proved("overflow", "no index computation wraps", "linear query", None, 41_000),
        proved("coverage", "every element of out is written exactly once", "inverse map checked", store, 70_120),
        proved("undefined", "no undefined lane reaches out", "every masked load has `other`", load),
        tested("algorithm", "the float64 run equals the reference", "24 shapes", "worst relative error 2.1e-15"),
        evolve(numerics, ledger=LEDGER),
        tested("laws", "shift, sum, permutation and rows hold", "24 shapes", "batch invariance bitwise"),
        tested("fuzz", "no failure among random cases", "100 cases, seed 0", "M 0..97, N 0..4099, 9 layouts"),
    )


LEDGER = tuple(
    LedgerEntry(
        dtype,
        f"M=7 N=1023 normal seed 0 {dtype}",
        ratio,
        (3, 511),
        value=9.77e-4,
        reference=9.78e-4,
        bound=bound,
        allowed=2 * bound,
        inputs=(("x[3, 511]", "0x1.8p-4"),),
    )
    for dtype, ratio, bound in (
        ("float32", 0.61, 2.4e-7),
        ("float16", 0.48, 4.9e-4),
        ("bfloat16", 0.5, 3.9e-3),
    )
)
