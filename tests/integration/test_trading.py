# SPDX-License-Identifier: Apache-2.0
"""Whole lives on real nodes, through the SDK, the agent, the index, the audit."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelmarket import agent
from modelmarket.audit import audit
from modelmarket.chain.connection import Call
from modelmarket.chain.sending import sign
from modelmarket.errors import (
    ChainError,
    DataError,
    FundsError,
    InputError,
    NotFoundError,
    RevertError,
    StepError,
    TermsError,
)
from modelmarket.index.index import Index
from modelmarket.index.summaries import Sort
from modelmarket.market import Market
from modelmarket.market.outbox import Resumed
from modelmarket.protocol.phases import Phase, Status
from modelmarket.protocol.types import SubmissionId, Wei
from trading import REWARD, STAKE, Place, place


@pytest.fixture(params=["embedded", "anvil"])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with place(request.param, tmp_path / "people") as found:
        yield found


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path / "people") as found:
        yield found


def passes(market: Market, request_id: int) -> bool:
    verdicts = audit(market, request_id)
    failed = [one for one in verdicts if not one.passed]
    assert not failed, failed
    return len(verdicts) == 10


def test_agents_alone_take_a_request_to_its_payment(here: Place) -> None:
    requester, ann, bob = (here.join(name) for name in ("requester", "ann", "bob"))
    request = here.create(requester)
    assert (request.position().phase, request.terms.labels) == (Phase.OPEN, 20)
    best, other = here.submit(ann, request.id, 1), here.submit(bob, request.id, 3)
    here.settle(request.id)
    done = requester.request(request.id)
    assert done.position().phase is Phase.FULFILLED
    winner = done.winner()
    assert winner is not None
    assert (winner.id, winner.record.matches) == (best.id, 19)
    assert other.refresh().record.status is Status.WITHDRAWN
    balances = [m.coin.balance(m.wallet.address) for m in (requester, ann, bob)]
    thousand = 10 * REWARD
    assert balances == [thousand - REWARD, thousand + REWARD, thousand]
    assert passes(requester, request.id)
    model = done.fetch_model(here.folder / "model")
    assert (model / "model.txt").read_text() == "n % 2"
    assert (model / "predictions.csv").read_text().startswith("row_id,label\n1,")


def test_a_false_claim_is_found_out_and_the_next_one_wins(here: Place) -> None:
    requester, ann, liar = (here.join(name) for name in ("requester", "ann", "liar"))
    request = here.create(requester)
    honest, lie = here.submit(ann, request.id, 2), here.submit(liar, request.id, 9)
    here.move_to(request.record.deadline)
    requester.request(request.id).open_truth()
    honest.refresh().claim()
    lie.refresh().claim(20)
    here.move_to(requester.request(request.id).position().step_ends)
    assert "has" in requester.request(request.id).status()
    lie.refresh().validate()
    assert lie.refresh().record.status is Status.FAILED
    honest.refresh().validate()
    assert requester.request(request.id).record.winner == honest.id
    assert requester.contract.slashed() == STAKE
    assert passes(requester, request.id)


def test_a_truth_that_is_never_opened_is_forfeited_by_the_trainers_agent(
    here: Place,
) -> None:
    requester, ann = here.join("requester"), here.join("ann")
    request = here.create(requester)
    here.submit(ann, request.id)
    here.move_to(request.record.deadline + request.terms.response_window_s)
    reports = agent.run_once(ann)
    assert [one.step.kind for one in reports] == [
        agent.Kind.ENFORCE,
        agent.Kind.WITHDRAW,
    ]
    assert requester.request(request.id).position().phase is Phase.FORFEITED
    assert ann.coin.balance(ann.wallet.address) == 10 * REWARD
    assert passes(requester, request.id)


def test_a_request_with_several_pages_and_a_threshold(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    # Two classes: 196,608 labels fill a page, so a fifth of a million spills over.
    request = embedded.create(
        requester, 394_000, minimum_matches=100_000, fraction=_half()
    )
    assert request.terms.labels == 197_000
    embedded.submit(ann, request.id, 5)
    embedded.settle(request.id)
    done = requester.request(request.id)
    assert done.position().phase is Phase.FULFILLED
    assert len(done.record.truth) == 2
    assert passes(requester, request.id)


def _half():
    from fractions import Fraction

    return Fraction(1, 2)


def test_below_the_threshold_the_requester_is_refunded(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    request = embedded.create(requester, minimum_matches=20)
    embedded.submit(ann, request.id, 1)
    embedded.settle(request.id)
    agent.run_once(ann)
    assert requester.request(request.id).position().phase is Phase.REFUNDED
    assert requester.coin.balance(requester.wallet.address) == 10 * REWARD
    assert ann.coin.balance(ann.wallet.address) == 10 * REWARD
    assert passes(requester, request.id)


def test_cancelling_shares_the_reward_only_if_the_requester_accepts(
    embedded: Place,
) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    request = embedded.create(requester)
    embedded.submit(ann, request.id)
    with pytest.raises(RevertError, match="More submissions are live"):
        requester.request(request.id).cancel()
    requester.request(request.id).cancel(max_live=1)
    agent.run_once(ann)
    assert ann.coin.balance(ann.wallet.address) == 11 * REWARD
    assert passes(requester, request.id)


def test_an_agent_that_is_run_twice_does_no_harm(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    request = embedded.create(requester)
    embedded.submit(ann, request.id)
    embedded.move_to(request.record.deadline)
    twin = embedded.again("requester")
    steps = [step for step in agent.plan(twin) if agent.is_due(twin, step)]
    assert [agent.perform(requester, one).done for one in steps] == [True]
    assert [agent.perform(twin, one).done for one in steps] == [True]
    assert agent.run_once(twin) == []


def test_a_signed_transaction_that_never_left_is_sent_after_a_restart(
    embedded: Place,
) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    request = embedded.create(requester)
    embedded.submit(ann, request.id)
    embedded.move_to(request.record.deadline)
    truth = requester.vault.truth(request.terms.truth_seal)
    assert truth is not None
    opening = truth.opening()
    call = requester.contract.open_truth(
        request.id, 0, opening.pages[0], opening.inner(0)
    )
    signed = sign(requester.connection, call, requester.wallet)
    requester.vault.begin(requester.network.market, call.what, signed.hash, signed.raw)
    # Here the machine loses power; the transaction is signed and not sent.
    back = embedded.again("requester")
    assert back.resume() == [Resumed("open_truth", back.connection.block().number)]
    assert back.vault.unfinished(back.network.market) == []
    assert back.request(request.id).position().phase is Phase.CLAIMS
    assert back.resume() == []


def test_a_journalled_transaction_that_became_void_is_dropped(
    embedded: Place,
) -> None:
    requester = embedded.join("requester")
    call = requester.coin.approve(requester.network.market, 1)
    signed = sign(requester.connection, call, requester.wallet)
    requester.vault.begin(requester.network.market, "approve", signed.hash, signed.raw)
    requester.send(requester.coin.approve(requester.network.market, 2))
    assert requester.resume() == [Resumed("approve", None)]
    assert requester.vault.unfinished(requester.network.market) == []


def test_a_copied_seal_is_not_taken_for_ours(embedded: Place) -> None:
    requester, ann, eve = (embedded.join(name) for name in ("requester", "ann", "eve"))
    request = embedded.create(requester)
    mine = embedded.submit(ann, request.id)
    secret = mine.secret()
    assert secret is not None
    eve.send(
        eve.contract.submit(
            request.id,
            request.record.terms_hash,
            secret.opening().layers[0],
            mine.record.superhash,
            "copied",
            eve.permit(STAKE),
        )
    )
    embedded.move_to(request.record.deadline)
    requester.request(request.id).open_truth()
    steps = agent.plan(ann)
    assert [step.submission_id for step in steps] == [mine.id]
    assert agent.plan(eve) == []


def test_the_plan_shows_what_is_to_come_and_does_not_do_it(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    request = embedded.create(requester)
    embedded.submit(ann, request.id)
    deadline, window = request.record.deadline, request.terms.response_window_s
    (opening,) = agent.plan(requester)
    assert (opening.kind, opening.begins, opening.ends) == (
        agent.Kind.OPEN_TRUTH,
        deadline,
        deadline + window,
    )
    (claim,) = agent.plan(ann)
    assert (claim.kind, claim.begins) == (agent.Kind.CLAIM, deadline)
    assert agent.run_once(ann) == agent.run_once(requester) == []
    embedded.move_to(deadline)
    assert agent.run_once(ann) == []
    assert [one.done for one in agent.run_once(requester)] == [True]
    assert [one.step.kind for one in agent.run_once(ann)] == [agent.Kind.CLAIM]


def test_errors_come_in_words_and_cost_nothing(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    with pytest.raises(RevertError, match="This address has had its airdrop"):
        ann.claim_airdrop()
    with pytest.raises(FundsError, match=r"has 1,000 MDC; 2,000 are needed"):
        embedded.create(requester, reward=Wei(20 * REWARD))
    with pytest.raises(TermsError, match="at least 1% of the reward"):
        embedded.create(requester, stake=Wei(1))
    with pytest.raises(TermsError, match="60 s to 365 days"):
        embedded.create(requester, submission_window_s=59)
    request = embedded.create(requester)
    nonce = requester.connection.web3.eth.get_transaction_count(ann.wallet.address)
    with pytest.raises(NotFoundError, match="There is no request 99"):
        ann.request(99)
    with pytest.raises(NotFoundError, match="There is no submission 99"):
        ann.submission(99)
    with pytest.raises(RevertError, match="Only the requester"):
        ann.request(request.id).cancel()
    with pytest.raises(StepError, match="cannot be opened now: Open for submissions"):
        requester.request(request.id).open_truth()
    with pytest.raises(StepError, match="has no winner"):
        ann.request(request.id).fetch_model(embedded.folder / "nowhere")
    mine = ann.request(request.id)
    model = ann.home.path / "m"
    model.write_text("x")
    with pytest.raises(DataError, match="3 predictions for 20 test rows"):
        mine.submit(["odd"] * 3, model)
    with pytest.raises(DataError, match="Row 1: 'prime' is not one of the 2 classes"):
        mine.submit(["prime"] * 20, model)
    with pytest.raises(NotFoundError, match="There is no file or folder"):
        mine.submit(["odd"] * 20, "nowhere.onnx")
    with pytest.raises(InputError, match="The name takes 65 bytes"):
        mine.submit(["odd"] * 20, model, name="x" * 65)
    after = requester.connection.web3.eth.get_transaction_count(ann.wallet.address)
    assert after == nonce
    embedded.move_to(request.record.deadline)
    with pytest.raises(StepError, match="takes no more submissions: it is in TRUTH"):
        mine.submit(["odd"] * 20, model)


def test_an_account_without_fees_is_told(embedded: Place) -> None:
    from modelmarket.chain.wallets import Wallet

    poor = Wallet.new()
    call = embedded.join("ann").coin.claim_airdrop()
    with pytest.raises(FundsError, match="has 0 wei for fees"):
        sign(embedded.connection, call, poor)


def test_what_is_too_large_is_not_sent(embedded: Place) -> None:
    ann = embedded.join("ann")
    huge = Call("a huge call", ann.wallet.address, b"\x01" * 140_000)
    with pytest.raises(InputError, match="nodes take 131,072 in one transaction"):
        sign(embedded.connection, huge, ann.wallet)


def test_a_dead_node_is_named(tmp_path: Path) -> None:
    from modelmarket.chain.connection import Connection

    with pytest.raises(ChainError, match=r"http://127.0.0.1:9 cannot be reached"):
        Connection("http://127.0.0.1:9")


def test_another_chain_is_refused(embedded: Place) -> None:
    from modelmarket.chain.connection import Connection

    with pytest.raises(ChainError, match="is on chain 1297041477, not 5"):
        Connection(embedded.network.rpc, chain_id=5)


# --- the index ---


def test_the_index_rebuilt_from_nothing_says_the_same(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    first, second = embedded.create(requester), embedded.create(requester)
    embedded.submit(ann, first.id)
    embedded.submit(ann, second.id, 4)
    embedded.settle(first.id)
    before = [requester.index.request(one.id) for one in requester.index.find()]
    requester.index.rebuild()
    assert [requester.index.request(one.id) for one in requester.index.find()] == before
    for record in before:
        state = requester.contract.request(record.id)
        assert (state.phase, state.live, state.ranked) == (
            record.at(requester.now()).phase,
            record.live,
            len(record.ranking),
        )


def test_processes_that_share_an_index_do_not_trip_over_each_other(
    embedded: Place,
) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    network = requester.network

    def another() -> Index:
        address = requester.home.index(network.chain_id, network.market)
        return Index(address, requester.connection, network.market, network.first_block)

    several = [another() for _ in range(4)]
    request = embedded.create(requester)
    for wrong in range(3):
        embedded.submit(ann, request.id, wrong)
        with ThreadPoolExecutor(len(several)) as threads:
            list(threads.map(Index.sync, several))
        found = [index.request(request.id) for index in several]
        assert all(one == ann.request(request.id).record for one in found)
        assert [one.entries for one in several[wrong].find()] == [wrong + 1]
    for index in several:
        index.close()


def test_what_is_known_of_a_request_grows_with_its_events(embedded: Place) -> None:
    """Only new events are replayed; what was given out stays as it was."""
    requester, ann = embedded.join("requester"), embedded.join("ann")
    request = embedded.create(requester)
    early = ann.request(request.id).record
    embedded.submit(ann, request.id)
    late = ann.request(request.id).record
    assert (len(early.submissions), len(late.submissions)) == (0, 1)
    ann.index.rebuild()
    assert ann.index.request(request.id) == late


def test_requests_are_listed_searched_and_sorted(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    for name, reward, minutes in (
        ("Digits", 9, 50),
        ("cats 100%", 10, 9),
        ("x", 1, 99),
    ):
        embedded.create(
            requester,
            name=name,
            reward=Wei(reward),
            stake=Wei(1),
            submission_window_s=60 * minutes,
        )
    embedded.submit(ann, 2)
    requester.request(3).cancel()

    def ids(**options: object) -> list[int]:
        return [one.id for one in ann.requests(**options)]  # type: ignore[arg-type]  # any of its options

    assert ids() == [3, 2, 1]
    assert ids(sort=Sort.REWARD) == [2, 1, 3]
    assert ids(sort=Sort.DEADLINE) == [2, 1, 3]
    assert ids(search="digit") == [1]
    assert ids(search="100%") == [2]
    assert ids(search="_") == []
    assert ids(is_final=True) == [3]
    assert ids(is_final=False, limit=1) == [2]
    assert [one.id for one in requester.requests(mine=True)] == [3, 2, 1]
    assert ann.requests(mine=True) == []
    assert [one.record.request_id for one in ann.submissions()] == [2]


@pytest.mark.parametrize("depth", [1, 3])
def test_a_reorganisation_rolls_the_index_back(tmp_path: Path, depth: int) -> None:
    with place("anvil", tmp_path / "people") as here:
        requester, ann = here.join("requester"), here.join("ann")
        request = here.create(requester)
        for _ in range(3):
            here.submit(ann, request.id)
        assert len(requester.request(request.id).record.submissions) == 3
        # The last blocks are replaced by empty ones; two transactions a
        # submission would be too many, but the allowance is a permit.
        here.connection.ask("anvil_reorg", depth, [])
        record = requester.request(request.id).record
        state = requester.contract.request(request.id)
        assert len(record.submissions) == state.live == 3 - depth
        requester.index.rebuild()
        assert requester.request(request.id).record == record


def test_hints_are_found_in_the_index(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    request = embedded.create(requester)
    entered = [embedded.submit(ann, request.id, n) for n in (0, 5, 5, 9)]
    embedded.move_to(request.record.deadline)
    requester.request(request.id).open_truth()
    for one in reversed(entered):
        one.refresh().claim()
    index = ann.index
    index.sync()
    assert index.hint(request.id, SubmissionId(99), 20) == entered[0].id
    assert index.hint(request.id, SubmissionId(99), 15) == entered[2].id
    assert index.hint(request.id, entered[1].id, 15) == entered[0].id
    assert index.hint(request.id, SubmissionId(99), 0) == entered[3].id
    ranking = [one.id for one in ann.request(request.id).ranking()]
    assert ranking == [one.id for one in entered]
