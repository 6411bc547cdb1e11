# SPDX-License-Identifier: Apache-2.0
"""Exact models: fitted estimators as integers that a contract executes and proves."""

from modelmarket.models.exact import ExactModel
from modelmarket.models.header import ExactHeader, Limits
from modelmarket.models.suggesting import suggest

__all__ = ["ExactHeader", "ExactModel", "Limits", "suggest"]
