# SPDX-License-Identifier: Apache-2.0
"""A trainer that goes on looking, by itself or beside something else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modelmarket.agent.running import run_once
from modelmarket.agent.trainer.decisions import NO_REQUEST, Decision, Verdict
from modelmarket.errors import in_words
from modelmarket.protocol.types import RequestId

if TYPE_CHECKING:
    from modelmarket.agent.trainer.trainer import Trainer

POLL_S = 5.0
"""Between two looks at the market."""
BESIDE_S = 1.0
END_S = 20.0
"""It is waited for so long in the end."""

Tell = Callable[[Decision], Any]

_log = logging.getLogger(__name__)


def run(
    trainer: Trainer,
    tell: Tell,
    *,
    stop: threading.Event | None = None,
    poll_s: float = POLL_S,
) -> None:
    """Looks at the market until it is told to stop.

    Args:
        trainer: Who enters.
        tell: Is given each decision once, as long as it stays the same.
        stop: Ends it between two requests.
        poll_s: Seconds between two looks.
    """
    ended, said = stop or threading.Event(), dict[RequestId, object]()

    def heard(decision: Decision) -> None:
        if said.get(decision.request) != decision.key:
            said[decision.request] = decision.key
            tell(decision)

    while not ended.is_set():
        try:
            for decision in trainer.decide():
                heard(decision)
                if ended.is_set():
                    return
        except Exception as error:  # noqa: BLE001  # a node that is away comes back
            known = in_words(error)
            if known is None:
                _log.exception("The trainer met something unexpected; it looks again.")
            heard(Decision(NO_REQUEST, Verdict.FAILED, str(known or error)))
        else:
            said.pop(NO_REQUEST, None)
        ended.wait(poll_s)


@contextmanager
def beside(trainer: Trainer) -> Iterator[None]:
    """Lets a trainer work beside the rest of a program, and keep its appointments."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                run_once(trainer.market)
                trainer.look()
            except Exception:  # noqa: BLE001  # the node is away; look again
                _log.debug("A look at the market failed.", exc_info=True)
            stop.wait(BESIDE_S)

    thread = threading.Thread(target=work, name="trainer", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=END_S)
