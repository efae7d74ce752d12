# SPDX-License-Identifier: MIT
"""Writes byte_level/: small byte-level tokenizers and what Hugging Face's tokenizers makes of texts with them.
python tokenizer_vectors.py [output folder]. README.md describes the files."""

import json
import random
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

TEXT = ["The norm of a layer divides what it is given by the deviation of its features, and then it's scaled.",
        "What if it did not? They'd say that a model can't do without; we'll see that it can, and you've read why.",
        "In the year 2019 there were 48 layers of 1600 features; naïve café owners wrote of it in Zürich.\n\n  Indented.\n"]
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
ADDED = [AddedToken("<m>", lstrip=True, normalized=False), AddedToken("<r>", rstrip=True),
         AddedToken("<b>", lstrip=True, rstrip=True, normalized=False), AddedToken("layer", single_word=True),
         AddedToken("café", single_word=True, lstrip=True), AddedToken("\n"), AddedToken("  "), AddedToken("<"),
         AddedToken("<m><m"), AddedToken("ed it", normalized=False, single_word=True, rstrip=True), AddedToken("Ġa"),
         AddedToken("日本", single_word=True, rstrip=True)]
FRAGMENTS = ["<m>", "<r>", "<b>", "layer", "café", "\n", "  ", " ", "<", "<m><m", "ed it", "é", "Ġa", "日本", "<|endoftext|>",
             "<pad>", "'s", "'ll", "'S", " the", " norm", "19", "\u00a0", "\u2003", "\t", "_", "Ⓐ", "\u0301", "\u200d", "🎉", "?!", "<unk>",
             "a", "1", "٣", "\u0085", "\u001c", "\r\n"]


def trained(pre_tokenizer, all_bytes=True, unknown=None):
    tokenizer = Tokenizer(models.BPE(unk_token=unknown, fuse_unk=unknown is not None))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizer, decoders.ByteLevel()
    tokenizer.train_from_iterator(TEXT, trainers.BpeTrainer(
        vocab_size=340 if all_bytes else 120, show_progress=False,
        special_tokens=["<|endoftext|>", "<pad>"] + ([unknown] if unknown else []),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if all_bytes else []))
    return tokenizer


def cases():
    byte_level = pre_tokenizers.ByteLevel
    plain = trained(byte_level(add_prefix_space=False))
    yield "plain", plain
    added = Tokenizer.from_str(plain.to_str())
    added.add_tokens(ADDED)
    added.add_special_tokens(["<m>x", "norm up"])
    yield "added", added
    yield "prefix", trained(byte_level(add_prefix_space=True, use_regex=False))
    yield "unknown", trained(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT2), "isolated"),
                                                      byte_level(add_prefix_space=False, use_regex=False)]),
                             all_bytes=False, unknown="<unk>")


def texts():
    numbers = random.Random(1)
    return ["", *TEXT, *("".join(numbers.choices(FRAGMENTS, k=numbers.randrange(1, 9))) for _ in range(120))]


def main(out):
    for name, tokenizer in cases():
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokenizer.json").write_text(tokenizer.to_str(pretty=False) + "\n", encoding="utf-8")
        vectors = [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids} for text in texts()]
        (folder / "vectors.json").write_text("[" + ",\n ".join(json.dumps(v) for v in vectors) + "]\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "byte_level")
