# SPDX-License-Identifier: Apache-2.0
"""What must always hold of the reference's models, be they honest or hostile."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from verified import reference as ref
from verified import specimen_models, specimens

SEEDS = range(40)
TERMS = ref.Terms(kind=0, columns=3, width=8, outputs=3, bits=2, rows=5)
Case = tuple[Random, ref.Terms, list[int], ref.Model]


def case(seed: int, *, hostile: bool = True) -> Case:
    rng = Random(seed)
    terms = specimens.terms(rng)
    codes = specimens.row(rng, terms)
    model = specimen_models.model(rng, terms, codes, hostile=hostile)
    return rng, terms, codes, model


@pytest.mark.parametrize("hostile", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_specimens_are_within_the_limits(seed: int, hostile: bool) -> None:
    _, terms, _, model = case(seed, hostile=hostile)
    assert ref.check_header(model.header.word, model.base, terms) == ""
    assert ref.read_header(model.header.word) == model.header
    assert len(model.units) == model.header.units


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_rerun_shows_is_what_the_model_says(seed: int) -> None:
    rng, terms, codes, model = case(seed)
    header, outputs = model.header, ref.all_outputs(model, codes)
    for _ in range(3):
        listed = rng.randrange(1 << terms.bits)
        if rng.random() < 0.7:
            listed = ref.prediction(model, codes, terms.bits)
        c = rng.randrange(terms.outputs)
        wanted = ref.compared(terms, listed, c)
        if not ref.executed(header, model.base, wanted):
            continue  # of class 0 alone, which has no trees
        words = ref.rerun_words(model, codes, wanted)
        shown = ref.judged_outputs(
            header, model.base, model.units_root, codes, wanted, words
        )
        assert shown == {output: outputs[output] for output in wanted}
        committed = (terms, header, model.base, model.units_root)
        verdict = ref.rerun_judged(*committed, codes, listed, c, words)
        assert verdict == ref.rerun(terms, model, codes, listed, c)
        if listed == ref.prediction(model, codes, terms.bits):
            assert not verdict


@pytest.mark.parametrize("seed", SEEDS)
def test_tampered_reruns_show_nothing_else(seed: int) -> None:
    rng, terms, codes, model = case(seed)
    wanted = [terms.outputs - 1]
    words = ref.rerun_words(model, codes, wanted)
    committed = (model.header, model.base, model.units_root)
    shown = ref.judged_outputs(*committed, codes, wanted, words)
    refused = 0
    for _ in range(8):
        other = specimens.tampered(rng, words)
        try:
            assert ref.judged_outputs(*committed, codes, wanted, other) == shown
        except (ref.MalformedError, ref.UnprovenError):
            refused += 1
    assert refused


@pytest.mark.parametrize("seed", SEEDS)
def test_exactly_one_class_is_not_convicted(seed: int) -> None:
    _, terms, codes, model = case(seed)
    if not terms.is_of_classes or model.header.units > 40:
        return
    found = ref.prediction(model, codes, terms.bits)
    for listed in range(terms.outputs):
        challengers = range(terms.outputs + 1)
        convicted = [ref.rerun(terms, model, codes, listed, c) for c in challengers]
        assert any(convicted) == (listed != found)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_model_comes_back_from_its_words(seed: int) -> None:
    rng = Random(seed)
    terms = specimens.terms(rng)
    model = specimen_models.model(rng, terms)
    header = model.header
    found = ref.read_model(ref.model_words(model))
    assert found.root == model.root
    assert found.base == model.base
    for mine, other in zip(model.units, found.units, strict=True):
        if isinstance(mine, ref.Neuron) or isinstance(other, ref.Neuron):
            assert mine == other
        else:
            assert ref.pruned(mine, header.depth) == other
    codes = specimens.row(rng, terms)
    assert ref.all_outputs(found, codes) == ref.all_outputs(model, codes)


@pytest.mark.parametrize("seed", SEEDS)
def test_parts_lead_to_the_root_of_the_units(seed: int) -> None:
    rng = Random(seed)
    model = specimen_models.model(rng, specimens.terms(rng))
    header, base = model.header, model.base
    every = [ref.part_words(model, part) for part in range(ref.parts(header))]
    flat = [word for words in every for word in words]
    assert flat == ref.model_words(model)[1 + len(base) :]
    part = rng.randrange(len(every))
    words, proof = every[part], ref.part_proof(model, part)
    assert ref.part_root(header, base, part, words, proof) == model.units_root
    for other, siblings in [
        (specimens.tampered(rng, words), proof),
        ([*words, 0], proof),
        (words, [*proof, 0]),
    ]:
        try:
            found = ref.part_root(header, base, part, other, siblings)
        except (ref.MalformedError, ref.UnprovenError):
            continue
        # Behind the last symbol or question anything may stand.
        assert found != model.units_root or header.kind == ref.ENSEMBLE


def test_of_a_hidden_side_nothing_is_run_or_posted() -> None:
    leaf, hidden = ref.Leaf(1), ref.Hidden(0)
    tree = ref.Inner(0, 9, leaf, hidden)
    header = ref.Header(0, 0, 3, 3, 1, 0, 2, 0, 8)
    model = ref.Model(header, (0,), (tree,))
    assert ref.all_outputs(model, [9, 0, 0]) == [0, 0, 0]
    assert ref.rerun_words(model, [9, 0, 0], [0, 1])
    with pytest.raises(ref.ConcealedError):
        ref.rerun_words(model, [10, 0, 0], [0, 1])
    with pytest.raises(ref.ConcealedError):
        ref.part_words(model, 0)
    assert ref.part_words(replace(model, header=replace(header, depth=0)), 0)


def test_a_cut_above_the_depth_is_no_way() -> None:
    leaf = ref.Leaf(1)
    tree = ref.Inner(0, 9, ref.Inner(0, 9, leaf, leaf), leaf)
    header = ref.Header(0, 0, 3, 3, 1, 0, 2, 0, 8)
    model = ref.Model(header, (0,), (tree,))
    for depth in (0, 1, 3, 32):
        shallow = replace(model, header=replace(header, depth=depth))
        words = ref.rerun_words(shallow, [0, 0, 0], [0])
        committed = (header, model.base, model.units_root, [0, 0, 0], [0])
        if depth < 2:
            with pytest.raises(ref.MalformedError):
                ref.judged_outputs(*committed, words)
        else:
            assert ref.judged_outputs(*committed, words) == {0: 0}
        committed = (shallow.header, *committed[1:])
        assert ref.judged_outputs(*committed, words) == {0: 0}


def test_a_neuron_of_other_weights_cannot_be_run() -> None:
    header = ref.Header(1, 0, 3, 1, 1, 0, 0, 0, 8)
    for weights in ((), (1, 2)):
        model = ref.Model(header, (1 << 24,), (ref.Neuron(0, weights),))
        with pytest.raises(ref.ConcealedError):
            ref.all_outputs(model, [0, 0, 0])


def refusals() -> list[tuple[str, ref.Header, tuple[int, ...]]]:
    trees = ref.Header(0, 0, 3, 3, 97, 0, 32, 7, 8)
    boosted = replace(trees, form=2, units=48 * 3, rounds=48, part=8)
    dense = ref.Header(1, 0, 3, 3, 5, 0, 0, 3, 8)
    layers = (ref.Layer(2, 1, 31).word, ref.Layer(3, 0, 0).word)
    return [
        ("", trees, (0,)),
        ("", boosted, (0,)),
        ("", replace(boosted, units=48 * 2, part=0), (0,)),
        ("", dense, layers),
        ("magic", replace(trees, magic=0), (0,)),
        ("rest", replace(trees, rest=1), (0,)),
        ("kind", replace(trees, kind=2), (0,)),
        ("columns", replace(trees, columns=4), (0,)),
        ("outputs", replace(trees, outputs=4), (0,)),
        ("width", replace(trees, width=16), (0,)),
        ("units", replace(trees, units=0), (0,)),
        ("form", replace(trees, form=3), (0,)),
        ("rounds", replace(trees, rounds=1), (0,)),
        ("rounds", replace(boosted, units=48), (0,)),
        ("rounds", replace(boosted, rounds=0), (0,)),
        ("depth", replace(trees, depth=33), (0,)),
        ("executed", replace(trees, units=1_025, depth=0), (0,)),
        ("words", replace(trees, units=98), (0,)),
        ("words", replace(boosted, units=49 * 3, rounds=49), (0,)),
        ("base", trees, ()),
        ("base", trees, (0, 0)),
        ("part", replace(trees, part=8), (0,)),
        ("parts", replace(trees, units=300, depth=1, part=0), (0,)),
        ("form", replace(dense, form=1), layers),
        ("rounds", replace(dense, rounds=1), layers),
        ("depth", replace(dense, depth=1), layers),
        ("layers", dense, ()),
        ("layers", dense, layers * 5),
        ("neurons", dense, (0, layers[1])),
        ("neurons", dense, (1_025 << 24, layers[1])),
        ("last", dense, layers[:1]),
        ("sum", replace(dense, units=6), layers),
        ("mul", dense, (ref.Layer(2, 0, 1).word, layers[1])),
        ("shift", dense, (ref.Layer(2, 1, 32).word, layers[1])),
        ("shift", dense, (ref.Layer(2, 1, 0).word, layers[1])),
        ("part", replace(dense, part=2), layers),
    ]


@pytest.mark.parametrize(("reason", "header", "base"), refusals())
def test_a_header_is_refused_for_its_first_fault(
    reason: str, header: ref.Header, base: tuple[int, ...]
) -> None:
    assert ref.check_header(header.word, base, TERMS) == reason


def test_dense_models_have_at_most_so_many_words_and_units() -> None:
    terms = replace(TERMS, columns=32, outputs=1)

    def reason(*neurons: int) -> str:
        units = sum(neurons)
        header = ref.Header(1, 0, 32, 1, units, 0, 0, ref.levels(units), 8)
        base = tuple(ref.Layer(one, 1, 1).word for one in neurons)
        return ref.check_header(header.word, base, terms)

    # 2 words for each neuron of 32 inputs; 33 for the last one of 1,023.
    assert reason(1_023, 1) == ""
    assert reason(1_024, 1) == "part"
    assert reason(1_000, 41, 1) == "words"
    assert reason(32, 32, 32, 32, 32, 32, 32, 1) == ""
    assert reason(32, 32, 32, 32, 32, 32, 32, 32, 1) == "layers"


def test_doubtful_headers_are_refused_for_every_reason_or_not() -> None:
    rng, found = Random(1), set()
    for _ in range(3_000):
        terms = specimens.terms(rng)
        word, base = specimen_models.doubtful_header(rng, terms)
        found.add(ref.check_header(word, base, terms))
    everything = (
        "magic rest kind columns outputs width units form rounds depth executed"
    )
    everything += " words base layers neurons last sum mul shift part parts"
    assert found >= {"", *everything.split()}
