# SPDX-License-Identifier: Apache-2.0
"""Classes that are odd: twins, numbers in disguise, hardly any rows."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from modelmarket.datasets.lint.commas import are_numbers_with_commas
from modelmarket.datasets.lint.findings import (
    Check,
    Finding,
    Severity,
    named,
)
from modelmarket.system.text import agreeing, counted

LEAST_NUMBERS = 20
"""Classes from which on numbers as labels look like something to be predicted."""
LEAST_FRACTIONS = 5
"""The same where some of them are no whole numbers."""
IMBALANCED = 0.9
"""The share of the training rows that a class needs to be called most of them."""
LEAST_OF_A_CLASS = 10
"""Training rows of a class below which it can hardly be learned."""
LEAST_TESTS = 100
"""Test rows below which a score is mostly chance."""
LEAST_GUESS_BITS = 64.0
LEAST_SAFE_BITS = 32.0
"""From which on guessing takes more entries, each with a stake, than anybody makes."""
MOST_TWINS = 10
"""Classes that are told together with what they are alike to."""
SURE = 1.96
"""Standard deviations that 19 of 20 draws stay within."""


def resolution(accuracy: float, tests: int) -> float:
    """The smallest difference of two models' accuracies that is no chance.

    By the normal distribution, for models that err independently of each other; such as
    err on the same rows are told apart by less.

    Args:
        accuracy: About what they reach, from 0 to 1.
        tests: Test rows.
    """
    # At 0 and 1 the formula would say that one row is enough to be sure.
    share = min(max(accuracy, 1 / (tests + 2)), 1 - 1 / (tests + 2))
    return min(1.0, SURE * math.sqrt(2 * share * (1 - share) / tests))


def guess_bits(counts: Sequence[int], tests: int) -> float:
    """How many bits whoever guesses all test labels must get right.

    The best guess is the commonest class in every row (the min-entropy).

    Args:
        counts: Training rows of each class.
        tests: Test rows.
    """
    return -tests * math.log2(max(counts) / sum(counts))


def check_classes(counts: Mapping[str, int], tests: int) -> Iterator[Finding]:
    """Looks at the classes of a training part.

    Args:
        counts: Training rows of each class, by name.
        tests: Test rows.
    """
    yield from _twins(list(counts))
    yield from _numbers(list(counts))
    yield from _imbalance(
        counts,
        lambda name: f"of class {name!r}",
        "Set a threshold above that; or take rows of the others by themselves.",
    )
    rare = [name for name, count in counts.items() if count < LEAST_OF_A_CLASS]
    if rare:
        unknown = ""
        if none := [name for name in rare if not counts[name]]:
            unknown = (
                f" No training row is of {agreeing(len(none), 'class', 'classes')} "
                f"{named(none)}: no model can learn "
                f"{agreeing(len(none), 'it', 'them')}."
            )
        yield Finding(
            Check.RARE,
            Severity.WARNING,
            f"{counted(len(rare), 'class', 'classes')} "
            f"{agreeing(len(rare), 'has', 'have')} fewer than {LEAST_OF_A_CLASS} "
            f"training rows: {named(rare)}.{unknown}",
            agreeing(
                len(rare),
                "Add rows of it, or leave it out.",
                "Add rows of them, or leave them out.",
            ),
            count=len(rare),
        )
    yield from _guessable(counts, tests)


def check_bins(counts: Mapping[str, int], tests: int) -> Iterator[Finding]:
    """Looks at the bins that the labels of a training part fall into.

    Args:
        counts: Training rows of each bin, by the number that stands for it.
        tests: Test rows.
    """
    yield from _imbalance(
        counts,
        lambda name: f"in the bin of {name}",
        "Take bins that about as many rows fall into each: leave out --even-bins. If "
        "they are such, most labels are the same number: leave out rows of it, or buy "
        "classes.",
    )
    yield from _guessable(counts, tests)


def _imbalance(
    counts: Mapping[str, int], told: Callable[[str], str], hint: str
) -> Iterator[Finding]:
    rows = sum(counts.values())
    name, most = max(counts.items(), key=lambda one: one[1])
    if most >= IMBALANCED * rows:
        yield Finding(
            Check.IMBALANCE,
            Severity.WARNING,
            f"{most / rows:.1%} of the training rows are {told(name)}: always saying "
            "so would score as much.",
            hint,
        )


def _guessable(counts: Mapping[str, int], tests: int) -> Iterator[Finding]:
    bits = guess_bits(list(counts.values()), tests)
    if bits < LEAST_GUESS_BITS:
        yield Finding(
            Check.GUESSABLE,
            Severity.NOTE if bits >= LEAST_SAFE_BITS else Severity.WARNING,
            f"By guessing alone, about one entry in {_about(2.0**bits)} has "
            f"{agreeing(tests, 'the', 'all')} {counted(tests, 'test label')} right; "
            "each entry locks a stake.",
            "Nobody makes so many: nothing has to be done about it."
            if bits >= LEAST_SAFE_BITS
            else "Test more rows, so that nobody wins by luck.",
        )


def _about(number: float) -> str:
    """A large number of one or two digits, in words."""
    for size, word in (
        (1e18, "million million million"),
        (1e12, "million million"),
        (1e6, "million"),
    ):
        if number >= size:
            return f"{_few(number / size):,} {word}"
    return f"{_few(number):,}"


def _few(number: float) -> int:
    """A number, rounded to two digits."""
    scale: int = 10 ** max(len(str(int(number))) - 2, 0)
    return round(number / scale) * scale


def check_size(tests: int, least: float | None) -> Iterator[Finding]:
    """Looks at how many test rows there are.

    Args:
        tests: Test rows.
        least: The smallest difference that they tell; None for numbers.
    """
    if tests < LEAST_TESTS:
        much = ""
        if least is not None:
            points = f"{100 * least:.1f} percentage points"
            much = f"; differences below {points} cannot be seen"
        yield Finding(
            Check.FEW_TESTS,
            Severity.WARNING,
            f"There {agreeing(tests, 'is', 'are')} {counted(tests, 'test row')}"
            f"{much}: who wins is partly chance.",
            "Test more rows: raise --fraction, or add some.",
            count=tests,
        )


def check_absent(
    names: Sequence[str], tested: Sequence[int], *, by_class: bool = True
) -> Iterator[Finding]:
    """Looks for classes that are not tested; nobody else may know which.

    Args:
        names: Of the classes.
        tested: Test rows of each.
        by_class: Whether they could be drawn class by class.
    """
    absent = [name for name, count in zip(names, tested, strict=True) if not count]
    if absent:
        yield Finding(
            Check.ABSENT,
            Severity.WARNING,
            f"No test row is of {agreeing(len(absent), 'class', 'classes')} "
            f"{named(absent)}.",
            "Draw class by class with --stratified, or test more rows."
            if by_class
            else "Test more rows.",
            count=len(absent),
            is_private=True,
        )


def likeness(name: str) -> tuple[str, float | str]:
    """What is the same for classes that differ by spelling alone."""
    text = unicodedata.normalize("NFKC", name).strip().casefold()
    try:
        number = float(text)
    except ValueError:
        return "text", " ".join(text.split())
    return ("number", number) if math.isfinite(number) else ("text", text)


def _twins(names: Sequence[str]) -> Iterator[Finding]:
    alike: dict[tuple[str, float | str], list[str]] = {}
    for name in names:
        alike.setdefault(likeness(name), []).append(name)
    twins = [found for found in alike.values() if len(found) > 1]
    if twins:
        pairs = "; ".join(
            named(found, MOST_TWINS, show=_looks(found)) for found in twins[:MOST_TWINS]
        )
        rest = len(twins) - MOST_TWINS
        yield Finding(
            Check.TWINS,
            Severity.CONFIRM,
            f"These classes differ by spelling alone: {pairs}"
            f"{f'; and {rest:,} more' if rest > 0 else ''}.",
            "Write them alike, if they mean the same.",
            classes=tuple(map(tuple, twins)),
            count=len(twins),
        )


def _looks(names: Sequence[str]) -> Callable[[str], str]:
    """What shows names so that they can be told apart, though they look the same."""
    looks = Counter(unicodedata.normalize("NFKC", name) for name in names)

    def show(name: str) -> str:
        is_seen = looks[unicodedata.normalize("NFKC", name)] == 1
        return repr(name) if is_seen or name.isascii() else f"{name!r} ({name!a})"

    return show


def _numbers(names: Sequence[str]) -> Iterator[Finding]:
    import polars as pl

    if len(names) >= LEAST_FRACTIONS and are_numbers_with_commas(pl.Series(names)):
        yield Finding(
            Check.REGRESSION,
            Severity.CONFIRM,
            f"There are {len(names):,} different labels, all of them numbers with "
            "commas, which are read as names of classes.",
            "Write 3.5 for 3,5 and 1000 for 1,000; then say --verified --error "
            "absolute, or --bins 20, if a number is to be predicted.",
            count=len(names),
        )
        return
    numbers = [_number(one) for one in names]
    known = [one for one in numbers if one is not None]
    if len(known) < len(numbers):
        return
    has_fractions = any(one != int(one) for one in known)
    if len(known) >= (LEAST_FRACTIONS if has_fractions else LEAST_NUMBERS):
        yield Finding(
            Check.REGRESSION,
            Severity.CONFIRM,
            f"There are {len(known):,} different labels, all of them numbers: it looks "
            "as if a number is to be predicted rather than a class.",
            "Then say --verified --error absolute, or --bins 20.",
            count=len(known),
        )


def _number(name: str) -> float | None:
    try:
        number = float(name)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
