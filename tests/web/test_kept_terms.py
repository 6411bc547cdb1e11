# SPDX-License-Identifier: Apache-2.0
"""What was typed beside a table: kept while its file is away, and no longer than that."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from modelmarket.web.uploads import IDLE_S, MOST_TYPED, Upload, Uploads
from modelmarket.web.workspace import Workspace
from support.market import Place
from support.visits import Tab, at_once, visiting, words

TERMS = {
    "label": "kind",
    "name": "of my own",
    "reward": "10",
    "minutes": "60",
    "response": "15",
    "fraction": "20%",
    "threshold": "",
}
NUMBERED = [n * 1.37 + n * n for n in range(60)]
TABLES = {
    "classes": "n,kind\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(60)),
    "numbers": "n,kind\n" + "".join(f"{n},{one}\n" for n, one in enumerate(NUMBERED)),
}
KINDS = ["requests", "contests"]


def chosen(tab: Tab, noun: str, table: str = "classes", **data: str) -> str:
    """The address of the terms of a table that was sent."""
    files = {"data": ("n.csv", TABLES[table].encode())}
    kind = {"kind": "predictions"} if noun == "requests" else {}
    answer = tab.post("/requests/new", files=files, data=kind | data)
    assert answer.status_code == 303, answer.text
    where = answer.headers["location"]
    assert where.startswith(f"/{noun}/new/")
    return where


def known(tab: Tab, where: str) -> Upload:
    """The upload that an address of terms names, whether its files are here or not."""
    found = tab.workspace.uploads.given(where.rpartition("/")[2])
    assert found is not None
    return found


def hour_later(tab: Tab) -> None:
    """What nobody has used for an hour goes."""
    tab.workspace.uploads.forget_idle(time.monotonic() + IDLE_S + 60)


# --- they go with what was made of them ---


@pytest.mark.parametrize("how", ["discard", "confirm"])
@pytest.mark.parametrize("is_here", [True, False], ids=["here", "gone"])
def test_terms_go_with_what_was_sealed_of_them_whether_their_file_is_here_or_not(
    tab: Tab, how: str, *, is_here: bool
) -> None:
    where = chosen(tab, "requests")
    sure = {"again": "yes", "accept_findings": "yes"}
    action = tab.post(where, **TERMS, **sure).headers["location"]
    uploads, upload = tab.workspace.uploads, known(tab, where)
    assert uploads.typed(upload)["name"] == "of my own"
    if not is_here:
        hour_later(tab)
        assert not uploads.has(upload.name)
        assert uploads.typed(upload), "they may be chosen again"
    tab.post(f"{action}/{how}")
    assert not uploads.has(upload.name)
    assert uploads.typed(upload) == {}


@pytest.mark.parametrize("noun", KINDS)
def test_terms_whose_file_has_gone_can_be_discarded(tab: Tab, noun: str) -> None:
    where = chosen(tab, noun)
    tab.post(where, **TERMS, look="yes")
    hour_later(tab)
    uploads, upload = tab.workspace.uploads, known(tab, where)
    assert uploads.typed(upload)
    answer = tab.post(where, discard="yes")
    assert answer.headers["location"] == "/requests/new"
    assert uploads.typed(upload) == {}
    assert "of my own" not in tab.get(chosen(tab, noun, upload=upload.name)).text


def test_terms_that_were_sealed_and_whose_file_has_gone_lead_to_what_was_sealed(
    tab: Tab,
) -> None:
    where = chosen(tab, "requests")
    sure = {"again": "yes", "accept_findings": "yes"}
    action = tab.post(where, **TERMS, **sure).headers["location"]
    hour_later(tab)
    assert tab.post(where, discard="yes").headers["location"] == action
    assert tab.workspace.uploads.typed(known(tab, where)) == {}


# --- nothing but one's own is kept ---


def test_looking_at_any_addresses_lets_no_terms_be_forgotten(tab: Tab) -> None:
    where = chosen(tab, "requests")
    tab.post(where, **TERMS, look="yes")
    uploads, upload = tab.workspace.uploads, known(tab, where)
    for noun in KINDS:
        for n in range(MOST_TYPED):
            tab.get(f"/{noun}/new/{n:032x}?label=x")
    # Nor do those that are the server's own, while nothing was typed beside them.
    empty = [uploads.reserve() for _ in range(MOST_TYPED + 1)]
    for one in empty:
        tab.get(f"/requests/new/{one.name}?label=x")
    assert uploads.typed(upload)["name"] == "of my own"
    assert uploads.typed(empty[-1]) == {}
    # While there is room they keep what was chosen in the address.
    hour_later(tab)
    tab.get(f"{where}?label=n")
    assert uploads.typed(upload)["label"] == "n"
    assert uploads.typed(upload)["name"] == "of my own"
    uploads.discard(upload)


@pytest.mark.parametrize("noun", KINDS)
def test_terms_that_are_sent_after_the_server_has_begun_anew_wait_for_their_file(
    here: Place, noun: str
) -> None:
    market = here.join(f"begins anew with {noun}")
    with visiting(Workspace(market)) as tab:
        where = chosen(tab, noun)
    with visiting(Workspace(market)) as tab:
        gone = tab.post(where, **TERMS)
        assert gone.status_code == 404
        assert "what you typed is filled in then" in gone.text
        [name] = re.findall(r'name="upload" value="(\w+)"', gone.text)
        page = tab.get(chosen(tab, noun, upload=name)).text
        assert 'value="of my own"' in page


# --- beside another table ---


@pytest.mark.parametrize("noun", KINDS)
@pytest.mark.parametrize(
    ("first", "then"), [("numbers", "classes"), ("classes", "numbers")]
)
def test_what_is_predicted_is_guessed_anew_where_another_table_has_nothing_such(
    tab: Tab, noun: str, first: str, then: str
) -> None:
    where = chosen(tab, noun, first)
    typed = TERMS | {"predicted": first}
    again = tab.post(where, **typed, another="yes").headers["location"]
    where = chosen(tab, noun, then, upload=again.rpartition("=")[2])
    answer = tab.get(where)
    assert answer.status_code == 200, answer.text
    assert f'name="predicted" value="{then}"' in answer.text
    assert 'value="of my own"' in answer.text
    # Whoever asks for it all the same is told why that cannot be.
    assert tab.get(f"{where}?predicted={first}").status_code == 400


def test_what_is_predicted_stays_where_another_table_has_such_labels(tab: Tab) -> None:
    for one in TABLES:
        where = chosen(tab, "requests", one)
        typed = TERMS | {"predicted": one}
        again = tab.post(where, **typed, another="yes").headers["location"]
        where = chosen(tab, "requests", one, upload=again.rpartition("=")[2])
        assert f'name="predicted" value="{one}"' in tab.get(where).text


# --- in two tabs ---


@pytest.mark.parametrize("noun", KINDS)
def test_what_was_not_looked_at_is_not_sealed(tab: Tab, noun: str) -> None:
    """Another tab has chosen another table for the same terms meanwhile."""
    where = chosen(tab, noun)
    [shown] = re.findall(r'name="as_shown" value="([\d-]+)"', tab.get(where).text)
    typed = TERMS | {"predicted": "classes", "group": "n", "as_shown": shown}
    other = {"data": ("m.csv", TABLES["classes"].replace("n,", "m,").encode())}
    upload = where.rpartition("/")[2]
    tab.post("/requests/new", files=other, data={"upload": upload, "kind": noun})
    before = tab.workspace.actions.count()
    for button in ({}, {"look": "yes"}):
        answer = tab.post(where, **typed, **button)
        assert answer.status_code == 400
        page = words(answer.text)
        assert "Other files were chosen here in another tab." in page
        assert "m.csv" in page
        # What fits to the other table stays.
        assert 'value="of my own"' in answer.text
        assert re.search(r'name="group"[^>]* value=""', answer.text)
    assert tab.workspace.actions.count() == before
    [now] = re.findall(r'name="as_shown" value="([\d-]+)"', answer.text)
    assert tab.get(where).text.count(f'value="{now}"') == 1
    typed |= {"as_shown": now, "group": "", "accept_findings": "yes", "again": "yes"}
    typed |= {"width": "8"}
    answer = tab.post(where, **typed)
    assert answer.status_code == 303, words(answer.text)


@pytest.mark.parametrize("noun", KINDS)
@pytest.mark.parametrize("button", ["another", "discard"])
def test_a_file_that_was_taken_away_is_not_said_to_be_old(
    tab: Tab, noun: str, button: str
) -> None:
    where = chosen(tab, noun)
    tab.post(where, **TERMS, **{button: "yes"})
    for answer in (tab.get(where), tab.post(where, **TERMS)):
        assert answer.status_code == 404
        assert "The file of these terms was taken away." in words(answer.text)
        assert "an hour" not in words(answer.text)
    # The labels alone do not bring it back.
    upload = where.rpartition("/")[2]
    labels = {"labels": ("l.csv", b"kind\na\n")}
    sent = {"upload": upload, "kind": noun, "keep": "yes"}
    tab.post("/requests/new", files=labels, data=sent)
    assert "The file of these terms was taken away." in words(tab.get(where).text)
    # What is chosen then goes with time, as any other.
    tab.post("/requests/new", data=sent | {"without_labels": "yes"})
    chosen(tab, noun, upload=where.rpartition("/")[2])
    hour_later(tab)
    assert "kept for an hour" in words(tab.get(where).text)


# --- at the same moment ---


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads take turns all the time."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hurried")
def test_what_is_typed_at_the_same_moment_is_kept_and_nothing_fails(
    tmp_path: Path,
) -> None:
    uploads = Uploads(tmp_path / "uploads")

    def type_beside(made: list[Upload]) -> None:
        for one in made * 100:
            uploads.remember(one, {"name": one.name})

    def tend() -> None:
        for _ in range(100):
            one = uploads.begin()
            uploads.remember(one, {"name": one.name})
            uploads.forget_idle()
            uploads.discard_named(one.name)

    typing = (
        partial(type_beside, [uploads.reserve() for _ in range(200)]) for _ in "ab"
    )
    at_once(*typing, tend)
    assert len(uploads._typed) <= MOST_TYPED
    last = uploads.reserve()
    uploads.remember(last, {"name": "last"})
    assert uploads.typed(last) == {"name": "last"}


def test_what_is_used_in_the_moment_in_which_it_would_go_stays(tmp_path: Path) -> None:
    uploads, later = Uploads(tmp_path / "uploads"), time.monotonic() + IDLE_S + 60
    upload, other = uploads.begin(), uploads.begin()

    class JustUsed:
        """Free once somebody else has used the upload."""

        def acquire(self, *, blocking: bool) -> bool:
            uploads._used[upload.name] = later
            return not blocking

        def release(self) -> None:
            pass

    uploads._locks[upload.name] = JustUsed()  # type: ignore[assignment]  # as one is used
    uploads.forget_idle(later)
    assert uploads.has(upload.name)
    assert not uploads.has(other.name)


def test_tabs_that_choose_a_file_again_at_the_same_moment_all_have_the_terms(
    tab: Tab,
) -> None:
    for _ in range(5):
        where = chosen(tab, "requests")
        tab.post(where, **TERMS, look="yes")
        hour_later(tab)
        choose = partial(chosen, tab, "requests", upload=known(tab, where).name)
        found = at_once(*[choose] * 4)
        assert set(found) == {where}
        assert 'value="of my own"' in tab.get(where).text


# --- whatever it is ---


@pytest.mark.parametrize("noun", KINDS)
def test_half_a_sign_that_json_can_have_is_shown_as_one_that_is_none(
    tab: Tab, noun: str
) -> None:
    where = chosen(tab, noun)
    sent = {"Content-Type": "application/json"}
    for field in ("name", "context", "label", "shown_for", "upload", "look"):
        body = f'{{"label": "kind", "{field}": "x\\ud800", "a\\udfff": ["\\ud800"]}}'
        answer = tab.post(where, content=body.encode(), headers=sent)
        assert answer.status_code == 400, answer.text
        assert tab.get(f"{where}?label=kind").status_code == 200
    body = '{"label": "kind", "name": "x\\ud800", "look": "yes"}'
    tab.post(where, content=body.encode(), headers=sent)
    assert 'value="x\N{REPLACEMENT CHARACTER}"' in tab.get(where).text
