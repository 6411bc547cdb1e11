# SPDX-License-Identifier: Apache-2.0
"""IPFS: content identifiers, files and folders, the embedded store, gateways."""
