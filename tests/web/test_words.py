# SPDX-License-Identifier: Apache-2.0
"""The page speaks of its own fields: neither of options nor of arguments."""

from __future__ import annotations

import re
from html import unescape

from support.visits import Tab, words

TERMS = {
    "label": "kind",
    "name": "odd",
    "reward": "10",
    "minutes": "60",
    "response": "15",
    "fraction": "20%",
}
TABLE = b"n,kind\n" + b"".join(b"%d,%s\n" % (n, [b"a", b"b"][n % 2]) for n in range(40))


def said(page: str) -> str:
    """What a page is troubled by."""
    [found] = re.findall(r'<div class="note bad" role="alert"[^>]*>(.*?)</div>', page)
    return words(unescape(found))


def test_a_table_that_cannot_be_read_is_told_of_without_options(tab: Tab) -> None:
    answer = tab.post(
        "/requests/new",
        files={"data": ("n.csv", b"n,n\n2,a\n3,b\n")},
        data={"kind": "predictions"},
        follow_redirects=True,
    )
    assert said(answer.text) == (
        "n.csv has several columns called 'n'. Give the file a header, in which each "
        "column has a name of its own."
    )


def test_what_cannot_be_split_names_the_field_that_it_was_said_in(tab: Tab) -> None:
    sent = tab.post(
        "/requests/new",
        files={"data": ("n.csv", TABLE)},
        data={"kind": "predictions"},
    )
    answer = tab.post(sent.headers["location"], **TERMS, group="kind")
    assert said(answer.text) == (
        "Column 'kind' has the labels, so rows cannot be split by it. Choose another "
        "column, or none."
    )
