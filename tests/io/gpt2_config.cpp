// SPDX-License-Identifier: MIT
#include <lamina/io/gpt2_config.hpp>

#include <lamina/io/json_file.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <filesystem>
#include <string>

using namespace lamina;
using namespace lamina::io;
using namespace lamina_tests;

namespace {

constexpr Gpt2Facts tiny{.architecture = {.layers = 2, .heads = 2, .embed = 16, .context = 12, .vocab = 61}};
constexpr Gpt2Facts small{.architecture = gpt2_small};

std::filesystem::path golden_config(const std::string& folder) {
    return std::filesystem::path(LAMINA_TESTS_DIR) / "golden" / folder / "config.json";
}

/// What the check says of the config of gpt2_tiny after one change.
template <class Change>
std::string complaint(Change change, const Gpt2Facts& facts = tiny) {
    const ScratchFolder folder;
    Json config = read_json(golden_config("gpt2_tiny"));
    change(config);
    const auto file = folder / "config.json";
    write_json(file, config);
    return error_text([&] { check_gpt2_config(file, facts); }, file);
}

std::string complaint_about(const std::string& field, const Json& value, const Gpt2Facts& facts = tiny) {
    return complaint([&](Json& config) { config[field] = value; }, facts);
}

}  // namespace

TEST_CASE("configs that transformers wrote are accepted") {
    CHECK_NOTHROW(check_gpt2_config(golden_config("gpt2_tiny"), tiny));
    CHECK_NOTHROW(
        check_gpt2_config(golden_config("gpt2_mid"),
                          {.architecture = {.layers = 3, .heads = 4, .embed = 24, .context = 24, .vocab = 97}}));
}

TEST_CASE("each size in a config must be the model's") {
    CHECK(complaint_about("n_layer", 3) == R"(field "n_layer" is 3, expected 2)");
    CHECK(complaint_about("n_head", 4) == R"(field "n_head" is 4, expected 2)");
    CHECK(complaint_about("n_embd", 32) == R"(field "n_embd" is 32, expected 16)");
    CHECK(complaint_about("n_positions", 24) == R"(field "n_positions" is 24, expected 12)");
    CHECK(complaint_about("vocab_size", 50257) == R"(field "vocab_size" is 50257, expected 61)");
    CHECK(complaint_about("n_inner", 48) == R"(field "n_inner" is 48, expected 64)");
    CHECK(complaint_about("n_inner", 64) == "no error");
    CHECK(complaint_about("n_layer", "two")
              .starts_with(R"(field "n_layer" is the string "two", expected a whole number)"));
}

TEST_CASE("sizes may have their other names, and are checked under both") {
    const auto rename = [](const char* from, const char* to, int value) {
        return complaint([=](Json& config) {
            config.erase(from);
            config[to] = value;
        });
    };
    CHECK(rename("n_layer", "num_hidden_layers", 2) == "no error");
    CHECK(rename("n_head", "num_attention_heads", 2) == "no error");
    CHECK(rename("n_embd", "hidden_size", 16) == "no error");
    CHECK(rename("n_positions", "max_position_embeddings", 12) == "no error");
    CHECK(rename("n_layer", "num_hidden_layers", 5) == R"(field "num_hidden_layers" is 5, expected 2)");
    CHECK(complaint_about("hidden_size", 768) == R"(field "hidden_size" is 768, expected 16)");
}

TEST_CASE("a missing field means what it means to transformers") {
    CHECK(complaint([](Json& config) { config.erase("n_embd"); }) ==
          R"(field "n_embd" is missing, which means 768, expected 16)");
    Gpt2Facts scaled = tiny;
    scaled.norm_epsilon = 1e12;
    const auto erase_epsilon = [](Json& config) { config.erase("layer_norm_epsilon"); };
    CHECK(complaint(erase_epsilon) == "no error");
    CHECK(complaint(erase_epsilon, scaled) ==
          R"(field "layer_norm_epsilon" is missing, which means 1e-05, expected 1000000000000.0)");
    const ScratchFolder folder;
    CHECK_NOTHROW(check_gpt2_config(write(folder / "config.json", "{}"), small));
    CHECK(error_text([&] { check_gpt2_config(folder / "config.json", {gpt2_medium}); }, folder / "config.json") ==
          R"(field "n_layer" is missing, which means 12, expected 24)");
    CHECK(error_text(
              [&] {
                  check_gpt2_config(folder / "config.json", {gpt2_small, HeadWeight::own});
              },
              folder / "config.json") == R"(field "tie_word_embeddings" is missing, which means true, expected false)");
}

TEST_CASE("fields that change what is computed must be GPT-2's") {
    CHECK(complaint_about("model_type", "llama") == R"(field "model_type" is "llama", expected "gpt2")");
    CHECK(complaint_about("activation_function", "relu") ==
          R"(field "activation_function" is "relu", expected "gelu_new")");
    CHECK(complaint_about("activation_function", "gelu_pytorch_tanh") == "no error");
    CHECK(complaint_about("layer_norm_epsilon", 1e12) ==
          R"(field "layer_norm_epsilon" is 1000000000000.0, expected 1e-05)");
    CHECK(complaint_about("layer_norm_epsilon", 9.999999747378752e-06) == "no error");
    CHECK(complaint_about("tie_word_embeddings", false) == R"(field "tie_word_embeddings" is false, expected true)");
    CHECK(complaint_about("scale_attn_weights", false) == R"(field "scale_attn_weights" is false, expected true)");
    CHECK(complaint_about("scale_attn_by_inverse_layer_idx", true) ==
          R"(field "scale_attn_by_inverse_layer_idx" is true, expected false)");
    CHECK(complaint_about("add_cross_attention", true) == R"(field "add_cross_attention" is true, expected false)");
}

TEST_CASE("fields that transformers does not read are not read") {
    CHECK(complaint_about("resid_pdrop", 0.3) == "no error");
    CHECK(complaint_about("n_ctx", 24) == "no error");
    CHECK(complaint_about("reorder_and_upcast_attn", true) == "no error");
    CHECK(complaint_about("id2label", Json{{"0", "LABEL_0"}}) == "no error");
    CHECK(complaint_about("task_specific_params", Json{{"conversational", {{"n_layer", 1000}}}}) == "no error");
}

TEST_CASE("norms that are not what their tensors look like are told apart") {
    Gpt2Facts facts = tiny;
    const Json fixed{{"norms", "fixed"}};
    CHECK(complaint_about("lamina", fixed) == R"(field "lamina.norms" is "fixed", expected "measured")");
    facts.norms = NormKind::fixed;
    CHECK(complaint_about("lamina", fixed, facts) == "no error");
    CHECK(complaint_about("lamina", Json{{"norms", "measured"}}, facts) == "no error");
    facts.norms = NormKind::absent;
    CHECK(complaint_about("lamina", fixed, facts) == R"(field "lamina.norms" is "fixed", expected "absent")");
}

TEST_CASE("what is written is accepted again, and says what it is") {
    const ScratchFolder folder;
    const auto file = folder / "config.json";
    const auto written = [&](const Gpt2Facts& facts, const Gpt2ConfigExtras& extras) {
        write_gpt2_config(file, facts, extras);
        check_gpt2_config(file, facts);
        return read_json(file);
    };
    SECTION("a stock model") {
        const Json config = written(small, {.stored_as = ScalarType::bf16, .end_of_text = 50256});
        CHECK(config["architectures"] == Json::array({"GPT2LMHeadModel"}));
        CHECK(config["model_type"] == "gpt2");
        CHECK(config["torch_dtype"] == "bfloat16");
        CHECK(config["eos_token_id"] == 50256);
        CHECK(config["tie_word_embeddings"] == true);
        CHECK_FALSE(config.contains("lamina"));
    }
    SECTION("a folded model, which transformers must refuse") {
        const Json config = written(
            {.architecture = tiny.architecture, .head = HeadWeight::own, .norms = NormKind::absent, .stock = false},
            {});
        CHECK_FALSE(config.contains("architectures"));
        CHECK(config["model_type"] == "lamina-gpt2");
        CHECK(config["lamina"]["norms"] == "absent");
        CHECK(config["tie_word_embeddings"] == false);
        CHECK(config["bos_token_id"].is_null());
        CHECK(config["torch_dtype"] == "float32");
    }
}
