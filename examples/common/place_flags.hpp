// SPDX-License-Identifier: MIT
// The flags that say where a program runs its model.
#pragma once

#include "place.hpp"

#include <CLI/CLI.hpp>

#include <map>
#include <string>

namespace common {

inline void add_flags(CLI::App& app, Place& place) {
    const std::map<std::string, Device> devices{{"cpu", Device::cpu}, {"cuda", Device::cuda}};
    app.add_option("--device", place.device, "cpu, or cuda in a build with -DLAMINA_CUDA=ON")
        ->transform(CLI::CheckedTransformer(devices))
        ->default_str("cpu");
    app.add_option("--threads", place.threads, "of the CPU, 0 for all cores")
        ->check(CLI::Range(0, 1024))
        ->capture_default_str();
    const CLI::Option* const products =
        app.add_option("--float-products", place.float_products,
                       "of float with float on cuda: fp32, bf16x6, bf16x3 or tf32, from exact to quick")
            ->check(CLI::IsMember({"fp32", "bf16x6", "bf16x3", "tf32"}))
            ->capture_default_str();
    app.final_callback([&place, products] {
        if (place.device == Device::cuda || products->count() == 0) return;
        throw CLI::ValidationError("--float-products", "is a choice of cuda alone; add --device cuda or leave it out");
    });
}

}  // namespace common
