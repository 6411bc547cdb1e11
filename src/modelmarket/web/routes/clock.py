# SPDX-License-Identifier: Apache-2.0
"""The embedded chain's clock, which its user may move."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import Route

from modelmarket.agent import Kind, plan
from modelmarket.errors import InputError
from modelmarket.market import Wanted
from modelmarket.protocol.types import RequestId
from modelmarket.web import forms
from modelmarket.web.rendering import moment
from modelmarket.web.responses import answering, go, go_and_tell
from modelmarket.web.visits import Visit


def move_clock(visit: Visit) -> Response:
    """Moves the clock to a request's next deadline, which the page has shown; or to
    where the agent has something to do in another one before it, or a step of another
    one ends in which somebody else may have.

    Of two clicks on the same page the second moves nothing.
    """
    workspace = visit.workspace
    if workspace.move_clock is None:
        raise InputError("The clock of this chain is nobody's to move.")
    number = forms.request_id(visit.form)
    found = workspace.market.any_request(number)
    ends = found.position().step_ends
    if ends != forms.decimal(visit.form, "until") or ends <= found.now:
        return go(f"/requests/{number}")
    others = [
        one
        for one in plan(workspace.market)
        if one.request_id != number
        and one.ends
        and one.kind is not Kind.STAND_BY
        and one not in workspace.barred
    ]
    due = [one for one in others if one.begins <= found.now < one.ends <= ends]
    if due:
        said = Markup(
            "<strong>The clock was not moved.</strong> Your agent is about to {}: try "
            "again in a moment."
        )
        said = said.format(due[0])
        return go_and_tell(visit, f"/requests/{number}", said, is_done=False)
    stops = [(ends, Markup())]
    stops += [
        (one.begins, Markup(": your agent is going to {} then").format(one))
        for one in others
        if found.now < one.begins < ends
    ]
    stops += [
        (second, Markup(": the step of request {} ends then").format(other))
        for other, second in _steps_end(visit, found.now)
        if other != number and second < ends
    ]
    second, why = min(stops, key=lambda one: one[0])
    workspace.move_clock(second)
    said = Markup("The clock was moved to {}{}.").format(moment(second), why)
    return go_and_tell(visit, f"/requests/{number}", said)


def _steps_end(visit: Visit, now: int) -> Iterator[tuple[RequestId, int]]:
    """When the present steps of the requests that go on end, where that is to come."""
    market = visit.workspace.market
    for one in market.find(Wanted(is_final=False)):
        ends = market.any_request(one.id).position().step_ends
        if ends > now:
            yield one.id, ends


ROUTES = [Route("/clock", answering(move_clock), methods=["POST"])]
