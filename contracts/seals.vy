# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Seals: binding, hiding, owner-bound commitments to lists of labels
@license Apache-2.0
@author The ModelMarket developers
@notice A seal is an onion of hashes. Its core binds the owner, the terms,
        the model and a salt; each layer around it binds one page. A list of
        any length is opened page by page, outermost first, and each page is
        checked at once against the one word that is left of the onion. The
        seal of a truth is its outermost layer; that of predictions binds the
        model's superhash to it once more, where everybody sees it.
@dev Stateless. The same rules in Python: `modelmarket.protocol.seals`.
"""


# @dev What a core is the core of, so that a truth can never be opened as
# predictions or the other way round.
TRUTH: constant(bytes32) = keccak256("ModelMarket truth 1")
PREDICTIONS: constant(bytes32) = keccak256("ModelMarket predictions 1")


@internal
@pure
def core(
    domain: bytes32,
    chain_id: uint256,
    market: address,
    owner: address,
    terms_hash: bytes32,
    superhash: bytes32,
    salt: bytes32,
) -> bytes32:
    """
    @notice The innermost hash of a seal.
    @param domain `TRUTH` or `PREDICTIONS`.
    @param terms_hash The request's terms hash; 0 for a truth, whose seal is
           itself one of the terms.
    @param superhash SHA-256 of the model's CID; 0 for a truth.
    @param salt 32 random bytes, without which a short list could be guessed.
    """
    return keccak256(
        abi_encode(domain, chain_id, market, owner, terms_hash, superhash, salt)
    )


@internal
@pure
def layer(page_hash: bytes32, inner: bytes32) -> bytes32:
    """
    @notice One layer of a seal.
    @param page_hash keccak256 of the ABI-encoded words of the page.
    @param inner The layer of the page after it, or the core.
    """
    return keccak256(abi_encode(page_hash, inner))


@internal
@pure
def bound(layer: bytes32, superhash: bytes32) -> bytes32:
    """
    @notice A layer of predictions together with the model's superhash; around
            the outermost layer it is the seal. So the superhash that is
            logged is the one that the last page must open to.
    """
    return keccak256(abi_encode(layer, superhash))
