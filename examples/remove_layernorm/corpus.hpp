// SPDX-License-Identifier: MIT
// The vocabulary and the corpus that the options ask for.
#pragma once

#include "job.hpp"

namespace remove_layernorm {

/// Bytes for the nano model, GPT-2's byte pairs from the folder of the weights (or `--tokenizer`) for the others.
[[nodiscard]] Vocabulary open_vocabulary(const Options& options, const std::string& tokenizer_folder);

/// Tokenises text into shards in the run's folder, or opens the token files that were given, and divides it. Text of any
/// size passes through in pieces, and is read once.
void open_corpus(Job& job, const std::string& tokenizer_folder);

}  // namespace remove_layernorm
