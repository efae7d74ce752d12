// SPDX-License-Identifier: MIT
// Compares every recipe and every initial standard deviation with the reference's machine-readable record.
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <lamina/recipe/catalogue.hpp>
#include <lamina/recipe/initial_std.hpp>
#include <nlohmann/json.hpp>

#include "recipe/reference_data.hpp"
#include "support/catch.hpp"

using lamina::RemovalPhase;
using lamina::recipe::Adaptation;
using lamina::recipe::InitialStd;
using lamina::recipe::NormInputStd;
using lamina::recipe::Recipe;

namespace {

// The second full-rank revision repeats the small configurations of the first; they are one recipe here.
const Recipe* recipe_of(const nlohmann::json& config) {
    const std::string model = config.at("model");
    const std::string commit = config.at("commit");
    const std::string revision = commit == "8e305ea" && model == "gpt2" ? "0fc65f7" : commit;
    for (const Recipe& recipe : lamina::recipe::all()) {
        if (recipe.revision == revision && recipe.published_as == config.at("name").get<std::string>()) return &recipe;
    }
    return nullptr;
}

Adaptation adaptation_of(const std::string& kind) {
    if (kind == "full_finetune") return Adaptation::every_parameter;
    return kind == "lora_full_rank" ? Adaptation::full_rank : Adaptation::low_rank;
}

// The original writes "never" as an update that no run reaches.
RemovalPhase phase_of(const nlohmann::json& phase) {
    const std::size_t start = phase.at("start");
    if (start == 999'999) return {};
    return {start, phase.at("gap").is_null() ? 0 : phase.at("gap").get<std::size_t>()};
}

void check_std(const NormInputStd& ours, const nlohmann::json& published) {
    REQUIRE(ours.ln_1.size() == published.at("resid_pre").size());
    REQUIRE(ours.ln_2.size() == published.at("resid_mid").size());
    for (std::size_t layer = 0; layer < ours.ln_1.size(); ++layer) {
        INFO("layer " << layer);
        CHECK(static_cast<double>(ours.ln_1[layer]) == published.at("resid_pre")[layer].get<double>());
        CHECK(static_cast<double>(ours.ln_2[layer]) == published.at("resid_mid")[layer].get<double>());
    }
    CHECK(static_cast<double>(ours.ln_f) == published.at("resid_post_last").get<double>());
}

}  // namespace

TEST_CASE("every published configuration is a recipe with its numbers, and no published recipe is made up") {
    const std::filesystem::path path = lamina_tests::reference_data("configs.json");
    if (!std::filesystem::exists(path)) LAMINA_SKIP("there is no " + path.string());
    const nlohmann::json configs = nlohmann::json::parse(std::ifstream(path)).at("configs");
    std::set<const Recipe*> met;
    for (const nlohmann::json& config : configs) {
        INFO(config.at("commit") << " " << config.at("name"));
        const Recipe* recipe = recipe_of(config);
        REQUIRE(recipe != nullptr);
        met.insert(recipe);

        CHECK(recipe->model == config.at("model").get<std::string>());
        CHECK(recipe->layers == config.at("n_layer"));
        CHECK(recipe->adaptation == adaptation_of(config.at("kind")));
        CHECK(recipe->rank == (config.at("lora_rank").is_number() ? config.at("lora_rank").get<std::size_t>() : 0));
        CHECK(recipe->learning_rate.peak == config.at("learning_rate"));
        CHECK(recipe->learning_rate.minimum == config.at("min_lr"));
        CHECK(recipe->learning_rate.warmup == config.at("warmup_steps"));
        CHECK(recipe->steps() == config.at("max_steps"));
        CHECK(recipe->micro_batch == config.at("micro_batch"));
        CHECK(recipe->accumulation == config.at("grad_accum"));
        CHECK(recipe->sequences_per_update() == config.at("sequences_per_step"));
        CHECK(recipe->tokens_per_update() == config.at("tokens_per_step"));
        CHECK(recipe->clip == config.at("max_grad_norm"));
        CHECK(recipe->weight_decay == config.at("weight_decay"));
        CHECK(recipe->tracking.momentum == config.at("momentum"));
        CHECK(recipe->auxiliary_loss == config.at("aux_loss_weight"));
        CHECK(recipe->save_every == config.at("save_steps"));
        CHECK(recipe->evaluate_every == config.at("eval_steps"));

        const nlohmann::json& phases = config.at("phases");
        CHECK(recipe->removal.ln_2 == phase_of(phases.at("ln2")));
        CHECK(recipe->removal.ln_1_qk == phase_of(phases.at("ln1qk")));
        CHECK(recipe->removal.ln_1_v == phase_of(phases.at("ln1v")));
        CHECK(recipe->removal.ln_f == phase_of(phases.at("lnf")));
        CHECK(recipe->removal.end_of_text == phase_of(phases.at("eot")));
        CHECK(recipe->listed_first_position == phase_of(phases.at("bos")));
        CHECK(recipe->removal.ln_1_v.last(recipe->layers) == phases.at("ln1v").at("last").get<std::size_t>());
    }
    for (const Recipe& recipe : lamina::recipe::all()) {
        INFO(recipe.name);
        CHECK((recipe.published_as.empty() || met.count(&recipe) == 1));
    }
}

TEST_CASE("every initial standard deviation is the published one") {
    const std::filesystem::path path = lamina_tests::reference_data("std_dicts.json");
    if (!std::filesystem::exists(path)) LAMINA_SKIP("there is no " + path.string());
    const nlohmann::json models = nlohmann::json::parse(std::ifstream(path)).at("models");
    REQUIRE(models.size() == 4);
    for (const auto& [model, tables] : models.items()) {
        INFO(model);
        const InitialStd& ours = lamina::recipe::initial_std(model);
        check_std(ours.average, tables.at("average"));
        check_std(ours.first_position, tables.at("position0"));
    }
}
