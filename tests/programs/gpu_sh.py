#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs bench/gpu.sh with programs that only pretend: what would be run, in which order, and what becomes of failures."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "bench" / "gpu.sh"
TOOLS = ["bash", "basename", "dirname", "cat", "chmod", "cp", "find", "git", "grep", "head", "ls", "mkdir", "nproc", "realpath", "rm", "sed", "sleep",
         "tail", "timeout", "touch", "tr"]
ALL = ["build", "conformance", "parity", "memcheck", "racecheck", "operations", "train small merged", "peer small autocast",
       "train small split", "train small factored", "report"]
failures = []

# Stands for cmake, and makes the programs that a build would: each says its name and flags, fails or takes long where the
# environment says so, and writes the JSON that it is asked for.
CMAKE = """#!/bin/bash
[[ $1 == --build ]] || exit 0
mkdir -p "$2/bench" "$2/tests"
for program in bench/train_step bench/operations tests/lamina_tests_cuda; do cp "$PRETENDER" "$2/$program"; chmod +x "$2/$program"; done
echo "built with $*"
"""
PRETENDER = """#!/bin/bash
said="$(basename "$0") $*"
echo "$said" >>"$SAID"
if [[ -n ${FAILING:-} && $said == *$FAILING* ]]; then echo "some output"; echo "it broke"; exit 1; fi
if [[ -n ${SLOW:-} && $said == *$SLOW* ]]; then sleep 30; fi
if [[ -n ${SKIPPING:-} && $said == *$SKIPPING* ]]; then echo "lamina: skipped: all: there is no CUDA device"; exit 0; fi
while (($#)); do
    if [[ $1 == --json ]]; then echo '{"outcome": "measured"}' >"$2"; fi
    shift
done
echo "fine"
"""
PYTHON = """#!/bin/bash
if [[ $1 == - ]]; then exec "$REAL_PYTHON" "$@"; fi
exec "$PRETENDER" "$@"
"""
SANITIZER = """#!/bin/bash
while [[ $1 == --* ]]; do if [[ $1 == --error-exitcode || $1 == --tool ]]; then shift; fi; shift; done
exec "$@"
"""


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


class Machine:
    """A PATH with what gpu.sh uses of a system, and programs that pretend."""

    def __init__(self, folder, pretending):
        self.folder = pathlib.Path(folder)
        path = self.folder / "path"
        path.mkdir()
        for tool in TOOLS:
            (path / tool).symlink_to(shutil.which(tool))
        for name, text in pretending.items():
            (path / name).write_text(text)
            (path / name).chmod(0o755)
        pretender = self.folder / "pretender"
        pretender.write_text(PRETENDER)
        pretender.chmod(0o755)
        self.said = self.folder / "said"
        self.environment = {"PATH": str(path), "CUDA_PATH": str(self.folder / "no-toolkit"), "PRETENDER": str(pretender),
                            "SAID": str(self.said), "REAL_PYTHON": sys.executable, "LAMINA_PYTHON": str(path / "python3")}

    def run(self, *arguments, **environment):
        """The process, and what the pretending programs were started with."""
        self.said.write_text("")
        done = subprocess.run([str(PROGRAM), "--out", str(self.folder / "out"), "--build", str(self.folder / "build"),
                               "--sizes", "small", "--commit", "abc", *arguments], capture_output=True, text=True, timeout=120,
                              env={**self.environment, **environment})
        return done, self.said.read_text().splitlines()

    def result(self, name):
        path = self.folder / "out" / (name.replace(" ", "_") + ".json")
        return json.loads(path.read_text()) if path.exists() else None


GPU = {"nvcc": "#!/bin/bash\n", "nvidia-smi": "#!/bin/bash\necho 'Made-up GPU, 9.0'\n", "cmake": CMAKE, "python3": PYTHON,
       "compute-sanitizer": SANITIZER}


def names(text):
    return re.findall(r"^([a-z0-9 ]+) \(at most \d+ s\):", text, re.MULTILINE)


def says_what_it_would_do():
    with tempfile.TemporaryDirectory(prefix="lamina-gpu-sh-") as scratch:
        machine = Machine(scratch, {})
        done, said = machine.run("--dry-run")
        check(done.returncode == 0 and not done.stderr, "a dry run needs neither a GPU nor a compiler: " + done.stderr)
        check(names(done.stdout) == ALL, f"it names every part, ours and the peer's by turns: {names(done.stdout)}")
        check(not said and not (machine.folder / "out").exists(), "and runs and writes nothing")
        done, _ = machine.run("--dry-run", "--only", "train,peer", "--executions", "split", "--adapters", "autocast,tf32", "--sizes",
                              "large,xl", "--recompute", "none")
        check(names(done.stdout) == ["train large split", "peer large autocast", "peer large tf32", "train xl merged kept",
                                     "peer xl autocast kept", "peer xl tf32 kept"], f"only what is asked for: {names(done.stdout)}")
        for line in done.stdout.splitlines():
            ours = " --batch 16 --sequence 1024 --accumulation 16 " if "large" in line else " --batch 8 --sequence 1024 --accumulation 16 "
            if line.startswith(("train", "peer")):
                check(ours in line, "both sides get the same tokens: " + line)
                check("--recompute " not in line.replace("--recompute none", ""), "and keep what they may: " + line)


def refuses():
    with tempfile.TemporaryDirectory(prefix="lamina-gpu-sh-") as scratch:
        bare = Machine(scratch, {})
        done, _ = bare.run()
        check(done.returncode == 1 and done.stderr == "gpu.sh: this machine has no nvcc; install the CUDA toolkit, or set CUDA_PATH\n",
              "a machine without nvcc is told so: " + done.stderr)
    with tempfile.TemporaryDirectory(prefix="lamina-gpu-sh-") as scratch:
        without_gpu = Machine(scratch, {"nvcc": "#!/bin/bash\n"})
        done, _ = without_gpu.run()
        check(done.returncode == 1 and done.stderr == "gpu.sh: this machine has no GPU that nvidia-smi sees\n",
              "and one without a GPU: " + done.stderr)
        for arguments, sentence in [(["--only", "parity,nothing"], "--only has nothing; expected some of build conformance"),
                                    (["--sizes", "huge"], "--sizes has huge"), (["--patience", "x"], "--patience is x"),
                                    (["--deps"], "--deps needs a value"), (["--fast"], "--fast is no option")]:
            done, _ = without_gpu.run(*arguments)
            check(done.returncode == 1 and done.stderr.startswith("gpu.sh: " + sentence) and done.stderr.count("\n") == 1,
                  f"{arguments}: {sentence!r} is said; found {done.stderr!r}")


def runs_everything():
    with tempfile.TemporaryDirectory(prefix="lamina-gpu-sh-") as scratch:
        machine = Machine(scratch, GPU)
        done, said = machine.run()
        check(done.returncode == 0, "all parts pass: " + done.stdout + done.stderr)
        check([line.split(":")[0] for line in done.stdout.splitlines()[2:-1]] == ALL, "each is told: " + done.stdout)
        check([line.split()[0] for line in said] == ["lamina_tests_cuda"] * 4 + ["operations", "train_step", "pretender", "train_step",
                                                                                 "train_step", "pretender"], f"each is run: {said}")
        check(machine.result("conformance") == {"part": "conformance", "outcome": "passed", "detail": "fine", "seconds": 0},
              f"a part that writes no result gets one: {machine.result('conformance')}")
        check(machine.result("train small merged") == {"outcome": "measured"}, "one that does keeps its own")
        done, said = machine.run()
        check(done.returncode == 0 and len(said) == 1 and "gpu_report.py" in said[0], f"done parts are left out, but not the page: {said}")
        done, said = machine.run("--again", "--only", "parity,train")
        check(len(said) == 4, f"unless they are to be done again: {said}")


def goes_on_after_failures():
    with tempfile.TemporaryDirectory(prefix="lamina-gpu-sh-") as scratch:
        machine = Machine(scratch, GPU)
        done, said = machine.run(FAILING="--execution split")
        check(done.returncode == 1 and done.stdout.endswith("\nfailed: train small split\n"), "a failure is told: " + done.stdout)
        check(machine.result("train small split") == {"part": "train small split", "outcome": "failed", "detail": "it broke", "seconds": 0},
              f"and noted with its last line: {machine.result('train small split')}")
        check(len(said) == 10, f"and the others are run: {said}")
        done, said = machine.run()
        check(done.returncode == 0 and ["split" in line for line in said] == [True, False], f"what failed is tried again: {said}")
        done, _ = machine.run("--again", "--only", "parity", SKIPPING="[parity]")
        check(done.returncode == 1 and machine.result("parity")["outcome"] == "failed", "a suite that skips everything has not passed")
        done, _ = machine.run("--again", "--only", "report", SLOW="gpu_report.py")
        check(done.returncode == 1 and machine.result("report")["detail"].startswith("stopped after 10 s"),
              f"a part may take no longer than it is given: {machine.result('report')}")


says_what_it_would_do()
refuses()
runs_everything()
goes_on_after_failures()
sys.exit(1 if failures else 0)
