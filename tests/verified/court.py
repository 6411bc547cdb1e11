# SPDX-License-Identifier: Apache-2.0
"""Referee and clerk in a test machine, before a market that believes them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak
from vyper.compiler import compile_from_file_input
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.settings import Settings

from contracts.encoding import encode

ROOT = Path(__file__).parents[2]
HARNESS = ROOT / "tests" / "contracts" / "harness"
DEPLOYER, EVE = "0x" + "99" * 20, "0x" + "ee" * 20
CHAIN_ID = 61
BARE = "refused without a word"
"""What is said of a refusal that gives no reason."""

TERMS = "(" + ",".join(["uint256"] * 18 + ["bytes32"] * 7) + ")"
SHOWN = "(address,uint256,bytes32,bytes32,bytes32,uint256)"
CASE = "(address,uint256,uint256,address)"
STEP = "(bytes32,uint256,uint256)"
GROUP = f"(uint256[8],uint256,{STEP}[])"
ROW = "(uint256,uint256[],bytes32[])"
TARGETS = "(uint256,uint256[8],bytes32[])"
WORDS, PROOF = "uint256[]", "bytes32[]"
RERUN = [
    *(CASE, TERMS, SHOWN, "bytes32", ROW, GROUP),
    *(WORDS, "uint256", WORDS, PROOF),
]
CALLS = {
    "rerun_trees": RERUN,
    "rerun_dense": RERUN,
    "recount": [CASE, TERMS, SHOWN, "bytes32", TARGETS, GROUP, WORDS],
    "check_header": [TERMS, "uint256", WORDS],
    "check_terms": [TERMS, WORDS],
    "answer_trees": ["address", "uint256", SHOWN, "uint256", WORDS, PROOF],
    "answer_dense": ["address", "uint256", SHOWN, WORDS, WORDS],
    "answer_listing": [
        *("address", "uint256", "address", TERMS, SHOWN, "uint256"),
        *(WORDS, WORDS, f"{STEP}[]"),
    ],
}


@cache
def hearing_market() -> bytes:
    """Code of a market that believes whatever it is told."""
    bundle = FilesystemInputBundle([ROOT / "contracts", HARNESS])
    found = compile_from_file_input(
        bundle.load_file(HARNESS / "HearingMarket.vy"),
        input_bundle=bundle,
        output_formats=["bytecode"],
        settings=Settings(evm_version="prague"),
    )
    return bytes.fromhex(found["bytecode"][2:])


@cache
def selector(name: str) -> bytes:
    """Which call of referee or clerk it is."""
    return keccak(f"{name}({','.join(CALLS[name])})".encode())[:4]


class Court:
    """Referee, clerk, and a market that hears them."""

    def __init__(self) -> None:
        # Where there is no revm, tests that need it are left out, and no others.
        from contracts.machine import Machine, Reverted

        self._reverted = Reverted
        self.gas = self.floor = 0
        """Of the last call that was not refused, and the least that its bytes cost."""
        self.machine = Machine(CHAIN_ID)
        self.referee = self.machine.deploy("Referee", DEPLOYER)
        self.clerk = self.machine.deploy("Clerk", DEPLOYER)
        code = hearing_market() + encode(CHAIN_ID)
        self.market = self.machine.deploy_code(code, DEPLOYER)

    def move_market(self, to: str) -> None:
        """Puts the market at an address that calls were made for."""
        self.machine.copy(self.market, to, {0: CHAIN_ID})
        self.market = to

    def heard(self) -> int:
        """How often the market was told something."""
        return int.from_bytes(
            self.machine.send(self.market, EVE, keccak(b"heard()")[:4])
        )

    def says(self, name: str, *arguments: Any) -> str:
        """Why a call is refused; empty if it is not.

        Each call that is not refused, but for the views, tells the market once.
        """
        return self.says_of(name, selector(name) + encode(*arguments))

    def says_of(self, name: str, data: bytes) -> str:
        """The same of a call's bytes."""
        to = self.clerk if name.startswith(("answer", "check_terms")) else self.referee
        before = self.heard()
        try:
            self.machine.send(to, EVE, data)
            self.gas = self.machine.gas()
            self.floor = 21_000 + 10 * (4 * len(data) - 3 * data.count(0))
        except self._reverted as error:
            assert self.heard() == before
            return str(error) or BARE
        assert self.heard() == before + (not name.startswith("check"))
        return ""
