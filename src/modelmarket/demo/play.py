# SPDX-License-Identifier: Apache-2.0
"""The play: three requests of predictions and a verified contest, with every kind of
ending but one.

Besides the market's own bookkeeping the play keeps another one, written from
the rules: at the end every balance must be what it says.
"""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelmarket import agent
from modelmarket.audit import Verdict, audit
from modelmarket.datasets.idx import find_mnist, write_mnist
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.demo.contest import Contested, ContestPlay
from modelmarket.demo.models import RECIPES, fitted, require_libraries
from modelmarket.errors import RevertError
from modelmarket.market import Request
from modelmarket.protocol import events as ev
from modelmarket.protocol.money import ONE_MDC, format_mdc
from modelmarket.protocol.types import Address, RequestId, SubmissionId, Wei
from modelmarket.sandbox import Person, Sandbox, call_names, sandbox

if TYPE_CHECKING:
    from modelmarket.market import Submission

AIRDROP = 1_000 * ONE_MDC
REWARD = Wei(100 * ONE_MDC)
STAKE = Wei(2 * ONE_MDC)
SIDE_REWARD = Wei(10 * ONE_MDC + 1)
"""Three trainers cannot share it evenly: two wei are left over."""
SIDE_STAKE = Wei(ONE_MDC // 2)
LATE_REWARD = Wei(5 * ONE_MDC)
SPLIT_SEED = b"the same test rows in every run"
"""By chance a model may be right everywhere; the liar's claim would be no lie."""

Tell = Callable[[str], None]
"""Is given each thing that happens, in a sentence."""


@dataclass(frozen=True)
class Account:
    """What an account held.

    Attributes:
        address: The account.
        role: Whose it is.
        before: Wei of MDC once the market was there.
        after: Wei of MDC at the end.
        expected: Wei of MDC that the rules give.
    """

    address: Address
    role: str
    before: int
    after: int
    expected: int


@dataclass(frozen=True)
class Entry:
    """A line of the closing table.

    Attributes:
        trainer: Who.
        submission_id: Which.
        claimed: Matches; None for the silent.
        outcome: What became of it, in words.
        paid: Wei.
        gas: Gas that the trainer paid for on this request.
    """

    trainer: str
    submission_id: int
    claimed: int | None
    outcome: str
    paid: int
    gas: int


@dataclass(frozen=True)
class Outcome:
    """How the play ended.

    Attributes:
        requests: Of predictions, as they are at the end.
        contested: How the verified contest ended.
        entries: Of the first request.
        accounts: Every holder of MDC.
        audits: The verdicts on each request, by id.
        gas: Calls and gas by function.
        model: Bytes and name of the winner's model.
        model_cid: Of the winner's folder.
        seconds: That it took.
    """

    requests: list[Request]
    contested: Contested
    entries: list[Entry]
    accounts: list[Account]
    audits: dict[RequestId, list[Verdict]]
    gas: dict[str, tuple[int, int]]
    model_cid: str
    model_path: Path
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every balance and every audit is what it must be."""
        balances = all(one.after == one.expected for one in self.accounts)
        sums = sum(one.before for one in self.accounts) == sum(
            one.after for one in self.accounts
        )
        verdicts = [one for several in self.audits.values() for one in several]
        return balances and sums and not any(one.is_broken for one in verdicts)


def play(tell: Tell, *, data: Path | None = None, keep: Path | None = None) -> Outcome:
    """Plays the whole of it.

    Args:
        tell: Is given each thing that happens.
        data: A folder with MNIST's files; None for scikit-learn's digits.
        keep: Where the winner's model is written; None for the working folder.

    Raises:
        NotFoundError: The folder lacks files, or a library is missing.
        ModelMarketError: Something failed that must not.
    """
    if data is not None:
        find_mnist(data)
    require_libraries()
    with (
        tempfile.TemporaryDirectory(prefix="modelmarket-demo-") as folder,
        sandbox(Path(folder), Sandbox) as here,
    ):
        return _Play(here, tell, Path(folder), data).run(keep or Path.cwd())


class _Play:
    """The state of the play."""

    def __init__(
        self, here: Sandbox, tell: Tell, folder: Path, data: Path | None
    ) -> None:
        self._here = here
        self._tell = tell
        self._folder = folder
        self._data = data
        self._started = time.monotonic()
        self._burnt = 0

    def run(self, keep: Path) -> Outcome:
        self._tell("A chain, a ModelCoin and a market are there.")
        requester = self._meet("requester")
        honest = [self._meet(recipe.name) for recipe in RECIPES]
        liar, silent, leaver, copier = (
            self._meet(role) for role in ("liar", "silent", "leaver", "copier")
        )
        self._tell(f"{len(self._here.people)} people have their airdrop of 1,000 MDC.")

        request = self._create_main(requester)
        digits = self._digits()
        second = self._create(requester, digits, "to be cancelled", SIDE_REWARD)
        third = self._create(requester, digits, "never opened", LATE_REWARD)

        submissions = {person.role: self._compete(person, request) for person in honest}
        lie = self._guess(liar, request, "I am the best")
        self._guess(silent, request, "see you")
        left = self._guess(leaver, request, "changed my mind")
        leaver.market.submission(left.id).cancel()
        self._tell("leaver cancels in time and has its stake back.")
        stolen = self._copy(copier, submissions["forest"])

        self._cancelled(requester, honest[:3], second)
        self._forfeited(honest[:2], third)
        self._settle(requester, honest, request, lie, (liar, silent), (copier, stolen))
        contest = ContestPlay(self._here, self._tell, self._folder, self._meet)
        # Somebody else: her vault would not hide rows that it has published.
        contested = contest.run(self._meet("buyer"), self._main_source())
        ids = [request.id, second.id, third.id]
        return self._close(requester, ids, contested, keep)

    # --- people and data ---

    def _meet(self, role: str, *, is_served: bool = True) -> Person:
        person = self._here.invite(role, is_served=is_served)
        person.market.claim_airdrop()
        person.gains += AIRDROP
        return person

    def _main_source(self) -> Source:
        """The data and their labels in two files, as people have them."""
        data, labels = self._folder / "digits.csv", self._folder / "digits_labels.csv"
        if self._data is not None:
            if not data.exists():
                rows = write_mnist(self._data, data, labels)
                self._tell(f"MNIST: {rows:,} images written as CSV.")
            return Source(open_table(data, header=True), labels=open_table(labels))
        source = self._digits()
        with (
            data.open("w", newline="") as data_file,
            labels.open("w", newline="") as labels_file,
        ):
            writer, label_writer = csv.writer(data_file), csv.writer(labels_file)
            writer.writerow(source.features)
            label_writer.writerow(["digit"])
            for *pixels, digit in source.data.rows():
                writer.writerow(pixels)
                label_writer.writerow([digit])
        return Source(
            open_table(data, header=True), labels=open_table(labels, header=True)
        )

    def _digits(self) -> Source:
        """scikit-learn's 1,797 handwritten digits, in one file."""
        path = self._folder / "sklearn-digits.csv"
        if not path.exists():
            from sklearn.datasets import load_digits

            digits = load_digits()
            with path.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow([*digits.feature_names, "digit"])
                for pixels, digit in zip(digits.data, digits.target, strict=True):
                    writer.writerow([*map(int, pixels), digit])
        return Source(open_table(path), label="digit")

    # --- requests ---

    def _create_main(self, requester: Person) -> Request:
        source = self._main_source()
        request = requester.market.create_request(
            source,
            reward=REWARD,
            stake=STAKE,
            name="handwritten digits",
            context="Which digit is it? The best classifier earns the reward.",
            submission_window_s=3_600,
            seed=SPLIT_SEED,
        )
        requester.gains -= REWARD
        rows = request.manifest()
        self._tell(
            f"Request {request.id}: {rows.train_rows:,} rows to learn from, "
            f"{rows.test_rows:,} to predict, {format_mdc(REWARD)} MDC for the best."
        )
        return request

    def _create(
        self, requester: Person, source: Source, name: str, reward: Wei
    ) -> Request:
        request = requester.market.create_request(
            source,
            reward=reward,
            stake=SIDE_STAKE,
            name=name,
            again=True,  # of the same digits; nobody learns from these
        )
        requester.gains -= reward
        self._tell(f"Request {request.id}, {name!r}: {format_mdc(reward)} MDC.")
        return request

    # --- trainers ---

    def _compete(self, person: Person, request: Request) -> Submission:
        """Fetches, trains and submits: what is sealed is predicted by the export."""
        mine = person.market.request(request.id)
        recipe = next(one for one in RECIPES if one.name == person.role)
        model = fitted(recipe, *mine.training_data("numpy"))
        submission = mine.submit(model, name=recipe.name, show=None)
        person.gains -= STAKE
        self._tell(
            f"{person.role} fetches the data, trains and submits its ONNX file as "
            f"{submission.id}."
        )
        return submission

    def _write_guess(self, person: Person) -> Path:
        path = person.market.home.path / "model.txt"
        path.write_text("not a model")
        return path

    def _guess(self, person: Person, request: Request, name: str) -> Submission:
        """Submits the same class for every row."""
        mine = person.market.request(request.id)
        guess = mine.manifest().classes.names[1]
        path = self._write_guess(person)
        guesses = [guess] * mine.terms.labels
        submission = mine.submit(path, guesses, name=name, show=None)
        person.gains -= STAKE
        self._tell(f"{person.role} submits a guess as {submission.id}.")
        return submission

    def _copy(self, person: Person, victim: Submission) -> SubmissionId:
        """Submits somebody else's seal as its own."""
        market, record = person.market, victim.record
        # Anybody may read it in the transaction that submitted it.
        secret = victim.secret()
        assert secret is not None
        receipt = market.send(
            self._here.contract.submit(
                record.request_id,
                victim.request.record.terms_hash,
                secret.opening().layers[0],
                record.superhash,
                "better than the forest",
                market.permit(STAKE),
            )
        )
        person.gains -= STAKE
        (event,) = self._here.contract.events(receipt)
        assert isinstance(event, ev.SubmissionCreated)
        self._tell(f"copier submits the forest's seal as {event.submission_id}.")
        return event.submission_id

    # --- endings ---

    def _cancelled(
        self, requester: Person, trainers: list[Person], request: Request
    ) -> None:
        for person in trainers:
            self._enter(person, request)
        requester.market.request(request.id).cancel(max_live=len(trainers))
        share, rest = divmod(SIDE_REWARD, len(trainers))
        requester.gains += rest
        for person in trainers:
            self._work(person)
            person.gains += SIDE_STAKE + share
        self._tell(
            f"Request {request.id} is cancelled: {len(trainers)} trainers share "
            f"{format_mdc(SIDE_REWARD)} MDC, and {rest} wei are left over."
        )

    def _forfeited(self, trainers: list[Person], request: Request) -> None:
        for person in trainers:
            self._enter(person, request)
        # The requester's agent sleeps through this one; it is woken below.
        ends = request.record.deadline + request.terms.opening_window_s
        self._late = (request, trainers, ends)

    def _enter(self, person: Person, request: Request) -> None:
        mine = person.market.request(request.id)
        guess = mine.manifest().classes.names[0]
        path = self._write_guess(person)
        mine.submit(path, [guess] * mine.terms.labels, show=None)
        person.gains -= SIDE_STAKE

    def _settle(
        self,
        requester: Person,
        honest: list[Person],
        request: Request,
        lie: Submission,
        cheats: tuple[Person, Person],
        thief: tuple[Person, SubmissionId],
    ) -> None:
        """Truth, claims, candidates, winner: the first request to its end."""
        liar, _ = cheats
        copier, stolen = thief
        late, late_trainers, late_ends = self._late
        self._here.move_to(request.record.deadline)
        requester.market.request(request.id).open_truth()
        self._tell(f"The truth of request {request.id} is opened.")

        labels = request.terms.labels
        for person in honest:
            self._work(person)
        for submission in request.refresh().ranking():
            self._tell(f"{submission.record.name} claims {submission.record.score:,}.")
        liar.market.submission(lie.id).claim(labels)
        best = max(one.record.score or 0 for one in request.refresh().ranking()[1:])
        copier.market.submission(stolen).claim(min(best + 1, labels))
        self._tell(f"liar claims {labels:,}; copier claims one more than the best.")

        self._here.move_to(request.refresh().position().step_ends)
        liar.market.submission(lie.id).validate()
        self._tell("liar is candidate; the market recounts, and its stake is slashed.")
        self._burnt += STAKE
        self._steal(copier, stolen, request)
        self._here.move_to(request.refresh().position().step_ends)
        for person in honest:
            self._work(person)
        ended = request.refresh()
        winner = ended.winner()
        assert winner is not None
        self._tell(f"copier could not open the seal and is slashed. {ended.status()}")
        self._burnt += 2 * STAKE  # the copier's, and the silent one's
        for person in honest:
            self._work(person)
            person.gains += STAKE
            if person.address == winner.record.trainer:
                person.gains += REWARD
        self._here.people["leaver"].gains += STAKE

        if self._here.connection.now() < late_ends:
            self._here.move_to(late_ends)
        for person in late_trainers:
            self._work(person)
            person.gains += SIDE_STAKE
        self._burnt += LATE_REWARD
        self._tell(f"Request {late.id} never opened its truth: the reward is slashed.")

    def _steal(self, copier: Person, stolen: SubmissionId, request: Request) -> None:
        """Tries to open the forest's predictions as the copier's own."""
        forest = self._here.people["forest"].market
        victim = next(one for one in forest.request(request.id).mine())
        secret = victim.secret()
        assert secret is not None
        opening, truth = secret.opening(), request.refresh().record.truth
        call = self._here.contract.open_predictions(
            stolen,
            0,
            truth[0],
            opening.pages[0],
            opening.inner(0),
            secret.superhash,
            secret.model,
        )
        try:
            copier.market.send(call)
        except RevertError as error:
            self._tell(
                f"copier tries to open it with the forest's own pages: {error.text}"
            )
        else:
            raise AssertionError("a copied seal was opened")

    def _work(self, person: Person) -> None:
        """Lets a person's agent do what is due."""
        person.market.resume()
        agent.run_once(person.market)

    # --- the end ---

    def _close(
        self,
        requester: Person,
        ids: list[RequestId],
        contested: Contested,
        keep: Path,
    ) -> Outcome:
        market = requester.market
        requests = [market.request(number) for number in ids]
        every = [*ids, contested.request.id]
        self._tell("Everything is audited: replayed from chain and files alone.")
        audits = {number: audit(market, number) for number in every}
        model_path = _free(keep / f"model-of-request-{ids[0]}")
        requests[0].fetch_model(model_path)
        return Outcome(
            requests=requests,
            contested=contested,
            entries=self._entries(requests[0]),
            accounts=self._accounts(contested),
            audits=audits,
            gas=self._gas(),
            model_cid=requests[0].record.model,
            model_path=model_path,
            seconds=time.monotonic() - self._started,
        )

    def _accounts(self, contested: Contested) -> list[Account]:
        coin, supply = self._here.coin, self._here.coin.supply()
        people = self._here.people.values()
        given = AIRDROP * len(people)
        accounts = [
            Account(
                self._here.deployer.address,
                "deployer",
                supply,
                coin.balance(self._here.deployer.address),
                supply - given,
            ),
            Account(
                self._here.network.market,
                "market",
                0,
                coin.balance(self._here.network.market),
                self._burnt,
            ),
            Account(
                self._here.verified.address,
                "market of contests",
                0,
                coin.balance(self._here.verified.address),
                contested.slashed,
            ),
        ]
        for person in people:
            after = coin.balance(person.address)
            accounts.append(
                Account(person.address, person.role, 0, after, person.gains)
            )
        return accounts

    def _entries(self, request: Request) -> list[Entry]:
        gas = self._gas_by_sender(request)
        roles = {person.address: role for role, person in self._here.people.items()}
        entries = [
            Entry(
                roles[one.trainer],
                one.id,
                one.score,
                _outcome(request, one.id),
                one.paid,
                gas.get(one.trainer, 0),
            )
            for one in request.record.submissions.values()
        ]
        return sorted(entries, key=lambda one: (-one.paid, -(one.claimed or 0)))

    def _gas_by_sender(self, request: Request) -> dict[str, int]:
        connection, logs = self._here.connection, request.market.history(request.id)
        spent: dict[str, int] = {}
        for transaction in {one.log.transaction for one in logs}:
            found = connection.ask("eth_getTransactionByHash", "0x" + transaction.hex())
            receipt = connection.receipt(transaction)
            assert receipt is not None
            spent[found["from"]] = spent.get(found["from"], 0) + receipt.gas
        return spent

    def _gas(self) -> dict[str, tuple[int, int]]:
        """Calls and gas of everything that was sent to the contracts."""
        names = call_names()
        total: dict[str, tuple[int, int]] = {}
        head = self._here.connection.block().number
        for number in range(self._here.network.first_block + 1, head + 1):
            block = self._here.connection.ask("eth_getBlockByNumber", hex(number), True)
            for sent in block["transactions"]:
                name = names.get(bytes.fromhex(sent["input"][2:10]))
                receipt = self._here.connection.receipt(bytes.fromhex(sent["hash"][2:]))
                if name is not None and receipt is not None:
                    calls, gas = total.get(name, (0, 0))
                    total[name] = (calls + 1, gas + receipt.gas)
        return dict(sorted(total.items()))


def _outcome(request: Request, submission_id: SubmissionId) -> str:
    record = request.record.submissions[submission_id]
    if record.failure is not None:
        return f"slashed ({record.failure.name.lower().replace('_', ' ')})"
    if record.status.name == "SUBMITTED":
        return "slashed (never claimed)"
    return record.status.name.lower()


def _free(path: Path) -> Path:
    """The path, or the first of its numbered kin that is not there yet."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate
