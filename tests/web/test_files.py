# SPDX-License-Identifier: Apache-2.0
"""The page of a request whose rows name files, and folders of very many."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from modelmarket.market import Request
from modelmarket.storage.store import Entry
from modelmarket.storage.unixfs import leaf
from modelmarket.web import stored
from modelmarket.web.views import MOST_LISTED, listed
from support.attachments import article, picture, write_table
from support.market import Place
from support.visits import Tab, words


def test_a_page_tells_of_the_files_and_names_the_tables_first(
    tab: Tab, tmp_path: Path
) -> None:
    path = write_table(tmp_path / "a", lambda n, _: picture(n), ".png")
    request = made(tab, path)
    page = tab.get(f"/requests/{request.id}/data").text
    assert str(request.manifest().files) in words(page)
    assert page.count(">files/") < MOST_LISTED
    assert f"and 56 more files: modelmarket dataset fetch {request.id} FOLDER" in words(
        page
    )
    entries = tab.workspace.market.files(request.terms.dataset)
    assert entries is not None
    first = next(one for one in entries if one.path.startswith("files/"))
    answer = tab.get(f"/files/{request.terms.dataset}/{first.path}")
    assert answer.content in {picture(n) for n in range(100)}
    # The list of requests tells sizes without looking into any folder.
    size = tab.workspace.market.size(request.terms.dataset)
    assert size == sum(one.size for one in entries)


def test_of_a_long_card_the_beginning_is_shown_and_rendered_once(
    here: Place, tab: Tab
) -> None:
    market = tab.workspace.market
    lines = "words of a card\n\n" * 40_000
    long = here.create(market, description=f"It begins.\n\n{lines}", name="long")
    short = here.create(market, description="It ends.", name="short")
    pages = {one: tab.get(f"/requests/{one.id}/data").text for one in (long, short)}
    assert "It begins." in words(pages[long])
    assert len(pages[long]) < 4 * stored.MOST_CARD_BYTES
    assert "The rest is in README.md" in words(pages[long])
    assert "It ends." in words(pages[short])
    assert "The rest is in README.md" not in words(pages[short])
    card = stored.card(long)
    assert card is not None
    assert card.is_cut
    assert card.shown.endswith("<p>words of a card</p>\n"), "it is cut between lines"
    assert stored.card(long) is card


def made(tab: Tab, path: Path, **options: Any) -> Request:
    """A request of whoever looks at the page."""
    return tab.workspace.market.create_request(
        path,
        label="kind",
        reward="10",
        files="file",
        files_in=path.parent / "in",
        accept_findings=True,
        again=True,
        **options,
    )


def shown(tab: Tab, request: Request) -> list[str]:
    """The lines of Python that the request's page shows."""
    [code] = re.findall(
        r"<code>(request = .*?)</code></pre>",
        tab.get(f"/requests/{request.id}/submit").text,
        re.DOTALL,
    )
    return unescape(code).split("\n")


@pytest.mark.parametrize("bins", [{}, {"bins": 4}], ids=["classes", "bins"])
def test_the_lines_for_texts_are_run_as_they_are_shown(
    here: Place, tab: Tab, tmp_path: Path, bins: dict[str, int]
) -> None:
    path = write_table(tmp_path / "a", article, ".txt")
    if bins:
        table = pl.read_csv(path)
        table.with_columns(kind=pl.arange(len(table)) * 1.5).write_csv(path)
    ann = here.markets.get("ann") or here.join("ann")
    request = made(tab, path, **bins)
    first, *others, last = shown(tab, request)
    assert first == f'request = Market.connect("test").request({request.id})'
    assert last == "request.submit(model)"
    names: dict[str, object] = {
        "request": ann.request(request.id),
        "make_column_transformer": make_column_transformer,
        "make_pipeline": make_pipeline,
        "TfidfVectorizer": TfidfVectorizer,
        "LogisticRegression": LogisticRegression,
        "Ridge": Ridge,
    }
    exec("\n".join([*others, last]), names)  # what our own page shows
    assert len(ann.request(request.id).submissions()) == 1


def test_the_lines_for_pictures_lead_to_the_files(tab: Tab, tmp_path: Path) -> None:
    path = write_table(tmp_path / "a", lambda n, _: picture(n), ".png")
    request = made(tab, path)
    _, *others, last = shown(tab, request)
    assert last == 'request.submit("model.zip", predictions)'
    names: dict[str, Any] = {"request": request}
    exec("\n".join(others), names)  # what our own page shows
    assert all(Path(one).is_file() for one in names["paths"])


def test_of_many_files_the_outermost_are_listed() -> None:
    cid = leaf(b"").cid
    entries = [Entry(f"a/{n}", cid, 1) for n in range(MOST_LISTED)]
    entries.append(Entry("z.csv", cid, 1))
    found = listed(entries)
    assert len(found) == MOST_LISTED
    assert found[0].path == "z.csv"
    assert [one.path for one in found[1:]] == [f"a/{n}" for n in range(MOST_LISTED - 1)]
