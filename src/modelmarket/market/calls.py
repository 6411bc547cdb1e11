# SPDX-License-Identifier: Apache-2.0
"""The call that does an action, from what the vault and the index know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmarket.chain.blocks import Call
from modelmarket.chain.contracts import NO_PERMIT, Permit, with_copy
from modelmarket.errors import InputError, VaultError
from modelmarket.market.reusing import refuse_used_seal
from modelmarket.market.verified import calls as verified
from modelmarket.protocol import actions

if TYPE_CHECKING:
    from modelmarket.market.market import Market
    from modelmarket.protocol.actions import Action


def call_of(market: Market, action: Action, permit: Permit = NO_PERMIT) -> Call:
    """The call that does an action.

    Args:
        market: Whose index has been read up to now.
        action: What is to be done.
        permit: For what it locks.

    Raises:
        TermsError: A request has this truth, or these very terms, already.
        VaultError: What was sealed for it is not in this vault.
        InputError: It is done page by page, or by a call of one's own.
    """
    if action.is_verified:
        return verified.call_of(market, action, permit)
    contract = market.contract
    match action:
        case actions.CreateRequest(terms=terms):
            refuse_used_seal(market, terms.truth_seal)
            call = contract.create_request(terms, permit)
            return with_copy(call, market.vault.copy_of(terms.truth_seal))
        case actions.Submit():
            return with_copy(
                _submission(market, action, permit), market.vault.copy_of(action.seal)
            )
        case actions.CancelRequest():
            return contract.cancel_request(
                action.request, action.terms_hash, action.max_live
            )
        case actions.CancelSubmission():
            return contract.cancel_submission(
                action.submission, action.sealed_as, accept_slash=action.accept_slash
            )
        case actions.Claim():
            hint = market.index.hint(action.request, action.submission, action.score)
            return contract.claim(
                action.submission, action.sealed_as, action.score, hint
            )
        case actions.EnforceTimeout():
            return contract.enforce_timeout(action.request)
        case actions.Withdraw():
            return contract.withdraw(action.submission)
        case actions.ClaimAirdrop() | actions.Transfer():
            return _of_coin(market, action)
        case actions.SetOperator():
            return contract.set_operator(action.operator, approved=action.approved)
        case actions.Fund():
            return Call("fund", action.receiver, b"", action.amount)
        case _:
            raise InputError(f"{action.what} is not done by one call of its own.")


def _of_coin(market: Market, action: actions.ClaimAirdrop | actions.Transfer) -> Call:
    if isinstance(action, actions.Transfer):
        return market.coin.transfer(action.receiver, action.amount)
    return market.coin.claim_airdrop()


def _submission(market: Market, action: actions.Submit, permit: Permit) -> Call:
    secret = market.vault.predictions(action.seal)
    if secret is None:
        raise VaultError(
            "The predictions that were sealed are not in this vault.",
            hint="A backup is read by `modelmarket vault restore FILE`.",
        )
    return market.contract.submit(
        action.request,
        action.terms_hash,
        secret.opening().layers[0],
        action.superhash,
        action.name,
        permit,
    )
