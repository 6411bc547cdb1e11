# SPDX-License-Identifier: Apache-2.0
"""What the browser sends: whatever it is called, private, and soon gone."""

from __future__ import annotations

import io
import logging
import os
import re
import socket
import stat
import time
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelmarket.errors import NotFoundError
from modelmarket.market import Request
from modelmarket.protocol.actions import CreateRequest
from modelmarket.vault.journal import State
from modelmarket.web.uploads import IDLE_S, MOST_TYPED, Upload, Uploads, fit_name
from modelmarket.web.visits import HERE
from modelmarket.web.workspace import Workspace
from support.market import Place, place
from support.visits import Tab, at_once, visiting

TABLE = b"n,kind\n" + b"".join(b"%d,%s\n" % (n, [b"a", b"b"][n % 2]) for n in range(40))
TERMS = {
    "label": "kind",
    "name": "odd",
    "reward": "100",
    "minutes": "60",
    "response": "15",
    "fraction": "20%",
    "threshold": "",
}
ODD_NAMES = (
    "labels",
    "data",
    "upload.json",
    "model",
    "predictions.csv",
    ".",
    "..",
    "...",
    "../../x.csv",
    "a\\b\\c.csv",
    "n" * 300,
    "ü" * 300 + ".csv",
    " ",
    "con.csv",
    "-rf",
)


def send(tab: Tab, name: str = "n.csv", data: bytes = TABLE, **files: object) -> str:
    chosen = {"data": (name, data), **files}
    kind = {"kind": "predictions"}
    answer = tab.post("/requests/new", files=chosen, data=kind)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def words_of(what: str) -> bytes:
    """A table that has nothing of another one."""
    rows = (f"{what}-{n * n},{'ab'[n % 2]}\n" for n in range(40))
    return b"word,kind\n" + "".join(rows).encode()


def lying_at(tab: Tab, where: str) -> Path:
    """The folder of an upload."""
    name = where.rsplit("/", 1)[1]
    return tab.workspace.market.home.scratch() / "uploads" / name


def lying(tab: Tab) -> list[Path]:
    """Whatever of the uploads is on disk."""
    return sorted((tab.workspace.market.home.scratch() / "uploads").rglob("*"))


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_file_of_any_name_is_looked_over(tab: Tab, name: str) -> None:
    for where in (
        send(tab, name),
        send(tab, name, b"n\n1\n2\n3\n4\n", labels=(name, b"kind\na\nb\na\nb\n")),
    ):
        answer = tab.get(where)
        assert "Split and seal" in answer.text, answer.text[-2000:]
        tab.post(where, discard="yes")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_predictions_and_model_of_any_name_are_answered_in_words(
    tab: Tab, requested: int, name: str
) -> None:
    files = {"predictions": (name, b"x\n"), "model": (name, b"m")}
    answer = tab.post(f"/requests/{requested}/submit", files=files)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


@pytest.fixture(scope="module")
def requested(here: Place, tab: Tab) -> int:
    return here.create(tab.workspace.market).id


def test_an_empty_model_is_asked_about(tab: Tab, requested: int) -> None:
    """A folder that is dropped comes as an empty file."""
    files = {"predictions": ("p.csv", b"x\n"), "model": ("folder", b"")}
    answer = tab.post(f"/requests/{requested}/submit", files=files)
    assert "folder is empty" in answer.text
    assert "goes into an archive first" in answer.text


def test_an_empty_table_is_said_to_be_empty(tab: Tab) -> None:
    answer = tab.post("/requests/new", files={"data": ("folder", b"")})
    assert answer.status_code == 400
    assert "folder is empty" in answer.text


@given(st.text(), st.text())
@settings(deadline=None)
def test_any_name_fits_any_file_system(first: str, second: str) -> None:
    for name in (first, first + "." + second, first + "/" + second):
        fit = fit_name(name)
        assert 0 < len(fit.encode()) <= 120
        assert Path(fit).name == fit
        assert not fit.startswith((".", " "))
        assert "\0" not in fit


@pytest.mark.parametrize("umask", [0, 0o777, 0o022])
def test_uploads_are_their_owners_alone(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        uploads = Uploads(tmp_path / "uploads")
        path = uploads.begin().save("labels", "l.csv", io.BytesIO(b"secret"))
    finally:
        os.umask(old)
    assert path.read_bytes() == b"secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (path.parent, path.parent.parent, tmp_path / "uploads"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_labels_are_gone_once_what_was_sealed_is_confirmed(tab: Tab) -> None:
    where = send(tab, data=words_of("once"))
    assert lying(tab)
    action = tab.post(where, **TERMS).headers["location"]
    assert tab.post(f"{action}/confirm").headers["location"].startswith("/requests/")
    assert where.rsplit("/", 1)[1] not in "".join(map(str, lying(tab)))


def test_terms_are_changed_after_they_were_sealed(here: Place, tab: Tab) -> None:
    where = send(tab, data=words_of("changed"))
    asked = TERMS | {"name": "odd & even", "reward": "77.5", "context": "two\nlines"}
    asked |= {"stratified": "yes", "minutes": "2", "minutes_unit": "hours"}
    first = tab.post(where, **asked).headers["location"]
    assert "Change the terms" in tab.get(first).text
    assert tab.post(f"{first}/change").headers["location"] == where
    page = tab.get(where).text
    for typed in ('value="odd &amp; even"', 'value="77.5"', "two\nlines</textarea>"):
        assert typed in page
    assert re.search(r'name="stratified" value="yes" checked', page)
    assert re.search(r'name="minutes" [^>]*value="2"', page)
    assert re.search(r'name="minutes_unit".*?<option selected>hours<', page, re.DOTALL)
    second = tab.post(where, **asked | {"reward": "78"}).headers["location"]
    assert second != first
    # The first one is nobody's any more, and leads to what became of it.
    text = tab.get(first).text
    assert "not to be confirmed any more" in text
    assert "/confirm" not in text
    assert f'href="{second}"' in text
    page = tab.get(where).text
    assert "These terms are sealed" in page
    assert 'value="78"' in page
    assert f'href="{second}"' in page
    assert "given up already" in tab.post(f"{first}/confirm").text
    assert "given up already" in tab.post(f"{first}/change").text
    assert first not in tab.get("/activity").text
    assert second in tab.get("/activity").text
    made = tab.post(f"{second}/confirm").headers["location"]
    number = int(made.rsplit("/", 1)[1])
    assert tab.workspace.market.request(number).terms.reward == 78 * 10**18
    # What is done is not to be changed.
    assert tab.get(where).headers["location"] == second


def test_another_label_keeps_the_terms_that_were_sealed(tab: Tab) -> None:
    where = send(tab, data=TABLE.replace(b"n,kind", b"n,sort"))
    action = tab.post(where, **TERMS | {"label": "sort", "name": "mine"})
    tab.post(f"{action.headers['location']}/change")
    page = tab.get(f"{where}?label=n&predicted=numbers").text
    assert 'name="label" value="n"' in page
    assert 'name="name" maxlength="64" required value="mine"' in page


def test_a_form_that_was_refused_is_as_it_was_when_it_is_looked_at_again(
    tab: Tab,
) -> None:
    where = send(tab)
    assert tab.post(where, **TERMS | {"reward": "much"}).status_code == 400
    for address in (where, f"{where}?label=kind", where):
        answer = tab.get(address)
        assert answer.status_code == 200
        assert 'value="much"' in answer.text
        [wrong] = re.findall(
            r'<span class="wrong" id="reward-wrong">(.*?)<', answer.text
        )
        assert "is not an amount of MDC" in wrong
    # Whoever looks for what is odd mends nothing; whoever seals does.
    tab.post(where, **TERMS | {"reward": "much", "look": "yes"})
    assert "aria-invalid" in tab.get(where).text
    action = tab.post(where, **TERMS).headers["location"]
    tab.post(f"{action}/change")
    assert "aria-invalid" not in tab.get(where).text


def test_a_submission_is_changed_after_it_was_sealed(here: Place, tab: Tab) -> None:
    request = here.create(tab.workspace.market)
    where = f"/requests/{request.id}/submit"
    files = {"model": ("m.txt", b"x"), "predictions": ("p.csv", predicted(request))}
    answer = tab.post(where, files=files, data={"name": "my frist"})
    action = answer.headers["location"]
    assert "Change the submission" in tab.get(action).text
    back = tab.post(f"{action}/change").headers["location"]
    page = re.sub(r"</?(bdi|strong)>", "", tab.get(back).text)
    for shown in ("m.txt is here", "p.csv is here", 'value="my frist"'):
        assert shown in page
    kept = back.rpartition("=")[2]
    again = tab.post(where, name="my first", upload=kept).headers["location"]
    assert tab.post(f"{again}/confirm").headers["location"] == f"/requests/{request.id}"
    entered = tab.workspace.market.request(request.id).record.submissions.values()
    assert [one.name for one in entered] == ["my first"]
    assert kept not in "".join(map(str, lying(tab)))


def test_what_has_no_form_cannot_be_changed(tab: Tab) -> None:
    action = tab.post("/actions", kind="set_operator").headers["location"]
    assert "/change" not in tab.get(action).text
    assert "has no form" in tab.post(f"{action}/change").text
    assert "/confirm" in tab.get(action).text


def test_only_its_account_changes_what_was_sealed(tab: Tab) -> None:
    action = tab.post(send(tab), **TERMS).headers["location"]
    tab.become("0x" + "77" * 20)
    try:
        answer = tab.post(f"{action}/change")
    finally:
        tab.become(HERE + tab.workspace.market.wallet.address)
    assert answer.status_code == 400
    assert "to be signed by" in answer.text
    assert "Change the terms" in tab.get(action).text


def test_whoever_comes_back_too_late_is_told_to_choose_the_file_again(
    tab: Tab,
) -> None:
    where = send(tab)
    action = tab.post(where, **TERMS).headers["location"]
    # The file and what was typed go only after a second look.
    page = tab.get(action).text
    assert "<summary>Discard it</summary>" in page
    assert "<button>Discard it</button>" not in page
    assert "Your table and what you typed are forgotten with it." in page
    tab.post(where, discard="yes")
    # The page that is open still has the button; what it says can be confirmed stays.
    answer = tab.post(f"{action}/change")
    assert answer.status_code == 404
    assert "It can still be confirmed" in answer.text
    page = tab.get(action).text
    assert "Change the terms</button>" not in page
    assert "choose the file again" in page
    assert "<button>Discard it</button>" in page
    assert f"{action}/confirm" in page
    # And a form whose file has gone leads to where it can be chosen.
    lost = send(tab)
    tab.workspace.uploads.discard(Upload(lost[-32:], lying_at(tab, lost)))
    assert tab.post(lost, discard="yes").headers["location"] == "/requests/new"


def test_whoever_leaves_while_a_file_is_on_its_way_is_no_error_of_the_server(
    tab: Tab, caplog: pytest.LogCaptureFixture
) -> None:
    address = urlsplit(tab.page.address)
    cookies = "; ".join(f"{name}={said}" for name, said in tab.client.cookies.items())
    head = (
        f"POST /requests/new HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Origin: {tab.page.address}\r\nSec-Fetch-Site: same-origin\r\n"
        f"Cookie: {cookies}\r\nContent-Length: 100000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="data"; filename="n.csv"\r\n\r\n'
    )
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", address.port or 0)) as leaving:
            leaving.sendall(head.encode() + b"n,kind\n" * 100)
            time.sleep(0.1)
        tab.get("/requests/new")
    time.sleep(0.2)
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


def test_a_name_that_nobody_typed_is_the_next_tables_own(tab: Tab) -> None:
    for typed, shown in (("churn", "wine"), ("mine", "mine")):
        where = "/requests/new"
        files = {"data": ("churn.csv", words_of("named"))}
        where = tab.post(where, files=files).headers["location"]
        assert 'value="churn"' in tab.get(where).text
        answer = tab.post(where, **TERMS | {"name": typed, "another": "yes"})
        upload = answer.headers["location"].rpartition("=")[2]
        files = {"data": ("wine.csv", words_of("named"))}
        answer = tab.post("/requests/new", files=files, data={"upload": upload})
        page = tab.get(answer.headers["location"]).text
        assert re.search(rf'name="name"[^>]* value="{shown}"', page)


def test_two_clicks_on_split_and_seal_seal_once(tab: Tab) -> None:
    where = send(tab)
    sealed = len(tab.workspace.market.vault.seals(tab.workspace.market.network.market))
    answers = at_once(*[lambda: tab.post(where, **TERMS)] * 2)
    assert len({one.headers["location"] for one in answers}) == 1
    seals = tab.workspace.market.vault.seals(tab.workspace.market.network.market)
    assert len(seals) == sealed + 1
    # Whoever goes back is told what was sealed, and nobody else is.
    assert f'href="{answers[0].headers["location"]}"' in tab.get(where).text
    tab.become("0x" + "77" * 20)
    try:
        assert tab.get(where).headers["location"] == answers[0].headers["location"]
    finally:
        tab.become(HERE + tab.workspace.market.wallet.address)
    number = int(answers[0].headers["location"].rsplit("/", 1)[1])
    assert tab.workspace.actions.get(number).state is State.PREPARED


def test_labels_are_gone_once_they_are_discarded(tab: Tab) -> None:
    where = send(tab)
    assert tab.post(where, discard="yes").headers["location"] == "/requests/new"
    answer = tab.get(where)
    assert answer.status_code == 404
    assert "Choose the file again" in answer.text


def test_labels_are_gone_when_nobody_has_used_them_for_an_hour(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads")
    old, used = uploads.begin(), uploads.begin()
    for one in (old, used):
        one.save("data", "n.csv", io.BytesIO(TABLE))
    later = time.monotonic() + IDLE_S + 1
    with uploads.using(used.name):
        uploads.forget_idle(later)
        assert used.file("data") is not None
    assert not old.folder.exists()
    with pytest.raises(NotFoundError), uploads.using(old.name):
        pass


def test_labels_are_gone_when_the_program_begins_and_ends(here: Place) -> None:
    market = here.join("another")
    left = market.home.scratch() / "uploads" / "of-a-crash"
    left.mkdir(parents=True)
    with visiting(Workspace(market)) as tab:
        assert not left.exists()
        send(tab)
        assert lying(tab)
    assert lying(tab) == []


def test_no_upload_is_reached_by_a_name_that_is_none(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads")
    Upload("", tmp_path).save("data", "n.csv", io.BytesIO(b""))
    for name in ("..", ".", "", "../uploads", "0" * 32):
        with pytest.raises(NotFoundError), uploads.using(name):
            pass


# --- how test rows are chosen ---


def test_rows_are_kept_together_by_the_column_that_was_chosen(tab: Tab) -> None:
    rows = b"".join(b"%d,p%d,%d\n" % (n, n % 5, n % 2) for n in range(50))
    where = send(tab, data=b"n,patient,kind\n" + rows)
    answer = tab.post(where, **TERMS | {"group": "patient", "stratified": "yes"})
    assert answer.status_code == 400
    assert "Class by class and by groups are 2 ways" in answer.text
    assert re.search(r"name=.group. [^>]*value=.patient.", answer.text)
    answer = tab.post(where, **TERMS | {"group": "patient"})
    assert answer.headers["location"].startswith("/actions/")


def test_a_column_of_times_that_has_none_is_refused_by_its_row(tab: Tab) -> None:
    rows = b"".join(b"%d,%s,%d\n" % (n, b"2024-01-31", n % 2) for n in range(50))
    where = send(tab, data=b"n,day,kind\n" + rows + b"7,soon,1\n")
    answer = tab.post(where, **TERMS | {"time": "day"})
    assert answer.status_code == 400
    assert (
        "row 51 (line 52): &#39;soon&#39; in column &#39;day&#39; is no time"
        in answer.text
    )


# --- what is allowed, but hardly meant ---


def test_a_stake_above_the_reward_wants_a_tick(tab: Tab) -> None:
    where = send(tab)
    asked = TERMS | {"stake": "200", "context": "what it is", "stratified": "yes"}
    answer = tab.post(where, **asked)
    assert answer.status_code == 400
    assert "above the reward" in answer.text
    assert "--accept-stake" not in answer.text
    for typed in ('value="200"', "what it is", 'name="stratified" value="yes" checked'):
        assert typed in answer.text
    tick = re.search(r'<input type="checkbox" name="accept_stake"[^>]*>', answer.text)
    assert tick is not None
    assert "checked" not in tick[0]
    answer = tab.post(where, **asked, accept_stake="yes")
    assert answer.headers["location"].startswith("/actions/")
    # The tick of another question says nothing of this one.
    answer = tab.post(send(tab), **asked, again="yes")
    assert answer.status_code == 400


def test_a_submission_that_wants_a_tick_keeps_its_files(here: Place, tab: Tab) -> None:
    market = tab.workspace.market
    request = here.create(market, stake=200 * 10**18, accept_stake=True)
    rows = request.test_data().height
    text = "label\n" + "odd\n" * rows
    files = {"predictions": ("p.csv", text), "model": ("m.bin", b"m")}
    answer = tab.post(
        f"/requests/{request.id}/submit", files=files, data={"name": "mine"}
    )
    assert "above the reward" in answer.text
    for shown in ("p.csv is here", "m.bin is here", 'value="mine"'):
        assert shown in re.sub(r"</?(bdi|strong)>", "", answer.text)
    kept = re.search(r'name="upload" value="(\w+)"', answer.text)
    assert kept is not None
    form = {"name": "mine", "upload": kept[1], "accept_stake": "yes"}
    answer = tab.post(f"/requests/{request.id}/submit", **form)
    tab.post(f"{answer.headers['location']}/confirm")
    assert kept[1] not in "".join(map(str, lying(tab)))


# --- what is written beside a field ---


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("threshold", "120%", "is not a fraction between 0 and 1"),
        ("threshold", "90", "Did you mean 90%?"),
        ("threshold", "1.2", "Did you mean 1.2%?"),
        ("threshold", "90%%", "Write it as 0.9, 90% or 9/10"),
        ("threshold", "-5%", "Write it as 0.9, 90% or 9/10"),
        ("threshold", "nan", "Write it as 0.9, 90% or 9/10"),
        ("threshold", "many", "Write it as 0.9, 90% or 9/10"),
        ("reward", "1e3", "is not an amount of MDC"),
        ("minutes", "soon", "is no length of time. Write it as 90 min"),
        ("minutes", "1/0", "is no length of time"),
        ("minutes", "0.9", "Submissions must stay open for 1 min to 365 days"),
        ("minutes", "366 days", "is more than a year"),
        ("context", "c" * 1025, "1,024 are allowed"),
        (
            "description",
            "d" * (2**20 + 1),
            "has 1,048,577 bytes; 1,048,576 are allowed",
        ),
        ("group", "nothing", "has no column"),
        ("time", "n", "Class by class and by time are 2 ways"),
        ("response", "1e400", "is no length of time"),
        ("response", "8 days", "Each step must be 1 min to 7 days"),
        ("fraction", "100%", "is not a fraction"),
        ("stake", "-1", "is not an amount of MDC"),
    ],
)
def test_what_cannot_be_meant_is_refused_beside_its_field(
    tab: Tab, upload: str, field: str, text: str, sentence: str
) -> None:
    ways = {"stratified": "yes"} if field == "time" else {}
    form = TERMS | ways | {field: text}
    # As the page sends it; what is typed may be long.
    sent = {name: (None, value) for name, value in form.items()}
    answer = tab.post(upload, files=sent)
    assert answer.status_code == 400
    wrong = re.search(
        rf'<span class="wrong" id="{field}-wrong">(.*?)</span>', answer.text
    )
    assert wrong is not None
    assert sentence in unescape(wrong[1])
    [tag] = re.findall(
        r'<(?:input|select|textarea)[^>]* aria-invalid="true"[^>]*>', answer.text
    )
    assert f'name="{field}"' in tag
    assert f"{field}-wrong" in re.findall(r'aria-describedby="([^"]*)"', tag)[0].split()


def test_the_form_is_sent_so_that_a_long_description_arrives(
    tab: Tab, upload: str
) -> None:
    """Without a script, too: other forms may have no more than 1 MB."""
    page = tab.get(upload).text
    [form] = re.findall(r'<form method="post"[^>]* id="terms"[^>]*>', page)
    assert 'enctype="multipart/form-data"' in form
    assert "Markdown, 1 MB at most" in page


def test_a_submissions_name_is_refused_beside_its_field(here: Place, tab: Tab) -> None:
    request = here.create(tab.workspace.market)
    answer = tab.post(
        f"/requests/{request.id}/submit",
        files={"model": ("m.txt", b"x"), "predictions": ("p.csv", predicted(request))},
        data={"name": "n" * 65},
    )
    assert answer.status_code == 400
    [wrong] = re.findall(r'id="name-wrong">(.*?)</span>', answer.text)
    assert wrong == "The name takes 65 bytes; 64 are allowed."
    [tag] = re.findall(r'<input name="name"[^>]*>', answer.text)
    assert 'aria-invalid="true"' in tag
    assert 'aria-describedby="name-wrong"' in tag


def predicted(request: Request) -> bytes:
    """Predictions of each of its test rows."""
    rows = request.test_data()["n"]
    return "\n".join("odd" if n % 2 else "even" for n in rows).encode()


@pytest.fixture(scope="module")
def upload(tab: Tab) -> str:
    return send(tab)


@pytest.mark.parametrize(
    ("text", "matches"),
    [("90%", 8), ("0.9", 8), ("90 %", 8), ("9/10", 8), ("100%", 8), ("99.95%", 8), ("0.9%", 1), ("50%", 4), ("", 0)],
)  # fmt: skip
def test_a_threshold_is_what_was_written(tab: Tab, text: str, matches: int) -> None:
    asked = TERMS | {"threshold": text, "accept_threshold": "yes"}
    answer = tab.post(send(tab), **asked)
    number = int(answer.headers["location"].rsplit("/", 1)[1])
    action = tab.workspace.actions.get(number).action
    assert isinstance(action, CreateRequest)
    terms = action.terms
    assert (terms.labels, terms.minimum_matches) == (8, matches)


@pytest.mark.parametrize("noun", ["requests", "contests"])
def test_terms_whose_file_has_gone_are_there_again_with_it(tab: Tab, noun: str) -> None:
    kind = {"kind": "predictions"} if noun == "requests" else {}
    rows = "".join(f"{n},{n % 7},{'ab'[n % 2]}\n" for n in range(60))
    table = f"n,kind,sort\n{rows}".encode().replace(b"sort", noun.encode())
    files = {"data": ("n.csv", table)}
    where = tab.post("/requests/new", files=files, data=kind).headers["location"]
    assert where.startswith(f"/{noun}/new/")
    uploads = tab.workspace.uploads
    uploads.forget(Upload(where[-32:], lying_at(tab, where)))
    asked = TERMS | {"label": noun, "name": "of my own", "reward": "12.5", "width": "8"}
    gone = tab.post(where, **asked)
    assert gone.status_code == 404
    assert "choose the file again" in gone.text.lower()
    assert 'action="/requests/new"' in gone.text
    checked = re.findall(r'name="kind" value="(\w+)" checked', gone.text)
    assert checked == ["predictions" if noun == "requests" else "verified"]
    [again] = re.findall(r'data-again="([^"]*)"', gone.text)
    # So it is after a reload, and when the wrong file was chosen first.
    assert 'value="predictions" checked' not in tab.get("/requests/new").text
    assert checked == re.findall(
        r'name="kind" value="(\w+)" checked', tab.get(again).text
    )
    for page in (
        tab.get(again).text,
        tab.post(
            "/requests/new",
            files={"data": ("n.csv", b"")},
            data={**kind, "upload": where[-32:]},
        ).text,
        tab.get(f"{where}?label={noun}").text,
    ):
        assert f'name="upload" value="{where[-32:]}"' in page
    data = {**kind, "upload": where[-32:]}
    assert (
        tab.post("/requests/new", files=files, data=data).headers["location"] == where
    )
    page = tab.get(where).text
    for typed in ('value="of my own"', 'value="12.5"', f'name="label" value="{noun}"'):
        assert typed in page
    sealed = tab.post(where, **asked, accept_findings="yes", again="yes")
    action = sealed.headers["location"]
    # What was sealed stays what it is, though its file goes and is chosen again.
    uploads.forget(Upload(where[-32:], lying_at(tab, where)))
    shown = unescape(tab.get(action).text)
    [link] = re.findall(r'href="(/requests/new[^"]*)">choose the file again', shown)
    assert link.startswith(f"/requests/new?upload={where[-32:]}")
    other = tab.post("/requests/new", files=files, data=data).headers["location"]
    assert other != where
    assert 'value="of my own"' in tab.get(other).text
    assert tab.get(where).headers["location"] == action


def test_what_was_typed_goes_with_what_is_discarded_and_not_all_is_kept(
    tmp_path: Path,
) -> None:
    uploads = Uploads(tmp_path / "uploads")
    first = uploads.begin()
    uploads.remember(first, {"name": "mine"})
    uploads.forget(first)
    assert uploads.lost(first.name) == first
    assert uploads.typed(first) == {"name": "mine"}
    assert uploads.resume(first.name) == first
    assert uploads.lost(first.name) is None
    # One that is here goes on; a name that is none of this run's is nobody's to choose.
    assert uploads.resume(first.name) == first
    for name in ("..", "0" * 31, "0" * 32, ""):
        assert uploads.given(name) is uploads.lost(name) is None
        assert uploads.resume(name).name not in (first.name, name)
    uploads.discard(first)
    assert uploads.typed(first) == {}
    made = [uploads.begin() for _ in range(MOST_TYPED + 1)]
    for one in made:
        uploads.remember(one, {"name": one.name})
    assert [bool(uploads.typed(one)) for one in made[:2]] == [False, True]


def test_nothing_is_to_be_changed_where_the_request_takes_no_more_submissions(
    tmp_path: Path,
) -> None:
    with place("embedded", tmp_path) as here:
        market = here.join("somebody")
        with visiting(Workspace(market)) as tab:
            _nothing_is_to_be_changed(here, tab)


def _nothing_is_to_be_changed(here: Place, tab: Tab) -> None:
    request = here.create(tab.workspace.market)
    where = f"/requests/{request.id}/submit"
    files = {"model": ("m.txt", b"x"), "predictions": ("p.csv", predicted(request))}
    action, other = (
        tab.post(where, files=files, data={"name": name, "again": "yes"}).headers[
            "location"
        ]
        for name in ("one", "two")
    )
    form = tab.post(f"{other}/change").headers["location"]
    assert form in tab.get(other).text.replace("&amp;", "&")
    here.move_to(request.record.deadline)
    page = tab.get(action).text
    assert f"Request {request.id} takes no more submissions." in page
    assert f"{action}/confirm" not in page
    assert f"{action}/change" not in page
    assert "choose the file again" not in page
    assert "Discard it" in page
    refused = tab.post(f"{action}/change")
    assert refused.status_code == 400
    assert "takes no more submissions" in refused.text
    assert "Go on changing it" not in tab.get(other).text
