"""Profiles: what they may say, and one clear line where they say something else."""

import json

import pytest

from bench.cluster.profile import EXAMPLES, Profile, known_profiles, read_profile
from bench.util.errors import UserError


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return str(path)

    return write


def told(path):
    with pytest.raises(UserError) as error:
        read_profile(path)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def test_the_examples_are_profiles():
    names = [path.stem for path in EXAMPLES.glob("*.toml")]
    assert sorted(names) == ["example", "example-container"]
    for name in names:
        assert read_profile(name).name == name
    assert {"local", *names} <= set(known_profiles())


def test_a_profile_is_found_in_the_folder_one_stands_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slurm").mkdir()
    (tmp_path / "slurm" / "mine.toml").write_text('partition = "a"')
    (tmp_path / "slurm" / "example.toml").write_text('partition = "of this folder"')
    assert read_profile("mine").partition == "a"
    assert read_profile("example").partition == "of this folder"
    assert known_profiles().count("example") == 1
    with pytest.raises(UserError, match=r"slurm/mien.toml. Did you mean 'mine'"):
        read_profile("mien")


SECTIONS = """
partition = "a"
minutes = 60
cpus = 3
gpus = "gres=gpu:1"
segments = 9
[evaluate]
minutes = 5
[report]
gpus = ""
"""


def test_a_section_changes_only_what_it_says(written):
    profile = read_profile(written(SECTIONS))
    assert profile.resources("train").minutes == 60
    assert (profile.resources("evaluate").minutes, profile.resources("evaluate").cpus) == (5, 3)
    assert profile.resources("evaluate").segments is None
    assert (profile.resources("report").gpus, profile.resources("evaluate").gpus) == ("", "gres=gpu:1")


@pytest.mark.parametrize(
    ("gpus", "count"), [("", 0), ("gres=gpu:1", 1), ("gres=gpu:a100:4", 4), ("gpus-per-node=2", 2), ("gres=gpu", 1)]
)
def test_gpus_are_counted_in_every_dialect(gpus, count):
    assert Profile(name="x", partition="p", gpus=gpus).gpu_count == count


def test_bad_profiles_are_told_in_one_line(written):
    assert "there is no profile" in told("exampel")
    assert "Did you mean 'example'?" in told("exampel")
    assert "Give the path" in told("nowhere/else.toml")
    assert "mine.toml: partition is missing" in told(written("minutes = 5"))
    assert "mine.toml: unknown key 'partitoin'. Did you mean 'partition'?" in told(
        written('partition = "a"\npartitoin = "b"')
    )
    assert "[evaluate] unknown key 'minute'. Did you mean 'minutes'?" in told(
        written('partition = "a"\n[evaluate]\nminute = 3')
    )
    assert "minutes" in told(written('partition = "a"\nminutes = "01:00:00"'))
    assert "gres=gpu:1" in told(written('partition = "a"\ngpus = "one"'))
    assert "mine.toml is not valid TOML" in told(written("partition = "))
    assert "minutes" in told(written('partition = "a"\n[data]\nminutes = 0'))


@pytest.mark.parametrize(
    "text",
    [
        "minutes = 100000000000000000000",
        "cpus = 1000000000",
        "memory_gb = inf",
        "memory_gb = nan",
        "heartbeat_seconds = inf",
        "[evaluate]\nmemory_gb = inf",
        "nodes = 1000000000",
    ],
)
def test_numbers_beyond_reason_are_told(written, text):
    said = told(written(f'partition = "a"\n{text}'))
    assert text.rpartition("\n")[2].split()[0] in said


@pytest.mark.parametrize("key", ["partition", "account", "qos", "constraint", "gpus", "container", "python"])
def test_a_line_feed_in_a_value_never_becomes_a_command(written, key):
    values = {"partition": "a"} | {key: "x=1\n\ntouch gone"}
    text = "\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
    assert f"{key} = 'x=1\\n\\ntouch gone' has a line feed" in told(written(text))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('array = "0-9"', "array: every submission sets it"),
        ('dependency = ""', "dependency: every submission sets it"),
        ('output = "/dev/null"', "output: every submission sets it"),
        ('job_name = "x"', "job_name: every submission sets it"),
        ('chdir = "/"', "chdir: every submission sets it"),
        ('export = "NONE"', "export: every submission sets it"),
        ('time = "1:00"', "time: write minutes = ... outside of [extra]"),
        ('qos = "low"', "qos: write qos = ... outside of [extra]"),
        ('"x\\ntouch gone" = true', "is no sbatch option"),
        ('"mail type" = "FAIL"', "is no sbatch option"),
        ('"--hold" = true', "is no sbatch option"),
        ('comment = "a\\ntouch gone"', "has a line feed"),
    ],
)
def test_extra_options_are_options_and_none_that_a_submission_sets(written, line, words):
    said = told(written(f'partition = "a"\n[extra]\n{line}'))
    assert words in said


def test_extra_options_of_sbatch_stay(written):
    path = written('partition = "a"\n[extra]\nmail-type = "FAIL"\nnodelist = "n1"\nhold = true\ncpus_per_gpu = 4')
    assert set(read_profile(path).extra) == {"mail-type", "nodelist", "hold", "cpus_per_gpu"}
