# SPDX-License-Identifier: Apache-2.0
"""`modelmarket dataset`: looking at data before it is published, and after."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelmarket.cli.context import Invocation
from modelmarket.cli.options import RequestNumber, read, read_any
from modelmarket.errors import InputError
from modelmarket.protocol.point_kinds import Error
from modelmarket.system.files import existing_folder, free_path, sync_folder
from modelmarket.system.text import counted

if TYPE_CHECKING:
    from modelmarket.cli.output import Output
    from modelmarket.datasets.about import About
    from modelmarket.datasets.choosing import Choice
    from modelmarket.datasets.lint.findings import Report
    from modelmarket.datasets.sources import Source
    from modelmarket.market.recognising import Before

app = typer.Typer(help="Check and fetch datasets.", no_args_is_help=True)

DataPath = Annotated[
    Path, typer.Argument(metavar="DATA", help="A CSV or Parquet file.")
]
LabelColumn = Annotated[
    str | None, typer.Option("--label", help="The label column's name.")
]
LabelsPath = Annotated[
    Path | None, typer.Option("--labels", help="A file of labels, row by row.")
]
Header = Annotated[
    bool | None,
    typer.Option("--header/--no-header", help="Whether the first rows name columns."),
]
Delimiter = Annotated[str | None, typer.Option(help="Of a CSV; found out if left out.")]
Encoding = Annotated[str | None, typer.Option(help="Of a CSV; found out if left out.")]
FileColumn = Annotated[
    str | None,
    typer.Option(
        "--files",
        metavar="COLUMN",
        help="Names a picture, a text or a sound for each row, to be published too.",
    ),
]
FilesIn = Annotated[
    Path | None,
    typer.Option(
        "--files-in",
        metavar="FOLDER",
        help="With --files: where they are; the table's own folder, if not given.",
    ),
]
FractionText = Annotated[str, typer.Option("--fraction", help="Of the rows, to test.")]
Stratified = Annotated[
    bool, typer.Option("--stratified", help="Draw test rows class by class.")
]
Group = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="COLUMN",
        help="Whose rows stay in one part, such as those of a patient.",
    ),
]
Time = Annotated[
    str | None,
    typer.Option("--time", metavar="COLUMN", help="Test the latest rows by a column."),
]
BinCount = Annotated[
    int | None,
    typer.Option(
        "--bins",
        metavar="N",
        help="The labels are numbers: put them into so many bins, of which the right"
        " one is to be hit.",
    ),
]
EvenBins = Annotated[
    bool,
    typer.Option(
        "--even-bins",
        help="With --bins: of the same width, rather than with as many rows each.",
    ),
]
Width = Annotated[int, typer.Option(help="With --verified: bits of a code, 8 or 16.")]
Even = Annotated[
    bool,
    typer.Option(
        "--even",
        help="With --verified: space the codes of numbers evenly, for linear models"
        " and networks.",
    ),
]
ErrorKind = Annotated[
    Error | None,
    typer.Option(
        help="With --verified: the labels are numbers, and this error counts."
    ),
]
Scale = Annotated[
    str | None,
    typer.Option(
        help="With --error: from which error on a row scores nothing; five times what"
        " always predicting the median is off by, if not given."
    ),
]
NumberBits = Annotated[
    int | None,
    typer.Option(
        help="With --error: that a number takes: 8, 16 or 32; 16, if not given."
    ),
]
Description = Annotated[
    Path | None,
    typer.Option(help="A Markdown file about the data, to lie beside them."),
]
Licence = Annotated[
    str,
    typer.Option("--licence", metavar="SPDX", help="For the data, such as CC-BY-4.0."),
]
ModelLicence = Annotated[
    str,
    typer.Option(
        "--model-licence",
        metavar="SPDX",
        help="For the model that wins; whoever submits agrees to it.",
    ),
]
DEFAULT_WIDTH = 8


def read_choice(
    fraction: str, *, stratified: bool, group: str | None, time: str | None
) -> Choice:
    """How test rows are chosen, as the options say.

    Raises:
        DataError: The fraction is none.
        InputError: In two ways at once.
    """
    from modelmarket.datasets.choosing import Choice
    from modelmarket.datasets.shares import parse_fraction

    share = read("--fraction", parse_fraction, fraction)
    return Choice(share, stratified, group, time)


def refuse_bins(bins: int | None, *, even_bins: bool) -> None:
    """Makes sure that bins are not asked for in a verified contest.

    Raises:
        InputError: They are.
    """
    from modelmarket.errors import InputError

    if bins is not None or even_bins:
        raise InputError(
            "Bins are for contests of predictions: a verified one scores numbers as "
            "they are.",
            hint="Leave out --bins and say --error absolute, or leave out --verified.",
        )


def read_about(description: Path | None, licence: str, model_licence: str) -> About:
    """What people are told of the data, as the options say.

    Raises:
        NotFoundError: There is no such file.
        InputError: It is no text, or a licence is none.
    """
    from modelmarket.datasets.about import About, read_description

    text = "" if description is None else read_description(description)
    about = About(description=text, licence=licence, model_licence=model_licence)
    return about.checked()


def refuse_without_verified(**said: object) -> None:
    """Makes sure that nothing was said which nobody would hear.

    Args:
        said: What only a verified contest has; None for what was left out.

    Raises:
        InputError: Something was said.
    """
    from modelmarket.errors import InputError

    for name, value in said.items():
        if value is not None:
            raise InputError(
                f"--{name.replace('_', '-')} is for verified contests.",
                hint="Add --verified.",
            )


def open_source(
    data: Path,
    label: str | None,
    labels: Path | None,
    header: bool | None,
    delimiter: str | None,
    encoding: str | None,
    files: str | None = None,
    files_in: Path | None = None,
) -> Source:
    """The labelled table that the options describe."""
    from modelmarket.datasets.attached import attached_files
    from modelmarket.datasets.sources import Source
    from modelmarket.datasets.tables import open_table

    table = open_table(
        data, header=header, delimiter=delimiter, encoding=encoding, knows=label
    )
    column = None
    if labels is not None:
        column = open_table(labels, header=header, delimiter=",", encoding=encoding)
    attached = attached_files(files, files_in, data.parent)
    return Source(table, label=label, labels=column, files=attached)


@app.command()
def check(
    ctx: typer.Context,
    data: DataPath,
    label: LabelColumn = None,
    labels: LabelsPath = None,
    header: Header = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    fraction: FractionText = "0.2",
    stratified: Stratified = False,
    group: Group = None,
    time: Time = None,
    verified: Annotated[
        bool, typer.Option("--verified", help="As a verified contest.")
    ] = False,
    width: Width = DEFAULT_WIDTH,
    even: Even = False,
    error: ErrorKind = None,
    scale: Scale = None,
    bits: NumberBits = None,
    bins: BinCount = None,
    even_bins: EvenBins = False,
    files: FileColumn = None,
    files_in: FilesIn = None,
    unpublished: Annotated[
        Path | None,
        typer.Option(
            help="A file that is not there yet: the table without the rows that stand "
            "in requests of this vault."
        ),
    ] = None,
) -> None:
    """Look at a table before money is put on it, and publish nothing.

    It is split as it would be. What gives labels away, comes twice or is spelt in two
    ways is named, by row and column; and how well a small forest does, which any model
    should beat. Rows are numbered from 1, without the header; lines are those of the
    file. Rows that stand in a request of this vault are known again, if its passphrase
    is in MODELMARKET_PASSPHRASE; --unpublished writes all others to a file.

    Exits with 1 if something was found that is hardly meant.

    Examples:

        modelmarket dataset check digits.csv --label digit

        modelmarket dataset check digits.csv --labels digits_labels.csv

        modelmarket dataset check houses.csv --label price --verified
            --error absolute

        modelmarket dataset check houses.csv --label price --bins 20

        modelmarket dataset check dogs.csv --label breed --files photo
            --files-in photos

        modelmarket dataset check digits.csv --label digit --verified
            --unpublished new-digits.csv
    """
    from modelmarket.cli import trials
    from modelmarket.datasets.published import publish
    from modelmarket.datasets.shares import parse_number
    from modelmarket.market.publishing import binning_of
    from modelmarket.market.recognising import Before
    from modelmarket.market.verified.trying import try_contest
    from modelmarket.system.environment import secret_from_environment

    here = Invocation.without_network(ctx)
    output = here.output
    numbers: dict[str, Any] = {
        "error": error,
        "scale": read_any("--scale", parse_number, scale),
        "bits": bits,
    }
    if verified:
        refuse_bins(bins, even_bins=even_bins)
    else:
        refuse_without_verified(
            width=None if width == DEFAULT_WIDTH else width,
            even=even or None,
            **numbers,
        )
    binning = binning_of({"bins": bins, "even_bins": even_bins})
    choice = read_choice(fraction, stratified=stratified, group=group, time=time)
    source = open_source(
        data, label, labels, header, delimiter, encoding, files, files_in
    )
    home = here.home
    home.prepare()
    before = Before.of_home(home, here.network, secret_from_environment())
    if unpublished is not None:
        _write_unpublished(source, before, unpublished)
        output.advise(f"{unpublished} has the rows that stand in no request of yours.")
    with (
        output.progress() as advance,
        tempfile.TemporaryDirectory(dir=home.scratch()) as scratch,
    ):
        if verified:
            trial = try_contest(
                source,
                Path(scratch),
                before,
                fraction=choice.fraction,
                stratified=choice.stratified,
                group=choice.group,
                time=choice.time,
                width=width,
                even=even,
                progress=advance,
                **numbers,
            )
            trials.tell(output, source.data, trial)
            _end(output, trial.published.report, unpublished)
            return
        published = publish(
            source,
            Path(scratch),
            choice=choice,
            binning=binning,
            progress=lambda count: advance("rows split", count),
            looking=lambda count: advance("rows looked at", count),
        )
        found = before.look_at(source, Path(scratch), published.split)
        report = published.report.also(found)
        report = report.of_table(published.split.learned, source.data)
    manifest = published.manifest
    counts = dict(zip(manifest.classes.names, manifest.train_counts, strict=True))
    most = max(counts.values())
    is_number = manifest.bins is not None
    classes = ("bin", "bins") if is_number else ("class", "classes")
    output.table(
        {
            "train_rows": manifest.train_rows,
            "test_rows": manifest.test_rows,
            "features": list(manifest.features),
            "classes": counts,
            "edges": None if manifest.bins is None else list(manifest.bins.edges),
            "bits": manifest.classes.bits,
            "files": None if manifest.files is None else asdict(manifest.files),
            "majority_accuracy": round(most / manifest.train_rows, 4),
            "report": asdict(report),
        },
        (classes[0], "training rows"),
        [(name, f"{count:,}") for name, count in counts.items()],
        title=(
            f"{data.name}: {manifest.train_rows:,} training and "
            f"{counted(manifest.test_rows, 'test row')}, "
            f"{counted(len(manifest.features), 'feature')}, "
            f"{counted(len(counts), *classes)} "
            f"({counted(manifest.classes.bits, 'bit')} a label); always saying the "
            f"{'fullest bin' if is_number else 'commonest class'} would score "
            f"{most / manifest.train_rows:.1%}"
        ),
    )
    if not output.as_json:
        if manifest.files is not None:
            output.result(None, str(manifest.files))
        if report.told_bins:
            output.result(None, report.told_bins)
        trials.tell_report(output, report)
    _end(output, report, unpublished)


def _write_unpublished(source: Source, before: Before, path: Path) -> None:
    """Writes the rows of a table that stand in no request of this vault.

    Raises:
        InputError: The labels are in a file of their own, or nobody knows.
        DataError: All rows stand there, or none does.
    """
    from modelmarket.market.leaving_out import leave_out

    free_path(path)
    existing_folder(path.parent)
    if source.labels is not None:
        raise InputError(
            "The labels are in a file of their own, which would be cut as well.",
            hint="Put them into the table, and name their column with --label.",
        )
    if before.unknown:
        [finding] = before.locked
        raise InputError(finding.text, hint=finding.hint)
    # note: beside it, since a file is not renamed from one disk to another.
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        [file] = leave_out(source, before, Path(folder)).files
        file.rename(path)
        sync_folder(path.parent)


def _end(output: Output, report: Report, unpublished: Path | None) -> None:
    """Ends as a table deserves."""
    if report.knows_rows and unpublished is None:
        output.advise("--unpublished FILE writes the rows that stand in none of them.")
    if report.questions:
        raise typer.Exit(1)


@app.command()
def report(ctx: typer.Context, request: RequestNumber) -> None:
    """Show what was found about a request's table before it was published.

    That is what the requester's program says of it, and nobody has checked it. Rows are
    named by their row_id in train.csv. What tells of hidden rows is left out.

    Example:

        modelmarket dataset report 7
    """
    from modelmarket.cli import trials

    here = Invocation.of(ctx)
    found = here.market(sign=False).any_request(request)
    said, output = found.report(), here.output
    if output.as_json:
        output.result(said.published())
        return
    noun = "hidden row" if found.id.is_verified else "test row"
    parts = (
        f"Request {found.id}: {counted(said.train_rows, 'training row')}, "
        f"{counted(said.test_rows, noun)}, {counted(said.features, 'feature')}."
    )
    output.result(None, parts, *filter(None, [said.told_bins, said.told_majority]))
    trials.tell_report(output, said, noun=noun)


@app.command()
def fetch(
    ctx: typer.Context,
    request: RequestNumber,
    destination: Annotated[
        Path, typer.Argument(help="A folder that is not there yet.")
    ],
) -> None:
    """Fetch a request's dataset, each block checked, into a folder.

    Example:

        modelmarket dataset fetch 7 digits/
    """
    from modelmarket.datasets.about import told_licences

    here = Invocation.of(ctx)
    free_path(destination)
    market = here.market(sign=False)
    output = here.output
    found = market.any_request(request)
    with output.progress() as advance:
        stored = found.fetch(progress=lambda count: advance("bytes", count))
    found.contents.export(destination)
    manifest, rows = found.manifest(), found.record.rows
    output.result(
        {
            "cid": str(stored.cid),
            "path": str(destination),
            "train_rows": manifest.train_rows,
            "test_rows": rows,
            "licence": manifest.licence,
            "model_licence": manifest.model_licence,
        },
        f"{destination}: {manifest.train_rows:,} training and "
        f"{rows:,} test rows ({stored.cid}).",
        f"  {told_licences(manifest.licence, manifest.model_licence)}",
    )
