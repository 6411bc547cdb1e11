# SPDX-License-Identifier: Apache-2.0
"""`submission check` of an exact model: what would be sealed, and after the end what it
would have scored; the same as `request.check` gives in Python.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from modelmarket.chain.wallets import Keystores
from support.contests import contest, seen_request, tree_of
from support.market import PASSPHRASE, Place

Give = Callable[..., tuple[object, str, str]]


def test_a_model_is_told_as_a_notebook_tells_it_before_and_after_the_end(
    here: Place, give: Give, tmp_path: Path
) -> None:
    contest(here, here.markets["rita"])
    ann = here.markets["ann"]
    # The command unlocks no key, and knows whose they are.
    Keystores(ann.home.keystores).add(ann.wallet, PASSPHRASE)
    request, path = seen_request(here), tmp_path / "tree.exact"
    tree = tree_of(request, 3)
    request.convert(tree).save(path)

    def told() -> str:
        """What people and programs are told is what Python tells."""
        checked, prospect = request.refresh().check(path), request.prospect
        costs = prospect(checked.model).lines()
        code, said, errors = give("ann", "submission", "check", "v1", str(path))
        assert (code, errors) == (0, "")
        title, columns, *rest = said.splitlines()
        assert title == f"tree.exact fits request v1: {checked.title}"
        assert columns == "\t".join(checked.columns)
        classes = ["\t".join(one) for one in checked.classes]
        assert rest[: len(classes) + len(checked.lines())] == [
            *classes,
            *checked.lines(),
        ]
        assert [one[:40] for one in rest[-3:]] == [one[:40] for one in costs]
        _, found, _ = give("ann", "submission", "check", "v1", str(path), "--json")
        document = json.loads(found)
        same = checked.as_document()
        assert {key: document[key] for key in same} == json.loads(json.dumps(same))
        assert {"answer", "challenge", "bond_wei", "warnings"} == {*document} - {*same}
        _, quiet, _ = give("ann", "submission", "check", "v1", str(path), "--quiet")
        assert quiet.splitlines() == [title, columns, *classes]
        return said

    said = told()
    assert "\nclass\tpredicted training rows\ttraining rows\n" in said
    assert "% of the points on the training part, which it may know.\n" in said
    assert "place" not in said
    entry = request.submit(tree, show=None)
    here.move_to(request.record.deadline)
    assert give("rita", "request", "open", "v1")[0] == 0
    entry.refresh().claim()
    rows, score = request.terms.rows, entry.refresh().record.score
    points = (
        f"{score} of {rows} points ({(score or 0) / rows:.2%}) on {rows} hidden rows"
    )
    said = told()
    assert f"{points}.\n" in said
    assert "\nclass\tpredicted hidden rows\ttraining rows\n" in said
    here.move_to(request.refresh().position().step_ends)
    where = "place 1, had it been submitted in time (unofficial)"
    assert f"{points}: {where}.\n" in told()
