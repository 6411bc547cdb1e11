# SPDX-License-Identifier: Apache-2.0
"""What strangers may put on a chain: any bytes, in any place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from eth_abi import encode
from hypothesis import strategies as st

from modelmarket.chain.abi import EventType, events
from modelmarket.chain.blocks import Call, Log
from modelmarket.chain.connection import Connection
from modelmarket.chain.events import Contracts
from modelmarket.chain.sending import send
from modelmarket.chain.wallets import Wallet
from modelmarket.protocol.conditions import Conditions, Texts
from modelmarket.protocol.events import EVENT_TYPES
from modelmarket.protocol.point_kinds import Kind
from modelmarket.protocol.shown import Shown
from modelmarket.protocol.terms import Terms
from modelmarket.protocol.types import Address, checksummed

HOSTILE = (
    b"",
    b"\xff\xfe\xfd",
    b"\x00",
    b"a\x00b",
    b"\xed\xa0\x80",  # half of a surrogate pair
    b"\xc0\x80",  # an overlong NUL
    b"\xf4\x90\x80\x80",  # above U+10FFFF
    "\N{RIGHT-TO-LEFT OVERRIDE}evil".encode(),
    b"\x1b[2J\x1b]0;owned\x07",
    b"line\r\nRequest 1: another line",
    "\N{LINE SEPARATOR}\N{ZERO WIDTH SPACE}\N{BYTE ORDER MARK}".encode(),
    b"<script>alert(1)</script>",
    b"%00%s{}{0}[/b][red]",
    b"bafy\xff",
    b"\xff" * 64,
)
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.binary(max_size=64),
    st.text(max_size=20).map(lambda text: text.encode(errors="surrogatepass")),
)
long_texts = texts | st.binary(min_size=900, max_size=1024)
EVENTS = [kind for kind in events("ModelMarket").values() if kind.name in EVENT_TYPES]
"""The market's, as its ABI has them."""
VERIFIED_EVENTS = list(events("VerifiedMarket").values())
"""Those of the market of verified contests."""
POSTED = list(events("Clerk").values())
"""The clerk's: what was posted of models and listings. The referee logs nothing."""
MARKET, VERIFIED = checksummed(b"\x11" * 20), checksummed(b"\x22" * 20)
_SMALL = {
    "page": 8,
    "bits": 16,
    "labels": 2**22,
    "reason": 3,
    "points": max(Kind),
    "part": 255,
    "parts": 256,
    "listed": 256,
}
_STRUCTS = {len(fields(kind)): kind for kind in (Terms, Conditions, Texts, Shown)}
"""The structs that are logged, by how many fields they have."""


def values(kind: str, name: str = "") -> st.SearchStrategy[Any]:
    """Anything of an ABI type, as small as the contract would have it.

    Text is given as the bytes that it is.
    """
    if kind.startswith("("):
        inner = kind[1:-1].split(",")
        parts = zip(inner, fields(_STRUCTS[len(inner)]), strict=True)
        return st.tuples(*(values(one, part.name) for one, part in parts))
    match kind:
        case "string":
            return long_texts if name == "context" else texts
        case "uint256":
            return st.integers(1 if name == "reason" else 0, _SMALL.get(name, 2**20))
        case "uint256[]":
            return st.lists(st.integers(0, 2**256 - 1), min_size=1, max_size=3)
        case "address":
            return st.binary(min_size=20, max_size=20).map(checksummed)
        case "bool":
            return st.booleans()
        case "bytes32":
            return st.binary(min_size=32, max_size=32)
    raise AssertionError(kind)


def encoded(kind: EventType, *arguments: Any) -> tuple[tuple[bytes, ...], bytes]:
    """Topics and data of an event; text is given as bytes."""
    indexed = arguments[: len(kind.indexed)]
    topics = (
        encode((what,), (one,))
        for (_, what), one in zip(kind.indexed, indexed, strict=True)
    )
    types = [what.replace("string", "bytes") for _, what in kind.plain]
    return (kind.topic, *topics), encode(types, arguments[len(kind.indexed) :])


@st.composite
def logs(draw: st.DrawFn, kinds: Sequence[EventType]) -> tuple[Any, ...]:
    """An event's type, its arguments, and its topics and data."""
    kind = draw(st.sampled_from(kinds))
    arguments = [
        draw(values(what, name)) for name, what in (*kind.indexed, *kind.plain)
    ]
    return (kind, arguments, *encoded(kind, *arguments))


CONTRACTS = Contracts(MARKET, VERIFIED)
"""Reads what they log."""


def log(topics: tuple[bytes, ...], data: bytes, address: Address = MARKET) -> Log:
    """A log of a market."""
    return Log(address, topics, data, 1, bytes(32), bytes(32), 0)


def _echo() -> bytes:
    """Code that logs whatever it is told to: a word that says how many topics,
    four words for them, and the data.
    """
    head = bytes.fromhex("60a036038060a0600037600035")
    jumps, bodies = b"", b""
    table = len(head) + 5 * 7 + 1
    for count in range(5):
        target = table + len(bodies)
        jumps += bytes.fromhex(f"8060{count:02x}1460{target:02x}57")
        topics = "".join(f"60{32 * at:02x}35" for at in range(count, 0, -1))
        size = f"{0x80 + count + 1:02x}"
        bodies += bytes.fromhex(f"5b{topics}{size}6000a{count}00")
    code = head + jumps + b"\x00" + bodies
    return bytes.fromhex(f"61{len(code):04x}80600c6000396000f3") + code


class Echo:
    """A contract that logs whatever it is told to."""

    def __init__(self, connection: Connection, wallet: Wallet) -> None:
        self._connection, self._wallet = connection, wallet
        receipt = send(connection, Call("deploy", None, _echo()), wallet)
        assert receipt.contract is not None
        self.address: Address = receipt.contract
        self.block = receipt.block

    def log(self, topics: tuple[bytes, ...], data: bytes) -> None:
        words = [len(topics).to_bytes(32), *topics, *[bytes(32)] * (4 - len(topics))]
        call = Call("log", self.address, b"".join(words) + data)
        send(self._connection, call, self._wallet)
