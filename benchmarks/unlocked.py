# SPDX-License-Identifier: Apache-2.0
"""A chain of anvil's, driven by its own unlocked accounts, for measurements."""

from __future__ import annotations

import time

from modelmarket.chain.blocks import Call, Receipt
from modelmarket.chain.connection import Connection
from modelmarket.chain.contracts import ModelCoin
from modelmarket.chain.wallets import Wallet
from modelmarket.protocol.types import Address

MNEMONIC = "test test test test test test test test test test test junk"
SIXTY_BYTES = "sixty bytes, as long as a CID and then one more for good ok".ljust(
    60, "."
)
MODEL = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
LATE = 2**40 - 1
"""A permit's deadline; fixed, since a signature's bytes have their price."""


class UnlockedChain:
    """A chain with a coin, and people who have some.

    Args:
        rpc: Of an anvil with `MNEMONIC`.
    """

    def __init__(self, rpc: str) -> None:
        from eth_account import Account

        Account.enable_unaudited_hdwallet_features()
        self.connection = Connection(rpc)
        self.wallets = [
            Wallet.from_key(
                Account.from_mnemonic(
                    MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}"
                ).key
            )
            for index in range(10)
        ]
        self.requester, self.trainer, self.other = (
            wallet.address for wallet in self.wallets[:3]
        )
        self.coin, _ = ModelCoin.deploy(self.connection, self.wallets[0])

    def let_take(self, market: Address) -> None:
        """Gives everybody coins, which a market may take."""
        for account in (self.trainer, self.other):
            self.send(self.coin.claim_airdrop(), account)
        for account in (self.requester, self.trainer, self.other):
            self.send(self.coin.approve(market, 2**255), account)

    def send(self, call: Call, sender: Address) -> Receipt:
        """Sends a call from an unlocked account."""
        transaction = self.connection.ask(
            "eth_sendTransaction",
            {
                "from": sender,
                "to": call.to,
                "data": "0x" + call.data.hex(),
                "gas": hex(2**24),
            },
        )
        while True:
            receipt = self.connection.receipt(bytes.fromhex(transaction[2:]))
            if receipt is not None:
                return receipt
            time.sleep(0.01)

    def send_many(self, calls: list[Call], sender: Address) -> None:
        """Sends calls whose gas is not of interest, a hundred in a block."""
        self.connection.ask("evm_setAutomine", False)
        for at in range(0, len(calls), 100):
            for call in calls[at : at + 100]:
                request = {"from": sender, "to": call.to, "gas": hex(250_000)}
                request["data"] = "0x" + call.data.hex()
                self.connection.ask("eth_sendTransaction", request)
            self.connection.ask("evm_mine")
        self.connection.ask("evm_setAutomine", True)

    def move_to(self, second: int) -> None:
        """Mines a block at a second."""
        self.connection.ask("evm_setNextBlockTimestamp", second)
        self.connection.ask("evm_mine")
