# SPDX-License-Identifier: Apache-2.0
"""Drawings as inline SVG: no script, no style, a table or words beside each."""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence

from modelmarket.protocol.phases import TRANSITIONS, Phase
from modelmarket.system.text import plain

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
BAR_HEIGHT = 22
BAR_WIDTH = 320
LABEL_WIDTH = 150


def draw_states(now: Phase | None = None) -> str:
    """The phases and every way between them.

    Args:
        now: The phase to be marked.
    """
    width, height = BOX
    here = f"; now: {now.name}" if now else ""
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
        parts += _arrow(arrow.source, arrow.target, arrow.cause)
    for phase, (x, y) in PLACES.items():
        if phase is None:
            parts.append(f'<circle cx="{x}" cy="{y}" r="7"/>')
            continue
        kinds = ["final"] * phase.is_final + ["now"] * (phase is now)
        named = f' class="{" ".join(kinds)}"' if kinds else ""
        parts.append(
            f'<rect{named} x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>'
            f'<text{named} x="{x + width / 2:g}" y="{y + height / 2 + 4:g}"'
            f' text-anchor="middle">{phase.name}</text>'
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
    bars: Sequence[tuple[str, int]],
    most: int,
    label: str,
    *,
    own: Collection[int],
    unit: str = "",
) -> str:
    """Horizontal bars, one for each name.

    Args:
        bars: Names and numbers, from the top.
        most: The number of a bar as wide as the drawing.
        label: What the drawing shows.
        own: Places of bars that are to stand out.
        unit: Stands behind each number.
    """
    height = BAR_HEIGHT * len(bars)
    opening = (
        f'<svg class="bars" viewBox="0 0 {LABEL_WIDTH + BAR_WIDTH + 70} {height}"'
        f' role="img" aria-label="{html.escape(plain(label))}">'
    )
    parts = [opening]
    for place, (name, number) in enumerate(bars):
        y = place * BAR_HEIGHT
        long = BAR_WIDTH * number / max(most, 1)
        shown = plain(name)
        shown = shown if len(shown) <= 20 else shown[:19] + "…"  # noqa: PLR2004  # fits
        kind = ' class="own"' if place in own else ""
        parts.append(
            f'<text x="{LABEL_WIDTH - 8}" y="{y + 15}" text-anchor="end">'
            f"{html.escape(shown)}</text>"
            f'<rect{kind} x="{LABEL_WIDTH}" y="{y + 3}" width="{max(long, 1):.1f}"'
            f' height="{BAR_HEIGHT - 6}" rx="3"/>'
            f'<text x="{LABEL_WIDTH + long + 8:.1f}" y="{y + 15}">{number:,}'
            f"{html.escape(unit)}</text>"
        )
    return "".join([*parts, "</svg>"])
