// SPDX-License-Identifier: MIT
// BytePairVocabulary: a vocabulary and merges that fit each other, ready to turn pieces into tokens.
#pragma once

#include <lamina/text/detail/byte_alphabet.hpp>
#include <lamina/text/detail/merge_table.hpp>
#include <lamina/text/detail/pair_merger.hpp>
#include <lamina/text/detail/token_bytes.hpp>
#include <lamina/text/detail/tokenizer_files.hpp>
#include <lamina/text/tokenizer_concept.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/core/token.hpp>

#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::text::detail {

/// Immutable once made; see Gpt2Tokenizer for the rules of the files.
class BytePairVocabulary {
public:
    BytePairVocabulary(const std::filesystem::path& vocabulary, const std::filesystem::path& merges)
        : vocabulary_path_(vocabulary), merges_path_(merges) {
        take_vocabulary(read_vocabulary(vocabulary));
        take_merges(read_merges(merges));
        find_whole_pieces();
    }

    [[nodiscard]] const TokenBytes& tokens() const noexcept { return tokens_; }
    [[nodiscard]] Token end_of_text() const noexcept { return end_of_text_; }
    [[nodiscard]] PairMerger merger() const { return PairMerger(merges_); }

    /// Appends the tokens of one piece. `merger` is one of this vocabulary's, reused from piece to piece.
    void encode_piece(std::string_view piece, PairMerger& merger, std::vector<Token>& tokens) const {
        const Token whole = tokens_.find(piece);
        if (whole != TokenBytes::none && is_whole_piece_[static_cast<std::size_t>(whole)]) {
            tokens.push_back(whole);
        } else {
            merge_piece(piece, merger, tokens);
        }
    }

private:
    void merge_piece(std::string_view piece, PairMerger& merger, std::vector<Token>& tokens) const {
        for (const char byte : piece) merger.symbols().push_back(byte_tokens_[static_cast<unsigned char>(byte)]);
        merger.merge(tokens);
    }

    // "<|endoftext|>", "<|pad|>": stands for itself and is made by no merge.
    [[nodiscard]] static bool is_special(std::string_view spelling) {
        return spelling.size() > 4 && spelling.starts_with("<|") && spelling.ends_with("|>");
    }

    void take_vocabulary(const std::vector<std::string>& spellings) {
        std::vector<std::string> bytes;
        bytes.reserve(spellings.size());
        for (const std::string& spelling : spellings) {
            std::optional<std::string> entry = bytes_of(spelling);
            if (!entry) {
                throw FileError(vocabulary_path_.string(),
                                "entry " + in_quotes(spelling) + " has a character that stands for no byte");
            }
            bytes.push_back(*std::move(entry));
        }
        tokens_ = TokenBytes(bytes);
        for (unsigned byte = 0; byte < 256; ++byte) {
            const char symbol = static_cast<char>(static_cast<unsigned char>(byte));
            byte_tokens_[byte] = tokens_.find({&symbol, 1});
            if (byte_tokens_[byte] == TokenBytes::none) {
                throw FileError(vocabulary_path_.string(),
                                "no entry " + in_quotes(spelled({&symbol, 1})) + " for byte " + std::to_string(byte));
            }
        }
        end_of_text_ = tokens_.find(end_of_text_literal);
        if (end_of_text_ == TokenBytes::none) {
            throw FileError(vocabulary_path_.string(), "no entry " + in_quotes(end_of_text_literal));
        }
    }

    void take_merges(const std::vector<MergeLine>& lines) {
        std::vector<bool> made(tokens_.size());
        for (const Token token : byte_tokens_) made[static_cast<std::size_t>(token)] = true;
        merges_ = MergeTable(lines.size());
        for (const MergeLine& line : lines) {
            const Token left = made_symbol(line, line.left, made);
            const Token right = made_symbol(line, line.right, made);
            const Token result = tokens_.find(std::string(tokens_[left]).append(tokens_[right]));
            if (result == TokenBytes::none) {
                throw FileError(vocabulary_path_.string(), "no entry " + in_quotes(line.left + line.right) +
                                                               ", which line " + std::to_string(line.line) + " of " +
                                                               merges_path_.filename().string() + " makes");
            }
            if (!merges_.add({left, right}, result)) {
                throw FileError(merges_path_.string(), "line " + std::to_string(line.line) + ": " +
                                                           in_quotes(line.left + " " + line.right) +
                                                           " stands on an earlier line already");
            }
            made[static_cast<std::size_t>(result)] = true;
        }
        for (std::size_t token = 0; token < made.size(); ++token) {
            const std::string_view entry = tokens_[static_cast<Token>(token)];
            if (made[token] || is_special(entry)) continue;
            throw FileError(merges_path_.string(),
                            "no line makes " + in_quotes(spelled(entry)) + ", entry " + std::to_string(token) + " of " +
                                vocabulary_path_.filename().string() + "; is the file cut short?");
        }
    }

    [[nodiscard]] Token made_symbol(const MergeLine& line, const std::string& spelling,
                                    const std::vector<bool>& made) const {
        const std::optional<std::string> bytes = bytes_of(spelling);
        const Token token = bytes ? tokens_.find(*bytes) : TokenBytes::none;
        if (token == TokenBytes::none || !made[static_cast<std::size_t>(token)]) {
            throw FileError(merges_path_.string(), "line " + std::to_string(line.line) + ": " + in_quotes(spelling) +
                                                       " is neither a byte nor made by an earlier line");
        }
        return token;
    }

    // Most pieces of a text are tokens as they stand. Which tokens their own bytes merge into is found once, here, so
    // that encoding can look such a piece up, share one table between threads, and still agree with merging.
    void find_whole_pieces() {
        is_whole_piece_.assign(tokens_.size(), false);
        PairMerger pair_merger = merger();
        std::vector<Token> merged;
        for (std::size_t token = 0; token < tokens_.size(); ++token) {
            merged.clear();
            merge_piece(tokens_[static_cast<Token>(token)], pair_merger, merged);
            is_whole_piece_[token] = merged.size() == 1 && merged[0] == static_cast<Token>(token);
        }
    }

    std::filesystem::path vocabulary_path_;
    std::filesystem::path merges_path_;
    TokenBytes tokens_;
    std::array<Token, 256> byte_tokens_{};
    Token end_of_text_ = 0;
    MergeTable merges_;
    std::vector<bool> is_whole_piece_;
};

}  // namespace lamina::text::detail
