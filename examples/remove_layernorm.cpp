// SPDX-License-Identifier: MIT
// remove_layernorm: takes every LayerNorm out of a GPT-2 by training full-rank adapters on its frozen weights.
#include "remove_layernorm/corpus.hpp"
#include "remove_layernorm/job.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/atomic_file.hpp>
#include <lamina/recipe/catalogue.hpp>
#include <lamina/recipe/describe.hpp>
#include <lamina/recipe/nano.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <system_error>

namespace {

using namespace remove_layernorm;
using lamina::recipe::Recipe;

/// Flags that change one number of the recipe.
struct Overrides {
    std::optional<std::size_t> steps, warmup, micro_batch, accumulation, sequence_length;
    std::optional<double> learning_rate, minimum, clip, weight_decay, beta1, beta2, epsilon, momentum, auxiliary;
    std::optional<lamina::DivisorMode> divisor;
    std::optional<std::size_t> start, gap_ln_2, gap_ln_1_qk, gap_ln_1_v;

    [[nodiscard]] Recipe apply(Recipe recipe) const {
        if (steps) {
            // A run of another length keeps the shape of the schedule only if its spacing is given anew.
            recipe.learning_rate.steps = *steps;
        }
        set(warmup, recipe.learning_rate.warmup);
        set(micro_batch, recipe.micro_batch);
        set(accumulation, recipe.accumulation);
        set(sequence_length, recipe.sequence_length);
        if (learning_rate) {
            recipe.learning_rate.minimum *= *learning_rate / recipe.learning_rate.peak;
            recipe.learning_rate.peak = *learning_rate;
        }
        set(minimum, recipe.learning_rate.minimum);
        set(clip, recipe.clip);
        set(weight_decay, recipe.weight_decay);
        set(beta1, recipe.beta1);
        set(beta2, recipe.beta2);
        set(epsilon, recipe.epsilon);
        set(momentum, recipe.tracking.momentum);
        set(auxiliary, recipe.auxiliary_loss);
        set(divisor, recipe.tracking.mode);
        if (start || gap_ln_2 || gap_ln_1_qk || gap_ln_1_v) {
            recipe.removal = lamina::train::RemovalSchedule::progressive(
                {.start = start.value_or(recipe.removal.phase(lamina::train::RemovalKind::ln_2).start),
                 .gap_ln_2 = gap_ln_2.value_or(recipe.removal.phase(lamina::train::RemovalKind::ln_2).gap),
                 .gap_ln_1_qk = gap_ln_1_qk.value_or(recipe.removal.phase(lamina::train::RemovalKind::ln_1_qk).gap),
                 .gap_ln_1_v = gap_ln_1_v.value_or(recipe.removal.phase(lamina::train::RemovalKind::ln_1_v).gap),
                 .end_of_text_after = 1},
                recipe.layers);
        }
        return recipe;
    }

private:
    template <class T>
    static void set(const std::optional<T>& from, T& to) {
        if (from) to = *from;
    }
};

struct CommandLine {
    Options options;
    Overrides overrides;
    std::string recipe;
    std::string tokenizer;
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
    app.add_option("--threads", options.threads, "0 for all cores")->capture_default_str();
    app.add_option("--save-every", options.save_every, "steps between checkpoints, 0 for none")->capture_default_str();
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

void add_overrides(CLI::App& app, Overrides& over) {
    const std::string group = "Overrides of the recipe";
    const auto number = [&](const char* flag, auto& place, const char* help) {
        app.add_option(flag, place, help)->group(group)->check(CLI::NonNegativeNumber);
    };
    const auto count = [&](const char* flag, auto& place, const char* help) {
        app.add_option(flag, place, help)->group(group)->check(CLI::PositiveNumber);
    };
    count("--steps", over.steps, "optimiser steps");
    number("--learning-rate", over.learning_rate, "peak; the minimum keeps its ratio");
    number("--minimum-learning-rate", over.minimum, "at the end");
    number("--warmup", over.warmup, "steps");
    count("--micro-batch", over.micro_batch, "sequences");
    count("--accumulation", over.accumulation, "micro-batches per step");
    count("--sequence", over.sequence_length, "tokens");
    number("--clip", over.clip, "largest gradient norm, 0 for none");
    number("--weight-decay", over.weight_decay, "of AdamW");
    number("--beta1", over.beta1, "of AdamW");
    number("--beta2", over.beta2, "of AdamW");
    number("--epsilon", over.epsilon, "of AdamW");
    number("--momentum", over.momentum, "of the average deviations");
    number("--auxiliary-loss", over.auxiliary, "weight of the penalty on uneven deviations");
    number("--removal-start", over.start, "step of the first removal");
    number("--gap-ln2", over.gap_ln_2, "steps between blocks");
    number("--gap-ln1-qk", over.gap_ln_1_qk, "steps between blocks");
    number("--gap-ln1-v", over.gap_ln_1_v, "steps between blocks");
    const std::map<std::string, lamina::DivisorMode> modes{{"constant", lamina::DivisorMode::constant},
                                                           {"freeze", lamina::DivisorMode::freeze},
                                                           {"track", lamina::DivisorMode::track}};
    app.add_option("--divisor", over.divisor, "constant, freeze or track")
        ->group(group)
        ->transform(CLI::CheckedTransformer(modes));
}

Recipe recipe_of(const CommandLine& line) {
    const Recipe& base = lamina::recipe::find(line.recipe.empty() ? line.options.model : line.recipe);
    if (base.model != line.options.model) {
        throw lamina::ArgumentError("--recipe " + line.recipe + " is for --model " + std::string(base.model) +
                                    ", not " + line.options.model);
    }
    return line.overrides.apply(base);
}

void check(const Job& job) {
    const bool nano = job.options.model == "nano";
    if (job.options.weights.empty() && !nano) {
        throw lamina::ArgumentError("--model " + job.options.model +
                                    " needs --weights DIR, a Hugging Face folder; only nano is trained from scratch");
    }
    if (!nano && job.options.text.empty() && job.options.tokens.empty()) {
        throw lamina::ArgumentError("--model " + job.options.model + " needs --text FILE… or --tokens FILE.bin");
    }
    if (!Sizes::all().contains(job.options.model)) {
        throw lamina::ArgumentError("--model " + job.options.model +
                                    " is not in this build; configure it with -DLAMINA_MODELS=\"nano;gpt2;…\"");
    }
    if (job.recipe.adaptation != lamina::recipe::Adaptation::full_rank) {
        throw lamina::ArgumentError("recipe " + std::string(job.recipe.name) +
                                    " does not train full-rank adapters, which is all this program is compiled for");
    }
}

void prepare_folder(const std::filesystem::path& out) {
    std::error_code error;
    std::filesystem::create_directories(out, error);
    if (error) throw lamina::FileError(out.string(), "cannot be created: " + error.message());
    const std::filesystem::path probe = out / ".writable";
    lamina::io::write_file(probe, "");
    std::filesystem::remove(probe, error);
}

int run(CommandLine& line) {
    if (line.list) {
        for (const Recipe& recipe : lamina::recipe::all()) std::printf("%s\n", std::string(recipe.name).c_str());
        return 0;
    }
    if (line.print && !line.recipe.empty()) line.options.model = std::string(lamina::recipe::find(line.recipe).model);
    Job job{
        .options = line.options, .recipe = recipe_of(line), .vocabulary = {}, .corpus = {}, .out = line.options.out};
    if (line.print) {
        std::printf("%s", lamina::recipe::describe(job.recipe).c_str());
        return 0;
    }
    const bool nano = job.options.model == "nano";
    job.options.control = line.control_flag->count() == 0 ? nano : line.control;
    check(job);
    job.vocabulary = open_vocabulary(job.options, line.tokenizer);
    prepare_folder(job.out);
    open_corpus(job, line.tokenizer);
    std::printf("%s: %zu tokens to train on, %zu held out, %zu steps of %zu tokens\n", job.options.model.c_str(),
                job.corpus.train->size(), job.corpus.heldout->size(), job.recipe.steps(),
                job.recipe.tokens_per_update());
    Sizes::all().at(job.options.model)(job);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Removes every LayerNorm from a GPT-2. Without flags: pretrains a nano model on this machine's C++ headers and "
        "removes its norms."};
    CommandLine line;
    line.options.pretrain_steps = 300;
    line.options.prompt = "";
    add_flags(app, line);
    add_overrides(app, line.overrides);
    CLI11_PARSE(app, argc, argv);
    try {
        return run(line);
    } catch (const std::exception& error) {
        std::fflush(stdout);
        std::fprintf(stderr, "remove_layernorm: %s\n", error.what());
        return 1;
    }
}
