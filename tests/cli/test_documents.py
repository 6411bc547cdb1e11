# SPDX-License-Identifier: Apache-2.0
"""What programs read: every document is JSON, and a key means one thing in all."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from modelmarket.chain.networks import Networks
from modelmarket.cli import app
from modelmarket.market import Market
from modelmarket.protocol.phases import Phase, Status
from support.contests import table, tree_of
from support.market import PASSPHRASE, Place, place

Command = Callable[..., tuple[object, str, str]]
PHASES = {one.name for one in Phase}
STATES = {one.name for one in Status}
MONEY = {"wei", "bond", "reward", "stake", "fee", "price", "balance"}
UNTIL_INTERRUPTED = {"agent run", "node start", "store serve", "up"}
"""Where they run, other tests read what they say."""
ELSEWHERE = {"demo"}
"""Plays four lives of its own; its document stands among the figures."""


def every_command(group: object = None, path: str = "") -> Iterator[str]:
    here = group or typer.main.get_command(app)
    assert isinstance(here, TyperGroup)
    for name, one in here.commands.items():
        whole = f"{path} {name}".strip()
        if isinstance(one, TyperGroup):
            yield from every_command(one, whole)
        else:
            yield whole


COMMANDS = set(every_command())


def is_sentence(text: object) -> bool:
    """Words for people, which no program can take for a word of its own."""
    return (
        isinstance(text, str)
        and len(text.split()) > 2
        and (text[0].isupper() or text[0].isdigit())
        and text not in PHASES | STATES
    )


def problems(document: Any, where: str = "") -> Iterator[str]:
    """What says something else than the rule in docs/commands.md."""
    if isinstance(document, list):
        for one in document:
            yield from problems(one, f"{where}[]")
    if not isinstance(document, dict):
        return
    rules: dict[str, Callable[[Any], bool]] = {
        "phase": lambda value: value in PHASES,
        "state": lambda value: value in STATES,
        "status": is_sentence,
        "message": is_sentence,
        "says": lambda value: isinstance(value, str) and value not in STATES,
        "hint": lambda value: isinstance(value, str),
        # What went wrong, and nothing else: none of these documents says it.
        "error": lambda value: False,
    }
    for key, value in document.items():
        rule = rules.get(key)
        if rule is not None and not rule(value):
            yield f"{where}.{key} is {value!r}"
        if key.endswith("_wei") and not (isinstance(value, str) and value.isdigit()):
            yield f"{where}.{key} is {value!r}"
        if key in MONEY:
            yield f"{where}.{key} is money, and does not end in _wei"
        if key.endswith("_s") and not isinstance(value, int | float):
            yield f"{where}.{key} is {value!r}"
        yield from problems(value, f"{where}.{key}")


class Teller:
    """Somebody whose every command is asked for a document.

    Args:
        market: Whose.
        here: The node.
        command: Gives it.
        told: Takes the documents, by command.
    """

    def __init__(
        self, market: Market, here: Place, command: Command, told: dict[str, list[Any]]
    ) -> None:
        self.market, self._command, self._told = market, command, told
        Networks(market.home.networks).put(here.network)
        key = market.wallet._account.key.hex().removeprefix("0x")
        self._key = "0x" + key

    def __call__(self, *words: str, key: bool = True, network: str = "test") -> Any:
        """What a command says.

        Args:
            words: The command.
            key: Whether the environment has the key.
            network: Its name; none is named if it is empty.
        """
        environment = {"PASSPHRASE": PASSPHRASE, "BUNDLE_PASSPHRASE": PASSPHRASE[::-1]}
        if key:
            environment["PRIVATE_KEY"] = self._key
        if network:
            # By the environment: some commands are about no network, and take none.
            environment["NETWORK"] = network
        where = ["--home", str(self.market.home.path)]
        code, out, errors = self._command(*words, "--json", *where, **environment)
        assert (code in (0, 1), errors) == (True, ""), words
        document = json.loads(out)
        name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
        self._told.setdefault(name, []).append(document)
        return document


class Life:
    """A small market from its beginning to its end, every step told as JSON."""

    def __init__(self, here: Place, command: Command, folder: Path) -> None:
        self.here, self.folder = here, folder
        self.told: dict[str, list[Any]] = {}
        names = ("rita", "ann", "bob", "dora")
        markets = [here.join(name) for name in names]
        self.rita, self.ann, self.bob, self.dora = (
            Teller(one, here, command, self.told) for one in markets
        )
        here.data()
        self._data = str(here.folder / "numbers-100.csv")
        self._model = folder / "model.txt"
        self._model.write_text("n % 2")
        self._right: list[str] = []

    def create(self, name: str) -> None:
        options = ("--label", "kind", "--reward", "100", "--name", name, "--again")
        self.rita("request", "create", self._data, *options)

    def predictions(self, mistakes: int) -> str:
        path = self.folder / f"{mistakes}.csv"
        wrong = {"odd": "even", "even": "odd"}
        labels = [wrong[one] for one in self._right[:mistakes]]
        labels += self._right[mistakes:]
        path.write_text("label\n" + "\n".join(labels) + "\n")
        return str(path)

    def submit(self, who: Teller, request: int, mistakes: int) -> None:
        options = ("--name", f"{mistakes} mistakes", "--accept-stake", "--again")
        model = str(self._model)
        who("submit", str(request), self.predictions(mistakes), model, *options)

    def move_to_the_end_of(self, request: int) -> None:
        found = self.rita.market.request(request)
        self.here.move_to(found.position().step_ends)

    def begin(self) -> None:
        rita, ann, bob = self.rita, self.ann, self.bob
        rita("dataset", "check", self._data, "--label", "kind")
        self.create("odd or even")
        self.create("not wanted any more")
        rita("request", "cancel", "2")
        ann("request", "list")
        ann("dataset", "report", "1")
        ann("dataset", "fetch", "1", str(self.folder / "data"))
        rows = (self.folder / "data" / "test.csv").read_text().splitlines()[1:]
        self._right = ["odd" if int(one.split(",")[1]) % 2 else "even" for one in rows]
        ann("submission", "check", "1", self.predictions(0))
        sure = self.folder / "sure.csv"
        sure.write_text("odd,even\n" + "0.75,0.25\n" * len(self._right))
        options = ("--probabilities", str(sure))
        checked = ann("submission", "check", "1", self.predictions(0), *options)
        assert checked["probabilities"] is True
        self.submit(ann, 1, 0)
        self.submit(bob, 1, 2)
        self.submit(bob, 1, 3)
        bob("submission", "cancel", "3")
        ann("trainer", "run", "--once", "--dry-run", "--seconds", "1")
        for one in (rita, ann):
            shown = (("account", "show"), ("account", "reputation"))
            for words in (("agent", "plan"), ("doctor",), *shown):
                one(*words)

    def end(self) -> None:
        rita, ann, bob = self.rita, self.ann, self.bob
        self.move_to_the_end_of(1)
        rita("request", "show", "1")
        rita("request", "open", "1")
        ann("submission", "claim", "1")
        ann("submission", "list")
        self.move_to_the_end_of(1)
        ann("submission", "validate", "1")
        for one in (rita, ann, bob):
            one("agent", "once")
        for number in ("1", "2", "3"):
            bob("submission", "show", number)
        rita("request", "model", "1", str(self.folder / "won"))
        rita("model", "card", "1")
        rita("model", "card", "1", "--output", str(self.folder / "card.md"))
        rita("audit", "1")
        assert rita("reproduce", "1")["outcome"] == "not reproducible"
        good = rita("request", "metrics", "1")
        assert (good["kind"], good["submission"], good["rows"]) == ("classes", 1, 20)
        assert good["accuracy"]["value"] == 1
        checked = ann("submission", "check", "1", self.predictions(2))
        assert checked["metrics"]["right"] == checked["right"] == 18
        rita("request", "list")

    def miss(self) -> None:
        """Nobody opens it: whoever comes takes the step that is due."""
        self.create("never opened")
        self.submit(self.ann, 3, 1)
        self.move_to_the_end_of(3)
        self.move_to_the_end_of(3)
        self.ann("request", "show", "3")
        self.ann("request", "enforce", "3")
        self.ann("submission", "withdraw", "4")

    def contest(self) -> None:
        """A verified contest: one withholds its model, the next one posts it."""
        rita, ann, bob, here = self.rita, self.ann, self.bob, self.here
        data = str(table(here).data.path)
        options = ("--label", "kind", "--reward", "100", "--verified", "--stratified")
        rita("request", "create", data, *options)
        rita("vault", "share", "v1", str(self.folder / "key.json"))
        again = ("--label", "kind", "--stratified")
        rita("vault", "recover", "--request", "v1", "--data", data, *again)
        rita("dataset", "report", "v1")
        rita("dataset", "fetch", "v1", str(self.folder / "fetched"))
        for who, depth in ((ann, 4), (bob, 1)):
            request = who.market.request("v1")
            path = str(self.folder / f"{depth}.exact")
            request.convert(tree_of(request, depth)).save(Path(path))
            who("submission", "check", "v1", path)
            found = who("submit", "v1", path)["validation"]
            assert (found["measure"], found["folds"]) == ("accuracy", 0)
            assert "cannot be fitted again" in found["reason"]
            assert found["exact"] > 1 / 3
        rows = str(request.terms.rows)
        here.move_to(request.record.deadline)
        rita("request", "open", "v1")
        ann("submission", "claim", "v1")
        bob("submission", "claim", "v2", "--matches", rows)
        here.move_to(rita.market.request("v1").position().step_ends)
        bob("submission", "show-model", "v2")
        rita("request", "show", "v1")
        rita("submission", "demand", "v2")
        here.move_to(rita.market.request("v1").record.timetable.answers_end)
        rita("request", "enforce", "v1")
        rita("submission", "withdraw-bond", "v2")
        bob("submission", "show", "v2")
        ann("submission", "show-model", "v1")
        rita("submission", "demand", "v1")
        ann("submission", "answer", "v1")
        rita("submission", "watch", "v1")
        here.move_to(rita.market.request("v1").position().step_ends)
        rita("request", "settle", "v1")
        rita("model", "show", "v1")
        rita("model", "card", "v1")
        new = self.folder / "new.csv"
        new.write_text("x,y,colour\n1,,red\n")
        rita("model", "predict", "v1", str(new))
        rita("model", "predict", "v1", str(new), "--output", str(self.folder / "p.csv"))
        assert (self.folder / "p.csv").read_text().startswith("row_id,label\n1,")
        exported = rita("model", "export", "v1", str(self.folder / "model.onnx"))
        assert exported["bytes"] == Path(exported["path"]).stat().st_size > 0
        rita("audit", "v1")
        assert rita("reproduce", "v1")["outcome"] == "reproduced"
        good = rita("request", "metrics", "v1")
        assert (good["request"], good["kind"]) == ("v1", "classes")

    def keep(self) -> None:
        """Vault and store."""
        ann, bob, rita = self.ann, self.bob, self.rita
        ann("vault", "share", "1", str(self.folder / "bundle.json"))
        ann("vault", "backup", str(self.folder / "backup.json"))
        ann("vault", "restore", str(self.folder / "backup.json"))
        ann("vault", "copies")
        ann("vault", "recover")
        cid = ann("store", "add", str(self._model))["cid"]
        ann("store", "list")
        bob("store", "fetch", cid)
        bob("store", "export", cid, str(self.folder / "m.car"), "--car")
        rita("store", "import-car", str(self.folder / "m.car"), cid)
        [found] = rita("model", "inspect", cid)
        assert (found["kind"], found["dangers"]) == ("text", [])

    def settle_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Accounts and networks."""
        dora = self.dora
        monkeypatch.setattr("sys.stdin", io.StringIO("0x" + "4" * 64 + "\n"))
        dora("account", "import", key=False)
        dora("account", "new", key=False)
        for one in dora("account", "list", key=False):
            dora("node", "fund", one["address"])
        dora("airdrop", "--account", one["address"], key=False)
        to = self.here.markets["rita"].wallet.address
        dora("account", "send", to, "1", "--account", one["address"], key=False)
        rpc, market = self.here.network.rpc, self.here.network.market
        dora("node", "status")
        dora("node", "move-clock", "60")
        dora("node", "list")
        dora("node", "add", "club", "--rpc", rpc, "--market", market, network="")
        dora("deploy", "--name", "own", "--rpc", rpc, network="")


@pytest.fixture
def life(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Life]:
    with place("embedded", tmp_path / "people") as here:
        one = Life(here, command, tmp_path)
        one.begin()
        one.keep()
        one.end()
        one.miss()
        one.contest()
        one.settle_in(monkeypatch)
        yield one


def test_a_key_means_the_same_in_every_document(life: Life) -> None:
    assert set(life.told) == COMMANDS - UNTIL_INTERRUPTED - ELSEWHERE
    seen: dict[str, set[str]] = {"phase": set(), "state": set()}
    for name, documents in life.told.items():
        assert list(problems(documents, name)) == []
        for one in flat(documents):
            for key in {"phase", "state"} & set(one):
                seen[key].add(one[key])
                # Programs read the word, and people what it means.
                assert "status" in one, name
    # It was no short life.
    assert seen["phase"] == PHASES - {"REFUNDED"}
    assert seen["state"] == STATES


def flat(documents: list[Any]) -> Iterator[dict[str, Any]]:
    for one in documents:
        yield from one if isinstance(one, list) else [one]


@pytest.mark.parametrize(
    "document",
    [
        {"status": "SUBMITTED"},
        {"status": "open"},
        {"state": "Open for submissions for 3 s."},
        {"state": "open"},
        {"phase": "open"},
        [{"a": {"state": 1}}],
        {"reward_wei": 1},
        {"window_s": "900"},
        {"ranking": [{"error": 3.5}]},
    ],
)
def test_what_breaks_the_rule_would_be_found(document: Any) -> None:
    assert list(problems(document)) != []
