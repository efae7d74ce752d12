// SPDX-License-Identifier: MIT
// layer_states: the states that a model's layers show, as JSON.
#pragma once

#include <lamina/io/json_file.hpp>

#include <lamina/core/message_text.hpp>
#include <lamina/nn/layer_state.hpp>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>

namespace lamina::io {

namespace detail {

template <class T>
[[nodiscard]] T read_field(const JsonObject& object, std::string_view name, const FieldRule& rule) {
    if constexpr (std::is_enum_v<T>) {
        const auto word = object.require<std::string>(name);
        const auto found = std::find(rule.words.begin(), rule.words.end(), word);
        if (found == rule.words.end()) {
            std::string all;
            for (const std::string_view known : rule.words) all += (all.empty() ? "" : " or ") + in_quotes(known);
            object.fail(name, "is " + in_quotes(word) + ", expected " + all);
        }
        return static_cast<T>(found - rule.words.begin());
    } else {
        const T value = object.require<T>(name);
        if (!rule.accepts(static_cast<double>(value))) {
            object.fail(name, "is " + Json(value).dump() + ", expected " + std::string(rule.expected));
        }
        return value;
    }
}

}  // namespace detail

/// The state of every layer that has one as `{"h.0.ln_1": {…}, …}`; doubles come back as the same bits. An empty object
/// where no layer has a state.
template <class Layers>
[[nodiscard]] Json layer_states(Layers& layers) {
    Json states = Json::object();
    for_each_state(layers, [&](const std::string& path, auto& layer) {
        Json& fields = states[path];
        layer.visit_state([&]<class T>(std::string_view name, const T& value, const FieldRule& rule) {
            if constexpr (std::is_enum_v<T>) {
                fields[std::string(name)] = rule.words[static_cast<std::size_t>(value)];
            } else {
                fields[std::string(name)] = value;
            }
        });
    });
    return states;
}

/// Sets the states of layers from what `layer_states` wrote.
///
/// errors  FileError that names the field when a layer is missing, none of those with a state, or a value is out of its
///         range or says what the layer's type denies; the layers are then untouched
template <class Layers>
void set_layer_states(Layers& layers, const JsonObject& states) {
    std::set<std::string, std::less<>> known;
    for_each_state(layers, [&](const std::string& path, auto&) { known.insert(path); });
    for (const std::string& name : states.keys()) {
        if (!known.contains(name)) states.fail(name, "is none of the model's layers with a state");
    }
    for (const bool writes : {false, true}) {
        for_each_state(layers, [&](const std::string& path, auto& layer) {
            const JsonObject fields = states.object(path);
            layer.visit_state([&]<class T>(std::string_view name, T& value, const FieldRule& rule) {
                const T read = detail::read_field<T>(fields, name, rule);
                if (writes) value = read;
            });
        });
    }
}

}  // namespace lamina::io
