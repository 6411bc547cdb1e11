# SPDX-License-Identifier: Apache-2.0
"""Measures the gas of every call on anvil: `python benchmarks/gas.py [--write]`.

Gas is deterministic, so the table is a snapshot (`benchmarks/gas.json`) that a
test compares; `--write` renews it. All figures are receipts of a real node
under Osaka's rules, on a market that is in use.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from modelmarket.chain.anvil import running_anvil
from modelmarket.chain.blocks import Call, Receipt
from modelmarket.chain.contracts import NO_PERMIT, ModelMarket, Permit
from modelmarket.chain.sending import calldata_floor
from modelmarket.protocol.classes import Codes
from modelmarket.protocol.events import RequestCreated, SubmissionCreated
from modelmarket.protocol.labels import pack
from modelmarket.protocol.money import ONE_MDC
from modelmarket.protocol.seals import Core, Opening, seal, superhash
from modelmarket.protocol.terms import DAY_S, Terms
from modelmarket.protocol.types import (
    Address,
    Salt,
    SubmissionId,
    TermsHash,
    Wei,
)
from unlocked import LATE, MNEMONIC, MODEL, SIXTY_BYTES, UnlockedChain

SNAPSHOT = Path(__file__).with_name("gas.json")
SALT = Salt(bytes(range(1, 33)))
LONGEST_WALK = 32


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        function: What was called.
        case: Under which circumstances.
        labels: Of the request.
        bits: Per label.
        submissions: On the request.
        gas: That the receipt shows.
        floor: The least that the chain would charge for the bytes sent.
    """

    function: str
    case: str
    labels: int
    bits: int
    submissions: int
    gas: int
    floor: int


class Bench(UnlockedChain):
    """A market on a chain that measures its calls."""

    def __init__(self, rpc: str) -> None:
        super().__init__(rpc)
        self.rows: list[Row] = []
        self.labels, self.bits, self.submissions = 14_000, 4, 1
        self.market, _ = ModelMarket.deploy(
            self.connection, self.wallets[0], self.coin.address
        )
        self.let_take(self.market.address)

    def measure(self, case: str, call: Call, sender: Address) -> Receipt:
        """Sends a call and notes what it took."""
        receipt = self.send(call, sender)
        self.rows.append(
            Row(
                call.what,
                case,
                self.labels,
                self.bits,
                self.submissions,
                receipt.gas,
                calldata_floor(call.data),
            )
        )
        return receipt

    def truth(self, seed: int = 1) -> tuple[Codes, Opening]:
        """Random labels, and their seal."""
        codes = (
            np.random.default_rng(seed)
            .integers(0, min(10, 2**self.bits), self.labels)
            .astype(np.uint16)
        )
        core = Core.of_truth(
            self.connection.chain_id, self.market.address, self.requester, SALT
        )
        return codes, seal(pack(codes, self.bits), core)

    def terms(self, opening: Opening) -> Terms:
        """Terms with one string of 60 bytes each for dataset, name, context."""
        return Terms(
            dataset=SIXTY_BYTES,
            name=SIXTY_BYTES,
            context=SIXTY_BYTES,
            reward=Wei(100 * 10**18),
            stake=Wei(10**18),
            submission_window_s=30 * DAY_S,
            response_window_s=7 * DAY_S // 2,
            labels=self.labels,
            bits=self.bits,
            minimum_matches=0,
            truth_seal=opening.seal,
        )

    def predictions(
        self, truth: Codes, accuracy: float, terms_hash: TermsHash
    ) -> tuple[int, Opening]:
        """Predictions of an exact accuracy; their matches and their seal."""
        codes = truth.copy()
        wrong = round((1 - accuracy) * codes.size)
        rows = np.random.default_rng(2).permutation(codes.size)[:wrong]
        codes[rows] = (codes[rows] + 1) % min(10, 2**self.bits)
        core = Core.of_predictions(
            self.connection.chain_id,
            self.market.address,
            self.trainer,
            terms_hash,
            superhash(MODEL),
            SALT,
        )
        return codes.size - wrong, seal(pack(codes, self.bits), core)

    def create(
        self, terms: Terms, permit: Permit = NO_PERMIT, *, case: str = ""
    ) -> RequestCreated:
        """Creates a request, measured if the case has a name."""
        call = self.market.create_request(terms, permit)
        receipt = (
            self.measure(case, call, self.requester)
            if case
            else self.send(call, self.requester)
        )
        (event,) = self.market.events(receipt)
        assert isinstance(event, RequestCreated)
        return event

    def submission(
        self, request: RequestCreated, opening: Opening, permit: Permit = NO_PERMIT
    ) -> Call:
        """The call that submits."""
        return self.market.submit(
            request.request_id,
            request.terms_hash,
            opening.layers[0],
            superhash(MODEL),
            SIXTY_BYTES,
            permit,
        )

    def submit(
        self,
        request: RequestCreated,
        opening: Opening,
        permit: Permit = NO_PERMIT,
        *,
        case: str = "",
        sender: Address | None = None,
    ) -> SubmissionId:
        """Submits, measured if the case has a name."""
        call = self.submission(request, opening, permit)
        by = sender or self.trainer
        receipt = self.measure(case, call, by) if case else self.send(call, by)
        (event,) = self.market.events(receipt)
        assert isinstance(event, SubmissionCreated)
        return event.submission_id


def use(bench: Bench) -> None:
    """Puts the market into use: first calls write slots that others update."""
    _, opening = bench.truth()
    request = bench.create(bench.terms(opening))
    bench.submit(request, opening)
    bench.move_to(request.deadline + bench.terms(opening).opening_window_s)
    bench.send(bench.market.enforce_timeout(request.request_id), bench.requester)


def creating(bench: Bench) -> None:
    """Creating and submitting, with an allowance and with a permit."""
    bench.submissions = 0
    _, opening = bench.truth()
    terms = bench.terms(opening)
    request = bench.create(terms, case="allowance")
    bench.send(bench.coin.approve(bench.market.address, 0), bench.requester)
    bench.send(bench.coin.approve(bench.market.address, 0), bench.trainer)
    permit = bench.coin.sign_permit(
        bench.wallets[0], bench.market.address, terms.reward, deadline=LATE
    )
    bench.create(terms, permit, case="permit")
    permit = bench.coin.sign_permit(
        bench.wallets[1], bench.market.address, terms.stake, deadline=LATE
    )
    bench.submissions = 1
    bench.submit(request, opening, permit, case="permit")
    for account in (bench.requester, bench.trainer):
        bench.send(bench.coin.approve(bench.market.address, 2**255), account)
    bench.submissions = 2
    bench.submit(request, opening, case="allowance")
    bench.measure(
        "live ones share",
        bench.market.cancel_request(request.request_id, request.terms_hash, 2),
        bench.requester,
    )


def opening(bench: Bench, labels: int, bits: int, accuracy: float) -> None:
    """The truth opened and a winner validated, page by page."""
    bench.labels, bench.bits, bench.submissions = labels, bits, 1
    market = bench.market
    codes, truth = bench.truth()
    terms = replace(bench.terms(truth), response_window_s=3_600)
    request = bench.create(terms)
    matches, predictions = bench.predictions(codes, accuracy, request.terms_hash)
    submission = bench.submit(request, predictions)
    bench.move_to(request.deadline)
    last = len(truth.pages) - 1
    for page, packed in enumerate(truth.pages):
        call = market.open_truth(request.request_id, page, packed, truth.inner(page))
        bench.measure(
            "last page" if page == last else f"page {page}", call, bench.requester
        )
    bench.send(
        market.claim(submission, predictions.seal, matches, SubmissionId(0)),
        bench.trainer,
    )
    bench.move_to(market.request(request.request_id).step_ends)
    for page, packed in enumerate(predictions.pages):
        is_last = page == last
        call = market.open_predictions(
            submission,
            page,
            truth.pages[page],
            packed,
            predictions.inner(page),
            superhash(MODEL),
            MODEL if is_last else "",
        )
        case = f"{accuracy:.0%}, " + ("pays the winner" if is_last else f"page {page}")
        bench.measure(case, call, bench.trainer)


def ranking(bench: Bench, submissions: int) -> None:
    """Claims, time-outs and withdrawals on a request with many submissions."""
    bench.labels, bench.bits, bench.submissions = 14_000, 4, submissions
    market = bench.market
    codes, truth = bench.truth()
    request = bench.create(bench.terms(truth))
    matches, predictions = bench.predictions(codes, 0.97, request.terms_hash)
    first, count = market.submission_count() + 1, submissions - 4
    bench.send_many([bench.submission(request, predictions)] * count, bench.trainer)
    ids = [SubmissionId(first + n) for n in range(count)]
    poor = bench.submit(request, predictions, sender=bench.other)
    walker = bench.submit(request, predictions)
    bench.submit(request, predictions, case="allowance")
    leaver = bench.submit(request, predictions)
    bench.measure(
        "in time", market.cancel_submission(leaver, predictions.seal), bench.trainer
    )
    bench.move_to(request.deadline)
    page = truth.pages[0]
    bench.measure(
        "last page",
        market.open_truth(request.request_id, 0, page, truth.inner(0)),
        bench.requester,
    )
    # A ranking like stairs, from 13,500 down; the true one claims the top.
    bench.send_many(
        [
            market.claim(
                one,
                predictions.seal,
                13_500 - step,
                ids[step] if step else SubmissionId(0),
            )
            for step, one in enumerate(ids[1:])
        ],
        bench.trainer,
    )
    middle = len(ids) // 2
    bench.measure(
        "right hint, between two",
        market.claim(poor, predictions.seal, 13_500 - middle + 1, ids[middle]),
        bench.other,
    )
    if submissions > LONGEST_WALK + 8:
        # Past the claim above and the 31 behind it, from the same hint.
        stair = 13_500 - middle - (LONGEST_WALK - 2)
        bench.measure(
            "32 steps",
            market.claim(walker, predictions.seal, stair, ids[middle]),
            bench.trainer,
        )
    bench.measure(
        "right hint, at the top",
        market.claim(ids[0], predictions.seal, matches, SubmissionId(0)),
        bench.trainer,
    )
    state = market.request(request.request_id)
    bench.move_to(state.step_ends + (0 if state.candidate else 1))
    bench.measure(
        "97%, pays the winner",
        market.open_predictions(
            ids[0],
            0,
            page,
            predictions.pages[0],
            predictions.inner(0),
            superhash(MODEL),
            MODEL,
        ),
        bench.trainer,
    )
    bench.measure("to a wallet with MDC", market.withdraw(ids[1]), bench.trainer)
    balance = bench.coin.balance(bench.other)
    bench.send(bench.coin.transfer(bench.requester, balance), bench.other)
    bench.measure("to a wallet without MDC", market.withdraw(poor), bench.other)
    bench.send(bench.coin.transfer(bench.other, balance), bench.requester)


def missing(bench: Bench) -> None:
    """What happens when steps are missed."""
    bench.labels, bench.bits, bench.submissions = 14_000, 4, 2
    market = bench.market
    codes, truth = bench.truth()
    request = bench.create(bench.terms(truth))
    _, predictions = bench.predictions(codes, 0.97, request.terms_hash)
    first = bench.submit(request, predictions)
    second = bench.submit(request, predictions)
    bench.move_to(request.deadline)
    bench.send(
        market.open_truth(request.request_id, 0, truth.pages[0], truth.inner(0)),
        bench.requester,
    )
    bench.send(
        market.claim(first, predictions.seal, 13_000, SubmissionId(0)), bench.trainer
    )
    bench.send(market.claim(second, predictions.seal, 12_000, first), bench.trainer)
    bench.move_to(market.request(request.request_id).step_ends)
    bench.measure(
        "97%, count is not the claim",
        market.open_predictions(
            first,
            0,
            truth.pages[0],
            predictions.pages[0],
            predictions.inner(0),
            superhash(MODEL),
            MODEL,
        ),
        bench.trainer,
    )
    bench.move_to(market.request(request.request_id).step_ends)
    bench.measure(
        "last candidate, refunded",
        market.enforce_timeout(request.request_id),
        bench.other,
    )

    request = bench.create(bench.terms(truth))
    bench.submit(request, predictions)
    late = bench.submit(request, predictions)
    bench.move_to(request.deadline)
    bench.measure(
        "late",
        market.cancel_submission(late, predictions.seal, accept_slash=True),
        bench.trainer,
    )
    bench.move_to(market.request(request.request_id).step_ends)
    bench.measure(
        "truth not opened, forfeited",
        market.enforce_timeout(request.request_id),
        bench.other,
    )
    bench.submissions = 0
    request = bench.create(bench.terms(truth))
    bench.measure(
        "none live",
        market.cancel_request(request.request_id, request.terms_hash, 0),
        bench.requester,
    )


def rest(bench: Bench) -> None:
    """What has to do with no request."""
    bench.labels, bench.bits, bench.submissions = 0, 0, 0
    bench.measure(
        "first time",
        bench.market.set_operator(bench.other, approved=True),
        bench.trainer,
    )
    bench.measure("first time", bench.coin.claim_airdrop(), bench.wallets[3].address)
    bench.measure(
        "to a new account",
        bench.coin.transfer(bench.wallets[4].address, ONE_MDC),
        bench.wallets[3].address,
    )


def measure_all() -> list[Row]:
    """The whole table."""
    with running_anvil(options=["--mnemonic", MNEMONIC]) as rpc:
        bench = Bench(rpc)
        use(bench)
        creating(bench)
        for labels, bits, accuracy in (
            (1_000, 4, 0.97),
            (14_000, 4, 0.97),
            (14_000, 4, 0.70),
            (48_000, 4, 0.97),
            (60_000, 4, 0.97),
            (100_000, 1, 0.97),
            (190_000, 1, 0.97),
        ):
            opening(bench, labels, bits, accuracy)
        for submissions in (10, 100, 1_000):
            ranking(bench, submissions)
        missing(bench)
        rest(bench)
        return bench.rows


def main() -> None:
    """Prints the table, and writes it with `--write`."""
    rows = measure_all()
    for row in rows:
        over = f"{row.gas / row.floor - 1:+8.1%}"
        print(
            f"{row.function:18} {row.case:28} {row.labels:8,} × {row.bits} "
            f"{row.submissions:6,} {row.gas:10,} floor {row.floor:10,} {over}"
        )
    if "--write" in sys.argv:
        SNAPSHOT.write_text(
            "[\n" + ",\n".join(json.dumps(asdict(row)) for row in rows) + "\n]\n"
        )


if __name__ == "__main__":
    main()
