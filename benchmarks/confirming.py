# SPDX-License-Identifier: Apache-2.0
"""From the click on "confirm" to the page that shows it confirmed:
`PYTHONPATH=tests python benchmarks/confirming.py [--write]`.

Real browser, real server, anvil. Anvil mines at once, so that no block time is
in the figures; the wallet signs without asking, so that no person is either.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from support.browser import House, Visitor, chromium
from support.market import place

RESULT = Path(__file__).with_name("confirming.json")
RUNS = 20


def clicks(visitor: Visitor) -> list[float]:
    """Milliseconds of so many small transactions, from the quickest."""
    took = []
    for _ in range(RUNS):
        visitor.go("/agent")
        form = {"kind": "fund", "back": "/activity"}
        # The page's own form, with a page to go to that is not this one.
        visitor.tab.evaluate(
            "values => { const form = document.createElement('form');"
            " form.method = 'post'; form.action = '/actions';"
            " for (const [name, value] of Object.entries(values)) {"
            "  const field = document.createElement('input');"
            "  field.name = name; field.value = value; form.append(field); }"
            " document.body.append(form); form.submit(); }",
            form,
        )
        visitor.tab.wait_for_url("**/actions/*")
        button = visitor.tab.locator("#confirm button:enabled")
        button.wait_for()
        began = time.perf_counter()
        button.click()
        visitor.tab.wait_for_url("**/activity")
        visitor.tab.locator("main tbody tr", has_text="confirmed").first.wait_for()
        took.append((time.perf_counter() - began) * 1_000)
    return sorted(took)


def main() -> None:
    """Prints the figures, and writes them with `--write`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found = []
    with (
        tempfile.TemporaryDirectory() as folder,
        place("anvil", Path(folder)) as here,
        chromium() as browser,
        ExitStack() as closing,
    ):
        house = House(here, browser, closing)
        for who, wallet in (
            ("a wallet in the browser", True),
            ("this computer's key", False),
        ):
            visitor = house.visit(who.replace(" ", "-"), wallet=wallet)
            visitor.connect()
            took = clicks(visitor)
            found.append(
                {
                    "who": who,
                    "middle_ms": round(took[RUNS // 2]),
                    "worst_ms": round(took[-1]),
                }
            )
    print(json.dumps(found, indent=1))
    if options.write:
        RESULT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
