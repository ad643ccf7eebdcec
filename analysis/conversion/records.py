"""Turn the rows of a table into records: the fields of one answer, whatever the layout was."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from analysis.conversion.column_map import ColumnMap
from analysis.conversion.columns import CANDIDATE_FIELDS, ColumnGroup, choose_columns, group_columns
from analysis.conversion.notes import ConversionError, Notes, count_noun, list_some
from analysis.conversion.patterns import Pattern, is_pattern
from analysis.conversion.source_table import SourceRow, SourceTable


@dataclass(frozen=True)
class Record:
    """The fields of one answer. place: where it stands, for messages. trial: see `Records`."""

    place: str
    values: Mapping[str, str]
    trial: tuple[str, ...]

    def __getitem__(self, field: str) -> str:
        return self.values.get(field, "")


@dataclass(frozen=True)
class Records:
    """The records of a table, and from which columns their fields come.

    sources: by field, the name of its column, or of the pattern. Records that share a trial are of
    the candidates of one trial, if there is a record for each candidate. knows_trial: whether that
    is known. is_wide: several trials come from a row.
    """

    name: str
    rows: list[Record]
    sources: Mapping[str, str]
    knows_trial: bool
    is_wide: bool

    @cached_property
    def fields(self) -> set[str]:
        """The fields that have a value somewhere."""
        return {field for row in self.rows for field, value in row.values.items() if value}

    def values(self, field: str) -> list[str]:
        """Return the distinct values of a field, in alphabetical order."""
        return sorted({row[field] for row in self.rows} - {""})


def build_records(
    table: SourceTable, column_map: ColumnMap, items: SourceTable | None, notes: Notes
) -> Records:
    """Return the records of a table. items: further fields by `item`. Raises ConversionError."""
    columns = choose_columns(table, column_map)
    wide = {name: Pattern(column) for name, column in columns.items() if is_pattern(column)}
    plain = {name: column for name, column in columns.items() if name not in wide}
    groups = group_columns(table, wide, {*plain.values(), *column_map.patterns})
    rows = _keep_rows(table, column_map.keep, notes)
    for column, pattern in column_map.patterns.items():
        _check_fit(table, [row.values[column] for row in rows], column, pattern, notes)
    expanded = [list(_expand(table, row, plain, groups, column_map)) for row in rows]
    records = [record for several in expanded for record in several]
    if empty := expanded.count([]):
        notes.dropped["without a value in the columns of the trials"] += empty
    if items is not None:
        by_key = _index_items(items)
        records = [_add_item(record, by_key, items.name) for record in records]
    left_out = len(groups) * (len(rows) - expanded.count([])) - len(records) if groups else 0
    _report_sources(table, columns, column_map, groups, left_out, notes)
    _report_codes(records, column_map, notes)
    records = [_decode(record, column_map) for record in records]
    return Records(
        table.name,
        records,
        columns,
        knows_trial=bool(groups) or "trial" in {*columns, *column_map.constants},
        is_wide=any(group.is_trial for group in groups),
    )


def _keep_rows(
    table: SourceTable, keep: Mapping[str, tuple[str, ...]], notes: Notes
) -> list[SourceRow]:
    rows = table.rows
    for column, values in keep.items():
        kept = [row for row in rows if row.values[column] in values]
        if len(kept) < len(rows):
            reason = f"where {column} is not {' or '.join(values)}"
            notes.dropped[reason] += len(rows) - len(kept)
        rows = kept
    if not rows:
        raise ConversionError(f"{table.name}: no row is left; check --where")
    return rows


def _expand(
    table: SourceTable,
    row: SourceRow,
    plain: Mapping[str, str],
    groups: Sequence[ColumnGroup],
    column_map: ColumnMap,
) -> Iterator[Record]:
    """Yield one record, or one for each group of columns in which the row has a value."""
    place = table.locate(row.line)
    values = {
        **column_map.constants,
        **{field: row.values[column] for field, column in plain.items()},
    }
    values |= _split(row, column_map.patterns, place)
    if not groups:
        yield Record(place, values, (values.get("participant", ""), values.get("trial", "")))
        return
    for group in groups:
        cells = {field: row.values[column] for field, column in group.columns.items()}
        if not any(cells.values()):
            continue
        shared = [value for field, value in group.fields.items() if field not in CANDIDATE_FIELDS]
        yield Record(place, {**values, **group.fields, **cells}, (str(row.line), *shared))


def _split(row: SourceRow, patterns: Mapping[str, Pattern], place: str) -> dict[str, str]:
    """Return the fields that patterns take from the values of columns."""
    fields: dict[str, str] = {}
    for column, pattern in patterns.items():
        value = row.values[column]
        for field, text in (pattern.match(value) or {}).items():
            if fields.get(field, text) != text:
                raise ConversionError(
                    f"{place}: {field} is {fields[field]!r} in one column and {text!r} in "
                    f"{column}; a trial has one {field}"
                )
            fields[field] = text
    return fields


def _check_fit(
    table: SourceTable, values: Sequence[str], column: str, pattern: Pattern, notes: Notes
) -> None:
    """Refuse a pattern that no value fits, and note values that do not fit."""
    known = {value for value in values if value}
    misfits = sorted(value for value in known if pattern.match(value) is None)
    if len(misfits) == len(known):
        raise ConversionError(
            f"{table.name}: no value of {column} fits {pattern.text}; the values are "
            f"{list_some(sorted(known))}"
        )
    if misfits:
        notes.cautions.append(
            f"values of {column} that do not fit {pattern.text}: {list_some(misfits)}"
        )


def _index_items(items: SourceTable) -> dict[str, Mapping[str, str]]:
    if "item" not in items.columns:
        raise ConversionError(f"{items.name}: no column 'item'; name its key column 'item'")
    return {row.values["item"]: row.values for row in items.rows}


def _add_item(record: Record, items: Mapping[str, Mapping[str, str]], name: str) -> Record:
    key = record["item"]
    if not key:
        return record
    if key not in items:
        raise ConversionError(f"{record.place}: item {key!r} is not in {name}; add its row")
    return Record(record.place, {**record.values, **items[key]}, record.trial)


def _decode(record: Record, column_map: ColumnMap) -> Record:
    """Return the record with the meanings of coded values."""
    values = dict(record.values)
    for field, key in column_map.json_keys.items():
        values[field] = _read_json(values.get(field, ""), key)
    for field, value in values.items():
        values[field] = _find_codes(field, column_map.codes).get(value, value)
    return Record(record.place, values, record.trial)


def _find_codes(field: str, codes: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """Return the codes of a field; answers may name methods by their codes."""
    names_method = re.fullmatch(r"method[1-9]?|answer|best|worst", field)
    return {**(codes.get("method", {}) if names_method else {}), **codes.get(field, {})}


def _read_json(cell: str, key: str) -> str:
    """Return the value of a key in a cell that holds an object, or a list of one."""
    try:
        parsed = json.loads(cell)
    except ValueError:
        return cell
    if isinstance(parsed, list) and len(parsed) == 1:
        parsed = parsed[0]
    return str(parsed.get(key, cell)) if isinstance(parsed, dict) else cell


def _report_sources(
    table: SourceTable,
    columns: Mapping[str, str],
    column_map: ColumnMap,
    groups: Sequence[ColumnGroup],
    left_out: int,
    notes: Notes,
) -> None:
    notes.sources |= {field: f"column {column}" for field, column in columns.items()}
    for name, pattern in column_map.patterns.items():
        for field in pattern.fields:
            earlier = f"{notes.sources[field]} and " if field in notes.sources else ""
            notes.sources[field] = f"{earlier}column {name} as {pattern.text}"
    notes.sources |= {field: f"always {value}" for field, value in column_map.constants.items()}
    used = {*columns.values(), *column_map.patterns, *column_map.keep}
    used |= {column for group in groups for column in group.columns.values()}
    unused = [column for column in table.columns if column not in used]
    if groups:
        what = "trial" if groups[0].is_trial else "candidate"
        notes.understood["layout"] = f"{count_noun(len(groups), what)} in each row" + (
            f"; {left_out:,} without a value left out" if left_out else ""
        )
    if unused:
        notes.understood["not used"] = list_some(unused)


def _report_codes(records: Sequence[Record], column_map: ColumnMap, notes: Notes) -> None:
    """Add what the codes that occur mean."""
    for field, codes in column_map.codes.items():
        found = sorted({record[field] for record in records} & set(codes))
        meanings = ", ".join(f"{value!r} is {codes[value]}" for value in found)
        if meanings and field in notes.sources:
            notes.sources[field] += f", {meanings}"
