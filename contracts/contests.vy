# pragma version ~=0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Verified contests: their state and their clock
@license Apache-2.0
@author The ModelMarket developers
@notice What a contest is at any second follows from what is stored and from
        block time, as for the market of predictions.
@dev Two slots a contest.
"""


from interfaces import IVerifiedMarket

import conditions
import ranking
uses: ranking


# @dev The phases, as `phase(id)` returns them, the same for both markets. A
# window covers the seconds start <= t < end.
OPEN: constant(uint256) = 1
TRUTH: constant(uint256) = 2
CLAIMS: constant(uint256) = 3
VALIDATION: constant(uint256) = 4
FULFILLED: constant(uint256) = 5
REFUNDED: constant(uint256) = 6
CANCELLED: constant(uint256) = 7
FORFEITED: constant(uint256) = 8
# @dev Only stored: `VALIDATION` once the candidate has shown its model.
SHOWN: constant(uint256) = 9

U8: constant(uint256) = 2**8 - 1
U24: constant(uint256) = 2**24 - 1
U32: constant(uint256) = 2**32 - 1
U40: constant(uint256) = 2**40 - 1
U64: constant(uint256) = 2**64 - 1


# @dev What moves: stage 8 | clock 40 | response window 24 | challenge window
# 24 | live 32 | ranked 32 | head 64 | minimum score 32.
struct State:
    stage: uint256
    clock: uint256  # when the present window began; the deadline in `OPEN`
    response_window: uint256
    challenge_window: uint256
    live: uint256
    ranked: uint256
    head: uint256  # the first ranked submission; 0 = none
    minimum_score: uint256


# @dev What a contest's clock says at this block.
struct Position:
    phase: uint256
    shown: bool
    step_ends: uint256  # 0 when final
    overdue: bool


_states: HashMap[uint256, uint256]

# @dev Hash of requester and terms.
hashes: HashMap[uint256, bytes32]


@internal
def create(request_id: uint256, requester: address, terms: IVerifiedMarket.Terms) -> uint256:
    """
    @notice Stores a contest whose terms have been checked.
    @return Its deadline.
    """
    # With the clock at the deadline every window begins at the clock.
    deadline: uint256 = block.timestamp + terms.submission_window
    self.hashes[request_id] = conditions.contest_hash(requester, terms)
    self.store(
        request_id,
        State(
            stage=OPEN,
            clock=deadline,
            response_window=terms.response_window,
            challenge_window=terms.challenge_window,
            live=0,
            ranked=0,
            head=0,
            minimum_score=terms.minimum_score,
        ),
    )
    return deadline


@internal
@view
def check_contest(
    request_id: uint256, requester: address, terms: IVerifiedMarket.Terms
):
    """
    @notice Reverts unless a contest has this requester and these terms.
    """
    # perf: what `conditions.contest_hash` gives; handing terms on is a copy more.
    assert keccak256(abi_encode(requester, terms)) == self.hashes[request_id], "WrongTerms"


@internal
@view
def load(request_id: uint256) -> State:
    """
    @notice A contest's state; reverts for an unknown id.
    """
    packed: uint256 = self._states[request_id]
    assert packed != 0, "UnknownRequest"
    return State(
        stage=packed & U8,
        clock=(packed >> 8) & U40,
        response_window=(packed >> 48) & U24,
        challenge_window=(packed >> 72) & U24,
        live=(packed >> 96) & U32,
        ranked=(packed >> 128) & U32,
        head=(packed >> 160) & U64,
        minimum_score=packed >> 224,
    )


@internal
def store(request_id: uint256, state: State):
    """
    @notice Writes a contest's state.
    @dev Each field must fit: the caller sees to `live`, and the others are
         bounded by it, by the terms and by the clock.
    """
    self._states[request_id] = (
        state.stage
        | (state.clock << 8)
        | (state.response_window << 48)
        | (state.challenge_window << 72)
        | (state.live << 96)
        | (state.ranked << 128)
        | (state.head << 160)
        | (state.minimum_score << 224)
    )


@internal
@view
def has_candidate(state: State) -> bool:
    """
    @notice Whether the best claim reaches the threshold.
    """
    if state.head == 0:
        return False
    return ranking.load(state.head).matches >= state.minimum_score


@internal
@view
def position(state: State, demand_open: bool) -> Position:
    """
    @notice What a contest's clock says at this block.
    @param demand_open Whether a part of the candidate's is still owed.
    """
    if state.stage == SHOWN:
        ends: uint256 = state.clock + state.challenge_window
        late: bool = demand_open and block.timestamp >= self.answers_end(state)
        return Position(
            phase=VALIDATION, shown=True, step_ends=ends, overdue=late
        )
    if state.stage > VALIDATION:
        return Position(
            phase=state.stage, shown=False, step_ends=0, overdue=False
        )
    if state.stage == OPEN and block.timestamp < state.clock:
        return Position(
            phase=OPEN, shown=False, step_ends=state.clock, overdue=False
        )
    phase: uint256 = max(state.stage, TRUTH)
    step_ends: uint256 = state.clock + state.response_window
    if (
        phase == CLAIMS
        and block.timestamp >= step_ends
        and self.has_candidate(state)
    ):
        phase = VALIDATION
        step_ends += state.response_window
    return Position(
        phase=phase,
        shown=False,
        step_ends=step_ends,
        overdue=block.timestamp >= step_ends,
    )


@internal
@view
def takes_claims(state: State) -> bool:
    """
    @notice Whether scores may be claimed at this block.
    """
    return (
        state.stage == CLAIMS
        and block.timestamp < state.clock + state.response_window
    )


@internal
@pure
def demands_end(state: State) -> uint256:
    """
    @notice The second from which nothing can be demanded any more.
    """
    return state.clock + state.challenge_window // 2


@internal
@pure
def answers_end(state: State) -> uint256:
    """
    @notice The second at which all that was demanded must have been posted.
    """
    return state.clock + state.challenge_window * 3 // 4


@internal
@view
def close_claims(state: State) -> State:
    """
    @notice The state with `VALIDATION` entered, once a transaction is there
            to write it down; the first candidate's window began when claims
            closed.
    """
    entered: State = state
    if entered.stage == CLAIMS:
        entered.stage = VALIDATION
        entered.clock = state.clock + state.response_window
    return entered
