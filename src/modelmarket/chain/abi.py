# SPDX-License-Identifier: Apache-2.0
"""Encoding and decoding by a contract's ABI, on eth-abi."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_hash.auto import keccak

from modelmarket.chain.artifacts import artifact

Values = tuple[Any, ...]


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
        from eth_abi import encode

        return self.selector + encode(self.inputs, arguments)

    def decode_arguments(self, data: bytes) -> Values:
        """The arguments of what a call sent."""
        from eth_abi import decode

        return decode(self.inputs, data[4:])

    def decode(self, data: bytes) -> Values:
        """What a call returned."""
        from eth_abi import decode

        return decode(self.outputs, data)


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
        """The arguments by name."""
        from eth_abi import decode

        values = {
            name: decode((kind,), topic)[0]
            for (name, kind), topic in zip(self.indexed, topics[1:], strict=True)
        }
        plain = decode(tuple(kind for _, kind in self.plain), data)
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
