// SPDX-License-Identifier: MIT
// PathPattern: Python's re.match for the short paths of modules, in time that no pattern can make long.
#pragma once

#include <lamina/core/error.hpp>

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::io::detail {

/// The longest text that PathPattern takes: its positions are the bits of a word.
inline constexpr std::size_t longest_path = 63;

/// Reads a regular expression once and knows for every part of it, in turn, which stretches of a text it matches.
///
/// A part is a relation: of each place where it may begin, the set of those where it may end. Sequences compose these,
/// alternatives unite them, and a repetition composes one with itself until nothing changes, which takes no more rounds
/// than the text has characters. So nothing is ever tried again, as it is by matchers that backtrack.
///
/// accepts  characters, `.`, classes, `\d \w \s \b` and their opposites, `^ $ \A \Z`, groups with and without a name,
///          alternatives, repetitions greedy or not (which match alike), and looking ahead and behind
/// source   The Python standard library, re
class PathPattern {
public:
    /// errors  ArgumentError that says which part of the pattern is not understood
    PathPattern(std::string_view pattern, std::string_view text)
        : pattern_(pattern), text_(text), whole_(checked(alternatives())) {}

    /// Whether the pattern matches from the start of the text on, not necessarily to its end.
    [[nodiscard]] bool matches_start() const { return whole_.front() != 0; }

private:
    using Relation = std::vector<std::uint64_t>;
    using Characters = std::bitset<256>;

    static constexpr std::size_t deepest_nesting = 100;
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

    [[noreturn]] void fail(const std::string& what) const {
        throw ArgumentError(what + " at character " + std::to_string(at_ + 1));
    }

    [[nodiscard]] Relation checked(Relation relation) const {
        if (text_.size() > longest_path) throw ArgumentError("a path longer than " + std::to_string(longest_path));
        if (at_ != pattern_.size()) fail("a parenthesis that closes nothing");
        return relation;
    }

    [[nodiscard]] bool done() const { return at_ == pattern_.size(); }
    [[nodiscard]] char peek() const { return done() ? '\0' : pattern_[at_]; }
    [[nodiscard]] bool take(std::string_view expected) {
        if (!pattern_.substr(at_).starts_with(expected)) return false;
        at_ += expected.size();
        return true;
    }
    [[nodiscard]] char next(const char* inside) {
        if (done()) fail(std::string(inside) + " without an end");
        return pattern_[at_++];
    }

    /// Holds where `condition(place)` does, and takes no characters.
    template <class Condition>
    [[nodiscard]] Relation where(Condition condition) const {
        Relation result(std::min(text_.size(), longest_path) + 1);
        for (std::size_t i = 0; i < result.size(); ++i) result[i] = condition(i) ? std::uint64_t{1} << i : 0;
        return result;
    }
    [[nodiscard]] Relation anywhere() const {
        return where([](std::size_t) { return true; });
    }
    [[nodiscard]] Relation one_of(const Characters& characters) const {
        Relation result = where([](std::size_t) { return false; });
        for (std::size_t i = 0; i + 1 < result.size(); ++i) {
            if (characters[static_cast<unsigned char>(text_[i])]) result[i] = std::uint64_t{1} << (i + 1);
        }
        return result;
    }

    [[nodiscard]] static Relation united(Relation left, const Relation& right) {
        for (std::size_t i = 0; i < left.size(); ++i) left[i] |= right[i];
        return left;
    }
    [[nodiscard]] static Relation composed(const Relation& left, const Relation& right) {
        Relation result(left.size());
        for (std::size_t i = 0; i < left.size(); ++i) {
            for (std::size_t k = i; k < right.size(); ++k) {
                if ((left[i] >> k & 1U) != 0) result[i] |= right[k];
            }
        }
        return result;
    }
    [[nodiscard]] Relation repeated(const Relation& part, std::size_t least, std::size_t most) const {
        Relation now = anywhere();  // after `count` times
        Relation result = least == 0 ? now : where([](std::size_t) { return false; });
        for (std::size_t count = 1; count <= most; ++count) {
            Relation then = composed(now, part);
            // From here on nothing changes, so that any number of times is reached.
            const bool is_last = then == now;
            if (count >= least || is_last) result = united(std::move(result), then);
            if (is_last) break;
            now = std::move(then);
        }
        return result;
    }

    [[nodiscard]] Relation alternatives() {
        Relation result = sequence();
        while (take("|")) result = united(std::move(result), sequence());
        return result;
    }

    [[nodiscard]] Relation sequence() {
        Relation result = anywhere();
        while (!done() && peek() != '|' && peek() != ')') result = composed(result, item());
        return result;
    }

    /// A part and how often.
    [[nodiscard]] Relation item() {
        const Relation part = atom();
        std::size_t least = 0;
        std::size_t most = 0;
        if (!take_repetition(least, most)) return part;
        if (take("+")) fail("a repetition that gives nothing back");
        static_cast<void>(take("?"));  // a preference among matches, not another match
        std::size_t ignored = 0;
        if (take_repetition(ignored, ignored)) fail("a repetition of a repetition");
        return repeated(part, least, most);
    }

    [[nodiscard]] bool take_repetition(std::size_t& least, std::size_t& most) {
        if (take("*")) {
            least = 0;
            most = unlimited;
        } else if (take("+")) {
            least = 1;
            most = unlimited;
        } else if (take("?")) {
            least = 0;
            most = 1;
        } else {
            return take_counts(least, most);
        }
        return true;
    }

    /// "{2}", "{2,}", "{,3}", "{2,3}" or "{,}"; any other brace is a character.
    [[nodiscard]] bool take_counts(std::size_t& least, std::size_t& most) {
        const std::size_t start = at_;
        if (!take("{")) return false;
        const std::optional<std::size_t> first = take_count();
        const bool is_range = take(",");
        const std::optional<std::size_t> second = is_range ? take_count() : first;
        if ((!first && !is_range) || !take("}")) {
            at_ = start;
            return false;
        }
        least = first.value_or(0);
        most = second.value_or(unlimited);
        if (least > most) fail("a repetition of fewer than none");
        return true;
    }
    [[nodiscard]] std::optional<std::size_t> take_count() {
        constexpr std::size_t most = 1'000'000;  // far beyond any text's length
        const std::size_t start = at_;
        std::size_t count = 0;
        while (peek() >= '0' && peek() <= '9') {
            count = std::min(most, 10 * count + static_cast<std::size_t>(pattern_[at_++] - '0'));
        }
        return at_ == start ? std::nullopt : std::optional(count);
    }

    [[nodiscard]] Relation atom() {
        switch (const char character = next("a pattern")) {
            case '(':
                return group();
            case '[':
                return one_of(character_class());
            case '.':
                return one_of(~Characters().set('\n'));
            case '^':
                return where([](std::size_t i) { return i == 0; });
            case '$':
                return where([this](std::size_t i) { return i == text_.size(); });
            case '\\':
                return escape();
            case '*':
            case '+':
            case '?':
                --at_;
                fail("a repetition of nothing");
            default:
                return one_of(Characters().set(static_cast<unsigned char>(character)));
        }
    }

    [[nodiscard]] Relation group() {
        enum class Look { none, ahead, behind };
        Look look = Look::none;
        bool wanted = true;
        if (take("?=") || take("?!")) {
            look = Look::ahead;
            wanted = pattern_[at_ - 1] == '=';
        } else if (take("?<=") || take("?<!")) {
            look = Look::behind;
            wanted = pattern_[at_ - 1] == '=';
        } else if (take("?P<")) {
            while (next("a name") != '>') {
            }
        } else if (!take("?:") && peek() == '?') {
            fail("an extension that is not known here");
        }
        if (++depth_ > deepest_nesting) fail("groups nested too deep");
        const Relation inside = alternatives();
        --depth_;
        if (next("a group") != ')') fail("a group without an end");
        if (look == Look::none) return inside;
        std::uint64_t ends = 0;
        for (const std::uint64_t row : inside) ends |= row;
        return where(
            [&](std::size_t i) { return wanted == (look == Look::ahead ? inside[i] != 0 : (ends >> i & 1U) != 0); });
    }

    /// What follows a backslash outside a class.
    [[nodiscard]] Relation escape() {
        const auto is_word = [this](std::size_t i) {
            return i < text_.size() && letters_of('w')[static_cast<unsigned char>(text_[i])];
        };
        const auto is_boundary = [is_word](std::size_t i) { return (i != 0 && is_word(i - 1)) != is_word(i); };
        switch (const char character = next("an escape")) {
            case 'A':
                return where([](std::size_t i) { return i == 0; });
            case 'Z':
                return where([this](std::size_t i) { return i == text_.size(); });
            case 'b':
                return where(is_boundary);
            case 'B':
                return where([is_boundary](std::size_t i) { return !is_boundary(i); });
            default:
                return one_of(escaped(character));
        }
    }

    /// The characters of "\d", "\w", "\s" and their opposites; otherwise the escaped character itself.
    [[nodiscard]] Characters escaped(char character) const {
        const auto lower = static_cast<char>(character | 0x20);
        if (lower == 'd' || lower == 'w' || lower == 's') {
            return lower == character ? letters_of(lower) : ~letters_of(lower);
        }
        const bool is_letter = lower >= 'a' && lower <= 'z';
        if (is_letter || (character >= '0' && character <= '9')) fail("an escape that is not known here");
        return Characters().set(static_cast<unsigned char>(character));
    }

    [[nodiscard]] static Characters letters_of(char kind) {
        Characters result;
        if (kind == 's') {
            for (const char space : {' ', '\t', '\n', '\r', '\f', '\v'}) result.set(static_cast<unsigned char>(space));
            return result;
        }
        for (std::size_t i = '0'; i <= '9'; ++i) result.set(i);
        if (kind == 'd') return result;
        for (std::size_t i = 'a'; i <= 'z'; ++i) result.set(i).set(i - 'a' + 'A');
        return result.set('_');
    }

    /// What follows "[", to the bracket that ends it.
    [[nodiscard]] Characters character_class() {
        const bool is_opposite = take("^");
        Characters result;
        for (bool is_first = true;; is_first = false) {
            char low = next("a class");
            if (low == ']' && !is_first) break;
            if (low == '\\') {
                low = next("a class");
                const Characters characters = escaped(low);
                result |= characters;
                if (characters.count() != 1) continue;
            }
            result.set(static_cast<unsigned char>(low));
            if (peek() != '-' || at_ + 1 >= pattern_.size() || pattern_[at_ + 1] == ']') continue;
            ++at_;
            char high = next("a class");
            if (high == '\\') high = next("a class");
            if (static_cast<unsigned char>(high) < static_cast<unsigned char>(low)) fail("a range that runs backwards");
            for (std::size_t i = static_cast<unsigned char>(low); i <= static_cast<unsigned char>(high); ++i)
                result.set(i);
        }
        return is_opposite ? ~result : result;
    }

    std::string_view pattern_;
    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    Relation whole_;
};

}  // namespace lamina::io::detail
