// SPDX-License-Identifier: MIT
// score and logits: what a model says of tokens in packed sequences, those that share a beginning computed once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <lamina/backend/contract.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>
#include <lamina/nn/detail/download_rows.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/run/detail/packed_pass.hpp>
#include <lamina/nn/run/key_value_cache.hpp>
#include <lamina/nn/run/segment.hpp>

namespace lamina {

namespace detail {

inline void check_row(std::size_t row, std::size_t tokens) {
    if (row < tokens) return;
    throw ArgumentError("lamina: cached pass: row " + std::to_string(row) + " is wanted, expected one of the " +
                        std::to_string(tokens) + " of the packed batch");
}

/// Sorts what is wanted by row, equal rows in the order given, and lists each row and its first target once.
template <class M, class Lists>
void group_by_row(Lists& lists, std::span<const WantedToken> wanted, std::size_t tokens) {
    auto& [order, rows, firsts, targets, losses] = lists;
    order.clear();
    rows.clear();
    firsts.clear();
    targets.clear();
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        check_row(wanted[i].row, tokens);
        M::check_token(wanted[i].target);
        order.push_back(i);
    }
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return wanted[a].row != wanted[b].row ? wanted[a].row < wanted[b].row : a < b;
    });
    for (std::size_t i = 0; i < order.size(); ++i) {
        const WantedToken& next = wanted[order[i]];
        if (!rows.empty() && rows.back() == next.row) continue;
        rows.push_back(next.row);
        firsts.push_back(i);
        targets.push_back(next.target);
    }
    firsts.push_back(order.size());
    losses.resize(std::max(losses.size(), rows.size()));
}

/// One cross-entropy per row; further targets of a row differ from its first by a difference of two logits.
template <class B, class Lists, class Chunk>
void score_chunk(B& backend, Lists& lists, std::span<const WantedToken> wanted, const Chunk& chunk,
                 std::span<double> log_probabilities) {
    using Compute = typename decltype(chunk.logits)::value_type;
    const std::size_t count = chunk.logits.rows;
    backend.upload(chunk.targets.data, lists.targets.data() + chunk.first, count * sizeof(Token));
    backend.run(SoftmaxCrossEntropy<Compute>{
        .logits = chunk.logits, .targets = chunk.targets, .losses = chunk.losses, .logits_after = Logits::keep});
    backend.download(lists.losses.data(), chunk.losses.data, count * sizeof(Compute));
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t first = lists.firsts[chunk.first + i];
        const std::size_t last = lists.firsts[chunk.first + i + 1];
        const auto logit = [&](std::size_t place) {
            Compute value{};
            const auto target = static_cast<std::size_t>(wanted[lists.order[place]].target);
            backend.download(&value, &chunk.logits(i, target), sizeof(Compute));
            return static_cast<double>(value);
        };
        const double of_first = -static_cast<double>(lists.losses[i]);
        log_probabilities[lists.order[first]] = of_first;
        for (std::size_t place = first + 1; place < last; ++place) {
            log_probabilities[lists.order[place]] = of_first + (logit(place) - logit(first));
        }
    }
}

}  // namespace detail

/// log_probabilities[i] = log p(wanted[i].target | the sequence up to and including the token in row wanted[i].row),
/// natural logarithms; and keeps the keys and values of segments in `cache` where they say so.
///
/// shapes   rows of the packed batch are counted over all segments, in their order; wanted in any order, rows may
///          repeat and are then computed once
/// leaves   the states of layers as they are, even of those that evaluations move
/// errors   ArgumentError in one sentence when a segment is empty, is read or stored beyond the last row of the cache,
///          reaches beyond the model's context, or is stored where another is read or stored; for tokens outside the
///          vocabulary; for rows that there are not; and for room for another number of results. Nothing has then been
///          stored
/// memory   the model's activations grow to the largest packed batch, as by `reserve({tokens, 1}, Use::evaluate)`
/// cost     each token of the segments passes through the model once; logits of wanted rows only, as many at a time as
///          the backend's logits_rows
template <LanguageModel M>
void score(M& model, KeyValueCache<M>& cache, std::span<const Segment> segments, std::span<const WantedToken> wanted,
           std::span<double> log_probabilities) {
    if (log_probabilities.size() != wanted.size()) {
        throw ArgumentError("lamina: score: room for " + std::to_string(log_probabilities.size()) +
                            " log-probabilities, expected " + std::to_string(wanted.size()) + ", one per wanted token");
    }
    detail::PackedPass<M>& pass = detail::PackedPassOf::get(cache);
    pass.begin(segments);
    auto& lists = pass.lists();
    detail::group_by_row<M>(lists, wanted, pass.ids().size());
    model.forward_packed(pass, lists.rows, [&](const auto& chunk) {
        detail::score_chunk(model.backend(), lists, wanted, chunk, log_probabilities);
    });
}

/// The same, returned.
template <LanguageModel M>
[[nodiscard]] std::vector<double> score(M& model, KeyValueCache<M>& cache, std::span<const Segment> segments,
                                        std::span<const WantedToken> wanted) {
    std::vector<double> log_probabilities(wanted.size());
    score(model, cache, segments, wanted, std::span<double>(log_probabilities));
    return log_probabilities;
}

/// The logits of some rows of a packed batch, out[i] those of rows[i], on the host. Everything else as `score`, except
/// that a row is computed as often as it is asked for. With no rows it only fills the cache.
///
/// shapes   out [rows, vocab]
template <LanguageModel M>
void logits(M& model, KeyValueCache<M>& cache, std::span<const Segment> segments, std::span<const std::size_t> rows,
            std::span<typename M::Compute> out) {
    constexpr std::size_t vocab = M::architecture.vocab;
    if (out.size() % vocab != 0 || out.size() / vocab != rows.size()) {
        throw ArgumentError("lamina: logits: room for " + std::to_string(out.size()) + " numbers, expected " +
                            std::to_string(vocab) + " for each of " + std::to_string(rows.size()) + " rows");
    }
    detail::PackedPass<M>& pass = detail::PackedPassOf::get(cache);
    pass.begin(segments);
    for (const std::size_t row : rows) detail::check_row(row, pass.ids().size());
    model.forward_packed(pass, rows, [&](const auto& chunk) {
        detail::download_rows(model.backend(), out.data() + chunk.first * vocab, chunk.logits);
    });
}

}  // namespace lamina
