# SPDX-License-Identifier: Apache-2.0
"""Licences and description: said when a request is made, told before one submits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

Give = Callable[..., tuple[object, str, str]]
KINDS = {"1": (), "v1": ("--verified",)}
SAID = ("--licence", "cc-by-4.0", "--model-licence", "mit or apache-2.0")


@pytest.fixture
def table(tmp_path: Path) -> str:
    chance = Random(3)
    rows = (f"{chance.random():.6f},{'ab'[n % 2]}" for n in range(100))
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["x,kind", *rows]) + "\n")
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
    assert "licence of the data: none was said; of the model that wins: none" in told


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
    said = "If it wins, you hand the model over under MIT OR Apache-2.0."
    assert said in told + errors
    _, told, _ = give("ann", *words, "--again", "--json")
    assert json.loads(told)["model_licence"] == "MIT OR Apache-2.0"
