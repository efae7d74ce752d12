#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Judges one must-not-compile case: harness.py CASE COMPILER [FLAG...]
Judges what it differs from:         harness.py --twins CASE... -- COMPILER [FLAG...]
Parses once what all cases include:  harness.py --precompile HEADER COMPILER [FLAG...]

The first line of CASE is `// expect: SENTENCE`. Compiled with LAMINA_EXPECT_FAILURE defined, it must be refused with
exactly one error, which holds SENTENCE, and in few enough lines to be read at a glance. Compiled as it stands (the twin) it
must be accepted without a warning. Twins are compiled together, each in a namespace of its own, since most of what they
instantiate is the same.
"""

import os
import re
import subprocess
import sys
import tempfile

COMPILE = ["-std=c++20", "-fno-diagnostics-color", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
ERROR_LINE = re.compile(r"^(?:.*: )?(?:fatal )?error: .*$", re.MULTILINE)
ENVIRONMENT = {**os.environ, "LC_ALL": "C"}  # compilers translate their messages
MOST_LINES = 25
# What precedes a program's own includes where some are precompiled, which a user's are not.
PRECOMPILED_LINE = re.compile(r"^(?:In file included| {16}) from (?:<built-in>|<command-line>|.*LAMINA_\w+\.hpp):?")
EXPECTATION = re.compile(r"// expect: (\S.*\S)\s*$")


def run_compiler(compiler_and_flags, *arguments):
    command = [*compiler_and_flags, *COMPILE, "-fsyntax-only", "-Winvalid-pch", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)


def hoisted(line):
    """Whether an include of a case stands before all of them: those of the folder say what each does with its own type."""
    return line.startswith("#include ") and '"compile_fail/' not in line


def judge_twins(cases, compiler_and_flags):
    """What is wrong with the cases as they stand, or None. What they include is precompiled, or stands before them."""
    lines = []
    for case in cases:
        with open(case, encoding="utf-8") as source:
            lines += [line for line in source.read().splitlines() if hoisted(line) and line not in lines]
    for number, case in enumerate(cases):
        lines += [f"namespace twin_{number} {{", f'#include "{os.path.abspath(case)}"', "}"]
    with tempfile.TemporaryDirectory() as folder:
        unit = os.path.join(folder, "twins.cpp")
        with open(unit, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        twins = run_compiler(compiler_and_flags, unit)
    if twins.returncode != 0:
        return f"a twin, without LAMINA_EXPECT_FAILURE, does not compile:\n{twins.stderr}"
    return None


def judge(case, compiler_and_flags):
    """What is wrong with the case, in one sentence and the compiler's own words, or None."""
    with open(case, encoding="utf-8") as source:
        expectation = EXPECTATION.match(source.readline())
    if expectation is None:
        return f"{case}: the first line must be `// expect: <sentence>`"
    sentence = expectation.group(1)

    failure = run_compiler(compiler_and_flags, "-DLAMINA_EXPECT_FAILURE", case)
    if failure.returncode == 0:
        return f"{case}: compiles although LAMINA_EXPECT_FAILURE is defined"
    errors = ERROR_LINE.findall(failure.stderr)
    if not any(sentence in error for error in errors):
        return f"{case}: no error says\n  {sentence}\nbut the compiler printed:\n{failure.stderr}"
    if len(errors) != 1:
        return f"{case}: {len(errors)} errors where one was due:\n{failure.stderr}"
    lines = sum(PRECOMPILED_LINE.match(line) is None for line in failure.stderr.splitlines())
    if lines > MOST_LINES:
        return f"{case}: {lines} lines of output where {MOST_LINES} are allowed:\n{failure.stderr}"
    return None


def precompile(header, compiler_and_flags):
    """Leaves HEADER's precompiled form where both compilers look for it when they are told to -include HEADER."""
    command = [*compiler_and_flags, *COMPILE, "-x", "c++-header", header, "-o", f"{header}.gch"]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    if len(sys.argv) > 3 and sys.argv[1] == "--precompile":
        sys.exit(precompile(sys.argv[2], sys.argv[3:]))
    if len(sys.argv) > 4 and sys.argv[1] == "--twins" and "--" in sys.argv:
        end = sys.argv.index("--")
        sys.exit(judge_twins(sys.argv[2:end], sys.argv[end + 1:]))
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(judge(sys.argv[1], sys.argv[2:]))
