// SPDX-License-Identifier: MIT
// ParameterStore: the memory behind a layer tree's parameters, gradients and derived tensors, one region per role.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>

#include <lamina/arch/manifest.hpp>
#include <lamina/arch/parameter.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/arch/visit.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/scalar_type.hpp>
#include <lamina/nn/run/bound_tensor.hpp>
#include <lamina/nn/run/once_per_step.hpp>
#include <lamina/nn/run/planned_memory.hpp>

namespace lamina {

namespace detail {

template <class Node>
constexpr std::size_t derived_bytes_of() {
    if constexpr (DerivedMember<Node>) return aligned_size(Node::size * sizeof(typename Node::Scalar));
    return 0;
}
struct DerivedBytes {
    template <class Node>
    static constexpr std::size_t of = derived_bytes_of<Node>();
};

struct AnyAccumulator {
    template <class Node>
    static constexpr bool of = requires {
        requires DerivedMember<Node> && Node::kind == DerivedKind::accumulator;
    };
};
struct AnyLeaf {
    template <class Node>
    static constexpr bool of = LeafMember<Node>;
};

}  // namespace detail

/// Bytes of every derived tensor of a layer tree.
template <class Layers>
[[nodiscard]] consteval std::size_t derived_bytes() {
    return sum_over<Layers, detail::DerivedBytes>;
}

namespace detail {

/// Whether `for_each_tensor` has a type for every tensor of a table.
template <class Table>
[[nodiscard]] consteval bool every_type_is_stored() {
    bool all = true;
    for (const TensorEntry& entry : Table::entries) {
        all = all && (entry.type == scalar_type_of<float> || entry.type == scalar_type_of<double> ||
                      entry.type == scalar_type_of<bf16>);
    }
    return all;
}

/// Which tensors are visited, and whether their gradients are wanted.
enum class Visit { all, trained_values, trained };

}  // namespace detail

/// Allocates what the manifest of `Layers` lists and points the members of a layer tree at it. Values start as zeros;
/// the padding of a tensor, which nobody is shown, stays so.
template <class Layers, class Gradient, class B>
class ParameterStore {
    using Memory = typename B::Memory;
    using Table = Manifest<Layers>;
    static_assert(detail::every_type_is_stored<Table>(),
                  "lamina: ParameterStore: parameters are stored as float, double or bf16; give the precision policy "
                  "one of these");

public:
    ParameterStore(B& backend, Layers& layers) : derived_(allocate(backend, derived_bytes<Layers>())) {
        for (const Role role : all_roles) {
            values_[index_of(role)] = allocate(backend, Table::bytes_of(role));
            gradients_[index_of(role)] = allocate(backend, Table::gradient_elements_of(role) * sizeof(Gradient));
        }
        streamed_gradients_ = allocate(backend, Table::streamed_gradient_elements * sizeof(Gradient));
        bind(layers);
    }

    /// The gradients of a role, padding included, as one row; empty when the role is frozen or streams.
    [[nodiscard]] MatrixView<Gradient> gradients(Role role) {
        const std::size_t count = Table::gradient_elements_of(role);
        if (count == 0) return {};
        return row_view(reinterpret_cast<Gradient*>(gradients_[index_of(role)].data()), count);
    }

    /// Calls `f(BoundTensor)` for every parameter, in the order of the manifest. Gradients that are streamed are empty.
    template <class F>
    void for_each_tensor(const F& f) {
        for (const TensorEntry& entry : Table::entries) visit_tensor<Visit::all>(entry, f);
    }
    /// The same for those that train, all gradients empty: for those who want the values only.
    template <class F>
    void for_each_trained_value(const F& f) {
        for (const TensorEntry& entry : Table::entries) visit_tensor<Visit::trained_values>(entry, f);
    }
    /// The same for those that train. Gradients that are streamed are formed layer by layer, just before `f` sees the
    /// layer's first tensor, and are overwritten after its last; `f` may change the values that it is shown.
    template <class F>
    void for_each_trained_tensor(B& backend, Layers& layers, const F& f) {
        if constexpr (Table::streamed_gradient_elements == 0) {
            for (const TensorEntry& entry : Table::entries) visit_tensor<Visit::trained>(entry, f);
        } else {
            std::size_t streaming = 0;
            const TensorEntry* before = nullptr;
            for (const TensorEntry& entry : Table::entries) {
                if (entry.streams && (before == nullptr || entry.layer != before->layer)) {
                    form_gradients(backend, layers, streaming++);
                }
                if (entry.streams) before = &entry;
                visit_tensor<Visit::trained>(entry, f);
            }
        }
    }

    /// Sets every gradient and every accumulator to zero.
    void zero_gradients(B& backend, Layers& layers) {
        for (const Role role : all_roles) {
            if (!gradients(role).empty()) backend.run(Fill(gradients(role), 0.0));
        }
        for_each_node<detail::AnyAccumulator>(layers, [&](auto& derived) { backend.run(Fill(derived.values, 0.0)); });
    }

    /// Calls `f(place)` for the start of every region: all that layers read and write besides activations.
    template <class F>
    void for_each_region(const F& f) const {
        for (const Memory& memory : values_) f(memory.data());
        for (const Memory& memory : gradients_) f(memory.data());
        f(derived_.data());
    }

    /// Bytes allocated, all regions.
    [[nodiscard]] static constexpr std::size_t bytes() {
        std::size_t sum = derived_bytes<Layers>() + Table::gradient_elements * sizeof(Gradient);
        for (const Role role : all_roles) sum += Table::bytes_of(role);
        return sum;
    }

private:
    using Visit = detail::Visit;

    [[nodiscard]] static Memory allocate(B& backend, std::size_t some) {
        return allocate_planned(backend, some, bytes(), "parameters, their gradients and what is derived of them");
    }

    template <class Scalar>
    [[nodiscard]] Scalar* values_of(const TensorEntry& entry) {
        return reinterpret_cast<Scalar*>(values_[index_of(entry.role)].data() + entry.offset);
    }
    [[nodiscard]] Gradient* gradient_of(const TensorEntry& entry) {
        Memory& memory = entry.streams ? streamed_gradients_ : gradients_[index_of(entry.role)];
        return reinterpret_cast<Gradient*>(memory.data()) + entry.gradient_offset;
    }

    void bind(Layers& layers) {
        std::size_t k = 0;
        std::byte* next = derived_.data();
        for_each_node<detail::AnyLeaf>(layers, [&](auto& node) {
            using Member = std::remove_cvref_t<decltype(node)>;
            if constexpr (ParameterMember<Member>) {
                const TensorEntry& entry = Table::entries[k++];
                node.values.data = values_of<typename Member::Scalar>(entry);
                if constexpr (Member::trains) node.gradient.data = gradient_of(entry);
            } else {
                node.values.data = reinterpret_cast<typename Member::Scalar*>(next);
                next += aligned_size(Member::size * sizeof(typename Member::Scalar));
            }
        });
    }

    /// Forms the gradients of one of the layers that stream them. Looked for anew each time, a few pointer steps beside
    /// products of matrices, so that this is compiled once and not for everyone who looks at gradients.
    static void form_gradients(B& backend, Layers& layers, std::size_t wanted) {
        std::size_t k = 0;
        for_each_streaming(layers, [&](auto& node) {
            if (k++ == wanted) node.form_adapter_gradients(backend);
        });
    }

    template <Visit V, class Scalar>
    [[nodiscard]] static consteval bool stores() {
        bool found = false;
        for (const TensorEntry& entry : Table::entries) {
            found = found || (entry.type == scalar_type_of<Scalar> && (entry.trains || V == Visit::all));
        }
        return found;
    }

    // `f` is instantiated for the types that occur, not for every parameter.
    template <Visit V, class F>
    void visit_tensor(const TensorEntry& entry, const F& f) {
        if (V != Visit::all && !entry.trains) return;
        visit_tensor_of<V, float>(entry, f);
        visit_tensor_of<V, double>(entry, f);
        visit_tensor_of<V, bf16>(entry, f);
    }

    template <Visit V, class Scalar, class F>
    void visit_tensor_of(const TensorEntry& entry, const F& f) {
        if constexpr (stores<V, Scalar>()) {
            if (entry.type != scalar_type_of<Scalar>) return;
            const bool shown = V == Visit::trained || (V == Visit::all && entry.trains && !entry.streams);
            Gradient* const gradient = shown ? gradient_of(entry) : nullptr;
            f(BoundTensor<Scalar, Gradient>{
                .entry = entry,
                .values = {values_of<Scalar>(entry), entry.rows(), entry.cols()},
                .gradient = gradient == nullptr ? MatrixView<Gradient>{}
                                                : MatrixView<Gradient>(gradient, entry.rows(), entry.cols())});
        }
    }

    std::array<Memory, role_count> values_{};
    std::array<Memory, role_count> gradients_{};
    Memory streamed_gradients_{};
    Memory derived_{};
};

}  // namespace lamina
