# SPDX-License-Identifier: Apache-2.0
"""The contracts in revm, which makes thousands of calls a second."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from contracts.encoding import Log
from modelmarket.chain.abi import functions
from modelmarket.chain.artifacts import artifact

if TYPE_CHECKING:
    import pyrevm
else:
    # Whatever imports this is left out where there is no revm.
    pyrevm = pytest.importorskip("pyrevm", reason="pyrevm is not made for this Python")

START = 1_800_000_000


class Reverted(Exception):  # noqa: N818  # the machine's word
    """A call was refused, with a reason or an empty one."""


class Machine:
    """An EVM with a clock that tests move.

    Args:
        chain_id: What contracts see as their chain's.
    """

    def __init__(self, chain_id: int = 1) -> None:
        environment = pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=chain_id))
        self.evm = pyrevm.EVM(environment, spec_id="PRAGUE")
        self.calls = 0
        self.move_to(START)

    def move_to(self, second: int) -> None:
        """Sets block time."""
        self.now = second
        self.evm.set_block_env(pyrevm.BlockEnv(timestamp=second))

    def deploy(self, name: str, deployer: str, arguments: bytes = b"") -> str:
        """Deploys a contract of the package."""
        code = bytes.fromhex(artifact(name).bytecode[2:]) + arguments
        return self.deploy_code(code, deployer)

    def deploy_code(self, code: bytes, deployer: str) -> str:
        """Deploys whatever code makes a contract."""
        address: str = self.evm.deploy(deployer, code)
        self.evm.reset_transient_storage()
        return address

    def copy(self, address: str, to: str, storage: dict[int, int]) -> None:
        """Puts the code of a contract at another address, with slots of its own."""
        code = self.evm.get_code(address)
        self.evm.insert_account_info(to, pyrevm.AccountInfo(nonce=1, code=code))
        for slot, value in storage.items():
            self.evm.insert_account_storage(to, slot, value)

    def transplant(self, other: Machine, address: str, storage: dict[int, int]) -> None:
        """Puts another chain's contract here, as a fork of that chain would.

        Args:
            other: Where it was deployed.
            address: Where it is; here nothing has come to it yet.
            storage: Slots that are not empty.
        """
        code = other.evm.get_code(address)
        self.evm.insert_account_info(address, pyrevm.AccountInfo(nonce=1, code=code))
        for slot, value in storage.items():
            self.evm.insert_account_storage(address, slot, value)

    def send(self, address: str, sender: str, data: bytes, value: int = 0) -> bytes:
        """Makes a call and returns its output.

        Raises:
            Reverted: With the contract's reason.
        """
        self.calls += 1
        try:
            output: bytes = self.evm.message_call(
                caller=sender, to=address, calldata=data, value=value
            )
        except RuntimeError as error:
            raise Reverted(self._reason(str(error))) from None
        finally:
            self.evm.reset_transient_storage()
        return output

    def gas(self) -> int:
        """What the last call took, with what its bytes cost."""
        result = self.evm.result
        assert result is not None
        found: int = result.gas_used
        return found

    def logs(self) -> list[Log]:
        """The events of the last call."""
        found = []
        result = self.evm.result
        assert result is not None
        for one in result.logs:
            topics, data = one.data
            found.append((one.address.lower(), tuple(topics), data))
        return found

    def call(
        self, contract: str, address: str, sender: str, what: str, *arguments: Any
    ) -> Any:
        """Calls a function by the package's ABI; returns its first value.

        Raises:
            Reverted: With the contract's reason.
        """
        function = functions(contract)[what]
        output = self.send(address, sender, function.encode(*arguments))
        values = function.decode(output)
        return values[0] if values else None

    @staticmethod
    def _reason(said: str) -> str:
        """The text of `Error(string)` in what revm says; empty for none."""
        found = re.search(r"output: 0x08c379a0([0-9a-f]+)", said)
        if found is None:
            is_silent = re.match(r"Revert \{ gas_used: \d+, output: 0x \}", said)
            return "" if is_silent else said
        output = bytes.fromhex(found[1])
        size = int.from_bytes(output[32:64])
        return output[64 : 64 + size].decode()
