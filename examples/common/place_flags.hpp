// SPDX-License-Identifier: MIT
// The flags that say where a program runs its model.
#pragma once

#include "flags.hpp"
#include "place.hpp"

#include <CLI/CLI.hpp>

namespace common {

inline void add_flags(CLI::App& app, Place& place) {
    add_choice(app, "--device", place.device, "where to run; cuda in a build with -DLAMINA_CUDA=ON",
               {{"cpu", Device::cpu}, {"cuda", Device::cuda}});
    add_count(app, "--threads", place.threads, "of the CPU, 0 for all cores", {.most = 1024, .note = "0: all cores"});
    const CLI::Option* const products =
        add_word(app, "--float-products", place.float_products, "of float with float on cuda, from exact to quick",
                 {"fp32", "bf16x6", "bf16x3", "tf32"});
    app.final_callback([&place, products] {
        if (place.device == Device::cuda || products->count() == 0) return;
        throw CLI::ValidationError("--float-products", "is a choice of cuda alone; add --device cuda or leave it out");
    });
}

}  // namespace common
