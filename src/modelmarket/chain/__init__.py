# SPDX-License-Identifier: Apache-2.0
"""The EVM: networks, wallets, transactions, contracts and the embedded node."""
