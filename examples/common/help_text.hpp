// SPDX-License-Identifier: MIT
// help_text: what a program says of its flags, no line of it wider than a terminal.
#pragma once

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace common {

namespace detail {

inline constexpr std::size_t help_width = 80;
inline constexpr std::size_t help_indent = 26;  ///< of descriptions

/// `text` word by word from column `at` of the last line on, continued below `indent`.
inline void append_wrapped(std::string& lines, std::size_t at, std::string_view text, std::size_t indent) {
    bool first = true;
    while (!text.empty()) {
        const std::size_t length = std::min(text.find_first_of(" \n"), text.size());
        const std::string_view word = text.substr(0, length);
        text.remove_prefix(std::min(length + 1, text.size()));
        if (word.empty()) continue;
        if (!first && at + 1 + word.size() > help_width) {
            lines += '\n' + std::string(indent, ' ');
            at = indent;
        } else if (!first) {
            lines += ' ';
            ++at;
        }
        lines += word;
        at += word.size();
        first = false;
    }
    lines += '\n';
}

/// "-h, --help", "--control, --no-control", "--device cpu|cuda".
[[nodiscard]] inline std::string names_of(const CLI::Option& option) {
    std::string text;
    const auto add = [&text](const std::string& dashes, const std::vector<std::string>& names) {
        for (const std::string& name : names) text += (text.empty() ? "" : ", ") + dashes + name;
    };
    add("-", option.get_snames());
    add("--", option.get_lnames());
    // What validators append to the type is for errors.
    const std::string type = option.get_type_name();
    const std::string kind = type.substr(0, type.find_first_of(": "));
    if (option.get_type_size_max() == 0 || kind.empty()) return text;
    return text + ' ' + kind + (option.get_expected_max() > 1 ? " ..." : "");
}

[[nodiscard]] inline std::string help_of(const CLI::Option& option) {
    std::string text = "  " + names_of(option);
    std::size_t at = text.size();
    if (at + 2 > help_indent) {
        text += '\n';
        at = 0;
    }
    text += std::string(help_indent - at, ' ');
    const std::string standard = option.get_default_str();
    append_wrapped(text, help_indent,
                   option.get_description() + (standard.empty() ? "" : " (default: " + standard + ")") +
                       (option.get_required() ? " (required)" : ""),
                   help_indent);
    return text;
}

}  // namespace detail

/// The program's description and its flags, group by group in the order in which they were added.
[[nodiscard]] inline std::string help_text(const CLI::App& app) {
    std::string text;
    detail::append_wrapped(text, 0, app.get_description(), 0);
    text += "\nUsage: " + app.get_name() + " [flags]\n";
    const std::vector<const CLI::Option*> options = app.get_options({});
    std::vector<std::string> groups;
    for (const CLI::Option* const option : options) {
        const std::string& group = option->get_group();
        if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
    }
    const std::string usual = CLI::OptionDefaults().get_group();  // versions spell it differently
    for (const std::string& group : groups) {
        if (group.empty()) continue;  // hidden
        text += '\n' + (group == usual ? "Flags" : group) + ":\n";
        for (const CLI::Option* const option : options) {
            if (option->get_group() == group) text += detail::help_of(*option);
        }
    }
    return text;
}

}  // namespace common
