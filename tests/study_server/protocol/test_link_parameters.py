"""Tests of the names of stored link parameters and of their values."""

import pytest
from pydantic import ValidationError

from study_server.protocol.link_parameters import RESERVED_NAMES, select_link_parameters
from tests.conftest import short_protocol


@pytest.mark.parametrize("name", [*RESERVED_NAMES, "prolific_pid", "WORKERID"])
def test_a_parameter_that_identifies_people_cannot_be_stored(name: str) -> None:
    with pytest.raises(ValidationError, match="recognize people; choose another name"):
        short_protocol(link_parameters=[name])


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["batch", "batch"], "lists 'batch' twice"),
        (["a b"], "String should match pattern"),
        ([f"a{number}" for number in range(11)], "at most 10 items"),
    ],
)
def test_invalid_lists_of_names_are_refused(names: list[str], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        short_protocol(link_parameters=names)


def test_only_allowed_parameters_with_a_value_are_selected() -> None:
    address = {"batch": "b", "site": "", "other": "x", "long": "ä" * 300}
    assert select_link_parameters(("batch", "site", "absent", "long"), address) == {
        "batch": "b",
        "long": "ä" * 200,
    }
