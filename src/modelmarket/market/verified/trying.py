# SPDX-License-Identifier: Apache-2.0
"""What a table would be as a verified contest: tried, and not published."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Unpack

from modelmarket.market.publishing import refuse_unknown, telling
from modelmarket.market.recognising import Before, look_up
from modelmarket.market.verified.scoring import coding_of, scoring_of
from modelmarket.protocol.hidden import Keystream

if TYPE_CHECKING:
    from pathlib import Path

    from modelmarket.datasets.contest import PublishedContest
    from modelmarket.datasets.fingerprints import Fingerprints
    from modelmarket.datasets.losses import Losses
    from modelmarket.datasets.sources import Source
    from modelmarket.market.verified.publishing import ContestOptions
    from modelmarket.protocol.points import Scoring

KEY_BYTES = 32


@dataclass(frozen=True)
class Trial:
    """What a table would be as a verified contest.

    Attributes:
        published: Its folder, under a key that nobody has.
        scoring: How its rows would score.
        losses: What its training part loses as codes.
    """

    published: PublishedContest
    scoring: Scoring
    losses: Losses


def try_contest(
    source: Source,
    folder: Path,
    before: Before | None = None,
    **options: Unpack[ContestOptions],
) -> Trial:
    """Splits, encodes and hides a table as `create_contest` would.

    Args:
        source: The labelled table.
        folder: An empty folder, which it is written to.
        before: Tables that its rows may be known from; None to look at none.
        options: Of a contest; those about money and time mean nothing here.

    Raises:
        DataError: The table cannot be used; names row, column and value.
        InputError: An option goes with other labels.
        TermsError: The rows could not score.
    """
    from modelmarket.datasets.losses import losses
    from modelmarket.datasets.published import TRAIN

    published = look_at(source, folder, before, **options)
    scoring = scoring_of(published, options)
    scoring.check(published.manifest.hidden_rows, published.schema.target.bits)
    lost = losses(
        folder / TRAIN,
        published.manifest.features,
        published.manifest.train_rows,
        published.schema.target,
        even=options.get("even", False),
        choice=published.manifest.choice,
        before=published.tried,
    )
    return Trial(published, scoring, lost)


def look_at(
    source: Source,
    folder: Path,
    before: Before | None = None,
    **options: Unpack[ContestOptions],
) -> PublishedContest:
    """The folder alone, under a key that nobody has; see `try_contest`."""
    from modelmarket.datasets.contest import publish_contest
    from modelmarket.market.verified.publishing import ContestOptions

    refuse_unknown(options, ContestOptions.__annotations__)
    progress = options.get("progress")
    stream = Keystream(secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES))
    before = before or Before()
    found = before.locked

    def inspect(rows: Fingerprints) -> None:
        found.extend(look_up(rows, before.earlier, hides_rows=True))

    published = publish_contest(
        source,
        folder,
        lambda _: stream,
        coding_of(options),
        known_by=before.known_by,
        inspect=inspect if before.earlier else None,
        progress=telling(progress, "rows split"),
        looking=telling(progress, "rows looked at"),
    )
    return replace(published, report=published.report.also(found))
