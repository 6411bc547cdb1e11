# SPDX-License-Identifier: Apache-2.0
"""What programs are told by the environment: choices, and secrets."""

from __future__ import annotations

import os
from pathlib import Path

from modelmarket.errors import InputError, NotFoundError

LEAST_PASSPHRASE = 8
"""Characters of one that encrypts a file."""


def refuse_short(passphrase: str) -> None:
    """Makes sure that a passphrase is not guessed at once.

    Raises:
        InputError: It is too short.
    """
    if len(passphrase) < LEAST_PASSPHRASE:
        raise InputError(
            f"The passphrase has {len(passphrase)} characters; "
            f"at least {LEAST_PASSPHRASE} are needed."
        )


def network_from_environment() -> str | None:
    """The name of the network to use, if one is named."""
    return os.environ.get("MODELMARKET_NETWORK") or None


def account_from_environment() -> str | None:
    """The account to use, if one is named."""
    return os.environ.get("MODELMARKET_ACCOUNT") or None


def secret_from_environment(
    variable: str = "MODELMARKET_PASSPHRASE",
) -> str | None:
    """The secret in a variable, or in the file that the variable's name with
    `_FILE` names; None without either.

    Raises:
        NotFoundError: There is no such file.
        InputError: The file cannot be read.
    """
    secret = os.environ.get(variable)
    named = os.environ.get(f"{variable}_FILE")
    if secret or not named:
        return secret or None
    # Read once, so it may be a pipe that a password manager writes to.
    try:
        return Path(named).read_text(encoding="utf-8").rstrip("\r\n")
    except FileNotFoundError as error:
        raise NotFoundError(
            f"There is no file {named}.", hint=f"{variable}_FILE names it."
        ) from error
    except OSError as error:
        raise InputError(f"{named} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{named} is not text in UTF-8.", hint=f"{variable}_FILE names it."
        ) from error
