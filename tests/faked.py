"""A scheduler faked at its boundary: the commands on the PATH."""

STUBS = {
    "sbatch": """[ "$1" = --version ] && exit
n=$(($(cat "$0.count" 2>/dev/null || echo 100) + 1)); echo $n > "$0.count"; cp "$1" "$0.$n"
env > "$0.$n.env"; [ -e "$0.refuse-$n" ] && { echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2; exit 1; }
echo "Submitted batch job $n" """,
    "squeue": 'cat "$0.jobs" 2>/dev/null',
    "scancel": 'echo "$@" >> "$0.said"',
    "scontrol": 'echo "ClusterName = fake"',
    "sinfo": "echo main; echo gpu",
    "srun": "exit 1",
}
PROFILE = 'partition = "main"\nminutes = 60\ncpus = 1\nmemory_gb = 1\nsegments = 2\n'


class Fake:
    """What a test sees of the faked scheduler."""

    def __init__(self, home):
        self.home = home

    def scripts(self):
        found = [path for path in self.home.glob("sbatch.[0-9]*") if path.suffix != ".env"]
        return {path.suffix[1:]: path.read_text() for path in sorted(found)}

    def queue(self, *jobs):
        (self.home / "squeue.jobs").write_text("\n".join(jobs))

    def cancelled(self):
        said = self.home / "scancel.said"
        return said.read_text().split() if said.exists() else []
