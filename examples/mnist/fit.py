# SPDX-License-Identifier: Apache-2.0
"""A trainer's three lines: `python fit.py REQUEST`."""

from __future__ import annotations

import sys

from sklearn.ensemble import RandomForestClassifier

from modelmarket import Market


def main(number: str) -> None:
    """Fits a forest to a contest's training part, seals it and stakes on it."""
    request = Market.connect().request(number)
    forest = RandomForestClassifier(60, max_depth=14, max_leaf_nodes=1_000, n_jobs=-1)
    request.submit(forest.fit(*request.training_data()), name="a forest")


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004  # one argument
        sys.exit(__doc__)
    main(sys.argv[1])
