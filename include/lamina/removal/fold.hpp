// SPDX-License-Identifier: MIT
// fold: a model whose norms are all fixed becomes one that has none, every norm and adapter absorbed by its neighbours.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <lamina/arch/adapter.hpp>
#include <lamina/arch/architecture.hpp>
#include <lamina/arch/precision.hpp>
#include <lamina/arch/trainable.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/nn/absent_norm.hpp>
#include <lamina/nn/fixable_norm.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/host_copies.hpp>
#include <lamina/nn/stand_in.hpp>
#include <lamina/removal/removable_norm.hpp>

namespace lamina {

/// A GPT-2 whose norms can be fixed, so that `fold` takes it. Whether they are all fixed yet is known at run time.
template <class M>
concept Foldable = HasFixableNorms<M>;

namespace detail {

template <Architecture A, class P>
struct FoldedGpt2 {
    using Precision =
        std::conditional_t<std::is_same_v<typename P::Activation, double>, precision::Fp64, precision::Fp32>;
    using type = Gpt2<A, norm::Absent, adapter::None, head::UntiedWithBias, trainable::Everything, Precision,
                      typename P::Recompute, typename P::Device, typename P::ActivationFunction,
                      typename P::AttentionScale, typename P::NormEpsilon>;
};

template <class M>
struct FoldedOf {
    using type = StandInModel<typename FoldedGpt2<M::architecture, typename M::Policies>::type>;
};
template <Foldable M>
struct FoldedOf<M> {
    using type = typename FoldedGpt2<M::architecture, typename M::Policies>::type;
};

/// y = ((x - mean(x)) · scale) + shift, where scale is gain / divisor.
struct FixedAffineNorm {
    std::vector<double> scale;
    std::vector<double> shift;
};

/// Replaces W by (I - 1/C · 11ᵀ) · diag(scale) · W and c by c + shift · W, so that the layer takes the norm's input.
inline void absorb(const FixedAffineNorm& norm, Affine& affine) {
    const auto row = [&](std::size_t i) { return std::span(affine.weight).subspan(i * affine.out, affine.out); };
    std::vector<double> mean(affine.out);
    for (std::size_t i = 0; i < affine.in; ++i) {
        for (std::size_t j = 0; j < affine.out; ++j) {
            affine.bias[j] += norm.shift[i] * row(i)[j];
            row(i)[j] *= norm.scale[i];
            mean[j] += row(i)[j] / static_cast<double>(affine.in);
        }
    }
    for (std::size_t i = 0; i < affine.in; ++i) {
        for (std::size_t j = 0; j < affine.out; ++j) row(i)[j] -= mean[j];
    }
}

/// The same for a head, whose rows belong to tokens: logits = W·x + c.
inline void absorb(const FixedAffineNorm& norm, std::span<double> head_rows, std::span<double> bias) {
    const std::size_t width = norm.scale.size();
    for (std::size_t v = 0; v < bias.size(); ++v) {
        const std::span<double> row = head_rows.subspan(v * width, width);
        double mean = 0;
        for (std::size_t i = 0; i < width; ++i) {
            bias[v] += norm.shift[i] * row[i];
            row[i] *= norm.scale[i];
            mean += row[i] / static_cast<double>(width);
        }
        for (double& weight : row) weight -= mean;
    }
}

template <class M>
class Folding {
    using P = typename M::Policies;
    using Folded = typename FoldedOf<M>::type;
    static constexpr Architecture A = M::architecture;

public:
    explicit Folding(M& model) : from_(model), copies_(model.backend()) {}

    [[nodiscard]] Folded run() {
        Folded to(from_.backend());
        auto& source = from_.layers();
        auto& target = to.layers();
        copy(source.token_table, target.token_table);
        copy(source.position_table, target.position_table);
        for (std::size_t i = 0; i < A.layers; ++i) fold_block(source.blocks[i], target.blocks[i]);
        fold_head(source, target);
        to.parameters_changed();
        return to;
    }

private:
    template <class Source, class Target>
    void copy(const Source& source, Target& target) const {
        from_.backend().run(Convert(target.values, source.values));
    }

    template <class Source, class Target>
    void fold_block(Source& source, Target& target) const {
        auto& attention = source.template get<0>().inner;
        auto& folded_attention = target.template get<0>().inner.inner;
        fold_linear(attention.norm, attention.inner.c_attn, folded_attention.c_attn);
        move_linear(attention.inner.c_proj, folded_attention.c_proj);

        auto& mlp = source.template get<1>().inner;
        auto& folded_mlp = target.template get<1>().inner.inner;
        fold_linear(mlp.norm, mlp.inner.c_fc, folded_mlp.c_fc);
        move_linear(mlp.inner.c_proj, folded_mlp.c_proj);
    }

    template <class Norm>
    [[nodiscard]] FixedAffineNorm read_norm(const Norm& norm) const {
        FixedAffineNorm result{copies_.read(norm.gain.values.data, Norm::in),
                               copies_.read(norm.bias.values.data, Norm::in)};
        for (double& gain : result.scale) gain /= norm.constant();
        return result;
    }

    template <class Norm, class Source, class Target>
    void fold_linear(const Norm& norm, const Source& source, Target& target) const {
        Affine affine = copies_.template read_linear<P>(source);
        absorb(read_norm(norm), affine);
        copies_.write_linear(affine, target);
    }

    template <class Source, class Target>
    void move_linear(const Source& source, Target& target) const {
        copies_.write_linear(copies_.template read_linear<P>(source), target);
    }

    template <class Source, class Target>
    void fold_head(const Source& source, Target& target) const {
        const FixedAffineNorm norm = read_norm(source.final_norm);
        const auto* const weight = [&] {
            if constexpr (P::Head::own_weight) {
                return source.head_weight.weight.values.data;
            } else {
                return source.token_table.values.data;
            }
        }();
        for_chunks_of_rows(A.vocab, A.embed, [&](std::size_t first, std::size_t count) {
            std::vector<double> rows = copies_.read(weight + first * A.embed, count * A.embed);
            std::vector<double> bias(count);
            if constexpr (P::Head::own_bias) bias = copies_.read(source.head_bias.bias.values.data + first, count);
            absorb(norm, rows, bias);
            copies_.write(rows, target.head_weight.weight.values.data + first * A.embed);
            copies_.write(bias, target.head_bias.bias.values.data + first);
        });
    }

    /// Tables of a whole vocabulary in double would be larger than a small model.
    template <class F>
    static void for_chunks_of_rows(std::size_t rows, std::size_t cols, const F& f) {
        const std::size_t step = std::max<std::size_t>(1, (std::size_t{1} << 20U) / cols);
        for (std::size_t first = 0; first < rows; first += step) f(first, std::min(step, rows - first));
    }

    M& from_;
    HostCopies<typename M::Backend> copies_;
};

}  // namespace detail

/// What `fold` makes of a model: the same architecture with norm::Absent, adapter::None and head::UntiedWithBias, in
/// Fp32 (Fp64 if the model computes in double), everything trainable.
template <class M>
using Folded = typename detail::FoldedOf<M>::type;

/// Turns a model whose norms are all fixed into one without norms or adapters that gives the same logits.
///
/// Per norm and the layer after it, with (x - mean(x)) / s · g + b followed by x·W + c and E = W + scale·A·B:
///     W' = (I - 1/C · 11ᵀ) · diag(g / s) · E,   c' = c + b·E
/// and E, c for the layers behind no norm. The last norm goes into a head of the model's own, [V, C] and a bias [V].
///
/// scalars  in double, but for A·B, which the backend forms as the model would; rounded once to what is stored
/// errors   ArgumentError that names the first norm that still measures, treats the first position or end-of-text
///          tokens apart, or divides by no positive number; the model is then whole. Otherwise it is given up.
/// memory   the folded model beside the model, and one layer in double
/// cost     2·In·R·Out multiply-adds per adapter, once
/// source   docs/design.md, "Typestate"; docs/method.md, "Norms" for what a fixed norm computes
template <class M>
Folded<std::remove_reference_t<M>> fold(M&& model) {
    using Model = std::remove_reference_t<M>;
    static_assert(
        Foldable<Model> || detail::StandsIn<Model>,
        "lamina: fold: the model may still contain a LayerNorm, or a norm that no constant can replace; use a "
        "Gpt2 with norm::Removable or norm::FixedStd");
    static_assert(!Foldable<Model> || !std::is_reference_v<M>,
                  "lamina: fold: the model is given up for the folded one; write fold(std::move(model))");
    if constexpr (Foldable<Model>) {
        static_assert(!contains_layer_norm<Folded<Model>>);
        require_fixed_norms(model, "fold");
        Folded<Model> folded = detail::Folding<Model>(model).run();
        const Model given_up = std::move(model);
        return folded;
    } else {
        return Folded<Model>(model.backend());
    }
}

}  // namespace lamina
