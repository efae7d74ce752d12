#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the house is measured by: measures.py [check]. Prints a table; with `check`, a figure over its limit is an error."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include/lamina"

# A header that talks of how norms are removed. Words that have another meaning elsewhere ("removed" of a file) are not here.
REMOVAL_TERMS = re.compile(r"\b(Removal\w*|Removable\w*|norm_states?|NormSite|DivisorMode|StdTracking|first_position\w*|"
                           r"FirstPosition\w*|values_fixed|end_of_text_apart)\b")
# Of these headers the subject is a file format, a recipe or an umbrella, where removal is what is written down.
SMALL = 50
ACCOUNTS = re.compile(r"\b(?:std::size_t|Flops)\s+(?:scratch_bytes|flops)\(Extent")
RAW_POINTER = re.compile(r"^\s+(?:const )?[A-Za-z_][\w:<>, ]*\*+ (?:const )?\w+(?: = [^;]+)?;", re.MULTILINE)


def text_of(path):
    """The code of a header, comments left out."""
    code = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))
    return re.sub(r"/\*.*?\*/", "", code, flags=re.DOTALL)


def headers(*folders):
    return sorted(path for folder in folders for path in (INCLUDE / folder).rglob("*.hpp"))


def public_functions(path, name):
    """Names of the public member functions that run a layer: what takes a Pass, or gives a layer that does."""
    code = text_of(path)
    body = re.split(r"\bclass " + name + r"\b[^;{]*\{", code, maxsplit=1)[1]
    body = re.split(r"\n\};", body, maxsplit=1)[0]
    public = "".join(part.split("private:")[0] for part in ("private:" + body).split("public:")[1:])
    return sorted(set(re.findall(r"\b(\w+)\((?:Pass<B>&|\) \{\s+return \{\*this\})", public)))


def includers():
    """Header -> the headers that include it."""
    result = {path: set() for path in headers("")}
    for path in result:
        for name in re.findall(r"#include <(lamina/[^>]+)>", path.read_text(encoding="utf-8")):
            result.setdefault(ROOT / "include" / name, set()).add(path)
    return result


def checks_of_shapes():
    """Places that check the shapes of one request: the kinds of request that a device checks again, and the one place."""
    device = sum(text.count("rows ==") + text.count("cols ==") for text in
                 ("".join(re.findall(r"LAMINA_EXPECTS\([^;]*;", text_of(path))) for path in headers("backend/cpu", "backend/cuda")))
    return 1 if device == 0 else 1 + device


def measures():
    contract = [INCLUDE / "backend/contract.hpp", *headers("backend/request")]
    nn = headers("nn")
    by_header = includers()
    lone = [path for path, users in by_header.items()
            if len(users) == 1 and len(path.read_text(encoding="utf-8").splitlines()) < SMALL]
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in headers(""))
    removal = [path for path in headers("") if "removal" not in path.relative_to(INCLUDE).parts[:1]
               and "recipe" not in path.relative_to(INCLUDE).parts[:1] and REMOVAL_TERMS.search(text_of(path))]
    return [
        ("raw pointers in the contract", sum(len(RAW_POINTER.findall(text_of(path))) for path in contract), 6),
        (".matrix() calls in nn/", sum(text_of(path).count(".matrix()") for path in nn), 30),
        ("hand-kept scratch_bytes and flops of layers", sum(len(ACCOUNTS.findall(text_of(path))) for path in nn), 0),
        ("public entry points of Linear", len(public_functions(INCLUDE / "nn/linear.hpp", "Linear")), 3),
        ("public entry points of attention", len(public_functions(INCLUDE / "nn/attention.hpp", "CausalSelfAttention")), 3),
        ("headers outside removal/ and recipe/ that know a removal term", len(removal), 5),
        ("places that check one request's shapes", checks_of_shapes(), 1),
        (f"headers under {SMALL} lines that one other header includes", len(lone), None),
        ("library lines", lines, None),
    ], removal, lone


def main():
    rows, removal, lone = measures()
    width = max(len(name) for name, _, _ in rows)
    for name, value, limit in rows:
        print(f"{name:<{width}}  {value:>6}" + (f"  (at most {limit})" if limit is not None else ""))
    if "-v" in sys.argv:
        print("removal terms:", *(str(path.relative_to(INCLUDE)) for path in removal))
        print("one includer:", *(str(path.relative_to(INCLUDE)) for path in lone))
    over = [name for name, value, limit in rows if limit is not None and value > limit]
    if "check" in sys.argv and over:
        sys.exit("over the limit: " + ", ".join(over))


if __name__ == "__main__":
    main()
