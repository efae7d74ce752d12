// SPDX-License-Identifier: MIT
// train_step: tokens per second of optimiser steps of GPT-2 in its true shapes, by the FLOP model and, on the CPU, against
// the matrix products that the machine can do; and peak memory against the plan.
#include "../examples/common/place_flags.hpp"
#include "../examples/common/program.hpp"
#include "train_step/choice.hpp"
#include "train_step/report.hpp"
#include "train_step/request.hpp"
#include "train_step/table.hpp"

#include <lamina/core/error.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <new>
#include <string>

namespace {

using namespace train_step;

struct Files {
    std::string json;
    std::string commit;
};

void add_flags(CLI::App& app, Request& request, Files& files) {
    const auto positive = CLI::Range(1, 1'000'000);
    add_flags(app, request.place);
    app.add_option("--size", request.size, "of GPT-2")
        ->check(CLI::IsMember({"nano", "small", "medium", "large", "xl"}))
        ->capture_default_str();
    app.add_option("--execution", request.execution, "how adapters are applied")
        ->check(CLI::IsMember({"merged", "split", "factored"}))
        ->capture_default_str();
    app.add_option("--recompute", request.recompute,
                   "of activations: none or block (default: the quickest that fits the device)")
        ->check(CLI::IsMember({"none", "block"}));
    app.add_option("--batch", request.batch, "sequences per micro-batch (default: the size's own)")->check(positive);
    app.add_option("--sequence", request.sequence, "tokens per sequence (default: the size's own)")->check(positive);
    app.add_option("--accumulation", request.accumulation, "micro-batches per step")
        ->check(positive)
        ->capture_default_str();
    app.add_option("--steps", request.steps, "measured steps")->check(positive)->capture_default_str();
    app.add_option("--warm-up", request.warm_up, "steps before those")->check(positive)->capture_default_str();
    app.add_option("--time-limit", request.time_limit,
                   "seconds since the start: no step is begun that would end later (default: none)")
        ->check(CLI::PositiveNumber);
    app.add_option(
        "--algorithms", request.algorithms,
        "on cuda: how products are made, read from this file where it is there, and written there at the end");
    app.add_option("--json", files.json, "write the result there as well");
    app.add_option("--commit", files.commit, "what the result says it was built from");
}

/// Bytes that nobody could give are an outcome; everything else that fails is an error like any other. Their words: the
/// CUDA runtime's, its libraries', and those of memory on the host.
bool is_out_of_memory(const std::exception& error) {
    const std::string said = error.what();
    return dynamic_cast<const std::bad_alloc*>(&error) != nullptr || said.find("out of memory") != std::string::npos ||
           said.find("ALLOC_FAILED") != std::string::npos || said.find("cannot allocate") != std::string::npos;
}

void measure_and_tell(const Request& request, const Files& files) {
    if (!request.algorithms.empty() && request.place.device != common::Device::cuda) {
        throw lamina::ArgumentError("--algorithms is a choice of cuda alone; add --device cuda or leave it out");
    }
    const Entry entry = chosen(Entries::all(), request);
    const lamina::Extent extent = extent_of(entry, request);
    if (extent.sequence > entry.context) {
        throw lamina::ArgumentError("--sequence " + std::to_string(extent.sequence) + ": expected at most " +
                                    std::to_string(entry.context));
    }
    Measured measured;
    try {
        entry.run(request, extent, measured);
    } catch (const std::exception& error) {
        if (is_out_of_memory(error)) {
            measured.outcome = "out of memory";
            if (!files.json.empty()) write_json(files.json, request, measured, files.commit);
        }
        throw;
    }
    print_table(stdout, request, measured);
    if (!files.json.empty()) write_json(files.json, request, measured, files.commit);
    if (measured.seconds.empty()) throw lamina::Error("no step was measured: " + measured.outcome);
}

}  // namespace

int main(int argc, char** argv) {
    Request request;
    Files files;
    CLI::App app("Measures optimiser steps of GPT-2 with full-rank adapters, with random weights.", "train_step");
    add_flags(app, request, files);
    return common::run_program(app, argc, argv, [&] {
        if (!files.json.empty()) {
            request.after_step = [&](const Measured& so_far) { write_json(files.json, request, so_far, files.commit); };
        }
        measure_and_tell(request, files);
    });
}
