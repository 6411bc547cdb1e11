# SPDX-License-Identifier: Apache-2.0
"""What is wrong, or odd, about a labelled table, before money is put on it."""
