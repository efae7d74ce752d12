// SPDX-License-Identifier: MIT
// Gpt2Tokenizer: byte-level byte-pair encoding as GPT-2's, with the published vocabulary or any other.
#pragma once

#include <lamina/text/detail/added_tokens.hpp>
#include <lamina/text/detail/byte_pair_vocabulary.hpp>
#include <lamina/text/detail/pretokenizer.hpp>
#include <lamina/text/detail/tokenizer_description.hpp>
#include <lamina/text/detail/tokenizer_folder.hpp>
#include <lamina/text/tokenizer_concept.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/core/token.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::text {

/// What the end-of-text token's own text, "<|endoftext|>", becomes inside a text.
enum class EndOfTextLiteral {
    special,   ///< the end-of-text token, as in the published tokenizer
    ordinary,  ///< the tokens of its characters; for text that must not be able to end a document
};

/// The two files of a GPT-2 tokenizer.
struct Gpt2TokenizerFiles {
    std::filesystem::path vocabulary;  ///< vocab.json or encoder.json
    std::filesystem::path merges;      ///< merges.txt or vocab.bpe
};

/// A byte-level BPE tokenizer. No normalisation; text that is not UTF-8 is encoded too, byte by byte where it is not.
/// Copies share their tables, which never change.
///
/// Decoding gives back what was encoded, but for tokenizers that were made not to: those that put a space before a
/// text, whose added tokens take white space along, or whose vocabulary lacks some byte.
///
/// errors   FileError, when made, if a file cannot be read, if it asks for anything but byte-level BPE, or if the
///          tables do not fit: the vocabulary must have every merge's result and an end of text. Of two files also all
///          256 bytes, and the merges must make every other entry, each from bytes and what earlier lines made, but
///          for added tokens, entries in brackets, such as "<pad>" and "[PAD]", and those behind GPT-2's last
/// cost     encode: linear in the text but for pieces that are no token, O(n log n) each
/// source   Radford et al. 2019, section 2.2, and the published encoder; for added tokens Hugging Face's `tokenizers`
class Gpt2Tokenizer {
public:
    /// Of two files, whose only added token is "<|endoftext|>", which the vocabulary must have.
    explicit Gpt2Tokenizer(const Gpt2TokenizerFiles& files, EndOfTextLiteral literal = EndOfTextLiteral::special)
        : Gpt2Tokenizer(with_end_of_text(detail::read_two_files(files.vocabulary, files.merges)), literal) {}

    /// Of a folder: tokenizer.json, which has everything and wins where there is more; else vocab.json and merges.txt,
    /// or encoder.json and vocab.bpe, with the added tokens of added_tokens.json, special_tokens_map.json and
    /// tokenizer_config.json. What a post-processor would put around a text is left to who makes documents of texts.
    ///
    /// The end of text is the token "<|endoftext|>"; without one, the eos_token of tokenizer_config.json or
    /// special_tokens_map.json, or the eos_token_id of config.json.
    [[nodiscard]] static Gpt2Tokenizer from_folder(const std::filesystem::path& folder,
                                                   EndOfTextLiteral literal = EndOfTextLiteral::special) {
        return Gpt2Tokenizer(with_end_of_text(detail::read_tokenizer_folder(folder)), literal);
    }

    /// Whether a folder has any file that `from_folder` would read its vocabulary from.
    [[nodiscard]] static bool is_in(const std::filesystem::path& folder) { return detail::has_tokenizer_files(folder); }

    /// The same tables with another treatment of "<|endoftext|>".
    [[nodiscard]] Gpt2Tokenizer with(EndOfTextLiteral literal) const {
        Gpt2Tokenizer other = *this;
        other.literal_ = literal;
        return other;
    }

    /// The same tables for a model that knows `rows` tokens. Its further rows, which pad an embedding, decode to
    /// nothing; added tokens that it has no row for are text like any other.
    ///
    /// errors  ArgumentError if texts become other tokens that it has no row for, or its end of text is one
    [[nodiscard]] Gpt2Tokenizer with_vocab_size(std::size_t rows) const {
        const std::size_t needed =
            std::max(tables_->vocabulary.end_of_made(), static_cast<std::size_t>(end_of_text()) + 1);
        if (rows < needed) {
            throw ArgumentError("the tokenizer needs " + std::to_string(needed) + " tokens, expected at most " +
                                std::to_string(rows) + ", as the model has");
        }
        Gpt2Tokenizer other = *this;
        other.vocab_size_ = rows;
        return other;
    }

    /// Appends the tokens of `text`.
    void encode(std::string_view text, std::vector<Token>& tokens) const {
        detail::PairMerger merger = tables_->vocabulary.merger();
        const detail::CountedTokens counted{
            .below = static_cast<Token>(vocab_size_),
            .except = literal_ == EndOfTextLiteral::special ? detail::TokenBytes::none : end_of_text()};
        const auto found = [&tokens](Token token) { tokens.push_back(token); };
        tables_->first.split(
            text, counted,
            [&](std::string_view rest) {
                tables_->second.split(
                    rest, counted, [&](std::string_view ordinary) { encode_ordinary(ordinary, merger, tokens); },
                    found);
            },
            found);
    }

    [[nodiscard]] std::vector<Token> encode(std::string_view text) const {
        std::vector<Token> tokens;
        encode(text, tokens);
        return tokens;
    }

    /// The bytes of the tokens, added ones as their text; they need not be UTF-8 if the tokens were cut somewhere.
    /// Throws ArgumentError on a token outside the vocabulary.
    [[nodiscard]] std::string decode(std::span<const Token> tokens) const {
        std::string text;
        for (const Token token : tokens) {
            if (token < 0 || static_cast<std::size_t>(token) >= vocab_size_) {
                throw ArgumentError("token " + std::to_string(token) + " is not in the vocabulary of " +
                                    std::to_string(vocab_size_));
            }
            if (static_cast<std::size_t>(token) < tables_->vocabulary.size()) {
                text += tables_->vocabulary.text_of(token);
            }
        }
        return text;
    }

    [[nodiscard]] std::size_t vocab_size() const noexcept { return vocab_size_; }
    [[nodiscard]] Token end_of_text() const noexcept { return tables_->end_of_text; }
    [[nodiscard]] bool encodes_in_pieces() const noexcept { return tables_->encodes_in_pieces; }

private:
    /// All that copies share.
    struct Tables {
        explicit Tables(const detail::TokenizerDescription& from)
            : vocabulary(from),
              end_of_text(*from.end_of_text),
              space_before(from.space_before),
              cut_into_words(from.cut_into_words),
              encodes_in_pieces(from.cut_into_words && !from.space_before &&
                                std::none_of(from.added.begin(), from.added.end(), reaches_over_white_space)) {
            std::vector<detail::AddedToken> before;
            std::vector<detail::AddedToken> after;
            for (const detail::AddedToken& token : from.added) (token.normalized ? after : before).push_back(token);
            first = detail::AddedTokens(std::move(before));
            second = detail::AddedTokens(std::move(after));
        }

        [[nodiscard]] static bool reaches_over_white_space(const detail::AddedToken& token) {
            for (std::size_t at = 0; at < token.content.size();) {
                const detail::ClassifiedCharacter next = detail::classify(token.content, at);
                if (next.kind == detail::CharacterClass::space) return true;
                at += next.length;
            }
            return token.rstrip;
        }

        detail::BytePairVocabulary vocabulary;
        detail::AddedTokens first;   // those that are looked for in the text as it is
        detail::AddedTokens second;  // those that are looked for in what is left
        Token end_of_text;
        bool space_before;
        bool cut_into_words;
        bool encodes_in_pieces;
    };

    Gpt2Tokenizer(const detail::TokenizerDescription& description, EndOfTextLiteral literal)
        : tables_(std::make_shared<const Tables>(description)),
          literal_(literal),
          vocab_size_(tables_->vocabulary.size()) {}

    /// In two files nothing else says that "<|endoftext|>" is more than text.
    [[nodiscard]] static detail::TokenizerDescription with_end_of_text(detail::TokenizerDescription description) {
        const bool two = description.form == detail::TokenizerForm::two_files;
        const auto published = description.token_called(end_of_text_literal);
        if (!description.end_of_text) description.end_of_text = published;
        if (!description.end_of_text) {
            throw FileError(description.vocabulary.string(),
                            "no entry " + in_quotes(end_of_text_literal) +
                                ", and no other file says which token ends a text; name one as eos_token in "
                                "tokenizer_config.json");
        }
        const bool known = std::any_of(description.added.begin(), description.added.end(),
                                       [&](const auto& token) { return token.id == description.end_of_text; });
        if (two && published && !known) {
            description.added.push_back({.content = std::string(end_of_text_literal), .id = *published});
        }
        return description;
    }

    void encode_ordinary(std::string_view text, detail::PairMerger& merger, std::vector<Token>& tokens) const {
        if (tables_->space_before && !text.starts_with(' ')) {
            encode_words(" " + std::string(text), merger, tokens);
        } else {
            encode_words(text, merger, tokens);
        }
    }

    void encode_words(std::string_view text, detail::PairMerger& merger, std::vector<Token>& tokens) const {
        while (!text.empty()) {
            const std::size_t length = tables_->cut_into_words ? detail::first_piece_length(text) : text.size();
            tables_->vocabulary.encode_piece(text.substr(0, length), merger, tokens);
            text.remove_prefix(length);
        }
    }

    std::shared_ptr<const Tables> tables_;
    EndOfTextLiteral literal_;
    std::size_t vocab_size_;
};

static_assert(Tokenizer<Gpt2Tokenizer>);

}  // namespace lamina::text
