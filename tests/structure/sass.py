#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts what a warp issues in one trip through the main loops of kernels, from machine code alone, for ptxas.py.
By itself, it shows that it reads the code as cuobjdump does: sass.py CUOBJDUMP CUBIN..."""

import collections
import functools
import re
import struct
import subprocess
from pathlib import Path

import house

WORD = 16  # bytes of an instruction, since sm_70
EXIT, BRA = "EXIT", "BRA"
# Operations by their opcodes, without the three bits that say where an operand comes from.
OPERATIONS = {
    0x03C: "HMMA", 0x03B: "LDSM", 0x1AE: "LDGSTS",
    0x181: "LDG", 0x186: "STG", 0x184: "LDS", 0x188: "STS",
    0x108: "MUFU", 0x020: "FMUL", 0x021: "FADD", 0x023: "FFMA", 0x009: "FMNMX", 0x008: "FSEL", 0x00B: "FSETP",
    0x147: BRA, 0x145: "BSSY", 0x141: "BSYNC", 0x14D: EXIT,
}  # fmt: skip
COLUMNS = {
    "HMMA": {"HMMA"},
    "LDSM": {"LDSM"},
    "LDGSTS": {"LDGSTS"},
    "global": {"LDG", "STG"},
    "shared": {"LDS", "STS"},
    "MUFU": {"MUFU"},
    "float": {"FMUL", "FADD", "FFMA", "FMNMX", "FSEL", "FSETP"},
    "branch": {BRA, "BSSY", "BSYNC"},
}
TILE = 64 * 64  # scores


def flash_scores(row_tiles, *_):
    """Of a warp's 16 rows for each row tile, and 64 columns."""
    return 16 * int(row_tiles) * 64


# Kernels whose loops are counted: what a loop must have to be a main one, and how many scores a warp makes in a trip,
# from the numbers in the kernel's name, where they are tiles of scores.
KERNELS = {
    "flash_attention_kernel": ("HMMA", flash_scores),
    "flash_attention_keys_kernel": ("HMMA", flash_scores),
    "flash_attention_queries_kernel": ("HMMA", flash_scores),
    "cross_entropy_kernel": ("MUFU", None),
}


def functions(cubin):
    """The mangled name of each kernel, and what yields its [(operation or None, target of a branch or None, whether it has
    a predicate)]."""
    start, = struct.unpack_from("<Q", cubin, 40)
    flags, = struct.unpack_from("<I", cubin, 48)
    size, count, names = struct.unpack_from("<HHH", cubin, 58)
    sections = [struct.unpack_from("<IIQQQQ", cubin, start + i * size) for i in range(count)]
    strings = sections[names][4]
    for name_at, _, _, _, offset, length in sections:
        name = cubin[strings + name_at : cubin.index(b"\0", strings + name_at)].decode()
        if name.startswith(".text."):
            architecture = max(flags & 0xFF, flags >> 8 & 0xFF)
            code = cubin[offset : offset + length]
            yield name[len(".text.") :], functools.partial(decoded, code, architecture)


def decoded(code, architecture):
    return [instruction(code, at, architecture) for at in range(0, len(code), WORD)]


def instruction(code, at, architecture):
    word = int.from_bytes(code[at : at + WORD], "little")
    operation = OPERATIONS.get(word & 0x1FF)
    target = None
    if operation == BRA:
        # From the next instruction on: bytes, and since sm_90 words of four bytes, the lowest eight bits elsewhere.
        offset = word >> 34 & (1 << 48) - 1
        offset -= (offset >> 47) << 48
        offset = offset * 4 if architecture < 90 else ((offset << 8) | (word >> 16 & 0xFF)) * 4
        target = at + WORD + offset
    return operation, target, (word >> 12 & 0xF) != 7


def loops(code):
    """(first, last) instruction of each innermost loop. What follows the last exit is no part of any: the way of warps
    that have come apart, which branches back to where they meet."""
    end = max(i for i, (operation, _, predicated) in enumerate(code) if operation == EXIT and not predicated)
    found = [(target // WORD, i) for i, (_, target, _) in enumerate(code[:end]) if target is not None and target <= i * WORD]
    return [
        (first, last)
        for first, last in found
        if not any((a, b) != (first, last) and first <= a and b <= last for a, b in found)
    ]


def counts(code, first, last):
    """The issued instructions of a loop by column, and their sum. Those with a predicate are issued whatever it is."""
    by_operation = collections.Counter(operation for operation, _, _ in code[first : last + 1])
    by_column = {column: sum(by_operation[name] for name in names) for column, names in COLUMNS.items()}
    total = last + 1 - first
    return {"all": total, **by_column, "other": total - sum(by_column.values())}


def rows_of(cubin, readable):
    """(kernel, main loop, what a trip issues, what 64 x 64 scores take or None) for the kernels above."""
    for mangled, decode in functions(cubin):
        kernel = next((name for name in KERNELS if re.search(rf"\d{name}I", mangled)), None)
        if kernel is None:
            continue
        code = decode()
        wanted, scores_of = KERNELS[kernel]
        name, = readable([mangled])
        number = 0
        for first, last in loops(code):
            if not any(operation == wanted for operation, _, _ in code[first : last + 1]):
                continue
            number += 1
            trip = counts(code, first, last)
            trips = TILE / scores_of(*re.findall(r"(\d+)u", name)) if scores_of else None
            yield name, number, trip, trips and {kind: trip[kind] * trips for kind in ("all", "HMMA", "LDSM")}


def line(architecture, name, number, trip, tile):
    cells = "".join(f"{count:7}" for count in trip.values())
    tiles = "".join(f"{count:7.0f}" for count in tile.values()) if tile else f"{'-':>7}" * 3
    return f"{architecture}{cells} |{tiles}  {name}, loop {number}"


def heading():
    cells = "".join(f"{kind:>7}" for kind in ["all", *COLUMNS, "other"])
    return f"#    {cells} |{'all':>7}{'HMMA':>7}{'LDSM':>7}"


def differences(cubin, disassembly):
    """Where this file and cuobjdump read another operation or another target."""
    names = set(OPERATIONS.values())
    listed = {}
    for text in disassembly.split("Function : ")[1:]:
        listed[text.split()[0]] = re.findall(r"/\*([0-9a-f]{4,})\*/ +(?:@!?U?P[T\d] )? *([A-Z0-9]+)\S*(.*?);", text)
    for name, decode in functions(cubin):
        code = decode()
        instructions = listed.pop(name, [])
        if len(instructions) != len(code):
            yield f"{name}: {len(code)} instructions here, {len(instructions)} there"
        for (at, operation, operands), (ours, target, _) in zip(instructions, code):
            theirs = operation if operation in names else None
            theirs_to = int(operands.rsplit("0x", 1)[1], 16) if operation == BRA else None
            if (ours, target) != (theirs, theirs_to):
                yield f"{name}, {at}: {operation}{operands} is read as {ours} {target}"
    yield from (f"{name} is not found" for name in listed)


def main():
    parser = house.arguments(__doc__)
    parser.add_argument("cuobjdump")
    parser.add_argument("cubins", nargs="+")
    options = parser.parse_args()
    problems = []
    for path in options.cubins:
        text = subprocess.run([options.cuobjdump, "-sass", path], capture_output=True, text=True, check=True).stdout
        problems += differences(Path(path).read_bytes(), text)
    house.finish(problems)


if __name__ == "__main__":
    main()
