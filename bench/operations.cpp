// SPDX-License-Identifier: MIT
// operations: what each operation of an optimiser step takes in the true shapes of GPT-2, against the least that the
// device could take for its arithmetic and its bytes.
#include "../examples/common/flags.hpp"
#include "../examples/common/output_file.hpp"
#include "../examples/common/place_flags.hpp"
#include "../examples/common/program.hpp"
#include "operations/operation.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/json_file.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>

namespace {

using namespace operations;

/// Ceilings assumed for Hopper cards, from what others publish of the H200: bf16 products, and bytes of a copy, read and
/// written. An H100 has less memory bandwidth.
constexpr double hopper_flops = 790e12;
constexpr double hopper_bytes = 4.3e12;

/// Seconds that no version takes less than; none where the device's rates are not known.
std::optional<double> floor_of(const Outcome& outcome, const Cost& cost) {
    const bool hopper =
        outcome.device.find("H100") != std::string::npos || outcome.device.find("H200") != std::string::npos;
    if (!hopper) return {};
    return std::max(cost.flops / hopper_flops, cost.bytes / hopper_bytes);
}

/// The row of what was measured last, below the heading where it is the first.
void print_row(const Outcome& outcome) {
    if (outcome.measured.size() == 1) {
        std::printf("%s\n\n%-7s %-32s %-22s %10s %22s %11s %9s %8s\n", outcome.backend.c_str(), "size", "operation",
                    "shape", "us", "(range)", "rate", "floor us", "of floor");
    }
    const Measured& measured = outcome.measured.back();
    const double seconds = measured.seconds.median();
    const bool counts_flops = measured.cost.flops > 0;
    const double rate = counts_flops ? measured.cost.flops / seconds / 1e12 : measured.cost.bytes / seconds / 1e9;
    std::printf("%-7s %-32s %-22s %10.1f %10.1f to %8.1f %7.2f %s", measured.size.c_str(), measured.name.c_str(),
                measured.shape.c_str(), seconds * 1e6, measured.seconds.least() * 1e6, measured.seconds.most() * 1e6,
                rate, counts_flops ? "TF/s" : "GB/s");
    if (const auto floor = floor_of(outcome, measured.cost)) {
        std::printf(" %8.1f %7.2f", *floor * 1e6, seconds / *floor);
    }
    std::printf("\n");
    std::fflush(stdout);
}

lamina::io::Json as_json(const Request& request, const Outcome& outcome, const std::string& commit, bool whole) {
    using lamina::io::Json;
    Json rows = Json::array();
    for (const Measured& measured : outcome.measured) {
        const double seconds = measured.seconds.median();
        const auto floor = floor_of(outcome, measured.cost);
        rows.push_back({{"size", measured.size},
                        {"operation", measured.name},
                        {"shape", measured.shape},
                        {"calls", measured.calls},
                        {"seconds", seconds},
                        {"least_seconds", measured.seconds.least()},
                        {"most_seconds", measured.seconds.most()},
                        {"flops", measured.cost.flops},
                        {"bytes", measured.cost.bytes},
                        {"floor_seconds", floor ? Json(*floor) : Json(nullptr)}});
    }
    return {{"program", "operations"},
            {"device", outcome.device},
            {"float_products", request.place.float_products},
            {"batch", request.batch},
            {"sequence", request.sequence},
            {"commit", commit},
            {"operations", rows},
            {"outcome", whole ? "measured" : "interrupted"}};
}

void add_flags(CLI::App& app, Request& request) {
    add_flags(app, request.place);
    const common::Counts positive{.least = 1, .most = 1'000'000};
    common::add_words(app, "--size", request.sizes, "of GPT-2, with commas between",
                      {"small", "medium", "large", "xl"});
    common::add_count(app, "--batch", request.batch, "sequences per micro-batch", positive);
    common::add_count(app, "--sequence", request.sequence, "tokens per sequence", positive);
    app.add_option("--only", request.only, "operations whose name contains this");
    common::add_count(app, "--warm-up", request.warm_ups, "calls before those that are measured", positive);
    common::add_count(app, "--repetitions", request.repetitions, "measured calls of each", positive);
    common::add_number(app, "--seconds", request.seconds,
                       "that an operation is measured for, unless five calls take longer", {.above = 0});
}

}  // namespace

int main(int argc, char** argv) {
    Request request;
    common::OutputFile json;
    std::string commit;
    CLI::App app("Measures each operation of an optimiser step in the true shapes of GPT-2.", "operations");
    add_flags(app, request);
    common::add_flags(app, json, "the results");
    app.add_option("--commit", commit, "what the results say they were built from");
    return common::run_program(app, argc, argv, [&] {
        json.protect();
        for (const Runner& runner : Runners::all()) {
            if (runner.device != request.place.device) continue;
            const auto write = [&](const Outcome& outcome, bool whole) {
                if (json.wanted()) lamina::io::write_json(json.path, as_json(request, outcome, commit, whole));
            };
            request.after_each = [&](const Outcome& so_far) {
                write(so_far, false);
                print_row(so_far);
            };
            write(runner.run(request), true);
            return;
        }
        throw lamina::ArgumentError("--device cuda: this program was built without it; build with -DLAMINA_CUDA=ON");
    });
}
