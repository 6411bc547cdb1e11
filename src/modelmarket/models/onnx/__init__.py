# SPDX-License-Identifier: Apache-2.0
"""ONNX: what any program can run that knows nothing of the market.

`of_exact` writes exact models, `of_fitted` what libraries have fitted; `running` reads
and runs what the latter wrote. A file says by itself which columns it reads, and
predicts the names of classes, so that nothing has to be known beside it.
"""

from modelmarket.models.onnx.of_exact import to_onnx
from modelmarket.models.onnx.of_fitted import Exported, export
from modelmarket.models.onnx.running import OnnxModel

__all__ = ["Exported", "OnnxModel", "export", "to_onnx"]
