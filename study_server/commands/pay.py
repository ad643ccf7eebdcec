"""The commands `study reconcile` and `study pay`, which write and carry out a pay sheet."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from study_server.commands.context import PATH_TYPE, SLUG_ARGUMENT, open_database
from study_server.counts import format_count
from study_server.payment.reconciliation import count_missing_from_list
from study_server.payment.reconciliation import reconcile as build_pay_sheet
from study_server.payment.settlement import Account, is_actionable, paying, settle_rows
from study_server.payment.sheet import read_sheet, write_sheet
from study_server.recruitment import mturk
from study_server.recruitment.platforms import Submission, read_submissions
from study_server.recruitment.prolific import connect
from study_server.storage.engine import write_transaction
from study_server.studies import lookup
from study_server.vocabulary import RecruitmentSource

PROLIFIC_OPTION = click.option(
    "--prolific",
    metavar="STUDY_ID",
    help="Read from (or act on) this Prolific study through its API.",
)
SANDBOX_OPTION = click.option(
    "--sandbox", is_flag=True, help="Use MTurk's sandbox, where nobody is paid."
)


@click.command()
@SLUG_ARGUMENT
@click.argument("platform_csv", metavar="[PLATFORM.csv]", type=PATH_TYPE, required=False)
@PROLIFIC_OPTION
@click.option("--mturk", "hit_id", metavar="HIT_ID", help="Read this MTurk HIT through the API.")
@SANDBOX_OPTION
@click.option(
    "--out",
    type=PATH_TYPE,
    help="Payment sheet to write.  [default: pay-SLUG.csv]",
)
def reconcile(
    slug: str, platform_csv: Path | None, prolific: str | None, hit_id: str | None, sandbox: bool,
    out: Path | None,
) -> None:  # fmt: skip
    """Compare a platform's submissions with the stored data and write a payment sheet.

    PLATFORM.csv is an export from Prolific, MTurk or SONA. Its IDs are hashed to find the
    participants and are never stored in the database. The sheet contains them, so delete it once
    everyone has been paid. If participants returned or timed out on the platform, their places
    are freed.

    The column `action` contains pay, decide, wait or nothing. Replace each `decide` with pay,
    return, reject or nothing, then run `study pay`.
    """
    if [platform_csv, prolific, hit_id].count(None) != 2:
        raise click.UsageError(
            "use exactly one of PLATFORM.csv, --prolific STUDY_ID and --mturk HIT_ID"
        )
    _, engine = open_database()
    source, submissions = _fetch(platform_csv, prolific, hit_id, sandbox)
    with write_transaction(engine) as db:
        study = lookup.find_study(db, slug)
        rows = build_pay_sheet(db, study, source, submissions)
        missing = count_missing_from_list(db, study, source, rows)
    out = out or Path(f"pay-{slug}.csv")
    write_sheet(out, rows)
    counts = Counter(row.action.value for row in rows)
    counts_text = ", ".join(f"{count} {action}" for action, count in counts.items()) or "nobody"
    click.echo(f"{out}: {counts_text}")
    if missing:
        absent = format_count(
            missing, f"participant from {source} is", f"participants from {source} are"
        )
        click.echo(f"{absent} not in this list")


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
@click.option("--dry-run", is_flag=True, help="Print what would be done, and change nothing.")
def pay(sheet: Path, prolific: str | None, sandbox: bool, dry_run: bool) -> None:
    """Carry out the actions of a payment sheet on Prolific or MTurk.

    \b
    action pay       approve a submission that awaits review
    action return    ask the participant to return it, with the reason (Prolific)
    action reject    reject it, with the reason (MTurk)
    bonus            additional amount, such as 1.50; on Prolific this requires
                     --prolific STUDY_ID

    The platform is asked about every submission first: those that are approved, rejected or
    returned there are left unchanged, and nobody gets a second bonus. Participants whom this server
    has recorded as paid are left out. You can therefore run the command again if it was
    interrupted. SONA grants credit itself when participants return from the study; otherwise grant
    it by hand.
    """
    rows = read_sheet(sheet)
    actions = [row for row in rows if is_actionable(row)]
    bonuses = [row for row in rows if row.bonus]
    counts = Counter(row.action.value for row in actions) + Counter(bonus=len(bonuses))
    if not dry_run:
        _, engine = open_database()
        account = Account(prolific or "", sandbox)
        with paying(engine):
            counts = settle_rows(engine, actions, bonuses, account)
    done = ", ".join(f"{count} {action}" for action, count in counts.items()) or "nothing"
    click.echo(f"{sheet}: {'would do' if dry_run else 'done'}: {done}")
