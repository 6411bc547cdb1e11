# SPDX-License-Identifier: Apache-2.0
"""Whole lives on real nodes, through the SDK, the agent, the index, the audit."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode as abi_encode
from eth_utils import keccak

from modelmarket import agent
from modelmarket.agent import running
from modelmarket.agent.checks import FEW_BYTES
from modelmarket.audit import audit
from modelmarket.chain.abi import functions
from modelmarket.chain.blocks import Call
from modelmarket.chain.contracts import PERMIT_LIFE_S
from modelmarket.chain.sending import sign
from modelmarket.chain.wallets import Wallet
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import (
    ChainError,
    DataError,
    FundsError,
    InputError,
    NotFoundError,
    RevertError,
    StepError,
    TermsError,
    TransactionError,
)
from modelmarket.index.index import Index
from modelmarket.index.sorting import Sort
from modelmarket.market import Market
from modelmarket.market.outbox import Resumed
from modelmarket.protocol.actions import CreateRequest
from modelmarket.protocol.money import LEAST_WEI
from modelmarket.protocol.phases import Phase, Status
from modelmarket.protocol.types import SubmissionId, Wei
from modelmarket.vault import backups
from modelmarket.vault.journal import State
from support.market import REWARD, STAKE, Place, journalled, place, refused


@pytest.fixture(params=["embedded", "anvil", "anvil and PostgreSQL"])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    node, _, database = request.param.partition(" and ")
    index = request.getfixturevalue("new_postgres")() if database else ""
    with place(node, tmp_path / "people", index) as found:
        yield found


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path / "people") as found:
        yield found


def passes(market: Market, request_id: int) -> bool:
    verdicts = audit(market, request_id)
    failed = [one for one in verdicts if one.is_broken]
    assert not failed, failed
    return len(verdicts) == 11


def test_agents_alone_take_a_request_to_its_payment(here: Place) -> None:
    requester, ann, bob = (here.join(name) for name in ("requester", "ann", "bob"))
    request = here.create(requester)
    assert (request.position().phase, request.terms.labels) == (Phase.OPEN, 20)
    best, other = here.submit(ann, request.id, 1), here.submit(bob, request.id, 3)
    here.live(request.id)
    done = requester.request(request.id)
    assert done.position().phase is Phase.FULFILLED
    winner = done.winner()
    assert winner is not None
    assert (winner.id, winner.record.score) == (best.id, 19)
    assert other.refresh().record.status is Status.WITHDRAWN
    balances = [m.coin.balance(m.wallet.address) for m in (requester, ann, bob)]
    thousand = 10 * REWARD
    assert balances == [thousand - REWARD, thousand + REWARD, thousand]
    assert passes(requester, request.id)
    model = done.fetch_model(str(here.folder / "model"))
    assert (model / "model.txt").read_text() == "n % 2"
    assert (model / "predictions.csv").read_text().startswith("row_id,label\n1,")
    card = done.model_card()
    assert "# 1 mistakes\n\nBought with request 1 on chain" in card
    assert (
        "Right for 19 of 20 test rows: 95.00% (95% interval 76.39% to 99.11%)." in card
    )
    # The audit has tried to run it, and a text is no model.
    assert "Not reproducible: The winner's folder has no ONNX file" in card
    assert "Any file can have won" in card
    assert "Handed over under: none stated." in card


def test_an_agent_fetches_what_was_bought_as_soon_as_somebody_serves_it(
    embedded: Place,
) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    request = embedded.create(requester)
    embedded.submit(ann, request.id)
    served = requester.network
    requester.network = replace(served, gateways=())
    embedded.live(request.id)
    # Whoever sold it has it, and whoever bought it knows what is left to be done.
    assert agent.plan(ann) == []
    [step] = agent.plan(requester)
    assert str(step) == f"fetch the model that won request {request.id}"
    [report] = agent.run_once(requester)
    assert not report.done
    assert "is not to be had" in report.message
    assert requester.request(request.id).kept_model() is None
    requester.network = served
    [report] = agent.run_once(requester)
    assert report.done
    kept = requester.request(request.id).kept_model()
    assert kept is not None
    assert {one.path for one in kept.files} == {"model.txt", "predictions.csv"}
    assert agent.plan(requester) == []


def test_what_an_agent_fetches_unasked_leaves_room_on_the_disk(
    embedded: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a stranger's folder of any size, and the vault's disk."""
    requester, ann = embedded.join("requester"), embedded.join("ann")
    request = embedded.create(requester)
    embedded.submit(ann, request.id)
    usage = shutil.disk_usage(embedded.folder)
    full = usage._replace(free=FEW_BYTES)
    with monkeypatch.context() as patched:
        patched.setattr(running, "disk_usage", lambda _: full)
        embedded.live(request.id)
        [report] = agent.run_once(requester)
        assert report.message == "The disk is nearly full. Make room on it."
    with monkeypatch.context() as patched:
        patched.setattr(running, "MOST_FETCHED_BYTES", 5)
        [report] = agent.run_once(requester)
    assert not report.done
    assert report.message == (
        "It is larger than 5 bytes. The agent takes no more unasked: `modelmarket "
        "request model 1 FOLDER` tries it without that limit."
    )
    bought = requester.request(request.id)
    assert bought.kept_model() is None
    # Whoever asks for it has it.
    assert (bought.fetch_model(embedded.folder / "model") / "model.txt").is_file()
    assert agent.plan(requester) == []


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
    # How it ended is told, and not that its time was over alone.
    assert "did not open the truth; the reward is slashed" in reports[0].message
    assert ann.coin.balance(ann.wallet.address) == 10 * REWARD
    assert passes(requester, request.id)
    untold = [one.figures for one in audit(requester, request.id) if one.passed is None]
    assert untold == ["its requester never opened the truth, and lost the reward"]


def test_a_request_with_several_pages_and_a_threshold(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    # Two classes: 196,608 labels fill a page, so a fifth of a million spills over.
    request = embedded.create(
        requester, 394_000, minimum_matches=100_000, fraction=Fraction(1, 2)
    )
    assert request.terms.labels == 197_000
    embedded.submit(ann, request.id, 5)
    embedded.live(request.id)
    done = requester.request(request.id)
    assert done.position().phase is Phase.FULFILLED
    assert len(done.record.truth) == 2
    assert passes(requester, request.id)


def test_below_the_threshold_the_requester_is_refunded(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    request = embedded.create(requester, minimum_matches=20)
    embedded.submit(ann, request.id, 1)
    embedded.live(request.id)
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
    steps = [step for step in agent.plan(twin) if agent.is_due(twin, step, twin.look())]
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
    journalled(requester, call.what, signed)
    # Here the machine loses power; the transaction is signed and not sent.
    back = embedded.again("requester")
    assert back.resume() == [Resumed("open_truth", back.connection.block().number)]
    assert back.vault.journal.unfinished(back.network.market) == []
    assert back.request(request.id).position().phase is Phase.CLAIMS
    assert back.resume() == []


def test_a_journalled_transaction_that_became_void_is_dropped(
    embedded: Place,
) -> None:
    requester = embedded.join("requester")
    call = requester.coin.approve(requester.network.market, 1)
    signed = sign(requester.connection, call, requester.wallet)
    journalled(requester, "approve", signed)
    requester.send(requester.coin.approve(requester.network.market, 2))
    assert requester.resume() == [Resumed("approve", None)]
    assert requester.vault.journal.unfinished(requester.network.market) == []


def test_what_another_process_saw_through_is_nobodys_to_wait_for(
    embedded: Place,
) -> None:
    requester = embedded.join("requester")
    call = requester.coin.approve(requester.network.market, 1)
    signed = sign(requester.connection, call, requester.wallet)
    entry = journalled(requester, "approve", signed)
    journal = requester.vault.journal
    # It was looked up, and is over before its bytes are.
    journal.replaced(entry, message="over")
    assert journal.versions(entry) == []
    assert list(requester.outbox._see_through([entry])) == []


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
    with pytest.raises(
        RevertError, match="This address has had its airdrop of 1,000 MDC"
    ):
        ann.claim_airdrop()
    with pytest.raises(FundsError, match=r"has 1,000 MDC and needs 2,000"):
        embedded.create(requester, reward=Wei(20 * REWARD))
    with pytest.raises(TermsError, match="at least 1% of the reward"):
        embedded.create(requester, stake=Wei(1))
    with pytest.raises(TermsError, match="1 min to 365 days"):
        embedded.create(requester, submission_window_s=59)
    request = embedded.create(requester)
    nonce = requester.connection.transaction_count(ann.wallet.address)
    with pytest.raises(NotFoundError, match="There is no request 99"):
        ann.request(99)
    with pytest.raises(NotFoundError, match="There is no submission 99") as told:
        ann.submission(99)
    assert "`modelmarket submission list`" in told.value.hint
    with pytest.raises(StepError, match=f"Request {request.id} is not yours"):
        ann.request(request.id).cancel()
    with pytest.raises(StepError, match="cannot be opened now: Open for submissions"):
        requester.request(request.id).open_truth()
    with pytest.raises(StepError, match="has no winner"):
        ann.request(request.id).fetch_model(embedded.folder / "nowhere")
    mine = ann.request(request.id)
    model = ann.home.path / "m"
    model.write_text("x")
    with pytest.raises(DataError, match="3 predictions for 20 test rows"):
        mine.submit(model, ["odd"] * 3)
    with pytest.raises(DataError, match="Row 1: 'prime' is not one of the 2 classes"):
        mine.submit(model, ["prime"] * 20)
    with pytest.raises(NotFoundError, match="There is no file or folder"):
        mine.submit("nowhere.onnx", ["odd"] * 20)
    with pytest.raises(InputError, match="The name takes 65 bytes"):
        mine.submit(model, ["odd"] * 20, name="x" * 65)
    after = requester.connection.transaction_count(ann.wallet.address)
    assert after == nonce
    embedded.move_to(request.record.deadline)
    with pytest.raises(StepError, match="takes no more submissions: it is in TRUTH"):
        mine.submit(model, ["odd"] * 20)


def test_an_account_without_fees_is_told(embedded: Place) -> None:
    from modelmarket.chain.wallets import Wallet

    poor = Wallet.new()
    call = embedded.join("ann").coin.claim_airdrop()
    with pytest.raises(FundsError, match="has 0 of the chain's own coin"):
        sign(embedded.connection, call, poor)


def test_what_is_too_large_is_not_sent(embedded: Place) -> None:
    ann = embedded.join("ann")
    huge = Call("a huge call", ann.wallet.address, b"\x01" * 140_000)
    with pytest.raises(InputError, match="nodes take 131,072 in one transaction"):
        sign(embedded.connection, huge, ann.wallet)


def test_a_dead_node_is_named(tmp_path: Path) -> None:
    from modelmarket.chain.connection import Connection

    with pytest.raises(ChainError, match=r"http://127.0.0.1:9 cannot be reached"):
        Connection("http://127.0.0.1:9").block()


def test_another_chain_is_refused(embedded: Place) -> None:
    from modelmarket.chain.connection import Connection

    with pytest.raises(ChainError, match="is on chain 1297041477, not 5"):
        Connection(embedded.network.rpc, chain_id=5).block()


# --- permits that strangers see ---


class Watched(Wallet):
    """A wallet that lets something happen when it signs a transaction."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__(Wallet.new()._account)
        self._happens = [happens]
        self.permits: list[dict[str, Any]] = []

    def sign_typed(self, message: dict[str, Any]) -> tuple[int, bytes, bytes]:
        if message["primaryType"] == "Permit":
            self.permits.append(message["message"])
        return super().sign_typed(message)

    def sign_transaction(self, transaction: dict[str, Any]) -> tuple[bytes, bytes]:
        if self._happens and transaction["data"][:4] != CLAIM_AIRDROP:
            self._happens.pop()()
        return super().sign_transaction(transaction)


CLAIM_AIRDROP = functions("ModelCoin")["claim_airdrop"].encode()[:4]
PERMIT = "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"


def post_permit(stranger: Market, market: Market, amount: int, nonce: int) -> None:
    """A stranger uses a permit that somebody once signed."""
    message = market.coin.permit_message(
        market.wallet.address,
        market.network.market,
        amount,
        number=nonce,
        deadline=market.connection.now() + PERMIT_LIFE_S,
    )
    v, r, s = Wallet(market.wallet._account).sign_typed(message)
    said = message["message"]
    arguments = (said["owner"], said["spender"], amount, said["deadline"], v, r, s)
    types = PERMIT.removeprefix("permit(").removesuffix(")").split(",")
    data = keccak(PERMIT.encode())[:4] + abi_encode(types, arguments)
    stranger.send(Call("permit", market.coin.address, data))


def failed(market: Market) -> list[str]:
    entries = market.vault.journal.newest(market.network.market, limit=9)
    return [one.told for one in entries if one.state is State.FAILED]


@pytest.mark.parametrize("when", ["before it is checked", "after it is signed"])
@pytest.mark.parametrize(
    ("amount", "signed"), [(REWARD, 1), (REWARD // 2, 2)], ids=["same", "older"]
)
def test_a_permit_that_a_stranger_used_up_stops_nobody(
    here: Place, when: str, amount: int, signed: int
) -> None:
    """Posted as it is, it leaves the allowance; an older one makes it void."""
    eve = here.join("eve")
    happened: list[str] = []

    def spoil() -> None:
        happened.append(when)
        post_permit(eve, requester, amount, nonce=0)

    class Early(Watched):
        def sign_typed(self, message: dict[str, Any]) -> tuple[int, bytes, bytes]:
            found = super().sign_typed(message)
            if message["primaryType"] == "Permit" and not happened:
                spoil()
            return found

    early = when == "before it is checked"
    wallet = Early(lambda: None) if early else Watched(spoil)
    requester = here.join("requester", wallet)
    request = here.create(requester)
    assert happened == [when]
    assert request.id == 1
    assert requester.contract.request_count() == 1
    assert requester.coin.balance(requester.wallet.address) == 9 * REWARD
    assert [one["nonce"] for one in wallet.permits] == list(range(signed))
    # On the chain one failed only where it was signed before it was spoilt.
    is_late = signed == 2 and not early
    assert failed(requester) == (["failed"] if is_late else [])
    assert requester.vault.journal.unfinished(requester.network.market) == []
    assert (
        requester.coin.allowance(requester.wallet.address, requester.network.market)
        == 0
    )


def test_a_submission_whose_permit_was_used_up_is_sent_once(embedded: Place) -> None:
    requester, eve = embedded.join("requester"), embedded.join("eve")
    request = embedded.create(requester)
    wallet = Watched(lambda: post_permit(eve, ann, 1, nonce=0))
    ann = embedded.join("ann", wallet)
    embedded.submit(ann, request.id)
    assert ann.contract.submission_count() == 1
    assert ann.coin.balance(ann.wallet.address) == 10 * REWARD - STAKE
    assert failed(ann) == ["failed"]


def test_what_fails_for_another_reason_is_not_sent_again(embedded: Place) -> None:
    requester = embedded.join("requester")
    request = embedded.create(requester)
    wallet = Watched(lambda: embedded.move_to(request.record.deadline))
    ann = embedded.join("ann", wallet)
    before = ann.connection.transaction_count(ann.wallet.address)
    with pytest.raises(TransactionError, match="and failed"):
        embedded.submit(ann, request.id)
    assert ann.connection.transaction_count(ann.wallet.address) == before + 1
    assert ann.contract.submission_count() == 0


def test_the_airdrop_is_not_offered_to_who_had_it(embedded: Place) -> None:
    ann = embedded.join("ann")
    with pytest.raises(FundsError, match="It has had its airdrop") as told:
        ann.permit(11 * REWARD)
    assert "modelmarket airdrop" not in told.value.hint
    with pytest.raises(FundsError, match=r"`market.claim_airdrop\(\)` gives 1,000 MDC"):
        ann.signed_by(Wallet.new()).permit(1)


# --- what was used before ---


def table(here: Place, name: str, numbers: range) -> Source:
    lines = (f"{n},{n * n},{'odd' if n % 2 else 'even'}" for n in numbers)
    path = here.folder / f"{name}.csv"
    path.write_text("n,square,kind\n" + "\n".join(lines) + "\n")
    return Source(open_table(path, header=True), label="kind")


def test_a_table_that_is_used_again_would_show_the_labels_of_its_test_rows(
    embedded: Place,
) -> None:
    requester = embedded.join("requester")
    first = embedded.create(requester, 100, again=False)
    said = refused(
        requester, "again", lambda: embedded.create(requester, 100, again=False)
    )
    assert re.search(
        r"(\d+) of the 20 test rows of request 1 would stand with their labels in "
        r"this training part, while it takes submissions\. (\d+) of the 20 test rows "
        r"stand with their labels in the training part of request 1\.",
        said,
    )
    # Half of the rows, among others, in another file and order.
    other = table(embedded, "other", range(299, 49, -1))
    said = refused(
        requester, "again", lambda: requester.create_request(other, reward=REWARD)
    )
    seen, hidden = set(first.training_data()[0]["n"]), set(first.test_data()["n"])
    assert len(seen) + len(hidden) == 100
    assert "of the 20 test rows of request 1 would stand" in said
    fresh = table(embedded, "fresh", range(1_000, 1_100))
    requester.create_request(fresh, reward=REWARD)
    again = requester.create_request(other, reward=REWARD, again=True)
    assert again.id == 3


def test_how_many_rows_would_leak_is_counted_right(embedded: Place) -> None:
    requester = embedded.join("requester")
    first = embedded.create(requester, 100, again=False)
    said = refused(
        requester, "again", lambda: embedded.create(requester, 100, again=False)
    )
    second = embedded.create(requester, 100)  # the same split as the refused one
    hidden, shown = (set(one.test_data()["n"]) for one in (first, second))
    learnt = set(second.training_data()[0]["n"])
    counts = [int(one) for one in re.findall(r"(\d+) of the 20 test rows", said)]
    assert counts == [
        count
        for count in (
            len(hidden & learnt),
            len(shown & set(first.training_data()[0]["n"])),
            len(shown & hidden),
        )
        if count
    ]


def test_what_an_ended_request_has_shown_is_no_secret_to_test_with(
    embedded: Place,
) -> None:
    """Nothing leaks back into it, but its labels are known."""
    requester, ann = embedded.join("requester"), embedded.join("ann")
    request = embedded.create(requester, again=False)
    embedded.submit(ann, request.id)
    embedded.live(request.id)
    said = refused(requester, "again", lambda: embedded.create(requester, again=False))
    assert "while it takes submissions" not in said
    assert "stand with their labels in the training part of request 1" in said


def test_a_table_that_was_prepared_and_never_published_is_not_held_against_it(
    embedded: Place,
) -> None:
    requester = embedded.join("requester")
    owner = requester.wallet.address
    requester.prepare_request(embedded.data(), owner=owner, reward=REWARD)
    embedded.create(requester, again=False)


def test_tables_are_recognised_after_a_restart_and_out_of_a_backup(
    embedded: Place,
) -> None:
    requester = embedded.join("requester")
    embedded.create(requester, again=False)
    path = embedded.folder / "backup.json"
    backups.write(
        path,
        requester.vault.all(),
        "long enough",
        published=requester.vault.published(),
    )
    back = embedded.again("requester")
    refused(back, "again", lambda: embedded.create(back, again=False))
    other = embedded.join("other")
    backups.read(path, "long enough").restore(other.vault)
    refused(other, "again", lambda: embedded.create(other, again=False))


def test_a_truth_is_sealed_for_one_request_only(embedded: Place) -> None:
    """Nobody else's either, and whatever is said."""
    requester, eve = embedded.join("requester"), embedded.join("eve")
    request = embedded.create(requester)
    nonce = requester.connection.transaction_count(requester.wallet.address)
    for market in (requester, eve):
        with pytest.raises(TermsError, match="Request 1 has this truth's seal already"):
            market.do(CreateRequest(request.terms))
    assert requester.connection.transaction_count(requester.wallet.address) == nonce


def test_a_second_submission_of_ones_own_is_asked_about(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    bob = embedded.join("bob")
    request = embedded.create(requester)
    first = embedded.submit(ann, request.id, again=False)
    mine = ann.request(request.id)
    model, other = ann.home.path / "model.txt", ann.home.path / "other.txt"
    other.write_text("n & 1")
    labels = ["odd"] * 20

    said = refused(ann, "again", lambda: embedded.submit(ann, request.id, again=False))
    assert f"with the same predictions already: submission {first.id}. " in said
    said = refused(ann, "again", lambda: mine.submit(model, labels))
    assert f"with the same model already: submission {first.id}. " in said
    said = refused(ann, "again", lambda: mine.submit(other, labels))
    assert f"has a submission of yours already: submission {first.id}. " in said

    second = mine.submit(other, labels, again=True)
    said = refused(ann, "again", lambda: mine.submit(other, labels))
    assert f"same predictions already: submission {second.id}, one of 2 of" in said
    # Others, other requests, and what was cancelled, are not asked about.
    embedded.submit(bob, request.id, again=False)
    embedded.submit(ann, embedded.create(requester).id, again=False)
    for one in (first, second):
        one.refresh().cancel()
    embedded.submit(ann, request.id, again=False)


def test_the_same_predictions_from_another_account_of_the_vault_are_asked_about(
    embedded: Place,
) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    request = embedded.create(requester)
    first = embedded.submit(ann, request.id)
    key = Wallet.new()
    embedded.fund(key.address)
    twin = ann.signed_by(key)
    twin.claim_airdrop()
    said = refused(twin, "again", lambda: embedded.submit(twin, 1, again=False))
    assert f"with the same predictions already: submission {first.id}. " in said


def test_a_stake_above_the_reward_is_asked_about(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    high = Wei(REWARD + 1)
    said = refused(
        requester, "accept_stake", lambda: embedded.create(requester, stake=high)
    )
    assert "100.000000000000000001 MDC is above the reward of 100 MDC" in said
    embedded.create(requester, stake=REWARD)
    request = embedded.create(requester, stake=high, accept_stake=True)
    mine, model = ann.request(request.id), ann.home.path / "model"
    model.write_text("x")
    refused(ann, "accept_stake", lambda: mine.submit(model, ["odd"] * 20))
    mine.submit(model, ["odd"] * 20, accept_stake=True)


# --- the index ---


def test_the_index_rebuilt_from_nothing_says_the_same(embedded: Place) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    first, second = embedded.create(requester), embedded.create(requester)
    embedded.submit(ann, first.id)
    embedded.submit(ann, second.id, 4)
    embedded.live(first.id)
    before = [requester.index.request(one.id) for one in requester.index.find()]
    requester.index.rebuild()
    assert [requester.index.request(one.id) for one in requester.index.find()] == before
    for record in before:
        state = requester.contract.request(record.id)
        assert (state.phase, state.live, state.ranked) == (
            record.at(requester.connection.now()).phase,
            record.live,
            len(record.ranking),
        )


def test_processes_that_share_an_index_do_not_trip_over_each_other(
    embedded: Place,
) -> None:
    requester, ann = embedded.join("requester"), embedded.join("ann")
    network = requester.network

    def another() -> Index:
        address = requester.home.index(network.chain_id, *network.contracts.addresses)
        return Index(
            address, requester.connection, network.contracts, network.first_block
        )

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
            reward=Wei(reward * LEAST_WEI),
            stake=Wei(LEAST_WEI),
            submission_window_s=60 * minutes,
        )
    embedded.submit(ann, 2)
    requester.request(3).cancel()

    def ids(**options: Any) -> list[int]:
        return [one.id for one in ann.requests(**options)]

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


def test_an_option_that_a_request_has_not_is_refused(embedded: Place) -> None:
    """A threshold that is misspelt would be none."""
    requester = embedded.join("requester")
    options: dict[str, Any] = {"treshold": Fraction(9, 10)}
    with pytest.raises(InputError, match="'treshold'") as refused:
        requester.create_request(embedded.data(), reward=REWARD, **options)
    assert "Did you mean threshold?" in refused.value.hint
    options = {"minutes": 60}
    with pytest.raises(InputError, match="'minutes'") as refused:
        requester.create_request(embedded.data(), reward=REWARD, **options)
    assert "Did you mean submission_window_s?" in refused.value.hint
    assert requester.requests() == []


def test_a_step_out_of_its_time_or_without_its_secret_says_why(embedded: Place) -> None:
    """Nothing is sent; the same steps succeed when their time has come."""
    requester, ann, bob = map(embedded.join, ("requester", "ann", "bob"))
    request = embedded.create(requester)
    mine = embedded.submit(ann, request.id)
    others = bob.submission(mine.id)
    gone = embedded.submit(ann, request.id, 2)
    gone.cancel()

    def refused(act: Callable[[], object], says: str) -> None:
        before = embedded.connection.block().number
        with pytest.raises(StepError, match=says):
            act()
        assert embedded.connection.block().number == before

    refused(mine.claim, "cannot be counted: Open for submissions")
    refused(request.open_truth, "cannot be opened now")
    refused(lambda: request.fetch_model(embedded.folder / "m"), "has no winner")
    refused(request.model_card, "has no winner")
    refused(gone.refresh().refuse_if_ended, "was cancelled already, in block")
    mine.refuse_if_ended()
    embedded.move_to(request.record.deadline)
    refused(bob.request(request.id).open_truth, "is not in this vault")
    refused(lambda: embedded.submit(bob, request.id), "takes no more submissions")
    request.open_truth()
    refused(others.claim, "cannot be counted")
    refused(mine.validate, "cannot be validated now")
    mine.claim()
    embedded.move_to(request.refresh().position().step_ends)
    refused(others.validate, "are not in this vault")
    assert mine.validate()
    mine = mine.refresh()
    assert mine.status() == "Won; paid 101 MDC."
    refused(request.refresh().refuse_if_ended, "has ended already, in block")
