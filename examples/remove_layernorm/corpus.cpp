// SPDX-License-Identifier: MIT
#include "corpus.hpp"

#include "../common/any_tokenizer.hpp"
#include "../common/header_corpus.hpp"
#include "../common/model_folder.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/atomic_folder.hpp>
#include <lamina/text/documents.hpp>
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

Vocabulary vocabulary_of(any_model::Tokenizer tokenizer) {
    return {.encode = [tokenizer](const std::string& source) { return tokenizer.encode(source); },
            .decode = [tokenizer](std::span<const Token> tokens) { return tokenizer.decode(tokens); },
            .end_of_text = tokenizer.end_of_text(),
            .size = tokenizer.vocab_size(),
            .files = {}};
}

/// A model that comes without a tokenizer trains on tokens, and writes them.
Vocabulary vocabulary_without_texts(const Options& options, std::size_t vocab) {
    if (!options.prompt.empty()) {
        throw lamina::ArgumentError("--prompt is text, and " + options.weights + " has no tokenizer; give --tokenizer");
    }
    const auto numbers = [](std::span<const Token> tokens) {
        std::string text;
        for (const Token token : tokens) text += (text.empty() ? "" : " ") + std::to_string(token);
        return text;
    };
    return {.encode = [](const std::string&) { return std::vector<Token>(); },
            .decode = numbers,
            .end_of_text = any_model::end_of_text_in(options.weights, vocab).value_or(-1),
            .size = vocab,
            .files = {}};
}

any_model::Tokenizer tokenizer_of(const Options& options, const std::string& tokenizer_folder) {
    const std::size_t vocab = options.vocab;
    return any_model::open_tokenizer(vocab, options.weights, tokenizer_folder);
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
void tokenise_headers(Job& job, const any_model::Tokenizer& tokenizer) {
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
    const std::size_t vocab = options.vocab;
    const bool needed = options.tokens.empty() || !options.heldout.empty();
    if (!needed && !any_model::has_tokenizer(vocab, options.weights, tokenizer_folder)) {
        return vocabulary_without_texts(options, vocab);
    }
    Vocabulary vocabulary = vocabulary_of(tokenizer_of(options, tokenizer_folder));
    vocabulary.files = tokenizer_folder.empty() ? options.weights : tokenizer_folder;
    return vocabulary;
}

void open_corpus(Job& job, const std::string& tokenizer_folder) {
    if (!job.options.text.empty() || !job.options.heldout.empty()) {
        tokenise(job, tokenizer_of(job.options, tokenizer_folder));
    }
    if (!job.options.heldout_tokens.empty()) {
        job.corpus.heldout_shards = shards_from(job, job.options.heldout_tokens);
    }
    if (!job.options.tokens.empty()) {
        job.corpus.train_shards = shards_from(job, job.options.tokens);
    } else if (job.options.text.empty()) {
        tokenise_headers(job, tokenizer_of(job.options, tokenizer_folder));
    }
    divide(job.corpus, job.recipe.sequence_length);
}

}  // namespace remove_layernorm
