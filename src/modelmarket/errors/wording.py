# SPDX-License-Identifier: Apache-2.0
"""One sentence for three faces: the command, Python, and the page.

A sentence is written once, as the command says it: a setting as `--label`, and what to
do as a command between backticks. In Python the first becomes an argument, and the
second a call if there is one; on the page they become fields and places. Whatever has
no counterpart there is a command of the terminal, and stays one.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """What can be said of something that is done.

    Attributes:
        argument: Its name in Python.
        value: What a switch sets it to; empty if a value is to be said.
        field: What the page calls its field; empty if it has none.
        instead: What the page says in place of a sentence that names it, where it has
            no field; empty to leave the sentence out.
    """

    argument: str
    value: str = ""
    field: str = ""
    instead: str = ""


SWITCH = "True"
UTF_8 = "Save the file as CSV in UTF-8."
HEADED = "Give the file a header, in which each column has a name of its own."
NUMBERS = "Say of the labels that they are numbers to be predicted."
SETTINGS = {
    "--accept-findings": Setting(
        "accept_findings", SWITCH, "Yes, the table is meant as it is"
    ),
    "--accept-risk": Setting("accept_risk", SWITCH),
    "--accept-slash": Setting("accept_slash", SWITCH),
    "--accept-stake": Setting(
        "accept_stake", SWITCH, "Yes, with a stake above the reward"
    ),
    "--accept-threshold": Setting(
        "accept_threshold", SWITCH, "Yes, with a threshold that needs no model"
    ),
    "--accept-window": Setting(
        "accept_window",
        SWITCH,
        "Yes, with a window shorter than the chain takes to be final",
    ),
    "--account": Setting(
        "account", instead="Another account is chosen at the top of the page."
    ),
    "--again": Setting("again", SWITCH, "Yes, once more, although it was done before"),
    "--balanced": Setting("balanced", SWITCH, "Count every class alike, however rare"),
    "--bins": Setting("bins", field="Bins"),
    "--bits": Setting("bits", field="Bits of a number"),
    "--challenge-minutes": Setting(
        "challenge_window_s", field="Time in which a shown model can be refuted"
    ),
    "--delimiter": Setting("delimiter", instead=UTF_8),
    "--encoding": Setting("encoding", instead=UTF_8),
    "--error": Setting("error", field="What counts"),
    "--even": Setting(
        "even",
        SWITCH,
        "Space the codes of numbers evenly, for linear models and networks",
    ),
    "--even-bins": Setting(
        "even_bins",
        SWITCH,
        "Bins of the same width, rather than with as many rows each",
    ),
    "--files": Setting("files", field="The files are named in column"),
    "--files-in": Setting("files_in", field="Files that the rows name"),
    "--fraction": Setting("fraction", field="Part of the rows that is tested"),
    "--group": Setting("group", field="Keep rows in one part that say the same"),
    "--header": Setting("header", SWITCH, instead=HEADED),
    "--label": Setting("label", field="The labels are in column"),
    "--labels": Setting("labels", field="Labels"),
    "--licence": Setting("licence", field="Licence of the data"),
    "--live": Setting("is_final", "False"),
    "--mine": Setting("mine", SWITCH),
    "--minutes": Setting("submission_window_s", field="Open for submissions"),
    "--model-licence": Setting("model_licence", field="Licence of the model that wins"),
    "--most-error": Setting("most_error", field="Largest mean error"),
    "--no-header": Setting("header", "False", instead=HEADED),
    "--probabilities": Setting("probabilities", field="Probabilities"),
    "--response-minutes": Setting("response_window_s", field="Each step after it"),
    "--reward": Setting("reward", field="Reward in MDC"),
    "--scale": Setting("scale", field="Error from which on a row scores nothing"),
    "--stake": Setting("stake", field="Stake of each submission in MDC"),
    "--stratified": Setting("stratified", SWITCH, "The same part of every class"),
    "--threshold": Setting("threshold", field="Threshold"),
    "--time": Setting("time", field="Test the latest rows, by column"),
    "--unconfined": Setting("unconfined", SWITCH),
    "--width": Setting("width", field="Bits of a code"),
}
"""Every option that a sentence names outside a command; a test holds them to all three
faces."""


@dataclass(frozen=True)
class Call:
    """What a command is called elsewhere.

    Attributes:
        python: What is called. `request` or `submission` stands for the one that the
            command's first word names.
        place: Where the page does it.
        instead: What the page says in place of a sentence that names it, if a place
            alone makes no sense there.
    """

    python: str
    place: str
    instead: str = ""


CALLS = {
    "account send": Call("market.transfer", "the account's page"),
    "airdrop": Call(
        "market.claim_airdrop", "“Get 1,000 MDC (once)” in the wallet’s menu at the top"
    ),
    "dataset report": Call("request.report", "the request's data"),
    "request create": Call("market.create_request", "New request", NUMBERS),
    "request enforce": Call("request.enforce", "the request's page"),
    "request list": Call("market.requests", "the market's page"),
    "request model": Call("request.fetch_model", "the request's page"),
    "request show": Call("request", "the request's page"),
    "request settle": Call("request.settle", "the request's page"),
    "reproduce": Call("request.reproduce", "the request's page"),
    "submission check": Call("request.check", "the request's page"),
    "submission list": Call("market.submissions", "the account's page"),
    "submission show": Call("submission", "the request's page"),
    "submit": Call(
        "request.submit",
        "the request's page",
        "Choose an exported model's file alone, or any file with its predictions.",
    ),
}
"""Commands that have a counterpart in Python; all others are of the terminal alone."""
CONTEST, VERIFIED = "market.create_contest", "--verified"

_VALUE = r"(?!--)(?:'[^']*'|[^\s,.;:)`]+(?:\.[^\s,.;:)`]+)*)"
_OPTION = rf"(?<![\w'\"-])(?P<option>--[a-z][a-z-]*[a-z])(?: (?P<value>{_VALUE}))?"
_NAMED = re.compile(rf"`modelmarket (?P<command>[^`]+)`|{_OPTION}")
_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z`])")


def in_python(text: str) -> str:
    """What a sentence says to whoever calls this package."""

    def said(found: re.Match[str]) -> str:
        if found["command"] is not None:
            return _call(found["command"]) or found[0]
        if found["option"] == VERIFIED:
            # Of which market a request is, is said by what is called.
            more = found.string[found.end() :].startswith(" --")
            return f"`{CONTEST}`{' with' if more else ''}"
        setting = SETTINGS.get(found["option"])
        return found[0] if setting is None else _argument(setting, found)

    return _NAMED.sub(said, text)


def on_the_page(text: str) -> str:
    """What a sentence says to whoever looks at the page."""
    said: list[str] = []
    for sentence in _SENTENCE.split(text):
        one = _on_the_page(sentence)
        # Several sentences may have the same in their place.
        if one and (one == sentence or one not in said):
            said.append(one)
    return " ".join(said)


def _on_the_page(sentence: str) -> str:
    found = list(_NAMED.finditer(sentence))
    for one in found:
        known: Setting | Call | None
        if one["command"] is not None:
            known = _known(one["command"].split())[0]
            has_none = known is not None and bool(known.instead)
        elif one["option"] == VERIFIED:
            return NUMBERS
        else:
            known = SETTINGS.get(one["option"])
            has_none = known is not None and not known.field
        if known is not None and has_none:
            return known.instead

    def said(found: re.Match[str]) -> str:
        if found["command"] is not None:
            call = _known(found["command"].split())[0]
            if call is None:
                return found[0]
            if found.start():
                return call.place
            # note: `capitalize` would make small letters of a button's name.
            return call.place[:1].upper() + call.place[1:]
        setting = SETTINGS.get(found["option"])
        if setting is None:
            return found[0]
        rest = "" if found["value"] is None else f" {found['value']}"
        return f"“{setting.field}”{rest}"

    return _NAMED.sub(said, sentence)


def _known(words: list[str]) -> tuple[Call | None, list[str]]:
    """What a command is elsewhere, and the words behind its name."""
    for size in (2, 1):
        call = CALLS.get(" ".join(words[:size]))
        if call is not None:
            return call, words[size:]
    return None, words


def _argument(setting: Setting, found: re.Match[str]) -> str:
    value = found["value"]
    if setting.value:
        rest = "" if value is None else f" {value}"
        return f"{setting.argument}={setting.value}{rest}"
    return f"{setting.argument}={'' if value is None else _written(value)}"


def _call(command: str) -> str:
    """A command as a call between backticks; empty if Python has none."""
    try:
        call, words = _known(shlex.split(command))
    except ValueError:
        return ""
    if call is None:
        return ""
    name, (holder, _, step) = call.python, call.python.partition(".")
    if holder != "market":
        number = words.pop(0) if words else "ID"
        if not number.isupper():
            name = f"market.{holder}({_written(number)}){'.' * bool(step)}{step}"
        elif not step:
            name = f"market.{holder}(id)"
        if not step:
            return f"`{name}`"
    given, named = list[str](), list[str]()
    while words:
        word = words.pop(0)
        if word == VERIFIED:
            name = CONTEST
        elif setting := SETTINGS.get(word):
            value = setting.value or _written(words.pop(0) if words else "")
            named.append(f"{setting.argument}={value}")
        else:
            given.append(_written(word))
    # The command takes predictions before the model, as people have them; Python takes
    # the model first, since it is often alone.
    if step == "submit":
        given.reverse()
    return f"`{name}({', '.join([*given, *named])})`"


def _written(word: str) -> str:
    """A word of a command as Python has it."""
    word = word.strip("'")
    if word.isupper() or word.isdigit():
        return word.lower()
    return f'"{word}"'
