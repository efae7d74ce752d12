// SPDX-License-Identifier: MIT
// The states of a model's removable norms as JSON: what divides by what, and how that is followed.
#pragma once

#include <lamina/io/json_file.hpp>

#include <lamina/arch/std_tracking.hpp>
#include <lamina/arch/visit.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/removable_state.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lamina::io {

namespace detail {

template <class Enum>
inline constexpr std::array<std::string_view, 0> words_of{};
template <>
inline constexpr std::array words_of<DivisorMode>{std::string_view("constant"), std::string_view("freeze"),
                                                  std::string_view("track")};
template <>
inline constexpr std::array words_of<EvaluationPasses>{std::string_view("ignored"), std::string_view("averaged")};
template <>
inline constexpr std::array words_of<FirstPosition>{std::string_view("like_others"), std::string_view("apart")};
template <>
inline constexpr std::array words_of<AverageOver>{std::string_view("all_positions"), std::string_view("all_but_first")};

template <class T>
concept Spelled = !words_of<T>.empty();

/// Calls `f(name, member)` for everything of a state that outlives a pass: the one list for writing and reading.
template <class State, class F>
void for_each_field(State& state, const F& f) {
    f("mode", state.tracking.mode);
    f("momentum", state.tracking.momentum);
    f("calls_of_ln_1", state.tracking.calls_of_ln_1);
    f("evaluation", state.tracking.evaluation);
    f("first_position", state.tracking.first_position);
    f("average_over", state.tracking.average_over);
    f("calls_per_batch", state.calls_per_batch);
    f("fixed", state.fixed);
    f("values_fixed", state.values_fixed);
    f("average", state.average);
    f("first_position_average", state.first_position_average);
    f("divisor", state.divisor);
    f("first_position_divisor", state.first_position_divisor);
    f("first_position_apart", state.first_position_apart);
    f("end_of_text_apart", state.end_of_text_apart);
}

template <class T>
void read_field(const JsonObject& object, std::string_view name, T& value) {
    if constexpr (Spelled<T>) {
        const auto word = object.require<std::string>(name);
        const auto found = std::find(words_of<T>.begin(), words_of<T>.end(), word);
        if (found == words_of<T>.end()) {
            std::string all;
            for (const std::string_view known : words_of<T>) all += (all.empty() ? "" : " or ") + in_quotes(known);
            object.fail(name, "is " + in_quotes(word) + ", expected " + all);
        }
        value = static_cast<T>(found - words_of<T>.begin());
    } else {
        value = object.require<T>(name);
        if constexpr (std::same_as<T, double>) {
            // The momentum may be 0, a standard deviation may not.
            const bool legal = name == "momentum" ? value >= 0 && value <= 1 : value > 0;
            const std::string expected = name == "momentum" ? "a number from 0 to 1" : "a number above 0";
            if (!legal) object.fail(name, "is " + Json(value).dump() + ", expected " + expected);
        }
    }
}

/// Whether a walked node is a norm with a state.
template <class Node>
concept NodeWithState = requires(Node& node) {
    Node::is_layer_norm;
    { node.state } -> std::same_as<RemovableState&>;
};

/// The norms of a model that have a state, with their names, in the order of the walk.
template <class M>
[[nodiscard]] std::vector<std::pair<std::string, RemovableState*>> norm_states_of(M& model) {
    std::vector<std::pair<std::string, RemovableState*>> states;
    walk(model.layers(), [&](const std::string& path, auto& node) {
        if constexpr (NodeWithState<std::remove_cvref_t<decltype(node)>>) states.emplace_back(path, &node.state);
    });
    return states;
}

}  // namespace detail

/// The states of every removable norm as `{"h.0.ln_1": {…}, …}`; doubles come back as the same bits. An empty object
/// for a model without such norms.
template <LanguageModel M>
[[nodiscard]] Json norm_states(M& model) {
    Json norms = Json::object();
    for (const auto& [path, state] : detail::norm_states_of(model)) {
        Json& fields = norms[path];
        detail::for_each_field(*state, [&](std::string_view name, const auto& value) {
            using Value = std::remove_cvref_t<decltype(value)>;
            if constexpr (detail::Spelled<Value>) {
                fields[std::string(name)] = detail::words_of<Value>[static_cast<std::size_t>(value)];
            } else {
                fields[std::string(name)] = value;
            }
        });
    }
    return norms;
}

/// Sets the states of a model's norms from what `norm_states` wrote.
///
/// errors  FileError that names the field when a norm is missing, none of the model's, or a value is out of its range,
///         or says that a norm still measures whose type says otherwise; the model is then untouched
template <LanguageModel M>
void set_norm_states(M& model, const JsonObject& norms) {
    const auto targets = detail::norm_states_of(model);
    for (const std::string& name : norms.keys()) {
        const bool known = std::any_of(targets.begin(), targets.end(), [&](auto& norm) { return norm.first == name; });
        if (!known) norms.fail(name, "is none of the model's removable norms");
    }
    std::vector<RemovableState> states;
    for (const auto& [path, target] : targets) {
        const JsonObject fields = norms.object(path);
        RemovableState& state = states.emplace_back();
        detail::for_each_field(state, [&](std::string_view name, auto& v) { detail::read_field(fields, name, v); });
        state.hold();
    }
    std::size_t next = 0;
    walk(model.layers(), [&](const std::string& path, auto& node) {
        using Node = std::remove_cvref_t<decltype(node)>;
        if constexpr (detail::NodeWithState<Node>) {
            const RemovableState& state = states[next++];
            // In a norm that is fixed by type nothing measures.
            if (!Node::is_layer_norm && !state.removed()) {
                norms.object(path).fail(state.fixed ? "values_fixed" : "fixed",
                                        "is false, expected true, as the model's type is norm::FixedStd");
            }
        }
    });
    for (std::size_t i = 0; i < states.size(); ++i) *targets[i].second = states[i];
}

/// Writes the states of a model's norms to a file, `norms.json` by custom, atomically.
///
/// errors  FileError as AtomicFile
template <LanguageModel M>
void save_norm_states(M& model, const std::filesystem::path& file) {
    write_json(file, Json{{"norms", norm_states(model)}});
}

/// Reads such a file.
///
/// errors  FileError as set_norm_states, and when the file is not JSON
template <LanguageModel M>
void load_norm_states(M& model, const std::filesystem::path& file) {
    const JsonFile json(file);
    set_norm_states(model, json.object().object("norms"));
}

}  // namespace lamina::io
