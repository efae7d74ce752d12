// SPDX-License-Identifier: MIT
// Reads the two files of a GPT-2 tokenizer into plain tables, before anything is known of how they fit.
#pragma once

#include <lamina/text/content.hpp>
#include <lamina/text/detail/json_problem.hpp>
#include <lamina/text/detail/tokenizer_description.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>

#include <lamina/io/file_kind.hpp>
#include <lamina/io/memory_map.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::text::detail {

/// Throws FileError if the file cannot be read.
[[nodiscard]] inline std::string read_whole_file(const std::filesystem::path& path) {
    const io::MemoryMap map(path);
    const std::span<const std::byte> bytes = map.bytes();
    return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

// Not io::read_json: its objects keep their order, and take time quadratic in the number of keys.
/// Throws FileError unless the file is JSON, nested no deeper than any file of a tokenizer is.
[[nodiscard]] inline nlohmann::json read_tokenizer_json(const std::filesystem::path& path) {
    constexpr int deepest = 64;
    const auto check_depth = [&path](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
        if (depth > deepest) {
            throw FileError(path.string(), "is nested deeper than " + std::to_string(deepest) + " levels");
        }
        return true;
    };
    try {
        return nlohmann::json::parse(read_whole_file(path), check_depth);
    } catch (const nlohmann::json::exception& error) {
        io::fail_if_no_text(path, "JSON");
        throw FileError(path.string(), json_problem(error));
    }
}

/// The spelling of every token, by id. `subject` begins a message: "" or the name of a field.
/// Throws FileError unless `object` is an object whose values are the integers from 0 on, each once.
[[nodiscard]] inline std::vector<std::string> vocabulary_entries(const nlohmann::json& object,
                                                                 const std::filesystem::path& path,
                                                                 const std::string& subject) {
    if (!object.is_object()) throw FileError(path.string(), subject + "expected a JSON object of token to id");
    std::vector<std::string> spellings(object.size());
    std::vector<bool> taken(object.size());
    for (const auto& [spelling, id] : object.items()) {
        const bool fits = id.is_number_unsigned() && id.get<std::size_t>() < spellings.size();
        if (!fits) {
            throw FileError(path.string(), subject + "the id of " + in_quotes(spelling) + " is " +
                                               printable(id.dump()) + ", expected an integer below " +
                                               std::to_string(spellings.size()) + ", the number of entries");
        }
        const auto at = id.get<std::size_t>();
        if (taken[at]) {
            throw FileError(path.string(), subject + in_quotes(spellings[at]) + " and " + in_quotes(spelling) +
                                               " have the same id " + std::to_string(at));
        }
        spellings[at] = spelling;
        taken[at] = true;
    }
    return spellings;
}

/// Whether these are two symbols with one space between; takes them apart if so.
[[nodiscard]] inline bool split_merge(std::string_view words, Merge& merge) {
    const std::size_t space = words.find(' ');
    if (space == 0 || space == std::string_view::npos || space + 1 == words.size() ||
        words.find(' ', space + 1) != std::string_view::npos) {
        return false;
    }
    merge.left = words.substr(0, space);
    merge.right = words.substr(space + 1);
    return true;
}

/// The merges in order of preference. A byte order mark, lines that start with "#version" and empty lines are skipped.
/// Throws FileError on a line that is not two words with one space between.
[[nodiscard]] inline std::vector<Merge> read_merges(const std::filesystem::path& path) {
    const std::string text = read_whole_file(path);
    std::vector<Merge> merges;
    std::string_view rest = text;
    if (rest.starts_with(byte_order_mark)) rest.remove_prefix(byte_order_mark.size());
    for (std::size_t line = 1; !rest.empty(); ++line) {
        const std::size_t end = rest.find('\n');
        std::string_view words = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (!words.empty() && words.back() == '\r') words.remove_suffix(1);
        if (words.empty() || words.starts_with("#version")) continue;
        Merge merge{.place = line, .left = {}, .right = {}};
        if (!split_merge(words, merge)) {
            io::fail_if_no_text(path, "merges");
            throw FileError(path.string(), "line " + std::to_string(line) + ": found " + in_quotes(words) +
                                               ", expected two symbols with one space between");
        }
        merges.push_back(std::move(merge));
    }
    return merges;
}

}  // namespace lamina::text::detail
