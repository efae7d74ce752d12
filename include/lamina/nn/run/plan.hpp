// SPDX-License-Identifier: MIT
// The plan: bytes and floating-point operations of a model, found by running its layers on paper.
#pragma once

#include <array>
#include <cstddef>

#include <lamina/arch/manifest.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/core/extent.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/loss_head.hpp>
#include <lamina/nn/run/paper.hpp>
#include <lamina/nn/run/parameter_store.hpp>
#include <lamina/nn/run/workspace.hpp>

namespace lamina {

[[nodiscard]] consteval std::size_t operator""_GiB(unsigned long long count) { return count << 30; }
[[nodiscard]] consteval std::size_t operator""_MiB(unsigned long long count) { return count << 20; }

/// What a model needs to run on batches of one extent. Bytes include alignment; a backend's own scratch is not counted.
struct Plan {
    std::array<std::size_t, role_count> parameters{};  ///< bytes, by role
    std::size_t gradients = 0;                         ///< bytes; of adapters the largest layer's where they stream
    std::size_t moments = 0;                           ///< bytes of both AdamW moments
    std::size_t derived = 0;  ///< bytes of W + A·B or A·B, and of the gradient with respect to it
    WorkspaceBytes workspace{};
    Flops flops{};  ///< of one pass over the extent; `once` per optimiser step

    [[nodiscard]] constexpr std::size_t parameter_bytes() const {
        std::size_t sum = 0;
        for (const std::size_t bytes : parameters) sum += bytes;
        return sum;
    }
    /// Everything at once: nothing is released during a step.
    [[nodiscard]] constexpr std::size_t peak_bytes() const {
        return parameter_bytes() + gradients + moments + derived + workspace.total();
    }
};

namespace detail {

/// The head over `tokens` hidden states, on paper.
template <class M>
[[nodiscard]] constexpr Flops head_flops(std::size_t tokens, bool input_gradient) {
    using P = typename M::Policies;
    using Scalar = typename M::Scalar;
    using Compute = typename M::Compute;
    constexpr std::size_t vocab = M::architecture.vocab;
    constexpr std::size_t embed = M::architecture.embed;
    constexpr bool trains = P::trains(P::Head::own_weight ? Role::head : Role::embedding);
    OutputHead<typename P::Base, typename M::Gradient> head{.weight = {&nowhere<typename P::Base>, vocab, embed}};
    if (trains) head.d_weight = {&nowhere<typename M::Gradient>, vocab, embed};
    const MatrixView<Scalar> hidden(&nowhere<Scalar>, tokens, embed);
    const MatrixView<Compute> logits(&nowhere<Compute>, tokens, vocab);
    PaperBackend backend;
    Flops sum;
    output_logits(backend, hidden.read_only(), head, logits);
    sum.forward = backend.take_flops();
    head_gradients(backend, logits.read_only(), hidden.read_only(), head,
                   input_gradient ? hidden : MatrixView<Scalar>{});
    sum.backward = backend.take_flops();
    return sum;
}

/// The model over one batch: the first block's input has a gradient where the embedding trains.
template <class M>
[[nodiscard]] constexpr Flops model_flops(Extent extent, Use use) {
    using P = typename M::Policies;
    constexpr bool embedding_trains = P::trains(Role::embedding);
    constexpr bool blocks_train = has_trainable<typename M::Block>();
    constexpr bool body_trains = embedding_trains || blocks_train || has_trainable<typename M::FinalNorm>();
    Flops sum = head_flops<M>(extent.tokens(), body_trains);
    const double layers = static_cast<double>(M::architecture.layers);
    const Flops first = on_paper<typename M::Block>(extent, embedding_trains).flops;
    const Flops others = on_paper<typename M::Block>(extent, embedding_trains || blocks_train).flops;
    sum = sum + first + (layers - 1) * others;
    if (P::Recompute::per_block && body_trains) sum.backward += layers * others.forward;
    if (use == Use::evaluate) sum.backward = 0;
    return sum;
}

}  // namespace detail

/// `static_assert(plan<Model>({.batch = 8, .sequence = 1024}).peak_bytes() <= 80_GiB)`.
///
/// cost     FLOP model: matrix products and causal attention, each multiply-add two operations
template <class M>
[[nodiscard]] constexpr Plan plan(Extent extent, Use use = Use::train) {
    using Table = Manifest<M>;
    Plan result{};
    for (const Role role : all_roles) {
        result.parameters[index_of(role)] = Table::bytes_of(role);
        const std::size_t moments = 2 * Table::moment_elements_of(role);
        if (use == Use::train) result.moments += moments * sizeof(typename M::Policies::Moment);
    }
    result.gradients = Table::gradient_elements * sizeof(typename M::Gradient);
    result.derived = derived_bytes<typename M::Layers>();
    result.workspace = Workspace<M>::bytes(extent, use);
    result.flops = detail::model_flops<M>(extent, use);
    return result;
}

}  // namespace lamina
