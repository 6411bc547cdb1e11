# SPDX-License-Identifier: Apache-2.0
"""Whether a model was run, and what came of it, is said wherever it is offered."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from sklearn.tree import DecisionTreeClassifier

from modelmarket.market import Request, inspecting
from modelmarket.web.workspace import Workspace
from support.market import Place
from support.visits import visiting

Give = Callable[..., tuple[object, str, str]]
NOBODY = (
    "Any file can have won: nobody has checked on this computer yet whether this "
    "model makes what was paid for. "
    "`modelmarket reproduce 1` does."
)


def played(here: Place, *, mistakes: int) -> Request:
    """Ann wins with a tree, of which some rows were changed by hand."""
    rita, ann = here.markets["rita"], here.markets["ann"]
    here.create(rita)
    request = ann.request(1)
    tree = DecisionTreeClassifier(random_state=0).fit(*request.training_data())
    model = request.export(tree)
    labels = model.predict(request.test_data())
    labels[:mistakes] = [
        "odd" if one == "even" else "even" for one in labels[:mistakes]
    ]
    path = rita.home.path / "model.onnx"
    path.write_bytes(model.data)
    if mistakes:
        request.submit(path, labels, show=None)
    else:
        request.submit(path, show=None)
    here.live(1)
    return rita.request(1)


def page_says(here: Place) -> str:
    with visiting(Workspace(here.markets["rita"])) as tab:
        tab.workspace.market.look()
        page = tab.get("/requests/1").text
    [said] = re.findall(r'id="reproduction">(.*?)</p>', page)
    return html.unescape(re.sub(r"<[^>]*>", "", said))


@pytest.mark.parametrize(
    ("mistakes", "code", "line"),
    [
        (
            0,
            0,
            "Reproduced: the model says what was opened of 20 of 20 rows (100.00%).",
        ),
        (
            3,
            1,
            "Different: the model says what was opened of 17 of 20 rows (85.00%). "
            "Something else made the others.",
        ),
    ],
)
def test_until_somebody_has_run_it_any_file_can_have_won(
    here: Place, give: Give, mistakes: int, code: int, line: str
) -> None:
    request = played(here, mistakes=mistakes)
    ann = here.markets["ann"].wallet.address

    assert request.reproduced() is None
    shown = give("rita", "request", "show", "1")[1]
    assert f"  {NOBODY}\n" in shown
    document = json.loads(give("rita", "request", "show", "1", "--json")[1])
    assert document["reproduction"] is None
    # With what leads to this market from any terminal.
    command = f"reproduce 1 --home {here.markets['rita'].home.path} --network test"
    assert page_says(here) == NOBODY.replace("`", "").replace("reproduce 1", command)
    assert NOBODY in request._repr_html_()
    assert here.markets["rita"].reputation(ann).as_trainer.run == 0

    found, told, _ = give("rita", "reproduce", "1")
    assert (found, told.splitlines()[0]) == (code, line)
    rows = [one.split("\t") for one in told.splitlines()[1:]]
    assert len(rows) == (mistakes + 1 if mistakes else 0)
    if mistakes:
        assert rows[0] == ["row", "opened", "the model says"]
        assert [one[0] for one in rows[1:]] == ["1", "2", "3"]
        assert all(one[1] != one[2] for one in rows[1:])

    kept = request.reproduced()
    assert kept is not None
    assert kept.at > 1_700_000_000
    assert f"  {line}\n" in give("rita", "request", "show", "1")[1]
    document = json.loads(give("rita", "request", "show", "1", "--json")[1])
    assert document["reproduction"]["alike"] == 20 - mistakes
    assert page_says(here) == line
    trainer = here.markets["rita"].reputation(ann).as_trainer
    assert (trainer.run, trainer.reproduced) == (1, 1 if not mistakes else 0)
    # Whoever has not run it knows nothing of it.
    assert here.markets["ann"].request(1).reproduced() is None

    # What no chain tells is not forgotten with what it does.
    here.markets["rita"].index.rebuild()
    assert request.refresh().reproduced() == kept


def test_a_model_that_was_only_stopped__is_not_told_of(here: Place, give: Give) -> None:
    request = played(here, mistakes=0)
    code, told, _ = give("rita", "reproduce", "1", "--memory", "1", "--json")
    assert code == 1
    assert json.loads(told)["outcome"] == "stopped"
    assert request.reproduced() is None


def test_a_stranger_is_run_without_confinement_by_consent_alone(
    here: Place, give: Give
) -> None:
    played(here, mistakes=0)
    code, _, errors = give("rita", "reproduce", "1", "--unconfined")
    assert code == 2
    assert "it could read your files, and send them away" in errors
    assert "--accept-risk" in errors
    code, _, _ = give("rita", "reproduce", "1", "--unconfined", "--accept-risk")
    assert code == 0


def test_new_rows_are_predicted_by_the_model_that_won(
    here: Place, give: Give, tmp_path: Path
) -> None:
    played(here, mistakes=0)
    new = tmp_path / "new.csv"
    pl.DataFrame({"n": [4, 7], "square": [16, 49]}).write_csv(new)
    code, told, _ = give("rita", "model", "predict", "1", str(new))
    assert (code, len(told.splitlines())) == (0, 2), told
    assert set(told.split()) <= {"odd", "even"}
    # What no training row is like is named, beside what a program may read.
    pl.DataFrame({"n": [4, 7], "square": [16, 10**9]}).write_csv(new)
    code, told, errors = give("rita", "model", "predict", "1", str(new))
    assert (code, len(told.splitlines())) == (0, 2)
    assert "'square': 1 of 2 rows are outside the training rows'" in errors
    code, told, _ = give("rita", "model", "predict", "1", str(new), "--json")
    [unlike] = json.loads(told)["unusual"]
    assert (unlike["column"], unlike["rows"]) == ("square", 1)
    code, _, errors = give("rita", "model", "predict", "1", str(new), "--unconfined")
    assert (code, "--accept-risk" in errors) == (2, True)


def test_what_is_in_a_folder_is_told_and_ends_with_one_if_it_is_dangerous(
    here: Place, give: Give, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    assert give("rita", "model", "inspect", str(folder))[:2] == (
        0,
        "There is no file in it.\n",
    )
    (folder / "readme.txt").write_text("the best\nmodel\n")
    assert give("rita", "model", "inspect", str(folder))[:2] == (
        0,
        "readme.txt: text, 15 bytes\n  2 lines.\n",
    )
    (folder / "model.onnx").write_bytes(b"cposix\nsystem\n(S'id'\ntR.")
    code, told, _ = give("rita", "model", "inspect", str(folder))
    assert code == 1
    assert "  DANGER: It would fetch posix.system.\n" in told
    for nothing in (str(tmp_path / "nothing"), "x" * 5_000):
        code, _, errors = give("rita", "model", "inspect", nothing)
        assert (code, "it is no CID" in errors) == (3, True)


def test_files_behind_those_that_took_too_long_are_not_looked_into(
    here: Place, give: Give, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.txt").write_text("the best\n")
    monkeypatch.setattr(inspecting, "MOST_S", -1.0)
    code, told, _ = give("rita", "model", "inspect", str(tmp_path / "one.txt"))
    assert (code, "the others took too long" in told) == (1, True)
    del here


def test_a_name_of_several_lines_forges_none(
    here: Place, give: Give, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a\nmodel.onnx: ONNX model, 5 bytes").write_text("x")
    told = give("rita", "model", "inspect", str(folder))[1]
    assert len(told.splitlines()) == 2
    del here
