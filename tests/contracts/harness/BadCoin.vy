# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
# A token that calls back into the market whenever it moves, and one that
# makes no transfer and says so.


interface Market:
    def withdraw(submission_id: uint256): nonpayable
    def enforce_timeout(request_id: uint256): nonpayable


balanceOf: public(HashMap[address, uint256])
market: Market
victim: uint256
refuses: public(bool)
reentered: public(uint256)
refused: public(uint256)


@deploy
def __init__():
    self.balanceOf[msg.sender] = 10**24


@external
def attack(market: address, victim: uint256):
    self.market = Market(market)
    self.victim = victim


@external
def refuse():
    self.refuses = True


@external
def approve(spender: address, amount: uint256) -> bool:
    return True


@external
@view
def allowance(owner: address, spender: address) -> uint256:
    return max_value(uint256)


@external
def transfer(receiver: address, amount: uint256) -> bool:
    return self._move(msg.sender, receiver, amount)


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    return self._move(owner, receiver, amount)


@internal
def _move(owner: address, receiver: address, amount: uint256) -> bool:
    if self.refuses:
        return False
    if self.victim != 0:
        self.reentered += 1
        worked: bool = raw_call(
            self.market.address,
            abi_encode(self.victim, method_id=method_id("withdraw(uint256)")),
            revert_on_failure=False,
        )
        if not worked:
            self.refused += 1
    self.balanceOf[owner] -= amount
    self.balanceOf[receiver] += amount
    return True
