# SPDX-License-Identifier: Apache-2.0
"""What a request's folder says of licences, and of what is to be beaten.

That is told as far as it is on this computer: whoever looks at a request is not kept
waiting, and whatever a stranger's folder has is no error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelmarket.datasets.about import told_licences
from modelmarket.datasets.published import (
    MANIFEST,
    MOST_MANIFEST_BYTES,
    REPORT,
    Manifest,
)
from modelmarket.errors import ModelMarketError

if TYPE_CHECKING:
    from modelmarket.datasets.contest import ContestManifest
    from modelmarket.market.any_request import AnyRequest

DIGITS = 4
"""Of a share, as a report has it."""
BY_THE_REQUESTER = "So the requester's program said."


@dataclass(frozen=True)
class FolderFacts:
    """What a folder says of licences, and of what is to be beaten.

    Attributes:
        lines: All of it for people, and what is not here.
        predicts: What the labels are called, empty if they have no name; None if the
            manifest is not here.
        licence: SPDX expression for the data, empty if nothing was said; None if the
            manifest is not here.
        model_licence: The same for the model that wins.
        majority: The share of the training rows that are of the commonest class, or in
            the fullest bin; None for numbers without bins, or if the manifest is not
            here.
        baseline: What a small forest reaches, see `Report`; None if nobody said so, or
            if the report is not here.
    """

    lines: tuple[str, ...]
    predicts: str | None = None
    licence: str | None = None
    model_licence: str | None = None
    majority: float | None = None
    baseline: float | None = None

    def as_document(self) -> dict[str, str | float | None]:
        """As JSON has it."""
        return {
            "predicts": self.predicts,
            "licence": self.licence,
            "model_licence": self.model_licence,
            "majority": self.majority,
            "baseline": self.baseline,
        }


def folder_facts(request: AnyRequest[Any]) -> FolderFacts:
    """What a request's folder says, as far as it is here."""
    fetches = f"`modelmarket dataset report {request.id}` fetches"
    try:
        manifest = _manifest(request)
        if manifest is None:
            said = "licences, majority and baseline are not fetched yet"
            return FolderFacts((f"{said}: {fetches} them",))
        return _facts(request, manifest, fetches)
    except ModelMarketError as error:
        return FolderFacts((f"what its folder says cannot be read: {error.message}",))


def _facts(
    request: AnyRequest[Any], manifest: Manifest | ContestManifest, fetches: str
) -> FolderFacts:
    from modelmarket.datasets.lint.findings import told_majority

    licences = told_licences(manifest.licence, manifest.model_licence)
    counts, sha256 = manifest.train_counts, manifest.sha256.get(REPORT)
    rows = sum(counts)
    majority = round(max(counts) / rows, DIGITS) if rows else None
    # A manifest of predictions says what the bins of numbers are.
    in_bins = getattr(manifest, "bins", None) is not None
    said = [told_majority(majority, in_bins=in_bins)]
    report = None if sha256 is None else request.contents.kept_report(sha256)
    if report is not None:
        said += [report.told_constant, report.told_baseline]
    to_beat = " ".join(filter(None, said))
    lines = [
        f"to be predicted: {manifest.told_predicts}",
        licences,
        f"{to_beat} {BY_THE_REQUESTER}" if to_beat else "",
    ]
    if sha256 is not None and report is None:
        lines.append(f"the baseline is not fetched yet: {fetches} it")
    return FolderFacts(
        tuple(filter(None, lines)),
        manifest.predicts,
        manifest.licence,
        manifest.model_licence,
        majority,
        None if report is None else report.baseline,
    )


def _manifest(request: AnyRequest[Any]) -> Manifest | ContestManifest | None:
    """What the folder says of itself; None if that is not here.

    Raises:
        DataError: It is no manifest.
    """
    data = request.contents.kept(MANIFEST, MOST_MANIFEST_BYTES)
    if data is None:
        return None
    if not request.id.is_verified:
        return Manifest.from_json(data)
    from modelmarket.datasets.contest import ContestManifest

    return ContestManifest.from_json(data)
