# SPDX-License-Identifier: Apache-2.0
"""Verified contests on a real node, with files behind real gateways: whoever lies is
found out by others' agents, and the model that is paid is the one that scored.
"""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import polars as pl
import pytest
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from modelmarket import agent
from modelmarket.datasets.sources import Source
from modelmarket.datasets.tables import open_table
from modelmarket.errors import (
    ConfirmationError,
    DataError,
    InputError,
    NotFoundError,
    RevertError,
    StepError,
)
from modelmarket.market import VerifiedRequest
from modelmarket.market.verified.judging import FalseGroup, FalseRow
from modelmarket.market.verified.listing import Listing
from modelmarket.market.verified.refutations import FoundGroup, FoundRow
from modelmarket.market.verified.watching import Verdict
from modelmarket.models import ExactModel
from modelmarket.protocol.events import SubmissionFailed
from modelmarket.protocol.phases import Failure, Phase, Status
from support.contests import (
    PEOPLE,
    REWARD,
    contest,
    corrected,
    enter,
    finish,
    next_time,
    promises,
    source,
    table,
    table_at,
    to_claims,
    to_validation,
    tree_of,
    work,
)
from support.market import Place


def test_a_life_ends_with_the_buyer_predicting_by_the_model_that_scored(
    here: Place, tmp_path: Path
) -> None:
    rita, ann, ben = (here.markets[name] for name in PEOPLE)
    request = contest(here, rita, threshold=Fraction(1, 2))
    assert str(request.id) == "v1"
    assert repr(request) == "VerifiedRequest(v1, OPEN)"
    best, other = enter(ann, depth=5), enter(ben, depth=1)
    to_claims(here, request)
    done = finish(here)
    assert done.record.stage is Phase.FULFILLED
    winner = done.winner()
    assert winner is not None
    assert winner.id == best.id
    assert winner.record.paid == REWARD + request.terms.stake
    assert done.submission(other.id).record.status is Status.WITHDRAWN
    assert "its model is the one that scored" in done.status()
    assert promises(ben) == []
    model = rita.request("v1").model()
    assert model.root == best.model().root
    new = tmp_path / "new.csv"
    new.write_text("colour,y,x,unused\nred,0.1,0.1,1\nblue,,9,2\ngrey,0,-9,3\n")
    codes = done.codes(new)
    for frame in (pl.read_csv(new), pd.read_csv(new)):
        assert (done.codes(frame) == codes).all()
        assert done.predict(frame) == done.predict(new)
    assert codes[:, 2].tolist() == [3, 1, 0]
    assert codes[1, 1] == 0
    assert codes[1, 0] > codes[0, 0] > codes[2, 0] == 0
    says = model.predict(codes)
    names = sorted(("near", "left", "right"))
    assert done.predict(new) == [names[one] for one in says.tolist()]
    # A path may be text.
    assert done.predict(str(new)) == done.predict(new)
    model.save(str(tmp_path / "model.exact"))
    assert type(model).load(str(tmp_path / "model.exact")).root == model.root
    done.export(str(tmp_path / "model.onnx"))
    exported = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    [labels] = exported.run(["label"], {"codes": codes})
    assert labels.tolist() == done.predict(new)


def test_a_trainer_is_told_how_the_model_does_before_anything_is_staked(
    here: Place, tmp_path: Path
) -> None:
    rita, ann, _ = (here.markets[name] for name in PEOPLE)
    contest(here, rita)
    request, said = ann.request("v1"), list[str]()
    tree = tree_of(request, 4)
    entered = request.submit(tree, show=said.append)
    rows = len(request.training().targets)
    answer, refuting, bond, *folds, figures, differ, staked = said
    assert answer.startswith("If your model is demanded, posting it takes up to ")
    assert refuting.startswith("Refuting somebody else's takes up to ")
    assert bond.startswith("Demanding what nobody serves locks ")
    assert staked == f"Submission {entered.id} to request v1: 5 MDC are at stake."
    assert [one.partition(":")[0] for one in folds] == [
        f"fold {n} of 5" for n in range(1, 6)
    ]
    assert figures.startswith(f"accuracy on rows not seen (5 folds, {rows} rows): ")
    assert figures.endswith("% exact")
    assert differ == "  0 rows differ between the last two"
    found = request.validate(tree)
    assert found.plain is not None
    assert min(found.plain, found.exact) > 0.6
    assert found.exact == found.codes
    file = tmp_path / "tree.exact"
    request.convert(tree).save(file)
    known = request.validate(file)
    assert known.exact == pytest.approx(request.fit_of(request.convert(file)).share)
    assert "it may know" in known.lines()[1].lower()
    assert known.reason == "an exact model cannot be fitted again."
    early = XGBClassifier(n_estimators=4, early_stopping_rounds=2, n_jobs=1)
    training = request.training()
    early.fit(
        training.codes,
        training.targets,
        eval_set=[(training.codes, training.targets)],
        verbose=False,
    )
    assert request.validate(early).reason.startswith(
        "XGBClassifier could not be fitted again"
    )


def test_an_estimator_that_was_fitted_on_something_else_is_not_staked_on(
    here: Place,
) -> None:
    """It converts without an error, and fitted again on codes it would do well."""
    rita, ann, _ = (here.markets[name] for name in PEOPLE)
    contest(here, rita)
    request, said = ann.request("v1"), list[str]()
    training = request.training()
    scaled = DecisionTreeClassifier(max_depth=4, random_state=0)
    scaled.fit(training.codes / 255, training.targets)
    with pytest.raises(InputError, match="accuracy of the model that would be") as told:
        request.submit(scaled, show=said.append)
    assert "Fit it on `request.training_data()`, which gives codes" in told.value.hint
    assert said[-2].startswith("accuracy on rows not seen")
    assert request.refresh().submissions() == []
    assert request.submit(request.convert(scaled), show=said.append).record.is_live


def test_hand_corrected_rows_are_refuted_by_the_runner_ups_agent(here: Place) -> None:
    rita, ann, ben = (here.markets[name] for name in PEOPLE)
    request = contest(here, rita)
    lie = enter(ben, depth=1)
    enter(ann, depth=4)
    to_claims(here, request)
    listing = corrected(lie.refresh(), wrong=0)
    lie.claim(listing.score)
    work(here, "ann")
    to_validation(here)
    lie.show(listing)
    before = ann.balance(ann.wallet.address)
    [report] = [one for one in work(here, "ann") if one.step.kind is agent.Kind.WATCH]
    assert report.message == Verdict.REFUTED.value
    failed = lie.refresh()
    assert failed.record.failure is Failure.REFUTED
    assert failed.record.challenger == ann.wallet.address
    reward = request.terms.stake // 10
    assert ann.balance(ann.wallet.address) - before == reward
    assert "Refuted by" in failed.status()
    [told] = rita.request("v1").refutations()
    assert isinstance(told.found, FoundRow)
    row, target = told.found.row, request.schema.target
    truly = failed.request.opened().predictions(failed.model())
    assert told.listed == target.decode(listing.predictions[row : row + 1])[0]
    assert told.computed == target.decode(truly[row : row + 1])[0] != told.listed
    # Whoever is handed a challenge may hand on another one: only the referee's count.
    [sent] = [
        one.log.transaction
        for one in rita.history(request.id)
        if isinstance(rita.decode(one.log), SubmissionFailed)
    ]
    referee = rita.markets.verified.referee().address
    assert rita.connection.transaction_input(sent, to=referee)
    assert not rita.connection.transaction_input(sent, to=rita.coin.address)
    done = finish(here, "ann", "rita")
    won = done.winner()
    assert won is not None
    assert won.record.trainer == ann.wallet.address
    card = done.model_card()
    assert f"Right for {won.record.score} of {done.terms.rows} hidden rows: " in card
    assert "The chain ties this model to its score" in card
    assert "$ modelmarket model predict v1 new.csv" in card
    assert promises(rita) == []


def test_a_wrong_sum_is_refuted_by_a_recount(here: Place) -> None:
    rita, ann, ben = (here.markets[name] for name in PEOPLE)
    request = contest(here, rita)
    lie = enter(ben, depth=1)
    enter(ann)
    to_claims(here, request)
    truth = lie.refresh().listing()
    listing = replace(truth, points=(request.terms.rows,))
    lie.claim(listing.score)
    work(here, "ann")
    to_validation(here)
    lie.show(listing)
    found = rita.request("v1").candidate()
    assert found is not None
    lies = found.find_lie(found.evidence())
    assert lies == FalseGroup(0, request.terms.rows, truth.score)
    assert found.watch() is Verdict.REFUTED
    [told] = rita.request("v1").refutations()
    rows = request.terms.rows
    assert told.found == FoundGroup(0, rows - 1, rows, truth.score)
    assert told.as_document()["row"] is told.listed is told.computed is None
    assert f"were listed with {rows} points, and score {truth.score}" in told.sentence
    assert promises(rita) == []


def test_a_claim_above_the_sum_of_a_true_listing_is_refuted_by_a_recount(
    here: Place,
) -> None:
    rita, ann, ben = (here.markets[name] for name in PEOPLE)
    request = contest(here, rita)
    lie = enter(ben, depth=1)
    enter(ann)
    to_claims(here, request)
    truth = lie.refresh().listing()
    lie.claim(request.terms.rows)
    work(here, "ann")
    to_validation(here)
    lie.show()
    found = ann.request("v1").candidate()
    assert found is not None
    lies = found.find_lie(found.evidence())
    assert lies == FalseGroup(0, request.terms.rows, truth.score)
    work(here, "ann")
    assert lie.refresh().record.failure is Failure.REFUTED
    [told] = rita.request("v1").refutations()
    rows = request.terms.rows
    assert told.found == FoundGroup(0, rows - 1, rows, truth.score)
    sums = replace(told, found=FoundGroup(0, rows - 1, truth.score, truth.score))
    assert "do not lead to the claim" in sums.sentence
    assert promises(rita) == []


def test_what_nobody_serves_is_demanded_and_withheld_at_the_stake(here: Place) -> None:
    rita, ann, ben = (here.markets[name] for name in PEOPLE)
    request = contest(here, rita)
    ghost = enter(ben, depth=1)
    enter(ann)
    to_claims(here, request)
    listing = corrected(ghost.refresh(), wrong=0)
    ghost.claim(listing.score)
    work(here, "ann")
    to_validation(here)
    ghost.show(listing)
    gone = ben.home.store.with_name("gone")
    ben.home.store.rename(gone)
    shutil.copytree(gone, ben.home.store, ignore=shutil.ignore_patterns("*"))
    (ben.home.store / "blocks").mkdir(exist_ok=True)
    messages = [report.message for report in work(here, "ann")]
    assert messages == [Verdict.NOT_SERVED.value]
    done = finish(here, "rita", "ann")
    failed = done.submission(ghost.id).record
    assert failed.failure is Failure.WITHHELD
    assert failed.demand is not None
    assert failed.demand.returned == request.terms.demand_bond
    assert done.record.stage is Phase.FULFILLED
    assert rita.balance(rita.wallet.address) == 900 * 10**18
    assert promises(rita) == []


def test_an_honest_model_that_is_demanded_is_posted_and_earns_the_bond(
    here: Place,
) -> None:
    rita, ann = here.markets["rita"], here.markets["ann"]
    request = contest(here, rita)
    enter(ann)
    to_claims(here, request)
    work(here, "ann")
    to_validation(here)
    work(here, "ann")
    shown = rita.request("v1").candidate()
    assert shown is not None
    shown.demand()
    assert "to post" in shown.refresh().request.status()
    with pytest.raises(RevertError, match="demanded before"):
        shown.demand()
    assert any(one.step.kind is agent.Kind.ANSWER for one in work(here, "ann"))
    posted = shown.refresh().record.demand
    assert posted is not None
    assert not posted.is_open
    done = finish(here, "rita", "ann")
    won = done.winner()
    assert won is not None
    paid = REWARD + request.terms.stake + request.terms.demand_bond
    assert won.record.paid == paid
    assert promises(ann) == []


def test_a_model_is_judged_by_what_was_posted_of_it(here: Place) -> None:
    rita, ann, ben = (here.markets[name] for name in PEOPLE)
    request = contest(here, rita)
    lie = enter(ben, depth=0)
    enter(ann)
    to_claims(here, request)
    listing = corrected(lie.refresh(), wrong=0)
    lie.claim(listing.score)
    work(here, "ann")
    to_validation(here)
    lie.show(listing)
    # ann and rita reach no gateway at all.
    for name in ("ann", "rita"):
        here.markets[name].network = replace(here.network, gateways=())
    shown = ann.request("v1").candidate()
    assert shown is not None
    assert not shown.evidence().is_whole
    here.move_to(next_time(shown.request))
    work(here, "ann")
    lie.answer()
    evidence = shown.refresh().evidence()
    assert evidence.is_whole
    found = shown.refresh().find_lie(evidence)
    assert isinstance(found, FalseRow)
    work(here, "ann")
    assert lie.refresh().record.failure is Failure.REFUTED


def test_a_buyer_has_the_model_that_was_posted_and_is_served_by_nobody(
    here: Place,
) -> None:
    rita, ann = here.markets["rita"], here.markets["ann"]
    request = contest(here, rita)
    mine = enter(ann)
    to_claims(here, request)
    work(here, "ann")
    to_validation(here)
    work(here, "ann")
    rita.network = replace(here.network, gateways=())
    here.move_to(next_time(rita.request("v1")))
    work(here, "rita", "ann")
    done = finish(here, "ann", "rita")
    won = done.winner()
    assert won is not None
    assert won.record.demand is not None
    assert done.model().root == mine.model().root
    # As it was posted it lies where its author had it, and is any other model's like.
    kept = done.kept_model()
    assert kept is not None
    assert str(kept.folder) == done.record.model
    copy = done.fetch_model(here.folder / "bought")
    assert ExactModel.load(copy / "model.exact").root == mine.model().root


@pytest.mark.parametrize("is_served", [True, False])
def test_what_a_winner_put_beside_the_model_is_not_taken(
    here: Place, monkeypatch: pytest.MonkeyPatch, is_served: bool
) -> None:
    save = ExactModel.save

    def with_more(model: ExactModel, path: Path) -> None:
        save(model, path)
        (path.parent / "invoice.html").write_text("pay again")

    monkeypatch.setattr(ExactModel, "save", with_more)
    rita, ann = here.markets["rita"], here.markets["ann"]
    contest(here, rita)
    mine = enter(ann)
    if not is_served:
        rita.network = replace(here.network, gateways=())
    done = finish(here, "ann", "rita")
    kept = done.kept_model()
    assert kept is not None
    assert str(kept.folder) != done.record.model
    assert [one.path for one in kept.files] == ["model.exact"]
    copy = done.fetch_model(here.folder / "bought")
    assert [one.name for one in copy.iterdir()] == ["model.exact"]
    assert ExactModel.load(copy / "model.exact").root == mine.model().root
    assert agent.plan(rita) == []


def test_whoever_shows_nothing_is_timed_out_and_the_next_best_is_paid(
    here: Place,
) -> None:
    rita, ann, ben = (here.markets[name] for name in PEOPLE)
    request = contest(here, rita)
    mute = enter(ben, depth=1)
    enter(ann)
    to_claims(here, request)
    mute.claim(request.terms.rows)
    work(here, "ann")
    to_validation(here)
    done = finish(here, "rita", "ann")
    assert done.submission(mute.id).record.failure is Failure.TIMED_OUT
    won = done.winner()
    assert won is not None
    assert won.record.trainer == ann.wallet.address


def test_a_key_that_is_never_opened_costs_the_reward(here: Place) -> None:
    rita, ann = here.markets["rita"], here.markets["ann"]
    request = contest(here, rita)
    one = enter(ann)
    ends = request.record.deadline + request.terms.response_window_s
    here.move_to(request.record.deadline)
    with pytest.raises(StepError, match="is not open"):
        one.score()
    here.move_to(ends)
    with pytest.raises(StepError, match="cannot be opened now"):
        rita.request("v1").open_key()
    work(here, "ann")
    done = ann.request("v1")
    assert done.record.stage is Phase.FORFEITED
    assert done.submission(one.id).record.status is Status.WITHDRAWN
    assert promises(ann) == []


def test_a_contest_can_be_cancelled_and_left_in_time(here: Place) -> None:
    rita, ann, ben = (here.markets[name] for name in PEOPLE)
    request = contest(here, rita)
    left, stays = enter(ann), enter(ben)
    left.cancel()
    assert left.refresh().status().startswith("Cancelled in time")
    with pytest.raises(StepError, match="was cancelled already"):
        left.refresh().refuse_if_ended()
    request.refresh().cancel(max_live=1)
    with pytest.raises(StepError, match="has ended already"):
        request.refresh().refuse_if_ended()
    work(here, "ben")
    assert stays.refresh().record.paid == REWARD + request.terms.stake
    assert promises(rita) == []


def test_rows_that_are_hidden_once_are_published_by_nothing_else(here: Place) -> None:
    rita = here.markets["rita"]
    contest(here, rita)
    source = table(here)
    with pytest.raises(DataError, match="hidden rows stand in request v1"):
        contest(here, rita, again=True)
    with pytest.raises(DataError, match="are hidden in request v1"):
        rita.create_request(source, reward=REWARD, again=True)


def test_rows_that_a_cancelled_request_has_published_are_hidden_by_nothing(
    here: Place,
) -> None:
    """Nobody was shown its labels, but everybody could read its test rows."""
    rita = here.markets["rita"]
    path = here.folder / "all.csv"
    table_at(path, 300)
    request = rita.create_request(source(path), reward=REWARD, fraction=Fraction(1, 2))
    frame = request.contents.frame("test.csv")
    told = {
        tuple("" if one is None else str(one) for one in row) for row in frame.rows()
    }
    request.cancel()
    heading, *lines = path.read_text().splitlines()
    known = [one for one in lines if tuple(one.split(",")[:3]) in told]
    assert len(known) > 100
    some = here.folder / "some.csv"
    some.write_text("\n".join([heading, *known]) + "\n")
    with pytest.raises(DataError, match="hidden rows stand in request 1, where others"):
        contest(here, rita, source=source(some))


def test_nobody_enters_a_contest_whose_hidden_files_are_others(here: Place) -> None:
    rita, ann = here.markets["rita"], here.markets["ann"]
    contest(here, rita)
    request = ann.request("v1")
    terms = replace(request.terms, rows_root=bytes(32))
    forged = VerifiedRequest(ann, replace(request.record, terms=terms), request.now)
    with pytest.raises(DataError, match="hidden files are not those"):
        forged.check_folder()
    terms = replace(request.terms, schema_hash=bytes(32))
    forged = VerifiedRequest(ann, replace(request.record, terms=terms), request.now)
    with pytest.raises(DataError, match="not the one that the terms name"):
        forged.check_folder()
    terms = replace(request.terms, rows=request.terms.rows + 1)
    forged = VerifiedRequest(ann, replace(request.record, terms=terms), request.now)
    with pytest.raises(DataError, match="but its folder hides"):
        forged.check_folder()


def test_a_second_model_is_asked_about_and_the_same_one_is_named(here: Place) -> None:
    rita, ann = here.markets["rita"], here.markets["ann"]
    contest(here, rita)
    first = enter(ann)
    request, model = ann.request("v1"), first.model()
    with pytest.raises(ConfirmationError, match="with the same model already"):
        request.submit(model)
    with pytest.raises(ConfirmationError, match="a submission of yours already"):
        request.submit(enter_model(request, depth=2))
    with pytest.raises(InputError, match="64 are allowed"):
        request.submit(model, name="x" * 65)


def enter_model(request: VerifiedRequest, depth: int) -> ExactModel:
    training = request.training()
    fitted = DecisionTreeClassifier(max_depth=depth).fit(
        training.codes, training.targets
    )
    return request.convert(fitted)


def test_an_estimator_that_was_fitted_on_names_fits_too(here: Place) -> None:
    from sklearn.tree import DecisionTreeClassifier

    rita = here.markets["rita"]
    request = contest(here, rita)
    frame, labels = request.training_data("polars", codes=False)
    assert frame.columns == ["x", "y", "colour"]
    training = request.training()
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    by_name = request.convert(tree.fit(training.codes, labels.to_numpy()))
    by_code = request.convert(tree.fit(training.codes, training.targets))
    assert by_name.root == by_code.root
    strange = np.array(["what", *labels.to_list()[1:]])
    with pytest.raises(InputError, match="knows a class 'what'"):
        request.convert(tree.fit(training.codes, strange))


def test_what_is_listed_stays_what_it_is_in_its_file(here: Place) -> None:
    rita, ann = here.markets["rita"], here.markets["ann"]
    request = contest(here, rita, balanced=True, width=16)
    assert max(request.record.weights) == request.terms.cap
    one = enter(ann)
    to_claims(here, request)
    listing = one.refresh().listing()
    again = Listing.from_bytes(request.terms, listing.to_bytes())
    assert (again.root, again.score) == (listing.root, listing.score)
    with pytest.raises(DataError, match="are no listing of"):
        Listing.from_bytes(request.terms, listing.to_bytes()[:-1])


def test_a_model_without_a_mistake_reaches_a_threshold_where_classes_count_alike(
    here: Place,
) -> None:
    """One row of twenty is of the rare class: the others are worth a nineteenth."""
    rows = [f"{n},{'rare' if n % 20 == 0 else 'common'},{n % 20}" for n in range(800)]
    path = here.folder / "rare.csv"
    path.write_text("n,kind,why\n" + "\n".join(rows) + "\n")
    request = contest(
        here,
        here.markets["rita"],
        source=Source(open_table(path, header=True), label="kind"),
        balanced=True,
        threshold="90%",
        accept_findings=True,
    )
    ann = here.markets["ann"].request(str(request.id))
    assert isinstance(ann, VerifiedRequest)
    one = ann.submit(tree_of(ann, 3), name="right", show=None)
    to_claims(here, request)
    one.refresh().claim()
    record = ann.refresh().record
    score, flawless = record.submissions[one.id].score, record.scoring.flawless(160)
    assert score is not None
    assert record.rows == 160
    assert record.minimum <= score < record.rows * record.scoring.most / 5
    assert record.minimum == math.ceil(Fraction(9, 10) * flawless)
    assert abs(score / flawless - 1) < 0.05


def test_a_network_without_verified_contests_says_so(here: Place) -> None:
    rita = here.markets["rita"]
    here.network = replace(here.network, verified="")
    with here.again("rita") as market:
        assert market.requests() == []
        with pytest.raises(NotFoundError, match="no market of verified contests"):
            market.look_into(rita.wallet.address, verified=True)
