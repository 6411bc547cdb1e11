# SPDX-License-Identifier: Apache-2.0
"""Tables in, the split, and the published dataset folder out."""
