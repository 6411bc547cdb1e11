# SPDX-License-Identifier: Apache-2.0
"""What files are by their bytes, and what they say beside what is seen or heard."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from modelmarket.datasets.filetypes import KNOWN, FileKind, format_of
from modelmarket.datasets.metadata import says_more
from support.attachments import picture, sound


def saved(form: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, form, **options)
    return file.getvalue()


def noise() -> bytes:
    """A JPEG with many bytes that look like the beginning of a marker."""
    file = io.BytesIO()
    picture = Image.effect_noise((200, 200), 90)
    picture.save(file, "JPEG", quality=95, restart_marker_rows=1)
    assert file.getvalue().count(b"\xff\0") > 20
    assert b"\xff\xd3" in file.getvalue()
    return file.getvalue()


def exif() -> Image.Exif:
    made = Image.Exif()
    made[0x010E] = "a cat"
    return made


def text_chunk() -> PngImagePlugin.PngInfo:
    made = PngImagePlugin.PngInfo()
    made.add_text("Comment", "a cat")
    return made


def block(kind: int, data: bytes, *, is_last: bool) -> bytes:
    return struct.pack(">I", is_last << 31 | kind << 24 | len(data)) + data


def comments(*said: bytes) -> bytes:
    """Vorbis comments behind the name of a program."""
    listed = b"".join(struct.pack("<I", len(one)) + one for one in said)
    return struct.pack("<I", 3) + b"enc" + struct.pack("<I", len(said)) + listed


def flac(*blocks: tuple[int, bytes]) -> bytes:
    last = len(blocks) - 1
    made = [block(*one, is_last=at == last) for at, one in enumerate(blocks)]
    return b"fLaC" + b"".join(made) + b"\xff\xf8 frames"


def with_chunk(data: bytes, kind: bytes, inside: bytes) -> bytes:
    """A WAV with another chunk behind its head."""
    chunk = kind + struct.pack("<I", len(inside)) + inside + b"\0" * (len(inside) % 2)
    return sized(data[:12] + chunk + data[12:], len(data) + len(chunk) - 8)


def sized(data: bytes, size: int) -> bytes:
    """A WAV that says so many bytes of itself."""
    return data[:4] + struct.pack("<I", size) + data[8:]


def before_last_scan(data: bytes, inside: bytes) -> bytes:
    """A JPEG of several scans with something between them."""
    at = data.rindex(b"\xff\xda")
    return data[:at] + inside + data[at:]


STREAM = (0, bytes(34))
OGG = b"OggS" + bytes(24)
PROGRESSIVE = saved("JPEG", progressive=True)
NOISE = noise()


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (picture(1), "png"),
        (picture(1, "JPEG"), "jpg"),
        (sound(1), "wav"),
        (flac(STREAM), "flac"),
        (OGG, "ogg"),
        (b"ID3\x04\0\0", "mp3"),
        (b"\xff\xfb\x90\x64", "mp3"),
        (b"\xff\xfa\x90", "mp3"),
        (b"\xff\xf3\x90", "mp3"),
        (b"\xff\xf2\x90", "mp3"),
        (b"a", "txt"),
        ("größer\n".encode(), "txt"),
        (b"RIFF", "txt"),
        (b"ID3 is how Quinlan grows trees.", "txt"),
        (b"OggS and fLaC hold sounds.", "txt"),
        (b"fLaC", "txt"),
        (b"RIFFed, a WAVE", "txt"),
    ],
)
def test_a_file_is_what_its_bytes_say(data: bytes, suffix: str) -> None:
    found = format_of(data)
    assert found is not None
    assert found.suffix == suffix


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a\0",
        b"RIFF\0\0\0\0WEBP\xff",
        b"\xff\xd8",
        b"\xff\xfe\0a",
        b"a\0b",
        b"\x89PNG\r\n\x1a",
        b"\x80\x04pickle.",
        b"PK\x03\x04\xff",
    ],
)
def test_any_other_file_is_of_no_kind(data: bytes) -> None:
    assert format_of(data) is None


def test_every_format_has_a_suffix_and_a_type_of_its_own() -> None:
    assert len({one.suffix for one in KNOWN}) == len(KNOWN)
    assert len({one.media_type for one in KNOWN}) == len(KNOWN)
    assert {one.kind for one in KNOWN} == set(FileKind)


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        ("png", saved("PNG", pnginfo=text_chunk())),
        ("png", saved("PNG", exif=exif())),
        ("png", saved("PNG") + b"hidden behind the end"),
        ("jpg", saved("JPEG", exif=exif())),
        ("jpg", saved("JPEG", comment=b"a cat")),
        ("jpg", picture(1, "JPEG") + b"SEFT 2019-11-03, a cat"),
        ("jpg", before_last_scan(PROGRESSIVE, b"\xff\xfe\0\5cat")),
        ("jpg", PROGRESSIVE + PROGRESSIVE),
        ("wav", sound(1) + b"a cat"),
        ("wav", with_chunk(sound(1), b"LIST", b"INFOINAM\x04\0\0\0cat\0")),
        ("wav", with_chunk(with_chunk(sound(1), b"bext", b"x"), b"junk", b"odd")),
        ("flac", flac(STREAM, (4, comments(b"TITLE=cat")))),
        ("flac", flac(STREAM, (1, bytes(9)), (6, b"a picture"))),
        ("ogg", OGG + b"\x03vorbis" + comments(b"TITLE=cat")),
        ("ogg", OGG + b"OpusTags" + comments(b"TITLE=cat")),
        ("mp3", b"ID3\x04"),
        ("mp3", b"\xff\xfb" + bytes(400) + b"TAG" + bytes(125)),
        ("mp3", b"\xff\xfb" + bytes(400) + b"APETAGEX" + bytes(24)),
    ],
)
def test_a_note_in_a_file_is_seen(suffix: str, data: bytes) -> None:
    assert says_more(suffix, data)


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        ("png", saved("PNG")),
        ("jpg", saved("JPEG")),
        ("jpg", saved("JPEG", icc_profile=b"a profile of colours")),
        ("jpg", PROGRESSIVE),
        ("jpg", NOISE),
        ("jpg", NOISE + bytes(3)),
        ("wav", sized(sound(1), 0)),
        ("wav", sized(sound(1), 2**32 - 1)),
        ("wav", sound(1)),
        ("wav", with_chunk(sound(1), b"junk", b"odd")),
        ("flac", flac(STREAM)),
        ("flac", flac(STREAM, (4, comments()))),
        ("ogg", OGG + b"\x03vorbis" + comments()),
        ("mp3", b"\xff\xfb" + bytes(400)),
        ("txt", b"Exif LIST TAG"),
    ],
)
def test_a_file_without_notes_is_not_suspected(suffix: str, data: bytes) -> None:
    assert not says_more(suffix, data)


@given(
    st.sampled_from([one.suffix for one in KNOWN]),
    st.binary(max_size=60),
    st.integers(0, 200),
)
@example("png", b"", 20)
@example("jpg", b"\xff\xff\xff", 2)
def test_rubbish_is_looked_through_and_stops_nobody(
    suffix: str, rubbish: bytes, kept: int
) -> None:
    heads = {
        "png": saved("PNG"),
        "jpg": saved("JPEG"),
        "wav": sound(1),
        "flac": flac(STREAM, (4, comments(b"a"))),
        "ogg": OGG + b"OpusTags" + comments(b"a"),
        "mp3": b"\xff\xfb",
        "txt": b"",
    }
    assert says_more(suffix, heads[suffix][:kept] + rubbish) in (True, False)
