# SPDX-License-Identifier: Apache-2.0
"""A request in the making: a table that was sent, what is in it, and its terms."""
