# SPDX-License-Identifier: Apache-2.0
"""A verified contest, played: five honest models of five kinds, and three who cheat.

One lists rows that it corrected by hand, and is refuted on the chain by the agent of
whoever stands behind it. One shows a model that nobody can fetch, and does not answer
when it is demanded. One shows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from modelmarket import agent
from modelmarket.errors import StepError
from modelmarket.market import VerifiedSubmission
from modelmarket.market.verified.listing import Listing
from modelmarket.market.verified.refutations import Refutation
from modelmarket.protocol.money import ONE_MDC, format_mdc
from modelmarket.protocol.phases import Failure
from modelmarket.protocol.types import Wei

if TYPE_CHECKING:
    from modelmarket.datasets.sources import Source
    from modelmarket.market import VerifiedRequest
    from modelmarket.market.verified.fitting import Training
    from modelmarket.sandbox import Person, Sandbox

REWARD = Wei(100 * ONE_MDC)
STAKE = Wei(5 * ONE_MDC)
BOND = Wei(ONE_MDC)
MOST_ROWS = 3_000
"""Training rows that a model of the demo learns from: it is to be quick."""
MOST_ROUNDS = 60
NEW_ROWS = 5
SPLIT_SEED = b"the same hidden rows in every run"

Tell = Callable[[str], None]


class Meet(Protocol):
    """Gives somebody a home and an airdrop."""

    def __call__(self, role: str, *, is_served: bool = True) -> Person: ...


@dataclass(frozen=True)
class Recipe:
    """How an honest trainer makes its model.

    Attributes:
        name: What kind it is.
        make: The estimator, not fitted yet.
    """

    name: str
    make: Callable[[], Any]


@dataclass(frozen=True)
class Trained:
    """An honest model.

    Attributes:
        kind: Of the model.
        parameters: Of the estimator.
        accuracy: On the hidden rows, from 0 to 1.
    """

    kind: str
    parameters: str
    accuracy: float


@dataclass(frozen=True)
class Contested:
    """How the contest ended.

    Attributes:
        request: As it is at the end.
        models: The honest ones.
        majority: The share of the most frequent class among the hidden rows.
        refuted: Lies that were proven.
        withheld: Submissions whose model was not posted when it was demanded.
        predicted: What the bought model says of new rows.
        slashed: Wei that the market keeps.
    """

    request: VerifiedRequest
    models: list[Trained]
    majority: float
    refuted: list[Refutation]
    withheld: list[VerifiedSubmission]
    predicted: list[str]
    slashed: int


def recipes() -> Iterator[Recipe]:
    """The honest trainers' models, of five kinds."""
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler
    from sklearn.tree import DecisionTreeClassifier

    yield Recipe(
        "random forest",
        lambda: RandomForestClassifier(80, max_leaf_nodes=200, random_state=0),
    )
    yield Recipe(
        "boosting",
        lambda: HistGradientBoostingClassifier(
            max_iter=15, max_depth=4, random_state=0
        ),
    )
    yield Recipe(
        "logistic regression",
        lambda: make_pipeline(MaxAbsScaler(), LogisticRegression(max_iter=60)),
    )
    yield Recipe(
        "network",
        lambda: make_pipeline(
            MaxAbsScaler(), MLPClassifier((32,), max_iter=40, random_state=0)
        ),
    )
    yield Recipe(
        "decision tree", lambda: DecisionTreeClassifier(max_depth=9, random_state=0)
    )


class ContestPlay:
    """The contest's course.

    Args:
        here: Where it is played.
        tell: Is given each thing that happens.
        folder: For files on their way.
        meet: Gives somebody a home and an airdrop.
    """

    def __init__(self, here: Sandbox, tell: Tell, folder: Path, meet: Meet) -> None:
        self._here = here
        self._tell = tell
        self._folder = folder
        self._meet = meet
        self._recipes = list(recipes())
        self._refuted: list[Refutation] = []

    def run(self, buyer: Person, source: Source) -> Contested:
        """Plays it to its end."""
        request = buyer.market.create_contest(
            source,
            reward=REWARD,
            stake=STAKE,
            demand_bond=BOND,
            name="handwritten digits, verified",
            context="Which digit is it? What is bought is the model that scored.",
            submission_window_s=3_600,
            threshold=Fraction(1, 2),
            seed=SPLIT_SEED,
        )
        buyer.gains -= REWARD
        terms = request.terms
        self._tell(
            f"Request {request.id}: {terms.rows:,} hidden rows, "
            f"{format_mdc(REWARD)} MDC for the model that scores best on them."
        )
        honest = [self._meet(f"{one.name} trainer") for one in self._recipes]
        entered = [
            self._enter(person, recipe, request)
            for person, recipe in zip(honest, self._recipes, strict=True)
        ]
        cheats = [self._cheat(name) for name in ("mute", "ghost", "corrector")]
        lies = [self._enter_anything(person, request) for person in cheats]
        self._here.move_to(request.record.deadline)
        self._work(buyer)
        self._tell(f"The key of request {request.id} is opened: {terms.rows:,} rows.")
        for person in honest:
            self._work(person)
        for wrong, lie in enumerate(lies):
            lie.refresh().claim(terms.rows - wrong)
        models = self._models(entered)
        self._here.move_to(request.refresh().position().step_ends)
        ranked = request.refresh().ranking()
        best = next(one for one in ranked if one.id in {it.id for it in entered})
        # The runner-up's agent is the first to look.
        first = next(it for it in honest if it.address == best.record.trainer)
        watchers = [first, buyer, *(it for it in honest if it is not first)]
        self._to_the_end(request, lies, watchers)
        return self._close(buyer, request, honest, models)

    # --- entering ---

    def _training(self, request: VerifiedRequest) -> Training:
        from modelmarket.market.verified.fitting import Training

        training = request.training()
        return Training(training.codes[:MOST_ROWS], training.targets[:MOST_ROWS])

    def _enter(
        self, person: Person, recipe: Recipe, request: VerifiedRequest
    ) -> VerifiedSubmission:
        import warnings

        from threadpoolctl import threadpool_limits

        mine = person.market.request(str(request.id))
        training = self._training(mine)
        estimator = recipe.make()
        # perf: on few rows several threads wait for each other most of the time.
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a network that could learn for longer
            estimator.fit(training.codes, training.targets)
        submission = mine.submit(estimator, name=recipe.name, show=None)
        person.gains -= STAKE
        self._tell(f"A {recipe.name} is sealed as submission {submission.id}.")
        return submission

    def _cheat(self, name: str) -> Person:
        # What the ghost keeps no gateway serves.
        return self._meet(name, is_served=name != "ghost")

    def _enter_anything(
        self, person: Person, request: VerifiedRequest
    ) -> VerifiedSubmission:
        from sklearn.tree import DecisionTreeClassifier

        mine = person.market.request(str(request.id))
        training = self._training(mine)
        tree = DecisionTreeClassifier(max_depth=3, random_state=len(person.role))
        tree.fit(training.codes, training.targets)
        submission = mine.submit(tree, name=person.role, show=None)
        person.gains -= STAKE
        self._tell(f"{person.role} seals a poor model as submission {submission.id}.")
        return submission

    def _models(self, entered: list[VerifiedSubmission]) -> list[Trained]:
        found: list[Trained] = []
        for submission, recipe in zip(entered, self._recipes, strict=True):
            now = submission.refresh()
            accuracy = (now.record.score or 0) / now.request.terms.rows
            parameters = " ".join(repr(recipe.make()).split())
            found.append(Trained(recipe.name, parameters, accuracy))
            self._tell(f"{parameters} claims {accuracy:.2%}.")
        return found

    # --- validation ---

    def _to_the_end(
        self,
        request: VerifiedRequest,
        lies: list[VerifiedSubmission],
        watchers: list[Person],
    ) -> None:
        shows = {one.id: wrong for wrong, one in enumerate(lies) if wrong}
        by_id = {one.id: one for one in lies}
        for _ in range(MOST_ROUNDS):
            now = request.refresh()
            position = now.position()
            if position.phase.is_final:
                return
            if not position.shown and not position.overdue:
                best = now.record.ranking[0].id
                if best in shows:
                    self._show(by_id[best], shows.pop(best))
            if not self._work(*watchers):
                self._here.move_to(self._next(request.refresh()))
        raise StepError("The contest did not end as it should.")

    def _show(self, submission: VerifiedSubmission, wrong: int) -> None:
        """Shows a model with a listing whose mistakes are corrected, all but some."""
        import numpy as np

        now = submission.refresh()
        opened = now.request.opened()
        predictions = opened.predictions(now.model()).copy()
        mistakes = np.flatnonzero(predictions != opened.targets)[wrong:]
        predictions[mistakes] = opened.targets[mistakes]
        points = opened.points(predictions)
        now.show(Listing.of(now.request.terms, predictions, points))
        self._tell(
            f"{now.record.name} shows its model, and a listing in which "
            f"{len(mistakes):,} rows are corrected by hand."
        )

    def _next(self, request: VerifiedRequest) -> int:
        """The next second at which something can become due."""
        position, times = request.position(), request.record.timetable
        if not position.shown:
            return position.step_ends
        quarter = times.began + times.window_s // 4
        coming = (quarter, times.answers_end, times.ends)
        return next(one for one in coming if one > request.now)

    def _work(self, *people: Person) -> bool:
        """Lets agents do what is due; whether they did anything."""
        is_busy = False
        for person in people:
            person.market.resume()
            for report in agent.run_once(person.market):
                is_busy = True
                self._hear(person, report)
        return is_busy

    def _hear(self, person: Person, report: agent.Report) -> None:
        step = report.step
        if step.kind is not agent.Kind.WATCH or not report.done:
            return
        submission = person.market.any_submission(step.submission_id)
        name = submission.record.name
        if submission.record.failure is Failure.REFUTED:
            assert isinstance(submission, VerifiedSubmission), "they alone are refuted"
            self._note_refuted(person, submission)
            return
        demand = submission.record.demand
        if demand is not None and demand.demander == person.address:
            person.gains -= BOND
            self._tell(f"{person.role} demands {name}'s model: nobody serves it.")

    def _note_refuted(self, person: Person, submission: VerifiedSubmission) -> None:
        """Tells what the chain has just decided, out of the challenge itself."""
        if submission.record.challenger != person.address:
            return
        found = Refutation.of(submission.request, submission.record)
        person.gains += STAKE // 10
        self._refuted.append(found)
        self._tell(
            f"{person.role}'s agent refutes {submission.record.name} on the chain: "
            f"{found.sentence}."
        )

    # --- the end ---

    def _close(
        self,
        buyer: Person,
        request: VerifiedRequest,
        honest: list[Person],
        models: list[Trained],
    ) -> Contested:
        import numpy as np

        for person in honest:
            self._work(person)
        ended = request.refresh()
        winner = ended.winner()
        assert winner is not None, "an honest model won"
        failed = [one for one in ended.submissions() if one.record.failure is not None]
        withheld = [one for one in failed if one.record.failure is Failure.WITHHELD]
        for person in honest:
            person.gains += STAKE
            if person.address == winner.record.trainer:
                person.gains += REWARD
        for one in withheld:
            assert one.record.demand is not None, "what is withheld was demanded"
            for person in (buyer, *honest):
                if person.address == one.record.demand.demander:
                    person.gains += BOND
        self._tell(f"{winner.record.name} wins. {ended.status()}")
        counts = np.bincount(ended.opened().targets)
        predicted = ended.predict(self._new_rows(ended))
        self._tell(f"The buyer predicts new rows with it: {', '.join(predicted)}.")
        slashed = sum(one.record.slashed for one in failed)
        return Contested(
            request=ended,
            models=models,
            majority=float(np.max(counts) / counts.sum()),
            refuted=self._refuted,
            withheld=withheld,
            predicted=predicted,
            slashed=slashed,
        )

    def _new_rows(self, request: VerifiedRequest) -> Path:
        """Some rows as a buyer has them: the training part's first ones."""
        path = self._folder / "new.csv"
        features, _ = request.training_data("polars", codes=False)
        features.head(NEW_ROWS).write_csv(path)
        return path
