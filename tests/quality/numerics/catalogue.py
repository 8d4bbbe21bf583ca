"""The operators of the study, by name."""

from typing import Final

from tests.quality.numerics.attention import ATTENTION
from tests.quality.numerics.operator import Operator
from tests.quality.numerics.products import CUMSUM, MATMUL
from tests.quality.numerics.rows import CROSS_ENTROPY, LAYER_NORM, RMS_NORM, SOFTMAX

OPERATORS: Final[dict[str, Operator]] = {
    each.spec.name: each for each in (MATMUL, SOFTMAX, RMS_NORM, LAYER_NORM, ATTENTION, CROSS_ENTROPY, CUMSUM)
}
