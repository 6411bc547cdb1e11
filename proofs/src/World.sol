// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    ModelCoin,
    ModelCoinCode,
    ModelCoinSlots,
    ModelMarket,
    ModelMarketCode,
    ModelMarketSlots
} from "./Market.sol";

/// What halmos knows of forge's cheat codes.
interface Vm {
    function assume(bool condition) external;
    function load(address account, bytes32 slot) external returns (bytes32);
    function prank(address caller) external;
    function store(address account, bytes32 slot, bytes32 value) external;
    function warp(uint256 time) external;
}

/// And of its own.
interface Svm {
    function createBool(string memory name) external returns (bool);
    function createBytes(uint256 size, string memory name) external returns (bytes memory);
    function createBytes32(string memory name) external returns (bytes32);
    function createUint(uint256 bits, string memory name) external returns (uint256);
    function createUint256(string memory name) external returns (uint256);
    function enableSymbolicStorage(address account) external;
}

/// A submission's slot. Status 0: the request has no such submission.
struct Entry {
    uint256 status;
    uint256 request;
    uint256 matches;
    uint256 ahead;
    uint256 behind;
}

/// All that is stored of a request and of its submissions 1 to 3, and what
/// the market holds.
struct World {
    uint256 id;
    // Those in which a call may succeed, a bit each.
    uint256 stages;
    // The state word.
    uint256 stage;
    uint256 clock;
    uint256 live;
    uint256 ranked;
    uint256 head;
    uint256 opened;
    uint256 matched;
    // The schedule.
    uint256 requester;
    uint256 deadline;
    uint256 window;
    uint256 labels;
    uint256 pages;
    // The stakes.
    uint256 reward;
    uint256 stake;
    uint256 minimum;
    uint256 bits;
    // The submissions; the first place stays empty.
    Entry[4] entries;
    // What the market holds, and of that for good.
    uint256 balance;
    uint256 slashed;
    // Of other requests, or sent by strangers.
    uint256 rest;
}

/// The market on its bytecode, in any state that is consistent: one request
/// with up to two submissions. Truth values are words, 0 or 1, and nothing that
/// cannot overflow is checked for it, so that a condition of many parts does
/// not split the path.
abstract contract Market {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Svm internal constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

    // The phases and the statuses, as docs/protocol.md numbers them.
    uint256 internal constant OPEN = 1;
    uint256 internal constant TRUTH = 2;
    uint256 internal constant CLAIMS = 3;
    uint256 internal constant VALIDATION = 4;
    uint256 internal constant FULFILLED = 5;
    uint256 internal constant REFUNDED = 6;
    uint256 internal constant CANCELLED = 7;
    uint256 internal constant FORFEITED = 8;

    uint256 internal constant NONE = 0;
    uint256 internal constant SUBMITTED = 1;
    uint256 internal constant RANKED = 2;
    uint256 internal constant TAKEN_OUT = 3;
    uint256 internal constant FAILED = 4;
    uint256 internal constant WON = 5;
    uint256 internal constant WITHDRAWN = 6;

    uint256 internal constant REQUEST = 1;
    uint256 internal constant PAGE_WORDS = 2;
    uint256 internal constant SUPPLY = 1_000_000 * 10 ** 18;
    uint256 internal constant MOST_LABELS = 2 ** 22;

    address internal constant REQUESTER = address(0x1001);
    address internal constant ONE = address(0x1002);
    address internal constant TWO = address(0x1003);
    address internal constant STRANGER = address(0x1004);

    ModelCoin internal coin;
    ModelMarket internal market;

    /// Whatever is not written below may hold anything.
    function setUp() public {
        coin = ModelCoin(_deploy(ModelCoinCode));
        market = ModelMarket(_deploy(bytes.concat(ModelMarketCode, abi.encode(coin))));
        svm.enableSymbolicStorage(address(coin));
        svm.enableSymbolicStorage(address(market));
    }

    function _deploy(bytes memory code) private returns (address made) {
        assembly {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0));
    }

    // --- Any state ---

    /// The stage, one of `stages` (a bit each), and what has become of the
    /// submissions: each combination on a path of its own. Then, as stage 0,
    /// all other stages together, in which the call has to revert. Paths part
    /// before anything else is done, since what was done is copied at each
    /// parting.
    function _any_shape(uint256 stages) internal returns (World memory w) {
        w.id = REQUEST;
        w.stages = stages;
        w.stage = _one_of(9);
        vm.assume(w.stage == 0 || (stages >> w.stage) & 1 == 1);
        if (w.stage == 0) return w;
        for (uint256 id = 1; id <= 2; ++id) {
            uint256 status = _one_of(w.stage > VALIDATION ? 7 : 4);
            w.entries[id].status = status;
            if (w.stage == OPEN || w.stage >= CANCELLED) vm.assume(status != RANKED);
            if (w.stage != FULFILLED) vm.assume(status != WON);
            vm.assume(status != FAILED); // see `_fill`
            w.entries[id].request = status == NONE ? 0 : REQUEST;
        }
        if (w.stage == VALIDATION) {
            vm.assume(w.entries[1].status == RANKED || w.entries[2].status == RANKED);
        }
        if (w.stage == FULFILLED) {
            vm.assume((w.entries[1].status == WON) != (w.entries[2].status == WON));
        }
        w.live = _count(w);
        if (w.stage <= VALIDATION) _rank(w);
    }

    /// Puts the claims in either order.
    function _rank(World memory w) private {
        Entry memory one = w.entries[1];
        Entry memory two = w.entries[2];
        if (one.status == RANKED && two.status == RANKED) {
            w.ranked = 2;
            if (_one_of(2) == 0) (w.head, one.behind, two.ahead) = (1, 2, 1);
            else (w.head, two.behind, one.ahead) = (2, 1, 2);
        } else if (one.status == RANKED) {
            (w.head, w.ranked) = (1, 1);
        } else if (two.status == RANKED) {
            (w.head, w.ranked) = (2, 1);
        }
    }

    /// Makes a shape a consistent state at any time, and stores it. With
    /// `width` 0 the labels' width may be anything; it does not matter then.
    function _fill(World memory w, uint256 width) internal {
        vm.warp(svm.createUint(39, "time"));
        if (w.stage == 0) return _fill_elsewhere(w.stages);
        w.requester = uint160(REQUESTER);
        uint256 word = svm.createUint256("schedule");
        w.deadline = uint40(word);
        w.window = uint24(word >> 40);
        w.labels = uint32(word >> 64) & (2 ** 23 - 1);
        w.pages = uint16(word >> 96) & (2 ** 9 - 1);
        word = svm.createUint256("stakes");
        w.reward = uint96(word);
        w.stake = uint96(word >> 96);
        w.minimum = uint32(word >> 192);
        w.bits = width == 0 ? uint8(word >> 224) : width;
        if (width != 0) vm.assume(w.pages == _pages(w));
        word = svm.createUint256("state");
        w.clock = uint40(word);
        w.opened = uint32(word >> 40);
        w.matched = uint32(word >> 72);
        if (w.stage > VALIDATION) {
            w.ranked = uint32(word >> 104);
            w.head = uint64(word >> 136);
        }
        word = svm.createUint256("held");
        w.slashed = uint96(word);
        w.rest = uint96(word >> 96);
        w.balance = _held(w);
        vm.assume(w.balance <= SUPPLY);
        for (uint256 id = 1; id <= 2; ++id) {
            if (w.entries[id].status != NONE) _fill(w.entries[id], w.stage > VALIDATION);
        }
        vm.assume(_is_consistent(w) == 1);
        vm.assume(_are_minutes(w.pages) == 1);
        if (width != 0) vm.assume(_quotient(w.labels, width) == width);
        _write(w);
    }

    /// What Vyper computes for the minutes of further pages, proved in
    /// `check_division` too.
    function _are_minutes(uint256 pages) internal pure returns (uint256) {
        uint256 quotient;
        assembly {
            quotient := div(mul(60, sub(pages, 1)), 60)
        }
        unchecked {
            return _is(quotient == pages - 1);
        }
    }

    /// What Vyper computes to see whether a product has overflowed. That it is
    /// the width `check_division` proves once, instead of each path again.
    function _quotient(uint256 labels, uint256 width) internal pure returns (uint256 quotient) {
        assembly {
            quotient := div(mul(labels, width), labels)
        }
    }

    /// Any words at all, but for the stage, whose submissions they are, and that
    /// claims are not before the deadline.
    function _fill_elsewhere(uint256 stages) private {
        bytes32 id = bytes32(REQUEST);
        uint256 word = svm.createUint256("schedule");
        uint256 deadline = uint40(word >> 160);
        _put(_of(ModelMarketSlots._schedules, id), word);
        word = svm.createUint256("state");
        uint256 stage = uint8(word);
        vm.assume(stage >= OPEN && stage <= FORFEITED && stage != TRUTH);
        vm.assume((stages >> stage) & 1 == 0);
        uint256 running = _is(stage == CLAIMS) | _is(stage == VALIDATION);
        vm.assume(_if(running, _is(block.timestamp >= deadline)) == 1);
        _put(_of(ModelMarketSlots._states, id), word);
        for (uint256 i = 1; i <= 2; ++i) {
            word = svm.createUint256("entry");
            word = (word & ~uint256(2 ** 72 - 2 ** 8)) | (REQUEST << 8);
            _put(_of(ModelMarketSlots._entries, bytes32(i)), word);
            _put(_of(ModelMarketSlots._trainers, bytes32(i)), uint160(_trainer(i)));
        }
    }

    function _fill(Entry memory entry, bool is_over) private {
        uint256 word = svm.createUint256("entry");
        entry.matches = uint32(word);
        // Cancelled in time or failed is the same to every call: one path.
        if (entry.status == TAKEN_OUT) entry.status += (word >> 32) & 1;
        if (!is_over) return;
        entry.ahead = uint64(word >> 64);
        entry.behind = uint64(word >> 128);
    }

    /// How many pages a list of labels has.
    function _pages(World memory w) internal pure returns (uint256) {
        // No overflow: 23 bits of labels, 8 of their width.
        unchecked {
            uint256 words = (w.labels * w.bits + 255) / 256;
            return (words + PAGE_WORDS - 1) / PAGE_WORDS;
        }
    }

    function _count(World memory w) private pure returns (uint256 live) {
        unchecked {
            for (uint256 id = 1; id <= 3; ++id) {
                uint256 status = w.entries[id].status;
                live += _is(status == SUBMITTED) | _is(status == RANKED) | _is(status == WON)
                    | _is(status == WITHDRAWN);
            }
        }
    }

    // --- What holds in every state ---

    /// Whether a state is one that the market can be in: what is assumed
    /// before a call, and proved again after it.
    function _is_consistent(World memory w) internal view returns (uint256) {
        return _is(w.stage >= OPEN) & _is(w.stage <= FORFEITED) & _is(w.stage != TRUTH)
            & _terms_hold(w) & _clock_holds(w) & _pages_hold(w) & _entries_hold(w)
            & _counts_hold(w) & _ranking_holds(w) & _candidate_holds(w);
    }

    function _terms_hold(World memory w) private pure returns (uint256) {
        return _is(w.reward > 0) & _is(w.stake > 0) & _is(w.labels > 0)
            & _is(w.labels <= MOST_LABELS) & _is(w.minimum <= w.labels) & _is(w.pages > 0)
            & _is(w.window >= 60) & _is(w.window <= 7 days)
            & _is(w.deadline < 2 ** 39 + 366 days);
    }

    /// Until the truth is open the clock stands at the deadline; afterwards it
    /// was set to the time of a call.
    function _clock_holds(World memory w) private view returns (uint256) {
        uint256 sealed_ = _is(w.stage == OPEN);
        uint256 running = _is(w.stage == CLAIMS) | _is(w.stage == VALIDATION);
        return _if(sealed_, _is(w.clock == w.deadline))
            & _if(running, _is(w.clock >= w.deadline) & _is(w.clock <= block.timestamp));
    }

    function _pages_hold(World memory w) private view returns (uint256) {
        uint256 sealed_ = _is(w.stage == OPEN);
        uint256 claims = _is(w.stage == CLAIMS);
        uint256 validation = _is(w.stage == VALIDATION);
        return _if(sealed_ | validation, _is(w.opened < w.pages))
            & _if(sealed_ & _is(w.opened > 0), _is(block.timestamp >= w.deadline))
            & _if(claims, _is(w.opened == 0)) & _if(sealed_ | claims, _is(w.matched == 0));
    }

    function _entries_hold(World memory w) private pure returns (uint256 all) {
        all = 1;
        uint256 active = _is(w.stage <= VALIDATION);
        uint256 unclaimed = _is(w.stage == OPEN) | _is(w.stage >= CANCELLED);
        for (uint256 id = 1; id <= 3; ++id) {
            uint256 status = w.entries[id].status;
            all &= _if(active, _is(status <= FAILED)) & _is(status <= WITHDRAWN);
            all &= _if(unclaimed, _is(status != RANKED));
            all &= _if(_is(status != NONE), _is(w.entries[id].request == w.id));
            all &= _is(w.entries[id].matches <= w.labels);
        }
    }

    function _counts_hold(World memory w) private pure returns (uint256) {
        uint256 ranked;
        uint256 won;
        unchecked {
            for (uint256 id = 1; id <= 3; ++id) {
                ranked += _is(w.entries[id].status == RANKED);
                won += _is(w.entries[id].status == WON);
            }
        }
        return _is(w.live == _count(w)) & _if(_is(w.stage <= VALIDATION), _is(w.ranked == ranked))
            & _is(won == _is(w.stage == FULFILLED)) & _if(_is(w.stage == FORFEITED), _is(w.live > 0));
    }

    /// The claims stand best first, the earlier before the later.
    function _ranking_holds(World memory w) private pure returns (uint256 all) {
        Entry memory one = w.entries[1];
        Entry memory two = w.entries[2];
        uint256 first = _is(one.status == RANKED);
        uint256 second = _is(two.status == RANKED);
        uint256 ordered = first & second & _is(one.matches >= two.matches);
        uint256 turned = first & second & _is(one.matches < two.matches);
        all = _is(w.entries[3].status != RANKED);
        all &= _if(first, _is(one.behind == ordered << 1) & _is(one.ahead == turned << 1));
        all &= _if(second, _is(two.behind == turned) & _is(two.ahead == ordered));
        all &= _if(first & (turned ^ 1), _is(w.head == 1));
        all &= _if(second & (ordered ^ 1), _is(w.head == 2));
        all &= _if((first | second) ^ 1, _is(w.head == 0));
        return _if(_is(w.stage <= VALIDATION), all);
    }

    /// In validation there is a candidate, and the threshold lets it in.
    function _candidate_holds(World memory w) private pure returns (uint256) {
        uint256 one = _is(w.head == 1) & _is(w.entries[1].matches >= w.minimum);
        uint256 two = _is(w.head == 2) & _is(w.entries[2].matches >= w.minimum);
        return _if(_is(w.stage == VALIDATION), one | two);
    }

    /// What the market owes for the request, in wei: the table in docs/protocol.md.
    function _owed(World memory w) internal pure returns (uint256 owed) {
        uint256 active = _is(w.stage <= VALIDATION);
        uint256 judged = _is(w.stage == FULFILLED) | _is(w.stage == REFUNDED);
        uint256 cancelled = _is(w.stage == CANCELLED);
        uint256 given_up = cancelled | _is(w.stage == FORFEITED);
        (uint256 reward, uint256 live) = (w.reward, w.live);
        uint256 share;
        assembly {
            share := div(reward, live)
        }
        unchecked {
            owed = _where(active, reward);
            for (uint256 id = 1; id <= 3; ++id) {
                uint256 lives = _is(w.entries[id].status == SUBMITTED);
                uint256 ranks = _is(w.entries[id].status == RANKED);
                uint256 staked = (active & (lives | ranks)) | (judged & ranks) | (given_up & lives);
                owed += _where(staked, w.stake) + _where(cancelled & lives, share);
            }
        }
    }

    /// What the market holds by these books, in wei.
    function _held(World memory w) internal pure returns (uint256) {
        unchecked {
            return _owed(w) + w.slashed + w.rest;
        }
    }

    // --- Into the slots, and out of them ---

    function _write(World memory w) private {
        bytes32 id = bytes32(REQUEST);
        _put(
            _of(ModelMarketSlots._schedules, id),
            w.requester | (w.deadline << 160) | (w.window << 200) | (w.labels << 224)
                | (w.pages << 247)
        );
        _put(
            _of(ModelMarketSlots._stakes, id),
            w.reward | (w.stake << 96) | (w.minimum << 192) | (w.bits << 224)
        );
        _put(
            _of(ModelMarketSlots._states, id),
            w.stage | (w.clock << 8) | (w.live << 48) | (w.ranked << 80) | (w.head << 112)
                | (w.opened << 176) | (w.matched << 208)
        );
        for (uint256 i = 1; i <= 2; ++i) {
            Entry memory entry = w.entries[i];
            _put(
                _of(ModelMarketSlots._entries, bytes32(i)),
                entry.request == 0
                    ? 0
                    : entry.status | (entry.request << 8) | (entry.matches << 72)
                        | (entry.ahead << 104) | (entry.behind << 168)
            );
            if (entry.request == 0) continue;
            _put(_of(ModelMarketSlots._trainers, bytes32(i)), uint160(_trainer(i)));
        }
        _put_rest(w);
    }

    /// The counts, what the market holds, and no third submission yet.
    function _put_rest(World memory w) private {
        _put(bytes32(ModelMarketSlots.request_count), 1);
        _put(bytes32(ModelMarketSlots.submission_count), 2);
        _put(_of(ModelMarketSlots._entries, bytes32(uint256(3))), 0);
        _put(bytes32(ModelMarketSlots._slashed), w.slashed);
        bytes32 slot = _of(ModelCoinSlots.balanceOf, _key(address(market)));
        vm.store(address(coin), slot, bytes32(w.balance));
    }

    /// Makes the third submission one of another request.
    function _put_foreign() internal {
        uint256 word = svm.createUint256("foreign");
        vm.assume(uint64(word >> 8) != REQUEST);
        _put(_of(ModelMarketSlots._entries, bytes32(uint256(3))), word);
    }

    function _trainer(uint256 id) internal pure returns (address) {
        return id == 1 ? ONE : TWO;
    }

    function _key(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    /// Any words at all where the request and its submissions are stored.
    function _any_words() internal returns (World memory w) {
        vm.warp(svm.createUint(39, "time"));
        w.slashed = svm.createUint(96, "slashed");
        w.balance = svm.createUint(96, "balance");
        vm.assume(w.slashed <= w.balance);
        vm.assume(w.balance <= SUPPLY);
        _put_rest(w);
        bytes32[11] memory words = _words_stored();
        // No submission is of a request that is not there yet.
        vm.assume(uint64(uint256(words[5]) >> 8) <= REQUEST);
        vm.assume(uint64(uint256(words[8]) >> 8) <= REQUEST);
    }

    /// Where the request and its submissions are stored.
    function _slots() private pure returns (bytes32[11] memory at) {
        bytes32 id = bytes32(REQUEST);
        at[0] = _of(ModelMarketSlots._schedules, id);
        at[1] = _of(ModelMarketSlots._stakes, id);
        at[2] = _of(ModelMarketSlots._states, id);
        at[3] = _of(ModelMarketSlots.truth_seals, id);
        at[4] = _of(ModelMarketSlots.terms_hashes, id);
        for (uint256 i = 1; i <= 2; ++i) {
            at[3 * i + 2] = _of(ModelMarketSlots._entries, bytes32(i));
            at[3 * i + 3] = _of(ModelMarketSlots._trainers, bytes32(i));
            at[3 * i + 4] = _of(ModelMarketSlots._seals, bytes32(i));
        }
    }

    /// Everything that is stored of the request and its submissions.
    function _words_stored() internal returns (bytes32[11] memory words) {
        bytes32[11] memory at = _slots();
        for (uint256 i; i < at.length; ++i) words[i] = vm.load(address(market), at[i]);
    }

    /// The request and its submissions as they are stored now.
    function _read(uint256 id) internal returns (World memory w) {
        w.id = id;
        bytes32 key = bytes32(id);
        uint256 word = _get(_of(ModelMarketSlots._schedules, key));
        w.requester = uint160(word);
        w.deadline = uint40(word >> 160);
        w.window = uint24(word >> 200);
        w.labels = (word >> 224) & (2 ** 23 - 1);
        w.pages = word >> 247;
        word = _get(_of(ModelMarketSlots._stakes, key));
        w.reward = uint96(word);
        w.stake = uint96(word >> 96);
        w.minimum = uint32(word >> 192);
        w.bits = word >> 224;
        word = _get(_of(ModelMarketSlots._states, key));
        w.stage = uint8(word);
        w.clock = uint40(word >> 8);
        w.live = uint32(word >> 48);
        w.ranked = uint32(word >> 80);
        w.head = uint64(word >> 112);
        w.opened = uint32(word >> 176);
        w.matched = word >> 208;
        for (uint256 i = 1; i <= 3; ++i) {
            word = _get(_of(ModelMarketSlots._entries, bytes32(i)));
            Entry memory entry = w.entries[i];
            entry.request = uint64(word >> 8);
            word = _where(_is(entry.request == id), word);
            entry.status = uint8(word);
            entry.matches = uint32(word >> 72);
            entry.ahead = uint64(word >> 104);
            entry.behind = word >> 168;
        }
        w.slashed = _get(bytes32(ModelMarketSlots._slashed));
        w.balance = coin.balanceOf(address(market));
    }

    function _get(bytes32 slot) private returns (uint256) {
        return uint256(vm.load(address(market), slot));
    }

    function _put(bytes32 slot, uint256 word) private {
        vm.store(address(market), slot, bytes32(word));
    }

    /// Where Vyper keeps an entry of a mapping.
    function _of(uint256 slot, bytes32 key) private pure returns (bytes32) {
        return keccak256(abi.encode(slot, key));
    }

    // --- Small things ---

    /// Any number below `count`, each on a path of its own.
    function _one_of(uint256 count) internal returns (uint256) {
        uint256 choice = svm.createUint(8, "choice");
        for (uint256 i; i + 1 < count; ++i) {
            if (choice == i) return i;
        }
        return count - 1;
    }

    function _is(bool condition) internal pure returns (uint256 flag) {
        assembly {
            flag := condition
        }
    }

    /// A word where a condition holds, elsewhere nothing.
    function _where(uint256 condition, uint256 word) internal pure returns (uint256) {
        unchecked {
            return word & (0 - condition);
        }
    }

    /// Whether one condition holds if another does.
    function _if(uint256 condition, uint256 then) internal pure returns (uint256) {
        return (condition ^ 1) | then;
    }
}
