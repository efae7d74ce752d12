#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives remove_layernorm as a person would: a small run, a run killed and resumed, and input that is not what it must be."""
import fcntl
import gzip
import json
import os
import pathlib
import re
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


def run_generate(*arguments):
    program = str(pathlib.Path(PROGRAM).with_name("generate"))
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=300)


def tiny(flag, value):
    """The small run with another value of one flag."""
    changed = list(TINY)
    changed[changed.index(flag) + 1] = value
    return changed


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def small_text(path, size=40000):
    words = "the quick norm of a layer divides every row by its own deviation until it is fixed".split()
    chooser = random.Random(1)
    path.write_text(" ".join(chooser.choice(words) for _ in range(size // 6)) + "\n")
    return path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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
    before = contents(out)
    expect_error("a finished run", command[1:], f"--out {out} holds a finished run; give another --out, or --force to replace it")
    check(contents(out) == before, "a finished run is not replaced unasked")
    (out / "results.json").unlink()
    expect_error("an unfinished run", command[1:], "holds the checkpoints of an unfinished run; go on with --resume, give another --out, "
                 "or --force to replace it")
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
    check(done.returncode in (1, 2), f"{name}: exit code {done.returncode}")
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
    wrong_values()
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
    expect_error("tokens of another vocabulary", ["--tokens", foreign, *quick], "foreign.bin: has token 50000 at position 0, expected tokens below 257", out)

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
    expect_error("config of another size", ["--weights", other_size, "--text", text, *quick], "run.sh remove_layernorm --weights", out)
    expect_error("folder without weights", ["--weights", folder / "nowhere", "--text", text, *quick], "nowhere", out)


def stopped(folder, text, whole):
    """Halfway the norms that are left can be forced out; going on gives what never stopping does."""
    out = folder / "stopped"
    done = run("--out", out, "--text", text, "--stop-after", 5, *TINY)
    sentence = re.search(r"stopped after step 5 with (\d) of 9 LayerNorms left: held-out loss ([\d.]+), ([\d.]+) if they went now", done.stdout)
    check(done.returncode == 0 and sentence, f"a run stops: {done.stdout[-400:]} {done.stderr}")
    check(sentence and 0 < int(sentence[1]) < 9 and sentence[2] != sentence[3], f"some norms are left, which matters: {sentence}")
    check(not (out / "results.json").exists() and not (out / "folded").exists(), "it is not finished")
    texts = [run_generate("--run", out, "--prompt", "the", "--tokens", 60, "--temperature", 2, *flags) for flags in ([], ["--force-removed"])]
    check(all(done.returncode == 0 for done in texts) and texts[0].stdout != texts[1].stdout, f"and generate tells the two apart: {texts}")
    refused = run_generate("--weights", out / "pretrained", "--prompt", "the", "--force-removed")
    check("--force-removed is for runs; give --run DIR" in refused.stderr, "weights have no norms to force: " + refused.stderr)
    done = run("--out", out, "--text", text, "--resume", *TINY)
    check(done.returncode == 0, "it goes on: " + done.stderr)
    check((out / "adapter.safetensors").read_bytes() == (whole / "adapter.safetensors").read_bytes(), "to the same bytes")


def tokens_of(out):
    return (out / "train" / "tokens_000000.bin").read_bytes()


def corpora(folder, text, whole):
    """The corpus of the small run in other clothes becomes the same tokens. Held-out text is opened after it, so that a missing one
    stops each run there."""
    line = json.dumps({"text": text.read_text(), "text-score": "x"}).replace('"x"', "NaN") + "\r\n"
    forms = [("JSON Lines without a name", line.encode(), []), ("a byte order mark", b"\xef\xbb\xbf" + text.read_bytes(), []),
             ("gzip members", gzip.compress(line[:999].encode()) + gzip.compress(line[999:].encode()), []),
             ("separators of Windows", b"<|endoftext|>\r\n" + text.read_bytes() + b"\r\n<|endoftext|> \r\n", []),
             ("another field", line.replace("text", "content").encode(), ["--text-field", "content"])]
    out = folder / "clothes"
    for name, content, flags in forms:
        for path in (folder / "corpus", "/dev/stdin"):
            (folder / "corpus").write_bytes(content)
            shutil.rmtree(out, ignore_errors=True)
            with (folder / "corpus").open("rb") as file, subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE) as cat:
                done = run("--text", path, *flags, "--heldout", folder / "missing", "--out", out, *TINY, stdin=cat.stdout)
            check("missing: cannot be opened" in done.stderr, f"{name} is read from {path}: {done.stderr}")
            check(done.returncode != 0 and tokens_of(out) == tokens_of(whole), f"{name} from {path} has the tokens of the text")

    bad = {"cut.jsonl.gz": (gzip.compress(line.encode())[:-9], "cut.jsonl.gz: ends within its gzip data"),
           "cut.jsonl.zst": (b"\x28\xb5\x2f\xfd\x04\x00\x21\x00\x00abcd", "cut.jsonl.zst: ends within its zstd data, after 13 bytes"),
           "rows.parquet": (b"PAR1\x15\x04\xff\xfe", "rows.parquet: is a Parquet file, not plain text; write its text as JSON Lines"),
           "utf16.txt": (text.read_text().encode("utf-16"), "utf16.txt: is UTF-16, not plain text; convert it with iconv"),
           "content.json": (b'{"content": "a"}\n', "line 1: the object has no field 'text', only \"content\"; --text-field names another field")}
    for name, (content, sentence) in bad.items():
        (folder / name).write_bytes(content)
        expect_error(name, ["--text", folder / name, "--out", folder / "refused", *TINY], sentence, folder / "refused")


def token_files(folder, whole):
    tokens = tokens_of(whole)[1024:]
    half = len(tokens) // 4 * 2
    shards = folder / "shards"
    shards.mkdir()
    for name, part in (("b.bin", tokens[half:]), ("a.bin", tokens[:half])):
        (shards / name).write_bytes(struct.pack("<256i", 20240520, 1, len(part) // 2, *([0] * 253)) + part)
    header = b"{'descr': '<u2', 'fortran_order': False, 'shape': (%d,), }" % (half // 2)
    (folder / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n" + tokens[:half])
    (folder / "raw.bin").write_bytes(tokens)
    quick = [*TINY, "--weights", whole / "pretrained", "--no-control", "--force"]
    losses = []
    for name, arguments in (("two shards", [shards / "a.bin", shards / "b.bin"]), ("a folder", [shards]),
                            ("two kinds", [folder / "a.npy", shards / "b.bin"]),
                            ("raw uint16", [folder / "raw.bin", "--token-format", "raw-u16", "--heldout-tokens", folder / "raw.bin"])):
        done = run("--tokens", *arguments, "--out", folder / "of-tokens", *quick)
        check(done.returncode == 0, f"{name} are trained on: {done.stderr}")
        kept = len(tokens) // 2 - (0 if "--heldout-tokens" in arguments else len(tokens) // 40)
        check(f"{kept} tokens to train on" in done.stdout, f"{name}: all {kept} tokens count: {done.stdout[:200]}")
        losses.append([line["loss"] for line in metrics_without_time(folder / "of-tokens" / "metrics.jsonl")])
    check(losses[0] == losses[1] == losses[2], "and they are the same tokens")
    expect_error("raw uint16 unsaid", ["--tokens", folder / "raw.bin", "--out", folder / "refused", *TINY],
                 "raw.bin: is neither a token shard of llm.c nor a NumPy array; if it is uint16 tokens without a header, as nanoGPT writes "
                 "them, say so with --token-format raw-u16", folder / "refused")
def wrong_values():
    for flags, sentence in [(["--steps", "many"], '--steps is "many", expected a whole number, 1 or more'),
                            (["--sample", "-1"], "--sample is -1, expected 0 or more (0: no sample)"),
                            (["--seed", "-1"], "--seed is -1, expected 0 or more"),
                            (["--micro-batch", "0"], "--micro-batch is 0, expected 1 or more"),
                            (["--save-every", "2.5"], "--save-every is 2.5, expected a whole number, 0 or more (0: none)"),
                            (["--steps", "9" * 20], f"--steps is {'9' * 20}, expected 1 to 1000000000000"),
                            (["--learning-rate", "nan"], '--learning-rate is "nan", expected a number, 0 to 1e+06'),
                            (["--beta1", "1"], "--beta1 is 1, expected 0 or more and less than 1"),
                            (["--device", "tpu"], '--device is "tpu", expected cpu or cuda'),
                            (["--divisor", "0"], "--divisor is 0, expected constant, freeze or track"),
                            (["--out"], "--out lacks its value, expected --out DIR"),
                            (["--resume", "--force"], "--force excludes --resume")]:
        done = run(*flags)
        check(done.returncode == 2 and done.stderr == f"remove_layernorm: {sentence}\n", f"{flags}: {done.returncode}, {done.stderr!r}")


def what_is_there(folder, text):
    """A new run replaces nothing unasked, and never what it reads."""
    quick = ["--text", text, *tiny("--pretrain-steps", "1"), "--no-control"]
    out = folder / "there"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    (out / ".hidden").write_text("")
    expect_error("a folder with something else", ["--out", out, *quick],
                 f"--out {out} holds notes.txt, which is of no run; give another --out, or --force to write beside it")
    (out / "results.json").write_text("mine")
    expect_error("a file of a run's name", ["--out", out, *quick],
                 f"--out {out} holds results.json, which is of no run; give another --out, or --force to replace it")
    check(contents(out) == {out / "notes.txt": b"mine", out / ".hidden": b"", out / "results.json": b"mine"}, "nothing is touched")
    done = run("--out", out, *quick, "--force")
    check(done.returncode == 0 and (out / "notes.txt").read_text() == "mine", "with --force there is a run beside it: " + done.stderr)
    before = contents(out)
    for flags in (["--weights", out / "pretrained", "--text", text], ["--text", out / "metrics.jsonl"], ["--tokens", out / "train" / "x.bin"],
                  ["--text", text, "--heldout", out / "results.md"]):
        expect_error("a run that reads what it would replace", ["--out", out, *flags, "--force", *TINY],
                     f"--out {out} would replace {flags[-1] if flags[0] == '--text' else flags[1]}, which is read; give another --out")
    check(contents(out) == before, "nothing of it is lost")
    done = run("--out", out, *quick, "--force")
    check(done.returncode == 0 and contents(out) != before, "with --force a finished run is replaced: " + done.stderr)


def two_at_once(folder, text):
    out = folder / "shared"
    command = [PROGRAM, "--out", str(out), "--text", str(text), *tiny("--steps", "100000")]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.time() + 120
    while time.time() < deadline and running.poll() is None and not (out / "metrics-pretrain.jsonl").exists():
        time.sleep(0.002)
    for more in ([], ["--resume"], ["--force"]):
        expect_error("a second run of one folder", [*command[1:], *more],
                     f"{out}: another program is writing there, process {running.pid}; wait for it, or give another folder")
    running.send_signal(signal.SIGKILL)
    running.wait()
    with open(out / ".lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds it any more
    done = run("--out", out, "--text", text, *TINY, "--no-control")
    check(done.returncode == 0, "a killed run locks nobody out, and left nothing to keep: " + done.stderr)
    check(not (out / ".lock").exists(), "a run that ends takes its lock along")


def recipes():
    printed = run("--print", "--loss-mean", "of-means").stdout
    check("mean of the means of the micro-batches" in printed and "mean over the tokens" in run("--print").stdout,
          "how the loss is averaged is a choice: " + printed)
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
        stopped(root, corpus, finished)
        corpora(root, corpus, finished)
        token_files(root, finished)
        bad_input(root, corpus, finished)
        what_is_there(root, corpus)
        two_at_once(root, corpus)
    recipes()
sys.exit(1 if failures else 0)
