// SPDX-License-Identifier: MIT
#include "any_model.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/recipe/nano.hpp>

#include <array>

namespace any_model {

namespace {

namespace fs = std::filesystem;

struct NamedSize {
    std::string_view name;
    lamina::Architecture architecture;
};

constexpr std::array<NamedSize, 5> sizes{{{"nano", lamina::recipe::nano_architecture},
                                          {"gpt2", lamina::gpt2_small},
                                          {"gpt2-medium", lamina::gpt2_medium},
                                          {"gpt2-large", lamina::gpt2_large},
                                          {"gpt2-xl", lamina::gpt2_xl}}};

constexpr const char* any_size = "expected nano, gpt2, gpt2-medium, gpt2-large or gpt2-xl";

const NamedSize& size_called(const std::string& name) {
    for (const NamedSize& size : sizes) {
        if (size.name == name) return size;
    }
    throw lamina::ArgumentError("--model is " + name + ", " + any_size);
}

/// The size that a folder's config.json describes.
const NamedSize& size_of(const fs::path& path) {
    const lamina::io::JsonFile json(path);
    const lamina::io::JsonObject config = json.object();
    const auto count = [&](const char* name, const char* alias, std::size_t by_default) {
        const auto found = config.optional<std::size_t>(name);
        return found ? *found : config.optional<std::size_t>(alias).value_or(by_default);
    };
    // Missing fields mean what they mean to transformers; the loader checks everything else.
    const std::size_t layers = count("n_layer", "num_hidden_layers", lamina::gpt2_small.layers);
    const std::size_t embed = count("n_embd", "hidden_size", lamina::gpt2_small.embed);
    for (const NamedSize& size : sizes) {
        if (size.architecture.layers == layers && size.architecture.embed == embed) return size;
    }
    throw lamina::FileError(path.string(), "describes " + std::to_string(layers) + " layers of width " +
                                               std::to_string(embed) + ", " + any_size);
}

/// The size in config.json, which a loader need not have, and in --model, which must then say it.
const NamedSize& size_of(const fs::path& weights, const std::string& model) {
    const fs::path config = weights / "config.json";
    if (!fs::exists(config)) {
        if (!model.empty()) return size_called(model);
        throw lamina::FileError(config.string(), "does not exist, so it does not tell the model's size; give --model");
    }
    const NamedSize& size = size_of(config);
    if (!model.empty() && model != size.name) {
        throw lamina::FileError(config.string(), "describes " + std::string(size.name) + ", but --model is " + model);
    }
    return size;
}

/// Whether a folder of weights is a folded model.
bool is_folded(const fs::path& weights) {
    const fs::path path = weights / "config.json";
    if (!fs::exists(path)) return false;
    const lamina::io::JsonFile json(path);
    const lamina::io::JsonObject config = json.object();
    if (!config.contains("lamina")) return false;
    const lamina::io::JsonObject own = config.object("lamina");
    const auto norms = own.optional<std::string>("norms").value_or("measured");
    if (norms == "fixed") {
        own.fail("norms", "is \"fixed\", and what they divide by is not in this folder; give the run with --run");
    }
    return norms == "absent";
}

void complete_run(Found& found) {
    for (const char* const name : {"adapter.safetensors", "norms.json"}) {
        if (!fs::exists(found.run / name)) {
            throw lamina::FileError((found.run / name).string(),
                                    "does not exist, so --run is no finished run of remove_layernorm");
        }
    }
    if (found.weights.empty()) {
        found.weights = found.run / "pretrained";
        if (!fs::exists(found.weights)) {
            throw lamina::ArgumentError("--run " + found.run.string() +
                                        " does not hold the weights that it started from; give them with --weights");
        }
    }
    if (is_folded(found.weights)) {
        throw lamina::ArgumentError("--weights " + found.weights.string() +
                                    " is a folded model, expected the weights that the run started from");
    }
}

}  // namespace

Found find(const Flags& flags) {
    if (flags.weights.empty() && flags.run.empty()) {
        throw lamina::ArgumentError("no model was given; give --weights DIR or --run DIR");
    }
    if (!flags.weights.empty() && !fs::is_directory(flags.weights)) {
        throw lamina::FileError(flags.weights, "is no folder; expected one with config.json and model.safetensors");
    }
    if (!flags.run.empty() && !fs::is_directory(flags.run)) {
        throw lamina::FileError(flags.run, "is no folder; expected what remove_layernorm --out left");
    }
    Found found;
    found.weights = flags.weights;
    found.run = flags.run;
    if (!flags.run.empty()) {
        found.kind = Kind::run;
        complete_run(found);
    } else if (is_folded(found.weights)) {
        found.kind = Kind::folded;
    }
    const NamedSize& size = size_of(found.weights, flags.model);
    found.model = size.name;
    found.architecture = size.architecture;
    if (!Size::all().contains(found.model)) {
        throw lamina::ArgumentError("the model is a " + found.model +
                                    ", which is not in this build; configure it with -DLAMINA_MODELS=" + found.model);
    }
    return found;
}

std::unique_ptr<Model> open(const Found& found, const Opening& opening) {
    return Size::all().at(found.model)(found, opening);
}

}  // namespace any_model
