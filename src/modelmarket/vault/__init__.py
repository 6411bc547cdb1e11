# SPDX-License-Identifier: Apache-2.0
"""Secrets and the journal of transactions, on disk, surviving anything."""
