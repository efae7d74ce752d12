// SPDX-License-Identifier: MIT
#include "model_folder.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/atomic_file.hpp>
#include <lamina/io/gpt2_config.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/memory_map.hpp>
#include <lamina/recipe/nano.hpp>

#include <array>
#include <cstdint>

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

const NamedSize& size_of(const fs::path& weights, const std::string& model) {
    const fs::path path = weights / "config.json";
    if (!fs::exists(path)) {
        if (!model.empty()) return size_called(model);
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
    if (!fs::exists(path)) return Kind::pretrained;
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

std::optional<lamina::Token> end_of_text_in(const fs::path& weights, std::size_t vocab) {
    const fs::path path = weights / "config.json";
    if (!fs::exists(path)) return std::nullopt;
    const lamina::io::JsonFile json(path);
    constexpr std::int64_t by_default = lamina::gpt2_small.vocab - 1;
    std::int64_t token = by_default;
    if (json.object().contains("eos_token_id")) {
        const lamina::io::Json& ids = json.object().json("eos_token_id");
        // Newer files have a list where several tokens end a text.
        const lamina::io::Json& id = ids.is_array() && !ids.empty() ? ids[0] : ids;
        token = id.is_number_integer() ? id.get<std::int64_t>() : -1;
    }
    if (token < 0 || static_cast<std::size_t>(token) >= vocab) return std::nullopt;
    return static_cast<lamina::Token>(token);
}

std::vector<fs::path> tokenizer_files_in(const fs::path& folder) {
    std::vector<fs::path> files;
    for (const char* const name : {"tokenizer.json", "vocab.json", "merges.txt", "encoder.json", "vocab.bpe",
                                   "added_tokens.json", "tokenizer_config.json", "special_tokens_map.json"}) {
        if (!folder.empty() && fs::exists(folder / name)) files.push_back(folder / name);
    }
    return files;
}

void copy_tokenizer(const fs::path& from, const fs::path& to) {
    for (const fs::path& source : tokenizer_files_in(from)) {
        const lamina::io::MemoryMap map(source);
        lamina::io::AtomicFile file(to / source.filename());
        file.write(map.bytes());
        file.commit();
    }
}

void fail_not_built(common::Device device, std::string_view model) {
    throw lamina::ArgumentError("model " + common::not_built(device, std::string(model)));
}

}  // namespace any_model
