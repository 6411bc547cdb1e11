# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
# Shows what is inside contracts/ranking.vy.

import ranking

initializes: ranking


head: public(uint256)


@external
def enter(submission_id: uint256, request_id: uint256):
    ranking.store(
        submission_id,
        ranking.Entry(
            status=ranking.SUBMITTED,
            request_id=request_id,
            matches=0,
            ahead=0,
            behind=0,
        ),
    )


@external
def insert(submission_id: uint256, matches: uint256, hint: uint256):
    entry: ranking.Entry = ranking.load(submission_id)
    entry.matches = matches
    self.head = ranking.insert(self.head, submission_id, entry, hint)


@external
def remove(submission_id: uint256):
    entry: ranking.Entry = ranking.load(submission_id)
    self.head = ranking.remove(self.head, submission_id, entry)
    entry.status = ranking.FAILED
    ranking.store(submission_id, entry)


@external
@view
def entry(submission_id: uint256) -> ranking.Entry:
    return ranking.load(submission_id)


@external
def keep(submission_id: uint256, entry: ranking.Entry):
    ranking.store(submission_id, entry)
