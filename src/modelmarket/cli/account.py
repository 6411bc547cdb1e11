# SPDX-License-Identifier: Apache-2.0
"""`modelmarket account`: keys in standard keystore files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from modelmarket.cli.asking import ask_passphrase, ask_secret
from modelmarket.cli.context import Invocation
from modelmarket.cli.options import AccountName
from modelmarket.errors import InputError

if TYPE_CHECKING:
    from modelmarket.protocol.types import Address
    from modelmarket.system.home import Home

app = typer.Typer(help="Make, import and list accounts.", no_args_is_help=True)


@app.command()
def new(ctx: typer.Context) -> None:
    """Make an account, kept in an encrypted keystore file.

    Example:

        modelmarket account new
    """
    from modelmarket.chain.wallets import Keystores, Wallet

    here = Invocation.without_network(ctx)
    home = here.home
    home.prepare()
    wallet = Wallet.new()
    path = Keystores(home.keystores).add(wallet, _new_passphrase(home))
    here.output.result(
        {"address": wallet.address, "keystore": str(path)},
        f"Account {wallet.address}",
        f"Its key is in {path}.",
    )
    here.output.tell("Whoever loses the passphrase loses the account.")


def _new_passphrase(home: Home) -> str:
    """A passphrase for a keystore, which opens the vault as well.

    Raises:
        InputError: It is too short, or another one opens the vault that is here.
    """
    from modelmarket.errors import VaultError
    from modelmarket.vault.vault import Vault

    found = ask_passphrase(confirm=True)
    if home.vault.exists():
        try:
            Vault(home.vault, found)
        except VaultError as error:
            raise InputError(
                f"Another passphrase opens the vault in {home.path}.",
                hint="One opens the accounts and the vault of a folder: take that one, "
                "or another folder by --home.",
            ) from error
    return found


@app.command("import")
def import_(ctx: typer.Context) -> None:
    """Import a private key, read from the terminal or from a pipe.

    It is never an argument, since arguments can be seen by others.

    Examples:

        modelmarket account import

        modelmarket account import < key.txt
    """
    from modelmarket.chain.wallets import Keystores, Wallet

    here = Invocation.without_network(ctx)
    if sys.stdin.isatty():
        key: str = ask_secret("Private key")
    else:
        key = sys.stdin.readline()
    home = here.home
    home.prepare()
    wallet = Wallet.from_key(key.strip())
    path = Keystores(home.keystores).add(wallet, _new_passphrase(home))
    here.output.result(
        {"address": wallet.address, "keystore": str(path)},
        f"Account {wallet.address}",
        f"Its key is in {path}.",
    )


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List the accounts of the keystore folder.

    Example:

        modelmarket account list
    """
    from modelmarket.chain.wallets import Keystores

    here = Invocation.without_network(ctx)
    accounts = Keystores(here.home.keystores).addresses()
    here.output.table(
        [{"address": one, "keystore": str(path)} for one, path in accounts.items()],
        ("account", "keystore"),
        [(one, path) for one, path in accounts.items()],
        empty="No account yet. Make one with: modelmarket account new",
    )


@app.command()
def show(
    ctx: typer.Context,
    account: AccountName = None,
) -> None:
    """Show an account's MDC and its coin for fees.

    Example:

        modelmarket account show --account 0x1234
    """
    from modelmarket.chain.contracts import ModelMarket
    from modelmarket.protocol.money import format_mdc

    here = Invocation.of(ctx)
    where, address = here.profile(), _chosen(here.home, account)
    connection = where.connect()
    coin = ModelMarket(connection, where.market).coin()
    if not connection.code(where.market):
        raise InputError(f"There is no market at {where.market}.")
    mdc, fees = coin.balance(address), connection.fee_balance(address)
    here.output.result(
        {"address": address, "mdc_wei": str(mdc), "fee_wei": str(fees)},
        f"Account {address}",
        f"  {format_mdc(mdc)} MDC",
        f"  {format_mdc(fees)} of the chain's coin for fees",
    )


@app.command()
def send(
    ctx: typer.Context,
    receiver: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="The other account's.")
    ],
    amount: Annotated[str, typer.Argument(metavar="MDC", help="As a decimal.")],
    account: AccountName = None,
) -> None:
    """Send MDC to another account; nobody can take it back.

    What the agent's key earned by refuting comes to your wallet so.

    Example:

        modelmarket account send 0x52908400098527886E0F7030069857D2E4169EE7 1.25
    """
    from modelmarket.protocol.money import format_mdc, parse_mdc
    from modelmarket.protocol.types import read_address

    here = Invocation.of(ctx)
    # What is none is told before anybody is asked for a passphrase.
    wei, address = parse_mdc(amount), read_address(receiver)
    look = "modelmarket account show"
    with here.signing(account, look=look) as market:
        receipt = market.transfer(address, wei)
    balance = market.balance(market.wallet.address)
    here.output.result(
        {
            "address": market.wallet.address,
            "receiver": address,
            "sent_wei": str(wei),
            "mdc_wei": str(balance),
            "transaction": "0x" + receipt.transaction.hex(),
        },
        f"{format_mdc(wei)} MDC were sent to {address}.",
        f"{market.wallet.address} has {format_mdc(balance)} MDC now.",
    )


@app.command()
def reputation(
    ctx: typer.Context,
    address: Annotated[
        str | None,
        typer.Argument(
            metavar="[ADDRESS]", help="Anybody's; your own account's if left out."
        ),
    ] = None,
    account: AccountName = None,
) -> None:
    """Tell what an address has made of its requests and submissions.

    It is counted from the market's events alone: as requester what was paid, refunded,
    cancelled and forfeited, and what the address won itself; as trainer what won, what
    did not, and what failed, and why. Nobody's word is taken for it, and whoever begins
    a new address is new.

    Examples:

        modelmarket account reputation

        modelmarket account reputation 0x52908400098527886E0F7030069857D2E4169EE7

        modelmarket account reputation --account 0x1234 --json
    """
    from modelmarket.protocol.types import read_address

    here = Invocation.of(ctx)
    # A wrong one is told before anything is said of networks.
    whose = _chosen(here.home, account) if address is None else read_address(address)
    found = here.market(sign=False).reputation(whose)
    here.output.result(
        found.as_document(),
        f"Account {found.address}",
        *(f"  {line}" for line in found.lines()),
    )


def _chosen(home: Home, account: str | None) -> Address:
    """The account that is meant: the one that is named, the environment's, or the only
    one.

    Raises:
        NotFoundError: None fits, or several do.
    """
    from modelmarket.chain.wallets import Keystores, Wallet

    wallet = Wallet.from_environment()
    if wallet is not None and account is None:
        return wallet.address
    return Keystores(home.keystores).find(account)[0]
