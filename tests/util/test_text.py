"""Text from files that would steer a terminal or turn the direction of reading."""

import pytest

from bench.data.listing import Item
from bench.data.pack import _attempt
from bench.report.markdown import grid, plain
from bench.runs.tables import read_table
from bench.util.errors import UserError
from bench.util.files import read_json, write_json
from bench.util.text import shown, unseen

STEERING = ["\x1b[2J", "\x07", "\x9b31m", "a\x00b", "\u202etxt.exe", "a\rb", "\u2066"]


@pytest.mark.parametrize("text", STEERING)
def test_what_steers_is_found_anywhere_and_shown_as_an_escape(text):
    character = next(one for one in text if not one.isprintable() or one in "\u202e\u2066")
    assert unseen({"a": ["b", {"c": text}]}) == (("a", 1, "c"), f"U+{ord(character):04X}")
    assert unseen({text: 1}) is not None
    assert character not in shown(text)
    assert shown(text).isascii()


def test_words_of_any_language_stay():
    kept = {"name": "Šárka\tMüller, 中文, العربية — ≥ 3 %\n", "count": [1, 2.5, None, True]}
    assert unseen(kept) is None
    assert shown(kept["name"]) == kept["name"]


@pytest.mark.parametrize("text", STEERING)
def test_a_json_file_with_it_is_refused_in_one_visible_line(tmp_path, text):
    write_json(tmp_path / "x.json", {"hardware": {"cpu": text}})
    with pytest.raises(UserError, match=r"x\.json: hardware\.cpu holds the control character U\+") as error:
        read_json(tmp_path / "x.json")
    assert unseen(str(error.value)) is None


def test_json_nested_beyond_reason_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(UserError, match="nested too deeply"):
        read_json(tmp_path / "x.json")


def test_a_table_with_it_is_refused(tmp_path):
    content = b"mask_set,image,psnr\ncenter,\x1b[2Jface,20\n"
    with pytest.raises(UserError, match="control characters in the column image"):
        read_table(tmp_path / "scores.csv", content)


def test_a_picture_with_such_a_name_is_left_out():
    assert _attempt(Item("face\x1b[2J.png", "g", lambda: pytest.fail("opened"))) == "its name holds control characters"


def test_markdown_takes_no_tag_and_no_link_from_a_text():
    assert plain("a <script>x</script> [b](javascript:c)\nd") == "a &lt;script>x&lt;/script> [b]\\(javascript:c) d"
    assert grid(["a|b"], [["](x)"]])[0] == "| a\\|b |"
