# SPDX-License-Identifier: Apache-2.0
"""What requests and submissions count as, and how that is said."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from modelmarket.protocol import payouts, reputation
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.reputation import (
    AsRequester,
    AsTrainer,
    Reputation,
    RequestOutcome,
    SubmissionOutcome,
)
from support.lives import FAILURES, PAGES, PEOPLE, Life, any_life, counted_again

RITA, ANN, BEN, _ = PEOPLE
both = pytest.mark.parametrize("is_verified", [False, True], ids=["", "v"])
Told = Callable[[Life], object]


def to_claims(life: Life, *trainers: str) -> list[int]:
    entries = [
        life.enter(PEOPLE[("rita", "ann", "ben").index(one)]) for one in trainers
    ]
    life.open()
    return entries


def paid(life: Life, *trainers: str) -> None:
    """The first wins, the second claims less, others are silent."""
    entries = to_claims(life, *trainers)
    for score, one in enumerate(reversed(entries[:2])):
        life.claim(one, score)
    life.fulfil(entries[0])


def opened_in_part(life: Life) -> None:
    life.open(PAGES - 1)


def refunded_unopened(life: Life) -> None:
    life.leave(life.enter(ANN))
    life.refund()


def refunded(life: Life) -> None:
    life.claim(*to_claims(life, "ann"))
    life.refund()


def cancelled_after_all_left(life: Life) -> None:
    """One in time, one late."""
    one, other = life.enter(ANN), life.enter(BEN)
    life.leave(one)
    life.fail(other, Failure.CANCELLED_LATE)
    life.cancel()


def cancelled_with_one_in(life: Life) -> None:
    life.leave(life.enter(ANN))
    life.enter(BEN)
    life.cancel(1)


def cancelled_and_withdrawn_from(life: Life) -> None:
    one = life.enter(BEN)
    life.cancel(1)
    life.withdraw(one)


def forfeited(life: Life) -> None:
    life.enter(ANN)
    life.forfeit()


@both
@pytest.mark.parametrize(
    ("tell", "outcome"),
    [
        (lambda life: life.enter(ANN), "GOING_ON"),
        (lambda life: to_claims(life, "ann"), "OPENED"),
        (lambda life: paid(life, "ann", "rita"), "PAID"),
        (lambda life: paid(life, "rita", "ann"), "WON_ITSELF"),
        (refunded, "REFUNDED"),
        (refunded_unopened, "REFUNDED_UNOPENED"),
        (lambda life: life.cancel(), "CANCELLED"),
        (cancelled_after_all_left, "CANCELLED"),
        (cancelled_with_one_in, "CANCELLED_WITH_ENTRIES"),
        (cancelled_and_withdrawn_from, "CANCELLED_WITH_ENTRIES"),
        (forfeited, "FORFEITED"),
    ],
)
def test_each_end_of_a_request_counts_as_what_it_was(
    tell: Told, outcome: str, is_verified: bool
) -> None:
    life = Life(1, RITA, is_verified=is_verified)
    tell(life)
    assert reputation.of_request(life.record()).name == outcome


def test_a_truth_is_open_with_its_last_page_and_no_sooner() -> None:
    life = Life(1, RITA)
    opened_in_part(life)
    assert reputation.of_request(life.record()) is RequestOutcome.GOING_ON
    whole = Life(1, RITA)
    whole.open(PAGES)
    assert reputation.of_request(whole.record()) is RequestOutcome.OPENED


@both
@pytest.mark.parametrize(
    ("tell", "outcomes"),
    [
        (lambda life: life.enter(ANN), "GOING_ON"),
        (lambda life: life.leave(life.enter(ANN)), "CANCELLED"),
        (lambda life: life.claim(*to_claims(life, "ann")), "GOING_ON"),
        (lambda life: paid(life, "ann", "ben", "ann"), "WON RANKED SILENT"),
        (lambda life: paid(life, "rita", "rita"), "WON_OWN RANKED"),
        (refunded, "RANKED"),
        (cancelled_with_one_in, "CANCELLED UNJUDGED"),
        (cancelled_and_withdrawn_from, "UNJUDGED"),
        (cancelled_after_all_left, "CANCELLED CANCELLED_LATE"),
        (forfeited, "UNJUDGED"),
    ],
)
def test_each_submission_counts_as_what_became_of_it(
    tell: Told, outcomes: str, is_verified: bool
) -> None:
    life = Life(1, RITA, is_verified=is_verified)
    tell(life)
    record = life.record()
    found = [
        reputation.of_submission(record, one) for one in record.submissions.values()
    ]
    assert [one.name for one in found] == outcomes.split()


def test_a_silent_one_is_lost_with_the_end_of_its_request_and_no_sooner() -> None:
    life = Life(1, RITA)
    one, _ = to_claims(life, "ann", "ben")
    life.claim(one)
    for end, outcome in ((None, "GOING_ON"), (life.fulfil, "SILENT")):
        if end is not None:
            end(one)
        record = life.record()
        silent = record.submissions[max(record.submissions)]
        assert reputation.of_submission(record, silent).name == outcome


def test_a_stake_that_comes_back_leaves_the_outcome_as_it_was() -> None:
    life = Life(1, RITA)
    first, second = to_claims(life, "ann", "ben")
    life.claim(first, 2)
    life.claim(second, 1)
    life.fulfil(first)
    before = counted_again([life.record()], BEN)
    life.withdraw(second)
    assert counted_again([life.record()], BEN) == before
    record = life.record()
    last = record.submissions[max(record.submissions)]
    assert reputation.of_submission(record, last) is SubmissionOutcome.RANKED


@pytest.mark.parametrize("reason", Failure)
def test_whatever_a_submission_fails_of_has_an_outcome_of_that_name(
    reason: Failure,
) -> None:
    life = Life(1, RITA, is_verified=reason in FAILURES[True])
    [entry] = to_claims(life, "ann")
    life.fail(entry, reason)
    record = life.record()
    [one] = record.submissions.values()
    outcome = reputation.of_submission(record, one)
    assert outcome.name == reason.name
    told = AsTrainer.of({outcome: 1})
    assert (told.failures, told.failed, told.judged) == ({reason: 1}, 1, 1)


@both
def test_a_stake_is_lost_where_the_outcome_says_so_and_nowhere_else(
    is_verified: bool,
) -> None:
    losing = {one.name for one in Failure} | {"SILENT"}
    seen = Counter[str]()
    for number in range(300):
        record = any_life(
            random.Random(number), number + 1, is_verified=is_verified
        ).record()
        for one in record.submissions.values():
            outcome = reputation.of_submission(record, one)
            is_lost = payouts.stake(record, one) is payouts.Stake.LOST
            assert is_lost == (outcome.name in losing), (number, one)
            seen[outcome.name] += 1
        seen[reputation.of_request(record).name] += 1
    # It was no short list, and none of the outcomes is a word for nothing.
    never = {"MISMATCH"} if is_verified else {"REFUTED", "WITHHELD"}
    kinds = (*RequestOutcome, *SubmissionOutcome)
    assert {one.name for one in kinds} - set(seen) == never


@both
def test_outcomes_add_up_to_what_is_counted_request_by_request(
    is_verified: bool,
) -> None:
    chance = random.Random(7)
    records = [
        any_life(chance, number, is_verified=is_verified).record()
        for number in range(1, 200)
    ]
    total = 0
    for who in PEOPLE:
        requests = Counter(
            reputation.of_request(one) for one in records if one.requester == who
        )
        submissions = Counter(
            reputation.of_submission(record, one)
            for record in records
            for one in record.submissions.values()
            if one.trainer == who
        )
        found = Reputation.of(who, requests, submissions)
        assert found == counted_again(records, who)
        assert found.as_requester.created == requests.total()
        assert found.as_trainer.submitted == submissions.total()
        total += found.as_requester.created
    assert total == len(records)


REQUESTERS = {
    "new here": AsRequester(),
    "12 requests: 10 paid, 1 forfeited, 1 cancelled with entries; "
    "won 2 of them itself": AsRequester(
        paid=10, won_itself=2, forfeited=1, cancelled=1, cancelled_with_entries=1
    ),
    "1 request: 1 paid; won it itself": AsRequester(paid=1, won_itself=1),
    "2 requests: 2 paid; won 1 of them itself": AsRequester(paid=2, won_itself=1),
    "1 request: 1 going on": AsRequester(going_on=1),
    "5 requests: 2 refunded, 1 cancelled, 1 cancelled with entries, 1 going on": (
        AsRequester(refunded=2, cancelled=2, cancelled_with_entries=1, going_on=1)
    ),
    "1,200 requests: 1,200 paid": AsRequester(paid=1_200),
}


@pytest.mark.parametrize("said", REQUESTERS)
def test_a_requester_is_told_of_in_a_line(said: str) -> None:
    assert REQUESTERS[said].sentence == said


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (AsRequester(), "new here"),
        (AsRequester(going_on=1), "1 request, none ended yet"),
        (AsRequester(refunded=1, cancelled=1), "2 requests, none paid"),
        (AsRequester(paid=10, refunded=3), "10 of 13 paid"),
        (AsRequester(paid=10, won_itself=2), "10 paid, 2 of them to itself"),
        (AsRequester(forfeited=1), "1 forfeited"),
        (
            AsRequester(paid=1, cancelled=3, cancelled_with_entries=2, forfeited=1),
            "1 of 5 paid, 1 forfeited, 2 cancelled with entries",
        ),
    ],
)
def test_little_room_is_for_what_trainers_should_know(
    told: AsRequester, said: str
) -> None:
    assert told.short == said


def trainer(**counts: int) -> AsTrainer:
    return AsTrainer.of(
        {SubmissionOutcome[one]: count for one, count in counts.items()}
    )


@pytest.mark.parametrize(
    ("told", "short", "sentence"),
    [
        (trainer(), "new here", "new here"),
        (trainer(GOING_ON=1), "none judged yet", "1 submission: 1 going on"),
        (
            trainer(CANCELLED=1, UNJUDGED=2),
            "none judged yet",
            "3 submissions: 1 cancelled in time, 2 never judged",
        ),
        (trainer(WON=1), "1 won of 1", "1 submission: 1 won"),
        (
            trainer(WON=3, RANKED=2, GOING_ON=4),
            "3 won of 5",
            "9 submissions: 3 won, 2 did not win, 4 going on",
        ),
        (
            trainer(SILENT=1, MISMATCH=1, TIMED_OUT=2, CANCELLED_LATE=1),
            "0 won of 5",
            "5 submissions: 1 never claimed, 4 failed (1 mismatch, 2 timed out, "
            "1 cancelled late)",
        ),
        (
            trainer(REFUTED=1, WITHHELD=1),
            "0 won of 2",
            "2 submissions: 2 failed (1 refuted, 1 withheld)",
        ),
        (
            trainer(WON=1, WON_OWN=1),
            "2 won of 2, 1 its own",
            "2 submissions: 2 won; 1 win in a request of its own",
        ),
        (
            trainer(WON_OWN=2),
            "2 won of 2, 2 its own",
            "2 submissions: 2 won; 2 wins in requests of its own",
        ),
    ],
)
def test_a_trainer_is_told_of_in_a_word_and_in_a_line(
    told: AsTrainer, short: str, sentence: str
) -> None:
    assert (told.short, told.sentence) == (short, sentence)


def test_models_that_were_run_are_told_of_beside_what_won() -> None:
    won = {SubmissionOutcome.WON: 4, SubmissionOutcome.RANKED: 1}
    for run, short, sentence in (
        ({}, "", ""),
        ({True: 1}, "1 of 1 reproduced", "1 model that was run here 1 reproduced"),
        (
            {True: 2, False: 1},
            "2 of 3 reproduced",
            "3 models that were run here 2 reproduced",
        ),
        ({False: 2}, "0 of 2 reproduced", "2 models that were run here 0 reproduced"),
    ):
        told = AsTrainer.of(won, run)
        assert told.short == ", ".join(filter(None, ("4 won of 5", short)))
        beside = f"; of {sentence}" if sentence else ""
        assert told.sentence == f"5 submissions: 4 won, 1 did not win{beside}"


def test_documents_name_every_count_and_every_reason_to_fail() -> None:
    found = Reputation.of(
        RITA,
        {RequestOutcome.WON_ITSELF: 1, RequestOutcome.OPENED: 2},
        {SubmissionOutcome.WON_OWN: 1, SubmissionOutcome.REFUTED: 3},
        {True: 1},
    )
    document = found.as_document()
    assert document["address"] == RITA
    assert document["as_requester"] == {
        "requests": 3,
        "going_on": 2,
        "opened": 3,
        "paid": 1,
        "won_itself": 1,
        "refunded": 0,
        "cancelled": 0,
        "cancelled_with_entries": 0,
        "forfeited": 0,
        "summary": "3 requests: 1 paid, 2 going on; won 1 of them itself",
    }
    assert document["as_trainer"] == {
        "submissions": 4,
        "going_on": 0,
        "judged": 4,
        "won": 1,
        "won_own": 1,
        "run": 1,
        "reproduced": 1,
        "ranked": 0,
        "silent": 0,
        "failed": {
            "mismatch": 0,
            "timed_out": 0,
            "cancelled_late": 0,
            "refuted": 3,
            "withheld": 0,
        },
        "cancelled": 0,
        "unjudged": 0,
        "summary": "4 submissions: 1 won, 3 failed (3 refuted); 1 win in a request of "
        "its own; of 1 model that was run here 1 reproduced",
    }


def test_jupyter_shows_the_lines() -> None:
    found = Reputation.of(RITA, {RequestOutcome.PAID: 1}, {})
    assert [*found.lines()] == [
        "as requester: 1 request: 1 paid",
        "1 truth or key opened",
        "as trainer: new here",
    ]
    shown = found._repr_html_()
    assert all(f"<li>{line}</li>" in shown for line in found.lines())
    assert RITA in shown
    assert str(found).splitlines() == [f"account {RITA}", *found.lines()]
    assert [*Reputation.of(RITA, {}, {}).lines()] == [
        "as requester: new here",
        "as trainer: new here",
    ]
