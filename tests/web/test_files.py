# SPDX-License-Identifier: Apache-2.0
"""The page of a request whose rows name files, and folders of very many."""

from __future__ import annotations

from modelmarket.storage.store import Entry
from modelmarket.storage.unixfs import leaf
from modelmarket.web.views import MOST_LISTED, listed
from support.attachments import picture, write_table
from support.market import Place
from support.visits import Tab, words


def test_a_page_tells_of_the_files_and_names_the_tables_first(
    here: Place, tab: Tab
) -> None:
    path = write_table(here.folder / "a", lambda n, _: picture(n), ".png")
    request = tab.workspace.market.create_request(
        path,
        label="kind",
        reward="10",
        files="file",
        files_in=path.parent / "in",
        accept_findings=True,
    )
    page = tab.get(f"/requests/{request.id}").text
    assert str(request.manifest().files) in words(page)
    assert page.count(">files/") < MOST_LISTED
    assert "and 56 more files: modelmarket dataset fetch 1 FOLDER" in words(page)
    entries = tab.workspace.market.files(request.terms.dataset)
    assert entries is not None
    first = next(one for one in entries if one.path.startswith("files/"))
    answer = tab.get(f"/files/{request.terms.dataset}/{first.path}")
    assert answer.content in {picture(n) for n in range(100)}
    # The list of requests tells sizes without looking into any folder.
    size = tab.workspace.market.size(request.terms.dataset)
    assert size == sum(one.size for one in entries)


def test_of_many_files_the_outermost_are_listed() -> None:
    cid = leaf(b"").cid
    entries = [Entry(f"a/{n}", cid, 1) for n in range(MOST_LISTED)]
    entries.append(Entry("z.csv", cid, 1))
    found = listed(entries)
    assert len(found) == MOST_LISTED
    assert found[0].path == "z.csv"
    assert [one.path for one in found[1:]] == [f"a/{n}" for n in range(MOST_LISTED - 1)]
