#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives evaluate as a person would: the three tasks, a run killed and resumed, a baseline, and input that is not what it must be."""
import array
import fcntl
import gzip
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

PROGRAMS = pathlib.Path(os.environ["LAMINA_PROGRAMS"])
PROGRAM = str(PROGRAMS / "evaluate")
HEADERS = pathlib.Path(__file__).resolve().parents[2] / "include" / "lamina" / "eval"
WORDS = "the norm of a layer divides every row by its own deviation until it is fixed once and for all".split()
failures = []


def run(*arguments):
    return subprocess.run([PROGRAM, *(each if isinstance(each, bytes) else str(each) for each in arguments)], capture_output=True, text=True, timeout=300)


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def words(chooser, count):
    return " ".join(chooser.choice(WORDS) for _ in range(count))


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def make_hellaswag(path, items):
    chooser = random.Random(1)
    return write_lines(path, [{"activity_label": "Norms", "ctx_a": words(chooser, 5) + ".", "ctx_b": words(chooser, 2),
                               "endings": [words(chooser, chooser.randrange(1, 4)) for _ in range(4)],
                               "label": str(chooser.randrange(4))} for _ in range(items)])


def subjects():
    return re.findall(r'\{"(\w+)", MmluGroup', (HEADERS / "mmlu_subjects.hpp").read_text())


def make_mmlu(folder):
    chooser = random.Random(2)
    for split, count in (("dev", 5), ("test", 3)):
        (folder / split).mkdir(parents=True)
        for subject in subjects():
            rows = [",".join([words(chooser, 2), "a", "b", '"c, d"', "e", chooser.choice("ABCD")]) for _ in range(count)]
            (folder / split / f"{subject}_{split}.csv").write_text("\n".join(rows) + "\n")
    return folder


def make_pile(path):
    chooser = random.Random(3)
    sets = ["Pile-CC", "Books3", "Github"]
    return write_lines(path, [{"text": words(chooser, 60), "meta": {"pile_set_name": chooser.choice(sets)}} for _ in range(120)])


def make_run(folder):
    """A removal in miniature, whose folder holds models of all three kinds."""
    text = folder / "text.txt"
    text.write_text(words(random.Random(4), 6000) + "\n")
    out = folder / "run"
    tiny = ["--micro-batch", "2", "--sequence", "32", "--steps", "16", "--removal-start", "1", "--gap-ln2", "1", "--gap-ln1-qk", "1",
            "--gap-ln1-v", "1", "--pretrain-steps", "4", "--evaluation-blocks", "1", "--sample", "0", "--threads", "1", "--no-control"]
    subprocess.run([str(PROGRAMS / "remove_layernorm"), "--out", str(out), "--text", str(text), *tiny], check=True,
                   stdout=subprocess.DEVNULL, timeout=300)
    return out


def answers(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    check([line["item"] for line in lines] == list(range(len(lines))), f"{path.name} has the items in their order")
    return [line["log_probabilities"] for line in lines]


def mean_and_error(values):
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


def close(found, expected):
    return abs(found - expected) <= 1e-9 * max(1, abs(expected))


def check_results(out, hellaswag):
    """Works out the metrics anew from what was kept."""
    results = json.loads((out / "results.json").read_text())["results"]
    items = [json.loads(line) for line in hellaswag.read_text().splitlines()]
    given = answers(out / "answers" / "hellaswag.jsonl")
    check(len(given) == len(items), "every question of HellaSwag is answered")
    for metric, length in (("acc", lambda text: 1), ("acc_norm", len)):
        right = []
        for item, scores in zip(items, given):
            scaled = [score / length(ending) for score, ending in zip(scores, item["endings"])]
            right.append(float(scaled.index(max(scaled)) == int(item["label"])))
        mean, error = mean_and_error(right)
        check(close(results["hellaswag"][metric + ",none"], mean), f"HellaSwag's {metric} follows from the answers")
        check(close(results["hellaswag"][metric + "_stderr,none"], error), f"so does the standard error of {metric}")
    everything = []
    for subject in subjects():
        everything.append(results[f"mmlu_{subject}"]["acc,none"])
    check(close(results["mmlu"]["acc,none"], sum(everything) / len(everything)), "MMLU is the mean of subjects of one size")
    losses = array.array("f")
    losses.frombytes((out / "pile_losses.npy").read_bytes()[128:])
    check(close(results["pile10k"]["loss,none"], sum(losses) / len(losses)), "the Pile's loss is the mean of the kept losses")
    check(close(results["pile10k"]["perplexity,none"], math.exp(sum(losses) / len(losses))), "its perplexity is the exponential")
    check(len(losses) % 127 == 0 and 3 < sum(losses) / len(losses) < 7, "a hardly trained model of bytes has a loss below log 257")


def all_kinds(folder, made, hellaswag, mmlu, pile):
    tasks = ["--hellaswag", hellaswag, "--mmlu", mmlu, "--pile", pile, "--threads", 1]
    tables = {}
    for kind, flags in (("pretrained", ["--weights", made / "pretrained"]), ("run", ["--run", made]),
                        ("folded", ["--weights", made / "folded"])):
        out = folder / ("out-" + kind)
        baseline = ["--baseline", folder / "out-pretrained" / "results.json"] if kind != "pretrained" else []
        done = run(*flags, *tasks, *baseline, "--out", out, "--label", kind)
        check(done.returncode == 0, f"{kind}: {done.stderr}")
        if done.returncode != 0:
            return
        check_results(out, hellaswag)
        tables[kind] = (out / "results.md").read_text()
        check(tables[kind].split("\n\n")[0] in done.stdout, "the table is printed")
    check("Δ Pile-10k loss" not in tables["pretrained"], "without a baseline there are no differences")
    check("Δ Pile-10k loss" in tables["run"] and "| pretrained |" in tables["run"], "with one there are")
    loss = {kind: json.loads((folder / ("out-" + kind) / "results.json").read_text())["results"]["pile10k"]["loss,none"] for kind in tables}
    check(abs(loss["run"] - loss["folded"]) < 1e-4, f"the folded model has the losses of the run: {loss}")
    check(abs(loss["run"] - loss["pretrained"]) > 1e-3, f"which are not those of the pretrained one: {loss}")


def few_shot(folder, made, mmlu):
    done = run("--weights", made / "pretrained", "--mmlu", mmlu, "--shots", 2, "--limit", 1, "--out", folder / "shots")
    check(done.returncode == 0, "few-shot: " + done.stderr)
    json_of = json.loads((folder / "shots" / "results.json").read_text())
    check(set(json_of["n-shot"].values()) == {2}, "two examples are told")
    check(json_of["n-samples"]["mmlu_anatomy"] == {"original": 3, "effective": 1}, "so is the limit")


def killed_and_resumed(folder, made):
    hellaswag = make_hellaswag(folder / "many.jsonl", 400)
    command = ["--weights", made / "pretrained", "--hellaswag", hellaswag, "--threads", "1", "--out"]
    whole, out = folder / "uninterrupted", folder / "killed"
    check(run(*command, whole).returncode == 0, "an evaluation succeeds")
    log = out / "answers" / "hellaswag.jsonl"
    running = subprocess.Popen([PROGRAM, *map(str, command), str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.time() + 60
    while time.time() < deadline and running.poll() is None:
        if log.exists() and log.read_text().count("\n") >= 64:
            break
        time.sleep(0.002)
    check(running.poll() is None, "the evaluation was killed before it ended")
    running.send_signal(signal.SIGKILL)
    running.wait()
    done_before = log.read_text().count("\n")
    anew = run(*command, out)
    check(anew.returncode != 0 and "unfinished evaluation" in anew.stderr, "an unfinished evaluation is not replaced")
    other = run(*command, out, "--resume", "--limit", "5")
    check(other.returncode != 0 and "was made with other questions of hellaswag" in other.stderr, "other questions do not continue it")
    resumed = run(*command, out, "--resume")
    check(resumed.returncode == 0, "a killed evaluation resumes: " + resumed.stderr)
    check(0 < done_before < 400 and f"{400}/{400}" in resumed.stdout, "and does the rest")
    pairs = zip(answers(log), answers(whole / "answers" / "hellaswag.jsonl"))
    check(all(abs(a - b) < 1e-3 for left, right in pairs for a, b in zip(left, right)), "the answers are those of a run in one go")
    again = run(*command, out, "--resume")
    check(again.returncode == 0 and "400/400 questions  done before" in again.stdout, "a finished evaluation resumes to the same end")


def resumed_with_more(folder, made, hellaswag, mmlu, pile):
    model = ["--weights", made / "pretrained", "--out", folder / "more", "--threads", 1]
    results = folder / "more" / "results.json"
    check(run(*model, "--pile", pile).returncode == 0, "the Pile alone")
    alone = json.loads(results.read_text())["results"]["pile10k"]
    done = run(*model, "--pile", pile, "--hellaswag", hellaswag, "--resume")
    check(done.returncode == 0 and "blocks  done before" in done.stdout, f"a task more goes on: {done.stdout}{done.stderr}")
    check(json.loads(results.read_text())["results"]["pile10k"] == alone, "with what was done for the Pile")
    expect_error("resumed with a task less", [*model, "--hellaswag", hellaswag, "--resume"], "has pile10k, which is missing now")
    results.unlink()
    with open(folder / "more" / "pile_losses.npy", "r+b") as losses:
        losses.truncate(128 + 127 * 4 * 5 + 7)
    expect_error("unfinished", [*model, "--pile", pile], "holds an unfinished evaluation")
    done = run(*model, "--pile", pile, "--hellaswag", hellaswag, "--resume")
    check(done.returncode == 0, "a Pile that was cut off goes on: " + done.stderr)
    again = json.loads(results.read_text())["results"]["pile10k"]
    check(all(again[key] == alone[key] or abs(again[key] - alone[key]) < 1e-3 for key in alone), f"to the same end: {again} {alone}")
    changed = shutil.copytree(mmlu, folder / "changed")
    more = ["--pile", pile, "--hellaswag", hellaswag, "--mmlu", changed, "--limit", 5]
    before = results.read_bytes()
    expect_error("a finished evaluation", [*model, *more], "holds a finished evaluation; give another --out, or --force to replace it")
    check(results.read_bytes() == before, "it is not replaced unasked")
    check(run(*model, *more, "--force").returncode == 0, "with --force a finished folder is begun anew")
    (changed / "test" / "anatomy_test.csv").write_text("other,a,b,c,d,A\n")
    expect_error("changed questions", [*model, "--pile", pile, "--hellaswag", hellaswag, "--mmlu", changed, "--limit", 5, "--resume"],
                 "was made with other questions of mmlu_anatomy")
    with_adapter = ["--pile", pile, "--out", folder / "adapted"]
    check(run("--run", made, *with_adapter).returncode == 0, "the Pile with an adapter")
    expect_error("resumed without the adapter", ["--weights", made / "pretrained", *with_adapter, "--resume"],
                 "was made with other files", "adapter.safetensors is not among those of now")
    before = (made / "results.json").read_bytes()
    for force in ([], ["--force"]):
        expect_error("a run's own folder", ["--run", made, "--mmlu", mmlu, "--out", made, *force],
                     "is what is evaluated; give another --out")
    mine = folder / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    expect_error("a folder of something else", ["--run", made, "--mmlu", mmlu, "--out", mine],
                 "holds notes.txt, which is of no evaluation; give another --out, or --force to write there all the same")
    (mine / "results.json").write_text("mine")
    expect_error("a file of the same name", ["--run", made, "--mmlu", mmlu, "--out", mine], "holds results.json, which is of no evaluation")
    with open(mine / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        expect_error("a folder that is written to", ["--run", made, "--mmlu", mmlu, "--out", mine, "--force"],
                     "another program is writing there; wait for it, or give another folder")
    check((mine / "results.json").read_text() == "mine", "nothing is replaced unasked")
    check((made / "results.json").read_bytes() == before, "and nothing of the run is lost")


def own_task(folder, made):
    """The program that shows a task of a user's own."""
    chooser = random.Random(5)
    piqa = write_lines(folder / "piqa.jsonl", [{"goal": words(chooser, 3), "sol1": words(chooser, 2), "sol2": words(chooser, 2),
                                                "label": chooser.randrange(2)} for _ in range(30)])
    command = [str(PROGRAMS / "own_task"), "--weights", str(made / "pretrained"), "--piqa"]
    done = subprocess.run([*command, str(piqa)], capture_output=True, text=True, timeout=100)
    found = dict(re.findall(r"piqa (\w+): ([\d.]+) \(standard error [\d.]+, 30 questions\)", done.stdout))
    check(done.returncode == 0 and set(found) == {"acc", "acc_norm"}, f"both metrics of the task are told: {done.stdout} {done.stderr}")
    check(all(0 < float(value) < 1 for value in found.values()), f"chance is not all right, nor all wrong: {found}")
    write_lines(piqa, [{"goal": "a", "sol1": "b", "sol2": "c", "label": 2}])
    done = subprocess.run([*command, str(piqa)], capture_output=True, text=True, timeout=100)
    check(done.returncode == 1 and 'piqa.jsonl: line 1: field "label" is 2, expected a whole number below 2' in done.stderr,
          f"a wrong label is refused: {done.stderr}")


def expect_error(name, arguments, *sentences):
    done = run(*arguments)
    lines = [line for line in done.stderr.splitlines() if line]
    check(done.returncode != 0, name + ": exit code is not zero")
    for sentence in sentences:
        check(sentence in done.stderr, f"{name}: {sentence!r} is said; found {done.stderr!r}")
    check(len(lines) == 1, name + ": one line: " + done.stderr)


def with_one_changed(weights, folder):
    """A copy of a model's folder in which one weight has another value."""
    shutil.copytree(weights.parent, folder)
    content = bytearray(weights.read_bytes())
    begin = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:begin])
    name = next(name for name in header if name.endswith("h.0.mlp.c_fc.weight"))
    at = begin + header[name]["data_offsets"][0]
    content[at:at + 4] = struct.pack("<f", 0.125)
    (folder / weights.name).write_bytes(content)
    return folder


def bad_input(folder, made, mmlu):
    model = ["--weights", made / "pretrained"]
    row = {"activity_label": "a", "ctx_a": "b", "ctx_b": "c", "endings": ["d", "e", "f", "g"], "label": "1"}

    def bad_row(name, change, *sentences):
        path = write_lines(folder / "bad.jsonl", [row, {**row, **change}])
        expect_error(name, [*model, "--hellaswag", path], "bad.jsonl: line 2", *sentences)

    expect_error("no task", model, "nothing to evaluate on")
    expect_error("no model", ["--mmlu", mmlu], "no model was given")
    expect_error("unknown flag", ["--no-such-flag"], "--no-such-flag")
    expect_error("missing weights", ["--weights", folder / "none", "--mmlu", mmlu], "none: is missing, expected a folder with")
    expect_error("missing file", [*model, "--hellaswag", folder / "none.jsonl"], "none.jsonl")
    expect_error("a label that is no text", [*model, "--mmlu", mmlu, "--label", b"\xff"], "--label is not valid UTF-8")
    expect_error("too many threads", [*model, "--mmlu", mmlu, "--threads", "-1"], "--threads")
    expect_error("nothing to resume", [*model, "--mmlu", mmlu, "--out", folder / "fresh", "--resume"], "nothing to go on with")
    expect_error("resume without folder", [*model, "--mmlu", mmlu, "--resume"], "--out")
    expect_error("too many shots", [*model, "--mmlu", mmlu, "--shots", "6"], "--shots")
    expect_error("baseline of something else", [*model, "--mmlu", mmlu, "--baseline", made / "run.json"], "run.json")
    bad_row("missing field", {"ctx_a": None}, "ctx_a")
    bad_row("label out of range", {"label": "4"}, "label", "whole number below 4")
    bad_row("empty ending", {"endings": ["d", "", "f", "g"]}, "endings", "is empty")
    bad_row("three endings", {"endings": ["d", "e", "f"]}, "endings", "expected 4")
    bad_row("ending beyond the context", {"endings": ["d", "e" * 200, "f", "g"]}, "choice 1 has 201 tokens, expected 1 to 128")
    broken = folder / "broken.jsonl"
    broken.write_text(json.dumps(row) + "\n{\"activity_label\": ")
    expect_error("truncated JSON", [*model, "--hellaswag", broken], "broken.jsonl: line 2", "is not JSON in UTF-8")
    wrong = folder / "wrong_mmlu"
    shutil.copytree(mmlu, wrong)
    (wrong / "test" / "anatomy_test.csv").write_text("q,a,b,c,d,E\n")
    expect_error("letter out of range", [*model, "--mmlu", wrong], "anatomy_test.csv", "line 1", "expected A, B, C or D")
    (wrong / "test" / "anatomy_test.csv").unlink()
    expect_error("missing subject", [*model, "--mmlu", wrong], "anatomy_test.csv")
    short = write_lines(folder / "short.jsonl", [{"text": "too short"}])
    expect_error("a Pile of less than a block", [*model, "--pile", short], "short.jsonl")
    blocker = folder / "file"
    blocker.write_text("")
    expect_error("out below a file", [*model, "--mmlu", mmlu, "--limit", "1", "--out", blocker / "out"], "file/out")
    other = folder / "other"
    shutil.copytree(made, other)
    shutil.copy(other / "folded" / "model.safetensors", other / "adapter.safetensors")
    expect_error("an adapter that is none", ["--run", other, "--mmlu", mmlu], "adapter.safetensors")
    weights = made / "pretrained" / "model.safetensors"
    expect_error("an adapter for another base", ["--run", made, "--weights", with_one_changed(weights, folder / "another"), "--mmlu", mmlu],
                 "adapter.safetensors", "base_weights", "load the weights that the adapter was trained on")


def piped_and_compressed(folder, made, hellaswag, mmlu, pile):
    """An evaluation goes on only with the same questions, so that one that has ended tells whether they are."""
    out = folder / "out-pretrained"
    packed = folder / "pile"
    packed.write_bytes(gzip.compress(pile.read_bytes()[:1000]) + gzip.compress(pile.read_bytes()[1000:]))
    with_nan = hellaswag.read_text().replace('{"activity_label"', '{"score": NaN, "activity_label"')
    done = subprocess.run([PROGRAM, "--weights", str(made / "pretrained"), "--mmlu", str(mmlu), "--pile", str(packed), "--hellaswag",
                           "/dev/stdin", "--threads", "1", "--out", str(out), "--resume", "--label", "pretrained"],
                          input=gzip.compress(with_nan.encode()), capture_output=True, timeout=300)
    check(done.returncode == 0, f"sets are read compressed, under any name and from a pipe: {done.stderr}")
    model = ["--weights", made / "pretrained"]
    packed.write_bytes(packed.read_bytes()[:-20])
    expect_error("a set that was cut off", [*model, "--pile", packed], "pile: ends within its gzip data", "it was cut off")
    packed.write_bytes(b"PAR1\x15\x04\xff\xfe")
    expect_error("Parquet", [*model, "--hellaswag", packed], "pile: is a Parquet file, not plain text; write its text as JSON Lines")
    done = subprocess.run([PROGRAM, *map(str, model), "--hellaswag", "/dev/stdin"], input=b"{}\n", capture_output=True, timeout=300)
    check(done.returncode == 1 and b'/dev/stdin: line 1: field "activity_label" is missing' in done.stderr,
          f"lines of a pipe are named: {done.stderr}")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        made = make_run(folder)
        mmlu = make_mmlu(folder / "mmlu")
        hellaswag, pile = make_hellaswag(folder / "hellaswag.jsonl", 40), make_pile(folder / "pile.jsonl")
        all_kinds(folder, made, hellaswag, mmlu, pile)
        piped_and_compressed(folder, made, hellaswag, mmlu, pile)
        resumed_with_more(folder, made, hellaswag, mmlu, pile)
        few_shot(folder, made, mmlu)
        own_task(folder, made)
        killed_and_resumed(folder, made)
        bad_input(folder, made, mmlu)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
