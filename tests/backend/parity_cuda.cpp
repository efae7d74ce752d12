// SPDX-License-Identifier: MIT
// A whole model's losses, gradients, norm states and steps are the same on CUDA and on the CPU, up to rounding.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <lamina/arch/trainable.hpp>

#include "backend/parity_cuda.hpp"
#include "support/catch.hpp"

using namespace lamina_tests::parity;

namespace {

/// How far two devices may be apart.
struct Bounds {
    double gradient;  ///< of a tensor's gradient, in the 2-norm, relative
    double loss;      ///< nats
    double measured;  ///< of what norms measure, relative
};

/// ‖a - b‖ / ‖b‖, infinite for a NaN.
double relative_difference(const std::vector<double>& a, const std::vector<double>& b) {
    double difference = 0;
    double scale = 0;
    for (std::size_t i = 0; i < b.size(); ++i) {
        difference += (a.at(i) - b[i]) * (a.at(i) - b[i]);
        scale += b[i] * b[i];
    }
    const double relative = std::sqrt(difference / scale);
    return std::isfinite(relative) ? relative : INFINITY;
}

void compare(Kind kind, const Bounds& bounds) {
    for (const Progress progress : {Progress::real, Progress::switching, Progress::fixed}) {
        CAPTURE(static_cast<int>(progress));
        const Result cpu = run<lamina::device::Cpu>(kind, progress);
        const Result cuda = run<lamina::device::Cuda>(kind, progress);
        CHECK(cuda.notes == std::vector<std::string>{});
        CHECK(std::abs(cuda.loss - cpu.loss) <= bounds.loss);
        CHECK(std::abs(cuda.gradient_norm - cpu.gradient_norm) <= bounds.gradient * cpu.gradient_norm);
        REQUIRE(cpu.gradients.size() == 16);  // A and B of four matrices in two blocks
        REQUIRE(cuda.gradients.size() == cpu.gradients.size());
        for (const auto& [name, gradient] : cpu.gradients) {
            CAPTURE(name);
            REQUIRE(cuda.gradients.contains(name));
            CHECK(relative_difference(cuda.gradients.at(name), gradient) <= bounds.gradient);
        }
        REQUIRE(cpu.norm_states.size() == 50);  // ten numbers of five norms
        REQUIRE(cuda.norm_states.size() == cpu.norm_states.size());
        for (std::size_t i = 0; i < cpu.norm_states.size(); ++i) {
            CAPTURE(i);
            CHECK(std::abs(cuda.norm_states[i] - cpu.norm_states[i]) <= bounds.measured * cpu.norm_states[i]);
        }
        // Adam moves each weight by about the learning rate whatever its gradient. Where rounding decides on the sign,
        // the gradient is below the bound's share of the others, and so is what the loss feels of it: three steps
        // change it by as much, to that share, from gradients that err once in each.
        CHECK(cpu.later_loss < cpu.loss);
        CHECK(std::abs(cuda.later_loss - cpu.later_loss) <=
              bounds.loss + 3 * bounds.gradient * (cpu.loss - cpu.later_loss));
    }
}

// From the tokens to a gradient some sixty operations follow one another, ten to a block forward and twice that
// backward, on sums of up to 512 terms. Roundings are independent, so their errors add up as the root of their number,
// and either side has its own. Losses are below 12 nats.
constexpr double roundings = 175;  // sqrt(60 · 512)

constexpr Bounds exact_to(double roundoff) {
    const double relative = 2 * roundings * roundoff;
    return {.gradient = relative, .loss = 12 * relative, .measured = relative};
}

// A hundred times what roundings come to: functions in double are good to a few last places, and it costs no power.
constexpr Bounds in_double = exact_to(0x1p-53 * 100);
constexpr Bounds in_float = exact_to(0x1p-24);

// MixedBf16 rounds the same activations to bf16 on both sides, each to within 2^-8, which is less than 2^-9 in the root
// mean square over mantissas (2^-8 · 0.74 / sqrt(3)), but of sums in another order, and probabilities within attention on
// one side only: in each block, norms, queries, keys and values, probabilities, heads, gelu's argument and result, six, on
// the way forward and as many on the way back. In the worst case each of these 24 is rounded independently on either side,
// and such errors add up as the root of their number.
constexpr double mixed = 0.0135;  // sqrt(2 · 24) · 2^-9
// Logits of this model are about as large as 2. A row's loss errs by its target's logit and by their mean, so by sqrt(2)
// times as much, and the mean of 114 rows by the root of that many less.
constexpr Bounds in_mixed{.gradient = mixed, .loss = 2 * 1.42 * mixed / 10.6, .measured = mixed};

}  // namespace

TEST_CASE("a merged model in double is the same on CUDA and the CPU", "[parity]") {
    compare(Kind::double_merged, in_double);
}

TEST_CASE("a factored model in float is the same on CUDA and the CPU", "[parity]") {
    compare(Kind::float_factored, in_float);
}

TEST_CASE("a split model with a frozen bf16 base and streamed gradients is the same on CUDA and the CPU", "[parity]") {
    compare(Kind::frozen_split_streamed, in_float);
}

TEST_CASE("a merged model in mixed bf16 is the same on CUDA and the CPU", "[parity]") {
    compare(Kind::mixed_merged, in_mixed);
}

TEST_CASE("a split model in mixed bf16 that streams and recomputes is the same on CUDA and the CPU", "[parity]") {
    compare(Kind::mixed_split_recomputed, in_mixed);
}

TEST_CASE("a factored model in mixed bf16 is the same on CUDA and the CPU", "[parity]") {
    compare(Kind::mixed_factored, in_mixed);
}
