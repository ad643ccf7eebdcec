"""Build the view `trial` of one study and mode: its trials as numbers, as in `TrialTable`.

Trials by the hundred million have to fit in memory, so that their table has 19 bytes a line.
"""

from dataclasses import dataclass

import pyarrow as pa

from analysis.exclusions.person_measures import NOT_LINKED_REASON, ONE_STUDY_REASON
from analysis.inputs.design import ExclusionRules
from analysis.inputs.responses import ResponsesError
from analysis.inputs.row_checks import ALLOWED_VALUES
from analysis.inputs.trial_table import DISTURBANCE_FLAGS
from analysis.large.connection import NotCountedError, Source
from analysis.large.tables.combinations import select_combinations

FLAG_BITS = {flag: 1 << place for place, flag in enumerate(("voided", *DISTURBANCE_FLAGS))}
FACT_BITS = {
    fact: 1 << place + len(FLAG_BITS)
    for place, fact in enumerate(("is_answered", "chose_left", "is_wrong", "is_outlying"))
}
MAX_METHODS = 60  # a bit each
KIND_CODES = {kind: code for code, kind in enumerate(ALLOWED_VALUES["kind"])}

# Where an answer is right if both name the same side, because the question asks for the fake.
IS_RIGHT = "(answer IN ('left', 'fake')) = (truth IN ('left', 'fake'))"


@dataclass(frozen=True)
class Names:
    """The names of the codes of the table `trial`, in alphabetical order."""

    participants: pa.StringArray
    images: list[str]
    methods: list[str]


def build_trial_table(
    source: Source, study: str, mode: str, rules: ExclusionRules
) -> tuple[Names, bool, bool]:
    """Build the table, and return its names; also True for single images, and for paired ones.

    The view `selected` has the rows of the study and mode. Raises ResponsesError if they contradict
    each other, NotCountedError if there are too many methods.
    """
    of_study = f"study = {quote(study)} AND mode = {quote(mode)}"
    source.run(f"CREATE TEMP VIEW selected AS SELECT * FROM source WHERE {of_study}")
    select_combinations(source, of_study)
    _build_people(source)
    is_single = _find_whether_single(source)
    is_paired = not is_single and not _count_combinations(source, "kind = 'test' AND NOT is_same")
    has_real_images = not is_single and not is_paired
    _refuse_blinded(source)
    for column, table in (
        ("image", "selected"),
        ("method", "selected_combination"),
        *([("real_image", "selected")] if has_real_images else []),
    ):
        source.run(
            f"CREATE TEMP TABLE {column}_code AS SELECT {column}, "
            f"row_number() OVER (ORDER BY {column}) - 1 AS code "
            f"FROM (SELECT DISTINCT {column} FROM {table})"
        )
    if source.fetch_row("SELECT count(*) FROM method_code")[0] > MAX_METHODS:
        raise NotCountedError(f"more than {MAX_METHODS} methods")
    has_repeats = source.fetch_row("SELECT count(repeat_of) FROM selected")[0] > 0
    source.run(_pack_trials(source, rules, is_single, has_real_images, has_repeats))
    source.run(_unpack_trials(has_real_images, has_repeats))
    names = Names(
        source.fetch_texts("SELECT participant FROM person ORDER BY p"),
        source.fetch_words("SELECT image FROM image_code ORDER BY code"),
        source.fetch_words("SELECT method FROM method_code ORDER BY code"),
    )
    return names, is_single, is_paired


def quote(word: str) -> str:
    """Return a text as SQL."""
    return "'" + word.replace("'", "''") + "'"


def _build_people(source: Source) -> None:
    """Build the table of people, each of whom has one pseudonym, mode and outcome."""
    keys = "study, participant, person, mode, outcome"
    source.run(f"CREATE TEMP TABLE everybody AS SELECT DISTINCT {keys} FROM source")
    twice = source.fetch(
        "SELECT participant FROM everybody GROUP BY study, participant HAVING count(*) > 1 LIMIT 1"
    )["participant"]
    if len(twice):
        raise ResponsesError(
            f"{source.name}: participant {twice[0]}: person, mode or outcome differs between rows; "
            "do not combine exports from different days; export the study again"
        )
    source.run(
        "CREATE TEMP TABLE person AS SELECT participant, outcome, "
        "(row_number() OVER (ORDER BY participant) - 1)::INTEGER AS p "
        "FROM (SELECT DISTINCT participant, outcome FROM everybody "
        "SEMI JOIN selected_combination USING (study, mode))"
    )


def find_why_nobody_is_recognized(source: Source, study: str) -> str:
    """Return why nobody is known to have taken part before, as `find_repeat_participants` does.

    Raises NotCountedError if people can be recognized.
    """
    persons = source.fetch_row(
        f"SELECT count(*) FILTER (WHERE study = {quote(study)} AND person <> ''), "
        f"count(*) FILTER (WHERE study <> {quote(study)}) FROM everybody"
    )
    if not persons[0]:
        return NOT_LINKED_REASON
    if not persons[1]:
        return ONE_STUDY_REASON
    raise NotCountedError("several linked studies in one file")


def _count_combinations(source: Source, rows: str) -> int:
    count: int = source.fetch_row(f"SELECT count(*) FROM selected_combination WHERE {rows}")[0]
    return count


def _find_whether_single(source: Source) -> bool:
    kinds = source.fetch_words("SELECT DISTINCT presentation FROM selected_combination")
    if "single" in kinds and len(kinds) > 1:
        row = source.fetch_row(
            "SELECT min(row_number) FROM selected WHERE presentation = 'single'"
        )[0]
        raise ResponsesError(
            f"{source.name}: row {row}: a single image in a study of pairs; export the study again"
        )
    return kinds == ["single"]


def _refuse_blinded(source: Source) -> None:
    blinded = (
        "kind IN ('test', 'attention') AND answer <> '' AND truth = '' "
        "AND NOT contains(flags, 'voided')"
    )
    if _count_combinations(source, blinded):
        row = source.fetch_row(f"SELECT min(row_number) FROM selected WHERE {blinded}")[0]
        raise ResponsesError(
            f"{source.name}: row {row}: truth is empty, as in a blinded export;"
            " wait until the study is complete, or export again with --unblind (logged)"
        )


def _pack_trials(
    source: Source,
    rules: ExclusionRules,
    is_single: bool,
    has_real_images: bool,
    has_repeats: bool,
) -> str:
    """Return the statement that makes the table of trials; what is true of them is in bits."""
    last_position = source.fetch_row("SELECT max(position) FROM selected")[0]
    images = source.fetch_row("SELECT count(*) FROM image_code")[0]
    right = IS_RIGHT if is_single else f"({IS_RIGHT}) = (question = 'fake')"
    limits = [
        f"rt_ms {sign} {limit}"
        for sign, limit in (("<", rules.fast_ms), (">", rules.slow_ms))
        if limit is not None
    ]
    facts = {
        **{flag: f"contains(flags, '{flag}')" for flag in FLAG_BITS},
        "is_answered": "NOT contains(flags, 'voided') AND answer <> ''",
        "chose_left": "answer IN ('left', 'fake')",
        "is_wrong": f"NOT ({right})",
        "is_outlying": f"coalesce({' OR '.join(limits)}, FALSE)" if limits else "FALSE",
    }
    flags, other = (
        " | ".join(f"CASE WHEN {facts[fact]} THEN {bit} ELSE 0 END" for fact, bit in bits.items())
        for bits in (FLAG_BITS, FACT_BITS)
    )
    bits = f"CASE WHEN flags = '' THEN 0 ELSE {flags} END | {other}"
    kinds = " ".join(f"WHEN '{kind}' THEN {code}" for kind, code in KIND_CODES.items())
    real_image, real_join = "", ""
    if has_real_images:
        real_image = "real_image_code.code::INTEGER AS r, "
        real_join = " JOIN real_image_code USING (real_image)"
    return f"""
CREATE TEMP TABLE packed_trial AS
SELECT p, image_code.code::{_find_type(images)} AS i, method_code.code::UTINYINT AS m, {real_image}
  position::{_find_type(last_position)} AS position,
  {"repeat_of::INTEGER AS repeat_of, " if has_repeats else ""}
  CASE kind {kinds} END::UTINYINT AS kind_code, ({bits})::USMALLINT AS bits, rt_ms
FROM selected JOIN person USING (participant) JOIN image_code USING (image)
JOIN method_code USING (method){real_join}
"""


def _find_type(largest: int) -> str:
    return "USMALLINT" if largest < 1 << 16 else "INTEGER"


def _unpack_trials(has_real_images: bool, has_repeats: bool) -> str:
    """Return the statement that makes the view of trials."""
    repeat_of = "repeat_of" if has_repeats else "NULL::INTEGER"
    test, attention = KIND_CODES["test"], KIND_CODES["attention"]
    facts = ", ".join(f"bits & {bit} <> 0 AS {fact}" for fact, bit in FACT_BITS.items())
    return f"""
CREATE TEMP VIEW trial AS
SELECT p, i::INTEGER AS i, m, {"r, " if has_real_images else ""}position::INTEGER AS position,
  {repeat_of} AS repeat_of, kind_code, rt_ms,
  kind_code = {test} AND {repeat_of} IS NULL AS is_test,
  kind_code = {attention} AND {repeat_of} IS NULL AS is_check,
  kind_code IN ({test}, {attention}) AS is_main,
  bits & {FLAG_BITS["voided"]} = 0 AS is_valid, {facts},
  (bits & {sum(FLAG_BITS.values())})::UTINYINT AS flag_bits
FROM packed_trial
"""


def check_repeats(source: Source) -> None:
    """Check that every repeat names an earlier trial of the participant with the same images."""
    if not source.fetch_row("SELECT count(*) FROM trial WHERE repeat_of IS NOT NULL")[0]:
        return
    wrong = source.fetch(
        "SELECT participant, again.position FROM trial AS again JOIN person USING (p) "
        "LEFT JOIN trial AS first ON first.p = again.p AND first.position = again.repeat_of "
        "WHERE again.repeat_of IS NOT NULL AND NOT coalesce(first.position < again.position "
        "AND first.kind_code = again.kind_code AND first.i = again.i "
        "AND first.m = again.m, FALSE) LIMIT 1"
    )
    if len(wrong["position"]):
        raise ResponsesError(
            f"{source.name}: participant {wrong['participant'][0]}, position "
            f"{wrong['position'][0]}: repeat_of is not the position of an earlier trial of this "
            "participant with the same images; export the study again"
        )
