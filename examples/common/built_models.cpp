// SPDX-License-Identifier: MIT
#include "built_models.hpp"

#include <lamina/core/error.hpp>

#include <unistd.h>

#include <array>
#include <optional>

namespace common {

namespace {

[[nodiscard]] std::string names_of(const std::vector<BuiltModel>& models) {
    std::string names;
    for (const BuiltModel& model : models) {
        if (!names.empty()) names += &model == &models.back() ? " and " : ", ";
        names += model.name;
    }
    return names;
}

/// The name of the file that runs, which is the program's.
[[nodiscard]] std::string program_name() {
    std::array<char, 4096> path{};
    const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
    if (length <= 0) return "PROGRAM";
    return std::filesystem::path(std::string_view(path.data(), static_cast<std::size_t>(length))).filename().string();
}

/// Why a config.json is not a model's; nothing where it is.
[[nodiscard]] std::optional<std::string> mismatch(const std::filesystem::path& config,
                                                  const lamina::io::Gpt2Facts& facts) {
    try {
        lamina::io::check_gpt2_config(config, facts);
        return std::nullopt;
    } catch (const lamina::FileError& error) {
        return error.what();
    }
}

/// As `describe_sizes` in config.json's terms, for people.
[[nodiscard]] bool same_layers_and_width(const std::filesystem::path& config, const lamina::Architecture& size) {
    const lamina::io::JsonFile json(config);
    const lamina::io::JsonObject fields = json.object();
    const auto count = [&](const char* name, const char* alias, std::size_t by_default) {
        const auto found = fields.optional<std::size_t>(name);
        return found ? *found : fields.optional<std::size_t>(alias).value_or(by_default);
    };
    return count("n_layer", "num_hidden_layers", lamina::gpt2_small.layers) == size.layers &&
           count("n_embd", "hidden_size", lamina::gpt2_small.embed) == size.embed;
}

}  // namespace

std::string describe(const Adaptation& adaptation) {
    std::string text = "no adapters";
    if (adaptation.adapter != "none") {
        text = adaptation.adapter == "full" ? "full-rank adapters" : "adapters of rank " + adaptation.adapter;
        if (adaptation.targets != "all") text += " on " + adaptation.targets;
    }
    return adaptation.precision.empty() ? text : text + ", " + adaptation.precision;
}

std::string flags_of(const Adaptation& adaptation) {
    std::string text = "--adapter " + adaptation.adapter;
    if (adaptation.targets != "all") text += " --targets " + adaptation.targets;
    if (!adaptation.precision.empty()) text += " --precision " + adaptation.precision;
    return text;
}

BuiltModel model_called(const std::vector<BuiltModel>& models, const std::string& name) {
    for (const BuiltModel& model : models) {
        if (model.name == name) return model;
    }
    throw lamina::ArgumentError("--model is " + name + ", but this build has " + names_of(models) + "; " +
                                run_sh("--weights DIR") + " … builds one for what DIR holds");
}

BuiltModel model_described(const std::vector<BuiltModel>& models, const std::filesystem::path& config,
                           const std::string& name, const Expected& expected) {
    std::optional<std::string> nearest;
    for (const BuiltModel& model : models) {
        auto problem = mismatch(config, expected(model.facts));
        if (!problem) {
            if (name.empty() || name == model.name) return model;
            throw lamina::FileError(config.string(), "describes " + model.name + ", but --model is " + name);
        }
        if (same_layers_and_width(config, model.facts.architecture) || models.size() == 1) {
            nearest = *problem + " as in " + model.name;
        }
    }
    const std::string how = run_sh("--weights " + config.parent_path().string()) + " … builds one for it";
    if (nearest) throw lamina::Error(*nearest + "; " + how);
    throw lamina::FileError(config.string(),
                            "describes none of " + names_of(models) + ", which this build has; " + how);
}

std::string run_sh(const std::string& flags) { return "./examples/run.sh " + program_name() + " " + flags; }

void fail_not_built(Device device, const std::string& model) {
    throw lamina::ArgumentError("this build has no " + model + " on " + name_of(device) + "; " +
                                run_sh("--device " + std::string(name_of(device))) + " … builds one");
}

void fail_not_built(Device device, const std::string& model, const Adaptation& adaptation, const std::string& flags) {
    throw lamina::ArgumentError("this build has no " + model + " on " + name_of(device) + " with " +
                                describe(adaptation) + "; " +
                                run_sh(flags + (device == Device::cuda ? " --device cuda" : "")) + " … builds one");
}

}  // namespace common
