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
#include <lamina/nn/run/plan.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

/// A backend that wants products of few different numbers of rows and of a vocabulary of thirty-twos, and notes the rows
/// that it gets.
class WantsMultiples : public CpuBackend {
public:
    static constexpr std::size_t row_multiple = 128;
    static constexpr std::size_t vocabulary_multiple = 32;

    WantsMultiples() : CpuBackend({.threads = 2}) {}

    /// Of logits: products with as many columns as the vocabulary, padded, has tokens.
    std::set<std::size_t> rows_of_logits{};

    template <class Request>
    decltype(auto) run(const Request& request) {
        if constexpr (requires { request.lhs_as; }) {
            if (request.out.cols == 32) rows_of_logits.insert(request.out.rows);
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
    model.for_each_trained_tensor([&](const auto& tensor) {
        result.insert(result.end(), tensor.gradient.data, tensor.gradient.data + tensor.gradient.size());
    });
    return result;
}

template <class HeadChoice, class Device>
using LongModel = Gpt2<long_context, precision::Fp64, trainable::Everything, HeadChoice, Device>;

/// What is neither 0 among the values and the gradients behind the rows of the vocabulary.
template <class M>
std::size_t written_padding(M& model) {
    std::size_t count = 0;
    const auto look_at = [&](const auto& all, const auto& own) {
        for (std::size_t i = own.size(); i < all.size(); ++i) count += all.data[i] != 0 ? 1U : 0U;  // true of NaN
    };
    const auto head = model.layers().training_head();
    if constexpr (M::Policies::Head::own_weight) {
        look_at(head.weight, model.layers().head_weight.weight.values);
        look_at(head.d_weight, model.layers().head_weight.weight.gradient);
    } else {
        look_at(head.weight, model.layers().token_table.values);
        look_at(head.d_weight, model.layers().token_table.gradient);
    }
    return count;
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
    STATIC_REQUIRE(tokens > BackendFor<device::Cpu>::logits_rows(11));
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
    LongModel<head::UntiedWithBias, Multiples> model(backend);
    model.initialise(1);
    BackendFor<device::Cpu> cpu({.threads = 2});
    LongModel<head::UntiedWithBias, device::Cpu> plain(cpu);
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

TEMPLATE_TEST_CASE("rows of zeros behind the vocabulary's change nothing and stay zeros", "[nn]", head::Tied,
                   head::UntiedWithBias) {
    WantsMultiples backend;
    LongModel<TestType, Multiples> model(backend);
    model.initialise(1);
    BackendFor<device::Cpu> cpu({.threads = 2});
    LongModel<TestType, device::Cpu> plain(cpu);
    plain.initialise(1);
    REQUIRE(model.layers().training_head().weight.rows == 32);
    REQUIRE(model.layers().training_head().d_weight.rows == 32);
    REQUIRE(plain.layers().training_head().weight.rows == 7);
    const LossBatch batch(600);
    for (int step = 0; step < 3; ++step) {
        const auto padded = training_of(model, batch);
        const auto expected = training_of(plain, batch);
        REQUIRE(padded.size() == expected.size());
        for (std::size_t i = 0; i < padded.size(); ++i)
            CHECK(padded[i] == Approx(expected[i]).epsilon(1e-11).margin(1e-13));
        for (const Role role : {Role::embedding, Role::head}) {
            const double squares = backend.run(SumOfSquares(model.gradients(role).read_only()));
            CHECK(squares == Approx(cpu.run(SumOfSquares(plain.gradients(role).read_only()))).epsilon(1e-11));
        }
        CHECK(written_padding(model) == 0);
        const auto descend = [](const auto& tensor) {
            for (std::size_t i = 0; i < tensor.values.size(); ++i) {
                tensor.values.data[i] -= 0.5 * tensor.gradient.data[i];
            }
        };
        model.for_each_trained_tensor(descend);
        model.parameters_changed();
        plain.for_each_trained_tensor(descend);
        plain.parameters_changed();
    }
    std::vector<double> logits(700 * 7);
    model.logits(batch.ids, {1, 700}, 700, logits);
    std::vector<double> expected(700 * 7);
    plain.logits(batch.ids, {1, 700}, 700, expected);
    for (std::size_t i = 0; i < logits.size(); ++i)
        CHECK(logits[i] == Approx(expected[i]).epsilon(1e-11).margin(1e-13));
}

TEST_CASE("rows of zeros are memory, not parameters", "[nn]") {
    using Padded = LongModel<head::Untied, Multiples>;
    using Plain = LongModel<head::Untied, device::Cpu>;
    constexpr std::size_t zeros = 25 * 4 * sizeof(double);
    STATIC_REQUIRE(Manifest<Padded>::parameters == Manifest<Plain>::parameters);
    STATIC_REQUIRE(Manifest<Padded>::entries.back().size == 7 * 4);
    STATIC_REQUIRE(Manifest<Padded>::entries.back().rows() == 7);
    STATIC_REQUIRE(Manifest<Padded>::entries.back().padding == 25 * 4);
    STATIC_REQUIRE(Manifest<Padded>::entries.front().padding == 0);
    STATIC_REQUIRE(Manifest<LongModel<head::Tied, Multiples>>::entries.front().padding == 25 * 4);
    constexpr Plan padded = plan<Padded>({1, 700});
    constexpr Plan plain = plan<Plain>({1, 700});
    STATIC_REQUIRE(padded.parameter_bytes() ==
                   plain.parameter_bytes() + aligned_size(28 * 8 + zeros) - aligned_size(28 * 8));
    STATIC_REQUIRE(padded.moments == plain.moments);
    STATIC_REQUIRE(padded.flops.forward == plain.flops.forward);
}
