// SPDX-License-Identifier: MIT
#include <lamina/nn/sampling.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace lamina;

namespace {

/// Logits whose probabilities at temperature 1 are these.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
    std::vector<float> logits;
    for (const double p : probabilities) logits.push_back(static_cast<float>(3 + std::log(p)));
    return logits;
}

const std::vector<float> five = logits_of({0.1, 0.4, 0.05, 0.25, 0.2});

/// The tokens that may be drawn, with their probabilities.
std::vector<std::pair<Token, double>> drawn_from(const SamplingOptions& options, const std::vector<float>& logits) {
    Sampler sampler(options, 1);
    std::vector<std::pair<Token, double>> result;
    for (const auto& [token, probability] : sampler.distribution(std::span(logits))) {
        result.emplace_back(token, probability);
    }
    return result;
}

void check_distribution(const SamplingOptions& options, const std::vector<float>& logits,
                        const std::vector<std::pair<Token, double>>& expected) {
    const auto found = drawn_from(options, logits);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        CAPTURE(i);
        CHECK(found[i].first == expected[i].first);
        CHECK(found[i].second == Approx(expected[i].second).epsilon(1e-6));  // the logits are floats
    }
}

std::string objection(const SamplingOptions& options) {
    try {
        static_cast<void>(Sampler(options, 1));
    } catch (const ArgumentError& error) {
        return error.what();
    }
    return "";
}

std::string failure(const std::vector<float>& logits, const SamplingOptions& options = {}) {
    Sampler sampler(options, 1);
    try {
        static_cast<void>(sampler(std::span(logits)));
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("without options the distribution is the softmax", "[nn]") {
    check_distribution({}, five, {{0, 0.1}, {1, 0.4}, {2, 0.05}, {3, 0.25}, {4, 0.2}});
}

TEST_CASE("temperature is a power of the probabilities", "[nn]") {
    const double sum = 0.01 + 0.16 + 0.0025 + 0.0625 + 0.04;
    check_distribution({.temperature = 0.5}, five,
                       {{0, 0.01 / sum}, {1, 0.16 / sum}, {2, 0.0025 / sum}, {3, 0.0625 / sum}, {4, 0.04 / sum}});
    check_distribution({.temperature = 1e-300}, five, {{0, 0}, {1, 1}, {2, 0}, {3, 0}, {4, 0}});
    for (const auto& [token, probability] : drawn_from({.temperature = 1e6}, five)) {
        CHECK(probability == Approx(0.2).epsilon(1e-5));
    }
}

TEST_CASE("top-k keeps the k most probable tokens", "[nn]") {
    check_distribution({.top_k = 3}, five, {{1, 0.4 / 0.85}, {3, 0.25 / 0.85}, {4, 0.2 / 0.85}});
    check_distribution({.top_k = 1}, five, {{1, 1}});
    check_distribution({.top_k = 5}, five, drawn_from({}, five));
    check_distribution({.top_k = 500}, five, drawn_from({}, five));
}

TEST_CASE("top-p keeps the fewest tokens that reach p, the one that reaches it included", "[nn]") {
    check_distribution({.top_p = 0.39}, five, {{1, 1}});
    check_distribution({.top_p = 0.41}, five, {{1, 0.4 / 0.65}, {3, 0.25 / 0.65}});
    check_distribution({.top_p = 0.64}, five, {{1, 0.4 / 0.65}, {3, 0.25 / 0.65}});
    check_distribution({.top_p = 0.9}, five, {{1, 0.4 / 0.95}, {3, 0.25 / 0.95}, {4, 0.2 / 0.95}, {0, 0.1 / 0.95}});
    check_distribution({.top_p = 1e-9}, five, {{1, 1}});
}

TEST_CASE("temperature comes first, then top-k, then top-p", "[nn]") {
    // Of the squares 0.16, 0.0625 and 0.04 the first is 0.61 and the first two are 0.85.
    check_distribution({.temperature = 0.5, .top_k = 3, .top_p = 0.6}, five, {{1, 1}});
    check_distribution({.temperature = 0.5, .top_k = 3, .top_p = 0.7}, five,
                       {{1, 0.16 / 0.2225}, {3, 0.0625 / 0.2225}});
}

TEST_CASE("of equally probable tokens those with lower numbers are kept", "[nn]") {
    const std::vector<float> equal(6, 2.0F);
    check_distribution({.top_k = 2}, equal, {{0, 0.5}, {1, 0.5}});
    check_distribution({.top_p = 0.4}, equal, {{0, 1.0 / 3}, {1, 1.0 / 3}, {2, 1.0 / 3}});
    check_distribution({.temperature = 0}, equal, {{0, 1}});
    check_distribution({.top_k = 3}, logits_of({0.1, 0.2, 0.2, 0.2, 0.3}), {{4, 3.0 / 7}, {1, 2.0 / 7}, {2, 2.0 / 7}});
}

TEST_CASE("temperature 0 is greedy, whatever the seed and the other options", "[nn]") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Sampler sampler({.temperature = 0, .top_k = 4, .top_p = 0.9}, seed);
        CHECK(sampler(std::span(five)) == 1);
    }
}

TEST_CASE("tokens are drawn as often as they are probable, and the same seed draws the same ones", "[nn]") {
    Sampler sampler({.top_k = 3}, 5);
    Sampler twin({.top_k = 3}, 5);
    Sampler other({.top_k = 3}, 6);
    std::map<Token, int> counts;
    bool differs = false;
    constexpr int draws = 20000;
    for (int i = 0; i < draws; ++i) {
        const Token token = sampler(std::span(five));
        ++counts[token];
        REQUIRE(twin(std::span(five)) == token);
        differs = other(std::span(five)) != token || differs;
    }
    CHECK(differs);
    CHECK(counts.size() == 3);
    // Four standard deviations of a count are at most 4 · sqrt(20000 / 4) = 283.
    CHECK(std::abs(counts[1] - draws * 0.4 / 0.85) < 283);
    CHECK(std::abs(counts[3] - draws * 0.25 / 0.85) < 283);
}

TEST_CASE("a token without probability is never drawn", "[nn]") {
    constexpr float never = -std::numeric_limits<float>::infinity();
    Sampler sampler({}, 7);
    for (int i = 0; i < 1000; ++i) {
        const std::array<float, 4> logits{never, 1.0F, 1.5F, never};
        const Token token = sampler(std::span<const float>(logits));
        CHECK((token == 1 || token == 2));
    }
}

TEST_CASE("logits in double are drawn from as well", "[nn]") {
    Sampler sampler({.temperature = 0}, 1);
    const std::vector<double> logits{-1e300, 1e300, 0};
    CHECK(sampler(std::span(logits)) == 1);
    Sampler hot({}, 1);
    CHECK(hot(std::span(logits)) == 1);
}

TEST_CASE("options out of range are refused in one sentence", "[nn]") {
    CHECK(objection({}) == "");
    CHECK(objection({.temperature = -1}) ==
          "lamina: sampling: temperature is -1.000000, expected 0 or a positive number");
    CHECK(objection({.temperature = std::nan("")}) != "");
    CHECK(objection({.temperature = INFINITY}) != "");
    CHECK(objection({.top_p = 0}) == "lamina: sampling: top-p is 0.000000, expected above 0, at most 1");
    CHECK(objection({.top_p = 1.5}) != "");
    CHECK(objection({.top_p = std::nan("")}) != "");
}

TEST_CASE("logits that are no numbers are named", "[nn]") {
    const float nan = std::nanf("");
    CHECK(failure({0, nan, 1}) == "lamina: sampling: the logit of token 1 is nan, expected a finite number");
    CHECK(failure({0, nan, 1}, {.temperature = 0}) != "");
    CHECK(failure({INFINITY, 0}) == "lamina: sampling: the logit of token 0 is inf, expected a finite number");
    CHECK(failure({-INFINITY, -INFINITY}) == "lamina: sampling: no logit is finite, so there is no token to draw");
    CHECK(failure({}) == "lamina: sampling: no logit is finite, so there is no token to draw");
}
