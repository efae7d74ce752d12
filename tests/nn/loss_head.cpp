// SPDX-License-Identifier: MIT
#include <lamina/nn/loss_head.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <set>
#include <vector>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

/// A backend that wants products of few different numbers of rows, and notes those that it gets.
class WantsMultiples : public CpuBackend {
public:
    static constexpr std::size_t row_multiple = 128;

    WantsMultiples() : CpuBackend({.threads = 2}) {}

    /// Of logits: products with as many columns as the vocabulary has tokens.
    std::set<std::size_t> rows_of_logits{};

    template <class Request>
    decltype(auto) run(const Request& request) {
        if constexpr (requires { request.lhs_as; }) {
            if (request.out.cols == 7) rows_of_logits.insert(request.out.rows);
        }
        return CpuBackend::run(request);
    }
};

struct Multiples {
    using answers = question::Device;
};

/// Without blocks' influence: one block, and more tokens than one chunk of logits holds.
constexpr Architecture long_context{.layers = 1, .heads = 1, .embed = 4, .context = 700, .vocab = 7};

/// 700 tokens, the first `count` of which carry loss.
struct LossBatch {
    static constexpr std::size_t tokens = 700;
    std::vector<Token> ids = std::vector<Token>(tokens);
    std::vector<Token> targets = std::vector<Token>(tokens, ignored_target);

    explicit LossBatch(std::size_t count) {
        for (std::size_t i = 0; i < tokens; ++i) {
            ids[i] = static_cast<Token>(i * i % 7);
            if (i < count) targets[i] = static_cast<Token>((i + 1) % 7);
        }
    }
    [[nodiscard]] TokenBatch batch() const { return {ids, targets, tokens}; }
};

/// Loss and all gradients.
template <class M>
std::vector<double> training_of(M& model, const LossBatch& batch) {
    model.zero_gradients();
    std::vector<double> result{model.forward_backward(batch.batch()).cross_entropy.sum,
                               model.evaluate(batch.batch()).sum};
    for (const Role role : {Role::embedding, Role::weight, Role::norm, Role::head}) {
        const auto gradients = model.gradients(role);
        result.insert(result.end(), gradients.data, gradients.data + gradients.size());
    }
    return result;
}

}  // namespace

template <>
struct lamina::BackendOf<Multiples> {
    using type = WantsMultiples;
};

TEST_CASE("only rows with a target carry loss", "[nn]") {
    const std::array<Token, 5> targets{3, ignored_target, 0, ignored_target, 9};
    LossRows rows;
    rows.collect(targets);
    CHECK(rows.rows == std::vector<std::size_t>{0, 2, 4});
    CHECK(rows.targets == std::vector<Token>{3, 0, 9});
    rows.collect(std::array<Token, 1>{ignored_target});
    CHECK(rows.rows.empty());
}

TEST_CASE("the loss does not depend on how many chunks of logits it takes", "[nn]") {
    BackendFor<device::Cpu> backend;
    Gpt2<long_context, precision::Fp64> model(backend);
    model.initialise(1);
    constexpr std::size_t tokens = 700;
    STATIC_REQUIRE(tokens > BackendFor<device::Cpu>::logits_rows);
    std::vector<Token> ids(tokens);
    std::vector<Token> targets(tokens);
    for (std::size_t i = 0; i < tokens; ++i) {
        ids[i] = static_cast<Token>(i * i % 7);
        targets[i] = i % 3 == 0 ? ignored_target : static_cast<Token>((i + 1) % 7);
    }
    std::vector<double> losses(tokens);
    const LossSum sum = model.evaluate({ids, targets, tokens}, losses);
    std::vector<double> logits(tokens * 7);
    model.logits(ids, {1, tokens}, tokens, logits);
    double expected = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < tokens; ++i) {
        if (targets[i] == ignored_target) {
            CHECK(losses[i] == 0);
            continue;
        }
        double denominator = 0;
        for (std::size_t v = 0; v < 7; ++v) denominator += std::exp(logits[i * 7 + v]);
        const double loss = std::log(denominator) - logits[i * 7 + static_cast<std::size_t>(targets[i])];
        CHECK(losses[i] == Approx(loss).epsilon(1e-12));
        expected += loss;
        ++count;
    }
    CHECK(sum.count == count);
    CHECK(sum.sum == Approx(expected).epsilon(1e-12));
}

TEST_CASE("where the backend wants it, chunks have few different numbers of rows, and losses and gradients stay",
          "[nn]") {
    WantsMultiples backend;
    Gpt2<long_context, precision::Fp64, trainable::Everything, head::UntiedWithBias, Multiples> model(backend);
    model.initialise(1);
    BackendFor<device::Cpu> cpu({.threads = 2});
    Gpt2<long_context, precision::Fp64, trainable::Everything, head::UntiedWithBias, device::Cpu> plain(cpu);
    plain.initialise(1);
    for (const std::size_t count : {1, 2, 127, 128, 129, 300, 511, 512, 513, 600, 699, 700}) {
        const LossBatch batch(count);
        const auto padded = training_of(model, batch);
        const auto expected = training_of(plain, batch);
        REQUIRE(padded.size() == expected.size());
        // Rows of zeros may change how a sum of up to 700 terms is split, and nothing else.
        for (std::size_t i = 0; i < padded.size(); ++i)
            CHECK(padded[i] == Approx(expected[i]).epsilon(1e-12).margin(1e-14));
    }
    CHECK(backend.rows_of_logits == std::set<std::size_t>{128, 256, 384, 512});
}
