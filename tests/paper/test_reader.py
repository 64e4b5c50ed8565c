"""A paper.toml that is wrong is told in one line: file, line, key, mend."""

from pathlib import Path

import pytest

from bench.paper import read_paper
from bench.util.errors import UserError

GOOD = """\
[paper]
title = "A"
authors = ["B"]
year = 2020
summary = "C"

[tables.t]
title = "T"
[tables.t.protocols.p]
data = "d"
split = "not said"
images = 1
resolution = [8, 8]
mask_set = "not said"
hole_share = "not said"
scored = "not said"
[tables.t.columns.psnr]
title = "PSNR"
better = "higher"
metric = "psnr"
definition = "not said"
[tables.t.rows.ours]
label = "Ours"
ours = true
protocol = "p"
origin = "o"
cells = { psnr = "19.32" }

[[claims]]
id = "one"
kind = "judgement"
section = "1"
statement = "It is good."
why = "Nobody can tell."

[[claims]]
id = "two"
kind = "cell"
section = "2"
statement = "19.32 dB."
basis = "stated"
objection = "Another seed."
answer = "More seeds."
table = "t"
row = "ours"
column = "psnr"
mask_set = "random"
margin = 0.5

[[claims]]
id = "three"
kind = "order"
section = "2"
statement = "A before B."
scope = { holes = "not said", opponents = "not said", measure = "not said" }
basis = "stated"
objection = "Another seed."
answer = "More seeds."
better = "variant:default"
worse = "variant:other"
metric = "psnr"
mask_sets = ["random"]

[[ledger]]
id = "L-1"
class = "stated"
section = "1"
statement = "x"
decision = "y"
variants = ["other"]

[scales.smoke]
summary = "s"
cost = "c"
[scales.quick]
summary = "s"
cost = "c"
[scales.paper]
summary = "s"
cost = "c"
[scales.paper.protocol]
resolution = 256

[variants.other]
summary = "v"
settings = {}
"""


def complaint(tmp_path: Path, old: str, new: str) -> str:
    """The error for GOOD with `old` replaced, without the path; checked to be one line that begins with the path."""
    assert GOOD.count(old) == 1, old
    file = tmp_path / "paper.toml"
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(UserError) as caught:
        read_paper(file)
    text = str(caught.value)
    assert text.startswith(str(file))
    assert "\n" not in text
    return text.removeprefix(str(file))


def line_of(text: str) -> int:
    return GOOD[: GOOD.index(text)].count("\n") + 1


def test_good_file_reads(tmp_path: Path) -> None:
    file = tmp_path / "paper.toml"
    file.write_text(GOOD)
    paper = read_paper(file)
    assert paper.tables["t"].rows["ours"].cells["psnr"].value == 19.32
    assert paper.tables["t"].rows["ours"].cells["psnr"].half_width == pytest.approx(0.005)
    assert [claim.kind for claim in paper.claims] == ["judgement", "cell", "order"]


@pytest.mark.parametrize("cell", ["19.32", '"19,32"', '"inf"', '"nan"', "true"])
def test_a_cell_is_a_number_in_quotes(tmp_path: Path, cell: str) -> None:
    text = complaint(tmp_path, 'cells = { psnr = "19.32" }', f"cells = {{ psnr = {cell} }}")
    assert text.startswith(
        f", line {line_of('cells = ')}: tables.t.rows.ours.cells.psnr: a reported cell is the printed"
    )
    assert 'in quotes, such as "19.32"' in text


def test_wrong_type(tmp_path: Path) -> None:
    text = complaint(tmp_path, "year = 2020", 'year = "MMXX"')
    assert text.startswith(", line 4: paper.year: must be a valid integer")
    assert text.endswith("not 'MMXX'.")
    text = complaint(tmp_path, 'better = "higher"', 'better = "bigger"')
    assert (
        text
        == f", line {line_of('better = ')}: tables.t.columns.psnr.better: must be 'higher' or 'lower', not 'bigger'."
    )


def test_wrong_type_in_an_array_of_tables(tmp_path: Path) -> None:
    text = complaint(tmp_path, "margin = 0.5", "margin = -0.5")
    assert text == f", line {line_of('margin = 0.5')}: claims.1.margin: must be greater than or equal to 0, not -0.5."


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('data = "d"', 'data = "not CelebA but FFHQ"', 'data: write a short name such as "celeba" or'),
        ("images = 1", 'images = "around 1000"', "images: write a number of images such as 300 or { about = 300 }, or"),
        ("[8, 8]", '"8x8"', "resolution: write height and width such as [256, 256], or"),
        ('mask_set = "not said"', 'mask_set = "center"', "mask_set: write a table such as { kind = "),
        (
            'mask_set = "not said"',
            'mask_set = { kind = "named", name = "iregular" }',
            "mask_set: 'iregular' is not the name of a mask set. Did you mean 'irregular'?",
        ),
        ('hole_share = "not said"', "hole_share = 25", "hole_share: write a share of the picture such as 0.25 or"),
        ('definition = "not said"', 'definition = "pnsr"', "'pnsr' is not a metric definition. Did you mean 'psnr'?"),
        ('split = "not said"\n', "", "split: this value is missing; add it."),
    ],
)
def test_a_reported_protocol_is_fields_and_no_sentence(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert told in complaint(tmp_path, old, new)


def test_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    text = complaint(tmp_path, "year = 2020", "year = 2020\nvenu = 'X'")
    assert text == ", line 5: paper.venu: unknown key 'venu'. Did you mean 'venue'?"


def test_unknown_key_in_a_claim_knows_the_kind(tmp_path: Path) -> None:
    line = line_of('table = "t"')
    text = complaint(tmp_path, 'table = "t"', 'tabel = "t"')
    assert text == f", line {line}: claims.1.tabel: unknown key 'tabel'. Did you mean 'table'? And 1 more error."


def test_unknown_key_of_a_ledger_entry_uses_the_files_names(tmp_path: Path) -> None:
    text = complaint(tmp_path, 'class = "stated"', 'clas = "stated"')
    assert f", line {line_of('class = ')}: ledger.0.clas: " in text
    assert "Did you mean 'class'?" in text


def test_unknown_key_of_a_protocol(tmp_path: Path) -> None:
    text = complaint(tmp_path, "resolution = 256", "resolutoin = 256")
    assert text.startswith(f", line {line_of('resolution = 256')}: scales.paper.protocol.resolutoin: ")
    assert text.endswith("Did you mean 'resolution'?")


def test_missing_key_stands_at_its_table(tmp_path: Path) -> None:
    text = complaint(tmp_path, 'why = "Nobody can tell."\n', "")
    assert text == f", line {line_of('[[claims]]')}: claims.0.why: this value is missing; add it."
    text = complaint(tmp_path, 'origin = "o"\n', "")
    assert (
        text == f", line {line_of('[tables.t.rows.ours]')}: tables.t.rows.ours.origin: this value is missing; add it."
    )


def test_missing_section_has_no_line(tmp_path: Path) -> None:
    file = tmp_path / "paper.toml"
    file.write_text(GOOD.replace("[[ledger]]", "[[legder]]"))
    with pytest.raises(UserError, match=r"legder: unknown key 'legder'. Did you mean 'ledger'\?$"):
        read_paper(file)
    file.write_text("")
    with pytest.raises(UserError, match=r"paper.toml: paper: this value is missing; add it. And 1 more error\."):
        read_paper(file)


def test_unknown_and_missing_kind(tmp_path: Path) -> None:
    line = line_of('kind = "order"')
    text = complaint(tmp_path, 'kind = "order"', 'kind = "ordre"')
    assert text == f", line {line}: claims.2.kind: there is no kind 'ordre'. Did you mean 'order'?"
    text = complaint(tmp_path, 'kind = "order"\n', "")
    assert (
        "claims.2.kind: this value is missing; add it (cell, order, bound, trace, trend, arithmetic or judgement)."
        in text
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('worse = "variant:other"', 'worse = "variant:othr"', "claims.2.worse: 'othr' is not a variant of this paper."),
        ('worse = "variant:other"', 'worse = "other"', "claims.2.worse: 'other' cannot be compared; write variant:"),
        ('table = "t"', 'table = "u"', "claims.1.table: 'u' is not a table of this paper. Known: t."),
        ('column = "psnr"', 'column = "pnsr"', "claims.1.column: 'pnsr' is not a column of t. Did you mean 'psnr'?"),
        ('row = "ours"', 'row = "our"', "claims.1.row: 'our' is not a row of t. Did you mean 'ours'?"),
        ('variants = ["other"]', 'variants = ["x"]', "ledger.0.variants: 'x' is not a variant of this paper."),
        ('id = "three"', 'id = "two"', "claims.2.id: 'two' is the id of two entries; give each its own."),
        ('protocol = "p"', 'protocol = "q"', "tables.t.rows.ours.protocol: 'q' is not a protocol of this table."),
        (
            '{ psnr = "19.32" }',
            '{ ssim = "0.8" }',
            "tables.t.rows.ours.cells.ssim: 'ssim' is not a column of this table.",
        ),
    ],
)
def test_names_that_nothing_else_has(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert complaint(tmp_path, old, new).startswith(f", line {line_of(old)}: {told}")


def test_a_scale_names_variants_of_this_paper_and_methods_that_the_catalog_has(tmp_path: Path) -> None:
    quick = '[scales.quick]\nsummary = "s"\ncost = "c"\n'
    text = complaint(tmp_path, quick, quick + 'variants = ["othr"]\n')
    line = line_of("[scales.quick]") + 3
    assert text == f", line {line}: scales.quick.variants: 'othr' is not a variant of this paper. Did you mean 'other'?"
    file = tmp_path / "good.toml"
    more = quick + 'variants = ["other"]\nbaselines = ["rival"]\n'
    file.write_text(GOOD.replace(quick, more).replace("ours = true", 'ours = true\nmethod = "mine"'))
    paper = read_paper(file)
    assert paper.scales["quick"].variants == ["other"]
    assert paper.scales["quick"].baselines == ["rival"]
    assert paper.scales["paper"].baselines == []
    assert paper.tables["t"].rows["ours"].method == "mine"


def test_claims_and_ledger_may_be_absent(tmp_path: Path) -> None:
    file = tmp_path / "paper.toml"
    file.write_text(GOOD[: GOOD.index("[[claims]]")] + GOOD[GOOD.index("[scales.smoke]") :])
    assert read_paper(file).claims == read_paper(file).ledger == []


def test_missing_scale(tmp_path: Path) -> None:
    text = complaint(tmp_path, "[scales.quick]", "[scales.fast]")
    assert text.startswith(f", line {line_of('[scales.smoke]')}: scales: the scale 'quick' is missing")


def test_incomplete_arithmetic(tmp_path: Path) -> None:
    old = 'kind = "judgement"\nsection = "1"\nstatement = "It is good."\nwhy = "Nobody can tell."'
    new = 'kind = "arithmetic"\nsection = "1"\nstatement = "It is good."\ntable = "t"\ncheck = "one scale"'
    new += '\nbasis = "stated"\nobjection = "o"\nanswer = "a"'
    text = complaint(tmp_path, old, new)
    assert "claims.0.check: 'one scale' needs the keys l1 and psnr" in text
    text = complaint(tmp_path, old, new.replace("one scale", "best in columns"))
    assert "claims.0.check: 'best in columns' needs the keys row and needs" in text
    text = complaint(tmp_path, old, new.replace("one scale", "percent over row"))
    assert "claims.0.check: 'percent over row' needs the keys row, over, column and percent" in text
    whole = (
        new.replace("one scale", "percent over row") + '\nrow = "ours"\ncolumn = "psnr"\npercent = "2"\nover = "our"'
    )
    text = complaint(tmp_path, old, whole)
    assert "claims.0.over: 'our' is not a row of t. Did you mean 'ours'?" in text
    text = complaint(tmp_path, old, whole.replace('"2"', "2"))
    assert "claims.0.percent: a reported cell is the printed number in quotes" in text
    text = complaint(tmp_path, old, new.replace("one scale", "exclusive") + '\nrow = "ours"\ncounts = ["psnr"]')
    assert "claims.0.check: 'exclusive' needs the keys row, total and counts" in text
    counted = new.replace("one scale", "shares of total") + '\nrow = "ours"\ntotal = 9\ncounts = ["psnr"]'
    assert "claims.0.check: 'shares of total' needs" in complaint(tmp_path, old, counted)
    text = complaint(tmp_path, old, counted + '\nshares = ["psr"]')
    assert "claims.0.shares: 'psr' is not a column of t. Did you mean 'psnr'?" in text


def test_the_first_error_in_the_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "paper.toml"
    file.write_text(GOOD.replace("margin = 0.5", "margin = -1").replace("year = 2020", "year = 'x'"))
    with pytest.raises(UserError, match=r"line 4: paper.year: .* And 1 more error\."):
        read_paper(file)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("year = 2020", "year = ", ", line 4, column 8: not valid TOML: Invalid value."),
        ("year = 2020", "year = 2020\nyear = 2021", ", line 5, column 12: not valid TOML: Cannot overwrite a value."),
        ("settings = {}", "settings = {", ": not valid TOML: "),
    ],
)
def test_syntax(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = complaint(tmp_path, old, new)
    assert told in text
    assert text.startswith(", line ")


def test_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none.toml cannot be read: No such file"):
        read_paper(tmp_path / "none.toml")
    with pytest.raises(UserError, match="cannot be read: not a regular file"):
        read_paper(tmp_path)
    (tmp_path / "x.toml").write_bytes(b'a = "\xff"')
    with pytest.raises(UserError, match=r"x.toml is not UTF-8 \(byte 5\)"):
        read_paper(tmp_path / "x.toml")


def test_control_characters_are_refused_with_their_place(tmp_path: Path) -> None:
    text = complaint(tmp_path, 'statement = "It is good."', 'statement = "It is \\u001b[31mgood."')
    assert "claims.0.statement: holds the control character U+001B" in text
    assert "\x1b" not in text


def test_a_file_that_is_no_toml_for_its_depth_or_a_number_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "paper.toml"
    for text in (f"x = {'[' * 5000}{']' * 5000}", f"x = {'9' * 5000}"):
        file.write_text(text)
        with pytest.raises(UserError, match=r"paper\.toml cannot be read"):
            read_paper(file)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('worse = "variant:other"', 'worse = "variant:default"', "claims.2.worse: 'variant:default' is what better"),
        ("margin = 0.5", "margin = inf", "claims.1.margin: inf is no value to compare with; write a number."),
        ("resolution = 256", "data = []", "scales.paper.protocol.data: nothing is named; name at least one"),
        ("resolution = 256", "mask_sets = []", "scales.paper.protocol.mask_sets: nothing is named"),
    ],
)
def test_what_cannot_be_meant_is_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert complaint(tmp_path, old, new).startswith(f", line {line_of(old)}: {told}")


@pytest.mark.parametrize(
    ("better", "worse"),
    [("method:ca", "method:ca/default"), ("best floor", "best floor"), ("method:a/b", "method:a/b")],
)
def test_an_order_of_one_with_itself_is_told(tmp_path: Path, better: str, worse: str) -> None:
    sides = 'better = "variant:default"\nworse = "variant:other"'
    text = complaint(tmp_path, sides, f'better = "{better}"\nworse = "{worse}"')
    assert "claims.2.worse:" in text
    assert "a claim compares two things" in text


@pytest.mark.parametrize("name", ["default", "all", "claimed"])
def test_a_variant_has_no_name_that_stands_for_something_else(tmp_path: Path, name: str) -> None:
    text = complaint(
        tmp_path, "[variants.other]", f'[variants.{name}]\nsummary = "v"\nsettings = {{}}\n[variants.other]'
    )
    assert text.startswith(f", line {line_of('[variants.other]')}: variants.{name}: '{name}' stands for ")
