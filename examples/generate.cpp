// SPDX-License-Identifier: MIT
// generate: writes after a prompt with a pretrained GPT-2, one in the middle of losing its norms, or a folded one.
#include "common/any_model.hpp"
#include "common/any_tokenizer.hpp"
#include "common/flags.hpp"
#include "common/model_flags.hpp"
#include "common/notes.hpp"
#include "common/program.hpp"

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>
#include <lamina/nn/generate.hpp>
#include <lamina/text/utf8_stream.hpp>

#include <CLI/CLI.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using lamina::Token;

struct CommandLine {
    any_model::Flags model;
    std::string tokenizer;
    std::string prompt;
    bool greedy = false;
    lamina::GenerateOptions options;
};

void add_flags(CLI::App& app, CommandLine& line) {
    any_model::add_flags(app, line.model, line.tokenizer);
    app.add_option("--prompt", line.prompt, "what to write after (default: the beginning of a document)");
    common::add_count(app, "--tokens", line.options.tokens,
                      "to write, fewer where the text ends; where the context is full, its second half is read again "
                      "as the first",
                      {.least = 1});
    CLI::Option* const temperature =
        common::add_number(app, "--temperature", line.options.temperature, "0 for the most probable token each time",
                           {.least = 0, .note = "0: the most probable token"});
    common::add_count(app, "--top-k", line.options.top_k, "draw from so many tokens, 0 for all",
                      {.note = "0: all tokens"});
    common::add_number(app, "--top-p", line.options.top_p, "draw from the most probable tokens that make up this much",
                       {.above = 0, .most = 1});
    app.add_flag("--greedy", line.greedy, "the same as --temperature 0")->excludes(temperature);
    common::add_count(app, "--seed", line.options.seed, "of the drawing", common::any_count);
}

class Stopwatch {
public:
    /// Seconds since the last call, or since it was made.
    double lap() {
        const auto now = std::chrono::steady_clock::now();
        const double seconds = std::chrono::duration<double>(now - start_).count();
        start_ = now;
        return seconds;
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void print(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
        throw lamina::FileError("standard output", "cannot be written: " + std::generic_category().message(errno));
    }
}

void run(CommandLine& line) {
    lamina::GenerateOptions& options = line.options;
    if (line.greedy) options.temperature = 0;
    const any_model::Found found = any_model::find(line.model);
    const std::size_t context = found.architecture.context;
    const any_model::Tokenizer tokenizer =
        any_model::open_tokenizer(found.architecture.vocab, found.weights, line.tokenizer);
    std::vector<Token> prompt = tokenizer.encode(line.prompt);
    if (prompt.empty()) prompt.push_back(tokenizer.end_of_text());  // where every document begins
    if (prompt.size() > context) {
        throw lamina::ArgumentError("--prompt has " + std::to_string(prompt.size()) + " tokens, expected at most " +
                                    std::to_string(context) + ", the context of " + found.model);
    }
    const auto model =
        any_model::open(found, {.program = "generate", .cache_rows = context, .end_of_text = tokenizer.end_of_text()});
    options.end_of_text = tokenizer.end_of_text();

    lamina::text::Utf8Stream text;
    print(text.push(line.prompt));
    Stopwatch watch;
    double reading = 0;
    std::size_t written = 0;
    model->generate(prompt, options, [&](Token token) {
        if (written++ == 0) reading = watch.lap();
        print(text.push(tokenizer.decode(std::span(&token, 1))));
    });
    double writing = watch.lap();
    if (written == 0) std::swap(reading, writing);
    // After the prompt's, which gave the first token; the last one may have given the end of the text.
    const std::size_t passes = written < options.tokens ? written : written - 1;
    print(text.finish() + "\n");
    common::print_notes(stderr, model->take_notes());
    std::fprintf(stderr, "%zu %s read in %.2f s, %zu written in %.2f s", prompt.size(),
                 prompt.size() == 1 ? "token" : "tokens", reading, written, writing);
    if (passes > 0) std::fprintf(stderr, ": %.1f tokens/s", static_cast<double>(passes) / writing);
    std::fprintf(stderr, "\n");
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Writes after a prompt with a GPT-2 of any norm state.", "generate"};
    CommandLine line;
    add_flags(app, line);
    return common::run_program(app, argc, argv, [&] { run(line); });
}
