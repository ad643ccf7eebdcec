from pathlib import Path

import pytest

from study_server.errors import StudyError
from study_server.publication.facts import (
    FACTS_FILE,
    PublicationFacts,
    parse_facts,
    read_facts,
    write_facts,
)

AUTHORS = ("Ada Lovelace <0000-0001-2345-678X>", 'Zoë "Zo" \\ Müller')


def test_facts_are_kept_for_the_next_time(tmp_path: Path) -> None:
    facts = PublicationFacts(authors=AUTHORS, license="CC-BY-4.0", url="https://doi.org/10.1/x")
    assert read_facts(tmp_path) is None
    write_facts(facts, tmp_path)
    kept = read_facts(tmp_path)
    assert kept == facts.model_copy(update={"url": ""})  # the next study has another address
    assert facts.split_authors() == [
        ("Ada Lovelace", "0000-0001-2345-678X"),
        ('Zoë "Zo" \\ Müller', ""),
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"authors": (), "license": "CC0-1.0"}, "authors: Tuple should have at least 1 item"),
        ({"authors": ("Ada <12>",), "license": "CC0-1.0"}, r"authors.0: write a name, or a name"),
        ({"authors": AUTHORS, "license": "free for all"}, "license: write an SPDX identifier"),
        ({"license": "CC0-1.0"}, "authors: Field required"),
    ],
)
def test_a_wrong_fact_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        parse_facts(values, FACTS_FILE)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FACTS_FILE).write_text("authors = [")
    with pytest.raises(StudyError, match=r"publication\.toml: cannot be read"):
        read_facts(tmp_path)
