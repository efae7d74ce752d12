// SPDX-License-Identifier: MIT
// Mlp: GPT-2's two-layer perceptron, as a composition.
#pragma once

#include <cstddef>

#include <lamina/nn/composition.hpp>
#include <lamina/nn/gelu.hpp>
#include <lamina/nn/linear.hpp>

namespace lamina {

/// y = gelu(x·W_fc + b_fc)·W_proj + b_proj.
///
/// shapes   x, y [N, Embed]; c_fc [Embed, Hidden]; c_proj [Hidden, Embed]
template <std::size_t Embed, std::size_t Hidden, class P>
using Mlp = Sequential<Named<"c_fc", Linear<Embed, Hidden, P>>, Gelu<Hidden, P>,
                       Named<"c_proj", ResidualLinear<Hidden, Embed, P>>>;

}  // namespace lamina
