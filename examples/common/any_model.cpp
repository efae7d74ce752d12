// SPDX-License-Identifier: MIT
#include "any_model.hpp"

#include <lamina/core/error.hpp>

namespace any_model {

Found find(const Flags& flags) {
    namespace fs = std::filesystem;
    if (flags.weights.empty() && flags.run.empty()) {
        throw lamina::ArgumentError("no model was given; give --weights DIR or --run DIR");
    }
    if (!flags.weights.empty()) require_folder(flags.weights, "a folder with config.json and model.safetensors");
    if (!flags.run.empty()) require_folder(flags.run, "the folder that remove_layernorm --out left");
    Found found;
    found.weights = flags.weights;
    found.run = flags.run;
    if (!flags.run.empty()) {
        found.kind = Kind::run;
        found.weights = weights_of_run(found.run, found.weights);
    } else {
        found.kind = kind_of(found.weights);
    }
    const NamedSize& size = size_of(found.weights, flags.model);
    found.model = size.name;
    found.architecture = size.architecture;
    found.strict = flags.strict;
    found.place = flags.place;
    static_cast<void>(Size::at(found.place.device, found.model));
    return found;
}

std::unique_ptr<Model> open(const Found& found, const Opening& opening) {
    return Size::at(found.place.device, found.model)(found, opening);
}

}  // namespace any_model
