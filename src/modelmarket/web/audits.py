# SPDX-License-Identifier: Apache-2.0
"""What audits found: each is run when it is asked for, and kept to be shown again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.audit import Verdict, audit

if TYPE_CHECKING:
    from modelmarket.market import Request, VerifiedRequest
    from modelmarket.protocol.replaying import Record
    from modelmarket.protocol.types import RequestId

MOST_KEPT = 64


@dataclass(frozen=True)
class Audited:
    """An audit of a request.

    Attributes:
        verdicts: One on each promise.
        record: The request as it was then.
        second: When, of chain time.
    """

    verdicts: tuple[Verdict, ...]
    record: Record
    second: int

    @property
    def broken(self) -> int:
        """Promises that were not kept."""
        return sum(one.is_broken for one in self.verdicts)

    @property
    def kept(self) -> int:
        """Promises that were kept."""
        return sum(one.passed is True for one in self.verdicts)

    @property
    def open(self) -> int:
        """Promises of which nobody can tell yet."""
        return sum(one.passed is None for one in self.verdicts)

    def holds_of(self, record: Record) -> bool:
        """Whether nothing has happened since."""
        return self.record == record


class Audits:
    """The last audit of each request that was audited here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[RequestId, Audited] = OrderedDict()

    def of(self, request_id: RequestId) -> Audited | None:
        """The last audit of a request; None without one."""
        with self._lock:
            return self._kept.get(request_id)

    def run(self, found: Request | VerifiedRequest) -> Audited:
        """Audits a request. No stranger's file is run for it.

        Raises:
            ChainError: The node does not answer.
        """
        verdicts = audit(found.market, found.id, runs_models=False)
        made = Audited(tuple(verdicts), found.record, found.now)
        with self._lock:
            self._kept[found.id] = made
            self._kept.move_to_end(found.id)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return made
