#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that each structure check can fail: made-up trees with one flaw each, and the words that must name it."""

import pathlib
import sys
import tempfile

import citations
import includes
import measures
import mirror
import sass
import snippets
import style
import transcripts

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
    (citations, "include/lamina/core/a.hpp", "/// source  Gauss 1809, page 3\n", None),
    (citations, "include/lamina/core/a.hpp", "/// as b.hpp does (reference" + " 5.1)\n", "no page of this repository"),
    (citations, "tests/core/a.cpp", "// in one (design" + ",\n// 'Types')\n", "tests/core/a.cpp:1: `design, '`"),
    (citations, "tests/core/a.cpp", "// reference" + ".md, section 8.3\n", "no page of this repository"),
    (citations, "examples/a.cpp", "int a;\n\n/// docs/none.md says why\n", "examples/a.cpp:3: docs/none.md does not exist"),
    (citations, "docs/a.md", "[b](b.md)\n", "links to b.md, which does not exist"),
    (citations, "docs/a.md", "# A heading (`a.hpp`)\n[a](a.md#another)\n", "no such heading"),
    (citations, "docs/a.md", "# A heading (`a.hpp`)\n[a](a.md#a-heading)\n", None),
    (transcripts, "README.md", "```text\nmade up\n```\n", "say above this block"),
    (transcripts, "README.md", "<!-- output: made_up --flag -->\n```text\nmade up\n```\n", "no test of tests/programs asks"),
    (transcripts, "README.md", "<!-- error: nn/a.cpp -->\n```text\nmade up\n```\n", None),
    (snippets, "README.md", "```sh\nls\n```\n", None),
    (measures, "include/lamina/backend/request/a.hpp", "struct A {\n" + "    const float* p = nullptr;\n" * 7 + "};\n", "raw pointers"),
    (measures, "include/lamina/backend/request/a.hpp", "struct A {\n" + "    const float* p = nullptr;\n" * 6 + "};\n", None),
    (measures, "include/lamina/nn/a.hpp", "x(y.matrix());\n" * 31, ".matrix() calls"),
    (measures, "include/lamina/nn/a.hpp", "static constexpr std::size_t scratch_bytes(Extent extent);\n", "hand-kept"),
    (measures, "include/lamina/nn/linear.hpp",
     "class Linear {\npublic:\n    void a(Pass<B>& p);\n    void b(Pass<B>& p);\n    void c(Pass<B>& p);\n    void d(Pass<B>& p);\n\n};\n",
     "entry points of Linear"),
    (measures, "include/lamina/nn/linear.hpp",
     "class Linear {\npublic:\n    void a(Pass<B>& p);\nprivate:\n    void b(Pass<B>& p);\n    void c(Pass<B>& p);\n    void d(Pass<B>& p);\n\n};\n", None),
    (measures, "include/lamina/backend/cpu/a.hpp", "LAMINA_EXPECTS(a.rows == b.rows, \"a\");\n", "checks of shapes"),
]

PAGE = "# Page\n## Moving averages (`a.hpp`)\n```text\n# No heading\n```\n"
DEMO = "![](docs/demo.svg)\n<!-- output: demo -->\n```text\n| LN removed | 2.0876 |\n| control (LoRA, norms kept) | 2.0786 |\n```\n"
DRIVEN = "transcripts.shown(\"demo\")\n"
KNOWS_REMOVAL = {f"include/lamina/train/{name}.hpp": "Removal r;\n" for name in "abcdef"}
# The same for flaws that several files make: check, files with their texts, words.
TREES = [
    (measures, KNOWS_REMOVAL, "know a removal term: 6"),
    (measures, {name.replace("train", "removal"): text for name, text in KNOWS_REMOVAL.items()}, None),
    (citations, {"docs/a.md": PAGE, "bench/a.cpp": "// docs/a.md, \"Moving averages\", says\n"}, None),
    (citations, {"docs/a.md": PAGE, "bench/a.cpp": "// (docs/a.md,\n/// \"Moving\n/// averages\" and \"Page\")\n"}, None),
    (citations, {"docs/a.md": PAGE, "bench/a.cpp": "int a;  // docs/a.md, \"Page\" and \"Averages\"\n"}, "no section \"Averages\""),
    (citations, {"docs/a.md": PAGE, "tests/a.py": "# docs/a.md, \"No heading\"\n"}, "no section \"No heading\""),
    (transcripts, {"README.md": DEMO, "tests/programs/a.py": DRIVEN, "docs/demo.svg": "<text>2.0876</text><text>2.0786</text>"}, None),
    (transcripts, {"README.md": DEMO, "tests/programs/a.py": DRIVEN, "docs/demo.svg": "<text>2.0876</text>"}, "does not end at 2.0786"),
    (transcripts, {"README.md": DEMO, "tests/programs/a.py": DRIVEN}, "docs/demo.svg: the README shows it"),
]


def sass_problem():
    """Whether sass.py finds the one main loop of made-up machine code: a loop of two products and a load in a larger one,
    and behind the exit a way back that is no loop."""
    product, load, leave = 0x723C, 0x783B, 0x794D

    def branch(start, target, architecture):
        words = 4 * (target - start - 1)
        fields = words << 34 if architecture < 90 else (words & 0xFF) << 16 | (words >> 8) << 34
        return 0x7947 | fields & (1 << 82) - 1

    for architecture in (80, 90):
        code = [product, load, product, product, branch(4, 1, architecture), branch(5, 0, architecture), leave]
        code.append(branch(7, 2, architecture))
        raw = b"".join(word.to_bytes(sass.WORD, "little") for word in code)
        read = sass.decoded(raw, architecture)
        if sass.loops(read) != [(1, 4)]:
            return f"sass.py finds the loops {sass.loops(read)} in code for sm_{architecture}"
        counts = sass.counts(read, 1, 4)
        if (counts["all"], counts["HMMA"], counts["LDSM"], counts["branch"], counts["other"]) != (4, 2, 1, 1, 0):
            return f"sass.py counts {counts} in code for sm_{architecture}"
    return None


def main():
    for check, files, expected in [(check, {name: text}, expected) for check, name, text, expected in CASES] + TREES:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "tests/structure").mkdir(parents=True)
            (root / "tests/structure/unmirrored.txt").touch()
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text, encoding="utf-8")
            found = list(check.problems(root))
        if bool(found) != bool(expected) or (expected and not any(expected in problem for problem in found)):
            return f"{check.__name__} on {str(files)[:120]}: expected {expected!r}, found {found}"
    return sass_problem()


if __name__ == "__main__":
    sys.exit(main())
