// SPDX-License-Identifier: MIT
// on_paper: what a layer costs and borrows, found by running it where nothing is computed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include <lamina/arch/visit.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/extent.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/paths.hpp>
#include <lamina/nn/run/once_per_step.hpp>
#include <lamina/nn/run/pass.hpp>
#include <lamina/nn/run/saved.hpp>

namespace lamina {

/// Checks every request, adds up what it says it costs, and computes nothing.
class PaperBackend {
public:
    static constexpr std::size_t row_multiple = 1;

    template <class Request>
    constexpr ResultOf<Request> run(const Request& request) {
        request.check();
        flops_ += request.flops();
        if constexpr (!std::is_void_v<ResultOf<Request>>) return {};
    }
    constexpr void download(void*, const void*, std::size_t) {}

    /// Since the last call.
    [[nodiscard]] constexpr double take_flops() {
        const double sum = flops_;
        flops_ = 0;
        return sum;
    }

private:
    double flops_ = 0;
};

/// What one layer does in a step.
struct PaperRun {
    Flops flops{};
    std::size_t scratch = 0;  ///< bytes, the most that are borrowed at the same time
};

namespace detail {

struct AssumesMostMemory : LayerProperty {
    template <class Node>
    static constexpr bool of = requires(Node& node) {
        node.assume_most_memory();
    };
};

/// The work of a layer tree that is done once per optimiser step: what is materialised, and the chain rule through it.
/// Gradients that are streamed are formed twice, for their norm and for the update.
template <class L>
constexpr void run_once_per_step(L& layers, PaperBackend& backend) {
    materialise_all(layers, backend);
    complete_all_gradients(layers, backend);
    for_each_streaming(layers, [&](auto& node) {
        for (int time = 0; time < 2; ++time) node.form_adapter_gradients(backend);
    });
}

}  // namespace detail

/// The forward and the backward pass of a fresh layer over `extent`, in the state in which it borrows most.
/// `input_gradient` says whether the gradient with respect to its input is wanted.
///
/// cost     no more than the layer's own calls; a constant expression where forward and backward are constexpr
template <Layer L>
[[nodiscard]] constexpr PaperRun on_paper(Extent extent, bool input_gradient = true) {
    using In = InScalarOf<L>;
    using Out = OutScalarOf<L>;
    const std::size_t n = extent.tokens();
    L layer{};
    for_each_node<detail::AssumesMostMemory>(layer, [](auto& node) { node.assume_most_memory(); });
    typename L::Saved saved{};
    bind_saved_on_paper(saved, n);
    PaperBackend backend;
    Pass<PaperBackend> pass{
        .backend = backend, .extent = extent, .ids = {&nowhere<Token>, n}, .scratch = ScratchStack::on_paper()};
    PaperRun result;
    forward_into(layer, pass, Rows<const In, L::in>(&nowhere<In>, n), Into(Rows<Out, L::out>(&nowhere<Out>, n)), saved);
    result.flops.forward = backend.take_flops();
    StreamGradient<In, L::in> d_x;
    if (input_gradient) d_x = {{&nowhere<In>, n}, {&nowhere<bf16>, n}};
    backward_on_stream(layer, pass, Rows<const In, L::in>(&nowhere<In>, n), saved,
                       StreamGradient<const Out, L::out>{{&nowhere<Out>, n}, {&nowhere<bf16>, n}}, d_x);
    result.flops.backward = backend.take_flops();
    detail::run_once_per_step(layer, backend);
    result.flops.once = backend.take_flops();
    result.scratch = pass.scratch.peak();
    return result;
}

}  // namespace lamina
