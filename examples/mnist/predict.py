# SPDX-License-Identifier: Apache-2.0
"""Predicts a fetched dataset: `python predict.py DATASET MODEL PREDICTIONS`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

from modelmarket.demo.models import predict


def main(dataset: Path, model: Path, predictions: Path) -> None:
    """Writes one label for each row of the dataset's `test.csv`."""
    test = pl.read_csv(dataset / "test.csv")
    pixels = test.drop("row_id").to_numpy().astype(np.float32)
    labels = predict(model.read_bytes(), pixels)
    pl.DataFrame({"row_id": test["row_id"], "label": labels}).write_csv(predictions)
    print(f"{predictions}: {len(labels):,} rows")


if __name__ == "__main__":
    if len(sys.argv) != 4:  # noqa: PLR2004  # three arguments
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
