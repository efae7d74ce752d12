// SPDX-License-Identifier: MIT
// Reads the two files of a GPT-2 tokenizer into plain tables, before anything is known of how they fit.
#pragma once

#include <lamina/text/detail/json_problem.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>

#include <lamina/io/memory_map.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::text::detail {

/// One line of the merges file.
struct MergeLine {
    std::size_t line = 0;  ///< counted from 1
    std::string left;
    std::string right;
};

/// Throws FileError if the file cannot be read.
[[nodiscard]] inline std::string read_whole_file(const std::filesystem::path& path) {
    const io::MemoryMap map(path);
    const std::span<const std::byte> bytes = map.bytes();
    return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

// Not io::read_json: its objects keep their order, and take time quadratic in the number of keys.
/// The spelling of every token, by id. Throws FileError unless the file is one JSON object whose values are the
/// integers from 0 on, each once.
[[nodiscard]] inline std::vector<std::string> read_vocabulary(const std::filesystem::path& path) {
    nlohmann::json object;
    try {
        object = nlohmann::json::parse(read_whole_file(path));
    } catch (const nlohmann::json::exception& error) {
        throw FileError(path.string(), json_problem(error));
    }
    if (!object.is_object()) throw FileError(path.string(), "expected a JSON object of token to id");

    std::vector<std::string> spellings(object.size());
    std::vector<bool> taken(object.size());
    for (const auto& [spelling, id] : object.items()) {
        const bool fits = id.is_number_unsigned() && id.get<std::size_t>() < spellings.size();
        if (!fits) {
            throw FileError(path.string(), "the id of " + in_quotes(spelling) + " is " + printable(id.dump()) +
                                               ", expected an integer below " + std::to_string(spellings.size()) +
                                               ", the number of entries");
        }
        const auto at = id.get<std::size_t>();
        if (taken[at]) {
            throw FileError(path.string(), in_quotes(spellings[at]) + " and " + in_quotes(spelling) +
                                               " have the same id " + std::to_string(at));
        }
        spellings[at] = spelling;
        taken[at] = true;
    }
    return spellings;
}

/// The merges in order of preference. A first line that starts with "#version" is skipped, an empty last line too.
/// Throws FileError on a line that is not two words with one space between.
[[nodiscard]] inline std::vector<MergeLine> read_merges(const std::filesystem::path& path) {
    const std::string text = read_whole_file(path);
    std::vector<MergeLine> merges;
    std::string_view rest = text;
    for (std::size_t line = 1; !rest.empty(); ++line) {
        const std::size_t end = rest.find('\n');
        std::string_view words = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (!words.empty() && words.back() == '\r') words.remove_suffix(1);
        if (line == 1 && words.starts_with("#version")) continue;
        if (words.empty() && rest.empty()) break;

        const std::size_t space = words.find(' ');
        if (space == 0 || space == std::string_view::npos || space + 1 == words.size() ||
            words.find(' ', space + 1) != std::string_view::npos) {
            throw FileError(path.string(), "line " + std::to_string(line) + ": found " + in_quotes(words) +
                                               ", expected two symbols with one space between");
        }
        merges.push_back(
            {.line = line, .left = std::string(words.substr(0, space)), .right = std::string(words.substr(space + 1))});
    }
    return merges;
}

}  // namespace lamina::text::detail
