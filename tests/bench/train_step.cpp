// SPDX-License-Identifier: MIT
// What train_step tells of a measurement, and of a request for what it was not built with, with made-up numbers.
#include "bench/train_step/choice.hpp"
#include "bench/train_step/figures.hpp"
#include "bench/train_step/table.hpp"

#include <lamina/core/error.hpp>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace train_step;

namespace {

/// Eight micro-batches of 16 sequences of 1000 tokens, 128,000 in all, in steps of 2, 1, 4 and 1 seconds.
Request usual_request() {
    Request request;
    request.place.device = common::Device::cuda;
    request.accumulation = 8;
    return request;
}
Measured usual_measurement(const std::string& device) {
    Measured measured;
    measured.facts.device = device;
    measured.facts.extent = {.batch = 16, .sequence = 1000};
    measured.facts.plan_bytes = 20'000'000'000;
    measured.facts.flops_per_micro_batch = 90e12;
    measured.facts.flops_once = 30e12;
    measured.facts.mfu_flops_per_token = 1e9;
    for (const double seconds : {2.0, 1.0, 4.0, 1.0}) {
        measured.seconds.push_back(seconds);
        measured.whole.add(seconds);
        measured.micro_batches.add(0.75 * seconds);
        measured.once.add(0.25 * seconds);
    }
    measured.peak_bytes = 21'000'000'000;
    return measured;
}

std::string table(const Request& request, const Measured& measured) {
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* const to = open_memstream(&text, &size);
    print_table(to, request, measured);
    std::fclose(to);
    const std::string copy(text, size);
    std::free(text);
    return copy;
}

Entry entry(common::Device device, const char* size, const char* execution, const char* recompute) {
    return {.device = device,
            .size = size,
            .execution = execution,
            .recompute = recompute,
            .usual = {.batch = 16, .sequence = 1024},
            .context = 1024,
            .fits = [](const Request&, lamina::Extent extent) { return extent.batch <= 8; },
            .run = nullptr};
}

const std::vector<Entry> built{
    entry(common::Device::cpu, "small", "merged", "none"), entry(common::Device::cpu, "small", "split", "none"),
    entry(common::Device::cuda, "xl", "merged", "none"), entry(common::Device::cuda, "xl", "merged", "block"),
    entry(common::Device::cuda, "xl", "split", "block")};

Request request_of(common::Device device, const char* size, const char* execution) {
    Request request;
    request.place.device = device;
    request.size = size;
    request.execution = execution;
    return request;
}

std::string refusal(const Request& request) {
    try {
        static_cast<void>(chosen(built, request));
    } catch (const lamina::ArgumentError& error) {
        return error.what();
    }
    return "none";
}

}  // namespace

TEST_CASE("tokens per second are those of the median step, with quantiles and the range", "[bench]") {
    const Figures figures = figures_of(usual_request(), usual_measurement("NVIDIA H200"));
    // Sorted 1, 1, 2, 4: the median lies half-way between 1 and 2, the quantiles 0.3 of a step from the ends.
    CHECK(figures.tokens_per_second == Approx(128'000 / 1.5));
    CHECK(figures.tokens_per_second_p10 == Approx(128'000 / 3.4));
    CHECK(figures.tokens_per_second_p90 == Approx(128'000 / 1.0));
    CHECK(figures.tokens_per_second_least == Approx(128'000 / 4.0));
    CHECK(figures.tokens_per_second_most == Approx(128'000 / 1.0));
}

TEST_CASE("what is done once is spread over a step of the recipe, whatever step was measured", "[bench]") {
    const Figures figures = figures_of(usual_request(), usual_measurement("NVIDIA H200"));
    CHECK(figures.micro_batch_seconds == Approx(0.75 * 1.5 / 8));
    CHECK(figures.once_seconds == Approx(0.25 * 1.5));
    // 500 sequences of 1000 tokens, in micro-batches of 16.
    CHECK(figures.tokens_per_second_of_recipe == Approx(500'000 / (500.0 / 16 * 0.75 * 1.5 / 8 + 0.25 * 1.5)));
}

TEST_CASE("the rate counts every micro-batch and what is done once", "[bench]") {
    const Figures figures = figures_of(usual_request(), usual_measurement("NVIDIA H200"));
    CHECK(figures.flops_of_micro_batches == Approx(720e12));
    CHECK(figures.flops_per_step == Approx(750e12));
    CHECK(figures.flops_per_second == Approx(500e12));
}

TEST_CASE("utilisation is told of the peaks that are known", "[bench]") {
    const Figures figures = figures_of(usual_request(), usual_measurement("NVIDIA H100 80GB HBM3"));
    REQUIRE(figures.mfu);
    CHECK(*figures.mfu == Approx(1e9 * 128'000 / 1.5 / 989e12));
    CHECK(bf16_peak("NVIDIA H200") == 989e12);
    // An A100 has the same peak on either board.
    for (const char* a100 : {"NVIDIA A100-SXM4-80GB", "NVIDIA A100-PCIE-40GB"}) CHECK(bf16_peak(a100) == 312e12);
    for (const char* other : {"NVIDIA H100 PCIe", "NVIDIA H100 NVL", "NVIDIA H200 NVL", "NVIDIA L40S", "CPU"}) {
        INFO(other);
        CHECK(!bf16_peak(other));
        CHECK(!figures_of(usual_request(), usual_measurement(other)).mfu);
    }
}

TEST_CASE("the table of a GPU has the parts in TFLOP/s, and utilisation where it is known", "[bench]") {
    Measured measured = usual_measurement("NVIDIA H200");
    measured.scratch_bytes = 500'000'000;
    const std::string known =
        "optimiser step                (range)                    by the FLOP model\n"
        "  micro-batches    1.1250 s   (0.7500 to 3.0000)     720.00 TFLOP    640.0 TFLOP/s\n"
        "  once per step    0.3750 s   (0.2500 to 1.0000)      30.00 TFLOP     80.0 TFLOP/s\n"
        "  together         1.5000 s   (1.0000 to 4.0000)     750.00 TFLOP    500.0 TFLOP/s\n"
        "tokens/s: 85333.3   (32000.0 to 128000.0)\n";
    const std::string memory =
        "peak device memory: 21.000 GB, plan 20.000 GB, difference +5.0 %\n"
        "scratch of the backend, which the plan does not count: 0.500 GB\n";
    CHECK(table(usual_request(), measured) == known + "MFU by 6N + 6LCT: 8.6 % of 989 TFLOP/s\n" + memory);
    measured.facts.device = "NVIDIA H100 PCIe";
    CHECK(table(usual_request(), measured) == known + memory);
}

TEST_CASE("the table of the CPU has the parts against the best product", "[bench]") {
    Request request = usual_request();
    request.place.device = common::Device::cpu;
    Measured measured = usual_measurement("CPU");
    measured.best_product = 1000e12;
    measured.outcome = "time limit";
    CHECK(table(request, measured) ==
          "optimiser step                (range)                    by the FLOP model       of the best product\n"
          "  micro-batches      1.12 s   (0.75 to 3.00)    720.00 TFLOP   640000.0 GFLOP/s    64 %\n"
          "  once per step      0.38 s   (0.25 to 1.00)     30.00 TFLOP   80000.0 GFLOP/s     8 %\n"
          "  together           1.50 s   (1.00 to 4.00)    750.00 TFLOP   500000.0 GFLOP/s    50 %\n"
          "tokens/s: 85333.3   (32000.0 to 128000.0)\n"
          "peak resident memory: 21.000 GB, plan 20.000 GB, difference +5.0 %\n"
          "outcome: time limit\n");
}

TEST_CASE("where no step was measured the table has the memory and the outcome", "[bench]") {
    Measured measured = usual_measurement("NVIDIA H200");
    measured.whole = {};
    measured.outcome = "time limit";
    CHECK(table(usual_request(), measured) ==
          "peak device memory: 21.000 GB, plan 20.000 GB, difference +5.0 %\noutcome: time limit\n");
}

TEST_CASE("a request is about the first entry that fits flags and memory", "[bench]") {
    CHECK(chosen(built, request_of(common::Device::cpu, "small", "split")).execution == "split");
    Request xl = request_of(common::Device::cuda, "xl", "merged");
    CHECK(chosen(built, xl).recompute == "block");  // the last, where 16 sequences fit none
    xl.batch = 8;
    CHECK(chosen(built, xl).recompute == "none");
    xl.recompute = "block";
    CHECK(chosen(built, xl).recompute == "block");
    xl.batch = {};
    xl.recompute = "none";
    CHECK(chosen(built, xl).recompute == "none");
}

TEST_CASE("what was not built is told with the flag that does not fit and what it may be", "[bench]") {
    CHECK(refusal(request_of(common::Device::cpu, "xl", "merged")) == "--size xl: expected small with --device cpu");
    CHECK(refusal(request_of(common::Device::cuda, "medium", "merged")) ==
          "--size medium: gpt2-medium is not in this build for cuda; configure it with -DLAMINA_CUDA=ON "
          "-DLAMINA_MODELS=gpt2-medium");
    CHECK(refusal(request_of(common::Device::cuda, "small", "merged")).find("LAMINA_MODELS=gpt2") != std::string::npos);
    CHECK(refusal(request_of(common::Device::cuda, "xl", "factored")) ==
          "--execution factored: expected merged or split with --device cuda --size xl");
    Request xl = request_of(common::Device::cuda, "xl", "split");
    xl.recompute = "none";
    CHECK(refusal(xl) == "--recompute none: expected block with --device cuda --size xl --execution split");
}
