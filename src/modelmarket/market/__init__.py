# SPDX-License-Identifier: Apache-2.0
"""Market, Request and Submission: the objects that everything else uses."""

from modelmarket.chain.blocks import Moment
from modelmarket.index.sorting import Part, Sort
from modelmarket.index.summaries import Summary, Wanted
from modelmarket.market.market import Market
from modelmarket.market.request import Request
from modelmarket.market.submission import Submission
from modelmarket.market.verified.request import VerifiedRequest
from modelmarket.market.verified.submission import VerifiedSubmission
from modelmarket.storage.store import Entry as StoredEntry

__all__ = [
    "Market",
    "Moment",
    "Part",
    "Request",
    "Sort",
    "StoredEntry",
    "Submission",
    "Summary",
    "VerifiedRequest",
    "VerifiedSubmission",
    "Wanted",
]
