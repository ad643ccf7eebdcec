"""The texts of the player's scripts are those that the scripts use."""

import re
from pathlib import Path

from study_server.wording.player_texts import PLAYER_TEXTS

SCRIPTS = Path(__file__).parents[3] / "static" / "player"


def scripts() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in SCRIPTS.rglob("*.js"))


def test_no_script_holds_a_sentence_of_its_own() -> None:
    code = re.sub(r"^\s*(/?\*|//).*$", "", scripts(), flags=re.MULTILINE)
    assert re.findall(r"""(["'`])([A-Z][^"'`\n]* [^"'`\n]*|[^"'`\n]*\w[.…!?])\1""", code) == []


def test_every_text_is_used_and_every_text_used_is_there() -> None:
    plain = set(re.findall(r'\bformatText\(\s*"(\w+)"', scripts()))
    assert plain <= set(PLAYER_TEXTS)
    names = set(re.findall(r'"(\w+)"', scripts()))
    places = ("left", "right", "center")
    composed = {
        f"{verdict}_{fake}" for verdict in ("correct", "incorrect") for fake in (*places, "none")
    }
    composed |= {"fake", "real"}  # the server says which
    composed |= {"reference_image", "practice_set", "test_set"}
    composed |= {f"{place}_image" for place in places}
    kinds = ("qualification", "practice", "test")
    composed |= {f"{kind}_{what}" for kind in kinds for what in ("pair", "image")}
    assert set(PLAYER_TEXTS) <= plain | names | composed
