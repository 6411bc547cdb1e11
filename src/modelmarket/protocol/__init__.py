# SPDX-License-Identifier: Apache-2.0
"""The rules of the market as pure Python, without input or output."""
