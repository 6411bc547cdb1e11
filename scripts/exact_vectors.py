# SPDX-License-Identifier: Apache-2.0
"""Writes the exact format's golden vectors: `PYTHONPATH=tests python scripts/exact_vectors.py`.

They come from the reference, which shares no code with contracts or client: small
models of every kind, what they say of a few rows, what commits to them, and the calls
that prove it, byte for byte, with what the chain must make of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from contracts.encoding import encode
from verified import reference as ref
from verified.court import CHAIN_ID, selector
from verified.scenes import KEY, NONCE, REQUESTER, Scene, word

TARGET = Path(__file__).parents[1] / "tests/vectors/exact.json"
MARKET = "0x" + "cc" * 20
ROWS = 5
LIED = 1
"""The row for which something else is listed than the model gives."""

CLASSES = ref.Terms(kind=0, columns=5, width=8, outputs=3, bits=2, rows=ROWS)
NUMBERS = replace(CLASSES, kind=2, outputs=1, bits=16, cap=9, step=100)
Leaves = list[ref.Leaf]


def hexed(words: Sequence[int]) -> str:
    """Words, joined."""
    return ref.joined(words).hex()


# --- models ---


def lanes(chance: Random, width: int) -> ref.Leaf:
    """A leaf of lanes, the low ones of which carry when two are added."""
    values = [chance.getrandbits(width - 1 + at % 2) for at in range(224 // width)]
    return ref.Leaf(ref.pack(values, width)[0] >> 32)


def value(chance: Random) -> ref.Leaf:
    """A leaf of one signed value, with bits above it that nobody reads."""
    return ref.Leaf(chance.getrandbits(192) << 64 | chance.randint(-999, 999) % 2**64)


def tree(chance: Random, terms: ref.Terms, leaves: Leaves) -> ref.Node:
    """A tree of any shape; one of its columns may be none."""
    if len(leaves) == 1:
        return leaves[0]
    at = chance.randrange(1, len(leaves))
    sides = tree(chance, terms, leaves[:at]), tree(chance, terms, leaves[at:])
    threshold = chance.randrange(1 << terms.width)
    return ref.Inner(chance.randrange(terms.columns + 1), threshold, *sides)


@dataclass(frozen=True)
class Ensemble:
    """What an ensemble is made of."""

    form: int
    trees: int
    rounds: int = 0
    leaves: int = 4
    depth: int = 3
    part: int = 1

    def model(self, chance: Random, terms: ref.Terms) -> ref.Model:
        """A model of such trees."""
        width = {0: 16, 1: 32}.get(self.form)
        units = tuple(
            tree(
                chance,
                terms,
                [
                    value(chance) if width is None else lanes(chance, width)
                    for _ in range(chance.randint(1, self.leaves))
                ],
            )
            for _ in range(self.trees)
        )
        header = ref.Header(
            kind=ref.ENSEMBLE,
            form=self.form,
            columns=terms.columns,
            outputs=terms.outputs,
            units=self.trees,
            rounds=self.rounds,
            depth=self.depth,
            part=self.part,
            width=terms.width,
        )
        base = ref.pack_base([chance.randint(-50, 50) for _ in range(terms.outputs)])
        return ref.Model(header, base, units)


@dataclass(frozen=True)
class Dense:
    """What a linear model or a network is made of: the neurons of each layer."""

    layers: tuple[int, ...]

    def model(self, chance: Random, terms: ref.Terms) -> ref.Model:
        """A model of such layers."""
        base, units, inputs = [], [], terms.columns
        for neurons in self.layers:
            base.append(ref.Layer(neurons, chance.randint(1, 999), 16).word)
            for _ in range(neurons):
                weights = [
                    chance.getrandbits(256) for _ in range(ref.weight_words(inputs))
                ]
                bias = chance.getrandbits(224) << 32 | chance.randint(-999, 999) % 2**32
                units.append(ref.Neuron(bias, tuple(weights)))
            inputs = neurons
        count = len(units)
        header = ref.Header(
            kind=ref.DENSE,
            form=0,
            columns=terms.columns,
            outputs=terms.outputs,
            units=count,
            rounds=0,
            depth=0,
            part=ref.levels(count),
            width=8,
        )
        return ref.Model(header, tuple(base), tuple(units))


CASES: dict[str, tuple[ref.Terms, Ensemble | Dense]] = {
    "a forest, lanes of 16": (CLASSES, Ensemble(form=0, trees=5)),
    "a forest, lanes of 32, codes of 16": (
        replace(CLASSES, width=16, columns=20),
        Ensemble(form=1, trees=3, part=2),
    ),
    "boosting": (CLASSES, Ensemble(form=2, trees=6, rounds=2, part=0)),
    "boosting of two classes": (
        replace(CLASSES, outputs=2, bits=1),
        Ensemble(form=2, trees=3, rounds=3),
    ),
    "trees deeper than their header says": (
        CLASSES,
        Ensemble(form=0, trees=4, leaves=9, depth=1),
    ),
    "one tree": (CLASSES, Ensemble(form=1, trees=1, leaves=9, depth=8, part=0)),
    "a number, by boosting": (NUMBERS, Ensemble(form=2, trees=4, rounds=4)),
    "a linear model": (replace(CLASSES, columns=33), Dense((3,))),
    "a network": (replace(CLASSES, columns=40, bits=8), Dense((35, 4, 3))),
    "a number, by a network": (replace(NUMBERS, kind=3), Dense((6, 1))),
    "weighted classes": (
        replace(CLASSES, kind=1, bits=4, cap=7, weights=(7, 0, 2)),
        Ensemble(form=0, trees=2),
    ),
}


# --- contests ---


def contest(chance: Random, terms: ref.Terms, model: ref.Model) -> Scene:
    """A contest in which all but one row are listed as the model gives them."""
    top = (1 << terms.bits) - 1
    codes = [
        [chance.randrange(1 << terms.width) for _ in range(terms.columns)]
        for _ in range(terms.rows)
    ]
    listed = [ref.prediction(model, one, terms.bits) for one in codes]
    most = terms.outputs if terms.is_of_classes else top + 1
    listed[LIED] = (listed[LIED] + 1) % most
    truth = [chance.choice((one, chance.randint(0, top))) for one in listed]
    return Scene(
        terms,
        model,
        [ref.pack(one, terms.width) for one in codes],
        ref.pack_groups(truth, terms.bits),
        ref.pack_groups(listed, terms.bits),
    )


Call = dict[str, Any]


def call(name: str, arguments: Sequence[Any], says: str = "") -> Call:
    """A call of referee or clerk, and why it is refused; empty if it is not."""
    data = selector(name) + encode(*arguments)
    return {"name": name, "data": data.hex(), "says": says}


def calls(scene: Scene) -> Iterator[Call]:
    """Challenges of an honest row and of the lie, of a group, and all answers."""
    terms, model = scene.terms, scene.model
    for row in (0, LIED):
        right, listed = (
            ref.prediction(model, scene.codes(row), terms.bits),
            scene.listed(row),
        )
        better = 0
        if terms.is_of_classes:
            better = right if row == LIED else (listed + 1) % terms.outputs
        words, siblings = scene.opened(row, better)
        arguments = scene.rerun(MARKET, row, better, words, siblings)
        says = "" if row == LIED else "NothingWrong"
        yield call(scene.rerun_call, arguments, says)
    yield call("recount", scene.recount(MARKET, 0), "NothingWrong")
    lie = replace(scene, points=(scene.true_points(0) + 1,))
    yield call("recount", lie.recount(MARKET, 0))
    for part in range(ref.parts(model.header)):
        yield call(*scene.answer(MARKET, part))
    name, arguments = scene.answer(MARKET, 0)
    arguments[4] = [*arguments[4][:-1], arguments[4][-1] ^ 1]
    yield call(name, arguments, "WrongModel")
    yield call("answer_listing", scene.answer_listing(MARKET, 0))


def rerun(scene: Scene) -> dict[str, Any]:
    """What opens the outputs that decide of the lie."""
    terms, model = scene.terms, scene.model
    right = ref.prediction(model, scene.codes(LIED), terms.bits)
    better = right if terms.is_of_classes else 0
    words, siblings = scene.opened(LIED, better)
    return {
        "row": LIED,
        "outputs": ref.compared(terms, scene.listed(LIED), better),
        "words": hexed(words),
        "proof": hexed(siblings),
    }


def case(chance: Random, name: str) -> dict[str, Any]:
    """All that is to be known of one model and its contest."""
    terms, made_of = CASES[name]
    model = made_of.model(chance, terms)
    scene = contest(chance, terms, model)
    each = [scene.codes(row) for row in range(terms.rows)]
    (root, score) = scene.sums[-1][0]
    return {
        "name": name,
        "terms": asdict(terms),
        "file": hexed(ref.model_words(model)),
        "base_hash": hexed([ref.keccak(*model.base)]),
        "units_root": hexed([model.units_root]),
        "root": hexed([model.root]),
        "rows": each,
        "outputs": [ref.all_outputs(model, codes) for codes in each],
        "predictions": [ref.prediction(model, codes, terms.bits) for codes in each],
        "parts": [
            {
                "words": hexed(ref.part_words(model, part)),
                "proof": hexed(ref.part_proof(model, part)),
            }
            for part in range(ref.parts(model.header))
        ],
        "rerun": rerun(scene),
        "hidden_rows": [hexed(one) for one in scene.hidden_rows],
        "rows_root": hexed([ref.root(scene.row_leaves, ref.data_node)]),
        "targets": ref.unpack_groups(scene.targets, terms.bits, terms.rows),
        "hidden_targets": [hexed(one) for one in scene.hidden_targets],
        "targets_root": hexed([ref.root(scene.target_leaves, ref.data_node)]),
        "listed": ref.unpack_groups(scene.listing, terms.bits, terms.rows),
        "listing_root": hexed([root]),
        "score": score,
        "calls": list(calls(scene)),
    }


def document() -> dict[str, Any]:
    """The vectors; the same every time."""
    chance = Random(20_261_127)  # noqa: S311  # the same every time
    parties = int(MARKET, 16), int(REQUESTER, 16)
    return {
        "chain_id": CHAIN_ID,
        "market": MARKET,
        "requester": REQUESTER,
        "key": word(KEY).hex(),
        "nonce": word(NONCE).hex(),
        "key_hash": hexed([ref.key_hash(CHAIN_ID, *parties, NONCE, KEY)]),
        "cases": [case(chance, name) for name in CASES],
    }


def main() -> None:
    """Writes the file."""
    TARGET.write_text(json.dumps(document(), indent=1) + "\n")
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
