# SPDX-License-Identifier: Apache-2.0
"""What the page answers, a file for each noun: its pages, posts and addresses."""
