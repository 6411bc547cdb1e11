# SPDX-License-Identifier: Apache-2.0
"""Dense models beside one in Python's integers: outputs, hashes, words and reruns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.errors import InputError
from modelmarket.models import ExactModel, proofs
from modelmarket.models.dense import Layer, Network, activations, pack_neurons
from modelmarket.models.header import ExactHeader, Form, Kind
from modelmarket.protocol.merkle import levels, root_of_several, unit_node
from models import small


@dataclass(frozen=True)
class Dense:
    header: ExactHeader
    layers: list[tuple[int, int, int]]
    neurons: list[list[bytes]]

    @property
    def base(self) -> bytes:
        words = [n << 24 | mul << 8 | shift for n, mul, shift in self.layers]
        return b"".join(map(small.word, words))

    @property
    def file(self) -> bytes:
        units = b"".join(b"".join(words) for words in self.neurons)
        return self.header.word + self.base + units

    @property
    def leaves(self) -> list[bytes]:
        leaves = []
        for bias, *weights in self.neurons:
            found = keccak(small.tag("neuron") + bias + small.word(len(weights)))
            for word in weights:
                found = keccak(found + word)
            leaves.append(found)
        return leaves

    def run(self, row: list[int]) -> list[int]:
        inputs, unit = row, 0
        for place, (count, mul, shift) in enumerate(self.layers):
            values = []
            for words in self.neurons[unit : unit + count]:
                value = small.signed(int.from_bytes(words[0]), 32)
                for i, one in enumerate(inputs):
                    group = 7 - i % 32 // 4
                    value += (words[1 + i // 32][4 * group + i % 4] - 128) * one
                values.append(value)
            unit += count
            if place == len(self.layers) - 1:
                return values
            inputs = [
                min(255, (max(v, 0) * mul + (1 << (shift - 1))) >> shift)
                for v in values
            ]
        raise AssertionError


@st.composite
def networks(draw: Any) -> Dense:
    columns = draw(st.sampled_from([1, 3, 32, 33, 70]))
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    layers, neurons, inputs = [], [], columns
    extreme = draw(st.booleans())
    for size in sizes:
        mul = draw(st.one_of(st.just(65_535), st.integers(1, 65_535)))
        layers.append((size, mul, draw(st.integers(1, 31))))
        for _ in range(size):
            words = [rng.bytes(32) for _ in range(1 - (-inputs // 32))]
            if extreme:
                words[1:] = [bytes([draw(st.sampled_from([0, 255]))]) * 32] * len(
                    words[1:]
                )
            neurons.append(words)
        inputs = size
    units = sum(sizes)
    header = ExactHeader(
        Kind.DENSE, Form.LANES_16, columns, sizes[-1], units, 0, 0, levels(units), 8
    )
    return Dense(header, layers, neurons)


@given(networks(), st.integers(0, 2**32))
def test_outputs_and_predictions_are_those_of_whole_numbers(
    model: Dense, seed: int
) -> None:
    exact = ExactModel.from_bytes(model.file)
    shape = (4, model.header.columns)
    rows = np.random.default_rng(seed).choice([0, 1, 128, 255], shape).astype(np.uint8)
    expected = [model.run(row) for row in rows.tolist()]
    assert exact.outputs(rows).tolist() == expected
    predicted = [small.prediction_of(outputs, 16) for outputs in expected]
    assert exact.predict(rows, bits=16).tolist() == predicted


def test_the_largest_sums_there_can_be_are_exact() -> None:
    columns = 1_024
    words = [(0x7FFFFFFF).to_bytes(32), *[b"\xff" * 32] * 32]
    least = [(0x80000000).to_bytes(32), *[bytes(32)] * 32]
    header = ExactHeader(Kind.DENSE, Form.LANES_16, columns, 2, 2, 0, 0, 1, 8)
    model = Dense(header, [(2, 0, 0)], [words, least])
    rows = np.full((1, columns), 255, dtype=np.uint8)
    expected = [2**31 - 1 + columns * 127 * 255, -(2**31) - columns * 128 * 255]
    assert ExactModel.from_bytes(model.file).outputs(rows).tolist() == [expected]


@given(networks())
def test_roots_and_files_are_those_of_the_text(model: Dense) -> None:
    exact = ExactModel.from_bytes(model.file)
    assert exact.units.unit_hashes() == model.leaves
    assert exact.root == small.model_root(model.header, model.base, model.leaves)
    assert exact.to_bytes() == model.file


@given(networks(), st.data())
def test_a_rerun_shows_hidden_neurons_and_the_outputs_asked_for(
    model: Dense, data: st.DataObject
) -> None:
    exact, header = ExactModel.from_bytes(model.file), model.header
    outputs = data.draw(st.sets(st.integers(0, header.outputs - 1), min_size=1))
    hidden = header.units - header.outputs
    units = [*range(hidden), *(hidden + output for output in sorted(outputs))]
    assert exact.units_needed(list(outputs)) == units
    row = np.zeros((1, header.columns), np.uint8)
    words = proofs.rerun(exact, row, list(outputs)).joined
    shown = b"".join(b"".join(model.neurons[unit]) for unit in units)
    assert words.startswith(shown)
    rest = words[len(shown) :]
    proof = [rest[at : at + 32] for at in range(0, len(rest), 32)]
    known = {unit: model.leaves[unit] for unit in units}
    assert root_of_several(known, header.units, proof, unit_node) == exact.units_root


@given(networks())
def test_a_rerun_of_all_outputs_is_all_of_the_model(model: Dense) -> None:
    exact, header = ExactModel.from_bytes(model.file), model.header
    row = np.zeros((1, header.columns), np.uint8)
    words = proofs.rerun(exact, row, range(header.outputs)).words
    shown = proofs.rerun_model(header.word, exact.base, words)
    assert shown.root == exact.root


@given(networks())
def test_a_dense_model_is_one_part(model: Dense) -> None:
    exact = ExactModel.from_bytes(model.file)
    part = proofs.part(exact, 0)
    assert part.proof == ()
    assert (
        proofs.assembled(model.header.word, model.base, [part.words]).root == exact.root
    )
    with pytest.raises(InputError, match="has no part 1"):
        proofs.part(exact, 1)


def test_weights_stand_in_groups_of_four_in_reverse_order() -> None:
    weights = np.arange(40)[None, :] - 20
    words = pack_neurons(weights, np.array([-2]))
    assert words.shape == (3, 32)
    assert words[0].tobytes() == bytes(28) + (2**32 - 2).to_bytes(4)
    flat = (weights[0] + 128).tolist()
    assert words[1].tolist() == [
        one for at in range(28, -1, -4) for one in flat[at : at + 4]
    ]
    assert words[2].tolist() == [128] * 24 + flat[36:40] + flat[32:36]


def test_activations_are_rounded_and_cut_off() -> None:
    layer = Layer(1, 1, mul=3, shift=2)
    values = np.array([[-5, 0, 1, 2, 338, 339, 340, 10**9]])
    assert activations(values, layer).tolist() == [[0, 0, 1, 2, 254, 254, 255, 255]]


def test_neurons_must_have_the_words_of_their_layers() -> None:
    with pytest.raises(InputError, match="1 words, not 4"):
        Network((Layer(1, 2),), np.zeros((1, 32), np.uint8))
