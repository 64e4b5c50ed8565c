"""On which line a key stands."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bench.paper.lines import line_at, lines_of

TEXT = '''title = "x" # [ """ neither is closed
"odd key" = 1
[a.b]
c = 1
d.e = 2
note = """
[a.x]
fake = 1
"""
after = 3
list = [
  [1, 2],
  [3]
]
last = { in = 4, line = 5 }
[[many]]
id = 1
[many.sub]
z = 'a # b'
[[many]]
id = 2
[[many.deep]]
q = 1
[[many.deep]]
q = 2
["quoted.key"]
k = 0
'''


def test_every_kind_of_key() -> None:
    tomllib.loads(TEXT)
    lines = lines_of(TEXT)
    expected = {
        ("title",): 1,
        ("odd key",): 2,
        ("a",): 3,
        ("a", "b", "c"): 4,
        ("a", "b", "d", "e"): 5,
        ("a", "b", "after"): 10,
        ("a", "b", "list"): 11,
        ("a", "b", "last"): 15,
        ("many", 0): 16,
        ("many", 0, "sub", "z"): 19,
        ("many", 1, "id"): 21,
        ("many", 1, "deep", 0, "q"): 23,
        ("many", 1, "deep", 1, "q"): 25,
        ("quoted.key", "k"): 27,
    }
    assert {path: lines.get(path) for path in expected} == expected
    assert not any("fake" in path or "x" in path or 1 in path[:1] for path in lines)


def test_inside_an_inline_table_the_parents_line_stands() -> None:
    lines = lines_of(TEXT)
    assert line_at(lines, ("a", "b", "last", "in")) == 15
    assert line_at(lines, ("a", "b", "list", 1, 0)) == 11
    assert line_at(lines, ("many", 1, "missing")) == 20
    assert line_at(lines, ("nowhere",)) is None
    assert line_at(lines, ()) is None


def test_windows_line_ends() -> None:
    assert lines_of("a = 1\r\n[b]\r\nc = 2\r\n")[("b", "c")] == 3


KEYS = st.text("abcdefgh_-1", min_size=1, max_size=4)
VALUES = st.sampled_from(["1", '"[x]"', '"a = b # c"', "[\n 1,\n [2]\n]", '"""\nk = 1\n[t]\n"""', "{ u = 1 }", "'#'"])


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4), max_size=4), st.integers(0, 3))
def test_agrees_with_where_the_keys_were_written(tables: dict[str, dict[str, str]], repeats: int) -> None:
    text, expected = "", {}
    for name, entries in tables.items():
        text += f"[{name}] # {name}\n"
        for key, value in entries.items():
            expected[(name, key)] = text.count("\n") + 1
            text += f"{key} = {value} # {key} = 0\n"
    for index in range(repeats):
        text += "\n[[zz]]\n"
        expected[("zz", index, "k")] = text.count("\n") + 1
        text += "k = 1\n"
    parsed: Any = tomllib.loads(text)
    lines = lines_of(text)
    assert {path: lines[path] for path in expected} == expected
    for path in expected:
        value = parsed
        for part in path:
            value = value[part]
