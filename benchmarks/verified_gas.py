# SPDX-License-Identifier: Apache-2.0
"""Gas of verified contests on anvil: `python benchmarks/verified_gas.py [--write]`.

Like `gas.py`: receipts of a real node under Osaka's rules, on a market that is in use;
a test compares them with the snapshot, `benchmarks/verified-gas.json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from amsterdam import Touched, price, touched
from modelmarket.chain.anvil import running_anvil
from modelmarket.chain.blocks import Call, Receipt
from modelmarket.chain.contracts import NO_PERMIT, Permit
from modelmarket.chain.sending import calldata_floor
from modelmarket.chain.verified import Contest, Proven, VerifiedMarket
from modelmarket.models.ensembles import Trees
from modelmarket.models.exact import ExactModel
from modelmarket.models.header import Form
from modelmarket.models.header import Kind as ModelKind
from modelmarket.models.proofs import part, rerun
from modelmarket.protocol.conditions import PART_GROUPS, Conditions, Texts
from modelmarket.protocol.hidden import key_hash
from modelmarket.protocol.labels import WORD_BYTES
from modelmarket.protocol.merkle import GROUP_BYTES, levels
from modelmarket.protocol.point_kinds import Kind
from modelmarket.protocol.points import Scoring, weights_hash
from modelmarket.protocol.seals import superhash
from modelmarket.protocol.shown import ModelSeal, Shown
from modelmarket.protocol.terms import DAY_S
from modelmarket.protocol.types import (
    Address,
    RequestId,
    Salt,
    Seal,
    SubmissionId,
    Wei,
)
from specimens import (
    ACCUSED,
    KEY,
    NONCE,
    Listing,
    Setting,
    bush,
    ensemble,
    fitted,
    forest,
    leaning,
    network,
    sparse,
    wild,
    with_cuts,
)
from unlocked import LATE, MNEMONIC, MODEL, SIXTY_BYTES, UnlockedChain

SNAPSHOT = Path(__file__).with_name("verified-gas.json")
SALT = Salt(bytes(range(1, 33)))
TOP = SubmissionId(0)
TEXTS = Texts(dataset=SIXTY_BYTES, name=SIXTY_BYTES, context=SIXTY_BYTES)
LARGEST = 2_936
"""Inner nodes of the largest tree that can be posted: 3,328 words."""
DIGITS = Scoring(Kind.ACCURACY, outputs=10)


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        function: What was called.
        case: Under which circumstances.
        gas: That the receipt shows.
        floor: The least that the chain would charge for the bytes sent.
        words: Of 32 bytes that were sent.
        touched: Of the chain's state.
        amsterdam: What it would cost by Amsterdam's prices; computed.
    """

    function: str
    case: str
    gas: int
    floor: int
    words: int
    touched: Touched
    amsterdam: int


@dataclass
class Entry:
    """A submission with all that its trainer knows of it."""

    id: SubmissionId
    trainer: Address
    model: ExactModel
    listing: Listing
    shown: Shown


class Bench(UnlockedChain):
    """A verified market on a chain that measures its calls."""

    def __init__(self, rpc: str) -> None:
        super().__init__(rpc)
        self.rows: list[Row] = []
        self.market, _ = VerifiedMarket.deploy(
            self.connection, self.wallets[0], self.coin.address
        )
        self.referee, self.clerk = self.market.referee(), self.market.clerk()
        self.let_take(self.market.address)

    def measure(self, case: str, call: Call, sender: Address) -> Receipt:
        """Sends a call, and notes what it took if the case has a name."""
        receipt = self.send(call, sender)
        if case:
            floor, size = calldata_floor(call.data), len(call.data)
            state = touched(self.connection, receipt.transaction)
            then = price(
                receipt.gas,
                is_at_floor=receipt.gas == floor,
                data_bytes=size,
                state=state,
            )
            self.rows.append(
                Row(
                    call.what,
                    case,
                    receipt.gas,
                    floor,
                    size // WORD_BYTES,
                    state,
                    then,
                )
            )
        return receipt

    # --- a contest ---

    def terms(self, setting: Setting) -> Conditions:
        """Terms with the widest limits."""
        scoring = setting.scoring
        return Conditions(
            reward=Wei(100 * 10**18),
            stake=Wei(10 * 10**18),
            demand_bond=Wei(2 * 10**18),
            submission_window_s=30 * DAY_S,
            response_window_s=DAY_S,
            challenge_window_s=7 * DAY_S,
            minimum_score=1,
            rows=setting.rows,
            columns=setting.columns,
            width=8,
            outputs=scoring.outputs,
            bits=setting.bits,
            points=scoring.kind,
            cap=scoring.cap,
            step=scoring.step,
            most_units=2**18,
            most_words=3_328,
            most_parts=256,
            weights_hash=weights_hash(scoring.weights),
            rows_root=setting.rows_root,
            targets_root=setting.targets_tree.root,
            nonce=NONCE,
            key_hash=key_hash(
                self.connection.chain_id,
                self.market.address,
                self.requester,
                NONCE,
                KEY,
            ),
            schema_hash=superhash("schema"),
            texts_hash=TEXTS.hash(),
        )

    def create(
        self, setting: Setting, permit: Permit = NO_PERMIT, *, case: str = ""
    ) -> Contest:
        """Opens a contest."""
        terms = self.terms(setting)
        weights = setting.scoring.weights
        call = self.market.create_request(terms, TEXTS, weights, permit)
        self.measure(case, call, self.requester)
        request = RequestId(self.market.request_count())
        return Contest(request, self.requester, terms)

    def seal(self, contest: Contest, model: ExactModel, trainer: Address) -> Seal:
        """The seal of a trainer's model."""
        return ModelSeal(
            self.connection.chain_id,
            self.market.address,
            trainer,
            contest.terms.hash(contest.requester),
            model.root,
            superhash(MODEL),
            SALT,
        ).seal

    def submit(
        self,
        contest: Contest,
        model: ExactModel,
        listing: Listing,
        permit: Permit = NO_PERMIT,
        *,
        trainer: Address | None = None,
        case: str = "",
    ) -> Entry:
        """Enters a contest."""
        by = trainer or self.trainer
        seal = self.seal(contest, model, by)
        call = self.market.submit(contest, seal, superhash(MODEL), SIXTY_BYTES, permit)
        self.measure(case, call, by)
        shown = Shown(
            by,
            model.header.word,
            model.base_hash,
            model.units_root,
            listing.tree.root,
            listing.tree.score,
        )
        entry = SubmissionId(self.market.submission_count())
        return Entry(entry, by, model, listing, shown)

    def open_key(self, contest: Contest, *, case: str = "") -> None:
        """Opens the key, as soon as that can be."""
        self.move_to(self.market.request(contest.request_id).deadline)
        self.measure(case, self.market.open_key(contest, KEY), self.requester)

    def claim(
        self,
        contest: Contest,
        entry: Entry,
        hint: SubmissionId = TOP,
        *,
        score: int | None = None,
        case: str = "",
    ) -> None:
        """Claims what is listed, or something else."""
        call = self.market.claim(
            entry.id,
            contest,
            entry.trainer,
            self.seal(contest, entry.model, entry.trainer),
            score=entry.shown.score if score is None else score,
            hint=hint,
        )
        self.measure(case, call, entry.trainer)

    def show(self, contest: Contest, entry: Entry, *, case: str = "") -> None:
        """Shows the candidate's model."""
        state = self.market.request(contest.request_id)
        if not state.candidate:
            self.move_to(state.step_ends)
        call = self.market.show_model(
            entry.id, contest, entry.shown, entry.model.base, salt=SALT, model=MODEL
        )
        self.measure(case, call, entry.trainer)

    def settle(self, contest: Contest, entry: Entry, *, case: str = "") -> None:
        """Pays the candidate when its window is over."""
        self.move_to(self.market.request(contest.request_id).step_ends)
        call = self.market.settle(contest, entry.shown)
        self.measure(case, call, self.other)

    def withdraw(self, contest: Contest, entry: Entry, *, case: str = "") -> None:
        """Pays a trainer what is due."""
        seal = self.seal(contest, entry.model, entry.trainer)
        call = self.market.withdraw(entry.id, contest, entry.trainer, seal)
        self.measure(case, call, entry.trainer)

    def enforce(self, contest: Contest, *, case: str = "") -> None:
        """Takes the step that somebody missed, when it is overdue."""
        state = self.market.request(contest.request_id)
        if not state.overdue:
            self.move_to(state.step_ends)
        self.measure(case, self.market.enforce_timeout(contest), self.other)


def use(bench: Bench, setting: Setting, listing: Listing) -> None:
    """Puts the market into use: first calls write slots that others update."""
    contest = bench.create(setting)
    entry = bench.submit(contest, forest(1, 2, setting), listing)
    silent = bench.submit(contest, forest(1, 2, setting), listing)
    bench.open_key(contest)
    bench.claim(contest, entry)
    bench.show(contest, entry)
    bench.settle(contest, entry)
    assert silent


def living(bench: Bench, setting: Setting, listing: Listing) -> None:
    """An undisputed contest of five trainers, and what people do else."""
    market, model = bench.market, forest(100, 6, setting)
    contest = bench.create(setting, case="allowance")
    for account, take in ((bench.requester, 0), (bench.trainer, 0)):
        bench.send(bench.coin.approve(market.address, take), account)
    reward, stake = contest.terms.reward, contest.terms.stake
    permit = bench.coin.sign_permit(
        bench.wallets[0], market.address, reward, deadline=LATE
    )
    other = bench.create(setting, permit, case="permit")
    permit = bench.coin.sign_permit(
        bench.wallets[1], market.address, stake, deadline=LATE
    )
    first = bench.submit(contest, model, listing, permit, case="permit")
    for account in (bench.requester, bench.trainer):
        bench.send(bench.coin.approve(market.address, 2**255), account)
    entries = [first]
    entries += [bench.submit(contest, model, listing) for _ in range(3)]
    entries.append(bench.submit(contest, model, listing, case="allowance"))
    leaver = bench.submit(contest, model, listing)
    seal = bench.seal(contest, model, leaver.trainer)
    call = market.cancel_submission(leaver.id, contest, seal)
    bench.measure("in time", call, leaver.trainer)
    late = bench.submit(contest, model, listing)
    cancelled = market.cancel_request(other, 0)
    bench.measure("none live", cancelled, bench.requester)

    bench.open_key(contest, case="a million rows")
    call = market.cancel_submission(late.id, contest, seal, accept_slash=True)
    bench.measure("late", call, late.trainer)
    score = listing.tree.score
    bench.claim(contest, entries[0], case="right hint, at the top")
    for behind, entry in enumerate(entries[1:4], 1):
        ahead = entries[behind - 1].id
        bench.claim(contest, entry, ahead, score=score - 2 * behind)
    bench.claim(
        contest,
        entries[4],
        entries[1].id,
        score=score - 3,
        case="right hint, between two",
    )
    bench.show(contest, entries[0], case="a forest of 100 trees of depth 6")
    bench.settle(contest, entries[0], case="pays the winner")
    bench.withdraw(contest, entries[1], case="to a wallet with MDC")


def walking(bench: Bench, setting: Setting, listing: Listing) -> None:
    """A claim whose hint is 32 steps away."""
    model = forest(100, 6, setting)
    contest = bench.create(setting)
    entries = [bench.submit(contest, model, listing) for _ in range(34)]
    bench.open_key(contest)
    for at, entry in enumerate(entries[:-1]):
        hint = entries[at - 1].id if at else TOP
        bench.claim(contest, entry, hint, score=1_000 - at)
    bench.claim(contest, entries[-1], entries[0].id, score=900, case="32 steps")


def missing(bench: Bench, setting: Setting, listing: Listing) -> None:
    """What happens when steps are missed."""
    market, model = bench.market, forest(1, 2, setting)
    contest = bench.create(setting)
    entry = bench.submit(contest, model, listing)
    bench.open_key(contest)
    bench.claim(contest, entry)
    bench.move_to(market.request(contest.request_id).step_ends)
    bench.enforce(contest, case="not shown, refunded")
    contest = bench.create(setting)
    entry = bench.submit(contest, model, listing)
    bench.move_to(market.request(contest.request_id).deadline)
    bench.enforce(contest, case="key not opened, forfeited")
    call = market.set_operator(bench.other, approved=True)
    bench.measure("first time", call, bench.trainer)


def refuting(
    bench: Bench,
    setting: Setting,
    listing: Listing,
    models: dict[str, ExactModel],
) -> None:
    """Each model accused of having predicted something else for a row."""
    contest = bench.create(setting)
    entries = [bench.submit(contest, one, listing) for one in models.values()]
    bench.open_key(contest)
    for at, entry in enumerate(entries):
        bench.claim(contest, entry, entries[at - 1].id if at else TOP)
    codes = setting.codes[ACCUSED : ACCUSED + 1]
    row = Proven(
        ACCUSED,
        setting.hidden_rows[ACCUSED].tobytes(),
        setting.rows_tree.proof(ACCUSED),
    )
    listed = int(setting.targets[ACCUSED])
    for case, entry in zip(models, entries, strict=True):
        bench.show(contest, entry, case=case)
        better = 0
        if setting.scoring.outputs > 1:
            better = int(entry.model.predict(codes)[0])
            assert better != listed, f"{case}: the row was listed rightly"
        proven = rerun(entry.model, codes, [listed, better])
        call = bench.referee.rerun(
            bench.market.address,
            entry.id,
            contest,
            entry.shown,
            key=KEY,
            row=row,
            listed=listing.group(setting.accused_group),
            base=entry.model.base,
            better=better,
            executed=proven.words,
            proof=proven.proof,
        )
        bench.measure(case, call, bench.other)


def recounting(bench: Bench, setting: Setting, case: str) -> None:
    """A group that scores less than was listed."""
    model = network([setting.scoring.outputs], setting)
    listing = Listing.of(setting, setting.targets, lie=-1)
    contest = bench.create(setting)
    entry = bench.submit(contest, model, listing)
    bench.open_key(contest)
    bench.claim(contest, entry)
    bench.show(contest, entry)
    group = setting.accused_group
    targets = Proven(
        group,
        setting.hidden_targets[group].tobytes(),
        setting.targets_tree.proof(group),
    )
    call = bench.referee.recount(
        bench.market.address,
        entry.id,
        contest,
        entry.shown,
        key=KEY,
        targets=targets,
        listed=listing.group(group),
        weights=setting.scoring.weights,
    )
    bench.measure(case, call, bench.other)


def demanding(
    bench: Bench,
    setting: Setting,
    listing: Listing,
    models: dict[str, ExactModel],
) -> None:
    """Each model demanded, and its first part posted; of one the listing's, too."""
    market = bench.market
    for at, (case, model) in enumerate(models.items()):
        is_told = at == 0 and setting.groups >= PART_GROUPS
        contest = bench.create(setting)
        entry = bench.submit(contest, model, listing)
        bench.open_key(contest)
        bench.claim(contest, entry)
        bench.show(contest, entry)
        call = market.demand(entry.id, contest, entry.shown)
        bench.measure("of the candidate" if is_told else "", call, bench.other)
        bench.measure(case, answer(bench, entry), bench.trainer)
        if is_told:
            call = answer_listing(bench, contest, entry)
            bench.measure("64 groups", call, bench.trainer)
        bench.move_to(market.request(contest.request_id).step_ends)
        bench.enforce(contest, case="withheld, refunded" if is_told else "")
        call = market.withdraw_bond(entry.id)
        bench.measure("demand not met" if is_told else "", call, bench.other)


def answer(bench: Bench, entry: Entry) -> Call:
    """Posts the first part of a model."""
    first, clerk = part(entry.model, 0), bench.clerk
    who = (bench.market.address, entry.id, entry.shown)
    if entry.model.header.kind is ModelKind.DENSE:
        return clerk.answer_dense(*who, base=entry.model.base, posted=first.words)
    return clerk.answer_trees(*who, part=0, posted=first.words, proof=first.proof)


def answer_listing(bench: Bench, contest: Contest, entry: Entry) -> Call:
    """Posts the first part of a listing."""
    tree = entry.listing.tree
    return bench.clerk.answer_listing(
        bench.market.address,
        entry.id,
        contest,
        entry.shown,
        part=0,
        posted=entry.listing.groups[: PART_GROUPS * GROUP_BYTES],
        sums=[tree.node(0, at)[1] for at in range(PART_GROUPS)],
        steps=tree.proof(0, levels(PART_GROUPS)),
    )


def recounts() -> list[tuple[str, Setting]]:
    """A setting for every kind of points and every width of a target."""
    found = []
    for bits in (1, 2, 4, 8, 16):
        outputs = min(256, 2**bits)
        weights = tuple(range(1, outputs + 1))
        kinds = {
            "accuracy": Scoring(Kind.ACCURACY, outputs),
            "weighted": Scoring(Kind.WEIGHTED, outputs, outputs, weights=weights),
        }
        found += [
            (f"{name}, {bits} bits", Setting(one, bits)) for name, one in kinds.items()
        ]
    for bits in (8, 16, 32):
        kinds = {
            "absolute error": Scoring(Kind.ABSOLUTE, 1, cap=1_000, step=3),
            "squared error": Scoring(Kind.SQUARED, 1, cap=60, step=3),
        }
        found += [
            (f"{name}, {bits} bits", Setting(one, bits)) for name, one in kinds.items()
        ]
    return found


def measure_all() -> list[Row]:
    """The whole table."""
    table = Setting(DIGITS, bits=4, has_rows=True)
    images = Setting(DIGITS, bits=4, columns=784, rows=14_000, has_rows=True)
    number = Setting(
        Scoring(Kind.ABSOLUTE, 1, cap=1_000, step=3), bits=32, has_rows=True
    )
    listings = {one: Listing.of(one, one.targets) for one in (table, images, number)}
    with running_anvil(options=["--mnemonic", MNEMONIC]) as rpc:
        bench = Bench(rpc)
        use(bench, table, listings[table])
        living(bench, table, listings[table])
        walking(bench, table, listings[table])
        missing(bench, table, listings[table])
        forests = {
            f"{count} trees of depth {depth}": forest(count, depth, table)
            for count, depth in ((25, 8), (100, 6), (100, 12), (200, 12), (97, 32))
        }
        forests["1,024 trees of depth 1"] = forest(1_024, 1, table)
        forests["boosting, 10 × 50 trees of depth 6"] = forest(
            500, 6, table, Form.SCALAR
        )
        refuting(bench, table, listings[table], forests)
        written = Setting(DIGITS, bits=4, has_rows=True, is_digits=True)
        fits = {
            f"a fitted forest of 100, depth {depth}": fitted(100, depth)
            for depth in (6, 12)
        }
        refuting(bench, written, Listing.of(written, written.targets), fits)
        networks = {
            "-".join(map(str, (784, *neurons))): network(list(neurons), images)
            for neurons in ((10,), (64, 10), (125, 10))
        }
        refuting(bench, images, listings[images], networks)
        numbers = {"a number, 100 trees of depth 6": forest(100, 6, number)}
        refuting(bench, number, listings[number], numbers)
        for case, setting in recounts():
            recounting(bench, setting, case)
        posted = {
            "100 trees of depth 12": forest(100, 12, table),
            "25 trees of 111 leaves": _trees(25, 110, 7, table, bush),
            "the largest tree": _trees(1, LARGEST, 12, table, bush),
            "the largest tree, of any shape": _trees(1, LARGEST, 31, table, wild),
            "as large, leaning to the left": _trees(1, LARGEST, 31, table, leaning),
            "as large, leaning for short": _trees(1, LARGEST, 31, table, _for_short),
            "as large, of depth 32 by its header": _trees(1, LARGEST, 32, table, bush),
            "as large, with cuts": _trees(1, 2_800, 12, table, _with_cuts),
            "as large, with cuts throughout": _trees(1, 2_800, 12, table, _cut),
            "zeros, trees of one leaf": _sparse(1_024, 0, table),
            "zeros, trees of depth 1": _sparse(512, 1, table),
            "zeros, trees of depth 32": _sparse(80, 32, table),
        }
        demanding(bench, table, listings[table], posted)
        demanding(bench, images, listings[images], networks)
        return bench.rows


def _trees(
    count: int,
    inner: int,
    depth: int,
    table: Setting,
    grow: Callable[[int, np.random.Generator], Trees],
) -> ExactModel:
    random = np.random.default_rng(inner)
    trees = [grow(inner, random) for _ in range(count)]
    outputs = table.scoring.outputs
    return ensemble(trees, depth, table.columns, outputs, Form.LANES_16)


def _with_cuts(inner: int, random: np.random.Generator) -> Trees:
    """As many as there is room for."""
    return with_cuts(bush(inner, random), 136, random)


def _cut(inner: int, random: np.random.Generator) -> Trees:
    """The same, from the first leaves to the last."""
    return with_cuts(bush(inner, random), 136, random, throughout=True)


def _for_short(inner: int, random: np.random.Generator) -> Trees:
    """Ways to the left that are just too short for what long ones save."""
    return leaning(inner, random, 4)


def _sparse(count: int, depth: int, setting: Setting) -> ExactModel:
    trees = [sparse(depth)] * count
    outputs = setting.scoring.outputs
    return ensemble(trees, depth, setting.columns, outputs, Form.LANES_16)


def main() -> None:
    """Prints the table, and writes it with `--write`."""
    rows = measure_all()
    for row in rows:
        over = f"{row.gas / row.floor - 1:+8.1%}"
        print(
            f"{row.function:18} {row.case:34} {row.words:6,} words {row.gas:10,} "
            f"floor {row.floor:10,} {over} Amsterdam {row.amsterdam:10,}"
        )
    if "--write" in sys.argv:
        text = ",\n".join(json.dumps(asdict(row)) for row in rows)
        SNAPSHOT.write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
