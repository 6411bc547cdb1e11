# SPDX-License-Identifier: Apache-2.0
"""What is odd about a table is named before money is put on it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmarket.datasets.lint.columns import (
    check_names,
    look,
)
from modelmarket.datasets.lint.findings import (
    WHAT,
    Check,
    Finding,
    Report,
    Severity,
)
from modelmarket.datasets.lint.labels import (
    check_size,
    resolution,
)
from modelmarket.errors import DataError
from support.lint import frame, report, some

# --- a whole table ---


def test_an_honest_table_has_nothing_odd_and_is_told_what_to_beat(
    tmp_path: Path,
) -> None:
    found = report(tmp_path, frame())
    assert found.findings == ()
    assert (found.train_rows, found.test_rows, found.features) == (300, 100, 2)
    # No number that people read is rounded twice.
    assert found.majority == round(max(found.train_counts.values()) / 300, 6)
    assert found.baseline is not None
    assert 0.55 < found.baseline < 0.85
    assert found.telling[0].column == "a"
    reached = max(found.baseline, found.majority)
    assert found.resolution == round(resolution(reached, 100), 6)


def test_the_gravest_comes_first_and_rows_are_those_of_the_table(
    tmp_path: Path,
) -> None:
    table = frame()
    # The last rows are the first one again, spelt in another way.
    again = table[:1].with_columns(label=pl.lit("NO"))
    found = report(tmp_path, pl.concat([table, *[again] * 8]))
    order = [one.severity for one in found.findings]
    assert order == sorted(order, key=list(Severity).index)
    assert Check.TWINS in {one.check for one in found.questions}
    named = {row for one in found.findings for row in one.rows}
    assert named
    assert named <= {1, *range(401, 409)}


def test_rows_that_an_identifier_tells_apart_are_duplicates_all_the_same(
    tmp_path: Path,
) -> None:
    table = pl.concat([frame(200), frame(200)]).with_row_index("id")
    found = report(tmp_path, table)
    told = {one.check: one.text for one in found.findings}
    assert Check.INDEX in told
    for check in (Check.DUPLICATES_ACROSS, Check.DUPLICATES):
        assert told[check].startswith("Apart from column 'id', ")


@pytest.mark.parametrize("is_sorted", [False, True])
def test_nothing_is_asked_about_an_index_that_tells_something_by_chance(
    is_sorted: bool,
) -> None:
    """Of 40 rows a tenth of the label is told by chance now and then."""
    chance, asked = np.random.default_rng(1), 0
    for _ in range(200):
        labels = chance.permutation([0.0] * 20 + [1.0] * 20)
        labels = np.sort(labels) if is_sorted else labels
        cells = pl.Series("n", [str(n) for n in range(40)])
        for is_number in (False, True):
            found = look("n", cells, labels, is_number=is_number).finding
            assert found is not None
            assert found.check is Check.INDEX
            asked += found.severity is Severity.CONFIRM
    assert asked >= 400 if is_sorted else asked <= 8


def test_a_split_by_groups_leaves_none_in_both_parts(tmp_path: Path) -> None:
    table = frame().with_columns(patient=pl.int_range(400) // 8)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    checks = {one.check for one in report(tmp_path / "a", table).findings}
    assert Check.GROUPS_ACROSS in checks
    kept = {
        one.check for one in report(tmp_path / "b", table, group="patient").findings
    }
    assert Check.GROUPS_ACROSS not in kept


def test_the_column_of_groups_is_no_identifier_and_tells_nothing(
    tmp_path: Path,
) -> None:
    """Of two rows a patient each, sorted by label, the number would tell it all."""
    table = frame().sort("label").with_columns(patient=pl.int_range(400) // 2)
    found = report(tmp_path, table, group="patient")
    of_group = [one for one in found.findings if "patient" in one.columns]
    assert [(one.check, one.severity) for one in of_group] == [
        (Check.GROUP, Severity.NOTE)
    ]
    assert str(of_group[0]) == (
        "Column 'patient' says which rows stay together, and is published with the "
        "others. Test rows are of other groups than it names in the training part. No "
        "model learns from it what holds for them."
    )
    assert "patient" not in {one.column for one in found.telling}
    assert found.features == 3
    assert found.baseline is not None
    assert found.baseline < 0.85


def test_a_column_of_files_that_lie_beside_the_table_is_asked_to_be_published(
    tmp_path: Path,
) -> None:
    table = frame().with_columns(
        photo=pl.concat_str(pl.lit("in/"), pl.int_range(400) % 150, pl.lit(".png"))
    )
    (tmp_path / "in").mkdir()
    for n in range(150):
        (tmp_path / "in" / f"{n}.png").write_bytes(b"x")
    found = report(tmp_path, table)
    [one] = [one for one in found.findings if "photo" in one.columns]
    assert (one.check, one.severity) == (Check.NAMES_FILES, Severity.WARNING)
    assert one.is_private
    assert str(one) == (
        "Column 'photo' names files that lie beside the table, and they are not "
        "published: others have their names alone. To publish them too, say "
        'files="photo"; or leave the column out.'
    )


@pytest.mark.parametrize(
    "names",
    [
        ["a.png", "gone.png"],
        ["a.png"],
        ["in", "in/b"],
        ["../a.png", "b.png"],
        ["a.png", "x" * 5_000],
        ["a.png", "b\0.png"],
    ],
)
def test_other_words_are_no_names_of_files(tmp_path: Path, names: list[str]) -> None:
    here = tmp_path / "here"
    here.mkdir()
    for folder in (tmp_path, here):
        (folder / "a.png").write_bytes(b"x")
        (folder / "b.png").write_bytes(b"x")
    (here / "in").mkdir()
    assert check_names("x", pl.Series(["", *names]), here) is None


# --- as it is published ---

FINDINGS = st.builds(
    Finding,
    st.sampled_from(Check),
    st.sampled_from(Severity),
    st.text(st.characters(exclude_categories=["Cs"])),
    columns=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=2).map(
        tuple
    ),
    classes=st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"]))).map(tuple),
        max_size=2,
    ).map(tuple),
    rows=st.lists(st.integers(0, 2**53), max_size=2).map(tuple),
    count=st.integers(0, 2**53),
    has_more_rows=st.booleans(),
    is_private=st.booleans(),
)


@given(st.lists(FINDINGS, max_size=4).map(tuple))
def test_a_report_reads_back_as_it_was_written(findings: tuple[Finding, ...]) -> None:
    assert Report.from_json(some(findings).to_json()) == some(findings)


@given(st.lists(FINDINGS, max_size=4).map(tuple))
def test_what_is_private_is_in_nothing_that_is_published(
    findings: tuple[Finding, ...],
) -> None:
    public = some(findings).public()
    assert not any(one.is_private for one in public.findings)
    assert public.public() == public
    assert not any(one.hint for one in public.findings)
    assert [one.mark for one in public.findings if one.severity == "confirm"] == [
        "Beware" for one in findings if one.severity == "confirm" and not one.is_private
    ]


def test_lines_are_told_to_whoever_has_the_table_and_published_to_nobody(
    tmp_path: Path,
) -> None:
    table = frame(40).with_columns(note=pl.lit("one\nmore"))
    found = report(tmp_path, pl.concat([table, table[:1]]), stratified=True)
    named = [one for one in found.findings if one.rows]
    assert named
    for one in named:
        assert one.lines == tuple(2 * row for row in one.rows)
        assert one.told_rows.endswith(f"{one.lines[-1]}).")
        assert " (line" in one.told_rows
    assert b'"lines"' not in found.to_json()


def test_a_report_reads_well_in_a_terminal_and_speaks_python() -> None:
    [few] = check_size(2, 0.25)
    assert str(some((few,))) == (
        "8 training rows\n2 test rows\n3 columns\n"
        "Always saying the commonest class is right for 50.0% of the training rows.\n"
        "2 test rows tell accuracies apart that differ by 25.0 percentage points.\n"
        "Look at this: There are 2 test rows; differences below 25.0 percentage points "
        "cannot be seen: who wins is partly chance. Test more rows: raise fraction=, or add some."
    )


def test_a_report_of_before_there_were_lists_of_classes_is_read() -> None:
    one = Finding(Check.TWINS, Severity.CONFIRM, "x")
    document = json.loads(some((one,)).to_json())
    del document["findings"][0]["classes"]
    assert Report.from_json(json.dumps(document).encode()) == some((one,))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(st.data())
def test_any_value_in_any_place_of_a_report_is_read_or_refused(
    data: st.DataObject,
) -> None:
    finding = Finding(Check.INDEX, Severity.NOTE, "x")
    document = json.loads(some((finding,)).to_json())
    place = data.draw(st.sampled_from([document, document["findings"][0]]))
    key = data.draw(st.sampled_from([*place]))
    place[key] = data.draw(VALUES)
    try:
        Report.from_json(json.dumps(document).encode())
    except DataError as error:
        assert "report" in error.message  # either is right


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"\xff", b'{"version": 2}'])
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="report"):
        Report.from_json(data)


def test_every_check_is_told_in_words_by_the_program_and_in_the_guide() -> None:
    assert list(WHAT) == list(Check)
    guide = (Path(__file__).parents[2] / "docs" / "requesters.md").read_text()
    for check, what in WHAT.items():
        assert f"| `{check}` | {what} |" in guide
