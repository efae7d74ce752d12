// SPDX-License-Identifier: MIT
// What one model takes over from another, as plain numbers: its values by name, and its logits.
#pragma once

#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include <lamina/core/token.hpp>
#include <lamina/nn/host_copies.hpp>

namespace lamina_tests {

using Values = std::map<std::string, std::vector<double>>;

template <class M>
[[nodiscard]] Values values_of(M& model) {
    const lamina::HostCopies copies(model.backend());
    Values all;
    model.for_each_tensor(
        [&](const auto& tensor) { all[tensor.entry.name()] = copies.read(tensor.values.data, tensor.entry.size); });
    return all;
}

/// Of every position of one sequence, as long as the shortest context of the tests' models.
template <class M>
[[nodiscard]] std::vector<typename M::Compute> logits_of(M& model) {
    const std::vector<lamina::Token> ids{3, 1, 4, 2};
    std::vector<typename M::Compute> logits(ids.size() * M::architecture.vocab);
    model.logits(ids, {1, ids.size()}, ids.size(), logits);
    return logits;
}

}  // namespace lamina_tests
