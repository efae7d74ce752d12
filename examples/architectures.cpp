// SPDX-License-Identifier: MIT
// architectures: three decoders that are not GPT-2, each a type expression of public parts, each trained for real.
#include "common/flags.hpp"
#include "common/header_corpus.hpp"
#include "common/program.hpp"

#include <lamina/core/error.hpp>
#include <lamina/lamina.hpp>
#include <lamina/text/byte_tokenizer.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace lamina;

constexpr Architecture shape{.layers = 2, .heads = 4, .embed = 64, .context = 64, .vocab = 257};
constexpr std::size_t width = shape.embed;

struct Swish {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T gate, T value) const {
        return value * gate * sigmoid(gate);
    }
    template <class T>
    LAMINA_HOST_DEVICE static T sigmoid(T x) {
        return T(0.5) * (T(1) + math::tanh(T(0.5) * x));
    }
};

struct SwishGateGradient {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T gate, T value, T d_y) const {
        const T s = Swish::sigmoid(gate);
        return d_y * value * s * (T(1) + gate * (T(1) - s));
    }
};

struct SwishValueGradient {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T gate, T d_y) const {
        return d_y * gate * Swish::sigmoid(gate);
    }
};

/// y = swish(gate) · value, where x = [gate | value]: the middle of a gated MLP (Shazeer 2020).
template <std::size_t Width, class P>
struct SwishGate {
    using Scalar = typename P::Activation;
    using Saved = NothingSaved;
    static constexpr std::size_t in = 2 * Width;
    static constexpr std::size_t out = Width;
    static constexpr bool token_wise = true;

    template <class Visitor>
    constexpr void visit(Visitor&&) {}

    template <class B>
    constexpr void forward(Pass<B>& pass, Rows<const Scalar, in> x, Rows<Scalar, out> y, Saved&) {
        pass.run(Map(y, Swish{}, gate(x), value(x)));
    }

    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const Scalar, in> x, const Saved&, Rows<const Scalar, out> d_y,
                            Rows<Scalar, in> d_x) {
        if (d_x.empty()) return;
        pass.run(Map(gate(d_x), SwishGateGradient{}, gate(x), value(x), d_y));
        pass.run(Map(value(d_x), SwishValueGradient{}, gate(x), d_y));
    }

private:
    static constexpr auto gate(const auto& x) { return x.template columns<0, Width>(); }       // [N, Width]
    static constexpr auto value(const auto& x) { return x.template columns<Width, Width>(); }  // [N, Width]
};
static_assert(Layer<SwishGate<8, Policies<>>>);

template <std::size_t Hidden, class P>
using GatedMlp = Sequential<Linear<width, 2 * Hidden, P>, SwishGate<Hidden, P>, ResidualLinear<Hidden, width, P>>;

template <class P>
using Attention = Named<"attn", CausalSelfAttention<width, shape.heads, P>>;

// GPT-2's own blocks with a learned squashing in place of the norm: another policy.
using DynamicTanhDecoder = Gpt2<shape, norm::DynamicTanh>;

// Attention and MLP read the same normalised input, as in GPT-J and PaLM.
template <class P>
using ParallelBlock = Residual<
    PreNorm<Named<"norm", LayerNorm<width, P>>, Parallel<Attention<P>, Named<"mlp", Mlp<width, 4 * width, P>>>>>;
using ParallelDecoder = Decoder<shape, Policies<>, ParallelBlock<Policies<>>, LayerNorm<width, Policies<>>>;

// RMSNorm before attention and before a gated MLP whose middle is the layer above, as in LLaMA.
template <class P>
using GatedBlock =
    Sequential<Named<"", Residual<PreNorm<Named<"norm_1", RmsNorm<width, P>>, Attention<P>>>>,
               Named<"", Residual<PreNorm<Named<"norm_2", RmsNorm<width, P>>, Named<"mlp", GatedMlp<3 * width, P>>>>>>;
using GatedDecoder = Decoder<shape, Policies<>, GatedBlock<Policies<>>, RmsNorm<width, Policies<>>>;

static_assert(contains_layer_norm<ParallelDecoder>);
static_assert(!contains_layer_norm<DynamicTanhDecoder> && !contains_layer_norm<GatedDecoder>);

/// Windows of a text, at random places or evenly spread.
class Windows {
public:
    Windows(std::span<const Token> tokens, std::size_t batch) : tokens_(tokens), batch_(batch) {}

    [[nodiscard]] TokenBatch random(Random& random) {
        return gather([&](std::size_t) { return random.below(tokens_.size() - shape.context); });
    }
    [[nodiscard]] TokenBatch spread() {
        return gather([&](std::size_t i) { return i * (tokens_.size() - shape.context - 1) / batch_; });
    }

private:
    template <class Place>
    TokenBatch gather(const Place& place) {
        inputs_.clear();
        targets_.clear();
        for (std::size_t i = 0; i < batch_; ++i) {
            const auto window = tokens_.subspan(place(i), shape.context + 1);
            inputs_.insert(inputs_.end(), window.begin(), window.end() - 1);
            targets_.insert(targets_.end(), window.begin() + 1, window.end());
        }
        return TokenBatch(inputs_, targets_, shape.context);
    }

    std::span<const Token> tokens_;
    std::size_t batch_;
    std::vector<Token> inputs_;
    std::vector<Token> targets_;
};

/// Trains one architecture and prints a line about it. Returns whether it learned at least `least` nats.
template <LanguageModel M>
bool learns(const char* name, std::span<const Token> text, std::size_t steps) {
    constexpr double least = 1.5;
    const std::size_t held_out = text.size() / 10;
    Windows training(text.first(text.size() - held_out), 8);
    Windows held_out_windows(text.last(held_out), 32);

    typename M::Backend backend;
    M model(backend);
    model.initialise(1);
    train::Trainer<M> trainer(model,
                              train::CosineWithMinimum{.peak = 4e-3, .minimum = 4e-4, .warmup = 10, .steps = steps});
    Random random{3};
    const double before = model.evaluate(held_out_windows.spread()).mean();
    double seconds = 0;
    for (std::size_t i = 0; i < steps; ++i) seconds += trainer.step([&] { return training.random(random); }).seconds;
    const double after = model.evaluate(held_out_windows.spread()).mean();
    const bool learned = before - after >= least;
    std::printf("%-32s %8zu %8.3f %8.3f %6.1f s%s\n", name, Manifest<M>::parameters, before, after, seconds,
                learned ? "" : "   did not learn");
    std::fflush(stdout);
    return learned;
}

/// Compares the backward of the layer above with central differences, alone and inside a gated MLP.
bool gradients_agree() {
    using P = Policies<precision::Fp64>;
    const double alone = check_gradient<SwishGate<5, P>>().worst;
    const double inside = check_gradient<GatedMlp<6, P>>().worst;
    std::printf("SwishGate against central differences: relative error %.1e alone, %.1e in a gated MLP\n\n", alone,
                inside);
    return alone < 1e-6 && inside < 1e-6;
}

std::vector<Token> header_text() {
    std::vector<Token> tokens;
    const text::ByteTokenizer tokenizer;
    for (const auto& document : common::header_documents(common::find_headers({.byte_budget = std::size_t{1} << 20}))) {
        tokenizer.encode(document.text, tokens);
        tokens.push_back(tokenizer.end_of_text());
    }
    return tokens;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Trains three small decoders that are not GPT-2 on the standard library's headers, byte by byte.",
                 "architectures");
    std::size_t steps = 150;
    common::add_count(app, "--steps", steps, "optimiser steps per architecture", {.least = 1, .most = 1'000'000});
    return common::run_program(app, argc, argv, [&] {
        if (!gradients_agree()) throw Error("the gradient of SwishGate is not that of its values");
        const std::vector<Token> text = header_text();
        std::printf(
            "%zu bytes of C++ headers, %zu steps of 8 x %zu tokens each; loss on held-out text, nats per byte\n\n",
            text.size(), steps, shape.context);
        std::printf("%-32s %8s %8s %8s\n", "architecture", "weights", "before", "after");
        bool all = learns<ParallelDecoder>("LayerNorm, attention beside MLP", text, steps);
        all &= learns<DynamicTanhDecoder>("DynamicTanh instead of a norm", text, steps);
        all &= learns<GatedDecoder>("RMSNorm, gated MLP", text, steps);
        if (!all) throw Error("not every architecture learned");
    });
}
