# SPDX-License-Identifier: Apache-2.0
"""The two markets that lies are told about: contracts, tests, and whose a file is.

A lie is compiled into the contracts of one market and meets that market's tests.
What both import (payments, ranking, labels) belongs to the market of predictions, whose
tests try it alone: there is one such file, so whoever changes it is found out there.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from compile import PREDICTION as OF_PREDICTIONS
from compile import VERIFIED as OF_VERIFIED
from compile import source_hash, sources

ROOT = Path(__file__).parents[1]


def files_of(*contracts: str) -> frozenset[str]:
    """The names of the Vyper files that contracts are made of."""
    return frozenset(one.name for one in sources(contracts) if one.suffix == ".vy")


@dataclass(frozen=True)
class Market:
    """One of the two.

    Attributes:
        contracts: Those that are its own, and make up its `sources_sha256`.
        deployed: All that its tests compile, those first that most tests call alone.
        room: The folder of its tests in `tests/`.
        left_out: Tests that no lie meets: the random stories, whose luck depends on
            the seed, and those that come to no contract.
        most_seconds: Of processor time for the tests of one lie.
    """

    contracts: tuple[str, ...]
    deployed: tuple[str, ...]
    room: str
    left_out: tuple[str, ...]
    most_seconds: int

    @property
    def tests(self) -> Path:
        """The folder of its tests."""
        return ROOT / "tests" / self.room

    @property
    def patches(self) -> Path:
        """The folder of its lies about meaning."""
        return self.tests / "mutants"

    @property
    def survivors(self) -> Path:
        """Why some lies may live."""
        return self.tests / "survivors.toml"

    @cached_property
    def files(self) -> frozenset[str]:
        """The sources that lies about this market change."""
        shared = frozenset[str]() if self == PREDICTION else PREDICTION.files
        return files_of(*self.contracts) - shared

    def changed(self, files: AbstractSet[str]) -> frozenset[str]:
        """The contracts that some of the sources are part of."""
        return frozenset(one for one in self.deployed if files & files_of(one))

    def importing(self, files: AbstractSet[str]) -> frozenset[str]:
        """Some sources, and all that have anything of them."""
        return frozenset(
            one for one in self.files if files & files_of(one.removesuffix(".vy"))
        )

    def source_hash(self) -> str:
        """SHA-256 over all sources of its contracts."""
        return source_hash(self.contracts)


PREDICTION = Market(
    contracts=OF_PREDICTIONS,
    deployed=OF_PREDICTIONS,
    room="contracts",
    left_out=("test_stateful.py",),
    most_seconds=180,
)
VERIFIED = Market(
    contracts=OF_VERIFIED,
    deployed=("ModelCoin", "Referee", "Clerk", "VerifiedMarket"),
    room="verified",
    left_out=("test_stories.py", "test_reference.py", "test_reference_models.py"),
    most_seconds=1_200,
)
