// SPDX-License-Identifier: MIT
// ParameterStore: the memory behind a layer tree's parameters, gradients and derived tensors, one region per role.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <type_traits>

#include <lamina/arch/manifest.hpp>
#include <lamina/arch/parameter.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/arch/visit.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/matrix_view.hpp>

namespace lamina {

/// Bytes of every derived tensor of a layer tree.
template <class Layers>
[[nodiscard]] consteval std::size_t derived_bytes() {
    std::size_t bytes = 0;
    const auto look = [&](const auto& self, auto& node) -> void {
        using Node = std::remove_cvref_t<decltype(node)>;
        if constexpr (DerivedMember<Node>) {
            bytes += aligned_size(Node::size * sizeof(typename Node::Scalar));
        } else if constexpr (detail::is_array_member<Node>) {
            const std::size_t before = bytes;
            if constexpr (std::tuple_size_v<Node> != 0) self(self, node[0]);
            bytes = before + std::tuple_size_v<Node> * (bytes - before);
        } else if constexpr (!ParameterMember<Node>) {
            node.visit([&](std::string_view, auto& member) { self(self, member); });
        }
    };
    Layers layers{};
    look(look, layers);
    return bytes;
}

/// Allocates what the manifest of `Layers` lists and points the members of a layer tree at it. Values start as zeros.
template <class Layers, class Gradient, class B>
class ParameterStore {
    using Memory = typename B::Memory;
    using Table = Manifest<Layers>;

public:
    ParameterStore(B& backend, Layers& layers) : derived_(backend.allocate(derived_bytes<Layers>())) {
        for (const Role role : all_roles) {
            values_[index_of(role)] = backend.allocate(Table::bytes_of(role));
            gradients_[index_of(role)] = backend.allocate(Table::gradient_elements_of(role) * sizeof(Gradient));
        }
        bind(layers);
    }

    /// The gradients of a role, padding included, as one row; empty when the role is frozen.
    [[nodiscard]] MatrixView<Gradient> gradients(Role role) {
        const std::size_t count = Table::gradient_elements_of(role);
        if (count == 0) return {};
        return row_view(reinterpret_cast<Gradient*>(gradients_[index_of(role)].data()), count);
    }

    /// Sets every gradient and every accumulator to zero.
    void zero_gradients(B& backend, Layers& layers) {
        for (const Role role : all_roles) {
            if (!gradients(role).empty()) backend.fill(gradients(role), 0.0);
        }
        for_each_derived(layers, [&](auto& derived) {
            using Member = std::remove_cvref_t<decltype(derived)>;
            if constexpr (Member::kind == DerivedKind::accumulator) backend.fill(derived.writable(), 0.0);
        });
    }

    /// Bytes allocated, all regions.
    [[nodiscard]] static constexpr std::size_t bytes() {
        std::size_t sum = derived_bytes<Layers>();
        for (const Role role : all_roles) {
            sum += Table::bytes_of(role) + Table::gradient_elements_of(role) * sizeof(Gradient);
        }
        return sum;
    }

private:
    void bind(Layers& layers) {
        std::size_t k = 0;
        for_each_parameter(layers, [&](const std::string&, auto& parameter) {
            using Member = std::remove_cvref_t<decltype(parameter)>;
            const TensorEntry& entry = Table::entries[k++];
            std::byte* const region = values_[index_of(entry.role)].data();
            parameter.values = reinterpret_cast<typename Member::Scalar*>(region + entry.offset);
            if constexpr (Member::trains) {
                parameter.gradient =
                    reinterpret_cast<Gradient*>(gradients_[index_of(entry.role)].data()) + entry.gradient_offset;
            }
        });
        std::byte* next = derived_.data();
        for_each_derived(layers, [&](auto& derived) {
            using Member = std::remove_cvref_t<decltype(derived)>;
            derived.values = reinterpret_cast<typename Member::Scalar*>(next);
            next += aligned_size(Member::size * sizeof(typename Member::Scalar));
        });
    }

    std::array<Memory, role_count> values_{};
    std::array<Memory, role_count> gradients_{};
    Memory derived_{};
};

/// The once-per-step work of every layer that has some.
template <class Layers, class B>
void materialise_all(Layers& layers, B& backend) {
    walk(layers, [&](const std::string&, auto& node) {
        if constexpr (requires { node.materialise(backend); }) node.materialise(backend);
    });
}

template <class Layers, class B>
void complete_all_gradients(Layers& layers, B& backend) {
    walk(layers, [&](const std::string&, auto& node) {
        if constexpr (requires { node.complete_gradients(backend); }) node.complete_gradients(backend);
    });
}

}  // namespace lamina
