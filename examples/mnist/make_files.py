# SPDX-License-Identifier: Apache-2.0
"""Writes MNIST as files that people have: `python make_files.py MNIST OUT`.

- `mnist.csv`: the pixels of all 70,000 images
- `mnist_labels.csv`: their labels, row by row
"""

from __future__ import annotations

import sys
from pathlib import Path

from modelmarket.datasets.idx import write_mnist
from modelmarket.errors import ModelMarketError


def main(mnist: Path, out: Path) -> None:
    """Writes both files."""
    out.mkdir(parents=True, exist_ok=True)
    rows = write_mnist(mnist, out / "mnist.csv", out / "mnist_labels.csv")
    print(f"{out / 'mnist.csv'} and mnist_labels.csv: {rows:,} rows")


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004  # two arguments
        sys.exit(__doc__)
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except ModelMarketError as error:
        sys.exit(f"Error: {error}")
