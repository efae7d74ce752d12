// SPDX-License-Identifier: MIT
// One layer with its memory, to look at its outputs and gradients number by number.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <lamina/nn/initialise.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/run/paper.hpp>
#include <lamina/nn/run/parameter_store.hpp>
#include <lamina/nn/run/pass_start.hpp>

#include "nn/tiny_models.hpp"

namespace lamina_tests {

/// A layer in double, initialised, all its buffers allocated. Outputs start as NaN.
template <lamina::Layer L>
class LayerRun {
public:
    explicit LayerRun(lamina::Extent extent) : extent_(extent) {
        lamina::initialise_parameters(store_, backend, 1, 1);
        lamina::bind_saved(saved, saved_memory_.data(), extent.tokens());
    }

    std::vector<double> forward(const std::vector<double>& x, lamina::Phase phase = lamina::Phase::train) {
        x_.assign(x.begin(), x.end());
        Values y(extent_.tokens() * L::out, std::numeric_limits<double>::quiet_NaN());
        lamina::materialise_all(layer, backend);
        lamina::Pass<Cpu> pass = make_pass(phase);
        lamina::forward_into(layer, pass, input(),
                             lamina::Into(lamina::Rows<double, L::out>(y.data(), extent_.tokens())), saved);
        return {y.begin(), y.end()};
    }

    /// The gradient of the input of the last forward.
    /// As a model does when its forward pass is queued.
    void take_means(lamina::Phase phase) {
        lamina::Pass<Cpu> pass = make_pass(phase);
        lamina::take_means<double>(pass, layer);
    }
    std::vector<double> backward(const std::vector<double>& d_y) {
        Values d_x(extent_.tokens() * L::in, std::numeric_limits<double>::quiet_NaN());
        backward_into(d_y, lamina::Rows<double, L::in>(d_x.data(), extent_.tokens()));
        return {d_x.begin(), d_x.end()};
    }
    void backward_into(const std::vector<double>& given, lamina::Rows<double, L::in> d_x) {
        const Values d_y(given.begin(), given.end());
        lamina::Pass<Cpu> pass = make_pass(lamina::Phase::train);
        lamina::backward_into(layer, pass, input(), saved,
                              lamina::Rows<const double, L::out>(d_y.data(), extent_.tokens()), lamina::Into(d_x));
        lamina::complete_all_gradients(layer, backend);
    }

    Cpu backend{};
    L layer{};
    typename L::Saved saved{};
    std::vector<lamina::Token> ids = std::vector<lamina::Token>(1000, 0);
    lamina::Token end_of_text_id = -1;
    lamina::Rows<double, 1> measured{};  ///< as in Pass

private:
    // Aligned as a model's memory is: sums of small products come in another order elsewhere, in their last bit.
    using Values = std::vector<double, Eigen::aligned_allocator<double>>;

    lamina::Rows<const double, L::in> input() const { return {x_.data(), extent_.tokens()}; }

    lamina::Pass<Cpu> make_pass(lamina::Phase phase) {
        return {.backend = backend,
                .extent = extent_,
                .ids = {ids.data(), extent_.tokens()},
                .phase = phase,
                .end_of_text = end_of_text_id,
                .scratch = lamina::ScratchStack({scratch_memory_.data(), scratch_memory_.size()}),
                .measured = measured};
    }

    lamina::Extent extent_;
    lamina::ParameterStore<L, double, Cpu> store_{backend, layer};
    typename Cpu::Memory saved_memory_ = backend.allocate(lamina::saved_bytes<typename L::Saved>(extent_.tokens()));
    typename Cpu::Memory scratch_memory_ = backend.allocate(lamina::on_paper<L>(extent_).scratch);
    Values x_{};
};

}  // namespace lamina_tests
