# SPDX-License-Identifier: Apache-2.0
"""The embedded chain's clock, which its user may move."""

from __future__ import annotations

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import Route

from modelmarket.errors import InputError
from modelmarket.web import forms
from modelmarket.web.rendering import moment
from modelmarket.web.responses import answering, go, go_and_tell
from modelmarket.web.visits import Visit


def move_clock(visit: Visit) -> Response:
    """Moves the clock to a request's next deadline, which the page has shown.

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
    workspace.move_clock(ends)
    said = Markup("The clock was moved to {}.").format(moment(ends))
    return go_and_tell(visit, f"/requests/{number}", said)


ROUTES = [Route("/clock", answering(move_clock), methods=["POST"])]
