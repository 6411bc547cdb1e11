# SPDX-License-Identifier: Apache-2.0
"""Tables of many columns: each can be chosen, and none is taken for another."""

from __future__ import annotations

import re
from html import unescape

import pytest

from support.market import Place
from support.visits import Tab, words

KINDS = {"predictions": "requests", "verified": "contests"}


def table(columns: int) -> bytes:
    names = [f"p{n}" for n in range(columns - 1)]
    rows = [[str((n * at) % 7) for n in range(columns - 1)] for at in range(40)]
    lines = [",".join([*names, "kind"])]
    lines += [",".join([*row, "ab"[at % 2]]) for at, row in enumerate(rows)]
    return "\n".join(lines).encode()


def sent(tab: Tab, kind: str, columns: int) -> str:
    files = {"data": ("wide.csv", table(columns))}
    answer = tab.post("/requests/new", files=files, data={"kind": kind})
    return str(answer.headers["location"])


def offered(page: str) -> list[str]:
    """The columns that may be the label's."""
    inside = re.search(
        r'<datalist id="label-columns">(.*?)</datalist>'
        r'|<select name="label"[^>]*>(.*?)</select>',
        page,
        re.DOTALL,
    )
    assert inside is not None
    return [
        unescape(one)
        for one in re.findall(r'<option value="([^"]*)"', inside[1] or inside[2])
    ]


@pytest.mark.parametrize("features", [10, 11, 12, 40])
def test_the_first_rows_show_what_is_predicted_however_wide_they_are(
    here: Place, tab: Tab, features: int
) -> None:
    """Thirteen columns are shown, the first of which is the row's number."""
    path = here.folder / f"{features}.csv"
    path.write_bytes(table(features + 1))
    made = tab.workspace.market.create_request(
        path, label="kind", reward="10", again=True, accept_findings=True
    )
    page = tab.get(f"/requests/{made.id}/data").text
    shown = page.partition("<caption>train.csv")[2].partition("</table>")[0]
    heads = [words(one) for one in re.findall(r'<th scope="col">(.*?)</th>', shown)]
    first = [f"p{n}" for n in range(min(features, 11))]
    assert heads == ["row_id", *first, "label"]
    rows = re.findall(r"<tr>(<td>.*?)</tr>", shown)
    assert {words(one.rpartition("<td>")[2]) for one in rows} <= {"a", "b"}
    assert len(rows) == 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("columns", [60, 61, 300])
def test_every_column_can_be_chosen_as_label(tab: Tab, kind: str, columns: int) -> None:
    where = sent(tab, kind, columns)
    page = tab.get(where).text
    assert offered(page) == [*(f"p{n}" for n in range(columns - 1)), "kind"]
    assert ("<select name=label" in page.replace('"', "")) == (columns == 60)
    # The first of them is far from the last sixty.
    page = tab.get(f"{where}?label=p1").text
    assert '<input type="hidden" name="label" value="p1">' in page
    first = re.search(
        r'First rows</h2>.*?<th scope="col">(?:<[^>]*>)*(\w+)', page, re.DOTALL
    )
    assert first is not None
    assert first[1] == "p1"


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_that_is_not_there_is_told_and_no_other_is_taken_for_it(
    tab: Tab, kind: str
) -> None:
    where = sent(tab, kind, 100)
    answer = tab.get(f"{where}?label=p1000")
    assert answer.status_code == 400
    said = words(answer.text)
    assert "wide.csv has no column 'p1000'. Choose one of its columns." in said
    assert 'value="p1000" aria-invalid="true"' in answer.text
    assert 'name="reward"' not in answer.text
    assert 'type="hidden" name="label"' not in answer.text
    # The rows stay where they were, and nothing is said of what any column holds.
    assert "First rows" in said
    assert "40 rows, 100 columns." in said
    assert "Classes" not in said
    assert "label" not in said.partition("First rows")[2].partition("40 rows")[0]


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("P29", "These come near: 'p29', 'p290', 'p291', 'p292' and 'p293'."),
        ("ind", "This comes near: 'kind'."),
        ("knd", "This comes near: 'kind'."),
        ("zzz", "Choose one of its columns."),
    ],
)
def test_a_part_of_a_name_is_told_the_columns_that_come_near(
    tab: Tab, typed: str, near: str
) -> None:
    answer = tab.get(f"{sent(tab, 'verified', 300)}?label={typed}")
    assert answer.status_code == 400
    beside = re.search(
        r'<span class="wrong" id="label-wrong">(.*?)</span>', answer.text
    )
    assert beside is not None
    assert words(beside[1]).endswith(near)
    assert f'value="{typed}" aria-invalid="true"' in answer.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_with_odd_characters_in_its_name_can_be_chosen(
    tab: Tab, kind: str
) -> None:
    odd = 'a "b" <c> \N{RIGHT-TO-LEFT OVERRIDE}d'
    quoted = odd.replace('"', '""')
    lines = [f'"{quoted}",n', *(f"{'ab'[n % 2]},{n % 5}" for n in range(40))]
    files = {"data": ("odd.csv", "\n".join(lines).encode())}
    answer = tab.post("/requests/new", files=files, data={"kind": kind})
    where = answer.headers["location"]
    page = tab.get(where).text
    # What turns the writing is told as what it is, and still means the column.
    told = odd.replace("\N{RIGHT-TO-LEFT OVERRIDE}", "\N{REPLACEMENT CHARACTER}")
    assert told in offered(page)
    answer = tab.client.get(where, params={"label": told})
    assert answer.status_code == 200
    assert "2 classes" in words(answer.text)
    twins = (
        "x\N{RIGHT-TO-LEFT OVERRIDE},x\N{LEFT-TO-RIGHT OVERRIDE},kind\n1,2,a\n3,4,b\n"
    )
    answer = tab.post("/requests/new", files={"data": ("t.csv", twins.encode())})
    answer = tab.client.get(
        answer.headers["location"], params={"label": "x\N{REPLACEMENT CHARACTER}"}
    )
    assert answer.status_code == 400
    assert "t.csv has several columns that read" in words(answer.text)
