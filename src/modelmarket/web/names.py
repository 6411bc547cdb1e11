# SPDX-License-Identifier: Apache-2.0
"""What an address is called on the pages: the market, the coin, you."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from modelmarket.web.views import short

if TYPE_CHECKING:
    from modelmarket.protocol.types import Address
    from modelmarket.web.workspace import Workspace

AGENT = "your agent's key"
YOU = "you"


def people(workspace: Workspace, account: Address | None) -> dict[Address, str]:
    """What whose page it is and their agent are called; no node is asked."""
    if account is None:
        # Whose computer it is is nobody's business who only looks on.
        return {}
    return {workspace.market.wallet.address: AGENT, account: YOU}


@dataclass(frozen=True)
class Names:
    """What addresses are called.

    Attributes:
        contracts: The market's, by address.
        people: Whose page it is, and their agent.
    """

    contracts: Mapping[Address, str]
    people: Mapping[Address, str]

    @classmethod
    def of(cls, workspace: Workspace, account: Address | None) -> Names:
        """As whoever looks at a page would call them.

        Args:
            workspace: Behind the page.
            account: Whose page it is; None for nobody's.
        """
        nothing: dict[Address, str] = {}
        contracts = workspace.known(workspace.market.contracts, nothing)
        return cls(contracts, people(workspace, account))

    def get(self, address: Address) -> str:
        """What it is called; empty where it has no name."""
        return self.people.get(address) or self.contracts.get(address, "")

    def whose(self, address: Address) -> str:
        """What stands behind what somebody made; empty unless it is the user's."""
        return {YOU: "yours", AGENT: "of your agent's key"}.get(self.get(address), "")

    def who(self, address: Address) -> str:
        """The word that goes on about it: a key is no person."""
        return "which" if self.get(address) == AGENT else "who"

    def said(self, address: Address, *, first: bool = False) -> Markup:
        """An address within a sentence.

        Args:
            address: Whose.
            first: Whether the sentence begins with it.
        """
        name = self.get(address) or short(address)
        if first and name != short(address):
            name = name[0].upper() + name[1:]
        link = Markup('<a href="/accounts/{}" title="{}">{}</a>')
        return link.format(address, address, name)

    def shown(self, address: Address) -> Markup:
        """An address by itself: whole, after what it is called."""
        name = self.get(address)
        link = Markup('<a href="/accounts/{}"><code class="long">{}</code></a>')
        shown = link.format(address, address)
        if not name:
            return shown
        return Markup("<strong>{}</strong> {}").format(
            name[0].upper() + name[1:], shown
        )
