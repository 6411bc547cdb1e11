# SPDX-License-Identifier: Apache-2.0
"""Networks as named profiles in a TOML file."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from modelmarket.chain.connection import Connection
from modelmarket.chain.events import Contracts
from modelmarket.errors import InputError, NotFoundError
from modelmarket.protocol.types import Address, Wei, checksummed, read_address
from modelmarket.system.files import write_atomically

LOCAL = "local"
GWEI = 10**9
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def check_addresses(*addresses: str) -> None:
    """Looks whether nodes or gateways can be asked there at all.

    Raises:
        InputError: One of them is no http(s) address.
    """
    for address in addresses:
        if urlsplit(address).scheme not in ("http", "https"):
            raise InputError(f"{address!r} is not an http(s) address.")


@dataclass(frozen=True)
class Network:
    """Where a market is.

    Attributes:
        name: Lower-case letters, digits and hyphens.
        rpc: The node's JSON-RPC address.
        chain_id: What the node must say it is.
        market: The ModelMarket contract.
        verified: The VerifiedMarket contract; empty where there is none.
        first_block: The block that the first of them was deployed in.
        gateways: Trustless gateways to fetch files from, in this order.
        confirmations: Blocks after which one counts as buried.
        other_rpcs: Nodes to ask when the first one is not well, in this order.
        most_fee_gwei: The most that a unit of gas may cost, when a step is urgent.
        index: The SQLAlchemy address of the database that the index lies in; empty
            for a file in the home.
    """

    name: str
    rpc: str
    chain_id: int
    market: Address
    first_block: int = 0
    gateways: tuple[str, ...] = field(default=())
    confirmations: int = 5
    other_rpcs: tuple[str, ...] = field(default=())
    most_fee_gwei: int = 500
    index: str = ""
    verified: Address | Literal[""] = ""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise InputError(
                f"{self.name!r} cannot name a network.",
                hint="Use lower-case letters, digits and hyphens.",
            )
        check_addresses(*self.rpcs, *self.gateways)
        for contract in (self.market, self.verified):
            if contract or contract is self.market:
                read_address(contract, "a contract")

    @property
    def contracts(self) -> Contracts:
        """The contracts whose logs are read."""
        return Contracts(
            checksummed(self.market),
            checksummed(self.verified) if self.verified else None,
        )

    @property
    def rpcs(self) -> tuple[str, ...]:
        """All nodes' addresses, the preferred one first."""
        return (self.rpc, *self.other_rpcs)

    def connect(self) -> Connection:
        """A line to its nodes.

        Raises:
            ChainError: None can be reached, or none is on this chain.
        """
        return Connection(
            *self.rpcs,
            chain_id=self.chain_id,
            most_fee=Wei(self.most_fee_gwei * GWEI),
        )


class Networks:
    """The profiles of a file.

    Args:
        path: The TOML file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> dict[str, Network]:
        """Every profile by name.

        Raises:
            InputError: The file is not such TOML.
        """
        if not self._path.exists():
            return {}
        try:
            tables = tomllib.loads(self._path.read_text())
            return {
                name: Network(
                    name=name,
                    **{
                        **table,
                        "gateways": tuple(table.get("gateways", ())),
                        "other_rpcs": tuple(table.get("other_rpcs", ())),
                    },
                )
                for name, table in tables.items()
            }
        except (tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
            raise InputError(
                f"{self._path} cannot be read: {error}.",
                hint="Mend it, or remove it and add the network again.",
            ) from error

    def get(self, name: str) -> Network:
        """A profile.

        Raises:
            NotFoundError: There is none of that name.
        """
        networks = self.all()
        if name not in networks:
            known = ", ".join(networks) or "none"
            raise NotFoundError(
                f"There is no network {name!r} in {self._path} (known: {known}).",
                hint="`modelmarket node add` joins a market. For one of your own, "
                "`modelmarket node start` runs a chain and `modelmarket deploy` "
                "puts a market on it.",
            )
        return networks[name]

    def put(self, network: Network) -> None:
        """Adds or replaces a profile."""
        networks = {**self.all(), network.name: network}
        lines: list[str] = []
        for one in networks.values():
            lines.append(f"[{one.name}]")
            for key, value in asdict(one).items():
                if key != "name":
                    # JSON strings, numbers and lists of strings are TOML too.
                    lines.append(f"{key} = {json.dumps(value)}")
            lines.append("")
        write_atomically(self._path, "\n".join(lines).encode())
