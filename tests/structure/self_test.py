#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that each structure check can fail: made-up trees with one flaw each, and the words that must name it."""

import pathlib
import sys
import tempfile

import includes
import mirror
import snippets
import style

OPENING = "// SPDX-License-Identifier: MIT\n// What a made-up header is for.\n#pragma once\n"

# Check, file, its text, and the words that the check must print; None where it must find nothing.
CASES = [
    (includes, "include/lamina/core/a.hpp", "#include <vector>\n", None),
    (includes, "include/lamina/core/a.hpp", "#include <lamina/arch/b.hpp>\n", "core/ may not include arch/"),
    (includes, "include/lamina/core/a.hpp", '#include "b.hpp"\n', "must be written"),
    (includes, "include/lamina/nn/a.hpp", "#include <lamina/backend/contract.hpp>\n", None),
    (includes, "include/lamina/nn/a.hpp", "#include <lamina/backend/cpu/a.hpp>\n", "only backend/cpu/"),
    (includes, "include/lamina/nn/a.hpp", "#include <lamina/backend/other.hpp>\n", "contract.hpp only"),
    (includes, "include/lamina/nn/a.hpp", "#include <lamina/core/detail/a.hpp>\n", "internal to core/"),
    (includes, "include/lamina/backend/cpu/a.hpp", "#include <Eigen/Core>\n", None),
    (includes, "include/lamina/backend/cpu/a.hpp", "#include <Eigen/Dense>\n", "nowhere"),
    (includes, "include/lamina/backend/cpu/a.hpp", "#include <lamina/backend/cuda/a.hpp>\n", "only backend/cuda/"),
    (includes, "include/lamina/train/a.hpp", "#include <Eigen/Core>\n", "backend/cpu/"),
    (includes, "include/lamina/io/a.hpp", "#  include <range/v3/view/map.hpp>\n", "text/, eval/"),
    (includes, "include/lamina/text/a.hpp", "#include <boost/any.hpp>\n", "no known library"),
    (includes, "include/lamina/recipe/a.hpp", "#include <lamina/text/a.hpp>\n", "recipe/ may not include text/"),
    (includes, "include/lamina/cuda.hpp", "#include <lamina/eval/a.hpp>\n", "may not reach"),
    (includes, "include/lamina/misc/a.hpp", "#include <vector>\n", "no room"),
    (mirror, "include/lamina/core/a.hpp", OPENING, "no tests/core/a.cpp"),
    (mirror, "include/lamina/core/detail/a.hpp", OPENING, None),
    (mirror, "tests/structure/unmirrored.txt", "core/b.hpp: gone\n", "does not exist"),
    (style, "include/lamina/core/a.hpp", OPENING, None),
    (style, "include/lamina/core/a.hpp", "#pragma once\n", "first line"),
    (style, "include/lamina/core/a.hpp", OPENING + "\n" * 700, "lines, more than"),
    (style, "include/lamina/core/a.hpp", OPENING + "// " + "ä" * 117 + "\n", None),
    (style, "include/lamina/core/a.hpp", OPENING + "// " + "a" * 118 + "\n", "121 columns"),
    (style, "include/lamina/core/a.hpp", OPENING + "#define SQUARE(x)\n", "LAMINA_SQUARE"),
    (style, "include/lamina/core/fast_math.hpp", OPENING, "name a file"),
    (style, "docs/a.md", "See /wo" + "rk/main.\n", "path of one machine"),
    (style, "docs/a.md", "TO" + "DO: write\n", "unfinished"),
    (snippets, "README.md", "```cpp\nint made_up;\n```\n", "no compiled source"),
    (snippets, "README.md", "```sh\nls\n```\n", None),
]


def main():
    for check, name, text, expected in CASES:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "tests/structure").mkdir(parents=True)
            (root / "tests/structure/unmirrored.txt").touch()
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
            found = list(check.problems(root))
        if bool(found) != bool(expected) or (expected and not any(expected in problem for problem in found)):
            return f"{check.__name__} on {name} with {text[:60]!r}: expected {expected!r}, found {found}"
    return None


if __name__ == "__main__":
    sys.exit(main())
