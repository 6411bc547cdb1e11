# SPDX-License-Identifier: Apache-2.0
"""What the pages say, from what is so."""

from __future__ import annotations

import re
import time
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelmarket.protocol.intervals import wilson
from modelmarket.protocol.phases import TRANSITIONS, Phase
from modelmarket.web.charts import (
    CONTEST_DIAGRAM_WORDS,
    DIAGRAM_WORDS,
    ERRORS,
    SHARES,
    DiagramWords,
    Dot,
    draw_bars,
    draw_ranking,
    draw_states,
)
from modelmarket.web.rendering import markdown, moment_and_utc, strangers
from modelmarket.web.views import cut, duration, short, size, zone
from support.visits import words as said


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
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (2_500_000, "2.5 MB"),
    ],
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


@pytest.mark.parametrize("words", [DIAGRAM_WORDS, CONTEST_DIAGRAM_WORDS])
def test_the_diagram_speaks_to_people(words: DiagramWords) -> None:
    drawing = draw_states(Phase.OPEN, words)
    assert drawing.count("marker-end") == len(TRANSITIONS)
    said = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", drawing))
    assert "_" not in said
    assert not any(phase.name in said for phase in Phase)
    assert {(one.source, one.target) for one in TRANSITIONS} == {*words.causes}


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=9),
    st.one_of(st.just(0.0), st.floats(0.001, 1)),
)
def test_every_claim_and_the_threshold_lie_on_the_axis(
    shares: list[float], threshold: float
) -> None:
    bounds = [wilson(round(one * 40), 40) for one in shares]
    dots = [
        Dot(str(number), round(one * 40) / 40, both, is_own=False)
        for number, (one, both) in enumerate(zip(shares, bounds, strict=True))
    ]
    drawing = draw_ranking(dots, threshold, "claims")
    places = [float(one) for one in re.findall(r'<circle[^>]* cx="([\d.]+)%"', drawing)]
    through = r'class="interval"><line x1="([\d.]+)%" y1="[\d.]+" x2="([\d.]+)%"'
    ends = [float(one) for both in re.findall(through, drawing) for one in both]
    lines = re.findall(r'class="threshold"><line x1="([\d.]+)%', drawing)
    assert len(places) == len(dots)
    assert len(lines) == bool(threshold)
    ticks = [
        float(one) for one in re.findall(r'class="grid"><line x1="([\d.]+)%', drawing)
    ]
    left, right = ticks[0] - 0.1, ticks[-1] + 0.1
    assert all(left <= one <= right for one in [*places, *ends, *map(float, lines)])
    # The better claim lies further to the right.
    order = sorted(range(len(dots)), key=lambda one: dots[one].value)
    assert [places[one] for one in order] == sorted(places)
    assert len(ends) == 2 * len(dots)


def test_the_axis_is_as_fine_as_the_claims_are_close() -> None:
    def ticks(*shares: float) -> list[str]:
        dots = [Dot("a", one, None, is_own=False) for one in shares]
        return re.findall(r"middle\">([\d.]+)%<", draw_ranking(dots, 0.0, "claims"))

    assert ticks(0.971, 0.992) == ["96", "97", "98", "99", "100"]
    assert ticks(0.82, 0.86) == ["82", "83", "84", "85", "86"]
    assert ticks(0.1, 0.99) == ["0", "25", "50", "75", "100"]
    assert ticks(1.0) == ["96", "97", "98", "99", "100"]
    assert ticks(0.0) == ["0", "1", "2", "3", "4"]
    # Parts of 15% do not lead from 0 to 100.
    assert ticks(0.5, 0.95) == ["40", "55", "70", "85", "100"]
    assert ticks(0.46, 1.0) == ["40", "55", "70", "85", "100"]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_no_share_is_above_the_most_that_there_is(shares: list[float]) -> None:
    low, high = SHARES.ends(shares)
    assert 0 <= low <= min(shares) + 1e-9
    assert max(shares) - 1e-9 <= high <= 1 + 1e-9


def test_a_claim_stands_out_and_has_no_whiskers_where_no_rows_are_counted() -> None:
    dots = [
        Dot("<i>mine</i>", 0.5, None, is_own=True),
        Dot("hers", 0.4, (0.3, 0.5), is_own=False),
    ]
    drawing = draw_ranking(dots, 0.45, "<b>claims</b>")
    assert drawing.count('class="own"') == 1
    assert drawing.count('class="interval"') == 1
    assert "threshold 45.00%" in drawing
    typed = draw_ranking(dots, 0.45, "claims", SHARES, "<45%")
    assert ">threshold &lt;45%</text>" in typed
    assert "<i>" not in drawing
    assert "<b>" not in drawing


NARROWEST = 300
"""Pixels that a phone leaves for the drawing."""


def part(percent: str) -> float:
    """What a length says of the drawing's width."""
    assert percent.endswith("%")
    return float(percent[:-1]) / 100


def test_errors_lie_on_an_axis_in_the_labels_own_unit_the_best_at_the_left() -> None:
    def ticks(*errors: float, threshold: float = 0.0) -> list[str]:
        dots = [Dot("a", one, None, is_own=False) for one in errors]
        drawing = draw_ranking(dots, threshold, "claims", ERRORS)
        return re.findall(r"middle\">([\d.,]+)<", drawing)

    assert ticks(0.31, 0.52) == ["0.3", "0.4", "0.5", "0.6", "0.7"]
    assert ticks(812.0, 2_400.0)[0] == "500"
    assert ticks(812.0, 2_400.0)[-1] == "2,500"
    assert ticks(0.0) == ["0", "1", "2", "3", "4"]
    dots = [
        Dot("good", 812.0, None, is_own=False),
        Dot("bad", 3_000.0, None, is_own=False),
    ]
    drawing = draw_ranking(dots, 2_500.5, "claims", ERRORS)
    best, worst = (part(one) for one in re.findall(r'cx="([\d.]+%)"', drawing))
    [line] = re.findall(r'class="threshold"><line x1="([\d.]+%)"', drawing)
    assert best < part(line) < worst
    assert ">largest that counts 2,500.5</text>" in drawing
    assert ">3,000</text>" in drawing


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=9), st.floats(0, 1e9))
@example([5e-324], 0.0)
@example([1e-300], 0.0)
def test_every_error_lies_on_the_axis(errors: list[float], largest: float) -> None:
    low, high = ERRORS.ends([*errors, largest])
    assert 0 <= low < high
    assert low <= min(*errors, largest) * (1 + 1e-8)
    assert high >= max(*errors, largest) * (1 - 1e-8)


def test_no_line_of_the_ranking_goes_through_a_name_or_a_number() -> None:
    dots = [
        Dot("W" * 64, one, (one - 0.1, one + 0.1), is_own=False)
        for one in (0.9, 0.494, 0.3)
    ]
    drawing = ET.fromstring(draw_ranking(dots, 0.5, "claims"))
    groups = [one for one in drawing.iter("g") if one.get("class") != "interval"]
    spans = [
        (float(one.attrib["y1"]), float(one.attrib["y2"]))
        for group in groups
        for one in group
    ]
    assert len(groups) == 6
    assert len(spans) == len(groups) * len(dots)
    names = drawing.findall("svg")
    numbers = [one for one in drawing.findall("text") if one.get("class") == "share"]
    assert [one.text for one in numbers] == ["90.00%", "49.40%", "30.00%"]
    for name, number in zip(names, numbers, strict=True):
        top = float(name.attrib["y"])
        bottom = top + float(name.attrib["height"])
        assert top < float(number.attrib["y"]) < bottom
        assert not any(begin < bottom and end > top for begin, end in spans)
        # What is too wide ends before the number, and the number before the edge.
        assert (name[0].text or "").endswith("W…")
        assert number.attrib["text-anchor"] == "end"
        end = NARROWEST * part(name.attrib["width"])
        assert end + 70 < NARROWEST * part(number.attrib["x"]) <= NARROWEST


@pytest.mark.parametrize("threshold", [0.01, 0.5, 0.99])
def test_the_thresholds_caption_is_within_the_drawing(threshold: float) -> None:
    dots = [Dot("a", one, None, is_own=False) for one in (0.0, 1.0)]
    drawing = ET.fromstring(draw_ranking(dots, threshold, "claims"))
    [caption] = [one for one in drawing.iter("text") if "threshold" in (one.text or "")]
    x, long = NARROWEST * part(caption.attrib["x"]), 150
    left = (
        x - {"start": 0, "middle": 0.5, "end": 1}[caption.attrib["text-anchor"]] * long
    )
    assert left >= 0
    assert left + long <= NARROWEST


@pytest.mark.parametrize(
    "text", ["", "short", "x" * 24, "charged twice, refund please"]
)
def test_what_is_cut_shows_that_it_was(text: str) -> None:
    shown = cut(text)
    assert len(shown) <= 24
    assert shown == text or shown.endswith("…")
    assert text.startswith(shown.removesuffix("…"))


def test_no_template_cuts_a_text_without_a_sign() -> None:
    folder = files("modelmarket.web") / "templates"
    for page in Path(str(folder)).rglob("*.html"):
        assert not re.search(r"\[:\d+\] *\| *strangers", page.read_text()), page.name


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "2026-11-29 20:00:00 UTC"),
        ("Europe/Berlin", "2026-11-29 21:00:00 (2026-11-29 20:00:00 UTC)"),
    ],
)
def test_a_time_is_told_in_utc_too_only_where_that_is_another(
    monkeypatch: pytest.MonkeyPatch, zone: str, shown: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        made = moment_and_utc(1_795_982_400)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert said(made) == shown


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("UTC", "UTC"),
        ("Atlantic/Reykjavik", "UTC"),
        ("Europe/Berlin", "CET (UTC+01:00)"),
        ("America/St_Johns", "NST (UTC-03:30)"),
        ("America/Sao_Paulo", "UTC-03:00"),
    ],
)
def test_every_page_says_in_which_zone_its_times_are(
    monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.setenv("TZ", name)
    time.tzset()
    try:
        found = zone(1_795_982_400)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found == told


def test_bars_are_written_as_the_text_beside_them() -> None:
    drawing = draw_bars([("a", 0.10647), ("b", 1.0)], 1, "shares", own=[], told=".1%")
    assert re.findall(r">([^<>]+)</text>", drawing) == ["a", "10.6%", "b", "100.0%"]
    assert re.findall(r'width="([\d.]+)" height', drawing) == ["25.6", "240.0"]
    drawing = draw_bars([("a", 12_345)], 12_345, "rows", own=[])
    assert ">12,345</text>" in drawing


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
        # Nobody is led anywhere; where it leads can be read.
        ("[x](https://e.x)", "<p>x (https://e.x)</p>\n"),
        ("[x](http://e.x 'y') z", "<p>x (http://e.x) z</p>\n"),
        ("[**x**](https://e.x)", "<p><strong>x</strong> (https://e.x)</p>\n"),
        ("[x](/account)", "<p>x</p>\n"),
        ("[x](mailto:a@e.x)", "<p>x</p>\n"),
        ("<https://e.x>", "<p>https://e.x</p>\n"),
        ("![x](https://e.x/p)", "<p></p>\n"),
    ],
)
def test_markdown_is_words_alone(text: str, shown: str) -> None:
    assert markdown(text) == shown


def test_a_paragraph_of_brackets_is_text_and_its_neighbours_are_not() -> None:
    """From each bracket on an end of a link is looked for: a trap, if there are many."""
    trap = "[" * 50_000
    shown = markdown(f"[a](https://e.x)\n\n{trap}*b*\n\n[c](https://e.x)")
    first, last = ("<p>a (https://e.x)</p>", "<p>c (https://e.x)</p>")
    assert shown == f"{first}\n<p>{trap}<em>b</em></p>\n{last}\n"


def test_a_strangers_words_have_a_direction_of_their_own() -> None:
    assert strangers("a\N{RIGHT-TO-LEFT OVERRIDE}<b>") == "<bdi>a\ufffd&lt;b&gt;</bdi>"
