# SPDX-License-Identifier: Apache-2.0
"""`dataset check` names what is odd about a table, to people and to programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.market import Place

Command = Callable[..., tuple[object, str, str]]
ROWS = 200


def written(folder: Path, *, sorted_by_class: bool = False, **columns: object) -> str:
    """A table of numbers that tell something of the label, and what else is said."""
    chance = np.random.default_rng(0)
    labels = chance.integers(0, 2, ROWS)
    if sorted_by_class:
        labels = np.sort(labels)
    cells = {
        "a": (labels + chance.normal(size=ROWS)).round(4),
        # Typed as objects, since they come as keywords beside others.
        **{name: make(labels) for name, make in columns.items()},  # type: ignore[operator]  # a function
        "kind": [("no", "yes")[one] for one in labels],
    }
    path = folder / "table.csv"
    lines = [",".join(map(str, row)) for row in zip(*cells.values(), strict=True)]
    path.write_text("\n".join([",".join(cells), *lines]) + "\n")
    return str(path)


@pytest.fixture
def check(command: Command, tmp_path: Path) -> Command:
    def give(path: str, *words: str) -> tuple[object, str, str]:
        place = str(tmp_path / "home")
        return command("dataset", "check", path, "--label", "kind", *words, HOME=place)

    return give


@pytest.mark.parametrize("kind", [(), ("--verified",)])
def test_an_honest_table_ends_well_and_says_what_to_beat(
    check: Command, tmp_path: Path, kind: tuple[str, ...]
) -> None:
    code, told, errors = check(written(tmp_path), *kind)
    assert (code, errors) == (0, "")
    assert "A small forest is right for " in told
    noun = "hidden" if kind else "test"
    assert f"40 {noun} rows tell accuracies apart that differ by " in told
    # Forty rows are few, and nothing else is odd. How easily their labels are guessed
    # depends on how many of each class are tested.
    odd = [one for one in told.splitlines() if "Look at this:" in one]
    assert len([one for one in odd if "By guessing" not in one]) == 1
    assert "Look at this: There are 40 test rows; " in told
    assert "By guessing alone, about one entry in " in told
    assert "Deal with" not in told


@pytest.mark.parametrize("kind", [(), ("--verified",)])
def test_what_gives_the_label_away_ends_with_1_and_says_what_to_do(
    check: Command, tmp_path: Path, kind: tuple[str, ...]
) -> None:
    path = written(tmp_path, sorted_by_class=True, id=lambda labels: range(len(labels)))
    code, told, _ = check(path, *kind)
    assert code == 1
    assert (
        "Deal with this first: Column 'id' counts the rows, and tells the label" in told
    )


@pytest.mark.parametrize("kind", [(), ("--verified",)])
def test_a_program_is_told_the_same_with_columns_rows_and_counts(
    check: Command, tmp_path: Path, kind: tuple[str, ...]
) -> None:
    path = Path(written(tmp_path, same=lambda labels: ["x"] * len(labels)))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, *lines[1:101]]) + "\n")
    code, told, _ = check(str(path), *kind, "--json")
    assert code == 1
    report = json.loads(told)["report"]
    assert (report["train_rows"], report["test_rows"]) == (240, 60)
    found = {one["check"]: one for one in report["findings"]}
    assert found["constant-column"]["columns"] == ["same"]
    across = found["duplicates-across-split"]
    assert across["severity"] == "confirm"
    assert across["is_private"] is bool(kind)
    assert 0 < across["count"] <= 60
    assert set(across["rows"]) <= {*range(1, 101), *range(201, 301)}
    assert report["baseline"] > 0.5
    assert report["guess_bits"] > 0


def test_a_split_by_groups_or_time_is_tried_as_it_would_be(
    check: Command, tmp_path: Path
) -> None:
    path = written(
        tmp_path,
        patient=lambda labels: np.arange(len(labels)) // 4,
        day=lambda labels: [f"2024-01-{n % 28 + 1:02}" for n in range(len(labels))],
    )
    _, told, _ = check(path)
    assert "say --group patient" in told
    assert "say --time day" in told
    code, told, _ = check(path, "--group", "patient")
    assert "--group patient" not in told
    assert "160 training and 40 test rows" in told
    assert check(path, "--time", "day")[0] == code
    code, _, errors = check(path, "--time", "patient", "--group", "day")
    assert code == 2
    assert (
        "By groups and by time are 2 ways to choose the test rows, and only" in errors
    )


def test_the_rows_that_were_never_published_are_written_to_a_file(
    here: Place, command: Command, give: Command, tmp_path: Path
) -> None:
    path, new = written(tmp_path), tmp_path / "new.csv"
    mixed = str(tmp_path / "mixed.csv")
    words = ("--label", "kind", "--verified", "--unpublished", str(new))
    assert give("rita", "request", "create", path, *words[:2], "--reward", "10")[0] == 0
    header, *known = Path(path).read_text().splitlines()
    fresh = [re.sub(r"^", "9", row) for row in known]
    Path(mixed).write_text("\n".join([header, *known, *fresh]) + "\n")
    code, told, errors = give("rita", "dataset", "check", mixed, *words[:3])
    assert code == 1
    assert "--unpublished FILE writes the rows that stand in none of them" in errors
    code, told, errors = give("rita", "dataset", "check", mixed, *words)
    assert "new.csv has the rows that stand in no request of yours" in told + errors
    assert "--unpublished FILE" not in errors
    assert new.read_text().splitlines() == [header, *fresh]
    left = (str(new), "--label", "kind", "--verified")
    code, told, _ = give("rita", "dataset", "check", *left, "--json")
    checks = {one["check"] for one in json.loads(told)["report"]["findings"]}
    assert "published-before" not in checks
    # It is not there yet, and there is something to be known.
    assert "exists already" in give("rita", "dataset", "check", mixed, *words)[2]
    other = (*words[:3], "--unpublished", str(tmp_path / "other.csv"))
    nowhere = (*words[:3], "--unpublished", str(tmp_path / "no" / "new.csv"))
    said = give("rita", "dataset", "check", mixed, *nowhere)[2]
    assert f"There is no folder {tmp_path / 'no'}." in said
    assert "Every row of" in give("rita", "dataset", "check", path, *other)[2]
    home = str(here.markets["rita"].home.path)
    locked = {"HOME": home, "NETWORK": "test", "PASSPHRASE": ""}
    code, _, errors = command("dataset", "check", mixed, *other, **locked)
    assert code == 2
    assert "The vault is locked" in errors
    assert not (tmp_path / "other.csv").exists()


def test_what_was_published_before_is_said_and_what_is_not_known(
    here: Place, command: Command, give: Command, tmp_path: Path
) -> None:
    """Without an unlocked vault it is not known; `request create` looks anyway."""
    path = written(tmp_path)
    words = (path, "--label", "kind")
    assert give("rita", "request", "create", *words, "--reward", "10")[0] == 0
    code, told, _ = give("rita", "dataset", "check", *words)
    assert code == 1
    assert "Deal with this first: This table was published before. " in told
    assert "of the 40 test rows of request 1 would stand with their labels in" in told
    code, told, _ = give("rita", "dataset", "check", *words, "--json")
    first = json.loads(told)["report"]["findings"][0]
    assert (code, first["check"], first["severity"]) == (
        1,
        "published-before",
        "confirm",
    )
    assert (first["count"], first["is_private"]) == (200, True)
    code, told, _ = give("rita", "dataset", "check", *words, "--verified")
    assert code == 1
    assert "of the 40 hidden rows stand in request 1, where others can read" in told
    home = str(here.markets["rita"].home.path)
    locked = {"HOME": home, "NETWORK": "test", "PASSPHRASE": ""}
    for kind in ((), ("--verified",)):
        code, told, errors = command("dataset", "check", *words, *kind, **locked)
        assert (code, errors) == (0, "")
        assert (
            "Note: Whether its rows were published before is not known. The vault is "
            "locked. To have them looked up, set MODELMARKET_PASSPHRASE, or name a file "
            "in MODELMARKET_PASSPHRASE_FILE; `request create` looks in any case."
        ) in " ".join(told.split())
