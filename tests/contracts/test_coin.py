# SPDX-License-Identifier: Apache-2.0
"""ModelCoin, its airdrop and its permits."""

from __future__ import annotations

import boa
from eth_account import Account

from contracts.world import MDC, REWARD, STAKE, World
from modelmarket.chain.wallets import Wallet

AIRDROP = 1_000 * MDC


def test_model_coin__as_deployed__has_its_name_its_supply_and_its_owner(
    world: World,
) -> None:
    coin = world.coin
    assert (coin.name(), coin.symbol(), coin.decimals()) == ("ModelCoin", "MDC", 18)
    assert coin.totalSupply() == 1_000_000 * MDC
    assert coin.owner() == world.deployer


def test_claim_airdrop__by_anyone__pays_once_out_of_the_deployers_balance(
    world: World,
) -> None:
    somebody = boa.env.generate_address()
    before = world.coin.balanceOf(world.deployer)
    with boa.env.prank(somebody):
        world.coin.claim_airdrop()
        assert "AirdropClaimed" in [type(e).__name__ for e in world.coin.get_logs()]
        with boa.reverts("AlreadyClaimed"):
            world.coin.claim_airdrop()
    assert world.coin.balanceOf(somebody) == AIRDROP
    assert world.coin.balanceOf(world.deployer) == before - AIRDROP
    assert world.coin.airdropped(somebody)


def test_claim_airdrop__from_an_empty_pot__is_refused(world: World) -> None:
    with boa.env.prank(world.deployer):
        left = world.coin.balanceOf(world.deployer)
        world.coin.transfer(world.people["ann"], left - AIRDROP)
    with boa.env.prank(boa.env.generate_address()):
        world.coin.claim_airdrop()
    with boa.env.prank(boa.env.generate_address()), boa.reverts("PotEmpty"):
        world.coin.claim_airdrop()


def test_model_coin__in_its_interface__lets_nobody_mint_or_take_the_ownership(
    world: World,
) -> None:
    names = {entry["name"] for entry in world.coin.abi if entry["type"] == "function"}
    assert not names & {"mint", "burn", "set_minter", "transfer_ownership"}


def sign_permit(
    world: World, wallet: Wallet, amount: int, deadline: int | None = None
) -> tuple[int, int, bytes, bytes]:
    """A permit for the market."""
    ends = world.now + 60 if deadline is None else deadline
    _, name, version, chain_id, contract, _, _ = world.coin.eip712Domain()
    v, r, s = wallet.sign_typed(
        {
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                "Permit": [
                    {"name": "owner", "type": "address"},
                    {"name": "spender", "type": "address"},
                    {"name": "value", "type": "uint256"},
                    {"name": "nonce", "type": "uint256"},
                    {"name": "deadline", "type": "uint256"},
                ],
            },
            "primaryType": "Permit",
            "domain": {
                "name": name,
                "version": version,
                "chainId": chain_id,
                "verifyingContract": contract,
            },
            "message": {
                "owner": wallet.address,
                "spender": world.market.address,
                "value": amount,
                "nonce": world.coin.nonces(wallet.address),
                "deadline": ends,
            },
        }
    )
    return ends, v, r, s


def newcomer(world: World) -> Wallet:
    """Somebody with 1,000 MDC and no allowance, called `new`."""
    wallet = Wallet(Account.from_key(b"\x11" * 32))
    world.people["new"] = wallet.address
    with boa.env.prank(wallet.address):
        world.coin.claim_airdrop()
    return wallet


def test_collect__with_permits_for_reward_and_stake__takes_both_and_no_more(
    world: World,
) -> None:
    wallet = newcomer(world)
    request = world.create(who="new", permit=sign_permit(world, wallet, REWARD))
    world.submit(request, "new", permit=sign_permit(world, wallet, STAKE))
    assert world.balance("new") == AIRDROP - REWARD - STAKE
    assert world.coin.allowance(wallet.address, world.market.address) == 0


def test_create_request__without_permit_or_allowance__is_refused(world: World) -> None:
    newcomer(world)
    with boa.reverts("erc20: insufficient allowance"):
        world.create(who="new")


def test_create_request__while_the_allowance_suffices__leaves_its_permit_unused(
    world: World,
) -> None:
    wallet = newcomer(world)
    with boa.env.prank(wallet.address):
        world.coin.approve(world.market.address, REWARD)
    world.create(who="new", permit=sign_permit(world, wallet, REWARD))
    assert world.coin.nonces(wallet.address) == 0


def test_create_request__with_an_expired_permit__is_refused(world: World) -> None:
    wallet = newcomer(world)
    permit = sign_permit(world, wallet, REWARD, deadline=world.now - 1)
    with boa.reverts("erc20: insufficient allowance"):
        world.create(who="new", permit=permit)


def test_create_request__with_a_permit_for_another_amount__is_refused(
    world: World,
) -> None:
    wallet = newcomer(world)
    for amount in (REWARD - 1, REWARD + 1):
        with boa.reverts("erc20: insufficient allowance"):
            world.create(who="new", permit=sign_permit(world, wallet, amount))


def test_create_request__with_an_allowance_for_a_part__needs_a_permit_for_all(
    world: World,
) -> None:
    wallet = newcomer(world)
    part = REWARD // 3
    with boa.env.prank(wallet.address):
        world.coin.approve(world.market.address, part)
    for amount in (REWARD - part, 2**256 - 1):
        with boa.reverts("erc20: insufficient allowance"):
            world.create(who="new", permit=sign_permit(world, wallet, amount))
    world.create(who="new", permit=sign_permit(world, wallet, REWARD))
    assert world.coin.nonces(wallet.address) == 1
    assert world.coin.allowance(wallet.address, world.market.address) == 0


def test_claim_airdrop__after_passing_the_first_on__is_refused_and_makes_no_coins(
    world: World,
) -> None:
    wallet = newcomer(world)
    with boa.env.prank(wallet.address):
        world.coin.transfer(world.people["ann"], AIRDROP)
        with boa.reverts("AlreadyClaimed"):
            world.coin.claim_airdrop()
    assert world.coin.totalSupply() == 1_000_000 * MDC
