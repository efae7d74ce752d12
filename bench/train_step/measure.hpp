// SPDX-License-Identifier: MIT
// measure: optimiser steps of one model type, timed as a whole and in two parts, with the memory that they take.
#pragma once

#include "../../examples/common/algorithm_table.hpp"
#include "../../examples/common/bytes_taken.hpp"
#include "../../examples/common/notes.hpp"
#include "../backend.hpp"
#include "request.hpp"

#include <lamina/arch/architecture.hpp>
#include <lamina/arch/manifest.hpp>
#include <lamina/arch/precision.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/core/host_device.hpp>
#include <lamina/core/random.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/token.hpp>
#include <lamina/core/token_batch.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/run/plan.hpp>
#include <lamina/removal/removable_norm.hpp>
#include <lamina/train/adamw.hpp>
#include <lamina/train/clipping.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <string>
#include <type_traits>
#include <vector>

namespace train_step {

/// Random ids, the same for every run.
class RandomTokens {
public:
    RandomTokens(lamina::Extent extent, std::size_t vocab)
        : extent_(extent), inputs_(extent.tokens()), targets_(extent.tokens()) {
        lamina::Random random{11};
        for (lamina::Token& id : inputs_) id = static_cast<lamina::Token>(random.below(vocab));
        for (lamina::Token& id : targets_) id = static_cast<lamina::Token>(random.below(vocab));
    }
    [[nodiscard]] lamina::TokenBatch batch() const { return {inputs_, targets_, extent_.sequence}; }

private:
    lamina::Extent extent_;
    std::vector<lamina::Token> inputs_;
    std::vector<lamina::Token> targets_;
};

struct Times {
    float factor;

    template <class T>
    LAMINA_HOST_DEVICE T operator()(T value) const {
        return static_cast<T>(factor) * value;
    }
};

/// Values as in the middle of a run: adapters start as identity and zero, and products with zeros may be quicker.
template <class M>
void set_parameters(M& model) {
    auto& backend = model.backend();
    const std::vector<float> normals = bench::normals(5);
    const std::size_t drawn = normals.size();
    auto pool = backend.allocate(drawn * sizeof(float));
    backend.upload(pool.data(), normals.data(), drawn * sizeof(float));
    const auto* const source = reinterpret_cast<const float*>(pool.data());
    const float into_stream = 0.02F / std::sqrt(2.0F * static_cast<float>(M::architecture.layers));
    model.for_each_tensor([&](const auto& tensor) {
        const bool adapter = tensor.entry.role == lamina::Role::adapter;
        const bool projects = tensor.entry.initial.kind == lamina::Initial::Kind::residual_projection;
        const Times scale{adapter ? 1e-3F : projects ? into_stream : 0.02F};
        auto* const values = tensor.values.data;
        for (std::size_t first = 0; first < tensor.entry.size; first += drawn) {
            const std::size_t here = std::min(drawn, tensor.entry.size - first);
            backend.run(lamina::Map(lamina::row_view(values + first, here), scale, lamina::row_view(source, here)));
        }
        const lamina::Part part = tensor.entry.part;
        if (tensor.entry.role == lamina::Role::norm && part == lamina::Part::weight) {
            backend.run(lamina::Fill(tensor.values, 1.0));
        }
        if (part == lamina::Part::lora_a) {
            const std::size_t rank = tensor.values.cols;
            using Scalar = typename std::remove_cvref_t<decltype(tensor)>::Scalar;
            backend.run(lamina::Fill(lamina::MatrixView<Scalar>(values, rank, 1, rank + 1), 1.0));  // the diagonal
        }
    });
    model.parameters_changed();
    bench::finish(backend);  // before the pool goes
}

template <class P>
[[nodiscard]] constexpr const char* precision_name() {
    namespace precision = lamina::precision;
    if constexpr (std::same_as<typename P::Precision, precision::MixedBf16>) return "mixed bf16";
    if constexpr (std::same_as<typename P::Precision, precision::FrozenBf16>) return "frozen bf16";
    return "other";
}

template <class M>
[[nodiscard]] Facts facts_of(const typename M::Backend& backend, lamina::Extent extent) {
    using P = typename M::Policies;
    const lamina::Plan planned = lamina::plan<M>(extent);
    constexpr lamina::Architecture a = M::architecture;
    // N by the convention: the parameters of the model itself, embeddings included.
    const std::size_t adapters = lamina::Manifest<M>::parameters_of(lamina::Role::adapter);
    const auto parameters = static_cast<double>(lamina::Manifest<M>::parameters - adapters);
    Facts facts{
        .backend = backend.description(),
        .device = "CPU",
        .precision = precision_name<P>(),
        .recompute = P::Recompute::per_block ? "block" : "none",
        .gradients = P::Gradients::streamed ? "streamed" : "stored",
        .extent = extent,
        .plan_bytes = planned.peak_bytes(),
        .flops_per_micro_batch = planned.flops.forward + planned.flops.backward,
        .flops_once = planned.flops.once,
        .mfu_flops_per_token = 6 * parameters + 6.0 * a.layers * a.embed * static_cast<double>(extent.sequence)};
    if constexpr (requires { backend.device_name(); }) facts.device = backend.device_name();
    return facts;
}

/// Whether another step would end in time if it took as long as the last one.
[[nodiscard]] inline bool has_time(const Request& request, double last) {
    return !request.time_limit || request.since_start.seconds() + last <= *request.time_limit;
}

/// Fills `measured` as it goes: what was found before something failed is there when it throws.
///
/// errors   as the backend's, DeviceError where memory does not suffice
template <class M>
void measure(typename M::Backend& backend, const Request& request, lamina::Extent extent, Measured& measured) {
    const auto note_memory = [&] { measured.peak_bytes = std::max(measured.peak_bytes, common::bytes_taken(backend)); };
    M model(backend);
    set_parameters(model);
    lamina::train::AdamW<M> optimiser(model);
    const RandomTokens tokens(extent, M::architecture.vocab);
    const double share = 1 / static_cast<double>(request.accumulation);
    measured.outcome = "interrupted";  // until it ends otherwise
    double last = 0;
    for (std::size_t step = 0; step < request.warm_up + request.steps; ++step) {
        if (!has_time(request, last)) {
            measured.outcome = "time limit";
            break;
        }
        const bool warm_up = step < request.warm_up;
        double loss = 0;
        bench::finish(backend);
        const bench::Stopwatch whole;
        double once_seconds = bench::seconds_of([&] {
            model.prepare();
            model.zero_gradients();
            bench::finish(backend);
        });
        const double micro_seconds = bench::seconds_of([&] {
            for (std::size_t i = 0; i < request.accumulation; ++i) {
                loss += share * model.forward_backward(tokens.batch(), {.share = share}).cross_entropy.mean();
                if (warm_up) note_memory();
            }
            bench::finish(backend);
        });
        once_seconds += bench::seconds_of([&] {
            const double norm = lamina::train::gradient_norm(model);
            optimiser.step(model, 1e-5, lamina::train::clip_scale(norm, 1));
            bench::finish(backend);
        });
        last = whole.seconds();
        note_memory();
        if (step == 0) {
            measured.loss = loss;
            std::printf("\nloss of the first step: %.3f\n", loss);
            std::fflush(stdout);
        }
        if (warm_up) continue;
        measured.micro_batches.add(micro_seconds);
        measured.once.add(once_seconds);
        measured.whole.add(last);
        measured.seconds.push_back(last);
        if (request.after_step) request.after_step(measured);
    }
    if (measured.outcome == "interrupted") measured.outcome = "measured";
    if constexpr (requires { backend.scratch_bytes(); }) measured.scratch_bytes = backend.scratch_bytes();
}

/// The first lines of a run, which say what is measured.
inline void print_title(const Request& request, const Facts& facts) {
    std::printf("GPT-2 %s, full-rank adapters %s, %s base, norms removable, gradients %s, recompute %s\n%s\n",
                request.size.c_str(), request.execution.c_str(), facts.precision.c_str(), facts.gradients.c_str(),
                facts.recompute.c_str(), facts.backend.c_str());
    std::printf("%zu micro-batches of %zu x %zu tokens per optimiser step; %zu warm-up step%s, %zu measured\n",
                request.accumulation, facts.extent.batch, facts.extent.sequence, request.warm_up,
                request.warm_up == 1 ? "" : "s", request.steps);
    std::fflush(stdout);
}

/// `M` as the benchmark runs it, where nothing is measured besides.
template <class M>
void run(const Request& request, lamina::Extent extent, Measured& measured) {
    auto backend = make_backend(typename M::Policies::Device{}, request.place, common::Shapes::few);
    measured.facts = facts_of<M>(backend, extent);
    print_title(request, measured.facts);
    if constexpr (common::ChoosesAlgorithms<typename M::Backend>) {
        if (!request.algorithms.empty()) common::read_algorithms(backend, request.algorithms);
    }
    measure<M>(backend, request, extent, measured);
    if constexpr (common::ChoosesAlgorithms<typename M::Backend>) {
        if (!request.algorithms.empty()) common::write_algorithms(backend, request.algorithms);
    }
    common::print_notes(stdout, common::notes_of(backend));
}

template <class M>
[[nodiscard]] bool fits(const Request& request, lamina::Extent extent) {
    return lamina::plan<M>(extent).peak_bytes() <= memory_of(typename M::Policies::Device{}, request.place);
}

template <lamina::Architecture A, class... Policies>
using Measurable = lamina::Gpt2<A, lamina::norm::Removable, lamina::adapter::FullRank, Policies...>;

/// An entry for `M`; the backend of its device is included by whoever instantiates this.
template <class M>
[[nodiscard]] Entry entry(common::Device device, const std::string& size, lamina::Extent usual,
                          void (*how)(const Request&, lamina::Extent, Measured&) = run<M>) {
    using Execution = typename M::Policies::Execution;
    namespace execution = lamina::execution;
    return {.device = device,
            .size = size,
            .execution = std::same_as<Execution, execution::Merged>  ? "merged"
                         : std::same_as<Execution, execution::Split> ? "split"
                                                                     : "factored",
            .recompute = M::Policies::Recompute::per_block ? "block" : "none",
            .usual = usual,
            .context = M::architecture.context,
            .fits = fits<M>,
            .run = how};
}

}  // namespace train_step
