# SPDX-License-Identifier: Apache-2.0
"""What was tested can be saved with its labels, once these are open."""

from __future__ import annotations

import io
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import numpy as np
import polars as pl
import pytest

from modelmarket.market import VerifiedRequest, tested
from modelmarket.web.workspace import Workspace
from support.contests import contest, enter, finish, other_contest
from support.market import Place, place
from support.visits import Tab, visiting, words


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Tab]]:
    """Of each kind a request that is open, and one that is not; whoever looks has the
    data of all but one.
    """
    with place("embedded", tmp_path_factory.mktemp("people")) as here:
        rita, ann, _ = (here.join(name) for name in ("rita", "ann", "ben"))
        request = here.create(rita, rows=100)
        here.submit(ann, request.id)
        here.live(request.id)
        contest(here, rita)
        enter(ann)
        finish(here)
        here.create(rita)
        other_contest(rita)
        with visiting(Workspace(rita)) as tab:
            yield here, tab


def saved(answer: httpx.Response) -> pl.DataFrame:
    assert answer.status_code == 200, words(answer.text)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    return pl.read_csv(io.BytesIO(answer.content), infer_schema=False)


@pytest.mark.parametrize("at_once", [7, 10_000])
def test_rows_of_predictions_are_as_they_were_published(
    scene: tuple[Place, Tab], monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("modelmarket.datasets.frames.BATCH_BYTES", at_once)
    here, tab = scene
    rows = saved(tab.get("/requests/1/tested.csv"))
    folder = here.markets["rita"].request(1).record.dataset
    published = tab.get(f"/files/{folder}/{quote('test.csv')}").content
    assert rows.drop("label").equals(
        pl.read_csv(io.BytesIO(published), infer_schema=False)
    )
    assert rows["label"].to_list() == [
        "odd" if int(n) % 2 else "even" for n in rows["n"]
    ]


@pytest.mark.parametrize("at_once", [7, 10_000])
def test_rows_of_a_verified_contest_are_in_the_codes_that_models_are_judged_by(
    scene: tuple[Place, Tab], monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(tested, "ROWS_AT_ONCE", at_once)
    here, tab = scene
    rows = saved(tab.get("/requests/v1/tested.csv"))
    found = here.markets["rita"].request("v1")
    assert isinstance(found, VerifiedRequest)
    assert rows["row_id"].cast(pl.Int64).to_list() == [*range(1, found.terms.rows + 1)]
    codes = rows.drop("row_id", "label").cast(pl.Int64)
    assert codes.columns == list(found.schema.names)
    np.testing.assert_array_equal(codes.to_numpy(), found.opened().codes)
    named = found.schema.target.decode(found.opened().targets)
    assert rows["label"].to_list() == named
    assert len(set(named)) > 1


@pytest.mark.parametrize("number", ["2", "v2"])
def test_before_labels_are_open_nobody_is_given_any(
    scene: tuple[Place, Tab], number: str
) -> None:
    _, tab = scene
    assert "tested.csv" not in tab.get(f"/requests/{number}/data").text
    answer = tab.get(f"/requests/{number}/tested.csv")
    assert answer.status_code == 400
    assert f"The labels of request {number} are not open yet" in words(answer.text)


@pytest.mark.parametrize("number", ["1", "v1"])
def test_the_data_tab_leads_to_them(scene: tuple[Place, Tab], number: str) -> None:
    _, tab = scene
    page = tab.get(f"/requests/{number}/data").text
    assert f'href="/requests/{number}/tested.csv" download' in page
    assert "rows are open: all of them with their labels" in words(page)
    assert ("in the codes that models are judged by" in words(page)) == (number == "v1")


@pytest.mark.parametrize("number", ["1", "v1"])
def test_whoever_has_no_data_is_told_where_they_are_fetched(
    scene: tuple[Place, Tab], number: str
) -> None:
    here, _ = scene
    with visiting(Workspace(here.join(f"looker {number}"))) as tab:
        tab.workspace.market.look()
        answer = tab.get(f"/requests/{number}/tested.csv")
        assert answer.status_code == 404
        assert "are not here" in words(answer.text)
        tab.post(f"/requests/{number}/fetch", what="data", back="/")
        assert len(saved(tab.get(f"/requests/{number}/tested.csv"))) > 10
