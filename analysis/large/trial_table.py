"""Build the table `trial` of one study and mode: its trials as numbers, as in `TrialTable`."""

from dataclasses import dataclass

import pyarrow as pa

from analysis.exclusions.person_measures import NOT_LINKED_REASON, ONE_STUDY_REASON
from analysis.inputs.design import ExclusionRules
from analysis.inputs.responses import ResponsesError
from analysis.inputs.row_checks import ALLOWED_VALUES
from analysis.inputs.trial_table import DISTURBANCE_FLAGS
from analysis.large.connection import NotCountedError, Source

FLAG_BITS = {flag: 1 << place for place, flag in enumerate(("voided", *DISTURBANCE_FLAGS))}
KIND_CODES = {kind: code for code, kind in enumerate(ALLOWED_VALUES["kind"])}
CODED = {"image": "i", "method": "m", "real_image": "r"}

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
    each other.
    """
    source.run(
        f"CREATE TEMP VIEW selected AS SELECT * FROM source WHERE study = {quote(study)} "
        f"AND mode = {quote(mode)}"
    )
    _build_people(source)
    is_single = _find_whether_single(source)
    others = "kind = 'test' AND image <> real_image"
    is_paired = (
        not is_single and not source.fetch_row(f"SELECT count(*) FROM selected WHERE {others}")[0]
    )
    for column in CODED:
        source.run(
            f"CREATE TEMP TABLE {column}_code AS SELECT {column}, "
            f"row_number() OVER (ORDER BY {column}) - 1 AS code "
            f"FROM (SELECT DISTINCT {column} FROM selected)"
        )
    _refuse_blinded(source)
    source.run(_select_trials(rules, is_single, not is_single and not is_paired))
    _check_positions(source)
    _check_repeats(source)
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
        "FROM (SELECT DISTINCT participant, outcome FROM selected)"
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


def _find_whether_single(source: Source) -> bool:
    kinds = source.fetch_words("SELECT DISTINCT presentation FROM selected")
    if "single" in kinds and len(kinds) > 1:
        row = source.fetch_row(
            "SELECT min(row_number) FROM selected WHERE presentation = 'single'"
        )[0]
        raise ResponsesError(
            f"{source.name}: row {row}: a single image in a study of pairs; export the study again"
        )
    return kinds == ["single"]


def _refuse_blinded(source: Source) -> None:
    row = source.fetch_row(
        "SELECT min(row_number) FROM selected WHERE kind IN ('test', 'attention') AND answer <> '' "
        "AND truth = '' AND NOT contains(flags, 'voided')"
    )[0]
    if row is not None:
        raise ResponsesError(
            f"{source.name}: row {row}: truth is empty, as in a blinded export;"
            " wait until the study is complete, or export again with --unblind (logged)"
        )


def _select_trials(rules: ExclusionRules, is_single: bool, has_real_images: bool) -> str:
    """Return the statement that makes the table of trials.

    place: number of test trials before; nth: number of usable test trials up to this one; previous:
    the last answer before; repeated: another trial has the same position.
    """
    right = IS_RIGHT if is_single else f"({IS_RIGHT}) = (question = 'fake')"
    limits = [
        f"rt_ms {sign} {limit}"
        for sign, limit in (("<", rules.fast_ms), (">", rules.slow_ms))
        if limit is not None
    ]
    outlying = f"coalesce({' OR '.join(limits)}, FALSE)" if limits else "FALSE"
    bits = " | ".join(
        f"CASE WHEN contains(flags, '{flag}') THEN {bit} ELSE 0 END"
        for flag, bit in FLAG_BITS.items()
    )
    kinds = " ".join(f"WHEN '{kind}' THEN {code}" for kind, code in KIND_CODES.items())
    real_image, real_join = "", ""
    if has_real_images:
        real_image = "real_image_code.code::INTEGER AS r, "
        real_join = " JOIN real_image_code USING (real_image)"
    return f"""
CREATE TEMP TABLE trial AS
SELECT *,
  (count(*) FILTER (WHERE is_test) OVER w - is_test::INTEGER)::INTEGER AS place,
  (count(*) FILTER (WHERE is_test AND is_answered AND NOT is_outlying) OVER w)::INTEGER AS nth,
  lag(CASE WHEN is_main AND is_answered THEN chose_left END IGNORE NULLS)
    OVER (PARTITION BY p ORDER BY position) AS previous,
  coalesce(lag(position) OVER (PARTITION BY p ORDER BY position) = position, FALSE) AS repeated
FROM (
  SELECT p, image_code.code::INTEGER AS i, method_code.code::SMALLINT AS m, {real_image}
    position::INTEGER AS position, repeat_of::INTEGER AS repeat_of,
    kind = 'test' AND repeat_of IS NULL AS is_test,
    kind = 'attention' AND repeat_of IS NULL AS is_check,
    kind IN ('test', 'attention') AS is_main,
    CASE kind {kinds} END::UTINYINT AS kind_code,
    NOT contains(flags, 'voided') AS is_valid,
    NOT contains(flags, 'voided') AND answer <> '' AS is_answered,
    answer IN ('left', 'fake') AS chose_left,
    NOT ({right}) AS is_wrong,
    rt_ms, {outlying} AS is_outlying,
    ({bits})::UTINYINT AS flag_bits
  FROM selected JOIN person USING (participant) JOIN image_code USING (image)
  JOIN method_code USING (method){real_join}
)
WINDOW w AS (PARTITION BY p ORDER BY position ROWS UNBOUNDED PRECEDING)
"""


def _check_positions(source: Source) -> None:
    twice = source.fetch(
        "SELECT participant, position FROM trial JOIN person USING (p) WHERE repeated "
        "ORDER BY participant, position LIMIT 1"
    )
    if len(twice["position"]):
        raise ResponsesError(
            f"{source.name}: participant {twice['participant'][0]} has two rows with position "
            f"{twice['position'][0]}, expected one row per trial; do not combine overlapping "
            "exports; export the study again"
        )


def _check_repeats(source: Source) -> None:
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
