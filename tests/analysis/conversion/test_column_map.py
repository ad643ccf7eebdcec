"""Tests of the map from columns to fields, built in or made of options."""

from analysis.conversion.column_map import (
    FIELDS,
    NUMBERED,
    ColumnMap,
    parse_codes,
    parse_columns,
    parse_constants,
    parse_keep,
    parse_patterns,
    read_built_in,
)
from analysis.conversion.patterns import Pattern
from tests.analysis.conversion.conversions import MAP, SINGLE, make_refusal_test


def test_built_in_maps_name_known_fields() -> None:
    for built_in in read_built_in().values():
        assert all(name in FIELDS or NUMBERED.fullmatch(name) for name in built_in.columns)


def test_options_win_over_a_built_in_map() -> None:
    built_in = ColumnMap(
        task="rating",
        columns={"image": ("stimulus",), "score": ("vote",), "rt": ("time",)},
        constants={"scale": "quality"},
        codes={"score": {"a": "1", "b": "2"}},
        missing=("-99",),
        rt_unit="s",
    )
    own = ColumnMap(
        columns=parse_columns(["score=grade"]),
        patterns=parse_patterns(["file={method}/{image}.png"]),
        constants=parse_constants(["scale=realism"]),
        codes=parse_codes(["score:b=5"]),
        keep=parse_keep(["page=1", "page=2"]),
        missing=("?",),
        rt_unit="ms",
    )
    merged = built_in.merge(own)
    assert merged.columns == {"rt": ("time",), "score": ("grade",)}
    assert merged.patterns == {"file": Pattern("{method}/{image}.png")}
    assert merged.constants == {"scale": "realism"}
    assert merged.codes == {"score": {"a": "1", "b": "5"}}
    assert merged.keep == {"page": ("1", "2")}
    assert (merged.task, merged.missing, merged.rt_unit) == ("rating", ("-99", "?"), "ms")


REFUSALS = [
    (SINGLE, (*MAP, "stim=stim"), "--map: unknown field 'stim'"),
    (SINGLE, (*MAP, "rt=said"), "--map rt is given twice"),
    (SINGLE, ("--split", "stim=oak"), "write COLUMN=PATTERN"),
    (SINGLE, ("--code", "answer=1"), "write FIELD:VALUE=MEANING"),
]  # fmt: skip

test_unknown_fields_and_incomplete_options_are_refused_in_one_line = make_refusal_test(REFUSALS)
