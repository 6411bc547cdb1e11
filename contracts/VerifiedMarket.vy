# pragma version ~=0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: Apache-2.0
"""
@title VerifiedMarket, where the model that is paid is the one that scored
@license Apache-2.0
@author The ModelMarket developers
@notice A requester locks a reward and publishes test rows and targets that
        nobody can read. Trainers stake ModelCoin and seal models. After the
        deadline one key opens all rows to everybody; trainers claim what
        their models score, and the best claimant shows its model with all
        of its predictions. Whoever finds one that the model does not give,
        or a sum that is none, proves it in one call, and the liar loses stake
        and place. Who stands unrefuted at the end is paid.
@dev Nobody has any privilege, and no call loops over submissions. The words
     and the rules: `docs/verified.md`.
"""


from interfaces import IModelMarket
from interfaces import IVerifiedMarket

import conditions
import contests
import exact
import hidden
import payments
import points
import ranking

initializes: payments
initializes: ranking
initializes: contests[ranking := ranking]


# @dev Why a submission failed; the same numbers in both markets.
TIMED_OUT: constant(uint256) = 2
CANCELLED_LATE: constant(uint256) = 3
REFUTED: constant(uint256) = 4
WITHHELD: constant(uint256) = 5

# @dev Of the stake of a refuted submission: more would let a liar buy delay
# cheaply by refuting itself.
CHALLENGERS_PART: constant(uint256) = 10

MODEL: constant(bytes32) = keccak256("ModelMarket sealed model 1")


# @dev What was demanded: who did, and the bond in wei.
struct Demand:
    demander: address
    bond: uint256


# @dev Reverts with the reason for which terms are refused.
interface Clerk:
    def check_terms(
        terms: IVerifiedMarket.Terms,
        weights: DynArray[uint256, points.MOST_WEIGHT_WORDS],
    ) -> bool: view


# @dev Reverts with the reason for which a model is refused.
interface Referee:
    def check_header(
        terms: IVerifiedMarket.Terms,
        header: uint256,
        base: DynArray[uint256, exact.MOST_BASE_WORDS],
    ) -> bool: view


# @dev Part of every seal and key. Fixed at deployment, so that a fork of the
# chain does not void the seals that are live.
CHAIN_ID: immutable(uint256)

# @dev Who computes, and where parts are posted; their word is believed.
REFEREE: immutable(address)
CLERK: immutable(address)


# @notice How many requests there are; their ids count from 1.
request_count: public(uint256)

# @notice How many submissions there are; their ids count from 1.
submission_count: public(uint256)

# @notice Whether a key may claim and show for a trainer: trainer, operator.
is_operator: public(HashMap[address, HashMap[address, bool]])

# @dev Submission id to the hash of contest, trainer and seal; once it has shown
# its model, of what it showed.
_held: HashMap[uint256, bytes32]

# @dev Submission id to demander 160 | bond 96, from the low bits up.
_demands: HashMap[uint256, uint256]

# @dev Submission id to a one for each part that is demanded and not posted:
# of the model, and of the listing.
_owed: HashMap[uint256, uint256]
_owed_of_listing: HashMap[uint256, uint256]


@deploy
def __init__(coin: address, referee: address, clerk: address):
    """
    @param coin The ModelCoin that this market pays in, for good.
    @param referee The contract whose verdicts this market believes.
    @param clerk The contract where demanded parts are posted.
    """
    payments.__init__(coin)
    CHAIN_ID = chain.id
    REFEREE = referee
    CLERK = clerk


# --- What may be asked -------------------------------------------------------


@external
@view
def coin() -> address:
    """
    @notice The token that rewards and stakes are paid in.
    """
    return payments.COIN.address


@external
@view
def referee() -> address:
    """
    @notice The contract that challenges go to.
    """
    return REFEREE


@external
@view
def clerk() -> address:
    """
    @notice The contract where demanded parts are posted.
    """
    return CLERK


@external
@view
def chain_id() -> uint256:
    """
    @notice The chain id in every seal and key.
    """
    return CHAIN_ID


@external
@view
def slashed() -> uint256:
    """
    @notice Wei of MDC that the market has kept for good.
    """
    return payments._slashed


@external
@view
def phase(request_id: uint256) -> uint256:
    """
    @notice The phase of a request: 1 OPEN, 2 TRUTH, 3 CLAIMS, 4 VALIDATION,
            5 FULFILLED, 6 REFUNDED, 7 CANCELLED, 8 FORFEITED.
    """
    return self._position(contests.load(request_id)).phase


@external
@view
def request(request_id: uint256) -> IVerifiedMarket.Request:
    """
    @notice A request as it stands at this block.
    """
    state: contests.State = contests.load(request_id)
    position: contests.Position = self._position(state)
    return IVerifiedMarket.Request(
        contest=contests.hashes[request_id],
        deadline=state.clock if state.stage == contests.OPEN else 0,
        phase=position.phase,
        shown=position.shown,
        step_ends=position.step_ends,
        overdue=position.overdue,
        live=state.live,
        ranked=state.ranked,
        best=state.head,
        candidate=(
            state.head if position.phase == contests.VALIDATION else 0
        ),
    )


@external
@view
def submission(submission_id: uint256) -> IVerifiedMarket.Submission:
    """
    @notice A submission as it stands at this block. Its status: 1 submitted,
            2 ranked, 3 cancelled, 4 failed, 5 won, 6 withdrawn.
    """
    entry: ranking.Entry = self._entry(submission_id)
    return IVerifiedMarket.Submission(
        request_id=entry.request_id,
        status=entry.status,
        score=entry.matches,
        ahead=entry.ahead,
        behind=entry.behind,
        held=self._held[submission_id],
    )


@external
@view
def demand_of(submission_id: uint256) -> (address, uint256, uint256, uint256):
    """
    @notice Who demanded a shown model and for what bond in wei, and a one for
            each part of model and listing that is still owed.
    """
    demand: Demand = self._demand(submission_id)
    return (
        demand.demander,
        demand.bond,
        self._owed[submission_id],
        self._owed_of_listing[submission_id],
    )


# --- Requesters --------------------------------------------------------------


@external
def create_request(
    terms: IVerifiedMarket.Terms,
    texts: IVerifiedMarket.Texts,
    weights: DynArray[uint256, points.MOST_WEIGHT_WORDS],
    permit: IModelMarket.Permit,
) -> uint256:
    """
    @notice Opens a contest and locks its reward.
    @param terms What the contest promises, checked as `docs/verified.md`
           says.
    @param texts What people read; the terms have their hash.
    @param weights Points of each class, if points are weighted.
    @param permit Allows the market to take the reward; deadline 0 for none.
    @return The request's id.
    """
    assert staticcall Clerk(CLERK).check_terms(terms, weights), "BadTerms"
    assert keccak256(abi_encode(texts)) == terms.texts_hash, "WrongTexts"
    request_id: uint256 = self.request_count + 1
    self.request_count = request_id
    deadline: uint256 = contests.create(request_id, msg.sender, terms)
    log IVerifiedMarket.RequestCreated(
        request_id=request_id,
        requester=msg.sender,
        contest=contests.hashes[request_id],
        deadline=deadline,
        terms=terms,
        texts=texts,
        weights=weights,
    )
    payments.collect(terms.reward, permit)
    return request_id


@external
def cancel_request(
    request_id: uint256, terms: IVerifiedMarket.Terms, max_live: uint256
):
    """
    @notice Cancels a contest whose key is not open. The reward goes back if
            nothing is live; else the live submissions share it.
    @param max_live The most live submissions that the caller accepts, so
           that nobody can take the reward by submitting just before.
    """
    state: contests.State = contests.load(request_id)
    contests.check_contest(request_id, msg.sender, terms)
    phase: uint256 = self._phase_in_time(state)
    assert phase in [contests.OPEN, contests.TRUTH], "WrongPhase"
    assert state.live <= max_live, "TooManyLive"

    share: uint256 = 0
    paid: uint256 = terms.reward
    if state.live != 0:
        share = terms.reward // state.live
        paid = terms.reward % state.live
    state.stage = contests.CANCELLED
    contests.store(request_id, state)
    log IVerifiedMarket.RequestCancelled(
        request_id=request_id, live=state.live, share=share, paid=paid
    )
    if paid != 0:
        payments.pay(msg.sender, paid)


@external
def open_key(
    request_id: uint256,
    requester: address,
    terms: IVerifiedMarket.Terms,
    key: bytes32,
):
    """
    @notice Opens the key of a contest, and with it all rows and targets.
            Anyone who knows it may.
    """
    state: contests.State = contests.load(request_id)
    contests.check_contest(request_id, requester, terms)
    assert self._phase_in_time(state) == contests.TRUTH, "WrongPhase"
    assert (
        hidden.key_hash(CHAIN_ID, self, requester, terms.nonce, key)
        == terms.key_hash
    ), "WrongKey"
    state.stage = contests.CLAIMS
    state.clock = block.timestamp
    contests.store(request_id, state)
    log IVerifiedMarket.KeyOpened(
        request_id=request_id,
        step_ends=block.timestamp + state.response_window,
        key=key,
    )


# --- Trainers ----------------------------------------------------------------


@external
def submit(
    request_id: uint256,
    requester: address,
    terms: IVerifiedMarket.Terms,
    seal: bytes32,
    superhash: bytes32,
    name: String[64],
    permit: IModelMarket.Permit,
) -> uint256:
    """
    @notice Enters a contest and locks its stake.
    @param seal Of the model; it binds its owner, the terms and the superhash.
    @param superhash SHA-256 of the model's CID.
    @param permit Allows the market to take the stake; deadline 0 for none.
    @return The submission's id.
    """
    state: contests.State = contests.load(request_id)
    contests.check_contest(request_id, requester, terms)
    assert self._phase_in_time(state) == contests.OPEN, "WrongPhase"
    # One more would run into the field beside it.
    assert state.live < contests.U32, "TooMany"

    submission_id: uint256 = self.submission_count + 1
    self.submission_count = submission_id
    self._held[submission_id] = self._sealed(
        contests.hashes[request_id], msg.sender, seal
    )
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
    state.live += 1
    contests.store(request_id, state)
    log IVerifiedMarket.SubmissionCreated(
        submission_id=submission_id,
        request_id=request_id,
        trainer=msg.sender,
        seal=seal,
        superhash=superhash,
        name=name,
    )
    payments.collect(terms.stake, permit)
    return submission_id


@external
def cancel_submission(
    submission_id: uint256,
    requester: address,
    terms: IVerifiedMarket.Terms,
    seal: bytes32,
    shown: IVerifiedMarket.Shown,
    accept_slash: bool,
):
    """
    @notice Takes a submission out. Before the deadline its stake comes back,
            afterwards it is slashed.
    @param seal Of the submission that the caller means: after a
           reorganisation its id may be another one's.
    @param shown What it showed, if it has shown its model; then the seal
           counts no more.
    @param accept_slash Whether the caller accepts that, so that a cancel
           which a builder delays burns no stake.
    """
    entry: ranking.Entry = self._entry(submission_id)
    state: contests.State = contests.load(entry.request_id)
    contests.check_contest(entry.request_id, requester, terms)
    contest: bytes32 = contests.hashes[entry.request_id]
    held: bytes32 = self._held[submission_id]
    if held != self._sealed(contest, msg.sender, seal):
        assert held == conditions.shown_hash(shown), "WrongSeal"
        assert msg.sender == shown.trainer, "NotTrainer"
    phase: uint256 = self._phase_in_time(state)
    assert phase <= contests.VALIDATION, "WrongPhase"
    assert entry.status in [ranking.SUBMITTED, ranking.RANKED], "NotLive"

    if phase == contests.OPEN:
        entry.status = ranking.CANCELLED
        ranking.store(submission_id, entry)
        state.live -= 1
        contests.store(entry.request_id, state)
        log IVerifiedMarket.SubmissionCancelled(
            submission_id=submission_id,
            request_id=entry.request_id,
            paid=terms.stake,
        )
        payments.pay(msg.sender, terms.stake)
    else:
        assert accept_slash, "StakeAtRisk"
        if phase == contests.VALIDATION:
            state = contests.close_claims(state)
        self._fail(
            submission_id,
            entry,
            state,
            requester,
            terms,
            CANCELLED_LATE,
            empty(address),
        )


@external
def set_operator(operator: address, approved: bool):
    """
    @notice Lets a key claim and show for the caller, or no longer. It can do
            nothing else, but a wrong claim by it costs the stake.
    """
    self.is_operator[msg.sender][operator] = approved
    log IVerifiedMarket.OperatorSet(
        trainer=msg.sender, operator=operator, approved=approved
    )


@external
def claim(
    submission_id: uint256,
    requester: address,
    terms: IVerifiedMarket.Terms,
    trainer: address,
    seal: bytes32,
    score: uint256,
    hint: uint256,
):
    """
    @notice States what a model scores on the opened rows, once and for good.
    @param hint The ranked submission expected directly ahead; 0 for the top.
    """
    entry: ranking.Entry = self._entry(submission_id)
    state: contests.State = contests.load(entry.request_id)
    self._check_trainer(trainer)
    self._check_sealed(
        submission_id,
        entry.request_id,
        keccak256(abi_encode(requester, terms)),
        trainer,
        seal,
    )
    # perf: only what is refused needs to be told what phase it is.
    if not contests.takes_claims(state):
        assert self._phase_in_time(state) == contests.CLAIMS, "WrongPhase"
    assert entry.status == ranking.SUBMITTED, "NotLive"
    # Fits into 32 bits: that was checked when the contest was opened.
    most: uint256 = unsafe_mul(
        terms.rows, conditions.most_points(terms.points, terms.cap)
    )
    assert score <= most, "BadScore"

    entry.matches = score
    state.head = ranking.insert(state.head, submission_id, entry, hint)
    # Not more than are live, of which there is no more than fits.
    state.ranked = unsafe_add(state.ranked, 1)
    contests.store(entry.request_id, state)
    log IVerifiedMarket.Claimed(
        submission_id=submission_id, request_id=entry.request_id, score=score
    )


@external
def show_model(
    submission_id: uint256,
    requester: address,
    terms: IVerifiedMarket.Terms,
    shown: IVerifiedMarket.Shown,
    base: DynArray[uint256, exact.MOST_BASE_WORDS],
    salt: bytes32,
    model: String[128],
    listing: String[128],
):
    """
    @notice Shows the candidate's model and all of its predictions, once: the
            challenge window begins, which nothing extends.
    @param shown Its trainer and its claim among it.
    @param base The base words of the model.
    @param salt Of the seal.
    @param model The model's CID.
    @param listing CID of the predictions, for those who look them up; it is
           logged, and nothing hangs on it.
    """
    entry: ranking.Entry = self._entry(submission_id)
    state: contests.State = contests.load(entry.request_id)
    contests.check_contest(entry.request_id, requester, terms)
    self._check_trainer(shown.trainer)
    position: contests.Position = self._position(state)
    assert not position.overdue, "Overdue"
    assert position.phase == contests.VALIDATION, "WrongPhase"
    assert not position.shown, "AlreadyShown"
    assert submission_id == state.head, "NotCandidate"
    assert shown.score == entry.matches, "WrongScore"
    assert shown.base_hash == exact.base_hash(base), "BadBase"
    contest: bytes32 = contests.hashes[entry.request_id]
    seal: bytes32 = keccak256(
        abi_encode(
            MODEL,
            CHAIN_ID,
            self,
            shown.trainer,
            contest,
            exact.model_root(shown.header, shown.base_hash, shown.units_root),
            sha256(model),
            salt,
        )
    )
    assert (
        self._held[submission_id] == self._sealed(contest, shown.trainer, seal)
    ), "WrongSeal"
    assert staticcall Referee(REFEREE).check_header(
        terms, shown.header, base
    ), "BadHeader"

    self._held[submission_id] = conditions.shown_hash(shown)
    state.stage = contests.SHOWN
    state.clock = block.timestamp
    contests.store(entry.request_id, state)
    log IVerifiedMarket.ModelShown(
        submission_id=submission_id,
        request_id=entry.request_id,
        step_ends=block.timestamp + state.challenge_window,
        shown=shown,
        base=base,
        model=model,
        listing=listing,
    )


# --- Referee and clerk -----------------------------------------------------


@external
def refute(
    request_id: uint256,
    submission_id: uint256,
    requester: address,
    terms: IVerifiedMarket.Terms,
    shown: IVerifiedMarket.Shown,
    challenger: address,
):
    """
    @notice Fails the candidate. Only the referee says so, and only while the
            challenge window lasts.
    """
    assert msg.sender == REFEREE, "NotReferee"
    state: contests.State = contests.load(request_id)
    contests.check_contest(request_id, requester, terms)
    position: contests.Position = self._position(state)
    assert not position.overdue, "Overdue"
    assert position.shown, "NotShown"
    assert submission_id == state.head, "NotCandidate"
    assert self._held[submission_id] == conditions.shown_hash(shown), "WrongShown"
    assert block.timestamp < position.step_ends, "TooLate"
    self._fail(
        submission_id,
        ranking.load(submission_id),
        state,
        requester,
        terms,
        REFUTED,
        challenger,
    )


@external
def answered(
    submission_id: uint256,
    shown: IVerifiedMarket.Shown,
    part: uint256,
    contest: bytes32,
):
    """
    @notice Ticks off a part that was demanded. Only the clerk says so.
    @param contest Hash of requester and terms by which a part of the listing is
           one; empty for a part of the model, whose header was shown.
    """
    assert msg.sender == CLERK, "NotClerk"
    entry: ranking.Entry = self._entry(submission_id)
    of_listing: bool = contest != empty(bytes32)
    if of_listing:
        assert contest == contests.hashes[entry.request_id], "WrongTerms"
    state: contests.State = contests.load(entry.request_id)
    position: contests.Position = self._position(state)
    assert not position.overdue, "Overdue"
    assert position.shown, "NotShown"
    assert submission_id == state.head, "NotCandidate"
    assert self._held[submission_id] == conditions.shown_hash(shown), "WrongShown"
    bit: uint256 = 1 << part
    if of_listing:
        assert self._owed_of_listing[submission_id] & bit != 0, "NothingOwed"
        self._owed_of_listing[submission_id] ^= bit
    else:
        assert self._owed[submission_id] & bit != 0, "NothingOwed"
        self._owed[submission_id] ^= bit
    log IVerifiedMarket.Answered(
        submission_id=submission_id,
        request_id=entry.request_id,
        part=part,
        of_listing=of_listing,
    )


# --- Anyone ------------------------------------------------------------------


@external
def demand(
    submission_id: uint256,
    requester: address,
    terms: IVerifiedMarket.Terms,
    shown: IVerifiedMarket.Shown,
    permit: IModelMarket.Permit,
):
    """
    @notice Demands that a shown model and its listing be posted, for a bond
            that the trainer gets if it wins.
    @param permit Allows the market to take the bond; deadline 0 for none.
    """
    entry: ranking.Entry = self._entry(submission_id)
    state: contests.State = contests.load(entry.request_id)
    contests.check_contest(entry.request_id, requester, terms)
    position: contests.Position = self._position(state)
    assert position.shown, "NotShown"
    assert submission_id == state.head, "NotCandidate"
    assert self._held[submission_id] == conditions.shown_hash(shown), "WrongShown"
    assert self._demands[submission_id] == 0, "AlreadyDemanded"
    assert block.timestamp < contests.demands_end(state), "TooLate"

    parts: uint256 = exact.parts(exact.header(shown.header))
    listed: uint256 = conditions.listing_parts(terms)
    self._demands[submission_id] = convert(msg.sender, uint256) | (
        terms.demand_bond << 160
    )
    self._owed[submission_id] = max_value(uint256) >> (256 - parts)
    self._owed_of_listing[submission_id] = max_value(uint256) >> (256 - listed)
    log IVerifiedMarket.Demanded(
        submission_id=submission_id,
        request_id=entry.request_id,
        demander=msg.sender,
        bond=terms.demand_bond,
        due=contests.answers_end(state),
        parts=parts,
        listed=listed,
    )
    payments.collect(terms.demand_bond, permit)


@external
def settle(
    request_id: uint256,
    requester: address,
    terms: IVerifiedMarket.Terms,
    shown: IVerifiedMarket.Shown,
):
    """
    @notice Pays the candidate that stood unrefuted until its challenge window
            ended.
    """
    state: contests.State = contests.load(request_id)
    contests.check_contest(request_id, requester, terms)
    position: contests.Position = self._position(state)
    assert not position.overdue, "Overdue"
    assert position.shown, "NotShown"
    assert block.timestamp >= position.step_ends, "TooEarly"
    submission_id: uint256 = state.head
    assert self._held[submission_id] == conditions.shown_hash(shown), "WrongShown"

    entry: ranking.Entry = ranking.load(submission_id)
    silent: uint256 = (state.live - state.ranked) * terms.stake
    paid: uint256 = terms.reward + terms.stake
    bond: uint256 = self._demand(submission_id).bond
    self._demands[submission_id] = 0
    entry.status = ranking.WON
    ranking.store(submission_id, entry)
    state.stage = contests.FULFILLED
    contests.store(request_id, state)
    payments.slash(silent)
    log IVerifiedMarket.RequestFulfilled(
        request_id=request_id,
        submission_id=submission_id,
        paid=paid,
        bond=bond,
        slashed=silent,
    )
    payments.pay(shown.trainer, paid + bond)


@external
def enforce_timeout(
    request_id: uint256, requester: address, terms: IVerifiedMarket.Terms
):
    """
    @notice Takes the one step that is due because somebody missed it.
    """
    state: contests.State = contests.load(request_id)
    contests.check_contest(request_id, requester, terms)
    position: contests.Position = self._position(state)
    assert position.overdue, "NotOverdue"

    if position.phase == contests.VALIDATION:
        self._fail(
            state.head,
            ranking.load(state.head),
            contests.close_claims(state),
            requester,
            terms,
            WITHHELD if position.shown else TIMED_OUT,
            empty(address),
        )
    elif position.phase == contests.TRUTH and state.live != 0:
        state.stage = contests.FORFEITED
        contests.store(request_id, state)
        payments.slash(terms.reward)
        log IVerifiedMarket.RequestForfeited(
            request_id=request_id, slashed=terms.reward
        )
    else:
        self._refund(request_id, state, requester, terms)


@external
def withdraw(
    submission_id: uint256,
    requester: address,
    terms: IVerifiedMarket.Terms,
    trainer: address,
    seal: bytes32,
):
    """
    @notice Pays the trainer what is due for a submission, once.
    """
    entry: ranking.Entry = self._entry(submission_id)
    state: contests.State = contests.load(entry.request_id)
    self._check_sealed(
        submission_id,
        entry.request_id,
        keccak256(abi_encode(requester, terms)),
        trainer,
        seal,
    )
    amount: uint256 = 0
    if entry.status == ranking.SUBMITTED:
        if state.stage == contests.CANCELLED:
            amount = terms.stake + terms.reward // state.live
        elif state.stage == contests.FORFEITED:
            amount = terms.stake
    elif entry.status == ranking.RANKED:
        if state.stage in [contests.FULFILLED, contests.REFUNDED]:
            amount = terms.stake
    assert amount != 0, "NothingDue"
    entry.status = ranking.WITHDRAWN
    ranking.store(submission_id, entry)
    log IVerifiedMarket.Withdrawn(
        submission_id=submission_id, request_id=entry.request_id, paid=amount
    )
    payments.pay(trainer, amount)


@external
def withdraw_bond(submission_id: uint256):
    """
    @notice Gives the bond of a demand back to whom demanded, once the
            submission has failed.
    """
    entry: ranking.Entry = self._entry(submission_id)
    demand: Demand = self._demand(submission_id)
    assert demand.bond != 0 and entry.status == ranking.FAILED, "NothingDue"
    self._demands[submission_id] = 0
    log IVerifiedMarket.BondReturned(
        submission_id=submission_id,
        request_id=entry.request_id,
        paid=demand.bond,
    )
    payments.pay(demand.demander, demand.bond)


# --- Inside ------------------------------------------------------------------


@internal
@view
def _entry(submission_id: uint256) -> ranking.Entry:
    """
    @notice A submission's entry; reverts for an unknown id.
    """
    entry: ranking.Entry = ranking.load(submission_id)
    assert entry.status != 0, "UnknownSubmission"
    return entry


@internal
@pure
def _sealed(contest: bytes32, trainer: address, seal: bytes32) -> bytes32:
    """
    @notice What is kept of a submission until it shows its model.
    @param contest Hash of requester and terms.
    """
    return keccak256(abi_encode(contest, trainer, seal))


@internal
@view
def _check_sealed(
    submission_id: uint256,
    request_id: uint256,
    contest: bytes32,
    trainer: address,
    seal: bytes32,
):
    """
    @notice Reverts unless a trainer entered a contest with a seal, and has not
            shown its model.
    @param contest Hash of requester and terms that the caller was handed.
    @dev perf: what is kept of the submission binds its contest, so that the
         contest's own slot is read for what is refused alone.
    """
    if self._held[submission_id] != self._sealed(contest, trainer, seal):
        assert contest == contests.hashes[request_id], "WrongTerms"
        raise "WrongSeal"


@internal
@view
def _check_trainer(trainer: address):
    """
    @notice Reverts unless the caller may claim and show for a trainer.
    """
    assert (
        msg.sender == trainer or self.is_operator[trainer][msg.sender]
    ), "NotTrainer"


@internal
@view
def _demand(submission_id: uint256) -> Demand:
    """
    @notice Who demanded a submission's model; all zero if nobody did.
    """
    packed: uint256 = self._demands[submission_id]
    return Demand(
        demander=convert(packed & (2**160 - 1), address), bond=packed >> 160
    )


@internal
@view
def _position(state: contests.State) -> contests.Position:
    """
    @notice What a contest's clock says at this block.
    """
    is_owed: bool = False
    if state.stage == contests.SHOWN:
        is_owed = (
            self._owed[state.head] != 0 or self._owed_of_listing[state.head] != 0
        )
    return contests.position(state, is_owed)


@internal
@view
def _phase_in_time(state: contests.State) -> uint256:
    """
    @notice The phase; reverts while a step is overdue, since then nothing
            but `enforce_timeout` may change the request.
    """
    position: contests.Position = self._position(state)
    assert not position.overdue, "Overdue"
    # Once the challenge window is over nothing but `settle` may.
    assert not position.shown or block.timestamp < position.step_ends, "TooLate"
    return position.phase


@internal
def _fail(
    submission_id: uint256,
    failing: ranking.Entry,
    failing_state: contests.State,
    requester: address,
    terms: IVerifiedMarket.Terms,
    reason: uint256,
    challenger: address,
):
    """
    @notice Slashes a live submission and takes it out. If it was the
            candidate, the next claim becomes candidate with a fresh window,
            or the requester is refunded when there is none.
    @param failing_state Of the request, with `VALIDATION` entered if that is
           the phase.
    @param challenger Who refuted it, and is paid a tenth of its stake.
    """
    entry: ranking.Entry = failing
    state: contests.State = failing_state
    was_candidate: bool = (
        state.stage in [contests.VALIDATION, contests.SHOWN]
        and submission_id == state.head
    )
    if entry.status == ranking.RANKED:
        state.head = ranking.remove(state.head, submission_id, entry)
        state.ranked -= 1
    state.live -= 1
    entry.status = ranking.FAILED
    entry.ahead = 0
    entry.behind = 0
    ranking.store(submission_id, entry)
    paid: uint256 = 0
    if reason == REFUTED:
        paid = terms.stake // CHALLENGERS_PART
    payments.slash(terms.stake - paid)
    if was_candidate:
        state.stage = contests.VALIDATION
        state.clock = block.timestamp
    step_ends: uint256 = state.clock + state.response_window
    if state.stage == contests.SHOWN:
        step_ends = state.clock + state.challenge_window
    log IVerifiedMarket.SubmissionFailed(
        submission_id=submission_id,
        request_id=entry.request_id,
        reason=reason,
        slashed=terms.stake - paid,
        challenger=challenger,
        paid=paid,
        step_ends=step_ends,
    )
    if was_candidate and not contests.has_candidate(state):
        self._refund(entry.request_id, state, requester, terms)
    else:
        contests.store(entry.request_id, state)
    if paid != 0:
        payments.pay(challenger, paid)


@internal
def _refund(
    request_id: uint256,
    ending: contests.State,
    requester: address,
    terms: IVerifiedMarket.Terms,
):
    """
    @notice Ends a request that nobody won: the requester has the reward
            back.
    """
    state: contests.State = ending
    silent: uint256 = (state.live - state.ranked) * terms.stake
    state.stage = contests.REFUNDED
    contests.store(request_id, state)
    payments.slash(silent)
    log IVerifiedMarket.RequestRefunded(
        request_id=request_id, paid=terms.reward, slashed=silent
    )
    payments.pay(requester, terms.reward)
