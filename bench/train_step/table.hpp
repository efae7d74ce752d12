// SPDX-License-Identifier: MIT
// The lines that train_step ends with, for people.
#pragma once

#include "figures.hpp"

#include <cstdio>

namespace train_step {

namespace detail {

/// GFLOP/s on the CPU, where the best product is known; TFLOP/s without it.
inline void print_part(std::FILE* to, const char* what, const bench::Sample& seconds, double operations,
                       double best_product) {
    const double rate = operations / seconds.median();
    if (best_product > 0) {
        std::fprintf(to, "  %-14s %8.2f s   (%.2f to %.2f)   %7.2f TFLOP   %6.1f GFLOP/s   %3.0f %%\n", what,
                     seconds.median(), seconds.least(), seconds.most(), operations / 1e12, rate / 1e9,
                     100 * rate / best_product);
    } else {
        std::fprintf(to, "  %-14s %8.4f s   (%.4f to %.4f)   %8.2f TFLOP   %6.1f TFLOP/s\n", what, seconds.median(),
                     seconds.least(), seconds.most(), operations / 1e12, rate / 1e12);
    }
}

inline void print_rates(std::FILE* to, const Figures& figures, const Measured& measured) {
    const double best = measured.best_product;
    std::fprintf(to, "optimiser step                (range)                    by the FLOP model%s\n",
                 best > 0 ? "       of the best product" : "");
    print_part(to, "micro-batches", measured.micro_batches, figures.flops_of_micro_batches, best);
    print_part(to, "once per step", measured.once, measured.facts.flops_once, best);
    print_part(to, "together", measured.whole, figures.flops_per_step, best);
    std::fprintf(to, "tokens/s: %.1f   (%.1f to %.1f)\n", figures.tokens_per_second, figures.tokens_per_second_least,
                 figures.tokens_per_second_most);
    if (figures.mfu) {
        std::fprintf(to, "MFU by 6N + 6LCT: %.1f %% of %.0f TFLOP/s\n", 100 * *figures.mfu, *figures.peak / 1e12);
    }
}

}  // namespace detail

inline void print_table(std::FILE* to, const Request& request, const Measured& measured) {
    const Facts& facts = measured.facts;
    if (!measured.whole.empty()) detail::print_rates(to, figures_of(request, measured), measured);
    const double peak = static_cast<double>(measured.peak_bytes);
    const double planned = static_cast<double>(facts.plan_bytes);
    std::fprintf(to, "peak %s memory: %.3f GB, plan %.3f GB, difference %+.1f %%\n",
                 request.place.device == common::Device::cpu ? "resident" : "device", peak / 1e9, planned / 1e9,
                 100 * (peak / planned - 1));
    if (measured.scratch_bytes > 0) {
        std::fprintf(to, "scratch of the backend, which the plan does not count: %.3f GB\n",
                     static_cast<double>(measured.scratch_bytes) / 1e9);
    }
    if (measured.outcome != "measured") std::fprintf(to, "outcome: %s\n", measured.outcome.c_str());
}

}  // namespace train_step
