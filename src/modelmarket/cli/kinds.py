# SPDX-License-Identifier: Apache-2.0
"""Commands that are of one of the two markets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelmarket.errors import InputError

if TYPE_CHECKING:
    from modelmarket.market import (
        Request,
        Submission,
        VerifiedRequest,
        VerifiedSubmission,
    )


def verified_only(found: Any) -> VerifiedRequest:
    """A request that must be a verified contest.

    Raises:
        InputError: It is one of predictions.
    """
    from modelmarket.market import VerifiedRequest

    if isinstance(found, VerifiedRequest):
        return found
    raise InputError(
        f"Request {found.id} is one of predictions.",
        hint="That is done in verified contests, whose ids begin with v.",
    )


def predictions_only(found: Request | VerifiedRequest) -> Request:
    """A request that must be one of predictions.

    Raises:
        InputError: It is a verified contest.
    """
    from modelmarket.market import Request

    if isinstance(found, Request):
        return found
    raise InputError(
        f"Request {found.id} is a verified contest: models are sealed, and no "
        "predictions.",
        hint=f"modelmarket submit {found.id} MODEL",
    )


def verified_submission(found: Submission | VerifiedSubmission) -> VerifiedSubmission:
    """A submission that must be one to a verified contest.

    Raises:
        InputError: It is one of predictions.
    """
    from modelmarket.market import VerifiedSubmission

    if isinstance(found, VerifiedSubmission):
        return found
    raise InputError(
        f"Submission {found.id} is one of predictions.",
        hint="That is done in verified contests, whose ids begin with v.",
    )


def predictions_submission(found: Submission | VerifiedSubmission) -> Submission:
    """A submission that must be one of predictions.

    Raises:
        InputError: It is one to a verified contest.
    """
    from modelmarket.market import Submission

    if isinstance(found, Submission):
        return found
    raise InputError(
        f"Submission {found.id} is one to a verified contest: its model is shown.",
        hint=f"modelmarket submission show-model {found.id}",
    )
