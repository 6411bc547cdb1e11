# SPDX-License-Identifier: Apache-2.0
"""The main job, played as `make demo` plays it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelmarket.cli import demo
from modelmarket.cli.output import Output
from modelmarket.demo.play import play


def test_the_demo_ends_with_every_balance_and_promise_as_the_rules_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    outcome = play(told.append, keep=tmp_path)
    assert outcome.passed
    # Programs read what the command prints: nobody else says anything there.
    assert capsys.readouterr().out == ""
    for account in outcome.accounts:
        assert account.after == account.expected, account.role
    every = [(of, one) for of, verdicts in outcome.audits.items() for one in verdicts]
    # Of what was never opened nobody can tell whether it opens its seal.
    untold = [(of, one.promise) for of, one in every if not one.passed]
    assert untold == [(3, "The truth opens its seal")]
    assert not any(one.is_broken for _, one in every)
    assert (outcome.model_path / "model.onnx").stat().st_size > 0
    stages = [one.record.stage.name for one in outcome.requests]
    assert stages == ["FULFILLED", "CANCELLED", "FORFEITED"]
    assert any("copier" in line for line in told)
    contested = outcome.contested
    assert contested.request.record.stage.name == "FULFILLED"
    assert len(contested.models) == 5
    for model in contested.models:
        assert model.accuracy >= contested.majority + 0.4, model
    [lie] = contested.refuted
    assert lie.listed != lie.computed
    assert lie.submission.name == "corrector"
    assert [one.record.name for one in contested.withheld] == ["ghost"]
    assert len(contested.predicted) == 5
    # What it says to people, and to programs.
    demo._show(Output(), outcome)
    shown = capsys.readouterr().out
    assert "Everybody who holds MDC" in shown
    assert "FAIL" not in shown
    Output(as_json=True).result(demo._document(outcome))
    document = json.loads(capsys.readouterr().out)
    assert [one["phase"] for one in document["requests"]] == [*stages, "FULFILLED"]
    kinds = [one["kind"] for one in document["requests"]]
    assert kinds == ["prediction"] * 3 + ["verified"]
    assert document["refuted"][0]["submission"] == str(lie.submission.id)
    assert document["withheld"] == [str(one.id) for one in contested.withheld]
