"""Describe a published study in Croissant, which dataset search engines and loaders read.

Source: mlcommons.org/croissant/1.0.
"""

from collections.abc import Mapping
from typing import Any

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
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
}


def describe_croissant(
    description: Mapping[str, Any],
    cite_as: str,
    published_on: str,
    checksums: Mapping[str, str],
    tables: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """Return the JSON-LD of croissant.json.

    description: the contents of dataset_description.json. checksums: the SHA-256 of each CSV file
    by its path. tables: the meaning of each column, by the same paths.
    """
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        **{
            key: description[key]
            for key in ("name", "description", "license", "author", "url", "keywords")
            if key in description
        },
        "creator": description["author"],
        "citeAs": cite_as,
        "datePublished": published_on,
        "version": "1.0.0",
        "distribution": [_describe_file(path, checksums[path]) for path in tables],
        "recordSet": [_describe_table(path, columns) for path, columns in tables.items()],
    }


def _describe_file(path: str, sha256: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "encodingFormat": "text/csv",
        "sha256": sha256,
    }


def _describe_table(path: str, columns: Mapping[str, str]) -> dict[str, Any]:
    name = path.rpartition("/")[2].removesuffix(".csv")
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "field": _describe_columns(path, name, columns),
    }


def _describe_columns(path: str, table: str, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:Field",
            "@id": f"{table}/{column}",
            "name": column,
            "description": meaning,
            "dataType": "sc:Text",  # most columns can be empty, which a number cannot
            "source": {"fileObject": {"@id": path}, "extract": {"column": column}},
        }
        for column, meaning in columns.items()
    ]
