// SPDX-License-Identifier: MIT
// Gpt2Tokenizer: GPT-2's byte-level byte-pair encoding, from the published vocabulary files.
#pragma once

#include <lamina/text/detail/byte_pair_vocabulary.hpp>
#include <lamina/text/detail/pretokenizer.hpp>
#include <lamina/text/tokenizer_concept.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::text {

/// What "<|endoftext|>" inside a text becomes.
enum class EndOfTextLiteral {
    special,   ///< the end-of-text token, as in the published tokenizer
    ordinary,  ///< the tokens of its characters; for text that must not be able to end a document
};

/// The two files of a GPT-2 tokenizer.
struct Gpt2TokenizerFiles {
    std::filesystem::path vocabulary;  ///< vocab.json or encoder.json
    std::filesystem::path merges;      ///< merges.txt or vocab.bpe
};

/// GPT-2's tokenizer. No normalisation, no added space; text that is not UTF-8 is encoded too, byte by byte where it
/// is not. Copies share their tables, which never change.
///
/// errors   FileError, when made, if a file cannot be read, or if the two do not fit: the vocabulary must have all 256
///          bytes, "<|endoftext|>" and every merge's result; the merges must make every other entry (entries of the
///          form
///          "<|name|>" excepted), each from bytes and what earlier lines made
/// cost     encode: linear in the text but for pieces that are no token, O(n log n) each
/// source   Radford et al. 2019, section 2.2, and the published encoder
class Gpt2Tokenizer {
public:
    explicit Gpt2Tokenizer(const Gpt2TokenizerFiles& files, EndOfTextLiteral literal = EndOfTextLiteral::special)
        : vocabulary_(std::make_shared<const detail::BytePairVocabulary>(files.vocabulary, files.merges)),
          literal_(literal) {}

    /// From a folder with vocab.json and merges.txt, or with encoder.json and vocab.bpe.
    [[nodiscard]] static Gpt2Tokenizer from_folder(const std::filesystem::path& folder,
                                                   EndOfTextLiteral literal = EndOfTextLiteral::special) {
        return Gpt2Tokenizer(files_in(folder), literal);
    }

    /// The same tables with another treatment of "<|endoftext|>".
    [[nodiscard]] Gpt2Tokenizer with(EndOfTextLiteral literal) const {
        Gpt2Tokenizer other = *this;
        other.literal_ = literal;
        return other;
    }

    /// Appends the tokens of `text`.
    void encode(std::string_view text, std::vector<Token>& tokens) const {
        detail::PairMerger merger = vocabulary_->merger();
        if (literal_ == EndOfTextLiteral::special) {
            for (std::size_t at = text.find(end_of_text_literal); at != std::string_view::npos;
                 at = text.find(end_of_text_literal)) {
                encode_ordinary(text.substr(0, at), merger, tokens);
                tokens.push_back(end_of_text());
                text.remove_prefix(at + end_of_text_literal.size());
            }
        }
        encode_ordinary(text, merger, tokens);
    }

    [[nodiscard]] std::vector<Token> encode(std::string_view text) const {
        std::vector<Token> tokens;
        encode(text, tokens);
        return tokens;
    }

    /// The bytes of the tokens, end-of-text as its literal; they need not be UTF-8 if the tokens were cut somewhere.
    /// Throws ArgumentError on a token outside the vocabulary.
    [[nodiscard]] std::string decode(std::span<const Token> tokens) const {
        std::string text;
        for (const Token token : tokens) {
            if (token < 0 || static_cast<std::size_t>(token) >= vocab_size()) {
                throw ArgumentError("token " + std::to_string(token) + " is not in the vocabulary of " +
                                    std::to_string(vocab_size()));
            }
            text += vocabulary_->tokens()[token];
        }
        return text;
    }

    [[nodiscard]] std::size_t vocab_size() const noexcept { return vocabulary_->tokens().size(); }
    [[nodiscard]] Token end_of_text() const noexcept { return vocabulary_->end_of_text(); }

private:
    void encode_ordinary(std::string_view text, detail::PairMerger& merger, std::vector<Token>& tokens) const {
        while (!text.empty()) {
            const std::size_t length = detail::first_piece_length(text);
            vocabulary_->encode_piece(text.substr(0, length), merger, tokens);
            text.remove_prefix(length);
        }
    }

    [[nodiscard]] static Gpt2TokenizerFiles files_in(const std::filesystem::path& folder) {
        std::string found;
        for (const auto& [vocabulary, merges] :
             {std::pair{"vocab.json", "merges.txt"}, {"encoder.json", "vocab.bpe"}}) {
            const bool has_vocabulary = std::filesystem::exists(folder / vocabulary);
            const bool has_merges = std::filesystem::exists(folder / merges);
            if (has_vocabulary && has_merges) return {folder / vocabulary, folder / merges};
            if (has_vocabulary) found += std::string("; found ") + vocabulary + " without " + merges;
            if (has_merges) found += std::string("; found ") + merges + " without " + vocabulary;
        }
        throw FileError(folder.string(),
                        "no tokenizer here: expected vocab.json and merges.txt, or encoder.json and "
                        "vocab.bpe" +
                            found);
    }

    std::shared_ptr<const detail::BytePairVocabulary> vocabulary_;
    EndOfTextLiteral literal_;
};

static_assert(Tokenizer<Gpt2Tokenizer>);

}  // namespace lamina::text
