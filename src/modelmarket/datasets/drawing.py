# SPDX-License-Identifier: Apache-2.0
"""What is random in a split: which rows are for testing, and in what order."""

from __future__ import annotations

import secrets
from array import array
from collections.abc import Iterator
from fractions import Fraction
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

BUCKETS = 64
BUCKET_BUFFER_BYTES = 2**16

LabelCodes = npt.NDArray[np.uint32]
"""Labels of rows, numbered as they came up: shape (rows,)."""


class Chance:
    """What is random in a split, from a seed of any length.

    It builds on raw words alone, which numpy promises to be the same in every
    version (NEP 19).
    """

    def __init__(self, seed: bytes) -> None:
        self._words = np.random.Philox(int.from_bytes(b"\1" + seed))

    def words(self, count: int) -> npt.NDArray[np.uint64]:
        """Random words, of shape (count,)."""
        return self._words.random_raw(count)

    def order(self, count: int) -> npt.NDArray[np.int64]:
        """A random order of so many things, of shape (count,)."""
        return self.words(count).argsort(kind="stable")


class Taking(Protocol):
    """Says which rows are for testing."""

    def take(self, codes: LabelCodes, /) -> npt.NDArray[np.bool_]:
        """Which of the next rows are, of shape (rows,)."""


class _Draw:
    """Draws p rows of each q for a fraction p/q, at random places."""

    def __init__(self, fraction: Fraction, chance: Chance) -> None:
        self._fraction = fraction
        self._chance = chance
        self._drawn = np.zeros(0, dtype=np.bool_)

    def take(self, rows: int) -> npt.NDArray[np.bool_]:
        """Which of the next rows are drawn, of shape (rows,)."""
        p, q = self._fraction.numerator, self._fraction.denominator
        if (lacking := rows - self._drawn.size) > 0:
            blocks = -(-lacking // q)
            words = self._chance.words(blocks * q).reshape(blocks, q)
            ranks = words.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
            self._drawn = np.concatenate((self._drawn, (ranks < p).ravel()))
        taken, self._drawn = self._drawn[:rows], self._drawn[rows:]
        return taken


class Strata:
    """Draws class by class, or from all rows alike."""

    def __init__(self, fraction: Fraction, chance: Chance, *, stratified: bool) -> None:
        self._fraction = fraction
        self._chance = chance
        self._stratified = stratified
        self._draws: dict[int, _Draw] = {}

    def take(self, codes: LabelCodes) -> npt.NDArray[np.bool_]:
        """Which of the next rows are for testing, of shape (rows,)."""
        strata = codes if self._stratified else np.zeros_like(codes)
        taken = np.zeros(codes.size, dtype=np.bool_)
        for stratum in np.unique(strata).tolist():
            if stratum not in self._draws:
                self._draws[stratum] = _Draw(self._fraction, self._chance)
            rows = np.flatnonzero(strata == stratum)
            taken[rows] = self._draws[stratum].take(rows.size)
        return taken


class Drawing:
    """Everything that is random in one split, from one seed.

    Args:
        fraction: Of the rows that are for testing.
        stratified: Draw it class by class.
        seed: Fixes what is random; None for the system's random source.
    """

    def __init__(
        self, fraction: Fraction, *, stratified: bool = False, seed: bytes | None = None
    ) -> None:
        self.fraction = fraction
        self.chance = Chance(seed or secrets.token_bytes(32))
        self.strata: Taking = Strata(fraction, self.chance, stratified=stratified)

    def shuffle(self, *, encrypted: bool = False) -> Shuffle:
        """Where test rows are handed to, and come from in random order."""
        return Shuffle(self.chance, encrypted=encrypted)


class Taken(Protocol):
    """Where test rows are handed to."""

    rows: int

    def add(self, rows: list[bytes], codes: LabelCodes, /) -> None:
        """Adds rows and the codes of their labels."""


class Counted:
    """Counts rows, and keeps none; draws what a `Shuffle` would.

    Args:
        chance: Draws it.
    """

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.rows = 0

    def add(self, rows: list[bytes], _: LabelCodes, /) -> None:
        """Adds rows."""
        self._chance.words(len(rows))
        self.rows += len(rows)


class Shuffle:
    """Shuffles any number of rows on disk.

    Each row goes to a bucket drawn at random; then each bucket is shuffled in
    memory. The order is uniform, and memory holds one bucket; and, of the
    others, eight bytes a row: its length and its label, which no disk ever sees.

    Args:
        chance: Draws buckets and orders.
        encrypted: Whether the rows are secret, too: what is on disk, whoever may find
            it there, is then encrypted under a key that nobody but this object has.
    """

    def __init__(self, chance: Chance, *, encrypted: bool = False) -> None:
        self._chance = chance
        self._buckets = [_Bucket(encrypted=encrypted) for _ in range(BUCKETS)]
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for bucket in self._buckets:
            bucket.file.close()

    def add(self, rows: list[bytes], codes: LabelCodes) -> None:
        """Adds rows and the codes of their labels."""
        places = (self._chance.words(len(rows)) % np.uint64(BUCKETS)).tolist()
        for row, code, place in zip(rows, codes.tolist(), places, strict=True):
            self._buckets[place].add(row, code)
        self.rows += len(rows)

    def shuffled(self) -> Iterator[tuple[list[bytes], list[int]]]:
        """All rows with their codes, in random order, a bucket at a time."""
        for bucket in self._buckets:
            rows = bucket.read()
            order = self._chance.order(len(rows)).tolist()
            yield [rows[at] for at in order], [bucket.codes[at] for at in order]


class _Bucket:
    """Rows one behind the other in an unnamed file."""

    def __init__(self, *, encrypted: bool) -> None:
        self.file = TemporaryFile(buffering=BUCKET_BUFFER_BYTES)  # noqa: SIM115  # closed together
        self.lengths = array("I")
        self.codes = array("I")
        self._cipher = _cipher() if encrypted else None
        self._encryptor = self._cipher.encryptor() if self._cipher else None

    def add(self, row: bytes, code: int) -> None:
        """Appends a row."""
        self.file.write(self._encryptor.update(row) if self._encryptor else row)
        self.lengths.append(len(row))
        self.codes.append(code)

    def read(self) -> list[bytes]:
        """All rows, in the order in which they came."""
        self.file.seek(0)
        decrypt = self._cipher.decryptor().update if self._cipher else bytes
        return [decrypt(self.file.read(length)) for length in self.lengths]


def _cipher() -> Cipher[modes.CTR]:
    """AES-256 in counter mode under a key of its own, which is never written."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key, start = secrets.token_bytes(32), secrets.token_bytes(16)
    return Cipher(algorithms.AES256(key), modes.CTR(start))
