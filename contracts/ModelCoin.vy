# pragma version ~=0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title ModelCoin, the token that rewards and stakes are paid in
@license GNU Affero General Public License v3.0 only
@author The ModelMarket developers
@notice An ERC-20 with EIP-2612 permits. 1,000,000 MDC are minted to the
        deployer, once; any address may claim 1,000 of them, once, for as
        long as the deployer's balance lasts.
"""


# @dev The token itself is snekmate's. It needs an owner, and here the owner
# is nothing but the pot that airdrops are paid from: minting and handing
# over ownership are not exported.
from snekmate.auth import ownable
from snekmate.tokens import erc20

initializes: ownable
initializes: erc20[ownable := ownable]

exports: (
    ownable.owner,
    erc20.IERC20,
    erc20.IERC20Detailed,
    erc20.IERC20Permit,
    erc20.eip712Domain,
)


event AirdropClaimed:
    account: indexed(address)
    amount: uint256


SUPPLY: constant(uint256) = 1_000_000 * 10**18
AIRDROP: constant(uint256) = 1_000 * 10**18


# @notice Whether an address has had its airdrop.
airdropped: public(HashMap[address, bool])


@deploy
def __init__():
    ownable.__init__()
    erc20.__init__("ModelCoin", "MDC", 18, "ModelCoin", "1")
    erc20._mint(msg.sender, SUPPLY)


@external
def claim_airdrop():
    """
    @notice Pays the caller 1,000 MDC out of the owner's balance, once.
    """
    assert not self.airdropped[msg.sender], "AlreadyClaimed"
    assert erc20.balanceOf[ownable.owner] >= AIRDROP, "PotEmpty"
    self.airdropped[msg.sender] = True
    erc20._transfer(ownable.owner, msg.sender, AIRDROP)
    log AirdropClaimed(account=msg.sender, amount=AIRDROP)
