# SPDX-License-Identifier: Apache-2.0
"""The market's events in SQL, and the questions asked of them."""
