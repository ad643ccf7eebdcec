import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from skimage.data import astronaut, chelsea, coffee

from colorizer.errors import ColorizerError
from colorizer.splits.assignment import (
    InspectedPhotograph,
    assign_splits,
    find_new_files,
    inspect_files,
    scale_report_count,
)
from colorizer.splits.split_file import Photograph, read_split, select_split, write_split
from tests.colorizer.pictures import truncate, write_pictures


def rows(count: int, start: int = 0) -> list[Photograph]:
    names = [f"{number:04}" for number in range(start, start + count)]
    return [Photograph("/photos", name, f"{name}.jpg", "", False, name) for name in names]


def counts(photographs: list[Photograph]) -> Counter[str]:
    return Counter(row.split for row in photographs)


def test_the_first_split_has_exactly_the_requested_counts() -> None:
    assert counts(assign_splits(rows(1000), [], val=50, test=160, seed=0)) == {
        "train": 790,
        "val": 50,
        "test": 160,
    }


def test_a_dozen_photographs_can_be_split_by_fractions() -> None:
    split = assign_splits(rows(12), [], val=0.05, test=0.2, seed=0)
    assert counts(split) == {"train": 9, "val": 1, "test": 2}


def test_a_split_without_training_photographs_is_refused() -> None:
    with pytest.raises(ColorizerError, match=r"--test 1600 .* of 12 color photographs"):
        assign_splits(rows(12), [], val=0.05, test=1600, seed=0)


def test_recorded_rows_never_change_and_later_ones_keep_the_proportions() -> None:
    first = assign_splits(rows(500), [], val=0.1, test=200, seed=0)
    both = assign_splits(rows(2000, start=500), first, val=0.5, test=1, seed=0)
    assert both[:500] == first
    later = counts(both[500:])
    assert later["test"] == pytest.approx(800, abs=80)  # 200 of 500, as in the first split
    assert later["val"] == pytest.approx(200, abs=50)


def test_a_later_photographs_split_does_not_depend_on_the_others() -> None:
    first = assign_splits(rows(100), [], val=10, test=30, seed=0)
    alone = assign_splits(rows(1, start=150), first, val=10, test=30, seed=0)
    among = assign_splits(rows(100, start=100), first, val=10, test=30, seed=0)
    assert alone[-1] == among[150]


def test_another_seed_gives_another_split() -> None:
    assert assign_splits(rows(100), [], 10, 30, seed=0) != assign_splits(
        rows(100), [], 10, 30, seed=1
    )


def test_a_group_is_in_one_split() -> None:
    crops = [replace(row, group=row.image[:3]) for row in rows(100)]  # ten of each
    split = assign_splits(crops, [], val=2, test=3, seed=0)
    assert len({(row.group, row.split) for row in split}) == 10
    more = [replace(row, group="000") for row in rows(5, start=100)]
    splits = {row.split for row in assign_splits(more, split, 2, 3, seed=0) if row.group == "000"}
    assert len(splits) == 1


def test_later_near_duplicates_join_the_split_of_the_first(tmp_path: Path) -> None:
    scenes = [Image.fromarray(data) for data in (astronaut(), chelsea(), coffee())]
    photographs = [scene.crop((x, 0, x + 220, 220)) for scene in scenes for x in (0, 220)]
    write_copies(photographs, tmp_path / "first", side=220)
    split = assign_splits(inspect_folder(tmp_path / "first"), [], val=1, test=2, seed=0)
    splits = {row.file: row.split for row in split}
    assert len(set(splits.values())) == 3

    write_copies(photographs, tmp_path / "later" / "small", side=70)
    write_copies(photographs, tmp_path / "later" / "large", side=300)
    both = assign_splits(inspect_folder(tmp_path / "later"), split, val=1, test=2, seed=0)
    assert both[:6] == split
    assert [row.split for row in both[6:]] == [splits[Path(row.file).name] for row in both[6:]]
    assert len(both) == 18


def write_copies(photographs: list[Image.Image], folder: Path, side: int) -> None:
    folder.mkdir(parents=True)
    for number, photograph in enumerate(photographs):
        photograph.resize((side, side)).save(folder / f"{number}.jpg", quality=60)


def inspect_folder(folder: Path) -> list[Photograph]:
    files, _ = find_new_files(folder, [])
    results = inspect_files(folder, files)
    return [result.row for result in results if isinstance(result, InspectedPhotograph)]


def test_counts_are_exact_despite_groups_if_single_photographs_suffice() -> None:
    pairs = [replace(row, group=f"{int(row.image) // 2}") for row in rows(60)]
    assert counts(assign_splits([*pairs, *rows(40, start=60)], [], val=7, test=31, seed=0)) == {
        "train": 62,
        "val": 7,
        "test": 31,
    }


@pytest.mark.parametrize(
    ("photographs", "val", "test"),
    [(200_000, 8400, 1600), (1_300_000, 8400, 1600), (20_000, 840, 160), (12, 1, 1)],
)
def test_the_reports_counts_shrink_with_the_folder(photographs: int, val: int, test: int) -> None:
    assert scale_report_count("val", photographs) == val
    assert scale_report_count("test", photographs) == test


def test_gray_photographs_get_no_split() -> None:
    gray = [replace(row, gray=True) for row in rows(3)]
    split = assign_splits([*gray, *rows(12, start=3)], [], val=1, test=2, seed=0)
    assert counts(split) == {"": 3, "train": 9, "val": 1, "test": 2}


def test_a_written_split_is_read_back_unchanged(tmp_path: Path) -> None:
    odd = [replace(row, image=f'{row.image}, a "b" ü') for row in rows(12)]
    split = assign_splits(odd, [], val=1, test=2, seed=0)
    write_split(tmp_path / "split.csv", split)
    assert read_split(tmp_path / "split.csv") == split


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/p,b,b.jpg,practice,0,b", r"split.csv:3: split is 'practice'"),
        ("/p,b,b.jpg,train,1,b", r"split.csv:3: split is 'train'; it must be empty for a gray"),
        ("/p,b,b.jpg,train,no,b", r"split.csv:3: gray is 'no'"),
        ("/p,b,b.jpg,train", r"split.csv:3: expected 6 fields"),
        ("/p,b,b.jpg,train,0,b,0123", r"split.csv:3: expected 6 fields"),
        ("/p,a,a.png,train,0,a", r"the ID a occurs 2 times; it must be unique"),
        ("/p,b,b.jpg,test,0,a", r"group a is in both train and test"),
    ],
)
def test_an_invalid_row_in_a_split_file_is_refused(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text(f"root,image,file,split,gray,group\n/p,a,a.jpg,train,0,a\n{line}\n")
    with pytest.raises(ColorizerError, match=message):
        read_split(path)


def test_an_invalid_hash_in_a_split_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("root,image,file,split,gray,group,phash\n/p,a,a.jpg,train,0,a,00ff\n")
    with pytest.raises(
        ColorizerError, match=r"split.csv:2: phash is '00ff'; it must be 16 hex digits"
    ):
        read_split(path)


def test_the_error_for_a_missing_split_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ColorizerError, match="run `colorizer split PHOTOS` first"):
        read_split(tmp_path / "split.csv")


def test_an_empty_split_is_refused() -> None:
    with pytest.raises(ColorizerError, match="the val split is empty"):
        select_split(assign_splits(rows(12), [], val=0, test=2, seed=0), "val")


def test_files_with_the_same_id_are_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path, 2)
    (tmp_path / "00.png").write_bytes((tmp_path / "00.jpg").read_bytes())
    new_files, refused = find_new_files(tmp_path, [])
    assert [path.name for path in new_files] == ["01.jpg"]
    assert list(refused) == ["00.jpg", "00.png"]

    recorded = Photograph(str(tmp_path), "00", "00.jpg", "train", False, "00")
    new_files, refused = find_new_files(tmp_path, [recorded])
    assert [path.name for path in new_files] == ["01.jpg"]
    assert list(refused) == ["00.png"]
    assert "already has the ID 00" in refused["00.png"]


def test_a_folder_without_photographs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ColorizerError, match="no photographs in this folder"):
        find_new_files(tmp_path, [])


def test_names_with_line_breaks_or_invalid_bytes_are_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    names = [b"a b.jpg", "nar\u202frow.jpg".encode(), b"line\nbreak.jpg", b"latin-\xe9.jpg"]
    for name in names:
        os.link(tmp_path / "00.jpg", os.fsencode(tmp_path) + b"/" + name)
    new_files, refused = find_new_files(tmp_path, [])
    assert {os.fsencode(path.name) for path in new_files} == {b"00.jpg", *names[:2]}
    assert {os.fsencode(name) for name in refused} == set(names[2:])


def test_an_id_is_the_path_relative_to_the_folder(tmp_path: Path) -> None:
    write_pictures(tmp_path / "birds" / "small", 1)
    truncated = tmp_path / "cut.v2.jpg"
    truncated.write_bytes((tmp_path / "birds" / "small" / "00.jpg").read_bytes())
    truncate(truncated)
    files, _ = find_new_files(tmp_path, [])
    good, bad = inspect_files(tmp_path, files)
    assert isinstance(good, InspectedPhotograph)
    assert (good.row.image, good.row.file) == ("birds/small/00", "birds/small/00.jpg")
    assert good.row.path == tmp_path / "birds" / "small" / "00.jpg"
    assert not isinstance(bad, InspectedPhotograph)
    assert bad[0] == "cut.v2.jpg"
