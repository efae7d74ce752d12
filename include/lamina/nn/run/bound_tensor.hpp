// SPDX-License-Identifier: MIT
// BoundTensor: a parameter as those see it who treat all parameters alike: optimisers, files, guards.
#pragma once

#include <lamina/arch/manifest.hpp>
#include <lamina/core/rows.hpp>

namespace lamina {

/// One parameter in memory: its row of the manifest, its values and its gradient, both on the device.
template <class S, class G>
struct BoundTensor {
    using Scalar = S;
    using Gradient = G;

    const TensorEntry& entry;
    MatrixView<Scalar> values;      ///< [rows, cols]
    MatrixView<Gradient> gradient;  ///< [rows, cols]; empty where the parameter is frozen or its gradient not wanted
};

}  // namespace lamina
