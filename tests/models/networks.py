# SPDX-License-Identifier: Apache-2.0
"""Networks as PyTorch has them, without PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelmarket.models.converting.of_torch import Sequential


class Network(Sequential):
    """Runs layers itself, as PyTorch would: that is tried by `make frameworks`."""

    def values(self, table: Any) -> Any:
        found: Any = np.asarray(table, dtype=np.float32)
        for at, layer in enumerate(self.layers):
            found = np.maximum(found, 0) if at else found
            found = found @ layer.weights.astype(np.float32) + layer.biases
        return found
