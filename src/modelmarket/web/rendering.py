# SPDX-License-Identifier: Apache-2.0
"""Templates into pages. Whatever strangers wrote comes out as text."""

from __future__ import annotations

import re
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from modelmarket.datasets.about import agreement
from modelmarket.errors import ChainError, FieldError
from modelmarket.errors.wording import on_the_page
from modelmarket.market.confirming import is_away
from modelmarket.protocol.money import format_about, format_cents, format_mdc
from modelmarket.system.text import counted, local_time, measured, percent, plain
from modelmarket.web import charts, views

if TYPE_CHECKING:
    from collections.abc import Callable

    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

_OF_CARDS = {"h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "hr"}
_HEADINGS = {f"h{level}" for level in range(1, 7)}
WEB = ("https://", "http://")
"""How addresses begin that people may want to know."""
HEADINGS_ABOVE = 2
"""A page has its title, and its sections have theirs."""
MOST_LINK_STEPS = 2**20
"""Of looking for the ends of a paragraph's links: from each bracket on to its end. What
takes more is a trap, and its brackets are text."""
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_ALLOWED = {"p", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "br"}


def markdown(text: str) -> Markup:
    """A stranger's Markdown: paragraphs, lists, emphasis and code; no links,
    no pictures, no HTML. Where a link would lead is told behind its words.
    """
    return _rendered(text, _ALLOWED)


def card(text: str) -> Markup:
    """A stranger's card of a dataset: the same, with tables and with headings below the
    page's own, and without what stands before it for programs.
    """
    return _rendered(_FRONT.sub("", text, count=1), _ALLOWED | _OF_CARDS)


def _rendered(text: str, allowed: set[str]) -> Markup:
    import nh3
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    without_links = MarkdownIt("commonmark", {"html": False}).disable(["link", "image"])

    def read_inline(state: StateCore) -> None:
        """Reads what is within paragraphs, as the parser's own rule of that name."""
        for token in state.tokens:
            if token.type == "inline":
                said = token.content
                is_dear = said.count("[") * len(said) > MOST_LINK_STEPS
                by = without_links if is_dear else parser
                read: list[Token] = []
                by.inline.parse(said, by, state.env, read)
                token.children = _with_addresses(read)

    parser.core.ruler.at("inline", read_inline)
    tokens = parser.parse(plain(text))
    for token in tokens:
        if token.tag in _HEADINGS:
            token.tag = f"h{min(int(token.tag[1]) + HEADINGS_ABOVE, 6)}"
    made = parser.renderer.render(tokens, parser.options, {})
    return Markup(nh3.clean(made, tags=allowed, attributes={}))  # noqa: S704  # cleaned


def _with_addresses(read: list[Token]) -> list[Token]:
    """What is within a paragraph, with the web address of each link behind its words:
    nobody is led anywhere, and whoever wants to can look where it leads.
    """
    from markdown_it.token import Token

    found: list[Token] = []
    open_ones: list[str] = []
    for one in read:
        found.append(one)
        if one.type == "link_open":
            said = str(one.attrGet("href") or "")
            is_told = one.markup != "autolink" and said.startswith(WEB)
            open_ones.append(said if is_told else "")
        elif one.type == "link_close" and open_ones and (said := open_ones.pop()):
            found.append(Token("text", "", 0, content=f" ({said})"))
    return found


def strangers(text: object) -> Markup:
    """A stranger's words: no control characters, and a direction of their own."""
    return Markup("<bdi>{}</bdi>").format(plain(text))


def at_field(error: object, *names: str) -> FieldError | None:
    """What is wrong with one of these fields of a form; None if nothing is.

    Args:
        error: That the form was refused with; None for none.
        names: The fields.
    """
    every = (error, *error.others) if isinstance(error, FieldError) else ()
    return next((one for one in every if one.field in names), None)


def spoken(text: object) -> Markup:
    """Our own words as the page says them, with commands between backticks."""
    return with_code(on_the_page(plain(text)))


def with_code(text: object) -> Markup:
    """Words in which what is between backticks is code."""
    parts = plain(text).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if odd % 2 else part
        for odd, part in enumerate(parts)
    )


def moment(second: int) -> Markup:
    """A second of chain time: local, with UTC when it is pointed at."""
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        views.iso(second), views.utc(second), local_time(second)
    )


def moment_and_utc(second: int) -> Markup:
    """A second of chain time: local, and in UTC where that is another time."""
    if views.utc(second) == f"{local_time(second)} UTC":
        return Markup('<time datetime="{}">{}</time>').format(
            views.iso(second), views.utc(second)
        )
    return moment(second) + Markup(' <span class="muted">({})</span>').format(
        views.utc(second)
    )


def countdown(second: int, now: int) -> Markup:
    """How long until a second; the page counts it down."""
    return Markup('<span data-until="{}">{}</span>').format(
        second, views.duration(second - now)
    )


@cache
def environment() -> Environment:
    """The templates and what they may call."""
    made = Environment(
        loader=PackageLoader("modelmarket.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "mdc": format_mdc,
        "about": format_about,
        "cents": format_cents,
        "strangers": strangers,
        "agreement": agreement,
        "markdown": markdown,
        "moment": moment,
        "moment_and_utc": moment_and_utc,
        "utc": views.utc,
        "duration": views.duration,
        "size": views.size,
        "short": views.short,
        "cut": views.cut,
        "plain": plain,
        "spoken": spoken,
        "at_field": at_field,
        "with_code": with_code,
        "on_the_page": on_the_page,
        "percent": percent,
        "counted": counted,
        "measured": measured,
        "listed": views.listed,
    }
    made.filters.update(filters)
    made.tests["away"] = lambda one: isinstance(one, ChainError) and is_away(one)
    made.globals.update(
        countdown=countdown,
        CONFIRMATIONS=views.CONFIRMATIONS,
        STATES=views.STATES,
        result_of=views.result_of,
        draw_states=lambda *a: Markup(charts.draw_states(*a)),  # noqa: S704  # ours
        draw_ranking=lambda *a: Markup(charts.draw_ranking(*a)),  # noqa: S704  # escaped there
        draw_bars=lambda *a, **o: Markup(charts.draw_bars(*a, **o)),  # noqa: S704  # escaped there
        escape=escape,
        zone=lambda: views.zone(int(time.time())),
    )
    return made


def render(template: str, **values: Any) -> str:
    """A page."""
    return environment().get_template(template).render(**values)
