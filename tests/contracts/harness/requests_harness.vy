# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
# Shows how contracts/requests.vy packs what it stores.

from interfaces import IModelMarket

import ranking
import requests

initializes: ranking
initializes: requests[ranking := ranking]


@external
def create(
    request_id: uint256, requester: address, terms: IModelMarket.Terms
) -> uint256:
    return requests.create(request_id, requester, terms, empty(bytes32))


@external
@view
def schedule(request_id: uint256) -> requests.Schedule:
    return requests.schedule(request_id)


@external
@view
def stakes(request_id: uint256) -> requests.Stakes:
    return requests.stakes(request_id)


@external
def keep(request_id: uint256, state: requests.State):
    requests.store(request_id, state)


@external
@view
def load(request_id: uint256) -> requests.State:
    return requests.load(request_id)
