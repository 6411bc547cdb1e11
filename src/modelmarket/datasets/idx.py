# SPDX-License-Identifier: Apache-2.0
"""MNIST's IDX files, gzipped or not, as a CSV."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from modelmarket.errors import DataError, NotFoundError
from modelmarket.system.files import existing_folder
from modelmarket.system.text import counted

IMAGES = ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte")
LABELS = ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte")
GZIP_MAGIC = b"\x1f\x8b"
_BYTES_TYPE = 8


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Reads a file of bytes in the IDX format.

    Returns:
        As many dimensions as the file says.

    Raises:
        DataError: It is not such a file.
    """
    data = path.read_bytes()
    if data.startswith(GZIP_MAGIC):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError) as error:
            raise DataError(f"{path.name} is damaged: {error}.") from error
    if len(data) < 4 or data[:3] != bytes((0, 0, _BYTES_TYPE)):  # noqa: PLR2004  # a header's length
        raise DataError(f"{path.name} is not an IDX file of bytes.")
    rank = data[3]
    shape = np.frombuffer(data, ">u4", rank, 4).tolist()
    body = np.frombuffer(data, np.uint8, offset=4 + 4 * rank)
    if body.size != np.prod(shape):
        raise DataError(f"{path.name} is cut off: {body.size:,} bytes for {shape}.")
    return body.reshape(shape)


def find_mnist(folder: Path) -> tuple[list[Path], list[Path]]:
    """MNIST's files in a folder: images and labels, training part first.

    Raises:
        NotFoundError: Some are missing; names them.
    """
    existing_folder(folder)
    found: dict[str, Path] = {}
    for name in (*IMAGES, *LABELS):
        for candidate in (folder / name, folder / f"{name}.gz"):
            if candidate.is_file():
                found[name] = candidate
    missing = [name for name in (*IMAGES, *LABELS) if name not in found]
    if missing:
        raise NotFoundError(
            f"{folder} lacks {', '.join(missing)}.",
            hint="MNIST has four IDX files, gzipped or not.",
        )
    return [found[name] for name in IMAGES], [found[name] for name in LABELS]


def write_mnist(folder: Path, data: Path, labels: Path) -> int:
    """Writes all of MNIST as two CSV files: pixels, and labels row by row.

    Returns:
        The number of rows.
    """
    image_files, label_files = find_mnist(folder)
    digits = [str(value).encode() for value in range(256)]
    rows = 0
    with data.open("wb") as pixels_out, labels.open("wb") as labels_out:
        for image_file, label_file in zip(image_files, label_files, strict=True):
            images, truth = read_idx(image_file), read_idx(label_file)
            if len(images) != len(truth):
                raise DataError(
                    f"{image_file.name} has {counted(len(images), 'image')}, but "
                    f"{label_file.name} has {counted(len(truth), 'label')}."
                )
            if rows == 0:
                width = images[0].size
                names = (f"pixel_{n}".encode() for n in range(width))
                pixels_out.write(b",".join(names) + b"\n")
                labels_out.write(b"digit\n")
            pixels_out.writelines(_lines(images, digits))
            labels_out.writelines(digits[digit] + b"\n" for digit in truth.tolist())
            rows += len(images)
    return rows


def _lines(images: npt.NDArray[np.uint8], digits: list[bytes]) -> Iterator[bytes]:
    for image in images:
        yield b",".join([digits[value] for value in image.tobytes()]) + b"\n"
