"""Vectors derived from blobs: for ever the same, since what was stored with them is searched with them."""

import hashlib
import math
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.vectors.port import DERIVED_DIMENSION, derive_vector
from tests.support.server import PROJECT_DIR

SCRIPT = "from storage.vectors.port import derive_vector; print(*map(float.hex, derive_vector(b'sealed')))"


def dot(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_it_is_the_documented_formula(blob: bytes) -> None:
    centred = [byte - 127.5 for byte in hashlib.sha256(blob).digest()]
    vector = derive_vector(blob)
    assert len(vector) == DERIVED_DIMENSION == 32
    assert math.hypot(*vector) == pytest.approx(1)
    assert all(vector)
    ratios = [value / centre for value, centre in zip(vector, centred, strict=True)]
    assert ratios == pytest.approx([1 / math.hypot(*centred)] * 32)


def test_it_is_what_it_was_when_clients_first_stored_with_it() -> None:
    vector = derive_vector(b"")
    # SHA-256 of nothing begins with e3 b0 c4 42.
    assert vector[:4] == pytest.approx([0.2536450, 0.1236360, 0.1746199, -0.1567756], abs=1e-7)


def test_every_process_derives_the_same_floats() -> None:
    printed = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=PROJECT_DIR,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    here = " ".join(map(float.hex, derive_vector(b"sealed"))) + "\n"
    assert printed == [here, here]


@settings(deadline=None)
@given(st.binary(max_size=50), st.binary(max_size=50))
def test_other_blobs_are_not_near(one: bytes, other: bytes) -> None:
    nearness = dot(derive_vector(one), derive_vector(other))
    assert nearness == pytest.approx(1) if one == other else nearness < 0.95
