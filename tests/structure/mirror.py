#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails on a header without a test of the same name, unless unmirrored.txt lists it with a reason."""

import house


def problems(root):
    listed = {}
    listing = root / "tests" / "structure" / "unmirrored.txt"
    for line in listing.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, reason = line.partition(":")
            listed[name.strip()] = reason.strip()
            if not reason.strip():
                yield f"{listing.name}: {name}: write `header: reason`"

    base = root / "include" / "lamina"
    names = set()
    for path in house.headers(root):
        name = path.relative_to(base).as_posix()
        names.add(name)
        if "detail" in path.relative_to(base).parts:
            continue
        tests = [(root / "tests" / name).with_suffix(suffix) for suffix in (".cpp", ".cu")]
        tested = any(test.exists() for test in tests)
        if not tested and name not in listed:
            yield f"{path.relative_to(root)}: no {tests[0].relative_to(root)}; write it, or list the header in {listing.name}"
        if tested and name in listed:
            yield f"{listing.name}: {name} has a test; take it off the list"
    for name in listed.keys() - names:
        yield f"{listing.name}: {name} does not exist"


if __name__ == "__main__":
    house.finish(list(problems(house.arguments(__doc__).parse_args().root)))
