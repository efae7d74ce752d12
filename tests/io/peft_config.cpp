// SPDX-License-Identifier: MIT
#include <lamina/io/peft_config.hpp>

#include <lamina/io/json_file.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

using namespace lamina;
using namespace lamina::io;
using namespace lamina_tests;

namespace {

std::filesystem::path golden_config(const std::string& folder) {
    return std::filesystem::path(LAMINA_TESTS_DIR) / "golden" / "interop" / folder / "adapter_config.json";
}

/// What is said of PEFT's own configuration after one change, by reading it and asking for the rank and the factor.
std::string complaint_about(const std::string& field, const Json& value) {
    const ScratchFolder folder;
    Json config = read_json(golden_config("peft_patterns"));
    config[field] = value;
    const auto file = folder / "adapter_config.json";
    write_json(file, config);
    std::string text = error_text([&] { static_cast<void>(PeftConfig(file).scale_of("h.1.mlp.c_proj")); }, file);
    const std::string line = "; merge it into its base and load that: " + io::detail::peft_merge_line(folder.path());
    if (text.ends_with(line)) text.replace(text.size() - line.size(), line.size(), "; merge it");
    return text;
}

}  // namespace

TEST_CASE("ranks and factors are those of the first pattern that names a layer's end, else those for all") {
    const PeftConfig plain(golden_config("peft_rank_4"));
    CHECK(plain.rank_of("h.0.attn.c_attn") == 4);
    CHECK(plain.scale_of("h.0.attn.c_attn") == 2);
    const PeftConfig patterns(golden_config("peft_patterns"));
    CHECK(patterns.rank_of("h.0.attn.c_proj") == 3);
    CHECK(patterns.rank_of("h.1.mlp.c_proj") == 2);
    CHECK(patterns.scale_of("h.0.attn.c_attn") == 5 / std::sqrt(3.0));  // use_rslora
    CHECK(patterns.scale_of("h.0.attn.c_proj") == 12 / std::sqrt(3.0));
    CHECK(patterns.scale_of("h.1.mlp.c_proj") == 5 / std::sqrt(2.0));
    CHECK(io::detail::names_module("c_proj", "transformer.h.0.mlp.c_proj"));
    CHECK_FALSE(io::detail::names_module("_proj", "transformer.h.0.mlp.c_proj"));
    CHECK_FALSE(io::detail::names_module("h.0.mlp", "transformer.h.0.mlp.c_proj"));
}

TEST_CASE("keys of patterns are regular expressions, matched as PEFT matches them") {
    const auto names = io::detail::pattern_names_module;
    const std::string path = "transformer.h.0.attn.c_attn";
    for (const std::string key : {"c_attn", "attn.c_attn", path.c_str(), R"(h\.[02]\..*)", "h.(0|2).attn.c_attn",
                                  "c_(attn|proj)", "mlp|c_attn", "^transformer.*", R"(.*\.\d+\.(?!mlp).*)",
                                  "(?:h\\.)?0.*", R"(\w+)", "h.{1,9}c_at{2}n", "c_attn$", ".*?attn"}) {
        CAPTURE(key);
        CHECK(names(key, path));
    }
    for (const std::string key : {"_attn", "c_att", "attn.c_attn.", R"(h\.[13]\..*)", "^h.*", "c_(fc|proj)", "0", "",
                                  R"(.*\.\d+\.(?!attn).*)", "c_at{3}n", R"(\d+)", "[^.]*fc", "h.0"}) {
        CAPTURE(key);
        CHECK_FALSE(names(key, path));
    }
    CHECK(names("^h.*", "h.0.attn.c_attn"));
    // What a matcher that backtracks would not finish.
    CHECK_FALSE(names("((a|b|.)*)*((.*)*)*!", path));
    const std::string nested = std::string(101, '(') + "h" + std::string(101, ')');
    CHECK(error_text([&] { static_cast<void>(names(nested, path)); }) == "groups nested too deep at character 109");

    const ScratchFolder folder;
    const auto file = write(folder / "adapter_config.json",
                            R"({"r": 4, "lora_alpha": 8, "rank_pattern": {"h\\.[02]\\..*": 2, "^h.*": 6}})");
    CHECK(PeftConfig(file).rank_of("h.2.attn.c_attn") == 2);
    CHECK(PeftConfig(file).scale_of("h.2.attn.c_attn") == 4);
    CHECK(PeftConfig(file).rank_of("h.1.attn.c_attn") == 4);
    CHECK(PeftConfig(file, "").rank_of("h.1.attn.c_attn") == 6);
}

TEST_CASE("what is missing means what it means to PEFT") {
    const ScratchFolder folder;
    const PeftConfig config(write(folder / "adapter_config.json", R"({"peft_type": "LORA"})"));
    CHECK(config.rank_of("h.0.attn.c_attn") == 8);
    CHECK(config.scale_of("h.0.attn.c_attn") == 1);
    CHECK(config.targets("h.0.attn.c_attn", 0) == true);
    CHECK(config.targets("h.0.mlp.c_fc", 0) == false);
}

TEST_CASE("lists of modules and numbers of layers say which layers have adapters, regular expressions do not") {
    CHECK(PeftConfig(golden_config("peft_default")).targets("h.0.attn.c_attn", 0) == true);
    CHECK(PeftConfig(golden_config("peft_default")).targets("h.0.attn.c_proj", 0) == false);
    const ScratchFolder folder;
    const auto chosen = [&](const std::string& rest, std::size_t block, const std::string& name) {
        const auto text = R"({"target_modules": ["c_attn", "mlp.c_proj", "transformer.h.0.mlp.c_fc"])" + rest + "}";
        return PeftConfig(write(folder / "adapter_config.json", text))
            .targets("h." + std::to_string(block) + "." + name, block);
    };
    CHECK(chosen("", 1, "mlp.c_proj") == true);
    CHECK(chosen("", 1, "attn.c_proj") == false);
    for (const std::string one : {R"(, "layers_to_transform": 1)", R"(, "layers_to_transform": [1, 10])",
                                  R"(, "layers_to_transform": [1], "layers_pattern": ["h"])",
                                  R"(, "layers_to_transform": 1, "layers_pattern": "h", "exclude_modules": "")"}) {
        CAPTURE(one);
        CHECK(chosen(one, 1, "attn.c_attn") == true);
        CHECK(chosen(one, 11, "attn.c_attn") == false);
        CHECK(chosen(one, 0, "mlp.c_fc") == true);
    }
    CHECK(chosen(R"(, "layers_to_transform": [])", 1, "attn.c_attn") == true);
    CHECK(chosen(R"(, "exclude_modules": ["h.1.attn.c_attn"])", 1, "attn.c_attn") == false);
    CHECK(chosen(R"(, "exclude_modules": ["h.1.attn.c_attn"])", 0, "attn.c_attn") == true);
    CHECK(chosen(R"(, "exclude_modules": ".*1.*")", 0, "attn.c_attn") == std::nullopt);
    CHECK(chosen(R"(, "layers_to_transform": 1, "layers_pattern": "block")", 0, "attn.c_attn") == std::nullopt);
    const auto file = write(folder / "adapter_config.json", R"({"target_modules": ".*c_attn"})");
    CHECK(PeftConfig(file).targets("h.0.attn.c_attn", 0) == std::nullopt);
}

TEST_CASE("what chooses layers has its type") {
    CHECK(complaint_about("target_modules", 7) ==
          R"(field "target_modules" is 7, expected a regular expression or an array of strings)");
    CHECK(complaint_about("target_modules", {"c_attn", 7}) == R"(field "target_modules[1]" is 7, expected a string)");
    CHECK_THAT(
        complaint_about("layers_to_transform", "1"),
        Catch::Matchers::StartsWith(R"(field "layers_to_transform" is the string "1", expected a whole number)"));
    CHECK(complaint_about("exclude_modules", nullptr) == "no error");
}

TEST_CASE("an adapter that is more than A and B is refused with its field and why") {
    CHECK(complaint_about("peft_type", "IA3") == R"(field "peft_type" is "IA3", expected "LORA"; merge it)");
    CHECK(complaint_about("bias", "lora_only") ==
          R"(field "bias" is "lora_only", which trains biases of the base, expected "none"; merge it)");
    CHECK(complaint_about("use_dora", true) ==
          R"(field "use_dora" is true, which scales every column of the weights, expected false; merge it)");
    CHECK(complaint_about("lora_bias", true) ==
          R"(field "lora_bias" is true, which gives B a bias, expected false; merge it)");
    CHECK(complaint_about("modules_to_save", {"lm_head"}) ==
          R"(field "modules_to_save" is ["lm_head"], which are whole layers, expected null; merge it)");
    CHECK(complaint_about("layer_replication", {{0, 1}, {0, 1}}) ==
          R"(field "layer_replication" is [[0,1],[0,1]], which repeats layers of the base, expected null; merge it)");
    CHECK(complaint_about("init_lora_weights", "olora") ==
          R"(field "init_lora_weights" is "olora", which may change the base, expected true; merge it)");
    CHECK(complaint_about("init_lora_weights", "gaussian") == "no error");
    CHECK(complaint_about("modules_to_save", Json::array()) == "no error");
}

TEST_CASE("numbers that are none are refused, and so are patterns that are not understood") {
    CHECK(complaint_about("r", "eight") == "no error");  // the pattern decides for this layer
    CHECK(complaint_about("rank_pattern", {{"c_proj", 0}}) ==
          R"(field "rank_pattern.c_proj" is 0, expected at least 1)");
    CHECK(complaint_about("lora_alpha", "five") == R"(field "lora_alpha" is the string "five", expected a number)");
    CHECK(complaint_about("alpha_pattern", {{"(?i)C_attn", 2}}) ==
          R"(field "alpha_pattern" has the regular expression "(?i)C_attn", which has an extension that is not known )"
          "here at character 2; name the end of a layer's path instead");
    CHECK_THAT(complaint_about("rank_pattern", {{"c_attn)|(c_proj", 2}}),
               Catch::Matchers::Contains("which has a parenthesis that closes nothing at character 7"));
    CHECK(complaint_about("use_rslora", 1) == R"(field "use_rslora" is 1, expected true or false)");
    CHECK(complaint_about("rank_pattern", {1}) == R"(field "rank_pattern" is an array, expected an object)");
}

TEST_CASE("the configuration of a full-rank adapter is the one that PEFT loads") {
    const ScratchFolder folder;
    PeftFacts facts{.base_model = "base"};
    for (int block = 0; block < 2; ++block) {
        facts.modules.push_back({.name = "attn.c_attn", .rank = 8, .alpha = 8});
        facts.modules.push_back({.name = "attn.c_proj", .rank = 8, .alpha = 8});
        facts.modules.push_back({.name = "mlp.c_fc", .rank = 8, .alpha = 8});
        facts.modules.push_back({.name = "mlp.c_proj", .rank = 32, .alpha = 32});
    }
    write_peft_config(folder / "adapter_config.json", facts);
    CHECK(contents(folder / "adapter_config.json") ==
          contents(std::filesystem::path(LAMINA_TESTS_DIR) / "golden" / "interop" / "peft_full_config.json"));
    const PeftConfig read(folder / "adapter_config.json");
    CHECK(read.rank_of("h.1.mlp.c_proj") == 32);
    CHECK(read.scale_of("h.1.mlp.c_proj") == 1);
    CHECK(read.targets("h.0.mlp.c_fc", 0));

    facts.modules.front().alpha = 1.5;
    facts.base_model = "";
    write_peft_config(folder / "adapter_config.json", facts);
    const Json odd = read_json(folder / "adapter_config.json");
    CHECK(odd["base_model_name_or_path"].is_null());
    CHECK(odd["lora_alpha"] == 1.5);
}
