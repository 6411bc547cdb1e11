# SPDX-License-Identifier: Apache-2.0
"""Buy a machine learning model from whoever can train the best one.

`Market.connect()` is where to begin.
"""

import sys
from typing import TYPE_CHECKING, Any

if sys.version_info < (3, 11):  # noqa: UP036  # or else a SyntaxError, further down
    # No ImportError: its traceback would hide the one line that matters.
    sys.exit(
        "modelmarket needs Python 3.11 or later; this is Python "
        + sys.version.split()[0]
        + "."
    )

if TYPE_CHECKING:
    from modelmarket.market import Market, Request, Submission

__all__ = ["Market", "Request", "Submission", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Imports the objects when they are asked for, so that starting is fast."""
    if name in ("Market", "Request", "Submission"):
        from modelmarket import market

        return getattr(market, name)
    raise AttributeError(f"module 'modelmarket' has no attribute {name!r}")
