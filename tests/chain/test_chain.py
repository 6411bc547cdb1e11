# SPDX-License-Identifier: Apache-2.0
"""The embedded node, wallets, networks, and the gas table."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from modelmarket.chain.connection import Connection
from modelmarket.chain.contracts import ModelCoin
from modelmarket.chain.devnode.ledger import CHAIN_ID, Ledger
from modelmarket.chain.devnode.server import running_node
from modelmarket.chain.networks import Network, Networks
from modelmarket.chain.sending import calldata_floor, deliver, send, sign
from modelmarket.chain.wallets import Keystores, Wallet
from modelmarket.errors import InputError, NotFoundError
from modelmarket.protocol.types import checksummed
from modelmarket.vault.derivation import MESSAGE
from support.children import child
from support.market import needs_anvil

ROOT = Path(__file__).parents[2]
SOMEBODY = checksummed(b"\x05" * 20)
PASSPHRASE = "a passphrase for tests"


@pytest.fixture
def rpc() -> Iterator[str]:
    with running_node(None, test_methods=True) as address:
        yield address


@pytest.fixture
def connection(rpc: str) -> Connection:
    return Connection(rpc)


def funded(connection: Connection) -> Wallet:
    wallet = Wallet.new()
    connection.ask("modelmarket_fund", wallet.address)
    return wallet


# --- the embedded node ---


def test_its_clock_follows_the_real_one_unless_it_is_moved(
    connection: Connection,
) -> None:
    assert abs(connection.now() - time.time()) < 5
    connection.ask("evm_increaseTime", 1_000)
    assert abs(connection.now() - time.time() - 1_000) < 5
    connection.ask("evm_setNextBlockTimestamp", int(time.time()) + 5_000)
    connection.ask("evm_mine")
    assert abs(connection.now() - time.time() - 5_000) < 5


def test_a_second_that_has_passed_is_refused(connection: Connection) -> None:
    from modelmarket.errors import ChainError

    with pytest.raises(ChainError, match="is not after the head's"):
        connection.ask("evm_setNextBlockTimestamp", 1)


def test_gas_is_what_the_gas_table_says(connection: Connection) -> None:
    """Figures of the embedded node equal those of anvil."""
    wallet = funded(connection)
    coin, _ = ModelCoin.deploy(connection, wallet)
    other = funded(connection)
    table = json.loads((ROOT / "benchmarks" / "gas.json").read_text())
    expected = next(row["gas"] for row in table if row["function"] == "claim_airdrop")
    assert send(connection, coin.claim_airdrop(), other).gas == expected


def test_the_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    with running_node(path, test_methods=True) as rpc:
        connection = Connection(rpc)
        wallet = funded(connection)
        coin, receipt = ModelCoin.deploy(connection, wallet)
        connection.ask("evm_increaseTime", 500)
        head = connection.block()
    with running_node(path) as rpc:
        connection = Connection(rpc)
        assert connection.block() == head
        assert connection.receipt(receipt.transaction) == receipt
        assert connection.now() >= time.time() + 495
        again = ModelCoin(connection, coin.address)
        send(connection, again.transfer(SOMEBODY, 5), wallet)
        assert connection.block().number == head.number + 1
        assert connection.block().parent_hash == head.hash


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    program = (
        "import time\n"
        "from pathlib import Path\n"
        "from modelmarket.chain.devnode.server import running_node\n"
        f"with running_node(Path({str(path)!r})) as rpc:\n"
        "    print(rpc, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with child(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        connection = Connection(process.stdout.readline().strip())
        wallet = funded(connection)
        coin, _ = ModelCoin.deploy(connection, wallet)
        sent = [send(connection, coin.transfer(SOMEBODY, n), wallet) for n in range(3)]
        os.kill(process.pid, signal.SIGKILL)
    with running_node(path) as rpc:
        connection = Connection(rpc)
        for receipt in sent:
            assert connection.receipt(receipt.transaction) == receipt


@pytest.fixture
def _many_turns() -> Iterator[None]:
    """Threads take turns everywhere, not each 5 ms."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_many_turns")
def test_the_head_is_whole_while_blocks_are_mined() -> None:
    ledger = Ledger()
    with closing(ledger), ThreadPoolExecutor(4) as pool:

        def mine() -> None:
            for _ in range(100):
                ledger.mine()

        mining = pool.submit(mine)

        def read() -> list[int]:
            seen = [0]
            while not mining.done():
                seen.append(ledger.head.block_number)
            return seen

        readers = [pool.submit(read) for _ in range(3)]
        for reader in readers:
            assert reader.result() == sorted(reader.result())
        mining.result()


def test_strangers_pages_are_not_answered(rpc: str) -> None:
    ask = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    assert httpx.post(rpc, json=ask).json()["result"] == hex(CHAIN_ID)
    foreign = httpx.post(rpc, json=ask, headers={"host": "evil.example"})
    assert foreign.status_code == 400


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"x" * (2**20 + 1), 413), (b"[1]", 200)]
)
def test_rubbish_is_answered_with_an_error(rpc: str, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    assert httpx.post(rpc, content=body, headers=headers).status_code == status


def test_unknown_methods_and_parameters_are_named(rpc: str) -> None:
    def error(method: str, *params: object) -> dict[str, Any]:
        ask = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        told: dict[str, Any] = httpx.post(rpc, json=ask).json()["error"]
        return told

    assert error("eth_mining") == {
        "code": -32601,
        "message": "method eth_mining is not supported",
    }
    assert error("eth_getBalance")["code"] == -32602
    assert error("eth_sendRawTransaction", "0x00")["code"] == -32000
    assert error("eth_getBalance", "0x" + "00" * 20, "0xffffff")["message"] == (
        "unknown block"
    )


def test_a_transaction_is_not_taken_twice(connection: Connection) -> None:
    wallet = funded(connection)
    coin, _ = ModelCoin.deploy(connection, wallet)
    signed = sign(connection, coin.transfer(wallet.address, 1), wallet)
    first = deliver(connection, [signed])
    assert deliver(connection, [signed]) == first


def test_batches_blocks_and_fee_history_are_answered(
    rpc: str, connection: Connection
) -> None:
    funded(connection)
    asks = [
        {"jsonrpc": "2.0", "id": n, "method": method, "params": params}
        for n, (method, params) in enumerate(
            [
                ("eth_getBlockByNumber", ["latest", True]),
                ("eth_feeHistory", ["0x2", "latest", [50]]),
                ("eth_getBlockByHash", ["0x" + "00" * 32]),
                ("eth_getTransactionByHash", ["0x" + "00" * 32]),
                ("net_version", []),
            ]
        )
    ]
    block, fees, none, nothing, version = (
        answer["result"] for answer in httpx.post(rpc, json=asks).json()
    )
    assert block["transactions"][0]["value"] == hex(100 * 10**18)
    assert len(fees["baseFeePerGas"]) == len(fees["reward"]) + 1
    assert (none, nothing, version) == (None, None, str(CHAIN_ID))


def test_the_faucets_key_is_readable_by_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    with running_node(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_nodes_cannot_have_one_port(rpc: str) -> None:
    port = int(rpc.rpartition(":")[2])
    with pytest.raises(InputError, match=f"Cannot listen on 127.0.0.1, port {port}"):
        with running_node(None, port=port):
            pass


# --- wallets ---


def test_a_keystore_is_standard_and_private(tmp_path: Path) -> None:
    wallet, keystores = Wallet.new(), Keystores(tmp_path / "keys")
    path = keystores.add(wallet, PASSPHRASE)
    stored = json.loads(path.read_text())
    assert (stored["version"], stored["crypto"]["kdf"]) == (3, "scrypt")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keystores.unlock(None, PASSPHRASE).address == wallet.address
    assert keystores.unlock(wallet.address[:8], PASSPHRASE).address == wallet.address


def test_a_locked_key_is_opened_once_something_is_signed(tmp_path: Path) -> None:
    wallet, keystores = Wallet.new(), Keystores(tmp_path)
    keystores.add(wallet, PASSPHRASE)
    locked = keystores.look(None, PASSPHRASE)
    assert (locked.address, repr(locked)) == (wallet.address, repr(wallet))
    assert locked.sign_typed(MESSAGE) == wallet.sign_typed(MESSAGE)
    wrong = keystores.look(None, "guessed it")
    with pytest.raises(InputError, match="does not open UTC--"):
        wrong.sign_typed(MESSAGE)


def test_keys_are_never_shown(tmp_path: Path) -> None:
    key = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
    wallet = Wallet.from_key(key)
    assert repr(wallet) == f"Wallet({wallet.address})"
    for bad in (key[:-1], key + "00", "zz" * 32):
        with pytest.raises(InputError) as caught:
            Wallet.from_key(bad)
        assert bad not in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_wrong_passphrase_says_so_and_no_more(tmp_path: Path) -> None:
    keystores = Keystores(tmp_path)
    keystores.add(Wallet.new(), PASSPHRASE)
    with pytest.raises(InputError, match="does not open UTC--") as caught:
        keystores.unlock(None, "guessed it")
    assert "guessed" not in str(caught.value)


def test_accounts_are_found_by_how_they_begin(tmp_path: Path) -> None:
    keystores = Keystores(tmp_path)
    with pytest.raises(NotFoundError, match="There is no account"):
        keystores.find(None)
    wallet = Wallet.new()
    keystores.add(wallet, PASSPHRASE)
    with pytest.raises(NotFoundError, match="No account in .* begins with '0xzz'"):
        keystores.find("0xzz")
    with pytest.raises(InputError, match="already"):
        keystores.add(wallet, PASSPHRASE)
    with pytest.raises(InputError, match="at least 8 are needed"):
        keystores.add(Wallet.new(), "short")


def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Wallet.from_environment() is None
    monkeypatch.setenv("MODELMARKET_PRIVATE_KEY", "0x" + "11" * 32)
    wallet = Wallet.from_environment()
    assert wallet is not None
    assert wallet.address == "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"


# --- networks ---

MARKET = checksummed(b"\x03" * 20)


def test_profiles_are_kept_and_found(tmp_path: Path) -> None:
    networks = Networks(tmp_path / "networks.toml")
    one = Network("local", "http://127.0.0.1:8545", 1, MARKET, 7, ("http://a:1",), 0)
    two = Network("club", "https://node", 2, MARKET)
    networks.put(one)
    networks.put(two)
    assert networks.all() == {"local": one, "club": two}
    with pytest.raises(NotFoundError, match=r"no network 'x'.*known: local, club"):
        networks.get("x")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Two Words"},
        {"rpc": "ftp://x"},
        {"market": "0x12"},
        {"gateways": ("file:///etc",)},
    ],
)
def test_profiles_that_cannot_be_are_refused(change: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "name": "a",
        "rpc": "http://x",
        "chain_id": 1,
        "market": MARKET,
    }
    with pytest.raises(InputError):
        Network(**(good | change))


@pytest.mark.parametrize("text", ["[x", "[x]\nrpc = 1\n", "x = 1\n", "[x]\nwhat = 1\n"])
def test_a_file_that_is_not_of_networks_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "networks.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"networks.toml cannot be read|is not an"):
        Networks(path).all()


# --- gas ---


def test_the_calldata_floor_is_that_of_eip_7623() -> None:
    assert calldata_floor(b"\0\0\x01") == 21_000 + 10 + 10 + 40


@pytest.fixture(scope="module")
def table() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        (ROOT / "benchmarks" / "gas.json").read_text()
    )
    return found


@pytest.mark.xdist_group("gas")
def test_the_gas_table_is_what_a_real_node_charges(
    table: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_anvil()
    from dataclasses import asdict

    # By the name that the other benchmarks know it by.
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from gas import measure_all

    measured = [asdict(row) for row in measure_all()]
    assert measured == table, "run: make gas"


def test_gas_keeps_its_targets(table: list[dict[str, Any]]) -> None:
    def rows(function: str, case: str) -> list[int]:
        found = [
            row["gas"]
            for row in table
            if row["function"] == function and case in row["case"]
        ]
        assert found
        return found

    create, submit = rows("create_request", "allowance"), rows("submit", "allowance")
    assert max(create) <= 200_000
    assert max(submit) <= 140_000
    assert max(rows("create_request", "permit")) <= max(create) + 35_000
    assert max(rows("submit", "permit")) <= max(submit) + 35_000
    assert max(rows("claim", "right hint")) <= 58_000
    assert max(rows("claim", "32 steps")) <= 140_000
    assert max(rows("withdraw", "with MDC")) <= 55_000
    assert max(rows("withdraw", "without MDC")) <= 75_000


def test_opening_and_validating_cost_the_bytes_and_little_more(
    table: list[dict[str, Any]],
) -> None:
    by_list: dict[tuple[str, int, int, str], list[dict[str, Any]]] = {}
    for row in table:
        if row["function"] in ("open_truth", "open_predictions"):
            if row["labels"] >= 14_000 and row["bits"] == 4:
                # All pages of a list together, in the order of the table.
                key = (
                    row["function"],
                    row["labels"],
                    row["submissions"],
                    row["case"].split(",")[0].replace("last page", "page 0"),
                )
                by_list.setdefault(key, []).append(row)
    assert len(by_list) >= 8
    for key, rows in by_list.items():
        gas, floor = sum(r["gas"] for r in rows), sum(r["floor"] for r in rows)
        assert gas <= floor * 1.05, key


def test_no_call_grows_with_the_submissions_on_a_request(
    table: list[dict[str, Any]],
) -> None:
    flat: dict[tuple[str, str], dict[int, int]] = {}
    for row in table:
        if row["submissions"] in (10, 1_000) and row["labels"] == 14_000:
            # What the bytes of a larger id cost is not growth of the call.
            key = (row["function"], row["case"])
            flat.setdefault(key, {})[row["submissions"]] = row["gas"] - row["floor"]
    compared = [gas for gas in flat.values() if len(gas) == 2]
    assert len(compared) >= 6
    for gas in compared:
        assert gas[1_000] <= gas[10]


def test_several_accounts_are_counted_and_one_is_to_be_named(tmp_path: Path) -> None:
    keystores = Keystores(tmp_path)
    for number in range(3):
        keystores.add(Wallet.from_key(bytes([number + 1]) * 32), PASSPHRASE)
    with pytest.raises(NotFoundError) as told:
        keystores.find(None)
    hint = "Name one with account=; `modelmarket account list` shows them."
    assert str(told.value) == f"There are 3 accounts in {tmp_path}. {hint}"
    with pytest.raises(NotFoundError) as told:
        keystores.find("0x")
    assert told.value.message == f"3 accounts in {tmp_path} begin with '0x'."
