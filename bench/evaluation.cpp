// SPDX-License-Identifier: MIT
// evaluation: items per second and tokens of HellaSwag and MMLU on GPT-2 small in its true shapes, next to the real
// lm-evaluation-harness (evaluation_peer.py) on the same weights and items, in turns.
#include "../examples/common/flags.hpp"
#include "../examples/common/program.hpp"
#include "sample.hpp"

#include <lamina/lamina.hpp>

#include <lamina/eval/answer.hpp>
#include <lamina/eval/hellaswag.hpp>
#include <lamina/eval/mmlu.hpp>
#include <lamina/eval/prefix_scorer.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/nn/run/key_value_cache.hpp>
#include <lamina/nn/score.hpp>
#include <lamina/text/gpt2_tokenizer.hpp>

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace lamina;
using bench::Sample;
namespace fs = std::filesystem;

using Model = Gpt2<gpt2_small, trainable::Nothing>;

struct Options {
    fs::path tokenizer;
    std::string hellaswag;
    std::string mmlu;
    std::string python;
    std::string peer;
    std::size_t hellaswag_items = 64;
    std::size_t mmlu_items = 12;
    std::vector<std::string> subjects;
    std::size_t rounds = 3;
    std::size_t batch = 16;
    std::size_t threads = 0;
};

/// A word for the shell.
std::string quoted(const std::string& word) {
    std::string text = "'";
    for (const char character : word) text += character == '\'' ? "'\\''" : std::string(1, character);
    return text + "'";
}

/// One task, or the subjects of one setting, and what the peer is asked in its place.
struct Part {
    std::string title;
    std::string key;  ///< in what the peer prints
    std::string flags;
    std::vector<std::vector<eval::Question>> tasks;
};

struct Side {
    Sample rate;  ///< items per second
    std::size_t tokens = 0;
    std::size_t padded_tokens = 0;  ///< with the padding of batches
    std::size_t items = 0;
    double sum = 0;  ///< of all log-likelihoods
};

std::vector<Part> parts_of(const Options& options) {
    const std::string threads = " --threads " + std::to_string(options.threads);
    std::vector<Part> parts{
        {.title = "HellaSwag",
         .key = "hellaswag",
         .flags = threads + " --hellaswag " + quoted(options.hellaswag) + " --hellaswag-items " +
                  std::to_string(options.hellaswag_items),
         .tasks = {eval::read_questions<eval::HellaSwag>(options.hellaswag, options.hellaswag_items)}}};
    for (const std::size_t shots : {std::size_t{0}, std::size_t{5}}) {
        Part part{.title = "MMLU, " + std::to_string(shots) + "-shot", .key = "mmlu", .flags = threads, .tasks = {}};
        std::string names;
        for (const std::string& subject : options.subjects) {
            part.tasks.push_back(
                eval::mmlu_questions(options.mmlu, subject, {.few_shot = shots, .limit = options.mmlu_items}));
            names += (names.empty() ? "" : ",") + subject;
        }
        part.flags += " --mmlu " + quoted(options.mmlu) + " --mmlu-items " + std::to_string(options.mmlu_items) +
                      " --subjects " + names + " --shots " + std::to_string(shots);
        parts.push_back(std::move(part));
    }
    return parts;
}

/// Questions to answers, tokenising included, as the peer's time has it.
void measure_here(Model& model, KeyValueCache<Model>& cache, const text::Gpt2Tokenizer& tokenizer, const Part& part,
                  Side& side) {
    const auto pass = [&](auto segments, auto wanted, auto log_probabilities) {
        score(model, cache, segments, wanted, log_probabilities);
    };
    eval::PrefixScorer scorer(pass, {.context = gpt2_small.context, .cache_rows = cache.rows()});
    side.sum = 0;
    side.items = 0;
    const double seconds = bench::seconds_of([&] {
        for (const std::vector<eval::Question>& questions : part.tasks) {
            eval::answer_questions(scorer, tokenizer, std::span(questions), {},
                                   [&](std::size_t /*index*/, const eval::Answer& answer) {
                                       ++side.items;
                                       for (const double score : answer) side.sum += score;
                                   });
        }
    });
    side.tokens = side.padded_tokens = scorer.tokens();
    side.rate.add(static_cast<double>(side.items) / seconds);
}

void measure_peer(const Options& options, const fs::path& folder, const Part& part, Side& side) {
    const std::string command = quoted(options.python) + ' ' + quoted(options.peer) + ' ' + quoted(folder.string()) +
                                " --batch " + std::to_string(options.batch) + part.flags;
    const auto close = [](std::FILE* pipe) { ::pclose(pipe); };
    const std::unique_ptr<std::FILE, decltype(close)> pipe(::popen(command.c_str(), "r"), close);
    if (!pipe) throw Error("cannot start " + command);
    std::string output;
    for (char piece[4096]; std::fgets(piece, sizeof piece, pipe.get()) != nullptr;) output += piece;
    const io::Json answer = io::Json::parse(output, nullptr, /*allow_exceptions=*/false);
    if (!answer.is_object()) throw Error("the peer failed: " + command);
    const io::Json& found = answer.at(part.key);
    side.items = found.at("items").get<std::size_t>();
    side.tokens = found.at("tokens").get<std::size_t>();
    side.padded_tokens = found.at("padded_tokens").get<std::size_t>();
    side.sum = found.at("log_likelihoods").get<double>();
    side.rate.add(found.at("items_per_second").get<double>());
}

void print(const Part& part, const Side& here, const Side& peer) {
    const auto line = [&](const char* who, const Side& side) {
        std::printf("  %-14s %-8s %5zu items %9.2f items/s (%.2f to %.2f) %10zu tokens, %zu with padding\n",
                    part.title.c_str(), who, side.items, side.rate.median(), side.rate.least(), side.rate.most(),
                    side.tokens, side.padded_tokens);
    };
    const auto times = [](std::size_t more, std::size_t fewer) {
        return static_cast<double>(more) / static_cast<double>(fewer);
    };
    line("lamina", here);
    line("harness", peer);
    std::printf(
        "  %-14s %.2f times the items/s, %.2f times fewer tokens (%.2f with padding); log-likelihoods differ by "
        "%.1e in sum\n\n",
        "", here.rate.median() / peer.rate.median(), times(peer.tokens, here.tokens),
        times(peer.padded_tokens, here.padded_tokens), std::abs(here.sum - peer.sum) / std::abs(peer.sum));
    std::fflush(stdout);
}

/// A folder of this process, removed with what is in it.
class Scratch {
public:
    Scratch() : path_(fs::temp_directory_path() / ("lamina-bench-evaluation-" + std::to_string(::getpid()))) {}
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

void run(Options& options) {
    if (options.threads == 0) options.threads = std::max(1U, std::thread::hardware_concurrency());
    CpuBackend backend({.threads = options.threads});
    std::printf("GPT-2 small, random fp32 weights; %s\n", backend.description().c_str());
    std::printf("harness: batches of %zu, %zu threads; medians and ranges of %zu rounds, in turns, after a warm-up\n\n",
                options.batch, options.threads, options.rounds);
    Model model(backend);
    model.initialise(1);
    const Scratch folder;
    io::save_gpt2(model, folder.path());
    const auto tokenizer = text::Gpt2Tokenizer::from_folder(options.tokenizer);
    KeyValueCache<Model> cache(backend, 4 * gpt2_small.context);
    const std::string flags = " --tokenizer " + quoted(options.tokenizer.string());
    for (Part& part : parts_of(options)) {
        part.flags += flags;
        Side warm_up, here, peer;
        measure_here(model, cache, tokenizer, part, warm_up);
        for (std::size_t round = 0; round < options.rounds; ++round) {
            measure_here(model, cache, tokenizer, part, here);
            measure_peer(options, folder.path(), part, peer);
        }
        print(part, here, peer);
    }
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    options.subjects = {"abstract_algebra", "college_medicine", "global_facts", "high_school_macroeconomics",
                        "machine_learning", "nutrition",        "sociology",    "international_law"};
    CLI::App app("Measures evaluation on GPT-2 small next to lm-evaluation-harness.", "evaluation");
    const auto path = [&app](const char* flag, auto& value, const char* kind, const char* description) {
        app.add_option(flag, value, description)->type_name(kind)->required();
    };
    path("--tokenizer", options.tokenizer, "DIR", "folder with GPT-2's vocab.json and merges.txt");
    path("--hellaswag", options.hellaswag, "FILE", "validation split, JSON Lines");
    path("--mmlu", options.mmlu, "DIR", "folder with dev/ and test/");
    path("--python", options.python, "FILE", "with tests/oracle/requirements.txt installed");
    path("--peer", options.peer, "FILE", "evaluation_peer.py");
    const common::Counts some{.least = 1};
    common::add_count(app, "--hellaswag-items", options.hellaswag_items, "the first so many", some);
    common::add_count(app, "--mmlu-items", options.mmlu_items, "the first so many of each subject", some);
    app.add_option("--subjects", options.subjects, "of MMLU, with commas between (default: eight of them)")
        ->type_name("NAME,...")
        ->delimiter(',');
    common::add_count(app, "--rounds", options.rounds, "measured, after a warm-up", some);
    common::add_count(app, "--batch", options.batch, "of the harness", some);
    common::add_count(app, "--threads", options.threads, "0: one per core", {.most = 1024, .note = "0: one per core"});
    return common::run_program(app, argc, argv, [&] { run(options); });
}
