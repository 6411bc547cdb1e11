# SPDX-License-Identifier: Apache-2.0
"""Whoever bought a model predicts new rows with it on the page."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier

from modelmarket import agent
from modelmarket.datasets.predictions import as_csv
from modelmarket.market import VerifiedRequest
from modelmarket.web.routes import predictions
from modelmarket.web.uploads import IDLE_S, MOST_TYPED
from modelmarket.web.workspace import Workspace
from support.contests import contest, enter, finish, other_contest
from support.market import Place, place
from support.visits import Tab, visiting, words

NEW = "x,y,colour\n0.1,0.2,red\n-2,0,blue\n2,,green\n" + "1,1,red\n" * 30


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Tab]]:
    """Contests that rita has made: of one she has the model, and the other goes on."""
    with place("embedded", tmp_path_factory.mktemp("people")) as here:
        rita, ann, ben = (here.join(name) for name in ("rita", "ann", "ben"))
        contest(here, rita)
        enter(ann)
        enter(ben, depth=2)
        finish(here)
        other_contest(rita)
        with visiting(Workspace(rita)) as tab:
            yield here, tab


def send(tab: Tab, rows: str | bytes, name: str = "new.csv") -> str:
    answer = tab.post("/requests/v1/predict", files={"rows": (name, rows)})
    assert answer.status_code == 303, words(answer.text)
    return answer.headers["location"]


def bought(here: Place) -> VerifiedRequest:
    found = here.markets["rita"].request("v1")
    assert isinstance(found, VerifiedRequest)
    return found


def test_new_rows_are_predicted_on_the_page(
    scene: tuple[Place, Tab], tmp_path: Path
) -> None:
    here, tab = scene
    path = tmp_path / "new.csv"
    path.write_text(NEW)
    said = bought(here).predict(path)
    assert len(said) == 33
    overview = tab.get("/requests/v1").text
    assert 'href="/requests/v1/predict"' in overview
    assert "modelmarket model export v1 model.onnx" in words(overview)
    where = send(tab, NEW)
    page = tab.get(where).text
    assert "33 rows of new.csv predicted." in re.sub(r"</?bdi>", "", words(page))
    rows = re.findall(r'<tr><td class="number">(\d+)</td>(.*?)</tr>', page)
    given = NEW.splitlines()[1:21]
    assert [(number, told.split("</td>")[:-1]) for number, told in rows] == [
        (
            str(n),
            [f"<td><strong><bdi>{label}</bdi></strong>"]
            + [f"<td><bdi>{cell}</bdi>" for cell in row.split(",")],
        )
        for n, (row, label) in enumerate(zip(given, said, strict=False), 1)
    ]
    assert "The first 20 rows" in page
    [address] = re.findall(r'href="(/requests/v1/predicted/\w+)"', page)
    saved = tab.get(address)
    assert saved.headers["content-disposition"].startswith("attachment")
    assert saved.headers["content-type"].startswith("text/csv")
    assert saved.content == as_csv(said)
    rows = list(csv.reader(io.StringIO(saved.text)))
    assert rows[0] == ["row_id", "label"]
    assert [one for _, one in rows[1:]] == said
    # Another table takes the place of the first one.
    kept = where.rpartition("=")[2]
    again = tab.post(
        "/requests/v1/predict",
        files={"rows": ("one.csv", "x,y,colour\n0,0,red\n")},
        data={"upload": kept},
    )
    assert again.headers["location"] == where
    assert "1 row of one.csv predicted." in re.sub(
        r"</?bdi>", "", words(tab.get(where).text)
    )


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("", "is empty"),
        ("x,y,colour\n", "new.csv"),
        ("x,colour\n1,red\n", "column 'y'"),
        ("x,y,colour\n1,soon,red\n", "row 1 (line 2)"),
        (b"\x00\xff\xfe", "new.csv"),
    ],
)
def test_what_cannot_be_predicted_is_told_beside_the_file(
    scene: tuple[Place, Tab], rows: str | bytes, said: str
) -> None:
    _, tab = scene
    answer = tab.post("/requests/v1/predict", files={"rows": ("new.csv", rows)})
    assert answer.status_code == 400
    [wrong] = re.findall(
        r'<span class="wrong" id="rows-wrong">(.*?)</span>', answer.text
    )
    assert said in words(wrong)
    assert 'id="predicted"' not in answer.text
    nothing = tab.post("/requests/v1/predict", data={"upload": ""})
    assert "No file was chosen." in words(nothing.text)


def test_rows_that_all_get_the_same_prediction_are_asked_about(
    scene: tuple[Place, Tab],
) -> None:
    _, tab = scene
    same = "Every row gets the same prediction"
    header, row = "x,y,colour\n", "0.1,0.2,red\n"
    assert same not in tab.get(send(tab, header + row)).text
    page = words(tab.get(send(tab, header + 30 * row)).text)
    [said] = re.findall(rf"{same}: (.*?)\. Are", page)
    assert said in page.partition("Prediction")[2]
    assert same not in tab.get(send(tab, NEW)).text


def test_rows_that_no_training_row_is_like_are_named(scene: tuple[Place, Tab]) -> None:
    _, tab = scene
    unlike = "No training row is like these"
    assert unlike not in tab.get(send(tab, "x,y,colour\n0.1,0.2,red\n")).text
    page = words(tab.get(send(tab, "x,y,colour\n1e9,0.2,RED\n0,0.2,RED\n")).text)
    assert unlike in page
    assert "'colour': 2 of 2 rows say what no training row says, such as 'RED'." in page
    assert "'x': 1 of 2 rows are outside the training rows'" in page
    # What was said of a table goes with it.
    where = send(tab, "x,y,colour\n1e9,0.2,red\n")
    kept = where.rpartition("=")[2]
    files = {"rows": ("one.csv", "x,y,colour\n0,0,red\n")}
    tab.post("/requests/v1/predict", files=files, data={"upload": kept})
    assert unlike not in tab.get(where).text


def test_what_a_table_needs_is_told_before_one_is_chosen(
    scene: tuple[Place, Tab],
) -> None:
    _, tab = scene
    page = words(tab.get("/requests/v1/predict").text)
    assert "The table needs the columns x, y, colour, by these names." in page


def test_many_columns_are_folded_and_very_many_are_counted(
    scene: tuple[Place, Tab], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, tab = scene
    monkeypatch.setattr(predictions, "MOST_NAMED", 2)
    page = tab.get("/requests/v1/predict").text
    folded = re.search(r'<details class="needed">(.*?)</details>', page)
    assert folded is not None
    assert words(folded[1]) == "The 3 columns that the table needsx, y, colour"
    monkeypatch.setattr(predictions, "MOST_LISTED", 2)
    page = words(tab.get("/requests/v1/predict").text)
    assert "x, y and 1 more column of the training part" in page


def test_what_was_predicted_of_another_table_goes_when_one_is_chosen(
    scene: tuple[Place, Tab],
) -> None:
    _, tab = scene
    where = send(tab, NEW)
    assert 'id="predicted"' in tab.get(where).text
    upload = where.rpartition("=")[2]
    chosen = {"rows": ("more.csv", NEW)}
    answer = tab.post(where, files=chosen, data={"upload": upload, "keep": "yes"})
    assert answer.status_code == 200
    for page in (answer.text, tab.get(where).text):
        assert "more.csv is here" in words(page)
        assert 'id="predicted"' not in page


def test_a_table_that_was_forgotten_is_to_be_chosen_again(
    scene: tuple[Place, Tab],
) -> None:
    _, tab = scene
    where = send(tab, NEW)
    kept = where.rpartition("=")[2]
    assert "new.csv is here, for an hour after its last use" in words(
        tab.get(where).text
    )
    tab.workspace.uploads.forget_idle(time.monotonic() + IDLE_S + 60)
    assert "is here" not in words(tab.get(where).text)
    answer = tab.post("/requests/v1/predict", upload=kept)
    assert answer.status_code == 400
    [wrong] = re.findall(
        r'<span class="wrong" id="rows-wrong">(.*?)</span>', answer.text
    )
    assert words(wrong) == (
        "What was chosen before is not here any more: files are kept for an hour. "
        "Choose it again."
    )


def test_a_refused_table_leaves_nothing_of_the_one_before(
    scene: tuple[Place, Tab],
) -> None:
    _, tab = scene
    where = send(tab, NEW)
    kept = where.rpartition("=")[2]
    answer = tab.post(
        "/requests/v1/predict",
        files={"rows": ("bad.csv", "x\n1\n")},
        data={"upload": kept},
    )
    assert answer.status_code == 400
    assert 'id="predicted"' not in answer.text
    assert tab.get(f"/requests/v1/predicted/{kept}").status_code == 404


@pytest.mark.parametrize(
    "rows", ["", "x\n1\n", "x,y,colour\n1,soon,red\n", "x,y,colour\n"]
)
def test_a_table_that_cannot_be_predicted_is_refused_when_it_is_chosen(
    scene: tuple[Place, Tab], rows: str
) -> None:
    _, tab = scene
    where = "/requests/v1/predict"
    chosen: dict[str, Any] = {"data": {"keep": "yes"}}
    answer = tab.post(where, files={"rows": ("new.csv", NEW)}, **chosen)
    assert answer.status_code == 200
    [kept] = re.findall(r'name="upload" value="(\w+)"', answer.text)
    chosen["data"]["upload"] = kept
    answer = tab.post(where, files={"rows": ("bad.csv", rows)}, **chosen)
    assert answer.status_code == 400
    assert 'id="rows-wrong"' in answer.text
    # The one before it stays.
    assert "new.csv is here" in words(answer.text)
    answer = tab.post(where, upload=kept)
    assert answer.headers["location"] == f"{where}?upload={kept}"


def test_whoever_predicts_much_loses_no_terms_that_were_typed(
    scene: tuple[Place, Tab],
) -> None:
    """So many of them are kept, and nothing is typed beside new rows."""
    _, tab = scene
    uploads = tab.workspace.uploads
    typed = uploads.begin()
    uploads.remember(typed, {"name": "mine"})
    for _ in range(MOST_TYPED + 1):
        send(tab, NEW)
    assert uploads.typed(typed) == {"name": "mine"}


def test_before_anybody_has_won_there_is_nothing_to_predict_with(
    scene: tuple[Place, Tab],
) -> None:
    _, tab = scene
    page = words(tab.get("/requests/v2/predict").text)
    assert "Nobody has won this request yet" in page
    assert "/requests/v2/predict" not in tab.get("/requests/v2").text
    answer = tab.post("/requests/v2/predict", files={"rows": ("n.csv", NEW)})
    assert answer.status_code == 400
    assert "Nobody has won" in words(answer.text)
    assert tab.get("/requests/v1/predicted/" + "0" * 32).status_code == 404


def test_an_exported_model_predicts_and_any_other_file_is_not_offered(
    tmp_path: Path,
) -> None:
    frame = pl.DataFrame({"x": [n % 30 for n in range(60)]}).with_columns(
        kind=pl.when(pl.col("x") > 14).then(pl.lit("b")).otherwise(pl.lit("a"))
    )
    with place("embedded", tmp_path) as here:
        rita, ann = here.join("rita"), here.join("ann")
        for number, name in ((1, "model.onnx"), (2, "notes.txt")):
            made = rita.create_request(
                frame, label="kind", reward="10", accept_findings=True, again=True
            )
            request = ann.request(made.id)
            features, labels = request.training_data()
            forest = RandomForestClassifier(5, random_state=0).fit(features, labels)
            path = tmp_path / name
            path.write_bytes(request.export(forest).data)
            said = list(forest.predict(request.test_data()))
            request.submit(path, None if number == 1 else said, again=True)
            for _ in range(20):
                if rita.request(made.id).record.stage.is_final:
                    break
                agent.run_once(rita)
                agent.run_once(ann)
                here.move_to(
                    rita.request(made.id).position().step_ends or here.connection.now()
                )
        with visiting(Workspace(rita)) as tab:
            assert 'href="/requests/1/predict"' in tab.get("/requests/1").text
            assert 'href="/requests/2/predict"' not in tab.get("/requests/2").text
            files = {"rows": ("new.csv", "x\n3\n29\n")}
            # Its first row is tried when the table is chosen.
            for rows, status in (
                ("x\n3\n29\n", 200),
                ("x\n", 400),
                ("y\n3\n", 400),
            ):
                answer = tab.post(
                    "/requests/1/predict",
                    files={"rows": ("new.csv", rows)},
                    data={"keep": "yes"},
                )
                assert answer.status_code == status
            assert "column 'x'" in words(answer.text)
            answer = tab.post("/requests/1/predict", files=files)
            page = tab.get(answer.headers["location"]).text
            assert re.findall(r"<strong><bdi>(\w)</bdi>", page) == ["a", "b"]
            answer = tab.post("/requests/2/predict", files=files)
            assert answer.status_code == 400
            # Nobody is led to choose a table for it, or to run it at all.
            page = tab.get("/requests/2/predict").text
            why = "The winner's folder has no ONNX file, and is not run."
            assert why in words(page)
            assert 'type="file"' not in page
            told = words(tab.get("/requests/2").text)
            assert (
                f"Any file can have won: predictions are bought here, and a model beside them. {why}"
                in told
            )
            assert "modelmarket reproduce" not in told
            assert "modelmarket reproduce 1" in words(tab.get("/requests/1").text)
