# SPDX-License-Identifier: Apache-2.0
"""A request's page says how good what won is, and no visit waits for it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sklearn.tree import DecisionTreeRegressor

from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import ChainError, NotFoundError
from modelmarket.market import Request
from modelmarket.market.contents import Contents
from modelmarket.market.measuring import measured
from modelmarket.protocol.types import RequestId
from modelmarket.system.text import measured as measured_number
from modelmarket.web import quality
from modelmarket.web.rendering import environment
from modelmarket.web.workspace import Workspace
from support.contests import contest, enter, finish
from support.market import Place, place
from support.visits import Tab, visiting

PATIENCE_S = 60.0
UNDER_WAY = "The figures are being worked out; they will stand here."


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    """Each test has a market of its own: what is known is kept."""
    with place("embedded", tmp_path / "people") as found:
        for name in ("rita", "ann"):
            found.join(name)
        yield found


@pytest.fixture
def tab(here: Place) -> Iterator[Tab]:
    """Rita's browser."""
    with visiting(Workspace(here.markets["rita"])) as found:
        yield found


def played(here: Place, mistakes: int = 3) -> Request:
    """Ann wins, with so many mistakes in twenty rows; Rita's agent has her folder."""
    here.create(here.markets["rita"])
    here.submit(here.markets["ann"], 1, mistakes)
    here.live(1)
    return here.markets["rita"].request(1)


def section(page: str) -> str:
    [found] = re.findall(r'id="live-quality">(.*?)</section>', page, re.DOTALL)
    return str(found)


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def known(tab: Tab, path: str) -> str:
    """What stands there as soon as it is worked out."""
    ends = time.monotonic() + PATIENCE_S
    while UNDER_WAY in (found := section(tab.get(path).text)):
        assert time.monotonic() < ends
        time.sleep(0.05)
    return found


def test_the_figures_stand_on_the_page_once_they_are_worked_out(
    here: Place, tab: Tab
) -> None:
    request = played(here)
    version = tab.workspace.version
    first = section(tab.get("/requests/1").text)
    assert words(first) == f"How good it is {UNDER_WAY}"
    html = known(tab, "/requests/1")
    # Open pages are told that there is something new.
    assert tab.workspace.version > version
    said = words(html)
    assert "accuracy 85.00% 63.96% to 94.76%" in said
    assert "macro F1 0.8" in said
    assert "No log loss: the winner’s folder has no probabilities.csv." in said
    assert (
        "<caption>Rows of each class, by what was predicted: true classes down the "
        "side, predicted ones across the top</caption>" in html
    )
    names = request.manifest().classes.names
    for name in names:
        assert f'<th scope="col" class="number"><bdi>{name}</bdi></th>' in html
        assert f'<th scope="row"><bdi>{name}</bdi></th>' in html
    assert html.count('class="number right"') == len(names)
    assert 'tabindex="0" role="region"' in html


def test_before_somebody_has_won_nothing_is_said(here: Place, tab: Tab) -> None:
    here.create(here.markets["rita"])
    assert section(tab.get("/requests/1").text).strip() == ""


def test_it_is_worked_out_once_however_often_the_page_is_shown(
    here: Place, tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    played(here)
    asked: list[RequestId] = []
    begun = threading.Event()

    def slow(request: Request, **options: Any) -> Any:
        asked.append(request.id)
        assert begun.wait(PATIENCE_S)
        return measured(request, **options)

    monkeypatch.setattr(quality, "measured", slow)
    for _ in range(3):
        # It is not done, and nobody waits.
        assert UNDER_WAY in tab.get("/requests/1").text
    begun.set()
    known(tab, "/requests/1")
    known(tab, "/requests/1")
    assert asked == [RequestId(1)]


def test_what_a_node_kept_from_being_known_is_told_and_tried_again(
    here: Place, tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    played(here)

    def away(*_: object, **__: object) -> None:
        raise ChainError("The node <b>answers</b> not.", hint="Is it `running`?")

    with monkeypatch.context() as without:
        without.setattr(quality, "measured", away)
        html = known(tab, "/requests/1")
    assert words(html).endswith(
        "The figures cannot be worked out now. The node <b>answers</b> not. "
        "Is it running ?"
    )
    assert "<b>" not in html
    monkeypatch.setattr(quality, "AGAIN_S", 0.0)
    tab.workspace.quality._known.clear()
    assert "accuracy 85.00%" in words(known(tab, "/requests/1"))


def test_what_nobody_foresaw_is_told_and_ends_nothing(
    here: Place, tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    played(here)
    with monkeypatch.context() as broken:
        broken.setattr(quality, "measured", lambda *_, **__: 1 // 0)
        said = words(known(tab, "/requests/1"))
    assert "Something happened here that nobody foresaw." in said
    tab.workspace.quality._known.clear()
    assert "accuracy 85.00%" in words(known(tab, "/requests/1"))


def test_nothing_is_fetched_for_whoever_only_looks(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    played(here)
    ben = here.join("ben")
    ben.request(1).fetch()

    def nobody(*_: object, **__: object) -> None:
        raise NotFoundError("nobody was to be asked")

    with visiting(Workspace(ben)) as tab:
        with monkeypatch.context() as watched:
            watched.setattr(Contents, "fetch_probabilities", nobody)
            said = words(known(tab, "/requests/1"))
        assert "No log loss: the winner’s files are not here yet." in said
        assert ben.request(1).kept_model() is None
        # Once it was fetched, it is looked into.
        tab.post("/requests/1/fetch", what="model")
        said = words(known(tab, "/requests/1"))
        assert "No log loss: the winner’s folder has no probabilities.csv." in said


def test_whoever_has_not_the_data_is_told_so(here: Place) -> None:
    played(here)
    with visiting(Workspace(here.join("ben"))) as tab:
        tab.workspace.market.look()
        said = words(section(tab.get("/requests/1").text))
        assert said.endswith(
            "The data are not here: fetch them under Data to see how good it is."
        )
        tab.post("/requests/1/fetch", what="data")
        assert "accuracy 85.00%" in words(known(tab, "/requests/1"))


def test_the_model_of_a_verified_contest_is_judged_once_it_is_here(
    here: Place,
) -> None:
    contest(here, here.markets["rita"])
    enter(here.markets["ann"])
    finish(here, "rita", "ann")
    ben = here.join("ben")
    ben.request("v1").fetch()
    with visiting(Workspace(ben)) as tab:
        said = words(section(tab.get("/requests/v1").text))
        assert "The model is not here: fetch it above" in said
        tab.post("/requests/v1/fetch", what="model")
        said = words(known(tab, "/requests/v1"))
    assert "balanced accuracy" in said
    assert "No log loss: an exact model says a class" in said


@pytest.mark.parametrize(
    ("error", "name"), [("absolute", "mean error"), ("squared", "RMSE")]
)
def test_beside_what_was_measured_stands_the_error_by_points(
    here: Place, tab: Tab, error: Any, name: str
) -> None:
    """They differ: points count errors in whole steps."""
    path = here.folder / "houses.csv"
    rows = [f"{at},{at % 7},{3 * at}.{at % 10}" for at in range(100)]
    path.write_text("\n".join(["size,floor,price", *rows]) + "\n")
    houses = Source(open_table(path, header=True), label="price")
    options: dict[str, Any] = {"stratified": False, "accept_findings": True}
    contest(here, here.markets["rita"], source=houses, error=error, **options)
    request = here.markets["ann"].request("v1")
    training = request.training()
    tree = DecisionTreeRegressor(max_depth=3, random_state=0)
    tree.fit(training.codes, training.targets)
    request.submit(tree, show=None)
    done = finish(here, "rita", "ann")
    said = words(known(tab, "/requests/v1"))
    assert "mean absolute error" in said
    winner = done.winner()
    assert winner is not None
    by_points = done.error_of(winner.record.score or 0)
    assert by_points is not None
    assert f"By its points the {name} is {measured_number(by_points)}:" in said


def test_strangers_class_names_come_out_as_text() -> None:
    import numpy as np

    from modelmarket.datasets.metrics import of_classes

    nasty = '<script>alert(1)</script>"\x1b'
    for count in (2, 40):
        names = [nasty, *(f"{nasty[:9]}{one}" for one in range(count - 1))]
        truth = np.arange(count, dtype=np.uint16)
        good = of_classes(truth, truth[::-1].copy(), names)
        template = "{% import 'parts.html' as parts %}{{ parts.metrics(good) }}"
        page = environment().from_string(template).render(good=good)
        assert "<script" not in page
        assert "\x1b" not in page
        assert ("The commonest mistakes" in page) is (count == 40)


def test_numbers_have_no_classes_to_be_confused() -> None:
    import numpy as np

    from modelmarket.datasets.metrics import of_numbers

    good = of_numbers(np.arange(9.0), np.arange(9.0) ** 1.1)
    template = "{% import 'parts.html' as parts %}{{ parts.metrics(good) }}"
    page = environment().from_string(template).render(good=good)
    assert "mean absolute error" in page
    assert "R²" in page
    assert page.count("<table") == 1
