# SPDX-License-Identifier: Apache-2.0
"""Ensembles beside a recursive one: outputs, hashes, words and ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from eth_hash.auto import keccak
from hypothesis import assume, given
from hypothesis import strategies as st

from modelmarket.errors import InputError
from modelmarket.models import ExactModel, proofs
from modelmarket.models.ensembles import Trees
from modelmarket.models.header import ExactHeader, Form, Kind
from modelmarket.protocol.merkle import levels, root_of, root_of_several, unit_node
from models import small


def rows_for(model: small.Small, seed: int, count: int = 5) -> Any:
    rng = np.random.default_rng(seed)
    shape = (count, model.header.columns)
    # Small codes, which random thresholds tell apart, and large ones.
    return rng.choice([0, 1, 2, 100, 254, 255], shape).astype(np.uint8)


@given(small.ensembles(), st.integers(0, 2**32), st.sampled_from([8, 16, 32]))
def test_outputs_and_predictions_are_the_recursive_ones(
    model: small.Small, seed: int, bits: int
) -> None:
    exact = ExactModel.from_bytes(model.file)
    rows = rows_for(model, seed)
    expected = [
        small.outputs_of(model.header, model.base, model.trees, row)
        for row in rows.tolist()
    ]
    assert exact.outputs(rows).tolist() == expected
    predicted = exact.predict(rows, bits=bits)
    assert predicted.dtype == np.uint32
    assert predicted.tolist() == [small.prediction_of(row, bits) for row in expected]


@given(small.ensembles())
def test_roots_are_the_recursive_ones(model: small.Small) -> None:
    exact = ExactModel.from_bytes(model.file)
    assert exact.units.unit_hashes() == model.leaves
    assert exact.units_root == small.units_root(model.leaves)
    assert exact.base_hash == keccak(model.base)
    assert exact.root == small.model_root(model.header, model.base, model.leaves)


@given(small.ensembles())
def test_a_file_is_read_and_written_byte_for_byte(model: small.Small) -> None:
    exact = ExactModel.from_bytes(model.file)
    # Only the high bits of a cut's words have no meaning, and they are kept.
    assert exact.to_bytes() == model.file


def follow(words: list[bytes], descriptor: int, row: list[int]) -> tuple[int, Any]:
    """Runs a path as the chain does: the root's hash, and the leaf or None.

    Raises:
        AssertionError: The row does not go that way.
    """
    inner, is_cut = descriptor & 0x7F, descriptor >> 7
    numbers = [int.from_bytes(one) for one in words]
    if is_cut:
        node = int.from_bytes(keccak(b"".join(words[:2]))) >> 32
        assert numbers[1] >> 224 == 0
        leaf, rest = None, numbers[2:]
    else:
        node = int.from_bytes(keccak(words[0])) >> 32
        leaf, rest = numbers[0], numbers[1:]
    assert len(rest) == inner
    for number in rest:
        feature, threshold = number >> 240, number >> 224 & 0xFFFF
        other = number & small.LOW
        code = row[feature] if feature < len(row) else 0
        left, right = (node, other) if code <= threshold else (other, node)
        head = number >> 224 << 224
        joined = small.word(head | left) + small.word(right)
        node = int.from_bytes(keccak(joined)) >> 32
    return node, leaf


def take_paths(words: list[bytes], count: int) -> tuple[list[Any], list[bytes]]:
    """Splits the words of a rerun into paths with descriptors, and the proof."""
    described = -(-count // 32)
    descriptors = b"".join(words[:described])
    assert not any(descriptors[count:])
    paths, at = [], described
    for descriptor in descriptors[:count]:
        size = (descriptor & 0x7F) + (2 if descriptor >> 7 else 1)
        paths.append((words[at : at + size], descriptor))
        at += size
    return paths, words[at:]


@given(small.ensembles(), st.integers(0, 2**32), st.data())
def test_a_rerun_proves_the_outputs_that_it_is_asked_for(
    model: small.Small, seed: int, data: st.DataObject
) -> None:
    exact, header = ExactModel.from_bytes(model.file), model.header
    rows = rows_for(model, seed, 1)
    row = rows[0].tolist()
    outputs = data.draw(st.sets(st.integers(0, header.outputs - 1), min_size=1))
    units = exact.units_needed(sorted(outputs))
    if not units:
        with pytest.raises(InputError, match="needs entries"):
            proofs.rerun(exact, rows, sorted(outputs))
        return
    rerun = proofs.rerun(exact, rows, sorted(outputs))
    assert list(rerun.units) == units
    joined = rerun.joined
    words = [joined[at : at + 32] for at in range(0, len(joined), 32)]
    paths, proof = take_paths(words, len(units))
    known = {}
    for unit, (some, descriptor) in zip(units, paths, strict=True):
        root, leaf = follow(some, descriptor, row)
        assert leaf == small.reached(model.trees[unit], row)
        known[unit] = keccak(small.tag("tree") + small.word(root))
    assert root_of_several(known, header.units, proof, unit_node) == exact.units_root
    # What the limits promise: no rerun is longer than the header says.
    assert len(paths) <= len(units) <= header.units
    assert all(len(some) <= header.depth + 2 for some, _ in paths)


@given(small.ensembles(), st.integers(0, 2**32))
def test_a_rerun_alone_says_what_the_model_says_of_its_row(
    model: small.Small, seed: int
) -> None:
    exact, header = ExactModel.from_bytes(model.file), model.header
    rows = rows_for(model, seed, 1)
    outputs = list(range(header.outputs))
    assume(exact.units_needed(outputs) == list(range(header.units)))
    words = proofs.rerun(exact, rows, outputs).words
    shown = proofs.rerun_model(header.word, exact.base, words)
    assert shown.outputs(rows).tolist() == exact.outputs(rows).tolist()


def test_scalar_ensembles_need_the_trees_of_the_outputs_asked_for() -> None:
    header = ExactHeader(
        Kind.ENSEMBLE, Form.SCALAR, 1, 3, units=6, rounds=2, depth=0, part=0, width=8
    )
    tree: small.Node = small.Leaf(5)
    model = ExactModel.from_bytes(small.Small(header, bytes(32), [tree] * 6).file)
    assert model.units_needed([2, 0]) == [0, 1, 4, 5]
    # All but the first output have trees.
    header = ExactHeader(
        Kind.ENSEMBLE, Form.SCALAR, 1, 3, units=4, rounds=2, depth=0, part=0, width=8
    )
    model = ExactModel.from_bytes(small.Small(header, bytes(32), [tree] * 4).file)
    assert model.units_needed([2, 0]) == [2, 3]
    assert model.units_needed([1, 7]) == [0, 1]
    assert model.outputs(np.zeros((1, 1), np.uint8)).tolist() == [[0, 10, 10]]


@given(small.ensembles())
def test_parts_prove_their_units_and_make_the_model_again(model: small.Small) -> None:
    exact, header = ExactModel.from_bytes(model.file), model.header
    posted = [proofs.part(exact, index) for index in range(header.parts)]
    for part in posted:
        first = part.index << header.part
        leaves = model.leaves[first : first + 2**header.part]
        leaves += [bytes(32)] * (2**header.part - len(leaves))
        assert len(part.proof) == levels(header.units) - header.part
        inside = small.units_root(leaves)
        found = root_of(inside, part.index, header.parts, part.proof, unit_node)
        assert found == exact.units_root
    again = proofs.assembled(header.word, model.base, [part.words for part in posted])
    assert again.root == exact.root
    with pytest.raises(InputError, match="has no part"):
        proofs.part(exact, header.parts)


def test_carries_go_from_lane_to_lane_and_out_of_the_word() -> None:
    header = ExactHeader(
        Kind.ENSEMBLE, Form.LANES_16, 1, 14, units=2, rounds=0, depth=0, part=0, width=8
    )
    full: list[small.Node] = [small.Leaf(2**256 - 1), small.Leaf(1)]
    model = ExactModel.from_bytes(small.Small(header, bytes(128), full).file)
    assert model.outputs(np.zeros((1, 1), np.uint8)).tolist() == [[0] * 14]


def test_sums_beyond_64_bits_are_exact() -> None:
    header = ExactHeader(
        Kind.ENSEMBLE, Form.SCALAR, 1, 2, units=4, rounds=2, depth=0, part=0, width=8
    )
    most, least = small.Leaf(2**63 - 1), small.Leaf(2**63)
    base = (2**63 - 1).to_bytes(8) + (2**63).to_bytes(8) + bytes(16)
    trees: list[small.Node] = [most, most, least, least]
    model = ExactModel.from_bytes(small.Small(header, base, trees).file)
    row = np.zeros((1, 1), np.uint8)
    assert model.outputs(row).tolist() == [[3 * (2**63 - 1), -3 * 2**63]]
    assert model.predict(row).tolist() == [0]


def test_a_feature_beyond_the_columns_reads_nothing() -> None:
    tree: small.Node = small.Inner(1, 0, small.Leaf(1), small.Leaf(2))
    header = ExactHeader(
        Kind.ENSEMBLE, Form.SCALAR, 1, 1, units=1, rounds=1, depth=1, part=0, width=16
    )
    model = ExactModel.from_bytes(small.Small(header, bytes(32), [tree]).file)
    rows = np.array([[0], [65_535]], dtype=np.uint16)
    assert model.predict(rows).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (np.zeros((1, 2), np.uint8), "rows of 1 codes"),
        (np.zeros(1, np.uint8), "rows of 1 codes"),
        (np.zeros((1, 1)), "whole numbers"),
        (np.array([[256]]), "has 8 bits"),
        (np.array([[-1]]), "has 8 bits"),
    ],
)
def test_what_are_no_codes_is_refused(codes: Any, said: str) -> None:
    header = ExactHeader(
        Kind.ENSEMBLE, Form.SCALAR, 1, 1, units=1, rounds=1, depth=0, part=0, width=8
    )
    leaf: small.Node = small.Leaf(7)
    model = ExactModel.from_bytes(small.Small(header, bytes(32), [leaf]).file)
    with pytest.raises(InputError, match=said):
        model.predict(codes)
    assert model.predict(np.array([[255]])).tolist() == [7]
    assert model.predict(np.zeros((0, 1), np.uint8)).shape == (0,)
    assert model.outputs(np.zeros((0, 1), np.uint8)).shape == (0, 1)
    with pytest.raises(InputError, match="of one row"):
        proofs.rerun(model, np.zeros((2, 1), np.uint8), [0])


def test_rows_are_run_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelmarket.models import exact

    tree: small.Node = small.Inner(0, 9, small.Leaf(1), small.Leaf(2))
    header = ExactHeader(
        Kind.ENSEMBLE, Form.SCALAR, 1, 1, units=1, rounds=1, depth=1, part=0, width=8
    )
    model = ExactModel.from_bytes(small.Small(header, bytes(32), [tree]).file)
    rows = np.arange(20, dtype=np.uint8)[:, None]
    whole = model.predict(rows)
    monkeypatch.setattr(exact, "_ROWS_AT_ONCE", 3)
    assert (model.predict(rows) == whole).all()
    assert whole.tolist() == [1] * 10 + [2] * 10


def test_arrays_of_trees_are_never_written_to() -> None:
    starts = np.array([0, 1])
    zero = np.zeros(1, np.uint16)
    leaf = np.zeros((1, 32), np.uint8)
    trees = Trees(
        starts, zero.astype(np.uint8), zero, zero, np.zeros(1, np.int32), leaf
    )
    with pytest.raises(ValueError, match="read-only"):
        trees.words[0, 0] = 1
