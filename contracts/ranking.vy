# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title The ranking: each request's claims, best first, as a linked list
@license Apache-2.0
@author The ModelMarket developers
@notice More matches rank first; among equals the lower submission id does.
        The caller says where a claim belongs and the list walks at most
        `LONGEST_WALK` steps from there, so that no call costs more on a
        request with ten million submissions than on one with ten.
@dev One slot holds all there is to know of a submission but its trainer and
     its seal, and is written at submission, so that a claim only updates.
"""


struct Entry:
    status: uint256
    request_id: uint256
    matches: uint256
    ahead: uint256
    behind: uint256


# @dev What has become of a submission. `SUBMITTED` and `RANKED` ones are live.
SUBMITTED: constant(uint256) = 1
RANKED: constant(uint256) = 2  # claimed
CANCELLED: constant(uint256) = 3  # in time; the stake was paid back
FAILED: constant(uint256) = 4  # mismatch, time-out or late cancel; slashed
WON: constant(uint256) = 5  # paid stake and reward
WITHDRAWN: constant(uint256) = 6  # paid what was due


LONGEST_WALK: constant(uint256) = 32

U8: constant(uint256) = 2**8 - 1
U32: constant(uint256) = 2**32 - 1
U64: constant(uint256) = 2**64 - 1


# @dev Submission id to its packed entry, from the low bits up:
# status 8 | request 64 | matches 32 | ahead 64 | behind 64.
_entries: HashMap[uint256, uint256]


@internal
@view
def load(submission_id: uint256) -> Entry:
    """
    @notice A submission's entry; all zero for an unknown id.
    """
    packed: uint256 = self._entries[submission_id]
    return Entry(
        status=packed & U8,
        request_id=(packed >> 8) & U64,
        matches=(packed >> 72) & U32,
        ahead=(packed >> 104) & U64,
        behind=packed >> 168,
    )


@internal
def store(submission_id: uint256, entry: Entry):
    """
    @notice Writes a submission's entry.
    """
    self._entries[submission_id] = (
        entry.status
        | (entry.request_id << 8)
        | (entry.matches << 72)
        | (entry.ahead << 104)
        | (entry.behind << 168)
    )


@internal
def insert(
    head: uint256, submission_id: uint256, claim: Entry, hint: uint256
) -> uint256:
    """
    @notice Ranks a claim.
    @param head The first of the claim's request; 0 if nobody has claimed.
    @param claim The submission's entry with its matches; ahead and behind
           are overwritten.
    @param hint The submission expected directly ahead; 0 for the top.
    @return The first of the request's claims from now on.
    """
    ahead: uint256 = hint
    behind: uint256 = head
    # The entries of `ahead` and `behind`; only one is known at first, and a
    # walk goes one way, so that each step reads one slot.
    ahead_entry: Entry = empty(Entry)
    behind_entry: Entry = empty(Entry)
    if ahead != 0:
        ahead_entry = self.load(ahead)
        assert (
            ahead_entry.status == RANKED
            and ahead_entry.request_id == claim.request_id
        ), "BadHint"
        behind = ahead_entry.behind

    if ahead != 0 and not self.is_before(
        ahead_entry.matches, ahead, claim.matches, submission_id
    ):
        # Up: whatever this passes ranks behind the claim.
        for step: uint256 in range(LONGEST_WALK + 1):
            assert step < LONGEST_WALK, "HintTooFar"
            behind = ahead
            behind_entry = ahead_entry
            ahead = ahead_entry.ahead
            if ahead == 0:
                break
            ahead_entry = self.load(ahead)
            if self.is_before(
                ahead_entry.matches, ahead, claim.matches, submission_id
            ):
                break
    elif behind != 0:
        # Down: whatever this passes ranks ahead of the claim.
        behind_entry = self.load(behind)
        for step: uint256 in range(LONGEST_WALK + 1):
            if not self.is_before(
                behind_entry.matches, behind, claim.matches, submission_id
            ):
                break
            assert step < LONGEST_WALK, "HintTooFar"
            ahead = behind
            behind = behind_entry.behind
            if behind == 0:
                break
            behind_entry = self.load(behind)
        # perf: read again once rather than copied at each step.
        if ahead != hint:
            ahead_entry = self.load(ahead)

    first: uint256 = head
    if ahead == 0:
        first = submission_id
    else:
        ahead_entry.behind = submission_id
        self.store(ahead, ahead_entry)
    if behind != 0:
        behind_entry.ahead = submission_id
        self.store(behind, behind_entry)
    ranked: Entry = claim
    ranked.status = RANKED
    ranked.ahead = ahead
    ranked.behind = behind
    self.store(submission_id, ranked)
    return first


@internal
def remove(head: uint256, submission_id: uint256, claim: Entry) -> uint256:
    """
    @notice Takes a ranked claim out of its request's list.
    @dev Leaves the claim's own entry to the caller.
    @param head The first of the claim's request.
    @param claim The submission's entry.
    @return The first of the request's claims from now on.
    """
    if claim.behind != 0:
        behind_entry: Entry = self.load(claim.behind)
        behind_entry.ahead = claim.ahead
        self.store(claim.behind, behind_entry)
    if claim.ahead == 0:
        return claim.behind
    ahead_entry: Entry = self.load(claim.ahead)
    ahead_entry.behind = claim.behind
    self.store(claim.ahead, ahead_entry)
    return head


@internal
@pure
def is_before(
    matches: uint256, submission_id: uint256, than: uint256, than_id: uint256
) -> bool:
    """
    @notice Whether a claim ranks before another one.
    """
    return matches > than or (matches == than and submission_id < than_id)
