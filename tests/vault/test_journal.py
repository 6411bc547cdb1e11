# SPDX-License-Identifier: Apache-2.0
"""One life for each transaction, whoever signs: no step is taken twice, or from a
place that was left, and what was signed is there until nobody needs it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.errors import NotFoundError, StepError, VaultError
from modelmarket.protocol.actions import (
    KINDS,
    Action,
    CreateRequest,
    Fund,
    Other,
    Submit,
    from_json,
    to_json,
)
from modelmarket.protocol.point_kinds import Kind
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import (
    RequestId,
    Seal,
    SubmissionId,
    Superhash,
    TermsHash,
    Wei,
    checksummed,
)
from modelmarket.vault.journal import LONGEST_SIGNING_S, Entry, Journal, State, Version
from modelmarket.vault.vault import Vault

MARKET, OTHER = checksummed(b"\x01" * 20), checksummed(b"\x11" * 20)
ME, AGENT = checksummed(b"\x02" * 20), checksummed(b"\x03" * 20)
FUND = Fund(AGENT, Wei(5))
FIRST, DEARER = Version(b"\x0a" * 32, b"raw"), Version(b"\x0b" * 32, b"dearer")
HASH = b"\x0c" * 32


def open_vault(folder: Path) -> Vault:
    return Vault(folder / "vault.sqlite", "correct horse battery staple")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return open_vault(tmp_path).journal


def prepared(journal: Journal, action: Action = FUND) -> Entry:
    return journal.prepare(MARKET, ME, action, "/agent")


MAKE: dict[str, Callable[[Journal], Entry]] = {
    "prepared": prepared,
    "declined": lambda on: on.declined(on.ask_wallet(prepared(on), 3)),
    "wallet asked": lambda on: on.ask_wallet(prepared(on), 3),
    "key asked": lambda on: on.ask_key(prepared(on), 7),
    "begun": lambda on: on.begin(MARKET, ME, Other("approve"), 7),
    "signed": lambda on: on.signed(MAKE["key asked"](on), FIRST),
    "handed over": lambda on: on.handed_over(MAKE["signed"](on)),
    "wallet sent": lambda on: on.sent(MAKE["wallet asked"](on), HASH),
    "mined": lambda on: on.mined(
        MAKE["handed over"](on), transaction=FIRST.hash, block=9, made=4
    ),
    "buried": lambda on: on.buried(MAKE["mined"](on)),
    "failed": lambda on: on.failed(MAKE["handed over"](on), message="It failed."),
    "failed in the wallet": lambda on: on.failed(
        MAKE["wallet sent"](on), message="It failed."
    ),
    "replaced": lambda on: on.replaced(MAKE["handed over"](on), message="Gone."),
    "given up": lambda on: on.given_up(prepared(on)),
    "declined and given up": lambda on: on.given_up(MAKE["declined"](on)),
}
"""How an entry gets to where it is."""

STEPS: dict[str, Callable[[Journal, Entry], Entry]] = {
    "ask the wallet": lambda on, one: on.ask_wallet(one, 5),
    "ask a key": lambda on, one: on.ask_key(one, 8),
    "sign": lambda on, one: on.signed(one, DEARER),
    "hand over": lambda on, one: on.handed_over(one),
    "say what was sent": lambda on, one: on.sent(one, DEARER.hash),
    "decline": lambda on, one: on.declined(one),
    "try anew": lambda on, one: on.tried_anew(one),
    "puzzle": lambda on, one: on.puzzled(one, message="?", reason="!"),
    "fail": lambda on, one: on.failed(one, message="No."),
    "replace": lambda on, one: on.replaced(one, message="Gone."),
    "mine": lambda on, one: on.mined(one, transaction=DEARER.hash, block=11),
    "bury": lambda on, one: on.buried(one),
    "take back": lambda on, one: on.taken_back(one),
    "give up": lambda on, one: on.given_up(one),
}

OPEN = ("prepared", "declined", "failed", "failed in the wallet")
GIVEN_UP = ("given up", "declined and given up")
BY_KEY = ("key asked", "begun", "signed", "handed over")
ALLOWED: dict[str, dict[str, State]] = {
    "ask the wallet": dict.fromkeys((*OPEN, "wallet asked"), State.AWAITING),
    "ask a key": dict.fromkeys((*OPEN, "wallet asked"), State.AWAITING),
    "sign": {
        "key asked": State.SIGNED,
        "begun": State.SIGNED,
        "signed": State.SIGNED,
        "handed over": State.SENT,
    },
    "hand over": {"signed": State.SENT},
    "say what was sent": dict.fromkeys(
        ("declined", "wallet asked", "failed in the wallet", "declined and given up"),
        State.SENT,
    ),
    "decline": dict.fromkeys((*OPEN, "wallet asked"), State.PREPARED),
    "try anew": dict.fromkeys(OPEN, State.PREPARED),
    "puzzle": dict.fromkeys(OPEN, State.FAILED) | {"wallet asked": State.AWAITING},
    "fail": dict.fromkeys((*OPEN, *BY_KEY, "wallet sent", "mined"), State.FAILED),
    "replace": dict.fromkeys((*BY_KEY, "wallet sent"), State.REPLACED),
    "mine": dict.fromkeys(
        (*OPEN, *BY_KEY, *GIVEN_UP, "wallet asked", "wallet sent", "replaced"),
        State.MINED,
    ),
    "bury": {"mined": State.BURIED},
    "take back": {"mined": State.SENT},
    "give up": dict.fromkeys(OPEN, State.GIVEN_UP),
}
"""Where each step leads, by where it is taken; whatever is not here is refused."""


@pytest.mark.parametrize("place", MAKE)
@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_taken_from_where_it_may_be_and_nowhere_else(
    journal: Journal, step: str, place: str
) -> None:
    entry = MAKE[place](journal)
    leads_to = ALLOWED[step].get(place)
    if leads_to is None:
        with pytest.raises(StepError, match="already"):
            STEPS[step](journal, entry)
        assert journal.entry(entry.id) == entry
    else:
        done = STEPS[step](journal, entry)
        assert done.state is leads_to
        assert done == journal.entry(entry.id)


@pytest.mark.parametrize("place", MAKE)
@pytest.mark.parametrize("step", STEPS)
def test_whoever_looks_late_changes_nothing(
    journal: Journal, step: str, place: str
) -> None:
    """Each step holds the row against what was seen, in one statement."""
    seen = MAKE[place](journal)
    for other in STEPS.values():
        try:
            now = other(journal, seen)
        except StepError:
            continue
        if (now.state, now.attempt, now.hash) != (seen.state, seen.attempt, seen.hash):
            break
    else:
        return
    if step == "say what was sent" and now.hash == DEARER.hash:
        return
    with pytest.raises(StepError):
        STEPS[step](journal, seen)
    assert journal.entry(seen.id) == now


def test_a_wallet_that_says_the_same_twice_is_believed(journal: Journal) -> None:
    asked = MAKE["wallet asked"](journal)
    sent = journal.sent(asked, HASH)
    assert journal.sent(asked, HASH) == sent
    with pytest.raises(StepError):
        journal.sent(asked, DEARER.hash)


def test_all_of_it_is_there_after_a_restart(tmp_path: Path) -> None:
    entry = MAKE["handed over"](open_vault(tmp_path).journal)
    again = open_vault(tmp_path).journal
    assert again.entry(entry.id) == entry
    assert again.unfinished(MARKET) == [entry]
    assert [one.raw for one in again.versions(entry)] == [b"raw"]


@pytest.mark.parametrize("place", MAKE)
def test_what_was_signed_is_kept_until_nobody_needs_it(
    journal: Journal, place: str
) -> None:
    entry = MAKE[place](journal)
    kept = [one.hash for one in journal.versions(entry)]
    needs_it = place in ("signed", "handed over", "mined")
    assert kept == ([FIRST.hash] if needs_it else [])
    is_sent_again = [one.id for one in journal.unfinished(MARKET)]
    assert is_sent_again == ([entry.id] if place in ("signed", "handed over") else [])


def test_what_pays_more_stands_beside_what_it_replaces(journal: Journal) -> None:
    entry = MAKE["handed over"](journal)
    dearer = journal.signed(entry, DEARER)
    assert [one.hash for one in journal.versions(dearer)] == [FIRST.hash, DEARER.hash]
    assert dearer.hash == DEARER.hash
    mined = journal.mined(dearer, transaction=FIRST.hash, block=9)
    assert (mined.hash, mined.block) == (FIRST.hash, 9)
    journal.buried(mined)
    assert journal.versions(mined) == []


def test_what_fell_out_of_the_chain_is_sent_again(journal: Journal) -> None:
    back = journal.taken_back(MAKE["mined"](journal))
    assert (back.state, back.block) == (State.SENT, None)
    assert journal.unfinished(MARKET) == [back]


def test_a_new_attempt_knows_nothing_of_the_one_before(journal: Journal) -> None:
    failed = MAKE["failed"](journal)
    asked = journal.ask_wallet(failed, 12)
    assert asked == replace(
        failed,
        state=State.AWAITING,
        signer=asked.signer,
        attempt=failed.attempt + 1,
        asked_at=12,
        hash=None,
        nonce=None,
        message="",
    )


@pytest.mark.parametrize("place", MAKE)
def test_what_is_listed_was_begun(journal: Journal, place: str) -> None:
    entry = MAKE[place](journal)
    listed = journal.newest(MARKET, limit=9)
    assert listed == ([] if place in ("prepared", *GIVEN_UP) else [entry])
    assert journal.newest(OTHER, limit=9) == []


def test_the_newest_come_first(journal: Journal) -> None:
    made = [MAKE["wallet asked"](journal) for _ in range(4)]
    journal.begin(OTHER, ME, Other("of another market"), 7)
    assert journal.newest(MARKET, limit=3) == made[:0:-1]


def test_what_was_declined_before_anything_was_asked_is_listed(
    journal: Journal,
) -> None:
    """A wallet signs a permit first."""
    entry = journal.declined(prepared(journal))
    assert entry.attempt == 0
    assert journal.newest(MARKET, limit=9) == [entry]


@pytest.mark.parametrize("number", [0, 2, 2**63 - 1, 2**63, 2**80])
def test_a_number_that_is_nobodys_is_told(journal: Journal, number: int) -> None:
    prepared(journal)
    with pytest.raises(NotFoundError, match=f"no action {number}"):
        journal.entry(number)


def test_what_came_of_an_upload_is_found_again(journal: Journal) -> None:
    entry = journal.prepare(MARKET, ME, FUND, "an-upload")
    journal.prepare(MARKET, ME, FUND, "an-upload")
    assert journal.come_of("an-upload") == entry
    assert journal.come_of("another") is None


def test_what_was_given_up_has_come_of_nothing(journal: Journal) -> None:
    first = journal.prepare(MARKET, ME, FUND, "an-upload")
    journal.given_up(first)
    assert journal.come_of("an-upload") is None
    second = journal.prepare(MARKET, ME, FUND, "an-upload")
    assert journal.come_of("an-upload") == second


def test_what_a_wallet_sent_although_it_was_given_up_is_listed(
    journal: Journal,
) -> None:
    given_up = MAKE["declined and given up"](journal)
    assert journal.newest(MARKET, limit=9) == []
    sent = journal.sent(given_up, HASH)
    assert journal.newest(MARKET, limit=9) == [sent]


def test_a_transaction_is_of_one_entry(journal: Journal) -> None:
    entry, other = MAKE["wallet sent"](journal), prepared(journal)
    assert journal.is_of_another(HASH, other)
    assert not journal.is_of_another(HASH, entry)
    assert not journal.is_of_another(DEARER.hash, other)


SUBMISSION = Submit(
    request=RequestId(3),
    terms_hash=TermsHash(b"\x08" * 32),
    stake=Wei(2**96 - 1),
    sealed_as=Seal(b"\x09" * 32),
    superhash=Superhash(b"\x0d" * 32),
    name="zwei Wälder",
    counts={"cat": 2, "": 5},
    again=True,
)


@pytest.mark.parametrize("place", MAKE)
def test_a_twin_is_one_that_may_still_be_sent(journal: Journal, place: str) -> None:
    steps = {
        "wallet asked": lambda one: journal.ask_wallet(one, 3),
        "key asked": lambda one: journal.ask_key(one, 7),
        "signed": lambda one: journal.signed(journal.ask_key(one, 7), FIRST),
        "wallet sent": lambda one: journal.sent(journal.ask_wallet(one, 3), HASH),
    }
    first, second = prepared(journal, SUBMISSION), prepared(journal, SUBMISSION)
    other = replace(SUBMISSION, sealed_as=Seal(b"\x0e" * 32))
    assert journal.twin(second) is None
    if place in steps:
        moved = steps[place](first)
        assert journal.twin(second) == moved
        assert journal.twin(prepared(journal, other)) is None


# --- programs that end ---


def test_what_a_dead_program_was_signing_is_given_up(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The number of no program: it is above what the system gives.
    monkeypatch.setattr(os, "getpid", lambda: 2**22 + 1)
    asked = MAKE["key asked"](journal)
    elsewhere = journal.begin(OTHER, ME, FUND, 7)
    monkeypatch.undo()
    journal.abandon(MARKET)
    now = journal.entry(asked.id)
    assert (now.state, now.hash) == (State.FAILED, None)
    assert "Nothing happened" in now.message
    assert journal.entry(elsewhere.id) == elsewhere


def test_what_a_program_with_our_number_was_signing_is_given_up(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the first one in a container has, after each start."""
    asked = MAKE["key asked"](journal)
    monkeypatch.setattr("modelmarket.vault.journal._ASKED_HERE", set())
    journal.abandon(MARKET)
    assert journal.entry(asked.id).state is State.FAILED


@pytest.mark.parametrize("asked", ["key asked", "begun"])
def test_whoever_looks_at_that_very_moment_gives_nothing_up(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """The file says that a key was asked before anything else here does."""
    looking: list[threading.Thread] = []
    entry_of = Journal.entry

    def look_on(on: Journal, number: int) -> Entry:
        found = entry_of(on, number)
        if found.state is State.AWAITING and not looking:
            looking.append(threading.Thread(target=on.abandon, args=(MARKET,)))
            looking[0].start()
            looking[0].join(0.3)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "entry", look_on)
        entry = MAKE[asked](journal)
    looking[0].join()
    assert journal.entry(entry.id) == entry


@pytest.mark.parametrize("running", [True, False])
def test_what_another_program_is_signing_is_left_to_it_for_a_while(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, running: bool
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: os.getppid())
    asked = MAKE["key asked"](journal)
    monkeypatch.undo()
    if not running:
        late = asked.since + LONGEST_SIGNING_S + 1
        monkeypatch.setattr("modelmarket.vault.journal.time.time", lambda: late)
    journal.abandon(MARKET)
    assert (journal.entry(asked.id) == asked) is running


@pytest.mark.parametrize("place", MAKE)
def test_nothing_else_is_given_up(journal: Journal, place: str) -> None:
    entry = MAKE[place](journal)
    journal.abandon(MARKET)
    assert journal.entry(entry.id) == entry


# --- what is kept of an action ---

WORDS = st.text(max_size=20)
BYTES = st.binary(min_size=32, max_size=32)
VALUES: dict[object, st.SearchStrategy[Any]] = {
    int: st.integers(0, 2**64),
    str: WORDS,
    bytes: BYTES,
    bool: st.booleans(),
    dict[str, Any]: st.dictionaries(
        WORDS, st.booleans() | st.integers() | WORDS, max_size=3
    ),
    dict[str, int]: st.dictionaries(WORDS, st.integers(0, 2**22), max_size=3),
    dict[str, str]: st.dictionaries(WORDS, WORDS, max_size=3),
    int | None: st.none() | st.integers(0, 2**22),
    tuple[int, ...]: st.lists(st.integers(0, 2**16)).map(tuple),
    tuple[str, ...]: st.lists(WORDS, max_size=3).map(tuple),
    RequestId: st.integers(0, 2**63 - 1).map(RequestId),
    SubmissionId: st.integers(0, 2**63 - 1).map(SubmissionId),
    Kind: st.sampled_from(Kind),
}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values for a field, by its type; addresses are text."""
    while hasattr(kind, "__supertype__"):
        kind = kind.__supertype__
    if is_dataclass(kind):
        assert isinstance(kind, type)
        return made_of(kind)
    return VALUES[kind]


def made_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    """A dataclass with any values in its fields."""
    hints = get_type_hints(kind)
    parts = {one.name: values_of(hints[one.name]) for one in fields(kind)}
    return st.fixed_dictionaries(parts).map(lambda values: kind(**values))


def actions() -> st.SearchStrategy[Action]:
    return st.sampled_from(sorted(KINDS)).flatmap(lambda one: made_of(KINDS[one]))


@given(action=actions())
def test_an_action_comes_back_as_it_was(action: Action) -> None:
    assert from_json(to_json(action)) == action


def test_what_locks_mdc_says_how_much(journal: Journal) -> None:
    assert SUBMISSION.locks == 2**96 - 1
    assert (FUND.locks, FUND.request_id, FUND.seal) == (0, 0, b"")
    assert SUBMISSION.request_id == 3
    assert prepared(journal, SUBMISSION).action == SUBMISSION


def test_what_is_done_is_not_in_the_clear(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    entry = vault.journal.prepare(MARKET, ME, SUBMISSION, "/requests/3")
    vault.journal.signed(vault.journal.ask_key(entry, 7), Version(HASH, b"raw bytes"))
    written = b"".join(one.read_bytes() for one in tmp_path.glob("vault.sqlite*"))
    for secret in ("zwei", "cat", "raw bytes"):
        assert secret.encode() not in written


def test_an_action_that_was_tampered_with_is_noticed(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    entry = prepared(vault.journal)
    with vault.database.writing() as sql:
        sql.execute("UPDATE entries SET market = ?", (OTHER,))
    with pytest.raises(VaultError):
        vault.journal.entry(entry.id)


def test_how_far_it_is_says_who_is_waited_for(journal: Journal) -> None:
    assert MAKE["wallet asked"](journal).told == "waiting for the wallet"
    assert MAKE["key asked"](journal).told == "being signed"
    assert MAKE["handed over"](journal).told == "on its way"


def test_a_request_that_is_created_locks_its_reward() -> None:
    terms = Terms(
        dataset="bafy",
        name="n",
        context="",
        reward=Wei(7),
        stake=Wei(1),
        submission_window_s=60,
        response_window_s=60,
        labels=9,
        bits=1,
        minimum_matches=int(Fraction(1, 2) * 9),
        truth_seal=Seal(b"\x01" * 32),
    )
    action = CreateRequest(terms)
    assert (action.locks, action.seal) == (7, terms.truth_seal)


def test_what_is_tried_once_more_is_not_declined_any_more(journal: Journal) -> None:
    declined = journal.declined(prepared(journal))
    assert (declined.told, declined.is_declined) == ("declined", True)
    anew = journal.tried_anew(declined)
    assert (anew.told, anew.message) == ("to be confirmed", "")
    failed = journal.failed(anew, message="No.", reason="no")
    assert journal.tried_anew(failed).state is State.PREPARED
    with pytest.raises(StepError):
        journal.tried_anew(journal.ask_wallet(anew, 1))


def test_a_journal_from_before_chain_time_was_noted_is_read_and_goes_on(
    tmp_path: Path,
) -> None:
    vault = open_vault(tmp_path)
    old = vault.journal.prepare(MARKET, ME, FUND, "/agent", 1_700_000_000)
    assert old.second == 1_700_000_000
    with vault.database.writing() as sql:
        sql.execute("ALTER TABLE entries DROP COLUMN second")
    for _ in range(2):
        journal = open_vault(tmp_path).journal
        assert journal.entry(old.id).second == 0
        assert journal.entry(old.id).action == FUND
    assert journal.prepare(MARKET, ME, FUND, "/agent", 7).second == 7
