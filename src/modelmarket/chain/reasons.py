# SPDX-License-Identifier: Apache-2.0
"""What the contracts' reasons mean, in sentences.

A test holds the table against the Vyper sources.
"""

from dataclasses import dataclass

from modelmarket.errors import FundsError, ModelMarketError, RevertError


@dataclass(frozen=True)
class Meaning:
    """What a reason says.

    Attributes:
        sentence: What happened.
        hint: What to do next.
    """

    sentence: str
    hint: str = ""


REASONS = {
    "AlreadyClaimed": Meaning(
        "This address has had its airdrop.", "Each address gets one."
    ),
    "BadBits": Meaning("A label must take 1, 2, 4, 8 or 16 bits."),
    "BadHint": Meaning(
        "The hint is not a ranked submission of this request.",
        "The ranking has changed; try again.",
    ),
    "BadLabels": Meaning("There must be 1 to 4,194,304 test labels."),
    "BadMinimum": Meaning("The threshold is above the number of labels."),
    "BadReward": Meaning("The reward must be above 0 and below 2**96 wei."),
    "BadStake": Meaning("The stake must be at least 1% of the reward."),
    "BadWindow": Meaning(
        "Submissions must stay open for 60 s to 365 days, and each response "
        "window for 60 s to 7 days."
    ),
    "HintTooFar": Meaning(
        "The hint is more than 32 places off.", "The ranking has changed; try again."
    ),
    "NotCandidate": Meaning("Only the candidate's predictions can be opened now."),
    "NotLive": Meaning("The submission has claimed, failed, or been cancelled."),
    "NotOverdue": Meaning("Nothing is overdue on this request."),
    "NotRequester": Meaning("Only the requester may do this."),
    "NotTrainer": Meaning(
        "Only the trainer, or for a claim its operator, may do this."
    ),
    "NothingDue": Meaning("Nothing is due for this submission now."),
    "Overdue": Meaning(
        "A step of this request was missed.",
        "Take the step that is due first: `modelmarket request enforce ID`.",
    ),
    "PotEmpty": Meaning("The airdrop's pot is empty."),
    "StakeAtRisk": Meaning(
        "The deadline has passed, so cancelling now would lose the stake.",
        "To accept that, add --accept-slash.",
    ),
    "TooMany": Meaning("The request holds as many submissions as it can count."),
    "TooManyLive": Meaning(
        "More submissions are live than you accept.",
        "They would share the reward; see `modelmarket request show ID`.",
    ),
    "TooManyMatches": Meaning("A claim cannot be above the number of labels."),
    "UnknownRequest": Meaning("There is no such request on this market."),
    "UnknownSubmission": Meaning("There is no such submission on this market."),
    "Unpaid": Meaning("The token did not make the transfer."),
    "WrongLength": Meaning("The page does not have the length that it must have."),
    "WrongPage": Meaning("Pages are opened in order, and this is not the next one."),
    "WrongPhase": Meaning("The request is not in the phase for this."),
    "WrongModel": Meaning(
        "The model is not the one whose superhash was logged when submitting."
    ),
    "WrongSeal": Meaning(
        "This does not open the seal, or names another one.",
        "If the chain was reorganised, look at the request again.",
    ),
    "WrongTerms": Meaning(
        "The request's terms are not the ones you agreed to.",
        "The chain was reorganised; look at the request again.",
    ),
    "WrongTruth": Meaning("This is not the truth that was opened."),
}
"""Reasons of ModelMarket and ModelCoin."""

TOKEN_FUNDS = {
    "erc20: insufficient allowance": Meaning(
        "The market may not take that much of your MDC.", "Sign a permit or approve it."
    ),
    "erc20: transfer amount exceeds balance": Meaning(
        "Your MDC do not suffice.", "`modelmarket account show` shows them."
    ),
}
"""Reasons of the token itself that users can meet."""


def explain(reason: str) -> ModelMarketError:
    """The error, in words, for a contract's reason."""
    if (meaning := TOKEN_FUNDS.get(reason)) is not None:
        return FundsError(meaning.sentence, hint=meaning.hint)
    meaning = REASONS.get(reason) or Meaning(
        f"The contract refused the call ({reason or 'without a reason'})."
    )
    return RevertError(meaning.sentence, reason=reason, hint=meaning.hint)
