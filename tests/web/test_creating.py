# SPDX-License-Identifier: Apache-2.0
"""From a table to a request: steps, times, parts that add up, and nothing lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from modelmarket.datasets.split import count_rows
from modelmarket.datasets.survey import survey
from modelmarket.protocol.actions import CreateContest, CreateRequest
from modelmarket.web.creating import splits, surveys
from modelmarket.web.views import local_path
from modelmarket.web.visits import HERE
from modelmarket.web.workspace import Workspace
from support.market import place
from support.visits import Tab, visiting, words

TERMS = {"label": "kind", "name": "mine", "reward": "100", "width": "8"}
TIMES = {"minutes": "60", "response": "15"}
SCRIPT = {"X-ModelMarket-Script": "yes"}


def table(rows: int = 61, first: int = 0) -> bytes:
    lines = (f"{n},{n % 7},{'abb'[n % 3]}" for n in range(first, first + rows))
    return ("n,week,kind\n" + "\n".join(lines) + "\n").encode()


def sent(tab: Tab, kind: str, data: bytes = table()) -> str:
    files = {"data": ("n.csv", data)}
    answer = tab.post("/requests/new", files=files, data={"kind": kind})
    assert answer.status_code == 303, words(answer.text)
    return str(answer.headers["location"])


def parts(page: str) -> tuple[int, int]:
    """How many rows the page says are learned from, and tested."""
    told = {
        (name, rows)
        for name, rows in re.findall(r'<span data-rows="(\w+)">([\d,]+) rows', page)
    }
    assert len(told) == 2, told
    of = dict(told)
    return int(of["train"]), int(of["test"])


def made(tab: Tab, answer: httpx.Response) -> CreateRequest | CreateContest:
    assert answer.status_code == 303, words(answer.text)
    number = int(answer.headers["location"].rsplit("/", 1)[1])
    action = tab.workspace.actions.get(number).action
    assert isinstance(action, CreateRequest | CreateContest)
    return action


def hidden_rows(action: CreateRequest | CreateContest) -> int:
    if isinstance(action, CreateContest):
        return action.terms.rows
    return action.terms.labels


# --- steps ---


def test_the_steps_stand_on_top_and_say_which_one_it_is(tab: Tab) -> None:
    where = sent(tab, "predictions")
    for path, step in (
        ("/requests/new", "1 Table"),
        (f"{where}?label=nothing", "2 What to predict"),
        (where, "3 Terms"),
    ):
        page = tab.get(path).text
        steps = re.search(r'<ol class="steps".*?</ol>', page, re.DOTALL)
        assert steps is not None
        assert len(re.findall("<li", steps[0])) == 4
        now = re.findall(r'<li aria-current="step">(.*?)</li>', steps[0])
        assert [words(one) for one in now] == [step]
        assert steps[0].count("(done)") == int(step[0]) - 1


def test_each_kind_of_contest_says_what_one_gets(tab: Tab) -> None:
    said = words(tab.get("/requests/new").text)
    assert said.count("You get:") == said.count("Who can enter:") == 2
    assert "You get: the very model that scored" in said
    assert "You get: predictions that the chain has recounted" in said


# --- times ---


@pytest.mark.parametrize("kind", ["predictions", "verified"])
def test_days_and_hours_are_taken_as_well_as_minutes(tab: Tab, kind: str) -> None:
    times = {"minutes": "3", "minutes_unit": "days", "response": "1 h 30 min"}
    answer = tab.post(sent(tab, kind, table(62)), **TERMS, **times, fraction="20%")
    terms = made(tab, answer).terms
    assert terms.submission_window_s == 3 * 86_400
    assert terms.response_window_s == 90 * 60


def test_a_unit_that_was_chosen_is_still_chosen_when_the_form_is_refused(
    tab: Tab,
) -> None:
    where = sent(tab, "verified")
    times = {"minutes": "2", "minutes_unit": "days", "response": "many"}
    times |= {"response_unit": "hours", "challenge": "5", "challenge_unit": "hours"}
    page = tab.post(where, **TERMS, **times, fraction="20%").text
    for name in ("minutes", "response", "challenge"):
        unit = re.search(
            rf'name="{name}_unit".*?<option selected>(\w+)', page, re.DOTALL
        )
        assert unit is not None
        assert unit[1] == times[f"{name}_unit"]
    assert 'value="many"' in page


# --- parts that add up ---


@pytest.mark.parametrize("kind", ["predictions", "verified"])
@pytest.mark.parametrize(
    "how",
    [
        {"fraction": "20%"},
        {"fraction": "37%"},
        {"fraction": "1/3", "stratified": "yes"},
        {"fraction": "30%", "group": "week"},
        {"fraction": "30%", "time": "n"},
    ],
    ids=str,
)
def test_the_parts_that_are_shown_add_up_and_are_those_of_the_split(
    tab: Tab, kind: str, how: dict[str, str]
) -> None:
    first = sum(map(ord, str(how))) * 100 + len(kind)
    where = sent(tab, kind, table(61, first))
    asked = {**TERMS, **how, "predicted": "classes"}
    told = tab.post(f"{where}/split", json=asked).json()
    # Whoever has no script sees them on the page that comes of what was sent.
    page = tab.post(where, **asked, minutes="soon", response="15").text
    train, test = parts(page)
    assert told == {"train": f"{train} rows", "test": f"{test} rows"}
    assert train + test == 61
    assert f"{train} rows to learn from + {test} rows to be tested = 61 rows" in words(
        page
    )
    answer = tab.post(where, **asked, **TIMES, accept_findings="yes")
    assert hidden_rows(made(tab, answer)) == test


def test_a_split_that_cannot_be_is_told_while_one_types(tab: Tab) -> None:
    lines = "".join(f"{n},one,{'ab'[n % 2]}\n" for n in range(60))
    where = sent(tab, "predictions", f"n,whole,kind\n{lines}".encode())
    for typed, sentence in (
        ({"fraction": "120%"}, "is not a fraction between 0 and 1"),
        ({"fraction": "20%", "group": "whole"}, "the same in all rows"),
        ({"fraction": "20%", "group": "nothing"}, "has no column"),
    ):
        answer = tab.post(f"{where}/split", json={**TERMS, **typed})
        assert answer.status_code == 400
        told = answer.json()
        assert sentence in told["message"]
        assert "--" not in told["hint"]
    gone = tab.post(f"/requests/new/{'0' * 32}/split", json=TERMS)
    assert gone.status_code == 404


@pytest.mark.parametrize("kind", ["predictions", "verified"])
@pytest.mark.parametrize("field", ["group", "time"])
@pytest.mark.parametrize(
    "column", [" day", "we\N{ZERO WIDTH SPACE}ek", '"a" <b>'], ids=ascii
)
def test_every_column_can_keep_rows_together_whatever_it_is_called(
    tab: Tab, kind: str, field: str, column: str
) -> None:
    quoted = column.replace('"', '""')
    lines = (f"{n},{n // 6},{'ab'[n % 2]}" for n in range(60))
    data = f'n,"{quoted}",kind\n' + "\n".join(lines)
    where = sent(tab, kind, data.encode())
    offered = re.search(
        r'<datalist id="columns">(.*?)</datalist>', tab.get(where).text, re.DOTALL
    )
    assert offered is not None
    shown = [unescape(one) for one in re.findall(r'value="([^"]*)"', offered[1])]
    assert len(shown) == 2
    said = {"label": "kind", "predicted": "classes", "fraction": "20%"}
    split = tab.post(f"{where}/split", json=said | {field: shown[1]})
    assert split.status_code == 200, split.text
    assert split.json() == {"train": "48 rows", "test": "12 rows"}
    form = TERMS | TIMES | said | {field: shown[1], "accept_findings": "yes"}
    assert hidden_rows(made(tab, tab.post(where, **form))) == 12


def test_what_a_table_comes_to_is_not_found_out_again_for_each_block(
    tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def noting(name: str, work: Callable[..., object]) -> Callable[..., object]:
        def act(*given: object, **options: object) -> object:
            asked.append(name)
            return work(*given, **options)

        return act

    where = sent(tab, "predictions")
    for room, work in ((surveys, survey), (splits, count_rows)):
        name = work.__name__
        monkeypatch.setattr(room, name, noting(name, work))
    pages = [tab.get(where).text for _ in range(3)]
    assert asked == ["survey", "count_rows"]
    assert "61 rows" in words(pages[2])
    tab.get(f"{where}?label=week")
    assert asked == ["survey", "count_rows"] * 2


# --- what was found ---


def test_what_was_found_is_shown_where_it_must_be_confirmed(tab: Tab) -> None:
    lines = [f"{n * 7 % 11},{'ab'[n % 2]},{'ab'[n % 2]}" for n in range(60)]
    where = sent(tab, "predictions", ("n,same,kind\n" + "\n".join(lines)).encode())
    answer = tab.post(where, **TERMS, **TIMES, fraction="20%")
    assert answer.status_code == 400
    page = answer.text
    assert 'name="accept_findings"' in page
    report = page.partition('id="report"')[2]
    assert "Column 'same'" in unescape(words(report))
    assert "What a model should beat" in report


def test_what_was_found_stays_while_something_else_is_refused(tab: Tab) -> None:
    where = sent(tab, "predictions")
    looked = tab.post(where, **TERMS, **TIMES, fraction="20%", look="yes")
    assert "What was found" in words(looked.text)
    said = TERMS | TIMES | {"fraction": "20%", "reward": "much"}
    assert "What was found" in words(tab.post(where, **said).text)
    # Of another split it would be something else.
    said["fraction"] = "30%"
    assert "What was found" not in words(tab.post(where, **said).text)


def test_a_question_stops_nobody_once_its_cause_is_gone(tab: Tab) -> None:
    where = sent(tab, "predictions", table(101))
    said = TERMS | TIMES | {"fraction": "20%", "again": "yes", "threshold": "1%"}
    asked = tab.post(where, **said)
    assert asked.status_code == 400
    [box] = re.findall(r'<input[^>]*name="accept_threshold"[^>]*>', asked.text)
    assert "required" not in box
    assert tab.post(where, **(said | {"threshold": ""})).status_code == 303


def test_what_was_typed_is_looked_at_before_who_pays(tab: Tab) -> None:
    where = sent(tab, "predictions")
    said = TERMS | TIMES | {"fraction": "20%"}
    tab.become("")
    try:
        for name, wrong in (("reward", "much"), ("minutes", "soon"), ("stake", "x")):
            page = tab.post(where, **(said | {name: wrong})).text
            [field] = re.findall(r'<input[^>]*aria-invalid="true"[^>]*>', page)
            assert f'name="{name}"' in field
            assert "No wallet is connected" not in page
        page = tab.post(where, **said).text
    finally:
        tab.become(HERE + tab.workspace.market.wallet.address)
    # It stands in the part that goes as soon as there is one.
    owner = page.partition('id="live-owner"')[2].partition("</div></div>")[0]
    assert 'id="problem"' in owner
    assert "No wallet is connected." in owner
    assert page.count('id="problem"') == 1


# --- nothing is lost ---


OF_BOTH = {
    "name": "a name",
    "context": "a <context>",
    "description": "a description",
    "licence": "CC-BY-4.0",
    "model_licence": "Apache-2.0",
    "reward": "12.5",
    "threshold": "70%",
    "minutes": "7",
    "minutes_unit": "days",
    "response": "2",
    "response_unit": "hours",
    "fraction": "25%",
    "stake": "3.5",
}
ALL = {
    "verified": {
        **OF_BOTH,
        "challenge": "9",
        "challenge_unit": "hours",
        "stratified": "yes",
        "balanced": "yes",
        "width": "16",
        "even": "yes",
    },
    "predictions": {
        **OF_BOTH,
        "group": "week",
    },
}
NUMBERS = {
    "verified": {"error": "squared", "most_error": "2.5", "scale": "9", "bits": "32"},
    "predictions": {"bins": "7", "even_bins": "yes"},
}


def shown(page: str, name: str) -> str:
    """What a form holds in a field."""
    area = re.search(rf'<textarea name="{name}"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    if area is not None:
        return unescape(area[1])
    select = re.search(rf'<select name="{name}".*?</select>', page, re.DOTALL)
    if select is not None:
        chosen = re.search(r"<option([^>]*) selected>(.*?)</option>", select[0])
        assert chosen is not None, name
        value = re.search(r'value="(.*?)"', chosen[1])
        return value[1] if value else chosen[2]
    tag = re.search(rf'<input[^>]* name="{name}"[^>]*>', page)
    assert tag is not None, name
    if 'type="checkbox"' in tag[0] and "checked" not in tag[0]:
        return ""
    value = re.search(r'value="(.*?)"', tag[0])
    return unescape(value[1]) if value else ""


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("predicted", ["classes", "numbers"])
def test_a_refused_form_keeps_each_field(tab: Tab, kind: str, predicted: str) -> None:
    where = sent(tab, kind)
    typed = {"label": "kind", "predicted": predicted, **ALL[kind]}
    if predicted == "numbers":
        typed |= {"label": "n", **NUMBERS[kind]}
        for name in ("stratified", "balanced", "group"):
            typed.pop(name, None)
        if kind == "verified":
            typed.pop("threshold")
    answer = tab.post(where, **(typed | {"reward": "much"}))
    assert answer.status_code == 400
    for name, value in typed.items():
        assert shown(answer.text, name) == ("much" if name == "reward" else value), name


def test_a_table_that_was_sent_is_still_there_after_a_reload(tab: Tab) -> None:
    """Beside it came files that no contest of this kind has."""
    files = {"data": ("n.csv", table()), "files": ("p.zip", b"no archive")}
    answer = tab.post("/requests/new", files=files, data={"kind": "predictions"})
    assert answer.status_code == 400
    [again] = re.findall(r'data-again="([^"]*)"', answer.text)
    assert re.fullmatch(r"/requests/new\?upload=[0-9a-f]{32}", again)
    page = tab.get(again)
    assert page.status_code == 200
    assert "n.csv is here" in words(page.text)
    upload = again.rpartition("=")[2]
    answer = tab.post("/requests/new", kind="predictions", upload=upload)
    assert answer.headers["location"] == f"/requests/new/{upload}"
    # Whatever else the address says, there is a form.
    for odd in ("0" * 32, "..", ""):
        page = tab.get(f"/requests/new?upload={odd}")
        assert page.status_code == 200
        assert "is here" not in words(page.text)


def test_the_address_of_the_terms_keeps_what_was_chosen(tab: Tab) -> None:
    where = sent(tab, "predictions")
    page = tab.get(f"{where}?label=n&predicted=numbers").text
    [again] = re.findall(r'data-again="([^"]*)"', page)
    page = tab.get(unescape(again)).text
    assert '<input type="hidden" name="label" value="n">' in page
    assert '<input type="hidden" name="predicted" value="numbers">' in page


@pytest.mark.parametrize("kind", ALL)
def test_another_label_is_what_its_own_column_holds_unless_somebody_says_so(
    tab: Tab, kind: str
) -> None:
    where = sent(tab, kind)

    def shown_of(label: str, predicted: str) -> str:
        """What is predicted, once the first form of a page of numbers was changed."""
        page = tab.get(f"{where}?label=n&predicted=numbers").text
        before = dict(re.findall(r'name="(\w+_before)" value="(\w+)"', page))
        assert before == {"label_before": "n", "predicted_before": "numbers"}
        said = {"label": label, "predicted": predicted, **before}
        page = tab.get(f"{where}?{urlencode(said)}").text
        [found] = re.findall(r'type="hidden" name="predicted" value="(\w+)"', page)
        return str(found)

    assert shown_of("kind", "numbers") == "classes"
    assert shown_of("week", "numbers") == "classes"
    assert shown_of("week", "classes") == "classes"
    assert shown_of("n", "numbers") == "numbers"
    # A page of classes that is changed to numbers of another column, in one go.
    said = {"label_before": "kind", "predicted_before": "classes", "label": "week"}
    page = tab.get(f"{where}?{urlencode(said | {'predicted': 'numbers'})}").text
    assert 'type="hidden" name="predicted" value="numbers"' in page


@pytest.mark.parametrize("field", ["data", "labels"])
@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04\x95\0\0", b"PAR1 and no more"], ids=["e", "b", "p"]
)
def test_a_file_that_is_no_table_is_said_beside_its_field(
    tab: Tab, field: str, content: bytes
) -> None:
    files = {"data": ("n.csv", table())} | {field: ("odd.csv", content)}
    answer = tab.post("/requests/new", files=files, data={"kind": "predictions"})
    assert answer.status_code == 400
    [tag] = re.findall(r'<input[^>]*aria-invalid="true"[^>]*>', answer.text)
    assert f'name="{field}"' in tag
    assert "odd.csv" in words(answer.text)
    assert "odd.csv is here" not in words(answer.text)
    assert ("n.csv is here" in words(answer.text)) == (field == "labels")


def test_what_is_done_from_a_form_leads_back_to_it(tab: Tab) -> None:
    """Also where the wallet's menu came later, with what is around every page."""
    where = sent(tab, "predictions") + "?label=kind&predicted=classes"
    around = tab.client.get("/notes", headers={"Referer": tab.page.address + where})
    for page in (tab.get(where).text, around.text):
        menu = page.partition('id="wallet"')[2].partition("</header>")[0]
        backs = {
            unescape(one) for one in re.findall(r'name="back" value="(.*?)"', menu)
        }
        assert backs == {where}
    assert local_path(where) == where


def test_no_file_is_said_beside_the_field_of_it(tab: Tab) -> None:
    answer = tab.post("/requests/new", kind="predictions")
    assert answer.status_code == 400
    [tag] = re.findall(r'<input[^>]*aria-invalid="true"[^>]*>', answer.text)
    assert 'name="data"' in tag
    assert 'aria-describedby="data-wrong"' in tag
    assert 'id="data-wrong"' in answer.text


def test_the_pages_script_is_told_the_way_on_and_does_not_follow_it(tab: Tab) -> None:
    files, data = {"data": ("n.csv", table())}, {"kind": "predictions"}
    headers = tab.own | SCRIPT
    answer = tab.client.post("/requests/new", files=files, data=data, headers=headers)
    assert answer.status_code == 200
    where = answer.json()["address"]
    assert where.startswith("/requests/new/")
    refused = tab.client.post(where, data={"minutes": "x"}, headers=headers)
    assert refused.status_code == 400
    assert "<form" in refused.text


def test_a_node_that_is_away_is_told_on_the_form_that_keeps_everything(
    tmp_path: Path,
) -> None:
    with ExitStack() as page:
        with place("embedded", tmp_path) as here:
            tab = page.enter_context(visiting(Workspace(here.join("somebody"))))
            where = sent(tab, "predictions")
            tab.get(where)
        typed = {"label": "kind", "predicted": "classes", **ALL["predictions"]}
        answer = tab.post(where, **typed)
        assert answer.status_code == 400
        said = re.search('role="alert".*?</div>', answer.text, re.DOTALL)
        assert said is not None
        assert "127.0.0.1" in words(said[0])
        for name, value in typed.items():
            assert shown(answer.text, name) == value, name
        assert tab.get(where).status_code == 200
