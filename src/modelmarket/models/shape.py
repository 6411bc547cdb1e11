# SPDX-License-Identifier: Apache-2.0
"""What a contest's rows look like to an estimator."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """What a contest's rows look like.

    Attributes:
        columns: Codes of a row.
        width: Bits of a code.
        outputs: Classes; None for as many as the estimator knows.
        names: Of the classes; empty if nobody calls them by a name.
    """

    columns: int
    width: int
    outputs: int | None
    names: tuple[str, ...] = ()
