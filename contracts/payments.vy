# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Payments: ModelCoin in, ModelCoin out, and what is kept for good
@license Apache-2.0
@author The ModelMarket developers
"""


from ethereum.ercs import IERC20

from interfaces import IModelMarket


# @dev The token that rewards and stakes are paid in.
COIN: immutable(IERC20)


# @dev Wei of MDC that nobody can ever take out again.
_slashed: uint256


@deploy
def __init__(coin: address):
    COIN = IERC20(coin)


@internal
def collect(amount: uint256, permit: IModelMarket.Permit):
    """
    @notice Takes an amount from the caller.
    @dev The permit is used only when the allowance falls short, and its
         failure is not ours: one that somebody else has already sent to the
         token has left the allowance that the transfer needs.
    """
    if permit.deadline != 0:
        allowed: uint256 = staticcall COIN.allowance(msg.sender, self)
        if allowed < amount:
            # Whether it worked shows in the transfer.
            _: bool = raw_call(
                COIN.address,
                abi_encode(
                    msg.sender,
                    self,
                    amount,
                    permit.deadline,
                    permit.v,
                    permit.r,
                    permit.s,
                    method_id=method_id(
                        "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"
                    ),
                ),
                revert_on_failure=False,
            )
    assert extcall COIN.transferFrom(msg.sender, self, amount), "Unpaid"


@internal
def pay(receiver: address, amount: uint256):
    """
    @notice Sends an amount of what the market holds.
    """
    assert extcall COIN.transfer(receiver, amount), "Unpaid"


@internal
def slash(amount: uint256):
    """
    @notice Keeps an amount for good.
    """
    if amount != 0:
        self._slashed += amount
