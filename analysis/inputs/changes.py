"""The changes of settings after the freeze, from changes.csv or `changes_export`."""

from dataclasses import dataclass

from analysis.inputs.companion_tables import CompanionTable, check_cells
from analysis.inputs.responses import HasDistinct

CHANGE_COLUMNS = ("study", "changed_at", "by", "setting", "before", "after", "complete")
CHANGES = CompanionTable("changes.csv", "changes_export", CHANGE_COLUMNS)


@dataclass(frozen=True)
class SettingChange:
    """A change of a setting of a frozen study. before, after: empty if there was no value.

    complete: number of participants who had finished by then.
    """

    changed_at: str
    setting: str
    before: str
    after: str
    complete: int


def read_changes(source: str, selected: HasDistinct) -> tuple[SettingChange, ...]:
    """Return the changes of the study of the selected responses, the oldest first.

    source: the file of the responses, beside which changes.csv may lie, or the URL of a study
    database. Returns () without that file. Raises ResponsesError if it is damaged.
    """
    if not CHANGES.exists_beside(source):
        return ()
    table, studies = CHANGES.name_in(source), selected.distinct("study")
    changes = []
    for line, (study, changed_at, _, setting, before, after, complete) in CHANGES.read(source):
        check_cells(
            f"{table}: {line}",
            (
                ("changed_at", changed_at, changed_at != "", "a time"),
                ("setting", setting, setting != "", "the name of a setting"),
                ("complete", complete, complete.isdecimal(), "a whole number"),
            ),
        )
        if study in studies:
            changes.append(SettingChange(changed_at, setting, before, after, int(complete)))
    return tuple(sorted(changes, key=lambda change: change.changed_at))
