# SPDX-License-Identifier: Apache-2.0
"""The vault: the page only has the terminal ask; nothing of it passes through."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from modelmarket.web.responses import answering, go
from modelmarket.web.terminal import Wish
from modelmarket.web.visits import Visit


def back_up(visit: Visit) -> Response:
    """Has the terminal ask whether, where to and under which passphrase."""
    return _ask_terminal(visit, Wish.BACKUP)


def restore(visit: Visit) -> Response:
    """Has the terminal ask for a backup's file and passphrase."""
    return _ask_terminal(visit, Wish.RESTORE)


def _ask_terminal(visit: Visit, wish: Wish) -> Response:
    visit.workspace.terminal.ask_for(wish)
    visit.workspace.changed()
    return go("/agent#live-vault")


ROUTES = [
    Route("/agent/backup", answering(back_up), methods=["POST"]),
    Route("/agent/restore", answering(restore), methods=["POST"]),
]
