# SPDX-License-Identifier: Apache-2.0
"""The main job, played on real data: the complete life of three requests."""
