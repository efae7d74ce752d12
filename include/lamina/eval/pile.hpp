// SPDX-License-Identifier: MIT
// Pile-10k as the original's evaluation reads it: rows shuffled and filtered, then blocks of 1024 tokens.
#pragma once

#include <lamina/eval/json_lines.hpp>
#include <lamina/eval/numpy_permutation.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>

#include <lamina/io/json_file.hpp>

#include <lamina/text/tokenizer_concept.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::eval {

/// Sets whose rows are left out, spelled as in meta.pile_set_name.
inline constexpr std::array<std::string_view, 3> pile_sets_left_out{"OpenWebText2", "Books3", "BookCorpus2"};

struct PileOptions {
    std::size_t block = 1024;          ///< tokens
    std::size_t most_blocks = 10'000;  ///< what is left after them is unused
    std::uint32_t seed = 42;           ///< of the order of rows
};

/// A row's text; nothing where its set is left out. A row without metadata is kept.
///
/// errors  FileError when `text` is missing or no string, or `meta` is something else than the Pile's
[[nodiscard]] inline std::optional<std::string> pile_text(const io::JsonObject& line) {
    if (line.contains("meta") && !line.json("meta").is_null()) {
        const auto set = line.object("meta").optional<std::string>("pile_set_name");
        if (set && std::ranges::find(pile_sets_left_out, *set) != pile_sets_left_out.end()) return std::nullopt;
    }
    return line.require<std::string>("text");
}

/// The tokens of the evaluation's blocks, one block after another. Texts are encoded each with an end-of-text behind it
/// and put together; `options.most_blocks` bounds what is read.
///
/// errors  FileError naming file, line and field, or when the file does not fill one block; ArgumentError for a
///         block of no tokens
template <text::Tokenizer T>
[[nodiscard]] std::vector<Token> pile_blocks(const std::filesystem::path& path, const T& tokenizer,
                                             const PileOptions& options = {}) {
    if (options.block == 0) throw ArgumentError("lamina: pile_blocks: a block of 0 tokens, expected at least one");
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
    const std::size_t enough = std::min(options.most_blocks, most / options.block) * options.block;
    const JsonLines lines(path);
    std::vector<Token> tokens;
    for (const std::uint32_t row : numpy_permutation(lines.size(), options.seed)) {
        if (tokens.size() >= enough) break;
        const std::optional<std::string> found = lines.read(row, pile_text);
        if (!found) continue;  // not even an end of text
        tokenizer.encode(*found, tokens);
        tokens.push_back(tokenizer.end_of_text());
    }
    if (tokens.size() < options.block) {
        throw FileError(path.string(), "has " + std::to_string(tokens.size()) +
                                           " tokens that count, expected at least a block of " +
                                           std::to_string(options.block));
    }
    tokens.resize(std::min(tokens.size() - tokens.size() % options.block, enough));
    return tokens;
}

}  // namespace lamina::eval
