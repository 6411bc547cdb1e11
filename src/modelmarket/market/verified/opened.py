# SPDX-License-Identifier: Apache-2.0
"""The rows and targets of a contest whose key is open."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from modelmarket.chain.verified import Proven
from modelmarket.market.verified.listing import Listing
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.hidden import (
    Keystream,
    RowCodes,
    Targets,
    Words,
    group_count,
    row_words,
    unpack_groups,
    unpack_rows,
)
from modelmarket.protocol.labels import WORD_BYTES
from modelmarket.protocol.merkle import (
    GROUP_BYTES,
    HashTree,
    rows_tree,
    targets_tree,
)
from modelmarket.protocol.points import Points, group_points

if TYPE_CHECKING:
    from modelmarket.models import ExactModel

MOST_LATELY = 2


@dataclass(frozen=True, eq=False)
class Opened:
    """The rows and targets of a contest, as its key makes them.

    Attributes:
        record: The contest.
        key: Its key.
        rows: Encrypted; shape (rows, bytes of a row).
        groups: Encrypted targets; shape (groups, 256).
    """

    record: ContestRecord
    key: bytes
    rows: Words
    groups: Words

    @classmethod
    def of(
        cls, record: ContestRecord, key: bytes, rows: bytes, targets: bytes
    ) -> Opened:
        """The rows and targets in two files that were held against the roots."""
        terms = record.terms
        size = row_words(terms.columns, terms.width) * WORD_BYTES
        return cls(
            record,
            key,
            np.frombuffer(rows, dtype=np.uint8).reshape(terms.rows, size),
            np.frombuffer(targets, dtype=np.uint8).reshape(
                group_count(terms.rows, terms.bits), GROUP_BYTES
            ),
        )

    @property
    def _stream(self) -> Keystream:
        return Keystream(self.key, self.record.terms.nonce)

    @cached_property
    def codes(self) -> RowCodes:
        """Shape (rows, columns)."""
        terms = self.record.terms
        return unpack_rows(self._stream.rows(self.rows), terms.columns, terms.width)

    @cached_property
    def targets(self) -> Targets:
        """Shape (rows,)."""
        terms = self.record.terms
        plain = self._stream.groups(self.groups)
        return unpack_groups(plain, terms.rows, terms.bits)

    @cached_property
    def _rows_tree(self) -> HashTree:
        return rows_tree(self.rows.tobytes(), self.rows.shape[1] // WORD_BYTES)

    @cached_property
    def _targets_tree(self) -> HashTree:
        return targets_tree(self.groups.tobytes())

    def row(self, index: int) -> Proven:
        """An encrypted row with its proof."""
        words = self.rows[index].tobytes()
        return Proven(index, words, self._rows_tree.proof(index))

    def group(self, index: int) -> Proven:
        """An encrypted group of targets with its proof."""
        words = self.groups[index].tobytes()
        return Proven(index, words, self._targets_tree.proof(index))

    def predictions(self, model: ExactModel) -> Targets:
        """What a model says of all rows; shape (rows,)."""
        return model.predict(self.codes, bits=self.record.terms.bits)

    def points(self, predictions: Targets) -> Points:
        """What predictions score; shape (rows,)."""
        return self.record.scoring.points(self.targets, predictions)

    def group_points(self, predictions: Targets) -> Points:
        """What each group of predictions scores; shape (groups,)."""
        return group_points(self.points(predictions), self.record.terms.bits)

    def listing(self, model: ExactModel) -> Listing:
        """The true listing of a model."""
        predictions = self.predictions(model)
        points = self.points(predictions)
        return Listing.of(self.record.terms, predictions, points)


class Lately:
    """The contests whose rows were looked at last: decrypting them takes a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: OrderedDict[bytes, Opened] = OrderedDict()

    def get(self, record: ContestRecord, read: Callable[[], Opened]) -> Opened:
        """The rows of a contest, read only if they were not lately."""
        name = record.terms_hash + record.key
        with self._lock:
            found = self._opened.get(name)
        # note: a gateway may be slow, and other contests' rows are to be had meanwhile.
        found = found or read()
        with self._lock:
            self._opened[name] = found
            self._opened.move_to_end(name)
            if len(self._opened) > MOST_LATELY:
                self._opened.popitem(last=False)
        return found
