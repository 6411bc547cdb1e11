# SPDX-License-Identifier: Apache-2.0
"""What a request is about, in words: the same in a terminal and in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelmarket.market.folder_facts import folder_facts
from modelmarket.market.verified.request import VerifiedRequest
from modelmarket.market.winning import why_not_run
from modelmarket.protocol.money import format_mdc
from modelmarket.protocol.reproductions import ANY_FILE, NOBODY
from modelmarket.protocol.schema import NumberTarget, shown
from modelmarket.system.notebooks import facts_html, table_html
from modelmarket.system.text import counted, duration, local_time, measured, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modelmarket.market.any_request import AnyRequest
    from modelmarket.market.request import Request
    from modelmarket.protocol.types import Address


def quality_of(request: Request | VerifiedRequest) -> tuple[str, Callable[[int], str]]:
    """What a score is told as: a share of the most; or an error, if numbers are known.

    Returns:
        What that is called, and how it is written.
    """
    if not isinstance(request, VerifiedRequest):
        return "share", lambda score: f"{score / request.record.rows:.2%}"
    contest = request
    if contest.error_of(0) is None:
        return "share", lambda score: f"{score / _most_score(contest):.2%}"
    return contest.mean_error, lambda score: measured(contest.error_of(score) or 0)


def ranking_of(
    request: Request | VerifiedRequest,
) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Who claimed what, best first.

    Returns:
        The names of the columns, and their cells row by row.
    """
    quality, told_as = quality_of(request)
    scored = "score" if request.id.is_verified else "matches"
    places = ("place", "submission", "name", "trainer", "so far")
    ranking = request.record.ranking
    known = request.market.reputations(one.trainer for one in ranking)
    return (*places, scored, quality, "state"), [
        (
            place,
            one.id,
            one.name,
            one.trainer,
            known[one.trainer].as_trainer.short,
            f"{one.score or 0:,}",
            told_as(one.score or 0),
            one.status.name.lower(),
        )
        for place, one in enumerate(ranking, 1)
    ]


def model_of(request: Request | VerifiedRequest) -> list[str]:
    """What is known of the model that won, in lines; none if nobody has won."""
    if not request.record.model:
        return []
    line = f"model {request.record.model}"
    said = reproduction_of(request)
    return [line, said] if said else [line]


def reproduction_of(request: Request | VerifiedRequest, command: str = "") -> str:
    """Whether the model that won gives what was paid for, as far as it is known here;
    empty where the chain has settled it, or nobody has won.

    Args:
        request: As it is now.
        command: That runs it; empty for the one of whoever is in a terminal.
    """
    found = request.reproduced()
    if found is not None:
        return found.lines()[0]
    if isinstance(request, VerifiedRequest) or not request.record.model:
        return ""
    if why := why_not_run(request):
        return f"{ANY_FILE} {why}"
    return f"{NOBODY} `{command or f'modelmarket reproduce {request.id}'}` does."


def requester_of(request: Request | VerifiedRequest) -> str:
    """Who asks for a model, and what became of the other requests of that address."""
    who = request.record.requester
    known = request.market.reputations([who])
    return f"requester {who}: {known[who].as_requester.sentence}"


def challengers_of(request: Request | VerifiedRequest) -> list[Address]:
    """Who refuted a submission to it, and was paid for that."""
    entries = request.record.submissions.values()
    return [one.challenger for one in entries if one.reward_of_challenger]


def refuted_of(request: Request | VerifiedRequest) -> list[str]:
    """Who was refuted, by whom, and how, each in a line."""
    found = request.refutations()
    known = request.market.reputations(one.submission.challenger for one in found)
    return [
        f"submission {one.submission.id} was refuted by {one.submission.challenger} "
        f"({known[one.submission.challenger].as_trainer.short}): {one.sentence}"
        for one in found
    ]


def request_html(request: AnyRequest[Any]) -> str:
    """A request as Jupyter shows it."""
    from modelmarket.market.request import Request

    assert isinstance(request, Request | VerifiedRequest), "there are two markets"
    record = request.record
    ends, step_s = local_time(record.deadline), record.terms.response_window_s
    facts = [
        f"{request.position().phase.name}: {request.status()}",
        requester_of(request),
        *terms_of(request),
        *model_of(request),
        f"deadline {ends}, {duration(step_s)} for each step after it",
        *folder_facts(request).lines,
        counted(record.entries, "submission"),
        *refuted_of(request),
    ]
    ranking = table_html(*ranking_of(request)) if record.ranking else ""
    name = record.name or "without a name"
    return facts_html(f"Request {request.id}: {name}", facts, ranking)


def _most_score(request: VerifiedRequest) -> int:
    """The points of a model without a mistake."""
    return request.record.scoring.flawless(request.terms.rows)


def terms_of(request: Request | VerifiedRequest) -> Iterator[str]:
    """What a request is about, in lines."""
    terms = request.record.terms
    money = (
        f"reward {format_mdc(terms.reward)} MDC, stake {format_mdc(terms.stake)} MDC"
    )
    if not isinstance(request, VerifiedRequest):
        yield (
            f"{money} ({percent(request.terms.price_of_delay)} of the reward for each "
            "hour of delay)"
        )
        yield (
            f"{counted(request.terms.labels, 'test row')}, at least "
            f"{counted(request.terms.minimum_matches, 'match', 'matches')}"
        )
        return
    found = request.terms
    yield money
    yield "verified: the model that is paid is the one that scored"
    yield (
        f"{counted(found.rows, 'hidden row')} of "
        f"{counted(found.columns, 'column')}, at least "
        f"{found.minimum_score:,} of {counted(_most_score(request), 'point')}"
    )
    yield from _numbers(request)
    yield (
        f"a shown model can be refuted for {duration(found.challenge_window_s)}; "
        f"demanding it locks {format_mdc(found.demand_bond)} MDC"
    )


def _numbers(request: VerifiedRequest) -> Iterator[str]:
    """What a contest says of the numbers that are predicted, in a line, if they are."""
    target, terms = request.known_target, request.terms
    if not terms.points.is_regression:
        return
    scale = terms.cap * terms.step
    if not isinstance(target, NumberTarget):
        yield f"{request.mean_error} counts; {scale:,} steps off scores nothing"
        return
    largest = request.largest_error
    at_most = "" if largest is None else f", at most {shown(largest, ',')}"
    yield (
        f"{request.mean_error} counts{at_most}; a row that is off by "
        f"{shown(scale * target.step)} scores nothing"
    )
