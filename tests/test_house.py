# SPDX-License-Identifier: Apache-2.0
"""The house: few rooms, few arrows, and a market whose inside is its own.

Rooms are the package's folders and top modules, scripts and benchmarks; an arrow is
an import from one room into another. That none leads upward is `lint-imports`' to say.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "modelmarket"
MOST_ROOMS, MOST_ARROWS = 18, 90
INSIDE = {
    *("index", "store", "connection", "contract", "coin", "verifier", "outbox"),
}
"""What a market is made of, for `market/` alone."""


def modules(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text())


def room_of(path: Path) -> str:
    """The room that a file is in; empty for the package's own front door."""
    if not path.is_relative_to(PACKAGE):
        return path.relative_to(ROOT).parts[0]
    name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if name.startswith("__") else name


def imported(tree: ast.Module) -> Iterator[str]:
    """The package's rooms that a module imports from."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [f"{node.module}.{one.name}" for one in node.names]
        elif isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        for name in names:
            package, _, rest = name.partition(".")
            room = rest.partition(".")[0]
            is_room = (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file()
            if package == "modelmarket" and room and is_room:
                yield room


def house() -> tuple[set[str], set[tuple[str, str]]]:
    rooms, arrows = set[str](), set[tuple[str, str]]()
    for folder in (PACKAGE, ROOT / "scripts", ROOT / "benchmarks"):
        for path, tree in modules(folder):
            here = room_of(path)
            if here:
                rooms.add(here)
                arrows |= {(here, one) for one in imported(tree) if one != here}
    return rooms, arrows


def test_the_house_has_few_rooms() -> None:
    rooms, _ = house()
    assert {"protocol", "market", "errors", "scripts"} <= rooms
    assert len(rooms) <= MOST_ROOMS, sorted(rooms)


def test_few_arrows_lead_from_room_to_room() -> None:
    _, arrows = house()
    assert {("market", "chain"), ("cli", "market"), ("chain", "errors")} <= arrows
    assert len(arrows) <= MOST_ARROWS, sorted(arrows)


def reached_through(tree: ast.Module) -> Iterator[ast.Attribute]:
    """Where something is taken out of what is called a market."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in INSIDE:
            holder = node.value
            name = getattr(holder, "attr", getattr(holder, "id", ""))
            if name.strip("_") == "market":
                yield node


def test_what_reaches_through_a_market_would_be_found() -> None:
    for text in ("market.index", "workspace.market.store.add(1)", "self._market.coin"):
        assert list(reached_through(ast.parse(text))), text
    assert not list(reached_through(ast.parse("market.home; market.find().index")))


def looked_up(tree: ast.Module) -> Iterator[ast.Call]:
    """Where a request or submission is asked for as if there were one kind."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("request", "submission")
        ):
            holder = node.func.value
            name = getattr(holder, "attr", getattr(holder, "id", ""))
            if name.strip("_") == "market":
                yield node


def test_commands_and_pages_look_at_requests_of_both_kinds() -> None:
    """`market.request(id)` is for those who know which kind they want."""
    assert list(looked_up(ast.parse("self._market.request(7)")))
    found = [
        f"{path.relative_to(ROOT)}:{one.lineno}"
        for path, tree in modules(PACKAGE)
        if room_of(path) in ("cli", "web", "agent", "audit")
        for one in looked_up(tree)
    ]
    assert not found, "\n".join(found)


def test_nobody_reaches_through_a_market() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{one.lineno} takes .{one.attr}"
        for path, tree in modules(PACKAGE)
        if room_of(path) != "market"
        for one in reached_through(tree)
    ]
    assert not found, "\n".join(found)


def test_templates_reach_through_no_market() -> None:
    for path in (PACKAGE / "web" / "templates").glob("*.html"):
        for one in INSIDE:
            assert f"market.{one}" not in path.read_text(), f"{path.name}: {one}"


def test_contracts_and_modules_of_the_same_rules_name_each_other() -> None:
    """A file that says where its rules are told again says so of one that is there."""
    named = [
        (path, ROOT / "src" / Path(*name.split(".")))
        for path in sorted((ROOT / "contracts").rglob("*.vy*"))
        for name in re.findall(r"`(modelmarket\.[\w.]+)`", path.read_text())
    ]
    named += [
        (path, ROOT / name)
        for path, _ in modules(PACKAGE)
        for name in re.findall(r"`(contracts/[\w/]+\.vyi?)`", path.read_text())
    ]
    assert len(named) > 20
    missing = [
        f"{path.relative_to(ROOT)} names {other.relative_to(ROOT)}"
        for path, other in named
        if not (other.exists() or other.with_suffix(".py").is_file())
    ]
    assert not missing, "\n".join(missing)


def test_what_jupyter_shows_can_be_printed_too() -> None:
    """Or `print` would give a raw dataclass to whoever has no notebook."""
    shown = []
    for path, tree in modules(PACKAGE):
        for one in ast.walk(tree):
            if isinstance(one, ast.ClassDef):
                own = {f.name for f in one.body if isinstance(f, ast.FunctionDef)}
                if "_repr_html_" in own:
                    shown.append(one.name)
                    assert own & {"__str__", "__repr__"}, f"{path}: {one.name}"
    assert len(shown) > 10, "nothing was looked at"
