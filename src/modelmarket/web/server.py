# SPDX-License-Identifier: Apache-2.0
"""The page's server: application, guard and what runs beside, for one user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.system.serving import bound_to_loopback, serving
from modelmarket.web.app import application
from modelmarket.web.guard import Guard, Sessions, new_name

if TYPE_CHECKING:
    from modelmarket.web.workspace import Workspace

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
    workspace: Workspace, *, port: int = 0, let_in: Callable[[], None] = lambda: None
) -> Iterator[Page]:
    """Serves a user's pages on loopback, with the agent beside them.

    Args:
        workspace: The user's.
        port: The port; 0 for any that is free.
        let_in: Told whenever a link was used.

    Raises:
        InputError: The port is taken.
    """
    listeners = bound_to_loopback(port)
    port = listeners[0].getsockname()[1]
    address = f"http://{new_name()}" + (f":{port}" if port != HTTP_PORT else "")
    sessions = Sessions(address, let_in=let_in)
    workspace.start()
    try:
        guarded = Guard(application(workspace), sessions=sessions, origin=address)
        with serving(guarded, listeners) as listens:
            yield Page(address, sessions.new_link(), listens, sessions.new_link)
    finally:
        workspace.stop()
