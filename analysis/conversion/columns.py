"""Choose the columns of a table, and group those of a wide table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.conversion.column_map import ColumnMap
from analysis.conversion.notes import ConversionError, list_some
from analysis.conversion.patterns import Pattern, is_pattern
from analysis.conversion.source_table import SourceTable

CANDIDATE_FIELDS = ("method", "rank", "chosen")  # which tell apart the candidates of a trial


def choose_columns(table: SourceTable, column_map: ColumnMap) -> dict[str, str]:
    """Return the column of each field, which the table must have if the user named it."""
    chosen = {}
    for field, names in column_map.columns.items():
        known = [name for name in names if name in table.columns or is_pattern(name)]
        known = known or _find_by_ending(table, names)
        if known:
            chosen[field] = known[0]
        elif field in column_map.required:
            raise ConversionError(
                f"{table.name}: no column {names[0]!r} for {field}; the columns are "
                f"{list_some(table.columns)}"
            )
    for name in (*column_map.patterns, *column_map.keep):
        if name not in table.columns:
            raise ConversionError(
                f"{table.name}: no column {name!r}; the columns are {list_some(table.columns)}"
            )
    return chosen


def _find_by_ending(table: SourceTable, names: Sequence[str]) -> list[str]:
    """Return the only column that ends like a name with a leading asterisk, if there is one."""
    endings = tuple(name[1:] for name in names if name.startswith("*"))
    found = [column for column in table.columns if endings and column.endswith(endings)]
    return found if len(found) == 1 else []


@dataclass(frozen=True)
class ColumnGroup:
    """The columns of a wide table that belong together: their fields, and a column per field."""

    fields: Mapping[str, str]
    columns: Mapping[str, str]

    @property
    def is_trial(self) -> bool:
        """True if the group is a trial of its own, and not only a candidate of the row's trial."""
        return not set(self.fields) <= set(CANDIDATE_FIELDS)


def group_columns(
    table: SourceTable, wide: Mapping[str, Pattern], taken: set[str]
) -> list[ColumnGroup]:
    """Return the groups of columns that fit the patterns; the most specific pattern wins."""
    groups: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    by_length = sorted(wide.items(), key=lambda entry: -entry[1].literal_length)
    for column in table.columns:
        if column in taken:
            continue
        for field, pattern in by_length:
            fields = pattern.match(column)
            if fields is not None:
                groups.setdefault(tuple(sorted(fields.items())), {})[field] = column
                break
    for field, pattern in wide.items():
        if not any(field in columns for columns in groups.values()):
            raise ConversionError(
                f"{table.name}: no column fits {pattern.text} for {field}; the columns are "
                f"{list_some(table.columns)}"
            )
    return [ColumnGroup(dict(fields), columns) for fields, columns in groups.items()]
