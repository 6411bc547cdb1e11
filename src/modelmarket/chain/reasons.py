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
        "This address has had its airdrop of 1,000 MDC.", "Each address gets one."
    ),
    "AlreadyDemanded": Meaning(
        "This model has been demanded before, which can be done once."
    ),
    "AlreadyShown": Meaning("The candidate has shown its model."),
    "BadBase": Meaning("These are not the model's base words."),
    "BadBits": Meaning(
        "A label must take 1, 2, 4, 8 or 16 bits, a regression target 8, 16 or 32."
    ),
    "BadBond": Meaning(
        "The bond of a demand must be a tenth of the stake to the stake."
    ),
    "BadColumns": Meaning(
        "There must be 1 to 1,024 columns of at most 2,048 bytes, the model's as many"
        " as the contest's."
    ),
    "BadDepth": Meaning(
        "A tree may have 32 questions on a way.", "Set the estimator's max_depth."
    ),
    "BadForm": Meaning(
        "Leaves of this form cannot have so many outputs, or the form is unknown."
    ),
    "BadHeader": Meaning("The model's header is none."),
    "BadHint": Meaning(
        "The hint is not a ranked submission of this request.",
        "The ranking has changed; try again.",
    ),
    "BadIndex": Meaning("There is no such row, group or part."),
    "BadKind": Meaning("The model is of another kind."),
    "BadLabels": Meaning("There must be 1 to 4,194,304 test labels."),
    "BadLayers": Meaning("The model's layers do not fit together."),
    "BadLength": Meaning("There are too many words, or too few."),
    "BadMinimum": Meaning("The threshold is above what can be scored."),
    "BadOutputs": Meaning(
        "There must be 2 to 256 classes that fit into their bits, or one output of a "
        "regression, the model's as many as the contest's."
    ),
    "BadPart": Meaning("The model's parts are too many or too large."),
    "BadParts": Meaning(
        "A model and a listing may have 256 parts each, and no more than a quarter of"
        " the challenge window has time for."
    ),
    "BadPath": Meaning("A path is not as long as it says."),
    "BadPoints": Meaning(
        "Points must be of a known kind, with a step of at least 1, a cap of 1 to "
        "65,536, and all of them below 2**32."
    ),
    "BadPadding": Meaning("What is beyond the last unit is not padding."),
    "BadProof": Meaning("The proof has not the right length."),
    "BadReward": Meaning(
        "The reward must be more than 0, and less than 79,000,000,000 MDC."
    ),
    "BadRounds": Meaning("The trees of such a model must be as many for each output."),
    "BadRow": Meaning("This is not that row of the contest."),
    "BadRows": Meaning(
        "There must be at least one row, and no more than people's machines can open "
        "in a response window."
    ),
    "BadScore": Meaning("The score is above all points of the contest."),
    "BadStake": Meaning(
        "The stake must be at least 1% of the reward, in a verified contest 5%."
    ),
    "BadSums": Meaning("The sums above this part do not add up."),
    "BadTargets": Meaning("These are not those targets of the contest."),
    "BadTerms": Meaning("The terms of the contest are not allowed."),
    "BadTree": Meaning("The words are no whole tree."),
    "BadUnits": Meaning(
        "The model has no units, or more than the contest allows.",
        "Set the estimator's n_estimators or max_iter.",
    ),
    "BadWeights": Meaning(
        "The weights are not those of the terms: one for each class, the cap the "
        "greatest."
    ),
    "BadWidth": Meaning(
        "A code must take 8 or 16 bits, 8 for a dense model, as the contest says."
    ),
    "BadWindow": Meaning(
        "Submissions must stay open for 1 min to 365 days, and each response "
        "window for 1 min to 7 days; in a verified contest for at least 15 min, and "
        "the challenge window for four of them to 28 days."
    ),
    "BadWords": Meaning(
        "At most 3,328 words may be executed on a row, and no more than people's "
        "machines can execute in the challenge window."
    ),
    "HintTooFar": Meaning(
        "The hint is more than 32 places off.", "The ranking has changed; try again."
    ),
    "NotCandidate": Meaning("Only the candidate's predictions can be opened now."),
    "NotClerk": Meaning("Only the clerk may say this."),
    "NotListed": Meaning("This group is not in the listing that was shown."),
    "NotLive": Meaning("The submission has claimed, failed, or been cancelled."),
    "NotOverdue": Meaning("Nothing is overdue on this request."),
    "NotReferee": Meaning("Only the referee may say this."),
    "NotRequester": Meaning("Only the requester may do this."),
    "NotShown": Meaning(
        "No shown model waits to be judged: the candidate has not shown it yet, or the "
        "contest has ended."
    ),
    "NotTrainer": Meaning(
        "Only the trainer, or for a claim its operator, may do this."
    ),
    "NothingDue": Meaning("Nothing is due for this submission now."),
    "NothingOwed": Meaning("This part was not demanded, or has been posted."),
    "NothingWrong": Meaning("What was shown is right there."),
    "Overdue": Meaning(
        "A step of this request was missed.",
        "`modelmarket request enforce ID` takes the step that is due first.",
    ),
    "PotEmpty": Meaning("The airdrop's pot is empty."),
    "StakeAtRisk": Meaning(
        "The deadline has passed, so cancelling now would lose the stake.",
        "To accept that, say --accept-slash.",
    ),
    "TooEarly": Meaning("The challenge window is not over.", "Wait until it ends."),
    "TooLate": Meaning("The time for it is over."),
    "TooMany": Meaning("The request holds as many submissions as it can count."),
    "TooManyLive": Meaning(
        "More submissions are live than you accept.",
        "They would share the reward. See `modelmarket request show ID`.",
    ),
    "TooManyMatches": Meaning("A claim cannot be above the number of labels."),
    "TooManyUnits": Meaning(
        "More than 1,024 trees would be executed on one row.",
        "Set the estimator's n_estimators or max_iter.",
    ),
    "TooManyWords": Meaning(
        "More words would be executed on one row than the contest allows.",
        "Set the estimator's n_estimators, max_iter or max_depth; of a network its "
        "hidden_layer_sizes.",
    ),
    "UnknownRequest": Meaning("There is no such request on this market."),
    "UnknownSubmission": Meaning("There is no such submission on this market."),
    "Unpaid": Meaning("The token did not make the transfer."),
    "WrongKey": Meaning("This is not the key of the contest."),
    "WrongLength": Meaning("The page does not have the length that it must have."),
    "WrongModel": Meaning(
        "The model is not the one whose superhash was logged when submitting."
    ),
    "WrongPage": Meaning("Pages are opened in order, and this is not the next one."),
    "WrongPhase": Meaning("The request is not in the phase for this."),
    "WrongScore": Meaning("The score is not what was claimed."),
    "WrongSeal": Meaning(
        "This does not open the seal, or names another one.",
        "If the chain was reorganised, look at the request again.",
    ),
    "WrongShown": Meaning("This is not what was shown."),
    "WrongTerms": Meaning(
        "The request's terms are not the ones you agreed to.",
        "The chain was reorganised; look at the request again.",
    ),
    "WrongTexts": Meaning("The texts are not those of the terms."),
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
