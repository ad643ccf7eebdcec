from pathlib import Path

import pytest

from colorizer.files import atomic_write
from colorizer.photos.output_names import name_outputs


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def touch(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def name(*inputs: str, out: str = "out") -> dict[str, str]:
    jobs = name_outputs([Path(each) for each in inputs], Path(out))
    return {str(job.source): str(job.colorized.relative_to(out)) for job in jobs}


def test_a_folder_keeps_its_structure_and_a_file_its_name() -> None:
    touch("photos/a.jpg", "photos/sub/b.PNG", "photos/notes.txt", "c.d.webp")
    assert name("photos", "c.d.webp") == {
        "photos/a.jpg": "a.png",
        "photos/sub/b.PNG": "sub/b.png",
        "c.d.webp": "c.d.png",
    }


def test_equal_names_are_numbered_even_if_their_case_differs() -> None:
    touch("x/a.jpg", "x/a.png", "y/A.jpg", "y/a-2.jpg")
    colored = name("x", "y")
    assert list(colored.values()) == ["a.png", "a-2.png", "A-3.png", "a-2-2.png"]


def test_a_photograph_never_gets_the_name_of_another_ones_sheet() -> None:
    touch("x/a.jpg", "x/a-sheet.jpg")
    jobs = name_outputs([Path("x")], Path("out"))
    written = [path for job in jobs for path in (job.colorized, job.sheet)]
    assert len(set(written)) == 4


def test_an_input_is_never_overwritten() -> None:
    touch("a.png", "b.jpg", "b.png")
    colored = name("a.png", "b.jpg", "b.png", out=".")
    assert set(colored.values()) & {"a.png", "b.png"} == set()


def test_a_file_given_twice_is_colorized_once() -> None:
    touch("x/a.jpg")
    Path("link.jpg").symlink_to("x/a.jpg")
    assert name("x", "x/a.jpg", "link.jpg", "x") == {"x/a.jpg": "a.png"}


def test_earlier_outputs_in_a_folder_are_not_colorized_again() -> None:
    touch("photos/a.jpg", "photos/colorized/a.png")
    assert name("photos", out="photos/colorized") == {"photos/a.jpg": "a.png"}
    assert name("photos/colorized/a.png", out="photos/colorized") == {
        "photos/colorized/a.png": "a-2.png"
    }


def test_a_circular_link_is_named_like_any_other_file() -> None:
    Path("photos").mkdir()
    Path("photos/loop.jpg").symlink_to("loop.jpg")
    assert name("photos") == {"photos/loop.jpg": "loop.png"}


def test_long_names_are_truncated_and_numbered() -> None:
    long, umlauts = "x" * 250, "ä" * 125  # 250 bytes either way
    touch(f"{long}a.jpg", f"{long}b.jpg", f"{umlauts}.jpg")
    colored = name(f"{long}a.jpg", f"{long}b.jpg", f"{umlauts}.jpg")
    assert list(colored.values()) == [f"{'x' * 230}.png", f"{'x' * 230}-2.png", f"{'ä' * 115}.png"]
    for file in colored.values():
        with atomic_write(Path("out", file.replace(".png", "-sheet.png"))) as temporary:
            temporary.touch()
