#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives fetch_gpt2.sh against a server on this machine: whole downloads, resumed ones, wrong bytes, nobody there."""
import contextlib
import csv
import hashlib
import http.server
import io
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "fetch_gpt2.sh"
TOKENIZER = ROOT.parent / "shared" / "data" / "gpt2"
failures = []


def skip(reason):
    print("lamina: skipped: programs: fetch_gpt2: " + reason)
    sys.exit(0)


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


class Site:
    """What the server has, what was asked of it, and after how many bytes it hangs up the first time."""

    def __init__(self, files):
        self.files, self.requests, self.cuts = files, [], {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        site = self.server.site
        site.requests.append((self.path, self.headers.get("Range")))
        data = site.files.get(self.path)
        if data is None:
            return self.answer(404, b"")
        first = 0
        if wanted := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            first = int(wanted.group(1))
            if first >= len(data):
                return self.answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        extra = {"Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"} if wanted else {}
        self.answer(206 if wanted else 200, data[first:], extra, site.cuts.pop(self.path, None))

    def answer(self, code, body, extra=None, cut=None):
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **(extra or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(files):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.site = Site(files)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.site, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def fetch(hub, *arguments, **variables):
    """The sets come from `hub` in text form, unless variables say otherwise."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment.update(LAMINA_HUB_URL=hub, LAMINA_PILE_URL=hub + "/pile.jsonl", LAMINA_HELLASWAG_URL=hub + "/hellaswag.jsonl",
                       LAMINA_MMLU_URL=hub + "/data.tar")
    environment.update(variables)
    environment = {name: value for name, value in environment.items() if value is not None}
    return subprocess.run(["bash", SCRIPT, *arguments], env=environment, capture_output=True, text=True, timeout=120)


def refused(done, words, what):
    check(done.returncode == 1, what + " ends with status 1")
    check(done.stderr.startswith("fetch_gpt2.sh: ") and done.stderr.count("\n") == 1 and words in done.stderr,
          f"{what} is told in one line with \"{words}\": {done.stderr}")


def safetensors(size):
    header = json.dumps({"__metadata__": {"format": "pt"}, "wte.weight": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + hashlib.shake_128(b"weights").digest(size)


def archive(names):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in names.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return out.getvalue()


CSV = b'"What is 1 + 1, in words?",one,two,three,four,B\n'


def published(size="gpt2-medium"):
    repository = f"/openai-community/{size}/resolve/main/"
    return {repository + "config.json": b'{"model_type": "gpt2"}\n',
            repository + "vocab.json": (TOKENIZER / "encoder.json").read_bytes(),
            repository + "merges.txt": (TOKENIZER / "vocab.bpe").read_bytes(),
            repository + "model.safetensors": safetensors(300000),
            "/pile.jsonl": b'{"text": "a", "meta": {"pile_set_name": "Github"}}\n',
            "/hellaswag.jsonl": b'{"ind": 0}\n',
            "/data.tar": archive({"data/dev/anatomy_dev.csv": CSV, "data/test/anatomy_test.csv": CSV,
                                  "data/val/anatomy_val.csv": CSV, "data/README.txt": b"-"})}


def downloads_everything(folder):
    files = published()
    with serving(files) as (site, hub):
        done = fetch(hub, "gpt2-medium", str(folder))
        check(done.returncode == 0 and not done.stderr, "everything is downloaded: " + done.stderr)
        for name in ("config.json", "vocab.json", "merges.txt", "model.safetensors"):
            check((folder / "gpt2-medium" / name).read_bytes() == files["/openai-community/gpt2-medium/resolve/main/" + name], name + " is what was served")
        check((folder / "pile10k.jsonl").read_bytes() == files["/pile.jsonl"], "the Pile is what was served")
        check((folder / "hellaswag_val.jsonl").read_bytes() == files["/hellaswag.jsonl"], "HellaSwag is what was served")
        found = sorted(path.relative_to(folder / "mmlu").as_posix() for path in (folder / "mmlu").rglob("*.csv"))
        check(found == ["dev/anatomy_dev.csv", "test/anatomy_test.csv"], "MMLU is unpacked, dev and test only")
        check((folder / "mmlu" / "test" / "anatomy_test.csv").read_bytes() == CSV, "an MMLU file is what was served")
        check(not [path for ending in ("partial", "url", "tar") for path in folder.rglob("*." + ending)], "nothing is left beside")
        check(f"evaluate --weights {folder}/gpt2-medium" in done.stdout, "the command that comes next is printed")
        site.requests.clear()
        again = fetch(hub, "gpt2-medium", str(folder))
        check(again.returncode == 0 and not site.requests, "a second run downloads nothing")


def resumes(folder):
    weights = "/openai-community/gpt2-medium/resolve/main/model.safetensors"
    with serving(published()) as (site, hub):
        site.cuts[weights] = 123456
        refused(fetch(hub, "gpt2-medium", str(folder)), "cut off after 123456 bytes", "a download that is cut")
        check((folder / "gpt2-medium" / "model.safetensors.partial").stat().st_size == 123456, "what came is kept")
        check(not (folder / "gpt2-medium" / "model.safetensors").exists(), "half a file does not get the name of a whole one")
        site.requests.clear()
        done = fetch(hub, "gpt2-medium", str(folder))
        check(done.returncode == 0, "the next run goes on: " + done.stderr)
        check(site.requests[0] == (weights, "bytes=123456-"), "from where the first stopped")
        check((folder / "gpt2-medium" / "model.safetensors").read_bytes() == site.files[weights], "and the whole is what was served")
        partial = folder / "gpt2-medium" / "model.safetensors.partial"
        (folder / "gpt2-medium" / "model.safetensors").rename(partial)
        partial.with_name(partial.name + ".url").write_text(hub + weights + "\n")
        done = fetch(hub, "gpt2-medium", str(folder))
        check(done.returncode == 0, "a whole file that was never renamed is taken: " + done.stderr)


def begins_anew_elsewhere(folder):
    pile = "/pile.jsonl"
    files = published()
    with serving(files) as (site, hub):
        site.cuts[pile] = 10
        refused(fetch(hub, "gpt2-medium", str(folder)), "cut off after 10 bytes", "a download that is cut")
        files["/other.jsonl"] = b'{"text": "another mirror has other bytes here"}\n'
        done = fetch(hub, "gpt2-medium", str(folder), LAMINA_PILE_URL=hub + "/other.jsonl")
        check(done.returncode == 0, "another mirror is taken: " + done.stderr)
        check(("/other.jsonl", None) in site.requests, "from its beginning")
        check((folder / "pile10k.jsonl").read_bytes() == files["/other.jsonl"], "no bytes of one are put behind another's")


def refuses_wrong_bytes(folder):
    files = published()
    vocabulary = "/openai-community/gpt2-medium/resolve/main/vocab.json"
    right = files[vocabulary]
    files[vocabulary] = right.replace(b"hello", b"jello", 1)
    with serving(files) as (_, hub):
        done = fetch(hub, "gpt2-medium", str(folder))
        refused(done, "has sha256 " + hashlib.sha256(files[vocabulary]).hexdigest(), "a wrong checksum")
        check(not list(folder.rglob("vocab.json*")), "a file with a wrong checksum does not stay")
        files[vocabulary] = right
        weights = "/openai-community/gpt2-medium/resolve/main/model.safetensors"
        whole = files[weights]
        files[weights] = whole[:-1]
        refused(fetch(hub, "gpt2-medium", str(folder)), f"has {len(whole) - 1} bytes, its header promises {len(whole)}", "weights that are too short")
        files[weights] = b"<html>not weights</html>"
        refused(fetch(hub, "gpt2-medium", str(folder)), "promises none", "weights that are none")
        files[weights] = whole
        check(fetch(hub, "gpt2-medium", str(folder)).returncode == 0, "right bytes are taken after wrong ones")
    with serving(published("gpt2")) as (_, hub):
        refused(fetch(hub, "gpt2", str(folder)), "248dfc39", "weights of another model under the name gpt2")


def refuses_pages_that_ask_for_a_login(folder):
    page = b"<!DOCTYPE html><p>Log in first</p>"
    files = published()
    right = dict(files)
    config = "/openai-community/gpt2-medium/resolve/main/config.json"
    with serving(files) as (_, hub):
        for path, words in ((config, "is no JSON object"), ("/pile.jsonl", "is no JSON object"), ("/data.tar", "does not hold dev/*.csv")):
            files[path] = page
            refused(fetch(hub, "gpt2-medium", str(folder)), path + " " + words, "a page in place of " + path)
            files[path] = right[path]
        files["/data.tar"] = archive({"data/dev/anatomy_dev.csv": CSV})
        refused(fetch(hub, "gpt2-medium", str(folder)), "/data.tar does not hold dev/*.csv", "an archive of half the set")
        files["/data.tar"] = right["/data.tar"]
        done = fetch(hub, "gpt2-medium", str(folder))
        check(done.returncode == 0, "what was refused is fetched anew: " + done.stderr)
        check((folder / "gpt2-medium" / "config.json").read_bytes() == right[config], "and is what was served then")
        check((folder / "mmlu" / "test" / "anatomy_test.csv").read_bytes() == CSV, "MMLU, too")


def tells_that_nobody_is_there(folder):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
        refused(fetch(nobody, "gpt2", str(folder)), f"cannot reach {nobody}/: is this machine online?", "a server that is not there")


def tells_what_is_missing(folder):
    files = published()
    del files["/hellaswag.jsonl"]
    with serving(files) as (_, hub):
        refused(fetch(hub, "gpt2-medium", str(folder)), "/hellaswag.jsonl: the server answers 404", "a file that is not there")


def has_pyarrow(python):
    return subprocess.run([python, "-c", "import pyarrow"], capture_output=True).returncode == 0


def converts_parquet(folder):
    """Without pyarrow one line says so; with it, rows come out as evaluate reads them."""
    sets = {"LAMINA_PILE_URL": None, "LAMINA_HELLASWAG_URL": None, "LAMINA_MMLU_URL": None}
    pile = "/datasets/NeelNanda/pile-10k/resolve/127bfedcd5047750df5ccf3a12979a47bfa0bafa/data/train-00000-of-00001-4746b8785c874cc7.parquet"
    files = {**published(), pile: b"PAR1"}
    with serving(files) as (_, hub):
        refused(fetch(hub, "gpt2-medium", str(folder), **sets, LAMINA_PYTHON="false"), "pip install pyarrow", "Parquet without pyarrow")
        check((folder / "pile10k.jsonl.parquet").exists(), "what was fetched is kept")
    python = os.environ.get("LAMINA_PYTHON", sys.executable)
    if not has_pyarrow(python):
        print("not run: Parquet to text; no pyarrow")
        return
    rows = [{"question": "What is 1 + 1, in words?", "subject": "anatomy", "choices": ["one", "two", "three", "four"], "answer": 1}]
    write = "import pyarrow as pa, pyarrow.parquet as pq, json, sys; pq.write_table(pa.Table.from_pylist(json.loads(sys.argv[1])), sys.argv[2])"
    tables = {pile: [{"text": "é\n", "meta": {"pile_set_name": "Github"}}], "/hellaswag.parquet": [{"ind": 4, "endings": ["a", "b"], "label": "1"}],
              "/all/dev-00000-of-00001.parquet": rows, "/all/test-00000-of-00001.parquet": rows}
    for name, table in tables.items():
        subprocess.run([python, "-c", write, json.dumps(table), str(folder / "table")], check=True)
        files[name] = (folder / "table").read_bytes()
    (folder / "pile10k.jsonl.parquet").unlink()
    with serving(files) as (_, hub):
        sets.update(LAMINA_HELLASWAG_URL=hub + "/hellaswag.parquet", LAMINA_MMLU_URL=hub + "/all")
        done = fetch(hub, "gpt2-medium", str(folder), **sets, LAMINA_PYTHON=python)
        check(done.returncode == 0, "Parquet is converted: " + done.stderr)
        check(json.loads((folder / "pile10k.jsonl").read_text()) == tables[pile][0], "the Pile's fields")
        check(json.loads((folder / "hellaswag_val.jsonl").read_text()) == tables["/hellaswag.parquet"][0], "HellaSwag's fields")
        for split in ("dev", "test"):
            check((folder / "mmlu" / split / f"anatomy_{split}.csv").read_bytes() == CSV, f"MMLU's {split} rows in the authors' form")
        check(not list(folder.rglob("*.parquet")), "no Parquet is left")


def run(*cases):
    for case in cases:
        with tempfile.TemporaryDirectory() as name:
            case(pathlib.Path(name))


for arguments in ([], ["gpt2"], ["gpt2", "a", "b"], ["gpt3", "a"]):
    refused(fetch("http://127.0.0.1:9", *arguments), "gpt2-medium", "arguments " + " ".join(arguments))
if shutil.which("curl") is None and not failures:
    skip("needs curl")
run(tells_that_nobody_is_there)
if not TOKENIZER.exists() and not failures:
    skip("needs the tokenizer in ../shared/data/gpt2, whose checksums are known")
if TOKENIZER.exists():
    run(downloads_everything, resumes, begins_anew_elsewhere, refuses_wrong_bytes, refuses_pages_that_ask_for_a_login, tells_what_is_missing, converts_parquet)
sys.exit(1 if failures else 0)
