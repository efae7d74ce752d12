#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails on an include that goes down the table of rooms, and on a library in a room that may not use it."""

import re

import house

ABOVE = {
    "core": [],
    "arch": ["core"],
    "backend": ["core", "arch"],
    "nn": ["core", "arch", "backend"],
    "train": ["core", "arch", "backend", "nn"],
    "io": ["core", "arch", "backend", "nn", "train"],
    "removal": ["core", "arch", "backend", "nn", "train", "io"],
    "text": ["core", "arch", "backend", "nn", "train", "io"],
    "eval": ["core", "arch", "backend", "nn", "train", "io", "text"],
    "recipe": ["core", "arch", "backend", "nn", "train", "io", "removal"],
}
DEVICES = ["backend/cpu", "backend/cuda"]

# Library -> the folders that may include it; the first pattern that matches the whole name decides.
LIBRARIES = [
    (r"range/v3/all\.hpp|Eigen/(Dense|Eigen)", []),
    (r"Eigen/.*|oneapi/dnnl/.*|dnnl.*", ["backend/cpu"]),
    (r"(cuda|cublas|nccl|cooperative_groups|mma\.h|cub/).*", ["backend/cuda"]),
    (r"nlohmann/.*", ["io", "text", "eval"]),
    (r"range/v3/.*", ["text", "eval"]),
    (r"(utf8proc|zlib|zstd)\.h", ["text"]),
    (r"\w*intrin\.h|arm_\w+\.h", ["core", "backend"]),
    (r"sys/\w+\.h|(fcntl|unistd|pthread|sched|signal)\.h", ["core", "backend", "train", "io", "text", "eval"]),
    (r"[a-z_0-9]+", list(ABOVE)),  # the standard library has no dots in its names
]


def within(folder, folders):
    """Whether `folder` is one of `folders` or inside one."""
    return any(folder == other or folder.startswith(other + "/") for other in folders)


def arrow_problem(folder, target):
    """Why a header of `folder` may not include the lamina header `target`, or None."""
    room, target_room = folder.split("/")[0], target.split("/")[0]
    target_folder = target.rpartition("/")[0]
    if within("detail", target_folder.split("/")) and target_room != room:
        return f"{target} is internal to {target_room}/"
    for device in DEVICES:
        if within(target_folder, [device]) and not within(folder, [device]):
            return f"only {device}/ and the umbrella headers include {device}/"
    if target_room != room and target_room not in ABOVE[room]:
        return f"{room}/ may not include {target_room}/"
    if room == "nn" and target_room == "backend" and target not in ("backend/contract.hpp", "backend/backend_of.hpp"):
        return "nn/ sees the backends through backend/backend_of.hpp and backend/contract.hpp only"
    return None


def library_problem(folder, name):
    """Why a header of `folder` may not include the library header `name`, or None."""
    for pattern, folders in LIBRARIES:
        if re.fullmatch(pattern, name):
            allowed = ", ".join(f"{entry}/" for entry in folders) or "nowhere"
            return None if within(folder, folders) else f"<{name}> may be included in: {allowed}"
    return f"<{name}> is of no known library; see docs/dependencies.md and tests/structure/includes.py"


def problems(root):
    base = root / "include" / "lamina"
    for path in house.headers(root):
        folder = path.parent.relative_to(base).as_posix()
        for number, opening, name in house.includes(path):
            problem = None
            if opening != "<":
                problem = f'"{name}" must be written <lamina/room/file.hpp>'
            elif folder == ".":
                forbidden = ["text", "eval", "backend/cpu"] if path.name == "cuda.hpp" else ["backend/cuda"]
                if name.startswith("lamina/") and within(name.removeprefix("lamina/"), forbidden):
                    problem = f"{path.name} may not reach {name}"
            elif folder.split("/")[0] not in ABOVE:
                problem = f"{folder}/ is no room; see the table in tests/structure/includes.py"
            elif name.startswith("lamina/"):
                problem = arrow_problem(folder, name.removeprefix("lamina/"))
            else:
                problem = library_problem(folder, name)
            if problem:
                yield f"{path.relative_to(root)}:{number}: {problem}"


if __name__ == "__main__":
    house.finish(list(problems(house.arguments(__doc__).parse_args().root)))
