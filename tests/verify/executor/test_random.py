"""Random numbers against Philox 4x32-10 written down once more in numpy (Salmon et al., SC 2011)."""

from __future__ import annotations

import numpy as np
import observed
from agreement import executed


def philox(seed: int, counters: np.ndarray, rounds: int) -> list[np.ndarray]:
    """The four words of each counter, uint64 below 2**32."""
    low = np.uint64(0xFFFFFFFF)
    word = [counters.astype(np.uint64), *(np.zeros(len(counters), np.uint64) for _ in range(3))]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(rounds):
        a, b = word[0] * np.uint64(0xD2511F53), word[2] * np.uint64(0xCD9E8D57)
        word = [(b >> np.uint64(32)) ^ word[1] ^ np.uint64(key[0]), b & low,
                (a >> np.uint64(32)) ^ word[3] ^ np.uint64(key[1]), a & low]  # fmt: skip
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return word


def uniform(word: np.ndarray) -> np.ndarray:
    number = word.astype(np.uint32).view(np.int32).astype(np.int64)
    return np.where(number < 0, -number - 1, number).astype(np.float32) * np.float32(4.6566127342e-10)


def row(name: str) -> np.ndarray:
    bits: np.ndarray = observed.read(executed("chance")[name]).numpy()
    return bits


def test_integers() -> None:
    lanes = np.arange(64)
    assert (row("p0").view(np.uint32) == philox(3, lanes, 10)[0]).all()
    for name, word in zip(("p1", "p2", "p3", "p4"), philox(17, lanes, 10), strict=True):
        assert (row(name).view(np.uint32) == word).all()


def test_uniform_floats() -> None:
    lanes = np.arange(64)
    assert (row("o0").view(np.float32) == uniform(philox(3, lanes, 10)[0])).all()
    assert (row("o1").view(np.float32) == uniform(philox(2**31 + 5, lanes + 2**30, 10)[0])).all()
    assert (row("o3").view(np.float32) == uniform(philox(3, lanes, 6)[0])).all()


def test_normal_floats() -> None:
    one, two = (uniform(word).astype(np.float64) for word in philox(3, np.arange(64), 10)[:2])
    expected = np.sqrt(-2 * np.log(np.maximum(one, 1e-7))) * np.cos(6.283185307179586 * two)
    assert np.abs(row("o2").view(np.float32) - expected).max() < 1e-5
