#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The oracle's model: trains it with lamina, unpacks it. Standard library only.

  model.py train                  builds train_oracle and runs it on ../shared/data -> packed.safetensors
  model.py unpack OUT_FOLDER      packed.safetensors -> a Hugging Face folder that transformers loads

packed.safetensors is the trained model in F16, with the embeddings of the tokens that its text has most often. Every other
token's row is computed from those, row = rest + (a - b) / 4 with two rows that the token's number picks, so that any machine
unpacks the same bytes. tests/support/oracle_model.hpp does the same in C++.
"""
import array
import csv
import json
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DATA = ROOT.parent / "shared" / "data"
PACKED = HERE / "packed.safetensors"
VOCAB = 50257
STEPS = 1000
TEXT = ["openwebtext"]
# Items that the goldens are made of: the model does not learn them.
HELLASWAG_ITEMS = 400
MMLU_ITEMS = 10


def read_safetensors(path):
    """Name -> (dtype, shape, bytes)."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    body = memoryview(data)[8 + size:]
    return {name: (entry["dtype"], entry["shape"], bytes(body[slice(*entry["data_offsets"])]))
            for name, entry in header.items() if name != "__metadata__"}


def write_safetensors(path, tensors):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in tensors.values()))


def numbers(dtype, data):
    kind = {"F32": "f", "F16": "e", "I32": "i"}[dtype]
    return struct.unpack(f"<{len(data) // struct.calcsize(kind)}{kind}", data)


def as_f32(values):
    result = array.array("f", values)
    if sys.byteorder == "big":
        result.byteswap()
    return result.tobytes()


def copy_tokenizer(folder):
    shutil.copyfile(DATA / "gpt2" / "encoder.json", folder / "vocab.json")
    shutil.copyfile(DATA / "gpt2" / "vocab.bpe", folder / "merges.txt")


def partners(token):
    """The two kept rows that a token without a row of its own is made of."""
    mixed = token * 2654435761 % 2**32
    return mixed >> 20, mixed >> 8 & 0xFFF


def asked(row, letter):
    return "\n".join([row[0].strip(), *(f"{name}. {choice}" for name, choice in zip("ABCD", row[1:5])), f"Answer: {letter}"])


def questions():
    """Multiple-choice text beside the prose. Right answers are out of reach for so small a model, which would name the most
    frequent letter for ever; so each subject has its letter, which the words of a question give away, and all four are as
    frequent. Of HellaSwag the right endings."""
    chance = random.Random(0)
    subjects = []
    for path in sorted((DATA / "mmlu" / "test").glob("*.csv")):
        with open(path, encoding="utf-8", newline="") as file:
            subjects.append((path.name.removesuffix("_test.csv").replace("_", " "), list(csv.reader(file))[MMLU_ITEMS:]))
    answers = dict.fromkeys("ABCD", 0)
    documents = []
    for subject, rows in sorted(subjects, key=lambda entry: -len(entry[1])):
        letter = min(answers, key=answers.get)
        answers[letter] += len(rows)
        while rows:
            count = chance.choice([1, 1, 1, 2, 4])
            documents.append(f"The following are multiple choice questions (with answers) about {subject}.\n\n"
                             + "\n\n".join(asked(row, letter) for row in rows[:count]))
            rows = rows[count:]
    with open(DATA / "hellaswag" / "hellaswag_val_original_1000.jsonl", encoding="utf-8") as file:
        for row in list(map(json.loads, file))[HELLASWAG_ITEMS:]:
            documents.append(f"{row['activity_label']}: {row['ctx']} {row['endings'][int(row['label'])]}")
    chance.shuffle(documents)
    return "".join(document + "\n<|endoftext|>\n" for document in documents)


def train():
    build = ROOT / "build" / "oracle"
    subprocess.run(["cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DLAMINA_BUILD_EXAMPLES=OFF",
                    "-DLAMINA_BUILD_BENCHMARKS=OFF"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", build, "--target", "train_oracle"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        extra = pathlib.Path(folder) / "questions.txt"
        extra.write_text(questions(), encoding="utf-8")
        text = [DATA / "corpus" / "train" / f"{name}.txt" for name in TEXT]
        subprocess.run([build / "tests" / "train_oracle", str(STEPS), DATA / "gpt2", PACKED, *text, extra], check=True)
    print(f"{PACKED.name}: {PACKED.stat().st_size} bytes")


def unpack(folder):
    """Writes config.json, model.safetensors (F32) and the tokenizer, where ../shared has it."""
    packed = read_safetensors(PACKED)
    kept = numbers("I32", packed.pop("tokens")[2])
    rest = numbers("F16", packed.pop("rest")[2])
    width = len(rest)
    flat = numbers("F16", packed.pop("rows")[2])
    rows = [flat[i * width:(i + 1) * width] for i in range(len(kept))]
    own = dict(zip(kept, rows))
    embedding = array.array("f")
    for token in range(VOCAB):
        if token in own:
            embedding.extend(own[token])
        else:
            a, b = partners(token)
            embedding.extend(mean + (x - y) * 0.25 for mean, x, y in zip(rest, rows[a], rows[b]))
    tensors = {"transformer.wte.weight": ("F32", [VOCAB, width], as_f32(embedding))}
    for name, (dtype, shape, data) in packed.items():
        tensors[f"transformer.{name}"] = ("F32", shape, as_f32(numbers(dtype, data)))
    folder.mkdir(parents=True, exist_ok=True)
    write_safetensors(folder / "model.safetensors", tensors)
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": width, "n_positions": 1024,
        "vocab_size": VOCAB, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05, "bos_token_id": 50256,
        "eos_token_id": 50256}, indent=2) + "\n")
    if DATA.exists():
        copy_tokenizer(folder)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["train"]:
            train()
        case ["unpack", folder]:
            unpack(pathlib.Path(folder))
        case _:
            sys.exit(__doc__)
