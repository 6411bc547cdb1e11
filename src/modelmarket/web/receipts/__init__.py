# SPDX-License-Identifier: Apache-2.0
"""Receipts: what an action is, moves, gives back and can cost."""
