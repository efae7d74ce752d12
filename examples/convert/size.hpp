// SPDX-License-Identifier: MIT
// size: every conversion that convert knows, for one model size.
#pragma once

#include "../common/warnings.hpp"
#include "request.hpp"

#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/error.hpp>
#include <lamina/io/adapter_file.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/llm_c.hpp>
#include <lamina/io/peft.hpp>
#include <lamina/io/scaled_gpt2.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/norm_states.hpp>
#include <lamina/removal/removable_norm.hpp>

#include <filesystem>
#include <string>
#include <system_error>

namespace convert {

namespace io = lamina::io;

/// All five sizes have their end of text last.
template <class M>
inline constexpr lamina::Token end_of_text = M::architecture.vocab - 1;

template <class Plain>
[[nodiscard]] std::string convert_weights(Plain& model, const Request& request) {
    if (request.source == Source::weights) {
        io::load_gpt2(model, request.weights, common::load_options("convert", request.strict));
        io::save_llm_c(model, request.out, {.store_as = request.store_as.value_or(lamina::ScalarType::f32)});
        return "a checkpoint for llm.c";
    }
    io::load_llm_c(model, request.from);
    io::save_gpt2(model, request.out, {.store_as = request.store_as, .end_of_text = end_of_text<Plain>});
    return "a folder for GPT2LMHeadModel.from_pretrained";
}

template <class Run>
[[nodiscard]] std::string export_run(Run& model, const Request& request) {
    io::load_gpt2(model, request.weights, common::load_options("convert", request.strict));
    lamina::load_norm_states(model, request.from / "norms.json");
    io::load_adapter(model, request.from / "adapter.safetensors");
    io::ScaledSaveOptions options{.store_as = request.store_as, .end_of_text = end_of_text<Run>};
    if (request.target == Target::hugging_face) {
        io::save_scaled_gpt2(model, request.out, options);
        return "a folder for GPT2LMHeadModel.from_pretrained, its norms scaled";
    }
    options.adapter = io::AdapterIn::nothing;
    if (!request.measures) io::save_scaled_gpt2(model, request.out / "base", options);
    io::save_peft_adapter(model, request.out, {.base_model = request.base_name, .store_as = request.store_as});
    return "an adapter for PeftModel.from_pretrained, " +
           (request.measures ? "which goes on " + request.base_name : "and in base/ the model that it goes on");
}

/// What evaluates and generates from a run does so from this too; its norms measure, as PEFT's base does.
template <class Run>
[[nodiscard]] std::string import_adapter(Run& model, const Request& request) {
    io::load_peft_adapter(model, request.from);
    std::error_code error;
    std::filesystem::create_directories(request.out, error);
    if (error) throw lamina::FileError(request.out.string(), "cannot be created: " + error.message());
    io::save_adapter(model, request.out / "adapter.safetensors", {.base_weights = false});
    lamina::save_norm_states(model, request.out / "norms.json");
    io::write_json(request.out / "run.json", io::Json{{"model", request.model}});
    return "adapter.safetensors, and norms that measure";
}

template <class Plain, class Run>
[[nodiscard]] std::string convert_with(const Request& request) {
    lamina::CpuBackend backend;
    if (request.source == Source::weights || request.source == Source::llm_c) {
        Plain model(backend);
        return convert_weights(model, request);
    }
    Run model(backend);
    model.initialise(0, lamina::Which::adapters);
    return request.source == Source::run ? export_run(model, request) : import_adapter(model, request);
}

/// `Precision` is the one that runs of this size train in.
template <lamina::Architecture A, class Precision>
[[nodiscard]] constexpr Conversion size() {
    using namespace lamina;
    return convert_with<Gpt2<A, trainable::Nothing>,
                        Gpt2<A, norm::Removable, adapter::FullRank, Precision, trainable::Nothing>>;
}

}  // namespace convert
