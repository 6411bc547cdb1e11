# SPDX-License-Identifier: Apache-2.0
"""Drawings as inline SVG: no script, no style, a table or words beside each."""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from modelmarket.protocol.phases import TRANSITIONS, Phase
from modelmarket.system.text import measured, plain
from modelmarket.web.views import cut

BOX = (132, 44)
PLACES: dict[Phase | None, tuple[int, int]] = {
    None: (20, 92),
    Phase.OPEN: (150, 70),
    Phase.TRUTH: (400, 70),
    Phase.CLAIMS: (650, 70),
    Phase.VALIDATION: (900, 70),
    Phase.CANCELLED: (200, 240),
    Phase.FORFEITED: (440, 240),
    Phase.REFUNDED: (690, 240),
    Phase.FULFILLED: (930, 240),
}
NAMES = {
    Phase.OPEN: "Open",
    Phase.TRUTH: "Truth",
    Phase.CLAIMS: "Claims",
    Phase.VALIDATION: "Check",
    Phase.CANCELLED: "Cancelled",
    Phase.FORFEITED: "Forfeited",
    Phase.REFUNDED: "Refunded",
    Phase.FULFILLED: "Fulfilled",
}
"""What the diagram calls the phases for people."""


@dataclass(frozen=True)
class DiagramWords:
    """What a diagram says to people rather than to programs.

    Attributes:
        names: Of the phases.
        causes: What leads from one phase to another.
    """

    names: Mapping[Phase, str]
    causes: Mapping[tuple[Phase | None, Phase], str]


DIAGRAM_WORDS = DiagramWords(
    NAMES,
    {
        (None, Phase.OPEN): "reward locked",
        (Phase.OPEN, Phase.TRUTH): "deadline",
        (Phase.OPEN, Phase.CANCELLED): "requester cancels",
        (Phase.TRUTH, Phase.CLAIMS): "truth opened",
        (Phase.TRUTH, Phase.CANCELLED): "requester cancels",
        (Phase.TRUTH, Phase.FORFEITED): "not opened: with entries",
        (Phase.TRUTH, Phase.REFUNDED): "not opened: no entries",
        (Phase.CLAIMS, Phase.VALIDATION): "time is up",
        (Phase.CLAIMS, Phase.REFUNDED): "no claim reaches the threshold",
        (Phase.VALIDATION, Phase.VALIDATION): "claim falls: the next best",
        (Phase.VALIDATION, Phase.FULFILLED): "predictions match the claim",
        (Phase.VALIDATION, Phase.REFUNDED): "claim falls: none is left",
    },
)
CONTEST_DIAGRAM_WORDS = DiagramWords(
    {**NAMES, Phase.TRUTH: "Key"},
    {
        **DIAGRAM_WORDS.causes,
        (Phase.TRUTH, Phase.CLAIMS): "key opened",
        (Phase.VALIDATION, Phase.FULFILLED): "model stood unrefuted",
    },
)
"""The same of verified contests."""
BAR_HEIGHT = 22
BAR_WIDTH = 240
LABEL_WIDTH = 180


def draw_states(now: Phase | None = None, words: DiagramWords | None = None) -> str:
    """The phases and every way between them.

    Args:
        now: The phase to be marked.
        words: For people; None for what the contract calls it all.
    """
    width, height = BOX
    names = {one: one.name for one in Phase} if words is None else words.names
    here = f"; now: {names[now]}" if now else ""
    opening = (
        '<svg class="states" viewBox="0 0 1090 310" role="img"'
        f' aria-label="The phases of a request{here}">'
    )
    tip = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto-start-reverse"><path d="M0 0 8 4 0 8z"/>'
        "</marker></defs>"
    )
    parts = [opening, tip]
    for arrow in TRANSITIONS:
        way = (arrow.source, arrow.target)
        cause = arrow.cause if words is None else words.causes[way]
        parts += _arrow(arrow.source, arrow.target, cause)
    for phase, (x, y) in PLACES.items():
        if phase is None:
            parts.append(f'<circle cx="{x}" cy="{y}" r="7"/>')
            continue
        kinds = ["final"] * phase.is_final + ["now"] * (phase is now)
        named = f' class="{" ".join(kinds)}"' if kinds else ""
        parts.append(
            f'<rect{named} x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>'
            f'<text{named} x="{x + width / 2:g}" y="{y + height / 2 + 4:g}"'
            f' text-anchor="middle">{names[phase]}</text>'
        )
    return "\n".join([*parts, "</svg>"])


def _arrow(source: Phase | None, target: Phase, cause: str) -> list[str]:
    width, height = BOX
    x0, y0 = PLACES[source]
    x1, y1 = PLACES[target]
    begin: float
    lines = cause.split(": ", 1)
    if source is target:
        middle = x0 + width / 2
        path = f"M{middle - 24:g} {y0}c-10 -44 58 -44 48 0"
        at = (middle, y0 - 50.0)
    elif y0 == y1 or source is None:
        begin = x0 + (7 if source is None else width)
        path = f"M{begin} {y1 + height / 2:g}H{x1 - 2}"
        at = ((begin + x1) / 2, y1 + height / 2 - (19 if len(lines) > 1 else 6))
    else:
        begin, end = x0 + width / 2, x1 + width / 2
        path = f"M{begin:g} {y0 + height}L{end:g} {y1 - 2}"
        low = 0.55 if end < begin else 0.42
        at = (
            begin + (end - begin) * low,
            y0 + height + (y1 - y0 - height) * low - 4,
        )
    parts = [f'<path d="{path}" marker-end="url(#tip)"/>']
    for number, line in enumerate(lines):
        parts.append(
            f'<text class="cause" x="{at[0]:g}" y="{at[1] + 13 * number:g}"'
            f' text-anchor="middle">{html.escape(line)}</text>'
        )
    return parts


def draw_bars(
    bars: Sequence[tuple[str, float]],
    most: float,
    label: str,
    *,
    own: Collection[int],
    told: str = ",",
) -> str:
    """Horizontal bars, one for each name.

    Args:
        bars: Names and numbers, from the top.
        most: The number of a bar as wide as the drawing.
        label: What the drawing shows.
        own: Places of bars that are to stand out.
        told: How each number is written, as a format says it.
    """
    height = BAR_HEIGHT * len(bars)
    opening = (
        f'<svg class="bars" viewBox="0 0 {LABEL_WIDTH + BAR_WIDTH + 70} {height}"'
        f' role="img" aria-label="{html.escape(plain(label))}">'
    )
    parts = [opening]
    for place, (name, number) in enumerate(bars):
        y = place * BAR_HEIGHT
        long = BAR_WIDTH * number / (most or 1)
        shown = cut(plain(name), 20)
        kind = ' class="own"' if place in own else ""
        parts.append(
            f'<text x="{LABEL_WIDTH - 8}" y="{y + 15}" text-anchor="end">'
            f"{html.escape(shown)}</text>"
            f'<rect{kind} x="{LABEL_WIDTH}" y="{y + 3}" width="{max(long, 1):.1f}"'
            f' height="{BAR_HEIGHT - 6}" rx="3"/>'
            f'<text x="{LABEL_WIDTH + long + 8:.1f}" y="{y + 15}">'
            f"{measured(number, told)}</text>"
        )
    return "".join([*parts, "</svg>"])


# --- the ranking ---

RANK_HEIGHT = 56
"""Of a name and its number and, below them, its dot."""
RANK_WORDS = 28
"""Of the name and the number alone: no line goes through them."""
RANK_TOP = 32
RANK_BOTTOM = 28
RANK_NAME = 70.0
"""Percent of the width that a name may take; the number has what is left."""
RANK_EDGE = 30.0
"""Percent of the width, from either side, in which the threshold's caption would pass
the edge of a phone if it stood in the middle over its line."""
MOST_NAME = 36
"""Characters that leave room for the number; the widest of them end before it."""
TICKS = 4
"""Parts of the axis."""


@dataclass(frozen=True)
class Axis:
    """Along what claims are drawn.

    Attributes:
        tick: How a number at the axis is written, as a format says it.
        told: How a claim's is.
        threshold: What the threshold is called.
        steps: How large the parts of the axis may be, from the smallest; empty for
            whatever is round.
        most: The greatest number that there is; None for any.
    """

    tick: str
    told: str
    threshold: str
    steps: tuple[float, ...] = ()
    most: float | None = None

    def ends(self, numbers: Sequence[float]) -> tuple[float, float]:
        """The ends of an axis that holds some numbers, its parts of a round size."""
        least, most = min(numbers), max(numbers)
        for step in self.steps or _round_steps(max(most - least, most / 1_000)):
            # note: 0.58 / 0.01 is 57.999…, which is no part less than 58.
            low = max(math.floor(least / step + TINY), 0) * step
            if self.most is not None:
                # Its parts end there, also where no whole number of them does from 0.
                low = max(min(low, self.most - TICKS * step), 0.0)
            if low + TICKS * step >= most - TINY * step:
                return low, low + TICKS * step
        return 0.0, self.most or most


SHARES = Axis(
    ".0%", ".2%", "threshold", (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25), most=1.0
)
"""Of scores, as shares of the most that there is."""
ERRORS = Axis("g", "g", "largest that counts")
"""Of numbers that are off by so much, in the label's own unit."""
TINY = 1e-9
"""Of a part of an axis: what binary fractions are off by."""
LEAST = 1e-300
"""Spans that are smaller have no parts that a float can tell apart."""


def _round_steps(span: float) -> Iterator[float]:
    """Round sizes of the parts of an axis, from one too small on."""
    power = math.floor(math.log10(max(span, LEAST) / TICKS)) if span > 0 else 0
    for exponent in itertools.count(power):
        for digit in (1.0, 2.0, 2.5, 5.0):
            yield digit * 10.0**exponent


@dataclass(frozen=True)
class Dot:
    """A claim in the drawing of a ranking.

    Attributes:
        name: Whose.
        value: Its share of the most that can be scored, from 0 to 1; or its error.
        bounds: What luck can do to it; None for nothing to be drawn.
        is_own: Whether it stands out.
    """

    name: str
    value: float
    bounds: tuple[float, float] | None
    is_own: bool


def draw_ranking(
    dots: Sequence[Dot],
    threshold: float,
    label: str,
    axis: Axis = SHARES,
    typed: str = "",
) -> str:
    """Claims as dots with their intervals, and the threshold as a line.

    Places are percent of the width, so that it fills whatever column it stands in while
    its letters keep their size.

    Args:
        dots: From the top.
        threshold: What earns the reward; 0 for whatever stands.
        label: What the drawing shows.
        axis: Along what.
        typed: The threshold as its requester typed it; empty to write its number.
    """
    ends = [end for one in dots for end in (one.bounds or (one.value, one.value))]
    low, high = axis.ends([*ends, threshold] if threshold else ends)
    bottom = RANK_TOP + RANK_HEIGHT * len(dots)

    def at(value: float) -> float:
        return 100 * (value - low) / (high - low)

    def line(kind: str, x: float) -> str:
        pieces = (
            _line(x, top + RANK_WORDS, x, top + RANK_HEIGHT)
            for top in range(RANK_TOP, bottom, RANK_HEIGHT)
        )
        return f'<g class="{kind}">{"".join(pieces)}</g>'

    opening = (
        f'<svg class="ranks" height="{bottom + RANK_BOTTOM}" role="img"'
        f' aria-label="{html.escape(plain(label))}">'
    )
    parts = [opening]
    for number in range(TICKS + 1):
        value = low + (high - low) * number / TICKS
        parts.append(
            line("grid", at(value))
            + f'<text class="tick" x="{at(value):.2f}%" y="{bottom + 18}"'
            f' text-anchor="middle">{measured(value, axis.tick)}</text>'
        )
    if threshold:
        x = at(threshold)
        anchor = "middle"
        if x < RANK_EDGE:
            anchor = "start"
        elif x > 100 - RANK_EDGE:
            anchor = "end"
        parts.append(
            line("threshold", x)
            + f'<text class="tick" x="{x:.2f}%" y="{RANK_TOP - 16}"'
            f' text-anchor="{anchor}">{axis.threshold} '
            f"{html.escape(typed) or measured(threshold, axis.told)}</text>"
        )
    for place, one in enumerate(dots):
        parts += _dot(one, RANK_TOP + RANK_HEIGHT * place, at, axis)
    return "".join([*parts, "</svg>"])


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    """A line, from percent of the width to percent of the width."""
    return f'<line x1="{x1:.2f}%" y1="{y1:g}" x2="{x2:.2f}%" y2="{y2:g}"/>'


def _dot(one: Dot, top: float, at: Callable[[float], float], axis: Axis) -> list[str]:
    shown = cut(plain(one.name), MOST_NAME)
    kind = ' class="own"' if one.is_own else ""
    y = top + (RANK_WORDS + RANK_HEIGHT) / 2
    words = (
        f'<svg y="{top:g}" width="{RANK_NAME:g}%" height="{RANK_WORDS}">'
        f'<text y="20">{html.escape(shown)}</text></svg>'
        f'<text class="share" x="100%" y="{top + 20:g}" text-anchor="end">'
        f"{measured(one.value, axis.told)}</text>"
    )
    parts = [words]
    if one.bounds:
        first, end = map(at, one.bounds)
        whiskers = (_line(x, y - 5, x, y + 5) for x in (first, end))
        through = _line(first, y, end, y)
        parts.append(f'<g class="interval">{through}{"".join(whiskers)}</g>')
    parts.append(f'<circle{kind} cx="{at(one.value):.2f}%" cy="{y:g}" r="6"/>')
    return parts
