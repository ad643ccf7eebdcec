from pathlib import Path

import pytest

from colorizer.errors import ColorizerError
from colorizer.object_storage import Storage
from colorizer.photos.folders import count_other_files
from colorizer.splits.selection import collect_photographs, collect_stored_photographs
from tests.buckets import BUCKET, lead_to_storage, run_storage

NAMES = [
    *("a/2.jpg", "a/10.jpg", "a-b/1.JPG", "a.png", "ü/é #1.jpg", "twice.jpg", "twice.png"),
    *("line\nbreak.jpg", ".hidden.jpg", ".trash/1.jpg", "notes.txt", "a/raw.xyz", "README"),
]


@pytest.mark.slow(0.9)
def test_a_url_has_the_photographs_of_a_folder_in_the_same_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # without data/split.csv
    folder = tmp_path / "photos"
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    with run_storage() as address:
        lead_to_storage(monkeypatch, address)
        storage = Storage(f"s3://{BUCKET}/selection")
        for name in NAMES:
            if "\n" not in name:  # S3 clients refuse control characters
                storage.write(name, b"")
        stored = collect_stored_photographs(storage.place)
        Storage(f"s3://{BUCKET}/texts").write("notes.txt", b"")
        with pytest.raises(ColorizerError, match=r"texts: no photographs .* but 1 file .* \.txt"):
            collect_stored_photographs(f"s3://{BUCKET}/texts")
    photographs, refused = collect_photographs("test", folder)
    assert [(each.image, each.file) for each in stored.photographs] == [
        (each.image, each.file) for each in photographs
    ]
    assert {each.root for each in stored.photographs} == {storage.place}
    assert len(photographs) == 5
    del refused["line\nbreak.jpg"]
    assert stored.refused == refused
    assert len(refused) == 2
    assert stored.others == count_other_files(folder)
