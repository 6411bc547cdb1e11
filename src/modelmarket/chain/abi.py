# SPDX-License-Identifier: Apache-2.0
"""Encoding and decoding by a contract's ABI, on eth-abi.

A `String` of Vyper's is any bytes. What is not UTF-8 is decoded all the same
(see `text.Undecodable`), and encoded again as the bytes that it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from modelmarket.chain.artifacts import artifact
from modelmarket.errors import ChainError
from modelmarket.system.text import bytes_of, text_of

if TYPE_CHECKING:
    from eth_abi.codec import ABICodec

Values = tuple[Any, ...]


@cache
def _codec() -> ABICodec:
    from eth_abi.codec import ABICodec
    from eth_abi.decoding import StringDecoder
    from eth_abi.encoding import ByteStringEncoder, TextStringEncoder
    from eth_abi.registry import BaseEquals, registry

    class AnyBytesEncoder(TextStringEncoder):
        @classmethod
        def encode(cls, value: str) -> bytes:
            cls.validate_value(value)  # type: ignore[no-untyped-call]  # eth-abi's
            return bytes(ByteStringEncoder.encode(bytes_of(value)))

    class AnyBytesDecoder(StringDecoder):
        @staticmethod
        def decoder_fn(data: bytes, _errors: str = "") -> str:
            return text_of(data)

    coders = registry.copy()
    coders.unregister("string")
    coders.register(
        BaseEquals("string"),
        AnyBytesEncoder,
        AnyBytesDecoder,
        label="string",
    )
    return ABICodec(coders)


def _decode(types: tuple[str, ...], data: bytes) -> Values:
    """The values in a contract's, or a stranger's, bytes.

    Raises:
        ChainError: They are none of these types.
    """
    try:
        return _codec().decode(types, data)
    except Exception as error:  # bytes of strangers, and eth-abi raises what it likes
        raise ChainError(
            f"{len(data):,} bytes are not the values that they should be "
            f"({type(error).__name__})."
        ) from error


def type_of(parameter: dict[str, Any]) -> str:
    """A parameter's canonical type: tuples are spelled out."""
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(type_of(part) for part in parameter["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


@dataclass(frozen=True)
class Function:
    """A function of a contract.

    Attributes:
        name: Its name.
        inputs: Canonical types of the arguments.
        outputs: Canonical types of what it returns.
        selector: Four bytes.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    selector: bytes

    def encode(self, *arguments: Any) -> bytes:
        """What a call sends."""
        return self.selector + _codec().encode(self.inputs, arguments)

    def decode_arguments(self, data: bytes) -> Values:
        """The arguments of what a call sent.

        Raises:
            ChainError: It was no call of this function.
        """
        if data[:4] != self.selector:
            raise ChainError(f"A transaction is no direct call of {self.name}.")
        return _decode(self.inputs, data[4:])

    def decode(self, data: bytes) -> Values:
        """What a call returned.

        Raises:
            ChainError: It returned something else.
        """
        return _decode(self.outputs, data)


@dataclass(frozen=True)
class EventType:
    """An event of a contract.

    Attributes:
        name: Its name.
        indexed: Name and type of each argument among the topics.
        plain: Name and type of each argument in the data.
        topic: The first topic.
    """

    name: str
    indexed: tuple[tuple[str, str], ...]
    plain: tuple[tuple[str, str], ...]
    topic: bytes

    def decode(self, topics: tuple[bytes, ...], data: bytes) -> dict[str, Any]:
        """The arguments by name.

        Raises:
            ChainError: The log is not one of this event.
        """
        if len(topics) != 1 + len(self.indexed):
            raise ChainError(
                f"{len(topics)} topics are not those of {self.name}, which has "
                f"{1 + len(self.indexed)}."
            )
        values = {
            name: _decode((kind,), topic)[0]
            for (name, kind), topic in zip(self.indexed, topics[1:], strict=True)
        }
        plain = _decode(tuple(kind for _, kind in self.plain), data)
        names = (name for name, _ in self.plain)
        return values | dict(zip(names, plain, strict=True))


@cache
def functions(contract: str) -> dict[str, Function]:
    """A contract's functions by name; none is overloaded."""
    found: dict[str, Function] = {}
    for entry in artifact(contract).abi:
        if entry["type"] != "function":
            continue
        inputs = tuple(type_of(one) for one in entry["inputs"])
        outputs = tuple(type_of(one) for one in entry["outputs"])
        selector = keccak(f"{entry['name']}({','.join(inputs)})".encode())[:4]
        found[entry["name"]] = Function(entry["name"], inputs, outputs, selector)
    return found


@cache
def events(contract: str) -> dict[bytes, EventType]:
    """A contract's events by their first topic."""
    found: dict[bytes, EventType] = {}
    for entry in artifact(contract).abi:
        if entry["type"] != "event":
            continue
        types = [(one["name"], type_of(one), one["indexed"]) for one in entry["inputs"]]
        signature = f"{entry['name']}({','.join(kind for _, kind, _ in types)})"
        topic = keccak(signature.encode())
        found[topic] = EventType(
            entry["name"],
            tuple((name, kind) for name, kind, is_indexed in types if is_indexed),
            tuple((name, kind) for name, kind, is_indexed in types if not is_indexed),
            topic,
        )
    return found
