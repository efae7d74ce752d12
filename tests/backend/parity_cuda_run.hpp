// SPDX-License-Identifier: MIT
// The definition of parity::run, for the sources that instantiate it. The device's backend is included before.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lamina/arch/architecture.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/random.hpp>
#include <lamina/core/token.hpp>
#include <lamina/core/token_batch.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/host_copies.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/removal/removable_norm.hpp>
#include <lamina/train/adamw.hpp>
#include <lamina/train/clipping.hpp>
#include <lamina/train/guard.hpp>

#include "backend/parity_cuda.hpp"

namespace lamina_tests::parity {

inline constexpr lamina::Architecture wide{.layers = 2, .heads = 2, .embed = 128, .context = 128, .vocab = 300};
inline constexpr lamina::Architecture narrow{.layers = 2, .heads = 3, .embed = 48, .context = 128, .vocab = 300};
inline constexpr lamina::Architecture with_inner{
    .layers = 2, .heads = 2, .embed = 128, .context = 128, .vocab = 300, .inner = 200};
inline constexpr lamina::Token end_of_text = 299;

/// More tokens than a tile of attention has rows, and no multiple of anything. Each sequence has an end of text within,
/// and some targets carry no loss.
class RandomBatch {
public:
    explicit RandomBatch(std::uint64_t seed) : inputs_(sequences * length), targets_(sequences * length) {
        lamina::Random random{seed};
        for (lamina::Token& id : inputs_) id = static_cast<lamina::Token>(random.below(wide.vocab));
        for (lamina::Token& id : targets_) id = static_cast<lamina::Token>(random.below(wide.vocab));
        for (std::size_t i = 0; i < targets_.size(); i += 7) targets_[i] = lamina::ignored_target;
        for (std::size_t i = 5; i < inputs_.size(); i += length) inputs_[i] = end_of_text;
    }
    [[nodiscard]] lamina::TokenBatch batch() const { return {inputs_, targets_, length}; }

private:
    static constexpr std::size_t sequences = 2;
    static constexpr std::size_t length = 67;
    std::vector<lamina::Token> inputs_;
    std::vector<lamina::Token> targets_;
};

/// How large the values of a parameter are: such that the residual stream's deviation stays near one, which is what the
/// constant divisors below assume, and logits do too. Nothing is left at zero or one.
[[nodiscard]] inline double scale_of(const std::string& name) {
    if (name.starts_with("wpe")) return 0.6;
    if (name.starts_with("wte")) return 0.1;
    return name.ends_with("lora_A") ? 0.02 : 0.05;
}

enum class Products { exact, by_parts };

/// Specialised for what has a choice of products.
template <class B>
[[nodiscard]] B make_backend(Products) {
    return B();
}

/// Values that depend on the parameter's name alone.
template <class M>
void set_parameters(M& model) {
    const lamina::HostCopies copies(model.backend());
    model.for_each_tensor([&](const auto& tensor) {
        const std::string name = tensor.entry.name();
        std::uint64_t mixed = 3;
        for (const char c : name) mixed = lamina::Random{mixed + static_cast<unsigned char>(c)}.next();
        lamina::Random random{mixed};
        const bool identity = tensor.entry.part == lamina::Part::lora_a;
        const bool gain = tensor.entry.role == lamina::Role::norm && tensor.entry.part == lamina::Part::weight;
        std::vector<double> values(tensor.entry.size);
        for (std::size_t i = 0; i < values.size(); ++i) {
            const bool one = gain || (identity && i / tensor.values.cols == i % tensor.values.cols);
            values[i] = (one ? 1 : 0) + scale_of(name) * random.normal();
        }
        copies.write(std::span<const double>(values), tensor.values.data);
    });
    model.parameters_changed();
    model.set_end_of_text(end_of_text);
}

template <class M, class F>
void for_each_norm_state(M& model, const F& f) {
    lamina::for_each_state(model.layers(),
                           [&](const std::string& name, auto& norm) { f(name, norm.state, norm.paths); });
}

template <class M>
void set_progress(M& model, Progress progress) {
    double divisor = 0.8;
    for_each_norm_state(model, [&](const std::string& name, lamina::RemovableState& state, std::size_t paths) {
        state.calls_per_batch = paths == 2 ? 3 : 1;
        state.first_position_apart = true;
        state.end_of_text_apart = paths == 2;
        state.start_at(divisor, 1.5 * divisor);
        const bool last = name.ends_with("ln_f");
        state.fixed = progress == Progress::fixed || (progress == Progress::switching && (paths == 2 || last));
        state.values_fixed = progress == Progress::fixed || (progress == Progress::switching && last);
        divisor += 0.1;
    });
}

template <class M>
[[nodiscard]] std::vector<double> norm_states(M& model) {
    std::vector<double> all;
    for_each_norm_state(model, [&](const std::string&, const lamina::RemovableState& state, std::size_t) {
        all.insert(all.end(), {state.average, state.first_position_average, state.divisor, state.first_position_divisor,
                               state.in_use.ordinary, state.in_use.first_position, state.values_in_use.ordinary,
                               state.values_in_use.first_position, state.values_in_use.end_of_text,
                               state.values_in_use.first_end_of_text});
    });
    return all;
}

/// Forward and backward of some micro-batches; their mean loss.
template <class M>
double accumulate(M& model, std::uint64_t seed, std::uint64_t micro_batches) {
    model.zero_gradients();
    const double share = 1 / static_cast<double>(micro_batches);
    double loss = 0;
    for (std::uint64_t i = 0; i < micro_batches; ++i) {
        const RandomBatch batch(seed + i);
        loss += share * model.forward_backward(batch.batch(), {.share = share}).cross_entropy.mean();
    }
    return loss;
}

/// Brings back what was overwritten of everything that a step changes, so that nothing afterwards shows it.
template <class M>
void lose_and_restore(M& model, lamina::train::AdamW<M>& optimiser) {
    lamina::train::Snapshot<M> snapshot;
    snapshot.take(model, optimiser);
    constexpr double lost = std::numeric_limits<double>::quiet_NaN();
    model.for_each_trained_value([&](const auto& tensor) { model.backend().run(lamina::Fill(tensor.values, lost)); });
    for (const lamina::Role role : lamina::all_roles) {
        for (const auto moments : {optimiser.first_moments(role), optimiser.second_moments(role)}) {
            if (!moments.empty()) model.backend().run(lamina::Fill(moments, lost));
        }
    }
    optimiser.set_updates(0);
    snapshot.restore(model, optimiser);
}

template <class M>
[[nodiscard]] Result run_model(Progress progress, Products products = Products::exact) {
    auto backend = make_backend<typename M::Backend>(products);
    M model(backend);
    set_parameters(model);
    set_progress(model, progress);
    lamina::train::AdamW<M> optimiser(model);
    const lamina::HostCopies copies(backend);
    Result result;
    for (std::uint64_t step = 0; step < 3; ++step) {
        if (step == 1) lose_and_restore(model, optimiser);
        // Two in the first, so that what is summed over a step counts.
        const double loss = accumulate(model, 2 * step, step == 0 ? 2 : 1);
        const double norm = lamina::train::gradient_norm(model);
        if (step == 0) {
            result.loss = loss;
            result.gradient_norm = norm;
            result.norm_states = norm_states(model);
            model.for_each_trained_tensor([&](const auto& tensor) {
                result.gradients[tensor.entry.name()] = copies.read(tensor.gradient.data, tensor.entry.size);
            });
        }
        optimiser.step(model, 1e-3, lamina::train::clip_scale(norm, 1));
    }
    result.later_loss = model.evaluate(RandomBatch(0).batch()).mean();
    if constexpr (requires { backend.take_notes(); }) result.notes = backend.take_notes();
    return result;
}

template <class Device, lamina::Architecture A, class... Policies>
using Model = lamina::Gpt2<A, lamina::norm::Removable, lamina::adapter::FullRank, Device, Policies...>;

template <class Device>
Result run(Kind kind, Progress progress) {
    using namespace lamina;
    switch (kind) {
        case Kind::double_merged:
            return run_model<Model<Device, with_inner, precision::Fp64, execution::Merged, activation::Relu,
                                   head::UntiedWithBias, norm_epsilon::Decimal<1, -3>>>(progress);
        case Kind::float_factored:
            return run_model<Model<Device, narrow, precision::Fp32, execution::Factored, activation::Gelu,
                                   attention_scale::InverseRootAndLayer>>(progress);
        case Kind::frozen_split_streamed:
            return run_model<Model<Device, wide, precision::FrozenBf16, execution::Split, gradients::Streamed>>(
                progress);
        case Kind::mixed_merged:
            return run_model<Model<Device, wide, precision::MixedBf16, execution::Merged>>(progress,
                                                                                           Products::by_parts);
        case Kind::mixed_split_recomputed:
            return run_model<
                Model<Device, wide, precision::MixedBf16, execution::Split, gradients::Streamed, recompute::PerBlock>>(
                progress);
        case Kind::mixed_factored:
            return run_model<Model<Device, narrow, precision::MixedBf16, execution::Factored, activation::Silu,
                                   attention_scale::InverseLayer>>(progress);
    }
    throw Error("parity: no such kind of model");
}

}  // namespace lamina_tests::parity
