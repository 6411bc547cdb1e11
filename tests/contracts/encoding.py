# SPDX-License-Identifier: Apache-2.0
"""The contract ABI, by code of the tests' own: what calls and events look like.

Types follow from the values, so that nothing is taken from what the compiler
says of the contracts: an `int` or `bool` is a word, `bytes` a static word, an
address (a `str`) a word, `Text` a string of whatever bytes, `Page` a list of words, a
tuple a struct or an array of fixed length, and a list an array of any length.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from eth_hash.auto import keccak

WORD = 32


class Text(bytes):
    """A string, valid UTF-8 or not."""


class Page(bytes):
    """Words one after the other: `uint256[]`."""


def text(value: str) -> Text:
    return Text(value.encode())


def word(number: int) -> bytes:
    return number.to_bytes(WORD)


def _is_dynamic(value: object) -> bool:
    if isinstance(value, tuple):
        return any(map(_is_dynamic, value))
    return isinstance(value, Text | Page | list)


def _parts(values: Iterable[object]) -> bytes:
    head, tail = [], []
    shown = [(value, _is_dynamic(value), _one(value)) for value in values]
    place = sum(WORD if dynamic else len(code) for _, dynamic, code in shown)
    for _, dynamic, code in shown:
        if dynamic:
            head.append(word(place))
            tail.append(code)
            place += len(code)
        else:
            head.append(code)
    return b"".join([*head, *tail])


def _one(value: object) -> bytes:
    match value:
        case Page():
            return word(len(value) // WORD) + value
        case Text():
            return word(len(value)) + value + bytes(-len(value) % WORD)
        case bytes():
            assert len(value) == WORD
            return value
        case bool() | int():
            return word(int(value))
        case str():
            return bytes(12) + bytes.fromhex(value[2:])
        case tuple():
            return _parts(value)
        case list():
            return word(len(value)) + _parts(value)
    raise TypeError(value)


def encode(*values: object) -> bytes:
    """ABI-encoded arguments."""
    return _parts(values)


_TERMS = "(string,string,string,uint256,uint256,uint256,uint256,uint256,uint256,uint256,bytes32)"
_PERMIT = "(uint256,uint8,bytes32,bytes32)"

FUNCTIONS = {
    "create_request": f"create_request({_TERMS},{_PERMIT})",
    "cancel_request": "cancel_request(uint256,bytes32,uint256)",
    "open_truth": "open_truth(uint256,uint256,uint256[],bytes32)",
    "submit": f"submit(uint256,bytes32,bytes32,bytes32,string,{_PERMIT})",
    "cancel_submission": "cancel_submission(uint256,bytes32,bool)",
    "set_operator": "set_operator(address,bool)",
    "claim": "claim(uint256,bytes32,uint256,uint256)",
    "open_predictions": "open_predictions(uint256,uint256,uint256[],uint256[],bytes32,bytes32,string)",
    "enforce_timeout": "enforce_timeout(uint256)",
    "withdraw": "withdraw(uint256)",
    "coin": "coin()",
    "chain_id": "chain_id()",
    "slashed": "slashed()",
    "request_count": "request_count()",
    "submission_count": "submission_count()",
    "is_operator": "is_operator(address,address)",
    "phase": "phase(uint256)",
    "request": "request(uint256)",
    "submission": "submission(uint256)",
    "truth_page": "truth_page(uint256,uint256)",
    "due": "due(uint256)",
    "balanceOf": "balanceOf(address)",
    "allowance": "allowance(address,address)",
    "nonces": "nonces(address)",
    "transfer": "transfer(address,uint256)",
    "approve": "approve(address,uint256)",
    "permit": "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
    # Of the harness's tokens.
    "attack": "attack(address,bytes)",
    "behave": "behave(uint256,uint256)",
    "ask_for_permits": "ask_for_permits(bool)",
    "reentered": "reentered()",
    "refused": "refused()",
    "answered": "answered()",
}

EVENTS = {
    "RequestCreated": (f"(uint256,address,bytes32,uint256,{_TERMS})", 2),
    "RequestCancelled": ("(uint256,uint256,uint256,uint256)", 1),
    "SubmissionCreated": ("(uint256,uint256,address,bytes32,bytes32,string)", 3),
    "SubmissionCancelled": ("(uint256,uint256,uint256)", 2),
    "TruthOpened": ("(uint256,uint256,bytes32,uint256,uint256[])", 1),
    "Claimed": ("(uint256,uint256,uint256)", 2),
    "PredictionsOpened": ("(uint256,uint256,uint256,uint256,bytes32,uint256)", 2),
    "SubmissionFailed": ("(uint256,uint256,uint256,uint256,uint256)", 2),
    "RequestFulfilled": ("(uint256,uint256,uint256,uint256,string)", 2),
    "RequestRefunded": ("(uint256,uint256,uint256)", 1),
    "RequestForfeited": ("(uint256,uint256)", 1),
    "Withdrawn": ("(uint256,uint256,uint256)", 2),
    "OperatorSet": ("(address,address,bool)", 2),
    "Transfer": ("(address,address,uint256)", 2),
    "Approval": ("(address,address,uint256)", 2),
}
"""Types, and how many of the first arguments are topics."""


@cache
def selector(name: str) -> bytes:
    return keccak(FUNCTIONS[name].encode())[:4]


def calldata(name: str, *arguments: object) -> bytes:
    """What a call sends."""
    return selector(name) + encode(*arguments)


Log = tuple[str, tuple[bytes, ...], bytes]
"""Who said it, topics, and data."""


@cache
def topic(name: str) -> bytes:
    return keccak((name + EVENTS[name][0]).encode())


def log(address: str, name: str, *arguments: object) -> Log:
    """An event as the chain keeps it."""
    indexed = EVENTS[name][1]
    topics = (topic(name), *(_one(one) for one in arguments[:indexed]))
    return address.lower(), topics, encode(*arguments[indexed:])
