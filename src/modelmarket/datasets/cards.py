# SPDX-License-Identifier: Apache-2.0
"""The card of a dataset, as Markdown that hubs of datasets read too
(https://huggingface.co/docs/hub/datasets-cards).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelmarket.datasets.about import hub_licence
from modelmarket.system.text import counted, plain

if TYPE_CHECKING:
    from modelmarket.datasets.about import About
    from modelmarket.datasets.attached import FileColumn
    from modelmarket.datasets.lint.findings import Report

MOST_CLASSES = 100
"""Classes that the card lists; the report lists all."""
SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
LARGEST = "n>10M"
ROWS = "## The rows"
"""The heading behind what the requester wrote."""


def card(
    about: About, predicted: str, report: Report, files: FileColumn | None = None
) -> bytes:
    """The card that lies in a published folder.

    Args:
        about: What its requester says.
        predicted: What a model is to say, in words.
        report: What everybody may know of what was found.
        files: The column that names files; None for none.
    """
    lines = [*_front(about, report, files), _title(about), ""]
    for text in (about.context, about.description):
        if text.strip():
            lines += [text.strip(), ""]
    lines += [
        *_rows(report, predicted),
        *_files(files),
        *_to_beat(report),
        *_odd(report),
        *_licences(about),
    ]
    return "\n".join(lines).encode()


def description_in(written: str, about: About) -> str:
    """The description in a card, or its beginning in the beginning of one.

    Args:
        written: The card.
        about: Name and context that it was written with.

    Returns:
        Empty if there is none; all of a card that another program wrote.
    """
    context = f"{about.context.strip()}\n\n" if about.context.strip() else ""
    _, ours, told = written.partition(f"\n---\n\n{_title(about)}\n\n{context}")
    if not ours:
        return written.strip()
    before, found, behind = told.rpartition(ROWS)
    return (before if found else behind).strip()


def _title(about: About) -> str:
    return f"# {_line(about.name) or 'A dataset'}"


def _front(about: About, report: Report, files: FileColumn | None) -> Iterator[str]:
    """What programs read: YAML, of which JSON's texts are a part."""
    rows = report.train_rows + report.test_rows
    yield "---"
    yield f"pretty_name: {json.dumps(_line(about.name) or 'A dataset')}"
    if about.licence:
        yield f"license: {json.dumps(hub_licence(about.licence))}"
        yield f"license_name: {json.dumps(about.licence)}"
    yield "task_categories:"
    if report.is_number:
        yield "- tabular-regression"
    else:
        yield f"- {'tabular' if files is None else files.kind}-classification"
    yield "size_categories:"
    yield f"- {next((name for most, name in SIZES if rows < most), LARGEST)}"
    yield "tags:"
    yield "- modelmarket"
    yield "configs:"
    yield "- config_name: default"
    yield "  data_files:"
    yield "  - split: train"
    yield "    path: train.csv"
    yield "---"
    yield ""


def _rows(report: Report, predicted: str) -> Iterator[str]:
    yield ROWS
    yield ""
    yield (
        f"{counted(report.train_rows, 'training row')} with labels, in `train.csv`, "
        f"and {counted(report.test_rows, 'test row')} without; "
        f"{counted(report.features, 'feature')}. To be predicted: "
        f"{_line(predicted)}."
    )
    yield ""
    if not report.train_counts:
        return
    if report.is_number:
        yield f"{report.told_bins} The bins, each by a number that stands for it:"
        yield ""
    yield f"| {'bin' if report.is_number else 'class'} | training rows |"
    yield "|---|---:|"
    for name, rows in list(report.train_counts.items())[:MOST_CLASSES]:
        yield f"| {_cell(name)} | {rows:,} |"
    if (more := len(report.train_counts) - MOST_CLASSES) > 0:
        noun = ("bin", "bins") if report.is_number else ("class", "classes")
        yield f"| {counted(more, *(f'more {one}' for one in noun))} | |"
    yield ""


def _files(files: FileColumn | None) -> Iterator[str]:
    if files is not None:
        yield (
            f"{_line(str(files))} They lie in the folder `files`, named by the SHA-256 "
            "of their bytes."
        )
        yield ""


def _to_beat(report: Report) -> Iterator[str]:
    told = [
        report.told_majority,
        report.told_constant,
        report.told_baseline,
        report.told_resolution(),
    ]
    if any(told):
        yield "## What a model should beat"
        yield ""
        yield " ".join(filter(None, told))
        yield ""


def _odd(report: Report) -> Iterator[str]:
    yield "## What is odd"
    yield ""
    if not report.findings:
        yield "Nothing odd was found."
    for one in report.findings:
        yield f"- {one.mark}: {_line(str(one))}"
    yield ""


def _licences(about: About) -> Iterator[str]:
    yield "## Licences"
    yield ""
    yield f"The data: {about.licence or 'nothing was said'}."
    yield (
        "The model that wins is handed over under: "
        f"{about.model_licence or 'nothing was said'}."
    )
    yield ""


def _line(text: str) -> str:
    """A text in one line, without control characters."""
    return " ".join(plain(text).split())


def _cell(text: str) -> str:
    """A text in a cell of a table."""
    return _line(text).replace("\\", "\\\\").replace("|", "\\|")
