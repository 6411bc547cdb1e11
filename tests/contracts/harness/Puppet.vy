# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
# A contract that says what it is told to say: whoever calls it began the
# transaction, but is not who calls.


@external
def speak(target: address, words: Bytes[4096]) -> (bool, Bytes[1024]):
    worked: bool = False
    answer: Bytes[1024] = b""
    worked, answer = raw_call(
        target, words, max_outsize=1024, revert_on_failure=False
    )
    return worked, answer
