"""The length of a study follows from the number of photographs."""

import pytest

from demo.sizes import FULL_SIZE, MIN_PHOTOGRAPHS, fit_size


@pytest.mark.parametrize("photographs", range(MIN_PHOTOGRAPHS, 40))
def test_a_participant_never_needs_more_photographs_than_there_are(photographs: int) -> None:
    size = fit_size(photographs)
    assert size.photographs <= photographs
    assert 0 < size.attention_checks < size.trials
    assert size.practice > 0


def test_enough_photographs_make_the_whole_study() -> None:
    assert fit_size(FULL_SIZE.photographs) == fit_size(1600) == FULL_SIZE
    assert (FULL_SIZE.practice, FULL_SIZE.trials, FULL_SIZE.attention_checks) == (4, 20, 2)


def test_too_few_photographs_are_refused_with_their_number() -> None:
    with pytest.raises(ValueError, match="only 7 test photographs"):
        fit_size(MIN_PHOTOGRAPHS - 1)
