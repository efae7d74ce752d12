// SPDX-License-Identifier: MIT
// Manifest: the table of every parameter of a model, derived by the compiler from the model's type.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <lamina/arch/initial.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/arch/visit.hpp>
#include <lamina/core/fixed_string.hpp>
#include <lamina/core/scalar_type.hpp>

namespace lamina {

/// Alignment of every tensor inside its region, bytes: one cache line, and enough for any vector unit.
inline constexpr std::size_t tensor_alignment = 64;

[[nodiscard]] constexpr std::size_t aligned_size(std::size_t bytes) {
    return (bytes + tensor_alignment - 1) / tensor_alignment * tensor_alignment;
}

/// One row of the table.
struct TensorEntry {
    FixedString<16> group{};       ///< name of the repeated group that the tensor is in ("h"), or empty
    bool repeated = false;         ///< stands in a group, as everything in the blocks of a model does
    std::size_t index = 0;         ///< which repetition: the number of the block
    FixedString<56> suffix{};      ///< name inside the group, or the whole name
    std::size_t layer = 0;         ///< number of the layer that shows the tensor: W, b, A and B of one have the same
    std::size_t layer_length = 0;  ///< how much of `suffix` is the name of that layer
    std::array<std::size_t, 2> shape{};
    std::size_t rank = 0;
    std::size_t size = 0;     ///< elements
    std::size_t padding = 0;  ///< elements of zeros behind the values and behind the gradient, which no shape shows
    Role role{};
    Part part{};
    bool trains = false;
    bool streams = false;  ///< its gradient is formed when it is asked for, and kept nowhere
    ScalarType type{};
    Initial initial{};
    std::size_t offset = 0;  ///< bytes from the start of the role's region of values
    /// Elements from the start of the role's region of gradients, or of the place that streamed ones share.
    std::size_t gradient_offset = 0;
    std::size_t moment_offset = 0;  ///< elements from the start of either of the role's regions of moments

    /// The Hugging Face name, prefix-less: "h.3.attn.c_attn.weight".
    [[nodiscard]] std::string name() const { return in_place(suffix.view()); }
    /// That of the layer: "h.3.attn.c_attn".
    [[nodiscard]] std::string layer_name() const { return in_place(layer_in_group()); }
    /// Inside the group: "attn.c_attn".
    [[nodiscard]] constexpr std::string_view layer_in_group() const { return suffix.view().substr(0, layer_length); }
    [[nodiscard]] constexpr std::size_t bytes() const { return size * bits_of(type) / 8; }
    /// Of the values and what is behind them.
    [[nodiscard]] constexpr std::size_t padded_bytes() const { return padded_size() * bits_of(type) / 8; }
    [[nodiscard]] constexpr std::size_t padded_size() const { return size + padding; }
    [[nodiscard]] constexpr std::span<const std::size_t> dimensions() const { return std::span(shape).first(rank); }
    /// As a matrix; a vector is one row.
    [[nodiscard]] constexpr std::size_t rows() const { return rank == 2 ? shape[0] : 1; }
    [[nodiscard]] constexpr std::size_t cols() const { return shape[rank - 1]; }

private:
    [[nodiscard]] std::string in_place(std::string_view inside) const {
        if (!repeated) return std::string(inside);
        const std::string block = std::string(group.view()) + '.' + std::to_string(index);
        return inside.empty() ? block : block + '.' + std::string(inside);
    }
};

namespace detail {

/// Appends what `visit` shows to a fixed table; with a table of size 0 it only counts.
template <std::size_t Capacity>
struct EntryCollector {
    std::array<TensorEntry, Capacity> entries{};
    std::size_t count = 0;
    std::size_t layers = 0;
    bool groups_nest = false;
    bool names_fit = true;

    template <class Node>
    constexpr void collect(Node& node, const TensorEntry& place) {
        if constexpr (ParameterMember<Node>) {
            if constexpr (Capacity != 0) {
                TensorEntry& entry = entries[count];
                entry = place;
                entry.rank = Node::shape.size();
                for (std::size_t i = 0; i < Node::shape.size(); ++i) entry.shape[i] = Node::shape[i];
                entry.size = Node::size;
                entry.padding = Node::padding;
                entry.role = Node::role;
                entry.part = Node::part;
                entry.trains = Node::trains;
                entry.type = scalar_type_of<typename Node::Scalar>;
                if constexpr (requires { node.initial; }) entry.initial = node.initial;
            }
            ++count;
        } else if constexpr (is_array_member<Node>) {
            collect_group(node, place);
        } else if constexpr (!DerivedMember<Node>) {
            const std::size_t first = count;
            const std::size_t layer = layers++;
            node.visit([&](std::string_view name, auto& member) {
                TensorEntry below = place;
                below.layer = layer;
                below.layer_length = place.suffix.length;
                if (!name.empty() && below.suffix.length != 0) append(below.suffix, ".");
                append(below.suffix, name);
                collect(member, below);
            });
            if constexpr (Capacity != 0 && StreamsAdapterGradients<Node>) place_streamed(first);
        }
    }

    // All repetitions have one layout, so the first is visited and the others are copied.
    template <class T, std::size_t Size>
    constexpr void collect_group(std::array<T, Size>& group, const TensorEntry& place) {
        groups_nest = groups_nest || place.repeated;
        TensorEntry inside{.repeated = true};
        append(inside.group, place.suffix.view());
        const std::size_t first = count;
        const std::size_t first_layer = layers;
        if constexpr (Size != 0) collect(group[0], inside);
        const std::size_t each = count - first;
        const std::size_t layers_each = layers - first_layer;
        for (std::size_t i = 1; i < Size; ++i) {
            for (std::size_t k = 0; k < each; ++k) {
                if constexpr (Capacity != 0) {
                    entries[count] = entries[first + k];
                    entries[count].index = i;
                    entries[count].layer += i * layers_each;
                }
                ++count;
            }
            layers += layers_each;
        }
    }

private:
    // Every such layer has its gradients at the same place, one after another.
    constexpr void place_streamed(std::size_t first) {
        std::size_t offset = 0;
        for (std::size_t k = first; k < count; ++k) {
            TensorEntry& entry = entries[k];
            entry.streams = entry.trains && entry.role == Role::adapter;
            if (!entry.streams) continue;
            entry.gradient_offset = offset;
            offset += aligned_size(entry.padded_size());
        }
    }

    // A name that does not fit is noted instead of thrown, so that the table can say what to do about it.
    template <std::size_t Room>
    constexpr void append(FixedString<Room>& name, std::string_view text) {
        const bool fits = text.size() <= Room - name.length;
        names_fit = names_fit && fits;
        if (fits) name.append(text);
    }
};

/// A model shows its layers as one type; a single layer is its own.
template <class Model>
struct LayersOf {
    using type = Model;
};
template <class Model>
requires requires { typename Model::Layers; }
struct LayersOf<Model> {
    using type = typename Model::Layers;
};

/// The table's size, and whether it can be made at all.
template <class Model>
consteval EntryCollector<0> survey_entries() {
    Model model{};
    EntryCollector<0> survey;
    survey.collect(model, TensorEntry{});
    return survey;
}

template <class Model, std::size_t Count>
consteval auto collect_entries() {
    Model model{};
    EntryCollector<Count> collector;
    collector.collect(model, TensorEntry{});
    std::array<std::size_t, role_count> bytes{};
    std::array<std::size_t, role_count> gradients{};
    std::array<std::size_t, role_count> moments{};
    for (TensorEntry& entry : collector.entries) {
        entry.offset = bytes[index_of(entry.role)];
        entry.moment_offset = moments[index_of(entry.role)];
        bytes[index_of(entry.role)] += aligned_size(entry.padded_bytes());
        // Layers of different policies may stand in one tree, so a role can train in some and not in others.
        if (entry.trains) moments[index_of(entry.role)] += aligned_size(entry.size);
        if (entry.streams) continue;
        entry.gradient_offset = gradients[index_of(entry.role)];
        if (entry.trains) gradients[index_of(entry.role)] += aligned_size(entry.padded_size());
    }
    return collector.entries;
}

/// The table behind `Manifest`, shared by a model and its layers.
template <class Layers>
struct ParameterTable {
    static constexpr EntryCollector<0> survey = survey_entries<Layers>();
    static_assert(
        !survey.groups_nest,
        "lamina: Manifest: an array of layers stands inside an array of layers; give the inner ones a member each");
    static_assert(
        survey.names_fit,
        "lamina: Manifest: a tensor's name is longer than 56 characters, or a group's than 16; shorten the names");
    static constexpr auto entries = collect_entries<Layers, survey.count>();

    [[nodiscard]] static constexpr std::size_t parameters_of(Role role) {
        std::size_t sum = 0;
        for (const TensorEntry& entry : entries) sum += entry.role == role ? entry.size : 0;
        return sum;
    }
    [[nodiscard]] static constexpr std::size_t bytes_of(Role role) {
        std::size_t sum = 0;
        for (const TensorEntry& entry : entries) sum += entry.role == role ? aligned_size(entry.padded_bytes()) : 0;
        return sum;
    }
    /// Elements of the gradient region of a role, padding included; 0 when the role is frozen or streams.
    [[nodiscard]] static constexpr std::size_t gradient_elements_of(Role role) {
        std::size_t sum = 0;
        for (const TensorEntry& entry : entries) {
            sum += entry.role == role && entry.trains && !entry.streams ? aligned_size(entry.padded_size()) : 0;
        }
        return sum;
    }
    /// Elements of the place that streamed gradients share, padding included: as many as the largest layer's.
    static constexpr std::size_t streamed_gradient_elements = [] {
        std::size_t most = 0;
        for (const TensorEntry& entry : entries) {
            const std::size_t end = entry.streams ? entry.gradient_offset + aligned_size(entry.padded_size()) : 0;
            most = end > most ? end : most;
        }
        return most;
    }();
    /// Elements of all gradients in memory, padding included.
    static constexpr std::size_t gradient_elements = [] {
        std::size_t sum = streamed_gradient_elements;
        for (const Role role : all_roles) sum += gradient_elements_of(role);
        return sum;
    }();
    /// Elements of one region of moments of a role, padding included; 0 when the role is frozen.
    [[nodiscard]] static constexpr std::size_t moment_elements_of(Role role) {
        std::size_t sum = 0;
        for (const TensorEntry& entry : entries) {
            sum += entry.role == role && entry.trains ? aligned_size(entry.size) : 0;
        }
        return sum;
    }

    /// Every parameter, adapters included.
    static constexpr std::size_t parameters = [] {
        std::size_t sum = 0;
        for (const TensorEntry& entry : entries) sum += entry.size;
        return sum;
    }();
    static constexpr std::size_t trainable_parameters = [] {
        std::size_t sum = 0;
        for (const TensorEntry& entry : entries) sum += entry.trains ? entry.size : 0;
        return sum;
    }();
};

}  // namespace detail

/// The parameter table of any type with `visit`: a model (through its layers) or a single layer.
///
/// Values: each role is one contiguous region, tensors in table order, each start aligned to `tensor_alignment` bytes.
/// Gradients and optimiser moments: one region per role that trains, element offsets rounded up to the same number.
/// Padding of a tensor is memory behind its values and its gradient, without moments, and in no count of parameters.
/// Gradients of layers with StreamsAdapterGradients are in none: these share one place.
template <class Model>
using Manifest = detail::ParameterTable<typename detail::LayersOf<Model>::type>;

}  // namespace lamina
