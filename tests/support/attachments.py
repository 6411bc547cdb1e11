# SPDX-License-Identifier: Apache-2.0
"""Tables whose rows name pictures, sounds or texts, and the files beside them."""

from __future__ import annotations

import io
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from PIL import Image

WORDS = {
    "sport": "goal match team player score season coach league win final".split(),
    "space": "orbit launch moon rocket planet star probe lunar crew dust".split(),
}


def picture(seed: int, form: str = "PNG") -> bytes:
    """A small picture, one for each seed."""
    chance, file = Random(seed), io.BytesIO()
    Image.frombytes("RGB", (6, 6), chance.randbytes(108)).save(file, form)
    return file.getvalue()


def sound(seed: int) -> bytes:
    """Some hundredths of a second of noise."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8_000)
        writer.writeframes(Random(seed).randbytes(400))
    return file.getvalue()


def article(seed: int, kind: str) -> bytes:
    """Some words, most of them of a kind."""
    chance = Random(seed)
    known = [word for words in WORDS.values() for word in words]
    said = chance.choices(WORDS[kind], k=12) + chance.choices(known, k=4)
    return " ".join(chance.sample(said, len(said))).encode()


def write_table(
    folder: Path,
    make: Callable[[int, str], bytes],
    suffix: str,
    kinds: tuple[str, ...] = ("sport", "space"),
    rows: int = 100,
) -> Path:
    """A table with a column of files, a number and a class, and the files in `files`.

    Args:
        folder: Where both are written.
        make: Makes the file of a row, by its number and class.
        suffix: Of the files, with a dot.
        kinds: The classes, which the files' names give away.
        rows: How many.
    """
    (folder / "in").mkdir(parents=True)
    lines = ["file,n,kind\n"]
    for n in range(rows):
        kind = kinds[n % len(kinds)]
        name = f"{kind}-{n}{suffix}"
        (folder / "in" / name).write_bytes(make(n, kind))
        lines.append(f"{name},{n % 7},{kind}\n")
    path = folder / "table.csv"
    path.write_text("".join(lines))
    return path


def zipped(files: dict[str, bytes]) -> bytes:
    """A ZIP of files by their names in it; a name that ends in a slash is a folder's."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            # Not the time of day, which would make another archive of the same files.
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            is_folder = name.endswith("/")
            info.external_attr = (0o40775 << 16 | 0x10) if is_folder else 0o600 << 16
            archive.writestr(info, data)
    return file.getvalue()


def zipped_folder(folder: Path, called: str = "") -> bytes:
    """A ZIP of the files in a folder, under a folder of another name or under none."""
    return zipped({f"{called}{one.name}": one.read_bytes() for one in folder.iterdir()})
