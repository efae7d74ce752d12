#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs bench/gpu_dependencies.sh: what it collects is enough to configure lamina with, and what is missing is named."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = str(REPOSITORY / "bench" / "gpu_dependencies.sh")
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def refuses(arguments, sentence):
    done = run(*arguments)
    check(done.returncode == 1 and done.stderr.startswith(f"gpu_dependencies.sh: {sentence}") and done.stderr.count("\n") == 1,
          f"{sentence!r} is said; found {done.stderr!r}")


def says_what_is_missing(collected):
    for name in ("lib/libutf8proc.a", "lib/libz.a", "include/zstd.h", "include/eigen3/Eigen", "lib/cmake/Catch2"):
        (collected / name).rename(collected / "away")
        refuses(["--check", collected], f"{collected} lacks {name}; make it anew")
        (collected / "away").rename(collected / name)
    refuses(["--check", collected / "no folder"], f"{collected / 'no folder'} is no folder; make it with")
    with tempfile.TemporaryDirectory(prefix="lamina-gpu-dependencies-") as scratch:
        refuses([scratch, scratch], f"{scratch}/include/eigen3/Eigen is not there; install libeigen3-dev")
        # A prefix with everything but the library.
        shutil.copytree(collected, f"{scratch}/prefix", ignore=shutil.ignore_patterns("libzstd.a"))
        refuses([f"{scratch}/to", f"{scratch}/prefix"], f"{scratch}/prefix/lib has no libzstd.a; install ")
        check(not pathlib.Path(f"{scratch}/to").exists(), "and nothing is copied")


def keeps_the_library_of_catch2(collected):
    """Version 3 is one, and its CMake files look for it where the package put it."""
    with tempfile.TemporaryDirectory(prefix="lamina-gpu-dependencies-") as scratch:
        prefix = pathlib.Path(scratch) / "prefix"
        shutil.copytree(collected, prefix)
        (prefix / "lib" / "some-machine").mkdir()
        (prefix / "lib" / "some-machine" / "libCatch2Main.a").write_text("")
        done = run(pathlib.Path(scratch) / "to", prefix)
        check(done.returncode == 0 and (pathlib.Path(scratch) / "to/lib/some-machine/libCatch2Main.a").exists(),
              "the library of Catch2 keeps its place: " + done.stderr)


def is_enough_to_configure(collected, scratch):
    """As gpu.sh does it, but without the GPU, on a machine where CMake finds nothing else."""
    ninja = shutil.which("ninja")
    tool = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"] if ninja else [f"-DCMAKE_MAKE_PROGRAM={shutil.which('make')}"]
    done = subprocess.run(["cmake", *tool, "-S", str(REPOSITORY), "-B", f"{scratch}/build", f"-DCMAKE_PREFIX_PATH={collected}",
                           "-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF", "-DCMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH=OFF",
                           f"-DCMAKE_CXX_COMPILER={shutil.which('c++')}", f"-DPython3_EXECUTABLE={sys.executable}",
                           "-DLAMINA_BUILD_EXAMPLES=OFF", "-DLAMINA_CUDA=OFF", "-DLAMINA_ONEDNN=OFF"],
                          capture_output=True, text=True, timeout=250)
    check(done.returncode == 0, "lamina is configured with nothing else: " + done.stderr)
    cache = pathlib.Path(scratch, "build", "CMakeCache.txt").read_text().splitlines()
    for package in ("Eigen3_DIR", "range-v3_DIR", "nlohmann_json_DIR", "CLI11_DIR", "Catch2_DIR", "Utf8proc_LIBRARY", "ZLIB_LIBRARY_RELEASE",
                    "Zstd_LIBRARY"):
        found = [line for line in cache if line.startswith(package + ":")]
        check(len(found) == 1 and str(collected) in found[0], f"and from there: {found}")


with tempfile.TemporaryDirectory(prefix="lamina-gpu-dependencies-") as scratch:
    collected = pathlib.Path(scratch) / "collected"
    done = run(collected)
    if done.returncode != 0 and "; install " in done.stderr:
        print(f"lamina: skipped: programs: gpu_dependencies: {done.stderr.strip()}")
        sys.exit(0)
    check(done.returncode == 0 and run("--check", collected).returncode == 0, "everything is collected: " + done.stderr)
    is_enough_to_configure(collected, scratch)
    says_what_is_missing(collected)
    keeps_the_library_of_catch2(collected)
sys.exit(1 if failures else 0)
