# SPDX-License-Identifier: Apache-2.0
"""What kinds of files there may be beside a table, told by their bytes alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FileKind(StrEnum):
    """What the files of a column are."""

    IMAGE = "image"
    AUDIO = "audio"
    TEXT = "text"


NOUNS = {
    FileKind.IMAGE: ("picture", "pictures"),
    FileKind.AUDIO: ("sound", "sounds"),
    FileKind.TEXT: ("text", "texts"),
}


@dataclass(frozen=True)
class Format:
    """How files of a kind are written.

    Attributes:
        kind: Of file.
        name: That people know it by.
        suffix: Of the published file, without a dot.
        media_type: As IANA has it.
        marks: How a file may begin: bytes by their places, all of which must fit.
    """

    kind: FileKind
    name: str
    suffix: str
    media_type: str
    marks: tuple[dict[int, bytes], ...]


# The marks are those of https://mimesniff.spec.whatwg.org, sections 6.1 and 6.2.
FORMATS = (
    Format(FileKind.IMAGE, "PNG", "png", "image/png", ({0: b"\x89PNG\r\n\x1a\n"},)),
    Format(FileKind.IMAGE, "JPEG", "jpg", "image/jpeg", ({0: b"\xff\xd8\xff"},)),
    Format(FileKind.AUDIO, "WAV", "wav", "audio/wav", ({0: b"RIFF", 8: b"WAVE"},)),
    Format(FileKind.AUDIO, "FLAC", "flac", "audio/flac", ({0: b"fLaC"},)),
    Format(FileKind.AUDIO, "Ogg", "ogg", "audio/ogg", ({0: b"OggS"},)),
    Format(
        FileKind.AUDIO,
        "MP3",
        "mp3",
        "audio/mpeg",
        ({0: b"ID3"}, *({0: bytes((0xFF, one))} for one in (0xFB, 0xFA, 0xF3, 0xF2))),
    ),
)
PLAIN_TEXT = Format(FileKind.TEXT, "text in UTF-8", "txt", "text/plain", ())
KNOWN = (*FORMATS, PLAIN_TEXT)


def format_of(data: bytes) -> Format | None:
    """How a file is written, by its bytes alone; None if that is not known."""
    # An article on ID3 may begin as an MP3 does, and no sound is text to its end.
    if _is_text(data):
        return PLAIN_TEXT
    for one in FORMATS:
        for marks in one.marks:
            if all(data.startswith(mark, at) for at, mark in marks.items()):
                return one
    return None


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False
