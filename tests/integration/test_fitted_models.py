# SPDX-License-Identifier: Apache-2.0
"""Three lines for a trainer: what was fitted is exported, and the export predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import xgboost
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier

from modelmarket.datasets.libraries import Library
from modelmarket.errors import ConfirmationError, DataError, InputError, NotFoundError
from modelmarket.market import Market, Request, VerifiedRequest
from modelmarket.models.onnx import OnnxModel
from modelmarket.models.onnx.running import OnnxModel as Running
from support.market import Place

ROWS = 120


def table(classes: str = "012") -> pl.DataFrame:
    rng = np.random.default_rng(4)
    x = rng.integers(0, 100, ROWS)
    return pl.DataFrame(
        {
            "x": x,
            "y": [None if rng.random() < 0.1 else one for one in rng.random(ROWS)],
            "kind": [classes[one // 34] for one in x],
        }
    )


@pytest.fixture
def request_1(here: Place) -> Request:
    here.markets["rita"].create_request(
        table(), label="kind", reward="10", accept_findings=True
    )
    return here.markets["ann"].request(1)


def sealed(request: Request) -> dict[str, bytes]:
    """The files of the folder that was sealed last, by their names."""
    market = request.market
    secret = request.refresh().mine()[-1].secret()
    assert secret is not None
    from modelmarket.storage.cid import Cid

    folder = Cid.parse(secret.model)
    names = [link.name for link in market.store.node(folder).links]
    return {
        name: market.store.read_bytes(market.store.resolve(folder, name), most=10**7)
        for name in names
    }


def test_three_lines_seal_what_the_exported_file_predicts(request_1: Request) -> None:
    request = request_1
    model = HistGradientBoostingClassifier().fit(*request.training_data())
    told: list[str] = []
    entry = request.submit(model, show=told.append)

    assert entry.record.is_live
    files = sealed(request)
    assert sorted(files) == ["model.onnx", "predictions.csv", "probabilities.csv"]
    predicted = Running(files["model.onnx"]).predict(request.test_data())
    listed = pl.read_csv(
        files["predictions.csv"], schema_overrides={"label": pl.String}
    )
    assert listed["label"].to_list() == predicted
    assert listed["row_id"].to_list() == list(range(1, 25))
    assert told[0].startswith("fold 1 of 5: ")
    assert any("accuracy on rows not seen (5 folds, 96 rows)" in one for one in told)
    assert told[-3:] == [
        "Predicted by the ONNX file that would be sealed; the fitted model says the same "
        "of 100.00% of the rows.",
        "Probabilities of each class go with them.",
        f"Submission {entry.id} to request 1: 0.1 MDC are at stake.",
    ]
    sure = pl.read_csv(files["probabilities.csv"])
    assert sure["row_id"].to_list() == list(range(1, 25))
    names = request.manifest().classes.names
    assert sure.columns == ["row_id", *names]
    fitted = model.predict_proba(request.test_data())
    assert sure.select(names).to_numpy() == pytest.approx(fitted, abs=1e-5)
    assert list(request.market.home.scratch().iterdir()) == []


def test_labels_come_in_the_type_that_they_had(here: Place) -> None:
    rita, ann = here.markets["rita"], here.markets["ann"]
    rita.create_request(table(), label="kind", reward="10", accept_findings=True)
    rita.create_request(
        table("abc"), label="kind", reward="10", accept_findings=True, again=True
    )
    numbers, words = ann.request(1), ann.request(2)
    kinds: dict[Library, type[Any]] = {"polars": pl.Series, "pandas": pd.Series}
    for library, kind in kinds.items():
        features, labels = numbers.training_data(library)
        assert isinstance(labels, kind)
        assert set(labels) == {0, 1, 2}
        assert list(features.columns) == ["x", "y"]
        assert set(words.training_data(library)[1]) == {"a", "b", "c"}
        assert list(numbers.test_data(library).columns) == ["x", "y"]
    features, labels = numbers.training_data("numpy")
    assert (features.shape, labels.dtype) == ((96, 2), np.int64)
    # XGBoost takes no other labels.
    boosted = xgboost.XGBClassifier(n_estimators=5).fit(features, labels)
    assert numbers.submit(boosted, show=None).record.is_live
    with pytest.raises(InputError, match="no library 'jax'"):
        numbers.training_data("jax")  # type: ignore[arg-type]  # as a notebook says it


def test_the_three_lines_are_the_same_for_xgboost(request_1: Request) -> None:
    request = request_1
    boosted = xgboost.XGBClassifier(n_estimators=5).fit(*request.training_data())
    assert list(boosted.feature_names_in_) == ["x", "y"]
    entry = request.submit(boosted, show=None)
    assert entry.record.is_live
    said = request.check(boosted).codes
    assert said.tolist() == boosted.predict(request.test_data()).tolist()


def test_training_data_is_asked_for_alike_in_contests_of_both_kinds(
    here: Place,
) -> None:
    rita, ann = here.markets["rita"], here.markets["ann"]
    rita.create_request(table("abc"), label="kind", reward="10", accept_findings=True)
    other = table("abc").with_columns(pl.col("x", "y") + 1000)
    rita.create_contest(other, label="kind", reward="10", accept_findings=True)
    predictions, contest = ann.request(1), ann.request("v1")
    for request in (predictions, contest):
        features, labels = request.training_data("pandas", codes=False, numbered=True)
        assert list(features.columns) == ["x", "y"]
        assert set(labels) == {0, 1, 2}
        features, labels = request.training_data("pandas", codes=False)
        assert set(labels) == {"a", "b", "c"}
    with pytest.raises(InputError) as raised:
        predictions.training_data(codes=True)
    assert str(raised.value) == (
        "Request 1 is of predictions, and has no codes. Leave out codes=True; "
        "numbered=True gives classes' numbers."
    )
    boosted = xgboost.XGBClassifier(n_estimators=5).fit(*contest.training_data())
    assert contest.submit(boosted, show=None).record.is_live


def test_xgboost_takes_classes_of_any_name_by_their_numbers(here: Place) -> None:
    here.markets["rita"].create_request(
        table("abc"), label="kind", reward="10", accept_findings=True
    )
    request, told = here.markets["ann"].request(1), list[str]()
    boosted = xgboost.XGBClassifier(n_estimators=5)
    boosted.fit(*request.training_data(numbered=True))
    assert request.submit(boosted, show=told.append).record.is_live
    assert any("accuracy on rows not seen (5 folds, 96 rows)" in one for one in told)
    said = np.array(["a", "b", "c"])[boosted.predict(request.test_data())]
    assert request.check(boosted).codes.tolist() == request.check(said).codes.tolist()


def right_of_known(request: Request, model: Any) -> float:
    features, labels = request.training_data()
    return float(np.mean(model.predict(features) == labels.to_numpy()))


def test_an_exported_file_is_submitted_like_what_it_was_exported_from(
    request_1: Request, tmp_path: Path
) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(*request_1.training_data())
    exported = request_1.export(model)
    path = tmp_path / "forest.onnx"
    path.write_bytes(exported.data)
    for given in (exported, path, str(path)):
        checked = request_1.check(given)
        assert checked.is_reproducible
        assert (checked.codes == request_1.check(model).codes).all()
    told: list[str] = []
    request_1.check(path, show=told.append)
    assert told == [
        "accuracy on rows of the training part, which it may know: "
        f"{right_of_known(request_1, model):.2%}"
    ]
    assert request_1.submit(path, show=None).record.is_live
    assert sealed(request_1)["forest.onnx"] == exported.data
    # The same once more is asked about, whatever it is given as.
    for given in (path, exported, model):
        with pytest.raises(ConfirmationError, match="with the same predictions"):
            request_1.submit(given, show=None)


def test_any_other_file_is_taken_with_its_predictions_and_is_not_reproducible(
    request_1: Request, tmp_path: Path
) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"anything")
    predictions = ["0"] * 24
    checked = request_1.check(predictions)
    assert not checked.is_reproducible
    assert checked.as_document()["reproducible"] is False
    assert checked.lines()[0].startswith("Not reproducible: nobody can tell whether")
    assert request_1.submit(path, predictions).record.is_live
    assert sorted(sealed(request_1)) == ["predictions.csv", "weights.bin"]


def test_check_says_what_would_be_sealed(request_1: Request) -> None:
    model = DecisionTreeClassifier(max_depth=2).fit(*request_1.training_data())
    checked = request_1.check(model, show=lambda _line: None)
    document = checked.as_document()
    assert document["rows"] == 24
    assert sum(document["counts"].values()) == 24
    assert sum(document["train_counts"].values()) == 96
    assert document["agreement"] == 1.0
    assert document["cross_validation"]["folds"] == 5
    assert document["cross_validation"]["rows"] == 96
    assert 0.9 < document["cross_validation"]["accuracy"] <= 1
    assert (document["right"], document["place"]) == (None, None)
    assert request_1.check(model).folds is None, "it is looked into when somebody looks"


def test_after_the_end_check_says_how_many_are_right_and_which_place(
    here: Place,
) -> None:
    rita, ann, ben = (here.markets[one] for one in ("rita", "ann", "ben"))
    request = here.create(rita)
    for market, mistakes in ((ann, 3), (ben, 7)):
        here.submit(market, request.id, mistakes)
    here.move_to(request.record.deadline)
    rita.request(request.id).open_truth()
    mine = ann.request(request.id)
    right = ["odd" if n % 2 else "even" for n in mine.test_data()["n"]]

    def score(mistakes: int, of: Request) -> tuple[int | None, int | None]:
        flipped = {"odd": "even", "even": "odd"}
        said = [flipped[one] for one in right[:mistakes]] + right[mistakes:]
        found = of.refresh().check(said)
        line = found.lines()[-1]
        assert f"{found.right} of 20 rows are right" in line
        assert ("had it been submitted in time" in line) is (found.place is not None)
        return found.right, found.place

    assert score(2, mine) == (18, None), "nobody has claimed yet"
    for market in (ann, ben):
        market.request(request.id).mine()[0].claim()
    assert score(2, mine) == (18, None), "others may still claim"
    here.move_to(mine.refresh().position().step_ends)
    assert score(0, mine) == (20, 1)
    assert score(2, mine) == (18, 1)
    assert score(3, mine) == (17, 1), "it is the very one that stands there"
    assert score(3, ben.request(request.id)) == (17, 2), "the first stays before it"
    assert score(7, mine) == (13, 3)
    assert score(7, ben.request(request.id)) == (13, 2)
    assert score(8, mine) == (12, 3)


SWAPPED = "The predictions are a model."


@pytest.mark.parametrize("kind", ["path", "fitted", "exported"])
def test_a_model_in_the_place_of_predictions_is_refused(
    request_1: Request, tmp_path: Path, kind: str
) -> None:
    """Its own predictions would be sealed with another file."""
    fitted = DecisionTreeClassifier().fit(*request_1.training_data())
    exported = request_1.export(fitted)
    path, other = tmp_path / "model.ONNX", tmp_path / "weights.bin"
    path.write_bytes(exported.data)
    other.write_bytes(b"x")
    given: Any = {"path": path, "fitted": fitted, "exported": exported}[kind]
    for model in (other, path):
        with pytest.raises(InputError, match=SWAPPED):
            request_1.submit(model, given, show=None)
    assert request_1.refresh().submissions() == []


def test_columns_in_another_order_are_exported_in_that_order(
    request_1: Request,
) -> None:
    features, labels = request_1.training_data("pandas")
    model = RandomForestClassifier(20, random_state=0)
    model.fit(features[["y", "x"]].fillna(0), labels)
    other = RandomForestClassifier(2, random_state=0).fit(
        features.rename(columns=str.upper), labels
    )
    said = "fitted on a column 'X', which the training part has not"
    with pytest.raises(InputError, match=said):
        request_1.export(other)
    model.fit(features[["y", "x"]], labels)
    exported = request_1.export(model)
    assert exported.columns == ("y", "x")
    said = model.predict(request_1.test_data("pandas")[["y", "x"]])
    assert exported.predict(request_1.test_data()) == [str(one) for one in said]


@pytest.mark.parametrize("wrong", ["features", "labels"])
def test_what_was_fitted_on_something_else_is_refused_before_it_is_sealed(
    request_1: Request, wrong: str
) -> None:
    features, labels = request_1.training_data("numpy")
    if wrong == "features":
        features = -features
    else:
        labels = (labels + 1) % 3
    model = HistGradientBoostingClassifier().fit(features, labels)
    with pytest.raises(InputError, match="Of the rows that it was fitted on") as told:
        request_1.submit(model, show=lambda _line: None)
    assert "belongs into a pipeline" in told.value.hint
    assert request_1.refresh().submissions() == []
    # Whoever means it says so.
    assert request_1.submit(request_1.export(model), show=None).record.is_live


def test_xgboost_knows_columns_by_their_names(request_1: Request) -> None:
    features, labels = request_1.training_data("pandas")
    model = xgboost.XGBClassifier(n_estimators=5).fit(features, labels)
    assert request_1.check(model).exported is not None
    assert model.get_booster().feature_names == ["x", "y"], "it stays as it was"


@pytest.mark.parametrize(
    ("model", "predictions", "error", "said"),
    [
        (LinearRegression(), None, InputError, "LinearRegression is no fitted class"),
        (object(), None, InputError, "An object is no model"),
        ("weights.bin", None, InputError, "What weights.bin predicts is not known"),
        ("nowhere.onnx", None, NotFoundError, "There is no file nowhere.onnx"),
        ("nowhere.bin", None, NotFoundError, "There is no file or folder"),
        (DecisionTreeClassifier(), ["0"] * 24, InputError, "is no path of a model's"),
        (["0"] * 24, None, InputError, "A list is no model"),
        ("weights.bin", ["9"] * 24, DataError, "is not one of the 3 classes"),
        ("folder.onnx", None, InputError, "folder.onnx is a folder"),
    ],
)
def test_what_cannot_be_sealed_is_refused_in_words_and_leaves_nothing(
    request_1: Request,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: Any,
    predictions: Any,
    error: type[Exception],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("weights.bin").write_bytes(b"x")
    Path("folder.onnx").mkdir()
    with pytest.raises(error, match=said):
        request_1.submit(model, predictions, show=None)
    assert request_1.refresh().submissions() == []
    # The data that was looked at is kept, and nothing else.
    assert {one.name for one in request_1.market.store.roots()} <= {"request-1"}
    assert list(request_1.market.home.scratch().iterdir()) == []


def test_parquet_files_of_predictions_are_read(
    request_1: Request, tmp_path: Path
) -> None:
    right = [str(n % 3) for n in range(24)]
    by_id, bare = tmp_path / "by-id.parquet", tmp_path / "bare.parquet"
    frame = pl.DataFrame({"row_id": range(1, 25), "label": right})
    frame.sample(fraction=1, shuffle=True, seed=1).write_parquet(by_id)
    frame.select(pl.col("label").cast(pl.Int64)).write_parquet(bare)
    wanted = request_1.check(right).codes.tolist()
    assert wanted == [n % 3 for n in range(24)]
    for path in (by_id, bare):
        assert request_1.check(path).codes.tolist() == wanted
    frame.head(23).write_parquet(by_id)
    with pytest.raises(DataError, match="id '24' is missing"):
        request_1.check(by_id)


def test_a_contest_gives_codes_and_targets_to_the_same_three_lines(
    here: Place,
) -> None:
    market: Market = here.markets["rita"]
    market.create_contest(table("abc"), label="kind", reward="10", accept_findings=True)
    request: VerifiedRequest = here.markets["ann"].request("v1")
    model = RandomForestClassifier(5, random_state=0).fit(*request.training_data())
    assert request.submit(model, show=None).record.is_live
    training = request.training()
    libraries: list[Library] = ["polars", "pandas"]
    for library in libraries:
        features, targets = request.training_data(library)
        assert features.to_numpy().tolist() == training.codes.tolist()
        assert list(features.columns) == ["x", "y"]
        assert list(targets) == training.targets.tolist()
    features, labels = request.training_data("polars", codes=False)
    assert features["y"].null_count() > 0
    assert set(labels) == {"a", "b", "c"}


def test_a_model_is_loaded_from_its_file_alone(
    request_1: Request, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    model = DecisionTreeClassifier().fit(*request_1.training_data("numpy"))
    path.write_bytes(request_1.export(model).data)
    loaded = OnnxModel.load(path)
    assert loaded.columns == ("x", "y")
    assert loaded.classes == ("0", "1", "2")
