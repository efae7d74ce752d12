// SPDX-License-Identifier: MIT
// What a program does with its layer type, which the case that includes this calls Composition: so that errors behind
// the first one would show. Included by many cases that are compiled as one, so without #pragma once.

#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/paths.hpp>
#include <lamina/nn/run/paper.hpp>
#include <lamina/nn/run/pass.hpp>
#include <lamina/nn/run/saved.hpp>

#include <cstddef>

inline std::size_t use_layer() {
    using namespace lamina;
    CpuBackend backend;
    Composition layer;
    Composition::Saved saved;
    Pass<CpuBackend> pass{.backend = backend, .extent = {1, 4}};
    const Rows<InScalarOf<Composition>, Composition::in> x;
    const Rows<OutScalarOf<Composition>, Composition::out> y;
    forward_into(layer, pass, x.read_only(), Into(y), saved);
    backward_into(layer, pass, x.read_only(), saved, y, Into(x));
    return saved_bytes<Composition::Saved>(4) + on_paper<Composition>({1, 4}).scratch;
}
