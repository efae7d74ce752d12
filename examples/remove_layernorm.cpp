// SPDX-License-Identifier: MIT
// remove_layernorm: takes every LayerNorm out of a GPT-2 by training full-rank adapters on its frozen weights.
#include "common/place_flags.hpp"
#include "common/program.hpp"
#include "common/warnings.hpp"
#include "remove_layernorm/corpus.hpp"
#include "remove_layernorm/job.hpp"
#include "remove_layernorm/overrides.hpp"
#include "remove_layernorm/run_folder.hpp"

#include <lamina/core/error.hpp>
#include <lamina/recipe/catalogue.hpp>
#include <lamina/recipe/describe.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <thread>

namespace {

using namespace remove_layernorm;
using lamina::recipe::Recipe;

struct CommandLine {
    Options options;
    Overrides overrides;
    std::string recipe;
    std::string tokenizer;
    std::optional<std::size_t> save_every;
    bool print = false;
    bool list = false;
    bool control = false;
    CLI::Option* control_flag = nullptr;
};

void add_flags(CLI::App& app, CommandLine& line) {
    Options& options = line.options;
    app.add_option("--model", options.model, "nano, gpt2, gpt2-medium, gpt2-large or gpt2-xl")
        ->check(CLI::IsMember({"nano", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"}))
        ->capture_default_str();
    app.add_option("--weights", options.weights, "Hugging Face folder with config.json and model.safetensors");
    app.add_flag("--strict", options.strict, common::strict_text);
    app.add_option("--tokenizer", line.tokenizer,
                   "folder with vocab.json and merges.txt (default: the weights' folder)");
    app.add_option("--text", options.text, "text or JSON Lines files to train on");
    app.add_option("--tokens", options.tokens, "token shard in llm.c's format to train on")->excludes("--text");
    app.add_option("--heldout", options.heldout, "files to evaluate on (default: the last twentieth of the corpus)");
    app.add_option("--recipe", line.recipe, "a published recipe by name (default: the model's own)");
    app.add_flag("--print", line.print, "print the recipe, overrides applied, and stop");
    app.add_flag("--list-recipes", line.list, "print the names of all recipes and stop");
    app.add_option("--out", options.out, "folder for everything that is written")->capture_default_str();
    app.add_option("--seed", options.seed, "of adapters, data order and sampling")->capture_default_str();
    common::add_flags(app, options.place);
    app.add_option("--save-every", line.save_every, "steps between checkpoints, 0 for none (default: the recipe's)");
    app.add_flag("--resume", options.resume, "go on from the last checkpoint in --out");
    line.control_flag =
        app.add_flag("--control,!--no-control", line.control, "also train with every norm kept (default: nano only)");
    app.add_option("--pretrain-steps", options.pretrain_steps, "nano only")->capture_default_str();
    app.add_option("--evaluation-blocks", options.evaluation_blocks, "held-out blocks per evaluation")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--sample", options.sample_tokens, "tokens that the folded model writes")->capture_default_str();
    app.add_option("--prompt", options.prompt, "what it writes after");
    const std::map<std::string, lamina::train::NonFinite> answers{{"stop", lamina::train::NonFinite::stop},
                                                                  {"skip", lamina::train::NonFinite::skip},
                                                                  {"roll-back", lamina::train::NonFinite::roll_back}};
    app.add_option("--non-finite", options.non_finite, "what to do about NaN: stop, skip or roll-back")
        ->transform(CLI::CheckedTransformer(answers));
}

Recipe recipe_of(const CommandLine& line) {
    const Recipe& base = lamina::recipe::find(line.recipe.empty() ? line.options.model : line.recipe);
    if (base.model != line.options.model) {
        throw lamina::ArgumentError("--recipe " + line.recipe + " is for --model " + std::string(base.model) +
                                    ", not " + line.options.model);
    }
    return line.overrides.apply(base);
}

[[nodiscard]] Sizes::Key key_of(const Job& job) { return {job.options.place.device, job.options.model}; }

/// Flags that do not go together.
void check_flags(const Job& job) {
    const bool nano = job.options.model == "nano";
    if (job.options.weights.empty() && !nano) {
        throw lamina::ArgumentError("--model " + job.options.model +
                                    " needs --weights DIR, a Hugging Face folder; only nano is trained from scratch");
    }
    if (!nano && job.options.text.empty() && job.options.tokens.empty()) {
        throw lamina::ArgumentError("--model " + job.options.model + " needs --text FILE… or --tokens FILE.bin");
    }
    if (!Sizes::all().contains(key_of(job))) {
        throw lamina::ArgumentError("--model " + common::not_built(job.options.place.device, job.options.model));
    }
    if (job.recipe.adaptation != lamina::recipe::Adaptation::full_rank) {
        throw lamina::ArgumentError("recipe " + std::string(job.recipe.name) +
                                    " does not train full-rank adapters, which is all this program is compiled for");
    }
    check_schedule(job.recipe);
}

void run(CommandLine& line) {
    if (line.list) {
        for (const Recipe& recipe : lamina::recipe::all()) std::printf("%s\n", std::string(recipe.name).c_str());
        return;
    }
    if (line.print && !line.recipe.empty()) line.options.model = std::string(lamina::recipe::find(line.recipe).model);
    Job job{
        .options = line.options, .recipe = recipe_of(line), .vocabulary = {}, .corpus = {}, .out = line.options.out};
    if (line.print) {
        std::printf("%s", lamina::recipe::describe(job.recipe).c_str());
        return;
    }
    const bool nano = job.options.model == "nano";
    job.options.control = line.control_flag->count() == 0 ? nano : line.control;
    std::size_t& threads = job.options.place.threads;
    if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
    job.options.save_every = line.save_every.value_or(job.recipe.save_every);
    check_flags(job);
    job.vocabulary = open_vocabulary(job.options, line.tokenizer);
    Sizes::all().at(key_of(job)).check(job);
    open_run_folder(job);
    open_corpus(job, line.tokenizer);
    std::printf("%s: %zu tokens to train on, %zu held out, %zu steps of %zu tokens\n", job.options.model.c_str(),
                job.corpus.train->size(), job.corpus.heldout->size(), job.recipe.steps(),
                job.recipe.tokens_per_update());
    Sizes::all().at(key_of(job)).run(job);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Removes every LayerNorm from a GPT-2. Without flags: pretrains a nano model on this machine's C++ headers and "
        "removes its norms.",
        "remove_layernorm"};
    CommandLine line;
    line.options.pretrain_steps = 300;
    line.options.prompt = "";
    add_flags(app, line);
    line.overrides.add_flags(app);
    return common::run_program(app, argc, argv, [&] { run(line); });
}
