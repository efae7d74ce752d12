// SPDX-License-Identifier: MIT
// convert_weights: a model as it is, from and to llm.c's checkpoints.
#pragma once

#include "../common/warnings.hpp"
#include "request.hpp"

#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/error.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/io/llm_c.hpp>
#include <lamina/nn/gpt2_of.hpp>

#include <string>

namespace convert {

template <class Checkpoint>
[[nodiscard]] std::string convert_weights(const Request& request) {
    namespace io = lamina::io;
    using Plain = lamina::Gpt2Of<Checkpoint, lamina::trainable::Nothing>;
    if constexpr (io::LlmCCompatible<Plain>) {
        lamina::CpuBackend backend;
        Plain model(backend);
        if (request.source == Source::weights) {
            io::load_gpt2(model, request.weights, common::load_options("convert", request.strict));
            io::save_llm_c(model, request.out, {.store_as = request.store_as.value_or(lamina::ScalarType::f32)});
            return "a checkpoint for llm.c";
        }
        io::load_llm_c(model, request.from);
        io::save_gpt2(model, request.out, {.store_as = request.store_as, .end_of_text = request.end_of_text});
        return "a folder for GPT2LMHeadModel.from_pretrained";
    } else {
        throw lamina::ArgumentError(
            "llm.c's checkpoints are of GPT-2 as it was published: gelu_new, a tied head, an inner width of 4 n_embd, "
            "epsilon 1e-05 and the usual attention scale; " +
            request.model + " has something else in its config.json");
    }
}

}  // namespace convert
