# SPDX-License-Identifier: Apache-2.0
"""Every error that this package raises on purpose, in one tree.

    ModelMarketError            says what happened, where, and what to do next
    ├── InputError              a value, file or option that cannot be used
    │   ├── ConfirmationError   allowed, but hardly meant: it wants a yes
    │   ├── FieldError          a form's field, which it names
    │   ├── DataError           a table, naming row, column and value
    │   │   └── FileError       a file that a row names
    │   └── TermsError          terms that the contract would refuse
    ├── NotFoundError           a name, id, CID or file that is not there
    ├── StorageError            a block, file or gateway that is not what it says
    │   └── DiskError           a disk that is full, or a folder that is not ours
    ├── ChainError              a node that cannot be reached or believed
    │   ├── UnreadableError     logs of a request that make no sense
    │   ├── RevertError         the contract refused a call, in words
    │   ├── FundsError          not enough MDC, or not enough coin for fees
    │   └── TransactionError    a transaction that did nothing, and never will
    ├── VaultError              a vault that is locked, damaged or not there
    ├── StepError               a step that is not due now, or no longer
    └── ConfinementError        a stranger's model that cannot be run without danger
        └── LimitError          one that was run, and went beyond a limit

`exit_code` is what the command line ends with. Sentences are written as the command
says them; each face says them in words of its own, see `modelmarket.errors.wording`.
"""

from __future__ import annotations

import errno

from modelmarket.errors.wording import in_python

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def how_to_install(extra: str) -> str:
    """The hint of an error for want of a library.

    Args:
        extra: What of this package brings it.
    """
    return f"pip install 'modelmarket[{extra}]'"


class ModelMarketError(Exception):
    """Something that the user can mend.

    Args:
        message: What happened, and where.
        hint: The next step, as a sentence or a command.

    Attributes:
        message: As it is written; the same for `hint`. What Python prints is in
            Python's words.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return in_python(self.text)

    @property
    def text(self) -> str:
        """Message and hint as they are written, for other sentences to take up."""
        return f"{self.message} {self.hint}".rstrip()


class EntryWarning(UserWarning):
    """What would keep an entrant's computer from watching, or from answering."""


class InputError(ModelMarketError):
    """A value, file or option that cannot be used."""

    exit_code = 2


class ConfirmationError(InputError):
    """Something that is allowed, but that hardly anybody means to do.

    Args:
        option: The option that says yes, as Python spells it: `again` stands
            for `--again` on the command line and for a tick on the page.
    """

    def __init__(self, message: str, *, option: str, hint: str = "") -> None:
        flag = "--" + option.replace("_", "-")
        super().__init__(message, hint=hint or f"Say {flag} to do it all the same.")
        self.option = option


class FieldError(InputError):
    """What was written into a field of a form cannot be used.

    Args:
        field: Its name.

    Attributes:
        others: What is wrong with other fields of the same form.
    """

    def __init__(self, message: str, *, field: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field
        self.others: tuple[FieldError, ...] = ()


class DataError(InputError):
    """A table that cannot be used: names row, column and value."""


class FileError(DataError):
    """A file that a row names, and that cannot be read or published."""


class KnownRowsError(DataError):
    """Rows of a table that stand in requests of before, where others read them.

    Args:
        is_all: Whether all of its rows do, so that nothing is left without them.
    """

    def __init__(self, message: str, *, hint: str, is_all: bool) -> None:
        super().__init__(message, hint=hint)
        self.is_all = is_all


class TermsError(InputError):
    """Terms that the contract would refuse."""


class NotFoundError(ModelMarketError):
    """A name, id, CID or file that is not there."""

    exit_code = 3


class StorageError(ModelMarketError):
    """A block, file or gateway that is not what it says it is."""

    exit_code = 4


class DiskError(StorageError):
    """A disk that is full, or a file that cannot be read or written."""


class ChainError(ModelMarketError):
    """A node that cannot be reached or believed."""

    exit_code = 5


class UnreadableError(ChainError):
    """The logs of a request make no sense; the request is set aside."""


class RevertError(ChainError):
    """The contract refused a call.

    Args:
        reason: The contract's own word, for example `HintTooFar`.
    """

    exit_code = 6

    def __init__(self, message: str, *, reason: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class FundsError(ChainError):
    """Not enough MDC for the amount, or not enough coin for the fees."""

    exit_code = 7


class TransactionError(ChainError):
    """A transaction that failed, or whose place another one has taken."""


class VaultError(ModelMarketError):
    """A vault that is locked, damaged or not there."""

    exit_code = 8


class StepError(ModelMarketError):
    """A step that is not due now, or no longer."""

    exit_code = 9


class ConfinementError(ModelMarketError):
    """A stranger's model that this machine cannot run without danger."""

    exit_code = 10


class LimitError(ConfinementError):
    """A stranger's model that was run, and went beyond a limit, or broke."""


def said_by(error: Exception) -> str:
    """What an error says, for other sentences to take up: as it is written if it is
    ours, and as it prints itself if it is not.
    """
    return error.text if isinstance(error, ModelMarketError) else str(error)


def in_words(error: Exception) -> ModelMarketError | None:
    """What the operating system or a database says of the disk, as our error.

    Returns:
        None for anything else: a bug that must not be dressed up.
    """
    if isinstance(error, ModelMarketError):
        return error
    # SQLAlchemy wraps what the database says.
    origin = getattr(error, "orig", error)
    said = str(origin)
    name = type(origin).__module__
    is_full = getattr(origin, "errno", None) in _FULL or (
        name == "sqlite3" and ("is full" in said or "disk I/O" in said)
    )
    if is_full:
        return DiskError(
            f"The disk is full, or a file may not grow: {said}.",
            hint="Make room and do it again; nothing was sent that is not on disk.",
        )
    if isinstance(origin, FileNotFoundError) and origin.filename is not None:
        return NotFoundError(f"There is no file or folder {origin.filename}.")
    if isinstance(origin, OSError) and origin.filename is not None:
        return DiskError(f"{origin.filename}: {origin.strerror}.")
    if name.startswith("psycopg"):
        return DiskError(
            f"The index's database cannot be used: {said.strip()}",
            hint="Is it running? `index` of the network's profile names it; "
            "`modelmarket node add` sets another.",
        )
    if name == "sqlite3":
        return DiskError(
            f"A database in the home cannot be used: {said}.",
            hint="`modelmarket doctor` looks at the rest.",
        )
    return None
