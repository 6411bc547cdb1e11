# SPDX-License-Identifier: Apache-2.0
"""The page of a request whose rows name files, and folders of very many."""

from __future__ import annotations

import getpass
import random
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from modelmarket.chain.networks import LOCAL, Networks
from modelmarket.chain.wallets import Keystores, Wallet
from modelmarket.errors import InputError
from modelmarket.market import Market, Request
from modelmarket.protocol.types import RequestId
from modelmarket.storage.store import Entry
from modelmarket.storage.unixfs import leaf
from modelmarket.web import stored
from modelmarket.web.views import MOST_LISTED, listed, short
from modelmarket.web.visits import HERE
from modelmarket.web.workspace import Workspace
from support.attachments import article, picture, write_table
from support.market import PASSPHRASE, Place
from support.visits import Tab, visiting, words


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


def shown(tab: Tab, number: RequestId) -> str:
    """The lines of Python that a request's page shows, and its button copies."""
    page = tab.get(f"/requests/{number}/submit").text
    [code] = re.findall(r"<code>(from .*?)</code></pre>", page, re.DOTALL)
    [copied] = re.findall(r'data-copy="(from .*?)"', page, re.DOTALL)
    assert unescape(copied) == unescape(code)
    return unescape(code)


@pytest.fixture
def asked(here: Place, tab: Tab, monkeypatch: pytest.MonkeyPatch) -> Tab:
    """Whoever looks at the page, in a notebook that asks for the passphrase."""
    market = tab.workspace.market
    Networks(market.home.networks).put(here.network)
    keystores = Keystores(market.home.keystores)
    if not keystores.addresses():
        keystores.add(market.wallet, PASSPHRASE)
    monkeypatch.setattr(getpass, "getpass", lambda *_: PASSPHRASE)
    return tab


def entered(tab: Tab, number: RequestId) -> int:
    """How many have entered a request."""
    return len(tab.workspace.market.any_request(number).record.submissions)


@pytest.mark.parametrize("bins", [{}, {"bins": 4}], ids=["classes", "bins"])
def test_the_lines_for_texts_are_run_as_they_are_shown(
    asked: Tab, tmp_path: Path, bins: dict[str, int]
) -> None:
    path = write_table(tmp_path / "a", article, ".txt")
    if bins:
        table = pl.read_csv(path)
        table.with_columns(kind=pl.arange(len(table)) * 1.5).write_csv(path)
    request = made(asked, path, **bins)
    code = shown(asked, request.id)
    assert f"request = market.request({request.id})" in code.split("\n")
    assert code.split("\n")[-1] == "request.submit(model)"
    exec(code, {})  # what our own page shows
    assert entered(asked, request.id) == 1


@pytest.mark.parametrize("labels", ["classes", "numbers"])
@pytest.mark.parametrize("is_verified", [True, False], ids=["verified", "predictions"])
def test_the_lines_for_tables_are_run_as_they_are_shown(
    asked: Tab, labels: str, *, is_verified: bool
) -> None:
    chance = random.Random(f"{labels} {is_verified}")
    rows = [(chance.random(), chance.random()) for _ in range(150)]
    said = [10 * x if labels == "numbers" else "ab"[x > y] for x, y in rows]
    x, y = zip(*rows, strict=True)
    frame = pl.DataFrame({"x": x, "y": y, "kind": said})
    market = asked.workspace.market
    make: Any = market.create_contest if is_verified else market.create_request
    options: dict[str, object] = {}
    if labels == "numbers":
        options = {"error": "absolute"} if is_verified else {"bins": 4}
    options |= {"accept_findings": True, "again": True, "reward": "10"}
    request = make(frame, label="kind", **options)
    exec(shown(asked, request.id), {})  # what our own page shows
    assert entered(asked, request.id) == 1


COLUMNS: dict[str, Callable[[int], object]] = {
    "number": lambda n: n / 3,
    "gaps": lambda n: None if n % 7 == 3 else n,
    "text": lambda n: ("red", "größe", 'a "b"')[n % 3],
    "text with gaps": lambda n: (None, "yes", "no", "")[n % 4],
    "flag": lambda n: str(n % 2 == 0).lower(),
    "flag with gaps": lambda n: (None, "true", "false")[n % 3],
    "day": lambda n: f"2024-{n % 12 + 1:02}-{n % 28 + 1:02}",
    "second": lambda n: f"2024-03-{n % 28 + 1:02}T12:00:{n % 60:02}Z",
    "nothing": lambda _: None,
    # It is all numbers in one part, as the others have digits alone.
    "a word in the last row": lambda n: "unknown" if n == 119 else n,
}
"""Of tables that are more than numbers: what stands in each row."""


@pytest.mark.parametrize(
    ("column", "bins"),
    [
        *((one, {}) for one in (*COLUMNS, "all")),
        ("gaps", {"bins": 4}),
        ("all", {"bins": 4}),
    ],
)
def test_the_lines_run_for_tables_with_words_dates_flags_and_gaps(
    asked: Tab, column: str, bins: dict[str, int]
) -> None:
    names = COLUMNS if column == "all" else (column,)
    frame = pl.DataFrame(
        {
            "order": range(120),
            **{one: [COLUMNS[one](n) for n in range(120)] for one in names},
            "kind": [n % 3 * 1.5 if bins else "abc"[n % 3] for n in range(120)],
        },
        strict=False,
    )
    options: dict[str, Any] = {"accept_findings": True, "again": True, **bins}
    request = asked.workspace.market.create_request(
        frame, label="kind", reward="10", time="order", **options
    )
    code = shown(asked, request.id)
    is_short = column in ("number", "gaps")
    assert ("fit(*request.training_data())" in code) == is_short
    exec(code, {})  # what our own page shows
    assert entered(asked, request.id) == 1


def test_the_lines_for_a_file_are_run_as_they_are_shown_for_words(
    asked: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pl.DataFrame(
        {"word": ["up", "down"] * 40, "n": range(80), "kind": ["a", "b"] * 40}
    )
    request = asked.workspace.market.create_request(
        frame, label="kind", reward="10", accept_findings=True, again=True
    )
    page = asked.get(f"/requests/{request.id}/submit").text
    [saves] = re.findall(r"replace the last one by <code>(.*?)</code>", page)
    *others, _ = shown(asked, request.id).split("\n")
    names: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    exec("\n".join([*others, unescape(saves)]), names)  # what our own page shows
    sent = {"model": ("model.onnx", Path("model.onnx").read_bytes())}
    answer = asked.post(f"/requests/{request.id}/submit", files=sent)
    assert answer.status_code == 303, answer.text


def test_of_tables_that_are_large_or_not_here_the_lines_take_any_column(
    asked: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pl.DataFrame({"x": range(50), "kind": ["a", "b"] * 25})
    market = asked.workspace.market
    for name, most in (("MOST_SHOWN_BYTES", 100), ("MOST_READ_COLUMNS", 1)):
        request = market.create_request(
            frame, label="kind", reward="10", accept_findings=True, again=True
        )
        stored._shelf._known.clear()
        with monkeypatch.context() as patched:
            patched.setattr(stored, name, most)
            code = shown(asked, request.id)
        assert "selectors.string()" in code, name
        exec(code, {})  # what our own page shows
        assert entered(asked, request.id) == 1


def test_the_lines_name_the_key_where_this_computer_has_several(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = here.join("of two keys")
    request = here.create(market)
    Networks(market.home.networks).put(here.network)
    keystores = Keystores(market.home.keystores)
    keystores.add(market.wallet, PASSPHRASE)
    monkeypatch.setattr(getpass, "getpass", lambda *_: PASSPHRASE)
    second = Wallet.from_key(f"0x{7:064x}")
    with visiting(Workspace(market)) as tab:
        assert "account=" not in shown(tab, request.id)
    keystores.add(second, PASSPHRASE)
    with visiting(Workspace(market)) as tab:
        for key in (market.wallet, second):
            tab.become(HERE + key.address)
            names: dict[str, Any] = {}
            *others, _, _ = shown(tab, request.id).split("\n")
            exec("\n".join(others), names)  # what our own page shows
            assert names["market"].account == key.address
        # A wallet in the browser has no key here: the page's own enters, and it is told.
        page = f"/requests/{request.id}/submit"
        told = "They enter as this computer’s key"
        assert told not in words(tab.get(page).text)
        tab.become(f"0x{'11' * 20}")
        assert f'account="{market.wallet.address}"' in shown(tab, request.id)
        assert f"{told}, {short(market.wallet.address)}" in words(tab.get(page).text)
        # Of whoever only looks nothing is said.
        tab.become("")
        assert "account=" not in shown(tab, request.id)
        assert told not in words(tab.get(page).text)


def test_the_lines_name_the_network_whatever_is_in_the_environment(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = here.join("of the local network")
    request = here.create(before)
    local = replace(here.network, name=LOCAL)
    market = Market(before.home, local, wallet=before.wallet, vault=before.vault)
    for name, network in (("elsewhere", here.network), (LOCAL, local)):
        Networks(market.home.networks).put(replace(network, name=name))
    Keystores(market.home.keystores).add(market.wallet, PASSPHRASE)
    monkeypatch.setattr(getpass, "getpass", lambda *_: PASSPHRASE)
    monkeypatch.setenv("MODELMARKET_HOME", str(market.home.path))
    with visiting(Workspace(market)) as tab:
        code = shown(tab, request.id)
    # So they are run in another terminal, too.
    monkeypatch.delenv("MODELMARKET_HOME")
    monkeypatch.setenv("MODELMARKET_NETWORK", "elsewhere")
    names: dict[str, Any] = {}
    exec(code, names)  # what our own page shows
    assert names["market"].network.name == LOCAL
    assert names["market"].home == market.home


def test_the_lines_for_pictures_lead_to_the_files(
    asked: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_table(tmp_path / "a", lambda n, _: picture(n), ".png")
    request = made(asked, path)
    *others, last = shown(asked, request.id).split("\n")
    assert last == 'request.submit("model.zip", predictions)'
    names: dict[str, Any] = {}
    exec("\n".join(others), names)  # what our own page shows
    assert all(Path(one).is_file() for one in names["paths"])
    # What the model says is for its author to put in: nothing is staked without.
    monkeypatch.chdir(tmp_path)
    Path("model.zip").write_bytes(b"a model")
    with pytest.raises(InputError):
        exec(last, names)
    assert entered(asked, request.id) == 0


def test_of_many_files_the_outermost_are_listed() -> None:
    cid = leaf(b"").cid
    entries = [Entry(f"a/{n}", cid, 1) for n in range(MOST_LISTED)]
    entries.append(Entry("z.csv", cid, 1))
    found = listed(entries)
    assert len(found) == MOST_LISTED
    assert found[0].path == "z.csv"
    assert [one.path for one in found[1:]] == [f"a/{n}" for n in range(MOST_LISTED - 1)]
