# SPDX-License-Identifier: Apache-2.0
"""What the pages say, from what is so."""

from __future__ import annotations

import pytest

from modelmarket.protocol.phases import TRANSITIONS, Phase
from modelmarket.web.charts import draw_bars, draw_states
from modelmarket.web.rendering import markdown, strangers
from modelmarket.web.views import duration, short, size


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "now"),
        (0, "now"),
        (1, "1 s"),
        (61, "1 min 1 s"),
        (3_600, "1 h"),
        (90_061, "1 d 1 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: int, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1.0 kB"), (2_500_000, "2.5 MB")],
)
def test_sizes_have_a_unit_that_suits(count: int, words: str) -> None:
    assert size(count) == words


def test_long_names_are_cut_in_the_middle() -> None:
    assert short("0x1234567890abcdef") == "0x123456…cdef"
    assert short("short") == "short"


@pytest.mark.parametrize("phase", Phase)
def test_the_diagram_marks_one_phase(phase: Phase) -> None:
    drawing = draw_states(phase)
    assert drawing.count('class="now"') + drawing.count('class="final now"') == 2
    assert f"now: {phase.name}" in drawing
    assert drawing.count("marker-end") == len(TRANSITIONS)


def test_drawings_have_no_style_and_no_strangers_markup() -> None:
    drawing = draw_bars([("<b>x</b>\x1b", 3)], 4, "<i>", own=[0])
    assert "<b>" not in drawing
    assert "\x1b" not in drawing
    assert "style" not in drawing + draw_states()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a *b*", "<p>a <em>b</em></p>\n"),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>\n"),
        ("[x](javascript:y)", "<p>[x](javascript:y)</p>\n"),
        ("[x](https://e.x)", "<p>x</p>\n"),
        ("![x](https://e.x/p)", "<p></p>\n"),
    ],
)
def test_markdown_is_words_alone(text: str, shown: str) -> None:
    assert markdown(text) == shown


def test_a_strangers_words_have_a_direction_of_their_own() -> None:
    assert strangers("a\N{RIGHT-TO-LEFT OVERRIDE}<b>") == "<bdi>a\ufffd&lt;b&gt;</bdi>"
