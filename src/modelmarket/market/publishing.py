# SPDX-License-Identifier: Apache-2.0
"""Everything before a request's transaction: split, published, sealed, kept."""

from __future__ import annotations

import difflib
import math
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from modelmarket.datasets.shares import parse_accuracy, parse_fraction, parse_number
from modelmarket.errors import InputError
from modelmarket.errors.wording import SETTINGS
from modelmarket.index.summaries import Wanted
from modelmarket.market.questions import (
    refuse_findings,
    refuse_high_stake,
    refuse_low_threshold,
    refuse_short_windows,
)
from modelmarket.market.recognising import (
    earlier_tables,
    refuse_hidden,
    refuse_leaks,
)
from modelmarket.market.reusing import refuse_used_seal
from modelmarket.protocol.labels import pack, page_count
from modelmarket.protocol.money import Amount, read_amount
from modelmarket.protocol.terms import DEFAULT_RESPONSE_WINDOW_S, Terms, proposed_stake
from modelmarket.vault.secrets import SealedTruth
from modelmarket.vault.vault import Published

if TYPE_CHECKING:
    from modelmarket.datasets.about import About
    from modelmarket.datasets.choosing import Choice
    from modelmarket.datasets.published import Manifest
    from modelmarket.datasets.sources import Source
    from modelmarket.market.market import Market
    from modelmarket.protocol.bins import Binning
    from modelmarket.protocol.classes import Codes
    from modelmarket.protocol.types import Address, Wei

DEFAULT_SUBMISSION_WINDOW_S = 3_600

Progress = Callable[[str, int], None]
"""Is told what is being done, and of so many more rows or bytes of it."""


class RequestOptions(TypedDict, total=False):
    """What else can be said of a new request.

    Attributes:
        name: At most 64 bytes.
        context: What the data are and what matters; at most 1,024 bytes.
        description: Markdown of any length, which lies beside the data.
        licence: For the data: an SPDX identifier or expression, such as `CC-BY-4.0`.
        model_licence: The same for the model that wins; whoever submits agrees to it.
        stake: MDC as text, or wei, that each submission locks; None for what makes a
            false claim cost 4% of the reward for each hour by which it delays.
        submission_window_s: Seconds until the deadline.
        response_window_s: Seconds for each step after it.
        minimum_matches: The threshold in matches: the fewest that earn the reward.
        threshold: The same as a fraction of the test rows: the least accuracy, such as
            `"90%"`.
        fraction: Of the rows that are for testing, such as `"20%"`.
        stratified: Draw it class by class.
        group: A column; rows of which it says the same stay in one part.
        time: A column; the latest rows are for testing.
        bins: Into how many the labels, which are numbers, are put; None for classes.
            A prediction is right if it falls into the bin of the truth.
        even_bins: Bins of the same width, rather than such that about as many training
            rows fall into each.
        seed: Fixes what is random in the split.
        progress: Is told what is being done.
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
    submission_window_s: int
    response_window_s: int
    minimum_matches: int | None
    threshold: Fraction | str | None
    fraction: Fraction | str
    stratified: bool
    group: str | None
    time: str | None
    bins: int | None
    even_bins: bool
    seed: bytes | None
    progress: Progress | None
    again: bool
    accept_stake: bool
    accept_findings: bool
    accept_threshold: bool
    accept_window: bool


def refuse_unknown(options: Iterable[str], known: Iterable[str]) -> None:
    """Makes sure that nothing was said which nobody would hear.

    Args:
        options: What was said.
        known: What there is to say.

    Raises:
        InputError: There is no such option; a threshold that is misspelt would be
            none.
    """
    names = list(known)
    for name in options:
        if name not in names:
            # Whoever knows the command's name for it is told this one.
            same = SETTINGS.get(f"--{name.replace('_', '-')}")
            close = difflib.get_close_matches(name, names, n=1)
            if same is not None and same.argument in names:
                close = [same.argument]
            also = f"Did you mean {close[0]}? " if close else ""
            raise InputError(
                f"A request has no option {name!r}.",
                hint=f"{also}There are: {', '.join(names)}.",
            )


def telling(progress: Progress | None, what: str) -> Callable[[int], None]:
    """Tells of so many more rows or bytes of what is being done, if anybody hears."""

    def tell(count: int) -> None:
        if progress is not None:
            progress(what, count)

    return tell


def about_of(options: Mapping[str, Any]) -> About:
    """What people are told of a dataset, as the options of a request say.

    Raises:
        InputError: A licence is none, or the description is too long.
    """
    from modelmarket.datasets.about import About

    names = [field.name for field in fields(About)]
    return About(**{name: options.get(name) or "" for name in names}).checked()


def choice_of(options: Mapping[str, Any]) -> Choice:
    """How test rows are chosen, as the options of a request say.

    Raises:
        InputError: In two ways at once.
    """
    from modelmarket.datasets.choosing import Choice

    fraction = number_of(options, "fraction", parse_fraction)
    said = {
        name: value
        for name in ("stratified", "group", "time")
        if (value := options.get(name)) is not None
    }
    return Choice(**said) if fraction is None else Choice(fraction, **said)


def binning_of(options: Mapping[str, Any]) -> Binning | None:
    """How numbers are put into bins, as the options of a request say.

    Returns:
        None for classes.

    Raises:
        InputError: There cannot be so many bins, or it is said how to make none.
    """
    from modelmarket.protocol.bins import Binning

    bins, is_even = options.get("bins"), bool(options.get("even_bins", False))
    if bins is not None:
        return Binning(bins, is_even)
    if is_even:
        raise InputError(
            "Nobody has said into how many bins the labels are to be put.",
            hint="Say it, such as 20, if they are numbers.",
        )
    return None


def amount_of(options: Mapping[str, Any], name: str) -> Wei | None:
    """Wei of an amount among the options of a request; None if nothing was said.

    Raises:
        InputError: It is no amount.
    """
    said = options.get(name)
    return None if said is None else read_amount(said)


def number_of(
    options: Mapping[str, Any],
    name: str,
    parse: Callable[[str], Fraction] = parse_number,
) -> Fraction | None:
    """A number among the options of a request, exactly; None if nothing was said.

    Raises:
        InputError: It is none.
    """
    said = options.get(name)
    if isinstance(said, str):
        return parse(said)
    if said is None:
        return None
    if isinstance(said, Fraction | Decimal | int) and not isinstance(said, bool):
        return Fraction(said)
    raise InputError(
        f"{name} is no {type(said).__name__}.",
        hint='Write it as text, such as "0.5", or as a Fraction: a float is not exact.',
    )


def turn_of(market: Market, owner: Address) -> int:
    """How many truths and keys somebody has made before.

    Also what another machine made, or this one before its vault was lost: a split that
    comes again would show labels that are open already.
    """
    made = market.index.count(Wanted(requester=owner))
    return max(made, market.vault.truths_of(owner))


def split_seed(market: Market, source: Source, turn: int) -> bytes:
    """What is random when somebody's table is split; see `turn_of`."""
    return market.root().split_seed(source.digest(), turn)


def prepare(
    market: Market,
    source: Source,
    *,
    owner: Address,
    reward: Wei,
    now: int,
    **options: Unpack[RequestOptions],
) -> Terms:
    """Publishes the dataset and puts the truth into the vault.

    Args:
        market: With wallet, vault and store.
        source: The labelled table.
        owner: Who will send the transaction; the seal names her.
        reward: Wei of MDC for the best model.
        now: Chain time, in seconds; the index has been read up to it.
        options: See `RequestOptions`.

    Raises:
        DataError: The table cannot be used; names row, column and value.
        TermsError: The contract would refuse the terms.
        ConfirmationError: It is allowed, but hardly meant; see `again` and what
            begins with `accept_`. Nothing is stored then.
    """
    from modelmarket.datasets.fingerprints import fingerprints
    from modelmarket.datasets.published import TEST, TRAIN, publish

    refuse_unknown(options, RequestOptions.__annotations__)
    progress = options.get("progress")
    stake = amount_of(options, "stake")
    if stake is not None and not options.get("accept_stake", False):
        refuse_high_stake(stake, reward)
    if not options.get("accept_window", False):
        submission, response = _windows(options)
        windows = {"submissions": submission, "each step after it": response}
        finality = market.finality_s(beyond=min(windows.values()))
        refuse_short_windows(windows, finality)
    turn = turn_of(market, owner)
    with tempfile.TemporaryDirectory(dir=market.home.scratch()) as scratch:
        published = publish(
            source,
            Path(scratch),
            about=about_of(options),
            choice=choice_of(options),
            binning=binning_of(options),
            seed=options.get("seed") or split_seed(market, source, turn),
            progress=telling(progress, "rows split"),
            looking=telling(progress, "rows looked at"),
        )
        earlier = earlier_tables(market, now)
        known = fingerprints(
            Path(scratch) / TRAIN,
            Path(scratch) / TEST,
            [names for one in earlier for names in one.rows.columns],
            label=source.label or "",
            truth=published.split.test_labels,
            progress=telling(progress, "rows compared"),
        )
        refuse_hidden(known, earlier)
        if not options.get("again", False):
            refuse_leaks(known, earlier)
        if not options.get("accept_findings", False):
            refuse_findings(published.report)
        bits = published.manifest.classes.bits
        secret = sealed_truth(market, published.split.truth, bits, owner, turn)
        terms = _terms(published.manifest, secret, reward, options)
        terms.check()
        refuse_used_seal(market, terms.truth_seal)
        folder = market.store.add(
            Path(scratch), progress=telling(progress, "bytes stored")
        )
    network = market.network
    # Before the truth: none is ever there whose table would not be known again.
    market.vault.add_published(
        Published(
            terms.truth_seal,
            network.chain_id,
            network.market,
            known.to_bytes(),
            frozenset(one.seal for one in earlier),
        )
    )
    market.put_away(secret)
    return replace(terms, dataset=str(folder.cid))


def _windows(options: RequestOptions) -> tuple[int, int]:
    """Seconds until the deadline, and for each step after it."""
    return (
        options.get("submission_window_s", DEFAULT_SUBMISSION_WINDOW_S),
        options.get("response_window_s", DEFAULT_RESPONSE_WINDOW_S),
    )


def _terms(
    manifest: Manifest, secret: SealedTruth, reward: Wei, options: RequestOptions
) -> Terms:
    """The terms of a request, before its folder has an address.

    Raises:
        ConfirmationError: No model is needed to reach the threshold.
    """
    least, stake = _minimum_matches(options, secret.labels), amount_of(options, "stake")
    if not options.get("accept_threshold", False):
        majority = Fraction(max(manifest.train_counts), manifest.train_rows)
        refuse_low_threshold(Fraction(least, secret.labels), majority)
    submission, response = _windows(options)
    if stake is None:
        pages = page_count(secret.labels, secret.bits)
        stake = proposed_stake(reward, response, pages)
    return Terms(
        dataset="",
        name=manifest.name,
        context=manifest.context,
        reward=reward,
        stake=stake,
        submission_window_s=submission,
        response_window_s=response,
        labels=secret.labels,
        bits=secret.bits,
        minimum_matches=least,
        truth_seal=secret.seal,
    )


def _minimum_matches(options: RequestOptions, labels: int) -> int:
    """The threshold in matches."""
    matches = options.get("minimum_matches")
    if matches is not None:
        return matches
    threshold = number_of(options, "threshold", parse_accuracy)
    return math.ceil((threshold or Fraction(0)) * labels)


def sealed_truth(
    market: Market, truth: Codes, bits: int, owner: Address, turn: int
) -> SealedTruth:
    """A truth with the salt that this wallet's key gives it.

    Args:
        market: With wallet and network.
        truth: The test labels' codes; shape (rows,).
        bits: Per label.
        owner: Whom the seal names.
        turn: How many truths were sealed before.
    """
    packed = b"".join(pack(truth, bits))
    place = market.network.chain_id.to_bytes(8) + market.network.market.encode()
    return SealedTruth(
        chain_id=market.network.chain_id,
        market=market.network.market,
        requester=owner,
        salt=market.root().salt(place, owner.encode(), turn.to_bytes(8), packed),
        labels=int(truth.size),
        bits=bits,
        packed=packed,
    )
