# SPDX-License-Identifier: Apache-2.0
"""A manifest that a stranger wrote is read, or refused in words."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.published import SAMPLE, TEST, TRAIN, Manifest
from modelmarket.errors import DataError, ModelMarketError
from modelmarket.protocol.bins import Bins
from modelmarket.protocol.classes import Classes

GOOD = Manifest(
    name="n",
    context="c",
    licence="MIT",
    model_licence="",
    classes=Classes(("a", "b")),
    train_rows=8,
    test_rows=2,
    train_counts=(4, 4),
    choice=Choice(Fraction(1, 5)),
    features=("x",),
    predicts="kind",
    sha256=dict.fromkeys((TRAIN, TEST, SAMPLE), "00"),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**300, 10**310)
    | st.floats()
    | st.text()
    | st.sampled_from(["1e999999999", "1/0", "\ud800", "9" * 5_000, "-1", "nan", "½"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
OF_NUMBERS = replace(GOOD, classes=Bins(("1", "2.5"), (2.0,)))
KEYS = [*json.loads(GOOD.to_json())["modelmarket"]]


@pytest.mark.parametrize("good", [GOOD, OF_NUMBERS], ids=["classes", "bins"])
def test_a_manifest_reads_back_as_it_was_written(good: Manifest) -> None:
    read = Manifest.from_json(good.to_json())
    assert read == good
    assert read.bins == (None if good is GOOD else good.classes)


@pytest.mark.parametrize(
    "edges",
    [[], [2.0, 3.0], [3.0], [0.5], ["2.0"], [True], [None], {"2": 0}, 2, [10**400]],
)
def test_edges_that_part_no_bins_are_refused(edges: Any) -> None:
    document = json.loads(OF_NUMBERS.to_json())
    document["modelmarket"]["edges"] = edges
    with pytest.raises(DataError):
        Manifest.from_json(json.dumps(document).encode())


@pytest.mark.parametrize("good", [GOOD, OF_NUMBERS], ids=["classes", "bins"])
@given(st.data())
def test_any_value_in_any_place_is_read_or_refused(
    good: Manifest, data: st.DataObject
) -> None:
    document = json.loads(good.to_json())
    own: dict[str, Any] = document["modelmarket"]
    for key in data.draw(st.sets(st.sampled_from(KEYS), min_size=1, max_size=3)):
        if data.draw(st.booleans()):
            own[key] = data.draw(VALUES)
        else:
            del own[key]
    if data.draw(st.booleans()):
        document["distribution"] = data.draw(VALUES)
    try:
        manifest = Manifest.from_json(json.dumps(document).encode())
    except ModelMarketError as error:
        assert len(str(error)) < 1_000
    else:
        # What was read can be shown and written.
        assert f"{manifest.train_rows:,} {manifest.test_rows:,}".isascii()
        manifest.name.encode()


@given(st.binary(max_size=200))
def test_bytes_that_are_no_json_are_refused(data: bytes) -> None:
    with pytest.raises(DataError):
        Manifest.from_json(data)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"modelmarket":' * 50_000,
        b'{"modelmarket": 1' + b"0" * 5_000 + b"}",
        GOOD.to_json().replace(b'"1/5"', b'"1e999999999"'),
        GOOD.to_json().replace(b'"train_rows": 8', b'"train_rows": 1e400'),
        GOOD.to_json().replace(b'"train_rows": 8', b'"train_rows": NaN'),
        GOOD.to_json().replace(b'"bits": 1,', b""),
        GOOD.to_json().replace(b'"a",', b'"\\ud800",'),
        b"\xff\xfe",
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_would_exhaust_a_reader_is_refused(data: bytes) -> None:
    with pytest.raises(DataError):
        Manifest.from_json(data)
