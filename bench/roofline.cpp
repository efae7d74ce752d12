// SPDX-License-Identifier: MIT
// roofline: tokens per second that a training step of GPT-2 should reach on an H200, worked out from everything that the
// model asks of its backend in one step. An estimate: nothing is measured, and no GPU is needed.
#include "../examples/common/program.hpp"
#include "roofline/estimate.hpp"

#include <lamina/arch/architecture.hpp>
#include <lamina/arch/precision.hpp>
#include <lamina/core/token_batch.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removable_norm.hpp>
#include <lamina/train/adamw.hpp>
#include <lamina/train/clipping.hpp>

#include <CLI/CLI.hpp>

#include <cstddef>
#include <cstdio>
#include <vector>

namespace {

using namespace roofline;
using namespace lamina;

constexpr Extent micro_batch{.batch = 16, .sequence = 1024};
constexpr double sequences_per_step = 500;  // of the published recipes, which have 480 to 506

/// Merged, with every activation and gradient kept, as an H200 has room for.
template <Architecture A>
using Model = Gpt2<A, norm::Removable, adapter::FullRank, Estimated, precision::MixedBf16, execution::Merged>;

struct Size {
    const char* name;
    double product_flops;  ///< assumed: larger products come closer to the peak
    double goal;           ///< tokens per second
};

void print(const char* heading, const Table& table, double tokens) {
    std::printf("  %-28s %10s %12s %12s %9s\n", heading, "us/token", "FLOP/token", "bytes/token", "requests");
    for (std::size_t i = 0; i < table.size(); ++i) {
        const Work& work = table[i];
        if (work.requests == 0) continue;
        std::printf("  %-28s %10.4f %12.5g %12.5g %9zu\n", kind_names[i], 1e6 * work.seconds / tokens,
                    work.flops / tokens, work.bytes / tokens, work.requests);
    }
}

double seconds_of(const Table& table) {
    double sum = 0;
    for (const Work& work : table) sum += work.seconds;
    return sum;
}

/// The second micro-batch of a step and what is done once, as the model itself asks for it.
template <Architecture A>
void estimate(const Size& size) {
    EstimatingBackend backend({.product_flops = size.product_flops}, A.vocab);
    Model<A> model(backend);
    train::AdamW optimiser(model);
    const std::vector<Token> tokens(micro_batch.tokens(), 0);
    const TokenBatch batch{tokens, tokens, micro_batch.sequence};
    model.forward_backward(batch);
    static_cast<void>(backend.take());
    model.forward_backward(batch);
    const Table micro = backend.take();
    model.zero_gradients();
    model.forward_backward(batch);
    static_cast<void>(backend.take());
    static_cast<void>(train::gradient_norm(model));
    optimiser.step(model, 1e-4);
    model.prepare();
    const Table once = backend.take();

    const auto micro_tokens = static_cast<double>(micro_batch.tokens());
    const double step_tokens = sequences_per_step * static_cast<double>(micro_batch.sequence);
    const double per_token = seconds_of(micro) / micro_tokens + seconds_of(once) / step_tokens;
    std::printf("%s: %.0f K tokens/s, goal %.0f K, with products at %.0f TFLOP/s\n", size.name, 1e-3 / per_token,
                1e-3 * size.goal, 1e-12 * size.product_flops);
    print("each micro-batch", micro, micro_tokens);
    print("once per step", once, step_tokens);
    std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Estimates training steps of GPT-2 on an H200 from what the models ask of their backend.", "roofline");
    return common::run_program(app, argc, argv, [&] {
        estimate<gpt2_small>({"small", 560e12, 545e3});
        estimate<gpt2_medium>({"medium", 600e12, 195e3});
        estimate<gpt2_large>({"large", 620e12, 95e3});
        estimate<gpt2_xl>({"xl", 640e12, 50e3});
    });
}
