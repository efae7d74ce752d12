#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs bench/gpu.sh with programs that only pretend: what would be run, in which order, and what becomes of failures."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "bench" / "gpu.sh"
TOOLS = ["bash", "basename", "dirname", "cat", "chmod", "cp", "find", "git", "grep", "head", "ls", "mkdir", "nproc", "realpath", "rm", "sed", "sleep",
         "tail", "timeout", "touch", "tr"]
ALL = ["build", "parity", "train small merged", "peer small autocast compiled", "operations", "conformance", "racecheck", "memcheck",
       "train small split", "peer small autocast eager", "train small factored", "peer small autocast published", "report"]
failures = []

# Stands for cmake, and makes the programs that a build would: each says its name and flags, fails or takes long where the
# environment says so, and writes the JSON that it is asked for.
CMAKE = """#!/bin/bash
if [[ -n ${BREAKING:-} ]]; then echo "-- fine so far"; printf '%b\\n' "$BREAKING"; echo "-- Configuring incomplete, errors occurred!"; exit 1; fi
[[ $1 == --build ]] || { echo "configured with $*"; exit 0; }
mkdir -p "$2/bench" "$2/tests"
for program in bench/train_step bench/operations tests/lamina_tests_cuda; do cp "$PRETENDER" "$2/$program"; chmod +x "$2/$program"; done
echo "built with $*"
"""
PRETENDER = """#!/bin/bash
if [[ $1 == --libidentify ]]; then echo "version: ${CATCH2:-2.13.10}"; exit; fi
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
if [[ $1 == bench/gpu_result.py ]]; then exec "$REAL_PYTHON" "$@"; fi
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
        self.environment = {"PATH": str(path), "CUDA_PATH": str(self.folder / "no-toolkit"), "LAMINA_TOOLKITS": str(self.folder), "PRETENDER": str(pretender),
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


NVIDIA_SMI = """#!/bin/bash
if [[ $* == *memory.total* ]]; then echo "${MEMORY:-81559}"; exit; fi
if [[ $* != *utilization* ]]; then echo "${DEVICE:-Made-up GPU}, 9.0"; exit; fi
printf '%s\\n' '0, 345, 70.1, 30' '97, 1755, 650.5, 61' '100, 1785, 690.5, 63' '99, [N/A], 690.5, 63'
"""
GPU = {"nvcc": "#!/bin/bash\n", "nvidia-smi": NVIDIA_SMI, "cmake": CMAKE, "python3": PYTHON,
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
        given = [int(seconds) for seconds in re.findall(r"at most (\d+) s", done.stdout)]
        check(sum(given[:-1]) == given[-1] <= 540 - 5, f"a run with the smallest size fits nine minutes, whatever it takes: {given}")
        check(done.stdout.endswith(f"at most {given[-1]} s in all, 540 s in one run\n"), "and that is told: " + done.stdout)
        done, _ = machine.run("--dry-run", "--only", "train,peer", "--executions", "split", "--adapters", "autocast,tf32", "--peers",
                              "eager,published", "--sizes", "large,xl", "--recompute", "none")
        check(names(done.stdout) == ["train large split", "train xl merged kept", "peer large autocast eager", "peer xl autocast eager kept",
                                     "peer large autocast published", "peer xl autocast published kept", "peer large tf32 eager",
                                     "peer xl tf32 eager kept", "peer large tf32 published", "peer xl tf32 published kept"],
              f"only what is asked for: {names(done.stdout)}")
        forms = {line.split()[3]: "--as-published" in line for line in done.stdout.splitlines() if line.startswith("peer")}
        check(forms == {"eager": False, "published": True} and "--compile" not in done.stdout, f"in the form that is asked for: {forms}")
        for line in done.stdout.splitlines():
            shape = {"train xl": (16, 8), "peer xl": (8, 16)}.get(" ".join(line.split()[:2]), (16, 16))
            if line.startswith(("train", "peer")):
                check(" --batch {} --sequence 1024 --accumulation {} ".format(*shape) in line, "both sides get the same tokens: " + line)
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
        for arguments, sentence in [(["--only", "parity,nothing"], "--only has nothing; expected some of build parity"),
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
        suite, turn = ["lamina_tests_cuda"], ["train_step", "pretender"]
        check([line.split()[0] for line in said] == [*suite, *turn, "operations", *suite * 3, *turn * 2, "pretender"], f"each is run: {said}")
        of = {"commit": "abc", "gpu": "Made-up GPU, 9.0", "clock": {"sm_mhz": 1770, "watts": 670.5, "celsius": 62, "samples": 2}}
        wanted = {"part": "conformance", "outcome": "passed", "detail": "fine", "seconds": 0, "budget": 30, **of}
        check(machine.result("conformance") == wanted, f"a part that writes no result gets one: {machine.result('conformance')}")
        check(machine.result("train small merged") == {"outcome": "measured", "budget": 20, **of},
              f"one that does keeps its own: {machine.result('train small merged')}")
        check(all("--warn NoTests" in line for line in said if line.startswith("lamina_tests_cuda")), f"version 2 of Catch2 is told that no test is no success: {said}")
        check([line for line in said if "--time-limit" in line] and "--time-limit 17 " in said[1], f"programs know their time: {said[1]}")
        done, said = machine.run()
        check(done.returncode == 0 and len(said) == 1 and "gpu_report.py" in said[0], f"done parts are left out, but not the page: {said}")
        done, said = machine.run("--again", "--only", "parity,train", CATCH2="3.5.0")
        check(len(said) == 4 and "--warn" not in said[0], f"unless they are to be done again: {said}")


def is_of_one_commit_and_gpu():
    with tempfile.TemporaryDirectory(prefix="lamina-gpu-sh-") as scratch:
        machine = Machine(scratch, GPU)
        done, said = machine.run("--only", "parity,peer", "--peers", "eager")
        check(done.returncode == 2 and said == ["pretender bench/train_step_peer.py " + said[0].split(" ", 2)[2]]
              and "\nparity: not run: not built\n" in done.stdout, "without programs the peer is measured alone: " + done.stdout)
        machine.run("--only", "build,parity,train")
        done, said = machine.run("--only", "parity,train", "--commit", "later")
        check(done.returncode == 0 and not said, f"what was built of a commit stays of that commit: {done.stdout}")
        done, said = machine.run("--only", "build,parity", "--commit", "later")
        check(done.returncode == 0 and len(said) == 1 and machine.result("parity")["commit"] == "later", f"another is another result: {said}")
        done, said = machine.run("--only", "parity,report", DEVICE="Other GPU")
        check(done.returncode == 2 and "\nparity: not run: built for another GPU, Made-up GPU, 9.0\n" in done.stdout and len(said) == 1,
              "programs for another GPU are not run: " + done.stdout)
        check(machine.result("parity")["outcome"] == "passed", "and what was found on that one stays")


def runs_what_was_built_elsewhere():
    with tempfile.TemporaryDirectory(prefix="lamina-gpu-sh-") as scratch:
        machine = Machine(scratch, {name: text for name, text in GPU.items() if name != "nvidia-smi"})
        done, said = machine.run("--only", "build", "--for", "Made-up GPU, 9.0")
        check(done.returncode == 0 and not said, "programs for another machine are built where there is no GPU: " + done.stdout + done.stderr)
        log = (machine.folder / "out" / "build.log").read_text()
        check("-DLAMINA_NATIVE=OFF" in log and "-DCMAKE_CUDA_ARCHITECTURES=90-real" in log, "for its GPU and any CPU: " + log)
        smi = machine.folder / "path" / "nvidia-smi"
        smi.write_text(NVIDIA_SMI)
        smi.chmod(0o755)
        (machine.folder / "path" / "cmake").unlink()
        (machine.folder / "path" / "nvcc").unlink()
        done, said = machine.run("--only", "parity,train", "--executions", "merged")
        check(done.returncode == 0 and len(said) == 2, f"and run where there is one, without a compiler: {done.stdout} {said}")
        for arguments, wanted in [(["--only", "build,parity", "--for", "X, 9.0"], "--for goes with --only build"),
                                  (["--only", "build", "--for", "H200"], "expected its name and compute capability")]:
            done, _ = machine.run(*arguments)
            check(done.returncode == 1 and wanted in done.stderr and done.stderr.count("\n") == 1, done.stderr)


def keeps_what_the_gpu_has_room_for():
    for memory, wanted in [("81559", "block"), ("143771", "none"), ("[N/A]", "block")]:
        with tempfile.TemporaryDirectory(prefix="lamina-gpu-sh-") as scratch:
            machine = Machine(scratch, GPU)
            _, said = machine.run("--only", "build,train", "--sizes", "xl", "--executions", "merged", MEMORY=memory)
            check(len(said) == 1 and f" --recompute {wanted} " in said[0], f"{memory} MiB: {said}")


def stops_without_programs():
    for breaking, wanted in [("CMake Error at cmake/LaminaLibrary.cmake:6 (find_package):\\n  Could not find Eigen3\\n\\nCall Stack",
                              "CMake Error at cmake/LaminaLibrary.cmake:6 (find_package): Could not find Eigen3"),
                             ("FAILED: bench/a.o\\nnvcc a.cu\\na.cu(7): error: no such thing\\nninja: stopped",
                              "FAILED: bench/a.o: a.cu(7): error: no such thing"),
                             ("a.cpp:3:1: error: no\\nmake: *** [all] Error 2", "a.cpp:3:1: error: no")]:
        with tempfile.TemporaryDirectory(prefix="lamina-gpu-sh-") as scratch:
            machine = Machine(scratch, GPU)
            machine.run("--only", "build")
            done, said = machine.run(BREAKING=breaking)
            # However long a busy machine takes.
            check(re.search(rf"\nbuild: FAILED after \d+ s: {re.escape(wanted)}\n", done.stdout), f"{wanted!r} is said: {done.stdout}")
            check(done.returncode == 1 and len(said) == 1 and "gpu_report.py" in said[0], f"nothing else is run but the page: {said}")
            check(machine.result("train small merged")["detail"] == "not built", "and why is noted")
            done, said = machine.run("--only", "train", "--executions", "merged")
            check(done.returncode == 2 and not said, "neither are the programs of an earlier build, later")
    with tempfile.TemporaryDirectory(prefix="lamina-gpu-sh-") as scratch:
        machine = Machine(scratch, GPU)
        done, said = machine.run("--deps", str(machine.folder / "nothing"))
        check(done.returncode == 1 and not said and f"{machine.folder / 'nothing'} is no folder" in done.stderr,
              "a folder of dependencies that is not there is refused: " + done.stderr)


def runs_out_of_time():
    with tempfile.TemporaryDirectory(prefix="lamina-gpu-sh-") as scratch:
        machine = Machine(scratch, GPU)
        machine.run("--only", "build")
        partial = {"outcome": "time limit", "seconds": [1.5], "budget": 12, "commit": "abc", "gpu": "Made-up GPU, 9.0"}
        path = machine.folder / "out" / "train_small_merged.json"
        path.write_text(json.dumps(partial))
        done, said = machine.run("--only", "parity,train,report", "--within", "24")
        check(done.returncode == 2 and len(said) == 1 and "gpu_report.py" in said[0], f"the page is made without time for a part: {said}")
        check("\ntrain small merged: not run: left for the next run, since no time is left in this one\n" in done.stdout
              and done.stdout.endswith("\nnot run: parity, train small merged, train small split, train small factored\n"),
              "the others are told: " + done.stdout)
        check(machine.result("train small merged") == partial, "what a part had is kept")
        check(machine.result("parity")["outcome"] == "not run", "and where it had nothing, why is noted")
        done, said = machine.run("--only", "train", "--executions", "merged", "--within", "30")
        check(done.returncode == 0 and any(f"--time-limit {limit} " in said[0] for limit in (12, 11)),
              f"a program with less time knows: {said} {done.stdout}")
        path.write_text(json.dumps({**partial, "budget": 20}))
        done, said = machine.run("--only", "train", "--executions", "merged")
        check(done.returncode == 0 and not said, f"what had all its time is not tried again: {said}")
        done, said = machine.run("--only", "train", "--executions", "merged", "--patience", "2")
        check(len(said) == 1 and "--time-limit 37 " in said[0], f"unless it gets more: {said}")


def goes_on_after_failures():
    with tempfile.TemporaryDirectory(prefix="lamina-gpu-sh-") as scratch:
        machine = Machine(scratch, GPU)
        done, said = machine.run(FAILING="--execution split")
        check(done.returncode == 1 and done.stdout.endswith("\nfailed: train small split\n"), "a failure is told: " + done.stdout)
        found = machine.result("train small split")
        check([found[name] for name in ("part", "outcome", "detail", "seconds")] == ["train small split", "failed", "it broke", 0],
              f"and noted with its last line: {found}")
        check(len(said) == 12, f"and the others are run: {said}")
        done, said = machine.run()
        check(done.returncode == 0 and ["split" in line for line in said] == [True, False], f"what failed is tried again: {said}")
        done, _ = machine.run("--again", "--only", "parity", SKIPPING="[parity]")
        check(done.returncode == 1 and machine.result("parity")["outcome"] == "failed", "a suite that skips everything has not passed")
        done, _ = machine.run("--only", "report", SLOW="gpu_report.py")
        check(done.returncode == 1 and machine.result("report")["detail"].startswith("stopped after 10 s"),
              f"a part may take no longer than it is given: {machine.result('report')}")


def keeps_what_is_finished():
    with tempfile.TemporaryDirectory(prefix="lamina-gpu-sh-") as scratch:
        machine = Machine(scratch, {name: text for name, text in GPU.items() if name != "nvcc"})
        for version in ("12.8", "13.1"):
            toolkit = machine.folder / f"cuda-{version}" / "bin"
            toolkit.mkdir(parents=True)
            (toolkit / "nvcc").write_text("")
            (toolkit / "nvcc").chmod(0o755)
        archive = machine.folder / "all.tar.gz"
        command = [str(PROGRAM), "--out", str(machine.folder / "out"), "--archive", str(archive), "--build", str(machine.folder / "build"),
                   "--sizes", "small", "--commit", "abc"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**machine.environment, "SLOW": "--execution split"},
                              start_new_session=True) as running:
            finished = []
            while not finished or finished[-1] != "memcheck":
                finished.append(running.stdout.readline().split(":")[0])
            os.killpg(running.pid, signal.SIGKILL)
        with tarfile.open(archive) as whole:
            kept = {name: whole.extractfile(name).read().decode() for name in whole.getnames() if whole.getmember(name).isfile()}
        check([name for name in finished if name in ALL] == ALL[:8], f"a run is killed in the middle: {finished}")
        for part in ALL[:7]:  # told before the last
            found = json.loads(kept.get(f"out/{part.replace(' ', '_')}.json", "{}"))
            check(found.get("outcome") in ("passed", "measured"), f"the archive has {part}: {sorted(kept)}")
        check(kept.get("out/report.md", "").startswith("# lamina on a GPU"), f"and the page: {sorted(kept)}")
        built = json.loads((machine.folder / "out" / "build.json").read_text())
        check("cuda-13.1/bin/nvcc" in (machine.folder / "out" / "build.log").read_text() + json.dumps(built),
              "the newest toolkit is found where toolkits lie")


def names_tests_that_exist():
    """A filter that finds nothing would leave out what it was meant to check, and a negation of nothing leaves out nothing."""
    filters = re.findall(r"suite [a-z]+ \d+ '([^']*)'", PROGRAM.read_text())
    tags = set(re.findall(r"\[[a-z_]+\]", " ".join(filters)))
    backend = REPOSITORY / "tests" / "backend"  # without the suites that never run on a device
    sources = "".join(path.read_text() for path in backend.rglob("*") if path.is_file() and path.parent.name not in ("cpu", "cuda"))
    check(len(tags) >= 10, f"the filters are found: {filters}")
    missing = sorted(tag for tag in tags if f'"{tag}' not in sources and f"]{tag}" not in sources)
    check(not missing, f"no test has {missing}")


says_what_it_would_do()
refuses()
runs_everything()
is_of_one_commit_and_gpu()
runs_what_was_built_elsewhere()
keeps_what_the_gpu_has_room_for()
stops_without_programs()
runs_out_of_time()
goes_on_after_failures()
keeps_what_is_finished()
names_tests_that_exist()
sys.exit(1 if failures else 0)
