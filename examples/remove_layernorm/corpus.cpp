// SPDX-License-Identifier: MIT
#include "corpus.hpp"

#include "../common/header_corpus.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/atomic_folder.hpp>
#include <lamina/text/byte_tokenizer.hpp>
#include <lamina/text/documents.hpp>
#include <lamina/text/gpt2_tokenizer.hpp>
#include <lamina/text/shards.hpp>
#include <lamina/text/token_files.hpp>
#include <lamina/text/token_format.hpp>
#include <lamina/text/token_stream.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace remove_layernorm {

namespace {

namespace text = lamina::text;
using Paths = std::vector<std::filesystem::path>;

template <text::Tokenizer T>
Vocabulary vocabulary_of(const std::shared_ptr<T>& tokenizer) {
    return {.encode =
                [tokenizer](const std::string& source) {
                    std::vector<Token> tokens;
                    tokenizer->encode(source, tokens);
                    return tokens;
                },
            .decode = [tokenizer](std::span<const Token> tokens) { return tokenizer->decode(tokens); },
            .end_of_text = tokenizer->end_of_text(),
            .size = tokenizer->vocab_size()};
}

std::string folder_of_tokenizer(const Options& options, const std::string& tokenizer_folder) {
    return tokenizer_folder.empty() ? options.weights : tokenizer_folder;
}

/// A folder of shards from documents, kept from an earlier run that is being resumed.
template <text::Tokenizer T, class Documents>
std::unique_ptr<text::TokenShards> shards_of(const Job& job, const std::string& name, const T& tokenizer,
                                             Documents&& documents) {
    const std::filesystem::path path = job.out / name;
    lamina::io::AtomicFolder::recover(path);
    if (!job.options.resume || !std::filesystem::exists(path)) {
        lamina::io::AtomicFolder folder(path);
        text::write_token_shards({.stem = folder.staging() / "tokens", .tokens_per_shard = text::shard_capacity},
                                 std::forward<Documents>(documents) | text::token_stream(tokenizer));
        folder.commit();
    }
    return std::make_unique<text::TokenShards>(text::find_token_shards(path / "tokens"));
}

Paths as_paths(const std::vector<std::string>& names) { return {names.begin(), names.end()}; }

/// How the text that was named is read.
text::DocumentOptions document_options(const Options& options) {
    using text::DocumentFormat;
    const DocumentFormat format = options.text_format == "text"    ? DocumentFormat::text
                                  : options.text_format == "jsonl" ? DocumentFormat::json_lines
                                                                   : DocumentFormat::by_content;
    return {.format = format, .field = options.text_field};
}

/// The training text, unless tokens are given or it is to be the headers, and the held-out text, if there is one.
template <text::Tokenizer T>
void tokenise(Job& job, const T& tokenizer) {
    const auto tokens_of = [&](const std::string& name, const std::vector<std::string>& files) {
        return shards_of(job, name, tokenizer, text::documents(as_paths(files), document_options(job.options)));
    };
    if (!job.options.text.empty()) job.corpus.train_shards = tokens_of("train", job.options.text);
    if (!job.options.heldout.empty()) job.corpus.heldout_shards = tokens_of("heldout", job.options.heldout);
}

/// Real text that any machine with a C++ compiler has; every twelfth file is held out.
void tokenise_headers(Job& job) {
    const text::ByteTokenizer tokenizer;
    Paths train;
    Paths heldout;
    for (const std::filesystem::path& file : common::find_headers()) {
        ((train.size() + heldout.size()) % 12 == 11 ? heldout : train).push_back(file);
    }
    using common::LicenceComment;
    job.corpus.train_shards =
        shards_of(job, "train", tokenizer, common::header_documents(train, LicenceComment::stripped));
    if (job.corpus.heldout_shards) return;
    job.corpus.heldout_shards =
        shards_of(job, "heldout", tokenizer, common::header_documents(heldout, LicenceComment::stripped));
}

/// Tokens that were made elsewhere, which may be another tokenizer's.
std::unique_ptr<text::TokenShards> shards_from(const Job& job, const std::vector<std::string>& names) {
    auto shards = std::make_unique<text::TokenShards>(text::find_token_files(as_paths(names)),
                                                      text::token_format_of(job.options.token_format).value());
    shards->expect_below(job.vocabulary.size);
    return shards;
}

void divide(Corpus& corpus, std::size_t block) {
    const text::TokenShards& all = *corpus.train_shards;
    std::size_t kept = all.size();
    if (corpus.heldout_shards) {
        corpus.heldout = std::make_unique<Slice>(*corpus.heldout_shards, 0, corpus.heldout_shards->size());
    } else {
        // A twentieth, at most a million tokens, and at least one block where there is more than one.
        const std::size_t wanted = std::clamp<std::size_t>(all.size() / 20, block, 1'000'000);
        kept -= std::min(wanted, all.size());
        corpus.heldout = std::make_unique<Slice>(all, kept, all.size() - kept);
    }
    corpus.train = std::make_unique<Slice>(all, 0, kept);
    if (corpus.train->size() < block || corpus.heldout->size() < block) {
        throw lamina::Error("the corpus has " + std::to_string(corpus.train->size()) + " tokens to train on and " +
                            std::to_string(corpus.heldout->size()) + " held out, expected at least one block of " +
                            std::to_string(block) + " in each");
    }
}

}  // namespace

Vocabulary open_vocabulary(const Options& options, const std::string& tokenizer_folder) {
    if (options.model == "nano") return vocabulary_of(std::make_shared<text::ByteTokenizer>());
    return vocabulary_of(std::make_shared<text::Gpt2Tokenizer>(
        text::Gpt2Tokenizer::from_folder(folder_of_tokenizer(options, tokenizer_folder))));
}

void open_corpus(Job& job, const std::string& tokenizer_folder) {
    if (job.options.model == "nano") {
        tokenise(job, text::ByteTokenizer());
    } else if (!job.options.text.empty() || !job.options.heldout.empty()) {
        tokenise(job, text::Gpt2Tokenizer::from_folder(folder_of_tokenizer(job.options, tokenizer_folder)));
    }
    if (!job.options.heldout_tokens.empty()) {
        job.corpus.heldout_shards = shards_from(job, job.options.heldout_tokens);
    }
    if (!job.options.tokens.empty()) {
        job.corpus.train_shards = shards_from(job, job.options.tokens);
    } else if (job.options.text.empty()) {
        tokenise_headers(job);
    }
    divide(job.corpus, job.recipe.sequence_length);
}

}  // namespace remove_layernorm
