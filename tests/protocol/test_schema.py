# SPDX-License-Identifier: Apache-2.0
"""A schema gives the same table the same codes, and strangers' schemas are read or
refused in words.
"""

from __future__ import annotations

import bisect
import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.errors import DataError
from modelmarket.protocol.classes import Classes
from modelmarket.protocol.schema import (
    Affine,
    ClassTarget,
    Cuts,
    NumberTarget,
    Schema,
    Texts,
    decimal,
    shown,
)

TARGET = ClassTarget(Classes(("no", "yes")))
doubles = st.floats(allow_nan=False, allow_infinity=False)


def schema(**changes: Any) -> Schema:
    said: dict[str, Any] = {
        "width": 8,
        "columns": (
            Cuts("age", (0.1, 0.5, 7.0), has_missing=True),
            Affine("height", -1.5, 2.25),
            Texts("colour", ("blue", "grün", 'a,"b"')),
        ),
        "target": TARGET,
    }
    return Schema(**(said | changes))


@given(
    cuts=st.lists(doubles, max_size=20, unique=True), value=doubles, lost=st.booleans()
)
def test_a_code_is_the_number_of_cuts_below_the_value(
    cuts: list[float], value: float, lost: bool
) -> None:
    ordered = sorted(cuts)
    column = Cuts("x", tuple(ordered), has_missing=lost)
    found = column.codes(np.array([value, math.nan]), 8)
    assert found.tolist() == [bisect.bisect_left(ordered, value) + lost, 0]
    assert found.dtype == np.uint8


@given(
    value=st.floats(-1e6, 1e6),
    offset=st.floats(-1e3, 1e3),
    scale=st.floats(1e-3, 1e3),
    lost=st.booleans(),
)
def test_an_affine_code_is_the_nearest_that_there_is(
    value: float, offset: float, scale: float, lost: bool
) -> None:
    column = Affine("x", offset, scale, has_missing=lost)
    top = 255 - lost
    expected = min(max(math.floor((value - offset) * scale + 0.5), 0), top) + lost
    found = column.codes(np.array([value, math.nan, math.inf, -math.inf]), 8)
    assert found.tolist() == [expected, 0, 255, int(lost)]


@given(
    cuts=st.lists(doubles, min_size=1, max_size=30, unique=True),
    names=st.lists(st.text(), max_size=5, unique=True),
    width=st.sampled_from((8, 16)),
)
def test_a_schema_is_read_back_with_the_very_same_doubles(
    cuts: list[float], names: list[str], width: int
) -> None:
    names = [one.encode(errors="ignore").decode() for one in names]
    made = schema(
        width=width,
        columns=(
            Cuts("a", tuple(sorted(cuts))),
            Texts("b", tuple(dict.fromkeys(names))),
            Affine("c", cuts[0], abs(cuts[0]) or 1.0),
        ),
    )
    again = Schema.from_json(made.to_json())
    assert again == made
    assert again.hash == keccak(made.to_json())


def test_a_number_target_counts_steps_from_an_offset() -> None:
    target = NumberTarget(Fraction(-1), Fraction(1, 4), 8)
    labels = ["-1", "-0.9", "-0.875", "0", "62.75", "1e3", " -2 "]
    assert target.encode(labels).tolist() == [0, 0, 1, 4, 255, 255, 0]
    assert target.decode(np.array([0, 1, 4], dtype=np.uint32)) == ["-1", "-0.75", "0"]
    with pytest.raises(DataError, match="Row 2: 'x' is no number"):
        target.encode(["1", "x"])
    made = schema(target=target)
    assert Schema.from_json(made.to_json()) == made
    assert (target.outputs, TARGET.outputs, TARGET.bits) == (1, 2, 1)


@given(
    st.decimals(
        allow_nan=False,
        allow_infinity=False,
        places=6,
        min_value=-(10**9),
        max_value=10**9,
    )
)
def test_decimals_are_exact_both_ways(value: Any) -> None:
    assert shown(decimal(str(value))) == shown(Fraction(value))
    assert decimal(shown(Fraction(value))) == Fraction(value)


@pytest.mark.parametrize(
    "text", ["", "1_000", "nan", "inf", "0x10", "1e99", "١", "9" * 50]
)
def test_what_is_no_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no decimal|could not convert"):
        decimal(text)


def test_a_number_without_an_end_cannot_be_shown() -> None:
    with pytest.raises(ValueError, match="more than 40 decimals"):
        shown(Fraction(1, 3))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": 12}, "8 or 16 bits"),
        ({"columns": ()}, "1 to 1,024 columns"),
        ({"columns": tuple(Texts(str(n), ()) for n in range(1_025))}, "1,024 columns"),
        ({"columns": (Texts("a", ()), Texts("a", ()))}, "the same name"),
        ({"columns": (Cuts("a", (1.0, 1.0)),)}, "do not increase"),
        ({"columns": (Cuts("a", (math.inf,)),)}, "no number"),
        ({"columns": (Cuts("a", tuple(map(float, range(256)))),)}, "256 cuts; 255"),
        (
            {"columns": (Cuts("a", tuple(map(float, range(255))), has_missing=True),)},
            "255 cuts; 254",
        ),
        ({"columns": (Affine("a", 0.0, 0.0),)}, "not above 0"),
        ({"columns": (Affine("a", math.nan, 1.0),)}, "no number"),
        ({"columns": (Texts("a", ("x", "x")),)}, "a text twice"),
        ({"columns": (Texts("a", tuple(map(str, range(256)))),)}, "256 texts; 255"),
        ({"target": ClassTarget(Classes(("one",)))}, "2 to 256"),
        ({"target": ClassTarget(Classes(tuple(map(str, range(257)))))}, "2 to 256"),
        ({"target": NumberTarget(Fraction(0), Fraction(0), 8)}, "not above 0"),
        ({"target": NumberTarget(Fraction(0), Fraction(1), 4)}, "cannot take 4 bits"),
    ],
)
def test_a_schema_that_cannot_be_says_why(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        schema(**changes)


def test_the_most_that_there_may_be_is_allowed() -> None:
    columns = tuple(Texts(str(n), ()) for n in range(1_024))
    assert schema(columns=columns, width=16).row_words == 64
    cuts = Cuts("a", tuple(map(float, range(255))))
    assert schema(columns=(cuts,)).columns == (cuts,)


DOCUMENT: dict[str, Any] = json.loads(schema().to_json())


LONG = "1.2345678901234567890e-29"
CHANGES: list[dict[str, Any]] = [
    {"schema_version": 2},
    {"width": True},
    {"width": "8"},
    {"columns": {}},
    {"columns": [{"name": 1, "kind": "texts", "values": []}]},
    {"columns": [{"name": "a", "kind": "other"}]},
    {"columns": [{"name": "a", "kind": "cuts", "missing": 1, "cuts": []}]},
    {"columns": [{"name": "a", "kind": "cuts", "missing": False, "cuts": ["1"]}]},
    {"columns": [{"name": "a", "kind": "texts", "values": [1]}]},
    {"target": {"kind": "classes", "classes": ["a", "a"]}},
    {"target": {"kind": "number", "offset": "1e99", "step": "1", "bits": 8}},
    {"target": {"kind": "number", "offset": "0", "step": "1", "bits": True}},
    # Nothing could show the numbers that it stands for.
    {"target": {"kind": "number", "offset": LONG, "step": "1", "bits": 8}},
    {"target": {"kind": "number", "offset": "0", "step": LONG, "bits": 8}},
    {"target": {"kind": "what"}},
    {"target": None},
]
DAMAGES = [
    b'{"columns": [' + b"[]," * 20_000 + b"0]}",
    *(b"", b"[]", b"{}", b"\xff", b'{"schema_version": 1e999}'),
    *(json.dumps(DOCUMENT | change).encode() for change in CHANGES),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_strangers_schema_is_refused_in_words(damage: bytes) -> None:
    with pytest.raises(DataError, match=r"no schema|reads schemas|cannot be|same name"):
        Schema.from_json(damage)
