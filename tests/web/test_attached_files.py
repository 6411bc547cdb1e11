# SPDX-License-Identifier: Apache-2.0
"""Files that rows name come with the table, in a ZIP, and go where the table goes."""

from __future__ import annotations

import io
import re
import resource
import stat
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import httpx
import pytest

from modelmarket.datasets import unpacking
from modelmarket.errors import DiskError
from modelmarket.market import Request
from modelmarket.protocol.actions import CreateRequest
from modelmarket.web.uploads import Uploads
from modelmarket.web.workspace import Workspace
from support.attachments import article, picture, write_table, zipped, zipped_folder
from support.market import Place
from support.visits import Tab, visiting, words

TERMS = {
    "label": "kind",
    "file_column": "file",
    "name": "what is on it",
    "reward": "100",
    "minutes": "60",
    "response": "15",
    "fraction": "20%",
    "accept_findings": "yes",
}
KIND = {"kind": "predictions"}
MISSING = (
    "Take the column that names them; or choose the table again, with an archive that "
    "has all of them."
)


@dataclass(frozen=True)
class Given:
    """A table with its files, as somebody has them.

    Attributes:
        table: As CSV.
        files: By their names.
    """

    table: bytes
    files: dict[str, bytes]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    folder = tmp_path_factory.mktemp("given") / "pictures"
    path = write_table(folder, lambda n, _: picture(n), ".png")
    files = {one.name: one.read_bytes() for one in (folder / "in").iterdir()}
    return Given(path.read_bytes(), files)


def send(tab: Tab, table: bytes, archive: bytes, **form: str) -> httpx.Response:
    chosen = {"data": ("t.csv", table), "files": ("photos.zip", archive)}
    return tab.post("/requests/new", files=chosen, data={**KIND, **form})


def sent(tab: Tab, table: bytes, archive: bytes) -> str:
    answer = send(tab, table, archive)
    assert answer.status_code == 303, words(answer.text)
    where = answer.headers["location"]
    assert where.startswith("/requests/new/")
    return str(where)


def uploads(tab: Tab) -> Path:
    return tab.workspace.market.home.scratch() / "uploads"


def lying(tab: Tab, where: str) -> list[str]:
    """What of an upload is on disk."""
    folder = uploads(tab) / where.rpartition("/")[2]
    there = (one for one in folder.rglob("*") if one.is_file())
    return sorted(one.relative_to(folder).as_posix() for one in there)


def kept(answer: httpx.Response) -> str:
    found = re.search(r'name="upload" value="(\w*)"', answer.text)
    assert found is not None
    return found[1]


def alert(answer: httpx.Response) -> str:
    found = re.search(r'role="alert"[^>]*>(.*?)</div>', answer.text, re.DOTALL)
    return "" if found is None else words(found[1])


def beside(answer: httpx.Response, field: str) -> str:
    found = re.search(rf'id="{field}-wrong">(.*?)</span>', answer.text, re.DOTALL)
    return "" if found is None else words(found[1])


def chosen_column(page: str) -> str:
    choice = re.search(r'<select name="file_column".*?</select>', page, re.DOTALL)
    assert choice is not None
    found = re.search(r"<option [^>]*selected>(.*?)</option>", choice[0])
    assert found is not None
    return unescape(found[1])


def sealed(tab: Tab, answer: httpx.Response) -> CreateRequest:
    assert answer.status_code == 303, words(answer.text)
    number = int(answer.headers["location"].rpartition("/")[2])
    action = tab.workspace.actions.get(number).action
    assert isinstance(action, CreateRequest)
    return action


# --- the whole way ---


@pytest.mark.parametrize("above", ["", "in/", "a folder/in/"])
def test_a_table_with_its_pictures_becomes_a_request(
    here: Place, given: Given, above: str
) -> None:
    market = here.join(f"rita-{len(above)}")
    with visiting(Workspace(market)) as tab:
        archive = zipped({above + name: data for name, data in given.files.items()})
        where = sent(tab, given.table, archive)
        page = tab.get(where).text
        assert chosen_column(page) == "file"
        total = sum(map(len, given.files.values()))
        assert (
            "Becomes public, too100 files of photos.zip"
            f"{'/' + above.rstrip('/') if above else ''} that the rows name, "
            f"{total / 1_000:.1f} kB together"
        ) in words(page)
        assert "Make it a verified contest" not in page
        looked = tab.post(where, **TERMS, look="yes")
        assert looked.status_code == 200
        assert "What was found" in looked.text
        assert chosen_column(looked.text) == "file"
        answer = tab.post(where, **TERMS)
        sealed(tab, answer)
        asked = words(tab.get(answer.headers["location"]).text)
        told = f"Column 'file' names 100 pictures of {total:,} bytes in all."
        assert f"the files that they name, of test rows too. {told}" in asked
        tab.post(answer.headers["location"] + "/confirm")
        assert lying(tab, where) == []
        assert not list(uploads(tab).iterdir())
        [request] = market.requests(mine=True)
        assert isinstance(request, Request)
        shown = tab.get(f"/requests/{request.id}/data")
        assert told in words(shown.text)
        features, _ = request.training_data()
        read = [Path(one).read_bytes() for one in features["file"]]
        assert set(read) <= set(given.files.values())
        # Names would give the classes away.
        for one in request.contents.export(here.folder / market.wallet.address).rglob(
            "*"
        ):
            assert "sport" not in one.name
            assert one.is_dir() or b"sport-" not in one.read_bytes()


def test_labels_may_be_in_a_file_of_their_own_too(tab: Tab, given: Given) -> None:
    rows = [line.split(b",") for line in given.table.splitlines()]
    files = {
        "data": ("t.csv", b"\n".join(b",".join(row[:2]) for row in rows)),
        "labels": ("l.csv", b"\n".join(row[2] for row in rows)),
        "files": ("photos.zip", zipped(given.files)),
    }
    answer = tab.post("/requests/new", files=files, data=KIND)
    where = answer.headers["location"]
    assert chosen_column(tab.get(where).text) == "file"
    sealed(tab, tab.post(where, **TERMS | {"label": ""}))


def test_without_an_archive_nothing_is_said_of_files(tab: Tab, given: Given) -> None:
    answer = tab.post(
        "/requests/new", files={"data": ("t.csv", given.table)}, data=KIND
    )
    page = tab.get(answer.headers["location"]).text
    assert "file_column" not in page
    assert "Becomes public, too" not in page


def test_another_column_can_be_said_and_the_labels_cannot(tab: Tab) -> None:
    rows = b"".join(
        b"%d.txt,x%d.txt,%s\n" % (n, n, b"uv"[n % 2 :][:1]) for n in range(9)
    )
    archive = zipped({f"{n}.txt": b"%d" % n for n in range(9)} | {"x0.txt": b"x"})
    where = sent(tab, b"a,b,kind\n" + rows, archive)
    assert chosen_column(tab.get(where).text) == "a"
    other = tab.get(f"{where}?label=kind&file_column=b").text
    assert chosen_column(other) == "b"
    assert "1 file of photos.zip that the rows name, 1 byte together" in words(other)
    for one in ("kind", "none", "<b>"):
        page = tab.get(f"{where}?label=kind&file_column={one}").text
        assert chosen_column(page) == "a"
    # If the files' column is taken for the labels, another one is left for files.
    assert chosen_column(tab.get(f"{where}?label=a&file_column=a").text) == "b"


def test_what_is_unpacked_is_its_owners_alone(tab: Tab) -> None:
    where = sent(tab, b"f,kind\na,u\nb,v\n", zipped({"d/a": b"a", "d/b": b"b"}))
    folder = uploads(tab) / where.rpartition("/")[2]
    assert lying(tab, where) == [
        "data/t.csv",
        "files/photos.zip/d/a",
        "files/photos.zip/d/b",
    ]
    for one in (folder, *folder.rglob("*")):
        mode = 0o700 if one.is_dir() else 0o600
        assert stat.S_IMODE(one.stat().st_mode) == mode
    assert tab.post(where, discard="yes").headers["location"] == "/requests/new"
    assert not folder.exists()


# --- a file that cannot be published ---


@pytest.mark.parametrize(
    ("changed", "message", "hint"),
    [
        (
            {"sport-4.png": None},
            "t.csv, row 5 (line 6), column 'file': 'sport-4.png' is not there, looked "
            "for in "
            "photos.zip/in.",
            MISSING,
        ),
        (
            {"sport-4.png": b""},
            "t.csv, row 5 (line 6), column 'file': 'sport-4.png' is empty.",
            "Leave the cell empty instead.",
        ),
        (
            {"space-1.png": b"a text"},
            "t.csv, row 2 (line 3), column 'file': 'space-1.png' is text in UTF-8, "
            "and the "
            "first file, 'sport-0.png', is PNG.",
            "A column has files of one kind: pictures, sounds or texts.",
        ),
        (
            {"space-1.png": b"GIF89a\0\xff"},
            "t.csv, row 2 (line 3), column 'file': 'space-1.png' is none of PNG, "
            "JPEG, WAV, FLAC, "
            "Ogg, MP3, text in UTF-8.",
            "Write it as one of these: what it is called does not matter.",
        ),
    ],
)
@pytest.mark.parametrize("act", [{}, {"look": "yes"}])
def test_a_file_that_cannot_be_published_is_told_with_its_row_beside_the_column(
    tab: Tab,
    given: Given,
    changed: dict[str, bytes | None],
    message: str,
    hint: str,
    act: dict[str, str],
) -> None:
    files = given.files | changed
    archive = zipped(
        {f"in/{name}": one for name, one in files.items() if one is not None}
    )
    where = sent(tab, given.table, archive)
    before = lying(tab, where)
    answer = tab.post(where, **TERMS | {"name": "typed"}, **act)
    assert answer.status_code == 400
    assert alert(answer) == beside(answer, "file_column") == f"{message} {hint}"
    assert "--files" not in answer.text
    assert 'value="typed"' in answer.text
    assert lying(tab, where) == before


def test_a_column_that_names_no_file_is_told_of_before_and_after(
    tab: Tab, given: Given
) -> None:
    where = sent(tab, given.table, zipped({"other.png": picture(7)}))
    page = words(tab.get(where).text)
    assert "no file yet: column file names none of photos.zip" in page
    answer = tab.post(where, **TERMS)
    assert beside(answer, "file_column").startswith(
        "t.csv, row 1 (line 2), column 'file': 'sport-0.png' is not there, looked "
        "for in "
        "photos.zip."
    )
    empty = re.sub(rb"(?m)^s[^,]*,", b",", given.table)
    where = sent(tab, empty, zipped({"other.png": picture(7)}))
    answer = tab.post(where, **TERMS)
    assert beside(answer, "file_column") == (
        "t.csv: no row names a file in column 'file'. Leave the files out, or name "
        "another column."
    )


# --- an archive that is wrong ---


def test_a_wrong_archive_is_told_beside_the_form_and_all_else_is_kept(
    here: Place, given: Given
) -> None:
    # What is published here would be known again in the tab that all share.
    with visiting(Workspace(here.join("mender"))) as tab:
        wrong = zipped({"a.png": picture(1), "../b.png": picture(2)})
        files = {
            "data": ("t.csv", given.table),
            "labels": ("l.csv", b"kind\n"),
            "files": ("photos.zip", wrong),
        }
        answer = tab.post("/requests/new", files=files, data=KIND)
        assert answer.status_code == 400
        said = (
            "photos.zip: '../b.png' would lie outside of the folder. Make the archive "
            "anew, of the folder that the files are in."
        )
        assert alert(answer) == beside(answer, "files") == said
        assert lying(tab, kept(answer)) == ["data/t.csv", "labels/l.csv"]
        shown = words(answer.text)
        for one in ("t.csv is here", "l.csv is here"):
            assert one in shown
        assert re.search(r'value="predictions" checked', answer.text)
        again = {"upload": kept(answer), "without_labels": "yes", **KIND}
        archive = {"files": ("photos.zip", zipped(given.files))}
        answer = tab.post("/requests/new", files=archive, data=again)
        where = answer.headers["location"]
        assert where == f"/requests/new/{again['upload']}"
        answer = tab.post(where, **TERMS)
        sealed(tab, answer)
        tab.post(answer.headers["location"] + "/confirm")
        assert lying(tab, where) == []


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (b"", "photos.zip is empty. A folder goes into a ZIP archive first."),
        (b"x" * 99, "photos.zip is no ZIP archive, or damaged."),
        (zipped({"a": b"a"})[:-4], "photos.zip is no ZIP archive, or damaged."),
        (zipped({".a": b"a"}), "photos.zip has no files in it."),
        (zipped({"/etc/a": b"a"}), "'/etc/a' would lie outside of the folder."),
        (zipped({"a": b"a", "a/b": b"b"}), "'a/b' has the name of another file"),
        (zipped({"<b>\x1b[31m": b"a", "../<i>": b""}), "'../<i>' would lie outside"),
    ],
)
def test_each_wrong_archive_is_told_in_words_and_leaves_nothing(
    tab: Tab, archive: bytes, said: str
) -> None:
    answer = send(tab, b"f,kind\na,u\nb,v\n", archive)
    assert answer.status_code == 400
    assert said in alert(answer)
    assert "<i>" not in answer.text
    assert lying(tab, kept(answer)) == ["data/t.csv"]


def test_a_bomb_leaves_nothing_behind(
    tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "MOST_BYTES", 2**22)
    archive = zipped({str(n): bytes(2**21) for n in range(3)})
    answer = send(tab, b"f,kind\n0,u\n1,v\n", archive)
    assert alert(answer).startswith(
        "The files of photos.zip are larger than 4,194,304 bytes together."
    )
    assert lying(tab, kept(answer)) == ["data/t.csv"]
    monkeypatch.setattr(unpacking, "MOST_BYTES", 3 * 2**21)
    assert send(tab, b"f,kind\n0,u\n1,v\n", archive).status_code == 303


def test_a_disk_that_is_full_leaves_nothing_of_an_archive(tmp_path: Path) -> None:
    upload = Uploads(tmp_path / "uploads").begin()
    upload.save("data", "t.csv", io.BytesIO(b"f,kind\n"))
    archive = io.BytesIO(zipped({"a": b"a", "b": bytes(2**20)}))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, hard))
    try:
        with pytest.raises(DiskError, match="The disk is full"):
            upload.unpack("files", "p.zip", archive)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert upload.file("files") is None
    assert upload.file("data") is not None
    assert upload.unpack("files", "p.zip", archive).name == "p.zip"


def test_without_a_table_the_archive_is_kept(tab: Tab, given: Given) -> None:
    files = {"files": ("photos.zip", zipped(given.files))}
    answer = tab.post("/requests/new", files=files, data=KIND)
    assert alert(answer) == "No file was chosen. Choose a CSV or Parquet file."
    assert "photos.zip is here" in words(answer.text)
    again = {"upload": kept(answer), **KIND}
    table = {"data": ("t.csv", given.table)}
    answer = tab.post("/requests/new", files=table, data=again)
    assert chosen_column(tab.get(answer.headers["location"]).text) == "file"


def test_nothing_at_all_is_kept_of_nothing(tab: Tab) -> None:
    before = set(uploads(tab).glob("*"))
    answer = tab.post("/requests/new", **KIND)
    assert answer.status_code == 400
    assert alert(answer) == "No file was chosen. Choose a CSV or Parquet file."
    assert kept(answer) == ""
    assert set(uploads(tab).glob("*")) == before


def test_another_archive_takes_the_place_of_the_one_before(tab: Tab) -> None:
    first = send(tab, b"f,kind\na,u\nb,v\n", zipped({"a": b"a"}), kind="verified")
    again = {"upload": kept(first), **KIND}
    archive = {"files": ("other.zip", zipped({"b": b"b"}))}
    where = tab.post("/requests/new", files=archive, data=again).headers["location"]
    assert lying(tab, where) == ["data/t.csv", "files/other.zip/b"]


# --- a verified contest has tables alone ---

ALONE = "A verified contest has tables alone: no chain could judge what models say of files."


@pytest.mark.parametrize("way", ["leave", "predictions"])
def test_a_verified_contest_with_files_is_answered_beside_the_form(
    tab: Tab, given: Given, way: str
) -> None:
    answer = send(tab, given.table, zipped(given.files), kind="verified")
    assert answer.status_code == 400
    hint = "Choose the contest of predictions, or leave the files out."
    assert alert(answer) == beside(answer, "kind") == f"{ALONE} {hint}"
    shown = words(answer.text)
    for one in ("t.csv is here", "photos.zip is here"):
        assert one in shown
    again = {"upload": kept(answer)}
    if way == "leave":
        again |= {"kind": "verified", "without_files": "yes"}
        where = tab.post("/requests/new", **again).headers["location"]
        assert where == f"/contests/new/{again['upload']}"
        assert lying(tab, where) == ["data/t.csv"]
    else:
        where = tab.post("/requests/new", **again, **KIND).headers["location"]
        assert where == f"/requests/new/{again['upload']}"
        sealed(tab, tab.post(where, **TERMS))


@pytest.mark.parametrize("act", [{}, {"look": "yes"}])
def test_no_address_makes_a_verified_contest_of_files(
    tab: Tab, given: Given, act: dict[str, str]
) -> None:
    where = sent(tab, given.table, zipped(given.files))
    answer = tab.post(where.replace("requests", "contests"), **TERMS, width="8", **act)
    assert answer.status_code == 400
    hint = "Leave the files out, or make a contest of predictions."
    assert alert(answer) == f"{ALONE} {hint}"
    assert len(lying(tab, where)) == 101


# --- texts ---


def test_texts_that_were_sent_are_learnt_from(here: Place, tmp_path: Path) -> None:
    path = write_table(tmp_path / "texts", article, ".txt")
    market = here.join("writer")
    with visiting(Workspace(market)) as tab:
        archive = zipped_folder(path.parent / "in", "in/")
        where = sent(tab, path.read_bytes(), archive)
        answer = tab.post(where, **TERMS)
        sealed(tab, answer)
        tab.post(answer.headers["location"] + "/confirm")
        [request] = market.requests(mine=True)
        assert isinstance(request, Request)
        features, _ = request.training_data()
        assert all(one.count(" ") == 15 for one in features["file"])
