// SPDX-License-Identifier: MIT
// TokenizerDescription: what the files of a byte-level tokenizer say, whichever they are, before it is known to fit.
#pragma once

#include <lamina/core/token.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace lamina::text::detail {

/// A token that is cut out of a text before anything else is done to the text.
struct AddedToken {
    std::string content;  ///< as it stands in texts, not in the alphabet of bytes
    Token id = 0;
    bool single_word = false;  ///< only where no word goes on before or after it
    bool lstrip = false;       ///< takes the white space before it along
    bool rstrip = false;       ///< takes the white space after it along
    bool normalized = false;   ///< looked for only in what the others have left
};

struct Merge {
    std::size_t place = 0;  ///< the line in merges.txt, from 1, or the index in tokenizer.json, from 0
    std::string left;
    std::string right;
};

/// Which files it was; they differ in what is taken on trust, and in how an error names a place.
enum class TokenizerForm {
    two_files,  ///< vocab.json and merges.txt, one of which may be cut short or another model's
    one_file    ///< tokenizer.json, which says of everything in it what it is for
};

struct TokenizerDescription {
    TokenizerForm form = TokenizerForm::two_files;
    std::filesystem::path vocabulary;
    std::filesystem::path merges_file;  ///< the same where there is one file

    std::vector<std::string> entries;  ///< by id, spelled as in the file
    std::vector<Merge> merges;         ///< in order of preference
    std::vector<AddedToken> added;
    std::optional<Token> end_of_text;

    std::optional<std::string> unknown;  ///< the entry for bytes that the vocabulary lacks
    bool unknown_fused = false;          ///< one for a run of them
    bool whole_entries_first = false;    ///< a piece that is an entry is that one, whatever its merges make
    bool space_before = false;           ///< texts that do not start with a space get one
    bool cut_into_words = true;          ///< merges stay within words

    /// How many ids are given.
    [[nodiscard]] std::size_t size() const {
        std::size_t size = entries.size();
        for (const AddedToken& token : added) size = std::max(size, static_cast<std::size_t>(token.id) + 1);
        return size;
    }

    /// The token of this name, be it an added one or an entry.
    [[nodiscard]] std::optional<Token> token_called(std::string_view name) const {
        const auto found =
            std::find_if(added.begin(), added.end(), [name](const auto& t) { return t.content == name; });
        if (found != added.end()) return found->id;
        const auto entry = std::find(entries.begin(), entries.end(), name);
        if (entry == entries.end()) return std::nullopt;
        return static_cast<Token>(entry - entries.begin());
    }
};

/// Enters added tokens, of several with one content the first. One that is an entry must have its id; the others come
/// after the entries, in turn: `tokenizers` gives them those ids whatever its file says, so that a file that says
/// something else is no word on what a model was trained with. Calls `fail(index, problem)` for an id that is another.
template <class Fail>
void enter_added_tokens(std::vector<AddedToken> tokens, TokenizerDescription& description, Fail fail) {
    std::unordered_map<std::string, Token> ids;
    for (std::size_t id = 0; id < description.entries.size(); ++id) {
        ids.emplace(description.entries[id], static_cast<Token>(id));
    }
    std::unordered_set<Token> entered;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const auto [known, is_new] = ids.emplace(tokens[i].content, static_cast<Token>(ids.size()));
        if (tokens[i].id != known->second) {
            fail(i, "is " + std::to_string(tokens[i].id) + ", expected " + std::to_string(known->second) +
                        (is_new ? ", the first that is free" : ", which the vocabulary gives it"));
        }
        if (entered.insert(tokens[i].id).second) description.added.push_back(std::move(tokens[i]));
    }
}

}  // namespace lamina::text::detail
