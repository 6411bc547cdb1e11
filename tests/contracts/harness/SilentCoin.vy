# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
# A token that moves coins, or does not, and says nothing of it.


balanceOf: public(HashMap[address, uint256])
behaviour: uint256


@deploy
def __init__():
    self.balanceOf[msg.sender] = 2**120


@external
def behave(behaviour: uint256, fee: uint256):
    self.behaviour = behaviour


@external
def approve(spender: address, amount: uint256) -> bool:
    return True


@external
@view
def allowance(owner: address, spender: address) -> uint256:
    return max_value(uint256)


@external
@raw_return
def transfer(receiver: address, amount: uint256) -> Bytes[32]:
    return self._move(msg.sender, receiver, amount)


@external
@raw_return
def transferFrom(
    owner: address, receiver: address, amount: uint256
) -> Bytes[32]:
    return self._move(owner, receiver, amount)


@internal
def _move(owner: address, receiver: address, amount: uint256) -> Bytes[32]:
    self.balanceOf[owner] -= amount
    self.balanceOf[receiver] += amount
    return b"" if self.behaviour != 0 else abi_encode(True)
