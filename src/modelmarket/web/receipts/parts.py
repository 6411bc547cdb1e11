# SPDX-License-Identifier: Apache-2.0
"""What receipts are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from modelmarket.errors import ModelMarketError
from modelmarket.market.contents import PREDICTIONS, PROBABILITIES
from modelmarket.protocol import actions
from modelmarket.system.text import counted, plain
from modelmarket.web import stored
from modelmarket.web.deeds import about, entered
from modelmarket.web.happenings import request as request_link
from modelmarket.web.rendering import countdown, moment, strangers
from modelmarket.web.views import size

if TYPE_CHECKING:
    from modelmarket.market import Market
    from modelmarket.market.transactions import Transaction
    from modelmarket.protocol.records import BaseRecord
    from modelmarket.protocol.types import Wei
    from modelmarket.vault.journal import Entry
    from modelmarket.web.names import Names

WHILE_AWAKE = ", while this computer is awake"
"""Under which condition an agent keeps what a receipt says of it."""
BESIDE_THE_MODEL = (PREDICTIONS, PROBABILITIES)
"""What the folder of a submission has beside the model's files."""
MOST_FILES = 5
"""Of a model, that a receipt names."""
TITLES = (
    "What it is",
    "What comes back, and when",
    "What it can cost",
    "What others see",
)
FOR_ANYBODY = (TITLES[0], TITLES[3])
"""What is told to other accounts, too; the rest is told to whoever signs, as "you"."""


@dataclass(frozen=True)
class Fact:
    """A line of a receipt.

    Attributes:
        name: What it tells.
        text: It.
    """

    name: str
    text: Markup


@dataclass(frozen=True)
class Part:
    """Lines of a receipt that belong together.

    Attributes:
        title: What they tell; also of what is there before it is read.
        facts: In order.
    """

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Amount:
    """What an action moves: the first thing that a receipt says.

    Attributes:
        label: Where it goes.
        amount: Wei, above 0; 0 where nothing moves.
        unit: Of what.
        what: It is, in words.
    """

    label: str
    amount: Wei
    unit: str
    what: str


@dataclass(frozen=True)
class Receipt:
    """What an action is and does.

    Attributes:
        amount: It moves.
        parts: All else, in order.
        hidden: What a contest's folder says, to show its schema; None for others.
        became: What has become of what was locked, in a sentence; empty while it is,
            and where nothing was.
    """

    amount: Amount
    parts: tuple[Part, ...]
    hidden: stored.Hidden | None = None
    became: str = ""


@dataclass(frozen=True)
class Sight:
    """What a receipt is told from.

    Attributes:
        market: With index, store and vault.
        entry: In the journal.
        names: What addresses are called.
        now: Chain time in seconds.
        outcome: The transaction, once it is in the chain and the node tells of it.
        posting: Wei of the chain's own coin that posting a model may cost; None where
            that is not known.
        may_claim: Whether the agent may claim for whoever signs it, as far as is known.
        is_refused: Whether it is to be confirmed, and cannot be done now.
        is_own: Whether it is told to the account that signs it; "you" is nobody else.
    """

    market: Market
    entry: Entry
    names: Names
    now: int
    outcome: Transaction | None = None
    posting: Wei | None = None
    may_claim: bool = True
    is_refused: bool = False
    is_own: bool = True

    @property
    def standing(self) -> str:
        """How far it is, in words."""
        return "cannot be done now" if self.is_refused else self.entry.told


def named(sight: Sight, record: BaseRecord | None) -> list[Fact]:
    """The request and the submission that an action is about, by name."""
    number, name = about(sight.entry, record)
    facts = []
    if name or number:
        called = strangers(name) if name else Markup("without a name")
        told = Markup("<strong>{}</strong>").format(called)
        if number:
            told += Markup(", {}").format(request_link(number))
        kind = "Contest" if sight.entry.action.is_verified else "Request"
        facts.append(Fact(kind, told))
    said = entered(sight.entry, record)
    if said:
        facts.append(Fact("Entry", strangers(said)))
    return facts


def published(market: Market, cid: str, *, verified: bool) -> list[Fact]:
    """The published folder of a request, and under which licences."""
    bytes_ = market.size(cid)
    told = Markup("{}").format(size(bytes_)) if bytes_ is not None else Markup()
    data = Fact("Data", told + shown_cid(cid, after=bool(told)))
    manifest = stored.described(market, cid, verified=verified)
    if manifest is None:
        return [data]
    predicted = Fact("To be predicted", strangers(manifest.told_predicts))
    licences = (
        ("Licence of the data", manifest.licence),
        ("Licence of the model that wins", manifest.model_licence),
    )
    stated = [Fact(name, strangers(said or "none stated")) for name, said in licences]
    return [predicted, data, *stated]


def shown_cid(cid: str, *, after: bool) -> Markup:
    """A CID, perhaps on a line after something else."""
    code = Markup('CID <code class="long">{}</code>').format(plain(cid))
    return Markup("<br>") + code if after else code


def files_of(market: Market, cid: str) -> list[Fact]:
    """The files of a model that was sealed: names, sizes and what they hash to."""
    found = market.files(cid)
    if found is None:
        return [Fact("Model", shown_cid(cid, after=False))]
    ours = [
        one for one in found if not one.is_folder and one.path not in BESIDE_THE_MODEL
    ]
    files = ours or [one for one in found if not one.is_folder]
    facts = []
    for one in files[:MOST_FILES]:
        told = Markup("<strong>{}</strong>, {}").format(
            strangers(one.path), size(one.size)
        )
        digest = _sha256(market, cid, one.path)
        if digest is not None:
            told += Markup('<br>SHA-256 <code class="long">{}</code>').format(
                digest.hex()
            )
        facts.append(Fact("Model", told))
    if len(files) > MOST_FILES:
        more = counted(len(files) - MOST_FILES, "more file")
        facts.append(Fact("Model", Markup("and {}").format(more)))
    for one in found:
        if ours and one.path in BESIDE_THE_MODEL:
            told = Markup("{}, {}").format(one.path, size(one.size))
            facts.append(Fact(one.path.partition(".")[0].capitalize(), told))
    return [*facts, Fact("What is sealed", shown_cid(cid, after=False))]


def _sha256(market: Market, cid: str, path: str) -> bytes | None:
    """What a file of a folder hashes to; None where it is not here as a whole."""
    try:
        return market.file(cid, path).sha256
    except ModelMarketError:
        return None


def sealed_model(market: Market, action: actions.Entering) -> list[Fact]:
    """The model of a submission, if it was sealed with this vault."""
    vault = market.vault
    is_exact = isinstance(action, actions.SubmitModel)
    secret = (vault.model if is_exact else vault.predictions)(action.seal)
    if secret is None:
        return []
    return files_of(market, secret.model)


def parts_of(*facts: list[Fact]) -> tuple[Part, ...]:
    """The four parts of a receipt, but for those that have nothing to tell."""
    both = zip(TITLES, facts, strict=True)
    return tuple(Part(title, tuple(lines)) for title, lines in both if lines)


def fact(name: str, text: str) -> Fact:
    """A line of our own words."""
    return Fact(name, Markup("{}").format(text))


def until(second: int, now: int) -> Markup:
    """A second that is to come, and how long until then."""
    if second <= now:
        return moment(second)
    return Markup("{}, in {}").format(moment(second), countdown(second, now))
