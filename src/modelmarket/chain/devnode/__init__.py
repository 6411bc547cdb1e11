# SPDX-License-Identifier: Apache-2.0
"""The embedded chain: py-evm on a SQLite file, over HTTP JSON-RPC."""
