# SPDX-License-Identifier: Apache-2.0
"""The promises of a request of predictions."""

from __future__ import annotations

import csv
import hashlib
import io
from typing import TYPE_CHECKING

from modelmarket.audit import shared
from modelmarket.audit.shared import Promise, Untold, refuse_forfeited, require
from modelmarket.errors import ConfinementError, NotFoundError, StorageError
from modelmarket.market import Request
from modelmarket.market.contents import PREDICTIONS
from modelmarket.market.opened_predictions import opened_predictions
from modelmarket.market.reproducing import reproduced_from
from modelmarket.protocol import events as ev
from modelmarket.protocol.labels import count_matches
from modelmarket.protocol.seals import Core, seal, superhash
from modelmarket.protocol.types import Salt
from modelmarket.system.text import counted

if TYPE_CHECKING:
    from modelmarket.market.evidence import Evidence
    from modelmarket.protocol.reproductions import Reproduction


def _request(evidence: Evidence) -> Request:
    assert isinstance(evidence.request, Request), "it is of predictions"
    return evidence.request


def _terms(evidence: Evidence) -> str:
    record = _request(evidence).record
    found = record.terms.hash(record.requester)
    require(found == record.terms_hash, f"they hash to 0x{found.hex()}")
    return f"terms hash 0x{found.hex()[:16]}…"


def _dataset(evidence: Evidence) -> str:
    manifest = _request(evidence).manifest()
    _request(evidence).fetch()
    contents = _request(evidence).contents
    for name in manifest.file_names:
        digest = hashlib.sha256()
        for piece in contents.read(name):
            digest.update(piece)
        require(
            digest.hexdigest() == manifest.sha256.get(name),
            f"{name} is not the file that the manifest names",
        )
    wrong = contents.misnamed()
    require(not wrong, f"{wrong} is another file than its name says")
    return (
        f"{_request(evidence).record.dataset}: {manifest.train_rows:,} training and "
        f"{manifest.test_rows:,} test rows; to be predicted: {manifest.told_predicts}"
    )


def _truth(evidence: Evidence) -> str:
    record = _request(evidence).record
    truth = _request(evidence).truth()
    if truth is None:
        refuse_forfeited(evidence, "truth")
        pages = counted(len(record.truth), "page")
        return f"not opened whole; {pages} so far" if record.truth else "not opened"
    last = [
        one
        for one, event in zip(evidence.placed, evidence.events, strict=True)
        if isinstance(event, ev.TruthOpened)
    ][-1]
    sent = evidence.arguments("open_truth", last)
    core = Core.of_truth(
        evidence.chain_id,
        evidence.address,
        record.requester,
        Salt(sent[3]),
    )
    found = seal(list(record.truth), core).seal
    require(found == record.terms.truth_seal, f"it gives 0x{found.hex()}")
    classes = len(_request(evidence).manifest().classes)
    strange = int((truth >= classes).sum())
    require(strange == 0, f"{strange:,} labels are no classes")
    pages = counted(len(record.truth), "page")
    return f"opened: {counted(truth.size, 'label')} on {pages}"


def _recount(evidence: Evidence) -> str:
    record, truth = _request(evidence).record, _request(evidence).truth()
    told: list[str] = []
    for one in record.submissions.values():
        opened = opened_predictions(evidence, one)
        if opened is None or truth is None:
            continue
        count = count_matches(truth, opened.codes)
        won = one.id == record.winner
        require(
            (count == one.score) == won,
            f"submission {one.id} claimed {one.score}, and {count} are right",
        )
        told.append(f"submission {one.id} claimed {one.score:,}, and has {count:,}")
    return "; ".join(told) or "no predictions were opened"


def _model(evidence: Evidence) -> str:
    record = _request(evidence).record
    if not record.winner:
        return "nobody won"
    won = record.submissions[record.winner]
    require(
        superhash(record.model) == won.superhash,
        f"the superhash is not that of {record.model}",
    )
    contents = _request(evidence).contents
    folder = contents.fetch_model()
    opened = opened_predictions(evidence, won)
    assert opened is not None
    listed = contents.listed_predictions()
    expected = _request(evidence).manifest().classes.decode(opened.codes)
    require(_listed(listed) == expected, f"{PREDICTIONS} in it is not what was opened")
    return f"{record.model}, {folder.size:,} bytes"


def _reproduced(evidence: Evidence) -> str:
    if not evidence.record.winner:
        return "nobody won"
    try:
        return _told_of(reproduced_from(evidence))
    except (ConfinementError, NotFoundError, StorageError) as error:
        raise Untold(f"it was not run: {error.message}") from error


def _known(evidence: Evidence) -> str:
    """The same, as it was found out before: nothing is run."""
    if not evidence.record.winner:
        return "nobody won"
    found = _request(evidence).reproduced()
    if found is None:
        raise Untold(
            "any file can have won: `modelmarket reproduce "
            f"{evidence.request.id}` runs the model"
        )
    return _told_of(found)


def _told_of(found: Reproduction) -> str:
    if found.alike is None:
        raise Untold(f"any file can have won: {found.why}")
    told = f"{found.alike:,} of {counted(found.rows, 'row')} alike"
    require(found.is_reproduced, told)
    return told


def _listed(document: bytes) -> list[str]:
    """The labels in a stranger's list of predictions; none if it is no such list."""
    try:
        rows = list(csv.reader(io.StringIO(document.decode())))[1:]
        return [row[1] for row in rows]
    except (UnicodeDecodeError, csv.Error, IndexError):
        return []


_MODEL = "The model gives the predictions that were opened"
PROMISES: list[Promise] = [
    ("The chain's state is what its events say", shared.state),
    ("The terms are the ones that were agreed to", _terms),
    ("The dataset is what its CID says", _dataset),
    ("The truth opens its seal", _truth),
    ("Every claim stands in its order", shared.claims),
    ("Recounting gives what was decided", _recount),
    ("The model is the one that was sealed", _model),
    (_MODEL, _reproduced),
    ("Every payment is explained by an event", shared.payments),
    ("Everybody got what the rules say", shared.outcome),
    ("All money is accounted for", shared.sum_),
]
LOOKING: list[Promise] = [
    (promise, _known if promise == _MODEL else check) for promise, check in PROMISES
]
"""The same for a server that others wait for: no stranger's model is run."""
