# SPDX-License-Identifier: Apache-2.0
"""What came with a form, or as JSON, and how its fields are read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from modelmarket.errors import DataError, FieldError, InputError, NotFoundError
from modelmarket.protocol.terms import parse_duration
from modelmarket.protocol.types import RequestId, SubmissionId
from modelmarket.system.documents import parse_json
from modelmarket.web.uploads import Upload, Uploads
from modelmarket.web.views import CONFIRMATIONS, local_path

BAD_REQUEST = 400
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
MOST_FILES = 4
MOST_FIELDS = 40
MOST_FIELD_BYTES = 2**24
"""Of a field that is no file. The longest text that is taken has 1 MB; what has more is
told so beside its field."""
MOST_DIGITS = 9
"""Of a page's number."""
MOST_DECIMAL = 2**256 - 1
"""What the chain can count to."""
GONE = "What was chosen before is not here any more: files are kept for an hour."
NEW = "new"
"""Where a file lies that is not taken for its field yet."""
SENT = (
    *("shown_for", "upload", "as_shown", "look", "keep", "discard", "another"),
    "leave_out",
)
REFUSED, WITHOUT, GO_ON = "refused_", "without_", "without_new_"
"""Before a field's name: why its file was refused; that it is left out; that what was
there before is taken."""
MOST_REASON = 500
"""Characters of why a file was refused that are told again."""
UNKEPT = (*CONFIRMATIONS, *SENT)
"""Fields that say nothing of what was typed."""
_HALF = re.compile("[\ud800-\udfff]")

Form = Mapping[str, Any]
Refuse = Callable[[Path, str], None]
"""Raises why a file cannot be taken for a field; see `save`."""
Value = TypeVar("Value")


# --- the whole ---


def is_json(request: Request) -> bool:
    """Whether the page's script sends it, rather than one of its forms."""
    kind = request.headers.get("content-type", "")
    return request.method == "POST" and kind.startswith("application/json")


@asynccontextmanager
async def sent_form(request: Request) -> AsyncIterator[Form]:
    """What was sent; its files are there as long as this goes on.

    Raises:
        InputError: It cannot be read.
    """
    if request.method != "POST":
        yield {}
    elif is_json(request):
        yield await _json(request)
    else:
        _require_form(request)
        try:
            form = await request.form(
                max_files=MOST_FILES,
                max_fields=MOST_FIELDS,
                max_part_size=MOST_FIELD_BYTES,
            )
        except HTTPException as error:
            if error.status_code != BAD_REQUEST:
                raise
            raise InputError(f"The form cannot be read: {error.detail}") from error
        try:
            yield form
        finally:
            await form.close()


def _require_form(request: Request) -> None:
    """What is no form is not taken for an empty one.

    Raises:
        InputError: It is none.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    has_body = request.headers.get("content-length", "0") != "0"
    if kind not in FORMS and (kind or has_body):
        raise InputError("What was sent is neither a form nor JSON.")


async def _json(request: Request) -> dict[str, Any]:
    try:
        document = _whole(parse_json(await request.body()))
    except (ValueError, RecursionError) as error:
        raise InputError("The JSON that was sent cannot be read.") from error
    if not isinstance(document, dict):
        raise InputError("The JSON that was sent is no object.")
    return document


def _whole(value: Any) -> Any:
    """A document without halves of surrogate pairs, which JSON may have, and nothing
    can store or send.

    Raises:
        RecursionError: It is nested too deep.
    """
    match value:
        case str():
            return _HALF.sub("\N{REPLACEMENT CHARACTER}", value)
        case list():
            return [_whole(one) for one in value]
        case dict():
            return {_whole(name): _whole(one) for name, one in value.items()}
        case _:
            return value


# --- its fields ---


def text(form: Form, name: str, default: str = "") -> str:
    """A field's text, without the spaces around it."""
    value = form.get(name, default)
    return value.strip() if isinstance(value, str) else default


def request_id(form: Form) -> RequestId:
    """The request that a form is about: 7, or v7.

    Raises:
        InputError: It names none.
    """
    return RequestId.parse(text(form, "request"))


def submission_id(form: Form) -> SubmissionId:
    """The submission that a form is about: 7, or v7.

    Raises:
        InputError: It names none.
    """
    return SubmissionId.parse(text(form, "submission"))


def decimal(form: Form, name: str) -> int:
    """A whole number that the page was given as a decimal string.

    Raises:
        InputError: It is none.
    """
    given = str(form.get(name, "0"))
    if not re.fullmatch(r"[0-9]{1,78}", given) or int(given) > MOST_DECIMAL:
        raise InputError(f"{given[:100]!r} is no {name}.")
    return int(given)


def whole_number(text: str) -> int | None:
    """The number that an address has; None for what is none, or far too large.

    Args:
        text: Whatever somebody typed: `²` is a digit too, but no number.
    """
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if is_number else None


def read(form: Form, name: str, parse: Callable[[str], Value]) -> Value:
    """What a field says.

    Raises:
        FieldError: It cannot be read; names the field.
    """
    try:
        return parse(text(form, name))
    except InputError as error:
        raise FieldError(error.message, field=name, hint=error.hint) from error


class Reading:
    """Reads all fields of a form, so that whatever is wrong is told at once.

    Args:
        form: It.
    """

    def __init__(self, form: Form) -> None:
        self._order = {name: at for at, name in enumerate(form)}
        self._problems: list[FieldError] = []

    def take(self, read: Callable[[], Value], otherwise: Value) -> Value:
        """What a field says, or something of its kind where that cannot be read.

        Args:
            read: Reads it; raises a `FieldError`.
            otherwise: Nobody sees it, since `finish` raises then.
        """
        try:
            return read()
        except FieldError as error:
            self._problems.append(error)
            return otherwise

    def finish(self) -> None:
        """Makes sure that all could be read.

        Raises:
            FieldError: What is wrong with the form's first field of which something is,
                with what is with others.
        """
        last = len(self._order)
        by_place = sorted(
            self._problems, key=lambda one: self._order.get(one.field, last)
        )
        if by_place:
            first, *others = by_place
            first.others = tuple(others)
            raise first


def whole(form: Form, read: Callable[[Reading], Value]) -> Value:
    """What a form says, if all of it can be read.

    Args:
        form: It.
        read: Reads its fields, and goes on where one cannot be read.

    Raises:
        FieldError: See `Reading.finish`.
    """
    reading = Reading(form)
    said = read(reading)
    reading.finish()
    return said


def duration(form: Form, name: str) -> int:
    """Seconds that a field says, and the unit beside it, unless one was typed.

    Raises:
        FieldError: It is no length of time; names the field.
    """
    unit = text(form, f"{name}_unit")

    def parse(typed: str) -> int:
        is_number = unit and typed[-1:].isascii() and typed[-1:].isdigit()
        try:
            return parse_duration(f"{typed} {unit}" if is_number else typed)
        except InputError as error:
            hint = f"Write a number of {unit}." if unit else error.hint
            raise InputError(error.message, hint=hint) from error

    return read(form, name, parse)


def confirmations(
    form: Form, names: Iterable[str] = tuple(CONFIRMATIONS)
) -> dict[str, bool]:
    """What was ticked, as the options of the same names."""
    return {name: _says(form, name) for name in names}


def _says(form: Form, name: str) -> bool:
    return text(form, name) == "yes"


def back(form: Form) -> str:
    """A page of ours to go back to."""
    return local_path(text(form, "back", "/"))


def upload_of(form: Form, uploads: Uploads, closing: ExitStack) -> Upload:
    """Where a form's files go: to those that were kept when it was shown again, if
    they are still here.

    Args:
        form: Names what was kept, if anything was.
        uploads: All of them.
        closing: Lets go of it in the end.
    """
    kept = text(form, "upload")
    if kept:
        try:
            return closing.enter_context(uploads.using(kept))
        except NotFoundError:
            pass
    return closing.enter_context(uploads.using(uploads.begin().name))


def unchosen(form: Form, upload: Upload, error: FieldError) -> FieldError:
    """Why a file is not there that a form needs.

    Args:
        form: It.
        upload: What there is of it.
        error: Says so to whoever has chosen none.
    """
    if text(form, "upload") in ("", upload.name):
        return error
    return FieldError(GONE, field=error.field, hint="Choose it again.")


def typed(form: Form) -> dict[str, str]:
    """What somebody said in a form, so that it can be shown again: no files, no ticks
    of what was asked, nothing that says how it was sent.
    """
    return {
        name: value
        for name, value in form.items()
        if isinstance(value, str)
        and name not in UNKEPT
        and not name.startswith((REFUSED, WITHOUT, GO_ON))
    }


def sent_files(form: Form, fields: Iterable[str]) -> list[str]:
    """The fields whose file came with a form, and not with one before it."""
    return [name for name in fields if _sent(form, name) is not None]


def kept_files(upload: Upload | None, fields: Iterable[str]) -> dict[str, str]:
    """What the files are called that came with a form and are still here."""
    if upload is None:
        return {}
    files = {name: upload.file(name) for name in fields}
    return {name: file.name for name, file in files.items() if file is not None}


def is_chosen(form: Form) -> bool:
    """Whether a file was chosen and nothing was pressed yet: it is kept, so that
    nothing that becomes of the page loses it.
    """
    return _says(form, "keep")


def save(
    form: Form,
    name: str,
    upload: Upload,
    refuse: Refuse = lambda _, __: None,
) -> Path | None:
    """Keeps the file that was chosen, or the one that was before it unless that is
    left out; None without either.

    Args:
        form: It.
        name: Of the field.
        upload: Where its files are.
        refuse: Raises why a file cannot be taken for a field, before it is.

    Raises:
        FieldError: It cannot; names the field, which has what it had before.
    """
    chosen = _chosen(form, name, upload)
    if chosen is None:
        return upload.file(name)
    with _new(name, upload):
        refuse(upload.save(NEW, chosen.filename or "", chosen.file), name)
    return upload.file(name)


def unpack(form: Form, name: str, upload: Upload) -> Path | None:
    """Keeps the files of the ZIP that was chosen, or those that were before them unless
    they are left out; None without either.

    Raises:
        FieldError: It cannot be unpacked; names the field, which has what it had.
        DiskError: The disk is full.
    """
    chosen = _chosen(form, name, upload)
    if chosen is None:
        return upload.file(name)
    with _new(name, upload):
        upload.unpack(NEW, chosen.filename or "", chosen.file)
    return upload.file(name)


def save_all(saves: Iterable[Callable[[], object]]) -> list[FieldError]:
    """Keeps all files of a form that are good.

    Args:
        saves: Keep one each; see `save` and `unpack`.

    Returns:
        Why the others cannot be taken; each names its field.
    """
    problems = []
    for one in saves:
        try:
            one()
        except FieldError as error:
            problems.append(error)
    return problems


def refused(
    form: Form, fields: Iterable[str], problems: Iterable[FieldError] = ()
) -> dict[str, str]:
    """Why files were refused that are not chosen anew, by field: nor left out, nor is
    what was there before taken all the same.

    Args:
        form: It, which says what was refused before.
        fields: That take files.
        problems: Why files are refused now.
    """
    now = {one.field: one.message[:MOST_REASON] for one in problems}
    before = {
        one: text(form, REFUSED + one)[:MOST_REASON]
        for one in fields
        if _sent(form, one) is None
        and not _says(form, WITHOUT + one)
        and not _says(form, GO_ON + one)
    }
    found = {one: now.get(one) or before.get(one, "") for one in fields}
    return {one: why for one, why in found.items() if why}


def as_refused(reasons: Mapping[str, str]) -> dict[str, str]:
    """What a form says of files that were refused, so that it is not forgotten."""
    return {REFUSED + one: why for one, why in reasons.items()}


def refuse_gone(form: Form, upload: Upload) -> None:
    """Makes sure that the files which a form was shown with are still here.

    Args:
        form: It.
        upload: Where its files are now.

    Raises:
        InputError: They have gone.
    """
    if text(form, "as_shown") and text(form, "upload") != upload.name:
        raise InputError(GONE, hint="Choose it again.")


def refuse_others(form: Form, state: str) -> None:
    """Makes sure that what is sealed is what somebody saw.

    Args:
        form: It, which says with which files it was shown.
        state: What was there before any came with the form; see `Upload.state`.

    Raises:
        InputError: It is something else.
    """
    if text(form, "as_shown") not in ("", state):
        raise InputError(
            "Other files were chosen here in another tab. Nothing was sealed.",
            hint="They are shown here now: look them over, and go on.",
        )


def refuse_refused(
    form: Form, fields: Iterable[str], optional: Iterable[str], upload: Upload
) -> None:
    """Makes sure that nothing is done without a file, or with the one before it, only
    since it was refused.

    Args:
        form: It.
        fields: That take files.
        optional: Those whose files may be left out.
        upload: Where its files are.

    Raises:
        FieldError: Something is; names its field.
    """
    for field, why in refused(form, fields).items():
        kept = upload.file(field)
        ways = ["Choose a corrected file"]
        ways += [] if kept is None else [f"go on with {kept.name}"]
        ways += ["leave it out"] if field in optional else []
        raise FieldError(why, field=field, hint=f"{', or '.join(ways)}.")


@contextmanager
def _new(name: str, upload: Upload) -> Iterator[None]:
    """Takes what the body keeps as new in place of what a field had, if it is good.

    Raises:
        FieldError: It is none; names the field, which has what it had before.
    """
    try:
        yield
    except (DataError, InputError) as error:
        raise FieldError(error.message, field=name, hint=error.hint) from error
    else:
        upload.take(name, NEW)
    finally:
        upload.drop(NEW)


def _chosen(form: Form, name: str, upload: Upload) -> UploadFile | None:
    """The file that was chosen, if one was; what is to be left out is gone then."""
    if _says(form, WITHOUT + name):
        upload.drop(name)
    return _sent(form, name)


def _sent(form: Form, name: str) -> UploadFile | None:
    chosen = form.get(name)
    is_file = isinstance(chosen, UploadFile) and chosen.filename
    return chosen if is_file else None
