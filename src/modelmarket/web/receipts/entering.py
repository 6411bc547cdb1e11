# SPDX-License-Identifier: Apache-2.0
"""Receipts of a trainer: what is entered, taken out, and withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from modelmarket.datasets.about import agreement
from modelmarket.datasets.published import Manifest
from modelmarket.market.checking import told_unlikely
from modelmarket.protocol import actions
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.money import format_about, format_mdc
from modelmarket.protocol.payouts import stake
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.types import Wei
from modelmarket.system.text import counted, measured
from modelmarket.web import stored
from modelmarket.web.deeds import (
    NOBODY_GAINS,
    entered,
    given_up,
    leader,
    submission_of,
)
from modelmarket.web.ranking import STAKES
from modelmarket.web.receipts.parts import (
    WHILE_AWAKE,
    Fact,
    fact,
    named,
    parts_of,
    sealed_model,
    until,
)
from modelmarket.web.rendering import spoken, strangers
from modelmarket.web.thresholds import Threshold
from modelmarket.web.views import size

if TYPE_CHECKING:
    from modelmarket.protocol.records import BaseRecord, SubmissionRecord
    from modelmarket.web.receipts.parts import Part, Sight


TO_APPOINT = (
    "your agent may not claim for this wallet yet: appoint it on the request's page, "
    "or the stake is lost. That is one more transaction, and costs no MDC"
)


def enter(
    sight: Sight, record: BaseRecord | None, action: actions.Entering
) -> tuple[Part, ...]:
    """Of a submission, of predictions or of an exact model."""
    is_model = isinstance(action, actions.SubmitModel)
    fit = action.fit if isinstance(action, actions.SubmitModel) else {}
    what = named(sight, record)
    if sight.is_own:
        what += sealed_model(sight.market, action)
        if isinstance(action, actions.Submit):
            what += _predicted(action, are_numbers=_are_numbers(sight, record))
        what += [] if record is None else _agreed(sight, record)
    back, staked = [], format_mdc(action.stake)
    judged = "paid" if is_model else "confirmed"
    if record is not None:
        least = f", and {_least(sight, record)}" if record.minimum else ""
        reward = format_mdc(record.terms.reward)
        back += [
            fact(
                "To win",
                f"the best claim that stands{least}; of equal ones the earliest entry",
            ),
            fact(
                "If you win",
                f"{reward} MDC, the reward, and your stake of {staked} MDC, as soon as "
                "it is certain",
            ),
        ]
    back += [
        fact(
            "If your claim stands",
            f"{staked} MDC, the stake, when the winner is {judged}, or nobody wins",
        ),
        fact("If you cancel", "the stake at once, until the deadline"),
    ]
    if record is not None and not record.at(sight.now).phase.is_final:
        back.append(Fact("The deadline", until(record.deadline, sight.now)))
    if is_model:
        lose = (
            "its score is not claimed in time, its model is not shown, a row of it is "
            "refuted, somebody demands the model and it is not posted, or you cancel "
            "it after the deadline. Your agent claims the true score "
            f"in time, shows the model, and posts it if it must{WHILE_AWAKE}."
        )
    else:
        lose = (
            "your claim is wrong or missed, its predictions are not opened, or you "
            "cancel it after the deadline. Your agent claims the true number in time"
            f"{WHILE_AWAKE}."
        )
    cost = [fact("You lose the stake if", lose), *_prospect(fit, sight.posting)]
    if not sight.may_claim:
        cost.insert(0, fact("To be done next", TO_APPOINT))
    if is_model:
        checked = (
            "the encrypted rows are all here, match what the contest promised, and "
            "are kept; the chain can run the model, which is within the contest's "
            "limits"
        )
        unseen = "the model, unless its claim is the best"
    else:
        one = "a number" if _are_numbers(sight, record) else "a known class"
        checked = f"every test row has one prediction, {one}"
        unseen = "model and predictions, unless their claim is the best"
        if isinstance(action, actions.Submit) and action.unlikely is not None:
            other = told_unlikely(action.unlikely, sum(action.counts.values()))
            checked += f", and a probability of each class{other}"
            unseen = "model, predictions and probabilities, unless their claim is best"
    if sight.is_own:
        files = action.files if isinstance(action, actions.Submit) else {}
        what += [*_made_from(files), *_fit(fit, record), fact("Checked", checked)]
    return parts_of(what, back, cost, [fact("Stays secret", unseen)])


def _agreed(sight: Sight, record: BaseRecord) -> list[Fact]:
    """What whoever submits agrees to."""
    manifest = stored.described(
        sight.market, record.dataset, verified=record.id.is_verified
    )
    said = agreement(manifest.model_licence) if manifest is not None else ""
    return [Fact("You agree", strangers(said))] if said else []


def _least(sight: Sight, record: BaseRecord) -> str:
    """What a claim needs to win."""
    if not isinstance(record, ContestRecord):
        return Threshold.of_rows(record.minimum, record.rows).at_least
    scoring, target = record.scoring, None
    if scoring.kind.is_regression:  # perf: a schema takes a while to be read
        hidden = stored.hidden(sight.market, record.dataset)
        target = None if hidden is None else hidden.target
    said = record.minimum, record.rows, scoring, target
    return Threshold.of_points(*said).at_least


def _are_numbers(sight: Sight, record: BaseRecord | None) -> bool:
    """Whether a request of predictions buys numbers, as far as is known here."""
    if record is None:
        return False
    manifest = stored.described(sight.market, record.dataset, verified=False)
    return isinstance(manifest, Manifest) and manifest.bins is not None


def _made_from(files: Mapping[str, str]) -> list[Fact]:
    """The files that were chosen, by what they are."""
    said = [Markup("{} {}").format(what, strangers(it)) for what, it in files.items()]
    return [Fact("Made from", Markup(", ").join(said))] if said else []


def _predicted(action: actions.Submit, *, are_numbers: bool) -> list[Fact]:
    """How often each class was predicted, or the number that stands for a bin."""
    name = "Predicted, by the number of the bin" if are_numbers else "Predicted"
    told = Markup(", ").join(
        Markup("{}: {}").format(strangers(name), f"{count:,}")
        for name, count in action.counts.items()
    )
    return [Fact(name, told)] if told else []


def _fit(fit: dict[str, Any], record: BaseRecord | None) -> list[Fact]:
    """How a model does on the training part, as far as it was looked at."""
    if not fit:
        return []
    off = ""
    if fit["mean_error"] is not None and isinstance(record, ContestRecord):
        name = record.terms.points.error_name
        off = f", where its {name} is {measured(fit['mean_error'])}"
    chosen = [Fact("Made from", strangers(fit["file"]))] if "file" in fit else []
    return [
        *chosen,
        fact(
            "How good it is",
            f"it scores {fit['share']:.2%} of the points on the training part{off}; "
            "on rows that it has not seen it does worse; "
            f"{counted(fit['units'], fit['what'][:-1])}, {size(fit['bytes'])}",
        ),
    ]


def _prospect(fit: dict[str, Any], posting: Wei | None) -> list[Fact]:
    """What entering a contest may come to besides."""
    if not fit:
        return []
    answer, challenge = fit["answer"]["gas"], fit["challenge"]["gas"]
    posted, refuted = f"{answer:,} gas", f"{challenge:,} gas"
    if posting is not None:
        said = "{} of the chain's coin, as fees are now"
        posted = said.format(format_about(posting))
        refuted = said.format(format_about(Wei(posting * challenge // answer)))
    return [
        fact(
            "If somebody demands it",
            f"your agent posts the model in {counted(fit['parts'], 'transaction')}, "
            f"for up to {posted}; the bond of whoever demanded it is yours if you win",
        ),
        fact(
            "If you refute another model",
            f"that takes up to {refuted}; a tenth of the stake behind it is yours",
        ),
        fact(
            "If you demand another model",
            f"{format_mdc(int(fit['bond_wei']))} MDC are locked, which come back if "
            "it is not posted",
        ),
        *(Fact("Beware", spoken(one)) for one in fit["warnings"]),
    ]


def cancel_submission(
    sight: Sight, record: BaseRecord | None, action: actions.CancelSubmission
) -> tuple[Part, ...]:
    """Of the end of a submission, in time or late."""
    what = named(sight, record)
    if record is None:
        return parts_of(what, [], [], [])
    staked = format_mdc(record.terms.stake)
    if action.accept_slash:
        back = [fact("Comes back", "nothing")]
        cost = [
            fact(
                "You lose the stake",
                f"{staked} MDC of {entered(sight.entry, record)}: the deadline has "
                "passed",
            ),
            *_given_up(sight, record),
            fact("Beware", NOBODY_GAINS),
        ]
    else:
        back = [fact("The stake", f"{staked} MDC, comes back to you at once, whole")]
        cost = [
            fact("You lose", "nothing but the network fee, and your place"),
            fact(
                "If the deadline passes first",
                "this is refused, and nothing is lost by it",
            ),
        ]
    return parts_of(what, back, cost, [])


def _given_up(sight: Sight, record: BaseRecord) -> list[Fact]:
    """What is lost besides the stake, while it can be kept."""
    one = submission_of(sight.entry, record)
    if one is None or not one.is_live:
        return []
    lost = given_up(record, one, record.at(sight.now), leader(record))
    return [fact("You lose, too", lost)] if lost else []


def withdraw(sight: Sight, record: BaseRecord | None) -> tuple[Part, ...]:
    """Of what is owed: a stake with its share, or a bond."""
    what = named(sight, record)
    if record is None:
        return parts_of(what, [], [], [])
    one = submission_of(sight.entry, record)
    back = []
    if isinstance(sight.entry.action, actions.WithdrawBond):
        back.append(
            fact("The bond", "with which you demanded this model; it was not posted")
        )
    elif one is not None:
        back += _owed(sight, record, one)
    return parts_of(what, back, [fact("You lose", "nothing but the network fee")], [])


def _owed(sight: Sight, record: BaseRecord, one: SubmissionRecord) -> list[Fact]:
    """What a submission is owed, and why."""
    why = {
        Phase.CANCELLED: "its requester cancelled the request",
        Phase.FORFEITED: "its requester did not open it in time",
        Phase.REFUNDED: "your claim stood, and nobody earned the reward",
        Phase.FULFILLED: "your claim stood, and another one won",
    }.get(record.stage)
    facts = [
        fact("The stake", f"{format_mdc(record.terms.stake)} MDC"),
        fact("Its state", STAKES[stake(record, one)]),
    ]
    if record.share:
        facts.append(fact("Of the reward", f"{format_mdc(record.share)} MDC"))
    if why is not None:
        facts.append(fact("Why", why))
    if one.trainer != sight.entry.account:
        told = Markup("{}, whoever asks for it").format(sight.names.said(one.trainer))
        facts.append(Fact("It is paid to", told))
    return facts
