# SPDX-License-Identifier: Apache-2.0
"""Random terms, rows, targets and listings, honest and hostile, often at a limit."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from random import Random

from verified.data import Terms, in_a_group, pack, pack_groups
from verified.trees import MODULUS, levels

COLUMNS = (1, 2, 3, 7, 16, 31, 32, 33, 64, 65, 1_024)
CLASSES = (2, 2, 2, 3, 4, 6, 7, 8, 14, 15, 256)
MOST_ROWS = 6_000
"""More than this are made only where a group has so many."""


def edge(rng: Random, low: int, high: int, *favourites: int) -> int:
    """A number from `low` to `high`: at an end, a favourite, or anything."""
    ends = [low, min(low + 1, high), max(high - 1, low), high]
    within = [one for one in favourites if low <= one <= high]
    if rng.random() < 0.6:
        return rng.choice([*ends, *within, *within])
    return rng.randint(low, high)


def any_word(rng: Random) -> int:
    """Any word, and often one that is all zeros or ones."""
    pick = rng.randrange(8)
    if pick == 0:
        return 0
    if pick == 1:
        return MODULUS - 1
    if pick == 2:
        return 1 << rng.randrange(256)
    return rng.getrandbits(256)


def count(rng: Random, most: int) -> int:
    """A count from 1 to `most`, often a power of two or next to one."""
    power = 1 << rng.randrange(levels(most) + 1)
    if rng.random() < 0.7:
        return max(1, min(most, power + rng.choice((-1, 0, 1))))
    return rng.randint(1, most)


# Terms


def terms(rng: Random, *, columns: int | None = None) -> Terms:
    """Terms of a contest, of any kind and width."""
    kind = rng.randrange(4)
    is_of_classes = kind < 2
    outputs = 1
    if is_of_classes:
        outputs = rng.choice([*CLASSES, rng.randint(2, 40)])
    fitting = [bits for bits in (1, 2, 4, 8, 16) if 1 << bits >= outputs]
    bits = rng.choice(fitting if is_of_classes else [8, 16, 32])
    return Terms(
        kind=kind,
        columns=columns or rng.choice([*COLUMNS, rng.randint(1, 40)]),
        width=rng.choice((8, 16)),
        outputs=outputs,
        bits=bits,
        rows=row_count(rng, bits),
        cap=edge(rng, 0, 0xFFFF_FFFF, 1, 3, 100, 255),
        step=edge(rng, 1, 0xFFFF_FFFF, 1, 2, 3, 10),
        weights=tuple(edge(rng, 0, 0xFFFF_FFFF, 1, 2) for _ in range(outputs)),
    )


def row_count(rng: Random, bits: int) -> int:
    """A number of rows: one, a few, or about so many full groups."""
    full = in_a_group(bits)
    if rng.random() < 0.3:
        return edge(rng, 1, min(full, 20))
    groups = count(rng, max(3, min(17, MOST_ROWS // full)))
    return max(1, groups * full + rng.choice((-1, 0, 1, -rng.randrange(full))))


# Rows


def row(rng: Random, of: Terms) -> list[int]:
    """The codes of a row."""
    top = (1 << of.width) - 1
    pick = rng.randrange(6)
    if pick == 0:
        return [rng.choice((0, top))] * of.columns
    # perf: a few calls for a row of a thousand columns, not a few for each of them.
    if pick == 1:
        ends = (0, 1, top - 1, top, 127, 128, 254, 255, 256)
        some = [one for one in ends if one <= top]
        some += [rng.randint(0, top) for _ in some]
        return rng.choices(some, k=of.columns)
    kind = "B" if of.width == 8 else "H"
    return list(array(kind, rng.randbytes(of.columns * of.width // 8)))


def dirty(rng: Random, words: Sequence[int], used_bits: int) -> list[int]:
    """Words with anything where padding stands, behind the first `used_bits`."""
    found = list(words)
    for at in range(len(found)):
        free = min(256, max(0, 256 * (at + 1) - used_bits))
        found[at] |= rng.getrandbits(free) if free else 0
    return found


def row_in_words(rng: Random, of: Terms, codes: Sequence[int]) -> list[int]:
    """A row's words, at times with anything behind the last column."""
    words = pack(codes, of.width)
    if rng.random() < 0.5:
        return words
    return dirty(rng, words, of.columns * of.width)


# Targets and listings


def targets(rng: Random, of: Terms) -> list[int]:
    """Targets of all rows; some are of no class that there is."""
    top = (1 << of.bits) - 1
    if not of.is_of_classes:
        return [edge(rng, 0, top) for _ in range(of.rows)]
    high = top if rng.random() < 0.2 else of.outputs - 1
    return rng.choices(range(high + 1), k=of.rows)


def listing(rng: Random, of: Terms, truth: Sequence[int]) -> list[int]:
    """Predictions of all rows, many of them right, or just about within the cap."""
    top = (1 << of.bits) - 1
    found = []
    for target in truth:
        pick = rng.randrange(4)
        if pick < 2:
            found.append(target)
        elif pick == 2:
            found.append(rng.randint(0, top))
        else:
            away = of.step * edge(rng, 0, of.cap + 1) + rng.choice((-1, 0, 1))
            found.append(max(0, min(top, target + rng.choice((-1, 1)) * away)))
    return found


def groups(rng: Random, of: Terms, values: Sequence[int]) -> list[list[int]]:
    """Targets or predictions in groups, at times with anything behind the last."""
    found = pack_groups(values, of.bits)
    if rng.random() < 0.5:
        used = len(values) * of.bits - (len(found) - 1) * 8 * 256
        found[-1] = dirty(rng, found[-1], used)
    return found


def sum_lies(rng: Random, of: Terms, points: int) -> dict[tuple[int, int], int]:
    """What to state in place of a few sums of a listing's tree; none at times.

    Args:
        rng: Where it comes from.
        of: The terms.
        points: About what a sum is, so that a lie may be the truth, too.
    """
    depth, lies = levels(of.groups), {}
    for _ in range(rng.choice((0, 1, 1, 2))):
        level = rng.randint(0, depth)
        index = rng.randrange(1 << (depth - level))
        lies[level, index] = (
            rng.choice(
                (0, 1, points, points + 1, MODULUS - 1, MODULUS - points, any_word(rng))
            )
            % MODULUS
        )
    return lies


# Tampering


def tampered(rng: Random, words: Sequence[int]) -> list[int]:
    """Other words: a bit is flipped, a word missing, too many, or elsewhere."""
    found = list(words)
    while found == list(words):
        pick = rng.randrange(6)
        at = rng.randrange(len(found)) if found else 0
        if pick == 0 or not found:
            found.insert(at, any_word(rng))
        elif pick == 1:
            del found[at]
        elif pick == 2:
            other = rng.randrange(len(found))
            found[at], found[other] = found[other], found[at]
        elif pick == 3:
            found[at] = any_word(rng)
        else:
            # Descriptors and hashes: the high bits, and the first words.
            at = rng.choice((at, 0))
            found[at] ^= 1 << rng.choice((255, 253, 248, 0, rng.randrange(256)))
    return found
