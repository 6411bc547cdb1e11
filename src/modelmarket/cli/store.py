# SPDX-License-Identifier: Apache-2.0
"""`modelmarket store`: files and folders by CID."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelmarket.cli.context import Invocation
from modelmarket.cli.options import MOST_PORT
from modelmarket.system.files import existing_path, free_path
from modelmarket.system.text import counted

if TYPE_CHECKING:
    from modelmarket.storage.store import Store
    from modelmarket.system.home import Home

app = typer.Typer(help="Keep, fetch and serve files by CID.", no_args_is_help=True)

DEFAULT_PORT = 8080
LOOPBACK = "127.0.0.1"

CidText = Annotated[str, typer.Argument(metavar="CID", help="The content identifier.")]


def _store(home: Home) -> Store:
    from modelmarket.storage.store import Store

    home.prepare()
    return Store(home.store)


@app.command()
def add(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="A file or folder.")],
) -> None:
    """Add a file or folder. It is stored here, and nobody else has it yet.

    Example:

        modelmarket store add results/
    """
    here = Invocation.without_network(ctx)
    existing_path(path)
    output = here.output
    with output.progress() as advance:
        stored = _store(here.home).add(
            path, progress=lambda count: advance("bytes", count)
        )
    output.result(
        {"cid": str(stored.cid), "size": stored.size, "name": stored.name},
        str(stored.cid),
    )


@app.command()
def fetch(ctx: typer.Context, cid: CidText) -> None:
    """Fetch a file or folder from the network's gateways, each block checked.

    Example:

        modelmarket store fetch bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf…
    """
    from modelmarket.storage.cid import Cid
    from modelmarket.storage.fetch import fetch as get

    here = Invocation.of(ctx)
    output = here.output
    with output.progress() as advance:
        stored = get(
            _store(here.home),
            Cid.parse(cid),
            here.profile().gateways,
            progress=lambda count: advance("bytes", count),
        )
    output.result(
        {"cid": str(stored.cid), "size": stored.size},
        f"{stored.cid}: {counted(stored.size, 'byte is', 'bytes are')} here now.",
    )


@app.command()
def export(
    ctx: typer.Context,
    cid: CidText,
    destination: Annotated[Path, typer.Argument(help="A path that is not there yet.")],
    car: Annotated[bool, typer.Option("--car", help="Write a CAR file.")] = False,
) -> None:
    """Write a file or folder out of the store, as it was or as a CAR.

    Examples:

        modelmarket store export bafy… model/

        modelmarket store export bafy… model.car --car
    """
    from modelmarket.storage.cid import Cid

    here = Invocation.without_network(ctx)
    store, root = _store(here.home), Cid.parse(cid)
    free_path(destination)
    if not car:
        store.export(root, destination)
    else:
        store.block(root)
        destination.absolute().parent.mkdir(parents=True, exist_ok=True)
        with destination.open("wb") as file:
            file.writelines(store.export_car(root))
    here.output.result({"path": str(destination)}, str(destination))


@app.command("import-car")
def import_car(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="A CAR file of version 1.")],
    cid: Annotated[str, typer.Argument(metavar="CID", help="What is wanted of it.")],
) -> None:
    """Take a file or folder out of a CAR, each block checked.

    Example:

        modelmarket store import-car model.car bafy…
    """
    from modelmarket.storage.cid import Cid

    here = Invocation.without_network(ctx)
    stored = _store(here.home).import_car(path, Cid.parse(cid))
    here.output.result(
        {"cid": str(stored.cid), "size": stored.size},
        f"{stored.cid}: {counted(stored.size, 'byte is', 'bytes are')} here now.",
    )


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List what was added or fetched.

    Example:

        modelmarket store list
    """
    here = Invocation.without_network(ctx)
    roots = _store(here.home).roots()
    here.output.table(
        [{"cid": str(one.cid), "size": one.size, "name": one.name} for one in roots],
        ("CID", "bytes", "name"),
        [(one.cid, f"{one.size:,}", one.name) for one in roots],
        empty="The store is empty.",
    )


@app.command()
def serve(
    ctx: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=MOST_PORT, help="To listen on.")
    ] = DEFAULT_PORT,
    host: Annotated[
        str, typer.Option(help="The interface; 0.0.0.0 serves the world.")
    ] = LOOPBACK,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A host name that it is known by; may be repeated."),
    ] = None,
) -> None:
    """Serve the store as a trustless gateway until it is interrupted.

    Anybody who knows a CID can fetch it; nothing is listed. It answers to
    `localhost`, to addresses, and to the names that are given: to any other,
    a website could make your browser read what is served to you alone.

    Examples:

        modelmarket store serve

        modelmarket store serve --host 0.0.0.0 --port 8080

        modelmarket store serve --host 0.0.0.0 --name files.example
    """
    from modelmarket.storage.gateway import application
    from modelmarket.system.serving import serving

    here = Invocation.of(ctx)
    gateway = application(_store(here.home), names=name or ())
    with serving(gateway, host=host, port=port) as address:
        here.output.result(
            {"gateway": address}, f"The gateway answers at {address}; Ctrl+C ends it."
        )
        while True:
            time.sleep(3_600)
