# SPDX-License-Identifier: Apache-2.0
"""Whatever is wrong with a form's fields is told at once, each beside its own."""

from __future__ import annotations

import re

import pytest

from modelmarket.errors import FieldError
from modelmarket.web.forms import Reading
from modelmarket.web.rendering import at_field
from support.visits import Tab, words

TERMS = {
    "name": "points",
    "reward": "100",
    "minutes": "60",
    "response": "15",
    "fraction": "20%",
    "width": "8",
}
CLASSES = {
    "licence": "whatever you like",
    "reward": "much",
    "threshold": "120%",
    "minutes": "soon",
    "response": "",
    "fraction": "0",
    "group": "nowhere",
    "time": "never",
    "stake": "-1",
}
NUMBERS = {"most_error": "little", "scale": "x", "bits": "7", "error": "none"}
WRONG = {
    "a verified contest": ("contests", CLASSES | {"challenge": "?", "width": "9"}),
    "one of numbers": ("contests", NUMBERS | {"predicted": "numbers", "stake": "a"}),
    "a contest of predictions": ("requests", CLASSES),
    "one of numbers in bins": ("requests", {"predicted": "numbers", "bins": "1.5"}),
}


@pytest.fixture(scope="module")
def upload(tab: Tab) -> str:
    """A table that no terms were written for yet."""
    rows = "\n".join(f"{at},{at % 7},{at % 2}" for at in range(80))
    sent = {"data": ("n.csv", f"x,y,label\n{rows}\n".encode())}
    answer = tab.post("/requests/new", files=sent)
    return answer.headers["location"].rpartition("/")[2].partition("?")[0]


def complaints(page: str) -> dict[str, str]:
    """What stands beside the fields that are wrong, in the order of the page."""
    said = re.findall(r'id="(\w+)-wrong">(.*?)</span>', page, re.DOTALL)
    return {name: words(text) for name, text in said}


@pytest.mark.parametrize("which", WRONG)
@pytest.mark.parametrize("button", [{}, {"look": "yes"}], ids=["seal", "look"])
def test_each_field_that_is_wrong_says_so(
    tab: Tab, upload: str, which: str, button: dict[str, str]
) -> None:
    kind, wrong = WRONG[which]
    typed = TERMS | {"label": "label"} | wrong | button
    place = f"/{kind}/new/{upload}"
    asked = f"label=label&predicted={wrong.get('predicted', 'classes')}"
    fields = re.findall(r' name="(\w+)"', tab.get(f"{place}?{asked}").text)
    assert wrong.keys() <= {*fields}
    # A browser sends them in the order of the page.
    typed = {name: typed[name] for name in dict.fromkeys(fields) if name in typed}
    answer = tab.post(place, **typed)
    assert answer.status_code == 400
    told = complaints(answer.text)
    # Nothing is paid for looking, and so a reward is not read then.
    unread = {"predicted", "reward"} if button else {"predicted"}
    assert told.keys() == wrong.keys() - unread
    [top] = re.findall(r'role="alert"[^>]*>(.*?)</div>', answer.text, re.DOTALL)
    first, *others = told.values()
    assert words(top).startswith(first)
    if others:
        more = "1 more field" if len(others) == 1 else f"{len(others)} more fields"
        assert f" {more} below " in words(top)
    assert answer.text.count('aria-invalid="true"') == len(told)


def test_the_first_field_of_the_form_comes_first_however_it_is_read() -> None:
    def refuse(field: str) -> int:
        raise FieldError(f"{field} is wrong", field=field)

    reading = Reading({"a": "", "b": "", "c": ""})
    assert reading.take(lambda: 3, 0) == 3
    for field in ("c", "elsewhere", "a"):
        assert reading.take(lambda field=field: refuse(field), 7) == 7  # type: ignore[misc]  # a default
    with pytest.raises(FieldError, match="a is wrong") as found:
        reading.finish()
    assert [one.field for one in found.value.others] == ["c", "elsewhere"]
    assert at_field(found.value, "elsewhere", "c") is found.value.others[0]
    assert at_field(found.value, "b") is None
    assert at_field(None, "a") is None
    Reading({}).finish()
