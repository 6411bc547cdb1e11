# SPDX-License-Identifier: Apache-2.0
"""The contracts in revm, which makes thousands of calls a second."""

from __future__ import annotations

import re
from typing import Any

import pyrevm

from modelmarket.chain.abi import functions
from modelmarket.chain.artifacts import artifact

START = 1_800_000_000


class Reverted(Exception):  # noqa: N818  # the machine's word
    """A call was refused, with a reason."""


class Machine:
    """An EVM with a clock that tests move."""

    def __init__(self) -> None:
        self.evm = pyrevm.EVM(spec_id="PRAGUE")
        self.calls = 0
        self.move_to(START)

    def move_to(self, second: int) -> None:
        """Sets block time."""
        self.now = second
        self.evm.set_block_env(pyrevm.BlockEnv(timestamp=second))

    def deploy(self, name: str, deployer: str, arguments: bytes = b"") -> str:
        """Deploys a contract of the package."""
        code = bytes.fromhex(artifact(name).bytecode[2:]) + arguments
        address: str = self.evm.deploy(deployer, code)
        return address

    def call(
        self, contract: str, address: str, sender: str, what: str, *arguments: Any
    ) -> Any:
        """Calls a function; returns its first value.

        Raises:
            Reverted: With the contract's reason.
        """
        function = functions(contract)[what]
        self.calls += 1
        try:
            output = self.evm.message_call(
                caller=sender, to=address, calldata=function.encode(*arguments)
            )
        except RuntimeError as error:
            raise Reverted(self._reason(str(error))) from None
        finally:
            self.evm.reset_transient_storage()
        values = function.decode(output)
        return values[0] if values else None

    @staticmethod
    def _reason(said: str) -> str:
        """The text of `Error(string)` in what revm says."""
        found = re.search(r"output: 0x08c379a0([0-9a-f]+)", said)
        if found is None:
            return said
        output = bytes.fromhex(found[1])
        size = int.from_bytes(output[32:64])
        return output[64 : 64 + size].decode()
