#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives remove_layernorm as a person would: a small run, a run killed and resumed, and input that is not what it must be."""
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "structure"))
import transcripts  # noqa: E402

PROGRAM = str(pathlib.Path(os.environ["LAMINA_PROGRAMS"]) / "remove_layernorm")
TINY = ["--micro-batch", "2", "--sequence", "32", "--steps", "16", "--removal-start", "1", "--gap-ln2", "1", "--gap-ln1-qk", "1",
        "--gap-ln1-v", "1", "--pretrain-steps", "4", "--evaluation-blocks", "4", "--sample", "8", "--threads", "1"]
failures = []


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300, **options)


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def small_text(path, size=40000):
    words = "the quick norm of a layer divides every row by its own deviation until it is fixed".split()
    chooser = random.Random(1)
    path.write_text(" ".join(chooser.choice(words) for _ in range(size // 6)) + "\n")
    return path


def metrics_without_time(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        del line["seconds"]
    return lines


def small_run(folder, text):
    out = folder / "whole"
    done = run("--out", out, "--text", text, "--save-every", 3, *TINY)
    check(done.returncode == 0, "a small run succeeds: " + done.stderr)
    if done.returncode != 0:
        return out
    results = json.loads((out / "results.json").read_text())
    check(list(results) == ["model", "pretrained", "control", "removed", "folded", "layer_norms_before", "layer_norms_after", "steps",
                            "seconds"], "results.json has the documented fields")
    check(results["layer_norms_before"] == 9 and results["layer_norms_after"] == 0, "every norm is removed")
    check(results["folded"]["max_logit_difference"] < 1e-3, "the folded model agrees with the removed one")
    for name in ["adapter.safetensors", "norms.json", "folded/model.safetensors", "metrics.jsonl", "metrics-control.jsonl", "loss.svg",
                 "results.md"]:
        check((out / name).stat().st_size > 0, name + " is written")
    check(sum(len(line.get("events", [])) for line in metrics_without_time(out / "metrics.jsonl")) >= 9, "the events are logged")
    check("0 of 9 LayerNorms are left" in done.stdout, "the closing sentence is printed")
    table = transcripts.shape(done.stdout[done.stdout.index("| model "):])
    check(table == transcripts.shape(transcripts.shown("demo")), f"the README shows it, but for the numbers: {table}")
    picture = (out / "loss.svg").read_text()
    for phase in ("control", "removed"):
        check(f">{results[phase]['loss']:.4f}</text>" in picture, f"the picture ends at the loss of {phase}")
    check("norms go, steps 1 to 13" in picture, "and shows when the norms go")
    return out


def edit_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


ON_CPU = {"device": "cpu", "threads": 1}
ON_CUDA = {"device": "cuda", "float products": "tf32"}


def scale_loss(checkpoint, factor, place=ON_CPU):
    """As a run elsewhere would have left it: the loss before differs. Without a place, as it was before these were kept."""
    def change(state):
        state["extra"]["settings"]["held-out loss before"] *= factor
        state["extra"].pop("place", None)
        if place is not None:
            state["extra"]["place"] = place
    edit_json(checkpoint / "state.json", change)


def set_places(out, places):
    edit_json(out / "run.json", lambda settings: settings.update(places=places))


def places_of(out):
    return json.loads((out / "run.json").read_text())["places"]


def killed_and_resumed(folder, text, whole):
    out = folder / "killed"
    command = [PROGRAM, "--out", str(out), "--text", str(text), "--save-every", "3", *TINY]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = out / "metrics.jsonl"
    deadline = time.time() + 120
    while time.time() < deadline and running.poll() is None:
        if log.exists() and log.read_text().count("\n") >= 8:
            break
        time.sleep(0.002)
    finished_alone = running.poll() is not None
    running.send_signal(signal.SIGKILL)
    running.wait()
    check(not finished_alone, "the run was killed before it ended")
    checkpoint = out / "checkpoint-removal"
    place = json.loads((checkpoint / "state.json").read_text())["extra"]["place"]
    check(places_of(out) == [ON_CPU] and place == ON_CPU, f"the run and its checkpoint say where they were made: {place}")
    scale_loss(checkpoint, 1 + 1e-5)
    other = run(*command[1:], "--resume")
    check(other.returncode != 0 and "held-out loss before" in other.stderr, "the CPU goes on with its own bits only: " + other.stderr)
    # The last digits of cuda are its own, and its threads are none.
    scale_loss(checkpoint, 1, ON_CUDA)
    set_places(out, [ON_CUDA])
    resumed = run(*command[1:], "--resume")
    check(resumed.returncode == 0, "a killed run resumes: " + resumed.stderr)
    check(places_of(out) == [ON_CUDA, ON_CPU], f"and the other device is added: {places_of(out)}")
    check("removal  continues at step" in resumed.stdout, "it continues from the checkpoint, not from the start")
    check((out / "adapter.safetensors").read_bytes() == (whole / "adapter.safetensors").read_bytes(),
          "the adapter of the resumed run has the same bytes")
    check((out / "norms.json").read_bytes() == (whole / "norms.json").read_bytes(), "so have the norms")
    check(metrics_without_time(log) == metrics_without_time(whole / "metrics.jsonl"), "so have the metrics")
    anew = run(*command[1:])
    check(anew.returncode == 0, "a finished run is replaced: " + anew.stderr)
    (out / "results.json").unlink()
    anew = run(*command[1:])
    check(anew.returncode != 0 and "holds the checkpoints of an unfinished run" in anew.stderr,
          "the checkpoints of an unfinished run are not replaced")
    scale_loss(checkpoint, 1.01, ON_CUDA)
    other = run(*command[1:], "--resume")
    check(other.returncode != 0 and "held-out loss before" in other.stderr, "another start does not continue a run: " + other.stderr)
    other = run(*command[1:], "--resume", "--clip", "0.5")
    check(other.returncode != 0 and "was made with other settings" in other.stderr, "other settings do not continue a run")
    places = [{"device": "cpu", "threads": 2}, ON_CUDA]
    set_places(out, places)
    other = run(*command[1:], "--resume")
    check(other.returncode != 0 and "threads is 2, expected 1" in other.stderr, "nor does another number of threads: " + other.stderr)
    check(places_of(out) == places, "what does not go on is no place of the run")
    scale_loss(checkpoint, (1 + 1e-5) / 1.01, None)
    made_before_places(command, out)


def made_before_places(command, out):
    """Their run.json has the threads, or null for cuda, and their checkpoints do not say where they were made."""
    def as_it_was(threads):
        edit_json(out / "run.json", lambda settings: (settings.pop("places", None), settings.update(threads=threads)))

    as_it_was(2)
    other = run(*command[1:], "--resume")
    check(other.returncode != 0 and "threads is 2, expected 1" in other.stderr, "their threads are compared: " + other.stderr)
    as_it_was(None)
    resumed = run(*command[1:], "--resume")
    check(resumed.returncode == 0, "their last digits are not: " + resumed.stderr)
    check(places_of(out) == [ON_CPU] and "threads" not in json.loads((out / "run.json").read_text()), "places are kept from then on")


def expect_error(name, arguments, sentence, out=None):
    done = run(*arguments)
    lines = [line for line in done.stderr.splitlines() if line]
    check(done.returncode != 0, name + ": exit code is not zero")
    check(sentence in done.stderr, f"{name}: {sentence!r} is said; found {done.stderr!r}")
    check(len(lines) == 1, name + ": one line: " + done.stderr)
    if out is not None:
        left = [path.name for path in pathlib.Path(out).glob("*") if path.name not in ("run.json", "train")]
        check(not left, f"{name}: nothing is left in --out; found {left}")


def bad_input(folder, text, whole):
    out = folder / "bad"
    quick = ["--out", out, *TINY]
    expect_error("unknown flag", ["--no-such-flag"], "--no-such-flag")
    expect_error("unknown model", ["--model", "gpt5"], "gpt5")
    for device in ([], ["--device", "cpu"]):
        expect_error("products of cuda on the CPU", [*device, "--float-products", "tf32"],
                     "--float-products: is a choice of cuda alone; add --device cuda or leave it out")
    expect_error("unknown recipe", ["--recipe", "no-such-recipe", "--print"], "no-such-recipe")
    expect_error("text as number", ["--steps", "many"], "many")
    expect_error("steps that end before the schedule", ["--text", text, "--steps", "5"], "before the last removal, in step 83", out)
    expect_error("sequence beyond the context", ["--text", text, "--out", out, "--sequence", "4096"], "expected at most 128", out)
    expect_error("momentum of 1.5", ["--text", text, *quick, "--momentum", "1.5"], "--momentum", out)
    expect_error("nothing to resume", ["--text", text, *quick, "--resume"], "there is no run to go on with", out)
    expect_error("no weights", ["--model", "gpt2", "--text", text, *quick], "needs --weights DIR", out)
    blocker = folder / "file"
    blocker.write_text("")
    expect_error("out below a file", ["--out", blocker / "run", "--text", text, *TINY], str(blocker))
    expect_error("missing text", ["--text", folder / "missing.txt", *quick], "missing.txt", out)
    empty = folder / "empty.txt"
    empty.write_text("")
    expect_error("empty corpus", ["--text", empty, *quick], "empty.txt", out)
    short = folder / "short.txt"
    short.write_text("too short\n")
    expect_error("short corpus", ["--text", short, *quick], "expected at least one block", out)
    invalid = folder / "invalid.txt"
    invalid.write_bytes(b"good text\n" * 500 + b"\xff\xfe bad\n")
    expect_error("invalid UTF-8", ["--text", invalid, *quick], "invalid.txt", out)
    shard = folder / "truncated.bin"
    header = struct.pack("<256i", 20240520, 1, 1000, *([0] * 253))
    shard.write_bytes(header + b"\0\0" * 10)
    expect_error("truncated shard", ["--tokens", shard, *quick], "truncated.bin", out)
    foreign = folder / "foreign.bin"
    foreign.write_bytes(struct.pack("<256i", 20240520, 1, 5000, *([0] * 253)) + struct.pack("<H", 50000) * 5000)
    expect_error("tokens of another vocabulary", ["--tokens", foreign, *quick], "token 0 is 50000, expected 0 to 256", out)

    pretrained = whole / "pretrained"
    for name, damage, sentence in [
            ("truncated weights", lambda path: path.write_bytes(path.read_bytes()[:-100]), "model.safetensors"),
            ("huge header", lambda path: path.write_bytes(struct.pack("<Q", 1 << 60) + path.read_bytes()[8:]), "model.safetensors"),
            ("NaN weights", lambda path: path.write_bytes(path.read_bytes()[:-4] + struct.pack("<f", float("nan"))),
             "model.safetensors")]:
        weights = folder / name.replace(" ", "-")
        shutil.copytree(pretrained, weights)
        damage(weights / "model.safetensors")
        expect_error(name, ["--weights", weights, "--text", text, *quick], sentence, out)
    heads = folder / "heads"
    shutil.copytree(pretrained, heads)
    content = (heads / "model.safetensors").read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    end = len(content) - 8 - length
    header = json.loads(content[8:8 + length]) | {"score.weight": {"dtype": "F32", "shape": [1], "data_offsets": [end, end + 4]}}
    text_of_header = json.dumps(header).encode()
    (heads / "model.safetensors").write_bytes(struct.pack("<Q", len(text_of_header)) + text_of_header + content[8 + length:] + bytes(4))
    expect_error("a tensor of another head", ["--weights", heads, "--strict", "--text", text, *quick],
                 'tensor "score.weight" is none of the model\'s', out)
    other_size = folder / "other-size"
    shutil.copytree(pretrained, other_size)
    config = json.loads((other_size / "config.json").read_text())
    config["n_embd"] = 256
    (other_size / "config.json").write_text(json.dumps(config))
    expect_error("config of another size", ["--weights", other_size, "--text", text, *quick], "n_embd", out)
    expect_error("folder without weights", ["--weights", folder / "nowhere", "--text", text, *quick], "nowhere", out)


def recipes():
    apart = run("--recipe", "gpt2", "--first-position", "apart", "--divisor", "freeze", "--print")
    check("treated apart" in apart.stdout and "frozen when" in apart.stdout, "choices are overridden: " + apart.stdout)
    printed = run("--recipe", "gpt2-xl", "--print")
    check(printed.returncode == 0 and "363" in printed.stdout, "a published recipe is printed")
    listed = run("--list-recipes")
    check(len(listed.stdout.split()) > 50, "every recipe is listed")


with tempfile.TemporaryDirectory() as name:
    root = pathlib.Path(name)
    corpus = small_text(root / "corpus.txt")
    finished = small_run(root, corpus)
    if not failures:
        killed_and_resumed(root, corpus, finished)
        bad_input(root, corpus, finished)
    recipes()
sys.exit(1 if failures else 0)
