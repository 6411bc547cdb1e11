# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
# A token that calls back whenever the market comes to it, and one that makes
# no transfer and says so, or keeps a part of each.


REFUSES: constant(uint256) = 1
REVERTS: constant(uint256) = 2


balanceOf: public(HashMap[address, uint256])
target: address
call: Bytes[65_536]
behaviour: uint256
fee: uint256
asks_for_permits: bool
reentered: public(uint256)
refused: public(uint256)
answered: public(Bytes[128])


@deploy
def __init__():
    self.balanceOf[msg.sender] = 2**120


@external
def attack(target: address, call: Bytes[65_536]):
    self.target = target
    self.call = call
    self.reentered = 0
    self.refused = 0


@external
def behave(behaviour: uint256, fee: uint256):
    self.behaviour = behaviour
    self.fee = fee


@external
def ask_for_permits(asks: bool):
    self.asks_for_permits = asks


@external
def approve(spender: address, amount: uint256) -> bool:
    return True


@external
@view
def allowance(owner: address, spender: address) -> uint256:
    return 0 if self.asks_for_permits else max_value(uint256)


@external
def permit(
    owner: address,
    spender: address,
    amount: uint256,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    if self.asks_for_permits:
        self._call_back()


@external
def transfer(receiver: address, amount: uint256) -> bool:
    return self._move(msg.sender, receiver, amount)


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    return self._move(owner, receiver, amount)


@internal
def _move(owner: address, receiver: address, amount: uint256) -> bool:
    if self.behaviour == REFUSES:
        return False
    assert self.behaviour != REVERTS, "not today"
    if not self.asks_for_permits:
        self._call_back()
    self.balanceOf[owner] -= amount
    self.balanceOf[receiver] += amount - min(self.fee, amount)
    return True


@internal
def _call_back():
    if self.target == empty(address):
        return
    self.reentered += 1
    worked: bool = False
    answer: Bytes[128] = b""
    worked, answer = raw_call(
        self.target, self.call, max_outsize=128, revert_on_failure=False
    )
    self.answered = answer
    if not worked:
        self.refused += 1
