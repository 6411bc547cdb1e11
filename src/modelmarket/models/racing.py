# SPDX-License-Identifier: Apache-2.0
"""Which of several estimators to seal: cross-validation against the clock.

All are tried on the same folds, side by side, so that what counts is by how much each
does better than the baseline on the very same rows. Whoever is clearly behind is tried
no further, nor is who would take too long; and who is not better than the baseline is
never taken.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from modelmarket.errors import InputError, ModelMarketError
from modelmarket.models.candidates import SEED, Candidate
from modelmarket.system.text import counted

FOLDS = 5
FEW_ROWS = 1_000
REPEATS = 3
"""Folds are dealt anew so often where there are few rows, so that chance has less to
say."""
PILOT_ROWS, PILOT_CELLS, LEAST_PILOT_ROWS = 4_000, 1_500_000, 1_000
"""Of a larger table so much is tried: who is best there is best on all, or nearly."""
TASTE_ROWS = 300
"""Learnt before anything else, to know how long more of them take."""
SHARE_OF_TRYING = 0.6
"""Of the time; what is left is for learning from all rows in the end."""
SHARE_OF_LEARNING = 0.7
"""Of what is left then: a model has still to be written and tried."""
GROWTH = 1.15
"""Time grows with so many times the power of the rows, for what is tried here."""
LEAST_FOLDS = 2
"""On fewer nobody is better than the baseline."""
LEAST_BEHIND = 3
"""And on fewer nobody is behind."""
DEVIATIONS = 2.0
"""Standard errors behind the leader, from which on one is tried no further."""
CHANCE = 0.01
"""Folds differ by so much of the figure at least, even if few of them do not."""

MOST_SAID = 200

Show = Callable[[str], Any]
"""Is told a line for people, such as `print`."""
Rows = npt.NDArray[np.intp]
"""Places in a table; shape (rows,)."""


@dataclass(frozen=True)
class Task:
    """What is to be learnt, and what counts.

    Attributes:
        features: A matrix of shape (rows, columns), or a data frame.
        labels: Shape (rows,).
        is_number: Whether they are numbers rather than classes.
        is_error: Whether less is better.
        value: How good a fitted estimator is on the rows of features and labels: what
            would be sealed of it, where that is another thing. It is given the features
            that it was fitted on first.
        hide: Makes of features that are held out what models are to see of them, given
            first those that they were fitted on; None where that is the same.
        clock: Tells the time, in seconds.
    """

    features: Any
    labels: npt.NDArray[Any]
    is_number: bool
    is_error: bool
    value: Callable[[Any, Any, Any, npt.NDArray[Any]], float]
    hide: Callable[[Any, Any], Any] | None = None
    clock: Callable[[], float] = time.monotonic

    def __len__(self) -> int:
        return len(self.labels)

    def some(self, rows: Rows) -> Any:
        """The features of some rows."""
        from sklearn.utils import _safe_indexing

        return _safe_indexing(self.features, rows)

    def fitted(self, candidate: Candidate, rows: Rows) -> Any:
        """A candidate's estimator, fitted on the first of some rows."""
        known = rows[: candidate.most_rows]
        with warnings.catch_warnings():
            # Whoever is cut short has not converged, and says so.
            warnings.simplefilter("ignore")
            return candidate.make().fit(self.some(known), self.labels[known])

    def tried(self, candidate: Candidate, known: Rows, new: Rows) -> float:
        """How good a candidate is on rows that it has not seen."""
        estimator = self.fitted(candidate, known)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            learnt, held = self.some(known[: candidate.most_rows]), self.some(new)
            if self.hide is not None:
                held = self.hide(learnt, held)
            return self.value(estimator, learnt, held, self.labels[new])


@dataclass
class Runner:
    """A candidate in the race.

    Attributes:
        candidate: Which.
        values: On each fold that it was tried on, from the first on.
        seconds: That the slowest of them took; before the first, what is expected.
        left_out: Why it was tried no further; empty if it was not left out.
        is_behind: Whether that was because others are better.
    """

    candidate: Candidate
    values: list[float] = field(default_factory=list)
    seconds: float = 0.0
    left_out: str = ""
    is_behind: bool = False

    @property
    def runs(self) -> bool:
        """Whether it is still tried."""
        return not self.left_out


@dataclass(frozen=True)
class Standing:
    """How a candidate did.

    Attributes:
        candidate: Which.
        value: Its mean on rows not seen: an accuracy from 0 to 1, or an error.
        baseline: The baseline's mean on the same rows.
        gain: By how much that is better; below 0 where it is worse.
        folds: That it was tried on.
        learns: Rows that it can learn from in the time that it has.
        left_out: Why it was tried no further; empty if it was not left out.
    """

    candidate: Candidate
    value: float
    baseline: float
    gain: float
    folds: int
    learns: int
    left_out: str = ""


@dataclass(frozen=True)
class Race:
    """What came of trying.

    Attributes:
        order: Whom to seal: the simplest of those that are as good as the best, then
            the best of those that are better than the baseline, and last that itself.
        others: The rest: worse than the baseline, behind others, or not tried enough.
        rows: In their order of learning: the first so many are learnt from.
    """

    order: tuple[Standing, ...]
    others: tuple[Standing, ...]
    rows: Rows


def race(
    task: Task,
    baseline: Candidate,
    others: Sequence[Candidate],
    seconds: float,
    show: Show,
) -> Race:
    """Tries candidates on rows that they have not seen.

    Args:
        task: What is to be learnt.
        baseline: What all must be better than; it is tried however long it takes.
        others: The cheap ones first.
        seconds: That all may take, learning from all rows in the end included.
        show: Is told how far it is.

    Raises:
        InputError: There are too few rows to leave some out.
        Exception: Whatever the baseline says of a table that cannot be learnt.
    """
    if len(task) < FOLDS:
        raise InputError(f"{len(task)} training rows are too few to compare models on.")
    began = task.clock()
    rows = np.random.default_rng(SEED).permutation(len(task))
    ends = began + seconds * SHARE_OF_TRYING
    runners = [Runner(one) for one in (baseline, *others)]
    folds = list(_folds(task, rows[: _pilot(task)]))

    def tried_on(runner: Runner, fold: tuple[Rows, Rows]) -> None:
        _run(task, runner, *fold, ends, is_first=runner is runners[0])

    for runner in runners[1:]:
        _taste(task, runner, folds[0][0])
    # Whoever comes later finds less time: the cheap are known before the dear begin.
    for runner in [runners[0], *sorted(runners[1:], key=lambda one: one.seconds)]:
        for fold in folds[:LEAST_FOLDS]:
            if runner.runs:
                tried_on(runner, fold)
    _tell(show, runners, LEAST_FOLDS, len(folds))
    for number, fold in enumerate(folds[LEAST_FOLDS:], LEAST_FOLDS + 1):
        for runner in _by_value(runners, task):
            tried_on(runner, fold)
        _leave_behind(runners, task)
        if number % FOLDS == 0:
            _tell(show, runners, number, len(folds))
        if sum(one.runs for one in runners) <= 1:
            break
    left = began + seconds - task.clock()
    learnt = len(folds[0][0])
    standings = [
        _standing(one, runners[0], task, _affordable(one, learnt, len(task), left))
        for one in runners
    ]
    return _ordered(runners, standings, task, rows)


def _tell(show: Show, runners: Sequence[Runner], number: int, folds: int) -> None:
    left = sum(one.runs for one in runners)
    show(f"{counted(number, 'fold')} of {folds}, {counted(left, 'candidate')} left")


def _folds(task: Task, rows: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Parts to learn from, and parts to predict."""
    from sklearn.model_selection import KFold, StratifiedKFold

    labels = task.labels[rows]
    counts = np.unique(labels, return_counts=True)[1]
    # A class of one row is in no part that is learnt while it is predicted.
    is_dealt = not task.is_number and counts.min() >= FOLDS
    for repeat in range(REPEATS if len(rows) <= FEW_ROWS else 1):
        kind = StratifiedKFold if is_dealt else KFold
        dealt = kind(FOLDS, shuffle=True, random_state=SEED + repeat)
        for known, new in dealt.split(rows, labels):
            yield rows[known], rows[new]


def _by_value(runners: Sequence[Runner], task: Task) -> list[Runner]:
    """Whoever is still tried: the baseline, then the best, so that time ends others."""
    sign = 1 if task.is_error else -1
    first, *rest = [one for one in runners if one.runs or one is runners[0]]
    known = sorted(
        (one for one in rest if one.values), key=lambda one: sign * _mean(one.values)
    )
    return [first, *known, *(one for one in rest if not one.values)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _pilot(task: Task) -> int:
    """How many rows all are tried on."""
    columns = int(task.features.shape[1])
    return min(len(task), PILOT_ROWS, max(LEAST_PILOT_ROWS, PILOT_CELLS // columns))


def _taste(task: Task, runner: Runner, known: Rows) -> None:
    """Learns from few rows, to know how long more of them take; from none of few."""
    rows = min(len(known), runner.candidate.most_rows)
    if rows <= 2 * TASTE_ROWS:
        return
    few = known[:TASTE_ROWS]
    if not task.is_number:
        # One of each class at least: some estimators take no fewer.
        _, firsts = np.unique(task.labels[known], return_index=True)
        few = known[np.union1d(firsts, np.arange(TASTE_ROWS))]
    try:
        runner.candidate.make()  # its library is loaded once
        began = task.clock()
        task.fitted(runner.candidate, few)
    except Exception:  # noqa: BLE001  # the first fold says what is wrong
        return
    took = task.clock() - began
    runner.seconds = float(took * (rows / len(few)) ** GROWTH)


def _run(
    task: Task, runner: Runner, known: Rows, new: Rows, ends: float, *, is_first: bool
) -> None:
    """Tries a candidate on a fold, if there is time; the baseline anyway.

    Raises:
        Exception: Whatever the baseline says.
    """
    began = task.clock()
    if not is_first and began + runner.seconds > ends:
        runner.left_out = "it would take too long"
        return
    try:
        runner.values.append(task.tried(runner.candidate, known, new))
    except Exception as error:
        if is_first:
            raise
        words = error.message if isinstance(error, ModelMarketError) else str(error)
        said = words.strip().partition("\n")[0][:MOST_SAID]
        runner.left_out = f"it cannot be used: {said}"
        return
    took = task.clock() - began
    # What a taste has told is forgotten once it is known.
    runner.seconds = max(runner.seconds, took) if len(runner.values) > 1 else took


def _leave_behind(runners: Sequence[Runner], task: Task) -> None:
    """Tries those no further that are clearly behind whoever leads."""
    sign = -1 if task.is_error else 1
    running = [one for one in runners if one.runs]
    if not running:
        return
    leader = max(running, key=lambda one: sign * _mean(one.values))
    for one in running:
        if one is leader or one is runners[0]:
            continue
        ahead = _ahead(leader, one, task)
        if len(ahead) < LEAST_BEHIND:
            continue
        floor = CHANCE * abs(_mean(leader.values)) / math.sqrt(len(ahead))
        if float(ahead.mean()) > DEVIATIONS * max(_error(ahead), floor):
            one.left_out = f"behind {leader.candidate.name}"
            one.is_behind = True


def _affordable(runner: Runner, learnt: int, rows: int, left: float) -> int:
    """Rows that can be learnt from in the time left: those of a fold at least."""
    most = min(rows, runner.candidate.most_rows)
    known = min(learnt, runner.candidate.most_rows)
    if not runner.seconds or known == most:
        return most
    times = max(left, 0) * SHARE_OF_LEARNING / runner.seconds
    return min(most, max(known, int(known * times ** (1 / GROWTH))))


def _standing(runner: Runner, baseline: Runner, task: Task, learns: int) -> Standing:
    folds = min(len(runner.values), len(baseline.values))
    value = _mean(runner.values[:folds]) if folds else math.nan
    reached = _mean(baseline.values[:folds]) if folds else math.nan
    gain = reached - value if task.is_error else value - reached
    return Standing(
        runner.candidate, value, reached, gain, folds, learns, runner.left_out
    )


def _ordered(
    runners: Sequence[Runner], standings: Sequence[Standing], task: Task, rows: Rows
) -> Race:
    baseline = standings[0]
    better = [
        (runner, one)
        for runner, one in zip(runners[1:], standings[1:], strict=True)
        if one.folds >= LEAST_FOLDS and one.gain > 0 and not runner.is_behind
    ]
    order = [one for _, one in sorted(better, key=lambda pair: -pair[1].gain)]
    if order:
        best = next(runner for runner, one in better if one is order[0])
        simple = next(one for runner, one in better if _as_good(runner, best, task))
        order = [simple, *(one for one in order if one is not simple)]
    rest = tuple(one for one in standings[1:] if one not in order)
    return Race((*order, baseline), rest, rows)


def _as_good(runner: Runner, best: Runner, task: Task) -> bool:
    """Whether one is as good as the best, for all that the folds can tell.

    Within one standard error the simpler one is taken (L. Breiman et al.,
    Classification and Regression Trees, 1984): it is less likely to be there by luck.
    """
    if runner is best:
        return True
    ahead = _ahead(best, runner, task)
    return len(ahead) >= FOLDS and bool(ahead.mean() <= _error(ahead))


def _ahead(one: Runner, other: Runner, task: Task) -> npt.NDArray[np.float64]:
    """By how much one is better than another on each fold that both have."""
    folds = min(len(one.values), len(other.values))
    sign = -1 if task.is_error else 1
    ahead: npt.NDArray[np.float64] = np.subtract(
        one.values[:folds], other.values[:folds]
    )
    return sign * ahead


def _error(values: npt.NDArray[np.float64]) -> float:
    """The standard error of their mean."""
    return float(values.std(ddof=1)) / math.sqrt(len(values))
