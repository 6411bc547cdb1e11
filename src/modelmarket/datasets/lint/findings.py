# SPDX-License-Identifier: Apache-2.0
"""What a look at a table found, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from modelmarket.errors import DataError
from modelmarket.errors.wording import in_python
from modelmarket.protocol.bins import Coarseness
from modelmarket.system.documents import parse_json, read_rows, read_text
from modelmarket.system.notebooks import facts_html, table_html
from modelmarket.system.text import agreeing, counted, measured

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from modelmarket.datasets.tables import Table

VERSION = 1
MOST_BYTES = 2**24
MOST_ROWS_NAMED = 10
MOST_NAMED = 3
MOST_NUMBER = 1e300


def named(
    names: Sequence[str],
    most: int = MOST_NAMED,
    show: Callable[[str], str] = repr,
) -> str:
    """The first of some names, and how many more there are."""
    said = [show(one) for one in names[:most]]
    if rest := len(names) - len(said):
        return f"{', '.join(said)} and {rest:,} more"
    return " and ".join(filter(None, (", ".join(said[:-1]), said[-1])))


def told_majority(share: float | None, *, in_bins: bool) -> str:
    """What whoever needs no model reaches, in a sentence.

    Args:
        share: Of the training rows that are of the commonest class, or in the fullest
            bin; None for numbers without bins, of which nothing is said.
        in_bins: Whether they are bins.
    """
    if share is None:
        return ""
    which = "fullest bin" if in_bins else "commonest class"
    return f"Always saying the {which} is right for {share:.1%} of the training rows."


def tells(share: float, digits: int, *, is_number: bool) -> str:
    """What something tells of the labels by itself, as a predicate.

    Args:
        share: See `Told`.
        digits: Decimals of its per cent.
        is_number: Whether the labels are numbers, of which none is quite right.
    """
    if is_number:
        return f"explains {share:.{digits}%} of the spread of the labels (R²)"
    return f"gets right {share:.{digits}%} of what always saying the same gets wrong"


class Severity(StrEnum):
    """How grave a finding is."""

    CONFIRM = "confirm"
    """Hardly meant: nothing is published before somebody says yes."""
    WARNING = "warning"
    NOTE = "note"


GRAVEST = (Severity.CONFIRM, Severity.WARNING, Severity.NOTE)
MARKS = {
    Severity.CONFIRM: "Deal with this first",
    Severity.WARNING: "Look at this",
    Severity.NOTE: "Note",
}
"""How grave a finding is, in words."""


class Check(StrEnum):
    """What is looked for; the value is what programs know a finding by."""

    DUPLICATES_ACROSS = "duplicates-across-split"
    NEAR_DUPLICATES_ACROSS = "near-duplicates-across-split"
    DUPLICATES = "duplicate-rows"
    CONFLICTS = "equal-rows-different-labels"
    GROUPS_ACROSS = "groups-across-split"
    PUBLISHED = "published-before"
    LABEL_COPY = "column-equals-label"
    PREDICTS = "column-predicts-label"
    INDEX = "index-column"
    IDENTIFIER = "identifier-column"
    GROUP = "group-column"
    DATE = "date-column"
    CONSTANT = "constant-column"
    FREE_TEXT = "text-column"
    COMMAS = "numbers-with-commas"
    NAMES_FILES = "column-names-files"
    ANNOTATED = "annotated-files"
    TWINS = "near-twin-classes"
    REGRESSION = "labels-look-like-numbers"
    IMBALANCE = "imbalanced-classes"
    RARE = "rare-classes"
    ABSENT = "class-in-no-test-row"
    FEW_TESTS = "few-test-rows"
    GUESSABLE = "truth-can-be-guessed"


WHAT: dict[Check, str] = {
    Check.DUPLICATES_ACROSS: "test rows that stand in the training part, too",
    Check.NEAR_DUPLICATES_ACROSS: "test rows that are nearly rows of the training part",
    Check.DUPLICATES: "rows of the training part that come more than once",
    Check.CONFLICTS: "equal rows with different labels",
    Check.GROUPS_ACROSS: "groups, such as patients, with rows in both parts",
    Check.PUBLISHED: "rows that stand in a request of this vault, too",
    Check.LABEL_COPY: "a column that says what the label says",
    Check.PREDICTS: "a column that alone tells the label, or nearly",
    Check.INDEX: "a column that counts the rows, such as a data frame's index",
    Check.IDENTIFIER: "a column with a value of its own in each row",
    Check.GROUP: "the column of groups that rows were split by",
    Check.DATE: "a column of dates or times",
    Check.CONSTANT: "a column with one value in all training rows",
    Check.FREE_TEXT: "a column of texts that hardly ever come twice",
    Check.COMMAS: "a column of numbers with commas, which are read as text",
    Check.NAMES_FILES: "a column of names of files that are not published",
    Check.ANNOTATED: "pictures and sounds with notes in them, such as Exif",
    Check.TWINS: "classes that differ by spelling alone: 1 and 1.0, Cat and cat",
    Check.REGRESSION: "classes that look like numbers to be predicted",
    Check.IMBALANCE: "one class that most rows are of",
    Check.RARE: "classes with hardly any rows",
    Check.ABSENT: "classes that no test row is of",
    Check.FEW_TESTS: "so few test rows that models can hardly be told apart",
    Check.GUESSABLE: "a truth that can be guessed as a whole",
}
"""What each check looks for, in words."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        check: What had been looked for.
        severity: How grave it is.
        text: A sentence or two.
        hint: What the requester can do about it; empty where it is published.
        columns: Those that it is about, the first of them.
        classes: Those that it is about, all of them, such as are alike together.
        rows: Training rows that it is about, the first of them: their ids.
        has_more_rows: Whether there are others.
        lines: Of the table's file, that those rows begin in; empty if they are not
            known, as in what is published.
        count: Of the rows, classes or groups that it is about; 0 for none.
        is_private: Whether it tells what nobody else may know: of the test rows, or of
            the requester's files and other requests.
    """

    check: Check
    severity: Severity
    text: str
    hint: str = ""
    columns: tuple[str, ...] = ()
    classes: tuple[tuple[str, ...], ...] = ()
    rows: tuple[int, ...] = ()
    has_more_rows: bool = False
    lines: tuple[int, ...] = ()
    count: int = 0
    is_private: bool = False

    def __str__(self) -> str:
        return in_python(self.sentences)

    @property
    def mark(self) -> str:
        """How grave it is, in words; of what nobody can mend any more, just that."""
        is_open = bool(self.hint) or self.severity is not Severity.CONFIRM
        return MARKS[self.severity] if is_open else "Beware"

    @property
    def sentences(self) -> str:
        """Text and hint as they are written, for each face to say."""
        return f"{self.text} {self.hint}".strip()

    @property
    def told_rows(self) -> str:
        """Its rows in a sentence; empty for none."""
        if not self.rows:
            return ""
        first = ", ".join(f"{row:,}" for row in self.rows)
        others = " and others" if self.has_more_rows else ""
        lines = ", ".join(f"{line:,}" for line in self.lines)
        where = f" ({agreeing(len(self.lines), 'line', 'lines')} {lines})"
        return (
            f"{'Rows' if others or len(self.rows) > 1 else 'Row'} {first}{others}"
            f"{where if lines else ''}."
        )


@dataclass(frozen=True)
class Told:
    """How much of the labels a column tells by itself.

    Attributes:
        column: Its name.
        share: Of what always saying the commonest class leaves wrong, this much it
            gets right; or of the spread of numbers. From 0 to 1, on rows that it was
            not learned from.
    """

    column: str
    share: float


@dataclass(frozen=True)
class Report:
    """What a look at a labelled table found.

    Attributes:
        train_rows: Rows with labels.
        test_rows: Rows without.
        features: How many columns there are.
        train_counts: Training rows of each class, or bin, by name; empty for numbers
            without bins.
        majority: The share of the training rows that are of the commonest class, or
            in the fullest bin; None for numbers without bins. Shares have four digits,
            so that a report comes out the same on any machine.
        baseline: What a small forest reaches by cross-validation on the training part:
            the share of rows that it predicts right, or the mean absolute error; None
            if there are too few rows.
        code_bits: Of the codes that it was tried on, where models see codes alone; None
            where they see the table as it is.
        resolution: The smallest difference of accuracies that so many test rows can
            tell apart, in 19 of 20 cases; None for numbers without bins.
        guess_bits: How many bits whoever guesses the whole truth must get right; None
            for numbers without bins.
        telling: The columns that tell most by themselves, best first.
        findings: The gravest first.
        coarseness: What bins lose of the training rows' numbers; None without bins.
        constant: By how much always saying the median is off, on average, in the
            label's own unit; None for classes and bins.
        constant_root: The root of the mean square by which always saying the mean is
            off; likewise.
        baseline_root: The same of the small forest.
    """

    train_rows: int
    test_rows: int
    features: int
    train_counts: dict[str, int]
    majority: float | None
    baseline: float | None
    resolution: float | None
    guess_bits: float | None
    telling: tuple[Told, ...]
    findings: tuple[Finding, ...]
    coarseness: Coarseness | None = None
    code_bits: int | None = None
    constant: float | None = None
    constant_root: float | None = None
    baseline_root: float | None = None

    def __str__(self) -> str:
        """What a terminal shows."""
        lines = (*self._facts, *(f"{mark}: {text}" for mark, text in self._found))
        return "\n".join(filter(None, lines))

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        table = table_html(("", "finding"), self._found) if self._found else ""
        return facts_html("What was found about the table", self._facts, table)

    @property
    def _facts(self) -> tuple[str, ...]:
        return (
            counted(self.train_rows, "training row"),
            counted(self.test_rows, "test row"),
            counted(self.features, "column"),
            self.told_bins,
            self.told_majority,
            self.told_constant,
            self.told_baseline,
            self.told_resolution(),
        )

    @property
    def _found(self) -> list[tuple[str, str]]:
        return [(one.mark, f"{one} {one.told_rows}".strip()) for one in self.findings]

    @property
    def questions(self) -> tuple[Finding, ...]:
        """What somebody has to say yes to."""
        return tuple(self.of(Severity.CONFIRM))

    @property
    def knows_rows(self) -> bool:
        """Whether rows stand in requests of before, and somebody has to say so; and
        whether others are left without them.
        """
        every = self.train_rows + self.test_rows
        return any(
            one.check is Check.PUBLISHED and one.count < every for one in self.questions
        )

    def also(self, more: Iterable[Finding]) -> Report:
        """The same with further findings, each beside such as are as grave."""
        findings = sorted(
            (*more, *self.findings), key=lambda one: GRAVEST.index(one.severity)
        )
        return replace(self, findings=tuple(findings))

    def of(self, severity: Severity) -> Iterator[Finding]:
        """The findings that are so grave."""
        return (one for one in self.findings if one.severity is severity)

    @property
    def is_number(self) -> bool:
        """Whether the labels are numbers, with bins or without."""
        return self.coarseness is not None or not self.train_counts

    @property
    def told_bins(self) -> str:
        """What bins lose, in a sentence; empty without bins."""
        if self.coarseness is None:
            return ""
        bins = counted(len(self.train_counts), "bin")
        return f"The labels are numbers in {bins}. {self.coarseness.line}"

    @property
    def told_majority(self) -> str:
        """What whoever needs no model reaches, in a sentence; empty for numbers
        without bins.
        """
        return told_majority(self.majority, in_bins=self.coarseness is not None)

    @property
    def told_constant(self) -> str:
        """The same of numbers without bins; empty for others."""
        if self.constant is None:
            return ""
        told = (
            f"Always saying the median is off by {measured(self.constant)}, on average"
        )
        if self.constant_root is not None:
            told += f"; the mean has an RMSE of {measured(self.constant_root)}"
        return f"{told}."

    @property
    def baseline_name(self) -> str:
        """What the small forest is called, by what it was tried on."""
        if self.code_bits is None:
            return "a small forest"
        return "a small forest on the codes that trainers get"

    @property
    def told_baseline(self) -> str:
        """What a small forest reaches, in a sentence; empty if that is not known."""
        if self.baseline is None:
            return ""
        if self.majority is None:
            reached = f"off by {measured(self.baseline)}, on average"
            if self.baseline_root is not None:
                reached += f", with an RMSE of {measured(self.baseline_root)}"
        else:
            reached = f"right for {self.baseline:.1%}"
        return f"{self.baseline_name.capitalize()} is {reached} (cross-validation)."

    def told_resolution(self, noun: str = "test row") -> str:
        """What so many test rows tell apart, in a sentence; empty for numbers."""
        if self.resolution is None:
            return ""
        tell = agreeing(self.test_rows, "tells", "tell")
        return (
            f"{counted(self.test_rows, noun)} {tell} accuracies apart that differ by "
            f"{100 * self.resolution:.1f} percentage points."
        )

    def of_table(self, learned: npt.NDArray[np.int64], table: Table) -> Report:
        """The same, with rows named as in the table that was split.

        Args:
            learned: Which rows of the table the training rows are; shape (rows,).
            table: The table; says in what lines they begin.
        """
        rows = [
            tuple(int(learned[row - 1]) for row in one.rows) for one in self.findings
        ]
        known = table.lines({row for some in rows for row in some})
        findings = (
            replace(
                one,
                rows=some,
                lines=tuple(known[row] for row in some if row in known),
            )
            for one, some in zip(self.findings, rows, strict=True)
        )
        return replace(self, findings=tuple(findings))

    def public(self) -> Report:
        """What everybody may know of it, without what its requester could do about it:
        once it is published, nobody can.
        """
        shown = (one for one in self.findings if not one.is_private)
        return replace(self, findings=tuple(replace(one, hint="") for one in shown))

    def published(self) -> dict[str, Any]:
        """The report as everybody reads it."""
        document = asdict(self)
        for finding in document["findings"]:
            # Where rows stood before the split is the requester's own business.
            del finding["lines"]
        return document

    def to_json(self) -> bytes:
        """The report as it is published."""
        document = {"version": VERSION, **self.published()}
        return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> Report:
        """Reads a report that a stranger wrote.

        Raises:
            DataError: It is none.
        """
        try:
            said = parse_json(data)
            if said["version"] != VERSION:
                raise DataError(
                    f"The report is of another version than {VERSION}, which this "
                    "program reads."
                )
            return cls(
                train_rows=read_rows(said["train_rows"]),
                test_rows=read_rows(said["test_rows"]),
                features=read_rows(said["features"]),
                train_counts={
                    read_text(name): read_rows(count)
                    for name, count in said["train_counts"].items()
                },
                majority=_number(said["majority"]),
                baseline=_number(said["baseline"]),
                resolution=_number(said["resolution"]),
                guess_bits=_number(said["guess_bits"]),
                coarseness=_coarseness(said["coarseness"]),
                # Reports were published before they said these.
                code_bits=_bits(said.get("code_bits")),
                constant=_number(said.get("constant")),
                constant_root=_number(said.get("constant_root")),
                baseline_root=_number(said.get("baseline_root")),
                telling=tuple(map(_told, said["telling"])),
                findings=tuple(map(_finding, said["findings"])),
            )
        except (
            AttributeError,
            KeyError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            raise DataError("This is no report about a table.") from error


def _number(said: object) -> float | None:
    """A number, or none; JSON's integers may have any number of digits."""
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise TypeError(f"a number is a {type(said).__name__}")
    if not -MOST_NUMBER <= said <= MOST_NUMBER:
        raise ValueError("a number is too large")
    return float(said)


def _bits(said: object) -> int | None:
    return None if said is None else read_rows(said)


def _coarseness(said: dict[str, object] | None) -> Coarseness | None:
    if said is None:
        return None
    found = {name: _number(said[name]) for name in Coarseness.__annotations__}
    if None in found.values():
        raise TypeError("an error is missing")
    return Coarseness(**{name: value or 0.0 for name, value in found.items()})


def _told(said: dict[str, object]) -> Told:
    share = _number(said["share"])
    if share is None:
        raise TypeError("a share is missing")
    return Told(read_text(said["column"]), share)


def _finding(said: dict[str, Any]) -> Finding:
    return Finding(
        check=Check(said["check"]),
        severity=Severity(said["severity"]),
        text=read_text(said["text"]),
        hint=read_text(said["hint"]),
        columns=tuple(map(read_text, said["columns"])),
        # Reports were published before there were any.
        classes=tuple(tuple(map(read_text, some)) for some in said.get("classes", ())),
        rows=tuple(map(read_rows, said["rows"])),
        has_more_rows=said["has_more_rows"] is True,
        count=read_rows(said["count"]),
        is_private=said["is_private"] is True,
    )
