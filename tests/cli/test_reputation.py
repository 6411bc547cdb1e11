# SPDX-License-Identifier: Apache-2.0
"""What an address has made of its requests and submissions, on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable

from support.contests import contest, enter, finish, to_claims
from support.market import Place

Give = Callable[..., tuple[object, str, str]]


def traded(here: Place) -> None:
    """Rita pays Ann, cancels with her in, and begins another request."""
    rita, ann = here.markets["rita"], here.markets["ann"]
    first = here.create(rita)
    here.submit(ann, first.id, 3)
    here.submit(ann, first.id, 1)
    here.move_to(first.record.deadline)
    rita.request(1).open_truth()
    for one in ann.submissions():
        one.claim()
    here.move_to(rita.request(1).position().step_ends)
    ann.submission(2).validate()
    second = here.create(rita)
    here.submit(ann, second.id)
    second.cancel(max_live=1)
    here.create(rita)


def test_a_reputation_is_told_in_lines_and_as_a_document(
    here: Place, give: Give
) -> None:
    rita, ann = (here.markets[one].wallet.address for one in ("rita", "ann"))
    assert give("rita", "account", "reputation", ann)[1].splitlines() == [
        f"Account {ann}",
        "  as requester: new here",
        "  as trainer: new here",
    ]
    traded(here)
    code, told, _ = give("rita", "account", "reputation")
    assert code == 0
    assert told.splitlines() == [
        f"Account {rita}",
        "  as requester: 3 requests: 1 paid, 1 cancelled with entries, 1 going on",
        "  1 truth or key opened",
        "  as trainer: new here",
    ]
    # Anybody's, in whichever case.
    code, told, _ = give("rita", "account", "reputation", ann.lower(), "--json")
    assert code == 0
    document = json.loads(told)
    assert document["address"] == ann
    assert (
        document["as_trainer"]
        == here.markets["rita"].reputation(ann).as_trainer.as_document()
    )
    assert document["as_trainer"]["summary"] == (
        "3 submissions: 1 won, 1 did not win, 1 never judged"
    )
    assert document["as_requester"]["requests"] == 0


def test_what_is_no_address_is_said_to_be_none(here: Place, give: Give) -> None:
    ann = here.markets["ann"].wallet.address
    for said in ("0x1234", ann[:-1], f"{ann}0", "", "rita"):
        code, told, errors = give("rita", "account", "reputation", said)
        assert (code, told) == (2, ""), said
        assert f"{said!r} is not an account's address." in errors


def test_a_request_tells_who_asks_and_who_has_claimed(here: Place, give: Give) -> None:
    rita, ann = here.markets["rita"].wallet.address, here.markets["ann"].wallet.address
    traded(here)
    _, told, _ = give("ann", "request", "show", "1")
    assert (
        f"  requester {rita}: 3 requests: 1 paid, 1 cancelled with entries, 1 going on"
        in told.splitlines()
    )
    assert told.count("1 won of 2") == 2  # beside each of Ann's claims
    _, told, _ = give("ann", "request", "show", "1", "--json")
    document = json.loads(told)
    people = {one["address"]: one for one in document["reputations"]}
    assert set(people) == {rita, ann}
    assert people[ann]["as_trainer"]["won"] == 1
    assert people[rita]["as_requester"]["cancelled_with_entries"] == 1


def test_a_contest_counts_beside_requests_and_its_own_winner_is_told(
    here: Place, give: Give
) -> None:
    """Rita enters a verified contest of hers."""
    rita = here.markets["rita"]
    request = contest(here, rita)
    enter(rita, depth=3)
    to_claims(here, request)
    assert finish(here, "rita").record.winner
    here.create(rita)
    _, told, _ = give("ann", "request", "show", "v1")
    assert "2 requests: 1 paid, 1 going on; won 1 of them itself" in told
    assert "1 won of 1, 1 its own" in told
    found = rita.reputation()
    assert found.as_requester.opened == 1
    assert found.as_trainer.short == "1 won of 1, 1 its own"


def test_jupyter_shows_them_beside_a_request(here: Place) -> None:
    traded(here)
    request = here.markets["ann"].any_request(here.markets["ann"].request(1).id)
    shown = request._repr_html_()
    assert "3 requests: 1 paid, 1 cancelled with entries, 1 going on" in shown
    assert shown.count("<td>1 won of 2</td>") == 2
    [won, _] = request.submissions()[::-1]
    trainer = here.markets["ann"].wallet.address
    assert f"<li>trainer {trainer}: 1 won of 2</li>" in won._repr_html_()
    whose = here.markets["rita"].reputation()
    assert "3 requests: 1 paid" in whose._repr_html_()
