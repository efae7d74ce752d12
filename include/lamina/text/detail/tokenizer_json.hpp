// SPDX-License-Identifier: MIT
// Reads tokenizer.json, as far as it describes a byte-level BPE, and refuses by name what it would do besides.
#pragma once

#include <lamina/text/detail/tokenizer_description.hpp>
#include <lamina/text/detail/tokenizer_files.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/core/token.hpp>

#include <lamina/io/json_file.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::text::detail {

/// The ways in which files spell the pattern that the pre-tokenizer of this room cuts by.
inline constexpr std::array<std::string_view, 3> gpt2_patterns{
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s)"};

/// What to do with a tokenizer that is not read.
inline constexpr const char* only_byte_level =
    "; only byte-level BPE is read: encode texts with the model's own tools, and give the tokens";

/// tokenizer.json in the making of a description.
class TokenizerJson {
public:
    explicit TokenizerJson(const std::filesystem::path& path) : path_(path) {}

    /// errors  FileError that names the field, what was found and what was expected
    [[nodiscard]] TokenizerDescription read() {
        nlohmann::json whole = read_tokenizer_json(path_);
        if (!whole.is_object()) throw FileError(path_.string(), "expected a JSON object, as tokenizers writes it");
        made_.form = TokenizerForm::one_file;
        made_.vocabulary = made_.merges_file = path_;
        take_vocabulary_and_merges(whole);
        // What is left is small, so that its objects may keep their order, and name themselves in errors.
        const io::Json rest(std::move(whole));
        const io::JsonObject file(path_.string(), "", rest);
        check_version(file);
        take_model(file);
        take_normalizer(file);
        take_pre_tokenizer(file);
        check_unused(file);
        take_added_tokens(file);
        return std::move(made_);
    }

private:
    using Object = io::JsonObject;

    [[noreturn]] void fail(const std::string& field, const std::string& problem) const {
        throw FileError(path_.string(), "field " + in_quotes(field) + " " + problem);
    }

    static void check_version(const Object& file) {
        const auto version = file.optional<std::string>("version");
        if (version && *version != "1.0") file.fail("version", "is " + in_quotes(*version) + ", expected \"1.0\"");
    }

    // The tables are moved out of the document.
    void take_vocabulary_and_merges(nlohmann::json& whole) {
        const auto model = whole.find("model");
        if (model == whole.end() || !model->is_object())
            fail("model", "is missing or no object, expected one of type \"BPE\"");
        check_type(*model);
        const auto vocabulary = model->find("vocab");
        if (vocabulary == model->end()) fail("model.vocab", "is missing, expected an object of token to id");
        made_.entries = vocabulary_entries(*vocabulary, path_, "field \"model.vocab\": ");
        model->erase(vocabulary);
        const auto merges = model->find("merges");
        if (merges == model->end() || !merges->is_array())
            fail("model.merges", "is missing or no array, expected the merges");
        made_.merges.reserve(merges->size());
        for (const nlohmann::json& merge : *merges) take_merge(merge);
        model->erase(merges);
    }

    void check_type(const nlohmann::json& model) const {
        const auto type = model.find("type");
        // Files from before there were other models have none.
        if (type == model.end() || *type == "BPE") return;
        fail("model.type", "is " + shown(*type) + ", expected \"BPE\"" + only_byte_level);
    }

    void take_merge(const nlohmann::json& merge) {
        Merge made{.place = made_.merges.size(), .left = {}, .right = {}};
        const bool is_pair = merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string();
        if (is_pair) {
            made.left = merge[0].get<std::string>();
            made.right = merge[1].get<std::string>();
        } else if (!merge.is_string() || !split_merge(merge.get_ref<const std::string&>(), made)) {
            fail("model.merges[" + std::to_string(made.place) + "]",
                 "is " + shown(merge) + ", expected two symbols, as \"a b\" or [\"a\", \"b\"]");
        }
        made_.merges.push_back(std::move(made));
    }

    void take_model(const Object& file) {
        const Object model = file.object("model");
        for (const char* const affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
            const auto value = model.optional<std::string>(affix);
            if (value && !value->empty()) {
                model.fail(affix, "is " + in_quotes(*value) + ", expected none" + only_byte_level);
            }
        }
        if (model.optional<bool>("byte_fallback").value_or(false)) {
            model.fail("byte_fallback", std::string("is true, expected false") + only_byte_level);
        }
        if (model.optional<double>("dropout").value_or(0) != 0) {
            model.fail("dropout", "is not 0, but tokens are not drawn here; set it to null");
        }
        made_.unknown = model.optional<std::string>("unk_token");
        made_.unknown_fused = model.optional<bool>("fuse_unk").value_or(false);
        made_.whole_entries_first = model.optional<bool>("ignore_merges").value_or(false);
    }

    /// The steps of a part of the file that may be one, several in a Sequence, or null.
    [[nodiscard]] std::vector<Object> steps_of(const Object& file, const char* part, const char* list) const {
        if (!file.contains(part) || file.json(part).is_null()) return {};
        const Object step = file.object(part);
        if (step.require<std::string>("type") != "Sequence") return {step};
        return step.objects(list);
    }

    void take_normalizer(const Object& file) const {
        for (const Object& step : steps_of(file, "normalizer", "normalizers")) {
            file.fail("normalizer",
                      "is " + in_quotes(step.require<std::string>("type")) + ", expected null" + only_byte_level);
        }
    }

    void take_pre_tokenizer(const Object& file) {
        const std::vector<Object> steps = steps_of(file, "pre_tokenizer", "pretokenizers");
        const bool cut_first = steps.size() == 2 && cuts_like_gpt2(steps[0]);
        if (steps.size() != (cut_first ? 2U : 1U)) {
            file.fail("pre_tokenizer", (steps.empty() ? "is missing, "
                                                      : "has " + std::to_string(steps.size()) + " steps, the first " +
                                                            type_of(steps[0]) + ", ") +
                                           expected_cuts + only_byte_level);
        }
        const Object& bytes = steps.back();
        if (bytes.require<std::string>("type") != "ByteLevel") {
            bytes.fail("type", "is " + type_of(bytes) + ", " + expected_cuts + only_byte_level);
        }
        made_.space_before = bytes.require<bool>("add_prefix_space");
        const bool cuts_itself = bytes.optional<bool>("use_regex").value_or(true);
        made_.cut_into_words = cut_first || cuts_itself;
        if (cut_first && made_.space_before) {
            bytes.fail("add_prefix_space",
                       "is true after a Split, which puts a space before every word; expected false");
        }
    }

    [[nodiscard]] bool cuts_like_gpt2(const Object& step) const {
        if (step.require<std::string>("type") != "Split") return false;
        const auto pattern = step.object("pattern").optional<std::string>("Regex");
        // The pattern leaves nothing between its matches: to keep them apart and to drop what is not one are the same.
        const auto behavior = step.require<std::string>("behavior");
        const bool inverted = step.optional<bool>("invert").value_or(false);
        const bool keeps_matches = behavior == "Isolated" || (behavior == "Removed" && inverted);
        if (!pattern || !keeps_matches ||
            std::find(gpt2_patterns.begin(), gpt2_patterns.end(), *pattern) == gpt2_patterns.end()) {
            step.fail("pattern", "is " + printable(step.json("pattern").dump()) + " with behavior " +
                                     in_quotes(behavior) + ", expected GPT-2's pattern, \"Isolated\"");
        }
        return true;
    }

    /// What has no part in turning text into tokens, or none that is asked for here, but must be of this kind.
    static void check_unused(const Object& file) {
        if (file.contains("decoder") && !file.json("decoder").is_null()) {
            const Object decoder = file.object("decoder");
            if (decoder.require<std::string>("type") != "ByteLevel") {
                decoder.fail("type", "is " + type_of(decoder) + ", expected \"ByteLevel\"" + only_byte_level);
            }
        }
    }

    void take_added_tokens(const Object& file) {
        if (!file.contains("added_tokens") || file.json("added_tokens").is_null()) return;
        const std::vector<Object> list = file.objects("added_tokens");
        std::vector<AddedToken> tokens;
        for (const Object& from : list) {
            tokens.push_back({.content = from.require<std::string>("content"),
                              .id = from.require<Token>("id"),
                              .single_word = from.require<bool>("single_word"),
                              .lstrip = from.require<bool>("lstrip"),
                              .rstrip = from.require<bool>("rstrip"),
                              .normalized = from.require<bool>("normalized")});
            if (tokens.back().content.empty()) from.fail("content", "is empty, expected the token's text");
        }
        enter_added_tokens(std::move(tokens), made_,
                           [&list](std::size_t i, const std::string& problem) { list[i].fail("id", problem); });
    }

    [[nodiscard]] static std::string type_of(const Object& step) {
        return in_quotes(step.require<std::string>("type"));
    }

    static constexpr const char* expected_cuts =
        "expected \"ByteLevel\", or \"Split\" by GPT-2's pattern and then \"ByteLevel\"";

    [[nodiscard]] static std::string shown(const nlohmann::json& value) {
        return value.is_string()       ? in_quotes(value.get_ref<const std::string&>())
               : value.is_structured() ? std::string("an ") + value.type_name()
                                       : printable(value.dump());
    }

    std::filesystem::path path_;
    TokenizerDescription made_;
};

}  // namespace lamina::text::detail
