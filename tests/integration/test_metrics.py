# SPDX-License-Identifier: Apache-2.0
"""How good what won is, after the end: by the truth and what was opened, of both kinds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as theirs
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor

from modelmarket.datasets import probabilities
from modelmarket.datasets.figures import ClassMetrics, NumberMetrics
from modelmarket.errors import DataError, InputError, NotFoundError, StepError
from modelmarket.market import Request, VerifiedRequest
from modelmarket.market.contents import PROBABILITIES
from modelmarket.storage.cid import Cid
from support.contests import contest, enter, finish
from support.market import Place

ROWS, TEST_ROWS = 150, 30
NAMES = ["high", "low", "top"]


def published(here: Place) -> Request:
    """A request about which class a number is in, and half of the rows by chance."""
    rng = np.random.default_rng(3)
    x = rng.integers(0, 100, ROWS)
    kinds = [("low", "high", "top")[one // 34] for one in x]
    noisy = [NAMES[rng.integers(3)] if rng.random() < 0.3 else kind for kind in kinds]
    frame = pl.DataFrame({"x": x, "y": rng.random(ROWS), "kind": noisy})
    here.markets["rita"].create_request(
        frame, label="kind", reward="10", accept_findings=True
    )
    return sees(here, "ann")


def sees(here: Place, name: str = "rita") -> Request:
    request = here.markets[name].request(1)
    assert isinstance(request, Request)
    return request


def names_of(request: Request) -> list[str]:
    return list(request.manifest().classes.names)


def truth_of(request: Request) -> list[str]:
    truth = request.truth()
    assert truth is not None
    return request.manifest().classes.decode(truth)


def in_the_card(request: Request | VerifiedRequest) -> list[str]:
    """What the card of the model that won says of how good it is."""
    _, after = request.model_card().split("\n## How good it is\n\n")
    return after.split("\n\n## ", maxsplit=1)[0].splitlines()


def as_rows(found: ClassMetrics | NumberMetrics) -> list[str]:
    """The figures as lines of a Markdown table."""
    return [
        f"| {one.name} | {one.value} | {one.interval or 'none'} |"
        for one in found.figures()
    ]


TABLE = ["| figure | value | 95% interval |", "|---|---|---|"]


def of_classes(found: object) -> ClassMetrics:
    assert isinstance(found, ClassMetrics)
    return found


def test_a_fitted_model_that_won__is_judged_with_its_probabilities(
    here: Place,
) -> None:
    request = published(here)
    model = RandomForestClassifier(8, random_state=1)
    model.fit(*request.training_data())
    checked = request.check(model)
    assert checked.metrics is None
    assert checked.probabilities is not None
    with pytest.raises(StepError, match="has no winner"):
        request.metrics()
    request.submit(model, show=None)
    here.live(1)

    found = of_classes(sees(here).metrics())
    truth, exported = truth_of(sees(here)), sees(here, "ann").export(model)
    said = exported.predict(request.test_data())
    assert found.rows == TEST_ROWS
    assert found.right == sees(here).record.ranking[0].score
    assert found.accuracy.value == theirs.accuracy_score(truth, said)
    balanced = theirs.balanced_accuracy_score(truth, said)
    assert found.balanced_accuracy.value == pytest.approx(balanced)
    macro = theirs.f1_score(truth, said, average="macro", zero_division=0)
    assert found.macro_f1.value == pytest.approx(macro)
    names = sorted(NAMES)
    fitted = model.predict_proba(request.test_data())
    loss = theirs.log_loss(truth, y_proba=fitted, labels=names)
    assert found.log_loss is not None
    assert found.log_loss.value == pytest.approx(loss, rel=1e-4)
    assert list(found.names) == names_of(request)
    matrix = theirs.confusion_matrix(truth, said, labels=names_of(request))
    assert [list(line) for line in found.matrix] == matrix.tolist()
    assert found == sees(here).metrics(), "the same again"
    assert found == of_classes(sees(here, "ann").metrics()), "and to everybody"
    told = in_the_card(sees(here))
    assert told == [*TABLE, *as_rows(found)]
    names = [line.split(" | ")[0] for line in told[2:]]
    assert names == ["| accuracy", "| balanced accuracy", "| macro F1", "| log loss"]

    # What is checked once the truth is open is judged alike.
    again = sees(here, "ann").check(model)
    assert again.metrics == found
    assert again.as_document()["metrics"] == found.as_document()
    assert set(found.lines()) < set(again.lines())
    assert "<b>How good it is</b>" in again._repr_html_()
    assert json.loads(json.dumps(found.as_document()))["kind"] == "classes"


def test_any_other_file_has_no_log_loss_unless_probabilities_go_with_it(
    here: Place, tmp_path: Path
) -> None:
    request = published(here)
    path = tmp_path / "weights.bin"
    path.write_bytes(b"anything")
    guess = ["low"] * TEST_ROWS
    request.submit(path, guess)
    here.live(1)
    found = of_classes(sees(here).metrics())
    assert found.log_loss is None
    assert found.lines()[-1] == (
        "No log loss: the winner’s folder has no probabilities.csv."
    )
    notes = " ".join(found.notes())
    assert in_the_card(sees(here)) == [*TABLE, *as_rows(found), "", notes]
    assert notes.endswith(found.lines()[-1])
    checked = sees(here).check(guess)
    assert checked.metrics is not None
    assert checked.metrics.lines()[-1] == (
        "No log loss: no probabilities of each class go with the predictions."
    )


@pytest.mark.parametrize("how", ["file", "array", "frame"])
def test_probabilities_are_sealed_beside_predictions(
    here: Place, tmp_path: Path, how: str
) -> None:
    request = published(here)
    path, names = tmp_path / PROBABILITIES, names_of(request)
    path.write_bytes(b"a model that is called as the file of probabilities")
    table = np.tile([0.5, 0.25, 0.25], (TEST_ROWS, 1))
    given: Any = table
    if how == "frame":
        given = pl.DataFrame(table, schema=names)
    elif how == "file":
        given = tmp_path / "mine.csv"
        pl.DataFrame(table, schema=names).write_csv(given)
    guess = [names[0]] * (TEST_ROWS - 2) + [names[1]] * 2
    checked = request.check(guess, probabilities=given)
    assert checked.lines()[-1] == (
        "Probabilities of each class go with them; in 2 of 30 rows another class is "
        "likelier than the predicted."
    )
    assert checked.as_document()["probabilities"] is True
    request.submit(path, guess, probabilities=given)
    here.live(1)
    found = of_classes(sees(here).metrics())
    loss = theirs.log_loss(truth_of(sees(here)), y_proba=table, labels=names)
    assert found.log_loss is not None
    assert found.log_loss.value == pytest.approx(loss)
    market = here.markets["rita"]
    folder = market.store.node(Cid.parse(sees(here).record.model))
    assert sorted(one.name for one in folder.links) == [
        *("model", "predictions.csv", "probabilities.csv")
    ]


def test_probabilities_that_do_not_fit_stake_nothing(
    here: Place, tmp_path: Path
) -> None:
    request = published(here)
    path = tmp_path / "weights.bin"
    path.write_bytes(b"anything")
    guess, few = ["low"] * TEST_ROWS, np.full((3, 3), 1 / 3)
    with pytest.raises(DataError, match=r"have the shape \(3, 3\)"):
        request.submit(path, guess, probabilities=few)
    forest = RandomForestClassifier(2).fit(*request.training_data())
    with pytest.raises(InputError, match="A model says by itself"):
        request.submit(forest, probabilities=few, show=None)
    assert request.refresh().submissions() == []


def test_a_model_that_says_distances_seals_no_probabilities(here: Place) -> None:
    request = published(here)
    model = LinearSVC().fit(*request.training_data())
    assert request.check(model).probabilities is None


def test_more_probabilities_than_anybody_could_hold_are_left_out(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = published(here)
    model = RandomForestClassifier(2).fit(*request.training_data())
    monkeypatch.setattr(probabilities, "MOST_CELLS", 3 * TEST_ROWS - 1)
    assert request.check(model).probabilities is None


HOSTILE = {
    "zeros": (bytes(50), "it has no column for the class"),
    "a-pickle": (b"\x80\x04K\x01.", "it is not text in utf-8"),
    "parquet": (b"PAR1" * 9, "It is no CSV"),
    "other-rows": (b"row_id,high,low,top\n31,1,0,0\n", "there is no test row '31'"),
    "no-numbers": (
        b"row_id,high,low,top\n1,a,b,c\n",
        "it, row 1 (line 2): 'a' is no number",
    ),
    "too-large": (b"row_id" * 500, "is a folder, or larger than it may be"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_whatever_lies_in_a_strangers_folder_is_told_in_words(
    here: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The winner sealed something else there than this program would."""
    data, said = HOSTILE[what]
    request = published(here)
    path = tmp_path / "weights.bin"
    path.write_bytes(b"anything")
    table = np.full((TEST_ROWS, 3), 1 / 3)
    with monkeypatch.context() as lying:
        lying.setattr(probabilities, "written", lambda *_: data)
        request.submit(path, ["low"] * TEST_ROWS, probabilities=table)
    here.live(1)
    if what == "too-large":
        monkeypatch.setattr(probabilities, "MOST_BYTES", 2_000)
    found = of_classes(sees(here).metrics())
    assert found.log_loss is None
    assert found.accuracy.interval is not None
    assert "the winner’s probabilities.csv cannot be read: " in found.why_no_log_loss
    assert said in found.why_no_log_loss
    assert found.lines()[-1] in in_the_card(sees(here))[-1], "in one line"
    assert "\n" not in found.lines()[-1]


def test_a_winner_whose_folder_nobody_serves_is_judged_by_the_chain(
    here: Place, tmp_path: Path
) -> None:
    published(here)
    here.join("dora", is_served=False)
    path = tmp_path / "weights.bin"
    path.write_bytes(b"anything")
    sees(here, "dora").submit(path, ["low"] * TEST_ROWS)
    here.live(1)
    found = of_classes(sees(here).metrics())
    assert found.rows == TEST_ROWS
    assert found.why_no_log_loss == "the winner’s folder is nowhere to be had"


# --- verified contests ---


def test_the_model_of_a_verified_contest__is_judged_on_the_hidden_rows(
    here: Place,
) -> None:
    request = contest(here, here.markets["rita"])
    with pytest.raises(StepError, match="has no winner"):
        request.metrics()
    enter(here.markets["ann"])
    done = finish(here)
    found = of_classes(done.metrics())
    model, opened = done.model(), done.opened()
    said = opened.predictions(model)
    assert found.rows == done.terms.rows
    assert found.accuracy.value == theirs.accuracy_score(opened.targets, said)
    macro = theirs.f1_score(opened.targets, said, average="macro", zero_division=0)
    assert found.macro_f1.value == pytest.approx(macro)
    assert found.why_no_log_loss == "an exact model says a class, and no probabilities"


def test_the_model_of_a_contest_of_numbers__is_judged_in_the_labels_unit(
    here: Place,
) -> None:
    rng = np.random.default_rng(4)
    x = rng.integers(0, 50, 400)
    frame = pl.DataFrame(
        {"x": x, "y": rng.random(400), "price": 3.0 * x + rng.normal(0, 5, 400)}
    )
    here.markets["rita"].create_contest(
        frame, label="price", reward="10", error="absolute", accept_findings=True
    )
    request = here.markets["ann"].request("v1")
    assert isinstance(request, VerifiedRequest)
    tree = DecisionTreeRegressor(max_depth=4, random_state=0)
    request.submit(tree.fit(*request.training_data()), show=None, tell=lambda _: None)
    done = finish(here)
    found = done.metrics()
    assert isinstance(found, NumberMetrics)
    opened, target = done.opened(), done.schema.target
    truth = [float(one) for one in target.decode(opened.targets)]
    said = [float(one) for one in target.decode(opened.predictions(done.model()))]
    assert found.mae.value == pytest.approx(theirs.mean_absolute_error(truth, said))
    rmse = theirs.root_mean_squared_error(truth, said)
    assert found.rmse.value == pytest.approx(rmse)
    assert found.r2 is not None
    assert found.r2.value == pytest.approx(theirs.r2_score(truth, said))
    assert found.mae.value < 10
    rows = as_rows(found)
    names = [line.split(" | ")[0] for line in rows]
    assert names[:3] == ["| mean absolute error", "| root mean squared error", "| R²"]
    assert in_the_card(done)[:6] == [*TABLE, *rows]


def test_a_model_that_nobody_serves_any_more_is_not_found(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    contest(here, here.markets["rita"])
    enter(here.markets["ann"])
    done = finish(here)
    monkeypatch.setattr(
        "modelmarket.market.verified.evidence.fetched_model",
        lambda *_, **__: (_ for _ in ()).throw(NotFoundError("nobody serves it")),
    )
    with pytest.raises(NotFoundError, match="nowhere to be had. nobody serves it"):
        done.metrics()
    # The card of what was bought is still to be had, and says what it lacks.
    assert in_the_card(done) == [
        "The usual figures could not be worked out for this card. The model that won "
        "request v1 is nowhere to be had. nobody serves it"
    ]
    assert "\n## Licence\n" in done.model_card()
