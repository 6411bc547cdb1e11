# SPDX-License-Identifier: Apache-2.0
"""Where a user's things lie: networks, keys, vault, store, index."""

import os
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "MODELMARKET_HOME"


@dataclass(frozen=True)
class Home:
    """A user's folder. Two users on one machine have two.

    Attributes:
        path: Of the folder; made when something is written to it.
    """

    path: Path

    @classmethod
    def default(cls) -> "Home":
        """The folder in `MODELMARKET_HOME`, or else `~/.modelmarket`."""
        named = os.environ.get(VARIABLE)
        return cls(Path(named) if named else Path.home() / ".modelmarket")

    @property
    def networks(self) -> Path:
        """The networks' profiles."""
        return self.path / "networks.toml"

    @property
    def keystores(self) -> Path:
        """The folder of keystore files."""
        return self.path / "keystores"

    @property
    def vault(self) -> Path:
        """The vault's file."""
        return self.path / "vault.sqlite"

    @property
    def store(self) -> Path:
        """The store's folder."""
        return self.path / "store"

    @property
    def chain(self) -> Path:
        """The embedded chain's file."""
        return self.path / "chain.sqlite"

    @property
    def log(self) -> Path:
        """What happened; nothing of it is needed to go on."""
        return self.path / "log" / "modelmarket.jsonl"

    def index(self, chain_id: int, *contracts: str) -> str:
        """The index of a market's contracts, as an SQLAlchemy address."""
        folder = self.path / "index"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = "-".join([str(chain_id), *(one.lower() for one in contracts)])
        return f"sqlite:///{folder / f'{name}.sqlite'}"

    def scratch(self) -> Path:
        """A folder for files on their way, on the same disk as the store."""
        folder = self.path / "scratch"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    def prepare(self) -> None:
        """Makes the folder, for its owner alone."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.path.stat().st_mode & 0o077:
            self.path.chmod(0o700)
