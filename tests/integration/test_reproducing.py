# SPDX-License-Identifier: Apache-2.0
"""Whether the model that won made what it was paid for: run, compared, and told."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from modelmarket.audit import audit
from modelmarket.errors import (
    ConfinementError,
    DataError,
    NotFoundError,
    StepError,
)
from modelmarket.market import Request, VerifiedRequest
from modelmarket.market.contents import Contents
from modelmarket.market.verified.calls import call_of
from modelmarket.market.verified.submission import VerifiedSubmission
from modelmarket.models.onnx import OnnxModel
from modelmarket.protocol.actions import Settle
from modelmarket.protocol.reproductions import MOST_SHOWN, Differing, Outcome
from modelmarket.protocol.types import RequestId
from modelmarket.system import confinement
from modelmarket.system.confinement import Limits
from support.contests import (
    contest,
    corrected,
    enter,
    finish,
    to_claims,
    to_validation,
)
from support.market import Place, refused

ROWS, TEST_ROWS = 150, 30
PROMISE = "The model gives the predictions that were opened"


def published(here: Place) -> Request:
    """A request about which class a number is in."""
    rng = np.random.default_rng(3)
    x = rng.integers(0, 100, ROWS)
    frame = pl.DataFrame(
        {
            "x": x,
            "y": rng.random(ROWS),
            "kind": [("low", "high", "top")[one // 34] for one in x],
        }
    )
    here.markets["rita"].create_request(
        frame, label="kind", reward="10", accept_findings=True
    )
    request = here.markets["ann"].request(1)
    assert isinstance(request, Request)
    return request


def fitted(request: Request) -> OnnxModel:
    forest = RandomForestClassifier(8, random_state=1)
    return request.export(forest.fit(*request.training_data()))


def sees(here: Place, name: str = "rita") -> Request:
    request = here.markets[name].request(1)
    assert isinstance(request, Request)
    return request


def told_by_audit(here: Place) -> tuple[bool | None, str]:
    [verdict] = [
        one
        for one in audit(here.markets["rita"], RequestId(1))
        if one.promise == PROMISE
    ]
    return verdict.passed, verdict.figures


def test_a_model_that_won_by_its_own_predictions__is_reproduced(here: Place) -> None:
    request = published(here)
    with pytest.raises(StepError, match="has no winner"):
        request.reproduce()
    request.submit(fitted(request), show=None)
    here.live(1)
    found = sees(here).reproduce()
    assert (found.outcome, found.alike, found.rows) == (
        *(Outcome.REPRODUCED, TEST_ROWS, TEST_ROWS),
    )
    assert found.is_reproduced
    assert found.differing == ()
    assert found.model == sees(here).record.model
    assert found.lines() == [
        "Reproduced: the model says what was opened of 30 of 30 rows (100.00%)."
    ]
    assert told_by_audit(here) == (True, "30 of 30 rows alike")


@pytest.mark.parametrize("change", [1, MOST_SHOWN, MOST_SHOWN + 1])
def test_a_file_that_says_something_else__is_told_row_by_row(
    here: Place, tmp_path: Path, change: int
) -> None:
    request = published(here)
    model = fitted(request)
    right = model.predict(request.test_data())
    path = tmp_path / "Mine.ONNX"
    path.write_bytes(model.data)
    other = [
        ("low" if one == "top" else "top") if row < change else one
        for row, one in enumerate(right)
    ]
    request.submit(path, other)
    here.live(1)
    found = sees(here).reproduce()
    assert found.outcome is Outcome.DIFFERENT
    assert (found.alike, found.rows) == (TEST_ROWS - change, TEST_ROWS)
    assert found.differing == tuple(
        Differing(row + 1, other[row], right[row])
        for row in range(min(change, MOST_SHOWN))
    )
    share = (TEST_ROWS - change) / TEST_ROWS
    [line] = found.lines()
    assert line == (
        f"Different: the model says what was opened of {TEST_ROWS - change} of 30 rows "
        f"({share:.2%}). Something else made the others."
    )
    printed = str(found).splitlines()
    assert printed[:2] == [
        line,
        f"row 1: {other[0]} was opened, the model says {right[0]}",
    ]
    assert len(printed) == 1 + min(change, MOST_SHOWN)
    passed, figures = told_by_audit(here)
    assert (passed, figures) == (False, f"{TEST_ROWS - change} of 30 rows alike")


ANY_FILE = {
    "a-text": ({"model.txt": b"x > 50"}, "no ONNX file"),
    "two-of-them": ({"a.onnx": b"", "b.onnx": b""}, "2 ONNX files"),
    "a-pickle": ({"model.onnx": b"\x80\x04K\x01."}, "This model cannot be run"),
}


@pytest.mark.parametrize("what", ANY_FILE)
def test_any_other_file__is_not_reproducible(
    here: Place, tmp_path: Path, what: str
) -> None:
    files, why = ANY_FILE[what]
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    path = folder if len(files) > 1 else folder / next(iter(files))
    request = published(here)
    guess = ["low"] * TEST_ROWS
    request.submit(path, guess)
    here.live(1)
    found = sees(here).reproduce()
    assert found.outcome is Outcome.NOT_REPRODUCIBLE
    assert (found.alike, found.rows, found.differing) == (None, TEST_ROWS, ())
    assert why in found.why
    assert found.lines()[-1].startswith("Any file can have won")
    passed, figures = told_by_audit(here)
    assert passed is None
    assert why in figures


def test_the_model_that_won__predicts_new_rows(here: Place, tmp_path: Path) -> None:
    """Words of digits stay words, though these rows have no others."""
    rng = np.random.default_rng(3)
    codes = [f"{one:03}" if one % 3 else f"n{one}" for one in rng.integers(0, 9, ROWS)]
    kinds = ["even" if one[-1] in "02468" else "odd" for one in codes]
    frame = pl.DataFrame({"code": codes, "x": rng.random(ROWS), "kind": kinds})
    here.markets["rita"].create_request(
        frame, label="kind", reward="10", accept_findings=True
    )
    request = here.markets["ann"].request(1)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer((encoder, ["code"]), remainder="passthrough")
    model = make_pipeline(columns, DecisionTreeClassifier(random_state=0))
    request.submit(model.fit(*request.training_data()), show=None)
    with pytest.raises(StepError, match="has no winner"):
        request.predict(frame)
    here.live(1)
    path = tmp_path / "new.csv"
    path.write_text("x,code\n0.5,002\n0.5,007\n0.5,004\n")
    rita = sees(here)
    assert rita.predict(path) == ["even", "odd", "even"]
    assert rita.predict(frame.drop("kind")) == kinds
    with pytest.raises(DataError, match="reads a column 'code'"):
        rita.predict(frame.select("x"))
    refused(
        here.markets["rita"],
        "accept_risk",
        lambda: rita.predict(path, unconfined=True),
    )


def test_a_model_in_a_folder__is_found_there(here: Place, tmp_path: Path) -> None:
    request = published(here)
    model = fitted(request)
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "readme.md").write_text("the best")
    (folder / "forest.onnx").write_bytes(model.data)
    request.submit(folder, model.predict(request.test_data()))
    here.live(1)
    assert sees(here).reproduce().is_reproduced


def test_a_model_beyond_its_limits__is_stopped(here: Place) -> None:
    request = published(here)
    request.submit(fitted(request), show=None)
    here.live(1)
    found = sees(here).reproduce(replace(Limits(), memory_bytes=2**12))
    assert found.outcome is Outcome.STOPPED
    assert found.alike is None
    assert "memory" in found.why


def test_where_nothing_can_be_confined__it_is_run_only_by_who_means_it(
    here: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    request = published(here)
    request.submit(fitted(request), show=None)
    here.live(1)
    # A Python whose kernel has no such filter.
    sources = tmp_path / "sources"
    shutil.copytree(confinement._SOURCES / "modelmarket", sources / "modelmarket")
    inner = sources / "modelmarket" / "system" / "confined.py"
    text = inner.read_text()
    assert text.count("_SET_FILTER, _FOR_ALL_THREADS = 1, 1") == 1
    inner.write_text(
        text.replace("_FOR_ALL_THREADS = 1, 1", "_FOR_ALL_THREADS = 99, 1")
    )
    monkeypatch.setattr(confinement, "_SOURCES", sources)

    mine = sees(here)
    with pytest.raises(ConfinementError, match="cannot confine") as told:
        mine.reproduce()
    assert told.value.exit_code == 10
    passed, figures = told_by_audit(here)
    assert passed is None
    assert figures.startswith("it was not run: This machine cannot confine")
    said = refused(
        here.markets["rita"], "accept_risk", lambda: mine.reproduce(unconfined=True)
    )
    assert "could read your files" in said
    assert mine.reproduce(unconfined=True, accept_risk=True).is_reproduced


def test_what_keeps_it_from_being_run_is_no_fault_of_the_winners(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = published(here)
    request.submit(fitted(request), show=None)
    here.live(1)
    mine = sees(here)
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "onnxruntime", None)
        with pytest.raises(NotFoundError, match="onnxruntime, which is not installed"):
            mine.reproduce()
        passed, figures = told_by_audit(here)
        assert (passed, figures[:14]) == (None, "it was not run")
    with monkeypatch.context() as shorter:
        frame = Contents.frame
        shorter.setattr(
            Contents, "frame", lambda *words, **more: frame(*words, **more).head(29)
        )
        found = mine.reproduce()
        assert found.outcome is Outcome.NOT_REPRODUCIBLE
        assert found.why == "30 rows were opened, and the dataset has 29."
        assert told_by_audit(here)[0] is None
    with monkeypatch.context() as away:
        away.setattr(Contents, "fetch_model", nobody_serves)
        with pytest.raises(NotFoundError, match="nobody serves it"):
            mine.reproduce()
        assert told_by_audit(here) == (None, "it was not run: nobody serves it")


def nobody_serves(*_: object, **__: object) -> None:
    raise NotFoundError("nobody serves it")


def test_whoever_only_looks_runs_nothing(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = published(here)
    request.submit(fitted(request), show=None)
    here.live(1)
    rita = here.markets["rita"]

    def looked() -> tuple[bool | None, str]:
        verdicts = audit(rita, RequestId(1), runs_models=False)
        [found] = [one for one in verdicts if one.promise == PROMISE]
        return found.passed, found.figures

    with monkeypatch.context() as watched:
        watched.setattr(subprocess, "Popen", nobody_serves)
        passed, figures = looked()
        assert passed is None
        assert "`modelmarket reproduce 1` runs the model" in figures
    sees(here).reproduce()
    with monkeypatch.context() as watched:
        watched.setattr(subprocess, "Popen", nobody_serves)
        assert looked() == (True, "30 of 30 rows alike")


# --- verified contests ---


def settled(here: Place) -> VerifiedRequest:
    contest(here, here.markets["rita"])
    enter(here.markets["ann"])
    return finish(here)


def test_the_model_of_a_verified_contest__is_recomputed_to_the_last_row(
    here: Place,
) -> None:
    request = settled(here)
    found = request.reproduce()
    assert found.is_reproduced
    assert found.alike == found.rows == request.terms.rows


def test_a_lie_that_nobody_refuted__is_told_row_by_row(here: Place) -> None:
    request = contest(here, here.markets["rita"])
    enter(here.markets["ann"], depth=1)
    to_claims(here, request)
    entry = mine(here)
    lie = corrected(entry, wrong=0)
    entry.claim(lie.score)
    to_validation(here)
    mine(here).show(lie)
    # Nobody watches: the window passes.
    rita = here.markets["rita"]
    here.move_to(rita.request("v1").position().step_ends)
    rita.request("v1").settle()
    # Whoever comes after it is not told that nobody has shown a model.
    rita.look()
    with pytest.raises(StepError, match="Contest v1 has ended"):
        call_of(rita, Settle(RequestId.parse("v1")))
    found = rita.request("v1").reproduce()
    assert found.outcome is Outcome.DIFFERENT
    assert found.alike is not None
    assert found.alike < found.rows
    first = found.differing[0]
    assert first.opened != first.computed


def mine(here: Place) -> VerifiedSubmission:
    """Ann's submission, as she sees it now."""
    request = here.markets["ann"].request("v1")
    [found] = request.mine()
    return found


def test_a_tree_is_run_on_whatever_table_the_test_part_was(here: Place) -> None:
    """Gaps and words go the same way as at the trainer's."""
    rng = np.random.default_rng(5)
    x = rng.integers(0, 50, ROWS)
    frame = pl.DataFrame(
        {
            "x": [None if one % 7 == 0 else int(one) for one in x],
            "kind": ["odd" if one % 2 else "even" for one in x],
        }
    )
    here.markets["rita"].create_request(
        frame, label="kind", reward="10", accept_findings=True, again=True
    )
    request = here.markets["ann"].request(1)
    assert isinstance(request, Request)
    tree = DecisionTreeClassifier(random_state=0).fit(*request.training_data())
    request.submit(tree, show=None)
    here.live(1)
    assert sees(here).reproduce().is_reproduced
