# SPDX-License-Identifier: Apache-2.0
"""Receipts of a requester: what is created, and cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from modelmarket.datasets.about import About
from modelmarket.protocol import actions
from modelmarket.protocol.money import format_mdc
from modelmarket.system.text import counted, percent, plain
from modelmarket.web import stored
from modelmarket.web.deeds import sharing
from modelmarket.web.receipts.parts import Fact, fact, named, parts_of, published
from modelmarket.web.rendering import markdown, strangers
from modelmarket.web.thresholds import Threshold
from modelmarket.web.views import duration

if TYPE_CHECKING:
    from modelmarket.market import Market
    from modelmarket.protocol.records import BaseRecord
    from modelmarket.web.receipts.parts import Part, Sight

AWAKE = "Your agent does that: keep this computer awake."
SHARED = (
    "they share the reward, and you get none of it; you can cancel until the {} is "
    "opened"
)
MOST_ODD = 3
"""Findings that a receipt tells."""
NO_THRESHOLD = "none: the best that stands is paid, however bad it is"


def create_request(sight: Sight, action: actions.CreateRequest) -> tuple[Part, ...]:
    """Of a request of predictions."""
    terms, market = action.terms, sight.market
    rows = counted(terms.labels, "test row")
    files = stored.named_files(market, terms.dataset)
    least, lacking = NO_THRESHOLD, "no claim stands"
    if terms.minimum_matches:
        least = Threshold.of_rows(terms.minimum_matches, terms.labels).told
        lacking = "no honest submission reaches the threshold"
    manifest = stored.described(market, terms.dataset, verified=False)
    trained = "" if manifest is None else f"{manifest.train_rows:,} "
    public = Markup("the {}training rows with labels, and {} without").format(
        trained, rows
    )
    if files is not None:
        public += Markup(", and the files that they name, of test rows too. {}").format(
            strangers(str(files))
        )
    what = [
        *named(sight, None),
        *published(market, terms.dataset, verified=False),
        fact(
            "Open for",
            f"{duration(terms.submission_window_s)}, then "
            f"{duration(terms.response_window_s)} for each step",
        ),
        fact(
            "Each submission stakes",
            f"{format_mdc(terms.stake)} MDC: a false claim can delay the request by at "
            f"most {duration(terms.opening_window_s)}, and costs its author this "
            f"stake: {percent(terms.price_of_delay)} of the reward for each hour of "
            "delay",
        ),
        fact("Threshold", least),
    ]
    if reached := stored.to_beat(market, terms.dataset):
        what.append(fact("To be beaten", reached))
    back = [
        fact(
            "You get",
            "the best predictions"
            + (" that reach the threshold" if terms.minimum_matches else "")
            + ", recounted by the chain, and the model that their author says made "
            "them",
        ),
        fact(
            "The reward comes back if",
            f"nobody enters, or {lacking}, or you cancel before anybody has entered",
        ),
        fact("When", "as soon as one of these is certain; your agent asks for it"),
    ]
    cost = [
        fact("The best model is paid", f"{format_mdc(terms.reward)} MDC, the reward"),
        fact(
            "You lose it without a model if",
            "the truth is not opened within "
            f"{duration(terms.opening_window_s)} after the deadline while somebody is "
            f"in. {AWAKE}",
        ),
        fact("If you cancel with submissions in", SHARED.format("truth")),
    ]
    seen = [
        *_read(market, About(terms.name, terms.context), terms.dataset),
        *_odd(stored.oddities(sight.market, terms.dataset)),
        Fact("Becomes public", public),
        fact("Stays secret", f"the {terms.labels:,} test labels, sealed in the vault"),
    ]
    return parts_of(what, back, cost, seen)


def create_contest(
    sight: Sight, action: actions.CreateContest, hidden: stored.Hidden | None
) -> tuple[Part, ...]:
    """Of a verified contest.

    Args:
        sight: What it is told from.
        action: Creates it.
        hidden: What its folder says; None where that is not here.
    """
    terms = action.terms
    lacking = "no model that stands reaches the threshold"
    if not terms.minimum_score:
        lacking = "no model stands"
    back = [
        fact(
            "You get",
            "the model itself: the one that scored, not one that its author names "
            "afterwards",
        ),
        fact(
            "The reward comes back if",
            f"nobody enters, or {lacking}, or you cancel before anybody has entered",
        ),
    ]
    cost = [
        fact(
            "The best model is paid",
            f"{format_mdc(terms.reward)} MDC, the reward, if it stands",
        ),
        fact(
            "You lose it without a model if",
            f"the key is not opened within {duration(terms.response_window_s)} after "
            f"the deadline while somebody is in. {AWAKE}",
        ),
        fact("If you cancel with submissions in", SHARED.format("key")),
        *(fact("Beware", plain(one)) for one in action.warnings),
    ]
    return parts_of(
        _of_contest(sight, action, hidden), back, cost, _seen(sight, action, hidden)
    )


def _of_contest(
    sight: Sight, action: actions.CreateContest, hidden: stored.Hidden | None
) -> list[Fact]:
    """What a contest is."""
    terms, folder = action.terms, action.texts.dataset
    delay = duration(terms.response_window_s + terms.challenge_window_s)
    what = [
        *named(sight, None),
        *published(sight.market, folder, verified=True),
        fact(
            "Open for",
            f"{duration(terms.submission_window_s)}, then "
            f"{duration(terms.response_window_s)} for each step; a shown model can be "
            f"refuted for {duration(terms.challenge_window_s)}",
        ),
        fact(
            "Each submission stakes",
            f"{format_mdc(terms.stake)} MDC. A false claim above the winner delays the "
            f"contest by {delay}, and costs its author this stake: a tenth of it goes "
            "to whoever refutes it.",
        ),
    ]
    least = NO_THRESHOLD
    if terms.minimum_score:
        target = None if hidden is None else hidden.target
        scoring = terms.scoring(action.weights)
        said = terms.minimum_score, terms.rows, scoring, target
        least = Threshold.of_points(*said).told
    what.append(fact("Threshold", least))
    if hidden is not None and hidden.majority:
        always = Markup("Always answering “{}” is right for {} of the training rows.")
        told = always.format(strangers(hidden.majority), f"{hidden.share:.1%}")
        if action.weights:
            alike = 1 / len(action.weights)
            told += f" As every class counts alike, that is {alike:.1%} of the points."
        if forest := stored.small_forest(sight.market, folder):
            told += f" {forest}"
        what.append(Fact("To be beaten", told))
    elif hidden is not None and (reached := stored.to_beat(sight.market, folder)):
        what.append(fact("To be beaten", reached))
    return what


def _read(market: Market, about: About, dataset: str) -> list[Fact]:
    """What people read of a request, as its page will show it.

    Args:
        market: With the store.
        about: Name and context, as they were typed.
        dataset: The folder's CID, whose card has the description.
    """
    context = about.context
    found = [Fact("They read", markdown(context))] if context.strip() else []
    said = stored.description(market, dataset, about)
    if said is not None:
        rest = Markup("<p>The rest is in README.md.</p>") if said.is_cut else Markup()
        found.append(Fact("Beside the data they read", said.shown + rest))
    return found


def _odd(found: Sequence[str]) -> list[Fact]:
    """What everybody reads of what is odd about the table; nothing of nothing."""
    if not found:
        return []
    told = [strangers(one) for one in found[:MOST_ODD]]
    if more := len(found) - len(told):
        told.append(Markup("And {}.").format(counted(more, "more finding")))
    return [Fact("What was found odd", Markup(" ").join(told))]


def _seen(
    sight: Sight, action: actions.CreateContest, hidden: stored.Hidden | None
) -> list[Fact]:
    """What others see of a contest, and what they do not."""
    terms, texts = action.terms, action.texts
    rows = "" if hidden is None else f"{hidden.manifest.train_rows:,} "
    return [
        *_read(sight.market, About(texts.name, texts.context), texts.dataset),
        *_odd(stored.oddities(sight.market, action.texts.dataset)),
        fact(
            "Becomes public",
            f"the {rows}training rows with labels, and how their cells become whole "
            "numbers",
        ),
        fact(
            "Published encrypted",
            f"{counted(terms.rows, 'hidden row')} of "
            f"{counted(terms.columns, 'column')}, and their labels: nobody can change "
            "them afterwards, not even the requester",
        ),
        fact(
            "Stays secret",
            "their key, in the vault, until it is opened after the deadline",
        ),
    ]


def cancel_request(
    sight: Sight, record: BaseRecord | None, action: actions.CancelRequest
) -> tuple[Part, ...]:
    """Of the end of a request, whoever is in."""
    what = named(sight, record)
    if record is None:
        return parts_of(what, [], [], [])
    terms, live, most = record.terms, sharing(action, record), action.max_live
    reward = format_mdc(terms.reward)
    if not live:
        back = [fact("The reward", f"{reward} MDC, comes back to you at once, whole")]
        cost = [fact("You lose", "nothing but the network fee; nobody is in")]
        cost += _of_those_who_enter_first(sight, "somebody enters", most - live)
        return parts_of(what, back, cost, [])
    each, staked = format_mdc(terms.reward // live), format_mdc(terms.stake)
    lost = format_mdc(terms.reward - terms.reward % live)
    if live == 1:
        shared = "the one live submission gets it"
        stakes = f"{staked} MDC, returned when its trainer withdraws"
    else:
        shared = f"each of the {live:,} live submissions gets {each} MDC of it"
        stakes = f"{staked} MDC each, returned when they withdraw"
    back = [fact("You get back", f"{format_mdc(terms.reward % live)} MDC of {reward}")]
    cost = [
        fact("You lose", f"{lost} MDC of the reward: {shared}"),
        fact("Stakes of who is in", stakes),
        *_of_those_who_enter_first(sight, "one more enters", most - live),
    ]
    return parts_of(what, back, cost, [])


def _of_those_who_enter_first(sight: Sight, who: str, left: int) -> list[Fact]:
    """What becomes of a cancellation that somebody overtakes; nothing once it is done.

    Args:
        sight: What it is told from.
        who: Overtakes it, and how.
        left: Of those that were agreed to, how many have cancelled since.
    """
    if sight.entry.state.is_done:
        return []
    if left <= 0:
        return [fact(f"If {who} first", "this is refused, and nothing changes")]
    more = f"it shares the reward; {left + 1:,} more, and this is refused"
    return [fact(f"If {who} first", more)]
