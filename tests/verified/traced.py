# SPDX-License-Identifier: Apache-2.0
"""The same court in a machine that shows which lines of the contracts ran."""

from __future__ import annotations

from functools import cache
from typing import Any

import boa
from boa import BoaError

from contracts.sources import compiled, search
from verified.court import BARE, CHAIN_ID, HARNESS, Court


@cache
def _hearing_market() -> Any:
    search()
    return boa.load_partial(str(HARNESS / "HearingMarket.vy"))


class TracedCourt(Court):
    """Referee, clerk, and a market that hears them; much slower.

    One serves one test: what a test deploys is gone after it, and what the next
    one deploys first stands at the same address.
    """

    def __init__(self) -> None:
        self._contracts: dict[str, Any] = {}
        self._hearing = _hearing_market().deploy(CHAIN_ID)
        self.market = str(self._hearing.address)

    def _deployed(self, name: str) -> Any:
        """One of the two, not compiled before a test calls it."""
        if name not in self._contracts:
            self._contracts[name] = compiled(name).deploy()
        return self._contracts[name]

    def heard(self) -> int:
        return int(self._hearing.heard())

    def says(self, name: str, *arguments: Any) -> str:
        is_clerks = name.startswith(("answer", "check_terms"))
        to = self._deployed("Clerk" if is_clerks else "Referee")
        before = self.heard()
        try:
            getattr(to, name)(*arguments)
        except BoaError as error:
            frame = error.stack_trace.last_frame
            reason = str(getattr(frame, "pretty_vm_reason", ""))
            assert self.heard() == before
            return BARE if reason in {"", "Revert(b'')"} else reason
        assert self.heard() == before + (not name.startswith("check"))
        return ""
