# SPDX-License-Identifier: Apache-2.0
"""A market of one's own: a chain in memory, people, and time that flies."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from modelmarket import agent
from modelmarket.sandbox import Sandbox, sandbox

if TYPE_CHECKING:
    from modelmarket.market import Request, VerifiedRequest

MOST_ROUNDS = 100
"""A life has fewer steps, however many refute each other."""


class Playground(Sandbox):
    """A market on a chain in memory, and people whose agents work.

    What is drawn by chance, such as which rows are tested, comes out the same every
    time: people of the same name have the same key.
    """

    HAS_KEYS_BY_NAME = True

    def live(self, request_id: int | str) -> Request | VerifiedRequest:
        """Lets time pass, and everybody's agent work, until a request has ended.

        Args:
            request_id: 7 of predictions, "v7" a verified contest.

        Returns:
            The request as the first of all people sees it then.
        """
        markets = [person.market for person in self.people.values()]
        for _ in range(MOST_ROUNDS):
            # All of them look, before anybody waits.
            rounds = [agent.run_once(market) for market in markets]
            # A step that could not be done now may be another time.
            is_busy = any(report.done for reports in rounds for report in reports)
            request = markets[0].request(request_id)
            if request.record.stage.is_final and not is_busy:
                return request
            ends = request.position().step_ends
            if not is_busy and ends > request.now:
                self.move_to(ends)
        raise AssertionError(f"request {request_id} did not end")


def playground() -> Playground:
    """Starts one for a notebook or a console; it is gone when the program ends."""
    closing = ExitStack()
    atexit.register(closing.close)
    folder = closing.enter_context(TemporaryDirectory(prefix="modelmarket-"))
    return closing.enter_context(sandbox(Path(folder), Playground))
