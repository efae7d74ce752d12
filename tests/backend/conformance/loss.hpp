// SPDX-License-Identifier: MIT
// Conformance of softmax_cross_entropy.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

struct LossReference {
    Expected losses;
    Expected gradient;
};

template <class Compute>
[[nodiscard]] LossReference reference_loss(const Grid& logits, const std::vector<Token>& targets, double scale) {
    LossReference reference{Expected(1, logits.rows), Expected(logits.rows, logits.cols)};
    const double error = sum_error<Compute>(logits.cols);
    for (std::size_t n = 0; n < logits.rows; ++n) {
        const double* const row = &logits.values[n * logits.cols];
        const double largest = *std::max_element(row, row + logits.cols);
        double denominator = 0;
        for (std::size_t v = 0; v < logits.cols; ++v) denominator += std::exp(row[v] - largest);
        const auto target = static_cast<std::size_t>(targets[n]);
        // Shifted by the largest logit, so that the two huge numbers cancel exactly here.
        const double loss = std::log(denominator) + (largest - row[target]);
        reference.losses.value(0, n) = loss;
        reference.losses.bound(0, n) =
            rounded_once<Compute>(loss, error * (1 + std::abs(std::log(denominator))) +
                                            8 * roundoff<Compute> * (std::abs(largest) + std::abs(row[target])));
        for (std::size_t v = 0; v < logits.cols; ++v) {
            const double probability = std::exp(row[v] - largest) / denominator;
            const double one_hot = v == target ? 1 : 0;
            // The exponent, a difference of logits, is off by a roundoff of both; that is the relative error of the
            // power.
            const double exponent_error = 8 * roundoff<Compute> * (std::abs(largest) + std::abs(row[v]));
            const double probability_error = probability * std::min(1.0, error + exponent_error);
            reference.gradient.value(n, v) = scale * (probability - one_hot);
            reference.gradient.bound(n, v) =
                rounded_once<Compute>(reference.gradient.value(n, v),
                                      std::abs(scale) * (probability_error + 8 * roundoff<Compute> * one_hot));
        }
    }
    return reference;
}

[[nodiscard]] inline std::vector<Token> spread_targets(Size size) {
    std::vector<Token> targets(size.rows);
    for (std::size_t n = 0; n < size.rows; ++n) targets[n] = static_cast<Token>((n * 31) % size.cols);
    if (size.rows > 1) targets.back() = static_cast<Token>(size.cols - 1);
    return targets;
}

template <class Compute, Backend B>
[[nodiscard]] Grids run_loss(B& backend, const Grid& values, const std::vector<Token>& targets, double scale,
                             Logits logits_after) {
    OnBackend<Compute, B> logits(backend, values, Layout::slice);
    OnBackend<Compute, B> losses(backend, unset(1, values.rows));
    Uploaded<Token, B> targets_there(backend, targets);
    backend.run(SoftmaxCrossEntropy<Compute>{.logits = logits.view(),
                                             .targets = targets_there.column(),
                                             .losses = losses.column(),
                                             .scale = scale,
                                             .logits_after = logits_after});
    return {losses.read(), logits.read()};
}

template <Backend B, class Compute>
void verify_loss(Size size, Range range) {
    CAPTURE(size.rows, size.cols, range.high);
    constexpr double scale = 0.125;
    const Grid logits = random_grid<Compute>(size.rows, size.cols, 91, range);
    const std::vector<Token> targets = spread_targets(size);
    const LossReference reference = reference_loss<Compute>(logits, targets, scale);
    verify<B>(Threads::irrelevant, {reference.losses, Expected(logits)},
              [&](B& backend) { return run_loss<Compute>(backend, logits, targets, scale, Logits::keep); });
    verify<B>(Threads::irrelevant, {reference.losses, reference.gradient},
              [&](B& backend) { return run_loss<Compute>(backend, logits, targets, scale, Logits::become_gradient); });
}

/// With a gradient of its own, which is rounded once, while the logits stay. It has `beyond` columns more than these.
template <Backend B, class Compute, class Out>
void verify_apart(Size size, Range range, std::size_t beyond = 0) {
    CAPTURE(size.rows, size.cols, range.high, beyond);
    constexpr double scale = 0.125;
    const Grid logits = random_grid<Compute>(size.rows, size.cols, 91, range);
    const std::vector<Token> targets = spread_targets(size);
    const LossReference reference = reference_loss<Compute>(logits, targets, scale);
    Expected wide(size.rows, size.cols + beyond);  // zeros, exactly, beyond the vocabulary
    for (std::size_t n = 0; n < size.rows; ++n) {
        for (std::size_t v = 0; v < size.cols; ++v) {
            wide.value(n, v) = reference.gradient.value(n, v);
            wide.bound(n, v) = rounded_once<Out>(wide.value(n, v), reference.gradient.bound(n, v));
        }
    }
    const Grid untouched(size.rows, size.cols + beyond, 1);
    for (const Logits logits_after : {Logits::keep, Logits::become_gradient}) {
        const bool writes = logits_after == Logits::become_gradient;
        const Expected gradient = writes ? wide : Expected(untouched);
        verify<B>(Threads::irrelevant, {reference.losses, Expected(logits), gradient}, [&](B& backend) {
            OnBackend<Compute, B> logits_there(backend, logits, Layout::slice);
            OnBackend<Out, B> d_logits(backend, writes ? unset(size.rows, size.cols + beyond) : untouched,
                                       Layout::slice);
            OnBackend<Compute, B> losses(backend, unset(1, size.rows));
            Uploaded<Token, B> targets_there(backend, targets);
            backend.run(SoftmaxCrossEntropy<Compute, Out>{.logits = logits_there.view(),
                                                          .targets = targets_there.column(),
                                                          .losses = losses.column(),
                                                          .scale = scale,
                                                          .logits_after = logits_after,
                                                          .d_logits = d_logits.view()});
            return Grids{losses.read(), logits_there.read(), d_logits.read()};
        });
    }
}

template <Backend B, class Compute, class Out>
void verify_all_apart() {
    for (const Size size : {Size{0, 5}, Size{1, 1}, Size{3, 7}, Size{4, 16}, Size{67, 130}}) {
        verify_apart<B, Compute, Out>(size, {-3, 3});
    }
    verify_apart<B, Compute, Out>({3, 7}, {-3, 3}, 2);
    verify_apart<B, Compute, Out>({67, 130}, {-3, 3}, 126);
    verify_apart<B, Compute, Out>({1, 50257}, {-3, 3}, 47);
    verify_apart<B, Compute, Out>({5, 257}, {-1e3, 1e3});
    verify_apart<B, Compute, Out>({5, 257}, {-1e30, 1e30});
}

template <Backend B, class Compute>
void verify_losses() {
    for (const Size size : {Size{0, 5}, Size{1, 1}, Size{3, 7}, Size{2, 8}, Size{5, 15}, Size{4, 16}, Size{7, 17},
                            Size{67, 130}, Size{1, 50257}}) {
        verify_loss<B, Compute>(size, {-3, 3});
    }
    verify_loss<B, Compute>({5, 257}, {-1e3, 1e3});
    verify_loss<B, Compute>({5, 257}, {-1e30, 1e30});
    verify_loss<B, Compute>({5, 257}, {-2e3, -1e3});
    verify_loss<B, Compute>({5, 257}, {5e3, 5e3});  // all equal: the loss is log V however large they are
}

TEMPLATE_TEST_CASE("softmax_cross_entropy agrees with the reference for small, equal and huge logits",
                   "[conformance][loss]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_losses<TestType, float>(); }
    SECTION("double") { verify_losses<TestType, double>(); }
}

TEMPLATE_TEST_CASE("softmax_cross_entropy writes its gradient apart where it is told to, and keeps the logits",
                   "[conformance][loss]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float to bf16") { verify_all_apart<TestType, float, bf16>(); }
    SECTION("float") { verify_all_apart<TestType, float, float>(); }
    SECTION("double") { verify_all_apart<TestType, double, double>(); }
}

TEMPLATE_TEST_CASE("the gradient of softmax_cross_entropy is the derivative of its losses", "[conformance][loss]",
                   LAMINA_BACKEND_UNDER_TEST) {
    constexpr double scale = 0.7;
    TestType backend = UnderTest<TestType>::with_threads(1);
    const Grid logits = random_grid<double>(3, 7, 92, {-2, 2});
    const std::vector<Token> targets = spread_targets({3, 7});
    const auto scaled_loss = [&](const Grid& moved) {
        return dot(run_loss<double>(backend, moved, targets, scale, Logits::keep)[0], Grid(1, 3, scale));
    };
    Expected expected(central_differences(logits, scaled_loss));
    expected.bound = Grid(3, 7, central_difference_bound);
    CHECK(mismatch(run_loss<double>(backend, logits, targets, scale, Logits::become_gradient)[1], expected) == "");
}

TEMPLATE_TEST_CASE("a target outside the vocabulary is a caller's bug", "[conformance][loss]",
                   LAMINA_BACKEND_UNDER_TEST) {
    TestType backend = UnderTest<TestType>::with_threads(2);
    for (const Logits logits_after : {Logits::keep, Logits::become_gradient}) {
        const auto loss_of = [&](Token target) {
            return run_loss<float>(backend, Grid(2, 7, 1), {0, target}, 1, logits_after);
        };
        CHECK_NOTHROW(loss_of(6));
        CHECK_THROWS_AS(loss_of(7), ContractViolation);
        CHECK_THROWS_AS(loss_of(-100), ContractViolation);
    }
}

}  // namespace lamina_tests::conformance
