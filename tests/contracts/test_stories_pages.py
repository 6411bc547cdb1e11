# SPDX-License-Identifier: Apache-2.0
"""Pages, seals and counting, in stories that are compared after every call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from contracts import sealing
from contracts.comparing import (
    MODEL,
    PEOPLE,
    RESPONSE,
    SALT,
    Comparison,
    Guess,
    Truth,
)
from contracts.encoding import Page, text
from contracts.reference import NO_PERMIT
from contracts.sealing import NOTHING, PAGE_WORDS, Core, Onion

WIDTHS = (1, 2, 4, 8, 16)
FULL = 32 * PAGE_WORDS


def per_page(bits: int) -> int:
    return PAGE_WORDS * 256 // bits


def three_pages(bits: int) -> int:
    """Labels that end in the middle of a word of the third page."""
    return 2 * per_page(bits) + 2 * 256 // bits + 3


def on_every_page(bits: int) -> tuple[int, ...]:
    """The first and last labels of each page of such a list."""
    full, last = per_page(bits), three_pages(bits) - 1
    return (0, full - 1, full, 2 * full - 1, 2 * full, last)


# --- counting ---


@pytest.mark.parametrize("bits", WIDTHS)
def test_open_predictions__of_three_pages_at_every_width__counts_them_and_wins(
    both: Comparison, bits: int
) -> None:
    wrong = on_every_page(bits)
    truth, ann, bob = both.in_claims(
        wrong, [*wrong, 1, 2], count=three_pages(bits), bits=bits
    )
    assert len(truth.onion.pages) == 3
    both.claim(ann)
    both.claim(bob)
    both.close_claims(truth)
    both.open_pages(ann)
    assert both.phase(truth) == "FULFILLED"


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("off", [-1, 1])
def test_open_predictions__of_a_claim_that_is_one_off__fails_it_on_the_last_page(
    both: Comparison, bits: int, off: int
) -> None:
    wrong = on_every_page(bits)
    truth, ann, bob = both.in_claims(
        wrong, [*wrong, 1, 2], count=three_pages(bits), bits=bits
    )
    both.claim(ann, ann.matches + off)
    both.claim(bob)
    both.close_claims(truth)
    both.open_pages(ann)
    assert both.entered(ann).status == "failed"
    both.open_pages(bob)
    assert both.phase(truth) == "FULFILLED"


@pytest.mark.parametrize("bits", WIDTHS)
def test_open_predictions__of_one_word_at_every_width__counts_each_label_once(
    both: Comparison, bits: int
) -> None:
    count = 256 // bits
    for wrong in ((0,), (count - 1,), tuple(range(count)), tuple(range(0, count, 2))):
        truth, ann = both.in_validation(wrong, count=count, bits=bits)
        both.open_page(ann)
        assert both.asked(truth).matched == count - len(wrong)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_open_predictions__of_a_full_page_and_a_label_more_or_less__wins(
    both: Comparison, bits: int, more: int
) -> None:
    count = per_page(bits) + more
    truth, ann = both.in_validation([count - 1], count=count, bits=bits)
    assert len(truth.onion.pages) == (2 if more > 0 else 1)
    both.open_pages(ann)
    assert both.phase(truth) == "FULFILLED"


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("pages", [1, 2])
@pytest.mark.parametrize("filled", ["truth", "predictions", "both"])
def test_open_predictions__with_anything_in_the_padding__never_counts_it(
    both: Comparison, bits: int, pages: int, filled: str
) -> None:
    count = (pages - 1) * per_page(bits) + 3
    _, onion = both.terms("requester", count, bits, 1)
    if filled != "predictions":
        onion = _with_padding(onion)
    truth = both.create(count=count, bits=bits, seal=onion.layers[0])
    truth = replace(truth, onion=onion)
    mine = both.guess(truth, "ann", [0]).onion
    if filled != "truth":
        mine = _with_padding(mine)
    ann = _submit(both, truth, "ann", mine, (0,))
    both.open_truth(truth)
    both.claim(ann)
    both.close_claims(truth)
    both.open_pages(ann)
    assert both.phase(truth) == "FULFILLED"


def _with_padding(onion: Onion) -> Onion:
    """Ones in the last bytes of the last word, where no label is."""
    *pages, last = onion.pages
    return replace(onion, pages=(*pages, Page(last[:-25] + b"\xff" * 25)))


def _submit(
    both: Comparison,
    truth: Truth,
    who: str,
    onion: Onion,
    wrong: tuple[int, ...] = (),
    refused: str | None = None,
) -> Guess:
    """Submits a seal that was made otherwise."""
    made = Guess(0, truth, who, wrong, onion, MODEL, onion.seal)
    return both.submit(truth, who, copied=made, refused=refused)


def test_open_predictions__of_labels_that_no_class_has__counts_them_like_others(
    both: Comparison,
) -> None:
    truth, ann = both.in_validation([0, 1], count=40, bits=8, seed=3)
    both.open_page(ann)
    assert both.asked(truth).matched == 38


def test_open_predictions__of_the_longest_list__checks_each_of_342_pages_by_itself(
    both: Comparison,
) -> None:
    """All 4,194,304 labels of 16 bits: no index and no count wraps."""
    count, bits = 2**22, 16
    pages = [Page(bytes([n // 256, n % 256]) * (FULL // 2)) for n in range(341)]
    pages.append(Page(b"\xab\xcd" * (count - 341 * per_page(bits))))
    assert sum(map(len, pages)) == 2 * count
    sealed = both.terms("requester", 1, 16, 1)[1].core
    onion = Onion(sealed, tuple(pages))
    truth = both.create(count=1, bits=bits, seal=onion.layers[0], labels=count)
    truth = replace(truth, onion=onion)
    core = both.guess(both.create("eve", 1), "ann").onion.core
    core = replace(core, terms_hash=truth.terms_hash)
    spoilt = [sealing.xor(pages[0], bytes(FULL - 1) + b"\x01"), *pages[1:]]
    ann = _submit(both, truth, "ann", Onion(core, tuple(spoilt)), (0,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(both, "compare", lambda: None)
        both.open_truth(truth)
    both.claim(ann, count - 1)
    both.close_claims(truth)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(both, "compare", lambda: None)
        for _ in pages[:-1]:
            both.open_page(ann)
    both.open_page(ann)
    assert both.phase(truth) == "FULFILLED"
    assert both.asked(truth).matched == count - 1


# --- lengths and order ---


def wrong_lengths(right: Page) -> list[Page]:
    """Empty, a word short, a word long, and a full page where it is none."""
    found = [Page(b""), Page(right[:-32])]
    if len(right) < FULL:
        found += [Page(right + bytes(32)), Page(right + bytes(FULL - len(right)))]
    return found


@pytest.mark.parametrize("bits", WIDTHS)
def test_pages__of_another_length_than_their_own__are_refused_at_every_width(
    both: Comparison, bits: int
) -> None:
    truth = both.create(count=three_pages(bits), bits=bits)
    ann = both.submit(truth)
    both.at(truth.deadline)
    for page in truth.onion.pages:
        for words in wrong_lengths(page):
            both.open_truth_page(truth, words=words, refused="WrongLength")
        too_long = Page(bytes(FULL + 32))
        both.open_truth_page(truth, words=too_long, refused="")
        both.open_truth_page(truth)
    both.claim(ann)
    both.close_claims(truth)
    for page in truth.onion.pages:
        same = Page(bytes(len(page)))
        for words in wrong_lengths(page):
            both.open_page(ann, truth=words, refused="WrongLength")
            zeros = Page(bytes(len(words)))
            both.open_page(ann, difference=zeros, refused="WrongLength")
            both.open_page(ann, truth=words, difference=zeros, refused="WrongLength")
        both.open_page(ann, truth=Page(bytes(FULL + 32)), refused="")
        both.open_page(ann, difference=Page(bytes(FULL + 32)), refused="")
        both.open_page(ann, difference=same)


def test_pages__out_of_order_or_a_second_time__are_refused(both: Comparison) -> None:
    truth = both.create(count=three_pages(16), bits=16)
    ann = both.submit(truth)
    both.at(truth.deadline)
    for page in range(3):
        for other in {0, 1, 2, 3, 2**32, 2**32 + page, 2**255} - {page}:
            both.open_truth_page(truth, other, refused="WrongPage")
        both.open_truth_page(truth, page)
    both.claim(ann)
    both.close_claims(truth)
    for page in range(3):
        for other in {0, 1, 2, 3, 2**32, 2**32 + page, 2**255} - {page}:
            both.open_page(ann, other, refused="WrongPage")
        both.open_page(ann, page)


def test_pages__other_than_the_sealed_ones__are_refused(both: Comparison) -> None:
    truth = both.create(count=three_pages(16), bits=16)
    ann = both.submit(truth)
    both.at(truth.deadline)
    for page in truth.onion.pages:
        other = Page(bytes([page[0] ^ 1]) + page[1:])
        both.open_truth_page(truth, words=other, refused="WrongSeal")
        last = Page(page[:-1] + bytes([page[-1] ^ 1]))
        both.open_truth_page(truth, words=last, refused="WrongSeal")
        both.open_truth_page(truth, inner=b"\x01" * 32, refused="WrongSeal")
        both.open_truth_page(truth)
    both.claim(ann)
    both.close_claims(truth)
    for page in truth.onion.pages:
        other = Page(bytes([page[0] ^ 1]) + page[1:])
        both.open_page(ann, truth=other, refused="WrongTruth")
        flipped = Page(b"\x80" + bytes(len(page) - 1))
        both.open_page(ann, difference=flipped, refused="WrongSeal")
        both.open_page(ann, inner=b"\x01" * 32, refused="WrongSeal")
        both.open_page(ann)


def test_open_predictions__with_a_truth_of_another_place__is_refused(
    both: Comparison,
) -> None:
    """The truth of page 1 does not stand for page 0's, though both are full."""
    truth, ann = both.in_validation([1], count=three_pages(16), bits=16)
    first, second, _ = truth.onion.pages
    mine = ann.onion.pages
    both.open_page(
        ann,
        truth=second,
        difference=sealing.xor(second, mine[0]),
        refused="WrongTruth",
    )
    both.open_page(ann)
    both.open_page(
        ann, truth=first, difference=sealing.xor(first, mine[1]), refused="WrongTruth"
    )
    both.open_pages(ann)


# --- the truth of each request is its own ---


@pytest.mark.parametrize("count", [20, three_pages(16)])
def test_pages__of_the_truths_of_two_requests__are_each_ones_own(
    both: Comparison, count: int
) -> None:
    """Two are opened page by page in turn, by the same person, and validated
    in turn; the pages of one are never those of the other."""
    truths = [both.create(count=count, bits=16, seed=seed) for seed in (1, 2)]
    guesses = [both.submit(truth, "ann", [0, count - 1]) for truth in truths]
    both.at(truths[0].deadline)
    for page in range(len(truths[0].onion.pages)):
        for truth in truths:
            both.open_truth_page(truth, page)
    for guess in guesses:
        both.claim(guess)
    both.close_claims(truths[0])
    for page in range(len(truths[0].onion.pages)):
        for guess, other in zip(guesses, reversed(truths), strict=True):
            strange, mine = other.onion.pages[page], guess.onion.pages[page]
            both.open_page(
                guess,
                truth=strange,
                difference=sealing.xor(strange, mine),
                refused="WrongTruth",
            )
            both.open_page(guess, page)
    assert {both.phase(one) for one in truths} == {"FULFILLED"}


@pytest.mark.parametrize("first", [0, 1])
def test_open_predictions__on_two_requests_in_turn__keeps_the_progress_of_each(
    both: Comparison, first: int
) -> None:
    truths = [both.create(count=three_pages(16), bits=16, seed=n) for n in (1, 2)]
    guesses = [both.submit(truth, "ann", [n]) for n, truth in enumerate(truths)]
    for truth in truths:
        both.open_truth(truth)
    for guess in guesses:
        both.claim(guess)
    both.close_claims(truths[0])
    both.open_page(guesses[first])
    both.open_page(guesses[1 - first])
    both.open_page(guesses[first])
    both.cancel(guesses[first], accept=True)
    both.open_pages(guesses[1 - first])
    assert both.phase(truths[1 - first]) == "FULFILLED"


# --- progress is the candidate's ---


def _leavers(both: Comparison, **terms: Any) -> tuple[Truth, list[Guess]]:
    """Four ranked, best first, and a silent one."""
    truth = both.create(count=three_pages(16), bits=16, **terms)
    guesses = [
        both.submit(truth, who, range(n))
        for n, who in enumerate(("ann", "bob", "eve", "requester", "ann"))
    ]
    both.open_truth(truth)
    for one in guesses[:4]:
        both.claim(one)
    both.close_claims(truth)
    return truth, guesses


@pytest.mark.parametrize("pages", [1, 2])
@pytest.mark.parametrize("leaver", [1, 2, 3, 4])
def test_cancel_submission__by_a_bystander_amid_pages__touches_no_progress_and_no_window(
    both: Comparison, pages: int, leaver: int
) -> None:
    truth, guesses = _leavers(both)
    candidate = guesses[0]
    for _ in range(pages):
        both.open_page(candidate)
    ends = both.where(truth)[1]
    both.wait(50)
    both.cancel(guesses[leaver], accept=True)
    asked = both.asked(truth)
    assert (asked.pages, both.where(truth)[1]) == (pages, ends)
    both.open_pages(candidate)
    assert both.phase(truth) == "FULFILLED"


@pytest.mark.parametrize("leaver", [1, 2, 3, 4])
def test_cancel_submission__by_a_bystander_before_the_first_page__moves_no_window(
    both: Comparison, leaver: int
) -> None:
    truth, guesses = _leavers(both)
    ends = both.where(truth)[1]
    both.wait(50)
    both.cancel(guesses[leaver], accept=True)
    assert both.where(truth)[1] == ends
    both.open_pages(guesses[0])


@pytest.mark.parametrize("pages", [0, 1, 2])
@pytest.mark.parametrize("how", ["leaves", "is late"])
def test_pages__of_a_candidate_that_failed__are_void(
    both: Comparison, pages: int, how: str
) -> None:
    truth, guesses = _leavers(both)
    first, second = guesses[:2]
    for _ in range(pages):
        both.open_page(first)
    if how == "leaves":
        both.wait(50)
        both.cancel(first, accept=True)
    else:
        both.until(truth, 77)
        both.enforce(truth)
    assert both.entered(first).left == first.seal
    assert both.asked(truth).pages == both.asked(truth).matched == 0
    assert both.where(truth)[1] == both.now + RESPONSE + 120
    if pages:
        both.open_page(second, pages, refused="WrongPage")
    both.open_page(first, refused="NotCandidate")
    both.open_pages(second)
    assert both.phase(truth) == "FULFILLED"


def test_story__of_three_candidates_failing_each_on_another_page__is_won_by_the_fourth(
    both: Comparison,
) -> None:
    truth, guesses = _leavers(both)
    for opened, one in enumerate(guesses[:3]):
        for _ in range(opened):
            both.open_page(one)
        both.until(truth)
        both.enforce(truth)
    both.open_pages(guesses[3])
    assert both.phase(truth) == "FULFILLED"
    assert both.model.slashed == 4 * truth.stake


def test_open_truth__of_any_page_but_the_last__moves_no_window(
    both: Comparison,
) -> None:
    truth = both.create(count=three_pages(16), bits=16)
    both.submit(truth)
    ends = truth.deadline + RESPONSE + 120
    for page, second in enumerate((truth.deadline, ends - 2)):
        both.at(second)
        both.open_truth_page(truth, page)
        assert both.where(truth)[1] == ends
    both.at(ends - 1)
    point = both.point()
    both.open_truth_page(truth, 2)
    assert both.where(truth)[1] == ends - 1 + RESPONSE
    both.reorganise(point)
    both.at(ends)
    both.open_truth_page(truth, 2, refused="Overdue")
    both.enforce(truth)
    assert both.phase(truth) == "FORFEITED"


def test_open_predictions__of_any_page_but_the_last__moves_no_window(
    both: Comparison,
) -> None:
    truth, guesses = _leavers(both)
    ends = both.now + RESPONSE + 120
    for second in (both.now, ends - 2):
        both.at(second)
        both.open_page(guesses[0])
        assert both.where(truth)[1] == ends
    both.at(ends - 1)
    point = both.point()
    both.open_page(guesses[0])
    both.reorganise(point)
    both.at(ends)
    both.open_page(guesses[0], refused="Overdue")
    both.enforce(truth)


# --- seals ---

OTHERS: dict[str, Any] = {
    "domain": sealing.TRUTH,
    "chain_id": 61,
    "market": "0x" + "12" * 20,
    "owner": PEOPLE["bob"],
    "terms_hash": b"\x01" * 32,
    "superhash": b"\x02" * 32,
    "salt": b"\x03" * 32,
}


@pytest.mark.parametrize("part", OTHERS)
@pytest.mark.parametrize("count", [20, 12_300])
def test_open_predictions__of_a_seal_with_one_part_of_its_core_changed__is_refused(
    both: Comparison, part: str, count: int
) -> None:
    """A seal that was made for anything else can be submitted, and never opened."""
    truth = both.create(count=count, bits=16)
    core = both.guess(truth, "ann").onion.core
    other = replace(core, **{part: OTHERS[part]})
    pages = both.guess(truth, "ann").onion.pages
    logged = core.superhash
    made = Guess(0, truth, "ann", (), Onion(other, pages), MODEL)
    ann = both.submit(truth, "ann", copied=made, logged=logged)
    both.open_truth(truth)
    both.claim(ann)
    both.close_claims(truth)
    last = len(pages) - 1
    for _ in range(last):
        both.open_page(ann, superhash=logged)
    both.open_page(ann, superhash=logged, inner=SALT, refused="WrongSeal")


@pytest.mark.parametrize("part", [*OTHERS])
@pytest.mark.parametrize("count", [20, 12_300])
def test_open_truth__of_a_seal_with_one_part_of_its_core_changed__is_refused(
    both: Comparison, part: str, count: int
) -> None:
    _, onion = both.terms("requester", count, 16, 1)
    value: Any = sealing.PREDICTIONS if part == "domain" else OTHERS[part]
    other = replace(onion, core=replace(onion.core, **{part: value}))
    truth = both.create(count=count, bits=16, seal=other.layers[0])
    truth = replace(truth, onion=other)
    both.submit(truth)
    both.at(truth.deadline)
    for page in range(len(onion.pages) - 1):
        both.open_truth_page(truth, page)
    both.open_truth_page(truth, inner=SALT, refused="WrongSeal")


def test_story__after_a_fork__keeps_the_chain_of_the_deployment_in_its_seals() -> None:
    fork = Comparison(chain_id=1, forked_to=61)
    truth, ann, bob = fork.in_claims([1], [1, 2], count=three_pages(16), bits=16)
    fork.claim(ann)
    fork.claim(bob)
    fork.close_claims(truth)
    fork.open_pages(ann)
    fork.drain()


@pytest.mark.parametrize("what", ["truth", "predictions"])
def test_pages__sealed_for_the_forks_own_chain_id__are_refused(what: str) -> None:
    fork = Comparison(chain_id=1, forked_to=61)
    _, onion = fork.terms("requester", 20, 4, 1)
    changed = replace(onion, core=replace(onion.core, chain_id=61))
    if what == "truth":
        truth = fork.create(seal=changed.layers[0])
        truth = replace(truth, onion=changed)
        fork.at(truth.deadline)
        fork.open_truth_page(truth, refused="WrongSeal")
    else:
        truth = fork.create()
        ann = fork.submit(truth, chain_id=61)
        fork.open_truth(truth)
        fork.claim(ann)
        fork.close_claims(truth)
        fork.open_page(ann, refused="WrongSeal")
    fork.drain()


@pytest.mark.parametrize("count", [20, 12_300])
def test_open_predictions__with_another_superhash_than_was_logged__is_refused(
    both: Comparison, count: int
) -> None:
    shown = text("bafyshown")
    truth = both.create(count=count, bits=16)
    ann = both.submit(truth, logged=sealing.superhash(shown))
    both.open_truth(truth)
    both.claim(ann)
    both.close_claims(truth)
    if count > 20:
        both.open_page(ann, refused="WrongSeal")
        both.open_page(ann, superhash=sealing.superhash(shown))
    for model, named, reason in (
        (MODEL, MODEL, "WrongSeal"),
        (shown, shown, "WrongSeal"),
        (MODEL, shown, "WrongModel"),
        (shown, MODEL, "WrongModel"),
    ):
        superhash = sealing.superhash(named)
        both.open_page(ann, model=model, superhash=superhash, refused=reason)


def test_open_predictions__with_another_model__is_refused_on_the_last_page_alone(
    both: Comparison,
) -> None:
    _, ann = both.in_validation([1], count=12_300, bits=16)
    both.open_page(ann, model=text("anything at all"))
    both.open_page(ann, model=text("anything at all"), refused="WrongModel")
    both.open_page(ann, model=text(""), refused="WrongModel")
    both.open_page(ann)


def test_open_predictions__with_another_superhash__is_refused_on_every_page(
    both: Comparison,
) -> None:
    _, ann = both.in_validation([1], count=three_pages(16), bits=16)
    for _ in ann.onion.pages[:-1]:
        both.open_page(ann, superhash=b"\x04" * 32, refused="WrongSeal")
        both.open_page(ann)
    both.open_page(ann, superhash=b"\x04" * 32, refused="WrongModel")


@pytest.mark.parametrize("model", [b"", b"\xff\xfe not text", b"b" * 128])
def test_open_predictions__of_a_model_named_by_any_bytes__is_taken_up_to_128(
    both: Comparison, model: bytes
) -> None:
    named = text("") + model
    truth = both.create()
    ann = both.submit(truth, model=type(MODEL)(named))
    both.open_truth(truth)
    both.claim(ann)
    both.close_claims(truth)
    both.open_page(ann, model=type(MODEL)(b"b" * 129), refused="")
    both.open_page(ann)


@pytest.mark.parametrize("count", [20, 12_300])
def test_attack_copied_seal__by_a_copier_who_came_first__wins_nothing(
    both: Comparison, count: int
) -> None:
    truth = both.create(count=count, bits=16)
    copied = both.guess(truth, "ann")
    eve = both.submit(truth, "eve", copied=copied)
    ann = both.submit(truth, "ann", copied=copied)
    assert eve.seal == ann.seal
    both.open_truth(truth)
    both.claim(eve)
    both.claim(ann)
    both.close_claims(truth)
    for _ in ann.onion.pages[:-1]:
        both.open_page(eve)
    both.open_page(eve, refused="WrongSeal")
    both.until(truth)
    both.enforce(truth)
    both.open_pages(ann)
    assert both.entered(ann).status == "won"


def test_submit__of_the_same_seal_twice__makes_two_that_open_by_themselves(
    both: Comparison,
) -> None:
    truth, first, second = both.create(count=12_300, bits=16), None, None
    first, second = (both.submit(truth, "ann") for _ in range(2))
    both.open_truth(truth)
    both.claim(second)
    both.claim(first)
    both.close_claims(truth)
    both.open_page(first)
    both.cancel(first, accept=True)
    both.open_pages(second)
    assert both.entered(second).status == "won"


def test_submit__of_a_seal_sent_as_the_layer__binds_it_twice_and_it_never_opens(
    both: Comparison,
) -> None:
    truth = both.create()
    guess = both.guess(truth, "ann")
    hashed = guess.onion.core.superhash
    number = both.expect(
        None,
        "ann",
        "submit",
        truth.id,
        truth.terms_hash,
        guess.onion.seal,
        hashed,
        text(""),
        NO_PERMIT,
    )
    assert number == 1
    seal = sealing.bound(guess.onion.seal, hashed)
    ann = replace(guess, id=1, seal=seal)
    both.guesses.append(ann)
    both.open_truth(truth)
    both.claim(ann)
    both.close_claims(truth)
    both.open_page(ann, refused="WrongSeal")


def test_open_predictions__of_the_truth_itself__is_refused(both: Comparison) -> None:
    """Their domains differ."""
    truth = both.create("ann")
    opened = Core(**{**vars(truth.onion.core), "owner": PEOPLE["ann"]})
    made = Guess(0, truth, "ann", (), replace(truth.onion, core=opened), MODEL)
    ann = both.submit(truth, "ann", copied=made, logged=NOTHING)
    both.open_truth(truth)
    both.claim(ann)
    both.close_claims(truth)
    both.open_page(ann, superhash=NOTHING, refused="WrongModel")
    named = sealing.superhash(MODEL)
    both.open_page(ann, superhash=named, refused="WrongSeal")
