# SPDX-License-Identifier: Apache-2.0
"""Exact models as ONNX: a stranger's program says the same of every row."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import ensemble, linear_model, neural_network, tree

from modelmarket.errors import InputError, NotFoundError
from modelmarket.models import ExactModel
from modelmarket.models.ensembles import Trees, base_values, most_output
from modelmarket.models.header import Form
from modelmarket.models.onnx import to_onnx
from models.small import Small, ensembles
from models.test_dense import Dense, networks

onnxruntime.set_default_logger_severity(3)


def session(data: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options)


def said(model: ExactModel, codes: Any, bits: int = 32) -> Any:
    [found] = session(to_onnx(model, bits)).run(["target"], {"codes": codes})
    return found


def fits(model: ExactModel) -> bool:
    """Whether 64 bits hold all outputs."""
    assert isinstance(model.units, Trees)
    base = base_values(model.header, model.base)
    return most_output(model.header, base, model.units) < 1 << 63


@given(ensembles(), st.integers(0, 2**32), st.sampled_from([8, 16, 32]))
@settings(max_examples=150, deadline=None)
def test_any_ensemble_says_the_same_or_is_refused(
    small: Small, seed: int, bits: int
) -> None:
    model = ExactModel.from_bytes(small.file)
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, (40, small.header.columns), dtype=np.uint8)
    if not fits(model):
        with pytest.raises(InputError, match="may pass 64 bits.*ONNX has no larger"):
            to_onnx(model, bits)
        return
    assert (said(model, codes, bits) == model.predict(codes, bits=bits)).all()


@given(networks(), st.integers(0, 2**32))
@settings(deadline=None)
def test_any_dense_model_says_the_same(dense: Dense, seed: int) -> None:
    model = ExactModel.from_bytes(dense.file)
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, (20, dense.header.columns), dtype=np.uint8)
    assert (said(model, codes, 16) == model.predict(codes, bits=16)).all()


def rows_and_targets(width: int, outputs: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(width + outputs)
    codes = rng.integers(0, 2**width, (900, 5)).astype(f"u{width // 8}")
    signal = codes[:, 0] / 2.0**width - (codes[:, 1] / 2.0**width) ** 2
    places = np.argsort(np.argsort(signal + rng.normal(0, 0.1, 900)))
    return codes, places if outputs == 1 else places * outputs // 900


SOME = {"n_estimators": 7, "random_state": 0}
FITTED = [
    (tree.DecisionTreeClassifier(random_state=0), 8, 4),
    (ensemble.RandomForestClassifier(**SOME), 8, 3),
    (ensemble.RandomForestClassifier(**SOME), 16, 12),
    (ensemble.RandomForestClassifier(**SOME, max_leaf_nodes=60), 8, 20),
    (ensemble.ExtraTreesRegressor(**SOME), 16, 1),
    (ensemble.GradientBoostingClassifier(**SOME), 8, 2),
    (ensemble.GradientBoostingClassifier(**SOME), 16, 5),
    (ensemble.GradientBoostingRegressor(**SOME), 8, 1),
    (linear_model.LogisticRegression(max_iter=50), 8, 3),
    (linear_model.Ridge(), 8, 1),
    (neural_network.MLPClassifier((9, 8), max_iter=60, random_state=0), 8, 4),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("estimator", "width", "outputs"), FITTED, ids=lambda one: str(one)[:40]
)
def test_what_was_fitted_says_the_same_of_rows_not_seen(
    estimator: Any, width: int, outputs: int
) -> None:
    codes, targets = rows_and_targets(width, outputs)
    fitted = estimator.fit(codes[:300], targets[:300])
    model = ExactModel.of_codes(fitted, width=width, columns=5, sample=codes[:300])
    assert (said(model, codes) == model.predict(codes)).all()


def test_forms_of_all_kinds_were_among_them() -> None:
    forms = set()
    for estimator, width, outputs in FITTED[:7]:
        codes, targets = rows_and_targets(width, outputs)
        fitted = estimator.fit(codes[:300], targets[:300])
        forms.add(ExactModel.of_codes(fitted, width=width, columns=5).header.form)
    assert forms == set(Form)


def test_a_regression_is_clamped_to_its_bits() -> None:
    codes, targets = rows_and_targets(8, 1)
    fitted = tree.DecisionTreeRegressor(max_depth=5).fit(codes, targets)
    model = ExactModel.of_codes(fitted, width=8, columns=5)
    assert said(model, codes, bits=8).max() == 255
    assert said(model, codes, bits=16).max() > 255


def test_classes_with_names_are_said_by_name(tmp_path: Path) -> None:
    codes, targets = rows_and_targets(8, 3)
    names = ("ant", "bee", "no more")
    fitted = tree.DecisionTreeClassifier(max_depth=4).fit(codes, targets)
    model = ExactModel.of_codes(fitted, width=8, columns=5)
    model.export(tmp_path / "model.onnx", names=names)
    found = session((tmp_path / "model.onnx").read_bytes())
    numbers, labels = found.run(["target", "label"], {"codes": codes})
    assert (numbers == model.predict(codes)).all()
    assert labels.tolist() == [names[one] for one in numbers]
    about = found.get_modelmeta().custom_metadata_map
    assert about["model_root"] == model.root.hex()
    with pytest.raises(InputError, match="3 outputs, but 2 classes"):
        model.export(tmp_path / "other.onnx", names=("ant", "bee"))
    assert not (tmp_path / "other.onnx").exists()


def test_without_onnx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    codes, targets = rows_and_targets(8, 3)
    fitted = tree.DecisionTreeClassifier(max_depth=2).fit(codes, targets)
    model = ExactModel.of_codes(fitted, width=8, columns=5)
    imported = builtins.__import__

    def refusing(name: str, *rest: Any, **options: Any) -> Any:
        if name == "onnx":
            raise ImportError(name)
        return imported(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", refusing)
    with pytest.raises(NotFoundError, match="onnx, which is not installed"):
        to_onnx(model, 8)
