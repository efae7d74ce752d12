// SPDX-License-Identifier: MIT
// A model small enough for every test of the train room, and one batch for it.
#pragma once

#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/random.hpp>
#include <lamina/core/token_batch.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removable_norm.hpp>
#include <lamina/removal/removal.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

namespace lamina_tests {

inline constexpr lamina::Architecture toy{.layers = 2, .heads = 2, .embed = 8, .context = 8, .vocab = 13};
using TinyModel = lamina::Gpt2<toy, lamina::norm::Removable, lamina::adapter::FullRank, lamina::precision::Fp64>;

struct TinyData {
    std::vector<lamina::Token> inputs = std::vector<lamina::Token>(16);
    std::vector<lamina::Token> targets = std::vector<lamina::Token>(16);

    explicit TinyData(std::uint64_t seed) {
        lamina::Random random{seed};
        for (lamina::Token& token : inputs) token = static_cast<lamina::Token>(random.below(toy.vocab));
        for (lamina::Token& token : targets) token = static_cast<lamina::Token>(random.below(toy.vocab));
    }
    [[nodiscard]] lamina::TokenBatch batch() const { return {inputs, targets, 8}; }
};

/// Every trainable value of a model, in the order of the manifest.
inline std::vector<double> trained_values(TinyModel& model) {
    std::vector<double> values;
    model.for_each_trained_tensor([&](const auto& tensor) {
        values.insert(values.end(), tensor.values.data, tensor.values.data + tensor.entry.size);
    });
    return values;
}

}  // namespace lamina_tests
