// SPDX-License-Identifier: MIT
// The vocabulary and the corpus that the options ask for.
#pragma once

#include "job.hpp"

namespace remove_layernorm {

/// The tokenizer of the folder of the weights, or of `tokenizer_folder`, as any_model::open_tokenizer; none where there is
/// none and nothing is given as text.
[[nodiscard]] Vocabulary open_vocabulary(const Options& options, const std::string& tokenizer_folder);

/// Tokenises text into shards in the run's folder, or opens the token files that were given, and divides it. Text of any
/// size passes through in pieces, and is read once.
void open_corpus(Job& job, const std::string& tokenizer_folder);

}  // namespace remove_layernorm
