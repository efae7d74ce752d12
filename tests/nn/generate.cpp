// SPDX-License-Identifier: MIT
#include <lamina/nn/generate.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

using Model = Gpt2<tiny, precision::Fp64>;

/// The same without a cache: whatever the model sees passes through it for every token.
std::vector<Token> written_without_cache(Model& model, std::vector<Token> text, const GenerateOptions& options) {
    Sampler sampler = options.sampler();
    std::vector<double> last(tiny.vocab);
    std::vector<Token> written;
    while (written.size() < options.tokens) {
        if (text.size() > tiny.context) text.erase(text.begin(), text.end() - (tiny.context + 1) / 2);
        model.logits(text, {1, text.size()}, 1, last);
        written.push_back(sampler(std::span<const double>(last)));
        text.push_back(written.back());
    }
    return written;
}

}  // namespace

TEST_CASE("what is written follows from the prompt and, beyond the context, from its second half", "[nn]") {
    Cpu backend;
    Model model(backend);
    set_parameters(model, 1);
    const std::vector<Token> prompt{1, 2, 3, 4};
    for (const double temperature : {0.0, 1.0}) {
        for (const std::size_t tokens : {std::size_t{1}, std::size_t{3}, 4 * tiny.context}) {
            CAPTURE(temperature, tokens);
            const GenerateOptions options{.tokens = tokens, .temperature = temperature, .seed = 3};
            CHECK(generate(model, prompt, options) == written_without_cache(model, prompt, options));
        }
    }
}

TEST_CASE("the seed and the options of sampling decide what is written", "[nn]") {
    Cpu backend;
    Model model(backend);
    set_parameters(model, 1);
    const std::vector<Token> prompt{1};
    const auto with = [&](const GenerateOptions& options) { return generate(model, prompt, options); };
    CHECK(with({}).size() == 100);
    CHECK(with({.seed = 1}) == with({.seed = 1}));
    CHECK(with({.seed = 1}) != with({.seed = 2}));
    CHECK(with({.top_k = 1}) == with({.temperature = 0}));
    CHECK(with({.top_p = 1e-9}) == with({.temperature = 0}));
    CHECK(with({.tokens = 0}).empty());
}

TEST_CASE("a text ends before the end-of-text token that is drawn, and not where none is named", "[nn]") {
    Cpu backend;
    Model model(backend);
    set_parameters(model, 1);
    const std::vector<Token> prompt{1, 2};
    const std::vector<Token> endless = generate(model, prompt, {.tokens = 60});
    REQUIRE(endless.size() == 60);
    const auto end = std::find(endless.begin(), endless.end(), endless[7]);
    CHECK(generate(model, prompt, {.tokens = 60, .end_of_text = endless[7]}) == std::vector(endless.begin(), end));
}

TEST_CASE("a prompt that cannot be continued is refused in one sentence", "[nn]") {
    Cpu backend;
    Model model(backend);
    set_parameters(model, 1);
    CHECK_THROWS_WITH(
        generate(model, {}),
        "lamina: generate: the prompt has no token; give it the tokenizer's end_of_text(), as documents begin");
    CHECK_THROWS_WITH(generate(model, std::vector<Token>(7, 1)),
                      "lamina: generate: the prompt has 7 tokens, expected at most 6");
    CHECK_THROWS_AS(generate(model, std::vector<Token>{11}), ArgumentError);
    CHECK_THROWS_AS(generate(model, std::vector<Token>{1}, {.temperature = -1}), ArgumentError);
    // A cache may have less room than a context.
    KeyValueCache<Model> cache(backend, 2);
    const std::vector<Token> three{1, 2, 3};
    CHECK_THROWS_WITH(generate(model, cache, three, {}, [](Token) {}),
                      "lamina: generate: the prompt has 3 tokens, expected at most 2");
}
