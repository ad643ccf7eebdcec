"""The commands that print links: `study recruit`, `study invite` and `study personal-link`."""

import secrets
from urllib.parse import urlencode

import click

from study_server.commands.address import find_address, warn_if_unreachable
from study_server.commands.context import SLUG_ARGUMENT, open_database
from study_server.errors import StudyError
from study_server.participants.identities import find_by_external_id
from study_server.recruitment.arrival import (
    OUTCOMES_WITH_CODE,
    prolific_completion_code,
    sign_return_parameters,
)
from study_server.recruitment.invitations import create_invitation
from study_server.recruitment.platform_settings import (
    PLATFORMS,
    format_platform_link,
    parse_credit_url,
    parse_prolific_code,
    store_credit_url,
    store_prolific_codes,
)
from study_server.recruitment.stopping import (
    change_quota,
    change_stop_at,
    describe_quota,
    describe_stop_at,
    load_quotas,
    parse_number,
)
from study_server.settings import Settings, require_secret
from study_server.storage.engine import read_session, write_transaction
from study_server.studies import lookup
from study_server.studies.action_log import COMMAND_LINE, log_action
from study_server.vocabulary import Mode, Outcome, RecruitmentSource


def _parse_codes(
    _ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[Outcome, str]:
    pairs = [value.partition("=") for value in values]
    try:
        return dict(parse_prolific_code(outcome, code) for outcome, _, code in pairs)
    except StudyError as error:
        raise click.BadParameter(str(error)) from error


def _check_credit_url(
    _ctx: click.Context, _option: click.Parameter, value: str | None
) -> str | None:
    try:
        return value and parse_credit_url(value)
    except StudyError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@SLUG_ARGUMENT
@click.argument("platform", type=click.Choice([source.value for source in PLATFORMS]))
@click.option(
    "--code", "codes", metavar="OUTCOME=CODE", multiple=True, callback=_parse_codes,
    help="Prolific's code for complete, screened_out or timed_out. Repeatable. "
    "[default: generated]",
)  # fmt: skip
@click.option(
    "--credit-url", callback=_check_credit_url, metavar="URL",
    help="SONA's completion URL (client-side), where participants go at the end.",
)  # fmt: skip
def recruit(slug: str, platform: str, codes: dict[Outcome, str], credit_url: str | None) -> None:
    """Print the study link and the completion codes to enter on a platform.

    The link begins with STUDY_PUBLIC_URL; without it, the command warns, because a platform cannot
    use the link. See docs/recruitment.md for step-by-step instructions.
    """
    settings, engine = open_database()
    source = RecruitmentSource(platform)
    if codes and source is not RecruitmentSource.PROLIFIC:
        raise click.UsageError("--code can only be used with prolific")
    if credit_url and source is not RecruitmentSource.SONA:
        raise click.UsageError("--credit-url can only be used with sona")
    with write_transaction(engine) as db:
        study = lookup.find_study(db, slug)
        store_prolific_codes(db, study, codes)
        if credit_url:
            store_credit_url(db, study, credit_url)
        codes_by_outcome = {
            outcome: prolific_completion_code(db, study, outcome) for outcome in OUTCOMES_WITH_CODE
        }
    click.echo(format_platform_link(_find_entry(settings, slug), source))
    for outcome, code in codes_by_outcome.items() if source is RecruitmentSource.PROLIFIC else ():
        click.echo(f"{outcome:<13} {code}")


@click.command("stop-at")
@SLUG_ARGUMENT
@click.argument("number", metavar="N", type=click.IntRange(min=0))
def stop_at(slug: str, number: int) -> None:
    """Stop enrollment when N participants are complete or under way; 0 removes the limit.

    Those who drop out free their places. `study freeze` sets N to the planned number of
    participants. A change after the freeze is exported in changes.csv, and the report lists it as
    a deviation. Use a small N for a soft launch: look at the first participants, then raise it.
    """
    _, engine = open_database()
    with write_transaction(engine) as db:
        study = lookup.find_study(db, slug)
        if change_stop_at(db, study, number or None, COMMAND_LINE):
            log_action(db, slug, f"set stop_at to {number or 'no limit'}", COMMAND_LINE)
        text = describe_stop_at(study.stop_at)
    click.echo(f"{slug}: {text}")


@click.command()
@SLUG_ARGUMENT
@click.argument("name", type=click.Choice([one.value for one in RecruitmentSource]), required=False)
@click.argument("number", metavar="[N|none]", required=False)
def quota(slug: str, name: str | None, number: str | None) -> None:
    """Admit at most N participants from one source; `none` removes the limit.

    Participants who are complete or under way count; those who drop out free their places. The
    source is prolific, mturk, sona, or link (plain links and invitations). A quota can be changed
    while the study runs; a change after the freeze is exported in changes.csv, and the report lists
    it as a deviation. Without a source, the quotas are listed.
    """
    if (name is None) != (number is None):
        raise click.UsageError("give a source and a number, or neither")
    _, engine = open_database()
    with write_transaction(engine) as db:
        study = lookup.find_study(db, slug)
        if name is not None and number is not None:
            source, places = RecruitmentSource(name), _parse_quota(number)
            if change_quota(db, study, source, places, COMMAND_LINE):
                action = f"changed quotas: {describe_quota(source, places)}"
                log_action(db, slug, action, COMMAND_LINE)
        quotas = load_quotas(db, study)
    lines = [describe_quota(*one) for one in quotas.items()]
    click.echo(f"{slug}: {'; '.join(lines) or 'no quotas'}")


def _parse_quota(text: str) -> int | None:
    return None if text == "none" else parse_number(text)


@click.command()
@SLUG_ARGUMENT
@click.argument("people", metavar="N", type=click.IntRange(1, 100_000))
def invite(slug: str, people: int) -> None:
    """Print N personal invitation links; opening one again resumes where its owner left off.

    With `entry = "invited"` in study.toml, these links are the only way in. They are signed with
    STUDY_SECRET_KEY, which must be the one that `study serve` has, and begin with STUDY_PUBLIC_URL.
    """
    settings, engine = open_database()
    require_secret(settings)
    with read_session(engine) as db:
        lookup.find_study(db, slug)
    entry = _find_entry(settings, slug)
    for _ in range(people):
        token = create_invitation(settings.secret_key, slug, Mode.LIVE, secrets.token_hex(8))
        click.echo(f"{entry}?{urlencode({'invitation': token})}")


@click.command("personal-link")
@SLUG_ARGUMENT
@click.argument("platform", type=click.Choice([source.value for source in PLATFORMS]))
@click.argument("external_id", metavar="ID")
def personal_link(slug: str, platform: str, external_id: str) -> None:
    """Print the personal link of a participant who cannot return to the browser they started in.

    ID is the participant's ID on the platform (SONA: the survey code). Anyone who has the link can
    see and delete the answers, so send it only in the platform's own messages.
    """
    settings, engine = open_database()
    require_secret(settings)
    source = RecruitmentSource(platform)
    with read_session(engine) as db:
        study = lookup.find_study(db, slug)
        participant = find_by_external_id(db, study, external_id, source)
        if participant is None:
            raise StudyError(
                f"study {slug!r} has no participant {external_id!r} from {platform}; check the ID, "
                "or whether `study anonymize` has deleted it"
            )
        back = {"survey_code": external_id} if source is RecruitmentSource.SONA else {}
        signed = sign_return_parameters(settings.secret_key, participant, back)
        query = f"?{urlencode({'back': signed})}" if signed else ""
    address = find_address(settings)
    warn_if_unreachable(address)
    click.echo(f"{address}/p/{participant.token}{query}")


def _find_entry(settings: Settings, slug: str) -> str:
    """Return the address of the study's consent page; warn if participants cannot reach it."""
    address = find_address(settings)
    warn_if_unreachable(address)
    return f"{address}/s/{slug}"
