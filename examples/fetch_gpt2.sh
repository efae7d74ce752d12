#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fetch_gpt2.sh SIZE DIR: downloads a published GPT-2 and the three evaluation sets, in the form that lamina's programs take.
#
#   SIZE  gpt2, gpt2-medium, gpt2-large or gpt2-xl
#   DIR   gets SIZE/ (weights and tokenizer), pile10k.jsonl, hellaswag_val.jsonl and mmlu/{dev,test}/*.csv
#
# A download that was cut goes on where it stopped when the script is run again; what is complete is not fetched twice. The
# sets are published as Parquet, which takes Python's pyarrow to convert; whoever has them as text can name that instead.
#
#   LAMINA_HUB_URL        where the repositories of models and data sets are
#   LAMINA_PILE_URL       another place of one set: Parquet or JSON Lines
#   LAMINA_HELLASWAG_URL  likewise
#   LAMINA_MMLU_URL       a folder with dev and test as Parquet, or the authors' archive, .tar
#   LAMINA_PYTHON         a Python that has pyarrow (python3)
set -euo pipefail

hub=${LAMINA_HUB_URL:-https://huggingface.co}
hub=${hub%/}
# Revisions whose sums are known; elsewhere the newest.
pile_url=${LAMINA_PILE_URL:-$hub/datasets/NeelNanda/pile-10k/resolve/127bfedcd5047750df5ccf3a12979a47bfa0bafa/data/train-00000-of-00001-4746b8785c874cc7.parquet}
hellaswag_url=${LAMINA_HELLASWAG_URL:-$hub/datasets/Rowan/hellaswag/resolve/218ec52e09a7e7462a5400043bb9a69a41d06b76/data/validation-00000-of-00001.parquet}
mmlu_url=${LAMINA_MMLU_URL:-$hub/datasets/cais/mmlu/resolve/c30699e8356da336a370243923dbaf21066bb9fe/all}
python=${LAMINA_PYTHON:-python3}

fail() {
    echo "fetch_gpt2.sh: $*" >&2
    exit 1
}

# known_sum URL: the sha256 of what is published there, or nothing.
known_sum() {
    case ${1#"$hub"/} in
        */vocab.json) echo 196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783 ;;
        */merges.txt) echo 1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5 ;;
        openai-community/gpt2/resolve/*/model.safetensors) echo 248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707 ;;
        datasets/Rowan/hellaswag/*.parquet) echo 899813071e1e95efafec90f856e1987d2150fa4d020fc005df6962c259f660cd ;;
        datasets/cais/mmlu/*/all/test-*.parquet) echo 74a41822ce7d3def56e1682f958469c04642a5336a5ce912fa375fdb90fb25d7 ;;
    esac
}

# begins FILE N: its first N bytes, but zeros.
begins() {
    head -c "$2" "$1" | tr -d '\0'
}

# safetensors_bytes FILE: the size that its header promises, or nothing where there is no such header.
safetensors_bytes() {
    local header last
    header=$(od -An -v -tu8 -N8 "$1" | tr -d ' ')
    [[ $header =~ ^[0-9]{1,8}$ ]] || return 0
    last=$(head -c $((8 + header)) "$1" | tail -c +9 | grep -ao '"data_offsets": *\[[0-9]*, *[0-9]*\]' |
        sed 's/.*, *\([0-9]*\)\]/\1/' | sort -n | tail -n 1) || return 0
    [[ -z $last ]] || echo $((8 + header + last))
}

# discard PARTIAL PROBLEM: ends the script; what came is removed with the note of where it came from.
discard() {
    rm -f "$1" "$1.url"
    fail "$2; it was removed, run the script again to fetch it anew"
}

# check FILE URL NAME: ends the script, FILE removed, unless it is what is published at URL. Sums where they are known; of
# weights without one the size that the file itself tells; of others how they begin, which a page that asks for a login does
# not.
check() {
    local wanted found
    wanted=$(known_sum "$2")
    if [[ -n $wanted ]]; then
        found=$(sha256sum "$1" | cut -d ' ' -f 1)
        [[ $found == "$wanted" ]] || discard "$1" "$2 has sha256 $found, expected $wanted"
        return
    fi
    [[ -s $1 ]] || discard "$1" "$2 is empty"
    case $3 in
        *.safetensors)
            found=$(stat -c %s "$1")
            wanted=$(safetensors_bytes "$1")
            [[ $found == "$wanted" ]] || discard "$1" "$2 has $found bytes, its header promises ${wanted:-none}"
            ;;
        *.json | *.jsonl) [[ $(begins "$1" 1) == '{' ]] || discard "$1" "$2 is no JSON object: it does not begin with {" ;;
        *.parquet) [[ $(begins "$1" 4) == PAR1 ]] || discard "$1" "$2 is no Parquet: it does not begin with PAR1" ;;
    esac
}

# fetch URL FILE: downloads into FILE.partial, going on where an earlier run stopped, checks, and renames. What came from
# another URL, which FILE.partial.url tells, is not continued.
fetch() {
    local url=$1 file=$2 partial=$2.partial show=--silent status=0 code
    if [[ -e $file ]]; then
        echo "$file: already here"
        return
    fi
    mkdir -p "$(dirname "$file")"
    [[ $(cat "$partial.url" 2>/dev/null) == "$url" ]] || rm -f "$partial"
    echo "$url" >"$partial.url"
    [[ ! -t 2 ]] || show=--progress-bar
    echo "$file: from $url"
    code=$(curl --location --fail --continue-at - --connect-timeout 20 --speed-limit 1 --speed-time 60 "$show" \
        --output "$partial" --write-out '%{http_code}' "$url") || status=$?
    case $status in
        0) ;;
        5 | 6 | 7) fail "cannot reach ${url%"${url#*//*/}"}: is this machine online? LAMINA_HUB_URL names another place" ;;
        18 | 28 | 52 | 56) fail "$url was cut off after $(stat -c %s "$partial" 2>/dev/null || echo 0) bytes; run the script again to go on" ;;
        22)
            # 416: everything was there already when the earlier run was ended.
            [[ $code == 416 && -e $partial ]] || fail "$url: the server answers $code"
            ;;
        33)
            rm -f "$partial"
            fail "$url cannot be continued where it stopped; run the script again to fetch it anew"
            ;;
        *) fail "$url: curl ends with status $status" ;;
    esac
    check "$partial" "$url" "$file"
    mv "$partial" "$file"
    rm "$partial.url"
}

# convert KIND SOURCE... TARGET: Parquet to what evaluate reads.
convert() {
    "$python" -c 'import pyarrow.parquet' 2>/dev/null ||
        fail "the sets are Parquet, and $python has no pyarrow to convert it: pip install pyarrow, or name another LAMINA_PYTHON; what was fetched is kept"
    "$python" - "$@" <<'PYTHON'
import csv
import json
import os
import sys

import pyarrow.parquet

kind, *sources, target = sys.argv[1:]
if kind == "mmlu":
    for source in sources:
        split = "dev" if os.path.basename(source).startswith("dev") else "test"
        os.makedirs(os.path.join(target, split), exist_ok=True)
        subjects = {}
        for row in pyarrow.parquet.read_table(source).to_pylist():
            subjects.setdefault(row["subject"], []).append([row["question"], *row["choices"], "ABCD"[row["answer"]]])
        for subject, rows in subjects.items():
            path = os.path.join(target, split, f"{subject}_{split}.csv")
            with open(path, "w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(rows)
else:
    with open(target + ".partial", "w", encoding="utf-8") as file:
        for row in pyarrow.parquet.read_table(sources[0]).to_pylist():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    os.replace(target + ".partial", target)
PYTHON
}

# fetch_set URL TARGET: JSON Lines as they are, Parquet converted.
fetch_set() {
    local url=$1 target=$2 parquet=$2.parquet
    if [[ $url != *.parquet ]]; then
        fetch "$url" "$target"
    elif [[ -e $target ]]; then
        echo "$target: already here"
    else
        fetch "$url" "$parquet"
        convert lines "$parquet" "$target"
        rm "$parquet"
    fi
}

# fetch_mmlu URL DIR: the authors' folders, dev and test.
fetch_mmlu() {
    local url=${1%/} target=$2 staging=$2.partial names
    if [[ -e $target ]]; then
        echo "$target: already here"
        return
    fi
    rm -rf "$staging"
    if [[ $url == *.tar ]]; then
        fetch "$url" "$target.tar"
        names=$(tar -tf "$target.tar" 2>/dev/null) || names=
        [[ $names == */dev/*.csv* && $names == */test/*.csv* ]] ||
            discard "$target.tar" "$url does not hold dev/*.csv and test/*.csv"
        mkdir -p "$staging"
        tar -xf "$target.tar" -C "$staging" --strip-components=1 --wildcards '*/dev/*.csv' '*/test/*.csv' ||
            fail "$target.tar cannot be unpacked"
        rm "$target.tar"
    else
        fetch "$url/dev-00000-of-00001.parquet" "$target.dev.parquet"
        fetch "$url/test-00000-of-00001.parquet" "$target.test.parquet"
        mkdir -p "$staging"
        cp -l "$target.dev.parquet" "$staging/dev.parquet"
        cp -l "$target.test.parquet" "$staging/test.parquet"
        convert mmlu "$staging/dev.parquet" "$staging/test.parquet" "$staging"
        rm "$staging"/*.parquet "$target".*.parquet
    fi
    mv "$staging" "$target"
}

[[ $# == 2 ]] || fail "expected SIZE DIR: one of gpt2, gpt2-medium, gpt2-large, gpt2-xl, and a folder"
size=$1 dir=${2%/}
case $size in
    gpt2 | gpt2-medium | gpt2-large | gpt2-xl) ;;
    *) fail "size \"$size\": expected gpt2, gpt2-medium, gpt2-large or gpt2-xl" ;;
esac
for program in curl sha256sum; do
    command -v "$program" >/dev/null || fail "needs $program, which is not installed"
done

for file in config.json vocab.json merges.txt model.safetensors; do
    fetch "$hub/openai-community/$size/resolve/main/$file" "$dir/$size/$file"
done
fetch_set "$pile_url" "$dir/pile10k.jsonl"
fetch_set "$hellaswag_url" "$dir/hellaswag_val.jsonl"
fetch_mmlu "$mmlu_url" "$dir/mmlu"
echo "evaluate --weights $dir/$size --pile $dir/pile10k.jsonl --hellaswag $dir/hellaswag_val.jsonl --mmlu $dir/mmlu"
