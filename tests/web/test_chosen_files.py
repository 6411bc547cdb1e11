# SPDX-License-Identifier: Apache-2.0
"""A file is kept from the moment that it is chosen, and nothing else is done then."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import Any

import httpx
import pytest

from modelmarket.web.uploads import IDLE_S
from support.attachments import zipped
from support.market import Place
from support.visits import Tab, words

KEEP = {"keep": "yes", "kind": "predictions"}
TABLE = b"n,kind\n" + b"".join(b"%d,%c\n" % (n, b"ab"[n % 2]) for n in range(40))
LABELS = b"kind\n" + b"a\nb\n" * 20
PREDICTED = b"label\n" + b"odd\n" * 20
"""As many as there are test rows."""
WAYS = "Choose a corrected file, or leave it out."


def kept(answer: httpx.Response) -> str:
    """The upload that a form goes on with."""
    [name] = re.findall(r'name="upload" value="([0-9a-f]{32})"', answer.text)
    return str(name)


def files(tab: Tab, upload: str) -> dict[str, str]:
    """What is kept, by field."""
    with tab.workspace.uploads.using(upload) as kept:
        return {one.parent.name: one.name for one in kept.folder.glob("*/*")}


def keep(tab: Tab, where: str = "/requests/new", **sent: Any) -> httpx.Response:
    """Sends files as the page's script does when they are chosen."""
    data = {name: said for name, said in sent.items() if isinstance(said, str)}
    chosen = {name: one for name, one in sent.items() if name not in data}
    return tab.post(where, data=KEEP | data, files=chosen)


def alert(answer: httpx.Response) -> str:
    """The problem that a page tells; empty for none."""
    found = re.search(r'role="alert"[^>]*>(.*?)</div>', answer.text, re.DOTALL)
    return words(found[1]) if found else ""


def beside(answer: httpx.Response) -> str:
    """The field that a problem stands beside."""
    [invalid] = re.findall(r'name="(\w+)" aria-invalid="true"', answer.text)
    return str(invalid)


def test_what_was_chosen_for_a_new_request_is_kept_and_nothing_is_asked_for_yet(
    tab: Tab,
) -> None:
    """In any order: the labels may be chosen first."""
    answer = keep(tab, labels=("l.csv", LABELS))
    assert (answer.status_code, alert(answer)) == (200, "")
    upload = kept(answer)
    answer = keep(tab, upload=upload, data=("n.csv", TABLE))
    assert kept(answer) == upload
    assert files(tab, upload) == {"data": "n.csv", "labels": "l.csv"}
    for page in (answer, tab.get(f"/requests/new?upload={upload}")):
        for name in ("n.csv", "l.csv"):
            assert f"{name} is here" in words(page.text)
    answer = tab.post("/requests/new", upload=upload, kind="predictions")
    assert answer.headers["location"] == f"/requests/new/{upload}"


@pytest.mark.parametrize("kind", ["predictions", "verified"])
def test_labels_that_do_not_fit_are_changed_while_the_table_stays(
    tab: Tab, kind: str
) -> None:
    short = ("l.csv", LABELS[:-4])
    answer = keep(tab, kind=kind, data=("n.csv", TABLE), labels=short)
    upload = kept(answer)
    answer = tab.post("/requests/new", upload=upload, kind=kind)
    page = tab.get(answer.headers["location"])
    assert "n.csv has 40 rows, but l.csv has 38 labels." in words(page.text)
    [way] = re.findall(r'href="([^"]*)">Change the table or the labels', page.text)
    page = tab.get(unescape(way))
    assert f'value="{kind}" checked' in page.text
    for name in ("n.csv", "l.csv"):
        assert f"{name} is here" in words(page.text)
    keep(tab, kind=kind, upload=upload, labels=("m.csv", LABELS))
    answer = tab.post("/requests/new", upload=upload, kind=kind)
    page = tab.get(answer.headers["location"])
    assert page.status_code == 200
    assert "Change the table or the labels" not in page.text


def test_another_file_takes_the_place_of_the_one_that_was_kept(tab: Tab) -> None:
    upload = kept(keep(tab, data=("n.csv", TABLE)))
    keep(tab, upload=upload, data=("m.csv", TABLE))
    assert files(tab, upload) == {"data": "m.csv"}


def test_what_is_no_table_is_refused_when_it_is_chosen(tab: Tab) -> None:
    answer = keep(tab, data=("n.csv", b""))
    assert answer.status_code == 400
    assert alert(answer).startswith("n.csv")
    assert beside(answer) == "data"


def reasons(answer: httpx.Response) -> dict[str, str]:
    """Why files were refused, by field, as a form says."""
    found = re.findall(r'name="refused_(\w+)" value="([^"]+)"', answer.text)
    return {field: unescape(why) for field, why in found}


def said_of(answer: httpx.Response) -> dict[str, str]:
    """The same, as it is sent."""
    return {f"refused_{field}": why for field, why in reasons(answer).items()}


@pytest.mark.parametrize("field", ["data", "labels", "files"])
def test_what_was_there_before_stays_where_another_file_is_refused(
    tab: Tab, field: str
) -> None:
    """Whoever goes on with it says so: it is not the one that was chosen last."""
    good: dict[str, Any] = {
        "data": ("n.csv", TABLE),
        "labels": ("l.csv", LABELS),
        "files": ("p.zip", zipped({"a.png": b"a"})),
    }
    upload = kept(keep(tab, **good))
    before = files(tab, upload)
    wrong: dict[str, Any] = {field: ("odd.csv", b"")}
    answer = keep(tab, upload=upload, **wrong)
    assert alert(answer).startswith("odd.csv")
    assert files(tab, upload) == before
    for page in (answer, tab.get(f"/requests/new?upload={upload}")):
        for name, _ in good.values():
            assert f"{name} is here" in words(page.text)
        assert "was refused" not in words(page.text)
        assert reasons(page).keys() == {field}
    goes_on = {"upload": upload, "kind": "predictions"} | said_of(answer)
    refused = tab.post("/requests/new", **goes_on)
    assert beside(refused) == field
    assert alert(refused).startswith("odd.csv")
    ways = f"Choose a corrected file, or go on with {good[field][0]}"
    assert ways in alert(refused)
    assert ("leave it out" in alert(refused)) is (field != "data")
    goes_on |= {f"without_new_{field}": "yes"}
    answer = tab.post("/requests/new", **goes_on)
    assert answer.headers["location"] == f"/requests/new/{upload}"


@pytest.mark.parametrize("optional", ["labels", "files"])
def test_a_refused_file_is_not_left_out_before_somebody_says_so(
    tab: Tab, optional: str
) -> None:
    """Else whoever goes on quickly would go on without it."""
    upload = kept(keep(tab, data=("n.csv", TABLE)))
    odd: dict[str, Any] = {optional: ("odd.zip", b"\x80\0\0")}
    answer = keep(tab, upload=upload, **odd)
    assert alert(answer).startswith("odd.zip")
    assert reasons(answer).keys() == {optional}
    still: dict[str, Any] = {"upload": upload} | said_of(answer)
    goes_on = {"kind": "predictions"} | still
    answer = tab.post("/requests/new", **goes_on)
    assert answer.status_code == 400
    assert alert(answer).startswith("odd.zip")
    assert alert(answer).endswith(WAYS)
    # Another file that is chosen meanwhile does not make it forgotten.
    answer = keep(tab, data=("m.csv", TABLE), **still)
    assert alert(answer) == ""
    assert reasons(answer).keys() == {optional}
    answer = tab.post("/requests/new", **goes_on, **{f"without_{optional}": "yes"})
    assert answer.headers["location"] == f"/requests/new/{upload}"


def test_a_corrected_file_is_taken_in_place_of_the_refused(tab: Tab) -> None:
    upload = kept(keep(tab, data=("n.csv", TABLE)))
    answer = keep(tab, upload=upload, files=("odd.zip", b"\x80\0\0"))
    whole = ("whole.zip", zipped({"a.png": b"a"}))
    answer = keep(tab, upload=upload, **said_of(answer), files=whole)
    assert (alert(answer), reasons(answer)) == ("", {})
    goes_on = {"upload": upload, "kind": "predictions"}
    assert tab.post("/requests/new", **goes_on).status_code == 303


def test_a_tick_that_leaves_a_file_out_says_nothing_of_one_that_is_chosen_beside_it(
    tab: Tab,
) -> None:
    upload = kept(keep(tab, data=("n.csv", TABLE), labels=("l.csv", LABELS)))
    said = {"upload": upload, "without_labels": "yes"}
    answer = keep(tab, labels=("m.csv", LABELS), **said)
    assert files(tab, upload) == {"data": "n.csv", "labels": "m.csv"}
    assert not re.search(r'name="without_labels"[^>]* checked', answer.text)
    keep(tab, data=("m.csv", TABLE), **said)
    assert files(tab, upload) == {"data": "m.csv"}


@pytest.fixture(scope="module")
def request_page(here: Place, tab: Tab) -> str:
    """Where one submits to a request of the very visitor, whose data are here."""
    return f"/requests/{here.create(tab.workspace.market).id}/submit"


def test_a_model_that_was_chosen_is_kept_before_anything_else_is_asked_for(
    tab: Tab, request_page: str
) -> None:
    """It needs no wallet, no predictions, and no time that is left."""
    where = request_page
    answer = keep(tab, where, name="my frist", model=("m.txt", b"m"))
    assert (answer.status_code, alert(answer)) == (200, "")
    upload = kept(answer)
    assert 'value="my frist"' in tab.get(f"{where}?upload={upload}").text
    answer = keep(tab, where, upload=upload, predictions=("p.csv", PREDICTED))
    assert files(tab, upload) == {"model": "m.txt", "predictions": "p.csv"}
    again = f'data-again="{where}?upload={upload}"'
    for page in (answer, tab.get(f"{where}?upload={upload}")):
        assert again in page.text
        assert "m.txt is here" in words(page.text)
    # An exported model needs no predictions: those that were chosen are left out.
    keep(tab, where, upload=upload, without_predictions="yes", model=("m.txt", b"m"))
    assert files(tab, upload) == {"model": "m.txt"}


GOOD: dict[str, Any] = {
    "model": ("m.txt", b"m"),
    "predictions": ("p.csv", PREDICTED),
    "probabilities": ("s.csv", b"odd,even\n" + b"1,0\n" * 20),
}
BAD = {
    "model": [("odd.txt", b"")],
    "predictions": [
        ("odd.csv", b""),
        ("odd.csv", b"odd\n"),
        ("odd.csv", b"label\n" + b"green\n" * 20),
        ("odd.csv", b"MMX1"),
        ("odd.pkl", b"\x80\x04K\x01."),
        ("odd.onnx", PREDICTED),
    ],
    "probabilities": [("odd.csv", b"odd,even\n" + b"1,1\n" * 20)],
}


@pytest.mark.parametrize(
    ("field", "wrong"), [(field, one) for field, every in BAD.items() for one in every]
)
def test_what_cannot_be_submitted_is_refused_when_it_is_chosen(
    tab: Tab, request_page: str, field: str, wrong: tuple[str, bytes]
) -> None:
    """What was there before stays, and is not sealed in its place unsaid; nor is it
    left out.
    """
    odd: dict[str, Any] = {field: wrong}
    answer = keep(tab, request_page, **odd)
    assert (answer.status_code, beside(answer)) == (400, field)
    why = reasons(answer)[field]
    others = {name: one for name, one in GOOD.items() if name != field}
    for before in (others, GOOD):
        upload = kept(keep(tab, request_page, **before))
        had = files(tab, upload)
        answer = keep(tab, request_page, upload=upload, **odd)
        assert (beside(answer), reasons(answer)) == (field, {field: why})
        assert files(tab, upload) == had
        assert "was refused" not in words(answer.text)
        still = {"upload": upload, f"refused_{field}": why}
        answer = tab.post(request_page, **still)
        assert beside(answer) == field
        assert alert(answer).startswith(words(why).split()[0])
        way = f"without_{field}" if before is others else f"without_new_{field}"
        # A model that is not exported needs its predictions.
        offered = field == "probabilities" or before is GOOD
        assert (f'name="{way}"' in answer.text) is offered
        assert ("leave it out" in alert(answer)) is (field == "probabilities")
        answer = tab.post(request_page, **still, **{way: "yes"})
        assert reasons(answer) == {}


def test_predictions_are_left_out_only_where_the_model_makes_them(
    tab: Tab, request_page: str
) -> None:
    """Beside any other file leaving them out would lead nowhere."""
    wrong = BAD["predictions"]
    for model, may_lack in (
        (None, True),
        (("m.onnx", b"m"), True),
        (("m.pkl", b"m"), False),
    ):
        before = {} if model is None else {"model": model}
        answer = keep(tab, request_page, predictions=GOOD["predictions"], **before)
        assert ("Submit without predictions" in answer.text) is may_lack
        upload = kept(answer)
        answer = keep(tab, request_page, upload=upload, predictions=wrong[0])
        answer = tab.post(request_page, upload=upload, **said_of(answer))
        assert ("leave it out" in alert(answer)) is may_lack


def test_one_bad_file_does_not_lose_the_good_ones_that_come_with_it(
    tab: Tab, request_page: str
) -> None:
    """Without a script all of them come at once."""
    for field, (wrong, *_) in BAD.items():
        odd: dict[str, Any] = {**GOOD, field: wrong}
        answer = tab.post(request_page, files=odd)
        assert beside(answer) == field
        others = {name: one for name, (one, _) in GOOD.items() if name != field}
        assert files(tab, kept(answer)) == others
    odd = {"labels": ("l.csv", LABELS), "data": ("n.csv", b"")}
    answer = tab.post("/requests/new", files=odd, data={"kind": "predictions"})
    assert beside(answer) == "data"
    assert files(tab, kept(answer)) == {"labels": "l.csv"}


@pytest.mark.parametrize("how", ["at once", "one by one"])
def test_of_several_refused_files_none_is_forgotten(
    tab: Tab, request_page: str, how: str
) -> None:
    odd = {name: BAD[name][0] for name in ("predictions", "probabilities")}
    if how == "at once":
        answer = tab.post(request_page, files={**odd, "model": GOOD["model"]})
    else:
        answer = keep(tab, request_page, model=GOOD["model"])
        still = {"upload": kept(answer)}
        for name, file in odd.items():
            answer = keep(tab, request_page, **still, **{name: file})
            still |= said_of(answer)
    upload = kept(answer)
    # A reload of the page does not make them forgotten either.
    for page in (answer, tab.get(f"{request_page}?upload={upload}")):
        assert reasons(page).keys() == odd.keys()
        assert "Submit without probabilities" in page.text
    still = {"upload": upload} | said_of(answer)
    mended: dict[str, Any] = {"predictions": GOOD["predictions"]}
    answer = tab.post(request_page, files=mended, data=still)
    assert beside(answer) == "probabilities"
    assert alert(answer).endswith(WAYS)
    # What was left out or chosen anew is not told of again.
    still = {"upload": upload} | said_of(answer)
    tab.post(request_page, **still, without_probabilities="yes")
    assert reasons(tab.get(f"{request_page}?upload={upload}")) == {}


def test_what_was_refused_of_a_new_request_outlives_a_reload(tab: Tab) -> None:
    odd = {"labels": ("l.csv", b""), "files": ("p.zip", b"PK")}
    whole = {"data": ("n.csv", TABLE), **odd}
    answer = tab.post("/requests/new", files=whole, data={"kind": "predictions"})
    page = tab.get(f"/requests/new?upload={kept(answer)}")
    for one in (answer, page):
        assert reasons(one).keys() == odd.keys()
    assert "is filled in" not in page.text


def seen(answer: httpx.Response) -> str:
    """Which files a form says that it was shown with."""
    [state] = re.findall(r'name="as_shown" value="([\d-]*)"', answer.text)
    return str(state)


def test_what_another_tab_has_chosen_is_not_sealed_unseen(
    tab: Tab, request_page: str
) -> None:
    first = keep(tab, request_page, **GOOD)
    shown = {"upload": kept(first), "as_shown": seen(first)}
    other = {"predictions": ("q.csv", PREDICTED.replace(b"odd", b"even"))}
    # What is chosen in this tab is seen in it.
    second = keep(tab, request_page, **shown, **other)
    assert alert(second) == ""
    answer = tab.post(request_page, **shown)
    assert alert(answer).startswith("Other files were chosen here in another tab.")
    assert "q.csv is here" in words(answer.text)
    assert seen(answer) == seen(second)
    answer = tab.post(request_page, upload=kept(first), as_shown=seen(answer))
    assert "in another tab" not in words(answer.text)


@pytest.mark.parametrize("pressed", [{}, {"keep": "yes"}], ids=["sealed", "chosen"])
def test_files_that_have_gone_are_not_left_out_unsaid(
    tab: Tab, request_page: str, pressed: dict[str, str]
) -> None:
    """The others that are chosen meanwhile stay."""
    answer = keep(tab, request_page, **GOOD)
    shown = {"upload": kept(answer), "as_shown": seen(answer)} | pressed
    tab.workspace.uploads.forget_idle(time.monotonic() + IDLE_S + 60)
    model: dict[str, Any] = {"model": GOOD["model"]}
    answer = tab.post(request_page, files=model, data=shown)
    assert alert(answer).startswith("What was chosen before is not here any more")
    assert files(tab, kept(answer)) == {"model": "m.txt"}
    assert kept(answer) != shown["upload"]


def test_predictions_are_kept_unread_while_the_test_rows_are_not_here(
    here: Place, tab: Tab
) -> None:
    request = here.create(here.join("rita"))
    where = f"/requests/{request.id}/submit"
    answer = keep(tab, where, predictions=("p.csv", b"odd\n"))
    assert (answer.status_code, alert(answer)) == (200, "")
    tab.workspace.market.request(request.id).fetch()
    answer = keep(tab, where, upload=kept(answer), predictions=("p.csv", b"odd\n"))
    assert beside(answer) == "predictions"
    # What was kept unread is read when it is sealed.
    assert "p.csv is here" in words(answer.text)


def test_what_goes_with_predictions_is_asked_for_where_some_are(
    tab: Tab, request_page: str
) -> None:
    """Without a script it is there at once: nothing would bring it."""
    unasked = 'class="stack unasked"'
    answer = keep(tab, request_page, model=("m.txt", b"m"))
    assert unasked in answer.text
    upload = kept(answer)
    answer = keep(tab, request_page, upload=upload, predictions=("p.csv", PREDICTED))
    assert unasked not in answer.text
    assert 'name="probabilities"' in answer.text
    # What is wrong with it is not hidden either.
    odd: dict[str, Any] = {"probabilities": BAD["probabilities"][0]}
    assert unasked not in keep(tab, request_page, **odd).text
