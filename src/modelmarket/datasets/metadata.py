# SPDX-License-Identifier: Apache-2.0
"""What pictures and sounds say beside what is seen or heard.

Cameras and editors write notes into files: where and when a picture was taken, what it
shows, who made it. Such a note can give a label away, and tell of people.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

_PNG_HEAD = 8
_PNG_NOTES = {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"}
"""https://www.w3.org/TR/png-3/, sections 11.3.3 and 11.3.4."""
_JPEG_NOTES = {0xE1, 0xED, 0xFE}
"""APP1 (Exif, XMP), APP13 (IPTC) and COM: ITU-T T.81, table B.1."""
_JPEG_SCAN, _JPEG_END = 0xDA, 0xD9
_JPEG_NO_MARKERS = {0x00, *range(0xD0, 0xD8)}
"""Behind 0xFF in the midst of a scan: a byte that is 0xFF, and restarts."""
_PADDING = b"\0\r\n "
_JPEG_ALONE = {0x01, *range(0xD0, 0xD9)}
"""Markers without a segment."""
_WAV_NOTES = {b"LIST", b"id3 ", b"ID3 ", b"bext", b"iXML", b"_PMX"}
_FLAC_COMMENT, _FLAC_PICTURE = 4, 6
"""RFC 9639, section 8.1."""
_OGG_COMMENTS = (b"\x03vorbis", b"OpusTags")
_OGG_LOOKED = 2**16
_ID3_AT_END = 128
_APE, _APE_AT_END = b"APETAGEX", 32


def says_more(suffix: str, data: bytes) -> bool:
    """Whether a file has notes in it that people do not see or hear.

    A damaged file has what was found before the damage.

    Args:
        suffix: Of its format, without a dot.
        data: All of it.
    """
    look = _LOOKS.get(suffix)
    try:
        return look is not None and look(data)
    except struct.error:
        return False


def _png(data: bytes) -> bool:
    at = _PNG_HEAD
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind in _PNG_NOTES:
            return True
        at += 12 + size
        if kind == b"IEND":
            break
    return at < len(data)


def _jpeg(data: bytes) -> bool:
    at = 2
    while at < len(data):
        mark, kind = struct.unpack_from("BB", data, at)
        if mark != 0xFF:  # noqa: PLR2004  # all markers begin so
            return False
        if kind in _JPEG_NOTES:
            return True
        if kind == _JPEG_END:
            # Telephones put dates there, and whole films.
            return bool(data[at + 2 :].strip(_PADDING))
        if kind in _JPEG_ALONE:
            at += 2
            continue
        if kind == 0xFF:  # noqa: PLR2004  # a fill byte before the marker
            at += 1
            continue
        (size,) = struct.unpack_from(">H", data, at + 2)
        at += 2 + size
        if kind == _JPEG_SCAN:
            at = _behind_scan(data, at)
    return False


def _behind_scan(data: bytes, at: int) -> int:
    """Where the next marker stands behind what a scan begins with."""
    while (at := data.find(b"\xff", at)) >= 0:
        if at + 1 < len(data) and data[at + 1] not in _JPEG_NO_MARKERS:
            return at
        at += 1
    return len(data)


def _wav(data: bytes) -> bool:
    (told,) = struct.unpack_from("<I", data, 4)
    # Who writes as he records may not have known the size: 0, or the largest.
    if told and data[8 + told :].strip(_PADDING):
        return True
    at = 12
    while at < len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        if kind in _WAV_NOTES:
            return True
        at += 8 + size + size % 2
    return False


def _flac(data: bytes) -> bool:
    at, is_last = 4, False
    while not is_last:
        (head,) = struct.unpack_from(">I", data, at)
        is_last, kind, size = bool(head >> 31), head >> 24 & 0x7F, head & 0xFFFFFF
        if kind == _FLAC_PICTURE or (kind == _FLAC_COMMENT and _comments(data, at + 4)):
            return True
        at += 4 + size
    return False


def _ogg(data: bytes) -> bool:
    for mark in _OGG_COMMENTS:
        if (at := data.find(mark, 0, _OGG_LOOKED)) >= 0:
            return _comments(data, at + len(mark)) > 0
    return False


def _mp3(data: bytes) -> bool:
    at_end = data[-_ID3_AT_END:].startswith(b"TAG")
    return at_end or data.startswith(b"ID3") or data[-_APE_AT_END:].startswith(_APE)


def _comments(data: bytes, at: int) -> int:
    """How many comments stand behind the name of the program that wrote them
    (https://xiph.org/vorbis/doc/v-comment.html).
    """
    (name,) = struct.unpack_from("<I", data, at)
    (count,) = struct.unpack_from("<I", data, at + 4 + name)
    return int(count)


_LOOKS: dict[str, Callable[[bytes], bool]] = {
    "png": _png,
    "jpg": _jpeg,
    "wav": _wav,
    "flac": _flac,
    "ogg": _ogg,
    "mp3": _mp3,
}
