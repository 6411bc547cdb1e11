# SPDX-License-Identifier: Apache-2.0
"""The clerk's innermost loop has room for every tree: an argument, counted out.

`Clerk.vy` takes half a word of symbols, 128 of them, in rounds of one symbol to four,
and its loop has 129 rounds. What a round takes depends on the next six symbols and on
how many inner nodes are left of a word of eight; so all ways through 128 symbols are
gone at once, by the most rounds that lead to each such state.
"""

from __future__ import annotations

from itertools import product

HALF, SEEN, ASKS = 128, 6, 8
LEAF, INNER = 0, 1
Seen = tuple[int, ...]


def taken(ahead: Seen, left: int) -> tuple[int, int]:
    """Symbols that a round takes, and how many inner nodes are left of a word then."""
    count = 0
    if ahead[0] == LEAF:
        if ahead[1:3] == (LEAF, LEAF):
            if ahead[3] == INNER:
                return 1, left
            return (4 if ahead[4:6] == (LEAF, LEAF) else 2), left
        count, left = (2 if ahead[1] == INNER else 3), (left - 1) % ASKS
        if ahead[count] == LEAF:
            return count, left
    if ahead[count : count + 2] == (INNER, INNER) and left > 1:
        return count + 2, (left - 2) % ASKS
    return count + 1, (left - 1) % ASKS


def test_no_half_of_a_word_takes_as_many_rounds_as_the_loop_has() -> None:
    most = [dict[tuple[Seen, int], int]() for _ in range(HALF + SEEN)]
    most[0] = {
        (ahead, left): 0
        for ahead in product((LEAF, INNER), repeat=SEEN)
        for left in range(ASKS)
    }
    for done in range(HALF):
        for (ahead, left), rounds in most[done].items():
            count, then = taken(ahead, left)
            for more in product((LEAF, INNER), repeat=count):
                state = ahead[count:] + more, then
                known = most[done + count].get(state, 0)
                most[done + count][state] = max(known, rounds + 1)
    rounds = max(max(states.values(), default=0) for states in most[HALF:])
    # And one that finds the end.
    assert rounds + 1 == 82
    assert rounds + 1 < HALF - 1
