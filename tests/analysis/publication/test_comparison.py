import pytest

from analysis.publication.comparison import Difference, find_difference

REPORT = {"task": "real_or_fake", "methods": {"l2": {"rate": 0.25, "ci95": [0.1, 0.4], "n": 3}}}


def changed(**values: object) -> dict[str, object]:
    return {**REPORT, "methods": {"l2": {**REPORT["methods"]["l2"], **values}}}  # type: ignore[index]


def test_other_versions_of_the_software_make_no_difference() -> None:
    old, new = REPORT | {"software": {"numpy": "2.0"}}, REPORT | {"software": {"numpy": "2.1"}}
    assert find_difference(old, new) is None


@pytest.mark.parametrize("rate", [0.25 * (1 + 5e-10), 0.25 - 1e-13])
def test_rounding_makes_no_difference(rate: float) -> None:
    assert find_difference(REPORT, changed(rate=rate)) is None


@pytest.mark.parametrize(
    ("place", "value"),
    [("rate", 0.25 * (1 + 2e-9)), ("rate", None), ("n", 4), ("ci95", [0.1]), ("more", 1)],
)
def test_the_first_difference_is_named(place: str, value: object) -> None:
    published = REPORT["methods"]["l2"].get(place)  # type: ignore[index]
    assert find_difference(REPORT, changed(**{place: value})) == Difference(
        f"methods.l2.{place}", published, value
    )


def test_a_difference_inside_a_list_is_named_by_its_number() -> None:
    difference = find_difference(REPORT, changed(ci95=[0.1, 0.5]))
    assert difference == Difference("methods.l2.ci95.1", 0.4, 0.5)
