// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/cross_entropy.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/tolerance.hpp"
#include "backend/cuda/kernels_under_test.hpp"
#include "support/catch.hpp"

using namespace lamina_tests;
using namespace lamina_tests::conformance;
using cuda::Pack;
using cuda::ScaledSum;
using cuda::WholePacks;

// GPT-2's vocabulary is odd, so rows start at every place of a pack.
static_assert(WholePacks::of(0, 50257, 4).first == 0 && WholePacks::of(0, 50257, 4).last == 50256);
static_assert(WholePacks::of(50257, 50257, 4).first == 3 && WholePacks::of(50257, 50257, 4).last == 50255);
static_assert(WholePacks::of(std::size_t{50257} * 3, 50257, 4).first == 1);
static_assert(WholePacks::of(1, 2, 4).first == 2 && WholePacks::of(1, 2, 4).last == 2, "no whole pack");
static_assert(WholePacks::of(7, 9, 1).first == 0 && WholePacks::of(7, 9, 1).last == 9);

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

struct Loss {
    Expected losses;
    Expected gradient;
};

template <class Out>
Loss reference(const Grid& logits, const std::vector<Token>& targets, double scale) {
    Loss loss{Expected(1, logits.rows), Expected(logits.rows, logits.cols)};
    const double error = sum_error<float>(logits.cols);
    for (std::size_t n = 0; n < logits.rows; ++n) {
        const double* const row = &logits.values[n * logits.cols];
        const double largest = *std::max_element(row, row + logits.cols);
        double sum = 0;
        for (std::size_t v = 0; v < logits.cols; ++v) sum += std::exp(row[v] - largest);
        const auto target = static_cast<std::size_t>(targets[n]);
        loss.losses.value(0, n) = std::log(sum) + (largest - row[target]);
        // An exponent is off by a roundoff of the difference, which is the relative error of its power.
        loss.losses.bound(0, n) = error * (1 + std::abs(loss.losses.value(0, n)));
        for (std::size_t v = 0; v < logits.cols; ++v) {
            const double probability = std::exp(row[v] - largest) / sum;
            const double relative = std::isinf(row[v]) ? 0 : error + roundoff<float> * (largest - row[v]);
            loss.gradient.value(n, v) = scale * (probability - (v == target ? 1 : 0));
            loss.gradient.bound(n, v) = rounded_once<Out>(
                loss.gradient.value(n, v), scale * (probability * relative + (v == target ? 4 * roundoff<float> : 0)));
        }
    }
    return loss;
}

/// The vocabulary's rows are `gap` elements apart.
template <class Out>
void check_loss(std::size_t vocabulary, std::size_t gap, bool in_place) {
    CAPTURE(vocabulary, gap, in_place, sizeof(Out));
    constexpr double scale = 0.25;
    constexpr std::size_t rows = 4;
    Grid logits = random_grid<float>(rows, vocabulary, 101, {-45, -30});  // where GPT-2's are
    if (vocabulary > 9) logits(2, 9) = -std::numeric_limits<double>::infinity();
    std::vector<Token> targets(rows);
    for (std::size_t n = 0; n < rows; ++n) targets[n] = static_cast<Token>(n * 1009 % vocabulary);
    targets[1] = static_cast<Token>(vocabulary - 1);
    targets[2] = 0;
    const Loss expected = reference<Out>(logits, targets, scale);
    verify<EmulatedKernels>(Threads::irrelevant, {expected.losses, expected.gradient}, [&](EmulatedKernels& backend) {
        Grid wide(rows, vocabulary + gap, std::numeric_limits<double>::quiet_NaN());
        for (std::size_t n = 0; n < rows; ++n) {
            for (std::size_t v = 0; v < vocabulary; ++v) wide(n, v) = logits(n, v);
        }
        OnBackend<float, EmulatedKernels> in(backend, wide);
        OnBackend<Out, EmulatedKernels> out(backend, unset(rows, vocabulary));
        OnBackend<float, EmulatedKernels> losses(backend, unset(1, rows));
        Uploaded<Token, EmulatedKernels> uploaded(backend, targets);
        cuda::execute(backend.context(),
                      SoftmaxCrossEntropy<float, Out>{.logits = in.view().columns(0, vocabulary),
                                                      .targets = uploaded.column(),
                                                      .losses = losses.column(),
                                                      .scale = scale,
                                                      .logits_after = Logits::become_gradient,
                                                      .d_logits = in_place ? MatrixView<Out>{} : out.view()});
        Grid gradient = out.read();
        const Grid after = in.read();
        std::size_t changed = 0;
        for (std::size_t n = 0; n < rows; ++n) {
            for (std::size_t v = 0; v < vocabulary; ++v) {
                if (in_place) {
                    gradient(n, v) = after(n, v);
                } else if (after(n, v) != logits(n, v)) {
                    ++changed;
                }
            }
            for (std::size_t v = vocabulary; v < after.cols; ++v) changed += std::isnan(after(n, v)) ? 0U : 1U;
        }
        CHECK(changed == 0);
        return Grids{losses.read(), gradient};
    });
}

}  // namespace

TEST_CASE("a loss and its gradient, in place and elsewhere, whatever the alignment of the rows", "[cuda][loss]") {
    for (const std::size_t vocabulary : {1U, 257U, 8200U}) {
        for (const std::size_t gap : {0U, 3U}) {
            check_loss<float>(vocabulary, gap, true);
            check_loss<float>(vocabulary, gap, false);
            check_loss<bf16>(vocabulary, gap, false);
        }
    }
}

TEST_CASE("a scaled sum neither overflows nor vanishes, and NaN gets into it", "[cuda][loss]") {
    ScaledSum<float> sum;
    sum.add(Pack<float, 2>{-infinity, -infinity});
    CHECK(sum.sum == 0);
    CHECK(sum.with_shift(5) == 0);
    sum.add(Pack<float, 2>{-1000, -infinity});
    CHECK(sum.sum == 1);
    CHECK(sum.shift == -1000);
    sum.add(Pack<float, 4>{1000, 1000, -1000, 0});
    CHECK(sum.sum == 2);
    CHECK(sum.shift == 1000);
    ScaledSum<float> with_nan;
    with_nan.add(Pack<float, 2>{-infinity, std::numeric_limits<float>::quiet_NaN()});
    with_nan.add(Pack<float, 2>{3, 4});
    CHECK(with_nan.shift == 4);
    CHECK(std::isnan(with_nan.sum));
}

TEST_CASE("a NaN among the logits makes the loss one", "[cuda][loss]") {
    EmulatedKernels backend(emulator::Order::forward);
    for (const std::size_t culprit : {0U, 700U, 1030U}) {
        CAPTURE(culprit);
        std::vector<float> logits(1031, -3);
        logits[culprit] = std::numeric_limits<float>::quiet_NaN();
        const Token target = 5;
        float loss = 0;
        cuda::execute(backend.context(), SoftmaxCrossEntropy<float>{.logits = row_view(logits.data(), 1031),
                                                                    .targets = {&target, 1},
                                                                    .losses = {&loss, 1},
                                                                    .logits_after = Logits::keep});
        CHECK(std::isnan(loss));
        CHECK(logits[6] == -3);
    }
}
