"""The table of a study's participants."""

from dataclasses import asdict
from typing import Any

from flask import g, request, url_for

from study_server.monitoring.participant_list import (
    DEFAULT_SORT,
    FLAG_TEXTS,
    ListFilter,
    find_page,
    read_filter,
    reverse_sort,
)
from study_server.studies.exclusion_counts import REASON_TEXTS, list_participant_summaries
from study_server.studies.stored_counts import MAX_COUNTED_FOR_A_PAGE, count_left_out
from study_server.views.researcher.study.page import (
    chosen_mode,
    create_study_blueprint,
    find_study,
    render_study_page,
)
from study_server.vocabulary import Mode

pages = create_study_blueprint("participants", "/participants")
COLUMNS = {  # the key that sorts it, and its heading
    "participant": "Participant",
    "outcome": "Outcome",
    "excluded": "Would be excluded",
    "started": "Started",
    "minutes": "Minutes",
    "trials": "Trials",
    "checks": "Attention checks",
    "disturbed": "Disturbed trials",
    "source": "Source",
    "device": "Device",
    "language": "Language",
}


@pages.get("")
def show(slug: str) -> str:
    """List the participants of a mode, searched, filtered and sorted."""
    study, mode, wanted = find_study(slug), chosen_mode(), read_filter(request.args)
    people = list_participant_summaries(g.db, study, mode, MAX_COUNTED_FOR_A_PAGE)
    page = find_page(people, wanted)

    def address(**changes: Any) -> str:
        return _list_address(slug, mode, wanted, changes)

    return render_study_page(
        "people/participants.html",
        study,
        mode=mode,
        wanted=wanted,
        page=page,
        left_out=count_left_out(g.db, study, mode, len(people)),
        address=address,
        sort_links={key: address(sort=reverse_sort(wanted.sort, key), page=1) for key in COLUMNS},
        columns=COLUMNS,
        reasons=REASON_TEXTS,
        flag_texts=FLAG_TEXTS,
    )


def _list_address(slug: str, mode: Mode, wanted: ListFilter, changes: dict[str, Any]) -> str:
    """Return the address of the table with some of its settings changed."""
    settings = asdict(wanted) | {"mode": mode} | changes
    usual = asdict(ListFilter()) | {"mode": Mode.LIVE, "sort": DEFAULT_SORT}
    different = {name: value for name, value in settings.items() if value != usual[name]}
    return url_for("participants.show", slug=slug, **different)
