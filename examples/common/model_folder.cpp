// SPDX-License-Identifier: MIT
#include "model_folder.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/gpt2_config.hpp>
#include <lamina/io/json_file.hpp>

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

common::BuiltModel model_in(const std::vector<common::BuiltModel>& models, const fs::path& weights, Kind kind,
                            const std::string& model) {
    const fs::path config = weights / "config.json";
    if (fs::exists(config)) {
        return common::model_described(models, config, model,
                                       [kind](const Gpt2Facts& facts) { return facts_in(kind, facts); });
    }
    if (!model.empty()) return common::model_called(models, model);
    throw lamina::FileError(config.string(), "does not exist, so it does not tell the model's size; give --model");
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

lamina::Token end_of_text_in(const fs::path& weights, const common::BuiltModel& model) {
    const std::size_t vocab = model.facts.architecture.vocab;
    if (fs::exists(weights / "config.json")) {
        const lamina::io::JsonFile json(weights / "config.json");
        const auto id = json.object().optional<std::size_t>("eos_token_id");
        if (id && *id < vocab) return static_cast<lamina::Token>(*id);
    }
    return static_cast<lamina::Token>(vocab - 1);
}

}  // namespace any_model
