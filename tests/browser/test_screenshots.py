"""The pictures of the tutorial can be taken again, with what it says to click."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.docs.scripts import load_script
from tests.docs.test_first_study import PAGE, PICTURES

pytestmark = pytest.mark.slow(15)


def test_the_pictures_can_be_taken_again(browser: Browser, tmp_path: Path) -> None:
    load_script("make_screenshots").make_screenshots(tmp_path, browser, people=3)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(PICTURES)
    for name in PICTURES:
        with (
            Image.open(tmp_path / name) as new,
            Image.open(PAGE.parent / "first-study" / name) as old,
        ):
            assert new.size == old.size
