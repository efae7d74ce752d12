// SPDX-License-Identifier: MIT
// Causal attention forward and backward as plain loops in double, with the error that each result may have.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/tolerance.hpp"

namespace lamina_tests::conformance {

struct AttentionShape {
    Extent extent;
    std::size_t heads;
    std::size_t head_width;

    [[nodiscard]] std::size_t embed() const { return heads * head_width; }
};

/// The scores of one query against the keys up to its own position.
struct Scores {
    std::vector<double> values;
    double largest_magnitude = 0;  ///< of Σ |q · k| / sqrt(D): what the rounding of a score is relative to
};

/// One head of one sequence of [B·T, 3C] queries, keys and values.
struct HeadOfSequence {
    const Grid& qkv;
    const AttentionShape& shape;
    std::size_t sequence;
    std::size_t head;

    [[nodiscard]] std::size_t row(std::size_t t) const { return sequence * shape.extent.sequence + t; }
    [[nodiscard]] std::size_t col(std::size_t part, std::size_t d) const {
        return part * shape.embed() + head * shape.head_width + d;
    }
    [[nodiscard]] double q(std::size_t t, std::size_t d) const { return qkv(row(t), col(0, d)); }
    [[nodiscard]] double k(std::size_t t, std::size_t d) const { return qkv(row(t), col(1, d)); }
    [[nodiscard]] double v(std::size_t t, std::size_t d) const { return qkv(row(t), col(2, d)); }
    [[nodiscard]] double scale() const { return 1 / std::sqrt(static_cast<double>(shape.head_width)); }

    [[nodiscard]] Scores scores(std::size_t t) const {
        Scores scores;
        for (std::size_t s = 0; s <= t; ++s) {
            Sum sum;
            for (std::size_t d = 0; d < shape.head_width; ++d) sum.add(q(t, d) * k(s, d) * scale());
            scores.values.push_back(sum.value);
            scores.largest_magnitude = std::max(scores.largest_magnitude, sum.magnitude);
        }
        return scores;
    }
};

template <class F>
void for_each_head(const AttentionShape& shape, const Grid& qkv, const F& f) {
    for (std::size_t b = 0; b < shape.extent.batch; ++b) {
        for (std::size_t h = 0; h < shape.heads; ++h) f(HeadOfSequence{qkv, shape, b, h});
    }
}

/// The relative error of exp(score - x): the absolute error of the exponent. A score is a sum of D products, and is
/// rounded again when x, which is no larger, is subtracted.
template <class T>
[[nodiscard]] double probability_error(const AttentionShape& shape, const Scores& scores) {
    return 2 * sum_error<T>(shape.head_width) * (1 + scores.largest_magnitude);
}

struct AttentionOutputs {
    Expected out;
    Expected log_sum_exp;
};

/// `probability_roundoff`: the relative error of each probability in the product with the values, beyond compute
/// precision. Terms that are each off by so much of themselves are off by so much of the sum of their magnitudes.
template <class T>
[[nodiscard]] AttentionOutputs reference_attention(const AttentionShape& shape, const Grid& qkv,
                                                   double probability_roundoff = 0) {
    AttentionOutputs outputs{Expected(qkv.rows, shape.embed()), Expected(qkv.rows, shape.heads)};
    for_each_head(shape, qkv, [&](const HeadOfSequence& head) {
        for (std::size_t t = 0; t < shape.extent.sequence; ++t) {
            const Scores scores = head.scores(t);
            const double largest = *std::max_element(scores.values.begin(), scores.values.end());
            double denominator = 0;
            for (const double score : scores.values) denominator += std::exp(score - largest);
            const double log_sum_exp = largest + std::log(denominator);
            const double error = probability_error<T>(shape, scores) + sum_error<T>(t + 1);
            outputs.log_sum_exp.value(head.row(t), head.head) = log_sum_exp;
            outputs.log_sum_exp.bound(head.row(t), head.head) =
                rounded_once<ComputeOf<T>>(log_sum_exp, error + sum_error<T>(1) * std::abs(log_sum_exp));
            for (std::size_t d = 0; d < shape.head_width; ++d) {
                Sum sum;
                for (std::size_t s = 0; s <= t; ++s) sum.add(std::exp(scores.values[s] - log_sum_exp) * head.v(s, d));
                const std::size_t col = head.col(0, d);
                outputs.out.value(head.row(t), col) = sum.value;
                // Once for the numerator, once for the denominator.
                const double each = 2 * error + probability_roundoff * (1 + 2 * error);
                outputs.out.bound(head.row(t), col) = rounded_once<T>(sum.value, each * sum.magnitude);
            }
        }
    });
    return outputs;
}

/// d_qkv for given outputs of the forward pass. `probability_roundoff`: as in `reference_attention`, also for the
/// gradients of the scores in the products with queries and keys.
template <class T>
[[nodiscard]] Expected reference_attention_backward(const AttentionShape& shape, const Grid& qkv, const Grid& out,
                                                    const Grid& log_sum_exp, const Grid& d_out,
                                                    double probability_roundoff = 0) {
    Expected d_qkv(qkv.rows, qkv.cols);  // `bound` collects the errors of the sums first
    for_each_head(shape, qkv, [&](const HeadOfSequence& head) {
        const auto add = [&](std::size_t part, std::size_t t, std::size_t d, double term, double error) {
            d_qkv.value(head.row(t), head.col(part, d)) += term;
            d_qkv.bound(head.row(t), head.col(part, d)) += error;
        };
        for (std::size_t t = 0; t < shape.extent.sequence; ++t) {
            const Scores scores = head.scores(t);
            const double lse = log_sum_exp(head.row(t), head.head);
            const double error = probability_error<T>(shape, scores) + sum_error<T>(1) * std::abs(lse) +
                                 sum_error<T>(shape.extent.sequence) + sum_error<T>(shape.head_width);
            const auto d_o = [&](std::size_t d) { return d_out(head.row(t), head.col(0, d)); };
            Sum delta;
            for (std::size_t d = 0; d < shape.head_width; ++d) delta.add(d_o(d) * out(head.row(t), head.col(0, d)));
            for (std::size_t s = 0; s <= t; ++s) {
                const double probability = std::exp(scores.values[s] - lse);
                Sum d_probability;
                for (std::size_t d = 0; d < shape.head_width; ++d) d_probability.add(d_o(d) * head.v(s, d));
                const double d_score = probability * (d_probability.value - delta.value) * head.scale();
                const double compute_error =
                    error * probability * (d_probability.magnitude + delta.magnitude) * head.scale();
                const double d_score_error = compute_error + probability_roundoff * (std::abs(d_score) + compute_error);
                const double d_value_error = error + probability_roundoff * (1 + error);
                for (std::size_t d = 0; d < shape.head_width; ++d) {
                    add(0, t, d, d_score * head.k(s, d), d_score_error * std::abs(head.k(s, d)));
                    add(1, s, d, d_score * head.q(t, d), d_score_error * std::abs(head.q(t, d)));
                    add(2, s, d, probability * d_o(d), d_value_error * probability * std::abs(d_o(d)));
                }
            }
        }
    });
    for (std::size_t i = 0; i < d_qkv.value.values.size(); ++i) {
        d_qkv.bound.values[i] = rounded_once<T>(d_qkv.value.values[i], d_qkv.bound.values[i]);
    }
    return d_qkv;
}

}  // namespace lamina_tests::conformance
