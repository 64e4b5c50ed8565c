"""`doctor --cluster`: what the scheduler says of a profile, and what a compute node can do."""

import fcntl
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from bench.cluster import history, slurm, snapshot
from bench.cluster.array import Array, Submission
from bench.cluster.probe import LOCK, REPLY, TOKEN, Probe
from bench.cluster.profile import LOCAL, Profile, warnings
from bench.cluster.queue import Queue, ask, cluster_name
from bench.cluster.task import load_json
from bench.util.errors import UserError

Line = tuple[bool, str, str]
"""Good, what, what about it."""
WAIT_SECONDS = 180.0
LOOK_SECONDS = 3.0
"""How often the queue is asked after a job that has not answered."""
OVER = ("", "FAILED\n", "CANCELLED\n", "NODE_FAIL\n", "TIMEOUT\n", "OUT_OF_MEMORY\n")
"""What the queue says of a job from which no answer will come."""
PROBE_MINUTES = 10


def examine(console: Console, profile: Profile, out: Path, cache: Path, weights: Path | None) -> int:
    """Print what is good and what is not; returns how many things are not."""
    bad = 0
    for good, name, text in _lines(profile, out, cache, weights):
        bad += not good
        mark = ("✓", "green") if good else ("!", "yellow")
        console.print(Text.assemble(mark, f" {name:24} {text}"), soft_wrap=True)
    return bad


def _lines(profile: Profile, out: Path, cache: Path, weights: Path | None) -> Iterator[Line]:
    yield True, "profile", profile.name
    for text in warnings(profile):
        yield False, "minutes", text
    if profile.name != LOCAL:
        slurm.check_out(out)
        yield from _scheduler(profile)
        if ask("sbatch", "--version") is None:
            return
    yield from _node(profile, out, cache, weights)


def _scheduler(profile: Profile) -> Iterator[Line]:
    version = ask("sbatch", "--version")
    yield version is not None, "sbatch", (version or "not found: log in where jobs are submitted").strip()
    if version is None:
        return
    works = ask("sacct", "-n", "-X") is not None
    yield True, "sacct", "works (not needed)" if works else "absent or switched off; nothing here needs it"
    config = _fields(ask("scontrol", "show", "config") or "", r"^(\w+)\s*= (.*)$")
    yield bool(config), "controller", f"cluster {cluster_name()}" if config else "does not answer"
    cap = int(config.get("MaxArraySize", "0")) - 1
    yield (
        cap < 0 or profile.array_cap <= cap,
        "array_cap",
        f"{profile.array_cap}; the cluster's MaxArraySize - 1 is {cap}",
    )
    yield from _partition(profile, config)


def _partition(profile: Profile, config: dict[str, str]) -> Iterator[Line]:
    asks = {kind: profile.resources(kind) for kind in ("train", "evaluate", "data", "report")}
    for name in dict.fromkeys(one.partition for one in asks.values()):
        told = ask("scontrol", "-o", "show", "partition", name)
        if told is None:
            known = " ".join((ask("sinfo", "-h", "-o", "%R") or "").split())
            yield False, f"partition {name}", f"no such partition; known: {known}"
            continue
        found = _fields(told.replace(" ", "\n"), r"^(\w+)=(.*)$")
        yield found.get("State") == "UP", f"partition {name}", f"state {found.get('State')}"
        limit = minutes_of(found.get("MaxTime", "UNLIMITED"))
        asked = max(one.minutes for one in asks.values() if one.partition == name)
        yield limit is None or asked <= limit, "time limit", f"requested {asked} min, allowed {limit or 'any'} min"
        yield True, "preemption", _preemption(profile, config, found)


def _preemption(profile: Profile, config: dict[str, str], partition: dict[str, str]) -> str:
    mode = partition.get("PreemptMode") or config.get("PreemptMode", "OFF")
    told = f"{config.get('PreemptType', 'unknown')}, mode {mode}, grace {partition.get('GraceTime', '0')} s"
    user = "preempt_send_user_signal" in config.get("SlurmctldParameters", "") + config.get("PreemptParameters", "")
    hint = "" if user or mode == "OFF" else "; without a signal of ours: the next segment takes over"
    requeue = "used" if profile.requeue else "not used"
    return f"{told}; JobRequeue {config.get('JobRequeue', '?')}, requeue {requeue}{hint}"


def minutes_of(text: str) -> int | None:
    """SLURM's `days-hours:minutes:seconds`; None for no limit."""
    if text in ("UNLIMITED", "INFINITE", "NONE"):
        return None
    days, _, clock = text.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    hours, minutes = (parts[0], parts[1]) if len(parts) == 3 else (0, parts[0])
    return 1440 * int(days or 0) + 60 * hours + minutes


def _node(profile: Profile, out: Path, cache: Path, weights: Path | None) -> Iterator[Line]:
    folder = out / "cluster" / "doctor" / f"{profile.name}-{time.strftime('%H%M%S')}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    (folder / TOKEN).write_text(folder.name)
    code = snapshot.take(out)
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            job = _ask_node(profile, out, folder, Probe(folder, code, cache, weights))
        except UserError as error:
            yield False, "a job", str(error)
            return
        reply = _await(folder, "" if profile.name == LOCAL else job)
    if reply is None:
        yield False, "compute node", _silent(folder, job, out)
    else:
        yield from _replied(reply, profile, out, cache, folder.name, job)


def _replied(reply: dict[str, Any], profile: Profile, out: Path, cache: Path, token: str, job: str) -> Iterator[Line]:
    yield True, "compute node", f"{reply['node']}, job {job}"
    yield reply["token"] == token, "shared files", f"write, read and rename under {out}"
    locks = "visible across nodes" if reply["locked"] is True else f"not shared ({reply['locked']})"
    yield reply["locked"] is True, "shared locks", locks
    ours = "the snapshot" if reply["code_is_ours"] is True else reply["code_is_ours"]
    yield reply["code_is_ours"] is True, "code on the node", f"{ours}, {reply['python']}"
    yield reply["cache"] is True, "data cache", f"{cache}: {'writable' if reply['cache'] is True else reply['cache']}"
    wants = profile.gpus_of("train") > 0
    yield (reply["gpu"] != "none") or not wants, "GPU on the node", str(reply["gpu"])
    yield str(reply["lpips"]).startswith("works"), "LPIPS on the node", str(reply["lpips"])
    yield True, "network on the node", "yes" if reply["network"] else "no; none is needed"


def _ask_node(profile: Profile, out: Path, folder: Path, probe: Probe) -> str:
    if profile.name == LOCAL:
        words = [sys.executable, "-m", "bench.cluster.probe", *probe.words()]
        subprocess.run(words, cwd=probe.code, env=os.environ | {"PYTHONPATH": str(probe.code)}, timeout=WAIT_SECONDS)
        return "none: this machine"
    array = Array(kind="train", tasks=["doctor"])
    one = {"nodes": 1, "gpus_per_node": min(1, profile.gpus_per_node)}
    short = profile.model_copy(update={"minutes": min(PROBE_MINUTES, profile.minutes)} | one)
    submission = Submission(name=folder.name, profile=short, code=probe.code, arrays=[array])
    return slurm.submit_one(folder, submission, array, probe)


def _await(folder: Path, job: str) -> dict[str, Any] | None:
    """The node's answer; None where none comes, or where the queue no longer knows the job."""
    end, looked, gone = time.monotonic() + WAIT_SECONDS, time.monotonic(), False
    while time.monotonic() < end:
        if (reply := load_json(folder / REPLY)) is not None or gone:
            return reply
        time.sleep(0.5)
        if job and time.monotonic() - looked > LOOK_SECONDS:
            looked, gone = time.monotonic(), ask("squeue", "-h", "-t", "all", "-j", job, "-o", "%T") in OVER
    return None


def _silent(folder: Path, job: str, out: Path) -> str:
    """Why there may be no answer."""
    why = history.said(slurm.job_log_in(folder / "slurm", job)) or Queue(out).ended(job)
    if why:
        return f"job {job} failed: {why}"
    return f"no answer after {WAIT_SECONDS:.0f} s; job {job} is in the queue or has failed: {folder}"


def _fields(text: str, pattern: str) -> dict[str, str]:
    return {key: value.strip() for key, value in re.findall(pattern, text, re.MULTILINE)}
