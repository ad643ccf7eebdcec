"""The base of results: every result has an interval, and is a table in notebooks."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from html import escape
from typing import Any, ClassVar, Protocol, TypeVar

Bounds_co = TypeVar("Bounds_co", covariant=True)
TITLES = {
    "ci95": "95% CI",
    "ci95_these_images": "95% CI, these images",
    "ci95_fixed_images": "95% CI, these images",
    "ci95_naive_wilson": "95% CI, ignoring clustering",
    "se": "SE",
    "n_eff": "effective sample size",
    "deff": "design effect",
}


class HasConfidenceInterval(Protocol[Bounds_co]):
    """A dataclass with a 95% interval."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def ci95(self) -> Bounds_co: ...  # noqa: D102 (the class says it)


class Result:
    """The part that dataclasses with a 95% interval share."""

    @property
    def interval(self: HasConfidenceInterval[Bounds_co]) -> Bounds_co:
        """The 95% interval, for new people and new images; None if there is none."""
        return self.ci95

    def _repr_html_(self: HasConfidenceInterval[Any]) -> str:
        """Return a table of the fields that have a value, as notebooks show it."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        printed = {title_of(name): format_value(name, value) for name, value in values.items()}
        rows = ((title, text) for title, text in printed.items() if text)
        return render_html_table(type(self).__name__, (), rows)


def title_of(name: str) -> str:
    """Return the title of a field for readers."""
    return TITLES.get(name, name.replace("_", " "))


def format_value(name: str, value: object) -> str:
    """Format the value of a field; empty for None and for an empty tuple."""
    if value is None:
        return ""
    if isinstance(value, tuple) and name.startswith("ci"):
        return " to ".join("beyond" if end is None else f"{end:.4g}" for end in value)
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def render_html_table(caption: str, header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return an HTML table whose first column has the rows' names."""
    head = "".join(f"<th>{escape(title)}</th>" for title in header)
    body = []
    for first, *others in rows:
        cells = "".join(f"<td>{escape(text)}</td>" for text in others)
        body.append(f"<tr><th>{escape(first)}</th>{cells}</tr>")
    return (
        f"<table><caption>{escape(caption)}</caption>"
        f"{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{''.join(body)}</tbody></table>"
    )


def render_records(caption: str, names: Iterable[str], records: Mapping[str, Any]) -> str:
    """Return an HTML table with a row per record.

    names: of the fields that are its columns; records: dataclasses by the name of the row.
    """
    columns = {
        name: [format_value(name, getattr(record, name)) for record in records.values()]
        for name in names
    }
    filled = {name: texts for name, texts in columns.items() if any(texts)}
    rows = zip(records, *filled.values(), strict=True)
    return render_html_table(caption, ("", *map(title_of, filled)), rows)
