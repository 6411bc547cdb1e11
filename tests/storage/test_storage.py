# SPDX-License-Identifier: Apache-2.0
"""CIDs, the store, CAR files, the gateway and fetching."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelmarket.errors import InputError, NotFoundError, StorageError
from modelmarket.storage import car, unixfs
from modelmarket.storage import store as store_module
from modelmarket.storage.cid import DAG_PB, RAW, Cid
from modelmarket.storage.fetch import fetch
from modelmarket.storage.gateway import application
from modelmarket.storage.store import Store
from modelmarket.system.serving import serving

MIB = 2**20
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "cids.json").read_text())
"""Made by another implementation: see scripts/oracle/cids.mjs."""


def chunks(size: int) -> Iterator[bytes]:
    """The vectors' content: chunk k is the number k, repeated."""
    for k, at in enumerate(range(0, max(size, 1), MIB)):
        yield (struct.pack(">I", k) * (MIB // 4))[: min(MIB, size - at)]


def write(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.writelines(chunks(size))
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def other(tmp_path: Path) -> Store:
    return Store(tmp_path / "other")


@pytest.fixture
def gateway(store: Store) -> Iterator[str]:
    with serving(application(store)) as address:
        yield address


def folder(tmp_path: Path) -> Path:
    for name, size in VECTORS["folder"]["files"].items():
        write(tmp_path / "folder" / name, size)
    return tmp_path / "folder"


@pytest.mark.parametrize(
    "vector",
    [v for v in VECTORS["files"] if v["size"] <= 300 * MIB],
    ids=lambda v: v["name"],
)
def test_files_have_the_cids_of_the_oracle(
    store: Store, tmp_path: Path, vector: dict[str, Any]
) -> None:
    added = store.add(write(tmp_path / "file", vector["size"]))
    assert (str(added.cid), added.size) == (vector["cid"], vector["size"])


def test_a_tree_of_two_levels_has_the_cid_of_the_oracle() -> None:
    vector = next(v for v in VECTORS["files"] if v["name"] == "1,025 chunks")
    root, nodes = unixfs.tree([unixfs.leaf(one) for one in chunks(vector["size"])])
    assert (str(root.cid), root.size) == (vector["cid"], vector["size"])
    assert len(nodes) == 3


def test_a_folder_has_the_cid_of_the_oracle(store: Store, tmp_path: Path) -> None:
    assert str(store.add(folder(tmp_path)).cid) == VECTORS["folder"]["cid"]


def test_a_folder_comes_out_as_it_went_in(store: Store, tmp_path: Path) -> None:
    added = store.add(folder(tmp_path))
    out = store.export(added.cid, tmp_path / "out")
    for name, size in VECTORS["folder"]["files"].items():
        assert (out / name).read_bytes() == b"".join(chunks(size))
    with pytest.raises(InputError, match="exists already"):
        store.export(added.cid, tmp_path / "out")


@given(st.binary(max_size=100))
def test_cids_are_written_as_they_are_read(block: bytes) -> None:
    for codec in (RAW, DAG_PB):
        cid = Cid.of(block, codec)
        assert Cid.parse(str(cid)) == cid == Cid.from_bytes(bytes(cid))
    old = Cid(DAG_PB, cid.digest, version=0)
    assert Cid.parse(str(old)) == old
    assert str(old).startswith("Qm")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        "bafy",
        "x" * 59,
        "Qm" + "0" * 44,
        "BAFKREI",
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvykU",
        "../../etc/passwd",
    ],
)
def test_what_is_no_cid_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a CID"):
        Cid.parse(text)


@given(st.binary(max_size=200))
def test_blocks_of_rubbish_are_errors_and_nothing_worse(block: bytes) -> None:
    cid = Cid.of(block, DAG_PB)
    try:
        unixfs.decode(cid, block)
    except StorageError:
        pass


@given(st.binary(max_size=300))
def test_cars_of_rubbish_are_errors_and_nothing_worse(data: bytes) -> None:
    with pytest.raises(StorageError):
        list(car.read(BytesIO(data or b"\x00")))


def test_a_car_carries_a_folder_to_another_store(
    store: Store, other: Store, tmp_path: Path
) -> None:
    added = store.add(folder(tmp_path))
    path = tmp_path / "folder.car"
    with path.open("wb") as file:
        file.writelines(store.export_car(added.cid))
    assert other.import_car(path, added.cid).size == added.size
    assert list(other.blocks(added.cid)) == list(store.blocks(added.cid))


@pytest.mark.parametrize("how", ["flipped", "cut"])
def test_a_damaged_car_is_refused(
    store: Store, other: Store, tmp_path: Path, how: str
) -> None:
    added = store.add(write(tmp_path / "file", 3 * MIB))
    data = bytearray(b"".join(store.export_car(added.cid)))
    if how == "flipped":
        data[-1] ^= 1
    else:
        del data[-10:]
    path = tmp_path / "bad.car"
    path.write_bytes(data)
    with pytest.raises(StorageError):
        other.import_car(path, added.cid)
    assert not other.has(added.cid)


def test_a_car_that_lacks_a_block_says_which(
    store: Store, other: Store, tmp_path: Path
) -> None:
    added = store.add(write(tmp_path / "file", 2 * MIB))
    first = next(iter(store.blocks(added.cid)))
    path = tmp_path / "part.car"
    path.write_bytes(b"".join(car.write(added.cid, [first])))
    with pytest.raises(NotFoundError, match="does not hold the block bafkrei"):
        other.import_car(path, added.cid)


def test_a_damaged_file_is_noticed_when_it_is_read(
    store: Store, tmp_path: Path
) -> None:
    added = store.add(write(tmp_path / "file", 2 * MIB))
    path = store.path(added.cid)
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)
    with pytest.raises(StorageError, match="its hash differs"):
        list(store.read(added.cid))


def test_links_and_special_files_are_not_followed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "link").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        store.add(tmp_path / "dir")


def test_a_missing_path_says_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no file or folder"):
        store.add(tmp_path / "nowhere")


def test_nothing_is_left_behind_by_an_addition_that_fails(
    store: Store, tmp_path: Path
) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.add(write(tmp_path / "file", 2 * MIB), progress=stop)
    assert list((tmp_path / "store" / "objects").iterdir()) == []


# --- the gateway ---


def test_the_gateway_serves_blocks_cars_and_files(
    store: Store, gateway: str, tmp_path: Path
) -> None:
    added = store.add(folder(tmp_path))
    address = f"{gateway}/ipfs/{added.cid}"
    raw = httpx.get(address, params={"format": "raw"})
    assert raw.content == store.block(added.cid)
    assert raw.headers["content-type"] == "application/vnd.ipld.raw"
    whole = httpx.get(address, headers={"accept": "application/vnd.ipld.car"})
    assert whole.content == b"".join(store.export_car(added.cid))
    block = httpx.get(address, params={"format": "car", "dag-scope": "block"})
    assert len(list(car.read(BytesIO(block.content)))) == 1
    file = httpx.get(f"{address}/sub/b.bin")
    assert file.content == b"".join(chunks(MIB + 7))
    assert file.headers["content-disposition"] == "attachment"
    assert file.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=5-", 5, MIB + 6),
        ("bytes=-3", MIB + 4, MIB + 6),
        ("bytes=1048570-1048580", MIB - 6, MIB + 4),
        ("bytes=9-99999999", 9, MIB + 6),
    ],
)
def test_the_gateway_serves_ranges(
    store: Store, gateway: str, tmp_path: Path, asked: str, first: int, last: int
) -> None:
    added = store.add(write(tmp_path / "file", MIB + 7))
    answer = httpx.get(f"{gateway}/ipfs/{added.cid}", headers={"range": asked})
    assert answer.status_code == 206
    assert answer.content == b"".join(chunks(MIB + 7))[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{MIB + 7}"


def test_a_range_behind_the_end_is_refused(
    store: Store, gateway: str, tmp_path: Path
) -> None:
    added = store.add(write(tmp_path / "file", 10))
    answer = httpx.get(f"{gateway}/ipfs/{added.cid}", headers={"range": "bytes=10-"})
    assert answer.status_code == 416


def test_the_gateway_knows_no_other_address(
    store: Store, gateway: str, tmp_path: Path
) -> None:
    added = store.add(folder(tmp_path))
    unknown = Cid.of(b"unknown", RAW)
    for path, status in {
        f"/ipfs/{unknown}": 404,
        f"/ipfs/{added.cid}/nothing": 404,
        "/ipfs/rubbish": 400,
        f"/ipfs/{added.cid}": 400,
        "/": 404,
        "/ipfs/": 404,
        f"/ipfs/{added.cid}/../../store": 404,
        f"/ipfs/{added.cid}/%2e%2e/x": 404,
    }.items():
        assert httpx.get(gateway + path).status_code == status, path
    assert httpx.post(f"{gateway}/ipfs/{added.cid}").status_code == 405


# --- fetching ---


def test_fetching_brings_everything(
    store: Store, other: Store, gateway: str, tmp_path: Path
) -> None:
    added = store.add(folder(tmp_path))
    got = fetch(other, added.cid, [gateway])
    assert got.size == added.size
    assert list(other.blocks(added.cid)) == list(store.blocks(added.cid))


def test_fetching_one_entry_leaves_the_others(
    store: Store, other: Store, gateway: str, tmp_path: Path
) -> None:
    added = store.add(folder(tmp_path))
    fetch(other, added.cid, [gateway], only="a.txt")
    assert other.read_bytes(other.resolve(added.cid, "a.txt")) == b"\0" * 5
    with pytest.raises(NotFoundError):
        other.read_bytes(other.resolve(added.cid, "sub/empty"))


def test_a_listing_tells_names_and_sizes_and_brings_no_large_file(
    store: Store, other: Store, gateway: str, tmp_path: Path
) -> None:
    added = store.add(write(folder(tmp_path) / "large", 3 * MIB).parent)
    taken: list[int] = []
    fetch(other, added.cid, [gateway], listing=True, progress=taken.append)
    assert other.listing(added.cid) == store.listing(added.cid)
    told = {one.path: (one.size, one.is_folder) for one in other.listing(added.cid)}
    assert told["large"] == (3 * MIB, False)
    assert told["sub"] == (0, True)
    assert sum(taken) < MIB
    assert other.holds(other.resolve(added.cid, "large")) is None
    fetch(other, added.cid, [gateway], only="large")
    assert other.holds(other.resolve(added.cid, "large")) == 3 * MIB


@pytest.mark.parametrize("part", [{"listing": True}, {"only": "a.txt"}])
def test_what_came_in_part_is_not_here_until_the_rest_came_too(
    store: Store, other: Store, gateway: str, tmp_path: Path, part: dict[str, Any]
) -> None:
    added = store.add(write(folder(tmp_path) / "large", 3 * MIB).parent)
    assert not other.has_all(added.cid)
    fetch(other, added.cid, [gateway], **part)
    assert other.has(added.cid)
    assert not other.has_all(added.cid)
    with pytest.raises(NotFoundError, match="is not in this store"):
        other.entries(added.cid)
    assert other.has_all(other.resolve(added.cid, "a.txt"))
    fetch(other, added.cid, [gateway])
    assert other.has_all(added.cid)
    assert other.entries(added.cid) == store.entries(added.cid)


def test_names_in_a_folder_lead_to_what_is_there(store: Store, tmp_path: Path) -> None:
    added = store.add(folder(tmp_path))
    links = store.links(added.cid)
    assert set(links) == {one.path for one in store.listing(added.cid)}
    assert links["a.txt"] == store.resolve(added.cid, "a.txt")
    with pytest.raises(StorageError, match="is no folder"):
        store.links(links["a.txt"])
    with pytest.raises(NotFoundError):
        store.links(
            Cid.parse("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
        )


def test_the_size_of_what_was_added_is_known_without_a_look(
    store: Store, other: Store, gateway: str, tmp_path: Path
) -> None:
    added = store.add(folder(tmp_path))
    assert store.size(added.cid) == added.size
    assert added.size == sum(one.size for one in store.entries(added.cid))
    fetch(other, added.cid, [gateway], only="a.txt")
    assert other.size(added.cid) is None
    fetch(other, added.cid, [gateway])
    assert other.size(added.cid) == added.size


def test_a_file_is_no_listing_and_its_first_block_tells_its_size(
    store: Store, other: Store, gateway: str, tmp_path: Path
) -> None:
    added = store.add(write(tmp_path / "file", 3 * MIB))
    assert fetch(other, added.cid, [gateway], listing=True).size == 3 * MIB
    assert other.holds(added.cid) is None
    with pytest.raises(StorageError, match="is no folder"):
        other.listing(added.cid)


def folder_of(*names: str) -> tuple[Cid, dict[Cid, bytes]]:
    """A stranger's folder, whose files hold their places in it."""
    files = {Cid.of(b"%d" % at, RAW): b"%d" % at for at in range(len(names))}
    named = zip(files, names, strict=True)
    links = tuple(unixfs.Link(cid, name, 1) for cid, name in named)
    block = unixfs.Node(True, links, b"", ()).encode()
    return Cid.of(block, DAG_PB), {**files, Cid.of(block, DAG_PB): block}


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\0b", "a" * 256, "é" * 128])
def test_a_folder_with_a_name_that_no_file_can_have_is_refused(
    store: Store, name: str
) -> None:
    root, blocks = folder_of(name)
    store.ingest(root, blocks.__getitem__, listing=True)
    with pytest.raises(InputError, match="cannot be the name of a file"):
        store.listing(root)
    with pytest.raises(InputError, match="cannot be the name of a file"):
        store.ingest(root, blocks.__getitem__)


def test_a_folder_with_two_entries_of_one_name_is_refused(store: Store) -> None:
    """One program would read the first of them, and another the last."""
    root, blocks = folder_of("train.csv", "test.csv", "train.csv")
    for options in ({}, {"only": "train.csv"}, {"listing": True}):
        with pytest.raises(StorageError, match="two entries of one name"):
            store.ingest(root, blocks.__getitem__, **options)
    assert not store.has(root)


def test_every_file_of_a_folder_is_written_whatever_the_names(
    store: Store, tmp_path: Path
) -> None:
    """Names are as long as can be, or those that programs give to unfinished files."""
    names = ["a", ".a.part", ".part", "out", "é" * 127, "x" * 255, "ä ö\n"]
    root, blocks = folder_of(*names)
    store.ingest(root, blocks.__getitem__)
    out = store.export(root, tmp_path / "exported")
    assert {one.name: one.read_bytes() for one in out.iterdir()} == {
        name: b"%d" % at for at, name in enumerate(names)
    }
    alone = store.export(store.resolve(root, "x" * 255), tmp_path / ("y" * 255))
    assert alone.read_bytes() == b"5"
    nothing, blocks = folder_of()
    store.ingest(nothing, blocks.__getitem__)
    assert list(store.export(nothing, tmp_path / "nothing").iterdir()) == []


def test_names_that_a_disk_takes_for_one_are_told(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, blocks = folder_of("TRAIN.csv", "train.csv")
    store.ingest(root, blocks.__getitem__)
    plain = Path.__truediv__

    def small(here: Path, name: str) -> Path:
        return plain(here, name.lower())

    monkeypatch.setattr(Path, "__truediv__", small)
    with pytest.raises(StorageError, match=r"two files called 'train\.csv'"):
        store.export(root, tmp_path / "exported")
    assert not (tmp_path / "exported").exists()


def test_a_listing_of_more_entries_than_are_allowed_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelmarket.storage.store.MOST_FILES", 2)
    inside = Cid.of(b"x", RAW)
    links = tuple(unixfs.Link(inside, name, 1) for name in "abc")
    for count, is_refused in ((2, False), (3, True)):
        block = unixfs.Node(True, links[:count], b"", ()).encode()
        outside = Cid.of(block, DAG_PB)
        blocks = {inside: b"x", outside: block}
        if is_refused:
            with pytest.raises(StorageError, match="more than 2 "):
                store.ingest(outside, blocks.__getitem__, listing=True)
        else:
            store.ingest(outside, blocks.__getitem__, listing=True)
            assert [one.path for one in store.listing(outside)] == ["a", "b"]


def test_what_is_here_is_not_asked_for(store: Store, tmp_path: Path) -> None:
    added = store.add(folder(tmp_path))
    assert fetch(store, added.cid, []).size == added.size


def test_without_a_gateway_the_error_says_so(other: Store) -> None:
    with pytest.raises(NotFoundError, match="No gateway is set"):
        fetch(other, Cid.of(b"x", RAW), [])


def test_a_dead_gateway_is_passed_over(
    store: Store, other: Store, gateway: str, tmp_path: Path
) -> None:
    added = store.add(write(tmp_path / "file", 3 * MIB))
    fetch(other, added.cid, ["http://127.0.0.1:9", gateway])
    assert other.has(added.cid)


@pytest.mark.parametrize("lie", ["other bytes", "too much", "an error"])
def test_a_lying_gateway_is_not_believed(other: Store, lie: str) -> None:
    wanted = Cid.of(b"truth", RAW)

    async def answer(_: Request) -> Response:
        if lie == "an error":
            return Response(b"truth", 500)
        return Response(b"lies" if lie == "other bytes" else bytes(3 * MIB))

    app = Starlette(routes=[Route("/ipfs/{cid}", answer)])
    with serving(app) as address, pytest.raises(NotFoundError, match="not to be had"):
        fetch(other, wanted, [address])
    assert not other.has(wanted)


def test_more_than_was_allowed_is_refused(
    store: Store, other: Store, gateway: str, tmp_path: Path
) -> None:
    added = store.add(write(tmp_path / "file", 3 * MIB))
    with pytest.raises(StorageError, match="larger than"):
        fetch(other, added.cid, [gateway], most_bytes=2 * MIB)
    assert not other.has(added.cid)


def test_an_interrupted_fetch_goes_on_where_it_stopped(
    store: Store, other: Store, gateway: str, tmp_path: Path
) -> None:
    added = store.add(folder(tmp_path))
    seen: list[int] = []

    def stop(count: int) -> None:
        seen.append(count)
        if len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(other, added.cid, [gateway], progress=stop)
    again: list[int] = []
    fetch(other, added.cid, [gateway], progress=again.append)
    assert other.entries(added.cid) == store.entries(added.cid)


@pytest.mark.parametrize("together", [1, 2, 3, 256])
def test_however_many_files_go_together_all_of_them_come_through(
    store: Store,
    other: Store,
    gateway: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    together: int,
) -> None:
    monkeypatch.setattr(store_module, "BATCH_FILES", together)
    top = tmp_path / "many"
    for n in range(7):
        path = top / f"{n % 3}" / f"{n}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d" % n)
    added = store.add(top)
    fetch(other, added.cid, [gateway])
    for one in (store, other):
        there = {entry.path: entry.cid for entry in one.entries(added.cid)}
        assert len(there) == 7
        assert all(one.read_bytes(cid) for cid in there.values())
        assert all(one.holds(cid) == 1 for cid in there.values())


def test_what_was_added_before_an_interruption_is_not_lost(
    store: Store, tmp_path: Path
) -> None:
    top = tmp_path / "many"
    top.mkdir()
    for n in range(5):
        (top / f"{n}.txt").write_bytes(b"%d" % n)
    seen: list[int] = []

    def stop(count: int) -> None:
        seen.append(count)
        if len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.add(top, progress=stop)
    for n in range(3):
        assert store.holds(unixfs.leaf(b"%d" % n).cid) == 1
    # No folder is there that lacks a file.
    assert store.holds(unixfs.leaf(b"3").cid) is None
    assert store.roots() == []


def test_old_profiles_are_read(other: Store) -> None:
    """A file of two protobuf leaves under a CIDv0 root, as `ipfs add` made
    them for years."""
    parts = [b"hello ", b"world"]
    blocks: dict[bytes, bytes] = {}

    def old(node: bytes) -> Cid:
        cid = Cid(DAG_PB, Cid.of(node, DAG_PB).digest, version=0)
        blocks[cid.digest] = node
        return cid

    def leaf(data: bytes) -> bytes:
        meta = (
            b"\x08\x02\x12" + bytes([len(data)]) + data + b"\x18" + bytes([len(data)])
        )
        return b"\x0a" + bytes([len(meta)]) + meta

    links = tuple(unixfs.Link(old(leaf(part)), "", 20) for part in parts)
    node = unixfs.Node(False, links, b"", tuple(map(len, parts)))
    root = old(node.encode())

    def source(cid: Cid) -> bytes:
        return blocks[cid.digest]

    other.ingest(root, source)
    assert b"".join(other.read(root)) == b"hello world"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.binary(max_size=50), min_size=1, max_size=6))
def test_any_small_files_come_back(store: Store, files: list[bytes]) -> None:
    for data in files:
        added = store.add_bytes(data, "x")
        assert store.read_bytes(added.cid) == data


def doubled(levels: int) -> tuple[Cid, dict[Cid, bytes]]:
    """Folders that each link twice to the next, so that paths double with each."""
    leaf = b"x"
    cid = Cid.of(leaf, RAW)
    blocks = {cid: leaf}
    for _ in range(levels):
        links = tuple(unixfs.Link(cid, name, len(leaf)) for name in ("a", "b"))
        block = unixfs.Node(True, links, b"", ()).encode()
        cid = Cid.of(block, DAG_PB)
        blocks[cid] = block
    return cid, blocks


def test_folders_that_repeat_each_other_are_taken_in_once_each(tmp_path: Path) -> None:
    store, (root, blocks) = Store(tmp_path), doubled(10)
    asked: list[Cid] = []

    def source(cid: Cid) -> bytes:
        asked.append(cid)
        return blocks[cid]

    assert store.ingest(root, source).size == 2**10
    assert len(asked) == len(blocks)
    assert len({one.path for one in store.entries(root)}) == 2**10


@pytest.mark.parametrize("levels", [17, 31])
def test_a_few_folders_with_billions_of_paths_are_refused(
    tmp_path: Path, levels: int
) -> None:
    """Of 32 blocks a folder can be made that takes days to look through."""
    store, (root, blocks) = Store(tmp_path), doubled(levels)
    with pytest.raises(StorageError, match="more than 100,000 files and folders"):
        store.ingest(root, blocks.__getitem__)
    assert store.roots() == []


def test_a_fetch_ends_in_time_though_all_blocks_are_here(tmp_path: Path) -> None:
    store, (root, blocks) = Store(tmp_path), doubled(3)
    store.ingest(root, blocks.__getitem__)
    assert fetch(store, root, [], most_s=60).size == 8
    with pytest.raises(StorageError, match="has taken longer than -1 s"):
        fetch(store, root, [], most_s=-1)
