# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Hidden rows and targets: what a key makes of a ciphertext
@license Apache-2.0
@author The ModelMarket developers
@notice A contest publishes its test rows and targets encrypted, and one key
        opens them all. A plaintext is what the key makes of the ciphertext:
        no ciphertext is malformed, and no quarrel about a wrong decryption
        can arise.
@dev Stateless. The same rules in Python: `modelmarket.protocol.hidden`.
"""


import merkle


ROW: constant(bytes32) = keccak256("ModelMarket row 1")
TARGETS: constant(bytes32) = keccak256("ModelMarket targets 1")
KEY: constant(bytes32) = keccak256("ModelMarket key 1")

# @dev Of a row: 2,048 bytes. Of a group of targets or predictions.
MOST_ROW_WORDS: constant(uint256) = 64
GROUP_WORDS: constant(uint256) = 8


@internal
@pure
def key_hash(
    chain_id: uint256, market: address, requester: address, nonce: bytes32, key: bytes32
) -> bytes32:
    """
    @notice The commitment to a key, which binds it to its contest.
    """
    return keccak256(abi_encode(KEY, chain_id, market, requester, nonce, key))


@internal
@pure
def row_words(columns: uint256, width: uint256) -> uint256:
    """
    @notice How many words hold the codes of a row.
    """
    return (columns * width + 255) // 256


@internal
@pure
def _stream_key(key: bytes32, nonce: bytes32, tag: bytes32, index: uint256) -> bytes32:
    return sha256(concat(key, nonce, tag, convert(convert(index, uint32), bytes4)))


@internal
@pure
def _stream(stream_key: bytes32, at: uint256) -> uint256:
    return convert(
        sha256(concat(stream_key, convert(convert(at, uint32), bytes4))), uint256
    )


@internal
@pure
def row(
    key: bytes32,
    nonce: bytes32,
    index: uint256,
    columns: uint256,
    width: uint256,
    ciphertext: DynArray[uint256, MOST_ROW_WORDS],
) -> uint256[MOST_ROW_WORDS]:
    """
    @notice The codes of a row, packed most significant first.
    @dev WARNING: whatever decrypts into the padding is masked away; a code
         behind the last column would be read by dense models otherwise.
    """
    assert len(ciphertext) == self.row_words(columns, width), "BadRow"
    stream_key: bytes32 = self._stream_key(key, nonce, ROW, index)
    words: uint256[MOST_ROW_WORDS] = empty(uint256[MOST_ROW_WORDS])
    at: uint256 = 0
    for word: uint256 in ciphertext:
        words[at] = word ^ self._stream(stream_key, at)
        at += 1
    used: uint256 = columns * width % 256
    if used != 0:
        words[at - 1] &= max_value(uint256) << (256 - used)
    return words


@internal
@pure
def row_leaf(
    index: uint256, ciphertext: DynArray[uint256, MOST_ROW_WORDS]
) -> bytes32:
    """
    @notice What the tree of rows has of a row.
    """
    return sha256(abi_encode(ROW, index, ciphertext))


@internal
@pure
def targets(
    key: bytes32, nonce: bytes32, index: uint256, ciphertext: uint256[GROUP_WORDS]
) -> uint256[GROUP_WORDS]:
    """
    @notice The targets of a group, packed most significant first.
    @dev What decrypts into the padding stays: who counts must not count it.
    """
    stream_key: bytes32 = self._stream_key(key, nonce, TARGETS, index)
    words: uint256[GROUP_WORDS] = empty(uint256[GROUP_WORDS])
    for at: uint256 in range(GROUP_WORDS):
        words[at] = ciphertext[at] ^ self._stream(stream_key, at)
    return words


@internal
@pure
def targets_leaf(index: uint256, ciphertext: uint256[GROUP_WORDS]) -> bytes32:
    """
    @notice What the tree of targets has of a group.
    """
    return sha256(
        abi_encode(TARGETS, index, convert(96, uint256), GROUP_WORDS, ciphertext)
    )
