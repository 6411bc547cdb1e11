# SPDX-License-Identifier: Apache-2.0
"""The promises of a verified contest, recomputed to the last row."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from modelmarket.audit import shared
from modelmarket.audit.shared import Promise, refuse_forfeited, require
from modelmarket.market import VerifiedRequest
from modelmarket.market.verified.judging import FalseGroup
from modelmarket.market.verified.refutations import named
from modelmarket.protocol import events as ev
from modelmarket.protocol.hidden import key_hash
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.points import weights_hash
from modelmarket.protocol.seals import superhash
from modelmarket.protocol.shown import ModelSeal
from modelmarket.system.text import counted

if TYPE_CHECKING:
    from modelmarket.market.evidence import Evidence
    from modelmarket.protocol.records import Showing, SubmissionRecord

_SALT = 5
"""Its place among the arguments of `show_model`."""


def _request(evidence: Evidence) -> VerifiedRequest:
    assert isinstance(evidence.request, VerifiedRequest), (
        "these are promises of contests"
    )
    return evidence.request


def _terms(evidence: Evidence) -> str:
    record = _request(evidence).record
    found = record.terms.hash(record.requester)
    require(found == record.terms_hash, f"they hash to 0x{found.hex()}")
    texts = record.texts.hash()
    require(texts == record.terms.texts_hash, f"the texts hash to 0x{texts.hex()}")
    weights = weights_hash(record.weights)
    is_theirs = weights == record.terms.weights_hash
    require(is_theirs, f"the weights hash to 0x{weights.hex()}")
    wrong = [problem for _, problem in record.terms.problems(record.weights)]
    require(not wrong, " ".join(wrong))
    return f"terms hash 0x{found.hex()[:16]}…"


def _dataset(evidence: Evidence) -> str:
    request = _request(evidence)
    manifest = request.manifest()
    for name in manifest.files:
        with request.folder.path_of(name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        require(
            digest == manifest.sha256.get(name),
            f"{name} is not the file that the manifest names",
        )
    schema = request.schema
    request.folder.hidden(request.terms)
    return (
        f"{request.record.dataset}: {manifest.train_rows:,} training and "
        f"{manifest.hidden_rows:,} hidden rows, {len(schema.columns):,} columns; to be "
        f"predicted: {manifest.told_predicts}; both roots are those of the terms"
    )


def _key(evidence: Evidence) -> str:
    record = _request(evidence).record
    if not record.key:
        refuse_forfeited(evidence, "key")
        return "not opened"
    place = (evidence.chain_id, evidence.address, record.requester)
    found = key_hash(*place, record.terms.nonce, record.key)
    require(found == record.terms.key_hash, f"it hashes to 0x{found.hex()}")
    targets = _request(evidence).opened().targets
    strange = int((targets >= record.terms.outputs).sum())
    is_of_classes = record.terms.outputs > 1
    require(not (is_of_classes and strange), f"{strange:,} targets are no classes")
    return f"opened: {counted(targets.size, 'hidden row')}, each with its label"


def _shown(evidence: Evidence) -> str:
    record = _request(evidence).record
    told: list[str] = []
    for placed, event in zip(evidence.placed, evidence.events, strict=True):
        if not isinstance(event, ev.ModelShown):
            continue
        one = record.submissions[event.submission_id]
        showing = one.showing
        assert showing is not None, "its event says so"
        salt = evidence.arguments("show_model", placed)[_SALT]
        found = ModelSeal(
            evidence.chain_id,
            evidence.address,
            one.trainer,
            record.terms_hash,
            _model_root(showing),
            superhash(showing.model),
            salt,
        ).seal
        require(found == one.seal, f"that of submission {one.id} gives 0x{found.hex()}")
        is_named = superhash(showing.model) == one.superhash
        require(is_named, f"submission {one.id} named another model")
        told.append(str(one.id))
    return f"of submission {', '.join(told)}" if told else "no model was shown"


def _model_root(showing: Showing) -> bytes:
    from modelmarket.protocol.merkle import tag

    shown = showing.shown
    require(keccak(showing.base) == shown.base_hash, "its base words are others")
    return keccak(tag("model") + shown.header + shown.base_hash + shown.units_root)


def _recomputed(evidence: Evidence) -> str:
    record = _request(evidence).record
    told = [
        _verdict(evidence, one)
        for one in record.submissions.values()
        if one.showing is not None
    ]
    return "; ".join(told) or "no model was shown"


def _verdict(evidence: Evidence, one: SubmissionRecord) -> str:
    """What a submission showed, recomputed: true if it won, false if it was refuted."""
    told = f"submission {one.id}"
    submission = _request(evidence).submission(one.id)
    found = submission.evidence()
    stands = one.failure is None
    if found.model is None:
        require(not stands, f"the model of {one.id} is not to be had: {found.why}")
        return f"{told}: its model cannot be fetched any more"
    opened = _request(evidence).opened()
    truly = opened.listing(found.model)
    assert one.showing is not None, "it was shown"
    is_true = truly.is_of(one.showing.shown)
    if stands:
        require(is_true, f"{one.id} scores {truly.score:,}, and listed something else")
        rows = counted(len(truly.predictions), "row")
        return f"{told}: true in all of {rows}, and scores {one.score:,}"
    if one.failure is not Failure.REFUTED:
        return f"{told}: scores {truly.score:,}, and claimed {one.score:,}"
    require(not is_true, f"{one.id} was refuted, and all of it is true")
    if found.listing is None:
        return f"{told}: scores {truly.score:,}, and not {one.score:,}"
    lie = submission.find_lie(found)
    require(lie is not None, f"{one.id} was refuted, and all of it is true")
    if isinstance(lie, FalseGroup):
        points = f"listed {lie.listed:,} points, and scores {lie.computed:,}"
        return f"{told}, group {lie.group + 1} of its rows: {points}"
    assert lie is not None, "it was found"
    names = _request(evidence).schema.target
    listed, computed = (named(names, lie.listed), named(names, lie.computed))
    return f"{told}, row {lie.row + 1}: listed {listed}, and its model says {computed}"


PROMISES: list[Promise] = [
    ("The chain's state is what its events say", shared.state),
    ("The terms are the ones that were agreed to", _terms),
    ("The folder is what its CID says, and hides what the terms say", _dataset),
    ("The key is the one that was promised", _key),
    ("Every claim stands in its order", shared.claims),
    ("Every model that was shown is the one that was sealed", _shown),
    ("The models give what was listed, to the last row, or were refuted", _recomputed),
    ("Every payment is explained by an event", shared.payments),
    ("Everybody got what the rules say", shared.outcome),
    ("All money is accounted for", shared.sum_),
]
