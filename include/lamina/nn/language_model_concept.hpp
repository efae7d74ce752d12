// SPDX-License-Identifier: MIT
// The LanguageModel concept: what training, files and evaluation ask of a model.
#pragma once

#include <concepts>
#include <cstdint>

#include <lamina/arch/architecture.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/token_batch.hpp>
#include <lamina/nn/loss.hpp>

namespace lamina {

namespace detail {

struct IgnoringTensorVisitor {
    template <class Tensor>
    void operator()(const Tensor&) const {}
};

template <class T>
void takes_matrix_view(MatrixView<T>);

}  // namespace detail

/// A model that turns token batches into losses and gradients, and shows its layers and its tensors. `Gpt2<…>` and
/// `Decoder<…>` are some.
template <class M>
concept LanguageModel = requires(M& model, const TokenBatch& batch, MicroBatch micro, std::uint64_t seed) {
    typename M::Layers;
    typename M::Policies;
    typename M::Policies::Moment;
    typename M::Backend;
    { M::architecture } -> std::convertible_to<Architecture>;
    { model.layers() } -> std::same_as<typename M::Layers&>;
    model.for_each_tensor(detail::IgnoringTensorVisitor{});
    model.for_each_trained_tensor(detail::IgnoringTensorVisitor{});
    model.for_each_trained_value(detail::IgnoringTensorVisitor{});
    { model.backend() } -> std::same_as<typename M::Backend&>;
    { model.evaluate(batch) } -> std::same_as<LossSum>;
    { model.forward_backward(batch) } -> std::same_as<StepLoss>;
    { model.forward_backward(batch, micro) } -> std::same_as<StepLoss>;
    detail::takes_matrix_view(model.gradients(Role::adapter));
    { model.has_gradients() } -> std::same_as<bool>;
    model.zero_gradients();
    model.complete_gradients();
    model.parameters_changed();
    model.initialise(seed);
};

}  // namespace lamina
