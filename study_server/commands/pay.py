"""`study reconcile` and `pay`: a sheet of whom to pay, and paying by it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from study_server.commands.context import PATH_TYPE, SLUG_ARGUMENT, open_database
from study_server.errors import StudyError
from study_server.recruitment import mturk
from study_server.recruitment.pay_sheet import (
    count_missing_from_list,
    read_sheet,
    write_sheet,
)
from study_server.recruitment.pay_sheet import reconcile as hold_against
from study_server.recruitment.payment import is_actionable, settle_submissions
from study_server.recruitment.platforms import Submission, read_submissions
from study_server.recruitment.prolific import connect
from study_server.storage.engine import write_transaction
from study_server.studies import lookup
from study_server.vocabulary import RecruitmentSource

PROLIFIC_OPTION = click.option(
    "--prolific", metavar="STUDY_ID", help="Prolific's study, by its API."
)
SANDBOX_OPTION = click.option(
    "--sandbox", is_flag=True, help="MTurk's sandbox, where nobody is paid."
)


@click.command()
@SLUG_ARGUMENT
@click.argument("platform_csv", metavar="[PLATFORM.csv]", type=PATH_TYPE, required=False)
@PROLIFIC_OPTION
@click.option("--mturk", "hit_id", metavar="HIT_ID", help="MTurk's HIT, by its API.")
@SANDBOX_OPTION
@click.option("--out", type=PATH_TYPE, default=Path("pay.csv"), show_default=True)
def reconcile(
    slug: str, platform_csv: Path | None, prolific: str | None, hit_id: str | None, sandbox: bool,
    out: Path,
) -> None:  # fmt: skip
    """Hold a platform's list against the answers; write the sheet of whom to pay, and why.

    PLATFORM.csv is what Prolific, MTurk or SONA exports. Its ids are hashed with the study's key
    to find the people and never stored here; the sheet has them, so delete it once all are paid.
    Who returned or timed out there gives their place to the next person.

    In the sheet `action` is pay, decide (write what you decide: pay, return, reject or nothing),
    wait or nothing; `study pay` carries it out.
    """
    if [platform_csv, prolific, hit_id].count(None) != 2:
        raise click.UsageError("give one of PLATFORM.csv, --prolific STUDY_ID, --mturk HIT_ID")
    _, engine = open_database()
    source, listed = _fetch(platform_csv, prolific, hit_id, sandbox)
    with write_transaction(engine) as db:
        study = lookup.find_study(db, slug)
        rows = hold_against(db, study, source, listed)
        unlisted = count_missing_from_list(db, study, source, rows)
    write_sheet(out, rows)
    counts = Counter(row.action.value for row in rows)
    counts_text = ", ".join(f"{count} {action}" for action, count in counts.items()) or "nobody"
    click.echo(f"{out}: {counts_text}")
    if unlisted:
        click.echo(f"{unlisted} participants from {source} are not in that list")


def _fetch(
    file: Path | None, study: str | None, hit: str | None, sandbox: bool
) -> tuple[RecruitmentSource, Sequence[Submission]]:
    if file is not None:
        return read_submissions(file)
    if study is not None:
        return RecruitmentSource.PROLIFIC, connect().list_submissions(study)
    return RecruitmentSource.MTURK, mturk.list_assignments(mturk.create_client(sandbox), str(hit))


@click.command()
@click.argument("sheet", type=PATH_TYPE)
@PROLIFIC_OPTION
@SANDBOX_OPTION
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
def pay(sheet: Path, prolific: str | None, sandbox: bool, dry_run: bool) -> None:
    """Do what the sheet of `study reconcile` says, on Prolific or MTurk.

    \b
    action pay       approves a submission that waits for it
    action return    asks for it to be returned, with the reason (Prolific)
    action reject    rejects it, with the reason (MTurk)
    bonus            an amount such as 1.50, paid beside; needs --prolific STUDY_ID there

    What is approved already is left alone, and nobody gets a second bonus. SONA's credit is given
    by SONA itself, when participants come back from the study, or by hand.
    """
    rows = read_sheet(sheet)
    actions = [row for row in rows if is_actionable(row)]
    bonuses = [row for row in rows if row.bonus.strip()]
    for row in bonuses:
        if not row.bonus.replace(".", "", 1).isdigit():
            raise StudyError(f"{sheet}: bonus {row.bonus!r} is not like 1.50")
    if not dry_run:
        for source in {row.source for row in (*actions, *bonuses)}:
            source_actions = [row for row in actions if row.source is source]
            source_bonuses = [row for row in bonuses if row.source is source]
            settle_submissions(source, source_actions, source_bonuses, prolific, sandbox)
    counts = Counter(row.action.value for row in actions) + Counter(bonus=len(bonuses))
    done = ", ".join(f"{count} {action}" for action, count in counts.items()) or "nothing"
    click.echo(f"{sheet}: {'would do' if dry_run else 'done'}: {done}")
