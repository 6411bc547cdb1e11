# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
# Shows what is inside contracts/seals.vy.

import labels
import seals


@external
@pure
def core(
    is_truth: bool,
    chain_id: uint256,
    market: address,
    owner: address,
    terms_hash: bytes32,
    superhash: bytes32,
    salt: bytes32,
) -> bytes32:
    domain: bytes32 = seals.TRUTH if is_truth else seals.PREDICTIONS
    return seals.core(
        domain, chain_id, market, owner, terms_hash, superhash, salt
    )


@external
@pure
def layer(
    words: DynArray[uint256, labels.PAGE_WORDS], inner: bytes32
) -> bytes32:
    return seals.layer(keccak256(abi_encode(words)), inner)


@external
@pure
def bound(layer: bytes32, superhash: bytes32) -> bytes32:
    return seals.bound(layer, superhash)
