# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
# A market that believes anything, and that says two things in one transaction: to
# the same contract, one after the other.


@external
def say(target: address, first: Bytes[65536], second: Bytes[65536]):
    raw_call(target, first)
    raw_call(target, second)


@external
def __default__():
    pass
