// SPDX-License-Identifier: MIT
// The matrices of a model's linear layers as what they compute, for formats that have no adapters.
#pragma once

#include <lamina/arch/visit.hpp>
#include <lamina/nn/host_copies.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/linear.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

namespace lamina::io::detail {

/// Gives the values of one tensor when its turn comes, so that no two need exist at once.
using ValueSource = std::function<std::vector<double>()>;

/// Tensors that are not written as the model stores them, by the names of the manifest.
using ValueSources = std::map<std::string, ValueSource>;

template <std::size_t In, std::size_t Out, class P>
std::true_type linear_test(const Linear<In, Out, P>*);
std::false_type linear_test(const void*);

/// `Linear`, or one under a name.
template <class Node>
concept LinearNode = decltype(linear_test(static_cast<Node*>(nullptr)))::value;

/// W + scale·A·B [In, Out] of every linear layer. Valid as long as the model stays where it is.
template <LanguageModel M>
[[nodiscard]] ValueSources merged_weights(M& model) {
    ValueSources sources;
    walk(model.layers(), [&](const std::string& path, auto& node) {
        if constexpr (LinearNode<std::remove_cvref_t<decltype(node)>>) {
            sources.emplace(path + ".weight", [&node, &backend = model.backend()] {
                return HostCopies(backend).template read_weight<typename M::Policies>(node);
            });
        }
    });
    return sources;
}

}  // namespace lamina::io::detail
