# SPDX-License-Identifier: Apache-2.0
"""One model and its rows before contract, reference and product, which must agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random

import numpy as np
import pytest

from modelmarket.errors import InputError
from modelmarket.models import ExactModel
from modelmarket.models.proofs import rerun as product_rerun
from verified import reference as ref
from verified import specimens
from verified.court import Court
from verified.scenes import MOST_WORDS, Scene

NEAR = 0.95
"""A case is near a limit that its model reaches for at least so much."""

TAMPERED = 8
"""Lies about each part of a model."""

FORMS = ("lanes of 16", "lanes of 32", "scalar")

POINTS = ("accuracy", "weighted accuracy", "absolute error", "squared error")


@dataclass
class Tally:
    """How many cases of which kind were tried.

    Attributes:
        cases: By kind, leaf form, width and verdict.
        near: Those within a twentieth of a limit.
    """

    cases: Counter[str] = field(default_factory=Counter)
    near: int = 0

    def note(self, what: str, verdict: str, *, near: bool = False) -> None:
        """Counts a case."""
        self.cases[f"{what}: {verdict or 'convicted'}"] += 1
        self.near += near


def shape_of(model: ref.Model) -> str:
    """What a model is counted as."""
    header = model.header
    if header.kind == ref.DENSE:
        return f"dense, {header.width} bits"
    return f"trees, {FORMS[header.form]}, {header.width} bits"


def is_near_a_limit(model: ref.Model) -> bool:
    """Whether a model is within a twentieth of what is allowed."""
    header = model.header
    if header.kind == ref.DENSE:
        layers = [ref.read_layer(one) for one in model.base]
        reached = (
            ref.words_of_neurons(header, layers) / MOST_WORDS,
            len(layers) / ref.MOST_LAYERS,
            header.units / ref.MOST_NEURONS,
        )
    else:
        executed = ref.most_executed(header)
        reached = (
            executed * (header.depth + 2) / MOST_WORDS,
            executed / ref.MOST_TREES,
            header.depth / ref.MOST_DEPTH,
        )
    return max(*reached, header.columns / 1_024, header.outputs / 256) >= NEAR


def product_of(model: ref.Model) -> ExactModel | None:
    """The same model as a client reads it from its file; None if that cannot be.

    A side of which only the hash is known cannot be posted, nor can a part of too many
    words; the client refuses it.
    """
    try:
        words = ref.model_words(model)
    except ref.ConcealedError:
        return None
    data = ref.joined(words)
    parts = range(ref.parts(model.header))
    if any(len(ref.part_words(model, part)) > MOST_WORDS for part in parts):
        with pytest.raises(InputError, match="can be posted at once"):
            ExactModel.from_bytes(data)
        return None
    return ExactModel.from_bytes(data)


def judge_rows(court: Court, rng: Random, scene: Scene, tally: Tally) -> None:
    """Rows put to the referee with what is right, and with what is not."""
    terms, model = scene.terms, scene.model
    product = product_of(model)
    near, what = is_near_a_limit(model), shape_of(model)
    # Only the way of the first row is always known.
    for row in {0, 0 if product is None else rng.randrange(terms.rows)}:
        codes = scene.codes(row)
        right = ref.prediction(model, codes, terms.bits)
        if product is not None:
            compare_outputs(product, model, codes, terms.bits)
        top = (1 << terms.bits) - 1
        for listed in {right, rng.randint(0, top), rng.randrange(terms.outputs)}:
            told = replace(scene, listing=scene.listing_of(row, listed))
            better = rng.choice((right, right, rng.randrange(terms.outputs)))
            if not terms.is_of_classes:
                better = 0
            said = judge_row(court, told, row, better, product)
            tally.note(what, said, near=near)


def compare_outputs(
    product: ExactModel, model: ref.Model, codes: list[int], bits: int
) -> None:
    """What the product says of a row is what the reference says."""
    row = np.array([codes])
    outputs = [int(one) for one in product.outputs(row)[0]]
    assert outputs == ref.all_outputs(model, codes)
    assert int(product.predict(row, bits=bits)[0]) == ref.prediction(model, codes, bits)
    assert int.from_bytes(product.root) == model.root


def judge_row(
    court: Court, scene: Scene, row: int, better: int, product: ExactModel | None
) -> str:
    """What the referee says of a row, which is what the reference says."""
    terms, listed = scene.terms, scene.listed(row)
    words, siblings = scene.opened(row, better)
    if product is not None and words:
        chosen = ref.compared(terms, listed, better)
        proven = product_rerun(product, np.array([scene.codes(row)]), chosen)
        assert proven.joined == ref.joined([*words, *siblings])
    arguments = scene.rerun(court.market, row, better, words, siblings)
    said = court.says(scene.rerun_call, *arguments)
    must = ref.rerun(terms, scene.model, scene.codes(row), listed, better)
    assert (said == "") == must, said
    return said


def judge_parts(court: Court, rng: Random, scene: Scene, tally: Tally) -> None:
    """Parts of a model put to the clerk: as they are, and with words tampered with."""
    header = scene.model.header
    parts, what = ref.parts(header), f"part of {shape_of(scene.model)}"
    near = is_near_a_limit(scene.model)
    for part in {0, parts - 1, rng.randrange(parts)}:
        try:
            name, arguments = scene.answer(court.market, part)
        except ref.ConcealedError:
            continue  # what nobody knows cannot be posted
        words = arguments[4]
        if len(words) > MOST_WORDS:
            continue  # what no honest trainer seals: its client refuses it
        tampered = [specimens.tampered(rng, words) for _ in range(TAMPERED)]
        proof = ref.part_proof(scene.model, part)
        for told in (words, *tampered):
            if len(told) > MOST_WORDS:
                continue  # one word more than the clerk reads
            said = court.says(name, *arguments[:4], told, *arguments[5:])
            assert (said == "") == is_part(scene, part, told, proof), said
            tally.note(what, said or "taken", near=near)


def is_part(scene: Scene, part: int, words: list[int], proof: list[int]) -> bool:
    """Whether words are that part of the model, by the proof of the true ones."""
    header, model = scene.model.header, scene.model
    try:
        root = ref.part_root(header, model.base, part, words, proof)
    except (ref.MalformedError, ref.UnprovenError):
        return False
    return root == model.units_root


def judge_listing(court: Court, rng: Random, scene: Scene, tally: Tally) -> None:
    """Groups put to the referee, with lies in their points and in sums, or none."""
    count = len(scene.listing)
    lies = specimens.sum_lies(rng, scene.terms, scene.true_points(0))
    told = replace(scene, lies=lies if rng.random() < 0.7 else {})
    bits, kind = told.terms.bits, told.terms.kind
    for group in {0, count - 1, rng.randrange(count)}:
        said = court.says("recount", *told.recount(court.market, group))
        path = ref.sum_path(told.sums, group)
        must = ref.recount(
            told.terms,
            told.sums[-1][0][0],
            told.claim,
            group,
            told.listing[group],
            path,
            told.targets[group],
        )
        assert (said == "") == must, said
        tally.note(f"recount of {POINTS[kind]}, {bits} bits", said)
