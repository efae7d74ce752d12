#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that the harness accepts a good case and refuses each kind of bad one: self_test.py COMPILER [FLAG...]"""

import pathlib
import sys

from harness import judge

# Case -> the words with which the harness must refuse it; None for the case that it must accept.
VERDICTS = {
    "good.cpp": None,
    "compiles.cpp": "compiles although",
    "wrong_message.cpp": "no error says",
    "sentence_in_a_note.cpp": "no error says",
    "two_errors.cpp": "2 errors where one was due",
    "broken_twin.cpp": "does not compile",
    "no_expectation.cpp": "the first line must be",
}


def main():
    folder = pathlib.Path(__file__).parent / "harness"
    if {path.name for path in folder.glob("*.cpp")} != VERDICTS.keys():
        return f"{folder}: its files and the list in self_test.py differ"
    for name, expected in VERDICTS.items():
        verdict = judge(str(folder / name), sys.argv[1:])
        if (verdict is None) != (expected is None) or (expected is not None and expected not in verdict):
            return f"{name}: expected the verdict {expected!r}, got {verdict!r}"
    return None


if __name__ == "__main__":
    sys.exit(main())
