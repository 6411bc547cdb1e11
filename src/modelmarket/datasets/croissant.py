# SPDX-License-Identifier: Apache-2.0
"""Manifests as Croissant 1.1 (https://docs.mlcommons.org/croissant/), which other
programs read, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelmarket.datasets.about import LICENCES, is_listed
from modelmarket.datasets.attached import FILES, FileColumn
from modelmarket.datasets.filetypes import FileKind

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
    "modelmarket": {"@id": "urn:modelmarket:manifest", "@type": "@json"},
}
VERSION = "http://mlcommons.org/croissant/1.1"


_CONTENTS = {FileKind.IMAGE: "sc:ImageObject", FileKind.TEXT: "sc:Text"}
"""What the files of a kind are; sounds are left to whoever can read them."""


def record_set(
    file: str,
    columns: tuple[str, ...],
    files: FileColumn | None = None,
    *,
    called: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What is told of a table's columns.

    Args:
        file: The table.
        columns: Of it.
        files: The one that names files, of which each row then has the contents too;
            None for none.
        called: What the requester calls columns that are published by another name.
    """
    part = file.removesuffix(".csv")
    fields: list[dict[str, Any]] = [
        {
            "@type": "cr:Field",
            "@id": f"{part}/{number}",
            "name": f"{part}/{number}",
            "description": (called or {}).get(column) or column,
            "dataType": "sc:Text",
            "source": {
                "fileObject": {"@id": file},
                "extract": {"column": column},
            },
        }
        for number, column in enumerate(columns)
    ]
    if files is not None and files.kind in _CONTENTS:
        named = fields[columns.index(files.column)]
        # note: programs may hold a path against it that is none to them but a text.
        named["source"]["transform"] = {"regex": f"(?:{FILES}/../)?(.*)"}
        named["references"] = {
            "fileSet": {"@id": FILES},
            "extract": {"fileProperty": "filename"},
        }
        contents = f"{part}/{FILES}"
        fields.append(
            {
                "@type": "cr:Field",
                "@id": contents,
                "name": contents,
                "description": f"What is in the file of {files.column!r}.",
                "dataType": _CONTENTS[files.kind],
                "source": {
                    "fileSet": {"@id": FILES},
                    "extract": {"fileProperty": "content"},
                },
            }
        )
    return {"@type": "cr:RecordSet", "@id": part, "name": part, "field": fields}


def _file_set(files: FileColumn) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": FILES,
        "name": FILES,
        "description": str(files),
        "encodingFormat": files.media_types,
        "includes": [f"{FILES}/*/*.{suffix}" for suffix in files.suffixes],
    }


def croissant(
    own: dict[str, Any],
    *,
    files: list[tuple[str, str, str]],
    records: list[dict[str, Any]],
    beside: FileColumn | None = None,
) -> bytes:
    """A manifest.

    Args:
        own: What this program reads of it.
        files: Name, media type and SHA-256 of each.
        records: Of each table; see `record_set`.
        beside: The column of files; None for none.
    """
    name, context, licence = own["name"], own["context"], own["licence"]
    document = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "name": name or "dataset",
        "description": context or name or "A labelled dataset.",
        "version": f"{own['schema_version']}.0.0",
        **({"license": LICENCES * is_listed(licence) + licence} if licence else {}),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": file,
                "name": file,
                "contentUrl": file,
                "encodingFormat": media_type,
                "sha256": sha256,
            }
            for file, media_type, sha256 in files
        ]
        + ([] if beside is None else [_file_set(beside)]),
        "recordSet": records,
        "modelmarket": own,
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
