# SPDX-License-Identifier: Apache-2.0
"""The program that looks into strangers' files, shut in: `python -m` this."""

from __future__ import annotations

import codecs
from contextlib import suppress
from dataclasses import asdict
from typing import BinaryIO

from modelmarket.models.inspecting.kinds import look
from modelmarket.system.confined import Answer, Told, serve


def answers_about(file: BinaryIO | None) -> dict[str, Answer]:
    """What can be asked about a file."""

    def look_at_it(question: Told, _: bytes) -> tuple[Told, bytes]:
        assert file is not None, "there is one"
        return asdict(look(file, question["size"])), b""

    return {"look": look_at_it}


if __name__ == "__main__":
    # Found now, since later no file can be opened.
    for name in ("ascii", "cp437", "latin-1", "raw-unicode-escape", "unicode-escape"):
        codecs.lookup(name)
    with suppress(ImportError):
        import google.protobuf.message  # noqa: F401  # likewise
        import onnx  # noqa: F401  # see above
    serve(answers_about)
