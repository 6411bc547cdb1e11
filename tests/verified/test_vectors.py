# SPDX-License-Identifier: Apache-2.0
"""The exact format's golden vectors: reference, client and contracts say the same.

Whoever writes another client, or another interpreter, holds it against them; what they
say is fixed for good, since models are sealed and contests are opened by it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelmarket.models import ExactModel
from modelmarket.models.proofs import part, rerun
from modelmarket.protocol.hidden import (
    Keystream,
    key_hash,
    pack_groups,
    pack_rows,
    row_words,
)
from modelmarket.protocol.listings import SumTree
from modelmarket.protocol.merkle import rows_tree, targets_tree
from modelmarket.protocol.point_kinds import Kind
from modelmarket.protocol.points import Scoring, group_points
from modelmarket.protocol.types import checksummed
from verified import reference as ref
from verified.court import Court

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "exact.json").read_text())
CASES: dict[str, dict[str, Any]] = {one["name"]: one for one in VECTORS["cases"]}
KEY, NONCE = bytes.fromhex(VECTORS["key"]), bytes.fromhex(VECTORS["nonce"])


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    return CASES[request.param]


@pytest.fixture(scope="module")
def court() -> Court:
    found = Court()
    found.move_market(VECTORS["market"])
    return found


def words_of(text: str) -> list[int]:
    """Words that stand one after the other."""
    data = bytes.fromhex(text)
    return [int.from_bytes(data[at : at + 32]) for at in range(0, len(data), 32)]


def test_the_vectors_have_models_of_each_kind_and_form() -> None:
    headers = [ref.read_header(words_of(one["file"])[0]) for one in CASES.values()]
    assert {one.form for one in headers if one.kind == ref.ENSEMBLE} == {0, 1, 2}
    assert {one.width for one in headers} == {8, 16}
    assert {one.kind for one in headers} == {ref.ENSEMBLE, ref.DENSE}
    assert {one["terms"]["kind"] for one in CASES.values()} == {0, 1, 2, 3}


def test_the_script_writes_what_stands_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "scripts")
    from exact_vectors import document

    assert json.loads(json.dumps(document())) == VECTORS


# --- the reference ---


def test_the_reference_reads_commits_and_predicts_what_the_vectors_say(
    case: dict[str, Any],
) -> None:
    model, bits = ref.read_model(words_of(case["file"])), case["terms"]["bits"]
    assert model.root == int(case["root"], 16)
    assert model.units_root == int(case["units_root"], 16)
    assert ref.keccak(*model.base) == int(case["base_hash"], 16)
    assert [ref.all_outputs(model, one) for one in case["rows"]] == case["outputs"]
    said = [ref.prediction(model, one, bits) for one in case["rows"]]
    assert said == case["predictions"]
    for at, one in enumerate(case["parts"]):
        assert ref.part_words(model, at) == words_of(one["words"])
        assert ref.part_proof(model, at) == words_of(one["proof"])


# --- the client ---


def test_the_client_reads_commits_and_predicts_what_the_vectors_say(
    case: dict[str, Any],
) -> None:
    model = ExactModel.from_bytes(bytes.fromhex(case["file"]))
    assert model.to_bytes().hex() == case["file"]
    found = [model.root, model.units_root, model.base_hash]
    assert [one.hex() for one in found] == [
        case[name] for name in ("root", "units_root", "base_hash")
    ]
    codes = np.array(case["rows"])
    assert model.outputs(codes).tolist() == case["outputs"]
    said = model.predict(codes, bits=case["terms"]["bits"])
    assert said.tolist() == case["predictions"]


def test_the_client_posts_and_proves_what_the_vectors_say(case: dict[str, Any]) -> None:
    model = ExactModel.from_bytes(bytes.fromhex(case["file"]))
    for at, one in enumerate(case["parts"]):
        posted = part(model, at)
        assert posted.words.hex() == one["words"]
        assert b"".join(posted.proof).hex() == one["proof"]
    told = case["rerun"]
    proven = rerun(model, np.array([case["rows"][told["row"]]]), told["outputs"])
    assert proven.words.hex() == told["words"]
    assert b"".join(proven.proof).hex() == told["proof"]


def test_the_client_hides_rows_and_targets_as_the_vectors_say(
    case: dict[str, Any],
) -> None:
    terms, stream = case["terms"], Keystream(KEY, NONCE)
    width = terms["width"]
    packed = pack_rows(
        np.array(case["rows"], dtype=np.uint8)
        if width == 8
        else np.array(case["rows"], dtype=np.uint16),
        width,
    )
    rows = stream.rows(packed)
    assert [one.tobytes().hex() for one in rows] == case["hidden_rows"]
    tree = rows_tree(rows.tobytes(), row_words(terms["columns"], width))
    assert tree.root.hex() == case["rows_root"]
    targets = np.array(case["targets"], dtype=np.uint32)
    groups = stream.groups(pack_groups(targets, terms["bits"]))
    assert [one.tobytes().hex() for one in groups] == case["hidden_targets"]
    assert targets_tree(groups.tobytes()).root.hex() == case["targets_root"]


def test_the_client_scores_and_lists_as_the_vectors_say(case: dict[str, Any]) -> None:
    terms = case["terms"]
    scoring = Scoring(
        Kind(terms["kind"]),
        terms["outputs"],
        terms["cap"],
        terms["step"],
        tuple(terms["weights"]),
    )
    listed, targets = (
        np.array(case[name], dtype=np.uint32) for name in ("listed", "targets")
    )
    points = group_points(scoring.points(targets, listed), terms["bits"])
    groups = pack_groups(listed, terms["bits"]).tobytes()
    tree = SumTree.over(groups, [int(one) for one in points])
    assert (tree.root.hex(), tree.score) == (case["listing_root"], case["score"])


def test_the_client_commits_to_a_key_as_the_vectors_say() -> None:
    parties = checksummed(VECTORS["market"]), checksummed(VECTORS["requester"])
    found = key_hash(VECTORS["chain_id"], *parties, NONCE, KEY)
    assert found.hex() == VECTORS["key_hash"]


# --- the contracts ---


def test_referee_and_clerk_take_what_the_vectors_say_and_nothing_else(
    court: Court, case: dict[str, Any]
) -> None:
    assert {one["says"] for one in case["calls"]} > {""}
    for one in case["calls"]:
        said = court.says_of(one["name"], bytes.fromhex(one["data"]))
        assert said == one["says"], one["name"]
