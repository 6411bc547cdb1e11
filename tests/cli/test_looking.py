# SPDX-License-Identifier: Apache-2.0
"""Commands that only look: what they leave locked, and unloaded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from modelmarket.chain.networks import Networks
from modelmarket.chain.wallets import Keystores
from support.market import PASSPHRASE, Place

Command = Callable[..., tuple[object, str, str]]

OF_ONES_OWN = [
    ("agent", "plan"),
    ("request", "list", "--mine"),
    ("submission", "list"),
    ("vault", "copies"),
    ("trainer", "run", "--once", "--dry-run"),
]


@pytest.mark.parametrize("words", OF_ONES_OWN, ids=" ".join)
def test_whoever_looks_at_what_is_her_own_leaves_the_key_locked(
    here: Place, command: Command, words: tuple[str, ...]
) -> None:
    ann = here.markets["ann"]
    Keystores(ann.home.keystores).add(ann.wallet, "of the key, and not of the vault")
    said = {"HOME": str(ann.home.path), "NETWORK": "test", "PASSPHRASE": PASSPHRASE}
    # An empty list would say so beside the pipe.
    code, _, errors = command(*words, "--quiet", **said)
    assert (code, errors) == (0, "")
    code, _, errors = command("airdrop", **said)
    assert (code, "The passphrase does not open UTC--" in errors) == (2, True)
    code, _, errors = command(*words, **(said | {"PASSPHRASE": "mistyped, alas"}))
    assert (code, "passphrase" in errors) == (8, True)


def test_a_mistyped_passphrase_makes_no_vault(here: Place, command: Command) -> None:
    """Where there is none yet, the key is what proves it."""
    home = here.folder / "bob"
    ann = here.markets["ann"]
    Keystores(home / "keystores").add(ann.wallet, PASSPHRASE)
    Networks(home / "networks.toml").put(here.network)
    said = {"HOME": str(home), "NETWORK": "test"}
    code, _, errors = command("submission", "list", **said, PASSPHRASE="mistyped, alas")
    assert (code, "The passphrase does not open UTC--" in errors) == (2, True)
    assert command("submission", "list", **said, PASSPHRASE=PASSPHRASE)[0] == 0


def test_the_market_is_read_without_what_signs_or_reads_tables(here: Place) -> None:
    """It takes longer to load than the answer to come."""
    program = (
        "import sys\n"
        "from modelmarket.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('eth_account', 'polars', 'onnx', 'onnxruntime', 'sklearn',"
        " 'scipy', 'rich', 'pygments', 'eth', 'starlette') if m in sys.modules])\n"
    )
    ann = here.markets["ann"]
    Keystores(ann.home.keystores).add(ann.wallet, PASSPHRASE)
    environment = os.environ | {
        "MODELMARKET_HOME": str(ann.home.path),
        "MODELMARKET_NETWORK": "test",
        "MODELMARKET_PASSPHRASE": PASSPHRASE,
    }
    environment.pop("MODELMARKET_PRIVATE_KEY", None)
    for words in (("request", "list"), ("account", "reputation"), *OF_ONES_OWN):
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        assert done.stdout.splitlines()[-1] == "[]", words


def test_one_thing_is_told_as_one(here: Place, give: Command) -> None:
    """Of a request that nobody has entered there is one secret, event and payment."""
    here.create(here.markets["rita"])
    path = str(here.folder / "backup.json")
    assert "holds 1 secret.\n" in give("rita", "vault", "backup", path)[1]
    assert give("rita", "vault", "restore", path)[1] == "1 secret is in the vault.\n"
    told = give("rita", "audit", "1")[1]
    assert "after 1 event; 0 submissions in" in told
    assert "1 payment: 100 MDC came in, 0 MDC went out" in told
