# SPDX-License-Identifier: Apache-2.0
"""The lies that `make mutants` puts into the contracts fit the contracts."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = ROOT / "contracts"
OF_BOTH = {"caller", "event", "money", "operator", "pack", "reentrancy", "seal"} | {
    *("terms", "view"),
}
AREAS = {
    "contracts": OF_BOTH
    | {"coin", "index", "labels", "page", "permit", "phase", "rank", "window"},
    "verified": OF_BOTH
    | {"answer", "cancel", "claim", "contest", "demand", "key", "recount", "refute"}
    | {"rerun", "settle", "show", "timeout", "withdraw"},
}
"""What the lies of a market are about, by the folder of its tests."""
FAMILIES = {"contracts": "semantic", "verified": "verified-semantic"}
LEAST = {"contracts": 60, "verified": 250}
LEAST_TRIED = {"contracts": 60, "verified": 316}


@pytest.fixture(scope="module")
def scripts() -> Iterator[Any]:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(str(ROOT / "scripts"))


@pytest.fixture(scope="module")
def family(scripts: Any) -> Any:
    return scripts("patches")


@pytest.fixture(params=AREAS)
def market(scripts: Any, request: pytest.FixtureRequest) -> Any:
    """One of both that lies are told about."""
    markets = scripts("markets")
    both = {one.room: one for one in (markets.PREDICTION, markets.VERIFIED)}
    return both[request.param]


def test_every_source_is_that_of_one_market_and_no_lie_is_told_twice(
    scripts: Any,
) -> None:
    markets = scripts("markets")
    first, second = markets.PREDICTION.files, markets.VERIFIED.files
    assert not first & second
    assert first | second == {path.name for path in CONTRACTS.glob("*.vy")}
    for one in (markets.PREDICTION, markets.VERIFIED):
        tried = scripts("mutation").mutants(one)
        assert {mutant.file for mutant in tried} <= one.files


def test_a_lie_is_compiled_into_whatever_imports_what_it_changes(scripts: Any) -> None:
    verified = scripts("markets").VERIFIED
    assert verified.changed({"contests.vy"}) == {"VerifiedMarket"}
    assert verified.changed({"dense.vy"}) == {"Referee"}
    assert verified.changed({"merkle.vy"}) == {"VerifiedMarket", "Referee", "Clerk"}


def test_every_patch_applies_to_the_contracts_as_they_are(
    family: Any, market: Any
) -> None:
    assert family.not_applying(CONTRACTS, family.patches(market)) == []


def test_a_patch_that_no_longer_applies_is_named(
    family: Any, market: Any, tmp_path: Path
) -> None:
    shutil.copytree(CONTRACTS, tmp_path, dirs_exist_ok=True)
    first = family.patches(market)[0]
    first.put(tmp_path)
    (said,) = family.not_applying(tmp_path, [first])
    assert said.startswith(f"{first.path.name} no longer applies to contracts/")
    with pytest.raises(ValueError, match=first.path.name):
        first.put(tmp_path)


def test_there_are_many_patches_over_all_that_the_contracts_do(
    family: Any, market: Any
) -> None:
    names = [one.name for one in family.patches(market)]
    assert len(names) >= LEAST[market.room]
    found = [re.fullmatch(r"\d\d\d-([a-z]+)-[a-z0-9-]+", name) for name in names]
    assert all(found)
    areas = {one[1] for one in found if one}
    assert areas == AREAS[market.room]


def test_every_patch_says_in_a_sentence_of_its_own_what_it_breaks(
    family: Any, market: Any
) -> None:
    sentences = [one.sentence for one in family.patches(market)]
    for sentence in sentences:
        assert re.fullmatch(r"[A-Z`][^\n]{20,}\.", sentence), sentence
    assert len(set(sentences)) == len(sentences)


def test_every_patch_changes_some_lines_of_its_market(family: Any, market: Any) -> None:
    for one in family.patches(market):
        assert one.files, one.name
        assert one.files <= market.files
        assert "ModelCoin.vy" not in one.files or len(one.files) == 1


def test_a_verdict_holds_as_long_as_its_lie_and_the_sources_that_it_changes(
    scripts: Any, market: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants, trials = scripts("mutants"), scripts("trials")
    copy = tmp_path / "contracts"
    shutil.copytree(CONTRACTS, copy)
    for module in (scripts("compile"), trials):
        monkeypatch.setattr(module, "SOURCES", copy)
    monkeypatch.setattr(mutants, "RESULT", tmp_path / "verdicts.json")
    family = mutants.family(FAMILIES[market.room])
    mutants.keep(
        family,
        {
            one.name: trials.Verdict(one.name, 1, "killed", "", trials.changed_by(one))
            for one in family.lies
        },
    )
    assert set(mutants.kept(family)) == {one.name for one in family.lies}
    changed = {"contracts": "ranking.vy", "verified": "Clerk.vy"}[market.room]
    with (copy / changed).open("a") as source:
        source.write("# another\n")
    others = {one.name for one in family.lies if changed not in one.files}
    assert 0 < len(others) < len(family.lies)
    assert set(mutants.kept(family)) == others


def test_every_patch_that_was_tried_was_killed(family: Any, market: Any) -> None:
    document = json.loads((ROOT / "benchmarks" / "mutants.json").read_text())
    name = FAMILIES[market.room]
    fates = {one["name"]: one["fate"] for one in document[name]["verdicts"]}
    assert set(fates) <= {one.name for one in family.patches(market)}, (
        f"run: python scripts/mutants.py --family {name} --again"
    )
    assert set(fates.values()) <= {"killed"}
    assert len(fates) >= LEAST_TRIED[market.room]


@pytest.mark.parametrize("failing", ["", "tests/verified/test_events.py::test_x"])
def test_no_lie_is_tried_where_a_test_fails_without_one(
    scripts: Any, tmp_path: Path, failing: str
) -> None:
    """Else every lie would be taken for killed by that test."""
    asked = []

    class Trial:
        def control(self) -> str:
            (tmp_path / "asked").touch()
            return failing

    place = tmp_path / "control"
    for _ in range(2):
        asked.append(scripts("trials")._refuse_false_kills(Trial(), place))
        # What held once holds for the same baseline; what failed is tried again.
        assert place.exists() == (not failing)
        assert (tmp_path / "asked").exists() == bool(failing or len(asked) == 1)
        (tmp_path / "asked").unlink(missing_ok=True)
    said = f"This fails where nothing was lied about: {failing}" if failing else ""
    assert asked == [said, said]


@pytest.mark.parametrize("is_alone_enough", [True, False])
def test_a_test_that_fails_after_others_counts_if_it_fails_alone(
    scripts: Any, market: Any, is_alone_enough: bool
) -> None:
    """Else what other tests leave behind would be taken for a lie that was noticed."""
    trials = scripts("trials")
    lie = scripts("mutation").mutants(market)[0]
    killer = "test_x.py::test_x"

    class Trial:
        def __init__(self) -> None:
            self.market = market

        def attempt(self, tried: Any, first: Any, only: str) -> Any:
            assert only in ("", f"tests/{market.room}/{killer}")
            is_killed = not only or is_alone_enough
            fate = "killed" if is_killed else "survived"
            by = killer if is_killed else ""
            verdict = trials.Verdict(tried.name, tried.line, fate, by, "")
            return verdict, bool(only)

    found = list(trials._judge_all(Trial(), [lie], 1))
    if is_alone_enough:
        assert [(one.fate, one.by) for one in found] == [("killed", killer)]
    else:
        said = f"tests/{market.room}/{killer} fails under {lie.name}"
        assert found == [f"{said} after other tests only."]
