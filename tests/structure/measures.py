#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the house is measured by: measures.py [check] [-v]. Prints a table, with -v also the headers that some figures
count; with `check`, a figure over its limit is an error."""

import pathlib
import re
import sys

RAW_POINTER = re.compile(r"^\s+(?:const )?[A-Za-z_][\w:<>, ]*\*+ (?:const )?\w+(?: = [^;]+)?;", re.MULTILINE)
ACCOUNT = re.compile(r"\b(?:std::size_t|Flops)\s+(?:scratch_bytes|flops)\(Extent")
SHAPE_CHECK = re.compile(r"\b(?:rows|cols) ==")
# Words that have another meaning elsewhere ("removed" of a file) are not here.
REMOVAL_TERM = re.compile(r"\b(Removal\w*|Removable\w*|norm_states?|NormSite|DivisorMode|StdTracking|first_position\w*|"
                          r"FirstPosition\w*|values_fixed|end_of_text_apart)\b")
KNOWS_REMOVAL = {"removal", "recipe"}  # the room itself, and published runs of it
SMALL = 50  # lines


class House:
    """The headers below a root, by their path within include/lamina, comments left out."""

    def __init__(self, root):
        include = root / "include/lamina"
        self.raw = {path.relative_to(include).as_posix(): path.read_text(encoding="utf-8")
                    for path in sorted(include.rglob("*.hpp"))}
        self.code = {name: re.sub(r"//[^\n]*", "", text) for name, text in self.raw.items()}

    def below(self, *prefixes):
        return "\n".join(code for name, code in self.code.items() if name.startswith(prefixes))

    def entry_points(self, name, kind):
        """Public member functions that run a layer: what takes a Pass, or gives a layer that does."""
        parts = re.split(r"\bclass " + kind + r"\b[^;{]*\{", self.code.get(name, ""), maxsplit=1)
        if len(parts) < 2:
            return set()
        body = re.split(r"\n\};", parts[1], maxsplit=1)[0]
        public = "".join(part.split("private:")[0] for part in ("private:" + body).split("public:")[1:])
        return set(re.findall(r"\b(\w+)\((?:Pass<B>&|\) \{\s+return \{\*this\})", public))

    def lone_headers(self):
        """Small headers that one other header includes."""
        users = {name: 0 for name in self.raw}
        for text in self.raw.values():
            for name in set(re.findall(r"#include <lamina/([^>]+)>", text)):
                users[name] = users.get(name, 0) + 1
        return [name for name, text in self.raw.items() if users[name] == 1 and text.count("\n") < SMALL]

    def removal_outside(self):
        return [name for name, code in self.code.items()
                if name.split("/")[0] not in KNOWS_REMOVAL and REMOVAL_TERM.search(code)]

    def shape_checks_of_devices(self):
        checks = re.findall(r"LAMINA_EXPECTS\([^;]*;", self.below("backend/cpu/", "backend/cuda/"))
        return sum(len(SHAPE_CHECK.findall(check)) for check in checks)


def measures(house):
    """What is measured, its value, and its limit or None."""
    return [
        ("raw pointers in the contract",
         len(RAW_POINTER.findall(house.below("backend/contract.hpp", "backend/request/"))), 6),
        (".matrix() calls in nn/", house.below("nn/").count(".matrix()"), 30),
        ("hand-kept scratch_bytes and flops of layers", len(ACCOUNT.findall(house.below("nn/"))), 0),
        ("public entry points of Linear", len(house.entry_points("nn/linear.hpp", "Linear")), 3),
        ("public entry points of attention", len(house.entry_points("nn/attention.hpp", "CausalSelfAttention")), 3),
        ("headers outside removal/ and recipe/ that know a removal term", len(house.removal_outside()), 5),
        ("checks of shapes within devices, besides a request's own", house.shape_checks_of_devices(), 0),
        (f"headers under {SMALL} lines that one other header includes", len(house.lone_headers()), None),
        ("library lines", sum(text.count("\n") for text in house.raw.values()), None),
    ]


def problems(root):
    for name, value, limit in measures(House(root)):
        if limit is not None and value > limit:
            yield f"{name}: {value}, at most {limit} are allowed"


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    house = House(root)
    rows = measures(house)
    width = max(len(name) for name, _, _ in rows)
    for name, value, limit in rows:
        print(f"{name:<{width}}  {value:>6}" + (f"  (at most {limit})" if limit is not None else ""))
    if "-v" in sys.argv:
        print("know a removal term:", *house.removal_outside())
        print("one includer:", *house.lone_headers())
    return "\n".join(problems(root)) if "check" in sys.argv else None


if __name__ == "__main__":
    sys.exit(main() or None)
