# SPDX-License-Identifier: Apache-2.0
"""Rows that were published before are known again, whatever was the label then."""

from __future__ import annotations

import re
import time
from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest

from modelmarket.chain.networks import Networks
from modelmarket.datasets.fingerprints import Fingerprints, Seen
from modelmarket.datasets.lint.findings import Check, Finding, Severity
from modelmarket.datasets.published import publish
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import DataError
from modelmarket.market import Market
from modelmarket.market.recognising import Before, Earlier, leaks, look_up
from modelmarket.market.request import Request
from modelmarket.market.verified.trying import look_at
from modelmarket.protocol.types import Seal
from modelmarket.web.workspace import Workspace
from support.market import PASSPHRASE, REWARD, Place, refused
from support.visits import visiting, words

PEOPLE = pl.DataFrame(
    {
        "height": [150 + n % 37 + n / 1_000 for n in range(100)],
        "age": [("young", "old")[n % 2] for n in range(100)],
        "income": [("low", "middle", "high")[n % 3] for n in range(100)],
        "town": [f"town {n % 7}" for n in range(100)],
    }
)


def people(here: Place, label: str, *without: str) -> Source:
    path = here.folder / f"people-{label}-{len(without)}.csv"
    PEOPLE.drop(without).write_csv(path)
    return Source(open_table(path, header=True, delimiter=","), label=label)


def create(market: Market, source: Source, *, again: bool = False) -> Request:
    return market.create_request(
        source, reward=REWARD, again=again, accept_findings=True
    )


def test_the_label_now_was_a_column_then_and_the_other_way_round(here: Place) -> None:
    """All of whose rows are published, so that every label is known."""
    rita = here.markets["rita"]
    create(rita, people(here, "age"))
    again = people(here, "income")
    said = refused(rita, "again", lambda: create(rita, again))
    assert said == (
        "Rows of this table were published before, with another column as the label. 20 "
        "of the 20 test rows of request 1 would stand here with column 'age', which is "
        "the label there, while it takes submissions. 20 of the 20 test rows stand in "
        "request 1 with column 'income', which is the label now: everybody reads it "
        "there. Leave those rows out; or say again=True to do it all the same."
    )
    assert create(rita, again, again=True).id == 2


def test_the_label_now_was_a_column_then(here: Place) -> None:
    rita = here.markets["rita"]
    create(rita, people(here, "age"))
    said = refused(rita, "again", lambda: create(rita, people(here, "income", "age")))
    assert said == (
        "Rows of this table were published before, with another column as the label. 20 "
        "of the 20 test rows stand in request 1 with column 'income', which is the label "
        "now: everybody reads it there. Leave those rows out; or say again=True to do "
        "it all the same."
    )


def test_the_label_then_is_a_column_now_which_matters_while_it_takes_submissions(
    here: Place,
) -> None:
    rita = here.markets["rita"]
    request = create(rita, people(here, "age", "income"))
    later = people(here, "income")
    said = refused(rita, "again", lambda: create(rita, later))
    assert said == (
        "Rows of this table were published before, with another column as the label. 20 "
        "of the 20 test rows of request 1 would stand here with column 'age', which is "
        "the label there, while it takes submissions. Leave those rows out; or say "
        "again=True to do it all the same."
    )
    here.move_to(request.record.deadline + 1)
    assert create(rita, later).id == 2


def test_rows_that_give_no_label_away_are_not_asked_about(here: Place) -> None:
    rita = here.markets["rita"]
    create(rita, people(here, "age", "income"))
    create(rita, people(here, "income", "age"))


def small_numbers(seed: int, rows: int = 200) -> pl.DataFrame:
    numbers = np.random.default_rng(seed).integers(0, 6, (rows, 4))
    table = pl.DataFrame(numbers, schema=["a", "b", "c", "d"])
    return table.with_columns(kind=pl.sum_horizontal(pl.all()) % 2)


def test_rows_that_are_the_same_by_chance_keep_nobody_from_hiding_them(
    here: Place,
) -> None:
    rita = here.markets["rita"]
    for seed in range(3):
        said: dict[str, Any] = {"label": "kind", "accept_findings": True}
        contest = rita.create_contest(small_numbers(seed), reward=REWARD, **said)
        assert contest.id.number == seed + 1


def test_a_hidden_row_fewer_is_as_hidden_as_all_of_them(here: Place) -> None:
    """Of all rows that there can be none is published, however few values they have."""
    rita = here.markets["rita"]
    grid = [(*cells, sum(cells) % 2) for cells in product(range(5), repeat=4)]
    table = pl.DataFrame(grid, schema=["a", "b", "c", "d", "kind"], orient="row")
    said: dict[str, Any] = {"label": "kind", "accept_findings": True, "again": True}
    rita.create_contest(table, reward=REWARD, **said)
    for some in (table[1:], table[::3]):
        with pytest.raises(DataError, match="hidden in request v1"):
            rita.create_request(some, reward=REWARD, **said)


def test_numbers_in_bins_are_known_by_what_stands_there(here: Place) -> None:
    rita = here.markets["rita"]
    create(rita, people(here, "age"))
    numbers = people(here, "height")
    said = refused(
        rita,
        "again",
        lambda: rita.create_request(
            numbers, reward=REWARD, bins=4, accept_findings=True
        ),
    )
    assert "20 of the 20 test rows stand in request 1 with column 'height'" in said


def test_hidden_rows_are_none_if_their_label_was_a_column(here: Place) -> None:
    rita = here.markets["rita"]
    create(rita, people(here, "age"))
    with pytest.raises(DataError) as told:
        rita.create_contest(people(here, "income"), reward=REWARD, again=True)
    assert told.value.message == (
        "20 of the 20 hidden rows stand in request 1, where others can read them or "
        "their labels, now or later."
    )


# --- as a look at the table says it ---


def before(market: Market) -> Before:
    market.look()
    return Before.of_home(market.home, market.network.name, PASSPHRASE)


def looked_at(here: Place, source: Source, found: Before) -> list[Finding]:
    folder = here.folder / f"look-{time.monotonic_ns()}"
    folder.mkdir()
    return found.look_at(source, folder, publish(source, folder).split)


@pytest.fixture
def rita(here: Place) -> Market:
    market = here.markets["rita"]
    Networks(market.home.networks).put(here.network)
    return market


def test_a_look_says_what_creating_would_ask(here: Place, rita: Market) -> None:
    create(rita, people(here, "age"))
    [one] = looked_at(here, people(here, "income"), before(rita))
    assert (one.check, one.severity, one.count) == (
        Check.PUBLISHED,
        Severity.CONFIRM,
        100,
    )
    assert one.is_private
    assert str(one) == (
        "Rows of this table were published before, with another column as the label. 20 "
        "of the 20 test rows of request 1 would stand here with column 'age', which is "
        "the label there, while it takes submissions. 20 of the 20 test rows stand in "
        "request 1 with column 'income', which is the label now: everybody reads it "
        "there. Leave those rows out, or take them with again=True."
    )


def test_a_look_notes_rows_that_give_nothing_away(here: Place, rita: Market) -> None:
    create(rita, people(here, "age", "income"))
    [one] = looked_at(here, people(here, "income", "age"), before(rita))
    assert (one.check, one.severity) == (Check.PUBLISHED, Severity.NOTE)
    assert str(one) == (
        "100 of 100 rows stand in request 1, too, where 'age' was the label. No label "
        "of a test row is shown by that, here or there."
    )


def test_a_look_at_a_contest_says_that_its_rows_are_no_secret(
    here: Place, rita: Market
) -> None:
    create(rita, people(here, "age"))
    folder = here.folder / "contest"
    folder.mkdir()
    report = look_at(people(here, "income"), folder, before(rita)).report
    [one] = [one for one in report.findings if one.check is Check.PUBLISHED]
    assert one.severity is Severity.CONFIRM
    assert one.text.startswith("20 of the 20 hidden rows stand in request 1")
    # What is to be left out are rows of both parts: another split hides others of them.
    assert one.hint == (
        "All rows of this table stand there, so choose another table: hidden rows can "
        "be used once, and no confirmation changes that."
    )
    assert one.rows == tuple(range(1, 11))
    assert one.has_more_rows
    assert report.findings[0].severity is Severity.CONFIRM
    assert one not in report.public().findings


def test_rows_that_are_still_hidden_are_named_as_the_table_has_them(
    here: Place, rita: Market
) -> None:
    """Those alone, though all of the table's rows stand there."""
    source = people(here, "age")
    name, data = source.data.path.name, source.data.path.read_bytes()
    made = rita.create_contest(source, reward=REWARD, accept_findings=True)
    pieces = rita.file(made.record.dataset, "train.csv").pieces
    public = {*pl.read_csv(b"".join(pieces))["height"]}
    terms = {"label": "age", "fraction": "20%", "minutes": "60", "response": "15"}
    with visiting(Workspace(rita)) as tab:
        sent = {"files": {"data": (name, data)}, "data": {"kind": "predictions"}}
        where = tab.post("/requests/new", **sent).headers["location"]
        told = words(tab.post(where, **terms, look="yes").text)
    assert f"20 rows of this table are hidden in request {made.id}" in told
    [said] = re.findall(r"no confirmation changes that\. Rows ([\d, ]+)", told)
    rows = [int(one) for one in re.findall(r"\d+", said)]
    assert len(rows) == 10
    assert not {PEOPLE["height"][row - 1] for row in rows} & public


def test_other_rows_and_an_empty_vault_are_nothing_to_tell_of(
    here: Place, rita: Market
) -> None:
    assert before(rita) == Before()
    create(rita, people(here, "age"))
    assert looked_at(here, here.data(), before(rita)) == []


def test_what_is_locked_is_said_to_be(here: Place, rita: Market) -> None:
    home, network = rita.home, rita.network.name
    assert Before.of_home(home, network, None) == Before()
    create(rita, people(here, "age"))
    for passphrase, why in (
        (None, "The vault is locked."),
        ("another one", "The passphrase is wrong, or the vault is damaged."),
    ):
        found = Before.of_home(home, network, passphrase)
        [one] = looked_at(here, people(here, "income"), found)
        assert (one.severity, one.is_private) == (Severity.NOTE, True)
        assert str(one) == (
            f"Whether its rows were published before is not known. {why} To have them "
            "looked up, set MODELMARKET_PASSPHRASE, or name a file in "
            "MODELMARKET_PASSPHRASE_FILE; `request create` looks in any case."
        )


# --- words ---


def known(label: str, train: list[int], test: list[int], *names: str) -> Fingerprints:
    words = [pl.Series(part, dtype=pl.UInt64).to_numpy() for part in (train, test)]
    return Fingerprints((Seen(names, words[0], words[1]),), own=1, label=label)


def test_one_row_is_spoken_of_as_one() -> None:
    old = known("kind", [1, 2, 3], [4], "a")
    earlier = [Earlier("request 1", Seal(bytes(32)), old, True, True)]
    assert leaks(known("kind", [4], [1, 9], "a"), earlier) == (
        "This table was published before. 1 of the 1 test row of request 1 would stand "
        "with its label in this training part, while it takes submissions. 1 of the 2 "
        "test rows stands with its label in the training part of request 1."
    )
    assert leaks(known("kind", [7], [4, 9], "a"), earlier) == (
        "Rows of this table were published before. 1 of the 2 test rows is a test row of "
        "request 1 too, whose label everybody sees once its truth is open."
    )
    [one] = look_up(known("kind", [1], [8, 9], "a"), earlier)
    assert str(one) == (
        "1 of 3 rows stands in request 1, too. No label of a test row is shown by that, "
        "here or there."
    )


def test_what_was_kept_before_labels_had_names_is_read() -> None:
    kept = known("kind", [1, 2], [3], "a").to_bytes()
    head, _, body = kept.partition(b"\n")
    assert head == b'{"label": "kind", "seen": [[["a"], 2, 1, 0.0]]}'
    old = Fingerprints.from_bytes(b'[[["a"], 2, 1]]\n' + body)
    assert (old.label, old.columns, old.rows("train")) == ("", [("a",)], 2)
    assert Fingerprints.from_bytes(kept).label == "kind"
