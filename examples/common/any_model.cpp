// SPDX-License-Identifier: MIT
#include "any_model.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/file_kind.hpp>

namespace any_model {

Found find(const Flags& flags) {
    namespace fs = std::filesystem;
    if (flags.weights.empty() && flags.run.empty()) {
        throw lamina::ArgumentError("no model was given; give --weights DIR or --run DIR");
    }
    const auto require_folder = [](const std::string& path, const char* expected) {
        if (path.empty()) return;
        const lamina::io::FileKind kind = lamina::io::file_kind(path);
        if (kind != lamina::io::FileKind::folder) lamina::io::fail_kind(path, kind, expected);
    };
    require_folder(flags.weights, "a folder with config.json and model.safetensors");
    require_folder(flags.run, "the folder that remove_layernorm --out left");
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
