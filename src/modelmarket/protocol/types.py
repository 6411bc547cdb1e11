# SPDX-License-Identifier: Apache-2.0
"""What the values of the protocol are called."""

from typing import NewType, Self, TypeVar

from eth_typing import ChecksumAddress, HexAddress, HexStr

from modelmarket.errors import InputError

_MOST_DIGITS = 18
"""More than any market will ever count to, and less than a database holds."""

Address = ChecksumAddress
"""An EVM address, checksummed (EIP-55)."""


def checksummed(address: str | bytes) -> Address:
    """An address from 20 bytes or from hexadecimal in any case."""
    from eth_utils import to_checksum_address

    return to_checksum_address(address)


def read_address(text: str, whose: str = "an account") -> Address:
    """An address as people write it: in one case, or in both as EIP-55 has it.

    Args:
        text: What was written.
        whose: It is to be, in words.

    Raises:
        InputError: It is none, or something in it is mistyped.
    """
    from eth_utils import is_hex_address

    if not is_hex_address(text):
        raise InputError(f"{text[:60]!r} is not {whose}'s address.")
    found, digits = checksummed(text), text[-ADDRESS_DIGITS:]
    if digits not in (digits.lower(), digits.upper(), found[2:]):
        raise InputError(
            f"{text!r} is not {whose}'s address: its capitals do not fit its digits.",
            hint="Something in it is mistyped; copy it whole.",
        )
    return found


ADDRESS_DIGITS = 40

NOBODY = Address(HexAddress(HexStr("0x" + "00" * 20)))
"""The address 0."""


_VERIFIED = 2**62
"""Ids of the market of verified contests stand this far above its own."""


Id = TypeVar("Id", bound="MarketId")


class MarketId(int):
    """What one of the two markets counts, from 1; 0 is none.

    Both count from 1. One id tells them apart everywhere: what the market of verified
    contests counts is written `v7`, and as a number stands above all others.
    """

    @classmethod
    def of(cls, number: int, *, is_verified: bool) -> Self:
        """The id that a market gave.

        Args:
            number: As it counts; 0 for none.
            is_verified: Whether it is the market of verified contests.
        """
        return cls(number + _VERIFIED if is_verified and number else number)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `7` or `v7`.

        Raises:
            InputError: It is neither.
        """
        number = text.strip().removeprefix("v")
        if not number.isascii() or not number.isdigit() or len(number) > _MOST_DIGITS:
            raise InputError(
                f"{text[:40]!r} is no id.",
                hint="Write 7, or v7 in the market of verified contests.",
            )
        return cls.of(int(number), is_verified=text.strip().startswith("v"))

    @staticmethod
    def of_any(said: int | str, kind: type[Id]) -> Id:
        """An id as people and programs say it: 7, "7" or "v7".

        Raises:
            InputError: It is none.
        """
        return kind.parse(said) if isinstance(said, str) else kind(said)

    @property
    def is_verified(self) -> bool:
        """Whether the market of verified contests counts it."""
        return self >= _VERIFIED

    @property
    def number(self) -> int:
        """As its market counts it."""
        return int(self) - _VERIFIED if self.is_verified else int(self)

    @property
    def shown(self) -> int | str:
        """As JSON has it: a number, or `v7`."""
        return str(self) if self.is_verified else int(self)

    def __str__(self) -> str:
        return f"v{self.number}" if self.is_verified else int.__repr__(self)

    __repr__ = __str__


class RequestId(MarketId):
    """Of a request."""

    @property
    def named(self) -> str:
        """As sentences call it: `request 7`, or `contest v7`."""
        return f"{'contest' if self.is_verified else 'request'} {self}"


class SubmissionId(MarketId):
    """Of a submission."""


Wei = NewType("Wei", int)
"""An amount in units of 10**-18."""

Seal = NewType("Seal", bytes)
"""32 bytes: the outermost layer of a list of labels (see `seals`)."""

TermsHash = NewType("TermsHash", bytes)
"""32 bytes: keccak256 of a requester and her terms."""

Superhash = NewType("Superhash", bytes)
"""32 bytes: SHA-256 of a CID's canonical text."""

Salt = NewType("Salt", bytes)
"""32 random bytes."""
