# SPDX-License-Identifier: Apache-2.0
"""What the command says when something is wrong, or when there is nothing to say."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.tree import DecisionTreeClassifier

from modelmarket.cli.output import Output
from modelmarket.errors import InputError
from support.contests import contest
from support.market import Place

Command = Callable[..., tuple[object, str, str]]
OPENED = "is a pickle: opening one runs whatever is in it, so none is opened here."
EMPTY = {
    ("request", "list"): "No request yet. Make one with: modelmarket request create",
    ("request", "list", "--live"): "No request is like that.",
    ("submission", "list"): "No submission yet. Make one with: modelmarket submit",
    ("agent", "plan"): "Nothing is due, and nothing will be.",
    ("agent", "once"): "Nothing is due.",
    ("store", "list"): "The store is empty.",
    ("vault", "recover"): "Nothing of yours has to be opened later.",
    ("vault", "copies"): "The vault is empty.",
}


@pytest.mark.parametrize(
    ("option", "given", "said"),
    [
        (
            "--minutes",
            "x",
            "Error: --minutes: 'x' is no length of time.\n"
            "  → Write it as 90 min, 36 hours or 3 days.\n",
        ),
        (
            "--response-minutes",
            "nan",
            "Error: --response-minutes: 'nan' is no length of time.\n"
            "  → Write it as 90 min, 36 hours or 3 days.\n",
        ),
        (
            "--challenge-minutes",
            "soon",
            "Error: --challenge-minutes: 'soon' is no length of time.\n"
            "  → Write it as 90 min, 36 hours or 3 days.\n",
        ),
        (
            "--stake",
            "much",
            "Error: --stake: 'much' is not an amount of MDC.\n"
            "  → Write a decimal such as 1000 or 0.5: no separators of thousands, and "
            "at most 18 decimals.\n",
        ),
        (
            "--fraction",
            "2",
            "Error: --fraction: '2' is not a fraction between 0 and 1",
        ),
        (
            "--threshold",
            "many",
            "Error: --threshold: 'many' is ",
        ),
        (
            "--scale",
            "wide",
            "Error: --scale: 'wide' is no number.\n  → Write it as 2.5.\n",
        ),
        (
            "--most-error",
            "wide",
            "Error: --most-error: 'wide' is no number.\n  → Write it as 2.5.\n",
        ),
    ],
)
def test_what_an_option_was_given_is_told_with_its_name(
    command: Command, tmp_path: Path, option: str, given: str, said: str
) -> None:
    words = ("request", "create", "t.csv", "--reward", "1", "--verified")
    code, out, errors = command(*words, option, given, HOME=str(tmp_path))
    assert (code, out) == (2, "")
    assert errors.startswith(said)


def test_a_pickle_is_told_what_it_is_and_what_is_taken_instead(
    here: Place, give: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.create(here.markets["rita"])
    contest(here, here.markets["rita"])
    monkeypatch.chdir(tmp_path)
    model = DecisionTreeClassifier().fit([[0], [1]], [0, 1])
    Path("model.pkl").write_bytes(pickle.dumps(model))
    assert give("ann", "submission", "check", "1", "model.pkl") == (
        2,
        "",
        f"Error: model.pkl {OPENED}\n"
        "  → A model is given in Python as it was fitted, or as the ONNX file that "
        "`request.export(model)` writes; predictions as CSV or Parquet.\n",
    )
    assert give("ann", "submission", "check", "v1", "model.pkl") == (
        2,
        "",
        f"Error: model.pkl {OPENED}\n"
        "  → A model is given in Python as it was fitted, or as the file of an exact "
        "model: `request.convert(estimator).save(path)`.\n",
    )


def test_an_exact_model_is_no_table_of_predictions(
    here: Place, give: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.create(here.markets["rita"])
    contest(here, here.markets["rita"])
    seen = here.markets["ann"].request("v1")
    monkeypatch.chdir(tmp_path)
    seen.convert(DecisionTreeClassifier().fit(*seen.training_data())).save("m.exact")
    assert give("ann", "submission", "check", "1", "m.exact") == (
        2,
        "",
        "Error: m.exact is an exact model, as verified contests take them; request 1 "
        "is of predictions.\n"
        "  → A model is given in Python as it was fitted, or as the ONNX file that "
        "`request.export(model)` writes; predictions as CSV or Parquet.\n",
    )


def test_an_empty_list_leaves_a_pipe_empty(here: Place, give: Command) -> None:
    assert here
    for words, said in EMPTY.items():
        assert give("ann", *words) == (0, "", f"{said}\n"), words
        assert give("ann", *words, "--quiet") == (0, "", ""), words
        code, out, errors = give("ann", *words, "--json")
        assert (code, json.loads(out), errors) == (0, [], ""), words


def test_an_empty_home_leaves_a_pipe_empty(command: Command, tmp_path: Path) -> None:
    for noun, said in {
        "account": "No account yet. Make one with: modelmarket account new\n",
        "node": "No network yet. Run: modelmarket node start\n",
    }.items():
        assert command(noun, "list", HOME=str(tmp_path)) == (0, "", said)


def test_on_a_terminal_an_empty_list_says_so_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    Output().table([], ("a",), [], empty="There is none.")
    assert capsys.readouterr() == ("There is none.\n", "")


def test_a_table_that_is_part_of_a_text_says_it_in_the_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Output().table(None, ("a",), [], empty="  nobody has claimed")
    assert capsys.readouterr() == ("  nobody has claimed\n", "")


def test_an_error_is_printed_as_the_command_says_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Output().error(InputError("It has no header.", hint="Say --no-header."))
    said = "Error: It has no header.\n  → Say --no-header.\n"
    assert capsys.readouterr() == ("", said)
