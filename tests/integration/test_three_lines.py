# SPDX-License-Identifier: Apache-2.0
"""Three lines for a requester: a data frame, the label, and a reward as text."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import polars as pl
import pytest

from modelmarket.errors import InputError
from modelmarket.market import Request, VerifiedRequest
from modelmarket.protocol.money import ONE_MDC
from support.market import Place

KINDS = ("create_request", "create_contest")
FRAMES = {"polars": pl.DataFrame, "pandas": pd.DataFrame}


def columns(seed: int = 1) -> dict[str, list[Any]]:
    chance = Random(seed)
    return {
        "x": [chance.random() for _ in range(100)],
        "kind": ["ab"[n % 2] for n in range(100)],
    }


@pytest.mark.parametrize("library", FRAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_request_is_made_of_a_frame_a_label_and_a_reward(
    here: Place, kind: str, library: str
) -> None:
    rita, frame = here.markets["rita"], FRAMES[library](columns())
    made: Request | VerifiedRequest = getattr(rita, kind)(
        frame, label="kind", reward="100"
    )
    assert made.record.terms.reward == 100 * ONE_MDC
    manifest = made.manifest()
    assert (manifest.features, manifest.train_rows) == (("x",), 80)
    assert list(rita.home.scratch().iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_amounts_and_shares_are_said_as_text(here: Place, kind: str) -> None:
    rita, table = here.markets["rita"], columns()
    labels = table.pop("kind")
    said = {"stake": Decimal("7.5"), "threshold": "90%", "fraction": "1/4"}
    made = getattr(rita, kind)(pl.DataFrame(table), labels=labels, reward="50", **said)
    terms = made.record.terms
    assert (terms.reward, terms.stake) == (50 * ONE_MDC, 75 * ONE_MDC // 10)
    assert made.record.rows == 25
    assert made.record.minimum == 23
    assert made.manifest().choice.fraction == Fraction(1, 4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"reward": 100.0}, "100.0 is no amount"),
        ({"reward": 100}, "100 wei are 0.0000000000000001 MDC"),
        ({"stake": 0.5}, "0.5 is no amount"),
        ({"threshold": 0.9}, "threshold is no float"),
        ({"fraction": 0.2}, "fraction is no float"),
        ({"threshold": "120%"}, "is not a fraction between 0 and 1"),
    ],
)
def test_what_is_not_exact_is_refused_and_nothing_is_left(
    here: Place, kind: str, options: dict[str, Any], said: str
) -> None:
    rita, frame = here.markets["rita"], pl.DataFrame(columns())
    with pytest.raises(InputError, match=said):
        getattr(rita, kind)(frame, label="kind", **({"reward": "100"} | options))
    assert rita.vault.truths_of(rita.wallet.address) == 0
    assert rita.store.roots() == []
    assert list(rita.home.scratch().iterdir()) == []


def test_a_path_is_as_good_as_a_frame(here: Place, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    pl.DataFrame(columns()).write_csv(path)
    made = here.markets["rita"].create_request(str(path), label="kind", reward="1")
    assert made.record.rows == 20
