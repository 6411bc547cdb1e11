# SPDX-License-Identifier: Apache-2.0
"""Licences and description: said when a request is made, told before one submits."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path
from random import Random

import pytest
from sklearn.tree import DecisionTreeClassifier

from modelmarket.market import Request
from modelmarket.market.folder_facts import folder_facts
from modelmarket.protocol.types import RequestId
from support.market import Place

Give = Callable[..., tuple[object, str, str]]
KINDS = {"1": (), "v1": ("--verified",)}
SAID = ("--licence", "cc-by-4.0", "--model-licence", "mit or apache-2.0")
LICENCES = ("CC-BY-4.0", "MIT OR Apache-2.0")
AGREED = "If it wins, you hand the model over under MIT OR Apache-2.0."


def write(path: Path, seed: int = 3) -> None:
    chance = Random(seed)
    rows = (f"{chance.random():.6f},{'ab'[n % 2]}" for n in range(100))
    path.write_text("\n".join(["x,kind", *rows]) + "\n")


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "table.csv"
    write(path)
    return str(path)


@pytest.fixture
def create(give: Give, table: str) -> Give:
    def given(*words: str) -> tuple[object, str, str]:
        request = ("create", table, "--label", "kind", "--reward", "9")
        return give("rita", "request", *request, *words)

    return given


@pytest.mark.parametrize("number", KINDS)
def test_licences_and_description_lie_in_the_folder(
    give: Give, create: Give, number: str, tmp_path: Path
) -> None:
    about = tmp_path / "about.md"
    about.write_text("## Where from\n\nOut of a hat.\n" * 100)
    assert create(*KINDS[number], *SAID, "--description", str(about))[0] == 0
    out = tmp_path / "fetched"
    code, told, _ = give("ann", "dataset", "fetch", number, str(out))
    assert code == 0
    assert (
        "licence of the data: CC-BY-4.0; of the model that wins: MIT OR Apache-2.0"
        in told
    )
    own = json.loads((out / "manifest.json").read_text())["modelmarket"]
    assert (own["licence"], own["model_licence"]) == ("CC-BY-4.0", "MIT OR Apache-2.0")
    card = (out / "README.md").read_text()
    assert about.read_text().strip() in card
    assert 'license: "cc-by-4.0"\n' in card


def test_where_nothing_was_said_that_is_told(
    give: Give, create: Give, tmp_path: Path
) -> None:
    create()
    _, told, _ = give("ann", "dataset", "fetch", "1", str(tmp_path / "fetched"))
    assert "licence of the data: none stated; of the model that wins: none" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--licence", "free"), "'free' is no licence that SPDX knows."),
        (("--model-licence", "free"), "'free' is no licence that SPDX knows."),
        (("--description", "/nowhere.md"), "There is no file /nowhere.md"),
    ],
)
def test_what_cannot_be_said_is_told_before_anything_is_read(
    create: Give, words: tuple[str, ...], said: str
) -> None:
    code, told, errors = create(*words)
    assert code in (2, 3)
    assert told == ""
    assert said in errors


def test_whoever_submits_is_told_what_she_agrees_to(
    give: Give, create: Give, tmp_path: Path
) -> None:
    create(*SAID)
    predictions, model = tmp_path / "p.csv", tmp_path / "m.txt"
    predictions.write_text("label\n" + "a\n" * 20)
    model.write_text("a")
    words = ("submit", "1", str(predictions), str(model))
    code, told, errors = give("ann", *words)
    assert code == 0
    assert (told + errors).count(AGREED) == 1, "the library tells it, too"
    _, told, _ = give("ann", *words, "--again", "--no-validate")
    assert told.count(AGREED) == 1
    _, told, _ = give("ann", *words, "--again", "--json")
    assert json.loads(told)["model_licence"] == "MIT OR Apache-2.0"


@pytest.mark.parametrize("number", KINDS)
def test_a_notebook_is_told_what_is_agreed_to_before_anything_is_staked(
    here: Place, create: Give, number: str
) -> None:
    create(*KINDS[number], *SAID)
    request = here.markets["ann"].any_request(RequestId.parse(number))
    told: list[tuple[str, int]] = []
    model = DecisionTreeClassifier(max_depth=1).fit(*request.training_data())

    def show(line: str) -> None:
        told.append((line, len(request.refresh().submissions())))

    entry = request.submit(model, show=show)
    assert told[0] == (AGREED, 0)
    assert [line for line, _ in told].count(AGREED) == 1
    assert entry.record.is_live
    assert request.agreement() == AGREED


@pytest.mark.parametrize("number", KINDS)
def test_where_no_licence_was_said_nothing_is_agreed_to(
    here: Place, create: Give, number: str
) -> None:
    create(*KINDS[number])
    request = here.markets["ann"].any_request(RequestId.parse(number))
    told: list[str] = []
    model = DecisionTreeClassifier(max_depth=1).fit(*request.training_data())
    request.submit(model, show=told.append)
    assert not [line for line in told if "hand the model over" in line]
    assert request.agreement() == ""


@pytest.mark.parametrize("number", KINDS)
def test_whoever_looks_at_a_request_is_told_licences_and_what_is_to_be_beaten(
    give: Give, create: Give, here: Place, number: str
) -> None:
    """As far as it is here: nothing is fetched, and nobody is kept waiting."""
    create(*KINDS[number], *SAID)
    keys = ("predicts", "licence", "model_licence", "majority", "baseline")

    def shown(who: str) -> tuple[str, list[object]]:
        document = json.loads(give(who, "request", "show", number, "--json")[1])
        return give(who, "request", "show", number)[1], [document[key] for key in keys]

    told, figures = shown("ann")
    assert figures == [None] * 5
    fetches = f"`modelmarket dataset report {number}` fetches them"
    unknown = f"licences, majority and baseline are not fetched yet: {fetches}"
    assert f"  {unknown}\n" in told
    assert here.markets["ann"].store.roots() == []
    request = here.markets["ann"].any_request(RequestId.parse(number))
    assert unknown in request._repr_html_()
    assert give("ann", "dataset", "report", number)[0] == 0
    report = here.markets["rita"].any_request(request.id).report()
    licences = (
        "licence of the data: CC-BY-4.0; of the model that wins: MIT OR Apache-2.0"
    )
    on_codes = " on the codes that trainers get" if number == "v1" else ""
    to_beat = (
        f"Always saying the commonest class is right for {report.majority:.1%} of the "
        f"training rows. A small forest{on_codes} is right for {report.baseline:.1%} "
        "(cross-validation). So the requester's program said."
    )
    for who in ("ann", "rita"):
        told, figures = shown(who)
        predicted = "to be predicted: 'kind', one of 2 classes"
        assert f"  {predicted}\n  {licences}\n  {to_beat}\n" in told
        assert figures == ["kind", *LICENCES, report.majority, report.baseline]
        assert "fetched" not in told
    html = request._repr_html_()
    assert f"<li>{licences}</li><li>{escape(to_beat)}</li>" in html


def test_of_a_manifest_alone_what_a_forest_reaches_is_not_known(
    give: Give, create: Give, here: Place
) -> None:
    create()
    manifest = here.markets["ann"].any_request(RequestId(1)).manifest()
    told = give("ann", "request", "show", "1")[1]
    share = max(manifest.train_counts) / manifest.train_rows
    assert (
        "  licence of the data: none stated; of the model that wins: none stated\n"
        f"  Always saying the commonest class is right for {share:.1%} of the training "
        "rows. So the requester's program said.\n"
        "  the baseline is not fetched yet: `modelmarket dataset report 1` fetches it\n"
    ) in told


def test_a_folder_that_makes_no_sense_is_told_and_keeps_nobody_from_looking(
    give: Give, here: Place
) -> None:
    rita, folder = here.markets["rita"], here.folder / "strange"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    request = here.create(rita)
    strange = rita.store.add(folder)
    terms = replace(request.record.terms, dataset=str(strange.cid))
    facts = folder_facts(
        Request(rita, replace(request.record, terms=terms), request.now)
    )
    assert facts.lines == (
        "what its folder says cannot be read: manifest.json is not a manifest: "
        "KeyError('modelmarket').",
    )
    assert set(facts.as_document().values()) == {None}


@pytest.mark.parametrize("number", KINDS)
def test_a_request_that_ended_without_a_winner_says_how_many_had_entered(
    give: Give, create: Give, here: Place, table: str, number: str
) -> None:
    create(*KINDS[number])
    entered = f"{number.rstrip('1')}1"
    for name in ("ann", "rita"):
        request = here.markets[name].any_request(RequestId.parse(number))
        model = DecisionTreeClassifier(max_depth=1).fit(*request.training_data())
        request.submit(model, show=None)
    assert give("ann", "submission", "cancel", entered)[0] == 0
    assert give("rita", "request", "cancel", number, "--max-live", "1")[0] == 0
    told = give("ann", "request", "show", number)[1]
    assert "  CANCELLED: Cancelled by the requester. It had 1 submission.\n" in told
    write(Path(table), seed=4)
    create(*KINDS[number])
    second = number.replace("1", "2")
    here.move_to(
        here.markets["ann"].any_request(RequestId.parse(second)).record.deadline
    )
    assert give("rita", "request", "open", second)[0] == 0
    ends = here.markets["ann"].any_request(RequestId.parse(second)).position().step_ends
    here.move_to(ends)
    assert give("rita", "request", "enforce", second)[0] == 0
    told = give("ann", "request", "show", second)[1]
    says = "Nobody earned the reward; the requester has it back. It had no submission."
    assert f"  REFUNDED: {says}\n" in told
