# SPDX-License-Identifier: Apache-2.0
"""What a requester says of the data: licences, a description, and a card of it all."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs

from modelmarket.datasets.about import (
    MOST_DESCRIPTION_BYTES,
    About,
    read_description,
    read_licence,
    told_predicts,
)
from modelmarket.datasets.cards import MOST_CLASSES, card, description_in
from modelmarket.datasets.lint.findings import Check, Finding, Report, Severity
from modelmarket.errors import InputError, NotFoundError

# --- licences ---


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("", ""),
        ("  ", ""),
        ("cc-by-4.0", "CC-BY-4.0"),
        ("mit or apache-2.0", "MIT OR Apache-2.0"),
        ("GPL-3.0-only with gcc-exception-3.1", "GPL-3.0-only WITH GCC-exception-3.1"),
        ("LicenseRef-ours", "LicenseRef-ours"),
    ],
)
def test_a_licence_is_written_as_spdx_writes_it(text: str, licence: str) -> None:
    assert read_licence(text) == licence
    assert read_licence(licence) == licence


@pytest.mark.parametrize("text", ["free", "MIT OR", "(MIT", "MIT\nMIT", "__import__"])
def test_what_spdx_does_not_know_is_no_licence(text: str) -> None:
    with pytest.raises(InputError, match="is no licence that SPDX knows") as told:
        read_licence(text)
    assert "such as CC-BY-4.0" in told.value.hint
    for about in (About(licence=text), About(model_licence=text)):
        with pytest.raises(InputError, match="is no licence that SPDX knows"):
            about.checked()


# --- descriptions ---


@pytest.mark.parametrize("more", [0, 1])
def test_a_description_has_a_largest_size(tmp_path: Path, more: int) -> None:
    path = tmp_path / "about.md"
    path.write_text("x" * (MOST_DESCRIPTION_BYTES + more))
    if not more:
        assert About(description=read_description(path)).checked()
        return
    with pytest.raises(InputError, match=r"about\.md has more than 1,048,576 bytes"):
        read_description(path)
    with pytest.raises(InputError, match="The description has 1,048,577 bytes"):
        About(description="x" * (MOST_DESCRIPTION_BYTES + more)).checked()


def test_a_description_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "about.md"
    path.write_bytes("\ufeffÄ\r\nb".encode())
    assert read_description(path) == "Ä\nb"
    path.write_bytes(b"ab\xff")
    with pytest.raises(InputError, match=r"about\.md is no text in UTF-8: byte 2 is"):
        read_description(path)
    with pytest.raises(InputError, match="is a folder"):
        read_description(tmp_path)
    with pytest.raises(NotFoundError):
        read_description(tmp_path / "nothing")


# --- cards ---


def report(**changes: object) -> Report:
    found: dict[str, object] = {
        "train_rows": 800,
        "test_rows": 199,
        "features": 3,
        "train_counts": {"a": 600, "b|c": 200},
        "majority": 0.75,
        "baseline": 0.9,
        "resolution": 0.05,
        "guess_bits": 2.0,
        "telling": (),
        "findings": (),
    }
    return Report(**(found | changes))  # type: ignore[arg-type]  # fields by name


def parts(about: About, found: Report) -> tuple[dict[str, object], str]:
    """What programs read of a card, and what people read."""
    predicted = told_predicts("kind", 0 if found.is_number else 2)
    written = card(about, predicted, found.public()).decode()
    _, front, text = written.split("---\n", 2)
    return yaml.safe_load(front), text


def test_a_card_says_what_was_said_and_what_was_found() -> None:
    finding = Finding(Check.INDEX, Severity.CONFIRM, "Column 'n' counts.", "Leave it.")
    about = About("points", "Which?", "## Where from\n\nA lake.", "MIT", "Apache-2.0")
    _, text = parts(about, report(findings=(finding,)))
    for said in (
        "# points\n\nWhich?\n\n## Where from\n\nA lake.\n",
        "800 training rows with labels, in `train.csv`, and 199 test rows without; 3 "
        "features. To be predicted: 'kind', one of 2 classes.\n",
        "| a | 600 |\n| b\\|c | 200 |",
        "Always saying the commonest class is right for 75.0% of the training rows. A "
        "small forest is right for 90.0% (cross-validation). 199 test rows tell accur"
        "acies apart that differ by 5.0 percentage points.",
        "- Beware: Column 'n' counts.\n",
        "The data: MIT.\nThe model that wins is handed over under: Apache-2.0.",
    ):
        assert said in text


@pytest.mark.parametrize("description", ["", "Out of a hat.", "## The rows\n\nMine."])
@pytest.mark.parametrize("context", ["", " Which?\n", "---"])
@pytest.mark.parametrize("name", ["", "points", "a\n---\nb"])
def test_a_description_is_found_again_in_its_card(
    name: str, context: str, description: str
) -> None:
    about = About(name, context, description, "MIT")
    written = card(about, "a number", report()).decode()
    assert description_in(written, about) == description
    if description:
        begun = written[: written.index(description) + 5]
        assert description_in(begun, about) == description[:5]


def test_a_card_that_another_program_wrote_is_all_description() -> None:
    theirs = "---\nlicense: mit\n---\n\n# Ours\n\nMeasured in May.\n"
    assert description_in(theirs, About("points")) == theirs.strip()


@pytest.mark.parametrize(
    ("predicts", "classes", "in_bins", "told"),
    [
        ("kind", 1, False, "'kind', one of 1 class"),
        ("kind", 3, False, "'kind', one of 3 classes"),
        ("", 3, False, "one of 3 classes"),
        ("price", 0, False, "'price', a number"),
        ("price", 20, True, "'price', a number, in 20 bins"),
        ("a\nb\x1b", 0, False, "'a�b�', a number"),
    ],
)
def test_what_is_predicted_is_told_by_its_name(
    predicts: str, classes: int, in_bins: bool, told: str
) -> None:
    assert told_predicts(predicts, classes, in_bins=in_bins) == told


def test_a_card_of_which_nothing_was_said_says_so() -> None:
    front, text = parts(About(), report())
    assert "license" not in front
    assert "# A dataset" in text
    assert "Nothing odd was found." in text
    assert "The data: nothing was said." in text


def test_a_card_of_numbers_has_no_classes() -> None:
    numbers: dict[str, object] = {
        "train_counts": {},
        "majority": None,
        "resolution": None,
    }
    front, text = parts(About(), report(**numbers, baseline=2.5))
    assert front["task_categories"] == ["tabular-regression"]
    assert "A small forest is off by 2.5, on average (cross-validation)." in text
    assert "class" not in text


@pytest.mark.parametrize(
    ("licence", "told"),
    [("CC-BY-4.0", "cc-by-4.0"), ("MIT OR Apache-2.0", "other")],
)
def test_hubs_read_a_cards_front(licence: str, told: str) -> None:
    front, _ = parts(About('"x": [', licence=licence), report())
    assert front["pretty_name"] == '"x": ['
    assert (front["license"], front["license_name"]) == (told, licence)
    assert front["task_categories"] == ["tabular-classification"]


@pytest.mark.parametrize(
    ("rows", "size"),
    [(800, "n<1K"), (801, "1K<n<10K"), (10**7 - 200, "1M<n<10M"), (10**7, "n>10M")],
)
def test_a_cards_front_says_how_many_rows_there_are(rows: int, size: str) -> None:
    front, _ = parts(About(), report(train_rows=rows))
    assert front["size_categories"] == [size]


@pytest.mark.parametrize("more", [0, 1])
def test_of_very_many_classes_some_are_listed(more: int) -> None:
    counts = {f"c{n}": 1 for n in range(MOST_CLASSES + more)}
    _, text = parts(About(), report(train_counts=counts))
    assert ("| 1 more class | |" in text) == bool(more)
    assert "| c99 | 1 |" in text
