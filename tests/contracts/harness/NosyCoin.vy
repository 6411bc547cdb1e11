# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
# A token that makes any call it was given whenever it moves, and remembers
# what came of it.


balanceOf: public(HashMap[address, uint256])
target: address
words: Bytes[4096]
asked: public(uint256)
worked: public(bool)
answer: public(Bytes[1024])


@deploy
def __init__():
    self.balanceOf[msg.sender] = 10**24


@external
def ask(target: address, words: Bytes[4096]):
    self.target = target
    self.words = words


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
    if self.target != empty(address):
        self.asked += 1
        self.worked, self.answer = raw_call(
            self.target, self.words, max_outsize=1024, revert_on_failure=False
        )
    self.balanceOf[owner] -= amount
    self.balanceOf[receiver] += amount
    return True
