# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
# A market that believes whatever a referee or an archive tells, and counts.


from interfaces import IVerifiedMarket


chain_id: public(uint256)
heard: public(uint256)
shown: public(bytes32)
challenger: public(address)
part: public(uint256)
contest: public(bytes32)


@deploy
def __init__(chain_id: uint256):
    self.chain_id = chain_id


@external
def refute(
    request_id: uint256,
    submission_id: uint256,
    requester: address,
    terms: IVerifiedMarket.Terms,
    shown: IVerifiedMarket.Shown,
    challenger: address,
):
    self.heard += 1
    self.shown = keccak256(abi_encode(shown))
    self.challenger = challenger


@external
def answered(
    submission_id: uint256,
    shown: IVerifiedMarket.Shown,
    part: uint256,
    contest: bytes32,
):
    self.heard += 1
    self.shown = keccak256(abi_encode(shown))
    self.part = part
    self.contest = contest
