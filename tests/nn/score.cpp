// SPDX-License-Identifier: MIT
#include <lamina/nn/score.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <lamina/removal/fold.hpp>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

// End-of-text, which norms may treat apart, stands first, in the middle and last.
const std::vector<Token> tokens{4, 1, 5, 4, 10, 4};
static_assert(end_of_text == 4);

template <class M>
M prepared(Cpu& backend, Progress progress = Progress::real) {
    M model(backend);
    set_parameters(model, 1);
    set_progress(model, progress);
    return model;
}

/// Logits of every position, [T, V], without a cache.
template <class M>
std::vector<double> uncached(M& model, std::span<const Token> sequence) {
    std::vector<typename M::Compute> out(sequence.size() * tiny.vocab);
    model.logits(sequence, {1, sequence.size()}, sequence.size(), out);
    return {out.begin(), out.end()};
}

/// Logits of every row of one pass, [N, V].
template <class M>
std::vector<double> cached(M& model, KeyValueCache<M>& cache, const std::vector<Segment>& segments) {
    std::vector<std::size_t> rows;
    for (const Segment& segment : segments) {
        for (std::size_t i = 0; i < segment.tokens.size(); ++i) rows.push_back(rows.size());
    }
    std::vector<typename M::Compute> out(rows.size() * tiny.vocab);
    logits(model, cache, segments, rows, std::span(out));
    return {out.begin(), out.end()};
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.size() != b.size()) return INFINITY;
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double difference = std::abs(a[i] - b[i]);
        largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
    }
    return largest;
}

std::vector<double> rows_of(const std::vector<double>& logits, std::size_t first, std::size_t count) {
    const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(first * tiny.vocab);
    return {begin, begin + static_cast<std::ptrdiff_t>(count * tiny.vocab)};
}

/// The largest difference between the logits of a sequence and those of its pieces, for every size of pieces.
template <class M>
double difference_in_pieces(M& model) {
    const std::vector<double> whole = uncached(model, tokens);
    double worst = 0;
    for (std::size_t piece = 1; piece <= tokens.size(); ++piece) {
        KeyValueCache<M> cache(model.backend(), 9);
        for (std::size_t first = 0; first < tokens.size(); first += piece) {
            const std::size_t count = std::min(piece, tokens.size() - first);
            const Segment segment{std::span(tokens).subspan(first, count), {2, first}, 2 + first};
            worst = std::max(worst, largest_difference(cached(model, cache, {segment}), rows_of(whole, first, count)));
        }
    }
    return worst;
}

template <class... Ps>
double difference_of(Progress progress = Progress::real) {
    Cpu backend;
    auto model = prepared<Gpt2<tiny, Ps...>>(backend, progress);
    return difference_in_pieces(model);
}

double log_probability(const std::vector<double>& logits, std::size_t row, Token target) {
    double sum = 0;
    for (std::size_t v = 0; v < tiny.vocab; ++v) sum += std::exp(logits[row * tiny.vocab + v]);
    return logits[row * tiny.vocab + static_cast<std::size_t>(target)] - std::log(sum);
}

template <class F>
std::string objection(const F& f) {
    try {
        f();
    } catch (const ArgumentError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("cached logits are the uncached ones to 1e-12 in double, in every state of the norms", "[nn]") {
    using precision::Fp64;
    CHECK(difference_of<Fp64>() < 1e-12);
    for (const Progress progress : {Progress::real, Progress::mixed, Progress::fixed, Progress::end_of_text_apart,
                                    Progress::first_position_apart}) {
        CAPTURE(int(progress));
        CHECK(difference_of<Fp64, norm::Removable, adapter::FullRank>(progress) < 1e-12);
    }
    CHECK(difference_of<Fp64, norm::RmsNorm>() < 1e-12);
    CHECK(difference_of<Fp64, norm::DynamicTanh>() < 1e-12);
}

TEST_CASE("cached logits are the uncached ones to 1e-5 in float, in every state of the norms", "[nn]") {
    CHECK(difference_of<>() < 1e-5);
    for (const Progress progress : {Progress::real, Progress::mixed, Progress::fixed, Progress::end_of_text_apart,
                                    Progress::first_position_apart}) {
        CAPTURE(int(progress));
        CHECK(difference_of<norm::Removable, adapter::FullRank, trainable::Nothing>(progress) < 1e-5);
    }
}

TEST_CASE("cached logits follow every execution of adapters, every precision and every head", "[nn]") {
    using precision::Fp64;
    using Lora = adapter::Lora<2>;
    CHECK(difference_of<Fp64, Lora, execution::Factored, norm::Removable>(Progress::mixed) < 1e-12);
    CHECK(difference_of<Fp64, Lora, execution::Split, norm::Removable>(Progress::mixed) < 1e-12);
    CHECK(difference_of<Fp64, head::Untied>() < 1e-12);
    CHECK(difference_of<Fp64, head::UntiedWithBias, norm::Absent>() < 1e-12);
    CHECK(difference_of<precision::FrozenBf16, adapter::FullRank>() < 1e-5);
    // Sums that differ in their last bits may round to neighbouring bf16. The logits of such a model, below 2, are within
    // 0.03 of those in float (39 seeds), all roundings together: two passes that share none of them are within twice that.
    CHECK(difference_of<precision::AllBf16>() < 0.06);
}

TEST_CASE("cached logits of a folded model are the uncached ones", "[nn]") {
    Cpu backend;
    auto in_double =
        fold(prepared<Gpt2<tiny, precision::Fp64, norm::Removable, adapter::FullRank>>(backend, Progress::fixed));
    CHECK(difference_in_pieces(in_double) < 1e-12);
    auto in_float = fold(prepared<Gpt2<tiny, norm::Removable, adapter::FullRank>>(backend, Progress::fixed));
    CHECK(difference_in_pieces(in_float) < 1e-5);
}

TEST_CASE("a block with several attentions caches each of them", "[nn]") {
    using P = Policies<precision::Fp64>;
    using Attention = CausalSelfAttention<8, 2, P>;
    using Block = Sequential<Named<"a", Residual<Attention>>, Named<"b", Residual<Parallel<Attention, Attention>>>>;
    Cpu backend;
    auto model = prepared<Decoder<tiny, P, Block>>(backend);
    CHECK(difference_in_pieces(model) < 1e-12);
}

TEST_CASE("segments of different lengths share prefixes, in any order", "[nn]") {
    using M = Gpt2<tiny, precision::Fp64, norm::Removable, adapter::FullRank>;
    Cpu backend;
    M model = prepared<M>(backend, Progress::first_position_apart);
    KeyValueCache<M> cache(backend, 20);
    const std::vector<Token> one{4, 1, 5, 4};
    const std::vector<Token> other{7, 2};
    // Nothing is wanted of this pass.
    logits(model, cache, std::vector<Segment>{{other, {}, 17}, {one, {}, 3}}, {}, {});

    const std::vector<Token> ending{9, 4};
    const std::vector<Token> longer{3, 3, 4, 8};
    struct Piece {
        const std::vector<Token>* beginning;
        std::size_t length;
        const std::vector<Token>* end;
    };
    std::vector<Piece> pieces{{&one, 4, &ending}, {&other, 2, &longer}, {&one, 4, &other},   {&one, 2, &longer},
                              {&one, 0, &ending}, {&other, 1, &one},    {&other, 0, &longer}};
    for (int order = 0; order < 3; ++order) {
        CAPTURE(order);
        std::vector<Segment> segments;
        std::vector<double> expected;
        for (const Piece& piece : pieces) {
            segments.push_back({*piece.end, {piece.beginning == &one ? 3U : 17U, piece.length}});
            std::vector<Token> whole(piece.beginning->begin(),
                                     piece.beginning->begin() + static_cast<std::ptrdiff_t>(piece.length));
            whole.insert(whole.end(), piece.end->begin(), piece.end->end());
            const auto logits_of_whole = uncached(model, whole);
            const auto end = rows_of(logits_of_whole, piece.length, piece.end->size());
            expected.insert(expected.end(), end.begin(), end.end());
        }
        CHECK(largest_difference(cached(model, cache, segments), expected) < 1e-12);
        std::rotate(pieces.begin(), pieces.begin() + 3, pieces.end());
    }
}

TEST_CASE("a score is the log-probability of a token, however often and in whatever order rows are asked", "[nn]") {
    using M = Gpt2<tiny, precision::Fp64>;
    Cpu backend;
    M model = prepared<M>(backend);
    KeyValueCache<M> cache(backend, 6);
    const std::vector<Token> first{1, 2, 3};
    const std::vector<Token> second{9, 8};
    const std::vector<Segment> segments{{first, {}, 0}, {second, {}}};
    std::vector<double> all = uncached(model, first);
    const std::vector<double> rest = uncached(model, second);
    all.insert(all.end(), rest.begin(), rest.end());

    const std::vector<WantedToken> wanted{{4, 0}, {2, 7}, {4, 10}, {0, 2}, {2, 7}, {4, 3}, {2, 1}};
    const std::vector<double> scores = score(model, cache, segments, wanted);
    REQUIRE(scores.size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        CAPTURE(i);
        CHECK(scores[i] == Approx(log_probability(all, wanted[i].row, wanted[i].target)).epsilon(1e-12));
    }
    CHECK(score(model, cache, segments, std::vector<WantedToken>{}).empty());
    CHECK(score(model, cache, std::vector<Segment>{}, std::vector<WantedToken>{}).empty());
}

TEST_CASE("endings of one context are scored after it has passed through the model once", "[nn]") {
    using M = Gpt2<tiny, precision::Fp64>;
    Cpu backend;
    M model = prepared<M>(backend);
    const std::vector<Token> context{1, 2, 3};
    const std::vector<Token> yes{9, 8};
    const std::vector<Token> no{7, 6};

    KeyValueCache<M> cache(backend, context.size());
    const std::array<Segment, 1> beginning{{{.tokens = context, .store_at = 0}}};
    logits(model, cache, beginning, {}, {});
    const CachedPrefix seen{.row = 0, .length = context.size()};
    const std::array<Segment, 2> endings{{{.tokens = yes, .prefix = seen}, {.tokens = no, .prefix = seen}}};
    // Rows are counted over all segments: 0 and 1 are `yes`, 2 and 3 are `no`.
    const std::array<WantedToken, 2> wanted{{{.row = 0, .target = yes[1]}, {.row = 2, .target = no[1]}}};
    const std::vector<double> log_probabilities = score(model, cache, endings, wanted);

    CHECK(log_probabilities[0] ==
          Approx(log_probability(uncached(model, std::vector<Token>{1, 2, 3, 9}), 3, 8)).epsilon(1e-12));
    CHECK(log_probabilities[1] ==
          Approx(log_probability(uncached(model, std::vector<Token>{1, 2, 3, 7}), 3, 6)).epsilon(1e-12));
}

TEST_CASE("more rows are scored than are computed at a time", "[nn]") {
    using M = Gpt2<tiny, precision::Fp64>;
    Cpu backend;
    M model = prepared<M>(backend);
    KeyValueCache<M> cache(backend, 0);
    const std::vector<Segment> segments(120, Segment{tokens});  // 720 tokens, far beyond one context
    std::vector<WantedToken> wanted;
    for (std::size_t row = 720; row-- > 0;) wanted.push_back({row, static_cast<Token>(row % 11)});
    static_assert(720 > CpuBackend::logits_rows(11));
    const std::vector<double> scores = score(model, cache, segments, wanted);
    const std::vector<double> all = uncached(model, tokens);
    double worst = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const double expected = log_probability(all, wanted[i].row % tokens.size(), wanted[i].target);
        worst = std::max(worst, std::abs(scores[i] - expected));
    }
    CHECK(worst < 1e-12);
}

TEST_CASE("logits of one row are asked for more often than there are tokens", "[nn]") {
    using M = Gpt2<tiny, precision::Fp64>;
    Cpu backend;
    M model = prepared<M>(backend);
    KeyValueCache<M> cache(backend, 0);
    std::vector<std::size_t> rows(1001, 5);
    rows[500] = 2;
    std::vector<double> out(rows.size() * tiny.vocab);
    logits(model, cache, std::vector<Segment>{{tokens}}, rows, std::span(out));
    const std::vector<double> all = uncached(model, tokens);
    double worst = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        worst = std::max(worst, largest_difference(rows_of(out, i, 1), rows_of(all, rows[i], 1)));
    }
    CHECK(worst < 1e-12);
}

TEST_CASE("scoring leaves the norms' averages alone, even where evaluations move them", "[nn]") {
    using M = Gpt2<tiny, norm::Removable, adapter::FullRank>;
    Cpu backend;
    M model = prepared<M>(backend);
    std::vector<double> before;
    const auto averages = [&] {
        std::vector<double> found;
        for_each_norm_state(model, [&](const RemovableState& state, std::size_t) { found.push_back(state.average); });
        return found;
    };
    for_each_norm_state(
        model, [](RemovableState& state, std::size_t) { state.tracking.evaluation = EvaluationPasses::averaged; });
    before = averages();
    KeyValueCache<M> cache(backend, 0);
    static_cast<void>(score(model, cache, std::vector<Segment>{{tokens}}, std::vector<WantedToken>{{0, 1}}));
    CHECK(averages() == before);
    CHECK(before.size() == 5);
}

namespace {

/// A model whose stream is float and whose attentions compute in bf16, in float, or one after another in either.
template <class... Attentions>
using Mixed =
    Decoder<tiny, Policies<>,
            Sequential<Residual<PreNorm<LayerNorm<8, Attentions>, CausalSelfAttention<8, 2, Attentions>>>...>>;

}  // namespace

TEMPLATE_TEST_CASE("attentions of another precision than the model's keep keys and values in their own", "[nn]",
                   (Mixed<Policies<precision::MixedBf16>>),
                   (Mixed<Policies<precision::MixedBf16>, Policies<>, Policies<precision::MixedBf16>>)) {
    Cpu backend;
    TestType model = prepared<TestType>(backend);
    KeyValueCache<TestType> cache(backend, 6);
    const std::vector<double> whole = uncached(model, tokens);
    double scale = 0;
    for (const double logit : whole) scale = std::max(scale, std::abs(logit));
    // Both passes round at the same places, but add in another order, which may turn a rounding to bf16 the other way:
    // by 2^-8 of the value, at the norm, the projection, the heads and the output of at most three attentions.
    const double bar = 12 * std::ldexp(1, -8) * scale;
    const std::span<const Token> all(tokens);
    CHECK(largest_difference(cached(model, cache, {{all.first(4), {}, 0}}), rows_of(whole, 0, 4)) < bar);
    CHECK(largest_difference(cached(model, cache, {{all.subspan(4), {0, 4}}}), rows_of(whole, 4, 2)) < bar);
}

TEST_CASE("passes with and without a cache may alternate", "[nn]") {
    using M = Gpt2<tiny, precision::Fp64, adapter::Lora<2>>;
    Cpu backend;
    M model = prepared<M>(backend);
    KeyValueCache<M> cache(backend, 6);
    const std::vector<double> whole = uncached(model, tokens);
    const std::span<const Token> all(tokens);
    CHECK(largest_difference(cached(model, cache, {{all.first(4), {}, 0}}), rows_of(whole, 0, 4)) < 1e-12);
    static_cast<void>(model.evaluate(SampleBatch{}));
    model.zero_gradients();
    static_cast<void>(model.forward_backward(SampleBatch{}));
    CHECK(largest_difference(cached(model, cache, {{all.subspan(4), {0, 4}}}), rows_of(whole, 4, 2)) < 1e-12);
}

TEST_CASE("what cannot be scored is refused in one sentence", "[nn]") {
    using M = Gpt2<tiny>;
    Cpu backend;
    M model = prepared<M>(backend);
    KeyValueCache<M> cache(backend, 3);
    const auto said = [&](const Segment& segment, const WantedToken& wanted) {
        return objection([&] {
            static_cast<void>(score(model, cache, std::vector<Segment>{segment}, std::vector<WantedToken>{wanted}));
        });
    };
    const std::vector<std::size_t> beyond{0, 6};
    std::vector<float> out(beyond.size() * tiny.vocab);
    CHECK(objection([&] { logits(model, cache, std::vector<Segment>{{tokens}}, beyond, std::span(out)); }) ==
          "lamina: cached pass: row 6 is wanted, expected one of the 6 of the packed batch");
    for (const std::size_t room : {std::size_t{21}, std::size_t{23}}) {
        std::vector<float> other(room);
        CHECK(
            objection([&] {
                logits(model, cache, std::vector<Segment>{{tokens}}, std::vector<std::size_t>{0, 5}, std::span(other));
            }) == "lamina: logits: room for " + std::to_string(room) + " numbers, expected 11 for each of 2 rows");
    }
    for (const std::size_t room : {std::size_t{1}, std::size_t{3}}) {
        std::vector<double> other(room);
        CHECK(objection([&] {
                  score(model, cache, std::vector<Segment>{{tokens}}, std::vector<WantedToken>{{0, 1}, {5, 2}},
                        std::span(other));
              }) == "lamina: score: room for " + std::to_string(room) +
                        " log-probabilities, expected 2, one per wanted token");
    }
    const std::vector<Token> foreign{1, 11};
    const std::vector<Token> long_text(7, 1);
    CHECK(said({tokens}, {5, 0}) == "");
    CHECK(said({tokens}, {6, 0}) == "lamina: cached pass: row 6 is wanted, expected one of the 6 of the packed batch");
    CHECK(said({tokens}, {0, 11}) ==
          "lamina: token 11: expected 0 to 10; was the text encoded with this model's tokenizer?");
    CHECK(said({tokens}, {0, -1}).starts_with("lamina: token -1: expected 0 to 10"));
    CHECK(said({foreign}, {0, 0}).starts_with("lamina: token 11: expected 0 to 10"));
    CHECK(said({tokens, {}, 0}, {0, 0}) ==
          "lamina: cached pass: segment 0 stores 6 tokens from row 0 on, but the cache has 3 rows; make it larger");
    CHECK(said({long_text}, {0, 0}) ==
          "lamina: cached pass: segment 0 ends after 7 tokens, expected at most 6, the context of the model");
}
