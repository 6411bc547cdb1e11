# SPDX-License-Identifier: Apache-2.0
"""`request metrics` tells the usual figures: to people, to a pipe and to programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from modelmarket.market import Request
from support.contests import contest, enter, finish
from support.market import Place

Give = Callable[..., tuple[object, str, str]]


def played(here: Place, mistakes: int) -> Request:
    """Ann wins with so many mistakes in twenty rows."""
    rita, ann = here.markets["rita"], here.markets["ann"]
    here.create(rita)
    here.submit(ann, 1, mistakes)
    here.live(1)
    return rita.request(1)


def test_the_figures_of_the_winner_are_told_with_their_intervals(
    here: Place, give: Give
) -> None:
    request = played(here, mistakes=3)
    code, told, errors = give("rita", "request", "metrics", "1")
    assert (code, errors) == (0, "")
    lines = told.splitlines()
    assert lines[0] == (
        "accuracy 85.00% (95%: 63.96% to 94.76%): 17 of 20 rows are right"
    )
    assert lines[1].startswith("balanced accuracy ")
    assert lines[2].startswith("macro F1 0.8")
    assert lines[3] == "No log loss: the winner’s folder has no probabilities.csv."
    assert lines[4] == "Rows of each class, by what was predicted"
    names = request.manifest().classes.names
    cells = [line.split("\t") for line in lines[5:]]
    assert cells[0] == ["truth", *names]
    assert [one[0] for one in cells[1:]] == list(names)
    counts = [[int(one) for one in line[1:]] for line in cells[1:]]
    assert sum(counts[at][at] for at in (0, 1)) == 17
    assert sum(map(sum, counts)) == 20

    document = json.loads(give("rita", "request", "metrics", "1", "--json")[1])
    assert (document["request"], document["submission"]) == (1, 1)
    assert document["matrix"] == counts
    assert document["accuracy"]["value"] == 0.85
    assert document["balanced_accuracy"]["low"] < 0.85
    assert document["log_loss"] is None
    assert sum(one["support"] for one in document["classes"]) == 20


def test_where_every_row_is_right_that_is_told_instead_of_an_interval(
    here: Place, give: Give
) -> None:
    played(here, mistakes=0)
    told = give("rita", "request", "metrics", "1")[1]
    assert "accuracy 100.00% (95%: 83.89% to 100.00%)" in told
    assert "\nbalanced accuracy 100.00%\n" in told
    assert "Every row is right, and so is every draw of them" in told


def test_a_request_that_nobody_has_won_has_no_figures(here: Place, give: Give) -> None:
    here.create(here.markets["rita"])
    code, told, errors = give("rita", "request", "metrics", "1")
    assert (code, told) == (9, "")
    assert "Request 1 has no winner: " in errors
    assert give("rita", "request", "metrics", "7")[0] == 3


def test_the_model_of_a_verified_contest_is_judged_too(here: Place, give: Give) -> None:
    contest(here, here.markets["rita"])
    enter(here.markets["ann"])
    done = finish(here, "rita", "ann")
    code, told, _ = give("rita", "request", "metrics", "v1")
    assert code == 0
    assert f" of {done.terms.rows} rows are right" in told
    assert "No log loss: an exact model says a class, and no probabilities." in told


# --- probabilities ---


def test_probabilities_are_checked_and_sealed_by_an_option(
    here: Place, give: Give, tmp_path: Path
) -> None:
    here.create(here.markets["rita"])
    labels, sure, model = (tmp_path / one for one in ("p.csv", "sure.csv", "m.txt"))
    labels.write_text("label\n" + "odd\n" * 20)
    model.write_text("always odd")
    rows = "".join(f"{row},0.75,0.25\n" for row in range(20, 0, -1))
    sure.write_text(f"row_id,odd,even\n{rows}")
    files = (str(labels), str(model))
    option = ("--probabilities", str(sure))
    told = give("ann", "submission", "check", "1", files[0], *option)[1]
    assert "Probabilities of each class go with them." in told
    assert give("ann", "submit", "1", *files, *option, "--no-validate")[0] == 0
    here.live(1)
    assert "\nlog loss " in give("rita", "request", "metrics", "1")[1]
    # Whoever only checks need not unlock a key.
    code, told, _ = give("ann", "submission", "check", "1", files[0], *option)
    assert (code, "\nlog loss " in told) == (0, True)


WRONG = {
    "missing": ("row_id,odd,even\n1,0.5,0.5\n", 2, "id '2' is missing; 1 of 20"),
    "a-sum": ("odd,even\n" + "0.5,0.4\n" * 20, 2, "add up to 0.9"),
    "no-file": (None, 3, "There is no file"),
}


@pytest.mark.parametrize("what", WRONG)
def test_probabilities_that_do_not_fit_are_told_and_nothing_is_staked(
    here: Place, give: Give, tmp_path: Path, what: str
) -> None:
    text, code, said = WRONG[what]
    here.create(here.markets["rita"])
    labels, sure = tmp_path / "p.csv", tmp_path / "sure.csv"
    labels.write_text("label\n" + "odd\n" * 20)
    if text is not None:
        sure.write_text(text)
    files = (str(labels), str(labels))
    found, _, errors = give("ann", "submit", "1", *files, "--probabilities", str(sure))
    assert found == code
    assert said in errors
    assert ("→" in errors) is (text is not None)
    assert here.markets["ann"].request(1).submissions() == []


def test_a_verified_contest_takes_no_probabilities(
    here: Place, give: Give, tmp_path: Path
) -> None:
    contest(here, here.markets["rita"])
    file = tmp_path / "model.exact"
    file.write_bytes(b"x")
    for words in (("submit", "v1"), ("submission", "check", "v1")):
        code, _, errors = give("ann", *words, str(file), "--probabilities", str(file))
        assert (code, "--probabilities" in errors) == (2, True)
