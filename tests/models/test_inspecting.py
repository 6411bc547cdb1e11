# SPDX-License-Identifier: Apache-2.0
"""Files of strangers are looked into, whatever is in them, and nothing is run."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from modelmarket.models.inspecting import Inspected, inspect_file
from modelmarket.models.inspecting.pickles import GENERAL, is_pickle
from modelmarket.system.confinement import Limits
from models.test_files import FILE

SMALL = Limits(memory_bytes=512 * 2**20, processor_s=4, wall_s=120)
NUL = b"\0"


def seen(data: bytes, folder: Path, name: str = "model.bin") -> Inspected:
    path = folder / name
    path.write_bytes(data)
    with path.open("rb") as file:
        return inspect_file(name, len(data), file, SMALL)


class Runs:
    """What makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.path),)


def in_zip(members: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def in_tar(members: dict[str, bytes], mode: str = "w", link: str = "") -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as archive:  # type: ignore[call-overload]  # any mode
        for name, content in members.items():
            one = tarfile.TarInfo(name)
            one.size = len(content)
            archive.addfile(one, io.BytesIO(content))
        if link:
            one = tarfile.TarInfo("link")
            one.type, one.linkname = tarfile.SYMTYPE, link
            archive.addfile(one)
    return data.getvalue()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_listed_and_never_run(tmp_path: Path, protocol: int) -> None:
    trap = tmp_path / "trap"
    data = pickle.dumps([Runs(trap)], protocol)
    found = seen(data, tmp_path, "model.onnx")
    assert found.kind == "pickle"
    assert "REDUCE 1" in found.facts[0]
    assert found.dangers == (
        "It is called model.onnx and is: pickle.",
        GENERAL,
        "It would fetch posix.mkdir.",
        "It would call something once, or more often.",
    )
    assert not trap.exists()


def test_what_a_pickle_makes_up_is_told_as_such(tmp_path: Path) -> None:
    # The names come out of the memo, in an order that no list of texts has.
    data = b"\x80\x04\x8c\x06system\x94\x8c\x05posix\x94\x30\x30h\x01h\x00\x93."
    found = seen(data, tmp_path)
    assert "It would fetch something that it makes up." in found.dangers


def test_a_pickle_that_ends_in_something_else_is_one_all_the_same(
    tmp_path: Path,
) -> None:
    data = pickle.dumps({"a": 1})[:-1] + b"\xff" * 50
    found = seen(data, tmp_path)
    assert found.kind == "pickle"
    assert "Behind that it is no pickle" in found.facts[1]


def test_a_pickle_of_many_opcodes_is_not_looked_at_for_ever(tmp_path: Path) -> None:
    found = seen(b"\x80\x04" + b"N0" * 2**20 + b".", tmp_path)
    assert found.facts[-1] == "No more than 100,000 opcodes were looked at."
    assert found.dangers[0] == GENERAL


@pytest.mark.parametrize(
    "text",
    [
        *(b".", b"N.", b"hello", b"I am.\n", b"", b"(lp0\n"),
        *(b"cat\ndog\nRex\n", b"code,x\n1,2\n(3)\n", b"cell\nbee\nR2\n"),
    ],
)
def test_a_text_is_no_pickle(text: bytes) -> None:
    assert not is_pickle(io.BytesIO(text))


def test_a_zip_is_measured_and_the_pickles_in_it_are_listed(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    data = in_zip({"a/data.pkl": pickle.dumps(Runs(trap)), "a/version": b"3\n"})
    found = seen(data, tmp_path, "model.pt")
    assert found.kind == "zip archive"
    assert found.facts[0] == "2 members: a/data.pkl, a/version."
    assert "a/data.pkl: It would fetch posix.mkdir." in found.dangers
    assert not trap.exists()


OUTSIDE = ["../x", "/etc/x", "a/../../x", "..\\x", "C:\\x"]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("packed", [in_zip, in_tar])
def test_an_archive_whose_members_lie_outside_is_told(
    tmp_path: Path, packed: Callable[[dict[str, bytes]], bytes], name: str
) -> None:
    found = seen(packed({name: b"x", "fine": b"y"}), tmp_path)
    [danger] = found.dangers
    assert danger.startswith("Members would lie outside its folder, or link: ")
    assert "fine" not in danger


def test_an_archive_with_a_link_is_told(tmp_path: Path) -> None:
    found = seen(in_tar({"a": b""}, link="/etc/passwd"), tmp_path)
    assert found.dangers == ("Members would lie outside its folder, or link: link.",)


BOMB = NUL * 2**26  # the least that is one
BOMBS: dict[str, Callable[[], bytes]] = {
    "zip": lambda: in_zip({"zeros": BOMB}),
    "tar-gz": lambda: in_tar({"zeros": BOMB}, "w:gz"),
    "gzip": lambda: gzip.compress(BOMB),
    "bzip2": lambda: bz2.compress(BOMB),
    "xz": lambda: lzma.compress(BOMB),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_measured_and_told(tmp_path: Path, kind: str) -> None:
    found = seen(BOMBS[kind](), tmp_path)
    assert any("It unpacks to 67,1" in one for one in found.facts)
    [danger] = found.dangers
    assert danger.endswith("times its size: it is made to fill a disk.")


def test_a_bomb_that_takes_too_long_is_left(tmp_path: Path) -> None:
    """64 GiB of zeros, a gzip of gzip's own members one behind the other."""
    data = gzip.compress(NUL * 2**28, 9) * 256
    found = seen(data, tmp_path)
    assert "processor" in found.dangers[0] or "as far as it was" in found.dangers[0]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_one_whatever_it_was_compressed_by(tmp_path: Path, mode: str) -> None:
    found = seen(in_tar({"a": b"123", "b/c": b"45"}, mode), tmp_path)
    assert (found.kind, found.dangers) == ("tar archive", ())
    assert found.facts == (
        "2 members: a, b/c.",
        "It unpacks to 5 bytes; of each part the first MiB was looked into.",
    )


def test_what_is_small_is_no_bomb_however_well_it_packs(tmp_path: Path) -> None:
    data = io.BytesIO()
    np.savez_compressed(data, np.zeros(4_000_000))
    assert seen(data.getvalue(), tmp_path).dangers == ()


def test_archives_in_archives_are_named(tmp_path: Path) -> None:
    found = seen(in_zip({"in.zip": in_zip({"a": b"b"})}), tmp_path)
    assert found.facts[-1] == "Archives in it are not looked into: in.zip."


def test_an_archive_of_too_many_members_is_told(tmp_path: Path) -> None:
    data = in_zip({f"{n}": b"" for n in range(10_001)}, zipfile.ZIP_STORED)
    found = seen(data, tmp_path)
    assert "It has 10,001 members: that many are no model." in found.dangers


def onnx_model(**changes: Any) -> Any:
    number = helper.make_tensor("number", TensorProto.FLOAT, [2, 3], [0.0] * 6)
    domain = changes.get("domain", "")
    nodes = [
        helper.make_node("Add", ["x", "number"], ["sum"]),
        helper.make_node("Twice", ["sum"], ["label"], domain=domain)
        if domain
        else helper.make_node("Relu", ["sum"], ["label"]),
    ]
    if outside := changes.get("outside"):
        number.data_location = TensorProto.EXTERNAL
        entry = number.external_data.add()
        entry.key, entry.value = "location", outside
    kinds = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3])
        for name in ("x", "label")
    ]
    graph = helper.make_graph(nodes, "g", kinds[:1], kinds[1:], [number])
    model = helper.make_model(graph, producer_name="somebody", ir_version=8)
    helper.set_model_props(model, {"columns": "[]"})
    return model


def test_an_onnx_model_is_described(tmp_path: Path) -> None:
    found = seen(onnx_model().SerializeToString(), tmp_path, "model.onnx")
    assert (found.kind, found.dangers) == ("ONNX model", ())
    assert found.facts[:3] == (
        "2 operators: Add 1, Relu 1.",
        "It reads x and says label.",
        "6 numbers in 1 tensor.",
    )
    assert found.facts[3].endswith("Made by somebody.")
    assert found.facts[4] == "It says its columns."


def test_what_an_onnx_model_wants_from_outside_is_told(tmp_path: Path) -> None:
    data = onnx_model(outside="../../etc/passwd", domain="com.evil")
    found = seen(data.SerializeToString(), tmp_path, "model.onnx")
    assert found.dangers == (
        "It reads other files: ../../etc/passwd.",
        "It wants operators that are no part of ONNX: com.evil.",
    )


def test_what_stands_in_loops_and_functions_is_seen_too(tmp_path: Path) -> None:
    inner = helper.make_graph(
        [helper.make_node("Hidden", [], ["y"], domain="com.evil")], "in", [], []
    )
    deep = helper.make_graph(
        [helper.make_node("Loop", ["", ""], ["z"], body=inner)], "out", [], []
    )
    model = onnx_model()
    model.graph.node.append(
        helper.make_node("If", ["x"], ["w"], then_branch=deep, else_branch=inner)
    )
    found = seen(model.SerializeToString(), tmp_path)
    assert "com.evil.Hidden 2" in found.facts[0]
    assert "It has loops: it may never end." in found.facts
    assert found.dangers == ("It wants operators that are no part of ONNX: com.evil.",)


def test_an_exact_model_is_described(tmp_path: Path) -> None:
    found = seen(FILE, tmp_path)
    assert (found.kind, found.dangers) == ("exact model", ())
    assert found.facts[0] == "1 tree over 1 column of 8 bits, with 1 output."


def as_npy(array: Any, *, allow_pickle: bool = False) -> bytes:
    data = io.BytesIO()
    np.save(data, array, allow_pickle=allow_pickle)
    return data.getvalue()


OTHERS: dict[str, tuple[bytes, str, int]] = {
    "empty": (b"", "empty file", 0),
    "text": ("naïve\n".encode() * 20_000, "text", 0),
    "noise": (random.Random(3).randbytes(5_000), "file of no known kind", 1),
    "zeros": (NUL * 5_000, "file of no known kind", 1),
    "elf": (b"\x7fELF" + NUL * 60, "program of Linux", 1),
    "script": (b"#!/bin/sh\nrm -rf ~\n", "script", 1),
    "numbers": (as_npy(np.zeros(3)), "NumPy array", 0),
    "objects": (
        as_npy(np.array([{}], dtype=object), allow_pickle=True),
        "NumPy array",
        1,
    ),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + NUL * 60, "HDF5 file", 1),
    "half-a-zip": (in_zip({"a": b"b"})[:40], "damaged zip archive", 1),
    "half-a-gzip": (gzip.compress(b"a" * 99)[:20], "damaged gzip file", 1),
    "half-a-tar": (in_tar({"a": b"b" * 2_000})[:900], "damaged tar archive", 1),
    "no-exact-model": (b"MMX1", "damaged exact model", 1),
    "exact-and-more": (FILE + b"more", "damaged exact model", 1),
    "large-claims": (struct.pack("<Q", 2**62) + b"{", "file of no known kind", 1),
    "safetensors": (struct.pack("<Q", 2) + b"{}" + NUL * 9, "safetensors file", 0),
    "no-npy": (b"\x93NUMPY\1\0\4\0{'a'" + NUL * 99, "NumPy array", 1),
}


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_file_is_called_what_it_is(tmp_path: Path, name: str) -> None:
    data, kind, dangers = OTHERS[name]
    found = seen(data, tmp_path)
    assert (found.kind, len(found.dangers)) == (kind, dangers), found


@settings(max_examples=15)
@given(data=st.data())
def test_whatever_is_cut_or_changed_breaks_nobody(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = data.draw(
        st.sampled_from(
            [
                pickle.dumps({"a": [1.5, "b"] * 9}),
                in_zip({"a.pkl": pickle.dumps([1]), "b": b"c" * 99}),
                in_tar({"a": b"b" * 99}, "w:gz"),
                onnx_model().SerializeToString(),
                as_npy(np.zeros(3)),
            ]
        )
    )
    cut = bytearray(whole[: data.draw(st.integers(1, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(cut) - 1))
        cut[at] = data.draw(st.integers(0, 255))
    found = seen(bytes(cut), tmp_path_factory.mktemp("cut"))
    assert found.kind
    assert found.kind != "file that breaks its reader"


# --- what runs when it is opened is told, however it is hidden ---

LARGE = [NUL * 1_000] * 1_100
"""More than is read of a head at once."""


def first(trap: Path) -> bytes:
    return pickle.dumps(Runs(trap), 2)


def large(trap: Path, protocol: int) -> bytes:
    return pickle.dumps([*LARGE, Runs(trap)], protocol)


def as_if_a_tar(trap: Path) -> bytes:
    start = b"\x80\x02U\xff" + NUL * (257 - 4) + b"ustar"
    return start.ljust(4 + 255, NUL) + b"0" + first(trap)[2:]


def in_a_zip_that_breaks(trap: Path) -> bytes:
    data = bytearray(in_zip({"data.pkl": first(trap), "z": b"z" * 99}))
    data[data.rindex(b"PK\x01\x02") + 10] = 77  # a compression that nobody knows
    return bytes(data)


def in_a_zip_of_long_names(trap: Path) -> bytes:
    names = {f"{n}{'x' * 60_000}": b"" for n in range(19)}
    return in_zip({**names, "data.pkl": first(trap)})


def objects_in_npz(_: Path) -> bytes:
    data = io.BytesIO()
    np.savez(data, a=np.array([{}], dtype=object))
    return data.getvalue()


def objects_in_npy(_: Path) -> bytes:
    plain = as_npy(np.array([{}], dtype=object), allow_pickle=True)
    return plain.replace(b"'|O'", b"'O' ")


HIDDEN: dict[str, Callable[[Path], bytes]] = {
    "protocol-0": lambda trap: large(trap, 0),
    "no-protocol": lambda trap: large(trap, 2)[2:],
    "junk-for-its-end": lambda trap: pickle.dumps(Runs(trap), 0)[:-1] + b"\xff",
    "behind-a-magic-number": lambda trap: b"GGUF\x03" + NUL * 4 + large(trap, 2)[2:],
    "as-if-a-tar": as_if_a_tar,
    "zlib": lambda trap: zlib.compress(first(trap)),
    "lzma": lambda trap: lzma.compress(first(trap), lzma.FORMAT_ALONE),
    "gzip": lambda trap: gzip.compress(large(trap, 0)),
    "in-a-tar": lambda trap: in_tar({"weights.ckpt": first(trap)}),
    "in-a-tar-gz": lambda trap: in_tar({"weights.ckpt": first(trap)}, "w:gz"),
    "in-a-zip-that-breaks": in_a_zip_that_breaks,
    "in-a-zip-of-long-names": in_a_zip_of_long_names,
    "with-a-long-name": lambda _: b"c" + b"m" * 1_200_000 + b"\nname\n(tR.",
    "objects-in-npz": objects_in_npz,
    "objects-in-npy": objects_in_npy,
    "behind-an-exact-model": lambda trap: FILE + in_zip({"data.pkl": first(trap)}),
    "behind-a-table": lambda trap: b"PAR1" + in_zip({"data.pkl": first(trap)}),
    "behind-a-text": lambda trap: b"hello\n" + in_zip({"data.pkl": first(trap)}),
}


@pytest.mark.parametrize("how", HIDDEN)
def test_what_would_run_when_it_is_opened__is_told(tmp_path: Path, how: str) -> None:
    trap = tmp_path / "trap"
    found = seen(HIDDEN[how](trap), tmp_path)
    assert any("whatever its maker wants" in one for one in found.dangers), found
    assert all(len(one) < 6_000 for one in (*found.facts, *found.dangers))
    assert not trap.exists()


def test_numbers_outside_and_operators_are_seen_wherever_they_hide(
    tmp_path: Path,
) -> None:
    model = onnx_model()
    sparse = model.graph.sparse_initializer.add()
    sparse.values.data_location = TensorProto.EXTERNAL
    entry = sparse.values.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    info = model.training_info.add()
    info.algorithm.node.append(helper.make_node("Hidden", [], ["y"], domain="evil"))
    huge = model.graph.initializer.add()
    huge.dims.extend([2**62] * 300)
    found = seen(model.SerializeToString(), tmp_path)
    assert (found.kind, len(found.dangers)) == ("ONNX model", 2)
    assert "1,000,000,000,000,000 numbers in 4 tensors." in found.facts
