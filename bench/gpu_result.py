#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the parts of gpu.sh leave behind, one JSON file each.

  done FILE COMMIT GPU BUDGET        exit code 0 if the part need not be run again: FILE is of that commit and GPU, and either
                                     whole or what came of as many seconds
  leave FILE PART REASON             the part is not run; a result that is there already stays
  archive FOLDER FILE                everything in FOLDER so far, with its page, as one file that is whole at any time
  finish FILE PART STATUS SECONDS BUDGET COMMIT GPU
                                     completes what the part wrote, or writes what its log, beside FILE, tells; prints how it went
"""
import itertools
import json
import os
import pathlib
import re
import statistics
import sys
import tarfile

import gpu_report

BUSY = 50  # per cent of a sample's time; others are of a GPU that waits for a compiler or for the host
LONGEST = 400


def read(path):
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return fields if isinstance(fields, dict) else {}
    except (OSError, ValueError):
        return {}


def write(path, fields):
    path.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")


def is_done(path, commit, gpu, budget):
    fields = read(path)
    if fields.get("commit") != commit or fields.get("gpu") != gpu:
        return False
    late = fields.get("outcome") == "time limit" and bool(fields.get("seconds"))
    return fields.get("outcome") in ("passed", "measured") or late and fields.get("budget", 0) >= int(budget)


def leave(path, part, reason):
    if read(path).get("outcome", "not run") == "not run":
        write(path, {"part": part, "outcome": "not run", "detail": reason})


def last_line(lines):
    return next((line for line in reversed(lines) if re.search(r"[^\s=]", line)), "")


def first_error(lines):
    """The line that says why a build failed; CMake says it in the lines after."""
    for place, line in enumerate(lines):
        if "CMake Error" in line:
            said = itertools.takewhile(lambda more: not more.startswith("Call Stack"), lines[place:place + 8])
            return " ".join(more for more in said if more)
        if re.search(r"FAILED:|\berror\b.*:", line):
            because = next((more for more in lines[place:] if re.search(r"\berror\b.*:", more)), line)
            return because if because == line else f"{line}: {because}"
    return None


def clock(path):
    """Medians of what nvidia-smi told while the GPU was busy: MHz, watts, degrees; None where it told nothing."""
    samples = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            busy, *sample = map(float, line.split(","))
        except ValueError:  # this GPU does not tell all of it
            continue
        if busy >= BUSY and len(sample) == 3:
            samples.append(sample)
    if not samples:
        return None
    return dict(zip(["sm_mhz", "watts", "celsius"], map(statistics.median, zip(*samples))), samples=len(samples))


def finish(path, part, status, seconds, budget, commit, gpu):
    log = path.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in log.splitlines()]
    said = last_line(lines)
    # A suite that finds nothing to run on says so and is content; here that is a failure.
    well = status == "0" and not any(line.startswith("lamina: skipped: ") for line in lines)
    if not well:
        said = (first_error(lines) if part == "build" else None) or said
        if status in ("124", "137"):
            said = f"stopped after {budget} s; {said}"
    said = said[:LONGEST]
    fields = read(path)
    if not fields:
        fields = {"part": part, "outcome": "passed" if well else "failed", "detail": said, "seconds": int(seconds)}
    elif not well:
        fields.update(detail=said)
        if fields.get("outcome") in ("passed", "measured"):
            fields.update(outcome="failed")
    fields.update(commit=commit, gpu=gpu, budget=int(budget), clock=clock(path.with_suffix(".gpu")))
    write(path, fields)
    print(f"{part}: {seconds} s: {said}" if well else f"{part}: FAILED after {seconds} s: {said}")
    return well


def archive(folder, file):
    """Written beside its place and moved there, so that whoever is stopped meanwhile leaves the one before."""
    (folder / "report.md").write_text(gpu_report.page(*gpu_report.read(folder)), encoding="utf-8")
    new = pathlib.Path(f"{file}.new")
    with tarfile.open(new, "w:gz") as whole:
        whole.add(folder, arcname=folder.name)
    os.replace(new, file)
    return True


def main():
    command, file, *rest = sys.argv[1:]
    path = pathlib.Path(file)
    well = {"done": is_done, "leave": leave, "archive": archive, "finish": finish}[command](path, *rest)
    sys.exit(1 if well is False else 0)


if __name__ == "__main__":
    main()
