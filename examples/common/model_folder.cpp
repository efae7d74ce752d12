// SPDX-License-Identifier: MIT
#include "model_folder.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/file_kind.hpp>
#include <lamina/io/gpt2_config.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/safetensors_folder.hpp>
#include <lamina/recipe/nano.hpp>

#include <array>

namespace any_model {

namespace {

namespace fs = std::filesystem;

constexpr std::array<NamedSize, 5> sizes{{{"nano", lamina::recipe::nano_architecture},
                                          {"gpt2", lamina::gpt2_small},
                                          {"gpt2-medium", lamina::gpt2_medium},
                                          {"gpt2-large", lamina::gpt2_large},
                                          {"gpt2-xl", lamina::gpt2_xl}}};

constexpr const char* any_size = "expected nano, gpt2, gpt2-medium, gpt2-large or gpt2-xl";

}  // namespace

const NamedSize& size_called(const std::string& name) {
    for (const NamedSize& size : sizes) {
        if (size.name == name) return size;
    }
    throw lamina::ArgumentError("--model is " + name + ", " + any_size);
}

const NamedSize& size_of(const fs::path& file, std::size_t layers, std::size_t embed, const std::string& model) {
    for (const NamedSize& size : sizes) {
        if (size.architecture.layers != layers || size.architecture.embed != embed) continue;
        if (model.empty() || model == size.name) return size;
        throw lamina::FileError(file.string(), "describes " + std::string(size.name) + ", but --model is " + model);
    }
    throw lamina::FileError(file.string(), "describes " + std::to_string(layers) + " layers of width " +
                                               std::to_string(embed) + ", " + any_size);
}

void require_folder(const fs::path& path, const char* expected) {
    const lamina::io::FileKind kind = lamina::io::file_kind(path);
    if (kind != lamina::io::FileKind::folder) lamina::io::fail_kind(path, kind, expected);
}

const NamedSize& size_of(const fs::path& weights, const std::string& model) {
    require_folder(weights, "a folder with config.json and model.safetensors");
    const fs::path path = weights / "config.json";
    if (lamina::io::file_kind(path) == lamina::io::FileKind::missing) {
        if (!model.empty()) return size_called(model);
        static_cast<void>(lamina::io::SafetensorsFolder(weights));  // a folder without a model says what it has instead
        throw lamina::FileError(path.string(), "does not exist, so it does not tell the model's size; give --model");
    }
    const lamina::io::JsonFile json(path);
    const lamina::io::JsonObject config = json.object();
    const auto count = [&](const char* name, const char* alias, std::size_t by_default) {
        const auto found = config.optional<std::size_t>(name);
        return found ? *found : config.optional<std::size_t>(alias).value_or(by_default);
    };
    // Missing fields mean what they mean to transformers; the loader checks everything else.
    return size_of(path, count("n_layer", "num_hidden_layers", lamina::gpt2_small.layers),
                   count("n_embd", "hidden_size", lamina::gpt2_small.embed), model);
}

Kind kind_of(const fs::path& weights) {
    const fs::path path = weights / "config.json";
    if (lamina::io::file_kind(path) == lamina::io::FileKind::missing) return Kind::pretrained;
    const lamina::io::JsonFile json(path);
    const lamina::io::JsonObject config = json.object();
    if (config.contains("lamina")) {
        const lamina::io::JsonObject own = config.object("lamina");
        const auto norms = own.optional<std::string>("norms").value_or("measured");
        if (norms == "fixed") {
            own.fail("norms", "is \"fixed\", and what they divide by is not in this folder; give the run with --run");
        }
        return norms == "absent" ? Kind::folded : Kind::pretrained;
    }
    // Any other epsilon is for the loaders to judge.
    const bool scaled = config.optional<double>("layer_norm_epsilon") == lamina::io::scaled_norm_epsilon;
    return scaled ? Kind::scaled : Kind::pretrained;
}

fs::path weights_of_run(const fs::path& run, const fs::path& weights) {
    for (const char* const name : {"adapter.safetensors", "norms.json"}) {
        if (!fs::exists(run / name)) {
            throw lamina::FileError((run / name).string(),
                                    "does not exist, so --run is no finished run of remove_layernorm");
        }
    }
    const fs::path found = weights.empty() ? run / "pretrained" : weights;
    if (!fs::exists(found)) {
        throw lamina::ArgumentError("--run " + run.string() +
                                    " does not hold the weights that it started from; give them with --weights");
    }
    if (const Kind kind = kind_of(found); kind != Kind::pretrained) {
        throw lamina::ArgumentError("--weights " + found.string() + " is a " +
                                    (kind == Kind::folded ? "folded model" : "model with scaled norms") +
                                    ", expected the weights that the run started from");
    }
    return found;
}

void fail_not_built(common::Device device, std::string_view model) {
    throw lamina::ArgumentError("model " + common::not_built(device, std::string(model)));
}

}  // namespace any_model
