"""Mistakes in a paper.toml are all found before any work, each with its line and its mend."""

import time

import pytest
from toy import PAPER, write_toys

from bench.contract.papers import PAPER_CHECKS, refuse_mistakes
from bench.contract.subject import PaperSubject
from bench.methods.catalog import find
from bench.paper.reader import SHOWN
from bench.util.errors import UserError

MORE = """
[[claims]]
id = "number"
kind = "cell"
section = "2"
statement = "20.0 dB."
basis = "stated"
objection = "Another seed."
answer = "More seeds."
table = "one"
row = "ours"
column = "psnr"
mask_set = "center"
margin = 0.5

[[claims]]
id = "gain"
kind = "arithmetic"
section = "2"
statement = "5 % better."
basis = "stated"
objection = "Another seed."
answer = "More seeds."
table = "one"
check = "percent over row"
row = "ours"
over = "rival"
column = "psnr"
percent = "5"

[[claims]]
id = "settles"
kind = "trace"
section = "3"
statement = "It settles."
scope = { holes = "not said", opponents = "not said", measure = "not said" }
basis = "stated"
objection = "Another seed."
answer = "More seeds."
of = "variant:faster"
stage = "first"
scalar = "loss"
check = "settles"
share = 0.5
flat = 0.1

[[claims]]
id = "dark"
kind = "bound"
section = "3"
statement = "It is dark."
scope = { holes = "not said", opponents = "not said", measure = "not said" }
basis = "stated"
objection = "Another seed."
answer = "More seeds."
of = "variant:brighter"
metric = "aux_mean"
mask_sets = ["center"]
below = 0.4

[[ledger]]
id = "L-1"
class = "ambiguous"
section = "1"
statement = "Bright."
decision = "Not brighter."
why = "Nothing says by how much."
variants = ["brighter"]
"""

TEXT = PAPER + MORE

PLANTED = {
    "metric of a column": (
        'metric = "psnr", definition',
        'metric = "pnsr", definition',
        "'pnsr' is not a metric. Did you mean 'psnr'?",
    ),
    "metric of a claim": (
        'metric = "psnr"\nmask',
        'metric = "ssmi"\nmask',
        "'ssmi' is not a metric. Did you mean 'ssim",
    ),
    "mask set of a claim": (
        'mask_set = "center"',
        'mask_set = "centre"',
        "'centre' is not a mask set. Did you mean 'center'?",
    ),
    "mask set of a scale": (
        'mask_sets = ["center"] }',
        'mask_sets = ["iregular"] }',
        "There is no mask set 'iregular'. Did you mean 'irregular'?",
    ),
    "data set of a scale": ('data = ["faces"]', 'data = ["face"]', "'face' is not a data set. Did you mean 'faces'?"),
    "variant of a claim": (
        '"variant:faster"',
        '"variant:fastre"',
        "'fastre' is not a variant of this paper. Did you mean 'faster'?",
    ),
    "variant of a scale": (
        'variants = ["brighter"]\nbase',
        'variants = ["brigter"]\nbase',
        "'brigter' is not a variant of this paper. Did you mean 'brighter'?",
    ),
    "variant of the ledger": (
        'much."\nvariants = ["brighter"]',
        'much."\nvariants = ["x"]',
        "'x' is not a variant of this paper. Known:",
    ),
    "stage": ('stage = "first"', 'stage = "fist"', "'fist' is not a stage of variant:faster. Did you mean 'first'?"),
    "scalar": (
        'scalar = "loss"',
        'scalar = "los"',
        "'los' is not a scalar that this stage of variant:faster logs. Did you mean 'loss'?",
    ),
    "aux column": (
        '"aux_mean"',
        '"aux_maen"',
        "'aux_maen' is not a diagnostic of variant:brighter. Did you mean 'aux_mean'?",
    ),
    "table": (
        'table = "one"\ncheck',
        'table = "two"\ncheck',
        "'two' is not a table of this paper. Known: one.",
    ),
    "row": ('over = "rival"', 'over = "rivel"', "'rivel' is not a row of one. Did you mean 'rival'?"),
    "column": ('column = "psnr"\nmask', 'column = "snr"\nmask', "'snr' is not a column of one. Did you mean 'psnr'?"),
    "method of a claim": ("method:rival", "method:rivel", "there is no method 'rivel'. Did you mean 'rival'?"),
    "method of a row": ('method = "other_rival"', 'method = "otherrival"', "there is no method 'otherrival'. Did"),
    "method of a scale": ('baselines = ["rival"]', 'baselines = ["rivall"]', "there is no method 'rivall'. Did you"),
    "key of a scale": (
        'cost = "a second"\nsettings',
        'kost = "a second"\nsettings',
        "unknown key 'kost'. Did you mean",
    ),
    "setting of a variant": (
        "brightness = 0.1",
        "brightnes = 0.1",
        "'brightnes' is not a setting of this method. Did you mean 'brightness'?",
    ),
    "value of a scale": ("steps = 4", 'steps = "four"', "'four': Input should be a valid integer"),
}
"""What is planted: text, its replacement, and what is told of it."""


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    """The toys, and a paper.toml without a mistake that has every kind of claim."""
    folder = write_toys(tmp_path_factory.mktemp("planted"))
    (folder / "toypaper" / "paper.toml").write_text(TEXT)
    return folder


@pytest.fixture
def plant(toys):
    """Write the paper.toml with these mistakes; it is whole again afterwards."""
    file = toys / "toypaper" / "paper.toml"

    def write(*names):
        text = TEXT
        for old, new, _ in (PLANTED[name] for name in names):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        file.write_text(text)
        return file

    yield write
    file.write_text(TEXT)


def found(toys):
    """Every mistake as `check` tells it."""
    catalog = find([toys])
    subject = PaperSubject(catalog["toypaper"], catalog)
    return [subject.reading.told(mistake) for check in PAPER_CHECKS for mistake in check(subject)]


def test_the_paper_is_good_without_a_mistake(toys):
    assert found(toys) == []


@pytest.mark.parametrize("name", PLANTED)
def test_check_names_a_mistake_with_its_line_and_mend(toys, plant, name):
    file = plant(name)
    told = PLANTED[name][2]
    changed = next(
        n for n, (a, b) in enumerate(zip(TEXT.split("\n"), file.read_text().split("\n"), strict=True)) if a != b
    )
    texts = found(toys)
    assert any(text.startswith(f"{file}, line {changed + 1}: ") and told in text for text in texts), texts
    # A misspelt key is missing too; nothing else follows from a mistake.
    assert len(texts) == (2 if name == "key of a scale" else 1), texts


@pytest.mark.parametrize("name", PLANTED)
def test_reproduce_refuses_a_mistake_before_any_work(bench, toys, plant, tmp_path, name):
    plant(name)
    started = time.process_time()
    code, _, err = bench("reproduce", "toypaper", "--include", toys, "--out", tmp_path / "out", "--scale", "smoke")
    assert time.process_time() - started < 2
    assert code == 2
    assert PLANTED[name][2] in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [["show"], ["plan", "--cluster", "local"], ["submit", "--cluster", "local"]])
def test_other_verbs_refuse_it_too(bench, toys, plant, tmp_path, words):
    plant("stage")
    out = ["--out", tmp_path / "out"] if words[0] != "show" else []
    code, _, err = bench(words[0], "toypaper", "--include", toys, *words[1:], *out)
    assert code == 2
    assert PLANTED["stage"][2] in err


def test_all_mistakes_of_a_file_are_listed_at_once(bench, toys, plant):
    file = plant(*PLANTED)
    code, out, _ = bench("check", file.parent, "--include", toys)
    assert code == 1
    # What another mistake hides (the rows of an unknown table, the runs of a bad setting) is told once that is mended.
    missed = [name for name, (_, _, told) in PLANTED.items() if told not in out]
    assert set(missed) <= {"stage", "scalar", "aux column", "row"}, (missed, out)
    code, _, err = bench("reproduce", "toypaper", "--include", toys)
    assert code == 2
    assert len(err.splitlines()) == SHOWN + 1
    assert f"errors in all: python -m bench check {file.parent}" in err


def test_twelve_at_once(toys, plant):
    names = """metric of a column, metric of a claim, mask set of a claim, mask set of a scale, variant of the ledger,
        variant of a scale, scalar, aux column, row, column, method of a row, key of a scale"""
    names = [" ".join(name.split()) for name in names.split(",")]
    assert len(names) == 12
    plant(*names)
    texts = "\n".join(found(toys))
    assert [name for name in names if PLANTED[name][2] not in texts] == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[scales.paper]\n", "[scales.paper]\nsettings = { steps = 7 }\n", "7 is not the method as printed (6)"),
        ("learning_rate = 0.1", "learning_rate = 0.05", "this is the default at every scale; change a setting."),
        ('why = "Nothing says by how much."\n', "", "L-1 is ambiguous, and `why` is missing"),
        ('authors = ["A. B."]', "authors = []", "no authors are given; add them."),
        ("year = 2020", "year = 20", "20 is not the year of an inpainting paper"),
        ('"A 1x1 convolution."', '"1\\n2\\n3\\n4\\n5\\n6"', "6 lines; shorten it to five."),
        ("year = 2020", 'year = 2020\ndoi = "https://doi.org/10.1/x"', "is not a DOI; write it starting with 10."),
        ('"aux_mean"\nmask_sets = ["center"]', '"amplify_noise"\nmask_sets = ["random"]', "run under center only"),
        ('cells = { psnr = "19.0" }', "cells = {}", "need numbers in psnr"),
        (', metric = "psnr", definition', ", definition", "column 'psnr' of one names no metric; add `metric` to it."),
    ],
)  # fmt: skip
def test_other_rules(toys, plant, old, new, told):
    file = plant()
    assert TEXT.count(old) == 1, old
    file.write_text(TEXT.replace(old, new))
    texts = found(toys)
    assert len(texts) == 1, texts
    assert told in texts[0]
    assert ", line " in texts[0]


def test_a_variant_that_takes_no_pictures_of_a_scale_is_told(toys, plant, monkeypatch):
    catalog = find([toys])
    method = catalog["toypaper"].load()

    def fussy(self, settings, data, init=method.__init__):
        init(self, settings, data)
        if settings.brightness and data.resolution > 100:
            raise UserError(f"{data.resolution} is too much.")

    monkeypatch.setattr(method, "__init__", fussy)
    (text,) = found(toys)
    assert "variants.brighter: at scale paper, pictures of 256: 256 is too much." in text
    refuse_mistakes(catalog["toypaper"], catalog)  # no network of full size is built before a run


def test_a_file_that_is_no_toml_is_one_mistake(bench, toys, plant):
    file = plant()
    file.write_text("[paper\n")
    code, out, _ = bench("check", file.parent, "--include", toys)
    assert code == 1
    assert f"{file}, line 1" in " ".join(out.split())
