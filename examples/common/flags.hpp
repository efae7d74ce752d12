// SPDX-License-Identifier: MIT
// Flags whose values are counts, numbers and words: read strictly, shown plainly, and refused in one line.
#pragma once

#include <lamina/core/message_text.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace common {

/// The whole numbers that a flag takes.
struct Counts {
    std::uint64_t least = 0;
    std::uint64_t most = 1'000'000'000'000;
    const char* note = "";  ///< what a special one means: "0: all"
};

/// Every number of 64 bits, as of seeds.
inline constexpr Counts any_count{.most = std::numeric_limits<std::uint64_t>::max()};

/// The numbers that a flag takes: an interval whose ends belong to it (`least`, `most`) or not (`above`, `below`).
struct Numbers {
    std::optional<double> least{};
    std::optional<double> above{};
    std::optional<double> most{};
    std::optional<double> below{};
    const char* note = "";  ///< what a special one means: "0: none"
};

namespace detail {

template <class T>
struct ValueOf {
    using type = T;
};
template <class T>
struct ValueOf<std::optional<T>> {
    using type = T;
};

[[noreturn]] inline void refuse(const std::string& flag, const std::string& given, const std::string& expected) {
    constexpr const char* digits = "0123456789";
    const bool number = given.find_first_of(digits) != std::string::npos &&
                        given.find_first_not_of(std::string("+-.") + digits) == std::string::npos;
    throw CLI::ValidationError(flag + " is " + (number ? lamina::printable(given, 40) : lamina::in_quotes(given)) +
                               ", expected " + expected);
}

inline std::string with_note(std::string expected, const char* note) {
    return *note == '\0' ? expected : std::move(expected) + " (" + note + ")";
}

/// Nothing but the number, all of it.
template <class T>
[[nodiscard]] std::optional<T> number_in(const std::string& text) {
    T value{};
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end) return std::nullopt;
    return value;
}

[[nodiscard]] inline std::string as_text(double value) {
    std::ostringstream text;
    text << value;
    return text.str();
}

[[nodiscard]] inline std::uint64_t read_count(const std::string& flag, const std::string& text, const Counts& counts) {
    const auto value = number_in<std::uint64_t>(text);
    if (value && *value >= counts.least && *value <= counts.most) return *value;
    const bool negative = text.size() > 1 && text[0] == '-';
    const bool whole = !text.empty() && text.find_first_not_of("0123456789", negative ? 1 : 0) == std::string::npos;
    const bool too_large = whole && !negative && (!value || *value > counts.most);
    std::string expected = whole ? "" : "a whole number, ";
    expected += std::to_string(counts.least);
    expected += too_large || counts.most < Counts{}.most ? " to " + std::to_string(counts.most) : " or more";
    refuse(flag, text, with_note(expected, counts.note));
}

[[nodiscard]] inline std::string interval_text(const Numbers& numbers) {
    std::string text;
    if (numbers.least) text = as_text(*numbers.least) + (numbers.most || numbers.below ? "" : " or more");
    if (numbers.above) text = "more than " + as_text(*numbers.above);
    if (numbers.most)
        text += (numbers.least ? " to " : numbers.above ? " and at most " : "at most ") + as_text(*numbers.most);
    if (numbers.below) text += (text.empty() ? "less than " : " or more and less than ") + as_text(*numbers.below);
    return text;
}

[[nodiscard]] inline double read_number(const std::string& flag, const std::string& text, const Numbers& numbers) {
    const auto value = number_in<double>(text);
    const bool fits = value && std::isfinite(*value) && !(numbers.least && *value < *numbers.least) &&
                      !(numbers.above && *value <= *numbers.above) && !(numbers.most && *value > *numbers.most) &&
                      !(numbers.below && *value >= *numbers.below);
    if (fits) return *value;
    const std::string interval = interval_text(numbers);
    const std::string kind = value && std::isfinite(*value) && !interval.empty() ? "" : "a number";
    refuse(flag, text, with_note(kind + (kind.empty() || interval.empty() ? "" : ", ") + interval, numbers.note));
}

/// "cpu or cuda", "stop, skip or roll-back", or with another word between.
[[nodiscard]] inline std::string listed(const std::vector<std::string>& words, const char* between, const char* last) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i != 0) text += i + 1 == words.size() ? last : between;
        text += words[i];
    }
    return text;
}

/// A flag with one value, which `read(text)` makes of what is given. The flag is what errors call it.
template <class T, class Read>
CLI::Option* add_value(CLI::App& app, const std::string& flag, T& value, const std::string& description,
                       const Read& read) {
    return app.add_option_function<std::string>(
        flag, [&value, read](const std::string& text) { value = read(text); }, description);
}

}  // namespace detail

/// A flag for a whole number: digits and nothing else. A value that is there already is the default that help shows.
template <class T>
CLI::Option* add_count(CLI::App& app, const std::string& flag, T& value, const std::string& description,
                       const Counts& counts = {}) {
    using Count = typename detail::ValueOf<T>::type;
    static_assert(std::is_unsigned_v<Count>, "lamina: add_count: counts are unsigned");
    const std::uint64_t most = std::min<std::uint64_t>(counts.most, std::numeric_limits<Count>::max());
    CLI::Option* const option =
        detail::add_value(app, flag, value, description,
                          [flag, counts = Counts{counts.least, most, counts.note}](const std::string& text) {
                              return static_cast<Count>(detail::read_count(flag, text, counts));
                          });
    if constexpr (std::is_same_v<T, Count>) option->default_str(std::to_string(value));
    return option->type_name("N");
}

/// A flag for a number, never NaN nor infinite. A value that is there already is the default that help shows.
template <class T>
CLI::Option* add_number(CLI::App& app, const std::string& flag, T& value, const std::string& description,
                        const Numbers& numbers = {}) {
    static_assert(std::is_same_v<typename detail::ValueOf<T>::type, double>, "lamina: add_number: numbers are double");
    CLI::Option* const option = detail::add_value(
        app, flag, value, description,
        [flag, numbers](const std::string& text) { return detail::read_number(flag, text, numbers); });
    if constexpr (std::is_same_v<T, double>) option->default_str(detail::as_text(value));
    return option->type_name("X");
}

/// Words, and what each stands for.
template <class T>
using Choices = std::vector<std::pair<std::string, T>>;

/// A flag for one of some words. A value that is there already is the default that help shows.
template <class T>
CLI::Option* add_choice(CLI::App& app, const std::string& flag, T& value, const std::string& description,
                        const Choices<typename detail::ValueOf<T>::type>& choices) {
    std::vector<std::string> words;
    for (const auto& choice : choices) words.push_back(choice.first);
    CLI::Option* const option =
        detail::add_value(app, flag, value, description, [flag, choices, words](const std::string& text) {
            for (const auto& [word, meaning] : choices) {
                if (word == text) return meaning;
            }
            detail::refuse(flag, text, detail::listed(words, ", ", " or "));
        });
    if constexpr (!std::is_same_v<T, std::optional<typename detail::ValueOf<T>::type>>) {
        for (const auto& [word, meaning] : choices) {
            if (meaning == value) option->default_str(word);
        }
    }
    return option->type_name(detail::listed(words, "|", "|"));
}

/// The same where the words stand for themselves.
template <class T>
CLI::Option* add_word(CLI::App& app, const std::string& flag, T& value, const std::string& description,
                      std::initializer_list<const char*> words) {
    Choices<std::string> choices;
    for (const char* const word : words) choices.emplace_back(word, word);
    return add_choice(app, flag, value, description, choices);
}

/// A flag for some of these words, with commas between.
inline CLI::Option* add_words(CLI::App& app, const std::string& flag, std::vector<std::string>& value,
                              const std::string& description, const std::vector<std::string>& words) {
    CLI::Option* const option =
        detail::add_value(app, flag, value, description, [flag, words](const std::string& text) {
            std::vector<std::string> found;
            for (std::size_t first = 0; first <= text.size();) {
                const std::size_t comma = std::min(text.find(',', first), text.size());
                found.push_back(text.substr(first, comma - first));
                if (std::find(words.begin(), words.end(), found.back()) == words.end()) {
                    detail::refuse(flag, found.back(), detail::listed(words, ", ", " or "));
                }
                first = comma + 1;
            }
            return found;
        });
    return option->default_str(detail::listed(value, ",", ","))->type_name(detail::listed(words, "|", "|") + ",...");
}

}  // namespace common
