// SPDX-License-Identifier: MIT
// What only training asks for, as requests: SoftmaxCrossEntropy and AdamWUpdate.
#pragma once

#include <cstddef>

#include <lamina/backend/request/common.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/token.hpp>

namespace lamina {

/// What `SoftmaxCrossEntropy` leaves in the logits.
enum class Logits { keep, become_gradient };

/// losses[n] = log Σ_v exp(logits[n,v]) - logits[n, targets[n]]; with Logits::become_gradient the logits are then
/// overwritten with scale · (softmax(logits[n]) - one_hot(targets[n])), or, where `d_logits` is given, that is, its
/// columns beyond V with 0.
///
/// shapes   logits [N, V], d_logits [N, ≥ V], targets, losses [N]
/// optional d_logits
/// errors   LAMINA_EXPECTS every target in [0, V)
template <class Compute, class Out = Compute>
struct SoftmaxCrossEntropy {
    Rows<Compute> logits;
    Rows<const Token, 1> targets;
    Rows<Compute, 1> losses;
    double scale = 1;
    Logits logits_after = Logits::become_gradient;
    Rows<Out> d_logits{};

    [[nodiscard]] constexpr const SoftmaxCrossEntropy& erased() const { return *this; }
    constexpr void check() const {
        LAMINA_EXPECTS(d_logits.empty() || (d_logits.rows == logits.rows && d_logits.cols >= logits.cols),
                       "SoftmaxCrossEntropy: d_logits of another number of rows, or of fewer columns, than the logits");
        LAMINA_EXPECTS(detail::one_per_row(targets, logits.rows) && detail::one_per_row(losses, logits.rows),
                       "SoftmaxCrossEntropy: targets and losses need a number per row of logits");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const {
        const double forward = detail::bytes_of(logits, targets, losses);
        if (logits_after == Logits::keep) return forward;
        return forward + (d_logits.empty() ? detail::bytes_of(logits) : detail::bytes_of(d_logits));
    }
};

/// One AdamW update of some parameters, decay decoupled, `update` counted from 1:
/// p -= rate·decay·p; m = beta1·m + (1-beta1)·s·g; v = beta2·v + (1-beta2)·(s·g)²;
/// p -= rate · (m / (1 - beta1^update)) / (sqrt(v / (1 - beta2^update)) + epsilon), where s = gradient_scale.
///
/// shapes   all of one shape, without gaps
/// writes   parameter, first_moment, second_moment in place
/// source   Loshchilov & Hutter 2019; docs/method.md, "AdamW"
template <class Parameter, class Gradient, class Moment>
struct AdamWUpdate {
    Rows<Parameter> parameter;
    Rows<const Gradient> gradient;
    Rows<Moment> first_moment;
    Rows<Moment> second_moment;
    double rate;
    double beta1;
    double beta2;
    double epsilon;
    double decay;
    double gradient_scale;
    std::size_t update;

    [[nodiscard]] constexpr const AdamWUpdate& erased() const { return *this; }
    constexpr void check() const {
        LAMINA_EXPECTS(detail::same_shape(parameter, gradient) && detail::same_shape(parameter, first_moment) &&
                           detail::same_shape(parameter, second_moment),
                       "AdamWUpdate: parameter, gradient and moments of different shapes");
        LAMINA_EXPECTS(
            parameter.contiguous() && gradient.contiguous() && first_moment.contiguous() && second_moment.contiguous(),
            "AdamWUpdate: a view with gaps between its rows");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const {
        return detail::bytes_of(gradient) + 2 * detail::bytes_of(parameter, first_moment, second_moment);
    }
};

}  // namespace lamina
