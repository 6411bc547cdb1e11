# SPDX-License-Identifier: Apache-2.0
"""What the values of the protocol are called."""

from typing import NewType

from eth_typing import ChecksumAddress, HexAddress, HexStr

Address = ChecksumAddress
"""An EVM address, checksummed (EIP-55)."""


def checksummed(address: str | bytes) -> Address:
    """An address from 20 bytes or from hexadecimal in any case."""
    from eth_utils import to_checksum_address

    return to_checksum_address(address)


NOBODY = Address(HexAddress(HexStr("0x" + "00" * 20)))
"""The address 0."""


RequestId = NewType("RequestId", int)
"""Assigned by the market, from 1; 0 is none."""

SubmissionId = NewType("SubmissionId", int)
"""Assigned by the market, from 1; 0 is none."""

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
