# SPDX-License-Identifier: Apache-2.0
"""Manifests as Croissant 1.1 (https://docs.mlcommons.org/croissant/), which other
programs read, too.
"""

from __future__ import annotations

import json
from typing import Any

from modelmarket.datasets.about import LICENCES, is_listed

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


def record_set(file: str, columns: tuple[str, ...]) -> dict[str, Any]:
    """What is told of a table's columns."""
    part = file.removesuffix(".csv")
    return {
        "@type": "cr:RecordSet",
        "@id": part,
        "name": part,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{part}/{number}",
                "name": f"{part}/{number}",
                "description": column,
                "dataType": "sc:Text",
                "source": {
                    "fileObject": {"@id": file},
                    "extract": {"column": column},
                },
            }
            for number, column in enumerate(columns)
        ],
    }


def croissant(
    own: dict[str, Any],
    *,
    files: list[tuple[str, str, str]],
    records: list[dict[str, Any]],
) -> bytes:
    """A manifest.

    Args:
        own: What this program reads of it.
        files: Name, media type and SHA-256 of each.
        records: Of each table; see `record_set`.
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
        ],
        "recordSet": records,
        "modelmarket": own,
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
