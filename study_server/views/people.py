"""The pseudonym of the person who makes a request, in studies that are linked."""

from flask import abort, current_app

from study_server.participants.identities import make_person_code
from study_server.protocol.model import parse_stored_protocol
from study_server.settings import Settings
from study_server.storage.models import Study
from study_server.vocabulary import RecruitmentSource


def find_person(study: Study, source: RecruitmentSource, external_id: str | None) -> str | None:
    """Return the person's pseudonym, or None if the study is not linked or the id is unknown."""
    if external_id is None or not parse_stored_protocol(study.protocol).linked:
        return None
    settings: Settings = current_app.extensions["settings"]
    if not settings.person_key:
        abort(503)  # `study open` and `study serve` require the key
    return make_person_code(settings.person_key, source, external_id)
