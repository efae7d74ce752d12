// SPDX-License-Identifier: MIT
#include <lamina/train/clipping.hpp>

#include "support/catch.hpp"
#include "train/tiny_run.hpp"

#include <cmath>
#include <limits>

using namespace lamina_tests;

TEST_CASE("the clip scale shortens long gradients only") {
    CHECK(lamina::train::clip_scale(0.5, 1) == 1);
    CHECK(lamina::train::clip_scale(4, 1) == 1 / (4 + 1e-6));
    CHECK(lamina::train::clip_scale(4, 0) == 1);
}

TEST_CASE("the gradient norm covers every trainable tensor and shows what is not finite") {
    lamina::CpuBackend backend({.threads = 2});
    TinyModel model(backend);
    model.initialise(3);
    model.zero_gradients();
    model.forward_backward(TinyData(4).batch());
    model.complete_gradients();
    double squares = 0;
    model.for_each_trained_tensor([&](const auto& tensor) {
        for (std::size_t i = 0; i < tensor.entry.size; ++i) {
            squares += static_cast<double>(tensor.gradient.data[i]) * static_cast<double>(tensor.gradient.data[i]);
        }
    });
    CHECK(squares > 0);
    CHECK(lamina::train::gradient_norm(model) == Approx(std::sqrt(squares)).epsilon(1e-13));
    model.gradients(lamina::Role::adapter).data[7] = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isnan(lamina::train::gradient_norm(model)));
}
