// SPDX-License-Identifier: MIT
// train_step: tokens per second of one optimiser step of GPT-2 small in its true shapes, against the matrix products
// that this machine can do, and peak memory against the plan.
#include "sample.hpp"

#include <lamina/lamina.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using namespace lamina;
using bench::Sample;
using bench::seconds_of;

struct Options {
    Extent extent{.batch = 4, .sequence = 256};
    std::size_t accumulation = 2;
    std::size_t steps = 5;
    std::size_t threads = 0;
    std::string execution = "merged";
};

/// The largest resident set of this process so far, bytes; 0 where the system does not tell.
std::size_t peak_resident_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        std::size_t kibibytes = 0;
        if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
    }
    return 0;
}

/// A matrix product as a step of GPT-2 small has it: out [M, N] = lhs [M, K] · rhs [K, N].
struct ProductShape {
    const char* what;
    std::size_t m, k, n;
    MatmulOptions options{};
};

template <class B>
Sample product_rate(B& backend, const ProductShape& shape) {
    constexpr int warm_up = 2;
    constexpr int repetitions = 9;
    const auto memory = [&](std::size_t count) {
        auto bytes = backend.allocate(count * sizeof(float));
        Random random{count};
        float* const values = reinterpret_cast<float*>(bytes.data());
        for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(random.uniform(-1, 1));
        return bytes;
    };
    auto lhs = memory(shape.m * shape.k);
    auto rhs = memory(shape.k * shape.n);
    auto out = memory(shape.m * shape.n);
    const auto view = [](auto& bytes, std::size_t rows, std::size_t cols, Transpose as) {
        auto* const values = reinterpret_cast<float*>(bytes.data());
        return as == Transpose::yes ? MatrixView<float>(values, cols, rows) : MatrixView<float>(values, rows, cols);
    };
    Sample rate;
    for (int i = 0; i < warm_up + repetitions; ++i) {
        const double seconds = seconds_of([&] {
            backend.matmul(view(out, shape.m, shape.n, Transpose::no),
                           MatrixView<const float>(view(lhs, shape.m, shape.k, shape.options.lhs_as)),
                           MatrixView<const float>(view(rhs, shape.k, shape.n, shape.options.rhs_as)), shape.options);
        });
        const double operations = 2.0 * static_cast<double>(shape.m * shape.k) * static_cast<double>(shape.n);
        if (i >= warm_up) rate.add(operations / seconds / 1e9);
    }
    return rate;
}

/// Prints the rate of each product and returns the best median, GFLOP/s.
template <class B>
double machine_rate(B& backend) {
    constexpr std::array shapes{
        ProductShape{"x W, 1024 x 768 x 3072", 1024, 768, 3072},
        ProductShape{"x W, 1024 x 3072 x 768", 1024, 3072, 768},
        ProductShape{"dy W^T, 1024 x 3072 x 768", 1024, 3072, 768, {.rhs_as = Transpose::yes}},
        ProductShape{"x^T dy, 768 x 1024 x 3072", 768, 1024, 3072, {.lhs_as = Transpose::yes}},
        ProductShape{"A B, 3072 x 3072 x 768", 3072, 3072, 768},
    };
    double best = 0;
    std::printf("matrix products, float, GFLOP/s      median   (range)\n");
    for (const ProductShape& shape : shapes) {
        const Sample rate = product_rate(backend, shape);
        best = std::max(best, rate.median());
        std::printf("  %-34s %7.1f   (%.1f to %.1f)\n", shape.what, rate.median(), rate.least(), rate.most());
    }
    return best;
}

/// Random ids, the same for every run.
struct RandomTokens {
    explicit RandomTokens(Extent extent) : extent_(extent), inputs_(extent.tokens()), targets_(extent.tokens()) {
        Random random{11};
        for (Token& id : inputs_) id = static_cast<Token>(random.below(gpt2_small.vocab));
        for (Token& id : targets_) id = static_cast<Token>(random.below(gpt2_small.vocab));
    }
    [[nodiscard]] TokenBatch batch() const {
        return {.batch = extent_.batch, .sequence = extent_.sequence, .inputs = inputs_, .targets = targets_};
    }

private:
    Extent extent_;
    std::vector<Token> inputs_;
    std::vector<Token> targets_;
};

/// Adapters in the middle of a run: B starts as zero, and products with zero may be quicker or slower.
template <class M>
void leave_the_start(M& model) {
    Random random{5};
    model.for_each_tensor([&](const auto& tensor) {
        using Scalar = typename std::remove_cvref_t<decltype(tensor)>::Scalar;
        if (!tensor.entry.name().ends_with("lora_B")) return;
        for (std::size_t i = 0; i < tensor.entry.size; ++i) {
            tensor.values.data[i] = static_cast<Scalar>(static_cast<float>(random.uniform(-1e-3, 1e-3)));
        }
    });
    model.parameters_changed();
}

void print_part(const char* what, const Sample& seconds, double operations, double machine) {
    const double rate = operations / seconds.median() / 1e9;
    std::printf("  %-14s %8.2f s   (%.2f to %.2f)   %7.2f TFLOP   %6.1f GFLOP/s   %3.0f %%\n", what, seconds.median(),
                seconds.least(), seconds.most(), operations / 1e12, rate, 100 * rate / machine);
}

template <class Execution>
void measure(const Options& options) {
    using Model = Gpt2<gpt2_small, norm::Removable, adapter::FullRank, precision::FrozenBf16, Execution>;
    CpuBackend backend({.threads = options.threads});
    std::printf("GPT-2 small, full-rank adapters %s, frozen bf16 base, norms removable\n%s\n",
                options.execution.c_str(), backend.description().c_str());
    std::printf("%zu micro-batches of %zu x %zu tokens per optimiser step; 1 warm-up step, %zu measured\n\n",
                options.accumulation, options.extent.batch, options.extent.sequence, options.steps);
    const double machine = machine_rate(backend);

    Model model(backend);
    model.initialise(1);
    leave_the_start(model);
    train::AdamW<Model> optimiser(model);
    const RandomTokens tokens(options.extent);
    const double share = 1 / static_cast<double>(options.accumulation);
    Sample whole, micro, once;
    for (std::size_t step = 0; step <= options.steps; ++step) {
        double loss = 0;
        double once_seconds = seconds_of([&] {
            model.prepare();
            model.zero_gradients();
        });
        const double micro_seconds = seconds_of([&] {
            for (std::size_t i = 0; i < options.accumulation; ++i) {
                loss += share * model.backward(tokens.batch(), {.share = share}).cross_entropy.mean();
            }
        });
        once_seconds += seconds_of([&] {
            const double norm = train::gradient_norm(model);
            optimiser.step(model, 1e-5, train::clip_scale(norm, 1));
        });
        if (step == 0) {
            std::printf("\nloss of the warm-up step: %.3f\n", loss);
            continue;
        }
        micro.add(micro_seconds);
        once.add(once_seconds);
        whole.add(micro_seconds + once_seconds);
    }

    const Plan planned = plan<Model>(options.extent);
    const double passes = static_cast<double>(options.accumulation) * (planned.flops.forward + planned.flops.backward);
    std::printf(
        "optimiser step                (range)                    by the FLOP model       of the best product\n");
    print_part("micro-batches", micro, passes, machine);
    print_part("once per step", once, planned.flops.once, machine);
    print_part("together", whole, passes + planned.flops.once, machine);
    const double count = static_cast<double>(options.accumulation * options.extent.tokens());
    std::printf("tokens/s: %.1f\n", count / whole.median());

    const double peak = static_cast<double>(peak_resident_bytes());
    const double plan_bytes = static_cast<double>(planned.peak_bytes());
    std::printf("peak resident memory: %.3f GB, plan %.3f GB, difference %+.1f %%\n", peak / 1e9, plan_bytes / 1e9,
                100 * (peak / plan_bytes - 1));
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Measures optimiser steps of GPT-2 small with full-rank adapters on the CPU, with random weights.",
                 "train_step");
    app.failure_message([](const CLI::App* program, const CLI::Error& error) {
        return program->get_name() + ": " + error.what() + "\n";
    });
    const auto positive = CLI::Range(1, 1'000'000);
    app.add_option("--batch", options.extent.batch, "sequences per micro-batch")
        ->check(positive)
        ->capture_default_str();
    app.add_option("--sequence", options.extent.sequence, "tokens per sequence")
        ->check(CLI::Range(std::size_t{1}, gpt2_small.context))
        ->capture_default_str();
    app.add_option("--accumulation", options.accumulation, "micro-batches per step")
        ->check(positive)
        ->capture_default_str();
    app.add_option("--steps", options.steps, "measured steps")->check(positive)->capture_default_str();
    app.add_option("--threads", options.threads, "0: one per core")->capture_default_str();
    app.add_option("--execution", options.execution, "how adapters are applied")
        ->check(CLI::IsMember({"merged", "split", "factored"}))
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        if (options.execution == "merged") measure<execution::Merged>(options);
        if (options.execution == "split") measure<execution::Split>(options);
        if (options.execution == "factored") measure<execution::Factored>(options);
    } catch (const std::exception& error) {
        std::fflush(stdout);
        std::fprintf(stderr, "train_step: %s\n", error.what());
        return 1;
    }
}
