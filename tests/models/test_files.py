# SPDX-License-Identifier: Apache-2.0
"""Files of strangers: what is no model is refused in words, within bounds."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.errors import InputError, NotFoundError
from modelmarket.models import ExactModel, Limits, files
from modelmarket.models.header import ExactHeader, Form, Kind
from modelmarket.models.words import largest_part, part_sizes, read_trees
from models import small
from models.test_dense import networks


def header(**changes: Any) -> ExactHeader:
    fields = {"columns": 1, "outputs": 1, "units": 1, "rounds": 1, "depth": 2}
    return ExactHeader(
        Kind.ENSEMBLE, Form.SCALAR, **{**fields, "part": 0, "width": 8, **changes}
    )


LEAF = small.Leaf(7)
TREE = small.Inner(0, 5, LEAF, small.Leaf(8))
FILE = small.Small(header(), bytes(32), [TREE]).file
CUT = small.Inner(0, 1, LEAF, small.Inner(0, 1, small.Cut(0, 3, 1, 2), LEAF))


def test_a_model_is_saved_and_loaded(tmp_path: Path) -> None:
    model = ExactModel.from_bytes(FILE)
    path = tmp_path / "model.mmx"
    model.save(path)
    assert path.read_bytes() == FILE
    assert ExactModel.load(path).root == model.root
    assert ExactModel.load(path, Limits(1, 1, 8)).root == model.root
    with pytest.raises(InputError, match="the contest's 2"):
        ExactModel.load(path, Limits(2, 1, 8))
    with pytest.raises(InputError, match="the contest's 16"):
        model.check(Limits(1, 1, 16))


def test_what_is_no_file_of_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no file"):
        ExactModel.load(tmp_path / "nothing.mmx")
    with pytest.raises(InputError, match="is a folder"):
        ExactModel.load(tmp_path)
    path = tmp_path / "model.mmx"
    with path.open("wb") as file:
        file.truncate(files.MOST_BYTES + 1)
    with pytest.raises(InputError, match="has 27,265,057 bytes; an exact model has at"):
        ExactModel.load(path)
    with pytest.raises(InputError, match="at most 27,265,056"):
        ExactModel.from_bytes(bytes(files.MOST_BYTES + 1))


@pytest.mark.parametrize("data", [FILE[:-1], FILE + b"\x00", FILE[:33]])
def test_what_is_no_whole_number_of_words_is_no_model(data: bytes) -> None:
    with pytest.raises(InputError, match="no whole number of words"):
        ExactModel.from_bytes(data)


@pytest.mark.parametrize(
    "data", [b"", b"MMX1", FILE[1:], b"\x80\x04\x95", b"a,b\n1,2\n"]
)
def test_a_file_of_another_kind_is_told_how_a_models_is_made(data: bytes) -> None:
    """A pickle, say, or a table: neither is read."""
    with pytest.raises(InputError, match="does not begin with MMX1") as told:
        ExactModel.from_bytes(data)
    assert "request.convert(estimator).save(path)" in told.value.hint


def test_a_file_that_is_none_or_for_another_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "w.zip"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError) as told:
        ExactModel.load(path)
    assert told.value.message == (
        "w.zip: This is no exact model: it does not begin with MMX1."
    )
    path.write_bytes(FILE)
    with pytest.raises(InputError, match="^w.zip: The model's columns are 1") as told:
        ExactModel.load(path, Limits(99, 1, 8))
    assert told.value.hint.startswith("It was made for another table.")


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_raise_nothing_but_errors_in_words(
    data: bytes, aligned: bool
) -> None:
    data = (FILE[:32] + data[: len(data) // 32 * 32]) if aligned else data
    try:
        model = ExactModel.from_bytes(data)
    except InputError:
        return
    assert len(model.root) == 32


MODELS = st.one_of(small.ensembles(), networks())


@given(MODELS, st.data())
def test_damaged_models_raise_nothing_but_errors_in_words(
    model: Any, data: st.DataObject
) -> None:
    file = bytearray(model.file)
    for _ in range(data.draw(st.integers(1, 3))):
        file[data.draw(st.integers(0, len(file) - 1))] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.sampled_from([0, 0, 32, 64, 5]))
    damaged = bytes(file[: len(file) - cut]) + bytes(
        data.draw(st.sampled_from([0, 32]))
    )
    try:
        read = ExactModel.from_bytes(damaged)
    except InputError as error:
        assert str(error)
        return
    # What is read has one meaning, all of it within the model.
    again = ExactModel.from_bytes(read.to_bytes())
    assert again.root == read.root
    rows = np.full((2, read.header.columns), 3, np.uint8)
    assert (again.predict(rows) == read.predict(rows)).all()


@given(MODELS, st.data())
def test_models_that_end_early_are_refused(model: Any, data: st.DataObject) -> None:
    words = len(model.file) // 32
    end = data.draw(st.integers(1, words - 1))
    with pytest.raises(InputError):
        ExactModel.from_bytes(model.file[: 32 * end])
    with pytest.raises(InputError):
        ExactModel.from_bytes(model.file + bytes(32))


def altered(tree: small.Node, at: int, value: int) -> bytes:
    words = bytearray(small.Small(header(), bytes(32), [tree]).file)
    words[64 + 32 * at : 96 + 32 * at] = small.word(value)
    return bytes(words)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (altered(TREE, 0, 4 << 16 | 1), "ends before its last symbol"),
        (altered(TREE, 0, 2 << 16 | 1), "too few symbols"),
        (altered(TREE, 0, 0), "too few symbols"),
        (altered(TREE, 0, 3 << 16 | 2), "says it has 2 inner"),
        (altered(TREE, 0, 3 << 16), "says it has 0 inner"),
        (altered(TREE, 0, 65_535 << 16 | 65_535), "in the middle of a tree"),
        (altered(TREE, 1, 0), "ends before its last symbol"),
        (altered(TREE, 1, 0b111 << 253), "too few symbols"),
        (FILE + small.tree_in_words(LEAF), "3 words stand behind the last tree"),
        (FILE[:-32], "in the middle of a tree"),
        (FILE[:64], "0 words cannot be 1 tree"),
        (FILE[:32], "ends before its base values"),
        (
            header(units=1_024, rounds=1_024, depth=0, part=2).word + FILE[32:],
            "be 1,024 trees",
        ),
    ],
)
def test_trees_that_are_none_are_refused(file: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ExactModel.from_bytes(file)


def test_what_has_no_meaning_changes_nothing_but_the_file() -> None:
    # Fields are masked and padding is ignored: the units are the same.
    filled = bytearray(FILE)
    filled[64:70] = b"\xff" * 6
    filled[96 + 1 : 128] = b"\xff" * 31
    filled[128 + 4 : 160] = b"\xff" * 28
    model = ExactModel.from_bytes(bytes(filled))
    assert model.root == ExactModel.from_bytes(FILE).root
    assert model.to_bytes() == FILE


def test_a_cut_stands_with_two_words_among_the_leaves() -> None:
    file = small.Small(header(), bytes(32), [CUT]).file
    model = ExactModel.from_bytes(file)
    assert model.to_bytes() == file
    assert model.predict(np.array([[1], [2], [3]], np.uint8)).tolist() == [7, 7, 7]
    # One level deeper the same symbols would be another tree, and are none.
    deeper = small.Small(header(depth=3), bytes(32), [CUT]).file
    with pytest.raises(InputError, match="too few symbols"):
        ExactModel.from_bytes(deeper)


def test_claims_of_a_header_allocate_nothing() -> None:
    claims = [
        header(units=131_072, outputs=256, rounds=512, depth=0, part=10).word,
        header(outputs=256, units=255, columns=1_024).word,
        ExactHeader(Kind.DENSE, Form.LANES_16, 1_024, 256, 1_024, 0, 0, 10, 8).word,
    ]
    for claim in claims:
        tracemalloc.start()
        with pytest.raises(InputError):
            ExactModel.from_bytes(claim + bytes(32 * 100))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 2**20


def chain(leaves: int) -> small.Node:
    """A tree with so many leaves, not deep."""
    if leaves == 1:
        return small.Leaf(leaves)
    return small.Inner(0, leaves & 255, chain(leaves // 2), chain(leaves - leaves // 2))


def test_a_part_that_cannot_be_posted_is_refused() -> None:
    # 2,930 leaves take 1 + 23 + 367 + 2,930 = 3,321 words; a few more are too many.
    for leaves, fits in ((2_930, True), (2_940, False)):
        one = small.Small(header(depth=12), bytes(32), [chain(leaves)])
        if fits:
            assert len(ExactModel.from_bytes(one.file).unit_words(0)) == 32 * 3_321
        else:
            with pytest.raises(InputError, match="3,332 words; at most 3,328"):
                ExactModel.from_bytes(one.file)


def test_two_trees_of_a_part_count_together() -> None:
    trees = [chain(1_480), chain(1_480)]
    fields: dict[str, Any] = {"units": 2, "rounds": 2, "depth": 11}
    apart = small.Small(header(**fields), bytes(32), trees).file
    assert ExactModel.from_bytes(apart).header.parts == 2
    together = small.Small(header(**fields, part=1), bytes(32), trees).file
    with pytest.raises(InputError, match="A part of the model has 3,356 words"):
        ExactModel.from_bytes(together)


def test_the_largest_part_is_chosen() -> None:
    sizes = np.array([1_000, 1_000, 1_300, 2_000, 28])
    assert part_sizes(sizes, 1).tolist() == [2_000, 3_300, 28]
    assert largest_part(sizes) == 1
    assert largest_part(np.array([832, 832, 832, 832, 3_328])) == 2
    assert largest_part(np.array([832, 832, 832, 833])) == 1
    assert largest_part(np.full(2_000, 3)) == 10
    assert largest_part(np.array([3_328])) == 0
    with pytest.raises(InputError, match="3,329 words; at most 3,328"):
        largest_part(np.array([3_329, 1]))


def test_no_trees_are_no_trees() -> None:
    with pytest.raises(InputError, match="cannot be 0 trees"):
        read_trees(np.zeros((3, 32), np.uint8), 0, 1)


def test_layers_that_have_too_few_neurons_are_refused() -> None:
    word = ExactHeader(Kind.DENSE, Form.LANES_16, 1, 1, 9, 0, 0, 4, 8).word
    layer = small.word(1 << 24 | 1 << 8 | 1)
    with pytest.raises(InputError, match="The layers have 8 neurons, the header 9"):
        ExactModel.from_bytes(word + layer * 12)
    with pytest.raises(InputError, match="0 layers; 1 to 8"):
        ExactModel.from_bytes(word)
