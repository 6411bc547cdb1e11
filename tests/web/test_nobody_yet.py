# SPDX-License-Identifier: Apache-2.0
"""Whoever has no account yet loses nothing of what was chosen in a form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelmarket.protocol.actions import Submit, SubmitModel
from modelmarket.web.visits import ACCOUNT_COOKIE, HERE
from modelmarket.web.workspace import Workspace
from support.contests import contest, tree_of
from support.market import Place
from support.visits import Tab, visiting, words


def as_nobody(tab: Tab) -> None:
    tab.client.cookies.delete(ACCOUNT_COOKIE)


def as_somebody(tab: Tab) -> None:
    tab.become(HERE + tab.workspace.market.wallet.address)


def kept(page: str) -> str:
    [found] = re.findall(r'name="upload" value="(\w+)"', page)
    return str(found)


@pytest.mark.parametrize("kind", ["predictions", "verified"])
def test_files_are_kept_until_there_is_an_account(
    here: Place, tab: Tab, tmp_path: Path, kind: str
) -> None:
    rita = here.markets.get("rita") or here.join("rita")
    if kind == "verified":
        found = contest(here, rita)
        theirs = tab.workspace.market.request(str(found.id))
        theirs.convert(tree_of(theirs, 3)).save(tmp_path / "tree.exact")
        data = (tmp_path / "tree.exact").read_bytes()
        path, files = f"/requests/{found.id}/submit", {"model": ("tree.exact", data)}
    else:
        request = here.create(rita)
        labels = b"odd\n" * request.terms.labels
        path = f"/requests/{request.id}/submit"
        files = {"model": ("m.bin", b"m"), "predictions": ("p.csv", labels)}
    as_nobody(tab)
    answer = tab.post(path, files=files)
    assert answer.status_code == 400
    said = words(answer.text)
    for name, _ in files.values():
        assert name in said
    # A reload of what was refused asks for the form anew, and finds them.
    again = f"{path}?upload={kept(answer.text)}"
    assert f'data-again="{again}"' in answer.text
    reloaded = tab.get(again)
    assert reloaded.status_code == 200
    assert kept(reloaded.text) == kept(answer.text)
    for name, _ in files.values():
        assert f"{name} is here" in words(reloaded.text)
    assert "is here" not in words(tab.get(f"{path}?upload={'0' * 32}").text)
    as_somebody(tab)
    answer = tab.post(path, upload=kept(answer.text), name="mine")
    assert answer.status_code == 303, words(answer.text)
    entry = tab.workspace.actions.get(int(answer.headers["location"].split("/")[-1]))
    assert isinstance(entry.action, Submit | SubmitModel)
    assert entry.action.name == "mine"


def test_a_demo_begins_with_the_key_of_this_computer_until_another_is_chosen(
    here: Place,
) -> None:
    """Nobody else can be meant there; elsewhere whose computer it is is told to nobody
    who only looks.
    """
    market = here.join("of a demo")
    mine = market.wallet.address
    for is_demo in (True, False):
        with visiting(Workspace(market, is_demo=is_demo)) as tab:
            as_nobody(tab)
            assert (f'data-account="{mine}"' in tab.get("/").text) == is_demo
            answer = tab.post("/actions", kind="claim_airdrop")
            assert answer.is_redirect == is_demo
            tab.post("/account", account="")
            assert 'data-account=""' in tab.get("/").text
            other = "0x" + "77" * 20
            tab.post("/account", account=other)
            assert f'data-account="{other}"' in tab.get("/").text
