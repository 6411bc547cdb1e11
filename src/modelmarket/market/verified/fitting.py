# SPDX-License-Identifier: Apache-2.0
"""What models are fitted on, and what is said of one before anything is staked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from modelmarket.protocol.schema import NumberTarget
from modelmarket.system.text import counted

if TYPE_CHECKING:
    from modelmarket.market.verified.request import VerifiedRequest
    from modelmarket.models import ExactModel
    from modelmarket.protocol.hidden import RowCodes, Targets


@dataclass(frozen=True)
class Training:
    """The training part in codes, as models are fitted on it.

    Attributes:
        codes: Shape (rows, columns).
        targets: Classes; or numbers, in the schema's steps from its offset, which is
            what models predict, too. Shape (rows,).

    Both are read once for a request and cannot be written to: copy what you change.
    """

    codes: RowCodes
    targets: Targets


@dataclass(frozen=True)
class Fit:
    """What can be said of a model before anything is staked on it.

    Attributes:
        units: Trees, or neurons.
        what: Which of the two.
        bytes: Of its file.
        parts: In which it is posted if it is demanded.
        share: Of the points that the training part can score; models do better
            there than on rows that they have not seen.
        mean_error: For numbers, by how much it is off there, in the label's own
            unit: the mean absolute error, or the root of the mean squared one, as
            the points count them. None for classes.
    """

    units: int
    what: str
    bytes: int
    parts: int
    share: float
    mean_error: float | None

    @classmethod
    def of(cls, model: ExactModel, share: float, error: float | None) -> Fit:
        """What can be said of a model."""
        from modelmarket.models.header import Kind

        header = model.header
        return cls(
            units=header.units,
            what="neurons" if header.kind is Kind.DENSE else "trees",
            bytes=len(model.to_bytes()),
            parts=header.parts,
            share=share,
            mean_error=error,
        )

    @property
    def size(self) -> str:
        """For people: `1 tree`, `80 trees`."""
        return counted(self.units, self.what.removesuffix("s"))

    def as_document(self) -> dict[str, int | float | str | None]:
        """As JSON has it."""
        return asdict(self)


def fit_of(request: VerifiedRequest, model: ExactModel, predicted: Targets) -> Fit:
    """What can be said of a model before anything is staked on it.

    Args:
        request: The contest.
        model: That would be sealed.
        predicted: What it says of the training part; shape (rows,).
    """
    scoring, target = request.record.scoring, request.schema.target
    rows, truth = len(predicted), request.training().targets
    scored, most = scoring.score(truth, predicted), scoring.score(truth, truth)
    error = None
    if isinstance(target, NumberTarget):
        error = scoring.error(scored, rows) * float(target.step)
    return Fit.of(model, scored / most, error)
