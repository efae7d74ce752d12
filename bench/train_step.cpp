// SPDX-License-Identifier: MIT
// train_step: tokens per second of optimiser steps of GPT-2 in its true shapes, by the FLOP model and, on the CPU, against
// the matrix products that the machine can do; and peak memory against the plan.
#include "../examples/common/flags.hpp"
#include "../examples/common/output_file.hpp"
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
    common::OutputFile json;
    std::string commit;
};

void add_flags(CLI::App& app, Request& request, Files& files) {
    const common::Counts positive{.least = 1, .most = 1'000'000};
    add_flags(app, request.place);
    common::add_word(app, "--size", request.size, "of GPT-2", {"nano", "small", "medium", "large", "xl"});
    common::add_word(app, "--execution", request.execution, "how adapters are applied",
                     {"merged", "split", "factored"});
    common::add_word(app, "--recompute", request.recompute,
                     "of activations (default: the quickest that fits the device)", {"none", "block"});
    common::add_count(app, "--batch", request.batch, "sequences per micro-batch (default: the size's own)", positive);
    common::add_count(app, "--sequence", request.sequence, "tokens per sequence (default: the size's own)", positive);
    common::add_count(app, "--accumulation", request.accumulation, "micro-batches per step", positive);
    common::add_count(app, "--steps", request.steps, "measured steps", positive);
    common::add_count(app, "--warm-up", request.warm_up, "steps before those", positive);
    common::add_number(app, "--time-limit", request.time_limit,
                       "seconds since the start: no step is begun that would end later (default: none)", {.above = 0});
    app.add_option("--algorithms", request.algorithms,
                   "on cuda: how products are made, read from this file where it is there, and written there at the "
                   "end")
        ->type_name("FILE");
    common::add_flags(app, files.json, "the result");
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
            if (files.json.wanted()) write_json(files.json.path, request, measured, files.commit);
        }
        throw;
    }
    print_table(stdout, request, measured);
    if (files.json.wanted()) write_json(files.json.path, request, measured, files.commit);
    if (measured.seconds.empty()) throw lamina::Error("no step was measured: " + measured.outcome);
}

}  // namespace

int main(int argc, char** argv) {
    Request request;
    Files files;
    CLI::App app("Measures optimiser steps of GPT-2 with full-rank adapters, with random weights.", "train_step");
    add_flags(app, request, files);
    return common::run_program(app, argc, argv, [&] {
        files.json.protect();
        if (files.json.wanted()) {
            request.after_step = [&](const Measured& so_far) {
                write_json(files.json.path, request, so_far, files.commit);
            };
        }
        measure_and_tell(request, files);
    });
}
