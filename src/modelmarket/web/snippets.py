# SPDX-License-Identifier: Apache-2.0
"""The lines of Python that enter a contest, as they are run."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.chain.networks import LOCAL
from modelmarket.chain.wallets import Keystores
from modelmarket.errors import InputError
from modelmarket.market import VerifiedRequest
from modelmarket.system.home import VARIABLE, Home
from modelmarket.web import stored

if TYPE_CHECKING:
    from modelmarket.datasets.published import Manifest
    from modelmarket.market import Market, Request
    from modelmarket.protocol.types import Address, RequestId

UNOPENED = ("image", "audio")
"""Files that no model of a table reads by itself."""


@dataclass(frozen=True)
class Snippet:
    """A program that enters a contest.

    Attributes:
        lines: Of it.
        saves: What takes the place of the last line where a file is wanted for the
            page's own form; empty for nothing.
    """

    lines: tuple[str, ...]
    saves: str = ""

    @property
    def text(self) -> str:
        """The program."""
        return "\n".join(self.lines)


def entering(
    found: Request | VerifiedRequest,
    manifest: Manifest | None,
    files: str,
    *,
    account: Address | None,
) -> Snippet:
    """What enters a contest, as whoever looks at its page can run it.

    Args:
        found: The contest.
        manifest: What a contest of predictions says of its data; None if it is not
            here, or another contest.
        files: Of which kind the files are that its rows name; empty for none.
        account: Whose page it is; None for whoever only looks on, who is told nothing
            of this computer.
    """
    where = _where(found.market, account)
    if isinstance(found, VerifiedRequest):
        kind = "Regressor" if found.terms.points.is_regression else "Classifier"
        return Snippet(
            _program(
                found.id,
                where,
                [f"from sklearn.ensemble import RandomForest{kind}"],
                f"model = RandomForest{kind}(60).fit(*request.training_data())",
                "request.submit(model)",
            ),
            'request.convert(model).save("model.exact")',
        )
    if files in UNOPENED:
        return Snippet(
            _program(
                found.id,
                where,
                [],
                "features, labels = request.training_data()",
                "paths = features[request.manifest().files.column]",
                "predictions = ...  # your model's, one for each row of "
                "request.test_data()",
                'request.submit("model.zip", predictions)',
            )
        )
    saves = (
        'with open("model.onnx", "wb") as file: file.write(request.export(model).data)'
    )
    has_bins = manifest is not None and manifest.bins is not None
    if files:
        kind = "Ridge" if has_bins else "LogisticRegression"
        return Snippet(
            _program(
                found.id,
                where,
                [
                    "from sklearn.compose import make_column_transformer",
                    "from sklearn.feature_extraction.text import TfidfVectorizer",
                    f"from sklearn.linear_model import {kind}",
                    "from sklearn.pipeline import make_pipeline",
                ],
                "words = make_column_transformer("
                "(TfidfVectorizer(), request.manifest().files.column))",
                f"model = make_pipeline(words, {kind}()).fit(*request.training_data())",
                "request.submit(model)",
            ),
            saves,
        )
    kind = f"HistGradientBoosting{'Regressor' if has_bins else 'Classifier'}"
    if not stored.has_numbers_alone(found):
        return Snippet(_of_words(found.id, where, kind), saves)
    return Snippet(
        _program(
            found.id,
            where,
            [f"from sklearn.ensemble import {kind}"],
            f"model = {kind}().fit(*request.training_data())",
            "request.submit(model)",
        ),
        saves,
    )


def in_terminal(market: Market, account: Address | None, command: str) -> str:
    """A command for a terminal, with what leads to the market that the page is about.

    Args:
        market: It.
        account: Whose page it is; None to say nothing of this computer.
        command: What is typed after the program's name.
    """
    said = ["modelmarket", command]
    if account is not None and _is_elsewhere(market):
        said.append(f"--home {shlex.quote(str(market.home.path))}")
    if market.network.name != LOCAL:
        said.append(f"--network {market.network.name}")
    return " ".join(said)


def _is_elsewhere(market: Market) -> bool:
    """Whether somebody's folder is not the one that is looked for by itself."""
    return market.home != Home.default() or VARIABLE in os.environ


def _of_words(name: RequestId, where: str, kind: str) -> tuple[str, ...]:
    """Lines for a table with words: texts, dates, and gaps among them.

    Each word becomes its place among those of its column, and one that nobody has
    learnt becomes -1. A column of numbers that has words in the test part alone is
    left out, as nothing could be learnt of these.
    """
    return _program(
        name,
        where,
        [
            "from polars import selectors",
            "from sklearn.compose import make_column_transformer",
            f"from sklearn.ensemble import {kind}",
            "from sklearn.pipeline import make_pipeline",
            "from sklearn.preprocessing import OrdinalEncoder",
        ],
        "features, labels = request.training_data()",
        "words = features.select(selectors.string()).columns",
        "numbers = request.test_data().select(~selectors.string()).columns",
        'places = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)',
        'columns = make_column_transformer((places, words), ("passthrough", numbers))',
        f"model = make_pipeline(columns, {kind}())",
        "model.fit(features, labels)",
        "request.submit(model)",
    )


def _program(
    name: RequestId, where: str, imports: list[str], *lines: str
) -> tuple[str, ...]:
    """Lines that have the request, behind those that get it."""
    number = f'"{name}"' if name.is_verified else str(name)
    return (
        "from getpass import getpass",
        "",
        "from modelmarket import Market",
        *imports,
        "",
        f"market = Market.connect({where})",
        f"request = market.request({number})",
        *lines,
    )


def _where(market: Market, account: Address | None) -> str:
    """What leads to the market that the page is about, whatever is in the environment:
    its name; its folder, if it is not the usual one; and the key, if there are others.

    Args:
        market: It.
        account: Whose page it is; None to say nothing of this computer.
    """
    said = [repr(market.network.name)]
    if account is not None:
        home, keys = market.home, list[str]()
        if _is_elsewhere(market):
            said.append(f"home={str(home.path)!r}")
        with suppress(InputError):  # a file among them that is no key
            keys += Keystores(home.keystores).addresses()
        # A wallet in the browser is none of them: the page's own key enters then.
        key = account if account in keys else market.wallet.address
        if len(keys) > 1 and key in keys:
            said.append(f'account="{key}"')
    return ", ".join([*said, "passphrase=getpass()"])
