// SPDX-License-Identifier: MIT
// A forward pass of a model of one's own.
#include "model.hpp"

#include <array>
#include <cmath>

int main() {
    lamina::CpuBackend backend({.threads = 1});
    Model model(backend);
    model.initialise(1);
    const std::array<lamina::Token, 4> ids{1, 10, 0, 7};
    std::array<float, 4 * size.vocab> logits{};
    model.logits(ids, {.batch = 1, .sequence = ids.size()}, ids.size(), logits);
    for (const float logit : logits) {
        if (!std::isfinite(logit) || logit == 0) return 1;
    }
    return 0;
}
