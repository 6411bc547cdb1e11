# SPDX-License-Identifier: Apache-2.0
"""Writes MNIST as files that people have: `python make_files.py MNIST OUT`.

- `mnist.csv`: the pixels of all 70,000 images
- `mnist_labels.csv`: their labels, row by row
- `mnist_labels_test.csv`: the labels of MNIST's own 10,000 test images
- `model.onnx`: an example model, learnt from MNIST's own 60,000 training images
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from modelmarket.datasets.idx import find_mnist, read_idx, write_mnist
from modelmarket.demo.models import RECIPES, predict, require_libraries, train
from modelmarket.errors import ModelMarketError


def main(mnist: Path, out: Path) -> None:
    """Writes the four files."""
    require_libraries()
    images, labels = find_mnist(mnist)
    out.mkdir(parents=True, exist_ok=True)
    rows = write_mnist(mnist, out / "mnist.csv", out / "mnist_labels.csv")
    print(f"{out / 'mnist.csv'} and mnist_labels.csv: {rows:,} rows")

    truth = read_idx(labels[1]).astype(str)
    (out / "mnist_labels_test.csv").write_text("digit\n" + "\n".join(truth) + "\n")
    print(f"{out / 'mnist_labels_test.csv'}: {truth.size:,} rows")

    pixels = [read_idx(path) for path in images]
    learnt, tested = (part.reshape(len(part), -1).astype(np.float32) for part in pixels)
    recipe = next(one for one in RECIPES if one.name == "network")
    model = train(recipe, learnt, read_idx(labels[0]).astype(str))
    (out / "model.onnx").write_bytes(model)
    accuracy = np.mean(np.array(predict(model, tested)) == truth)
    print(f"{out / 'model.onnx'}: {accuracy:.2%} of MNIST's own test images are right")


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004  # two arguments
        sys.exit(__doc__)
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except ModelMarketError as error:
        sys.exit(f"Error: {error}")
