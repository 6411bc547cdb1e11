# SPDX-License-Identifier: Apache-2.0
"""Tables that were published before, known again by their rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypedDict

from modelmarket.datasets.lint.findings import (
    MOST_ROWS_NAMED,
    Check,
    Finding,
    Severity,
)
from modelmarket.errors import (
    ConfirmationError,
    DataError,
    KnownRowsError,
    ModelMarketError,
    StepError,
)
from modelmarket.protocol.contests import ContestRecord
from modelmarket.protocol.phases import Phase
from modelmarket.system.text import agreeing, counted

if TYPE_CHECKING:
    from pathlib import Path

    from modelmarket.chain.networks import Network
    from modelmarket.datasets.fingerprints import Fingerprints
    from modelmarket.datasets.sources import Source
    from modelmarket.datasets.split import Split
    from modelmarket.market.market import Market
    from modelmarket.protocol.replaying import Record
    from modelmarket.protocol.types import Seal
    from modelmarket.system.home import Home
    from modelmarket.vault.vault import Published

MOST_TOLD = 3
PARTS = ("train", "test")
_SAME = "This table was published before."
_SOME = "Rows of this table were published before."
_OTHER = "Rows of this table were published before, with another column as the label."
MOSTLY = 0.5
"""The share of its rows from which on it is the table that was published before."""


@dataclass(frozen=True)
class Earlier:
    """A request whose table is known by its rows.

    Attributes:
        name: How to call it.
        seal: Of its truth, or the hash of its key.
        rows: What its table is known by.
        takes_submissions: Whether somebody may still submit to it.
        shows_truth: Whether its test labels are public, or will be.
        hides_rows: Whether nobody may read its test rows yet.
        shows_rows: Whether anybody can read its test rows, without their labels.
    """

    name: str
    seal: Seal
    rows: Fingerprints
    takes_submissions: bool
    shows_truth: bool
    hides_rows: bool = False
    shows_rows: bool = True


def earlier_tables(market: Market, now: int) -> list[Earlier]:
    """The tables of this vault's requests, on this market and on others.

    What was prepared for this market and never created is none of them.

    Args:
        market: With vault and index.
        now: Chain time, in seconds; the index has been read up to it.
    """
    return [
        found
        for one in market.vault.published()
        for found in _earlier(market, one, now)
    ]


def _earlier(market: Market, one: Published, now: int) -> Iterator[Earlier]:
    from modelmarket.datasets.fingerprints import Fingerprints

    rows = Fingerprints.from_bytes(one.rows)
    here: Network = market.network
    is_here = one.market in here.contracts.addresses
    if one.chain_id != here.chain_id or not is_here:
        from modelmarket.chain.devnode.ledger import CHAIN_ID

        # A rehearsal on a chain of one's own tells nobody anything.
        if one.chain_id == CHAIN_ID != here.chain_id:
            return
        name = f"a request on the market {one.market}"
        yield Earlier(name, one.seal, rows, takes_submissions=True, shows_truth=True)
        return
    for number, _ in market.index.requests_of_seal(one.seal):
        record = market.index.request(number)
        yield Earlier(
            f"request {number}",
            one.seal,
            rows,
            takes_submissions=record.at(now).phase is Phase.OPEN,
            shows_truth=_shows_truth(record),
            hides_rows=isinstance(record, ContestRecord) and _hides_rows(record, now),
            shows_rows=not isinstance(record, ContestRecord) or bool(record.key),
        )


def _hides_rows(record: ContestRecord, now: int) -> bool:
    """Whether a contest's test rows must not be seen yet."""
    return not record.key and record.at(now).phase is Phase.OPEN


def _shows_truth(record: Record) -> bool:
    """Whether its test labels are public, or will be."""
    if isinstance(record, ContestRecord):
        return bool(record.key) or not record.stage.is_final
    return bool(record.truth) or not record.stage.is_final


@dataclass(frozen=True)
class Before:
    """What is known of the tables that a vault's requests were made from.

    Attributes:
        earlier: Those tables.
        unknown: Why it cannot be said which they are; empty if it can.
    """

    earlier: tuple[Earlier, ...] = ()
    unknown: str = ""

    @property
    def known_by(self) -> list[tuple[str, ...]]:
        """The sets of columns that their rows are known by."""
        return [names for one in self.earlier for names in one.rows.columns]

    @classmethod
    def of_home(cls, home: Home, network: str, passphrase: str | None) -> Before:
        """Those of a home's vault, as its index last saw the chain; no node is asked.

        Args:
            home: The user's folder.
            network: Where requests are made.
            passphrase: Of the vault; None if nobody has said it.
        """
        from modelmarket.chain.networks import Networks
        from modelmarket.market.market import Market
        from modelmarket.vault.vault import Vault, published_in

        if not published_in(home.vault):
            return cls()
        if passphrase is None:
            return cls(unknown="The vault is locked.")
        try:
            profile = Networks(home.networks).get(network)
            vault = Vault(home.vault, passphrase)
            with Market(home, profile, vault=vault) as market:
                return cls(tuple(earlier_tables(market, int(time.time()))))
        except ModelMarketError as error:
            return cls(unknown=error.message)

    @property
    def locked(self) -> list[Finding]:
        """What is to be said where nothing could be looked up; else none."""
        if not self.unknown:
            return []
        return [
            Finding(
                Check.PUBLISHED,
                Severity.NOTE,
                f"Whether its rows were published before is not known. {self.unknown}",
                "To have them looked up, set MODELMARKET_PASSPHRASE, or name a file in "
                "MODELMARKET_PASSPHRASE_FILE; `request create` looks in any case.",
                is_private=True,
            )
        ]

    def look_at(self, source: Source, folder: Path, parts: Split) -> list[Finding]:
        """What is to be said of a table that is split, and lies in a folder."""
        from modelmarket.datasets.fingerprints import fingerprints
        from modelmarket.datasets.published import TEST, TRAIN

        if not self.earlier:
            return self.locked
        known = fingerprints(
            folder / TRAIN,
            folder / TEST,
            self.known_by,
            label=source.label or "",
            truth=parts.test_labels,
        )
        return list(look_up(known, self.earlier))


def refuse_leaks(
    rows: Fingerprints, earlier: Sequence[Earlier], *, hides_rows: bool = False
) -> None:
    """Makes sure that no row is tested here or there whose label is shown.

    Args:
        rows: What the table is known by.
        earlier: Tables of before.
        hides_rows: Whether nobody may read this table's test rows.

    Raises:
        ConfirmationError: Some are; says how many, and of which requests.
    """
    said = leaks(rows, earlier, hides_rows=hides_rows)
    if said:
        raise ConfirmationError(
            said,
            option="again",
            hint="Leave those rows out; or say --again to do it all the same.",
        )


def leaks(
    rows: Fingerprints, earlier: Sequence[Earlier], *, hides_rows: bool = False
) -> str:
    """What labels of test rows are shown, here or in requests of before; empty for
    none. See `refuse_leaks`.
    """
    found: list[str] = []
    said = _OTHER
    for one in earlier:
        if _is_other(rows, one):
            found += _other_leaks(rows, one, hides_rows=hides_rows)
        elif some := list(_leaks(rows, one)):
            found += some
            if _again(rows, one) >= MOSTLY * _rows(rows):
                said = _SAME
            elif said == _OTHER:
                said = _SOME
    if not found:
        return ""
    rest = len(found) - MOST_TOLD
    more = f"There {agreeing(rest, 'is', 'are')} {counted(rest, 'more such overlap')}."
    return " ".join(
        [
            said,
            *found[:MOST_TOLD],
            *([more] if rest > 0 else []),
        ]
    )


def look_up(
    rows: Fingerprints, earlier: Sequence[Earlier], *, hides_rows: bool = False
) -> Iterator[Finding]:
    """What a look at a table says of those that were published before.

    Args:
        rows: What the table is known by.
        earlier: Tables of before.
        hides_rows: Whether nobody may read this table's test rows.
    """
    known = {one.name: shown for one in earlier if (shown := _again(rows, one))}
    if not known:
        return
    barred = (_known(rows, earlier) if hides_rows else None) or _hidden(rows, earlier)
    if barred is not None:
        said, hint = barred.error.message, barred.error.hint
        found = _finding(Severity.CONFIRM, said, hint, known)
        yield replace(found, **_named(rows, barred))
        return
    if said := leaks(rows, earlier, hides_rows=hides_rows):
        hint = "Leave those rows out, or take them with --again."
        yield _finding(Severity.CONFIRM, said, hint, known)
        return
    every = _rows(rows)
    for one in earlier:
        if one.name in known:
            yield _finding(
                Severity.NOTE,
                f"{known[one.name]:,} of {counted(every, 'row')} "
                f"{agreeing(known[one.name], 'stands', 'stand')} in {one.name}, too"
                + (
                    f", where {one.rows.label!r} was the label"
                    if one.rows.label and _is_other(rows, one)
                    else ""
                )
                + ". No label of a test row is shown by that, here or there.",
                "",
                {one.name: known[one.name]},
            )


class _Named(TypedDict):
    """What a finding says of its rows."""

    rows: tuple[int, ...]
    has_more_rows: bool


@dataclass(frozen=True)
class _Barred:
    """Why rows of a table cannot be published.

    Attributes:
        error: Says so.
        one: The earlier table that they stand in.
        parts: In which of its parts.
    """

    error: KnownRowsError
    one: Earlier
    parts: tuple[str, ...]


def _named(rows: Fingerprints, barred: _Barred) -> _Named:
    """The first training rows that cannot be published; test rows have no numbers that
    people know.
    """
    among = rows.which("train", barred.one.rows, *barred.parts)
    every = int(among.sum()) + rows.shared("test", barred.one.rows, *barred.parts)
    ids = (among.nonzero()[0] + 1)[:MOST_ROWS_NAMED].tolist()
    return {"rows": tuple(ids), "has_more_rows": every > len(ids)}


def _finding(
    severity: Severity, text: str, hint: str, known: dict[str, int]
) -> Finding:
    return Finding(
        Check.PUBLISHED,
        severity,
        text,
        hint,
        count=max(known.values()),
        is_private=True,
    )


def refuse_hidden(rows: Fingerprints, earlier: Sequence[Earlier]) -> None:
    """Makes sure that no row is published which a contest still hides.

    Raises:
        KnownRowsError: Some would be; there is no way round.
    """
    if barred := _hidden(rows, earlier):
        raise barred.error


def _hidden(rows: Fingerprints, earlier: Sequence[Earlier]) -> _Barred | None:
    """The rows that a contest still hides; None if there are none."""
    for one in earlier:
        if not one.hides_rows:
            continue
        shown = sum(rows.shared(part, one.rows, "test") for part in PARTS)
        if shown:
            error = KnownRowsError(
                f"{counted(shown, 'row')} of this table "
                f"{agreeing(shown, 'is', 'are')} hidden in {one.name}, and would be "
                "read by everybody.",
                hint=f"Wait for its deadline, or leave "
                f"{agreeing(shown, 'that row', 'those rows')} out: no confirmation "
                "changes that.",
                is_all=_again(rows, one) == _rows(rows),
            )
            return _Barred(error, one, ("test",))
    return None


def refuse_overtaken(market: Market, seal: Seal, *, hides_rows: bool) -> None:
    """Makes sure of what was made sure of when a table was sealed, of what has been
    created since, too.

    Args:
        market: With vault and index.
        seal: Of the table's truth, or the hash of its key.
        hides_rows: Whether nobody may read its test rows.

    Raises:
        StepError: Rows of it are, or may be, known by now, or hidden; it is to be
            sealed anew.
    """
    vault = market.vault
    others = set(vault.published_seals()) - {seal}
    own = vault.published_as(seal) if others else None
    if own is None or not others - own.beside:
        return
    from modelmarket.datasets.fingerprints import Fingerprints

    now, rows = market.moment().now, Fingerprints.from_bytes(own.rows)
    since = [
        found
        for name in sorted(others - own.beside)
        if (table := vault.published_as(name)) is not None
        for found in _earlier(market, table, now)
    ]
    try:
        for one in since:
            if _is_beyond(rows, one.rows):
                raise DataError(f"Its table may have the rows of {one.name}.")
        if hides_rows:
            refuse_known(rows, since)
        refuse_hidden(rows, since)
        refuse_leaks(rows, since, hides_rows=hides_rows)
    except (DataError, ConfirmationError) as error:
        raise StepError(
            f"Since this was sealed, another request was created. {error.message}",
            hint="Change the terms: all that is known by now is looked at again.",
        ) from error


def _is_beyond(rows: Fingerprints, others: Fingerprints) -> bool:
    """Whether one table may have the other's rows, and more columns: what they were
    sealed with does not tell.
    """
    mine, its = rows.names | {rows.label}, others.names | {others.label}
    alike = set(rows.columns) & set(others.columns)
    return not alike and (mine >= others.names or its >= rows.names)


def refuse_known(rows: Fingerprints, earlier: Sequence[Earlier]) -> None:
    """Makes sure that no row is hidden here that anybody could know.

    Raises:
        KnownRowsError: Some are in another request of this vault; there is no way
            round.
    """
    if barred := _known(rows, earlier):
        raise barred.error


def _known(rows: Fingerprints, earlier: Sequence[Earlier]) -> _Barred | None:
    """The rows that anybody could know; None if there are none."""
    for one in earlier:
        known = PARTS if one.shows_truth or one.shows_rows else ("train",)
        seen = rows.shared("test", one.rows, *known)
        if seen:
            what = agreeing(seen, "it or its label", "them or their labels")
            error = KnownRowsError(
                f"{seen:,} of the {counted(rows.rows('test'), 'hidden row')} "
                f"{agreeing(seen, 'stands', 'stand')} in {one.name}, where others can "
                f"read {what}, now or later.",
                hint=_leave_out(rows, one, "hidden rows can be used once"),
                is_all=_again(rows, one) == _rows(rows),
            )
            # Of both of its parts, as another split hides others.
            return _Barred(error, one, PARTS)
    return None


def _leave_out(rows: Fingerprints, one: Earlier, why: str) -> str:
    """What to do about rows of this table that no yes helps: of both of its parts, as
    another split hides others of them.
    """
    every = _again(rows, one)
    if every == _rows(rows):
        return (
            f"All rows of this table stand there, so choose another table: {why}, and "
            "no confirmation changes that."
        )
    return (
        f"Leave out of the table {agreeing(every, 'the', 'all')} "
        f"{counted(every, 'row')} that {agreeing(every, 'stands', 'stand')} there, and "
        f"choose it again: {why}, and no confirmation changes that."
    )


def _again(rows: Fingerprints, one: Earlier) -> int:
    """How many rows of a table, of both parts, stand in an earlier one."""
    return sum(rows.shared(part, one.rows, *PARTS) for part in PARTS)


def _rows(rows: Fingerprints) -> int:
    """How many rows a table has in both parts."""
    return sum(map(rows.rows, PARTS))


def _is_other(rows: Fingerprints, one: Earlier) -> bool:
    """Whether another column is the label of an earlier table, as far as is known."""
    mine, its = rows.label, one.rows.label
    if mine in one.rows.names or its in rows.names:
        return True
    return bool(mine and its) and mine != its


def _leaks(rows: Fingerprints, one: Earlier) -> Iterator[str]:
    """The labels that are shown where both tables have the same."""
    if one.takes_submissions and (shown := one.rows.shared("test", rows, "train")):
        whose = agreeing(shown, "its label", "their labels")
        yield (
            f"{_count(shown, one.rows, f' of {one.name}')} would stand with {whose} in "
            "this training part, while it takes submissions."
        )
    if shown := rows.shared("test", one.rows, "train"):
        whose = agreeing(shown, "stands with its label", "stand with their labels")
        yield f"{_count(shown, rows)} {whose} in the training part of {one.name}."
    if one.shows_truth and (shown := rows.shared("test", one.rows, "test")):
        which = agreeing(shown, "is a test row", "are test rows")
        whose = agreeing(shown, "whose label", "whose labels")
        yield (
            f"{_count(shown, rows)} {which} of {one.name} too, {whose} everybody sees "
            "once its truth is open."
        )


def _other_leaks(
    rows: Fingerprints, one: Earlier, *, hides_rows: bool
) -> Iterator[str]:
    """The labels that are shown where the one table has the other's as a column."""
    its, mine = one.rows.label, rows.label
    if its in rows.names and one.takes_submissions:
        parts = PARTS[:1] if hides_rows else PARTS
        if shown := one.rows.shared("test", rows, *parts):
            yield (
                f"{_count(shown, one.rows, f' of {one.name}')} would stand here with "
                f"column {its!r}, which is the label there, while it takes submissions."
            )
    if mine in one.rows.names:
        parts = PARTS if one.shows_rows else PARTS[:1]
        if shown := rows.shared("test", one.rows, *parts):
            yield (
                f"{_count(shown, rows)} {agreeing(shown, 'stands', 'stand')} in "
                f"{one.name} with column {mine!r}, which is the label now: everybody "
                "reads it there."
            )


def _count(shown: int, rows: Fingerprints, whose: str = "") -> str:
    """So many of a table's test rows."""
    return f"{shown:,} of the {counted(rows.rows('test'), 'test row')}{whose}"
