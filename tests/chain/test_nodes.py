# SPDX-License-Identifier: Apache-2.0
"""Nodes that are not well: whatever one of them does, another is asked, or the
same one again; and what cannot be known is not guessed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from modelmarket import agent
from modelmarket.chain.connection import Connection
from modelmarket.chain.devnode.server import running_node
from modelmarket.chain.sending import send
from modelmarket.errors import ChainError
from modelmarket.index.index import MOST_COMPARED
from modelmarket.market import Market
from modelmarket.protocol.phases import Phase
from modelmarket.protocol.types import Superhash
from modelmarket.system.home import Home
from support.faults import Fault, Faults, faulty
from support.market import Place, place

TRANSPORT = [
    Fault.DROP,
    Fault.RESET,
    Fault.TOO_MANY,
    Fault.BROKEN,
    Fault.LIMIT,
    Fault.NONSENSE,
    Fault.TRUNCATED,
]
EACH = pytest.mark.parametrize("fault", TRANSPORT, ids=lambda one: one.value)


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    with running_node(None, test_methods=True) as rpc:
        yield rpc


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Place]:
    with place("embedded", tmp_path) as here:
        yield here


@EACH
def test_a_fault_that_passes_is_not_noticed(node: str, fault: Fault) -> None:
    faults = Faults(node, rate=0.3, seed=7, kinds=(fault,), longest_s=0.05)
    with faulty(faults) as rpc:
        connection = Connection(rpc)
        for _ in range(20):
            assert connection.block().number == 0
    assert faults.injected[fault] > 2


@EACH
def test_another_node_answers_for_one_that_is_broken(node: str, fault: Fault) -> None:
    faults = Faults(node, rate=1.0, kinds=(fault,), longest_s=0.05)
    with faulty(faults) as rpc:
        connection = Connection(rpc, node)
        asked = faults.answered
        for _ in range(20):
            connection.block()
        # It is left alone for longer and longer.
        assert faults.answered - asked < 10


@pytest.mark.parametrize("failures", [1, 1_022, 1_024, 10**6])
def test_a_node_that_is_away_for_days_keeps_nobody_from_the_next(
    node: str, failures: int
) -> None:
    connection = Connection("http://127.0.0.1:9", node)
    connection.block()
    dead = connection._nodes._nodes[0]
    dead.failures, dead.rests_until = failures, 0.0
    assert connection.block().number == 0
    assert dead.failures > failures


@EACH
def test_a_fault_that_lasts_is_told_with_the_node(node: str, fault: Fault) -> None:
    with faulty(Faults(node, rate=1.0, kinds=(fault,), longest_s=0.05)) as rpc:
        with pytest.raises(ChainError) as told:
            Connection(rpc).block()
        assert rpc in str(told.value)


def test_a_node_of_another_chain_is_not_listened_to(node: str) -> None:
    kinds = (Fault.OTHER_CHAIN,)
    with faulty(Faults(node, rate=1.0, kinds=kinds)) as rpc:
        right = Connection(node).chain_id
        assert Connection(rpc, node, chain_id=right).block().number == 0
        with pytest.raises(ChainError, match=f"is on chain 5, not {right}"):
            Connection(rpc, chain_id=right).block()


def test_a_node_is_asked_once_which_chain_it_is_on(tmp_path: Path) -> None:
    asked: list[str] = []

    class Listening(Faults):
        def draw(self, queries: list[dict[str, Any]]) -> Fault | None:
            asked.extend(one["method"] for one in queries)
            return super().draw(queries)

    with (
        place("embedded", tmp_path) as here,
        faulty(Listening(here.network.rpc)) as rpc,
    ):
        rita = here.join("rita")
        network = replace(here.network, rpc=rpc)
        wallet, vault = rita.wallet, rita.vault
        here.create(Market(rita.home, network, wallet=wallet, vault=vault))
    assert "eth_sendRawTransaction" in asked
    assert asked.count("eth_chainId") == 1


def batching(
    node: str, answer: Callable[[list[dict[str, Any]]], bytes]
) -> tuple[Faults, list[int]]:
    """A node whose answers to batches are made by a function; and their sizes."""
    sizes: list[int] = []

    class Other(Faults):
        def forward(self, body: bytes) -> bytes:
            said = super().forward(body)
            if not isinstance(json.loads(body), list):
                return said
            sizes.append(len(json.loads(body)))
            return answer(json.loads(said))

    return Other(node), sizes


def refused(_: list[dict[str, Any]]) -> bytes:
    error = {"code": -32600, "message": "no batches"}
    return json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()


def test_a_node_that_takes_no_batches_is_asked_singly(node: str) -> None:
    faults, sizes = batching(node, refused)
    with faulty(faults) as rpc:
        connection = Connection(rpc)
        assert connection.moment().head == Connection(node).block()
        assert connection.moment().head.number == 0
    # It is not tried again and again.
    assert sizes == [3]


def test_a_node_that_breaks_on_batches_is_asked_singly(node: str) -> None:
    class Breaking(Faults):
        def draw(self, queries: list[dict[str, Any]]) -> Fault | None:
            super().draw(queries)
            return Fault.BROKEN if len(queries) > 1 else None

    with faulty(Breaking(node)) as rpc:
        assert Connection(rpc).moment().head.number == 0


def test_answers_of_a_batch_may_come_in_any_order(node: str) -> None:
    turned, sizes = batching(node, lambda said: json.dumps(said[::-1]).encode())
    with faulty(turned) as rpc:
        connection = Connection(rpc)
        assert connection.moment().head == Connection(node).block()
        assert connection.chain_id == Connection(node).chain_id
    assert sizes == [3]


LACKING: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "one is left out": lambda said: said[:-1],
    "one is there twice": lambda said: [*said[:-1], said[0]],
    "one has no number": lambda said: [*said[:-1], {**said[-1], "id": None}],
    "one says nothing": lambda said: [*said[:-1], {"id": said[-1]["id"]}],
    "one is no object": lambda said: [*said[:-1], 7],
    "there are none": lambda _: [],
    "it is a number": lambda _: 7,
}


@pytest.mark.parametrize("lacking", LACKING)
def test_a_batch_that_is_not_wholly_answered_is_asked_of_another_node(
    node: str, lacking: str
) -> None:
    half, sizes = batching(
        node, lambda said: json.dumps(LACKING[lacking](said)).encode()
    )
    with faulty(half) as rpc:
        connection = Connection(rpc, node)
        assert connection.moment().head == Connection(node).block()
        with pytest.raises(ChainError, match="answered nonsense"):
            Connection(rpc).moment()
    assert set(sizes) == {3}


def test_many_questions_travel_in_batches_that_nodes_take(node: str) -> None:
    counter = Faults(node)
    with faulty(counter) as rpc:
        connection = Connection(rpc)
        connection.block()
        before = counter.answered
        assert {one.number for one in connection.blocks([0] * 250)} == {0}
        assert counter.answered - before == 3


def test_one_of_many_that_is_refused_is_told(node: str) -> None:
    connection = Connection(node)
    with pytest.raises(ChainError, match="has no block 9"):
        connection.blocks([0, 9, 0])


def test_a_nodes_key_is_not_shown() -> None:
    with pytest.raises(ChainError) as told:
        Connection("http://user:pass@127.0.0.1:9/v3/my-key", timeout_s=1).block()
    assert "127.0.0.1:9" in str(told.value)
    assert "my-key" not in str(told.value)
    assert "pass" not in str(told.value)


def test_a_head_that_lies_behind_is_asked_of_another_node(tmp_path: Path) -> None:
    with place("embedded", tmp_path) as here:
        for _ in range(10):
            here.connection.ask("evm_mine")
        faults = Faults(here.network.rpc, kinds=(Fault.STALE,))
        with faulty(faults) as rpc:
            connection = Connection(rpc, here.network.rpc)
            head = connection.block()
            faults.rate = 1.0
            assert connection.block() == head


def test_without_a_pending_block_the_newest_tells_the_time(node: str) -> None:
    with faulty(Faults(node, rate=1.0, kinds=(Fault.NO_PENDING,))) as rpc:
        connection = Connection(rpc)
        assert connection.now() == connection.block().timestamp


class Rounds(threading.Event):
    """Ends an agent after some rounds, and notes what each had asked by then."""

    def __init__(self, faults: Faults, most: int) -> None:
        super().__init__()
        self.faults, self.most = faults, most
        self.asked: list[int] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.append(self.faults.answered)
        if len(self.asked) == self.most:
            self.set()
        return self.is_set()


def test_an_agent_that_waits_asks_its_node_for_the_newest_block_and_the_time(
    embedded: Place,
) -> None:
    counter = Faults(embedded.network.rpc)
    with faulty(counter) as rpc:
        embedded.network = replace(embedded.network, rpc=rpc)
        market = embedded.join("requester")
        embedded.create(market)
        rounds = Rounds(counter, 5)
        agent.run(market, tell=lambda _report: None, stop=rounds)
    assert [after - before for before, after in pairwise(rounds.asked)] == [1] * 4


def test_an_index_takes_nothing_back_for_a_node_that_lies_behind(
    embedded: Place,
) -> None:
    faults = Faults(embedded.network.rpc, kinds=(Fault.STALE,))
    with faulty(faults) as rpc:
        embedded.network = replace(embedded.network, rpc=rpc)
        market = embedded.join("requester")
        request = embedded.create(market)
        faults.rate = 1.0
        market.index.sync()
        assert market.index.request(request.id).id == request.id
        faults.rate = 0.0
        market.index.sync()


def test_logs_that_are_left_out_are_asked_for_again(embedded: Place) -> None:
    faults = Faults(embedded.network.rpc, kinds=(Fault.OMIT,), most=1)
    with faulty(faults) as rpc:
        embedded.network = replace(embedded.network, rpc=rpc)
        looking = embedded.join("looking")
        looking.index.sync()
        request = embedded.create(embedded.join("requester"))
        faults.rate = 1.0
        looking.index.sync()
        assert faults.injected[Fault.OMIT] == 1
        assert looking.index.request(request.id).id == request.id


def test_a_node_that_always_leaves_logs_out_stops_nobody(embedded: Place) -> None:
    """Another node has them."""
    honest = embedded.network.rpc
    with faulty(Faults(honest, kinds=(Fault.OMIT,), rate=1.0)) as rpc:
        embedded.network = replace(embedded.network, rpc=rpc, other_rpcs=(honest,))
        looking = embedded.join("looking")
        requester = embedded.join("requester")
        request = embedded.create(requester)
        for market in (looking, requester):
            market.index.sync()
            assert market.index.request(request.id) == request.record
        assert [one.request_id for one in agent.plan(requester)] == [request.id]


def too_long_ago(here: Place) -> None:
    """Mines more blocks than are looked at one by one, in portions: a busy
    machine takes its time, and a node is not waited for without end."""
    for _ in range(0, MOST_COMPARED + 10, 64):
        here.connection.ask("anvil_mine", hex(64))


def test_an_event_left_out_long_ago_is_found_by_the_contracts_state(
    tmp_path: Path,
) -> None:
    """Too long ago for each block to be looked at."""
    with place("anvil", tmp_path / "people") as here:
        requester, ann = here.join("requester"), here.join("ann")
        faults = Faults(here.network.rpc, kinds=(Fault.OMIT,), most=0)
        rpc = here.closing.enter_context(faulty(faults))
        looking = here.join("looking")
        looking.network = replace(here.network, rpc=rpc)

        def looks_too_late() -> Market:
            """It reads all that happened since, but for what is left out."""
            too_long_ago(here)
            faults.most += 1
            faults.rate = 1.0
            again = Market(looking.home, looking.network, vault=looking.vault)
            here.closing.callback(again.index.close)
            again.index.sync()
            faults.rate = 0.0
            assert faults.injected[Fault.OMIT] == faults.most
            return again

        request = here.create(requester)
        late = looks_too_late()
        assert late.index.counts() == (0, 0)
        late.verifier.verify_counts()
        assert late.index.counts() == (1, 0)

        here.submit(ann, request.id)
        late = looks_too_late()
        assert late.index.counts() == (1, 0)
        late.verifier.verify_counts()
        assert late.index.counts() == (1, 1)

        here.move_to(request.record.deadline)
        request.open_truth()
        late = looks_too_late()
        record = late.index.request(request.id)
        assert record.stage is Phase.OPEN
        found = late.verifier.verify(record)
        assert found.stage is Phase.CLAIMS
        assert found == late.index.request(request.id)
        assert found == requester.request(request.id).record


def test_nodes_that_keep_leaving_events_out_are_found_out(tmp_path: Path) -> None:
    with place("anvil", tmp_path / "people") as here:
        requester, ann = here.join("requester"), here.join("ann")
        faults = Faults(here.network.rpc, kinds=(Fault.OMIT,))
        rpc = here.closing.enter_context(faulty(faults))
        here.network = replace(here.network, rpc=rpc)
        here.create(requester)
        too_long_ago(here)
        ann = here.again("ann")
        faults.rate = 1.0
        for _ in range(2):
            with pytest.raises(ChainError, match="leave out events of the market"):
                agent.plan(ann)
        faults.rate = 0.0
        assert agent.plan(ann) == []
        assert ann.index.counts() == (1, 0)


class Busy(Faults):
    """An honest node whose chain goes on between any two questions."""

    submit: Callable[[], object]
    turns = 0

    def happens(self) -> None:
        if self.turns:
            self.turns -= 1
            self.submit()


def test_an_honest_node_is_not_accused_while_blocks_come(embedded: Place) -> None:
    busy = Busy(embedded.network.rpc)
    with faulty(busy) as rpc:
        requester, ann = embedded.join("requester"), embedded.join("ann")
        request = embedded.create(requester)
        ann.send(ann.coin.approve(ann.network.market, 2**255))
        call = ann.contract.submit(
            request.id, request.record.terms_hash, bytes(32), Superhash(bytes(32)), ""
        )
        embedded.network = replace(embedded.network, rpc=rpc)
        looking = embedded.join("looking")
        looking.index.sync()
        busy.submit = lambda: send(ann.connection, call, ann.wallet)
        busy.turns = 100
        looking.verifier.verify_counts()
        looking.verifier.verify(looking.index.request(request.id))
        assert busy.turns < 100
        busy.turns = 0
        looking.verifier._verified.clear()
        looking.index.sync()
        looking.verifier.verify_counts()
        assert looking.index.counts() == (1, looking.contract.submission_count())


def test_a_node_without_the_state_of_a_block_accuses_nobody(embedded: Place) -> None:
    """Whoever keeps no old states cannot say, and says nothing."""

    class Forgetful(Faults):
        def forward(self, body: bytes) -> bytes:
            asked = json.loads(body)
            answer = json.loads(super().forward(body))
            if not isinstance(asked, list):
                asked, answer = [asked], [answer]
            error = {"code": -32000, "message": "missing trie node"}
            for query, one in zip(asked, answer, strict=True):
                is_call = query["method"] == "eth_call"
                if is_call and query["params"][1].startswith("0x"):
                    del one["result"]
                    one["error"] = error
            return json.dumps(answer if len(answer) > 1 else answer[0]).encode()

    requester = embedded.join("requester")
    request = embedded.create(requester)
    with faulty(Forgetful(embedded.network.rpc)) as rpc:
        looking = Market(
            Home(embedded.folder / "looking"), replace(embedded.network, rpc=rpc)
        )
        embedded.closing.callback(looking.index.close)
        looking.index.sync()
        looking.verifier.verify_counts()
        record = looking.index.request(request.id)
        assert looking.verifier.verify(record) == record


def test_a_block_that_nodes_disagree_on_is_not_agreed(tmp_path: Path) -> None:
    with ExitStack() as closing:
        one, other = (
            closing.enter_context(running_node(None, test_methods=True))
            for _ in range(2)
        )
        connection = Connection(one, other)
        connection.ask("evm_mine")
        mined = connection.block()
        assert not connection.is_agreed(mined)
        assert Connection(one).is_agreed(mined)
        assert Connection(one, "http://127.0.0.1:9").is_agreed(mined)
