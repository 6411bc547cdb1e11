# SPDX-License-Identifier: Apache-2.0
"""What a candidate serves is a stranger's: whatever it is, it keeps no watcher from
demanding what cannot be read, nor from proving what is false without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from modelmarket.errors import DiskError
from modelmarket.market import VerifiedRequest, VerifiedSubmission
from modelmarket.market.verified.calls import showing_of
from modelmarket.market.verified.evidence import MODEL_FILE, gather
from modelmarket.market.verified.watching import Verdict
from modelmarket.models import ExactModel
from modelmarket.protocol.phases import Failure
from modelmarket.storage.cid import Cid
from modelmarket.storage.store import Store
from support.contests import (
    PEOPLE,
    contest,
    enter,
    next_time,
    to_claims,
    to_validation,
    work,
)
from support.market import Place, place


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path) as found:
        for name in PEOPLE:
            found.join(name)
        yield found


def claimed(here: Place, *, is_true: bool = True) -> VerifiedSubmission:
    """Ben's submission, which is the candidate: of its score, or of all points."""
    request = contest(here, here.markets["rita"])
    submission = enter(here.markets["ben"])
    to_claims(here, request)
    submission.refresh().claim(None if is_true else request.terms.rows)
    to_validation(here)
    return submission.refresh()


def seen(here: Place, name: str = "ann") -> VerifiedSubmission:
    """The candidate, as somebody sees it."""
    request = here.markets[name].request("v1")
    assert isinstance(request, VerifiedRequest)
    found = request.candidate()
    assert found is not None
    return found


def rubbish(store: Store) -> Iterator[tuple[str, str]]:
    """CIDs for what is no model of the contest's, each with what it is."""

    def folder(name: str, data: bytes) -> str:
        return str(store.add_folder({name: store.add_bytes(data, name)}, "it").cid)

    yield "no text of a CID", "\x00; rm -rf"
    yield "empty", ""
    yield "nowhere", str(Cid.of(b"nobody has this", 0x55))
    yield "a file, no folder", str(store.add_bytes(b"no folder", "it").cid)
    yield "another file", folder("readme.txt", b"no model")
    for data in (b"", b"\x00" * 64, b"\xff" * 4096, b"MMEX" + b"\xff" * 100):
        yield f"{len(data)} bytes", folder(MODEL_FILE, data)


def test_whatever_is_served_for_a_model_or_listing_it_counts_as_not_served(
    here: Place,
) -> None:
    claimed(here).show()
    ann, found = here.markets["ann"], seen(here)
    record, showing = found.record, showing_of(found.record)
    assert gather(ann, record).is_whole
    for what, cid in rubbish(here.markets["ben"].store):
        evidence = gather(ann, replace(record, showing=replace(showing, model=cid)))
        assert evidence.model is None, what
        assert evidence.listing is not None, what
        assert evidence.why, what
        evidence = gather(ann, replace(record, showing=replace(showing, listing=cid)))
        assert evidence.listing is None, what
        assert evidence.model is not None, what


def test_an_error_that_nobody_expected_keeps_no_watcher_from_demanding(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed(here).show()

    def broken(*_: object) -> NoReturn:
        raise ZeroDivisionError("in a reader")

    monkeypatch.setattr(ExactModel, "from_bytes", broken)
    assert "in a reader" in seen(here).evidence().why
    here.move_to(next_time(seen(here).request))
    assert seen(here).watch() is Verdict.DEMANDED


def test_a_watchers_own_disk_is_not_the_trainers_fault(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed(here).show()

    def full(*_: object, **__: object) -> NoReturn:
        raise DiskError("no space is left")

    monkeypatch.setattr(Store, "read_bytes", full)
    here.move_to(next_time(seen(here).request))
    with pytest.raises(DiskError):
        seen(here).watch()
    assert seen(here).record.demand is None


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_false_sum_is_refuted_though_the_model_is_nowhere(
    here: Place, *, is_listed: bool
) -> None:
    """Whether the sums of groups are false, or only the claim is above them."""
    lie = claimed(here, is_true=False)
    truth, rows = lie.listing(), lie.request.terms.rows
    lie.show(replace(truth, points=truth.points * 0 + rows) if is_listed else truth)
    secret = lie.secret()
    assert secret is not None
    with here.markets["ben"].store.database.writing() as connection:
        folder = bytes(Cid.parse(secret.model))
        connection.execute("DELETE FROM nodes WHERE cid = ?", (folder,))
    assert seen(here).evidence().model is None
    work(here, "rita")
    failed = lie.refresh().record
    assert failed.failure is Failure.REFUTED
    assert failed.challenger == here.markets["rita"].wallet.address
