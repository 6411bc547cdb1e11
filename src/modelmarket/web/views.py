# SPDX-License-Identifier: Apache-2.0
"""What the pages show, from what the market says; nothing here is asked twice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from modelmarket.protocol.phases import Phase
from modelmarket.protocol.types import RequestId
from modelmarket.system.text import counted
from modelmarket.system.text import duration as spoken_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelmarket.market import StoredEntry
    from modelmarket.vault.journal import Entry

LOCAL_PATH = re.compile(r"(/|(/[A-Za-z0-9_-]+)+)(\?[A-Za-z0-9_.~%+=&-]*)?")
MOST_ADDRESS = 2_000
"""Characters of a page's address."""
MOST_LISTED = 50
"""Files of a folder that a page names."""
PAGE_ROWS = 25
"""Of a list, on one page."""
PHASES = {
    Phase.OPEN: "Taking submissions",
    Phase.TRUTH: "Opening the truth",
    Phase.CLAIMS: "Claiming scores",
    Phase.VALIDATION: "Checking the best claim",
    Phase.FULFILLED: "Fulfilled: the winner was paid",
    Phase.REFUNDED: "Refunded to the requester",
    Phase.CANCELLED: "Cancelled by the requester",
    Phase.FORFEITED: "Forfeited: the truth was never opened",
}
STATES = {
    Phase.OPEN: "Open",
    Phase.TRUTH: "Being opened",
    Phase.CLAIMS: "Claims",
    Phase.VALIDATION: "Being checked",
    Phase.FULFILLED: "Paid",
    Phase.REFUNDED: "Refunded",
    Phase.CANCELLED: "Cancelled",
    Phase.FORFEITED: "Forfeited",
}
"""The same in a word."""
CONTEST_PHASES = PHASES | {
    Phase.TRUTH: "Opening the key",
    Phase.VALIDATION: "Showing and checking the best model",
    Phase.FORFEITED: "Forfeited: the key was never opened",
}
"""The same of verified contests."""
ACTIONS = {
    "create_request": "create a request",
    "submit": "submit predictions",
    "claim_airdrop": "claim the airdrop",
    "cancel_request": "cancel the request",
    "cancel_submission": "cancel the submission",
    "withdraw": "withdraw",
    "enforce_timeout": "enforce the time-out",
    "set_operator": "appoint the agent",
    "fund": "fund the agent",
    "transfer": "send MDC",
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
class Paging:
    """Which part of a list a page shows.

    Attributes:
        name: Of the part's number in the address.
        number: From 1.
        count: Of all that the list has.
    """

    name: str
    number: int
    count: int

    @classmethod
    def of(cls, name: str, asked: int | None, count: int) -> Self:
        """The part that somebody asked for, or the nearest that there is."""
        last = max(1, -(-count // PAGE_ROWS))
        return cls(name, min(max(asked or 1, 1), last), count)

    @property
    def pages(self) -> int:
        """How many there are, at least 1."""
        return max(1, -(-self.count // PAGE_ROWS))

    @property
    def offset(self) -> int:
        """How many come before it."""
        return (self.number - 1) * PAGE_ROWS


def phases_of(request_id: RequestId) -> dict[Phase, str]:
    """What the phases are called in the market that a request is in."""
    return CONTEST_PHASES if request_id.is_verified else PHASES


def result_of(entry: Entry) -> str:
    """The page that shows what came of an action."""
    if entry.action.kind in ("create_request", "create_contest") and entry.made:
        return f"/requests/{RequestId(entry.made)}"
    if entry.action.request_id:
        return f"/requests/{entry.action.request_id}"
    return local_path(entry.origin)


def local_path(text: str) -> str:
    """A page of ours; the market's for whatever might lead elsewhere.

    Before what is asked for there is no empty segment, no dot, no escape and no
    backslash: a browser takes `//host`, and what it makes of several of the others,
    for another site.
    """
    is_ours = len(text) <= MOST_ADDRESS and LOCAL_PATH.fullmatch(text)
    return text if is_ours else "/"


def utc(second: int) -> str:
    """A second as machines and foreigners read it."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def zone(second: int) -> str:
    """What time local times are in: its name, and how far it is from UTC."""
    local = datetime.fromtimestamp(second, UTC).astimezone()
    if not local.utcoffset():
        return "UTC"
    said, name = f"UTC{local.isoformat()[-6:]}", local.tzname() or ""
    return f"{name} ({said})" if name.isalpha() else said


def iso(second: int) -> str:
    """A second for the `datetime` of a page's `time`."""
    return datetime.fromtimestamp(second, UTC).isoformat()


def duration(seconds: int) -> str:
    """How long until something, in the two largest units."""
    return spoken_duration(seconds) if seconds > 0 else "now"


def listed(entries: Sequence[StoredEntry]) -> list[StoredEntry]:
    """The files of a folder that a page names: those not in folders within it first."""
    return sorted(entries, key=lambda one: one.path.count("/"))[:MOST_LISTED]


def size(count: int) -> str:
    """How many bytes, in a unit that suits."""
    if count < 1_000:  # noqa: PLR2004  # SI
        return counted(count, "byte")
    amount = float(count)
    for unit in ("kB", "MB"):
        amount /= 1_000
        if amount < 1_000:  # noqa: PLR2004  # SI
            return f"{amount:.1f} {unit}"
    return f"{amount / 1_000:,.1f} GB"


def cut(text: str, most: int = 24) -> str:
    """Text of so many characters at most, with a sign where more was cut off."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def short(text: str) -> str:
    """An address, hash or CID that fits in a line."""
    return text if len(text) <= 14 else f"{text[:8]}…{text[-4:]}"  # noqa: PLR2004  # fits
