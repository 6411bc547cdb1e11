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
/// with up to two submissions. Truth values are words, 0 or 1, so that a
/// condition of many parts does not split the path.
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
    uint256 internal constant LIVE = 1;
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

    function setUp() public {
        coin = ModelCoin(_deploy(ModelCoinCode));
        market = ModelMarket(_deploy(bytes.concat(ModelMarketCode, abi.encode(coin))));
    }

    function _deploy(bytes memory code) private returns (address made) {
        assembly {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0));
    }

    // --- Any state ---

    /// Any consistent state at any time. In the stages of `widths` (one bit
    /// each) the labels' width and the pages that follow from it matter.
    function _any(uint256 widths) internal returns (World memory w) {
        vm.warp(svm.createUint(39, "time"));
        w.id = REQUEST;
        w.stage = _stage();
        for (uint256 id = 1; id <= 2; ++id) w.entries[id] = _entry(w.stage);
        _rank(w);
        w.live = _count(w);
        w.clock = svm.createUint(40, "clock");
        w.opened = svm.createUint(32, "opened");
        w.matched = svm.createUint(32, "matched");
        w.requester = uint160(REQUESTER);
        w.deadline = svm.createUint(40, "deadline");
        w.window = svm.createUint(24, "window");
        w.labels = svm.createUint(23, "labels");
        w.pages = svm.createUint(9, "pages");
        w.reward = svm.createUint(96, "reward");
        w.stake = svm.createUint(96, "stake");
        w.minimum = svm.createUint(32, "minimum");
        w.bits = svm.createUint(8, "bits");
        if ((widths >> w.stage) & 1 == 1) {
            w.bits = 1 << _one_of(5);
            vm.assume(w.pages == _pages(w));
        }
        w.slashed = svm.createUint(96, "slashed");
        w.rest = svm.createUint(96, "rest");
        w.balance = _owed(w) + w.slashed + w.rest;
        vm.assume(w.balance <= SUPPLY);
        for (uint256 id = 1; id <= 2; ++id) {
            // Two that are the same to every call; so it is one path.
            if (w.entries[id].status == TAKEN_OUT) {
                w.entries[id].status = TAKEN_OUT + svm.createUint(1, "or failed");
            }
        }
        vm.assume(_is_consistent(w) == 1);
        _write(w);
    }

    /// How many pages a list of labels has.
    function _pages(World memory w) internal pure returns (uint256) {
        uint256 words = (w.labels * w.bits + 255) / 256;
        return (words + PAGE_WORDS - 1) / PAGE_WORDS;
    }

    function _stage() private returns (uint256 stage) {
        stage = 1 + _one_of(7);
        if (stage >= TRUTH) ++stage; // never stored
    }

    /// An entry with any status that the stage allows; ranks come later.
    function _entry(uint256 stage) private returns (Entry memory entry) {
        entry.status = _one_of(stage > VALIDATION ? 7 : 4);
        bool claimed = stage != OPEN && stage < CANCELLED;
        if (!claimed) vm.assume(entry.status != RANKED);
        if (stage != FULFILLED) vm.assume(entry.status != WON);
        vm.assume(entry.status != FAILED); // see above
        if (entry.status == NONE) return entry;
        entry.request = REQUEST;
        entry.matches = svm.createUint(32, "matches");
        if (stage > VALIDATION) {
            entry.ahead = svm.createUint(64, "ahead");
            entry.behind = svm.createUint(64, "behind");
        }
    }

    /// Puts the claims in order.
    function _rank(World memory w) private {
        if (w.stage > VALIDATION) {
            w.head = svm.createUint(64, "head");
            w.ranked = svm.createUint(32, "ranked");
            return;
        }
        Entry memory one = w.entries[1];
        Entry memory two = w.entries[2];
        if (one.status == RANKED && two.status == RANKED) {
            w.ranked = 2;
            if (one.matches >= two.matches) {
                (w.head, one.behind, two.ahead) = (1, 2, 1);
            } else {
                (w.head, two.behind, one.ahead) = (2, 1, 2);
            }
        } else if (one.status == RANKED) {
            (w.head, w.ranked) = (1, 1);
        } else if (two.status == RANKED) {
            (w.head, w.ranked) = (2, 1);
        }
    }

    function _count(World memory w) private pure returns (uint256 live) {
        for (uint256 id = 1; id <= 3; ++id) {
            uint256 status = w.entries[id].status;
            live += _is(status == LIVE) | _is(status == RANKED) | _is(status == WON)
                | _is(status == WITHDRAWN);
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
        for (uint256 id = 1; id <= 3; ++id) {
            ranked += _is(w.entries[id].status == RANKED);
            won += _is(w.entries[id].status == WON);
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
        all &= _if(first, _is(one.behind == ordered * 2) & _is(one.ahead == turned * 2));
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

    /// What the market owes for the request, in wei: PROTOCOL's table.
    function _owed(World memory w) internal pure returns (uint256 owed) {
        for (uint256 id = 1; id <= 3; ++id) {
            uint256 status = w.entries[id].status;
            if (w.stage <= VALIDATION) {
                if (status == LIVE || status == RANKED) owed += w.stake;
            } else if (w.stage <= REFUNDED) {
                if (status == RANKED) owed += w.stake;
            } else if (status == LIVE) {
                owed += w.stake;
                if (w.stage == CANCELLED) owed += w.reward / w.live;
            }
        }
        if (w.stage <= VALIDATION) owed += w.reward;
    }

    // --- Into the slots, and out of them ---

    function _write(World memory w) private {
        address at = address(market);
        _put(at, ModelMarketSlots.request_count, bytes32(uint256(1)));
        _put(at, ModelMarketSlots.submission_count, bytes32(uint256(2)));
        _put(at, ModelMarketSlots._slashed, bytes32(w.slashed));
        bytes32 id = bytes32(REQUEST);
        _put(
            at,
            _of(ModelMarketSlots._schedules, id),
            bytes32(
                w.requester | (w.deadline << 160) | (w.window << 200) | (w.labels << 224)
                    | (w.pages << 247)
            )
        );
        _put(
            at,
            _of(ModelMarketSlots._stakes, id),
            bytes32(w.reward | (w.stake << 96) | (w.minimum << 192) | (w.bits << 224))
        );
        _put(
            at,
            _of(ModelMarketSlots._states, id),
            bytes32(
                w.stage | (w.clock << 8) | (w.live << 48) | (w.ranked << 80) | (w.head << 112)
                    | (w.opened << 176) | (w.matched << 208)
            )
        );
        _put(at, _of(ModelMarketSlots.truth_seals, id), svm.createBytes32("truth seal"));
        _put(at, _of(ModelMarketSlots.terms_hashes, id), svm.createBytes32("terms hash"));
        for (uint256 i = 1; i <= 2; ++i) {
            Entry memory entry = w.entries[i];
            if (entry.request == 0) continue;
            _put(
                at,
                _of(ModelMarketSlots._entries, bytes32(i)),
                bytes32(
                    entry.status | (entry.request << 8) | (entry.matches << 72)
                        | (entry.ahead << 104) | (entry.behind << 168)
                )
            );
            _put(at, _of(ModelMarketSlots._trainers, bytes32(i)), _key(_trainer(i)));
            _put(at, _of(ModelMarketSlots._seals, bytes32(i)), svm.createBytes32("seal"));
            _put(at, _of(ModelMarketSlots._sealed, bytes32(i)), svm.createBytes32("sealed"));
        }
        bytes32 key = _key(address(market));
        _put(address(coin), _of(ModelCoinSlots.balanceOf, key), bytes32(w.balance));
    }

    /// Gives an account any sum, and the market any allowance of it.
    function _fund(address account) internal {
        uint256 funds = svm.createUint(96, "funds");
        vm.assume(funds + coin.balanceOf(address(market)) <= SUPPLY);
        bytes32 key = _key(account);
        _put(address(coin), _of(ModelCoinSlots.balanceOf, key), bytes32(funds));
        bytes32 inner = _of(ModelCoinSlots.allowance, key);
        bytes32 slot = _of(uint256(inner), _key(address(market)));
        _put(address(coin), slot, svm.createBytes32("allowance"));
    }

    /// Makes the stranger an operator of a trainer, or not.
    function _appoint(address trainer) internal {
        bytes32 inner = _of(ModelMarketSlots.is_operator, _key(trainer));
        bytes32 slot = _of(uint256(inner), _key(STRANGER));
        _put(address(market), slot, bytes32(svm.createUint(1, "operator")));
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
        bytes32[11] memory at = _slots();
        for (uint256 i; i < at.length; ++i) {
            bytes32 word = svm.createBytes32("word");
            // No submission is of a request that is not there yet.
            if (i == 5 || i == 8) vm.assume(uint64(uint256(word) >> 8) <= REQUEST);
            _put(address(market), at[i], word);
        }
        _put(address(market), ModelMarketSlots.request_count, bytes32(uint256(1)));
        _put(address(market), ModelMarketSlots.submission_count, bytes32(uint256(2)));
        w.slashed = svm.createUint(96, "slashed");
        w.balance = svm.createUint(96, "balance");
        vm.assume(w.slashed <= w.balance);
        vm.assume(w.balance <= SUPPLY);
        _put(address(market), ModelMarketSlots._slashed, bytes32(w.slashed));
        _put(address(coin), _of(ModelCoinSlots.balanceOf, _key(address(market))), bytes32(w.balance));
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
            if (entry.request != id) continue;
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

    function _put(address at, uint256 slot, bytes32 value) private {
        vm.store(at, bytes32(slot), value);
    }

    function _put(address at, bytes32 slot, bytes32 value) private {
        vm.store(at, slot, value);
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

    /// Whether one condition holds if another does.
    function _if(uint256 condition, uint256 then) internal pure returns (uint256) {
        return (condition ^ 1) | then;
    }
}
