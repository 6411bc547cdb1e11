// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    ModelMarketPermit, ModelMarketRequest, ModelMarketSubmission, ModelMarketTerms
} from "./Market.sol";
import {Market, World} from "./World.sol";

/// Each call that changes anything, with any arguments, in any state. What is
/// asked of it afterwards, the contracts below say.
abstract contract Calls is Market {
    uint256 internal constant ONCE = 1;
    uint256 internal constant CONSERVED = 2;
    uint256 internal constant FORWARD = 4;
    uint256 internal constant CONSISTENT = 8;

    uint256 private constant ACTIVE = (1 << OPEN) | (1 << CLAIMS) | (1 << VALIDATION);
    uint256 private constant OVER =
        (1 << FULFILLED) | (1 << REFUNDED) | (1 << CANCELLED) | (1 << FORFEITED);

    uint256 private _phase;

    function _asked() internal pure virtual returns (uint256);

    function _asks(uint256 what) private pure returns (bool) {
        return _asked() & what != 0;
    }

    // --- The calls ---

    function check_create_request() public {
        World memory w = _any_words();
        bytes32[11] memory words = _words_stored();
        ModelMarketTerms memory terms = _terms();
        ModelMarketPermit memory permit = _permit();
        vm.prank(STRANGER);
        try market.create_request(terms, permit) returns (uint256 id) {
            assert(id == 2);
            _untouched(words);
            World memory made = _read(id);
            if (_asks(CONSERVED)) {
                assert(_owed(made) == terms.reward_);
                assert(made.slashed == w.slashed);
                assert(made.balance == w.balance + terms.reward_);
            }
            if (_asks(FORWARD)) assert(market.phase(id) == OPEN);
            if (_asks(CONSISTENT)) {
                assert(_is_consistent(made) == 1);
                assert(made.pages == _pages(made));
            }
        } catch {}
    }

    function check_cancel_request() public {
        World memory w = _any_shape(1 << OPEN);
        address caller = _either(REQUESTER);
        _before(w, 0);
        bytes32 terms = svm.createBytes32("terms");
        uint256 live = svm.createUint256("live");
        vm.prank(caller);
        try market.cancel_request(REQUEST, terms, live) {
            _judge(w);
        } catch {}
    }

    function check_open_truth() public {
        World memory w = _any_shape(1 << OPEN);
        // Where it is not reached it need not be told apart.
        uint256 count = w.stage == OPEN ? _one_of(3) : 1;
        _before(w, w.stage == OPEN ? 1 << _one_of(5) : 0);
        uint256 page = svm.createUint256("page");
        uint256[] memory words = _words(count);
        bytes32 inner = svm.createBytes32("inner");
        try market.open_truth(REQUEST, page, words, inner) {
            _judge(w);
        } catch {}
    }

    function check_submit() public {
        World memory w = _any_shape(1 << OPEN);
        _before(w, 0);
        bytes32 terms = svm.createBytes32("terms");
        bytes32 layer = svm.createBytes32("layer");
        bytes32 superhash = svm.createBytes32("superhash");
        string memory name = string(svm.createBytes(5, "name"));
        ModelMarketPermit memory permit = _permit();
        vm.prank(STRANGER);
        try market.submit(REQUEST, terms, layer, superhash, name, permit) returns (uint256 id) {
            assert(id == 3);
            _judge(w);
        } catch {}
    }

    function check_cancel_submission() public {
        World memory w = _any_shape(ACTIVE);
        uint256 id = 1 + _one_of(2);
        address caller = _either(_trainer(id));
        _before(w, 0);
        bytes32 seal = svm.createBytes32("its seal");
        bool accept = svm.createBool("accept");
        vm.prank(caller);
        try market.cancel_submission(id, seal, accept) {
            _judge(w);
        } catch {}
    }

    function check_set_operator() public {
        World memory w = _any_words();
        bytes32[11] memory words = _words_stored();
        bool approved = svm.createBool("approved");
        vm.prank(address(uint160(svm.createUint(160, "caller"))));
        market.set_operator(address(uint160(svm.createUint(160, "operator"))), approved);
        _untouched(words);
        if (_asks(CONSERVED)) {
            assert(coin.balanceOf(address(market)) == w.balance);
            assert(market.slashed() == w.slashed);
        }
    }

    function check_claim() public {
        World memory w = _any_shape(1 << CLAIMS);
        uint256 id = 1 + _one_of(2);
        address caller = _either(_trainer(id));
        bool is_time = w.stage == CLAIMS && w.entries[id].status == SUBMITTED;
        uint256 hint = is_time ? _one_of(4) : 0;
        _before(w, 0);
        if (!is_time) hint = svm.createUint256("hint");
        if (hint == 3 && is_time) _put_foreign();
        bytes32 seal = svm.createBytes32("its seal");
        uint256 matches = svm.createUint256("its matches");
        vm.prank(caller);
        try market.claim(id, seal, matches, hint) {
            _judge(w);
        } catch {}
    }

    // In halves, so that each takes less than ten minutes.
    function check_open_predictions_of_the_first() public {
        _open_predictions(1);
    }

    function check_open_predictions_of_the_second() public {
        _open_predictions(2);
    }

    function _open_predictions(uint256 id) private {
        World memory w = _any_shape((1 << CLAIMS) | (1 << VALIDATION));
        bool is_time = (w.stage == CLAIMS || w.stage == VALIDATION) && w.head == id;
        uint256 count = is_time ? _one_of(4) : 1;
        _before(w, is_time ? 1 << _one_of(5) : 0);
        uint256 page = svm.createUint256("page");
        uint256[] memory truth = _words(count == 3 ? 1 : count);
        uint256[] memory difference = _words(count == 3 ? 2 : count);
        bytes32 inner = svm.createBytes32("inner");
        bytes32 superhash = svm.createBytes32("superhash");
        string memory model = string(svm.createBytes(59, "model"));
        try market.open_predictions(id, page, truth, difference, inner, superhash, model) {
            _judge(w);
        } catch {}
    }

    function check_enforce_timeout() public {
        World memory w = _any_shape(ACTIVE);
        _before(w, 0);
        try market.enforce_timeout(REQUEST) {
            _judge(w);
        } catch {}
    }

    function check_withdraw() public {
        World memory w = _any_shape(OVER);
        uint256 id = 1 + _one_of(2);
        _before(w, 0);
        uint256 due;
        uint256 had;
        if (_asks(ONCE) && w.entries[id].request != 0) {
            due = market.due(id);
            had = coin.balanceOf(_trainer(id));
            vm.assume(had <= SUPPLY);
        }
        try market.withdraw(id) {
            _judge(w);
            if (_asks(ONCE)) {
                assert(coin.balanceOf(_trainer(id)) == had + due);
                assert(_read(REQUEST).entries[id].status == WITHDRAWN);
            }
        } catch {}
    }

    // --- Beside the calls ---

    /// Time alone leads forward too, and leaves every state consistent.
    function check_time() public {
        World memory w = _any_shape(ACTIVE);
        _fill(w, 0);
        uint256 before = market.phase(REQUEST);
        uint256 later = svm.createUint(39, "later");
        vm.assume(later >= block.timestamp);
        vm.warp(later);
        if (_asks(FORWARD)) assert(_is_forward(before, market.phase(REQUEST)) == 1);
        if (_asks(CONSISTENT) && w.stage != 0) assert(_is_consistent(w) == 1);
    }

    /// Nothing is paid for what was withdrawn.
    function check_withdrawn() public {
        World memory w = _any_shape(OVER);
        uint256 id = 1 + _one_of(2);
        vm.assume(w.stage == 0 || w.entries[id].status == WITHDRAWN);
        _fill(w, 0);
        if (w.stage != 0) assert(market.due(id) == 0);
        try market.withdraw(id) {
            assert(false);
        } catch {}
    }

    /// The slots mean to these proofs what they mean to the market, and at the
    /// end what is owed is what `due` says.
    function check_slots() public {
        World memory w = _any_shape(OVER);
        _fill(w, 0);
        World memory read = _read(REQUEST);
        ModelMarketRequest memory r = market.request(REQUEST);
        assert(
            _is(uint160(r.requester_) == read.requester) & _is(r.reward_ == read.reward)
                & _is(r.stake_ == read.stake) & _is(r.labels_ == read.labels)
                & _is(r.minimum_matches_ == read.minimum) & _is(r.deadline_ == read.deadline)
                & _is(r.response_window_ == read.window) & _is(r.live_ == read.live)
                & _is(r.ranked_ == read.ranked) & _is(r.best_ == read.head)
                & _is(r.pages_ == read.opened) & _is(r.matched_ == read.matched) == 1
        );
        assert(r.bits_ == read.bits);
        assert(market.slashed() == read.slashed);
        if (w.stage == 0) return;
        uint256 due;
        for (uint256 id = 1; id <= 2; ++id) {
            if (w.entries[id].request == 0) continue;
            ModelMarketSubmission memory s = market.submission(id);
            assert(s.trainer_ == _trainer(id));
            assert(
                _is(s.request_id_ == w.id) & _is(s.status_ == w.entries[id].status)
                    & _is(s.matches_ == w.entries[id].matches)
                    & _is(s.ahead_ == w.entries[id].ahead)
                    & _is(s.behind_ == w.entries[id].behind) == 1
            );
            due += market.due(id);
        }
        assert(due == _owed(w));
    }

    /// What the proofs above are helped with: no product of a number of labels
    /// and their width overflows, and none of a number of pages and a minute.
    function check_division() public {
        uint256 labels = svm.createUint(23, "labels");
        uint256 width = 1 << _one_of(5);
        vm.assume(labels > 0);
        assert(_quotient(labels, width) == width);
        uint256 pages = svm.createUint(9, "pages");
        vm.assume(pages > 0);
        assert(_are_minutes(pages) == 1);
    }

    // --- What is asked ---

    function _before(World memory w, uint256 width) private {
        _fill(w, width);
        if (_asks(FORWARD) && w.stage != 0) _phase = market.phase(REQUEST);
    }

    /// That a call has nothing to do with the request, whatever is stored of
    /// it, answers every question about it.
    function _untouched(bytes32[11] memory before) private {
        bytes32[11] memory after_ = _words_stored();
        for (uint256 i; i < before.length; ++i) assert(after_[i] == before[i]);
    }

    /// Asks everything at once: each assertion would part the path.
    function _judge(World memory w) private {
        assert(w.stage != 0);
        World memory after_ = _read(REQUEST);
        after_.rest = w.rest;
        uint256 holds = 1;
        if (_asks(ONCE)) holds &= _stays_withdrawn(w, after_);
        if (_asks(CONSERVED)) holds &= _is(after_.balance == _held(after_));
        if (_asks(FORWARD)) holds &= _is_forward(_phase, market.phase(REQUEST));
        if (_asks(CONSISTENT)) holds &= _is_consistent(after_) & _is_same_terms(w, after_);
        assert(holds == 1);
    }

    /// What was withdrawn stays withdrawn.
    function _stays_withdrawn(World memory w, World memory than) private pure returns (uint256 all) {
        all = 1;
        for (uint256 id = 1; id <= 2; ++id) {
            uint256 was = _is(w.entries[id].status == WITHDRAWN);
            all &= _if(was, _is(than.entries[id].status == WITHDRAWN));
        }
    }

    function _is_forward(uint256 from, uint256 to) internal pure returns (uint256) {
        return _is(to >= from) & _is(to <= FORFEITED) & _if(_is(from > VALIDATION), _is(from == to));
    }

    function _is_same_terms(World memory w, World memory than) private pure returns (uint256) {
        return _is(w.requester == than.requester) & _is(w.deadline == than.deadline)
            & _is(w.window == than.window) & _is(w.labels == than.labels)
            & _is(w.pages == than.pages) & _is(w.reward == than.reward)
            & _is(w.stake == than.stake) & _is(w.minimum == than.minimum) & _is(w.bits == than.bits);
    }

    // --- Any arguments ---

    function _terms() private returns (ModelMarketTerms memory terms) {
        terms.dataset_ = string(svm.createBytes(59, "dataset"));
        terms.name_ = string(svm.createBytes(5, "name"));
        terms.context_ = string(svm.createBytes(7, "context"));
        terms.reward_ = svm.createUint256("its reward");
        terms.stake_ = svm.createUint256("its stake");
        terms.submission_window_ = svm.createUint256("its submission window");
        terms.response_window_ = svm.createUint256("its response window");
        terms.labels_ = svm.createUint256("its labels");
        uint256 width = _one_of(6);
        terms.bits_ = width < 5 ? 1 << width : svm.createUint256("its bits");
        // With pages of two words more would not fit the field of nine bits.
        if (width < 5) vm.assume(terms.labels_ <= (511 * PAGE_WORDS * 256) >> width);
        else vm.assume(_is_width(terms.bits_) == 0);
        terms.minimum_matches_ = svm.createUint256("its minimum");
        terms.truth_seal_ = svm.createBytes32("its truth seal");
    }

    function _is_width(uint256 bits) private pure returns (uint256) {
        return _is(bits == 1) | _is(bits == 2) | _is(bits == 4) | _is(bits == 8) | _is(bits == 16);
    }

    function _permit() private returns (ModelMarketPermit memory permit) {
        permit.deadline_ = svm.createUint256("permit deadline");
        permit.v_ = uint8(svm.createUint(8, "v"));
        permit.r_ = svm.createBytes32("r");
        permit.s_ = svm.createBytes32("s");
    }

    function _words(uint256 count) private returns (uint256[] memory words) {
        words = new uint256[](count);
        for (uint256 i; i < count; ++i) words[i] = svm.createUint256("word");
    }

    /// The one account, or any other.
    function _either(address account) private returns (address) {
        if (_one_of(2) == 0) return account;
        address other = address(uint160(svm.createUint(160, "other")));
        vm.assume(other != account && other != address(market));
        return other;
    }
}

/// `withdraw` pays what is due, and nothing a second time.
contract Once is Calls {
    function _asked() internal pure override returns (uint256) {
        return ONCE;
    }
}

/// Balance = owed + slashed + what is none of the request's.
contract Conserved is Calls {
    function _asked() internal pure override returns (uint256) {
        return CONSERVED;
    }
}

/// Phases only go forward; a final one stays.
contract Forward is Calls {
    function _asked() internal pure override returns (uint256) {
        return FORWARD;
    }
}

/// The state afterwards is again one of those that were assumed before.
contract Consistent is Calls {
    function _asked() internal pure override returns (uint256) {
        return CONSISTENT;
    }
}

/// All of it at once, as the market itself is judged; its mutants are judged
/// by one of those above.
contract Every is Calls {
    function _asked() internal pure override returns (uint256) {
        return ONCE | CONSERVED | FORWARD | CONSISTENT;
    }
}
