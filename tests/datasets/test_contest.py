# SPDX-License-Identifier: Apache-2.0
"""The folder of a verified contest: what is hidden stays so, and can be proven."""

from __future__ import annotations

import csv
import json
import random
import warnings
from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelmarket.datasets.about import About
from modelmarket.datasets.baselines import CodedTexts, quick_forest
from modelmarket.datasets.cells import Values
from modelmarket.datasets.choosing import Choice
from modelmarket.datasets.codes import encode_cells, make_column
from modelmarket.datasets.coding import Coding
from modelmarket.datasets.contest import (
    ROWS,
    SCHEMA,
    TARGETS,
    ContestFolder,
    ContestManifest,
    PublishedContest,
    publish_contest,
)
from modelmarket.datasets.fingerprints import Fingerprints, fingerprints
from modelmarket.datasets.frames import read_frame
from modelmarket.datasets.lint.findings import Check, Report
from modelmarket.datasets.losses import losses
from modelmarket.datasets.published import CARD, MANIFEST, REPORT, TEST, TRAIN, publish
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import DataError
from modelmarket.protocol.conditions import Conditions
from modelmarket.protocol.hidden import (
    Keystream,
    RowCodes,
    Targets,
    unpack_groups,
    unpack_rows,
)
from modelmarket.protocol.merkle import GROUP_BYTES
from modelmarket.protocol.point_kinds import Kind
from modelmarket.protocol.schema import Texts
from modelmarket.protocol.types import Wei

SEED = b"the same split"
STREAM = Keystream(bytes(range(32)), b"\x07" * 32)


Change = Callable[[int, list[str]], None]
"""Is told of each row's number and cells."""


def table(path: Path, rows: int = 60, change: Change | None = None) -> Source:
    chance = random.Random(5)
    lines = []
    for number in range(rows):
        cells = [
            str(chance.randrange(9)),
            chance.choice("abc"),
            chance.choice(("no", "yes")),
        ]
        if change is not None:
            change(number, cells)
        lines.append(",".join(cells))
    path.write_text("x,y,label column\n" + "\n".join(lines) + "\n")
    return Source(open_table(path, header=True), label="label column")


def make(
    tmp_path: Path, where: str, source: Source, **options: Any
) -> PublishedContest:
    folder = tmp_path / where
    folder.mkdir()
    said: dict[str, Any] = {"seed": SEED, "choice": Choice(Fraction(1, 4))} | options
    names = {one.name for one in fields(Coding)} & said.keys()
    coding = Coding(**{name: said.pop(name) for name in names})
    return publish_contest(source, folder, lambda _: STREAM, coding, **said)


def hidden_rows(made: PublishedContest) -> tuple[RowCodes, Targets]:
    """The hidden rows in codes, and their targets, as they are once the key is out."""
    said = terms(made)
    rows, targets = folder_of(made).hidden(said)
    words = np.frombuffer(rows, np.uint8).reshape(said.rows, -1)
    groups = np.frombuffer(targets, np.uint8).reshape(-1, GROUP_BYTES)
    codes = unpack_rows(STREAM.rows(words), said.columns, said.width)
    return codes, unpack_groups(STREAM.groups(groups), said.rows, said.bits)


def complaints(path: Path, rows: int = 1_200) -> Source:
    """The first words of each text tell its class, and hardly any text comes twice."""
    chance = random.Random(3)
    lines = []
    for _ in range(rows):
        kind = chance.choice(("broken", "late", "refund"))
        text = f"{kind} {chance.randrange(2_000)} times"
        lines.append(f"{text},{chance.randrange(80)},{kind}")
    path.write_text("text,age,label\n" + "\n".join(lines) + "\n")
    return Source(open_table(path, header=True), label="label")


def terms(made: PublishedContest) -> Conditions:
    schema = made.schema
    return Conditions(
        **dict.fromkeys(("reward", "stake", "demand_bond"), Wei(1)),
        submission_window_s=60,
        response_window_s=900,
        challenge_window_s=3_600,
        minimum_score=0,
        rows=made.manifest.hidden_rows,
        columns=len(schema.columns),
        width=schema.width,
        outputs=schema.target.outputs,
        bits=schema.target.bits,
        points=Kind.ACCURACY,
        cap=1,
        step=1,
        most_units=1,
        most_words=1,
        most_parts=1,
        weights_hash=bytes(32),
        rows_root=made.rows_root,
        targets_root=made.targets_root,
        nonce=bytes(32),
        key_hash=bytes(32),
        schema_hash=schema.hash,
        texts_hash=bytes(32),
    )


def folder_of(made: PublishedContest) -> ContestFolder:
    return ContestFolder(lambda name: made.folder / name)


def test_what_is_hidden_opens_to_the_rows_that_were_split_off(tmp_path: Path) -> None:
    source = table(tmp_path / "table.csv")
    made = make(tmp_path, "contest", source, about=About("n", "c", licence="mit"))
    plain = tmp_path / "plain"
    plain.mkdir()
    split = publish(source, plain, choice=Choice(Fraction(1, 4)), seed=SEED).split
    said = terms(made)
    rows, targets = folder_of(made).hidden(said)
    words = np.frombuffer(rows, np.uint8).reshape(said.rows, 32)
    codes = unpack_rows(STREAM.rows(words), 2, 8)
    opened = np.frombuffer(targets, np.uint8).reshape(-1, 256)
    found = unpack_groups(STREAM.groups(opened), said.rows, said.bits)
    assert found.tolist() == split.truth.tolist()
    lines = [
        line.split(",") for line in (plain / "test.csv").read_text().splitlines()[1:]
    ]
    texts = made.schema.columns[1]
    assert isinstance(texts, Texts)
    assert codes[:, 1].tolist() == [1 + texts.values.index(line[2]) for line in lines]
    assert (made.folder / TRAIN).read_bytes() == (plain / TRAIN).read_bytes()
    manifest = folder_of(made).manifest()
    assert manifest == made.manifest
    assert (manifest.name, manifest.context) == ("n", "c")
    assert (manifest.licence, manifest.model_licence) == ("MIT", "")
    assert manifest.hidden_rows == said.rows == 15
    learnt, labels = folder_of(made).training(made.schema)
    assert learnt.shape == (45, 2)
    features, names = folder_of(made).frame()
    assert features.columns == ["x", "y"]
    assert made.schema.target.decode(labels) == names.to_list()


def table_of(folder: Path, bits: int | None, changed: Change | None = None) -> Source:
    """Rows of classes; or, with bits, of prices, which no two rows share."""

    def change(number: int, cells: list[str]) -> None:
        if bits is not None:
            cells[2] = f"{number * 7 % 60}.25"
        if changed is not None:
            changed(number, cells)

    return table(folder / "table.csv", 60, change)


def test_hidden_numbers_open_to_what_stood_in_the_table(tmp_path: Path) -> None:
    source = table_of(tmp_path, 16)
    made = make(tmp_path, "contest", source, number_bits=16)
    said = replace(terms(made), points=Kind.ABSOLUTE)
    assert (said.bits, said.outputs, said.rows) == (16, 1, 15)
    assert made.manifest.train_counts == ()
    _, targets = folder_of(made).hidden(said)
    opened = np.frombuffer(targets, np.uint8).reshape(-1, 256)
    found = unpack_groups(STREAM.groups(opened), said.rows, said.bits)
    hidden = made.schema.target.decode(found)
    _, learned = folder_of(made).frame()
    everything = [f"{one}.25" for one in range(60)]
    assert sorted([*hidden, *learned.to_list()]) == sorted(everything)
    codes, known = folder_of(made).training(made.schema)
    assert codes.shape == (45, 2)
    assert made.schema.target.decode(known) == learned.to_list()
    values = np.sort(known.astype(np.int64))
    assert made.deviation == Fraction(int(np.abs(values - values[22]).sum()), 45)
    told = np.array([float(one) for one in learned])
    off = np.abs(told - np.sort(told)[22]).mean()
    assert made.report.constant == pytest.approx(off, rel=1e-3)
    assert made.report.constant_root == pytest.approx(told.std(), rel=1e-3)
    forest, root = made.report.baseline, made.report.baseline_root
    assert forest is not None
    assert root is not None
    assert forest < root < 3 * forest
    assert Report.from_json(made.report.to_json()).baseline_root == root


def test_numbers_are_not_drawn_class_by_class(tmp_path: Path) -> None:
    source = table_of(tmp_path, 16)
    with pytest.raises(DataError, match="class by class"):
        make(
            tmp_path, "contest", source, number_bits=16, choice=Choice(stratified=True)
        )


@pytest.mark.parametrize("label", ["dear", "", "nan", "1e31"])
def test_a_label_that_is_no_number_is_named_by_its_row(
    tmp_path: Path, label: str
) -> None:
    def change(number: int, cells: list[str]) -> None:
        cells[2] = label if number == 41 else str(number)

    source = table(tmp_path / "table.csv", change=change)
    with pytest.raises(DataError, match=r"table\.csv, row 42 \(line 43\): the label"):
        make(tmp_path, "contest", source, number_bits=16)


def known_rows(made: PublishedContest) -> int:
    """Hidden rows that anybody can look up, as its requester alone is told."""
    found = made.report.findings
    across = [one for one in found if one.check is Check.DUPLICATES_ACROSS]
    assert all(one.is_private for one in across)
    return sum(one.count for one in across)


@pytest.mark.parametrize("is_copy", [False, True])
@pytest.mark.parametrize("bits", [None, 16])
def test_nothing_but_ciphertexts_depends_on_the_hidden_rows(
    tmp_path: Path, bits: int | None, is_copy: bool
) -> None:
    """Not even what is found odd, such as hidden rows that anybody can look up."""
    one = make(tmp_path, "one", table_of(tmp_path, bits), number_bits=bits)
    learnt = [
        line.split(",", 1)[1] for line in (one.folder / TRAIN).read_text().splitlines()
    ]
    first = learnt[1].split(",")[:2]

    def change(_: int, cells: list[str]) -> None:
        # Rows that are only ever hidden become others.
        if ",".join(cells) not in learnt:
            cells[:2] = first if is_copy else ("8888", "zzz")
            cells[2] = cells[2] if bits is None else "-8888.125"

    other = make(tmp_path, "other", table_of(tmp_path, bits, change), number_bits=bits)
    files = {
        path.relative_to(one.folder) for path in one.folder.rglob("*") if path.is_file()
    }
    published = {MANIFEST, REPORT, CARD, SCHEMA, TRAIN, ROWS, TARGETS}
    assert {str(path) for path in files} == published
    for path in files - {Path(ROWS), Path(TARGETS), Path(MANIFEST)}:
        assert (one.folder / path).read_bytes() == (other.folder / path).read_bytes()
    same = replace(one.manifest, sha256={}) == replace(other.manifest, sha256={})
    assert same
    assert (known_rows(other) > known_rows(one)) == is_copy
    assert not list(tmp_path.glob("tmp*")), "what was in the clear is gone"


def test_the_keystream_is_asked_for_by_what_it_hides(tmp_path: Path) -> None:
    asked: list[bytes] = []

    def stream(hidden: bytes) -> Keystream:
        asked.append(hidden)
        return STREAM

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        publish_contest(
            table(tmp_path / "t.csv"),
            tmp_path / name,
            stream,
            Coding(seed=name.encode()),
        )
    assert len(set(asked)) == 2


def test_a_class_that_nobody_could_learn_is_refused_by_name(tmp_path: Path) -> None:
    def change(number: int, cells: list[str]) -> None:
        cells[2] = "rare" if number in (3, 7) else "common"

    source = table(tmp_path / "table.csv", rows=40, change=change)
    for seed in range(40):
        try:
            made = make(
                tmp_path,
                f"c{seed}",
                source,
                seed=bytes([seed]),
                choice=Choice(Fraction(2, 3)),
            )
        except DataError as error:
            assert "Class 'rare' would be in no training row" in error.message
            return
        assert all(made.manifest.train_counts)
    raise AssertionError("chance never put both rows among the hidden ones")


@pytest.mark.parametrize("name", [ROWS, TARGETS])
def test_hidden_files_that_are_others_are_refused(tmp_path: Path, name: str) -> None:
    made = make(tmp_path, "contest", table(tmp_path / "table.csv"))
    said, path = terms(made), made.folder / name
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(DataError, match="not those that the terms name"):
        folder_of(made).hidden(said)
    path.write_bytes(data[:-32])
    with pytest.raises(DataError, match="rows take"):
        folder_of(made).hidden(said)
    path.write_bytes(data + bytes(32))
    with pytest.raises(DataError, match="are allowed"):
        folder_of(made).hidden(said)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    made = make(tmp_path, "contest", table(tmp_path / "table.csv"))
    assert folder_of(made).schema(made.schema.hash) == made.schema
    with pytest.raises(DataError, match="not the one that the terms name"):
        folder_of(made).schema(bytes(32))


def test_a_strangers_manifest_is_refused_in_words(tmp_path: Path) -> None:
    made = make(tmp_path, "contest", table(tmp_path / "table.csv"))
    good = json.loads((made.folder / MANIFEST).read_text())
    for own in (
        {"kind": "prediction"},
        {"schema_version": 3},
        {"hidden_rows": -1},
        {"train_counts": ["1"]},
        {
            "split": {
                "fraction": "1e9",
                "stratified": False,
                "group": None,
                "time": None,
            }
        },
        {"split": {"fraction": "1/5", "stratified": True, "group": "a", "time": None}},
        {"features": [1]},
    ):
        damaged = json.dumps(good | {"modelmarket": good["modelmarket"] | own})
        with pytest.raises(
            DataError, match=r"not that of a verified|is not a manifest"
        ):
            ContestManifest.from_json(damaged.encode())
    for data in (b"", b"[]", b"\xff", b"null"):
        with pytest.raises(DataError, match="is not a manifest"):
            ContestManifest.from_json(data)


def test_the_folder_says_what_the_requester_calls_what_is_predicted(
    tmp_path: Path,
) -> None:
    made = make(tmp_path, "contest", table(tmp_path / "table.csv"))
    data = (made.folder / MANIFEST).read_bytes()
    assert ContestManifest.from_json(data) == made.manifest
    assert made.manifest.told_predicts == "'label column', one of 2 classes"
    described = json.loads(data)["recordSet"][0]["field"][-1]
    assert described["source"]["extract"] == {"column": "label"}
    assert described["description"] == "label column"
    assert made.manifest.told_predicts in (made.folder / CARD).read_text()


def test_the_manifest_is_valid_croissant(tmp_path: Path) -> None:
    made = make(tmp_path, "contest", table(tmp_path / "table.csv"))
    with warnings.catch_warnings():
        # Of the library and of those that it needs.
        warnings.simplefilter("ignore")
        import mlcroissant

        dataset = mlcroissant.Dataset(jsonld=made.folder / MANIFEST)
        assert dataset.metadata.issues.errors == set()
        assert len(list(dataset.records("train"))) == 45


@pytest.mark.parametrize(
    "name",
    ['"><img src=x onerror="x=1">', '"', '""', "a,b", "a\nb", "*", "^.*$", " x ", "ü"],
)
@pytest.mark.parametrize("kind", [publish, make])
def test_a_column_may_have_any_name(tmp_path: Path, kind: Any, name: str) -> None:
    """Its rows are known again by it, too."""
    path, folder = tmp_path / "table.csv", tmp_path / "out"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([name, "x", "label"])
        writer.writerows((n, f"{n}.5", "ab"[n % 2]) for n in range(40))
    source = Source(open_table(path, header=True, delimiter=","), label="label")
    if kind is publish:
        folder.mkdir()
        made = publish(source, folder)
        frame = read_frame(folder / TRAIN)
        known = fingerprints(folder / TRAIN, folder / TEST)
    else:
        seen: list[Fingerprints] = []
        made = make(tmp_path, "out", source, inspect=seen.append)
        frame, _ = folder_of(made).frame()
        [known] = seen
        assert [one.name for one in made.schema.columns] == [name, "x"]
    assert made.manifest.features == (name, "x")
    assert set(frame.columns) >= {name, "x"}
    assert known.columns[0] == tuple(sorted((name, "x")))
    assert made.report.telling or made.report.findings


@pytest.mark.parametrize("width", [8, 16])
def test_what_a_model_should_beat_is_what_a_forest_on_codes_reaches_on_hidden_rows(
    tmp_path: Path, width: int
) -> None:
    """A threshold by a figure that no model of codes can reach would have no winner."""
    made = make(tmp_path, "contest", complaints(tmp_path / "t.csv"), width=width)
    learnt, labels = folder_of(made).training(made.schema)
    codes, truth = hidden_rows(made)
    forest = quick_forest(2, is_number=False).fit(learnt, labels)
    reached = float(np.mean(forest.predict(codes) == truth))
    report = made.report
    assert report.baseline == pytest.approx(reached, abs=report.resolution)
    assert reached < 0.75
    assert report.code_bits == width
    assert "A small forest on the codes that trainers get is right for" in str(report)
    assert Report.from_json(report.to_json()).code_bits == width


def test_where_models_see_the_texts_a_forest_is_tried_on_the_texts(
    tmp_path: Path,
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    report = publish(complaints(tmp_path / "t.csv"), plain, seed=SEED).report
    assert report.baseline is not None
    assert report.baseline > 0.99
    assert report.code_bits is None
    assert "A small forest is right for" in str(report)


@pytest.mark.parametrize("width", [8, 16])
def test_codes_that_a_forest_is_tried_on_are_those_that_trainers_get(
    tmp_path: Path, width: int
) -> None:
    made = make(tmp_path, "contest", complaints(tmp_path / "t.csv"), width=width)
    learnt, _ = folder_of(made).training(made.schema)
    cells = read_frame(made.folder / TRAIN).get_column("text")
    texts = CodedTexts.of(Values.of(cells), width, 1)
    assert texts.codes().tolist() == learnt[:, 0].tolist()
    # Those that were held out have no say in which texts are known.
    held_out = np.arange(0, len(cells), 3)
    others = cells.gather(np.delete(np.arange(len(cells)), held_out))
    column = make_column("text", Values.of(others), width)
    wanted = encode_cells(column, cells, width)
    assert texts.codes(held_out).tolist() == wanted.tolist()


def of_patients(path: Path) -> Source:
    """Five rows of each patient, at nearly the same time and all of one class, which
    nothing tells but who and when it is.
    """
    chance = random.Random(4)
    lines = []
    for patient in range(160):
        kind, blood = chance.choice(("ill", "well")), chance.random()
        lines += [
            f"p{patient},2024-{1 + patient // 20:02}-{1 + patient % 20:02},"
            f"{blood + each / 1e6:.6f},{kind}"
            for each in range(5)
        ]
    path.write_text("who,day,blood,label\n" + "\n".join(lines) + "\n")
    return Source(open_table(path, header=True), label="label")


@pytest.mark.parametrize(
    "choice",
    [Choice(Fraction(1, 4), group="who"), Choice(Fraction(1, 4), time="day")],
)
def test_a_forest_is_tried_on_such_rows_as_are_tested(
    tmp_path: Path, choice: Choice
) -> None:
    """On other groups, or later rows, than it learns from: there it knows nobody."""
    source = of_patients(tmp_path / "t.csv")
    made = make(tmp_path, "contest", source, choice=choice)
    learnt, labels = folder_of(made).training(made.schema)
    codes, truth = hidden_rows(made)
    forest = quick_forest(3, is_number=False).fit(learnt, labels)
    reached = float(np.mean(forest.predict(codes) == truth))
    assert reached < 0.7
    assert made.report.baseline is not None
    assert made.report.baseline < 0.7
    plain = tmp_path / "plain"
    plain.mkdir()
    found = publish(source, plain, choice=choice, seed=SEED)
    assert found.report.baseline is not None
    assert found.report.baseline < 0.7
    lost = losses(
        made.folder / TRAIN,
        made.manifest.features,
        made.manifest.train_rows,
        made.schema.target,
        choice=made.manifest.choice,
    ).baseline
    assert lost is not None
    assert max(lost.plain, *lost.coded.values()) < 0.7
    # At random, where everybody is known again, it is another matter.
    at_random = make(tmp_path, "random", source).report.baseline
    assert at_random is not None
    assert at_random > 0.9
