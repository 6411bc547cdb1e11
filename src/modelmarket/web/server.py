# SPDX-License-Identifier: Apache-2.0
"""The page's server: routes, guard and what runs beside, for one user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from modelmarket.system.serving import bound_to_loopback, serving
from modelmarket.web import deeds, pages
from modelmarket.web.deeds import deed
from modelmarket.web.guard import Guard, Sessions, new_name
from modelmarket.web.pages import endpoint

if TYPE_CHECKING:
    from modelmarket.web.desk import Desk

STATIC = Path(__file__).with_name("static")

ROUTES = [
    Route("/", endpoint(pages.market)),
    Route("/requests/new", endpoint(deeds.new_request)),
    Route("/requests/new", deed(deeds.upload_table), methods=["POST"]),
    Route("/requests/new/{upload}", endpoint(deeds.survey_page)),
    Route("/requests/new/{upload}", deed(deeds.prepare_request), methods=["POST"]),
    Route("/requests/{id:int}", endpoint(pages.one_request)),
    Route("/requests/{id:int}", deed(deeds.prepare_submission), methods=["POST"]),
    Route("/requests/{id:int}/audit", endpoint(pages.audited)),
    Route("/requests/{id:int}/fetch", deed(deeds.fetch_files), methods=["POST"]),
    Route("/files/{cid}/{path:path}", endpoint(pages.download)),
    Route("/activity", endpoint(pages.activity)),
    Route("/agent", endpoint(pages.agent_page)),
    Route("/agent/backup", deed(deeds.back_up), methods=["POST"]),
    Route("/agent/restore", deed(deeds.restore), methods=["POST"]),
    Route("/transactions/{hash}", endpoint(pages.transaction)),
    Route("/accounts/{address}", endpoint(pages.account_page)),
    Route("/account", deed(deeds.choose_account), methods=["POST"]),
    Route("/actions", deed(deeds.begin_action), methods=["POST"]),
    Route("/actions/{id:int}", endpoint(pages.action_page)),
    Route("/actions/{id:int}/state", endpoint(deeds.state)),
    Route("/actions/{id:int}/confirm", deed(deeds.confirm), methods=["POST"]),
    Route("/actions/{id:int}/permit", deed(deeds.permit), methods=["POST"]),
    Route("/actions/{id:int}/transaction", deed(deeds.transaction), methods=["POST"]),
    Route("/actions/{id:int}/sent", deed(deeds.sent), methods=["POST"]),
    Route("/actions/{id:int}/refused", deed(deeds.refused), methods=["POST"]),
    Route("/clock", deed(deeds.move_clock), methods=["POST"]),
    Route("/events", pages.events),
    Mount("/static", StaticFiles(directory=STATIC)),
]


HTTP_PORT = 80


@dataclass(frozen=True)
class Page:
    """A running page.

    Attributes:
        address: Where it answers; browsers know that it is this machine.
        link: The address that lets the first browser in, once.
        listens: The same for programs that do not know it; with the `Host` of
            the address they are answered there.
        new_link: Another such link; those before it are void then.
    """

    address: str
    link: str
    listens: str
    new_link: Callable[[], str]

    @property
    def host(self) -> str:
        """The `Host` that it answers to."""
        return self.address.removeprefix("http://")


@contextmanager
def running_page(
    desk: Desk, *, port: int = 0, let_in: Callable[[], None] = lambda: None
) -> Iterator[Page]:
    """Serves a user's pages on loopback, with the agent beside them.

    Args:
        desk: The user's.
        port: The port; 0 for any that is free.
        let_in: Told whenever a link was used.

    Raises:
        InputError: The port is taken.
    """
    listeners = bound_to_loopback(port)
    port = listeners[0].getsockname()[1]
    address = f"http://{new_name()}" + (f":{port}" if port != HTTP_PORT else "")
    sessions = Sessions(address, let_in=let_in)
    application = Starlette(routes=ROUTES)
    application.state.desk = desk
    application.state.ending = False
    desk.start()
    try:
        guarded = Guard(application, sessions=sessions, origin=address)
        with serving(guarded, listeners) as listens:
            try:
                yield Page(address, sessions.new_link(), listens, sessions.new_link)
            finally:
                # Open streams of events would keep the server from ending.
                application.state.ending = True
    finally:
        desk.stop()
