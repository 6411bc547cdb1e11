# SPDX-License-Identifier: Apache-2.0
"""What a table would be as a verified contest: tried, and not published."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from modelmarket.market.publishing import choice_of, refuse_unknown
from modelmarket.market.verified.scoring import number_bits, scoring_of
from modelmarket.protocol.hidden import Keystream

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from modelmarket.datasets.contest import PublishedContest
    from modelmarket.datasets.lint.findings import Report
    from modelmarket.datasets.losses import Losses
    from modelmarket.datasets.split import Source
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
        report: What is odd about its rows.
    """

    published: PublishedContest
    scoring: Scoring
    losses: Losses
    report: Report


def try_contest(
    source: Source, folder: Path, **options: Unpack[ContestOptions]
) -> Trial:
    """Splits, encodes and hides a table as `create_contest` would.

    Args:
        source: The labelled table.
        folder: An empty folder, which it is written to.
        options: Of a contest; those about money and time mean nothing here.

    Raises:
        DataError: The table cannot be used; names row, column and value.
        InputError: An option goes with other labels.
        TermsError: The rows could not score.
    """
    from modelmarket.datasets.contest import publish_contest
    from modelmarket.datasets.lint.lint import Lint
    from modelmarket.datasets.losses import losses
    from modelmarket.datasets.published import TRAIN
    from modelmarket.market.verified.publishing import ContestOptions

    refuse_unknown(options, ContestOptions.__annotations__)
    bits, progress = number_bits(options), options.get("progress")
    looking: list[Lint] = []

    def look(
        train: Path,
        names: Sequence[str],
        counts: dict[str, int],
        learned: npt.NDArray[np.int64],
    ) -> Lint:
        looking.append(Lint(train, names, counts, learned, is_hidden=True))
        return looking[0]

    stream = Keystream(secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES))

    def tell(count: int) -> None:
        if progress is not None:
            progress("rows", count)

    published = publish_contest(
        source,
        folder,
        lambda _: stream,
        width=options.get("width", 8),
        even=options.get("even", False),
        number_bits=bits,
        choice=choice_of(options),
        seed=options.get("seed"),
        look=look,
        progress=tell,
    )
    scoring = scoring_of(published, options)
    scoring.check(published.manifest.hidden_rows, published.schema.target.bits)
    lost = losses(
        folder / TRAIN,
        published.manifest.features,
        published.manifest.train_rows,
        published.schema.target,
        even=options.get("even", False),
    )
    return Trial(published, scoring, lost, looking[0].report())
