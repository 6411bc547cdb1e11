# SPDX-License-Identifier: Apache-2.0
"""The lines of Python that enter a contest, as they are run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmarket.chain.networks import LOCAL
from modelmarket.market import VerifiedRequest
from modelmarket.system.home import Home

if TYPE_CHECKING:
    from pathlib import Path

    from modelmarket.datasets.published import Manifest
    from modelmarket.market import Request
    from modelmarket.protocol.types import RequestId

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
    tells_home: bool,
) -> Snippet:
    """What enters a contest, as whoever looks at its page can run it.

    Args:
        found: The contest.
        manifest: What a contest of predictions says of its data; None if it is not
            here, or another contest.
        files: Of which kind the files are that its rows name; empty for none.
        tells_home: Whether it may be said where this market's folder is: not to whoever
            only looks on.
    """
    home = found.market.home.path
    where = _where(found.market.network.name, home if tells_home else None)
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
    saves = 'open("model.onnx", "wb").write(request.export(model).data)'
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


def _where(network: str, home: Path | None) -> str:
    """What leads to the market that the page is about; its folder, if it may be said
    and is not the usual one.
    """
    said = [] if network == LOCAL else [repr(network)]
    if home not in (None, Home.default().path):
        said.append(f"home={str(home)!r}")
    return ", ".join([*said, "passphrase=getpass()"])
