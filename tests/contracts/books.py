# SPDX-License-Identifier: Apache-2.0
"""What must hold of a market after every call, whatever was done."""

from __future__ import annotations

from typing import Any

SUBMITTED, RANKED, CANCELLED, FAILED, WON, WITHDRAWN = 1, 2, 3, 4, 5, 6
VALIDATION = 4


def check_books(market: Any, held: int) -> None:
    """Every coin is owed to somebody or slashed, and every list is in order.

    `held` is what the market holds, without what strangers sent it outside its
    calls.
    """
    every = {
        number: market.submission(number)
        for number in range(1, market.submission_count() + 1)
    }
    owed = 0
    for number in range(1, market.request_count() + 1):
        state = market.request(number)
        entries = {key: one for key, one in every.items() if one.request_id == number}
        owed += _owed(market, state, entries)
        _check_list(state, entries)
    assert held == owed + market.slashed()


def _owed(market: Any, state: Any, entries: dict[int, Any]) -> int:
    """What a request owes now or will."""
    due: int = sum(market.due(number) for number in entries)
    if state.phase > VALIDATION:
        assert (state.step_ends, state.overdue, state.candidate) == (0, False, 0)
        return due
    assert due == 0, "nothing is due before the end"
    staked = sum(one.status in (SUBMITTED, RANKED) for one in entries.values())
    assert state.live == staked
    assert state.ranked == sum(one.status == RANKED for one in entries.values())
    return int(state.reward + state.stake * staked)


def _check_list(state: Any, entries: dict[int, Any]) -> None:
    """The ranking holds those that are ranked, best first, linked both ways."""
    listed: list[int] = []
    ahead, here = 0, state.best
    while here:
        entry = entries[here]
        assert entry.status in (RANKED, WON, WITHDRAWN)
        assert entry.ahead == ahead
        listed.append(here)
        ahead, here = here, entry.behind
    assert listed == sorted(listed, key=lambda one: (-entries[one].matches, one))
    assert len(listed) == state.ranked
    for number, entry in entries.items():
        if number not in listed:
            assert (entry.ahead, entry.behind) == (0, 0)
            assert entry.status != RANKED
        # Only the candidate has opened anything that counts, and the winner.
        is_untouched = entry.status not in (RANKED, WON, WITHDRAWN)
        assert entry.seal == entry.sealed or not is_untouched
