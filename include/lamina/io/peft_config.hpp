// SPDX-License-Identifier: MIT
// PeftConfig: the adapter_config.json of a PEFT folder, its ranks and factors by layer, and what is refused.
#pragma once

#include <lamina/io/detail/conversion_lines.hpp>
#include <lamina/io/detail/gpt2_names.hpp>
#include <lamina/io/detail/path_pattern.hpp>
#include <lamina/io/json_file.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::io {

/// One linear layer with an adapter: W + alpha / rank · A·B.
struct PeftModuleFacts {
    std::string name;  ///< inside its block: "attn.c_attn"
    std::size_t rank = 0;
    double alpha = 0;
};

/// What a PEFT configuration says of a GPT-2 adapter.
struct PeftFacts {
    std::string base_model{};                ///< empty for none
    std::vector<PeftModuleFacts> modules{};  ///< at least one; each kind alike in every block
    bool every_layer = true;                 ///< all linear layers have one, so that the end of a name tells enough
};

namespace detail {

/// Whether a key of a list names a module: the whole of its path, or its end from a dot on.
[[nodiscard]] inline bool names_module(std::string_view key, std::string_view path) {
    if (!path.ends_with(key)) return false;
    return path.size() == key.size() || path[path.size() - key.size() - 1] == '.';
}

[[nodiscard]] inline Json number_or_integer(double value) {
    return value == std::floor(value) && value < 1e15 ? Json(static_cast<std::size_t>(value)) : Json(value);
}

/// Whether a key of rank_pattern or alpha_pattern does, which is a regular expression for that.
///
/// errors  ArgumentError that says which part of it is not understood
/// source  PEFT, utils/other.py, get_pattern_key
[[nodiscard]] inline bool pattern_names_module(const std::string& key, std::string_view path) {
    return PathPattern("(.*\\.)?(" + key + ")$", path).matches_start();
}

}  // namespace detail

/// An adapter_config.json whose adapter is W + scale · A·B and nothing else.
class PeftConfig {
public:
    /// `inside` is what the base has before "h.0": nothing for an adapter of a model without a head.
    ///
    /// errors  FileError that names the field: another kind of adapter than LoRA, or an option that makes PEFT compute
    ///         something else, change the base, or expect more in the file than A and B, and what to do about it
    explicit PeftConfig(const std::filesystem::path& path, std::string_view inside = detail::gpt2_prefix)
        : file_(path), folder_(detail::folder_of(path)), inside_(inside) {
        check_word("peft_type", {"LORA"}, "");
        check_word("bias", {"none"}, "which trains biases of the base");
        check_off("use_dora", "which scales every column of the weights");
        check_off("lora_bias", "which gives B a bias");
        check_off("use_qalora", "which pools what A reads");
        check_nothing("modules_to_save", "which are whole layers");
        check_nothing("layer_replication", "which repeats layers of the base");
        check_nothing("trainable_token_indices", "which changes the token embedding");
        check_nothing("target_parameters", "which are no layers of a GPT-2");
        check_nothing("alora_invocation_tokens", "after which alone the adapter acts");
        check_start();
        for (const std::string_view field : {"rank_pattern", "alpha_pattern"}) check_keys(field);
        targets_ = words("target_modules", {"c_attn"});  // PEFT's default for a GPT-2
        excluded_ = words("exclude_modules", {});
        patterns_ = patterns();
        read_layers();
    }

    /// The rank of a layer's adapter; `path` as "h.0.attn.c_attn".
    ///
    /// errors  FileError that names the field when it is no number above 0
    [[nodiscard]] std::size_t rank_of(std::string_view path) const {
        const Place place = place_of("r", "rank_pattern", path);
        const auto rank = place.object.optional<std::size_t>(place.field).value_or(by_default);
        if (rank == 0) place.object.fail(place.field, "is 0, expected at least 1");
        return rank;
    }

    /// What A·B of a layer is multiplied by: alpha / r, or alpha / sqrt(r) with use_rslora.
    ///
    /// errors  as rank_of, and when alpha is no number
    [[nodiscard]] double scale_of(std::string_view path) const {
        const Place place = place_of("lora_alpha", "alpha_pattern", path);
        const double alpha = place.object.optional<double>(place.field).value_or(static_cast<double>(by_default));
        const auto rank = static_cast<double>(rank_of(path));
        return alpha / (config().optional<bool>("use_rslora").value_or(false) ? std::sqrt(rank) : rank);
    }

    /// Throws that the file of weights has another rank than the model's type.
    [[noreturn]] void fail_rank(std::string_view path, std::size_t expected) const {
        const Place place = place_of("r", "rank_pattern", path);
        place.object.fail(place.field, "is " + std::to_string(rank_of(path)) + ", expected " +
                                           std::to_string(expected) + ", the rank of " + std::string(path) +
                                           " in the model's type");
    }

    /// Throws that the configuration chooses a layer which has no adapter in the model's type.
    [[noreturn]] void fail_target(const std::string& path) const {
        config().fail("target_modules", "chooses " + path + ", which has no adapter in the model's type");
    }

    /// Whether the configuration chooses a layer of a block, by `target_modules`, `exclude_modules` and
    /// `layers_to_transform`; nothing where it takes a regular expression to tell, so that only the file of weights
    /// does.
    [[nodiscard]] std::optional<bool> targets(std::string_view path, std::size_t block) const {
        const std::string full = inside_ + std::string(path);
        const auto names = [&full](const std::vector<std::string>& keys) {
            return std::any_of(keys.begin(), keys.end(),
                               [&](const std::string& key) { return detail::names_module(key, full); });
        };
        if (!targets_ || !excluded_) return std::nullopt;
        if (names(*excluded_) || !names(*targets_)) return false;
        // A whole path is not narrowed any further.
        if (!layers_ || std::find(targets_->begin(), targets_->end(), full) != targets_->end()) return true;
        if (!patterns_ || std::any_of(patterns_->begin(), patterns_->end(), [](auto& key) { return key != "h"; })) {
            return std::nullopt;
        }
        return std::find(layers_->begin(), layers_->end(), block) != layers_->end();
    }

private:
    using Words = std::vector<std::string>;

    static constexpr std::size_t by_default = 8;  // PEFT's, of both r and lora_alpha

    struct Place {
        JsonObject object;
        std::string field;
    };

    [[nodiscard]] const JsonObject& config() const { return file_.object(); }

    void check_word(std::string_view field, std::initializer_list<std::string_view> allowed,
                    const std::string& meaning) const {
        const auto found = config().optional<std::string>(field);
        if (!found || std::find(allowed.begin(), allowed.end(), *found) != allowed.end()) return;
        config().fail(field, "is " + in_quotes(*found) + (meaning.empty() ? "" : ", " + meaning) + ", expected " +
                                 in_quotes(*allowed.begin()) + merge_advice());
    }

    void check_off(std::string_view field, const std::string& meaning) const {
        if (config().optional<bool>(field).value_or(false)) {
            config().fail(field, "is true, " + meaning + ", expected false" + merge_advice());
        }
    }

    void check_nothing(std::string_view field, const std::string& meaning) const {
        if (!config().contains(field)) return;
        const Json& value = config().json(field);
        if (value.is_null() || ((value.is_array() || value.is_object()) && value.empty())) return;
        config().fail(
            field, "is " + printable(value.dump(-1, ' ', true)) + ", " + meaning + ", expected null" + merge_advice());
    }

    /// What PEFT alone computes it can also merge.
    [[nodiscard]] std::string merge_advice() const {
        return "; merge it into its base and load that: " + detail::peft_merge_line(folder_);
    }

    /// A field that lists the ends of paths; nothing where it is a string, which PEFT takes for a regular expression.
    [[nodiscard]] std::optional<Words> words(std::string_view field, Words if_missing) const {
        if (!config().contains(field) || config().json(field).is_null()) return if_missing;
        const Json& value = config().json(field);
        if (value.is_string()) {
            return value.get_ref<const std::string&>().empty() ? std::optional(Words{}) : std::nullopt;
        }
        if (value.is_array()) return config().require<Words>(field);
        config().fail(field, "is " + printable(value.dump(-1, ' ', true)) +
                                 ", expected a regular expression or an array of strings");
    }

    /// What may stand before a block's number; one pattern may stand for a list of one.
    [[nodiscard]] std::optional<Words> patterns() const {
        constexpr std::string_view field = "layers_pattern";
        const bool is_one = config().contains(field) && config().json(field) == "h";
        return is_one ? Words{"h"} : words(field, {});
    }

    void read_layers() {
        constexpr std::string_view field = "layers_to_transform";
        if (!config().contains(field) || config().json(field).is_null()) return;
        layers_ = config().json(field).is_array() ? config().require<std::vector<std::size_t>>(field)
                                                  : std::vector{config().require<std::size_t>(field)};
        if (layers_->empty()) layers_.reset();  // to PEFT the same as none given
    }

    /// Some ways to start an adapter take a part out of the base's weights.
    void check_start() const {
        constexpr std::string_view field = "init_lora_weights";
        if (!config().contains(field) || !config().json(field).is_string()) return;
        const auto found = config().require<std::string>(field);
        for (const std::string_view harmless : {"gaussian", "eva", "orthogonal"}) {
            if (found == harmless) return;
        }
        config().fail(field, "is " + in_quotes(found) + ", which may change the base, expected true" + merge_advice());
    }

    void check_keys(std::string_view field) const {
        if (!config().contains(field) || config().json(field).is_null()) return;
        for (const std::string& key : config().object(field).keys()) {
            try {
                static_cast<void>(detail::PathPattern(key, ""));
            } catch (const ArgumentError& error) {
                config().fail(field, "has the regular expression " + in_quotes(key) + ", which has " + error.what() +
                                         "; name the end of a layer's path instead");
            }
        }
    }

    /// Where a layer's number stands: at the first key of the pattern that names it, else in the field for all.
    [[nodiscard]] Place place_of(const std::string& field, std::string_view pattern, std::string_view path) const {
        if (config().contains(pattern) && !config().json(pattern).is_null()) {
            const JsonObject keys = config().object(pattern);
            for (const std::string& key : keys.keys()) {
                if (detail::pattern_names_module(key, inside_ + std::string(path))) return {keys, key};
            }
        }
        return {config(), field};
    }

    JsonFile file_;
    std::filesystem::path folder_;
    std::string inside_;
    std::optional<Words> targets_{};
    std::optional<Words> excluded_{};
    std::optional<Words> patterns_{};
    std::optional<std::vector<std::size_t>> layers_{};
};

/// The configuration that PEFT reads, with its names and in its order of fields.
///
/// source  docs/interop.md, "Adapters and PEFT"
[[nodiscard]] inline Json peft_config(const PeftFacts& facts) {
    const PeftModuleFacts& first = facts.modules.front();
    Json ranks = Json::object();
    Json alphas = Json::object();
    std::set<std::string> targets;
    for (const PeftModuleFacts& module : facts.modules) {
        targets.insert(facts.every_layer ? module.name.substr(module.name.rfind('.') + 1) : module.name);
        if (module.rank != first.rank) ranks[module.name] = module.rank;
        if (module.alpha != first.alpha) alphas[module.name] = detail::number_or_integer(module.alpha);
    }
    return Json{{"alpha_pattern", alphas},
                {"base_model_name_or_path", facts.base_model.empty() ? Json(nullptr) : Json(facts.base_model)},
                {"bias", "none"},
                {"fan_in_fan_out", true},
                {"inference_mode", true},
                {"init_lora_weights", true},
                {"lora_alpha", detail::number_or_integer(first.alpha)},
                {"lora_dropout", 0.0},
                {"modules_to_save", nullptr},
                {"peft_type", "LORA"},
                {"r", first.rank},
                {"rank_pattern", ranks},
                {"target_modules", targets},
                {"task_type", "CAUSAL_LM"},
                {"use_dora", false},
                {"use_rslora", false}};
}

/// Writes it.
///
/// errors  FileError as AtomicFile; ArgumentError when `base_model` is not UTF-8
inline void write_peft_config(const std::filesystem::path& path, const PeftFacts& facts) {
    write_json(path, peft_config(facts));
}

}  // namespace lamina::io
