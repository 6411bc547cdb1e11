# SPDX-License-Identifier: Apache-2.0
"""What the pages show, from what the market says; nothing here is asked twice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from modelmarket.protocol import contest_steps
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.intervals import wilson
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.payouts import Stake, bond_due, due, returns_stake, stake
from modelmarket.protocol.phases import Failure, Phase, Position
from modelmarket.protocol.steps import NONE, StepKind, refusal
from modelmarket.protocol.types import RequestId

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelmarket.market import StoredEntry
    from modelmarket.protocol.records import BaseRecord, SubmissionRecord
    from modelmarket.protocol.replaying import Record
    from modelmarket.protocol.types import Address, SubmissionId
    from modelmarket.vault.journal import Entry

LOCAL_PATH = re.compile(r"(/[A-Za-z0-9_-]+)+")
MOST_LISTED = 50
"""Files of a folder that a page names."""
PAGE_ROWS = 25
"""Of a list, on one page."""
STEPS = (Phase.OPEN, Phase.TRUTH, Phase.CLAIMS, Phase.VALIDATION)
PHASES = {
    Phase.OPEN: "Open for submissions",
    Phase.TRUTH: "The truth is being opened",
    Phase.CLAIMS: "Claims are being made",
    Phase.VALIDATION: "The best claim is being checked",
    Phase.FULFILLED: "Fulfilled: the winner was paid",
    Phase.REFUNDED: "Refunded to the requester",
    Phase.CANCELLED: "Cancelled by the requester",
    Phase.FORFEITED: "Forfeited: the truth was never opened",
}
CONTEST_PHASES = PHASES | {
    Phase.TRUTH: "The key is being opened",
    Phase.VALIDATION: "The best model is shown and checked",
    Phase.FORFEITED: "Forfeited: the key was never opened",
}
"""The same of verified contests."""
FAILURES = {
    Failure.MISMATCH: "failed: it had not what it claimed",
    Failure.TIMED_OUT: "failed: it was not opened in time",
    Failure.CANCELLED_LATE: "cancelled late",
    Failure.REFUTED: "refuted",
    Failure.WITHHELD: "withheld",
}
STAKES = {
    Stake.LOCKED: "locked",
    Stake.DUE: "to be withdrawn",
    Stake.RETURNED: "returned",
    Stake.LOST: "lost",
}

ACTIONS = {
    "create_request": "create a request",
    "submit": "submit",
    "claim_airdrop": "claim the airdrop",
    "cancel_request": "cancel the request",
    "cancel_submission": "cancel the submission",
    "withdraw": "withdraw",
    "enforce_timeout": "enforce the time-out",
    "set_operator": "appoint the agent",
    "fund": "fund the agent",
    "open_truth": "open the truth",
    "claim": "claim",
    "open_predictions": "open the predictions",
    "create_contest": "create a verified contest",
    "submit_model": "submit a model",
    "open_key": "open the key",
    "show_model": "show the model",
    "refute": "refute a lie",
    "demand": "demand a model",
    "answer": "post what was demanded",
    "settle": "pay the winner",
    "withdraw_bond": "take the bond back",
    "other": "another call",
}
"""What each kind of action does, in words."""

CONFIRMATIONS = {
    "again": "Yes, once more, although it was done before",
    "accept_stake": "Yes, with a stake above the reward",
    "accept_findings": "Yes, the table is meant as it is",
    "accept_threshold": "Yes, with a threshold that needs no model",
    "accept_window": "Yes, with a window shorter than the chain takes to be final",
}
"""What a tick of that name says yes to; see `ConfirmationError`."""
OF_ENTRIES = ("again", "accept_stake")
"""Those of them that a submission may want."""


@dataclass(frozen=True)
class Stop:
    """A stop on a request's time line.

    Attributes:
        name: The phase.
        when: `done`, `now` or `later`.
        ends: The second at which it ends; 0 where nobody knows yet.
    """

    name: str
    when: str
    ends: int


@dataclass(frozen=True)
class Place:
    """A line of the ranking.

    Attributes:
        place: From 1; None once the claim has fallen.
        record: The submission.
        accuracy: In percent, with one decimal.
        interval: The same of the bounds that hold 95% of what luck can do.
        state: What has become of it.
        stake: What has become of its stake.
        is_own: Whether it is the user's.
    """

    place: int | None
    record: SubmissionRecord
    accuracy: str
    interval: str
    state: str
    stake: str
    is_own: bool


@dataclass(frozen=True)
class Choice:
    """Something that the user can do now.

    Attributes:
        kind: The action.
        label: Of the button.
        why: What it does and costs.
        submission: Which it is about; 0 = none.
        is_urgent: Whether it is the next step rather than a possibility.
    """

    kind: StepKind
    label: str
    why: str
    submission: SubmissionId = NONE
    is_urgent: bool = False


def ranking(record: BaseRecord, account: Address | None) -> list[Place]:
    """The claims that stand, best first; then those that have fallen."""
    standing = record.ranking
    fallen = [
        one
        for one in record.submissions.values()
        if one.score is not None and not one.is_live
    ]
    places = [
        _place(number, one, record, account) for number, one in enumerate(standing, 1)
    ]
    return places + [_place(None, one, record, account) for one in fallen]


def _place(
    number: int | None,
    one: SubmissionRecord,
    record: BaseRecord,
    account: Address | None,
) -> Place:
    rows, matches = record.rows, one.score or 0
    low, high = wilson(min(matches, rows), rows)
    return Place(
        number,
        one,
        f"{matches / rows:.1%}",
        f"{low:.1%} – {high:.1%}",
        one.status.name.lower() if one.failure is None else FAILURES[one.failure],
        STAKES[stake(record, one)],
        one.trainer == account,
    )


def time_line(record: BaseRecord, position: Position) -> list[Stop]:
    """The phases that were, the one that is, and those to come."""
    final = position.phase.is_final
    names = CONTEST_PHASES if record.id.is_verified else PHASES
    stops = []
    for phase in STEPS:
        if final or phase < position.phase:
            when = "done"
        else:
            when = "now" if phase is position.phase else "later"
        ends = record.deadline if phase is Phase.OPEN else 0
        if phase is position.phase:
            ends = position.step_ends
        stops.append(Stop(names[phase], when, ends))
    name = names[position.phase] if final else "Paid out"
    return [*stops, Stop(name, "now" if final else "later", 0)]


def choices(record: Record, now: int, account: Address | None) -> list[Choice]:
    """What an account can do about a request now.

    Args:
        record: The request.
        now: Seconds of chain time.
        account: Whose page it is.
    """
    if account is None:
        return []
    found = [*_of_request(record, now, account)]
    for one in record.submissions.values():
        found += _of_submission(record, one, now, account)
    return found


def _may(
    kind: StepKind,
    record: Record,
    now: int,
    account: Address,
    one: SubmissionRecord | None = None,
) -> bool:
    """Whether the contract would let an account do something."""
    if isinstance(record, ContestRecord):
        why = contest_steps.refusal(kind, record, now, who=account, submission=one)
    else:
        why = refusal(kind, record, now, who=account, submission=one)
    return why is None


def _of_request(record: Record, now: int, account: Address) -> Iterator[Choice]:
    if _may(StepKind.ENFORCE_TIMEOUT, record, now, account):
        why = (
            "Somebody missed a step. Anyone may end the wait; the contract does "
            "what the rules say."
        )
        yield Choice(StepKind.ENFORCE_TIMEOUT, "End the wait", why, is_urgent=True)
    if record.id.is_verified and _may(StepKind.SETTLE, record, now, account):
        why = "The model stood unrefuted. Anyone may have its trainer paid."
        yield Choice(StepKind.SETTLE, "Pay the winner", why, is_urgent=True)
    if _may(StepKind.CANCEL_REQUEST, record, now, account):
        reward = format_mdc(record.terms.reward)
        why = f"The reward of {reward} MDC comes back to you."
        if record.live:
            why = (
                f"The reward of {reward} MDC is shared by the {record.live} live "
                "submissions, who also get their stakes back; you get what cannot "
                "be shared evenly."
            )
        yield Choice(StepKind.CANCEL_REQUEST, "Cancel the request", why)


def _of_submission(
    record: Record, one: SubmissionRecord, now: int, account: Address
) -> Iterator[Choice]:
    demand = one.demand
    if demand is not None and demand.demander == account and bond_due(one):
        why = (
            f"The bond of {format_mdc(bond_due(one))} MDC with which you demanded "
            "this model is yours again."
        )
        yield Choice(
            StepKind.WITHDRAW_BOND, "Take the bond back", why, one.id, is_urgent=True
        )
    if one.trainer != account:
        return
    if _may(StepKind.WITHDRAW, record, now, account, one):
        why = f"{format_mdc(due(record, one))} MDC are yours."
        yield Choice(StepKind.WITHDRAW, "Withdraw", why, one.id, is_urgent=True)
    if _may(StepKind.CANCEL_SUBMISSION, record, now, account, one):
        locked = format_mdc(record.terms.stake)
        why = (
            f"Your stake of {locked} MDC comes back to you."
            if returns_stake(record, now)
            else f"Your stake of {locked} MDC is lost: the deadline has passed."
        )
        yield Choice(StepKind.CANCEL_SUBMISSION, "Cancel the submission", why, one.id)


def result_of(entry: Entry) -> str:
    """The page that shows what came of an action."""
    if entry.action.kind in ("create_request", "create_contest") and entry.made:
        return f"/requests/{RequestId(entry.made)}"
    if entry.action.request_id:
        return f"/requests/{entry.action.request_id}"
    return local_path(entry.origin)


def local_path(text: str) -> str:
    """A page of ours; the market's for whatever might lead elsewhere.

    No empty segment, no dot, no escape and no backslash: a browser takes
    `//host`, and what it makes of several of the others, for another site.
    """
    return text if LOCAL_PATH.fullmatch(text) else "/"


def utc(second: int) -> str:
    """A second as machines and foreigners read it."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(second: int) -> str:
    """A second for the `datetime` of a page's `time`."""
    return datetime.fromtimestamp(second, UTC).isoformat()


def duration(seconds: int) -> str:
    """How long, in the two largest units."""
    if seconds <= 0:
        return "now"
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for name, size in units:
        if seconds >= size and len(parts) < 2:  # noqa: PLR2004  # two are enough
            parts.append(f"{seconds // size} {name}")
            seconds %= size
    return " ".join(parts)


def listed(entries: Sequence[StoredEntry]) -> list[StoredEntry]:
    """The files of a folder that a page names: those not in folders within it first."""
    return sorted(entries, key=lambda one: one.path.count("/"))[:MOST_LISTED]


def size(count: int) -> str:
    """How many bytes, in a unit that suits."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1_000:  # noqa: PLR2004  # SI
            return (
                f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
            )
        amount /= 1_000
    return f"{amount:,.1f} GB"


def short(text: str) -> str:
    """An address, hash or CID that fits in a line."""
    return text if len(text) <= 14 else f"{text[:8]}…{text[-4:]}"  # noqa: PLR2004  # fits
