# SPDX-License-Identifier: Apache-2.0
"""Everything before a verified contest's transaction: split, encoded, hidden, kept."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

from modelmarket.errors import InputError
from modelmarket.market.publishing import (
    DEFAULT_SUBMISSION_WINDOW_S,
    Progress,
    about_of,
    amount_of,
    refuse_unknown,
    split_seed,
    telling,
    turn_of,
)
from modelmarket.market.questions import (
    refuse_findings,
    refuse_high_stake,
    refuse_short_windows,
)
from modelmarket.market.recognising import (
    earlier_tables,
    refuse_hidden,
    refuse_known,
    refuse_leaks,
)
from modelmarket.market.reusing import refuse_used_seal
from modelmarket.market.verified.scoring import (
    coding_of,
    minimum_score,
    refuse_easy,
    scoring_of,
)
from modelmarket.protocol.conditions import (
    EXECUTED_A_SECOND,
    MOST_MODEL_WORDS,
    MOST_PARTS,
    MOST_UNITS,
    SECONDS_A_PART,
    Conditions,
    Texts,
    least_bond,
    least_stake,
)
from modelmarket.protocol.money import Amount, rounded_up
from modelmarket.protocol.points import weights_hash
from modelmarket.protocol.terms import (
    DEFAULT_RESPONSE_WINDOW_S,
    HOUR_S,
    PRICE_OF_DELAY,
)
from modelmarket.protocol.types import Wei
from modelmarket.vault.secrets import SealedKey
from modelmarket.vault.vault import Published

if TYPE_CHECKING:
    from modelmarket.datasets.contest import PublishedContest
    from modelmarket.datasets.fingerprints import Fingerprints
    from modelmarket.datasets.sources import Source
    from modelmarket.market.market import Market
    from modelmarket.protocol.hidden import Keystream
    from modelmarket.protocol.point_kinds import Error
    from modelmarket.protocol.schema import Schema
    from modelmarket.protocol.types import Address

RESPONSES_A_CHALLENGE = 4
"""Response windows that a challenge window has at least."""


class ContestOptions(TypedDict, total=False):
    """What else can be said of a new verified contest.

    Attributes:
        name: At most 64 bytes.
        context: What the data are and what matters; at most 1,024 bytes.
        description: Markdown of any length, which lies beside the data.
        licence: For the data: an SPDX identifier or expression, such as `CC-BY-4.0`.
        model_licence: The same for the model that wins; whoever submits agrees to it.
        stake: MDC as text, or wei, that each submission locks; None for what makes a
            lie cost 4% of the reward for each hour by which it delays.
        demand_bond: The same for whoever demands a model; None for a tenth of the
            stake.
        submission_window_s: Seconds until the deadline.
        response_window_s: Seconds for each step after it.
        challenge_window_s: Seconds in which a shown model can be refuted; None for
            four response windows.
        balanced: Count every class alike, however rare, rather than every row.
        error: The labels are numbers, and this error counts: `absolute` or `squared`;
            None if they are classes.
        scale: The error, in the label's own unit, from which on a row scores nothing;
            None for five times what always predicting the median is off by.
        bits: Of a number that is predicted: 8, 16 or 32; None for 16.
        threshold: The least accuracy that earns the reward, or share of the points.
        most_error: For numbers, in the label's own unit, the largest mean error that
            earns it; of squared errors the root of their mean.
        fraction: Of the rows that are for testing, such as `"20%"`.
        stratified: Draw it class by class.
        group: A column; rows of which it says the same stay in one part.
        time: A column; the latest rows are for testing.
        width: Bits of a code, 8 or 16.
        even: Space the codes of numbers evenly, rather than by the values there are.
        seed: Fixes what is random in the split.
        progress: Is told what is being done.
        warn: Is told what would keep this computer from watching, before the reward
            is locked; None for Python's own warnings.
        again: Go on where rows were published before.
        accept_stake: Go on where the stake is above the reward.
        accept_findings: Go on where something about the table is hardly meant.
        accept_threshold: Go on where no model is needed to reach the threshold.
        accept_window: Go on where a window is shorter than the chain's finality.
    """

    name: str
    context: str
    description: str
    licence: str
    model_licence: str
    stake: Amount | None
    demand_bond: Amount | None
    submission_window_s: int
    response_window_s: int
    challenge_window_s: int | None
    balanced: bool
    error: Error | Literal["absolute", "squared"] | None
    scale: Fraction | str | None
    bits: int | None
    threshold: Fraction | str | None
    most_error: Fraction | str | None
    fraction: Fraction | str
    stratified: bool
    group: str | None
    time: str | None
    width: int
    even: bool
    seed: bytes | None
    progress: Progress | None
    warn: Callable[[str], None] | None
    again: bool
    accept_stake: bool
    accept_findings: bool
    accept_threshold: bool
    accept_window: bool


class ContestStream:
    """Gives what hides a contest's rows, by what they are, and keeps its key.

    Args:
        market: With wallet and network.
        owner: Whom the key's hash names.
        turn: How many keys and truths were made before.
    """

    def __init__(self, market: Market, owner: Address, turn: int) -> None:
        self._root = market.root()
        self._place = (market.network.chain_id, market.markets.verified.address, owner)
        self._turn = turn
        self._made: Keystream | None = None

    def __call__(self, hidden: bytes) -> Keystream:
        """The keystream for what has this digest."""
        chain_id, market, owner = self._place
        place = chain_id.to_bytes(8) + market.encode()
        parts = (place, owner.encode(), self._turn.to_bytes(8), hidden)
        self._made = self._root.keystream(*parts)
        return self._made

    @property
    def secret(self) -> SealedKey:
        """What goes into the vault, once something was hidden."""
        assert self._made is not None, "something was hidden"
        return SealedKey(*self._place, self._made.nonce, self._made.key)


@dataclass(frozen=True)
class PreparedContest:
    """What the transaction is made of.

    Attributes:
        terms: What the contest promises, but for its texts.
        texts: What people read of it.
        weights: Points of each class, if they are weighted.
    """

    terms: Conditions
    texts: Texts
    weights: tuple[int, ...]


def prepare_contest(
    market: Market,
    source: Source,
    *,
    owner: Address,
    reward: Wei,
    now: int,
    **options: Unpack[ContestOptions],
) -> PreparedContest:
    """Publishes the folder and puts the key into the vault.

    Args:
        market: With wallet, vault and store.
        source: The labelled table.
        owner: Who will send the transaction; the key's hash names her.
        reward: Wei of MDC for the best model.
        now: Chain time, in seconds; the index has been read up to it.
        options: See `ContestOptions`.

    Raises:
        DataError: The table cannot be used, or a contest still hides its rows.
        TermsError: The contract would refuse the terms.
        ConfirmationError: It is allowed, but hardly meant; see `again` and what
            begins with `accept_`. Nothing is stored then.
    """
    from modelmarket.datasets.contest import publish_contest

    refuse_unknown(options, ContestOptions.__annotations__)
    about, coding = about_of(options), coding_of(options)
    progress = options.get("progress")
    stake = amount_of(options, "stake")
    if stake is not None and not options.get("accept_stake", False):
        refuse_high_stake(stake, reward)
    if not options.get("accept_window", False):
        windows = _Windows.of(options).named
        finality = market.finality_s(beyond=min(windows.values()))
        refuse_short_windows(windows, finality)
    turn = turn_of(market, owner)
    if coding.seed is None:
        coding = replace(coding, seed=split_seed(market, source, turn))
    earlier = earlier_tables(market, now)
    known: list[Fingerprints] = []

    def inspect(found: Fingerprints) -> None:
        refuse_known(found, earlier)
        refuse_hidden(found, earlier)
        if not options.get("again", False):
            refuse_leaks(found, earlier, hides_rows=True)
        known.append(found)

    stream = ContestStream(market, owner, turn)
    with tempfile.TemporaryDirectory(dir=market.home.scratch()) as scratch:
        published = publish_contest(
            source,
            Path(scratch),
            stream,
            coding,
            about=about,
            known_by=[names for one in earlier for names in one.rows.columns],
            inspect=inspect,
            progress=telling(progress, "rows split"),
            looking=telling(progress, "rows looked at"),
        )
        if not options.get("accept_findings", False):
            refuse_findings(published.report)
        secret = stream.secret
        prepared = _terms(published, secret, reward, options)
        prepared.terms.check(prepared.weights)
        for _, problem in prepared.texts.problems():
            raise InputError(problem)
        refuse_used_seal(market, secret.seal)
        folder = market.store.add(
            Path(scratch), progress=telling(progress, "bytes stored")
        )
    # Before the key: none is ever there whose table would not be known again.
    market.vault.add_published(
        Published(
            secret.seal,
            secret.chain_id,
            secret.market,
            known[0].to_bytes(),
            frozenset(one.seal for one in earlier),
        )
    )
    market.put_away(secret)
    texts = replace(prepared.texts, dataset=str(folder.cid))
    terms = replace(prepared.terms, texts_hash=texts.hash())
    return replace(prepared, terms=terms, texts=texts)


@dataclass(frozen=True)
class _Windows:
    """Seconds for each part of a contest."""

    submission: int
    response: int
    challenge: int

    @classmethod
    def of(cls, options: ContestOptions) -> _Windows:
        """As they were said, or as they are otherwise."""
        response = options.get("response_window_s", DEFAULT_RESPONSE_WINDOW_S)
        return cls(
            options.get("submission_window_s", DEFAULT_SUBMISSION_WINDOW_S),
            response,
            options.get("challenge_window_s") or RESPONSES_A_CHALLENGE * response,
        )

    @property
    def named(self) -> dict[str, int]:
        """Each, by what it is for."""
        return {
            "submissions": self.submission,
            "each step after it": self.response,
            "challenges": self.challenge,
        }


def _terms(
    published: PublishedContest,
    secret: SealedKey,
    reward: Wei,
    options: ContestOptions,
) -> PreparedContest:
    """The terms of a contest, before its folder has an address."""
    schema, manifest = published.schema, published.manifest
    windows = _Windows.of(options)
    challenge = windows.challenge
    stake = amount_of(options, "stake")
    if stake is None:
        stake = proposed_stake(reward, windows.response + challenge)
    bond = amount_of(options, "demand_bond")
    scoring = scoring_of(published, options)
    if not options.get("accept_threshold", False):
        refuse_easy(published, scoring, options)
    texts = Texts(
        dataset="", name=options.get("name", ""), context=options.get("context", "")
    )
    terms = Conditions(
        reward=reward,
        stake=stake,
        demand_bond=least_bond(stake) if bond is None else bond,
        submission_window_s=windows.submission,
        response_window_s=windows.response,
        challenge_window_s=challenge,
        minimum_score=0,
        rows=manifest.hidden_rows,
        columns=len(schema.columns),
        width=schema.width,
        outputs=schema.target.outputs,
        bits=schema.target.bits,
        points=scoring.kind,
        cap=scoring.cap,
        step=scoring.step,
        most_units=MOST_UNITS,
        most_words=most_words(manifest.hidden_rows, schema, challenge),
        most_parts=1,
        weights_hash=weights_hash(scoring.weights),
        rows_root=published.rows_root,
        targets_root=published.targets_root,
        nonce=secret.nonce,
        key_hash=secret.seal,
        schema_hash=schema.hash,
        texts_hash=texts.hash(),
    )
    most_parts = challenge // (4 * SECONDS_A_PART) - terms.listing_parts
    terms = replace(terms, most_parts=max(1, min(MOST_PARTS, most_parts)))
    minimum = minimum_score(schema, scoring, terms.rows, options)
    return PreparedContest(
        replace(terms, minimum_score=minimum), texts, scoring.weights
    )


def proposed_stake(reward: Wei, delay_s: int) -> Wei:
    """The stake with which a lie costs 4% of the reward for each hour of its delay, in
    three digits.

    Args:
        reward: Wei.
        delay_s: Seconds by which a lie delays the end.
    """
    stake = math.ceil(reward * PRICE_OF_DELAY * delay_s / HOUR_S)
    return Wei(min(rounded_up(max(stake, least_stake(reward))), max(reward, 1)))


def most_words(rows: int, schema: Schema, challenge_window_s: int) -> int:
    """Words that a model may execute on one row, so that watchers keep up."""
    pairs = (schema.target.outputs + 1) // 2
    fits = EXECUTED_A_SECOND * challenge_window_s // (rows * pairs)
    return max(1, min(MOST_MODEL_WORDS, fits))
