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
from eth_hash.auto import keccak

from modelmarket.chain.blocks import Call
from modelmarket.errors import ChainError, DiskError
from modelmarket.market import Market, VerifiedSubmission
from modelmarket.market.verified.calls import showing_of
from modelmarket.market.verified.evidence import MODEL_FILE, gather
from modelmarket.market.verified.refutations import read_challenge
from modelmarket.market.verified.watching import Verdict
from modelmarket.models import ExactModel, proofs
from modelmarket.protocol.events import SubmissionFailed
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.types import Address
from modelmarket.storage.cid import Cid
from modelmarket.storage.store import Store
from support.contests import (
    PEOPLE,
    contest,
    corrected,
    enter,
    next_time,
    seen,
    seen_request,
    to_claims,
    to_validation,
    tree_of,
    work,
)
from support.market import Place

HARNESS = Path(__file__).parents[1] / "contracts" / "harness"


def claimed(here: Place, *, is_true: bool = True) -> VerifiedSubmission:
    """Ben's submission, which is the candidate: of its score, or of all points."""
    request = contest(here, here.markets["rita"])
    submission = enter(here.markets["ben"])
    to_claims(here, request)
    submission.refresh().claim(None if is_true else request.terms.rows)
    to_validation(here)
    return submission.refresh()


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
    lie.show(replace(truth, points=(rows,)) if is_listed else truth)
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


def two_tongues(market: Market) -> Address:
    """A stranger's contract on the chain; see the harness."""
    from vyper import compile_code

    source = (HARNESS / "TwoTongues.vy").read_text()
    code = compile_code(source, output_formats=["bytecode"])["bytecode"]
    made = market.send(Call("deploy", None, bytes.fromhex(code.removeprefix("0x"))))
    assert made.contract is not None
    return made.contract


def said_twice(stranger: Address, target: Address, *calls: bytes) -> Call:
    """One transaction in which a stranger's contract calls another one twice."""
    from eth_abi import encode

    kinds = ["address", "bytes", "bytes"]
    selector = keccak(f"say({','.join(kinds)})".encode())[:4]
    return Call("say", stranger, selector + encode(kinds, [target, *calls]))


def test_a_part_that_is_posted_for_another_market_is_no_part_of_this_ones(
    here: Place,
) -> None:
    rita, ann, ben = (here.markets[name] for name in PEOPLE)
    request = contest(here, rita)
    lie = enter(ben, depth=0)
    enter(ann)
    to_claims(here, request)
    listing = corrected(lie.refresh(), wrong=0)
    lie.claim(listing.score)
    work(here, "ann")
    to_validation(here)
    lie.show(listing)
    ann.network = replace(ann.network, gateways=())
    here.move_to(next_time(seen(here).request))
    work(here, "ann")
    # The true part, and beside it another model's, which only ben's own market takes.
    stranger, clerk = two_tongues(ben), ben.markets.verified.clerk()
    lie = lie.refresh()
    other = lie.request.convert(tree_of(lie.request, depth=4))
    shown = showing_of(lie.record).shown
    part = proofs.part(other, 0)
    false = clerk.answer_trees(
        stranger,
        lie.id,
        replace(
            shown,
            header=other.header.word,
            base_hash=other.base_hash,
            units_root=other.units_root,
        ),
        part=0,
        posted=part.words,
        proof=part.proof,
    )
    true = lie.part_call(lie.evidence(), 0)
    ben.send(said_twice(stranger, clerk.address, true.data, false.data))
    lie.answer()
    found = gather(ann, seen(here).record)
    assert found.model is not None
    assert found.model.units_root == shown.units_root
    work(here, "ann")
    assert lie.refresh().record.failure is Failure.REFUTED


def test_a_challenge_of_another_market_tells_nothing_of_this_one(here: Place) -> None:
    lie, rita = claimed(here, is_true=False), here.markets["rita"]
    lie.show()
    work(here, "rita")
    [refuted] = seen_request(here).refutations()
    assert refuted.found is not None
    record, failed = seen_request(here).record, refuted.submission
    [sent] = [
        one.log.transaction
        for one in rita.history(record.id)
        if isinstance(rita.decode(one.log), SubmissionFailed)
    ]
    market = rita.markets.verified.address
    data = rita.connection.transaction_input(sent)
    assert read_challenge(record, failed, market, data) == refuted.found
    elsewhere = data.replace(bytes.fromhex(market[2:]), b"" * 20)
    assert elsewhere != data
    with pytest.raises(ChainError, match="stands in no call"):
        read_challenge(record, failed, market, elsewhere)
