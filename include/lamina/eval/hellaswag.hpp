// SPDX-License-Identifier: MIT
// HellaSwag as lm-evaluation-harness 0.4.11 asks it: which of four endings belongs to a text?
#pragma once

#include <lamina/eval/metrics.hpp>
#include <lamina/eval/question.hpp>
#include <lamina/eval/task.hpp>

#include <lamina/io/json_file.hpp>

#include <lamina/text/python_string.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::eval {

namespace detail {

[[nodiscard]] inline std::string with_replaced(std::string_view text, std::string_view what, std::string_view by) {
    std::string result;
    for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what)) {
        result += text.substr(0, at);
        result += by;
        text.remove_prefix(at + what.size());
    }
    return result += text;
}

/// Without every shortest "[…]" that lies on one line.
[[nodiscard]] inline std::string without_brackets(std::string_view text) {
    std::string result;
    for (std::size_t open = text.find('['); open != std::string_view::npos; open = text.find('[')) {
        const std::size_t close = text.find_first_of("]\n", open);
        const bool closed = close != std::string_view::npos && text[close] == ']';
        result += text.substr(0, closed ? open : open + 1);
        text.remove_prefix(closed ? close + 1 : open + 1);
    }
    return result += text;
}

}  // namespace detail

/// The task's clean-up of the marks that WikiHow texts are full of: strips white space, makes " [title]" a full stop,
/// deletes "[…]", and makes two spaces one in a single pass.
[[nodiscard]] inline std::string clean_hellaswag(std::string_view text) {
    const std::string titles = detail::with_replaced(text::strip(text), " [title]", ". ");
    return detail::with_replaced(detail::without_brackets(titles), "  ", " ");
}

/// An ending that cleans to nothing scores minus infinity under acc_norm, as in the harness.
struct HellaSwag {
    static constexpr std::string_view name = "hellaswag";
    static constexpr double version = 1.0;
    static constexpr std::array metrics{Metric::acc, Metric::acc_norm};

    struct Document {
        std::string activity;
        std::string context;
        std::vector<std::string> endings;
        std::size_t label = 0;
    };

    /// A row of the published file. Its `ctx` is not read: the harness makes its own of `ctx_a` and `ctx_b`.
    [[nodiscard]] static Document read(const io::JsonObject& line) {
        Document document{.activity = line.require<std::string>("activity_label"),
                          .context = line.require<std::string>("ctx_a") + " ",
                          .endings = {}};
        document.context += text::capitalized(line.require<std::string>("ctx_b"));
        document.endings = read_choices(line, "endings", 4);
        document.label = label_below(line, "label", document.endings.size());
        return document;
    }

    [[nodiscard]] static Question ask(const Document& document) {
        Question question{.context = clean_hellaswag(document.activity + ": " + document.context),
                          .choices = {},
                          .gold = document.label};
        for (const std::string& ending : document.endings) question.choices.push_back(clean_hellaswag(ending));
        return question;
    }
};

static_assert(Task<HellaSwag>);

}  // namespace lamina::eval
