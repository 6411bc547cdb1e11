# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
# Shows how contracts/contests.vy packs what it stores.

import contests
import ranking

initializes: ranking
initializes: contests[ranking := ranking]


@external
def keep(request_id: uint256, state: contests.State):
    contests.store(request_id, state)


@external
@view
def load(request_id: uint256) -> contests.State:
    return contests.load(request_id)
