// SPDX-License-Identifier: MIT
// The contract between layers and devices: every numeric operation that layers and optimisers ask of a backend.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <lamina/core/bfloat16.hpp>
#include <lamina/core/matrix_view.hpp>
#include <lamina/core/token.hpp>
#include <lamina/core/tokens.hpp>

namespace lamina {

/// The scalar in which values stored as `T` are computed: double for double, float for everything else.
template <class T>
using ComputeOf = std::conditional_t<std::is_same_v<std::remove_const_t<T>, double>, double, float>;

enum class Transpose { no, yes };
enum class Write { overwrite, accumulate };
/// Whether the mean over features is subtracted before scaling.
enum class Centre { no, yes };
/// Whether the divisor was measured on the rows themselves, so that the gradient flows through it, or is a constant.
enum class Divisor { live, fixed };

// Conventions that hold for every operation below
//
// scalars   stored types are float, double or bf16; every sum is made in ComputeOf the output type and rounded once
// aliasing  an output must not overlap an input unless the operation says so
// order     every result is a function of the inputs and the number of threads alone: run twice, the bits agree
// sizes     zero rows or columns are legal and do nothing (an overwritten output with an empty sum becomes 0)
// memory    scratch belongs to the backend, and lamina's own does not grow once a shape has been seen; the library
//           behind a matrix product may allocate for itself
// errors    wrong shapes are a caller's bug: LAMINA_EXPECTS; an exception, lamina::Error or the library's own, means
//           that memory ran out or that the library or device behind the operation failed
// optional  a pointer or view that may be empty says so

/// What `matmul` does besides multiplying.
struct MatmulOptions {
    Transpose lhs_as = Transpose::no;
    Transpose rhs_as = Transpose::no;
    Write write = Write::overwrite;
};

/// z = scale · lhs · rhs + bias + base; out = z, or, with `pre_activation`, pre_activation = z and out = gelu(z), the
/// tanh form (core/gelu.hpp) of z as it is stored.
///
/// shapes   lhs [M, K], rhs [K, N], out, base, pre_activation [M, N], bias [N]
/// optional bias, base, pre_activation
/// aliasing base may be out
template <class Out, class Lhs, class Rhs, class Bias, class Base = Out>
struct AffineProduct {
    MatrixView<Out> out;
    MatrixView<const Lhs> lhs;
    MatrixView<const Rhs> rhs;
    const Bias* bias = nullptr;
    MatrixView<const Base> base{};
    double scale = 1;
    MatrixView<Out> pre_activation{};
};

/// out = [out +] lhs · rhsᵀ, as `write` says, times the derivative of gelu at pre_activation.
///
/// shapes   lhs [M, K], rhs [N, K], out, pre_activation [M, N]
template <class Out, class Lhs, class Rhs>
struct GeluBackwardProduct {
    MatrixView<Out> out;
    MatrixView<const Lhs> lhs;
    MatrixView<const Rhs> rhs;
    MatrixView<const Out> pre_activation;
    Write write = Write::overwrite;
};

/// mean[n] = mean over c of x[n,c] (0 with Centre::no);
/// deviation[n] = sqrt(mean over c of (x[n,c] - mean[n])² + epsilon).
///
/// shapes   x [N, C] -> mean [N], deviation [N]
/// optional deviation
/// source   Ba et al. 2016, equation 4; Zhang & Sennrich 2019 for Centre::no (reference 2.3, 5.2)
template <class T>
struct RowMoments {
    MatrixView<const T> x;
    ComputeOf<T>* mean;
    ComputeOf<T>* deviation;
    double epsilon;
    Centre centre = Centre::yes;
};

/// y[n,c] = (x[n,c] - mean[n]) / divisor[n] * gain[c] + bias[c].
///
/// shapes   x, y [N, C]; mean, divisor [N]; gain, bias [C]
/// optional bias
template <class T, class Weight, class Out = T>
struct Normalise {
    MatrixView<const T> x;
    MatrixView<Out> y;
    const ComputeOf<T>* mean;
    const ComputeOf<T>* divisor;
    const Weight* gain;
    const Weight* bias = nullptr;
};

/// `RowMoments` and `Normalise` at once: mean and deviation are written, and y divides by `divisor` where it is given,
/// else by the deviation.
///
/// shapes   x, y [N, C]; mean, deviation, divisor [N]; gain, bias [C]
/// optional bias; divisor; deviation where divisor is given
template <class T, class Weight, class Out = T>
struct NormaliseRows {
    MatrixView<const T> x;
    MatrixView<Out> y;
    ComputeOf<T>* mean;
    ComputeOf<T>* deviation = nullptr;
    const ComputeOf<T>* divisor = nullptr;
    const Weight* gain;
    const Weight* bias = nullptr;
    double epsilon = 0;
    Centre centre = Centre::yes;
};

/// The backward of `Normalise`, with g = d_y · gain and x̂ = (x - mean) / divisor:
/// Divisor::live    d_x = (g - [mean(g)] - x̂ · mean(g · x̂)) / divisor
/// Divisor::fixed   d_x = (g - [mean(g)]) / divisor
/// where [mean(g)] is subtracted with Centre::yes only. With Divisor::fixed the elements of x, and mean, are read for
/// d_gain only.
///
/// shapes   x, d_y, d_x [N, C]; mean, divisor [N]; gain, d_gain, d_bias [C]
/// writes   d_x as `write` says, plus `base` where that is given; adds Σ_n d_y · x̂ to d_gain and Σ_n d_y to d_bias
/// optional d_x, d_gain, d_bias, base [N, C]
/// aliasing base may be d_x, which with Write::overwrite is to accumulate
/// source   reference 2.3
template <class T, class Weight, class Gradient, class Out = T>
struct NormaliseBackward {
    MatrixView<const T> x;
    const ComputeOf<T>* mean;
    const ComputeOf<T>* divisor;
    const Weight* gain;
    MatrixView<const Out> d_y;
    MatrixView<T> d_x;
    Gradient* d_gain = nullptr;
    Gradient* d_bias = nullptr;
    Centre centre = Centre::yes;
    Divisor statistics = Divisor::live;
    Write write = Write::overwrite;
    MatrixView<const T> base{};
};

/// divisor[n] = first_position where n is the first token of its sequence, else end_of_text where ids[n] is
/// `end_of_text_id`, else ordinary.
///
/// shapes   ids, divisor, positions [B·T]
/// optional positions: the place of each token in its sequence, n mod T without them
template <class Compute>
struct DivisorRows {
    const Token* ids;
    Extent extent;
    Compute* divisor;
    double ordinary;
    double first_position;
    double end_of_text;
    Token end_of_text_id;
    const std::size_t* positions = nullptr;
};

/// Which positions an average is taken over.
enum class Positions { all, after_first, first };

/// *mean = the mean of a [B·T] vector over the positions that are counted, 0 when none is; in double.
///
/// shapes   values [B·T]; mean, one scalar, in the backend's memory
/// writes   mean overwritten
template <class Compute>
struct MeanOverTokens {
    const Compute* values;
    Extent extent;
    Positions positions;
    double* mean;
};

/// out[n] = token_table[ids[n]] + position_table[positions[n]].
///
/// shapes   ids, positions [B·T], token_table [V, C], position_table [≥ T, C], out [B·T, C]
/// optional positions: n mod T without them
/// errors   LAMINA_EXPECTS every id in [0, V) and every position in the table
template <class T, class Weight>
struct Embed {
    const Token* ids;
    Extent extent;
    MatrixView<const Weight> token_table;
    MatrixView<const Weight> position_table;
    MatrixView<T> out;
    const std::size_t* positions = nullptr;
};

/// d_token_table[ids[n]] += d_out[n] and d_position_table[n mod T] += d_out[n], in the order of n.
template <class T, class Gradient>
struct EmbedBackward {
    const Token* ids;
    Extent extent;
    MatrixView<const T> d_out;
    MatrixView<Gradient> d_token_table;
    MatrixView<Gradient> d_position_table;
};

/// Causal multi-head attention, never forming a T × T matrix in memory:
/// out_h[t] = Σ_{s ≤ t} softmax_s(q_h[t] · k_h[s] / sqrt(D)) v_h[s] per head h, D = C / H; heads are adjacent columns.
///
/// shapes   qkv [B·T, 3C] (queries | keys | values), out [B·T, C], log_sum_exp [B·T, H]
/// writes   out and log_sum_exp (the natural logarithm of each row's softmax denominator) overwritten
/// source   Dao 2023 for the blocked softmax; reference 2.3 for the layout
template <class T>
struct Attention {
    Extent extent;
    std::size_t heads;
    MatrixView<const T> qkv;
    MatrixView<T> out;
    MatrixView<ComputeOf<T>> log_sum_exp;
};

/// The backward of `Attention`; probabilities are computed again from `log_sum_exp`.
///
/// shapes   as in Attention; d_out [B·T, C], d_qkv [B·T, 3C] overwritten
template <class T>
struct AttentionBackward {
    Extent extent;
    std::size_t heads;
    MatrixView<const T> qkv;
    MatrixView<const T> out;
    MatrixView<const ComputeOf<T>> log_sum_exp;
    MatrixView<const T> d_out;
    MatrixView<T> d_qkv;
};

/// Some rows of a packed batch, which are consecutive tokens of one sequence, and where in a cache the keys and values
/// of the tokens before them lie, and theirs shall.
struct PackedSegment {
    static constexpr std::size_t not_stored = static_cast<std::size_t>(-1);

    std::size_t first;                     ///< row of the batch
    std::size_t count;                     ///< rows of the batch
    std::size_t prefix_first = 0;          ///< row of the cache
    std::size_t prefix_count = 0;          ///< rows of the cache; 0 where the sequence begins here
    std::size_t store_first = not_stored;  ///< row of the cache
};

/// `Attention` for packed segments of any lengths, each continuing a sequence whose earlier keys and values are cached:
/// out_h[n] = Σ_s softmax_s(q_h[n] · k_h[s] / sqrt(D)) v_h[s] over the prefix of n's segment in `keys` and `values`,
/// and the rows of qkv from the segment's first to n.
///
/// shapes   segments [S], on the host; qkv [N, 3C] (queries | keys | values), keys, values [R, C], out [N, C]
/// writes   out overwritten, in the rows of segments; keys and values are only read
/// errors   LAMINA_EXPECTS every segment within qkv and its prefix within the cache
/// source   Dao 2023 for the blocked softmax; reference 2.3 for the layout
template <class T>
struct CachedAttention {
    const PackedSegment* segments;
    std::size_t segment_count;
    std::size_t heads;
    MatrixView<const T> qkv;
    MatrixView<const T> keys;
    MatrixView<const T> values;
    MatrixView<T> out;
};

/// keys[store_first + i] and values[store_first + i] become those of row first + i of qkv, for i in [0, count) of every
/// segment that is stored.
///
/// shapes   segments [S], on the host; qkv [N, 3C] (queries | keys | values), keys, values [R, C]
/// writes   the rows of keys and values that segments name, no row twice; others are left alone
/// errors   LAMINA_EXPECTS every segment within qkv and where it is stored within the cache
template <class T>
struct StoreKeysValues {
    const PackedSegment* segments;
    std::size_t segment_count;
    MatrixView<const T> qkv;
    MatrixView<T> keys;
    MatrixView<T> values;
};

/// What `softmax_cross_entropy` leaves in the logits.
enum class Logits { keep, become_gradient };

/// losses[n] = log Σ_v exp(logits[n,v]) - logits[n, targets[n]]; with Logits::become_gradient the logits are then
/// overwritten with scale · (softmax(logits[n]) - one_hot(targets[n])), or, where `d_logits` is given, that is.
///
/// shapes   logits, d_logits [N, V], targets, losses [N]
/// optional d_logits
/// errors   LAMINA_EXPECTS every target in [0, V)
template <class Compute, class Out = Compute>
struct SoftmaxCrossEntropy {
    MatrixView<Compute> logits;
    const Token* targets;
    Compute* losses;
    double scale = 1;
    Logits logits_after = Logits::become_gradient;
    MatrixView<Out> d_logits{};
};

/// d_x[n,c] += scale · 2 (s[n] - target) · (x[n,c] - mean[n]) / (C · s[n]),
/// the gradient of scale · Σ_n (s[n] - target)², where s is RowMoments' deviation.
///
/// shapes   x, d_x [N, C]; mean, deviation [N]
/// source   reference 5.5
template <class T>
struct DeviationPenaltyBackward {
    MatrixView<const T> x;
    const ComputeOf<T>* mean;
    const ComputeOf<T>* deviation;
    MatrixView<T> d_x;
    double target;
    double scale;
};

/// One AdamW update of `count` parameters, decay decoupled, `update` counted from 1:
/// p -= rate·decay·p; m = beta1·m + (1-beta1)·s·g; v = beta2·v + (1-beta2)·(s·g)²;
/// p -= rate · (m / (1 - beta1^update)) / (sqrt(v / (1 - beta2^update)) + epsilon), where s = gradient_scale.
///
/// writes   parameter, first_moment, second_moment in place
/// source   Loshchilov & Hutter 2019; reference 7.1
template <class Parameter, class Gradient, class Moment>
struct AdamWUpdate {
    std::size_t count;
    Parameter* parameter;
    const Gradient* gradient;
    Moment* first_moment;
    Moment* second_moment;
    double rate;
    double beta1;
    double beta2;
    double epsilon;
    double decay;
    double gradient_scale;
    std::size_t update;
};

namespace detail {

struct Negate {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T value) const {
        return -value;
    }
};

struct NoWork {
    void operator()() const {}
};

/// Whether an optional operand of an output is left out or has its shape, for the checks of backends.
template <class T, class U>
[[nodiscard]] bool absent_or_shaped_like(const MatrixView<T>& view, const MatrixView<U>& out) {
    return view.empty() || (view.rows == out.rows && view.cols == out.cols);
}

}  // namespace detail

/// A device that lamina's layers can run on. Besides the requests above, each a member function of its snake_case name:
///
/// Memory allocate(bytes)                zeroed, 64-byte aligned, freed by its owner; `.data()`, `.size()`
/// upload(dst, src, bytes)               from the host to the device; finished when it returns
/// download(dst, src, bytes)             from the device to the host; finished when it returns
/// fill(out, value)                      out[r,c] = value
/// convert(out, in)                      out[r,c] = in[r,c], rounded to out's type
/// matmul(out, lhs, rhs, options)        out (+)= op(lhs) · op(rhs)
/// map(out, f, in...)                    out[r,c] = f(in[r,c]...), f called on ComputeOf values; out may be one of in
/// sum_rows(out, write, f, in...)        out[0,c] (+)= Σ_r f(in[r,c]...); out has one row
/// gather_rows(out, in, rows)            out[i] = in[rows[i]]
/// scatter_rows(out, in, rows)           out[rows[i]] = in[i], rows distinct; other rows of out are left alone
/// row_multiple                          a constant: products whose number of rows a batch decides are given rows up to
///                                       the next multiple, so that a backend which settles something for every shape
///                                       meets few of them; 1 where more rows are only more work
/// logits_rows                           a constant: rows of logits that exist at the same time, a multiple of
///                                       row_multiple. Each is as wide as the vocabulary: as few as keep a device busy
/// double sum_of_squares(view)           in double; not finite if any element is not
/// replay(key, enqueue)                  calls enqueue(), or repeats the operations that it queued when it was last
///                                       called with an equal key
///
/// The key of `replay` is a span of 64-bit words. For equal keys `enqueue` must queue the same operations with the same
/// arguments, and the memory that they name must still be there. It must not allocate, upload or download, nor call
/// what returns a number or reads segments; what else it does on the host may not happen again. What it throws passes
/// through, and nothing is then kept.
///
/// A broadcast operand of `map` and `sum_rows` has stride 0. Functors are trivially copyable and can be called on the
/// device.
template <class B>
concept Backend = requires(B& backend, MatrixView<float> out, MatrixView<const float> in, MatrixView<const bf16> weight,
                           const float* bias, const std::size_t* rows, const Token* ids, float* host, double* mean,
                           std::size_t bytes, std::span<const std::uint64_t> key) {
    typename B::Memory;
    requires(B::row_multiple > 0 && B::logits_rows > 0 && B::logits_rows % B::row_multiple == 0);
    { backend.allocate(bytes) } -> std::same_as<typename B::Memory>;
    backend.upload(out.data, host, bytes);
    backend.download(host, in.data, bytes);
    backend.fill(out, 0.0F);
    backend.convert(out, weight);
    backend.matmul(out, in, weight, MatmulOptions{});
    backend.affine_product(AffineProduct<float, float, bf16, float>{out, in, weight, bias});
    backend.matmul_gelu_backward(GeluBackwardProduct<float, float, bf16>{out, in, weight, in});
    backend.map(out, detail::Negate{}, in);
    backend.sum_rows(out, Write::accumulate, detail::Negate{}, in);
    backend.gather_rows(out, in, rows);
    backend.scatter_rows(out, in, rows);
    backend.row_moments(RowMoments<float>{.x = in, .mean = host, .deviation = host, .epsilon = 0});
    backend.normalise(Normalise<float, float>{in, out, host, host, bias});
    backend.normalise_rows(
        NormaliseRows<float, float>{.x = in, .y = out, .mean = host, .deviation = host, .gain = bias});
    backend.normalise_backward(NormaliseBackward<float, float, float>{in, host, host, bias, in, out});
    backend.divisor_rows(DivisorRows<float>{ids, Extent{}, host, 1, 1, 1, 0});
    backend.mean_over_tokens(MeanOverTokens<float>{bias, Extent{}, Positions::all, mean});
    backend.embed(Embed<float, float>{ids, Extent{}, in, in, out});
    backend.embed_backward(EmbedBackward<float, float>{ids, Extent{}, in, out, out});
    backend.attention(Attention<float>{Extent{}, 1, in, out, out});
    backend.attention_backward(AttentionBackward<float>{Extent{}, 1, in, in, in, in, out});
    backend.cached_attention(CachedAttention<float>{nullptr, 0, 1, in, in, in, out});
    backend.store_keys_values(StoreKeysValues<float>{nullptr, 0, in, out, out});
    backend.softmax_cross_entropy(SoftmaxCrossEntropy<float>{out, ids, host});
    backend.deviation_penalty_backward(DeviationPenaltyBackward<float>{in, host, host, out, 0, 1});
    backend.adamw(AdamWUpdate<float, float, float>{});
    { backend.sum_of_squares(in) } -> std::same_as<double>;
    backend.replay(key, detail::NoWork{});
};

}  // namespace lamina
