// SPDX-License-Identifier: MIT
// generate: writes after a prompt with a pretrained GPT-2, one in the middle of losing its norms, or a folded one.
#include "common/any_model.hpp"
#include "common/any_tokenizer.hpp"
#include "common/model_flags.hpp"
#include "common/program.hpp"

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>
#include <lamina/nn/sampling.hpp>
#include <lamina/text/utf8_stream.hpp>

#include <CLI/CLI.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace {

using lamina::Token;

struct CommandLine {
    any_model::Flags model;
    std::string tokenizer;
    std::string prompt;
    std::size_t tokens = 100;
    bool greedy = false;
    lamina::SamplingOptions sampling;
    std::uint64_t seed = 42;
};

void add_flags(CLI::App& app, CommandLine& line) {
    any_model::add_flags(app, line.model, line.tokenizer);
    app.add_option("--prompt", line.prompt, "what to write after (default: the beginning of a document)");
    app.add_option("--tokens", line.tokens,
                   "to write, fewer where the text ends; where the context is full, its second half is read again as "
                   "the first")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    CLI::Option* const temperature =
        app.add_option("--temperature", line.sampling.temperature, "0 for the most probable token each time")
            ->capture_default_str();
    app.add_option("--top-k", line.sampling.top_k, "draw from so many tokens, 0 for all")
        ->capture_default_str()
        ->check(CLI::NonNegativeNumber);
    app.add_option("--top-p", line.sampling.top_p, "draw from the most probable tokens that make up this much")
        ->capture_default_str();
    app.add_flag("--greedy", line.greedy, "the same as --temperature 0")->excludes(temperature);
    app.add_option("--seed", line.seed, "of the drawing")->capture_default_str()->check(CLI::NonNegativeNumber);
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

/// A text that grows token by token, and what the model makes of it. Its cache has a row for each token of a context.
class Writer {
public:
    Writer(any_model::Model& model, const lamina::Architecture& architecture, lamina::Sampler& sampler)
        : model_(model), sampler_(sampler), logits_(architecture.vocab) {}

    /// The token that follows `tokens`, which follow all that was given before.
    [[nodiscard]] Token next(std::span<const Token> tokens) {
        text_.insert(text_.end(), tokens.begin(), tokens.end());
        const std::size_t context = model_.cache_rows();
        if (text_.size() > context) {
            text_.erase(text_.begin(), text_.end() - static_cast<std::ptrdiff_t>((context + 1) / 2));
            cached_ = 0;
        }
        const std::array<lamina::Segment, 1> segment{
            {{.tokens = std::span(text_).subspan(cached_), .prefix = {0, cached_}, .store_at = cached_}}};
        const std::array<std::size_t, 1> last{segment[0].tokens.size() - 1};
        model_.logits(segment, last, logits_);
        cached_ = text_.size();
        return sampler_(std::span<const float>(logits_));
    }

private:
    any_model::Model& model_;
    lamina::Sampler& sampler_;
    std::vector<float> logits_;
    std::vector<Token> text_{};  // what is in the context
    std::size_t cached_ = 0;     // of it
};

void print(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
        throw lamina::FileError("standard output", "cannot be written: " + std::generic_category().message(errno));
    }
}

void run(CommandLine& line) {
    if (line.greedy) line.sampling.temperature = 0;
    lamina::Sampler sampler(line.sampling, line.seed);  // refuses bad options before anything is loaded
    const any_model::Found found = any_model::find(line.model);
    const std::size_t context = found.architecture.context;
    const any_model::Tokenizer tokenizer = any_model::open_tokenizer(found, line.tokenizer);
    std::vector<Token> prompt;
    tokenizer.encode(line.prompt, prompt);
    if (prompt.empty()) prompt.push_back(tokenizer.end_of_text());  // where every document begins
    if (prompt.size() > context) {
        throw lamina::ArgumentError("--prompt has " + std::to_string(prompt.size()) + " tokens, expected at most " +
                                    std::to_string(context) + ", the context of " + found.model);
    }
    const auto model = any_model::open(found, {.cache_rows = context});
    Writer writer(*model, found.architecture, sampler);

    lamina::text::Utf8Stream text;
    print(text.push(line.prompt));
    Stopwatch watch;
    Token token = writer.next(prompt);
    const double reading = watch.lap();
    std::size_t written = 0;
    std::size_t passes = 0;  // after the prompt's, which gave the first token
    while (token != tokenizer.end_of_text()) {
        print(text.push(tokenizer.decode(std::span(&token, 1))));
        if (++written == line.tokens) break;
        token = writer.next(std::span(&token, 1));
        ++passes;
    }
    const double writing = watch.lap();
    print(text.finish() + "\n");
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
