# SPDX-License-Identifier: Apache-2.0
"""`modelmarket vault`: the secrets that must be opened later, kept safe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelmarket.cli.asking import ask_passphrase
from modelmarket.cli.context import Invocation
from modelmarket.cli.dataset import (
    BinCount,
    Delimiter,
    Description,
    Encoding,
    EvenBins,
    FileColumn,
    FilesIn,
    FractionText,
    Group,
    Header,
    LabelColumn,
    LabelsPath,
    Licence,
    ModelLicence,
    Stratified,
    Time,
    open_source,
    read_about,
    read_choice,
    refuse_bins,
)
from modelmarket.cli.options import AccountName, RequestNumber, request_id
from modelmarket.protocol.types import RequestId
from modelmarket.system.files import existing_file, free_path
from modelmarket.system.text import counted

if TYPE_CHECKING:
    from modelmarket.system.home import Home
    from modelmarket.vault.vault import Vault

app = typer.Typer(help="Keep what must be opened later safe.", no_args_is_help=True)

NewFile = Annotated[Path, typer.Argument(help="A file that is not there yet.")]


def _vault(home: Home, passphrase: str | None = None) -> Vault:
    """The vault; one that is made here has a passphrase that was typed twice.

    Args:
        home: The user's folder.
        passphrase: One that has opened something; None to ask for it.
    """
    from modelmarket.vault.vault import Vault

    home.prepare()
    known = passphrase or ask_passphrase(confirm=not home.vault.exists())
    return Vault(home.vault, known)


@app.command()
def backup(ctx: typer.Context, path: NewFile) -> None:
    """Write a backup of all secrets, encrypted under the vault's passphrase.

    Example:

        modelmarket vault backup vault-backup.json
    """
    from modelmarket.vault import backups

    here = Invocation.without_network(ctx)
    free_path(path)
    vault = _vault(here.home)
    count = backups.write(
        path, vault.all(), ask_passphrase(), published=vault.published()
    )
    here.output.result(
        {"path": str(path), "secrets": count},
        f"{path} holds {counted(count, 'secret')}.",
    )


@app.command()
def restore(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="A backup's or a bundle's file.")],
    bundle: Annotated[
        bool, typer.Option("--bundle", help="It has a passphrase of its own.")
    ] = False,
) -> None:
    """Take the secrets of a backup, or of a friend's bundle, into the vault.

    What is there stays. A bundle's passphrase is asked for, or taken from
    MODELMARKET_BUNDLE_PASSPHRASE.

    Examples:

        modelmarket vault restore vault-backup.json

        modelmarket vault restore request-7.json --bundle
    """
    from modelmarket.vault import backups

    here = Invocation.without_network(ctx)
    existing_file(path)
    # Before a vault is made: a passphrase that is mistyped would be the new one's.
    passphrase = ask_passphrase(bundle=bundle)
    found = backups.read(path, passphrase)
    count = found.restore(_vault(here.home, None if bundle else passphrase))
    here.output.result(
        {"secrets": count},
        f"{counted(count, 'secret is', 'secrets are')} in the vault.",
    )


@app.command()
def share(
    ctx: typer.Context,
    number: RequestNumber,
    path: NewFile,
    account: AccountName = None,
) -> None:
    """Write a bundle with which a friend's agent opens your part of a request.

    It opens your truth or predictions, or your contest's key or your model, and holds
    no account's key: nobody can move your funds with it. But it shows what it opens,
    so give it only to somebody who will not use it before its time. Your friend takes
    it in with `vault restore` and runs an agent, which opens in the due window and
    pays the fees.

    The bundle's passphrase is another one than the vault's; it is asked for, or
    taken from MODELMARKET_BUNDLE_PASSPHRASE.

    Example:

        modelmarket vault share 7 request-7.json
    """
    from modelmarket.errors import NotFoundError
    from modelmarket.vault import backups

    here = Invocation.of(ctx)
    free_path(path)
    market = here.market(account, sign=True)
    record = market.any_request(number).record
    seals = [record.secret] + [one.seal for one in record.submissions.values()]
    kept = [found for seal in seals if (found := market.vault.secret(seal))]
    if not kept:
        raise NotFoundError(f"Nothing of request {number} is in this vault.")
    count = backups.write(path, kept, ask_passphrase(bundle=True, confirm=True))
    here.output.result(
        {"path": str(path), "secrets": count},
        f"{path} opens {count} of request {number}, and nothing else.",
    )


@app.command()
def recover(
    ctx: typer.Context,
    account: AccountName = None,
    owner: Annotated[
        str | None, typer.Option(help="Whose; your own account otherwise.")
    ] = None,
    request: Annotated[
        RequestId | None,
        typer.Option(
            parser=request_id, help="With --data: the request that it was for."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="The file that a request was made from.")
    ] = None,
    label: LabelColumn = None,
    labels: LabelsPath = None,
    header: Header = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    fraction: FractionText = "0.2",
    stratified: Stratified = False,
    group: Group = None,
    time: Time = None,
    bins: BinCount = None,
    even_bins: EvenBins = False,
    files: FileColumn = None,
    files_in: FilesIn = None,
    description: Description = None,
    licence: Licence = "",
    model_licence: ModelLicence = "",
) -> None:
    """Find the secrets of a lost machine again.

    Without a file: for each request and submission that has not ended, fetch
    the encrypted copy that its transaction names, and decrypt it with your key.
    With one: split it again as it was split when the request was made.

    Exits with 1 if something is still missing.

    Examples:

        modelmarket vault recover

        modelmarket vault recover --request 7 --data houses.csv --label price
    """
    from modelmarket.errors import InputError
    from modelmarket.market import VerifiedRequest
    from modelmarket.market.publishing import binning_of
    from modelmarket.market.recovery import recover as look_for
    from modelmarket.market.recovery import recover_key, recover_truth
    from modelmarket.protocol.types import checksummed

    here = Invocation.of(ctx)
    if data is not None:
        existing_file(data)
        if request is None:
            raise InputError(
                "It is not said which request the file was for.",
                hint="modelmarket vault recover --request 7 --data FILE",
            )
    market = here.market(account, sign=True)
    output = here.output
    if data is not None and request is not None:
        source = open_source(
            data, label, labels, header, delimiter, encoding, files, files_in
        )
        known = market.any_request(request)
        about = read_about(description, licence, model_licence)
        choice = read_choice(fraction, stratified=stratified, group=group, time=time)
        binning = binning_of({"bins": bins, "even_bins": even_bins})
        if isinstance(known, VerifiedRequest):
            refuse_bins(bins, even_bins=even_bins)
            what = "key"
            made = recover_key(known, source, choice=choice, about=about)
        else:
            what = "truth"
            made = recover_truth(
                known, source, choice=choice, binning=binning, about=about
            )
        output.result(
            {
                "request": request,
                "seal": "0x" + made.seal.hex(),
                "dataset": made.dataset,
                "is_published": made.is_same,
            },
            f"The {what} of request {request} is in the vault again.",
        )
        if not made.is_same:
            output.warn(
                f"The folder came out as another, {made.dataset}, which serves nobody: "
                "were the description and the licences others, or this program?"
            )
        return
    found = list(look_for(market, checksummed(owner) if owner else None))
    output.table(
        [
            {
                "request": one.request_id,
                "submission": one.submission_id or None,
                "in_vault": one.is_here,
                "says": one.says,
            }
            for one in found
        ],
        ("request", "submission", "", "found"),
        [
            (
                one.request_id,
                one.submission_id or "",
                "good" if one.is_here else "LOST",
                one.says,
            )
            for one in found
        ],
        empty="Nothing of yours has to be opened later.",
    )
    if not all(one.is_here for one in found):
        raise typer.Exit(1)


@app.command()
def copies(
    ctx: typer.Context,
    account: AccountName = None,
) -> None:
    """List the encrypted copies, to be kept on another machine's store too.

    Example:

        modelmarket vault copies --json
    """
    from modelmarket.storage.cid import Cid

    here = Invocation.of(ctx)
    market = here.own_market(account)
    kept = market.vault.copies(*market.network.contracts.addresses)
    here.output.table(
        [
            {"seal": "0x" + seal.hex(), "cid": str(Cid.from_bytes(copy))}
            for seal, copy in kept.items()
        ],
        ("seal", "copy"),
        [
            (f"0x{seal.hex()[:12]}…", Cid.from_bytes(copy))
            for seal, copy in kept.items()
        ],
        empty="The vault is empty.",
    )
