# SPDX-License-Identifier: Apache-2.0
"""Fitted estimators of scikit-learn and other libraries as exact models.

They must be fitted on codes: trees then convert without loss, and what linear models
and networks lose can be counted on any rows.
"""

from modelmarket.models.converting.dispatch import converted
from modelmarket.models.converting.parts import Converted

__all__ = ["Converted", "converted"]
