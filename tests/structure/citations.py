#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails where a comment cites what a reader cannot open: `docs/PAGE.md, "Section"` names a page and a heading that exist.

Also on links of the pages to files or headings that do not exist. Headings are cited without what stands in brackets at their end.
"""

import re

import house

FOLDERS = ("include", "examples", "bench", "tests", "cmake")
EXCEPT = "tests/structure"  # which speaks of pages that are made up
SOURCES = (".hpp", ".cuh", ".cpp", ".cu", ".py", ".sh", ".cmake", ".txt")
HEADING = re.compile(r"^#+ (.*?)(?: \([^()]*\))?$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# A comment goes on in the next line behind its `//`, `///` or `#`.
CONTINUED = re.compile(r"\n[ \t]*(?:///?<?|#)?[ \t]*")
CITATION = re.compile(r"\b(docs/[\w/-]+\.md)((?:,? (?:and )?\"[^\"]+\")*)")
PRIVATE = re.compile(r"\b(reference(?:\.md| (?:section )?\d+(?:\.\d+)?\b)|(?<!docs/)design(?:\.md|, ['\"]))")
LINK = re.compile(r"\]\((?!https?:|#)([^)\s]+)\)")


def headings(path):
    return set(HEADING.findall(FENCED.sub("", path.read_text(encoding="utf-8"))))


def anchor(heading):
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def cited_badly(root, path):
    text = path.read_text(encoding="utf-8")
    # In one piece, so that a citation may be continued in the next line; `starts` are where lines begin in it.
    joined = CONTINUED.sub(" ", text)
    starts, dropped = [], 0
    for gap in CONTINUED.finditer(text):
        dropped += len(gap.group(0)) - 1
        starts.append(gap.end() - dropped)

    def place(position):
        return f"{path.relative_to(root)}:{1 + sum(start <= position for start in starts)}"

    for match in PRIVATE.finditer(joined):
        yield f"{place(match.start())}: `{match.group(0)}` is no page of this repository; cite docs/PAGE.md, \"Section\""
    for match in CITATION.finditer(joined):
        page = root / match.group(1)
        if not page.exists():
            yield f"{place(match.start())}: {match.group(1)} does not exist"
            continue
        for section in re.findall(r"\"([^\"]+)\"", match.group(2)):
            if section not in headings(page):
                yield f"{place(match.start())}: {match.group(1)} has no section \"{section}\""


def linked_badly(root, page):
    for target in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        name, _, fragment = target.partition("#")
        path = page.parent / name
        if not path.exists():
            yield f"{page.relative_to(root)}: links to {target}, which does not exist"
        elif fragment and fragment not in map(anchor, HEADING.findall(path.read_text(encoding="utf-8"))):
            yield f"{page.relative_to(root)}: links to {target}, which has no such heading"


def problems(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SOURCES and path.is_file() and "golden" not in path.parts and root / EXCEPT not in path.parents:
                yield from cited_badly(root, path)
    for page in [root / "README.md", *(path for folder in ("docs", "bench", "tests") for path in sorted((root / folder).rglob("*.md")))]:
        if page.exists():
            yield from linked_badly(root, page)


if __name__ == "__main__":
    house.finish(list(problems(house.arguments(__doc__).parse_args().root)))
