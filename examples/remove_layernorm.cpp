// SPDX-License-Identifier: MIT
// remove_layernorm: takes every LayerNorm out of a GPT-2 by training adapters on its frozen weights, or all of it.
#include "common/built_models.hpp"
#include "common/flags.hpp"
#include "common/model_folder.hpp"
#include "common/out_folder.hpp"
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
#include <lamina/recipe/own.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace remove_layernorm;
using lamina::recipe::Recipe;

struct CommandLine {
    Options options;
    Overrides overrides;
    std::string recipe;
    std::string tokenizer;
    std::string adapter;
    std::string targets;
    std::string precision;
    std::optional<std::size_t> save_every;
    bool print = false;
    bool dry_run = false;
    bool list = false;
    bool control = false;
    CLI::Option* control_flag = nullptr;
};

void add_flags(CLI::App& app, CommandLine& line) {
    Options& options = line.options;
    app.add_option("--model", options.model,
                   "what the weights' config.json describes, or nano, which is trained here (default: what it "
                   "describes, else nano)")
        ->type_name("NAME");
    app.add_option("--weights", options.weights, "Hugging Face folder with config.json and model.safetensors")
        ->type_name("DIR");
    app.add_flag("--strict", options.strict, common::strict_text);
    app.add_option("--tokenizer", line.tokenizer,
                   "folder with tokenizer.json, or vocab.json and merges.txt (default: the weights' folder)")
        ->type_name("DIR");
    app.add_option("--text", options.text, "text or JSON Lines to train on: files or pipes, gzip or zstd as well")
        ->type_name("FILE");
    common::add_word(app, "--text-format", options.text_format, "auto goes by the content", {"auto", "text", "jsonl"});
    app.add_option("--text-field", options.text_field, "the field of JSON Lines that has the text")
        ->type_name("NAME")
        ->capture_default_str();
    app.add_option("--tokens", options.tokens, "token files to train on, or folders of them")
        ->type_name("FILE")
        ->excludes("--text");
    common::add_word(app, "--token-format", options.token_format,
                     "auto goes by the content, which raw-u16 (nanoGPT's) does not show",
                     {"auto", "llm.c", "raw-u16", "npy"});
    app.add_option("--heldout", options.heldout, "text to evaluate on (default: the last twentieth of the corpus)")
        ->type_name("FILE");
    app.add_option("--heldout-tokens", options.heldout_tokens, "token files to evaluate on")
        ->type_name("FILE")
        ->excludes("--heldout");
    app.add_option("--recipe", line.recipe, "a published recipe by name (default: the model's own)")->type_name("NAME");
    app.add_option("--adapter", line.adapter, "full, a rank, or none to train every parameter (default: the recipe's)")
        ->type_name("WHICH");
    app.add_option(
           "--targets", line.targets,
           "linear layers with an adapter: all, or some of c_attn, attn.c_proj, c_fc and mlp.c_proj with commas")
        ->type_name("LAYERS");
    common::add_word(app, "--precision", line.precision,
                     "(default: fp32 for small models and without adapters, else frozen-bf16)",
                     {"frozen-bf16", "fp32", "all-bf16"});
    common::add_count(app, "--stop-after", options.stop_after, "steps of the removal, with norms still in place",
                      {.least = 1});
    app.add_flag("--print", line.print, "print the recipe, overrides applied, and stop");
    app.add_flag(
        "--dry-run", line.dry_run,
        "check what can be known without reading the corpus, print the recipe and the memory it takes, and stop");
    app.add_flag("--list-recipes", line.list, "print the names of all recipes and stop");
    app.add_option("--out", options.out, "folder for everything that is written")
        ->type_name("DIR")
        ->capture_default_str();
    app.add_flag("--force", options.force, "write to --out whatever is there; a run that is there is deleted");
    common::add_count(app, "--seed", options.seed, "of adapters, data order and sampling", common::any_count);
    common::add_flags(app, options.place);
    common::add_count(app, "--save-every", line.save_every,
                      "steps between checkpoints, 0 for none (default: the recipe's)", {.note = "0: none"});
    app.add_flag("--resume", options.resume, "go on from the last checkpoint in --out")->excludes("--force");
    line.control_flag =
        app.add_flag("--control,!--no-control", line.control,
                     "also train with every norm kept (default: nano only, unless it stops on its way)");
    common::add_count(app, "--pretrain-steps", options.pretrain_steps, "nano only");
    common::add_count(app, "--evaluation-blocks", options.evaluation_blocks, "held-out blocks per evaluation",
                      {.least = 1});
    common::add_count(app, "--sample", options.sample_tokens, "tokens that the folded model writes",
                      {.note = "0: no sample"});
    app.add_option("--prompt", options.prompt, "what it writes after");
    using lamina::train::NonFinite;
    common::add_choice(app, "--non-finite", options.non_finite, "what to do about NaN",
                       {{"stop", NonFinite::stop}, {"skip", NonFinite::skip}, {"roll-back", NonFinite::roll_back}});
}

/// The model that the flags name, by its config.json where there is one.
common::BuiltModel model_of(const Options& options) {
    const std::vector<common::BuiltModel> models = Runs::models();
    if (options.weights.empty()) return common::model_called(models, options.model.empty() ? "nano" : options.model);
    if (const auto kind = any_model::kind_of(options.weights); kind != any_model::Kind::pretrained) {
        throw lamina::FileError(options.weights, "holds no LayerNorm to remove; expected pretrained weights");
    }
    return any_model::model_in(models, options.weights, any_model::Kind::pretrained, options.model);
}

/// The recipe that was named, or the model's own, laid out over the model's layers.
Recipe recipe_of(const CommandLine& line, const common::BuiltModel& model) {
    namespace recipe = lamina::recipe;
    const lamina::Architecture& size = model.facts.architecture;
    const Recipe* const published = recipe::find_or_null(line.recipe.empty() ? model.name : line.recipe);
    if (published == nullptr && !line.recipe.empty()) static_cast<void>(recipe::find(line.recipe));  // tells the names
    Recipe found =
        published == nullptr ? recipe::own_recipe(model.name, size) : recipe::laid_out(*published, model.name, size);
    if (!line.adapter.empty()) recipe::set_adapter(found, line.adapter);
    return line.overrides.apply(found);
}

/// What was instantiated for a model and what the flags say of its adaptation.
const Runs::Entry& run_for(const CommandLine& line, const common::BuiltModel& model, const Recipe& recipe) {
    const common::Adaptation wanted{.adapter = lamina::recipe::adapter_of(recipe),
                                    .targets = line.targets.empty() ? "all" : line.targets,
                                    .precision = line.precision};
    const common::Device device = line.options.place.device;
    const auto fits = [&](const Runs::Entry& entry) {
        return entry.device == device && entry.model.name == model.name && entry.adaptation.adapter == wanted.adapter &&
               entry.adaptation.targets == wanted.targets &&
               (wanted.precision.empty() || entry.adaptation.precision == wanted.precision);
    };
    const auto& all = Runs::all();
    const auto found = std::find_if(all.begin(), all.end(), fits);
    if (found != all.end()) return *found;
    common::fail_not_built(device, model.name, wanted, common::flags_of(wanted));
}

/// Flags that do not go together.
void check_flags(const Job& job) {
    const bool nano = job.options.model == "nano";
    if (job.options.weights.empty() && !nano) {
        throw lamina::ArgumentError("--model " + job.options.model +
                                    " needs --weights DIR, a Hugging Face folder; only nano is trained from scratch");
    }
    if (!nano && job.options.text.empty() && job.options.tokens.empty()) {
        throw lamina::ArgumentError("--model " + job.options.model + " needs --text FILE… or --tokens FILE…");
    }
    check_schedule(job.recipe);
}

/// A recipe by its name or its model's, whether or not this program was built for the model.
void print_recipe(const CommandLine& line) {
    const std::string& named = line.recipe.empty() ? line.options.model : line.recipe;
    Recipe recipe = lamina::recipe::find(named.empty() ? "nano" : named);
    if (!line.adapter.empty()) lamina::recipe::set_adapter(recipe, line.adapter);
    std::printf("%s", lamina::recipe::describe(line.overrides.apply(recipe)).c_str());
}

void print_plan(const Job& job, const Runs::Entry& entry) {
    std::printf("%s\n%s on %s with %s: training takes %.3f GB\n", lamina::recipe::describe(job.recipe).c_str(),
                job.options.model.c_str(), common::name_of(entry.device), common::describe(entry.adaptation).c_str(),
                static_cast<double>(entry.function.planned_bytes(job)) / 1e9);
}

void run(CommandLine& line) {
    if (line.list) {
        for (const Recipe& recipe : lamina::recipe::all()) std::printf("%s\n", std::string(recipe.name).c_str());
        return;
    }
    if (line.print && line.options.weights.empty()) return print_recipe(line);
    const common::BuiltModel model = model_of(line.options);
    line.options.model = model.name;
    line.options.vocab = model.facts.architecture.vocab;
    Job job{.options = line.options,
            .recipe = recipe_of(line, model),
            .vocabulary = {},
            .corpus = {},
            .out = line.options.out};
    if (line.print) {
        std::printf("%s", lamina::recipe::describe(job.recipe).c_str());
        return;
    }
    const Runs::Entry& entry = run_for(line, model, job.recipe);
    job.options.adaptation = entry.adaptation;
    const bool nano = job.options.model == "nano";
    job.options.control = line.control_flag->count() == 0 ? nano && !job.options.stop_after : line.control;
    std::size_t& threads = job.options.place.threads;
    if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
    job.options.save_every = line.save_every.value_or(job.recipe.save_every);
    check_flags(job);
    job.vocabulary = open_vocabulary(job.options, line.tokenizer);
    entry.function.check(job);
    if (line.dry_run) return print_plan(job, entry);
    const common::OutFolder folder(job.out);
    open_run_folder(job);
    open_corpus(job, line.tokenizer);
    std::printf("%s with %s: %zu tokens to train on, %zu held out, %zu steps of %zu tokens\n",
                job.options.model.c_str(), common::describe(entry.adaptation).c_str(), job.corpus.train->size(),
                job.corpus.heldout->size(), job.recipe.steps(), job.recipe.tokens_per_update());
    entry.function.run(job);
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
