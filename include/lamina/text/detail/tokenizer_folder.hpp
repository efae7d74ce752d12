// SPDX-License-Identifier: MIT
// Which files of a folder are its tokenizer, and what they say together.
#pragma once

#include <lamina/text/detail/tokenizer_description.hpp>
#include <lamina/text/detail/tokenizer_files.hpp>
#include <lamina/text/detail/tokenizer_json.hpp>
#include <lamina/text/tokenizer_concept.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/core/token.hpp>

#include <lamina/io/file_kind.hpp>
#include <lamina/io/json_file.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::text::detail {

/// The vocabulary and the merges, under both pairs of names that are published.
inline constexpr std::array<std::pair<const char*, const char*>, 2> names_of_two_files{
    {{"vocab.json", "merges.txt"}, {"encoder.json", "vocab.bpe"}}};

inline constexpr const char* name_of_one_file = "tokenizer.json";

[[nodiscard]] inline bool has_tokenizer_files(const std::filesystem::path& folder) {
    if (folder.empty()) return false;
    return io::is_there(folder / name_of_one_file) ||
           std::any_of(names_of_two_files.begin(), names_of_two_files.end(), [&folder](const auto& names) {
               return io::is_there(folder / names.first) || io::is_there(folder / names.second);
           });
}

/// A description of two files and nothing else.
[[nodiscard]] inline TokenizerDescription read_two_files(const std::filesystem::path& vocabulary,
                                                         const std::filesystem::path& merges) {
    TokenizerDescription made;
    made.vocabulary = vocabulary;
    made.merges_file = merges;
    made.entries = vocabulary_entries(read_tokenizer_json(vocabulary), vocabulary, "");
    made.merges = read_merges(merges);
    return made;
}

/// The files beside a tokenizer that say what its tokens are for. All of them may be missing.
class TokenizerNotes {
public:
    explicit TokenizerNotes(const std::filesystem::path& folder)
        : config_(folder / "tokenizer_config.json"),
          special_(folder / "special_tokens_map.json"),
          added_(folder / "added_tokens.json"),
          model_(folder / "config.json") {}

    /// The tokens that two files leave unsaid: those of added_tokens.json, and of tokenizer_config.json's
    /// added_tokens_decoder, and the special ones that are in the vocabulary.
    void add_to(TokenizerDescription& description) const {
        std::vector<Placed> tokens;
        if (config_) take_decoder(tokens);
        if (added_) take_added(tokens);
        std::stable_sort(tokens.begin(), tokens.end(),
                         [](const Placed& a, const Placed& b) { return a.token.id < b.token.id; });
        for (const File* const file : {&special_, &config_}) {
            if (*file) take_special(*file, description, tokens);
        }
        std::vector<AddedToken> added;
        for (const Placed& placed : tokens) added.push_back(placed.token);
        enter_added_tokens(std::move(added), description, [&tokens](std::size_t i, const std::string& problem) {
            throw FileError(tokens[i].file, "the id of " + in_quotes(tokens[i].token.content) + " " + problem);
        });
        if (config_) {
            description.space_before = config_.object().optional<bool>("add_prefix_space").value_or(false);
        }
    }

    /// What ends a document: `end_of_text_literal` where there is such a token, else what the files call eos_token,
    /// else the model's eos_token_id.
    [[nodiscard]] std::optional<Token> end_of_text(const TokenizerDescription& description) const {
        if (const auto token = description.token_called(end_of_text_literal)) return token;
        for (const File* const file : {&config_, &special_}) {
            if (!*file) continue;
            const std::optional<AddedToken> named = token_in(file->object(), "eos_token");
            if (!named) continue;
            if (const auto token = description.token_called(named->content)) return token;
        }
        if (!model_ || !model_.object().contains("eos_token_id")) return std::nullopt;
        // Newer files have a list where several tokens end a text.
        const io::Json& ids = model_.object().json("eos_token_id");
        const io::Json& id = ids.is_array() && !ids.empty() ? ids[0] : ids;
        if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= description.size()) return std::nullopt;
        return id.get<Token>();
    }

private:
    /// One of them, or nothing.
    class File {
    public:
        explicit File(std::filesystem::path path) : path_(std::move(path)) {
            if (io::is_there(path_)) json_ = io::Json(read_tokenizer_json(path_));
        }
        explicit operator bool() const { return json_.has_value(); }
        [[nodiscard]] io::JsonObject object() const { return {path_.string(), "", *json_}; }
        [[nodiscard]] std::string name() const { return path_.string(); }

    private:
        std::filesystem::path path_;
        std::optional<io::Json> json_;
    };

    struct Placed {
        AddedToken token;
        std::string file;
    };

    static constexpr std::array special_names{"bos_token", "eos_token", "unk_token", "sep_token",
                                              "pad_token", "cls_token", "mask_token"};

    /// A token that is given as its text, or as an object with the flags of an added one.
    [[nodiscard]] static std::optional<AddedToken> token_in(const io::JsonObject& file, const char* name) {
        if (!file.contains(name) || file.json(name).is_null()) return std::nullopt;
        if (!file.json(name).is_object()) return AddedToken{.content = file.require<std::string>(name)};
        return token_of(file.object(name));
    }

    [[nodiscard]] static AddedToken token_of(const io::JsonObject& token) {
        const auto flag = [&token](const char* name) { return token.optional<bool>(name).value_or(false); };
        return {.content = token.require<std::string>("content"),
                .single_word = flag("single_word"),
                .lstrip = flag("lstrip"),
                .rstrip = flag("rstrip"),
                .normalized = flag("normalized")};
    }

    void take_decoder(std::vector<Placed>& tokens) const {
        const io::JsonObject file = config_.object();
        if (!file.contains("added_tokens_decoder") || file.json("added_tokens_decoder").is_null()) return;
        const io::JsonObject decoder = file.object("added_tokens_decoder");
        for (const std::string& key : decoder.keys()) {
            const bool is_id = !key.empty() && key.size() < 10 && key.find_first_not_of("0123456789") == key.npos;
            if (!is_id) decoder.fail(key, "is no id of a token");
            AddedToken token = token_of(decoder.object(key));
            token.id = static_cast<Token>(std::stol(key));
            if (token.content.empty()) decoder.fail(key, "has no content, expected the token's text");
            tokens.push_back({std::move(token), config_.name()});
        }
    }

    void take_added(std::vector<Placed>& tokens) const {
        const io::JsonObject file = added_.object();
        for (const std::string& content : file.keys()) {
            if (content.empty()) file.fail(content, "is a token without a text");
            tokens.push_back({{.content = content, .id = file.require<Token>(content)}, added_.name()});
        }
    }

    void take_special(const File& file, const TokenizerDescription& description, std::vector<Placed>& tokens) const {
        const io::JsonObject object = file.object();
        std::vector<AddedToken> named;
        for (const char* const name : special_names) {
            if (std::optional<AddedToken> token = token_in(object, name)) named.push_back(*std::move(token));
        }
        constexpr const char* others = "additional_special_tokens";
        if (object.contains(others) && object.json(others).is_array() && !object.json(others).empty()) {
            if (object.json(others)[0].is_object()) {
                for (const io::JsonObject& token : object.objects(others)) named.push_back(token_of(token));
            } else {
                for (const auto& text : object.require<std::vector<std::string>>(others)) {
                    named.push_back({.content = text});
                }
            }
        }
        for (AddedToken& token : named) {
            // One without an id is one that the model was never shown.
            const auto id = description.token_called(token.content);
            if (!id || token.content.empty()) continue;
            token.id = *id;
            tokens.push_back({std::move(token), file.name()});
        }
    }

    File config_;
    File special_;
    File added_;
    File model_;
};

/// The tokenizer of a folder; see Gpt2Tokenizer::from_folder.
[[nodiscard]] inline TokenizerDescription read_tokenizer_folder(const std::filesystem::path& folder) {
    const auto finished = [&folder](TokenizerDescription description) {
        const TokenizerNotes notes(folder);
        if (description.form == TokenizerForm::two_files) notes.add_to(description);
        description.end_of_text = notes.end_of_text(description);
        return description;
    };
    if (io::is_there(folder / name_of_one_file)) return finished(TokenizerJson(folder / name_of_one_file).read());
    std::string found;
    for (const auto& [vocabulary, merges] : names_of_two_files) {
        const bool has_vocabulary = io::is_there(folder / vocabulary);
        const bool has_merges = io::is_there(folder / merges);
        if (has_vocabulary && has_merges) return finished(read_two_files(folder / vocabulary, folder / merges));
        if (has_vocabulary) found += std::string("; found ") + vocabulary + " without " + merges;
        if (has_merges) found += std::string("; found ") + merges + " without " + vocabulary;
    }
    throw FileError(folder.string(),
                    "no tokenizer here: expected tokenizer.json, or vocab.json and merges.txt, or "
                    "encoder.json and vocab.bpe" +
                        found);
}

}  // namespace lamina::text::detail
