# SPDX-License-Identifier: Apache-2.0
"""Referee and clerk in a test machine, and cases that can be put to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from eth_abi.abi import decode, encode
from eth_hash.auto import keccak
from vyper.compiler import compile_from_file_input
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.settings import Settings

from contracts.machine import Machine, Reverted
from verified.hashing import (
    GROUP_WORDS,
    PART_GROUPS,
    Listing,
    Rule,
    data_node,
    encrypted,
    group_points,
    groups,
    joined,
    layers,
    levels,
    pack,
    proof,
    row_leaf,
    tag,
    targets_leaf,
)
from verified.interpreter import Model

ROOT = Path(__file__).parents[2]
HARNESS = ROOT / "tests" / "contracts" / "harness"
DEPLOYER, EVE = "0x" + "99" * 20, "0x" + "ee" * 20
REQUESTER, TRAINER = "0x" + "aa" * 20, "0x" + "bb" * 20
KEY, NONCE = bytes(range(32)), b"\x07" * 32
CHAIN_ID = 61
GAS = 30_000_000

TERMS = "(" + ",".join(["uint256"] * 18 + ["bytes32"] * 7) + ")"
SHOWN = "(address,uint256,bytes32,bytes32,bytes32,uint256)"
CASE = "(address,uint256,uint256,address)"
STEP = "(bytes32,uint256,uint256)"
GROUP = f"(uint256[8],uint256,{STEP}[])"
ROW = "(uint256,uint256[],bytes32[])"
TARGETS = "(uint256,uint256[8],bytes32[])"
WORDS, PROOF = "uint256[]", "bytes32[]"
CALLS = {
    "rerun": [
        *(CASE, TERMS, SHOWN, "bytes32", ROW, GROUP),
        *(WORDS, "uint256", WORDS, PROOF),
    ],
    "recount": [CASE, TERMS, SHOWN, "bytes32", TARGETS, GROUP, WORDS],
    "check_header": [TERMS, "uint256", WORDS],
    "check_terms": [TERMS, WORDS],
    "answer_trees": ["address", "uint256", SHOWN, "uint256", WORDS, PROOF],
    "answer_dense": ["address", "uint256", SHOWN, WORDS, WORDS],
    "answer_listing": [
        *("address", "uint256", TERMS, SHOWN, "uint256"),
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


def calldata(name: str, *arguments: Any) -> bytes:
    """A call of referee or clerk."""
    types = CALLS[name]
    selector = keccak(f"{name}({','.join(types)})".encode())[:4]
    return selector + encode(types, list(arguments))


class Court:
    """Referee, clerk, and a market that hears them."""

    def __init__(self) -> None:
        self.machine = Machine(CHAIN_ID)
        self.referee = self.machine.deploy("Referee", DEPLOYER)
        self.clerk = self.machine.deploy("Clerk", DEPLOYER)
        code = hearing_market() + encode(["uint256"], [CHAIN_ID])
        self.market = self.machine.deploy_code(code, DEPLOYER)

    def heard(self) -> int:
        """How often the market was told something."""
        data = keccak(b"heard()")[:4]
        (found,) = decode(["uint256"], self.machine.send(self.market, EVE, data))
        return int(found)

    def says(self, name: str, *arguments: Any) -> str:
        """Why a call is refused; empty if it is not.

        Each call that is not refused, but for the views, tells the market once.
        """
        to = self.clerk if name.startswith(("answer", "check_terms")) else self.referee
        before = self.heard()
        try:
            self.machine.send(to, EVE, calldata(name, *arguments))
        except Reverted as error:
            assert self.heard() == before
            return str(error) or "refused without a word"
        assert self.heard() == before + (not name.startswith("check"))
        return ""


@dataclass(frozen=True)
class Scene:
    """A contest whose key is open, and a model that was shown for it.

    Args:
        rows: Codes of each row.
        padding: What is put behind the codes of each row, and behind the targets.
    """

    model: Model
    rows: tuple[tuple[int, ...], ...]
    targets: tuple[int, ...]
    listed: tuple[int, ...]
    rule: Rule
    padding: int = 0
    points: tuple[int, ...] | None = None
    lies: tuple[tuple[tuple[int, int], int], ...] = ()
    beyond: tuple[int, ...] = ()
    score: int | None = None

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def each(self) -> int:
        """Rows of a full group."""
        return GROUP_WORDS * 256 // self.rule.bits

    def rows_in(self, group: int) -> int:
        return min(self.each, self.count - group * self.each)

    @cached_property
    def hidden_rows(self) -> list[list[int]]:
        width = self.model.header.width
        found = []
        for index, codes in enumerate(self.rows):
            words = pack(codes, width)
            free = -(len(codes) * width) % 256
            words[-1] |= self.padding % 2**free
            found.append(encrypted(words, KEY, NONCE, "row", index))
        return found

    @cached_property
    def plain_targets(self) -> list[list[int]]:
        return [
            self._padded(one, at)
            for at, one in enumerate(groups(self.targets, self.rule.bits))
        ]

    @cached_property
    def listed_words(self) -> list[list[int]]:
        return [
            self._padded(one, at)
            for at, one in enumerate(groups(self.listed, self.rule.bits))
        ]

    def _padded(self, words: list[int], group: int) -> list[int]:
        """With rubbish behind the last row."""
        free = (self.each - self.rows_in(group)) * self.rule.bits
        rubbish = (self.padding * (2**256 - 189)) % 2**free
        number = int.from_bytes(joined(*words), "big") | rubbish
        data = number.to_bytes(32 * GROUP_WORDS, "big")
        return [
            int.from_bytes(data[at : at + 32], "big") for at in range(0, len(data), 32)
        ]

    @cached_property
    def hidden_targets(self) -> list[list[int]]:
        return [
            encrypted(words, KEY, NONCE, "targets", at)
            for at, words in enumerate(self.plain_targets)
        ]

    @cached_property
    def row_tree(self) -> list[list[bytes]]:
        return layers(
            [row_leaf(*one) for one in enumerate(self.hidden_rows)], data_node
        )

    @cached_property
    def targets_tree(self) -> list[list[bytes]]:
        leaves = [targets_leaf(*one) for one in enumerate(self.hidden_targets)]
        return layers(leaves, data_node)

    def true_points(self, group: int) -> int:
        return group_points(
            self.rule,
            self.rows_in(group),
            self.plain_targets[group],
            self.listed_words[group],
        )

    @cached_property
    def listing(self) -> Listing:
        count = len(self.listed_words)
        points = self.points or [self.true_points(at) for at in range(count)]
        return Listing(
            self.listed_words, points, lies=dict(self.lies), padding=self.beyond
        )

    @property
    def claim(self) -> int:
        return self.listing.root.sum if self.score is None else self.score

    @cached_property
    def weights(self) -> list[int]:
        return pack(self.rule.weights, 32) if self.rule.weights else []

    def terms(self, market: str, **changes: Any) -> tuple[Any, ...]:
        header = self.model.header
        terms = {
            "reward": 1,
            "stake": 1,
            "demand_bond": 1,
            "submission_window": 60,
            "response_window": 900,
            "challenge_window": 7_200,
            "minimum_score": 0,
            "rows": self.count,
            "columns": header.columns,
            "width": header.width,
            "outputs": header.outputs,
            "bits": self.rule.bits,
            "points": self.rule.kind,
            "cap": self.rule.cap,
            "step": self.rule.step,
            "most_units": 2**18,
            "most_words": 3_328,
            "most_parts": 256,
            "weights_hash": keccak(joined(*self.weights)),
            "rows_root": self.row_tree[-1][0],
            "targets_root": self.targets_tree[-1][0],
            "nonce": NONCE,
            "key_hash": keccak(
                joined(
                    tag("key"),
                    CHAIN_ID,
                    int(market, 16),
                    int(REQUESTER, 16),
                    NONCE,
                    KEY,
                )
            ),
            "schema_hash": bytes(32),
            "texts_hash": bytes(32),
        }
        return tuple((terms | changes).values())

    def case(self, market: str) -> tuple[Any, ...]:
        return (market, 3, 5, REQUESTER)

    @property
    def shown(self) -> tuple[Any, ...]:
        model = self.model
        return (
            TRAINER,
            model.header.word,
            model.base_hash,
            model.units_root,
            self.listing.root.digest,
            self.claim,
        )

    def group(self, index: int) -> tuple[Any, ...]:
        path = self.listing.path(index)
        return (self.listing.words[index], self.listing.points[index], self._ends(path))

    def _ends(self, path: list[tuple[bytes, int, int]]) -> list[tuple[bytes, int, int]]:
        """A path whose last sum is the claim, since there is no other."""
        if path and self.score is not None:
            path[-1] = (*path[-1][:2], self.score)
        return path

    def rerun(self, market: str, row: int, better: int) -> list[Any]:
        """The arguments of a challenge of a row."""
        listed = self.listed[row]
        outputs = self.model.header.outputs
        words: list[int] = []
        siblings: list[bytes] = []
        if outputs == 1 or listed < outputs:
            needed = {0} if outputs == 1 else {listed, min(better, outputs - 1)}
            words, siblings = self.model.call(self.rows[row], *needed)
        return [
            self.case(market),
            self.terms(market),
            self.shown,
            KEY,
            (row, self.hidden_rows[row], proof(self.row_tree, row)),
            self.group(row // self.each),
            list(self.model.base),
            better,
            words,
            siblings,
        ]

    def recount(self, market: str, group: int) -> list[Any]:
        """The arguments of a challenge of a group."""
        return [
            self.case(market),
            self.terms(market),
            self.shown,
            KEY,
            (group, self.hidden_targets[group], proof(self.targets_tree, group)),
            self.group(group),
            self.weights,
        ]

    def answer(self, market: str, part: int) -> tuple[str, list[Any]]:
        """The call that posts a part of the model."""
        words, siblings = self.model.part(part)
        if self.model.header.kind:
            base = list(self.model.base)
            return "answer_dense", [market, 5, self.shown, base, words]
        return "answer_trees", [market, 5, self.shown, part, words, siblings]

    def answer_listing(self, market: str, part: int) -> list[Any]:
        """The arguments of a call that posts a part of the listing."""
        begin, end = part * PART_GROUPS, (part + 1) * PART_GROUPS
        level = min(6, levels(len(self.listing.words)))
        return [
            market,
            5,
            self.terms(market),
            self.shown,
            part,
            [one for words in self.listing.words[begin:end] for one in words],
            self.listing.points[begin:end],
            self._ends(self.listing.path(part, level)),
        ]


def is_honest(scene: Scene) -> bool:
    """Whether nothing that was shown is a lie."""
    bits = scene.rule.bits
    if any(
        scene.model.predict(row, bits) != listed
        for row, listed in zip(scene.rows, scene.listed, strict=True)
    ):
        return False
    count = len(scene.listing.words)
    return scene.claim == sum(map(scene.true_points, range(count))) and all(
        scene.listing.points[at] == scene.true_points(at) and scene.listing.adds_up(at)
        for at in range(count)
    )
