# pragma version ~=0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: Apache-2.0
"""
@title ModelMarket, where models are bought by what they score
@license Apache-2.0
@author The ModelMarket developers
@notice A requester locks a reward and seals the labels of her test data.
        Trainers stake ModelCoin and seal predictions and models. After the
        deadline the truth is opened, trainers claim how many labels they
        got right, and the market makes the best claimant prove it, recounts
        and pays. Whoever misses a step or is caught lying loses the stake.
@dev Nobody has any privilege, and no call loops over submissions. The words
     and the rules: `docs/protocol.md`.
"""


from interfaces import IModelMarket

import labels
import payments
import ranking
import requests
import seals

initializes: payments
initializes: ranking
initializes: requests[ranking := ranking]


# @dev Why a submission failed.
MISMATCH: constant(uint256) = 1
TIMED_OUT: constant(uint256) = 2
CANCELLED_LATE: constant(uint256) = 3


# @dev Part of every seal. Fixed at deployment, so that a fork of the chain
# does not void the seals that are live.
CHAIN_ID: immutable(uint256)


# @notice How many requests there are; their ids count from 1.
request_count: public(uint256)

# @notice How many submissions there are; their ids count from 1.
submission_count: public(uint256)

# @notice Whether a key may claim for a trainer: trainer, then operator.
is_operator: public(HashMap[address, HashMap[address, bool]])

# @dev Submission id to the address that staked and is paid.
_trainers: HashMap[uint256, address]

# @dev Submission id to its seal: the outermost layer of its predictions,
# bound to the superhash that was logged with it.
_seals: HashMap[uint256, bytes32]

# @dev Submission id to what is left of its seal, bound in the same way: the
# layer that the next page opens; zero while no page but the last is open, and
# again when the candidate fails.
_sealed: HashMap[uint256, bytes32]

# @dev Request id and page to the hash of that page of the truth, once open.
_truth_pages: HashMap[uint256, HashMap[uint256, bytes32]]


@deploy
def __init__(coin: address):
    """
    @param coin The ModelCoin that this market pays in, for good.
    """
    payments.__init__(coin)
    CHAIN_ID = chain.id


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
def chain_id() -> uint256:
    """
    @notice The chain id in every seal.
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
    return requests.position(
        request_id, requests.schedule(request_id), requests.load(request_id)
    ).phase


@external
@view
def request(request_id: uint256) -> IModelMarket.Request:
    """
    @notice A request as it stands at this block.
    """
    state: requests.State = requests.load(request_id)
    schedule: requests.Schedule = requests.schedule(request_id)
    stakes: requests.Stakes = requests.stakes(request_id)
    position: requests.Position = requests.position(
        request_id, schedule, state
    )
    return IModelMarket.Request(
        requester=schedule.requester,
        terms_hash=requests.terms_hashes[request_id],
        reward=stakes.reward,
        stake=stakes.stake,
        labels=schedule.labels,
        bits=stakes.bits,
        minimum_matches=stakes.minimum_matches,
        deadline=schedule.deadline,
        response_window=schedule.response_window,
        phase=position.phase,
        step_ends=position.step_ends,
        overdue=position.overdue,
        live=state.live,
        ranked=state.ranked,
        best=state.head,
        candidate=(
            state.head if position.phase == requests.VALIDATION else 0
        ),
        pages=state.pages,
        matched=state.matched,
        sealed=requests.truth_seals[request_id],
    )


@external
@view
def submission(submission_id: uint256) -> IModelMarket.Submission:
    """
    @notice A submission as it stands at this block. Its status: 1 live,
            2 ranked, 3 cancelled, 4 failed, 5 won, 6 withdrawn.
    """
    entry: ranking.Entry = self._entry(submission_id)
    return IModelMarket.Submission(
        trainer=self._trainers[submission_id],
        request_id=entry.request_id,
        status=entry.status,
        matches=entry.matches,
        ahead=entry.ahead,
        behind=entry.behind,
        seal=self._seals[submission_id],
        sealed=self._left_of_seal(submission_id),
    )


@external
@view
def truth_page(request_id: uint256, page: uint256) -> bytes32:
    """
    @notice The hash of a page of the truth, keccak256 of its ABI-encoded
            words; zero while it is not open.
    """
    # An unknown id reverts here too.
    _: requests.State = requests.load(request_id)
    return self._truth_pages[request_id][page]


@external
@view
def due(submission_id: uint256) -> uint256:
    """
    @notice Wei of MDC that `withdraw` would pay for a submission now.
    """
    entry: ranking.Entry = self._entry(submission_id)
    return self._due(entry, requests.load(entry.request_id))


# --- Requesters --------------------------------------------------------------


@external
def create_request(
    terms: IModelMarket.Terms, permit: IModelMarket.Permit
) -> uint256:
    """
    @notice Opens a request and locks its reward.
    @param terms What the request promises, checked as `docs/protocol.md`
           says.
    @param permit Allows the market to take the reward; deadline 0 for none.
    @return The request's id.
    """
    requests.check(terms)
    terms_hash: bytes32 = keccak256(abi_encode(msg.sender, terms))
    request_id: uint256 = self.request_count + 1
    self.request_count = request_id
    deadline: uint256 = requests.create(
        request_id, msg.sender, terms, terms_hash
    )
    log IModelMarket.RequestCreated(
        request_id=request_id,
        requester=msg.sender,
        terms_hash=terms_hash,
        deadline=deadline,
        terms=terms,
    )
    payments.collect(terms.reward, permit)
    return request_id


@external
def cancel_request(
    request_id: uint256, terms_hash: bytes32, max_live: uint256
):
    """
    @notice Cancels a request whose truth is not wholly open. The reward goes
            back if nothing is live; else the live submissions share it.
    @param terms_hash Of the request that the caller means: after a
           reorganisation its id may be another one's.
    @param max_live The most live submissions that the caller accepts, so
           that nobody can take the reward by submitting just before.
    """
    state: requests.State = requests.load(request_id)
    schedule: requests.Schedule = requests.schedule(request_id)
    assert msg.sender == schedule.requester, "NotRequester"
    assert terms_hash == requests.terms_hashes[request_id], "WrongTerms"
    phase: uint256 = self._phase_in_time(request_id, schedule, state)
    assert phase in [requests.OPEN, requests.TRUTH], "WrongPhase"
    assert state.live <= max_live, "TooManyLive"

    reward: uint256 = requests.stakes(request_id).reward
    share: uint256 = 0
    paid: uint256 = reward
    if state.live != 0:
        share = reward // state.live
        paid = reward % state.live
    state.stage = requests.CANCELLED
    requests.store(request_id, state)
    log IModelMarket.RequestCancelled(
        request_id=request_id, live=state.live, share=share, paid=paid
    )
    if paid != 0:
        payments.pay(schedule.requester, paid)


@external
def open_truth(
    request_id: uint256,
    page: uint256,
    words: DynArray[uint256, labels.PAGE_WORDS],
    inner: bytes32,
):
    """
    @notice Opens the next page of the truth. Anyone who knows it may.
    @param page The page's index, from 0; pages are opened in order.
    @param words The page's labels, packed.
    @param inner The layer of the seal below the page; on the last page the
           salt.
    """
    state: requests.State = requests.load(request_id)
    schedule: requests.Schedule = requests.schedule(request_id)
    phase: uint256 = self._phase_in_time(request_id, schedule, state)
    assert phase == requests.TRUTH, "WrongPhase"
    assert page == state.pages, "WrongPage"
    word_count: uint256 = labels.word_count(
        schedule.labels, requests.stakes(request_id).bits
    )
    assert len(words) == labels.page_words(word_count, page), "WrongLength"

    is_last: bool = page + 1 == schedule.pages
    layer_below: bytes32 = inner
    if is_last:
        layer_below = seals.core(
            seals.TRUTH,
            CHAIN_ID,
            self,
            schedule.requester,
            empty(bytes32),
            empty(bytes32),
            inner,
        )
    page_hash: bytes32 = keccak256(abi_encode(words))
    assert (
        seals.layer(page_hash, layer_below)
        == requests.truth_seals[request_id]
    ), "WrongSeal"

    self._truth_pages[request_id][page] = page_hash
    if is_last:
        state.stage = requests.CLAIMS
        state.clock = block.timestamp
        state.pages = 0
    else:
        # The clock stays: a page opened gives nobody more time.
        state.pages += 1
        requests.truth_seals[request_id] = layer_below
    requests.store(request_id, state)
    log IModelMarket.TruthOpened(
        request_id=request_id,
        page=page,
        sealed=requests.truth_seals[request_id],
        step_ends=requests.step_ends(schedule, state),
        words=words,
    )


# --- Trainers ----------------------------------------------------------------


@external
def submit(
    request_id: uint256,
    terms_hash: bytes32,
    layer: bytes32,
    superhash: bytes32,
    name: String[64],
    permit: IModelMarket.Permit,
) -> uint256:
    """
    @notice Enters a request and locks its stake.
    @param terms_hash The terms that the caller agreed to.
    @param layer The outermost layer of the predictions; its core binds their
           owner, the terms and the model.
    @param superhash SHA-256 of the model's CID. The seal is the hash of both:
           what is logged here is what the last page must open to.
    @param permit Allows the market to take the stake; deadline 0 for none.
    @return The submission's id.
    """
    state: requests.State = requests.load(request_id)
    schedule: requests.Schedule = requests.schedule(request_id)
    phase: uint256 = self._phase_in_time(request_id, schedule, state)
    assert phase == requests.OPEN, "WrongPhase"
    assert terms_hash == requests.terms_hashes[request_id], "WrongTerms"
    # One more would run into the field beside it.
    assert state.live < requests.U32, "TooMany"

    seal: bytes32 = seals.bound(layer, superhash)
    submission_id: uint256 = self.submission_count + 1
    self.submission_count = submission_id
    self._trainers[submission_id] = msg.sender
    self._seals[submission_id] = seal
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
    requests.store(request_id, state)
    log IModelMarket.SubmissionCreated(
        submission_id=submission_id,
        request_id=request_id,
        trainer=msg.sender,
        seal=seal,
        superhash=superhash,
        name=name,
    )
    payments.collect(requests.stakes(request_id).stake, permit)
    return submission_id


@external
def cancel_submission(
    submission_id: uint256, seal: bytes32, accept_slash: bool
):
    """
    @notice Takes a submission out. Before the deadline its stake comes back,
            afterwards it is slashed.
    @param seal Of the submission that the caller means: after a
           reorganisation its id may be another one's.
    @param accept_slash Whether the caller accepts that, so that a cancel
           which a builder delays burns no stake.
    """
    entry: ranking.Entry = self._entry(submission_id)
    assert msg.sender == self._trainers[submission_id], "NotTrainer"
    assert seal == self._seals[submission_id], "WrongSeal"
    request_id: uint256 = entry.request_id
    state: requests.State = requests.load(request_id)
    schedule: requests.Schedule = requests.schedule(request_id)
    phase: uint256 = self._phase_in_time(request_id, schedule, state)
    assert phase <= requests.VALIDATION, "WrongPhase"
    assert entry.status in [ranking.SUBMITTED, ranking.RANKED], "NotLive"

    if phase == requests.OPEN:
        stake: uint256 = requests.stakes(request_id).stake
        entry.status = ranking.CANCELLED
        ranking.store(submission_id, entry)
        state.live -= 1
        requests.store(request_id, state)
        log IModelMarket.SubmissionCancelled(
            submission_id=submission_id, request_id=request_id, paid=stake
        )
        payments.pay(msg.sender, stake)
    else:
        assert accept_slash, "StakeAtRisk"
        if phase == requests.VALIDATION:
            state = requests.close_claims(schedule, state)
        self._fail(submission_id, entry, schedule, state, CANCELLED_LATE)


@external
def set_operator(operator: address, approved: bool):
    """
    @notice Lets a key claim for the caller, or no longer. It can do nothing
            else, but a wrong claim by it costs the stake.
    """
    self.is_operator[msg.sender][operator] = approved
    log IModelMarket.OperatorSet(
        trainer=msg.sender, operator=operator, approved=approved
    )


@external
def claim(
    submission_id: uint256, seal: bytes32, matches: uint256, hint: uint256
):
    """
    @notice States how many predictions equal the truth, once and for good.
    @param seal Of the submission that the caller means: after a
           reorganisation its id may be another one's.
    @param matches At most the number of labels.
    @param hint The ranked submission expected directly ahead; 0 for the top.
    """
    entry: ranking.Entry = self._entry(submission_id)
    trainer: address = self._trainers[submission_id]
    assert (
        msg.sender == trainer or self.is_operator[trainer][msg.sender]
    ), "NotTrainer"
    assert seal == self._seals[submission_id], "WrongSeal"
    request_id: uint256 = entry.request_id
    state: requests.State = requests.load(request_id)
    schedule: requests.Schedule = requests.schedule(request_id)
    phase: uint256 = self._phase_in_time(request_id, schedule, state)
    assert phase == requests.CLAIMS, "WrongPhase"
    assert entry.status == ranking.SUBMITTED, "NotLive"
    assert matches <= schedule.labels, "TooManyMatches"

    entry.matches = matches
    state.head = ranking.insert(state.head, submission_id, entry, hint)
    state.ranked += 1
    requests.store(request_id, state)
    log IModelMarket.Claimed(
        submission_id=submission_id, request_id=request_id, matches=matches
    )


@external
def open_predictions(
    submission_id: uint256,
    page: uint256,
    truth: DynArray[uint256, labels.PAGE_WORDS],
    difference: DynArray[uint256, labels.PAGE_WORDS],
    inner: bytes32,
    superhash: bytes32,
    model: String[128],
):
    """
    @notice Opens the next page of the candidate's predictions. Anyone who
            knows it may. The last page pays the winner or, if the count is
            not what was claimed, fails the submission.
    @param page The page's index, from 0; pages are opened in order.
    @param truth The same page of the truth.
    @param difference The predictions' packed labels XOR the truth's: zero
           bytes, where they agree, are cheap to send.
    @param inner The layer of the seal below the page; on the last page the
           salt.
    @param superhash As it was logged when the predictions were submitted.
    @param model The model's CID; it counts on the last page, where its
           SHA-256 must be the superhash.
    """
    entry: ranking.Entry = self._entry(submission_id)
    request_id: uint256 = entry.request_id
    state: requests.State = requests.load(request_id)
    schedule: requests.Schedule = requests.schedule(request_id)
    stakes: requests.Stakes = requests.stakes(request_id)
    phase: uint256 = self._phase_in_time(request_id, schedule, state)
    assert phase == requests.VALIDATION, "WrongPhase"
    assert submission_id == state.head, "NotCandidate"
    assert page == state.pages, "WrongPage"
    state = requests.close_claims(schedule, state)

    word_count: uint256 = labels.word_count(schedule.labels, stakes.bits)
    words: uint256 = labels.page_words(word_count, page)
    assert (
        len(truth) == words and len(difference) == words
    ), "WrongLength"
    assert (
        keccak256(abi_encode(truth)) == self._truth_pages[request_id][page]
    ), "WrongTruth"

    # note: the pages stay in this function; handing one to another function
    # would copy it, and memory costs the square of its size.
    high: uint256 = labels.high_bits(stakes.bits)
    predictions: DynArray[uint256, labels.PAGE_WORDS] = truth
    differing: uint256 = 0
    i: uint256 = 0
    for word: uint256 in difference:
        predictions[i] ^= word
        differing = unsafe_add(
            differing, labels.count_differing(word, high)
        )
        i = unsafe_add(i, 1)

    is_last: bool = page + 1 == schedule.pages
    counted: uint256 = words * (256 // stakes.bits)
    layer_below: bytes32 = inner
    if is_last:
        # Padding never counts, whatever it holds.
        word: uint256 = difference[words - 1]
        padding: uint256 = ~labels.last_word_mask(
            schedule.labels, stakes.bits
        )
        differing -= labels.count_differing(word & padding, high)
        counted = schedule.labels - page * labels.PAGE_WORDS * (
            256 // stakes.bits
        )
        assert sha256(model) == superhash, "WrongModel"
        layer_below = seals.core(
            seals.PREDICTIONS,
            CHAIN_ID,
            self,
            self._trainers[submission_id],
            requests.terms_hashes[request_id],
            superhash,
            inner,
        )
    layer: bytes32 = seals.layer(
        keccak256(abi_encode(predictions)), layer_below
    )
    assert (
        seals.bound(layer, superhash) == self._left_of_seal(submission_id)
    ), "WrongSeal"
    state.matched += counted - differing
    state.pages += 1

    if not is_last:
        # The clock stays: a page opened gives nobody more time.
        sealed: bytes32 = seals.bound(layer_below, superhash)
        self._sealed[submission_id] = sealed
        requests.store(request_id, state)
        log IModelMarket.PredictionsOpened(
            submission_id=submission_id,
            request_id=request_id,
            page=page,
            matched=state.matched,
            sealed=sealed,
            step_ends=requests.step_ends(schedule, state),
        )
    elif state.matched != entry.matches:
        self._fail(submission_id, entry, schedule, state, MISMATCH)
    else:
        self._fulfil(submission_id, entry, state, stakes, model)


# --- Anyone ------------------------------------------------------------------


@external
def enforce_timeout(request_id: uint256):
    """
    @notice Takes the one step that is due because somebody missed it.
    """
    state: requests.State = requests.load(request_id)
    schedule: requests.Schedule = requests.schedule(request_id)
    position: requests.Position = requests.position(
        request_id, schedule, state
    )
    assert position.overdue, "NotOverdue"

    if position.phase == requests.VALIDATION:
        self._fail(
            state.head,
            ranking.load(state.head),
            schedule,
            requests.close_claims(schedule, state),
            TIMED_OUT,
        )
    elif position.phase == requests.TRUTH and state.live != 0:
        reward: uint256 = requests.stakes(request_id).reward
        state.stage = requests.FORFEITED
        requests.store(request_id, state)
        payments.slash(reward)
        log IModelMarket.RequestForfeited(
            request_id=request_id, slashed=reward
        )
    else:
        self._refund(request_id, schedule, state)


@external
def withdraw(submission_id: uint256):
    """
    @notice Pays the trainer what is due for a submission, once.
    """
    entry: ranking.Entry = self._entry(submission_id)
    amount: uint256 = self._due(entry, requests.load(entry.request_id))
    assert amount != 0, "NothingDue"
    entry.status = ranking.WITHDRAWN
    ranking.store(submission_id, entry)
    log IModelMarket.Withdrawn(
        submission_id=submission_id, request_id=entry.request_id, paid=amount
    )
    payments.pay(self._trainers[submission_id], amount)


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
@view
def _left_of_seal(submission_id: uint256) -> bytes32:
    """
    @notice What the next page of a submission must open.
    """
    sealed: bytes32 = self._sealed[submission_id]
    return self._seals[submission_id] if sealed == empty(bytes32) else sealed


@internal
@view
def _phase_in_time(
    request_id: uint256, schedule: requests.Schedule, state: requests.State
) -> uint256:
    """
    @notice The phase; reverts while a step is overdue, since then nothing
            but `enforce_timeout` may change the request.
    """
    position: requests.Position = requests.position(
        request_id, schedule, state
    )
    assert not position.overdue, "Overdue"
    return position.phase


@internal
@view
def _due(entry: ranking.Entry, state: requests.State) -> uint256:
    """
    @notice What a submission gets back by its status and the request's final
            phase: the table in `docs/protocol.md`.
    """
    stakes: requests.Stakes = requests.stakes(entry.request_id)
    if entry.status == ranking.SUBMITTED:
        if state.stage == requests.CANCELLED:
            return stakes.stake + stakes.reward // state.live
        if state.stage == requests.FORFEITED:
            return stakes.stake
    elif entry.status == ranking.RANKED:
        if state.stage in [requests.FULFILLED, requests.REFUNDED]:
            return stakes.stake
    return 0


@internal
def _fail(
    submission_id: uint256,
    failing: ranking.Entry,
    schedule: requests.Schedule,
    failing_state: requests.State,
    reason: uint256,
):
    """
    @notice Slashes a live submission and takes it out. If it was the
            candidate, the next claim becomes candidate with a fresh window,
            or the requester is refunded when there is none.
    @param failing_state Of the request, with `VALIDATION` entered if that is
           the phase.
    """
    entry: ranking.Entry = failing
    state: requests.State = failing_state
    request_id: uint256 = entry.request_id
    stake: uint256 = requests.stakes(request_id).stake
    was_candidate: bool = (
        state.stage == requests.VALIDATION and submission_id == state.head
    )
    if entry.status == ranking.RANKED:
        state.head = ranking.remove(state.head, submission_id, entry)
        state.ranked -= 1
    state.live -= 1
    entry.status = ranking.FAILED
    entry.ahead = 0
    entry.behind = 0
    ranking.store(submission_id, entry)
    payments.slash(stake)
    if was_candidate:
        # What it has opened is void with it.
        self._sealed[submission_id] = empty(bytes32)
        state.pages = 0
        state.matched = 0
        state.clock = block.timestamp
    log IModelMarket.SubmissionFailed(
        submission_id=submission_id,
        request_id=request_id,
        reason=reason,
        slashed=stake,
        step_ends=requests.step_ends(schedule, state),
    )
    if was_candidate and not requests.has_candidate(request_id, state):
        self._refund(request_id, schedule, state)
    else:
        requests.store(request_id, state)


@internal
def _refund(
    request_id: uint256,
    schedule: requests.Schedule,
    ending: requests.State,
):
    """
    @notice Ends a request that nobody won: the requester has the reward
            back.
    """
    state: requests.State = ending
    stakes: requests.Stakes = requests.stakes(request_id)
    silent: uint256 = (state.live - state.ranked) * stakes.stake
    state.stage = requests.REFUNDED
    requests.store(request_id, state)
    payments.slash(silent)
    log IModelMarket.RequestRefunded(
        request_id=request_id, paid=stakes.reward, slashed=silent
    )
    payments.pay(schedule.requester, stakes.reward)


@internal
def _fulfil(
    submission_id: uint256,
    winning: ranking.Entry,
    ending: requests.State,
    stakes: requests.Stakes,
    model: String[128],
):
    """
    @notice Ends a request that the candidate won: it is paid reward and
            stake.
    """
    entry: ranking.Entry = winning
    state: requests.State = ending
    silent: uint256 = (state.live - state.ranked) * stakes.stake
    paid: uint256 = stakes.reward + stakes.stake
    entry.status = ranking.WON
    ranking.store(submission_id, entry)
    state.stage = requests.FULFILLED
    requests.store(entry.request_id, state)
    payments.slash(silent)
    log IModelMarket.RequestFulfilled(
        request_id=entry.request_id,
        submission_id=submission_id,
        paid=paid,
        slashed=silent,
        model=model,
    )
    payments.pay(self._trainers[submission_id], paid)
