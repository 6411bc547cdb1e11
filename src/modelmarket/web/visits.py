# SPDX-License-Identifier: Apache-2.0
"""A visit: what the browser asked for, and as whose page."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from starlette.requests import Request

from modelmarket.errors import InputError
from modelmarket.protocol.types import Address, read_address
from modelmarket.web.forms import Form
from modelmarket.web.views import local_path
from modelmarket.web.workspace import Glance, Workspace

ACCOUNT_COOKIE = "modelmarket-account"
HERE = "here:"
"""Stands before an account whose key is this computer's."""
SHOWN_FOR = "shown_for"
"""The field of a form that says whose page it was on; empty for nobody's."""
NOTES = "/notes"
"""What is shown around every page."""


@dataclass(frozen=True)
class Visitor:
    """Whose page it is.

    Attributes:
        account: Whose eyes the market is seen with; None before a choice.
        by_browser: Whether a wallet in the browser signs for it.
        is_locked: Whether it is this computer's and waits for its passphrase.
    """

    account: Address | None
    by_browser: bool = False
    is_locked: bool = False


class UnsignedError(InputError):
    """Nobody is there who could sign it."""

    is_unsigned = True
    """For templates: it stands where that is offered, and goes once somebody is."""


@dataclass(frozen=True)
class Visit:
    """What the browser asked for.

    Attributes:
        workspace: Of the user.
        request: Of the browser.
        version: Of what can be shown, as it was when the visit began.
        form: What was sent with it; empty for a page that is looked at.
        is_json: Whether the page's script sent it, and is answered in JSON.
    """

    workspace: Workspace
    request: Request
    version: int
    form: Form = field(default_factory=dict)
    is_json: bool = False

    @cached_property
    def who(self) -> Visitor:
        """Who looks, by the page's own cookie."""
        workspace = self.workspace
        own = HERE + workspace.market.wallet.address if workspace.is_demo else ""
        chosen = self.request.cookies.get(ACCOUNT_COOKIE, own)
        is_here = chosen.startswith(HERE)
        try:
            account = read_address(chosen.removeprefix(HERE))
        except InputError:
            return Visitor(None)
        if not is_here:
            return Visitor(account, by_browser=True)
        keyring = self.workspace.keyring
        if account not in keyring.addresses():
            return Visitor(None)
        return Visitor(account, is_locked=keyring.wallet(account) is None)

    @property
    def account(self) -> Address:
        """Whose page it is.

        Raises:
            InputError: Nobody's yet, or a form was shown for somebody else.
        """
        if self.who.account is None:
            raise UnsignedError(
                "No wallet is connected.",
                hint="Connect one at the top of the page, or use this computer's key.",
            )
        shown_for = self.form.get(SHOWN_FOR, self.who.account)
        if shown_for != self.who.account:
            raise InputError(
                f"This page was shown for {shown_for or 'nobody'}; it is for "
                f"{self.who.account} now.",
                hint="Another tab has changed that: look again before you go on.",
            )
        return self.who.account

    @property
    def place(self) -> str:
        """The page that is looked at, with what its address asks for.

        Of what a script asks for to renew a page, it is that page.
        """
        url = urlsplit(str(self.request.url))
        if url.path == NOTES:
            url = urlsplit(self.request.headers.get("referer", ""))
        return local_path(f"{url.path}?{url.query}" if url.query else url.path)

    @cached_property
    def glance(self) -> Glance:
        """What every page shows of the chain; asked once for each visit."""
        return self.workspace.glance(self.who.account)
