# SPDX-License-Identifier: Apache-2.0
"""What is odd about a table is shown before it is sealed, and to everybody after."""

from __future__ import annotations

import json
import re
from itertools import count
from random import Random
from typing import Any

import pytest

from modelmarket.datasets.lint.findings import Check, Finding, Report, Severity, Told
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.market import Request, VerifiedRequest
from modelmarket.protocol.actions import CreateContest, CreateRequest
from modelmarket.protocol.bins import Coarseness
from modelmarket.web.rendering import environment
from modelmarket.web.reports import Drawn
from support.market import REWARD, Place
from support.visits import Tab, words

KINDS = {"predictions": "requests", "verified": "contests"}
TERMS = {"label": "kind", "name": "mine", "reward": "100", "minutes": "60"} | {
    "response": "15",
    "fraction": "20%",
    "width": "8",
    "again": "yes",
}
SEEDS = count()
NASTY = "## Where from\n\n<script>alert(1)</script> [x](javascript:alert(1))"


def sorted_by_class() -> bytes:
    """With a data frame's index, which so tells the label."""
    chance = Random(next(SEEDS))
    # With few digits two tables would share a row by chance every now and then.
    rows = (f"{n},{chance.random():.15f},{'ab'[n // 60]}" for n in range(120))
    return "\n".join(["id,x<b>,kind", *rows, ""]).encode()


def send(tab: Tab, kind: str, table: bytes | None = None) -> str:
    files = {"data": ("n.csv", table or sorted_by_class())}
    answer = tab.post("/requests/new", files=files, data={"kind": kind})
    assert answer.headers["location"].startswith(f"/{KINDS[kind]}/new/")
    return answer.headers["location"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_is_looked_at_before_anything_is_sealed(tab: Tab, kind: str) -> None:
    where, market = send(tab, kind), tab.workspace.market
    before = market.vault.count(), len(market.store.roots())
    answer = tab.post(where, **TERMS, context="what it is", look="yes")
    assert answer.status_code == 200
    said = words(answer.text)
    assert "Column 'id' counts the rows, and tells the label" in said
    assert "Deal with this first:" in said
    assert "Always saying the commonest class is right for 5" in said
    # What was typed is still there, and nothing came of it.
    assert "what it is" in answer.text
    assert (market.vault.count(), len(market.store.roots())) == before
    looked = market.home.scratch()
    assert [one.name for one in looked.iterdir()] == ["uploads"]


def test_a_look_tells_of_rows_that_were_published_before(here: Place, tab: Tab) -> None:
    market, path = tab.workspace.market, here.folder / "before.csv"
    table = sorted_by_class()
    path.write_bytes(table)
    source = Source(open_table(path, header=True), label="kind")
    # Other tests of this file publish the same rows.
    market.create_request(source, reward=REWARD, accept_findings=True, again=True)
    for kind, what in (
        ("predictions", r"This table was published before\."),
        ("verified", r"hidden rows stand in request v?\d+, where others can read them"),
    ):
        answer = tab.post(send(tab, kind, table), **TERMS, look="yes")
        assert re.search(what, words(answer.text))
        # Nothing would be left without them.
        assert "Leave those rows out</button>" not in answer.text


def test_rows_that_no_yes_helps_are_left_out_by_a_button(here: Place, tab: Tab) -> None:
    market, path = tab.workspace.market, here.folder / "seen.csv"
    seen = b"".join(b"%d.125,%d\n" % (n, n % 2) for n in range(60))
    path.write_bytes(b"size,kind\n" + seen)
    source = Source(open_table(path, header=True), label="kind")
    market.create_request(source, reward=REWARD, accept_findings=True)
    fresh = b"".join(b"%d.625,%d\n" % (n, n % 2) for n in range(80))
    where = send(tab, "verified", b"size,kind\n" + seen + fresh)
    typed = TERMS | {"context": "what it is"}
    answer = tab.post(where, **typed, leave_out="yes")
    assert answer.status_code == 303
    page = tab.get(answer.headers["location"]).text
    said = words(page)
    assert "60 rows were left out. 80 rows are left, in the copy that this page" in said
    assert "80 rows, 2 classes" in said
    assert "what it is</textarea>" in page
    answer = tab.post(where, **typed, leave_out="yes")
    assert answer.status_code == 400
    assert "stands in an earlier request. There is nothing to leave out." in words(
        answer.text
    )
    answer = tab.post(where, **typed, accept_findings="yes")
    assert answer.status_code == 303


def test_rows_that_no_yes_helps_lead_to_another_table_that_keeps_the_terms(
    here: Place, tab: Tab
) -> None:
    market, path = tab.workspace.market, here.folder / "known.csv"
    # Rows of no other test.
    table = b"size,kind\n" + b"".join(b"%d.5,%d\n" % (n, n % 2) for n in range(60))
    path.write_bytes(table)
    source = Source(open_table(path, header=True), label="kind")
    made = market.create_request(source, reward=REWARD, accept_findings=True)
    typed = TERMS | {"context": "what it is", "stake": "7", "minutes": "90"}
    yes = {"again": "yes", "accept_findings": "yes"}
    more = b"".join(b"%d.75,%d\n" % (n, n % 2) for n in range(40))
    table += more
    where = send(tab, "verified", table)
    for form in (typed | {"look": "yes"}, typed | yes):
        answer = tab.post(where, **form)
        said = words(answer.text)
        assert f"stand in request {made.id}, where others can read" in said
        assert "Leave out of the table all 60 rows that stand there" in said
        assert "no confirmation changes that" in said
        assert answer.text.count("Choose another file</button>") == 2
        assert answer.text.count("Leave those rows out</button>") == 1
    # The first of them are named, as the file numbers them.
    looked = words(tab.post(where, **typed, look="yes").text)
    assert re.search(r"Rows \d+, [\d, ]+ and others \(lines [\d, ]+\)", looked)
    answer = tab.post(where, **typed, another="yes")
    again = answer.headers["location"]
    assert tab.get(where).status_code == 404
    page = tab.get(again).text
    assert "The terms that you typed are kept" in page
    name = re.search(r'name="upload" value="(\w+)"', page)
    assert name is not None
    # A refused file loses them as little as one that is taken.
    empty = {"data": ("n.csv", b"")}
    refused = tab.post("/requests/new", files=empty, data={"upload": name[1]})
    assert refused.status_code == 400
    mended = table.replace(b".5,", b".25,")
    files = {"data": ("mended.csv", mended)}
    answer = tab.post("/requests/new", files=files, data={"upload": name[1]})
    where = answer.headers["location"]
    page = tab.get(where).text
    assert "what it is</textarea>" in page
    for field, value in (("stake", "7"), ("minutes", "90"), ("name", typed["name"])):
        assert re.search(rf'name="{field}"[^>]* value="{value}"', page), field
    assert '<option value="kind" selected>' in page
    # And another table than that has columns of its own.
    answer = tab.post(where, **typed, another="yes")
    name = re.search(r"upload=(\w+)", answer.headers["location"])
    assert name is not None
    files = {"data": ("other.csv", b"a,b\n1,x\n2,y\n3,x\n4,y\n")}
    answer = tab.post("/requests/new", files=files, data={"upload": name[1]})
    answer = tab.get(answer.headers["location"])
    assert answer.status_code == 200
    assert '<option value="b" selected>' in answer.text


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_split_is_told_where_it_is_looked_at(
    tab: Tab, kind: str
) -> None:
    answer = tab.post(send(tab, kind), **(TERMS | {"fraction": "120%"}), look="yes")
    assert answer.status_code == 400
    assert "is not a fraction between 0 and 1" in words(answer.text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_that_is_hardly_meant_wants_a_tick(tab: Tab, kind: str) -> None:
    where = send(tab, kind)
    answer = tab.post(where, **TERMS)
    assert answer.status_code == 400
    assert "Column 'id' counts the rows, and tells the label" in words(answer.text)
    tick = re.search(
        r'<input type="checkbox" name="accept_findings"[^>]*>', answer.text
    )
    assert tick is not None
    assert "checked" not in tick[0]
    answer = tab.post(where, **TERMS, accept_findings="yes")
    assert answer.headers["location"].startswith("/actions/")
    # Whoever confirms it is told once more what everybody is going to read.
    receipt = words(tab.get(answer.headers["location"]).text)
    assert "What was found oddColumn 'id' counts the rows, and tells" in receipt


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_reads_what_was_found_on_the_requests_page(
    here: Place, tab: Tab, kind: str
) -> None:
    market = tab.workspace.market
    path = here.folder / f"{kind}.csv"
    path.write_bytes(sorted_by_class())
    source = Source(open_table(path, header=True), label="kind")
    made: Request | VerifiedRequest
    if kind == "verified":
        made = market.create_contest(source, reward=REWARD, accept_findings=True)
    else:
        made = market.create_request(source, reward=REWARD, accept_findings=True)
    page = tab.get(f"/requests/{made.id}/data").text
    assert "What was found in the data before publication" in page
    found = words(page.partition("What was found in the data")[2])
    assert "Beware: Column 'id' counts the rows, and tells the label" in found
    assert 'aria-label="What each column tells of the label"' in page
    # What the requester was advised before is of no use to who reads this.
    for read in (found, words(page)):
        assert "Leave it out" not in read
        assert "Deal with this first" not in read
    assert not any(one.hint for one in made.report().findings)
    assert "x<b>" not in page


# --- what the requester says of it ---


@pytest.mark.parametrize("kind", KINDS)
def test_licences_and_description_are_shown_to_whoever_may_submit(
    tab: Tab, kind: str
) -> None:
    asked = TERMS | {"licence": "cc-by-4.0", "model_licence": "mit"}
    asked |= {"description": "## Where from\n\nOut of a hat.", "accept_findings": "yes"}
    answer = tab.post(send(tab, kind), **asked)
    entry = tab.workspace.actions.get(int(answer.headers["location"].split("/")[-1]))
    market, action = tab.workspace.market, entry.action
    assert isinstance(action, CreateRequest | CreateContest)
    texts = action.texts if isinstance(action, CreateContest) else action.terms
    dataset = texts.dataset
    card = b"".join(market.file(dataset, "README.md").pieces).decode()
    assert "## Where from\n\nOut of a hat.\n" in card
    assert (
        "The data: CC-BY-4.0.\nThe model that wins is handed over under: MIT." in card
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_requests_page_shows_licences_and_card(
    here: Place, tab: Tab, kind: str
) -> None:
    market, path = tab.workspace.market, here.folder / f"card-{kind}.csv"
    path.write_bytes(sorted_by_class())
    make = market.create_contest if kind == "verified" else market.create_request
    options: dict[str, Any] = {
        "licence": "cc-by-4.0",
        "model_licence": "mit",
        "description": NASTY,
    }
    made = make(
        Source(open_table(path, header=True), label="kind"),
        reward=REWARD,
        accept_findings=True,
        **options,
    )
    page = tab.get(f"/requests/{made.id}/data").text
    said = words(page)
    assert "Licence of the data: CC-BY-4.0; of the model that wins: MIT." in said
    predicted = "To be predicted: 'kind', one of 2 classes."
    assert f"{predicted} In train.csv it is column label." in said
    assert predicted in words(tab.get(f"/requests/{made.id}").text)
    asked = words(tab.get(f"/requests/{made.id}/submit").text)
    assert "If it wins, you hand the model over under MIT." in asked
    # Below the page's own headings.
    assert "<h4>Where from</h4>" in page
    assert page.count("<h1") == 1
    assert "<script>alert" not in page
    assert "pretty_name" not in said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", ["licence", "model_licence"])
def test_a_licence_that_is_none_is_told_beside_its_field(
    tab: Tab, kind: str, field: str
) -> None:
    answer = tab.post(send(tab, kind), **(TERMS | {field: "free"}))
    assert answer.status_code == 400
    wrong = re.search(rf'id="{field}-wrong">(.*?)</span>', answer.text)
    assert wrong is not None
    assert "is no licence that SPDX knows" in wrong[1]


# --- whoever wrote it ---


def drawn(report: Report) -> str:
    template = "{% import 'parts.html' as parts %}{{ parts.report(drawn) }}"
    return environment().from_string(template).render(drawn=Drawn.of(report))


def report(**changes: object) -> Report:
    found: dict[str, object] = {
        "train_rows": 8,
        "test_rows": 2,
        "features": 3,
        "train_counts": {"a": 8},
        "majority": 0.5,
        "baseline": 0.75,
        "resolution": 0.25,
        "guess_bits": 2.0,
        "telling": (),
        "findings": (),
    }
    return Report(**(found | changes))  # type: ignore[arg-type]  # fields by name


def test_what_a_stranger_writes_into_a_report_comes_out_as_text() -> None:
    nasty = '<script>x</script>"\x00\u202e'
    finding = Finding(Check.INDEX, Severity.NOTE, nasty, nasty, columns=(nasty,))
    page = drawn(report(findings=(finding,), telling=(Told(nasty, 0.5),)))
    assert "<script>" not in page
    assert "\x00" not in page
    assert "Note:" in page


@pytest.mark.parametrize("share", [-1e300, 1e300, 2.0])
def test_no_bar_of_a_strangers_is_longer_than_its_drawing(share: float) -> None:
    page = drawn(report(majority=share, telling=(Told("x", share),)))
    assert all(float(one) <= 320 for one in re.findall(r'width="([0-9.]+)"', page))


def test_numbers_have_no_commonest_class_to_be_beaten() -> None:
    page = words(drawn(report(majority=None, resolution=None, baseline=2.5)))
    assert "A small forest is off by 2.5, on average" in page
    assert "commonest class" not in page
    assert "None tells anything by itself." in page
    assert "Nothing odd was found." in page


def test_of_numbers_it_is_told_and_drawn_how_far_off_the_median_is() -> None:
    numbers = {"majority": None, "resolution": None, "baseline": 2.5, "constant": 12.5}
    page = drawn(report(**numbers))
    said = "Always saying the median is off by 12.5, on average. A small forest is off"
    assert said in words(page)
    assert "always the median" in page
    # Reports of before said nothing of it.
    document = json.loads(report(**numbers).to_json())
    assert Report.from_json(json.dumps(document).encode()).constant == 12.5
    del document["constant"]
    assert Report.from_json(json.dumps(document).encode()).told_constant == ""


@pytest.mark.parametrize("coarseness", [None, Coarseness(1.0, 1.0, 1.0)])
def test_of_numbers_no_column_is_said_to_be_right_or_wrong(
    coarseness: Coarseness | None,
) -> None:
    """With bins or without; a column explains their spread, and no more."""
    numbers: dict[str, Any] = {"telling": (Told("x", 0.5),), "coarseness": coarseness}
    if coarseness is None:
        numbers |= {"majority": None, "resolution": None, "train_counts": {}}
    page = words(drawn(report(**numbers)))
    assert "Of the spread of the labels around their mean, the share that" in page
    assert "commonest answer" not in page
    classes = words(drawn(report(telling=(Told("x", 0.5),))))
    assert "Of the rows that the commonest answer gets wrong, the share" in classes


def test_rows_that_are_not_named_are_said_to_be_there() -> None:
    def told(*rows: int, more: bool = False) -> str:
        named = Finding(
            Check.CONFLICTS, Severity.WARNING, "x", rows=rows, has_more_rows=more
        )
        return words(drawn(report(findings=(named,)))).partition("What is odd")[2]

    assert "Row 1." in told(1)
    assert "Rows 1, 2." in told(1, 2)
    assert "Rows 1, 2 and others." in told(1, 2, more=True)
    assert "Row" not in told()
