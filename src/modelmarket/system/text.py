# SPDX-License-Identifier: Apache-2.0
"""Text for people: strangers' words made harmless, and times."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Self

_HARMLESS = "\n"
_HARMFUL = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
_SPELT = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]{3,}")
"""Words that begin with letters which are spoken one by one."""
LEAST_MEASURED, MOST_MEASURED = 1e-5, 1e15
"""Between them a number is written without a power of ten."""
_VOWEL = re.compile(r"(?!uni|uint|use|uuid)[aeiou]|nd", re.IGNORECASE)
"""How words begin that take `an`; numpy's `ndarray` is spoken so."""


class Undecodable(str):
    """Text that a contract took though it is not UTF-8.

    As text it is what people are shown, with U+FFFD for what cannot be read;
    it equals nothing but text of the very same bytes.

    Attributes:
        raw: The bytes, which are what is hashed and sent.
    """

    __slots__ = ("raw",)

    raw: bytes

    def __new__(cls, raw: bytes) -> Self:
        made = super().__new__(cls, raw.decode(errors="replace"))
        made.raw = raw
        return made

    def __getnewargs__(self) -> tuple[bytes]:  # type: ignore[override]  # what it is made of
        return (self.raw,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Undecodable) and self.raw == other.raw

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.raw)


def text_of(raw: bytes) -> str:
    """Bytes as text, whatever they are; `bytes_of` gives them back exactly."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Undecodable(raw)


def bytes_of(text: str) -> bytes:
    """The bytes that a text stands for, as a contract has them.

    Raises:
        UnicodeEncodeError: It holds half of a surrogate pair, as no contract's
            text does.
    """
    return text.raw if isinstance(text, Undecodable) else text.encode()


def storable(text: str) -> str:
    """Text for a database's column: PostgreSQL takes no NUL."""
    return str(text).replace("\0", "\N{REPLACEMENT CHARACTER}")


def plain(text: object) -> str:
    """Text from strangers, fit for a terminal.

    Control characters (escape codes), characters that turn the direction of
    writing and line ends of other kinds are shown as U+FFFD.
    """
    return "".join(
        one
        if one in _HARMLESS or unicodedata.category(one) not in _HARMFUL
        else "\N{REPLACEMENT CHARACTER}"
        for one in str(text)
    )


def in_a_line(text: object) -> str:
    """The same for what is shown within a line, which it must not end."""
    return plain(text).replace("\n", "\N{REPLACEMENT CHARACTER}")


def percent(share: Fraction) -> str:
    """A share in percent, to a tenth: 1/25 is `4%`, 1/60 is `1.7%`."""
    whole, tenths = divmod(round(share * 1_000), 10)
    return f"{whole:,}.{tenths}%" if tenths else f"{whole:,}%"


def measured(number: float, form: str = "g") -> str:
    """A number that was measured: `9.87087`, `1,234,570`, `5e-324`; six of its digits.

    Args:
        number: It.
        form: As formats say it, where `g` stands for that; `+g` has a sign, too.
    """
    if not form.endswith("g"):
        return f"{number:{form}}"
    said = f"{number:{form[:-1]}.6g}"
    is_usual = number == 0 or LEAST_MEASURED <= abs(number) < MOST_MEASURED
    return f"{Decimal(said):{form[:-1]},f}" if is_usual else said


def counted(number: int, one: str, more: str = "") -> str:
    """So many things: `1 row`, `2,000 rows`; `more` where an s is not enough."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def agreeing(number: int, one: str, more: str) -> str:
    """The word that goes with so many things: one `stands`, more `stand`."""
    return one if number == 1 else more


def an(word: str, *, first: bool = False) -> str:
    """A word with its article, as it is spoken: `a float`, `an int`, `an SVC`.

    Args:
        word: What is counted as one.
        first: Whether a sentence begins with it.
    """
    spelt = _SPELT.match(word)
    vowel = word[0] in "AEFHILMNORSX" if spelt else bool(_VOWEL.match(word))
    article = "an" if vowel else "a"
    return f"{article.capitalize() if first else article} {word}"


def duration(seconds: int) -> str:
    """How long, in the two largest units: `59 min 31 s`."""
    parts: list[str] = []
    left = max(seconds, 0)
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if left >= size and len(parts) < 2:  # noqa: PLR2004  # two are enough
            parts.append(f"{left // size} {name}")
            left %= size
    return " ".join(parts) or "0 s"


def local_time(second: int) -> str:
    """A second of chain time in local time, for people."""
    return (
        datetime.fromtimestamp(second, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    )


def utc_time(second: int) -> str:
    """A second of chain time in UTC, for programs."""
    return datetime.fromtimestamp(second, UTC).isoformat()
