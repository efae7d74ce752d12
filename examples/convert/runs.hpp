// SPDX-License-Identifier: MIT
// convert_run: runs of remove_layernorm into what transformers and PEFT read, and PEFT's adapters into such runs.
#pragma once

#include "../common/adapted.hpp"
#include "../common/run_weights.hpp"
#include "../common/warnings.hpp"
#include "request.hpp"

#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/error.hpp>
#include <lamina/io/adapter_file.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/peft.hpp>
#include <lamina/io/scaled_gpt2.hpp>
#include <lamina/nn/initialise.hpp>
#include <lamina/removal/norm_states.hpp>

#include <filesystem>
#include <string>
#include <system_error>

namespace convert {

template <class Run>
[[nodiscard]] std::string export_run(Run& model, const Request& request) {
    namespace io = lamina::io;
    if constexpr (!io::ScalableGpt2<Run>) {
        throw lamina::ArgumentError("the head of " + request.model +
                                    " has a bias, which neither transformers' GPT-2 nor PEFT's base can hold; use the "
                                    "run's folded/ (docs/interop.md has a loader)");
    } else {
        any_model::load_run(model, request.weights, request.from, common::load_options("convert", request.strict));
        io::ScaledSaveOptions options{.store_as = request.store_as, .end_of_text = request.end_of_text};
        if (request.target == Target::hugging_face) {
            io::save_scaled_gpt2(model, request.out, options);
            return "a folder for GPT2LMHeadModel.from_pretrained, its norms scaled";
        }
        if constexpr (Run::Policies::Adapter::present) {
            options.adapter = io::AdapterIn::nothing;
            if (!request.measures) io::save_scaled_gpt2(model, request.out / "base", options);
            io::save_peft_adapter(model, request.out, {.base_model = request.base_name, .store_as = request.store_as});
            return "an adapter for PeftModel.from_pretrained, " +
                   (request.measures ? "which goes on " + request.base_name : "and in base/ the model that it goes on");
        } else {
            throw lamina::ArgumentError("--run " + request.from.string() +
                                        " trained every parameter, so it has no adapter for --to peft; use --to "
                                        "hugging-face");
        }
    }
}

/// What evaluates and generates from a run does so from this too; its norms measure, as PEFT's base does.
template <class Run>
[[nodiscard]] std::string import_adapter(Run& model, const Request& request, const common::Adaptation& adaptation) {
    namespace io = lamina::io;
    if constexpr (Run::Policies::Adapter::present) {
        io::load_peft_adapter(model, request.from);
        std::error_code error;
        std::filesystem::create_directories(request.out, error);
        if (error) throw lamina::FileError(request.out.string(), "cannot be created: " + error.message());
        io::save_adapter(model, request.out / "adapter.safetensors", {.base_weights = false});
        lamina::save_norm_states(model, request.out / "norms.json");
        io::write_json(request.out / "run.json", io::Json{{"model", request.model},
                                                          {"adapter", adaptation.adapter},
                                                          {"targets", adaptation.targets},
                                                          {"precision", adaptation.precision}});
        return "adapter.safetensors, and norms that measure";
    } else {
        throw lamina::ArgumentError(
            "this build of convert has runs without adapters only; build it with --adapter full");
    }
}

template <class Checkpoint, class Described>
[[nodiscard]] std::string convert_run(const Request& request) {
    using Run = common::AsItIs<Checkpoint, Described, lamina::device::Cpu>;
    lamina::CpuBackend backend;
    Run model(backend);
    if constexpr (Run::Policies::Adapter::present) model.initialise(0, lamina::Which::adapters);
    if (request.source == Source::run) return export_run(model, request);
    return import_adapter(model, request, common::adaptation_of<Described>());
}

}  // namespace convert
