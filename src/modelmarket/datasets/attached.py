# SPDX-License-Identifier: Apache-2.0
"""A column of files beside a table: pictures, texts or sounds, a file for a row.

They are published as they are, under names that are the SHA-256 of their bytes: so a
name gives nothing away, equal files are equal cells wherever tables are compared, and
whoever has a file can tell whether it is the one that is named.
"""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelmarket.datasets.filetypes import (
    KNOWN,
    NOUNS,
    PLAIN_TEXT,
    FileKind,
    Format,
    format_of,
)
from modelmarket.datasets.metadata import says_more
from modelmarket.datasets.records import encode_row
from modelmarket.datasets.tables import Table
from modelmarket.errors import FileError, InputError
from modelmarket.system.documents import read_rows, read_text
from modelmarket.system.files import existing_folder
from modelmarket.system.text import counted

FILES = "files"
"""The folder that they lie in, and what they are called together."""
MOST_FILE_BYTES = 2**24
MOST_FILES = 50_000
"""Different ones; a store takes twice as many entries of one folder."""
MOST_BYTES = 2**32
"""Of all files together."""
MOST_TEXT_BYTES = 2**30
"""Of texts that are held in memory together, each as often as rows name it."""
ELSEWHERE = "Say what folder the files are in with --files-in."
_PUBLISHED = re.compile(
    r"files/([0-9a-f]{2})/(\1[0-9a-f]{62}\.[a-z0-9]{3,4})", re.ASCII
)


@dataclass(frozen=True)
class Attached:
    """The column of a table that names files.

    Attributes:
        column: Its name.
        folder: What the names are relative to; nothing outside of it is read.
        called: What people know the folder as; empty for its path.
        hint: What to do if a file is not there.
    """

    column: str
    folder: Path
    called: str = ""
    hint: str = ELSEWHERE

    @property
    def where(self) -> str:
        """Where the files are, in words."""
        if self.called:
            return self.called
        is_here = self.folder == Path()
        return "the current folder" if is_here else f"the folder {self.folder}"


@dataclass(frozen=True)
class FileColumn:
    """A column of files as it is published.

    Attributes:
        column: Its name.
        kind: Of the files.
        suffixes: Of the files, without dots, in order of their letters.
        files: How many different ones there are.
        bytes: Of all of them.
        annotated: How many say something beside what is seen or heard.
    """

    column: str
    kind: FileKind
    suffixes: tuple[str, ...]
    files: int
    bytes: int
    annotated: int = 0

    def __str__(self) -> str:
        return (
            f"Column {self.column!r} names {counted(self.files, *NOUNS[self.kind])} "
            f"of {self.bytes:,} bytes in all."
        )

    def to_document(self) -> dict[str, Any]:
        """The column as a manifest says it."""
        return {
            "column": self.column,
            "kind": str(self.kind),
            "suffixes": list(self.suffixes),
            "files": self.files,
            "bytes": self.bytes,
            "annotated": self.annotated,
        }

    @property
    def media_types(self) -> list[str]:
        """Of the files, in the order of their suffixes."""
        known = {one.suffix: one.media_type for one in KNOWN}
        return [known[one] for one in self.suffixes]


class Reading:
    """Reads the files that rows name, and nothing outside of their folder.

    Args:
        attached: Which column names them.
        table: Whose rows name them.
    """

    def __init__(self, attached: Attached, table: Table) -> None:
        self._attached, self._table = attached, table
        self._root = attached.folder.resolve()

    def read(self, row: int, said: str) -> bytes:
        """A file's bytes.

        Args:
            row: That names it, from 1.
            said: Its name there.

        Raises:
            FileError: It is not there, empty or too large, hidden, or outside of the
                folder; names row, column and file.
        """
        try:
            path = (self._root / said).resolve()
            if wrong := self._wrong(path, said):
                raise self.problem(row, said, *wrong)
            with path.open("rb") as file:
                data = file.read(MOST_FILE_BYTES + 1)
        except (OSError, RuntimeError, ValueError) as error:
            # What the system says has the whole path in it.
            what = f"cannot be read: {getattr(error, 'strerror', None) or error}"
            raise self.problem(row, said, what) from error
        if not data:
            raise self.problem(row, said, "is empty", "Leave the cell empty instead.")
        if len(data) > MOST_FILE_BYTES:
            raise self.problem(
                row,
                said,
                f"is larger than {MOST_FILE_BYTES:,} bytes",
                "Make it smaller: a picture by its size, a sound by its rate.",
            )
        return data

    def _wrong(self, path: Path, said: str) -> tuple[str, str] | None:
        """Why a path is not to be read, and what to do; None if it is."""
        where, hint = self._attached.where, self._attached.hint
        if not path.is_relative_to(self._root):
            return f"lies outside of {where}", hint
        # Whoever wrote the table may have meant a key that lies beside it.
        if any(one.startswith(".") for one in path.relative_to(self._root).parts):
            return "is hidden", "Hidden files are not published: give it another name."
        if path.is_file():
            return None
        if path.exists():
            return f"is no file, looked for in {where}", hint
        hint = self._other_spelling(path, said) or hint
        return f"is not there, looked for in {where}", hint

    def _other_spelling(self, path: Path, said: str) -> str:
        """What to do about a name that other systems take for a file's; empty for none.

        Windows reads backslashes and any case; macOS writes accents apart.
        """
        if "\\" in said and self._root.joinpath(said.replace("\\", "/")).is_file():
            return "Write it with slashes."
        if path.parent.is_dir():
            for one in sorted(path.parent.iterdir()):
                if _as_others_read(one.name) == _as_others_read(path.name):
                    return f"Write it as the file is called: {one.name!a}."
        return ""

    def problem(self, row: int, said: str, what: str, hint: str = "") -> FileError:
        """What is wrong with a file that a row names."""
        column = self._attached.column
        return FileError(
            f"{self._table.told(row)}, column {column!r}: {said[:100]!r} {what}.",
            hint=hint,
        )


def _as_others_read(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def texts_of(cells: Sequence[str | None], reading: Reading) -> list[str]:
    """The texts of the files that cells name; an empty text for an empty cell.

    Raises:
        FileError: A file cannot be read, or is no text; names row, column and file.
    """
    found: list[str] = []
    for row, said in enumerate(cells, 1):
        if said is None or not said.strip():
            found.append("")
            continue
        try:
            found.append(reading.read(row, said).decode())
        except UnicodeDecodeError as error:
            raise reading.problem(row, said, f"is no {PLAIN_TEXT.name}") from error
    return found


class Attaching:
    """Reads the files that rows name, and writes them to be published.

    Args:
        attached: Which column names them.
        features: The columns of the rows.
        folder: Where the folder of the files is to lie.
        table: Whose rows name them.
    """

    def __init__(
        self, attached: Attached, features: Sequence[str], folder: Path, table: Table
    ) -> None:
        self._reading = Reading(attached, table)
        self._attached, self._folder, self._table = attached, folder, table
        self._place = list(features).index(attached.column)
        self._rows = 0
        self._named: dict[str, str] = {}
        self._first: tuple[str, Format] | None = None
        self._written: dict[str, Format] = {}
        self._bytes = self._annotated = 0

    def replaced(self, rows: Sequence[bytes]) -> list[bytes]:
        """The next rows with their files' published names.

        Args:
            rows: As `modelmarket.datasets.records` has them.

        Raises:
            FileError: A file is not there, too large, or none of a known format; names
                row, column and file.
        """
        found: list[bytes] = []
        for row in rows:
            self._rows += 1
            # A row of one empty cell is an empty line.
            cells = next(csv.reader([row.decode()], strict=True)) or [""]
            if (said := cells[self._place]).strip():
                if said not in self._named:
                    self._named[said] = self._publish(said)
                cells[self._place] = self._named[said]
            else:
                cells[self._place] = ""
            found.append(encode_row(cells))
        return found

    def column(self) -> FileColumn:
        """What was published.

        Raises:
            FileError: No row names a file.
        """
        if self._first is None:
            raise FileError(
                f"{self._table.path.name}: no row names a file in column "
                f"{self._attached.column!r}.",
                hint="Leave the files out, or name another column.",
            )
        return FileColumn(
            self._attached.column,
            self._first[1].kind,
            tuple(sorted({one.suffix for one in self._written.values()})),
            len(self._written),
            self._bytes,
            self._annotated,
        )

    def _publish(self, said: str) -> str:
        data = self._reading.read(self._rows, said)
        found = format_of(data)
        if found is None:
            raise self._problem(
                said,
                "is none of " + ", ".join(one.name for one in KNOWN),
                "Write it as one of these: what it is called does not matter.",
            )
        if self._first is None:
            self._first = said, found
        elif (first := self._first)[1].kind is not found.kind:
            raise self._problem(
                said,
                f"is {found.name}, and the first file, {first[0]!r}, is "
                f"{first[1].name}",
                "A column has files of one kind: pictures, sounds or texts.",
            )
        digest = hashlib.sha256(data).hexdigest()
        name = f"{FILES}/{digest[:2]}/{digest}.{found.suffix}"
        if digest not in self._written:
            self._write(said, name, data)
            self._written[digest] = found
            self._bytes += len(data)
            self._annotated += says_more(found.suffix, data)
        return name

    def _write(self, said: str, name: str, data: bytes) -> None:
        if len(self._written) == MOST_FILES:
            raise self._problem(
                said,
                f"would be file {MOST_FILES + 1:,}; {MOST_FILES:,} are allowed",
                "Leave rows out, or put what models need of the files into columns.",
            )
        if self._bytes + len(data) > MOST_BYTES:
            raise self._problem(
                said,
                f"would make the files larger than {MOST_BYTES:,} bytes together",
                "Make the files smaller, or leave rows out.",
            )
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def _problem(self, said: str, what: str, hint: str = "") -> FileError:
        return self._reading.problem(self._rows, said, what, hint)


def are_files(names: Sequence[str], folder: Path) -> bool:
    """Whether all of some names are those of files in a folder, and not outside."""
    root = folder.resolve()
    try:
        # perf: the first name that is none is enough; most columns name no files.
        paths = ((root / name).resolve() for name in names)
        return all(one.is_relative_to(root) and one.is_file() for one in paths)
    except (OSError, RuntimeError, ValueError):
        # So long, or of such characters, no name is.
        return False


def is_published(cell: str) -> bool:
    """Whether a cell that a stranger published is the name of a file, or empty."""
    return not cell or _PUBLISHED.fullmatch(cell) is not None


def read_file_column(value: Any, features: Sequence[str]) -> FileColumn | None:
    """A column of files, as a stranger's manifest says.

    Raises:
        ArithmeticError, KeyError, TypeError, ValueError: It says none.
    """
    if value is None:
        return None
    known = {one.suffix for one in KNOWN}
    found = FileColumn(
        column=read_text(value["column"]),
        kind=FileKind(read_text(value["kind"])),
        suffixes=tuple(map(read_text, value["suffixes"])),
        files=read_rows(value["files"]),
        bytes=read_rows(value["bytes"]),
        annotated=read_rows(value["annotated"]),
    )
    if found.column not in features:
        raise ValueError(f"there is no column {found.column[:40]!r} of files")
    if not found.suffixes or not known.issuperset(found.suffixes):
        raise ValueError("files have suffixes that are not known")
    return found


def attached_files(
    column: str | None, folder: Path | str | None, beside: Path
) -> Attached | None:
    """The column that names files, as somebody says; None for none.

    Args:
        column: Its name; None for none.
        folder: That the files are in; None for the one beside.
        beside: Where the table is.

    Raises:
        InputError: It is said where files are of which no column speaks, or that is no
            folder.
        NotFoundError: There is no such folder.
    """
    if column is None:
        if folder is not None:
            raise InputError(
                "Nobody has said which column names files.",
                hint="Say it with --files.",
            )
        return None
    return Attached(column, existing_folder(beside if folder is None else Path(folder)))
