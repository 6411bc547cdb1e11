# SPDX-License-Identifier: Apache-2.0
"""Verified contests, seen by one user."""
