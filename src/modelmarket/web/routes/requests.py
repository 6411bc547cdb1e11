# SPDX-License-Identifier: Apache-2.0
"""A request of either market, in tabs: each is a page with an address of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response
from starlette.routing import Route

from modelmarket.errors import InputError, NotFoundError
from modelmarket.market import Request, VerifiedRequest
from modelmarket.market.describing import challengers_of, reproduction_of
from modelmarket.market.tested import is_open
from modelmarket.market.winning import why_not_run
from modelmarket.protocol import contest_steps
from modelmarket.protocol.contest_steps import BY_OPERATORS
from modelmarket.protocol.events import Unreadable
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.steps import NONE, StepKind, steps, takes_submissions
from modelmarket.protocol.types import RequestId
from modelmarket.vault.journal import MOST_NUMBER
from modelmarket.web import choices, forms, ranking, stored, timeline
from modelmarket.web.charts import (
    CONTEST_DIAGRAM_WORDS,
    DIAGRAM_WORDS,
    ERRORS,
    SHARES,
)
from modelmarket.web.deeds import ENDS
from modelmarket.web.forms import BAD_REQUEST
from modelmarket.web.happenings import sentence
from modelmarket.web.names import Names, people
from modelmarket.web.responses import answering, go, show
from modelmarket.web.snippets import in_terminal
from modelmarket.web.thresholds import WORTH, Threshold
from modelmarket.web.views import PAGE_ROWS, Paging
from modelmarket.web.visits import Visit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelmarket.errors import ModelMarketError
    from modelmarket.protocol.types import Address
    from modelmarket.web.uploads import Upload
    from modelmarket.web.workspace import Workspace

MOST_EVENTS = 100
MOST_PLACES = 100
"""Of a ranking, on its page."""
MOST_BARS = 20
"""Of them that are drawn."""
TABS = (
    ("", "Overview"),
    ("/data", "Data"),
    ("/ranking", "Ranking"),
    ("/rules", "Rules"),
    ("/activity", "Activity"),
    ("/audit", "Audit"),
)
"""What stands behind a request's address, and what the tab is called."""


class RequestIds(Convertor[str]):
    """The part of an address that names a request: 7, or v7."""

    regex = "v?[0-9]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("request", RequestIds())


@dataclass(frozen=True)
class Words:
    """What the pages of a request call what is in it.

    Attributes:
        kind: Of contest.
        promise: What that kind makes sure of.
        rows: Those that are tested.
        unit: Of a score.
        one: The same in the singular.
    """

    kind: str
    promise: str
    rows: str
    unit: str
    one: str


WORDS = Words(
    "Predictions",
    "The chain recounts what was predicted; only its author vouches that the model "
    "made it.",
    "Test rows",
    "matches",
    "match",
)
CONTEST_WORDS = Words(
    "Verified contest",
    "The test rows are opened after the deadline alone, and the model that is paid is "
    "the one that scored: the chain makes sure of it.",
    "Hidden rows",
    "points",
    "point",
)


# --- which request ---


def page_asked(visit: Visit, name: str) -> int | None:
    """Which page of a list the address asks for; None for none."""
    return forms.whole_number(visit.request.query_params.get(name, ""))


def find_request(visit: Visit) -> Request | VerifiedRequest:
    """The request that the address names, as it was when the visit began.

    Raises:
        NotFoundError: The market has no such request.
        UnreadableError: Its events make no sense, so that it is set aside.
    """
    text, market = visit.request.path_params["id"], visit.workspace.market
    try:
        number = RequestId.parse(text)
    except InputError:
        number = RequestId(MOST_NUMBER + 1)
    if number > MOST_NUMBER:
        raise NotFoundError(f"There is no request {text[:40]}.")
    try:
        return market.seen(market.record(number), visit.glance.now)
    except NotFoundError:
        # Somebody may have sent a link to one that this index has yet to see.
        found: Request | VerifiedRequest | None = visit.workspace.known(
            lambda: market.any_request(number), None
        )
        if found is None:
            raise NotFoundError(
                f"Request {number} is not known here, and the node cannot be asked.",
                hint="Try again when it answers.",
            ) from None
        return found


# --- what all of its pages show ---


def show_tab(
    visit: Visit,
    found: Request | VerifiedRequest,
    tab: str,
    shown: Iterable[Address] = (),
    *,
    status: int = 200,
    options: list[choices.Choice] | None = None,
    **values: Any,
) -> Response:
    """A page of a request.

    Args:
        visit: The browser's.
        found: The request.
        tab: Its template, in `request/`.
        shown: Whose reputations are, beside the requester's.
        status: Of the answer.
        options: What whoever looks can do; None to find it.
        values: What that page shows and others do not.
    """
    record, account = found.record, visit.who.account
    position = found.position()
    return show(
        visit,
        f"request/{tab}.html",
        status=status,
        record=record,
        terms=found.terms,
        verified=record.id.is_verified,
        words=CONTEST_WORDS if record.id.is_verified else WORDS,
        tabs=TABS,
        tab=tab,
        position=position,
        most=ranking.flawless_of(record),
        threshold=Threshold.of(found),
        choices=choices.choices(record, found.now, account)
        if options is None
        else options,
        may_submit=takes_submissions(record, found.now),
        wants_operator=_wants_operator(visit.workspace, found, account),
        manifest=stored.manifest(found),
        reputations=found.market.reputations([record.requester, *shown]),
        people=people(visit.workspace, account),
        **values,
    )


def show_form(
    visit: Visit,
    found: Request | VerifiedRequest,
    tab: str,
    fields: Iterable[str],
    *,
    problem: ModelMarketError | None,
    upload: Upload | None,
    **values: Any,
) -> Response:
    """A page with a form that takes files: what was typed and sent is there again,
    beside what went wrong.

    Args:
        visit: The browser's.
        found: The request.
        tab: Its template, in `request/`.
        fields: That take files.
        problem: What went wrong.
        upload: What was sent.
        values: What that page shows and others do not.
    """
    kept = forms.kept_files(upload, fields)
    return show_tab(
        visit,
        found,
        tab,
        status=BAD_REQUEST if problem else 200,
        problem=problem,
        form=visit.form,
        kept=kept,
        sent=forms.sent_files(visit.form, fields),
        upload=upload.name if kept and upload is not None else "",
        as_shown=upload.state if kept and upload is not None else "",
        **values,
    )


def _wants_operator(
    workspace: Workspace, found: Request | VerifiedRequest, account: Address | None
) -> bool:
    """Whether a step of an account's is to come that the agent may not yet take."""
    if account is None:
        return False
    record, now = found.record, found.now
    mine = [one for one in record.submissions.values() if one.trainer == account]
    if isinstance(found, VerifiedRequest):
        to_come = contest_steps.steps(found.record, mine, now, key_is_ours=False)
        is_for_agents = any(step.kind in BY_OPERATORS for step in to_come)
    else:
        to_come = steps(found.record, mine, now, truth_is_ours=False)
        is_for_agents = any(step.kind is StepKind.CLAIM for step in to_come)
    return is_for_agents and not may_claim_for(
        workspace, account, verified=record.id.is_verified
    )


def may_claim_for(
    workspace: Workspace, account: Address, *, verified: bool = False
) -> bool:
    """Whether the agent's key may claim for an account, as far as is known.

    Args:
        workspace: With the agent.
        account: The trainer.
        verified: In the market of verified contests rather than of predictions.
    """
    market, wallet = workspace.market, workspace.market.wallet.address
    return account == wallet or workspace.known(
        lambda: market.is_operator(account, wallet, verified=verified), True
    )


# --- the tabs ---


def overview(visit: Visit) -> Response:
    """How it stands, what is to be done, and what came of it."""
    found = find_request(visit)
    workspace, record, model = visit.workspace, found.record, found.kept_model()
    entries = record.submissions.values()
    winner = record.submissions.get(record.winner)
    ended, position = _ended(found), found.position()
    account = visit.who.account
    options = choices.choices(record, found.now, account)
    urgent = {one.submission for one in options if one.is_urgent}
    mine = [one for one in entries if one.trainer == account]
    mine.sort(key=lambda one: (one.id not in urgent, one.id))
    paging = Paging.of("own", page_asked(visit, "own"), len(mine))
    shown = mine[paging.offset :][:PAGE_ROWS]
    return show_tab(
        visit,
        found,
        "overview",
        [winner.trainer] if winner else [],
        options=options,
        line=timeline.time_line(record, position, ended),
        standing=timeline.standing(record, position),
        winner=winner,
        model=model,
        predicts=isinstance(found, VerifiedRequest) or not why_not_run(found),
        as_onnx=in_terminal(
            found.market, visit.who.account, f"model export {found.id} model.onnx"
        ),
        reproduction=reproduction_of(
            found, in_terminal(found.market, visit.who.account, f"reproduce {found.id}")
        ),
        quality=workspace.quality.of(found),
        refuted=sum(one.failure is Failure.REFUTED for one in entries),
        mine=[ranking.Own.of(one, record, position) for one in shown],
        error_of=_error_of(found),
        mean_error=_mean_error(found),
        paging=paging,
        most_urgent=PAGE_ROWS,
        about=[NONE, *(one.id for one in shown)],
        # What an agent does is nobody's business but its owner's.
        plan=[
            step
            for step in workspace.to_take
            if step.request_id == found.id and visit.who.account is not None
        ],
        watches=found.id in workspace.to_watch and visit.who.account is not None,
    )


def _ended(found: Request | VerifiedRequest) -> int | None:
    """The second in which a request ended; None while it goes on."""
    if not found.record.stage.is_final:
        return None
    ends = found.market.newest(found.id, limit=1, named=ENDS)
    return ends[0].timestamp if ends else None


def data(visit: Visit) -> Response:
    """What is published: files, columns, the card, and what the lint found."""
    found = find_request(visit)
    hidden = stored.hidden_of(found) if isinstance(found, VerifiedRequest) else None
    return show_tab(
        visit,
        found,
        "data",
        entries=found.market.files(found.record.dataset) or [],
        hidden=hidden,
        head=stored.head(found),
        card=stored.card(found),
        report=stored.report(found),
        is_open=is_open(found),
    )


def ranked(visit: Visit) -> Response:
    """Who claimed what, drawn and as a table; and who was refuted."""
    found = find_request(visit)
    record = found.record
    error_of = _error_of(found)
    everybody = ranking.ranking(record, visit.who.account, error_of)
    best, rest = everybody[:MOST_PLACES], everybody[MOST_PLACES:]
    own = [one for one in rest if one.is_own]
    places = [*best, *own[:MOST_PLACES]]
    standing = [one for one in places if one.place]
    drawn = standing[:MOST_BARS]
    # Whoever looks finds himself, too.
    drawn += [one for one in standing[MOST_BARS:] if one.is_own][:1]
    trainers = [one.record.trainer for one in places]
    unclaimed = ranking.unclaimed(record, found.position())
    own_unclaimed = [one for one in unclaimed if one.trainer == visit.who.account]
    return show_tab(
        visit,
        found,
        "ranking",
        [*trainers, *challengers_of(found)],
        ranking=places,
        best=len(best),
        claims=len(everybody),
        own_below=min(len(own), MOST_PLACES),
        own_left=max(0, len(own) - MOST_PLACES),
        drawn=drawn,
        drawn_of=len(record.ranking),
        are_equal=len({one.score for one in record.ranking}) < len(record.ranking),
        unclaimed=len(unclaimed),
        own_unclaimed=own_unclaimed[:MOST_PLACES],
        has_intervals=ranking.counts_rows(record),
        refuted=found.refutations(),
        worth=WORTH[found.record.scoring.kind]
        if isinstance(found, VerifiedRequest)
        else "",
        axis=SHARES if error_of is None else ERRORS,
        mean_error=_mean_error(found),
    )


def _error_of(found: Request | VerifiedRequest) -> ranking.ErrorOf | None:
    """By how much the numbers that score so much are off; None where that is not known,
    or classes are predicted.
    """
    if not isinstance(found, VerifiedRequest) or found.error_of(0) is None:
        return None
    # A claim may say more than can be scored.
    contest, most = found, ranking.most_of(found.record)
    return lambda score: contest.error_of(min(score, most)) or 0.0


def _mean_error(found: Request | VerifiedRequest) -> str:
    """What the error of numbers is called; empty where it is not known."""
    if not isinstance(found, VerifiedRequest) or found.error_of(0) is None:
        return ""
    return found.mean_error


def rules(visit: Visit) -> Response:
    """What everybody agrees to by entering."""
    found = find_request(visit)
    is_verified = found.record.id.is_verified
    said = CONTEST_DIAGRAM_WORDS if is_verified else DIAGRAM_WORDS
    return show_tab(visit, found, "rules", diagram=said)


def activity(visit: Visit) -> Response:
    """What happened on the chain, the newest first."""
    found = find_request(visit)
    logs = found.market.newest(found.id, limit=MOST_EVENTS)
    names = Names.of(visit.workspace, visit.who.account)
    decoded = [(one, found.market.decode(one.log)) for one in logs]
    return show_tab(
        visit,
        found,
        "activity",
        events=[
            (one, sentence(event, names, found.record, on_its_page=True))
            for one, event in decoded
            if event is not None and not isinstance(event, Unreadable)
        ],
        most_events=MOST_EVENTS,
    )


def audit_page(visit: Visit) -> Response:
    """What the last audit found."""
    found = find_request(visit)
    audited = visit.workspace.audits.of(found.id)
    return show_tab(visit, found, "audit", audited=audited)


def run_audit(visit: Visit) -> Response:
    """Rebuilds the request from chain and store, and holds it to its promises."""
    found = find_request(visit)
    visit.workspace.audits.run(found)
    return go(f"/requests/{found.id}/audit")


def fetch_files(visit: Visit) -> Response:
    """Gets a request's data or its model from the network's gateways."""
    found, what = find_request(visit), forms.text(visit.form, "what")
    if what == "data":
        found.fetch()
    elif what == "model" and found.record.model:
        found.keep_model()
    else:
        raise NotFoundError(f"Request {found.id} has no {what[:40]} to be fetched.")
    return go(forms.back(visit.form))


ROUTES = [
    Route("/requests/{id:request}", answering(overview)),
    Route("/requests/{id:request}/data", answering(data)),
    Route("/requests/{id:request}/ranking", answering(ranked)),
    Route("/requests/{id:request}/rules", answering(rules)),
    Route("/requests/{id:request}/activity", answering(activity)),
    Route("/requests/{id:request}/audit", answering(audit_page)),
    Route("/requests/{id:request}/audit", answering(run_audit), methods=["POST"]),
    Route("/requests/{id:request}/fetch", answering(fetch_files), methods=["POST"]),
]
