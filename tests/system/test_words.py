# SPDX-License-Identifier: Apache-2.0
"""Words go with their numbers, and articles with their words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modelmarket.datasets.given import opened
from modelmarket.datasets.predictions import encode_predictions
from modelmarket.errors import DataError, InputError
from modelmarket.protocol.classes import Classes
from modelmarket.protocol.money import read_amount, read_sum
from modelmarket.protocol.types import Wei
from modelmarket.system.text import agreeing, an, counted, measured


@pytest.mark.parametrize(
    ("number", "form", "said"),
    [
        (0.0, "g", "0"),
        (250.0, "g", "250"),
        (9.870873, "g", "9.87087"),
        (-9.870873, "g", "-9.87087"),
        (9.87, "+g", "+9.87"),
        (999_999.5, "g", "1,000,000"),
        (1_234_567.8, "g", "1,234,570"),
        (-1_234_567.8, "+g", "-1,234,570"),
        (9.99e14, "g", "999,000,000,000,000"),
        (1e15, "g", "1e+15"),
        (0.00001, "g", "0.00001"),
        (0.000009, "g", "9e-06"),
        (float("inf"), "g", "inf"),
        (0.1234, ".1%", "12.3%"),
        (1_234, ",", "1,234"),
    ],
)
def test_a_measured_number_has_six_digits_and_no_power_of_ten_that_nobody_needs(
    number: float, form: str, said: str
) -> None:
    assert measured(number, form) == said


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("int", "an int"),
        ("ndarray", "an ndarray"),
        ("float", "a float"),
        ("uint8", "a uint8"),
        ("NoneType", "a NoneType"),
        ("SVC", "an SVC"),
        ("MLPClassifier", "an MLPClassifier"),
        ("XGBClassifier", "an XGBClassifier"),
        ("KNeighborsClassifier", "a KNeighborsClassifier"),
        ("PCA", "a PCA"),
    ],
)
def test_a_word_has_the_article_that_is_spoken_before_it(word: str, said: str) -> None:
    assert an(word) == said
    assert an(word, first=True) == said[0].upper() + said[1:]


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 rows are"), (1, "1 row is"), (2_000, "2,000 rows are")]
)
def test_a_verb_goes_with_its_number(number: int, said: str) -> None:
    assert f"{counted(number, 'row')} {agreeing(number, 'is', 'are')}" == said


def test_what_is_no_table_and_no_labels_is_called_by_its_type(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"^An ndarray is no table\. "),
        opened(np.ones(3), tmp_path, label="x"),
    ):
        pass
    with pytest.raises(DataError, match=r"^predictions: an int is no labels\. "):
        encode_predictions(3, Classes(("a", "b")), 3, where="predictions")  # type: ignore[arg-type]  # a mistake


def test_one_wei_is_spoken_of_as_one() -> None:
    with pytest.raises(InputError, match=r"^1 wei is 0\.000000000000000001 MDC\. "):
        read_sum(Wei(1))
    with pytest.raises(InputError, match=r"^2 wei are "):
        read_sum(Wei(2))
    with pytest.raises(InputError, match=r"^-1 wei is no amount\.$"):
        read_amount(Wei(-1))
