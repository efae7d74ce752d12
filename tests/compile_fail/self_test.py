#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that the harness accepts a good case and refuses each kind of bad one: self_test.py COMPILER [FLAG...]"""

import pathlib
import sys

import shown
from harness import judge, judge_twins

# Case -> the words with which the harness must refuse it; None for the case that it must accept.
VERDICTS = {
    "good.cpp": None,
    "compiles.cpp": "compiles although",
    "wrong_message.cpp": "no error says",
    "sentence_in_a_note.cpp": "no error says",
    "two_errors.cpp": "2 errors where one was due",
    "too_many_lines.cpp": "lines of output where 25 are allowed",
    "no_expectation.cpp": "the first line must be",
}

BROKEN_TWIN = "broken_twin.cpp"

SAID = """\
In file included from a.cpp:2:
some/where/include/lamina/nn/a.hpp: In instantiation of 'struct A<5>':
some/where/include/lamina/nn/a.hpp:45:19: error: static assertion failed: lamina: A: five is too many; take four
   45 |     static_assert(Few<N>, "");
      |                   ^~~~~~
some/where/include/lamina/nn/a.hpp:45:19: note: constraints not satisfied
some/where/include/lamina/nn/b.hpp:32:56: note: the expression 'N < 5 [with N = 5]' evaluated to 'false'
   32 | concept Few = N < 5;
      |               ~~^~~
"""
SHOWN = """\
include/lamina/nn/a.hpp: error: static assertion failed: lamina: A: five is too many; take four
      |     static_assert(Few<N>, "");
      |                   ^~~~~~
include/lamina/nn/b.hpp: note: the expression 'N < 5 [with N = 5]' evaluated to 'false'
"""


def excerpts():
    """What a page shows of a compiler's words, and that a page with other words is refused."""
    if shown.excerpt(SAID) != SHOWN:
        return f"an excerpt is\n{shown.excerpt(SAID)}"
    if shown.problem("README.md", SHOWN, SAID, True) or shown.problem("README.md", SHOWN, SAID.replace("45", "46"), True):
        return "a true excerpt is refused"
    other = SHOWN.replace("five is", "six are")
    if not shown.problem("README.md", other, SAID, True) or not shown.problem("README.md", other, SAID, False):
        return "a false excerpt is accepted"
    return None


def main():
    folder = pathlib.Path(__file__).parent / "harness"
    if {path.name for path in folder.glob("*.cpp")} != VERDICTS.keys() | {BROKEN_TWIN}:
        return f"{folder}: its files and the list in self_test.py differ"
    good, broken = str(folder / "good.cpp"), str(folder / BROKEN_TWIN)
    if judge_twins([good, good], sys.argv[1:]) is not None:
        return "the twins of good cases are refused"
    if BROKEN_TWIN not in (judge_twins([good, broken, good], sys.argv[1:]) or ""):
        return "a twin that does not compile is not named"
    for name, expected in VERDICTS.items():
        verdict = judge(str(folder / name), sys.argv[1:])
        if (verdict is None) != (expected is None) or (expected is not None and expected not in verdict):
            return f"{name}: expected the verdict {expected!r}, got {verdict!r}"
    return excerpts()


if __name__ == "__main__":
    sys.exit(main())
