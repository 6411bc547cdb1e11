# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Requests: their terms, their state and their clock
@license Apache-2.0
@author The ModelMarket developers
@notice What a request is at any second follows from what is stored and from
        block time: `OPEN`, `CLAIMS` and `VALIDATION` begin and end without a
        transaction, and every window begins at `clock`.
@dev Slots are packed by hand, five a request; with a slot a field creating
     would cost 112,000 gas more. Fields stand from the low bits up.
"""


from interfaces import IModelMarket

import labels
import ranking
uses: ranking


# @dev The phases, as `phase(id)` returns them. A window covers the seconds
# start <= t < end.
OPEN: constant(uint256) = 1
TRUTH: constant(uint256) = 2
CLAIMS: constant(uint256) = 3
VALIDATION: constant(uint256) = 4
FULFILLED: constant(uint256) = 5
REFUNDED: constant(uint256) = 6
CANCELLED: constant(uint256) = 7
FORFEITED: constant(uint256) = 8


# @dev What is fixed at creation: requester 160 | deadline 40 | response
# window 24 | labels 23 | pages 9.
struct Schedule:
    requester: address
    deadline: uint256
    response_window: uint256
    labels: uint256
    pages: uint256  # of any list of so many labels


# @dev Also fixed: reward 96 | stake 96 | minimum matches 32 | bits 8.
struct Stakes:
    reward: uint256
    stake: uint256
    minimum_matches: uint256
    bits: uint256


# @dev What moves: stage 8 | clock 40 | live 32 | ranked 32 | head 64 |
# pages 32 | matched 32.
struct State:
    stage: uint256  # the last phase that a transaction entered
    clock: uint256  # when the present window began
    live: uint256
    ranked: uint256
    head: uint256  # the first ranked submission; 0 = none
    pages: uint256  # opened of the truth, then of the candidate
    matched: uint256  # on those of the candidate


# @dev What a request's clock says at this block.
struct Position:
    phase: uint256
    step_ends: uint256  # 0 when final
    overdue: bool


U8: constant(uint256) = 2**8 - 1
U23: constant(uint256) = 2**23 - 1
U24: constant(uint256) = 2**24 - 1
U32: constant(uint256) = 2**32 - 1
U40: constant(uint256) = 2**40 - 1
U64: constant(uint256) = 2**64 - 1
U96: constant(uint256) = 2**96 - 1
U160: constant(uint256) = 2**160 - 1

MINUTE: constant(uint256) = 60
DAY: constant(uint256) = 86_400
MOST_LABELS: constant(uint256) = 2**22


_schedules: HashMap[uint256, uint256]
_stakes: HashMap[uint256, uint256]
_states: HashMap[uint256, uint256]

# @dev What is left of the truth's seal: the layer that the next page opens.
truth_seals: HashMap[uint256, bytes32]

# @dev Every submission names it, so that no reorganisation can move a stake
# to another request.
terms_hashes: HashMap[uint256, bytes32]


@internal
@pure
def check(terms: IModelMarket.Terms):
    """
    @notice Reverts unless the terms are ones that the protocol allows.
    """
    assert 0 < terms.reward and terms.reward <= U96, "BadReward"
    assert terms.stake >= max((terms.reward + 99) // 100, 1), "BadStake"
    assert terms.stake <= U96, "BadStake"
    assert (
        MINUTE <= terms.submission_window
        and terms.submission_window <= 365 * DAY
    ), "BadWindow"
    assert (
        MINUTE <= terms.response_window and terms.response_window <= 7 * DAY
    ), "BadWindow"
    assert 0 < terms.labels and terms.labels <= MOST_LABELS, "BadLabels"
    assert labels.are_valid_bits(terms.bits), "BadBits"
    assert terms.minimum_matches <= terms.labels, "BadMinimum"


@internal
def create(
    request_id: uint256,
    requester: address,
    terms: IModelMarket.Terms,
    terms_hash: bytes32,
) -> uint256:
    """
    @notice Stores a request whose terms have been checked.
    @return Its deadline.
    """
    # With the clock at the deadline every window begins at the clock.
    deadline: uint256 = block.timestamp + terms.submission_window
    pages: uint256 = labels.page_count(
        labels.word_count(terms.labels, terms.bits)
    )
    self._schedules[request_id] = (
        convert(requester, uint256)
        | (deadline << 160)
        | (terms.response_window << 200)
        | (terms.labels << 224)
        | (pages << 247)
    )
    self._stakes[request_id] = (
        terms.reward
        | (terms.stake << 96)
        | (terms.minimum_matches << 192)
        | (terms.bits << 224)
    )
    self._states[request_id] = OPEN | (deadline << 8)
    self.truth_seals[request_id] = terms.truth_seal
    self.terms_hashes[request_id] = terms_hash
    return deadline


@internal
@view
def schedule(request_id: uint256) -> Schedule:
    """
    @notice A request's schedule.
    """
    packed: uint256 = self._schedules[request_id]
    return Schedule(
        requester=convert(packed & U160, address),
        deadline=(packed >> 160) & U40,
        response_window=(packed >> 200) & U24,
        labels=(packed >> 224) & U23,
        pages=packed >> 247,
    )


@internal
@view
def stakes(request_id: uint256) -> Stakes:
    """
    @notice A request's amounts and what they are paid for.
    """
    packed: uint256 = self._stakes[request_id]
    return Stakes(
        reward=packed & U96,
        stake=(packed >> 96) & U96,
        minimum_matches=(packed >> 192) & U32,
        bits=packed >> 224,
    )


@internal
@view
def load(request_id: uint256) -> State:
    """
    @notice A request's state; reverts for an unknown id.
    """
    packed: uint256 = self._states[request_id]
    assert packed != 0, "UnknownRequest"
    return State(
        stage=packed & U8,
        clock=(packed >> 8) & U40,
        live=(packed >> 48) & U32,
        ranked=(packed >> 80) & U32,
        head=(packed >> 112) & U64,
        pages=(packed >> 176) & U32,
        matched=packed >> 208,
    )


@internal
def store(request_id: uint256, state: State):
    """
    @notice Writes a request's state.
    @dev Each field must fit: the caller sees to `live`, and the others are
         bounded by it, by the terms and by the clock.
    """
    self._states[request_id] = (
        state.stage
        | (state.clock << 8)
        | (state.live << 48)
        | (state.ranked << 80)
        | (state.head << 112)
        | (state.pages << 176)
        | (state.matched << 208)
    )


@internal
@view
def has_candidate(request_id: uint256, state: State) -> bool:
    """
    @notice Whether the best claim reaches the threshold.
    """
    if state.head == 0:
        return False
    return (
        ranking.load(state.head).matches
        >= self.stakes(request_id).minimum_matches
    )


@internal
@view
def position(
    request_id: uint256, schedule: Schedule, state: State
) -> Position:
    """
    @notice What a request's clock says at this block.
    """
    if state.stage > VALIDATION:
        return Position(phase=state.stage, step_ends=0, overdue=False)
    if block.timestamp < schedule.deadline:
        return Position(
            phase=OPEN, step_ends=schedule.deadline, overdue=False
        )

    phase: uint256 = max(state.stage, TRUTH)
    step_ends: uint256 = self.step_ends(schedule, state)
    if (
        phase == CLAIMS
        and block.timestamp >= step_ends
        and self.has_candidate(request_id, state)
    ):
        phase = VALIDATION
        step_ends += self.opening_window(schedule)
    return Position(
        phase=phase,
        step_ends=step_ends,
        overdue=block.timestamp >= step_ends,
    )


@internal
@pure
def opening_window(schedule: Schedule) -> uint256:
    """
    @notice How long a list may take to be opened, in seconds: one response
            window, and a minute for each further page. No page restarts it,
            so that nobody stretches it by opening slowly.
    """
    return schedule.response_window + MINUTE * (schedule.pages - 1)


@internal
@pure
def step_ends(schedule: Schedule, state: State) -> uint256:
    """
    @notice The second at which the window of the stored stage ends.
    """
    if state.stage == CLAIMS:
        return state.clock + schedule.response_window
    return state.clock + self.opening_window(schedule)


@internal
@view
def close_claims(schedule: Schedule, state: State) -> State:
    """
    @notice The state with `VALIDATION` entered, once a transaction is there
            to write it down; the first candidate's window began when claims
            closed.
    """
    entered: State = state
    if entered.stage == CLAIMS:
        entered.stage = VALIDATION
        entered.clock = self.step_ends(schedule, state)
    return entered
