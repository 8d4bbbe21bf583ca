"""Which specimens are also recorded proposals, and their stored form. Run it to write `synth/proposals` anew.

A specimen ends in a comment that gives its answer away; a proposal is the specimen without that comment.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import specs
from synth.exchange import BY_HAND, Exchange, Expectation, from_source, save

HERE: Final = Path(__file__).resolve().parent
STORE: Final = HERE.parent.parent / "synth" / "proposals"
ANSWER: Final = "\n# Known answer: "

# spec -> (specimen, what the author says of it), in the order in which they are replayed
PROPOSALS: Final = {
    "softmax": (
        (
            "refuted/bounds__softmax_store_without_mask",
            "Three passes over each row in blocks of 1024 columns.",
        ),
        ("refuted/numerics__softmax_without_max", "Skipping the maximum saves one pass over the row."),
        (
            "refuted/overflow__softmax_row_offset_int32",
            "Three masked passes; plain 32-bit offsets keep it light.",
        ),
        ("refuted/undefined__softmax_max_without_other", "Three masked passes over each row."),
        ("admitted/softmax__looped", "An online maximum and sum need two passes only, for any row length."),
        ("refuted/algorithm__softmax_assumes_contiguous", "Rows are contiguous, so strides can go."),
        (
            "refuted/races__softmax_split_sum",
            "Four programs share a row, which helps when there are few rows.",
        ),
        (
            "refuted/numerics__softmax_sum_in_input_dtype",
            "Partial sums stay in the input's dtype to save registers.",
        ),
        (
            "refuted/coverage__softmax_grid_capped",
            "One program a row, with a grid that fills the device eight times.",
        ),
        (
            "refuted/policy__softmax_by_torch",
            "A compact version that leaves the arithmetic to a tuned routine.",
        ),
        ("admitted/softmax__one_block", "One block a row while it fits, a loop beyond that."),
        (
            "admitted/softmax__wide_blocks",
            "One block a row up to 16384 columns; beyond that the second reading leaves the cache to others.",
        ),
    ),
    "rms_norm": (
        ("refuted/algorithm__rms_norm_mean_over_block", "Two masked passes over each row."),
        (
            "refuted/algorithm__rms_norm_weight_stride",
            "Two passes over each row; the weight is read along with it.",
        ),
        ("refuted/coverage__rms_norm_last_rows", "Four rows a program, so that weights are read less often."),
        ("admitted/rms_norm__looped", "Two masked passes over each row with 64-bit offsets."),
        (
            "refuted/numerics__rms_norm_squares_in_input_dtype",
            "Squares stay in the input's dtype: half the registers.",
        ),
        ("refuted/overflow__rms_norm_row_offset_int32", "Two masked passes over each row."),
        ("refuted/algorithm__rms_norm_eps_outside_root", "Two passes; eps guards the division."),
        ("admitted/rms_norm__one_block", "One block a row while it fits, a loop beyond that."),
    ),
    "matmul": (
        (
            "refuted/bounds__matmul_depth_tail",
            "Grouped tiles; masks along K would cost time in the inner loop.",
        ),
        (
            "refuted/algorithm__matmul_depth_dropped",
            "A two-dimensional grid with a plain loop over whole steps of K.",
        ),
        ("refuted/numerics__matmul_silent_tf32", "Grouped tiles with tensor cores for every dtype."),
        ("admitted/matmul__grid2d", "A two-dimensional grid, every load and store masked."),
        ("refuted/coverage__matmul_swizzle", "Grouped tiles with a short form of the tile order."),
        ("refuted/overflow__matmul_offsets_int32", "A two-dimensional grid with 32-bit offsets."),
        ("refuted/races__matmul_split_depth", "K is split in four for more parallelism on small outputs."),
        (
            "admitted/matmul__grouped",
            "Grouped tiles, walking pointers, 64-bit steps, large tiles for 16-bit dtypes.",
        ),
        ("admitted/matmul__persistent", "One program a multiprocessor takes grouped tiles in turns, through descriptors."),
    ),
    "embedding": (
        ("refuted/overflow__embedding_offset_int32", "One program copies 1024 columns of a row."),
        (
            "refuted/coverage__embedding_whole_blocks",
            "Model widths are multiples of 128, so nothing needs a mask.",
        ),
        ("admitted/embedding__rows", "One program copies 1024 columns of a row; 64-bit offsets throughout."),
        ("refuted/bounds__embedding_last_rows", "Eight rows a program, masked at the edges of the table."),
        ("refuted/algorithm__embedding_index_stride", "The indices are a plain list, so only the table has strides."),
        ("admitted/embedding__tiles", "Eight rows a program keep the machine busy when rows are short."),
    ),
    "cross_entropy": (
        (
            "refuted/bounds__cross_entropy_ignored_target",
            "Two passes; ignored rows are computed like others and set to zero at the end.",
        ),
        (
            "refuted/algorithm__cross_entropy_without_rescale",
            "One pass: maximum and sum are carried along the classes.",
        ),
        (
            "refuted/numerics__cross_entropy_in_input_dtype",
            "Distances to the maximum are small, so they stay in the logits' dtype.",
        ),
        ("admitted/cross_entropy__online", "One pass with an online sum for each lane; ignored rows are skipped."),
        (
            "admitted/cross_entropy__tiles",
            "A running maximum for every eight classes saves exponentials; short rows share a program.",
        ),
    ),
    "dropout": (
        ("refuted/algorithm__dropout_position_by_stride", "Numbers by the place in memory save an index."),
        ("refuted/overflow__dropout_offsets_int32", "One program drops a block of columns of a row."),
        ("refuted/numerics__dropout_factor_in_input_dtype", "The factor has the input's dtype: no conversions."),
        ("refuted/coverage__dropout_whole_blocks", "As many whole blocks as fit, at least one."),
        ("admitted/dropout__blocks", "One program drops a block of columns of a row, numbered row by row."),
    ),
    "layer_norm": (
        ("refuted/algorithm__layer_norm_masked_lanes", "Mean, variance and result in three passes, for any row."),
        ("refuted/numerics__layer_norm_one_pass", "Both moments in one pass over the row."),
        (
            "refuted/bounds__layer_norm_weight_without_mask",
            "Three passes; only what belongs to a row is masked.",
        ),
        ("admitted/layer_norm__one_block", "One block a row while it fits, three passes beyond that."),
        (
            "admitted/layer_norm__late_weights",
            "One block a row while it fits; weight and bias are read after the sums, so more programs fit.",
        ),
    ),
    "swiglu": (
        ("refuted/numerics__swiglu_rounds_between", "The product runs in the input's dtype, as in eager code."),
        ("refuted/overflow__swiglu_flat", "All elements as one line: no rows, no strides, large blocks."),
        ("refuted/coverage__swiglu_tail", "A grid of rows and blocks of columns."),
        ("admitted/swiglu__blocks", "A grid of rows and blocks of columns, any strides, float32 inside."),
        ("admitted/swiglu__along_rows", "Neighbouring programs take neighbouring blocks of a row."),
    ),
    "transpose": (
        ("refuted/bounds__transpose_mask_not_transposed", "Square tiles, read along rows and written along rows."),
        ("refuted/overflow__transpose_offsets_int32", "Square tiles; reads with 64-bit offsets."),
        ("refuted/coverage__transpose_diagonal", "Tiles along diagonals spread the writes over memory channels."),
        ("admitted/transpose__tiled", "Square tiles, read along rows and written along rows."),
        ("admitted/transpose__large_tiles", "Square tiles of 128, so that both sides move longer stretches."),
    ),
    "row_sum": (
        ("refuted/numerics__row_sum_in_input_dtype", "Lanes add up in the input's dtype; the rest is float32."),
        ("refuted/laws__row_sum_atomic", "Several programs share a row and add to its total atomically."),
        ("refuted/undefined__row_sum_without_other", "One program a row, lane by lane."),
        ("admitted/row_sum__rows_or_loop", "Many short rows in a program, long rows lane by lane."),
        ("admitted/row_sum__tiles", "Short rows share a program; a long row is read by a thousand threads in tiles."),
    ),
    "cumsum": (
        ("refuted/races__cumsum_chained", "One pass: each block goes on from the total of the one before."),
        ("refuted/algorithm__cumsum_carry", "One program a row, block after block."),
        ("refuted/numerics__cumsum_carry_in_input_dtype", "The carry has the dtype of the result."),
        ("admitted/cumsum__blocks", "Many short rows in a program, long rows block after block."),
    ),
    "rope": (
        ("refuted/bounds__rope_usual_heads", "Half a head is a block, so lanes need no mask."),
        ("refuted/numerics__rope_in_input_dtype", "Nothing is summed up here: the input's dtype is enough."),
        ("refuted/coverage__rope_last_positions", "Eight positions a program, one when decoding."),
        ("admitted/rope__tiled", "Both halves of some positions of a head, any strides."),
        ("admitted/rope__heads", "Of a long sequence a program turns several heads, and reads the angles once."),
    ),
    "attention": (
        ("refuted/bounds__attention_key_tail", "One pass over blocks of keys; scores past the end are masked."),
        ("refuted/algorithm__attention_scale_of_64", "One pass over blocks of keys in powers of two."),
        ("refuted/numerics__attention_silent_tf32", "One pass over blocks of keys on tensor cores for every dtype."),
        ("admitted/attention__forward", "One pass over blocks of keys with a running maximum; 64-bit offsets."),
        (
            "admitted/attention__two_tiles",
            "Two tiles of queries a program, so that one is multiplied while the other's weights are computed.",
        ),
        (
            "unknown/policy__attention_gluon",
            "In Gluon, with a warp that fetches tiles and two warpgroups that compute.",
        ),
    ),
    "attention_backward": (
        (
            "refuted/bounds__attention_backward_key_tail",
            "One kernel over the queries for each block of keys, one the other way round: no atomics.",
        ),
        (
            "refuted/numerics__attention_backward_delta_in_input_dtype",
            "Two kernels without atomics; row sums of grad_out times out are stored in the inputs' dtype.",
        ),
        (
            "refuted/overflow__attention_backward_offset_int32",
            "Two kernels without atomics, and as few 64-bit offsets as they need.",
        ),
        (
            "admitted/attention_backward__descriptors",
            "Two kernels without atomics whose tiles come and go through tensor descriptors.",
        ),
    ),
    "argmax": (
        ("refuted/algorithm__argmax_later_ties", "Each lane keeps its best element, whatever is not worse."),
        ("refuted/undefined__argmax_without_other", "Each lane keeps its best element and column."),
        ("refuted/overflow__argmax_row_offset_int32", "Each lane keeps its best element, with 32-bit offsets."),
        ("admitted/argmax__lanes", "Each lane keeps its best element and column; NaN beats every number."),
    ),
    "histogram": (
        ("refuted/races__histogram_load_and_store", "Each program counts 64 elements, one after the other."),
        ("refuted/bounds__histogram_masked_lanes", "Atomic counts; lanes past the end have no bin."),
        ("refuted/undefined__histogram_not_zeroed", "A kernel of its own zeroes the counts, then atomics add."),
        ("admitted/histogram__atomics", "Atomic counts in zeroed memory, relaxed order."),
    ),
}  # fmt: skip


def source_of(specimen: str) -> str:
    """The text of a specimen without its answer."""
    text = (HERE / f"{specimen}.py").read_text(encoding="utf-8")
    return text.split(ANSWER)[0]


def expectation_of(specimen: str) -> Expectation:
    """What the name of a specimen says: `refuted/bounds__...` is refuted by bounds."""
    verdict, _, slug = specimen.partition("/")
    return Expectation(verdict, slug.partition("__")[0] if verdict != "admitted" else None)


def exchanges() -> Iterator[tuple[Path, Exchange]]:
    """Every recorded proposal with the file it is stored in, relative to `STORE`."""
    for spec, entries in PROPOSALS.items():
        for number, (specimen, prose) in enumerate(entries, 1):
            slug = specimen.partition("__")[2].removeprefix(f"{spec}_")
            exchange = from_source(
                specs.find(spec), source_of(specimen), BY_HAND, prose=prose, expect=expectation_of(specimen)
            )
            yield Path(spec) / f"{number:02d}_{slug}.json", exchange


if __name__ == "__main__":
    wanted = {STORE / path: exchange for path, exchange in exchanges()}
    for stale in set(STORE.glob("*/*.json")) - set(wanted):
        stale.unlink()
    for path, exchange in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        save(exchange, path)
        print(f"{path.relative_to(STORE)}: {exchange.digest[:12]}, expected {exchange.expect}")
