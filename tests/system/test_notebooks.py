# SPDX-License-Identifier: Apache-2.0
"""What Jupyter shows, in a kernel of Jupyter's."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from modelmarket.system.notebooks import facts_html, is_notebook, table_html, watched

AT_ONCE = (
    "from modelmarket.system import notebooks\n"
    "from modelmarket.system.notebooks import watched\n"
    "notebooks.SOON_S = 0\n"
)


def shown(*cells: str) -> list[Any]:
    """What the last of some cells shows."""
    document = nbformat.v4.new_notebook(
        cells=list(map(nbformat.v4.new_code_cell, cells))
    )
    NotebookClient(document, timeout=60, kernel_name="python3").execute()
    return list(document.cells[-1].outputs)


def test_work_shows_in_its_cell_how_far_it_is_and_ends_without_a_bar() -> None:
    [output] = shown(
        AT_ONCE + "with watched() as tell:\n"
        "    for _ in range(2_000):\n"
        "        tell('rows split', 2)\n"
        "    tell('bytes stored', 7)"
    )
    assert output["data"]["text/html"] == "4,000 rows split, 7 bytes stored"


def test_a_bar_is_there_while_the_work_goes_on() -> None:
    [output] = shown(AT_ONCE + "work = watched()\nwork.__enter__()('rows split', 2)")
    assert output["data"]["text/html"] == "<progress></progress> 2 rows split"


def test_work_that_is_done_soon_shows_nothing() -> None:
    assert not shown(
        "from modelmarket.system import notebooks\n"
        "notebooks.SOON_S = 60\n"
        "with notebooks.watched() as tell: tell('rows split', 2)"
    )


def test_work_that_says_nothing_shows_nothing() -> None:
    assert not shown(
        "from modelmarket.system.notebooks import watched\nwith watched(): pass"
    )


def test_whoever_brings_a_progress_of_his_own_is_told_instead() -> None:
    [output] = shown(
        "from modelmarket.system.notebooks import watched\n"
        "with watched(print) as tell: tell('rows split', 2)"
    )
    assert output["text"] == "rows split 2\n"


def test_outside_of_a_notebook_nothing_is_told() -> None:
    assert not is_notebook()
    with watched() as tell:
        assert tell is None
    with watched(given := lambda _what, _count: None) as tell:
        assert tell is given


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "a\x1b[31mb", 'a"b', "<img\nsrc=x>"]
)
def test_strangers_words_do_nothing(text: str) -> None:
    for html in (facts_html(text, [text]), table_html([text], [[text]])):
        assert "<script" not in html
        assert "<img" not in html
        assert "\x1b" not in html


def test_facts_that_are_empty_are_left_out() -> None:
    assert facts_html("a", ["", "b"]) == "<div><b>a</b><ul><li>b</li></ul></div>"
