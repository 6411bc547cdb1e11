# SPDX-License-Identifier: Apache-2.0
"""What a requester says of a dataset, beside the rows themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from modelmarket.errors import InputError
from modelmarket.system.text import counted, in_a_line

MOST_DESCRIPTION_BYTES = 2**20
LICENCES = "https://spdx.org/licenses/"


@dataclass(frozen=True)
class About:
    """What people are told of a dataset.

    Attributes:
        name: The request's.
        context: The request's: a few words, which stand on the chain.
        description: Markdown of any length, which stands in the folder alone.
        licence: SPDX expression for the data; empty if nothing was said.
        model_licence: SPDX expression under which the winner's model is handed over,
            to which whoever submits agrees; empty if nothing was said.
    """

    name: str = ""
    context: str = ""
    description: str = ""
    licence: str = ""
    model_licence: str = ""

    def checked(self) -> About:
        """The same, its licences as SPDX writes them.

        Raises:
            InputError: A licence is none, or the description is too long.
        """
        size = len(self.description.encode())
        if size > MOST_DESCRIPTION_BYTES:
            raise InputError(
                f"The description has {size:,} bytes; {MOST_DESCRIPTION_BYTES:,} are "
                "allowed."
            )
        return replace(
            self,
            licence=read_licence(self.licence),
            model_licence=read_licence(self.model_licence),
        )


def read_licence(text: str) -> str:
    """A licence as SPDX writes it; empty for nothing.

    Args:
        text: An identifier such as `CC-BY-4.0`, in any case, or an expression of some.

    Raises:
        InputError: SPDX has no such licence.
    """
    from packaging.licenses import (
        InvalidLicenseExpression,
        canonicalize_license_expression,
    )

    if not text.strip():
        return ""
    try:
        return canonicalize_license_expression(text)
    except InvalidLicenseExpression as error:
        raise InputError(
            f"{text[:100]!r} is no licence that SPDX knows.",
            hint=f"Take an identifier of {LICENCES}, such as CC-BY-4.0 or Apache-2.0; "
            "for one of your own, LicenseRef- and a name.",
        ) from error


def agreement(model_licence: str) -> str:
    """What whoever submits agrees to, in a sentence; empty if nothing was said.

    Args:
        model_licence: As a manifest has it, whoever wrote that.
    """
    licence = in_a_line(model_licence)
    return f"If it wins, you hand the model over under {licence}." if licence else ""


def told_licences(licence: str, model_licence: str) -> str:
    """The licences of data and model in a line.

    Args:
        licence: Of the data, as a manifest has it, whoever wrote that.
        model_licence: Of the model that wins; likewise.
    """
    data, model = (in_a_line(one) or "none stated" for one in (licence, model_licence))
    return f"licence of the data: {data}; of the model that wins: {model}"


def told_predicts(predicts: str, classes: int, *, in_bins: bool = False) -> str:
    """What a model is to say, such as: 'species', one of 3 classes.

    Args:
        predicts: What the labels are called, as a manifest has it, whoever wrote that;
            empty if they have no name.
        classes: Or bins; 0 for numbers themselves.
        in_bins: Whether these stand for numbers.
    """
    name = f"{called!r}, " if (called := in_a_line(predicts)) else ""
    if not classes:
        return f"{name}a number"
    if in_bins:
        return f"{name}a number, in {counted(classes, 'bin')}"
    return f"{name}one of {counted(classes, 'class', 'classes')}"


def is_listed(licence: str) -> bool:
    """Whether SPDX has a page for it: not for an expression, nor for one's own."""
    return not ({" ", "("} & set(licence) or licence.startswith("LicenseRef-"))


def hub_licence(licence: str) -> str:
    """What hubs of datasets and models call a licence."""
    return licence.lower() if is_listed(licence) else "other"


def read_description(path: Path) -> str:
    """The Markdown in a file.

    Raises:
        NotFoundError: There is no such file.
        InputError: It is no text, or too long.
    """
    from modelmarket.system.files import existing_file

    with existing_file(path).open("rb") as file:
        data = file.read(MOST_DESCRIPTION_BYTES + 1)
    if len(data) > MOST_DESCRIPTION_BYTES:
        raise InputError(
            f"{path.name} has more than {MOST_DESCRIPTION_BYTES:,} bytes.",
            hint="Describe the data in fewer words; files belong beside them.",
        )
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name} is no text in UTF-8: byte {error.start:,} is wrong."
        ) from error
