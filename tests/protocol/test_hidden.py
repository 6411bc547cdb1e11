# SPDX-License-Identifier: Apache-2.0
"""Hidden rows: words, keystream and key, held against the text done by hand."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.errors import InputError
from modelmarket.protocol import hidden
from modelmarket.protocol.hidden import Keystream
from modelmarket.protocol.types import checksummed

KEY, NONCE = bytes(range(32)), bytes(range(100, 132))


@pytest.mark.parametrize(
    ("columns", "width", "words"),
    [(1, 8, 1), (32, 8, 1), (33, 8, 2), (16, 16, 1), (17, 16, 2), (1_024, 16, 64)],
)
def test_a_row_takes_as_few_words_as_hold_it(
    columns: int, width: int, words: int
) -> None:
    assert hidden.row_words(columns, width) == words


@pytest.mark.parametrize(("columns", "width"), [(0, 8), (1_025, 8), (4, 7), (4, 32)])
def test_other_rows_are_refused(columns: int, width: int) -> None:
    with pytest.raises(InputError, match="1 to 1,024 columns|8 or 16 bits"):
        hidden.row_words(columns, width)


@given(st.integers(0, 5), st.integers(1, 40), st.sampled_from([8, 16]), st.data())
def test_rows_are_packed_most_significant_first(
    rows: int, columns: int, width: int, data: st.DataObject
) -> None:
    seed = data.draw(st.integers(0, 2**32))
    dtype = np.uint8 if width == 8 else np.uint16
    codes = np.random.default_rng(seed).integers(0, 2**width, (rows, columns), dtype)
    words = hidden.pack_rows(codes, width)
    size = 32 * hidden.row_words(columns, width)
    assert words.shape == (rows, size)
    for row, packed in zip(codes.tolist(), words, strict=True):
        number = 0
        for code in row:
            number = number << width | code
        number <<= 8 * size - width * columns
        assert packed.tobytes() == number.to_bytes(size)
    back = hidden.unpack_rows(words, columns, width)
    assert back.dtype == dtype
    assert (back == codes).all()
    # What stands behind the last column is not looked at.
    words[:, columns * width // 8 :] = 0xA5
    assert (hidden.unpack_rows(words, columns, width) == codes).all()


def test_a_code_that_does_not_fit_names_its_place() -> None:
    codes = np.array([[1, 2], [3, 256]], dtype=np.uint16)
    with pytest.raises(InputError, match="Row 2, column 2: code 256"):
        hidden.pack_rows(codes, 8)
    with pytest.raises(InputError, match="have 32 bytes each"):
        hidden.unpack_rows(np.zeros((1, 64), np.uint8), 2, 8)


@given(
    st.sampled_from(hidden.TARGET_BITS), st.integers(0, 5_000), st.integers(0, 2**32)
)
def test_targets_are_packed_in_groups_of_eight_words(
    bits: int, rows: int, seed: int
) -> None:
    rows = min(rows, 3 * 2_048 // bits)
    targets = np.random.default_rng(seed).integers(0, 2**bits, rows, np.uint32)
    words = hidden.pack_groups(targets, bits)
    assert words.shape == (-(-rows * bits // 2_048), 256)
    number = 0
    for one in targets.tolist():
        number = number << bits | one
    number <<= words.size * 8 - rows * bits
    assert words.tobytes() == number.to_bytes(words.size)
    assert (hidden.unpack_groups(words, rows, bits) == targets).all()


def test_targets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="Row 2: 4 needs over 2 bits"):
        hidden.pack_groups(np.array([3, 4]), 2)
    with pytest.raises(InputError, match="Row 1: -1 needs"):
        hidden.pack_groups(np.array([-1, 4]), 8)
    with pytest.raises(InputError, match="not 3"):
        hidden.group_labels(3)
    with pytest.raises(InputError, match="cannot be 9 targets"):
        hidden.unpack_groups(np.zeros((2, 256), np.uint8), 9, 8)


@pytest.mark.parametrize("name", ["row", "targets"])
def test_the_keystream_is_that_of_the_text(name: str) -> None:
    words = np.zeros((3, 96 if name == "row" else 256), dtype=np.uint8)
    stream = Keystream(KEY, NONCE)
    crypt = stream.rows if name == "row" else stream.groups
    found = crypt(words, first=9)
    tag = keccak(f"ModelMarket {name} 1".encode())
    for index in range(3):
        start = KEY + NONCE + tag + (9 + index).to_bytes(4)
        row_key = hashlib.sha256(start).digest()
        for j in range(words.shape[1] // 32):
            word = hashlib.sha256(row_key + j.to_bytes(4)).digest()
            assert found[index, 32 * j : 32 * j + 32].tobytes() == word


def test_encrypting_twice_is_decrypting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hidden, "ROWS_AT_ONCE", 4)
    words = np.random.default_rng(1).integers(0, 256, (11, 64), np.uint8)
    stream = Keystream(KEY, NONCE)
    secret = stream.rows(words)
    assert (secret != words).any(axis=1).all()
    assert (stream.rows(secret) == words).all()
    # Any row can be opened alone.
    assert (stream.rows(secret[7:8], first=7) == words[7:8]).all()
    assert repr(KEY) not in repr(stream)


def test_keys_and_nonces_are_words() -> None:
    for key, nonce in ((KEY[:31], NONCE), (KEY, NONCE + b"x")):
        with pytest.raises(InputError, match="32 bytes each"):
            Keystream(key, nonce)


def test_the_key_hash_binds_chain_market_requester_nonce_and_key() -> None:
    market, requester = checksummed("0x" + "11" * 20), checksummed("0x" + "22" * 20)
    expected = keccak(
        keccak(b"ModelMarket key 1")
        + (31_337).to_bytes(32)
        + bytes(12)
        + b"\x11" * 20
        + bytes(12)
        + b"\x22" * 20
        + NONCE
        + KEY
    )
    assert hidden.key_hash(31_337, market, requester, NONCE, KEY) == expected
