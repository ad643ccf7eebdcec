"""The page that says whom to pay and why, and that pays them on Prolific and MTurk."""

import os
from collections import Counter
from collections.abc import Sequence

from flask import Blueprint, Response, current_app, g, request
from flask.typing import ResponseReturnValue

from study_server.errors import StudyError
from study_server.payment import review as pay_review
from study_server.payment.reconciliation import count_missing_from_list, reconcile
from study_server.payment.records import count_unpaid
from study_server.payment.settlement import Account
from study_server.payment.sheet import PayAction, PaySheetRow, format_sheet, parse_sheet
from study_server.recruitment import mturk
from study_server.recruitment.platforms import Submission, parse_submissions
from study_server.recruitment.prolific import connect
from study_server.storage.models import Study
from study_server.studies.action_log import list_actions, log_action
from study_server.views.researcher.study.page import (
    create_study_blueprint,
    find_study,
    finish_change,
    render_study_page,
)
from study_server.vocabulary import RecruitmentSource

pages: Blueprint = create_study_blueprint("pay", "/pay")

LOGGED_AS = "paid participants: "
PLATFORM_NAMES = {RecruitmentSource.PROLIFIC: "Prolific", RecruitmentSource.MTURK: "MTurk"}
SHEET = "sheet"  # the form's field, and what messages call it


@pages.get("")
def show(slug: str) -> ResponseReturnValue:
    """Show where to get the platform's list, and what has been paid from this page."""
    return _render(find_study(slug))


def _render(study: Study, problem: str = "", **context: object) -> str:
    payments = [  # without those of a deleted study of the same name
        action
        for action in list_actions(g.db, study.slug)
        if action.action.startswith(LOGGED_AS) and action.done_at >= study.created_at
    ]
    return render_study_page(
        "pay.html",
        study,
        problem=problem,
        payable_sources=_list_payable_sources(),
        platform_names=PLATFORM_NAMES,
        unpaid=count_unpaid(g.db, study),
        payments=payments,
        account=_read_account(),
        **{"rows": None, "missing": 0, "actions": list(PayAction), "summary": None} | context,
    )


def _list_payable_sources() -> list[RecruitmentSource]:
    """Return the platforms for which this server has credentials."""
    has_credentials = {
        RecruitmentSource.PROLIFIC: bool(os.environ.get("PROLIFIC_TOKEN")),
        RecruitmentSource.MTURK: mturk.has_credentials(),
    }
    return [source for source, is_set in has_credentials.items() if is_set]


def _read_account() -> Account:
    """Return the platform's account that the page's form names."""
    return Account(request.form.get("prolific_study", "").strip(), "sandbox" in request.form)


def _render_sheet(
    study: Study, rows: Sequence[PaySheetRow], problem: str = "", **context: object
) -> str:
    text = "".join(format_sheet(rows))
    return _render(study, problem, rows=rows, sheet=text, **context)


@pages.post("")
def reconcile_upload(slug: str) -> ResponseReturnValue:
    """Compare a platform's list, uploaded or from Prolific's API, with the stored data."""
    find_study(slug)
    g.db.commit()  # nobody waits for this request's lock while a platform is asked
    try:
        source, submissions = _read_list()
    except StudyError as error:
        return _render(find_study(slug), str(error)), 409
    study = find_study(slug)
    rows = reconcile(g.db, study, source, submissions)
    missing = count_missing_from_list(g.db, study, source, rows)
    log_action(g.db, slug, f"compared {len(rows)} submissions on {source}", g.researcher.name)
    g.db.commit()
    return _render_sheet(find_study(slug), pay_review.sort_for_review(rows), missing=missing)


def _read_list() -> tuple[RecruitmentSource, Sequence[Submission]]:
    account, hit = _read_account(), request.form.get("hit", "").strip()
    if account.study:
        return RecruitmentSource.PROLIFIC, connect().list_submissions(account.study)
    if hit:
        client = mturk.create_client(account.sandbox)
        return RecruitmentSource.MTURK, mturk.list_assignments(client, hit)
    file = request.files.get("list")
    if file is None or not file.filename:
        raise StudyError("choose the file that the platform exports")
    with file.stream:  # a large upload is in a temporary file until here
        return parse_submissions(file.filename, file.read())


def _read_sheet() -> list[PaySheetRow]:
    """Return the rows of the sheet that the page sends back, with the decisions in its form."""
    rows = parse_sheet(SHEET, request.form.get(SHEET, ""))
    return pay_review.apply_decisions(rows, _indexed("action"), _indexed("bonus"))


def _indexed(name: str) -> dict[int, str]:
    """Return the values of the fields NAME-0, NAME-1 and so on, by number."""
    fields = (
        (field.removeprefix(f"{name}-"), value)
        for field, value in request.form.items()
        if field.startswith(f"{name}-")
    )
    return {int(number): value for number, value in fields if number.isdecimal()}


@pages.post("/sheet")
def download(slug: str) -> ResponseReturnValue:
    """Send the sheet with the decisions, for `study pay` or for a spreadsheet program."""
    study = find_study(slug)
    try:
        rows = _read_sheet()
    except StudyError as error:
        return _render(study, str(error)), 409
    headers = {"Content-Disposition": f"attachment; filename=pay-{slug}.csv"}
    return Response("".join(format_sheet(rows)), mimetype="text/csv", headers=headers)


@pages.post("/review")
def review(slug: str) -> ResponseReturnValue:
    """Show what would be done on the platform, before it is done, or the decisions again."""
    study = find_study(slug)
    try:
        rows = _read_sheet()
    except StudyError as error:
        return _render(study, str(error)), 409
    summary = None if "edit" in request.form else pay_review.summarize(rows)
    return _render_sheet(study, rows, summary=summary)


@pages.post("/settle")
def settle(slug: str) -> ResponseReturnValue:
    """Approve, return or reject, and pay bonuses; a second time changes nothing."""
    name, study = g.researcher.name, find_study(slug)
    try:
        rows = _read_sheet()
    except StudyError as error:
        return _render(study, str(error)), 409
    g.db.commit()  # nobody waits for this request's lock while a platform is asked
    try:
        done = pay_review.settle_sheet(current_app.extensions["engine"], rows, _read_account())
    except StudyError as error:
        log_action(g.db, slug, f"{LOGGED_AS}stopped by an error", name)
        g.db.commit()
        return _render_sheet(find_study(slug), rows, str(error)), 409
    study, text = find_study(slug), _describe(done.counts)
    summary = pay_review.summarize(done.rows)
    if not summary.has_work:
        return finish_change(study, LOGGED_AS + text, f"Done: {text}", "pay.show")
    log_action(g.db, slug, LOGGED_AS + text, name)
    g.db.commit()
    problem = f"Done so far: {text}. There is more to do; continue"
    return _render_sheet(find_study(slug), done.rows, problem, summary=summary)


def _describe(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "nothing"
