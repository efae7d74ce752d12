// SPDX-License-Identifier: MIT
// The config.json of a GPT-2 folder: checked against what a model's type says, and written from it.
#pragma once

#include <lamina/io/json_file.hpp>

#include <lamina/arch/architecture.hpp>
#include <lamina/arch/gpt2_variant.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/core/scalar_type.hpp>
#include <lamina/core/token.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lamina::io {

/// Whether the output head is the token embedding.
enum class HeadWeight : std::uint8_t { tied, own };

/// What a folder's norms do with their input; the three differ although their tensors may not.
enum class NormKind : std::uint8_t {
    measured,  ///< LayerNorm, as in every GPT-2
    fixed,     ///< some divide by constants, which are not in the folder's tensors but in a file of norm states
    absent     ///< folded into their neighbours
};

[[nodiscard]] constexpr std::string_view name_of(NormKind kind) {
    constexpr std::array<std::string_view, 3> names{"measured", "fixed", "absent"};
    return names[static_cast<std::size_t>(kind)];
}

/// `layer_norm_epsilon` of a folder as `io/scaled_gpt2.hpp` writes it: next to it no variance counts, so that every
/// norm divides by its root.
inline constexpr double scaled_norm_epsilon = 1e12;

/// What config.json and a model have to agree on, besides what holds for every GPT-2 that lamina computes.
struct Gpt2Facts {
    Architecture architecture;
    HeadWeight head = HeadWeight::tied;
    bool head_bias = false;
    NormKind norms = NormKind::measured;
    /// All names that transformers has for the activation function; the first is the one that is written.
    std::span<const std::string_view> activation = activation::GeluNew::names;
    bool scale_by_root = true;    ///< scores times 1 / sqrt(D)
    bool scale_by_layer = false;  ///< and times 1 / (i + 1) in block i
    bool stock = true;            ///< transformers' GPT2LMHeadModel computes the same from the same tensors
    double norm_epsilon = norm_epsilon::Usual::value;  ///< what norms add to the variance
};

/// What the policies of a model say of it, `P` a PolicySet; norms that measure, and nothing that transformers has not.
template <class P>
[[nodiscard]] constexpr Gpt2Facts facts_of_policies(const Architecture& architecture) {
    return {.architecture = architecture,
            .head = P::Head::own_weight ? HeadWeight::own : HeadWeight::tied,
            .head_bias = P::Head::own_bias,
            .activation = P::ActivationFunction::names,
            .scale_by_root = P::AttentionScale::by_root,
            .scale_by_layer = P::AttentionScale::by_layer,
            .stock = !P::Head::own_bias,
            .norm_epsilon = P::NormEpsilon::value};
}

/// What config.json says besides.
struct Gpt2ConfigExtras {
    ScalarType stored_as = ScalarType::f32;
    std::optional<Token> end_of_text{};  ///< id of begin and end of text; null in the file where there is none
};

namespace detail {

/// `model_type` of folders that transformers must not take for a GPT-2, as it would fill in what is missing at random.
inline constexpr std::string_view lamina_model_type = "lamina-gpt2";

/// Compares the fields of a config.json with what a model expects, under the file's own defaults (docs/gpt2.md,
/// "config.json").
class ConfigCheck {
public:
    explicit ConfigCheck(const JsonObject& config) : config_(config) {}

    /// `alias` is another name of the field, "" for none.
    void count(std::string_view name, std::string_view alias, std::size_t by_default, std::size_t expected) const {
        bool found = optional_count(name, expected);
        if (!alias.empty()) found = optional_count(alias, expected) || found;
        if (!found && by_default != expected) fail_missing(name, std::to_string(by_default), std::to_string(expected));
    }

    /// Checks a field if it is there, and says whether it is.
    bool optional_count(std::string_view name, std::size_t expected) const {
        const std::optional<std::size_t> found = config_.optional<std::size_t>(name);
        if (found && *found != expected) fail(name, std::to_string(*found), std::to_string(expected));
        return found.has_value();
    }

    void flag(std::string_view name, bool by_default, bool expected) const {
        const std::optional<bool> found = config_.optional<bool>(name);
        if (!found && by_default != expected) fail_missing(name, text(by_default), text(expected));
        if (found && *found != expected) fail(name, text(*found), text(expected));
    }

    void number(std::string_view name, double by_default, double expected) const {
        const std::optional<double> found = config_.optional<double>(name);
        // Files that were written by way of float hold the nearest float.
        if (std::abs(found.value_or(by_default) - expected) <= 1e-6 * expected) return;
        if (!found) fail_missing(name, Json(by_default).dump(), Json(expected).dump());
        fail(name, Json(*found).dump(), Json(expected).dump());
    }

    /// Several spellings may mean the same; the first is the one that messages show.
    void word(std::string_view name, std::string_view by_default, std::span<const std::string_view> expected) const {
        const std::optional<std::string> found = config_.optional<std::string>(name);
        const std::string_view value = found ? std::string_view(*found) : by_default;
        if (std::find(expected.begin(), expected.end(), value) != expected.end()) return;
        if (!found) fail_missing(name, in_quotes(by_default), in_quotes(expected.front()));
        fail(name, in_quotes(*found), in_quotes(expected.front()));
    }

private:
    static std::string text(bool value) { return value ? "true" : "false"; }

    [[noreturn]] void fail(std::string_view name, const std::string& found, const std::string& expected) const {
        config_.fail(name, "is " + found + ", expected " + expected);
    }
    [[noreturn]] void fail_missing(std::string_view name, const std::string& by_default,
                                   const std::string& expected) const {
        config_.fail(name, "is missing, which means " + by_default + ", expected " + expected);
    }

    const JsonObject& config_;
};

}  // namespace detail

/// Checks a config.json against a model: sizes under either of their names, and everything that changes what a GPT-2
/// computes. Fields that concern training, generation or other heads are not read, nor is `n_ctx`, which transformers
/// has given up and which some files keep from an earlier context. A field that is missing means what it means to
/// transformers.
///
/// errors  FileError that names the file, the field, what it says and what the model needs
/// source  Hugging Face transformers, configuration_gpt2.py; docs/gpt2.md, "config.json"
inline void check_gpt2_config(const std::filesystem::path& file, const Gpt2Facts& facts) {
    const JsonFile json(file);
    const detail::ConfigCheck check(json.object());
    const Architecture& size = facts.architecture;
    check.word("model_type", "gpt2", std::array{std::string_view("gpt2"), detail::lamina_model_type});
    check.count("n_layer", "num_hidden_layers", 12, size.layers);
    check.count("n_head", "num_attention_heads", 12, size.heads);
    check.count("n_embd", "hidden_size", 768, size.embed);
    check.count("n_positions", "max_position_embeddings", 1024, size.context);
    check.count("vocab_size", "", 50257, size.vocab);
    check.count("n_inner", "", 4 * size.embed, size.hidden());
    check.word("activation_function", activation::GeluNew::names.front(), facts.activation);
    check.number("layer_norm_epsilon", 1e-5, facts.norm_epsilon);
    check.flag("tie_word_embeddings", true, facts.head == HeadWeight::tied);
    check.flag("scale_attn_weights", true, facts.scale_by_root);
    check.flag("scale_attn_by_inverse_layer_idx", false, facts.scale_by_layer);
    check.flag("add_cross_attention", false, false);
    if (json.object().contains("lamina")) {
        // Only these files can hold norms that are not what their tensors look like.
        const JsonObject own = json.object().object("lamina");
        // Norms that can divide by constants can measure as well.
        const NormKind also = facts.norms == NormKind::fixed ? NormKind::measured : facts.norms;
        detail::ConfigCheck(own).word("norms", name_of(facts.norms), std::array{name_of(facts.norms), name_of(also)});
    }
}

/// The config.json that check_gpt2_config accepts for the same facts, and transformers for a stock model.
[[nodiscard]] inline Json gpt2_config(const Gpt2Facts& facts, const Gpt2ConfigExtras& extras) {
    const Architecture& size = facts.architecture;
    const Json end_of_text = extras.end_of_text ? Json(*extras.end_of_text) : Json(nullptr);
    Json config = Json::object();
    if (facts.stock) config["architectures"] = Json::array({"GPT2LMHeadModel"});
    config["model_type"] = facts.stock ? "gpt2" : detail::lamina_model_type;
    config["n_layer"] = size.layers;
    config["n_head"] = size.heads;
    config["n_embd"] = size.embed;
    config["n_positions"] = size.context;
    config["n_ctx"] = size.context;
    config["n_inner"] = size.hidden() == 4 * size.embed ? Json(nullptr) : Json(size.hidden());
    config["vocab_size"] = size.vocab;
    config["activation_function"] = facts.activation.front();
    config["layer_norm_epsilon"] = facts.norm_epsilon;
    config["initializer_range"] = 0.02;
    config["tie_word_embeddings"] = facts.head == HeadWeight::tied;
    config["scale_attn_weights"] = facts.scale_by_root;
    config["scale_attn_by_inverse_layer_idx"] = facts.scale_by_layer;
    config["reorder_and_upcast_attn"] = false;
    // lamina has no dropout, so that is what the weights were last trained with.
    for (const char* const dropout : {"attn_pdrop", "embd_pdrop", "resid_pdrop"}) config[dropout] = 0.0;
    config["bos_token_id"] = end_of_text;
    config["eos_token_id"] = end_of_text;
    config["use_cache"] = true;
    switch (extras.stored_as) {
        case ScalarType::bf16:
            config["torch_dtype"] = "bfloat16";
            break;
        case ScalarType::f16:
            config["torch_dtype"] = "float16";
            break;
        case ScalarType::f64:
            config["torch_dtype"] = "float64";
            break;
        default:
            config["torch_dtype"] = "float32";
            break;
    }
    if (!facts.stock) config["lamina"] = {{"norms", name_of(facts.norms)}, {"lm_head_bias", facts.head_bias}};
    return config;
}

/// Writes it.
///
/// errors  FileError as AtomicFile
inline void write_gpt2_config(const std::filesystem::path& file, const Gpt2Facts& facts,
                              const Gpt2ConfigExtras& extras) {
    write_json(file, gpt2_config(facts, extras));
}

}  // namespace lamina::io
