// SPDX-License-Identifier: MIT
// Job: what one run of remove_layernorm has been asked to do, and the corpus it does it with.
#pragma once

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
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace remove_layernorm {

using lamina::Token;
using Slice = lamina::text::TokenSlice<lamina::text::TokenShards>;

/// Text in, tokens out and back, whatever the tokenizer.
struct Vocabulary {
    std::function<std::vector<Token>(const std::string&)> encode;
    std::function<std::string(std::span<const Token>)> decode;
    Token end_of_text = 0;
    std::size_t size = 0;
};

/// Token shards and which part of them is for what.
struct Corpus {
    std::unique_ptr<lamina::text::TokenShards> train_shards;
    std::unique_ptr<lamina::text::TokenShards> heldout_shards;  ///< null: the end of the training shards
    std::unique_ptr<Slice> train;
    std::unique_ptr<Slice> heldout;
};

struct Options {
    std::string model = "nano";
    std::string weights;  ///< Hugging Face folder; empty for nano, which is pretrained here
    bool strict = false;  ///< nothing in the weights is passed over
    std::vector<std::string> text;
    std::string tokens;
    std::vector<std::string> heldout;
    std::string out = "lamina-out";
    std::uint64_t seed = 42;
    common::Place place;
    std::size_t save_every = 0;  ///< optimiser steps between checkpoints; 0 for none
    bool resume = false;
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

/// What the program does with one model size.
struct Size {
    void (*check)(const Job&);  ///< throws what can be known to be wrong before anything is read at length or written
    void (*run)(Job&);
};

/// The models that this program was built with. Each size on each device is a source of its own, because it instantiates
/// several model types, and enters itself here: what is linked is what can be run.
class Sizes {
public:
    using Key = std::pair<common::Device, std::string>;

    static std::map<Key, Size>& all() {
        static std::map<Key, Size> sizes;
        return sizes;
    }
    Sizes(common::Device device, const char* model, Size size) { all().emplace(Key{device, model}, size); }
};

}  // namespace remove_layernorm
