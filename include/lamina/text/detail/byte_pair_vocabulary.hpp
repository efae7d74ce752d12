// SPDX-License-Identifier: MIT
// BytePairVocabulary: a vocabulary and merges that fit each other, ready to turn pieces into tokens.
#pragma once

#include <lamina/text/detail/byte_alphabet.hpp>
#include <lamina/text/detail/merge_table.hpp>
#include <lamina/text/detail/pair_merger.hpp>
#include <lamina/text/detail/token_bytes.hpp>
#include <lamina/text/detail/tokenizer_description.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/core/token.hpp>

#include <lamina/io/file_kind.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace lamina::text::detail {

/// Immutable once made; see Gpt2Tokenizer for the rules of the files.
class BytePairVocabulary {
public:
    /// errors  FileError if they do not fit
    explicit BytePairVocabulary(const TokenizerDescription& from)
        : size_(from.size()), unknown_fused_(from.unknown_fused) {
        take_entries(from);
        take_bytes(from);
        take_merges(from);
        take_literals(from);
        find_whole_pieces(from.whole_entries_first);
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] PairMerger merger() const { return PairMerger(merges_); }

    /// One more than the largest token that pieces become.
    [[nodiscard]] std::size_t end_of_made() const noexcept { return end_of_made_; }

    /// The bytes of a token below `size()`, as they stand in a text.
    [[nodiscard]] std::string_view text_of(Token token) const {
        const auto literal = literals_.find(token);
        return literal == literals_.end() ? tokens_[token] : std::string_view(literal->second);
    }

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
        std::vector<Token>& symbols = merger.symbols();
        for (const char byte : piece) symbols.push_back(byte_tokens_[static_cast<unsigned char>(byte)]);
        if (!has_all_bytes_) replace_unknown(symbols);
        merger.merge(tokens);
    }

    // `none` becomes the unknown token, once for a run of them if they are fused, or nothing where there is none.
    void replace_unknown(std::vector<Token>& symbols) const {
        if (unknown_fused_) {
            const auto both = [](Token a, Token b) { return a == TokenBytes::none && b == TokenBytes::none; };
            symbols.erase(std::unique(symbols.begin(), symbols.end(), both), symbols.end());
        }
        if (unknown_ == TokenBytes::none) {
            std::erase(symbols, TokenBytes::none);
        } else {
            std::replace(symbols.begin(), symbols.end(), TokenBytes::none, unknown_);
        }
    }

    // What two files may have without a merge that makes it: "<|endoftext|>", "<pad>", "[PAD]", what another file calls
    // an added token, and what was appended behind GPT-2's last token, its end of text.
    [[nodiscard]] static bool needs_no_merge(const TokenizerDescription& from, std::size_t token,
                                             const std::unordered_set<std::string>& added) {
        const std::string& entry = from.entries[token];
        const bool in_brackets = entry.size() > 2 && ((entry.front() == '<' && entry.back() == '>') ||
                                                      (entry.front() == '[' && entry.back() == ']'));
        const auto end = static_cast<std::size_t>(from.end_of_text.value_or(0));
        const bool appended = token > end && end >= 256 + from.merges.size();
        return in_brackets || appended || added.contains(entry);
    }

    [[nodiscard]] static std::unordered_set<std::string> contents_of(const std::vector<AddedToken>& added) {
        std::unordered_set<std::string> contents;
        for (const AddedToken& token : added) contents.insert(token.content);
        return contents;
    }

    // An entry that is not in the alphabet of bytes stands for none: texts never become it, but for added tokens.
    void take_entries(const TokenizerDescription& from) {
        const std::unordered_set<std::string> added = contents_of(from.added);
        std::vector<std::string> bytes;
        bytes.reserve(size_);
        for (const std::string& spelling : from.entries) {
            std::optional<std::string> entry = bytes_of(spelling);
            if (!entry) {
                if (from.form == TokenizerForm::two_files && !needs_no_merge(from, bytes.size(), added)) {
                    throw FileError(from.vocabulary.string(),
                                    "entry " + in_quotes(spelling) + " has a character that stands for no byte");
                }
                literals_.emplace(static_cast<Token>(bytes.size()), spelling);
            }
            bytes.push_back(entry ? *std::move(entry) : std::string());
        }
        bytes.resize(size_);
        tokens_ = TokenBytes(bytes);
    }

    void take_bytes(const TokenizerDescription& from) {
        made_.assign(size_, false);
        std::size_t known = 0;
        std::string missing;
        for (unsigned byte = 0; byte < 256; ++byte) {
            const char symbol = static_cast<char>(static_cast<unsigned char>(byte));
            byte_tokens_[byte] = tokens_.find({&symbol, 1});
            if (byte_tokens_[byte] != TokenBytes::none) {
                make(byte_tokens_[byte]);
                ++known;
            } else if (missing.empty()) {
                missing = in_quotes(spelled({&symbol, 1})) + " for byte " + std::to_string(byte);
            }
        }
        has_all_bytes_ = known == byte_tokens_.size();
        if (has_all_bytes_) return;
        if (from.form == TokenizerForm::two_files) throw FileError(from.vocabulary.string(), "no entry " + missing);
        if (known == 0) {
            throw FileError(from.vocabulary.string(), "field \"model.vocab\" has no entry for any byte, such as " +
                                                          missing + "; only byte-level BPE is read");
        }
        if (!from.unknown) return;
        const auto found = std::find(from.entries.begin(), from.entries.end(), *from.unknown);
        if (found == from.entries.end()) {
            throw FileError(from.vocabulary.string(), "field \"model.unk_token\" is " + in_quotes(*from.unknown) +
                                                          ", expected an entry of model.vocab, which has no " +
                                                          missing);
        }
        unknown_ = static_cast<Token>(found - from.entries.begin());
        make(unknown_);
    }

    void make(Token token) {
        made_[static_cast<std::size_t>(token)] = true;
        end_of_made_ = std::max(end_of_made_, static_cast<std::size_t>(token) + 1);
    }

    void take_merges(const TokenizerDescription& from) {
        merges_ = MergeTable(from.merges.size());
        for (const Merge& merge : from.merges) {
            const Token left = symbol_of(from, merge, merge.left);
            const Token right = symbol_of(from, merge, merge.right);
            const Token result = tokens_.find(std::string(tokens_[left]).append(tokens_[right]));
            if (result == TokenBytes::none) fail_without_result(from, merge);
            if (!merges_.add({left, right}, result)) {
                fail_merge(from, merge,
                           in_quotes(merge.left + " " + merge.right) + " stands on an earlier line already");
            }
            make(result);
        }
        if (from.form == TokenizerForm::two_files) check_all_made(from);
    }

    void check_all_made(const TokenizerDescription& from) const {
        const std::unordered_set<std::string> added = contents_of(from.added);
        for (std::size_t token = 0; token < from.entries.size(); ++token) {
            const std::string& entry = from.entries[token];
            if (made_[token] || needs_no_merge(from, token, added)) continue;
            io::fail_if_no_text(from.merges_file, "merges");
            throw FileError(from.merges_file.string(),
                            "no line makes " + in_quotes(entry) + ", entry " + std::to_string(token) + " of " +
                                from.vocabulary.filename().string() +
                                "; is the file cut short? If it is an added token, name it in added_tokens.json");
        }
    }

    [[nodiscard]] Token symbol_of(const TokenizerDescription& from, const Merge& merge,
                                  const std::string& spelling) const {
        const std::optional<std::string> bytes = bytes_of(spelling);
        const Token token = bytes && !bytes->empty() ? tokens_.find(*bytes) : TokenBytes::none;
        // Of two files, one cut short or put in another order does not make what it needs. In one file every symbol is
        // taken as it is, as by `tokenizers`: a merge of what is never made never happens.
        const bool two = from.form == TokenizerForm::two_files;
        if (token == TokenBytes::none || (two && !made_[static_cast<std::size_t>(token)])) {
            fail_merge(from, merge,
                       in_quotes(spelling) +
                           (two ? " is neither a byte nor made by an earlier line" : " is no entry of model.vocab"));
        }
        return token;
    }

    [[noreturn]] static void fail_merge(const TokenizerDescription& from, const Merge& merge,
                                        const std::string& problem) {
        io::fail_if_no_text(from.merges_file, "merges");  // a pointer of Git LFS is lines of two words
        throw FileError(from.merges_file.string(), from.form == TokenizerForm::two_files
                                                       ? "line " + std::to_string(merge.place) + ": " + problem
                                                       : "field \"" + place_in_json(merge) + "\": " + problem);
    }

    [[noreturn]] static void fail_without_result(const TokenizerDescription& from, const Merge& merge) {
        const std::string entry = "no entry " + in_quotes(merge.left + merge.right) + ", which ";
        throw FileError(from.vocabulary.string(),
                        from.form == TokenizerForm::two_files
                            ? entry + "line " + std::to_string(merge.place) + " of " +
                                  from.merges_file.filename().string() + " makes"
                            : "field \"model.vocab\" has " + entry + place_in_json(merge) + " makes");
    }

    [[nodiscard]] static std::string place_in_json(const Merge& merge) {
        return "model.merges[" + std::to_string(merge.place) + "]";
    }

    // An added token stands for its text. One that merges make too stands for what its spelling does.
    void take_literals(const TokenizerDescription& from) {
        for (const AddedToken& token : from.added) {
            if (!made_[static_cast<std::size_t>(token.id)]) literals_.insert_or_assign(token.id, token.content);
        }
    }

    // Most pieces of a text are tokens as they stand. Which tokens their own bytes merge into is found once, here, so
    // that encoding can look such a piece up, share one table between threads, and still agree with merging.
    void find_whole_pieces(bool any_entry) {
        is_whole_piece_.assign(size_, false);
        PairMerger pair_merger = merger();
        std::vector<Token> merged;
        for (std::size_t token = 0; token < size_; ++token) {
            const std::string_view bytes = tokens_[static_cast<Token>(token)];
            if (bytes.empty()) continue;
            if (any_entry) {
                make(static_cast<Token>(token));
            } else {
                merged.clear();
                merge_piece(bytes, pair_merger, merged);
            }
            is_whole_piece_[token] = any_entry || (merged.size() == 1 && merged[0] == static_cast<Token>(token));
        }
    }

    std::size_t size_;
    bool unknown_fused_;
    bool has_all_bytes_ = false;
    Token unknown_ = TokenBytes::none;
    TokenBytes tokens_;  // the bytes of the entries; none where they are no entries, or stand for none
    std::array<Token, 256> byte_tokens_{};
    MergeTable merges_;
    std::vector<bool> made_;
    std::size_t end_of_made_ = 0;
    std::unordered_map<Token, std::string> literals_;
    std::vector<bool> is_whole_piece_;
};

}  // namespace lamina::text::detail
