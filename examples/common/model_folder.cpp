// SPDX-License-Identifier: MIT
#include "model_folder.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/atomic_file.hpp>
#include <lamina/io/file_kind.hpp>
#include <lamina/io/gpt2_config.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/memory_map.hpp>
#include <lamina/io/safetensors_folder.hpp>

#include <cstdint>

namespace any_model {

namespace {

namespace fs = std::filesystem;
using lamina::io::Gpt2Facts;

/// Of the config.json of a folder of some kind, given what the pretrained model's says.
[[nodiscard]] Gpt2Facts facts_in(Kind kind, Gpt2Facts facts) {
    if (kind == Kind::folded) {
        facts.norms = lamina::io::NormKind::absent;
        facts.head = lamina::io::HeadWeight::own;
    }
    if (kind == Kind::scaled) facts.norm_epsilon = lamina::io::scaled_norm_epsilon;
    return facts;
}

}  // namespace

void require_folder(const fs::path& path, const char* expected) {
    const lamina::io::FileKind kind = lamina::io::file_kind(path);
    if (kind != lamina::io::FileKind::folder) lamina::io::fail_kind(path, kind, expected);
}

common::BuiltModel model_in(const std::vector<common::BuiltModel>& models, const fs::path& weights, Kind kind,
                            const std::string& model) {
    require_folder(weights, "a folder with config.json and model.safetensors");
    const fs::path config = weights / "config.json";
    if (lamina::io::file_kind(config) != lamina::io::FileKind::missing) {
        return common::model_described(models, config, model,
                                       [kind](const Gpt2Facts& facts) { return facts_in(kind, facts); });
    }
    if (!model.empty()) return common::model_called(models, model);
    static_cast<void>(lamina::io::SafetensorsFolder(weights));  // a folder without a model says what it has instead
    throw lamina::FileError(config.string(), "does not exist, so it does not tell the model's size; give --model");
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
    const bool trained = fs::exists(run / trained_folder);
    for (const char* const name : {trained ? trained_folder : "adapter.safetensors", "norms.json"}) {
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

common::Adaptation adaptation_of_run(const fs::path& run, const common::BuiltModel& model) {
    // Runs of before it was recorded, and adapters that convert has imported.
    const std::string by_default = model.facts.architecture.embed < 512 ? "fp32" : "frozen-bf16";
    common::Adaptation adaptation{.precision = by_default};
    if (!fs::exists(run / "run.json")) return adaptation;
    const lamina::io::JsonFile file(run / "run.json");
    const lamina::io::JsonObject settings = file.object();
    adaptation.adapter = settings.optional<std::string>("adapter").value_or(adaptation.adapter);
    adaptation.targets = settings.optional<std::string>("targets").value_or(adaptation.targets);
    adaptation.precision = settings.optional<std::string>("precision").value_or(adaptation.precision);
    return adaptation;
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

}  // namespace any_model
