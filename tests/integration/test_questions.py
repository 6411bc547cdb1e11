# SPDX-License-Identifier: Apache-2.0
"""What is allowed but hardly meant wants a yes, and leaves nothing behind without one."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from modelmarket.audit import audit
from modelmarket.datasets.lint.findings import Check, Report
from modelmarket.datasets.published import REPORT
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import ConfirmationError, DataError, NotFoundError
from modelmarket.market import Market
from modelmarket.market.questions import (
    refuse_findings,
    refuse_high_error,
    refuse_high_square,
    refuse_low_threshold,
    refuse_short_windows,
)
from support.market import REWARD, Place, place, refused

KINDS = ("create_request", "create_contest")
SEEDS = count()


def table(here: Place, columns: str, row: Callable[[Random, int], str]) -> Source:
    """A hundred rows, no two tables of which are alike: hidden rows are used once."""
    chance, path = Random(next(SEEDS)), here.folder / "table.csv"
    path.write_text("\n".join([columns, *(row(chance, n) for n in range(100))]) + "\n")
    return Source(open_table(path, header=True), label="kind")


def even(here: Place) -> Source:
    """Half of the rows are of each class, and nothing is odd."""
    return table(
        here, "x,kind", lambda chance, n: f"{chance.random():.12f},{'ab'[n % 2]}"
    )


def sorted_by_class(here: Place) -> Source:
    """A data frame's index over rows sorted by class, and many of them again."""
    return table(
        here,
        "id,x,kind",
        lambda _, n: f"{n},{(n - n // 80 * 20) * 37 % 101},{'ab'[n // 50]}",
    )


def create(market: Market, kind: str, source: Source, **options: Any) -> Any:
    said: dict[str, Any] = {"reward": REWARD, "stratified": True, "again": True}
    return getattr(market, kind)(source, **(said | options))


# --- what is odd about the table ---


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_that_is_hardly_meant_is_asked_about_and_its_report_published(
    here: Place, kind: str
) -> None:
    rita, ann = here.markets["rita"], here.markets["ann"]
    source = sorted_by_class(here)
    said = refused(rita, "accept_findings", lambda: create(rita, kind, source))
    assert "Column 'id' counts the rows, and tells the label" in said
    made = create(rita, kind, source, accept_findings=True)
    report: Report = ann.any_request(made.id).report()
    asked = {one.check for one in report.questions}
    assert Check.INDEX in asked
    # Of hidden rows nobody is told that they can be looked up.
    assert (Check.DUPLICATES_ACROSS in asked) == (kind == "create_request")
    assert report == report.public()
    assert not any(one.is_broken for one in audit(ann, made.id))
    folder = made.contents.export(here.folder / "fetched")
    assert Report.from_json((folder / REPORT).read_bytes()) == report


@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_table_is_not_asked_about(here: Place, kind: str) -> None:
    report = create(here.markets["rita"], kind, even(here)).report()
    assert report.questions == ()
    assert report.majority == 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_that_the_manifest_does_not_name_is_none(
    here: Place, kind: str
) -> None:
    made = create(here.markets["rita"], kind, even(here))
    with pytest.raises(DataError, match=r"report\.json is not the file that the mani"):
        made.contents.report("00" * 32)
    with pytest.raises(NotFoundError, match=f"about the table of request {made.id}"):
        made.contents.report(None)


# --- what is to be reached ---


@pytest.mark.parametrize("kind", KINDS)
def test_a_threshold_that_needs_no_model_is_asked_about(here: Place, kind: str) -> None:
    rita, low = here.markets["rita"], Fraction(1, 2)
    said = refused(
        rita, "accept_threshold", lambda: create(rita, kind, even(here), threshold=low)
    )
    assert "The threshold of 50.0% is reached by whoever always says the same" in said
    create(rita, kind, even(here), threshold=low, accept_threshold=True)
    # Nothing was said, or more than nothing at all is asked.
    create(rita, kind, even(here))
    create(rita, kind, even(here), threshold=Fraction(11, 20))


def test_classes_that_count_alike_are_asked_about_by_what_they_count(
    here: Place,
) -> None:
    """Nine of ten rows are of one class, each of which counts a ninth: always answering
    either class earns about half of what there is.
    """
    rita = here.markets["rita"]

    def make(threshold: str, *, balanced: bool) -> object:
        source = table(
            here,
            "x,kind",
            lambda chance, n: f"{chance.random():.12f},{'a' if n % 10 else 'b'}",
        )
        options = {"balanced": balanced, "threshold": Fraction(threshold)}
        return create(rita, "create_contest", source, accept_findings=True, **options)

    refused(rita, "accept_threshold", lambda: make("0.5", balanced=True))
    make("0.52", balanced=True)
    refused(rita, "accept_threshold", lambda: make("0.9", balanced=False))
    make("0.91", balanced=False)


def test_an_error_that_the_median_reaches_is_asked_about(here: Place) -> None:
    """Half of the labels are 0 and half 10, so the median is off by 5 or so."""
    rita = here.markets["rita"]

    def make(most: str, error: str = "absolute", **more: bool) -> object:
        source = table(
            here, "x,kind", lambda chance, n: f"{chance.random():.12f},{10 * (n % 2)}"
        )
        options: dict[str, Any] = {"error": error, "stratified": False} | more
        options |= {"most_error": Fraction(most), "scale": Fraction(20)}
        return create(rita, "create_contest", source, accept_findings=True, **options)

    said = refused(rita, "accept_threshold", lambda: make("5"))
    assert "Whoever always says the median of the training rows is off by" in said
    make("5", accept_threshold=True)
    make("4")
    # By the root of the mean square it is 5 or a little less, and 4.9 at least.
    said = refused(rita, "accept_threshold", lambda: make("5", "squared"))
    assert "Whoever always says the mean of the training rows is off by" in said
    make("5", "squared", accept_threshold=True)
    make("4", "squared")


@pytest.mark.parametrize(
    ("threshold", "is_asked"), [("0", False), ("0.5", True), ("0.51", False)]
)
def test_a_threshold_has_two_sides(threshold: str, is_asked: bool) -> None:
    if is_asked:
        with pytest.raises(ConfirmationError):
            refuse_low_threshold(Fraction(threshold), Fraction("0.5"))
    else:
        refuse_low_threshold(Fraction(threshold), Fraction("0.5"))


def test_a_mean_error_has_two_sides() -> None:
    refuse_high_error(Fraction(4), Fraction(5))
    with pytest.raises(ConfirmationError):
        refuse_high_error(Fraction(5), Fraction(5))
    refuse_high_square(Fraction(4), Fraction(17))
    for constant in (Fraction(16), Fraction(15)):
        with pytest.raises(ConfirmationError, match=r"the largest of 4 lets pass"):
            refuse_high_square(Fraction(4), constant)


# --- how long it takes ---


def test_a_window_has_two_sides() -> None:
    refuse_short_windows({"submissions": 60}, 60)
    refuse_short_windows({"submissions": 60}, 0)
    with pytest.raises(ConfirmationError, match="window for submissions is 1 min long"):
        refuse_short_windows({"submissions": 60}, 61)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("interval", "is_asked"), [(14, False), (15, True)])
def test_a_window_shorter_than_finality_is_asked_about(
    tmp_path: Path, kind: str, interval: int, is_asked: bool
) -> None:
    """The node calls final what lies 64 blocks back, and a step takes 900 s."""
    with place("anvil", tmp_path) as here:
        rita = here.join("rita")
        rita.connection.ask("anvil_mine", hex(100), hex(interval))
        assert rita.finality_s() == 64 * interval
        assert rita.finality_s(beyond=64 * interval) == 64 * interval
        # Time that stood still, as on a chain that is asked for blocks, is no pace.
        rita.connection.ask("anvil_mine", hex(1), hex(10**5))
        assert rita.finality_s(beyond=900) == 64 * interval
        if is_asked:
            said = refused(
                rita, "accept_window", lambda: create(rita, kind, even(here))
            )
            assert "The window for each step after it is 15 min long" in said
            assert "about 16 min until nothing can be undone" in said
        create(rita, kind, even(here), accept_window=is_asked)


def test_a_chain_of_ones_own_is_final_at_once(here: Place) -> None:
    assert here.markets["rita"].finality_s() == 0


# --- all of it ---


def test_of_many_findings_the_first_are_named(here: Place) -> None:
    report = create(
        here.markets["rita"], "create_request", sorted_by_class(here),
        accept_findings=True,
    ).report()  # fmt: skip
    assert len(report.questions) == 2
    with pytest.raises(ConfirmationError) as told:
        refuse_findings(report)
    for one in report.questions:
        assert str(one) in told.value.message
    assert "more thing" not in told.value.message
