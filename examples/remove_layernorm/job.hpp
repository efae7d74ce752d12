// SPDX-License-Identifier: MIT
// Job: what one run of remove_layernorm has been asked to do, and the corpus it does it with.
#pragma once

#include "../common/built_models.hpp"
#include "../common/place.hpp"

#include <lamina/core/token.hpp>
#include <lamina/recipe/recipe.hpp>
#include <lamina/text/shards.hpp>
#include <lamina/text/token_slice.hpp>
#include <lamina/train/guard.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace remove_layernorm {

using lamina::Token;
using Slice = lamina::text::TokenSlice<lamina::text::TokenShards>;

/// Text in, tokens out and back, whatever the tokenizer. Where there is none, tokens out are their numbers, and there is no
/// text in.
struct Vocabulary {
    std::function<std::vector<Token>(const std::string&)> encode;
    std::function<std::string(std::span<const Token>)> decode;
    Token end_of_text = -1;  ///< -1 where there is none
    std::size_t size = 0;
    std::filesystem::path files;  ///< the folder of the tokenizer's files; empty where it needs none
};

/// Token shards and which part of them is for what.
struct Corpus {
    std::unique_ptr<lamina::text::TokenShards> train_shards;
    std::unique_ptr<lamina::text::TokenShards> heldout_shards;  ///< null: the end of the training shards
    std::unique_ptr<Slice> train;
    std::unique_ptr<Slice> heldout;
};

struct Options {
    std::string model;
    common::Adaptation adaptation;
    std::size_t vocab = 0;  ///< tokens that the model knows
    std::string weights;    ///< Hugging Face folder; empty for nano, which is pretrained here
    bool strict = false;    ///< nothing in the weights is passed over
    std::vector<std::string> text;
    std::string text_format = "auto";   ///< or "text" or "jsonl", of text and held-out text
    std::string text_field = "text";    ///< of JSON Lines
    std::vector<std::string> tokens;    ///< files, and folders of files
    std::string token_format = "auto";  ///< or as text::token_format_of, of tokens and held-out tokens
    std::vector<std::string> heldout;
    std::vector<std::string> heldout_tokens;
    std::string out = "lamina-out";
    std::uint64_t seed = 42;
    common::Place place;
    std::optional<std::size_t> stop_after;  ///< steps of the removal; its end by absence
    std::size_t save_every = 0;             ///< optimiser steps between checkpoints; 0 for none
    bool resume = false;
    bool force = false;              ///< whether a new run may replace what `out` has
    bool control = false;            ///< also train with all norms kept, for comparison
    std::size_t pretrain_steps = 0;  ///< nano only
    std::size_t evaluation_blocks = 64;
    std::size_t sample_tokens = 240;
    std::string prompt;
    lamina::train::NonFinite non_finite = lamina::train::NonFinite::stop;
};

struct Job {
    Options options;
    lamina::recipe::Recipe recipe;  ///< with every override applied
    Vocabulary vocabulary;
    Corpus corpus;
    std::filesystem::path out;
};

/// For files, which have none rather than -1.
[[nodiscard]] inline std::optional<Token> end_of_text_of(const Job& job) {
    if (job.vocabulary.end_of_text < 0) return std::nullopt;
    return job.vocabulary.end_of_text;
}

/// What the program does with one model and adaptation.
struct Run {
    void (*check)(const Job&);  ///< throws what can be known to be wrong before anything is read at length or written
    std::size_t (*planned_bytes)(const Job&);  ///< that training takes
    void (*run)(Job&);
};
using Runs = common::ForModels<Run>;

}  // namespace remove_layernorm
