# SPDX-License-Identifier: Apache-2.0
"""Probabilities of each class go with predictions; a file that does not fit is told why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import polars as pl
import pytest

from modelmarket.market.contents import PROBABILITIES
from modelmarket.protocol.actions import Submit
from modelmarket.storage.cid import Cid
from modelmarket.web.workspace import Workspace
from support.market import Place, place
from support.visits import Tab, visiting, words

ROWS = 20
SURE = "odd,even\n" + "0.75,0.25\n" * ROWS
OTHERS = "odd,even\n" + "0.75,0.25\n" + "0.25,0.75\n" * (ROWS - 1)
"""All but one of them contradict what is predicted."""
FIELD = 'name="probabilities"'


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    """A node of its own, with rita and ann."""
    with place("embedded", tmp_path / "people") as found:
        for name in ("rita", "ann"):
            found.join(name)
        yield found


@pytest.fixture
def tab(here: Place) -> Iterator[Tab]:
    """Ann's browser, with the data of rita's request."""
    here.create(here.markets["rita"])
    here.markets["ann"].request(1).fetch()
    with visiting(Workspace(here.markets["ann"])) as found:
        yield found


def send(
    tab: Tab, probabilities: str | bytes | None = None, **form: str
) -> httpx.Response:
    """Predictions and a model, unless they are still there, and probabilities."""
    files: dict[str, tuple[str, str | bytes]] = {}
    if "upload" not in form:
        files["predictions"] = ("p.csv", "label\n" + "odd\n" * ROWS)
        files["model"] = ("m.bin", b"m")
    if probabilities is not None:
        files["probabilities"] = ("sure.csv", probabilities)
    if not files:
        return tab.post("/requests/1/submit", **form)
    return tab.post("/requests/1/submit", files=files, data=form)


def told(answer: httpx.Response) -> str:
    """What the page says, without its tags."""
    assert answer.status_code == 400, answer.text
    return unescape(re.sub(r"</?(?:bdi|strong)>", "", answer.text))


def still_there(answer: httpx.Response) -> str:
    found = re.search(r'name="upload" value="(\w+)"', answer.text)
    assert found is not None
    return found[1]


def sealed(tab: Tab, answer: httpx.Response) -> bytes | None:
    """The file of probabilities in the folder that was sealed, if there is one."""
    assert answer.status_code == 303, answer.text
    number = int(answer.headers["location"].rsplit("/", 1)[1])
    action = tab.workspace.actions.get(number).action
    assert isinstance(action, Submit)
    market = tab.workspace.market
    secret = market.vault.predictions(action.seal)
    assert secret is not None
    folder = market.store.node(Cid.parse(secret.model))
    found = {one.name: one.cid for one in folder.links}
    assert {"m.bin", "predictions.csv"} <= found.keys()
    at = found.get(PROBABILITIES)
    return None if at is None else market.store.read_bytes(at)


def test_probabilities_are_sealed_beside_the_predictions(tab: Tab) -> None:
    page = tab.get("/requests/1/submit").text
    assert FIELD in page
    assert "named after the class" in page
    assert "Submit without probabilities" not in page
    found = sealed(tab, send(tab, SURE))
    assert found is not None
    assert found.startswith(b"row_id,")
    assert found.count(b"\n") == ROWS + 1


def test_the_receipt_names_the_probabilities(tab: Tab) -> None:
    receipt = words(tab.get(send(tab, SURE).headers["location"]).text)
    assert "every test row has one prediction, a known class" in receipt
    chosen = "model m.bin, predictions p.csv, probabilities sure.csv"
    assert re.search(rf"Made from ?{chosen}", receipt)
    assert "and a probability of each class" in receipt
    assert "model, predictions and probabilities, unless" in receipt
    assert "likelier" not in receipt
    turned = words(tab.get(send(tab, OTHERS).headers["location"]).text)
    assert f"; in {ROWS - 1} of {ROWS} rows another class is likelier" in turned
    assert re.search(r"Probabilities ?probabilities\.csv, \d", receipt)
    receipt = words(tab.get(send(tab).headers["location"]).text)
    assert "probabilities.csv" not in receipt


@pytest.mark.parametrize(
    ("files", "field"),
    [
        (
            {"predictions": ("p.csv", "label\nblue\n"), "model": ("m.bin", b"m")},
            "predictions",
        ),
        ({"predictions": ("p.csv", "label\n" + "odd\n" * ROWS)}, "model"),
        ({"model": ("m.bin", b"m")}, "predictions"),
        ({"model": ("m.bin", b""), "predictions": ("p.csv", "label\nodd\n")}, "model"),
    ],
    ids=["unknown class", "no model", "no predictions", "empty model"],
)
def test_what_is_wrong_stands_beside_its_field(
    tab: Tab, files: dict[str, tuple[str, str | bytes]], field: str
) -> None:
    page = told(tab.post("/requests/1/submit", files=files))
    [invalid] = re.findall(r'<input type="file" name="(\w+)" aria-invalid="true"', page)
    assert invalid == field
    assert f'aria-describedby="{field}-wrong"' in page
    assert f'id="{field}-wrong"' in page


def test_whoever_gives_none_seals_none(tab: Tab) -> None:
    assert sealed(tab, send(tab)) is None


WRONG: dict[str, tuple[str | bytes, str]] = {
    "a-row-less": ("row_id,odd,even\n1,0.5,0.5\n", "sure.csv: id '2' is missing"),
    "a-sum": (
        SURE.replace("0.25", "0.2", 1),
        "sure.csv, row 1 (line 2), id '1': the probabilities add",
    ),
    "a-text": (
        SURE.replace("0.25", "low", 1),
        "sure.csv, row 1 (line 2): 'low' is no number",
    ),
    "a-class-less": ("odd\n" + "1\n" * ROWS, "sure.csv has no column for the class"),
    "another-class": ("odd,even,top\n" + "1,0,0\n" * ROWS, "'top', which is no class"),
    "nothing": ("", "sure.csv is empty"),
    "a-picture": (b"\x89PNG\r\n\x1a\n\0\xff\xfe", "sure.csv"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_with_a_file_is_told_and_nothing_is_sealed(
    tab: Tab, what: str
) -> None:
    text, said = WRONG[what]
    answer = send(tab, text)
    alert = re.search(r'id="problem">(.*?)</div>', told(answer), re.DOTALL)
    assert alert is not None
    assert said in alert[1]
    # Without it the same form goes through, and not before somebody says so.
    [why] = re.findall(r'name="refused_probabilities" value="([^"]+)"', answer.text)
    form = {"upload": still_there(answer), "refused_probabilities": unescape(why)}
    assert "Submit without probabilities" in told(answer)
    assert said in told(send(tab, **form))
    assert sealed(tab, send(tab, **form, without_probabilities="yes")) is None


def test_another_file_takes_the_place_of_the_one_that_was_wrong(tab: Tab) -> None:
    answer = send(tab, WRONG["a-sum"][0])
    again = send(tab, SURE, upload=still_there(answer))
    assert sealed(tab, again) is not None


def test_whatever_else_is_missing_the_file_is_still_here(tab: Tab) -> None:
    files = {"probabilities": ("sure.csv", SURE), "model": ("m.bin", b"m")}
    answer = tab.post("/requests/1/submit", files=files)
    assert "No file was chosen as predictions." in told(answer)
    assert "sure.csv is here" in told(answer)
    files = {"predictions": ("p.csv", ("label\n" + "odd\n" * ROWS).encode())}
    form = {"upload": still_there(answer)}
    assert (
        sealed(tab, tab.post("/requests/1/submit", files=files, data=form)) is not None
    )


def test_a_model_that_comes_alone_says_itself_how_sure_it_is(tab: Tab) -> None:
    from sklearn.linear_model import LogisticRegression

    request = tab.workspace.market.request(1)
    data = request.export(LogisticRegression().fit(*request.training_data())).data
    files = {"model": ("m.onnx", data), "probabilities": ("sure.csv", SURE)}
    answer = tab.post("/requests/1/submit", files=files)
    assert "A model says by itself how sure it is of each class." in told(answer)
    assert "Leave the probabilities out." in told(answer)


def test_numbers_in_bins_have_no_probabilities(here: Place) -> None:
    frame = pl.DataFrame({"x": [n % 30 for n in range(60)]})
    here.markets["rita"].create_request(
        frame.with_columns(price=pl.col("x") * 1.5),
        label="price",
        reward="10",
        bins=4,
        accept_findings=True,
    )
    ann = here.markets["ann"]
    ann.request(1).fetch()
    with visiting(Workspace(ann)) as tab:
        assert FIELD not in tab.get("/requests/1/submit").text
        files = {
            "predictions": ("p.csv", "label\n" + "3\n" * 12),
            "model": ("m.bin", b"m"),
            "probabilities": ("sure.csv", SURE),
        }
        answer = tab.post("/requests/1/submit", files=files)
        assert "The labels are numbers, and have no probabilities." in told(answer)
        del files["probabilities"]
        answer = tab.post("/requests/1/submit", files=files)
        receipt = words(tab.get(answer.headers["location"]).text)
        assert "every test row has one prediction, a number" in receipt
        assert "Predicted, by the number of the bin" in receipt
        assert "a known class" not in receipt


def test_data_that_are_not_here_yet_tell_no_classes_to_be_sure_of(here: Place) -> None:
    here.create(here.markets["rita"])
    with visiting(Workspace(here.markets["ann"])) as tab:
        assert FIELD not in tab.get("/requests/1/submit").text
